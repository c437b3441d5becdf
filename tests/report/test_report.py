"""The report: one file without a network, valid, readable by everybody, the same for the same records.

Independent sources: html.parser and csv of the standard library, and the contrast formula of WCAG 2.2.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from html import unescape
from html.parser import HTMLParser
from itertools import islice, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jinja2 import Environment, PackageLoader
from matplotlib.figure import Figure
from scipy import stats
from sklearn import metrics as sk

from lossbench.plan import Scope
from lossbench.records.facts import Provenance
from lossbench.records.record import Record, Status
from lossbench.report import page as report
from lossbench.report.board import Line, across_table, board
from lossbench.report.closing import failed, method, numbers
from lossbench.report.figures.style import saved
from lossbench.report.notebook import ShownComparison
from lossbench.report.page import html, write
from lossbench.report.panels import Panel, Picture, Section
from lossbench.report.sections import pictures_of, sections
from lossbench.report.tables import to_csv, to_json, to_latex, to_markdown, to_table
from lossbench.report.view import slug, view
from lossbench.verdicts.answer import answer
from lossbench.verdicts.comparison import Comparison, Rules
from lossbench.verdicts.judging import compare
from lossbench.verdicts.leaderboard import Summary
from tests.verdicts.test_comparison import BASE, Z, binary, gaining, mse, noisy, regression

EVIL = "<script>alert(1)</script>"
FILES = ["report.html", "report.json", "report.md", "leaderboard.csv", "leaderboard.md", "leaderboard.tex"]


def with_evidence(record: Record, seed: int = 0, epochs: int = 20) -> Record:
    """With learning curves, trials, a shape and pulls, as a training leaves them."""
    draw = np.random.default_rng(seed)
    for r in range(len(record.repeats)):
        for trial in range(len(record.repeats[r].trials)):
            record.arrays[f"trial/{r}/{trial}/validation"] = np.exp(-np.arange(epochs) / 5) + draw.uniform(1, 2)
        record.arrays[f"curve/{r}/train_loss"] = np.exp(-np.arange(epochs) / 5)
        record.arrays[f"curve/{r}/validation"] = record.arrays[f"trial/{r}/0/validation"]
    x = np.linspace(-5, 5, 201)
    ends = ["", "_negative"] if record.task == "binary" else [""]
    record.arrays |= {"shape/x": x} | {f"shape/value{end}": x**2 for end in ends}
    record.arrays |= {f"shape/gradient{end}": 2 * x for end in ends}
    record.arrays |= {f"pull/{name}": draw.uniform(size=80).astype(np.float32) for name in ("size", "difficulty")}
    record.arrays["pull/target"] = np.resize([0.0, 1.0], 80)
    record.cost.step_bytes = 4096
    record.provenance = Provenance(
        command="lossbench +loss=mse -m",
        git="a" * 40,
        versions={"python": "3.11"},
        ended="2026-01-02T03:04:05+00:00",
    )
    return record


def a_sweep() -> list[Record]:
    """Both kinds of task, a control, a failure, a reference row, and a loss that is called a script."""
    draw = np.random.default_rng(0)
    target = np.resize([0.0, 1.0], 60)
    p = np.clip(0.5 + 0.5 * (target - 0.5) + 0.25 * draw.normal(size=(10, 60)), 0.02, 0.98)
    q = np.clip(p + 0.02 * draw.normal(size=p.shape), 0.02, 0.98)
    failed = gaining("poisson", 0.0, 0.1, reason=f"went {EVIL}")
    failed.status = failed.repeats[3].status = type(failed.status)("diverged")
    failed.repeats[3].metrics = {}
    records = [mse(), gaining(EVIL, 0.5, 0.1), gaining("a|b & 50% of_it", 0.1, 0.4), failed]
    records += [gaining("mse_again", 0.0, 0.1, role="control"), regression("trivial", 5 * BASE, role="reference")]
    records += [binary("bce", p, target), binary("focal", q, target)]
    return [with_evidence(record, seed) for seed, record in enumerate(records)]


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return compare(a_sweep(), name=f"sweep {EVIL}")


@pytest.fixture(scope="module")
def page(comparison: Comparison) -> str:
    return html(comparison)


VOID = {"meta", "br", "link", "img", "hr", "input"}
SVG = {"rect", "line", "circle", "path", "use", "polygon", "polyline", "ellipse", "stop"}


class Reader(HTMLParser):
    """Elements in their order; what is opened must be closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.within: list[tuple[str, ...]] = []
        self.text: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.within.append(tuple(self.open))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.text.append(data)


@pytest.fixture(scope="module")
def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


def test_every_element_is_closed_and_every_id_is_one_of_its_own(read: Reader) -> None:
    assert (read.wrong, read.open) == ([], [])
    ids = [attrs["id"] for _, attrs in read.elements if "id" in attrs]
    assert sorted(set(ids), key=str) == sorted(ids, key=str)


def test_every_link_and_reference_within_the_page_has_its_target(read: Reader, page: str) -> None:
    ids = {attrs["id"] for _, attrs in read.elements if "id" in attrs}
    links = [v for _, attrs in read.elements for k, v in attrs.items() if k in ("href", "xlink:href") and v]
    wanted = {link[1:] for link in links} | set(re.findall(r"url\(#([^)]+)\)", page))
    assert wanted
    assert wanted <= ids


def test_the_page_needs_no_network(read: Reader, page: str) -> None:
    for tag, attrs in read.elements:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base"), tag
        for name, value in attrs.items():
            if name in ("src", "srcset", "action", "data", "poster", "xlink:href", "href"):
                assert str(value).startswith("#"), (tag, name, value)
    assert not re.search(r"@import|@font-face|url\((?!#)|fetch\(|XMLHttpRequest|localStorage|import\(", page)
    addresses = set(re.findall(r"https?://[^\s\"'<>]+", page))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_every_picture_has_words_and_every_table_a_caption_and_heads_with_a_scope(read: Reader) -> None:
    pictures = [(tag, attrs) for tag, attrs in read.elements if tag == "svg"]
    assert len(pictures) > 10
    assert all(attrs.get("role") == "img" and attrs.get("aria-label") for _, attrs in pictures)
    tags = [tag for tag, _ in read.elements]
    assert tags.count("table") == tags.count("caption") > 3
    assert all(attrs.get("scope") in ("col", "row") for tag, attrs in read.elements if tag == "th")


def test_headings_go_down_step_by_step(read: Reader) -> None:
    levels = [int(tag[1]) for tag, _ in read.elements if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1


def test_everything_can_be_read_without_javascript(read: Reader, comparison: Comparison) -> None:
    """Nothing but the button that only scripts can serve is hidden; words and numbers are in the page itself."""
    hidden = [attrs.get("id") for _, attrs in read.elements if "hidden" in attrs]
    assert hidden == ["theme"]
    text = " ".join(" ".join(read.text).split())
    for contest in comparison.contests:
        assert all(c.title in text for c in contest.contenders)
    assert "Every pair, regression on houses" in text
    assert "can't tell" in text


def test_names_are_text_and_never_markup(page: str, read: Reader) -> None:
    assert EVIL not in page
    assert "<title>sweep &lt;script&gt;" in page
    assert [tag for tag, _ in read.elements].count("script") == 1
    assert EVIL in " ".join(read.text)


def test_names_keep_their_place_in_markdown_and_latex(comparison: Comparison) -> None:
    """A table of five columns has six bars that are not escaped; LaTeX's special signs are escaped."""
    lines = [line for line in to_markdown(comparison, None).splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {6}
    assert any(r"a\|b & 50% of_it" in line for line in lines)
    row = next(line for line in to_latex(comparison).splitlines() if "50" in line and "of" in line)
    assert r"a|b \& 50\% of\_it" in row
    assert len(re.findall(r"(?<!\\)&", row)) == 4


def test_the_files_beside_the_page_say_the_same(comparison: Comparison, tmp_path: Path) -> None:
    assert [path.name for path in write(comparison, tmp_path)] == FILES
    told = json.loads((tmp_path / "report.json").read_text("utf-8"), parse_constant=lambda c: pytest.fail(c))
    assert told["schema"] == 1
    assert told["answer"] in unescape((tmp_path / "report.md").read_text("utf-8"))
    assert told["answer"] not in unescape((tmp_path / "leaderboard.md").read_text("utf-8"))
    rows = list(csv.DictReader(io.StringIO((tmp_path / "leaderboard.csv").read_text("utf-8"))))
    assert [row["title"] for row in rows] == [row["title"] for contest in told["contests"] for row in contest["rows"]]
    assert to_table(comparison)["title"] == [row["title"] for row in rows]
    best = next(row for row in rows if row["title"] == EVIL)
    assert (best["verdict"], best["tier"], best["baseline"]) == ("better", "A", "mse")
    wanted = Summary.of(list(BASE - 0.5 - 0.1 * Z))
    assert wanted is not None
    assert float(best["rmse_mean"]) == pytest.approx(wanted.mean)
    assert float(best["rmse_sd"]) == pytest.approx(wanted.sd)
    assert float(best["gain"]) == pytest.approx(0.5)
    assert [row["repeats"] for row in rows if row["title"] == "poisson"] == ["9"]


def test_nothing_failed_while_the_page_was_made(page: str) -> None:
    assert "could not be made" not in page


@pytest.mark.parametrize(
    ("where", "name"),
    [("figures.verdicts", "repeats"), ("figures.verdicts", "said_repeats"), ("evidence.blog", "blog_post")],
)
def test_a_block_that_fails_says_why_and_costs_no_other(
    where: str, name: str, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*given: object, **named: object) -> None:
        raise MemoryError("no room for 2^64 signs")

    monkeypatch.setattr(f"lossbench.report.{where}.{name}", fails)
    found = html(compare(a_sweep()))
    assert "This could not be made: MemoryError: no room for 2^64 signs" in found
    assert found.count("<svg") >= page.count("<svg") - 6  # of a block there are at most three pictures on two tasks


def test_a_skipped_cell_has_a_line_in_the_file_and_on_the_page() -> None:
    skipped = gaining("bce", 0, 0.1)
    skipped.status, skipped.repeats, skipped.reason = type(skipped.status)("skipped"), [], "binary loss"
    found = compare([mse(), gaining("huber", 0.5, 0.1), skipped])
    assert "bce" in to_table(found)["loss"]
    assert "Left out: bce (binary loss)." in html(found)
    assert to_csv(compare([])).count("\n") == 1
    assert to_table(compare([])) == {}


# The leaderboard line by line -----------------------------------------------------------------------------------------


def lines(*records: Record, **rules: str) -> dict[str, Line]:
    """The rows of the one table, by title."""
    (contest,) = compare(records, Rules(**rules)).contests
    return {row.title: row for row in board(contest, "words", {c.title: i for i, c in enumerate(contest.ranked)}).rows}


def a_failure(title: str = "poisson", **more: Any) -> Record:
    """Nine of ten repeats are done."""
    found = gaining(title, 0.0, 0.1, **more)
    found.status = found.repeats[3].status = Status.DIVERGED
    found.repeats[3].metrics = {}
    return found


def test_a_row_holds_gain_wins_and_time_against_the_baseline() -> None:
    """By hand: of the gains .15 + .1 z one lies below 0, so nine are won; 2 ms is twice the baseline's step."""
    found = lines(mse(step=1e-3), gaining("huber", 0.15, 0.1, step=2e-3), regression("same", BASE, step=1e-3))
    row = found["huber"]
    assert (row.gain, row.record, row.improvement, row.time) == ("+0.15", "9·0·1", "90 %", "2.00 ×")
    assert (row.verdict, row.mood, row.failed, row.failed_any) == ("better, maybe small", "better", "0/10", False)
    assert (found["same"].record, found["same"].improvement) == ("0·10·0", "50 %")
    assert (found["mse"].gain, found["mse"].record, found["mse"].note) == ("", "", "baseline")


def test_what_stands_behind_a_mean_is_the_standard_deviation_over_repeats() -> None:
    row = lines(mse(), gaining("huber", 0.5, 0.1))["mse"]
    assert (row.mean, row.sd) == (f"{BASE.mean():.2f}", f"{BASE.std(ddof=1):.2f}")


def test_rows_that_are_not_judged_say_what_they_are() -> None:
    control, reference = (
        gaining("mse_again", 0.0, 0.1, role="control"),
        regression("trivial", 5 * BASE, role="reference"),
    )
    found = lines(mse(role="baseline"), gaining("huber", 0.5, 0.1), a_failure(), control, reference)
    told = {title: (row.kind, row.note) for title, row in found.items()}
    assert told["mse"] == ("baseline", "baseline, added")
    assert (told["mse_again"], told["trivial"]) == (("control", "control"), ("reference", "reference"))
    failed = found["poisson"]
    assert (failed.tier, failed.verdict, failed.icon, failed.mood) == ("✕", "set apart", "✕", "worse")
    assert (failed.failed, failed.failed_any, failed.why) == ("1/10", True, "diverged: 1 of 10 repeats")
    assert found["trivial"].failed == ""


def test_where_there_is_no_verdict_no_row_shows_one() -> None:
    smoke = {"name": "smoke"}
    found = lines(mse(protocol=smoke), gaining("huber", 0.5, 0.1, protocol=smoke))
    assert found["huber"].gain == "+0.50"
    assert {(row.verdict, row.icon, row.mood) for row in found.values()} == {("", "", "neutral")}


def test_the_caption_says_which_way_is_better() -> None:
    p, target = np.random.default_rng(0).uniform(0.1, 0.9, (10, 60)), np.resize([0.0, 1.0], 60)
    one, two = compare([mse(), gaining("huber", 0.5, 0.1), binary("bce", p, target)]).contests
    assert "RMSE, lower is better" in board(one, "", {}).caption
    assert "Within the grey band, up to 0.10, losses are the same in practice" in board(one, "", {}).caption
    assert "ROC-AUC, higher is better" in board(two, "", {}).caption


def test_intervals_are_drawn_to_scale() -> None:
    """By hand: 92 of 100 pixels are the furthest end, .5 + 2.262 · .1 / √10 = .5715; the band reaches .1 both ways."""
    (contest,) = compare([mse(), gaining("huber", 0.5, 0.1)]).contests
    drawn = board(contest, "", {})
    pixels = 92 / (0.5 + stats.t.ppf(0.975, 9) * 0.1 / np.sqrt(10))
    assert drawn.zero == 100
    assert drawn.band == pytest.approx((100 - 0.1 * pixels, 0.2 * pixels), abs=0.11)
    forest = next(row.forest for row in drawn.rows if row.title == "huber")
    assert forest is not None
    assert (forest.mean, forest.beyond) == (pytest.approx(100 + 0.5 * pixels, abs=0.06), 0)
    assert forest.narrow == pytest.approx((200 - 8 - 2 * 0.07153 * pixels, 200 - 8), abs=0.06)


def test_a_loss_far_off_points_out_of_the_picture_and_leaves_room_for_the_others() -> None:
    """By hand: of the furthest ends .57, .67 and 50.07 the middle one thrice is as far as the picture goes."""
    near = gaining("huber", 0.5, 0.1), gaining("mae", 0.6, -0.1)
    for mean, side in ((-50.0, -1), (9.0, 1)):
        found = lines(mse(), *near, gaining("far", mean, 0.1))
        far, close = found["far"].forest, found["huber"].forest
        assert far is not None
        assert close is not None
        assert (far.beyond, close.beyond) == (side, 0)
        assert close.mean == pytest.approx(100 + 92 * 0.5 / (3 * 0.6715), abs=0.1)


def test_the_thin_line_is_the_interval_for_new_rows() -> None:
    (contest,) = compare([mse(uneven=noisy(0)), gaining("huber", 0.5, 0.1, uneven=noisy(1))]).contests
    difference = contest.find("huber").difference
    assert difference is not None
    assert difference.new_rows is not None
    forest = next(row.forest for row in board(contest, "", {}).rows if row.title == "huber")
    assert forest is not None
    assert forest.wide is not None
    slope = (forest.narrow[1] - forest.narrow[0]) / np.diff(difference.test.interval())[0]
    low, high = difference.new_rows.interval()
    assert high - low > 1.1 * np.diff(difference.test.interval())[0]
    shown = slope * (min(high, (192 - 100) / slope) - max(low, (8 - 100) / slope))
    assert forest.wide[1] - forest.wide[0] == pytest.approx(shown, abs=0.5)


def test_losses_over_tasks_are_ranked_and_counted_as_by_hand() -> None:
    """Huber gains 5 margins on five tasks; mae is .1 ahead of mse on one, loses 5 on four: (.1 − 20) / 5 = −3.98."""
    records = []
    for data in "abcde":
        records += [mse(data=data), gaining("huber", 0.5, 0.1, data=data)]
        records += [gaining("mae", 0.01 if data == "a" else -0.5, 0.1, data=data)]
    across = compare(records).across
    assert across is not None
    found = across_table(across)
    assert found.rows == (
        ("huber", "1.00", "+5.00", "0.00", "5·0·0"),
        ("mse", "2.20", "+0.00", "5.00", "0·5·0"),
        ("mae", "2.80", "−3.98", "8.98", "0·1·4"),
    )
    assert "Taking the loss that is best on the other tasks gives up 0.0 margins per task on average" in found.words
    assert "(Nemenyi)" in found.words
    # five tasks that all agree have p = 2/2⁵ = .0625 at best, three times that after Holm
    assert "after Holm over 3 pairs, separates no two losses; with 5 tasks no p could be below 0.19" in found.words


def test_pairs_that_wilcoxon_tells_apart_over_tasks_are_named() -> None:
    """Eight tasks that agree: p = 2/2⁸ = .0078."""
    records = []
    for place, data in enumerate("abcdefgh"):
        records += [mse(data=data), gaining("huber", 0.5 + place / 100, 0.1, data=data)]
    across = compare(records).across
    assert across is not None
    assert "Wilcoxon's signed-rank test, one pair, separates huber and mse (p = .0078)." in across_table(across).words


def test_over_tasks_the_worst_regret_is_told_beside_the_mean() -> None:
    """By hand: huber is best on a and b, mae on c; who takes huber on c loses .4 less −.5, nine margins."""
    records = []
    for data, gain in (("a", 0.5), ("b", 0.5), ("c", -0.5)):
        records += [mse(data=data), gaining("huber", gain, 0.1, data=data)]
        records += [gaining("mae", 0.4, -0.1, data=data)]
    across = compare(records).across
    assert across is not None
    assert across.regret is not None
    worst = f"gives up {across.regret.mean():.1f} margins per task on average, {across.regret.max():.1f} at worst."
    assert across.regret.max() == pytest.approx(9)
    assert worst in across_table(across).words


# All the other tables -------------------------------------------------------------------------------------------------


def uneven() -> list[Record]:
    """A loss, its control and a reference whose intervals for new rows are wider than for this test part."""
    times = {"mse": 1e-3, "huber": 2e-3}
    records = [
        mse(uneven=noisy(0), step=times["mse"]),
        gaining("huber", 3.0, 0.1, uneven=noisy(1), step=times["huber"]),
    ]
    records += [gaining("mse_again", -2.0, 0.1, role="control"), regression("trivial", 5 * BASE, role="reference")]
    return [*records, gaining("mae", 0.1, 0.4, uneven=noisy(2)), a_failure(reason="the loss became NaN")]


def gains_of(records: list[Record], title: str) -> tuple[float, float, float]:
    """Mean and 95 % interval of the paired gains, by scipy."""
    one, base = (next(np.array(r.values("rmse")) for r in records if r.title == name) for name in (title, "mse"))
    found = stats.ttest_rel(base, one).confidence_interval(0.95)
    return float((base - one).mean()), float(found.low), float(found.high)


def test_each_column_of_the_file_holds_what_its_name_says() -> None:
    records = uneven()
    found = compare(records)
    rows = {row["title"]: row for row in csv.DictReader(io.StringIO(to_csv(found)))}
    row, difference = rows["huber"], found.contests[0].find("huber").difference
    assert difference is not None
    assert difference.new_rows is not None
    assert [float(row[name]) for name in ("gain", "gain_low", "gain_high")] == pytest.approx(gains_of(records, "huber"))
    wide = [float(row[name]) for name in ("rows_low", "rows_high")]
    assert wide == pytest.approx(difference.new_rows.interval())
    assert wide[1] - wide[0] > float(row["gain_high"]) - float(row["gain_low"])
    assert float(row["p"]) == difference.p < difference.p_holm == float(row["p_holm"])
    assert (float(row["seconds"]), float(row["step_seconds"])) == (0.2, 0.002)
    for title, record in ((r.title, r) for r in records):
        for name in record.directions:
            values = record.values(name)
            wanted = (statistics.fmean(values), statistics.stdev(values))
            assert (float(rows[title][f"{name}_mean"]), float(rows[title][f"{name}_sd"])) == pytest.approx(wanted)
    assert (rows["poisson"]["status"], rows["poisson"]["reason"], rows["poisson"]["repeats"]) == (
        *("diverged", "the loss became NaN"),
        "9",
    )
    assert {rows[title]["role"] for title in ("mse_again", "trivial")} == {"control", "reference"}


def test_where_there_is_no_verdict_no_file_has_one() -> None:
    smoke = {"name": "smoke"}
    found = compare([mse(protocol=smoke), gaining("huber", 0.5, 0.1, protocol=smoke)])
    assert {row["verdict"] for row in csv.DictReader(io.StringIO(to_csv(found)))} == {""}
    (contest,) = to_json(found, answer(found))["contests"]
    assert {pair["verdict"] for pair in contest["pairs"]} == {None}
    assert "better" not in to_markdown(found, None)
    assert "better" not in to_latex(found)
    (table,) = [panel.table for panel in numbers(found).panels if panel.title.startswith("Every pair")]
    assert table is not None
    assert [row[-1] for row in table.rows] == [""]
    shown = view(found, answer(found), {})
    assert not any(name.startswith("lossbench.verdict/") for name in shown.tags)
    assert not any(name.startswith("rank/") for name in shown.metrics)


def test_the_json_holds_each_pair_once_with_both_intervals() -> None:
    records = uneven()
    found = compare(records)
    (contest,) = to_json(found, answer(found))["contests"]
    assert [(pair["one"], pair["other"]) for pair in contest["pairs"]] == [
        ("huber", "mae"),
        ("huber", "mse"),
        ("mae", "mse"),
    ]
    pair = contest["pairs"][1]
    assert (pair["test"]["mean"], pair["test"]["low"], pair["test"]["high"]) == pytest.approx(
        gains_of(records, "huber")
    )
    assert pair["rows"]["high"] - pair["rows"]["low"] > pair["test"]["high"] - pair["test"]["low"]
    assert pair["gains"] == pytest.approx(np.array(records[0].values("rmse")) - records[1].values("rmse"))
    difference = found.contests[0].differences["mae", "mse"]
    assert difference.repeats_needed != difference.rows_needed
    assert [contest["pairs"][2][name] for name in ("repeats_needed", "rows_needed")] == [
        difference.repeats_needed,
        difference.rows_needed,
    ]


def test_every_failure_is_listed_with_its_repeats_and_reason() -> None:
    found = compare([mse(), gaining("huber", 0.5, 0.1), a_failure(reason="NaN"), a_failure("gamma", reason="inf")])
    told = to_json(found, answer(found))["failures"]
    assert [(f["loss"], f["status"], f["reason"], f["repeats"]) for f in told] == [
        ("poisson", "diverged", "NaN", [3]),
        ("gamma", "diverged", "inf", [3]),
    ]
    (panel,) = failed(found).panels
    assert panel.table is not None
    assert [row[:5] for row in panel.table.rows] == [
        ("poisson", "regression on houses", "diverged", "3", "NaN"),
        ("gamma", "regression on houses", "diverged", "3", "inf"),
    ]
    assert view(found, answer(found), {}).metrics["failed"] == 2


def test_the_json_over_tasks_holds_scipys_friedman() -> None:
    records, means = [], {"a": (0.3, 0.2), "b": (0.3, -0.5), "c": (-0.4, 0.5), "d": (0.7, 0.3), "e": (0.6, 0.1)}
    for data, (one, two) in means.items():
        records += [mse(data=data), gaining("huber", one, 0.1, data=data), gaining("mae", two, -0.1, data=data)]
    found = compare(records)
    told = to_json(found, answer(found))["across"]
    table = np.array(
        [[{"mse": 0.0, "huber": h, "mae": m}[title] for title in told["losses"]] for h, m in means.values()]
    )
    chi2 = stats.friedmanchisquare(*table.T).statistic
    assert told["friedman"] == pytest.approx(chi2)
    assert told["iman_davenport"] == pytest.approx(4 * chi2 / (5 * 2 - chi2))
    assert told["mean_ranks"] == pytest.approx(list(stats.rankdata(-table, axis=1).mean(0)))
    places = {title: place for place, title in enumerate(told["losses"])}
    assert len(told["wilcoxon"]) == 3
    for pair in told["wilcoxon"]:
        one, two = (table[:, places[title]] for title in pair["losses"])
        assert pair["p"] == pytest.approx(stats.wilcoxon(one, two).pvalue)
        assert pair["p"] <= pair["holm"] <= min(1, 3 * pair["p"])


def test_all_numbers_are_there_with_their_spread() -> None:
    """Means and standard deviations by the statistics module, gains and intervals by scipy."""
    records = uneven()
    found = compare(records)
    every, pairs = (panel.table for panel in numbers(found).panels)
    assert every is not None
    assert pairs is not None
    best_first = sorted(records[:2] + records[4:5], key=lambda record: statistics.fmean(record.values("rmse")))
    assert [record.title for record in best_first] == ["huber", "mse", "mae"]
    assert [row[0] for row in every.rows] == ["huber", "mse", "mae", "poisson", "mse_again", "trivial"]
    values = records[1].values("rmse")
    wanted = f"{statistics.fmean(values):.5g} ± {statistics.stdev(values):.3g}"
    assert dict(zip(every.head, every.rows[0], strict=True))["RMSE"] == wanted
    assert [row[0] for row in pairs.rows] == ["huber − mse", "huber − mae", "mse − mae"]
    difference = found.contests[0].differences["huber", "mse"]
    assert difference.new_rows is not None
    row = dict(zip(pairs.head, pairs.rows[0], strict=True))
    mean, low, high = gains_of(records, "huber")
    signed = {"gain": f"{mean:+.2f}", "this test part": f"{low:+.2f} to {high:+.2f}"}
    signed["new rows"] = " to ".join(f"{bound:+.2f}" for bound in difference.new_rows.interval())
    assert signed["this test part"] != signed["new rows"]
    assert {name: row[name].replace("−", "-") for name in signed} == signed
    assert row["P(better)"] == "100 %"
    assert row["verdict"] == "better"


def test_the_three_ps_of_a_pair_stand_under_their_names() -> None:
    """By scipy; Holm takes the smallest of three p thrice, and the next one twice."""
    records = [mse(), gaining("huber", 0.1, 0.2), gaining("mae", 0.12, -0.2)]
    (table,) = [panel.table for panel in numbers(compare(records)).panels if panel.title.startswith("Every pair")]
    assert table is not None
    rows = {row[0]: dict(zip(table.head, row, strict=True)) for row in table.rows}
    gains = {
        title: np.array(records[0].values("rmse")) - r.values("rmse")
        for title, r in zip(("huber", "mae"), records[1:], strict=True)
    }
    for title, times in (("mae", 3), ("huber", 2)):
        found, p = rows[f"{title} − mse"], stats.ttest_1samp(gains[title], 0).pvalue
        exact = stats.permutation_test((gains[title],), np.mean, permutation_type="samples", n_resamples=np.inf).pvalue
        wanted = [f"{value:.2g}".removeprefix("0") for value in (p, times * p, exact)]
        assert [
            found[name] for name in ("p", "Holm p, all pairs", "sign-flip p (these rows, this test part)")
        ] == wanted
        assert len(set(wanted)) == 3


def test_markdown_shows_the_interval_that_judges() -> None:
    records = uneven()
    for scope in ("test", "rows"):
        found = compare(records, Rules(scope=Scope.of(scope)))
        difference = found.contests[0].find("huber").difference
        assert difference is not None
        assert difference.new_rows is not None
        low, high = gains_of(records, "huber")[1:] if scope == "test" else difference.new_rows.interval()
        row = next(line for line in to_markdown(found, None).splitlines() if "| huber |" in line)
        assert f"({low:+.2f} to {high:+.2f})".replace("-", "−") in row
        assert f"± {np.std(records[1].values('rmse'), ddof=1):.2f} |" in row


def test_latex_signs_that_open_something_else_are_spelled_out() -> None:
    row = to_latex(compare([mse(), gaining("a^b~c\\d", 0.5, 0.1)]))
    assert "a\\textasciicircum{}b\\textasciitilde{}c\\textbackslash{}d" in row


def test_an_effect_without_spread_is_no_number_in_json() -> None:
    """A gain that is the same in every repeat has no finite d_z; JSON has no infinity."""
    exact = [regression("mse", np.full(10, 2.0)), regression("huber", np.full(10, 1.0))]
    found = compare(exact)
    assert not np.isfinite(found.contests[0].differences["huber", "mse"].effect)
    (pair,) = to_json(found, answer(found))["contests"][0]["pairs"]
    assert pair["d_z"] is None
    assert "∞" in [cell for panel in numbers(found).panels if panel.table for row in panel.table.rows for cell in row]


def test_the_method_says_which_interval_judged_and_how_to_do_it_again() -> None:
    records = [with_evidence(mse()), with_evidence(gaining("huber", 0.5, 0.1), 1)]
    for scope, said in (
        ("test", "trained on these rows, on this test part (report.scope=test)."),
        ("rows", "trained on these rows, for new rows like the test part (report.scope=rows)."),
    ):
        told, again = method(compare(records, Rules(scope=Scope.of(scope)))).panels
        assert f"Verdicts use the 95 % interval {said}" in told.lines
        assert f"commit    {'a' * 40}" in again.code
        assert again.code.splitlines()[0] == "lossbench +loss=mse -m"
        assert "versions  python 3.11" in again.code
        assert "data      houses houses" in again.code


# What a tracker shows -------------------------------------------------------------------------------------------------


def test_a_tracker_gets_every_gain_with_its_interval_and_a_verdict() -> None:
    records = uneven()
    found = compare(records, Rules(scope=Scope.TEST))
    shown = view(found, answer(found), {})
    names = ("delta/huber", "delta_lo/huber", "delta_hi/huber")
    assert tuple(shown.metrics[name] for name in names) == pytest.approx(gains_of(records, "huber"))
    ranks = {"rank/huber": 1, "rank/mse": 2, "rank/mae": 3}
    assert {name: value for name, value in shown.metrics.items() if name.startswith("rank/")} == ranks
    assert shown.tags["lossbench.verdict/huber"] == "better"
    assert shown.tags["lossbench.verdict/poisson"] == "set apart: diverged: 1 of 10 repeats"
    assert shown.tags["lossbench.pick/houses"] == "huber"
    pairs = shown.tables["pairs.json"]
    at = list(zip(pairs["one"], pairs["other"], strict=True)).index(("huber", "mse"))
    low, high = pairs["test_low"][at], pairs["test_high"][at]
    assert (pairs["gain"][at], low, high) == pytest.approx(gains_of(records, "huber"))
    assert pairs["rows_low"][at] < low < high < pairs["rows_high"][at]


def test_of_several_tasks_each_has_names_of_its_own() -> None:
    records = []
    for data, mean in (("a", 0.5), ("b", -0.5)):
        records += [mse(data=data), gaining("huber", mean, 0.1, data=data)]
    found = compare(records)
    shown = view(found, answer(found), {})
    assert shown.metrics["delta/a/huber"] == pytest.approx(0.5)
    assert shown.metrics["delta/b/huber"] == pytest.approx(-0.5)
    assert (shown.tags["lossbench.verdict/a/huber"], shown.tags["lossbench.verdict/b/huber"]) == ("better", "worse")


def test_names_for_a_tracker_have_only_signs_that_it_takes() -> None:
    """By hand: letters, digits, `_`, `.` and `-` stay, all else is one `_`."""
    assert slug("huber(delta=0.5)") == "huber_delta_0.5"
    assert (slug("größe α"), slug("αβ"), slug("<>")) == ("gr_e", "loss", "loss")


def test_a_long_description_is_cut_between_lines() -> None:
    """MLflow keeps 8,000 characters."""
    records = [mse(), *(gaining(f"{'a long name ' * 6}{n}", 0.5, 0.1) for n in range(90))]
    found = compare(records)
    shown = view(found, answer(found), {}).description
    assert len(shown) <= 8000
    *kept, empty, last = shown.splitlines()
    assert (empty, last) == ("", "… the rest is in report.md")
    assert set(kept) <= set(to_markdown(found, answer(found)).splitlines())


# Blocks, and the page around them -------------------------------------------------------------------------------------


def test_of_a_large_sweep_two_tasks_are_pictured_and_the_others_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two losses on 31 tasks are 62 cells, two more than are few."""
    records = [made(data=f"data {n}") for n in range(31) for made in (mse, partial(gaining, "huber", 0.5, 0.1))]

    def pictured(records: list[Record], **more: bool) -> tuple[set[str], tuple[str, ...]]:
        block = sections(compare(records), **more)[0]
        return {panel.group for panel in block.panels} - {"Over tasks"}, block.paragraphs

    few, said = pictured(records)
    assert few == {"regression on data 0", "regression on data 1"}
    assert "Only the first 2 tasks have figures here" in said[0]
    assert "draws the other 29" in said[0]
    assert pictured(records[:60]) == ({f"regression on data {n}" for n in range(30)}, ())
    every, said = pictured(records, everything=True)
    assert (len(every), said) == (31, ())
    asked: list[dict[str, bool]] = []
    monkeypatch.setattr(report, "pictures_of", lambda comparison, **more: asked.append(more) or [])
    assert report.write_figures(compare(records[:2]), tmp_path) == []
    assert asked == [{"everything": True}]


def test_blocks_come_in_their_order_and_show_nothing_where_there_is_nothing() -> None:
    alone, two = with_evidence(mse()), [with_evidence(mse()), with_evidence(gaining("huber", 0.5, 0.1), 1)]
    found = {section.id: section for section in sections(compare(two))}
    assert list(found) == [
        *("real", "threshold", "blog", "training", "calibration"),
        *("shapes", "tags", "failed", "method", "numbers"),
    ]
    assert "P(better): row against column" not in [panel.title for panel in found["real"].panels]
    three = {s.id: s for s in sections(compare([*two, with_evidence(gaining("mae", 0.1, 0.4), 2)]))}
    assert "P(better): row against column" in [panel.title for panel in three["real"].panels]
    assert found["blog"].panels
    once = {"trials": 1}
    single = [with_evidence(mse(protocol=once)), with_evidence(gaining("huber", 0.5, 0.1, protocol=once), 1)]
    assert not {s.id: s for s in sections(compare(single))}["blog"].panels
    assert not sections(compare([alone]))[0].panels
    failing = {s.id: s for s in sections(compare([*two, a_failure()]))}
    assert (len(failing["failed"].panels), len(found["failed"].panels)) == (1, 0)


def test_calibration_in_numbers_begins_with_what_scikit_learn_says() -> None:
    draw, target = np.random.default_rng(0), np.resize([0.0, 1.0], 60)
    p = np.clip(0.5 + 0.4 * (target - 0.5) + 0.2 * draw.normal(size=(10, 60)), 0.02, 0.98)
    found = {s.id: s for s in sections(compare([binary("bce", p, target), binary("focal", p, target)]))}
    (table,) = [panel.table for panel in found["calibration"].panels if panel.table]
    row = dict(zip(table.head, table.rows[0], strict=True))
    log_loss = np.mean([sk.log_loss(target, values) for values in p])
    brier = np.mean([sk.brier_score_loss(target, values) for values in p])
    assert row["log loss"].startswith(f"{log_loss:.3f} → ")
    assert row["Brier score"].startswith(f"{brier:.3f} → ")


def test_residuals_in_numbers_stand_under_their_names() -> None:
    """Ten repeats in which each row is off by the repeat's own error: half of them by the median error or more."""
    found = {s.id: s for s in sections(compare([mse(), gaining("huber", 0.5, 0.1)]))}
    (table,) = [panel.table for panel in found["calibration"].panels if panel.table]
    row = next(dict(zip(table.head, row, strict=True)) for row in table.rows if row[0] == "mse")
    assert row["|residual|, 50 %"] == f"{np.median(BASE):.2f}"
    assert row["worst 1 %"].endswith(" %")
    assert row["worst 5 %"].endswith(" %")


def test_panels_keep_their_order_under_the_names_of_their_groups() -> None:
    panels = [Panel("one", group="z"), Panel("two", group="a"), Panel("three", group="a")]
    groups = Section("id", "short", "title", panels=panels).groups
    assert [(name, [panel.title for panel in found]) for name, found in groups] == [
        ("z", ["one"]),
        ("a", ["two", "three"]),
    ]


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """The page of records without its pictures."""

    def made(*records: Record, panels: Sequence[Panel] = ()) -> str:
        monkeypatch.setattr(report, "sections", lambda comparison: [Section("id", "short", "title", panels=panels)])
        return html(compare(records))

    return made


def cells_of(page: str, title: str) -> list[str]:
    """The cells of a loss's row, as they are in the page."""
    rows = re.findall(r"<tr class=.*?</tr>", page, re.DOTALL)
    (row,) = [row for row in rows if f"</span>{title}" in row]
    return re.findall(r"<t[dh].*?</t[dh]>", row, re.DOTALL)


def test_facts_count_what_was_trained_and_what_was_not(plain: Callable[..., str]) -> None:
    """By hand: three losses of 10 repeats of 2 trials are 60 trainings; the reference row is none."""
    records = [with_evidence(r) for r in (mse(), gaining("huber", 0.5, 0.1), a_failure())]
    records[1].provenance.ended = "2026-02-03T04:05:06+00:00"
    page = plain(*records, regression("trivial", 5 * BASE, role="reference"))
    (facts,) = re.findall(r'<p class="facts">(.*?)</p>', page, re.DOTALL)
    assert re.findall(r"<span(.*?)>(.*?)</span>", facts) == [
        ("", "3 losses × 1 task"),
        ("", "60 trainings"),
        (' class="bad"', "1 of 3 cells without all their repeats"),
        ("", "protocol standard"),
        ("", "2026-02-03 04:05"),
        ("", "commit aaaaaaa"),
    ]
    assert "without all their repeats" not in plain(*records[:2])


def test_an_invalid_sweep_has_a_banner_and_others_have_none(plain: Callable[..., str]) -> None:
    records = [mse(), gaining("huber", 0.9, 0.1)]
    banner = "This sweep is invalid."
    assert banner in plain(*records, gaining("mse_again", 0.5, 0.1, role="control"))
    assert banner not in plain(*records, gaining("mse_again", 0.0, 0.1, role="control"))


def test_a_row_of_the_page_sorts_by_numbers_and_shows_each_under_its_head(plain: Callable[..., str]) -> None:
    """By hand: nine of the gains .15 + .1 z are won, one is lost."""
    page = plain(mse(), gaining("huber", 0.15, 0.1), gaining("mae", 0.1, 0.4), a_failure())
    heads = [re.sub("<.*?>", "", head) for head in re.findall(r"<th scope=\"col\".*?</th>", page)][:10]
    row = dict(zip(heads, cells_of(page, "huber"), strict=True))
    assert row["tier"] == '<td class="tier" data-value="0">A</td>'
    assert float(re.findall(r'data-value="(.*?)">\+0.15<', row["gain"])[0]) == pytest.approx(0.15)
    assert (row["P(better)"], row["W·T·L"]) == ('<td class="n">90 %</td>', '<td class="n">9·0·1</td>')
    assert row["failed"] == '<td class="n">0/10</td>'
    assert dict(zip(heads, cells_of(page, "poisson"), strict=True))["failed"] == '<td class="n bad">1/10</td>'
    why = dict(zip(heads, cells_of(page, "mae"), strict=True))["verdict"]
    assert "can't tell" in unescape(why)
    assert "This run can detect differences of 0." in why
    assert " settle it" in why


def test_a_mean_outside_of_the_picture_has_an_arrow_that_points_to_it(plain: Callable[..., str]) -> None:
    near = mse(), gaining("huber", 0.5, 0.1), gaining("mae", 0.6, -0.1)
    for mean, arrow, side in ((-50.0, "◀", "start"), (9.0, "▶", "end")):
        page = plain(*near, gaining("far", mean, 0.1))
        forest = cells_of(page, "far")[3]
        assert f'text-anchor="{side}">{arrow}<' in forest
        assert "<circle" not in forest
        assert "<circle" in cells_of(page, "huber")[3]


def test_the_thick_line_of_the_page_is_the_narrow_interval(plain: Callable[..., str]) -> None:
    records = [mse(uneven=noisy(0)), gaining("huber", 3.0, 0.1, uneven=noisy(1))]
    forest = cells_of(plain(*records), "huber")[3]
    wide, narrow = (
        float(right) - float(left)
        for name in ("wide", "narrow")
        for left, right in re.findall(rf'ci {name} \w+" x1="(.*?)" x2="(.*?)"', forest)
    )
    assert wide > narrow > 0


def test_every_limit_stands_on_the_page_and_code_is_text(plain: Callable[..., str]) -> None:
    records = [mse(), gaining("huber", 0.5, 0.1)]
    page = plain(*records, panels=[Panel("Again", code="lossbench +loss=<b>")])
    text = unescape(re.sub(r"<.*?>", " ", page))
    limits = answer(compare(records)).limits
    assert len(limits) == 3
    assert all(limit in text for limit in limits)
    assert '<pre tabindex="0">lossbench +loss=&lt;b&gt;</pre>' in page


# The same for the same records ----------------------------------------------------------------------------------------

MAKING = """
import hashlib
from pathlib import Path
from lossbench.verdicts.judging import compare
from lossbench.report.page import html
from tests.report.test_report import a_sweep, EVIL
print(hashlib.sha256(html(compare(a_sweep(), name=f"sweep {EVIL}")).encode()).hexdigest())
"""


def test_a_frame_has_numbers_or_nan_and_words_or_nothing(comparison: Comparison) -> None:
    """The lines of leaderboard.csv, by the standard library's reader: "" is NaN among numbers and stays among words."""
    frame, rows = ShownComparison.of(comparison).to_pandas(), list(csv.DictReader(io.StringIO(to_csv(comparison))))
    assert len(frame) == len(rows)
    for place, row in enumerate(rows):
        for name, text in row.items():
            found = frame[name].iloc[place]
            if frame[name].dtype.kind in "fi":
                assert np.isnan(found) if text == "" else found == pytest.approx(float(text)), name
            else:
                assert found == text, name
    assert {"reason", "tier", "verdict", "variant"}.isdisjoint(frame.select_dtypes("number").columns)
    assert {"gain", "p_holm", "repeats", "rmse_mean"} <= set(frame.select_dtypes("number").columns)


@pytest.mark.long
def test_the_page_is_the_same_to_the_last_byte(page: str, comparison: Comparison) -> None:
    wanted = hashlib.sha256(page.encode()).hexdigest()
    assert hashlib.sha256(html(comparison).encode()).hexdigest() == wanted
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "TZ": "Asia/Tokyo"}
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", MAKING], cwd=root, env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == wanted, done.stderr[-2000:]


@pytest.mark.long
def test_a_tracker_gets_the_pictures_of_the_page_which_are_drawn_once(comparison: Comparison, tmp_path: Path) -> None:
    blocks, drawn = sections(comparison), []

    def counted(picture: Picture) -> Picture:
        def draw() -> Figure | None:
            drawn.append(picture.name)
            return picture.draw()

        return replace(picture, draw=draw)

    blocks = [
        replace(b, panels=[replace(p, picture=counted(p.picture)) if p.picture else p for p in b.panels])
        for b in blocks
    ]
    page = write(comparison, tmp_path, blocks)[0].read_text("utf-8")
    found = report.pictures(blocks)
    assert page == html(comparison)
    assert found == {f"{name}.png": saved(figure, "png", dpi=110) for name, figure in pictures_of(comparison)}
    assert len(found) > 10
    assert len(drawn) == len(set(drawn))


@pytest.mark.long
def test_figures_for_papers_are_the_same_to_the_last_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = compare([with_evidence(mse()), with_evidence(gaining("huber", 0.5, 0.1), 1)])
    monkeypatch.setattr(report, "pictures_of", lambda comparison, **more: islice(pictures_of(comparison, **more), 2))
    one, two = (report.write_figures(found, tmp_path / name) for name in "ab")
    assert [path.name for path in one] == [path.name for path in two]
    assert [path.suffix for path in one] == [".pdf", ".svg"] * 2
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(one, two, strict=True))


# Colours --------------------------------------------------------------------------------------------------------------


def palettes() -> dict[str, dict[str, str]]:
    """The variables of the light and of the dark page."""
    style = Environment(loader=PackageLoader("lossbench.report"), autoescape=True).get_template("report.css.j2")
    text = style.render()
    light = text[text.index(":root {") : text.index("@media (prefers-color-scheme: dark)")]
    dark = text[text.index(':root[data-theme="dark"]') : text.index("* { box-sizing")]
    return {
        name: dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", part))
        for name, part in (("light", light), ("dark", dark))
    }


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


TEXT_ON = [
    *product(("ink", "muted"), ("page", "panel", "band")),
    *product(("better", "worse", "neutral"), ("panel",)),
    *((name, f"{name}-soft") for name in ("better", "worse", "neutral")),
    *product((f"series-{i}" for i in range(10)), ("panel",)),
]


def test_the_contrast_formula_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # the best-known near miss


@pytest.mark.parametrize("name", ["light", "dark"])
def test_text_stands_out_from_what_lies_under_it(name: str) -> None:
    palette = palettes()[name]
    assert len(palette) == 22
    low = {pair: contrast(palette[pair[0]], palette[pair[1]]) for pair in TEXT_ON}
    assert {pair: round(ratio, 2) for pair, ratio in low.items() if ratio < 4.5} == {}


# Size, and what it takes ----------------------------------------------------------------------------------------------


@pytest.mark.long
def test_ten_losses_on_five_tasks_fit_into_1200_kilobytes() -> None:
    draw = np.random.default_rng(0)
    records = []
    for task in range(5):
        for loss in range(10):
            errors = BASE + 0.3 * draw.normal() + 0.2 * draw.normal(size=10)
            title = "mse" if loss == 0 else f"huber(delta={loss}.5)"
            made = regression(title, errors, data=f"data {task}", uneven=draw.uniform(0.5, 1.5, (10, 100)), rows=100)
            for repeat in made.repeats:
                repeat.trials = [
                    replace(repeat.trials[0], learning_rate=float(10**rate), value=float(draw.uniform(9, 12)))
                    for rate in draw.uniform(-4, 0, 16)
                ]
            records.append(with_evidence(made, 10 * task + loss, epochs=60))
    found = html(compare(records, name="large"))
    assert len(found.encode()) <= 1_200_000


REPORTING = """
import sys
from lossbench.__main__ import main
assert main(["report", "one", "results=."]) == 0
print(sorted({"torch", "pytorch_lightning", "sklearn", "mlflow", "hydra", "pandas"} & set(sys.modules)))
"""


@pytest.mark.long
def test_a_report_is_made_without_torch(tmp_path: Path) -> None:
    for record in [*a_sweep()[:2], mse(data="other")]:
        record.save(tmp_path / "one" / f"{record.contest}-{record.title.strip('<>/')[:6]}")
    done = subprocess.run([sys.executable, "-c", REPORTING], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == "[]"
    assert all((tmp_path / "one" / name).exists() for name in FILES)
