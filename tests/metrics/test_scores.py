"""Metrics example by example, against scikit-learn, seqeval, and leaving examples out by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from seqeval import metrics as seqeval
from seqeval.scheme import IOB2
from sklearn import metrics as sk

from lossbench.metrics.calibration import expected_calibration_error
from lossbench.metrics.influence import parts, value

Arrays = dict[str, NDArray[Any]]
TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]


def binary(target: Any, p: Any, cut: float = 0.5) -> Arrays:
    """Stored predictions; scores are not the probabilities, but rank as they do."""
    y, q = np.asarray(target), np.asarray(p, dtype=float)
    return {
        "rows": np.arange(len(y)),
        "target": y,
        "score": 3 * q - 1,
        "label": (q > cut).astype(int),
        "probability": q,
    }


def drawn(n: int, seed: int, grid: int = 0) -> Arrays:
    """Scores that know something of the target; with a grid many of them tie."""
    rng = np.random.default_rng(seed)
    target = (rng.uniform(size=n) < 0.3).astype(int)
    p = 1 / (1 + np.exp(-rng.normal(1.5 * target - 0.8, 1)))
    return binary(target, np.round(p * grid) / grid if grid else p)


def numbers(n: int, seed: int) -> Arrays:
    rng = np.random.default_rng(seed)
    target = rng.normal(3, 2, n)
    return {"rows": np.arange(n), "target": target, "score": target + rng.standard_t(5, n)}


def ece(target: NDArray[Any], p: NDArray[Any]) -> float:
    return expected_calibration_error(target, p)


# What scikit-learn makes of the stored arrays
SKLEARN: dict[str, Callable[[Arrays], float]] = {
    "rmse": lambda a: sk.root_mean_squared_error(a["target"], a["score"]),
    "mae": lambda a: sk.mean_absolute_error(a["target"], a["score"]),
    "r2": lambda a: sk.r2_score(a["target"], a["score"]),
    "roc_auc": lambda a: sk.roc_auc_score(a["target"], a["score"]),
    "average_precision": lambda a: sk.average_precision_score(a["target"], a["score"]),
    "f1": lambda a: sk.f1_score(a["target"], a["label"], zero_division=0),
    "accuracy": lambda a: sk.accuracy_score(a["target"], a["label"]),
    "brier": lambda a: sk.brier_score_loss(a["target"], a["probability"]),
    "log_loss": lambda a: sk.log_loss(a["target"], a["probability"], labels=[0, 1]),
    "ece": lambda a: ece(a["target"], a["probability"]),
}
REGRESSION, MEANS = ("rmse", "mae", "r2"), ("mae", "accuracy", "brier", "log_loss")


def without(arrays: Arrays, row: int) -> Arrays:
    return {name: np.delete(column, row) for name, column in arrays.items()}


def jackknife(metric: str, arrays: Arrays) -> NDArray[np.float64]:
    """Pseudo-values around the metric, from as many calls of scikit-learn as there are rows."""
    n = len(arrays["rows"])
    left = np.array([SKLEARN[metric](without(arrays, row)) for row in range(n)])
    return np.asarray(SKLEARN[metric](arrays) + (n - 1) * (left.mean() - left))


# The mean of the parts is the metric --------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.floats(-100, 100), st.floats(-100, 100)), min_size=2, max_size=40))
def test_parts_of_numbers_average_to_scikit_learns_metric(pairs: list[tuple[float, float]]) -> None:
    target, score = np.array(pairs).T
    assume(np.ptp(target) > 1e-3)
    arrays = {"rows": np.arange(len(target)), "target": target, "score": score}
    for metric in REGRESSION:
        found = parts(metric, arrays, {})
        assert found is not None
        assert found.shape == target.shape
        assert found.mean() == pytest.approx(SKLEARN[metric](arrays), rel=1e-7, abs=1e-7)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(1, 9)), min_size=4, max_size=60))
def test_parts_of_labels_average_to_scikit_learns_metric_with_ties_too(pairs: list[tuple[int, int]]) -> None:
    target, tenths = np.array(pairs).T
    assume(2 <= target.sum() < len(target))
    arrays = binary(target, tenths / 10)
    for metric in set(SKLEARN) - set(REGRESSION):
        found = parts(metric, arrays, {})
        assert found is not None
        assert found.mean() == pytest.approx(SKLEARN[metric](arrays), rel=1e-9, abs=1e-9), metric
        assert value(metric, arrays, {}) == pytest.approx(found.mean())


@pytest.mark.parametrize("metric", MEANS)
def test_parts_of_a_mean_are_each_examples_own_term(metric: str) -> None:
    arrays = numbers(9, 0) if metric in REGRESSION else drawn(9, 0)
    own = [SKLEARN[metric]({k: v[[row]] for k, v in arrays.items()}) for row in range(9)]
    assert parts(metric, arrays, {}) == pytest.approx(own)


def test_a_decision_draws_the_threshold_on_probabilities_or_else_on_scores() -> None:
    arrays = drawn(60, 1)
    over = (arrays["probability"] > 0.3).astype(int)
    assert value("f1", arrays, {"f1": 0.3}) == pytest.approx(sk.f1_score(arrays["target"], over))
    assert value("f1_at_half", arrays, {"f1": 0.3}) == pytest.approx(sk.f1_score(arrays["target"], arrays["label"]))
    bare = {name: column for name, column in arrays.items() if name != "probability"}
    over = (arrays["score"] > -0.4).astype(int)
    assert value("accuracy", bare, {"accuracy": -0.4}) == pytest.approx(sk.accuracy_score(arrays["target"], over))


# Parts are the influence of each example ----------------------------------------------------------------------------


@pytest.mark.parametrize("grid", [0, 12])
@pytest.mark.parametrize(("n", "seed"), [(8, 2), (40, 3), (90, 4)])
def test_parts_of_average_precision_are_the_jackknife(n: int, seed: int, grid: int) -> None:
    arrays = drawn(n, seed, grid)
    assert arrays["target"].sum() >= 2
    assert parts("average_precision", arrays, {}) == pytest.approx(jackknife("average_precision", arrays), abs=1e-9)


@pytest.mark.parametrize("metric", ["rmse", "r2", "f1", "roc_auc"])
def test_parts_are_the_jackknife_to_first_order(metric: str) -> None:
    # the two differ by terms of 1/n, and by more where one example weighs much: at 200 rows, r2 by 1 % of the spread
    arrays = numbers(200, 5) if metric in REGRESSION else drawn(200, 5)
    found, by_hand = parts(metric, arrays, {}), jackknife(metric, arrays)
    assert found is not None
    assert np.corrcoef(found, by_hand)[0, 1] > 0.999
    assert found.std() == pytest.approx(by_hand.std(), rel=0.03)


@pytest.mark.parametrize("grid", [0, 8])
def test_the_spread_of_an_auc_is_delongs(grid: int) -> None:
    # DeLong, DeLong and Clarke-Pearson 1988: S10 / m + S01 / n of placements, here pair by pair
    arrays = drawn(150, 6, grid)
    positive, negative = (arrays["score"][arrays["target"] == y] for y in (1, 0))
    above = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    delong = above.mean(1).var(ddof=1) / len(positive) + above.mean(0).var(ddof=1) / len(negative)
    found = parts("roc_auc", arrays, {})
    assert found is not None
    assert found.var(ddof=1) / 150 == pytest.approx(delong, rel=0.02)  # m against m - 1 below the line


def test_the_spread_of_a_calibration_error_is_that_of_leaving_out_groups() -> None:
    arrays = drawn(200, 7)
    found = parts("ece", arrays, {})
    assert found is not None
    assert len(found) == 50
    which = np.random.default_rng(0).permutation(200) % 50
    target, p = arrays["target"], arrays["probability"]
    left = np.array([ece(target[which != g], p[which != g]) for g in range(50)])
    assert found.var() == pytest.approx(49**2 * left.var())


# What cannot be had -------------------------------------------------------------------------------------------------


def test_without_probabilities_there_is_nothing_of_what_needs_them() -> None:
    bare = {name: column for name, column in drawn(30, 8).items() if name != "probability"}
    for metric in ("brier", "log_loss", "ece"):
        assert parts(metric, bare, {}) is None
        assert value(metric, bare, {}) is None
    assert parts("roc_auc", bare, {}) is not None


def test_targets_of_one_class_cannot_be_ranked() -> None:
    for y in (0, 1):
        arrays = binary(np.full(5, y), np.linspace(0.1, 0.9, 5))
        assert parts("roc_auc", arrays, {}) is None
        assert parts("average_precision", arrays, {}) is None


def test_unknown_metrics_are_none() -> None:
    assert parts("bleu", drawn(10, 9), {}) is None
    assert parts("bleu", tagged([["O"]], [["O"]]), {}) is None


def test_no_positive_told_or_true_is_an_f1_of_nothing() -> None:
    assert value("f1", binary([0, 0, 0], [0.1, 0.2, 0.3]), {}) == 0


def test_perfect_predictions_have_no_error_and_no_spread() -> None:
    arrays = {"rows": np.arange(4), "target": np.arange(4.0), "score": np.arange(4.0)}
    assert parts("rmse", arrays, {}) == pytest.approx([0] * 4)
    assert parts("r2", arrays, {}) == pytest.approx([1] * 4)


# Somebody's own metric ----------------------------------------------------------------------------------------------


def test_of_an_own_metric_there_is_what_was_stored_and_nothing_else() -> None:
    arrays = {**numbers(40, 10), "influence/worst": np.array([1.0, 3.0])}
    found = parts("worst", arrays, {})
    assert found is not None
    assert found.tolist() == [1, 3]
    assert value("worst", arrays, {}) == 2
    for name in ("mine", "roc_auc", "f1"):  # of a metric of labels by that name nothing is made of numbers
        assert parts(name, arrays, {}) is None


# Tags ---------------------------------------------------------------------------------------------------------------


def spans(tags: list[str]) -> set[tuple[int, int, str]]:
    """IOB2 entities of a sentence, as seqeval's strict mode reads them."""
    found, start = set(), None
    for place, tag in enumerate([*tags, "O"]):
        if start is not None and tag != f"I-{tags[start][2:]}":
            found.add((start, place, tags[start][2:]))
            start = None
        if tag.startswith("B-"):
            start = place
    return found


def tagged(true: list[list[str]], told: list[list[str]]) -> Arrays:
    pairs = [(spans(a), spans(b)) for a, b in zip(true, told, strict=True)]
    return {
        "rows": np.repeat(100 + 3 * np.arange(len(true)), [len(s) for s in true]),
        "target": np.array([TAGS.index(t) for s in true for t in s], dtype=np.int16),
        "label": np.array([TAGS.index(t) for s in told for t in s], dtype=np.int16),
        "tags": np.array(TAGS),
        "entities": np.array([[len(a & b), len(b), len(a)] for a, b in pairs]),
    }


words = st.tuples(st.sampled_from(TAGS), st.sampled_from(TAGS))
corpora = st.lists(st.lists(words, min_size=1, max_size=6), min_size=1, max_size=8)


@given(corpora)
def test_parts_of_tags_average_to_seqevals_and_scikit_learns_metrics(corpus: list[list[tuple[str, str]]]) -> None:
    true, told = ([[pair[side] for pair in sentence] for sentence in corpus] for side in (0, 1))
    arrays = tagged(true, told)
    strict = {"mode": "strict", "scheme": IOB2, "zero_division": 0}
    flat = [tag for sentence in true for tag in sentence], [tag for sentence in told for tag in sentence]
    named = {"labels": TAGS[1:], "zero_division": 0}
    expected = {"token_accuracy": sk.accuracy_score(*flat), "token_f1": sk.f1_score(*flat, average="micro", **named)}
    expected["token_f1_macro"] = sk.f1_score(*flat, average="macro", **named)
    if arrays["entities"][:, 1:].any():  # seqeval stumbles over a corpus without entities
        expected["entity_f1"] = seqeval.f1_score(true, told, **strict)
        expected["entity_precision"] = seqeval.precision_score(true, told, **strict)
        expected["entity_recall"] = seqeval.recall_score(true, told, **strict)
    for metric, of_library in expected.items():
        found = parts(metric, arrays, {})
        assert found is not None
        assert len(found) == len(corpus)
        assert found.mean() == pytest.approx(of_library), metric


@pytest.mark.parametrize("metric", ["entity_f1", "token_f1", "token_accuracy", "token_f1_macro"])
def test_parts_of_sentences_are_the_jackknife_to_first_order(metric: str) -> None:
    rng = np.random.default_rng(11)
    true = [
        [TAGS[t] for t in rng.choice(5, size=rng.integers(3, 12), p=(0.6, 0.2, 0.05, 0.1, 0.05))] for _ in range(200)
    ]
    told = [[tag if rng.uniform() < 0.8 else "O" for tag in sentence] for sentence in true]

    def without_one(place: int) -> float:
        found = value(metric, tagged(true[:place] + true[place + 1 :], told[:place] + told[place + 1 :]), {})
        assert found is not None
        return found

    left = np.array([without_one(place) for place in range(200)])
    found = parts(metric, tagged(true, told), {})
    assert found is not None
    assert np.corrcoef(found, -left)[0, 1] > 0.999
    assert found.std() == pytest.approx(199 * left.std(), rel=0.03)
