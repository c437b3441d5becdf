"""A table from an own file: CSV, TSV (both also gzipped) or Parquet, told by its suffix."""

from __future__ import annotations

import csv
import gzip
import io
import re
import warnings
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from lossbench.errors import DataError

TEXT = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
SUFFIXES = (*TEXT, ".parquet")
FORMATS = ", ".join(TEXT) + " or .parquet"


def read_file(path: Path) -> pd.DataFrame:
    """All rows and columns of a file, with the types that the file or pandas' own reading gives them.

    Raises DataError when the file is absent, empty, unreadable, of another format, or names a column twice.
    """
    if not path.is_file():
        raise DataError(f"There is no file {path} (looked in {Path.cwd()}). Set task.data.path=.")
    if not path.name.lower().endswith(SUFFIXES):
        raise DataError(f"{path.name} does not end in {FORMATS}. Convert it, then set task.data.path=.")
    if path.stat().st_size == 0:
        raise DataError(f"{path.name} is empty. Set task.data.path= to a file with a header and rows.")
    try:
        frame = _parquet(path) if path.suffix.lower() == ".parquet" else _text(path)
    except UnicodeDecodeError as error:
        raise DataError(f"{path.name} is not UTF-8 text: save it as UTF-8, or set task.data.path=.") from error
    except (OSError, EOFError, ValueError, csv.Error, pd.errors.ParserWarning) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path.name} cannot be read: {why}. Mend it, or set task.data.path=.") from error
    if frame.empty:
        raise DataError(f"{path.name} has no rows below its header. Set task.data.path= to a file with rows.")
    return frame


def stem(path: Path) -> str:
    """The file's name without any of the known suffixes: `prices` for prices.csv.gz."""
    return path.name.removesuffix(path.suffix).removesuffix(".csv").removesuffix(".tsv")


def _text(path: Path) -> pd.DataFrame:
    with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
        sample = io.TextIOWrapper(file, encoding="utf-8-sig", newline="").read(65_536)
    header = {separator: _header(sample, separator) for separator in ",;\t"}
    separator = max(header, key=lambda separator: len(header[separator]))
    _refuse_duplicates(path, header[separator])
    # 1,5 beside semicolons is a decimal comma, unless the file also writes 1.5
    comma = separator == ";" and re.search(r"\d,\d", sample) and not re.search(r"\d\.\d", sample)
    with warnings.catch_warnings():
        # rows longer than the header would shift every value to another column
        warnings.simplefilter("error", pd.errors.ParserWarning)
        return pd.read_csv(
            path,
            sep=separator,
            decimal="," if comma else ".",
            encoding="utf-8-sig",
            float_precision="round_trip",
            index_col=False,
            low_memory=False,
            skipinitialspace=True,
        )


def _parquet(path: Path) -> pd.DataFrame:
    import pyarrow.parquet

    _refuse_duplicates(path, pyarrow.parquet.read_schema(path).names)
    # a pandas index comes back as a column, or not at all
    frame = pyarrow.parquet.read_table(path).to_pandas(ignore_metadata=True)
    return frame.loc[:, [name for name in frame if not str(name).startswith("__index_level_")]]


def _header(sample: str, separator: str) -> list[str]:
    return next(csv.reader(sample.splitlines(), delimiter=separator, skipinitialspace=True), [])


def _refuse_duplicates(path: Path, names: Iterable[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1 and name.strip()]
    if twice:
        raise DataError(
            f"{path.name} names several columns {', '.join(map(repr, twice))}. Rename them in the file: "
            "task.data.target=, task.data.drop= and task.data.split= know columns by name."
        )
