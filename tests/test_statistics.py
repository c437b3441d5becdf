"""What repeats can tell, against scipy's own tests, simulation and published tables."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from lossbench.compare.statistics import detectable, over_repeats, power


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


def test_the_paired_interval_is_scipys() -> None:
    one, other = np.random.default_rng(1).normal(size=(2, 7))
    low, high = stats.ttest_rel(one, other).confidence_interval()
    assert over_repeats(one - other).interval() == pytest.approx((low, high), rel=1e-12)


def test_equal_differences_leave_no_doubt() -> None:
    assert over_repeats(np.full(4, 0.25)).interval() == (0.25, 0.25)
    with pytest.raises(ValueError, match="two repeats"):
        over_repeats(np.array([1.0]))
