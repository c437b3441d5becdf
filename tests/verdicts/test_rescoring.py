"""Stored predictions judged by another metric: values by scikit-learn or by hand, thresholds from validation data."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console
from sklearn import metrics as sk

from lossbench.cli.tables import show_contest
from lossbench.errors import InputError
from lossbench.plan import Direction
from lossbench.records.facts import MetricFacts
from lossbench.records.record import Record, read_records
from lossbench.report.sections import sections
from lossbench.report.tables import to_markdown
from lossbench.verdicts.comparison import Comparison, Contest
from lossbench.verdicts.judging import compare
from lossbench.verdicts.sweeps import rejudged
from tests.conftest import QUICK, Result
from tests.made import altered
from tests.verdicts.test_comparison import binary, gaining, mse, noisy, regression
from tests.verdicts.test_reporting import saved

HERE = "tests.verdicts.test_rescoring"


def absolute(target: Any, prediction: Any) -> float:
    return float(np.abs(np.asarray(target) - np.asarray(prediction)).mean())


absolute.direction = "min"  # type: ignore[attr-defined]


def mae(target: Any, prediction: Any) -> float:
    """Another number under the name of one of ours."""
    return 7.0 + 0 * absolute(target, prediction)


def profit(target: Any, probability: Any, threshold: float = 1 / 6) -> float:
    """The issue's: 100 for a positive that is found, 20 lost for a negative that is taken for one."""
    taken = probability > threshold
    return 100.0 * float((taken & (target == 1)).sum()) - 20.0 * float((taken & (target == 0)).sum())


profit.direction = "max"  # type: ignore[attr-defined]


def bad(target: Any, prediction: Any) -> float:
    raise ZeroDivisionError("no rows")


@pytest.fixture
def shifted() -> list[Record]:
    """Two losses of the same ranking; the probabilities of one are pushed up, as those of a weighted loss are."""
    draw = np.random.default_rng(0)
    target = (draw.uniform(size=300) < 0.1).astype(float)
    logit = draw.normal(1.5 * target - 2.4, 1, size=(5, 300))
    plain, pushed = 1 / (1 + np.exp(-logit)), 1 / (1 + np.exp(-logit - 2.2))
    return [binary("bce", plain, target), binary("logit_adjusted", pushed, target)]


def only(found: Comparison) -> Contest:
    (contest,) = found.contests
    return contest


# To a metric that no record has ---------------------------------------------------------------------------------------


def test_a_built_in_metric_is_computed_from_stored_predictions_at_its_own_threshold(
    tmp_path: Path, shifted: list[Record]
) -> None:
    found = only(rejudged([saved(tmp_path / "p", *shifted)], "mcc", None, None))
    for record in shifted:
        values = found.find(record.title).values
        for repeat, value in enumerate(values):
            target, p = (record.arrays[f"test/{repeat}/{name}"] for name in ("target", "probability"))
            chosen_on = [record.arrays[f"validation/{repeat}/{name}"] for name in ("target", "probability")]
            cuts = np.unique(chosen_on[1])
            scores = np.array([sk.matthews_corrcoef(chosen_on[0], chosen_on[1] > cut) for cut in cuts])
            at = [sk.matthews_corrcoef(target, p > cut) for cut in cuts[np.isclose(scores, scores.max())]]
            assert min(at) - 1e-12 <= value <= max(at) + 1e-12
    assert found.find("logit_adjusted").difference is not None
    assert found.find("logit_adjusted").difference.new_rows is not None  # type: ignore[union-attr]


def test_a_metric_of_numbers_is_computed_anew_with_an_interval(tmp_path: Path) -> None:
    records = [regression(name, noisy(seed)[:, 0], uneven=noisy(seed)) for seed, name in enumerate(("mse", "huber"))]
    found = only(rejudged([saved(tmp_path / "n", *records)], "median_ae", None, None))
    for record in records:
        target, score = (record.arrays[f"test/0/{name}"] for name in ("target", "score"))
        assert found.find(record.title).values[0] == pytest.approx(sk.median_absolute_error(target, score), rel=1e-12)


# To a metric of the task ----------------------------------------------------------------------------------------------


def as_if_run_by_profit(records: list[Record]) -> None:
    """What a sweep by a function of one's own leaves; the function is not to be found."""
    for record in records:
        record.cell = altered(record.cell, task={"metric": "gone.profit"})
        record.metric, record.directions = (
            MetricFacts("profit", Direction.MAX),
            {"profit": Direction.MAX, **record.directions},
        )
        for repeat in record.repeats:
            repeat.metrics = {"profit": 3000.0 + repeat.repeat, **repeat.metrics}


def test_after_an_own_metric_a_stored_one_has_the_interval_that_it_has_of_its_own(
    tmp_path: Path, shifted: list[Record]
) -> None:
    for record in shifted:
        record.metric = MetricFacts("average_precision", Direction.MAX)
    draw = np.random.default_rng(1)
    for name in [name for name in shifted[1].arrays if name.endswith("/score")]:
        shifted[1].arrays[name] = shifted[1].arrays[name] + draw.normal(0, 0.5, 300)
    wanted = only(compare(shifted)).find("logit_adjusted").difference
    as_if_run_by_profit(shifted)
    found = only(rejudged([saved(tmp_path / "p", *shifted)], "average_precision", None, None))
    difference = found.find("logit_adjusted").difference
    assert difference is not None
    assert wanted is not None
    assert difference.new_rows is not None
    assert wanted.new_rows is not None
    assert difference.new_rows.interval() == wanted.new_rows.interval()
    low, high = difference.new_rows.interval()
    assert -1 < low < high < 1, "not in the unit of the sweep's own metric"


def test_columns_values_gains_and_words_are_those_of_the_new_metric(tmp_path: Path, shifted: list[Record]) -> None:
    as_if_run_by_profit(shifted)
    folder = saved(tmp_path / "p", *shifted)
    found = rejudged([folder], "average_precision", None, None)
    contest = only(found)
    out = Console(width=200, record=True)
    show_contest(out, contest)
    text = out.export_text()
    head = next(line for line in text.splitlines() if "loss" in line and "gain" in line)
    assert head.split().index("average_precision") < head.split().index("gain")
    assert re.search(rf"bce +{np.mean(shifted[0].values('average_precision')):.4f} ± ", text)
    assert "judged by average precision; rates, parameters and epochs were chosen by profit" in text
    assert "average precision" in to_markdown(found, None)
    titles = [panel.title for section in sections(found) for panel in section.panels]
    assert "Learning curves: profit on validation data" in titles
    assert "Who wins with one seed at one rate" not in titles, "trials have values of the metric that chose"


def test_records_of_tasks_without_the_metric_are_left_out(tmp_path: Path, shifted: list[Record]) -> None:
    folder = saved(tmp_path / "both", mse(), *shifted)
    assert [c.task for c in rejudged([folder], "average_precision", None, None).contests] == ["binary"]


def test_the_direction_of_a_metric_of_ours_is_not_asked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="which way mae improves is known"):
        rejudged([saved(tmp_path / "one", mse())], "mae", "max", None)


# To a function --------------------------------------------------------------------------------------------------------


def test_a_function_says_its_direction_itself_and_the_command_may_overrule_it(tmp_path: Path) -> None:
    folder = saved(tmp_path / "one", mse(), gaining("huber", 0.5, 0.1))
    for direction, wanted in ((None, "min"), ("max", "max")):
        contest = only(rejudged([folder], f"{HERE}.absolute", direction, None))
        assert contest.direction is Direction(wanted)
        assert contest.board.metrics[0] == "absolute"


def test_the_interval_of_a_mean_is_that_of_the_same_metric_of_ours(tmp_path: Path) -> None:
    """The mean absolute error as a function: of 40 rows each is a group, so that the jackknife gives its terms."""
    uneven = np.linspace(0.5, 1.5, 40)
    records = [mse(uneven=uneven), gaining("huber", 0.5, 0.1, uneven=uneven)]
    folder = saved(tmp_path / "one", *records)
    own, ours = (only(rejudged([folder], name, None, None)) for name in (f"{HERE}.absolute", "mae"))
    found, wanted = (contest.find("huber").difference for contest in (own, ours))
    assert found is not None
    assert wanted is not None
    assert found.new_rows is not None
    assert wanted.new_rows is not None
    assert found.new_rows.interval() == pytest.approx(wanted.new_rows.interval())


def test_a_function_by_the_name_of_a_metric_of_ours_keeps_its_own_values_and_margin(tmp_path: Path) -> None:
    contest = only(rejudged([saved(tmp_path / "one", mse())], f"{HERE}.mae", "min", None))
    assert contest.metric == f"{HERE}.mae"
    assert contest.contenders[0].values.tolist() == [7.0] * 10
    assert contest.margin == 0, "the margin of our mae is none of its"


def test_a_function_that_breaks_is_an_error_that_says_where(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=rf"--metric={HERE}\.bad broke on the predictions of mse on houses, repeat 0: Z"
    ):
        rejudged([saved(tmp_path / "one", mse())], f"{HERE}.bad", "min", None)


def best_by_hand(target: NDArray[Any], p: NDArray[Any]) -> float:
    return max(profit(target, p, cut) for cut in [*p, 0.0])


def test_a_function_that_decides_gets_its_threshold_from_the_validation_part(
    tmp_path: Path, shifted: list[Record]
) -> None:
    for record in shifted:  # a validation part of its own
        for repeat in record.repeats:
            for name in ("target", "probability", "score", "label"):
                key = f"{{}}/{repeat.repeat}/{name}"
                record.arrays[key.format("validation")] = record.arrays[key.format("test")][:150]
                record.arrays[key.format("test")] = record.arrays[key.format("test")][150:]
            for part, rows in (("validation", np.arange(150)), ("test", np.arange(150, 300))):
                record.arrays[f"{part}/{repeat.repeat}/rows"] = rows
    contest = only(rejudged([saved(tmp_path / "p", *shifted)], f"{HERE}.profit", None, None))
    for record in shifted:
        judged = contest.find(record.title).record
        for repeat in judged.repeats:
            arrays = {part: {n: record.arrays[f"{part}/{repeat.repeat}/{n}"] for n in ("target", "probability")}
                      for part in ("validation", "test")}  # fmt: skip
            cut, on = repeat.decision["profit"], arrays["validation"]
            assert profit(on["target"], on["probability"], cut) == best_by_hand(on["target"], on["probability"])
            on = arrays["test"]
            assert repeat.metrics["profit"] == profit(on["target"], on["probability"], cut)
            assert repeat.metrics["profit_at_half"] == profit(on["target"], on["probability"], 0.5)


def test_at_their_own_thresholds_losses_of_one_ranking_make_the_same_profit(
    tmp_path: Path, shifted: list[Record]
) -> None:
    """At a fixed 1/6 the one that is pushed up is far worse; the report says that it was the threshold."""
    by_hand = [
        np.mean([profit(r.arrays[f"test/{i}/target"], r.arrays[f"test/{i}/probability"]) for i in range(5)])
        for r in shifted
    ]
    assert by_hand[0] - by_hand[1] > 500
    found = rejudged([saved(tmp_path / "p", *shifted)], f"{HERE}.profit", None, 50)
    contest = only(found)
    assert contest.find("logit_adjusted").mean == pytest.approx(contest.find("bce").mean)
    (block,) = [section for section in sections(found) if section.id == "threshold"]
    assert [panel.title for panel in block.panels][1] == "Thresholds chosen"
    table = block.panels[1].table
    assert table is not None
    assert table.head == ("loss", "profit", "F1", "accuracy")
    assert block.panels[0].picture is not None
    assert "profit" in block.panels[0].picture.said()


# From training to another metric --------------------------------------------------------------------------------------


SHOP = """
def profit(target, probability, threshold):
    taken = probability > threshold
    return 100.0 * (taken & (target == 1)).sum() - 20.0 * (taken & (target == 0)).sum()
profit.direction = "max"

def worst(target, prediction):
    return abs(target - prediction).max()

def exact(target, prediction):
    return sum(a == b for a, b in zip(target, prediction)) / len(target)
"""


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.long
def test_what_was_trained_by_a_function_that_decides_is_judged_alike_by_rescore(
    lossbench: Callable[..., Result], folder: Path
) -> None:
    (folder / "shop_of_a_test.py").write_text(SHOP)
    words = ("task=binary", "task.metric=shop_of_a_test.profit", "model=linear", *QUICK)
    assert lossbench("+loss=bce,focal", "-m", "name=p", *words).code == 0
    records = {r.title: r for r in read_records("results/p", arrays=True)}
    for title in ("bce", "focal"):
        for repeat in records[title].repeats:
            arrays = {n: records[title].arrays[f"test/{repeat.repeat}/{n}"] for n in ("target", "probability")}
            cut = repeat.decision["profit"]
            assert repeat.metrics["profit"] == profit(arrays["target"], arrays["probability"].astype(float), cut)
            assert repeat.metrics["profit_at_half"] == profit(arrays["target"], arrays["probability"], 0.5)
            influence = records[title].arrays[f"test/{repeat.repeat}/influence/profit"]
            assert influence.mean() == pytest.approx(repeat.metrics["profit"])
    assert next(iter(records["bce"].directions)) == "profit"
    assert records["trivial"].values("profit"), "reference rows decide too"
    (folder / "shop_of_a_test.py").unlink()  # reports do not need it
    assert lossbench("report", "p").code == 0
    told = json.loads((folder / "results" / "p" / "report.json").read_text("utf-8"))["contests"][0]
    assert told["pairs"][0]["rows"] is not None
    (folder / "shop_of_a_test.py").write_text(SHOP)
    contest = only(rejudged([Path("results/p")], "shop_of_a_test.profit", None, None))
    for title in ("bce", "focal"):
        again = contest.find(title).record
        assert contest.metric == "profit"
        assert [r.decision for r in again.repeats] == [r.decision for r in records[title].repeats]
        assert [r.metrics for r in again.repeats] == [r.metrics for r in records[title].repeats]


@pytest.mark.long
def test_numbers_and_tags_are_judged_by_functions_too(lossbench: Callable[..., Result], folder: Path) -> None:
    (folder / "shop_of_a_test.py").write_text(SHOP)
    small = ("task.data.sentences=60", "task.data.test_sentences=20")
    assert lossbench("+loss=cross_entropy", "task=ner", "task.metric=shop_of_a_test.exact", "task.direction=max",
                     *small, *QUICK, "name=n").code == 0  # fmt: skip
    (record,) = [r for r in read_records("results/n", arrays=True) if r.title == "cross_entropy"]
    assert record.arrays["test/0/influence/exact"].mean() == pytest.approx(record.repeats[0].metrics["exact"])
    again = only(rejudged([Path("results/n")], "shop_of_a_test.exact", "max", None)).find("cross_entropy").record
    assert [r.metrics["exact"] for r in again.repeats] == record.values("exact")
    assert lossbench("+loss=mse", "task=regression", "task.metric=shop_of_a_test.worst", "task.direction=min",
                     "model=linear", *QUICK, "name=w").code == 0  # fmt: skip
    (record,) = [r for r in read_records("results/w", arrays=True) if r.title == "mse"]
    off = np.abs(record.arrays["test/0/target"] - record.arrays["test/0/score"])
    assert record.repeats[0].metrics["worst"] == pytest.approx(sk.max_error(off, 0 * off))
    assert len(record.arrays["test/0/influence/worst"]) == 50
    needs = lossbench("+loss=mse", "task=regression", "task.metric=shop_of_a_test.profit", *QUICK)
    assert needs.code == 2
    assert "has a parameter 'threshold', but task=regression has no threshold" in needs.text
