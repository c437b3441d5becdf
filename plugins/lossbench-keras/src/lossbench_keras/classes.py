"""Keras's losses of many classes. output: logits [n, classes]; target: [n] int.

`from_logits=False`, Keras's default, hands Keras the probabilities that a softmax makes of the logits.
"""

from __future__ import annotations

import keras
import torch
from torch import Tensor

from lossbench.loss import Kind, Prediction, Range
from lossbench_keras.adapter import KerasLoss


class CategoricalCrossentropy(KerasLoss):
    """Asks for the probability of every class: Keras's `CategoricalCrossentropy`, on one-hot targets.

    -Σ_c t_c log p_c, p = softmax(logits), t = (1 - label_smoothing) [c = y] + label_smoothing/classes. logits: [n,
    classes]; target y: [n] int. Label smoothing: Szegedy et al., CVPR 2016.
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
    """Asks for the probability of every class: Keras's `SparseCategoricalCrossentropy`, on integer targets.

    -log p_y, p = softmax(logits). logits: [n, classes]; target y: [n] int.
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
    """Asks which class, most of all where it is still unsure: Keras's `CategoricalFocalCrossentropy`.

    alpha (1 - p)^gamma · -log p, p the softmax of the true class. logits: [n, classes]; target: [n] int. alpha weighs
    all classes alike. Lin et al., ICCV 2017.
    """

    kind = Kind.CLASSES
    activation, labels = "softmax", "one_hot"
    bounded = False
    special_cases = {"gamma=0": "0.25 * cross_entropy"}
    reference = "α (1 - p)^γ · -log p; Lin et al. 2017; keras.losses.CategoricalFocalCrossentropy"
    search = {"gamma": Range(0.1, 5.0, log=True)}
    units = {"gamma": "power of 1 - p", "alpha": "times every loss"}

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
    """Asks which class, and gives up on what stays surely wrong: Keras's `CategoricalGeneralizedCrossEntropy`.

    (1 - p^q)/q, p the softmax of the true class. logits: [n, classes]; target: [n] int. 0 < q < 1. Zhang and Sabuncu,
    NeurIPS 2018.
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
    """Asks for the probability of every class: Keras's `KLDivergence` from one-hot targets, the cross-entropy itself.

    Σ_c t_c log(t_c/p_c), t one-hot, p = softmax(logits). logits: [n, classes]; target: [n] int.
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
    """Asks for the class alone, ahead of every other and of 0 by 1: Keras's `CategoricalHinge`. No probabilities.

    max(0, 1 + max(0, max_{c ≠ y} z_c) - z_y): Keras's formula, Crammer and Singer's only while another class's output
    is above 0. outputs z: [n, classes]; target y: [n] int.
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
