"""Losses of order: not how large an answer is, but whether positives come before negatives."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from lossbench.loss import Kind, Loss, Prediction
from lossbench_standard.numerics import wide


class PairwiseAUC(Loss):
    """Asks that positives score above negatives, and of nothing else: a smooth stand-in for the area under the ROC
    curve.

    The mean of softplus(z_j - z_i) over all pairs of a positive i and a negative j of the batch. logit: [n]; target:
    [n] in {0, 1}; one value, 0 in a batch of one class. Neither a threshold nor a probability follows from it. Gao and
    Zhou, IJCAI 2015.
    """

    kind = Kind.BINARY
    pointwise = False
    elicits = "order"
    bounded, convex, zero = False, True, True
    reference = "mean of log(1 + exp(z_j - z_i)) over positives i, negatives j; Gao & Zhou 2015"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        z, is_positive = wide(output), target.to(wide(output).dtype)
        # Every pair is weighed by whether it is one of a positive and a negative, so that no shape depends on the data.
        weight = is_positive[:, None] * (1 - is_positive)[None, :]
        return (weight * functional.softplus(z[None, :] - z[:, None])).sum() / weight.sum().clamp(min=1)

    def predict(self, output: Tensor) -> Prediction:
        return Prediction(output, (output > 0).long())
