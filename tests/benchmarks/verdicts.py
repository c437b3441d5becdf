"""Whether intervals and verdicts keep their word on simulated repeats whose truth is known.

The unit is the standard deviation of a gain over repeats on one test set with endless rows. Of each example's gain,
`EXAMPLES` is the spread that stays over repeats and `REST` what every training throws anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from lossbench.metrics.influence import parts
from lossbench.plan import Scope
from lossbench.verdicts.comparison import Rules
from lossbench.verdicts.judging import compare
from lossbench.verdicts.statistics import Estimate, holm, over_repeats, over_repeats_and_examples
from lossbench.verdicts.statistics import power as power_of
from lossbench.verdicts.verdict import Verdict, judge
from tests.benchmarks.measure import Line
from tests.verdicts.test_comparison import regression

Values = NDArray[np.float64]
Rng = np.random.Generator
SWEEPS, COMPARISONS, TESTS = 2_000, 4_000, 40_000
OTHERS = 2_000
"""Comparisons by metrics that are no means, which take longer."""
JUDGED = 2_000
TEST_SETS, TRAININGS = 5, 1_000
LOSSES = 10
EXAMPLES, REST = (0.0, 10.0, 30.0), 10.0
REPEATS, ROWS = (3, 5, 10), (100, 400)


def false_alarms() -> Iterator[Line]:
    """Ten losses that are the same: how often any of nine is called better or worse than the baseline."""
    goal = "a false 'better' ≤ 6 %"
    for repeats in (5, 10):
        rng = np.random.default_rng(repeats)
        found = [_verdicts([over_repeats(g) for g in _gains(rng, repeats)]) for _ in range(SWEEPS)]
        yield _alarms(f"{repeats} repeats, on this test part", found, goal)
    for repeats in (5, 10):
        for rows in ROWS:
            for examples in EXAMPLES[1:]:
                rng = np.random.default_rng([repeats, rows, int(examples)])
                found = [
                    _verdicts([over_repeats_and_examples(p.mean(1), p) for p in _crossed(rng, repeats, rows, examples)])
                    for _ in range(SWEEPS)
                ]
                what = f"{repeats} repeats, {rows} test rows that differ by {examples:g}, for new rows"
                yield _alarms(what, found, goal)


def tiers() -> Iterator[Line]:
    """Whole sweeps of ten losses that are the same, judged as records are: pairs of the matrix and letters of tiers."""
    for scope in ("test", "rows"):
        for repeats in (5, 10):
            rng = np.random.default_rng([repeats, scope == "test"])
            found = [_judged(rng, repeats, scope) for _ in range(JUDGED)]
            pairs, letters = (100 * np.mean([sweep[place] for sweep in found]) for place in (0, 1))
            where = {"test": "on this test part", "rows": "for new rows"}[scope]
            yield Line(
                f"ten equal losses, every pair, {repeats} repeats, {where}",
                f"some pair told apart {pairs:.1f} %, some loss below the first tier {letters:.1f} %",
                f"{JUDGED} sweeps of records, Holm over 45",
                "pairs ≤ 6 %; tiers, which rest on two families, ≤ 10 %",
                bool(pairs <= 6 and letters <= 10),
            )


def coverage() -> Iterator[Line]:
    """How often the 95 % interval holds the true difference, 0.7 here or known from the scores' distribution."""
    kinds: dict[str, Kind] = {"AUC": _Auc, "RMSE": _Rmse}
    shares = [_covered(np.random.default_rng(n), n, COMPARISONS, _on_this_test_set) for n in REPEATS]
    yield _shares("on this test part, a mean", shares, COMPARISONS)
    for name, kind in kinds.items():
        rng = np.random.default_rng(0)
        held = np.array([_on_one_test_set(kind(rng, ROWS[0]), rng) for _ in range(TEST_SETS)])
        yield _shares(f"on this test part, {name} of {ROWS[0]} rows", held.mean(0), OTHERS)
    for rows in ROWS:
        for examples in EXAMPLES:
            seed = [rows, int(examples)]
            simulate = _linear(rows, examples)
            shares = [_covered(np.random.default_rng([n, *seed]), n, COMPARISONS, simulate) for n in REPEATS]
            yield _shares(f"for new rows, {rows} rows that differ by {examples:g}", shares, COMPARISONS)
        for name, kind in kinds.items():
            shares = [_covered(np.random.default_rng([n, rows]), n, OTHERS, _population(rows, kind)) for n in REPEATS]
            yield _shares(f"for new rows, {name} of {rows} rows", shares, OTHERS)


def power() -> Iterator[Line]:
    """One comparison of ten repeats, one standard deviation apart."""
    rows = np.random.default_rng(0).normal(1, 1, (TESTS, 10))
    share = float(np.mean([over_repeats(gains).p < 0.05 for gains in rows]))
    yardstick = f"{power_of(1, 10):.3f} by the noncentral t"
    yield Line("power for one sd at 10 repeats", f"{share:.3f}", yardstick, ".803 ± .02", abs(share - 0.803) <= 0.02)


# One sweep or comparison ----------------------------------------------------------------------------------------------


def _gains(rng: Rng, repeats: int) -> Values:
    """[9, R]: of each loss over the baseline; all share the baseline's own luck."""
    scores = rng.normal(0, np.sqrt(0.5), (LOSSES, repeats))
    return scores[1:] - scores[0]


def _crossed(rng: Rng, repeats: int, rows: int, examples: float) -> Values:
    """[9, R, rows]: as `_gains`, with test rows that are drawn too."""
    scores = rng.standard_normal((LOSSES, repeats, rows), dtype=np.float32) * (REST * np.sqrt(0.5))
    scores += rng.normal(0, np.sqrt(0.5), (LOSSES, repeats, 1))
    scores += rng.normal(0, np.sqrt(0.5), (LOSSES, 1, rows)) * examples
    return np.asarray(scores[1:] - scores[0])


def _judged(rng: Rng, repeats: int, scope: str) -> tuple[bool, bool]:
    """Whether any pair is told apart, and whether any loss is in another tier than the first; margin 0.

    On one test part equal losses do equally well on its rows; for new rows each has rows that suit it.
    """
    rows = 50
    rowwise = rng.normal(0, 0.2, rows)
    records = []
    for loss in range(LOSSES):
        suited = rng.normal(0, 0.1, rows) if scope == "rows" else 0.0
        uneven = 1 + rowwise + suited + rng.normal(0, 0.1, (repeats, rows))
        errors = 10 * (1 + rng.normal(0, 0.01, repeats))
        title = "mse" if loss == 0 else f"huber(delta={loss}.5)"
        records.append(regression(title, errors, uneven=uneven, rows=rows, margins={"rmse": 0.0}))
    (contest,) = compare(records, Rules(scope=Scope(scope))).contests
    told_apart = any(d.verdict.sign for d in contest.differences.values())
    return told_apart, any(c.tier != "A" for c in contest.ranked)


def _on_this_test_set(rng: Rng, repeats: int) -> tuple[Estimate, float]:
    return over_repeats(rng.normal(0.7, 1, repeats)), 0.7


def _linear(rows: int, examples: float) -> Callable[[Rng, int], tuple[Estimate, float]]:
    """A metric that is a mean over examples."""

    def simulate(rng: Rng, repeats: int) -> tuple[Estimate, float]:
        found = 0.7 + rng.normal(size=(repeats, 1)) + examples * rng.normal(size=rows)
        found = found + REST * rng.normal(size=(repeats, rows))
        return over_repeats_and_examples(found.mean(1), found), 0.7

    return simulate


class _Auc:
    """Two losses whose scores are normal in both classes, 1 and .8 apart, with luck of .05 in each training."""

    luck = 0.05
    apart = (1.0, 0.8)

    def __init__(self, rng: Rng, rows: int) -> None:
        self.target = np.arange(rows) % 4 == 0
        self.shared, self.own = rng.normal(size=rows), rng.normal(0, 0.4, (2, rows))

    @property
    def truth(self) -> float:
        """The mean of the normal probability over the luck has a closed form."""
        inside = 2 * (1 + 0.4**2 + 0.3**2)
        one, other = stats.norm.cdf(np.array(self.apart) / np.sqrt(inside + self.luck**2))
        return float(one - other)

    def parts(self, rng: Rng, repeats: int) -> Values:
        """[R, rows], of the difference."""
        found = []
        for loss, apart in enumerate(self.apart):
            moved = apart + rng.normal(0, self.luck, (repeats, 1))
            score = self.shared + self.own[loss] + rng.normal(0, 0.3, (repeats, len(self.target))) + moved * self.target
            found.append([parts("roc_auc", {"target": self.target, "score": s, "label": s}, {}) for s in score])
        one, other = np.array(found)
        return np.asarray(one - other)


class _Rmse:
    """Two losses whose errors are normal with a common part, of 2 % different size, with luck of 1 % a training."""

    luck = 0.01
    size = (1.0, 1.02)

    def __init__(self, rng: Rng, rows: int) -> None:
        self.shared, self.own = rng.normal(size=rows), rng.normal(0, 0.3, (2, rows))

    @property
    def truth(self) -> float:
        return float(np.sqrt(1 + 0.3**2 + 0.2**2) * (self.size[0] - self.size[1]))

    def parts(self, rng: Rng, repeats: int) -> Values:
        found = []
        for loss, size in enumerate(self.size):
            moved = size * (1 + rng.normal(0, self.luck, (repeats, 1)))
            error = moved * (self.shared + self.own[loss] + rng.normal(0, 0.2, (repeats, len(self.shared))))
            found.append([parts("rmse", {"target": np.zeros(len(e)), "score": e}, {}) for e in error])
        one, other = np.array(found)
        return np.asarray(one - other)


Kind = type[_Auc] | type[_Rmse]


def _population(rows: int, kind: Kind) -> Callable[[Rng, int], tuple[Estimate, float]]:
    """New rows and new trainings each time."""

    def simulate(rng: Rng, repeats: int) -> tuple[Estimate, float]:
        drawn = kind(rng, rows)
        found = drawn.parts(rng, repeats)
        return over_repeats_and_examples(found.mean(1), found), drawn.truth

    return simulate


# Shares ---------------------------------------------------------------------------------------------------------------


def _verdicts(estimates: Sequence[Estimate]) -> list[Verdict]:
    adjusted = holm([e.p for e in estimates])
    return [judge(e.interval(), 0.0, p) for e, p in zip(estimates, adjusted, strict=True)]


def _alarms(what: str, sweeps: Sequence[Sequence[Verdict]], goal: str) -> Line:
    better, worse = (100 * np.mean([any(v.sign == sign for v in s) for s in sweeps]) for sign in (1, -1))
    either = 100 * np.mean([any(v.sign for v in s) for s in sweeps])
    told = f"better {better:.1f} %, worse {worse:.1f} %, either {either:.1f} %"
    return Line(f"ten equal losses, {what}", told, f"{len(sweeps)} sweeps, Holm over nine", goal, bool(better <= 6))


def _covered(rng: Rng, repeats: int, count: int, simulate: Callable[[Rng, int], tuple[Estimate, float]]) -> float:
    return float(np.mean([_holds(*simulate(rng, repeats)) for _ in range(count)]))


def _on_one_test_set(drawn: _Auc | _Rmse, rng: Rng) -> list[float]:
    """The share for each number of repeats; the truth on these rows is the mean of further trainings."""
    each = OTHERS // TEST_SETS
    gains = drawn.parts(rng, TRAININGS + each * sum(REPEATS)).mean(1)
    truth, start, shares = float(gains[:TRAININGS].mean()), TRAININGS, []
    for n in REPEATS:
        some = gains[start : start + each * n].reshape(each, n)
        shares.append(float(np.mean([_holds(over_repeats(row), truth) for row in some])))
        start += each * n
    return shares


def _holds(estimate: Estimate, truth: float) -> bool:
    low, high = estimate.interval()
    return low <= truth <= high


def _shares(what: str, shares: Iterable[float], count: int) -> Line:
    each = dict(zip(REPEATS, shares, strict=True))
    told = ", ".join(f"{100 * share:.1f} %" for share in each.values())
    named = f"95 % intervals that hold the true difference {what}"
    yardstick = f"{', '.join(map(str, each))} repeats; {count} comparisons each"
    return Line(named, told, yardstick, "93-97 %", all(0.93 <= share <= 0.97 for share in each.values()))
