"""Warnings about suspicious columns of a table before training: one sentence per column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lossbench.data.columns import Content
from lossbench.data.groups import keeps_groups
from lossbench.plan import stream
from lossbench.plan.overrides import override

MOST_ROWS = 5_000
ALMOST_PERFECT = 0.99
LEAVES = 64
SENTINELS = {sign * code for code in (99, 999, 9999, 99999, 999999) for sign in (1, -1)} | {-9, -200, -1e30}
FEWEST_SENTINELS = 0.005
FAR = 5.0
IDENTIFIER_NAME = re.compile(r"(^|[_\W])(id|ids|uuid|guid|key|index|nr|no|unnamed: \d+)$", re.IGNORECASE)
IDENTIFIER_CAMEL = re.compile(r"[a-z](Id|ID|Uuid|UUID|Key)$")


def suspicions(features: pd.DataFrame, target: NDArray[np.float64], classes: Sequence[str]) -> tuple[str, ...]:
    """Warnings about columns that are constant, mostly missing, identifiers, or give the target away."""
    rows = np.arange(len(target))
    if len(rows) > MOST_ROWS:
        rows = np.random.default_rng(stream("suspicions")).choice(rows, MOST_ROWS, replace=False)
    found = []
    for name, column in features.items():
        if why := _doubt(column, rows, target, bool(classes)):
            advice = f"leave it out: {override('task.data.drop', [str(name)])}"
            found.append(f"Column '{name}' {why}. If that is not intended, {advice}.")
        elif keeps_groups(column, features, target):
            advice = override("task.data.split", f"group:{name}")
            found.append(
                f"Column '{name}' repeats each of its {column.nunique()} values a few times, as a patient or customer "
                f"number would. If rows with the same value belong together, keep them in one part: {advice}."
            )
        if sentinel := _sentinel(column):
            advice = override("task.data.missing", [sentinel[0]])
            found.append(
                f"Column '{name}' is {sentinel[0]} in {sentinel[1]:.0%} of the rows, far from its other values. If "
                f"that means missing, set {advice}."
            )
    return tuple(found)


def _doubt(column: pd.Series, rows: NDArray[np.int64], target: NDArray[np.float64], classes: bool) -> str | None:
    if column.nunique() < 2 and not (column.notna().any() and column.isna().any()):
        return "has the same value in every row"
    if _identifies(column):
        return "looks like an identifier: its values are (almost) all different"
    score = _alone(column.iloc[rows], target[rows], classes)
    if score > ALMOST_PERFECT:
        measure = "AUC" if classes else "R² of ranks"
        return f"predicts the target alone ({measure} {score:.3f}), as a copy or a consequence of it would"
    if (share := column.isna().mean()) > 0.5:
        return f"is missing in {share:.0%} of the rows"
    return None


def _sentinel(column: pd.Series) -> tuple[int, float] | None:
    """A code for missing that looks like a number, such as -999, and its share of the rows."""
    if Content.of(column) is not Content.NUMBER or len(present := column.dropna()) == 0:
        return None
    for value in (present.min(), present.max()):
        if value not in SENTINELS:
            continue
        others, share = present[present != value], float((present == value).mean())
        if share < FEWEST_SENTINELS or len(others) < 2:
            continue
        low, high = others.quantile(0.25), others.quantile(0.75)
        if abs(value - others.median()) > FAR * max(high - low, 1e-12) and not others.min() <= value <= others.max():
            return int(value), share
    return None


def _identifies(column: pd.Series) -> bool:
    """Whole numbers or words, all different; or almost all different under a name such as `id`."""
    present = column.dropna()
    if Content.of(column) is Content.WORD or pd.api.types.is_integer_dtype(column.dtype):
        whole = True
    else:
        whole = Content.of(column) is Content.NUMBER and bool((present % 1 == 0).all())
    named = IDENTIFIER_NAME.search(str(column.name)) or IDENTIFIER_CAMEL.search(str(column.name))
    if not whole:
        return False
    if named:
        return present.nunique() > 0.95 * len(column)
    return not pd.api.types.is_float_dtype(column.dtype) and present.nunique() == len(column)


def _alone(column: pd.Series, target: NDArray[np.float64], classes: bool) -> float:
    """How well a small tree on this one column predicts unseen rows: AUC, or R² of the target's ranks.

    Ranks of the target, so that a few extreme rows do not decide; ranks of the column, which are the same to
    a tree and never overflow its float32. 64 leaves: 16 miss a mere copy of the target in 60 rows (R² .987).
    """
    from sklearn.metrics import r2_score, roc_auc_score
    from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    values = pd.Series(codes(column)).rank().to_numpy()[:, None]
    if classes:
        if np.unique(target, return_counts=True)[1].min() < 3 or (target == target[0]).all():
            return 0.0
        classifier = DecisionTreeClassifier(max_leaf_nodes=LEAVES, random_state=0)
        folds = StratifiedKFold(3, shuffle=True, random_state=0)
        chances = cross_val_predict(classifier, values, target, cv=folds, method="predict_proba")
        return float(roc_auc_score(target, chances[:, 1] if chances.shape[1] == 2 else chances, multi_class="ovr"))
    ranks = pd.Series(target).rank().to_numpy()
    regressor = DecisionTreeRegressor(max_leaf_nodes=LEAVES, random_state=0)
    predicted = cross_val_predict(regressor, values, ranks, cv=KFold(3, shuffle=True, random_state=0))
    return float(r2_score(ranks, predicted))


def codes(column: pd.Series) -> NDArray[np.floating[Any]]:
    """Numbers as they are, dates as days, words by alphabetical position; missing as NaN: trees take it."""
    match Content.of(column):
        case Content.WORD:
            codes = pd.factorize(column, sort=True)[0]
            return np.where(codes < 0, np.nan, codes)
        case Content.DATE:
            return ((column - pd.Timestamp(0)) / pd.Timedelta(days=1)).to_numpy(np.float64)
        case _:
            return column.to_numpy(np.float64)
