"""Tables next to the report's figures, with the same content in numbers."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from itertools import groupby

from lossbench.metrics.catalogue import written
from lossbench.plan import CostAt, LossCost
from lossbench.report.evidence import calibration
from lossbench.report.evidence.tags import TagReport
from lossbench.report.evidence.thresholds import Cut, Thresholds
from lossbench.report.panels import Panel, Table
from lossbench.verdicts.aims import NOT_CALIBRATED
from lossbench.verdicts.comparison import Contender, Contest
from lossbench.verdicts.costs import Times
from lossbench.verdicts.words import amount, several


def prices(contest: Contest) -> Iterator[Panel]:
    """What each loss alone costs relative to the cheapest of its kind: one table per kind that was measured."""
    known = [(c, c.price) for c in contest.ranked if c.price]
    for against, group in groupby(sorted(known, key=lambda one: one[1].against), lambda one: one[1].against):
        yield _prices(against, list(group))


def _prices(against: str, priced: list[tuple[Contender, LossCost]]) -> Panel:
    settings = list(dict.fromkeys(_setting(at) for _, price in priced for at in price.at))
    many = len({classes for _, classes in settings}) > 1
    largest = max(settings, key=lambda one: (-one[1], one[0]))
    unit = _seconds_of_the_cheapest(largest, priced)
    rows = []
    for contender, price in priced:
        found = {_setting(at): at for at in price.at}
        ratios = ["n/a" if one not in found else _ratio(found[one], contender.title == against) for one in settings]
        at = found.get(largest) or max(price.at, key=lambda at: (-at.classes, at.batch))
        spent = _three(at.ratio * unit * 1e9) if largest in found and unit else "n/a"
        rows.append((contender.title, *ratios, spent, _three(at.bytes), str(at.operations)))
    shown = [f"{batch:,} targets{f', {classes} classes' if many else ''}" for batch, classes in settings]
    note = (
        f"Forward and backward of a batch on one thread, relative to {against}, the cheapest built-in loss of the "
        "kind, run in turn with it; a difference within the spread counts as about the same. Nanoseconds are those of "
        f"{against} times the ratio; nanoseconds and bytes kept are per target at {largest[0]:,} targets. "
        "`lossbench cost` measures other sizes and threads."
    )
    head = ("loss", *shown, "ns per target", "bytes per target", "operations")
    return Panel("What the loss alone costs", note, table=Table(head, tuple(rows)))


def _ratio(at: CostAt, itself: bool) -> str:
    """`1.23 × (1.20 to 1.27)`, or that it is within the spread; old records have no spread, only a ratio."""
    if itself or at.low is None or at.high is None:
        return f"{at.ratio:.2f} ×"
    found = Times(at.ratio, at.low, at.high)
    return found.said if found.same else f"{found.said} ({found.spread})"


def _seconds_of_the_cheapest(setting: tuple[int, int], priced: list[tuple[Contender, LossCost]]) -> float:
    """Seconds per target of the reference loss: the median over all cells that measured it."""
    clocked = [at.seconds / at.ratio for _, price in priced for at in price.at if _setting(at) == setting]
    return statistics.median(clocked) if clocked else 0.0


def _setting(at: CostAt) -> tuple[int, int]:
    return at.batch, at.classes


def _three(x: float) -> str:
    """Three significant digits, without an exponent."""
    return f"{x:,.0f}" if x >= 100 else f"{x:.3g}"


def by_tag(report: TagReport) -> Panel:
    rows = [
        (tag, *map(_digits, report.of("f1-score")[:, place]), f"{report.support[place]:.0f}")
        for place, tag in enumerate(report.tags)
    ]
    table = Table(("tag", *report.titles, "words"), tuple(rows))
    return Panel("F1 by tag", "The mean over repeats, on the test part.", table=table)


def _digits(value: float | None) -> str:
    return "n/a" if value is None or not math.isfinite(value) else f"{value:.3f}"


def thresholds(found: Thresholds) -> Panel:
    """The thresholds of each loss, for every metric of decisions."""
    names = list(dict.fromkeys(name for cuts in found.cuts.values() for name in cuts))
    rows = [(title, *(_cut(cuts.get(name)) for name in names)) for title, cuts in found.cuts.items()]
    note = (
        f"On validation data, for each metric: the median over {several(found.repeats, 'repeat')}, with the lowest and "
        "highest. They are thresholds on probabilities, or on scores where a loss gives none."
    )
    return Panel("Thresholds chosen", note, table=Table(("loss", *map(written, names)), tuple(rows)))


def _cut(cut: Cut | None) -> str:
    return "n/a" if cut is None else f"{cut.median:.3g} ({cut.low:.3g} to {cut.high:.3g})".replace("-", "−")


def calibrated(found: calibration.Calibrations) -> Panel:
    """The diagrams' content in numbers."""
    rows = [
        (
            c.title,
            *(f"{pair[0]:.3f} → {pair[1]:.3f}" for pair in (c.log_loss, c.brier, c.ece)),
            f"{c.temperature:.2f}",
            f"{c.reading}; {NOT_CALIBRATED}" if c.title in found.distorted else c.reading,
        )
        for c in found.losses
    ]
    rows += [(title, "no probabilities", "", "", "", "") for title in found.without]
    table = Table(("loss", "log loss", "Brier score", "ECE", "T", "reading"), tuple(rows))
    return Panel("Before and after temperature scaling", "Means over repeats; T is the median.", table=table)


def tails(found: calibration.Tails, contest: Contest) -> Panel:
    rows = []
    for loss in found.losses:
        covered = f"{loss.coverage.share:.0%} of 90 %" if loss.coverage else "no interval"
        sizes = [amount(float(size), contest) for size in loss.sizes]
        worst = [f"{share:.0%}".replace("%", " %") for share in loss.worst]
        rows.append((loss.title, amount(loss.bias, contest, sign=True), *sizes, *worst, covered))
    levels = [f"{level:.0%}".replace("%", " %") for level in calibration.TAILS]
    head = (
        "loss",
        "median residual",
        *(f"|residual|, {level}" for level in levels),
        "worst 1 %",
        "worst 5 %",
        "coverage",
    )
    note = "Prediction minus truth, all repeats pooled; and the worst rows' share of the squared error."
    return Panel("Residuals in numbers", note, table=Table(head, tuple(rows)))
