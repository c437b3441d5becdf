"""Whether probabilities mean what they say: calibration error, reliability, and temperature scaling. NumPy, SciPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Values = NDArray[np.float64]
BOUNDS = (-1.6, 1.6)
"""Range of the logarithm of a temperature, a factor of five: otherwise a few rows that are all right give no limit."""
TINY = 1e-15
"""Probabilities are clipped this far from 0 and 1 before taking logarithms."""


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
    """The mean calibration error over 15 bins of equal counts."""
    return reliability(target, probability, bins).error


def temperature(target: NDArray[Any], probability: NDArray[Any]) -> float:
    """The temperature that minimises log loss on validation data when log odds are divided by it. Guo et al. 2017.

    target: labels [n]; probability: of class 1 [n], or [n, classes]. Above 1 if predictions are over-confident.
    """

    from scipy.optimize import minimize_scalar  # takes a quarter of a second, and only probabilities need it

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
    """Mean negative log probability of the true class, in nats."""
    p = np.clip(probability.astype(float), TINY, 1 - TINY)
    of_target = np.where(target > 0.5, p, 1 - p) if p.ndim == 1 else p[np.arange(len(p)), target.astype(int)]
    return float(-np.log(of_target).mean())


def top(target: NDArray[Any], probability: NDArray[Any]) -> tuple[NDArray[Any], Values]:
    """For probabilities [n, classes]: whether the most likely class is right [n], and its probability [n]."""
    likeliest = probability.argmax(1)
    return (likeliest == target).astype(float), probability.max(1).astype(float)
