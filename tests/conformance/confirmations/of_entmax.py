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
@confirms("left_out_may_be_nan", *MAKES)
def its_own_ignore_index_is_an_index(name: str, kind: str) -> str:
    loss = MAKES[name](ignore_index=-100)
    try:
        loss(Z, torch.tensor([0, -100]))
    except (RuntimeError, IndexError) as error:
        return f"a target of -100 with ignore_index=-100 ends in {type(error).__name__}: it is looked up as a class"
    raise AssertionError("it is ignored")


@confirms("bad_parameters_are_refused", "entmax_bisect")
def nan_is_an_alpha(name: str, kind: str) -> str:
    assert entmax.EntmaxBisectLoss(alpha=math.nan)(Z, Y).isnan().any()
    return "alpha=nan is taken, and makes NaN"


@confirms("finite_at_extremes", "entmax_bisect")
def large_logits_are_nan_in_bfloat16(name: str, kind: str) -> str:
    found = float(entmax.EntmaxBisectLoss()(torch.tensor([[9984.0, 1.0, 0.0]]).bfloat16(), torch.tensor([0])))
    assert math.isnan(found)
    return f"logits 9984, 1, 0 in bfloat16: {found}"
