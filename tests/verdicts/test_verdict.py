"""Words for intervals, branch by branch, and letters for tiers."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lossbench.verdicts.verdict import Verdict, judge, tiers

V = Verdict


@pytest.mark.parametrize(
    ("interval", "margin", "p", "word"),
    [
        ((0.2, 0.4), 0.1, 0.01, V.BETTER),
        ((0.05, 0.4), 0.1, 0.01, V.MAYBE_BETTER),
        ((0.02, 0.08), 0.1, 0.01, V.SAME),  # leaves out 0 and does not matter
        ((-0.05, 0.05), 0.1, 0.9, V.SAME),
        ((-0.05, 0.4), 0.1, 0.2, V.UNCLEAR),
        ((-0.4, 0.4), 0.1, 0.9, V.UNCLEAR),
        ((-0.4, -0.05), 0.1, 0.01, V.MAYBE_WORSE),
        ((-0.4, -0.2), 0.1, 0.01, V.WORSE),
        ((0.2, 0.4), 0.1, 0.06, V.UNCLEAR),  # by itself it would do, not in its family
        ((-0.4, -0.2), 0.1, 0.06, V.UNCLEAR),
    ],
)
def test_the_interval_gives_the_verdict(interval: tuple[float, float], margin: float, p: float, word: Verdict) -> None:
    assert judge(interval, margin, p) is word


@pytest.mark.parametrize(
    ("interval", "margin", "p", "word"),
    [
        ((-0.1, 0.1), 0.1, 0.9, V.SAME),  # the margin belongs to what does not matter
        ((0.1, 0.2), 0.1, 0.01, V.BETTER),
        ((0.1, 0.1), 0.1, 0.01, V.SAME),
        ((0.0, 0.2), 0.1, 0.01, V.UNCLEAR),  # 0 is not left out
        ((0.2, 0.4), 0.1, 0.05, V.UNCLEAR),  # below 5 %, not at it
    ],
)
def test_boundaries_fall_on_the_careful_side(
    interval: tuple[float, float], margin: float, p: float, word: Verdict
) -> None:
    assert judge(interval, margin, p) is word


def test_without_a_margin_only_identical_is_the_same_and_nothing_is_maybe_small() -> None:
    assert judge((0.0, 0.0), 0, 1.0) is V.SAME
    assert judge((1e-9, 1.0), 0, 0.01) is V.BETTER
    assert judge((-1e-9, 1e-9), 0, 0.9) is V.UNCLEAR


def test_what_is_no_number_shows_nothing() -> None:
    assert judge((0.2, 0.4), 0.1, math.nan) is V.UNCLEAR
    assert judge((math.nan, math.nan), 0.1, 0.01) is V.UNCLEAR


@given(st.floats(-1, 1), st.floats(0, 1), st.sampled_from([0.0, 0.1, 0.25]), st.floats(0, 1))
@example(0.1, 0.1, 0.1, 0.01)
@example(0.0, 0.1, 0.1, 0.01)
def test_the_other_loss_sees_the_mirrored_verdict(low: float, width: float, margin: float, p: float) -> None:
    high = low + width
    there = judge((low, high), margin, p)
    back = judge((-high, -low), margin, p)
    assert back is there.mirrored
    assert there.mirrored.mirrored is there
    assert back.sign == -there.sign


def test_signs_and_icons_tell_the_verdicts_apart() -> None:
    assert [v.sign for v in V] == [1, 1, 0, 0, -1, -1]
    assert len({v.icon for v in V}) == len(V)


def test_a_tier_ends_where_its_head_beats_a_loss() -> None:
    beaten = {("a", "c"), ("a", "d"), ("c", "e")}
    found = tiers(["a", "b", "c", "d", "e"], lambda head, name: (head, name) in beaten)
    assert found == {"a": "A", "b": "A", "c": "B", "d": "B", "e": "C"}


def test_losses_that_cannot_be_told_apart_are_one_tier_and_none_are_none() -> None:
    assert set(tiers("abc", lambda head, name: False).values()) == {"A"}
    assert tiers([], lambda head, name: True) == {}


def test_letters_go_on_as_in_a_spreadsheet() -> None:
    found = list(tiers([str(i) for i in range(703)], lambda head, name: True).values())
    assert found[:2] == ["A", "B"]
    assert found[25:28] == ["Z", "AA", "AB"]
    assert found[51:53] == ["AZ", "BA"]
    assert found[701:] == ["ZZ", "AAA"]
