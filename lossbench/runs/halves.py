"""The effect of other training rows: every repeat's choice is trained again on random halves of its rows.

Two halves of a pool share no row, so apart from seeds they differ by the sampling of rows. The variance due to rows is
twice as large in a half as in the whole pool, so the difference of the halves estimates the pool's own (Politis, Romano
and Wolf 1999, section 2: subsampling). Seeds and inner splits are drawn `protocol.halves` times in each half, so that
their variance can be subtracted. Rate and parameters are those that the repeat chose on all of its rows: the effect of
tuning on other rows is not included.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any, Protocol, runtime_checkable

from lossbench.errors import PluginError
from lossbench.loss import Kind
from lossbench.plan import Cell, Part, Trial
from lossbench.records.record import Record, Status, finite
from lossbench.runs.inputs import TrainingFactory
from lossbench.tasks.contract import Task
from lossbench.training import engine
from lossbench.training.engine import Outcome, TrainerOptions


@runtime_checkable
class Halved(Protocol):
    """A task whose training rows can be halved."""

    def halved(self, repeat: int, half: int, again: int) -> Task | None:
        """The same task on one half (0 or 1) of a repeat's rows, split again; None where repeats share their rows."""
        ...


def measure(cell: Cell, task: Task, kind: Kind, record: Record, progress: Callable[[float], None]) -> None:
    """Adds the test metrics of both halves to every repeat of a record: `{metric: [[...], [...]]}`.

    Nothing is added if the task cannot be halved, or if a half is too small or diverges.
    """
    if not isinstance(task, Halved) or any(r.status is not Status.DONE for r in record.repeats):
        return
    again = range(cell.protocol.halves)
    trials = [
        Trial(r.repeat, r.trial or 0, float(r.learning_rate or 0.0), r.params, half=(half, number))
        for r in record.repeats
        for half in (0, 1)
        for number in again
    ]
    if any(task.halved(trial.repeat, *trial.half) is None for trial in trials if trial.half):
        return
    factory = TrainingFactory(cell, task, kind)
    first = factory.prepare(trials[0], shared_model=True)
    batch = cell.training.batch
    steps = [math.ceil(len(rows) / batch) for rows in (task.splits(0).train, first.fold.splits.train)]
    more = Fraction(*steps)  # a half has fewer batches per epoch: more epochs give it as many steps as all rows
    long = replace(
        cell.training,
        max_epochs=math.ceil(more * cell.training.max_epochs),
        patience=None if cell.training.patience is None else math.ceil(more * cell.training.patience),
        devices=1,
    )
    stacked = engine.side_by_side(long, first.fold, first.model, len(trials))
    options = TrainerOptions(long, task.metric.direction, cell.penalty)
    choices = {r.repeat: r.choice for r in record.repeats}
    found: dict[int, list[dict[str, float]]] = {}
    try:
        for outcome in engine.train(factory.prepare, trials, options, stacked=stacked):
            if outcome.trained.diverged:
                return
            number = outcome.prepared.trial.repeat
            found.setdefault(number, []).append(_judged(outcome, choices[number]))
            progress(outcome.trained.seconds)
    except PluginError:  # a loss that breaks on half of the rows keeps its result on all of them
        return
    for repeat in record.repeats:
        values, names = found[repeat.repeat], [n for n in repeat.metrics if all(n in v for v in found[repeat.repeat])]
        halves = values[: len(again)], values[len(again) :]
        repeat.halves = {name: [[value[name] for value in half] for half in halves] for name in names}


def _judged(outcome: Outcome, choice: str) -> dict[str, float]:
    """Test metrics of one training on a half; its threshold is chosen on its own validation rows."""
    fold, loss = outcome.prepared.fold, outcome.restore()
    decision = fold.decide(outcome.predict(loss, Part.VALIDATION))
    fold.open_test(choice)
    judged: dict[str, Any] = fold.evaluate(Part.TEST, outcome.predict(loss, Part.TEST), decision).metrics
    return finite(judged)
