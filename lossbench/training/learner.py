"""The one LightningModule, for one training or a stack: it counts epochs, keeps the best and stops early.

A Lightning batch is an epoch: the order of its rows. Steps are taken inside `training_step`, since for small models
Lightning's overhead costs more than a step.
"""

from __future__ import annotations

import logging
import signal
import statistics
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import pytorch_lightning
import torch
from torch import Tensor, nn

from lossbench.errors import PluginError
from lossbench.metrics.metric import Direction
from lossbench.plan import Training


@dataclass
class Trained:
    """The result of one training: its curves, its best epoch, and why it failed if it did."""

    train_loss: list[float] = field(default_factory=list)
    """The mean loss per target in each epoch, without penalties; in the loss's own unit."""
    validation: list[float] = field(default_factory=list)
    """The task's metric on validation data, per epoch."""
    parts: dict[str, list[float]] = field(default_factory=dict)
    """Of a composite: each term's mean per epoch."""
    best_epoch: int | None = None
    seconds: float = 0.0
    """Wall clock; of trainings that go on side by side, an equal share of their time."""
    step_seconds: float | None = None
    """Wall clock of one optimizer step, the median over epochs, without start-up and validation; shared likewise."""
    diverged: str | None = None


@dataclass(frozen=True)
class Step:
    """The losses of R trainings on one batch each."""

    objective: Tensor
    """[R] what is minimised: mean loss plus penalty, with its gradient."""
    means: Mapping[str, Tensor]
    """[R] without gradient: the mean loss under "", a composite's terms by name."""
    targets: int


class Group(Protocol):
    """Trainings that go on side by side: one by itself, or a stack of replicas.

    Each has an index, 0 .. R-1. `keep` changes the indices; the group tracks which training is at which.
    """

    @property
    def module(self) -> nn.Module:
        """Everything that has weights."""
        ...

    places: list[int]
    """At each place, the number of the training that is there, or -1 for one that only fills a stack."""

    def optimizer(self) -> torch.optim.Optimizer: ...

    def advance(self, progress: float) -> None:
        """Passes the progress of the training, from 0 to 1, to the losses."""
        ...

    def order(self, epoch: int) -> Tensor:
        """The rows of an epoch as they are seen: int64 [n] or [R, n], to be cut into batches."""
        ...

    def step(self, rows: Tensor, when: str) -> Step:
        """The losses of a batch; `when` goes into the error of a loss that breaks."""
        ...

    def descend(self, step: Step, learner: Learner) -> None:
        """Gradients, and one step of the optimizer."""
        ...

    def validate(self) -> tuple[list[bool], Callable[[], list[float]]]:
        """Whether the outputs of each place are finite, and a function that gives the task's metric of each."""
        ...

    def remember(self, places: list[int]) -> None:
        """Keeps the weights at these indices as their trainings' best so far."""
        ...

    def keep(self, places: list[int]) -> None:
        """Keeps the trainings at these indices; the others have ended."""
        ...

    def worth_leaving(self, ended: int) -> bool:
        """Whether removing this many ended trainings saves time."""
        ...


class Learner(pytorch_lightning.LightningModule):
    """Trains a group to the last epoch, or until the patience of every training in it has ended."""

    def __init__(
        self,
        group: Group,
        training: Training,
        direction: Direction,
        on_epoch: Callable[[int], None] | None = None,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.group, self.weights = group, group.module
        self.training_choice, self.direction = training, direction
        self.on_epoch = on_epoch
        self.trained = [Trained() for number in group.places if number >= 0]
        self._step_seconds: list[float] = []
        self._before = 0
        """Steps in the epochs before this one."""

    @property
    def step_seconds(self) -> float | None:
        return statistics.median(self._step_seconds) if self._step_seconds else None

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return self.group.optimizer()

    def on_train_epoch_start(self) -> None:
        with blamed("as an epoch began"):
            self.group.advance(self.current_epoch / max(1, self.training_choice.max_epochs - 1))

    def training_step(self, order: Tensor, index: int) -> None:
        """One epoch over the rows in `order` [..., n]."""
        self._steps: list[Step] = []
        start = time.perf_counter()
        for rows in order.split(self.training_choice.batch, dim=-1):
            number = self._before + len(self._steps)
            step = self.group.step(rows, f"in step {number}")
            self._steps.append(Step(step.objective.detach(), step.means, step.targets))
            if not torch.isfinite(step.objective).any():
                return  # no training can continue
            with blamed(f"in the gradient of step {number}"):
                self.group.descend(step, self)
        self._step_seconds.append((time.perf_counter() - start) / len(self._steps) / len(self.group.places))

    def validation_step(self, batch: Any, index: int) -> None:
        """Ends an epoch: finds trainings that diverged, have a new best, or are out of patience."""
        self._look_for_infinities()
        if not all(self._ended(place) for place in range(len(self.group.places))):
            sound, values = self.group.validate()
            for place in [place for place, finite in enumerate(sound) if not finite]:
                self._diverged(place, f"the outputs became infinite or NaN in epoch {self.current_epoch}")
            going = [place for place in range(len(sound)) if not self._ended(place)]
            if going:
                self._judge(going, values())
            if self.on_epoch:
                self.on_epoch(self.current_epoch)
        self._before += len(self._steps)
        self._let_go()

    def _look_for_infinities(self) -> None:
        infinite = ~torch.isfinite(torch.stack([step.objective for step in self._steps]))
        for place in torch.nonzero(infinite.any(0)).flatten().tolist():
            first = int(infinite[:, place].nonzero()[0])
            value = float(self._steps[first].objective[place])
            self._diverged(place, f"the loss became {value:g} in step {self._before + first}")

    def _judge(self, going: list[int], values: list[float]) -> None:
        """Updates curves and best epochs of the trainings that continue."""
        better, targets = [], sum(step.targets for step in self._steps)
        means: dict[str, list[float]] = {
            name: (torch.stack([s.means[name].double() * s.targets for s in self._steps]).sum(0) / targets).tolist()
            for name in self._steps[0].means
        }
        for place in going:
            trained, value = self.trained[self.group.places[place]], values[place]
            best = trained.validation[trained.best_epoch] if trained.best_epoch is not None else float("nan")
            trained.validation.append(value)
            for name, curve in means.items():
                (trained.parts.setdefault(name, []) if name else trained.train_loss).append(curve[place])
            if self.direction.better(value, best):
                trained.best_epoch = self.current_epoch
                better.append(place)
        self.group.remember(better)

    def _let_go(self) -> None:
        """Removes ended trainings if that saves time; the group ends with its last training."""
        going = [place for place in range(len(self.group.places)) if not self._ended(place)]
        if not going:
            self.trainer.should_stop = True
        elif self.group.worth_leaving(len(self.group.places) - len(going)):
            self.group.keep(going)

    def _ended(self, place: int) -> bool:
        number = self.group.places[place]
        if number < 0:
            return True
        trained, patience = self.trained[number], self.training_choice.patience
        waited = len(trained.validation) - 1 - (trained.best_epoch or 0)
        return trained.diverged is not None or (patience is not None and waited >= patience)

    def _diverged(self, place: int, why: str) -> None:
        if not self._ended(place):
            self.trained[self.group.places[place]].diverged = why


class Epochs:
    """Lightning's view of the training rows: one batch, the order of the epoch."""

    def __init__(self, order: Callable[[], Tensor]) -> None:
        self.order = order

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[Tensor]:
        yield self.order()


def fit(learner: Learner, seed: int, device: int = 0) -> list[Trained]:
    """Trains a group on one device; returns a result per training. Ctrl-C raises KeyboardInterrupt."""
    choice = learner.training_choice
    _quiet()
    trainer = pytorch_lightning.Trainer(
        max_epochs=choice.max_epochs,
        accelerator=choice.accelerator,
        devices=[device] if choice.accelerator in ("gpu", "cuda") else 1,
        precision=choice.precision,  # type: ignore[arg-type]  # Lightning checks it
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        inference_mode=False,
    )
    torch.manual_seed(seed)  # dropout, and whatever else a model draws while it trains
    handler = signal.getsignal(signal.SIGINT)
    start = time.perf_counter()
    try:
        epochs = Epochs(lambda: learner.group.order(learner.current_epoch))
        trainer.fit(learner, epochs, [0])  # all validation rows are one batch: the group knows them
    except SystemExit as error:  # Lightning's answer to Ctrl-C
        raise KeyboardInterrupt from error
    finally:
        signal.signal(signal.SIGINT, handler)
    if trainer.interrupted:
        raise KeyboardInterrupt
    seconds = (time.perf_counter() - start) / len(learner.trained)
    for trained in learner.trained:
        trained.seconds, trained.step_seconds = seconds, learner.step_seconds
        if trained.diverged is None and trained.best_epoch is None:
            trained.diverged = "no epoch had a finite validation metric"
    return learner.trained


@contextmanager
def blamed(when: str) -> Iterator[None]:
    """Turns any error of a loss into a PluginError that says when it occurred."""
    try:
        yield
    except PluginError:
        raise
    except Exception as error:
        raise PluginError(f"broke {when}: {type(error).__name__}: {error}") from error


def _quiet() -> None:
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"(pytorch_lightning|lightning_fabric)\..*")
    warnings.filterwarnings("ignore", message=".*isinstance.treespec.*")
    warnings.filterwarnings("ignore", message="There is a performance drop because we have not yet implemented")
