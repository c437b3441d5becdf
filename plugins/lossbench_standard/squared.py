"""The squared error, for every kind of target under the one name `mse`."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from lossbench.loss import Kind, Loss, Prediction
from lossbench_standard.numerics import against, onehot, wide


class SquaredError(Loss):
    """Asks for the mean, and pays for a large error by its square.

    (output - target)², without the ½. output, target: [n] in training standard deviations. Gauss, 1809.
    """

    kind = Kind.CONTINUOUS
    elicits = "mean"
    bounded, convex, zero = False, True, True
    monotone = True
    reference = "(ŷ - y)²"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return functional.mse_loss(output, target, reduction="none")


class BrierScore(Loss):
    """Asks for the probability, and never pays more than 1 for a wrong answer.

    (sigmoid(logit) - target)². logit: [n]; target: [n] in {0, 1}. Brier, Monthly Weather Review 78, 1950.
    """

    kind = Kind.BINARY
    elicits = "probability"
    bounded, convex, zero = True, False, True
    monotone = True
    reference = "(sigmoid(z) - y)²; Brier 1950"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return torch.sigmoid(against(wide(output), target)) ** 2  # p - 1 would lose its digits next to 0


class SquaredDistance(Loss):
    """Asks for the vector of class probabilities by plain regression onto the one-hot vector.

    Σ_c (output_c - [c = target])². output: [n, classes], any real numbers; target: [n] int.
    """

    kind = Kind.CLASSES
    elicits = "probability"
    bounded, convex, zero = False, True, True
    monotone = False
    reference = "Σ (ŷ - onehot(y))²"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return ((output - onehot(target, output)) ** 2).sum(1)

    def predict(self, output: Tensor) -> Prediction:
        share = output.clamp(0, 1) + 1e-6  # the outputs are probabilities already, but for sampling error
        return Prediction(output, output.argmax(-1), share / share.sum(-1, keepdim=True))


class ClassesBrierScore(Loss):
    """Asks for the probability of every class, and never pays more than 2 for a wrong answer.

    Σ_c (softmax(logits)_c - [c = target])². logits: [n, classes]; target: [n] int. Brier, Monthly Weather Review 78,
    1950.
    """

    kind = Kind.CLASSES
    elicits = "probability"
    bounded, convex, zero = True, False, True
    monotone = True
    reference = "Σ_c (softmax(z)_c - onehot(y)_c)²; Brier 1950"
    special_cases = {"classes=2": "2 * brier"}

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        probability = wide(output).softmax(1)
        return ((probability - onehot(target, probability)) ** 2).sum(1)


brier = (BrierScore, ClassesBrierScore)
mse = (SquaredError, BrierScore, SquaredDistance)
