"""Figures of the trainings: how they went, what one seed at one rate would have claimed, what the rate is worth.

Each function draws one figure, or gives None where there is nothing to draw; beside each stands a `said_` function
with the same in words and numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, NullLocator
from numpy.typing import NDArray

from lossbench.verdicts.comparison import Contest
from lossbench.verdicts.evidence.training import (
    Band,
    BlogPost,
    Curve,
    after_k_trials_of,
    learning_curves,
    sensitivity_of,
)
from lossbench.verdicts.evidence.training import blog_post as concluded
from lossbench.verdicts.figures.style import (
    BAND,
    BETTER,
    FULL,
    GRID,
    HALF,
    INK,
    MUTED,
    PANEL,
    WORSE,
    Colours,
    canvas,
    short,
)
from lossbench.verdicts.words import amount, listed, several
from lossbench.verdicts.words import metric as spoken

Values = NDArray[np.float64]
MOST_BANDS = 2
"""With more losses their bands hide each other: then only the first's and the baseline's are drawn."""


# How trainings go -------------------------------------------------------------------------------------------------


def curves(contest: Contest, colours: Colours) -> Figure | None:
    """The task's metric on validation data by epoch: the median over repeats, and what 8 of 10 repeats lie within."""
    found = learning_curves(contest)
    if not found or max(len(curve.median) for curve in found) < 2:
        return None
    with canvas(FULL, max(3.2, 1.1 + 0.19 * len(found))) as (figure, axes):
        banded = _banded([curve.title for curve in found], contest)
        for curve in found:
            colour = colours.colour(curve.title)
            if curve.title in banded:
                axes.fill_between(curve.epochs, curve.low, curve.high, color=colour, alpha=0.12, linewidth=0)
            axes.plot(curve.epochs, curve.median, color=colour, linestyle=colours.dashes(curve.title))
            axes.plot(
                curve.epochs[-1], curve.median[-1], colours.marker(curve.title), color=colour, markersize=5, zorder=4
            )
        axes.set_ylim(*window(_settled(found)))
        axes.set_xlim(1, max(len(curve.median) for curve in found) * 1.01)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
        axes.set_xlabel("epoch (a curve ends where fewer than half of its repeats still train)")
        _metric_axis(axes, contest)
        shaded = listed([short(title) for title in banded])
        axes.set_title(f"The chosen trainings: median over repeats (shaded: 8 of 10 repeats of {shaded})")
        _ends(axes, [(float(curve.median[-1]), curve.title) for curve in found], colours)
    return figure


def said_curves(contest: Contest) -> str:
    """Where each curve starts and ends, and how long it is."""
    told = [
        f"{curve.title} from {amount(float(curve.median[0]), contest)} to {amount(float(curve.median[-1]), contest)} "
        f"in {several(len(curve.median), 'epoch')}"
        for curve in learning_curves(contest)
    ]
    head = f"Median validation {spoken(contest.metric)} of the chosen trainings, {_way(contest)}"
    return f"{head}: {'; '.join(told)}." if told else "No learning curves were stored."


def _settled(found: Sequence[Curve]) -> Values:
    """All that is drawn but for the first tenth of the epochs, which would press the rest together."""
    start = max(1, max(len(curve.median) for curve in found) // 10)
    parts = [part[min(start, len(part) - 1) :] for c in found for part in (c.low, c.median, c.high)]
    return np.concatenate(parts)


# What a blog post would have said ---------------------------------------------------------------------------------


def blog_post(contest: Contest, colours: Colours) -> Figure | None:
    """Left, whom one seed at one rate names the winner, by rate; right, how it judges each loss beside the baseline."""
    post = concluded(contest)
    if post is None:
        return None
    height = max(3.1, 1.5 + 0.3 * len(post.losses))
    columns = 2 if post.against else 1
    options: dict[str, Any] = {"width_ratios": [1.25, 1]} if columns > 1 else {}
    with canvas(FULL, height, 1, columns, squeeze=False, **options) as (figure, grid):
        _named(grid[0][0], post, colours)
        if post.against:
            _judged(grid[0][1], post, contest)
        handles = [
            Patch(facecolor=colours.colour(t), alpha=1.0 if t in post.right else 0.35, label=short(t, 18))
            for t in post.losses
        ]
        order = f"solid: {'tier A' if post.tiers else 'the first'} of the study"
        grid[0][0].legend(
            handles=handles,
            title=order,
            title_fontsize=8,
            loc="upper left",
            bbox_to_anchor=(1.0, 1.02),
            handlelength=1,
            labelspacing=0.35,
        )
    return figure


def said_blog_post(contest: Contest) -> str:
    """How often one seed at one rate names another winner than the study, and how often it claims what is not shown."""
    post = concluded(contest)
    if post is None:
        return (
            "One trial a repeat, or one loss alone, leaves nothing that a blog post could have concluded differently."
        )
    named = ", ".join(f"{title} in {_percent(share)}" for title, share in post.named.items())
    told = [
        f"Of {several(post.experiments, 'experiment')} with one seed at one rate, the winner would have been {named}"
    ]
    where = f"tier A ({listed(post.right)})" if post.tiers else f"the study's first ({post.right[0]})"
    told.append(f"in {_percent(post.wrong)} it is not in {where}")
    worst = max((band for band in post.bands if band.experiments), key=lambda band: band.wrong)
    if worst.wrong > 0:
        told.append(f"at rates from {rate(worst.low)} to {rate(worst.high)} in {_percent(worst.wrong)}")
    told.append(f"two of them, taken at random, name different winners in {_percent(post.disagree)}")
    if post.opposite is not None:
        told.append(f"where the study says better or worse they say the opposite in {_percent(post.opposite)}")
    if post.unfounded is not None:
        told.append(
            f"where it shows no difference they put the loss above {contest.baseline} in {_percent(post.unfounded)}, "
            f"by more than the margin in {_percent(post.unfounded_beyond or 0.0)}"
        )
    return f"{'; '.join(told)}."


def _named(axes: Axes, post: BlogPost, colours: Colours) -> None:
    bands = [band for band in post.bands if band.experiments]
    for place, band in enumerate(bands):
        below = 0.0
        for title in post.losses:
            share = band.named[title]
            right = title in post.right
            axes.bar(
                place,
                share,
                0.8,
                bottom=below,
                color=colours.colour(title),
                alpha=1.0 if right else 0.35,
                edgecolor=PANEL,
                linewidth=0.8,
            )
            if share >= 0.08:
                middle, colour = below + share / 2, PANEL if right else INK
                axes.text(place, middle, f"{100 * share:.0f}", ha="center", va="center", color=colour, size=8)
            below += share
        if len(post.right) < len(post.losses):
            axes.text(place, 1.06, _percent(band.wrong), ha="center", va="bottom", color=MUTED, size=8)
    axes.set_xticks(range(len(bands)), [_band(band) for band in bands])
    partial = len(post.right) < len(post.losses)
    axes.set_ylim(0, 1.18 if partial else 1.02)
    axes.set_yticks([0, 0.5, 1, 1.1][: 3 + partial], ["0", "50", "100 %", "wrong"][: 3 + partial])
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.set_xlabel("learning rate (n: seeds × rates)")
    axes.set_title("Whom one seed at one rate names the winner, %")


def _judged(axes: Axes, post: BlogPost, contest: Contest) -> None:
    for place, one in enumerate(post.against):
        equal = 1 - one.better - one.worse
        left = 0.0
        for share, colour, strength in ((one.worse, WORSE, 0.42), (equal, BAND, 1.0), (one.better, BETTER, 0.42)):
            axes.barh(place, share, 0.72, left=left, color=colour, alpha=strength, edgecolor=PANEL, linewidth=0.8)
            if share >= 0.08:
                axes.text(left + share / 2, place, f"{100 * share:.0f}", ha="center", va="center", color=INK, size=8)
            left += share
        axes.text(1.02, place, one.verdict, va="center", color=INK, size=8)
    axes.set_yticks(range(len(post.against)), [short(one.title, 18) for one in post.against], color=INK)
    axes.set_ylim(max(len(post.against), 2) - 0.4, -0.6)
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.5, 1], ["0", "50", "100 %"])
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("← says worse      says better →")
    axes.set_title(f"What it says beside {short(str(contest.baseline), 14)}, %")
    axes.text(1.02, 1.02, "the study", transform=axes.transAxes, va="bottom", color=MUTED, size=8)


def _band(band: Band) -> str:
    return f"{rate(band.low)} to\n{rate(band.high)}\nn = {band.experiments}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def rate(value: float) -> str:
    """A learning rate to one digit: `3e-5`."""
    digit, _, power = f"{value:.0e}".partition("e")
    return f"{digit}e{int(power)}".replace("-", "−")


# What the learning rate and more trials are worth -----------------------------------------------------------------


def sensitivity(contest: Contest, colours: Colours) -> Figure | None:
    """What each loss reaches on validation data by learning rate: median, and what 8 of 10 trainings lie within."""
    found = sensitivity_of(contest)
    if not found:
        return None
    with canvas(HALF, max(3.2, 1.1 + 0.19 * len(found))) as (figure, axes):
        banded = _banded([one.title for one in found], contest)
        ends = []
        for one in found:
            colour, there = colours.colour(one.title), np.isfinite(one.median)
            if not there.any():
                continue
            x, median = one.rates[there], one.median[there]
            if one.title in banded:
                axes.fill_between(x, one.best[there], one.worst[there], color=colour, alpha=0.12, linewidth=0)
            marker = colours.marker(one.title)
            axes.plot(x, median, color=colour, linestyle=colours.dashes(one.title), marker=marker, markersize=4.5)
            ends.append((float(median[-1]), one.title))
        if not ends:
            return None
        axes.set_xscale("log")
        rates = found[0].rates
        axes.set_xlim(rates[0] / 1.4, rates[-1] * 1.4)
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xticks(rates, [rate(value) for value in rates])
        axes.set_ylim(*window(np.concatenate([one.median for one in found])))
        for place, middle in enumerate(rates):
            if lost := sum(int(one.diverged[place]) for one in found):
                axes.text(
                    middle,
                    0.99,
                    f"{lost} diverged",
                    transform=axes.get_xaxis_transform(),
                    ha="center",
                    va="top",
                    color=MUTED,
                    size=7.5,
                )
        shaded = listed([short(title, 14) for title in banded])
        axes.set_xlabel(f"learning rate, middle of its band (shaded: 8 of 10\ntrainings of {shaded})")
        _metric_axis(axes, contest)
        axes.set_title("Median by learning rate")
        _ends(axes, ends, colours)
    return figure


def said_sensitivity(contest: Contest) -> str:
    """The best band of rates of each loss, and how far its medians range."""
    found = sensitivity_of(contest)
    if not found:
        return "All trainings had one learning rate."
    told = []
    for one in found:
        there = np.flatnonzero(np.isfinite(one.median))
        lost = f", {int(one.diverged.sum())} of {int(one.trainings.sum())} diverged" if one.diverged.any() else ""
        if not len(there):
            told.append(f"{one.title} has no band of rates in which half of its trainings end{lost}")
            continue
        order = there[np.argsort(contest.sign * one.median[there], kind="stable")]
        best, worst = (
            f"{amount(float(one.median[i]), contest)} round {rate(float(one.rates[i]))}" for i in order[[-1, 0]]
        )
        told.append(f"{one.title} best with {best}, worst with {worst}{lost}")
    return f"Median validation {spoken(contest.metric)} by learning rate, {_way(contest)}: {'; '.join(told)}."


def after_k_trials(contest: Contest, colours: Colours) -> Figure | None:
    """What more trials buy: the best validation value after each trial, mean over repeats."""
    found = after_k_trials_of(contest)
    if not found:
        return None
    with canvas(HALF, max(3.2, 1.1 + 0.19 * len(found))) as (figure, axes):
        ends = []
        for title, values in found.items():
            if np.isfinite(values[-1]):
                axes.plot(
                    np.arange(1, len(values) + 1),
                    values,
                    color=colours.colour(title),
                    linestyle=colours.dashes(title),
                    marker=colours.marker(title),
                    markersize=4.5 if len(values) <= 16 else 0,
                )
                ends.append((float(values[-1]), title))
        if not ends:
            return None
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
        axes.set_xlabel("trials in each repeat")
        _metric_axis(axes, contest)
        axes.set_title("The best after so many trials")
        _ends(axes, ends, colours)
    return figure


def said_after_k_trials(contest: Contest) -> str:
    """From the first trial to the last."""
    found = after_k_trials_of(contest)
    if not found:
        return "One trial a repeat: nothing to choose from."
    told = [
        f"{title} {' to '.join(amount(float(v), contest) if np.isfinite(v) else 'diverged' for v in values[[0, -1]])}"
        for title, values in found.items()
    ]
    trials = max(len(values) for values in found.values())
    head = f"Best validation {spoken(contest.metric)} after 1 and after {trials} trials, mean over repeats"
    return f"{head}, {_way(contest)}: {'; '.join(told)}."


# Lines ------------------------------------------------------------------------------------------------------------


def window(values: Values) -> tuple[float, float]:
    """From where to where an axis goes: not to what lies three times as far out as the middle half is wide."""
    sound = values[np.isfinite(values)]
    if not len(sound):
        return 0.0, 1.0
    low, lower, upper, high = (float(v) for v in np.quantile(sound, (0, 0.25, 0.75, 1)))
    if upper > lower:
        low, high = max(low, lower - 3 * (upper - lower)), min(high, upper + 3 * (upper - lower))
    room = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    return low - room, high + room


def _banded(titles: Sequence[str], contest: Contest) -> list[str]:
    """The losses whose bands are drawn."""
    return [t for t in titles if len(titles) <= MOST_BANDS or t in (titles[0], contest.baseline)]


def _metric_axis(axes: Axes, contest: Contest) -> None:
    axes.set_ylabel(f"validation {spoken(contest.metric)} ({_way(contest)})")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.6g}".replace("-", "−"))
    axes.tick_params(length=0)
    axes.spines["left"].set_color(GRID)


def _way(contest: Contest) -> str:
    return "lower is better" if contest.sign < 0 else "higher is better"


def _ends(axes: Axes, ends: Sequence[tuple[float, str]], colours: Colours) -> None:
    """Names at the right of the axes, each as near the end of its line as the others let it."""
    low, high = axes.get_ylim()
    figure: Any = axes.figure
    gap = 0.155 / (figure.get_figheight() - 0.9)
    ordered = sorted(ends)
    wanted = [min(max((value - low) / (high - low), 0.0), 1.0) for value, _ in ordered]
    for (_, title), at, y in zip(ordered, wanted, spread(wanted, gap), strict=True):
        colour = colours.colour(title)
        axes.plot([1.0, 1.02], [at, y], color=colour, linewidth=0.8, transform=axes.transAxes, clip_on=False, zorder=3)
        axes.text(
            1.03, y, short(title, 20), transform=axes.transAxes, va="center", color=colour, weight="bold", size=8.5
        )


def spread(wanted: Sequence[float], gap: float) -> list[float]:
    """Heights in [0, 1], in the order of those wanted and at least a gap apart, moved as little as that takes."""
    blocks: list[tuple[float, int]] = []  # the height of the middle of a block of names, and how many it holds

    def held(middle: float, count: int) -> float:
        half = gap * (count - 1) / 2
        return min(max(middle, half), max(1 - half, half))

    for height in wanted:
        middle, count = held(height, 1), 1
        while blocks and middle - blocks[-1][0] < gap * (count + blocks[-1][1]) / 2 - 1e-9:
            other, number = blocks.pop()
            middle, count = (middle * count + other * number) / (count + number), count + number
            middle = held(middle, count)
        blocks.append((middle, count))
    return [middle + gap * (i - (count - 1) / 2) for middle, count in blocks for i in range(count)]
