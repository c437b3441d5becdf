"""Losses of libraries that leave targets out in a way of their own, and wrongly."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, log_softmax

from lossbench.loss import Kind, Loss
from tests.mutants.registry import breaks, crossentropy


@breaks("native_mean_is_the_mean", r"\(the sum over 6 divided by 9\)")
class DividesByAll(Loss):
    """kornia 0.9 focal_loss(ignore_index=...), keras-team/keras#19740, segmentation_models.pytorch#852."""

    kind = Kind.BINARY

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return crossentropy(output, target)

    def native(self, output: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        return torch.where(mask, crossentropy(torch.where(mask, output, 0.0), target), 0.0).mean()


@breaks("left_out_makes_no_difference", "at targets left out moves its mean")
class SmoothsIgnoredTokens(Loss):
    """pytorch/pytorch#73205: the smoothing term counts the tokens that ignore_index leaves out."""

    kind = Kind.CLASSES

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return cross_entropy(output, target, reduction="none", label_smoothing=0.1)

    def native(self, output: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        hard = cross_entropy(output, target.masked_fill(~mask, -100))
        return 0.9 * hard + 0.1 * -log_softmax(output, 1).mean(1).mean()


@breaks("left_out_makes_no_difference", "Targets left out have gradients up to")
class PullsOnWhatIsLeftOut(Loss):
    """The value of what is left out is subtracted again, its gradient is not."""

    kind = Kind.CONTINUOUS

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).abs()

    def native(self, output: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        losses = (output - target).abs()
        return (losses - torch.where(mask, 0.0, losses.detach())).sum() / mask.sum()


@breaks("left_out_may_be_nan", "inf at targets left out makes its mean nan: a mask multiplied after the fact")
class MultipliesItsMask(Loss):
    """ecmwf/WeatherGenerator#2717, pytorch/pytorch#17455: 0 times NaN is NaN."""

    kind = Kind.CONTINUOUS

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).square()

    def native(self, output: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        return ((output - target).square() * mask).sum() / mask.sum()


@breaks("left_out_may_be_nan", "at targets left out makes gradients NaN, though its mean is")
class IgnoresInTheValueAlone(Loss):
    """torch's own cross_entropy(ignore_index): finite with NaN in an ignored row, whose gradient is NaN."""

    kind = Kind.CLASSES

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return cross_entropy(output, target, reduction="none")

    def native(self, output: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        return cross_entropy(output, target.masked_fill(~mask, -100))
