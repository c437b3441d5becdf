"""How text files are read: notations, codes for missing, headers, layouts, encodings. Expected values by hand."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lossbench.data.columns import Content, tidy
from lossbench.data.dialect import Dialect
from lossbench.data.file import FileTable, read_file, read_table
from lossbench.data.groups import keeps_groups
from lossbench.data.listing import column_lines
from lossbench.data.table import load_table
from lossbench.errors import DataError, InputError
from lossbench.plan import Target
from lossbench.plan.overrides import override

Read = Callable[..., FileTable]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Writes text or bytes and reads them; keywords are keys of `task.data`."""

    def write_and_read(content: str | bytes, name: str = "a.csv", **said: object) -> FileTable:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_table(path, Dialect.of(said))

    return write_and_read


def column(values: list[str], separator: str = ";", more: str = "") -> str:
    """A file of one column x beside a column of words, and perhaps a third."""
    head, cell = (f"{separator}{part}" if part else "" for part in (more and "z", more))
    return f"x{separator}w{head}\n" + "".join(f'"{value}"{separator}word{cell}\n' for value in values)


def sentences(table: FileTable) -> str:
    return " ".join([*table.notes, *(note.doubt for note in table.columns.values())])


# numbers


@pytest.mark.parametrize(
    ("written", "numbers"),
    [
        (["13,6", "0,5", "7"], [13.6, 0.5, 7]),
        (["1,932", "276", "12"], [1932, 276, 12]),
        (["1.932", "276", "12"], [1932, 276, 12]),
        (["1.932", "276", "0.5"], [1.932, 276, 0.5]),
        (["1.234.567,5", "12,25"], [1234567.5, 12.25]),
        (["1,234,567", "12"], [1234567, 12]),
        (["12,34,567", "12"], [1234567, 12]),
        (["$1,200.00", "-$3.50"], [1200, -3.5]),
        (["1.200,00 €", "3,50 €"], [1200, 3.5]),
        (["CHF 1'200.50", "CHF 3.00"], [1200.5, 3]),
        (["12 %", "5%"], [12, 5]),
        (["1 234", "56"], [1234, 56]),
        (["1\u00a0234,5", "5\u202f600,25"], [1234.5, 5600.25]),
        (["\u22123.5", "–2"], [-3.5, -2]),
        (["(1,200.50)", "3"], [-1200.5, 3]),
        (["5-", "7"], [-5, 7]),
        (["1e-3", "2E5"], [0.001, 200000]),
        (["1,5e3", "2"], [1500, 2]),
        (["18.30.00", "06.00.00"], [18.5, 6]),
        (["18:30", "6:00"], [18.5, 6]),
        (["6:30 PM", "12:15 am"], [18.5, 0.25]),
    ],
)
def test_numbers_are_read_as_people_write_them(read: Read, written: list[str], numbers: list[float]) -> None:
    found = read(column(written * 20)).frame["x"]
    np.testing.assert_allclose(found.to_numpy(np.float64), numbers * 20)


@pytest.mark.parametrize("words", ["12 kg", "A1", "1,2,3", "2024-A", "1.2.3", "3/4", "--5", "(5", "1 23", "1,23,4567"])
def test_what_only_resembles_a_number_stays_a_word(read: Read, words: str) -> None:
    assert read(column([words, "x" + words] * 20)).frame["x"].dtype == "str"


@pytest.mark.parametrize(("suffix", "separator"), [("csv", ";"), ("tsv", "\t")])
def test_decimal_commas_are_read_beside_dates_times_and_gaps(read: Read, suffix: str, separator: str) -> None:
    rows = [
        separator.join(
            [f"{1 + i % 28:02}/03/2004", f"{i % 24:02}.00.00", f"{i},{i % 10}", "?" if i % 7 == 0 else f"{i},5"]
        )
        for i in range(60)
    ]
    table = read("\n".join([separator.join(["Date", "Time", "T", "RH"]), *rows]), f"air.{suffix}")
    frame = tidy(table.frame, "air")
    assert [Content.of(frame[name]) for name in frame] == [Content.DATE, *[Content.NUMBER] * 3]
    assert frame["Date"][0] == pd.Timestamp(2004, 3, 1)
    np.testing.assert_allclose(frame["T"], [i + i % 10 / 10 for i in range(60)])
    np.testing.assert_allclose(frame["RH"], [np.nan if i % 7 == 0 else i + 0.5 for i in range(60)])
    assert sentences(table).strip() == ""


def test_three_digits_after_every_comma_are_thousands_until_another_column_proves_decimals(read: Read) -> None:
    values = ["1,932", "276"] * 20
    assert sentences(read(column(values))).strip() == ""
    beside = read(column(values, more="13,6"))
    np.testing.assert_allclose(beside.frame["x"][:2], [1.932, 276])
    assert "Column 'x' can be read in two ways: 1,932 is taken for 1.932" in sentences(beside)
    for word, number in (("comma", 1.932), ("point", 1932)):
        said = read(column(values, more="13,6"), decimal=word)
        assert said.frame["x"][0] == number
        assert "two ways" not in sentences(said)


def test_a_column_whose_every_value_has_a_comma_and_three_digits_is_doubted(read: Read) -> None:
    table = read(column(["1,932", "2,276"] * 20))
    assert table.frame["x"][0] == 1932
    assert "task.data.decimal=comma" in sentences(table)
    assert read(column(["1,932", "2,276"] * 20), decimal="comma").frame["x"][0] == 1.932


@pytest.mark.parametrize(("last", "number"), [("1,932", 1932), ("13,25", 13.25), ("1.932", 1932), ("13.25", 13.25)])
def test_the_last_of_many_rows_decides_as_well_as_the_first(read: Read, last: str, number: float) -> None:
    rows = "".join(f"{i % 900};word\n" for i in range(20_000))
    assert read(f"x;w\n{rows}{last};word\n").frame["x"].iloc[-1] == number


def test_numbers_beyond_64_bits_stay_apart_as_words(read: Read) -> None:
    values = [str(10**20 + i) for i in range(40)]
    assert read(column(values)).frame["x"].astype(str).nunique() == 40


# missing values


@pytest.mark.parametrize(
    "code", ["?", "ND", "-", "n.a.", "..", "NA", "None", "null", "N/A", "—", "missing", "#N/A", "NaN", ":"]
)
def test_codes_for_missing_are_gaps_among_numbers_and_dates(read: Read, code: str) -> None:
    rows = "".join(
        f"{code if i % 5 == 0 else i},{code if i % 5 == 0 else f'2024-01-{1 + i % 28:02}'}\n" for i in range(60)
    )
    table = read("x,day\n" + rows)
    frame = tidy(table.frame, "a")
    assert [Content.of(frame[name]) for name in frame] == [Content.NUMBER, Content.DATE]
    assert frame.isna().sum().tolist() == [12, 12]
    assert sentences(table).strip() == ""


@pytest.mark.parametrize("word", ["None", "NA", "?", "-", "unknown", "null"])
def test_a_class_called_like_a_code_stays_a_class(read: Read, word: str) -> None:
    assert set(read(column([word, "mild", "severe"] * 20)).frame["x"]) == {word, "mild", "severe"}


def test_codes_can_be_said_and_switched_off(read: Read) -> None:
    values = ["1", "2", "more", "-999", "NA"] * 20
    assert read(column(values), missing=["more", -999]).frame["x"].isna().sum() == 60
    assert read(column(["1", "2"] * 40 + ["NA"]), missing=[]).columns["x"].doubt.startswith("Column 'x' has 1 value")
    assert read(column(["a", "b", "ND"] * 20), missing="ND").frame["x"].isna().sum() == 20


def test_a_column_with_a_few_odd_values_is_numbers_and_they_are_named(read: Read) -> None:
    table = read(column(["1", "2", "3", "4"] * 25 + ["broken", "bad", "bad"]))
    assert table.frame["x"].isna().sum() == 3
    assert "'x' has 3 values that are no number, and so count as missing: 'bad', 'broken'" in sentences(table)


def test_a_column_of_many_numbers_and_many_words_is_words_and_that_is_said(read: Read) -> None:
    table = read(column(["2", "3", "more"] * 20))
    assert table.frame["x"].dtype == "str"
    assert "67% of its values are numbers, but not 'more'" in sentences(table)
    assert override("task.data.missing", ["more"]) in sentences(table)


# dates


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("13/03/2024", "2024-03-13"),
        ("03/13/2024", "2024-03-13"),
        ("1.2.2024", "2024-02-01"),
        ("13-03-2024", "2024-03-13"),
    ],
)
def test_days_before_or_after_months_are_told_by_all_values(read: Read, written: str, day: str) -> None:
    frame = tidy(read(column([written] * 40)).frame, "a")
    assert (frame["x"] == pd.Timestamp(day)).all()


def test_dates_of_either_order_stay_words_and_that_is_said(read: Read) -> None:
    table = read(column(["01/02/2024", "03/04/2024"] * 20))
    assert table.frame["x"].dtype == "str"
    assert "nothing distinguishes day from month" in sentences(table)


# headers


@pytest.mark.parametrize(
    "rows",
    [
        ["6,148,33.6,1"] + [f"{i},{i * 2},{i / 10},{i % 2}" for i in range(40)],
        ["5.1,3.5,setosa"] + [f"{i / 7:.1f},{i / 9:.1f},{'setosa' if i % 2 else 'virginica'}" for i in range(40)],
        ["p,x,s"] + [f"{'pe'[i % 2]},{'xbs'[i % 3]},{'sfy'[i % 3]}" for i in range(40)],
        ["1,1,1"] + [f"{i},{i},{i % 2}" for i in range(40)],
        ["2024-01-05,7.25"] + [f"2024-02-{1 + i % 28:02},{i / 3:.2f}" for i in range(40)],
        ["?,18,9"] + [f"{i},{i * i},{i * 3 % 7}" for i in range(40)],
    ],
)
def test_a_first_line_that_is_a_row_is_refused_and_read_where_that_is_said(read: Read, rows: list[str]) -> None:
    content = "\n".join(rows)
    with pytest.raises(DataError, match=r"looks like a row.*task\.data\.header=false.*column_1"):
        read(content)
    assert len(read(content, header=False).frame) == len(rows)
    assert next(iter(read(content, header=False).frame)) == "column_1"


@pytest.mark.parametrize("header", ["name,2019,2020", "id,1,2", "a,b,c", "x1,x2,1", ",0,1", "0,1,2", "plan,a b,c-d"])
def test_names_are_names_though_they_hold_numbers(read: Read, header: str) -> None:
    rows = [f"n{i},{i},{i * 3.5}" if not header.startswith("0") else f"{i},{i * 2},{i / 3}" for i in range(40)]
    assert len(read("\n".join([header, *rows])).frame) == 40


def test_a_word_that_names_a_column_and_stands_in_it_is_doubted(read: Read) -> None:
    table = read("ham,text\n" + "".join(f"{'ham' if i % 2 else 'spam'},hello {i}\n" for i in range(40)))
    assert "task.data.header=false" in sentences(table)
    assert len(read("6,1\n7,2\n8,3\n", header=True).frame) == 2


def test_a_header_that_is_repeated_is_no_row(read: Read) -> None:
    table = read("a,b\n1,x\n2,y\na,b\n3,z\n")
    assert table.frame["a"].tolist() == [1, 2, 3]
    assert "once more" in sentences(table)


def test_names_have_no_outer_spaces(read: Read, tmp_path: Path) -> None:
    rows = "".join(f"{i % 7},{i % 5},{i / 50}\n" for i in range(40))
    assert list(read("GRE Score, LOR ,Chance of Admit \n" + rows).frame) == ["GRE Score", "LOR", "Chance of Admit"]
    data = {"source": "file", "path": str(tmp_path / "a.csv")}
    for said in ("Chance of Admit", "Chance of Admit ", " Chance of Admit"):
        assert load_table({**data, "target": said}, Target.NUMBERS).target_name == "Chance of Admit"
    with pytest.raises(DataError, match="several columns 'a'"):
        read("a,a \n1,2\n")


# layouts


@pytest.mark.parametrize(
    "content",
    [
        "sep=;\na;b\n1;x\n2;y\n",
        "\n\na;b\n1;x\n2;y\n",
        "a;b;\n1;x;\n2;y;\n",
        "a;b\n1;x;\n2;y\n",
        "a|b\n1|x\n2|y\n",
        'a,b\n1,"x"\n\n2,y\n',
        "a;b\r\n1;x\r\n2;y\r\n",
        "a, b\n1, x\n2 , y \n",
        "a;b;;\n1;x;;\n2;y;;\n;;;\n",
        '"a" "b"\n"7" 1 "x"\n"3" 2 "y"\n',
        "a,b\nr1,1,x\nr2,2,y\n",
    ],
)
def test_layouts_of_many_programs_hold_the_same_table(read: Read, content: str) -> None:
    frame = read(content).frame
    assert list(frame) == ["a", "b"]
    assert frame["a"].tolist() == [1, 2]
    assert frame["b"].tolist() == ["x", "y"]


def test_a_line_end_within_quotes_is_part_of_a_value(read: Read) -> None:
    frame = read('a,"b\nc"\n1,"x\ny"\n2,z\n').frame
    assert frame["b\nc"].tolist() == ["x\ny", "z"]


def test_rows_longer_than_the_header_are_refused_by_line(read: Read) -> None:
    with pytest.raises(DataError, match=r"Line 3 of a\.csv has 3 values and the header has 2 names: '2,y,z'"):
        read("a,b\n1,x\n2,y,z\n3,x\n")
    with pytest.raises(DataError, match=r"Line 4 of a\.csv has 3 values"):
        read('a,b\n1,"x\ny"\n2,y,z\n')


@pytest.mark.parametrize("quote", ["", '"'])
def test_rows_shorter_than_the_header_have_gaps_and_are_told(read: Read, quote: str) -> None:
    table = read(f"a,b\n1,{quote}x{quote}\n2\n3,x\n")
    assert table.frame["b"].isna().tolist() == [False, True, False]
    assert "1 row has fewer values than a.csv has columns (line 3: 1 of 2)" in sentences(table)


def test_a_title_above_the_names_is_refused(read: Read) -> None:
    with pytest.raises(DataError, match=r"first line of a\.csv has one value \('Report'\) and most others have 3"):
        read("Report\n\na;b;c\n" + "1;2;x\n" * 9)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1"]
)
def test_encodings_are_recognised(read: Read, encoding: str) -> None:
    content = ("Größe;Ort\n" + "1,5;Zürich\n" * 30).encode(encoding)
    for name, packed in (("a.csv", content), ("a.csv.gz", gzip.compress(content))):
        table = read(packed, name)
        assert table.frame["Größe"].tolist() == [1.5] * 30
        assert set(table.frame["Ort"]) == {"Zürich"}
        assert ("Windows-1252 ('Größe')" in sentences(table)) is (encoding in ("cp1252", "latin-1"))
        assert "Windows-1252" not in sentences(read(packed, name, encoding=encoding))


# what is said outright


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"decimal": ";"}, "task.data.decimal=;: set it to point or comma"),
        ({"thousands": "x"}, "set it to comma, point, space, apostrophe or none"),
        ({"decimal": ",", "thousands": "comma"}, "cannot both hold"),
        ({"header": "maybe"}, "task.data.header=maybe: set it to true"),
        ({"separator": "ab"}, "set it to comma, semicolon, tab, bar, space"),
        ({"encoding": "klingon"}, "no text encoding with that name"),
        ({"encoding": "hex"}, "no text encoding with that name"),
    ],
)
def test_what_a_key_cannot_take_is_refused(said: dict[str, object], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        Dialect.of(said)


def test_a_parquet_file_has_types_of_its_own(tmp_path: Path) -> None:
    pd.DataFrame({"x": [1.0, -999.0], "w": ["a", "ND"]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"Parquet file.*leave out task\.data\.decimal="):
        read_file(tmp_path / "a.parquet", Dialect(decimal="comma"))
    frame = read_file(tmp_path / "a.parquet", Dialect(missing=("-999", "ND")))
    assert frame.isna().to_numpy().tolist() == [[False, False], [True, True]]


# columns for people


def test_a_line_per_column_says_how_it_is_read_and_wide_tables_are_cut(tmp_path: Path) -> None:
    wide = {f"x{i}": np.arange(40) % (3 + i) for i in range(60)} | {
        "hp": ["?", *map(str, range(39))],
        "y": np.arange(40) / 7,
    }
    pd.DataFrame({name: wide[name] for name in ("hp", *wide)}).to_csv(tmp_path / "a.csv", index=False)
    lines = column_lines(load_table({"source": "file", "path": str(tmp_path / "a.csv"), "target": "y"}, Target.NUMBERS))
    assert lines[0].split() == ["column", "read", "as", "gaps", "example"]
    assert lines[2].split() == ["hp", "number;", "'?'", "is", "missing", "1", "0"]
    assert lines[-1] == "... and 21 more"
    assert len(lines) == 43


# groups


def groups(seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """150 patients of about four visits; what they have in common is in x and y, and z is noise."""
    random = np.random.default_rng(seed)
    patient = random.integers(0, 150, 600)
    number = random.permutation(5000)[:150][patient]
    x = random.normal(size=150)[patient] + 0.5 * random.normal(size=600)
    return pd.DataFrame({"p": number, "x": x, "z": random.normal(size=600)}), x + 0.3 * random.normal(size=600)


@pytest.mark.parametrize("seed", range(3))
def test_a_number_whose_rows_are_alike_keeps_groups_and_a_measurement_does_not(seed: int) -> None:
    frame, target = groups(seed)
    random = np.random.default_rng(seed)
    assert keeps_groups(frame["p"], frame, target)
    assert keeps_groups(pd.Series(np.repeat(np.arange(150), 4)), frame[["z"]], random.normal(size=600))
    age = pd.Series(np.clip(random.normal(45, 15, 600).round(), 18, 90).astype(int), name="age")
    aged = pd.DataFrame({"age": age, "decade": age // 10, "z": random.normal(size=600)})
    assert not keeps_groups(age, aged, (age / 15 - 3) ** 2 + random.normal(size=600))
    assert not keeps_groups(pd.Series(random.integers(0, 100, 600)), frame[["z"]], random.normal(size=600))


def test_a_column_that_keeps_groups_is_named_with_the_split(tmp_path: Path) -> None:
    frame, target = groups(0)
    frame.rename(columns={"p": "patient"}).assign(y=target).to_csv(tmp_path / "a.csv", index=False)
    table = load_table({"source": "file", "path": str(tmp_path / "a.csv"), "target": "y"}, Target.NUMBERS)
    (warned,) = [warning for warning in table.warnings if "'patient'" in warning]
    assert "task.data.split=group:patient" in warned
