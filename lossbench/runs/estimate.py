"""What a cell will cost, measured on two epochs before the sweep starts; and warnings before training."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from lossbench.errors import LossbenchError
from lossbench.loss import catalogue
from lossbench.plan import Cell, Rarest, protocol
from lossbench.runs.inputs import TrainingFactory, build_model, held_of_the_rarest, load_task, rarest_of, settled
from lossbench.runs.workers import devices
from lossbench.tasks.contract import Task
from lossbench.training import engine
from lossbench.training.answers import give_shapes
from lossbench.training.engine import TrainerOptions
from lossbench.training.gradient import check_gradient


@dataclass(frozen=True)
class Estimate:
    """The cost of one cell: its engine, its seconds if no training stops early, and its memory."""

    engine: str
    seconds: float
    memory: int
    """Bytes: the most that this process has held so far, the probe included."""
    obstacle: str | None = None
    """The layer that keeps a small model's trainings from being stacked; None if none does."""


def estimate(cell: Cell) -> Estimate | None:
    """Runs two epochs of the cell's whole stack, or of one training if it does not stack. None if that fails."""
    ends: list[float] = []
    try:
        cell = settled(cell)
        task = load_task(cell.task, cell.seed)
        family = catalogue.family_of(cell.loss)
        kind = family.first(task.kinds)
        assert kind is not None
        start = time.perf_counter()
        factory = TrainingFactory(
            replace(cell, training=replace(cell.training, max_epochs=2, patience=None)), task, kind
        )
        trials = [
            t
            for study in protocol.trials(cell, catalogue.search_of(cell.loss, kind) if cell.loss.tuned else {})
            for t in study
        ]
        first = factory.prepare(trials[0], shared_model=True)
        options = TrainerOptions(
            factory.cell.training, task.metric.direction, cell.penalty, lambda _: ends.append(time.perf_counter())
        )
        check_gradient(first)
        stacked = engine.side_by_side(cell.training, first.fold, first.model, len(trials))
        list(engine.train(factory.prepare, trials if stacked else trials[:1], options, stacked=stacked))
    except Exception:  # its own run will report the error
        return None
    # The first epoch of a fit includes one-time work; the second is typical of all others.
    pairs = list(zip(ends[::2], ends[1::2], strict=False))
    epochs = sum(second - first for first, second in pairs) * cell.training.max_epochs
    once = ends[-1] - start - 2 * sum(second - first for first, second in pairs) if ends else 0.0
    times = (1 if stacked else len(trials)) / devices(cell.training)
    times *= cell.trainings / len(trials)  # trainings on halves take as many steps
    kept_apart = None if stacked else engine.what_keeps_apart(cell.training, first.fold, first.model, len(trials))
    engine_name = "replicas" if stacked else "sequential"
    return Estimate(engine_name, (epochs + max(0.0, once)) * times, peak_memory(), kept_apart)


def unstacked(cells: Iterable[Cell]) -> Iterator[str]:
    """Warns of models that cannot be stacked because of one layer, so that their trainings run one by one."""
    for cell in cells:
        fold = load_task(cell.task, cell.seed).fold(0)
        model = build_model(cell.model, fold.inputs, 1)
        give_shapes(model, fold, load_task(cell.task, cell.seed).kinds[0])
        if layer := engine.what_keeps_apart(cell.training, fold, model, cell.trainings):
            yield (
                f"{layer} keeps {cell.model.name} from stacking: its {cell.trainings} trainings per loss run one after "
                "the other. `lossbench plan` with the same arguments estimates the time; protocol=smoke is a small "
                "first run."
            )


def alike(cells: Iterable[Cell]) -> Iterator[str]:
    """Warns of two losses of a contest that train alike: their gradients are equal up to a factor.

    Losses with tuned parameters are left out: their final parameters are not known yet.
    """
    from lossbench.probe.nearest import twins
    from lossbench.probe.subject import Subject

    contests: dict[str, dict[str, Subject]] = {}
    for cell in cells:
        try:
            family = catalogue.family_of(cell.loss)
            kind = family.first(load_task(cell.task, cell.seed).kinds)
            tuned = cell.loss.tuned and cell.trainings > cell.repeats
            if kind is not None and not (tuned and catalogue.search_of(cell.loss, kind)):
                subject = Subject(family, kind, cell.loss.params)
                contests.setdefault(cell.contest, {})[cell.loss.title] = subject
        except LossbenchError:  # its own cell will report the error
            continue
    for subjects in contests.values():
        if len(subjects) < 2:  # do not call a loss before its training unless needed
            continue
        for first, second, factor in twins(subjects):
            times = "" if abs(factor - 1) < 1e-3 else f" times {factor:.4g}"
            yield f"{first} is {second}{times}: they train alike, and one of the two is enough."


def told_of_batch(cell: Cell, task: Task) -> str:
    """The batch size of a settled cell, with the reason: `256: holds 8.9 of the rarest class (rare class) ...`."""
    size = cell.training.batch
    held = held_of_the_rarest(cell, task)
    if held is None:
        return f"{size}: the target has no classes"
    rarest, count = held
    told = f"{size}: holds {count:.2g} of the rarest class ({rarest.name}) on average"
    usual = rarest.per_batch(protocol.USUAL_BATCH)
    return told if size <= protocol.USUAL_BATCH else f"{told}, where {protocol.USUAL_BATCH} would hold {usual:.2g}"


def defeated(cells: Iterable[Cell]) -> Iterator[str]:
    """Warns of losses that judge whole batches, where a batch holds too few of the rarest class."""
    for cell in cells:
        try:
            task = load_task(cell.task, cell.seed)
            kind, held = catalogue.family_of(cell.loss).first(task.kinds), held_of_the_rarest(cell, task)
            if kind is None or held is None or held[1] >= Rarest.ENOUGH or catalogue.build(cell.loss, kind).pointwise:
                continue
        except LossbenchError:  # its own cell will report the error
            continue
        yield (
            f"{cell.loss.title} judges whole batches, and a batch of {cell.training.batch} rows holds {held[1]:.2g} of "
            f"the rarest class ({held[0].name}) on average. It needs {Rarest.ENOUGH}, so it gets no verdict. "
            f"{_larger(cell)}"
        )


def _larger(cell: Cell) -> str:
    """Which batch size would be large enough, for a contest whose batches are too small."""
    task = load_task(cell.task, cell.seed)
    rows, rarest = len(task.splits(0).train), rarest_of(task)
    assert rarest is not None
    usual = protocol.by_the_data(replace(cell.training, batch_size=None), rows, rarest)
    if rarest.per_batch(min(usual.batch, rows)) >= Rarest.ENOUGH:
        return f"Leave out training.batch_size=: the data call for {usual.batch}."
    needed = -(-Rarest.ENOUGH * rarest.rows // rarest.count)
    return f"training.batch_size={needed} is enough; raise training.max_epochs= too, to keep the number of steps."


def doubtful(cells: Iterable[Cell]) -> Iterator[str]:
    """What looks wrong about losses that are not built in, before they train; see `probe.doubts`."""
    from lossbench.probe.doubts import doubts

    for cell in cells:
        if cell.loss.target is None and catalogue.is_built_in(cell.loss.name):
            continue
        try:
            task = load_task(cell.task, cell.seed)
            kind = catalogue.family_of(cell.loss).first(task.kinds)
            assert kind is not None
            prepared = TrainingFactory(cell, task, kind).prepare(protocol.trials(cell, {})[0][0], shared_model=True)
            found = doubts(prepared.loss, prepared.fold.training_target(kind), prepared.fold.classes)
        except Exception:  # its own run will report the error
            continue
        yield from (f"{cell.loss.title} on {cell.task.data_name} {doubt}." for doubt in found)


def peak_memory() -> int:
    """The peak memory of this process, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def seconds_of_one_training(cell: Cell) -> float:
    """Seconds of one training, for the time left: an equal share of the cell's; 0 if unknown."""
    found = estimate(cell)
    return found.seconds / cell.trainings if found else 0.0
