"""What was seen of kornia's losses by calling kornia alone."""

from __future__ import annotations

import math
from typing import Any

import torch
from kornia import losses
from torch import Tensor

from tests.conformance.confirmations import confirms
from tests.conformance.confirmations.ways import mapped

Z = torch.tensor([[2.0, 0.0, -1.0], [0.5, -0.5, 1.0], [0.0, 3.0, 1.0], [-1.0, 0.0, 2.0]])
Y = torch.tensor([0, 1, 2, 0])
IMAGE, LABELS = Z.T[None, :, None], Y[None, None]
"""The same four rows as the pixels of an image, [1, classes, 1, 4] and [1, 1, 4]."""


def called(name: str, kind: str) -> tuple[Any, Tensor, Tensor]:
    """kornia's loss as its users call it, with answers and targets of its layout."""
    match name, kind:
        case "kornia_focal", "binary":
            return losses.BinaryFocalLossWithLogits(0.25, reduction="mean"), Z[:, :1], Y[:, None].clamp(max=1).float()
        case "kornia_focal", _:
            return losses.FocalLoss(None, 2.0, reduction="mean"), Z, Y
        case "kornia_dice", _:
            return losses.DiceLoss(), IMAGE, LABELS
        case "kornia_lovasz", _:
            return losses.LovaszSoftmaxLoss(), IMAGE, LABELS
    return losses.TverskyLoss(0.3, 0.7), IMAGE, LABELS


@confirms("maps_over_batches", *(f"kornia_{name} (classes)" for name in ("dice", "lovasz", "tversky")))
def vmap_gives_up(name: str, kind: str) -> str:
    return mapped(*called(name, kind))


@confirms("bad_parameters_are_refused", "kornia_dice", "kornia_focal", "kornia_tversky")
def nan_is_a_parameter(name: str, kind: str) -> str:
    _, z, y = called(name, kind)
    loss: Any = {
        "kornia_dice": lambda: losses.DiceLoss(eps=math.nan),
        "kornia_tversky": lambda: losses.TverskyLoss(math.nan, 0.7),
        "kornia_focal": lambda: (
            losses.FocalLoss(math.nan) if kind == "classes" else losses.BinaryFocalLossWithLogits(math.nan)
        ),
    }[name]()
    assert loss(z, y).isnan().any()
    return f"{'eps' if name == 'kornia_dice' else 'alpha'}=nan is taken, and makes NaN"


@confirms("left_out_may_be_nan", "kornia_dice", "kornia_focal (binary)", "kornia_tversky")
def infinity_at_an_ignored_target_makes_nan(name: str, kind: str) -> str:
    loss, z, y = called(name, kind)
    y, z = y.clone(), z.clone()
    y.view(-1)[-1] = -100
    z[..., -1] = math.inf if z.ndim == 4 else z[..., -1]
    if z.ndim == 2:
        z[-1] = math.inf
    assert math.isnan(float(loss(z, y)))
    return "infinity in a row whose target is -100, kornia's ignore_index: the mean is NaN"


@confirms("native_mean_is_the_mean", "kornia_focal")
def ignored_targets_are_counted_in_the_mean(name: str, kind: str) -> str:
    loss, z, y = called(name, kind)
    alone = float(loss(z[:2], y[:2]))
    y = y.clone()
    y[2:] = -100
    found = float(loss(z, y))
    assert math.isclose(found, alone / 2, rel_tol=1e-4)
    return (
        f"four rows, two of them ignored: {found:.4f} where the other two alone have {alone:.4f}: divided by all four"
    )


@confirms("special_cases_are_equal", "kornia_focal (classes)")
def the_mean_is_over_rows_and_classes(name: str, kind: str) -> str:
    found = float(losses.FocalLoss(None, 0.0, reduction="mean")(Z, Y))
    right = float(torch.nn.functional.cross_entropy(Z, Y))
    assert math.isclose(found, right / 3, rel_tol=1e-4)
    return f"gamma = 0, three classes: {found:.4f}, a third of the cross-entropy's {right:.4f}: a mean over classes too"


@confirms("rows_stay_apart", "kornia_dice")
def over_pixels_of_softmax_it_is_their_mean(name: str, kind: str) -> str:
    loss, z, y = called(name, kind)
    whole = float(loss(z, y))
    rows = sum(float(loss(z[..., r : r + 1], y[..., r : r + 1])) for r in range(4)) / 4
    assert math.isclose(whole, rows, rel_tol=1e-4)
    return f"four pixels, average micro: {whole:.4f}, the mean of the pixels' own values {rows:.4f}"
