"""Encoding: numbers, words, flags and dates as the training rows alone describe them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lossbench.data.encode import Encoder
from lossbench.data.splits import draw_splits
from lossbench.data.table import load_table
from lossbench.plan import Target

NUMBERS = st.one_of(st.floats(-1e6, 1e6, width=32), st.just(float("nan")))


def frame(**columns: object) -> pd.DataFrame:
    return pd.DataFrame(columns)


@settings(max_examples=40, deadline=None)
@given(train=arrays(float, (25, 3), elements=NUMBERS), later=arrays(float, (10, 3), elements=NUMBERS))
def test_numbers_agree_with_scikit_learn(train: np.ndarray, later: np.ndarray) -> None:
    """Oracle: SimpleImputer(median), StandardScaler and MissingIndicator of scikit-learn."""
    from sklearn.impute import MissingIndicator, SimpleImputer
    from sklearn.preprocessing import StandardScaler

    names = ["a", "b", "c"]
    encoder = Encoder.fit(pd.DataFrame(train, columns=names))
    imputer = SimpleImputer(strategy="median", keep_empty_features=True)
    filled = imputer.fit_transform(train)
    scaler = StandardScaler().fit(filled)
    varies = np.ptp(filled, axis=0) > 1e-3 * np.abs(filled).max(axis=0)  # constants differ: see below
    indicator = MissingIndicator(features="missing-only", error_on_new=False).fit(train)
    for rows in (train, later):
        ours = pd.DataFrame(encoder.transform(pd.DataFrame(rows, columns=names)), columns=encoder.names)
        scaled = scaler.transform(imputer.transform(rows))
        for i in np.flatnonzero(varies):
            wanted = scaled[:, i].clip(np.finfo(np.float32).min, np.finfo(np.float32).max)
            np.testing.assert_allclose(ours[names[i]], wanted, rtol=1e-5, atol=1e-5)
        gaps = [name for name in encoder.names if name.endswith("missing")]
        assert gaps == [f"{names[i]} missing" for i in indicator.features_]
        np.testing.assert_array_equal(ours[gaps].to_numpy(), indicator.transform(rows))


@pytest.mark.parametrize("value", [0.0, 0.1, -3e8, 1e-300, 1e300, float("nan"), float("inf")])
def test_a_constant_column_is_zero_whatever_comes_later(value: float) -> None:
    encoder = Encoder.fit(frame(a=[value] * 10))
    later = encoder.transform(frame(a=[value, 5.0, -1e30]))
    np.testing.assert_array_equal(later[:, 0], [0, 0, 0])


def test_integers_of_any_size_are_numbers() -> None:
    encoded = Encoder.fit(frame(a=[1, 2, 3])).transform(frame(a=[2, 3]))
    np.testing.assert_allclose(encoded[:, 0], [0, 1.5**0.5], rtol=1e-6)  # (3 - 2) / sqrt(2/3)


def test_infinity_counts_as_missing() -> None:
    encoder = Encoder.fit(frame(a=[1.0, 2.0, 9.0, np.inf]))
    assert encoder.names == ["a", "a missing"]
    assert encoder == Encoder.fit(frame(a=[1.0, 2.0, 9.0, np.nan]))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=30),
    st.lists(st.sampled_from("abcxyz"), max_size=9),
)
def test_words_agree_with_scikit_learn(train: list[str], later: list[str]) -> None:
    """Oracle: OneHotEncoder of scikit-learn, whose columns are alphabetical where ours go by frequency."""
    from sklearn.preprocessing import OneHotEncoder

    hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(np.array(train, dtype=object)[:, None])
    encoder = Encoder.fit(frame(w=train))
    rows = train + later
    ours = pd.DataFrame(encoder.transform(frame(w=rows)), columns=encoder.names)
    theirs = hot.transform(np.array(rows, dtype=object)[:, None])
    np.testing.assert_array_equal(ours[[f"w={word}" for word in hot.categories_[0]]].to_numpy(), theirs)
    assert len(encoder.names) == theirs.shape[1]


def test_rare_words_share_the_twentieth_column() -> None:
    """Oracle: OneHotEncoder(max_categories=20) keeps the same words apart."""
    from sklearn.preprocessing import OneHotEncoder

    words = [f"w{i:02}" for i in range(30) for _ in range(31 - i)]
    encoder = Encoder.fit(frame(w=words))
    assert len(encoder.names) == 20
    assert encoder.names[0] == "w=w00"
    assert encoder.names[-1] == "w=(rare)"
    hot = OneHotEncoder(max_categories=20, sparse_output=False).fit(np.array(words, dtype=object)[:, None])
    assert set(hot.infrequent_categories_[0]) == {f"w{i}" for i in range(19, 30)}
    encoded = encoder.transform(frame(w=["w00", "w18", "w19", "w29"]))
    np.testing.assert_array_equal(encoded.argmax(axis=1), [0, 18, 19, 19])
    np.testing.assert_array_equal(encoded.sum(axis=1), 1)


def test_of_equally_frequent_words_the_first_by_the_alphabet_are_kept() -> None:
    """By hand: 30 words, once each, in reverse. OneHotEncoder would keep the last by the alphabet."""
    encoder = Encoder.fit(frame(w=[f"w{i:02}" for i in reversed(range(30))]))
    assert encoder.names == [*(f"w=w{i:02}" for i in range(19)), "w=(rare)"]


def test_a_word_never_seen_in_training_is_zero_everywhere() -> None:
    words = [f"w{i}" for i in range(30)]
    np.testing.assert_array_equal(Encoder.fit(frame(w=words)).transform(frame(w=["new"])), np.zeros((1, 20)))


def test_a_missing_word_is_a_category_only_where_training_had_one() -> None:
    encoder = Encoder.fit(frame(w=["a", None, "a", "b"]))
    assert encoder.names == ["w=a", "w=b", "w=(missing)"]
    np.testing.assert_array_equal(encoder.transform(frame(w=[None, "b", "z"])), [[0, 0, 1], [0, 1, 0], [0, 0, 0]])
    np.testing.assert_array_equal(Encoder.fit(frame(w=["a", "b"])).transform(frame(w=[None])), [[0, 0]])


def test_missing_is_never_pooled_with_rare_words() -> None:
    encoder = Encoder.fit(frame(w=[*(f"w{i}" for i in range(30)), None]))
    assert encoder.names[-2:] == ["w=(rare)", "w=(missing)"]
    np.testing.assert_array_equal(np.flatnonzero(encoder.transform(frame(w=[None]))[0]), [20])


def test_booleans_are_zero_and_one() -> None:
    encoder = Encoder.fit(frame(b=[True, True, False]))
    np.testing.assert_array_equal(encoder.transform(frame(b=[True, False])), [[1], [0]])


def test_a_date_is_year_month_weekday_and_days() -> None:
    """By Python's calendar: 2024-02-29 was a Thursday (3), 2026-11-22 is a Sunday (6), 997 days later."""
    train = frame(d=pd.to_datetime(["2024-02-29", "2026-11-22"]))
    encoder = Encoder.fit(train)
    assert encoder.names == ["d year", "d month", "d weekday", "d days"]
    # two rows standardise to -1 and 1, so a third one shows the scale: (x - mean) / half the distance
    third = encoder.transform(frame(d=pd.to_datetime(["2025-03-01"])))[0]  # a Saturday (5), 366 days later
    expected = [(2025 - 2025) / 1, (3 - 6.5) / 4.5, (5 - 4.5) / 1.5, (366 - 498.5) / 498.5]
    np.testing.assert_allclose(third, expected, rtol=1e-6, atol=1e-6)


def test_a_missing_date_is_flagged_once() -> None:
    encoder = Encoder.fit(frame(d=pd.to_datetime(["2024-01-01", "", "2025-06-30", "2026-03-03"])))
    assert encoder.names == ["d year", "d month", "d weekday", "d days", "d missing"]
    encoded = encoder.transform(frame(d=pd.to_datetime(["", "2025-06-30"])))
    assert np.isfinite(encoded).all()
    np.testing.assert_array_equal(encoded[:, -1], [1, 0])
    np.testing.assert_array_equal(encoded[0, 3], encoded[1, 3])  # the median day is the middle one


def test_the_matrix_is_float32_with_a_name_for_each_column() -> None:
    features = frame(
        a=[1.0, None, 3.0], w=["x", "y", None], b=[True, False, True], d=pd.to_datetime(["2024-01-01"] * 3)
    )
    encoder = Encoder.fit(features)
    encoded = encoder.transform(features)
    assert encoded.dtype == np.float32
    assert encoded.shape == (3, len(encoder.names))
    assert len(set(encoder.names)) == len(encoder.names)
    assert encoder.transform(features.iloc[:0]).shape == (0, len(encoder.names))


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(8)))
def test_the_order_of_training_rows_does_not_matter(order: list[int]) -> None:
    features = frame(a=[1.0, 2.0, np.nan, 4.0, 8.0, 16.0, 32.0, 64.0], w=[*"aabbccd", None])
    assert Encoder.fit(features.iloc[order]) == Encoder.fit(features)


@settings(max_examples=25, deadline=None)
@given(
    place=st.integers(0, 10**6),
    number=st.floats(-1e6, 1e6),
    word=st.text("abcxyz", min_size=1, max_size=3).filter(lambda word: word not in {"na", "nan"}),
    day=st.dates(pd.Timestamp(1950, 1, 1).date(), pd.Timestamp(2050, 1, 1).date()),
)
def test_a_row_outside_training_never_changes_the_encoder(
    tmp_path_factory: pytest.TempPathFactory, place: int, number: float, word: str, day: object
) -> None:
    """From the file on: a changed row of validation or test leaves split, encoder and training rows alone."""
    random = np.random.default_rng(0)
    days = pd.Timestamp(2020, 1, 1) + pd.to_timedelta(random.integers(0, 999, 60), unit="D")
    rows = pd.DataFrame(
        {
            "number": random.normal(size=60),
            "word": random.choice(list("abc"), 60),
            "day": days.strftime("%Y-%m-%d"),
            "y": random.normal(size=60),
        }
    )
    folder: Path = tmp_path_factory.getbasetemp()
    before = encoded_from(rows, folder)
    outside = np.concatenate([before[0].validation, before[0].test])
    changed = int(outside[place % len(outside)])
    rows.loc[changed, "number"], rows.loc[changed, "word"], rows.loc[changed, "day"] = number, word, str(day)
    after = encoded_from(rows, folder)
    assert before[0].digest == after[0].digest
    assert before[1] == after[1]
    np.testing.assert_array_equal(before[2], after[2])


def encoded_from(rows: pd.DataFrame, folder: Path):  # type: ignore[no-untyped-def]
    rows.to_csv(folder / "rows.csv", index=False)
    table = load_table({"source": "file", "path": str(folder / "rows.csv"), "target": "y"}, Target.NUMBERS)
    splits = draw_splits(table.split, table.target, repeat=0, seed=0, stratify=False)
    encoder = Encoder.fit(table.features.iloc[splits.train])
    return splits, encoder, encoder.transform(table.features)[splits.train]


def test_a_number_beyond_float32_is_as_large_as_float32_goes() -> None:
    train = frame(a=[1e-38, *[0.0] * 24])  # a deviation of 2e-39: 1 is 5e38 of them
    later = Encoder.fit(train).transform(frame(a=[1.0, -1.0]))
    assert later.tolist() == [[np.finfo(np.float32).max], [np.finfo(np.float32).min]]
