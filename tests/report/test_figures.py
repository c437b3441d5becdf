"""Figures: valid SVG with real text, in the page's colours alone, the same bytes each time, whatever failed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from lossbench.plan import DataCard, Direction, Scope, StepCost, Target
from lossbench.records.facts import Cost, LossFacts, MetricFacts, TrialResult
from lossbench.records.record import Record, Repeat, Status
from lossbench.report.figures import across as over_tasks
from lossbench.report.figures import blog, cost, curves, lines, rates, style, verdicts
from lossbench.report.figures.style import Colours, saved, svg
from lossbench.verdicts.comparison import Across, Contest, Rules
from lossbench.verdicts.judging import compare
from tests.made import a_cell

RATES = (1e-3, 1e-2, 1e-1, 3e-4)


def clocked(ratio: float) -> StepCost:
    """A step that takes so many times the baseline's, to 2 %."""
    return StepCost("mse", ratio, 0.98 * ratio, 1.02 * ratio, seconds=0.01 * ratio)


def record(
    title: str, worse: float = 0.0, *, role: str = "chosen", task: int = 0, repeats: int = 4, trials: int = 4
) -> Record:
    rng = np.random.default_rng([task, sum(map(ord, title))])
    arrays: dict[str, Any] = {}
    done = []
    for repeat in range(repeats):
        target = np.linspace(0, 3, 20)
        score = target + (1 + worse) * np.sin(np.arange(20) + repeat) + 0.05 * rng.normal(size=20)
        arrays |= {f"test/{repeat}/target": target, f"test/{repeat}/score": score, f"test/{repeat}/rows": np.arange(20)}
        arrays[f"curve/{repeat}/validation"] = 3 / np.arange(1, 8 + repeat) + worse
        trained = [
            TrialResult(
                learning_rate=RATES[t],
                value=1 + worse + rng.random(),
                epochs=8,
                seconds=1.0,
                step_seconds=0.01 * (1 + worse / 10),
            )
            for t in range(trials)
        ]
        rmse = float(np.sqrt(np.square(score - target).mean()))
        done.append(Repeat(repeat, repeat, Status.DONE, metrics={"rmse": rmse}, trials=trained))
    return Record(
        status=Status.DONE,
        reason="",
        loss=LossFacts(title, title),
        task="regression",
        data=DataCard(f"houses {task}"),
        model="mlp",
        metric=MetricFacts("rmse", Direction.MIN),
        directions={"rmse": Direction.MIN},
        predicts=Target.NUMBERS,
        margins={"rmse": 0.02},
        repeats=done,
        cell=a_cell(repeats=repeats, trials=trials),
        role=role,
        contest=f"c{task}",
        cost=Cost(step=clocked(1 + worse / 10), step_bytes=1000 * (1 + worse)),
        arrays=arrays,
    )


def failing(title: str) -> Record:
    """One repeat of it diverged, all its trials with it."""
    found = record(title)
    bad = found.repeats[1]
    found.status = bad.status = Status.DIVERGED
    bad.metrics = {}
    for trial in bad.trials:
        trial.value = None
    found.arrays["curve/1/validation"] = np.array([np.nan])
    return found


def judged(*records: Record, scope: str = "rows") -> Contest:
    (contest,) = compare(records, Rules(scope=Scope.of(scope))).contests
    return contest


@pytest.fixture(scope="module")
def contest() -> Contest:
    """A tie, a worse one, one far off, one that diverged, a control; names that XML must not trip over."""
    return judged(
        record("mse"),
        record("huber <δ=1> & more", 0.01),
        record("mae", 0.3),
        record("far off", 30.0),
        failing("unstable"),
        record("mse again (placebo)", role="control"),
    )


@pytest.fixture(scope="module")
def many() -> Contest:
    return judged(record("mse"), *(record(f"loss number {n} with a long name", n / 20) for n in range(15)))


@pytest.fixture(scope="module")
def across() -> Across:
    names = {"mse": 0.0, "mae": 0.2, "huber": 0.05}
    found = compare([record(title, worse, task=task) for task in range(6) for title, worse in names.items()]).across
    assert found is not None
    return found


def coloured(contest: Contest) -> Colours:
    return Colours([c.title for c in contest.contenders])


OF_A_CONTEST: dict[str, tuple[Callable[[Contest], Figure | None], Callable[[Contest], str]]] = {
    "repeats": (lambda c: verdicts.repeats(c, coloured(c)), verdicts.said_repeats),
    "pairs": (verdicts.pairs, verdicts.said_pairs),
    "pareto": (lambda c: cost.pareto(c, coloured(c)), cost.said_pareto),
    "curves": (lambda c: curves.curves(c, coloured(c)), curves.said_curves),
    "blog_post": (lambda c: blog.blog_post(c, coloured(c)), blog.said_blog_post),
    "sensitivity": (lambda c: rates.sensitivity(c, coloured(c)), rates.said_sensitivity),
    "after_k_trials": (lambda c: rates.after_k_trials(c, coloured(c)), rates.said_after_k_trials),
}
OF_TASKS: dict[str, tuple[Callable[[Across], Figure | None], Callable[[Across], str]]] = {
    "critical_difference": (over_tasks.critical_difference, over_tasks.said_critical_difference),
    "heat": (over_tasks.heat, over_tasks.said_heat),
}


def checked(draw: Callable[[], Figure | None], name: str, said: str) -> str:
    """The words of the figure, after all that holds for any of them."""
    figure = draw()
    assert figure is not None
    text = svg(figure, name, said)
    root = ElementTree.fromstring(text)
    assert root.attrib["aria-label"] == said
    assert not re.findall(r"[:\"]\s*#[0-9a-fA-F]{3,8}\b", text), "a colour that CSS cannot change"
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert all(i.startswith(f"{name}-") for i in ids), "two figures on a page would share ids"
    assert set(re.findall(r"url\(#([^)]+)\)", text)) <= set(ids)
    assert set(re.findall(r'href="#([^"]+)"', text)) <= set(ids)
    again = draw()
    assert again is not None
    assert svg(again, name, said) == text
    assert saved(again, "png", 60) == saved(figure, "png", 60)
    return " ".join("".join(e.itertext()) for e in root.iter() if e.tag.endswith("text"))


@pytest.mark.parametrize("name", OF_A_CONTEST)
def test_a_figure_of_a_contest_is_sound_and_names_its_losses(name: str, contest: Contest) -> None:
    draw, say = OF_A_CONTEST[name]
    said = say(contest)
    words = checked(lambda: draw(contest), name, said)
    for title in ("mse", "huber <δ=1>", "mae", "far off"):
        assert title in words
        assert title in said
    assert said.endswith(".")
    assert "nan" not in said.lower()


@pytest.mark.parametrize("name", OF_TASKS)
def test_a_figure_of_tasks_is_sound_and_names_its_losses(name: str, across: Across) -> None:
    draw, say = OF_TASKS[name]
    words = checked(lambda: draw(across), name, say(across))
    assert all(title in words and title in say(across) for title in across.titles)


@pytest.mark.parametrize("name", OF_A_CONTEST)
@pytest.mark.long
def test_sixteen_losses_can_be_drawn(name: str, many: Contest) -> None:
    checked(lambda: OF_A_CONTEST[name][0](many), name, OF_A_CONTEST[name][1](many))


@pytest.mark.parametrize("name", OF_A_CONTEST)
@pytest.mark.parametrize(
    "records",
    [
        [record("mse")],
        [record("mse", repeats=2), record("mae", 0.2, repeats=2)],
        [record("mse", trials=1), record("mae", 0.2, trials=1)],
        [record("mse", repeats=1), record("mae", repeats=1)],
        [failing("mse"), record("mae")],
        [failing("mse"), failing("mae")],
        [record("huber"), record("mae")],
    ],
    ids=["one loss", "two repeats", "one trial", "one repeat", "no baseline", "all diverged", "baseline absent"],
)
def test_little_to_draw_is_drawn_or_left_out(name: str, records: list[Record]) -> None:
    found = judged(*records)
    draw, say = OF_A_CONTEST[name]
    figure = draw(found)
    assert figure is None or svg(figure, name, "said")
    assert say(found).endswith(".")


def test_a_critical_difference_is_drawn_from_five_tasks_on() -> None:
    few = compare([record(title, w, task=t) for t in range(3) for title, w in (("mse", 0.0), ("mae", 0.2))]).across
    assert few is not None
    assert over_tasks.critical_difference(few) is None
    assert "needs five tasks" in over_tasks.said_critical_difference(few)


def test_the_words_beside_repeats_hold_the_numbers_of_the_comparison(contest: Contest) -> None:
    gain = contest.find("mae").difference
    assert gain is not None
    assert gain.new_rows is not None
    said = verdicts.said_repeats(contest)
    assert f"mae won 0, tied 0 and lost 4 of 4 repeats, mean gain −{abs(gain.test.mean):.3f}" in said
    assert "unstable" not in said  # it has no pair in every repeat


def test_the_matrix_counts_ties_half_and_marks_what_is_shown(contest: Contest) -> None:
    titles, shares, signs = verdicts.win_shares(contest)
    one, other = titles.index("mse"), titles.index("mae")
    assert (shares[one, other], shares[other, one], signs[one, other], signs[other, one]) == (1, 0, 1, -1)
    both = np.isfinite(shares)
    assert np.allclose((shares + shares.T)[both], 1)


def test_one_loss_far_off_does_not_press_the_others_together() -> None:
    near = [(-1.0, 1.0), (-2.0, 0.5), (-1.5, 2.0)]
    low, high = style.reach([*near, (-90.0, -80.0)], 0.1)
    assert -2.5 < low < -2
    assert 2 < high < 2.5
    low, high = style.reach([*near, (-5.0, -4.0)], 0.1)
    assert low < -5
    low, high = style.reach([(0.0, 0.0)], 0.0)
    assert low < 0 < high


def test_names_beside_lines_keep_apart_and_in_order() -> None:
    assert lines.spread([0.2, 0.6], 0.1) == pytest.approx([0.2, 0.6])
    assert lines.spread([0.5, 0.5], 0.1) == pytest.approx([0.45, 0.55])
    crowded = lines.spread([0.0, 0.01, 0.02, 0.9, 1.0, 1.0], 0.1)
    assert min(np.diff(crowded)) > 0.1 - 1e-9
    assert (crowded[0], crowded[-1]) == pytest.approx((0.0, 1.0))


def test_dots_are_spread_the_same_way_every_time() -> None:
    assert verdicts.jitter(4).tolist() == [0.0, -0.5, 0.5, -0.75]


def test_numbers_on_axes_of_gains_carry_their_sign() -> None:
    assert [style.tick(v) for v in (0.005, -100.0, 0.0, -1e-17)] == ["+0.005", "−100", "0", "0"]
    assert rates.rate(3e-5) == "3e−5"


def test_what_a_gain_costs_is_told_relative_to_the_baseline(contest: Contest) -> None:
    """By the records: a step of four times the baseline's, and 31,000 bytes against 1,000.

    The interval by hand: both have a spread of 2 %, so that it goes from 4 · .98/1.02 to 4 · 1.02/.98.
    """
    assert " with 4.00 times the time (spread 3.84 to 4.16) and 31.00 times the memory" in cost.said_pareto(contest)
    found = {c.title: ratio for c, ratio in cost.costs(contest, cost.step_bytes)}
    assert found == pytest.approx({"mse": 1, "huber <δ=1> & more": 1.01, "mae": 1.3, "far off": 31})


def test_nobody_beats_the_front_in_both() -> None:
    better, worse, cheap = record("better", -0.5), record("worse", 0.3), record("cheap", 0.4)
    cheap.cost.step, better.cost.step = clocked(0.2), clocked(2.0)
    said = cost.said_pareto(judged(record("mse"), better, worse, cheap))
    assert said.endswith("no other loss is both better and faster than better or mse or cheap.")


def test_a_loss_out_of_sight_is_marked_and_its_gain_written(contest: Contest) -> None:
    figure = cost.pareto(contest, coloured(contest))
    assert figure is not None
    axes = figure.axes[0]
    low, high = axes.get_ylim()
    (mark,) = [line for line in axes.lines if list(line.get_xdata()) == pytest.approx([4.0])]
    assert mark.get_marker() == "v"
    assert low < mark.get_ydata()[0] < low + 0.1 * (high - low)  # type: ignore[index]
    gain = contest.find("far off").difference
    assert gain is not None
    assert f"far off ({gain.test.mean:.3f})".replace("-", "−") in [text.get_text() for text in axes.texts]


def test_a_name_with_room_stands_right_of_its_point() -> None:
    found = judged(record("mse"), record("mae", 5.0))
    figure = cost.pareto(found, coloured(found))
    assert figure is not None
    names = {text.get_text(): text for text in figure.axes[0].texts}
    assert (names["mae"].xyann, names["mae"].get_ha()) == ((8, 0), "left")  # type: ignore[attr-defined]
    assert names["mse"].xyann != (8, 0), "it would lie on the line of no gain"  # type: ignore[attr-defined]


def cells(found: Across) -> tuple[Axes, dict[tuple[float, float], tuple[Rectangle, Text]]]:
    """The table of gains: colour and text by column and row."""
    figure = over_tasks.heat(found)
    assert figure is not None
    axes = figure.axes[0]
    texts = {text.get_position(): text for text in axes.texts}
    patches = [patch for patch in axes.get_children() if isinstance(patch, Rectangle) and patch is not axes.patch]
    places = {(round(p.get_x() + 0.48, 6), round(p.get_y() + 0.48, 6)): p for p in patches}
    return axes, {place: (patch, texts[place]) for place, patch in places.items()}


@pytest.fixture(scope="module")
def varied() -> Across:
    """On three tasks a loss that is better, one that is worse and one that is the same."""
    names = {"mse": 0.0, "good": -0.02, "bad": 0.9, "same": 0.0}
    records = []
    for task in range(3):
        base = record("mse", task=task)
        for title, worse in names.items():
            made = record(title, worse, task=task)
            for r, repeat in enumerate(made.repeats):
                target, score = base.arrays[f"test/{r}/target"], base.arrays[f"test/{r}/score"]
                made.arrays[f"test/{r}/score"] = target + (1 + worse) * (score - target)
                repeat.metrics = {"rmse": (1 + worse) * base.repeats[r].metrics["rmse"]}
            records.append(made)
    found = compare(records).across
    assert found is not None
    return found


@pytest.mark.parametrize("times", [1, 3], ids=["three tasks", "nine tasks, as rows"])
def test_each_gain_stands_in_its_cell_in_the_tasks_unit(varied: Across, times: int) -> None:
    """From the mean gain of each loss on each task; a colour is full from five margins of .02 on."""
    found = replace(varied, contests=varied.contests * times, gains=np.tile(varied.gains, (times, 1)))
    axes, drawn = cells(found)
    assert axes.get_ylim()[0] > axes.get_ylim()[1], "rows from above"
    columns = [label.get_text().partition("\n")[0] for label in axes.get_xticklabels()]
    rows = [label.get_text().partition(",")[0] for label in axes.get_yticklabels()]
    tasks, titles = (columns, rows) if times == 1 else (rows, columns)
    assert titles == list(found.titles)
    assert tasks == ["houses 0", "houses 1", "houses 2"] * times
    for i, title in enumerate(titles):
        for j, contest in enumerate(found.contests):
            patch, text = drawn[(j, i) if times == 1 else (i, j)]
            difference = contest.find(title).difference
            if title == "mse":
                assert difference is None
                assert text.get_text() == f"{contest.find('mse').mean:.3f}"
                continue
            assert difference is not None
            mean = difference.test.mean
            mark = {"same in practice": " =", "can't tell": " ?"}.get(difference.verdict.value, "")
            assert text.get_text() == (f"{mean:+.3f}".replace("-", "−") if mean else "0.000") + mark
            assert patch.get_alpha() == pytest.approx(0.42 * min(1, abs(mean) / 0.02 / 5))
            if title != "same":
                wanted = style.BETTER if title == "good" else style.WORSE
                assert to_hex(patch.get_facecolor()) == wanted
            assert text.get_weight() == ("bold" if difference.verdict.sign else "normal")
    assert {c.find(t).difference.verdict.value for c in found.contests for t in ("bad", "same")} == {  # type: ignore[union-attr]
        *("worse", "same in practice"),
    }


def test_the_words_beside_the_table_of_gains_are_in_the_tasks_unit(varied: Across) -> None:
    contest = varied.contests[0]
    difference = contest.find("bad").difference
    assert difference is not None
    gain = f"{difference.test.mean:+.3f}".replace("-", "−")
    said = over_tasks.said_heat(varied)
    assert said.startswith("houses 0, gain in RMSE over mse: ")
    assert f"bad {gain} (worse)" in said.partition(". ")[0]


def test_thirty_tasks_are_shown_and_more_are_counted(varied: Across) -> None:
    def of(times: int) -> Across:
        return replace(varied, contests=varied.contests * times, gains=np.tile(varied.gains, (times, 1)))

    assert "the first" not in over_tasks.said_heat(of(10))
    assert over_tasks.said_heat(of(11)).endswith("(the first 30 of 33 tasks)")
    axes, drawn = cells(of(11))
    assert len(drawn) == 30 * 4
    assert len(axes.get_yticks()) == 30


def test_the_best_rank_comes_first_and_bars_join_what_is_too_close(across: Across) -> None:
    """By hand: of ranks 1, 2 and 3 neighbours lie within a critical difference of 1.5, the ends do not."""
    assert across.ranking is not None
    titles = ("last", "first", "middle")
    ranking = replace(across.ranking, mean=np.array([3.0, 1.0, 2.0]), critical=1.5)
    found = replace(across, titles=titles, ranking=ranking)
    said = over_tasks.said_critical_difference(found)
    assert "1 the best: first 1.00, middle 2.00, last 3.00." in said
    joined = [set(words.split(", ")) for words in re.findall(r"(?:: |; )((?:\w+, )?\w+) cannot be told apart", said)]
    assert joined == [{"first", "middle"}, {"middle", "last"}]
    figure = over_tasks.critical_difference(found)
    assert figure is not None
    labels = {text.get_text().strip(): text.get_ha() for text in figure.axes[0].texts}
    assert (labels["first  1.00"], labels["middle  2.00"], labels["3.00  last"]) == ("right", "right", "left")


def test_at_most_a_third_of_the_losses_lie_outside_and_a_wide_margin_does_not_hide_them() -> None:
    near = [(-1.0, 1.0)] * 3
    low, _ = style.reach([*near, (-90.0, -80.0), (-900.0, -800.0)], 0.1)
    assert -100 < low < -90
    assert style.reach(near, 100.0) == pytest.approx((-3.3 - 0.33, 3.3 + 0.33))  # a margin shows thrice the gains
    assert style.reach(near, 2.0) == pytest.approx((-2.2 - 0.22, 2.2 + 0.22))


def test_long_names_are_cut_to_what_fits() -> None:
    assert style.short("a" * 10, 10) == "a" * 10
    assert style.short("a" * 11, 10) == "a" * 9 + "…"


def test_losses_have_colours_in_their_order_and_dashes_where_colours_come_again() -> None:
    names = [f"loss {n}" for n in range(19, -1, -1)]
    colours = Colours(names)
    assert [colours.colour(name) for name in names] == [*style.SERIES, *style.SERIES]
    assert all(colours.dashes(a) != colours.dashes(b) for a, b in zip(names[:10], names[10:], strict=True))


def test_places_are_rounded_and_numbers_that_people_read_are_not() -> None:
    from lossbench.report.figures.style import canvas, svg

    with canvas(4, 3) as (figure, axes):
        axes.plot([0.123456, 0.654321], [0.99812, 0.99934])
        axes.set_xlabel("at 0.12345 and -0.98765")
        text = svg(figure, "fine", "a line from 0.99812")
    assert "at 0.12345 and -0.98765" in text
    assert 'aria-label="a line from 0.99812"' in text
    ticks = re.findall(r"<text[^>]*>0\.99(\d+)</text>", text)
    assert len(set(ticks)) > 2, "neighbouring ticks differ"
    assert not re.search(r' d="[^"]*\d\.\d{2}', text)
