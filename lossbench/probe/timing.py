"""What a loss costs in time: forward and backward of one batch, several losses in turn, each as often as the others."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import torch

from lossbench.loss import Kind, Loss
from lossbench.plan import CostAt, LossCost, StepCost
from lossbench.probe.counters import Counters, count
from lossbench.probe.law import process_kept
from lossbench.probe.nearest import known
from lossbench.probe.subject import Batch, Subject

ROUNDS = 201
QUICK = 101
"""Rounds beside a training, which nobody should have to wait for."""
FEWEST = 11
"""Rounds that are run however long a step takes: fewer tell too little of the spread."""
BURST = 2e-4
"""Seconds that a loss is run for in a round, or one step where that takes longer. Short bursts in quick turns see the
same machine: on two busy cores, two copies of a loss in turns of 2 ms differed by up to 50 %, in these by 2 %."""
WITHIN = 0.1
"""Seconds of one loss after which no further round begins."""
SIZES = (32, 512, 4096)
"""Targets a batch, beside a training."""
MISSED = 0.02
"""In so many measurements at most the interval of a ratio may miss the true one."""
LEAST = 2e-3
"""Seconds that one loss is run for in a round where rounds are few: a single step is too short to be clocked."""
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
class Ratio:
    """How many times what another takes: the median over rounds, and an interval for it.

    The interval is that of the sign test, between two order statistics of the rounds: whatever the noise of the clock
    looks like, it misses the true ratio in at most 2 % of measurements (Conover 1999, section 3.2). It needs 7 rounds;
    with fewer it is their whole range.
    """

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, own: Sequence[float], other: Sequence[float]) -> Ratio:
        """Round by round, since both were run in the same moment of each round."""
        found = sorted(mine / theirs for mine, theirs in zip(own, other, strict=True))
        rounds, left_out, tail = len(found), 0, 1
        while 2 * (tail + math.comb(rounds, left_out + 1)) <= MISSED * 2**rounds:
            left_out += 1
            tail += math.comb(rounds, left_out)
        return cls(statistics.median(found), found[left_out], found[-1 - left_out])


@dataclass(frozen=True)
class Price:
    """seconds: median of forward and backward, per target. ratio: to the cheapest, in the same rounds."""

    seconds: float
    ratio: Ratio
    counters: Counters


@cache
def cheapest(kind: Kind) -> Subject:
    """The built-in loss of a kind that dispatches the fewest operations, of those that judge targets one by one."""
    pointwise = [s for s in known(kind) if s.told.pointwise and s.columns() == (3 if s.classes() > 1 else 1)]
    return min(pointwise, key=lambda s: (_operations(s), s.name))


def _operations(subject: Subject) -> int:
    return count(subject.loss(torch.float32), subject.batch(64).to(torch.float32)).operations


def prices(subjects: Sequence[Subject], setting: Setting, against: Subject, rounds: int = ROUNDS) -> list[Price]:
    """The cost at a setting of the reference loss, then of each of the others, all measured alternately."""
    steps = [step_of(s, setting) for s in (against, *subjects)]
    clock = time.thread_time if setting.threads == 1 else time.perf_counter
    with threads(setting.threads):
        found = in_turn([step for step, _ in steps], rounds, clock, BURST, WITHIN)
    base = found[0]
    return [
        Price(
            statistics.median(own) / setting.batch,
            Ratio.of(own, base),
            counters,
        )
        for own, (_, counters) in zip(found, steps, strict=True)
    ]


def priced(subject: Subject, classes: int, limit: float = math.inf) -> LossCost:
    """What a loss costs on one thread: at a training's number of classes and batches of 32
    to 4,096 targets, and at ten times as many classes.

    against: the cheapest built-in loss of the kind. at: one entry per setting, with seconds and bytes per target,
    operations per step, and the ratio of its time to that of the cheapest in the same moment, with its interval. A set
    loss, whose cost may grow by the square, is not tried at the largest batch.

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
            found.append(
                CostAt(
                    batch=setting.batch,
                    classes=setting.classes,
                    threads=setting.threads,
                    seconds=price.seconds,
                    ratio=price.ratio.median,
                    low=price.ratio.low,
                    high=price.ratio.high,
                    bytes=price.counters.saved,
                    operations=price.counters.operations,
                )
            )
    return LossCost(base.name, tuple(found))


def compared(
    step: Callable[[], object],
    other: Callable[[], object],
    against: str,
    clock: Callable[[], float] = time.thread_time,
) -> StepCost:
    """What a step takes beside another, run in turn on one thread. against: the loss of the other one."""
    with threads(1), process_kept():
        base, own = in_turn([other, step], QUICK, clock, BURST, WITHIN)
    ratio = Ratio.of(own, base)
    return StepCost(against, ratio.median, ratio.low, ratio.high, statistics.median(own), len(own))


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
            self.seconds = self._step(Setting(self.batch, setting.classes))
        if self.batch < setting.batch:
            return False
        seconds = self._step(setting)
        own = AROUND * seconds + max(WITHIN, FEWEST * max(BURST, seconds))
        return own + WITHIN <= self._left()  # the rival's turns

    def _left(self) -> float:
        return self.ends - time.perf_counter()

    def _step(self, setting: Setting) -> float:
        """Seconds of one step, of two the second, since the first warms up."""
        step = _step(*_ready(self.subject, setting))
        for _ in range(2):
            start = time.perf_counter()
            step()
            seconds = time.perf_counter() - start
            if GROWTH * seconds > self._left():
                break
        return seconds


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
    steps: Sequence[Callable[[], object]],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
    burst: float = LEAST,
    within: float = math.inf,
) -> list[list[float]]:
    """Seconds of one step in each of the rounds, in every round each in its turn.

    Several turn their order from round to round. Two keep theirs: each then always follows the other. Turned, one of
    them would follow itself, with its data still in the cache, which on a busy machine halves its time.

    clock: of the wall, or `time.thread_time` for what this thread alone has computed, whoever else wanted the core.
    burst: seconds that a step is repeated for in a round. within: seconds per step that may be spent in all, though
    never on fewer than 11 rounds.
    """
    times, slowest = [], burst
    for step in steps:
        for _ in range(3):
            step()
        start = clock()
        step()
        once = max(1e-7, clock() - start)
        times.append(max(1, round(burst / once)))
        slowest = max(slowest, once)
    rounds = min(rounds, max(FEWEST, int(min(within / slowest, rounds))))
    found: list[list[float]] = [[] for _ in steps]
    for number in range(rounds):
        for place in range(len(steps)):
            which = (place + number) % len(steps) if len(steps) > 2 else place
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
