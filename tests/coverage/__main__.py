"""python -m tests.coverage [DESIGN...] [--hours H] [--processes 2] [--sets N]: runs on, or with --write the table.

A data set costs 2 to 10 s of CPU time, all designs some ten hours. What is done is kept in `results/coverage`, and a
run goes on with the data sets that are missing, one per design in turn.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from tests.coverage import store, table
from tests.coverage.designs import DESIGNS, Design
from tests.coverage.experiment import NotDone, Outcome, run

REPORT = Path(__file__).parents[2] / "results" / "coverage.md"
BEGIN, END = "<!-- the table begins -->", "<!-- the table ends -->"


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.coverage")
    parser.add_argument("designs", nargs="*", metavar="DESIGN", help=f"all if none: {', '.join(DESIGNS)}")
    parser.add_argument("--hours", type=float, default=float("inf"), help="wall clock after which no data set is begun")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--sets", type=int, help="data sets per design; left out, as many as the design asks for")
    parser.add_argument("--write", action="store_true", help="put the table into results/coverage.md; nothing is run")
    options = parser.parse_args()
    if options.write:
        _write()
        return
    unknown = [name for name in options.designs if name not in DESIGNS]
    if unknown:
        parser.error(f"there is no design '{unknown[0]}'; there are {', '.join(DESIGNS)}")
    designs = [DESIGNS[name] for name in options.designs or DESIGNS]
    _run(designs, options.sets, options.processes, time.monotonic() + 3600 * options.hours)


def _run(designs: list[Design], sets: int | None, processes: int, end: float) -> None:
    left = _missing(designs, sets)
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        running: dict[Future[Outcome], Design] = {}
        while True:
            while len(running) < processes and time.monotonic() < end and (job := next(left, None)):
                running[pool.submit(run, *job)] = job[0]
            if not running:
                return
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                design = running.pop(done)
                try:
                    store.append(design, done.result())
                except NotDone as error:  # a repeat or a half diverged: told, and tried again by the next run
                    print(f"not done: {error}", flush=True)


def _write() -> None:
    """Replaces the table between the marks."""
    before, _, rest = REPORT.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    REPORT.write_text(f"{before}{BEGIN}\n\n{chr(10).join(table.lines())}\n\n{END}{after}", "utf-8")


def _missing(designs: list[Design], sets: int | None) -> Iterator[tuple[Design, int]]:
    done = {design.name: {outcome.number for outcome in store.read(design)} for design in designs}
    for number in range(max(sets or design.sets for design in designs)):
        for design in designs:
            if number < (sets or design.sets) and number not in done[design.name]:
                yield design, number


if __name__ == "__main__":
    main()
