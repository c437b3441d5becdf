"""What the kit found in other people's losses and somebody confirmed by calling the library itself, without the kit.

(distribution of the plugin, loss or "*", law): how it was confirmed. Only these findings are printed.
"""

from __future__ import annotations

KERAS, KORNIA, ENTMAX, MONAI = "lossbench-keras", "lossbench-kornia", "lossbench-entmax", "lossbench-monai"
CLIPPED = "called with sigmoid or softmax of the logits: gradient .99 at a logit wrong by 5, 0 (focal 7e-8) at 20"
LEVEL = (
    "called at the same logits: 16.118, minus the logarithm of the 1e-7 that probabilities are clipped at (focal of "
    "classes: a quarter, 4.0295)"
)

CONFIRMED: dict[tuple[str, str, str], str] = {
    **{
        (KERAS, name, "wrong_answers_pull"): CLIPPED for name in ("keras_bce", "keras_cce", "keras_scce", "keras_focal")
    },
    **{(KERAS, name, "bounded_as_declared"): LEVEL for name in ("keras_bce", "keras_cce", "keras_scce", "keras_focal")},
    (KERAS, "*", "precision_is_kept"): "mean squared error of two float64 tensors is float32 (its floatx)",
    (KERAS, "keras_tversky", "parameters_pull_as_declared"): (
        "y = 1 1 1 0, p = .9 .3 .4 .2, alpha = 1, beta = .5: .4839, which is 1 - TP/(TP + beta FP + alpha FN), not .36 "
        "by alpha FP and beta FN as its documentation has it"
    ),
    (KERAS, "keras_dice", "native_mean_is_the_mean"): (
        "the same y and p with the last two masked by _keras_mask: 1/6, of the first two alone 1/4: the mask scales "
        "what was pooled over all four"
    ),
    (KERAS, "keras_gce", "gradient_is_never_nan"): "softmax of (100, 1, -100), label 2: value 2, gradient NaN",
    (KERAS, "keras_msle", "wrong_answers_pull"): "prediction -20, target 1: value .48, gradient 0 (clipped at 0)",
    (KERAS, "keras_mse", "left_out_may_be_nan"): "sample_weight (1, 0) with infinity in the second row: NaN",
    (KORNIA, "kornia_focal", "native_mean_is_the_mean"): (
        "four rows, two of them ignored: .0092 where the other two alone have .0183: divided by all four"
    ),
    (MONAI, "monai_focal", "native_mean_is_the_mean"): (
        "four voxels of three classes, two of them ignored: .0550 where the other two alone have .0183, three times it"
    ),
    (ENTMAX, "*", "native_mean_is_the_mean"): "Entmax15Loss with its own ignore_index of -100: index out of bounds",
}


def confirmation(distribution: str, loss: str, law: str) -> str | None:
    """How a finding was confirmed; None where nobody has."""
    return CONFIRMED.get((distribution, loss, law)) or CONFIRMED.get((distribution, "*", law))
