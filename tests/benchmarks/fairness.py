"""Whether losses that are the same come out the same, from end to end."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
import torch

import lossbench
from lossbench.plan import Cell, LossChoice
from lossbench.runs.study import run
from lossbench.verdicts.statistics import over_repeats
from tests.benchmarks.measure import Line

DATA = {"diabetes": ("regression", "mse"), "breast_cancer": ("binary", "bce")}


def standard(data: str, loss: str, task: str) -> Cell:
    (found,) = lossbench.cells(f"+loss={loss}", f"task={task}", f"task/data={data}")
    return found


def differences(one: Cell, other: Cell) -> list[float]:
    """The primary metric of one cell less the other's, repeat by repeat."""
    first, second = run(one), run(other)
    metric = first.metric.name
    return [b - a for a, b in zip(first.values(metric), second.values(metric), strict=True)]


def _pair(data: str, seed: int) -> bool:
    """True where the interval of an A/A pair leaves out 0: a loss 'differs' from itself."""
    torch.set_num_threads(1)
    task, loss = DATA[data]
    cell = replace(standard(data, loss, task), seed=seed)
    found = differences(cell, replace(cell, loss=replace(cell.loss, draw=1)))
    low, high = over_repeats(np.array(found)).interval()
    return not low <= 0 <= high


def pairs(count: int) -> Iterator[Line]:
    """A loss and its placebo under the standard protocol, `count` times with other seeds."""
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        for data in DATA:
            wrong = sum(pool.map(_pair, [data] * count, range(count)))
            share = wrong / count
            told = f"{100 * share:.1f} % ({wrong} of {count})"
            what = f"A/A pairs on {data} whose interval leaves out 0"
            yield Line(what, told, "10 repeats of 8 trials each", "≤ 8 %", share <= 0.08)


def scales() -> Iterator[Line]:
    """Ten times a loss against the loss."""
    for data, task, loss in (
        ("house_prices", "regression", "mse"),
        ("breast_cancer", "binary", "bce"),
        ("breast_cancer", "binary", "mse"),
    ):
        for optimizer in ("adamw", "sgd"):
            cell = standard(data, loss, task)
            cell = replace(cell, training=replace(cell.training, optimizer=optimizer))
            given = {"loss": loss, "factor": 10.0}
            found = differences(cell, replace(cell, loss=LossChoice("scaled", given)))
            low, high = over_repeats(np.array(found)).interval()
            told = f"{sum(found) / len(found):+.4g} [{low:.4g}, {high:.4g}]"
            what = f"10*{loss} less {loss} on {data}, {optimizer}"
            yield Line(what, told, "95 % t interval over 10 repeats", "a tie", low <= 0 <= high)
