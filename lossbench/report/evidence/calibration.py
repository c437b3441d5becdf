"""Whether probabilities mean what they say, before and after temperature scaling, and how far off numbers are.

Everything comes from stored predictions: the temperature is fitted on validation data and judged on the test part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lossbench.metrics import calibration
from lossbench.records.record import Record, Status
from lossbench.verdicts.aims import distorts
from lossbench.verdicts.comparison import Contest
from lossbench.verdicts.parts import Part
from lossbench.verdicts.statistics import Estimate, over_repeats

Values = NDArray[np.float64]
CLOSE = 1.25
"""Temperatures within this factor of 1 are close enough: few would notice."""
MOST_ROWS = 20_000
"""This many validation rows, evenly spaced, are enough to fit one number; more only take longer."""
LEVELS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
"""Of residuals, from far too low to far too high."""
TAILS = (0.5, 0.75, 0.9, 0.95, 0.99)
"""Of absolute residuals: from the typical error to the worst."""
NOMINAL = 0.9
"""The nominal coverage of prediction intervals."""


# Probabilities ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Judged:
    """One repeat's test predictions as one probability each: of class 1, or that the likeliest class is right."""

    hit: Values
    probability: Values
    log_loss: float
    brier: float
    """For more than two classes summed over classes, as Brier 1950 has it."""

    @property
    def ece(self) -> float:
        return calibration.expected_calibration_error(self.hit, self.probability)


@dataclass(frozen=True)
class Scaled:
    """One repeat before and after its log odds were divided by the temperature that fits validation data best."""

    temperature: float
    before: Judged
    after: Judged


Probabilities = Mapping[str, tuple[Scaled, ...] | None]
"""Every repeat of each loss, by title; None for a loss that gives no probabilities."""


def probabilities(contest: Contest) -> Probabilities | None:
    """Temperature scaling of every loss in every repeat: fit it once, and show it in as many places as you like.

    None where nobody predicts a class. Losses without all their repeats are left out.
    """
    whole = [c.record for c in contest.contenders if c.record.status is Status.DONE]
    with_labels = [record for record in whole if _has(record, "label")]
    return {record.title: _scaled(record) for record in with_labels} or None


def _has(record: Record, name: str) -> bool:
    with record.stored() as stored:
        return bool(record.repeats) and all(name in Part(stored, "test", r.repeat) for r in record.repeats)


def _scaled(record: Record) -> tuple[Scaled, ...] | None:
    found = []
    with record.stored() as stored:
        for repeat in record.repeats:
            validation, test = (Part(stored, part, repeat.repeat) for part in ("validation", "test"))
            if "probability" not in validation or "probability" not in test:
                return None
            step = -(-len(validation["target"]) // MOST_ROWS)
            t = calibration.temperature(validation["target"][::step], validation["probability"][::step])
            target, p = test["target"], test["probability"].astype(float)
            found.append(Scaled(t, _judged(target, p), _judged(target, calibration.scaled(p, t))))
    return tuple(found)


def _judged(target: NDArray[np.generic], p: Values) -> Judged:
    log_loss = calibration.log_loss(target, p)
    if p.ndim == 1:
        hit = target.astype(float)
        return Judged(hit, p, log_loss, float(np.square(p - hit).mean()))
    truth = np.zeros_like(p)
    truth[np.arange(len(p)), target.astype(int)] = 1
    return Judged(*calibration.top(target, p), log_loss, float(np.square(p - truth).sum(1).mean()))


@dataclass(frozen=True)
class Points:
    """A reliability diagram: per bin the mean probability, how often it was right with its 95 % bar, and the count.

    All repeats are judged on the same test rows, so a bar rests on the rows that a bin stands for, not on how often
    they were predicted.
    """

    probability: Values
    share: Values
    low: Values
    high: Values
    count: NDArray[np.int64]


@dataclass(frozen=True)
class Calibration:
    """How well one loss's probabilities are calibrated; numbers are means over repeats."""

    title: str
    temperature: float
    """The median over repeats; above 1 where predictions were overconfident."""
    span: tuple[float, float]
    """The lowest and highest temperature of any repeat."""
    log_loss: tuple[float, float]
    """Before and after temperature scaling, as all pairs here."""
    brier: tuple[float, float]
    ece: tuple[float, float]
    before: Points
    after: Points

    @property
    def reading(self) -> str:
        """What the temperature says in words; where repeats contradict each other, that they do."""
        if self.span[0] < 1 / CLOSE and self.span[1] > CLOSE:
            return f"unsettled (T = {self.span[0]:.2g} to {self.span[1]:.2g})"
        if 1 / CLOSE <= self.temperature <= CLOSE:
            return f"close (T = {self.temperature:.2g})"
        kind = "over-confident" if self.temperature > 1 else "under-confident"
        return f"{kind} (T = {self.temperature:.2g})"

    @property
    def improved(self) -> bool:
        """Whether scaling made the log loss on test data any smaller, as it should where validation data suffice."""
        return self.log_loss[1] < self.log_loss[0]


@dataclass(frozen=True)
class Calibrations:
    """Every loss of a contest that gives probabilities, and the names of those that do not."""

    losses: tuple[Calibration, ...]
    without: tuple[str, ...]
    top_label: bool
    """True where there are several classes: what is judged is whether the likeliest one is right."""
    repeats: int
    distorted: tuple[str, ...] = ()
    """Losses whose best answer is no probability: they are not calibrated by design."""


def calibrations(contest: Contest, found: Probabilities | None = None) -> Calibrations | None:
    """How well each loss is calibrated. `found`: `probabilities(contest)`, if already computed."""
    found = probabilities(contest) if found is None else found
    if not found:
        return None
    losses = tuple(calibrated(title, repeats) for title, repeats in found.items() if repeats)
    without = tuple(title for title, repeats in found.items() if not repeats)
    distorted = tuple(c.title for c in contest.contenders if distorts(c.record))
    return Calibrations(
        losses, without, bool(contest.predicts and contest.predicts.several), contest.repeats, distorted
    )


def calibrated(title: str, repeats: tuple[Scaled, ...]) -> Calibration:
    """One loss, over its repeats."""

    def mean(name: str) -> tuple[float, float]:
        pairs = [(getattr(r.before, name), getattr(r.after, name)) for r in repeats]
        before, after = np.mean(pairs, axis=0)
        return float(before), float(after)

    temperatures = [r.temperature for r in repeats]
    return Calibration(
        title,
        float(np.median(temperatures)),
        (min(temperatures), max(temperatures)),
        mean("log_loss"),
        mean("brier"),
        mean("ece"),
        points([r.before for r in repeats]),
        points([r.after for r in repeats]),
    )


def points(repeats: list[Judged], bins: int = 15) -> Points:
    """Fifteen bins of equal counts over the predictions of all repeats together."""
    hit, probability = (np.concatenate([getattr(r, name) for r in repeats]) for name in ("hit", "probability"))
    found = calibration.reliability(hit, probability, bins)
    low, high = wilson(found.share, found.count / len(repeats))
    return Points(found.probability, found.share, low, high, found.count)


def wilson(share: Values, count: Values) -> tuple[Values, Values]:
    """The 95 % interval of shares out of counts, which holds up in small bins and at 0 and 1. Wilson 1927."""
    z = 1.959963984540054
    centre = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    reach = z / (1 + z**2 / count) * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return np.clip(centre - reach, 0, 1), np.clip(centre + reach, 0, 1)


# Numbers ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Coverage:
    """The share of test rows that a loss's own intervals cover, and their width."""

    share: float
    interval: tuple[float, float] | None
    """95 % for the mean over repeats; None for one repeat."""
    width: float
    """In the target's unit."""


@dataclass(frozen=True)
class Residuals:
    """How far off one loss is, prediction minus truth in the target's unit; all repeats together."""

    title: str
    quantiles: Values
    """At `LEVELS`; above 0 the prediction was too high."""
    sizes: Values
    """Quantiles of |residual| at `TAILS`."""
    worst: tuple[float, float]
    """The share of the squared error that the worst 1 % and the worst 5 % of the rows carry."""
    coverage: Coverage | None = None

    @property
    def bias(self) -> float:
        """The median residual."""
        return float(self.quantiles[LEVELS.index(0.5)])


@dataclass(frozen=True)
class Tails:
    """Where the errors of each loss lie; `baseline` is the title to compare with, or None."""

    losses: tuple[Residuals, ...]
    baseline: str | None

    @property
    def reference(self) -> Residuals | None:
        return next((loss for loss in self.losses if loss.title == self.baseline), None)

    def ratios(self, loss: Residuals) -> Values | None:
        """Its quantiles of |residual| over the baseline's: below 1 is nearer the truth."""
        reference = self.reference
        if reference is None or not (reference.sizes > 0).all():
            return None
        return np.asarray(loss.sizes / reference.sizes)


def tails(contest: Contest) -> Tails | None:
    """Whether a loss is better on the usual row or only on the worst ones; None where nobody predicts numbers."""
    found = []
    for contender in contest.contenders:
        record = contender.record
        if record.status is not Status.DONE or not _has(record, "score") or _has(record, "label"):
            continue
        with record.stored() as stored:
            parts = [Part(stored, "test", repeat.repeat) for repeat in record.repeats]
            errors = np.concatenate([part["score"].astype(float) - part["target"] for part in parts])
            found.append(residuals(record.title, errors, _coverage(parts)))
    return Tails(tuple(found), contest.baseline) if found else None


def residuals(title: str, errors: Values, coverage: Coverage | None = None) -> Residuals:
    """One loss's errors [n], of all repeats."""
    squared = np.sort(np.square(errors))[::-1]
    total = float(squared.sum())
    one, five = (float(squared[: int(np.ceil(share * len(squared)))].sum()) for share in (0.01, 0.05))
    worst = (one / total, five / total) if total > 0 else (0.0, 0.0)
    return Residuals(title, np.quantile(errors, LEVELS), np.quantile(np.abs(errors), TAILS), worst, coverage)


def _coverage(parts: list[Part]) -> Coverage | None:
    if not all("low" in part and "high" in part for part in parts):
        return None
    inside, width = [], []
    for part in parts:
        target, low, high = part["target"], part["low"], part["high"]
        inside.append(float(((low <= target) & (target <= high)).mean()))
        width.append(float((high - low).mean()))
    estimate: Estimate | None = over_repeats(np.array(inside)) if len(inside) > 1 else None
    return Coverage(float(np.mean(inside)), estimate.interval() if estimate else None, float(np.mean(width)))
