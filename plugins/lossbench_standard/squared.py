"""The squared error, for every kind of target under the one name `mse`."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from lossbench.loss import Kind, Loss, Prediction
from lossbench_standard.numerics import against, onehot, wide


class SquaredError(Loss):
    """Estimates the mean; errors count squared.

    (output - target)², without the factor ½.

    Shape: output, target [n], in training standard deviations of the target; returns [n].

    Source: Gauss, 1809.
    """

    kind = Kind.CONTINUOUS
    elicits = "mean"
    bounded, convex, zero = False, True, True
    monotone = True
    reference = "(ŷ - y)²"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return functional.mse_loss(output, target, reduction="none")


class BrierScore(Loss):
    """Estimates the probability; a wrong answer costs at most 1.

    (sigmoid(logit) - target)².

    Shape: logit [n], target [n] of 0 and 1; returns [n].

    Source: Brier, Monthly Weather Review 78, 1950.
    """

    kind = Kind.BINARY
    elicits = "probability"
    bounded, convex, zero = True, False, True
    monotone = True
    reference = "(sigmoid(z) - y)²; Brier 1950"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return torch.sigmoid(against(wide(output), target)) ** 2  # p - 1 would lose its digits close to 0


class SquaredDistance(Loss):
    """Estimates class probabilities by least squares on one-hot labels.

    Σ_c (output_c - [c = target])². The outputs are any real numbers, close to probabilities once trained.

    Shape: output [n, classes], target [n] int; returns [n].
    """

    kind = Kind.CLASSES
    elicits = "probability"
    bounded, convex, zero = False, True, True
    monotone = False
    reference = "Σ (ŷ - onehot(y))²"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return ((output - onehot(target, output)) ** 2).sum(1)

    def predict(self, output: Tensor) -> Prediction:
        share = output.clamp(0, 1) + 1e-6  # the outputs already are probabilities, up to sampling error
        return Prediction(output, output.argmax(-1), share / share.sum(-1, keepdim=True))


class ClassesBrierScore(Loss):
    """Estimates the probability of every class; a wrong answer costs at most 2.

    Σ_c (softmax(logits)_c - [c = target])².

    Shape: logits [n, classes], target [n] int; returns [n].

    Source: Brier, Monthly Weather Review 78, 1950.
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
