"""Trainings over several devices: the numbers of one, from processes that do not talk to one another."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

import lossbench
from lossbench.plan import Cell
from lossbench.records.record import Record, Status, read_records
from lossbench.runs.study import run
from lossbench.runs.workers import devices
from tests.conftest import SMALL_TEXT
from tests.made import a_training

TEXT = (*SMALL_TEXT, "protocol.repeats=2", "protocol.trials=2", "training.max_epochs=2")
ROWS = ("task=regression", "task/data=diabetes", "protocol.repeats=4", "protocol.trials=2", "training.max_epochs=3")


def numbers(record: Record) -> list[object]:
    assert record.status is Status.DONE, record.reason
    return [(r.metrics, r.validation, r.trial, r.choice, r.hashes, r.best_epoch) for r in record.repeats]


@pytest.mark.long
@pytest.mark.parametrize("words", [TEXT, ROWS], ids=["sequential", "replicas"])
def test_two_devices_give_the_numbers_of_one(words: tuple[str, ...]) -> None:
    (cell,) = lossbench.cells("+loss=mse", *words, "training.devices=1")
    two = run(replace(cell, training=replace(cell.training, devices=2)))
    assert numbers(two) == numbers(run(cell))


def test_auto_is_one_device_a_core() -> None:
    assert devices(a_training(devices="auto")) == len(os.sched_getaffinity(0))
    assert devices(a_training(devices=3)) == 3


@pytest.mark.long
def test_a_loss_that_breaks_on_a_device_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_afar.py").write_text("def breaks(output, target):\n    raise RuntimeError('out of order')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    loss = ("+loss=custom", "loss.target=broken_afar.breaks", "loss.kind=continuous")
    (cell,) = lossbench.cells(*loss, *ROWS, "training.devices=2")
    record = run(cell)
    assert record.status is Status.FAILED
    assert "broke in step 0: RuntimeError: out of order" in record.reason
    assert run(_good(cell)).status is Status.DONE  # the next cell has devices again


def _good(cell: Cell) -> Cell:
    (plain,) = lossbench.cells("+loss=mse", *ROWS)
    return replace(cell, loss=plain.loss)


@pytest.mark.long
@pytest.mark.parametrize("wait", [0, 8], ids=["while they start", "while they train"])
def test_ctrl_c_ends_the_processes_too(tmp_path: Path, wait: int) -> None:
    words = ["+loss=mse", "task=ner", "training.devices=2", "tracking=off", "name=s", "training.max_epochs=5000"]
    command = [sys.executable, "-m", "lossbench", *words]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # a shell starts its background jobs deaf to Ctrl-C, and these tests may be one
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    deadline = time.monotonic() + 240
    while len(_children(process.pid)) < 2 and time.monotonic() < deadline:
        time.sleep(0.2)
    started = _children(process.pid)
    assert len(started) >= 2
    time.sleep(wait)
    os.kill(process.pid, signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode == 130
    while any(map(_alive, started)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not any(map(_alive, started))
    (record,) = [r for r in read_records(tmp_path / "results" / "s") if r.title == "mse"]
    assert record.status is Status.INTERRUPTED


def _children(pid: int) -> list[int]:
    """The processes that this one gave work to."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = place.joinpath("stat").read_text().rpartition(")")[2].split()[1]
            if int(parent) == pid and "spawn_main" in place.joinpath("cmdline").read_text():
                found.append(int(place.name))
    return found


def _alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().split(")")[1][:3]
    except OSError:
        return False
