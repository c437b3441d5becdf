"""What was seen of the losses of imbalanced-losses by calling the library alone."""

from __future__ import annotations

import math
from typing import Any

import imbalanced_losses as library
import torch
from torch import Tensor

from tests.conformance.confirmations import confirms
from tests.conformance.confirmations.ways import compiled, elsewhere, mapped

RANKINGS: dict[str, Any] = {
    "imbalanced_smooth_ap": library.SmoothAPLoss,
    "imbalanced_recall_at_quantile": library.RecallAtQuantileLoss,
    "imbalanced_pauc_at_budget": library.PAUCAtBudgetLoss,
}
QUANTILES = ("imbalanced_recall_at_quantile", "imbalanced_pauc_at_budget")


def ranked(kind: str, rows: int = 12) -> tuple[Tensor, Tensor]:
    """Logits [rows, 1] or [rows, 3] in no order, and labels, a third of them positive."""
    classes = 1 if kind == "binary" else 3
    z = torch.randn(rows, classes, generator=torch.Generator().manual_seed(0))
    return z, (torch.arange(rows) % 3 == 0).long() if kind == "binary" else torch.arange(rows) % 3


def made(name: str, kind: str, **params: Any) -> Any:
    return RANKINGS[name](1 if kind == "binary" else 3, **params)


@confirms("calls_leave_no_trace", *RANKINGS)
def a_call_is_kept_for_the_next(name: str, kind: str) -> str:
    loss, (z, y) = made(name, kind), ranked(kind)
    before = {key: value.clone() for key, value in loss.state_dict().items()}
    loss(z, y)
    changed = [key for key, value in loss.state_dict().items() if not torch.equal(value, before[key])]
    assert changed
    return f"a call changes its buffers {', '.join(sorted(changed)[:2])}: a queue of earlier batches"


@confirms("compiles_as_one_graph", *RANKINGS)
def torch_compile_gives_up(name: str, kind: str) -> str:
    return compiled(made(name, kind), *ranked(kind))


@confirms("maps_over_batches", *RANKINGS)
def vmap_gives_up(name: str, kind: str) -> str:
    return mapped(made(name, kind), *ranked(kind))


@confirms("works_on_any_device", *RANKINGS)
def inputs_elsewhere_are_not_followed(name: str, kind: str) -> str:
    return elsewhere(made(name, kind).to("meta"), *ranked(kind))


@confirms("bad_parameters_are_refused", *RANKINGS)
def nan_is_a_temperature(name: str, kind: str) -> str:
    loss = made(name, kind, temperature=math.nan)
    assert loss(*ranked(kind)).isnan().any() or math.isnan(loss.temperature)
    return "temperature=nan is taken"


@confirms("bad_parameters_are_refused", "imbalanced_focal")
def nan_is_a_gamma(name: str, kind: str) -> str:
    make = library.SigmoidFocalLoss if kind == "binary" else library.SoftmaxFocalLoss
    make(gamma=math.nan)
    return "gamma=nan is taken"


@confirms("left_out_may_be_nan", "imbalanced_focal (binary)")
def infinity_without_a_weight_makes_nan(name: str, kind: str) -> str:
    z, y = torch.tensor([0.5, math.inf]), torch.tensor([1.0, 0.0])
    found = float(library.SigmoidFocalLoss()(z, y, sample_weight=torch.tensor([1.0, 0.0])))
    assert math.isnan(found)
    return "sample_weight (1, 0) with an infinite logit in the second row: the mean is NaN"


@confirms("left_out_may_be_nan", "imbalanced_focal (classes)")
def infinity_at_an_ignored_target_makes_nan(name: str, kind: str) -> str:
    z = torch.tensor([[0.5, 0.0, 1.0], [math.inf, 0.0, 0.0]], requires_grad=True)
    value = library.SoftmaxFocalLoss()(z, torch.tensor([0, -100]))
    (slope,) = torch.autograd.grad(value, z)
    assert value.isnan() or slope.isnan().any()
    return "an infinite logit in a row whose target is -100, its ignore_index: the mean or its gradient is NaN"


@confirms("finite_at_extremes", *QUANTILES)
@confirms("gradient_is_never_nan", *QUANTILES)
@confirms("low_precision_is_right", *QUANTILES)
@confirms("mixed_precision_trains", *QUANTILES)
def half_precision_is_an_error(name: str, kind: str) -> str:
    z, y = ranked(kind)
    try:
        made(name, kind)(z.bfloat16(), y)
    except RuntimeError as error:
        return f"logits in bfloat16 end in {type(error).__name__}: torch.quantile takes float32 and float64 alone"
    raise AssertionError("it takes bfloat16")
