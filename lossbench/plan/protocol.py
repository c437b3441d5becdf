"""What makes a comparison fair, as pure functions of seeds and numbers: budgets, trial points, the choice of a trial.

Every loss gets the same repeats, trials, epochs and patience; repeat r of every loss draws from the same streams.
A repeat is a whole study: it tunes on its own split and is judged by the training that it chose.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from lossbench.plan import EDGE_TRIALS, Cell, Range, Rarest, Training, Trial, stream

DIMENSIONS = 3
"""The learning rate and at most two parameters: drawn always, so that every loss gets the same points."""
USUAL_BATCH = 32
"""Batch size where no class is rare; epochs and patience are counted in batches of this size."""
MOST_TARGETS = 1024
"""The most targets in a batch set by the data: a larger one costs too much for a default."""


def by_the_data(training: Training, rows: int, rarest: Rarest | None) -> Training:
    """The training with batch size, epochs and patience set by its data, unless it names a batch size.

    rows: of the training part. rarest: the rarest class in them; None where the targets are no classes.

    It is the same for every loss: the smallest power of two, at least 32, for which a batch holds `Rarest.ENOUGH` of
    the rarest class on average. Beyond half of the rows it is all rows, so that no small batch is left over. If that
    needs more than 1,024 targets, it stays at 32. Epochs and patience grow until there are as many steps as with 32.
    """
    if training.batch_size is not None:
        return training
    size = _batch_size(rows, rarest)
    more = Fraction(_steps(rows, USUAL_BATCH), _steps(rows, size))
    return replace(
        training,
        batch_size=size,
        max_epochs=math.ceil(training.max_epochs * more),
        patience=None if training.patience is None else math.ceil(training.patience * more),
    )


def _batch_size(rows: int, rarest: Rarest | None) -> int:
    if rarest is None:
        return USUAL_BATCH
    needed = math.ceil(Fraction(Rarest.ENOUGH * rarest.rows, rarest.count))
    size, most = max(USUAL_BATCH, 1 << (needed - 1).bit_length()), MOST_TARGETS * rarest.rows // rarest.targets
    if size > USUAL_BATCH and rows < 2 * size and rows <= most:
        size = max(USUAL_BATCH, rows)
    return size if size <= most else USUAL_BATCH


def _steps(rows: int, batch_size: int) -> int:
    """How many batches an epoch has."""
    return math.ceil(rows / batch_size)


def trials(cell: Cell, search: Mapping[str, Range], digest: str = "") -> tuple[tuple[Trial, ...], ...]:
    """The trainings of a cell, repeat by repeat.

    Trial 0 is the loss's defaults at the centre of the rates; the others are points of a scrambled Sobol sequence
    seeded by the repeat: the rate log-uniform over `protocol.rate_decades` round `training.learning_rate`, and the
    parameters of `search` but for those that the command line fixes, each on a dimension of its own.

    digest: of the data. A placebo's points depend on it: with the same points on every data set a placebo would be
    lucky or unlucky on all of them.
    """
    return tuple(_trials_of(cell, search, repeat, digest) for repeat in range(cell.repeats))


def repeat_seed(cell: Cell, repeat: int, half: tuple[int, int] | None = None) -> int:
    """The seed of everything that repeat draws, in [0, 2^31): the same for every loss, since no loss is part of it.

    half: of one training on a half of its rows.
    """
    return stream(cell.seed, "repeat", repeat, *_own_draw(cell), *(("half", *half) if half else ())) % 2**31


@dataclass(frozen=True)
class Choice:
    """The trial that a repeat is judged by. ties: how many others did equally well on validation data."""

    trial: int
    ties: int
    edge: bool
    """True where the chosen rate is the lowest or the highest of five or more: a wider range may hold a better one."""


def choose(values: Sequence[float], rates: Sequence[float], *, lower_is_better: bool) -> Choice | None:
    """The best trial by its metric on validation data, ties to the lowest; NaN is a diverged one. None if all are."""
    sound = [(value if lower_is_better else -value, trial) for trial, value in enumerate(values) if value == value]
    if not sound:
        return None
    best, trial = min(sound)
    ties = sum(value == best for value, _ in sound) - 1
    return Choice(trial, ties, len(rates) >= EDGE_TRIALS and rates[trial] in (min(rates), max(rates)))


def _own_draw(cell: Cell) -> tuple[int, ...]:
    """Gives a placebo streams that differ from those that all losses share."""
    return (cell.loss.draw,) if cell.loss.draw else ()


def _trials_of(cell: Cell, search: Mapping[str, Range], repeat: int, digest: str) -> tuple[Trial, ...]:
    given, centre = dict(cell.loss.params), cell.training.learning_rate
    found = [Trial(repeat, 0, centre, given)]
    for number, point in enumerate(_points(cell, repeat, digest)[1:], start=1):
        rate = centre * 10 ** (cell.protocol.rate_decades * (point[0] - 0.5))
        drawn = {name: search[name].at(x) for name, x in zip(search, point[1:], strict=False) if name not in given}
        found.append(Trial(repeat, number, rate, {**given, **drawn}))
    return tuple(found)


def _points(cell: Cell, repeat: int, digest: str) -> list[list[float]]:
    """The repeat's points in the unit cube, one per trial."""
    count = cell.protocol.trials
    if count == 1:
        return [[0.5] * DIMENSIONS]
    from scipy.stats.qmc import Sobol

    own = (*_own_draw(cell), digest) if cell.loss.draw else ()
    sampler = Sobol(DIMENSIONS, scramble=True, rng=stream(cell.seed, "trials", repeat, *own))
    points: list[list[float]] = sampler.random_base2((count - 1).bit_length()).tolist()
    return points[:count]
