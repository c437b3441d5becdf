"""Metrics of rows against scikit-learn, brute force and closed forms."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as sk
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lossbench.errors import InputError, UnknownName
from lossbench.metrics import values as metrics
from lossbench.metrics.calibration import expected_calibration_error
from lossbench.metrics.metric import Direction, Metric

Array = NDArray[Any]


def binary_rows(seed: int, rows: int = 300, distinct: int | None = None) -> tuple[Array, Array]:
    """Targets, a third positive, and probabilities that know something; ties where few are distinct."""
    generator = np.random.default_rng(seed)
    target = (generator.random(rows) < 0.35).astype(float)
    p = np.clip(0.25 + 0.3 * target + generator.normal(0, 0.2, rows), 0.01, 0.99)
    return target, np.round(p * distinct) / distinct if distinct else p


def tensors(*given: Array) -> list[torch.Tensor]:
    return [torch.from_numpy(array) for array in given]


@pytest.mark.parametrize(
    ("name", "oracle"),
    [
        ("rmse", sk.root_mean_squared_error),
        ("mae", sk.mean_absolute_error),
        ("r2", sk.r2_score),
    ],
)
@pytest.mark.parametrize("shift", [0.0, 1000.0])
def test_metrics_of_numbers_are_scikit_learns(name: str, oracle: Callable[..., float], shift: float) -> None:
    generator = np.random.default_rng(1)
    target = generator.normal(50, 20, 200)
    score = target + generator.normal(3, 10, 200) + shift
    assert metrics.regression(name, *tensors(target, score)) == pytest.approx(oracle(target, score), rel=1e-6)


@pytest.mark.parametrize("distinct", [None, 20, 4, 1], ids=lambda d: f"{d or 'all'}-distinct")
@pytest.mark.parametrize(
    ("name", "oracle"), [("roc_auc", sk.roc_auc_score), ("average_precision", sk.average_precision_score)]
)
def test_ranking_metrics_are_scikit_learns_with_ties_and_without(
    name: str, oracle: Callable[..., float], distinct: int | None
) -> None:
    target, score = binary_rows(2, distinct=distinct)
    found = metrics.ranking(name, *tensors(target, score))
    assert found == pytest.approx(oracle(target, score), abs=1e-6)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e3, 1e6, 1e30])
@pytest.mark.parametrize(
    ("name", "oracle"), [("roc_auc", sk.roc_auc_score), ("average_precision", sk.average_precision_score)]
)
def test_a_ranking_survives_logits_of_any_size(name: str, oracle: Callable[..., float], scale: float) -> None:
    # A sigmoid would turn nearly all of the large ones into exactly 0 or 1, and their order into ties.
    target, p = binary_rows(3)
    score = ((p - 0.2) * scale).astype(np.float32)
    assert metrics.ranking(name, *tensors(target, score)) == pytest.approx(oracle(target, p), abs=1e-6)


def test_two_logits_a_million_apart_are_ranked_not_tied() -> None:
    target, score = torch.tensor([0.0, 1.0, 1.0]), torch.tensor([1e6, 2e6, 3e6])
    assert metrics.ranking("roc_auc", target, score) == 1.0
    assert metrics.ranking("roc_auc", 1 - target, score) == 0.0


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("name", "oracle"),
    [
        ("f1", sk.f1_score),
        ("f1_at_half", sk.f1_score),
        ("accuracy", sk.accuracy_score),
        ("accuracy_at_half", sk.accuracy_score),
    ],
)
def test_metrics_of_decisions_are_scikit_learns(name: str, oracle: Callable[..., float], seed: int) -> None:
    target, p = binary_rows(seed)
    label = p > 0.5
    assert metrics.decisions(name, *tensors(target, label)) == pytest.approx(oracle(target, label), abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("name", "oracle"), [("brier", sk.brier_score_loss), ("log_loss", sk.log_loss)])
def test_metrics_of_probabilities_are_scikit_learns(name: str, oracle: Callable[..., float], seed: int) -> None:
    target, p = binary_rows(seed)
    assert metrics.probabilistic(name, *tensors(target, p)) == pytest.approx(oracle(target, p), rel=1e-9)


def test_a_sure_and_wrong_probability_costs_a_finite_log_loss() -> None:
    target, p = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 0.0])
    assert metrics.probabilistic("log_loss", target, p) == pytest.approx(-np.log(1e-15) / 2, rel=1e-9)


def by_definition(target: Array, probability: Array, bins: int = 15) -> float:
    """Rows in the order of their probability, cut into 15 parts as equal as can be. For rows without ties."""
    rows = sorted(range(len(target)), key=lambda row: probability[row])
    total = 0.0
    for part in range(bins):
        members = rows[part * len(rows) // bins : (part + 1) * len(rows) // bins]
        if members:
            said = sum(probability[row] for row in members) / len(members)
            seen = sum(target[row] for row in members) / len(members)
            total += len(members) / len(rows) * abs(said - seen)
    return total


@pytest.mark.parametrize("rows", [1, 2, 14, 15, 16, 100, 150, 1503])
@pytest.mark.parametrize("seed", range(3))
def test_the_calibration_error_is_that_of_its_definition(rows: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    p = generator.permutation(np.linspace(0.001, 0.97, rows))
    target = (generator.random(rows) < p**2).astype(float)
    found = metrics.probabilistic("ece", *tensors(target, p))
    assert found == pytest.approx(by_definition(target, p), rel=1e-9)


@pytest.mark.parametrize("p", [0.0, 0.1, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("positives", [0, 30, 100])
def test_a_constant_prediction_is_off_by_its_distance_from_the_share(p: float, positives: int) -> None:
    target = torch.arange(100) < positives
    found = metrics.probabilistic("ece", target.float(), torch.full((100,), p, dtype=torch.double))
    assert found == pytest.approx(abs(p - positives / 100), abs=1e-12)


@pytest.mark.parametrize("sizes", [(60, 60), (7, 113), (40, 1, 200)])
def test_equal_probabilities_are_never_parted_into_two_bins(sizes: tuple[int, ...]) -> None:
    # every group has a value of its own and every other row positive: a bin a group, or several groups a bin
    levels = np.linspace(0.6, 0.9, len(sizes))
    p = np.repeat(levels, sizes)
    target = np.arange(len(p)) % 2.0
    groups = [(target[p == level], level) for level in levels]
    wanted = sum(abs(level * len(seen) - seen.sum()) for seen, level in groups) / len(p)
    assert expected_calibration_error(target, p) == pytest.approx(wanted, rel=1e-9)


def test_the_order_of_the_rows_does_not_change_the_calibration_error() -> None:
    target, p = binary_rows(5, rows=200, distinct=20)
    order = np.random.default_rng(0).permutation(200)
    shuffled = expected_calibration_error(target[order], p[order])
    assert shuffled == pytest.approx(expected_calibration_error(target, p), rel=1e-9)


def quality(metric: str, target: Array, label: Array) -> float:
    if metric == "accuracy":
        return float((target == label).mean())
    both = float((target * label).sum())
    return 2 * both / float(target.sum() + label.sum()) if both else 0.0


rows = st.lists(
    st.tuples(st.sampled_from([0.0, 1.0]), st.integers(-30, 30).map(lambda n: n / 8)), min_size=1, max_size=14
)


@pytest.mark.parametrize("middle", [0.0, 0.5])
@pytest.mark.parametrize("metric", ["f1", "accuracy"])
@given(pairs=rows)
@example(pairs=[(0.0, 0.25)])
@example(pairs=[(1.0, 0.25)])
@example(pairs=[(0.0, -1.0), (1.0, -1.0), (1.0, 0.5)])
@settings(max_examples=80)
def test_the_threshold_is_the_best_of_all_midpoints_and_nearest_the_middle(
    metric: str, middle: float, pairs: list[tuple[float, float]]
) -> None:
    target, score = np.array(pairs).T
    found = metrics.best_threshold(*tensors(target.copy(), score.copy()), metric, middle)
    distinct = np.unique(score)
    candidates = [*(distinct[1:] + distinct[:-1]) / 2, distinct[0] - 0.5, distinct[-1] + 1]
    qualities = {float(t): quality(metric, target, score > t) for t in candidates}
    best = max(qualities.values())
    assert quality(metric, target, score > found) == pytest.approx(best, abs=1e-12)
    nearest = min(abs(t - middle) for t, value in qualities.items() if value > best - 1e-12)
    assert abs(found - middle) == pytest.approx(nearest, abs=1e-12)


@pytest.mark.parametrize(("metric", "oracle"), [("f1", sk.f1_score), ("accuracy", sk.accuracy_score)])
def test_no_threshold_on_a_fine_grid_beats_the_one_chosen_by_scikit_learns_measure(
    metric: str, oracle: Callable[..., float]
) -> None:
    target, p = binary_rows(6)
    threshold = metrics.best_threshold(*tensors(target, p), metric, 0.5)
    best = max(oracle(target, p > t) for t in np.linspace(0, 1, 401))
    assert oracle(target, p > threshold) >= best
    assert oracle(target, p > threshold) > oracle(target, p > 0.5) - 1e-12


@pytest.mark.parametrize("name", [*metrics.REGRESSION, *metrics.BINARY])
def test_a_metric_by_name_improves_the_way_it_should(name: str) -> None:
    known = {**metrics.REGRESSION, **metrics.BINARY}
    errors = {"rmse", "mae", "brier", "log_loss", "ece"}
    metric, function = metrics.chosen(name, None, known)
    assert metric == Metric(name, Direction.MIN if name in errors else Direction.MAX)
    assert function is None


def test_an_unknown_metric_is_refused_with_the_close_ones_and_the_way_out() -> None:
    with pytest.raises(UnknownName, match=r"no metric 'roc_acu'. Did you mean roc_auc") as refused:
        metrics.chosen("roc_acu", None, metrics.BINARY)
    assert "task.metric=my.module.function" in str(refused.value)


OWN = """
def plain(target, prediction):
    return 1.0

def stated(target, prediction):
    return 2.0
stated.direction = "max"

def sideways(target, prediction):
    return 3.0
sideways.direction = "sideways"

number = 4
"""


@pytest.fixture
def own_metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of metrics on the path, by name."""
    (tmp_path / "metrics_of_a_test.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    return "metrics_of_a_test"


@pytest.mark.parametrize(
    ("name", "direction", "wanted"),
    [
        ("plain", "min", Direction.MIN),
        ("plain", "max", Direction.MAX),
        ("stated", None, Direction.MAX),
        ("stated", "min", Direction.MIN),
    ],
)
def test_an_importable_function_is_a_metric_once_its_direction_is_known(
    own_metrics: str, name: str, direction: str | None, wanted: Direction
) -> None:
    metric, function = metrics.chosen(f"{own_metrics}.{name}", direction, metrics.BINARY)
    assert metric == Metric(name, wanted)
    assert function is not None
    assert function(None, None) == {"plain": 1.0, "stated": 2.0}[name]


@pytest.mark.parametrize(
    ("name", "direction", "message"),
    [
        ("plain", None, "needs task.direction=min or task.direction=max"),
        ("plain", "up", "needs task.direction=min or task.direction=max"),
        ("sideways", None, "needs task.direction=min or task.direction=max"),
        ("number", "min", "is not a function"),
        ("missing", "min", "has no 'missing'"),
    ],
)
def test_what_cannot_be_a_metric_is_refused_with_the_next_step(
    own_metrics: str, name: str, direction: str | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        metrics.chosen(f"{own_metrics}.{name}", direction, metrics.BINARY)


def test_ranking_one_class_has_no_value() -> None:
    # scikit-learn calls the ROC-AUC of one class undefined
    assert np.isnan(metrics.ranking("roc_auc", torch.ones(4), torch.arange(4.0)))


def test_everything_may_be_positive_however_large_the_scores() -> None:
    scores, target = torch.tensor([1e20, 2e20], dtype=torch.double), torch.ones(2, dtype=torch.double)
    assert metrics.best_threshold(target, scores, "f1", 0.0) < 1e20


def stacked(replicas: int = 5, rows: int = 90) -> tuple[torch.Tensor, torch.Tensor]:
    """Targets and scores [replicas, rows], some of them tied."""
    pairs = [binary_rows(seed, rows, distinct=12 if seed % 2 else None) for seed in range(replicas)]
    return torch.stack([torch.from_numpy(y) for y, _ in pairs]), torch.stack([torch.from_numpy(p) for _, p in pairs])


@pytest.mark.parametrize("name", [*metrics.REGRESSION, *metrics.BINARY])
def test_many_trainings_are_judged_in_one_call_as_each_alone(name: str) -> None:
    target, score = stacked()

    def value(y: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
        if name in metrics.REGRESSION:
            return metrics.regression(name, y, p)
        if name in ("roc_auc", "average_precision"):
            return metrics.ranking(name, y, p)
        return (
            metrics.probabilistic(name, y, p) if name in metrics.PROBABILISTIC else metrics.decisions(name, y, p > 0.5)
        )

    together = value(target, score)
    assert together.shape == (5,)
    alone = [float(value(y, p)) for y, p in zip(target, score, strict=True)]
    assert together.tolist() == pytest.approx(alone, rel=1e-12)


def test_ranking_and_decisions_are_those_of_torchmetrics() -> None:
    from torchmetrics.functional import classification as oracle

    for y, p in zip(*stacked(), strict=True):
        true = y.long()
        assert float(metrics.ranking("roc_auc", y, p)) == pytest.approx(float(oracle.binary_auroc(p, true)), abs=1e-6)
        found = float(metrics.ranking("average_precision", y, p))
        assert found == pytest.approx(float(oracle.binary_average_precision(p, true)), abs=1e-6)
        label = (p > 0.5).long()
        assert float(metrics.decisions("f1", y, label)) == pytest.approx(float(oracle.binary_f1_score(label, true)))


@pytest.mark.parametrize("metric", ["f1", "accuracy"])
def test_the_best_decisions_are_those_at_the_chosen_threshold(metric: str) -> None:
    target, score = stacked()
    best = metrics.best_decisions(target, score, metric)
    for y, p, value in zip(target, score, best, strict=True):
        threshold = metrics.best_threshold(y, p, metric, 0.5)
        assert float(metrics.decisions(metric, y, p > threshold)) == pytest.approx(float(value), abs=1e-12)
