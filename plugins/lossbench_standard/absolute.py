"""The absolute error."""

from __future__ import annotations

from torch import Tensor

from lossbench.loss import Kind, Loss


class AbsoluteError(Loss):
    """Estimates the median; a large error counts in proportion, not squared.

    |output - target|.

    Shape: output, target [n], in training standard deviations of the target; returns [n].

    Source: Laplace, 1774.
    """

    kind = Kind.CONTINUOUS
    elicits = "median"
    bounded, convex, zero = False, True, True
    monotone = True
    reference = "|ŷ - y|"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).abs()
