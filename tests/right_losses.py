"""Losses that are right, written in unusual ways: no law may break for one of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from lossbench.loss import Kind, Loss, Prediction, Range, Sequences

RIGHT: list[Any] = []


def right(**traits: Any) -> Callable[[Any], Any]:
    """A function or module that does not know lossbench, with its dict beside it."""

    def noted(thing: Any) -> Any:
        thing.__lossbench__ = traits
        RIGHT.append(thing)
        return thing

    return noted


def ours(loss: type[Loss]) -> type[Loss]:
    RIGHT.append(loss)
    return loss


@right(kind="binary", elicits="probability", convex=True, zero=True, monotone=True, bounded=False)
def torch_bce(output: Tensor, target: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(output, target, reduction="none")


@right(kind="binary", elicits="probability")
def bce_as_softmax(output: Tensor, target: Tensor) -> Tensor:
    """Of two logits, one of them 0."""
    return functional.cross_entropy(torch.stack([0 * output, output], 1), target.long(), reduction="none")


@right(kind="binary", elicits="probability", order="true_pred", search={})
def bce_by_logaddexp(y_true: Tensor, y_pred: Tensor) -> Tensor:
    signs = 1 - 2 * y_true
    return torch.logaddexp(torch.zeros_like(y_pred), signs * y_pred)


@right(kind="continuous", elicits="median", convex=True, zero=True, monotone=True, bounded=False)
def mae_by_relu(output: Tensor, target: Tensor) -> Tensor:
    return functional.relu(output - target) + functional.relu(target - output)


@right(kind="continuous", elicits="mean")
def mse_in_double(output: Tensor, target: Tensor) -> Tensor:
    """Returns a wider type than it was given."""
    return (output.double() - target.double()).square()


@right(kind="continuous", convex=True, zero=True, elicits="quantile 0.9", bounded=False)
def pinball_by_where(output: Tensor, target: Tensor) -> Tensor:
    r = target - output
    return torch.where(r >= 0, 0.9 * r, -0.1 * r)


@right(kind="continuous", domain="nonnegative", link="exp", elicits="mean", zero=False, convex=True)
def poisson(output: Tensor, target: Tensor) -> Tensor:
    return output.exp() - target * output


@right(kind="continuous", outputs=2, zero=False, elicits="mean", bounded=False)
def gaussian(output: Tensor, target: Tensor) -> Tensor:
    """Divides before it squares, so that half precision does not overflow on the way."""
    log_sd = output[:, 1].clamp(-3, 3)
    return log_sd + ((target - output[:, 0]) / 2**0.5 * (-log_sd).exp()).square()


@right(kind="classes", elicits="probability", special_cases={"classes=2": "bce"}, zero=True, convex=True)
def crossentropy_by_one_hot(output: Tensor, target: Tensor) -> Tensor:
    ones = target[:, None] == torch.arange(output.shape[1], device=target.device)
    return -torch.where(ones, output.log_softmax(1), 0).sum(1)


@right(kind="classes", elicits="probability", input="probability", bounded=True)
def brier_of_probabilities(p: Tensor, target: Tensor) -> Tensor:
    ones = target[:, None] == torch.arange(p.shape[1], device=target.device)
    return (p - ones.to(p.dtype)).square().sum(1)


@right(kind=["binary", "continuous"])
class Distance(nn.Module):
    """One module for two kinds, in float32 and half precision alike."""

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).abs()


@right(kind="binary", pointwise=False, bounded=True, zero=False)
def soft_f1(output: Tensor, target: Tensor) -> Tensor:
    p = torch.sigmoid(output)
    return 1 - (2 * (p * target).sum() + 1) / (p.sum() + target.sum() + 1) + 0.5


class _Square(torch.autograd.Function):
    """Forward and backward by hand, in the form that torch.func follows."""

    generate_vmap_rule = True

    @staticmethod
    def forward(residual: Tensor) -> Tensor:
        return residual.square()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        (residual,) = ctx.saved_tensors
        return 2 * slope * residual


@ours
class ByHand(Loss):
    kind = Kind.CONTINUOUS
    elicits = "mean"
    bounded, convex, zero, monotone = False, True, True, True

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return _Square.apply(output - target)


@ours
class Weighted(Loss):
    """Takes its weight from what it observes, and keeps it in a buffer; where there is a GPU, there too."""

    kind = Kind.BINARY
    elicits = "distorted probability"
    zero = True
    raises: ClassVar = {"power": "positives"}

    def __init__(self, power: float = 0.5) -> None:
        super().__init__()
        if not 0 <= power <= 1:
            raise ValueError("power is between 0 and 1")
        self.power = power
        self.register_buffer("odds", torch.ones(()))

    def observe(self, target: Tensor) -> None:
        self.odds = ((1 - target.mean()) / target.mean()).to(self.odds) ** self.power

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        """On `output.device.type == "cuda"` the same; nothing here calls .cuda()."""
        return functional.binary_cross_entropy_with_logits(output, target, pos_weight=self.odds, reduction="none")


@ours
class LearnsItsScale(Loss):
    kind = Kind.CONTINUOUS
    zero = False

    def __init__(self) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(()))

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).abs() * (-self.log_scale).exp() + self.log_scale


@ours
class MeanOfWords(Loss):
    kind = Kind.SEQUENCES
    elicits = "probability"
    zero = True

    def forward(self, output: Sequences, target: Sequences) -> Tensor:
        words = functional.cross_entropy(output.values, target.values, reduction="none")
        row = torch.repeat_interleave(torch.arange(len(output)), output.lengths)
        return words.new_zeros(len(output)).index_add(0, row, words) / output.lengths


@ours
class SureOfNothing(Loss):
    """Bounded, with an answer that it never gives, and no probability."""

    kind = Kind.BINARY
    elicits = "sign"
    bounded, convex, zero, monotone = True, False, True, True

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return ((1 - (2 * target - 1) * output) / 2).clamp(0, 1)

    def predict(self, output: Tensor) -> Prediction:
        return Prediction(output, (output > 0).long())


@ours
class DiceBesideEntropy(Loss):
    """A set loss that becomes the mean of a pointwise one."""

    kind = Kind.BINARY
    pointwise = False
    special_cases = {"weight=0": "bce"}

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        if not 0 <= weight < float("inf"):
            raise ValueError("weight must be at least 0 and finite")
        self.weight = weight

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        p = torch.sigmoid(output)
        overlap = 1 - (2 * (p * target).sum() + 1) / (p.sum() + target.sum() + 1)
        return functional.softplus((1 - 2 * target) * output).mean() + self.weight * overlap


@ours
class TunedHuber(Loss):
    """Says nothing of what it elicits, which at its defaults is the centre and stays it."""

    kind = Kind.CONTINUOUS
    search: ClassVar = {"delta": Range(0.05, 5.0, log=True)}

    def __init__(self, delta: float = 1.0) -> None:
        super().__init__()
        if not 0 < delta < float("inf"):
            raise ValueError("delta must be above 0 and finite")
        self.delta = delta

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        r = output - target
        near = r.clamp(-self.delta, self.delta)
        return near * (r - near / 2)


@ours
class TunedFocal(Loss):
    """Distorted at its defaults and in another way at each end, as it is meant to be."""

    kind = Kind.BINARY
    elicits = "distorted probability"
    search: ClassVar = {"gamma": Range(0.1, 5.0, log=True), "weight": Range(0.3, 30.0, log=True)}

    def __init__(self, gamma: float = 2.0, weight: float = 1.0) -> None:
        super().__init__()
        if not (0 <= gamma < float("inf") and 0 < weight < float("inf")):
            raise ValueError("gamma must be at least 0, weight above 0, both finite")
        self.gamma, self.weight = gamma, weight

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        wrong = (1 - 2 * target) * output
        focused = torch.exp(-self.gamma * functional.softplus(-wrong)) * functional.softplus(wrong)
        return (1 + (self.weight - 1) * target) * focused


@right(kind="binary", search={"tau": (0.5, 2.0)})
def scaled_bce(output: Tensor, target: Tensor, tau: float = 1.0) -> Tensor:
    """A loss times a constant, by a dict: the probability all along."""
    if not 0 < tau < float("inf"):
        raise ValueError("tau must be above 0 and finite")
    return tau * functional.softplus((1 - 2 * target) * output)
