"""The limits of a sweep: the power and scope of its intervals, and best rates at the edge of those tried."""

from __future__ import annotations

import statistics as plain

from lossbench.metrics.catalogue import written
from lossbench.verdicts.comparison import Comparison, Contest
from lossbench.verdicts.leaderboard import edges
from lossbench.verdicts.words import NO_MARGIN, amount, listed, several

MOST_TASKS = 12
"""How many tasks are named; beyond it they are counted."""


def limits(comparison: Comparison) -> tuple[str, ...]:
    """The limits of this sweep, one sentence each."""
    found = []
    for contest in comparison.contests[:MOST_TASKS]:
        told = next((c.record.data.limits for c in contest.contenders if c.record.data.limits), ())
        found += [f"{contest.name}: {limit}" for limit in told]
        differences = [c.difference for c in contest.ranked if c.difference and c.difference.detectable is not None]
        if contest.no_verdict or not differences:
            continue
        least = plain.median(d.detectable for d in differences if d.detectable is not None)
        scope = comparison.rules.scope.words
        found.append(
            f"{contest.name}: {several(contest.repeats, 'repeat')} of {several(contest.trials, 'trial')} on one test "
            f"part of {differences[0].rows} examples have 80 % power to detect a difference of "
            f"{amount(least, contest)} {written(contest.metric)} ({scope}); {_equal(contest)}."
        )
        if contest.repeats < 5:
            found.append(f"{contest.name}: {contest.repeats} repeats can only show very large differences.")
        at_edge = [c.title for c in contest.ranked if edges(c.record) * 2 > contest.repeats]
        if at_edge:
            found.append(
                f"{contest.name}: for {listed(at_edge)} the best learning rate was mostly the lowest or highest tried; "
                "protocol.rate_decades= widens the search for every loss."
            )
        found += [f"{contest.name}: {c.title} is set apart, {c.apart}." for c in contest.contenders if c.apart]
    if len(comparison.contests) > MOST_TASKS:
        found.append(
            f"Only {MOST_TASKS} of {len(comparison.contests)} tasks are listed here; report.json has all numbers."
        )
    judged = [contest for contest in comparison.contests if not contest.no_verdict]
    unmeasured = [c.name for c in judged if not any(d.training_rows for d in c.differences.values())]
    if unmeasured:
        found.append(
            f"{listed(unmeasured[:MOST_TASKS])}: the intervals are for models trained on these rows. The "
            "effect of another sample of training rows was not measured; protocol.halves=2 measures it "
            "approximately where rows are split at random, and several data sets show it."
        )
    if len(judged) == 1:
        found.append("Results on one data set may not carry over to others.")
    elif comparison.across is None and judged:
        found.append("No two losses took part on all tasks: there is no conclusion over tasks.")
    controls = [c for contest in judged for c in contest.controls]
    if controls and not comparison.invalid:
        found.append(f"No negative control won: {listed(list(dict.fromkeys(c.title for c in controls)))}.")
    return tuple(found)


def _equal(contest: Contest) -> str:
    """The largest difference that counts as the same in practice."""
    return f"up to {amount(contest.margin, contest)} counts as the same" if contest.margin else NO_MARGIN
