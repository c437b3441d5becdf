"""What several data sets say together, and where the model matters more than the loss; numbers by hand, p by scipy."""

from __future__ import annotations

import numpy as np
import pytest

from lossbench.records.record import Record
from lossbench.report.board import across_table, board
from lossbench.report.tables import to_json
from lossbench.verdicts.answer import answer
from lossbench.verdicts.judging import compare
from lossbench.verdicts.overall import regrets, stronger
from tests.made import altered
from tests.verdicts.test_comparison import BASE, Z, contest_of, gaining, mse, regression


def on(data: str, **gains: float) -> list[Record]:
    """A data set on which each loss gains so much over the squared error, with a spread of .1 and a margin of .1."""
    return [mse(data=data), *(gaining(title, gain, 0.1, data=data) for title, gain in gains.items())]


def sentence(*groups: list[Record]) -> str:
    return answer(compare([record for group in groups for record in group])).sentence


def test_all_data_sets_come_first_in_one_sentence_then_the_exceptions() -> None:
    """Ranks of huber by hand: 1, 1, 1, 3; gains in margins 5, 5, 5, −5, of mae 2, 2, 2, −1.

    Regret of huber: 0, 0, 0 and 5, on the mean 1.25, said with one digit as round() has it.
    """
    groups = [on(name, huber=0.5, mae=0.2) for name in "abc"] + [on("d", huber=-0.5, mae=-0.1)]
    assert sentence(*groups) == (
        "Over 4 data sets train with huber: mean rank 1.5 of 3 losses, better than mse on 3 and worse on 1, regret 1.2 "
        "margins per data set. On d stay with mse: huber and mae are worse."
    )


def test_where_no_loss_is_better_on_most_the_baseline_stays_and_exceptions_are_named() -> None:
    """Ranks of mse by hand: 2, 1, 1, 1."""
    groups = [on("a", huber=0.5), *(on(name, huber=-0.5) for name in "bcd")]
    found = sentence(*groups)
    assert found.startswith(
        "Over 4 data sets stay with mse: mean rank 1.2 of 2 losses, beaten on 1, regret 1.2 margins per data set. "
        "On a train with huber: it is better than mse by 0.50 RMSE"
    )
    assert "On b" not in found


def test_the_first_by_mean_rank_is_not_advised_where_it_is_shown_to_be_better_on_too_few() -> None:
    """Three gains of .02 lie within the margin: the first by rank is better on none, and no reason to change."""
    found = sentence(*(on(name, huber=0.02) for name in "abcd"))
    assert found == (
        "Over 4 data sets stay with mse: no loss is better on more than half; huber comes first by mean rank 1.0 of 2 "
        "losses, better than mse on none and worse on none, regret 0.0 margins per data set."
    )


def test_one_data_set_has_no_such_sentence() -> None:
    assert sentence(on("a", huber=0.5)).startswith("On a train with huber")


def test_regret_is_the_mean_gap_to_the_best_loss_of_each_data_set() -> None:
    """By hand, in margins of .1: huber gains 5 and −5, mae 2 and −1, mse 0: gaps 0 5, 3 1, 5 0."""
    found = compare([*on("a", huber=0.5, mae=0.2), *on("b", huber=-0.5, mae=-0.1)])
    assert found.across is not None
    by_loss = dict(zip(found.across.titles, regrets(found.across), strict=True))
    assert by_loss == pytest.approx({"huber": 2.5, "mae": 2.0, "mse": 2.5})
    table = across_table(found.across)
    assert {row[0]: row[table.head.index("regret in margins")] for row in table.rows} == {
        "huber": "2.50",
        "mae": "2.00",
        "mse": "2.50",
    }
    told = to_json(found, answer(found))["across"]
    assert dict(zip(told["losses"], told["regret_by_loss"], strict=True)) == pytest.approx(by_loss)


# The model --------------------------------------------------------------------------------------------------------


def boosting(lead: float, spread: float = 0.1, data: str = "houses") -> Record:
    found = regression("gradient boosting", BASE - lead - spread * Z, data=data, role="reference")
    found.loss.name = "gradient_boosting"
    return found


def test_where_boosting_leads_by_more_than_the_loss_gains_the_sentence_says_so() -> None:
    """By hand: huber gains .3 on mse, boosting 1.0 more; a bad loss does not make the loss matter more."""
    records = [mse(), gaining("huber", 0.3, 0.1), gaining("bad", -3.0, 0.1), boosting(1.3)]
    ends = [f"{BASE.mean() - gain:.2f}" for gain in (1.3, 0.3, -3.0)]
    assert sentence(records).endswith(
        f"On houses ({ends[0]} against {ends[1]} to {ends[2]}) gradient boosting beats every network by more than the "
        "choice of loss gains: there the model matters more than the loss."
    )
    words = board(contest_of(*records), "stay", {}).words
    assert words == (
        f"Stay. Gradient boosting beats every network ({ends[0]} against {ends[1]} to {ends[2]}): here the model "
        "matters more than the loss."
    )


@pytest.mark.parametrize(
    ("lead", "spread", "why"),
    [
        (0.5, 0.1, "the loss gains .3, boosting .2 more"),
        (0.25, 0.1, "a network is better"),
        (1.0, 3.0, "chance: the interval reaches below 0"),
    ],
)
def test_else_it_does_not(lead: float, spread: float, why: str) -> None:
    found = contest_of(mse(), gaining("huber", 0.3, 0.1), boosting(lead, spread))
    assert stronger(found) is None, why


def test_a_lead_within_the_margin_is_none() -> None:
    assert stronger(contest_of(mse(), gaining("huber", 0.0, 0.01), boosting(0.09, 0.01))) is None
    assert stronger(contest_of(mse(), gaining("huber", 0.0, 0.01), boosting(0.12, 0.01))) is not None


def test_the_trivial_row_is_no_model() -> None:
    trivial = regression("trivial", BASE - 5, role="reference")
    assert stronger(contest_of(mse(), gaining("huber", 0.3, 0.1), trivial)) is None


def test_on_several_data_sets_the_model_is_named_once() -> None:
    groups = [[*on(name, huber=0.3), boosting(1.3, data=name)] for name in "abcd"] + [on("e", huber=0.3)]
    found = sentence(*groups)
    assert found.count("gradient boosting") == 1
    assert "and 1 more gradient boosting beats every network" in found
    assert np.isclose(float(found.split("On a (")[1].split(" ")[0]), BASE.mean() - 1.3, atol=0.005)


def test_where_baselines_differ_none_of_them_is_named() -> None:
    """By hand: ranks of cross_entropy 1 and 1, and no loss is shown to be better on either."""
    other = [gaining("cross_entropy", 0.0, 0.1, data="b"), gaining("mse", -0.2, 1.0, data="b")]
    for record in other:
        record.cell = altered(record.cell, task={"baseline": "cross_entropy"})
    found = sentence([mse(data="a"), gaining("cross_entropy", 0.02, 0.1, data="a")], other)
    assert found.startswith(
        "Over 2 data sets stay with the baseline: no loss is better on more than half; cross_entropy comes first by "
        "mean rank 1.0 of 2 losses"
    )
