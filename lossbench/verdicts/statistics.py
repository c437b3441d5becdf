"""Statistics of two losses on one task, from repeats: pure functions, arrays in, values out.

A gain is how much better one loss does than another in one repeat, in the metric's own unit: above 0 is better,
whichever way the metric improves. Repeats are paired, so everything here works on gains, never on single scores.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special  # scipy.stats uses it too, but takes a second to import

Values = NDArray[np.float64]
MOST_REPEATS = 1000
"""More repeats than this are never advised."""
ROUNDING = 1e-12
"""Values that differ by no more than this share are equal: rounding is not spread."""
MOST_COUNTED, DRAWN_SIGNS = 30, 20_000
"""Up to this many repeats all signs are counted; with more, `DRAWN_SIGNS` of them are drawn."""


@dataclass(frozen=True)
class Estimate:
    """A mean, its standard error, and the degrees of freedom of the t distribution that judges it.

    `repeats` is the part of the squared error that goes down with more repeats, `examples` the part that only more
    test rows make smaller, `pool` the part that only other training rows could show. `within` is the estimate of a
    narrower claim: a wider claim never gets a shorter interval or a smaller p, whatever its degrees of freedom.
    """

    mean: float
    error: float
    df: float
    repeats: float
    examples: float = 0.0
    pool: float = 0.0
    within: Estimate | None = None

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The t interval; the mean twice where there is no spread."""
        reach = self.reach(level)
        return self.mean - reach, self.mean + reach

    def reach(self, level: float = 0.95) -> float:
        """Half the width of the interval."""
        own = float(special.stdtrit(self.df, (1 + level) / 2)) * self.error if self.error > 0 else 0.0
        return max(own, self.within.reach(level)) if self.within else own

    @property
    def p(self) -> float:
        """Two-sided, against no difference. Without spread t is undefined: then the sign-flip p of df + 1 gains."""
        if self.error > 0:
            own = float(2 * special.stdtr(self.df, -abs(self.mean) / self.error))
        else:
            own = 1.0 if self.mean == 0 else 2.0**-self.df
        return max(own, self.within.p) if self.within else own

    def detectable(self, chance: float = 0.8, alpha: float = 0.05) -> float:
        """The smallest true difference that can be detected with this power, given this spread."""
        own = _shift(self.df, chance, alpha) * self.error if self.error > 0 else 0.0
        return max(own, self.within.detectable(chance, alpha)) if self.within else own

    def mirrored(self) -> Estimate:
        """The same seen from the other loss."""
        return replace(self, mean=-self.mean, within=self.within.mirrored() if self.within else None)


@dataclass(frozen=True)
class Crossed:
    """The two-way layout of repeats and test examples without replication, as its mean squares."""

    repeats: int
    examples: int
    ms_examples: float
    ms_rest: float

    @classmethod
    def of(cls, parts: Values) -> Crossed:
        """Of the gains example by example [R, n]; R and n at least 2."""
        repeats, n = parts.shape
        by_example, by_repeat, mean = parts.mean(0), parts.mean(1), parts.mean()
        ms_examples = repeats * float(np.square(by_example - mean).sum()) / (n - 1)
        rest = parts - by_example - by_repeat[:, None] + mean
        return cls(repeats, n, ms_examples, float(np.square(rest).sum()) / ((repeats - 1) * (n - 1)))

    @property
    def variance(self) -> float:
        """The variance of the mean gain that comes from the choice of test examples; never below 0."""
        return max(0.0, self.ms_examples - self.ms_rest) / (self.repeats * self.examples)


def over_repeats(gains: Values) -> Estimate:
    """What is true of *these training rows and this test part*: the paired t over repeats [R], R at least 2.

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
    """What is true of models *trained on these rows, for new rows like the test part*.

    Repeats and test examples are crossed random effects. gains: [R]. parts: [R, n], what each test example has to do
    with its repeat's gain; their mean over examples is the gain (a mean metric's own terms, else the influence of each
    example). Examples that belong together, as rows of one group, come as one. The two-way layout without replication
    gives the variance of the grand mean as (MS_repeats + MS_examples - MS_rest) / (R n), here with a negative share of
    the examples taken as 0; degrees of freedom by Satterthwaite (Searle, Casella, McCulloch 1992, section 4.5), and
    never below those of the smaller side: a difference of mean squares may else bring them near 0, and the interval to
    no end. Where the examples' share is large these rise above those of the repeats; the interval is still never
    shorter than the one over repeats.

    The repeats redraw splits, weights and orders from one set of training rows, whose own luck is in none of this.
    """
    return with_examples(over_repeats(gains), parts)


def with_examples(fixed: Estimate, parts: Values) -> Estimate:
    """The same where what is true of this test part is known already."""
    return fixed if parts.shape[1] < 2 else crossed(fixed, Crossed.of(parts))


def crossed(fixed: Estimate, layout: Crossed) -> Estimate:
    """The same by the mean squares of the layout."""
    repeats, n, examples = layout.repeats, layout.examples, layout.variance
    if examples <= 0:
        return fixed
    size = repeats * n
    variance = fixed.repeats + examples
    spread = fixed.repeats**2 / (repeats - 1)
    spread += (layout.ms_examples / size) ** 2 / (n - 1) + (layout.ms_rest / size) ** 2 / ((repeats - 1) * (n - 1))
    df = max(variance**2 / spread, min(repeats, n) - 1)
    return Estimate(fixed.mean, math.sqrt(variance), df, fixed.repeats, examples, within=fixed)


@dataclass(frozen=True)
class Halves:
    """Gains of trainings on two random halves of every repeat's rows, as their mean squares.

    apart: of the difference between the means of the two halves. within: the variance of trainings on the same half.
    """

    seeds: int
    apart: float
    within: float

    @classmethod
    def of(cls, gains: Values) -> Halves:
        """Of gains [R, 2, S], S at least 2."""
        means = gains.mean(2)
        apart = float(np.square(means[:, 0] - means[:, 1]).mean())
        return cls(gains.shape[2], apart, float(gains.var(2, ddof=1).mean()))

    @property
    def luck(self) -> float:
        """The variance of the mean gain over samples of training rows; below 0 where seeds drown it."""
        # two halves share no row: E (A - B)^2 = 2 (2 luck + within / S)
        return self.apart / 4 - self.within / (2 * self.seeds)


def with_other_training_rows(known: Estimate, gains: Values, halves: Halves) -> Estimate:
    """What is true *with other training rows* as well, approximately.

    The repeats redraw one set of training rows, whose own luck shows in none of their differences. Two random halves of
    it share no row, and trainings on the same half tell the luck of seeds and inner splits (subsampling: Politis,
    Romano and Wolf 1999). Where seeds are the larger part this is a rough estimate, cut off at 0; so a quarter of a
    repeat's variance is added, which is Nadeau and Bengio's share (2003) at a fifth of validation rows, and which by
    itself is too small for learners that are nearly deterministic. `results/coverage.md` has what each covers.

    known: of new rows. gains: [R].
    """
    pool = max(0.0, halves.luck) + float(np.var(gains, ddof=1)) / 4
    error = math.sqrt(known.repeats + known.examples + pool)
    df = min(known.df, len(gains) - 1)
    return Estimate(known.mean, error, df, known.repeats, known.examples, pool, within=known)


@dataclass(frozen=True)
class Chance:
    """A p, and its standard error if signs were drawn at random; 0 if all were counted."""

    p: float
    error: float = 0.0


def sign_flip(gains: Values) -> Chance:
    """The two-sided p of the sign-flip permutation test of paired gains [R].

    Up to 30 repeats all 2^R signs are counted, as sums of two halves put together. With more, 20,000 signs are drawn,
    the same for every test, and counted with the signs that were observed (Davison and Hinkley 1997, section 4.3).
    """
    _must_be_finite(gains)
    scaled = np.abs(np.asarray(gains, dtype=float))
    top = float(scaled.max(initial=0.0))
    if top == 0:
        return Chance(1.0)
    observed = abs(math.fsum(gains)) / top - ROUNDING  # the same sum in another order counts as equal
    scaled = scaled / top
    if len(scaled) > MOST_COUNTED:
        extreme = int((np.abs(_drawn_sums(scaled)) >= observed).sum())
        p = (1 + extreme) / (1 + DRAWN_SIGNS)
        return Chance(p, math.sqrt(p * (1 - p) / DRAWN_SIGNS))
    half = len(scaled) // 2
    first, second = _signed_sums(scaled[:half]), np.sort(_signed_sums(scaled[half:]))
    above = len(second) - np.searchsorted(second, observed - first, side="left")
    return Chance(float(min(1.0, 2 * int(above.sum()) / 2 ** len(scaled))))


def effect_size(estimate: Estimate, repeats: int) -> float:
    """Cohen's d_z: the mean gain over repeats in standard deviations of the gains; infinite where all are the same."""
    if estimate.error > 0:
        return estimate.mean / (estimate.error * math.sqrt(repeats))
    return math.copysign(math.inf, estimate.mean) if estimate.mean else 0.0


def improvement(gains: Values) -> float:
    """The share of repeats that the loss won; ties count half."""
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
    """The smallest effect, in standard deviations of the gains, that n repeats detect with this power.

    Infinite for fewer than two repeats, which leave no spread to measure it by.
    """
    return _shift(n - 1, chance, alpha) / math.sqrt(n) if n > 1 else math.inf


def repeats_to_decide(estimate: Estimate, margin: float, now: int) -> int | None:
    """How many repeats the interval would need to lie on one side of 0, or within the margin, if the mean stays.

    Only the part of the error that comes from repeats shrinks with them. None where no number of repeats is enough
    on these rows, or more than a thousand.
    """
    aim = max(abs(estimate.mean), margin - abs(estimate.mean))
    fixed = estimate.examples + estimate.pool

    def enough(n: int) -> bool:
        varying = estimate.repeats * now / n
        variance = varying + fixed
        df = variance**2 / (varying**2 / (n - 1)) if varying > 0 else math.inf
        df = n - 1 if estimate.pool > 0 else df  # as `with_other_training_rows` judges it
        reach = special.stdtrit(df, 0.975) * math.sqrt(variance)
        return bool(max(reach, special.stdtrit(n - 1, 0.975) * math.sqrt(varying)) < aim)

    counts = range(max(now, 2), MOST_REPEATS + 1)
    first = bisect.bisect_left(counts, True, key=enough)  # more repeats never make the interval wider
    return counts[first] if first < len(counts) else None


def rows_to_decide(estimate: Estimate, margin: float, rows: int) -> int | None:
    """How many test rows the interval would need, with unlimited repeats; None where no number is enough."""
    aim = max(abs(estimate.mean), margin - abs(estimate.mean))
    z2 = float(special.ndtri(0.975)) ** 2
    room = aim**2 - z2 * estimate.pool
    if aim <= 0 or room <= 0 or estimate.examples <= 0:
        return None
    return math.ceil(z2 * estimate.examples * rows / room)


def _must_be_finite(gains: Values) -> None:
    if not np.all(np.isfinite(gains)):
        raise ValueError("Every gain must be finite: a repeat without a finite value cannot be paired.")


def _drawn_sums(values: Values) -> Values:
    """The sums under 20,000 random signs, the same signs for every test of so many repeats.

    A random byte is the signs of eight values, so each sum is put together from tables of 256 sums.
    """
    groups = [values[start : start + 8] for start in range(0, len(values), 8)]
    drawn = np.random.default_rng(0).integers(0, 256, (len(groups), DRAWN_SIGNS), dtype=np.uint8)
    sums = np.zeros(DRAWN_SIGNS)
    for group, signs in zip(groups, drawn, strict=True):
        sums += _signed_sums(group)[signs >> (8 - len(group))]
    return sums


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
    """The true mean, in standard errors, that a t-test detects with this power; right to six digits."""
    critical = special.stdtrit(df, 1 - alpha / 2)
    shift = float(special.nctdtrinc(df, 1 - chance, critical))
    for _ in range(50):
        wrong = _wrong_side(shift, df, critical)
        if wrong < 2e-6:  # negligible, unless the requested power is small
            break
        shift = float(special.nctdtrinc(df, 1 - chance + wrong, critical))
    return shift


def _wrong_side(shift: float, df: float, critical: float) -> float:
    found = float(special.nctdtr(df, shift, -critical))
    return 0.0 if math.isnan(found) else found  # NaN where it underflows
