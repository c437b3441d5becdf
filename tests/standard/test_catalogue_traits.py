"""What the losses of the catalogue declare, share, predict, count and learn, tried rather than believed."""

from __future__ import annotations

import copy
import io
import math
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from torch import Tensor, nn

from lossbench.errors import InputError
from lossbench.loss import Domain, Kind, Loss, check_prediction
from lossbench.loss.catalogue import load_family, load_loss
from tests.standard.catalogue_cases import CATALOGUE, CLASSES, COUNTS, RARE, Case, tensors
from tests.standard.test_standard_losses import CASES

EARLIER = [Case(c.name, c.kind, lambda z, y: 0, c.params) for c in CASES]  # their formulas are tried in their own file
ALL = CATALOGUE + [case for case in EARLIER if str(case) not in {str(c) for c in CATALOGUE}]
ONCE = list({(case.name, case.kind): case for case in ALL}.values())
"""One of every loss and kind, where the parameters make no difference."""
ETAS = (0.05, 0.2, 0.4, 0.6, 0.8, 0.95)
SETS = [("tversky", {}), ("dice", {}), ("jaccard", {}), ("pairwise_auc", {})]


def cases(kind: Kind, *, of: list[Case] | None = None) -> Any:
    return pytest.mark.parametrize("case", [c for c in (of or ALL) if c.kind is kind], ids=str)


every_case = pytest.mark.parametrize("case", ALL, ids=str)
one_of_each = pytest.mark.parametrize("case", ONCE, ids=str)


def drawn(case: Case, n: int, size: float, seed: int) -> tuple[Tensor, Tensor]:
    """Random outputs and targets; outputs of a regression lie around the targets' 0."""
    generator = torch.Generator().manual_seed(seed)
    shape = (n, CLASSES) if case.kind is Kind.CLASSES else (n,)
    if case.kind is Kind.CONTINUOUS and case.loss().outputs(1) > 1:
        shape = (n, case.loss().outputs(1))
    z = size * torch.randn(shape, generator=generator, dtype=torch.double)
    match case.kind:
        case Kind.CONTINUOUS:
            y = torch.randn(n, generator=generator, dtype=torch.double)
            return z, y.abs() if case.loss().domain is Domain.NONNEGATIVE else y
        case Kind.BINARY:
            return z, torch.randint(2, (n,), generator=generator).double()
    return z, torch.randint(CLASSES, (n,), generator=generator)


# ---- bounds, zeros, convexity ----


@every_case
def test_a_declared_largest_value_is_one_and_without_it_values_grow(case: Case) -> None:
    largest = [float(case.loss()(*tensors(case, *case.extreme(size))).detach().max()) for size in (1e3, 1e4)]
    # over one more power of ten a logarithm of a square still grows by a third
    assert (math.isfinite(largest[1]) and largest[1] <= 1.1 * largest[0]) == case.loss().bounded


def perfect(case: Case) -> tuple[Tensor, Tensor]:
    """Answers as good as they can be: sure and right, equal to the target, or to the smoothed label."""
    match case.kind:
        case Kind.CONTINUOUS:
            y = torch.tensor([0.0, 0.5, 2.0, 5.0], dtype=torch.double)
            z = torch.log1p(y) if case.name == "msle" else y.clamp(min=1e-9).log() if case.name == "poisson_nll" else y
            outputs = case.loss().outputs(1)
            if case.name in ("gaussian_nll", "student_t_nll"):
                return torch.stack([z, torch.full_like(z, -10.0)], 1), y
            return (z if outputs == 1 else z[:, None].expand(-1, outputs)), y
        case Kind.BINARY:
            z = torch.tensor([-1e4, 1e4, -3, 3, -2, 2], dtype=torch.double)
            return z, (z > 0).double()
    y = torch.arange(CLASSES).repeat(2)
    sure = nn.functional.one_hot(y, CLASSES).double()
    e = float(case.params.get("epsilon", 0.0)) if case.name == "kl_div" else 0.0
    if e:
        return ((1 - e) * sure + e / CLASSES).log(), y
    return sure * (1 if case.name == "mse" else 1e4), y


@every_case
def test_zero_is_the_least_value_where_declared_and_nowhere_else(case: Case) -> None:
    loss, least = case.loss(), math.inf
    for output, target in [perfect(case), *(drawn(case, 4000, size, 7) for size in (0.3, 2.0, 15.0))]:
        least = min(least, float(loss(output, target).min()))
    if loss.zero:
        assert -1e-12 <= least <= 1e-6
    else:
        assert least < -1e-3 or least > 1e-3


@every_case
def test_it_is_convex_in_the_raw_outputs_where_declared_and_nowhere_else(case: Case) -> None:
    loss, worst = case.loss(), -math.inf
    if case.name == "barron_adaptive":
        nn.init.constant_(loss.get_parameter("shape"), -1.0)  # it begins with the convex pseudo-Huber loss
    for size in (0.5, 2.0, 6.0, 20.0):
        (a, y), (b, _) = drawn(case, 8000, size, 1), drawn(case, 8000, size, 2)
        ends = (loss(a, y) + loss(b, y)) / 2
        worst = max(worst, float(((loss((a + b) / 2, y) - ends) / (1 + ends.abs())).max()))
    assert (worst < 1e-9) == loss.convex


@pytest.mark.parametrize(("epsilon", "convex"), [(-1.0, True), (0.99, True), (1.0, True), (1.1, False)])
@pytest.mark.parametrize("kind", [Kind.BINARY, Kind.CLASSES])
def test_poly_is_convex_up_to_one(epsilon: float, convex: bool, kind: Kind) -> None:
    """With p the true class's probability, the second derivative is p (1 - p)(1 - epsilon (1 - 2p))."""
    loss = load_loss("poly1", kind, epsilon=epsilon)
    z = torch.linspace(-12, 4, 801, dtype=torch.double)
    output = z if kind is Kind.BINARY else torch.stack([torch.zeros_like(z), z], 1)
    values = loss(output, torch.ones(801).to(torch.int64 if kind is Kind.CLASSES else torch.double))
    assert loss.convex is convex
    assert bool(((values[2:] - 2 * values[1:-1] + values[:-2]) > -1e-13).all()) == convex


# ---- what the minimiser is ----


def along(case: Case) -> tuple[Loss, Tensor, Tensor, Tensor]:
    """A loss of two classes over a line of logits: the line's outputs, and its values for targets of 0 and of 1."""
    loss = load_loss(case.name, case.kind, **case.params).double()
    line = torch.linspace(-30, 30, 24001, dtype=torch.double)
    many = case.kind is Kind.CLASSES
    if case.seen:
        loss.observe(torch.tensor(RARE).to(torch.int64 if many else torch.double))
    output = torch.stack([-line / 2, line / 2], 1) if many else line
    label = torch.ones(len(line), dtype=torch.int64 if many else torch.double)
    return loss, output, loss(output, 0 * label), loss(output, label)


WIDER = [
    c
    for c in ALL
    if c.kind is Kind.CLASSES and ({"weight", "pos_weight"} & set(c.params) or c.name in ("mse", "weighted_bce"))
]
"""Losses that have more to say than a line of logits lets them; see the test with three classes."""
TWO = [c for c in ALL if c.kind is not Kind.CONTINUOUS and c not in WIDER]


@pytest.mark.parametrize("case", TWO, ids=str)
def test_of_two_classes_it_elicits_what_it_declares(case: Case) -> None:
    loss, output, no, yes = along(case)
    off, chosen = [], []
    for eta in ETAS:
        best = int((eta * yes + (1 - eta) * no).argmin())
        prediction = loss.predict(output[best : best + 1])
        assert prediction.label is not None
        chosen.append((int(prediction.label), float(output[best] if output.ndim == 1 else output[best].diff())))
        if prediction.probability is not None:
            off.append(abs(float(prediction.probability.reshape(-1)[-1]) - eta))
    match loss.elicits:
        case "probability":
            assert len(off) == len(ETAS)
            assert max(off) < 1e-3
        case "distorted probability":
            assert max(off) > 1e-3
        case "sign":
            assert [label for label, _ in chosen] == [int(eta > 0.5) for eta in ETAS]
            assert np.ptp([abs(z) for _, z in chosen]) < 0.1  # how sure does not tell
        case other:
            pytest.fail(f"{case} elicits '{other}'")


LAW = torch.tensor([0.5, 0.3, 0.2], dtype=torch.double)


def best_logits(loss: Loss, law: Tensor) -> Tensor:
    """One row of logits that makes the expected loss least."""
    z = torch.full((1, len(law)), 0.1, dtype=torch.double, requires_grad=True)
    optimizer = torch.optim.LBFGS([z], max_iter=300, tolerance_grad=1e-10, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        risk = (law * loss(z.expand(len(law), -1), torch.arange(len(law)))).sum()
        risk.backward()
        return risk

    optimizer.step(closure)  # type: ignore[arg-type,no-untyped-call]
    return z.detach()


@pytest.mark.parametrize(
    "case",
    [c for c in ALL if c.kind is Kind.CLASSES and "probability" in c.loss().elicits and c.name != "dice"],
    ids=str,
)
def test_of_three_classes_it_elicits_what_it_declares(case: Case) -> None:
    loss = case.loss()
    probability = loss.predict(best_logits(loss, LAW)).probability
    assert probability is not None
    off = float((probability[0] - LAW).abs().max())
    assert off < 1e-4 if loss.elicits == "probability" else off > 5e-4


def test_losses_that_add_up_over_the_labels_ask_for_the_likeliest_class_alone() -> None:
    """Ghosh et al. 2017: where the sum over labels does not depend on the answer, the risk is least at an end."""
    loss = load_loss("nce_rce")
    z = 3 * torch.randn(50, 3, generator=torch.Generator().manual_seed(0), dtype=torch.double)
    total = sum(loss(z, torch.full((50,), label)) for label in range(3))
    torch.testing.assert_close(total, torch.full_like(total, 1 - 2 * math.log(1e-4)))  # type: ignore[arg-type]
    assert loss.elicits == load_loss("gce", Kind.CLASSES, q=1.0).elicits == "sign"


ATOMS = torch.tensor([0.0, 1.0, 2.0, 4.0, 10.0], dtype=torch.double)
MASS = torch.tensor([0.3, 0.25, 0.2, 0.13, 0.12], dtype=torch.double)
EVEN, EVEN_MASS = ATOMS.new_tensor([-2, -1, 0, 1, 2]), ATOMS.new_tensor([0.1, 0.2, 0.4, 0.2, 0.1])


def quantile(level: float) -> float:
    return float(ATOMS[int((MASS.cumsum(0) < level).sum())])


def expectile(tau: float) -> float:
    """Where tau times what lies above and 1 - tau times what lies below are in balance."""

    def balance(e: float) -> float:
        return float((MASS * (tau * (ATOMS - e).clamp(min=0) - (1 - tau) * (e - ATOMS).clamp(min=0))).sum())

    return float(brentq(balance, 0, 10))


@cases(Kind.CONTINUOUS)
def test_of_numbers_it_elicits_what_it_declares(case: Case) -> None:
    loss = case.loss()
    atoms, mass = (EVEN, EVEN_MASS) if loss.elicits == "centre" else (ATOMS, MASS)
    line = torch.linspace(-3, 11, 14001, dtype=torch.double)
    output = line if loss.outputs(1) == 1 else line[:, None].expand(-1, loss.outputs(1)).clone()
    if case.name in ("gaussian_nll", "student_t_nll"):
        output[:, 1] = 1.0
    with torch.no_grad():
        risk = sum(float(m) * loss(output, a.expand(len(line))) for a, m in zip(atoms, mass, strict=True))
        assert isinstance(risk, Tensor)
        best = float(loss.predict(output[int(risk.argmin())][None]).score)
    if case.name == "multi_quantile":
        return  # each output has a quantile of its own: see below
    told, _, level = loss.elicits.partition(" ")
    match told:
        case "mean" if not level:
            wanted = float((ATOMS * MASS).sum())
        case "mean":
            assert loss.elicits == "mean logarithm"
            wanted = math.expm1(float((torch.log1p(ATOMS) * MASS).sum()))
        case "median":
            wanted = quantile(0.5)
        case "quantile":
            wanted = quantile(float(level))
        case "expectile":
            wanted = expectile(float(level))
        case "centre":
            wanted = 0.0
        case other:
            pytest.fail(f"{case} elicits '{other}'")
    assert best == pytest.approx(wanted, abs=0.002 * max(1, wanted))


@pytest.mark.parametrize("levels", [(0.05, 0.5, 0.95), (0.2, 0.4, 0.8)])
def test_every_output_of_several_quantiles_elicits_its_own(levels: tuple[float, ...]) -> None:
    loss = load_loss("multi_quantile", quantiles=list(levels))
    line = torch.linspace(-1, 11, 1201, dtype=torch.double)
    for column, level in enumerate(levels):
        output = torch.zeros(len(line), 3, dtype=torch.double)
        output[:, column] = line
        risk = torch.stack([m * loss(output, a.expand(len(line))) for a, m in zip(ATOMS, MASS, strict=True)]).sum(0)
        assert float(line[int(risk.argmin())]) == pytest.approx(quantile(level), abs=1e-6)
    assert loss.elicits == ("median" if levels[1] == 0.5 else "quantile 0.4")


def test_the_gaussian_likelihood_elicits_mean_and_variance() -> None:
    loss = load_loss("gaussian_nll")
    z = torch.zeros(1, 2, dtype=torch.double, requires_grad=True)
    optimizer = torch.optim.LBFGS([z], max_iter=500, tolerance_grad=1e-11, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        risk = (MASS * loss(z.expand(5, -1), ATOMS)).sum()
        risk.backward()
        return risk

    optimizer.step(closure)  # type: ignore[arg-type,no-untyped-call]
    mean = float((ATOMS * MASS).sum())
    assert float(z[0, 0]) == pytest.approx(mean, abs=1e-4)
    variance = float((MASS * (ATOMS - mean) ** 2).sum())
    assert float(nn.functional.softplus(z[0, 1].detach())) == pytest.approx(variance, rel=1e-4)


@pytest.mark.parametrize(("name", "prevalence"), [("dice", 0.4), ("jaccard", 0.4), ("tversky", 0.4), ("dice", 0.6)])
def test_a_constant_answer_to_an_overlap_is_sure_whatever_the_share_of_positives(name: str, prevalence: float) -> None:
    """A fraction of two straight lines in p is least at one end: no probability is ever the best answer."""
    loss, y = load_loss(name, Kind.BINARY), (torch.arange(100) < 100 * prevalence).double()
    values = [float(loss(torch.full((100,), z, dtype=torch.double), y)) for z in np.linspace(-20, 20, 81)]
    assert int(np.argmin(values)) == 80
    assert loss.elicits == "distorted probability"


def test_only_the_order_counts_for_auc() -> None:
    z, y = torch.randn(30, dtype=torch.double), (torch.arange(30) % 3 == 0).double()
    loss = load_loss("pairwise_auc")
    torch.testing.assert_close(loss(z, y), loss(z + 5, y))
    assert loss.predict(z).probability is None
    assert loss.elicits == "order"


@pytest.mark.parametrize(("name", "params"), SETS)
def test_traits_of_losses_of_a_set(name: str, params: dict[str, Any]) -> None:
    loss = load_loss(name, Kind.BINARY, **params)
    y = torch.tensor([1.0, 0, 0, 1, 0, 0])
    assert float(loss(1e4 * (2 * y - 1), y)) == pytest.approx(0, abs=1e-6)
    wrong = float(loss(1e4 * (1 - 2 * y), y))
    assert wrong <= 1 if loss.bounded else wrong > 1e3
    worst = -math.inf
    for seed in range(300):
        a, b = 4 * torch.randn(2, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.double)
        worst = max(worst, float(loss((a + b) / 2, y.double()) - (loss(a, y.double()) + loss(b, y.double())) / 2))
        assert float(loss(a, y.double())) >= 0
    assert (worst < 1e-9) == loss.convex


# ---- special cases ----

N, B, M = Kind.CONTINUOUS, Kind.BINARY, Kind.CLASSES
INF = float("inf")


@pytest.mark.parametrize(
    ("kind", "name", "params", "factor", "other", "others"),
    [
        (B, "focal", {"gamma": 0.0}, 1, "bce", {}),
        (B, "focal", {"gamma": 0.0, "alpha": 0.5}, 0.5, "bce", {}),
        (M, "focal", {"gamma": 0.0}, 1, "cross_entropy", {}),
        (B, "asl", {"gamma_neg": 0.0, "gamma_pos": 0.0, "margin": 0.0}, 1, "bce", {}),
        (B, "asl", {"gamma_neg": 2.0, "gamma_pos": 2.0, "margin": 0.0}, 1, "focal", {"gamma": 2.0}),
        (B, "label_smoothing_bce", {"epsilon": 0.0}, 1, "bce", {}),
        (B, "bootstrap", {"beta": 1.0}, 1, "bce", {}),
        (B, "poly1", {"epsilon": 0.0}, 1, "bce", {}),
        (M, "poly1", {"epsilon": 0.0}, 1, "cross_entropy", {}),
        (M, "cross_entropy", {"label_smoothing": 0.0}, 1, "cross_entropy", {}),
        (M, "kl_div", {"epsilon": 0.0}, 1, "cross_entropy", {}),
        (B, "sce", {"alpha": 1.0, "beta": 0.0}, 1, "bce", {}),
        # the reverse cross-entropy alone, of which GCE at q = 1 is 1/-A: both are the absolute error of the probability
        (B, "sce", {"alpha": 0.0, "beta": 0.5, "A": -2.0}, 1, "gce", {"q": 1.0}),
        (M, "sce", {"alpha": 0.0, "beta": 0.5, "A": -2.0}, 1, "gce", {"q": 1.0}),
        (M, "nce_rce", {"alpha": 0.0, "beta": 0.5, "A": -2.0}, 1, "gce", {"q": 1.0}),
        (B, "gce", {"q": 0.0}, 1, "bce", {}),
        (M, "gce", {"q": 0.0}, 1, "cross_entropy", {}),
        (B, "ldam", {"max_margin": 0.0}, 1, "bce", {}),
        (B, "weighted_bce", {"pos_weight": 1.0}, 1, "bce", {}),
        (B, "weighted_bce", {"pos_weight": 7.0}, 1, "bce", {"pos_weight": 7.0}),
        (M, "weighted_bce", {"pos_weight": 7.0}, 1, "bce", {"pos_weight": 7.0}),
        (M, "weighted_cross_entropy", {"power": 0.0}, 1, "cross_entropy", {}),
        (M, "weighted_cross_entropy", {"weight": [0.5, 2.0, 3.0]}, 1, "cross_entropy", {"weight": [0.5, 2.0, 3.0]}),
        (M, "ldam", {"max_margin": 0.0}, 1, "cross_entropy", {}),
        (B, "class_balanced", {"beta": 0.0}, 1, "bce", {}),
        (B, "logit_adjusted", {"tau": 0.0}, 1, "bce", {}),
        (M, "logit_adjusted", {"tau": 0.0}, 1, "cross_entropy", {}),
        (B, "brier", {}, 1, "mse", {}),
        (N, "huber", {"delta": 1e6}, 0.5, "mse", {}),
        (N, "quantile", {"q": 0.5}, 0.5, "mae", {}),
        (N, "expectile", {"tau": 0.5}, 0.5, "mse", {}),
        (N, "barron", {"alpha": 2.0}, 0.5, "mse", {}),
        (N, "barron", {"alpha": 0.0, "c": 0.7}, 1, "cauchy", {"c": 0.7}),
        (N, "barron", {"alpha": -INF, "c": 0.7}, 1, "welsch", {"c": 0.7}),
    ],
)
def test_a_special_case_is_the_other_loss(
    kind: Kind, name: str, params: dict[str, Any], factor: float, other: str, others: dict[str, Any]
) -> None:
    case = Case(other, kind, lambda z, y: 0, others)
    one, two = load_loss(name, kind, **params), load_loss(other, kind, **others)
    for loss in (one, two):
        loss.observe(torch.tensor(COUNTS) if kind is M else torch.tensor(RARE).double())
    z, y = drawn(case, 200, 4.0, 3)
    found = one(z, y)
    torch.testing.assert_close(found, factor * two(z, y), rtol=1e-9, atol=1e-12)
    if kind is not N and factor == 1:
        assert one.elicits == two.elicits
        assert one.convex == two.convex
        assert one.bounded == two.bounded


R = torch.linspace(-9, 9, 181, dtype=torch.double)


@pytest.mark.parametrize(
    ("alpha", "wanted"),
    [
        (1.0, torch.sqrt(R**2 + 1) - 1),
        (-2.0, 2 * R**2 / (R**2 + 4)),
        (1e-9, torch.log1p(R**2 / 2)),
        (-1e-9, torch.log1p(R**2 / 2)),
        (2 - 1e-9, R**2 / 2),
        (-1e9, 1 - torch.exp(-(R**2) / 2)),
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_barron_goes_through_its_known_members_without_a_jump(alpha: float, wanted: Tensor, dtype: torch.dtype) -> None:
    found = load_loss("barron", alpha=alpha)(R.to(dtype), torch.zeros(len(R), dtype=dtype))
    torch.testing.assert_close(found.double(), wanted, rtol=1e-6, atol=1e-6 if dtype is torch.float32 else 1e-9)


@pytest.mark.parametrize("kind", [B, M])
def test_gce_lies_between_cross_entropy_and_the_error_of_the_probability(kind: Kind) -> None:
    case = Case("gce", kind, lambda z, y: 0)
    z, y = drawn(case, 100, 3.0, 5)
    entropy = load_loss("bce" if kind is B else "cross_entropy", kind)(z, y)
    torch.testing.assert_close(load_loss("gce", kind, q=1e-6)(z, y), entropy, rtol=1e-4, atol=0)
    torch.testing.assert_close(load_loss("gce", kind, q=1.0)(z, y), 1 - torch.exp(-entropy))


@pytest.mark.parametrize(
    ("name", "params", "factor"),
    [
        ("focal", {"gamma": 1.5}, 1),
        ("gce", {"q": 0.4}, 1),
        ("sce", {"alpha": 0.3, "beta": 2.0}, 1),
        ("poly1", {"epsilon": 2.0}, 1),
        ("brier", {}, 2),  # both classes are counted
        ("ldam", {"max_margin": 0.8, "scale": 3.0}, 1),
        ("logit_adjusted", {"tau": 1.5}, 1),
    ],
)
def test_two_classes_of_many_are_the_binary_loss_of_the_difference(
    name: str, params: dict[str, Any], factor: float
) -> None:
    z = 3 * torch.randn(60, 2, generator=torch.Generator().manual_seed(0), dtype=torch.double)
    y = torch.arange(60) % 2
    many, two = load_loss(name, M, **params).double(), load_loss(name, B, **params).double()
    many.observe(torch.tensor(RARE))
    two.observe(torch.tensor(RARE).double())
    torch.testing.assert_close(many(z, y), factor * two(z[:, 1] - z[:, 0], y.double()), rtol=1e-9, atol=1e-12)
    a, b = many.predict(z), two.predict(z[:, 1] - z[:, 0])
    assert a.label is not None
    assert a.probability is not None
    assert torch.equal(a.label, b.label)
    torch.testing.assert_close(a.probability[:, 1], b.probability)


def test_overlaps_are_tverskys_by_their_weights() -> None:
    z, y = torch.randn(40, dtype=torch.double), (torch.arange(40) % 4 == 0).double()
    for name, weight in (("dice", 0.5), ("jaccard", 1.0)):
        for smooth in (0.0, 1.0):
            tversky = load_loss("tversky", alpha=weight, beta=weight, smooth=smooth)
            torch.testing.assert_close(load_loss(name, B, smooth=smooth)(z, y), tversky(z, y))


def test_a_dearer_miss_pulls_harder_at_positives() -> None:
    y = (torch.arange(40) % 4 == 0).double()
    pulls = []
    for beta in (0.1, 0.3, 0.6, 0.9):
        z = torch.randn(40, generator=torch.Generator().manual_seed(1), dtype=torch.double).requires_grad_()
        (slope,) = torch.autograd.grad(load_loss("tversky", alpha=0.3, beta=beta)(z, y), z)
        pulls.append(float(slope[y == 1].sum()))
        assert (slope[y == 0] > 0).all()
    assert pulls == sorted(pulls, reverse=True)
    assert pulls[0] < 0


def test_two_classes_alone_are_alike_to_the_dice_of_single_rows() -> None:
    z = torch.randn(10, 2, dtype=torch.double)
    one, other = (load_loss("dice", M)(z, torch.full((10,), label)) for label in (0, 1))
    torch.testing.assert_close(one, other)  # as its docstring says


# ---- predictions ----


@every_case
def test_predictions_are_well_formed(case: Case) -> None:
    loss = case.loss()
    for output in (drawn(case, 50, 3.0, 0)[0], drawn(case, 50, 1e3, 0)[0], drawn(case, 50, 3.0, 0)[0].float()):
        if case.name in ("poisson_nll", "msle"):
            output = output.clamp(max=50)
        prediction = loss.predict(output)
        check_prediction(case.kind, prediction, output)
        assert torch.isfinite(prediction.score).all()
        if prediction.probability is not None:
            assert ((prediction.probability >= 0) & (prediction.probability <= 1)).all()
            label = prediction.probability.argmax(1) if case.kind is M else (prediction.probability > 0.5).long()
            assert prediction.label is not None
            if case.kind is M:  # of equal probabilities any may be the label
                rows = torch.arange(50)
                assert (prediction.probability[rows, prediction.label] == prediction.probability[rows, label]).all()
                torch.testing.assert_close(prediction.probability.sum(1), torch.ones_like(output[:, 0]))
            else:
                assert torch.equal(prediction.label, label)


def test_margins_that_say_how_sure_are_read_on_a_line_from_minus_one_to_one() -> None:
    for name in ("squared_hinge", "modified_huber"):
        prediction = load_loss(name).predict(torch.tensor([-7.0, -1.0, -0.5, 0.0, 0.2, 1.0, 7.0]))
        np.testing.assert_allclose(prediction.probability, [0, 0, 0.25, 0.5, 0.6, 1, 1], atol=2e-6)
        assert prediction.label is not None
        assert prediction.label.tolist() == [0, 0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(("name", "kind"), [("hinge", B), ("multiclass_hinge", M), ("pairwise_auc", B)])
def test_what_has_no_probability_tells_none(name: str, kind: Kind) -> None:
    prediction = load_loss(name, kind).predict(torch.zeros(4, 3) if kind is M else torch.zeros(4))
    assert prediction.probability is None
    assert prediction.label is not None


@pytest.mark.parametrize("name", ["gaussian_nll", "student_t_nll"])
def test_intervals_cover_nine_draws_in_ten(name: str) -> None:
    n, raw = 40_000, math.log(math.expm1(1.7))
    generator = np.random.default_rng(0)
    draws = {
        "gaussian_nll": generator.normal(size=n) * 1.7**0.5,
        "student_t_nll": generator.standard_t(3, size=n) * 1.7,
    }
    loss = load_loss(name, **({"nu": 3.0} if name == "student_t_nll" else {}))
    prediction = loss.predict(torch.tensor([[5.0, raw]]).double().expand(n, 2))
    assert prediction.interval is not None
    low, high = (bound.numpy() for bound in prediction.interval)
    y = 5 + draws[name]
    assert ((low < y) & (y < high)).mean() == pytest.approx(0.9, abs=0.005)
    assert (y < low).mean() == pytest.approx(0.05, abs=0.004)


def test_logarithms_are_undone_by_predict() -> None:
    f = torch.tensor([-1.0, 0.0, 2.0], dtype=torch.double)
    np.testing.assert_allclose(load_loss("poisson_nll").predict(f).score, np.exp([-1, 0, 2]))
    np.testing.assert_allclose(load_loss("msle").predict(f).score, [0, 0, np.expm1(2)])  # targets are at least 0


def test_quantiles_that_cross_are_sorted_and_the_outer_ones_enclose_nine_in_ten() -> None:
    prediction = load_loss("multi_quantile").predict(torch.tensor([[3.0, 1.0, 2.0], [-1.0, 0.0, 4.0]]))
    assert prediction.score.tolist() == [2, 0]
    assert prediction.interval is not None
    assert [bound.tolist() for bound in prediction.interval] == [[1, -1], [3, 4]]
    assert load_loss("multi_quantile", quantiles=[0.25, 0.5, 0.75]).predict(torch.zeros(2, 3)).interval is None


# ---- states ----


@one_of_each
def test_copies_and_states_carry_everything(case: Case) -> None:
    loss = case.loss()
    with torch.no_grad():
        for parameter in loss.parameters():
            parameter.add_(0.3)
    z, y = drawn(case, 30, 2.0, 4)
    wanted = loss(z, y)
    assert torch.equal(copy.deepcopy(loss)(z, y), wanted)
    assert torch.equal(pickle.loads(pickle.dumps(loss))(z, y), wanted)
    file = io.BytesIO()
    torch.save(loss.state_dict(), file)
    file.seek(0)
    fresh = load_loss(case.name, case.kind, **case.params).double()  # one that has seen no targets
    fresh.load_state_dict(torch.load(file))
    assert torch.equal(fresh(z, y), wanted)


@one_of_each
def test_what_is_observed_is_declared_and_kept_in_buffers(case: Case) -> None:
    loss = load_loss(case.name, case.kind, **case.params)
    before = copy.deepcopy(loss.state_dict())
    loss.observe(torch.tensor(COUNTS) if case.kind is M else torch.tensor(RARE).float())
    after = loss.state_dict()
    changed = any(not torch.equal(before[key], after[key]) for key in after)
    assert changed == (loss.observes == "class counts")
    assert bool(case.seen) == bool(loss.observes)


@pytest.mark.parametrize("case", [c for c in ONCE if c.seen], ids=str)
def test_without_an_observation_no_class_is_rarer(case: Case) -> None:
    loss = load_loss(case.name, case.kind, **case.params).double()
    z, y = drawn(case, 20, 2.0, 0)
    flipped = loss(z.flip(1), CLASSES - 1 - y) if case.kind is M else loss(-z, 1 - y)
    torch.testing.assert_close(loss(z, y), flipped)


def test_tukey_is_half_a_square_while_it_warms_up() -> None:
    loss = load_loss("tukey", c=2.0, warm_up=0.2)
    r, zero = torch.tensor([0.5, 30.0], dtype=torch.double), torch.zeros(2, dtype=torch.double)
    own = [4 / 6 * (1 - (1 - 0.0625) ** 3), 4 / 6]
    for progress, wanted in ((0.0, [0.125, 450]), (0.19, [0.125, 450]), (0.2, own), (1.0, own), (0.1, [0.125, 450])):
        loss.advance(progress)
        np.testing.assert_allclose(loss(r, zero), wanted, 1e-12)
    never = load_loss("tukey", warm_up=0.0)
    never.advance(0.0)
    assert float(never(r, zero)[1]) == pytest.approx(4.685**2 / 6)


@pytest.mark.parametrize("seed", [0, 1])
def test_how_robust_to_be_is_learned_from_the_tails(seed: int) -> None:
    generator, learned = np.random.default_rng(seed), []
    for y in (generator.standard_t(1.5, size=3000) * 0.5, generator.normal(size=3000) * 2.0):
        loss: Any = load_loss("barron_adaptive")
        target = torch.from_numpy(y).float()
        optimizer = torch.optim.Adam(loss.parameters(), lr=0.05)
        first = float(loss(torch.zeros_like(target), target).mean().detach())
        for _ in range(150):
            optimizer.zero_grad()
            value = loss(torch.zeros_like(target), target).mean()
            value.backward()
            assert all(torch.isfinite(p.grad) and p.grad != 0 for p in loss.parameters())
            optimizer.step()
        assert float(value.detach()) < first
        learned.append((float(loss.alpha.detach()), float(loss.c.detach())))
    (heavy, narrow), (light, broad) = learned
    assert heavy < 1 < light
    assert narrow < 1 < broad
    assert broad == pytest.approx(2, rel=0.15)


# ---- transforms ----


@one_of_each
def test_gradients_by_vmap_are_those_of_a_loop(case: Case) -> None:
    loss = case.loss()
    pairs = [drawn(case, 6, 2.0, seed) for seed in range(3)]
    z, y = (torch.stack([pair[place] for pair in pairs]) for place in (0, 1))

    def mean(output: Tensor, target: Tensor) -> Tensor:
        return loss(output, target).mean()

    together = torch.func.vmap(torch.func.grad(mean))(z, y)
    for row in range(3):
        torch.testing.assert_close(together[row], torch.func.grad(mean)(z[row], y[row]), rtol=1e-9, atol=1e-12)


@one_of_each
def test_it_compiles_as_one_graph_to_the_same_values(case: Case) -> None:
    torch._dynamo.reset()
    loss = case.loss()
    z, y = drawn(case, 9, 2.0, 1)
    compiled = torch.compile(loss.forward, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(z, y), loss(z, y), rtol=1e-12, atol=1e-14)


@one_of_each
def test_shapes_follow_without_any_numbers(case: Case) -> None:
    z, y = (tensor.to("meta") for tensor in drawn(case, 9, 2.0, 1))
    losses = case.loss().to("meta")(z, y)
    assert losses.device.type == "meta"
    assert losses.shape == (9,)


@pytest.mark.parametrize(("name", "params"), SETS[:3])  # pairwise_auc picks rows by their labels, whose number varies
def test_overlaps_can_be_mapped_and_compiled(name: str, params: dict[str, Any]) -> None:
    for smooth in (0.0, 1.0):
        loss = load_loss(name, B, smooth=smooth)
        z, y = torch.randn(3, 8, dtype=torch.double), (torch.arange(24).reshape(3, 8) % 3 == 0).double()
        together = torch.func.vmap(torch.func.grad(loss))(z, y)
        torch.testing.assert_close(
            together, torch.stack([torch.func.grad(loss)(a, b) for a, b in zip(z, y, strict=True)])
        )
        torch._dynamo.reset()
        compiled = torch.compile(loss.forward, backend="eager", fullgraph=True)
        torch.testing.assert_close(compiled(z[0], y[0]), loss(z[0], y[0]))


@one_of_each
def test_no_random_number_is_drawn_and_two_calls_agree(case: Case) -> None:
    loss, before = case.loss(), torch.get_rng_state()
    z, y = drawn(case, 20, 2.0, 0)
    assert torch.equal(loss(z, y), loss(z, y))
    assert torch.equal(torch.get_rng_state(), before)


# ---- parameters ----

NAN = float("nan")
REFUSED: dict[tuple[str, Kind], dict[str, list[Any]]] = {
    ("cauchy", N): {"c": [0.0, -1.0, NAN, INF]},
    ("welsch", N): {"c": [0.0, INF]},
    ("tukey", N): {"c": [0.0, NAN], "warm_up": [-0.1, 1.0, NAN]},
    ("barron", N): {"alpha": [2.1, NAN, INF], "c": [0.0]},
    ("quantile", N): {"q": [0.0, 1.0, NAN, 1.5]},
    ("multi_quantile", N): {"quantiles": [[], [0.1, 0.9], [0.5, 0.4, 0.9], [0.5, 0.5, 0.6], [0.0, 0.5, 0.9]]},
    ("expectile", N): {"tau": [0.0, 1.0, NAN]},
    ("student_t_nll", N): {"nu": [0.0, INF, NAN]},
    ("cross_entropy", M): {"weight": [[1.0, 0.0], [-1.0]], "label_smoothing": [-0.1, 1.0, NAN]},
    ("focal", B): {"gamma": [-1.0, NAN, INF], "alpha": [0.0, 1.0, 1.2]},
    ("focal", M): {"gamma": [-1.0, NAN]},
    ("asl", B): {"gamma_neg": [-1.0], "gamma_pos": [-1.0], "margin": [-0.1, 1.0]},
    ("label_smoothing_bce", B): {"epsilon": [-0.1, 1.0]},
    ("gce", B): {"q": [-0.1, 1.1, NAN]},
    ("gce", M): {"q": [-0.1, 1.1]},
    ("sce", B): {"alpha": [-0.1, NAN], "beta": [-1.0], "A": [0.0, 1.0, -INF, NAN]},
    ("sce", M): {"alpha": [-0.1], "beta": [-1.0], "A": [0.0]},
    ("nce_rce", M): {"alpha": [-0.1, INF], "beta": [-1.0], "A": [0.0, NAN]},
    ("bootstrap", B): {"beta": [0.0, 1.1]},
    ("poly1", B): {"epsilon": [-1.1, INF, NAN]},
    ("poly1", M): {"epsilon": [-1.1]},
    ("kl_div", M): {"epsilon": [-0.1, 1.0]},
    ("tversky", B): {"alpha": [-0.1, NAN], "beta": [0.0], "smooth": [-1.0, INF]},
    ("dice", B): {"smooth": [-1.0]},
    ("dice", M): {"alpha": [-1.0], "gamma": [0.0]},
    ("jaccard", B): {"smooth": [-1.0]},
    ("class_balanced", B): {"beta": [-0.1, 1.0]},
    ("weighted_bce", B): {"pos_weight": [0.0, -1.0, NAN, INF]},
    ("weighted_bce", M): {"pos_weight": [0.0]},
    ("weighted_cross_entropy", M): {"weight": [[1.0, 0.0], [-1.0]], "power": [-0.1, NAN, INF]},
    ("logit_adjusted", B): {"tau": [-1.0, INF]},
    ("logit_adjusted", M): {"tau": [-1.0]},
    ("ldam", B): {"max_margin": [-0.1, NAN], "scale": [0.0, INF]},
    ("ldam", M): {"max_margin": [-0.1], "scale": [0.0]},
}


@pytest.mark.parametrize(
    ("name", "kind", "key", "value"),
    [(name, kind, key, v) for (name, kind), keys in REFUSED.items() for key, values in keys.items() for v in values],
)
def test_a_parameter_out_of_its_range_is_refused_by_name(name: str, kind: Kind, key: str, value: Any) -> None:
    with pytest.raises(InputError, match=rf"'{name}' refuses {key}=.*{key}.* must be "):
        load_loss(name, kind, **{key: value})


@pytest.mark.parametrize(("name", "kind"), [("sce", B), ("sce", M), ("nce_rce", M)])
def test_two_terms_that_both_count_nothing_are_refused(name: str, kind: Kind) -> None:
    with pytest.raises(InputError, match="alpha and beta must not both be 0"):
        load_loss(name, kind, alpha=0.0, beta=0.0)


def test_every_parameter_of_the_catalogue_has_values_that_are_refused() -> None:
    for case in CATALOGUE:
        if case.name not in ("huber", "bce"):  # see test_standard_losses
            known = {parameter.name for parameter in load_family(case.name)[case.kind].parameters}
            assert known == set(REFUSED.get((case.name, case.kind), {})), case.name


def test_weights_of_another_number_of_classes_are_refused() -> None:
    with pytest.raises(ValueError, match="weight has 2 numbers for 3 classes"):
        load_loss("cross_entropy", weight=[1.0, 2.0])(torch.zeros(2, 3), torch.tensor([0, 1]))
