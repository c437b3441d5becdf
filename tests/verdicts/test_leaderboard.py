"""Tables: what is grouped with what, the order of rows, means and spreads, what is left out when a line is short."""

from __future__ import annotations

import io
import statistics
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from lossbench.cli.display import decimals, pair, spoken
from lossbench.cli.tables import show_contests
from lossbench.plan import DataCard, Direction, Scope
from lossbench.records.facts import LossFacts, MetricFacts
from lossbench.records.record import Record, Repeat, Status
from lossbench.verdicts.comparison import Rules
from lossbench.verdicts.judging import compare
from lossbench.verdicts.leaderboard import Summary, leaderboards
from tests.made import a_cell, altered
from tests.verdicts.test_comparison import BASE, binary, gaining, mse, noisy, regression


def record(title: str, values: list[float], *, status: str = "done", contest: str = "c", **more: Any) -> Record:
    """A record with one metric to minimise and one to maximise."""
    repeats = [
        Repeat(r, r, Status.DONE, metrics={"rmse": v, "r2": 1 - v / 100}, seconds=2.0) for r, v in enumerate(values)
    ]
    return Record(
        status=Status(status),
        reason="",
        loss=LossFacts(title, title),
        task=more.pop("task", "regression"),
        data=DataCard("houses"),
        model="mlp",
        metric=MetricFacts("rmse", Direction(more.pop("direction", "min"))),
        directions={"rmse": Direction.MIN, "r2": Direction.MAX},
        repeats=repeats,
        cell=altered(a_cell(repeats=len(values)), **more.pop("cell", {})),
        contest=contest,
        **more,
    )


def shown(width: int, *records: Record) -> str:
    out = Console(width=width, file=io.StringIO(), highlight=False)
    show_contests(out, compare(records).contests)
    text = out.file.getvalue()  # type: ignore[attr-defined]  # the file is a StringIO
    assert isinstance(text, str)
    return text


def test_rows_are_ordered_by_the_primary_metric_with_references_last() -> None:
    rows = [record("b", [3, 3]), record("trivial", [1, 1], role="reference"), record("a", [2, 2]), record("x", [])]
    (board,) = leaderboards(rows)
    assert [row.title for row in board.rows] == ["a", "b", "x", "trivial"]
    (board,) = leaderboards([record("b", [3], direction="max"), record("a", [2], direction="max")])
    assert [row.title for row in board.rows] == ["b", "a"]


def test_a_dozen_tables_are_enough_for_a_terminal() -> None:
    text = shown(120, *(record("a", [1], contest=f"c{place}") for place in range(15)))
    assert text.count("rmse") == 12
    assert text.rstrip().endswith("3 more tasks in the report and in leaderboard.md")


def test_mean_and_spread_are_those_of_the_statistics_module() -> None:
    values = [2.0, 3.5, 7.25]
    (board,) = leaderboards([record("a", values)])
    found = board.rows[0].metrics["rmse"]
    assert (found.mean, found.sd) == (statistics.fmean(values), statistics.stdev(values))
    assert Summary.of([1.0]) == Summary(1.0, None, 1)
    assert Summary.of([]) is None
    assert board.rows[0].seconds == 2.0


def test_contests_have_tables_of_their_own_that_say_how_they_differ() -> None:
    one, two = (
        record("a", [1], cell={"training": {"learning_rate": 0.1}}),
        record("a", [1], contest="d", cell={"training": {"learning_rate": 0.2}}),
    )
    variants = ["training.learning_rate=0.1", "training.learning_rate=0.2"]
    assert [board.variant for board in leaderboards([one, two])] == variants
    assert [board.variant for board in leaderboards([one])] == [""]


def test_a_repeat_that_is_not_done_is_counted_and_left_out_of_the_mean() -> None:
    found = record("a", [1.0, 2.0], status="diverged")
    found.repeats[1].status, found.repeats[1].metrics = Status.DIVERGED, {}
    assert "diverged 1/2" in shown(100, found)
    assert leaderboards([found])[0].rows[0].metrics["rmse"] == Summary(1.0, None, 1)


def test_a_skipped_cell_has_no_row() -> None:
    assert "bce" not in shown(100, record("mse", [1, 2]), record("bce", [], status="skipped"))


def test_a_short_line_loses_columns_from_the_right_but_no_digits() -> None:
    wide, narrow = (shown(width, record("mse", [1234.5, 1238.5])) for width in (100, 38))
    assert "r2" in wide.splitlines()[2]
    assert "r2" not in narrow.splitlines()[2]
    assert "1236.5 ± 2.8" in wide
    assert "1236.5 ± 2.8" in narrow
    assert "also in leaderboard.csv: r2" in " ".join(narrow.split())


def test_a_baseline_that_was_added_is_marked() -> None:
    assert "mse (baseline, added)" in shown(100, record("mse", [1.0], role="baseline"))


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([2785.2, 2878.0, 2692.0], "2785 ± 93"),
        ([0.981, 0.983], "0.9820 ± 0.0014"),
        ([12.0], "12.00"),
        ([5.0, 5.0], "5.000 ± 0.000"),
    ],
)
def test_numbers_are_written_with_two_digits_of_their_spread(values: list[float], text: str) -> None:
    found = Summary.of(values)
    assert found is not None
    assert pair(found, decimals([found])) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "1 s"), (89, "89 s"), (100, "2 min"), (7800, "2 h 10 min")])
def test_times_are_spoken(seconds: float, text: str) -> None:
    assert spoken(seconds) == text


def test_a_rate_on_the_edge_is_flagged() -> None:
    words = "best learning rate was the lowest or highest tried: a in 1 of 3 repeats; protocol.rate_decades=6 widens"
    found = record("a", [1.0, 2.0, 3.0])
    found.cell = altered(found.cell, protocol={"trials": 5})
    assert "highest tried" not in shown(120, found)
    found.repeats[1].edge = True
    assert words in shown(120, found)
    found.cell = altered(found.cell, protocol={"trials": 4})  # an older record, of too few trials to say so
    assert "highest tried" not in shown(120, found)


def test_losses_that_did_not_begin_alike_are_named() -> None:
    records = [record(title, [1.0, 2.0]) for title in ("a", "b", "c")]
    for found in records:
        for repeat in found.repeats:
            repeat.hashes = {"splits": f"s{repeat.repeat}", "weights": f"w{repeat.repeat}"}
    assert "not paired" not in shown(100, *records)
    records[1].repeats[1].hashes = {"splits": "s1", "weights": "another"}
    assert "not paired: b started from other rows, weights or batch orders" in shown(100, *records)


# Verdicts in the terminal ---------------------------------------------------------------------------------------------


def judged(*records: Record, width: int = 160, scope: str = "rows", colour: bool = False) -> str:
    look: dict[str, Any] = {"force_terminal": True, "color_system": "standard"} if colour else {}
    out = Console(width=width, file=io.StringIO(), highlight=False, **look)
    show_contests(out, compare(records, Rules(scope=Scope.of(scope))).contests)
    text = out.file.getvalue()  # type: ignore[attr-defined]  # the file is a StringIO
    assert isinstance(text, str)
    return text


def row(text: str, title: str) -> str:
    """The line of a loss, its columns one space apart; the first column is the tier where there are verdicts."""
    return next(" ".join(line.split()) for line in text.splitlines() if title in line.split()[:2])


def failing(title: str) -> Record:
    found = gaining(title, 0.0, 0.1)
    found.status = found.repeats[3].status = Status.DIVERGED
    found.repeats[3].metrics = {}
    return found


def test_a_line_holds_tier_gain_interval_time_and_verdict() -> None:
    """Half of the interval is scipy's t times .1 / √10 = .072; 2 ms is twice the baseline's step."""
    records = [mse(step=1e-3), gaining("huber", 0.5, 0.1, step=2e-3), failing("poisson")]
    records += [gaining("mse_again", -0.5, 0.1, role="control"), regression("trivial", 5 * BASE, role="reference")]
    text = judged(*records)
    assert row(text, "huber").startswith("A huber ")
    assert "+0.50 +0.43 to +0.57 2.0x ▲ better" in row(text, "huber")
    assert " 1x baseline" in row(text, "mse")
    assert row(text, "poisson").startswith("x poisson ")
    assert "diverged 1/10" in row(text, "poisson")
    assert "worse (control)" in row(text, "mse_again")
    assert " reference" in row(text, "trivial")


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ("test", "trained on these rows, on this test part"),
        ("rows", "trained on these rows, for new rows like the test part"),
    ],
)
def test_the_interval_in_the_terminal_is_the_one_that_judges(scope: str, words: str) -> None:
    records = [mse(uneven=noisy(0)), gaining("huber", 3.0, 0.1, uneven=noisy(1))]
    (contest,) = compare(records, Rules(scope=Scope.of(scope))).contests
    difference = contest.find("huber").difference
    assert difference is not None
    assert difference.new_rows is not None
    low, high = (difference.test if scope == "test" else difference.new_rows).interval()
    text = judged(*records, scope=scope)
    assert f"{low:+.2f} to {high:+.2f}" in row(text, "huber")
    assert f"gain: RMSE better than mse, 95 % interval {words}; up to 0.10 is the same in practice" in text


def test_green_is_better_and_red_is_worse() -> None:
    """32 and 31 are green and red in ECMA-48."""
    records = [mse(), gaining("huber", 0.5, 0.1), gaining("mae", -0.5, 0.1)]
    lines = judged(*records, colour=True).splitlines()
    (good,) = [line for line in lines if "+0.50" in line]
    (bad,) = [line for line in lines if "−0.50" in line]
    assert "\x1b[32m" in good
    assert "\x1b[31m" in bad
    smoke = {"name": "smoke"}
    quiet = judged(mse(protocol=smoke), gaining("huber", 0.5, 0.1, protocol=smoke), colour=True)
    assert "\x1b[32m" not in quiet


def test_without_a_verdict_the_reason_stands_below_and_no_line_has_one() -> None:
    smoke = {"name": "smoke"}
    text = judged(mse(protocol=smoke), gaining("huber", 0.5, 0.1, protocol=smoke))
    assert "better" not in text
    assert "no verdict: protocol=smoke only shows that everything runs" in text


def test_another_aim_and_an_interruption_are_told_in_the_line() -> None:
    aimed = gaining("pinball", 0.5, 0.1, elicits="quantile 0.9")
    stopped = gaining("mae", 0.5, 0.1, status=Status.INTERRUPTED)
    stopped.repeats = stopped.repeats[:4]
    text = judged(mse(), gaining("huber", 0.5, 0.1), aimed)
    assert "elicits a quantile 0.9, rmse rewards the centre" in row(text, "pinball")
    assert "interrupted, 4/10 done" in row(judged(mse(), gaining("huber", 0.5, 0.1), stopped), "mae")


def test_metrics_go_first_then_the_time_then_the_interval_and_of_the_verdict_its_sign_stays() -> None:
    records = [mse(), gaining("huber", 0.5, 0.1)]
    whole = judged(*records).splitlines()[2].split()
    assert whole == ["tier", "loss", "rmse", "gain", "95", "%", "time", "verdict", "chosen", "(median)", "mae", "r2"]
    seen = []
    for width in range(100, 20, -1):
        head = judged(*records, width=width).splitlines()[2].split()
        if head not in seen:
            seen.append(head)
    gone = [sorted(set(a) - set(b)) for a, b in pairwise([whole, *seen]) if a != b]
    order = [["r2"], ["mae"], ["(median)", "chosen"], ["time"], ["%", "95"], ["verdict"]]
    assert [names for names in gone if names][:6] == order
    assert row(judged(*records, width=36), "huber").endswith("+0.50 ▲")


def test_under_every_cant_tell_stands_what_would_decide() -> None:
    text = judged(mse(), gaining("huber", 0.3, 0.5))
    (note,) = [line for line in text.splitlines() if line.startswith("huber: can't tell. This run can detect")]
    assert note.endswith(" repeats should settle it")
    assert "differences of 0.50 or more; about" in note  # d = 1.00 for 80 % at 10 pairs


# What was chosen, and what is not calibrated by design ---------------------------------------------------------------


def tuned(title: str, elicits: str, **more: Any) -> Record:
    """A record of ten repeats whose trials drew a gamma; the chosen one is .1, .2, ... 1."""
    target = np.resize([0.0, 1.0], 60)
    p = np.clip(0.5 + 0.3 * (target - 0.5) + 0.1 * np.random.default_rng(0).normal(size=(10, 60)), 0.02, 0.98)
    found = binary(title, p, target, elicits=elicits, **more)
    for number, repeat in enumerate(found.repeats, start=1):
        repeat.learning_rate, repeat.params = 0.001 * number, {"gamma": 0.1 * number}
        repeat.trials[1].params = {"gamma": 3.0}
        repeat.decision = {"f1": 0.4, "accuracy": 0.4}
    return found


def test_what_was_chosen_stands_in_the_table_or_below_it() -> None:
    """The medians of 1 to 10 thousandths and tenths are 5.5 of them."""
    records = [tuned("bce", "probability"), tuned("focal", "distorted probability")]
    wide = judged(*records, width=300)
    assert "rate 0.0055, gamma 0.55, threshold 0.4" in row(wide, "focal")
    narrow = judged(*records, width=100)
    assert "rate" not in row(narrow, "focal")
    lines = "  focal: rate 0.0055 (0.001 to 0.01), gamma 0.55 (0.1 to 1), threshold 0.4"
    assert lines in narrow.splitlines()
    many = judged(*(tuned(name, "probability") for name in ("bce", *"abcdefgh")), width=100)
    assert "chosen rates, parameters and thresholds are in leaderboard.csv" in many


def test_distorted_probabilities_are_marked_wherever_their_log_loss_stands() -> None:
    records = [tuned("bce", "probability"), tuned("focal", "distorted probability"), tuned("sure", "sign")]
    records.append(tuned("mixed", "probability or distorted probability"))
    wide = judged(*records, width=300)
    value = f"{statistics.fmean(records[0].values('log_loss')):.3f}"
    stars = {title: row(wide, title).count("*") for title in ("bce", "focal", "sure", "mixed")}
    assert stars == {"bce": 0, "focal": 3, "sure": 3, "mixed": 3}
    assert value in row(wide, "bce")
    note = "* not calibrated by design: focal, sure and mixed; Brier score, log loss and ECE reward probabilities"
    assert note in wide
    narrow = judged(*records, width=100)
    assert "*" not in narrow  # neither the numbers nor the note


def test_a_column_that_no_loss_has_a_value_for_is_left_out() -> None:
    record = mse()
    record.directions = {**record.directions, "crps": "min", "nll": "min"}
    (board,) = leaderboards([record])
    assert board.metrics == ("rmse", "mae", "r2")
