"""The trainings of a cell over several devices: on a CPU over processes of one thread, else over graphics cards.

Devices do not talk to one another: each takes whole trainings, whose numbers are those that one device would give.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache
from typing import Any

import torch

from lossbench.loss import Kind, Loss
from lossbench.plan import Cell, Training, Trial
from lossbench.runs.inputs import TrainingFactory, load_task
from lossbench.training.engine import Outcome, TrainerOptions, train
from lossbench.training.learner import Trained

Weights = dict[str, torch.Tensor]
Result = tuple[Trained, Weights, Loss | None]
"""What comes back from a device: the training's curves, its model's best weights, and its loss as it was then."""

_device = 0
"""Of this process: which of the devices is its own."""


def devices(training: Training) -> int:
    """How many there are for a training's words: a number, or `auto` for all cores or all graphics cards."""
    if training.devices != "auto":
        return int(training.devices)
    if training.accelerator == "cpu":
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, torch.cuda.device_count())


def spread(
    cell: Cell, kind: Kind, studies: Sequence[Sequence[Trial]], options: TrainerOptions, stacked: bool
) -> Iterator[list[Outcome]]:
    """The outcomes of each repeat, in order. Sequential trainings are given out one by one, stacks in equal parts."""
    alone = replace(cell, training=replace(cell.training, devices=1, engine="replicas" if stacked else "sequential"))
    pool = _pool(devices(cell.training))
    pending = [
        (trials, pool.workers.submit(_train, alone, kind, trials, sys.path))
        for trials in _parts(studies, pool, stacked)
    ]
    found: dict[tuple[int, int], Result] = {}
    factory = TrainingFactory(alone, load_task(cell.task, cell.seed), kind)
    try:
        for study in studies:
            while any((trial.repeat, trial.number) not in found for trial in study):
                trials, future = pending.pop(0)
                found |= {(t.repeat, t.number): result for t, result in zip(trials, future.result(), strict=True)}
                options.on_epochs(float(len(trials) * cell.training.max_epochs))
            yield [_outcome(factory, trial, found.pop((trial.repeat, trial.number))) for trial in study]
    except BaseException:
        pool.end()
        raise


def _parts(studies: Sequence[Sequence[Trial]], pool: Pool, stacked: bool) -> list[list[Trial]]:
    """What is given out at a time: one training, or an equal share of the repeats for one stack."""
    if not stacked:
        return [[trial] for study in studies for trial in study]
    share = -(-len(studies) // pool.count)
    return [[t for study in studies[at : at + share] for t in study] for at in range(0, len(studies), share)]


def _outcome(factory: TrainingFactory, trial: Trial, result: Result) -> Outcome:
    trained, model, loss = result
    prepared = factory.prepare(trial, shared_model=True)

    def restore() -> Loss:
        assert loss is not None
        prepared.model.to(next(iter(model.values())).dtype).load_state_dict(model)
        return loss

    return Outcome(prepared, trained, restore)


# Processes ------------------------------------------------------------------------------------------------------------


class Pool:
    """As many processes as devices, kept for the cells that follow."""

    def __init__(self, count: int) -> None:
        context = multiprocessing.get_context("spawn")
        numbers = context.Queue()
        for number in range(count):
            numbers.put(number)
        self.count = count
        self.workers = ProcessPoolExecutor(count, context, _begin, (numbers,))

    def end(self) -> None:
        """After Ctrl-C or a failure: what goes on is killed, what has not begun never will."""
        _pool.cache_clear()
        # What Python 3.14 calls kill_workers: those that are still starting would begin their work yet.
        processes = list((self.workers._processes or {}).values())
        self.workers.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.kill()


@cache
def _pool(count: int) -> Pool:
    return Pool(count)


def _begin(numbers: Any) -> None:
    global _device
    _device = numbers.get()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that gave the work out
    torch.set_num_threads(1)


_factories: dict[str, TrainingFactory] = {}
"""Of this process: the bench of its last cell, whose next training may be of the same repeat."""


def _factory(cell: Cell, kind: Kind) -> TrainingFactory:
    if cell.digest not in _factories:
        _factories.clear()
        _factories[cell.digest] = TrainingFactory(cell, load_task(cell.task, cell.seed), kind)
    return _factories[cell.digest]


def _train(cell: Cell, kind: Kind, trials: Sequence[Trial], path: list[str]) -> list[Result]:
    """In a process of its own: trainings from nothing but their cell and their trials."""
    sys.path[:] = path
    factory = _factory(cell, kind)
    options = TrainerOptions(cell.training, factory.task.metric.direction, cell.penalty, device=_device)
    results: list[Result] = []
    prepare = factory.prepare if len(trials) > 1 else factory.only(trials[0].repeat).prepare
    for outcome in train(prepare, trials, options, stacked=cell.training.engine == "replicas"):
        if outcome.trained.best_epoch is None:
            results.append((outcome.trained, {}, None))
            continue
        loss = outcome.restore()
        weights = {name: tensor.clone() for name, tensor in outcome.prepared.model.state_dict().items()}
        results.append((outcome.trained, weights, loss))
    return results
