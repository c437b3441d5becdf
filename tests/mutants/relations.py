"""Losses that are not what they say to other losses, to their parameters, or of their inputs."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, nll_loss

from lossbench.loss import Kind, Loss
from tests.mutants.registry import breaks, crossentropy, huber


class _Numbers:
    """What the loss of a delta shares: a constructor that checks it."""

    def __init__(self, delta: float = 1.0) -> None:
        super().__init__()
        if not delta > 0:
            raise ValueError("delta must be above 0")
        self.delta = delta


@breaks("special_cases_are_equal", r"With delta=1e6 it does not equal mse: .* where mse is")
class HuberWithoutItsHalf(_Numbers, Loss):
    """Huber is half a square near its target, not a whole one."""

    kind = Kind.CONTINUOUS
    special_cases: ClassVar = {"delta=1e6": "mse"}

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return huber(output, target, self.delta)


@breaks("special_cases_are_equal", "'half of mse' is not written as")
class SaysItInProse(_Numbers, Loss):
    kind = Kind.CONTINUOUS
    special_cases: ClassVar = {"delta=1e6": "half of mse"}

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return huber(output, target, self.delta)


@breaks("special_cases_are_equal", "It raised .*'no-such-loss'")
class BecomesNoLoss(_Numbers, Loss):
    kind = Kind.CONTINUOUS
    special_cases: ClassVar = {"delta=1e6": "no-such-loss"}

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return huber(output, target, self.delta)


@breaks("special_cases_are_equal", "With classes=2 it does not equal bce")
class HalfOfTwoClasses(Loss):
    """The mean over rows and classes, not over rows, is half as large where there are two."""

    kind = Kind.CLASSES
    special_cases: ClassVar = {"classes=2": "bce"}

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return cross_entropy(output, target, reduction="none") / output.shape[1]


@breaks("parameters_pull_as_declared", "Raising beta from 0.7 to .* should raise the gradient share of positives")
class TverskySwapped(Loss):
    """keras-team/keras#23333, FluxML/Flux.jl#1993: alpha weighs the false negatives, and at ½ and ½ nobody sees it."""

    kind = Kind.BINARY
    pointwise = False
    bounded = True
    special_cases: ClassVar = {"alpha=0.5, beta=0.5": "dice"}
    raises: ClassVar = {"beta": "positives"}

    def __init__(self, alpha: float = 0.3, beta: float = 0.7) -> None:
        super().__init__()
        if not (alpha >= 0 and beta >= 0):
            raise ValueError("alpha and beta must be at least 0")
        self.alpha, self.beta = alpha, beta

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        p = output.sigmoid()
        hit, false_positive, false_negative = (p * target).sum(), (p * (1 - target)).sum(), ((1 - p) * target).sum()
        return 1 - (hit + 1) / (hit + self.beta * false_positive + self.alpha * false_negative + 1)


@breaks("parameters_pull_as_declared", "Raising q from 0.5 to .* should raise the gradient share of upwards")
class QuantilePullsDown(Loss):
    kind = Kind.CONTINUOUS
    raises: ClassVar = {"q": "upwards"}

    def __init__(self, q: float = 0.5) -> None:
        super().__init__()
        if not 0 < q < 1:
            raise ValueError("q is between 0 and 1")
        self.q = q

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        r = output - target
        return torch.maximum(self.q * r, (self.q - 1) * r)


@breaks(
    "parameters_pull_as_declared",
    r"raises\['delta'\] must be one of positives, negatives, upwards, downwards, not 'outliers'",
)
class PullsOnOutliers(_Numbers, Loss):
    kind = Kind.CONTINUOUS
    raises: ClassVar = {"delta": "outliers"}

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return huber(output, target, self.delta)


def takes_probabilities(output: Tensor, target: Tensor) -> Tensor:
    return -target * output.log() - (1 - target) * (1 - output).log()


takes_probabilities.__lossbench__ = {"kind": "binary"}  # type: ignore[attr-defined]
breaks("takes_what_it_says", "It seems to expect probabilities: state input = 'probability'")(takes_probabilities)


def squashed_twice(output: Tensor, target: Tensor) -> Tensor:
    return binary_cross_entropy_with_logits(output, target, reduction="none")


squashed_twice.__lossbench__ = {"kind": "binary", "input": "probability"}  # type: ignore[attr-defined]
breaks("takes_what_it_says", "It seems to expect logits: a correct probability of 1")(squashed_twice)


def softmax_twice(output: Tensor, target: Tensor) -> Tensor:
    return cross_entropy(output, target, reduction="none")


softmax_twice.__lossbench__ = {"kind": "classes", "input": "probability"}  # type: ignore[attr-defined]
breaks("takes_what_it_says", "It seems to expect logits: a correct row of probabilities")(softmax_twice)


def log_of_classes(output: Tensor, target: Tensor) -> Any:
    return -output.gather(1, target[:, None])[:, 0].log()


log_of_classes.__lossbench__ = {"kind": "classes"}  # type: ignore[attr-defined]
breaks("takes_what_it_says", "It seems to expect probabilities: state input = 'probability'")(log_of_classes)


def log_probabilities(output: Tensor, target: Tensor) -> Tensor:
    """torch's NLLLoss of raw outputs: a step that its users forget is log_softmax."""
    return nll_loss(output, target, reduction="none")


log_probabilities.__lossbench__ = {"kind": "classes"}  # type: ignore[attr-defined]
breaks("takes_what_it_says", r"It decreases without limit .* log_softmax .*At output \[\[10000.0, .*target \[0\]")(
    log_probabilities
)


def likelihood(output: Tensor, target: Tensor) -> Tensor:
    """Made large by its author, and small by a training."""
    return -crossentropy(output, target)


likelihood.__lossbench__ = {"kind": "binary"}  # type: ignore[attr-defined]
breaks("takes_what_it_says", r"It decreases without limit .* a sign is wrong.*At output \[10000.0\], target \[0.0\]")(
    likelihood
)
