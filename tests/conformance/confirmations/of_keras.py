"""What was seen of Keras's losses by calling Keras alone, on the torch backend."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras  # type: ignore[import-not-found, unused-ignore]
import torch
from torch import Tensor

from tests.conformance.confirmations import confirms
from tests.conformance.confirmations.ways import compiled, mapped

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
    if key == "keras_cosine_similarity":  # a row is a vector
        return torch.tensor([[1.0, 0.0], [2.0, 1.0]]), torch.tensor([[0.8, 0.3], [0.5, 2.0]])
    flat = torch.tensor([1.0, 0.0]), torch.tensor([0.8, 0.3])
    return flat if key in SETS else (flat[0][:, None], flat[1][:, None])


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


@confirms("parameters_pull_as_declared", "keras_tversky (binary)")
def alpha_and_beta_are_swapped(name: str, kind: str) -> str:
    y, p = torch.tensor([1.0, 1.0, 1.0, 0.0]), torch.tensor([0.9, 0.3, 0.4, 0.2])
    found = float(keras.losses.Tversky(alpha=1.0, beta=0.5)(y, p))
    hits, alarms, misses = float((y * p).sum()), float(((1 - y) * p).sum()), float((y * (1 - p)).sum())
    documented, swapped = 1 - hits / (hits + alarms + 0.5 * misses), 1 - hits / (hits + 0.5 * alarms + misses)
    assert abs(found - swapped) < 1e-4 < abs(found - documented)
    return f"alpha = 1, beta = .5: {found:.4f}, as with both swapped, where alpha FP and beta FN give {documented:.4f}"


@confirms("precision_is_kept", *LOSSES)
def doubles_come_back_as_floats(name: str, kind: str) -> str:
    key, make = of(name, kind)
    true, answer = targets(key, kind)
    true = true.double() if true.is_floating_point() else true
    default = str(make()(true, answer.double()).dtype)[6:]
    each, mean = (str(make(dtype="float64", **by)(true, answer.double()).dtype)[6:] for by in ({"reduction": None}, {}))
    assert (default, each) == ("float32", "float64")
    return (
        f"of float64 tensors it is {default}, Keras's floatx; with dtype='float64' a row's is {each}, the mean's {mean}"
    )


@confirms("low_precision_is_right", "keras_focal (binary)")
def digits_are_lost_next_to_1(name: str, kind: str) -> str:
    z = 11.02
    found = float(keras.losses.BinaryFocalCrossentropy(from_logits=True)(torch.zeros(1, 1), torch.tensor([[z]])))
    log_miss = -z - math.log1p(math.exp(-z))  # log(1 - p) at p = sigmoid(z)
    right = (1 - math.exp(log_miss)) ** 2 * -log_miss
    assert abs(found - right) > 1e3 * torch.finfo(torch.float32).eps * right
    return (
        f"{found:.6g} at a negative of logit {z:g}, from_logits=True, where {right:.6g} is right: log(1 - p) in float32"
    )


@confirms("finite_at_extremes", "keras_msle")
def the_answer_overflows_before_its_logarithm(name: str, kind: str) -> str:
    answer, true = torch.tensor([[100.0]]).double().exp(), torch.zeros(1, 1).double()
    found, right = float(keras.losses.MeanSquaredLogarithmicError()(true, answer)), float(answer.log1p() ** 2)
    assert math.isinf(found)
    assert math.isfinite(right)
    return f"{found} at an answer of {float(answer):.3g} in float64, where {right:g} is right: float32 comes first"


@confirms("finite_at_extremes", "keras_poisson")
def poisson_of_a_large_rate_is_nan(name: str, kind: str) -> str:
    rate = torch.tensor([[100.0]]).double().exp()
    found = float(keras.losses.Poisson()(torch.zeros(1, 1).double(), rate))
    assert math.isnan(found)
    return f"{found} at a target of 0 and a rate of {float(rate):.3g} in float64: 0 times an infinite float32"


@confirms("wrong_answers_pull", "keras_poisson")
def the_logarithm_of_the_rate_has_a_floor(name: str, kind: str) -> str:
    z = torch.tensor([[-40.0]], requires_grad=True)
    value = keras.losses.Poisson()(torch.ones(1, 1), z.exp())
    (slope,) = torch.autograd.grad(value, z)
    right = math.exp(-40.0) - 1
    assert abs(float(slope)) < 1e-3 * abs(right)
    return f"target 1, rate e^-40: by the logarithm of the rate the gradient is {float(slope):.2g} for {right:g}"


@confirms("convex_as_declared", "keras_poisson")
def the_floor_bends_poisson_down(name: str, kind: str) -> str:
    low, middle, high = (
        float(keras.losses.Poisson()(torch.ones(1, 1), torch.tensor([[z]]).exp())) for z in (-10.0, -16.0, -22.0)
    )
    assert middle > (low + high) / 2 + 0.1
    return f"target 1: {low:.4g}, {middle:.4g}, {high:.4g} at rates e^-10, e^-16, e^-22: the middle is above the chord"


@confirms("gradient_is_never_nan", "keras_cosine_similarity")
@confirms("intercept_is_found", "keras_cosine_similarity")
def no_length_has_no_slope(name: str, kind: str) -> str:
    answer, loss = torch.zeros(1, 2, requires_grad=True), keras.losses.CosineSimilarity()
    values = [loss(true, answer) for true in (torch.zeros(1, 2), torch.tensor([[1.0, 2.0]]))]
    slopes = [torch.autograd.grad(value, answer)[0] for value in values]
    after = float(loss(torch.tensor([[1.0, 2.0]]), answer.detach() - 0.1 * slopes[1]))
    assert all(float(value.detach()) == 0 and slope.isnan().all() for value, slope in zip(values, slopes, strict=True))
    assert math.isnan(after)
    return f"answers of 0, targets (0, 0) or (1, 2): value 0, gradient NaN, and after a step of descent {after}"


def three_rows(kind: str) -> tuple[Tensor, Tensor]:
    """What a set counts over, y_true and y_pred."""
    if kind == "classes":
        return torch.eye(3), torch.tensor([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4], [0.9, 0.05, 0.05]])
    return torch.tensor([1.0, 0.0, 1.0]), torch.tensor([0.8, 0.3, 0.1])


def masked(answer: Tensor, *kept: bool) -> Any:
    """With the mask that Keras's layers hand on."""
    found: Any = answer.clone()
    found._keras_mask = torch.tensor(kept)
    return found


@confirms("native_mean_is_the_mean", *SETS)
def a_set_counts_what_is_masked(name: str, kind: str) -> str:
    _, make = of(name, kind)
    true, answer = three_rows(kind)
    found, alone = float(make()(true, masked(answer, True, True, False))), float(make()(true[:2], answer[:2]))
    assert abs(found - alone) > 1e-3
    assert math.isclose(found, float(make()(true, answer)), rel_tol=1e-5)
    return (
        f"three {kind} rows, the last masked by _keras_mask: {found:.4f} as without a mask, the two alone {alone:.4f}"
    )


@confirms("left_out_makes_no_difference", *SETS)
def a_set_follows_what_is_masked(name: str, kind: str) -> str:
    _, make = of(name, kind)
    true, answer = three_rows(kind)
    other = answer.clone()
    other[2] = torch.tensor([0.05, 0.05, 0.9]) if kind == "classes" else 0.9
    one, two = (float(make()(true, masked(x, True, True, False))) for x in (answer, other))
    assert abs(one - two) > 1e-3
    return f"three {kind} rows, the last masked by _keras_mask: its answer changed, {one:.4f} becomes {two:.4f}"


@confirms("left_out_makes_no_difference", "keras_msle", "keras_poisson")
def a_large_amount_under_a_mask_makes_nan(name: str, kind: str) -> str:
    _, make = of(name, kind)
    true, answer = torch.tensor([[1.0], [0.0]]).double(), torch.tensor([[2.0], [100.0]]).double()
    answer[1] = answer[1].exp()
    found, alone = float(make()(true, masked(answer, True, False))), float(make()(true[:1], answer[:1]))
    assert math.isnan(found)
    assert math.isfinite(alone)
    return (
        f"{float(answer[1]):.3g}, in float64, in a row masked by _keras_mask: {found}, the other row alone {alone:.4g}"
    )


@confirms("left_out_may_be_nan", *(name for name in LOSSES if name != "keras_scce"))
def garbage_under_a_mask_is_counted(name: str, kind: str) -> str:
    key, make = of(name, kind)
    true, answer = targets(key, kind)
    if key not in SETS:  # the mask is one that works
        assert math.isclose(float(make()(true, masked(answer, True, False))), float(make()(true[:1], answer[:1])))
    answer[1] = math.inf if kind == "continuous" or "hinge" in name else math.nan
    if key in ("keras_bce", "keras_focal (binary)"):
        try:
            make()(true, masked(answer, True, False))
        except RuntimeError as error:
            return f"NaN in a row masked by _keras_mask: {type(error).__name__}, {error}"
        raise AssertionError("NaN under the mask is taken")
    found = float(make()(true, masked(answer, True, False)))
    assert math.isnan(found)
    return f"{float(answer[1].flatten()[0])} in a row masked by _keras_mask: the mean is {found}"


@confirms("bad_parameters_are_refused", "keras_bce", "keras_cce", "keras_focal", "keras_tversky", "keras_huber")
def nan_is_a_parameter(name: str, kind: str) -> str:
    key, make = of(name, kind)
    parameter = {"keras_focal": "gamma", "keras_tversky": "alpha", "keras_huber": "delta"}.get(name, "label_smoothing")
    assert make()(*targets(key, kind)).isfinite()
    loss = make(**{parameter: math.nan})
    try:
        found = str(float(loss(*targets(key, kind))))
    except RuntimeError as error:
        return f"{parameter}=nan is built; only its call ends in {type(error).__name__}: {error}"
    assert found == "nan"
    return f"{parameter}=nan is built, and its loss of two rows is {found}"


@confirms("works_on_any_device", *LOSSES)
def inputs_elsewhere_are_not_followed(name: str, kind: str) -> str:
    key, make = of(name, kind)
    true, answer = (x.to("meta") for x in targets(key, kind))
    where = keras.ops.convert_to_tensor(answer).device.type  # what every loss does first
    assert where != "meta"
    with contextlib.suppress(RuntimeError, IndexError):  # by the stray numbers that it sees there
        assert make()(true, answer).device.type == where
    return f"inputs on torch's meta device, which have no numbers, become uninitialised memory on the {where}"


def fails(way: Callable[..., str], loss: Any, *given: Tensor, **how: int) -> bool:
    """Whether that way to call a loss ends in an error."""
    try:
        way(loss, *given, **how)
    except AssertionError:
        return False
    return True


@confirms("compiles_as_one_graph", "keras_bce", "keras_focal (binary)", "keras_hinge", "keras_squared_hinge")
@confirms("compiles_as_one_graph", "keras_categorical_hinge")
def torch_compile_gives_up(name: str, kind: str) -> str:
    key, make = of(name, kind)
    assert not fails(compiled, keras.losses.MeanSquaredError(), torch.ones(2, 1), torch.zeros(2, 1))
    return f"{compiled(make(), *targets(key, kind))}, which mean squared error does not"


@confirms("maps_over_batches", "keras_hinge", "keras_squared_hinge", "keras_gce")
def vmap_gives_up(name: str, kind: str) -> str:
    key, make = of(name, kind)
    true, answer = targets(key, kind)
    other = keras.losses.SparseCategoricalCrossentropy() if kind == "classes" else keras.losses.MeanSquaredError()
    assert not fails(mapped, other, true, answer, by=1)
    return f"{mapped(make(), true, answer, by=1)}, which {other.name.replace('_', ' ')} does not"


# The cross-entropy as TensorFlow users write it --------------------------------------------------------------------


def by_hand(y: Tensor, p: Tensor, epsilon: float = 1e-7) -> Tensor:
    p = keras.ops.clip(p, epsilon, 1 - epsilon)
    return -y * keras.ops.log(p) - (1 - y) * keras.ops.log(1 - p)


@confirms("wrong_answers_pull", "tf_bce_by_hand")
@confirms("bounded_as_declared", "tf_bce_by_hand")
@confirms("convex_as_declared", "tf_bce_by_hand")
def clipped_by_hand_it_is_flat(name: str, kind: str) -> str:
    (low, near), (middle, _), (high, _), (same, far) = (
        logit_gradient(by_hand, name, kind, wrong) for wrong in (5.0, 16.0, 27.0, 1e4)
    )
    assert far == 0 < near
    assert high == same
    assert middle > (low + high) / 2 + 0.1
    return f"{low:.4g}, {middle:.4g}, {high:.4g} at logits wrong by 5, 16, 27; at 10,000 the same, and gradient {far:g}"


@confirms("finite_at_extremes", "tf_bce_by_hand")
def in_half_precision_1_less_epsilon_is_1(name: str, kind: str) -> str:
    found = float(by_hand(torch.zeros(1).bfloat16(), torch.sigmoid(torch.tensor([20.0]).bfloat16())))
    assert math.isinf(found)
    return f"{found} at a negative of logit 20 in bfloat16, where 1 - 1e-7 is 1"


@confirms("bad_parameters_are_refused", "tf_bce_by_hand")
def by_hand_nobody_looks_at_epsilon(name: str, kind: str) -> str:
    assert by_hand(torch.zeros(1), torch.tensor([0.3]), math.nan).isnan().all()
    return "epsilon=nan is taken, and makes NaN"


@confirms("works_on_any_device", "tf_bce_by_hand")
def by_hand_half_of_it_moves(name: str, kind: str) -> str:
    y, p = torch.zeros(1, device="meta"), torch.ones(1, device="meta")
    where = keras.ops.log(p).device.type
    assert where != "meta"
    try:
        by_hand(y, p)
    except RuntimeError as error:
        return f"on torch's meta device {type(error).__name__}: keras.ops.log of what is there is on the {where}"
    raise AssertionError("it works")
