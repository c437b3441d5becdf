"""A function of one's own as a metric: its threshold against trying all, its influence against leaving groups out."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics as sk

from lossbench.errors import InputError
from lossbench.metrics import own_metric
from lossbench.metrics.catalogue import BUILT_IN
from lossbench.metrics.decisions import best_threshold
from lossbench.metrics.own_metric import OwnMetric, load, undecided
from lossbench.plan import Direction

Values = NDArray[Any]
SOURCE = '''
import numpy as np

def plain(target, prediction):
    return float(np.abs(target - prediction).mean())

def fixed(target, prediction, power=2):
    return 1.0
fixed.direction = "max"

def profit(target, probability, threshold=1 / 6):
    """100 for a positive that is found, 20 less for a negative that is taken for one."""
    taken = probability > threshold
    return 100.0 * (taken & (target == 1)).sum() - 20.0 * (taken & (target == 0)).sum()

def by_label(target, label):
    return float((target == label).mean())

def by_both(target, score, label):
    return float((target == label).mean() + 0 * score.sum())

def told(target, prediction):
    return float((target == prediction).mean())
told.needs = "decision"

def bound(target, prediction, *, threshold):
    return 0.0
'''


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "own_functions_of_a_test.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    return "own_functions_of_a_test"


def loaded(module: str, name: str) -> OwnMetric:
    return load(f"{module}.{name}", "max", (), what="task.metric", ask="task.direction=min or task.direction=max")


def rows(n: int, seed: int, grid: int = 0) -> tuple[Values, Values]:
    """A fifth of positives, and probabilities that know something of them; with a grid many tie."""
    rng = np.random.default_rng(seed)
    target = (rng.uniform(size=n) < 0.2).astype(float)
    p = 1 / (1 + np.exp(-rng.normal(1.2 * target - 1.5, 1)))
    return target, np.round(p * grid) / grid if grid else p


# What a function asks for ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "decides"),
    [
        ("plain", False),
        ("fixed", False),
        *((name, True) for name in ("profit", "by_label", "by_both", "told", "bound")),
    ],
)
def test_a_metric_decides_if_it_takes_a_threshold_or_a_label_or_says_so(module: str, name: str, decides: bool) -> None:
    assert loaded(module, name).decides is decides


@pytest.mark.parametrize("name", ["by_label", "by_both", "told"])
def test_labels_are_what_lies_above_the_threshold(module: str, name: str) -> None:
    target, p = rows(60, 0)
    found = loaded(module, name).at(target, p, 0.3)
    assert found == pytest.approx(sk.accuracy_score(target, p > 0.3))


def test_a_function_with_a_threshold_gets_the_scores_and_the_threshold(module: str) -> None:
    """By hand: at .3 two positives and one negative are taken, 2 * 100 - 20; at .6 one positive."""
    target, p = np.array([1.0, 1, 0, 0, 1]), np.array([0.9, 0.4, 0.5, 0.1, 0.2])
    profit = loaded(module, "profit")
    assert [profit.at(target, p, cut) for cut in (0.3, 0.6)] == [180, 100]


def test_a_threshold_that_the_user_has_fixed_is_not_chosen(module: str) -> None:
    own = loaded(module, "profit").function
    assert not own_metric._needs(partial(own, threshold=0.5))["takes_threshold"]


def test_a_task_without_thresholds_takes_a_function_that_can_do_without(module: str) -> None:
    kept = undecided(loaded(module, "profit"), "regression")
    assert not kept.decides
    assert kept(np.array([1.0]), np.array([0.2])) == 100  # its own 1/6
    for name in ("bound", "told"):
        with pytest.raises(InputError, match="task=regression has no threshold to choose"):
            undecided(loaded(module, name), "regression")


def test_the_direction_is_the_commands_and_else_the_functions_own(module: str) -> None:
    words = {"what": "--metric", "ask": "--direction min or --direction max"}
    assert load(f"{module}.fixed", None, (), **words).direction is Direction.MAX
    assert load(f"{module}.fixed", "min", (), **words).direction is Direction.MIN
    with pytest.raises(InputError, match=r"--metric=.*\.plain needs --direction min or --direction max"):
        load(f"{module}.plain", None, (), **words)


def test_the_name_of_a_metric_of_the_task_is_left_to_it() -> None:
    assert own_metric.name_of("my.module.mae", ["mae"]) == "my.module.mae"
    assert own_metric.name_of("my.module.profit", ["mae"]) == "profit"


# The best threshold ---------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 12)), min_size=1, max_size=60), st.sampled_from([0.5, 0.1]))
def test_the_threshold_is_the_best_of_all_that_part_the_scores_in_another_way(
    pairs: list[tuple[int, int]], middle: float
) -> None:
    """Against each score itself, and one below all, as a threshold: every way to part them."""
    target, p = np.array(pairs, dtype=float).T / [[1], [12]]
    own = OwnMetric("profit", "m.profit", Direction.MAX, _profit, takes_threshold=True)
    cut, value = own.threshold(target, p, middle)
    every = [_profit(target, p, threshold) for threshold in [*p, p.min() - 1]]
    assert value == max(every)
    assert _profit(target, p, cut) == value


def _profit(target: Values, probability: Values, threshold: float) -> float:
    taken = probability > threshold
    return float(100 * target[taken].sum() - 20 * (1 - target[taken]).sum())


@pytest.mark.parametrize(("seed", "grid"), [(0, 0), (1, 0), (2, 20)])
def test_f1_as_a_function_of_ones_own_gets_the_threshold_that_f1_gets(seed: int, grid: int) -> None:
    import torch

    target, p = rows(150, seed, grid)
    own = OwnMetric("f1_too", "m.f1_too", Direction.MAX, partial(sk.f1_score, zero_division=0), judges_label=True)
    wanted = best_threshold(torch.from_numpy(target), torch.from_numpy(p), BUILT_IN["f1"].of_counts, 0.5)
    assert own.threshold(target, p, 0.5)[0] == pytest.approx(wanted, abs=1e-12)


def test_a_cost_gets_the_threshold_at_which_it_is_least() -> None:
    """A missed positive costs five times a false alarm: above 1 / 6 of a calibrated probability it pays to act."""
    rng = np.random.default_rng(3)
    p = rng.uniform(size=4000)
    target = (rng.uniform(size=4000) < p).astype(float)

    def cost(true: Values, label: Values) -> float:
        return float(5 * (true * (1 - label)).sum() + ((1 - true) * label).sum())

    own = OwnMetric("cost", "m.cost", Direction.MIN, cost, judges_label=True)
    cut, value = own.threshold(target, p, 0.5)
    assert value == min(cost(target, (p > t).astype(int)) for t in p)
    assert cut == pytest.approx(1 / 6, abs=0.06)


def test_of_equal_thresholds_the_one_nearest_the_middle_is_taken() -> None:
    own = OwnMetric("flat", "m.flat", Direction.MAX, lambda target, label: 1.0, judges_label=True)
    assert own.threshold(np.array([0.0, 1.0]), np.array([0.2, 0.7]), 0.5)[0] == pytest.approx(0.45)


def test_many_thresholds_are_searched_coarsely_and_then_round_the_best() -> None:
    target, p = rows(20_000, 4)
    calls = 0

    def counted(true: Values, prediction: Values, threshold: float) -> float:
        nonlocal calls
        calls += 1
        return _profit(true, prediction, threshold)

    own = OwnMetric("profit", "m.profit", Direction.MAX, counted, takes_threshold=True)
    _, value = own.threshold(target, p, 0.5, most=128)
    order = np.argsort(-p)
    best = np.cumsum(120 * target[order] - 20).max()  # every way to part them, by running sums
    assert calls < 400
    assert value == pytest.approx(best, rel=0.01)


def test_thresholds_at_which_the_function_has_no_value_are_passed_over() -> None:
    def precision(true: Values, label: Values) -> float:
        if not label.sum():
            raise ZeroDivisionError
        return float((true * label).sum() / label.sum()) if label.sum() > 1 else math.nan

    own = OwnMetric("precision", "m.precision", Direction.MAX, precision, judges_label=True)
    target, p = np.array([1.0, 1, 0]), np.array([0.9, 0.8, 0.1])
    assert own.threshold(target, p, 0.5) == (pytest.approx(0.45), 1.0)

    def never(true: Values, label: Values) -> float:
        raise KeyError("gone")

    with pytest.raises(KeyError, match="gone"):
        OwnMetric("never", "m.never", Direction.MAX, never, judges_label=True).threshold(target, p, 0.5)


# What examples contribute ---------------------------------------------------------------------------------------------


def test_the_influence_of_a_mean_is_each_examples_own_term() -> None:
    target, p = rows(40, 5)  # fewer rows than groups: each is left out by itself
    own = OwnMetric("mae", "m.mae", Direction.MIN, lambda y, z: float(np.abs(y - z).mean()))
    found = own.influence(target, p)
    assert found is not None
    assert np.sort(found) == pytest.approx(np.sort(np.abs(target - p)))
    assert found.mean() == pytest.approx(own(target, p))


def test_influences_of_two_predictions_are_of_the_same_groups() -> None:
    target, p = rows(200, 6)
    own = OwnMetric("share", "m.share", Direction.MAX, lambda y, z: float(z.mean()))
    groups = np.random.default_rng(0).permutation(200) % 50
    without = np.array([p[groups != g].mean() for g in range(50)])
    found = own.influence(target, p)
    assert found is not None
    assert found == pytest.approx(p.mean() + 49 * (without.mean() - without))


def test_a_function_that_needs_both_classes_has_no_influence_where_a_group_holds_the_only_positive() -> None:
    def ranked(true: Values, score: Values) -> float:
        if len(np.unique(true)) < 2:
            raise ValueError("one class")
        return float(sk.roc_auc_score(true, score))

    target, score = np.zeros(30), np.linspace(0, 1, 30)
    target[7] = 1
    own = OwnMetric("auc", "m.auc", Direction.MAX, ranked)
    assert own.influence(target, score) is None
    assert own(target, score) == sk.roc_auc_score(target, score)


def test_sentences_are_given_as_lists_of_tags() -> None:
    true, guess = [["B-PER", "I-PER"], ["O"], ["B-LOC", "O", "O"]], [["B-PER", "O"], ["O"], ["B-LOC", "O", "O"]]
    seen = []

    def same(one: list[list[str]], other: list[list[str]]) -> float:
        seen.append((one, other))
        return float(np.mean([a == b for a, b in zip(one, other, strict=True)]))

    found = OwnMetric("same", "m.same", Direction.MAX, same).influence(true, guess)
    assert seen[0] == (true, guess)
    assert found is not None
    assert np.sort(found) == pytest.approx([0, 1, 1])
