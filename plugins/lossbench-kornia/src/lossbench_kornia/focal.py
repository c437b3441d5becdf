"""kornia's focal losses, for two classes and for many."""

from __future__ import annotations

import torch
from kornia import losses
from torch import Tensor

from lossbench.loss import Kind, Loss, Range

SEARCH = {"gamma": Range(0.1, 5.0, log=True)}
IGNORED = -100
"""kornia's default `ignore_index`."""


class BinaryFocal(Loss):
    """Classifies, with the focus on examples that are still uncertain (kornia's `BinaryFocalLossWithLogits`).

    (1 - p)^gamma · -log p, p the probability of the true class. With `alpha`, times alpha for positives and 1 - alpha
    for negatives.

    Args:
        alpha: weight of a positive; a negative weighs 1 - alpha. None weighs both 1.
        gamma: focus on uncertain examples: exponent of 1 - p; 0 is the cross-entropy.

    Shape: logit [n], target [n] of 0 and 1; returns [n].

    Source: Lin et al., ICCV 2017.
    """

    kind = Kind.BINARY
    bounded, zero, monotone = False, True, True
    raises = {"alpha": "positives"}
    reference = "(1 - p)^γ · -log p; Lin et al. 2017; kornia.losses.BinaryFocalLossWithLogits"
    search = SEARCH
    units = {"alpha": "weight of a positive; of a negative: 1 - alpha", "gamma": "exponent of 1 - p"}

    def __init__(self, alpha: float | None = 0.25, gamma: float = 2.0) -> None:
        super().__init__()
        self.alpha, self.gamma = alpha, gamma
        self.each = losses.BinaryFocalLossWithLogits(alpha, gamma, reduction="none")
        self.mean = losses.BinaryFocalLossWithLogits(alpha, gamma, reduction="mean")

    @property
    def elicits(self) -> str:
        return "probability" if self.gamma == 0 and self.alpha in (None, 0.5) else "distorted probability"

    @property
    def convex(self) -> bool:
        return self.gamma == 0

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return self.each(output[:, None], target[:, None])[:, 0]

    def native(self, output: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """By `ignore_index`, -100."""
        return self.mean(output[:, None], torch.where(mask, target, IGNORED)[:, None])


class ClassesFocal(Loss):
    """Classifies, with the focus on examples that are still uncertain (kornia's `FocalLoss`).

    (1 - p)^gamma · -log p for the true class, p its softmax, divided by the number of classes: kornia takes the mean
    over classes, and the others are 0.

    Args:
        alpha: weight of every class except the first, which weighs 1 - alpha. None weighs all 1.
        gamma: focus on uncertain examples: exponent of 1 - p; 0 is the cross-entropy.

    Shape: logits [n, classes], target [n] int; returns [n].

    Source: Lin et al., ICCV 2017.
    """

    kind = Kind.CLASSES
    bounded, zero, monotone = False, True, True
    special_cases = {"gamma=0": "cross_entropy"}
    reference = "(1 - p)^γ · -log p; Lin et al. 2017; kornia.losses.FocalLoss"
    search = SEARCH
    units = {"alpha": "weight of every class except the first; of the first: 1 - alpha", "gamma": "exponent of 1 - p"}

    def __init__(self, alpha: float | None = None, gamma: float = 2.0) -> None:
        super().__init__()
        self.alpha, self.gamma = alpha, gamma
        self.each = losses.FocalLoss(alpha, gamma, reduction="none")
        self.mean = losses.FocalLoss(alpha, gamma, reduction="mean")

    @property
    def elicits(self) -> str:
        return "probability" if self.gamma == 0 and self.alpha in (None, 0.5) else "distorted probability"

    @property
    def convex(self) -> bool:
        return self.gamma == 0

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return self.each(output, target).mean(1)

    def native(self, output: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """By `ignore_index`, -100."""
        return self.mean(output, torch.where(mask, target, IGNORED))


focal = (BinaryFocal, ClassesFocal)
