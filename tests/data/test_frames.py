"""Frames of any make, given to `lossbench.compare`: stored so that they are read back, or refused in words."""

from __future__ import annotations

import decimal
import io
import uuid
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from lossbench.data.columns import Content, tidy
from lossbench.data.frames import as_parquet
from lossbench.errors import InputError

N = 40
DAYS = pd.date_range("2024-01-01", periods=N)


def read_back(frame: pd.DataFrame) -> pd.DataFrame:
    """By pyarrow alone, as a file of one's own is read."""
    import pyarrow.parquet as pq

    return pq.read_table(io.BytesIO(as_parquet(frame))).to_pandas(ignore_metadata=True)


@pytest.mark.parametrize(
    ("values", "content"),
    [
        ([1, "a", 2.5, None] * 10, Content.WORD),
        ([1, 2, None, 4] * 10, Content.NUMBER),
        (pd.Categorical(["a", "b"] * 20), Content.WORD),
        (pd.cut(np.arange(N), 4), Content.WORD),
        (pd.Categorical([1, 2] * 20), Content.WORD),
        (DAYS.tz_localize("Europe/Zurich"), Content.DATE),
        (pd.period_range("2024-01", periods=N, freq="M"), Content.DATE),
        (pd.array([1, None] * 20, dtype="Int64"), Content.NUMBER),
        (pd.array([True, None] * 20, dtype="boolean"), Content.NUMBER),
        (pd.array(["a", None] * 20, dtype="string"), Content.WORD),
        (pd.arrays.SparseArray([0.0, 1.0] * 20), Content.NUMBER),
        (pd.to_timedelta(np.arange(N), unit="s"), Content.NUMBER),
        ([decimal.Decimal("1.5"), decimal.Decimal("2")] * 20, Content.NUMBER),
        ([uuid.UUID(int=i) for i in range(N)], Content.WORD),
        ([2**70, 1] * 20, Content.WORD),
        ([pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-02", tz="UTC")] * 20, Content.DATE),
        (pd.Series(pa.array([1.5, None] * 20), dtype=pd.ArrowDtype(pa.float64())), Content.NUMBER),
    ],
)
def test_columns_of_any_type_are_stored_and_read_as_what_they_hold(values: Any, content: Content) -> None:
    frame = pd.DataFrame({"x": values})
    back = tidy(read_back(frame), "data")
    assert Content.of(back["x"]) is content
    assert (back["x"].isna() == pd.isna(pd.Series(values)).to_numpy()).all()


def test_names_that_are_no_text_become_text() -> None:
    assert list(read_back(pd.DataFrame(np.ones((3, 2)), columns=pd.Index([0, 1.5], dtype=object)))) == ["0", "1.5"]


@pytest.mark.parametrize(
    ("frame", "complaint"),
    [
        (pd.DataFrame(np.ones((3, 2)), columns=["a", "a"]), "several columns 'a'"),
        (pd.DataFrame(np.ones((3, 2)), columns=[1, "1"]), "several columns '1'"),
        (pd.DataFrame(np.ones((3, 2)), columns=pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])), "several levels"),
        (pd.DataFrame(), "0 rows and 0 columns"),
        (pd.DataFrame({"a": []}), "0 rows and 1 columns"),
        (pd.DataFrame({"a": [1j] * 3}), "'a' of data holds complex numbers"),
        (np.ones((3, 2)), "not a ndarray"),
        (pd.Series([1.0]), "not a Series"),
    ],
)
def test_frames_that_are_no_table_are_refused_in_words(frame: Any, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        as_parquet(frame)


def test_an_arrow_table_is_taken_as_a_frame() -> None:
    assert list(read_back(pa.table({"a": [1, 2]}))["a"]) == [1, 2]  # type: ignore[arg-type]
