"""Metrics of rows, over the last dimension: one prediction of n targets, or those of many trainings at once.

Plain tensor code in float64, so that a stack of trainings is judged in one call; the tests hold every metric against
scikit-learn and torchmetrics.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from lossbench.errors import UnknownName
from lossbench.metrics import own_metric
from lossbench.metrics.calibration import expected_calibration_error
from lossbench.metrics.metric import Direction, Metric
from lossbench.metrics.own_metric import OwnMetric

MIN, MAX = Direction.MIN, Direction.MAX

REGRESSION: Mapping[str, Direction] = {"rmse": MIN, "mae": MIN, "r2": MAX}
BINARY: Mapping[str, Direction] = {
    "roc_auc": MAX,
    "average_precision": MAX,
    "f1": MAX,
    "accuracy": MAX,
    "brier": MIN,
    "log_loss": MIN,
    "ece": MIN,
    "f1_at_half": MAX,
    "accuracy_at_half": MAX,
}
MARGINS: Mapping[str, float] = {
    **dict.fromkeys(("roc_auc", "average_precision", "f1", "accuracy", "f1_at_half", "accuracy_at_half"), 0.005),
    "brier": 0.002,
    "log_loss": 0.01,
    "ece": 0.01,
    "r2": 0.01,
}
"""Differences that are the same in practice, where the metric's own scale says so."""
PROBABILISTIC = ("brier", "log_loss", "ece")
"""Metrics that need a probability; a loss that gives none has none of them."""


def regression(name: str, target: Tensor, score: Tensor) -> Tensor:
    """One of `REGRESSION` over the last dimension of targets and predictions [..., n] in original units."""
    error = score.double() - target.double()
    match name:
        case "rmse":
            return error.square().mean(-1).sqrt()
        case "mae":
            return error.abs().mean(-1)
        case _:
            spread = target.double() - target.double().mean(-1, keepdim=True)
            return 1 - error.square().sum(-1) / spread.square().sum(-1)


def ranking(name: str, target: Tensor, score: Tensor) -> Tensor:
    """ROC-AUC or average precision of scores [..., n] that may have any scale; target [..., n] in {0, 1}.

    Tied scores share their rank. NaN where all targets are equal: there is nothing to rank against each other.
    """
    target, n = target.double(), score.shape[-1]
    ordered, order = torch.sort(score.contiguous(), dim=-1)
    hits = target.gather(-1, order)
    positives = hits.sum(-1)
    negatives = n - positives
    lower = torch.searchsorted(ordered, score.contiguous())  # of each row: how many scores lie below its own
    if name == "roc_auc":
        upper = torch.searchsorted(ordered, score.contiguous(), right=True)
        ranks = (lower + upper + 1).double() / 2
        # Mann and Whitney: the ranks of the positives, less what they would have among themselves
        value = ((ranks * target).sum(-1) - positives * (positives + 1) / 2) / (positives * negatives)
    else:
        # precision among the rows scored at least as high, averaged over the positives
        before = torch.cat([torch.zeros_like(hits[..., :1]), hits.cumsum(-1)], dim=-1).gather(-1, lower)
        precision = (positives.unsqueeze(-1) - before) / (n - lower)
        value = (precision * target).sum(-1) / positives
    return torch.where((positives > 0) & (negatives > 0), value, torch.nan)


def decisions(name: str, target: Tensor, label: Tensor) -> Tensor:
    """F1 or accuracy of labels [..., n] in {0, 1}; an F1 without a single positive, told or true, is 0."""
    told, true = label.double(), target.double()
    if name.startswith("accuracy"):
        return (told == true).double().mean(-1)
    both = told.sum(-1) + true.sum(-1)
    return torch.where(both > 0, 2 * (told * true).sum(-1) / both.clamp(min=1), 0.0)


def probabilistic(name: str, target: Tensor, probability: Tensor) -> Tensor:
    """Brier score, log loss (nats; probabilities kept within 1e-15) or ECE of probabilities [..., n] of class 1."""
    p = probability.double()
    match name:
        case "brier":
            return (p - target).square().mean(-1)
        case "log_loss":
            p = p.clamp(1e-15, 1 - 1e-15)
            return -torch.where(target > 0.5, p.log(), (1 - p).log()).mean(-1)
        case _:
            rows = zip(target.reshape(-1, target.shape[-1]), p.reshape(-1, p.shape[-1]), strict=True)
            errors = [expected_calibration_error(y.numpy(), q.numpy()) for y, q in rows]
            return torch.tensor(errors, dtype=torch.double).view(p.shape[:-1])


def row_by_row(function: Callable[..., Any], target: Tensor, score: Tensor) -> Tensor:
    """Somebody's own `(target, prediction) -> float` over each row of [..., n]."""
    rows = zip(target.reshape(-1, target.shape[-1]), score.reshape(-1, score.shape[-1]), strict=True)
    values = [float(function(y.numpy(), z.numpy())) for y, z in rows]
    return torch.tensor(values, dtype=torch.double).view(score.shape[:-1])


def best_threshold(target: Tensor, score: Tensor, metric: str, middle: float) -> float:
    """The threshold on scores [n] (label 1 above it) with the best F1 or accuracy; of equal ones, nearest `middle`."""
    values, quality, possible = _by_threshold(target, score, metric)
    # A threshold lies halfway between two different scores; above all of them nothing is positive.
    infinite = torch.tensor([torch.inf], dtype=torch.double)
    below = torch.minimum(values[-1:] - 1, torch.nextafter(values[-1:], -infinite))
    over = torch.maximum(values[:1] + 1, torch.nextafter(values[:1], infinite))
    following = torch.cat([values[1:], below])
    halfway = (values + following) / 2
    thresholds = torch.cat([over, torch.where(halfway < values, halfway, following)])
    best = thresholds[possible & (quality >= quality[possible].max() - 1e-12)]
    return float(best[(best - middle).abs().argmin()])


def best_decisions(target: Tensor, score: Tensor, metric: str) -> Tensor:
    """F1 or accuracy of scores [..., n] at the best threshold that they allow."""
    _, quality, possible = _by_threshold(target, score, metric)
    return torch.where(possible, quality, -torch.inf).amax(-1)


def _by_threshold(target: Tensor, score: Tensor, metric: str) -> tuple[Tensor, Tensor, Tensor]:
    """Scores [..., n] downwards, and what F1 or accuracy is [..., n + 1] where the first 0, 1 ... n of them are 1.

    The third tells where a threshold can be drawn: not between equal scores.
    """
    values, order = torch.sort(score.double(), descending=True, dim=-1)
    hits = target.double().gather(-1, order)
    positives = hits.sum(-1, keepdim=True)
    true_positives = torch.cat([torch.zeros_like(positives), hits.cumsum(-1)], dim=-1)
    n = values.shape[-1]
    above = torch.arange(n + 1, dtype=torch.double)
    if metric == "f1":
        quality = 2 * true_positives / (above + positives).clamp(min=1)
    else:
        true_negatives = (n - above) - (positives - true_positives)
        quality = (true_positives + true_negatives) / n
    always = torch.ones_like(positives, dtype=torch.bool)
    return values, quality, torch.cat([always, values[..., :-1] > values[..., 1:], always], dim=-1)


def chosen(metric: str, direction: str | None, known: Mapping[str, Direction]) -> tuple[Metric, OwnMetric | None]:
    """The metric of a task by name, or any importable `(target, prediction) -> float` with a declared direction."""
    if metric in known:
        return Metric(metric, known[metric]), None
    if "." not in metric:
        raise UnknownName("metric", metric, known, "Or give an importable function: task.metric=my.module.function")
    ask = "task.direction=min or task.direction=max"
    own = own_metric.load(metric, direction, known, what="task.metric", ask=ask)
    return Metric(own.name, Direction(own.direction)), own


def undecided(
    metric: str, direction: str | None, known: Mapping[str, Direction], task: str
) -> tuple[Metric, OwnMetric | None]:
    """The same for a task that has no thresholds; InputError for a function that cannot do without one."""
    found, own = chosen(metric, direction, known)
    return found, own_metric.undecided(own, task) if own else None
