"""Which column of a CoNLL file is the word and which the tag: as the user says, or as the file's own lines show."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lossbench.data.sentences import prefixed
from lossbench.errors import DataError
from lossbench.plan.overrides import override
from lossbench.plan.tags import OUTSIDE

WORD, TAG, ANY_NUMBER = "word", "tag", ("...", "…")
"""The names in `task.data.columns` that mean something; any other name is a column that is not read."""
LONGEST = 60
"""Characters of a line or a tag that a message shows."""
KEY = "task.data.columns"
COUNTED = re.compile(r"\d+([-.]\d+)?")
"""A word's number; of CoNLL-U's multiword tokens (3-4) and empty ones (3.1) too, which are no words of their own."""


@dataclass(frozen=True)
class Row:
    """One line of a file that stands for a word, cut into its columns."""

    number: int
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Layout:
    """Where word and tag stand among `width` columns, from 0. note: what a reader should know of how that was told."""

    width: int
    word: int
    tag: int
    counted: bool = False
    """Whether the first column counts the words."""
    note: str = ""

    def words(self, sentence: Sequence[Row]) -> list[Row]:
        """The rows of a sentence that are words."""
        return [row for row in sentence if not self.counted or row.columns[0].isdigit()]


def shortened(text: str) -> str:
    """Text for a message, in quotes, cut where it is long."""
    return repr(text if len(text) <= LONGEST else f"{text[:LONGEST]}...")


def said(columns: Sequence[str], width: int, name: str) -> Layout:
    """The layout that `task.data.columns=[word,pos,tag]` says. Raises DataError where it does not fit the file."""
    names = [str(column).lower() for column in columns]
    open_ended = [place for place, column in enumerate(names) if column in ANY_NUMBER]
    if names.count(WORD) != 1 or names.count(TAG) != 1 or len(open_ended) > 1:
        raise DataError(
            f"{KEY}=[{','.join(names[:20])}] must name one column '{WORD}' and one '{TAG}'. Others may have any "
            f"name, and '...' stands for any number of them. For example: {override(KEY, [WORD, '_', TAG])}."
        )
    if open_ended:
        fill = ["_"] * (width - len(names) + 1)
        names[open_ended[0] : open_ended[0] + 1] = fill
    if len(names) != width:
        raise DataError(
            f"{name} has {width} columns, and {KEY}=[{','.join(map(str, columns))}] names {len(columns)}. "
            f"Name them all, for example {example(width)}."
        )
    return Layout(width, names.index(WORD), names.index(TAG))


def found(sentences: Sequence[Sequence[Row]], width: int, name: str) -> Layout:
    """The layout that the lines show: the word first, or after a column that counts the words; the tag last.

    Where the last two columns both hold entity tags of the same types, as GermEval's outer and embedded entities do,
    the outer ones are read.
    Raises DataError where there is no column for words.
    """
    counted = counts([[row.columns[0] for row in sentence] for sentence in sentences])
    word, tag, note = int(counted), width - 1, ""
    if tag <= word:
        raise DataError(
            f"{name} has {width} columns, and the first counts 1, 2, 3 in every sentence: there is none for the words."
        )
    outer = tag - 1
    if outer > word and _same_tagset(*(_types(sentences, place) for place in (outer, tag))):
        tag, note = outer, f"; column {width} holds tags of the same types (embedded entities) and is not read"
    if counted or note:
        note = f"{name}: words are read from column {word + 1}, tags from column {tag + 1}{note}. To say it yourself: "
        note += f"{example(width, word, tag)}."
    return Layout(width, word, tag, counted, note)


def example(width: int, word: int = 0, tag: int = -1) -> str:
    """The override that names these columns."""
    names = ["_"] * width
    names[word], names[tag] = WORD, TAG
    return override(KEY, names)


def counts(columns: Sequence[Sequence[str]]) -> bool:
    """True where the cells count the words: from 0 or 1 in every sentence, or on and on through the file."""
    if not all(COUNTED.fullmatch(cell) for column in columns for cell in column):
        return False
    numbers = [[int(cell) for cell in column if cell.isdigit()] for column in columns]
    flat = [number for column in numbers for number in column]
    if len(flat) < 2 or not all(numbers):
        return False
    if flat == list(range(flat[0], flat[0] + len(flat))) and flat[0] in (0, 1):
        return True
    longest = max(map(len, numbers))
    return longest > 1 and any(all(c == list(range(s, s + len(c))) for c in numbers) for s in (0, 1))


def _types(sentences: Sequence[Sequence[Row]], place: int) -> set[str]:
    """The entity types in a column, empty where it holds anything but O and tags with a prefix."""
    cells = {row.columns[place] for sentence in sentences for row in sentence}
    return {cell[2:] for cell in cells if cell != OUTSIDE} if all(c == OUTSIDE or prefixed(c) for c in cells) else set()


def _same_tagset(one: set[str], other: set[str]) -> bool:
    """Whether types of one column are those of the other, or made from them, as LOCpart is from LOC."""
    return any(a.startswith(b) or b.startswith(a) for a in one for b in other)


def is_comment(cells: Sequence[str], width: int, between: bool, known: Callable[[str], bool]) -> bool:
    """Whether a line that begins with # is a comment, and not a word such as # or #tag.

    cells: its columns. between: whether it stands between sentences. known: whether a cell is a tag of the file.
    """
    bare = cells[0] == "#" or cells[0].startswith("# ")
    if len(cells) == width:
        return bare and not known(cells[-1])
    return cells[0].startswith("#") and (between or (bare and not known(cells[-1])))
