"""The losses of many trainings at once, each held against the same loss called alone; and how they are called."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from lossbench.loss import Kind, Loss, Prediction, reduce
from lossbench.loss.adapter import family
from lossbench.loss.catalogue import load_loss
from lossbench.training.layers import Unstackable
from lossbench.training.objectives import Calling, Objectives

ROWS = 19


# Losses of somebody's own -------------------------------------------------------------------------------------------


class Learned(Loss):
    """A scale that is trained with the model."""

    kind = Kind.CONTINUOUS

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight, self.log_scale = weight, nn.Parameter(torch.tensor(0.3))

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return self.weight * (output - target).abs() * torch.exp(-self.log_scale) + self.log_scale

    def predict(self, output: Tensor) -> Prediction:
        return Prediction(output * torch.exp(self.log_scale))


class LearnedTable(Loss):
    """A vector, and a layer inside the loss, that are trained with the model."""

    kind = Kind.CLASSES

    def __init__(self) -> None:
        super().__init__()
        self.shift, self.mix = nn.Parameter(torch.tensor([0.1, -0.2, 0.3])), nn.Linear(3, 3)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        mixed = self.mix(output + self.shift).log_softmax(1)
        return -mixed.gather(1, target[:, None]).squeeze(1)


class Gaussian(Loss):
    """Two outputs: a mean and a log variance."""

    kind = Kind.CONTINUOUS

    def __init__(self, beta: float = 0.5) -> None:
        super().__init__()
        self.beta = beta

    def outputs(self, classes: int) -> int:
        return 2

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        mean, log_variance = output.unbind(1)
        return self.beta * log_variance + (target - mean) ** 2 * torch.exp(-log_variance) / 2


class Branches(Loss):
    """Asks python which of two formulas is meant."""

    kind = Kind.CONTINUOUS

    def __init__(self, power: float) -> None:
        super().__init__()
        self.power = power

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        error = output - target
        if self.power > 1.5:
            return self.power * error.square()
        return self.power * error.abs()


class Dice(Loss):
    """Judges all rows as one set."""

    kind = Kind.BINARY
    pointwise = False

    def __init__(self, smooth: float = 1.0) -> None:
        super().__init__()
        self.smooth = smooth

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        p = torch.sigmoid(output)
        return 1 - (2 * (p * target).sum() + self.smooth) / (p.sum() + target.sum() + self.smooth)


class Relative(Loss):
    """Says that it judges row by row, and divides by the mean over the batch."""

    kind = Kind.CONTINUOUS

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        errors = (output - target).square()
        return errors / (1 + errors.detach().mean())


class CountsCalls(Loss):
    """Weighs by the number of its calls."""

    kind = Kind.CONTINUOUS

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        self.calls += 1
        return self.calls * (output - target).square()


class MovingAverage(Loss):
    """Divides by a moving average of its errors, kept in a buffer."""

    kind = Kind.CONTINUOUS

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("average", torch.ones(()))

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        errors = (output - target).square()
        self.average.mul_(0.9).add_(0.1 * errors.detach().mean())
        return errors / self.average

    def predict(self, output: Tensor) -> Prediction:
        return Prediction(output + self.average)


class Jitters(Loss):
    """Blurs its targets at random."""

    kind = Kind.CONTINUOUS

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target - 0.1 * torch.randn_like(target)).square()


class JittersByPython(Loss):
    """Draws from python's own stream."""

    kind = Kind.CONTINUOUS

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return random.random() * (output - target).square()


class Balanced(Loss):
    """Weighs classes by their counts in the training rows."""

    kind = Kind.CLASSES

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("counts", torch.ones(3))

    def observe(self, target: Any) -> None:
        self.counts = torch.bincount(target, minlength=3).float() + 1

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        own = -output.log_softmax(1).gather(1, target[:, None]).squeeze(1)
        return own * len(target) / self.counts[target]

    def predict(self, output: Tensor) -> Prediction:
        shares = (output + self.counts.log()).softmax(1)
        return Prediction(output, shares.argmax(1), shares)


class Scale(Loss):
    """Divides by the spread of the training targets, one number."""

    kind = Kind.CONTINUOUS

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("spread", torch.ones(()))

    def observe(self, target: Any) -> None:
        self.spread = target.std()

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return ((output - target) / self.spread).abs()

    def predict(self, output: Tensor) -> Prediction:
        return Prediction(output / self.spread)


class Anneals(Loss):
    """Goes from an absolute to a squared error, at a pace of its own."""

    kind = Kind.CONTINUOUS

    def __init__(self, pace: float = 1.0) -> None:
        super().__init__()
        self.pace, self.share = pace, 0.0

    def advance(self, progress: float) -> None:
        self.share = progress**self.pace

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        error = output - target
        return self.share * error.square() + (1 - self.share) * error.abs()

    def predict(self, output: Tensor) -> Prediction:
        return Prediction(output * (1 + self.share))


class Tenths(Loss):
    """Shifts the output by something that only its predictions tell of."""

    kind = Kind.CONTINUOUS

    def __init__(self, shift: float) -> None:
        super().__init__()
        self.shift = shift

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).square()

    def predict(self, output: Tensor) -> Prediction:
        return Prediction(output + self.shift)


def pinball(output: Tensor, target: Tensor, q: float = 0.5) -> Tensor:
    error = target - output
    return torch.maximum(q * error, (q - 1) * error)


pinball.__lossbench__ = {"kind": "continuous"}  # type: ignore[attr-defined]


def focal(p: Tensor, target: Tensor, gamma: float = 2.0) -> Tensor:
    chosen = p * target + (1 - p) * (1 - target)
    return -((1 - chosen) ** gamma) * chosen.clamp(min=1e-12).log()


focal.__lossbench__ = {"kind": "binary", "input": "probability"}  # type: ignore[attr-defined]


def adapted(thing: Callable[..., Any], kind: Kind, **params: float) -> Loss:
    return family(thing, name="mine", distribution="here", traits={"kind": kind.value}).build(kind, params)


def observed(loss: Loss, seed: int) -> Loss:
    """After seeing training targets that differ from seed to seed."""
    generator = torch.Generator().manual_seed(seed)
    size = 40 + seed
    if loss.kind is Kind.CLASSES:
        loss.observe(torch.randint(3, (size,), generator=generator))
    else:
        loss.observe((1 + seed) * torch.randn(size, generator=generator))
    return loss


# What is the same ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """Losses of a stack, and how they are to be called; None where any right way will do."""

    losses: Callable[[], Sequence[Loss]]
    calling: Calling | None = None
    outputs: int = 1


DELTAS = (0.1, 0.5, 1.0, 2.0, 3.0)
CASES: dict[str, Case] = {
    "mse": Case(lambda: [load_loss("mse", "continuous") for _ in range(5)], Calling.FLAT),
    "mae": Case(lambda: [load_loss("mae") for _ in range(5)], Calling.FLAT),
    "brier": Case(lambda: [load_loss("mse", "binary") for _ in range(5)], Calling.FLAT),
    "cross_entropy": Case(lambda: [load_loss("cross_entropy", "classes") for _ in range(5)], Calling.FLAT, 3),
    "squared_distance": Case(lambda: [load_loss("mse", "classes") for _ in range(5)], Calling.FLAT, 3),
    "huber": Case(lambda: [load_loss("huber", delta=delta) for delta in DELTAS], Calling.FLAT),
    "huber_equal": Case(lambda: [load_loss("huber", delta=2.0) for _ in DELTAS], Calling.FLAT),
    "bce": Case(lambda: [load_loss("bce", "binary", pos_weight=w) for w in (0.3, 1.0, 2.0, 9.0, 30.0)], Calling.FLAT),
    "one_against_the_rest": Case(lambda: [load_loss("bce", "classes", pos_weight=w) for w in DELTAS], None, 3),
    "weighted_bce": Case(
        lambda: [
            observed(load_loss("weighted_bce", "binary", pos_weight=w), seed)
            for seed, w in enumerate((None, 0.3, 1.0, 9.0, None))
        ],
        Calling.FLAT,
    ),
    "weighted_one_against_the_rest": Case(
        lambda: [load_loss("weighted_bce", "classes", pos_weight=w) for w in (None, 0.3, 1.0, 9.0, 30.0)], None, 3
    ),
    "weighted_cross_entropy": Case(
        lambda: [
            observed(load_loss("weighted_cross_entropy", power=k), seed)
            for seed, k in enumerate((1, 0.1, 0.3, 1.5, 0.8))
        ],
        Calling.MAPPED,
        3,
    ),
    "sum": Case(
        lambda: [load_loss("sum", "continuous", terms={"mse": 1.0, "mae": 0.5, "huber": 2.0}) for _ in DELTAS],
        Calling.FLAT,
    ),
    "scaled": Case(
        lambda: [load_loss("scaled", "binary", loss={"name": "bce", "pos_weight": w}, factor=10.0) for w in DELTAS],
        Calling.FLAT,
    ),
    "scaled_differently": Case(
        lambda: [load_loss("scaled", "continuous", loss="mse", factor=f) for f in DELTAS], Calling.FLAT
    ),
    "learned": Case(lambda: [Learned() for _ in range(5)], Calling.FLAT),
    "learned_and_tuned": Case(lambda: [Learned(delta) for delta in DELTAS], Calling.FLAT),
    "learned_vector_and_layer": Case(lambda: [LearnedTable() for _ in range(5)], Calling.MAPPED, 3),
    "two_outputs": Case(lambda: [Gaussian() for _ in range(5)], Calling.FLAT, 2),
    "two_outputs_tuned": Case(lambda: [Gaussian(delta) for delta in DELTAS], Calling.FLAT, 2),
    "branches": Case(lambda: [Branches(delta) for delta in DELTAS]),
    "branches_equal": Case(lambda: [Branches(2.0) for _ in DELTAS], Calling.FLAT),
    "set": Case(lambda: [Dice() for _ in range(5)], Calling.MAPPED),
    "set_tuned": Case(lambda: [Dice(delta) for delta in DELTAS], Calling.MAPPED),
    "relative": Case(lambda: [Relative() for _ in range(5)], Calling.MAPPED),
    "counts_observed": Case(lambda: [observed(Balanced(), seed) for seed in range(5)], Calling.MAPPED, 3),
    "spread_observed": Case(lambda: [observed(Scale(), seed) for seed in range(5)], Calling.FLAT),
    "function": Case(lambda: [adapted(pinball, Kind.CONTINUOUS, q=q) for q in (0.1, 0.3, 0.5, 0.8, 0.9)], Calling.FLAT),
    "function_of_probabilities": Case(lambda: [adapted(focal, Kind.BINARY, gamma=g) for g in DELTAS], Calling.FLAT),
    "function_of_equal_parameters": Case(
        lambda: [adapted(pinball, Kind.CONTINUOUS, q=0.7) for _ in DELTAS], Calling.FLAT
    ),
    "module_of_torch": Case(lambda: [adapted(nn.SmoothL1Loss, Kind.CONTINUOUS) for _ in DELTAS], Calling.FLAT),
    "module_of_torch_tuned": Case(lambda: [adapted(nn.HuberLoss, Kind.CONTINUOUS, delta=d) for d in DELTAS]),
    "of_two_classes": Case(lambda: [load_loss("mae"), Learned(), load_loss("mae"), load_loss("mae")], Calling.APART),
    "only_predictions_differ": Case(lambda: [Tenths(delta) for delta in DELTAS], Calling.FLAT),
    "counts_calls": Case(lambda: [CountsCalls() for _ in range(5)], Calling.APART),
    "moving_average": Case(lambda: [MovingAverage() for _ in range(5)], Calling.APART),
}
SOUND = [name for name in CASES if name != "of_two_classes"]


@dataclass(frozen=True)
class Found:
    """Means [R], gradients in outputs and in what is learned, and each term's means [R]."""

    means: Tensor
    output: Tensor
    learned: dict[str, Tensor]
    parts: Mapping[str, Tensor]


def data(losses: Sequence[Loss], outputs: int = 1, *, n: int = ROWS, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Outputs [R, n] or [R, n, outputs] and targets [R, n] of the losses' kind."""
    generator = torch.Generator().manual_seed(seed)
    shape = (len(losses), n)
    match losses[0].kind:
        case Kind.CONTINUOUS:
            target = torch.randn(shape, generator=generator, dtype=torch.double)
        case Kind.BINARY:
            target = (torch.rand(shape, generator=generator) < 0.4).double()
        case _:
            target = torch.randint(outputs, shape, generator=generator)
    wide = (*shape, outputs) if outputs > 1 else shape
    return 2 * torch.randn(wide, generator=generator, dtype=torch.double), target


def doubled(losses: Sequence[Loss]) -> list[Loss]:
    return [deepcopy(loss).double() for loss in losses]


def objectives(losses: Sequence[Loss], target: Tensor, outputs: int = 1) -> Objectives:
    """Of copies of the losses, in float64."""
    return Objectives(doubled(losses), target, outputs)


def uneven(means: Tensor) -> Tensor:
    return (means * torch.arange(1, len(means) + 1, dtype=means.dtype)).sum()


def by_loop(losses: Sequence[Loss], output: Tensor, target: Tensor) -> Found:
    """Each loss called alone on its own rows."""
    raw = output.clone().requires_grad_()
    means, parts = [], []
    for loss, own, true in zip(losses, raw, target, strict=True):
        means.append(reduce(loss(own, true)))
        parts.append({name: value.detach().mean() for name, value in loss.parts().items()})
    names = [name for name, _ in losses[0].named_parameters()]
    learned = [loss.get_parameter(name) for name in names for loss in losses]
    gradients = torch.autograd.grad(uneven(torch.stack(means)), [raw, *learned])
    own = [torch.stack(gradients[1 + at : 1 + at + len(losses)]) for at in range(0, len(learned), len(losses))]
    return Found(
        torch.stack(means).detach(),
        gradients[0],
        dict(zip(names, own, strict=True)),
        {name: torch.stack([one[name] for one in parts]) for name in parts[0]},
    )


def at_once(made: Objectives, output: Tensor, target: Tensor) -> Found:
    raw = output.clone().requires_grad_()
    means, parts = made(raw, target)
    learned = made.tensors()
    gradients = torch.autograd.grad(uneven(means), [raw, *learned.values()], allow_unused=True)
    own = [torch.zeros_like(p) if g is None else g for p, g in zip(learned.values(), gradients[1:], strict=True)]
    return Found(means.detach(), gradients[0], dict(zip(learned, own, strict=True)), parts)


def close(found: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-13)


def assert_same(found: Found, wanted: Found) -> None:
    close(found.means, wanted.means)
    close(found.output, wanted.output)
    for mine, theirs in ((found.learned, wanted.learned), (found.parts, wanted.parts)):
        assert mine.keys() == theirs.keys()
        for name, tensor in theirs.items():
            close(mine[name], tensor)


def assert_predicts(made: Objectives, losses: Sequence[Loss], output: Tensor) -> None:
    found, wanted = made.predict(output), [loss.predict(own) for loss, own in zip(losses, output, strict=True)]
    for name in ("score", "label", "probability"):
        own = [getattr(prediction, name) for prediction in wanted]
        if own[0] is None:
            assert getattr(found, name) is None
        else:
            close(getattr(found, name), torch.stack(own).detach())


def moved_apart(losses: Sequence[Loss], made: Objectives) -> None:
    """Gives what is learned values that differ from loss to loss, here and in the stack alike."""
    with torch.no_grad():
        for name, stack in made.tensors().items():
            for place, loss in enumerate(losses):
                value = loss.get_parameter(name) + 0.1 * place
                loss.get_parameter(name).copy_(value)
                stack[place] = value


@pytest.mark.parametrize("name", SOUND)
def test_every_loss_gives_what_it_gives_alone(name: str) -> None:
    case = CASES[name]
    losses = doubled(case.losses())
    output, target = data(losses, case.outputs)
    made = objectives(losses, target, case.outputs)
    moved_apart(losses, made)
    for seed in range(3):  # again and again: some keep count
        output, target = data(losses, case.outputs, seed=seed)
        assert_same(at_once(made, output, target), by_loop(losses, output, target))
        assert_predicts(made, losses, output)


@pytest.mark.parametrize("name", SOUND)
def test_predictions_are_those_of_each_loss_alone(name: str) -> None:
    case = CASES[name]
    losses = doubled(case.losses())
    output, target = data(losses, case.outputs)
    made = objectives(losses, target, case.outputs)
    moved_apart(losses, made)
    assert_predicts(made, losses, output)


@pytest.mark.parametrize("name", [name for name in SOUND if CASES[name].calling])
def test_losses_are_called_as_few_times_as_is_right(name: str) -> None:
    case = CASES[name]
    losses = case.losses()
    assert objectives(losses, data(losses, case.outputs)[1], case.outputs).calling is case.calling


@pytest.mark.parametrize("name", ["huber", "set_tuned", "moving_average", "learned", "sum"])
def test_a_batch_may_have_any_number_of_rows(name: str) -> None:
    case = CASES[name]
    losses = doubled(case.losses())
    made = objectives(losses, data(losses, case.outputs)[1], case.outputs)
    for n in (1, 2, 32):
        output, target = data(losses, case.outputs, n=n)
        assert_same(at_once(made, output, target), by_loop(losses, output, target))


@pytest.mark.parametrize("name", SOUND)
def test_those_who_stay_are_judged_as_before_others_left(name: str) -> None:
    case = CASES[name]
    losses = doubled(case.losses())
    made = objectives(losses, data(losses, case.outputs)[1], case.outputs)
    moved_apart(losses, made)
    output, target = data(losses, case.outputs, seed=1)
    assert_same(at_once(made, output, target), by_loop(losses, output, target))
    places = torch.tensor([1, 2, 4])
    for stack in made.tensors().values():
        stack.data = stack.data[places]  # as the optimizer does
    made.keep(places)
    losses = [losses[place] for place in places]
    for seed in (2, 3):
        output, target = data(losses, case.outputs, seed=seed)
        assert_same(at_once(made, output, target), by_loop(losses, output, target))
    assert_predicts(made, losses, output)


@pytest.mark.parametrize("name", ["huber", "bce", "cross_entropy", "learned", "set_tuned", "sum", "two_outputs_tuned"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e300])
def test_a_training_whose_outputs_blew_up_leaves_the_others_as_they_are_to_the_last_digit(
    name: str, bad: float
) -> None:
    case = CASES[name]
    losses = doubled(case.losses())
    output, target = data(losses, case.outputs)
    made = objectives(losses, target, case.outputs)
    healthy = at_once(made, output, target)
    output[3] = bad
    found = at_once(made, output, target)
    others = [0, 1, 2, 4]
    assert torch.equal(found.means[others], healthy.means[others])
    assert torch.equal(found.output[others], healthy.output[others])
    for name, gradient in healthy.learned.items():
        assert torch.equal(found.learned[name][others], gradient[others])


def test_the_terms_of_a_sum_are_told_of_each_training() -> None:
    losses = doubled(CASES["sum"].losses())
    output, target = data(losses)
    _, parts = objectives(losses, target)(output, target)
    assert set(parts) == {"mse", "mae", "huber"}
    close(parts["mse"], (output - target).square().mean(1))
    close(parts["mae"], (output - target).abs().mean(1))


def test_a_sum_with_a_set_loss_in_it_is_one_of_sets() -> None:
    from lossbench_standard.composite import BinarySum

    losses = [BinarySum({Dice(): 1.0, load_loss("bce", "binary"): 0.5}).double() for _ in range(4)]
    output, target = data(losses)
    made = objectives(losses, target)
    assert made.calling is not Calling.FLAT
    assert_same(at_once(made, output, target), by_loop(losses, output, target))


def test_what_a_loss_learns_is_kept_under_its_own_names_and_goes_back_by_place() -> None:
    losses = doubled([LearnedTable() for _ in range(4)])
    _, target = data(losses, 3)
    made = objectives(losses, target, 3)
    moved_apart(losses, made)
    assert made.tensors().keys() == dict(losses[0].named_parameters()).keys()
    for place, loss in enumerate(losses):
        back = LearnedTable().double()
        back.load_state_dict(made.state(place))
        assert all(torch.equal(a, b) for a, b in zip(back.parameters(), loss.parameters(), strict=True))


def test_a_loss_that_counts_its_calls_counts_only_its_own() -> None:
    losses = doubled([CountsCalls() for _ in range(4)])
    output, target = data(losses)
    made = objectives(losses, target)
    for calls in (1, 2, 3):
        means, _ = made(output, target)
        close(means, calls * (output - target).square().mean(1))
    assert [loss.calls for loss in made.losses] == [3, 3, 3, 3]


@pytest.mark.parametrize("loss", [Jitters, JittersByPython])
def test_a_loss_that_draws_at_random_is_called_for_each_training_and_draws_for_each(loss: type[Loss]) -> None:
    losses = doubled([loss() for _ in range(4)])
    output, target = data(losses)
    made = objectives(losses, target)
    assert made.calling is Calling.APART

    def begin() -> None:
        torch.manual_seed(3)
        random.seed(3)

    begin()
    means, _ = made(output, target)
    begin()
    close(means, torch.stack([one(o, t).mean() for one, o, t in zip(losses, output, target, strict=True)]))
    same, _ = made(output[:1].expand(4, -1), target[:1].expand(4, -1))
    assert len(set(same.tolist())) == 4


def test_to_find_the_way_no_loss_is_changed_and_nothing_drawn_from_the_global_stream() -> None:
    losses = doubled([CountsCalls() for _ in range(4)]) + doubled([MovingAverage() for _ in range(4)])
    torch.manual_seed(1)
    state = torch.get_rng_state()
    for some in (losses[:4], losses[4:], [Jitters() for _ in range(4)]):
        Objectives(some, data(some)[1], 1)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(loss.calls == 0 for loss in losses[:4])
    assert all(loss.average == 1 for loss in losses[4:])


@pytest.mark.parametrize("paces", [(1.0, 1.0, 1.0, 1.0), (0.5, 1.0, 2.0, 3.0)], ids=["equal", "different"])
def test_every_loss_is_told_how_far_the_training_is(paces: tuple[float, ...]) -> None:
    losses = doubled([Anneals(pace) for pace in paces])
    output, target = data(losses)
    made = objectives(losses, target)
    assert made.calling is Calling.FLAT
    for progress in (0.0, 0.3, 0.7, 1.0):
        made.advance(progress)
        for loss in losses:
            loss.advance(progress)
        assert_same(at_once(made, output, target), by_loop(losses, output, target))
        assert_predicts(made, losses, output)


def test_in_float32_means_keep_the_outputs_type() -> None:
    losses = [load_loss("huber", delta=delta) for delta in DELTAS]
    output, target = (tensor.float() for tensor in data(losses))
    means, _ = Objectives([deepcopy(loss) for loss in losses], target, 1)(output, target)
    assert means.dtype is torch.float32
    wanted = torch.stack([loss(o, t).mean() for loss, o, t in zip(losses, output, target, strict=True)])
    torch.testing.assert_close(means, wanted, rtol=1e-6, atol=0)


# Never wrong --------------------------------------------------------------------------------------------------------


class Private(Loss):
    """Keeps its parameter where others are not to look."""

    kind = Kind.CONTINUOUS

    def __init__(self, shift: float) -> None:
        super().__init__()
        self._shift = shift

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target - self._shift).square()

    def predict(self, output: Tensor) -> Prediction:
        return Prediction(output - self._shift)


class AsTensor(Loss):
    """Keeps its parameter as a tensor that is no buffer."""

    kind = Kind.CONTINUOUS

    def __init__(self, shift: float) -> None:
        super().__init__()
        self.shift = torch.tensor(shift, dtype=torch.double)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target - self.shift).square()

    def predict(self, output: Tensor) -> Prediction:
        return Prediction(output - self.shift)


class InAList(Loss):
    """Keeps its parameter in a list."""

    kind = Kind.CONTINUOUS

    def __init__(self, shift: float) -> None:
        super().__init__()
        self.shifts = [shift]

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target - self.shifts[0]).square()

    def predict(self, output: Tensor) -> Prediction:
        return Prediction(output - self.shifts[0])


class Whole(Loss):
    """A whole number that is a number of terms, and a yes or no."""

    kind = Kind.CONTINUOUS

    def __init__(self, shift: float) -> None:
        super().__init__()
        self.terms, self.squared = 1 + int(shift), bool(shift)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        error = (output - target).abs() ** (2 if self.squared else 1)
        return torch.stack([error ** (1 / (1 + k)) for k in range(self.terms)]).sum(0)

    def predict(self, output: Tensor) -> Prediction:
        return Prediction(output * self.terms)


KEEPERS: dict[str, Callable[[float], Loss]] = {
    "private": Private,
    "tensor": AsTensor,
    "list": InAList,
    "whole": Whole,
    "public": Tenths,
}


@pytest.mark.parametrize("which", [range(12), [5], [0], [11]], ids=["all", "one", "first", "last"])
@pytest.mark.parametrize("name", KEEPERS)
def test_wherever_losses_keep_what_differs_each_is_judged_by_its_own(name: str, which: Sequence[int]) -> None:
    losses = doubled([KEEPERS[name](float(place) if place in which else 0.0) for place in range(12)])
    losses[0] = doubled([KEEPERS[name](1.0 if 0 in which else 0.0)])[0]
    output, target = data(losses)
    made = objectives(losses, target)
    assert_same(at_once(made, output, target), by_loop(losses, output, target))
    assert_predicts(made, losses, output)


class ByPositives(Loss):
    """Says that it judges row by row, and divides by the number of positives in the batch."""

    kind = Kind.BINARY

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        errors = functional.binary_cross_entropy_with_logits(output, target, reduction="none")
        return errors / target.sum().clamp(min=1)


def test_a_loss_that_looks_at_other_rows_is_found_out_where_the_first_rows_are_of_one_class() -> None:
    losses = doubled([ByPositives() for _ in range(5)])
    output, target = data(losses)
    target[:, :10], target[:, 10:] = 0, 1
    made = objectives(losses, target)
    assert made.calling is not Calling.FLAT
    assert_same(at_once(made, output, target), by_loop(losses, output, target))


class Stabilised(Loss):
    """Cross-entropy with the batch's largest logit taken out first, which changes nothing but rounding."""

    kind = Kind.BINARY

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        largest = output.detach().abs().max()
        return torch.log(torch.exp(-largest) + torch.exp(output - largest)) + largest - target * output


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e4])
def test_a_loss_whose_arithmetic_hangs_on_the_whole_batch_sees_no_other_trainings_outputs(bad: float) -> None:
    losses = doubled([Stabilised() for _ in range(5)])
    output, target = data(losses)
    made = objectives(losses, target)
    output[3] = bad
    found, wanted = at_once(made, output, target), by_loop(losses, output, target)
    others = [0, 1, 2, 4]
    close(found.means[others], wanted.means[others])
    close(found.output[others], wanted.output[others])


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
        return errors / (1 + errors.mean()) if self.late else errors


def test_a_loss_that_begins_to_look_at_other_rows_later_is_called_rightly_then() -> None:
    losses = doubled([LaterRelative() for _ in range(5)])
    output, target = data(losses)
    made = objectives(losses, target)
    for progress in (0.0, 0.4, 0.6, 1.0):
        made.advance(progress)
        for loss in losses:
            loss.advance(progress)
        assert_same(at_once(made, output, target), by_loop(losses, output, target))


class CountsInPrivate(Loss):
    """Weighs by the number of its calls from the third on, which it counts in private."""

    kind = Kind.CONTINUOUS

    def __init__(self, kept_as: Callable[[int], Any] = int) -> None:
        super().__init__()
        self._calls, self.calls = (kept_as(0), None) if kept_as is int else (None, kept_as(0))

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        if self._calls is not None:
            self._calls = calls = self._calls + 1
        else:
            self.calls = calls = self.calls + 1
        return (output - target).square() * (1 if calls < 3 else int(calls))


@pytest.mark.parametrize("kept_as", [int, torch.tensor], ids=["private_number", "tensor"])
def test_however_a_loss_counts_its_calls_it_goes_on_counting_when_others_leave(kept_as: Callable[[int], Any]) -> None:
    losses = doubled([CountsInPrivate(kept_as) for _ in range(5)])
    output, target = data(losses)
    made = objectives(losses, target)
    for _ in range(4):
        assert_same(at_once(made, output, target), by_loop(losses, output, target))
    made.keep(torch.arange(4))
    for _ in range(2):
        found = at_once(made, output[:4], target[:4])
        assert_same(found, by_loop(losses[:4], output[:4], target[:4]))


class Undetached(Loss):
    """Gives its terms as they are in the graph, and counts its calls."""

    kind = Kind.CONTINUOUS

    def __init__(self) -> None:
        super().__init__()
        self.calls, self.last = 0, {}

    def parts(self) -> Mapping[str, Tensor]:
        return self.last

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        self.calls += 1
        error = output - target
        self.last = {"square": error.square(), "size": error.abs()}
        return self.last["square"] + self.calls * self.last["size"]


def test_terms_that_still_have_their_gradients_do_no_harm_when_others_leave() -> None:
    losses = doubled([Undetached() for _ in range(5)])
    output, target = data(losses)
    made = objectives(losses, target)
    assert_same(at_once(made, output, target), by_loop(losses, output, target))
    made.keep(torch.arange(4))
    assert_same(at_once(made, output[:4], target[:4]), by_loop(losses[:4], output[:4], target[:4]))


class Shrinks(Loss):
    """Finds its parameters by asking for all of them."""

    kind = Kind.CONTINUOUS

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(0.5))

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return self.scale * (output - target).abs() + sum(p.square() for p in self.parameters())


class Twice(Loss):
    """Two names for one parameter."""

    kind = Kind.CONTINUOUS

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(0.5))
        self.inner = nn.Module()
        self.inner.scale = self.scale

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return self.scale * (output - target).abs() + self.inner.scale.square()


class Listed(Loss):
    """Parameters in a list, in a dictionary, and one with the name of a dictionary's own function."""

    kind = Kind.CONTINUOUS

    def __init__(self) -> None:
        super().__init__()
        self.some = nn.ParameterList([nn.Parameter(torch.tensor(0.5)), nn.Parameter(torch.tensor(0.2))])
        self.more = nn.ParameterDict({"one": nn.Parameter(torch.tensor(0.1))})

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return self.some[0] * (output - target).abs() + self.some[1] ** 2 + self.more["one"] ** 4


class Values(Loss):
    """A parameter that is called as a dictionary's own function is."""

    kind = Kind.CONTINUOUS

    def __init__(self) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.tensor(0.5))

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return self.values * (output - target).abs() + self.values**2


@pytest.mark.parametrize("loss", [Shrinks, Twice])
def test_a_loss_that_finds_its_parameters_by_another_way_than_their_name_is_not_stacked(loss: type[Loss]) -> None:
    losses = doubled([loss() for _ in range(5)])
    with pytest.raises(Unstackable, match=f"{loss.__name__} keeps its parameters where they cannot be replaced"):
        objectives(losses, data(losses)[1])


@pytest.mark.parametrize("loss", [Listed, Values])
def test_however_a_loss_names_its_parameters_they_are_those_of_its_own_training(loss: type[Loss]) -> None:
    losses = doubled([loss() for _ in range(5)])
    output, target = data(losses)
    made = objectives(losses, target)
    moved_apart(losses, made)
    for _ in range(2):
        assert_same(at_once(made, output, target), by_loop(losses, output, target))


class Fixed(Loss):
    """A parameter that is not to be trained."""

    kind = Kind.CONTINUOUS

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(0.5), requires_grad=False)
        self.shift = nn.Parameter(torch.tensor(0.1))

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return self.scale * (output - target - self.shift).square()


def test_a_parameter_that_is_not_to_be_trained_is_not_offered_for_training() -> None:
    losses = [Fixed() for _ in range(4)]
    made = objectives(losses, data(losses)[1])
    assert [name for name, stack in made.tensors().items() if stack.requires_grad] == ["shift"]


@pytest.mark.parametrize("count", [1, 2, 40])
@pytest.mark.parametrize("loss", [Gaussian, Relative, CountsCalls])
def test_one_training_or_many_make_no_difference(loss: type[Loss], count: int) -> None:
    losses = doubled([loss() for _ in range(count)])
    outputs = losses[0].outputs(1)
    output, target = data(losses, outputs)
    assert_same(at_once(objectives(losses, target, outputs), output, target), by_loop(losses, output, target))
