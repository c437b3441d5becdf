"""kornia's robust losses of numbers. output, target: [n] in training standard deviations; their scale is fixed at 1."""

from __future__ import annotations

from kornia import losses
from torch import Tensor

from lossbench.loss import Kind, Loss


class Cauchy(Loss):
    """Asks for the centre; a target ten times as far off costs little more: kornia's `CauchyLoss`.

    log(1 + r²/2), r = output - target. output, target: [n]. Black and Anandan 1996; Barron's loss with alpha = 0.
    """

    kind = Kind.CONTINUOUS
    elicits = "centre"
    bounded, convex, zero, monotone = False, False, True, True
    reference = "log(1 + r²/2); Black & Anandan 1996; kornia.losses.CauchyLoss"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return losses.cauchy_loss(output, target, reduction="none")


class Welsch(Loss):
    """Asks for where targets are dense; one far off hardly pulls, and costs no more than 1: kornia's `WelschLoss`.

    1 - exp(-r²/2), r = output - target. output, target: [n]. Dennis and Welsch 1978; Barron's loss with alpha = -∞.
    """

    kind = Kind.CONTINUOUS
    elicits = "centre"
    bounded, convex, zero, monotone = True, False, True, True
    reference = "1 - exp(-r²/2); Dennis & Welsch 1978; kornia.losses.WelschLoss"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return losses.welsch_loss(output, target, reduction="none")


class GemanMcClure(Loss):
    """Asks for where targets are dense; one far off hardly pulls, and costs at most 2: kornia's `GemanMcclureLoss`.

    2 r²/(r² + 4), r = output - target. output, target: [n]. Geman and McClure 1985; Barron's loss with alpha = -2.
    """

    kind = Kind.CONTINUOUS
    elicits = "centre"
    bounded, convex, zero, monotone = True, False, True, True
    reference = "2r²/(r² + 4); Geman & McClure 1985; kornia.losses.GemanMcclureLoss"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return losses.geman_mcclure_loss(output, target, reduction="none")


class Charbonnier(Loss):
    """Asks for something between the mean and the median, without a corner in its slope: kornia's `CharbonnierLoss`.

    √(r² + 1) - 1, r = output - target. output, target: [n]. Charbonnier et al., ICIP 1994; Barron's loss with alpha 1.
    """

    kind = Kind.CONTINUOUS
    elicits = "centre"
    bounded, convex, zero, monotone = False, True, True, True
    reference = "√(r² + 1) - 1; Charbonnier et al. 1994; kornia.losses.CharbonnierLoss"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return losses.charbonnier_loss(output, target, reduction="none")
