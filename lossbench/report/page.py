"""The report of a sweep: one HTML file that needs no network, and the same in JSON, Markdown, CSV and LaTeX.

Everything is made from the records, without torch, and is the same to the last byte for the same records.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from lossbench.metrics.catalogue import written
from lossbench.plan import Scope
from lossbench.records.quoting import visible
from lossbench.records.record import Record, write_whole
from lossbench.report.board import AcrossTable, Board, across_table, board
from lossbench.report.figures.style import saved
from lossbench.report.panels import Section, drawn
from lossbench.report.sections import pictures_of, sections
from lossbench.report.tables import to_csv, to_json, to_latex, to_markdown
from lossbench.verdicts.answer import Answer, answer
from lossbench.verdicts.comparison import Comparison
from lossbench.verdicts.words import listed, several

NAME = "report.html"


@dataclass(frozen=True)
class Fact:
    """A number about the sweep, on top."""

    text: str
    bad: bool = False


@dataclass(frozen=True)
class Page:
    """What the template shows."""

    title: str
    facts: tuple[Fact, ...]
    invalid: bool
    answer: Answer
    how_to_read: str
    boards: tuple[Board, ...]
    across: AcrossTable | None
    sections: tuple[Section, ...]
    footer: str


def write(comparison: Comparison, folder: Path, blocks: Sequence[Section] | None = None) -> list[Path]:
    """Writes report.html, report.json, report.md and leaderboard.csv, .md, .tex into a folder; their paths.

    `blocks`: the report's sections, if the caller has made them already.
    """
    told = answer(comparison)
    contents = {
        NAME: html(comparison, told, blocks),
        "report.json": json.dumps(to_json(comparison, told), ensure_ascii=False, allow_nan=False),
        "report.md": to_markdown(comparison, told),
        "leaderboard.csv": to_csv(comparison),
        "leaderboard.md": to_markdown(comparison, None),
        "leaderboard.tex": to_latex(comparison),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in contents.items():
        write_whole(folder / name, text.encode())
    return [folder / name for name in contents]


def html(comparison: Comparison, told: Answer | None = None, blocks: Sequence[Section] | None = None) -> str:
    """The page as one file."""
    environment = Environment(
        loader=PackageLoader("lossbench.report"),
        autoescape=lambda name: bool(name and ".html" in name),
        undefined=StrictUndefined,
        finalize=lambda value: visible(value) if type(value) is str else value,  # not what the template calls safe
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
        page=page(comparison, told or answer(comparison), sections(comparison) if blocks is None else blocks),
        style=environment.get_template("report.css.j2").render(),
        script=environment.get_template("report.js").render(),
    )


def pictures(blocks: Sequence[Section]) -> dict[str, bytes]:
    """The figures as PNG, by file name."""
    found = [panel.picture for section in blocks for panel in section.panels if panel.picture]
    return {f"{picture.name}.png": saved(picture.figure, "png", dpi=110) for picture in found if picture.figure}


def write_figures(comparison: Comparison, folder: Path) -> list[Path]:
    """Every figure as PDF and SVG, for papers."""
    folder.mkdir(parents=True, exist_ok=True)
    places = []
    for name, figure in pictures_of(comparison, everything=True):
        for kind in ("pdf", "svg"):
            write_whole(folder / f"{name}.{kind}", saved(figure, kind))
            places.append(folder / f"{name}.{kind}")
    return places


def page(comparison: Comparison, told: Answer, blocks: Sequence[Section]) -> Page:
    """Everything that the template shows, written out."""
    series = series_of(comparison)
    return Page(
        title=comparison.name or "comparison",
        facts=tuple(_facts(comparison)),
        invalid=comparison.invalid,
        answer=told,
        how_to_read=_how_to_read(comparison),
        boards=tuple(
            board(contest, advice.words, series)
            for contest, advice in zip(comparison.contests, told.advice, strict=True)
        ),
        across=across_table(comparison.across) if comparison.across else None,
        sections=tuple(drawn(section) for section in blocks),
        footer=_footer(comparison.records),
    )


def series_of(comparison: Comparison) -> dict[str, int]:
    """Each loss's colour index, by its first appearance in the sweep."""
    titles = dict.fromkeys(c.title for contest in comparison.contests for c in contest.contenders)
    return {title: place for place, title in enumerate(titles)}


def _facts(comparison: Comparison) -> list[Fact]:
    records = [r for r in comparison.records if r.role != "reference"]
    trained = [r for r in records if r.repeats]
    trainings = sum(len(repeat.trials) for r in trained for repeat in r.repeats)
    losses = dict.fromkeys(c.title for contest in comparison.contests for c in contest.contenders)
    failed = len(comparison.failures)
    found = [
        Fact(f"{len(losses)} loss{'es' * (len(losses) != 1)} × {several(len(comparison.contests), 'task')}"),
        Fact(several(trainings, "training")),
    ]
    if failed:
        found.append(Fact(f"{failed} of {several(len(records), 'cell')} without all their repeats", bad=True))
    protocols = dict.fromkeys(r.cell.protocol.name for r in records)
    found += [Fact(f"protocol {listed(list(protocols))}"), Fact(_ended(comparison.records))]
    commit = next((r.provenance.git[:7] for r in records if r.provenance.git), "")
    return [*found, *([Fact(f"commit {commit}")] if commit else [])]


def _ended(records: Sequence[Record]) -> str:
    moments = [r.provenance.ended for r in records if r.provenance.ended]
    return max(moments)[:16].replace("T", " ") if moments else ""


def _how_to_read(comparison: Comparison) -> str:
    scope = {
        Scope.ROWS: "verdicts are for models trained on these rows, for new rows like the test part: repeats and test "
        "examples both count as random draws",
        Scope.TRAINING_ROWS: "verdicts are for models trained on other training rows too, for new rows like the test "
        "part, approximately",
        Scope.TEST: "verdicts are for models trained on these rows, on this test part alone: only the repeats count as "
        "random draws",
    }[comparison.rules.scope]
    metrics = listed(list(dict.fromkeys(written(contest.metric) for contest in comparison.contests)))
    return (
        "Every loss tuned its own learning rate in every repeat, with the same budget; all are scored by "
        f"{metrics}, never by their own loss values. Gains are paired by repeat; {scope}. Sorted by mean; tiers, "
        "not ranks, show which losses differ."
    )


def _footer(records: Sequence[Record]) -> str:
    versions: dict[str, str] = next((r.provenance.versions for r in records if r.provenance.versions), {})
    said = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"Made by lossbench from {several(len(records), 'record')}. {said}"
