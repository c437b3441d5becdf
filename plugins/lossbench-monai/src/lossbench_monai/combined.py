"""MONAI's sums of an overlap loss and a loss per voxel: one value for all targets of a batch."""

from __future__ import annotations

import monai.losses

from lossbench.loss import Kind
from lossbench_monai.volume import BY_SIGMOID, BY_SOFTMAX, VolumeLoss

DICE_CE = "λ_dice Dice + λ_ce cross-entropy; monai.losses.DiceCELoss"
DICE_FOCAL = "λ_dice Dice + λ_focal focal; monai.losses.DiceFocalLoss"
GENERALIZED = "λ_gdl generalized Dice + λ_focal focal; monai.losses.GeneralizedDiceFocalLoss"
UNITS = {"gamma": "exponent of 1 - p", "alpha": "weight of a positive; of a negative: 1 - alpha"}


class BinaryDiceCE(VolumeLoss):
    """Overlap and probability at once: Dice plus cross-entropy (MONAI's `DiceCELoss`, one channel).

    lambda_dice · Dice + lambda_ce · mean binary cross-entropy.

    Args:
        lambda_dice: weight of Dice.
        lambda_ce: weight of the cross-entropy.

    Shape: logit [n], target [n] of 0 and 1; returns one value [].
    """

    kind = Kind.BINARY
    reads = BY_SIGMOID
    elicits = "distorted probability"
    bounded, zero, monotone = False, True, True
    special_cases = {"lambda_dice=0": "bce"}
    reference = DICE_CE

    def __init__(self, lambda_dice: float = 1.0, lambda_ce: float = 1.0) -> None:
        super().__init__(monai.losses.DiceCELoss, lambda_dice=lambda_dice, lambda_ce=lambda_ce)


class ClassesDiceCE(VolumeLoss):
    """Overlap and probability at once: Dice plus cross-entropy (MONAI's `DiceCELoss`, one channel per class).

    lambda_dice · Dice + lambda_ce · mean cross-entropy.

    Args:
        include_background: whether the first class counts.
        lambda_dice: weight of Dice.
        lambda_ce: weight of the cross-entropy.
        label_smoothing: share of the label that is spread evenly over all classes, in the cross-entropy only.

    Shape: logits [n, classes], target [n] int; returns one value [].
    """

    kind = Kind.CLASSES
    reads = BY_SOFTMAX
    elicits = "distorted probability"
    bounded = False
    special_cases = {"lambda_dice=0": "cross_entropy"}
    reference = DICE_CE
    units = {"label_smoothing": "share of the label spread over all classes, in the cross-entropy alone"}

    def __init__(
        self,
        include_background: bool = True,
        lambda_dice: float = 1.0,
        lambda_ce: float = 1.0,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(
            monai.losses.DiceCELoss,
            include_background=include_background,
            lambda_dice=lambda_dice,
            lambda_ce=lambda_ce,
            label_smoothing=label_smoothing,
        )

    @property
    def zero(self) -> bool:
        return self.label_smoothing == 0


class BinaryDiceFocal(VolumeLoss):
    """Dice plus focal loss, for overlap and for examples that are still uncertain (MONAI's `DiceFocalLoss`, one
    channel).

    lambda_dice · Dice + lambda_focal · mean focal loss.

    Args:
        gamma: focus on uncertain examples: exponent of 1 - p; 0 is the cross-entropy.
        lambda_dice: weight of Dice.
        lambda_focal: weight of the focal loss.
        alpha: weight of a positive; a negative weighs 1 - alpha. None weighs both 1.

    Shape: logit [n], target [n] of 0 and 1; returns one value [].
    """

    kind = Kind.BINARY
    reads = BY_SIGMOID
    elicits = "distorted probability"
    bounded, zero, monotone = False, True, True
    special_cases = {"lambda_dice=0": "focal"}
    raises = {"alpha": "positives"}
    reference = DICE_FOCAL
    units = UNITS

    def __init__(
        self, gamma: float = 2.0, lambda_dice: float = 1.0, lambda_focal: float = 1.0, alpha: float | None = None
    ) -> None:
        super().__init__(
            monai.losses.DiceFocalLoss, gamma=gamma, lambda_dice=lambda_dice, lambda_focal=lambda_focal, alpha=alpha
        )


class ClassesDiceFocal(VolumeLoss):
    """Dice plus focal loss, for overlap and for examples that are still uncertain (MONAI's `DiceFocalLoss`, one channel
    per class).

    lambda_dice · Dice, by the softmax, + lambda_focal · mean focal loss, one-vs-rest by sigmoids.

    Args:
        include_background: whether the first class counts.
        gamma: focus on uncertain examples: exponent of 1 - p; 0 is the cross-entropy.
        lambda_dice: weight of Dice.
        lambda_focal: weight of the focal loss.
        alpha: weight of a positive; a negative weighs 1 - alpha. None weighs both 1.

    Shape: logits [n, classes], target [n] int; returns one value [].
    """

    kind = Kind.CLASSES
    reads = BY_SOFTMAX
    elicits = "distorted probability"
    bounded, zero = False, True
    reference = DICE_FOCAL
    units = UNITS

    def __init__(
        self,
        include_background: bool = True,
        gamma: float = 2.0,
        lambda_dice: float = 1.0,
        lambda_focal: float = 1.0,
        alpha: float | None = None,
    ) -> None:
        super().__init__(
            monai.losses.DiceFocalLoss,
            include_background=include_background,
            gamma=gamma,
            lambda_dice=lambda_dice,
            lambda_focal=lambda_focal,
            alpha=alpha,
        )


class BinaryGeneralizedDiceFocal(VolumeLoss):
    """Generalized Dice plus focal loss (MONAI's `GeneralizedDiceFocalLoss`, one channel).

    lambda_gdl · generalized Dice + lambda_focal · mean focal loss.

    Args:
        gamma: focus on uncertain examples: exponent of 1 - p; 0 is the cross-entropy.
        lambda_gdl: weight of the generalized Dice.
        lambda_focal: weight of the focal loss.

    Shape: logit [n], target [n] of 0 and 1; returns one value [].
    """

    kind = Kind.BINARY
    reads = BY_SIGMOID
    elicits = "distorted probability"
    bounded, zero, monotone = False, True, True
    special_cases = {"lambda_gdl=0": "focal"}
    reference = GENERALIZED
    units = UNITS

    def __init__(self, gamma: float = 2.0, lambda_gdl: float = 1.0, lambda_focal: float = 1.0) -> None:
        super().__init__(
            monai.losses.GeneralizedDiceFocalLoss, gamma=gamma, lambda_gdl=lambda_gdl, lambda_focal=lambda_focal
        )


class ClassesGeneralizedDiceFocal(VolumeLoss):
    """Generalized Dice, in which rare classes weigh more, plus focal loss (MONAI's `GeneralizedDiceFocalLoss`).

    lambda_gdl · generalized Dice + lambda_focal · mean focal loss, one-vs-rest by sigmoids.

    Args:
        include_background: whether the first class counts.
        gamma: focus on uncertain examples: exponent of 1 - p; 0 is the cross-entropy.
        lambda_gdl: weight of the generalized Dice.
        lambda_focal: weight of the focal loss.

    Shape: logits [n, classes], target [n] int; returns one value [].
    """

    kind = Kind.CLASSES
    reads = BY_SOFTMAX
    elicits = "distorted probability"
    bounded, zero = False, True
    reference = GENERALIZED
    units = UNITS

    def __init__(
        self,
        include_background: bool = True,
        gamma: float = 2.0,
        lambda_gdl: float = 1.0,
        lambda_focal: float = 1.0,
    ) -> None:
        super().__init__(
            monai.losses.GeneralizedDiceFocalLoss,
            include_background=include_background,
            gamma=gamma,
            lambda_gdl=lambda_gdl,
            lambda_focal=lambda_focal,
        )


dice_ce = (BinaryDiceCE, ClassesDiceCE)
dice_focal = (BinaryDiceFocal, ClassesDiceFocal)
generalized_dice_focal = (BinaryGeneralizedDiceFocal, ClassesGeneralizedDiceFocal)
