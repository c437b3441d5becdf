"""What the losses of the catalogue share, predict, count and learn, and what they refuse.

What every loss owes is in the laws; `tests/probe/test_laws.py` asks them of all of these.
"""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import kn
from torch import Tensor, nn

from lossbench.errors import InputError
from lossbench.loss import Domain, Kind
from lossbench.loss.catalogue import load_family, load_loss
from tests.standard.catalogue_cases import CATALOGUE, CLASSES, COUNTS, RARE, Case
from tests.standard.test_standard_losses import CASES

EARLIER = [Case(c.name, c.kind, lambda z, y: 0, c.params) for c in CASES]  # their formulas are tried in their own file
ALL = CATALOGUE + [case for case in EARLIER if str(case) not in {str(c) for c in CATALOGUE}]
ONCE = list({(case.name, case.kind): case for case in ALL}.values())
"""One of every loss and kind, where the parameters make no difference."""


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


# ---- convexity, and the laws that are not asked of what a loss learns ----


def test_the_learned_form_is_convex_where_it_begins_and_not_at_every_shape() -> None:
    """Barron 2019: between alpha 1 and 2 it is convex (at 1 it is the pseudo-Huber loss), below 1 it is not."""
    loss, line = load_loss("barron_adaptive").double(), torch.linspace(-20, 20, 401, dtype=torch.double)
    bends = []
    for shape in (0.0, -1.0):
        nn.init.constant_(loss.get_parameter("shape"), shape)
        values = loss(line, torch.zeros_like(line)).detach()
        bends.append(float((values[2:] - 2 * values[1:-1] + values[:-2]).min()))
    assert bends[0] > 0 > bends[1]
    assert not loss.convex


def test_the_learned_form_is_not_zero_for_a_perfect_answer() -> None:
    """There it is the logarithm of its partition function, which at alpha = 1 and c = 1 is that of 2e K_1(1)."""
    loss, zero = load_loss("barron_adaptive").double(), torch.zeros(1, dtype=torch.double)
    assert float(loss(zero, zero).detach()) == pytest.approx(math.log(2 * math.e * kn(1, 1.0)), abs=1e-6)
    assert not loss.zero


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


def test_losses_that_add_up_over_the_labels_ask_for_the_likeliest_class_alone() -> None:
    """Ghosh et al. 2017: where the sum over labels does not depend on the answer, the risk is least at an end."""
    loss = load_loss("nce_rce")
    z = 3 * torch.randn(50, 3, generator=torch.Generator().manual_seed(0), dtype=torch.double)
    total = sum(loss(z, torch.full((50,), label)) for label in range(3))
    torch.testing.assert_close(total, torch.full_like(total, 1 - 2 * math.log(1e-4)))  # type: ignore[arg-type]
    assert loss.elicits == load_loss("gce", Kind.CLASSES, q=1.0).elicits == "sign"


LAW = torch.tensor([0.5, 0.3, 0.2], dtype=torch.double)


@pytest.mark.parametrize("case", [c for c in ALL if "weight" in c.params], ids=str)
def test_with_a_weight_a_class_the_minimiser_over_three_is_not_their_probability(case: Case) -> None:
    loss = case.loss()
    z = torch.full((1, 3), 0.1, dtype=torch.double, requires_grad=True)
    optimizer = torch.optim.LBFGS([z], max_iter=300, tolerance_grad=1e-10, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        risk = (LAW * loss(z.expand(3, -1), torch.arange(3))).sum()
        risk.backward()
        return risk

    optimizer.step(closure)  # type: ignore[arg-type,no-untyped-call]
    probability = loss.predict(z.detach()).probability
    assert probability is not None
    assert float((probability[0] - LAW).abs().max()) > 5e-4
    assert loss.elicits == "distorted probability"


ATOMS = torch.tensor([0.0, 1.0, 2.0, 4.0, 10.0], dtype=torch.double)
MASS = torch.tensor([0.3, 0.25, 0.2, 0.13, 0.12], dtype=torch.double)


def quantile(level: float) -> float:
    return float(ATOMS[int((MASS.cumsum(0) < level).sum())])


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
    z, mean = z.detach(), float((ATOMS * MASS).sum())
    assert float(z[0, 0]) == pytest.approx(mean, abs=1e-4)
    variance = float((MASS * (ATOMS - mean) ** 2).sum())
    assert float(nn.functional.softplus(z[0, 1])) == pytest.approx(variance, rel=1e-4)


@pytest.mark.parametrize(("name", "prevalence"), [("dice", 0.4), ("jaccard", 0.4), ("tversky", 0.4), ("dice", 0.6)])
def test_a_constant_answer_to_an_overlap_is_sure_whatever_the_share_of_positives(name: str, prevalence: float) -> None:
    """A fraction of two straight lines in p is least at one end: no probability is ever the best answer."""
    loss, y = load_loss(name, Kind.BINARY), (torch.arange(100) < 100 * prevalence).double()
    values = [float(loss(torch.full((100,), z, dtype=torch.double), y)) for z in np.linspace(-20, 20, 81)]
    assert int(np.argmin(values)) == 80
    assert loss.elicits == "distorted probability"


# ---- special cases ----

N, B, M = Kind.CONTINUOUS, Kind.BINARY, Kind.CLASSES
INF = float("inf")


@pytest.mark.parametrize(
    ("kind", "name", "params", "factor", "other", "others"),
    [
        (B, "focal", {"gamma": 0.0, "alpha": 0.5}, 0.5, "bce", {}),
        # the reverse cross-entropy alone, of which GCE at q = 1 is 1/-A: both are the absolute error of the probability
        (B, "sce", {"alpha": 0.0, "beta": 0.5, "A": -2.0}, 1, "gce", {"q": 1.0}),
        (M, "sce", {"alpha": 0.0, "beta": 0.5, "A": -2.0}, 1, "gce", {"q": 1.0}),
        (M, "nce_rce", {"alpha": 0.0, "beta": 0.5, "A": -2.0}, 1, "gce", {"q": 1.0}),
        (B, "weighted_bce", {"pos_weight": 7.0}, 1, "bce", {"pos_weight": 7.0}),
        (M, "weighted_bce", {"pos_weight": 7.0}, 1, "bce", {"pos_weight": 7.0}),
        (M, "weighted_cross_entropy", {"weight": [0.5, 2.0, 3.0]}, 1, "cross_entropy", {"weight": [0.5, 2.0, 3.0]}),
        (B, "brier", {}, 1, "mse", {}),
        (N, "barron", {"alpha": 0.0, "c": 0.7}, 1, "cauchy", {"c": 0.7}),
        (N, "barron", {"alpha": -INF, "c": 0.7}, 1, "welsch", {"c": 0.7}),
    ],
)
def test_a_special_case_that_no_loss_declares_is_the_other_loss(
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


def test_two_classes_alone_are_alike_to_the_dice_of_single_rows() -> None:
    z = torch.randn(10, 2, dtype=torch.double)
    one, other = (load_loss("dice", M)(z, torch.full((10,), label)) for label in (0, 1))
    torch.testing.assert_close(one, other)  # as its docstring says


# ---- predictions ----


@pytest.mark.parametrize("case", [case for case in ONCE if case.kind is not Kind.CONTINUOUS], ids=str)
def test_the_label_is_the_likeliest_class(case: Case) -> None:
    """Of equal probabilities any may be the label."""
    for size in (3.0, 1e3):
        prediction = case.loss().predict(drawn(case, 50, size, 0)[0])
        assert prediction.label is not None
        if (p := prediction.probability) is None:
            continue
        if case.kind is Kind.CLASSES:
            assert torch.equal(p[torch.arange(50), prediction.label], p.amax(1))
        else:
            assert torch.equal(prediction.label, (p > 0.5).long())


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


# ---- parameters ----

# NaN is the business of a law: bad_parameters_are_refused
REFUSED: dict[tuple[str, Kind], dict[str, list[Any]]] = {
    ("cauchy", N): {"c": [0.0, -1.0, INF]},
    ("welsch", N): {"c": [0.0, INF]},
    ("tukey", N): {"c": [0.0], "warm_up": [-0.1, 1.0]},
    ("barron", N): {"alpha": [2.1, INF], "c": [0.0]},
    ("quantile", N): {"q": [0.0, 1.0, 1.5]},
    ("multi_quantile", N): {"quantiles": [[], [0.1, 0.9], [0.5, 0.4, 0.9], [0.5, 0.5, 0.6], [0.0, 0.5, 0.9]]},
    ("expectile", N): {"tau": [0.0, 1.0]},
    ("student_t_nll", N): {"nu": [0.0, INF]},
    ("cross_entropy", M): {"weight": [[1.0, 0.0], [-1.0]], "label_smoothing": [-0.1, 1.0]},
    ("focal", B): {"gamma": [-1.0, INF], "alpha": [0.0, 1.0, 1.2]},
    ("focal", M): {"gamma": [-1.0]},
    ("asl", B): {"gamma_neg": [-1.0], "gamma_pos": [-1.0], "margin": [-0.1, 1.0]},
    ("label_smoothing_bce", B): {"epsilon": [-0.1, 1.0]},
    ("gce", B): {"q": [-0.1, 1.1]},
    ("gce", M): {"q": [-0.1, 1.1]},
    ("sce", B): {"alpha": [-0.1], "beta": [-1.0], "A": [0.0, 1.0, -INF]},
    ("sce", M): {"alpha": [-0.1], "beta": [-1.0], "A": [0.0]},
    ("nce_rce", M): {"alpha": [-0.1, INF], "beta": [-1.0], "A": [0.0]},
    ("bootstrap", B): {"beta": [0.0, 1.1]},
    ("poly1", B): {"epsilon": [-1.1, INF]},
    ("poly1", M): {"epsilon": [-1.1]},
    ("kl_div", M): {"epsilon": [-0.1, 1.0]},
    ("tversky", B): {"alpha": [-0.1], "beta": [0.0], "smooth": [-1.0, INF]},
    ("dice", B): {"smooth": [-1.0]},
    ("dice", M): {"alpha": [-1.0], "gamma": [0.0]},
    ("jaccard", B): {"smooth": [-1.0]},
    ("class_balanced", B): {"beta": [-0.1, 1.0]},
    ("weighted_bce", B): {"pos_weight": [0.0, -1.0, INF]},
    ("weighted_bce", M): {"pos_weight": [0.0]},
    ("weighted_cross_entropy", M): {"weight": [[1.0, 0.0], [-1.0]], "power": [-0.1, INF]},
    ("logit_adjusted", B): {"tau": [-1.0, INF]},
    ("logit_adjusted", M): {"tau": [-1.0]},
    ("ldam", B): {"max_margin": [-0.1], "scale": [0.0, INF]},
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
