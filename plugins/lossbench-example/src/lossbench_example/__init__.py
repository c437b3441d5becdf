"""A loss that lossbench does not include, in the smallest package that adds it."""

import math

import torch

from lossbench.loss import Kind, Loss, Range


class PseudoHuber(Loss):
    """Like Huber's loss, but smooth: squared near zero, linear for large errors.

    delta² (sqrt(1 + (r / delta)²) - 1), r = output - target.

    Args:
        delta: error at which the loss turns from squared to linear, above 0; in training standard deviations of the
            target.

    Shape: output, target [n], in training standard deviations of the target; returns [n].

    Source: Charbonnier et al., ICIP 1994.
    """

    kind = Kind.CONTINUOUS
    elicits = "centre"
    bounded, convex, zero, monotone = False, True, True, True
    reference = "δ²(√(1 + (r/δ)²) - 1); Charbonnier 1994"
    search = {"delta": Range(0.1, 3.0, log=True)}
    units = {"delta": "training standard deviations of the target"}

    def __init__(self, delta: float = 1.0) -> None:
        super().__init__()
        if not 0 < delta < math.inf:
            raise ValueError(f"delta must be above 0 and finite, not {delta}")
        self.delta = delta

    def forward(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        r = output - target
        # δ (hypot(r, δ) - δ) = δ r²/(hypot(r, δ) + δ): nothing cancels near 0, and no large r is squared
        return self.delta * r * (r / (torch.hypot(r, torch.full_like(r, self.delta)) + self.delta))
