"""The leaderboard of a contest as the report shows it: one line of words and numbers per loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lossbench.metrics.catalogue import written
from lossbench.plan import Direction, Scope
from lossbench.report.chosen import choices
from lossbench.report.figures.style import SERIES
from lossbench.verdicts import costs
from lossbench.verdicts.comparison import Across, Contender, Contest, places
from lossbench.verdicts.overall import regrets, stronger
from lossbench.verdicts.ranks import Ranking
from lossbench.verdicts.verdict import Verdict
from lossbench.verdicts.words import (
    NO_MARGIN,
    amount,
    chosen_otherwise,
    could_detect,
    listed,
    p_value,
    several,
    span,
    what_would_decide,
)

WIDTH, EDGE = 200.0, 8.0
"""Width of the forest cell and its padding, in pixels."""


@dataclass(frozen=True)
class Forest:
    """A row's intervals in pixels; `beyond` is -1 or 1 where the mean lies outside the picture."""

    mean: float
    wide: tuple[float, float] | None
    narrow: tuple[float, float]
    beyond: int
    label: str


@dataclass(frozen=True)
class Line:
    """One row of the table, written out."""

    kind: str
    tier: str
    order: int
    series: int
    title: str
    note: str
    chosen: str
    """Learning rate, parameters and thresholds as the repeats chose them: medians, lowest to highest."""
    value: float | str
    mean: str
    sd: str
    forest: Forest | None
    gain_value: float | str
    gain: str
    verdict: str
    icon: str
    mood: str
    why: str
    improvement: str
    record: str
    time: str
    time_value: float | str
    time_spread: str
    failed: str
    failed_any: bool


@dataclass(frozen=True)
class Board:
    """One contest's table."""

    title: str
    subtitle: str
    words: str
    caption: str
    metric: str
    baseline: str | None
    band: tuple[float, float]
    zero: float
    rows: tuple[Line, ...]
    skipped: tuple[str, ...]


def board(contest: Contest, words: str, series: dict[str, int]) -> Board:
    """The table of one contest; `words` sums up its verdicts."""
    place = _scale(contest)
    zero, left, right = place(0.0), place(-contest.margin), place(contest.margin)
    rows = (*contest.contenders, *contest.controls, *contest.references)
    return Board(
        title=f"{contest.task} on {contest.name}",
        subtitle=contest.board.model,
        words=f"{words[:1].upper()}{words[1:]}.{_model(contest)}",
        caption=_caption(contest),
        metric=written(contest.metric),
        baseline=contest.baseline,
        band=(round(left, 1), round(right - left, 1)),
        zero=round(zero, 1),
        rows=tuple(_line(contest, c, order, series, place) for order, c in enumerate(rows)),
        skipped=tuple(f"Left out: {r.title} ({r.reason})." for r in contest.board.skipped),
    )


def _model(contest: Contest) -> str:
    """Where a reference beats every network by more than the loss is worth."""
    found = stronger(contest)
    if found is None:
        return ""
    said = f"{found.title} beats every network ({found.values}): here the model matters more than the loss."
    return f" {said[:1].upper()}{said[1:]}"


def _caption(contest: Contest) -> str:
    protocol = contest.board.cell.protocol
    spent = f"{several(contest.repeats, 'repeat')} of {several(contest.trials, 'trial')} ({protocol.name})"
    better = "lower is better" if contest.direction is Direction.MIN else "higher is better"
    said = f"{written(contest.metric)}, {better}: mean ± standard deviation over {spent}, on the same test part. "
    rejudged = chosen_otherwise(contest)
    said += f"{rejudged[:1].upper()}{rejudged[1:]}. " if rejudged else ""
    if not contest.differences:
        return said.strip()
    margin = f"Within the grey band, up to {amount(contest.margin, contest)}, losses are the same in practice. "
    margin = margin if contest.margin else f"{NO_MARGIN[0].upper()}{NO_MARGIN[1:]}. "
    return (
        f"{said}{margin}Thick line: 95 % interval of the gain, trained on these rows, on this test "
        "part; thin line: for new rows like the test part. "
        "Losses in a tier are statistically indistinguishable from its best."
    )


def _line(contest: Contest, c: Contender, order: int, series: dict[str, int], place: Callable[[float], float]) -> Line:
    difference = c.difference
    mean = c.mean
    judged = difference is not None and not contest.no_verdict
    verdict = difference.verdict if judged and difference else None
    why, note = c.apart, ""
    if verdict is Verdict.UNCLEAR and difference:
        why = f"{could_detect(difference, contest)}{what_would_decide(difference)}"
    elif difference and difference.identical:
        why = "identical on all repeats"
    if difference and difference.training_rows and contest.rules.scope is not Scope.TRAINING_ROWS:
        wider = f"{Scope.TRAINING_ROWS.words}: {span(difference.training_rows.interval(), contest)}"
        why = f"{why}. {wider[0].upper()}{wider[1:]}" if why else wider
    if c.role == "baseline" or (c.title == contest.baseline and c.role == "chosen"):
        note = "baseline, added" if c.role == "baseline" else "baseline"
    elif c.role in ("control", "reference"):
        note = c.role
    mood = {1: "better", -1: "worse"}.get(verdict.sign, "neutral") if verdict else "neutral"
    spread = c.spread
    found = costs.times(contest, c)
    of = len(c.record.repeats)
    return Line(
        kind=c.role,
        tier="✕" if c.apart else c.tier,
        order=order,
        series=series.get(c.title, -1) % len(SERIES) if c.title in series else -1,
        title=c.title,
        note=note,
        chosen=choices(c.record).said if c.role != "reference" else "",
        value="" if mean is None else mean,
        mean="–" if mean is None else amount(mean, contest),
        sd="" if spread is None else amount(spread, contest),
        forest=_forest(contest, c, place),
        gain_value="" if difference is None else difference.test.mean,
        gain="" if difference is None else amount(difference.test.mean, contest, sign=True),
        verdict=verdict.value if verdict else "set apart" if c.apart else "",
        icon=verdict.icon if verdict else "✕" if c.apart else "",
        mood="worse" if c.failed else mood,
        why=why,
        improvement="" if difference is None else f"{round(100 * difference.improvement)} %",
        record="" if difference is None else "·".join(map(str, difference.outcomes)),
        time="" if found is None else "1 ×" if c.title == contest.baseline else found.said,
        time_value="" if found is None else found.ratio,
        time_spread="" if found is None or c.title == contest.baseline else found.spread,
        failed="" if c.role == "reference" else f"{c.failed}/{of}",
        failed_any=c.failed > 0,
    )


def _scale(contest: Contest) -> Callable[[float], float]:
    """Gains to pixels: means and most intervals lie inside, and one far-off loss does not squeeze the others."""
    found = [c.difference for c in (*contest.ranked, *contest.controls) if c.difference]
    ends = sorted(max(abs(bound) for bound in d.test.interval()) for d in found)
    usual = ends[(len(ends) - 1) // 2] if ends else 0.0
    reach = max(min(max(ends, default=0.0), 3 * usual), 1.5 * contest.margin, 1e-12)
    return lambda gain: WIDTH / 2 + max(-1.0, min(1.0, gain / reach)) * (WIDTH / 2 - EDGE)


def _forest(contest: Contest, c: Contender, place: Callable[[float], float]) -> Forest | None:
    difference = c.difference
    if difference is None:
        return None
    mean, low, high = place(difference.test.mean), *difference.test.interval()
    outside = place(difference.test.mean * (1 + 1e-9) + 0.0)
    beyond = -1 if outside <= EDGE else 1 if outside >= WIDTH - EDGE else 0
    wide = difference.new_rows.interval() if difference.new_rows else None
    test, new_rows = span((low, high), contest), span(wide, contest) if wide else "not known"
    return Forest(
        mean=round(mean, 1),
        wide=(round(place(wide[0]), 1), round(place(wide[1]), 1)) if wide else None,
        narrow=(round(place(low), 1), round(place(high), 1)),
        beyond=beyond,
        label=f"{c.title}: better than {difference.other} by {amount(difference.test.mean, contest, sign=True)}; "
        f"95 % interval, trained on these rows: {test} on this test part, {new_rows} for new rows like the test part",
    )


@dataclass(frozen=True)
class AcrossTable:
    """Losses over tasks."""

    words: str
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


NAMED = 12
"""How many tasks a sentence names at most."""


def _pairs(ranking: Ranking, titles: Sequence[str]) -> str:
    """Which losses Wilcoxon's signed-rank test separates over tasks; if none, whether it could have."""
    tasks, pairs = len(ranking.ranks), ranking.pairs_holm
    family = f"after Holm over {several(len(pairs), 'pair')}" if len(pairs) > 1 else "one pair"
    apart = [
        f"{titles[i]} and {titles[j]} ({p_value(p)})"
        for (i, j), p in sorted(pairs.items(), key=lambda item: item[1])
        if p < 0.05
    ]
    if apart:
        more = f" and {several(len(apart) - NAMED, 'pair')} more" if len(apart) > NAMED else ""
        return f"Wilcoxon's signed-rank test, {family}, separates {listed(apart[:NAMED])}{more}."
    floor = 2.0 ** (1 - tasks) * len(pairs)
    why = f"; with {several(tasks, 'task')} no p could be below {min(1.0, floor):.2g}" if floor >= 0.05 else ""
    return f"Wilcoxon's signed-rank test, {family}, separates no two losses{why}."


def across_table(across: Across) -> AcrossTable:
    """Mean ranks, gains in margins, won and lost tasks; the results of the tests over tasks, or why there are none."""
    ranking, tasks = across.ranking, len(across.contests)
    names = [c.name for c in across.contests]
    told = listed(names) if tasks <= NAMED else f"{', '.join(names[:NAMED])} and {tasks - NAMED} more"
    said = [f"One row per task, averaged over its repeats: {told}."]
    if ranking is not None:
        said.append(
            f"Friedman's χ² = {ranking.friedman:.2f}, Iman and Davenport's F = {ranking.f:.2f}, {p_value(ranking.p)}."
        )
        said.append(
            f"Mean ranks more than {ranking.critical:.2f} apart differ significantly (Nemenyi)."
            if ranking.critical is not None
            else f"No critical difference: {several(tasks, 'task')} are too few; it needs at least 5, better 8."
        )
        said.append(_pairs(ranking, across.titles))
    if across.regret is not None:
        said.append(
            f"Taking the loss that is best on the other tasks gives up {across.regret.mean():.1f} margins per task on "
            f"average, {across.regret.max():.1f} at worst."
        )
    rows, regret = [], regrets(across)
    for i, title in enumerate(across.titles):
        won, lost = (int((across.verdicts[:, i] == sign).sum()) for sign in (1, -1))
        rank = "" if ranking is None else f"{ranking.mean[i]:.2f}"
        gains = across.gains[:, i]
        digits = places(0.0, list(gains))
        rows.append(
            (
                title,
                rank,
                f"{gains.mean():+.{min(2, digits)}f}".replace("-", "−"),
                f"{regret[i]:.{min(2, digits)}f}",
                f"{won}·{tasks - won - lost}·{lost}",
            )
        )
    if ranking is not None:
        rows = [row for _, row in sorted(zip(ranking.mean, rows, strict=True), key=lambda pair: float(pair[0]))]
    return AcrossTable(
        words=" ".join(said),
        caption="Means over tasks, in margins of equivalence. Gain: over each task's baseline. Regret: what the loss "
        "gives up relative to the best loss of each task.",
        head=("loss", "mean rank", "gain in margins", "regret in margins", "better·same or unclear·worse"),
        rows=tuple(rows),
    )
