"""How much the learning rate and further trials matter to each loss, by all the trainings of a study.

All values are the task's own metric on validation data: the values of different training losses cannot be compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isclose, log10

import numpy as np
from numpy.typing import NDArray

from lossbench.records.facts import TrialResult
from lossbench.report.evidence.curves import SPAN
from lossbench.verdicts.comparison import Contender, Contest

Values = NDArray[np.float64]
MOST_BANDS = 6
"""The most bands of learning rates: with more, each would hold too few trainings."""


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
    """One per loss, in the contest's order; None where all trainings had one rate."""
    edges = rate_edges(contest)
    if len(edges) < 3:
        return None
    middles = np.sqrt(edges[:-1] * edges[1:])
    found = []
    for contender in contest.ranked:
        trials = [trial for _, trial in trials_of(contender)]
        place = np.clip(np.digitize([t.learning_rate for t in trials], edges) - 1, 0, len(middles) - 1)
        costs = np.array([_cost(trial, contest.chosen_sign) for trial in trials])
        inside = [costs[place == number] for number in range(len(middles))]
        spans = np.array([_quantiles(band) for band in inside])
        spans = -contest.chosen_sign * np.where(np.isfinite(spans), spans, np.nan)
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
    """The best validation value after 1, 2, ... trials, mean over repeats, by loss; None with one trial per repeat.

    NaN as long as every trial of some repeat has diverged.
    """
    found = {}
    for contender in contest.ranked:
        repeats = [
            [_cost(trial, contest.chosen_sign) for trial in repeat.trials] for repeat in contender.record.repeats
        ]
        shortest = min((len(costs) for costs in repeats), default=0)
        if shortest > 1:
            running = np.minimum.accumulate(np.array([costs[:shortest] for costs in repeats]), axis=1).mean(0)
            found[contender.title] = -contest.chosen_sign * np.where(np.isfinite(running), running, np.nan)
    return found or None


def rate_edges(contest: Contest) -> Values:
    """Where bands of learning rates begin and end: at most six, equally wide in decades, over all rates tried."""
    rates = [trial.learning_rate for c in contest.ranked for _, trial in trials_of(c)]
    if not rates:
        return np.array([])
    low, high = min(rates), max(rates)
    if isclose(low, high):
        return np.array([low, high])
    decades, centre = contest.board.cell.protocol.rate_decades, contest.board.cell.training.learning_rate
    # what was meant to be tried, so that the middle band holds the middle
    low, high = min(low, centre * 10 ** (-decades / 2)), max(high, centre * 10 ** (decades / 2))
    count = int(np.clip(round(1.25 * log10(high / low)), 2, MOST_BANDS))
    return np.geomspace(low, high, count + 1)


def trials_of(contender: Contender) -> list[tuple[tuple[int, int], TrialResult]]:
    """All trainings of a loss by repeat and trial."""
    return [
        ((repeat.repeat, number), trial)
        for repeat in contender.record.repeats
        for number, trial in enumerate(repeat.trials)
    ]


def value_of(trial: TrialResult) -> float | None:
    """On validation data; None where the training diverged."""
    return trial.value if trial.value is not None and np.isfinite(trial.value) else None


def _cost(trial: TrialResult, sign: int) -> float:
    """Lower is better, whichever way the metric improves; diverged is the worst."""
    value = value_of(trial)
    return inf if value is None else -sign * value


def _quantiles(costs: Values) -> Values:
    """Like numpy's, but infinite values stay infinite, where numpy gives NaN between them."""
    if not len(costs):
        return np.full(len(SPAN), np.nan)
    ordered = np.sort(costs)
    places = np.array(SPAN) * (len(ordered) - 1)
    below, above = ordered[np.floor(places).astype(int)], ordered[np.ceil(places).astype(int)]
    between = np.isfinite(above)
    steps = np.where(between, above, 0) - np.where(between, below, 0)
    return np.where(between, below + (places % 1) * steps, inf)
