"""python -m tests.benchmarks [NAME...] [--rounds 5] [--pairs 200] [--write]: the table, and where it goes."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch

from tests.benchmarks import agreement, fairness, losses, reports, speed, verdicts
from tests.benchmarks.measure import Line

AGAINST_LIBRARIES = ("losses", "crf")
"""Run by name, in the environment that has the other libraries: without them a rival would be missing."""
REPORT = Path(__file__).parents[2] / "results" / "benchmarks.md"
BEGIN, END = "<!-- make bench writes from here -->", "<!-- to here -->"


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.benchmarks")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"all if none, but for {' and '.join(AGAINST_LIBRARIES)}"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=200, help="A/A pairs a data set")
    parser.add_argument("--write", action="store_true", help="put the table into results/benchmarks.md")
    options = parser.parse_args()
    torch.set_num_threads(1)
    work: dict[str, Callable[[], Iterator[Line]]] = {f.__name__: partial(f, options.rounds) for f in speed.ALL}
    work |= {
        "agreement": agreement.agreement,
        "scales": fairness.scales,
        "pairs": partial(fairness.pairs, options.pairs),
        "losses": partial(losses.losses, options.rounds),
        "crf": partial(losses.crf, options.rounds),
        "reports": partial(reports.reports, options.rounds),
        "false_alarms": verdicts.false_alarms,
        "tiers": verdicts.tiers,
        "coverage": verdicts.coverage,
        "power": verdicts.power,
    }
    unknown = [name for name in options.names if name not in work]
    if unknown:
        parser.error(f"there is no benchmark '{unknown[0]}'; there are {', '.join(work)}")
    lines = []
    for name in options.names or [name for name in work if name not in AGAINST_LIBRARIES]:
        for line in work[name]():
            lines.append(_row(line))
            print(lines[-1], flush=True)
    if options.write:
        _write(lines)
    return 0


def _row(line: Line) -> str:
    mark = {True: "yes", False: "**no**", None: ""}[line.reached]
    return f"| {line.what} | {line.measured} | {line.yardstick} | {line.goal} | {mark} |"


def _write(lines: list[str]) -> None:
    """Replaces the rows of the same name and adds the new ones, between the marks of the report."""
    text = REPORT.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    inside, _, after = rest.partition(END)
    old = {
        row.split("|")[1].strip(): row for row in inside.splitlines() if row.startswith("| ") and "measured" not in row
    }
    new = {row.split("|")[1].strip(): row for row in lines}
    rows = [*{**old, **new}.values()]
    versions = f"Python {platform.python_version()}, torch {torch.__version__}"
    machine = f"{date.today()}, {_processor()}, {os.cpu_count()} cores, {versions}"
    head = [
        "",
        f"Last run: {machine}.",
        "",
        "| what | measured | yardstick | goal | reached |",
        "|---|---|---|---|---|",
    ]
    REPORT.write_text("\n".join([before.rstrip("\n"), "", BEGIN, *head, *rows, "", END]) + after, "utf-8")


def _processor() -> str:
    try:
        names = [
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ]
    except OSError:
        names = []
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    sys.exit(main())
