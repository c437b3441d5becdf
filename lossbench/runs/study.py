"""One cell, from its loss and its task to its record: `run(cell) -> Record`."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lossbench.errors import InputError, NoSuchMetric, PluginError
from lossbench.loss import Kind, catalogue
from lossbench.loss.adapter import Family
from lossbench.plan import Cell, LossChoice, LossCost, StepCost, Trial, protocol
from lossbench.plan.observer import Observer
from lossbench.records import provenance
from lossbench.records.facts import LossFacts, MetricFacts, RarestInBatch, TrainingFacts
from lossbench.records.record import Record, Repeat, Status, finite
from lossbench.runs import halves
from lossbench.runs.inputs import (
    TrainingFactory,
    held_of_the_rarest,
    load_task,
    margins_of,
    misfit,
    predicted_by,
    settled,
)
from lossbench.runs.repeat import Study
from lossbench.runs.workers import devices, spread
from lossbench.tasks.contract import Task
from lossbench.training import engine
from lossbench.training.cost import one_step, step_bytes, steps_per_epoch
from lossbench.training.engine import Outcome, TrainerOptions
from lossbench.training.gradient import check_gradient

Arrays = dict[str, NDArray[Any]]


def _nowhere(*told: object) -> None:
    """Discards choices and weights."""


def run(
    cell: Cell,
    observer: Observer | None = None,
    *,
    freeze: Callable[[dict[str, Any]], None] = _nowhere,
    keep: Callable[[int, bytes], None] = _nowhere,
) -> Record:
    """Trains and evaluates one cell. An error of the loss becomes part of the record.

    Args:
        cell: One loss on one task.
        observer: Is called as epochs and trainings end.
        freeze: Is called with the cell's choices so far, by repeat, each with its hash, before their test parts are
            opened.
        keep: Is called with a repeat's number and the bytes that `torch.save` writes of the weights of its chosen
            model and loss, if the cell keeps weights.

    Returns:
        The record. Its status is `skipped` for a loss that does not fit the task, `failed` for one that breaks (with
        its distribution named), `diverged` for one that becomes NaN or infinite, and `interrupted` after Ctrl-C, with
        the finished repeats.

    Raises:
        InputError: If the cell cannot be started.
    """
    threads, start = torch.get_num_threads(), time.perf_counter()
    cell = settled(cell)
    task = load_task(cell.task, cell.seed)
    record = _blank(cell, task)
    torch.set_num_threads(1)
    try:
        family = catalogue.family_of(cell.loss)
        record.loss.distribution = family.distribution
        reason = misfit(cell.loss, task)
        if reason:
            record.status, record.reason = Status.SKIPPED, reason
        else:
            _study(cell, task, family, record, _Watch(cell, observer or Observer(), freeze, keep))
    except InputError:
        raise
    except NoSuchMetric as error:
        record.status, record.reason = Status.SKIPPED, str(error)
    except PluginError as error:
        whose = record.loss.distribution
        named = str(error) if whose in str(error) else f"'{cell.loss.title}' of {whose} {error}"
        record.status, record.reason = Status.FAILED, named
    except Exception as error:  # of the task, the model, a metric: the record keeps the repeats that were done
        record.status, record.reason = Status.FAILED, f"{type(error).__name__}: {error}"
        record.traceback = "".join(traceback.format_exception(error))
    except KeyboardInterrupt:
        record.status, record.reason = Status.INTERRUPTED, f"after {len(record.repeats)} of {cell.repeats} repeats"
    finally:
        record.seconds = time.perf_counter() - start
        record.provenance = provenance.gather(cell.training.accelerator)
        torch.set_num_threads(threads)
    return record


def run_references(cell: Cell) -> list[Record]:
    """Records of reference predictors that use no loss (trivial, gradient boosting), over a cell's repeats."""
    start = time.perf_counter()
    cell = settled(cell)
    task = load_task(cell.task, cell.seed)
    repeats: dict[str, list[Repeat]] = {}
    for repeat in range(cell.repeats):
        seed = protocol.repeat_seed(cell, repeat)
        references = task.references(repeat)
        for name, evaluation in references.items():
            done = Repeat(repeat, seed, Status.DONE, metrics=finite(evaluation.metrics), report=evaluation.report)
            repeats.setdefault(name, []).append(done)
    records = []
    for name, outcomes in repeats.items():
        record = _blank(cell, task)
        record.loss = LossFacts(name, name.replace("_", " "))
        record.status, record.role, record.repeats = Status.DONE, "reference", outcomes
        record.seconds = time.perf_counter() - start
        record.provenance = provenance.gather("cpu")
        records.append(record)
    return records


# One cell ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Watch:
    """Callbacks of one cell while it is trained."""

    cell: Cell
    observer: Observer
    freeze: Callable[[dict[str, Any]], None]
    keep: Callable[[int, bytes], None]

    def epochs(self, epochs: float) -> None:
        self.observer.epochs_end(self.cell, epochs)

    def training(self, seconds: float) -> None:
        self.observer.training_ends(self.cell, seconds)


def _study(cell: Cell, task: Task, family: Family, record: Record, watch: _Watch) -> None:
    kind = family.first(task.kinds)
    assert kind is not None
    defaults = {p.name: p.default for p in family[kind].parameters if not p.required}
    record.loss = replace(
        record.loss, kind=kind.value, params={**defaults, **cell.loss.params}, reference=family[kind].reference
    )
    search = catalogue.search_of(cell.loss, kind) if cell.loss.tuned else {}
    studies = protocol.trials(cell, search, task.card.digest)
    record.arrays |= {f"legend/{name}": array for name, array in task.legend().items()}
    frozen: dict[str, Any] = {}
    for contest in _trained(cell, task, kind, studies, record, watch):
        for judged in contest:
            judged.choose(record.arrays)
        frozen |= {str(one.repeat.repeat): one.frozen for one in contest if one.frozen}
        watch.freeze(frozen)  # all choices of these repeats are made before this line
        for one in contest:
            if one.frozen:
                one.judge(record.arrays)
                if cell.training.save_models == "best":
                    watch.keep(one.repeat.repeat, one.weights())
            record.repeats.append(one.repeat)
    if cell.protocol.halves:
        halves.measure(cell, task, kind, record, watch.training)
    if aims := dict.fromkeys(r.elicits for r in record.repeats if r.status is Status.DONE):
        record.loss.elicits = " or ".join(filter(None, aims))  # at the chosen parameters, which may change it
    bad = [r for r in record.repeats if r.status is not Status.DONE]
    record.status = bad[0].status if bad else Status.DONE
    if bad:
        which = f"repeat {bad[0].repeat}" if len(bad) == 1 else f"{len(bad)} of {cell.repeats} repeats"
        record.reason = f"{which}: {bad[0].reason}"
    else:
        with suppress(Exception):  # a number for the report, no result
            cost = _cost(cell, family, kind, record)
            record.cost.loss = cost if cost.at else None
        with suppress(Exception):
            record.cost.step = _step_cost(cell, task, kind, studies[0][0])


PATIENCE = 1.0
"""Seconds that measuring a loss's cost may always take: too few to notice."""


def _cost(cell: Cell, family: Family, kind: Kind, record: Record) -> LossCost:
    """The cost of the loss alone, relative to the cheapest of its kind; takes less time than the trainings did."""
    from lossbench.probe.subject import Subject
    from lossbench.probe.timing import priced

    trained = sum(trial.seconds for repeat in record.repeats for trial in repeat.trials)
    return priced(Subject(family, kind, cell.loss.params), record.training.classes, max(PATIENCE, trained))


def _step_cost(cell: Cell, task: Task, kind: Kind, trial: Trial) -> StepCost | None:
    """The step time relative to the task's baseline, both run in turn now.

    Times taken during two separate trainings would differ by whatever else the machine did meanwhile.
    """
    from lossbench.probe.timing import compared

    if cell.task.baseline is None or cell.training.accelerator != "cpu":
        return None
    other = replace(cell, loss=LossChoice(cell.task.baseline))
    its_kind = catalogue.family_of(other.loss).first(task.kinds)
    if its_kind is None:
        return None
    both = [
        TrainingFactory(cell, task, kind).prepare(trial, shared_model=True),
        TrainingFactory(other, task, its_kind).prepare(replace(trial, params={}), shared_model=True),
    ]
    own, base = (one_step(prepared, cell.training.batch) for prepared in both)
    return compared(own, base, other.loss.title)


def _trained(
    cell: Cell,
    task: Task,
    kind: Kind,
    studies: Sequence[Sequence[Trial]],
    record: Record,
    watch: _Watch,
) -> Iterator[list[Study]]:
    """Yields the repeats with all their trials trained: all at once if stacked, else one after the other."""
    options = TrainerOptions(cell.training, task.metric.direction, cell.penalty, watch.epochs)

    def gathered(outcomes: Iterator[Outcome]) -> list[Study]:
        found: dict[int, Study] = {}
        for outcome in outcomes:
            number = outcome.prepared.trial.repeat
            found.setdefault(number, Study(number, task.metric.direction)).add(outcome)
            watch.training(outcome.trained.seconds)
        return list(found.values())

    factory = TrainingFactory(cell, task, kind)
    first = factory.prepare(studies[0][0], shared_model=True)
    stacked = engine.side_by_side(cell.training, first.fold, first.model, cell.trainings)
    check_gradient(first)
    record.loss.elicits, record.loss.pointwise = first.loss.elicits, first.loss.pointwise
    held = held_of_the_rarest(cell, task)
    record.training = TrainingFacts(
        classes=first.fold.classes,
        steps_per_epoch=steps_per_epoch(first, cell.training.batch),
        engine="replicas" if stacked else "sequential",
        rarest=RarestInBatch(held[0].name, held[1]) if held else None,
    )
    with suppress(Exception):  # an error here occurs in training too, and is reported there
        record.cost.step_bytes = step_bytes(first, cell.training.batch)
    if devices(cell.training) > 1:
        yield from (gathered(iter(outcomes)) for outcomes in spread(cell, kind, studies, options, stacked))
    elif stacked:
        yield gathered(
            engine.train(factory.prepare, [trial for study in studies for trial in study], options, stacked=True)
        )
    else:
        for study in studies:
            yield gathered(engine.train(factory.only(study[0].repeat).prepare, study, options, stacked=False))


def _written(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Facts of a target without those that are not finite, such as the skew of huge values."""
    return {k: v for k, v in summary.items() if not isinstance(v, float) or np.isfinite(v)}


def _blank(cell: Cell, task: Task) -> Record:
    return Record(
        status=Status.FAILED,
        reason="",
        loss=LossFacts(cell.loss.name, cell.loss.title, dict(cell.loss.params)),
        task=cell.task.name,
        data=replace(task.card, summary=_written(task.card.summary)),
        model=cell.model.name,
        metric=MetricFacts(task.metric.name, task.metric.direction),
        predicts=predicted_by(task),
        margins=margins_of(cell.task, task),
        directions=dict(task.directions()),
        repeats=[],
        cell=cell,
        contest=cell.contest,
    )
