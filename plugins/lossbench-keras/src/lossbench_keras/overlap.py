"""Keras's set losses, which count over the whole batch and return one value."""

from __future__ import annotations

import keras

from lossbench.loss import Kind, Range
from lossbench_keras.adapter import KerasLoss

WEIGHTS = {"alpha": "weight of a false positive", "beta": "weight of a false negative"}
SEARCH = {"alpha": Range(0.05, 0.95), "beta": Range(0.05, 0.95)}
TVERSKY = "1 - TP/(TP + α FP + β FN); Salehi et al. 2017; keras.losses.Tversky"


class BinaryDice(KerasLoss):
    """Overlap of predictions and positives (Keras's `Dice`).

    1 - 2 TP/(Σ p + Σ y), p = sigmoid(logit), y the target, over the batch.

    Shape: logit [n], target [n] of 0 and 1; returns one value [].

    Source: Milletari, Navab and Ahmadi, 3DV 2016.
    """

    kind = Kind.BINARY
    pointwise = False
    activation, labels = "sigmoid", "flat"
    elicits = "distorted probability"
    bounded, convex, zero, monotone = True, False, True, True
    reference = "1 - 2TP/(Σp + Σy); Milletari et al. 2016; keras.losses.Dice"

    def __init__(self) -> None:
        super().__init__(keras.losses.Dice)


class ClassesDice(KerasLoss):
    """Overlap of predictions and classes, with all classes in one count (Keras's `Dice` on one-hot targets).

    1 - 2 Σ p t/(Σ p + Σ t), p = softmax(logits), t one-hot, over rows and classes: 1 minus the mean probability of the
    true class.

    Shape: logits [n, classes], target [n] int; returns one value [].

    Source: Milletari, Navab and Ahmadi, 3DV 2016.
    """

    kind = Kind.CLASSES
    pointwise = False
    activation, labels = "softmax", "one_hot"
    elicits = "sign"
    bounded, convex, zero, monotone = True, False, True, True
    reference = "1 - 2 Σpt/(Σp + Σt); Milletari et al. 2016; keras.losses.Dice"

    def __init__(self) -> None:
        super().__init__(keras.losses.Dice)


class BinaryTversky(KerasLoss):
    """Overlap with separate weights for false positives and false negatives (Keras's `Tversky`).

    1 - TP/(TP + alpha FP + beta FN), soft counts by p = sigmoid(logit) over the batch.

    Args:
        alpha: weight of false positives, as Keras documents it.
        beta: weight of false negatives, as Keras documents it.

    Shape: logit [n], target [n] of 0 and 1; returns one value [].

    Source: Salehi, Erdogmus and Gholipour, MLMI 2017.
    """

    kind = Kind.BINARY
    pointwise = False
    activation, labels = "sigmoid", "flat"
    elicits = "distorted probability"
    bounded, convex, zero, monotone = True, False, True, True
    raises = {"alpha": "negatives", "beta": "positives"}
    reference = TVERSKY
    search = SEARCH
    units = WEIGHTS

    def __init__(self, alpha: float = 0.5, beta: float = 0.5) -> None:
        super().__init__(keras.losses.Tversky, alpha=alpha, beta=beta)


class ClassesTversky(KerasLoss):
    """Overlap of predictions and classes, with all classes in one count (Keras's `Tversky` on one-hot targets).

    1 - TP/(TP + alpha FP + beta FN), soft counts by p = softmax(logits) over rows and classes, where FP and FN are
    always equal.

    Args:
        alpha: weight of false positives.
        beta: weight of false negatives.

    Shape: logits [n, classes], target [n] int; returns one value [].

    Source: Salehi, Erdogmus and Gholipour, MLMI 2017.
    """

    kind = Kind.CLASSES
    pointwise = False
    activation, labels = "softmax", "one_hot"
    bounded, convex, zero, monotone = True, False, True, True
    elicits = "sign"
    reference = TVERSKY
    units = WEIGHTS

    def __init__(self, alpha: float = 0.5, beta: float = 0.5) -> None:
        super().__init__(keras.losses.Tversky, alpha=alpha, beta=beta)
