"""Losses that are right on paper: overflow, NaN, dead gradients, lost digits."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from lossbench.loss import Kind, Loss, Range
from tests.mutants.registry import breaks, crossentropy

LOW, FINITE, PULL = "low_precision_is_right", "finite_at_extremes", "wrong_answers_pull"
SEARCH = "search_stays_finite"


@breaks(FINITE, "It is infinite, though it was 7.* just before: it overflows.*in float64")
class LogCosh(Loss):
    """keras-team/keras#8524, Lightning-AI/torchmetrics#3488, JuliaAI/MLJBase.jl#437: cosh overflows at 711."""

    kind = Kind.CONTINUOUS

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).cosh().log()


@breaks(FINITE, "It is infinite where its true value is .* in float16")
class AsymmetricFocal(Loss):
    """Alibaba-MIIL/ASL#53: eps = 1e-8 is 0 in float16, and log(0) follows."""

    kind = Kind.BINARY

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        p = output.sigmoid()
        eps = 1e-8
        return -target * (p + eps).log() - (1 - target) * (1 - p + eps).log()


@breaks(FINITE, r"It is NaN. At output \[10000.0\]")
class MaskedAfterwards(Loss):
    """Both branches are computed, and the one that is not wanted is multiplied by 0 (pytorch/pytorch#23156)."""

    kind = Kind.CONTINUOUS

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        r = (output - target).abs()
        near = (r < 10).to(r.dtype)
        return near * r.expm1() + (1 - near) * (math.expm1(10.0) + r)


@breaks("gradient_is_never_nan", "Its gradient is NaN where it is 0")
class FocalOfHalf(Loss):
    """kornia#918, google-deepmind/optax#1346, kaidic/LDAM-DRW#17: (1 - p)^γ at p = 1 has no slope where γ < 1."""

    kind = Kind.BINARY

    def __init__(self, gamma: float = 0.5) -> None:
        super().__init__()
        if not gamma >= 0:
            raise ValueError("gamma must be at least 0")
        self.gamma = gamma

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        wrong = torch.sigmoid((1 - 2 * target) * output)
        return wrong**self.gamma * crossentropy(output, target)


@breaks("gradient_is_never_nan", "Its gradient is NaN where it is 0. At output .0.0., target .0.0.")
class RootOfSquare(Loss):
    kind = Kind.CONTINUOUS

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).square().sqrt()


@breaks(PULL, "stops learning from its most confident mistakes .positives.")
class Clipped(Loss):
    """keras's binary_crossentropy of probabilities: clipped to 1e-7 before the logarithm, flat beyond a logit of 16."""

    kind = Kind.BINARY

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        p = output.sigmoid().clamp(1e-7, 1 - 1e-7)
        return -target * p.log() - (1 - target) * (1 - p).log()


@breaks(PULL, "It is flat at a residual of 20: no gradient. At output .20.0.")
class Capped(Loss):
    kind = Kind.CONTINUOUS

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).square().clamp(max=100)


@breaks(PULL, "most confident mistakes .negatives.")
class GivesUpOnTheOther(Loss):
    kind = Kind.BINARY
    gives_up_on = "positives"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return target * torch.nn.functional.softplus(-output) + (1 - target) * output.sigmoid()


@breaks("precision_is_kept", "Given float64, it returns float32")
class SinglePrecision(Loss):
    """keras's losses cast to floatx, MONAI's FocalLoss to float."""

    kind = Kind.CONTINUOUS

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output.float() - target.float()).square()


@breaks("precision_is_kept", "those of outputs rounded to float32")
class SinglePrecisionInside(Loss):
    kind = Kind.CONTINUOUS

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output.float() - target.float()).square().to(output.dtype)


@breaks(LOW, "times as far off as float32 allows. At output")
class ExpandedSquare(Loss):
    """ŷ² - 2 ŷ y + y²: what is left of large terms is what they were rounded by."""

    kind = Kind.CONTINUOUS

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        shifted, wanted = output + 30, target + 30
        return shifted.square() - 2 * shifted * wanted + wanted.square()


@breaks("gradient_is_the_derivative", "Its gradient is .* where the slope of its value is .*At output")
class FocalOfFixedWeight(Loss):
    """Holds the modulating factor constant, so that it descends something else than it shows."""

    kind = Kind.BINARY

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        each = crossentropy(output, target)
        return (1 - (-each).exp()).detach() * each


class _Flipped(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, residual: Tensor) -> Tensor:
        ctx.save_for_backward(residual)
        return residual.square()

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> Tensor:
        return -2 * slopes[0] * ctx.saved_tensors[0]


@breaks("gradient_is_the_derivative", "Its gradient is [0-9.]+ where the slope of its value is -")
class Ascends(Loss):
    """A backward written by hand, with the wrong sign."""

    kind = Kind.CONTINUOUS

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return _Flipped.apply(output - target)


@breaks("mixed_precision_trains", "It raised RuntimeError: Found dtype Float but expected BFloat16")
class FusedHuber(Loss):
    """torch's own kernel, whose backward pass wants outputs and targets of one type (torch 2.13)."""

    kind = Kind.CONTINUOUS

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return functional.huber_loss(output, target, reduction="none")


@breaks(SEARCH, "`search` reaches gamma=0.1: Its gradient is NaN where it is 0")
class FocalByPower(Loss):
    """A power of a probability that is rounded to 0 has no slope below 1, and none of its defaults shows it."""

    kind = Kind.BINARY
    search = {"gamma": Range(0.1, 5.0, log=True)}

    def __init__(self, gamma: float = 2.0) -> None:
        super().__init__()
        if not 0 <= gamma < math.inf:
            raise ValueError("gamma must be at least 0 and finite")
        self.gamma = gamma

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return torch.sigmoid((1 - 2 * target) * output) ** self.gamma * crossentropy(output, target)


@breaks(SEARCH, "`search` reaches alpha=0: It is not finite at ordinary outputs")
class BarronWithoutItsCases(Loss):
    """Barron's general form divides by alpha and by its distance from 2; the ends of the range are fine."""

    kind = Kind.CONTINUOUS
    elicits = "centre"
    search = {"alpha": Range(-1.0, 1.5)}

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__()
        if not alpha < 2:
            raise ValueError("alpha is below 2")
        self.alpha = alpha

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        distance = 2 - self.alpha
        x = (output.double() - target) / distance**0.5
        power = torch.expm1(self.alpha / 2 * torch.log1p(x * x))
        return distance * power / torch.tensor(self.alpha, dtype=torch.double)
