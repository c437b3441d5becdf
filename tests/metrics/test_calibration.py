"""Calibration, by hand, against scipy and scikit-learn, and on data whose temperature is known."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from lossbench.metrics.calibration import expected_calibration_error, log_loss, reliability, scaled, temperature, top


def test_bins_and_error_are_those_of_a_hand_computation() -> None:
    # two bins of three: means .2 and .8, shares 1/3 and 2/3, each off by 2/15
    target, p = np.array([0, 0, 1, 1, 0, 1]), np.array([0.1, 0.2, 0.3, 0.7, 0.8, 0.9])
    found = reliability(target, p, bins=2)
    assert found.count.tolist() == [3, 3]
    assert found.probability == pytest.approx([0.2, 0.8])
    assert found.share == pytest.approx([1 / 3, 2 / 3])
    assert found.error == expected_calibration_error(target, p, bins=2) == pytest.approx(2 / 15)


def test_bins_are_scikit_learns_of_equal_counts() -> None:
    rng = np.random.default_rng(0)
    p = rng.uniform(size=600)
    target = rng.uniform(size=600) < p**2
    share, mean = calibration_curve(target, p, n_bins=15, strategy="quantile")
    found = reliability(target, p)
    assert found.count.tolist() == [40] * 15
    assert found.probability == pytest.approx(mean)
    assert found.share == pytest.approx(share)
    assert found.error == pytest.approx(np.abs(share - mean).mean())


def test_certainty_that_is_right_has_no_error_and_certainty_that_is_wrong_all_of_it() -> None:
    # torchmetrics drops the rows at confidence 1.0
    target = np.array([0, 1, 1, 0, 1])
    assert expected_calibration_error(target, target.astype(float)) == 0
    assert expected_calibration_error(target, 1.0 - target) == 1
    assert expected_calibration_error(np.array([1, 1, 1, 0]), np.ones(4)) == 0.25


def test_equal_probabilities_share_a_bin_in_whatever_order_they_come() -> None:
    target, p = np.array([1, 0, 1, 0, 1, 0, 0, 1]), np.array([0.5] * 6 + [0.9] * 2)
    found = reliability(target, p, bins=4)
    assert found.count.tolist() == [6, 2]
    assert found.share.tolist() == [0.5, 0.5]
    order = np.random.default_rng(0).permutation(8)
    assert expected_calibration_error(target[order], p[order], 4) == pytest.approx(found.error)


@pytest.mark.parametrize("known", [0.4, 1.0, 3.0])
def test_the_temperature_that_made_the_scores_too_sure_is_found(known: float) -> None:
    rng = np.random.default_rng(1)
    logit = rng.normal(0, 2, 20_000)
    target = rng.uniform(size=20_000) < expit(logit)
    assert temperature(target, expit(known * logit)) == pytest.approx(known, rel=0.06)


def test_the_temperature_of_several_classes_is_found_too() -> None:
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 1.5, (20_000, 4))
    target = (softmax(logits, 1).cumsum(1) < rng.uniform(size=(20_000, 1))).sum(1)
    assert temperature(target, softmax(2.5 * logits, 1)) == pytest.approx(2.5, rel=0.06)


def test_no_temperature_of_a_grid_has_less_log_loss() -> None:
    rng = np.random.default_rng(3)
    p = expit(3 * rng.normal(size=300))
    target = rng.uniform(size=300) < 0.15 + 0.7 * p  # best within the factor of five that is searched
    found = temperature(target, p)
    losses = {t: sk.log_loss(target, expit(np.log(p / (1 - p)) / t)) for t in np.geomspace(0.21, 4.9, 400)}
    assert log_loss(target, scaled(p, found)) <= min(losses.values()) + 1e-9
    assert found == pytest.approx(min(losses, key=lambda t: losses[t]), rel=0.02)


def test_scaling_divides_the_logits() -> None:
    logits = np.random.default_rng(4).normal(0, 3, (50, 5))
    for t in (0.5, 1.0, 4.0):
        assert scaled(softmax(logits, 1), t) == pytest.approx(softmax(logits / t, 1))
        assert scaled(expit(logits[:, 0]), t) == pytest.approx(expit(logits[:, 0] / t))


def test_certain_probabilities_are_scaled_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert scaled(np.array([0.0, 0.5, 1.0]), 0.02) == pytest.approx([0, 0.5, 1])
        assert scaled(np.array([[0.0, 1.0]]), 0.02) == pytest.approx(np.array([[0, 1]]))
        assert temperature(np.array([0, 1, 1]), np.array([0.0, 1.0, 1.0])) > 0


def test_the_log_loss_is_scikit_learns() -> None:
    rng = np.random.default_rng(5)
    p, target = rng.uniform(size=80), rng.integers(0, 2, 80)
    assert log_loss(target, p) == pytest.approx(sk.log_loss(target, p))
    several, classes = softmax(rng.normal(size=(80, 4)), 1), rng.integers(0, 4, 80)
    assert log_loss(classes, several) == pytest.approx(sk.log_loss(classes, several, labels=range(4)))


def test_a_certain_error_costs_much_but_not_everything() -> None:
    assert log_loss(np.array([1]), np.array([0.0])) == pytest.approx(-math.log(1e-15))
    assert log_loss(np.array([0]), np.array([1.0])) == pytest.approx(-math.log(1e-15), rel=0.01)


def test_the_top_class_is_the_likeliest() -> None:
    right, sure = top(np.array([1, 0]), np.array([[0.2, 0.7, 0.1], [0.3, 0.1, 0.6]]))
    assert right.tolist() == [1, 0]
    assert sure.tolist() == [0.7, 0.6]
