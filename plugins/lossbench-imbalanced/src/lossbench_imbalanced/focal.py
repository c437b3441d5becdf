"""The focal losses of imbalanced-losses, for two classes and for many."""

from __future__ import annotations

from collections.abc import Sequence

import imbalanced_losses as library
import torch
from torch import Tensor

from lossbench.loss import Kind, Loss, Range

SEARCH = {"gamma": Range(0.1, 5.0, log=True)}
IGNORED = -100
"""The library's default `ignore_index`."""


class SigmoidFocal(Loss):
    """Classifies, with the focus on examples that are still uncertain (imbalanced-losses' `SigmoidFocalLoss`).

    (1 - p)^gamma · -log p, p the probability of the true class, times alpha for positives and 1 - alpha for negatives.

    Args:
        alpha: weight of a positive; a negative weighs 1 - alpha. -1 weighs both 1.
        gamma: focus on uncertain examples: exponent of 1 - p; 0 is the cross-entropy.

    Shape: logit [n], target [n] of 0 and 1; returns [n].

    Source: Lin et al., ICCV 2017.
    """

    kind = Kind.BINARY
    bounded, zero, monotone = False, True, True
    raises = {"alpha": "positives"}
    reference = "(1 - p)^γ · -log p; Lin et al. 2017; imbalanced_losses.SigmoidFocalLoss"
    search = SEARCH
    units = {"alpha": "weight of a positive; of a negative: 1 - alpha", "gamma": "exponent of 1 - p"}

    def __init__(self, alpha: float = 0.25, gamma: float = 2.0) -> None:
        super().__init__()
        self.alpha, self.gamma = alpha, gamma
        self.each = library.SigmoidFocalLoss(alpha=alpha, gamma=gamma, reduction="none")
        self.mean = library.SigmoidFocalLoss(alpha=alpha, gamma=gamma)

    @property
    def elicits(self) -> str:
        return "probability" if self.gamma == 0 and self.alpha in (-1, 0.5) else "distorted probability"

    @property
    def convex(self) -> bool:
        return self.gamma == 0

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return self.each(output, target)

    def native(self, output: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """By `sample_weight`."""
        return self.mean(output, target, sample_weight=mask.to(output.dtype))


class SoftmaxFocal(Loss):
    """Classifies, with the focus on examples that are still uncertain (imbalanced-losses' `SoftmaxFocalLoss`).

    alpha_y (1 - p)^gamma · -log p, p the softmax of the true class y.

    Args:
        alpha: one weight per class.
        gamma: focus on uncertain examples: exponent of 1 - p; 0 is the cross-entropy.
        label_smoothing: share of the label that is spread evenly over all classes.

    Shape: logits [n, classes], target [n] int; returns [n].

    Source: Lin et al., ICCV 2017.
    """

    kind = Kind.CLASSES
    bounded = False
    special_cases = {"gamma=0": "cross_entropy"}
    reference = "α_y (1 - p)^γ · -log p; Lin et al. 2017; imbalanced_losses.SoftmaxFocalLoss"
    search = SEARCH
    units = {
        "alpha": "factor of the loss, per class",
        "gamma": "exponent of 1 - p",
        "label_smoothing": "share of the label spread over all classes",
    }

    def __init__(self, alpha: Sequence[float] | None = None, gamma: float = 2.0, label_smoothing: float = 0.0) -> None:
        super().__init__()
        self.alpha, self.gamma, self.label_smoothing = alpha, gamma, label_smoothing
        given = {"alpha": alpha, "gamma": gamma, "label_smoothing": label_smoothing}
        self.each = library.SoftmaxFocalLoss(reduction="none", **given)
        self.mean = library.SoftmaxFocalLoss(**given)

    @property
    def elicits(self) -> str:
        plain = self.gamma == 0 and self.label_smoothing == 0 and self.alpha is None
        return "probability" if plain else "distorted probability"

    @property
    def convex(self) -> bool:
        return self.gamma == 0

    @property
    def zero(self) -> bool:
        return self.label_smoothing == 0

    @property
    def monotone(self) -> bool:
        return self.label_smoothing == 0

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return self.each(output, target)

    def native(self, output: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """By `ignore_index`, -100."""
        return self.mean(output, torch.where(mask, target, IGNORED))


focal = (SigmoidFocal, SoftmaxFocal)
