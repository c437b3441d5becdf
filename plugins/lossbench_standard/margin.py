"""Losses with a margin: an answer that is right by enough costs nothing and gets no gradient."""

from __future__ import annotations

import math

from torch import Tensor

from lossbench.loss import Kind, Loss, Prediction
from lossbench_standard.numerics import margin, onehot, wide

EDGE = 1e-6
"""Distance of probabilities from 0 and 1: beyond ±1 a margin says only that the model is sure, not how sure."""


class Hinge(Loss):
    """The support vector machine's loss: only the side of the boundary counts, with a margin of 1; no probabilities.

    max(0, 1 - s), s = logit for a target of 1, -logit for 0.

    Shape: logit [n], target [n] of 0 and 1; returns [n].

    Source: Cortes and Vapnik, Machine Learning 20, 1995.
    """

    kind = Kind.BINARY
    elicits = "sign"
    bounded, convex, zero = False, True, True
    monotone = True
    reference = "max(0, 1 - s); Cortes & Vapnik 1995"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (1 - margin(output, target)).clamp(min=0)

    def predict(self, output: Tensor) -> Prediction:
        return Prediction(output, (output > 0).long())


class SquaredHinge(Loss):
    """Estimates the probability on a scale from -1 to 1; answers that are right by 1 or more get no gradient.

    max(0, 1 - s)², s = logit for a target of 1, -logit for 0. Minimised by 2p - 1.

    Shape: logit [n], target [n] of 0 and 1; returns [n].

    Source: Zhang, Annals of Statistics 32, 2004.
    """

    kind = Kind.BINARY
    elicits = "probability"
    bounded, convex, zero = False, True, True
    monotone = True
    reference = "max(0, 1 - s)²; Zhang 2004"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (1 - margin(wide(output), target)).clamp(min=0) ** 2

    def predict(self, output: Tensor) -> Prediction:
        return _from_margin(output)


class ModifiedHuber(Loss):
    """Squared hinge with a linear tail: estimates the probability, and confident mistakes count in proportion, not
    squared.

    max(0, 1 - s)² where s ≥ -1, else -4 s; s = logit for a target of 1, -logit for 0. Minimised by 2p - 1.

    Shape: logit [n], target [n] of 0 and 1; returns [n].

    Source: Zhang, Annals of Statistics 32, 2004.
    """

    kind = Kind.BINARY
    elicits = "probability"
    bounded, convex, zero = False, True, True
    monotone = True
    reference = "max(0, 1 - s)² where s ≥ -1, else -4 s; Zhang 2004"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        short = (1 - margin(wide(output), target)).clamp(min=0)
        near = short.clamp(max=2.0)
        return near**2 + 4 * (short - near)

    def predict(self, output: Tensor) -> Prediction:
        return _from_margin(output)


class MulticlassHinge(Loss):
    """Multiclass hinge: the true class must lead every other by 1; no probabilities.

    max(0, 1 + max_{c ≠ y} z_c - z_y), for logits z and target y.

    Shape: logits [n, classes], target [n] int; returns [n].

    Source: Crammer and Singer, JMLR 2, 2001.
    """

    kind = Kind.CLASSES
    elicits = "sign"
    bounded, convex, zero = False, True, True
    monotone = True
    reference = "max(0, 1 + max_{c≠y} z_c - z_y); Crammer & Singer 2001"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        z = wide(output)
        rival = z.masked_fill(onehot(target, z).bool(), -math.inf).amax(1)
        # 1 last: next to a large logit it would be rounded away
        return (1 + (rival - z.gather(1, target[:, None]).squeeze(1))).clamp(min=0)

    def predict(self, output: Tensor) -> Prediction:
        return Prediction(output, output.argmax(-1))


def _from_margin(output: Tensor) -> Prediction:
    probability = ((output.clamp(-1, 1) + 1) / 2).clamp(EDGE, 1 - EDGE)
    return Prediction(output, (output > 0).long(), probability)
