"""The rows of a text file as columns: what is plainly written by pandas' parser, the rest text by text."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lossbench.data.dialect import Dialect
from lossbench.data.layout import Layout, opened, uneven_rows
from lossbench.data.numerals import GROUPED_COMMA, GROUPED_POINT, Notation
from lossbench.data.texts import ALWAYS_MISSING, ColumnNote, Texts, shortened
from lossbench.errors import DataError

Parsed = tuple[pd.DataFrame, dict[str, ColumnNote], tuple[str, ...]]
OLD = tuple(map(int, pd.__version__.split(".")[:2])) < (3, 1)
EXACT: dict[str, Any] = {"float_precision": "round_trip"} if OLD else {}
"""Numbers are read to the last bit. Since 3.1 pandas always does, and warns of the option that asked for it."""


@dataclass(frozen=True)
class Expectation:
    """What the first rows of a column lead to expect: nothing here decides, it only spares work.

    vote: the notation that they prove. codes: their codes for missing, where they are numbers otherwise. gaps: the same
        of texts that are missing anywhere.
    as_text: whether all values have to be looked at as texts. marked: whether a number of theirs has a decimal mark.
    """

    vote: Notation | None = None
    codes: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    as_text: bool = False
    marked: bool = False


def parsed(path: Path, layout: Layout, dialect: Dialect) -> Parsed:
    """All rows, how each column was read, and notes about rows. Raises DataError for rows longer than the header."""
    expected = [_expected(values, dialect) for values in _columns(layout)]
    votes = {each.vote for each in expected} - {None}
    decimal = dialect.notation or (Notation.COMMA if votes == {Notation.COMMA} else Notation.POINT)
    frame, notes = _read(path, layout, dialect, expected, decimal)
    frame, dropped = _without_odd_rows(frame, layout)
    notes += dropped
    words = [number for number in range(len(layout.names)) if frame[number].dtype == "str"]
    texts = {number: Texts.of(frame[number], layout.names[number], dialect) for number in words}
    texts |= _overlooked(path, layout, dialect, frame, expected, texts.keys(), decimal)
    proved = [each.vote for number, each in enumerate(expected) if number not in texts]
    proved += [column.vote() for column in texts.values()]
    sure = {vote for vote in proved if vote is not None}
    described, kept = {}, []
    for number, name in enumerate(layout.names):
        if (number == 0 and layout.row_names) or (name == f"Unnamed: {number}" and frame[number].isna().all()):
            continue
        kept.append(number)
        if number in texts:
            read, described[name] = texts[number].read(sure, layout.separator)
            if read is not texts[number].column:
                frame[number] = read
        else:
            described[name] = _described(frame[number], expected[number], decimal)
    frame = frame if len(kept) == len(layout.names) else frame[kept]
    frame.columns = pd.Index([layout.names[number] for number in kept])
    return frame, described, notes


def _columns(layout: Layout) -> list[list[str]]:
    return [[row[number] for row in layout.sample] for number in range(len(layout.names))]


def _expected(values: Sequence[str], dialect: Dialect) -> Expectation:
    gone = {*ALWAYS_MISSING, *(dialect.missing or ())}
    seen = tuple(sorted({text for value in values if (text := value.strip()) in gone and text}))
    texts = pa.array([text for value in values if (text := value.strip()) not in gone], pa.string())
    for mark, grouped, vote in ((".", GROUPED_POINT, Notation.POINT), (",", GROUPED_COMMA, Notation.COMMA)):
        try:
            pc.cast(pc.replace_substring(texts, mark, "."), pa.float64())
        except pa.ArrowInvalid:
            continue
        marked = texts.filter(pc.match_substring(texts, mark))
        if not len(marked):
            return Expectation(gaps=seen)
        if not pc.all(pc.match_substring_regex(marked, grouped)).as_py():
            return Expectation(vote, gaps=seen, marked=True)
        return Expectation(as_text=True, marked=True)
    return _expected_of_texts(values, dialect, seen)


def _expected_of_texts(values: Sequence[str], dialect: Dialect, seen: tuple[str, ...]) -> Expectation:
    column = Texts.of(pd.Series(values, dtype="str"), "", dialect)
    vote = column.vote()
    codes = tuple(str(text) for text in column.distinct.filter(pa.array(column.codes)).to_pylist())
    plain = column.share(column.numerals.readable[vote or Notation.POINT]) == 1 and not column.is_open()
    return Expectation(vote, codes if plain else (), seen if plain else (), column.is_open(), marked=True)


def _read(
    path: Path, layout: Layout, dialect: Dialect, expected: Sequence[Expectation], decimal: Notation
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    width = len(layout.names)
    gone = ["", *(dialect.missing or ())]
    by_column = {n: [*gone, *each.codes, *each.gaps] for n, each in enumerate(expected)}
    options: dict[str, Any] = {
        "na_values": by_column if any(each.codes or each.gaps for each in expected) else gone,
        "dtype": {n: "str" for n, each in enumerate(expected) if each.as_text},
    }
    try:
        frame = _parse(path, layout, decimal, width, **options)
    except (pd.errors.ParserError, pd.errors.ParserWarning):
        widest = _refuse_long_rows(path, layout)
        if widest <= width:
            raise
        frame = _parse(path, layout, decimal, widest, **options).iloc[:, :width]
    notes = _short_rows(path, layout) if width > 1 and len(frame) and frame[width - 1].isna().any() else ()
    return frame, notes


def _parse(path: Path, layout: Layout, decimal: Notation, width: int, **options: Any) -> pd.DataFrame:
    with warnings.catch_warnings():
        # rows longer than the header would shift every value to another column
        warnings.simplefilter("error", pd.errors.ParserWarning)
        return pd.read_csv(
            path,
            sep=layout.separator,
            header=None,
            names=list(range(width)),
            skiprows=layout.skip,
            decimal="," if decimal is Notation.COMMA else ".",
            encoding=layout.encoding,
            compression="gzip" if path.suffix.lower() == ".gz" else None,
            index_col=False,
            low_memory=False,
            skipinitialspace=True,
            keep_default_na=False,
            **EXACT,
            **options,
        )


def _refuse_long_rows(path: Path, layout: Layout) -> int:
    """Raises DataError for rows with more values than names. Returns the width of the widest that only ends in gaps."""
    width, widest, first, count = len(layout.names), 0, None, 0
    for line, row in uneven_rows(path, layout):
        widest = max(widest, len(row))
        if any(text.strip() for text in row[width:]):
            first, count = first or (line, row), count + 1
    if first is None:
        return widest
    line, row = first
    more = "" if count < 2 else " 1 more row is too long." if count == 2 else f" {count - 1} more rows are too long."
    raise DataError(
        f"Line {line} of {path.name} has {len(row)} values and the header has {width} names: "
        f"'{shortened(layout.separator.join(row), 60)}'.{more} Put values that hold a separator into quotes, "
        "or set task.data.separator= if another sign separates them."
    )


def _short_rows(path: Path, layout: Layout) -> tuple[str, ...]:
    """A note about rows with fewer values than names."""
    short = _short_lines(path, layout)
    if short is None:
        short = [(n, len(row)) for n, row in uneven_rows(path, layout) if len(row) < len(layout.names) and any(row)]
    if not short:
        return ()
    line, values = short[0]
    rows = "1 row has" if len(short) == 1 else f"{len(short)} rows have"
    return (
        f"{rows} fewer values than {path.name} has columns (line {line}: {values} of {len(layout.names)}): what is "
        "lacking counts as missing.",
    )


def _short_lines(path: Path, layout: Layout) -> list[tuple[int, int]] | None:
    """Lines with too few separators and their values, counted over all bytes at once; None where quotes forbid it."""
    with opened(path) as file:
        content = file.read()
    if b'"' in content or layout.encoding.startswith(("utf-16", "utf-32")) or b"\n" not in content:
        return None
    signs = np.frombuffer(content, np.uint8)
    ends = np.append(np.flatnonzero(signs == ord("\n")), len(signs))
    starts = np.append(0, ends[:-1] + 1)
    separators = np.flatnonzero(signs == ord(layout.separator))
    values = np.diff(np.searchsorted(separators, np.append(0, ends))) + 1
    lines = np.flatnonzero((values < len(layout.names)) & (np.arange(len(ends)) >= layout.skip))
    return [(int(n) + 1, int(values[n])) for n in lines if content[starts[n] : ends[n]].strip()]


def _without_odd_rows(frame: pd.DataFrame, layout: Layout) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Leaves out rows without any value, and repetitions of the header."""
    if frame.empty:
        return frame, ()
    notes: tuple[str, ...] = ()
    if all(frame[number].isna().any() for number in frame):
        empty = frame.isna().all(axis=1)
        if empty.any():
            frame = frame[~empty].reset_index(drop=True)
            notes += (f"{empty.sum()} rows without any value are left out.",)
    named = [n for n, name in enumerate(layout.names) if name not in (f"Unnamed: {n}", "(row name)")]
    if layout.skip and named and all(frame[number].dtype == "str" for number in named):
        again = np.logical_and.reduce([(frame[n].str.strip() == layout.names[n]).to_numpy(bool) for n in named])
        if again.any():
            frame = frame[~again].reset_index(drop=True)
            times = "once more" if again.sum() == 1 else f"{again.sum()} times more"
            notes += (f"The header stands among the rows {times}, and is left out there.",)
    return frame, notes


def _overlooked(
    path: Path,
    layout: Layout,
    dialect: Dialect,
    frame: pd.DataFrame,
    expected: Sequence[Expectation],
    known: Iterable[int],
    decimal: Notation,
) -> dict[int, Texts]:
    """Columns whose numbers may all be groups of three digits, and whose first rows did not show it."""
    numbers = [
        number
        for number in range(len(layout.names))
        if number not in known
        and not expected[number].marked
        and frame[number].dtype == "float64"
        and _all_of_three_decimals(frame[number].to_numpy())
    ]
    if not numbers:
        return {}
    again = _parse(
        path, layout, decimal, len(layout.names), usecols=numbers, dtype="str", skip_blank_lines=True, na_values=[""]
    )
    if len(again) != len(frame):
        return {}
    return {number: Texts.of(again[number], layout.names[number], dialect) for number in numbers}


def _all_of_three_decimals(values: np.ndarray) -> bool:
    broken = values[np.isfinite(values) & (values % 1 != 0)]
    scaled = broken * 1000
    return bool(len(broken)) and bool((np.abs(broken) < 1000).all() and (np.abs(scaled - scaled.round()) < 1e-6).all())


def _described(column: pd.Series, expected: Expectation, decimal: Notation) -> ColumnNote:
    """How a column was read that the parser took as it stands."""
    if pd.api.types.is_bool_dtype(column.dtype) or column.dtype == object:
        return ColumnNote("yes or no")
    how = "number, decimal comma" if decimal is Notation.COMMA and expected.marked else "number"
    if expected.codes:
        named = ", ".join(f"'{code}'" for code in expected.codes)
        how += f"; {named} {'is' if len(expected.codes) == 1 else 'are'} missing"
    return ColumnNote(how)
