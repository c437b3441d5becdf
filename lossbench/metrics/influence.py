"""Metrics from stored predictions, example by example: what each test example has to do with a metric.

`parts(metric, arrays, decision)` gives one number an example whose mean is the metric itself. For a mean (MAE,
accuracy, Brier score, log loss) it is the example's own term. For anything else it is the metric plus the example's
influence on it: by the delta method for ratios and roots (F1, RMSE, R²), by DeLong's placements for the AUC, by leaving
each one out for average precision, by leaving groups out for the rest. Differences of such parts between two losses
are what the interval for *new rows like the test part* is made of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossbench.metrics.calibration import expected_calibration_error
from lossbench.metrics.jackknife import by_groups

INFLUENCE = "influence"
"""In names of arrays: what groups of test examples contribute to a metric of somebody's own, stored when it judged."""
Arrays = Mapping[str, NDArray[Any]]
"""One part of one repeat: target, score, and what else its task stores, without the prefix."""
Values = NDArray[np.float64]


def parts(metric: str, arrays: Arrays, decision: Mapping[str, float]) -> Values | None:
    """Of each example (of each sentence for tags; of each of 50 groups without a closed form), or None.

    None where the metric cannot be had from what is stored, as one that needs a probability where there is none. Of a
    metric of somebody's own it is what was stored when its function judged: nothing here loads or calls one.
    """
    if f"{INFLUENCE}/{metric}" in arrays:
        return arrays[f"{INFLUENCE}/{metric}"].astype(float)
    if "entities" in arrays:
        return _of_tags(metric, arrays)
    if "label" not in arrays:
        known = _OF_NUMBERS.get(metric)
        return known(arrays["target"].astype(float), arrays["score"].astype(float)) if known else None
    return _of_labels(metric, arrays, decision)


def value(metric: str, arrays: Arrays, decision: Mapping[str, float]) -> float | None:
    """The metric itself, from what is stored."""
    found = parts(metric, arrays, decision)
    return None if found is None else float(found.mean())


def _ratio(above: Values, below: Values) -> Values:
    """sum(above) / sum(below), with each example's influence by the delta method; 0 where there is nothing below."""
    total = float(below.sum())
    if total == 0:
        return np.zeros(len(above))
    ratio = float(above.sum()) / total
    return np.asarray(ratio + len(above) * (above - ratio * below) / total)


# Numbers ------------------------------------------------------------------------------------------------------------


def _rmse(target: Values, score: Values) -> Values:
    squared = np.square(score - target)
    root = float(np.sqrt(squared.mean()))
    return root + (squared - root**2) / (2 * root) if root > 0 else np.zeros(len(target))


def _mae(target: Values, score: Values) -> Values:
    return np.abs(score - target)


def _r2(target: Values, score: Values) -> Values:
    return 1 - _ratio(np.square(score - target), np.square(target - target.mean()))


_OF_NUMBERS: dict[str, Callable[[Values, Values], Values]] = {"rmse": _rmse, "mae": _mae, "r2": _r2}


# Labels, scores and probabilities ---------------------------------------------------------------------------------


def _of_labels(metric: str, arrays: Arrays, decision: Mapping[str, float]) -> Values | None:
    target, score, p = arrays["target"].astype(float), arrays["score"].astype(float), arrays.get("probability")
    if metric == "roc_auc":
        return _roc_auc(target, score)
    if metric == "average_precision":
        return _average_precision(target, score)
    if metric in ("f1", "accuracy", "f1_at_half", "accuracy_at_half"):
        graded = score if p is None else p.astype(float)
        label = (graded > decision[metric]).astype(float) if metric in decision else arrays["label"].astype(float)
        return _f1(target, label) if metric.startswith("f1") else (label == target).astype(float)
    if p is None:
        return None
    p = p.astype(float)
    if metric == "brier":
        return np.square(p - target)
    if metric == "log_loss":
        return -_logs(target, p)
    return _by_groups(expected_calibration_error, target, p) if metric == "ece" else None


def _logs(target: Values, p: Values) -> Values:
    """The log probability of what was so, [n]."""
    kept = np.clip(p, 1e-15, 1 - 1e-15)
    return np.log(np.where(target > 0.5, kept, 1 - kept))


def _f1(target: Values, label: Values) -> Values:
    return _ratio(2 * label * target, label + target)


def _roc_auc(target: Values, score: Values) -> Values | None:
    """DeLong, DeLong and Clarke-Pearson 1988: how many of the other class each one is ranked right against."""
    positive = target > 0.5
    of, n = int(positive.sum()), len(target)
    if of in (0, n):
        return None
    placed = np.empty(n)
    placed[positive] = _placements(score[~positive], score[positive])
    placed[~positive] = 1 - _placements(score[positive], score[~positive])
    area = float(placed[positive].mean())
    share = np.where(positive, n / of, n / (n - of))
    return np.asarray(area + share * (placed - area))


def _placements(others: Values, score: Values) -> Values:
    """The share of the others that each score lies above, ties counted half."""
    ordered = np.sort(others)
    below, upto = (np.searchsorted(ordered, score, side=side) for side in ("left", "right"))
    return np.asarray((below + upto) / (2 * len(others)))


def _average_precision(target: Values, score: Values) -> Values | None:
    """The jackknife in closed form: leaving one row out changes the precision only at or below its score."""
    n, total = len(target), float(target.sum())
    if total in (0, n) or total < 2:
        return None
    order = np.argsort(-score, kind="stable")
    y, s = target[order], score[order]
    last = np.searchsorted(-s, -s, side="right")  # how many rows score at least as much
    first = np.searchsorted(-s, -s, side="left")
    hits, above = np.cumsum(y)[last - 1], last.astype(float)
    precision = hits / above
    whole = float((precision * y).sum() / total)
    others = np.maximum(above - 1, 1)
    # with a positive or a negative row left out that scores at least as much, and as it is where none is
    less = {True: (hits - 1) / others, False: hits / others}
    before = np.concatenate([[0.0], np.cumsum(precision * y)])[first]  # strictly above: as they were
    without = np.empty(n)
    for left_out, values in less.items():
        following = np.concatenate([np.cumsum((values * y)[::-1])[::-1], [0.0]])[first]
        mine = y > 0.5 if left_out else y <= 0.5
        kept = before + following - (values if left_out else 0.0)  # itself is left out
        without[mine] = kept[mine] / (total - left_out)
    found = np.empty(n)
    found[order] = whole + (n - 1) * (without.mean() - without)
    return found


# Tags -----------------------------------------------------------------------------------------------------------


def _of_tags(metric: str, arrays: Arrays) -> Values | None:
    """Of each sentence: entities [sentences, 3] are right, predicted, there; tags are those of its words."""
    right, predicted, there = arrays["entities"].astype(float).T
    match metric:
        case "entity_f1":
            return _ratio(2 * right, predicted + there)
        case "entity_precision":
            return _ratio(right, predicted)
        case "entity_recall":
            return _ratio(right, there)
    sentence = np.unique(arrays["rows"], return_inverse=True)[1]
    target, label, tags = arrays["target"], arrays["label"], arrays["tags"]

    def summed(hit: NDArray[Any]) -> Values:
        return np.bincount(sentence, hit.astype(float), minlength=len(right)).astype(float)

    def f1(named: NDArray[np.bool_]) -> Values:
        told, true = named[label], named[target]
        return _ratio(2 * summed((label == target) & true), summed(told) + summed(true))

    match metric:
        case "token_accuracy":
            return _ratio(summed(label == target), summed(np.ones(len(target))))
        case "token_f1":
            return f1(tags != "O")
        case "token_f1_macro":
            each = [f1(np.arange(len(tags)) == place) for place, tag in enumerate(tags) if tag != "O"]
            return np.asarray(np.mean(each, axis=0))
    return None


# Anything else --------------------------------------------------------------------------------------------------


def _by_groups(function: Callable[..., float], target: NDArray[Any], score: NDArray[Any]) -> Values:
    """What each of 50 groups contributes to a number of targets and scores."""
    return by_groups(lambda rows: function(target[rows], score[rows]), len(target))
