"""The budget and its points: the same for every loss, the defaults first, the best on validation data chosen."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from lossbench.plan import Cell, LossChoice, ModelChoice, Protocol, Range, TaskChoice, Trial
from lossbench.plan.protocol import choose, trials
from lossbench.records.record import Status
from lossbench.runs.study import run
from tests.made import a_protocol, a_training

SEARCH = {"delta": Range(0.1, 10.0, log=True), "share": Range(0.0, 1.0)}


def cell(loss: str = "mse", *, protocol: Protocol = a_protocol("some", 3, 8), **params: float) -> Cell:  # noqa: B008  # frozen
    data = {"source": "packaged", "name": "diabetes", "split_seed": 0}
    return Cell(
        loss=LossChoice(loss, params),
        task=TaskChoice("regression", "lossbench.tasks.regression.Regression", data, "rmse"),
        model=ModelChoice("mlp", "lossbench.models.tabular.MLP", {"hidden": [8]}),
        training=a_training(max_epochs=3, learning_rate=0.01, precision="64"),
        protocol=protocol,
    )


def rates(studies: tuple[tuple[Trial, ...], ...]) -> list[list[float]]:
    return [[trial.learning_rate for trial in study] for study in studies]


def test_every_repeat_has_the_budget_and_opens_with_the_defaults_at_the_centre() -> None:
    studies = trials(cell(), SEARCH)
    assert [len(study) for study in studies] == [8, 8, 8]
    assert all(study[0] == Trial(study[0].repeat, 0, 0.01, {}) for study in studies)
    assert [[trial.number for trial in study] for study in studies] == [list(range(8))] * 3


def test_every_loss_gets_the_same_rates_whatever_it_searches() -> None:
    found = [rates(trials(cell(loss), search)) for loss, search in (("mse", {}), ("huber", SEARCH), ("mae", SEARCH))]
    assert found[0] == found[1] == found[2]
    assert found[0][0] != found[0][1]  # a new repeat draws new points
    assert rates(trials(replace(cell(), seed=1), {})) != found[0]


def test_a_placebo_has_points_of_its_own_on_every_data_set_and_no_other_loss_has() -> None:
    def with_draw(draw: int, digest: str) -> list[list[float]]:
        one = cell()
        return rates(trials(replace(one, loss=replace(one.loss, draw=draw)), {}, digest))

    assert with_draw(0, "loans") == with_draw(0, "houses") == with_draw(0, "")
    placebo = [with_draw(1, "loans"), with_draw(1, "houses"), with_draw(0, "loans")]
    for place in (1, 2):  # trial 0 is the centre for all
        assert len({repeats[0][place] for repeats in placebo}) == 3
    assert with_draw(1, "loans") == placebo[0]


def test_rates_are_log_uniform_over_four_decades_round_the_given_one() -> None:
    # a scrambled Sobol sequence puts one of its first 2^k points into each of 2^k equal shares: here of the exponent
    studies = trials(cell(protocol=a_protocol("many", 1, 64)), {})
    exponents = np.log10([trial.learning_rate for trial in studies[0][1:]])
    assert exponents.min() >= -4
    assert exponents.max() <= 0
    shares = np.floor((exponents + 4) / 4 * 64).astype(int)
    assert len(set(shares.tolist())) == 63


def test_parameters_are_drawn_within_their_ranges_each_on_a_dimension_of_its_own() -> None:
    studies = trials(cell(), SEARCH)
    drawn = [trial.params for study in studies for trial in study[1:]]
    assert all(0.1 <= params["delta"] <= 10 and 0 <= params["share"] <= 1 for params in drawn)
    fixed = trials(cell(delta=2.0), SEARCH)
    for study, other in zip(studies, fixed, strict=True):
        assert all(trial.params["delta"] == 2.0 for trial in other)
        assert [t.params["share"] for t in study[1:]] == [t.params["share"] for t in other[1:]]


def test_a_range_on_a_log_scale_has_its_geometric_mean_in_the_middle() -> None:
    assert Range(0.1, 10.0, log=True).at(0.5) == pytest.approx(math.sqrt(0.1 * 10.0))
    assert Range(2.0, 4.0).at(0.5) == 3.0


@pytest.mark.parametrize(
    ("values", "lower", "trial", "ties", "edge"),
    [
        ([3.0, 1.0, 2.0, 4.0, 5.0], True, 1, 0, True),
        ([3.0, 1.0, 0.0, 4.0, 5.0], True, 2, 0, True),
        ([6.0, 1.0, 2.0, 4.0, 5.0], False, 0, 0, False),
        ([2.0, 1.0, 1.0, 4.0, 5.0], True, 1, 1, True),
        ([math.nan, 5.0, math.nan, math.nan, math.nan], True, 1, 0, True),
        ([1.0, 1.0, 1.0, 1.0, 1.0], False, 0, 4, False),
        ([3.0, 1.0, 2.0, 4.0], True, 1, 0, False),  # the best of four is one of two ends half of the time by chance
        ([3.0], True, 0, 0, False),
    ],
)
def test_the_best_trial_is_chosen_ties_to_the_lowest_and_edges_flagged(
    values: list[float], lower: bool, trial: int, ties: int, edge: bool
) -> None:
    choice = choose(values, [0.01, 0.1, 0.001, 0.02, 0.03][: len(values)], lower_is_better=lower)
    assert choice is not None
    assert (choice.trial, choice.ties, choice.edge) == (trial, ties, edge)


def test_nothing_is_chosen_where_every_trial_diverged() -> None:
    assert choose([math.nan, math.nan], [0.1, 0.2], lower_is_better=True) is None


def test_a_study_is_judged_by_the_very_training_that_it_chose() -> None:
    tuned = run(cell("huber", protocol=a_protocol("some", 2, 4)))
    assert tuned.status is Status.DONE
    for r, repeat in enumerate(tuned.repeats):
        values = [trial.value for trial in repeat.trials]
        assert repeat.trial == int(np.argmin(values))
        assert repeat.validation["rmse"] == pytest.approx(min(values), rel=1e-9)
        chosen = repeat.trials[repeat.trial or 0]
        # that trial alone, at its rate and parameters, without any tuning
        alone = cell("huber", protocol=a_protocol("fixed", 2, 1), **chosen.params)
        record = run(replace(alone, training=replace(alone.training, learning_rate=chosen.learning_rate)))
        assert record.repeats[r].metrics == repeat.metrics
        assert record.repeats[r].hashes == repeat.hashes
        assert np.array_equal(record.arrays[f"test/{r}/score"], tuned.arrays[f"test/{r}/score"])


def test_a_diverged_trial_is_that_trials_worst_outcome_and_no_more() -> None:
    wild = replace(cell(protocol=a_protocol("wild", 1, 8, rate_decades=60.0)), training=a_training(2, optimizer="sgd"))
    record = run(wild)
    states = [trial.status for trial in record.repeats[0].trials]
    assert Status.DIVERGED in states
    assert record.status is Status.DONE
    assert record.repeats[0].trials[record.repeats[0].trial or 0].status is Status.DONE


def test_without_a_search_the_rate_alone_is_tuned() -> None:
    record = run(replace(cell("huber", protocol=a_protocol("some", 1, 3)), loss=LossChoice("huber", tuned=False)))
    assert [trial.params for trial in record.repeats[0].trials] == [{}, {}, {}]
    assert len({trial.learning_rate for trial in record.repeats[0].trials}) == 3
