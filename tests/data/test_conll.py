"""CoNLL files as they are found: tabs or spaces, any number of columns, comments, word numbers, any tagging scheme."""

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
BMES = ("B-PER", "E-PER", "S-PER", "O", "S-LOC", "B-PER", "M-PER", "E-PER")
SCHEMES = {"IOB2": IOB2, "IOB1": IOB1, "IOBES": IOBES, "BILOU": BILOU, "BMES": BMES}


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
def test_every_scheme_becomes_iob2(scheme: tuple[str, ...]) -> None:
    assert to_iob2([scheme]) == [IOB2]


def test_plain_types_are_entities_as_long_as_the_type_stays() -> None:
    """By hand, and as Paramopama and GUM write them."""
    plain = ("PER", "PER", "O", "LOC", "PER", "O")
    assert to_iob2([plain]) == [("B-PER", "I-PER", "O", "B-LOC", "B-PER", "O")]


@pytest.mark.parametrize(
    "tags", [("PER", "I-LOC", "O"), ("PER", "LOC"), ("PER", "", "O"), (*map(str, range(200)), "O")]
)
def test_what_may_be_something_else_is_not_read_as_plain_types(tags: tuple[str, ...]) -> None:
    """A mixture, no O at all, a gap, or as many types as there are words."""
    with pytest.raises(DataError, match="is not a tag"):
        to_iob2([tags])


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
        ("Ada\tB-PER\n\nslept\tVB\tO\n", r"line 3: 3 column\(s\).*as many as on the first line"),
        ("Ada\tNNP\tB-PER\n#\tO\n", r"line 2: 2 column\(s\)"),
        ("1\tAda\tB-PER\n2\t\tO\n", r"line 2: column 2, where the word belongs, is empty"),
        ("Ada\tB-PER\tNNP\nslept\tO\tVB\n", r"line 1: 'NNP' is not a tag.*task\.data\.columns=\\\[word,tag,_\\\]"),
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


def test_test_sentences_that_training_shows_too_are_warned_of_from_one_in_a_hundred(tmp_path: Path) -> None:
    train = file(tmp_path, many(20))
    hundred, more = (file(tmp_path, many(1) + many(n, word="Bo"), f"{n}.conll") for n in (99, 100))
    assert load_conll({"path": train, "test": more}).warnings == ()
    assert load_conll({"path": train, "test": hundred}).warnings == (
        "1 of 100 test sentences also appear verbatim in the training part.",
    )


def test_a_test_file_of_which_half_are_training_sentences_is_refused(tmp_path: Path) -> None:
    train = file(tmp_path, many(20))
    half = file(tmp_path, many(10) + many(10, word="Bo"), "half.conll")
    with pytest.raises(
        DataError, match=r"10 of 20 sentences of .*half\.conll also appear verbatim in the training file"
    ):
        load_conll({"path": train, "test": half})
    less = file(tmp_path, many(9) + many(10, word="Bo"), "less.conll")
    assert load_conll({"path": train, "test": less}).warnings == (
        "9 of 19 test sentences also appear verbatim in the training part.",
    )


def test_a_part_that_is_set_aside_shares_no_sentence_with_the_rest(tmp_path: Path) -> None:
    corpus = load_conll({"path": file(tmp_path, many(10) * 4 + many(10, word="Bo"))})
    assert not {sentence.words for sentence in corpus.rest} & {sentence.words for sentence in corpus.test}
    assert len(corpus.test) == 10
    assert corpus.warnings == ()


def test_a_file_of_one_sentence_again_and_again_is_parted_and_says_so(tmp_path: Path) -> None:
    corpus = load_conll({"path": file(tmp_path, many(1) * 20)})
    assert corpus.warnings == ("4 of 4 test sentences also appear verbatim in the training part.",)


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


# Columns ----------------------------------------------------------------------------------------------------------

# The first sentence of GermEval 2014's description: source, number, word, outer and embedded entity.
GERMEVAL = """#\thttp://de.wikipedia.org/wiki/Aufbau\t[2009-10-17]
1\tAufgrund\tO\tO
2\tseiner\tO\tO
3\tBerliner\tB-LOCderiv\tO
4\tTU\tB-ORG\tB-ORG

#\thttp://de.wikipedia.org/wiki/Fu\t[2009-10-17]
1\tFU\tB-ORG\tO
2\tBerlin\tI-ORG\tB-LOC
"""


def words_and_tags(tmp_path: Path, content: str, columns: list[str] | None = None) -> list[tuple[str, str]]:
    read = read_conll(file(tmp_path, content), columns=columns)
    return [pair for sentence in read for pair in zip(sentence.words, sentence.tags, strict=True)]


def test_germeval_gives_words_and_outer_entities_and_says_so(tmp_path: Path) -> None:
    assert words_and_tags(tmp_path, GERMEVAL)[2:] == [
        ("Berliner", "B-LOCderiv"),
        ("TU", "B-ORG"),
        ("FU", "B-ORG"),
        ("Berlin", "I-ORG"),
    ]
    path = file(tmp_path, f"{GERMEVAL}\n" * 10)
    (note,) = [w for w in load_conll({"path": path}).warnings if "columns" in w]
    assert note == (
        f"{path}: words are read from column 2, tags from column 3; column 4 holds tags of the same types (embedded "
        "entities) and is not read. To say it yourself: task.data.columns=\\[_,word,tag,_\\]."
    )


def test_the_user_says_which_columns(tmp_path: Path) -> None:
    for columns in (["_", "word", "_", "tag"], ["...", "word", "_", "tag"], ["n", "Word", "...", "Tag"]):
        assert words_and_tags(tmp_path, GERMEVAL, columns)[-2:] == [("FU", "O"), ("Berlin", "B-LOC")]


@pytest.mark.parametrize("first", [0, 1], ids=["from 0", "from 1"])
def test_numbers_of_words_are_not_the_words(tmp_path: Path, first: int) -> None:
    sentence = f"{first}\tAda\tNNP\tB-PER\n{first + 1}\tslept\tVB\tO\n\n"
    assert words_and_tags(tmp_path, sentence * 2) == [("Ada", "B-PER"), ("slept", "O")] * 2


def test_numbers_that_go_on_through_the_file_are_not_the_words(tmp_path: Path) -> None:
    lines = "1 Ada B-PER\n2 slept O\n\n3 Bo B-PER\n4 left O\n"
    assert words_and_tags(tmp_path, lines) == [("Ada", "B-PER"), ("slept", "O"), ("Bo", "B-PER"), ("left", "O")]


def test_multiword_tokens_of_conll_u_are_no_words_of_their_own(tmp_path: Path) -> None:
    lines = "# text = im Haus\n1-2\tim\t_\tO\n1\tin\tADP\tO\n2\tdem\tDET\tO\n3\tHaus\tNOUN\tB-LOC\n"
    assert words_and_tags(tmp_path, lines) == [("in", "O"), ("dem", "O"), ("Haus", "B-LOC")]


def test_words_that_happen_to_be_numbers_stay_words(tmp_path: Path) -> None:
    assert words_and_tags(tmp_path, "1 O\n2 O\n\n7 B-NUM\n") == [("1", "O"), ("2", "O"), ("7", "B-NUM")]


def test_numbers_without_words_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the first counts 1, 2, 3 in every sentence: there is none for the words"):
        read_conll(file(tmp_path, "1 B-PER\n2 O\n\n1 O\n2 O\n"))


@pytest.mark.parametrize("between", [["NNP"], ["NNP", "Ada", "B-NP"], list("abcdefg")], ids=[3, 5, 9])
def test_any_number_of_columns_has_the_word_first_and_the_tag_last(tmp_path: Path, between: list[str]) -> None:
    lines = "\n".join(" ".join([word, *between, tag]) for word, tag in (("Ada", "B-PER"), ("slept", "O")))
    assert words_and_tags(tmp_path, lines) == [("Ada", "B-PER"), ("slept", "O")]


def test_chunks_are_no_embedded_entities(tmp_path: Path) -> None:
    assert words_and_tags(tmp_path, "Ada NNP B-NP B-PER\nslept VB B-VP O\n") == [("Ada", "B-PER"), ("slept", "O")]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["word", "pos"], r"must name one column 'word' and one 'tag'"),
        (["word", "word", "tag"], r"must name one column 'word' and one 'tag'"),
        (["word", "tag"], r"train\.conll has 4 columns, and task\.data\.columns=\[word,tag\] names 2"),
    ],
)
def test_columns_that_do_not_fit_the_file_are_refused(tmp_path: Path, columns: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_conll(file(tmp_path, CONLL_2003), columns=columns)


@pytest.mark.parametrize("columns", ["word,tag", 3])
def test_columns_are_a_list(tmp_path: Path, columns: object) -> None:
    with pytest.raises(DataError, match="must be a list"):
        load_conll({"path": file(tmp_path, many(20)), "columns": columns})


def test_the_columns_hold_for_every_file(tmp_path: Path) -> None:
    lines = "".join(f"Ada{n} B-PER x\nslept O y\n\n" for n in range(20))
    paths = {"path": file(tmp_path, lines), "test": file(tmp_path, lines.replace("Ada", "Bo"), "test.conll")}
    assert load_conll({**paths, "columns": ["word", "tag", "_"]}).tags == ("B-PER", "O")


# Comments and byte order marks ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "comment", ["# sent_id = 3", "#", "# newdoc", "#\tsource\t[2009]", "# O and so on", "#3", "# one two three four"]
)
def test_comments_are_dropped(tmp_path: Path, comment: str) -> None:
    wanted = [("Ada", "B-PER"), ("slept", "O")]
    for lines in ("Ada\tB-PER\nslept\tO\n", "Ada B-PER\nslept O\n"):
        assert words_and_tags(tmp_path, f"{comment}\n{lines}") == wanted
        assert words_and_tags(tmp_path, f"{lines}\n{comment}\n{lines}") == wanted * 2


@pytest.mark.parametrize("word", ["#", "#party", "##"])
@pytest.mark.parametrize("tag", ["O", "B-TAG"])
def test_words_that_begin_with_a_hash_are_words(tmp_path: Path, word: str, tag: str) -> None:
    """As tweets have them: no other word need have their tag."""
    for space in ("\t", " "):
        lines = f"Ada{space}B-PER\n{word}{space}{tag}\n\n{word}{space}{tag}\n"
        assert words_and_tags(tmp_path, lines) == [("Ada", "B-PER"), (word, tag), (word, tag)]


def test_byte_order_marks_within_joined_files_are_dropped(tmp_path: Path) -> None:
    lines = "\ufeffAda\tB-PER\nslept\tO\n\n\ufeff\n\ufeffBo\tB-PER\n"
    assert words_and_tags(tmp_path, lines) == [("Ada", "B-PER"), ("slept", "O"), ("Bo", "B-PER")]


@pytest.mark.parametrize("before", ["", "Ada\tB-PER\n"], ids=["first line", "later"])
def test_a_word_that_is_a_lone_byte_order_mark_is_a_word(tmp_path: Path, before: str) -> None:
    """Tweets hold U+FEFF as a token, where it is a space of no width."""
    assert words_and_tags(tmp_path, f"{before}\ufeff\tO\nslept\tB-X\n")[-2:] == [("\ufeff", "O"), ("slept", "B-X")]


def test_a_file_of_nothing_but_a_byte_order_mark_is_empty(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has 0 sentence\(s\)"):
        load_conll({"path": file(tmp_path, "\ufeff")})


def test_line_ends_of_old_macs_are_line_ends(tmp_path: Path) -> None:
    assert words_and_tags(tmp_path, "Ada\tB-PER\rslept\tO\r") == [("Ada", "B-PER"), ("slept", "O")]


# Messages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        '[{"tokens": ["Ada"], "tags": [1]}' + ", {}" * 50000,
        '{"tokens": ["Ada"]}\n' * 20000,
        "x" * 100000,
        "Ada\t" + "B" * 100000 + "\n",
        "Ada\tO\nBo\tB-" + "X" * 100000 + "\nCy\tI-" + "Y" * 100000 + "\n",
        "\n\n".join(f"Ada{n}\tB-{n}" + "Z" * 1000 for n in range(50)),
    ],
    ids=["JSON", "JSON lines", "one line", "a tag", "a stray tag", "many tags"],
)
def test_no_message_is_longer_than_a_few_lines(tmp_path: Path, content: str) -> None:
    said: list[str] = []
    try:
        said += load_conll({"path": file(tmp_path, content), "test": file(tmp_path, many(30), "t.conll")}).warnings
    except DataError as error:
        said.append(str(error))
    assert said
    assert max(map(len, said)) < 600 + 2 * len(str(tmp_path))


def test_json_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"train\.conll looks like JSON"):
        read_conll(file(tmp_path, '[{"tokens": ["Ada"]}]'))
