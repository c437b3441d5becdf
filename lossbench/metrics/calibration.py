"""Whether probabilities mean what they say: calibration error, reliability, and temperature scaling. NumPy, SciPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Values = NDArray[np.float64]
BOUNDS = (-1.6, 1.6)
"""Of the logarithm of a temperature: beyond a factor of five, few validation rows that are all right say nothing."""
TINY = 1e-15
"""Probabilities are kept this far from 0 and 1 where their logarithm is taken."""


@dataclass(frozen=True)
class Bins:
    """Predictions in bins of equal counts: mean probability, share of positives and number of each."""

    probability: Values
    share: Values
    count: NDArray[np.int64]

    @property
    def error(self) -> float:
        """The expected calibration error: |probability - share|, weighted by the counts."""
        return float(np.sum(self.count * np.abs(self.probability - self.share)) / self.count.sum())


def reliability(target: NDArray[Any], probability: NDArray[Any], bins: int = 15) -> Bins:
    """Bins of equal counts over probabilities [n] of class 1, targets [n] in {0, 1}; equal ones share a bin.

    Nixon et al. 2019 (adaptive calibration error, one class).
    """
    order = np.argsort(probability, kind="stable")
    p, y = probability[order].astype(float), target[order].astype(float)
    cuts = p[np.clip((np.arange(1, bins) * len(p)) // bins, 0, len(p) - 1)]
    which = np.searchsorted(np.unique(cuts), p, side="right")
    counts = np.bincount(which)
    full = counts > 0
    count = counts[full]
    return Bins(np.bincount(which, p)[full] / count, np.bincount(which, y)[full] / count, count)


def expected_calibration_error(target: NDArray[Any], probability: NDArray[Any], bins: int = 15) -> float:
    """How far off probabilities are on average, over 15 bins of equal counts."""
    return reliability(target, probability, bins).error


def temperature(target: NDArray[Any], probability: NDArray[Any]) -> float:
    """The T by which log odds are best divided on validation data: the least log loss. Guo et al. 2017.

    target: [n] labels; probability: [n] of class 1, or [n, classes]. Above 1 where predictions were too sure.
    """

    from scipy.optimize import minimize_scalar  # a quarter of a second, for probabilities alone

    def loss(log_t: float) -> float:
        return log_loss(target, scaled(probability, float(np.exp(log_t))))

    return float(np.exp(minimize_scalar(loss, bounds=BOUNDS, method="bounded", options={"xatol": 1e-4}).x))


def scaled(probability: NDArray[Any], t: float) -> Values:
    """Probabilities [n] or [n, classes] with their log odds divided by t."""
    p = np.clip(probability.astype(float), TINY, 1 - TINY)
    if p.ndim == 1:
        return np.asarray(expit((np.log(p) - np.log1p(-p)) / t))
    logits = np.log(p) / t
    logits -= logits.max(1, keepdims=True)
    weights = np.exp(logits)
    return np.asarray(weights / weights.sum(1, keepdims=True))


def log_loss(target: NDArray[Any], probability: NDArray[Any]) -> float:
    """Mean negative log probability of what was so, in nats."""
    p = np.clip(probability.astype(float), TINY, 1 - TINY)
    of_target = np.where(target > 0.5, p, 1 - p) if p.ndim == 1 else p[np.arange(len(p)), target.astype(int)]
    return float(-np.log(of_target).mean())


def top(target: NDArray[Any], probability: NDArray[Any]) -> tuple[NDArray[Any], Values]:
    """Of [n, classes]: whether the likeliest class was right [n], and the probability that it had [n]."""
    likeliest = probability.argmax(1)
    return (likeliest == target).astype(float), probability.max(1).astype(float)
