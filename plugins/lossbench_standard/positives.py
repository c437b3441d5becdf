"""Binary cross-entropies whose positives weigh more, or less, than their negatives."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from lossbench.loss import Kind, Loss, Prediction, Range
from lossbench_standard.cross_entropy import one_against_the_rest
from lossbench_standard.numerics import against, onehot, positive, wide


class _WeightedPositives(Loss):
    """The binary cross-entropy in which a positive weighs `pos_weight` times as much as a negative."""

    bounded, convex, zero = False, True, True
    monotone = True
    search = {"pos_weight": Range(0.3, 30.0, log=True)}
    units = {"pos_weight": "weight of a positive relative to a negative; None: negatives per positive"}

    def __init__(self, pos_weight: float | None = None) -> None:
        super().__init__()
        # NaN for None: runs of a stack can differ in a number, but not in whether there is one
        self.given = math.nan if pos_weight is None else positive("pos_weight", pos_weight)

    @property
    def pos_weight(self) -> float | None:
        return None if math.isnan(self.given) else self.given

    @property
    def elicits(self) -> str:  # type: ignore[override]  # told by a parameter
        return "probability" if self.given == 1 else "distorted probability"

    def or_else(self, balanced: Tensor | float) -> Tensor | float:
        """The weight of a positive: the given one, or else `balanced`."""
        if isinstance(self.given, Tensor):
            return torch.where(self.given.isnan(), balanced, self.given)
        return balanced if math.isnan(self.given) else self.given


class WeightedBinaryCrossEntropy(_WeightedPositives):
    """Cross-entropy with heavier positives: finds more of a rare class, and overestimates its probability.

    w · y · softplus(-z) + (1 - y) · softplus(z), w = pos_weight, for logit z and target y: `bce` with its weight tuned.

    Args:
        pos_weight: weight of a positive relative to a negative, above 0. None: number of negatives divided by number of
            positives in the training targets, so that both classes have the same total weight.

    Shape: logit [n], target [n] of 0 and 1; returns [n].

    Source: King and Zeng, Political Analysis 9, 2001.
    """

    kind = Kind.BINARY
    reference = "-w y log p - (1 - y) log(1 - p), p = sigmoid(z); King & Zeng 2001"
    special_cases = {"pos_weight=1": "bce"}
    raises = {"pos_weight": "positives"}
    balanced: Tensor

    def __init__(self, pos_weight: float | None = None) -> None:
        super().__init__(pos_weight)
        self.register_buffer("balanced", torch.ones(()))

    @property
    def observes(self) -> str:  # type: ignore[override]  # told by a parameter
        return "class counts" if self.pos_weight is None else ""

    def observe(self, target: Tensor) -> None:  # type: ignore[override]  # of its kind
        if not self.observes:
            return
        positives = target.double().sum()
        self.balanced = ((len(target) - positives).clamp(min=1) / positives.clamp(min=1)).to(self.balanced)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        weight = self.or_else(self.balanced)
        return (weight * target + (1 - target)) * functional.softplus(against(wide(output), target))


class WeightedOneAgainstTheRest(_WeightedPositives):
    """One-vs-rest cross-entropy in which the true class weighs more than the others.

    Σ_c binary cross-entropy of logit c against [c = target], with positives weighted by `pos_weight`: `bce` with its
    weight tuned.

    Args:
        pos_weight: weight of a positive relative to a negative, above 0. None: classes - 1, the number of negatives per
            positive.

    Shape: logits [n, classes], target [n] int; returns [n].
    """

    kind = Kind.CLASSES
    reference = "Σ_c weighted binary cross-entropy of z_c against [c = y]"
    special_cases = {"pos_weight=1": "bce"}

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        z = wide(output)
        chosen = onehot(target, z)
        weight = self.or_else(torch.full((), z.shape[1] - 1.0, dtype=z.dtype, device=z.device))
        if isinstance(weight, Tensor) and weight.ndim:
            weight = weight[:, None]
        return ((weight * chosen + (1 - chosen)) * functional.softplus(against(z, chosen))).sum(1)

    def predict(self, output: Tensor) -> Prediction:
        return one_against_the_rest(output)
