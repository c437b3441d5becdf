"""One training by itself: a plain model, a plain loss, one of torch's own optimizers. The oracle of the stacks."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from pytorch_lightning.utilities import move_data_to_device
from torch import Tensor, nn

from lossbench.loss import Loss, Prediction, Sequences, check_prediction, reduce, untouched
from lossbench.plan import Part, Penalty, Training
from lossbench.tasks.contract import Fold, Scored
from lossbench.training.batches import PartBatches, TrainingBatches
from lossbench.training.differences import copied
from lossbench.training.learner import Learner, Step, blamed
from lossbench.training.penalties import penalty_of


class Single:
    """A group of one: any model, any task, any precision."""

    def __init__(
        self,
        model: nn.Module,
        loss: Loss,
        fold: Fold,
        batches: TrainingBatches,
        training: Training,
        penalty: Penalty | None = None,
    ) -> None:
        self.model, self.loss, self.fold, self.batches = model, loss, fold, batches
        self.training, self.penalty = training, penalty
        self.module = nn.ModuleList([model, loss])
        self.places = [0]
        self.best: tuple[dict[str, Any], Loss] | None = None

    def optimizer(self) -> torch.optim.Optimizer:
        kind = {"adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}[self.training.optimizer]
        # Only the chosen penalty shrinks weights. Fused, it is the same arithmetic in one call.
        return kind(self.module.parameters(), lr=self.training.learning_rate, weight_decay=0.0, fused=True)

    def advance(self, progress: float) -> None:
        self.loss.advance(progress)

    def order(self, epoch: int) -> Tensor:
        return self.batches.order(epoch)

    def step(self, rows: Tensor, when: str) -> Step:
        batch = _beside(self.model, self.fold.batch(Part.TRAIN, rows.cpu()))
        scored = whole(self.fold.score(self.model, batch, self.loss.kind))
        with blamed(when):
            with untouched(self.loss, scored.output, scored.target):
                losses = self.loss(scored.output, scored.target)
            mean = reduce(losses, scored.weight)
            if not mean.requires_grad:  # such as a set loss on a batch without anything to learn from: gradient 0
                mean = mean + 0.0 * _values(scored.output).sum()
            parts = self.loss.parts()
        means = {name: value.detach().mean().view(1) for name, value in {"": losses, **parts}.items()}
        total = mean if self.penalty is None else mean + penalty_of(self.penalty, self.model, scored.output)
        return Step(total.view(1), means, len(scored.target))

    def descend(self, step: Step, learner: Learner) -> None:
        optimizer: Any = learner.optimizers()
        optimizer.zero_grad()
        learner.manual_backward(step.objective.sum())
        if self.training.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.module.parameters(), self.training.clip_norm)
        optimizer.step()

    def validate(self) -> tuple[list[bool], Callable[[], list[float]]]:
        prediction = predict(self.model, self.loss, self.fold, Part.VALIDATION)
        finite = bool(torch.isfinite(prediction.score).all())
        return [finite], lambda: [self.fold.value(prediction)]

    def remember(self, places: list[int]) -> None:
        if places:
            self.best = (deepcopy(self.model.state_dict()), copied(self.loss).cpu())

    def keep(self, places: list[int]) -> None:
        """A group of one never removes its training before the end."""

    def worth_leaving(self, ended: int) -> bool:
        return False

    def restore_best(self) -> Loss:
        """Restores the weights of the best epoch; returns the loss at that epoch."""
        assert self.best is not None
        self.model.load_state_dict(self.best[0])
        return self.best[1]


@torch.no_grad()
def predict(model: nn.Module, loss: Loss, fold: Fold, part: Part) -> Prediction:
    """Predictions for all rows of a part, on the CPU, by the weights as they are."""
    loss.eval()
    scored = score(model, loss, fold, part)
    with blamed("in predict"):
        prediction = loss.predict(scored.output)
        check_prediction(loss.kind, prediction, scored.output)
    return prediction


@torch.no_grad()
def score(model: nn.Module, loss: Loss, fold: Fold, part: Part) -> Scored:
    """Raw outputs and targets of all rows of a part, on the CPU, by the weights as they are."""
    model.eval()
    return join([fold.score(model, _beside(model, batch), loss.kind) for batch in PartBatches(fold, part)])


def _beside(model: nn.Module, batch: Any) -> Any:
    """A batch on the device where the model is."""
    device = next(model.parameters()).device
    return batch if device.type == "cpu" else move_data_to_device(batch, device)


def whole(scored: Scored) -> Scored:
    """Outputs of a half-precision model as float32, so that the loss is computed precisely."""

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


def _values(output: Any) -> Tensor:
    values: Tensor = output.values if isinstance(output, Sequences) else output
    return values


def _cat(values: list[Any]) -> Any:
    if isinstance(values[0], Sequences):
        return Sequences(_cat([v.values for v in values]), _cat([v.lengths for v in values]))
    return torch.cat([value.detach() for value in values]).cpu()
