"""What a step costs, what a loss pulls at, and what is the same in practice, each against a count by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from lossbench import load_loss
from lossbench.data.splits import draw_splits
from lossbench.loss import Kind, Loss, Prediction
from lossbench.plan import Part, TaskChoice
from lossbench.probe.shape import pull
from lossbench.records.record import read_records
from lossbench.runs.inputs import margins_of
from lossbench.tasks.binary import Binary
from lossbench.tasks.contract import Scored
from lossbench.tasks.ner import NER
from lossbench.tasks.regression import Regression
from lossbench.training.cost import step_bytes, steps_per_epoch
from tests.conftest import Result

# Bytes of a step ------------------------------------------------------------------------------------------------------


class TinyFold:
    """Ten rows of three columns, in float32, and a target a row."""

    def __init__(self) -> None:
        self.x, self.y = torch.randn(10, 3), torch.randn(10)
        self.splits = SimpleNamespace(rows=lambda part: np.arange(10))

    def batch(self, part: Part, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.x[rows], self.y[rows]

    def score(self, model: nn.Module, batch: tuple[torch.Tensor, torch.Tensor], kind: Kind) -> Scored:
        return Scored(model(batch[0]).squeeze(1), batch[1])


def prepared(model: nn.Module) -> Any:
    return SimpleNamespace(fold=TinyFold(), model=model, loss=load_loss("mse", kind="continuous"))


@pytest.mark.parametrize(("batch", "rows"), [(4, 4), (64, 10)])
def test_a_step_keeps_inputs_hidden_values_outputs_and_targets(batch: int, rows: int) -> None:
    """By hand, in float32: x is [n, 3] and the ReLU's result [n, 5], kept once for ReLU and second layer.

    torch's squared error keeps output [n] and target [n]. Weights are not counted.
    """
    model = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 1))
    assert step_bytes(prepared(model), batch) == 4 * rows * (3 + 5 + 2)


class Counting(Loss):
    """A squared error that counts its calls."""

    kind = Kind.CONTINUOUS

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return (output - target) ** 2


def test_counting_leaves_model_loss_and_draws_as_they_were() -> None:
    """Batch norm keeps running means of what it sees, dropout draws, and a loss may count its calls."""
    model = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Dropout(0.5), nn.Linear(5, 1))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    loss, fold = Counting(), TinyFold()
    draws = torch.get_rng_state()
    assert step_bytes(SimpleNamespace(fold=fold, model=model, loss=loss), 4) > 0
    assert torch.equal(torch.get_rng_state(), draws)
    assert loss.calls == 0
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


class Weighted(Loss):
    """The output times a number that is learned and one that is written once for all rows."""

    kind = Kind.CONTINUOUS

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return output * torch.ones(1).expand_as(output) * self.weight


def test_parameters_of_the_loss_are_not_counted_and_a_repeated_number_is_one() -> None:
    """By hand, in float32: x [4, 3]; the one number behind all rows; the output [4], for the weight's own slope."""
    made = SimpleNamespace(fold=TinyFold(), model=nn.Linear(3, 1), loss=Weighted())
    assert step_bytes(made, 4) == 4 * (4 * 3 + 1 + 4)  # type: ignore[arg-type]


def test_an_epoch_has_a_last_batch_that_may_be_smaller() -> None:
    assert [steps_per_epoch(prepared(nn.Linear(3, 1)), size) for size in (3, 5, 10, 64)] == [4, 2, 1, 1]


# Pull -------------------------------------------------------------------------------------------------------------


def test_the_pull_of_a_squared_error_is_twice_the_residual() -> None:
    output, target = torch.tensor([1.0, -2.0, 0.5]), torch.tensor([0.0, 1.0, 0.5])
    found = pull(load_loss("mse", kind="continuous"), Scored(output, target))
    assert found["pull/size"] == pytest.approx([2.0, 6.0, 0.0])
    assert found["pull/difficulty"] == pytest.approx([1.0, 3.0, 0.0])
    assert found["pull/target"].tolist() == target.tolist()


def test_the_pull_of_cross_entropy_is_how_wrong_the_probability_is() -> None:
    """|p - y| by hand for two classes; for more, the sum over outputs is 2 (1 - p of the true class)."""
    output, target = torch.tensor([2.0, -1.0, 0.0]), torch.tensor([1.0, 1.0, 0.0])
    found = pull(load_loss("bce", kind="binary"), Scored(output, target))
    p = 1 / (1 + np.exp([-2.0, 1.0, 0.0]))
    assert found["pull/size"] == pytest.approx(np.abs(p - target.numpy()), rel=1e-5)
    assert found["pull/difficulty"] == pytest.approx(np.abs(p - target.numpy()), rel=1e-5)
    logits, classes = torch.tensor([[1.0, 0.0, -1.0], [0.0, 0.0, 3.0]]), torch.tensor([0, 1])
    found = pull(load_loss("cross_entropy", kind="classes"), Scored(logits, classes))
    q = np.exp(logits.numpy()) / np.exp(logits.numpy()).sum(1, keepdims=True)
    missing = 1 - q[[0, 1], [0, 1]]
    assert found["pull/size"] == pytest.approx(2 * missing, rel=1e-5)
    assert found["pull/difficulty"] == pytest.approx(missing, rel=1e-5)


def test_the_pull_is_what_backward_leaves_in_the_outputs() -> None:
    """Autograd on the same sum, by hand, for a loss whose slope bends: Huber's."""
    output, target = torch.tensor([3.0, 0.2, -0.4]), torch.zeros(3)
    loss = load_loss("huber", kind="continuous", delta=0.5)
    free = output.clone().requires_grad_()
    loss(free, target).sum().backward()
    assert free.grad is not None
    assert pull(loss, Scored(output, target))["pull/size"] == pytest.approx(free.grad.abs().numpy())


def test_without_probabilities_there_is_no_pull_to_order(monkeypatch: pytest.MonkeyPatch) -> None:
    output, target = torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.0])
    loss = load_loss("bce", kind="binary")
    monkeypatch.setattr(loss, "predict", lambda raw: Prediction(raw, (raw > 0).long()))
    assert pull(loss, Scored(output, target)) == {}


# Margins ----------------------------------------------------------------------------------------------------------


def test_margins_of_errors_are_one_percent_of_those_of_the_mean_without_the_test_part() -> None:
    task = Regression(data={"source": "packaged", "name": "diabetes"}, metric="rmse", direction=None, seed=0)
    y = task.table.target
    splits = draw_splits(task.table.split, y, repeat=0, seed=0, split_seed=0, stratify=False)
    kept = np.delete(y, splits.test)
    margins = task.margins()
    assert margins["rmse"] == pytest.approx(0.01 * kept.std())
    assert margins["mae"] == pytest.approx(0.01 * np.mean([abs(v - kept.mean()) for v in kept]))
    assert margins["r2"] == 0.01


def test_what_the_test_part_holds_moves_no_margin() -> None:
    task = Regression(data={"source": "packaged", "name": "diabetes"}, metric="rmse", direction=None, seed=0)
    before = task.margins()
    y, test = task.table.target.copy(), task.splits(0).test
    y[test] = y[test][::-1] * 100
    task.table = replace(task.table, target=y)
    assert task.margins() == before


def test_margins_of_probabilities_and_decisions_are_those_of_the_design() -> None:
    task = Binary(data={"source": "packaged", "name": "breast_cancer"}, metric="roc_auc", direction=None, seed=0)
    wanted = {"roc_auc": 0.005, "average_precision": 0.005, "f1": 0.005, "accuracy": 0.005}
    assert {**task.margins(), **wanted, "brier": 0.002, "log_loss": 0.01} == dict(task.margins())
    data = {"source": "generated", "name": "generated", "sentences": 60, "test_sentences": 20, "seed": 0}
    ner = NER(data=data, metric="entity_f1", direction=None, seed=0)
    assert set(ner.margins().values()) == {0.005}
    assert ner.legend()["tags"].tolist() == list(ner.corpus.tags)


def choice(equivalence: Any) -> TaskChoice:
    return TaskChoice("regression", "", {}, "rmse", None, "mse", equivalence)


def test_what_is_the_same_in_practice_can_be_said_for_one_metric_or_several() -> None:
    task = Regression(data={"source": "packaged", "name": "diabetes"}, metric="rmse", direction=None, seed=0)
    usual = task.margins()
    assert margins_of(choice(None), task) == usual
    assert margins_of(choice(2.5), task) == {**usual, "rmse": 2.5}
    assert margins_of(choice({"mae": 0, "rmse": 3}), task) == {**usual, "mae": 0, "rmse": 3}


QUICK = ("protocol.repeats=1", "protocol.trials=1", "training.max_epochs=1", "training.devices=1", "task=regression")


@pytest.mark.parametrize(
    ("word", "wanted"),
    [("task.equivalence=250", {"rmse": 250}), ("task.equivalence={rmse:120,mae:0}", {"rmse": 120, "mae": 0})],
)
def test_the_record_holds_the_margins_that_the_command_gave(
    lossbench: Callable[..., Result], word: str, wanted: dict[str, float]
) -> None:
    assert lossbench("+loss=mse", *QUICK, word, "name=a").code == 0
    found = next(r for r in read_records(Path("results/a")) if r.role == "chosen")
    assert {name: found.margins[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("task.equivalence=-1", "task.equivalence=-1 must be a number of 0 or above"),
        ("task.equivalence=a_bit", "task.equivalence=a_bit must be a number of 0 or above"),
        ("task.equivalence=true", "must be a number of 0 or above"),
        ("task.equivalence={rmse:-1}", "task.equivalence.rmse=-1 must be a number of 0 or above"),
        ("task.equivalence={speed:1}", "There is no metric 'speed'"),
        ("task.equivalence=[1,2]", "must be a number of 0 or above"),
    ],
)
def test_margins_that_are_none_are_refused_in_words(lossbench: Callable[..., Result], word: str, said: str) -> None:
    done = lossbench("+loss=mse", *QUICK, word, "name=a")
    assert done.code == 2, done.text
    assert said in done.text
    assert "Traceback" not in done.text
    assert not Path("results/a").exists()
