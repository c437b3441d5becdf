"""Named-entity data from CoNLL column files: a word and its tag a line, a blank line after each sentence."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lossbench.data.sentences import LONGEST_TAG, Corpus, Sentence, are_plain, prefixed, to_iob2
from lossbench.data.splits import TEST_SHARE
from lossbench.data.word_columns import Row, example, found, is_comment, said, shortened
from lossbench.errors import DataError
from lossbench.plan import stream
from lossbench.plan.overrides import override
from lossbench.plan.tags import OUTSIDE

FEWEST = 10
"""A file with fewer sentences can neither be learned from nor judge a loss."""
LEAKED, REFUSED = 0.01, 0.5
"""Of the test sentences, what share may stand in the training part too without a warning, and without a refusal."""
BYTE_ORDER_MARK = "\ufeff"
MOST_TAGS = 10
"""Tags that a warning lists."""


@dataclass(frozen=True)
class Reading:
    """The sentences of one file, tags in IOB2, and what a reader should know of how they were read."""

    sentences: list[Sentence]
    notes: tuple[str, ...] = ()


def read_conll(path: str | Path, *, name: str | None = None, columns: Sequence[str] | None = None) -> list[Sentence]:
    """The sentences of a column file, tags in IOB2 whether the file has IOB1, IOB2, IOBES, BILOU, BMES or plain types.

    Columns are separated by tabs or spaces, at least 2 of them, the same number throughout: the word first, or second
    after a column that counts the words, and the tag last; `columns` says otherwise, as `[_, word, tag, _]`. Comments
    (#) and `-DOCSTART-` lines are dropped. UTF-8, with or without byte order marks. `name` stands for the file in
    messages.
    Raises DataError, with the line, on a missing file, a malformed line or an unknown tag.
    """
    return reading(path, name=name, columns=columns).sentences


def reading(path: str | Path, *, name: str | None = None, columns: Sequence[str] | None = None) -> Reading:
    """As `read_conll`, with notes on how the file was read."""
    name = name or str(path)
    lines = [(number, cut(line)) for number, line in enumerate(lines_of(text(path, name), name), start=1)]
    width = usual_width(lines)
    tags = Counter(cells[-1] for _, cells in lines if len(cells) == width > 0 and not cells[0].startswith("#"))
    sentences: list[list[Row]] = [[]]
    for number, cells in lines:
        if not cells or cells[0] == "-DOCSTART-":
            sentences.append([])
        elif not is_comment(
            cells, width, not sentences[-1], lambda tag: tag in tags or tag == OUTSIDE or prefixed(tag)
        ):
            sentences[-1].append(row_of(cells, number, width, name))
    sentences = [sentence for sentence in sentences if sentence]
    if not sentences:
        return Reading([])
    layout = said(columns, width, name) if columns else found(sentences, width, name)
    worded = [words for sentence in sentences if (words := layout.words(sentence))]
    given = [[row.columns[layout.tag] for row in words] for words in worded]
    for row in (row for words in worded for row in words if not row.columns[layout.word]):
        raise DataError(f"{name}, line {row.number}: column {layout.word + 1}, where the word belongs, is empty.")
    try:
        tagged = to_iob2(given, where=lambda sentence, word: f"{name}, line {worded[sentence][word].number}")
    except DataError as error:
        before = layout.tag - 1
        other = f" If the tags are in another column: {example(width, layout.word, before)}."
        raise DataError(f"{error}{other if before > layout.word else ''}") from error
    notes = [layout.note] if layout.note else []
    if are_plain(given):
        notes.append(f"{name}: tags have no B- or I-, so adjacent words of the same type are read as one entity.")
    pairs = zip(worded, tagged, strict=True)
    return Reading(
        [Sentence(tuple(row.columns[layout.word] for row in words), row) for words, row in pairs], tuple(notes)
    )


def lines_of(content: str, name: str) -> list[str]:
    """Lines whatever ends them; a byte order mark before a line, as joined files have them, is none of its text."""
    if content.lstrip(BYTE_ORDER_MARK + " \n\r\t")[:2] in ("[{", '{"', "[[", '["'):
        raise DataError(
            f"{name} looks like JSON. task=ner reads columns: a word and its tag on each line, separated by a tab or "
            "spaces, and an empty line after each sentence."
        )
    lines = content.split("\n") if "\n" in content else content.split("\r")
    return [line[1:] if line.startswith(BYTE_ORDER_MARK) and line[1:2] not in ("\t", " ") else line for line in lines]


def cut(line: str) -> list[str]:
    """The columns of a line; none where it is blank."""
    # Only tabs and spaces separate: words may be non-breaking spaces or other line separators of Unicode.
    line = line.removesuffix("\r").rstrip("\t ")
    if not line:
        return []
    return [cell.strip(" ") for cell in line.split("\t")] if "\t" in line else re.split(" +", line)


def usual_width(lines: Sequence[tuple[int, list[str]]]) -> int:
    """The number of columns of the first line that is no comment for sure."""
    widths = [len(cells) for _, cells in lines if cells and cells[0] != "-DOCSTART-" and not cells[0].startswith("#")]
    return widths[0] if widths else 0


def row_of(cells: list[str], number: int, width: int, name: str) -> Row:
    """The row of a line. Raises DataError where it has not the columns that the first line has."""
    if len(cells) != width or width < 2 or not cells[0]:
        shown = shortened(" ".join(cells))
        raise DataError(
            f"{name}, line {number}: {len(cells)} column(s) in {shown}. Expected at least 2, as many as on the first "
            "line, the word first and its tag last, separated by tabs or spaces."
        )
    return Row(number, tuple(cells))


def load_conll(data: Mapping[str, Any]) -> Corpus:
    """A corpus from column files.

    path: the training file. validation, test: files, or absent.
    columns: which column is the word and which the tag, as `[word, pos, tag]`; the same for all files.
    test_share: without a test file, this share of the training file is set aside for the test (.2).
    split_seed: which sentences those are (0).
    """
    if not data.get("path"):
        raise DataError("No CoNLL file is named: give task.data.path, and task.data.test if there is a test file.")
    files = [str(data[key]) for key in ("path", "validation", "test") if data.get(key)]
    read = {path: enough(path, _columns(data.get("columns"))) for path in files}
    rest = read[str(data["path"])].sentences
    validation = read[str(data["validation"])].sentences if data.get("validation") else None
    if data.get("test"):
        test = read[str(data["test"])].sentences
        refuse_training_sentences(rest, test, str(data["test"]))
    else:
        rest, test = set_aside(rest, float(data.get("test_share", TEST_SHARE)), data.get("split_seed", 0))
    corpus = Corpus(
        name=str(data.get("name") or Path(data["path"]).stem),
        source=", ".join(files),
        rest=tuple(rest),
        test=tuple(test),
        validation=None if validation is None else tuple(validation),
        warnings=(*(note for each in read.values() for note in each.notes), *warnings(rest, validation or [], test)),
    )
    if not any(tag != OUTSIDE for sentence in rest for tag in sentence.tags):
        raise DataError(
            f"{data['path']}: every word is tagged O. Expected entities such as B-PER, I-PER. "
            "If the tags are not in the last column, set task.data.columns=."
        )
    return corpus


def text(path: str | Path, name: str) -> str:
    """The text of a file, its line ends untouched."""
    try:
        return Path(path).read_bytes().decode("utf-8")
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error.strerror}. Check the path of the CoNLL file.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is not UTF-8 (byte {error.start}). Save it as UTF-8.") from error


def _columns(given: Any) -> list[str] | None:
    """The names in `task.data.columns`. Raises DataError for what is no list."""
    if given is None:
        return None
    if isinstance(given, str) or not isinstance(given, Sequence):
        like = override("task.data.columns", ["word", "pos", "tag"])
        raise DataError(f"task.data.columns={given} must be a list, such as {like}.")
    return [str(column) for column in given]


def enough(path: str | Path, columns: Sequence[str] | None = None) -> Reading:
    """A file that has at least `FEWEST` sentences."""
    read = reading(path, columns=columns)
    if len(read.sentences) < FEWEST:
        raise DataError(
            f"{path} has {len(read.sentences)} sentence(s); at least {FEWEST} are needed. A blank line ends a sentence."
        )
    return read


def set_aside(sentences: list[Sentence], share: float, seed: object) -> tuple[list[Sentence], list[Sentence]]:
    """The rest and the test part, each in the order of the file; the same for a seed on every machine.

    Sentences of the same words go to the same part, as far as there are others to share the file with.
    """
    if not 0 < share < 1:
        raise DataError(f"task.data.test_share={share:g}: expected a share between 0 and 1, such as 0.2.")
    alike: dict[tuple[str, ...], list[int]] = {}
    for row, sentence in enumerate(sentences):
        alike.setdefault(sentence.words, []).append(row)
    groups = list(alike.values()) if len(alike) > 1 else [[row] for row in range(len(sentences))]
    wanted = min(max(round(share * len(sentences)), 1), len(sentences) - 1)
    test: set[int] = set()
    drawn = sorted(groups, key=lambda rows: stream(seed, "test", rows[0]))
    for rows in drawn:
        if abs(len(test) + len(rows) - wanted) < abs(len(test) - wanted):
            test.update(rows)
    if not test or len(test) == len(sentences):
        fewest: list[int] = min(drawn, key=len)
        test = set(fewest)
    return (
        [sentence for row, sentence in enumerate(sentences) if row not in test],
        [sentence for row, sentence in enumerate(sentences) if row in test],
    )


def repeated(rest: list[Sentence], test: list[Sentence]) -> int:
    """How many test sentences also appear verbatim in the training part."""
    seen = {sentence.words for sentence in rest}
    return sum(sentence.words in seen for sentence in test)


def refuse_training_sentences(rest: list[Sentence], test: list[Sentence], name: str) -> None:
    """Raises DataError for a test file of which half the sentences are training sentences."""
    again = repeated(rest, test)
    if again >= REFUSED * len(test):
        raise DataError(
            f"{again} of {len(test)} sentences of {name} also appear verbatim in the training file, so a model can "
            "memorise them. Choose another task.data.test=, or leave it out: then a part of task.data.path= is "
            "set aside that shares no sentence with the rest."
        )


def warnings(rest: list[Sentence], validation: list[Sentence], test: list[Sentence]) -> list[str]:
    """What a reader of the results should know of the parts."""
    found = []
    known = {tag for sentence in rest for tag in sentence.tags}
    for part, sentences in (("validation", validation), ("test", test)):
        new = sorted({tag for sentence in sentences for tag in sentence.tags} - known)
        if new:
            more = f" and {len(new) - MOST_TAGS} more" if len(new) > MOST_TAGS else ""
            listed = ", ".join(tag[:LONGEST_TAG] for tag in new[:MOST_TAGS])
            found.append(f"The {part} part has tags that the training part lacks: {listed}{more}.")
    again = repeated(rest, test)
    if again >= LEAKED * len(test):
        found.append(f"{again} of {len(test)} test sentences also appear verbatim in the training part.")
    return found
