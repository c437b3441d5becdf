"""What all the trainings say that no test score shows: how they went, and what any one of them would have claimed.

All values are the task's own metric on validation data: the values of different training losses cannot be compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isclose, log10
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossbench.verdicts.comparison import Contender, Contest

Values = NDArray[np.float64]
SPAN = (0.1, 0.5, 0.9)
"""The quantiles of a band and its middle."""
MOST_BANDS = 6
"""Of learning rates: more would hold too few trainings each."""


# How the chosen trainings went ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Curve:
    """How one loss's chosen trainings went, epoch by epoch: the median over repeats and what 8 of 10 lie within.

    A repeat that has stopped keeps its last value; the curve ends where fewer than half of the repeats still train.
    """

    title: str
    median: Values
    low: Values
    high: Values
    training: NDArray[np.int64]
    """How many repeats still train in each epoch."""

    @property
    def epochs(self) -> Values:
        return np.arange(1, len(self.median) + 1, dtype=float)


def learning_curves(contest: Contest) -> list[Curve]:
    """One curve a loss, in the contest's order; a loss without stored curves has none."""
    found = []
    for contender in contest.contenders:
        with contender.record.stored() as stored:
            names = [f"curve/{repeat.repeat}/validation" for repeat in contender.record.repeats]
            curves = [np.asarray(stored[name], dtype=float) for name in names if name in stored]
        curve = over_epochs(contender.title, [c for c in curves if len(c) and np.isfinite(c).all()])
        found += [curve] if curve else []
    return found


def over_epochs(title: str, curves: Sequence[Values]) -> Curve | None:
    """Curves of different lengths, put together."""
    if not curves:
        return None
    lengths = np.array([len(curve) for curve in curves])
    training = np.array([int((lengths > epoch).sum()) for epoch in range(lengths.max())])
    end = int((2 * training >= len(curves)).sum())
    whole = np.array([np.concatenate([c, np.full(max(0, end - len(c)), c[-1])])[:end] for c in curves])
    low, median, high = np.quantile(whole, SPAN, axis=0)
    return Curve(title, median, low, high, training[:end])


# What one seed at one rate would have said ------------------------------------------------------------------------


@dataclass(frozen=True)
class Experiment:
    """One seed at one rate: what every loss reached on validation data, None where it diverged."""

    repeat: int
    trial: int
    rate: float
    values: Mapping[str, float | None]

    def winners(self, sign: int) -> tuple[str, ...]:
        """The losses with the best value; several where they tie, none where all diverged."""
        sound = {title: sign * value for title, value in self.values.items() if value is not None}
        return tuple(title for title, value in sound.items() if value == max(sound.values()))


@dataclass(frozen=True)
class Band:
    """The experiments at rates from `low` to `high`. Ties are shared out evenly."""

    low: float
    high: float
    experiments: int
    named: Mapping[str, float]
    """The share of these experiments that names each loss the winner."""
    wrong: float
    """The share that names a loss that the study does not."""


@dataclass(frozen=True)
class Against:
    """How one seed at one rate would have judged a loss beside the baseline, as shares of its experiments."""

    title: str
    verdict: str
    sign: int
    """The study's: +1 better, -1 worse, 0 neither."""
    experiments: int
    better: float
    worse: float
    better_beyond: float
    """Better by more than the margin of practical equivalence."""
    worse_beyond: float

    @property
    def opposite(self) -> float | None:
        """The share that says the opposite of the study, where that says something."""
        return {1: self.worse, -1: self.better, 0: None}[self.sign]


@dataclass(frozen=True)
class BlogPost:
    """What somebody with one seed and one learning rate would have written, held against the whole study."""

    experiments: int
    """Repeats x trials in which at least one loss did not diverge."""
    losses: tuple[str, ...]
    """In the study's order."""
    right: tuple[str, ...]
    """Whom the study names: its tier A, or its first where nothing is judged."""
    tiers: bool
    named: Mapping[str, float]
    wrong: float
    bands: tuple[Band, ...]
    against: tuple[Against, ...]
    """Empty where the study judges nothing."""

    @property
    def disagree(self) -> float:
        """How often two such posts, taken at random, name different winners."""
        return 1 - sum(share**2 for share in self.named.values())

    @property
    def opposite(self) -> float | None:
        """Over losses that are better or worse than the baseline: how often an experiment says the opposite."""
        return _mean([a.opposite for a in self.against if a.opposite is not None])

    @property
    def unfounded(self) -> float | None:
        """Over losses that are the same or can't be told: how often an experiment puts one above the baseline."""
        return _mean([a.better for a in self.against if a.sign == 0])

    @property
    def unfounded_beyond(self) -> float | None:
        """The same, by more than the margin."""
        return _mean([a.better_beyond for a in self.against if a.sign == 0])


def experiments(contest: Contest) -> list[Experiment]:
    """Every repeat at every trial, over the losses that were trained at the same rates as the baseline.

    Trial t of repeat r has the same rate, rows, weights and batch order for all of them, so it is an experiment of
    its own: the one that is made when nobody tunes and nobody repeats.
    """
    if not contest.ranked:
        return []
    base = next((c for c in contest.ranked if c.title == contest.baseline), contest.ranked[0])
    wanted = {place: float(trial["learning_rate"]) for place, trial in _trials(base)}
    tables: dict[str, dict[tuple[int, int], dict[str, Any]]] = {}
    for contender in contest.ranked:
        table = dict(_trials(contender))
        same = table.keys() == wanted.keys() and all(
            isclose(float(trial["learning_rate"]), wanted[place]) for place, trial in table.items()
        )
        if same:
            tables[contender.title] = table
    return [
        Experiment(*place, rate, {title: _value(table[place]) for title, table in tables.items()})
        for place, rate in wanted.items()
    ]


def blog_post(contest: Contest) -> BlogPost | None:
    """What would have been concluded without the study; None with one trial a repeat or fewer than two losses."""
    every = experiments(contest)
    if not every or len(every[0].values) < 2 or max(e.trial for e in every) < 1:
        return None
    sound = [e for e in every if e.winners(contest.sign)]
    if not sound:
        return None
    losses = tuple(every[0].values)
    best = tuple(c.title for c in contest.ranked if c.tier == "A")
    right = tuple(t for t in best or (contest.ranked[0].title,) if t in losses)
    edges = rate_edges(contest)
    place = np.clip(np.digitize([e.rate for e in sound], edges) - 1, 0, len(edges) - 2)
    bands = []
    for number in range(len(edges) - 1):
        inside = [e for e, at in zip(sound, place, strict=True) if at == number]
        named = _named(inside, losses, contest.sign)
        bands.append(
            Band(float(edges[number]), float(edges[number + 1]), len(inside), named, _wrong(named, right, inside))
        )
    named = _named(sound, losses, contest.sign)
    return BlogPost(
        experiments=len(sound),
        losses=losses,
        right=right,
        tiers=bool(best),
        named=named,
        wrong=_wrong(named, right, sound),
        bands=tuple(bands),
        against=_against(contest, sound),
    )


def _named(inside: Sequence[Experiment], losses: Sequence[str], sign: int) -> dict[str, float]:
    total = dict.fromkeys(losses, 0.0)
    for experiment in inside:
        winners = experiment.winners(sign)
        for title in winners:
            total[title] += 1 / len(winners)
    return {title: count / len(inside) if inside else 0.0 for title, count in total.items()}


def _wrong(named: Mapping[str, float], right: Sequence[str], inside: Sequence[Experiment]) -> float:
    return sum((share for title, share in named.items() if title not in right), 0.0) if inside else 0.0


def _against(contest: Contest, sound: Sequence[Experiment]) -> tuple[Against, ...]:
    found = []
    for contender in contest.ranked:
        difference, title, baseline = contender.difference, contender.title, contest.baseline
        if contest.no_verdict or difference is None or baseline is None or title not in sound[0].values:
            continue
        both = [(e.values[title], e.values[baseline]) for e in sound]
        gains = np.array([_gain(*pair, contest.sign) for pair in both if pair != (None, None)])
        if len(gains):
            shares = [gains > 0, gains < 0, gains > contest.margin, gains < -contest.margin]
            verdict = difference.verdict
            found.append(
                Against(title, verdict.value, verdict.sign, len(gains), *(float(share.mean()) for share in shares))
            )
    return tuple(found)


def _gain(value: float | None, baseline: float | None, sign: int) -> float:
    """Of a loss over the baseline; endless where one of them diverged."""
    return (-inf if value is None else sign * value) - (-inf if baseline is None else sign * baseline)


# How much the learning rate matters -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sensitivity:
    """What a loss reaches by learning rate: median and the span of 8 of 10 trainings in each band.

    Diverged trainings count as the worst: where half of a band's diverged, it has no median (NaN).
    """

    title: str
    rates: Values
    """The middle of each band, on the logarithmic scale."""
    median: Values
    worst: Values
    best: Values
    trainings: NDArray[np.int64]
    diverged: NDArray[np.int64]


def sensitivity_of(contest: Contest) -> list[Sensitivity] | None:
    """One a loss, in the contest's order; None where all trainings had one rate."""
    edges = rate_edges(contest)
    if len(edges) < 3:
        return None
    middles = np.sqrt(edges[:-1] * edges[1:])
    found = []
    for contender in contest.ranked:
        trials = [trial for _, trial in _trials(contender)]
        place = np.clip(np.digitize([float(t["learning_rate"]) for t in trials], edges) - 1, 0, len(middles) - 1)
        costs = np.array([_cost(trial, contest.sign) for trial in trials])
        inside = [costs[place == number] for number in range(len(middles))]
        spans = np.array([_quantiles(band) for band in inside])
        spans = -contest.sign * np.where(np.isfinite(spans), spans, np.nan)
        found.append(
            Sensitivity(
                contender.title,
                middles,
                spans[:, 1],
                spans[:, 2],
                spans[:, 0],
                np.array([len(band) for band in inside]),
                np.array([int(np.isinf(band).sum()) for band in inside]),
            )
        )
    return found


def after_k_trials_of(contest: Contest) -> dict[str, Values] | None:
    """The best validation value after 1, 2, ... trials, mean over repeats, by loss; None with one trial a repeat.

    NaN as long as every trial of some repeat has diverged.
    """
    found = {}
    for contender in contest.ranked:
        repeats = [[_cost(trial, contest.sign) for trial in repeat.trials] for repeat in contender.record.repeats]
        shortest = min((len(costs) for costs in repeats), default=0)
        if shortest > 1:
            running = np.minimum.accumulate(np.array([costs[:shortest] for costs in repeats]), axis=1).mean(0)
            found[contender.title] = -contest.sign * np.where(np.isfinite(running), running, np.nan)
    return found or None


def rate_edges(contest: Contest) -> Values:
    """Where bands of learning rates begin and end: at most six, equally wide in decades, over all rates tried."""
    rates = [float(trial["learning_rate"]) for c in contest.ranked for _, trial in _trials(c)]
    if not rates:
        return np.array([])
    low, high = min(rates), max(rates)
    if isclose(low, high):
        return np.array([low, high])
    decades = contest.board.cell["protocol"].get("rate_decades")
    centre = contest.board.cell.get("training", {}).get("learning_rate")
    if decades and centre:  # what was meant to be tried, so that the middle band holds the middle
        low, high = min(low, centre * 10 ** (-decades / 2)), max(high, centre * 10 ** (decades / 2))
    count = int(np.clip(round(1.25 * log10(high / low)), 2, MOST_BANDS))
    return np.geomspace(low, high, count + 1)


def _trials(contender: Contender) -> list[tuple[tuple[int, int], dict[str, Any]]]:
    """All trainings of a loss by repeat and trial."""
    return [
        ((repeat.repeat, number), trial)
        for repeat in contender.record.repeats
        for number, trial in enumerate(repeat.trials)
    ]


def _value(trial: Mapping[str, Any]) -> float | None:
    value = trial.get("value")
    return float(value) if value is not None and np.isfinite(value) else None


def _cost(trial: Mapping[str, Any], sign: int) -> float:
    """Lower is better, whichever way the metric improves; diverged is the worst."""
    value = _value(trial)
    return inf if value is None else -sign * value


def _quantiles(costs: Values) -> Values:
    """As numpy's, but where endless values, between which it has none, stay endless."""
    if not len(costs):
        return np.full(len(SPAN), np.nan)
    ordered = np.sort(costs)
    places = np.array(SPAN) * (len(ordered) - 1)
    below, above = ordered[np.floor(places).astype(int)], ordered[np.ceil(places).astype(int)]
    between = np.isfinite(above)
    steps = np.where(between, above, 0) - np.where(between, below, 0)
    return np.where(between, below + (places % 1) * steps, inf)


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
