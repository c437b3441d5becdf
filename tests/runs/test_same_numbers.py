"""The numbers of before: what lossbench trained, chose and measured before its rooms were rearranged.

`tests/runs/stored/numbers.json` was written by `python -m tests.runs.test_same_numbers` at the commit that it names.
Splits, weights, orders and trial points are the same everywhere; what follows from float32 products is the same on one
kind of processor only, and is compared where the test runs on that kind.
"""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

import lossbench
from lossbench.plan import Cell

pytestmark = pytest.mark.long
STORED = Path(__file__).parent / "stored" / "numbers.json"
SMALL = ("protocol=smoke", "protocol.repeats=2", "protocol.trials=3")
TABLE = (*SMALL, "training.max_epochs=4", "training.patience=null")
TEXT = (*SMALL, "training.max_epochs=2", "task.data.sentences=300", "task.data.test_sentences=120")
RUNS: Mapping[str, tuple[str, ...]] = {
    **{
        f"regression/{data}/{loss}": (f"+loss={loss}", "task=regression", f"task/data={data}", *TABLE)
        for data in ("diabetes", "friedman", "net_assets")
        for loss in ("mse", "huber", "mae", "log_cosh", "gaussian_nll", "student_t_nll")
    },
    **{
        f"binary/{data}/{loss}": (f"+loss={loss}", "task=binary", f"task/data={data}", *TABLE)
        for data in ("breast_cancer", "loans")
        for loss in ("bce", "focal", "hinge", "dice", "weighted_bce", "brier", "asl")
    },
    **{
        f"binary/breast_cancer/bce/{metric}": ("+loss=bce", "task=binary", f"task.metric={metric}", *TABLE)
        for metric in ("f1", "average_precision", "accuracy", "log_loss", "brier", "ece")
    },
    **{
        f"regression/diabetes/mse/{metric}": ("+loss=mse", "task/data=diabetes", f"task.metric={metric}", *TABLE)
        for metric in ("mae", "r2")
    },
    **{f"ner/generated/{loss}": (f"+loss={loss}", "task=ner", *TEXT) for loss in ("cross_entropy", "crf", "focal")},
}


def processor() -> str:
    """What decides the last bits of float32 products."""
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return f"{names[0].partition(':')[2].strip() if names else ''} {torch.backends.cpu.get_cpu_capability()}"


def numbers(words: tuple[str, ...]) -> list[dict[str, Any]]:
    """Of each repeat: what was drawn, and what was chosen and measured."""
    torch.set_num_threads(1)
    (cell,) = _cells(words)
    record = lossbench.run(cell)
    assert record.status.value == "done", record.reason
    kept = ("trial", "best_epoch", "epochs", "ties", "decision", "validation", "metrics")
    return [
        {
            "drawn": {**repeat.hashes, "points": [[t.learning_rate, t.params] for t in repeat.trials]},
            "found": {name: getattr(repeat, name) for name in kept}
            | {"values": [trial.value for trial in repeat.trials]},
        }
        for repeat in record.repeats
    ]


def _cells(words: tuple[str, ...]) -> Iterator[Cell]:
    yield from lossbench.cells(*words)


@pytest.mark.parametrize("name", RUNS)
def test_a_run_on_packaged_data_gives_the_numbers_of_before(name: str) -> None:
    stored = json.loads(STORED.read_text("utf-8"))
    for was, now in zip(stored["runs"][name], json.loads(json.dumps(numbers(RUNS[name]))), strict=True):
        assert now["drawn"] == was["drawn"]
        if processor() == stored["processor"]:
            assert same(now["found"], was["found"]), (now["found"], was["found"])


def same(now: Any, was: Any) -> bool:
    """Equal, numbers within 1e-12; metrics that were added since are left out."""
    if isinstance(was, dict):
        return all(name in now and same(now[name], value) for name, value in was.items())
    if isinstance(was, list):
        return len(now) == len(was) and all(map(same, now, was))
    if isinstance(was, float):
        return math.isclose(now, was, rel_tol=1e-12, abs_tol=1e-12) or (now != now and was != was)
    return bool(now == was)


def main() -> None:
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    runs = {name: numbers(words) for name, words in RUNS.items()}
    STORED.parent.mkdir(exist_ok=True)
    STORED.write_text(json.dumps({"commit": commit, "processor": processor(), "runs": runs}) + "\n", "utf-8")


if __name__ == "__main__":
    main()
