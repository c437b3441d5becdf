"""What single experiments would have concluded, against numbers worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from lossbench.plan import DataCard, Direction, Scope
from lossbench.records.facts import LossFacts, MetricFacts, TrialResult
from lossbench.records.record import Record, Repeat, Status
from lossbench.report.evidence.blog import blog_post, experiments
from lossbench.verdicts.comparison import Contest, Rules
from lossbench.verdicts.judging import compare
from tests.made import a_cell, altered

CENTRE = {"learning_rate": 1e-2}
"""Of all rates that are tried here; the range round it is left empty, so that bands span the rates themselves."""
Trials = Sequence[Sequence[tuple[float, float | None]]]
"""Repeat by repeat: rate and value on validation data."""


def record(title: str, scores: Sequence[float], trials: Trials, direction: str = "min", **more: Any) -> Record:
    repeats = [
        Repeat(
            number,
            number,
            Status.DONE,
            metrics={"rmse": score},
            trials=[
                TrialResult(learning_rate=rate, value=value, epochs=2, seconds=1.0) for rate, value in trials[number]
            ],
        )
        for number, score in enumerate(scores)
    ]
    return Record(
        status=more.pop("status", Status.DONE),
        reason="",
        loss=LossFacts(title, title),
        task="regression",
        data=DataCard("houses"),
        model="mlp",
        metric=MetricFacts("rmse", Direction(direction)),
        directions={"rmse": Direction(direction)},
        margins={"rmse": 0.1},
        repeats=repeats,
        cell=altered(a_cell(repeats=len(scores), trials=len(trials[0]), rate_decades=0.0), training=CENTRE),
        contest="c",
        **more,
    )


def judged(*records: Record) -> Contest:
    (contest,) = compare(records, Rules(scope=Scope.TEST)).contests
    return contest


def rated(*values: Sequence[float | None]) -> Trials:
    """The same two rates in every repeat."""
    return [list(zip((1e-3, 1e-1), of_repeat, strict=True)) for of_repeat in values]


def three_losses() -> Contest:
    """`good` is better than mse by 2 give or take .01, `twin` the same in practice."""
    return judged(
        record("mse", [10, 10.1, 9.9], rated((9, 12), (9, None), (9, 10))),
        record("good", [8, 8.09, 7.91], rated((8, 13), (8, None), (10, None))),
        record("twin", [10.01, 10.09, 9.9], rated((9, 11), (8, None), (9.5, 9))),
    )


@pytest.fixture
def contest() -> Contest:
    return three_losses()


def test_every_repeat_at_every_rate_is_an_experiment_with_its_own_winner(contest: Contest) -> None:
    found = {(e.repeat, e.trial): e.winners(contest.sign) for e in experiments(contest)}
    assert found == {
        (0, 0): ("good",),
        (0, 1): ("twin",),
        (1, 0): ("good", "twin"),
        (1, 1): (),
        (2, 0): ("mse",),
        (2, 1): ("twin",),
    }


def test_what_a_blog_post_would_have_said(contest: Contest) -> None:
    post = blog_post(contest)
    assert post is not None
    assert (post.experiments, post.right, post.tiers) == (5, ("good",), True)
    # ties are shared: good 1 + 1/2, twin 1 + 1/2 + 1, mse 1, of 5
    assert post.named == pytest.approx({"good": 0.3, "mse": 0.2, "twin": 0.5})
    assert post.wrong == pytest.approx(0.7)
    assert post.disagree == pytest.approx(1 - 0.09 - 0.04 - 0.25)
    low, high = post.bands
    assert [(b.low, b.high, b.experiments) for b in (low, high)] == [
        (pytest.approx(1e-3), pytest.approx(1e-2), 3),
        (pytest.approx(1e-2), pytest.approx(1e-1), 2),
    ]
    assert low.named == pytest.approx({"good": 1.5 / 3, "mse": 1 / 3, "twin": 0.5 / 3})
    assert (low.wrong, high.wrong) == (pytest.approx(0.5), 1.0)


def test_how_often_an_experiment_contradicts_the_study(contest: Contest) -> None:
    post = blog_post(contest)
    assert post is not None
    against = {a.title: a for a in post.against}
    # good against mse: +1, -1, +1, -1, and diverged where mse did not
    assert (against["good"].better, against["good"].worse, against["good"].sign) == (0.4, 0.6, 1)
    # twin against mse: 0, +1, +1, -.5, +1
    assert (against["twin"].better, against["twin"].worse, against["twin"].verdict) == (0.6, 0.2, "same in practice")
    assert post.opposite == pytest.approx(0.6)
    assert post.unfounded == post.unfounded_beyond == pytest.approx(0.6)


def test_the_winner_follows_the_direction_of_the_metric() -> None:
    found = judged(
        record("mse", [0.5, 0.6, 0.7], rated((0.9, 0.1), (0.9, 0.1), (0.9, 0.1)), "max"),
        record("b", [0.4, 0.5, 0.6], rated((0.8, 0.2), (0.8, 0.2), (0.8, 0.2)), "max"),
    )
    post = blog_post(found)
    assert post is not None
    assert [band.named for band in post.bands] == [{"mse": 1.0, "b": 0.0}, {"mse": 0.0, "b": 1.0}]


def test_without_verdicts_the_study_s_first_is_right_and_nothing_is_held_against_it() -> None:
    found = judged(record("mse", [2.0, 2.1], rated((1, 2), (1, 2))), record("b", [1.0, 1.1], rated((2, 1), (2, 1))))
    assert found.no_verdict
    post = blog_post(found)
    assert post is not None
    assert (post.right, post.tiers, post.against, post.opposite, post.unfounded) == (("b",), False, (), None, None)
    assert post.wrong == 0.5


def test_one_trial_or_one_loss_is_no_ground_for_a_blog_post() -> None:
    single: Trials = [[(1e-3, 1.0)]] * 3
    one_trial = judged(record("mse", [1, 2, 3], single), record("b", [2, 3, 4], single))
    assert blog_post(one_trial) is None
    alone = judged(record("mse", [1, 2, 3], rated((1, 2), (1, 2), (1, 2))))
    assert blog_post(alone) is None
    assert blog_post(judged(record("mse", [], [[]], status=Status.FAILED))) is None


def test_a_loss_at_other_rates_is_no_part_of_the_experiments(contest: Contest) -> None:
    other = [[(2e-3, 1.0), (1e-1, 1.0)]] * 3
    records = [c.record for c in contest.contenders]
    found = judged(*records, record("elsewhere", [7, 7.09, 6.91], other))
    assert all("elsewhere" not in e.values for e in experiments(found))
    assert len(experiments(found)) == 6
