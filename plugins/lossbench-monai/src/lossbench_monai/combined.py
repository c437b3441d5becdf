"""MONAI's sums of an overlap and a loss of each voxel: one value for all targets of a batch."""

from __future__ import annotations

import monai.losses

from lossbench.loss import Kind
from lossbench_monai.volume import BY_SIGMOID, BY_SOFTMAX, VolumeLoss

DICE_CE = "λ_dice Dice + λ_ce cross-entropy; monai.losses.DiceCELoss"
DICE_FOCAL = "λ_dice Dice + λ_focal focal; monai.losses.DiceFocalLoss"
GENERALIZED = "λ_gdl generalized Dice + λ_focal focal; monai.losses.GeneralizedDiceFocalLoss"
UNITS = {"gamma": "power of 1 - p", "alpha": "weight of a positive, against 1 - alpha of a negative"}


class BinaryDiceCE(VolumeLoss):
    """Asks for the overlap and the probability at once: MONAI's `DiceCELoss` of one channel.

    lambda_dice times Dice plus lambda_ce times the mean binary cross-entropy. logit: [n]; target: [n] in {0, 1}.
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
    """Asks for the overlap and the probability at once: MONAI's `DiceCELoss` of one channel a class.

    lambda_dice times Dice plus lambda_ce times the mean cross-entropy. logits: [n, classes]; target: [n] int.
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
    """Asks for the overlap, and for each target where it is still unsure: MONAI's `DiceFocalLoss` of one channel.

    lambda_dice times Dice plus lambda_focal times the mean focal loss. logit: [n]; target: [n] in {0, 1}.
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
    """Asks for the overlap, and for each class where it is still unsure: MONAI's `DiceFocalLoss`, a channel a class.

    lambda_dice times Dice, by the softmax, plus lambda_focal times the mean focal loss, each class against the rest by
    its sigmoid. logits: [n, classes]; target: [n] int.
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
    """Asks for the overlap, and for each target where it is still unsure: MONAI's `GeneralizedDiceFocalLoss`.

    lambda_gdl times the generalized Dice plus lambda_focal times the mean focal loss. logit: [n]; target: [n] in
    {0, 1}.
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
    """Asks for the overlap, rare classes by a larger weight, and for each: MONAI's `GeneralizedDiceFocalLoss`.

    lambda_gdl times the generalized Dice plus lambda_focal times the mean focal loss, each class against the rest by
    its sigmoid. logits: [n, classes]; target: [n] int.
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
