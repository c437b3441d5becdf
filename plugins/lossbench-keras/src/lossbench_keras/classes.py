"""Keras's losses of many classes. output: logits [n, classes]; target: [n] int.

With `from_logits=False`, Keras's default, Keras gets probabilities: the softmax of the logits.
"""

from __future__ import annotations

import keras
import torch
from torch import Tensor

from lossbench.loss import Kind, Prediction, Range
from lossbench_keras.adapter import KerasLoss


class CategoricalCrossentropy(KerasLoss):
    """Estimates the probability of every class, from one-hot targets (Keras's `CategoricalCrossentropy`).

    -Σ_c t_c log p_c, p = softmax(logits), t = (1 - label_smoothing) [c = y] + label_smoothing/classes.

    Args:
        from_logits: whether Keras gets the logits, or the probabilities that lossbench makes of them.
        label_smoothing: share of the label that is spread evenly over all classes.

    Shape: logits [n, classes], target [n] int; returns [n].

    Source: label smoothing: Szegedy et al., CVPR 2016.
    """

    kind = Kind.CLASSES
    activation, labels = "softmax", "one_hot"
    bounded, convex = False, True
    special_cases = {"label_smoothing=0": "cross_entropy"}
    reference = "-Σ_c t_c log p_c; keras.losses.CategoricalCrossentropy"
    units = {"label_smoothing": "share of the label spread over all classes"}

    def __init__(self, from_logits: bool = False, label_smoothing: float = 0.0) -> None:
        super().__init__(keras.losses.CategoricalCrossentropy, from_logits=from_logits, label_smoothing=label_smoothing)

    @property
    def elicits(self) -> str:
        return "probability" if self.label_smoothing == 0 else "distorted probability"

    @property
    def zero(self) -> bool:
        return self.label_smoothing == 0

    @property
    def monotone(self) -> bool:
        return self.label_smoothing == 0


class SparseCategoricalCrossentropy(KerasLoss):
    """Estimates the probability of every class, from integer targets (Keras's `SparseCategoricalCrossentropy`).

    -log p_y, p = softmax(logits).

    Args:
        from_logits: whether Keras gets the logits, or the probabilities that lossbench makes of them.

    Shape: logits [n, classes], target [n] int; returns [n].
    """

    kind = Kind.CLASSES
    activation, labels = "softmax", "sparse"
    elicits = "probability"
    bounded, convex, zero, monotone = False, True, True, True
    special_cases = {"classes=2": "bce"}
    reference = "-log softmax(z)_y; keras.losses.SparseCategoricalCrossentropy"

    def __init__(self, from_logits: bool = False) -> None:
        super().__init__(keras.losses.SparseCategoricalCrossentropy, from_logits=from_logits)

    def native(self, output: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """By `ignore_class`, which Keras has for this loss alone."""
        mean = keras.losses.SparseCategoricalCrossentropy(from_logits=self.from_logits, ignore_class=-1)
        return mean(torch.where(mask, target, -1), self.y_pred(output))


class CategoricalFocalCrossentropy(KerasLoss):
    """Classifies, with the focus on examples that are still uncertain (Keras's `CategoricalFocalCrossentropy`).

    alpha (1 - p)^gamma · -log p, p the softmax of the true class.

    Args:
        alpha: factor of all losses, the same for every class.
        gamma: focus on uncertain examples: exponent of 1 - p; 0 is the cross-entropy.
        from_logits: whether Keras gets the logits, or the probabilities that lossbench makes of them.
        label_smoothing: share of the label that is spread evenly over all classes.

    Shape: logits [n, classes], target [n] int; returns [n].

    Source: Lin et al., ICCV 2017.
    """

    kind = Kind.CLASSES
    activation, labels = "softmax", "one_hot"
    bounded = False
    special_cases = {"gamma=0": "0.25 * cross_entropy"}
    reference = "α (1 - p)^γ · -log p; Lin et al. 2017; keras.losses.CategoricalFocalCrossentropy"
    search = {"gamma": Range(0.1, 5.0, log=True)}
    units = {"gamma": "exponent of 1 - p", "alpha": "factor of every loss"}

    def __init__(
        self, alpha: float = 0.25, gamma: float = 2.0, from_logits: bool = False, label_smoothing: float = 0.0
    ) -> None:
        super().__init__(
            keras.losses.CategoricalFocalCrossentropy,
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
        )

    @property
    def elicits(self) -> str:
        return "probability" if self.gamma == 0 and self.label_smoothing == 0 else "distorted probability"

    @property
    def convex(self) -> bool:
        return self.gamma == 0

    @property
    def zero(self) -> bool:
        return self.label_smoothing == 0

    @property
    def monotone(self) -> bool:
        return self.label_smoothing == 0


class CategoricalGeneralizedCrossEntropy(KerasLoss):
    """Classifies; learns hardly anything from examples that stay confidently wrong (Keras's
    `CategoricalGeneralizedCrossEntropy`).

    (1 - p^q)/q, p the softmax of the true class.

    Args:
        q: between 0, the cross-entropy, and 1, the absolute error of the probability.

    Shape: logits [n, classes], target [n] int; returns [n].

    Source: Zhang and Sabuncu, NeurIPS 2018.
    """

    kind = Kind.CLASSES
    activation, labels = "softmax", "sparse"
    elicits = "distorted probability"
    bounded, convex, zero, monotone = True, False, True, True
    special_cases = {"q=1e-6": "≈ cross_entropy"}
    reference = "(1 - p^q)/q; Zhang & Sabuncu 2018; keras.losses.CategoricalGeneralizedCrossEntropy"
    search = {"q": Range(0.1, 0.95)}
    units = {"q": "from 0, the cross-entropy, to 1, the absolute error of the probability"}

    def __init__(self, q: float = 0.5) -> None:
        super().__init__(keras.losses.CategoricalGeneralizedCrossEntropy, q=q)


class KLDivergence(KerasLoss):
    """Estimates the probability of every class; for one-hot targets it is the cross-entropy (Keras's `KLDivergence`).

    Σ_c t_c log(t_c/p_c), t one-hot, p = softmax(logits).

    Shape: logits [n, classes], target [n] int; returns [n].
    """

    kind = Kind.CLASSES
    activation, labels = "softmax", "one_hot"
    elicits = "probability"
    bounded, convex, zero, monotone = False, True, True, True
    special_cases = {"classes=2": "bce"}
    reference = "Σ_c t_c log(t_c/p_c); keras.losses.KLDivergence"

    def __init__(self) -> None:
        super().__init__(keras.losses.KLDivergence)


class CategoricalHinge(KerasLoss):
    """The true class must lead every other class, and 0, by 1; no probabilities (Keras's `CategoricalHinge`).

    max(0, 1 + max(0, max_{c ≠ y} z_c) - z_y): Keras's formula. It is Crammer and Singer's only while another class's
    output is above 0.

    Shape: outputs z [n, classes], target y [n] int; returns [n].
    """

    kind = Kind.CLASSES
    labels = "one_hot"
    elicits = "sign"
    bounded, convex, zero, monotone = False, True, True, True
    reference = "max(0, 1 + max_c (1 - t_c) z_c - z_y); keras.losses.CategoricalHinge"

    def __init__(self) -> None:
        super().__init__(keras.losses.CategoricalHinge)

    def predict(self, output: Tensor) -> Prediction:
        return Prediction(output, output.argmax(-1))
