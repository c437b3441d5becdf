"""Metrics of numbers in the target's unit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from lossbench.metrics.by_torchmetrics import torchmetric
from lossbench.metrics.metric import Direction, Metric, Target, Values
from lossbench.metrics.ratios import ratio

if TYPE_CHECKING:
    from torch import Tensor


def _error(target: Tensor, score: Tensor) -> Tensor:
    return score.double() - target.double()


def _rmse(target: Tensor, score: Tensor) -> Tensor:
    return _error(target, score).square().mean(-1).sqrt()


def _mae(target: Tensor, score: Tensor) -> Tensor:
    return _error(target, score).abs().mean(-1)


def _r2(target: Tensor, score: Tensor) -> Tensor:
    spread = target.double() - target.double().mean(-1, keepdim=True)
    return 1 - _error(target, score).square().sum(-1) / spread.square().sum(-1)


def _explained_variance(target: Tensor, score: Tensor) -> Tensor:
    error, spread = _error(target, score), target.double()
    return 1 - error.var(-1, correction=0) / spread.var(-1, correction=0)


def _median_error(target: Tensor, score: Tensor) -> Tensor:
    return _error(target, score).abs().quantile(0.5, dim=-1)


def _mape(target: Tensor, score: Tensor) -> Tensor:
    size = target.double().abs().clamp(min=np.finfo(np.float64).eps)  # as in scikit-learn
    return (_error(target, score).abs() / size).mean(-1)


def _ranks(values: Tensor) -> Tensor:
    """Ranks from 1 over the last dimension; ties share their mean rank."""
    import torch

    values = values.double().contiguous()
    ordered = values.sort(-1).values
    below, upto = (torch.searchsorted(ordered, values, right=right) for right in (False, True))
    return (below + upto + 1).double() / 2


def _spearman(target: Tensor, score: Tensor) -> Tensor:
    one, other = (ranks - ranks.mean(-1, keepdim=True) for ranks in (_ranks(target), _ranks(score)))
    return (one * other).sum(-1) / (one.square().sum(-1) * other.square().sum(-1)).sqrt()


# What each example has to do with them ---------------------------------------------------------------------------


def _rmse_parts(target: Values, score: Values) -> Values:
    squared = np.square(score - target)
    root = float(np.sqrt(squared.mean()))
    return root + (squared - root**2) / (2 * root) if root > 0 else np.zeros(len(target))


def _mae_parts(target: Values, score: Values) -> Values:
    return np.abs(score - target)


def _unless_constant(value: Callable[[Tensor, Tensor], float], stacked: Callable[[Tensor, Tensor], Tensor]) -> Any:
    """NaN for targets that are all the same, for which torchmetrics returns a number."""

    def of(target: Tensor, score: Tensor) -> float:
        return float(stacked(target, score)) if bool((target == target[0]).all()) else value(target, score)

    return of


def _r2_parts(target: Values, score: Values) -> Values | None:
    if (target == target[0]).all():
        return None
    return 1 - ratio(np.square(score - target), np.square(target - target.mean()))


def _mape_parts(target: Values, score: Values) -> Values:
    return np.abs(score - target) / np.maximum(np.abs(target), np.finfo(np.float64).eps)


MIN, MAX, NUMBERS = Direction.MIN, Direction.MAX, Target.NUMBERS
METRICS = (
    Metric(
        "rmse",
        MIN,
        NUMBERS,
        label="RMSE",
        value=torchmetric("MeanSquaredError", squared=False),
        stacked=_rmse,
        influence=_rmse_parts,
        best=0.0,
        usual=True,
    ),
    Metric(
        "mae",
        MIN,
        NUMBERS,
        label="MAE",
        value=torchmetric("MeanAbsoluteError"),
        stacked=_mae,
        influence=_mae_parts,
        best=0.0,
        usual=True,
    ),
    Metric(
        "r2",
        MAX,
        NUMBERS,
        label="R²",
        value=_unless_constant(torchmetric("R2Score"), _r2),
        stacked=_r2,
        influence=_r2_parts,
        margin=0.01,
        best=1.0,
        usual=True,
    ),
    Metric(
        "explained_variance",
        MAX,
        NUMBERS,
        value=_unless_constant(torchmetric("ExplainedVariance"), _explained_variance),
        stacked=_explained_variance,
        margin=0.01,
        best=1.0,
    ),
    Metric("median_ae", MIN, NUMBERS, label="median absolute error", stacked=_median_error, best=0.0),
    Metric(
        "mape",
        MIN,
        NUMBERS,
        label="MAPE",
        stacked=_mape,  # torchmetrics clips targets a million times further from 0 than scikit-learn
        influence=_mape_parts,
        margin=0.01,
        best=0.0,
    ),
    Metric("spearman", MAX, NUMBERS, label="Spearman's ρ", stacked=_spearman, margin=0.01, best=1.0),
)
