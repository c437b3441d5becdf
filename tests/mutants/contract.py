"""Losses that break the contract: shapes, rows, inputs, predictions, traces."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from lossbench.loss import Domain, Kind, Loss, Prediction, check_targets
from tests.mutants.registry import breaks, crossentropy


@breaks("one_value_per_target", r"returned \[\] for 1 targets.*At output")
class Squeezed(Loss):
    """A batch of one target loses its only dimension."""

    kind = Kind.BINARY

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return crossentropy(output, target).squeeze()


@breaks("one_value_per_target", r"returned \[\] for 1 targets instead of \[1\]")
class Averaged(Loss):
    kind = Kind.CONTINUOUS

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).square().mean()


@breaks("one_value_per_target", "no gradient: something in it is detached")
class Detached(Loss):
    """Through numpy, say. bonlime/pytorch-tools#81 lost its gradient to a new tensor."""

    kind = Kind.CONTINUOUS

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output.detach() - target).square()


@breaks("one_value_per_target", r"It is not finite. At output \[-1.0\]")
class LogOfAnyOutput(Loss):
    """The logarithm of an output that may be below -1."""

    kind = Kind.CONTINUOUS
    domain = Domain.NONNEGATIVE

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output.log1p() - target.log1p()).square()


@breaks("nothing_is_broadcast", r"It took targets \[n, 1\] and returned \[4, 4\]")
class Broadcast(Loss):
    """pytorch/pytorch#16045, #19699, #1939: [n, 1] beside [n] is [n, n]."""

    kind = Kind.CONTINUOUS

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).square()

    def __call__(self, output: Any, target: Any) -> Tensor:
        check_targets(self, target, 1)
        return nn.Module.__call__(self, output, target)


@breaks("nothing_is_broadcast", r"It took outputs \[n, 1\] and returned \[4\]")
class Flattened(Loss):
    kind = Kind.CONTINUOUS

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).square()

    def __call__(self, output: Any, target: Any) -> Tensor:
        return super().__call__(output.flatten(), target)


# The law of low precision differentiates by the targets, which autograd keeps from being changed.
@breaks("inputs_are_untouched", "It changed the targets in place")
class ClampedInPlace(Loss):
    kind = Kind.CONTINUOUS

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target.clamp_(-1, 1)).square()


@breaks("inputs_are_untouched", "It changed the outputs in place")
class FilledInPlace(Loss):
    """Swaps NaN for 0 in the outputs themselves, behind the back of autograd."""

    kind = Kind.CONTINUOUS

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        output.data[output.detach().abs() > 1] = 1.0
        return (output - target).square()


@breaks("rows_stay_apart", "among eight others and .* alone. At output")
class DividedByBatch(Loss):
    kind = Kind.BINARY

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return crossentropy(output, target) / len(target)


@breaks("rows_stay_apart", "among eight others and .* alone")
class CentredByBatch(Loss):
    kind = Kind.CONTINUOUS

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).square() + 0.1 * (output - output.mean()).square()


@breaks("rows_stay_apart", "pointwise = False, but equals the mean of its values on parts")
class NoSet(Loss):
    kind = Kind.BINARY
    pointwise = False

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return crossentropy(output, target).mean()


@breaks("order_makes_no_difference", "When shuffled, losses change by")
class Neighbours(Loss):
    """Compares each target with the next of the batch."""

    kind = Kind.BINARY
    pointwise = False

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        ahead = (output[1:] - output[:-1]) * (target[1:] - target[:-1])
        return crossentropy(output, target).mean() + nn.functional.softplus(-ahead).sum() / len(target)


@breaks("predictions_can_be_read", "A probability is -.* or .*output")
class TanhForProbability(Loss):
    kind = Kind.BINARY

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return crossentropy(output, target)

    def predict(self, output: Tensor) -> Prediction:
        return Prediction(output, (output > 0).long(), output.tanh())


@breaks("predictions_can_be_read", "Probabilities of a target sum to")
class SoftmaxOverRows(Loss):
    kind = Kind.CLASSES

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return nn.functional.cross_entropy(output, target, reduction="none")

    def predict(self, output: Tensor) -> Prediction:
        return Prediction(output, output.argmax(1), output.softmax(0))


@breaks("predictions_can_be_read", "A score is NaN")
class RootForScore(Loss):
    kind = Kind.CONTINUOUS
    domain = Domain.NONNEGATIVE

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target.square()).square()

    def predict(self, output: Tensor) -> Prediction:
        return Prediction(output.sqrt())


@breaks("predictions_can_be_read", "did not give one label for each of 7 targets")
class NoLabel(Loss):
    kind = Kind.BINARY

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return crossentropy(output, target)

    def predict(self, output: Tensor) -> Prediction:
        return Prediction(output, None, output.sigmoid())


@breaks("calls_leave_no_trace", "draws from torch's global generator")
class Dropped(Loss):
    """Draws though it does nothing with it: whatever comes after has other numbers."""

    kind = Kind.CONTINUOUS

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        noise = torch.rand_like(output)
        return (output - target).square() + 0 * noise


@breaks("calls_leave_no_trace", "changes its buffer 'seen'")
class Counted(Loss):
    kind = Kind.CONTINUOUS

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        self.seen += len(target)
        return (output - target).square()


# Whatever calls it twice sees two losses; and `float` of its mean stops at tensors that have no numbers.
@breaks("calls_leave_no_trace", "Two calls on the same batch give different values")
class RunningScale(Loss):
    """Divides by a running mean that it keeps in a plain attribute."""

    kind = Kind.CONTINUOUS

    def __init__(self) -> None:
        super().__init__()
        self.scale = 1.0

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        losses = (output - target).square()
        self.scale = 0.9 * self.scale + 0.1 * float(losses.detach().mean())
        return losses / self.scale


@breaks("calls_leave_no_trace", "changes torch's default precision")
class DoublesTheDefault(Loss):
    """As `keras.config.set_floatx("float64")` does for Keras: a switch of the whole process."""

    kind = Kind.CONTINUOUS

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        torch.set_default_dtype(torch.float64)
        return (output - target).square()


@breaks("calls_leave_no_trace", "switches gradients off")
class LeavesGradientsOff(Loss):
    """Switches them off for a statistic, and not on again."""

    kind = Kind.CONTINUOUS

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        losses = (output - target).square()
        torch.set_grad_enabled(False)
        return losses
