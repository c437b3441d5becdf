"""Own files: what is read from them, which target is taken, what is refused, and what is doubted."""

from __future__ import annotations

import gzip
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lossbench.data.columns import Content
from lossbench.data.splits import draw_splits
from lossbench.data.table import Table, load_table
from lossbench.errors import DataError, UnknownName
from lossbench.plan import Target
from lossbench.plan.overrides import override

Load = Callable[..., Table]
N = 60


@pytest.fixture
def rows() -> pd.DataFrame:
    """Sixty houses with every kind of column, none of which tells the price."""
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "area": random.normal(100, 20, N).round(2),
            "rooms": random.integers(1, 7, N),
            "city": random.choice(["Bern", "Basel", "Genf"], N),
            "garden": random.choice([True, False], N),
            "sold": pd.Timestamp(2024, 1, 1) + pd.to_timedelta(random.integers(0, 700, N), unit="D"),
            "price": random.normal(500, 100, N).round(1),
            "quick": random.choice(["yes", "no"], N),
        }
    )


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Writes rows as CSV and loads them; keywords are keys of `task.data`."""

    def write_and_load(rows: pd.DataFrame, *, binary: bool = False, **data: Any) -> Table:
        path = tmp_path / "houses.csv"
        rows.to_csv(path, index=False)
        target, predicts = ("quick", Target.TWO_CLASSES) if binary else ("price", Target.NUMBERS)
        return load_table({"source": "file", "path": str(path), "target": target, **data}, predicts)

    return write_and_load


def contents(table: Table) -> dict[str, Content]:
    return {str(name): Content.of(column) for name, column in table.features.items()}


# reading


def test_a_file_brings_numbers_words_booleans_and_dates(rows: pd.DataFrame, load: Load) -> None:
    table = load(rows)
    assert contents(table) == {
        "area": Content.NUMBER,
        "rooms": Content.NUMBER,
        "city": Content.WORD,
        "garden": Content.BOOLEAN,
        "sold": Content.DATE,
        "quick": Content.WORD,
    }
    np.testing.assert_array_equal(table.target, rows["price"])
    assert (table.name, table.target_name, table.classes, table.warnings) == ("houses", "price", (), ())


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "tsv", "parquet"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_every_format_and_separator_gives_the_same_table(
    rows: pd.DataFrame, load: Load, tmp_path: Path, suffix: str, separator: str
) -> None:
    path = tmp_path / f"other.{suffix}"
    rows.to_parquet(path) if suffix == "parquet" else rows.to_csv(path, sep=separator, index=False)
    table = load_table({"source": "file", "path": str(path), "target": "price"}, Target.NUMBERS)
    assert table.digest == load(rows).digest
    assert table.name == "other"


def test_decimal_commas_beside_semicolons_are_numbers(rows: pd.DataFrame, load: Load, tmp_path: Path) -> None:
    path = tmp_path / "schweiz.csv"
    rows.to_csv(path, sep=";", decimal=",", index=False)
    table = load_table({"source": "file", "path": str(path), "target": "price"}, Target.NUMBERS)
    np.testing.assert_array_equal(table.features["area"], rows["area"])


def test_a_byte_order_mark_is_no_part_of_a_name(rows: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "excel.csv"
    rows[["price", "area"]].to_csv(path, index=False, encoding="utf-8-sig")
    assert load_table({"source": "file", "path": str(path), "target": "price"}, Target.NUMBERS).target_name == "price"


def test_missing_values_stay_missing(rows: pd.DataFrame, load: Load) -> None:
    rows = rows.astype({"garden": object, "rooms": object})
    rows.loc[3, ["area", "rooms", "city", "garden", "sold"]] = None
    table = load(rows)
    assert table.features.loc[3, ["area", "rooms", "city", "garden", "sold"]].isna().all()
    assert table.features.isna().sum().sum() == 5
    assert contents(table)["garden"] is Content.NUMBER  # a boolean with gaps is 0, 1 or missing
    assert contents(table)["sold"] is Content.DATE


def test_infinite_features_are_missing(rows: pd.DataFrame, load: Load) -> None:
    rows.loc[[1, 2], "area"] = [np.inf, -np.inf]
    np.testing.assert_array_equal(np.flatnonzero(load(rows).features["area"].isna()), [1, 2])


@pytest.mark.parametrize(
    "written", ["%Y-%m-%d", "%Y/%m/%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]
)
def test_iso_dates_are_dates(rows: pd.DataFrame, load: Load, written: str) -> None:
    moments = rows["sold"].copy()
    rows["sold"] = rows["sold"].dt.strftime(written)
    rows.loc[5, "sold"] = "unknown"  # one of sixty: nearly all parse
    read = load(rows).features["sold"]
    assert read.isna().sum() == 1
    assert (read.drop(5) == moments.drop(5)).all()


@pytest.mark.parametrize("words", ["2024-A", "12-2024", "1234-12", "May 2024"])
def test_codes_that_only_resemble_dates_stay_words(rows: pd.DataFrame, load: Load, words: str) -> None:
    rows["city"] = np.resize([words, words + "x"], N)
    assert contents(load(rows))["city"] is Content.WORD


def test_parquet_types_become_the_four_contents(rows: pd.DataFrame, tmp_path: Path) -> None:
    rows = rows.assign(
        city=rows["city"].astype("category"),
        rooms=rows["rooms"].astype("Int16"),
        garden=rows["garden"].astype("boolean"),
        sold=rows["sold"].dt.tz_localize("Europe/Zurich"),
        day=rows["sold"].dt.date,
        wait=pd.to_timedelta(np.resize([1, 2, 3], N), unit="s"),
    )
    rows.to_parquet(tmp_path / "t.parquet")
    table = load_table({"source": "file", "path": str(tmp_path / "t.parquet"), "target": "price"}, Target.NUMBERS)
    expected = dict.fromkeys(("area", "rooms", "wait"), Content.NUMBER) | {"garden": Content.BOOLEAN}
    expected |= dict.fromkeys(("sold", "day"), Content.DATE) | dict.fromkeys(("city", "quick"), Content.WORD)
    assert contents(table) == expected
    np.testing.assert_array_equal(table.features["wait"][:4], [1, 2, 3, 1])


def test_a_named_index_of_a_parquet_file_is_a_column(rows: pd.DataFrame, tmp_path: Path) -> None:
    rows.set_index("city").to_parquet(tmp_path / "t.parquet")
    table = load_table({"source": "file", "path": str(tmp_path / "t.parquet"), "target": "price"}, Target.NUMBERS)
    assert list(table.features["city"]) == list(rows["city"])


def test_large_identifiers_are_not_rounded_together(rows: pd.DataFrame, load: Load) -> None:
    rows["number"] = 2**53 + np.arange(N)
    assert load(rows).features["number"].nunique() == N


# digest


def test_the_digest_sees_every_value_and_name(rows: pd.DataFrame, load: Load) -> None:
    digests = {load(rows).digest}
    changes: dict[str, Any] = {"area": 1.5, "city": "Chur", "garden": None, "sold": pd.NaT, "price": 3.0}
    for column, value in changes.items():
        changed = rows.astype({"garden": object})
        changed.loc[7, column] = value
        digests.add(load(changed).digest)
    digests.add(load(rows.rename(columns={"area": "surface"})).digest)
    assert len(digests) == 7
    assert all(len(digest) == 16 and int(digest, 16) >= 0 for digest in digests)


def test_the_digest_is_the_sha256_of_little_endian_columns(load: Load) -> None:
    """Written out with the standard library alone."""
    import hashlib
    import struct

    x, y = [0.5 + i for i in range(30)], [float(i % 7) for i in range(30)]
    bytes_of_table = b"x|number|" + struct.pack("<30d", *x) + struct.pack("<30d", *y)
    table = load(pd.DataFrame({"x": x, "price": y}))
    assert table.digest == hashlib.sha256(bytes_of_table).hexdigest()[:16]


# targets


@pytest.mark.parametrize(
    ("values", "positive", "ones", "shown"),
    [
        (["yes", "no"], None, "yes", "yes"),
        (["y", "n"], None, "y", "y"),
        ([True, False], None, "True", "true"),
        ([1, 0], None, "1", "1"),
        ([1.0, 0.0], None, "1.0", "1"),
        (["bad", "good"], "bad", "bad", "bad"),
        (["bad", "good"], "GOOD", "good", "good"),
        ([2, 1], 2, "2", "2"),
        ([2, 1], None, "1", "1"),
        ([0, 1], "1.0", "1", "1"),
        ([0, 1], 0, "0", "0"),
        (["Yes", "No"], True, "Yes", "Yes"),
        (["yes", "no"], False, "no", "no"),
        ([True, False], 1, "True", "true"),
        ([True, False], "yes", "True", "true"),
    ],
)
def test_the_positive_value_counts_as_one(
    rows: pd.DataFrame, load: Load, values: list[object], positive: object, ones: str, shown: str
) -> None:
    rows["quick"] = np.resize(np.array(values, dtype=object), N)
    table = load(rows, binary=True, positive=positive)
    np.testing.assert_array_equal(table.target, (rows["quick"].astype(str) == ones).astype(float))
    assert table.classes == (f"not {shown}", shown)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([1, 2], "has the values 1 and 2: 1 counts as positive. If that should be 2, set task.data.positive=2"),
        (["yes", "maybe"], "yes counts as positive"),
        ([0, 1], ""),
        ([-1, 1], ""),
        (["yes", "no"], ""),
    ],
)
def test_what_counts_as_positive_is_told_where_the_other_value_is_not_false(
    rows: pd.DataFrame, load: Load, values: list[object], told: str
) -> None:
    rows["quick"] = np.resize(np.array(values, dtype=object), N)
    warned = [warning for warning in load(rows, binary=True).warnings if "counts as positive" in warning]
    assert (len(warned), told in " ".join(warned)) == (bool(told), True)


def test_values_that_differ_in_case_alone_are_one_where_that_leaves_two(rows: pd.DataFrame, load: Load) -> None:
    rows["quick"] = np.resize(["Yes", "YES", "no", "Yes"], N)
    table = load(rows, binary=True)
    assert (table.classes[1], table.target.sum()) == ("Yes", 45)
    assert "'YES' as 'Yes'" in table.warnings[0]
    rows["quick"] = np.resize(["a", "A"], N)  # two values as they stand
    assert load(rows, binary=True, positive="A").target.sum() == N / 2


def test_one_of_several_classes_can_be_asked_for_against_the_others(rows: pd.DataFrame, load: Load) -> None:
    table = load(rows, binary=True, target="rooms", positive=3)
    np.testing.assert_array_equal(table.target, rows["rooms"] == 3)
    assert "'3' counts as positive, all others as 0" in " ".join(table.warnings)
    with pytest.raises(
        DataError, match=r"'rooms'.*6 distinct values.*no task for several classes.*positive=1"
    ) as error:
        load(rows, binary=True, target="rooms")
    assert "regression" not in str(error.value)
    with pytest.raises(DataError, match=r"'area'.*distinct values.*Set task=regression"):
        load(rows, binary=True, target="area")
    rows["quick"] = np.resize(["yes", "no", "NA"], N)
    with pytest.raises(DataError, match=r"'NA' means missing, set task\.data\.missing=\\\[NA\\\]"):
        load(rows, binary=True)
    assert len(load(rows, binary=True, missing=["NA"]).target) == 40


def test_a_continuous_target_of_few_whole_values_is_doubted(rows: pd.DataFrame, load: Load) -> None:
    warned = load(rows, target="rooms").warnings
    assert "only 6 values, all whole (1, 2, 3, 4, 5, 6)" in warned[0]
    assert "task=binary task.data.positive=6" in warned[0]
    assert not any(
        "whole" in warning for warning in load(rows.assign(rooms=rows["rooms"] / 2), target="rooms").warnings
    )


def test_two_values_of_which_none_is_true_need_to_be_told_apart(rows: pd.DataFrame, load: Load) -> None:
    rows["quick"] = np.resize(["bad", "good"], N)
    with pytest.raises(DataError, match=r"houses\.csv.*task\.data\.positive=bad or task\.data\.positive=good"):
        load(rows, binary=True)
    with pytest.raises(DataError, match=r"no value 'ugly'.*task\.data\.positive=bad"):
        load(rows, binary=True, positive="ugly")


def test_a_binary_target_has_just_two_values(rows: pd.DataFrame, load: Load) -> None:
    with pytest.raises(DataError, match=r"'city'.*3 distinct values \('Basel', 'Bern', 'Genf'\).*positive=Basel"):
        load(rows, binary=True, target="city")


def test_numbers_written_as_text_are_a_target(rows: pd.DataFrame, tmp_path: Path) -> None:
    prices = rows["price"].copy()
    rows.assign(price=prices.astype(str)).to_parquet(tmp_path / "t.parquet")
    table = load_table({"source": "file", "path": str(tmp_path / "t.parquet"), "target": "price"}, Target.NUMBERS)
    np.testing.assert_array_equal(table.target, prices)


def test_words_are_no_continuous_target(rows: pd.DataFrame, load: Load) -> None:
    with pytest.raises(DataError, match=r"'quick'.*not numeric.*set task=binary"):
        load(rows, target="quick")
    with pytest.raises(DataError, match=r"'garden'.*not numeric.*set task=binary"):
        load(rows, target="garden")
    with pytest.raises(DataError, match=r"'city'.*not numeric.*task\.data\.target="):
        load(rows, target="city")


@pytest.mark.parametrize("binary", [True, False])
def test_a_constant_target_teaches_nothing(rows: pd.DataFrame, load: Load, binary: bool) -> None:
    rows["same"] = 1
    with pytest.raises(DataError, match=r"'same'.*'1' in every row.*task\.data\.target="):
        load(rows, binary=binary, target="same")


def test_rows_without_a_target_are_left_out_with_a_warning(rows: pd.DataFrame, load: Load) -> None:
    rows.loc[[0, 4], "price"] = [np.nan, np.inf]
    table = load(rows)
    assert len(table.target) == len(table.features) == N - 2
    np.testing.assert_array_equal(table.features["area"], rows["area"].drop([0, 4]))
    assert "2 rows without 'price'" in table.warnings[0]


def test_a_numeric_target_of_two_values_suggests_the_binary_task(rows: pd.DataFrame, load: Load) -> None:
    rows["price"] = np.random.default_rng(1).integers(0, 2, N)
    assert "task=binary" in load(rows).warnings[0]


# splits


def test_the_column_that_steers_the_split_is_no_feature(rows: pd.DataFrame, load: Load) -> None:
    rows["part"] = np.resize(["train", "train", "train", "val", "test"], N)
    rows["street"] = np.resize(list("abcdef"), N)
    for split in ("group:street", "time:sold", "column:part"):
        table = load(rows, split=split)
        kind, column = split.split(":")
        assert (table.split.kind, table.split.column) == (kind, column)
        assert column not in table.features
        draw_splits(table.split, table.target, repeat=0, seed=0, stratify=False)


def test_time_may_be_numbers_or_dates_as_text(rows: pd.DataFrame, load: Load) -> None:
    for column in ("sold", "area"):
        table = load(rows, split=f"time:{column}")
        splits = draw_splits(table.split, table.target, repeat=0, seed=0, stratify=False)
        assert rows[column].iloc[splits.test].min() > rows[column].iloc[splits.train].max()


def test_a_split_follows_its_rows_when_others_are_left_out(rows: pd.DataFrame, load: Load) -> None:
    rows["street"] = np.resize(list("abcdef"), N)
    rows.loc[[0, 1], "price"] = None
    assert list(load(rows, split="group:street").split.values) == list(rows["street"][2:])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("split", "complaint"),
    [
        ("shuffle", "It is random, group:COL"),
        ("group", "It is random, group:COL"),
        ("time:city", "neither dates"),
        ("group:gap", "missing in 1 rows"),
        ("time:when", "missing in 2 rows"),
    ],
)
def test_a_split_that_cannot_be_drawn_is_refused(rows: pd.DataFrame, load: Load, split: str, complaint: str) -> None:
    rows["gap"] = [None, *range(N - 1)]
    rows["when"] = ["soon", "2024-02-30", *rows["sold"].dt.strftime("%Y-%m-%d")[2:]]
    with pytest.raises(DataError, match=complaint):
        load(rows, split=split)


# refusals


@pytest.mark.parametrize(("key", "value"), [("target", "pric"), ("drop", ["pric"]), ("split", "group:pric")])
def test_unknown_columns_are_answered_with_close_ones(rows: pd.DataFrame, load: Load, key: str, value: object) -> None:
    rows["prices"] = 0.0
    with pytest.raises(UnknownName, match=rf"houses\.csv.*'pric'.*Did you mean.*price(.|\n)*task\.data\.{key}="):
        load(rows, **{key: value})


def test_dropped_columns_are_gone_given_as_one_name_or_many(rows: pd.DataFrame, load: Load) -> None:
    assert "city" not in load(rows, drop="city").features
    assert set(load(rows, drop=["city", "area"]).features) == {"rooms", "garden", "sold", "quick"}


def test_nothing_left_to_predict_from_is_refused(rows: pd.DataFrame, load: Load) -> None:
    with pytest.raises(DataError, match=r"No column of houses\.csv is left.*task\.data\.drop="):
        load(rows[["area", "price"]], drop=["area"])


def test_thirty_rows_are_enough_and_twenty_nine_are_not(rows: pd.DataFrame, load: Load) -> None:
    assert len(load(rows[:30]).target) == 30
    with pytest.raises(DataError, match=r"houses\.csv has 29 rows.*at least 30"):
        load(rows[:29])


def test_ten_rows_of_each_class_are_enough_and_nine_are_not(rows: pd.DataFrame, load: Load) -> None:
    rows["quick"] = ["yes"] * 10 + ["no"] * (N - 10)
    assert load(rows, binary=True).target.sum() == 10
    rows["quick"] = ["yes"] * 9 + ["no"] * (N - 9)
    with pytest.raises(DataError, match=r"houses\.csv has 9 rows of its rarest class"):
        load(rows, binary=True)


def written(folder: Path, name: str, content: bytes) -> dict[str, object]:
    (folder / name).write_bytes(content)
    return {"source": "file", "path": str(folder / name), "target": "y"}


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("a.csv", b"", "a.csv is empty"),
        ("a.csv", b"x,y\n", "no rows below its header"),
        ("a.xlsx", b"x,y\n1,2\n", r"a\.xlsx does not end in \.csv"),
        ("a.csv", b"x,y\n\x81\x8d,1\n", "not UTF-8"),
        ("a.csv", b"x,y,x\n1,2,3\n", "several columns 'x'"),
        ("a.csv", b"x,y\n1,2,3\n4,5,6\n", "Line 2 of a.csv has 3 values and the header has 2 names"),
        ("a.parquet", b"this is not parquet", "cannot be read"),
        ("a.csv.gz", b"this is not gzip", "cannot be read"),
        ("a.csv.gz", gzip.compress(b"x,y\n" + b"1,2\n" * 999, mtime=0)[:30], "cannot be read"),
    ],
)
def test_files_that_are_no_tables_are_refused_by_name(
    tmp_path: Path, name: str, content: bytes, complaint: str
) -> None:
    with pytest.raises(DataError, match=complaint) as caught:
        load_table(written(tmp_path, name, content), Target.NUMBERS)
    assert name in str(caught.value)


def test_an_absent_file_is_named_with_the_folder_that_was_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=rf"no file prices\.csv \(looked in {tmp_path}\).*task\.data\.path="):
        load_table({"source": "file", "path": "prices.csv", "target": "y"}, Target.NUMBERS)


def test_parquet_with_a_column_twice_or_with_lists_is_refused(tmp_path: Path) -> None:
    numbers = pa.array([1.0, 2.0] * 20)
    pq.write_table(pa.Table.from_arrays([numbers, numbers, numbers], names=["x", "x", "y"]), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="several columns 'x'"):
        load_table({"source": "file", "path": str(tmp_path / "a.parquet"), "target": "y"}, Target.NUMBERS)
    pq.write_table(pa.table({"x": [[1, 2]] * 40, "y": numbers}), tmp_path / "b.parquet")
    with pytest.raises(DataError, match=r"'x' of b\.parquet.*task\.data\.drop=\\\[x\\\]"):
        load_table({"source": "file", "path": str(tmp_path / "b.parquet"), "target": "y"}, Target.NUMBERS)


def test_what_is_not_given_is_asked_for(rows: pd.DataFrame, load: Load) -> None:
    with pytest.raises(DataError, match=r"task\.data\.path="):
        load_table({"source": "file", "path": None}, Target.NUMBERS)
    with pytest.raises(DataError, match=r"task\.data\.target= to one of: area, rooms"):
        load(rows, target=None)
    with pytest.raises(UnknownName, match=r"data source 'web'(.|\n)*task\.data\.source="):
        load_table({"source": "web"}, Target.NUMBERS)
    with pytest.raises(UnknownName, match="Did you mean positive"):
        load(rows, positiv="yes")


# doubts


def doubts(table: Table, column: str) -> list[str]:
    return [warning for warning in table.warnings if override("task.data.drop", [column]) in warning]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("number", np.random.default_rng(0).permutation(N)),
        ("key", [str(uuid.UUID(int=i)) for i in range(N)]),
        ("customer_id", [*range(N - 1), 5]),
        ("customerId", [*map(float, range(N - 1)), None]),
        ("", np.arange(N)),
    ],
)
def test_identifiers_are_doubted(rows: pd.DataFrame, load: Load, name: str, values: list[object]) -> None:
    rows.insert(0, name, values)
    warned = load(rows).warnings
    assert len(warned) == 1
    assert "identifier" in warned[0]
    assert override("task.data.drop", [name or "Unnamed: 0"]) in warned[0]


def test_measurements_are_not_taken_for_identifiers(rows: pd.DataFrame, load: Load) -> None:
    rows["width"] = np.random.default_rng(3).normal(size=N)  # all different, but no whole numbers
    rows["humid"] = np.random.default_rng(4).normal(size=N)  # ends in id
    assert load(rows).warnings == ()


@pytest.mark.parametrize("copy", [lambda y: y, lambda y: -np.exp(y / 1000), lambda y: y.round(-1)])
@pytest.mark.parametrize("noise", ["normal", "standard_cauchy"])
def test_a_column_that_tells_a_continuous_target_is_doubted(
    load: Load, copy: Callable[[pd.Series], pd.Series], noise: str
) -> None:
    """Also where the target's tails are so heavy that a few rows hold all of its variance."""
    random = np.random.default_rng(0)
    price = pd.Series(np.clip(getattr(random, noise)(size=2000) * 100, -5e4, 5e4) + 5e4)
    table = load(pd.DataFrame({"noise": random.normal(size=2000), "leak": copy(price), "price": price}))
    assert len(doubts(table, "leak")) == 1
    assert doubts(table, "noise") == []


@pytest.mark.parametrize("seed", range(4))
def test_a_copy_of_the_target_is_doubted_in_sixty_rows(rows: pd.DataFrame, load: Load, seed: int) -> None:
    price = np.random.default_rng(seed).normal(size=N)
    assert len(doubts(load(rows.assign(price=price, cents=price * 100)), "cents")) == 1


def test_a_copy_beyond_single_precision_is_doubted_too(rows: pd.DataFrame, load: Load) -> None:
    assert len(doubts(load(rows.assign(huge=rows["price"] * 1e300)), "huge")) == 1


def test_a_column_that_tells_a_binary_target_is_doubted(rows: pd.DataFrame, load: Load) -> None:
    rows["reply"] = rows["quick"].map({"yes": "at once", "no": "after weeks"})
    table = load(rows, binary=True)
    assert "AUC 1.000" in doubts(table, "reply")[0]
    assert len(table.warnings) == 1


def test_a_strong_but_honest_column_is_not_doubted(rows: pd.DataFrame, load: Load) -> None:
    rows["estimate"] = rows["price"] + np.random.default_rng(5).normal(0, 40, N)  # correlation about .93
    assert load(rows).warnings == ()


def test_constant_and_mostly_missing_columns_are_doubted(rows: pd.DataFrame, load: Load) -> None:
    rows["country"] = "CH"
    rows["pool"] = [1.5, 2.5] * 10 + [None] * (N - 20)
    rows["nothing"] = None
    rows["lift"] = ["yes"] * 40 + [None] * 20  # present or missing: that is information
    table = load(rows)
    assert "same value" in doubts(table, "country")[0]
    assert "missing in 67%" in doubts(table, "pool")[0]
    assert len(doubts(table, "nothing")) == 1
    assert doubts(table, "lift") == []
