"""One step of one training: its memory and its time."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from copy import deepcopy

import torch
from torch import Tensor

from lossbench.loss import reduce
from lossbench.plan import Part
from lossbench.training.differences import copied
from lossbench.training.prepared import PreparedTraining


def steps_per_epoch(prepared: PreparedTraining, batch_size: int) -> int:
    """How many batches an epoch has."""
    return math.ceil(len(prepared.fold.splits.rows(Part.TRAIN)) / batch_size)


def step_bytes(prepared: PreparedTraining, batch_size: int) -> int:
    """Bytes that a step on one full batch keeps for its backward pass, parameters not counted, each storage once.

    The step runs on copies: batch norm would remember the batch, and a loss may count its calls.
    """
    model, loss = deepcopy(prepared.model), copied(prepared.loss)
    own = {parameter.data_ptr() for parameter in [*model.parameters(), *loss.parameters()]}
    rows = torch.arange(min(batch_size, len(prepared.fold.splits.rows(Part.TRAIN))))
    batch = prepared.fold.batch(Part.TRAIN, rows)
    with torch.random.fork_rng(devices=[]), kept_for_backward(own) as kept:
        scored = prepared.fold.score(model, batch, loss.kind)
        reduce(loss(scored.output, scored.target))
    return sum(kept.values())


@contextmanager
def kept_for_backward(but: Collection[int] = ()) -> Iterator[dict[int, int]]:
    """Bytes of every storage kept for a backward pass, by address; shared memory counts once.

    but: addresses of tensors to leave out.
    """
    sizes: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        if tensor.data_ptr() not in but:
            storage = tensor.untyped_storage()
            sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        yield sizes


def one_step(prepared: PreparedTraining, batch_size: int) -> Callable[[], None]:
    """A function that runs forward, loss and backward of one full batch on the CPU, always with the same weights.

    The step of the optimizer, the same for every loss, is not part of it. It runs on copies, as `step_bytes` does.
    """
    model, loss = deepcopy(prepared.model), copied(prepared.loss)
    weights = [p for p in [*model.parameters(), *loss.parameters()] if p.requires_grad]
    rows = torch.arange(min(batch_size, len(prepared.fold.splits.rows(Part.TRAIN))))
    batch = prepared.fold.batch(Part.TRAIN, rows)

    def step() -> None:
        scored = prepared.fold.score(model, batch, loss.kind)
        torch.autograd.grad(reduce(loss(scored.output, scored.target)), weights, allow_unused=True)

    return step
