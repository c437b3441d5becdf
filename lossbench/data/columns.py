"""What a column holds: numbers, booleans, dates or words. Whatever a file brings becomes one of them."""

from __future__ import annotations

from datetime import date
from enum import Enum

import numpy as np
import pandas as pd
from pandas.api import types

from lossbench.errors import DataError
from lossbench.plan.overrides import override

CLOCK = r"[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"
ISO_DATE = rf"(?:1[89]|20|21)\d\d[-/]\d\d(?:[-/]\d\d(?:{CLOCK})?)?"
NEARLY_ALL = 0.95


class Content(Enum):
    """The four things that a tidy column can hold, told by its dtype."""

    NUMBER = "number"  # integers or float64, missing as NaN
    BOOLEAN = "boolean"  # bool, never missing
    DATE = "date"  # datetime64[us] without a zone, missing as NaT
    WORD = "word"  # text, missing as NaN

    @classmethod
    def of(cls, column: pd.Series) -> Content:
        if types.is_bool_dtype(column.dtype):
            return cls.BOOLEAN
        if types.is_datetime64_any_dtype(column.dtype):
            return cls.DATE
        return cls.NUMBER if types.is_numeric_dtype(column.dtype) else cls.WORD


def tidy(frame: pd.DataFrame, whose: str) -> pd.DataFrame:
    """The same columns, each holding one of the four contents; infinities become missing.

    Raises DataError for a column of `whose` that holds lists, complex numbers or bytes.
    """
    columns = {name: tidy_column(frame[name], whose) for name in frame}
    return pd.DataFrame(columns, index=frame.index).reset_index(drop=True)


def tidy_column(column: pd.Series, whose: str) -> pd.Series:
    """One column as numbers, booleans, dates or words; booleans with gaps become 0, 1 and NaN."""
    kind = column.dtype
    if isinstance(kind, pd.CategoricalDtype):
        return _words(column)
    if types.is_bool_dtype(kind):
        return column.astype("float64") if column.isna().any() else column.astype("bool")
    if types.is_datetime64_any_dtype(kind):
        return _dates(column)
    if types.is_timedelta64_dtype(kind):
        return column.dt.total_seconds()
    if types.is_complex_dtype(kind):
        raise _unusable(column, whose, "complex numbers")
    if types.is_integer_dtype(kind) and not column.isna().any():
        # not through float64: identifiers above 2^53 stay distinct
        return column.astype("uint64" if types.is_unsigned_integer_dtype(kind) else "int64")
    if types.is_numeric_dtype(kind):
        return column.astype("float64").replace([np.inf, -np.inf], np.nan)
    return _from_objects(column, whose)


def _from_objects(column: pd.Series, whose: str) -> pd.Series:
    """Text, or a mixture of Python objects, by what all of its present values have in common."""
    present = column.dropna()
    if present.empty:
        return column.astype("float64")
    kinds = set(map(type, present))
    if kinds & {list, dict, tuple, set, bytes, np.ndarray}:
        raise _unusable(column, whose, f"values of type {kinds.pop().__name__}")
    if kinds <= {bool, np.bool_}:
        return column.astype("boolean").pipe(tidy_column, whose)
    if all(issubclass(kind, date) for kind in kinds):
        return _dates(column)
    if str not in kinds and not pd.to_numeric(present, errors="coerce").isna().any():
        return pd.to_numeric(column, errors="coerce").astype("float64")
    text = _words(column)
    if text.dropna().str.strip().str.fullmatch(ISO_DATE).mean() >= NEARLY_ALL:
        return _dates(text.str.strip().str.replace("/", "-"))
    return text


def _dates(column: pd.Series) -> pd.Series:
    """Moments without a zone (UTC where one was given); what does not parse is missing."""
    moments = pd.to_datetime(column, errors="coerce", utc=True, format="ISO8601")
    return moments.dt.tz_localize(None).astype("datetime64[us]")


def _words(column: pd.Series) -> pd.Series:
    return column.astype(object).map(str, na_action="ignore").astype("str")


def _unusable(column: pd.Series, whose: str, what: str) -> DataError:
    return DataError(
        f"Column '{column.name}' of {whose} holds {what}, which no model here can use. "
        f"Leave it out with {override('task.data.drop', [str(column.name)])}."
    )
