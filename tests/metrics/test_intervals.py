"""Scores of quantiles, expectiles, intervals and densities, against scikit-learn, scipy and integrals."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as sk
import torch
from scipy import integrate, stats

import lossbench
from lossbench.errors import InputError
from lossbench.loss.catalogue import load_loss
from lossbench.metrics.catalogue import built_in, chosen
from lossbench.metrics.metric import Metric, Need, Target
from lossbench.plan import Cell
from lossbench.runs.inputs import settled
from lossbench.tasks.regression import in_unit
from lossbench.verdicts.aims import other_aim
from tests.conftest import QUICK

RNG = np.random.default_rng(0)
Y = RNG.normal(2, 3, 400)
GUESS = Y + RNG.normal(0, 1, 400)


def metric(name: str) -> Metric:
    found = built_in(name)
    assert found is not None
    return found


@pytest.mark.parametrize("q", [0.05, 0.5, 0.9])
def test_pinball_is_scikit_learns(q: float) -> None:
    wanted = sk.mean_pinball_loss(Y, GUESS, alpha=q)
    assert metric(f"pinball_{q:g}").of_stored(Y, GUESS) == pytest.approx(wanted, rel=1e-12)


def test_the_best_constants_are_the_quantile_and_the_expectile() -> None:
    grid = np.linspace(Y.min(), Y.max(), 4001)
    for name, wanted in (("pinball_0.9", np.quantile(Y, 0.9)), ("expectile_score_0.9", stats.expectile(Y, 0.9))):
        costs = [metric(name).of_stored(Y, np.full(len(Y), guess)) for guess in grid]
        assert grid[int(np.argmin(costs))] == pytest.approx(wanted, abs=0.05)


def test_the_expectile_score_at_one_half_is_half_the_squared_error() -> None:
    assert metric("expectile_score_0.5").of_stored(Y, GUESS) == pytest.approx(sk.mean_squared_error(Y, GUESS) / 2)


def test_the_interval_score_is_the_pinball_losses_of_its_ends() -> None:
    """Gneiting and Raftery 2007, section 6.2: 2 / α times the two pinball losses."""
    low, high = GUESS - 1.2, GUESS + 1.7
    ends = sk.mean_pinball_loss(Y, low, alpha=0.05) + sk.mean_pinball_loss(Y, high, alpha=0.95)
    assert metric("interval_score").of_stored(Y, np.stack([low, high])) == pytest.approx(20 * ends, rel=1e-12)


def test_coverage_and_width_are_counted() -> None:
    interval = np.array([[0.0, 0.0, 0.0, 5.0], [1.0, 2.0, 3.0, 6.0]])
    target = np.array([0.0, 1.0, 4.0, 5.5])
    assert metric("coverage_90").of_stored(target, interval) == 0.75
    assert metric("width_90").of_stored(target, interval) == pytest.approx((1 + 2 + 3 + 1) / 4)


@pytest.mark.parametrize("freedom", [np.inf, 1.5, 4.0, 30.0])
@pytest.mark.parametrize(("centre", "scale", "target"), [(0.0, 1.0, 0.3), (2.0, 0.5, 5.0), (-1.0, 3.0, -4.0)])
def test_crps_is_the_integral_that_defines_it(freedom: float, centre: float, scale: float, target: float) -> None:
    law = stats.norm(centre, scale) if np.isinf(freedom) else stats.t(freedom, centre, scale)
    below, _ = integrate.quad(lambda x: law.cdf(x) ** 2, -np.inf, target, limit=500)
    above, _ = integrate.quad(lambda x: (1 - law.cdf(x)) ** 2, target, np.inf, limit=500)
    density = np.array([[centre], [scale], [freedom]])
    assert metric("crps").of_stored(np.array([target]), density) == pytest.approx(below + above, rel=1e-6)


@pytest.mark.parametrize("freedom", [np.inf, 3.0])
def test_the_likelihood_is_scipys(freedom: float) -> None:
    law = stats.norm(GUESS, 1.3) if np.isinf(freedom) else stats.t(freedom, GUESS, 1.3)
    density = np.stack([GUESS, np.full(400, 1.3), np.full(400, freedom)])
    assert metric("nll").of_stored(Y, density) == pytest.approx(-law.logpdf(Y).mean(), rel=1e-12)


def test_below_one_degree_of_freedom_the_crps_is_infinite() -> None:
    assert metric("crps").of_stored(np.zeros(1), np.array([[0.0], [1.0], [1.0]])) == np.inf


def test_the_mean_pinball_loss_is_that_of_all_quantiles() -> None:
    levels = (0.05, 0.5, 0.95)
    values = np.stack([GUESS - 2, GUESS, GUESS + 2])
    given = np.concatenate([values, np.broadcast_to(np.array(levels)[:, None], values.shape)])
    wanted = np.mean([sk.mean_pinball_loss(Y, v, alpha=q) for v, q in zip(values, levels, strict=True)])
    assert metric("mean_pinball").of_stored(Y, given) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("name", ["coverage_90", "width_90"])
def test_what_only_describes_an_interval_is_no_metric_to_choose_by(name: str) -> None:
    with pytest.raises(InputError, match=r"describes predictions but does not say which are better. Use interval"):
        chosen(name, None, Target.NUMBERS)


# What losses give -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "params", "law"),
    [
        ("gaussian_nll", {}, lambda m, s: stats.norm(m, s)),
        ("student_t_nll", {"nu": 3.0}, lambda m, s: stats.t(3.0, m, s)),
    ],
)
def test_a_density_in_the_target_s_unit_is_that_of_the_loss(name: str, params: dict, law) -> None:
    """The loss differs from the density's logarithm by a constant alone (of a normal: half of log 2π)."""
    loss, outputs = load_loss(name, **params), torch.randn(50, 2, dtype=torch.double)
    target = torch.randn(50, dtype=torch.double)
    told = in_unit(loss.predict(outputs), 3.0, 7.0)
    centre, scale, freedom = told[Need.DENSITY].numpy()
    wanted = -law(centre, scale).logpdf((3.0 * target + 7.0).numpy())
    constant = np.log(2 * np.pi) / 2 if np.isinf(freedom).all() else 0.0
    assert loss(outputs, target).numpy() + constant + np.log(3.0) == pytest.approx(wanted, rel=1e-9)
    low, high = told[Need.INTERVAL].numpy()
    assert law(centre, scale).cdf(low) == pytest.approx(np.full(50, 0.05))
    assert law(centre, scale).cdf(high) == pytest.approx(np.full(50, 0.95))


def run(*words: str) -> tuple[Cell, lossbench.records.record.Record]:  # type: ignore[name-defined]
    (cell,) = lossbench.cells(*words, "task=regression", "task/data=diabetes", *QUICK)
    return cell, lossbench.run(cell)


@pytest.mark.parametrize(
    ("words", "score"),
    [
        (("+loss=quantile", "loss.params.q=0.9"), "pinball_0.9"),
        (("+loss=expectile", "loss.params.tau=0.2"), "expectile_score_0.2"),
        (("+loss=multi_quantile",), "mean_pinball"),
        (("+loss=quantile", "loss.params.q=0.5"), "rmse"),
        (("+loss=gaussian_nll",), "rmse"),
    ],
)
@pytest.mark.parametrize("engine", ["replicas", pytest.param("sequential", marks=pytest.mark.long)])
def test_a_loss_is_chosen_by_a_score_that_serves_it(words: tuple[str, ...], score: str, engine: str) -> None:
    _, record = run(*words, f"training.engine={engine}")
    assert record.status.value == "done", record.reason
    assert record.metric.name == score
    assert next(iter(record.directions)) == score
    assert other_aim(record.loss.elicits, score) == ""
    for repeat in record.repeats:
        values = [trial.value for trial in repeat.trials]
        assert repeat.trial == int(np.argmin(values))
        assert repeat.validation[score] == pytest.approx(min(values), rel=1e-5)
    assert record.margins[score] > 0


def test_a_metric_of_one_s_own_is_left_alone() -> None:
    _, record = run("+loss=quantile", "loss.params.q=0.9", "task.metric=tests.verdicts.test_rescoring.absolute")
    assert record.metric.name == "absolute"


def test_such_losses_stand_in_a_contest_of_their_own() -> None:
    found = {words: run("+loss=quantile", f"loss.params.q={words}")[1].contest for words in ("0.9", "0.5", "0.1")}
    assert len(set(found.values())) == 3
    assert found["0.5"] == run("+loss=mse")[1].contest


def test_a_loss_without_an_interval_has_none_of_its_metrics_and_one_with_has_all() -> None:
    names = {"interval_score", "coverage_90", "width_90", "crps", "nll"}
    plain, dense = (run(f"+loss={name}")[1].repeats[0].metrics for name in ("mse", "gaussian_nll"))
    assert not names & plain.keys()
    assert names <= dense.keys()
    assert run("+loss=mse", "task.metric=crps")[1].reason == "gives no density, which crps needs"


@pytest.mark.long
def test_a_quantile_that_is_chosen_by_its_own_score_holds_what_it_says() -> None:
    """scikit-learn's QuantileRegressor holds .896 of such rows; chosen by RMSE the same trainings held .58 to .85."""
    words = ("+loss=quantile", "loss.params.q=0.9", "task=regression", "task/data=diabetes")
    (cell,) = lossbench.cells(*words, "protocol.repeats=5", "protocol.trials=4", "training.max_epochs=30")
    record = lossbench.run(cell)
    held = [float((record.arrays[f"test/{r}/target"] <= record.arrays[f"test/{r}/score"]).mean()) for r in range(5)]
    assert 0.86 <= np.mean(held) <= 0.94


SPELLINGS = (
    ("task.metric=pinball_0.9",),
    ("task.metric=pinball_0.90",),
    ("task.metric=pinball", "task.metric_params.q=0.9"),
)


@pytest.mark.long
def test_one_metric_in_several_spellings_is_one_contest() -> None:
    cells = [
        settled(run(f"+loss={name}", *more, *words)[0])
        for words in SPELLINGS
        for name, more in (("mse", ()), ("quantile", ("loss.params.q=0.9",)))
    ]
    assert {cell.task.metric for cell in cells} == {"pinball_0.9"}
    assert len({cell.contest for cell in cells}) == 1


def test_a_family_without_a_number_is_no_way_round_a_quantile_s_own_score() -> None:
    assert run("+loss=quantile", "loss.params.q=0.9", "task.metric=pinball")[1].metric.name == "pinball_0.9"
    assert run("+loss=mse", "task.metric=pinball")[1].metric.name == "pinball_0.5"


@pytest.mark.parametrize(
    ("words", "margin"),
    [
        (("task.metric=r2", "task.equivalence=0.02"), None),
        (("task.metric=spearman", "+task.equivalence={spearman:0.02,mae:3}"), 3.0),
    ],
)
def test_a_margin_of_another_metric_is_not_that_of_a_loss_s_own_score(
    words: tuple[str, ...], margin: float | None
) -> None:
    _, record = run("+loss=quantile", "loss.params.q=0.9", *words)
    assert record.margins["pinball_0.9"] != 0.02
    assert margin is None or record.margins["mae"] == margin
