"""What was seen of MONAI's losses by calling MONAI alone."""

from __future__ import annotations

import math
from typing import Any

import monai.losses
import torch
from torch import Tensor

from tests.conformance.confirmations import confirms
from tests.conformance.confirmations.ways import compiled, mapped

MAKES: dict[str, tuple[Any, str]] = {
    "monai_dice": (monai.losses.DiceLoss, "smooth_nr"),
    "monai_dice_ce": (monai.losses.DiceCELoss, "lambda_dice"),
    "monai_dice_focal": (monai.losses.DiceFocalLoss, "gamma"),
    "monai_generalized_dice": (monai.losses.GeneralizedDiceLoss, "smooth_nr"),
    "monai_generalized_dice_focal": (monai.losses.GeneralizedDiceFocalLoss, "gamma"),
    "monai_tversky": (monai.losses.TverskyLoss, "alpha"),
    "monai_focal": (monai.losses.FocalLoss, "gamma"),
}
"""MONAI's classes, and a parameter of each."""
Z = torch.tensor([[2.0, 0.0, -1.0], [0.5, -0.5, 1.0], [0.0, 3.0, 1.0], [-1.0, 0.0, 2.0]])
Y = torch.tensor([0, 1, 2, 0])


def layout(kind: str) -> tuple[Tensor, Tensor]:
    """Four voxels of one volume: logits [1, channels, 4] and labels [1, 1, 4]."""
    return (Z[:, 0][None, None], Y.clamp(max=1)[None, None].float()) if kind == "binary" else (Z.T[None], Y[None, None])


def made(name: str, kind: str, **params: Any) -> Any:
    if name == "monai_focal":
        return monai.losses.FocalLoss(to_onehot_y=kind == "classes", **params)
    reads = {"sigmoid": True} if kind == "binary" else {"softmax": True, "to_onehot_y": True}
    return MAKES[name][0](**reads, **params)


@confirms("compiles_as_one_graph", *(name for name in MAKES if name != "monai_focal"))
def torch_compile_gives_up(name: str, kind: str) -> str:
    return compiled(made(name, kind), *layout(kind))


@confirms("maps_over_batches", *(f"{name} (classes)" for name in MAKES))
@confirms("maps_over_batches", "monai_generalized_dice (binary)", "monai_generalized_dice_focal (binary)")
def vmap_gives_up(name: str, kind: str) -> str:
    return mapped(made(name, kind), *layout(kind))


@confirms("bad_parameters_are_refused", *MAKES)
def nan_is_a_parameter(name: str, kind: str) -> str:
    parameter = MAKES[name][1]
    assert made(name, kind, **{parameter: math.nan})(*layout(kind)).isnan().any()
    return f"{parameter}=nan is taken, and makes NaN"


@confirms("precision_is_kept", "monai_focal")
def doubles_come_back_as_floats(name: str, kind: str) -> str:
    z, y = layout(kind)
    assert made(name, kind)(z.double(), y).dtype is torch.float32
    return "of float64 logits it is float32"


@confirms("gradient_is_the_derivative", "monai_dice_focal", "monai_generalized_dice_focal")
def its_focal_part_is_rounded_to_float32(name: str, kind: str) -> str:
    z, y = layout(kind)
    weight = {"lambda_dice": 0.0} if name == "monai_dice_focal" else {"lambda_gdl": 0.0}
    loss = made(name, kind, **weight)
    here, there = float(loss(z.double(), y)), float(loss(z.double() + 1e-9 * torch.eye(4).double()[0], y))
    assert here == there
    return "of float64 logits its focal part alone does not change when one of them moves by 1e-9: it is float32"


@confirms("native_mean_is_the_mean", "monai_focal (classes)")
def ignored_voxels_change_the_mean_of_the_others(name: str, kind: str) -> str:
    z, y = layout(kind)
    alone = float(made(name, kind)(z[..., :2], y[..., :2]))
    y = y.clone()
    y[..., 2:] = -1
    found = float(made(name, kind, ignore_index=-1)(z, y))
    assert abs(found - alone) > 0.1 * alone
    return f"four voxels, two of them ignored: {found:.4f} where the other two alone have {alone:.4f}"


@confirms("native_mean_is_the_mean", "monai_dice (classes)")
def masked_voxels_count_as_the_background(name: str, kind: str) -> str:
    z, y = layout(kind)
    masked = monai.losses.MaskedDiceLoss(softmax=True, to_onehot_y=True)
    found = float(masked(z, y, mask=torch.tensor([[[1.0, 1.0, 0.0, 0.0]]])))
    alone = float(made(name, kind)(z[..., :2], y[..., :2]))
    assert abs(found - alone) > 1e-3
    return f"four voxels, two of them masked by MaskedDiceLoss: {found:.4f}, the other two alone {alone:.4f}"


@confirms("left_out_may_be_nan", "monai_dice", "monai_tversky", "monai_focal")
def nan_at_a_voxel_left_out_makes_nan(name: str, kind: str) -> str:
    z, y = (x.clone() for x in layout(kind))
    z[..., -1] = math.nan
    if name == "monai_dice":
        reads = {"sigmoid": True} if kind == "binary" else {"softmax": True, "to_onehot_y": True}
        loss: Any = monai.losses.MaskedDiceLoss(**reads)
        found = float(loss(z, y, mask=torch.tensor([[[1.0, 1.0, 1.0, 0.0]]])))
        how = "masked by MaskedDiceLoss"
    else:
        y[..., -1] = -1
        found = float(made(name, kind, ignore_index=-1)(z, y))
        how = "of an ignored target"
    assert math.isnan(found)
    return f"NaN in a voxel {how}: the mean is NaN"


@confirms("special_cases_are_equal", "monai_focal (classes)")
def channels_are_averaged(name: str, kind: str) -> str:
    z, y = layout(kind)
    found = float(made(name, kind, gamma=0.0)(z, y))
    onehot = torch.eye(3)[Y]
    right = float(torch.nn.functional.binary_cross_entropy_with_logits(Z, onehot, reduction="none").sum(1).mean())
    assert math.isclose(found, right / 3, rel_tol=1e-4)
    return f"gamma = 0, three channels: {found:.4f}, a third of their cross-entropies' sum {right:.4f}"
