"""Columns whose values name what several rows belong to: a patient, a customer, a machine."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types

from lossbench.data.columns import Content
from lossbench.plan import stream

NAME = re.compile(
    r"(^|[_\W\d])(id|ids|uuid|guid|key|nr|no|num|number|patient|subject|participant|person|people|customer|client|user|"
    r"member|player|driver|donor|student|pupil|teacher|employee|worker|household|family|account|device|machine|engine|"
    r"unit|animal|mouse|plot|batch|session|group|speaker|author)(id|nr|no|num|number|s|#)?($|[_\W\d])",
    re.IGNORECASE,
)
CAMEL = re.compile(r"[a-z](Id|ID|Uuid|UUID|Key|Nr|No|Number)$")
FEWEST_GROUPS = 10
FEWEST_ROWS_EACH = 1.3
MOST_ROWS_EACH = 20.0
MOST_ROWS_EACH_NAMED = 200.0
EVEN = 0.4
"""Counts of values drawn at random spread by their square root; those of visits by a plan far less than this of it."""
ALIKE = 0.5
FEWEST_PAIRS = 30
MOST_COLUMNS = 20
MOST_ROWS = 20_000


def keeps_groups(column: pd.Series, features: pd.DataFrame, target: NDArray[np.float64]) -> bool:
    """Whether a column of whole numbers or words repeats its values a few times each, and something says why.

    Its name does (patient, customer_id); or all values have about the same number of rows; or another column never
    changes within a value; or rows of one value are more alike than rows of this and the next value, which would be as
    alike if the column were a measurement, such as an age.
    """
    present = column.dropna()
    whole = types.is_integer_dtype(column.dtype) or Content.of(column) is Content.WORD
    if not whole and Content.of(column) is Content.NUMBER and column.isna().any():
        whole = bool(len(present)) and bool((present % 1 == 0).all())
    if not whole or len(present) < len(column) / 2:
        return False
    counts = present.value_counts().to_numpy()
    each = len(present) / max(1, len(counts))
    if len(counts) < FEWEST_GROUPS or each < FEWEST_ROWS_EACH:
        return False
    if NAME.search(str(column.name)) or CAMEL.search(str(column.name)):
        return each <= MOST_ROWS_EACH_NAMED
    if each > MOST_ROWS_EACH or (counts > 1).mean() < 0.5:
        return False
    return bool(counts.std() < EVEN * np.sqrt(each)) or _alike_within(column, features, target)


def _alike_within(column: pd.Series, features: pd.DataFrame, target: NDArray[np.float64]) -> bool:
    """Whether the target or another column changes less within a value than from one value to the next."""
    codes = pd.factorize(column, sort=True)[0]
    rows = np.flatnonzero(codes >= 0)[:MOST_ROWS]
    order = rows[np.argsort(codes[rows], kind="stable")]
    same = codes[order][1:] == codes[order][:-1]
    if min(same.sum(), (~same).sum()) < FEWEST_PAIRS:
        return False
    others = [features[name] for name in features if name != column.name][:MOST_COLUMNS]
    shuffled = np.random.default_rng(stream("groups")).permutation(order)
    for values in (pd.Series(target), *others):
        content = Content.of(values)
        if content is Content.DATE or values.nunique() < 2:
            continue
        ranks = pd.factorize(values)[0] if content is Content.WORD else values.rank().to_numpy()

        def changes(rows: NDArray[np.int64], ranks: NDArray[Any] = ranks, words: bool = content is Content.WORD) -> Any:
            steps = np.diff(ranks[rows])
            return (steps != 0).astype(float) if words else np.nan_to_num(np.abs(steps))

        within, next_to, anywhere = changes(order)[same].mean(), changes(order)[~same].mean(), changes(shuffled).mean()
        # a measurement's neighbours are alike as well, as are those of what follows from it; rare values may be unlike
        # their neighbours, and yet no more alike among themselves than any two rows
        if within < ALIKE * min(next_to, anywhere) and next_to > ALIKE * anywhere:
            return True
    return False
