"""The losses of entmax as lossbench losses: instead of a softmax, a map whose probabilities can be exactly 0."""

from __future__ import annotations

import entmax
import torch
from torch import Tensor

from lossbench.loss import Kind, Loss, Prediction, Range

IGNORED = -100
"""What entmax calls `ignore_index`, at its default."""


class Sparsemax(Loss):
    """Estimates class probabilities, which can be exactly 0; no gradient once the true class leads by 1 (entmax's
    `SparsemaxLoss`).

    (1 - |p|²)/2 + Σ_c p_c z_c - z_y, p = sparsemax(z): the probability vector closest to the logits z.

    Args:
        k: how many of the largest logits are sorted at first; None: all.

    Shape: logits [n, classes], target [n] int; returns [n].

    Source: Martins and Astudillo, ICML 2016.
    """

    kind = Kind.CLASSES
    elicits = "probability"
    bounded, convex, zero, monotone = False, True, True, True
    special_cases = {"classes=2": "0.25 * modified_huber"}
    reference = "(1 - |p|²)/2 + p·z - z_y, p = sparsemax(z); Martins & Astudillo 2016; entmax.SparsemaxLoss"
    units = {"k": "classes"}

    def __init__(self, k: int | None = None) -> None:
        super().__init__()
        self.k = k
        self.each, self.mean = entmax.SparsemaxLoss(k=k, reduction="none"), entmax.SparsemaxLoss(k=k)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return self.each(output, target)

    def native(self, output: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """By `ignore_index`, -100."""
        return self.mean(output, torch.where(mask, target, IGNORED))

    def predict(self, output: Tensor) -> Prediction:
        return Prediction(output, output.argmax(-1), entmax.sparsemax(output, dim=-1, k=self.k))


class Entmax15(Loss):
    """Estimates class probabilities, between softmax and sparsemax (entmax's `Entmax15Loss`).

    (1 - Σ_c p_c^1.5)/0.75 + Σ_c p_c z_c - z_y, p = entmax15(z), z the logits.

    Args:
        k: how many of the largest logits are sorted at first; None: all.

    Shape: logits [n, classes], target [n] int; returns [n].

    Source: Peters, Niculae and Martins, ACL 2019.
    """

    kind = Kind.CLASSES
    elicits = "probability"
    bounded, convex, zero, monotone = False, True, True, True
    reference = "(1 - Σp^1.5)/0.75 + p·z - z_y, p = entmax15(z); Peters et al. 2019; entmax.Entmax15Loss"
    units = {"k": "classes"}

    def __init__(self, k: int | None = 100) -> None:
        super().__init__()
        self.k = k
        self.each, self.mean = entmax.Entmax15Loss(k=k, reduction="none"), entmax.Entmax15Loss(k=k)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return self.each(output, target)

    def native(self, output: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """By `ignore_index`, -100."""
        return self.mean(output, torch.where(mask, target, IGNORED))

    def predict(self, output: Tensor) -> Prediction:
        return Prediction(output, output.argmax(-1), entmax.entmax15(output, dim=-1, k=self.k))


class EntmaxBisect(Loss):
    """Estimates class probabilities, the sparser the larger alpha (entmax's `EntmaxBisectLoss`).

    (1 - Σ_c p_c^alpha)/(alpha (alpha - 1)) + Σ_c p_c z_c - z_y, p = alpha-entmax(z), found by bisection, z the logits.

    Args:
        alpha: above 1: close to 1 the cross-entropy, 2 is sparsemax.
        n_iter: steps of the bisection.

    Shape: logits [n, classes], target [n] int; returns [n].

    Source: Peters, Niculae and Martins, ACL 2019.
    """

    kind = Kind.CLASSES
    elicits = "probability"
    bounded, convex, zero, monotone = False, True, True, True
    reference = "(1 - Σp^α)/(α(α-1)) + p·z - z_y, p = α-entmax(z); Peters et al. 2019; entmax.EntmaxBisectLoss"
    special_cases = {"alpha=1.0001": "≈ cross_entropy"}
    search = {"alpha": Range(1.05, 2.0)}
    units = {"alpha": "1: softmax, 2: sparsemax", "n_iter": "bisection steps"}

    def __init__(self, alpha: float = 1.5, n_iter: int = 50) -> None:
        super().__init__()
        self.alpha, self.n_iter = alpha, n_iter
        self.each = entmax.EntmaxBisectLoss(alpha=alpha, n_iter=n_iter, reduction="none")
        self.mean = entmax.EntmaxBisectLoss(alpha=alpha, n_iter=n_iter)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return self.each(output, target)

    def native(self, output: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """By `ignore_index`, -100."""
        return self.mean(output, torch.where(mask, target, IGNORED))

    def predict(self, output: Tensor) -> Prediction:
        probability = entmax.entmax_bisect(output, alpha=self.alpha, dim=-1, n_iter=self.n_iter)
        return Prediction(output, output.argmax(-1), probability)
