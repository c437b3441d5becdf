"""A DataFrame of any make as one that a Parquet file can hold, or a refusal that names the column."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas.api import types

from lossbench.errors import InputError

ERRORS = (pa.ArrowException, ValueError, TypeError, NotImplementedError, OverflowError)
"""What Arrow and pandas raise for frames that cannot be stored; NotImplementedError is for types that Arrow lacks."""


def as_parquet(frame: Any) -> bytes:
    """The content of a Parquet file with the columns of a DataFrame; what has no type of its own there becomes text.

    Raises InputError for what is no DataFrame, for one without rows, columns of one name or of several levels, and for
    values that cannot be stored.
    """
    if not isinstance(frame, pd.DataFrame) and hasattr(frame, "to_pandas"):
        frame = frame.to_pandas()
    if not isinstance(frame, pd.DataFrame):
        raise InputError(f"data is a DataFrame, a file or a name, not a {type(frame).__name__}.")
    if frame.empty:
        raise InputError(f"data has {len(frame)} rows and {frame.shape[1]} columns: there is nothing to learn from.")
    if frame.columns.nlevels > 1:
        raise InputError(
            "The columns of data have several levels. Give each one name: "
            "data.columns = ['_'.join(map(str, levels)) for levels in data.columns]."
        )
    names = [str(name).strip() for name in frame.columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"data has several columns {', '.join(map(repr, twice))}. Rename them: data.columns = [...].")
    columns = {name: _storable(frame.iloc[:, place], name) for place, name in enumerate(names)}
    try:
        return pd.DataFrame(columns).reset_index(drop=True).to_parquet(index=False)
    except ERRORS as error:
        raise InputError(f"data cannot be stored as Parquet: {_first_line(error)}. Convert its columns.") from error


def _storable(column: pd.Series, name: str) -> pd.Series:
    """A column that Arrow takes: itself, or dates for periods, dense for sparse, text for the rest."""
    column = column.reset_index(drop=True)
    if isinstance(column.dtype, pd.SparseDtype):
        column = pd.Series(np.asarray(column))
    if isinstance(column.dtype, pd.PeriodDtype):
        column = column.dt.to_timestamp()
    if isinstance(column.dtype, (pd.IntervalDtype, pd.CategoricalDtype)):
        return _text(column)
    if types.is_complex_dtype(column.dtype):
        raise InputError(f"Column '{name}' of data holds complex numbers: leave it out, or give its parts.")
    try:
        stored = pa.array(column, from_pandas=True)
    except ERRORS:
        stored = None
    if stored is None or isinstance(getattr(stored, "type", None), pa.BaseExtensionType):
        try:
            return _text(column)
        except Exception as error:  # whatever the __str__ of a stranger's class raises
            why = _first_line(error)
            raise InputError(f"Column '{name}' of data holds values that cannot be stored: {why}.") from error
    return column


def _text(column: pd.Series) -> pd.Series:
    return column.astype(object).map(str, na_action="ignore")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
