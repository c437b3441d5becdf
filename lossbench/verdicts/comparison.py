"""What a judged sweep holds: one contest per task, one difference per pair of losses, and the result over tasks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lossbench.plan import Direction, LossCost, Scope, StepCost, Target
from lossbench.records.record import Record, Status
from lossbench.verdicts import ranks, statistics
from lossbench.verdicts.leaderboard import Leaderboard, Row
from lossbench.verdicts.statistics import Estimate
from lossbench.verdicts.verdict import Verdict, judge

Values = NDArray[np.float64]


def places(margin: float, values: Sequence[float] = ()) -> int:
    """Decimals that show a tenth of the margin, or three digits of the largest value where there is no margin."""
    size = margin / 10 if margin > 0 else max((abs(v) for v in values), default=1.0) / 100
    return max(0, min(6, -math.floor(math.log10(size)))) if size > 0 else 3


@dataclass(frozen=True)
class Rules:
    """How a sweep is judged."""

    scope: Scope = Scope.ROWS
    """What verdicts claim."""
    baseline: str | None = None
    """The title that others are compared with; None for the task's baseline."""


@dataclass(frozen=True)
class Difference:
    """How much better `one` does than `other`, in the metric's unit; above 0 is better."""

    one: str
    other: str
    gains: Values
    test: Estimate
    """Trained on these rows, on this test part: over repeats."""
    new_rows: Estimate | None
    """Trained on these rows, for new rows like the test part: over repeats and test examples; None where the stored
    predictions do not allow it."""
    training_rows: Estimate | None
    """With other training rows as well, approximate; None where it was not measured."""
    margin: float
    scope: Scope
    p: float
    """Two-sided p within the scope that gives the verdict, before Holm."""
    rows: int
    """How many test examples the interval for new rows is computed from."""
    p_holm: float = 1.0
    family: int = 1
    """How many tests Holm's correction covers."""

    @property
    def judged(self) -> Estimate | None:
        return self.of(self.scope)

    def of(self, scope: Scope) -> Estimate | None:
        """What is known within a scope."""
        return {Scope.TEST: self.test, Scope.ROWS: self.new_rows, Scope.TRAINING_ROWS: self.training_rows}[scope]

    @cached_property
    def verdict(self) -> Verdict:
        return judge(self.judged.interval(), self.margin, self.p_holm) if self.judged else Verdict.UNCLEAR

    @cached_property
    def sign_flip(self) -> statistics.Chance:
        """The permutation test over repeats, on these rows and this test part; it assumes no distribution."""
        return statistics.sign_flip(self.gains)

    @cached_property
    def effect(self) -> float:
        """Cohen's d_z."""
        return statistics.effect_size(self.test, len(self.gains))

    @cached_property
    def outcomes(self) -> tuple[int, int, int]:
        """Repeats won, tied and lost, as every table and figure counts them."""
        return int((self.gains > 0).sum()), int((self.gains == 0).sum()), int((self.gains < 0).sum())

    @cached_property
    def improvement(self) -> float:
        """P(better): the repeats won and half of those tied, as a share of all."""
        won, tied, lost = self.outcomes
        return (won + tied / 2) / (won + tied + lost)

    @property
    def identical(self) -> bool:
        return not self.gains.any()

    @cached_property
    def detectable(self) -> float | None:
        """The smallest true difference that this many repeats on these rows detect with 80 % power."""
        return self.judged.detectable() if self.judged else None

    @cached_property
    def repeats_needed(self) -> int | None:
        """How many repeats would settle it, if the mean stays as it is; None where more repeats alone never would."""
        return statistics.repeats_to_decide(self.judged, self.margin, len(self.gains)) if self.judged else None

    @cached_property
    def rows_needed(self) -> int | None:
        return statistics.rows_to_decide(self.judged, self.margin, self.rows) if self.judged else None

    def mirrored(self) -> Difference:
        return replace(
            self,
            one=self.other,
            other=self.one,
            gains=-self.gains,
            test=self.test.mirrored(),
            new_rows=self.new_rows and self.new_rows.mirrored(),
            training_rows=self.training_rows and self.training_rows.mirrored(),
        )


@dataclass(frozen=True)
class Contender:
    """One loss of a contest. `apart` says why it has no tier."""

    row: Row
    values: Values
    """The task's own metric in every repeat that is done."""
    tier: str = ""
    apart: str = ""
    difference: Difference | None = None
    """To the baseline."""
    step_seconds: float | None = None
    """Wall clock of one optimizer step of one training, the median over its trials. Not comparable between losses."""
    step: StepCost | None = None
    """The step time relative to the baseline's, both run in turn: comparable between losses."""
    step_bytes: float | None = None
    """What one step keeps for its backward pass."""
    price: LossCost | None = None
    """What the loss alone costs, at several sizes, next to the cheapest of its kind."""

    @property
    def title(self) -> str:
        return self.row.title

    @property
    def record(self) -> Record:
        return self.row.record

    @property
    def role(self) -> str:
        return self.record.role

    @property
    def failed(self) -> int:
        return sum(repeat.status is not Status.DONE for repeat in self.record.repeats)

    @cached_property
    def interval(self) -> tuple[float, float] | None:
        """95 % for the mean over repeats, on this test part."""
        return statistics.over_repeats(self.values).interval() if len(self.values) > 1 else None

    @cached_property
    def mean(self) -> float | None:
        return float(self.values.mean()) if len(self.values) else None

    @cached_property
    def spread(self) -> float | None:
        """The standard deviation over repeats: what every ± stands for."""
        return float(self.values.std(ddof=1)) if len(self.values) > 1 else None


@dataclass(frozen=True)
class Contest:
    """The losses that differ in nothing else, on one task: best first, those without a tier after them."""

    board: Leaderboard
    direction: Direction
    margin: float
    contenders: tuple[Contender, ...]
    controls: tuple[Contender, ...]
    references: tuple[Contender, ...]
    differences: Mapping[tuple[str, str], Difference]
    """Every pair of losses with all repeats, both ways round; p after Holm over all pairs."""
    baseline: str | None
    no_verdict: str
    """Why nothing is judged here; empty where it is."""
    saturated: bool
    """True where the baseline is within one margin of the best possible value: losses cannot be told apart."""
    rules: Rules

    @property
    def name(self) -> str:
        variant = f" ({self.board.variant})" if self.board.variant else ""
        return f"{self.board.data}{variant}"

    @property
    def task(self) -> str:
        return self.board.task

    @property
    def metric(self) -> str:
        return self.board.primary

    @cached_property
    def predicts(self) -> Target | None:
        """What is predicted; None where no record says it."""
        return next((c.record.predicts for c in self.contenders if c.record.predicts), None)

    @property
    def sign(self) -> int:
        return self.direction.sign

    @cached_property
    def chosen_by(self) -> str:
        """The metric that chose rates, parameters and epochs; differs from `metric` where the sweep was rejudged."""
        named = (c.record.metric for c in self.contenders if c.record.directions)
        return next((metric.choosing for metric in named), self.metric)

    @property
    def done(self) -> list[Record]:
        """The records of losses with all their repeats."""
        return [c.record for c in self.contenders if c.record.status is Status.DONE and c.record.repeats]

    @property
    def rejudged(self) -> bool:
        return self.chosen_by != self.metric

    @cached_property
    def chosen_sign(self) -> int:
        """Which way `chosen_by` improves, as `sign`."""
        ways = (c.record.directions.get(self.chosen_by) for c in self.contenders)
        return next((way for way in ways if way), self.direction).sign

    @property
    def repeats(self) -> int:
        return self.board.cell.protocol.repeats

    @property
    def trials(self) -> int:
        return self.board.cell.protocol.trials

    @cached_property
    def ranked(self) -> tuple[Contender, ...]:
        """The losses that have a tier or would have one, best first."""
        return tuple(c for c in self.contenders if not c.apart)

    @cached_property
    def digits(self) -> int:
        """Decimals in which values of the metric are written."""
        return places(self.margin, [abs(c.mean) for c in self.ranked if c.mean is not None])

    @property
    def reference(self) -> Contender | None:
        """The baseline's own row."""
        return next((c for c in self.contenders if c.title == self.baseline), None)

    def find(self, title: str) -> Contender:
        return next(c for c in (*self.contenders, *self.controls) if c.title == title)

    @property
    def spoiled(self) -> tuple[Contender, ...]:
        """Controls that won: then the contest cannot be trusted."""
        return tuple(c for c in self.controls if c.difference and not self.no_verdict and c.difference.verdict.sign > 0)


@dataclass(frozen=True)
class Across:
    """The result over several tasks, for the losses that all of them have.

    gains: [T, k] mean gain over each task's baseline in its margins; verdicts [T, k] as -1, 0, 1.
    """

    contests: tuple[Contest, ...]
    titles: tuple[str, ...]
    gains: Values
    verdicts: NDArray[np.int64]
    ranking: ranks.Ranking | None
    regret: Values | None


@dataclass(frozen=True)
class Comparison:
    """A sweep, judged."""

    name: str
    contests: tuple[Contest, ...]
    across: Across | None
    rules: Rules

    @property
    def records(self) -> list[Record]:
        return [
            row.record
            for contest in self.contests
            for row in (*contest.board.rows, *(Row(r, {}, None) for r in contest.board.skipped))
        ]

    @property
    def invalid(self) -> bool:
        return any(contest.spoiled for contest in self.contests)

    @cached_property
    def failures(self) -> list[Record]:
        return [r for r in self.records if r.status not in (Status.DONE, Status.SKIPPED)]
