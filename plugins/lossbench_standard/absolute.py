"""The absolute error."""

from __future__ import annotations

from torch import Tensor

from lossbench.loss import Kind, Loss


class AbsoluteError(Loss):
    """Asks for the median, and pays for a large error no more than its size.

    |output - target|. output, target: [n] in training standard deviations. Laplace, 1774.
    """

    kind = Kind.CONTINUOUS
    elicits = "median"
    bounded, convex, zero = False, True, True
    monotone = True
    reference = "|ŷ - y|"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).abs()
