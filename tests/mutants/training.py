"""Losses that no law finds wrong before they train."""

from __future__ import annotations

import torch
from torch import Tensor

from lossbench.loss import Kind, Loss
from tests.mutants.registry import breaks, crossentropy


@breaks("intercept_is_found", "its mean loss is .*, while .* is possible")
class OtherInTraining(Loss):
    """Pulls towards 0 in training alone: what it descends is not what it is judged by."""

    kind = Kind.BINARY

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        losses = crossentropy(output, target)
        return losses + 0.5 * output.square() if self.training else losses


@breaks("intercept_is_found", "its mean loss is .*, while .* is possible")
class NarrowWell(Loss):
    """Flat a little away from every target: a start elsewhere never arrives."""

    kind = Kind.CONTINUOUS
    bounded = True

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return 1 - (-50 * (output - target - 3).square()).exp()


@breaks("intercept_is_found", "The training diverged")
class FailsLate(Loss):
    """A schedule that divides by what is left of the training."""

    kind = Kind.CONTINUOUS

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("left", torch.ones(()))

    def advance(self, progress: float) -> None:
        self.left.fill_(1 - progress)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).square() / self.left
