"""What a cell needs before training: its task, model, loss and rows; or why it cannot be trained."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lossbench.errors import InputError, PluginError, UnknownName
from lossbench.loss import Domain, Kind, Loss, Sequences, catalogue
from lossbench.metrics.catalogue import is_path, usual
from lossbench.metrics.metric import Metric, Need
from lossbench.plan import (
    Cell,
    LossChoice,
    ModelChoice,
    Rarest,
    Target,
    TaskChoice,
    Trial,
    fingerprint,
    protocol,
    stream,
)
from lossbench.plan.installed import import_target
from lossbench.records import provenance
from lossbench.tasks.contract import Fold, Task
from lossbench.training import engine
from lossbench.training.answers import check_answers, choose_output, give_shapes
from lossbench.training.batches import TrainingBatches
from lossbench.training.learner import blamed
from lossbench.training.prepared import PreparedTraining
from lossbench.training.weights import paired_model

_TASKS: dict[str, Task] = {}
"""Loaded tasks by content, so that the cells of a sweep share their data."""
FILES = ("path", "validation", "test")
"""Options of data that name a file: another file, or a changed one, is another task."""


def load_task(choice: TaskChoice, seed: int) -> Task:
    """The task of a cell; data are loaded once per process. Raises InputError and DataError."""
    files = [Path(str(value)).resolve() for key, value in choice.data.items() if key in FILES and value]
    stamps = [(str(path), path.stat().st_mtime_ns) for path in files if path.exists()]
    key = fingerprint([asdict(choice), seed, stamps])
    if key not in _TASKS:
        cls = import_target(choice.target, "task.target")
        more = {"metric_params": choice.metric_params} if choice.metric_params else {}
        _TASKS[key] = cls(data=choice.data, metric=choice.metric, direction=choice.direction, seed=seed, **more)
    return _TASKS[key]


def margins_of(choice: TaskChoice, task: Task) -> dict[str, float]:
    """Margins of equivalence by metric: the task's own, and those that the command sets."""
    given = choice.equivalence
    said = {} if given is None else dict(given) if isinstance(given, Mapping) else {task.metric.name: given}
    unknown = [name for name in said if name not in task.directions()]
    if unknown:
        raise UnknownName("metric", unknown[0], task.directions(), "Change task.equivalence=.")
    usual = {name: margin for name, margin in task.margins().items() if math.isfinite(margin)}
    return {**usual, **said}


def build_model(choice: ModelChoice, inputs: Any, outputs: int) -> nn.Module:
    """Any importable `(inputs, outputs, **params) -> nn.Module`. InputError where it is not one."""
    make = import_target(choice.target, "model.target")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Lazy modules are a new feature")
            model = make(inputs, outputs, **choice.params)
    except Exception as error:
        raise InputError(
            f"model.target={choice.target} cannot be built with ({inputs}, {outputs}, {dict(choice.params)}): {error}"
        ) from error
    if not isinstance(model, nn.Module):
        raise InputError(f"model.target={choice.target} gave a {type(model).__name__}, not an nn.Module.")
    if choice.output is not None:
        choose_output(model, choice.output)
    return model


def misfit(choice: LossChoice, task: Task) -> str | None:
    """Why a loss cannot be used on a task, in a few words; None where it can. PluginError where it is broken."""
    family = catalogue.family_of(choice)
    kind = family.first(task.kinds)
    if kind is None:
        offers, wants = (" or ".join(k.value for k in kinds) for kinds in (family, task.kinds))
        return f"{offers} loss, {wants} task"
    loss = catalogue.build(choice, kind)
    if loss.domain is Domain.NONNEGATIVE and task.card.summary.get("min", 0) < 0:
        return f"needs targets of 0 and above, {task.card.target} goes down to {task.card.summary['min']:g}"
    return None


def settled(cell: Cell) -> Cell:
    """The cell as it is trained: judged by a score that serves its loss, with the batch size that its data call for.

    The batch size is the same for every loss of a contest. Raises DataError where rows cannot be split.
    """
    cell = served(cell)
    if cell.training.batch_size is not None:
        return cell
    task = load_task(cell.task, cell.seed)
    rows = len(task.splits(0).train)
    return replace(cell, training=protocol.by_the_data(cell.training, rows, rarest_of(task)))


def served(cell: Cell) -> Cell:
    """The cell judged by its loss's own score, where it has one and the task's metric rewards another point.

    A quantile chosen by squared error has too little coverage. Such losses form a contest of their own, with no known
    baseline. A metric with a parameter is named with its number.
    """
    task = load_task(cell.task, cell.seed)
    metric = getattr(task, "metric", None)
    if not isinstance(metric, Metric) or getattr(task, "own_metric", None) is not None:
        return cell
    if metric.name != cell.task.metric:
        cell = replace(cell, task=replace(cell.task, metric=metric.name, metric_params=None))
    if metric.target is not Target.NUMBERS or metric.need is not Need.SCORE:
        return cell
    try:
        kind = catalogue.family_of(cell.loss).first(getattr(task, "kinds", ()))
        score = "" if kind is None else catalogue.build(cell.loss, kind).proper_score
    except PluginError:  # its record will report the error
        return cell
    if not score or score == metric.name:
        return cell
    margins = cell.task.equivalence  # margins of the task's metric; those of others stay
    kept = {m.name for m in usual(Target.NUMBERS)}
    margins = {k: v for k, v in margins.items() if k in kept} or None if isinstance(margins, Mapping) else None
    return replace(cell, task=replace(cell.task, metric=score, baseline=None, equivalence=margins))


def predicted_by(task: Task) -> Target:
    """What a task predicts. Where it does not say, its most natural kind of loss does."""
    by_kind = {Kind.CONTINUOUS: Target.NUMBERS, Kind.BINARY: Target.TWO_CLASSES}
    found: Target = getattr(task, "predicts", None) or by_kind.get(task.kinds[0], Target.TAGS)
    return found


def rarest_of(task: Task) -> Rarest | None:
    """A task's rarest class; None if it has no classes, or no `rarest` method."""
    return task.rarest() if hasattr(task, "rarest") else None


def held_of_the_rarest(cell: Cell, task: Task) -> tuple[Rarest, float] | None:
    """The rarest class, and its mean count per batch of a settled cell; None without classes."""
    rarest = rarest_of(task)
    if rarest is None:
        return None
    return rarest, rarest.per_batch(min(cell.training.batch, len(task.splits(0).train)))


def check(cell: Cell) -> None:
    """Raises InputError where a cell's rows cannot be split, its model not be built or its engine not serve."""
    cell = settled(cell)
    task = load_task(cell.task, cell.seed)
    for repeat in range(cell.repeats):
        task.splits(repeat)
    margins_of(cell.task, task)
    fold = task.fold(0)
    model = build_model(cell.model, fold.inputs, 1)
    if any(parameter.requires_grad for parameter in model.parameters()):
        check_answers(model, fold, task.kinds[0], cell.model.target)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise InputError(f"model.target={cell.model.target} has no parameters: there is nothing to train.")
    engine.side_by_side(cell.training, fold, model, cell.trainings)


def fingerprint_of(cell: Cell) -> str:
    """What decides a cell's numbers: the cell, its data, the versions, and the code of loss, task, model and metric."""
    cell = settled(cell)
    task = load_task(cell.task, cell.seed)
    paths = [cell.model.target, cell.task.target, *([cell.task.metric] if is_path(cell.task.metric) else [])]
    code = [catalogue.source(import_target(path, path)) for path in paths]
    try:
        code += catalogue.code_of(cell.loss)
    except PluginError as error:
        code.append(str(error))
    return fingerprint([cell.to_dict(), task.card.digest, provenance.deciding(), code])


class TrainingFactory:
    """Prepares the trainings of one cell; those of one repeat share their rows."""

    def __init__(self, cell: Cell, task: Task, kind: Kind) -> None:
        self.cell, self.task, self.kind = settled(cell), task, kind
        self._folds: dict[tuple[int, Domain, tuple[int, int] | None], Fold] = {}
        self._models: dict[tuple[int, int, tuple[int, int] | None], tuple[nn.Module, str]] = {}

    def prepare(self, trial: Trial, *, shared_model: bool = False) -> PreparedTraining:
        """`shared_model`: the same module for all trials of a repeat, to be read and not to be trained."""
        seed = protocol.repeat_seed(self.cell, trial.repeat, trial.half)
        torch.manual_seed(seed)
        loss = self.loss(trial)  # its own weights, from this repeat's seed
        place = (trial.repeat, loss.domain, trial.half)
        if place not in self._folds:
            task = self.task if trial.half is None else self.task.halved(trial.repeat, *trial.half)  # type: ignore[attr-defined]
            self._folds[place] = task.fold(trial.repeat, loss.domain)
        fold = self._folds[place]
        with blamed("in outputs"):
            outputs = loss.outputs(fold.classes)
        model, weights = self._model(trial, outputs, fold, seed, shared=shared_model)
        batches = TrainingBatches(fold, self.cell.training.batch, seed)
        hashes = {"splits": fold.splits.digest, "weights": weights, "batches": batches.digest}
        with blamed("in observe"):
            loss.observe(_copy(fold.training_target(self.kind)))  # a copy: it may write into them
        for part in loss.modules():  # the losses inside a composite too
            if isinstance(part, Loss):
                part.trusts_targets = True
        return PreparedTraining(trial, model, loss, fold, batches, outputs, seed, hashes)

    def only(self, repeat: int) -> TrainingFactory:
        """Frees the rows and models of all other repeats."""
        self._folds = {place: fold for place, fold in self._folds.items() if place[0] == repeat}
        self._models = {place: model for place, model in self._models.items() if place[0] == repeat}
        return self

    def loss(self, trial: Trial) -> Loss:
        return catalogue.build(replace(self.cell.loss, params=trial.params), self.kind)

    def _model(self, trial: Trial, outputs: int, fold: Fold, seed: int, *, shared: bool) -> tuple[nn.Module, str]:
        build = partial(self._built, fold)
        if not shared:
            return paired_model(build, outputs, stream(seed, "weights"))
        place = (trial.repeat, outputs, trial.half)
        if place not in self._models:
            self._models[place] = paired_model(build, outputs, stream(seed, "weights"))
        return self._models[place]

    def _built(self, fold: Fold, outputs: int) -> nn.Module:
        model = build_model(self.cell.model, fold.inputs, outputs)
        give_shapes(model, fold, self.kind)
        return model


def _copy(target: Tensor | Sequences) -> Tensor | Sequences:
    if isinstance(target, Sequences):
        return Sequences(target.values.clone(), target.lengths.clone())
    return target.clone()
