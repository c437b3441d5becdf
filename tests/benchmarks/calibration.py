"""python -m tests.benchmarks.calibration: whether plain losses come out calibrated where positives are rare.

One table per data seed, on generated points with 3.6 % positives: the plain cross-entropy, the same with its weight
given as 1, focal and weighted losses, and the trivial row, which gives every row the share of positives. About ten
minutes on one core; `make bench` leaves it out.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable

import torch

import lossbench
from lossbench.records.record import Record
from lossbench.runs.study import run, run_references

LOSSES = ("bce", "focal", "weighted_bce", "label_smoothing_bce")
SMALL = ("task=binary", "task/data=imbalanced", "training.batch_size=128")


def measured(losses: Iterable[str], *more: str) -> dict[str, Record]:
    """The records of losses, of `bce(pos_weight=1)` and of the reference rows, on one imbalanced data set."""
    words = [(f"+loss={name}",) for name in losses] + [("+loss=bce", "loss.params.pos_weight=1.0")]
    cells = [cell for said in words for cell in lossbench.cells(*said, *SMALL, *more)]
    return {record.title: record for record in (*map(run, cells), *run_references(cells[0]))}


def table(records: dict[str, Record]) -> str:
    head = "| row | elicits | ROC-AUC | log loss | ECE |\n|---|---|---:|---:|---:|"
    return "\n".join([head, *map(_row, sorted(records.values(), key=lambda r: _mean(r, "log_loss")))])


def _row(record: Record) -> str:
    numbers = " | ".join(f"{_mean(record, name):.3f}" for name in ("roc_auc", "log_loss", "ece"))
    return f"| {record.title} | {record.loss.elicits} | {numbers} |"


def _mean(record: Record, metric: str) -> float:
    values = record.values(metric)
    return sum(values) / len(values)


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.benchmarks.calibration")
    parser.add_argument("overrides", nargs="*", help="task.data.rows=6000 protocol.repeats=5 training.max_epochs=20")
    options = parser.parse_args()
    torch.set_num_threads(1)
    usual = options.overrides or ["task.data.rows=6000", "protocol.repeats=5", "training.max_epochs=20"]
    for seed in (0, 1):
        print(f"\nData seed {seed}: {' '.join(usual)}\n")
        print(table(measured(LOSSES, f"task.data.seed={seed}", *usual)), flush=True)


if __name__ == "__main__":
    main()
