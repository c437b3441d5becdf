"""What the repeats chose, in summary: medians and ends by hand, and where nothing was chosen."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from lossbench.records.record import Record, Status
from lossbench.report.chosen import choices
from lossbench.report.tables import to_csv
from lossbench.verdicts.judging import compare
from tests.made import altered
from tests.verdicts.test_comparison import gaining, mse, regression

DRAWN = (0.1, 0.4, 0.2)


def drawing(chosen: list[dict[str, Any]], defaults: dict[str, Any], given: dict[str, Any]) -> Record:
    """A record of three repeats whose second trial drew a gamma."""
    found = regression("focal", [1.0, 2.0, 3.0])
    found.loss.params, found.cell = {**defaults, **given}, altered(found.cell, loss={"params": given})
    for repeat, params, rate in zip(found.repeats, chosen, (0.01, 0.001, 0.1), strict=True):
        repeat.learning_rate, repeat.params = rate, {**given, **params}
        repeat.trials[1].params = {**given, "gamma": 9.0}
    return found


def test_a_tuned_parameter_is_told_by_its_median_and_its_ends() -> None:
    found = choices(drawing([{"gamma": g} for g in DRAWN], {"gamma": 2.0, "alpha": None}, {}))
    assert found.short == "rate 0.01, gamma 0.2"
    assert found.said == "rate 0.01 (0.001 to 0.1), gamma 0.2 (0.1 to 0.4)"
    assert found.to_dict() == {
        "learning_rate": {"median": 0.01, "low": 0.001, "high": 0.1},
        "params": {"gamma": {"median": 0.2, "low": 0.1, "high": 0.4}},
    }


def test_the_first_trial_chose_the_default() -> None:
    assert choices(drawing([{"gamma": 0.1}, {}, {}], {"gamma": 2.0}, {})).short == "rate 0.01, gamma 2"
    unknown = choices(drawing([{"gamma": 0.1}, {}, {}], {"gamma": None}, {}))
    assert unknown.said.endswith("gamma 0.1 (its default in 2 of 3)")
    assert choices(drawing([{}, {}, {}], {"gamma": None}, {})).short == "rate 0.01, gamma at its default"


def test_what_the_command_line_fixed_is_no_choice() -> None:
    assert choices(drawing([{}, {}, {}], {"gamma": 2.0}, {"gamma": 9.0})).short == "rate 0.01"


def test_thresholds_that_metrics_share_are_said_once() -> None:
    found = mse()
    for repeat in found.repeats:
        repeat.decision = {"f1": 0.3, "accuracy": 0.3}
    assert choices(found).short == "rate 0.001, threshold 0.3"
    found.repeats[0].decision = {"f1": 0.3, "accuracy": 0.5}
    assert choices(found).short == "rate 0.001, threshold for F1 0.3, threshold for accuracy 0.3"
    assert choices(found).to_dict()["thresholds"]["accuracy"] == {"median": 0.3, "low": 0.3, "high": 0.5}


def test_repeats_that_failed_and_references_chose_nothing() -> None:
    found = drawing([{"gamma": g} for g in DRAWN], {"gamma": 2.0}, {})
    found.repeats[1].status = Status.DIVERGED
    assert choices(found).said == "rate 0.055 (0.01 to 0.1), gamma 0.15 (0.1 to 0.2)"
    trivial = regression("trivial", [5.0, 5.0, 5.0], role="reference")
    for repeat in trivial.repeats:
        repeat.learning_rate, repeat.trials = None, []
    assert not choices(trivial)


def test_the_leaderboard_as_a_file_has_what_was_chosen_and_what_it_elicits() -> None:
    records = [mse(elicits="mean"), gaining("huber", 0.5, 0.1, elicits="centre")]
    rows = {row["title"]: row for row in csv.DictReader(io.StringIO(to_csv(compare(records))))}
    assert {title: row["elicits"] for title, row in rows.items()} == {"mse": "mean", "huber": "centre"}
    told = json.loads(rows["huber"]["chosen"])
    assert told == {"learning_rate": {"median": 0.001, "low": 0.001, "high": 0.001}}
