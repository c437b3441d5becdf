"""What a loss costs beside another: two copies take about the same however noisy the clock, double the work does not.

The noise is made here, so that the true ratio is known: a machine that slows down by up to four times for a while, as
one does on which others train, and a clock that jitters. The law of the interval is the binomial one, by scipy.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from lossbench.plan import StepCost
from lossbench.probe.timing import BURST, QUICK, Ratio, compared, in_turn
from lossbench.records.record import Record
from lossbench.report.board import board
from lossbench.verdicts import costs
from lossbench.verdicts.answer import Answer, answer
from lossbench.verdicts.comparison import Comparison
from lossbench.verdicts.judging import compare
from tests.verdicts.test_comparison import contest_of, gaining, mse, timed


class BusyMachine:
    """Seconds go by as steps are run; what they take depends on what others do meanwhile."""

    def __init__(self, seed: int, jitter: float) -> None:
        self.jitter = jitter
        self.draw, self.now, self.load, self.until = np.random.default_rng(seed), 0.0, 1.0, 0.0

    def clock(self) -> float:
        return self.now

    def run(self, work: float) -> None:
        if self.now > self.until:
            self.load, self.until = self.draw.uniform(1, 4), self.now + self.draw.exponential(4e-3)
        self.now += work * self.load * float(np.exp(self.jitter * self.draw.normal()))

    def measured(self, work: float, other: float) -> StepCost:
        return compared(lambda: self.run(work), lambda: self.run(other), "mse", self.clock)


def judged(seed: int, work: float, jitter: float) -> costs.Times:
    """A loss of this much work beside the baseline's, each clocked in a cell of its own on a busy machine."""
    base, other = mse(), gaining("huber", 0.5, 0.1)
    base.cost.step = BusyMachine(2 * seed, jitter).measured(3e-4, 3e-4)
    other.cost.step = BusyMachine(2 * seed + 1, jitter).measured(work, 3e-4)
    contest = contest_of(base, other)
    found = costs.times(contest, contest.find("huber"))
    assert found is not None
    return found


@pytest.mark.long
def test_two_copies_of_one_loss_take_about_the_same_on_a_noisy_machine() -> None:
    """Jitter of 5 % is more than what 101 rounds showed on two cores at a load of seven."""
    assert {judged(seed, 3e-4, 0.05).said for seed in range(100)} == {"about the same"}


@pytest.mark.long
def test_copies_are_hardly_ever_told_apart_on_a_machine_that_is_far_noisier() -> None:
    found = [judged(seed, 3e-4, 0.2) for seed in range(100)]
    assert sum(not times.same for times in found) <= 0.02 * 100


@pytest.mark.parametrize("jitter", [0.05, 0.2])
@pytest.mark.long
def test_double_the_work_never_does(jitter: float) -> None:
    found = [judged(seed, 6e-4, jitter) for seed in range(100)]
    assert not any(times.same for times in found)
    assert sum(times.low <= 2 <= times.high for times in found) >= 0.96 * 100


def test_two_clocks_of_different_moments_would_have_told_copies_apart() -> None:
    """What the interleaving is for: the same machine, its steps clocked one loss after the other."""
    found = []
    for seed in range(50):
        alone = [
            np.median(in_turn([lambda m=m: m.run(3e-4)], QUICK, m.clock, BURST)[0])
            for m in (BusyMachine(seed, 0.05),) * 2
        ]
        found.append(alone[1] / alone[0])
    assert max(found) > 1.1


def test_copies_and_double_work_on_the_clock_of_this_machine() -> None:
    a = torch.randn(120, 120)

    def once() -> None:
        a @ a

    def twice() -> None:
        once()
        once()

    def times(step) -> costs.Times:
        found = compared(step, once, "once")
        return costs.Times(found.ratio, found.low, found.high)

    assert times(once).same
    assert not times(twice).same


@pytest.mark.long
def test_a_loss_in_a_training_is_clocked_in_turn_with_the_baseline() -> None:
    import lossbench

    words = (
        "task=regression",
        "task/data=diabetes",
        "protocol.repeats=1",
        "protocol.trials=1",
        "training.max_epochs=1",
    )
    for loss in ("huber", "mse"):
        (cell,) = lossbench.cells(f"+loss={loss}", *words)
        step = lossbench.run(cell).cost.step
        assert step is not None
        assert step.against == "mse"
        assert step.low <= step.ratio <= step.high
        assert 0.5 < step.ratio < 2
        assert 0 < step.seconds < 0.1


@pytest.mark.parametrize("rounds", [7, 11, 21, 101])
def test_the_interval_of_a_ratio_is_that_of_the_sign_test(rounds: int) -> None:
    """As many rounds are cut at each end as leave a chance of 2 % or less, by the binomial law of scipy."""
    found = Ratio.of([float(n) for n in range(1, rounds + 1)], [1.0] * rounds)
    cut = round(found.low) - 1
    assert (found.median, found.high) == ((rounds + 1) / 2, rounds - cut)
    chance = stats.binom(rounds, 0.5)
    assert 2 * chance.cdf(cut) <= 0.02 < 2 * chance.cdf(cut + 1)


def test_ratios_are_of_steps_in_the_same_round() -> None:
    """By hand: of 1/1, 4/2 and 9/3 the middle is 2; the medians apart would give 4/2 too, the means 14/6."""
    assert Ratio.of([1.0, 4.0, 30.0], [1.0, 2.0, 10.0]) == Ratio(2.0, 1.0, 3.0)


def test_slow_steps_are_run_in_fewer_rounds_but_never_in_fewer_than_eleven() -> None:
    now = [0.0]

    def slow() -> None:
        now[0] += 0.5

    def fast() -> None:
        now[0] += 0.004

    assert len(in_turn([slow], 101, lambda: now[0], within=0.1)[0]) == 11
    assert len(in_turn([fast], 101, lambda: now[0], within=0.1)[0]) == 25


# Words ----------------------------------------------------------------------------------------------------------------


def told(*records: Record) -> Answer:
    return answer(compare(records))


def tile(found: Answer) -> tuple[str, str]:
    return next((t.answer, t.detail) for t in found.tiles if t.question == "Cost?")


def test_within_the_spread_it_is_about_the_same() -> None:
    """The interval of the ratio by hand: 1.1 / 1.02 = 1.08, 1.3 / .98 = 1.33; then .95 / 1.02 and 1.3 / .98."""
    base = timed(mse(), 1.0, 0.98, 1.02)
    assert tile(told(base, timed(gaining("huber", 0.5, 0.1), 1.2, 1.1, 1.3))) == (
        "+20 % time",
        "a step takes 1.20 × as long as with mse (spread 1.08 to 1.33)",
    )
    assert tile(told(base, timed(gaining("huber", 0.5, 0.1), 1.2, 0.95, 1.3)))[0] == "about the same"


def test_a_faster_step_is_said_with_a_minus() -> None:
    assert tile(told(timed(mse()), timed(gaining("huber", 0.5, 0.1), 0.8, 0.78, 0.82)))[0] == "−20 % time"


def test_a_machine_too_busy_to_tell_gives_no_card() -> None:
    found = tile(told(timed(mse(), 1.0, 1.0, 1.0), timed(gaining("huber", 0.5, 0.1), 1.2, 0.7, 1.6)))
    assert found == ("not clear", "0.70 to 1.60 × as long as with mse: the machine was too busy to tell")


def test_one_cell_alone_gives_no_card() -> None:
    """Old records, and a baseline whose own cell clocked nothing: one measurement is nothing to compare with."""
    alone = mse()
    alone.cost.step = None
    found = tile(told(alone, gaining("huber", 0.5, 0.1)))
    assert found == ("not measured", "no step was timed in turn with mse's")


def test_where_the_baseline_stays_the_others_are_told_relative_to_it() -> None:
    others = timed(gaining("huber", -0.5, 0.1), 1.5, 1.45, 1.55), timed(gaining("mae", -0.5, 0.1))
    assert tile(told(timed(mse()), *others)) == (
        "mse is the cheapest",
        "time of a step relative to mse: huber 1.50 ×, mae about the same",
    )
    assert tile(told(timed(mse()), timed(gaining("mae", -0.5, 0.1))))[0] == "about the same"
    cheap = timed(gaining("mae", -0.5, 0.1), 0.5, 0.45, 0.55)
    assert tile(told(timed(mse()), cheap))[0] == "mae is cheaper"


@pytest.mark.parametrize("ratio", [0.0, -1.0, math.inf, math.nan])
def test_what_is_no_measurement_counts_as_none(ratio: float) -> None:
    found = gaining("huber", 0.5, 0.1)
    found.cost.step = StepCost("mse", ratio, 1.0, 1.0, seconds=1.0)
    assert contest_of(mse(), found).find("huber").step is None


def test_the_table_has_the_ratio_and_its_spread() -> None:
    base, dear = timed(mse(), 1.0, 1.0, 1.0), timed(gaining("huber", 0.5, 0.1), 1.2, 1.15, 1.25)
    found = contest_of(base, dear, timed(gaining("mae", 0.4, 0.1)))
    rows = {line.title: (line.time, line.time_spread) for line in board(found, "", {}).rows}
    assert rows == {"mse": ("1 ×", ""), "huber": ("1.20 ×", "1.15 to 1.25"), "mae": ("about the same", "0.98 to 1.02")}


def test_of_picks_that_take_about_the_same_the_better_comes_first() -> None:
    found = told(timed(mse()), timed(gaining("huber", 0.5, 0.3), 1.02), timed(gaining("mae", 0.48, 0.3), 1.0))
    assert [c.title for c in found.advice[0].picks] == ["huber", "mae"]
    assert "least time" not in found.sentence


def test_another_baseline_is_reached_through_the_one_that_was_clocked() -> None:
    """By hand: 1.5 / 1.2 = 1.25."""
    contest = contest_of(timed(mse()), timed(gaining("huber", 0.5, 0.3), 1.2), timed(gaining("mae", 0.48, 0.3), 1.5))
    found = costs.beside(contest.find("mae"), contest.find("huber"))
    assert found is not None
    assert found.ratio == pytest.approx(1.25)


def test_the_files_have_it_too() -> None:
    from lossbench.report.tables import to_json, to_table

    comparison: Comparison = compare([timed(mse(), 1.0, 1.0, 1.0), timed(gaining("huber", 0.5, 0.1), 1.2, 1.1, 1.3)])
    table = to_table(comparison)
    assert [table[name][0] for name in ("title", "time", "time_low", "time_high")] == ["huber", "1.2", "1.1", "1.3"]
    rows = to_json(comparison, answer(comparison))["contests"][0]["rows"]
    assert rows[0]["time"] == pytest.approx({"ratio": 1.2, "low": 1.1, "high": 1.3})
