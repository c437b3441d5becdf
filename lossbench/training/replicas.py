"""Many trainings in one: every trial of every repeat of a cell is a replica, row r of every tensor.

Replicas never touch one another: the gradient of the sum of their losses is each one's own gradient. Their numbers are
those of a training alone up to rounding (see `Single`, the oracle), whatever else is in the stack.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lossbench.loss import Loss, Prediction
from lossbench.plan import Part, Penalty, Training
from lossbench.tasks.contract import Fold, StackableFold
from lossbench.training.differences import copied
from lossbench.training.layers import Unstackable, stack_models
from lossbench.training.learner import Learner, Step, blamed
from lossbench.training.objectives import Calling, Objectives
from lossbench.training.obstacles import obstacle
from lossbench.training.optimizers import OPTIMIZERS, StackedOptimizer
from lossbench.training.penalties import penalties_of, weights
from lossbench.training.prepared import PreparedTraining

FEWEST = 4
"""The fewest rows of a stack, filled up with unused copies: below it matrix kernels round differently."""
LEAVING = 8
"""A stack is made smaller once one in this many of its trainings has ended."""


class Replicas:
    """A group of replicas of one shape, all on rows of the same numbers and kinds."""

    def __init__(
        self, replicas: Sequence[PreparedTraining], training: Training, penalty: Penalty | None = None
    ) -> None:
        """Raises Unstackable where the model cannot take many batches at once."""
        filled = [*replicas, *[replicas[-1]] * (FEWEST - len(replicas))]
        self.places = [place if place < len(replicas) else -1 for place in range(len(filled))]
        self.training, self.penalty = training, penalty
        self.folds = [_stackable(replica.fold) for replica in filled]
        dtype = torch.double if training.precision.startswith("64") else torch.float32
        features, _ = self.folds[0].tensors(Part.TRAIN)
        models = {id(r.model): deepcopy(r.model).to(dtype) for r in filled}
        model = stack_models([models[id(r.model)] for r in filled], features[:64], [r.batches.seed for r in filled])
        if model is None:
            raise Unstackable(f"{type(filled[0].model).__name__} cannot take the batches of many trainings at once")
        self.model = model
        self.shrunk = [name for name, _ in weights(filled[0].model)]
        # Replicas of one fold share their rows, so these are kept once per fold.
        distinct = list({id(r.fold): r for r in filled}.values())
        self.batches = [r.batches for r in distinct]
        self.which = torch.tensor([[id(d.fold) for d in distinct].index(id(r.fold)) for r in filled])
        self.rows = {
            part: Rows.of([_stackable(r.fold) for r in distinct], part, dtype) for part in (Part.TRAIN, Part.VALIDATION)
        }
        losses = [copied(r.loss).to(dtype) for r in filled]
        self.objectives = Objectives(losses, self.rows[Part.TRAIN].target[self.which], filled[0].outputs)
        self.module = nn.ModuleList([self.model, self.objectives])
        self.rates = torch.tensor([r.trial.learning_rate for r in filled], dtype=torch.double)
        self.measure = self.folds[0].measure(self.folds)
        self.best: dict[str, Tensor] = {}
        """The best weights of each training [trainings, ...], by the names of the model's and the losses' tensors."""
        self.losses: dict[int, Loss] = {}
        """The losses as they were at their trainings' best epochs, where epochs or calls may change them."""

    @staticmethod
    def refusal(model: nn.Module, fold: StackableFold) -> str | None:
        """Why such models cannot be stacked; None if they can."""
        features, _ = fold.tensors(Part.TRAIN)
        if stack_models([model], features[:64], [0]) is None:
            what = f"{type(model).__name__} cannot take the batches of many trainings at once"
            return f"{what}: {obstacle(model, features[:64])} keeps it from stacking"
        return None

    def optimizer(self) -> StackedOptimizer:
        learned = [*self.model.parameters(), *self.objectives.learned.parameters()]
        parameters = [parameter for parameter in learned if parameter.requires_grad]
        device = parameters[0].device
        self.rows = {part: rows.to(device) for part, rows in self.rows.items()}
        self.which = self.which.to(device)
        self.objectives.arrange()
        self.descent = OPTIMIZERS[self.training.optimizer](parameters, self.rates, self.training.clip_norm)
        return self.descent

    def advance(self, progress: float) -> None:
        self.objectives.advance(progress)

    def order(self, epoch: int) -> Tensor:
        """[R, n] of all folds' rows, one fold after the other."""
        orders = torch.stack([batches.order(epoch) for batches in self.batches])
        first = torch.arange(len(orders)).unsqueeze(1) * orders.shape[1]
        return (orders + first)[self.which.cpu()]

    def step(self, rows: Tensor, when: str) -> Step:
        features, target = self.rows[Part.TRAIN].at(rows)
        output = self._output(features)
        with blamed(when):
            means, parts = self.objectives(output, target)
        total = means
        if self.penalty is not None:
            tensors = self.model.tensors()
            total = means + penalties_of(self.penalty, [tensors[name] for name in self.shrunk], output)
        return Step(total, {"": means.detach(), **parts}, rows.shape[1])

    def descend(self, step: Step, learner: Learner) -> None:
        self.descent.backward(step.objective.sum())
        self.descent.descend()

    @torch.no_grad()
    def validate(self) -> tuple[list[bool], Callable[[], list[float]]]:
        output = self._output(self.rows[Part.VALIDATION].features[self.which])
        with blamed("in predict"):
            prediction = self.objectives.predict(output)
        finite = torch.isfinite(prediction.score).flatten(1).all(1)
        harmless = _without(prediction, ~finite)
        return finite.tolist(), lambda: self.measure(harmless).tolist()

    @torch.no_grad()
    def remember(self, places: list[int]) -> None:
        numbers = [self.places[place] for place in places]
        for name, tensor in self._tensors().items():
            if name not in self.best:
                self.best[name] = torch.zeros(max(self.places) + 1, *tensor.shape[1:], dtype=tensor.dtype)
            self.best[name][numbers] = tensor[places].cpu()
        if self.objectives.calling is Calling.APART or self.objectives.changing:
            losses = [self.objectives.losses[place] for place in places]
            self.losses |= {number: copied(loss) for number, loss in zip(numbers, losses, strict=True)}

    def keep(self, places: list[int]) -> None:
        here = set(places)
        others = [place for place in range(len(self.places)) if place not in here]
        chosen = torch.tensor(sorted([*places, *others[: max(0, FEWEST - len(places))]]))
        self.places = [self.places[place] if place in here else -1 for place in chosen.tolist()]
        self.folds = [self.folds[place] for place in chosen.tolist()]
        self.measure = self.folds[0].measure(self.folds)
        self.which = self.which[chosen.to(self.which.device)]
        self.descent.keep(chosen.to(self.which.device))
        self.model.keep(chosen)
        self.objectives.keep(chosen)

    def worth_leaving(self, ended: int) -> bool:
        return len(self.places) > FEWEST and ended * LEAVING >= len(self.places)

    def restore_best(self, number: int, model: nn.Module, loss: Loss) -> Loss:
        """Loads the weights of a training's best epoch into a model; returns the loss at that epoch.

        loss: as it was before the training.
        """
        own = {name: stack[number] for name, stack in self.best.items()}
        dtype = next(iter(own.values())).dtype
        model.to(dtype).load_state_dict({n.removeprefix(MODEL): t for n, t in own.items() if n.startswith(MODEL)})
        learned = {n.removeprefix(LOSS): t for n, t in own.items() if n.startswith(LOSS)}
        restored = self.losses.get(number, loss).to(dtype)
        restored.load_state_dict({**restored.state_dict(), **learned})
        return restored

    def _tensors(self) -> dict[str, Tensor]:
        model = {f"{MODEL}{name}": tensor for name, tensor in self.model.tensors().items()}
        return {**model, **{f"{LOSS}{name}": tensor for name, tensor in self.objectives.tensors().items()}}

    def _output(self, features: Tensor) -> Tensor:
        output = self.model(features)
        return output.squeeze(2) if output.ndim == 3 and output.shape[2] == 1 else output


@dataclass(frozen=True)
class Rows:
    """The rows of a part of several folds, one fold after the other."""

    features: Tensor
    """[folds, n, ...]"""
    target: Tensor
    """[folds, n]"""

    @classmethod
    def of(cls, folds: Sequence[StackableFold], part: Part, dtype: torch.dtype) -> Rows:
        features, target = (torch.stack(tensors) for tensors in zip(*(f.tensors(part) for f in folds), strict=True))
        real = target.is_floating_point()
        return cls(
            features.to(dtype) if features.is_floating_point() else features, target.to(dtype) if real else target
        )

    def at(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The rows [R, batch], numbered through all folds, as R batches."""
        places = rows.flatten()
        return (
            self.features.flatten(0, 1).index_select(0, places).unflatten(0, rows.shape),
            self.target.flatten().index_select(0, places).view(rows.shape),
        )

    def to(self, device: torch.device) -> Rows:
        return Rows(self.features.to(device), self.target.to(device))


def _without(prediction: Prediction, bad: Tensor) -> Prediction:
    """Zeros for replicas with non-finite outputs, so that metrics never see NaN."""
    if not bad.any():
        return prediction

    def cleared(values: Tensor) -> Tensor:
        return torch.where(bad.view(-1, *[1] * (values.ndim - 1)), torch.zeros_like(values), values)

    return prediction.each(cleared)


def _stackable(fold: Fold) -> StackableFold:
    if not isinstance(fold, StackableFold):
        raise Unstackable("a row of this task is not a single target, so its batches cannot be stacked")
    return fold


MODEL, LOSS = "model.", "loss."
