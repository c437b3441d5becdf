"""The front over weightings of one loss: by hand which weighting no other beats, and that its figure is sound."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lossbench.plan import Direction
from lossbench.records.facts import LossFacts
from lossbench.records.record import Record, Status
from lossbench.report.evidence.weightings import tradeoffs
from lossbench.report.figures import weightings as figures
from lossbench.report.figures.style import Colours
from lossbench.report.sections import pictures_of
from lossbench.verdicts.comparison import Contest
from lossbench.verdicts.judging import compare
from tests.report.test_figures import checked, judged, record


def weighed(terms: dict[str, Any], rmse: float, r2: float, name: str = "sum") -> Record:
    """A cell of `name` whose repeats all have these two values."""
    made = record(f"{name}({terms})")
    made.loss = LossFacts(name, f"{name}({terms})", {"terms": terms})
    made.directions = {"rmse": Direction.MIN, "r2": Direction.MAX}
    made.repeats = [replace(repeat, metrics={"rmse": rmse, "r2": r2}) for repeat in made.repeats]
    return made


def swept() -> list[Record]:
    """B is as good as A in one metric and worse in the other; C trades, D loses in both."""
    base = record("mse")
    base.directions = {"rmse": Direction.MIN, "r2": Direction.MAX}
    base.repeats = [replace(repeat, metrics={**repeat.metrics, "r2": 0.5}) for repeat in base.repeats]
    return [
        base,
        weighed({"mse": 1, "mae": 0.1}, 1.0, 0.5),
        weighed({"mse": 1, "mae": 0.5}, 1.0, 0.4),
        weighed({"mae": {"from": 0, "to": 2}, "mse": 1}, 1.2, 0.8),
        weighed({"mse": 1, "mae": 9}, 1.3, 0.3),
    ]


@pytest.fixture
def contest() -> Contest:
    return judged(*swept())


def test_the_front_holds_what_no_other_weighting_beats(contest: Contest) -> None:
    (found,) = tradeoffs(contest)
    assert (found.metrics, found.signs) == (("rmse", "r2"), (-1, 1))
    assert {w.weights: w.values for w in found.weightings} == {
        "mse 1, mae 0.1": (1.0, 0.5),
        "mse 1, mae 0.5": (1.0, 0.4),
        "mae 0→2, mse 1": (1.2, 0.8),
        "mse 1, mae 9": (1.3, 0.3),
    }
    assert [w.weights for w in found.front] == ["mse 1, mae 0.1", "mae 0→2, mse 1"]


def test_equal_weightings_are_both_on_the_front() -> None:
    (found,) = tradeoffs(judged(*(weighed({"mse": 1, "mae": w}, 1.0, 0.5) for w in (1, 2, 3))))
    assert len(found.front) == 3


def test_the_figure_is_sound_and_says_what_it_shows(contest: Contest) -> None:
    (found,) = tradeoffs(contest)
    said = figures.said_front(found)
    colours = Colours([c.title for c in contest.contenders])
    words = checked(lambda: figures.front(found, colours), "front", said)
    for weighting in found.weightings:
        assert weighting.weights in words
        assert weighting.weights in said
    assert said.endswith("No other weighting beats (mse 1, mae 0.1) and (mae 0→2, mse 1) in both.")
    assert "RMSE  ← better" in words
    assert "R²  better →" in words


def test_a_report_shows_it_where_three_cells_differ_in_weights_alone(contest: Contest) -> None:
    def shown(*records: Record) -> bool:
        return any(name.startswith("front") for name, _ in pictures_of(compare(records)))

    assert shown(*swept())
    assert not shown(*swept()[:3])
    other_terms = weighed({"mse": 1, "huber": 1}, 1.0, 0.5)
    assert not shown(*swept()[:3], other_terms)
    assert not shown(*swept()[:3], weighed({"mse": 1, "mae": 2}, 1.0, 0.5, name="mine"))


def test_a_weighting_with_a_failed_repeat_has_no_point() -> None:
    records = swept()
    records[1].repeats[0].status = Status.DIVERGED
    (found,) = tradeoffs(judged(*records))
    assert "mse 1, mae 0.1" not in {w.weights for w in found.weightings}


def test_a_loss_inside_another_is_no_weighting() -> None:
    inner = [weighed({"name": "huber", "delta": d}, 1.0, 0.5, name="scaled") for d in (1, 2, 3)]
    assert tradeoffs(judged(*inner)) == []
