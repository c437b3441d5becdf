"""The trainings of a cell over several devices: on a CPU over processes of one thread, else over graphics cards.

Devices do not communicate: each runs whole trainings, with the same numbers as on a single device.
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
"""What a device returns: the training's curves, its model's best weights, and the loss at that epoch."""

_device = 0
"""The index of this process's device."""


def devices(training: Training) -> int:
    """The number of devices for a training's options: as given, or with `auto` all cores or graphics cards."""
    if training.devices != "auto":
        return int(training.devices)
    if training.accelerator == "cpu":
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, torch.cuda.device_count())


def spread(
    cell: Cell, kind: Kind, studies: Sequence[Sequence[Trial]], options: TrainerOptions, stacked: bool
) -> Iterator[list[Outcome]]:
    """The outcomes of each repeat, in order. Sequential trainings are sent out one by one, stacks in equal parts."""
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
    """What is sent out at a time: one training, or an equal share of the repeats as one stack."""
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
        """After Ctrl-C or a failure: kills running jobs and cancels those that have not begun."""
        _pool.cache_clear()
        # Like kill_workers of Python 3.14: workers that are still starting would begin their jobs.
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
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is handled by the parent process
    torch.set_num_threads(1)


_factories: dict[str, TrainingFactory] = {}
"""This process's factory for its last cell, whose next training may be of the same repeat."""


def _factory(cell: Cell, kind: Kind) -> TrainingFactory:
    if cell.digest not in _factories:
        _factories.clear()
        _factories[cell.digest] = TrainingFactory(cell, load_task(cell.task, cell.seed), kind)
    return _factories[cell.digest]


def _train(cell: Cell, kind: Kind, trials: Sequence[Trial], path: list[str]) -> list[Result]:
    """Runs trainings in a process of its own, from their cell and trials only."""
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
