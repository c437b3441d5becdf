"""The layout that MONAI expects, and how its set losses are called with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from lossbench.loss import Loss

IGNORED = -1
"""The label of voxels that MONAI ignores."""


def volume(values: Tensor) -> Tensor:
    """[n] or [n, classes] as MONAI's (batch, channels, voxels): one volume of n voxels, classes in channels."""
    return values[None, None] if values.ndim == 1 else values.T[None]


class VolumeLoss(Loss):
    """A loss of MONAI that judges a volume as a whole. Abstract: a subclass states its kind and how logits are read."""

    pointwise = False
    reads: ClassVar[dict[str, bool]]
    """`BY_SIGMOID` or `BY_SOFTMAX`: by default MONAI's losses take probabilities, not logits."""

    def __init__(self, make: Callable[..., nn.Module], **params: Any) -> None:
        super().__init__()
        for name, value in params.items():
            setattr(self, name, value)
        self.given = params
        self.whole = make(**self.reads, **params)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return self.whole(volume(output), volume(target))


BY_SIGMOID = {"sigmoid": True}
BY_SOFTMAX = {"softmax": True, "to_onehot_y": True}


def ignoring(target: Tensor, mask: Tensor) -> Tensor:
    """The target, with `IGNORED` where the mask is false."""
    return torch.where(mask, target, IGNORED)
