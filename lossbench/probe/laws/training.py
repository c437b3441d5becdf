"""A loss in real training: by the framework itself, with a model that is only a constant."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lossbench.data.splits import Splits
from lossbench.loss import Kind, Loss, Prediction, Sequences
from lossbench.metrics.metric import Direction
from lossbench.plan import Part, Training
from lossbench.probe.law import Break, law
from lossbench.probe.laws.meaning import ATOMS, MASS, least
from lossbench.probe.subject import Batch, Subject, seeded, value
from lossbench.tasks.contract import Scored
from lossbench.training.batches import TrainingBatches
from lossbench.training.learner import Learner, fit
from lossbench.training.single import Single

STEPS = 50
"""Steps per epoch, each over all rows."""
COURSE = ((0.05, 40), (0.005, 20))
"""Learning rates and their numbers of epochs."""
EXCESS = 1e-3


@law("Training finds the best constant.")
def intercept_is_found(subject: Subject) -> Break | None:
    """One number per output, trained by the framework (AdamW) on targets of known frequencies, ends with a mean loss
    within 1e-3 of the smallest that a search finds, relative to 1 plus its size. If only the sign is elicited, whose
    best constant is infinite, it ends with the most likely label."""
    loss, batch = subject.loss(torch.float32), _frequencies(subject)
    model = Intercept(batch.values.shape[1:].numel() if batch.values.ndim > 1 else 0)
    fold = ConstantFold(batch)
    for rate, epochs in COURSE:
        choice = Training(
            max_epochs=epochs,
            batch_size=len(batch),
            patience=None,
            learning_rate=rate,
            optimizer="adamw",
            accelerator="cpu",
            devices=1,
            precision="32",
            engine="sequential",
        )
        single = Single(model, loss, fold, WholeBatches(fold, len(batch), 0), choice)  # type: ignore[arg-type]
        (trained,) = fit(Learner(single, choice, Direction.MIN, lambda epoch: None), 0)
        if trained.diverged is not None:
            return Break(f"The training diverged: {trained.diverged}.")
        loss = single.restore_best().train()  # in the state in which it was evaluated
    loss.double().eval()
    reached = _risk(loss, batch, model.bias.detach().double())
    best = _least(loss, batch, model.bias.detach().double())
    excess = (reached - best) / (1 + abs(best))
    if excess <= EXCESS or (subject.told.elicits == "sign" and _likeliest(loss, batch, model.bias.detach().double())):
        return None
    return Break(
        f"Trained to {[float(f'{x:.4g}') for x in model.bias.detach().view(-1).tolist()]}, its mean loss is "
        f"{reached:.6g}, while {best:.6g} is possible."
    )


def _frequencies(subject: Subject) -> Batch:
    """Targets of known frequencies; only the shape of the outputs matters."""
    columns = subject.columns()
    match subject.kind:
        case Kind.CONTINUOUS:
            target = torch.cat([torch.full((round(100 * m),), y) for y, m in zip(ATOMS, MASS, strict=True)])
            shape = (len(target),) if columns == 1 else (len(target), columns)
            return Batch(torch.zeros(shape), target)
        case Kind.BINARY:
            return Batch(torch.zeros(20), (torch.arange(20) < 6).float())
        case Kind.CLASSES:
            return Batch(torch.zeros(20, columns), torch.tensor([0] * 10 + [1] * 6 + [2] * 4))
        case Kind.SEQUENCES:
            target = torch.tensor([0, 0, 1, 0, 2, 0, 1, 0, 0, 2])
            return Batch(torch.zeros(10, columns), target, torch.tensor([1, 2, 3, 4]))


class Intercept(nn.Module):
    """The same raw outputs for every row."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        with seeded(0):
            self.bias = nn.Parameter(0.1 * torch.randn(outputs) if outputs else torch.zeros(()))

    def forward(self, rows: Tensor) -> Tensor:
        return self.bias.expand(len(rows), *self.bias.shape)


class ConstantFold:
    """Targets without features, in one batch; the last epoch counts as the best."""

    inputs: Any = None
    classes = 1

    def __init__(self, whole: Batch) -> None:
        self.whole, self.judged = whole, 0
        rows = np.arange(len(whole))
        self.splits = Splits(rows, rows, rows)

    def batch(self, part: Part, rows: Tensor) -> Tensor:
        return rows

    def score(self, model: nn.Module, batch: Tensor, kind: Kind) -> Scored:
        shown = self.whole.take(batch.tolist())
        values = model(shown.target)
        output = values if shown.lengths is None else Sequences(values, shown.lengths)
        return Scored(output, shown.targets)

    def value(self, prediction: Prediction) -> float:
        self.judged += 1
        return -float(self.judged)


class WholeBatches(TrainingBatches):
    """All rows in every batch, many batches per epoch."""

    def order(self, epoch: int) -> Tensor:
        return torch.arange(self.size).repeat(STEPS)


def _risk(loss: Loss, batch: Batch, bias: Tensor) -> float:
    values = bias.expand(len(batch.target), *bias.shape)
    return float(value(loss, batch.to(torch.double).with_values(values)).mean())


def _likeliest(loss: Loss, batch: Batch, bias: Tensor) -> bool:
    label = loss.predict(bias.expand(1, *bias.shape)).label
    return label is not None and int(label[0]) == int(batch.target.long().bincount().argmax())


def _least(loss: Loss, batch: Batch, bias: Tensor) -> float:
    """The smallest mean loss of a constant, by search from the end of training and from other points."""
    if loss.kind is Kind.CONTINUOUS:
        return min(_risk(loss, batch, torch.from_numpy(np.asarray(least(loss, ATOMS, MASS)))), _risk(loss, batch, bias))
    if loss.kind is Kind.BINARY:
        return min(_risk(loss, batch, z) for z in torch.linspace(-30, 30, 2401, dtype=torch.double))
    found = [_risk(loss, batch, bias)]
    for start in (bias, torch.zeros_like(bias)):
        constant = start.clone().requires_grad_()
        optimizer = torch.optim.LBFGS([constant], max_iter=300, line_search_fn="strong_wolfe")

        def closure(constant: Tensor = constant, optimizer: torch.optim.Optimizer = optimizer) -> Tensor:
            optimizer.zero_grad()
            values = constant.expand(len(batch.target), *constant.shape)
            total = loss(replace(batch, values=values).output, batch.targets).mean()
            total.backward()
            return total

        optimizer.step(closure)
        if torch.isfinite(constant).all():
            found.append(_risk(loss, batch, constant.detach()))
    return min(found)
