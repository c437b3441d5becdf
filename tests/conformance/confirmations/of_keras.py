"""What was seen of Keras's losses by calling Keras alone, on the torch backend."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import torch
from torch import Tensor

from tests.conformance.confirmations import confirms
from tests.conformance.confirmations.ways import compiled, elsewhere, mapped

LOSSES: dict[str, Any] = {
    "keras_bce": keras.losses.BinaryCrossentropy,
    "keras_focal (binary)": keras.losses.BinaryFocalCrossentropy,
    "keras_hinge": keras.losses.Hinge,
    "keras_squared_hinge": keras.losses.SquaredHinge,
    "keras_dice (binary)": keras.losses.Dice,
    "keras_tversky (binary)": keras.losses.Tversky,
    "keras_cce": keras.losses.CategoricalCrossentropy,
    "keras_scce": keras.losses.SparseCategoricalCrossentropy,
    "keras_focal (classes)": keras.losses.CategoricalFocalCrossentropy,
    "keras_gce": keras.losses.CategoricalGeneralizedCrossEntropy,
    "keras_kl_divergence": keras.losses.KLDivergence,
    "keras_categorical_hinge": keras.losses.CategoricalHinge,
    "keras_dice (classes)": keras.losses.Dice,
    "keras_tversky (classes)": keras.losses.Tversky,
    "keras_mse": keras.losses.MeanSquaredError,
    "keras_mae": keras.losses.MeanAbsoluteError,
    "keras_mape": keras.losses.MeanAbsolutePercentageError,
    "keras_msle": keras.losses.MeanSquaredLogarithmicError,
    "keras_huber": keras.losses.Huber,
    "keras_log_cosh": keras.losses.LogCosh,
    "keras_poisson": keras.losses.Poisson,
    "keras_cosine_similarity": keras.losses.CosineSimilarity,
}
"""The plugin's names and Keras's classes."""
SPARSE = ("keras_scce", "keras_gce")
SETS = ("keras_dice (binary)", "keras_tversky (binary)", "keras_dice (classes)", "keras_tversky (classes)")
PROBABILITIES = {"keras_bce", "keras_cce", "keras_scce", "keras_focal", "keras_kl_divergence"}


def of(name: str, kind: str) -> tuple[str, Any]:
    """A loss's key and Keras's class."""
    key = name if name in LOSSES else f"{name} ({kind})"
    return key, LOSSES[key]


def targets(key: str, kind: str) -> tuple[Tensor, Tensor]:
    """Two rows in Keras's order, y_true and y_pred, with answers that every loss takes: amounts and probabilities."""
    if kind == "classes":
        p = torch.tensor([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]])
        return (torch.tensor([0, 1]) if key in SPARSE else torch.eye(3)[:2]), p
    flat = torch.tensor([1.0, 0.0]), torch.tensor([0.8, 0.3])
    alone = key in SETS or key == "keras_cosine_similarity"
    return flat if alone else (flat[0][:, None], flat[1][:, None])


def logit_gradient(loss: Callable[[Tensor, Tensor], Tensor], key: str, kind: str, wrong: float) -> tuple[float, float]:
    """Value, and size of the gradient by the logits, of one answer that is wrong by so many logits."""
    if kind == "binary":
        z = torch.tensor([[-wrong]], requires_grad=True)
        value = loss(torch.ones(1, 1), torch.sigmoid(z))
    else:
        z = torch.tensor([[0.0, wrong, 0.0]], requires_grad=True)
        value = loss(torch.tensor([0]) if key in SPARSE else torch.eye(3)[:1], z.softmax(1))
    (slope,) = torch.autograd.grad(value.sum(), z)
    return float(value.detach()), float(slope.abs().sum())


@confirms("wrong_answers_pull", *PROBABILITIES)
def sure_and_wrong_hardly_pulls(name: str, kind: str) -> str:
    key, make = of(name, kind)
    (_, near), (_, far) = (logit_gradient(make(), key, kind, wrong) for wrong in (5.0, 20.0))
    assert far < 0.1 * near
    return f"of probabilities made from the logits: gradient {near:.3g} at a logit wrong by 5, {far:.2g} at 20"


@confirms("bounded_as_declared", *PROBABILITIES)
def the_largest_loss_is_that_of_the_clipped_probability(name: str, kind: str) -> str:
    key, make = of(name, kind)
    (some, _), (more, _) = (logit_gradient(make(), key, kind, wrong) for wrong in (1e2, 1e4))
    times = 0.25 if key == "keras_focal (classes)" else 1.0
    assert some == more
    assert math.isclose(some, -times * math.log(1e-7), rel_tol=1e-2)
    return f"the same {some:.4g} at logits wrong by 100 and by 10,000: probabilities are clipped at 1e-7"


@confirms("convex_as_declared", *PROBABILITIES - {"keras_focal"})
def clipping_bends_it_down(name: str, kind: str) -> str:
    key, make = of(name, kind)
    low, middle, high = (logit_gradient(make(), key, kind, wrong)[0] for wrong in (10.0, 16.0, 22.0))
    assert middle > (low + high) / 2 + 0.1
    return f"{low:.4g}, {middle:.4g} and {high:.4g} at logits wrong by 10, 16 and 22: the middle lies above the chord"


@confirms("precision_is_kept", *LOSSES)
def doubles_come_back_as_floats(name: str, kind: str) -> str:
    key, make = of(name, kind)
    true, answer = targets(key, kind)
    true = true.double() if true.is_floating_point() else true
    assert make()(true, answer.double()).dtype is torch.float32
    return "of two float64 tensors it is float32, Keras's floatx"


@confirms("low_precision_is_right", "keras_bce", "keras_focal (binary)")
def digits_are_lost_next_to_1(name: str, kind: str) -> str:
    _, make = of(name, kind)
    z = torch.tensor(11.02)
    found = float(make()(torch.zeros(1, 1), torch.sigmoid(z)[None, None]))
    p = 1 / (1 + math.exp(-float(z)))
    right = p ** (2 if name == "keras_focal" else 0) * -math.log1p(-p)
    eps = torch.finfo(torch.float32).eps
    assert abs(found - right) > 100 * eps * right
    return f"{found:.6g} at a negative of logit 11.02, where {right:.6g} is right: float32 has few digits of 1 - p"


@confirms("low_precision_is_right", "keras_msle")
@confirms("finite_at_extremes", "keras_msle")
def the_answer_overflows_before_its_logarithm(name: str, kind: str) -> str:
    found = float(keras.losses.MeanSquaredLogarithmicError()(torch.zeros(1, 1), torch.tensor([[100.0]]).exp()))
    assert math.isinf(found)
    return f"{found} at an answer of e^100, where the square of the logarithm is 10,000: amounts are float32 first"


@confirms("finite_at_extremes", "keras_poisson")
def poisson_of_a_large_rate_is_nan(name: str, kind: str) -> str:
    found = float(keras.losses.Poisson()(torch.zeros(1, 1), torch.tensor([[100.0]]).exp()))
    assert math.isnan(found)
    return f"{found} at a target of 0 and a rate of e^100: 0 times the logarithm of an infinite float32"


@confirms("wrong_answers_pull", "keras_poisson")
@confirms("convex_as_declared", "keras_poisson")
def the_logarithm_of_the_rate_has_a_floor(name: str, kind: str) -> str:
    z = torch.tensor([[-40.0]], requires_grad=True)
    value = keras.losses.Poisson()(torch.ones(1, 1), z.exp())
    (slope,) = torch.autograd.grad(value, z)
    assert abs(float(slope)) < 1e-3
    return (
        f"target 1, rate e^-40: {float(value.detach()):.4g} for 40, gradient {float(slope):.2g} for -1: 1e-7 is added"
    )


@confirms("wrong_answers_pull", "keras_msle")
def amounts_below_0_do_not_pull(name: str, kind: str) -> str:
    z = torch.tensor([[-20.0]], requires_grad=True)
    value = keras.losses.MeanSquaredLogarithmicError()(torch.ones(1, 1), z.exp())
    (slope,) = torch.autograd.grad(value, z)
    assert float(slope) == 0
    return (
        f"target 1, answer e^-20: {float(value.detach()):.4g}, gradient {float(slope):g}: answers are clipped at 1e-7"
    )


@confirms("gradient_is_never_nan", "keras_gce")
def a_probability_of_0_has_no_slope(name: str, kind: str) -> str:
    z = torch.tensor([[100.0, 1.0, -100.0]], requires_grad=True)
    value = keras.losses.CategoricalGeneralizedCrossEntropy()(torch.tensor([2]), z.softmax(1))
    (slope,) = torch.autograd.grad(value, z)
    assert slope.isnan().any()
    return f"softmax of (100, 1, -100), label 2: value {float(value.detach()):g}, gradient NaN"


@confirms("special_cases_are_equal", "keras_gce")
def a_small_q_is_lost_in_float32(name: str, kind: str) -> str:
    found = float(
        keras.losses.CategoricalGeneralizedCrossEntropy(q=1e-6)(torch.tensor([0]), torch.tensor([[0.153, 0.847]]))
    )
    right = -math.expm1(1e-6 * math.log(0.153)) / 1e-6
    assert abs(found - right) > 1e-3 * right
    return f"q = 1e-6, p = .153: {found:.5g} where (1 - p^q)/q is {right:.5g}: 1 - p^q has no digits left in float32"


@confirms("special_cases_are_equal", "keras_kl_divergence")
def what_a_label_is_not_costs_something(name: str, kind: str) -> str:
    found = float(keras.losses.KLDivergence()(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.2467, 0.7533]])))
    right = -math.log(0.2467)
    assert abs(found - right) > 1e-6 * right
    return f"label (1, 0), p = .2467: {found:.7f} where -log p is {right:.7f}: labels are clipped at 1e-7"


@confirms("gradient_is_never_nan", "keras_cosine_similarity")
def no_length_has_no_slope(name: str, kind: str) -> str:
    z = torch.zeros(2, requires_grad=True)
    value = keras.losses.CosineSimilarity()(torch.zeros(2), z)
    (slope,) = torch.autograd.grad(value, z)
    assert slope.isnan().any()
    return f"answers of 0 and targets of 0: value {float(value.detach()):g}, gradient NaN"


@confirms("parameters_pull_as_declared", "keras_tversky (binary)")
def alpha_and_beta_are_swapped(name: str, kind: str) -> str:
    y, p = torch.tensor([1.0, 1.0, 1.0, 0.0]), torch.tensor([0.9, 0.3, 0.4, 0.2])
    found = float(keras.losses.Tversky(alpha=1.0, beta=0.5)(y, p))
    hits, alarms, misses = float((y * p).sum()), float(((1 - y) * p).sum()), float((y * (1 - p)).sum())
    documented, swapped = 1 - hits / (hits + alarms + 0.5 * misses), 1 - hits / (hits + 0.5 * alarms + misses)
    assert abs(found - swapped) < 1e-4 < abs(found - documented)
    return f"alpha = 1, beta = .5: {found:.4f}, as with both swapped, where alpha FP and beta FN give {documented:.4f}"


@confirms("native_mean_is_the_mean", *SETS, "keras_cosine_similarity")
@confirms("left_out_makes_no_difference", *SETS, "keras_cosine_similarity")
def a_mask_only_scales_what_was_pooled(name: str, kind: str) -> str:
    _, make = of(name, kind)
    if kind == "classes":
        true, answer = torch.eye(3)[[0, 1, 2]], torch.tensor([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4], [0.9, 0.05, 0.05]])
    else:
        true, answer = torch.tensor([1.0, 0.0, 1.0]), torch.tensor([0.8, 0.3, 0.1])
    masked: Any = answer.clone()
    masked._keras_mask = torch.tensor([True, True, False])
    found, alone = float(make()(true, masked)), float(make()(true[:2], answer[:2]))
    assert abs(found - alone) > 1e-3
    return f"three {kind} rows with the last masked by _keras_mask: {found:.4f}, the first two alone {alone:.4f}"


@confirms("left_out_makes_no_difference", "keras_msle", "keras_poisson")
@confirms("left_out_may_be_nan", *(name for name in LOSSES if name != "keras_scce"))
def infinity_under_a_mask_makes_nan(name: str, kind: str) -> str:
    key, make = of(name, kind)
    true, answer = targets(key, kind)
    masked: Any = answer.clone()
    masked[1] = math.nan if kind != "continuous" else math.inf
    masked._keras_mask = torch.tensor([True, False])
    try:
        found = float(make()(true, masked))
    except RuntimeError as error:
        return f"NaN in a row masked by _keras_mask ends in {type(error).__name__}"
    assert math.isnan(found)
    return "infinity, of numbers, or NaN, of probabilities, in a row masked by _keras_mask: the mean is NaN"


@confirms("bad_parameters_are_refused", "keras_bce", "keras_cce", "keras_focal", "keras_tversky", "keras_huber")
def nan_is_a_parameter(name: str, kind: str) -> str:
    _, make = of(name, kind)
    parameter = {"keras_focal": "alpha", "keras_tversky": "alpha", "keras_huber": "delta"}.get(name, "label_smoothing")
    loss = make(**{parameter: math.nan})
    assert math.isnan(getattr(loss, parameter, loss.get_config().get(parameter, math.nan)))
    return f"{parameter}=nan is taken"


@confirms("works_on_any_device", *LOSSES)
def inputs_elsewhere_are_not_followed(name: str, kind: str) -> str:
    key, make = of(name, kind)
    return elsewhere(make(), *targets(key, kind))


@confirms("rows_stay_apart", "keras_dice (classes)", "keras_tversky (classes)")
def of_one_hot_targets_it_is_a_mean_over_rows(name: str, kind: str) -> str:
    _, make = of(name, kind)
    true, answer = torch.eye(3)[[0, 1, 2]], torch.tensor([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4], [0.9, 0.05, 0.05]])
    whole, rows = float(make()(true, answer)), [float(make()(true[r : r + 1], answer[r : r + 1])) for r in range(3)]
    assert math.isclose(whole, sum(rows) / 3, rel_tol=1e-4)
    return f"three rows of softmax: {whole:.4f}, the mean of the rows' own values {sum(rows) / 3:.4f}"


@confirms("compiles_as_one_graph", "keras_bce", "keras_focal (binary)", "keras_hinge", "keras_squared_hinge")
@confirms("compiles_as_one_graph", "keras_categorical_hinge")
def torch_compile_gives_up(name: str, kind: str) -> str:
    key, make = of(name, kind)
    return compiled(make(), *targets(key, kind))


@confirms("maps_over_batches", "keras_gce", "keras_hinge", "keras_squared_hinge")
def vmap_gives_up(name: str, kind: str) -> str:
    key, make = of(name, kind)
    return mapped(make(), *targets(key, kind), by=1)


# The cross-entropy as TensorFlow users write it --------------------------------------------------------------------


def by_hand(y: Tensor, p: Tensor, epsilon: float = 1e-7) -> Tensor:
    p = keras.ops.clip(p, epsilon, 1 - epsilon)
    return -y * keras.ops.log(p) - (1 - y) * keras.ops.log(1 - p)


@confirms("wrong_answers_pull", "tf_bce_by_hand")
@confirms("bounded_as_declared", "tf_bce_by_hand")
@confirms("convex_as_declared", "tf_bce_by_hand")
def clipped_by_hand_it_is_flat(name: str, kind: str) -> str:
    (low, near), (middle, _), (high, far) = (logit_gradient(by_hand, name, kind, wrong) for wrong in (5.0, 16.0, 1e4))
    assert far == 0 < near
    assert math.isclose(high, -math.log(1e-7), rel_tol=1e-2)
    return f"{low:.4g}, {middle:.4g} and {high:.4g} at logits wrong by 5, 16 and 10,000, where the gradient is {far:g}"


@confirms("low_precision_is_right", "tf_bce_by_hand")
def by_hand_digits_are_lost_next_to_1(name: str, kind: str) -> str:
    found, right = float(by_hand(torch.zeros(1), torch.sigmoid(torch.tensor([11.0])))), math.log1p(math.exp(11.0))
    assert abs(found - right) > 20 * torch.finfo(torch.float32).eps * right
    return f"{found:.6g} at a negative of logit 11 in float32, where {right:.6g} is right"


@confirms("finite_at_extremes", "tf_bce_by_hand")
def in_half_precision_1_less_epsilon_is_1(name: str, kind: str) -> str:
    found = float(by_hand(torch.zeros(1).bfloat16(), torch.sigmoid(torch.tensor([20.0]).bfloat16())))
    assert math.isinf(found)
    return f"{found} at a negative of logit 20 in bfloat16, where 1 - 1e-7 is 1"


@confirms("bad_parameters_are_refused", "tf_bce_by_hand")
def by_hand_nobody_looks_at_epsilon(name: str, kind: str) -> str:
    assert by_hand(torch.zeros(1), torch.tensor([0.3]), math.nan).isnan().all()
    return "epsilon=nan is taken, and makes NaN"
