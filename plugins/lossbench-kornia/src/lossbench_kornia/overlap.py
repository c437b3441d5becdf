"""kornia's overlap losses: one value for all targets of a batch, as for the pixels of an image."""

from __future__ import annotations

import torch
from kornia import losses
from torch import Tensor

from lossbench.loss import Kind, Loss, Prediction, Range

IGNORED = -100
"""kornia's default `ignore_index`."""


def row(values: Tensor) -> Tensor:
    """[n, classes] as (1, classes, 1, n), and [n] as (1, 1, n): an image of one row of n pixels."""
    return values.T[None, :, None] if values.ndim == 2 else values[None, None]


class Dice(Loss):
    """Overlap of predictions and classes (kornia's `DiceLoss`).

    1 - 2 Σ p t/(Σ (p + t) + eps), p = softmax(logits), t one-hot.

    Args:
        average: micro sums over pixels and classes, macro takes the mean over the classes.
        eps: pixels added to the denominator.

    Shape: logits [n, classes], target [n] int; returns one value [].

    Source: Milletari, Navab and Ahmadi, 3DV 2016.
    """

    kind = Kind.CLASSES
    pointwise = False
    bounded, convex, zero = True, False, True
    reference = "1 - 2 Σpt/Σ(p + t); Milletari et al. 2016; kornia.losses.DiceLoss"
    units = {"eps": "pixels, added to the denominator"}

    def __init__(self, average: str = "micro", eps: float = 1e-8) -> None:
        super().__init__()
        self.average, self.eps = average, eps
        self.whole = losses.DiceLoss(average, eps)

    @property
    def elicits(self) -> str:
        return "sign" if self.average == "micro" else "distorted probability"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return self.whole(row(output), row(target))

    def native(self, output: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """By `ignore_index`, -100."""
        return self.whole(row(output), row(torch.where(mask, target, IGNORED)))


class Tversky(Loss):
    """Overlap of each class, with separate weights for false positives and false negatives (kornia's `TverskyLoss`).

    1 minus the mean, over the classes that occur, of TP/(TP + alpha FP + beta FN + eps), p = softmax(logits).

    Args:
        alpha: weight of false positives.
        beta: weight of false negatives.
        eps: pixels added to the denominator.

    Shape: logits [n, classes], target [n] int; returns one value [].

    Source: Salehi, Erdogmus and Gholipour, MLMI 2017.
    """

    kind = Kind.CLASSES
    pointwise = False
    elicits = "distorted probability"
    bounded, convex, zero = True, False, True
    reference = "1 - TP/(TP + α FP + β FN); Salehi et al. 2017; kornia.losses.TverskyLoss"
    search = {"alpha": Range(0.05, 0.95), "beta": Range(0.05, 0.95)}
    units = {
        "alpha": "weight of a false positive",
        "beta": "weight of a false negative",
        "eps": "pixels, added to the denominator",
    }

    def __init__(self, alpha: float = 0.5, beta: float = 0.5, eps: float = 1e-8) -> None:
        super().__init__()
        self.alpha, self.beta, self.eps = alpha, beta, eps
        self.whole = losses.TverskyLoss(alpha, beta, eps)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return self.whole(row(output), row(target))

    def native(self, output: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """By `ignore_index`, -100."""
        return self.whole(row(output), row(torch.where(mask, target, IGNORED)))


class LovaszHinge(Loss):
    """Intersection over union of the positives, by hinges; no probabilities (kornia's `LovaszHingeLoss`).

    The Lovász extension of 1 - intersection/union at the hinges max(0, 1 - s), s = logit for a target of 1, -logit for
    0.

    Shape: logit [n], target [n] of 0 and 1; returns one value [].

    Source: Berman, Rannen Triki and Blaschko, CVPR 2018.
    """

    kind = Kind.BINARY
    pointwise = False
    bounded, convex, zero, monotone = False, True, True, True
    reference = "Lovász extension of the Jaccard loss; Berman et al. 2018; kornia.losses.LovaszHingeLoss"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return losses.lovasz_hinge_loss(row(output[:, None]), row(target))

    def predict(self, output: Tensor) -> Prediction:
        return Prediction(output, (output > 0).long())


class LovaszSoftmax(Loss):
    """Intersection over union of every class, by its probabilities (kornia's `LovaszSoftmaxLoss`).

    The mean over classes of the Lovász extension of 1 - intersection/union at |p_c - [c = y]|, p = softmax(logits).

    Shape: logits [n, classes], target [n] int; returns one value [].

    Source: Berman, Rannen Triki and Blaschko, CVPR 2018.
    """

    kind = Kind.CLASSES
    pointwise = False
    bounded, convex, zero = True, False, True
    reference = "Lovász extension of the Jaccard loss; Berman et al. 2018; kornia.losses.LovaszSoftmaxLoss"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return losses.lovasz_softmax_loss(row(output), row(target))


lovasz = (LovaszHinge, LovaszSoftmax)
