"""Outcomes on disk: one CSV file per design, one line per data set, so that a run goes on where it was cut off."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lossbench.verdicts.statistics import Crossed, Halves
from tests.coverage.designs import COUNTS, HALVES, Design
from tests.coverage.experiment import Outcome, Side

FOLDER = Path(__file__).parents[2] / "results" / "coverage"


def columns(design: Design) -> list[str]:
    sides = []
    for side in ("rival", "placebo"):
        sides += [f"{side}_{repeat}" for repeat in range(design.repeats)]
        for count in counts(design):
            sides += [f"{side}_examples_{count}", f"{side}_rest_{count}"]
            sides += [f"{side}_apart_{count}", f"{side}_within_{count}"] if side == "rival" and design.halves else []
    return ["set", "truth", "truth_error", "examples", *sides]


def counts(design: Design) -> tuple[int, ...]:
    """Numbers of repeats that a design has runs of."""
    return tuple(count for count in COUNTS if count <= design.repeats)


def append(design: Design, outcome: Outcome) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{design.name}.csv"
    new = not path.exists()
    values: list[float] = [outcome.truth, outcome.truth_error]
    sides: list[float] = []
    for side in (outcome.rival, outcome.placebo):
        sides += list(side.gains)
        for count in counts(design):
            sides += [side.layouts[count].ms_examples, side.layouts[count].ms_rest]
            sides += [side.halves[count].apart, side.halves[count].within] if side.halves else []
    examples = outcome.rival.layouts[counts(design)[0]].examples
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(columns(design))
        writer.writerow([outcome.number, *(f"{v:.6g}" for v in values), examples, *(f"{v:.6g}" for v in sides)])


def read(design: Design) -> list[Outcome]:
    return list(_read(design))


def _read(design: Design) -> Iterator[Outcome]:
    path = FOLDER / f"{design.name}.csv"
    if not path.exists():
        return
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            yield Outcome(
                int(row["set"]),
                _side(design, row, "rival"),
                _side(design, row, "placebo"),
                float(row["truth"]),
                float(row["truth_error"]),
            )


def _side(design: Design, row: dict[str, str], side: str) -> Side:
    gains = np.array([float(row[f"{side}_{repeat}"]) for repeat in range(design.repeats)])
    layouts = {
        count: Crossed(
            count, int(row["examples"]), float(row[f"{side}_examples_{count}"]), float(row[f"{side}_rest_{count}"])
        )
        for count in counts(design)
    }
    halves = {
        count: Halves(HALVES, float(row[f"{side}_apart_{count}"]), float(row[f"{side}_within_{count}"]))
        for count in counts(design)
        if f"{side}_apart_{count}" in row
    }
    return Side(gains, layouts, halves)
