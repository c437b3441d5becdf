"""One cell, from its loss and its task to its record: `run(cell) -> Record`."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lossbench import plugins, protocol, provenance
from lossbench.adapter import Family
from lossbench.errors import InputError, NoSuchMetric, PluginError
from lossbench.loss import Domain, Kind
from lossbench.plan import Cell, LossChoice, ModelChoice, TaskChoice, Trial, fingerprint, stream
from lossbench.record import Record, Repeat, Status, finite
from lossbench.shape import loss_shape
from lossbench.task import Direction, Part, Task
from lossbench.training.batches import TrainingBatches
from lossbench.training.learner import Learner, Trained, blamed, fit
from lossbench.training.weights import paired_model


@dataclass
class Progress:
    """What a run tells while it goes on; both do nothing unless replaced."""

    epoch: Callable[[int, int], None] = field(default=lambda training, epoch: None)
    """(which training of the cell, how many of its epochs are done), after each epoch."""
    training: Callable[[float], None] = field(default=lambda seconds: None)
    """Its seconds, after each training."""


def run(cell: Cell, progress: Progress | None = None) -> Record:
    """Trains and judges one cell. Whatever a loss does, it ends in a record; InputError is for what cannot be started.

    A loss that does not fit the task is `skipped`, one that breaks `failed` with its distribution named, one that
    becomes NaN `diverged`. Ctrl-C gives an `interrupted` record with the repeats that were done.
    """
    threads, start = torch.get_num_threads(), time.perf_counter()
    task = load_task(cell.task, cell.seed)
    record = _blank(cell, task)
    torch.set_num_threads(1)
    try:
        family = plugins.family_of(cell.loss)
        record.loss |= {"distribution": family.distribution}
        reason = misfit(cell.loss, task)
        if reason:
            record.status, record.reason = Status.SKIPPED, reason
        else:
            _study(cell, task, family, record, progress or Progress())
    except InputError:
        raise
    except NoSuchMetric as error:
        record.status, record.reason = Status.SKIPPED, str(error)
    except PluginError as error:
        whose = str(record.loss.get("distribution", ""))
        named = str(error) if whose in str(error) else f"'{cell.loss.title}' of {whose} {error}"
        record.status, record.reason = Status.FAILED, named
    except Exception as error:  # of the task, the model, a metric: the record keeps the repeats that were done
        record.status, record.reason = Status.FAILED, f"{type(error).__name__}: {error}"
        record.provenance["traceback"] = "".join(traceback.format_exception(error))
    except KeyboardInterrupt:
        record.status, record.reason = Status.INTERRUPTED, f"after {len(record.repeats)} of {cell.repeats} repeats"
    finally:
        record.seconds = time.perf_counter() - start
        record.provenance |= provenance.gather(cell.training.accelerator)
        torch.set_num_threads(threads)
    return record


def check(cell: Cell) -> None:
    """Raises InputError where a cell's rows cannot be split or its model cannot be built; trains nothing."""
    task = load_task(cell.task, cell.seed)
    for repeat in range(cell.repeats):
        task.splits(repeat)
    model = build_model(cell.model, task.fold(0).inputs, 1)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise InputError(f"model.target={cell.model.target} has no parameters: there is nothing to train.")


def run_references(cell: Cell) -> list[Record]:
    """The rows that no loss has a part in (trivial, gradient boosting), over the repeats of a cell, on its task."""
    start = time.perf_counter()
    task = load_task(cell.task, cell.seed)
    repeats: dict[str, list[Repeat]] = {}
    for repeat in range(cell.repeats):
        seed = protocol.repeat_seed(cell, repeat)
        for name, evaluation in task.references(repeat).items():
            done = Repeat(repeat, seed, Status.DONE, metrics=finite(evaluation.metrics), report=evaluation.report)
            repeats.setdefault(name, []).append(done)
    records = []
    for name, outcomes in repeats.items():
        record = _blank(cell, task)
        record.loss = {"name": name, "title": name.replace("_", " "), "params": {}, "kind": None}
        record.status, record.role, record.repeats = Status.DONE, "reference", outcomes
        record.seconds = time.perf_counter() - start
        record.provenance = provenance.gather("cpu")
        records.append(record)
    return records


def probe(cell: Cell) -> float:
    """Seconds that one training of a cell takes to its last epoch, from its first two; 0 where they cannot be made."""
    ends: list[float] = []
    short = replace(cell, training=replace(cell.training, max_epochs=2, patience=None))
    try:
        task = load_task(cell.task, cell.seed)
        kind = plugins.family_of(cell.loss).first(task.kinds)
        assert kind is not None
        ready = _prepared(
            short, task, kind, protocol.trials(cell, {})[0][0], lambda epoch: ends.append(time.perf_counter())
        )
        fit(ready.learner, ready.batches, 0)
    except Exception:  # what is wrong with it, its own run will say
        return 0.0
    return (ends[1] - ends[0]) * cell.training.max_epochs if len(ends) == 2 else 0.0


def misfit(choice: LossChoice, task: Task) -> str | None:
    """Why a loss cannot be used on a task, in a few words; None where it can. PluginError where it is broken."""
    family = plugins.family_of(choice)
    kind = family.first(task.kinds)
    if kind is None:
        offers, wants = (" or ".join(k.value for k in kinds) for kinds in (family, task.kinds))
        return f"{offers} loss, {wants} task"
    loss = plugins.build(choice, kind)
    if loss.domain is Domain.NONNEGATIVE and task.card.summary.get("min", 0) < 0:
        return f"needs targets of 0 and above, {task.card.target} goes down to {task.card.summary['min']:g}"
    return None


_TASKS: dict[str, Task] = {}
"""Loaded tasks by content, so that the cells of a sweep share their data."""
FILES = ("path", "validation", "test")
"""Options of data that name a file: another file, or the same one written anew, is another task."""


def load_task(choice: TaskChoice, seed: int) -> Task:
    """The task of a cell, its data loaded once a process. Raises InputError and DataError."""
    files = [Path(str(value)).resolve() for key, value in choice.data.items() if key in FILES and value]
    stamps = [(str(path), path.stat().st_mtime_ns) for path in files if path.exists()]
    key = fingerprint([asdict(choice), seed, stamps])
    if key not in _TASKS:
        cls = plugins.import_target(choice.target, "task.target")
        _TASKS[key] = cls(data=choice.data, metric=choice.metric, direction=choice.direction, seed=seed)
    return _TASKS[key]


def fingerprint_of(cell: Cell) -> str:
    """What decides a cell's numbers: the cell, its data, the versions, and the code of loss, task, model and metric."""
    task = load_task(cell.task, cell.seed)
    paths = [cell.model.target, cell.task.target, *([cell.task.metric] if "." in cell.task.metric else [])]
    code = [plugins.source(plugins.import_target(path, path)) for path in paths]
    try:
        code += plugins.code_of(cell.loss)
    except PluginError as error:
        code.append(str(error))
    return fingerprint([cell.to_dict(), task.card.digest, provenance.versions(), code])


# One cell ----------------------------------------------------------------------------------------------------------


def _study(cell: Cell, task: Task, family: Family, record: Record, progress: Progress) -> None:
    kind = family.first(task.kinds)
    assert kind is not None
    defaults = {p.name: p.default for p in family[kind].parameters if not p.required}
    record.loss |= {
        "kind": kind.value,
        "params": {**defaults, **cell.loss.params},
        "reference": family[kind].reference,
    }
    search = family[kind].search if cell.loss.tuned else {}
    for trials in protocol.trials(cell, search):
        repeat, arrays = _repeat(cell, task, kind, trials, progress)
        record.repeats.append(repeat)
        record.arrays |= arrays
    bad = [r for r in record.repeats if r.status is not Status.DONE]
    record.status = bad[0].status if bad else Status.DONE
    if bad:
        which = f"repeat {bad[0].repeat}" if len(bad) == 1 else f"{len(bad)} of {cell.repeats} repeats"
        record.reason = f"{which}: {bad[0].reason}"


@dataclass(frozen=True)
class Prepared:
    """A training that is ready to begin, and the hashes of what it must share with other losses."""

    trial: Trial
    learner: Learner
    batches: TrainingBatches
    seed: int
    hashes: dict[str, str]


def _prepared(cell: Cell, task: Task, kind: Kind, trial: Trial, on_epoch: Callable[[int], None]) -> Prepared:
    seed = protocol.repeat_seed(cell, trial.repeat)
    torch.manual_seed(seed)
    loss = plugins.build(replace(cell.loss, params=trial.params), kind)  # its own weights, from this repeat's seed
    fold = task.fold(trial.repeat, loss.domain)
    with blamed("in outputs"):
        outputs = loss.outputs(fold.classes)
    build = partial(build_model, cell.model, fold.inputs)
    model, weights = paired_model(build, outputs, stream(seed, "weights"))
    training = replace(cell.training, learning_rate=trial.learning_rate)
    batches = TrainingBatches(fold, training.batch_size, seed)
    hashes = {"splits": fold.splits.digest, "weights": weights, "batches": batches.digest}
    with blamed("in observe"):
        loss.observe(fold.training_target(kind))
    learner = Learner(model, loss, fold, training, task.metric.direction, cell.penalty, on_epoch)
    return Prepared(trial, learner, batches, seed, hashes)


def _repeat(
    cell: Cell, task: Task, kind: Kind, trials: tuple[Trial, ...], progress: Progress
) -> tuple[Repeat, dict[str, NDArray[Any]]]:
    """One study: every trial is trained, the best on validation data is chosen and judged."""
    number, direction = trials[0].repeat, task.metric.direction
    tried: list[dict[str, Any]] = []
    values: list[float] = []
    arrays: dict[str, NDArray[Any]] = {}
    best: Prepared | None = None
    hashes: dict[str, str] = {}
    for trial in trials:
        on_epoch = partial(_on_epoch, progress, number * len(trials) + trial.number)
        ready = _prepared(cell, task, kind, trial, on_epoch)
        trained = fit(ready.learner, ready.batches, ready.seed)
        progress.training(trained.seconds)
        values.append(float("nan") if trained.diverged else trained.validation[trained.best_epoch or 0])
        tried.append(_told(trial, trained, values[-1]))
        if len(trials) > 1:
            arrays[f"trial/{number}/{trial.number}/validation"] = np.asarray(trained.validation)
        hashes = hashes or ready.hashes
        if best is None or direction.better(values[-1], values[best.trial.number]):
            best = ready
    assert best is not None
    learner, fold, trained = best.learner, best.learner.fold, best.learner.trained
    repeat = Repeat(
        number,
        best.seed,
        Status.DONE,
        trials=tried,
        epochs=len(trained.validation),
        best_epoch=trained.best_epoch,
        learning_rate=best.trial.learning_rate,
        params=dict(best.trial.params),
        seconds=trained.seconds,
        hashes=hashes,
    )
    arrays |= {f"curve/{number}/{name}": curve for name, curve in _curves(trained).items()}
    rates = [trial.learning_rate for trial in trials]
    choice = protocol.choose(values, rates, lower_is_better=direction is Direction.MIN)
    if choice is None:
        repeat.status, repeat.reason = Status.DIVERGED, trained.diverged or ""
        return repeat, arrays
    repeat.trial, repeat.ties, repeat.edge = choice.trial, choice.ties, choice.edge
    learner.restore_best()
    if number == 0:
        arrays |= loss_shape(deepcopy(learner.loss))  # it may count its calls
    validation = learner.predict_part(Part.VALIDATION)
    repeat.decision = dict(fold.decide(validation))
    frozen = [repeat.trial, repeat.learning_rate, repeat.params, repeat.best_epoch, repeat.decision]
    repeat.choice = fingerprint(frozen)  # nothing is chosen after this line
    repeat.validation = finite(fold.evaluate(Part.VALIDATION, validation, repeat.decision).metrics)
    fold.open_test(repeat.choice)
    test = learner.predict_part(Part.TEST)
    judged = fold.evaluate(Part.TEST, test, repeat.decision)
    repeat.metrics, repeat.report = finite(judged.metrics), judged.report
    for part, prediction in ((Part.VALIDATION, validation), (Part.TEST, test)):
        arrays |= {f"{part.value}/{number}/{k}": v for k, v in fold.arrays(part, prediction).items()}
    return repeat, arrays


def _on_epoch(progress: Progress, training: int, epoch: int) -> None:
    progress.epoch(training, epoch + 1)


def _told(trial: Trial, trained: Trained, value: float) -> dict[str, Any]:
    """A trial as its record keeps it."""
    return {
        "learning_rate": trial.learning_rate,
        "params": dict(trial.params),
        "status": (Status.DIVERGED if trained.diverged else Status.DONE).value,
        "reason": trained.diverged or "",
        "value": None if trained.diverged else value,
        "best_epoch": trained.best_epoch,
        "epochs": len(trained.validation),
        "seconds": trained.seconds,
    }


def build_model(choice: ModelChoice, inputs: Any, outputs: int) -> torch.nn.Module:
    """Any importable `(inputs, outputs, **params) -> nn.Module`. InputError where it is not one."""
    make = plugins.import_target(choice.target, "model.target")
    try:
        model = make(inputs, outputs, **choice.params)
    except Exception as error:
        raise InputError(
            f"model.target={choice.target} cannot be built with ({inputs}, {outputs}, {dict(choice.params)}): {error}"
        ) from error
    if not isinstance(model, torch.nn.Module):
        raise InputError(f"model.target={choice.target} gave a {type(model).__name__}, not an nn.Module.")
    return model


def _curves(trained: Trained) -> dict[str, NDArray[np.float64]]:
    parts = {f"part/{name}": np.asarray(curve) for name, curve in trained.parts.items()}
    return {
        "train_loss": np.asarray(trained.train_loss),
        "validation": np.asarray(trained.validation),
        **parts,
    }


def _written(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Facts of a target without those that are no numbers, as the skew of huge ones."""
    return {k: v for k, v in summary.items() if not isinstance(v, float) or np.isfinite(v)}


def _blank(cell: Cell, task: Task) -> Record:
    card = task.card
    return Record(
        status=Status.FAILED,
        reason="",
        loss={
            "name": cell.loss.name,
            "title": cell.loss.title,
            "params": dict(cell.loss.params),
            "given": dict(cell.loss.params),
            "kind": None,
            "target": cell.loss.target,
        },
        task=cell.task.name,
        data={**asdict(card), "summary": _written(card.summary), "options": dict(cell.task.data)},
        model=asdict(cell.model),
        metric={"name": task.metric.name, "direction": task.metric.direction.value},
        directions={name: direction.value for name, direction in task.directions().items()},
        repeats=[],
        cell=cell.to_dict(),
        contest=cell.contest,
    )
