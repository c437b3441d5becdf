"""Ranking losses: whether positives score above negatives, not how high they score."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from lossbench.loss import Kind, Loss, Prediction
from lossbench_standard.numerics import wide


class PairwiseAUC(Loss):
    """Ranks positives above negatives and does nothing else: a smooth surrogate of ROC-AUC.

    The mean of softplus(z_j - z_i) over all pairs of a positive i and a negative j in the batch; 0 in a batch of one
    class. It gives neither a threshold nor probabilities.

    Shape: logit [n], target [n] of 0 and 1; returns one value [].

    Source: Gao and Zhou, IJCAI 2015.
    """

    kind = Kind.BINARY
    pointwise = False
    elicits = "order"
    bounded, convex, zero = False, True, True
    reference = "mean of log(1 + exp(z_j - z_i)) over positives i, negatives j; Gao & Zhou 2015"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        z, is_positive = wide(output), target.to(wide(output).dtype)
        # Pairs other than positive and negative get weight 0, so that no shape depends on the data.
        weight = is_positive[:, None] * (1 - is_positive)[None, :]
        return (weight * functional.softplus(z[None, :] - z[:, None])).sum() / weight.sum().clamp(min=1)

    def predict(self, output: Tensor) -> Prediction:
        return Prediction(output, (output > 0).long())
