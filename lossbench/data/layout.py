"""How a text file is laid out: its encoding, its separator, where its rows begin and what its columns are called."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lossbench.data.dialect import Dialect
from lossbench.data.header import Verdict, header_of
from lossbench.data.texts import shortened
from lossbench.errors import DataError
from lossbench.plan.overrides import override

SAMPLE = 2**16
"""Characters of a file that its layout is told from, and"""
ROWS = 200
"""its rows at most;"""
FEWEST = 20
"""where those are fewer lines than this, sixteen times as much."""
SEPARATORS = ",;\t|"
ROW_NAME = "(row name)"
MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32"}
MARKS |= {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


@dataclass(frozen=True)
class Layout:
    """Where the rows of a text file are.

    skip: lines and records before the first row. names: one per value of a row, each different from all others; an
        empty one is `Unnamed: 3`. row_names: the first value of each row is the row's name, which the header leaves
        out. spare: rows end with one empty value more than the header has names.
    sample: the first rows, as texts.
    """

    encoding: str
    separator: str
    skip: int
    names: tuple[str, ...]
    row_names: bool
    sample: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def layout_of(path: Path, dialect: Dialect, encoding: str) -> Layout:
    """Reads the beginning of a file. Raises DataError where its header is missing or names a column twice."""
    sample, whole = _beginning(path, encoding)
    lines = list(io.StringIO(sample, newline=""))
    first, separator = 0, dialect.separator
    while first < len(lines) and not lines[first].strip(" \t\r\n;,"):
        first += 1
    if first < len(lines) and lines[first].lower().startswith("sep=") and len(lines[first].strip("\r\n")) == 5:
        separator = separator or lines[first][4]  # Excel's own way to name the separator
        first += 1
        while first < len(lines) and not lines[first].strip(" \t\r\n"):
            first += 1
    text = "".join(lines[first:])
    separator = separator or _separator(text)
    rows = [row for row in _records(text, separator) if any(row)]
    rows = rows[: ROWS + 1] if whole or len(rows) < 3 else rows[: min(ROWS + 1, len(rows) - 1)]
    if not rows:
        raise DataError(f"{path.name} holds no values. Set task.data.path= to a file with a header and rows.")
    header, body = tuple(name.strip(" \t\r\n\ufeff\u200b\u00a0") for name in rows[0]), rows[1:]
    if dialect.header is False:
        names = tuple(f"column_{number}" for number in range(1, max(map(len, rows[:ROWS])) + 1))
        return Layout(encoding, separator, first, names, False, _even(rows, len(names)))
    _refuse_title(path, header, body)
    row_names = {len(row) for row in body} == {len(header) + 1} and _name_rows(
        body, quoted=text[len(lines[first]) :].startswith('"')
    )
    names = _named((ROW_NAME, *header)) if row_names else _named(header)
    notes: tuple[str, ...] = ()
    if dialect.header is None and body:
        found = header_of(header, _even(body, len(header)))
        if found.verdict is Verdict.ROW:
            _refuse_data(path, rows[0])
        if found.verdict is Verdict.DOUBTFUL:
            notes = (
                f"'{shortened(found.repeated)}' names a column of {path.name} and is one of its values as well. If the "
                f"file has no header, set {override('task.data.header', False)}.",
            )
    refuse_duplicates(path.name, header)
    if row_names:
        notes += (
            f"The header of {path.name} has one name less than its rows have values, as R writes it: the first value "
            "of each row is taken for the row's name and left out.",
        )
    return Layout(encoding, separator, first + 1, names, row_names, _even(body, len(names)), notes)


def encodings(path: Path, dialect: Dialect) -> tuple[str, ...]:
    """The encodings to try, the likeliest first."""
    if dialect.encoding:
        return (dialect.encoding,)
    with opened(path) as file:
        start = file.read(4096)
    for mark, name in MARKS.items():
        if start.startswith(mark):
            return (name,)
    for name, zeros in (("utf-16-le", start[1::2]), ("utf-16-be", start[::2])):
        if len(start) > 20 and zeros.count(0) > 0.8 * len(zeros):
            return (name,)
    return ("utf-8-sig", "cp1252")


def opened(path: Path) -> io.BufferedReader | gzip.GzipFile:
    """The bytes of a file, unpacked."""
    return gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb")


def uneven_rows(path: Path, layout: Layout) -> Iterator[tuple[int, list[str]]]:
    """The rows with more or fewer values than there are names, each with the number of its last line."""
    with io.TextIOWrapper(opened(path), encoding=layout.encoding, newline="") as file:
        reader = csv.reader(file, delimiter=layout.separator, skipinitialspace=True)
        for passed, row in enumerate(reader, 1):
            if row and passed > layout.skip and len(row) != len(layout.names):
                yield reader.line_num, row


def _beginning(path: Path, encoding: str) -> tuple[str, bool]:
    with io.TextIOWrapper(opened(path), encoding=encoding, newline="") as file:
        sample, wanted = file.read(SAMPLE), SAMPLE
        if sample.count("\n") < FEWEST:
            sample, wanted = sample + file.read(15 * SAMPLE), 16 * SAMPLE
        return sample, len(sample) < wanted


def _records(text: str, separator: str, most: int = ROWS + 2) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    rows = []
    try:
        for row in reader:
            rows.append(row)
            if len(rows) == most:
                break
    except csv.Error:  # a sample that ends within quotes; what is before is enough
        if not rows:
            raise
    return rows


def _separator(text: str) -> str:
    """The sign that splits most rows into as many values as the header has names, and into the most."""

    def fit(separator: str) -> tuple[float, int]:
        rows = [row for row in _records(text, separator, 50) if row]
        names, weight = len(rows[0]) if rows else 0, 1.0
        if names < 2 and len(rows) > 1:  # a title may stand above the names
            names, weight = Counter(map(len, rows[1:])).most_common(1)[0][0], 0.5
        even = sum(len(row) in (names, names + 1) for row in rows[1:]) / max(1, len(rows) - 1)
        return (0.0, 0) if names < 2 else (weight * round(even, 1), names)

    found = max(SEPARATORS, key=fit)
    if fit(found)[1] == 0 and fit(" ")[0] >= 1:
        return " "
    return found


def _name_rows(body: Sequence[Sequence[str]], *, quoted: bool) -> bool:
    """Whether the first values can be R's names of rows: all different, and words, in quotes, or 1, 2, 3, ..."""
    first = [row[0] for row in body if row]
    if len(set(first)) < len(first) or not any(row[-1].strip() for row in body):
        return False
    numbered = first == [str(number) for number in range(1, len(first) + 1)]
    return quoted or numbered or not any(text[:1].isdigit() for text in first)


def _named(header: Sequence[str]) -> tuple[str, ...]:
    return tuple(name or f"Unnamed: {number}" for number, name in enumerate(header))


def _even(rows: Sequence[Sequence[str]], width: int) -> tuple[tuple[str, ...], ...]:
    return tuple((*row[:width], *[""] * (width - len(row))) for row in rows)


def _refuse_title(path: Path, header: Sequence[str], body: Sequence[Sequence[str]]) -> None:
    """A title or a remark above the header makes one column of a table of many."""
    widths = Counter(map(len, body))
    usual = widths.most_common(1)[0][0] if widths else 0
    if len(header) == 1 < usual - 1 or (len(header) == 1 < usual and len(body[0]) == 1):
        raise DataError(
            f"The first line of {path.name} has one value ('{shortened(header[0])}') and most others have {usual}. "
            "Delete everything above the column names."
        )


def _refuse_data(path: Path, header: Sequence[str]) -> None:
    shown = ", ".join(shortened(name, 15) for name in header[:5]) + (", ..." if len(header) > 5 else "")
    raise DataError(
        f"The first line of {path.name} looks like a row, not like column names: {shown}. "
        f"If the file has no header, set {override('task.data.header', False)}; its columns are then called "
        f"column_1 to column_{len(header)}. If these are the names, set {override('task.data.header', True)}."
    )


def refuse_duplicates(whose: str, names: Sequence[str]) -> None:
    """Raises DataError for columns of one name, outer spaces aside."""
    twice = [name for name, count in Counter(names).items() if count > 1 and name]
    if twice:
        raise DataError(
            f"{whose} names several columns {', '.join(map(repr, twice))}. Rename them in the file: "
            "task.data.target=, task.data.drop= and task.data.split= know columns by name."
        )
