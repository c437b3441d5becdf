"""Signs that mean one thing each: every ± is a standard deviation, and repeats are won, tied and lost by one count.

The values behind them are numpy's own, from the metrics of the records.
"""

from __future__ import annotations

import io
import re

import numpy as np
from rich.console import Console

from lossbench.cli.tables import show_contest
from lossbench.records.record import Record
from lossbench.report.board import board
from lossbench.report.closing import numbers
from lossbench.report.figures.verdicts import said_pairs, said_repeats
from lossbench.report.page import html
from lossbench.report.tables import to_json, to_latex, to_markdown
from lossbench.verdicts.answer import answer
from lossbench.verdicts.judging import compare
from tests.verdicts.test_comparison import BASE, contest_of, mse, regression


def tying() -> list[Record]:
    """Of ten repeats seven are won by .3, one is tied but for its last bits, two are lost by .2."""
    gains = np.array([0.3] * 7 + [0.0] + [-0.2] * 2)
    errors = BASE - gains
    errors[7] = np.nextafter(BASE[7], 0)
    return [mse(), regression("huber", errors)]


def plain(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def test_every_plus_minus_in_every_place_is_the_standard_deviation_over_repeats() -> None:
    comparison = compare(tying(), name="made")
    (contest,) = comparison.contests
    out = Console(record=True, width=200, file=io.StringIO())
    show_contest(out, contest)
    told = answer(comparison)
    page = html(comparison).split("<svg")
    everywhere = {
        "terminal": out.export_text(),
        "report": plain(" ".join([page[0], *(part.partition("</svg>")[2] for part in page[1:])])),
        "markdown": to_markdown(comparison, told),
        "latex": to_latex(comparison).replace("$\\pm$", "±"),
        "table": " ".join(
            " ".join(row) for panel in numbers(comparison).panels if panel.table for row in panel.table.rows
        ),
    }
    spreads = {
        f"{np.std(values, ddof=1):.{digits}f}"
        for record in tying()
        for name in record.directions
        for values in [record.values(name)]
        for digits in range(6)
    }
    for place, text in everywhere.items():
        found = re.findall(r"± ?([0-9.]+)", text)
        assert found, place
        assert {number.rstrip(".") for number in found} <= spreads | {f"{float(s):.3g}" for s in spreads}, place


def test_won_tied_and_lost_are_the_same_wherever_repeats_are_counted() -> None:
    """By hand: 7 won, 1 tied, 2 lost; P(better) = (7 + ½) / 10."""
    comparison = compare(tying())
    (contest,) = comparison.contests
    difference = contest.find("huber").difference
    assert difference is not None
    assert (difference.outcomes, difference.improvement) == ((7, 1, 2), 0.75)
    row = next(line for line in board(contest, "", {}).rows if line.title == "huber")
    assert (row.record, row.improvement) == ("7·1·2", "75 %")
    assert "huber won 7, tied 1 and lost 2 of 10 repeats" in said_repeats(contest)
    assert "P(better) of huber against mse is 75 %" in said_pairs(contest)
    assert to_json(comparison, answer(comparison))["contests"][0]["rows"][0]["difference"]["improvement"] == 0.75


def test_last_bits_are_a_tie_to_the_test_of_signs_as_well() -> None:
    """Ten repeats that differ in their last bits alone, by hand: no difference, p of 1."""
    errors = np.nextafter(BASE, 0)
    difference = contest_of(mse(), regression("huber", errors)).find("huber").difference
    assert difference is not None
    assert difference.identical
    assert (difference.sign_flip.p, difference.outcomes) == (1.0, (0, 10, 0))


def test_a_loss_mirrored_loses_what_it_won() -> None:
    difference = contest_of(*tying()).find("huber").difference
    assert difference is not None
    assert difference.mirrored().outcomes == (2, 1, 7)
