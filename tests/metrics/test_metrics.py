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
from scipy import stats

import lossbench
from lossbench.errors import InputError, PluginError, UnknownName
from lossbench.metrics.calibration import expected_calibration_error
from lossbench.metrics.catalogue import BUILT_IN, FAMILIES, built_in, chosen
from lossbench.metrics.decisions import Formula, best_decisions, best_threshold
from lossbench.metrics.metric import Direction, Need, Target
from tests.conftest import QUICK, Site

Array = NDArray[Any]


def binary_rows(seed: int, rows: int = 300, distinct: int | None = None) -> tuple[Array, Array]:
    """Targets, a third positive, and probabilities that know something; ties where few are distinct."""
    generator = np.random.default_rng(seed)
    target = (generator.random(rows) < 0.35).astype(float)
    p = np.clip(0.25 + 0.3 * target + generator.normal(0, 0.2, rows), 0.01, 0.99)
    return target, np.round(p * distinct) / distinct if distinct else p


def tensors(*given: Array) -> list[torch.Tensor]:
    return [torch.from_numpy(array) for array in given]


def of(name: str, target: Array | torch.Tensor, given: Array | torch.Tensor) -> float:
    """A metric of one prediction, alone and side by side: both are to be the same number."""
    metric = built_in(name)
    assert metric is not None
    true, found = (torch.as_tensor(each) for each in (target, given))
    alone = metric.of(true, found)
    (beside,) = metric.of_many(true.unsqueeze(0), found.unsqueeze(0)).tolist()
    assert beside == pytest.approx(alone, rel=1e-12, abs=1e-12, nan_ok=True)
    return alone


def specificity(target: Array, label: Array) -> float:
    return float(sk.recall_score(target, label, pos_label=0))


def f2(target: Array, label: Array) -> float:
    return float(sk.fbeta_score(target, label, beta=2))


def spearman(target: Array, score: Array) -> float:
    return float(stats.spearmanr(target, score).statistic)


def recall_at_90(target: Array, score: Array) -> float:
    precision, recall, _ = sk.precision_recall_curve(target, score)
    return float(recall[precision >= 0.9].max())


def lift_of_a_tenth(target: Array, score: Array) -> float:
    """Where no scores tie at the edge: the positives among the first tenth, by sorting."""
    picked = np.argsort(-score, kind="stable")[: len(target) // 10]
    return float(target[picked].mean() / target.mean())


NUMBERS = {
    "rmse": sk.root_mean_squared_error,
    "mae": sk.mean_absolute_error,
    "r2": sk.r2_score,
    "explained_variance": sk.explained_variance_score,
    "median_ae": sk.median_absolute_error,
    "mape": sk.mean_absolute_percentage_error,
    "spearman": spearman,
}
RANKING = {"roc_auc": sk.roc_auc_score, "average_precision": sk.average_precision_score}
LABELS = {
    "f1": sk.f1_score,
    "f1_at_half": sk.f1_score,
    "accuracy": sk.accuracy_score,
    "accuracy_at_half": sk.accuracy_score,
    "mcc": sk.matthews_corrcoef,
    "balanced_accuracy": sk.balanced_accuracy_score,
    "precision": sk.precision_score,
    "recall": sk.recall_score,
    "specificity": specificity,
    "f_beta_2": f2,
}
PROBABILITIES = {"brier": sk.brier_score_loss, "log_loss": sk.log_loss}


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("shift", [0.0, 1000.0])
def test_metrics_of_numbers_are_scikit_learns(name: str, shift: float) -> None:
    generator = np.random.default_rng(1)
    target = generator.normal(50, 20, 200)
    score = target + generator.normal(3, 10, 200) + shift
    assert of(name, target, score) == pytest.approx(NUMBERS[name](target, score), rel=1e-12)


@pytest.mark.parametrize("distinct", [None, 20, 4, 1], ids=lambda d: f"{d or 'all'}-distinct")
@pytest.mark.parametrize("name", RANKING)
def test_ranking_metrics_are_scikit_learns_with_ties_and_without(name: str, distinct: int | None) -> None:
    target, score = binary_rows(2, distinct=distinct)
    assert of(name, target, score) == pytest.approx(RANKING[name](target, score), abs=1e-12)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e3, 1e6, 1e30])
@pytest.mark.parametrize("name", RANKING)
def test_a_ranking_survives_logits_of_any_size(name: str, scale: float) -> None:
    # A sigmoid would turn nearly all of the large ones into exactly 0 or 1, and their order into ties.
    target, p = binary_rows(3)
    score = ((p - 0.2) * scale).astype(np.float32)
    assert of(name, target, score) == pytest.approx(RANKING[name](target, p), abs=1e-12)


def test_two_logits_a_million_apart_are_ranked_not_tied() -> None:
    target, score = torch.tensor([0.0, 1.0, 1.0]), torch.tensor([1e6, 2e6, 3e6])
    assert of("roc_auc", target, score) == 1.0
    assert of("roc_auc", 1 - target, score) == 0.0


@pytest.mark.parametrize("distinct", [None, 20])
def test_recall_at_a_precision_is_read_off_scikit_learns_curve(distinct: int | None) -> None:
    target, score = binary_rows(4, distinct=distinct)
    assert of("recall_at_precision_0.9", target, score) == pytest.approx(recall_at_90(target, score), abs=1e-12)


def test_lift_counts_the_positives_among_the_best_tenth() -> None:
    target, score = binary_rows(4)
    assert of("lift_0.1", target, score) == pytest.approx(lift_of_a_tenth(target, score), abs=1e-12)


def test_rows_tied_at_the_edge_of_the_best_tenth_count_by_their_share() -> None:
    # 20 rows, 2 to be picked, 4 tied at the top of which 1 is positive: on average half a positive of 5 in all
    target, score = np.zeros(20), np.zeros(20)
    target[[0, 10, 11, 12, 13]], score[:4] = 1.0, 1.0
    assert of("lift_0.1", target, score) == pytest.approx((0.5 / 2) / (5 / 20))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", LABELS)
def test_metrics_of_decisions_are_scikit_learns(name: str, seed: int) -> None:
    target, p = binary_rows(seed)
    label = (p > 0.5).astype(int)
    assert of(name, target, label) == pytest.approx(LABELS[name](target, label), abs=1e-12)


@pytest.mark.filterwarnings("ignore")  # scikit-learn warns of each of these
@pytest.mark.parametrize("name", LABELS)
@pytest.mark.parametrize(("true", "told"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_decisions_without_a_second_class_are_judged_as_scikit_learn_does(name: str, true: int, told: int) -> None:
    target, label = np.full(9, true, dtype=float), np.full(9, told)
    assert of(name, target, label) == pytest.approx(LABELS[name](target, label), abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", PROBABILITIES)
def test_metrics_of_probabilities_are_scikit_learns(name: str, seed: int) -> None:
    target, p = binary_rows(seed)
    assert of(name, target, p) == pytest.approx(PROBABILITIES[name](target, p), rel=1e-12)


def test_a_sure_and_wrong_probability_costs_a_finite_log_loss() -> None:
    target, p = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 0.0])
    assert of("log_loss", target, p) == pytest.approx(-np.log(1e-15) / 2, rel=1e-9)


@pytest.mark.parametrize("name", [*NUMBERS, *RANKING, *LABELS, *PROBABILITIES, "recall_at_precision_0.9", "lift_0.1"])
def test_parts_have_the_metric_as_their_mean_and_move_as_leaving_examples_out_does(name: str) -> None:
    """Efron and Stein 1981: the variance of pseudo-values estimates that of the metric; so must any influence's."""
    metric = built_in(name)
    assert metric is not None
    target, given_ = binary_rows(7, rows=300)
    if name in NUMBERS:
        target = np.random.default_rng(7).normal(3 + 5 * target, 1)
    given_ = (given_ > 0.4).astype(float) if name in LABELS else given_
    parts = metric.parts(target, given_)
    assert parts is not None
    # pseudo-values of the jackknife have the metric as their mean up to its bias, of order 1 / n
    assert parts.mean() == pytest.approx(metric.of(*tensors(target, given_)), abs=0.02 * max(1.0, abs(parts.mean())))
    whole = metric.of(*tensors(target, given_))
    left_out = [metric.of(*tensors(np.delete(target, row), np.delete(given_, row))) for row in range(300)]
    jackknife = (len(target) - 1) * (np.mean(left_out) - np.array(left_out)) + whole
    if name not in ("median_ae", "recall_at_precision_0.9"):  # steps: the jackknife of single rows is known to fail
        error, wanted = (values.std(ddof=1) / len(values) ** 0.5 for values in (parts, jackknife))
        assert error == pytest.approx(wanted, rel=0.35)


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
    found = of("ece", target, p)
    assert found == pytest.approx(by_definition(target, p), rel=1e-9)


@pytest.mark.parametrize("p", [0.0, 0.1, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("positives", [0, 30, 100])
def test_a_constant_prediction_is_off_by_its_distance_from_the_share(p: float, positives: int) -> None:
    target = torch.arange(100) < positives
    found = of("ece", target.float(), torch.full((100,), p, dtype=torch.double))
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


def formula(metric: str) -> Formula:
    found = BUILT_IN[metric].of_counts
    assert found is not None
    return found


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
    found = best_threshold(*tensors(target.copy(), score.copy()), formula(metric), middle)
    distinct = np.unique(score)
    candidates = [*(distinct[1:] + distinct[:-1]) / 2, distinct[0] - 0.5, distinct[-1] + 1]
    qualities = {float(t): quality(metric, target, score > t) for t in candidates}
    best = max(qualities.values())
    assert quality(metric, target, score > found) == pytest.approx(best, abs=1e-12)
    nearest = min(abs(t - middle) for t, value in qualities.items() if value > best - 1e-12)
    assert abs(found - middle) == pytest.approx(nearest, abs=1e-12)


@pytest.mark.parametrize(
    ("metric", "oracle"),
    [(name, LABELS[name]) for name in ("f1", "accuracy", "mcc", "balanced_accuracy")],
)
def test_no_threshold_on_a_fine_grid_beats_the_one_chosen_by_scikit_learns_measure(
    metric: str, oracle: Callable[..., float]
) -> None:
    target, p = binary_rows(6)
    threshold = best_threshold(*tensors(target, p), formula(metric), 0.5)
    best = max(oracle(target, p > t) for t in np.linspace(0, 1, 401))
    assert oracle(target, p > threshold) >= best
    assert oracle(target, p > threshold) > oracle(target, p > 0.5) - 1e-12


ERRORS = {"rmse", "mae", "median_ae", "mape", "brier", "log_loss", "ece"}
ERRORS |= {"interval_score", "width_90", "crps", "nll", "mean_pinball"}
UNBOUNDED = {"coverage_90", "width_90", "nll"}
"""Nothing is a best value of these."""


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_metric_by_name_improves_the_way_it_should(name: str) -> None:
    metric, function = BUILT_IN[name], None
    if not metric.describes:
        metric, function = chosen(name, None, metric.target)
    assert metric is BUILT_IN[name]
    assert metric.direction is (Direction.MIN if name in ERRORS else Direction.MAX)
    assert metric.best == (None if name in UNBOUNDED else 0.0 if name in ERRORS else 1.0)
    assert function is None


def test_an_unknown_metric_is_refused_with_the_close_ones_and_the_way_out() -> None:
    with pytest.raises(UnknownName, match=r"no metric 'roc_acu'. Did you mean roc_auc") as refused:
        chosen("roc_acu", None, Target.TWO_CLASSES)
    assert "task.metric=my.module.function" in str(refused.value)


def test_a_metric_of_other_targets_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(InputError, match=r"rmse is a metric of numbers, not of two classes. Choose from: roc_auc"):
        chosen("rmse", None, Target.TWO_CLASSES)


def test_one_of_a_family_is_named_by_its_number_or_by_a_parameter() -> None:
    by_name, _ = chosen("f_beta_0.5", None, Target.TWO_CLASSES)
    by_parameter, _ = chosen("f_beta", None, Target.TWO_CLASSES, {"beta": 0.5})
    usual, _ = chosen("f_beta", None, Target.TWO_CLASSES)
    assert by_name.name == by_parameter.name == "f_beta_0.5"
    assert usual.name == "f_beta_2"
    with pytest.raises(UnknownName, match=r"no parameter 'bta'. Did you mean beta"):
        chosen("f_beta", None, Target.TWO_CLASSES, {"bta": 1})


def test_a_class_of_torchmetrics_is_a_metric_with_its_parameters() -> None:
    target, p = binary_rows(8)
    metric, function = chosen("torchmetrics.classification.BinaryFBetaScore", None, Target.TWO_CLASSES, {"beta": 2.0})
    assert metric.direction is Direction.MAX
    assert function is not None
    assert function(target, p) == pytest.approx(sk.fbeta_score(target, p > 0.5, beta=2), abs=1e-12)


def test_a_ranking_class_of_torchmetrics_judges_raw_scores_by_their_ranks() -> None:
    target, p = binary_rows(8)
    _, function = chosen("torchmetrics.classification.BinaryAUROC", None, Target.TWO_CLASSES)
    assert function is not None
    raw = 1e6 * p + 19  # its own float32 sigmoid would make all of them 1
    assert function(target, raw) == pytest.approx(sk.roc_auc_score(target, p), abs=1e-6)  # it counts in float32


def test_a_class_that_cannot_be_made_is_refused() -> None:
    with pytest.raises(InputError, match=r"BinaryFBetaScore cannot be created with \{\}"):
        chosen("torchmetrics.classification.BinaryFBetaScore", None, Target.TWO_CLASSES)


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
    metric, function = chosen(f"{own_metrics}.{name}", direction, Target.TWO_CLASSES)
    assert (metric.name, metric.direction) == (name, wanted)
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
        chosen(f"{own_metrics}.{name}", direction, Target.TWO_CLASSES)


def test_ranking_one_class_has_no_value() -> None:
    # scikit-learn calls the ROC-AUC of one class undefined
    assert np.isnan(of("roc_auc", torch.ones(4), torch.arange(4.0)))


def test_everything_may_be_positive_however_large_the_scores() -> None:
    scores, target = torch.tensor([1e20, 2e20], dtype=torch.double), torch.ones(2, dtype=torch.double)
    assert best_threshold(target, scores, formula("f1"), 0.0) < 1e20


def stacked(replicas: int = 5, rows: int = 90) -> tuple[torch.Tensor, torch.Tensor]:
    """Targets and scores [replicas, rows], some of them tied."""
    pairs = [binary_rows(seed, rows, distinct=12 if seed % 2 else None) for seed in range(replicas)]
    return torch.stack([torch.from_numpy(y) for y, _ in pairs]), torch.stack([torch.from_numpy(p) for _, p in pairs])


@pytest.mark.parametrize("name", [n for n, m in BUILT_IN.items() if m.target is not Target.TAGS])
def test_many_trainings_are_judged_in_one_call_as_each_alone(name: str) -> None:
    target, score = stacked()
    metric = BUILT_IN[name]
    shapes = {
        Need.LABEL: (score > 0.5).long(),
        Need.INTERVAL: torch.stack([score - 0.3, score + 0.2]),
        Need.DENSITY: torch.stack([score, score + 0.5, torch.full_like(score, 4.0)]),
        Need.QUANTILES: torch.stack([score - 0.1, score, torch.full_like(score, 0.1), torch.full_like(score, 0.5)]),
    }
    given_ = shapes.get(metric.need, score)
    together = metric.of_many(target, given_)
    assert together.shape == (5,)
    alone = [metric.of(target[row], given_[..., row, :]) for row in range(5)]
    assert together.tolist() == pytest.approx(alone, rel=1e-12)


def test_ranking_is_that_of_torchmetrics() -> None:
    from torchmetrics.functional import classification as oracle

    for y, p in zip(*stacked(), strict=True):  # it counts in float32
        true = y.long()
        assert of("roc_auc", y, p) == pytest.approx(float(oracle.binary_auroc(p, true)), abs=1e-6)
        wanted = float(oracle.binary_average_precision(p, true))
        assert of("average_precision", y, p) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("metric", ["f1", "accuracy", "mcc", "balanced_accuracy"])
def test_the_best_decisions_are_those_at_the_chosen_threshold(metric: str) -> None:
    target, score = stacked()
    best = best_decisions(target, score, formula(metric))
    for y, p, value in zip(target, score, best, strict=True):
        threshold = best_threshold(y, p, formula(metric), 0.5)
        assert of(metric, y, (p > threshold).long()) == pytest.approx(float(value), abs=1e-12)


WITHIN = """
from lossbench.metrics import Direction, Metric, Target


def share(target, score):
    return ((score - target).abs() <= 10).double().mean(-1)


WITHIN = Metric("within_ten", Direction.MAX, Target.NUMBERS, stacked=share, margin=0.02, best=1.0)
"""


def test_an_installed_package_brings_a_metric_by_one_entry_point(site: Site) -> None:
    site.install(
        "lossbench-within",
        {"within_ten": "within_ten_metric:WITHIN"},
        WITHIN,
        module="within_ten_metric",
        group="lossbench.metrics",
    )
    (cell,) = lossbench.cells("+loss=mse", "task=regression", "task/data=diabetes", "task.metric=within_ten", *QUICK)
    record = lossbench.run(cell)
    assert record.status.value == "done", record.reason
    for repeat in record.repeats:
        score, target = (record.arrays[f"test/{repeat.repeat}/{name}"] for name in ("score", "target"))
        assert repeat.metrics["within_ten"] == pytest.approx(float((np.abs(score - target) <= 10).mean()))
    assert record.margins["within_ten"] == 0.02
    assert next(iter(record.directions)) == "within_ten"


def test_an_entry_point_that_gives_no_metric_says_so(site: Site) -> None:
    site.install("lossbench-odd", {"odd": "odd_metric:odd"}, "odd = 3", module="odd_metric", group="lossbench.metrics")
    with pytest.raises(PluginError, match=r"The metric 'odd' of odd_metric:odd is not a lossbench.metrics.Metric"):
        chosen("odd", None, Target.NUMBERS)


def test_every_metric_stands_in_the_docs() -> None:
    page = (Path(__file__).parents[2] / "docs" / "your-data.md").read_text("utf-8")
    for name in [*BUILT_IN, *FAMILIES]:
        assert f"`{name}`" in page, name


@pytest.mark.parametrize("name", ["f_beta_0.5", "lift_0.1", "mcc", "recall_at_precision_0.9", "specificity"])
def test_a_cell_is_judged_by_any_metric_of_its_task(name: str) -> None:
    (cell,) = lossbench.cells("+loss=bce", "task=binary", f"task.metric={name}", *QUICK)
    record = lossbench.run(cell)
    assert record.status.value == "done", record.reason
    assert (record.metric.name, next(iter(record.directions))) == (name, name)
    assert all(name in repeat.metrics for repeat in record.repeats)


def test_parameters_of_a_metric_are_part_of_the_cell_and_change_no_other_cell() -> None:
    words = ("+loss=bce", "task=binary", *QUICK)
    (plain,), (given_,) = (
        lossbench.cells(*words, *more) for more in ((), ("task.metric=lift", "task.metric_params.share=0.05"))
    )
    assert "metric_params" not in plain.to_dict()["task"]
    assert given_.task.metric_params == {"share": 0.05}
    assert given_.to_dict()["task"]["metric_params"] == {"share": 0.05}


@pytest.mark.parametrize(
    "name", ["lift_0", "lift_1.5", "lift_nan", "f_beta_-1", "f_beta_0", "f_beta_nan", "f_beta_1e200"]
)
def test_a_number_out_of_range_is_refused_before_anything_is_computed(name: str) -> None:
    assert built_in(name) is None
    with pytest.raises(InputError, match=f"{name.rpartition('_')[0]}: .* is not possible: it must be above 0"):
        chosen(name, None, Target.TWO_CLASSES)


def test_a_family_out_of_range_is_not_taken_for_an_import_path() -> None:
    with pytest.raises(InputError, match=r"pinball: q=1.5 is not possible: it must be between 0 and 1"):
        chosen("pinball_1.5", None, Target.NUMBERS)


@pytest.mark.parametrize("q", [0.9, 0.123456789, 0.9999999, 1 / 3])
def test_a_name_gives_back_the_very_number(q: float) -> None:
    made, _ = chosen("pinball", None, Target.NUMBERS, {"q": q})
    again = built_in(made.name)
    assert again is not None
    assert again.quantile == made.quantile == q


def test_an_installed_family_is_chosen_by_number_too(site: Site) -> None:
    source = """
        from lossbench.metrics import Direction, Family, Metric, Target

        def within(most):
            hit = lambda target, score: ((score - target).abs() <= most).double().mean(-1)
            return Metric(f"within_{most:g}", Direction.MAX, Target.NUMBERS, stacked=hit)

        WITHIN = Family("within", "most", 10.0, within)
    """
    site.install(
        "lossbench-near", {"within": "near_metric:WITHIN"}, source, module="near_metric", group="lossbench.metrics"
    )
    assert chosen("within_2.5", None, Target.NUMBERS)[0].name == "within_2.5"
    assert chosen("within", None, Target.NUMBERS)[0].name == "within_10"


@pytest.mark.parametrize("name", ["median_ae", "spearman", "rmse"])
def test_of_one_example_there_is_a_value_and_no_interval_by_leaving_it_out(name: str) -> None:
    metric = BUILT_IN[name]
    parts = metric.parts(np.array([1.0]), np.array([1.5]))
    assert (parts is None) == (metric.influence is None)


@pytest.mark.parametrize("name", ["r2", "explained_variance"])
def test_a_target_that_never_varies_has_no_share_that_is_explained(name: str) -> None:
    target, score = torch.full((9,), 2.0, dtype=torch.double), torch.arange(9, dtype=torch.double)
    assert of(name, target, score) == -np.inf
    assert BUILT_IN["r2"].parts(target.numpy(), score.numpy()) is None


def test_a_class_that_is_told_and_not_there_leaves_balanced_accuracy_to_the_other() -> None:
    label = torch.tensor([1, 1, 1, 0])
    assert of("balanced_accuracy", torch.ones(4), label) == 0.75
