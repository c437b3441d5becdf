"""What is to be predicted: a column as float64 numbers, or as the numbers of classes with their names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types

from lossbench.data.texts import MISSING_AMONG_NUMBERS
from lossbench.errors import DataError
from lossbench.plan.overrides import override

TRUTH = {"1": True, "true": True, "yes": True, "y": True, "t": True}
TRUTH |= {"0": False, "false": False, "no": False, "n": False, "f": False, "-1": False}
MOST_CLASSES = 20
"""Different values up to which a column is taken for classes."""


FEW_VALUES = 10


@dataclass(frozen=True, eq=False)
class TargetColumn:
    """values: [n] float64, in the target's own unit or the number of a class. classes: the names of classes 0, 1, ...;
    none for numbers. notes: what a reader should know."""

    values: NDArray[np.float64]
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


TargetReader = Callable[[pd.Series, object, str], TargetColumn]
"""A column without gaps as what is predicted; the value that counts as 1, where there are two classes; whose it is.

Raises DataError for a column that cannot be that."""


def numbers_target(column: pd.Series, positive: object, whose: str) -> TargetColumn:
    values = continuous_target(column, whose)
    return TargetColumn(values, notes=_few_values(values, str(column.name)))


def _few_values(target: NDArray[np.float64], name: str) -> tuple[str, ...]:
    """A warning about a continuous target that looks like classes: two values, or a few whole ones."""
    values = np.unique(target)
    if len(values) == 2:
        return (f"Target '{name}' has only two values: task=binary may be meant.",)
    if len(values) > FEW_VALUES or (values % 1 != 0).any():
        return ()
    listed = ", ".join(f"{value:.0f}" for value in values)
    advice = f"task=binary {override('task.data.positive', int(values[-1]))}"
    return (
        f"Target '{name}' has only {len(values)} values, all whole ({listed}). If they are classes and not amounts, "
        f"{advice} predicts one of them against the others.",
    )


def continuous_target(column: pd.Series, whose: str) -> NDArray[np.float64]:
    """The numbers [n] of a column without gaps; strings that parse as numbers count.

    Raises DataError for words, booleans and dates, and for a target that never changes.
    """
    name, distinct = str(column.name), _distinct(column, whose)
    numbers = None if _is_no_number(column) else pd.to_numeric(column, errors="coerce")
    if numbers is None or numbers.isna().any():
        odd = column.iloc[0] if numbers is None else column[numbers.isna()].iloc[0]
        step = "set task=binary" if len(distinct) == 2 else "choose another column with task.data.target="
        if 2 < len(distinct) <= MOST_CLASSES:
            step = f"set task=binary {_against_the_rest(distinct[0])}, or {step}"
        raise DataError(f"Target '{name}' of {whose} is not numeric: it holds {text(odd)!r}. To go on, {step}.")
    return numbers.to_numpy(dtype=np.float64)


def binary_target(column: pd.Series, positive: object, whose: str) -> TargetColumn:
    """A column without gaps as zeros and ones: classes `not yes` and `yes`.

    Values that differ in case alone are one value where that leaves two. `positive` is compared as text without regard
    to case, then by truth: 1, true, yes and y are alike; with more than two values it stands against all others. None
    takes the one of two values that is true in this sense. Raises DataError where that does not settle it.
    """
    name, texts = str(column.name), column.map({value: text(value) for value in column.unique()})
    spelled, notes = _one_spelling(texts, name)
    distinct = _distinct(spelled, whose)
    if len(distinct) > 2 and positive is None:
        raise _too_many(column, distinct, whose)
    chosen = _positive(distinct, positive)
    if chosen is None:
        said = (
            "has two values, and it is not clear which one is positive"
            if positive is None
            else f"has no value {positive!r}"
        )
        steps = [override("task.data.positive", value) for value in distinct[:MOST_CLASSES]]
        raise DataError(f"Target '{name}' of {whose} {said}. Set {', '.join(steps[:-1])} or {steps[-1]}.")
    others = [value for value in distinct if value != chosen]
    if len(others) > 1:
        listed = ", ".join(map(repr, others[:5])) + (", ..." if len(others) > 5 else "")
        notes += (
            f"Target '{name}' has {len(distinct)} values: {chosen!r} counts as positive, all others as 0 ({listed}).",
        )
    elif positive is None and TRUTH.get(others[0].lower()) is not False:
        notes += (
            f"Target '{name}' has the values {distinct[0]} and {distinct[1]}: {chosen} counts as positive. If that "
            f"should be {others[0]}, set {override('task.data.positive', others[0])}.",
        )
    return TargetColumn(np.asarray(spelled == chosen, dtype=np.float64), two_classes(chosen), notes)


def two_classes(positive: str) -> tuple[str, str]:
    """The names of classes 0 and 1, of which the second has one of its own."""
    return f"not {positive}", positive


def _one_spelling(texts: pd.Series, name: str) -> tuple[pd.Series, tuple[str, ...]]:
    """Yes, YES and no as two values, each in its most frequent spelling, where case is all that makes them more."""
    counts = {str(spelling): int(count) for spelling, count in texts.value_counts().items()}
    spellings = sorted(counts, key=lambda spelling: (-counts[spelling], spelling))
    usual: dict[str, str] = {}
    for spelling in spellings:
        usual.setdefault(spelling.casefold(), spelling)
    if len(spellings) == len(usual) or len(usual) != 2:
        return texts, ()
    merged = [f"'{other}' as '{usual[other.casefold()]}'" for other in spellings if usual[other.casefold()] != other]
    note = f"Values of target '{name}' that differ only in case are merged: {', '.join(merged[:3])}."
    return texts.map(lambda value: usual[value.casefold()]), (note,)


def _too_many(column: pd.Series, distinct: list[str], whose: str) -> DataError:
    """What to do about a target of more than two values: numbers are a matter of regression, classes are not."""
    some = ", ".join(map(repr, distinct[:5])) + (", ..." if len(distinct) > 5 else "")
    what = f"Target '{column.name}' of {whose} has {len(distinct)} distinct values ({some}), not two."
    other = "choose another column with task.data.target="
    gaps = [value for value in distinct if value.lower() in MISSING_AMONG_NUMBERS]
    if len(distinct) - len(gaps) == 2:
        return DataError(f"{what} If {gaps[0]!r} means missing, set {override('task.data.missing', gaps)}.")
    numeric = types.is_numeric_dtype(column.dtype) and not types.is_bool_dtype(column.dtype)
    if len(distinct) > MOST_CLASSES or (numeric and (column % 1 != 0).any()):
        return DataError(f"{what} {'Set task=regression for numbers, or ' if numeric else 'To go on, '}{other}.")
    return DataError(
        f"{what} There is no task for several classes yet. To predict one of them against all others, "
        f"set {_against_the_rest(distinct[0])}; or {other}."
    )


def _against_the_rest(value: str) -> str:
    return override("task.data.positive", value)


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
