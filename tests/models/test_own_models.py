"""Models of somebody's own: lazy ones, ones of several outputs, ones that do not stack."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from lossbench.errors import InputError
from lossbench.plan import Cell, LossChoice, ModelChoice, TaskChoice
from lossbench.records.record import Status
from lossbench.runs.inputs import check
from lossbench.runs.study import run
from lossbench.training.obstacles import obstacle
from tests.conftest import Result
from tests.made import a_protocol, a_training

MODULE = "models_from_elsewhere"
SOURCE = """
from dataclasses import dataclass

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.hidden, self.last = nn.Linear(inputs, 8), nn.Linear(8, outputs)
    def forward(self, x):
        return self.last(torch.relu(self.hidden(x)))

class Lazy(Net):
    def __init__(self, inputs, outputs):
        nn.Module.__init__(self)
        self.hidden, self.norm, self.last = nn.LazyLinear(8), nn.LazyBatchNorm1d(), nn.LazyLinear(outputs)
    def forward(self, x):
        return self.last(torch.relu(self.norm(self.hidden(x))))

class Tuple(Net):
    def forward(self, x):
        hidden = torch.relu(self.hidden(x))
        return hidden, self.last(hidden)

class Dict(Net):
    def forward(self, x):
        hidden = torch.relu(self.hidden(x))
        return {"hidden": hidden, "logits": self.last(hidden)}

@dataclass
class Answer:
    logits: torch.Tensor

class Object(Net):
    def forward(self, x):
        return Answer(super().forward(x))

class Wrong(Net):
    def __init__(self, inputs, outputs):
        super().__init__(inputs, 5)

class Breaks(Net):
    def __init__(self, inputs, outputs):
        super().__init__(3, outputs)

def net(inputs, outputs, *layers):
    return nn.Sequential(nn.Linear(inputs, 8), *layers, nn.Linear(8, outputs))

def stacks(inputs, outputs):
    return net(inputs, outputs, nn.ReLU(), nn.Dropout(0.1))

def normed(inputs, outputs):
    return net(inputs, outputs, nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2))

def alpha(inputs, outputs):
    return net(inputs, outputs, nn.SELU(), nn.AlphaDropout(0.2))

class Recurrent(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.gru, self.last = nn.GRU(1, 4, batch_first=True), nn.Linear(4, outputs)
    def forward(self, x):
        return self.last(self.gru(x.unsqueeze(-1))[0][:, -1])

class Noisy(nn.Module):
    def forward(self, x):
        return x + torch.randn_like(x)

def noisy(inputs, outputs):
    return net(inputs, outputs, Noisy())

class Branches(Net):
    def forward(self, x):
        return super().forward(x) if float(x.sum()) > 0 else super().forward(-x)
"""


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / f"{MODULE}.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(folder))
    importlib.invalidate_caches()
    yield
    sys.modules.pop(MODULE, None)


def cell(model: str, output: int | str | None = None, loss: str = "mse", engine: str = "auto", **more: Any) -> Cell:
    made = Cell(
        LossChoice(loss),
        TaskChoice(
            "regression",
            "lossbench.tasks.regression.Regression",
            {"source": "packaged", "name": "diabetes", "split_seed": 0},
            "rmse",
        ),
        ModelChoice(model, f"{MODULE}.{model}", {}, output),
        a_training(max_epochs=2, learning_rate=0.01, engine=engine),
        a_protocol(repeats=2),
    )
    return replace(made, **more)


@pytest.mark.parametrize("engine", ["replicas", "sequential"])
def test_a_lazy_model_trains_with_the_same_weights_for_every_loss(engine: str) -> None:
    records = [run(cell("Lazy", loss=loss, engine=engine)) for loss in ("mse", "gaussian_nll")]
    assert [record.status for record in records] == [Status.DONE] * 2, records[0].reason
    first, second = ([repeat.hashes["weights"] for repeat in record.repeats] for record in records)
    assert first == second
    assert first[0] != first[1]


def test_lazy_weights_are_those_that_their_layers_draw_after_the_repeats_seed() -> None:
    """torch's own order: a lazy layer draws when it first sees rows, and the first layer sees them first."""
    from lossbench.loss import Kind
    from lossbench.plan import Trial, stream
    from lossbench.runs.inputs import TrainingFactory, load_task

    lazy = cell("Lazy")
    factory = TrainingFactory(lazy, load_task(lazy.task, 0), Kind.CONTINUOUS)
    prepared = factory.prepare(Trial(0, 0, 0.01))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream(prepared.seed, "weights"))
        wanted = torch.nn.Linear(prepared.fold.inputs, 8)
    torch.testing.assert_close(prepared.model.hidden.weight, wanted.weight, rtol=0, atol=0)
    assert prepared.model.norm.running_mean.abs().sum() == 0  # looking at rows has left no trace


@pytest.mark.parametrize("engine", ["replicas", "sequential"])
@pytest.mark.parametrize(("model", "output"), [("Tuple", 1), ("Tuple", -1), ("Dict", "logits"), ("Object", "logits")])
def test_the_output_that_is_meant_is_trained_as_if_it_were_the_only_one(
    model: str, output: int | str, engine: str
) -> None:
    """The oracle is the same network that returns this output alone."""
    chosen, alone = run(cell(model, output, engine=engine)), run(cell("Net", engine=engine))
    assert chosen.status is Status.DONE, chosen.reason
    assert [repeat.metrics for repeat in chosen.repeats] == [repeat.metrics for repeat in alone.repeats]


@pytest.mark.parametrize(
    ("model", "output", "words"),
    [
        ("Tuple", None, r"returns a tuple of 2: \[4, 8\], \[4, 1\]\. Choose its output: model\.output=1"),
        ("Dict", None, r"returns a dict: hidden \[4, 8\], logits \[4, 1\]\. Choose its output: model\.output=logits"),
        ("Object", None, r"returns an Answer\. It must return a tensor"),
        ("Tuple", 2, r"model\.output=2: the model returns a tuple of 2"),
        ("Dict", "logit", r"model\.output=logit: the model returns a dict: hidden"),
        ("Net", "logits", r"model\.output=logits: the model returns \[4, 1\]"),
        ("Tuple", 0, r"returns \[4, 8\] for 4 targets where \[4, 1\] is needed"),
        ("Wrong", None, r"returns \[4, 5\] for 4 targets .* last layer must have `outputs` units"),
        ("Breaks", None, r"broke on 4 rows: RuntimeError: mat1 and mat2"),
    ],
)
def test_a_model_that_answers_something_else_is_refused_before_it_trains(
    model: str, output: int | str | None, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        check(cell(model, output))


@pytest.mark.parametrize(
    ("model", "layer"),
    [
        ("Net", None),
        ("stacks", None),
        ("normed", "nn.Dropout (3) beside nn.BatchNorm1d (1)"),
        ("alpha", "nn.AlphaDropout (2)"),
        ("Recurrent", "nn.GRU (gru)"),
        ("noisy", "Noisy (1)"),
        ("Branches", "the forward of Branches"),
    ],
)
def test_the_layer_that_keeps_a_model_from_stacking_is_named(model: str, layer: str | None) -> None:
    built = getattr(importlib.import_module(MODULE), model)(6, 1)
    assert obstacle(built, torch.randn(64, 6, generator=torch.Generator().manual_seed(0))) == layer


@pytest.mark.long
def test_a_plan_names_the_layer_and_what_a_small_run_takes(lossbench: Callable[..., Result]) -> None:
    words = ("+loss=mse", "task=regression", f"model.target={MODULE}.Recurrent", "training.max_epochs=2")
    result = lossbench("plan", *words)
    assert result.code == 0, result.text
    assert "nn.GRU (gru) keeps Recurrent from stacking: about" in result.text
    assert "one run at a time; protocol=smoke takes about" in result.text
    smoke = lossbench("plan", *words, "protocol=smoke")
    assert "nn.GRU (gru) keeps Recurrent from stacking" in smoke.text
    assert "protocol=smoke takes" not in smoke.text
    assert "keeps" not in lossbench("plan", "+loss=mse", "task=regression", f"model.target={MODULE}.Net").text


@pytest.mark.long
def test_a_command_takes_the_output_and_says_what_does_not_stack(lossbench: Callable[..., Result]) -> None:
    quick = ("protocol.repeats=2", "protocol.trials=1", "training.max_epochs=2")
    words = ("+loss=mse", "task=regression", *quick)
    done = lossbench(*words, f"model.target={MODULE}.Dict", "model.output=logits")
    assert done.code == 0, done.text
    assert "from stacking" not in done.text
    apart = lossbench(*words, f"model.target={MODULE}.Recurrent")
    assert apart.code == 0, apart.text
    assert "nn.GRU (gru) keeps Recurrent from stacking: its 2 trainings per loss run one after the other" in apart.text
    refused = lossbench(*words, f"model.target={MODULE}.Dict", "model.output=1.5")
    assert refused.code == 2
    assert "must be an index into a tuple (0) or a key of a dict (logits)" in refused.err


def test_a_stack_that_was_asked_for_and_cannot_be_names_the_layer() -> None:
    with pytest.raises(InputError, match=r"nn\.GRU \(gru\) keeps it from stacking\. Leave it at auto"):
        check(cell("Recurrent", engine="replicas"))
