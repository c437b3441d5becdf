"""A loss that lossbench does not have, in the smallest package that brings it there."""

import torch

from lossbench.loss import Kind, Loss


class PseudoHuber(Loss):
    """Like Huber's loss, but smooth: squared near zero, absolute far away.

    delta² (sqrt(1 + (r / delta)²) - 1), r = output - target. output, target: [n] in training standard deviations.
    Charbonnier et al., ICIP 1994.
    """

    kind = Kind.CONTINUOUS
    reference = "δ²(√(1 + (r/δ)²) - 1); Charbonnier 1994"
    units = {"delta": "training standard deviations of the target"}

    def __init__(self, delta: float = 1.0) -> None:
        super().__init__()
        if not delta > 0:
            raise ValueError(f"delta is above 0, not {delta}")
        self.delta = delta

    def forward(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        # hypot(delta, r) = delta sqrt(1 + (r / delta)²), without squaring a large r
        size = torch.hypot(output - target, torch.tensor(self.delta, dtype=output.dtype, device=output.device))
        return self.delta * (size - self.delta)
