"""From stored records to a comparison, to another metric and to plain PyTorch. Metrics are checked by scikit-learn."""

from __future__ import annotations

import gc
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from lossbench.__main__ import main
from lossbench.errors import InputError
from lossbench.plan import Direction, Penalty, Scope
from lossbench.records.facts import MetricFacts
from lossbench.records.record import Record, Status
from lossbench.records.store import find_sweep
from lossbench.verdicts.sweeps import judged, rejudged
from tests.made import altered
from tests.verdicts.test_comparison import BASE, binary, gaining, mse, regression


def saved(folder: Path, *records: Record) -> Path:
    for record in records:
        record.sweep = folder.name
        record.save(folder / f"{record.data.name}-{record.title}-{record.role}")
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
    assert (found.rules.scope, found.contests[0].baseline) == (Scope.TEST, "huber")


def test_records_come_in_the_order_of_the_command(tmp_path: Path, labelled: Record) -> None:
    folder = saved(tmp_path / "one", mse(data="b"), mse(data="a"), labelled)
    cells = [{"folder": name} for name in ("loans-bce-chosen", "b-mse-chosen", "a-mse-chosen")]
    (folder / "plan.json").write_text(json.dumps({"cells": cells}))
    assert [c.name for c in judged([folder]).contests] == ["loans", "b", "a"]
    assert judged([folder]).rules.scope is Scope.ROWS  # a plan that says nothing of it


def test_the_first_sweep_gives_the_rules_and_the_cell_that_counts(tmp_path: Path) -> None:
    one = saved(tmp_path / "one", mse(), gaining("huber", 0.5, 0.1))
    two = saved(tmp_path / "two", regression("mse", 2 * BASE), gaining("mae", 0.3, 0.1))
    (one / "plan.json").write_text('{"cells": [], "report": {"scope": "test"}}')
    found = judged([one, two])
    assert found.rules.scope is Scope.TEST
    assert found.contests[0].find("mse").mean == pytest.approx(BASE.mean())


def test_a_cell_that_one_sweep_skipped_is_taken_from_the_other(tmp_path: Path) -> None:
    skipped = gaining("huber", 0.5, 0.1, status=Status.SKIPPED, protocol={"name": "strict"})
    skipped.repeats = []
    one, two = saved(tmp_path / "one", mse(), skipped), saved(tmp_path / "two", mse(), gaining("huber", 0.5, 0.1))
    assert sorted(c.title for c in judged([one, two]).contests[0].contenders) == ["huber", "mse"]


def test_every_reference_row_of_merged_sweeps_stays(tmp_path: Path) -> None:
    references = [regression(title, 5 * BASE, role="reference") for title in ("trivial", "boosting")]
    one, two = saved(tmp_path / "one", mse(), *references), saved(tmp_path / "two", gaining("huber", 0.5, 0.1))
    assert sorted(c.title for c in judged([one, two]).contests[0].references) == ["boosting", "trivial"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seed", 1),
        ("penalty", Penalty("l2", "weights", 2, 0.1)),
        ("training", {"batch_size": 64}),
        ("task", {"metric": "mae"}),
    ],
)
def test_sweeps_that_differ_in_what_all_losses_share_are_not_mixed(tmp_path: Path, key: str, value: object) -> None:
    other = gaining("huber", 0.5, 0.1, contest="another")
    other.cell = altered(other.cell, **{key: value})
    one, two = saved(tmp_path / "one", mse()), saved(tmp_path / "two", other)
    with pytest.raises(InputError, match="different protocols on houses"):
        judged([one, two])


def test_rows_of_which_no_digest_is_known_are_taken_for_the_same(tmp_path: Path) -> None:
    one, two = saved(tmp_path / "one", mse(digest="")), saved(tmp_path / "two", gaining("huber", 0.5, 0.1))
    assert len(judged([one, two]).contests[0].contenders) == 2


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
    (contest,) = rejudged([folder], "tests.verdicts.test_reporting.by_hand", "min", 0.05).contests
    assert (contest.metric, contest.direction, contest.margin) == ("by_hand", Direction.MIN, 0.05)
    arrays = records[1].arrays
    wanted = [sk.median_absolute_error(arrays[f"test/{r}/target"], arrays[f"test/{r}/score"]) for r in range(10)]
    assert contest.find("huber").values == pytest.approx(wanted)
    assert contest.find("huber").difference is not None


def test_another_metric_needs_a_direction_and_a_name_that_exists(tmp_path: Path) -> None:
    folder = saved(tmp_path / "one", mse())
    with pytest.raises(InputError, match="needs --direction min or --direction max"):
        rejudged([folder], "tests.verdicts.test_reporting.by_hand", None, None)
    with pytest.raises(InputError, match=r"No task here has the metric .speed.\. They have: rmse, mae, r2"):
        rejudged([folder], "speed", None, None)


def test_another_metric_brings_its_direction_and_the_margin_that_is_said(tmp_path: Path, labelled: Record) -> None:
    folder = saved(tmp_path / "one", labelled)
    for metric, direction in (("average_precision", Direction.MAX), ("log_loss", Direction.MIN)):
        (contest,) = rejudged([folder], metric, None, 0.7).contests
        assert (contest.direction, contest.margin) == (direction, 0.7)


def test_a_function_of_ones_own_sees_the_test_part_alone(tmp_path: Path) -> None:
    """The median absolute error is scikit-learn's, of the stored test predictions."""
    record = mse()
    for name in record.arrays:
        if name.startswith("validation/") and name.endswith("/score"):
            record.arrays[name] = record.arrays[name] + 50
    (contest,) = rejudged(
        [saved(tmp_path / "one", record)], "tests.verdicts.test_reporting.by_hand", "min", None
    ).contests
    arrays = record.arrays
    wanted = [sk.median_absolute_error(arrays[f"test/{r}/target"], arrays[f"test/{r}/score"]) for r in range(10)]
    assert contest.contenders[0].values == pytest.approx(wanted)


def of_ones_own(title: str, gain: float, *, influence: bool) -> Record:
    """A record of a sweep whose metric is a function that is no longer there."""
    record = mse() if title == "mse" else gaining(title, gain, 0.1)
    record.cell = altered(record.cell, task={"metric": "gone.by_hand"})
    record.metric = MetricFacts("by_hand", Direction.MIN)
    record.directions = {"by_hand": Direction.MIN, **record.directions}
    for repeat in record.repeats:
        repeat.metrics = {"by_hand": repeat.metrics["rmse"], **repeat.metrics}
        if influence:
            record.arrays[f"test/{repeat.repeat}/influence/by_hand"] = np.full(40, repeat.metrics["rmse"])
    return record


@pytest.mark.parametrize("influence", [True, False])
def test_a_metric_of_ones_own_is_judged_by_what_was_stored_of_it_and_old_records_have_no_interval(
    tmp_path: Path, influence: bool
) -> None:
    records = [of_ones_own(title, 0.5, influence=influence) for title in ("mse", "huber")]
    (contest,) = judged([saved(tmp_path / "one", *records)]).contests
    difference = contest.find("huber").difference
    assert difference is not None
    assert difference.test.mean == pytest.approx(0.5)
    assert (difference.new_rows is not None) is influence
    assert contest.find("huber").values == pytest.approx(records[1].values("by_hand"))


# The commands ---------------------------------------------------------------------------------------------------------


def test_the_commands_say_what_is_wrong_and_exit_with_2(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    saved(tmp_path / "one", mse(), gaining("huber", 0.5, 0.1))
    results = f"results={tmp_path}"
    assert main(["use", "two", results]) == 2
    assert "No sweep is called 'two'" in capfd.readouterr().err
    assert main(["use", "one", "--loss", "huber", results]) == 0
    assert re.search(r"load_loss\('huber'", capfd.readouterr().out)
    assert main(["rescore", "one", results, "--metric", "mae"]) == 0
    assert "MAE" in capfd.readouterr().out


def told(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "report.json").read_text("utf-8"))
    return found


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Two sweeps of which the first was run under rules of its own."""
    folder = tmp_path / "results"
    one = saved(folder / "one", mse(), gaining("huber", 0.5, 0.1), regression("trivial", 5 * BASE, role="reference"))
    saved(folder / "two", mse(), gaining("mae", 0.3, 0.1))
    (one / "plan.json").write_text('{"cells": [], "report": {"scope": "test", "baseline": "huber"}}')
    return folder


def test_a_report_keeps_the_rules_of_its_sweep_but_for_what_is_said(results: Path, tmp_path: Path) -> None:
    def report(*words: str) -> tuple[str, str]:
        assert main(["report", "one", f"results={results}", "--to", str(tmp_path / "there"), *words]) == 0
        assert not (results / "one" / "report.html").exists()
        found = told(tmp_path / "there")
        return found["scope"], found["contests"][0]["baseline"]

    assert report() == ("test", "huber")
    assert report("--scope", "population") == ("rows", "huber")  # its older name
    assert report("--scope", "training_rows") == ("training_rows", "huber")
    assert report("--baseline", "mse") == ("test", "mse")


def test_the_report_of_several_sweeps_has_a_folder_of_its_own(results: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "one", "two", f"results={results}"]) == 0
    assert gc.isenabled()
    out = " ".join(capfd.readouterr().out.split())
    assert str(results / "reports" / "one+two" / "report.html").replace(" ", "") in out.replace(" ", "")
    found = told(results / "reports" / "one+two")
    assert {row["title"] for row in found["contests"][0]["rows"]} == {"mse", "huber", "mae", "trivial"}
    assert found["answer"] in out
    assert main(["report", "two", f"results={results}"]) == 0
    assert told(results / "two")["scope"] == "rows"


def test_another_metric_is_written_only_where_it_is_wanted(results: Path, tmp_path: Path) -> None:
    words = ["rescore", "one", f"results={results}", "--metric", "mae", "--margin", "0.7"]
    before = sorted(results.rglob("*"))
    assert main(words) == 0
    assert sorted(results.rglob("*")) == before
    assert main([*words, "--to", str(tmp_path / "there")]) == 0
    (contest,) = told(tmp_path / "there")["contests"]
    assert (contest["metric"], contest["margin"]) == ("mae", 0.7)


def test_of_several_tasks_one_is_taken_home(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    saved(tmp_path / "both", mse(data="a"), gaining("huber", 0.5, 0.1, data="a"), mse(data="b"))
    assert main(["use", "both", f"results={tmp_path}"]) == 2
    assert main(["use", "both", "--task", "a", f"results={tmp_path}"]) == 0
    assert "# huber on a" in capfd.readouterr().out


def test_a_record_is_shown_by_its_name_the_latest_where_several_have_it(
    results: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def shown(name: str) -> str:
        capfd.readouterr()
        assert main(["show", name, f"results={results}"]) == 0
        return capfd.readouterr().out

    later = regression("mse", 3 * BASE)
    saved(results / "two", later)
    assert f"{3 * BASE.mean():.1f}" in shown("houses-mse-chosen")
    assert f"{BASE.mean():.1f}" in shown("one/houses-mse-chosen")
    sweep = shown("one")
    assert "huber on regression (houses, mlp): done" in sweep
    assert "trivial on" not in sweep, "a reference has a line of the table, no more"
    saved(results / "three", mse(data="houses-mse-chosen and more"))
    assert "(houses, mlp)" in shown("houses-mse-chosen"), "a whole name goes before parts of names"
    assert main(["show", "houses", f"results={results}"]) == 2
    assert "matches several results; choose one" in capfd.readouterr().err


def test_what_is_not_there_names_the_latest_sweeps(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for number in range(7):
        saved(tmp_path / f"sweep{number}", mse())
    assert main(["show", "x", f"results={tmp_path}"]) == 2
    assert "The latest sweeps: sweep2, sweep3, sweep4, sweep5, sweep6." in " ".join(capfd.readouterr().err.split())


def test_the_report_per_tag_is_that_of_the_repeat_that_is_asked_for(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    record = mse()
    for repeat in record.repeats[:2]:
        numbers = {"precision": 0.5, "recall": 0.5, "f1-score": 0.25 + 0.5 * repeat.repeat, "support": 4}
        repeat.report = {"PER": numbers}
    saved(tmp_path / "one", record)
    for word, number, score in (("0", 0, "0.25"), ("1", 1, "0.75"), ("7", 0, "0.25")):
        assert main(["show", "houses-mse-chosen", "--repeat", word, f"results={tmp_path}"]) == 0
        out = capfd.readouterr().out
        assert f"repeat {number}:" in out
        assert score in out.partition("per tag")[2]
