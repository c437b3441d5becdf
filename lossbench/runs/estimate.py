"""What a cell will cost, measured on two of its epochs before any of it is trained."""

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
    """Of one cell: which engine trains it, how long that takes if no training stops early, and what memory it takes."""

    engine: str
    seconds: float
    memory: int
    """Bytes: the most that this process has held so far, the probe included."""
    obstacle: str | None = None
    """The layer that keeps a small model's trainings from going side by side."""


def estimate(cell: Cell) -> Estimate | None:
    """From two epochs of the cell's first trainings: the whole stack, or one training. None where they break."""
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
    except Exception:  # what is wrong with it, its own run will say
        return None
    # In every fit the first epoch holds what is done once; the second is what all others are like.
    pairs = list(zip(ends[::2], ends[1::2], strict=False))
    epochs = sum(second - first for first, second in pairs) * cell.training.max_epochs
    once = ends[-1] - start - 2 * sum(second - first for first, second in pairs) if ends else 0.0
    times = (1 if stacked else len(trials)) / devices(cell.training)
    times *= cell.trainings / len(trials)  # those on halves have as many steps
    kept_apart = None if stacked else engine.what_keeps_apart(cell.training, first.fold, first.model, len(trials))
    engine_name = "replicas" if stacked else "sequential"
    return Estimate(engine_name, (epochs + max(0.0, once)) * times, peak_memory(), kept_apart)


def unstacked(cells: Iterable[Cell]) -> Iterator[str]:
    """Says of models that would stack but for one of their layers that their trainings go one after the other."""
    for cell in cells:
        fold = load_task(cell.task, cell.seed).fold(0)
        model = build_model(cell.model, fold.inputs, 1)
        give_shapes(model, fold, load_task(cell.task, cell.seed).kinds[0])
        if layer := engine.what_keeps_apart(cell.training, fold, model, cell.trainings):
            yield (
                f"{layer} keeps {cell.model.name} from stacking: its {cell.trainings} trainings per loss go one after "
                "the other. `lossbench plan` before the same words tells how long that takes; protocol=smoke is a "
                "small first run."
            )


def alike(cells: Iterable[Cell]) -> Iterator[str]:
    """Says of every two losses of one contest that they are one: their gradients are the same up to a factor.

    A loss whose parameters are tuned is judged by what it becomes, which nobody knows before.
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
        except LossbenchError:  # its own cell will say what is wrong with it
            continue
    for subjects in contests.values():
        if len(subjects) < 2:  # no loss is called before its training without need
            continue
        for first, second, factor in twins(subjects):
            times = "" if abs(factor - 1) < 1e-3 else f" times {factor:.4g}"
            yield f"{first} is {second}{times}: they train alike, and one of the two is enough."


def told_of_batch(cell: Cell, task: Task) -> str:
    """The batch size of a settled cell and why it is that: `256: holds 8.9 of the rarest class (rare class) ...`."""
    size = cell.training.batch
    held = held_of_the_rarest(cell, task)
    if held is None:
        return f"{size}: the targets are no classes"
    rarest, count = held
    told = f"{size}: holds {count:.2g} of the rarest class ({rarest.name}) on average"
    usual = rarest.per_batch(protocol.USUAL_BATCH)
    return told if size <= protocol.USUAL_BATCH else f"{told}, where {protocol.USUAL_BATCH} would hold {usual:.2g}"


def defeated(cells: Iterable[Cell]) -> Iterator[str]:
    """Says of every loss that judges whole batches whether these hold too few of the rarest class for it."""
    for cell in cells:
        try:
            task = load_task(cell.task, cell.seed)
            kind, held = catalogue.family_of(cell.loss).first(task.kinds), held_of_the_rarest(cell, task)
            if kind is None or held is None or held[1] >= Rarest.ENOUGH or catalogue.build(cell.loss, kind).pointwise:
                continue
        except LossbenchError:  # its own cell will say what is wrong with it
            continue
        yield (
            f"{cell.loss.title} judges whole batches, and a batch of {cell.training.batch} rows holds {held[1]:.2g} of "
            f"the rarest class ({held[0].name}) on average. It needs {Rarest.ENOUGH}, so it gets no verdict. "
            f"{_larger(cell)}"
        )


def _larger(cell: Cell) -> str:
    """Which batch size would do, for a contest whose batches are too small."""
    task = load_task(cell.task, cell.seed)
    rows, rarest = len(task.splits(0).train), rarest_of(task)
    assert rarest is not None
    usual = protocol.by_the_data(replace(cell.training, batch_size=None), rows, rarest)
    if rarest.per_batch(min(usual.batch, rows)) >= Rarest.ENOUGH:
        return f"Leave training.batch_size= out: by the data it is {usual.batch}."
    needed = -(-Rarest.ENOUGH * rarest.rows // rarest.count)
    return f"training.batch_size={needed} is enough; raise training.max_epochs= with it, for as many steps."


def doubtful(cells: Iterable[Cell]) -> Iterator[str]:
    """What looks wrong about the losses that are somebody else's, before they train; see `testing.doubts`."""
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
        except Exception:  # what is wrong with it, its own run will say
            continue
        yield from (f"{cell.loss.title} on {cell.task.data_name} {doubt}." for doubt in found)


def peak_memory() -> int:
    """Bytes that this process has held at most."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def seconds_of_one_training(cell: Cell) -> float:
    """For the time that is left: an equal share of the cell's; 0 where it cannot be told."""
    found = estimate(cell)
    return found.seconds / cell.trainings if found else 0.0
