"""Values and gradients of the whole catalogue against mpmath, torch, scipy and scikit-learn, at all sizes and types."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from sklearn import metrics
from torch import Tensor
from torch.nn import functional

from lossbench.loss import Kind
from lossbench.loss.catalogue import catalogue, load_family, load_loss
from tests.standard.catalogue_cases import CATALOGUE, COUNTS, SETS, Array, Case, judged, tensors
from tests.standard.test_standard_losses import CASES

every_case = pytest.mark.parametrize("case", CATALOGUE, ids=str)
WIDE = (torch.float32, torch.float64)


def rounded(x: Array, dtype: torch.dtype) -> Array:
    """The numbers as the type holds them, in float64."""
    return torch.tensor(x, dtype=dtype).double().numpy()


def assert_right(found: Array, wanted: Array, dtype: torch.dtype, rtol: float, atol: float, where: str = "") -> None:
    """Equal within tolerance, and infinite only where the true number exceeds the type; never NaN."""
    assert not np.isnan(found).any(), where
    top = float(torch.finfo(dtype).max)
    beyond = np.abs(wanted) > top * 0.999
    np.testing.assert_array_equal(np.sign(found[beyond]), np.sign(wanted[beyond]), where)
    assert (np.abs(found[beyond]) >= 0.99 * top).all(), where
    np.testing.assert_allclose(found[~beyond], wanted[~beyond], rtol, atol, err_msg=where)


def test_every_built_in_loss_and_kind_is_among_the_cases_of_one_file_or_the_other() -> None:
    made_of_others = {"sum", "scaled", "warmup", "uncertainty_weighting"}  # test_composites
    built_in = {p.name for p in catalogue().plugins if p.built_in} - made_of_others
    tested = {(c.name, c.kind) for c in CASES} | {(c.name, c.kind) for c in CATALOGUE} | SETS
    members = {(name, kind) for name in built_in for kind in load_family(name)}
    assert {
        (name, kind) for name, kind in members if kind is not Kind.SEQUENCES
    } == tested  # whole sequences: elsewhere


@every_case
def test_values_and_gradients_are_those_of_the_formula(case: Case) -> None:
    z, y = case.ordinary()
    _, losses, slope = judged(case, z, y)
    np.testing.assert_allclose(losses, case.values(z, y), 1e-9, 1e-12)
    np.testing.assert_allclose(slope, case.slopes(z, y), 1e-8, 1e-12)


@every_case
def test_values_and_gradients_stay_right_at_extremes(case: Case) -> None:
    for size, dtype in product((20.0, 100.0, 1e4), WIDE):
        z, y = case.extreme(size)
        losses, value, slope = judged(case, z, y, dtype)
        assert losses.dtype is dtype
        # what is bounded is known to the spacing of the type next to 1, hence the absolute part
        spacing = 4 * case.scale * float(torch.finfo(dtype).eps)
        assert_right(value, case.values(z, y), dtype, 1e-5, spacing, f"at {size:g} in {dtype}")
        assert_right(slope, case.slopes(z, y), dtype, 1e-5, spacing, f"its gradient at {size:g} in {dtype}")


@every_case
def test_a_value_is_infinite_only_where_the_true_one_exceeds_the_type(case: Case) -> None:
    for size in (1e15, 1e18, 1e25):
        z, y = case.extreme(size)
        z = rounded(z, torch.float32)
        found, wanted = judged(case, z, y, torch.float32)[1], case.values(z, y)
        assert_right(found, wanted, torch.float32, 2e-5, 4e-7 * case.scale, f"at {size:g}")


@every_case
def test_half_precision_is_as_right_as_its_inputs(case: Case) -> None:
    pieces = [case.ordinary(), *(case.extreme(size) for size in (20.0, 100.0))]
    for dtype in (torch.float16, torch.bfloat16):
        z, y = (np.concatenate([piece[place] for piece in pieces]) for place in (0, 1))
        z, y = rounded(z, dtype), y if case.kind is Kind.CLASSES else rounded(y, dtype)
        losses, value, slope = judged(case, z, y, dtype)
        eps = float(torch.finfo(dtype).eps)
        assert losses.dtype in (dtype, torch.float32)
        small = 1e-6 * case.scale if losses.dtype is torch.float32 else float(torch.finfo(dtype).tiny)
        assert_right(value, case.values(z, y), losses.dtype, 8 * eps, small, f"in {dtype}")
        assert_right(slope, case.slopes(z, y), dtype, 16 * eps, 16 * eps, f"its gradient in {dtype}")


@pytest.mark.parametrize("name", ["bce", "focal", "gce", "sce", "poly1", "bootstrap", "class_balanced", "asl"])
def test_the_small_cost_of_a_sure_and_right_answer_is_not_lost(name: str) -> None:
    cases = [c for c in CATALOGUE if c.name == name and c.kind is Kind.BINARY and c.params.get("epsilon") != -1]
    for case, logit, dtype in product(cases, (18.0, 25.0, 60.0), WIDE):
        z, y = np.array([logit, -logit]), np.array([1.0, 0.0])
        _, value, slope = judged(case, z, y, dtype)
        least = float(torch.finfo(dtype).tiny)
        np.testing.assert_allclose(value, case.values(z, y), 1e-4, least)
        np.testing.assert_allclose(slope, case.slopes(z, y), 1e-4, least)


# ---- other libraries ----


def of_student(z: Tensor, y: Tensor, nu: float) -> Tensor:
    return -torch.distributions.StudentT(nu, z[:, 0], functional.softplus(z[:, 1]) + 1e-6).log_prob(y)


def of_gauss(z: Tensor, y: Tensor) -> Tensor:
    return functional.gaussian_nll_loss(z[:, 0], y, functional.softplus(z[:, 1]) + 1e-6, reduction="none", eps=1e-9)


def of_cross_entropy(z: Tensor, y: Tensor, weight: list[float] | None = None, label_smoothing: float = 0.0) -> Tensor:
    each = None if weight is None else torch.tensor(weight).to(z)
    return functional.cross_entropy(z, y, weight=each, label_smoothing=label_smoothing, reduction="none")


def of_divergence(z: Tensor, y: Tensor, epsilon: float) -> Tensor:
    soft = (1 - epsilon) * functional.one_hot(y, z.shape[1]).double() + epsilon / z.shape[1]
    return functional.kl_div(z.log_softmax(1), soft, reduction="none").sum(1)


def of_smoothed(z: Tensor, y: Tensor, epsilon: float) -> Tensor:
    return functional.binary_cross_entropy_with_logits(z, y * (1 - epsilon) + epsilon / 2, reduction="none")


TORCH: dict[str, Callable[..., Tensor]] = {
    "poisson_nll-continuous": lambda z, y: functional.poisson_nll_loss(z, y, log_input=True, reduction="none"),
    "gaussian_nll-continuous": of_gauss,
    "student_t_nll-continuous": of_student,
    "cross_entropy-classes": of_cross_entropy,
    "kl_div-classes": of_divergence,
    "label_smoothing_bce-binary": of_smoothed,
}


@pytest.mark.parametrize("case", [c for c in CATALOGUE if f"{c.name}-{c.kind.value}" in TORCH], ids=str)
def test_values_are_those_of_torchs_own_function(case: Case) -> None:
    z, y = tensors(case, *case.ordinary())
    wanted = TORCH[f"{case.name}-{case.kind.value}"](z, y, **case.params)
    torch.testing.assert_close(case.loss()(z, y), wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("beta", [0.3, 1.0, 2.5])
def test_huber_is_torchs_smooth_loss_times_its_parameter(beta: float) -> None:
    r = torch.linspace(-5, 5, 41, dtype=torch.double)
    wanted = beta * functional.smooth_l1_loss(r, torch.zeros_like(r), beta=beta, reduction="none")
    torch.testing.assert_close(load_loss("huber", delta=beta)(r, torch.zeros_like(r)), wanted)


def two_columns(z: Array) -> Array:
    p = 1 / (1 + np.exp(-z))
    return np.stack([1 - p, p], 1)


SKLEARN: dict[str, Callable[..., float]] = {
    "quantile-continuous": lambda z, y, q: metrics.mean_pinball_loss(y, z, alpha=q),
    "multi_quantile-continuous": lambda z, y, quantiles: sum(
        metrics.mean_pinball_loss(y, z[:, place], alpha=q) for place, q in enumerate(quantiles)
    ),
    "msle-continuous": lambda z, y: metrics.mean_squared_log_error(y, np.expm1(np.maximum(z, 0))),
    "brier-binary": lambda z, y: metrics.brier_score_loss(y, 1 / (1 + np.exp(-z))),
    "hinge-binary": lambda z, y: metrics.hinge_loss(y, z),
    "multiclass_hinge-classes": lambda z, y: metrics.hinge_loss(y, z, labels=[0, 1, 2]),
    "poly1-binary-epsilon=0.0": lambda z, y, epsilon: metrics.log_loss(y, two_columns(z)),
    "kl_div-classes-epsilon=0.0": lambda z, y, epsilon: metrics.log_loss(
        y, np.exp(z) / np.exp(z).sum(1, keepdims=True)
    ),
}


@pytest.mark.parametrize("case", [c for c in CATALOGUE if {str(c), f"{c.name}-{c.kind.value}"} & set(SKLEARN)], ids=str)
def test_the_mean_is_scikit_learns(case: Case) -> None:
    z, y = case.ordinary()
    if case.name == "msle":
        z = np.abs(z)  # scikit-learn takes no prediction below 0
    oracle = SKLEARN.get(str(case)) or SKLEARN[f"{case.name}-{case.kind.value}"]
    assert judged(case, z, y)[1].mean() == pytest.approx(oracle(z, y, **case.params), rel=1e-9)


def test_the_multiclass_hinge_is_no_multi_margin_loss_of_torchs() -> None:
    z, y = torch.tensor([[0.0, 0.5, 0.7]]), torch.tensor([0])
    assert float(load_loss("multiclass_hinge")(z, y)) == pytest.approx(1.7)
    assert float(functional.multi_margin_loss(z, y)) == pytest.approx((1.5 + 1.7) / 3)  # a mean, not the worst


# ---- the learned form of Barron's ----


def general(x: float, alpha: float) -> float:
    distance = abs(alpha - 2)
    return distance / alpha * math.expm1(alpha / 2 * math.log1p(x * x / distance))


@pytest.mark.parametrize("shape", [-2.5, -1.0, 0.0, 0.7, 1.5, 3.0])
def test_the_partition_function_is_scipys_integral(shape: float) -> None:
    loss: Any = load_loss("barron_adaptive").double()
    torch.nn.init.constant_(loss.shape, shape)
    alpha = float(loss.alpha.detach())

    def density(u: float) -> float:  # of x = sinh u, since for alpha next to 0 the tails fall as slowly as 1/x²
        return math.exp(-general(math.sinh(u), alpha)) * math.cosh(u)

    area = 2 * sum(quad(density, low, high, limit=500)[0] for low, high in ((0, 5), (5, 20), (20, 60), (60, 200)))
    # 64 points are good for nine digits, but for five where alpha is next to 0
    assert float(loss.log_partition().detach()) == pytest.approx(math.log(area), abs=1e-8 if alpha > 0.2 else 5e-5)


def test_the_partition_function_ends_in_gausss_and_cauchys_constants() -> None:
    loss: Any = load_loss("barron_adaptive").double()
    torch.nn.init.constant_(loss.shape, 30.0)
    assert float(loss.log_partition().detach()) == pytest.approx(math.log(2 * math.pi) / 2, abs=2e-3)  # Z(2) = √(2π)
    torch.nn.init.constant_(loss.shape, -30.0)
    assert float(loss.log_partition().detach()) == pytest.approx(math.log(2**0.5 * math.pi), abs=2e-3)  # Z(0) = √2 π


@pytest.mark.parametrize(("shape", "log_c"), [(0.0, 0.0), (1.2, -0.7), (-1.5, 0.8)])
def test_the_likelihood_of_the_learned_form_is_a_density(shape: float, log_c: float) -> None:
    loss: Any = load_loss("barron_adaptive").double()
    torch.nn.init.constant_(loss.shape, shape)
    torch.nn.init.constant_(loss.log_c, log_c)
    u = torch.linspace(-25, 25, 20001, dtype=torch.double)
    density = torch.exp(-loss(torch.sinh(u), torch.zeros_like(u))) * torch.cosh(u)
    assert float(torch.trapezoid(density, u).detach()) == pytest.approx(1, abs=1e-6)


def test_what_is_learned_has_the_gradient_of_finite_differences() -> None:
    loss: Any = load_loss("barron_adaptive").double()
    r = torch.tensor([0.1, -2.0, 30.0], dtype=torch.double)
    zero = torch.zeros_like(r)

    def of(shape: Tensor, log_c: Tensor) -> Any:
        return torch.func.functional_call(loss, {"shape": shape, "log_c": log_c}, (r, zero))

    start = [torch.tensor(x, dtype=torch.double, requires_grad=True) for x in (0.4, -0.3)]
    assert torch.autograd.gradcheck(of, start)


# ---- losses of a set ----

SET_PARAMS = [
    ("tversky", {"alpha": 0.3, "beta": 0.7, "smooth": 1.0}),
    ("tversky", {"alpha": 0.0, "beta": 2.0, "smooth": 0.0}),
    ("tversky", {"alpha": 0.9, "beta": 0.1, "smooth": 1e-5}),
    ("dice", {"smooth": 1.0}),
    ("dice", {"smooth": 0.0}),
    ("jaccard", {"smooth": 1.0}),
    ("jaccard", {"smooth": 0.0}),
    ("pairwise_auc", {}),
]
every_set = pytest.mark.parametrize(("name", "params"), SET_PARAMS)


def by_loops(name: str, params: dict[str, float], z: Array, y: Array) -> float:
    """The set's loss, row by row or pair by pair."""
    if name == "pairwise_auc":
        pairs = [
            np.logaddexp(0, n - p) for p, t in zip(z, y, strict=True) if t for n, u in zip(z, y, strict=True) if not u
        ]
        return float(np.mean(pairs)) if pairs else 0.0
    alpha, beta = {"dice": (0.5, 0.5), "jaccard": (1.0, 1.0)}.get(name) or (params["alpha"], params["beta"])
    hit = false = missed = 0.0
    for logit, target in zip(z, y, strict=True):
        p = 1 / (1 + np.exp(-logit))
        if target:
            hit, missed = hit + p, missed + 1 - p
        else:
            false += p
    smooth = params["smooth"]
    return float(1 - (hit + smooth) / (hit + alpha * false + beta * missed + smooth))


@every_set
@pytest.mark.parametrize("seed", [0, 1])
def test_a_sets_value_is_that_of_loops_over_its_rows(name: str, params: dict[str, float], seed: int) -> None:
    generator = np.random.default_rng(seed)
    z, y = 2 * generator.normal(size=23), (generator.uniform(size=23) < 0.3).astype(float)
    found = load_loss(name, "binary", **params)(torch.from_numpy(z), torch.from_numpy(y))
    assert found.shape == ()
    assert float(found) == pytest.approx(by_loops(name, params, z, y), rel=1e-9)
    output = torch.from_numpy(z).requires_grad_()
    loss = load_loss(name, "binary", **params)
    assert torch.autograd.gradcheck(lambda o: loss(o, torch.from_numpy(y)), (output,))


@pytest.mark.parametrize(
    ("name", "params", "wanted"),
    [  # p = ½, ½, ½: one positive, two negatives, so TP = ½, FP = 1, FN = ½
        ("tversky", {"alpha": 0.3, "beta": 0.7, "smooth": 0.0}, 1 - 0.5 / (0.5 + 0.3 + 0.35)),
        ("tversky", {"alpha": 0.3, "beta": 0.7, "smooth": 1.0}, 1 - 1.5 / (1.5 + 0.65)),
        ("dice", {"smooth": 0.0}, 1 - 0.5 / 1.25),
        ("jaccard", {"smooth": 0.0}, 0.75),
        ("pairwise_auc", {}, math.log(2)),
    ],
)
def test_a_sets_value_worked_out_by_hand(name: str, params: dict[str, float], wanted: float) -> None:
    value = load_loss(name, "binary", **params)(torch.zeros(3, dtype=torch.double), torch.tensor([1.0, 0.0, 0.0]))
    assert float(value) == pytest.approx(wanted, rel=1e-12)


@every_set
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_a_set_at_extremes_has_a_value_and_no_gradient_that_is_no_number(
    name: str, params: dict[str, float], dtype: torch.dtype
) -> None:
    targets = {"none": [0.0, 0, 0, 0], "some": [0.0, 1, 0, 1], "all": [1.0, 1, 1, 1]}
    corners = ([1.0, 1, -1, -1], [-1.0, -1, -1, -1], [1.0, 1, 1, 1], [-1.0, 1, -1, 1])
    for size, positives, signs in product((20.0, 100.0, 1e4), targets, corners):
        y = torch.tensor(targets[positives], dtype=dtype)
        z = (size * torch.tensor(signs, dtype=torch.double)).to(dtype).requires_grad_()
        value = load_loss(name, "binary", **params)(z, y)
        (slope,) = torch.autograd.grad(value, z)
        assert torch.isfinite(value)
        assert torch.isfinite(slope).all()
        if not (positives == "none" and params.get("smooth") == 0):  # there it is 1 by what its docstring says
            with np.errstate(over="ignore"):
                wanted = by_loops(name, params, z.detach().double().numpy(), y.double().numpy())
            assert value.item() == pytest.approx(wanted, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("params", [{}, {"alpha": 0.0}])
@pytest.mark.parametrize("size", [0.0, 30.0, 100.0, 1e4])
def test_overlap_without_positives_and_smoothing_is_one_and_pulls_nowhere(
    size: float, params: dict[str, float]
) -> None:
    z = torch.tensor([-size, -size], requires_grad=True)
    value = load_loss("tversky", smooth=0.0, **params)(z, torch.zeros(2))
    assert value.item() == 1
    assert torch.autograd.grad(value, z)[0].tolist() == [0, 0]


def test_auc_in_a_batch_of_one_class_is_nothing_that_pulls() -> None:
    z = torch.tensor([1.0, -2.0], requires_grad=True)
    value = load_loss("pairwise_auc")(z, torch.ones(2))
    assert value.item() == 0
    assert torch.autograd.grad(value, z)[0].tolist() == [0, 0]


# ---- what was seen ----


def test_class_counts_weigh_as_worked_out_by_hand() -> None:
    loss: Any = load_loss("class_balanced", beta=0.5)
    loss.observe(torch.tensor([0.0, 0, 0, 1]))
    # (1 - β)/(1 - β^n): .5/.875 = 4/7 for three, .5/.5 = 1 for one; their mean 11/14
    np.testing.assert_allclose(loss.weight, [8 / 11, 14 / 11], 1e-6)


def test_margins_by_class_counts_as_worked_out_by_hand() -> None:
    # COUNTS are 16, 81 and 1: margins of 1/2, 1/3 and 1 times the largest
    loss = load_loss("ldam", Kind.CLASSES, max_margin=0.6)
    loss.observe(torch.tensor(COUNTS))
    flat = torch.zeros(3, 3, dtype=torch.double)
    wanted = [math.log(2 + math.exp(-m)) + m for m in (0.3, 0.2, 0.6)]
    np.testing.assert_allclose(loss(flat, torch.tensor([0, 1, 2])), wanted, 1e-6)


def test_shares_of_classes_are_added_as_worked_out_by_hand() -> None:
    loss = load_loss("logit_adjusted", Kind.CLASSES)
    loss.observe(torch.tensor([0, 0, 1, 1, 1, 2, 2, 2, 2, 2]))
    losses = loss(torch.zeros(3, 3, dtype=torch.double), torch.tensor([0, 1, 2]))
    np.testing.assert_allclose(losses, [-math.log(0.2), -math.log(0.3), -math.log(0.5)], 1e-6)
    two = load_loss("logit_adjusted", Kind.BINARY)
    two.observe(torch.tensor([0.0, 0, 0, 1]))
    np.testing.assert_allclose(two(torch.zeros(2), torch.tensor([0.0, 1])), [-math.log(0.75), -math.log(0.25)], 1e-6)


@pytest.mark.parametrize("seen", [[0, 0, 0, 0, 1, 1, 1, 3, 3], [0, 0, 0, 0, 1, 1, 1, 2, 2]])
def test_a_class_that_never_occurs_counts_as_half_an_example_wherever_it_stands(seen: list[int]) -> None:
    loss = load_loss("logit_adjusted", Kind.CLASSES)
    loss.observe(torch.tensor(seen))
    counts = [max(seen.count(c), 0.5) for c in range(4)]
    losses = loss(torch.zeros(4, 4, dtype=torch.double), torch.arange(4))
    np.testing.assert_allclose(losses, [-math.log(n / sum(counts)) for n in counts], 1e-6)


def test_a_class_that_never_occurs_has_the_margin_of_the_rarest() -> None:
    loss = load_loss("ldam", Kind.CLASSES, max_margin=0.6)
    loss.observe(torch.tensor([0] * 16 + [1] * 1 + [2] * 81))
    losses = loss(torch.zeros(4, 4, dtype=torch.double), torch.arange(4))
    wanted = [math.log(3 + math.exp(-m)) + m for m in (0.3, 0.6, 0.2, 0.6)]
    np.testing.assert_allclose(losses, wanted, 1e-6)
