"""Runs trainings, stacked or one after the other, and returns the outcome of each.

The choice depends only on shapes, never on timing, so that a cell is trained the same way everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from lossbench.errors import InputError, PluginError
from lossbench.loss import Loss, Prediction
from lossbench.metrics.metric import Direction
from lossbench.plan import Part, Penalty, Training, Trial
from lossbench.tasks.contract import Fold, Scored, StackableFold
from lossbench.training.layers import Unstackable
from lossbench.training.learner import Learner, Trained, fit
from lossbench.training.obstacles import obstacle
from lossbench.training.prepared import PreparedTraining
from lossbench.training.replicas import Replicas
from lossbench.training.single import Single, predict, score

WORTH = 10e6
"""Floating-point operations of a step: above it matrix products dominate, and stacking saves no time."""
WHOLE = ("32", "64", "32-true", "64-true")
"""Precisions without a scaler of gradients, which all replicas would have to share."""


@dataclass(frozen=True)
class Outcome:
    """A finished training."""

    prepared: PreparedTraining
    trained: Trained
    restore: Callable[[], Loss]
    """Restores the weights of its best epoch in its model; returns the loss at that epoch."""
    context: Callable[[], AbstractContextManager[Any]] = nullcontext
    """In which predictions are made, as its epochs were judged."""

    def score(self, loss: Loss, part: Part) -> Scored:
        """Raw outputs and targets of all rows of a part, after `restore`."""
        with self.context():
            return score(self.prepared.model, loss, self.prepared.fold, part)

    def predict(self, loss: Loss, part: Part) -> Prediction:
        """Predictions for all rows of a part, after `restore`."""
        with self.context():
            return predict(self.prepared.model, loss, self.prepared.fold, part)


@dataclass(frozen=True)
class TrainerOptions:
    """What all trainings of a cell have in common."""

    training: Training
    direction: Direction
    penalty: Penalty | None = None
    on_epochs: Callable[[float], None] = lambda epochs: None
    """Called after each epoch with how many epochs of one training that was worth."""
    device: int = 0
    """Which graphics card, where there are several."""


def refusal(training: Training, fold: Fold, model: nn.Module) -> str | None:
    """Why such trainings cannot be stacked; None if they can."""
    if not isinstance(fold, StackableFold):
        return "a row of this task is not a single target, so its batches cannot be stacked"
    if training.precision not in WHOLE:
        return f"replicas train in precision 32 or 64, not {training.precision}"
    return Replicas.refusal(model, fold)


def what_keeps_apart(training: Training, fold: Fold, model: nn.Module, count: int) -> str | None:
    """Which layer of a small model keeps `count` trainings from being stacked; None if no layer does.

    Also None for models too large to gain from stacking, and for tasks whose rows cannot be stacked.
    """
    small = count > 1 and training.engine == "auto" and operations(training, model) <= WORTH
    if not small or training.precision not in WHOLE or not isinstance(fold, StackableFold):
        return None
    return obstacle(model, fold.tensors(Part.TRAIN)[0][:64])


def operations(training: Training, model: nn.Module) -> int:
    """Floating-point operations of a step, roughly."""
    return 6 * sum(parameter.numel() for parameter in model.parameters()) * training.batch


def side_by_side(training: Training, fold: Fold, model: nn.Module, count: int) -> bool:
    """Whether to train `count` trainings of this model as one stack; depends only on names and shapes.

    Raises InputError if `training.engine=replicas` asks for an impossible stack.
    """
    if training.engine == "sequential":
        return False
    if training.engine == "replicas":
        if why := refusal(training, fold, model):
            raise InputError(f"training.engine=replicas: {why}. Leave it at auto, or say sequential.")
        return True
    return count > 1 and operations(training, model) <= WORTH and refusal(training, fold, model) is None


def train(
    prepare: Callable[..., PreparedTraining], trials: Sequence[Trial], options: TrainerOptions, *, stacked: bool
) -> Iterator[Outcome]:
    """The outcomes of trials in their order."""
    if stacked:
        return as_stacks([prepare(trial, shared_model=True) for trial in trials], options, prepare)
    return one_by_one((prepare(trial) for trial in trials), options)


def one_by_one(trainings: Iterator[PreparedTraining], options: TrainerOptions) -> Iterator[Outcome]:
    """Each training by itself; the next one starts when the caller asks for it."""
    for prepared in trainings:
        choice = replace(options.training, learning_rate=prepared.trial.learning_rate)
        single = Single(prepared.model, prepared.loss, prepared.fold, prepared.batches, choice, options.penalty)
        learner = Learner(single, choice, options.direction, lambda epoch: options.on_epochs(1.0))
        (trained,) = fit(learner, prepared.seed, options.device)
        yield Outcome(prepared, trained, single.restore_best, learner.trainer.precision_plugin.forward_context)


def as_stacks(
    trainings: Sequence[PreparedTraining], options: TrainerOptions, again: Callable[[Trial], PreparedTraining]
) -> Iterator[Outcome]:
    """All trainings side by side, those of equal shapes in one stack; outcomes in the order of the trainings.

    again: prepares a training once more. If a loss breaks in a stack, its trainings are run one by one, so that only
    the training of that loss fails.
    """
    groups: dict[Any, list[int]] = {}
    for place, prepared in enumerate(trainings):
        groups.setdefault(_shape(prepared), []).append(place)
    found: dict[int, Outcome] = {}
    for places in groups.values():
        members = [trainings[place] for place in places]
        try:
            outcomes = list(_stacked(members, options))
        except (PluginError, Unstackable):
            outcomes = list(one_by_one((again(prepared.trial) for prepared in members), options))
        found |= dict(zip(places, outcomes, strict=True))
    yield from (found[place] for place in range(len(trainings)))


def _stacked(members: Sequence[PreparedTraining], options: TrainerOptions) -> Iterator[Outcome]:
    stack = Replicas(members, options.training, options.penalty)
    learner = Learner(stack, options.training, options.direction, lambda epoch: options.on_epochs(float(len(members))))
    for number, trained in enumerate(fit(learner, members[0].seed, options.device)):
        yield Outcome(members[number], trained, _restorer(stack, number, members[number]))


def _restorer(stack: Replicas, number: int, prepared: PreparedTraining) -> Callable[[], Loss]:
    return lambda: stack.restore_best(number, prepared.model, prepared.loss)


def _shape(prepared: PreparedTraining) -> tuple[Any, ...]:
    """Trainings in which this is equal fit into one stack."""
    tensors = [tuple(tensor.shape) for tensor in prepared.fold.tensors(Part.TRAIN)]  # type: ignore[attr-defined]
    rows = (len(prepared.fold.splits.train), len(prepared.fold.splits.validation))
    return (prepared.outputs, rows, *tensors[0][1:], *(tuple(p.shape) for p in prepared.model.parameters()))
