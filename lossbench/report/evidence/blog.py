"""What a blog post would have concluded: one seed at one learning rate, compared with the whole study.

All values are the task's own metric on validation data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isclose

import numpy as np

from lossbench.records.facts import TrialResult
from lossbench.report.evidence.rates import rate_edges, trials_of, value_of
from lossbench.verdicts.comparison import Contest


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
    """The share whose winner the study does not pick."""


@dataclass(frozen=True)
class Against:
    """How one seed at one rate would have judged a loss against the baseline, as shares of experiments."""

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
    """What a blog post with one seed and one learning rate would have claimed, compared with the whole study."""

    experiments: int
    """Repeats x trials in which at least one loss did not diverge."""
    losses: tuple[str, ...]
    """In the study's order."""
    right: tuple[str, ...]
    """The study's pick: its tier A, or its first loss where nothing is judged."""
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
    its own: what one runs without tuning and without repeats.
    """
    if not contest.ranked:
        return []
    base = next((c for c in contest.ranked if c.title == contest.baseline), contest.ranked[0])
    wanted = {place: trial.learning_rate for place, trial in trials_of(base)}
    tables: dict[str, dict[tuple[int, int], TrialResult]] = {}
    for contender in contest.ranked:
        table = dict(trials_of(contender))
        same = table.keys() == wanted.keys() and all(
            isclose(trial.learning_rate, wanted[place]) for place, trial in table.items()
        )
        if same:
            tables[contender.title] = table
    return [
        Experiment(*place, rate, {title: value_of(table[place]) for title, table in tables.items()})
        for place, rate in wanted.items()
    ]


def blog_post(contest: Contest) -> BlogPost | None:
    """What would have been concluded without the study; None with one trial per repeat or fewer than two losses."""
    every = experiments(contest)
    if not every or len(every[0].values) < 2 or max(e.trial for e in every) < 1:
        return None
    sound = [e for e in every if e.winners(contest.chosen_sign)]
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
        named = _named(inside, losses, contest.chosen_sign)
        bands.append(
            Band(float(edges[number]), float(edges[number + 1]), len(inside), named, _wrong(named, right, inside))
        )
    named = _named(sound, losses, contest.chosen_sign)
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
        gains = np.array([_gain(*pair, contest.chosen_sign) for pair in both if pair != (None, None)])
        if len(gains):
            shares = [gains > 0, gains < 0, gains > contest.margin, gains < -contest.margin]
            verdict = difference.verdict
            found.append(
                Against(title, verdict.value, verdict.sign, len(gains), *(float(share.mean()) for share in shares))
            )
    return tuple(found)


def _gain(value: float | None, baseline: float | None, sign: int) -> float:
    """The gain of a loss over the baseline; infinite where one of them diverged."""
    return (-inf if value is None else sign * value) - (-inf if baseline is None else sign * baseline)


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
