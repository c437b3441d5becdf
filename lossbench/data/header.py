"""Whether the first line of a table holds the names of its columns or is a row like the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lossbench.data import moments
from lossbench.data.columns import NEARLY_ALL
from lossbench.data.numerals import MARKS, Notation, Numerals
from lossbench.data.texts import MISSING_AMONG_NUMBERS

Cells = Sequence[str]
YEARS = (1800, 2100)
FEWEST_IN_ORDER = 6
FEWEST_WORDS = 3


class Verdict(Enum):
    """What the first line of a table is."""

    NAMES = "names"
    ROW = "row"
    DOUBTFUL = "doubtful"


@dataclass(frozen=True)
class Header:
    """What the first line is, and a cell of it that occurs below as a value, where there is one."""

    verdict: Verdict
    repeated: str = ""


def header_of(header: Cells, rows: Sequence[Cells]) -> Header:
    """Tells names of columns from a row, by what stands below them.

    One word above a column of numbers settles it: names. Without one, numbers above numbers make it a row, unless they
    are in order (1, 2, 3 or 2019, 2020: names too); so do words of which all occur below, in columns of few different
    words, three such columns at least. With fewer it is doubtful.
    """
    columns, alike, repeated = [], [], []
    for cell, values in _columns(header, rows):
        columns.append((cell, values))
        typed = _share_of_numbers(values) >= NEARLY_ALL
        if typed and _share_of_numbers([cell]) == 1:
            alike.append((cell, values))
        elif typed and cell.lower() not in MISSING_AMONG_NUMBERS:
            return Header(Verdict.NAMES)
        elif _few(values) and cell in values:
            repeated.append(cell)
    if alike:
        numbers = [_number(cell) for cell, _ in alike]
        counted = numbers in ([0, 1], [1, 2]) and len(header) > 2 and not repeated  # beside the name of an index
        named = counted or _in_order(numbers, [values for _, values in alike])
        return Header(Verdict.NAMES if named else Verdict.ROW)
    if not repeated or not all(cell in values for cell, values in columns if _few(values)):
        return Header(Verdict.NAMES)
    return Header(Verdict.ROW if len(repeated) >= FEWEST_WORDS else Verdict.DOUBTFUL, repeated[0])


def _columns(header: Cells, rows: Sequence[Cells]) -> Iterator[tuple[str, list[str]]]:
    """Each name with the values below it, gaps left out."""
    for number, cell in enumerate(header):
        values = [text for row in rows if (text := row[number].strip()) and text.lower() not in MISSING_AMONG_NUMBERS]
        if cell.strip() and values:
            yield cell.strip(), values


def _few(values: list[str]) -> bool:
    return len(set(values)) <= max(2, len(values) / 4)


def _share_of_numbers(texts: list[str]) -> float:
    """The share of numbers, dates and times."""
    array = pa.array(texts, pa.string())
    try:
        pc.cast(array, pa.float64())
    except pa.ArrowInvalid:
        pass
    else:
        return 1.0
    numerals = Numerals.of(array, frozenset(MARKS))
    fits = np.logical_or(*numerals.readable.values()) | moments.iso_dates(array) | ~np.isnan(moments.hours(array))
    dates = moments.other_dates(array)
    return float((fits if dates is None else fits | dates.fits).mean())


def _number(cell: str) -> float:
    numerals = Numerals.of(pa.array([cell], pa.string()), frozenset(MARKS))
    return float(np.nan_to_num(numerals.values(Notation.POINT)[0], nan=np.inf))


def _in_order(numbers: list[float], below: list[list[str]]) -> bool:
    """Whether numbers in a header are names: years above what are no years, an even count, or a rising scale."""
    steps = np.diff(numbers)
    if not np.isfinite(numbers).all() or (steps == 0).any():
        return False
    whole = all(number % 1 == 0 for number in numbers)
    if whole and all(_is_year(number) for number in numbers):
        inside = [_is_year(_number(text)) for values in below for text in values[:50]]
        return len(set(numbers)) == len(numbers) and bool(np.mean(inside) < 0.5)
    if len(numbers) > 2 and whole and np.allclose(steps, steps[0]):
        return True
    return len(numbers) >= FEWEST_IN_ORDER and bool((steps > 0).all() or (steps < 0).all())


def _is_year(number: float) -> bool:
    return YEARS[0] <= number <= YEARS[1] and number % 1 == 0
