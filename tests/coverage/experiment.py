"""One data set: the run of a user on it, and the truth that the user does not have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from lossbench import preparation, study
from lossbench.record import Record, Status
from lossbench.verdicts.judging import Part, by_group
from lossbench.verdicts.scores import parts
from lossbench.verdicts.statistics import Crossed
from tests.coverage.designs import COUNTS, Design

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Side:
    """Gains of one comparison over the baseline, and the layouts of its first repeats."""

    gains: Values
    """[R], on the test part."""
    layouts: dict[int, Crossed]


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
    """Trains both losses and the placebo on one data set. RuntimeError where a repeat is not done."""
    torch.set_num_threads(1)
    study._cost = lambda *given: {}  # type: ignore[assignment]  # what a loss costs is no part of this
    try:
        baseline = _judged(design, study.run(design.cell(number, design.baseline)))
        rival = _judged(design, study.run(design.cell(number, design.rival)))
        placebo = _judged(design, study.run(design.placebo(number)))
    finally:
        preparation._TASKS.clear()
    gains = rival.fresh - baseline.fresh
    return Outcome(
        number,
        _side(rival.test - baseline.test),
        _side(placebo.test - baseline.test),
        float(gains.mean()),
        float(gains.std(ddof=1) / len(gains) ** 0.5),
    )


@dataclass(frozen=True)
class _Scores:
    """What examples of the test part have to do with the metric [R, n], and the metric on fresh rows; more is better."""

    test: Values
    fresh: Values


def _judged(design: Design, record: Record) -> _Scores:
    if record.status is not Status.DONE:
        raise RuntimeError(f"{design.name}: {record.title} is {record.status.value}: {record.reason}")
    sign = -1 if record.metric["direction"] == "min" else 1
    groups = record.arrays.get("legend/groups")
    test = []
    for repeat in record.repeats[: design.repeats]:
        one = parts(design.metric, Part(record.arrays, "test", repeat.repeat), repeat.decision)
        assert one is not None
        test.append(one if groups is None else by_group(one, groups))
    fresh = [repeat.metrics[design.metric] for repeat in record.repeats[design.repeats :]]
    return _Scores(sign * np.stack(test), sign * np.array(fresh))


def _side(gains: Values) -> Side:
    """Of gains example by example [R, n]."""
    layouts = {count: Crossed.of(gains[:count]) for count in COUNTS if count <= len(gains)}
    return Side(gains.mean(1), layouts)
