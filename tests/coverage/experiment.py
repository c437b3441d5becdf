"""One data set: the run of a user on it, and the truth that the user does not have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from lossbench.metrics.influence import parts
from lossbench.plan import Cell
from lossbench.records.record import Record, Status
from lossbench.runs import inputs, study
from lossbench.verdicts.parts import Part, by_group
from lossbench.verdicts.statistics import Crossed, Halves
from tests.coverage.designs import COUNTS, Design

Values = NDArray[np.float64]


class NotDone(Exception):
    """A data set on which a repeat, or a training on a half, did not end well."""


@dataclass(frozen=True)
class Side:
    """Gains of one comparison over the baseline, and what its first repeats tell of rows and pool."""

    gains: Values
    """[R], on the test part."""
    layouts: dict[int, Crossed]
    halves: dict[int, Halves]
    """Empty where nothing was trained on halves."""


@dataclass(frozen=True)
class Outcome:
    """What one data set leaves."""

    number: int
    rival: Side
    placebo: Side
    truth: float
    """The pool's own mean gain on fresh rows, over further repeats."""
    truth_error: float
    """Its standard error."""


def run(design: Design, number: int) -> Outcome:
    """Trains both losses and the placebo on one data set. Raises NotDone where a repeat is not."""
    torch.set_num_threads(1)
    study._cost = lambda *given: {}  # type: ignore[assignment]  # what a loss costs is no part of this
    try:
        baseline, rival = (_done(design.cell(number, loss)) for loss in (design.baseline, design.rival))
        placebo = _done(design.placebo(number))
        further = [_done(design.cell(number, loss, truth=True)) for loss in (design.baseline, design.rival)]
    finally:
        inputs._TASKS.clear()
    sign = -1 if baseline.metric.direction == "min" else 1
    gains = sign * (np.array(further[1].values(design.metric)) - np.array(further[0].values(design.metric)))
    halves = sign * (_halves(design, rival) - _halves(design, baseline)) if design.halves else None
    return Outcome(
        number,
        side(gains_by_example(design.metric, baseline, rival), halves),
        side(gains_by_example(design.metric, baseline, placebo)),
        float(gains.mean()),
        float(gains.std(ddof=1) / len(gains) ** 0.5),
    )


def _done(cell: Cell) -> Record:
    record = study.run(cell)
    if record.status is not Status.DONE:
        raise NotDone(f"{cell.task.data['name']}: {record.title} is {record.status.value}: {record.reason}")
    return record


def gains_by_example(metric: str, baseline: Record, other: Record) -> Values:
    """What each test example, or each group of them, has to do with the other's gain over the baseline [R, n]."""
    sign = -1 if baseline.metric.direction == "min" else 1
    return sign * (_parts(metric, other) - _parts(metric, baseline))


def _parts(metric: str, record: Record) -> Values:
    groups, found = record.arrays.get("legend/groups"), []
    for repeat in record.repeats:
        one = parts(metric, Part(record.arrays, "test", repeat.repeat), repeat.decision)
        assert one is not None
        found.append(one if groups is None else by_group(one, groups))
    return np.stack(found)


def _halves(design: Design, record: Record) -> Values:
    """The metric of trainings on halves [R, 2, S]."""
    found = [repeat.halves.get(design.metric) for repeat in record.repeats]
    if None in found:
        raise NotDone(f"{design.name}: {record.title} has no trainings on halves in some repeat")
    return np.array(found)


def side(gains: Values, halves: Values | None = None) -> Side:
    """Of gains example by example [R, n], and of those of trainings on halves [R, 2, S]."""
    counts = [count for count in COUNTS if count <= len(gains)]
    layouts = {count: Crossed.of(gains[:count]) for count in counts}
    return Side(
        gains.mean(1), layouts, {} if halves is None else {count: Halves.of(halves[:count]) for count in counts}
    )
