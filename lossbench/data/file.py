"""A table from an own file: CSV, TSV (both also gzipped) or Parquet, told by its suffix."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pyarrow as pa

from lossbench.data.dialect import Dialect, refuse_for_parquet
from lossbench.data.layout import encodings, layout_of, refuse_duplicates
from lossbench.data.parsing import parsed
from lossbench.data.texts import ColumnNote, shortened
from lossbench.errors import DataError

TEXT = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
SUFFIXES = (*TEXT, ".parquet")
FORMATS = ", ".join(TEXT) + " or .parquet"
USUAL = Dialect()


@dataclass(frozen=True, eq=False)
class FileTable:
    """All rows and columns of a file. columns: how each was read, by name. notes: what is odd about the whole file."""

    frame: pd.DataFrame
    columns: Mapping[str, ColumnNote] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_file(path: Path, dialect: Dialect = USUAL) -> pd.DataFrame:
    """All rows and columns of a file, each column in the type that all of its values have in common.

    Raises DataError when the file is absent, empty, unreadable, of another format, or names a column twice.
    """
    return read_table(path, dialect).frame


def read_table(path: Path, dialect: Dialect = USUAL) -> FileTable:
    """`read_file`, with how each column was read and what is odd about the file. Raises DataError as it does."""
    if not path.is_file():
        raise DataError(f"There is no file {path} (looked in {Path.cwd()}). Set task.data.path=.")
    if not path.name.lower().endswith(SUFFIXES):
        raise DataError(f"{path.name} does not end in {FORMATS}. Convert it, then set task.data.path=.")
    if path.stat().st_size == 0:
        raise DataError(f"{path.name} is empty. Set task.data.path= to a file with a header and rows.")
    try:
        table = _parquet(path, dialect) if path.suffix.lower() == ".parquet" else _text(path, dialect)
    except UnicodeError as error:
        tried = f"not {dialect.encoding} text" if dialect.encoding else "not UTF-8 text, nor Windows-1252"
        raise DataError(f"{path.name} is {tried}: save it as UTF-8, or set task.data.encoding=.") from error
    except (OSError, EOFError, ValueError, csv.Error, pa.ArrowException, pd.errors.ParserError) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path.name} cannot be read: {why}. Fix it, or set task.data.path=.") from error
    if table.frame.empty:
        raise DataError(f"{path.name} has no rows below its header. Set task.data.path= to a file with rows.")
    return table


def stem(path: Path) -> str:
    """The file's name without any of the known suffixes: `prices` for prices.csv.gz, `2021.01` for 2021.01.csv."""
    return path.name.removesuffix(path.suffix).removesuffix(".csv").removesuffix(".tsv")


def _text(path: Path, dialect: Dialect) -> FileTable:
    tried = encodings(path, dialect)
    for encoding in tried:
        try:
            layout = layout_of(path, dialect, encoding)
            frame, columns, notes = parsed(path, layout, dialect)
        except UnicodeError:
            if encoding == tried[-1]:
                raise
            continue
        if encoding != tried[0]:
            notes = (_guessed(path, frame), *notes)
        return FileTable(frame, columns, (*layout.notes, *notes))
    raise AssertionError("there is always an encoding to try")


def _guessed(path: Path, frame: pd.DataFrame) -> str:
    """The note about a file that is not UTF-8, with the first word that shows whether the guess is right."""
    words = (str(word) for column in frame if frame[column].dtype == "str" for word in frame[column].dropna().unique())
    odd = next((text for text in [*map(str, frame), *words] if not text.isascii()), "")
    shown = f" ('{shortened(odd)}')" if odd else ""
    return (
        f"{path.name} is not UTF-8 and is read as Windows-1252{shown}. If letters look wrong, say its encoding with "
        "task.data.encoding=."
    )


def _parquet(path: Path, dialect: Dialect) -> FileTable:
    import pyarrow.parquet

    refuse_for_parquet(dialect, path.name)
    refuse_duplicates(path.name, [name.strip() for name in pyarrow.parquet.read_schema(path).names])
    # a pandas index comes back as a column, or not at all
    frame = pyarrow.parquet.read_table(path).to_pandas(ignore_metadata=True)
    frame = frame.loc[:, [name for name in frame if not str(name).startswith("__index_level_")]]
    frame = frame.rename(columns=lambda name: str(name).strip())
    for code in dialect.missing or ():
        frame = frame.apply(_without, code=code)
    return FileTable(frame)


def _without(column: pd.Series, code: str) -> pd.Series:
    """A column with one value made missing; numbers are compared as numbers."""
    if pd.api.types.is_bool_dtype(column.dtype):
        return column
    if pd.api.types.is_numeric_dtype(column.dtype):
        try:
            return column.mask(column == float(code))
        except ValueError:
            return column
    return column.mask(
        (column.astype(object).map(str, na_action="ignore").str.strip() == code).fillna(False).astype(bool)
    )
