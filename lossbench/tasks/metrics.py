"""Metrics of rows, by torchmetrics where it has them: targets and predictions in, one float out.

torchmetrics is imported when the first metric is computed: it takes seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lossbench.errors import InputError, UnknownName
from lossbench.plugins import import_target
from lossbench.task import Direction, Metric

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
PROBABILISTIC = ("brier", "log_loss", "ece")
"""Metrics that need a probability; a loss that gives none has none of them."""


def regression(name: str, target: Tensor, score: Tensor) -> float:
    """One of `REGRESSION` over targets [n] and predictions [n] in original units."""
    from torchmetrics.functional import mean_absolute_error, mean_squared_error, r2_score

    match name:
        case "rmse":
            return float(mean_squared_error(score, target, squared=False))
        case "mae":
            return float(mean_absolute_error(score, target))
        case _:
            return float(r2_score(score, target))


def ranking(name: str, target: Tensor, score: Tensor) -> float:
    """ROC-AUC or average precision of scores [n] that may have any scale; target [n] in {0, 1}."""
    from torchmetrics.functional.classification import binary_auroc, binary_average_precision

    if len(torch.unique(target)) < 2:
        return float("nan")  # nothing to rank against each other
    # torchmetrics squashes scores outside [0, 1] by a sigmoid, which would tie large ones: ranks keep every order.
    distinct, ranks = torch.unique(score, return_inverse=True)
    shares = ranks.double() / max(len(distinct), 1)
    function = binary_auroc if name == "roc_auc" else binary_average_precision
    return float(function(shares, target.long(), validate_args=False))


def decisions(name: str, target: Tensor, label: Tensor) -> float:
    """F1 or accuracy of labels [n] in {0, 1}."""
    from torchmetrics.functional.classification import binary_accuracy, binary_f1_score

    function = binary_f1_score if name.startswith("f1") else binary_accuracy
    return float(function(label.long(), target.long(), validate_args=False))


def probabilistic(name: str, target: Tensor, probability: Tensor) -> float:
    """Brier score, log loss (nats; probabilities kept within 1e-15) or ECE of probabilities [n] of class 1."""
    p = probability.double()
    match name:
        case "brier":
            return float(((p - target) ** 2).mean())
        case "log_loss":
            p = p.clamp(1e-15, 1 - 1e-15)
            return float(-torch.where(target > 0.5, p.log(), (1 - p).log()).mean())
        case _:
            return expected_calibration_error(target.numpy(), p.numpy())


def expected_calibration_error(target: NDArray[Any], probability: NDArray[Any], bins: int = 15) -> float:
    """How far off probabilities are on average: 15 bins of equal counts, |mean probability - share of positives|.

    Nixon et al. 2019 (adaptive calibration error, one class). Equal probabilities never fall into two bins.
    """
    order = np.argsort(probability, kind="stable")
    p, y = probability[order], target[order].astype(float)
    cuts = p[np.clip((np.arange(1, bins) * len(p)) // bins, 0, len(p) - 1)]
    which = np.searchsorted(np.unique(cuts), p, side="right")
    counts = np.bincount(which)
    gaps = np.abs(np.bincount(which, p) - np.bincount(which, y))
    return float(gaps[counts > 0].sum() / len(p))


def best_threshold(target: Tensor, score: Tensor, metric: str, middle: float) -> float:
    """The threshold on scores [n] (label 1 above it) with the best F1 or accuracy; of equal ones, nearest `middle`."""
    values, order = torch.sort(score.double(), descending=True)
    hits = target.double()[order]
    above = torch.arange(1, len(values) + 1, dtype=torch.double)
    positives, true_positives = hits.sum(), hits.cumsum(0)
    if metric == "f1":
        quality = 2 * true_positives / (above + positives)
        none_above = torch.zeros(1, dtype=torch.double)
    else:
        true_negatives = (len(values) - above) - (positives - true_positives)
        quality = (true_positives + true_negatives) / len(values)
        none_above = ((len(values) - positives) / len(values))[None]
    # A threshold lies halfway between two different scores; above all of them nothing is positive.
    infinite = torch.tensor([torch.inf], dtype=torch.double)
    below = torch.minimum(values[-1:] - 1, torch.nextafter(values[-1:], -infinite))
    over = torch.maximum(values[:1] + 1, torch.nextafter(values[:1], infinite))
    following = torch.cat([values[1:], below])
    halfway = (values + following) / 2
    possible = values > following
    thresholds = torch.cat([over, torch.where(halfway < values, halfway, following)[possible]])
    quality = torch.cat([none_above, quality[possible]])
    best = thresholds[quality >= quality.max() - 1e-12]
    return float(best[(best - middle).abs().argmin()])


def chosen(
    metric: str, direction: str | None, known: Mapping[str, Direction]
) -> tuple[Metric, Callable[..., Any] | None]:
    """The metric of a task by name, or any importable `(target, prediction) -> float` with a declared direction."""
    if metric in known:
        return Metric(metric, known[metric]), None
    if "." not in metric:
        raise UnknownName("metric", metric, known, "Or give an importable function: task.metric=my.module.function")
    function = import_target(metric, "task.metric")
    stated = direction or getattr(function, "direction", None)
    if stated not in ("min", "max"):
        raise InputError(f"task.metric={metric} needs task.direction=min or task.direction=max.")
    if not callable(function):
        raise InputError(f"task.metric={metric} is not a function (target, prediction) -> float.")
    short = metric.rpartition(".")[2]
    return Metric(metric if short in known else short, Direction(stated)), function
