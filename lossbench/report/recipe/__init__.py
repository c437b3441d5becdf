"""The loss that a sweep chose, as PyTorch code that runs: its parameters, rate and threshold, and the sweep's model.

The code trains on the rows of the sweep's first repeat, keeps the best epoch by the metric on validation data as the
sweep does, and prints the metric on the test part beside the sweep's own values.
"""

from __future__ import annotations

from lossbench.errors import InputError, UnknownName
from lossbench.records.record import Status
from lossbench.report.recipe.program import Program
from lossbench.verdicts.answer import advise
from lossbench.verdicts.comparison import Comparison, Contender, Contest


def recipe(comparison: Comparison, loss: str | None = None, task: str | None = None) -> str:
    """Python code for the pick of a sweep (the best mean where there is no verdict), or for another of its losses.

    Raises InputError where the sweep holds several tasks and none is named, where it has no such loss, and where a
    record holds something that cannot be written as a literal or a dotted name.
    """
    contest = _contest(comparison, task)
    record = _chosen(contest, loss).record
    return "\n".join(Program(contest.name, record).lines())


def _contest(comparison: Comparison, task: str | None) -> Contest:
    found = [c for c in comparison.contests if task is None or task in (c.task, c.name, c.board.data)]
    if not found:
        raise UnknownName("task", task or "", [c.name for c in comparison.contests])
    if len(found) > 1:
        names = ", ".join(c.name for c in found)
        raise InputError(f"The sweep holds several tasks: say which with --task ({names}).")
    return found[0]


def _chosen(contest: Contest, loss: str | None) -> Contender:
    trained = [c for c in contest.contenders if any(r.status is Status.DONE for r in c.record.repeats)]
    if not trained:
        raise InputError(f"No loss was trained on {contest.name}.")
    if loss is None:
        picks = advise(contest).picks
        return picks[0] if picks else trained[0]
    named = [c for c in trained if loss in (c.title, c.record.loss.name)]
    if not named:
        raise UnknownName("loss", loss, [c.title for c in trained])
    return named[0]
