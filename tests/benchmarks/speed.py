"""How much many trainings cost against one bare training. Every function gives lines of the table."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset

import lossbench
from lossbench.metrics.metric import Direction
from lossbench.plan import Cell, Part, Trial
from lossbench.report import mlflow
from lossbench.report.tables import to_csv
from lossbench.runs.inputs import TrainingFactory, load_task
from lossbench.runs.study import run
from lossbench.training.engine import TrainerOptions, train
from lossbench.verdicts.judging import compare
from tests.benchmarks import bare, lightning_default
from tests.benchmarks.measure import Line, cpu_of, in_turn, ratio, spread
from tests.made import a_protocol

HERE = Path(__file__).parent
NINE_WEIGHTS = ",".join(str(weight) for weight in (0.2, 0.35, 0.5, 0.7, 1.4, 2.0, 2.8, 4.0, 5.6))
"""Nine losses; the tenth is the baseline, which a sweep adds."""


def cell(*words: str, **training: Any) -> Cell:
    (found,) = lossbench.cells(*words)
    return replace(found, training=replace(found.training, max_epochs=30, patience=None, **training))


def seeds(of: Cell, params: list[dict[str, float]]) -> tuple[TrainingFactory, list[Trial]]:
    """Ten repeats of one trial each, with these parameters; rows and models made before any clock runs."""
    task = load_task(of.task, of.seed)
    kind = task.kinds[0]
    factory = TrainingFactory(of, task, kind)
    chosen = [Trial(number, 0, 3e-3, own) for number, own in enumerate(params)]
    for trial in chosen:
        factory.prepare(trial, shared_model=True)
    return factory, chosen


def side_by_side(factory: TrainingFactory, chosen: list[Trial]) -> None:
    options = TrainerOptions(factory.cell.training, factory.task.metric.direction)
    list(train(factory.prepare, chosen, options, stacked=True))


def parts(of: Cell, repeat: int = 0) -> list[tuple[Tensor, Tensor]]:
    fold: Any = load_task(of.task, of.seed).fold(repeat)
    return [fold.tensors(part) for part in (Part.TRAIN, Part.VALIDATION)]


def ten_seeds(rounds: int) -> Iterator[Line]:
    """Training and validation of ten seeds inside Lightning."""
    functional = nn.functional
    for words, params, rival in (
        (("+loss=mse", "task=binary"), [{}] * 10, lambda z, y: ((torch.sigmoid(z) - y) ** 2).mean()),
        (
            ("+loss=bce", "task=binary"),
            [{"pos_weight": 0.3 * 1.6**k} for k in range(10)],
            lambda z, y: functional.binary_cross_entropy_with_logits(z, y, pos_weight=torch.tensor(2.0)),
        ),
        (
            ("+loss=huber", "task=regression", "task/data=diabetes"),
            [{"delta": 0.1 * 1.4**k} for k in range(10)],
            lambda z, y: functional.huber_loss(z, y, delta=0.5),
        ),
    ):
        of = cell(*words)
        factory, chosen = seeds(of, params)
        first, second = parts(of)
        times = in_turn(
            {
                "bare": lambda f=first, s=second, r=rival: bare.train(f, s, r),
                "fused": lambda f=first, s=second, r=rival: bare.train(f, s, r, fused=True),
                "ten": lambda b=factory, c=chosen: side_by_side(b, c),
            },
            rounds,
        )
        found = ratio(times["ten"], times["bare"])
        name = f"10 seeds of {of.loss.name} on {of.task.data['name']}"
        name += ", each with a parameter of its own" if params[0] else ""
        fused = spread(ratio(times["ten"], times["fused"]))
        one = f"bare run {statistics.median(times['bare']):.3f} s, fused {statistics.median(times['fused']):.3f} s"
        yield Line(name, f"{spread(found)} bare runs; {fused} fused", one, "≤ 3", found[0] <= 3)


def against_lightning(rounds: int) -> Iterator[Line]:
    """Ten seeds in one process: side by side, and by Lightning's defaults with MLFlowLogger."""
    of = cell("+loss=bce", "task=binary", "loss.search={}")
    factory, chosen = seeds(of, [{}] * 10)
    first, second = (TensorDataset(x, y) for x, y in parts(of))
    with tempfile.TemporaryDirectory() as folder:
        store = f"sqlite:///{folder}/mlflow.db"

        def default() -> None:
            with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
                lightning_default.train(first, second, store, folder, 0)

        times = in_turn(
            {
                "default": default,
                "ten": lambda: side_by_side(factory, chosen),
            },
            max(3, rounds // 2),
        )
    found = ratio([10 * t for t in times["default"]], times["ten"])
    one = f"one default run {statistics.median(times['default']):.2f} s"
    yield Line(
        "the same by default Lightning and MLFlowLogger", f"{spread(found, 0)} x less CPU", one, "≥ 20", found[0] >= 20
    )


def standard_cell(rounds: int) -> Iterator[Line]:
    """Eighty trainings with tuning, test, record, MLflow and table; and the part of MLflow and records in it."""
    of = cell("+loss=mse", "task=binary")
    first, second = parts(of)
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder)
        store = mlflow.default_uri(results, f"sqlite:///{folder}/mlflow.db")
        mlflow._prepare(store, folder)

        def whole() -> None:
            record = run(of)
            kept(record)

        def kept(record: Any) -> None:
            place = record.save(results / "sweep" / of.folder)
            mlflow._log_cell(store, folder, str(place))
            to_csv(compare([record]))

        stored = run(of)
        times = in_turn(
            {
                "bare": lambda: bare.train(first, second, nn.functional.binary_cross_entropy_with_logits),
                "cell": whole,
                "kept": lambda: kept(stored),
            },
            rounds,
        )
    found = ratio(times["cell"], times["bare"])
    one = f"bare run {statistics.median(times['bare']):.3f} s"
    yield Line(
        "a standard cell, 80 trainings, all included", f"{spread(found, 1)} bare runs", one, "≤ 20", found[0] <= 20
    )
    share = ratio(times["kept"], times["cell"])
    whole_time = f"the cell {statistics.median(times['cell']):.2f} s"
    what = "records, MLflow and table in it"
    yield Line(
        what, spread((100 * share[0], 100 * share[1], 100 * share[2]), 1) + " %", whole_time, "≤ 15 %", share[0] <= 0.15
    )


def whole_sweep(rounds: int) -> Iterator[Line]:
    """Ten losses, ten seeds, from the command line, against a process per run. Start-up is part of both."""
    with tempfile.TemporaryDirectory() as folder:
        store = f"sqlite:///{folder}/default.db"
        mlflow._prepare(store, folder)  # a store that is there already: not what the rival is measured for
        alone = [sys.executable, str(HERE / "lightning_default.py"), store, folder]
        sweep = [
            sys.executable,
            "-m",
            "lossbench",
            "+loss=bce",
            f"loss.params.pos_weight={NINE_WEIGHTS}",
            "-m",
            "task=binary",
        ]
        sweep += ["protocol.repeats=10", "protocol.trials=1", "training.max_epochs=30", "training.patience=null"]
        rival = [cpu_of([*alone, str(seed)], folder) for seed in range(max(3, rounds // 2))]
        ours = [cpu_of([*sweep, f"results={folder}/r"], folder) for _ in range(2)]
    first, again = ours
    each = statistics.median(rival)
    told = f"{100 * each / again:.0f} x less CPU ({again:.1f} s); {100 * each / first:.0f} x with the store's creation"
    what = "10 losses × 10 seeds, one command, against 100 processes of default Lightning"
    yield Line(what, told, f"one such process {each:.1f} s, times 100", "≥ 50", 100 * each / again >= 50)


def step_floor(rounds: int) -> Iterator[Line]:
    """One step of sixteen replicas against nothing but its matrix products and its passes over memory."""
    of = cell("+loss=mse", "task=binary")
    replicas, batch, sizes = 16, 32, [(30, 64), (64, 64), (64, 1)]
    steps = 400
    layers = [
        (torch.randn(replicas, batch, i), torch.randn(replicas, i, o), torch.randn(replicas, batch, o))
        for i, o in sizes
    ]
    weights = sum((i + 1) * o for i, o in sizes)
    matrix = torch.randn(replicas, weights)
    copies = [torch.empty_like(matrix) for _ in range(2)]

    def floor() -> None:
        for _ in range(steps):
            for number, (x, w, gradient) in enumerate(layers):
                torch.bmm(x, w)
                torch.bmm(x.transpose(1, 2), gradient)
                if number:
                    torch.bmm(gradient, w.transpose(1, 2))
            # weights, gradients and two moments are read, weights and two moments written: 3.5 copies
            for _ in range(2):
                copies[0].copy_(matrix)
            copies[1].copy_(matrix)

    from lossbench.training.learner import Learner
    from lossbench.training.replicas import Replicas

    factory, chosen = seeds(of, [{}] * 10)
    more = [Trial(trial.repeat, 0, 3e-3, {}) for trial in [*chosen, *chosen[:6]]]
    stack = Replicas([factory.prepare(trial, shared_model=True) for trial in more], of.training)
    learner = Learner(stack, of.training, Direction.MAX)
    stack.optimizer()
    rows = stack.order(0)[:, :batch]

    def step() -> None:
        for _ in range(steps):
            stack.descend(stack.step(rows, ""), learner)

    times = in_turn({"floor": floor, "step": step}, rounds)
    found = ratio(times["step"], times["floor"])
    one = f"floor {1e6 * statistics.median(times['floor']) / steps:.0f} µs a step"
    yield Line("a step of R = 16 against its floor", f"{spread(found)} x", one, "≤ 3", found[0] <= 3)


def auto(rounds: int) -> Iterator[Line]:
    """Whether `auto` goes the faster way, on every shipped data set and model."""
    worst: tuple[float, str] = (0.0, "")
    tabular = {"regression": ("house_prices", "diabetes", "net_assets", "friedman")}
    tabular |= {"binary": ("breast_cancer", "loans", "pension", "imbalanced")}
    told = []
    for task, data in tabular.items():
        for name in data:
            for model in ("mlp", "linear"):
                small = a_protocol("few", 2, 4)
                (one,) = lossbench.cells("+loss=mse", f"task={task}", f"task/data={name}", f"model={model}")
                epochs = 4 if name in ("breast_cancer", "diabetes", "house_prices", "loans") else 1
                one = replace(
                    one, protocol=small, training=replace(one.training, max_epochs=epochs, batch_size=32, patience=None)
                )
                cells = {
                    engine: replace(one, training=replace(one.training, engine=engine))
                    for engine in ("auto", "replicas", "sequential")
                }
                times = in_turn({engine: lambda c=c: run(c) for engine, c in cells.items()}, rounds)
                medians = {engine: statistics.median(each) for engine, each in times.items()}
                faster = min(("replicas", "sequential"), key=medians.__getitem__)
                loss, _, _ = ratio(times["auto"], times[faster])
                gain = medians["sequential"] / medians["replicas"]
                told.append(f"{name} {model} {gain:.1f}")
                worst = max(worst, (loss, f"{name}, {model}"))
    gains = "sequential ÷ replicas: " + ", ".join(told)
    yield Line(
        "auto against the faster engine, the worst case",
        f"{worst[0]:.2f} x ({worst[1]})",
        gains,
        "≤ 1.1",
        worst[0] <= 1.1,
    )


MEMORY = """
import sys
from dataclasses import replace
from pathlib import Path
from tests.benchmarks.speed import cell, seeds, side_by_side
replicas, epochs = int(sys.argv[1]), int(sys.argv[2])
of = cell("+loss=mse", "task=binary")
of = replace(of, training=replace(of.training, max_epochs=epochs))
factory, chosen = seeds(of, [{}] * 10)
side_by_side(factory, chosen)
chosen = [replace(chosen[n % 10], number=n // 10) for n in range(replicas)]
Path("/proc/self/clear_refs").write_text("5")  # the peak of what is held is counted from here on
side_by_side(factory, chosen)
print(next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line))
"""


def memory(rounds: int) -> Iterator[Line]:
    """Peak memory of a training, by replicas and by epochs."""

    def peak(replicas: int, epochs: int) -> float:
        done = subprocess.run(
            [sys.executable, "-c", MEMORY, str(replicas), str(epochs)],
            cwd=HERE.parents[1],
            capture_output=True,
            text=True,
            check=True,
        )
        return int(done.stdout.split()[-1]) / 1024

    few, many, longer = (statistics.median(peak(*size) for _ in range(3)) for size in ((10, 10), (410, 10), (410, 60)))
    each, more = (many - few) / 400, longer - many
    told = f"{each:.2f} MB a replica; {more:+.1f} MB for 410 replicas from 10 to 60 epochs"
    yield Line("memory", told, f"10 replicas: {few:.0f} MB", "≤ 1 MB, flat", each <= 1 and more < 10)


ALL = (ten_seeds, against_lightning, standard_cell, whole_sweep, step_floor, auto, memory)
