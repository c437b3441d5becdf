"""The optimizers of many trainings at once, each training held against torch's own optimizer on it alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from lossbench.training.optimizers import OPTIMIZERS, StackedOptimizer

TORCHS: dict[str, Callable[[list[nn.Parameter], float], torch.optim.Optimizer]] = {
    "adamw": lambda parameters, rate: torch.optim.AdamW(parameters, lr=rate, weight_decay=0),
    "sgd": lambda parameters, rate: torch.optim.SGD(parameters, lr=rate),
}
RATES = (0.3, 1e-3, 0.05, 1e-5, 0.01, 0.0)
SHAPES = ((5, 3), (5,), (17, 2), (1, 4), ())
"""Of the parameters of one training: none fills a cache line, one is a single number."""
STEPS = 50

Loss = Callable[[Sequence[Tensor]], Tensor]
"""Parameters of one training, or [R, ...] of all, to a loss [] or [R]."""


def started(count: int, dtype: torch.dtype = torch.double) -> list[Tensor]:
    """[count, ...] of each shape."""
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(count, *shape, generator=generator, dtype=torch.double).to(dtype) for shape in SHAPES]


def bowl(step: int) -> Loss:
    """A loss that changes from step to step, curved differently in each direction, linear far out."""

    def value(parameters: Sequence[Tensor]) -> Tensor:
        total = torch.zeros((), dtype=parameters[0].dtype)
        for number, (parameter, shape) in enumerate(zip(parameters, SHAPES, strict=True)):
            size = max(1, torch.Size(shape).numel())
            curvature = 10.0 ** torch.linspace(-3, 1, size, dtype=parameter.dtype).view(shape)
            away = parameter - torch.sin(torch.tensor(step + number, dtype=parameter.dtype))
            each = curvature * torch.sqrt(1 + away.square())
            total = total + each.flatten(each.ndim - len(shape)).sum(-1) if shape else total + each
        return total

    return value


def together(
    kind: str,
    rates: Sequence[float] = RATES,
    *,
    steps: int = STEPS,
    clip_norm: float | None = None,
    loss: Callable[[int], Loss] = bowl,
    leave: dict[int, list[int]] | None = None,
    dtype: torch.dtype = torch.double,
) -> list[Tensor]:
    """Parameters after so many steps; `leave[step]` says who goes on from that step."""
    parameters = [nn.Parameter(tensor) for tensor in started(len(rates), dtype)]
    optimizer: StackedOptimizer = OPTIMIZERS[kind](parameters, torch.tensor(rates, dtype=torch.double), clip_norm)
    for step in range(steps):
        if leave and step in leave:
            optimizer.keep(torch.tensor(leave[step]))
        optimizer.backward(loss(step)(parameters).sum())
        optimizer.step()
    return [parameter.detach() for parameter in parameters]


def apart(
    kind: str,
    rates: Sequence[float] = RATES,
    *,
    steps: int = STEPS,
    clip_norm: float | None = None,
    loss: Callable[[int], Loss] = bowl,
    dtype: torch.dtype = torch.double,
) -> list[Tensor]:
    """The same by torch, one training after the other."""
    ends = []
    for place, rate in enumerate(rates):
        parameters = [nn.Parameter(tensor[place].clone()) for tensor in started(len(rates), dtype)]
        optimizer = TORCHS[kind](parameters, rate)
        for step in range(steps):
            optimizer.zero_grad()
            loss(step)(parameters).backward()
            if clip_norm is not None:
                nn.utils.clip_grad_norm_(parameters, clip_norm)
            optimizer.step()
        ends.append(parameters)
    return [torch.stack([own[number].detach() for own in ends]) for number in range(len(SHAPES))]


def assert_same(found: Sequence[Tensor], wanted: Sequence[Tensor], within: float = 1e-12) -> None:
    for mine, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=within, atol=within)


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_each_training_moves_as_torchs_optimizer_moves_it_at_its_own_rate(kind: str) -> None:
    found, start = together(kind), started(len(RATES))
    assert_same(found, apart(kind))
    moved = torch.cat([(a - b).abs().reshape(len(RATES), -1) for a, b in zip(found, start, strict=True)], 1).amax(1)
    assert moved[-1] == 0  # at a rate of 0
    assert (moved[:-1] > 1e-5).all()


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_in_float32_the_difference_is_one_of_rounding(kind: str) -> None:
    rates = (1e-2, 1e-3, 3e-3, 1e-4)
    found = together(kind, rates, dtype=torch.float32)
    assert all(tensor.dtype is torch.float32 for tensor in found)
    assert_same(found, apart(kind, rates, dtype=torch.float32), within=1e-5)


@pytest.mark.parametrize("clip_norm", [0.1, 5.0, 1e6])
@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_gradients_are_clipped_as_torch_clips_those_of_one_training(kind: str, clip_norm: float) -> None:
    found = together(kind, clip_norm=clip_norm)
    assert_same(found, apart(kind, clip_norm=clip_norm))
    assert all(torch.equal(a, b) for a, b in zip(found, together(kind), strict=True)) == (clip_norm == 1e6)


def test_a_steep_training_is_clipped_and_a_flat_one_beside_it_is_not() -> None:
    parameter = nn.Parameter(torch.zeros(3, 4, dtype=torch.double))
    optimizer = OPTIMIZERS["sgd"]([parameter], torch.ones(3, dtype=torch.double), 1.0)
    slopes = torch.tensor([[3.0, 4.0, 0.0, 0.0], [0.3, 0.4, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]], dtype=torch.double)
    optimizer.backward((parameter * slopes).sum())
    optimizer.step()
    wanted = -torch.tensor([[0.6, 0.8, 0, 0], [0.3, 0.4, 0, 0], [0, 0, 0, 0]], dtype=torch.double)
    torch.testing.assert_close(parameter.detach(), wanted, rtol=1e-6, atol=0)  # torch adds 1e-6 to a norm


@pytest.mark.parametrize("clip_norm", [None, 0.5])
@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_who_stays_moves_to_the_last_digit_as_if_nobody_had_left(kind: str, clip_norm: float | None) -> None:
    whole = together(kind, clip_norm=clip_norm)
    # first 1 and 4 leave, then of those who stayed the second and the last
    cut = together(kind, clip_norm=clip_norm, leave={10: [0, 2, 3, 5], 31: [0, 2]})
    assert all(torch.equal(a[[0, 3]], b) for a, b in zip(whole, cut, strict=True))


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_a_training_that_became_nan_leaves_the_others_as_they_are(kind: str) -> None:
    def broken(step: int) -> Loss:
        weights = torch.tensor([1.0, 1.0, float("nan") if step > 3 else 1.0, 1.0, 1.0, 1.0], dtype=torch.double)
        return lambda parameters: bowl(step)(parameters) * weights

    found, healthy = together(kind, loss=broken, clip_norm=1.0), together(kind, clip_norm=1.0)
    others = [0, 1, 3, 4, 5]
    for mine, theirs in zip(found, healthy, strict=True):
        assert mine[2].isnan().all()
        assert torch.equal(mine[others], theirs[others])


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_a_parameter_without_a_gradient_is_one_whose_gradient_is_zero(kind: str) -> None:
    def without_the_second(step: int) -> Loss:
        return lambda parameters: bowl(step)([parameters[0], torch.zeros_like(parameters[1]), *parameters[2:]])

    def with_zeros(step: int) -> Loss:
        return lambda parameters: bowl(step)([parameters[0], 0 * parameters[1], *parameters[2:]])

    found = together(kind, loss=without_the_second)
    assert torch.equal(found[1], started(len(RATES))[1])
    assert_same(found, apart(kind, loss=with_zeros))


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_a_gradient_that_comes_and_goes_is_zero_while_it_is_away(kind: str) -> None:
    def now_and_then(step: int, *, zeros: bool) -> Loss:
        def value(parameters: Sequence[Tensor]) -> Tensor:
            absent = 0 * parameters[1] if zeros else torch.zeros_like(parameters[1])
            return bowl(step)([parameters[0], parameters[1] if step % 3 else absent, *parameters[2:]])

        return value

    found = together(kind, loss=lambda step: now_and_then(step, zeros=False))
    assert_same(found, apart(kind, loss=lambda step: now_and_then(step, zeros=True)))


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_parameters_that_are_not_to_be_trained_stay(kind: str) -> None:
    fixed, moved = nn.Parameter(torch.ones(3, 2), requires_grad=False), nn.Parameter(torch.ones(3, 2))
    optimizer = OPTIMIZERS[kind]([fixed, moved], torch.full((3,), 0.1, dtype=torch.double))
    optimizer.backward((fixed * moved).sum())
    optimizer.step()
    assert torch.equal(fixed.detach(), torch.ones(3, 2))
    assert (moved < 1).all()


def test_every_tensor_of_every_training_begins_where_a_cache_line_begins() -> None:
    for dtype in (torch.float32, torch.double):
        parameters = [nn.Parameter(tensor) for tensor in started(5, dtype)]
        OPTIMIZERS["adamw"](parameters, torch.ones(5, dtype=torch.double))
        places = sorted(parameter[row].data_ptr() for parameter in parameters for row in range(5))
        assert all(place % 64 == 0 for place in places)
        assert all(a < b for a, b in pairwise(places))
