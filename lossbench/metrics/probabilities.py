"""Metrics of the probability of class 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lossbench.metrics.by_torchmetrics import torchmetric
from lossbench.metrics.calibration import TINY, expected_calibration_error
from lossbench.metrics.jackknife import by_groups
from lossbench.metrics.metric import Direction, Metric, Need, Target, Values

if TYPE_CHECKING:
    from torch import Tensor


def _brier(target: Tensor, probability: Tensor) -> Tensor:
    return (probability.double() - target).square().mean(-1)


def _log_loss(target: Tensor, probability: Tensor) -> Tensor:
    import torch

    p = probability.double().clamp(TINY, 1 - TINY)
    return -torch.where(target > 0.5, p.log(), (1 - p).log()).mean(-1)


def _ece(target: Tensor, probability: Tensor) -> float:
    return expected_calibration_error(target.numpy(), probability.double().numpy())


def _brier_parts(target: Values, probability: Values) -> Values:
    return np.square(probability - target)


def _ece_parts(target: Values, probability: Values) -> Values:
    return by_groups(lambda rows: expected_calibration_error(target[rows], probability[rows]), len(target))


def _log_loss_parts(target: Values, probability: Values) -> Values:
    kept = np.clip(probability, TINY, 1 - TINY)
    return -np.log(np.where(target > 0.5, kept, 1 - kept))


MIN, CLASSES, PROBABILITY = Direction.MIN, Target.TWO_CLASSES, Need.PROBABILITY
METRICS = (
    Metric(
        "brier",
        MIN,
        CLASSES,
        PROBABILITY,
        label="Brier score",
        value=torchmetric("MeanSquaredError"),
        stacked=_brier,
        influence=_brier_parts,
        margin=0.002,
        best=0.0,
        proper=True,
        usual=True,
    ),
    Metric(
        "log_loss",
        MIN,
        CLASSES,
        PROBABILITY,
        stacked=_log_loss,
        influence=_log_loss_parts,
        margin=0.01,
        best=0.0,
        proper=True,
        usual=True,
    ),
    # torchmetrics uses bins of equal width, most of them empty for a rare class; these have equal counts
    Metric(
        "ece",
        MIN,
        CLASSES,
        PROBABILITY,
        label="ECE",
        value=_ece,
        influence=_ece_parts,
        margin=0.01,
        best=0.0,
        proper=True,
        usual=True,
    ),
)
