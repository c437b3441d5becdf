"""Time and memory of `lossbench report` over many stored cells, in a process of its own."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lossbench.records.record import Record
from tests.benchmarks.measure import Line

MAKING = """
import json, re, sys, time
from pathlib import Path
begun = time.perf_counter()
from lossbench.__main__ import main
main(["report", sys.argv[1]])
ended = time.perf_counter()
# a child's ru_maxrss begins with its parent's
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 2**20
print(json.dumps({"seconds": ended - begun, "peak": peak, "size": (Path(sys.argv[1]) / "report.html").stat().st_size}))
"""


def reports(rounds: int) -> Iterator[Line]:
    """1,000 cells of ten repeats (ten losses on a hundred data sets), and three losses on two, as by default."""
    for what, tasks, losses, seconds in (("1,000 stored cells", 100, 10, 10.0), ("6 stored cells", 2, 3, 5.0)):
        found, slowest = measured(tasks, losses, rounds)
        yield Line(
            f"`lossbench report` over {what} × 10 repeats",
            f"{found['seconds']:.1f} s with imports (slowest of {rounds}: {slowest:.1f}), {found['peak']:.2f} GB",
            f"{found['size'] / 1e6:.1f} MB of HTML",
            f"< {seconds:.0f} s, < 1 GB",
            found["seconds"] < seconds and found["peak"] < 1,
        )


def measured(tasks: int, losses: int, rounds: int) -> tuple[dict[str, float], float]:
    """Medians over several runs on the same records, each in a process of its own, and the seconds of the slowest."""
    with tempfile.TemporaryDirectory() as folder:
        for place, record in enumerate(stored(tasks, losses)):
            record.save(Path(folder) / "sweep" / f"{place:04}")
        command = [sys.executable, "-c", MAKING, str(Path(folder) / "sweep")]
        found = [
            json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])
            for _ in range(rounds)
        ]
    medians = {name: statistics.median(float(one[name]) for one in found) for name in found[0]}
    return medians, max(float(one["seconds"]) for one in found)


def stored(tasks: int, losses: int) -> Iterator[Record]:
    """Records with trials, curves and predictions of 100 test rows, as trainings leave them."""
    from tests.report.test_report import with_evidence
    from tests.verdicts.test_comparison import BASE, regression

    draw = np.random.default_rng(0)
    for task in range(tasks):
        for loss in range(losses):
            errors = BASE + 0.3 * draw.normal() + 0.2 * draw.normal(size=10)
            title = "mse" if loss == 0 else f"huber(delta={loss}.5)"
            uneven = draw.uniform(0.5, 1.5, (10, 100))
            made = regression(title, errors, data=f"data {task}", uneven=uneven, rows=100)
            for repeat in made.repeats:
                rates = 10 ** draw.uniform(-4, 0, 16)
                values = draw.uniform(9, 12, 16)
                repeat.trials = [
                    {**repeat.trials[0], "learning_rate": float(rate), "value": float(value)}
                    for rate, value in zip(rates, values, strict=True)
                ]
            yield with_evidence(made, losses * task + loss, epochs=60)
