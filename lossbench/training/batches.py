"""The order of training rows: one permutation per epoch, the same for every loss."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from lossbench.plan import Part, stream
from lossbench.tasks.contract import Fold


class TrainingBatches:
    """The training rows, in an order that epoch and seed decide; the last batch may be smaller."""

    def __init__(self, fold: Fold, batch_size: int, seed: int) -> None:
        self.fold, self.batch_size, self.seed = fold, batch_size, seed
        self.size = len(fold.splits.train)
        self.epoch: Callable[[], int] = lambda: 0

    def __len__(self) -> int:
        return -(-self.size // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        for rows in self.order(self.epoch()).split(self.batch_size):
            yield self.fold.batch(Part.TRAIN, rows)

    def order(self, epoch: int) -> Tensor:
        generator = torch.Generator().manual_seed(stream(self.seed, "batches", epoch))
        return torch.randperm(self.size, generator=generator)

    @property
    def digest(self) -> str:
        """Sixteen hex digits over the first epoch's batches."""
        state = hashlib.sha256(f"{self.batch_size}|".encode())
        state.update(self.order(0).numpy().tobytes())
        return state.hexdigest()[:16]


class PartBatches:
    """All rows of a part in order, in large batches, for evaluation."""

    def __init__(self, fold: Fold, part: Part, batch_size: int = 4096) -> None:
        self.fold, self.part, self.batch_size = fold, part, batch_size
        self.size = len(fold.splits.rows(part))

    def __len__(self) -> int:
        return -(-self.size // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        for rows in torch.arange(self.size).split(self.batch_size):
            yield self.fold.batch(self.part, rows)
