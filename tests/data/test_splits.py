"""Splits: one test part for ever, train and validation drawn anew, and what a column may demand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lossbench.data.splits import SplitRule, Splits, draw_splits
from lossbench.errors import DataError

SEEDS = st.integers(0, 2**32)
ROWS = st.integers(30, 300)
RANDOM = SplitRule()


def drawn(rule: SplitRule, target: np.ndarray, repeat: int = 0, **changed: Any) -> Splits:
    return draw_splits(rule, target, **{"seed": 0, "repeat": repeat, "stratify": False, **changed})


def labels(n: int, share: float = 0.3) -> np.ndarray:
    """Exactly `share` ones, spread over the rows."""
    return (np.arange(n) * share % 1 < share).astype(float)


def groups_of(n: int, sizes: list[int]) -> np.ndarray:
    return np.resize(np.repeat(np.arange(len(sizes)), sizes), n).astype(object)


RULES = {
    "random": lambda n, random: RANDOM,
    "group": lambda n, random: SplitRule("group", random.integers(0, 9, n).astype(str).astype(object), "city"),
    "time": lambda n, random: SplitRule("time", random.permutation(n).astype(float), "day"),
    "column": lambda n, random: SplitRule("column", np.resize(["train", "train", "dev", "test"], n), "part"),
}


@pytest.mark.parametrize("kind", RULES)
@settings(max_examples=40, deadline=None)
@given(n=ROWS, seed=SEEDS, repeat=st.integers(0, 9))
def test_parts_are_disjoint_sorted_and_never_empty(kind: str, n: int, seed: int, repeat: int) -> None:
    splits = drawn(RULES[kind](n, np.random.default_rng(seed)), np.zeros(n), repeat, seed=seed)
    parts = [splits.train, splits.validation, splits.test]
    together = np.concatenate(parts)
    assert len(np.unique(together)) == len(together)
    assert together.min() >= 0
    assert together.max() < n
    for rows in parts:
        assert rows.dtype == np.int64
        assert len(rows) > 0
        assert (np.diff(rows) > 0).all()
    if kind != "time":
        assert len(together) == n


@pytest.mark.parametrize("kind", RULES)
def test_the_test_part_knows_neither_repeat_nor_seed(kind: str) -> None:
    rule = RULES[kind](200, np.random.default_rng(1))
    tests = {tuple(drawn(rule, np.zeros(200), r, seed=s).test) for r in range(5) for s in (0, 7)}
    assert len(tests) == 1


@pytest.mark.parametrize("kind", ["random", "group"])
def test_another_split_seed_gives_another_test_part(kind: str) -> None:
    rule = RULES[kind](200, np.random.default_rng(1))
    tests = {tuple(drawn(rule, np.zeros(200), split_seed=s).test) for s in range(5)}
    assert len(tests) == 5


@pytest.mark.parametrize("kind", ["random", "group", "time"])
def test_repeats_draw_training_rows_again(kind: str) -> None:
    rule = RULES[kind](300, np.random.default_rng(1))
    digests = {drawn(rule, np.zeros(300), repeat).digest for repeat in range(6)}
    assert len(digests) > 3  # few groups or few starts may coincide, but not most of them


@pytest.mark.parametrize("kind", RULES)
def test_the_same_place_gives_the_same_rows(kind: str) -> None:
    rule = RULES[kind](200, np.random.default_rng(1))
    assert drawn(rule, np.zeros(200), 3).digest == drawn(rule, np.zeros(200), 3).digest


def test_random_shares_are_a_fifth_and_a_fifth_of_the_rest() -> None:
    splits = drawn(RANDOM, np.zeros(1000))
    assert (len(splits.test), len(splits.validation), len(splits.train)) == (200, 160, 640)  # by hand


@settings(max_examples=40, deadline=None)
@given(n=st.integers(60, 400), share=st.floats(0.2, 0.8), seed=SEEDS)
def test_stratified_parts_keep_the_share_of_positives(n: int, share: float, seed: int) -> None:
    target = (np.random.default_rng(seed).random(n) < share).astype(float)
    splits = drawn(RANDOM, target, seed=seed, stratify=True)
    for rows in (splits.train, splits.validation, splits.test):
        # each class is rounded to whole rows, twice at most
        assert abs(target[rows].sum() - target.mean() * len(rows)) <= 2


def test_ten_positives_reach_every_part() -> None:
    target = np.zeros(1000)
    target[:10] = 1
    for repeat in range(20):
        splits = drawn(RANDOM, target, repeat, stratify=True)
        counts = [target[rows].sum() for rows in (splits.train, splits.validation, splits.test)]
        assert counts == [6, 2, 2]  # a fifth of 10, then a fifth of 8, rounded


@settings(max_examples=40, deadline=None)
@given(sizes=st.lists(st.integers(1, 40), min_size=5, max_size=12), seed=SEEDS, repeat=st.integers(0, 5))
def test_a_group_is_never_divided(sizes: list[int], seed: int, repeat: int) -> None:
    groups = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes)).astype(object)
    splits = drawn(SplitRule("group", groups, "patient"), np.zeros(len(groups)), repeat, seed=seed)
    parts = [set(groups[rows]) for rows in (splits.train, splits.validation, splits.test)]
    assert sum(map(len, parts)) == len(set().union(*parts)) == len(sizes)


def test_groups_of_equal_size_come_near_the_shares() -> None:
    groups = np.repeat(np.arange(50), 20).astype(object)
    splits = drawn(SplitRule("group", groups, "patient"), np.zeros(1000))
    assert (len(splits.test), len(splits.validation)) == (200, 160)  # 10 groups of 50, 8 of 40


def test_a_group_of_nine_tenths_is_never_the_test_part() -> None:
    groups = np.array(["big"] * 90 + [f"small{i}" for i in range(10)], dtype=object)
    for split_seed in range(20):
        splits = drawn(SplitRule("group", groups, "patient"), np.zeros(100), split_seed=split_seed)
        assert "big" in set(groups[splits.train])


def test_groups_of_one_class_each_still_give_both_classes_to_every_part() -> None:
    groups = np.repeat(np.arange(20), 10).astype(object)
    target = (np.repeat(np.arange(20), 10) % 2).astype(float)
    for repeat in range(10):
        splits = drawn(SplitRule("group", groups, "patient"), target, repeat, stratify=True)
        assert all(len(set(target[rows])) == 2 for rows in (splits.train, splits.validation, splits.test))


def test_four_groups_are_too_few() -> None:
    with pytest.raises(DataError, match=r"group:city.*4 groups.*task\.data\.split="):
        drawn(SplitRule("group", groups_of(80, [20] * 4), "city"), np.zeros(80))


@settings(max_examples=60, deadline=None)
@given(n=ROWS, seed=SEEDS, repeat=st.integers(0, 5), distinct=st.integers(12, 500))
def test_validation_is_later_than_training_and_test_later_than_both(
    n: int, seed: int, repeat: int, distinct: int
) -> None:
    moments = np.random.default_rng(seed).integers(0, distinct, n).astype(float)
    try:
        splits = drawn(SplitRule("time", moments, "day"), np.zeros(n), repeat, seed=seed)
    except DataError:
        assert len(np.unique(moments)) < 20  # only a crowd at one moment can leave a part empty
        return
    assert moments[splits.train].max() < moments[splits.validation].min()
    assert moments[splits.validation].max() < moments[splits.test].min()


def test_time_takes_the_last_fifth_and_blocks_of_nine_tenths() -> None:
    moments = np.datetime64("2020-01-01") + np.arange(1000)
    starts = set()
    for repeat in range(20):
        splits = drawn(SplitRule("time", moments, "day"), np.zeros(1000), repeat)
        np.testing.assert_array_equal(splits.test, np.arange(800, 1000))
        block = np.concatenate([splits.train, splits.validation])
        np.testing.assert_array_equal(block, block[0] + np.arange(720))  # 90 % of 800, without a hole
        assert len(splits.validation) == 144  # a fifth of 720
        starts.add(int(block[0]))
    assert len(starts) > 10
    assert max(starts) <= 80


def test_one_moment_for_all_rows_has_no_order() -> None:
    with pytest.raises(DataError, match=r"time:day.*no row is left"):
        drawn(SplitRule("time", np.zeros(50), "day"), np.zeros(50))


def test_a_column_with_validation_fixes_all_three_parts() -> None:
    words = np.array(["train"] * 60 + ["Val "] * 20 + ["test"] * 20, dtype=object)
    for repeat in range(3):
        splits = drawn(SplitRule("column", words, "part"), np.zeros(100), repeat)
        np.testing.assert_array_equal(splits.train, np.arange(60))
        np.testing.assert_array_equal(splits.validation, np.arange(60, 80))
        np.testing.assert_array_equal(splits.test, np.arange(80, 100))


@pytest.mark.parametrize("word", ["validation", "val", "valid", "dev", "eval", "VAL"])
def test_validation_has_many_names(word: str) -> None:
    words = np.array(["train", word, "test"] * 10, dtype=object)
    splits = drawn(SplitRule("column", words, "part"), np.zeros(30))
    np.testing.assert_array_equal(splits.validation, np.arange(1, 30, 3))


def test_a_column_without_validation_draws_it_from_train() -> None:
    words = np.array(["train"] * 80 + ["test"] * 20, dtype=object)
    drawings = [drawn(SplitRule("column", words, "part"), np.zeros(100), repeat) for repeat in range(4)]
    assert len({splits.digest for splits in drawings}) == 4
    for splits in drawings:
        np.testing.assert_array_equal(splits.test, np.arange(80, 100))
        assert len(splits.validation) == 16
        np.testing.assert_array_equal(np.union1d(splits.train, splits.validation), np.arange(80))


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["train", "test", "holdout"], "'holdout'"),
        (["train", "train", "val"], "no row says test"),
        (["val", "test", "test"], "no row says train"),
        (["test", "test", "test"], "no row says train"),
    ],
)
def test_a_column_must_say_train_and_test(words: list[str], complaint: str) -> None:
    with pytest.raises(DataError, match=rf"column:part.*{complaint}"):
        drawn(SplitRule("column", np.array(words * 10, dtype=object), "part"), np.zeros(30))


def test_a_part_with_one_class_is_refused() -> None:
    moments = np.arange(100.0)
    with pytest.raises(DataError, match="part has one class only"):
        drawn(SplitRule("time", moments, "day"), (moments < 50).astype(float), stratify=True)


def test_a_rule_that_steers_by_a_column_needs_its_values() -> None:
    with pytest.raises(ValueError, match="one value per row"):
        SplitRule("group")
