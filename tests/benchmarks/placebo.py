"""python -m tests.benchmarks.placebo [--sets 100]: is a loss told apart from itself where positives are rare?

Every data set is drawn anew (3.6 % positives), and the same loss runs twice on it, the second time with draws of
its own: trial points, initial weights and batch orders. At the batch that the data ask for (256) and at 32 it prints in
how many data sets the two are told apart, one in twenty if all is well, and the mean difference with its standard error
over data sets. `make bench` leaves it out: a data set takes some 15 s.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch

import lossbench
from lossbench.plan import Cell
from lossbench.runs import inputs, study
from tests.coverage.experiment import gains_by_example, side
from tests.coverage.table import Share, of_rows

REPEATS = 5
SMALL = (
    "+loss=bce",
    "task=binary",
    "task/data=imbalanced",
    "task.data.rows=3000",
    f"protocol.repeats={REPEATS}",
    "protocol.trials=4",
    "training.max_epochs=8",
)
BATCHES = {"by the data": "null", "32": "32"}


def compared(number: int, batch: str) -> tuple[float, float]:
    """The placebo's mean gain in ROC-AUC on one data set, and its p for new rows."""
    words = (*SMALL, f"task.data.seed={number}", f"seed={number}", f"training.batch_size={batch}")
    cell: Cell = lossbench.cells(*words)[0]
    again = replace(cell, loss=replace(cell.loss, draw=1, label="placebo"))
    try:
        records = [study.run(each) for each in (cell, again)]
    finally:
        inputs._TASKS.clear()
    found = of_rows(side(gains_by_example("roc_auc", *records)), REPEATS)
    return found.mean, found.p


def measured(numbers: Sequence[int]) -> Iterator[tuple[int, str, float, float]]:
    for number in numbers:
        for name, batch in BATCHES.items():
            yield (number, name, *compared(number, batch))


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.benchmarks.placebo")
    parser.add_argument("--sets", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="the number of the first data set")
    options = parser.parse_args()
    torch.set_num_threads(1)
    study._cost = lambda *given: {}  # type: ignore[assignment]  # what a loss costs is no part of this
    found = []
    rows = csv.writer(sys.stdout)
    for row in measured(range(options.first, options.first + options.sets)):
        rows.writerow(row)
        sys.stdout.flush()
        found.append(row)
    for name in BATCHES:
        gains = np.array([gain for _, batch, gain, _ in found if batch == name])
        told = np.array([p < 0.05 for _, batch, _, p in found if batch == name])
        error = gains.std(ddof=1) / len(gains) ** 0.5
        print(f"{name}: told apart {Share.of(told)}, mean gain {gains.mean():+.4f} ± {error:.4f} ({len(gains)} sets)")


if __name__ == "__main__":
    main()
