"""Ranks over tasks, against the published comparison of Demšar 2006 and scipy's tests."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import stats

from lossbench.verdicts.ranks import (
    cliques,
    critical_difference,
    from_ranks,
    rank,
    regret_elsewhere,
    signed_rank,
    win_tie_loss,
)

# Demšar 2006, "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 7, Table 6: AUC of C4.5, C4.5+m,
# C4.5+cf and C4.5+m+cf on 14 data sets, as printed, to three decimals.
TABLE_6 = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.975, 0.975],
        [0.957, 0.978, 0.946, 0.970],
    ]
)
# The ranks that the paper prints beside them. In the last row but one they part what three decimals tie.
RANKS_6 = np.array(
    [
        [4, 3, 2, 1],
        [1, 2, 3, 4],
        [4, 1, 2, 3],
        [4, 1, 3, 2],
        [4, 2, 3, 1],
        [1, 2.5, 4, 2.5],
        [3, 2, 4, 1],
        [2.5, 2.5, 4, 1],
        [4, 3, 2, 1],
        [2.5, 2.5, 2.5, 2.5],
        [4, 2.5, 1, 2.5],
        [3, 2, 4, 1],
        [4, 1, 2, 3],
        [3, 1, 4, 2],
    ]
)
PUBLISHED_Q = (1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164)  # the paper's Table 5 (a), k = 2 to 10


def test_the_published_ranks_give_the_published_statistics() -> None:
    found = from_ranks(RANKS_6)
    assert found.mean == pytest.approx([3.143, 2.000, 2.893, 1.964], abs=5e-4)
    assert found.p < 0.05  # the paper: F(3, 39) has the critical value 2.85
    assert found.friedman == pytest.approx(9.279, abs=5e-4)
    assert found.f == pytest.approx(3.686, abs=5e-4)
    assert found.critical == pytest.approx(1.254, abs=5e-4)


def test_the_largest_score_ranks_first_and_ties_share_a_rank() -> None:
    found, parted = rank(TABLE_6), RANKS_6.copy()
    parted[12] = [4, 1, 2.5, 2.5]
    assert found.ranks.tolist() == parted.tolist()
    assert (found.friedman, found.f) == pytest.approx((9.857, 3.987), abs=5e-4)  # the table as printed


@pytest.mark.parametrize(("k", "q"), list(zip(range(2, 11), PUBLISHED_Q, strict=True)))
def test_the_critical_difference_has_the_published_q(k: int, q: float) -> None:
    assert critical_difference(k, 20) == pytest.approx(q * math.sqrt(k * (k + 1) / 120), rel=5e-4)


@pytest.mark.parametrize("k", [*range(2, 13), 30])
def test_the_critical_difference_is_that_of_scipys_studentized_range(k: int) -> None:
    scipys = stats.studentized_range.ppf(0.95, k, np.inf) / math.sqrt(2) * math.sqrt(k * (k + 1) / (6 * 20))
    assert critical_difference(k, 20) == pytest.approx(scipys, rel=1e-12)


@given(arrays(float, (4, 6), elements=st.integers(-3, 3).map(float)))
def test_ranks_and_their_ties_are_scipys(scores: NDArray[np.float64]) -> None:
    assert rank(scores).ranks.tolist() == stats.rankdata(-scores, axis=1).tolist()


@pytest.mark.parametrize(("tasks", "k"), [(5, 3), (12, 4), (30, 10)])
def test_friedman_and_wilcoxon_are_scipys(tasks: int, k: int) -> None:
    scores = np.random.default_rng(k).normal(size=(tasks, k)) + 0.2 * np.arange(k)
    found = rank(scores)
    assert found.friedman == pytest.approx(stats.friedmanchisquare(*scores.T).statistic)
    f = (tasks - 1) * found.friedman / (tasks * (k - 1) - found.friedman)  # Iman and Davenport 1980
    assert (found.f, found.p) == pytest.approx((f, stats.f.sf(f, k - 1, (k - 1) * (tasks - 1))))
    for (i, j), p in found.pairs.items():
        assert p == pytest.approx(stats.wilcoxon(scores[:, i], scores[:, j]).pvalue)
    assert list(found.pairs) == list(itertools.combinations(range(k), 2))


@given(arrays(float, st.integers(1, 9), elements=st.integers(-4, 4).map(float)))
def test_signed_ranks_with_ties_and_zeros_count_all_signs(differences: NDArray[np.float64]) -> None:
    """Pratt 1959, by the definition: ranks of all sizes, zeros' left out, over every way to sign the others."""
    ranks = stats.rankdata(np.abs(differences))[differences != 0]
    signs = np.array(list(itertools.product([0, 1], repeat=len(ranks))))
    sums = signs @ ranks if len(ranks) else np.zeros(1)
    positive = float(stats.rankdata(np.abs(differences))[differences > 0].sum())
    exact = min(1.0, 2 * min(float((sums <= positive + 1e-9).mean()), float((sums >= positive - 1e-9).mean())))
    assert signed_rank(differences) == pytest.approx(exact)


def test_the_pairs_are_adjusted_by_holm() -> None:
    found = rank(np.random.default_rng(0).normal([0, 0, 1.5], 1, (8, 3)))
    low, middle, high = sorted(found.pairs, key=lambda pair: found.pairs[pair])
    stepped = [3 * found.pairs[low], 2 * found.pairs[middle], found.pairs[high]]
    running = np.minimum(1, np.maximum.accumulate(stepped))
    assert [found.pairs_holm[pair] for pair in (low, middle, high)] == pytest.approx(running)


def test_losses_that_are_equal_everywhere_are_not_told_apart() -> None:
    found = rank(np.ones((6, 3)))
    assert (found.friedman, found.f, found.p) == (0, 0, 1)
    assert set(found.pairs.values()) == {1}
    assert found.mean.tolist() == [2, 2, 2]


@pytest.mark.parametrize(("tasks", "k"), [(2, 2), (3, 3)])
def test_tasks_that_all_agree_have_the_chance_that_they_do(tasks: int, k: int) -> None:
    # by enumeration: of all orders in all tasks, those where every task has the same
    found = rank(np.tile(np.arange(float(k)), (tasks, 1)))
    orders = list(itertools.permutations(range(k)))
    agreeing = sum(len(set(drawn)) == 1 for drawn in itertools.product(orders, repeat=tasks))
    assert found.f == math.inf
    assert found.p == pytest.approx(agreeing / len(orders) ** tasks)


def test_no_critical_difference_below_five_tasks() -> None:
    scores = np.random.default_rng(1).normal(size=(5, 3))
    assert rank(scores[:4]).critical is None
    assert rank(scores).critical == critical_difference(3, 5)


@pytest.mark.parametrize("shape", [(1, 3), (3, 1)])
def test_one_task_or_one_loss_has_no_ranks(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="two tasks and two losses"):
        rank(np.ones(shape))


def test_bars_join_what_lies_within_the_critical_difference() -> None:
    assert cliques(np.array([3.143, 2.000, 2.893, 1.964]), 1.254) == [(3, 1, 2, 0)]
    assert cliques(np.array([3.143, 2.000, 2.893, 1.964]), 1.0) == [(3, 1, 2), (2, 0)]
    assert cliques(np.array([1.0, 3.0, 5.0]), 1.5) == []
    assert cliques(np.array([1.0, 2.0, 2.9, 5.0]), 1.0) == [(0, 1), (1, 2)]


def test_regret_is_what_the_choice_by_the_other_tasks_loses() -> None:
    # by hand: without task 0 the means are (0, 1.5): loss 1, which is 3 behind there; without task 1 (2, 0): loss 0,
    # 4 behind; without task 2 (2, 2.5): loss 1, 1 behind
    gains = np.array([[4.0, 1.0], [0.0, 4.0], [0.0, -1.0]])
    assert regret_elsewhere(gains).tolist() == [3, 4, 1]


def test_ties_between_losses_go_to_the_first() -> None:
    assert regret_elsewhere(np.array([[1.0, 2.0], [3.0, 3.0]])).tolist() == [1, 0]


def test_wins_ties_and_losses_are_counted() -> None:
    assert win_tie_loss([1, -1, 0, 1, 1, 0]) == (3, 2, 1)
