"""Whether a stack gives what single trainings give, at full size: every table, every built-in loss, thirty epochs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import lossbench
from lossbench.plan import Cell, LossChoice
from lossbench.records.record import Record
from lossbench.runs.study import run
from tests.benchmarks.measure import Line
from tests.made import a_protocol

DATA = {
    "regression": ("house_prices", "diabetes", "net_assets", "friedman"),
    "binary": ("breast_cancer", "loans", "pension", "imbalanced"),
}
LOSSES = {
    "regression": (
        LossChoice("mse"),
        LossChoice("mae"),
        LossChoice("huber"),
        LossChoice("sum", {"terms": {"mse": 1.0, "mae": 0.5}}),
        LossChoice("scaled", {"loss": "huber", "factor": 10.0}),
    ),
    "binary": (
        LossChoice("mse"),
        LossChoice("bce"),
        LossChoice("sum", {"terms": {"bce": 1.0, "mse": 3.0}}),
        LossChoice("scaled", {"loss": "bce", "factor": 0.1}),
    ),
}


def apart(one: Record, other: Record) -> float:
    """The largest relative difference between any two metrics of two records, on the test and validation parts."""
    worst = 0.0
    for first, second in zip(one.repeats, other.repeats, strict=True):
        if (first.trial, first.best_epoch) != (second.trial, second.best_epoch):
            return float("inf")
        for metrics, others in ((first.metrics, second.metrics), (first.validation, second.validation)):
            worst = max([worst, *(abs(metrics[k] - others[k]) / max(abs(metrics[k]), 1e-300) for k in metrics)])
    return worst


def _pair(cell: Cell) -> tuple[Record, Record]:
    both = [run(replace(cell, training=replace(cell.training, engine=e))) for e in ("sequential", "replicas")]
    return both[0], both[1]


def agreement() -> Iterator[Line]:
    """Double precision at rates up to 1e-2; and the first epoch in single precision."""
    for task, names in DATA.items():
        for name in names:
            (found,) = lossbench.cells("+loss=mse", f"task={task}", f"task/data={name}")
            double = replace(
                found.training, max_epochs=30, batch_size=32, patience=None, learning_rate=1e-4, precision="64"
            )
            single = replace(double, max_epochs=1, precision="32")
            full, first = [], []
            for loss in LOSSES[task]:
                cell = replace(found, loss=loss, protocol=a_protocol("few", 1, 3))  # the centre, and two up to 1e-2
                full.append(apart(*_pair(replace(cell, training=double))))
                epochs = [[t.value for t in r.repeats[0].trials] for r in _pair(replace(cell, training=single))]
                first.append(max(abs(a - b) / abs(a) for a, b in zip(*epochs, strict=True)))
            told = f"{max(full):.1e}; first epoch in float32 {max(first):.1e}"
            what = f"stack against single trainings on {name}, {len(full)} losses, worst metric"
            yield Line(what, told, "relative", "≤ 1e-10; ≤ 1e-6", max(full) <= 1e-10 and max(first) <= 1e-6)
