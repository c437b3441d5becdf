"""Losses that take what they should refuse."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lossbench.loss import Domain, Kind, Loss, check
from tests.mutants.registry import breaks, crossentropy, huber

# Those that look at their targets at every call, as a check of one's own does, cannot be mapped.


@breaks("bad_targets_are_refused", "It accepts -100 as a target")
class IgnoresMinusHundred(Loss):
    """torch's default ignore_index: a label of -100 costs nothing, and nobody is told."""

    kind = Kind.CLASSES

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return cross_entropy(output, target, reduction="none")

    def __call__(self, output: Any, target: Any) -> Tensor:
        check(self.kind, output, target)
        if bool((target == -1).any()):
            raise ValueError(f"{self.title} takes no label of -1")
        return nn.Module.__call__(self, output, target)


@breaks("bad_targets_are_refused", "-1 ends in IndexError")
class CrashesOnALabel(Loss):
    """entmax 1.3 and focal_loss_torch#16: a negative label ends in an index error."""

    kind = Kind.CLASSES

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return cross_entropy(output, target, reduction="none")

    def __call__(self, output: Any, target: Any) -> Tensor:
        check(self.kind, output, target)
        if target.device.type != "meta" and int(target.min()) < 0:
            raise IndexError("index -1 is out of bounds")
        return nn.Module.__call__(self, output, target)


@breaks("bad_targets_are_refused", "It accepts NaN as a target")
class TakesAnyNumber(Loss):
    kind = Kind.CONTINUOUS

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).square()

    def __call__(self, output: Any, target: Any) -> Tensor:
        check(self.kind, output, target)
        return nn.Module.__call__(self, output, target)


@breaks("bad_targets_are_refused", "It accepts NaN as a target")
class TakesSoftLabels(Loss):
    kind = Kind.BINARY

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return crossentropy(output, target)

    def __call__(self, output: Any, target: Any) -> Tensor:
        check(self.kind, output, target)
        return nn.Module.__call__(self, output, target)


@breaks("bad_targets_are_refused", "It accepts -1 as a target")
class TakesNegativeAmounts(Loss):
    kind = Kind.CONTINUOUS
    domain = Domain.NONNEGATIVE

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).square()

    def __call__(self, output: Any, target: Any) -> Tensor:
        check(self.kind, output, target)
        if target.device.type != "meta" and not bool(target.isfinite().all()):
            raise ValueError(f"{self.title} takes finite targets")
        return nn.Module.__call__(self, output, target)


@breaks("bad_targets_are_refused", "refuses NaN, but the message does not name it: targets are finite")
class RefusesWithoutAName(Loss):
    kind = Kind.CONTINUOUS

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).square()

    def __call__(self, output: Any, target: Any) -> Tensor:
        check(self.kind, output, target)
        if target.device.type != "meta" and not bool(target.isfinite().all()):
            raise ValueError("targets are finite")
        return nn.Module.__call__(self, output, target)


@breaks("bad_parameters_are_refused", "It accepts delta=nan")
class TakesNaN(Loss):
    """`delta <= 0` is false of NaN too."""

    kind = Kind.CONTINUOUS

    def __init__(self, delta: float = 1.0) -> None:
        super().__init__()
        if delta <= 0:
            raise ValueError("delta must be above 0")
        self.delta = delta

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return huber(output, target, self.delta)


@breaks("bad_parameters_are_refused", "delta=nan ends in PluginError")
class AssertsItsParameter(Loss):
    kind = Kind.CONTINUOUS

    def __init__(self, delta: float = 1.0) -> None:
        super().__init__()
        assert delta > 0
        self.delta = delta

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return huber(output, target, self.delta)
