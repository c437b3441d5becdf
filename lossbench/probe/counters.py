"""The cost of a loss in counts, not in time: the same numbers on every machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode

from lossbench.loss import Loss
from lossbench.probe.subject import Batch
from lossbench.training.cost import kept_for_backward


@dataclass(frozen=True)
class Counters:
    """operations: dispatched by forward and backward of a batch. saved: bytes kept for backward, per target."""

    operations: int
    saved: float


def count(loss: Loss, batch: Batch) -> Counters:
    return Counters(operations(loss, batch), saved(loss, batch) / len(batch))


def operations(loss: Loss, batch: Batch) -> int:
    """Operations that torch dispatches for one forward and one backward."""
    counting = _Counting()
    with counting:
        _step(loss, batch)
    return counting.count


def saved(loss: Loss, batch: Batch) -> int:
    """Bytes of tensors kept from forward for backward; shared memory counts once."""
    values = batch.values.detach().clone().requires_grad_()
    with kept_for_backward() as kept:
        losses = loss(batch.with_values(values).output, batch.targets)
    losses.sum().backward()
    return sum(kept.values())


def _step(loss: Loss, batch: Batch) -> None:
    values = batch.values.detach().clone().requires_grad_()
    loss(batch.with_values(values).output, batch.targets).sum().backward()


class _Counting(TorchDispatchMode):
    """Counts all operations that pass through torch's dispatcher."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += 1
        return func(*args, **(kwargs or {}))
