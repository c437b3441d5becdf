"""A training that is ready to begin: what every engine takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from lossbench.loss import Loss
from lossbench.plan import Trial
from lossbench.tasks.contract import Fold
from lossbench.training.batches import TrainingBatches


@dataclass(frozen=True)
class PreparedTraining:
    """One trial with its model, loss and rows; `hashes` cover what it must share with other losses."""

    trial: Trial
    model: nn.Module
    loss: Loss
    fold: Fold
    batches: TrainingBatches
    outputs: int
    """Raw outputs per target."""
    seed: int
    hashes: Mapping[str, str]
