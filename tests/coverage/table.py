"""How often intervals hold the truth, from stored outcomes: one line per design and number of repeats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lossbench.verdicts.statistics import Estimate, crossed, over_repeats, with_other_training_rows
from lossbench.verdicts.verdict import judge
from tests.coverage import store
from tests.coverage.designs import DESIGNS
from tests.coverage.experiment import Outcome, Side

Values = NDArray[np.float64]
HEAD = (
    "| design | repeats | data sets | new rows | with other training rows | its width | new rows, held against other "
    "training rows | a false 'better' |\n|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True)
class Share:
    """A share of data sets, with its Monte Carlo standard error."""

    value: float
    error: float

    @classmethod
    def of(cls, held: NDArray[np.bool_]) -> Share:
        p = float(held.mean())
        return cls(p, (p * (1 - p) / len(held)) ** 0.5)

    def __str__(self) -> str:
        return f"{100 * self.value:.1f} ± {100 * self.error:.1f} %"


@dataclass(frozen=True)
class Held:
    """Which data sets' intervals hold their truth, and in which a placebo is called better: [data sets] each."""

    rows: NDArray[np.bool_]
    rows_of_others: NDArray[np.bool_]
    false: NDArray[np.bool_]
    wide: NDArray[np.bool_] | None = None
    width: float | None = None
    """None where nothing was trained on halves."""

    def line(self, name: str, count: int) -> str:
        rows, others, false = (str(Share.of(held)) for held in (self.rows, self.rows_of_others, self.false))
        wide = "" if self.wide is None else str(Share.of(self.wide))
        width = "" if self.width is None else f"{self.width:.1f} x"
        return f"| {' | '.join((name, str(count), str(len(self.rows)), rows, wide, width, others, false))} |"


def lines() -> Iterator[str]:
    """The table in Markdown; designs without outcomes are left out, those of tables are put together at its end."""
    yield HEAD
    tables: dict[int, list[Held]] = {}
    for design in DESIGNS.values():
        outcomes = store.read(design)
        if len(outcomes) < 2:
            continue
        for count in store.counts(design):
            found = held(outcomes, count)
            yield found.line(design.name, count)
            if design.task != "ner":
                tables.setdefault(count, []).append(found)
    for count, each in tables.items():
        arrays = [
            np.concatenate([getattr(one, name) for one in each]) for name in ("rows", "rows_of_others", "false", "wide")
        ]
        yield Held(*arrays, float(np.median([one.width for one in each if one.width]))).line("all of tables", count)


def held(outcomes: Sequence[Outcome], count: int) -> Held:
    """Of runs of so many repeats."""
    rows = [of_rows(outcome.rival, count) for outcome in outcomes]
    truth = np.array([outcome.truth for outcome in outcomes])
    truth_error = np.array([outcome.truth_error for outcome in outcomes])
    # the mean over all other pools stands for the population of pools
    others = (truth.sum() - truth) / (len(truth) - 1)
    others_error = np.full(len(truth), truth.std(ddof=1) / (len(truth) - 1) ** 0.5)
    # of all repeats: of few, the interval itself is too noisy to be a scale
    most = [of_rows(outcome.rival, max(outcome.rival.layouts)).reach() for outcome in outcomes]
    own, same = np.array(most), np.ones(len(outcomes))  # what pools differ by is on one scale
    found = Held(
        _held(rows, truth, truth_error, own),
        _held(rows, others, others_error, same),
        np.array([_better(of_rows(outcome.placebo, count)) for outcome in outcomes]),
    )
    if not all(outcome.rival.halves for outcome in outcomes):
        return found
    wide = [
        with_other_training_rows(known, outcome.rival.gains[:count], outcome.rival.halves[count])
        for known, outcome in zip(rows, outcomes, strict=True)
    ]
    return replace(found, wide=_held(wide, others, others_error, same), width=_width(wide, others, others_error))


def of_rows(side: Side, count: int) -> Estimate:
    """The first repeats' estimate for new rows."""
    return crossed(over_repeats(side.gains[:count]), side.layouts[count])


def _better(estimate: Estimate) -> bool:
    """Whether the placebo, which is the same loss, is called better; no margin, a family of one."""
    return judge(estimate.interval(), 0.0, estimate.p).sign > 0


def _held(estimates: Sequence[Estimate], truth: Values, error: Values, scale: Values) -> NDArray[np.bool_]:
    """Where the interval holds the truth, with the truth's own standard error taken out.

    The truth is estimated: what is off by chance there adds error² to the squared distance. Both are measured in the
    data set's own scale, since data sets differ by a factor of ten (one scale for all of them counted 92 % where 95 %
    were right). Intervals are lengthened by the proportion that the errors add; for normal errors that gives the
    coverage of the truth itself.
    """
    off, share = _off(estimates, truth) / scale, np.square(error / scale)
    own = max(float(np.square(off).mean() - share.mean()), 1e-30)
    reach = np.array([estimate.reach() for estimate in estimates]) / scale
    return np.asarray(np.abs(off) <= reach * np.sqrt(1 + share / own))


def _width(estimates: Sequence[Estimate], truth: Values, error: Values) -> float:
    """The mean interval in those that a known standard error would give."""
    own = np.square(_off(estimates, truth)).mean() - np.square(error).mean()
    return float(np.mean([estimate.reach() for estimate in estimates]) / (1.96 * max(own, 1e-30) ** 0.5))


def _off(estimates: Sequence[Estimate], truth: Values) -> Values:
    return np.array([estimate.mean for estimate in estimates]) - truth
