"""kornia's focal losses, for two classes and for many."""

from __future__ import annotations

import torch
from kornia import losses
from torch import Tensor

from lossbench.loss import Kind, Loss, Range

SEARCH = {"gamma": Range(0.1, 5.0, log=True)}
IGNORED = -100
"""What kornia calls `ignore_index`, at its default."""


class BinaryFocal(Loss):
    """Asks which class, most of all where it is still unsure: kornia's `BinaryFocalLossWithLogits`.

    (1 - p)^gamma · -log p, p the probability of the true class; with `alpha` times alpha for positives and 1 - alpha
    for negatives. logit: [n]; target: [n] in {0, 1}. Lin et al., ICCV 2017.
    """

    kind = Kind.BINARY
    bounded, zero, monotone = False, True, True
    raises = {"alpha": "positives"}
    reference = "(1 - p)^γ · -log p; Lin et al. 2017; kornia.losses.BinaryFocalLossWithLogits"
    search = SEARCH
    units = {"alpha": "weight of a positive, against 1 - alpha of a negative", "gamma": "power of 1 - p"}

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
    """Asks which class, most of all where it is still unsure: kornia's `FocalLoss`.

    The mean over classes, as kornia takes it, of (1 - p)^gamma · -log p for the true class, p its softmax, and of 0 for
    all others; with `alpha` times 1 - alpha for the first class and alpha for the rest. logits: [n, classes]; target:
    [n] int. Lin et al., ICCV 2017.
    """

    kind = Kind.CLASSES
    bounded, zero, monotone = False, True, True
    special_cases = {"gamma=0": "cross_entropy"}
    reference = "(1 - p)^γ · -log p; Lin et al. 2017; kornia.losses.FocalLoss"
    search = SEARCH
    units = {"alpha": "weight of every class but the first, which has 1 - alpha", "gamma": "power of 1 - p"}

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
