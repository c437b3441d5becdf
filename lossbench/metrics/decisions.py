"""Metrics of decisions between two classes, and the thresholds at which they are best.

Each is a formula in four counts. Its threshold is the one with the best value on validation data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lossbench.metrics.by_torchmetrics import torchmetric
from lossbench.metrics.metric import Direction, Family, Metric, Need, Target, Values, numbered
from lossbench.metrics.ratios import ratio

if TYPE_CHECKING:
    from torch import Tensor

Formula = Callable[[Any, Any, Any, Any], Any]
"""A function of true positives, false positives, false negatives and true negatives; arrays or tensors."""


def _share(part: Any, whole: Any) -> Any:
    """part / whole, or 0 if the whole is 0."""
    return part / (whole + (whole == 0))


def _accuracy(tp: Any, fp: Any, fn: Any, tn: Any) -> Any:
    return (tp + tn) / (tp + fp + fn + tn)


def _precision(tp: Any, fp: Any, fn: Any, tn: Any) -> Any:
    return _share(tp, tp + fp)


def _recall(tp: Any, fp: Any, fn: Any, tn: Any) -> Any:
    return _share(tp, tp + fn)


def _specificity(tp: Any, fp: Any, fn: Any, tn: Any) -> Any:
    return _share(tn, tn + fp)


def _balanced_accuracy(tp: Any, fp: Any, fn: Any, tn: Any) -> Any:
    there = 1.0 * (tp + fn > 0) + 1.0 * (tn + fp > 0)  # a class without rows does not count
    return (_share(tp, tp + fn) + _share(tn, tn + fp)) / there


def _mcc(tp: Any, fp: Any, fn: Any, tn: Any) -> Any:
    # separate roots: float64 cannot hold the product of four counts exactly
    below = (tp + fp) ** 0.5 * (tp + fn) ** 0.5 * (tn + fp) ** 0.5 * (tn + fn) ** 0.5
    return _share(tp * tn - fp * fn, below)


def _f(beta: float) -> Formula:
    square = beta**2

    def formula(tp: Any, fp: Any, fn: Any, tn: Any) -> Any:
        return _share((1 + square) * tp, (1 + square) * tp + square * fn + fp)

    return formula


def _stacked(formula: Formula) -> Callable[[Tensor, Tensor], Tensor]:
    """The formula for labels [..., n] in {0, 1}."""

    def value(target: Tensor, label: Tensor) -> Tensor:
        told, true = label.double(), target.double()
        tp = (told * true).sum(-1)
        fp, fn = told.sum(-1) - tp, true.sum(-1) - tp
        return formula(tp, fp, fn, told.shape[-1] - tp - fp - fn)

    return value


def _left_out(formula: Formula) -> Callable[[Values, Values], Values]:
    """The jackknife in closed form: leaving out an example reduces its count by one."""

    def parts(target: Values, label: Values) -> Values:
        told, true = label > 0.5, target > 0.5
        cells = np.stack([told & true, told & ~true, ~told & true, ~told & ~true]).astype(float)
        counts, n = cells.sum(1), len(target)
        without = np.array([formula(*(counts - np.eye(4)[kind])) if counts[kind] else 0.0 for kind in range(4)])
        each = without @ cells
        return np.asarray(formula(*counts) + (n - 1) * (each.mean() - each))

    return parts


def _f1_parts(target: Values, label: Values) -> Values:
    return ratio(2 * label * target, label + target)


def _hits(target: Values, label: Values) -> Values:
    return np.asarray((label == target).astype(float))


def _metric(name: str, formula: Formula, of_torchmetrics: str, margin: float = 0.005, **more: Any) -> Metric:
    params = more.pop("params", {})
    return Metric(
        name,
        Direction.MAX,
        Target.TWO_CLASSES,
        Need.LABEL,
        value=torchmetric(f"classification.{of_torchmetrics}", **params),
        stacked=_stacked(formula),
        influence=more.pop("influence", None) or _left_out(formula),
        margin=margin,
        best=1.0,
        of_counts=formula,
        **more,
    )


MOST_BETA = 1e6
"""Beyond it, F equals recall to all digits."""


def f_beta(beta: float) -> Metric:
    """The F-measure of precision and recall, in which recall counts beta times as much."""
    if not 0 < beta <= MOST_BETA:
        raise ValueError(f"it must be above 0 and at most {MOST_BETA:g}")
    return _metric(
        numbered("f_beta", beta), _f(beta), "BinaryFBetaScore", label=f"F{beta:g}", params={"beta": float(beta)}
    )


AT_HALF = "_at_half"
"""Suffix of a metric of decisions without a tuned threshold, as in `f1_at_half`."""


def at_half(metric: Metric) -> Metric:
    """The metric without a tuned threshold: it judges the loss's own decision for class 1."""
    return replace(metric, name=metric.name + AT_HALF, label=f"{metric.written} at .5", of_counts=None)


_BOTH = (
    _metric("f1", _f(1.0), "BinaryF1Score", label="F1", influence=_f1_parts, usual=True),
    _metric("accuracy", _accuracy, "BinaryAccuracy", influence=_hits, usual=True),
)
METRICS = (
    *_BOTH,
    *map(at_half, _BOTH),
    # torchmetrics counts these in float32
    replace(_metric("mcc", _mcc, "BinaryMatthewsCorrCoef", label="Matthews correlation"), value=None),
    # torchmetrics counts a class that is predicted but does not occur
    replace(_metric("balanced_accuracy", _balanced_accuracy, "MulticlassAccuracy"), value=None),
    # a tuned threshold would be above or below all scores, so these judge the loss's own decision
    *(
        replace(_metric(name, formula, f"Binary{name.capitalize()}", label=f"{name} at .5"), of_counts=None)
        for name, formula in (("precision", _precision), ("recall", _recall), ("specificity", _specificity))
    ),
)
FAMILIES = (Family("f_beta", "beta", 2.0, f_beta),)


# Thresholds -----------------------------------------------------------------------------------------------------------


def best_threshold(target: Tensor, score: Tensor, formula: Formula, middle: float) -> float:
    """The threshold on scores [n] (label 1 above it) with the largest value; of equal ones the closest to `middle`."""
    import torch

    values, quality, possible = _by_threshold(target, score, formula)
    # A threshold lies halfway between two different scores; above all of them nothing is positive.
    infinite = torch.tensor([torch.inf], dtype=torch.double)
    below = torch.minimum(values[-1:] - 1, torch.nextafter(values[-1:], -infinite))
    over = torch.maximum(values[:1] + 1, torch.nextafter(values[:1], infinite))
    following = torch.cat([values[1:], below])
    halfway = (values + following) / 2
    thresholds = torch.cat([over, torch.where(halfway < values, halfway, following)])
    best = thresholds[possible & (quality >= quality[possible].max() - 1e-12)]
    return float(best[(best - middle).abs().argmin()])


def best_stored_threshold(target: Values, score: Values, formula: Formula, middle: float) -> float:
    """The same for stored predictions."""
    import torch

    return best_threshold(torch.from_numpy(target), torch.from_numpy(score), formula, middle)


def best_decisions(target: Tensor, score: Tensor, formula: Formula) -> Tensor:
    """The value of a formula for scores [..., n] at the best possible threshold."""
    import torch

    _, quality, possible = _by_threshold(target, score, formula)
    return torch.where(possible, quality, -torch.inf).amax(-1)


def _by_threshold(target: Tensor, score: Tensor, formula: Formula) -> tuple[Tensor, Tensor, Tensor]:
    """Scores [..., n] downwards, and what a formula is [..., n + 1] where the first 0, 1 ... n of them are 1.

    The third tells where a threshold can be drawn: not between equal scores.
    """
    import torch

    values, order = torch.sort(score.double(), descending=True, dim=-1)
    hits = target.double().gather(-1, order)
    positives = hits.sum(-1, keepdim=True)
    tp = torch.cat([torch.zeros_like(positives), hits.cumsum(-1)], dim=-1)
    n = values.shape[-1]
    above = torch.arange(n + 1, dtype=torch.double)
    quality = formula(tp, above - tp, positives - tp, (n - above) - (positives - tp))
    always = torch.ones_like(positives, dtype=torch.bool)
    return values, quality, torch.cat([always, values[..., :-1] > values[..., 1:], always], dim=-1)
