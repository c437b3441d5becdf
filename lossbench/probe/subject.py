"""What is tested: one loss, created as often as a law needs it, and made-up batches of its kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from typing import Any

import torch
from torch import Tensor

from lossbench.loss import Domain, Kind, Loss, Range, Sequences
from lossbench.loss.adapter import Family
from lossbench.loss.catalogue import assemble

NONE: Mapping[str, Any] = {}
CLASSES = 3
"""Classes of made-up batches."""
COUNTS = {Kind.BINARY: (16, 4), Kind.CLASSES: (10, 7, 3), Kind.SEQUENCES: (10, 7, 3)}
"""How often each label is seen before a training."""


@dataclass(frozen=True)
class Batch:
    """Raw outputs and targets; sequences are concatenated.

    values: [m] or [m, outputs]; target: [m]; lengths: [n] of sequences, else None, and n = m.
    """

    values: Tensor
    target: Tensor
    lengths: Tensor | None = None

    def __len__(self) -> int:
        return len(self.target if self.lengths is None else self.lengths)

    @property
    def output(self) -> Any:
        """The outputs as a loss takes them."""
        return self.values if self.lengths is None else Sequences(self.values, self.lengths)

    @property
    def targets(self) -> Any:
        """The targets as a loss takes them."""
        return self.target if self.lengths is None else Sequences(self.target, self.lengths)

    def with_values(self, values: Tensor) -> Batch:
        return replace(self, values=values)

    def take(self, rows: Sequence[int]) -> Batch:
        """The targets at these positions, in this order, with their outputs."""
        if self.lengths is None:
            return Batch(self.values[list(rows)], self.target[list(rows)])
        ends = self.lengths.cumsum(0).tolist()
        spans = [range(ends[row] - int(self.lengths[row]), ends[row]) for row in rows]
        places = [place for span in spans for place in span]
        return Batch(self.values[places], self.target[places], self.lengths[list(rows)])

    def to(self, dtype: torch.dtype) -> Batch:
        """Outputs in this precision, and targets too unless they are labels."""
        target = self.target.to(dtype) if self.target.is_floating_point() else self.target
        return replace(self, values=self.values.to(dtype), target=target)


@dataclass(frozen=True)
class Subject:
    """One kind of loss of a family, at chosen parameters."""

    family: Family
    kind: Kind
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.family.name

    def __str__(self) -> str:
        given = ", ".join(f"{key}={value}" for key, value in self.params.items())
        return f"{self.name} ({self.kind.value}{', ' if given else ''}{given})"

    @property
    def searched(self) -> dict[str, Range]:
        """The tuned parameters with their ranges, without those that were set."""
        return {name: found for name, found in self.family[self.kind].search.items() if name not in self.params}

    def ends(self) -> Iterator[dict[str, float]]:
        """All combinations of the lowest and highest values of its tuned parameters."""
        for values in product(*((found.low, found.high) for found in self.searched.values())):
            yield dict(zip(self.searched, values, strict=True))

    def at(self, params: Mapping[str, Any]) -> Subject:
        """The same loss with these parameters in addition to its own."""
        return replace(self, params={**self.params, **params})

    def build(self, params: Mapping[str, Any] = NONE) -> Loss:
        """The loss as loaded, with these parameters in addition to its own; it has observed no targets yet."""
        with seeded(0):
            return assemble(self.family, self.kind, {**self.params, **params})

    def loss(self, dtype: torch.dtype = torch.double, classes: int = CLASSES, params: Mapping[str, Any] = NONE) -> Loss:
        """The loss ready for training: number of outputs known, targets observed, in float64 by default."""
        loss = self.build(params)
        with seeded(0):
            loss.outputs(self.classes(classes))
        if dtype is torch.double:
            loss.double()
        loss.observe(self.observed(loss, classes))
        return loss

    def classes(self, classes: int = CLASSES) -> int:
        return classes if self.kind in (Kind.CLASSES, Kind.SEQUENCES) else 1

    @cached_property
    def told(self) -> Loss:
        """An instance for reading its traits; it is never called."""
        return self.build()

    def observed(self, loss: Loss, classes: int = CLASSES) -> Any:
        """Training targets as a task would pass them to `observe`."""
        if self.kind is Kind.CONTINUOUS:
            return _numbers(200, loss.domain, 11)
        counts = COUNTS[self.kind][:1] * classes if classes != CLASSES else COUNTS[self.kind]
        labels = torch.cat([torch.full((count,), label) for label, count in enumerate(counts)])
        match self.kind:
            case Kind.BINARY:
                return torch.cat([torch.zeros(16), torch.ones(4)])
            case Kind.SEQUENCES:
                return Sequences(labels, torch.tensor([1, 4, len(labels) - 5]))
        return labels

    def batch(self, n: int, seed: int = 0, size: float = 2.0, classes: int = CLASSES) -> Batch:
        """n targets in float64 and outputs of normal size; every label occurs if n is large enough."""
        generator = torch.Generator().manual_seed(seed)
        match self.kind:
            case Kind.CONTINUOUS:
                count = self.told.outputs(1)
                shape = (n,) if count == 1 else (n, count)
                values = size * torch.randn(shape, generator=generator, dtype=torch.double)
                return Batch(values, _numbers(n, self.told.domain, seed).double())
            case Kind.BINARY:
                values = size * torch.randn(n, generator=generator, dtype=torch.double)
                return Batch(values, (torch.arange(n) % 3 == 0).double())
            case Kind.CLASSES:
                columns = self.columns(classes)
                values = size * torch.randn(n, columns, generator=generator, dtype=torch.double)
                return Batch(values, torch.arange(n) % classes)
            case Kind.SEQUENCES:
                lengths = 1 + torch.arange(n) % 4
                m, columns = int(lengths.sum()), self.columns(classes)
                values = size * torch.randn(m, columns, generator=generator, dtype=torch.double)
                return Batch(values, torch.randint(classes, (m,), generator=generator), lengths)

    def columns(self, classes: int = CLASSES) -> int:
        """Raw outputs per target for this number of classes."""
        with seeded(0):
            return self.build().outputs(self.classes(classes))

    def extreme(self, size: float) -> Batch:
        """Outputs of this size on the right side and on the wrong one, in float64."""
        match self.kind:
            case Kind.CONTINUOUS:
                count = self.told.outputs(1)
                if count == 1:
                    high = size if self.told.domain is Domain.NONNEGATIVE else -size
                    z = torch.tensor([size, -size, 0.0, 0.0], dtype=torch.double)
                    return Batch(z, torch.tensor([0.0, 0.0, size, high], dtype=torch.double))
                signs = [[1.0, -1.0][(row >> column) & 1] for row in range(2**count) for column in range(count)]
                z = size * torch.tensor(signs, dtype=torch.double).view(-1, count)
                return Batch(z, torch.zeros(len(z), dtype=torch.double))
            case Kind.BINARY:
                z = size * torch.tensor([1.0, 1.0, -1.0, -1.0], dtype=torch.double)
                return Batch(z, torch.tensor([0.0, 1.0, 0.0, 1.0], dtype=torch.double))
            case Kind.CLASSES | Kind.SEQUENCES:
                rows = [[1.0, 0.0, -1.0], [-1.0, -1.0, -1.0], [1.0, 1.0, 1.0], [0.0, 0.0, 1.0]]
                z = size * torch.tensor(rows * CLASSES, dtype=torch.double)
                y = torch.arange(CLASSES).repeat_interleave(4)
                lengths = torch.tensor([1, 2, 3, 6]) if self.kind is Kind.SEQUENCES else None
                return Batch(z, y, lengths)

    def wrong(self, size: float) -> dict[str, Batch]:
        """Confident mistakes of this size, by the kind of target."""
        one = torch.ones(1, dtype=torch.double)
        match self.kind:
            case Kind.BINARY if self.told.pointwise:
                return {"positives": Batch(-size * one, one), "negatives": Batch(size * one, 0 * one)}
            case Kind.BINARY:
                return {"both classes": Batch(torch.cat([-size * one, size * one]), torch.cat([one, 0 * one]))}
            case Kind.CONTINUOUS:
                far = self.extreme(size)
                if far.values.ndim == 1:
                    return {"numbers": Batch(far.values[:2], torch.ones(2, dtype=torch.double))}
                return {"numbers": far}
            case Kind.CLASSES:
                return {"labels": Batch(torch.tensor([[0.0, size, 0.0]], dtype=torch.double), torch.tensor([0]))}
            case Kind.SEQUENCES:
                row = torch.tensor([[0.0, size, 0.0]], dtype=torch.double)
                return {"labels": Batch(row, torch.tensor([0]), torch.tensor([1]))}


def judge(loss: Loss, batch: Batch) -> tuple[Tensor, Tensor]:
    """The losses of a batch, and the derivative of their sum by its outputs: [n] or [], and as `batch.values`."""
    values = batch.values.detach().clone().requires_grad_()
    losses = loss(batch.with_values(values).output, batch.targets)
    (slope,) = torch.autograd.grad(losses.sum(), values)
    return losses.detach(), slope


def value(loss: Loss, batch: Batch) -> Tensor:
    """The losses of a batch."""
    with torch.no_grad():
        return loss(batch.output, batch.targets)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Sets the global generator to this seed, and restores it afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def _numbers(n: int, domain: Domain, seed: int) -> Tensor:
    """Continuous targets: standard normal, or amounts of mean 1 with zeros among them."""
    generator = torch.Generator().manual_seed(1000 + seed)
    if domain is Domain.REAL:
        return torch.randn(n, generator=generator)
    amounts = torch.empty(n).exponential_(generator=generator)
    return torch.where(torch.arange(n) % 4 == 3, 0.0, amounts)
