"""What repeats can tell of two losses on one task: pure functions, arrays in, values out.

A gain is how much better one loss does than another in one repeat, in the metric's own unit: above 0 is better,
whichever way the metric improves. Repeats are paired, so gains are what is looked at, never the two scores apart.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special  # scipy.stats says the same by way of it, and takes a second to import

Values = NDArray[np.float64]
MOST_REPEATS = 1000
"""More than this many repeats are nobody's advice."""
ROUNDING = 1e-12
"""Gains that differ by no more than this share of them are equal: their last bits are no spread."""


@dataclass(frozen=True)
class Estimate:
    """A mean, its standard error, and the degrees of freedom of the t distribution that judges it.

    `repeats` is the part of the squared error that goes down with more repeats, `examples` the part that only more
    test rows make smaller.
    """

    mean: float
    error: float
    df: float
    repeats: float
    examples: float = 0.0

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The t interval; the mean twice where there is no spread."""
        reach = self.reach(level)
        return self.mean - reach, self.mean + reach

    def reach(self, level: float = 0.95) -> float:
        """Half the width of the interval."""
        return float(special.stdtrit(self.df, (1 + level) / 2)) * self.error if self.error > 0 else 0.0

    @property
    def p(self) -> float:
        """Two-sided, against no difference. Without any spread t has no value: the sign-flip test of df + 1 has one."""
        if self.error > 0:
            return float(2 * special.stdtr(self.df, -abs(self.mean) / self.error))
        return 1.0 if self.mean == 0 else 2.0**-self.df

    def detectable(self, chance: float = 0.8, alpha: float = 0.05) -> float:
        """The smallest true difference that this much spread lets be found with this chance."""
        return _shift(self.df, chance, alpha) * self.error if self.error > 0 else 0.0


def over_repeats(gains: Values) -> Estimate:
    """What is true of *this test set*: the paired t over repeats [R], R at least 2.

    With 3 to 10 repeats this interval covers 95 % where percentile and BCa bootstraps cover 75 to 90 %.
    """
    n = len(gains)
    if n < 2:
        raise ValueError("An interval needs at least two repeats.")
    _must_be_finite(gains)
    if np.ptp(gains) <= ROUNDING * np.abs(gains).max():
        return Estimate(float(gains[0]), 0.0, n - 1, 0.0)
    variance = float(np.var(gains, ddof=1)) / n
    return Estimate(math.fsum(gains) / n, math.sqrt(variance), n - 1, variance)


def over_repeats_and_examples(gains: Values, parts: Values) -> Estimate:
    """What is true of *data like these*: repeats and test examples as crossed random effects.

    gains: [R]. parts: [R, n], what each test example has to do with its repeat's gain; their mean over examples is the
    gain (a mean metric's own terms, else the influence of each example). The two-way layout without replication gives
    the variance of the grand mean as (MS_repeats + MS_examples - MS_rest) / (R n), here with a negative share of the
    examples taken as 0; degrees of freedom by Satterthwaite (Searle, Casella, McCulloch 1992, section 4.5), and never
    below those of the smaller side: a difference of mean squares may else bring them near 0, and the interval to no
    end.
    """
    return with_examples(over_repeats(gains), parts)


def with_examples(fixed: Estimate, parts: Values) -> Estimate:
    """The same where what is true of this test set is known already."""
    repeats, n = parts.shape
    if n < 2:
        return fixed
    by_example, by_repeat, mean = parts.mean(0), parts.mean(1), parts.mean()
    ms_examples = repeats * float(np.square(by_example - mean).sum()) / (n - 1)
    rest = parts - by_example - by_repeat[:, None] + mean
    ms_rest = float(np.square(rest).sum()) / ((repeats - 1) * (n - 1))
    size = repeats * n
    examples = max(0.0, ms_examples - ms_rest) / size
    if examples <= 0:
        return fixed
    variance = fixed.repeats + examples
    spread = fixed.repeats**2 / (repeats - 1)
    spread += (ms_examples / size) ** 2 / (n - 1) + (ms_rest / size) ** 2 / ((repeats - 1) * (n - 1))
    df = max(variance**2 / spread, min(repeats, n) - 1)
    return Estimate(fixed.mean, math.sqrt(variance), df, fixed.repeats, examples)


def sign_flip(gains: Values) -> float:
    """The exact two-sided p of the sign-flip permutation test of paired gains [R]; all 2^R signs are counted.

    Sums over all signs are those of two halves put together, so that 40 repeats still take a moment.
    """
    _must_be_finite(gains)
    scaled = np.abs(np.asarray(gains, dtype=float))
    top = float(scaled.max(initial=0.0))
    if top == 0:
        return 1.0
    observed = abs(math.fsum(gains)) / top - ROUNDING  # the same sum in another order counts as equal
    scaled = scaled / top
    half = len(scaled) // 2
    first, second = _signed_sums(scaled[:half]), np.sort(_signed_sums(scaled[half:]))
    above = len(second) - np.searchsorted(second, observed - first, side="left")
    return float(min(1.0, 2 * int(above.sum()) / 2 ** len(scaled)))


def effect_size(estimate: Estimate, repeats: int) -> float:
    """Cohen's d_z: the mean gain over repeats in standard deviations of the gains; infinite where all are the same."""
    if estimate.error > 0:
        return estimate.mean / (estimate.error * math.sqrt(repeats))
    return math.copysign(math.inf, estimate.mean) if estimate.mean else 0.0


def improvement(gains: Values) -> float:
    """The share of repeats in which the loss did better, ties counted half."""
    return float((np.sum(gains > 0) + 0.5 * np.sum(gains == 0)) / len(gains))


def holm(p: Sequence[float]) -> list[float]:
    """Adjusted p of a family of tests: the chance of any false one stays below the level. Holm 1979."""
    order = sorted(range(len(p)), key=lambda i: p[i])
    adjusted, running = [0.0] * len(p), 0.0
    for rank, place in enumerate(order):
        running = max(running, min(1.0, (len(p) - rank) * p[place]))
        adjusted[place] = running
    return adjusted


def power(effect: float, n: int, alpha: float = 0.05) -> float:
    """The chance that a two-sided paired t-test of n gains finds an effect, in their standard deviations.

    By the noncentral t distribution; Cohen 1988, section 2.
    """
    return _power(effect * math.sqrt(n), n - 1, alpha)


def detectable(n: int, chance: float = 0.8, alpha: float = 0.05) -> float:
    """The smallest effect, in standard deviations of the gains, that n repeats find with this chance.

    Infinite for fewer than two repeats, which leave no spread to measure it by.
    """
    return _shift(n - 1, chance, alpha) / math.sqrt(n) if n > 1 else math.inf


def repeats_to_decide(estimate: Estimate, margin: float, now: int) -> int | None:
    """How many repeats the interval would need to lie on one side of 0, or within the margin, if the mean stays.

    None where no number of repeats can do it on these test rows, or only more than a thousand.
    """
    aim = max(abs(estimate.mean), margin - abs(estimate.mean))

    def enough(n: int) -> bool:
        varying = estimate.repeats * now / n
        variance = varying + estimate.examples
        df = variance**2 / (varying**2 / (n - 1)) if varying > 0 else math.inf
        return bool(special.stdtrit(df, 0.975) * math.sqrt(variance) < aim)

    counts = range(max(now, 2), MOST_REPEATS + 1)
    first = bisect.bisect_left(counts, True, key=enough)  # more repeats never make the interval wider
    return counts[first] if first < len(counts) else None


def rows_to_decide(estimate: Estimate, margin: float, rows: int) -> int | None:
    """How many test rows the interval would need, with repeats without end; None where it would be endless too."""
    aim = max(abs(estimate.mean), margin - abs(estimate.mean))
    if aim <= 0 or estimate.examples <= 0:
        return None
    return math.ceil(float(special.ndtri(0.975)) ** 2 * estimate.examples * rows / aim**2)


def _must_be_finite(gains: Values) -> None:
    if not np.all(np.isfinite(gains)):
        raise ValueError("Every gain must be a finite number: a repeat without one has no place in a pair.")


def _signed_sums(values: Values) -> Values:
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums - value, sums + value])
    return sums


def _power(shift: float, df: float, alpha: float) -> float:
    critical = special.stdtrit(df, 1 - alpha / 2)
    return 1 - float(special.nctdtr(df, shift, critical)) + _wrong_side(shift, df, critical)


@lru_cache(10_000)  # a pair, its mirror image and the table of the baseline ask for the same
def _shift(df: float, chance: float, alpha: float) -> float:
    """The true mean, in standard errors, that a t-test finds with this chance; right to six digits."""
    critical = special.stdtrit(df, 1 - alpha / 2)
    shift = float(special.nctdtrinc(df, 1 - chance, critical))
    for _ in range(50):
        wrong = _wrong_side(shift, df, critical)
        if wrong < 2e-6:  # next to nothing, but where the chance asked for is small
            break
        shift = float(special.nctdtrinc(df, 1 - chance + wrong, critical))
    return shift


def _wrong_side(shift: float, df: float, critical: float) -> float:
    found = float(special.nctdtr(df, shift, -critical))
    return 0.0 if math.isnan(found) else found  # nan: a trace
