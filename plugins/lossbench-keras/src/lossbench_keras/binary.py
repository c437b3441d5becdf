"""Keras's losses of two classes. output: logits [n]; target: [n] in {0, 1}.

With `from_logits=False`, Keras's default, Keras gets probabilities: the sigmoid of the logits.
"""

from __future__ import annotations

import keras
from torch import Tensor

from lossbench.loss import Kind, Prediction, Range
from lossbench_keras.adapter import KerasLoss


class BinaryCrossentropy(KerasLoss):
    """Estimates the probability; confident mistakes are penalised without limit (Keras's `BinaryCrossentropy`).

    -y log p - (1 - y) log(1 - p), p = sigmoid(logit), y = (1 - label_smoothing) target + label_smoothing/2.

    Args:
        from_logits: whether Keras gets the logits, or the probabilities that lossbench makes of them.
        label_smoothing: share of the label that is moved towards ½.

    Shape: logit [n], target [n] of 0 and 1; returns [n].

    Source: label smoothing: Szegedy et al., CVPR 2016.
    """

    kind = Kind.BINARY
    activation = "sigmoid"
    bounded, convex = False, True
    special_cases = {"label_smoothing=0": "bce"}
    reference = "-y log p - (1-y) log(1-p); keras.losses.BinaryCrossentropy"
    units = {"label_smoothing": "share of the label moved towards ½"}

    def __init__(self, from_logits: bool = False, label_smoothing: float = 0.0) -> None:
        super().__init__(keras.losses.BinaryCrossentropy, from_logits=from_logits, label_smoothing=label_smoothing)

    @property
    def elicits(self) -> str:
        return "probability" if self.label_smoothing == 0 else "distorted probability"

    @property
    def zero(self) -> bool:
        return self.label_smoothing == 0

    @property
    def monotone(self) -> bool:
        return self.label_smoothing == 0


class BinaryFocalCrossentropy(KerasLoss):
    """Classifies, with the focus on examples that are still uncertain (Keras's `BinaryFocalCrossentropy`).

    (1 - p)^gamma · -log p, p the probability of the true class. With `apply_class_balancing`, times alpha for positives
    and 1 - alpha for negatives.

    Args:
        apply_class_balancing: whether alpha applies.
        alpha: weight of a positive; a negative weighs 1 - alpha.
        gamma: focus on uncertain examples: exponent of 1 - p; 0 is the cross-entropy.
        from_logits: whether Keras gets the logits, or the probabilities that lossbench makes of them.
        label_smoothing: share of the label that is moved towards ½.

    Shape: logit [n], target [n] of 0 and 1; returns [n].

    Source: Lin et al., ICCV 2017.
    """

    kind = Kind.BINARY
    activation = "sigmoid"
    bounded = False
    special_cases = {"gamma=0": "bce"}
    reference = "(1 - p)^γ · -log p; Lin et al. 2017; keras.losses.BinaryFocalCrossentropy"
    search = {"gamma": Range(0.1, 5.0, log=True)}
    units = {"gamma": "exponent of 1 - p", "alpha": "weight of a positive; of a negative: 1 - alpha"}

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(
            keras.losses.BinaryFocalCrossentropy,
            apply_class_balancing=apply_class_balancing,
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
        )

    @property
    def elicits(self) -> str:
        plain = self.gamma == 0 and self.label_smoothing == 0 and not self.apply_class_balancing
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


class Hinge(KerasLoss):
    """Only the side of the boundary counts, with a margin of 1; no probabilities (Keras's `Hinge`).

    max(0, 1 - s), s = output for a target of 1, -output for 0.

    Shape: output [n], target [n] of 0 and 1; returns [n].
    """

    kind = Kind.BINARY
    elicits = "sign"
    bounded, convex, zero, monotone = False, True, True, True
    reference = "max(0, 1 - s); keras.losses.Hinge"

    def __init__(self) -> None:
        super().__init__(keras.losses.Hinge)

    def predict(self, output: Tensor) -> Prediction:
        return Prediction(output, (output > 0).long())


class SquaredHinge(KerasLoss):
    """Estimates the probability on a scale from -1 to 1; no gradient once right by 1 (Keras's `SquaredHinge`).

    max(0, 1 - s)², s = output for a target of 1, -output for 0. Minimised by 2p - 1.

    Shape: output [n], target [n] of 0 and 1; returns [n].

    Source: Zhang, Annals of Statistics 32, 2004.
    """

    kind = Kind.BINARY
    elicits = "probability"
    bounded, convex, zero, monotone = False, True, True, True
    reference = "max(0, 1 - s)²; keras.losses.SquaredHinge"

    def __init__(self) -> None:
        super().__init__(keras.losses.SquaredHinge)

    def predict(self, output: Tensor) -> Prediction:
        edge = 1e-6  # beyond ±1 the output says only that the model is sure
        probability = ((output.clamp(-1, 1) + 1) / 2).clamp(edge, 1 - edge)
        return Prediction(output, (output > 0).long(), probability)
