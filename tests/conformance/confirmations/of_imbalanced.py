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
    """Without its queue of earlier batches, so that what is seen is not the queue's doing."""
    return RANKINGS[name](1 if kind == "binary" else 3, queue_size=0, **params)


@confirms("compiles_as_one_graph", *RANKINGS)
def torch_compile_gives_up(name: str, kind: str) -> str:
    return compiled(made(name, kind), *ranked(kind))


@confirms("maps_over_batches", *RANKINGS)
def vmap_gives_up(name: str, kind: str) -> str:
    return mapped(made(name, kind), *ranked(kind))


@confirms("works_on_any_device", *RANKINGS)
def the_meta_device_has_no_numbers_to_look_at(name: str, kind: str) -> str:
    return elsewhere(made(name, kind).to("meta"), *ranked(kind))


@confirms("bad_parameters_are_refused", *RANKINGS)
def nan_is_a_temperature(name: str, kind: str) -> str:
    found = float(made(name, kind, temperature=math.nan)(*ranked(kind)))
    assert math.isnan(found)
    return f"temperature=nan is taken, and the loss is {found}"


@confirms("bad_parameters_are_refused", "imbalanced_focal")
def nan_is_a_gamma(name: str, kind: str) -> str:
    z, y = ranked(kind)
    if kind == "binary":
        found = float(library.SigmoidFocalLoss(gamma=math.nan)(z[:, 0], y.float()))
    else:
        found = float(library.SoftmaxFocalLoss(gamma=math.nan)(z, y))
    assert math.isnan(found)
    return f"gamma=nan is taken, and the loss is {found}"


@confirms("left_out_may_be_nan", "imbalanced_focal (binary)")
def infinity_without_a_weight_makes_nan(name: str, kind: str) -> str:
    z, y = torch.tensor([0.5, math.inf]), torch.tensor([1.0, 0.0])
    alone = float(library.SigmoidFocalLoss()(z[:1], y[:1]))
    found = float(library.SigmoidFocalLoss()(z, y, sample_weight=torch.tensor([1.0, 0.0])))
    assert math.isnan(found)
    assert math.isfinite(alone)
    return (
        f"sample_weight (1, 0) with an infinite logit in the second row: the mean is {found}, where the first row "
        f"alone has {alone:.3g}"
    )


@confirms("left_out_may_be_nan", "imbalanced_focal (classes)")
def infinity_at_an_ignored_target_makes_nan(name: str, kind: str) -> str:
    z, y = torch.tensor([[0.5, 0.0, 1.0], [math.inf, 0.0, 0.0]]), torch.tensor([0, -100])
    alone = float(library.SoftmaxFocalLoss()(z[:1], y[:1]))
    found = float(library.SoftmaxFocalLoss()(z, y))
    assert math.isnan(found)
    assert math.isfinite(alone)
    return (
        f"an infinite logit in a row whose target is -100, its ignore_index: the mean is {found}, where the other row "
        f"alone has {alone:.3g}"
    )


@confirms("finite_at_extremes", *QUANTILES)
@confirms("gradient_is_never_nan", *QUANTILES)
@confirms("low_precision_is_right", *QUANTILES)
@confirms("mixed_precision_trains", *QUANTILES)
def half_precision_is_an_error(name: str, kind: str) -> str:
    z, y = ranked(kind)
    ends = ["it takes them", "it takes them"]
    for place, dtype in enumerate((torch.bfloat16, torch.float16)):
        try:
            made(name, kind)(z.to(dtype), y)
        except RuntimeError as error:
            ends[place] = f"{type(error).__name__}: {error}"
    assert all("quantile() input tensor must be either float or double" in end for end in ends), ends
    return f"logits in bfloat16 or float16 end in {ends[0]}"
