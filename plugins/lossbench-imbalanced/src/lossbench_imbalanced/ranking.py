"""The ranking losses of imbalanced-losses: a batch is ranked together with targets of earlier batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import imbalanced_losses as library
import torch
from torch import Tensor, nn

from lossbench.loss import Kind, Loss, Prediction

IGNORED = -100
"""The library's default `ignore_index`."""
UNITS = {
    "queue_size": "targets of earlier batches",
    "temperature": "logits",
    "max_pool_size": "targets ranked at once",
}


class RankingLoss(Loss):
    """A ranking loss of imbalanced-losses. Abstract: a subclass states its kind.

    Created once the number of classes is known; for binary targets, with 1 output, immediately.
    """

    pointwise = False
    elicits = "order"
    bounded, convex, zero = True, False, True

    def __init__(self, make: Callable[..., nn.Module], **params: Any) -> None:
        super().__init__()
        for name, value in params.items():
            setattr(self, name, value)
        self.make, self.given = make, params
        self.ranking: nn.Module | None = None
        if self.kind is Kind.BINARY:
            self.outputs(1)

    def outputs(self, classes: int) -> int:
        if self.ranking is None or self.ranking.num_classes != classes:
            self.ranking = self.make(classes, **self.given)
        return classes

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        logits = output[:, None] if self.kind is Kind.BINARY else output
        self.outputs(logits.shape[1])
        return self.ranking(logits, target.long())

    def native(self, output: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """By `ignore_index`, -100, of a new loss that has not seen a batch yet."""
        logits = output[:, None] if self.kind is Kind.BINARY else output
        return self.make(logits.shape[1], **self.given)(logits, torch.where(mask, target.long(), IGNORED))

    def predict(self, output: Tensor) -> Prediction:
        label = (output > 0).long() if self.kind is Kind.BINARY else output.argmax(-1)
        return Prediction(output, label)


class BinarySmoothAP(RankingLoss):
    """Ranks positives first, by a smooth average precision (imbalanced-losses' `SmoothAPLoss`).

    1 minus the mean over positives of (soft rank among positives)/(soft rank among all), soft by sigmoid(difference of
    logits/temperature).

    Args:
        queue_size: how many targets of earlier batches are ranked with the current one.
        temperature: softness of the ranks, in logits.
        max_pool_size: largest number of targets ranked at once.

    Shape: logit [n], target [n] of 0 and 1; returns one value [].

    Source: Brown et al., ECCV 2020.
    """

    kind = Kind.BINARY
    monotone = True
    reference = "1 - smooth average precision; Brown et al. 2020; imbalanced_losses.SmoothAPLoss"
    units = UNITS

    def __init__(self, queue_size: int = 1024, temperature: float = 0.01, max_pool_size: int | None = None) -> None:
        super().__init__(
            library.SmoothAPLoss, queue_size=queue_size, temperature=temperature, max_pool_size=max_pool_size
        )


class ClassesSmoothAP(RankingLoss):
    """Ranks each class's own targets first, one-vs-rest (imbalanced-losses' `SmoothAPLoss`).

    The mean over classes of 1 minus the smooth average precision.

    Args:
        queue_size: how many targets of earlier batches are ranked with the current one.
        temperature: softness of the ranks, in logits.
        max_pool_size: largest number of targets ranked at once.

    Shape: logits [n, classes], target [n] int; returns one value [].

    Source: Brown et al., ECCV 2020.
    """

    kind = Kind.CLASSES
    monotone = True
    reference = "1 - smooth average precision of each class; Brown et al. 2020; imbalanced_losses.SmoothAPLoss"
    units = UNITS

    def __init__(self, queue_size: int = 1024, temperature: float = 0.01, max_pool_size: int | None = None) -> None:
        super().__init__(
            library.SmoothAPLoss, queue_size=queue_size, temperature=temperature, max_pool_size=max_pool_size
        )


class BinaryRecallAtQuantile(RankingLoss):
    """Puts positives among the largest logits, a share `quantile` of all (imbalanced-losses' `RecallAtQuantileLoss`).

    1 minus the mean over positives of sigmoid((logit - threshold)/temperature). A share `quantile` of all logits is
    above the threshold.

    Args:
        quantile: share of all targets.
        queue_size: how many targets of earlier batches are ranked with the current one.
        temperature: softness of the ranks, in logits.
        max_pool_size: largest number of targets ranked at once.
        quantile_interpolation: how the threshold is interpolated between logits.

    Shape: logit [n], target [n] of 0 and 1; returns one value [].
    """

    kind = Kind.BINARY
    reference = "1 - soft recall at the top share; imbalanced_losses.RecallAtQuantileLoss"
    units = {"quantile": "share of all targets", **UNITS}

    def __init__(
        self,
        quantile: float = 0.005,
        queue_size: int = 1024,
        temperature: float = 0.01,
        quantile_interpolation: str = "higher",
        max_pool_size: int | None = None,
    ) -> None:
        super().__init__(
            library.RecallAtQuantileLoss,
            quantile=quantile,
            queue_size=queue_size,
            temperature=temperature,
            quantile_interpolation=quantile_interpolation,
            max_pool_size=max_pool_size,
        )


class BinaryPAUCAtBudget(RankingLoss):
    """Ranks positives above all but a few negatives: a smooth partial AUC (imbalanced-losses' `PAUCAtBudgetLoss`).

    1 minus the mean true positive rate for false positive rates from alpha to beta, with a softness relative to the
    spread of the negatives.

    Args:
        alpha: lowest false positive rate.
        beta: highest false positive rate.
        queue_size: how many targets of earlier batches are ranked with the current one.
        temperature: softness, in units of the negatives' spread.
        max_pool_size: largest number of targets ranked at once.

    Shape: logit [n], target [n] of 0 and 1; returns one value [].
    """

    kind = Kind.BINARY
    reference = "1 - partial AUC from α to β; imbalanced_losses.PAUCAtBudgetLoss"
    units = {
        "alpha": "false positive rate",
        "beta": "false positive rate",
        **UNITS,
        "temperature": "spreads of the negatives",
    }

    def __init__(
        self,
        alpha: float = 0.0,
        beta: float = 0.005,
        surrogate: str = "trapezoid",
        n_knots: int = 2,
        tau_scale: str = "iqr",
        queue_size: int = 1024,
        temperature: float = 0.1,
        max_pool_size: int | None = None,
    ) -> None:
        super().__init__(
            library.PAUCAtBudgetLoss,
            alpha=alpha,
            beta=beta,
            surrogate=surrogate,
            n_knots=n_knots,
            tau_scale=tau_scale,
            queue_size=queue_size,
            temperature=temperature,
            max_pool_size=max_pool_size,
        )


smooth_ap = (BinarySmoothAP, ClassesSmoothAP)
recall_at_quantile = BinaryRecallAtQuantile
pauc_at_budget = BinaryPAUCAtBudget
