"""MONAI's overlap losses: one value for all targets of a batch, as for the voxels of a volume.

For classes, MONAI computes each class's overlap and takes the mean; `include_background=False` leaves out the first
class.
"""

from __future__ import annotations

import monai.losses
from torch import Tensor

from lossbench.loss import Kind, Range
from lossbench_monai.volume import BY_SIGMOID, BY_SOFTMAX, IGNORED, VolumeLoss, ignoring, volume

SMOOTH = {"smooth_nr": "positives, in the numerator", "smooth_dr": "positives, in the denominator"}
WEIGHTS = {"alpha": "weight of a false positive", "beta": "weight of a false negative"}
DICE = "1 - (2TP + s)/(Σp + Σy + s); Milletari et al. 2016; monai.losses.DiceLoss"
GENERALIZED = "1 - 2 Σ_c w_c TP_c / Σ_c w_c (Σp_c + Σy_c); Sudre et al. 2017; monai.losses.GeneralizedDiceLoss"
TVERSKY = "1 - (TP + s)/(TP + α FP + β FN + s); Salehi et al. 2017; monai.losses.TverskyLoss"


class BinaryDice(VolumeLoss):
    """Overlap of predictions and positives (MONAI's `DiceLoss`, one channel).

    1 - (2 TP + smooth_nr)/(Σ p + Σ y + smooth_dr), p = sigmoid(logit), y the target.

    Args:
        squared_pred: whether the sums in the denominator are of squares.
        jaccard: whether it is the intersection over union instead.
        smooth_nr: positives added to the numerator.
        smooth_dr: positives added to the denominator.

    Shape: logit [n], target [n] of 0 and 1; returns one value [].

    Source: Milletari, Navab and Ahmadi, 3DV 2016.
    """

    kind = Kind.BINARY
    reads = BY_SIGMOID
    elicits = "distorted probability"
    bounded, convex, zero, monotone = True, False, True, True
    reference = DICE
    units = SMOOTH

    def __init__(
        self, squared_pred: bool = False, jaccard: bool = False, smooth_nr: float = 1e-5, smooth_dr: float = 1e-5
    ) -> None:
        super().__init__(
            monai.losses.DiceLoss,
            squared_pred=squared_pred,
            jaccard=jaccard,
            smooth_nr=smooth_nr,
            smooth_dr=smooth_dr,
        )

    def native(self, output: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """By MONAI's `MaskedDiceLoss`."""
        masked = monai.losses.MaskedDiceLoss(**self.reads, **self.given)
        return masked(volume(output), volume(target), mask=volume(mask))


class ClassesDice(VolumeLoss):
    """Overlap of predictions and classes, each class separately (MONAI's `DiceLoss`, one channel per class).

    The mean over classes of 1 - (2 TP + smooth_nr)/(Σ p + Σ y + smooth_dr), p = softmax(logits), y one-hot.

    Args:
        include_background: whether the first class counts.
        squared_pred: whether the sums in the denominator are of squares.
        jaccard: whether it is the intersection over union instead.
        smooth_nr: positives added to the numerator.
        smooth_dr: positives added to the denominator.

    Shape: logits [n, classes], target [n] int; returns one value [].

    Source: Milletari, Navab and Ahmadi, 3DV 2016.
    """

    kind = Kind.CLASSES
    reads = BY_SOFTMAX
    elicits = "distorted probability"
    bounded, convex, zero, monotone = True, False, True, None
    reference = DICE
    units = SMOOTH

    def __init__(
        self,
        include_background: bool = True,
        squared_pred: bool = False,
        jaccard: bool = False,
        smooth_nr: float = 1e-5,
        smooth_dr: float = 1e-5,
    ) -> None:
        super().__init__(
            monai.losses.DiceLoss,
            include_background=include_background,
            squared_pred=squared_pred,
            jaccard=jaccard,
            smooth_nr=smooth_nr,
            smooth_dr=smooth_dr,
        )

    def native(self, output: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """By MONAI's `MaskedDiceLoss`."""
        masked = monai.losses.MaskedDiceLoss(**self.reads, **self.given)
        return masked(volume(output), volume(target), mask=volume(mask))


class BinaryGeneralizedDice(VolumeLoss):
    """Overlap of predictions and positives; for one channel the same as Dice (MONAI's `GeneralizedDiceLoss`).

    1 - (2 w TP + smooth_nr)/(w (Σ p + Σ y) + smooth_dr), p = sigmoid(logit), y the target.

    Args:
        w_type: the weight w: square 1/(Σ y)², simple 1/Σ y, uniform 1.
        smooth_nr: positives added to the numerator.
        smooth_dr: positives added to the denominator.

    Shape: logit [n], target [n] of 0 and 1; returns one value [].

    Source: Sudre et al., DLMIA 2017.
    """

    kind = Kind.BINARY
    reads = BY_SIGMOID
    elicits = "distorted probability"
    bounded, convex, zero, monotone = True, False, True, True
    reference = GENERALIZED
    units = SMOOTH

    def __init__(self, w_type: str = "square", smooth_nr: float = 1e-5, smooth_dr: float = 1e-5) -> None:
        super().__init__(monai.losses.GeneralizedDiceLoss, w_type=w_type, smooth_nr=smooth_nr, smooth_dr=smooth_dr)


class ClassesGeneralizedDice(VolumeLoss):
    """Overlap of predictions and classes, in which rare classes weigh more (MONAI's `GeneralizedDiceLoss`).

    1 - (2 Σ_c w_c TP_c + smooth_nr)/(Σ_c w_c (Σ p_c + Σ y_c) + smooth_dr), p = softmax(logits), y one-hot.

    Args:
        include_background: whether the first class counts.
        w_type: the weights w_c: square 1/(Σ y_c)², simple 1/Σ y_c, uniform 1.
        smooth_nr: positives added to the numerator.
        smooth_dr: positives added to the denominator.

    Shape: logits [n, classes], target [n] int; returns one value [].

    Source: Sudre et al., DLMIA 2017.
    """

    kind = Kind.CLASSES
    reads = BY_SOFTMAX
    elicits = "distorted probability"
    bounded, convex, zero, monotone = True, False, True, None
    reference = GENERALIZED
    units = SMOOTH

    def __init__(
        self,
        include_background: bool = True,
        w_type: str = "square",
        smooth_nr: float = 1e-5,
        smooth_dr: float = 1e-5,
    ) -> None:
        super().__init__(
            monai.losses.GeneralizedDiceLoss,
            include_background=include_background,
            w_type=w_type,
            smooth_nr=smooth_nr,
            smooth_dr=smooth_dr,
        )


class BinaryTversky(VolumeLoss):
    """Overlap with separate weights for false positives and false negatives (MONAI's `TverskyLoss`).

    1 - (TP + smooth_nr)/(TP + alpha FP + beta FN + smooth_dr), soft counts by p = sigmoid(logit).

    Args:
        alpha: weight of false positives.
        beta: weight of false negatives.
        smooth_nr: positives added to the numerator.
        smooth_dr: positives added to the denominator.

    Shape: logit [n], target [n] of 0 and 1; returns one value [].

    Source: Salehi, Erdogmus and Gholipour, MLMI 2017.
    """

    kind = Kind.BINARY
    reads = BY_SIGMOID
    elicits = "distorted probability"
    bounded, convex, zero, monotone = True, False, True, True
    raises = {"alpha": "negatives", "beta": "positives"}
    reference = TVERSKY
    search = {"alpha": Range(0.05, 0.95), "beta": Range(0.05, 0.95)}
    units = {**WEIGHTS, **SMOOTH}

    def __init__(self, alpha: float = 0.5, beta: float = 0.5, smooth_nr: float = 1e-5, smooth_dr: float = 1e-5) -> None:
        super().__init__(monai.losses.TverskyLoss, alpha=alpha, beta=beta, smooth_nr=smooth_nr, smooth_dr=smooth_dr)

    def native(self, output: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """By `ignore_index`."""
        ignores = monai.losses.TverskyLoss(ignore_index=IGNORED, **self.reads, **self.given)
        return ignores(volume(output), volume(ignoring(target, mask)))


class ClassesTversky(VolumeLoss):
    """Overlap of each class, with separate weights for false positives and false negatives (MONAI's `TverskyLoss`).

    The mean over classes of 1 - (TP + smooth_nr)/(TP + alpha FP + beta FN + smooth_dr), p = softmax(logits).

    Args:
        include_background: whether the first class counts.
        alpha: weight of false positives.
        beta: weight of false negatives.
        smooth_nr: positives added to the numerator.
        smooth_dr: positives added to the denominator.

    Shape: logits [n, classes], target [n] int; returns one value [].

    Source: Salehi, Erdogmus and Gholipour, MLMI 2017.
    """

    kind = Kind.CLASSES
    reads = BY_SOFTMAX
    elicits = "distorted probability"
    bounded, convex, zero, monotone = True, False, True, None
    reference = TVERSKY
    search = {"alpha": Range(0.05, 0.95), "beta": Range(0.05, 0.95)}
    units = {**WEIGHTS, **SMOOTH}

    def __init__(
        self,
        include_background: bool = True,
        alpha: float = 0.5,
        beta: float = 0.5,
        smooth_nr: float = 1e-5,
        smooth_dr: float = 1e-5,
    ) -> None:
        super().__init__(
            monai.losses.TverskyLoss,
            include_background=include_background,
            alpha=alpha,
            beta=beta,
            smooth_nr=smooth_nr,
            smooth_dr=smooth_dr,
        )

    def native(self, output: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """By `ignore_index`."""
        ignores = monai.losses.TverskyLoss(ignore_index=IGNORED, **self.reads, **self.given)
        return ignores(volume(output), volume(ignoring(target, mask)))


dice = (BinaryDice, ClassesDice)
generalized_dice = (BinaryGeneralizedDice, ClassesGeneralizedDice)
tversky = (BinaryTversky, ClassesTversky)
