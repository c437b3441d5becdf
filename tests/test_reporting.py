"""From stored records to a comparison, to another metric and to plain PyTorch. Metrics are checked by scikit-learn."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from lossbench.__main__ import main
from lossbench.errors import InputError, UnknownName
from lossbench.recipe import recipe
from lossbench.record import Record
from lossbench.reporting import find_sweep, judged, rejudged
from lossbench.verdicts.judging import compare
from tests.test_comparison import a_record, binary, gaining, mse


def saved(folder: Path, *records: Record) -> Path:
    for record in records:
        record.sweep = folder.name
        record.save(folder / f"{record.data['name']}-{record.title}-{record.role}")
    return folder


@pytest.fixture
def labelled() -> Record:
    draw = np.random.default_rng(0)
    target = np.resize([0.0, 1.0], 60)
    return binary("bce", np.clip(0.5 + 0.4 * (target - 0.5) + 0.25 * draw.normal(size=(4, 60)), 0.02, 0.98), target)


# Several sweeps -------------------------------------------------------------------------------------------------------


def test_two_sweeps_are_compared_as_one_and_the_same_cell_counts_once(tmp_path: Path) -> None:
    one = saved(tmp_path / "one", mse(), gaining("huber", 0.5, 0.1))
    two = saved(tmp_path / "two", mse(), gaining("mae", 0.3, 0.1))
    (contest,) = judged([one, two]).contests
    assert sorted(c.title for c in contest.contenders) == ["huber", "mae", "mse"]
    assert judged([one, two]).name == "one + two"


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (mse(protocol={"name": "strict"}), r"different protocols on houses \(strict, 10 repeats of 2 trials, seed 0"),
        (mse(protocol={"trials": 9}), "10 repeats of 9 trials"),
        (mse(digest="other rows"), "hold different rows under the name houses"),
    ],
    ids=["protocol", "trials", "data"],
)
def test_sweeps_that_do_not_belong_together_are_refused_by_name(tmp_path: Path, other: Record, said: str) -> None:
    other.contest = "another"
    one, two = saved(tmp_path / "one", mse(), gaining("huber", 0.5, 0.1)), saved(tmp_path / "two", other)
    with pytest.raises(InputError, match=said) as error:
        judged([one, two])
    assert "one" in str(error.value)
    assert "two" in str(error.value)


def test_other_tasks_of_another_sweep_are_tasks_of_their_own(tmp_path: Path, labelled: Record) -> None:
    one, two = saved(tmp_path / "one", mse()), saved(tmp_path / "two", labelled)
    assert [c.task for c in judged([one, two]).contests] == ["regression", "binary"]


def test_a_sweep_that_is_not_there_names_the_latest(tmp_path: Path) -> None:
    for number in range(7):
        saved(tmp_path / f"sweep {number}", mse())
    with pytest.raises(InputError, match=r"No sweep is called 'x' in .* The latest: sweep 2, .*, sweep 6\."):
        find_sweep("x", tmp_path)
    assert find_sweep("sweep 3", tmp_path) == find_sweep(str(tmp_path / "sweep 3"), tmp_path / "nowhere")
    with pytest.raises(InputError, match="The latest: none"):
        find_sweep("x", tmp_path / "nowhere")


def test_the_rules_of_the_sweep_are_kept(tmp_path: Path) -> None:
    folder = saved(tmp_path / "one", mse(), gaining("huber", 0.5, 0.1))
    (folder / "plan.json").write_text('{"cells": [], "report": {"scope": "test", "baseline": "huber"}}')
    found = judged([folder])
    assert (found.rules.scope, found.contests[0].baseline) == ("test", "huber")


# Another metric -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["average_precision", "f1", "accuracy", "brier", "log_loss"])
def test_a_stored_metric_judges_with_the_values_that_it_had(tmp_path: Path, labelled: Record, metric: str) -> None:
    folder = saved(tmp_path / "one", labelled)
    (contest,) = rejudged([folder], metric, None, None).contests
    assert contest.metric == metric
    assert contest.contenders[0].values == pytest.approx(labelled.values(metric))


def by_hand(target: Any, prediction: Any) -> float:
    """The median absolute error: no metric of the task's."""
    return float(np.median(np.abs(np.asarray(target) - np.asarray(prediction))))


def test_a_function_of_ones_own_judges_what_is_stored(tmp_path: Path) -> None:
    records = [mse(), gaining("huber", 0.5, 0.1)]
    folder = saved(tmp_path / "one", *records)
    (contest,) = rejudged([folder], "tests.test_reporting.by_hand", "min", 0.05).contests
    assert (contest.metric, contest.direction, contest.margin) == ("by_hand", "min", 0.05)
    arrays = records[1].arrays
    wanted = [sk.median_absolute_error(arrays[f"test/{r}/target"], arrays[f"test/{r}/score"]) for r in range(10)]
    assert contest.find("huber").values == pytest.approx(wanted)
    assert contest.find("huber").difference is not None


def test_another_metric_needs_a_direction_and_a_name_that_exists(tmp_path: Path) -> None:
    folder = saved(tmp_path / "one", mse())
    with pytest.raises(InputError, match="needs --direction min or --direction max"):
        rejudged([folder], "tests.test_reporting.by_hand", None, None)
    with pytest.raises(InputError, match=r"No task here has the metric .speed.\. They have: rmse, mae, r2"):
        rejudged([folder], "speed", None, None)


# Taking it home -------------------------------------------------------------------------------------------------------


def run(lines: str) -> str:
    """What the lines leave, in a process of their own."""
    told = "print(type(loss).__name__, optimizer.param_groups[0]['lr'], prediction.score.shape[0])"
    code = f"scope = {{}}\nexec({lines!r}, scope)\nexec({told!r}, scope)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_the_lines_for_numbers_run_with_the_loss_parameters_and_rate_of_the_records() -> None:
    """By hand: rates .001 and .01 in turn have the geometric mean .00316; deltas 1 and 2 the median 1.5."""
    chosen = gaining("huber", 0.5, 0.1)
    chosen.loss["params"] = {"delta": 1.0}
    for repeat in chosen.repeats:
        repeat.params = {"delta": 1.0 + repeat.repeat % 2}
        repeat.learning_rate = (0.001, 0.01)[repeat.repeat % 2]
    lines = recipe(compare([mse(), chosen]))
    assert 'lossbench.load_loss("huber", kind="continuous", delta=1.5)' in lines
    assert "lr=0.0032" in lines
    assert "range(2)" in lines  # epochs 0 and 1
    assert run(lines).split()[1:] == ["0.0032", "256"]


def test_the_lines_for_labels_run_and_hold_the_threshold(labelled: Record) -> None:
    for repeat, threshold in zip(labelled.repeats, (0.2, 0.3, 0.4, 0.9), strict=True):
        repeat.decision = {"f1": threshold}
    lines = recipe(compare([labelled]))
    assert "prediction.probability > 0.35" in lines
    assert run(lines).split()[1:] == ["0.001", "256"]


def test_the_lines_for_classes_run() -> None:
    repeats = mse().repeats
    made = a_record("cross_entropy", "regression", "words", repeats)
    made.loss["kind"] = "classes"
    assert run(recipe(compare([made]))).split()[1:] == ["0.001", "256"]


def test_taking_home_what_is_not_there_is_an_error_in_words(tmp_path: Path) -> None:
    comparison = compare([mse(data="a"), mse(data="b"), gaining("huber", 1, 0.1, data="b")])
    with pytest.raises(InputError, match=r"say which with --task \(a, b\)"):
        recipe(comparison)
    with pytest.raises(UnknownName, match="hubert"):
        recipe(comparison, "hubert", "b")
    with pytest.raises(UnknownName, match="'c'"):
        recipe(comparison, None, "c")
    own = gaining("mine", 1, 0.1)
    own.loss["target"] = "my.module.Mine"
    with pytest.raises(InputError, match=r"my\.module\.Mine, a loss of your own"):
        recipe(compare([mse(), own]), "mine")


def test_a_pick_of_ones_own_is_an_error_in_words_too() -> None:
    own = gaining("mine", 1, 0.1)
    own.loss["target"] = "my.module.Mine"
    with pytest.raises(InputError, match=r"my\.module\.Mine, a loss of your own"):
        recipe(compare([mse(), own]))


def test_the_commands_say_what_is_wrong_and_exit_with_2(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    saved(tmp_path / "one", mse(), gaining("huber", 0.5, 0.1))
    results = f"results={tmp_path}"
    assert main(["use", "two", results]) == 2
    assert "No sweep is called 'two'" in capfd.readouterr().err
    assert main(["use", "one", "--loss", "huber", results]) == 0
    assert re.search(r'load_loss\("huber"', capfd.readouterr().out)
    assert main(["rescore", "one", results, "--metric", "mae"]) == 0
    assert "MAE" in capfd.readouterr().out
