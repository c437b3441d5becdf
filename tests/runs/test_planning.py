"""`lossbench plan`: what a command takes and what it can tell, and that nothing is kept of having asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import lossbench as package
from lossbench.runs.estimate import estimate
from tests.conftest import SMALL_TEXT, Result

Command = Callable[..., Result]


def test_a_plan_tells_cells_trainings_time_memory_and_what_can_be_found(lossbench: Command, folder: Path) -> None:
    result = lossbench("plan", "+loss=mse,huber", "-m", "task=regression")
    assert result.code == 0, result.text
    assert "2 cells of 10 repeats of 8 trials: 160 trainings" in result.text
    assert "all runs together" in result.text
    assert "GB of memory" in result.text
    assert (
        "80 % power to detect a difference of 1.00 SD of the paired differences" in result.text
    )  # n = 10: Cohen 1988, power .803 at d = 1
    assert not (folder / "results").exists()


@pytest.mark.long
def test_a_plan_knows_the_spread_of_earlier_records(lossbench: Command) -> None:
    words = (
        "+loss=mse,mae",
        "-m",
        "task=regression",
        "protocol.repeats=3",
        "protocol.trials=1",
        "training.max_epochs=3",
    )
    assert "by earlier records" not in lossbench("plan", *words).text
    assert lossbench(*words).code == 0
    assert "rmse, from earlier records" in lossbench("plan", *words).text


def test_one_repeat_is_told_to_tell_nothing(lossbench: Command) -> None:
    result = lossbench("plan", "+loss=mse", "task=regression", "protocol.repeats=1", "protocol.trials=2")
    assert "one repeat cannot tell a difference from chance" in result.text


def test_a_plan_of_what_cannot_be_is_refused_like_the_command(lossbench: Command) -> None:
    result = lossbench("plan", "+loss=mze", "-m")
    assert result.code == 2
    assert "Did you mean mse" in result.err


def test_a_big_model_is_planned_one_training_after_the_other() -> None:
    (cell,) = package.cells("+loss=mse", *SMALL_TEXT, "protocol.repeats=3", "protocol.trials=2", "training.devices=1")
    found = estimate(cell)
    assert found is not None
    assert found.engine == "sequential"
    twice = estimate(replace(cell, protocol=replace(cell.protocol, repeats=30)))
    assert twice is not None
    assert twice.seconds > 2 * found.seconds  # ten times the trainings; timings are rough, their order is not


def test_a_loss_that_breaks_has_no_estimate(lossbench: Command, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "broken_plan.py").write_text("def breaks(output, target):\n    raise RuntimeError\n")
    monkeypatch.syspath_prepend(str(folder))
    result = lossbench(
        "plan", "+loss=custom", "loss.target=broken_plan.breaks", "loss.kind=continuous", "task=regression"
    )
    assert result.code == 0, result.text
    assert "the cell itself will say why" in result.text
