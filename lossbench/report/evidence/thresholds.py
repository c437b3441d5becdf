"""Loss or merely threshold? How much of a difference remains once the threshold or temperature is tuned.

Much of what weighted and focal losses seem to win or lose at .5 is no more than a shifted threshold, and much of what
they lose in log loss one number fitted on validation data gives back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lossbench.plan import Direction
from lossbench.records.record import Status
from lossbench.report.evidence.calibration import Probabilities, Scaled, probabilities
from lossbench.verdicts.comparison import Contender, Contest
from lossbench.verdicts.statistics import Estimate, over_repeats

Values = NDArray[np.float64]
AT_HALF = "_at_half"
"""Ends the names of metrics as they are at .5; under their own names they are at the threshold from validation data."""
SCALED = ("log_loss", "ece")


@dataclass(frozen=True)
class Remains:
    """A loss's gain over the baseline as trained, and after the simple remedy; above 0 is better."""

    metric: str
    before: Estimate
    after: Estimate
    margin: float
    """Differences up to it are the same in practice; 0 where none is known."""

    @property
    def real(self) -> bool:
        """Whether there was a difference beyond noise to begin with."""
        low, high = self.before.interval()
        return low > 0 or high < 0

    @property
    def share(self) -> float | None:
        """What remains of the difference: 1 all of it, 0 nothing, below 0 the sign changed. None if there was none."""
        return self.after.mean / self.before.mean if self.real else None

    @property
    def said(self) -> str:
        """What remains, in words for a table's cell."""
        if self.share is None:
            return "no difference to explain"
        low, high = self.after.interval()
        if low <= 0 <= high:
            return f"{_per_cent(self.share)} remains, within noise" if self.share > 0.005 else "gone"
        return f"turned ({_per_cent(self.share)})" if self.share < 0 else f"{_per_cent(self.share)} remains"


@dataclass(frozen=True)
class Cut:
    """The thresholds that one loss's repeats chose for one metric, on its probabilities or, without any, its scores."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Remedied:
    """One loss against the baseline. A table is None where it does not apply: no decisions, or no probabilities."""

    title: str
    threshold: Mapping[str, Remains] | None
    temperature: Mapping[str, Remains] | None
    probabilities: bool
    """False for a loss of which no temperature could be fitted."""


@dataclass(frozen=True)
class Thresholds:
    """All losses but the baseline, which they are compared with."""

    baseline: str
    losses: tuple[Remedied, ...]
    repeats: int
    cuts: Mapping[str, Mapping[str, Cut]] = field(default_factory=dict)
    """By loss, the baseline among them, and by metric."""

    @property
    def decided(self) -> bool:
        """Whether any loss has a threshold to choose."""
        return any(loss.threshold for loss in self.losses)

    @property
    def tempered(self) -> bool:
        return any(loss.temperature for loss in self.losses)


def thresholds(contest: Contest, found: Probabilities | None = None) -> Thresholds | None:
    """What a threshold and a temperature explain of the losses' differences: of this test part, over repeats.

    found: `probabilities(contest)`, where it is at hand. None without a baseline, a second loss or a second repeat.
    """
    reference = contest.reference
    if reference is None or reference.record.status is not Status.DONE or len(reference.record.repeats) < 2:
        return None
    found = probabilities(contest) if found is None else found
    if not found:
        return None
    margins = reference.record.margins
    decided = [name for name in contest.board.metrics if f"{name}{AT_HALF}" in contest.board.metrics]
    losses = []
    for contender in contest.contenders:
        if contender is reference or contender.title not in found:
            continue
        mine, theirs = found[contender.title], found.get(reference.title)
        tempered = _tempered(mine, theirs, margins) if mine and theirs else None
        losses.append(Remedied(contender.title, _decided(contender, reference, decided), tempered, bool(mine)))
    said = [loss for loss in losses if loss.threshold or loss.temperature]
    if not said:
        return None
    cuts = {c.title: _cuts(c, decided) for c in contest.contenders if c.title in found}
    return Thresholds(reference.title, tuple(losses), len(reference.record.repeats), cuts)


def _decided(one: Contender, other: Contender, names: Sequence[str]) -> dict[str, Remains] | None:
    table, record = {}, other.record
    for name in names:
        sign = record.directions.get(name, Direction.MAX).sign
        gains = [_gains(one, other, metric) for metric in (f"{name}{AT_HALF}", name)]
        if gains[0] is not None and gains[1] is not None:
            table[name] = remains(name, sign * gains[0], sign * gains[1], record.margins.get(name, 0.0))
    return table or None


def _cuts(contender: Contender, names: Sequence[str]) -> dict[str, Cut]:
    found = {}
    for name in names:
        values = [r.decision[name] for r in contender.record.repeats if name in r.decision]
        if values:
            found[name] = Cut(float(np.median(values)), min(values), max(values))
    return found


def _gains(one: Contender, other: Contender, metric: str) -> Values | None:
    """Repeat by repeat; None where a repeat lacks the metric."""
    mine, theirs = ({r.repeat: r.metrics.get(metric) for r in c.record.repeats} for c in (one, other))
    pairs = [(mine[repeat], theirs.get(repeat)) for repeat in mine]
    if mine.keys() != theirs.keys() or any(a is None or b is None for a, b in pairs):
        return None
    return np.array([a - b for a, b in pairs if a is not None and b is not None])


def _tempered(
    one: Sequence[Scaled], other: Sequence[Scaled], margins: Mapping[str, float]
) -> dict[str, Remains] | None:
    if len(one) != len(other):
        return None

    def gains(name: str, when: str) -> Values:
        values = [[getattr(getattr(r, when), name) for r in loss] for loss in (other, one)]
        return np.array(values[0]) - np.array(values[1])

    margin = {"log_loss": 0.01, **margins}
    return {m: remains(m, gains(m, "before"), gains(m, "after"), margin.get(m, 0.0)) for m in SCALED}


def remains(metric: str, before: Values, after: Values, margin: float = 0.0) -> Remains:
    """Compares two series of paired gains [R] over the baseline."""
    return Remains(metric, over_repeats(before), over_repeats(after), margin)


def _per_cent(share: float) -> str:
    return f"{100 * share:.0f} %".replace("-", "−")
