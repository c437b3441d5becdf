"""The blocks of the report below its leaderboard: which pictures, tables and words, in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

from matplotlib.figure import Figure

from lossbench.errors import LossbenchError
from lossbench.metrics.catalogue import written
from lossbench.report import listings
from lossbench.report.closing import failed, method, numbers
from lossbench.report.evidence import blog, calibration, shapes, tags, thresholds, weightings
from lossbench.report.figures import across as across_figures
from lossbench.report.figures import blog as blog_figures
from lossbench.report.figures import cost as cost_figures
from lossbench.report.figures import curves as curve_figures
from lossbench.report.figures import numbers as number_figures
from lossbench.report.figures import probabilities as probability_figures
from lossbench.report.figures import rates as rate_figures
from lossbench.report.figures import shapes as shape_figures
from lossbench.report.figures import tags as tag_figures
from lossbench.report.figures import verdicts as verdict_figures
from lossbench.report.figures import weightings as weighting_figures
from lossbench.report.figures.style import Colours
from lossbench.report.panels import Panel, Picture, Section, said_of
from lossbench.report.view import slug
from lossbench.verdicts.aims import NOT_CALIBRATED, distorts
from lossbench.verdicts.comparison import Comparison, Contest
from lossbench.verdicts.words import listed


def sections(comparison: Comparison, *, everything: bool = False) -> list[Section]:
    """All blocks of a report, in their order; those with nothing to show have no panels.

    Beyond sixty cells only the first two tasks get figures, unless `everything` is set.
    """
    colours = colours_of(comparison)
    of_tasks = [_Panels(contest, colours) for contest in (comparison.contests if everything else _pictured(comparison))]
    return [
        _real(comparison, of_tasks, colours),
        _each("threshold", "Threshold?", "Loss or merely threshold?", THRESHOLD, of_tasks, _Panels.thresholds),
        _each("blog", "Blog post", "What a blog post would have concluded", BLOG, of_tasks, _Panels.blog),
        _each("training", "Training", "Training and cost", TRAINING, of_tasks, _Panels.training),
        _each("calibration", "Calibration", "Calibration and residuals", CALIBRATION, of_tasks, _Panels.calibration),
        _each("shapes", "Shapes", "The shape of each loss", SHAPES, of_tasks, _Panels.shapes),
        _each("tags", "Entities", "Entities, type by type", "", of_tasks, _Panels.tags),
        failed(comparison),
        method(comparison),
        numbers(comparison),
    ]


def _pictured(comparison: Comparison) -> Sequence[Contest]:
    """The tasks that get figures: all of a small sweep, the first few of a large one."""
    cells = sum(len(contest.contenders) for contest in comparison.contests)
    return comparison.contests if cells <= FEW_CELLS else comparison.contests[:PICTURED]


def colours_of(comparison: Comparison) -> Colours:
    """The colour of each loss, by its first appearance in the sweep."""
    return Colours([c.title for contest in comparison.contests for c in contest.contenders])


def pictures_of(comparison: Comparison, *, everything: bool = False) -> Iterator[tuple[str, Figure]]:
    """The figures of the report by their names."""
    for section in sections(comparison, everything=everything):
        for panel in section.panels:
            figure = panel.picture.draw() if panel.picture else None
            if panel.picture and figure is not None:
                yield panel.picture.name, figure


FEW_CELLS, PICTURED = 60, 2
"""Beyond this many cells only this many tasks get figures: more would be slow to draw and long to read."""
THRESHOLD = (
    "How much of a difference remains: in metrics of decisions such as F1, once each loss's threshold is chosen on "
    "validation data; in log loss and calibration, after temperature scaling. This removes much of what focal and "
    "weighted losses seem to win or lose at .5. A question mark: what remains is within noise."
)
BLOG = (
    "Every trial of every repeat is one seed at one learning rate, the same for all losses: the comparison that a blog "
    "post would make, on validation data."
)
TRAINING = (
    "Learning curves of the trials that were chosen, on the task's own metric: training losses of different losses "
    "cannot be compared. Times are CPU time of one step, run in turn with the baseline's right after each cell; a "
    "difference within the spread counts as about the same. Memory is what one step keeps for its backward pass, "
    "counted exactly."
)
CALIBRATION = (
    "Predicted probabilities and observed frequencies, in bins of equal counts with Wilson intervals, before and after "
    "temperature scaling fitted on validation data. For regression: how residuals spread."
)
SHAPES = (
    "Value and slope of each loss at the parameters that the first repeat chose, scaled to a common slope; and which "
    "training rows still drive the gradient at the end of training."
)


def _each(
    key: str,
    short: str,
    title: str,
    paragraph: str,
    of_tasks: Sequence[_Panels],
    panels: Callable[[_Panels], Iterator[Panel]],
) -> Section:
    """A block that every task may have."""
    found = [panel for of in of_tasks for panel in _attempted(title, of, panels)]
    return Section(key, short, title, (paragraph,) if found and paragraph else (), found)


def _attempted(title: str, of: _Panels, panels: Callable[[_Panels], Iterator[Panel]]) -> Iterator[Panel]:
    """The panels of one task; where one fails it says why, and the report goes on."""
    try:
        yield from panels(of)
    except LossbenchError:  # an unreadable record concerns the whole report
        raise
    except Exception as error:
        yield Panel(title, lines=(said_of(error),), group=of.group)


class _Panels:
    """The panels of one contest; what several of them need is computed once."""

    def __init__(self, contest: Contest, colours: Colours) -> None:
        self.contest, self.colours = contest, colours
        self.group = f"{contest.task} on {contest.name}"

    @cached_property
    def probabilities(self) -> calibration.Probabilities | None:
        return calibration.probabilities(self.contest)

    def picture(self, name: str, draw: Callable[..., Figure | None], said: Callable[..., str], of: Any) -> Picture:
        return Picture(f"{name}-{slug(self.contest.name)}", partial(draw, of, self.colours), partial(said, of))

    def panel(self, title: str, picture: Picture, note: str = "", width: str = "full") -> Panel:
        return Panel(title, note, picture=picture, group=self.group, width=width)

    def real(self) -> Iterator[Panel]:
        figures = verdict_figures
        yield self.panel(
            "Every repeat, paired with the baseline's",
            self.picture("repeats", figures.repeats, figures.said_repeats, self.contest),
            "One dot per repeat: same split, initial weights and batch order as the baseline's.",
        )
        if len(self.contest.ranked) > 2:
            pairs = Picture(
                f"pairs-{slug(self.contest.name)}",
                partial(figures.pairs, self.contest),
                partial(figures.said_pairs, self.contest),
            )
            yield self.panel("P(better): row against column", pairs, "Bold: shown after Holm over all pairs.")

    def thresholds(self) -> Iterator[Panel]:
        found = thresholds.thresholds(self.contest, self.probabilities) if self.probabilities else None
        if found is None:
            return
        figures = probability_figures
        if found.decided:
            yield self.panel(
                "Gain at .5, and at each loss's own threshold",
                self.picture("thresholds", figures.thresholds, figures.said_thresholds, found),
            )
        if any(found.cuts.values()):
            yield replace(listings.thresholds(found), group=self.group)
        if found.tempered:
            yield self.panel(
                "Gain before and after temperature scaling",
                self.picture("temperature", figures.temperature, figures.said_temperature, found),
                self._by_design(),
            )

    def _by_design(self) -> str:
        distorted = [c.title for c in self.contest.contenders if distorts(c.record)]
        return f"{NOT_CALIBRATED.capitalize()}: {listed(distorted)}." if distorted else ""

    def blog(self) -> Iterator[Panel]:
        contest = self.contest
        if contest.trials < 2 or blog.blog_post(contest) is None:
            return
        if not contest.rejudged:  # trials have values of the metric that chose, which verdicts by another do not fit
            yield self.panel(
                "Who wins with one seed at one rate",
                self.picture("blog", blog_figures.blog_post, blog_figures.said_blog_post, contest),
            )
        yield self.panel(
            "Sensitivity to the rate",
            self.picture("rates", rate_figures.sensitivity, rate_figures.said_sensitivity, contest),
            width="half",
        )
        yield self.panel(
            "Best after k trials",
            self.picture("trials", rate_figures.after_k_trials, rate_figures.said_after_k_trials, contest),
            width="half",
        )

    def training(self) -> Iterator[Panel]:
        yield self.panel(
            f"Learning curves: {written(self.contest.chosen_by)} on validation data",
            self.picture("curves", curve_figures.curves, curve_figures.said_curves, self.contest),
            "Median and 10-90 % band over repeats.",
        )
        if len(self.contest.ranked) > 1:
            yield self.panel(
                "Quality against time and memory of a step",
                self.picture("cost", cost_figures.pareto, cost_figures.said_pareto, self.contest),
            )
        for table in listings.prices(self.contest):
            yield replace(table, group=self.group)
        for place, found in enumerate(weightings.tradeoffs(self.contest)):
            name = "front" if place == 0 else f"front{place + 1}"
            yield self.panel(
                f"How the weights of {found.loss} trade {' against '.join(map(written, found.metrics))}",
                self.picture(name, weighting_figures.front, weighting_figures.said_front, found),
                "Means over repeats, on the test part; differences may be noise: see the leaderboard.",
            )

    def calibration(self) -> Iterator[Panel]:
        found = calibration.calibrations(self.contest, self.probabilities) if self.probabilities else None
        if found is not None:
            figures = probability_figures
            yield self.panel(
                "Reliability", self.picture("reliability", figures.reliability, figures.said_reliability, found)
            )
            yield replace(listings.calibrated(found), group=self.group)
        tails = calibration.tails(self.contest)
        if tails is not None:
            figure = self.picture("residuals", number_figures.residuals, number_figures.said_residuals, tails)
            yield self.panel(
                "How residuals spread", figure, f"In units of the target; Verdicts use {written(self.contest.metric)}."
            )
            yield replace(listings.tails(tails, self.contest), group=self.group)

    def shapes(self) -> Iterator[Panel]:
        found = shapes.shapes(self.contest)
        if found is not None:
            yield self.panel(
                "Value and slope", self.picture("shapes", shape_figures.shapes, shape_figures.said_shapes, found)
            )
        pulls = shapes.pulls(self.contest)
        if pulls is not None:
            yield self.panel(
                "Which rows still drive the gradient",
                self.picture("pulls", shape_figures.pulls, shape_figures.said_pulls, pulls),
                "Shares of the absolute gradient over the training rows of repeat 0.",
            )

    def tags(self) -> Iterator[Panel]:
        report = tags.tag_report(self.contest)
        if report is not None:
            yield replace(listings.by_tag(report), group=self.group)
        confusions = tags.confusions(self.contest)
        if confusions is not None:
            yield self.panel(
                "Which entity types are confused",
                self.picture("confusion", tag_figures.confusion, tag_figures.said_confusion, confusions),
                "Words by entity type, all repeats; rows are the true types.",
            )
        for errors in tags.commonest_errors(self.contest) or []:
            lines = tuple(
                f"{error.said}, {error.count} times. True: {example.true} — predicted: {example.predicted}"
                for error in errors.commonest
                for example in error.examples[:1]
            )
            title = f"The commonest errors of {errors.title}"
            note = f"{errors.total} errors in {errors.entities} entities of the test part, repeat 0."
            yield Panel(title, note, lines=lines, group=self.group, folded=True)


def _real(comparison: Comparison, of_tasks: Sequence[_Panels], colours: Colours) -> Section:
    title = "Is it real?"
    panels = [panel for of in of_tasks if of.contest.differences for panel in _attempted(title, of, _Panels.real)]
    across = comparison.across
    if across is not None:
        figures = across_figures
        if across.ranking is not None and across.ranking.critical is not None:
            drawn_ranks = partial(figures.critical_difference, across, colours)
            picture = Picture("ranks", drawn_ranks, partial(figures.said_critical_difference, across))
            panels.append(Panel("Mean ranks over tasks", picture=picture, group="Over tasks"))
        picture = Picture("tasks", partial(figures.heat, across), partial(figures.said_heat, across))
        panels.append(Panel("By task", picture=picture, group="Over tasks"))
    left = len(comparison.contests) - len(of_tasks)
    drawn = f"Only the first {len(of_tasks)} tasks have figures here"
    more = f"{drawn}; `lossbench report SWEEP --figures DIR` draws the other {left}."
    return Section("real", "Is it real?", "Is the difference real?", (more,) if left else (), panels)
