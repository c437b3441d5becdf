"""What a record keeps of a loss's own cost, and the report's table of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from lossbench.loss import Kind
from lossbench.plan import CostAt, LossCost
from lossbench.probe.timing import SIZES, cheapest, priced
from lossbench.report.page import html
from lossbench.report.tables import to_json
from lossbench.testing import subjects
from lossbench.verdicts.answer import answer
from lossbench.verdicts.judging import compare
from tests.report.test_report import Reader, with_evidence
from tests.verdicts.test_comparison import gaining, mse


def settings(cost: LossCost) -> list[tuple[int, int]]:
    return [(at.batch, at.classes) for at in cost.at]


def test_a_pointwise_loss_is_tried_at_every_batch() -> None:
    (subject,) = subjects("log_cosh")
    cost = priced(subject, 1)
    assert settings(cost) == [(size, 1) for size in SIZES]
    assert cost.against == cheapest(Kind.CONTINUOUS).name
    assert all(at.seconds > 0 and at.ratio > 0 and at.threads == 1 for at in cost.at)


def test_classes_are_those_of_the_task_and_ten_times_as_many() -> None:
    (subject,) = subjects("focal", "classes")
    assert settings(priced(subject, 4)) == [(32, 4), (512, 4), (4096, 4), (512, 40)]


def test_a_set_loss_whose_pairs_grow_by_the_square_is_spared_the_largest_batch() -> None:
    (subject,) = subjects("pairwise_auc")
    assert settings(priced(subject, 1)) == [(32, 1), (512, 1)]


def test_bytes_and_operations_are_counted() -> None:
    """The kernel of torch's squared error keeps output and target, 4 bytes each, for its backward pass."""
    (subject,) = subjects("mse", "continuous")
    cost = priced(subject, 1)
    assert [at.bytes for at in cost.at] == [8, 8, 8]
    (twice,) = subjects("huber", "continuous", delta=0.5)
    assert [at.operations for at in priced(twice, 1).at] == [at.operations for at in cost.at]


def test_what_is_drawn_after_it_is_what_would_have_been_drawn_before() -> None:
    (subject,) = subjects("crf")
    torch.manual_seed(3)
    wanted = torch.rand(2)
    torch.manual_seed(3)
    priced(subject, 5)
    assert torch.equal(torch.rand(2), wanted)


NANOSECONDS = 31.4
"""Of a loss that takes as long as the cheapest: a number that nothing else on the page has."""


def made(small: float, large: float, clock: float = 1.0, against: str = "mse") -> LossCost:
    """Ratios at a small and a large batch, to 1 %, by a clock that goes this much too fast."""
    sizes: Any = {"classes": 1, "threads": 1, "bytes": 27.0, "operations": 61}
    at = [
        CostAt(
            batch,
            seconds=NANOSECONDS * 1e-9 * ratio * clock,
            ratio=ratio,
            low=ratio - 0.009 * ratio,
            high=ratio + 0.009 * ratio,
            **sizes,
        )
        for batch, ratio in ((32, small), (4096, large))
    ]
    return LossCost(against, tuple(at))


@pytest.fixture
def records():
    found = [with_evidence(one, seed) for seed, one in enumerate([mse(), gaining("huber", 0.5, 0.1)])]
    found[0].cost.loss, found[1].cost.loss = made(1.0, 1.0), made(7.77, 1.0)
    return found


def test_the_report_shows_what_each_loss_alone_costs(records) -> None:
    reader = Reader()
    reader.feed(html(compare(records, name="made")))
    text = " ".join(" ".join(reader.text).split())
    assert "What the loss alone costs" in text
    assert "32 targets 4,096 targets ns per target bytes per target operations" in text
    assert "huber 7.77 × (7.70 to 7.84) about the same 31.4 27 61" in text


def test_nanoseconds_and_ratios_of_one_table_never_disagree(records) -> None:
    """Each cell was clocked in its own moment, 25.6 ns once stood beside 1.23 × and 28.5 ns beside 1.00 ×.

    By hand: the cheapest took 31.4 ns in the cell of mse, and 20 % less in that of huber, on the mean of the two 28.3;
    huber's 1.23 times are 34.8 ns of those, whatever its own clock said.
    """
    records[1].cost.loss = made(1.23, 1.23, clock=0.8)
    reader = Reader()
    reader.feed(html(compare(records, name="made")))
    text = " ".join(" ".join(reader.text).split())
    assert "mse 1.00 × 1.00 × 28.3 27 61" in text
    assert "huber 1.23 × (1.22 to 1.24) 1.23 × (1.22 to 1.24) 34.8 27 61" in text


def test_a_loss_that_was_not_tried_at_a_size_has_no_number_there(records) -> None:
    cost = records[1].cost
    cost.loss = replace(cost.loss, at=cost.loss.at[:1])
    reader = Reader()
    reader.feed(html(compare(records, name="made")))
    assert "huber 7.77 × (7.70 to 7.84) n/a n/a 27 61" in " ".join(" ".join(reader.text).split())


def test_records_of_before_have_no_such_table(records) -> None:
    for record in records:
        record.cost.loss = None
    assert "What the loss alone costs" not in html(compare(records, name="made"))


def test_losses_of_two_kinds_have_a_table_each(records) -> None:
    """A task with texts takes losses of single words and of whole sentences, each held against its own cheapest."""
    records[1].cost.loss = made(7.77, 1.0, against="sequence_cross_entropy")
    page = html(compare(records, name="made"))
    assert "relative to mse, the cheapest" in page
    assert "relative to sequence_cross_entropy, the cheapest" in page


def test_report_json_has_the_cost(records) -> None:
    found = compare(records, name="made")
    told = to_json(found, answer(found))
    rows = {row["title"]: row for contest in told["contests"] for row in contest["rows"]}
    assert rows["huber"]["cost"]["at"][0]["ratio"] == 7.77
