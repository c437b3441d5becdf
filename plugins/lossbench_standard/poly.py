"""The cross-entropy with the first term of its series in 1 - p weighted differently."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from lossbench.loss import Kind, Loss, Range
from lossbench_standard.numerics import against, log_likelihood, wide


class _Poly(Loss):
    """-log p + epsilon (1 - p): the cross-entropy with another weight for the first term of its series in 1 - p."""

    search = {"epsilon": Range(0.1, 10.0, log=True)}
    units = {"epsilon": "weight of 1 - p, on top of the cross-entropy"}
    bounded, zero = False, True
    monotone = True
    reference = "-log p + ε (1 - p); Leng et al. 2022"

    def __init__(self, epsilon: float = 1.0) -> None:
        super().__init__()
        if not -1 <= epsilon < math.inf:
            raise ValueError(f"epsilon must be at least -1 and finite, not {epsilon}")
        self.epsilon = epsilon

    @property
    def elicits(self) -> str:  # type: ignore[override]  # told by a parameter
        return "probability" if self.epsilon == 0 else "distorted probability"

    @property
    def convex(self) -> bool:  # type: ignore[override]  # by its Hessian, for any number of classes
        return self.epsilon <= 1

    def of(self, log_p: Tensor) -> Tensor:
        return -log_p - self.epsilon * torch.expm1(log_p)


class BinaryPoly(_Poly):
    """Cross-entropy plus a term in 1 - p, which adds gradient on examples that are not certain yet.

    -log p + epsilon (1 - p), p the probability of the true class.

    Args:
        epsilon: weight of 1 - p, at least -1; 0 is the cross-entropy.

    Shape: logit [n], target [n] of 0 and 1; returns [n].

    Source: Leng et al., ICLR 2022.
    """

    kind = Kind.BINARY
    special_cases = {"epsilon=0": "bce"}

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return self.of(-functional.softplus(against(wide(output), target)))


class ClassesPoly(_Poly):
    """Cross-entropy plus a term in 1 - p, which adds gradient on examples that are not certain yet.

    -log p + epsilon (1 - p), p the softmax of the true class.

    Args:
        epsilon: weight of 1 - p, at least -1; 0 is the cross-entropy.

    Shape: logits [n, classes], target [n] int; returns [n].

    Source: Leng et al., ICLR 2022.
    """

    kind = Kind.CLASSES
    special_cases = {"epsilon=0": "cross_entropy", "classes=2": "poly1"}

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return self.of(log_likelihood(wide(output), target)[1])
