"""Losses that focus on hard examples: what is already right counts little."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from lossbench.loss import Kind, Loss, Range
from lossbench_standard.numerics import against, log_likelihood, log_of_the_rest, not_negative, share, wide

GAMMA = {"gamma": Range(0.1, 5.0, log=True)}
UNITS = {"gamma": "exponent of 1 - p", "alpha": "weight of a positive; of a negative: 1 - alpha"}


class BinaryFocal(Loss):
    """Classifies, with the focus on examples that are still uncertain; its probabilities are under-confident.

    (1 - p)^gamma · -log p, p the probability of the true class. With `alpha`, times alpha for positives and 1 - alpha
    for negatives.

    Args:
        gamma: focus on uncertain examples: exponent of 1 - p, at least 0; 0 is the cross-entropy.
        alpha: weight of a positive; a negative weighs 1 - alpha. Between 0 and 1; None weighs both 1.

    Shape: logit [n], target [n] of 0 and 1; returns [n].

    Source: Lin et al., ICCV 2017.
    """

    kind = Kind.BINARY
    bounded, zero = False, True
    monotone = True
    reference = "(1 - p)^γ · -log p; Lin et al. 2017"
    special_cases = {"gamma=0": "bce"}
    raises = {"alpha": "positives"}
    search = GAMMA
    units = UNITS

    def __init__(self, gamma: float = 2.0, alpha: float | None = None) -> None:
        super().__init__()
        self.gamma = not_negative("gamma", gamma)
        self.alpha = None if alpha is None else share("alpha", alpha)

    @property
    def elicits(self) -> str:  # type: ignore[override]  # told by parameters
        return "probability" if self.gamma == 0 and self.alpha in (None, 0.5) else "distorted probability"

    @property
    def convex(self) -> bool:  # type: ignore[override]
        return self.gamma == 0

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        wrong = against(wide(output), target)
        # (1 - p)^γ = exp(-γ softplus(-w)): no power of a probability that has been rounded to 0
        value = torch.exp(-self.gamma * functional.softplus(-wrong)) * functional.softplus(wrong)
        return value if self.alpha is None else value * (self.alpha * target + (1 - self.alpha) * (1 - target))


class ClassesFocal(Loss):
    """Classifies, with the focus on examples that are still uncertain; its probabilities are under-confident.

    (1 - p)^gamma · -log p, p the softmax of the true class. One value per row, not one per row and class.

    Args:
        gamma: focus on uncertain examples: exponent of 1 - p, at least 0; 0 is the cross-entropy.

    Shape: logits [n, classes], target [n] int; returns [n].

    Source: Lin et al., ICCV 2017.
    """

    kind = Kind.CLASSES
    bounded, zero = False, True
    monotone = True
    reference = "(1 - p)^γ · -log p, p = softmax(z)_y; Lin et al. 2017"
    special_cases = {"gamma=0": "cross_entropy", "classes=2": "focal"}
    search = GAMMA
    units = UNITS

    def __init__(self, gamma: float = 2.0) -> None:
        super().__init__()
        self.gamma = not_negative("gamma", gamma)

    @property
    def elicits(self) -> str:  # type: ignore[override]  # told by a parameter
        return "probability" if self.gamma == 0 else "distorted probability"

    @property
    def convex(self) -> bool:  # type: ignore[override]
        return self.gamma == 0

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        every, own = log_likelihood(wide(output), target)
        return -torch.exp(self.gamma * log_of_the_rest(every, target)) * own


class Asymmetric(Loss):
    """Finds positives among many negatives: easy negatives count little, and very easy ones not at all.

    Positives: (1 - p)^gamma_pos · -log p. Negatives: q^gamma_neg · -log(1 - q), q = max(p - margin, 0). p =
    sigmoid(logit). Probabilities are distorted: do not use .5 as the threshold.

    Args:
        gamma_neg: exponent for negatives, at least 0: larger values play down easy negatives.
        gamma_pos: exponent for positives, at least 0.
        margin: negatives with a probability up to this count nothing; at least 0 and below 1.

    Shape: logit [n], target [n] of 0 and 1; returns [n].

    Source: Ridnik et al., ICCV 2021.
    """

    kind = Kind.BINARY
    bounded, zero = False, True
    monotone = True
    reference = "positives (1-p)^γ₊ · -log p, negatives q^γ₋ · -log(1-q), q = max(p - m, 0); Ridnik et al. 2021"
    special_cases = {"gamma_neg=0, gamma_pos=0, margin=0": "bce", "gamma_neg=2, gamma_pos=2, margin=0": "focal"}
    search = {"gamma_neg": Range(0.5, 6.0, log=True)}
    units = {"gamma_neg": "exponent for negatives", "gamma_pos": "exponent for positives", "margin": "probability"}

    def __init__(self, gamma_neg: float = 4.0, gamma_pos: float = 1.0, margin: float = 0.05) -> None:
        super().__init__()
        self.gamma_neg, self.gamma_pos = not_negative("gamma_neg", gamma_neg), not_negative("gamma_pos", gamma_pos)
        self.margin = share("margin", margin, ends=(True, False))

    @property
    def elicits(self) -> str:  # type: ignore[override]  # told by parameters: all 0 is the cross-entropy
        return "probability" if self.convex else "distorted probability"

    @property
    def convex(self) -> bool:  # type: ignore[override]
        return self.gamma_neg == self.gamma_pos == self.margin == 0

    @property
    def gives_up_on(self) -> str:  # type: ignore[override]  # q is at most 1 - margin, and flat there
        return "negatives" if self.margin else ""

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        z = wide(output)
        positive = torch.exp(-self.gamma_pos * functional.softplus(z)) * functional.softplus(-z)
        return target * positive + (1 - target) * self._negative(z)

    def _negative(self, z: Tensor) -> Tensor:
        if self.margin == 0:
            return torch.exp(-self.gamma_neg * functional.softplus(-z)) * functional.softplus(z)
        shifted = torch.sigmoid(z) - self.margin
        counts = shifted > 0
        q = torch.where(counts, shifted, 0.5)  # a power of 0 would have an infinite slope
        return torch.where(counts, torch.exp(self.gamma_neg * q.log()) * -torch.log1p(-q), 0.0)


focal = (BinaryFocal, ClassesFocal)
