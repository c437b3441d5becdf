"""Whole trainings side by side, held against the same trainings one after the other; and who may train so.

The sequential engine uses plain models, plain losses and torch's own optimizers: it is what every number here has to
be. Within a stack, nobody's numbers may hang on who else is there, to the last digit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lossbench.errors import InputError
from lossbench.loss import Kind, Loss, Prediction, Range
from lossbench.plan import Cell, LossChoice, ModelChoice, Part, Penalty, TaskChoice, Training, Trial
from lossbench.plan.protocol import trials
from lossbench.records.record import Record, Status
from lossbench.runs.inputs import TrainingFactory, build_model, check, load_task, settled
from lossbench.runs.study import run
from lossbench.training import engine
from lossbench.training.learner import Learner, Trained, fit
from lossbench.training.prepared import PreparedTraining
from lossbench.training.replicas import Replicas
from tests.made import a_protocol, a_training

CONTINUOUS = ("house_prices", "diabetes", "net_assets", "friedman")
BINARY = ("breast_cancer", "loans", "pension", "imbalanced")
OPTIONS: dict[str, dict[str, Any]] = {"friedman": {"rows": 5000, "columns": 10}}
"""Beside the name, as conf/task/data has them."""
BATCHES = {"house_prices": 50, "diabetes": 90, "breast_cancer": 90, "loans": 200}
EPOCHS = {"diabetes": 30, "breast_cancer": 30}
LOSSES: dict[str, tuple[LossChoice, ...]] = {
    "regression": (
        LossChoice("mse"),
        LossChoice("mae"),
        LossChoice("huber"),
        LossChoice("sum", {"terms": {"mse": 1.0, "mae": 0.5, "huber": 2.0}}),
        LossChoice("scaled", {"loss": "huber", "factor": 10.0}),
    ),
    "binary": (
        LossChoice("mse"),
        LossChoice("bce"),
        LossChoice("sum", {"terms": {"bce": 1.0, "mse": 3.0}}),
        LossChoice("scaled", {"loss": "bce", "factor": 0.1}),
    ),
}


def cell(loss: LossChoice | str = "mse", data: str = "diabetes", **more: Any) -> Cell:
    """Rates from 1e-6 to 1e-2, two repeats of two trials, in float64."""
    name, metric = ("binary", "roc_auc") if data in BINARY else ("regression", "rmse")
    told = {"source": "packaged", "name": data, "split_seed": 0, **OPTIONS.get(data, {})}
    training = {
        "max_epochs": EPOCHS.get(data, 2),
        "batch_size": BATCHES.get(data, 1000),
        "patience": None,
        "learning_rate": 1e-4,
        "precision": "64",
    }
    given = {key: more.pop(key) for key in [*Training.__annotations__] if key in more}
    made = Cell(
        loss=LossChoice(loss) if isinstance(loss, str) else loss,
        task=TaskChoice(name, f"lossbench.tasks.{name}.{name.capitalize()}", told, more.pop("metric", metric)),
        model=ModelChoice("mlp", "lossbench.models.tabular.MLP", {"hidden": [16, 8]}),
        training=a_training(**{**training, **given}),
        protocol=a_protocol("some", 2, 2, rate_decades=4.0),
    )
    return replace(made, **more)


def own(name: str, kind: str | None = None, **params: Any) -> LossChoice:
    """A loss of this file."""
    return LossChoice("custom", params, f"{__name__}.{name}", kind)


def sequentially(cell: Cell) -> Record:
    return run(replace(cell, training=replace(cell.training, engine="sequential")))


def side_by_side(cell: Cell, *, alone: bool = False) -> Record:
    """With `alone`, trainings that cannot go on in a stack may go back to being trained one by one."""
    with pytest.MonkeyPatch.context() as patch:
        if not alone:
            patch.setattr(engine, "one_by_one", _never)
        return run(replace(cell, training=replace(cell.training, engine="replicas")))


def _never(*given: object) -> None:
    raise AssertionError("the stack was given up")


CLOSE = 1e-10


def assert_same(found: Any, wanted: Any, within: float, where: str = "") -> None:
    """Numbers within a share of their size, of a whole array's largest for arrays; everything else equal."""
    if isinstance(wanted, Mapping):
        assert found.keys() == wanted.keys(), where
        for key in wanted:
            assert_same(found[key], wanted[key], within, f"{where}/{key}")
    elif isinstance(wanted, float):
        assert math.isclose(found, wanted, rel_tol=within, abs_tol=1e-14), f"{where}: {found!r} is not {wanted!r}"
    elif isinstance(wanted, np.ndarray):
        assert found.shape == wanted.shape, where
        size = np.abs(wanted).max(initial=0.0) if wanted.dtype.kind == "f" else 0.0
        np.testing.assert_allclose(found, wanted, within, within * float(size), err_msg=where)
    else:
        assert found == wanted, where


def assert_agree(found: Record, wanted: Record, within: float = CLOSE) -> None:
    """Everything but the clock: metrics, choices, thresholds, curves, predictions, how each trial ended."""
    assert (found.status, found.reason) == (wanted.status, wanted.reason)
    assert len(found.repeats) == len(wanted.repeats)
    for mine, theirs in zip(found.repeats, wanted.repeats, strict=True):
        for name in ("trial", "best_epoch", "epochs", "seed", "status", "reason", "hashes", "ties", "edge", "params"):
            assert getattr(mine, name) == getattr(theirs, name), name
        for name in ("metrics", "validation", "decision"):
            assert_same(getattr(mine, name), getattr(theirs, name), within, name)
        for a, b in zip(mine.trials, theirs.trials, strict=True):
            clocks: Any = {"seconds": 0.0, "step_seconds": 0.0}  # wall clock, the one thing in which engines may differ
            assert_same(asdict(replace(a, **clocks)), asdict(replace(b, **clocks)), within, "trial")
    assert_same(found.arrays, wanted.arrays, within)


def assert_engines_agree(cell: Cell, within: float = CLOSE) -> tuple[Record, Record]:
    wanted, found = sequentially(cell), side_by_side(cell)
    assert wanted.status is Status.DONE, wanted.reason
    assert (wanted.training.engine, found.training.engine) == ("sequential", "replicas")
    assert_agree(found, wanted, within)
    return found, wanted


# Every data set and every loss --------------------------------------------------------------------------------------


def pairs() -> Iterator[Any]:
    """Every data set with every loss; the quick part has every data set and every loss, but not every pair."""
    for task, sets in (("regression", CONTINUOUS), ("binary", BINARY)):
        for data, loss in product(sets, LOSSES[task]):
            quick = data in ("house_prices", "pension") or loss == LOSSES[task][0]
            name = f"{data}-{loss.name}"
            yield pytest.param(data, loss, id=name, marks=() if quick else pytest.mark.long)


@pytest.mark.parametrize(("data", "loss"), [*pairs()])
def test_both_engines_give_the_same_numbers_and_make_the_same_choices(data: str, loss: LossChoice) -> None:
    _, record = assert_engines_agree(cell(loss, data))
    rates = [trial.learning_rate for repeat in record.repeats for trial in repeat.trials]
    assert len(set(rates)) == 3  # the first trial of every repeat is at the centre
    assert any(np.ptp(curve) > 0 for key, curve in record.arrays.items() if key.endswith("/validation"))


@pytest.mark.parametrize("data", ["house_prices", "diabetes", "breast_cancer", "loans"])
def test_in_float32_the_first_epochs_agree_but_for_rounding(data: str) -> None:
    # an epoch of at most 20 steps: later ones drift apart, as float32 does
    short = cell(LossChoice("mse"), data, precision="32", max_epochs=1, learning_rate=1e-3)
    found, wanted = side_by_side(short), sequentially(short)
    assert found.status is Status.DONE
    for key, curve in wanted.arrays.items():
        if key.startswith("trial/"):
            np.testing.assert_allclose(found.arrays[key][0], curve[0], 1e-6)


@pytest.mark.parametrize("metric", ["average_precision", "f1", "accuracy", "brier", "log_loss", "ece"])
def test_epochs_may_be_chosen_by_any_metric_of_two_classes(metric: str) -> None:
    assert_engines_agree(cell("bce", "breast_cancer", metric=metric, max_epochs=4))


@pytest.mark.parametrize("metric", ["mae", "r2"])
def test_epochs_may_be_chosen_by_any_metric_of_numbers(metric: str) -> None:
    assert_engines_agree(cell("huber", metric=metric, max_epochs=4))


# Options of a training ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "options"),
    [
        ("diabetes", {"optimizer": "sgd", "learning_rate": 1e-2, "max_epochs": 5}),
        ("diabetes", {"clip_norm": 0.05, "max_epochs": 5}),
        ("breast_cancer", {"clip_norm": 0.02, "optimizer": "sgd", "learning_rate": 0.1, "max_epochs": 5}),
        ("diabetes", {"batch_size": 3, "max_epochs": 1}),
        ("diabetes", {"batch_size": 282, "max_epochs": 6}),  # of 283: the last batch is one row
        ("diabetes", {"batch_size": 1000, "max_epochs": 6}),
        ("diabetes", {"seed": 5, "max_epochs": 5}),
        ("diabetes", {"protocol": a_protocol("one", 1, 1), "max_epochs": 5}),
        ("diabetes", {"protocol": a_protocol("many", 5, 3), "max_epochs": 3}),
        ("diabetes", {"model": ModelChoice("linear", "lossbench.models.tabular.Linear"), "max_epochs": 5}),
        ("diabetes", {"model": ModelChoice("mlp", "lossbench.models.tabular.MLP"), "max_epochs": 4}),
        ("diabetes", {"model": ModelChoice("mlp", "lossbench.models.tabular.MLP", {"dropout": 0.3}), "max_epochs": 4}),
    ],
    ids=lambda case: (
        "-".join(f"{k}={getattr(v, 'name', v)}" for k, v in case.items()) if isinstance(case, dict) else case
    ),
)
def test_options_of_the_training_make_no_difference_between_engines(data: str, options: dict[str, Any]) -> None:
    assert_engines_agree(cell("bce" if data in BINARY else "huber", data, **options))


@pytest.mark.parametrize(("of", "power"), [*product(("weights", "outputs"), (1, 2))])
def test_penalties_make_no_difference_between_engines(of: str, power: int) -> None:
    penalised = cell(penalty=Penalty("some", of, power, 0.03), max_epochs=3)
    found, _ = assert_engines_agree(penalised)
    free = side_by_side(replace(penalised, penalty=None))
    assert found.repeats[0].metrics != free.repeats[0].metrics


def test_a_penalty_and_a_clipped_gradient_and_dropout_together_make_no_difference() -> None:
    model = ModelChoice("mlp", "lossbench.models.tabular.MLP", {"hidden": [8, 8], "dropout": 0.3})
    both = cell("huber", penalty=Penalty("l1", "weights", 1, 1e-2), clip_norm=0.3, model=model, max_epochs=8)
    assert_engines_agree(both)


@pytest.mark.parametrize(("data", "loss", "patience"), [("diabetes", "huber", 1), ("breast_cancer", "bce", 3)])
def test_patience_ends_every_training_in_the_same_epoch(data: str, loss: str, patience: int) -> None:
    impatient = cell(loss, data, patience=patience, learning_rate=3e-2, max_epochs=25, protocol=a_protocol("p", 2, 5))
    found, wanted = assert_engines_agree(impatient)
    lengths = [trial.epochs for repeat in wanted.repeats for trial in repeat.trials]
    assert len(set(lengths)) > 2
    assert min(lengths) < 25
    for key, curve in wanted.arrays.items():
        if key.startswith("trial/"):
            assert len(found.arrays[key]) == len(curve)


# Losses and models of somebody's own --------------------------------------------------------------------------------


class TwoOutputs(Loss):
    """A mean and a log variance."""

    kind = Kind.CONTINUOUS
    search = {"beta": Range(0.1, 1.0)}

    def __init__(self, beta: float = 0.5) -> None:
        super().__init__()
        self.beta = beta

    def outputs(self, classes: int) -> int:
        return 2

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        mean, log_variance = output.unbind(1)
        return self.beta * log_variance + (target - mean) ** 2 * torch.exp(-log_variance) / 2


class Learned(Loss):
    """A scale that is trained with the model, and predictions that use it."""

    kind = Kind.CONTINUOUS
    search = {"weight": Range(0.1, 10.0, log=True)}

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight, self.log_scale = weight, nn.Parameter(torch.randn(()))

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return self.weight * (output - target).abs() * torch.exp(-self.log_scale) + self.log_scale

    def predict(self, output: Tensor) -> Prediction:
        return Prediction(output * (1 + self.log_scale.square()))


class PartlyFixed(Loss):
    """One scale that is trained, and one that is not."""

    kind = Kind.CONTINUOUS

    def __init__(self) -> None:
        super().__init__()
        self.fixed = nn.Parameter(torch.tensor(0.5), requires_grad=False)
        self.trained = nn.Parameter(torch.tensor(0.0))

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return self.fixed * (output - target - self.trained).abs()


class Dice(Loss):
    """Judges a batch as a whole."""

    kind = Kind.BINARY
    pointwise = False
    search = {"smooth": Range(0.1, 10.0, log=True)}

    def __init__(self, smooth: float = 1.0) -> None:
        super().__init__()
        self.smooth = smooth

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        p = torch.sigmoid(output)
        return 1 - (2 * (p * target).sum() + self.smooth) / (p.sum() + target.sum() + self.smooth)


class Balanced(Loss):
    """Weighs positives by their share in training, kept in a buffer."""

    kind = Kind.BINARY

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("weight", torch.ones(()))

    def observe(self, target: Any) -> None:
        self.weight = (1 - target.mean()) / target.mean()

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        plus = nn.functional.softplus
        return self.weight * target * plus(-output) + (1 - target) * plus(output)

    def predict(self, output: Tensor) -> Prediction:
        p = torch.sigmoid(output - self.weight.log())
        return Prediction(output, (p > 0.5).long(), p)


class CountsCalls(Loss):
    """Grows with the number of its calls."""

    kind = Kind.CONTINUOUS

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        self.calls += 1
        return (output - target).square() * (1 + self.calls / 100)


class MovingAverage(Loss):
    """Divides by a moving average of its errors, and shows it in its predictions."""

    kind = Kind.CONTINUOUS

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("average", torch.ones(()))

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        errors = (output - target).square()
        self.average.mul_(0.9).add_(0.1 * errors.detach().mean())
        return errors / self.average

    def predict(self, output: Tensor) -> Prediction:
        return Prediction(output + 0.01 * self.average)


class Anneals(Loss):
    """Goes from an absolute to a squared error."""

    kind = Kind.CONTINUOUS
    search = {"pace": Range(0.5, 3.0)}

    def __init__(self, pace: float = 1.0) -> None:
        super().__init__()
        self.pace, self.share = pace, 0.0

    def advance(self, progress: float) -> None:
        self.share = progress**self.pace

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        error = output - target
        return self.share * error.square() + (1 - self.share) * error.abs()


class AnnealsPredictions(Loss):
    """Predicts by what the last epoch told it."""

    kind = Kind.CONTINUOUS

    def __init__(self) -> None:
        super().__init__()
        self.shrinkage = 0.5

    def advance(self, progress: float) -> None:
        self.shrinkage = 0.5 + progress / 2

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (self.shrinkage * output - target).square()

    def predict(self, output: Tensor) -> Prediction:
        return Prediction(self.shrinkage * output)


class AnnealsABuffer(Loss):
    """The same in a buffer."""

    kind = Kind.CONTINUOUS

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("shrinkage", torch.tensor(0.5))

    def advance(self, progress: float) -> None:
        self.shrinkage.fill_(0.5 + progress / 2)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (self.shrinkage * output - target).square()

    def predict(self, output: Tensor) -> Prediction:
        return Prediction(self.shrinkage * output)


class Private(Loss):
    """Keeps its parameter where others are not to look, and needs it for its predictions."""

    kind = Kind.CONTINUOUS
    search = {"shift": Range(0.0, 2.0)}

    def __init__(self, shift: float = 1.0) -> None:
        super().__init__()
        self._shift = shift

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target - self._shift).square()

    def predict(self, output: Tensor) -> Prediction:
        return Prediction(output - self._shift)


class AsTensor(Loss):
    """Keeps its parameter as a tensor that is no buffer, and needs it for its predictions."""

    kind = Kind.CONTINUOUS
    search = {"shift": Range(0.0, 2.0)}

    def __init__(self, shift: float = 1.0) -> None:
        super().__init__()
        self.shift = torch.tensor(shift, dtype=torch.double)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target - self.shift).square()

    def predict(self, output: Tensor) -> Prediction:
        return Prediction(output - self.shift)


class Wakes(Loss):
    """Asks python about a number that comes to differ between trainings."""

    kind = Kind.CONTINUOUS
    search = {"strength": Range(0.1, 2.0)}

    def __init__(self, strength: float = 1.0) -> None:
        super().__init__()
        self.strength, self.now = strength, 0.0

    def advance(self, progress: float) -> None:
        self.now = self.strength * progress

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        errors = (output - target).abs()
        return errors + self.now * errors.square() if self.now > 0 else errors


class LaterRelative(Loss):
    """Divides by the batch's mean in the second half of the training only."""

    kind = Kind.CONTINUOUS

    def __init__(self) -> None:
        super().__init__()
        self.late = False

    def advance(self, progress: float) -> None:
        self.late = progress > 0.5

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        errors = (output - target).square()
        return errors / (0.1 + errors.mean()) if self.late else errors


class Terms(Loss):
    """Gives its terms as they are in the graph."""

    kind = Kind.CONTINUOUS

    def __init__(self) -> None:
        super().__init__()
        self.last: dict[str, Tensor] = {}

    def parts(self) -> Mapping[str, Tensor]:
        return self.last

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        error = output - target
        self.last = {"square": error.square(), "size": error.abs()}
        return self.last["square"] + 0.1 * self.last["size"]


class Clips(Loss):
    """A margin without a probability."""

    kind = Kind.BINARY

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return torch.relu(1 - (2 * target - 1) * output)

    def predict(self, output: Tensor) -> Prediction:
        return Prediction(output, (output > 0).long())


def pinball(output: Tensor, target: Tensor, q: float = 0.4) -> Tensor:
    error = target - output
    return torch.maximum(q * error, (q - 1) * error)


pinball.__lossbench__ = {"kind": "continuous", "search": {"q": (0.2, 0.8)}}  # type: ignore[attr-defined]


class Normed(nn.Module):
    """Layers of every kind that a stack knows, and some that it does not."""

    def __init__(self, inputs: int, outputs: int, norm: str = "layer", dropout: float = 0.0) -> None:
        super().__init__()
        self.inner = nn.Linear(inputs, 8)
        self.norm: nn.Module = nn.LayerNorm(8) if norm == "layer" else nn.BatchNorm1d(8)
        self.drop = nn.Dropout(dropout) if norm == "layer" else nn.Identity()
        self.output = nn.Linear(8, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(self.drop(torch.tanh(self.norm(self.inner(x)))) + self.inner(x))


class Frozen(nn.Module):
    """Random features that are not trained."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.inner, self.output = nn.Linear(inputs, 12), nn.Linear(12, outputs)
        self.inner.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(torch.tanh(self.inner(x)))


class Fourier(nn.Module):
    """Random features that are no parameters."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.directions, self.output = 0.3 * torch.randn(inputs, 12).double(), nn.Linear(12, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(torch.cos(x @ self.directions))


class Bins(nn.Module):
    """Looks the first column up in a table of ten words."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.table, self.output = nn.Embedding(10, 4), nn.Linear(inputs + 4, outputs)

    def forward(self, x: Tensor) -> Tensor:
        words = (5 + 2 * x[..., 0]).long().clamp(0, 9)
        return self.output(torch.cat([x, self.table(words)], dim=-1))


class Alpha(nn.Module):
    """Dropout of another kind."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.inner, self.drop, self.output = nn.Linear(inputs, 8), nn.AlphaDropout(0.2), nn.Linear(8, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(self.drop(torch.selu(self.inner(x))))


class Recurrent(nn.Module):
    """Rows as sequences of numbers."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.recurrent, self.output = nn.GRU(1, 4, batch_first=True), nn.Linear(4, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(self.recurrent(x.unsqueeze(-1))[0][..., -1, :])


LEAVING: dict[str, Any] = {
    "max_epochs": 8,
    "patience": 1,
    "learning_rate": 3e-3,
    "protocol": a_protocol("some", 2, 4),
}
"""Little patience and rates far apart: some of eight trainings end early, and leave the others."""


def some_left(record: Record) -> bool:
    lengths = [trial.epochs for repeat in record.repeats for trial in repeat.trials]
    return min(lengths) < max(lengths) - 1


@pytest.mark.parametrize(
    "loss",
    [
        own("TwoOutputs"),
        own("Learned"),
        own("PartlyFixed"),
        own("CountsCalls"),
        own("MovingAverage"),
        own("Anneals"),
        own("AnnealsPredictions"),
        own("AnnealsABuffer"),
        own("Private"),
        own("AsTensor"),
        own("LaterRelative"),
        own("Terms"),
        own("pinball"),
        LossChoice("custom", {}, "torch.nn.SmoothL1Loss", "continuous"),
    ],
    ids=lambda loss: loss.title,
)
def test_losses_of_numbers_of_ones_own_make_no_difference_between_engines(loss: LossChoice) -> None:
    assert_engines_agree(cell(loss, **LEAVING))


@pytest.mark.parametrize("loss", [own("Dice"), own("Balanced")], ids=lambda loss: loss.title)
def test_losses_of_two_classes_of_ones_own_make_no_difference_between_engines(loss: LossChoice) -> None:
    assert_engines_agree(cell(loss, "breast_cancer", **LEAVING))


def test_a_loss_without_a_probability_makes_no_difference_between_engines() -> None:
    assert_engines_agree(cell(own("Clips"), "breast_cancer", max_epochs=5))
    chosen_by_probability = cell(own("Clips"), "breast_cancer", max_epochs=5, metric="log_loss")
    found, wanted = side_by_side(chosen_by_probability), sequentially(chosen_by_probability)
    assert (found.status, found.reason) == (wanted.status, wanted.reason) == (Status.SKIPPED, wanted.reason)


def test_a_loss_that_comes_to_branch_on_what_differs_makes_no_difference_between_engines() -> None:
    branching = cell(own("Wakes"), max_epochs=6)
    wanted, found = sequentially(branching), side_by_side(branching, alone=True)
    assert wanted.status is Status.DONE
    assert_agree(found, wanted)


@pytest.mark.parametrize(
    "params",
    [{"norm": "layer"}, {"norm": "batch"}, {"norm": "layer", "dropout": 0.3}],
    ids=lambda params: "-".join(str(value) for value in params.values()),
)
def test_models_of_ones_own_make_no_difference_between_engines(params: dict[str, Any]) -> None:
    model = ModelChoice("own", f"{__name__}.Normed", params)
    assert_engines_agree(cell("huber", model=model, **LEAVING))


@pytest.mark.parametrize("model", ["Frozen", "Fourier", "Bins", "Alpha"])
def test_models_that_are_hard_to_stack_are_refused_or_make_no_difference_between_engines(model: str) -> None:
    hard = cell("huber", model=ModelChoice("own", f"{__name__}.{model}"), **LEAVING)
    wanted = sequentially(hard)
    assert wanted.status is Status.DONE
    assert some_left(wanted)
    try:
        found = side_by_side(hard, alone=True)
    except InputError:
        return  # in words that another test reads
    assert_agree(found, wanted)


# Who diverges or breaks ---------------------------------------------------------------------------------------------


class Grows(Loss):
    """Becomes infinite after so many steps, if it is told to."""

    kind = Kind.CONTINUOUS
    search = {"limit": Range(0.0, 2.0)}

    def __init__(self, limit: float = 3.0) -> None:
        super().__init__()
        self.limit = limit

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        # the square root of what is below 0 is NaN, from the first batch with an error above the limit
        return torch.sqrt(self.limit - (output - target).abs())


class Breaks(Loss):
    """Refuses to go on with some of its parameters."""

    kind = Kind.CONTINUOUS
    search = {"level": Range(0.0, 1.0)}

    def __init__(self, level: float = 0.1, late: bool = False) -> None:
        super().__init__()
        self.level, self.late, self.calls = level, late, 0

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        self.calls += 1
        if self.level > 0.5 and self.calls > (13 if self.late else 0):
            raise RuntimeError(f"level {self.level:.6f} is too high")
        return (output - target).square()


def smooth_error(target: NDArray[np.float64], prediction: NDArray[np.float64]) -> float:
    """A metric that takes no NaN, as those of scikit-learn."""
    if not np.isfinite(prediction).all():
        raise ValueError("Input contains NaN.")
    with np.errstate(over="ignore"):  # of a training that is about to diverge
        return float(np.sqrt(np.mean((target - prediction) ** 2)))


smooth_error.direction = "min"  # type: ignore[attr-defined]


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_trainings_that_diverge_do_so_in_the_same_step_and_the_others_go_on(optimizer: str) -> None:
    decades = 70.0 if optimizer == "sgd" else 300.0  # AdamW's steps are no longer than its rate
    wild = cell(optimizer=optimizer, protocol=a_protocol("wild", 2, 6, rate_decades=decades), max_epochs=4)
    found, wanted = side_by_side(wild), sequentially(wild)
    assert_agree(found, wanted, 1e-9)
    states = [trial.status for repeat in wanted.repeats for trial in repeat.trials]
    assert {Status.DIVERGED, Status.DONE} == set(states)


def test_a_loss_that_becomes_nan_does_so_in_the_same_step_in_both_engines() -> None:
    growing = cell(own("Grows"), max_epochs=4, protocol=a_protocol("p", 2, 6))
    found, wanted = side_by_side(growing), sequentially(growing)
    assert_agree(found, wanted)
    reasons = {trial.reason for repeat in wanted.repeats for trial in repeat.trials}
    assert any("nan in step" in reason for reason in reasons)


def test_where_all_diverge_both_engines_say_so_in_the_same_words() -> None:
    lost = cell(optimizer="sgd", learning_rate=1e30, protocol=a_protocol("wild", 2, 2, rate_decades=2.0))
    found, wanted = side_by_side(lost), sequentially(lost)
    assert wanted.status is Status.DIVERGED
    assert_agree(found, wanted)


def test_a_metric_that_takes_no_nan_is_not_given_those_of_a_training_that_diverged() -> None:
    wild = cell(
        optimizer="sgd",
        metric=f"{__name__}.smooth_error",
        protocol=a_protocol("wild", 2, 6, rate_decades=70.0),
        max_epochs=3,
    )
    found, wanted = side_by_side(wild), sequentially(wild)
    assert wanted.status is Status.DONE
    assert_agree(found, wanted, 1e-9)


@pytest.mark.parametrize("late", [False, True])
def test_a_loss_that_breaks_in_one_trial_fails_in_the_same_words_in_both_engines(late: bool) -> None:
    breaking = cell(own("Breaks", late=late), protocol=a_protocol("p", 2, 6), batch_size=32, max_epochs=2)
    found, wanted = side_by_side(breaking, alone=True), sequentially(breaking)
    assert wanted.status is Status.FAILED
    assert "is too high" in wanted.reason
    assert "in step 13" in wanted.reason if late else "in step 0" in wanted.reason
    assert (found.status, found.reason) == (wanted.status, wanted.reason)


# To the last digit: nobody's numbers hang on who else is there ------------------------------------------------------


def trained(
    made: Cell, change: Callable[[list[Trial]], Sequence[Trial]] = list
) -> tuple[list[Trained], Replicas, list[PreparedTraining]]:
    """A stack of a cell's trainings, as the engine trains it; `change` says of which trials."""
    task = load_task(made.task, made.seed)
    factory = TrainingFactory(made, task, task.kinds[0])
    chosen = change([trial for study in trials(made, {}) for trial in study])
    prepared = [factory.prepare(trial, shared_model=True) for trial in chosen]
    stack = Replicas(prepared, made.training, made.penalty)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return fit(Learner(stack, made.training, task.metric.direction), prepared[0].seed), stack, prepared
    finally:
        torch.set_num_threads(threads)


def best_weights(stack: Replicas, number: int, prepared: PreparedTraining) -> dict[str, Tensor]:
    stack.restore_best(number, prepared.model, prepared.loss)
    states = {**prepared.model.state_dict(), **{f"loss {key}": t for key, t in prepared.loss.state_dict().items()}}
    return {key: tensor.clone() for key, tensor in states.items()}


def assert_equal(
    found: tuple[list[Trained], Replicas, list[PreparedTraining]],
    wanted: tuple[list[Trained], Replicas, list[PreparedTraining]],
    places: Mapping[int, int],
) -> None:
    """Trainings at `places` {of the one: of the other} left the same to the last digit."""
    for mine, theirs in places.items():
        a, b = found[0][mine], wanted[0][theirs]
        assert a.validation == b.validation, f"validation of {mine}"
        assert a.train_loss == b.train_loss, f"training loss of {mine}"
        assert a.best_epoch == b.best_epoch
        weights, others = (best_weights(s, n, r[n]) for (_, s, r), n in ((found, mine), (wanted, theirs)))
        for name, tensor in others.items():
            assert torch.equal(weights[name], tensor), f"{name} of {mine}"


SIZES: dict[str, dict[str, Any]] = {
    "ragged": {"data": "breast_cancer"},  # 365 rows: the last batch is 13
    "last_is_one_row": {"data": "breast_cancer", "batch_size": 52},
    "last_is_three_rows": {"data": "diabetes", "batch_size": 40},  # of 283
    "odd": {"data": "diabetes", "batch_size": 17},
    "threes": {"data": "diabetes", "batch_size": 3},
    "narrow": {"data": "diabetes", "hidden": [7, 3]},
    "linear": {"data": "diabetes", "hidden": []},
    "two_outputs": {"data": "diabetes", "loss": own("TwoOutputs")},
    "learned": {"data": "diabetes", "loss": own("Learned")},
    "clipped": {"data": "diabetes", "clip_norm": 0.1},
    **{f"shipped_{data}": {"data": data, "hidden": [64, 64]} for data in ("diabetes", "breast_cancer", "house_prices")},
    # of one repeat: its columns are not those of another
    "shipped_loans": {"data": "loans", "hidden": [64, 64], "protocol": a_protocol("one", 1, 12)},
}
"""Shapes of batches and layers; batches of 32 rows where nothing else is said."""
every_size = pytest.mark.parametrize(
    ("size", "precision"),
    [
        *product(SIZES, ("32",)),
        *(pytest.param(size, "64", marks=() if size == "ragged" else pytest.mark.long) for size in SIZES),
    ],
)
WILD = (1, 6, 7)
"""Places of the trainings that are made to diverge."""
OTHERS = {place: place for place in range(12) if place not in WILD}


def sized(size: str, **more: Any) -> Cell:
    """Twelve trainings of three repeats."""
    options: dict[str, Any] = {"max_epochs": 2, "batch_size": 32, "learning_rate": 3e-3}
    options |= {"protocol": a_protocol("many", 3, 4), **SIZES[size], **more}
    model = ModelChoice("mlp", "lossbench.models.tabular.MLP", {"hidden": options.pop("hidden", [16, 8])})
    data = options.pop("data")
    loss = options.pop("loss", "bce" if data in BINARY else "mse")
    return cell(loss, data, **{"model": model, **options})


def wildly(trials: list[Trial]) -> list[Trial]:
    """Rates at which float64 overflows too: some lead to NaN in the first epoch."""
    return [replace(t, learning_rate=1e200) if place in WILD else t for place, t in enumerate(trials)]


def assert_the_others_are_untouched(made: Cell) -> None:
    healthy, wild = trained(made), trained(made, wildly)
    assert all(one.diverged is None for one in healthy[0])
    assert [number for number, one in enumerate(wild[0]) if one.diverged] == list(WILD)
    assert len(wild[1].places) < len(healthy[1].places) == 12  # they have left
    assert_equal(wild, healthy, OTHERS)


@every_size
def test_trainings_that_become_nan_and_leave_change_no_digit_of_the_others(size: str, precision: str) -> None:
    assert_the_others_are_untouched(sized(size, optimizer="sgd", precision=precision))


@pytest.mark.parametrize("precision", ["32", "64"])
@pytest.mark.parametrize("size", ["ragged", "odd", "shipped_diabetes", "shipped_loans"])
def test_under_adamw_too_they_change_no_digit_of_the_others(size: str, precision: str) -> None:
    assert_the_others_are_untouched(sized(size, precision=precision))


@every_size
def test_whoever_is_in_the_stack_the_numbers_are_the_same(size: str, precision: str) -> None:
    made = sized(size, precision=precision, max_epochs=1)
    whole = trained(made)
    for some in ([11, 3, 4, 7, 0], [9]):
        part = trained(made, lambda trials, some=some: [trials[place] for place in some])  # type: ignore[misc]
        assert_equal(part, whole, dict(enumerate(some)))


@pytest.mark.parametrize("precision", ["32", "64"])
def test_those_who_leave_for_want_of_patience_change_no_digit_of_the_others(precision: str) -> None:
    made = sized("ragged", precision=precision, max_epochs=15, learning_rate=1e-2)
    impatient = replace(made, training=replace(made.training, patience=1))
    patient, (left, stack, _) = trained(made)[0], trained(impatient)
    lengths = [len(one.validation) for one in left]
    assert len(set(lengths)) > 3
    assert len(stack.places) < 12
    for whole, short in zip(patient, left, strict=True):
        assert short.validation == whole.validation[: len(short.validation)]
        assert short.train_loss == whole.train_loss[: len(short.train_loss)]


def test_dropout_of_those_who_stay_does_not_hang_on_who_left() -> None:
    # batches of 5 · 64 rows and layers of 16 and 32: shapes at which kernels take one path wherever a replica lies
    model = ModelChoice("mlp", "lossbench.models.tabular.MLP", {"hidden": [32, 16], "dropout": 0.3})
    assert_the_others_are_untouched(sized("ragged", optimizer="sgd", model=model, data="friedman", batch_size=320))


def test_the_same_stack_gives_the_same_numbers_to_the_last_digit_whatever_went_on_before() -> None:
    model = ModelChoice("mlp", "lossbench.models.tabular.MLP", {"hidden": [16, 8], "dropout": 0.3})
    made = sized("ragged", precision="32", model=model)
    first = trained(made)
    torch.manual_seed(4321)
    torch.rand(7)
    assert_equal(trained(made), first, {place: place for place in range(12)})


def test_who_stays_is_still_who_it_was() -> None:
    # at a rate of 0 the best weights are those that it began with
    made = sized("ragged", optimizer="sgd", precision="64", patience=1)

    def still(trials: list[Trial]) -> list[Trial]:
        return [replace(t, learning_rate=0.0 if place % 3 == 0 else 1e200) for place, t in enumerate(trials)]

    curves, stack, prepared = trained(made, still)
    for number, one in enumerate(prepared):
        if number % 3 == 0:
            assert curves[number].best_epoch == 0
            start = {key: tensor.double().clone() for key, tensor in one.model.state_dict().items()}
            assert all(torch.equal(t, start[k]) for k, t in best_weights(stack, number, one).items())
        else:
            assert curves[number].diverged


# Which engine ---------------------------------------------------------------------------------------------------------


def ner(**training: Any) -> Cell:
    data = {"source": "generated", "name": "generated", "sentences": 120, "test_sentences": 40, "seed": 0}
    return Cell(
        loss=LossChoice("cross_entropy"),
        task=TaskChoice("ner", "lossbench.tasks.ner.NER", data, "entity_f1"),
        model=ModelChoice("tagger", "lossbench.models.tagger.Tagger"),
        training=a_training(max_epochs=1, **training),
        protocol=a_protocol("some", 2, 2),
    )


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        (ner(engine="replicas"), ["training.engine=replicas", "not a single target", "sequential"]),
        (cell(engine="replicas", precision="bf16-mixed"), ["training.engine=replicas", "32 or 64", "bf16-mixed"]),
        (cell(engine="replicas", precision="16-mixed"), ["training.engine=replicas", "32 or 64", "16-mixed"]),
        (
            cell(engine="replicas", model=ModelChoice("own", f"{__name__}.Recurrent")),
            ["training.engine=replicas", "Recurrent cannot take the batches of many trainings at once"],
        ),
    ],
    ids=["ner", "bf16", "fp16", "recurrent"],
)
def test_what_cannot_be_stacked_is_refused_in_words_before_it_begins(refused: Cell, words: list[str]) -> None:
    with pytest.raises(InputError) as error:
        check(refused)
    assert all(word in str(error.value) for word in words)
    check(replace(refused, training=replace(refused.training, engine="auto")))


def chosen(made: Cell, count: int = 10) -> bool:
    fold = load_task(made.task, made.seed).fold(0)
    return engine.side_by_side(settled(made).training, fold, build_model(made.model, fold.inputs, 1), count)


def test_small_models_go_side_by_side_by_themselves_and_large_ones_one_after_the_other() -> None:
    shipped = ModelChoice("mlp", "lossbench.models.tabular.MLP")
    for data in (*CONTINUOUS, *BINARY):
        assert chosen(cell(data=data, model=shipped, batch_size=32)), data
    # 6 · parameters · rows: diabetes has 10 columns, so 6 · (10 w + w + w² + w + w + 1) · 32 is 10 million near w = 222
    for width, wanted in ((200, True), (240, False)):
        made = cell(model=replace(shipped, params={"hidden": [width, width]}), batch_size=32)
        assert (6 * (width**2 + 13 * width + 1) * 32 < 10e6) is wanted
        assert chosen(made) is wanted
    assert not chosen(cell(model=replace(shipped, params={"hidden": [200, 200]}), batch_size=64))


def test_one_training_goes_by_itself() -> None:
    assert not chosen(cell(), count=1)
    assert chosen(cell(), count=2)


def test_texts_half_precision_and_models_that_cannot_be_stacked_go_one_after_the_other() -> None:
    assert not chosen(ner())
    assert not chosen(cell(precision="bf16-mixed"))
    assert not chosen(cell(model=ModelChoice("own", f"{__name__}.Recurrent")))


def test_an_engine_that_was_asked_for_is_the_one_that_serves() -> None:
    assert not chosen(cell(engine="sequential"))
    assert chosen(cell(engine="replicas"), count=1)
    assert chosen(cell(engine="replicas", model=ModelChoice("mlp", "lossbench.models.tabular.MLP", {"hidden": [999]})))


def test_by_itself_a_small_cell_is_trained_side_by_side_and_a_text_is_not() -> None:
    small = replace(cell(max_epochs=1), protocol=a_protocol("some", 1, 2))
    assert run(small).training.engine == "replicas"
    assert run(ner()).training.engine == "sequential"


def test_the_rows_of_each_training_are_those_of_its_own_repeat() -> None:
    made = cell(protocol=a_protocol("some", 3, 2))
    task = load_task(made.task, made.seed)
    factory = TrainingFactory(made, task, Kind.CONTINUOUS)
    prepared = [factory.prepare(trial, shared_model=True) for study in trials(made, {}) for trial in study]
    stack = Replicas(prepared, made.training)
    stack.optimizer()
    for epoch in (0, 3):
        for rows in stack.order(epoch).split(32, dim=-1):
            seen: list[tuple[Tensor, Tensor]] = []
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(stack, "_output", lambda features, seen=seen: seen.append(features) or features[..., 0])
                patch.setattr(
                    stack, "objectives", lambda output, target, seen=seen: seen.append(target) or (output.mean(1), {})
                )
                stack.step(rows, "now")
            features, target = seen
            for place, one in enumerate(prepared):
                at = one.batches.order(epoch)
                own_features, own_target = one.fold.tensors(Part.TRAIN)  # type: ignore[attr-defined]
                start = next(
                    i for i in range(0, len(at), 32) if torch.equal(own_features[at[i]].double(), features[place, 0])
                )
                assert torch.equal(features[place], own_features[at[start : start + 32]].double())
                assert torch.equal(target[place], own_target[at[start : start + 32]].double())
