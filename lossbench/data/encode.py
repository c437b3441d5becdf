"""Columns as numbers that a network can take, by what the training rows alone say about them.

scikit-learn's imputer and scaler give the same numbers, to the last bit of float32 on eight packaged tables. They are
the tests' oracle and not used here, since every repeat encodes again: a ColumnTransformer takes 6 times as long on
200 x 10 values, and 4.7 times as long for the numbers of 1,000,000 rows. Its rules differ too: OneHotEncoder may pool
missing with rare words and keeps the last of equally frequent ones, and StandardScaler lets a column that was constant
in training move later.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lossbench.data.columns import Content

Matrix = NDArray[np.float64]

MOST_CATEGORIES = 20
ROUNDING = 1e-13


@dataclass(frozen=True)
class Encoder:
    """Everything learned from the training rows, column by column; equal encoders encode equally."""

    columns: tuple[Encoded, ...]

    @classmethod
    def fit(cls, features: pd.DataFrame) -> Encoder:
        """Learns medians, means, deviations and words from the training rows, which are all it is given."""
        return cls(tuple(_fit(str(name), column) for name, column in features.items()))

    @property
    def names(self) -> list[str]:
        """One name per encoded column: `rooms`, `rooms missing`, `city=Bern`, `sold year`."""
        return [name for column in self.columns for name in column.names]

    def transform(self, features: pd.DataFrame) -> NDArray[np.float32]:
        """The rows as [n, columns] float32, computed in float64."""
        blocks = [column.transform(features[column.column]) for column in self.columns]
        limits = np.finfo(np.float32)  # a number beyond them is as far as float32 goes, never infinite
        return np.concatenate(blocks, axis=1).clip(limits.min, limits.max).astype(np.float32)


class Encoded(Protocol):
    """One column of the table, ready to become one or more columns of the matrix."""

    @property
    def column(self) -> str: ...

    @property
    def names(self) -> list[str]: ...

    def transform(self, column: pd.Series) -> Matrix: ...


@dataclass(frozen=True)
class Number:
    """(x - mean) / deviation with the median for gaps, and a 0/1 column for them if training had any.

    A column that is constant in training gets an infinite deviation, and so is 0 whatever later rows hold.
    """

    column: str
    median: float
    mean: float
    deviation: float
    gaps: bool

    @classmethod
    def fit(cls, name: str, column: pd.Series) -> Number:
        values = _numbers(column)
        missing = np.isnan(values)
        median = 0.0 if missing.all() else float(np.median(values[~missing]))
        filled = np.where(missing, median, values)
        with np.errstate(over="ignore", invalid="ignore"):
            mean, deviation = float(filled.mean()), float(filled.std())
        if not ROUNDING * abs(mean) < deviation < np.inf:
            mean, deviation = median, np.inf
        return cls(name, median, mean, deviation, bool(missing.any()))

    @property
    def names(self) -> list[str]:
        return [self.column, f"{self.column} missing"] if self.gaps else [self.column]

    def transform(self, column: pd.Series) -> Matrix:
        values = _numbers(column)
        missing = np.isnan(values)
        scaled = (np.where(missing, self.median, values) - self.mean) / self.deviation
        return np.column_stack([scaled, missing] if self.gaps else [scaled])


@dataclass(frozen=True)
class Flag:
    """0 for false, 1 for true."""

    column: str

    @classmethod
    def fit(cls, name: str, column: pd.Series) -> Flag:
        return cls(name)

    @property
    def names(self) -> list[str]:
        return [self.column]

    def transform(self, column: pd.Series) -> Matrix:
        return column.to_numpy(np.float64)[:, None]


@dataclass(frozen=True)
class Category:
    """One 0/1 column per word, the most frequent first; at most 20, the last of them for all rarer words.

    Missing is a column of its own where training had gaps. A word that training never saw is 0 everywhere.
    """

    column: str
    words: tuple[str, ...]
    rare: tuple[str, ...]
    gaps: bool

    @classmethod
    def fit(cls, name: str, column: pd.Series) -> Category:
        counts = Counter(column.dropna().tolist())  # a list first: iterating over a Series takes five times as long
        words = sorted(counts, key=lambda word: (-counts[word], word))
        kept = len(words) if len(words) <= MOST_CATEGORIES else MOST_CATEGORIES - 1
        return cls(name, tuple(words[:kept]), tuple(words[kept:]), bool(column.isna().any()))

    @property
    def names(self) -> list[str]:
        extra = ["(rare)"] * bool(self.rare) + ["(missing)"] * self.gaps
        return [f"{self.column}={word}" for word in (*self.words, *extra)]

    def transform(self, column: pd.Series) -> Matrix:
        place = {word: len(self.words) for word in self.rare} | {word: i for i, word in enumerate(self.words)}
        missing = column.isna().to_numpy()
        found = np.array([place.get(word, -1) for word in column.tolist()], dtype=np.int64)
        found = np.where(missing, len(self.names) - 1 if self.gaps else -1, found)
        return (found[:, None] == np.arange(len(self.names))).astype(np.float64)


@dataclass(frozen=True)
class Date:
    """Year, month, day of the week and days elapsed, each as a number; missing once for all four.

    Days count from any origin: scaling takes it out.
    """

    column: str
    year: Number
    month: Number
    weekday: Number
    days: Number

    @classmethod
    def fit(cls, name: str, column: pd.Series) -> Date:
        return cls(name, *(Number.fit(f"{name} {part}", values) for part, values in _parts(column).items()))

    @property
    def names(self) -> list[str]:
        names = [self.year.column, self.month.column, self.weekday.column, self.days.column]
        return [*names, f"{self.column} missing"] if self.days.gaps else names

    def transform(self, column: pd.Series) -> Matrix:
        parts = _parts(column)
        scaled = [
            self.year.transform(parts["year"]),
            self.month.transform(parts["month"]),
            self.weekday.transform(parts["weekday"]),
            self.days.transform(parts["days"]),
        ]
        missing = scaled[-1][:, 1:]
        return np.concatenate([*(part[:, :1] for part in scaled), missing], axis=1)


def _fit(name: str, column: pd.Series) -> Encoded:
    match Content.of(column):
        case Content.NUMBER:
            return Number.fit(name, column)
        case Content.BOOLEAN:
            return Flag.fit(name, column)
        case Content.DATE:
            return Date.fit(name, column)
        case Content.WORD:
            return Category.fit(name, column)


def _parts(column: pd.Series) -> dict[str, pd.Series]:
    days = (column - pd.Timestamp(0)) / pd.Timedelta(days=1)
    return {"year": column.dt.year, "month": column.dt.month, "weekday": column.dt.day_of_week, "days": days}


def _numbers(column: pd.Series) -> NDArray[np.float64]:
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isinf(values), np.nan, values)
