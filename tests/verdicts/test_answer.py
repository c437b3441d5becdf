"""The answer in words, sentence by sentence, from records whose gains are made by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn import metrics as sk

from lossbench.plan import Scope
from lossbench.records.record import Record, Status
from lossbench.verdicts import words
from lossbench.verdicts.answer import Answer, answer
from lossbench.verdicts.comparison import Contest, Rules, places
from lossbench.verdicts.judging import compare
from tests.made import altered
from tests.verdicts.test_comparison import BASE, Z, binary, contest_of, gaining, mse, noisy, regression


def told(*records: Record, scope: str = "rows") -> Answer:
    return answer(compare(records, Rules(scope=Scope.of(scope))))


def tile(found: Answer, question: str) -> tuple[str, str]:
    return next((t.answer, t.detail) for t in found.tiles if t.question == question)


def test_one_better_loss_is_named_with_its_gain_and_interval() -> None:
    """Ten gains of mean .5 and standard deviation .1: the interval is .5 ± 2.262 · .1 / √10 = .5 ± .072."""
    found = told(mse(), gaining("huber", 0.5, 0.1))
    assert found.sentence == (
        "On houses train with huber: it is better than mse by 0.50 RMSE (95 % interval 0.43 to 0.57)."
    )
    assert [t.question for t in found.tiles] == [
        "Which?",
        "Is it real?",
        "Cost?",
        "Where does it break?",
        "Calibrated?",
    ]
    assert tile(found, "Which?")[0] == "huber"
    assert tile(found, "Is it real?")[0] == "+0.50 RMSE"
    assert "Results on one data set may not carry over to others." in found.limits


def test_what_may_be_little_is_said_to_be() -> None:
    assert "though maybe by little" in told(mse(), gaining("huber", 0.15, 0.1)).sentence


def test_two_that_tie_are_both_named_and_the_cheaper_first() -> None:
    dear, cheap = gaining("huber", 0.5, 0.3, step=2e-3), gaining("mae", 0.48, 0.3, step=1e-3)
    found = told(mse(), dear, cheap)
    assert found.sentence.startswith(
        "On houses train with mae or huber: they can't be told apart, and are better than mse (mae by 0.48 RMSE"
    )
    assert found.sentence.endswith("; mae takes the least time.")


def test_clocks_are_no_better_than_five_percent() -> None:
    pair = gaining("huber", 0.5, 0.3, step=1.04e-3), gaining("mae", 0.48, 0.3, step=1e-3)
    assert "least time" not in told(mse(), *pair).sentence


def test_the_cost_tile_holds_the_step_against_the_baselines() -> None:
    said, detail = tile(told(mse(step=1e-3), gaining("huber", 0.5, 0.1, step=1.5e-3)), "Cost?")
    assert said == "+50 % time"
    assert detail == "a step takes 1.50 × as long as with mse (spread 1.44 to 1.56)"


def test_what_is_the_same_or_worse_lets_one_stay() -> None:
    same, worse = gaining("huber", 0.02, 0.05), gaining("mae", -0.5, 0.1)
    assert told(mse(), same, worse).sentence == (
        "On houses stay with mse: huber is the same in practice; mae is worse."
    )


def test_cant_tell_always_says_what_would_decide() -> None:
    """By scipy, without the package: so many repeats bring the interval to one side of 0 if the mean stays."""
    from scipy import stats

    mean, sd = 0.3, 0.5
    wanted = next(n for n in range(10, 100) if stats.t.ppf(0.975, n - 1) * sd / np.sqrt(n) < mean)
    found = told(mse(), gaining("huber", mean, sd))
    assert found.sentence == (
        f"On houses stay with mse for now: can't tell about huber (about {wanted} repeats should settle it)."
    )
    said, detail = tile(found, "Is it real?")
    assert said == "can't tell"
    assert "This run can detect differences of 0.50 or more; about" in detail  # d = 1.00 for 80 % at 10 pairs


def test_where_only_rows_would_decide_rows_are_asked_for() -> None:
    hard = np.where(np.arange(40) < 6, 4.0, 0.9)
    found = told(mse(), regression("huber", (10 + 0.2 * Z[::-1] - 0.1 * Z) / 1.75, uneven=hard))
    assert "more repeats will not help: you would need about" in found.sentence


def test_a_saturated_task_says_so() -> None:
    records = [regression("mse", 0.05 + 0.01 * Z), regression("huber", 0.06 + 0.01 * Z[::-1])]
    found = told(*records)
    assert found.sentence == (
        "On houses this task cannot separate losses: mse is within 0.10 of the best possible RMSE."
    )
    assert tile(found, "Is it real?")[0] == "no room"


def test_what_most_tasks_say_comes_first_and_exceptions_are_named() -> None:
    records = []
    for data, mean in (("a", 0.5), ("b", 0.4), ("c", -0.5)):
        records += [mse(data=data), gaining("huber", mean, 0.1, data=data)]
    found = told(*records)
    assert found.sentence == (
        "Over 3 data sets train with huber: mean rank 1.3 of 2 losses, better than mse on 2 and worse on 1, regret 1.7 "
        "margins per data set. On c stay with mse: huber is worse."
    )
    assert tile(found, "Where does it break?") == ("c", "huber is worse there")


def test_a_task_without_a_verdict_is_named_last() -> None:
    records = [mse(data="a"), gaining("huber", 0.5, 0.1, data="a"), mse(data="b")]
    assert told(*records).sentence.endswith(" No verdict on b (mse is the only loss here).")


def test_a_control_that_won_leaves_nothing_to_conclude() -> None:
    records = [mse(), gaining("huber", 0.9, 0.1), gaining("mse_again", 0.5, 0.1, role="control")]
    assert told(*records).sentence == (
        "Conclude nothing from this sweep: mse_again, which cannot be better than the baseline, won on houses."
    )
    assert told(*records).tiles == ()


def test_one_reason_for_all_tasks_is_said_once() -> None:
    smoke = {"name": "smoke"}
    records = [mse(data=data, protocol=smoke) for data in "ab"]
    assert told(*records).sentence == "No verdict: protocol=smoke only shows that everything runs."
    assert told(*records).tiles == ()


def test_a_failed_pick_and_diverged_trials_are_where_it_breaks() -> None:
    wild = gaining("huber", 0.5, 0.1)
    wild.repeats[0].trials[1].status = Status.DIVERGED
    assert tile(told(mse(), wild), "Where does it break?") == (
        "high rates",
        "1 of 20 trainings diverged, at the highest rates tried",
    )


def test_the_limits_name_the_smallest_difference_that_could_be_found() -> None:
    found = told(mse(), gaining("huber", 0.5, 0.1))
    assert any(
        "10 repeats of 2 trials on one test part of 40 examples have 80 % power to detect" in limit
        for limit in found.limits
    )
    assert any("up to 0.10 counts as the same" in limit for limit in found.limits)


def test_the_sentence_is_the_same_whatever_the_order_of_records() -> None:
    records = [mse(uneven=noisy(0)), gaining("huber", 0.9, 0.1, uneven=noisy(0)), gaining("mae", 0.1, 0.1)]
    assert told(*records).sentence == told(*reversed(records)).sentence


# One rule a test ------------------------------------------------------------------------------------------------------


def test_who_beats_the_baseline_but_not_the_best_is_not_picked() -> None:
    found = told(mse(), gaining("huber", 0.9, 0.1), gaining("mae", 0.4, -0.1))
    assert [c.title for c in found.advice[0].picks] == ["huber"]


def test_little_is_said_of_picks_only_where_it_holds_for_all() -> None:
    """Half an interval is 2.262 · .2 / √10 = .143: huber gains .207 to .493, mae .057 to .343, the margin is .1."""
    pair = gaining("huber", 0.35, 0.2), gaining("mae", 0.2, -0.2)
    sentence = told(mse(), *pair).sentence
    assert "train with huber or mae" in sentence
    assert "maybe by little" not in sentence


def test_maybe_worse_is_worse() -> None:
    """Half an interval is .072: the gain lies between −.222 and −.078."""
    assert told(mse(), gaining("huber", -0.15, 0.1)).sentence == "On houses stay with mse: huber is worse."


def test_of_several_that_cant_be_told_the_easiest_says_what_would_decide() -> None:
    """By scipy: fewer repeats settle the less noisy one."""
    from scipy import stats

    half = {n: stats.t.ppf(0.975, n - 1) / np.sqrt(n) for n in range(10, 100)}
    wanted = next(n for n in half if 0.5 * half[n] < 0.3)
    found = told(mse(), gaining("huber", 0.3, 0.5), gaining("mae", 0.25, -0.7))
    assert f"can't tell about huber and mae (about {wanted} repeats should settle it)" in found.sentence
    assert tile(found, "Is it real?")[1].startswith("huber on houses. ")


def test_where_no_room_is_left_above_what_is_worse_is_still_named() -> None:
    records = [regression("mse", 0.05 + 0.01 * Z), regression("mae", 1 + 0.01 * Z[::-1])]
    assert told(*records).sentence.endswith("best possible RMSE; mae is worse.")


def test_half_of_the_tasks_is_not_most_and_a_gain_comes_first() -> None:
    records = []
    for data, mean in (("a", -0.5), ("b", 0.5)):
        records += [mse(data=data), gaining("pinball", mean, 0.1, data=data)]
    found = told(*records)
    assert found.sentence == (
        "Over 2 data sets stay with mse: mean rank 1.5 of 2 losses, beaten on 1, regret 2.5 margins per data set. "
        "On b train with pinball: it is better than mse by 0.50 RMSE (95 % interval 0.43 to 0.57). "
        "On a stay with mse: pinball is worse."
    )
    assert tile(found, "Which?") == ("pinball", "a: mse; b: pinball")


def test_reasons_that_differ_are_told_task_by_task() -> None:
    records = [mse(data="a"), mse(data="b", protocol={"name": "smoke"})]
    assert told(*records).sentence == (
        "No verdict: on a mse is the only loss here; on b protocol=smoke only shows that everything runs."
    )


@pytest.mark.parametrize(
    ("step", "said", "mood"),
    [(1.04e-3, "about the same", "neutral"), (1.2e-3, "+20 % time", "neutral"), (1.3e-3, "+30 % time", "worse")],
)
def test_a_quarter_more_time_is_dear(step: float, said: str, mood: str) -> None:
    tiles = told(mse(step=1e-3), gaining("huber", 0.5, 0.1, step=step)).tiles
    assert [(t.answer, t.mood) for t in tiles if t.question == "Cost?"] == [(said, mood)]


def test_where_one_stays_the_cost_tile_holds_the_others_against_the_baseline() -> None:
    found = told(mse(step=1e-3), gaining("huber", -0.5, 0.1, step=1.5e-3))
    assert tile(found, "Cost?") == ("mse is the cheapest", "time of a step relative to mse: huber 1.50 ×")


def test_repeats_that_the_pick_lost_are_counted() -> None:
    """Of the ten gains .15 + .1 z, z from −1.65 to 1.65, one lies below 0."""
    assert tile(told(mse(), gaining("huber", 0.15, 0.1)), "Where does it break?") == (
        "nowhere so far",
        "no training diverged; huber won 9, tied 0 and lost 1 of 10 repeats",
    )


def test_a_task_on_which_the_pick_failed_is_where_it_breaks() -> None:
    failed = gaining("huber", 0.5, 0.1, data="b", status=Status.DIVERGED)
    failed.repeats[3].status, failed.repeats[3].metrics = Status.DIVERGED, {}
    records = [mse(data="a"), gaining("huber", 0.5, 0.1, data="a"), mse(data="b"), gaining("mae", -0.5, 0.1, data="b")]
    assert tile(told(*records, failed), "Where does it break?") == ("b", "huber failed there")


def test_the_calibration_tile_holds_the_means_of_the_record() -> None:
    """Log loss by scikit-learn; an ECE of .05 is what these records have."""
    draw, target = np.random.default_rng(0), np.resize([0.0, 1.0], 60)
    p = np.clip(0.5 + 0.4 * (target - 0.5) + 0.2 * draw.normal(size=(10, 60)), 0.02, 0.98)
    found = told(binary("bce", p, target), binary("focal", p, target))
    wanted = np.mean([sk.log_loss(target, row) for row in p])
    assert tile(found, "Calibrated?") == (
        "ECE 0.050",
        f"bce on loans; log loss {wanted:.3f}; before any temperature scaling",
    )


def test_the_calibration_tile_says_of_a_distorted_loss_that_it_is_one() -> None:
    draw, target = np.random.default_rng(0), np.resize([0.0, 1.0], 60)
    p = np.clip(0.5 + 0.4 * (target - 0.5) + 0.2 * draw.normal(size=(10, 60)), 0.02, 0.98)
    told_of = {aim: told(binary("bce", p, target, elicits=aim), binary("focal", p, target)) for aim in AIMS}
    assert [tile(found, "Calibrated?")[1].endswith("; not calibrated by design") for found in told_of.values()] == [
        False,
        True,
    ]


AIMS = ("probability", "distorted probability")


def test_less_than_five_repeats_are_a_limit() -> None:
    few = [regression("mse", BASE[:4]), regression("huber", BASE[:4] - 0.5 - 0.1 * Z[:4])]
    assert "houses: 4 repeats can only show very large differences." in told(*few).limits
    five = [regression("mse", BASE[:5]), regression("huber", BASE[:5] - 0.5 - 0.1 * Z[:5])]
    assert not any("very large" in limit for limit in told(*five).limits)


@pytest.mark.parametrize(("edges", "named"), [(5, False), (6, True)])
def test_rates_that_were_mostly_at_the_edge_are_a_limit(edges: int, named: bool) -> None:
    found = gaining("huber", 0.5, 0.1)
    for repeat in found.repeats[:edges]:
        repeat.edge = True
    words, records = "for huber the best learning rate was mostly the lowest or highest", [mse(), found]

    def said(trials: int) -> bool:
        for one in records:
            one.cell = altered(one.cell, protocol={"trials": trials})
        return any(words in limit for limit in told(*records).limits)

    assert said(5) is named
    assert not said(4)  # an older record, of too few trials to say so


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ("rows", "trained on these rows, for new rows like the test part"),
        ("test", "trained on these rows, on this test part"),
    ],
)
def test_the_smallest_difference_is_said_of_what_verdicts_ask_of(scope: str, words: str) -> None:
    assert f" RMSE ({words}); up to" in told(mse(), gaining("huber", 0.5, 0.1), scope=scope).limits[0]


def test_controls_are_named_as_not_having_won_only_where_they_have_not() -> None:
    said = "No negative control won: mse_again."
    lost, won = (gaining("mse_again", mean, 0.1, role="control") for mean in (0.0, 0.5))
    assert said in told(mse(), gaining("huber", 0.9, 0.1), lost).limits
    assert not any("No negative control" in limit for limit in told(mse(), gaining("huber", 0.9, 0.1), won).limits)


def test_tasks_without_a_common_pair_are_a_limit() -> None:
    draw, target = np.random.default_rng(0), np.resize([0.0, 1.0], 60)
    p, q = np.clip(0.5 + 0.4 * (target - 0.5) + 0.2 * draw.normal(size=(2, 10, 60)), 0.02, 0.98)
    found = told(mse(), gaining("huber", 0.5, 0.1), binary("bce", p, target), binary("focal", q, target))
    assert "No two losses took part on all tasks: there is no conclusion over tasks." in found.limits


# Words ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def contest() -> Contest:
    """With a margin of .1: two decimals show a tenth of it."""
    return contest_of(mse(), gaining("huber", 0.5, 0.1))


@pytest.mark.parametrize(
    ("value", "sign", "text"),
    [(1.2345, False, "1.23"), (0.5, True, "+0.50"), (-0.5, True, "−0.50"), (-0.001, True, "0.00"), (0.0, True, "0.00")],
)
def test_amounts_have_the_digits_that_the_margin_calls_for(
    contest: Contest, value: float, sign: bool, text: str
) -> None:
    assert words.amount(value, contest, sign=sign) == text


def test_large_margins_leave_no_decimals() -> None:
    found = contest_of(*(regression(t, 9000 + 90 * Z, margins={"rmse": 94.6}) for t in ("mse", "huber")))
    assert words.amount(8921.4, found) == "8921"


def test_spans_are_written_with_their_signs(contest: Contest) -> None:
    assert words.span((-0.12, 1.4), contest) == "−0.12 to +1.40"
    assert words.span((0.12, 1.4), contest, sign=False) == "0.12 to 1.40"


@pytest.mark.parametrize(
    ("p", "text"), [(0.0004, "p < .001"), (0.001, "p = .001"), (0.0321, "p = .032"), (0.5, "p = .5"), (1.0, "p = 1")]
)
def test_p_values_are_written_as_in_papers(p: float, text: str) -> None:
    assert words.p_value(p) == text


def test_names_are_listed_as_a_person_would() -> None:
    assert [words.listed(list("abc"[:n])) for n in range(4)] == ["", "a", "a and b", "a, b and c"]
    assert words.listed(["a", "b"], "or") == "a or b"
    assert (words.several(1, "repeat"), words.several(3, "repeat")) == ("1 repeat", "3 repeats")


@pytest.mark.parametrize(
    ("margin", "values", "digits"),
    [(0.1, (), 2), (94.6, (), 0), (0.0, (123.4, -5.0), 0), (0.0, (12.3,), 1), (0.0, (-0.5,), 3), (0.0, (), 2)],
)
def test_without_a_margin_three_digits_of_the_largest_value_are_shown(
    margin: float, values: tuple[float, ...], digits: int
) -> None:
    """By hand: 123, 12.3, 0.500."""
    assert places(margin, values) == digits


def test_what_would_decide_is_said_of_repeats_then_of_rows_then_of_luck() -> None:
    def said(now: int = 10, **more: object) -> str:
        needed = {
            "repeats_needed": None,
            "rows_needed": None,
            "rows": 500,
            "p_holm": 0.06,
            "family": 3,
            "scope": Scope.ROWS,
        }
        given = {"gains": np.zeros(now), "judged": object(), **needed, **more}
        return words.what_would_decide(SimpleNamespace(**given))  # type: ignore[arg-type]

    assert said(repeats_needed=11) == "about 11 repeats should settle it"
    few = "p = .06 after Holm over 3: a few more repeats may settle it"
    assert said(repeats_needed=10) == few
    assert said(rows_needed=12345) == "more repeats will not help: you would need about 12,000 test rows"
    assert said(repeats_needed=10, rows_needed=500) == few
    assert said(rows_needed=500) == said() == "more repeats will not help; other data sets may"
    assert said(judged=None, repeats_needed=11).startswith("its record has no contributions per test example")


def test_many_tasks_are_counted_instead_of_named() -> None:
    """Fourteen tasks by hand: huber gains 5 margins on eight, loses 5 on five; one task has mse alone."""
    records = []
    for task in range(13):
        records += [mse(data=f"d{task}"), gaining("huber", 0.5 if task < 8 else -0.5, 0.1, data=f"d{task}")]
    told = answer(compare([*records, mse(data="alone")]))
    assert told.sentence == (
        "Over 13 data sets train with huber: mean rank 1.4 of 2 losses, better than mse on 8 and worse on 5, regret "
        "1.9 margins per data set. Task by task, train with huber on 8 of 13 tasks; stay with the baseline on 5 of 13 "
        "tasks: the tables show which. "
        "No verdict on 1."
    )
    assert "1 more in the tables" in told.tiles[0].detail
    assert "Only 12 of 14 tasks are listed here" in " ".join(told.limits)
    assert sum("80 % power" in limit for limit in told.limits) == 12
