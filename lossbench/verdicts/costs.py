"""The step time of one loss relative to another, from steps that were run in turn, within the clock's noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lossbench.verdicts.comparison import Contender, Contest

NOTICEABLE = 1.05
"""Below this ratio two steps take about the same time: nobody would notice."""
WIDE = 1.5
"""Where an interval's ends differ by more than this factor, the timing was too noisy to use."""


@dataclass(frozen=True)
class Times:
    """A ratio of two step times, with an interval that covers the true ratio in at least 96 % of measurements."""

    ratio: float
    low: float
    high: float

    @property
    def same(self) -> bool:
        """Whether the two take about the same: within the spread, or too little apart to notice."""
        return self.low <= 1 <= self.high or 1 / NOTICEABLE < self.ratio < NOTICEABLE

    @property
    def vague(self) -> bool:
        """Whether the machine was too busy to tell."""
        return self.same and self.high > WIDE * self.low

    @property
    def spread(self) -> str:
        """`1.15 to 1.26`."""
        return f"{self.low:.2f} to {self.high:.2f}"

    @property
    def said(self) -> str:
        """`about the same`, `not clear`, or `1.20 ×`."""
        return "not clear" if self.vague else "about the same" if self.same else f"{self.ratio:.2f} ×"


def beside(one: Contender, other: Contender) -> Times | None:
    """The step time of one loss relative to another; None unless it was measured for both.

    Each was run in turn with the task's baseline, in its own cell. The ends of both intervals go into that of the
    ratio, so that a moment in which the machine was busy widens it. With itself it is 1.
    """
    if one.title == other.title:
        return Times(1.0, 1.0, 1.0)
    mine, theirs = one.step, other.step
    if not mine or not theirs or mine.against != theirs.against:
        return None
    return Times(mine.ratio / theirs.ratio, mine.low / theirs.high, mine.high / theirs.low)


def times(contest: Contest, contender: Contender) -> Times | None:
    """The step time relative to that of the contest's baseline."""
    return beside(contender, contest.reference) if contest.reference else None


def cheapest_first(contenders: Sequence[Contender]) -> list[Contender]:
    """First those about as fast as the cheapest, in the given order, then the slower ones; the unmeasured last."""
    measured = {c.title: c.step.ratio for c in contenders if c.step}
    if not measured:
        return list(contenders)
    least = next(c for c in contenders if c.title == min(measured, key=lambda title: measured[title]))

    def dearer(contender: Contender) -> float:
        found = beside(contender, least)
        return math.inf if found is None else 1.0 if found.same else found.ratio

    return sorted(contenders, key=dearer)
