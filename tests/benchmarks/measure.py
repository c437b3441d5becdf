"""Timings that survive a shared machine: CPU seconds, the rivals in turn, medians of several rounds."""

from __future__ import annotations

import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One row of the table: what was measured, the yardstick beside it, and the goal."""

    what: str
    measured: str
    yardstick: str
    goal: str
    reached: bool | None


def in_turn(rivals: dict[str, Callable[[], object]], rounds: int = 5) -> dict[str, list[float]]:
    """CPU seconds of each rival in each round, one after the other, after a round that does not count."""
    found: dict[str, list[float]] = {name: [] for name in rivals}
    for number in range(rounds + 1):
        for name, work in rivals.items():
            start = time.process_time()
            work()
            if number:
                found[name].append(time.process_time() - start)
    return found


def ratio(times: Sequence[float], yardstick: Sequence[float]) -> tuple[float, float, float]:
    """The median of the ratios round by round, with the lowest and the highest."""
    each = [a / b for a, b in zip(times, yardstick, strict=True)]
    return statistics.median(each), min(each), max(each)


def spread(found: tuple[float, float, float], places: int = 2) -> str:
    middle, low, high = found
    return f"{middle:.{places}f} ({low:.{places}f}-{high:.{places}f})"


def cpu_of(command: Sequence[str], folder: str) -> float:
    """CPU seconds of a command and of all processes that it waits for."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
