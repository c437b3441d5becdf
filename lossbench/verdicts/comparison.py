"""All records of a sweep, judged: one contest a task, one difference a pair of losses, and what tasks say together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from html import escape
from io import StringIO
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lossbench.errors import InputError
from lossbench.record import Record, Status
from lossbench.verdicts import ranks, scores, statistics
from lossbench.verdicts.leaderboard import Leaderboard, Row, leaderboards
from lossbench.verdicts.statistics import Estimate
from lossbench.verdicts.verdict import Verdict, judge, tiers

if TYPE_CHECKING:
    import pandas as pd

Values = NDArray[np.float64]
SCOPES = ("population", "test")
UNJUDGED = {
    "smoke": "protocol=smoke only shows that everything runs",
    "fixed": "protocol=fixed trains every loss at one learning rate, and tunes none",
}
"""Budgets that are no ground for a verdict."""


@dataclass(frozen=True)
class Rules:
    """How a sweep is judged. `own`: metrics of somebody's own by name, to be computed on stored predictions."""

    scope: str = "population"
    """`population` asks of *data like these*, `test` of *this test set*."""
    baseline: str | None = None
    """The title that others are held against; None for the baseline of the task."""
    own: Mapping[str, scores.Function] = field(default_factory=dict)


@dataclass(frozen=True)
class Difference:
    """How much better `one` does than `other`, in the metric's unit; above 0 is better."""

    one: str
    other: str
    gains: Values
    test: Estimate
    """Of this test set: over repeats."""
    population: Estimate | None
    """Of data like these: over repeats and test examples; None where the stored predictions cannot tell."""
    margin: float
    scope: str
    p: float
    """Of the scope that judges."""
    sign_flip: float
    effect: float
    improvement: float
    rows: int
    """Test examples that the second interval rests on."""
    p_holm: float = 1.0
    family: int = 1
    """How many tests share the level."""

    @property
    def judged(self) -> Estimate | None:
        return self.test if self.scope == "test" else self.population

    @property
    def verdict(self) -> Verdict:
        return judge(self.judged.interval(), self.margin, self.p_holm) if self.judged else Verdict.UNCLEAR

    @property
    def identical(self) -> bool:
        return not self.gains.any()

    @property
    def detectable(self) -> float | None:
        """The smallest true difference that so many repeats on these rows find four times in five."""
        return self.judged.detectable() if self.judged else None

    @cached_property
    def repeats_needed(self) -> int | None:
        """How many repeats would decide, if the mean stays where it is; None where repeats alone never do."""
        return statistics.repeats_to_decide(self.judged, self.margin, len(self.gains)) if self.judged else None

    @cached_property
    def rows_needed(self) -> int | None:
        return statistics.rows_to_decide(self.judged, self.margin, self.rows) if self.judged else None

    def mirrored(self) -> Difference:
        def turned(estimate: Estimate | None) -> Estimate | None:
            return replace(estimate, mean=-estimate.mean) if estimate else None

        test = turned(self.test)
        assert test is not None
        return replace(
            self,
            one=self.other,
            other=self.one,
            gains=-self.gains,
            test=test,
            population=turned(self.population),
            effect=-self.effect,
            improvement=1 - self.improvement,
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
    """Wall clock of one optimizer step of one training, the median over its trials."""
    step_bytes: float | None = None
    """What one step keeps for its backward pass."""

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
        """95 % for the mean over repeats, on this test set."""
        return statistics.over_repeats(self.values).interval() if len(self.values) > 1 else None

    @property
    def mean(self) -> float | None:
        return float(self.values.mean()) if len(self.values) else None


@dataclass(frozen=True)
class Contest:
    """The losses that differ in nothing else, on one task: best first, those without a tier after them."""

    board: Leaderboard
    direction: str
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
    """True where the baseline is within one margin of the best value that there is: losses cannot be told apart."""
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

    @property
    def sign(self) -> int:
        return -1 if self.direction == "min" else 1

    @property
    def repeats(self) -> int:
        return int(self.board.cell["protocol"]["repeats"])

    @property
    def trials(self) -> int:
        return int(self.board.cell["protocol"]["trials"])

    @property
    def ranked(self) -> tuple[Contender, ...]:
        """The losses that have a tier or would have one, best first."""
        return tuple(c for c in self.contenders if not c.apart)

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
    """What several tasks say of the losses that all of them have, or why they say nothing.

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

    def to_pandas(self) -> pd.DataFrame:
        """One line a row of the tables, as leaderboard.csv has it."""
        import pandas as pd

        from lossbench.verdicts.tables import to_csv

        return pd.read_csv(StringIO(to_csv(self)))

    def _repr_html_(self) -> str:
        """The report, in a frame of its own: a notebook's styles and the page's leave each other alone."""
        from lossbench.verdicts.report import html

        page = escape(html(self), quote=True)
        return f'<iframe srcdoc="{page}" style="width: 100%; height: 720px; border: 0"></iframe>'

    @cached_property
    def failures(self) -> list[Record]:
        return [r for r in self.records if r.status not in (Status.DONE, Status.SKIPPED)]


def compare(records: Iterable[Record], rules: Rules = Rules(), name: str = "") -> Comparison:
    """Judges records; their stored predictions are read as they are needed. Raises InputError for missing pairs."""
    contests = tuple(_contest(board, rules) for board in leaderboards(records))
    return Comparison(name, contests, _across(contests), rules)


# One contest ------------------------------------------------------------------------------------------------------


def _contest(board: Leaderboard, rules: Rules) -> Contest:
    first = next((row.record for row in board.rows if row.record.directions), None)
    direction = first.metric["direction"] if first else "max"
    margin = float((first.margins if first else {}).get(board.primary, 0.0))
    sign = -1 if direction == "min" else 1
    contenders = [_contender(row, board.primary) for row in board.rows]
    losses = [c for c in contenders if c.role in ("chosen", "baseline")]
    controls = [c for c in contenders if c.role == "control"]
    baseline = _baseline(losses, board, rules)
    losses = [replace(c, apart=_apart(c, board.primary)) for c in losses]
    sound = [c for c in losses if not c.apart]
    _check_pairs([c for c in (*losses, *controls) if c.record.status is Status.DONE], board)
    no_verdict = _no_verdict(board, sound, baseline)
    pairs = _Pairs(board.primary, sign, margin, rules)
    reference = next((c for c in sound if c.title == baseline), None)
    against = {}
    if reference is not None and pairs.possible(sound):
        family = [pairs.of(c, reference) for c in sound if c is not reference]
        against = {d.one: d for d in _adjusted(family)}
        whole = [c for c in controls if not _apart(c, board.primary)]
        against |= {d.one: d for d in _adjusted([pairs.of(c, reference) for c in whole])}
    found = [pairs.of(a, b) for a, b in combinations(sound, 2)] if pairs.possible(sound) else []
    differences: dict[tuple[str, str], Difference] = {}
    for difference in _adjusted(found):
        differences[difference.one, difference.other] = difference
        differences[difference.other, difference.one] = difference.mirrored()

    def beats(one: str, other: str) -> bool:
        # held against the baseline by the same family as its verdict, so that table and tiers never disagree
        if other == baseline and one in against:
            return against[one].verdict.sign > 0
        if one == baseline and other in against:
            return against[other].verdict.sign < 0
        return (one, other) in differences and differences[one, other].verdict.sign > 0

    ordered = sorted(sound, key=lambda c: -sign * float(c.values.mean()))
    letters = {} if no_verdict else tiers([c.title for c in ordered], beats)
    ranked = [replace(c, tier=letters.get(c.title, ""), difference=against.get(c.title)) for c in ordered]
    bound = {"max": 1.0, "min": 0.0}[direction] if board.primary in _BOUNDED else None
    at = float(reference.values.mean()) if reference is not None and len(reference.values) else None
    return Contest(
        board=board,
        direction=direction,
        margin=margin,
        contenders=(*ranked, *(c for c in losses if c.apart)),
        controls=tuple(replace(c, difference=against.get(c.title)) for c in controls),
        references=tuple(c for c in contenders if c.role == "reference"),
        differences=differences,
        baseline=baseline,
        no_verdict=no_verdict,
        saturated=bound is not None and at is not None and margin > 0 and abs(bound - at) <= margin,
        rules=rules,
    )


_BOUNDED = {
    *("rmse", "mae", "r2", "roc_auc", "average_precision", "f1", "accuracy", "brier", "log_loss", "ece"),
    *("f1_at_half", "accuracy_at_half", "entity_f1", "entity_precision", "entity_recall"),
    *("token_f1", "token_f1_macro", "token_accuracy"),
}
"""Metrics with a best value: 0 for errors, 1 for the others."""


def _contender(row: Row, metric: str) -> Contender:
    record = row.record
    steps = [t["step_seconds"] for repeat in record.repeats for t in repeat.trials if t.get("step_seconds")]
    return Contender(
        row,
        np.array(record.values(metric), dtype=float),
        step_seconds=float(np.median(steps)) if steps else None,
        step_bytes=record.provenance.get("step_bytes"),
    )


def _baseline(losses: Sequence[Contender], board: Leaderboard, rules: Rules) -> str | None:
    """The title of the row that others are held against."""
    if rules.baseline is not None:
        named = [c.title for c in losses if rules.baseline in (c.title, c.record.loss["name"])]
        return named[0] if named else None
    wanted = board.cell["task"].get("baseline")
    named = [c.title for c in losses if c.record.loss["name"] == wanted and not c.record.loss.get("given")]
    return named[0] if named else None


def _apart(contender: Contender, metric: str) -> str:
    """Why a loss is in no tier: repeats that are missing, or another aim than the metric's."""
    record = contender.record
    of = record.cell["protocol"]["repeats"]
    if record.status is not Status.DONE:
        bad = of - sum(repeat.status is Status.DONE for repeat in record.repeats)
        return f"{record.status.value}: {bad} of {of} repeats"
    if len(contender.values) < of:
        return f"no {metric} in {of - len(contender.values)} of {of} repeats"
    return other_aim(str(record.loss.get("elicits") or ""), metric)


def other_aim(elicits: str, metric: str) -> str:
    """What a loss elicits, where the metric rewards something else; empty where they agree or nothing is known."""
    off_centre = elicits.startswith(("quantile", "expectile"))
    if metric in ("rmse", "mae", "r2") and off_centre:
        return f"elicits a {elicits}, {metric} rewards the centre"
    if metric in ("brier", "log_loss", "ece") and elicits in ("distorted probability", "sign"):
        return f"elicits a {elicits}, {metric} rewards probabilities"
    return ""


def _no_verdict(board: Leaderboard, sound: Sequence[Contender], baseline: str | None) -> str:
    protocol = board.cell["protocol"]
    if protocol["name"] in UNJUDGED:
        return UNJUDGED[protocol["name"]]
    if protocol["trials"] < 2:
        return "one learning rate for every loss, none tuned"
    if protocol["repeats"] < 3:
        return f"{protocol['repeats']} repeats show no spread: 3 are the least, 10 are advised"
    if len(sound) < 2:
        alone = f"{sound[0].title} stands alone" if sound else "no loss has all its repeats"
        return f"{alone}: nothing to compare"
    if baseline is None or all(c.title != baseline for c in sound):
        return f"the baseline{f' {baseline}' if baseline else ''} is not among the losses with all repeats"
    return ""


def _check_pairs(contenders: Sequence[Contender], board: Leaderboard) -> None:
    """Every repeat of every loss, on the same test rows; InputError names what is missing."""
    wanted = list(range(board.cell["protocol"]["repeats"]))
    for contender in contenders:
        there = [repeat.repeat for repeat in contender.record.repeats]
        if missing := [number for number in wanted if number not in there]:
            raise InputError(
                f"{contender.title} on {board.data} lacks {_said(missing)}, which the other losses have: nothing can "
                "be paired with them. Run it again with the same name and reuse=true."
            )


def _said(numbers: Sequence[int]) -> str:
    return f"repeat{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"


class _Pairs:
    """Differences within one contest; what each example has to do with each loss's metric is read once."""

    def __init__(self, metric: str, sign: int, margin: float, rules: Rules) -> None:
        self.metric, self.sign, self.margin, self.rules = metric, sign, margin, rules
        self._parts: dict[str, tuple[Values, NDArray[Any]] | None] = {}

    @staticmethod
    def possible(contenders: Sequence[Contender]) -> bool:
        return all(len(c.values) > 1 for c in contenders)

    def of(self, one: Contender, other: Contender) -> Difference:
        gains = self.sign * (one.values - other.values)
        test, population, rows = statistics.over_repeats(gains), None, 0
        mine, theirs = self._of(one), self._of(other)
        if mine is not None and theirs is not None:
            if not np.array_equal(mine[1], theirs[1]):
                raise InputError(
                    f"{one.title} and {other.title} were judged on different test rows: their records do not belong "
                    "together. Run both in one sweep."
                )
            parts = self.sign * (mine[0] - theirs[0])
            population, rows = statistics.over_repeats_and_examples(gains, parts), len(np.unique(mine[1]))
        judged = test if self.rules.scope == "test" else population
        return Difference(
            one=one.title,
            other=other.title,
            gains=gains,
            test=test,
            population=population,
            margin=self.margin,
            scope=self.rules.scope,
            p=judged.p if judged else 1.0,
            sign_flip=statistics.sign_flip(gains),
            effect=statistics.effect_size(gains),
            improvement=statistics.improvement(gains),
            rows=rows,
        )

    def _of(self, contender: Contender) -> tuple[Values, NDArray[Any]] | None:
        if contender.title not in self._parts:
            self._parts[contender.title] = _parts(contender.record, self.metric, self.rules.own.get(self.metric))
        return self._parts[contender.title]


def _parts(record: Record, metric: str, own: scores.Function | None) -> tuple[Values, NDArray[Any]] | None:
    """[R, n] of a record's test predictions, and the rows that they are of."""
    found, rows = [], []
    with record.stored() as stored:
        for repeat in record.repeats:
            arrays = Part(stored, "test", repeat.repeat)
            one = scores.parts(metric, arrays, repeat.decision, own) if "target" in arrays else None
            if one is None:
                return None
            found.append(one)
            rows.append(arrays["rows"])
    if any(not np.array_equal(rows[0], other) for other in rows[1:]):
        raise InputError(f"{record.title}: its repeats were judged on different test rows.")
    return np.stack(found), rows[0]


class Part(Mapping[str, NDArray[Any]]):
    """The arrays of one part of one repeat by their short names, each read when it is asked for."""

    def __init__(self, stored: Mapping[str, NDArray[Any]], part: str, repeat: int) -> None:
        self._stored, self._prefix = stored, f"{part}/{repeat}/"

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._stored["legend/tags" if name == "tags" else self._prefix + name]

    def __contains__(self, name: object) -> bool:
        return self._prefix + str(name) in self._stored

    def __iter__(self) -> Iterator[str]:
        return (key.removeprefix(self._prefix) for key in self._stored if key.startswith(self._prefix))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _adjusted(family: Sequence[Difference]) -> list[Difference]:
    adjusted = statistics.holm([d.p for d in family])
    return [replace(d, p_holm=p, family=len(family)) for d, p in zip(family, adjusted, strict=True)]


# Several tasks ----------------------------------------------------------------------------------------------------


def _across(contests: Sequence[Contest]) -> Across | None:
    """The losses that all judged contests have with all their repeats; None below two contests or two losses."""
    judged = [c for c in contests if not c.no_verdict and c.margin > 0]
    if len(judged) < 2:
        return None
    titles = [c.title for c in judged[0].ranked]
    titles = [t for t in titles if all(any(c.title == t for c in contest.ranked) for contest in judged)]
    if len(titles) < 2:
        return None

    def gain(contest: Contest, title: str) -> float:
        difference = contest.find(title).difference
        return difference.test.mean / contest.margin if difference else 0.0

    def sign(contest: Contest, title: str) -> int:
        difference = contest.find(title).difference
        return difference.verdict.sign if difference else 0

    gains = np.array([[gain(contest, title) for title in titles] for contest in judged])
    verdicts = np.array([[sign(contest, title) for title in titles] for contest in judged])
    scored = np.array([[c.sign * float(c.find(t).values.mean()) for t in titles] for c in judged])
    return Across(
        tuple(judged),
        tuple(titles),
        gains,
        verdicts,
        ranks.rank(scored),
        ranks.regret_elsewhere(gains),
    )


__all__ = ["Across", "Comparison", "Contender", "Contest", "Difference", "Rules", "compare"]
