"""What is to be predicted: a column as float64 numbers, or as 0 and 1 with a name for 1."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types

from lossbench.advice import override
from lossbench.errors import DataError

TRUTH = {"1": True, "true": True, "yes": True, "y": True, "0": False, "false": False, "no": False, "n": False}


def continuous_target(column: pd.Series, whose: str) -> NDArray[np.float64]:
    """The numbers [n] of a column without gaps; strings that parse as numbers count.

    Raises DataError for words, booleans and dates, and for a target that never changes.
    """
    name, distinct = str(column.name), _distinct(column, whose)
    numbers = None if _is_no_number(column) else pd.to_numeric(column, errors="coerce")
    if numbers is None or numbers.isna().any():
        odd = column.iloc[0] if numbers is None else column[numbers.isna()].iloc[0]
        step = "set task=binary" if len(distinct) == 2 else "choose another column with task.data.target="
        raise DataError(f"Target '{name}' of {whose} is not numeric: it holds {text(odd)!r}. To go on, {step}.")
    return numbers.to_numpy(dtype=np.float64)


def binary_target(column: pd.Series, positive: object, whose: str) -> tuple[NDArray[np.float64], str]:
    """Zeros and ones [n] of a column without gaps, and the text of the value that counts as 1.

    `positive` is compared as text without regard to case, then by truth: 1, true, yes and y are alike. None
    takes the one of the two values that is true in this sense. Raises DataError unless there are just two.
    """
    name, distinct = str(column.name), _distinct(column, whose)
    if len(distinct) != 2:
        some = ", ".join(map(repr, distinct[:5])) + (", ..." if len(distinct) > 5 else "")
        raise DataError(
            f"Target '{name}' of {whose} has {len(distinct)} distinct values ({some}), not two. "
            "Set task=regression for numbers, or choose another column with task.data.target=."
        )
    chosen = _positive(distinct, positive)
    if chosen is None:
        said = "does not say which of its values counts as 1" if positive is None else f"has no value {positive!r}"
        raise DataError(
            f"Target '{name}' of {whose} {said}. "
            f"Set {override('task.data.positive', distinct[0])} or {override('task.data.positive', distinct[1])}."
        )
    return np.array([text(value) == chosen for value in column], dtype=np.float64), chosen


def text(value: object) -> str:
    """A value as a person would write it: `1` for 1.0, `true` for True."""
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value)).lower()
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def _positive(distinct: list[str], positive: object) -> str | None:
    if positive is None:
        true = [value for value in distinct if TRUTH.get(value.lower())]
        return true[0] if len(true) == 1 else None
    wanted = text(positive)
    rules = (
        lambda value: value == wanted,
        lambda value: value.lower().removesuffix(".0") == wanted.lower().removesuffix(".0"),
        lambda value: value.lower() in TRUTH and TRUTH[value.lower()] is TRUTH.get(wanted.lower()),
    )
    for rule in rules:
        matches = [value for value in distinct if rule(value)]
        if len(matches) == 1:
            return matches[0]
    return None


def _distinct(column: pd.Series, whose: str) -> list[str]:
    """The distinct values as text, in order; a target with fewer than two cannot be learned."""
    distinct = sorted({text(value) for value in column.unique()})
    if len(distinct) == 1:
        raise DataError(
            f"Target '{column.name}' of {whose} is {distinct[0]!r} in every row: there is nothing to learn. "
            "Choose another column with task.data.target=."
        )
    return distinct


def _is_no_number(column: pd.Series) -> bool:
    kind = column.dtype
    if types.is_object_dtype(kind):
        return not {type(value) for value in column}.isdisjoint({bool, np.bool_})
    return types.is_bool_dtype(kind) or types.is_datetime64_any_dtype(kind)
