"""Losses that are right, and declare of their curve what it is not."""

from __future__ import annotations

import torch
from torch import Tensor

from lossbench.loss import Kind, Loss
from tests.mutants.registry import breaks, crossentropy, huber


@breaks("bounded_as_declared", "states bounded = True, but its largest loss is 1e[+]06 at outputs of 1e3")
class SquareSaysBounded(Loss):
    kind = Kind.CONTINUOUS
    bounded = True

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).square()


@breaks("bounded_as_declared", "states bounded = False, but its largest loss is 1 ")
class BrierSaysUnbounded(Loss):
    kind = Kind.BINARY
    bounded = False

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output.sigmoid() - target).square()


@breaks("zero_as_declared", "states zero = True, but the smallest value found is -")
class NegativeQuantile(Loss):
    """scikit-learn#6429: the quantile loss of a negative error was negative."""

    kind = Kind.CONTINUOUS
    zero = True

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        r = target - output
        return torch.where(r > 0, 0.9 * r, 0.1 * r)


@breaks("zero_as_declared", "states zero = True, but the smallest value found is 0.325")
class SmoothedSaysZero(Loss):
    """Labels of 0.9 and 0.1 cost at least -(0.9 log 0.9 + 0.1 log 0.1) = 0.325."""

    kind = Kind.BINARY
    zero = True

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return crossentropy(output, 0.8 * target + 0.1)


@breaks("zero_as_declared", "states zero = False, but the smallest value found is 0")
class SquareSaysNotZero(Loss):
    kind = Kind.CONTINUOUS
    zero = False

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).square()


@breaks("monotone_as_declared", "states monotone = True, but is .* for the better one after it. At output")
class SmoothedSaysMonotone(Loss):
    """Surer than its smoothed label is worse."""

    kind = Kind.BINARY
    monotone = True

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return crossentropy(output, 0.8 * target + 0.1)


@breaks("monotone_as_declared", "states monotone = True, but is")
class RedescendingSaysMonotone(Loss):
    """Comes down again far away: a turn further is right again, as of angles."""

    kind = Kind.CONTINUOUS
    monotone = True

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return ((output - target) / 2).sin().square()


@breaks("monotone_as_declared", "states monotone = False, but no better prediction with a higher loss")
class HingeSaysNotMonotone(Loss):
    kind = Kind.BINARY
    monotone = False

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (1 - (2 * target - 1) * output).clamp(min=0)


@breaks("convex_as_declared", "states convex = True, but at a midpoint it is .* above the chord. At output")
class LogarithmSaysConvex(Loss):
    kind = Kind.CONTINUOUS
    convex = True

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).abs().log1p()


@breaks("convex_as_declared", "states convex = False, but no point above a chord")
class HuberSaysNotConvex(Loss):
    kind = Kind.CONTINUOUS
    convex = False

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return huber(output, target)
