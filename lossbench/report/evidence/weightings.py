"""One loss made of the same terms in several weightings: what each gives up of one metric for another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from lossbench.plan import compact
from lossbench.verdicts.comparison import Contender, Contest
from lossbench.verdicts.ranks import pareto_front

FEWEST = 3
"""Fewer weightings than this make no front."""


@dataclass(frozen=True)
class Weighting:
    """One cell: its title, its weights as they are read, and its means over repeats of the two metrics."""

    title: str
    weights: str
    values: tuple[float, float]


@dataclass(frozen=True)
class Tradeoff:
    """Weightings of one loss by two metrics, the task's own first. `signs`: 1 where larger is better, else -1."""

    loss: str
    metrics: tuple[str, str]
    signs: tuple[int, int]
    weightings: tuple[Weighting, ...]

    @property
    def front(self) -> tuple[Weighting, ...]:
        """Those that no other beats: as good in both metrics and better in one. Sorted by the first metric."""

        first, second = self.signs
        places = pareto_front([(first * w.values[0], second * w.values[1]) for w in self.weightings])
        return tuple(sorted((self.weightings[place] for place in places), key=lambda w: w.values))


def tradeoffs(contest: Contest) -> list[Tradeoff]:
    """One for each set of terms that at least three cells weigh differently, failures apart."""
    groups: dict[Hashable, list[Contender]] = defaultdict(list)
    for contender in contest.contenders:
        key = _terms(contender)
        if key is not None and not contender.failed:
            groups[key].append(contender)
    found = [_tradeoff(contest, group) for group in groups.values()]
    return [one for one in found if one is not None]


def _terms(contender: Contender) -> Hashable | None:
    """What cells share that differ in weights alone; None for a loss without weights."""
    params: Mapping[str, object] = contender.record.loss.params
    weighed = {name: value for name, value in params.items() if isinstance(value, Mapping) and "name" not in value}
    if len(weighed) != 1:
        return None
    ((name, weights),) = weighed.items()
    others = tuple((key, compact(value)) for key, value in sorted(params.items()) if key != name)
    return contender.record.loss.name, name, tuple(sorted(map(str, weights))), others


def _tradeoff(contest: Contest, group: Sequence[Contender]) -> Tradeoff | None:
    if len(group) < FEWEST:
        return None
    directions = group[0].record.directions
    known = [name for name in contest.board.metrics if all(name in c.row.metrics for c in group) and name in directions]
    second = next((name for name in known if name != contest.metric), None)
    if contest.metric not in known or second is None:
        return None
    names = (contest.metric, second)
    return Tradeoff(
        group[0].record.loss.name,
        names,
        (directions[names[0]].sign, directions[names[1]].sign),
        tuple(Weighting(c.title, _weights(c), (_mean(c, names[0]), _mean(c, names[1]))) for c in group),
    )


def _mean(contender: Contender, metric: str) -> float:
    values = contender.record.values(metric)
    return sum(values) / len(values)


def _weights(contender: Contender) -> str:
    """`bce 1, dice 0.1`; of a schedule `dice 0→0.5`."""
    (weights,) = (v for v in contender.record.loss.params.values() if isinstance(v, Mapping) and "name" not in v)
    return ", ".join(f"{name} {_weight(weight)}" for name, weight in weights.items())


def _weight(said: object) -> str:
    if not isinstance(said, Mapping):
        return compact(said)
    ends = f"{compact(said.get('from'))}→{compact(said.get('to'))}"
    more = [compact(said[key]) for key in ("until", "shape") if key in said]
    return f"{ends} ({', '.join(more)})" if more else ends
