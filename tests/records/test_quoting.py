"""Text from records where programs read it. Oracles: Python's own parser, html.parser, csv, and a Markdown reader."""

from __future__ import annotations

import ast
import csv
import io
import re
import unicodedata
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from lossbench.__main__ import main
from lossbench.cli.tables import show_answer, show_contest
from lossbench.records.quoting import csv_cell, latex, line, markdown, python, visible
from lossbench.records.record import Record, read_record
from lossbench.report.notebook import ShownComparison
from lossbench.report.page import html
from lossbench.report.tables import to_csv, to_latex, to_markdown
from lossbench.verdicts.answer import answer
from lossbench.verdicts.judging import compare
from tests.made import altered
from tests.verdicts.test_comparison import gaining, mse
from tests.verdicts.test_reporting import saved

NASTY = (
    "\x1b]0;owned\x07\x1b[2J",
    "a\nimport os; os.system('id')",
    "=cmd|' /C calc'!A0",
    "@SUM(1+9)",
    "+1|\t=2",
    "<img src=x onerror=alert(1)><script>alert(1)</script>",
    "x | y\n| z | w |",
    "[click](javascript:alert(1)) ![p](http://example.org/p.png)",
    "`code` *em* __strong__ ~~gone~~ $x$",
    "a\r\\input{/etc/passwd}%\n\\write18{id}",
    "\u202egnp.exe",
    "half \ud800 a pair",
    "next\x85line\u2028and\u2029paragraph",
    '" onload="alert(1)',
)
CONTROLS = ("Cc", "Cs", "Zl", "Zp")


def acts(text: str) -> list[str]:
    """The characters in it that do something to a terminal or break a line, by their Unicode category."""
    turns = {"RLE", "LRE", "RLO", "LRO", "PDF", "RLI", "LRI", "FSI", "PDI"}
    return [c for c in text if unicodedata.category(c) in CONTROLS or unicodedata.bidirectional(c) in turns]


# Each place by itself -------------------------------------------------------------------------------------------------


@given(st.text(st.characters(exclude_categories=())))
def test_a_line_is_one_line_without_any_character_that_acts(text: str) -> None:
    assert acts(line(text)) == []
    assert set(acts(visible(text))) <= {"\n", "\t"}
    line(text).encode()  # lone surrogates can be written too


@given(st.text(st.characters(categories=("L", "N", "P", "S", "Zs"), exclude_characters="\u061c\u200e\u200f")))
def test_ordinary_text_of_any_language_stays_as_it_is(text: str) -> None:
    assert line(text) == visible(text) == text


@given(st.text(st.characters(exclude_categories=())))
def test_a_line_in_a_comment_never_becomes_code(text: str) -> None:
    assert ast.parse(f"# {line(text)}\n").body == []


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    )
)
def test_a_literal_is_read_by_python_as_just_that_value(value: Any) -> None:
    written = python(value)
    assert "\n" not in written
    assert eval(written, {"__builtins__": {"float": float}}) == value


def test_what_has_no_literal_is_refused() -> None:
    with pytest.raises(TypeError, match="no literal"):
        python(object())


@given(st.text(st.characters(exclude_categories=())) | st.sampled_from(NASTY))
def test_no_cell_begins_as_a_formula_does(text: str) -> None:
    cell = csv_cell(text)
    assert isinstance(cell, str)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert csv_cell(-0.5) == -0.5


@given(st.text(st.sampled_from(" ab_*[]()<>&|`\\~$!#\n-1.")))
def test_markdown_holds_no_html_no_further_cell_and_no_other_line(text: str) -> None:
    written = markdown(text)
    assert not set("<>\n") & set(written)
    bare = written.replace("\\\\", "")
    for sign in "`*[]|~$":
        assert bare.count(sign) == bare.count(f"\\{sign}")


@given(st.text(st.sampled_from("ab <>&;#x3cltgamp")))
def test_a_page_shows_the_text_and_no_other(text: str) -> None:
    """Entities are turned back by the standard library's rules, which are HTML's."""
    assert unescape(re.sub(r"\\(.)", r"\1", markdown(text))) == text


def test_names_stay_readable_in_markdown() -> None:
    for name in ("huber(delta=0.5)", "logit_adjusted", "bce(pos_weight=1)", "−12 to +140", "R² 0.5 ± 0.1", "R & D"):
        assert markdown(name) == name


def test_latex_gets_no_command_and_no_other_line() -> None:
    assert latex("50 % of a_b\n\\input{x}") == r"50 \% of a\_b\textbackslash{}n\textbackslash{}input\{x\}"


# Whole files ----------------------------------------------------------------------------------------------------------


def named(title: str, record: Record) -> Record:
    """A record in which everything that has a name has this one."""
    record.loss.title = title
    record.data = replace(record.data, name=title, digest="same")
    record.model = title
    record.reason = record.reason and title
    record.cell = altered(record.cell, model={"name": title}, task={"data": {"name": title}})
    return record


def nasty(title: str) -> list[Record]:
    records = [named(title, record) for record in (mse(), gaining("huber", 0.5, 0.1))]
    records[0].loss.title = "mse"
    return records


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


@pytest.mark.parametrize("title", NASTY)
def test_a_title_is_text_and_nothing_else_in_every_file_of_a_report(title: str, tmp_path: Path) -> None:
    comparison = compare(nasty(title), name=title)
    told = answer(comparison)
    cells = [cell for row in csv.reader(io.StringIO(to_csv(comparison))) for cell in row]
    numbers = [cell for cell in cells if cell.replace(".", "").replace("e-", "").lstrip("-").isdigit()]
    assert not [c for c in cells if c.startswith(("=", "+", "-", "@", "\t", "\r")) and c not in numbers]
    plain = compare(nasty("plain"), name="plain")
    for written, ordinary in (
        (to_markdown(comparison, told), to_markdown(plain, answer(plain))),
        (to_latex(comparison), to_latex(plain)),
    ):
        assert written.count("\n") == ordinary.count("\n"), "a title adds no line"
        assert set(acts(written)) <= {"\n"}
        written.encode()
    assert "<" not in to_markdown(comparison, told)
    assert not [word for word in (r"\input", r"\write18") if word in to_latex(comparison)]


@pytest.mark.parametrize("title", [NASTY[0], NASTY[5], NASTY[-1], NASTY[10]])
def test_a_title_is_no_tag_and_no_attribute_of_the_page(title: str, tmp_path: Path) -> None:
    page = _Tags()
    places = [record.save(tmp_path / str(number)) for number, record in enumerate(nasty(title))]
    text = html(compare([read_record(place) for place in places], name=title))
    page.feed(text)
    assert not [tag for tag, _ in page.seen if tag in ("img", "iframe", "object")]
    assert [tag for tag, _ in page.seen].count("script") == 1
    assert not [name for _, attributes in page.seen for name in attributes if name.startswith("on")]
    assert set(acts(text)) <= {"\n"}


@pytest.mark.parametrize("title", NASTY)
def test_a_terminal_gets_no_control_character_from_a_record(title: str) -> None:
    comparison = compare(nasty(title))
    out = io.StringIO()
    console = Console(file=out, width=300, color_system=None)
    show_contest(console, comparison.contests[0])
    show_answer(console, answer(comparison))
    assert set(acts(out.getvalue())) <= {"\n"}


@pytest.mark.parametrize("title", [NASTY[0], NASTY[1], NASTY[10]])
def test_what_is_read_from_disk_has_names_of_one_line(
    title: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    record = named(title, mse())
    record.reason = "two\nlines"
    record.save(tmp_path / "r" / "one" / "cell")
    found = read_record(tmp_path / "r" / "one" / "cell")
    assert found.title == line(title)
    assert found.reason == "two\nlines"
    assert found.cell == record.cell, "what decides numbers is left as it is"
    assert main(["show", "one", f"results={tmp_path / 'r'}"]) == 0
    assert set(acts(capfd.readouterr().out)) <= {"\n"}


def test_the_names_of_folders_are_quoted_in_messages(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    saved(tmp_path / "sweep\x1b[2J", mse())
    assert main(["show", "x", f"results={tmp_path}"]) == 2
    assert "sweep\\x1b[2J" in (told := capfd.readouterr().err)
    assert set(acts(told)) <= {"\n"}


def test_a_notebook_shows_numbers_as_numbers() -> None:
    table = ShownComparison.of(compare(nasty("=1+1"))).to_pandas()
    assert "'=1+1" in set(table["title"])
    assert np.isfinite(table["rmse_mean"]).all()
