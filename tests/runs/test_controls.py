"""Losses that must not win: a placebo on draws of its own, and a multiple of the baseline; and `scaled` itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

import lossbench as package
from lossbench.errors import InputError
from lossbench.loss import Kind
from lossbench.loss.catalogue import build, search_of
from lossbench.plan import LossChoice
from lossbench.records.record import Record, read_records
from tests.conftest import Result, command

Command = Callable[..., Result]
SMALL = ("task=binary", "protocol.repeats=2", "protocol.trials=3", "training.max_epochs=3", "+controls=placebo")


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Record]:
    """The records of a small sweep with controls, by title."""
    folder = tmp_path_factory.mktemp("controls")
    result = command(folder, "+loss=mse", "-m", *SMALL, "tracking=off", "name=c")
    assert result.code == 0, result.text
    assert "not paired" not in result.text
    shown = result.out[result.out.index("binary on breast_cancer, mlp") :]
    assert shown.index("10*bce") < shown.index("gradient boosting")
    return {r.title: r for r in read_records(folder / "results" / "c", arrays=True)}


def test_the_baseline_comes_in_three_times(swept: dict[str, Record]) -> None:
    roles = {title: record.role for title, record in swept.items() if record.role != "reference"}
    assert roles == {"mse": "chosen", "bce": "baseline", "bce again (placebo)": "control", "10*bce": "control"}
    assert len({record.contest for record in swept.values()}) == 1


def test_a_placebo_shares_the_rows_and_nothing_else(swept: dict[str, Record]) -> None:
    for one, other in zip(swept["bce"].repeats, swept["bce again (placebo)"].repeats, strict=True):
        assert one.hashes["splits"] == other.hashes["splits"]
        assert one.hashes["weights"] != other.hashes["weights"]
        assert one.hashes["batches"] != other.hashes["batches"]
        rates = [[trial.learning_rate for trial in repeat.trials] for repeat in (one, other)]
        assert rates[0][0] == rates[1][0]  # the centre
        assert rates[0][1:] != rates[1][1:]


def test_a_multiple_is_tried_at_the_points_of_the_loss_itself(swept: dict[str, Record]) -> None:
    for one, other in zip(swept["bce"].repeats, swept["10*bce"].repeats, strict=True):
        assert one.hashes == other.hashes
        assert [t.learning_rate for t in one.trials] == [t.learning_rate for t in other.trials]

    free = [search_of(LossChoice(*loss), Kind.BINARY) for loss in (("focal",), ("scaled", {"loss": "focal"}))]
    assert list(free[0].values()) == list(free[1].values())


@pytest.mark.long
def test_controls_are_only_there_on_request(lossbench: Command) -> None:
    lossbench("+loss=mse", "-m", *[word for word in SMALL if "controls" not in word])
    assert {r.role for r in read_records("results")} == {"chosen", "baseline", "reference"}


@pytest.mark.parametrize("words", [("controls.scale=-1",), ("controls.scale=a",), ("controls.placebo=3",)])
def test_a_control_that_cannot_be_is_refused(lossbench: Command, words: tuple[str, ...]) -> None:
    result = lossbench("+loss=mse", "-m", *SMALL, *words)
    assert result.code == 2
    assert words[0].partition("=")[0] in result.err


@pytest.mark.parametrize("kind", [Kind.CONTINUOUS, Kind.BINARY, Kind.CLASSES])
def test_scaled_is_the_loss_times_its_factor_in_value_and_gradient(kind: Kind) -> None:
    inner = package.load_loss("mse", kind)
    outer = package.load_loss("scaled", kind, loss="mse", factor=3.0)
    shape = (6, 4) if kind is Kind.CLASSES else (6,)
    target = torch.tensor([0, 1, 1, 0, 1, 0])
    output = torch.linspace(-2, 3, 6 * (4 if kind is Kind.CLASSES else 1)).view(shape).requires_grad_()
    judged = target if kind is Kind.CLASSES else target.float()
    assert torch.equal(outer(output, judged), 3.0 * inner(output, judged))
    gradients = [torch.autograd.grad(loss(output, judged).sum(), output)[0] for loss in (outer, inner)]
    assert torch.allclose(gradients[0], 3.0 * gradients[1])
    assert torch.equal(outer.predict(output).score, inner.predict(output).score)


def test_a_loss_inside_another_takes_parameters_of_its_own() -> None:
    given = {"loss": {"name": "huber", "delta": 2.0}, "factor": 1.0}
    outputs, target = torch.tensor([0.0, 3.0]), torch.tensor([1.0, -3.0])
    # the README's values of huber with delta 2
    assert build(LossChoice("scaled", given), Kind.CONTINUOUS)(outputs, target).tolist() == [0.5, 10.0]
    dotted = {"loss": "huber", "loss.delta": 2.0, "factor": 1.0}
    assert build(LossChoice("scaled", dotted), Kind.CONTINUOUS)(outputs, target).tolist() == [0.5, 10.0]


def test_what_is_given_inside_leaves_the_search() -> None:
    free = search_of(LossChoice("scaled", {"loss": "huber", "factor": 2.0}), Kind.CONTINUOUS)
    assert list(free) == ["loss.delta"]
    fixed = {"loss": {"name": "huber", "delta": 2.0}, "factor": 2.0}
    assert search_of(LossChoice("scaled", fixed), Kind.CONTINUOUS) == {}


def test_a_nameless_loss_inside_another_is_refused() -> None:
    with pytest.raises(InputError, match="names no loss"):
        build(LossChoice("scaled", {"loss": {"delta": 2.0}, "factor": 1.0}), Kind.CONTINUOUS)
    with pytest.raises(InputError, match="factor must be above 0"):
        build(LossChoice("scaled", {"loss": "mse", "factor": -1.0}), Kind.CONTINUOUS)
