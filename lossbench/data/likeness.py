"""Whether the parts of a table are alike: what is chosen on validation rows must serve on test rows too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lossbench.data.suspicion import codes
from lossbench.plan import stream

Rows = NDArray[np.int64]
Values = NDArray[np.float64]

MOST_ROWS, MOST_COLUMNS = 5_000, 100
"""Of a part, and of the features: more would cost seconds and show nothing more."""
QUANTILES = (0.5, 0.75, 0.9, 0.95, 0.99)
"""Of the residuals of all parts together: the parts' shares beyond them are compared."""
TIMES, MORE = 3.0, 0.05
"""A share differs wildly where it is more than 3 times the other and .05 on top."""
LEVEL = 1e-3
"""Of all comparisons of a table together."""
LEAST = 20
"""Rows of a part; of a smaller one nothing is said."""


@dataclass(frozen=True)
class Unlike:
    """Two parts, of which `more` has many more large residuals than `fewer`, or many more rows of one class."""

    more: str
    fewer: str
    shares: tuple[float, float]
    """Of the rows of the two parts: those whose residual is larger than `bound`, or those of the class."""
    bound: float | None
    """In the unit of the target; None where the share of a class differs."""
    of_class: int | None
    p: float
    """Fisher's exact test, by Bonferroni over all comparisons."""


@dataclass(frozen=True)
class _Marked:
    """Some rows of each part, in which parts are compared: those beyond a bound, or of one class."""

    bound: float | None
    of_class: int | None
    rows: Mapping[str, NDArray[np.bool_]]


def unlike(
    features: pd.DataFrame,
    target: Values,
    parts: Mapping[str, Rows],
    *,
    learn: Rows,
    classes: bool,
    groups: NDArray[Any] | None = None,
) -> tuple[Unlike, ...]:
    """The pairs of parts that differ wildly, with what differs most.

    target: [n]. parts: rows by the part's name. learn: the training rows. groups: [n], where rows of one are alike:
    they stay together, and one row of each is compared.

    A row's residual is that of a fit to the half of the training rows in which it is not. So residuals of alike parts
    have one distribution, whatever its tails, and Fisher's exact test of shares beyond a bound is right about them. A
    ratio of standard deviations would follow the one largest row.
    """
    alone = parts if groups is None else {name: _one_of_each(rows, groups) for name, rows in parts.items()}
    chosen = {name: _some(rows, name) for name, rows in alone.items() if len(rows) >= LEAST}
    learn = _some(learn, "learn")
    if len(chosen) < 2 or len(learn) < 2 * LEAST:
        return ()
    size = float(np.abs(target).max()) or 1.0  # so that no square overflows
    residuals = _residuals(features, target / size, chosen, learn, classes=classes, groups=groups)
    bounds = np.unique(np.quantile(np.concatenate(list(residuals.values())), QUANTILES))
    marks = [(float(b) * size, {name: values > b for name, values in residuals.items()}) for b in bounds]
    asked: list[_Marked] = [_Marked(bound, None, marked) for bound, marked in marks]
    if classes:  # the first of two is what the second leaves
        kinds = np.unique(target).astype(int)
        for kind in kinds if len(kinds) > 2 else kinds[1:]:
            asked.append(_Marked(None, int(kind), {name: target[rows] == kind for name, rows in chosen.items()}))
    pairs = list(combinations(chosen, 2))
    found = []
    for one, other in pairs:
        tried = [d for marked in asked for d in _compared(one, other, marked, len(asked) * len(pairs))]
        worst = min(tried, key=lambda d: d.p, default=None)
        found += [worst] if worst is not None and worst.p < LEVEL else []
    return tuple(found)


def _compared(one: str, other: str, marked: _Marked, comparisons: int) -> Iterator[Unlike]:
    """What is to be said of two parts of which some rows are marked; nothing where the shares are not far apart."""
    from scipy.stats import hypergeom

    more, fewer = sorted((one, other), key=lambda name: -marked.rows[name].mean())
    a, b = marked.rows[more], marked.rows[fewer]
    if a.mean() > TIMES * b.mean() + MORE:
        p = float(hypergeom.sf(int(a.sum()) - 1, len(a) + len(b), int(a.sum() + b.sum()), len(a)))
        shares = float(a.mean()), float(b.mean())
        yield Unlike(more, fewer, shares, marked.bound, marked.of_class, min(1.0, 2 * comparisons * p))


def _residuals(
    features: pd.DataFrame,
    target: Values,
    parts: Mapping[str, Rows],
    learn: Rows,
    *,
    classes: bool,
    groups: NDArray[Any] | None,
) -> dict[str, Values]:
    """|target - fit| for the rows of each part, by the one of two fits that has not seen the row.

    Of classes: how much probability the fit gave to other classes than the row's own.
    """
    used = np.unique(np.concatenate([learn, *parts.values()]))
    columns = np.column_stack([codes(column.iloc[used]) for _, column in features.iloc[:, :MOST_COLUMNS].items()])
    second = _halves(used, len(target), groups)
    training = np.isin(used, learn)
    off = _off_by_classes if classes else _off_by_numbers
    first_fit, second_fit = (off(columns, target[used], training & half) for half in (~second, second))
    sizes = np.where(second, first_fit, second_fit)
    return {name: sizes[np.searchsorted(used, rows)] for name, rows in parts.items()}


SMALL: dict[str, Any] = {"max_leaf_nodes": 8, "max_iter": 50, "learning_rate": 0.2, "early_stopping": False}
"""Trees of the fits."""


def _off_by_classes(columns: Values, target: Values, rows: NDArray[np.bool_]) -> Values:
    """1 - the probability of each row's own class, by small trees on some of the rows."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    classes, own = np.unique(target, return_inverse=True)
    chances = np.zeros((len(target), len(classes)))
    seen = np.unique(own[rows])
    if len(seen) > 1:
        chances[:, seen] = HistGradientBoostingClassifier(**SMALL).fit(columns[rows], own[rows]).predict_proba(columns)
    elif len(seen) == 1:
        chances[:, seen] = 1.0
    else:
        chances[:] = 1 / len(classes)
    return np.asarray(1 - chances[np.arange(len(own)), own])


def _off_by_numbers(columns: Values, target: Values, rows: NDArray[np.bool_]) -> Values:
    """|target - fit| of all rows, by small trees on some of them."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    # by absolute errors: a third of the rows may be outliers, and the fit still goes through the others
    fit = HistGradientBoostingRegressor(loss="absolute_error", **SMALL).fit(columns[rows], target[rows])
    return np.abs(target - np.asarray(fit.predict(columns)))


def _halves(used: Rows, rows: int, groups: NDArray[Any] | None) -> NDArray[np.bool_]:
    """Which rows belong to the second half; those of one group to the same."""
    draw = np.random.default_rng(stream("likeness", "halves"))
    if groups is None:
        return np.asarray(draw.random(rows) < 0.5)[used]
    numbers, names = pd.factorize(np.asarray(groups))
    return np.asarray(draw.permutation(len(names)) % 2 == 1)[numbers[used]]


def _one_of_each(rows: Rows, groups: NDArray[Any]) -> Rows:
    """A row of each group, by chance: rows of one group say the same again."""
    order = np.random.default_rng(stream("likeness", "groups")).permutation(rows)
    return np.sort(order[~pd.Series(np.asarray(groups)[order]).duplicated().to_numpy()])


def _some(rows: Rows, name: str) -> Rows:
    if len(rows) <= MOST_ROWS:
        return rows
    return np.sort(np.random.default_rng(stream("likeness", name)).choice(rows, MOST_ROWS, replace=False))
