"""What was seen of entmax's losses by calling entmax alone."""

from __future__ import annotations

import math
from typing import Any

import entmax
import torch

from tests.conformance.confirmations import confirms
from tests.conformance.confirmations.ways import compiled, mapped

MAKES: dict[str, Any] = {
    "entmax_15": entmax.Entmax15Loss,
    "entmax_sparsemax": entmax.SparsemaxLoss,
    "entmax_bisect": entmax.EntmaxBisectLoss,
}
Z, Y = torch.tensor([[2.0, 0.0, -1.0], [0.5, -0.5, 1.0]]), torch.tensor([0, 1])


@confirms("compiles_as_one_graph", *MAKES)
def torch_compile_gives_up(name: str, kind: str) -> str:
    return compiled(MAKES[name](), Z.clone().requires_grad_(), Y)


@confirms("maps_over_batches", *MAKES)
def vmap_gives_up(name: str, kind: str) -> str:
    return mapped(MAKES[name](), Z, Y)


@confirms("native_mean_is_the_mean", *MAKES)
@confirms("left_out_makes_no_difference", *MAKES)
def its_own_ignore_index_is_an_index(name: str, kind: str) -> str:
    told = "it is ignored"
    try:
        MAKES[name](ignore_index=-100)(Z, torch.tensor([0, -100]))
    except (RuntimeError, IndexError) as error:
        told = f"{type(error).__name__}: {error}"
    assert "-100 is out of bounds" in told, told
    return f"a target of -100 with ignore_index=-100, its default, ends in {told}"


@confirms("left_out_may_be_nan", *MAKES)
def nan_at_an_ignored_class_is_not_ignored(name: str, kind: str) -> str:
    """By ignore_index=0, a class: the only sort of label that entmax can ignore."""
    z = torch.stack([Z[0], torch.full((3,), math.nan)]).requires_grad_()
    told = "a row of NaN whose target is ignore_index, a class"
    try:
        value = MAKES[name](ignore_index=0)(z, torch.tensor([1, 0]))
    except (RuntimeError, IndexError) as error:
        return f"{told}: {type(error).__name__}, {error}"
    (slope,) = torch.autograd.grad(value, z)
    assert slope[1].isnan().all()
    return f"{told}: its gradient is {float(slope[1, 0])}, though the mean is {value.item():.3g}"


@confirms("bad_parameters_are_refused", "entmax_bisect")
def nan_is_an_alpha(name: str, kind: str) -> str:
    found = float(entmax.EntmaxBisectLoss(alpha=math.nan)(Z, Y))
    assert math.isnan(found)
    return f"alpha=nan is taken, and the loss is {found}"


@confirms("finite_at_extremes", "entmax_bisect")
def large_logits_are_nan_in_bfloat16(name: str, kind: str) -> str:
    z, y = torch.tensor([[9984.0, 1.0, 0.0]]), torch.tensor([0])
    found, right = float(entmax.EntmaxBisectLoss()(z.bfloat16(), y)), float(entmax.EntmaxBisectLoss()(z.double(), y))
    assert math.isnan(found)
    assert math.isfinite(right)
    return f"logits 9984, 1, 0 in bfloat16, target 0: {found}, where it is {right:.3g} in float64"


@confirms("low_precision_is_right", "entmax_15")
def small_losses_are_differences_of_larger_numbers(name: str, kind: str) -> str:
    """Held against what the law excuses, and against the same loss of the same p in float32, summed in another way."""
    generator = torch.Generator().manual_seed(1)
    z, y = torch.randn(20000, 3, generator=generator), torch.randint(0, 3, (20000,), generator=generator)
    loss, exact = entmax.Entmax15Loss(reduction="none"), z.double().requires_grad_()
    right = loss(exact, y)
    (slope,) = torch.autograd.grad(right.sum(), exact)
    right = right.detach()
    rounded = 8 * (right + (slope * z).abs().sum(1)) + z.abs().amax(1)
    excused = torch.finfo(torch.float32).eps * rounded
    found = loss(z, y)
    p = entmax.entmax15(z, dim=-1)
    p = p / p.sum(1, keepdim=True)
    other = (p * (1 - p.sqrt())).sum(1) / 0.75 + (p * (z - z.gather(1, y[:, None]))).sum(1)
    far, better = ((one.double() - right).abs() / excused for one in (found, other))
    assert far.max() > 1.2 > 1 > better.max()
    worst = int(far.argmax())
    return (
        f"{float(found[worst]):.7g} where {float(right[worst]):.7g} is right, the worst of 20,000 random rows in "
        f"float32: {float(far.max()):.2g} times what roundings excuse; summed as p(1 - √p) and p(z - z_y), at most "
        f"{float(better.max()):.2g} times"
    )
