"""The built-in losses against torch, scipy, scikit-learn and closed forms, at ordinary sizes and extremes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import special
from scipy.special import expit, log_softmax, softmax
from sklearn.metrics import brier_score_loss, log_loss, mean_absolute_error, mean_squared_error
from torch import Tensor
from torch.nn import functional

from lossbench.errors import InputError
from lossbench.loss import Kind, Loss
from lossbench.loss.catalogue import catalogue, load_family, load_loss
from lossbench.loss.parameters import holds_losses

Array = NDArray[Any]
ROWS = 40


def softplus(z: Array) -> Array:
    """log(1 + e^z) by numpy's logaddexp."""
    return np.logaddexp(0, z)


def onehot(y: Array, classes: int) -> Array:
    return np.eye(classes)[y]


def huber(delta: float) -> tuple[Callable[..., Array], Callable[..., Array]]:
    """Value and derivative as Huber 1964 has them, branch by branch."""

    def value(z: Array, y: Array) -> Array:
        r = np.abs(z - y)
        return np.where(r <= delta, np.square(np.minimum(r, delta)) / 2, delta * (r - delta / 2))

    return value, lambda z, y: np.clip(z - y, -delta, delta)


def weighted_bce(weight: float) -> tuple[Callable[..., Array], Callable[..., Array]]:
    return (
        lambda z, y: weight * y * softplus(-z) + (1 - y) * softplus(z),
        lambda z, y: (1 - y) * expit(z) - weight * y * expit(-z),
    )


def against_rest(weight: float) -> tuple[Callable[..., Array], Callable[..., Array]]:
    value, slope = weighted_bce(weight)
    return (
        lambda z, y: value(z, onehot(y, z.shape[1])).sum(1),
        lambda z, y: slope(z, onehot(y, z.shape[1])),
    )


def own_log_likelihood(z: Array, y: Array) -> Array:
    return -log_softmax(z, axis=1)[np.arange(len(y)), y]


@dataclass(frozen=True)
class Case:
    """A built-in loss with its value and its derivative by the output, in numpy and scipy."""

    name: str
    kind: Kind
    value: Callable[[Array, Array], Array]
    slope: Callable[[Array, Array], Array]
    params: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return "-".join([self.name, self.kind.value, *(f"{key}={value}" for key, value in self.params.items())])

    def loss(self) -> Loss:
        return load_loss(self.name, self.kind, **self.params)

    def ordinary(self) -> tuple[Array, Array]:
        """Outputs and targets of ordinary size; residuals stay away from the kinks of mae and huber."""
        generator = np.random.default_rng(20240607)
        if self.kind is Kind.CONTINUOUS:
            y = generator.normal(size=ROWS)
            return y + np.where(np.arange(ROWS) % 2, 1, -1) * np.linspace(0.013, 4.1, ROWS), y
        if self.kind is Kind.BINARY:
            return generator.normal(size=ROWS) * 3, (np.arange(ROWS) % 3 == 0).astype(float)
        return generator.normal(size=(ROWS, 4)) * 2, np.arange(ROWS) % 4

    def extreme(self, size: float) -> tuple[Array, Array]:
        """Outputs of the given size, on the right side and on the wrong one."""
        if self.kind is Kind.CONTINUOUS:
            return np.array([size, -size]), np.zeros(2)
        if self.kind is Kind.BINARY:
            return np.array([size, size, -size, -size]), np.array([0.0, 1.0, 0.0, 1.0])
        rows = [[size, 0, -size], [-size, -size, -size], [size, size, size], [0, 0, size]]
        return np.array(rows * 3), np.repeat([0, 1, 2], 4)


CASES = [
    Case("mse", Kind.CONTINUOUS, lambda z, y: np.square(z - y), lambda z, y: 2 * (z - y)),
    Case(
        "mse",
        Kind.BINARY,
        lambda z, y: np.square(expit(z) - y),
        lambda z, y: 2 * (expit(z) - y) * expit(z) * expit(-z),
    ),
    Case(
        "mse",
        Kind.CLASSES,
        lambda z, y: np.square(z - onehot(y, z.shape[1])).sum(1),
        lambda z, y: 2 * (z - onehot(y, z.shape[1])),
    ),
    Case("mae", Kind.CONTINUOUS, lambda z, y: np.abs(z - y), lambda z, y: np.sign(z - y)),
    *(Case("huber", Kind.CONTINUOUS, *huber(delta), {"delta": delta}) for delta in (0.1, 0.5, 1.345, 3.0)),
    Case("huber", Kind.CONTINUOUS, *huber(1.0)),
    Case("bce", Kind.BINARY, *weighted_bce(1.0)),
    *(Case("bce", Kind.BINARY, *weighted_bce(w), {"pos_weight": w}) for w in (0.3, 7.0)),
    Case("bce", Kind.CLASSES, *against_rest(1.0)),
    *(Case("bce", Kind.CLASSES, *against_rest(w), {"pos_weight": w}) for w in (0.3, 7.0)),
    Case(
        "cross_entropy",
        Kind.CLASSES,
        own_log_likelihood,
        lambda z, y: softmax(z, axis=1) - onehot(y, z.shape[1]),
    ),
]


def case_of(title: str) -> Case:
    return next(case for case in CASES if str(case) == title)


every_case = pytest.mark.parametrize("case", CASES, ids=str)


def judged(case: Case, z: Array, y: Array, dtype: torch.dtype = torch.double) -> tuple[Array, Array]:
    """The losses and their derivatives by the outputs."""
    output = torch.tensor(z, dtype=dtype, requires_grad=True)
    target = torch.tensor(y) if case.kind is Kind.CLASSES else torch.tensor(y, dtype=dtype)
    losses = case.loss()(output, target)
    (slope,) = torch.autograd.grad(losses.sum(), output)
    assert losses.dtype == slope.dtype == dtype
    return losses.detach().numpy(), slope.numpy()


@every_case
def test_values_and_gradients_are_those_of_the_formula(case: Case) -> None:
    z, y = case.ordinary()
    losses, slope = judged(case, z, y)
    np.testing.assert_allclose(losses, case.value(z, y), 1e-6)
    np.testing.assert_allclose(slope, case.slope(z, y), 1e-6, 1e-12)


def one_against_the_rest_by_torch(z: Tensor, y: Tensor, weight: float) -> Tensor:
    total = torch.zeros(len(y), dtype=z.dtype)
    for row in range(len(y)):
        for label in range(z.shape[1]):
            total[row] += functional.binary_cross_entropy_with_logits(
                z[row, label], (y[row] == label).to(z.dtype), pos_weight=torch.tensor(weight)
            )
    return total


TORCH: dict[str, Callable[..., Tensor]] = {
    "mse-binary": lambda z, y: functional.mse_loss(torch.sigmoid(z), y, reduction="none"),
    "mae-continuous": lambda z, y: functional.l1_loss(z, y, reduction="none"),
    "bce-binary": lambda z, y, pos_weight=1.0: functional.binary_cross_entropy_with_logits(
        z, y, pos_weight=torch.tensor(pos_weight), reduction="none"
    ),
    "bce-classes": lambda z, y, pos_weight=1.0: one_against_the_rest_by_torch(z, y, pos_weight),
}


@pytest.mark.parametrize("case", [c for c in CASES if c.name == "huber"], ids=str)
def test_values_are_those_of_scipys_own_function(case: Case) -> None:
    z, y = case.ordinary()
    wanted = special.huber(case.params.get("delta", 1.0), z - y)
    np.testing.assert_allclose(case.loss()(torch.from_numpy(z), torch.from_numpy(y)), wanted, 1e-9)


@pytest.mark.parametrize("case", [c for c in CASES if f"{c.name}-{c.kind.value}" in TORCH], ids=str)
def test_values_are_those_of_torchs_own_function(case: Case) -> None:
    z, y = (torch.from_numpy(array) for array in case.ordinary())
    oracle = TORCH[f"{case.name}-{case.kind.value}"]
    torch.testing.assert_close(case.loss()(z, y), oracle(z, y, **case.params), rtol=1e-6, atol=1e-12)


SKLEARN: dict[str, Callable[[Array, Array], float]] = {
    "mse-continuous": lambda z, y: mean_squared_error(y, z),
    "mse-binary": lambda z, y: brier_score_loss(y, expit(z)),
    "mae-continuous": lambda z, y: mean_absolute_error(y, z),
    "bce-binary": lambda z, y: log_loss(y, expit(z)),
    "cross_entropy-classes": lambda z, y: log_loss(y, softmax(z, axis=1)),
}


@pytest.mark.parametrize("case", [c for c in CASES if str(c) in SKLEARN], ids=str)
def test_the_mean_is_scikit_learns(case: Case) -> None:
    z, y = case.ordinary()
    assert float(judged(case, z, y)[0].mean()) == pytest.approx(SKLEARN[str(case)](z, y), rel=1e-6)


@pytest.mark.parametrize(
    ("name", "kind", "params", "output", "target", "wanted"),
    [
        ("mse", "continuous", {}, 3.0, 1.0, 4.0),
        ("mse", "binary", {}, 0.0, 1.0, 0.25),
        ("mse", "classes", {}, [1.0, 2.0, 0.0], 0, 4.0),
        ("mae", "continuous", {}, -3.0, 1.0, 4.0),
        ("huber", "continuous", {}, 0.5, 0.0, 0.125),
        ("huber", "continuous", {"delta": 2.0}, 5.0, 0.0, 8.0),
        ("bce", "binary", {}, 0.0, 1.0, np.log(2)),
        ("bce", "binary", {"pos_weight": 3.0}, 0.0, 1.0, 3 * np.log(2)),
        ("bce", "binary", {"pos_weight": 3.0}, 0.0, 0.0, np.log(2)),
        ("bce", "classes", {"pos_weight": 3.0}, [0.0, 0.0], 1, 4 * np.log(2)),
        ("cross_entropy", "classes", {}, [0.0, 0.0, 0.0], 2, np.log(3)),
    ],
)
def test_values_worked_out_by_hand(
    name: str, kind: str, params: dict[str, float], output: Any, target: Any, wanted: float
) -> None:
    z, y = torch.tensor([output], dtype=torch.double), torch.tensor([target])
    assert float(load_loss(name, kind, **params)(z, y)) == pytest.approx(wanted, rel=1e-12)


@every_case
def test_values_and_gradients_stay_finite_and_right_at_extremes(case: Case) -> None:
    for size, dtype in product((20.0, 100.0, 1e4), (torch.float32, torch.float64)):
        z, y = case.extreme(size)
        losses, slope = judged(case, z, y, dtype)
        # probabilities next to 1 are known to the type's own spacing there, hence the absolute part
        spacing, where = 4 * float(torch.finfo(dtype).eps), f"at {size:g} in {dtype}"
        np.testing.assert_allclose(losses, case.value(z, y), 1e-5, spacing, err_msg=where)
        np.testing.assert_allclose(slope, case.slope(z, y), 1e-5, spacing, err_msg=where)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("logit", [18.0, 25.0, 60.0])
def test_the_small_cost_of_a_sure_and_right_answer_is_not_lost(logit: float, dtype: torch.dtype) -> None:
    # log(1 + e^-z) is e^-z there, far below the spacing of numbers near 1
    losses, slope = judged(case_of("bce-binary"), np.array([logit, -logit]), np.array([1.0, 0.0]), dtype)
    np.testing.assert_allclose(losses, np.exp(-logit), 1e-5)
    np.testing.assert_allclose(slope, [-np.exp(-logit), np.exp(-logit)], 1e-5)


@every_case
def test_a_value_is_infinite_only_where_the_true_one_exceeds_the_type(case: Case) -> None:
    for size in (1e15, 1e18, 1e25):
        z, y = case.extreme(size)
        losses, _ = judged(case, z, y, torch.float32)
        wanted = case.value(z, y)
        too_large = wanted > float(torch.finfo(torch.float32).max)
        assert np.isposinf(losses[too_large]).all(), size
        np.testing.assert_allclose(losses[~too_large], wanted[~too_large], 1e-5, 1e-30, err_msg=f"at {size:g}")


@pytest.mark.parametrize("delta", [0.1, 1.0, 2.5])
def test_huber_has_one_value_and_one_slope_where_its_branches_meet(delta: float) -> None:
    case = Case("huber", Kind.CONTINUOUS, *huber(delta), {"delta": delta})
    losses, slope = judged(case, np.array([delta, -delta, 0.0]), np.zeros(3))
    np.testing.assert_allclose(losses, [delta**2 / 2, delta**2 / 2, 0])
    np.testing.assert_allclose(slope, [delta, -delta, 0])


raw = st.floats(-1e4, 1e4, width=32)
CLASSES_LOSSES = [(c.name, dict(c.params)) for c in CASES if c.kind is Kind.CLASSES]
BINARY_LOSSES = [(c.name, dict(c.params)) for c in CASES if c.kind is Kind.BINARY]


@pytest.mark.parametrize(("name", "params"), CLASSES_LOSSES)
@given(outputs=arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(2, 5)), elements=raw))
@settings(max_examples=40)
def test_class_probabilities_sum_to_one_and_the_label_is_the_largest_output(
    name: str, params: dict[str, float], outputs: Array
) -> None:
    prediction = load_loss(name, Kind.CLASSES, **params).predict(torch.from_numpy(outputs))
    assert prediction.probability is not None
    assert prediction.label is not None
    probability, label = prediction.probability.numpy(), prediction.label.numpy()
    np.testing.assert_allclose(probability.sum(1), 1, 1e-5)
    assert (probability >= 0).all()
    rows = np.arange(len(outputs))
    assert (outputs[rows, label] == outputs.max(1)).all()
    assert (probability[rows, label] == probability.max(1)).all()
    assert (prediction.score.argmax(1) == outputs.argmax(1)).all()


@pytest.mark.parametrize(("name", "params"), BINARY_LOSSES)
@given(outputs=arrays(np.float64, st.integers(1, 6), elements=st.floats(-1e4, 1e4)))
@settings(max_examples=40)
def test_a_binary_probability_is_scipys_expit_of_the_logit(name: str, params: dict[str, float], outputs: Array) -> None:
    prediction = load_loss(name, Kind.BINARY, **params).predict(torch.from_numpy(outputs))
    assert prediction.probability is not None
    assert prediction.label is not None
    np.testing.assert_allclose(prediction.probability, expit(outputs), 1e-9, 1e-300)
    assert (prediction.label.numpy() == (outputs > 0)).all()


def test_one_against_the_rest_shares_the_sigmoids_out_even_where_all_underflow() -> None:
    loss = load_loss("bce", "classes")
    z = np.array([[0.3, -2.0, 1.0], [8.0, 9.0, -3.0]])
    shares = expit(z) / expit(z).sum(1, keepdims=True)
    np.testing.assert_allclose(loss.predict(torch.from_numpy(z)).probability, shares, 1e-12)
    # far below zero sigmoid(z) is e^z, so the shares are those of 1 and 1/e
    lost = loss.predict(torch.tensor([[-5000.0, -5001.0]], dtype=torch.double)).probability
    np.testing.assert_allclose(lost, [[expit(1), expit(-1)]], 1e-9)


def test_squared_distance_leaves_outputs_that_are_probabilities_as_they_are() -> None:
    p = torch.tensor([[0.2, 0.5, 0.3], [1.0, 0.0, 0.0]])
    torch.testing.assert_close(load_loss("mse", "classes").predict(p).probability, p, rtol=0, atol=1e-5)


MEMBERS = [
    pytest.param(name, kind, id=f"{name}-{kind.value}")
    for name in sorted(p.name for p in catalogue().plugins if p.built_in)
    for kind in load_family(name)
]


@pytest.mark.parametrize(("name", "kind"), MEMBERS)
def test_every_parameter_has_a_unit_in_words(name: str, kind: Kind) -> None:
    for parameter in load_family(name)[kind].parameters:
        assert isinstance(parameter.unit, str)
        assert parameter.unit.strip() or holds_losses(parameter), parameter.name


@pytest.mark.parametrize(("name", "kind"), MEMBERS)
def test_every_loss_has_a_reference_and_a_sentence(name: str, kind: Kind) -> None:
    member = load_family(name)[kind]
    assert member.reference
    assert member.summary.endswith(".")


@pytest.mark.parametrize(("name", "kind"), MEMBERS)
def test_what_is_searched_is_a_parameter_whose_default_lies_in_the_range_or_follows_the_data(
    name: str, kind: Kind
) -> None:
    member = load_family(name)[kind]
    defaults = {parameter.name: parameter.default for parameter in member.parameters}
    for key, interval in member.search.items():
        assert defaults[key] is None or interval.low < defaults[key] < interval.high


@pytest.mark.parametrize(
    ("name", "kind", "params"),
    [
        ("huber", "continuous", {"delta": 0.0}),
        ("huber", "continuous", {"delta": float("nan")}),
        ("bce", "binary", {"pos_weight": 0}),
        ("bce", "binary", {"pos_weight": -1.0}),
        ("bce", "classes", {"pos_weight": -1.0}),
    ],
)
def test_a_parameter_that_would_make_no_loss_is_refused(name: str, kind: str, params: dict[str, float]) -> None:
    (key,) = params
    with pytest.raises(Exception, match=f"'{name}' refuses {key}=.*{key} must be above 0"):
        load_loss(name, kind, **params)


def test_no_label_means_padding() -> None:
    # torch's cross_entropy gives a target of -100 a loss of 0: here nothing is ever ignored
    with pytest.raises(ValueError, match="cross_entropy takes targets that are a class from 0 to 2, but one is -100"):
        load_loss("cross_entropy")(torch.zeros(2, 3), torch.tensor([-100, 1]))


@pytest.mark.parametrize(("name", "kind", "key"), [("huber", "continuous", "delta"), ("bce", "binary", "pos_weight")])
def test_an_infinite_parameter_is_refused(name: str, kind: str, key: str) -> None:
    with pytest.raises(InputError, match="above 0 and finite"):
        load_loss(name, kind=kind, **{key: float("inf")})
