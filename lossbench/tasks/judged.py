"""Code shared by tasks that judge predictions by several metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lossbench.metrics import catalogue
from lossbench.metrics.metric import Metric, Target
from lossbench.metrics.own_metric import OwnMetric
from lossbench.plan import Part


def with_usual(metric: Metric, own: OwnMetric | None, target: Target) -> tuple[Metric, ...]:
    """The metrics that a task computes: the chosen one unless it is somebody's own function, and the usual ones."""
    usual = catalogue.usual(target)
    return usual if own is not None or metric in usual else (metric, *usual)


def measured(
    metrics: Iterable[Metric], target: Tensor, given: Callable[[Metric], Tensor | None], part: Part
) -> tuple[dict[str, float], dict[str, NDArray[np.float64]]]:
    """All metrics of a part that a prediction allows, and what groups of test examples contribute to some of them.

    The second is for metrics whose own code would be needed to compute it from stored predictions.
    """
    values: dict[str, float] = {}
    influence: dict[str, NDArray[np.float64]] = {}
    for metric in metrics:
        needed = given(metric)
        if needed is None:
            continue
        values[metric.name] = metric.of(target, needed)
        if part is Part.TEST and metric.influence is None:
            parts = metric.parts(target.double().numpy(), needed.double().numpy())
            if parts is not None and len(parts) > 1 and bool(np.isfinite(parts).all()):
                influence[metric.name] = parts
    return values, influence


def row_by_row(function: Callable[..., Any], target: Tensor, score: Tensor) -> Tensor:
    """Somebody's own `(target, prediction) -> float` over each row of [..., n]."""
    rows = zip(target.reshape(-1, target.shape[-1]), score.reshape(-1, score.shape[-1]), strict=True)
    values = [float(function(y.numpy(), z.numpy())) for y, z in rows]
    return torch.tensor(values, dtype=torch.double).view(score.shape[:-1])
