"""What a loss costs in time: forward and backward of one batch, several losses in turn, each as often as the others."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import torch

from lossbench.loss import Kind, Loss
from lossbench.testing.counters import Counters, count
from lossbench.testing.law import process_kept
from lossbench.testing.nearest import known
from lossbench.testing.subject import Batch, Subject

ROUNDS = 21
QUICK = 7
"""Rounds beside a training, which nobody should have to wait for."""
SIZES = (32, 512, 4096)
"""Targets a batch, beside a training."""
LEAST = 2e-3
"""Seconds that one loss is run for in a round: a single step is too short to be clocked."""
AROUND = 8
"""Steps of a measurement that are not clocked: for warming up, and for counting operations and bytes."""
GROWTH = 8
"""How much longer a step may take on twice as many targets, at most: a loss over triples grows by the cube."""


@dataclass(frozen=True)
class Setting:
    """The size of what is judged: targets a batch, classes (of classes and sequences), threads of torch."""

    batch: int
    classes: int = 3
    threads: int = 1


@dataclass(frozen=True)
class Price:
    """seconds: median of forward and backward, a target. ratio: to the cheapest, median over rounds."""

    seconds: float
    ratio: float
    counters: Counters


@cache
def cheapest(kind: Kind) -> Subject:
    """The built-in loss of a kind that dispatches the fewest operations, of those that judge targets one by one."""
    pointwise = [s for s in known(kind) if s.told.pointwise and s.columns() == (3 if s.classes() > 1 else 1)]
    return min(pointwise, key=lambda s: (_operations(s), s.name))


def _operations(subject: Subject) -> int:
    return count(subject.loss(torch.float32), subject.batch(64).to(torch.float32)).operations


def prices(subjects: Sequence[Subject], setting: Setting, against: Subject, rounds: int = ROUNDS) -> list[Price]:
    """What the loss that others are held against costs at a setting, and then each of them, all in turn."""
    steps = [step_of(s, setting) for s in (against, *subjects)]
    clock = time.thread_time if setting.threads == 1 else time.perf_counter
    with threads(setting.threads):
        found = in_turn([step for step, _ in steps], rounds, clock)
    base = found[0]
    return [
        Price(
            statistics.median(own) / setting.batch,
            statistics.median(mine / other for mine, other in zip(own, base, strict=True)),
            counters,
        )
        for own, (_, counters) in zip(found, steps, strict=True)
    ]


def priced(subject: Subject, classes: int, limit: float = math.inf) -> dict[str, Any]:
    """What a loss costs on one thread, as plain data for a record: at a training's number of classes and batches of 32
    to 4,096 targets, and at ten times as many classes.

    against: the cheapest built-in loss of the kind. at: one entry a setting, with seconds and bytes a target,
    operations a step, and the ratio of its time to that of the cheapest. A set loss, whose cost may grow by the square,
    is not tried at the largest batch.

    limit: seconds of wall clock that all of it may take. Settings for which they would not do are left out.
    """
    base = cheapest(subject.kind)
    settings = [Setting(size, classes) for size in (SIZES if subject.told.pointwise else SIZES[:-1])]
    if subject.classes() > 1:
        settings.append(Setting(SIZES[1], 10 * classes))
    itself = subject.name == base.name and not subject.params
    found, time_left = [], TimeLeft(subject, limit)
    with process_kept():
        for setting in settings:
            if not time_left.suffices(setting):
                continue
            price = prices([] if itself else [subject], setting, base, QUICK)[-1]
            counted = {"bytes": price.counters.saved, "operations": price.counters.operations}
            found.append({**asdict(setting), "seconds": price.seconds, "ratio": price.ratio, **counted})
    return {"against": base.name, "at": found}


class TimeLeft:
    """Of a limit: whether it suffices to measure a loss at a setting, from single steps on ever larger batches."""

    def __init__(self, subject: Subject, limit: float) -> None:
        self.subject, self.limit = subject, limit
        self.ends = time.perf_counter() + limit
        self.batch, self.seconds = SIZES[0] // 2, 0.0
        """The largest batch that was tried, and what a step on it took."""

    def suffices(self, setting: Setting) -> bool:
        if math.isinf(self.limit):
            return True
        while self.batch < setting.batch and GROWTH * self.seconds <= self._left():
            self.batch *= 2
            self.seconds, _ = self._step(Setting(self.batch, setting.classes))
        if self.batch < setting.batch:
            return False
        seconds, steps = self._step(setting)
        rival = QUICK * LEAST
        return steps * seconds + rival <= self._left()

    def _left(self) -> float:
        return self.ends - time.perf_counter()

    def _step(self, setting: Setting) -> tuple[float, float]:
        """Seconds of one step, of two the second, since the first warms up; and how many steps would be run."""
        step = _step(*_ready(self.subject, setting))
        for _ in range(2):
            start, computed = time.perf_counter(), time.thread_time()
            step()
            computed, seconds = time.thread_time() - computed, time.perf_counter() - start
            if GROWTH * seconds > self._left():
                break
        return seconds, AROUND + QUICK * max(1.0, LEAST / max(1e-7, computed))


def step_of(subject: Subject, setting: Setting) -> tuple[Callable[[], None], Counters]:
    """Forward and backward of one batch in float32, as a training runs them."""
    loss, batch = _ready(subject, setting)
    return _step(loss, batch), count(loss, batch)


def _ready(subject: Subject, setting: Setting) -> tuple[Loss, Batch]:
    loss = subject.loss(torch.float32, setting.classes)
    for part in loss.modules():
        if isinstance(part, Loss):
            part.trusts_targets = True  # as in a training
    return loss, subject.batch(setting.batch, classes=setting.classes).to(torch.float32)


def _step(loss: Loss, batch: Batch) -> Callable[[], None]:
    values = batch.values.detach().clone().requires_grad_()
    output, target = batch.with_values(values).output, batch.targets

    def step() -> None:
        torch.autograd.grad(loss(output, target).sum(), values)

    return step


def in_turn(
    steps: Sequence[Callable[[], object]], rounds: int = ROUNDS, clock: Callable[[], float] = time.perf_counter
) -> list[list[float]]:
    """Seconds of one step in each of the rounds, in every round each in its turn, in turning order.

    clock: of the wall, or `time.thread_time` for what this thread alone has computed, whoever else wanted the core.
    """
    times = []
    for step in steps:
        for _ in range(3):
            step()
        start = clock()
        step()
        times.append(max(1, round(LEAST / max(1e-7, clock() - start))))
    found: list[list[float]] = [[] for _ in steps]
    for number in range(rounds):
        for place in range(len(steps)):
            which = (place + number) % len(steps)
            start = clock()
            for _ in range(times[which]):
                steps[which]()
            found[which].append((clock() - start) / times[which])
    return found


@contextmanager
def threads(number: int) -> Iterator[None]:
    """torch on this many threads, and afterwards on as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
