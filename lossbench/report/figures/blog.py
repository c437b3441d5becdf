"""What one seed at one rate would have claimed.

Each function draws one figure, or gives None where there is nothing to draw; each has a `said_` function
with the same content in words and numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from lossbench.report.evidence.blog import Band, BlogPost
from lossbench.report.evidence.blog import blog_post as concluded
from lossbench.report.figures.rates import rate
from lossbench.report.figures.style import BAND, BETTER, FULL, INK, MUTED, PANEL, WORSE, Colours, canvas, short
from lossbench.verdicts.comparison import Contest
from lossbench.verdicts.words import listed, several

Values = NDArray[np.float64]


def blog_post(contest: Contest, colours: Colours) -> Figure | None:
    """Left: which loss one seed at one rate picks, by rate; right: how it judges each loss against the baseline."""
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
    """How often one seed at one rate picks another winner than the study, or claims a difference that is not shown."""
    post = concluded(contest)
    if post is None:
        return "With one trial per repeat, or a single loss, a blog post could not have concluded anything else."
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
    axes.set_title("Which loss a single seed at a single rate would have picked, %")


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
    axes.set_title(f"What it says relative to {short(str(contest.baseline), 14)}, %")
    axes.text(1.02, 1.02, "the study", transform=axes.transAxes, va="bottom", color=MUTED, size=8)


def _band(band: Band) -> str:
    return f"{rate(band.low)} to\n{rate(band.high)}\nn = {band.experiments}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
