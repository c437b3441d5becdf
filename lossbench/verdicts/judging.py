"""From the records of a sweep to its comparison: who is paired with whom, by which intervals, in which tier."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from lossbench.errors import InputError
from lossbench.metrics.catalogue import built_in
from lossbench.plan import Direction, Rarest
from lossbench.records.record import Record, Status
from lossbench.verdicts import ranks, statistics
from lossbench.verdicts.aims import other_aim
from lossbench.verdicts.comparison import Across, Comparison, Contender, Contest, Difference, Rules
from lossbench.verdicts.leaderboard import Leaderboard, Row, leaderboards
from lossbench.verdicts.parts import Parts, parts_of
from lossbench.verdicts.verdict import tiers

Values = NDArray[np.float64]
USUAL = Rules()
UNJUDGED = {
    "smoke": "protocol=smoke only shows that everything runs",
    "fixed": "protocol=fixed trains every loss at one learning rate, without tuning",
}
"""Protocols whose budget is too small for a verdict, with the reason."""
NAMED = 3
"""How many of the losses set apart are named, with their reasons, where no verdict is possible."""


def compare(records: Iterable[Record], rules: Rules = USUAL, name: str = "") -> Comparison:
    """Judges records; their stored predictions are read when needed.

    Args:
        records: Of one or several contests, references and controls among them.
        rules: The scope of the verdicts, and the baseline if it is not the task's own.
        name: The name of the comparison, shown in reports.

    Returns:
        One contest for all records that differ only in their loss, in the order of the records, and the result over
        tasks. Gains are in the metric's unit; above 0 is better.

    Raises:
        InputError: If a loss lacks repeats that others have, or was judged on other test rows.
    """
    contests = tuple(_contest(board, rules) for board in leaderboards(records))
    return Comparison(name, contests, _across(contests), rules)


# One contest ------------------------------------------------------------------------------------------------------


def _contest(board: Leaderboard, rules: Rules) -> Contest:
    first = next((row.record for row in board.rows if row.record.directions), None)
    direction = (first.metric.direction if first else None) or Direction.MAX
    margin = float((first.margins if first else {}).get(board.primary, 0.0))
    sign = direction.sign
    contenders = [_contender(row, board.primary) for row in board.rows]
    losses = [c for c in contenders if c.role in ("chosen", "baseline")]
    controls = [c for c in contenders if c.role == "control"]
    baseline = _baseline(losses, board, rules)
    losses = [replace(c, apart=_apart(c, board.primary)) for c in losses]
    sound = [c for c in losses if not c.apart]
    _check_pairs([c for c in (*losses, *controls) if c.record.status is Status.DONE], board)
    no_verdict = _no_verdict(board, losses, baseline)
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
        # compared with the baseline in the family of its verdict, so that table and tiers never disagree
        if other == baseline and one in against:
            return against[one].verdict.sign > 0
        if one == baseline and other in against:
            return against[other].verdict.sign < 0
        return (one, other) in differences and differences[one, other].verdict.sign > 0

    ordered = sorted(sound, key=lambda c: -sign * float(c.values.mean()))
    letters = {} if no_verdict else tiers([c.title for c in ordered], beats)
    ranked = [replace(c, tier=letters.get(c.title, ""), difference=against.get(c.title)) for c in ordered]
    known = built_in(board.primary)
    bound = known.best if known else None
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


def _contender(row: Row, metric: str) -> Contender:
    record = row.record
    steps = [t.step_seconds for repeat in record.repeats for t in repeat.trials if t.step_seconds]
    return Contender(
        row,
        np.array(record.values(metric), dtype=float),
        step_seconds=float(np.median(steps)) if steps else None,
        step=record.cost.step if record.cost.step and record.cost.step.sound else None,
        step_bytes=record.cost.step_bytes,
        price=record.cost.loss,
    )


def _baseline(losses: Sequence[Contender], board: Leaderboard, rules: Rules) -> str | None:
    """The title of the row that others are compared with."""
    if rules.baseline is not None:
        named = [c.title for c in losses if rules.baseline in (c.title, c.record.loss.name)]
        return named[0] if named else None
    wanted = board.cell.task.baseline
    named = [c.title for c in losses if c.record.loss.name == wanted and not c.record.cell.loss.params]
    return named[0] if named else None


def _apart(contender: Contender, metric: str) -> str:
    """Why a loss is set apart: missing repeats, another aim than the metric's, or batches too small for it."""
    record = contender.record
    of = record.cell.protocol.repeats
    if record.status is not Status.DONE:
        bad = of - sum(repeat.status is Status.DONE for repeat in record.repeats)
        return f"{record.status.value}: {bad} of {of} repeats"
    if len(contender.values) < of:
        return f"no {metric} in {of - len(contender.values)} of {of} repeats"
    if why := too_few_to_judge(record):
        return why
    return other_aim(record.loss.elicits, metric)


def too_few_to_judge(record: Record) -> str:
    """Why batches were too small for a loss that judges whole batches; empty if large enough, or unknown."""
    held = record.training.rarest
    if record.loss.pointwise or not held or held.per_batch >= Rarest.ENOUGH:
        return ""
    size = record.cell.training.batch_size
    return f"judges whole batches; a batch of {size} holds {held.per_batch:.2g} of class '{held.name}'"


def _no_verdict(board: Leaderboard, losses: Sequence[Contender], baseline: str | None) -> str:
    sound = [c for c in losses if not c.apart]
    protocol = board.cell.protocol
    if protocol.name in UNJUDGED:
        return UNJUDGED[protocol.name]
    if protocol.trials < 2:
        return "one learning rate for every loss, nothing tuned"
    if protocol.repeats < 3:
        return f"{protocol.repeats} repeats are too few to measure the spread: 3 are needed, 10 advised"
    if len(sound) < 2:
        return _too_few(board, losses, sound[0].title if sound else "")
    if baseline is None or all(c.title != baseline for c in sound):
        return f"the baseline{f' {baseline}' if baseline else ''} is not among the losses with all repeats"
    return ""


def _too_few(board: Leaderboard, losses: Sequence[Contender], left: str) -> str:
    """Why at most one loss is left, so that there is nothing to compare."""
    apart = [c for c in losses if c.apart]
    if not apart:
        return f"{left} is the only loss that fits this task" if board.skipped else f"{left} is the only loss here"
    if not left and all(c.record.status is not Status.DONE for c in apart):
        return "no loss finished all its repeats"
    why = "; ".join(f"{c.title} is set apart ({c.apart})" for c in apart[:NAMED])
    more = f" and {len(apart) - NAMED} more" if len(apart) > NAMED else ""
    return f"{f'{left} is the only loss left to compare' if left else 'no loss is left to compare'}: {why}{more}"


def _check_pairs(contenders: Sequence[Contender], board: Leaderboard) -> None:
    """Raises InputError for a loss that lacks repeats, and names them."""
    wanted = list(range(board.cell.protocol.repeats))
    for contender in contenders:
        there = [repeat.repeat for repeat in contender.record.repeats]
        if missing := [number for number in wanted if number not in there]:
            raise InputError(
                f"{contender.title} on {board.data} lacks {_said(missing)}, which the other losses have, so it "
                "cannot be paired with them. Rerun it with the same name and reuse=true."
            )


def _said(numbers: Sequence[int]) -> str:
    return f"repeat{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"


class _Pairs:
    """Differences within one contest; the values per test example of each loss are read once."""

    def __init__(self, metric: str, sign: int, margin: float, rules: Rules) -> None:
        self.metric, self.sign, self.margin, self.rules = metric, sign, margin, rules
        self._parts: dict[str, Parts | None] = {}

    @staticmethod
    def possible(contenders: Sequence[Contender]) -> bool:
        return all(len(c.values) > 1 for c in contenders)

    def of(self, one: Contender, other: Contender) -> Difference:
        gains = self.sign * _differences(one.values, other.values)
        test, new_rows, rows = statistics.over_repeats(gains), None, 0
        mine, theirs = self._of(one), self._of(other)
        if mine is not None and theirs is not None:
            if not np.array_equal(mine.rows, theirs.rows) or mine.parts.shape != theirs.parts.shape:
                raise InputError(
                    f"{one.title} and {other.title} were judged on different test rows: their records do not belong "
                    "together. Run both in one sweep."
                )
            rows = mine.examples
            if mine.parts.shape[1] > 1:  # a single group shows no spread between groups
                new_rows = statistics.with_examples(test, self.sign * (mine.parts - theirs.parts))
        halves = _halves(one.record, other.record, self.metric, self.sign)
        training_rows = None
        if halves is not None and new_rows is not None:
            training_rows = statistics.with_other_training_rows(new_rows, gains, statistics.Halves.of(halves))
        difference = Difference(
            one=one.title,
            other=other.title,
            gains=gains,
            test=test,
            new_rows=new_rows,
            training_rows=training_rows,
            margin=self.margin,
            scope=self.rules.scope,
            p=1.0,
            rows=rows,
        )
        return replace(difference, p=difference.judged.p if difference.judged else 1.0)

    def _of(self, contender: Contender) -> Parts | None:
        if contender.title not in self._parts:
            self._parts[contender.title] = parts_of(contender.record, self.metric)
        return self._parts[contender.title]


def _differences(one: Values, other: Values) -> Values:
    """The first minus the second, repeat by repeat; exactly 0 where they differ only by rounding.

    Wins, shares and sign flips then all see the same ties.
    """
    found: Values = one - other
    return np.where(np.abs(found) <= statistics.ROUNDING * np.maximum(np.abs(one), np.abs(other)), 0.0, found)


def _halves(one: Record, other: Record, metric: str, sign: int) -> Values | None:
    """Gains of trainings on halves of each repeat's rows [R, 2, S]; None if either loss lacks them."""
    found = [[repeat.halves.get(metric) for repeat in record.repeats] for record in (one, other)]
    if any(halves is None for record in found for halves in record):
        return None
    mine, theirs = (np.array(record, dtype=float) for record in found)
    usable = mine.shape == theirs.shape and mine.ndim == 3 and mine.shape[1] == 2 and mine.shape[2] > 1
    return sign * (mine - theirs) if usable else None


def _adjusted(family: Sequence[Difference]) -> list[Difference]:
    adjusted = statistics.holm([d.p for d in family])
    return [replace(d, p_holm=p, family=len(family)) for d, p in zip(family, adjusted, strict=True)]


# Several tasks ----------------------------------------------------------------------------------------------------


def _across(contests: Sequence[Contest]) -> Across | None:
    """The result over tasks, for the losses that every judged contest ranks; None below two contests or losses."""
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
