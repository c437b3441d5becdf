"""CoNLL files as they are found: tabs or spaces, two columns or four, IOB1, IOB2 or IOBES."""

from __future__ import annotations

from pathlib import Path

import pytest

from lossbench.data.conll import load_conll, read_conll
from lossbench.data.sentences import to_iob2
from lossbench.errors import DataError

# The first sentence of the CoNLL-2003 shared task's description, in its four columns and its IOB1 tags.
CONLL_2003 = """-DOCSTART- -X- O O

U.N. NNP I-NP I-ORG
official NN I-NP O
Ekeus NNP I-NP I-PER
heads VBZ I-VP O
for IN I-PP O
Baghdad NNP I-NP I-LOC
. . O O

"""


def file(tmp_path: Path, text: str, name: str = "train.conll") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode())
    return path


def many(sentences: int, tag: str = "B-PER", word: str = "Ada") -> str:
    return "".join(f"{word}{n}\t{tag}\nslept\tO\n\n" for n in range(sentences))


def test_four_columns_by_spaces_give_words_and_tags_and_no_docstart(tmp_path: Path) -> None:
    (sentence,) = read_conll(file(tmp_path, CONLL_2003))
    assert sentence.words == ("U.N.", "official", "Ekeus", "heads", "for", "Baghdad", ".")
    assert sentence.tags == ("B-ORG", "O", "B-PER", "O", "O", "B-LOC", "O")


@pytest.mark.parametrize("blank", ["\n", "\t\n", "  \n", "\r\n", "\n\n\t\n"])
def test_lines_of_white_space_end_a_sentence(tmp_path: Path, blank: str) -> None:
    sentences = read_conll(file(tmp_path, f"Ada\tB-PER\n{blank}slept\tO\n{blank}"))
    assert [sentence.words for sentence in sentences] == [("Ada",), ("slept",)]


def test_the_last_sentence_needs_no_blank_line(tmp_path: Path) -> None:
    assert len(read_conll(file(tmp_path, "Ada\tB-PER\n\nslept\tO"))) == 2


def test_windows_line_ends_and_a_byte_order_mark_leave_no_trace(tmp_path: Path) -> None:
    (sentence,) = read_conll(file(tmp_path, "\ufeffAda\tB-PER\r\nslept\tO\r\n\r\n"))
    assert (sentence.words, sentence.tags) == (("Ada", "slept"), ("B-PER", "O"))


@pytest.mark.parametrize("word", ["a\u00a0b", "\u2028", "\u0085", "x\x0by", "\u3000", "\u200b", "New York"])
def test_only_tabs_and_line_feeds_separate_whatever_unicode_thinks(tmp_path: Path, word: str) -> None:
    (sentence,) = read_conll(file(tmp_path, f"{word}\tB-PER\nslept\tO\n"))
    assert sentence.words == (word, "slept")


# The same four entities in each scheme: two of one type side by side, a single word, a long one last.
IOB2 = ("B-PER", "I-PER", "B-PER", "O", "B-LOC", "B-PER", "I-PER", "I-PER")
IOB1 = ("I-PER", "I-PER", "B-PER", "O", "I-LOC", "I-PER", "I-PER", "I-PER")
IOBES = ("B-PER", "E-PER", "S-PER", "O", "S-LOC", "B-PER", "I-PER", "E-PER")
BILOU = ("B-PER", "L-PER", "U-PER", "O", "U-LOC", "B-PER", "I-PER", "L-PER")


@pytest.mark.parametrize("scheme", [IOB2, IOB1, IOBES, BILOU], ids=["IOB2", "IOB1", "IOBES", "BILOU"])
def test_every_scheme_becomes_iob2(scheme: tuple[str, ...]) -> None:
    assert to_iob2([scheme]) == [IOB2]


def test_the_scheme_is_recognised_over_all_sentences_not_one() -> None:
    # The second sentence alone could be IOB2 as well; beside the first it is IOB1 and keeps its meaning.
    assert to_iob2([["I-PER", "O"], ["I-PER", "B-PER"]]) == [("B-PER", "O"), ("B-PER", "B-PER")]


def test_tags_that_no_scheme_explains_are_refused_with_their_line(tmp_path: Path) -> None:
    path = file(tmp_path, "Ada\tB-PER\nslept\tO\n\nin\tO\nGhent\tI-LOC\n")
    with pytest.raises(DataError, match=r"train\.conll, line 5: 'I-LOC' continues no entity"):
        read_conll(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Ada\tB-PER\nslept\n", r"line 2: 1 column\(s\) in 'slept'"),
        ("Ada\tB-PER\n\nslept\tVB\tO\n", r"line 3: 3 column\(s\)"),
        ("Ada NNP B-NP B-PER\nslept O\n", r"line 2: 2 column\(s\).*as many as on the first line"),
        ("Ada\tB-PER\n\tO\n", r"line 2: 2 column\(s\)"),
        ("Ada\tPER\n", r"line 1: 'PER' is not a tag. Expected O, or B-"),
        ("Ada\tB-\n", r"line 1: 'B-' is not a tag"),
        ("Ada\tX-PER\n", r"line 1: 'X-PER' is not a tag"),
    ],
)
def test_a_malformed_line_is_named_with_what_was_expected(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=r"train\.conll, " + message):
        read_conll(file(tmp_path, text))


def test_a_missing_file_is_the_users_to_mend(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.conll cannot be read"):
        load_conll({"path": tmp_path / "nowhere.conll"})


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "old.conll"
    path.write_bytes("Zoë\tB-PER\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"old\.conll is not UTF-8"):
        read_conll(path)


def test_messages_use_the_name_they_are_given(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^the training file, line 1"):
        read_conll(file(tmp_path, "Ada\n"), name="the training file")


def test_without_a_test_file_a_share_is_set_aside_by_the_seed(tmp_path: Path) -> None:
    path = file(tmp_path, many(50))
    corpus = load_conll({"path": path, "test_share": 0.3, "split_seed": 1})
    assert (len(corpus.rest), len(corpus.test), corpus.validation) == (35, 15, None)
    assert sorted([*corpus.rest, *corpus.test], key=str) == sorted(read_conll(path), key=str)
    again, other = (load_conll({"path": path, "test_share": 0.3, "split_seed": seed}) for seed in (1, 2))
    assert again.digest == corpus.digest != other.digest
    assert len(load_conll({"path": path}).test) == 10


def test_files_of_their_own_are_kept_as_they_are(tmp_path: Path) -> None:
    paths = {
        part: file(tmp_path, many(size, word=part), f"{part}.conll")
        for part, size in (("path", 20), ("validation", 11), ("test", 12))
    }
    corpus = load_conll(paths)
    assert list(corpus.test) == read_conll(paths["test"])
    assert list(corpus.validation or ()) == read_conll(paths["validation"])
    assert list(corpus.rest) == read_conll(paths["path"])
    assert corpus.warnings == ()


def test_a_tag_that_only_the_test_part_has_is_warned_of_and_numbered(tmp_path: Path) -> None:
    train, test = file(tmp_path, many(20)), file(tmp_path, many(20, "B-ART", "Guernica"), "test.conll")
    corpus = load_conll({"path": train, "test": test})
    assert corpus.warnings == ("The test part has tags that the training part lacks: B-ART.",)
    assert corpus.tags == ("B-ART", "B-PER", "O")


def test_test_sentences_that_training_shows_too_are_warned_of(tmp_path: Path) -> None:
    train, test = file(tmp_path, many(20)), file(tmp_path, many(15), "test.conll")
    assert load_conll({"path": train, "test": test}).warnings == (
        "15 of 15 test sentences stand word for word in the training part too.",
    )


def test_tags_are_ordered_by_type_with_o_last(tmp_path: Path) -> None:
    corpus = load_conll({"path": file(tmp_path, CONLL_2003 * 20)})
    assert corpus.tags == ("B-LOC", "B-ORG", "B-PER", "O")


def test_too_few_sentences_are_refused(tmp_path: Path) -> None:
    assert len(load_conll({"path": file(tmp_path, many(10))}).rest) == 8
    with pytest.raises(DataError, match=r"has 9 sentence\(s\); at least 10"):
        load_conll({"path": file(tmp_path, many(9))})


def test_a_file_without_entities_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="every word is tagged O"):
        load_conll({"path": file(tmp_path, many(20, "O"))})


@pytest.mark.parametrize("share", [0, 1, -0.2])
def test_a_share_beyond_0_and_1_is_refused(tmp_path: Path, share: float) -> None:
    with pytest.raises(DataError, match="expected a share between 0 and 1"):
        load_conll({"path": file(tmp_path, many(20)), "test_share": share})
