"""Losses that want a margin: an answer that is right by enough costs nothing, and is left alone."""

from __future__ import annotations

import math

from torch import Tensor

from lossbench.loss import Kind, Loss, Prediction
from lossbench_standard.numerics import margin, onehot, wide

EDGE = 1e-6
"""Probabilities read off a margin stay so far from 0 and 1: beyond ±1 it says no more than that it is sure."""


class Hinge(Loss):
    """Asks for the side alone, right by 1: the support vector machine's loss. It has no probabilities.

    max(0, 1 - s), s the logit for a target of 1, less the logit for 0. logit: [n]; target: [n] in {0, 1}. Cortes and
    Vapnik, Machine Learning 20, 1995.
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
    """Asks for the probability, on the scale from -1 to 1, and never pulls at what lies beyond its own end.

    max(0, 1 - s)², s the logit for a target of 1, less the logit for 0. logit: [n]; target: [n] in {0, 1}. The
    minimiser is 2p - 1. Zhang, Annals of Statistics 32, 2004.
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
    """Asks for the probability as the squared hinge, but pays for the surely wrong by its size, not its square.

    max(0, 1 - s)² where s ≥ -1, else -4 s; s the logit for a target of 1, less the logit for 0. logit: [n]; target: [n]
    in {0, 1}. The minimiser is 2p - 1. Zhang, Annals of Statistics 32, 2004.
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
    """Asks for the class alone, ahead of every other by 1. It has no probabilities.

    max(0, 1 + max_{c ≠ y} z_c - z_y). logits z: [n, classes]; target y: [n] int. Crammer and Singer, JMLR 2, 2001.
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
