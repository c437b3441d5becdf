"""A loss that is set apart says so wherever it stands, and columns by which nothing was chosen say that."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from lossbench.cli.tables import show_contest
from lossbench.records.record import Record, Status
from lossbench.report.board import board
from lossbench.report.closing import numbers
from lossbench.report.tables import to_csv, to_json, to_markdown
from lossbench.verdicts.answer import answer
from lossbench.verdicts.comparison import Contest
from lossbench.verdicts.judging import compare
from lossbench.verdicts.words import chosen_by
from tests.conftest import Result
from tests.verdicts.test_comparison import binary, contest_of, gaining, mse

WHY = "elicits a quantile 0.9, rmse rewards the centre"


def quantile(**more: object) -> Record:
    return gaining("quantile(q=0.9)", -1.0, 0.1, elicits="quantile 0.9", **more)


def printed(contest: Contest, width: int = 160) -> str:
    out = Console(record=True, width=width, file=io.StringIO())
    show_contest(out, contest)
    return out.export_text()


@pytest.mark.parametrize("others", [(), ("huber",)])
def test_the_terminal_says_why_beside_the_row_with_a_verdict_and_without(others: tuple[str, ...]) -> None:
    """Three rows that ended well once stood above "mse stands alone: nothing to compare"."""
    text = printed(contest_of(mse(), quantile(), *(gaining(title, 0.5, 0.1) for title in others)))
    (line,) = [
        line for line in text.splitlines() if line.lstrip("x ").startswith("quantile(q=0.9)") and "−" not in line
    ]
    assert f"set apart: {WHY}" in line
    assert "stands alone" not in text


def test_a_narrow_terminal_says_why_below_the_table() -> None:
    text = printed(contest_of(mse(), quantile(), gaining("huber", 0.5, 0.1)), width=60)
    assert f"quantile(q=0.9) is set apart: {WHY}" in " ".join(text.split())


def test_why_nothing_can_be_compared_names_the_loss_and_its_reason() -> None:
    assert contest_of(mse(), quantile()).no_verdict == (
        f"mse is the only loss left to compare: quantile(q=0.9) is set apart ({WHY})"
    )
    assert contest_of(quantile()).no_verdict == f"no loss is left to compare: quantile(q=0.9) is set apart ({WHY})"
    assert contest_of(mse()).no_verdict == "mse is the only loss here"


def test_a_loss_that_others_did_not_fit_beside_is_the_only_one_that_fits() -> None:
    left_out = gaining("bce", 0.0, 0.1, status=Status.SKIPPED, reason="binary loss, continuous task")
    left_out.repeats.clear()
    assert contest_of(mse(), left_out).no_verdict == "mse is the only loss that fits this task"


def test_losses_that_did_not_finish_are_no_mystery() -> None:
    broken = gaining("poisson", 0.0, 0.1, status=Status.DIVERGED)
    broken.repeats[3].status, broken.repeats[3].metrics = Status.DIVERGED, {}
    assert contest_of(broken).no_verdict == "no loss finished all its repeats"


def test_the_sentence_the_limits_the_report_and_the_files_say_why() -> None:
    found = compare([mse(), quantile(), gaining("huber", 0.5, 0.1)])
    told, (contest,) = answer(found), found.contests
    assert f"quantile(q=0.9) is set apart ({WHY})" in told.sentence
    assert f"houses: quantile(q=0.9) is set apart, {WHY}." in told.limits
    row = next(line for line in board(contest, "", {}).rows if line.title == "quantile(q=0.9)")
    assert (row.tier, row.verdict, row.why) == ("✕", "set apart", WHY)
    (stored,) = [line for line in csv.DictReader(io.StringIO(to_csv(found))) if line["title"] == "quantile(q=0.9)"]
    assert (stored["tier"], stored["apart"], stored["status"]) == ("", WHY, "done")
    assert f"set apart: {WHY} |" in to_markdown(found, told)
    rows = {row["title"]: row["apart"] for row in to_json(found, told)["contests"][0]["rows"]}
    assert rows == {"huber": "", "mse": "", "quantile(q=0.9)": WHY}


def test_many_losses_set_apart_are_counted() -> None:
    many = [gaining(f"q{n}", -1.0, 0.1, elicits="quantile 0.9") for n in range(5)]
    assert (
        "; 5 losses are set apart; the table shows why."
        in answer(compare([mse(), gaining("huber", 0.5, 0.1), *many])).sentence
    )
    assert contest_of(mse(), *many).no_verdict.endswith(" and 2 more")


# Secondary columns ------------------------------------------------------------------------------------------------


def test_columns_by_which_nothing_was_chosen_say_so() -> None:
    draw, target = np.random.default_rng(0), np.resize([0.0, 1.0], 60)
    p, q = np.clip(0.5 + 0.4 * (target - 0.5) + 0.2 * draw.normal(size=(2, 10, 60)), 0.02, 0.98)
    contest = contest_of(binary("bce", p, target), binary("focal", q, target))
    said = (
        "rate, parameters and epoch were chosen by ROC-AUC, thresholds by F1 and accuracy, nothing by the other metrics"
    )
    assert chosen_by(contest) == said
    assert said in " ".join(printed(contest, 200).split())
    assert any(
        panel.note.endswith(f"On validation data {said}.")
        for panel in numbers(compare([binary("bce", p, target)])).panels
    )


def test_with_one_trial_only_the_epoch_was_chosen() -> None:
    one = {"trials": 1}
    assert chosen_by(contest_of(mse(protocol=one), gaining("huber", 0.5, 0.1, protocol=one))) == (
        "the epoch was chosen by RMSE, nothing by MAE and R²"
    )


@pytest.mark.long
def test_a_quantile_in_a_real_sweep_has_a_contest_of_its_own(lossbench, tmp_path: Path) -> None:
    done: Result = lossbench(
        *("+loss=mse,quantile", "-m", "loss.params.q=0.9", "task=regression", "task/data=diabetes", "tracking=off"),
        *("name=q", "protocol.repeats=3", "protocol.trials=2", "training.max_epochs=2", "training.devices=1"),
    )
    assert done.code == 0, done.text
    assert "set apart" not in done.text
    assert "regression on diabetes (task.metric=pinball_0.9): quantile(q=0.9)" in done.text
    assert "rate, parameters and epoch were chosen by pinball loss at 0.9" in " ".join(done.text.split())
    assert "quantile(q=0.9) is the only loss here" in " ".join(done.text.split())
