"""The one LightningModule: it learns, and keeps the weights of its best epoch, whatever loss and task it holds."""

from __future__ import annotations

import logging
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import lightning.pytorch as lightning
import torch
from torch import Tensor, nn

from lossbench.errors import PluginError
from lossbench.loss import Loss, Prediction, Sequences, check_prediction, reduce
from lossbench.plan import Penalty, Training
from lossbench.regularizer import penalty_of
from lossbench.task import Direction, Fold, Part, Scored
from lossbench.training.batches import PartBatches, TrainingBatches


@dataclass
class Trained:
    """What one training left: its curves, its best epoch, and why it stopped if it did not end well."""

    train_loss: list[float] = field(default_factory=list)
    """The mean loss a target, per epoch, penalties left out; in the loss's own unit."""
    validation: list[float] = field(default_factory=list)
    """The task's metric on validation data, per epoch."""
    parts: dict[str, list[float]] = field(default_factory=dict)
    """Of a composite: each term's mean per epoch."""
    best_epoch: int | None = None
    seconds: float = 0.0
    diverged: str | None = None


class Learner(lightning.LightningModule):
    """Model and loss, trained together; the loss may have parameters of its own."""

    def __init__(
        self,
        model: nn.Module,
        loss: Loss,
        fold: Fold,
        training: Training,
        direction: Direction,
        penalty: Penalty | None = None,
        on_epoch: Callable[[int], None] | None = None,
    ) -> None:
        super().__init__()
        self.model, self.loss, self.fold = model, loss, fold
        self.training_choice, self.direction, self.penalty = training, direction, penalty
        self.on_epoch = on_epoch
        self.trained = Trained()
        self._best: tuple[dict[str, Any], dict[str, Any]] | None = None
        self._sums: dict[str, float] = {}
        self._targets = 0
        self._scored: list[Scored] = []

    def configure_optimizers(self) -> torch.optim.Optimizer:
        kind = {"adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}[self.training_choice.optimizer]
        # Only the penalty that was asked for shrinks weights.
        return kind(self.parameters(), lr=self.training_choice.learning_rate, weight_decay=0.0)

    def on_train_epoch_start(self) -> None:
        self._sums, self._targets = {}, 0
        with blamed("as an epoch began"):
            self.loss.advance(self.current_epoch / max(1, self.training_choice.max_epochs - 1))

    def training_step(self, batch: Any, index: int) -> Tensor | None:
        if self.trained.diverged:
            return None  # Lightning ends the training with the epoch
        scored = whole(self.fold.score(self.model, batch, self.loss.kind))
        with blamed(f"in step {self.global_step}"):
            losses = self.loss(scored.output, scored.target)
            mean = reduce(losses, scored.weight)
            parts = self.loss.parts()
        n = len(scored.target)
        self._targets += n
        for name, value in {"": losses, **parts}.items():
            self._sums[name] = self._sums.get(name, 0.0) + float(value.detach().mean()) * n
        total = mean if self.penalty is None else mean + penalty_of(self.penalty, self.model, scored.output)
        if not torch.isfinite(total):
            self._stop(f"the loss became {float(total.detach()):g} in step {self.global_step}")
            return None
        return total

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        with blamed(f"in the gradient of step {self.global_step}"):
            loss.backward()

    def validation_step(self, batch: Any, index: int) -> None:
        self._scored.append(self.fold.score(self.model, batch, self.loss.kind))

    def on_validation_epoch_end(self) -> None:
        scored, self._scored = join(self._scored), []
        if self.trained.diverged:
            return
        prediction = self._predicted(scored)
        if not torch.isfinite(prediction.score).all():
            self._stop(f"the outputs became infinite or NaN in epoch {self.current_epoch}")
            return
        value = self.fold.value(prediction)
        trained = self.trained
        trained.validation.append(value)
        for name, total in self._sums.items():
            curve = trained.parts.setdefault(name, []) if name else trained.train_loss
            curve.append(total / max(self._targets, 1))
        best = trained.validation[trained.best_epoch] if trained.best_epoch is not None else float("nan")
        if self.direction.better(value, best):
            trained.best_epoch = self.current_epoch
            self._best = (deepcopy(self.model.state_dict()), deepcopy(self.loss.state_dict()))
        patience = self.training_choice.patience
        if patience is not None and self.current_epoch - (trained.best_epoch or 0) >= patience:
            self.trainer.should_stop = True
        if self.on_epoch:
            self.on_epoch(self.current_epoch)

    def restore_best(self) -> None:
        """Puts the weights of the best epoch back, of the model and of the loss."""
        assert self._best is not None
        self.model.load_state_dict(self._best[0])
        self.loss.load_state_dict(self._best[1])

    @torch.no_grad()
    def predict_part(self, part: Part) -> Prediction:
        """Predictions for all rows of a part, on the CPU, by the weights as they are."""
        self.eval()
        with self.trainer.precision_plugin.forward_context():  # as its epochs were judged
            batches = PartBatches(self.fold, part)
            scored = join([self.fold.score(self.model, batch, self.loss.kind) for batch in batches])
        return self._predicted(scored)

    def _predicted(self, scored: Scored) -> Prediction:
        with blamed("in predict"):
            prediction = self.loss.predict(scored.output)
            check_prediction(self.loss.kind, prediction, scored.output)
        return prediction

    def _stop(self, why: str) -> None:
        self.trained.diverged = self.trained.diverged or why
        self.trainer.should_stop = True


def fit(learner: Learner, batches: TrainingBatches, seed: int) -> Trained:
    """Trains to the last epoch, or until patience ends or the loss diverges. Ctrl-C comes out as KeyboardInterrupt."""
    choice = learner.training_choice
    _quiet()
    trainer = lightning.Trainer(
        max_epochs=choice.max_epochs,
        accelerator=choice.accelerator,
        devices=choice.devices,
        precision=choice.precision,  # type: ignore[arg-type]  # Lightning checks it
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        inference_mode=False,
    )
    batches.epoch = lambda: learner.current_epoch
    torch.manual_seed(seed)  # dropout, and whatever else a model draws while it trains
    handler = signal.getsignal(signal.SIGINT)
    start = time.perf_counter()
    try:
        trainer.fit(learner, batches, PartBatches(learner.fold, Part.VALIDATION))
    except SystemExit as error:  # Lightning's answer to Ctrl-C
        raise KeyboardInterrupt from error
    finally:
        signal.signal(signal.SIGINT, handler)
        learner.trained.seconds = time.perf_counter() - start
        learner.cpu()
    if trainer.interrupted:
        raise KeyboardInterrupt
    if learner.trained.diverged is None and learner.trained.best_epoch is None:
        learner.trained.diverged = "no epoch had a finite validation metric"
    return learner.trained


def whole(scored: Scored) -> Scored:
    """Outputs of a half-precision model in float32: a loss judges what the model says, in digits to judge it by."""

    def full(values: Any) -> Any:
        if isinstance(values, Sequences):
            return Sequences(full(values.values), values.lengths)
        return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values

    return Scored(full(scored.output), full(scored.target), scored.weight)


def join(pieces: list[Scored]) -> Scored:
    """Scored batches one after the other, detached, on the CPU, half precision made whole."""
    pieces = [whole(piece) for piece in pieces]
    outputs, targets = [p.output for p in pieces], [p.target for p in pieces]
    weights = [p.weight for p in pieces if p.weight is not None]
    return Scored(_cat(outputs), _cat(targets), torch.cat(weights).cpu() if weights else None)


def _cat(values: list[Any]) -> Any:
    if isinstance(values[0], Sequences):
        return Sequences(_cat([v.values for v in values]), _cat([v.lengths for v in values]))
    return torch.cat([value.detach() for value in values]).cpu()


@contextmanager
def blamed(when: str) -> Iterator[None]:
    """Whatever a loss raises is its own: a PluginError that says when."""
    try:
        yield
    except PluginError:
        raise
    except Exception as error:
        raise PluginError(f"broke {when}: {type(error).__name__}: {error}") from error


def _quiet() -> None:
    for name in ("lightning.pytorch", "lightning.fabric", "pytorch_lightning"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"lightning\..*")
    warnings.filterwarnings("ignore", message=".*isinstance.treespec.*")


__all__ = ["Learner", "Trained", "blamed", "fit", "join"]
