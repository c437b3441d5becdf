"""kornia's robust losses of numbers. output, target: [n] in training standard deviations; their scale is fixed at 1."""

from __future__ import annotations

from kornia import losses
from torch import Tensor

from lossbench.loss import Kind, Loss


class Cauchy(Loss):
    """Robust: a large error counts by its logarithm; estimates the centre (kornia's `CauchyLoss`).

    log(1 + r²/2), r = output - target: Barron's loss with alpha = 0.

    Shape: output, target [n], in training standard deviations of the target; returns [n].

    Source: Black and Anandan 1996.
    """

    kind = Kind.CONTINUOUS
    elicits = "centre"
    bounded, convex, zero, monotone = False, False, True, True
    reference = "log(1 + r²/2); Black & Anandan 1996; kornia.losses.CauchyLoss"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return losses.cauchy_loss(output, target, reduction="none")


class Welsch(Loss):
    """Very robust: a distant target gets almost no gradient and costs at most 1 (kornia's `WelschLoss`).

    1 - exp(-r²/2), r = output - target: Barron's loss with alpha = -∞.

    Shape: output, target [n], in training standard deviations of the target; returns [n].

    Source: Dennis and Welsch 1978.
    """

    kind = Kind.CONTINUOUS
    elicits = "centre"
    bounded, convex, zero, monotone = True, False, True, True
    reference = "1 - exp(-r²/2); Dennis & Welsch 1978; kornia.losses.WelschLoss"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return losses.welsch_loss(output, target, reduction="none")


class GemanMcClure(Loss):
    """Very robust: a distant target gets almost no gradient and costs at most 2 (kornia's `GemanMcclureLoss`).

    2 r²/(r² + 4), r = output - target: Barron's loss with alpha = -2.

    Shape: output, target [n], in training standard deviations of the target; returns [n].

    Source: Geman and McClure 1985.
    """

    kind = Kind.CONTINUOUS
    elicits = "centre"
    bounded, convex, zero, monotone = True, False, True, True
    reference = "2r²/(r² + 4); Geman & McClure 1985; kornia.losses.GemanMcclureLoss"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return losses.geman_mcclure_loss(output, target, reduction="none")


class Charbonnier(Loss):
    """Like Huber's loss, but smooth; estimates something between mean and median (kornia's `CharbonnierLoss`).

    √(r² + 1) - 1, r = output - target: Barron's loss with alpha = 1.

    Shape: output, target [n], in training standard deviations of the target; returns [n].

    Source: Charbonnier et al., ICIP 1994.
    """

    kind = Kind.CONTINUOUS
    elicits = "centre"
    bounded, convex, zero, monotone = False, True, True, True
    reference = "√(r² + 1) - 1; Charbonnier et al. 1994; kornia.losses.CharbonnierLoss"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return losses.charbonnier_loss(output, target, reduction="none")
