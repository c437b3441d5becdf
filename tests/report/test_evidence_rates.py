"""What rates and trials are worth, against numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lossbench.report.evidence.rates import after_k_trials_of, rate_edges, sensitivity_of
from lossbench.verdicts.comparison import Contest
from tests.made import altered
from tests.report.test_evidence_blog import Trials, judged, rated, record, three_losses


@pytest.fixture
def contest() -> Contest:
    return three_losses()


def test_diverged_trainings_are_the_worst_of_their_rates(contest: Contest) -> None:
    found = {one.title: one for one in sensitivity_of(contest) or []}
    assert found["mse"].rates == pytest.approx([10**-2.5, 10**-1.5])
    assert found["mse"].median == pytest.approx([9, 12])
    assert found["mse"].best == pytest.approx([9, 10.4])  # a tenth of the way through 10, 12, endless
    assert np.isnan(found["mse"].worst[1])
    assert np.isnan(found["good"].median[1])  # two of three diverged
    assert found["good"].diverged.tolist() == [0, 2]
    assert found["good"].trainings.tolist() == [3, 3]


def test_the_best_after_k_trials_is_a_mean_over_repeats_in_the_order_of_trials(contest: Contest) -> None:
    found = after_k_trials_of(contest)
    assert found is not None
    assert found["mse"] == pytest.approx([9, 9])
    assert found["twin"] == pytest.approx([(9 + 8 + 9.5) / 3, (9 + 8 + 9) / 3])
    late = after_k_trials_of(judged(record("mse", [1, 2, 3], rated((None, 4), (3, 2), (5, 6)))))
    assert late is not None
    assert np.isnan(late["mse"][0])
    assert late["mse"][1] == pytest.approx((4 + 2 + 5) / 3)


def test_the_best_is_the_highest_where_higher_is_better() -> None:
    found = judged(
        record("mse", [0.5, 0.6, 0.7], rated((0.9, 0.1), (0.9, 0.1), (0.9, 0.1)), "max"),
        record("b", [0.4, 0.5, 0.6], rated((0.8, 0.2), (0.8, 0.2), (0.8, 0.2)), "max"),
    )
    assert after_k_trials_of(found) == {"mse": pytest.approx([0.9, 0.9]), "b": pytest.approx([0.8, 0.8])}


def test_one_trial_says_nothing_of_rates_or_further_trials() -> None:
    single: Trials = [[(1e-3, 1.0)]] * 3
    found = judged(record("mse", [1, 2, 3], single), record("b", [2, 3, 4], single))
    assert sensitivity_of(found) is None
    assert after_k_trials_of(found) is None


def test_bands_of_rates_span_what_was_meant_to_be_tried(contest: Contest) -> None:
    wide = altered(contest.board.cell, protocol={"rate_decades": 4.0}, training={"learning_rate": 1e-2})
    contest = replace(contest, board=replace(contest.board, cell=wide))
    assert rate_edges(contest) == pytest.approx(np.geomspace(1e-4, 1, 6))
