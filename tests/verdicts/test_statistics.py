"""What repeats can tell, against scipy's own tests, enumeration, simulation and published tables."""

from __future__ import annotations

import itertools
import math
import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from lossbench.verdicts.statistics import (
    Estimate,
    detectable,
    effect_size,
    holm,
    improvement,
    over_repeats,
    over_repeats_and_examples,
    power,
    repeats_to_decide,
    rows_to_decide,
    sign_flip,
)

Values = NDArray[np.float64]
chances = st.lists(st.floats(0, 1), min_size=1, max_size=12)


# Power --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "effect", "published"), [(10, 1.0, 0.803), (5, 1.0, 0.401), (20, 0.5, 0.565)])
def test_the_power_of_a_paired_test_is_that_of_the_tables(n: int, effect: float, published: float) -> None:
    # G*Power 3.1, t tests, matched pairs, two-sided 5 %
    assert power(effect, n) == pytest.approx(published, abs=0.001)


@pytest.mark.parametrize(("n", "effect"), [(3, 2.0), (5, 1.0), (10, 0.6)])
def test_the_power_is_the_share_of_simulated_tests_that_find_the_effect(n: int, effect: float) -> None:
    rows = np.random.default_rng(0).normal(effect, 1, (20_000, n))
    found = (stats.ttest_1samp(rows, 0, axis=1).pvalue < 0.05).mean()
    assert power(effect, n) == pytest.approx(found, abs=4 * math.sqrt(0.25 / 20_000))


@pytest.mark.parametrize("n", [2, 3, 5, 10, 50])
def test_the_detectable_effect_is_the_one_found_four_times_in_five(n: int) -> None:
    assert power(detectable(n), n) == pytest.approx(0.8, abs=1e-6)
    assert detectable(n) > detectable(n + 1)


def test_one_repeat_detects_nothing() -> None:
    assert detectable(1) == math.inf


def test_the_detectable_difference_is_the_detectable_effect_in_the_units_of_the_metric() -> None:
    gains = np.random.default_rng(2).normal(size=8)
    assert over_repeats(gains).detectable() == pytest.approx(detectable(8) * gains.std(ddof=1))
    assert over_repeats(np.zeros(8)).detectable() == 0


@pytest.mark.parametrize("df", [1.0, 2.5, 9.0, 60.0, 400.0, 1e4])
def test_a_crossed_estimate_detects_by_the_noncentral_t_too(df: float) -> None:
    # simulation: a normal over the root of a chi-squared
    rng = np.random.default_rng(3)
    shift = Estimate(0.0, 1.0, df, 1.0).detectable()
    t = (shift + rng.normal(size=50_000)) / np.sqrt(rng.chisquare(df, 50_000) / df)
    assert (np.abs(t) > stats.t.ppf(0.975, df)).mean() == pytest.approx(0.8, abs=0.01)


# The paired t over repeats ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [2, 3, 7, 10])
def test_the_paired_interval_and_p_are_scipys(n: int) -> None:
    one, other = np.random.default_rng(n).normal(size=(2, n))
    scipys, found = stats.ttest_rel(one, other), over_repeats(one - other)
    for level in (0.8, 0.95):
        assert found.interval(level) == pytest.approx(tuple(scipys.confidence_interval(level)), rel=1e-9)
    assert found.p == pytest.approx(scipys.pvalue, rel=1e-9)


def test_equal_gains_leave_no_doubt() -> None:
    found = over_repeats(np.full(4, 0.25))
    assert found.interval() == (0.25, 0.25)
    assert found.p == sign_flip(np.full(4, 0.25)).p == 1 / 8  # where t has no value
    assert over_repeats(np.zeros(3)).interval() == (0, 0)
    assert over_repeats(np.zeros(3)).p == 1


def test_gains_that_are_equal_but_for_rounding_are_no_certainty() -> None:
    gains = np.array([0.3, 0.4, 0.9]) - np.array([0.2, 0.3, 0.8])  # 0.1, but for the last bits
    assert np.ptp(gains) > 0
    assert over_repeats(gains).p == 1 / 4
    assert effect_size(over_repeats(gains), len(gains)) == math.inf


def test_a_single_repeat_gives_no_interval() -> None:
    with pytest.raises(ValueError, match="two repeats"):
        over_repeats(np.array([1.0]))


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_a_gain_that_is_no_number_is_refused(wrong: float) -> None:
    for function in (over_repeats, sign_flip):
        with pytest.raises(ValueError, match="finite"):
            function(np.array([0.1, wrong, 0.2]))


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=10))
def test_p_and_interval_are_always_numbers(gains: list[float]) -> None:
    found = over_repeats(np.array(gains))
    assert 0 <= found.p <= 1
    low, high = found.interval()
    assert low <= found.mean <= high


def test_the_effect_is_the_mean_in_standard_deviations_and_improvement_the_share_of_wins() -> None:
    gains = np.array([2.0, 4.0, 4.0, 6.0])  # mean 4, sd of the four: sqrt(8/3)
    assert effect_size(over_repeats(gains), len(gains)) == pytest.approx(4 / math.sqrt(8 / 3))
    assert effect_size(over_repeats(np.full(3, -1.0)), 3) == -math.inf
    assert effect_size(over_repeats(np.zeros(3)), 3) == 0
    assert improvement(np.array([1.0, -1.0, 0.0, 2.0])) == 2.5 / 4


# Repeats and examples crossed ---------------------------------------------------------------------------------------


def two_way(rows: Values) -> tuple[float, float, float]:
    """The mean squares of a two-way layout without replication, by sums of squares that add up to the whole."""
    r, n = rows.shape
    correction = rows.sum() ** 2 / (r * n)
    of_rows = sum(sum(row) ** 2 for row in rows.tolist()) / n - correction
    of_columns = sum(sum(column) ** 2 for column in rows.T.tolist()) / r - correction
    rest = sum(x * x for x in rows.ravel().tolist()) - correction - of_rows - of_columns
    return of_rows / (r - 1), of_columns / (n - 1), rest / ((r - 1) * (n - 1))


def test_the_two_way_layout_is_that_of_a_textbook() -> None:
    # by hand: rows (1, 2), (3, 8); grand mean 3.5, row means 1.5 and 5.5, column means 2 and 5
    # MS rows = 2 (4 + 4) = 16, MS columns = 2 (2.25 + 2.25) = 9, MS rest = 4 · 1 = 4
    rows = np.array([[1.0, 2.0], [3.0, 8.0]])
    assert two_way(rows) == pytest.approx((16, 9, 4))
    found = over_repeats_and_examples(rows.mean(1), rows)
    assert found.mean == 3.5
    assert (found.repeats, found.examples) == pytest.approx((16 / 4, (9 - 4) / 4))
    assert found.error == pytest.approx(math.sqrt(21 / 4))
    # Satterthwaite: (16 + 9 - 4)² / (16² + 9² + 4²) = 1.25
    assert found.df == pytest.approx(21**2 / (16**2 + 9**2 + 4**2))


@pytest.mark.parametrize(("r", "n", "seed"), [(3, 20, 0), (10, 100, 1), (5, 7, 2)])
def test_the_error_is_that_of_the_two_mean_squares_less_the_rest(r: int, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(r, 1)) + rng.normal(size=n) + rng.normal(size=(r, n))
    a, b, rest = two_way(rows)
    found = over_repeats_and_examples(rows.mean(1), rows)
    assert found.error**2 == pytest.approx((a + b - rest) / (r * n))
    below = a**2 / (r - 1) + b**2 / (n - 1) + rest**2 / ((r - 1) * (n - 1))
    assert found.df == pytest.approx((a + b - rest) ** 2 / below)


def test_the_parts_of_the_error_are_the_variances_that_made_the_rows() -> None:
    rng = np.random.default_rng(4)
    found = []
    for _ in range(400):
        rows = rng.normal(0, 0.3, (8, 1)) + rng.normal(0, 2, 50) + rng.normal(0, 1, (8, 50))
        found.append(over_repeats_and_examples(rows.mean(1), rows))
    assert np.mean([f.examples for f in found]) == pytest.approx(4 / 50, rel=0.05)
    assert np.mean([f.repeats for f in found]) == pytest.approx(0.09 / 8 + 1 / 400, rel=0.1)


def test_examples_that_all_say_the_same_leave_the_interval_of_the_repeats() -> None:
    gains = np.random.default_rng(5).normal(size=6)
    assert over_repeats_and_examples(gains, np.tile(gains[:, None], 30)) == over_repeats(gains)
    assert over_repeats_and_examples(gains, gains[:, None]) == over_repeats(gains)


def test_repeats_that_all_say_the_same_leave_the_interval_of_the_examples() -> None:
    row = np.random.default_rng(6).normal(size=40)
    found = over_repeats_and_examples(np.full(5, row.mean()), np.tile(row, (5, 1)))
    assert found.interval() == pytest.approx(tuple(stats.ttest_1samp(row, 0).confidence_interval()))


def test_degrees_of_freedom_never_fall_below_those_of_the_smaller_side() -> None:
    # Satterthwaite's lie between the least of the mean squares' and their sum; a difference can fall below
    rows = np.array([[1.0, -1.0, 1.2, -0.9], [-1.0, 1.0, -1.0, 1.1], [1.3, -0.9, -0.4, 0.31]])
    rows -= rows.mean(1, keepdims=True)
    found = over_repeats_and_examples(rows.mean(1), rows + np.array([0.9, 0, 0, -0.9]))
    assert found.examples > 0
    assert found.df >= 2


# The sign-flip test -------------------------------------------------------------------------------------------------


def by_enumeration(gains: list[Fraction]) -> float:
    """The share of sign patterns whose sum is at least as far from 0, in exact numbers."""
    signs = list(itertools.product((1, -1), repeat=len(gains)))
    observed = abs(sum(gains))
    return sum(abs(sum(s * g for s, g in zip(row, gains, strict=True))) >= observed for row in signs) / len(signs)


@given(st.lists(st.integers(-3000, 3000), min_size=1, max_size=9))
@example([-2702, -449, 2671, 721, -903, 2970, 622, 2693, -5623])  # rounding is not small beside a small sum
@settings(max_examples=200, deadline=None)
def test_the_sign_flip_p_is_the_share_of_all_signs_and_counts_ties(thousandths: list[int]) -> None:
    exact = by_enumeration([Fraction(t, 1000) for t in thousandths])
    assert sign_flip(np.array([t / 1000 for t in thousandths])).p == exact


@pytest.mark.parametrize("n", [2, 3, 6, 10, 12])
def test_the_sign_flip_p_is_scipys_exact_one(n: int) -> None:
    gains = np.random.default_rng(n).normal(0.4, 1, n)
    scipys = stats.permutation_test((gains,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert sign_flip(gains).p == pytest.approx(scipys.pvalue, abs=1e-12)


def test_one_repeat_or_none_that_differs_tells_nothing() -> None:
    assert sign_flip(np.array([3.0])).p == sign_flip(np.zeros(4)).p == 1


def test_gains_of_one_sign_have_the_smallest_p_there_is() -> None:
    assert sign_flip(np.arange(1.0, 6.0)).p == 2 / 2**5
    assert sign_flip(-np.arange(1.0, 11.0)).p == 2 / 2**10  # the floor of .00195 at ten repeats


@given(st.lists(st.integers(-50, 50), min_size=2, max_size=10), st.sampled_from([1e-12, 0.1, 3.0, 1e9, -1.0]))
def test_the_unit_of_the_metric_does_not_change_the_sign_flip_p(gains: list[int], unit: float) -> None:
    assert sign_flip(np.array(gains) * unit) == sign_flip(np.array(gains, dtype=float))


@pytest.mark.parametrize("n", [20, 30, 31, 60])
def test_many_repeats_take_a_moment_and_agree_with_the_normal_limit(n: int) -> None:
    gains = np.random.default_rng(n).normal(0.3, 1, n)
    found = sign_flip(gains)
    limit = 2 * stats.norm.sf(abs(gains.sum()) / math.sqrt((gains**2).sum()))  # the signs' sum has this variance
    assert found.p == pytest.approx(limit, abs=0.02 + 4 * found.error)


def test_drawn_signs_give_the_counted_p_within_their_error() -> None:
    """Scaled binomials: of 40 equal gains, k positive ones sum to 2 k - 40, which has a closed form in any number."""
    for positive in (22, 24, 27, 30):
        gains = np.where(np.arange(40) < positive, 1.0, -1.0)
        found = sign_flip(gains)
        exact = min(1.0, 2 * stats.binom.sf(max(positive, 40 - positive) - 1, 40, 0.5))
        assert 0 < found.error < 0.004
        assert found.p == pytest.approx(exact, abs=4 * found.error)


def test_a_thousand_repeats_need_no_more_memory_than_a_few_and_no_power_of_two() -> None:
    gains = np.random.default_rng(0).normal(0.1, 1, 1000)
    tracemalloc.start()
    found = sign_flip(gains)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.p == pytest.approx(stats.ttest_1samp(gains, 0).pvalue, abs=4 * found.error)
    assert peak < 30e6


def test_a_wider_claim_never_has_the_shorter_interval_nor_the_smaller_p() -> None:
    """Satterthwaite's degrees of freedom rise with the share of the rows: at 3 repeats they made it shorter."""
    rng, shorter = np.random.default_rng(7), 0
    for _ in range(300):
        parts = rng.normal(0, 1, (3, 1)) + rng.normal(0, 8, 100) + rng.normal(0, 2, (3, 100))
        wide, narrow = over_repeats_and_examples(parts.mean(1), parts), over_repeats(parts.mean(1))
        assert wide.reach() >= narrow.reach()
        assert wide.p >= narrow.p
        assert wide.detectable() >= narrow.detectable()
        shorter += stats.t.ppf(0.975, wide.df) * wide.error < narrow.reach()
    assert shorter > 50  # the case is there


# Families of tests --------------------------------------------------------------------------------------------------


def test_holm_gives_the_adjusted_values_of_rs_manual_method() -> None:
    # Wright 1992, Biometrics 48, 1005-1013: Holm's adjusted p is max over j <= i of (m - j + 1) p_(j), here worked
    # by hand for m = 4: 4·.005 = .020; 3·.011 = .033; 2·.02 = .040; 1·.04 = .040
    assert holm([0.02, 0.005, 0.04, 0.011]) == pytest.approx([0.040, 0.020, 0.040, 0.033])
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])  # Wikipedia, Holm-Bonferroni
    assert holm([0.6, 0.7]) == [1, 1]
    assert holm([]) == []


@given(chances)
def test_holm_keeps_the_order_and_lies_between_p_and_bonferroni(p: list[float]) -> None:
    adjusted = holm(p)
    for i, j in itertools.combinations(range(len(p)), 2):
        assert (p[i] <= p[j]) <= (adjusted[i] <= adjusted[j]) or p[i] == p[j]
    for raw, after in zip(p, adjusted, strict=True):
        assert raw <= after <= min(1, raw * len(p))


@given(chances, st.floats(0.001, 0.3))
def test_holm_rejects_what_the_step_down_procedure_does(p: list[float], level: float) -> None:
    # Holm 1979, in its own words: go up from the least p while p <= level / (those left)
    rejected = set()
    for rank, place in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        if p[place] * (len(p) - rank) > level:
            break
        rejected.add(place)
    assert {i for i, after in enumerate(holm(p)) if after <= level} == rejected


# How much more would decide -----------------------------------------------------------------------------------------


def decided(low: float, high: float, margin: float) -> bool:
    return low > 0 or high < 0 or (-margin < low and high < margin)


@pytest.mark.parametrize(("mean", "margin"), [(0.3, 0.0), (-0.3, 0.1), (0.05, 0.4), (0.0, 0.2), (0.2, 0.2)])
@pytest.mark.parametrize("examples", [0.0, 0.005])
def test_the_repeats_to_decide_are_the_first_whose_interval_does(mean: float, margin: float, examples: float) -> None:
    spread, now = 0.9, 5
    estimate = Estimate(mean, math.sqrt(spread / now + examples), now - 1, spread / now, examples)
    found = None
    for n in range(now, 1001):
        share = spread / n
        df = (share + examples) ** 2 * (n - 1) / share**2
        reach = stats.t.ppf(0.975, df) * math.sqrt(share + examples)
        reach = max(reach, stats.t.ppf(0.975, n - 1) * math.sqrt(share))  # never shorter than over repeats alone
        if decided(mean - reach, mean + reach, margin):
            found = n
            break
    assert repeats_to_decide(estimate, margin, now) == found


def test_no_number_of_repeats_decides_where_the_test_rows_cannot() -> None:
    assert repeats_to_decide(Estimate(0.1, 1.0, 4, 0.1, 0.9), 0.0, 5) is None
    assert repeats_to_decide(Estimate(0.0, 1.0, 4, 1.0), 0.0, 5) is None


@pytest.mark.parametrize(("mean", "margin"), [(0.1, 0.0), (-0.2, 0.05), (0.02, 0.3)])
def test_the_rows_to_decide_are_the_first_whose_interval_does(mean: float, margin: float) -> None:
    rows, per_row = 100, 2.0
    estimate = Estimate(mean, 1.0, 4, 0.3, per_row / rows)
    low_high = ((n, 1.959964 * math.sqrt(per_row / n)) for n in range(1, 100_000))
    found = next(n for n, reach in low_high if decided(mean - reach, mean + reach, margin))
    assert rows_to_decide(estimate, margin, rows) == found


def test_no_number_of_rows_decides_on_a_difference_of_nothing() -> None:
    assert rows_to_decide(Estimate(0.0, 1.0, 4, 0.5, 0.5), 0.0, 100) is None
