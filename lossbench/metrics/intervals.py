"""Metrics of more than one point of a distribution: quantiles, expectiles, intervals, densities.

The scores are those of Gneiting and Raftery, JASA 102, 2007; all except coverage and width are proper.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from lossbench.metrics.metric import Direction, Family, Metric, Need, Target, Values, numbered

if TYPE_CHECKING:
    from torch import Tensor

SHARE = 0.9
"""Nominal coverage of an interval."""


def _mean_of(terms: Callable[[Values, Values], Values]) -> Callable[[Tensor, Tensor], Tensor]:
    """The mean, over the last dimension, of a function's values per example."""

    def value(target: Tensor, given: Tensor) -> Tensor:
        import torch

        return torch.from_numpy(np.asarray(terms(target.double().numpy(), given.double().numpy()).mean(-1)))

    return value


def _metric(
    name: str,
    terms: Callable[[Values, Values], Values],
    need: Need,
    *,
    direction: Direction = Direction.MIN,
    label: str = "",
    margin: float | None = None,
    best: float | None = None,
    usual: bool = False,
    describes: bool = False,
    rewards: str = "",
    quantile: float | None = None,
) -> Metric:
    return Metric(
        name,
        direction,
        Target.NUMBERS,
        need,
        label=label,
        stacked=_mean_of(terms),
        influence=terms,
        margin=margin,
        best=best,
        usual=usual,
        describes=describes,
        rewards=rewards,
        quantile=quantile,
    )


# One point ------------------------------------------------------------------------------------------------------------


def pinball(q: float) -> Metric:
    """The score of a quantile: an error costs q per unit if too low, 1 - q if too high. Koenker, Bassett 1978."""
    if not 0 < q < 1:
        raise ValueError("it must be between 0 and 1")

    def terms(target: Values, score: Values) -> Values:
        residual = target - score
        return np.asarray(np.maximum(q * residual, (q - 1) * residual))

    name, aim = numbered("pinball", q), "" if q == 0.5 else f"quantile {q:g}"
    return _metric(name, terms, Need.SCORE, label=f"pinball loss at {q:g}", best=0.0, rewards=aim, quantile=q)


def expectile_score(tau: float) -> Metric:
    """The score of an expectile: squared errors, weighted by their sign. Newey and Powell 1987."""
    if not 0 < tau < 1:
        raise ValueError("it must be between 0 and 1")

    def terms(target: Values, score: Values) -> Values:
        return np.asarray(np.where(target < score, 1 - tau, tau) * np.square(target - score))

    name, aim = numbered("expectile_score", tau), "" if tau == 0.5 else f"expectile {tau:g}"
    return _metric(name, terms, Need.SCORE, label=f"asymmetric squared error at {tau:g}", best=0.0, rewards=aim)


# Several points -------------------------------------------------------------------------------------------------------


def _mean_pinball(target: Values, quantiles: Values) -> Values:
    """quantiles: [2 k, ..., n], k values, then k levels."""
    values, levels = np.split(quantiles, 2)
    residual = target - values
    return np.asarray(np.maximum(levels * residual, (levels - 1) * residual).mean(0))


def _inside(target: Values, interval: Values) -> Values:
    low, high = interval
    return ((low <= target) & (target <= high)).astype(float)


def _width(target: Values, interval: Values) -> Values:
    low, high = interval
    return np.asarray(high - low)


def _interval_score(target: Values, interval: Values) -> Values:
    """The width, plus 2 / .1 times the distance of the target from the interval."""
    low, high = interval
    outside = np.maximum(low - target, 0) + np.maximum(target - high, 0)
    return np.asarray(high - low + 2 / (1 - SHARE) * outside)


# A whole distribution -------------------------------------------------------------------------------------------------


def _nll(target: Values, density: Values) -> Values:
    """density: [3, ..., n], centre, scale and degrees of freedom of Student's t, infinite for a normal."""
    from scipy.stats import norm, t

    centre, scale, freedom = density
    z, normal = (target - centre) / scale, np.isinf(freedom)
    known = np.where(normal, 1.0, freedom)
    return -np.asarray(np.where(normal, norm.logpdf(z), t.logpdf(z, known))) + np.log(scale)


def _crps(target: Values, density: Values) -> Values:
    """The continuous ranked probability score in closed form; infinite below one degree of freedom.

    Jordan, Krüger and Lerch, Journal of Statistical Software 90, 2019.
    """
    from scipy.special import betaln
    from scipy.stats import norm, t

    centre, scale, freedom = density
    z, normal = (target - centre) / scale, np.isinf(freedom)
    v = np.where(normal | (freedom <= 1), 2.0, freedom)
    of_normal = z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi)
    constant = 2 * np.sqrt(v) / (v - 1) * np.exp(betaln(0.5, v - 0.5) - 2 * betaln(0.5, v / 2))
    of_t = z * (2 * t.cdf(z, v) - 1) + 2 * t.pdf(z, v) * (v + z**2) / (v - 1) - constant
    found = np.where(normal, of_normal, np.where(freedom <= 1, np.inf, of_t))
    return np.asarray(scale * found)


METRICS = (
    _metric("interval_score", _interval_score, Need.INTERVAL, best=0.0, usual=True),
    _metric(
        "coverage_90",
        _inside,
        Need.INTERVAL,
        direction=Direction.MAX,
        label="coverage of the 90 % interval",
        margin=0.01,
        usual=True,
        describes=True,
    ),
    _metric("width_90", _width, Need.INTERVAL, label="width of the 90 % interval", usual=True, describes=True),
    _metric("crps", _crps, Need.DENSITY, label="CRPS", best=0.0, usual=True),
    _metric("nll", _nll, Need.DENSITY, label="negative log-likelihood", margin=0.01, usual=True),
    _metric("mean_pinball", _mean_pinball, Need.QUANTILES, label="mean pinball loss", best=0.0, usual=True),
)
FAMILIES = (
    Family("pinball", "q", 0.5, pinball),
    Family("expectile_score", "tau", 0.5, expectile_score),
)
