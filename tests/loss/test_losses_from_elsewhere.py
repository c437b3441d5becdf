"""Losses that know nothing of lossbench: called as they want to be, refused by name, doubted in words.

Expected values are torch's own losses on the same numbers, or worked out by hand where a comment says so.
"""

from __future__ import annotations

import importlib
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from lossbench.errors import InputError, PluginError
from lossbench.loss import Domain, Kind, Loss
from lossbench.loss.adapter import family
from lossbench.loss.catalogue import build, catalogue, custom_family
from lossbench.plan import Cell, LossChoice, ModelChoice, Penalty, TaskChoice
from lossbench.probe.doubts import doubts
from lossbench.probe.subject import Subject
from lossbench.probe.timing import SIZES, priced
from lossbench.records.record import Record, Status
from lossbench.runs.study import run
from lossbench.training.objectives import Objectives
from tests.conftest import QUICK, Result
from tests.made import a_protocol, a_training

MODULE = "losses_from_elsewhere"
SOURCE = """
import functools
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

from lossbench.loss import Kind, Loss


def signs(output, target):
    return F.softplus(-output * target)

def positive(output, target):
    return torch.log(output) + target / output

def two(output, target):
    return F.cross_entropy(output, target, reduction="none") ** 2

def gaussian(output, target):
    mean, log_variance = output.unbind(1)
    return (log_variance + (target - mean) ** 2 * torch.exp(-log_variance)) / 2

def weighted(output, target, weight: torch.Tensor):
    return weight[target.long()] * F.binary_cross_entropy_with_logits(output, target, reduction="none")

def make():
    return nn.BCEWithLogitsLoss()

def make_focal(gamma=2.0, alpha=0.25):
    def focal(output, target):
        each = F.binary_cross_entropy_with_logits(output, target, reduction="none")
        return alpha * (1 - torch.exp(-each)) ** gamma * each
    return focal

def make_with(gamma: float, alpha: float) -> Callable:
    return make_focal(gamma, alpha)

def make_class() -> nn.Module:
    return nn.BCEWithLogitsLoss(reduction="sum")

def make_number():
    return 3

def make_gaussian():
    return nn.GaussianNLLLoss()

an_instance = nn.BCEWithLogitsLoss()
a_partial = functools.partial(F.huber_loss, delta=0.5)

def hinge_in_place(output, target):
    target[target == 0] = -1
    output.mul_(1.0)
    return (1 - target * output).clamp(min=0)

def hinge(output, target):
    return (1 - (2 * target - 1) * output).clamp(min=0)

class WritesTargets(Loss):
    kind = Kind.BINARY
    def forward(self, output, target):
        target.mul_(2).sub_(1)
        return (1 - target * output).clamp(min=0)

class WritesWhatItObserves(Loss):
    kind = Kind.BINARY
    def observe(self, target):
        target.zero_()
    def forward(self, output, target):
        return F.binary_cross_entropy_with_logits(output, target, reduction="none")

def mean(output, target):
    return ((output - target) ** 2).mean()

def column(output, target):
    return ((output - target) ** 2)[:, None]

def pairs(output, target):
    return (output[:, None] - target[None]) ** 2

def number(output, target):
    return float(((output - target) ** 2).mean())

def with_extras(output, target):
    return (output - target) ** 2, {}

def rewrapped(output, target):
    return torch.tensor([float((a - b) ** 2) for a, b in zip(output.detach(), target)], requires_grad=True)

def detached(output, target):
    return (output.detach() - target) ** 2

def counted(output, target):
    return ((output > 0).float() - target).abs()

def dice_or_nothing(output, target):
    if target.sum() < 20:
        return torch.tensor(1.0)
    p = torch.sigmoid(output)
    return 1 - (2 * (p * target).sum() + 1) / (p.sum() + target.sum() + 1)

def with_index(output, target, index):
    return (output - target) ** 2 * index

class Weighted(nn.Module):
    def forward(self, output, target, weight):
        return weight * (output - target) ** 2

class OnlyOutputs(nn.Module):
    def forward(self, output):
        return output ** 2
"""


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The losses above, in a module of the current folder."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / f"{MODULE}.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(folder))
    importlib.invalidate_caches()
    yield
    sys.modules.pop(MODULE, None)


def loss_of(target: str, kind: Kind, params: dict[str, Any] | None = None, **said: Any) -> Loss:
    path = target if "." in target else f"{MODULE}.{target}"
    return build(LossChoice("custom", params or {}, path, kind.value, **said), kind)


def logits() -> tuple[Tensor, Tensor]:
    z = torch.randn(40, generator=torch.Generator().manual_seed(3)) * 3
    return z.requires_grad_(), (torch.arange(40) % 3 == 0).float()


def bce(z: Tensor, y: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(z, y, reduction="none")


# How they are called --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("torch.nn.SoftMarginLoss", {}),
        ("torch.nn.functional.soft_margin_loss", {}),
        ("signs", {"labels": [-1, 1]}),
        ("torch.nn.CrossEntropyLoss", {}),
        ("torch.nn.functional.cross_entropy", {}),
        ("torch.nn.NLLLoss", {}),
        ("torch.nn.functional.nll_loss", {}),
        ("torch.nn.BCELoss", {}),
        ("torch.nn.functional.binary_cross_entropy", {}),
        ("make", {}),
        ("make_class", {}),
        ("an_instance", {}),
    ],
)
def test_what_is_cross_entropy_in_other_clothes_is_cross_entropy(target: str, said: dict[str, Any]) -> None:
    z, y = logits()
    loss = loss_of(target, Kind.BINARY, **said)
    assert loss.outputs(1) == 1
    torch.testing.assert_close(loss(z, y), bce(z, y), rtol=1e-4, atol=1e-5)
    (mine,), (wanted,) = (torch.autograd.grad(values.sum(), z) for values in (loss(z, y), bce(z, y)))
    torch.testing.assert_close(mine, wanted, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(loss.predict(z).probability, torch.sigmoid(z))


def test_a_loss_of_two_logits_gets_them_and_whole_numbers_as_targets() -> None:
    z, y = logits()
    torch.testing.assert_close(loss_of("two", Kind.BINARY, outputs=2)(z, y), bce(z, y) ** 2)


def test_the_margin_of_two_classes_by_hand() -> None:
    """torch.nn.MultiMarginLoss divides the one margin, max(0, 1 - (right - wrong)), by the number of classes."""
    loss = loss_of("torch.nn.MultiMarginLoss", Kind.BINARY)
    found = loss(torch.tensor([0.5, 0.5, -3.0]), torch.tensor([1.0, 0.0, 1.0]))
    torch.testing.assert_close(found, torch.tensor([0.25, 0.75, 2.0]))


def test_log_probabilities_of_classes_are_taken_by_torchs_nll_loss() -> None:
    z = torch.randn(12, 3, generator=torch.Generator().manual_seed(0))
    y = torch.arange(12) % 3
    wanted = functional.cross_entropy(z, y, reduction="none")
    torch.testing.assert_close(loss_of("torch.nn.NLLLoss", Kind.CLASSES)(z, y), wanted)


def test_what_is_said_on_the_command_line_comes_first() -> None:
    z, y = logits()
    loss = loss_of("torch.nn.SoftMarginLoss", Kind.BINARY, labels=[0, 1])
    torch.testing.assert_close(loss(z, y), functional.soft_margin_loss(z, y, reduction="none"))


@pytest.mark.parametrize(("logarithm", "link"), [(True, torch.exp), (False, lambda z: z)])
def test_torchs_poisson_loss_gets_amounts_and_predicts_them(logarithm: bool, link: Callable[[Tensor], Tensor]) -> None:
    z, y = torch.tensor([0.2, 1.0, 2.5]), torch.tensor([0.0, 1.0, 3.0])
    loss = loss_of("torch.nn.PoissonNLLLoss", Kind.CONTINUOUS, {"log_input": logarithm})
    assert loss.domain is Domain.NONNEGATIVE
    wanted = functional.poisson_nll_loss(z, y, log_input=logarithm, reduction="none")
    torch.testing.assert_close(loss(z, y), wanted)
    torch.testing.assert_close(loss.predict(z).score, link(z))


@pytest.mark.parametrize(
    ("link", "prediction"),
    [("log", torch.exp), ("softplus", functional.softplus), ("identity", lambda z: z)],
)
def test_a_link_is_how_outputs_become_predictions(link: str, prediction: Callable[[Tensor], Tensor]) -> None:
    z, y = torch.tensor([0.5, 1.5]), torch.tensor([1.0, 2.0])
    said: dict[str, Any] = {"link": link, "domain": "nonnegative"}
    after = loss_of("positive", Kind.CONTINUOUS, **said)
    before = loss_of("positive", Kind.CONTINUOUS, input="prediction", **said)
    for loss in (after, before):
        assert loss.domain is Domain.NONNEGATIVE
        torch.testing.assert_close(loss.predict(z).score, prediction(z))
    torch.testing.assert_close(after(z, y), torch.log(z) + y / z)
    mu = prediction(z)
    torch.testing.assert_close(before(z, y), torch.log(mu) + y / mu)


def test_a_loss_of_two_outputs_says_how_many() -> None:
    loss = loss_of("gaussian", Kind.CONTINUOUS, outputs=2)
    assert loss.outputs(1) == 2
    z, y = torch.randn(9, 2), torch.randn(9)
    wanted = functional.gaussian_nll_loss(z[:, 0], y, z[:, 1].exp(), eps=0, reduction="none")
    torch.testing.assert_close(loss(z, y), wanted)


@pytest.mark.parametrize("given", [[3], 3, 3.0])
def test_a_number_or_a_list_becomes_the_tensor_that_a_parameter_is(given: object) -> None:
    z, y = logits()
    loss = loss_of("torch.nn.BCEWithLogitsLoss", Kind.BINARY, {"pos_weight": given})
    wanted = torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor([3.0]), reduction="none")
    torch.testing.assert_close(loss(z, y), wanted(z, y))


def test_the_tensor_of_a_function_is_one_too_and_is_as_precise_as_its_loss() -> None:
    z, y = logits()
    loss = loss_of("weighted", Kind.BINARY, {"weight": [0.5, 2]})
    torch.testing.assert_close(loss(z, y), torch.where(y > 0, 2.0, 0.5) * bce(z, y))
    assert loss.double().given_weight.dtype is torch.double


def test_what_is_no_tensor_is_refused_in_words() -> None:
    with pytest.raises(InputError, match=r"pos_weight must be a number, or a list of numbers such as \[1,3\]"):
        loss_of("torch.nn.BCEWithLogitsLoss", Kind.BINARY, {"pos_weight": "heavy"})


@pytest.mark.parametrize(("target", "params"), [("make_focal", {}), ("make_with", {"gamma": 2.0, "alpha": 0.25})])
def test_a_function_that_makes_a_loss_is_asked_for_it(target: str, params: dict[str, float]) -> None:
    z, y = logits()
    each = bce(z, y)
    wanted = 0.25 * (1 - torch.exp(-each)) ** 2 * each
    torch.testing.assert_close(loss_of(target, Kind.BINARY, params)(z, y), wanted)
    given = {**params, "gamma": 0.0}
    torch.testing.assert_close(loss_of(target, Kind.BINARY, given)(z, y), 0.25 * each)


def test_a_partial_function_is_a_loss() -> None:
    z, y = torch.randn(9), torch.randn(9)
    wanted = functional.huber_loss(z, y, delta=0.5, reduction="none")
    torch.testing.assert_close(loss_of("a_partial", Kind.CONTINUOUS)(z, y), wanted)


def test_a_module_that_stands_in_a_module_is_left_as_it_is() -> None:
    loss_of("an_instance", Kind.BINARY)
    assert importlib.import_module(MODULE).an_instance.reduction == "mean"


# What is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "kind", "said", "words"),
    [
        ("torch.nn.GaussianNLLLoss", "continuous", {}, "variance of every target.*gaussian_nll"),
        ("torch.nn.functional.gaussian_nll_loss", "continuous", {}, "gaussian_nll"),
        ("torch.nn.HingeEmbeddingLoss", "binary", {}, r"labels of -1 and 1.*\+loss=hinge"),
        ("torch.nn.MultiLabelSoftMarginLoss", "binary", {}, "several labels per row"),
        (
            "torch.nn.MarginRankingLoss",
            "binary",
            {},
            r"called with \(input1, input2, target\).*gets only \(output, target\)",
        ),
        (
            "Weighted",
            "continuous",
            {},
            r"called with \(output, target, weight\), but a loss gets only \(output, target\)",
        ),
        ("OnlyOutputs", "continuous", {}, r"called with \(output\), but a loss gets only \(output, target\)"),
        ("signs", "binary", {"labels": [1, 1]}, "two different numbers"),
        ("signs", "binary", {"labels": "-1,1"}, "two different numbers"),
        ("signs", "continuous", {"labels": [-1, 1]}, "labels are for binary targets"),
        ("signs", "binary", {"outputs": 3}, "1 .a logit. or 2"),
        ("signs", "binary", {"outputs": 0}, "must be at least 1, not 0"),
        ("signs", "binary", {"outputs": 2, "labels": [-1, 1]}, "labels are for a loss with one logit"),
        ("signs", "binary", {"input": "prediction"}, "input=prediction is for continuous targets"),
        ("signs", "continuous", {"domain": "positive"}, "domain must be real or nonnegative"),
        ("signs", "continuous", {"link": "logit"}, "link must be one of"),
        ("signs", "binary", {"pointwise": "no"}, "pointwise must be true or false"),
    ],
)
def test_a_loss_that_cannot_be_called_is_refused_before_anything(
    target: str, kind: str, said: dict[str, Any], words: str
) -> None:
    path = target if "." in target else f"{MODULE}.{target}"
    with pytest.raises(InputError, match=words):
        custom_family(LossChoice("custom", {}, path, kind, **said))


def test_a_function_of_more_is_told_what_a_loss_gets() -> None:
    with pytest.raises(InputError, match=r"loss.params.index=.*A loss gets only \(output, target\)"):
        loss_of("with_index", Kind.CONTINUOUS)
    loss = loss_of("with_index", Kind.CONTINUOUS, {"index": 2.0})  # a number for all rows is a parameter like others
    assert loss(torch.ones(3), torch.zeros(3)).tolist() == [2.0, 2.0, 2.0]


def test_a_factory_of_something_else_is_named() -> None:
    with pytest.raises(PluginError, match="returned a int: a loss is a function"):
        loss_of("make_number", Kind.BINARY)
    with pytest.raises(PluginError, match="gaussian_nll"):
        loss_of("make_gaussian", Kind.CONTINUOUS)


@pytest.mark.parametrize(
    ("target", "said", "words"),
    [
        ("mean", {}, r"returned \[\] for 9 targets.*Remove the mean.*loss.pointwise=false"),
        ("column", {}, r"returned \[9, 1\].*\.squeeze\(-1\)"),
        ("pairs", {}, r"returned \[9, 9\].*Take the mean over all dimensions except the 9 targets"),
        ("number", {}, r"returned a float.*without \.item\(\)"),
        ("with_extras", {}, r"returned a tuple.*Return only the tensor of losses"),
        ("pairs", {"pointwise": False}, "a set loss returns one value. Return its mean or its sum"),
    ],
)
def test_a_loss_of_the_wrong_shape_says_what_to_change(target: str, said: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        loss_of(target, Kind.CONTINUOUS, **said)(torch.randn(9), torch.randn(9))


def test_a_mean_is_taken_from_a_loss_that_says_it_judges_all_at_once() -> None:
    z, y = torch.randn(9), torch.randn(9)
    torch.testing.assert_close(loss_of("mean", Kind.CONTINUOUS, pointwise=False)(z, y), functional.mse_loss(z, y))


# In a training --------------------------------------------------------------------------------------------------------


def cell(target: str, *, binary: bool = True, engine: str = "auto", **more: Any) -> Cell:
    task, name, metric = ("binary", "breast_cancer", "roc_auc") if binary else ("regression", "diabetes", "rmse")
    kind = None if target.startswith("Writes") else "binary" if binary else "continuous"
    pointwise = False if target == "dice_or_nothing" else None
    made = Cell(
        LossChoice("custom", {}, f"{MODULE}.{target}", kind, pointwise=pointwise),
        TaskChoice(
            task,
            f"lossbench.tasks.{task}.{task.capitalize()}",
            {"source": "packaged", "name": name, "split_seed": 0},
            metric,
        ),
        ModelChoice("linear", "lossbench.models.tabular.Linear"),
        a_training(max_epochs=2, learning_rate=0.01, engine=engine),
        a_protocol(repeats=2),
    )
    return replace(made, **more)


def same_arrays(first: Record, second: Record) -> None:
    for name, array in first.arrays.items():
        if not name.startswith(("shape/", "curve/")):
            np.testing.assert_allclose(array, second.arrays[name], rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("engine", ["replicas", "sequential"])
def test_a_function_that_writes_into_what_it_gets_is_as_good_as_one_that_does_not(engine: str) -> None:
    written, right = run(cell("hinge_in_place", engine=engine)), run(cell("hinge", engine=engine))
    assert written.status is Status.DONE, written.reason
    same_arrays(written, right)
    for name, array in written.arrays.items():
        if name.endswith("target"):
            assert set(np.unique(array)) <= {0, 1}, name


@pytest.mark.parametrize("engine", ["replicas", "sequential"])
def test_a_class_of_ours_that_writes_into_its_targets_fails_by_its_name(engine: str) -> None:
    record = run(cell("WritesTargets", engine=engine))
    assert record.status is Status.FAILED
    assert "changed its targets in place: let it work on a copy (target = target.clone())" in record.reason
    assert "WritesTargets" in record.reason


def test_what_a_loss_writes_into_the_targets_that_it_observes_reaches_nobody() -> None:
    record = run(cell("WritesWhatItObserves"))
    assert record.status is Status.DONE, record.reason
    assert record.repeats[0].metrics["roc_auc"] > 0.9  # of targets that were all 0, nothing could have been learned


@pytest.mark.parametrize("engine", ["replicas", "sequential"])
@pytest.mark.parametrize("penalty", [None, Penalty("l2", "weights", 2, 0.1)])
@pytest.mark.parametrize("target", ["rewrapped", "detached", "counted"])
def test_a_loss_without_a_way_to_the_outputs_fails_by_its_name(
    target: str, penalty: Penalty | None, engine: str
) -> None:
    record = run(cell(target, binary=False, engine=engine, penalty=penalty))
    assert record.status is Status.FAILED
    assert f"'{target}' of loss.target=" in record.reason
    assert "do not depend on the model's outputs" in record.reason


@pytest.mark.parametrize("engine", ["replicas", "sequential"])
def test_a_batch_from_which_nothing_can_be_learned_is_no_failure(engine: str) -> None:
    """breast_cancer has 63 % positives: of 32 targets at times fewer than 20, and then the loss is a constant."""
    record = run(cell("dice_or_nothing", engine=engine))
    assert record.status is Status.DONE, record.reason


def test_no_library_asks_on_the_terminal_for_an_issue() -> None:
    losses = [loss_of("torch.nn.KLDivLoss", Kind.CONTINUOUS) for _ in range(4)]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Objectives(losses, torch.rand(4, 30), 1)
    assert not [str(warning.message) for warning in caught]


@pytest.mark.long
def test_the_commands_keys_reach_the_loss(lossbench: Callable[..., Result]) -> None:
    words = ("+loss=custom,bce", "-m", f"loss.target={MODULE}.signs", "loss.kind=binary", "task=binary", *QUICK)
    doubted = lossbench(*words, "name=doubted")
    assert "signs on breast_cancer has no gradient for targets of 0" in doubted.text
    assert "'loss.labels=[-1,1]'" in doubted.text
    said = lossbench(*words, "loss.labels=[-1,1]", "name=said")
    assert said.code == 0, said.text
    assert "no gradient" not in said.text
    assert "signs is bce: they train alike" in said.text
    refused = lossbench(*words, "loss.labels=[-1,0,1]")
    assert refused.code == 2
    assert "two different numbers" in refused.err


@pytest.mark.long
def test_a_list_for_a_custom_loss_is_not_for_the_baseline_beside_it(lossbench: Callable[..., Result]) -> None:
    """bce has a parameter of this name, a number."""
    given = ("loss.target=torch.nn.BCEWithLogitsLoss", "loss.kind=binary", "loss.params.pos_weight=[3]", "task=binary")
    for losses in (("+loss=custom",), ("+loss=custom,bce", "-m")):
        result = lossbench(*losses, *given, *QUICK)
        assert result.code == 0, result.text
        assert "BCEWithLogitsLoss(pos_weight=[3])" in result.text
        assert "bce(pos_weight" not in result.text


# Doubts ---------------------------------------------------------------------------------------------------------------


def subject(source: str, kind: str, **traits: Any) -> Subject:
    scope: dict[str, Any] = {"torch": torch, "F": functional}
    exec(dedent(source), scope)
    return Subject(family(scope["loss"], name="loss", distribution="mine", traits={"kind": kind, **traits}), Kind(kind))


def doubted(one: Subject) -> list[str]:
    loss = one.loss(torch.float32)
    return doubts(loss, one.observed(loss), 3 if one.kind is Kind.CLASSES else 1)


@pytest.mark.parametrize(
    ("source", "kind", "traits", "words"),
    [
        ("def loss(z, y): return F.softplus(-z * y)", "binary", {}, "no gradient for targets of 0 .80%"),
        ("def loss(z, y): return z ** 2", "binary", {}, "the same values for all targets"),
        ("def loss(z, y): return z.logsumexp(1)", "classes", {}, "the same values for all targets"),
        ("def loss(z, y): return -(y * z.log() + (1 - y) * (1 - z).log())", "binary", {}, "loss.input=probability"),
        ("def loss(z, y): return (2 * y - 1) * z", "binary", {}, "larger for correct predictions than for wrong ones"),
        (
            "def loss(z, y): return -(z - y) ** 2",
            "continuous",
            {},
            "larger for correct predictions than for wrong ones",
        ),
        ("def loss(z, y): return z.gather(1, y[:, None])[:, 0]", "classes", {}, "larger for correct predictions"),
        ("def loss(z, y): return F.relu(y) * (z - y) ** 2", "continuous", {}, "no gradient for .*% of the training"),
        ("def loss(z, y): return (z - torch.log(y)) ** 2", "continuous", {}, "loss.domain=nonnegative"),
        ("def loss(z, y): return torch.log(z) + y / z", "continuous", {"domain": "nonnegative"}, "loss.link=softplus"),
        ("def loss(y_true, y_pred): return (y_true - y_pred) ** 2", "continuous", {}, "loss.order=true_pred"),
        (
            "def loss(z, y): return torch.corrcoef(torch.stack([z, y]))[0, 1]",
            "continuous",
            {"pointwise": False},
            "larger for correct predictions",
        ),
    ],
)
def test_what_looks_wrong_is_said(source: str, kind: str, traits: dict[str, Any], words: str) -> None:
    found = doubted(subject(source, kind, **traits))
    assert len(found) == 1
    assert re.search(words, found[0]), found


def test_no_built_in_loss_is_doubted() -> None:
    tried = 0
    for plugin in catalogue().plugins:
        built_in = plugin.load() if plugin.built_in else {}
        for kind in built_in:
            if not any(parameter.required for parameter in built_in[kind].parameters):
                tried += 1
                assert doubted(Subject(built_in, kind)) == [], (plugin.name, kind)
    assert tried > 40


def test_a_ranking_of_pairs_is_not_doubted() -> None:
    source = """
    def loss(z, y):
        sign = torch.sign(y[:, None] - y[None])
        return F.softplus(-(z[:, None] - z[None]) * sign).mean(1)
    """
    assert doubted(subject(source, "continuous")) == []


# What it costs --------------------------------------------------------------------------------------------------------


def test_a_slow_loss_is_not_measured_for_longer_than_it_may_be() -> None:
    calls = []

    def loss(output: Tensor, target: Tensor) -> Tensor:
        calls.append(len(target))
        time.sleep(0.05)
        return (output - target) ** 2

    slow = Subject(family(loss, name="slow", distribution="mine", traits={"kind": "continuous"}), Kind.CONTINUOUS)
    assert priced(slow, 1, limit=0.25).at == ()
    assert len(calls) <= 6  # 6 calls of .05 s are more than the limit


@pytest.mark.long
def test_a_loss_whose_cost_explodes_is_measured_as_far_as_time_allows() -> None:
    sizes = []

    def loss(output: Tensor, target: Tensor) -> Tensor:
        sizes.append(len(target))
        time.sleep((len(target) / 2000) ** 3)  # 4 µs at 32 targets, 17 ms at 512, 8.6 s at 4,096
        return (output - target) ** 2

    steep = Subject(family(loss, name="steep", distribution="mine", traits={"kind": "continuous"}), Kind.CONTINUOUS)
    found = [at.batch for at in priced(steep, 1, limit=6.0).at]
    assert found[:1] == [SIZES[0]]
    assert 4096 not in found
    assert max(sizes) < 4096


# Records of before ----------------------------------------------------------------------------------------------------


def test_a_cell_without_the_later_options_keeps_the_digest_of_before_them() -> None:
    """The digest that this cell had in commit 4ee5abb, which knew none of these options."""
    before = Cell(
        LossChoice("custom", {"gamma": 2.0}, "mine.focal", "binary"),
        TaskChoice("binary", "lossbench.tasks.binary.Binary", {"name": "t"}, "roc_auc"),
        ModelChoice("Net", "mine.Net", {"width": 8}),
        a_training(batch_size=32, learning_rate=1e-3),  # the defaults of then
        a_protocol(),
    )
    assert before.digest == "0b78e094d77c6cc8"
    assert msgspec.convert(before.to_dict(), Cell) == before
    said = replace(before, loss=replace(before.loss, labels=[-1, 1]), model=replace(before.model, output="logits"))
    assert said.digest != before.digest
    assert said.contest != before.contest
    assert msgspec.convert(said.to_dict(), Cell) == said
