"""Huber's loss: squared near zero, absolute beyond."""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn import functional

from lossbench.loss import Kind, Loss, Range


class Huber(Loss):
    """Squared error for small errors, absolute error for large ones; estimates something between mean and median.

    r²/2 if |r| <= delta else delta (|r| - delta/2), r = output - target.

    Args:
        delta: error at which the loss turns from squared to linear, above 0; in training standard deviations of the
            target.

    Shape: output, target [n], in training standard deviations of the target; returns [n].

    Source: Huber, Annals of Mathematical Statistics 35, 1964.
    """

    kind = Kind.CONTINUOUS
    elicits = "centre"
    bounded, convex, zero = False, True, True
    monotone = True
    reference = "r²/2 if |r| ≤ δ else δ(|r| - δ/2); Huber 1964"
    special_cases = {"delta=1e6": "0.5 * mse"}
    search = {"delta": Range(0.1, 3.0, log=True)}
    units = {"delta": "training standard deviations of the target"}

    def __init__(self, delta: float = 1.0) -> None:
        super().__init__()
        if not 0 < delta < math.inf:
            raise ValueError(f"delta must be above 0 and finite, not {delta}")
        self.delta = delta

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        if output.dtype == target.dtype and not isinstance(self.delta, Tensor):
            return functional.huber_loss(output, target, reduction="none", delta=self.delta)
        # torch's kernel takes neither two types nor, as in a stack of trainings, one delta a row. near is r cut off at
        # ±delta, and near (r - near/2) both branches at once, with one gradient everywhere.
        residual = output - target
        near = residual.clamp(-self.delta, self.delta)
        return near * (residual - near / 2)
