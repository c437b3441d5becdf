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
import subprocess
import sys
from html.parser import HTMLParser
from itertools import islice, product
from pathlib import Path

import numpy as np
import pytest
from jinja2 import Environment, PackageLoader

from lossbench.record import Record
from lossbench.verdicts import report
from lossbench.verdicts.comparison import Comparison
from lossbench.verdicts.judging import compare
from lossbench.verdicts.leaderboard import Summary
from lossbench.verdicts.report import html, write
from lossbench.verdicts.sections import pictures_of
from lossbench.verdicts.tables import to_csv, to_latex, to_markdown, to_table
from tests.test_comparison import BASE, Z, binary, gaining, mse, regression

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
    record.provenance |= {"step_bytes": 4096, "command": "lossbench +loss=mse -m", "git": "a" * 40}
    record.provenance |= {"versions": {"python": "3.11"}, "ended": "2026-01-02T03:04:05+00:00"}
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
    assert told["answer"] in (tmp_path / "report.md").read_text("utf-8")
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


def test_a_skipped_cell_has_a_line_in_the_file_and_on_the_page() -> None:
    skipped = gaining("bce", 0, 0.1)
    skipped.status, skipped.repeats, skipped.reason = type(skipped.status)("skipped"), [], "binary loss"
    found = compare([mse(), gaining("huber", 0.5, 0.1), skipped])
    assert "bce" in to_table(found)["loss"]
    assert "Left out: bce (binary loss)." in html(found)
    assert to_csv(compare([])).count("\n") == 1
    assert to_table(compare([])) == {}


# The same for the same records ----------------------------------------------------------------------------------------

MAKING = """
import hashlib
from pathlib import Path
from lossbench.verdicts.judging import compare
from lossbench.verdicts.report import html
from tests.test_report import a_sweep, EVIL
print(hashlib.sha256(html(compare(a_sweep(), name=f"sweep {EVIL}")).encode()).hexdigest())
"""


def test_a_frame_has_numbers_or_nan_and_words_or_nothing(comparison: Comparison) -> None:
    """The lines of leaderboard.csv, by the standard library's reader: "" is NaN among numbers and stays among words."""
    frame, rows = comparison.to_pandas(), list(csv.DictReader(io.StringIO(to_csv(comparison))))
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


def test_the_page_is_the_same_to_the_last_byte(page: str, comparison: Comparison) -> None:
    wanted = hashlib.sha256(page.encode()).hexdigest()
    assert hashlib.sha256(html(comparison).encode()).hexdigest() == wanted
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "TZ": "Asia/Tokyo"}
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", MAKING], cwd=root, env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == wanted, done.stderr[-2000:]


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
    style = Environment(loader=PackageLoader("lossbench.verdicts"), autoescape=True).get_template("report.css.j2")
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
                    {**repeat.trials[0], "learning_rate": float(10**rate), "value": float(draw.uniform(9, 12))}
                    for rate in draw.uniform(-4, 0, 16)
                ]
            records.append(with_evidence(made, 10 * task + loss, epochs=60))
    found = html(compare(records, name="large"))
    assert len(found.encode()) <= 1_200_000


REPORTING = """
import sys
from lossbench.__main__ import main
assert main(["report", "one", "results=."]) == 0
print(sorted({"torch", "lightning", "sklearn", "mlflow", "hydra", "pandas"} & set(sys.modules)))
"""


def test_a_report_is_made_without_torch(tmp_path: Path) -> None:
    for record in [*a_sweep()[:2], mse(data="other")]:
        record.save(tmp_path / "one" / f"{record.contest}-{record.title.strip('<>/')[:6]}")
    done = subprocess.run([sys.executable, "-c", REPORTING], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == "[]"
    assert all((tmp_path / "one" / name).exists() for name in FILES)
