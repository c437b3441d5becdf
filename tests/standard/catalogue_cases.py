"""Every built-in loss by its formula, written from the papers for mpmath: one row at a time, with digits to spare."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from mpmath import mp, mpf
from numpy.typing import NDArray
from torch import Tensor

from lossbench.loss import Domain, Kind, Loss
from lossbench.loss.catalogue import load_loss

Array = NDArray[Any]
Formula = Callable[[Sequence[Any], Any], Any]
"""The raw outputs of one row (one number too is a sequence) and its target, to the loss."""

DIGITS = 120
"""Enough for e^-100 next to 1."""
CLASSES = 3
ROWS = 15
RARE = (0,) * 16 + (1,) * 4
"""Targets of two classes that a loss may observe."""
COUNTS = (0,) * 16 + (1,) * 81 + (2,) * 1
"""Targets of three classes; fourth roots of the counts are 2, 3 and 1."""
CLIP = mpf("-9.210340371976182736071965818737")
"""log 1e-4, which symmetric losses take for log 0."""


@dataclass(frozen=True)
class Case:
    """A built-in loss with its formula. `scale` is the size of its numbers next to those of a cross-entropy."""

    name: str
    kind: Kind
    formula: Formula
    params: Mapping[str, Any] = field(default_factory=dict)
    seen: tuple[int, ...] = ()
    scale: float = 1.0

    def __str__(self) -> str:
        return "-".join([self.name, self.kind.value, *(f"{key}={value}" for key, value in self.params.items())])

    def loss(self, dtype: torch.dtype = torch.double) -> Loss:
        """The loss, its buffers in float64 where the outputs will be."""
        loss = load_loss(self.name, self.kind, **self.params)
        if dtype is torch.double:
            loss.double()
        if self.seen:
            loss.observe(torch.tensor(self.seen).to(torch.int64 if self.kind is Kind.CLASSES else torch.float32))
        return loss

    def ordinary(self) -> tuple[Array, Array]:
        """Outputs and targets of ordinary size, away from kinks."""
        generator = np.random.default_rng(20240607)
        outputs = self.loss().outputs(1)
        match self.kind:
            case Kind.CONTINUOUS if self.loss().domain is Domain.NONNEGATIVE:
                return generator.normal(size=ROWS), np.where(
                    np.arange(ROWS) % 3 == 0, 0, generator.exponential(size=ROWS)
                )
            case Kind.CONTINUOUS:
                y = generator.normal(size=ROWS)
                z = y + np.where(np.arange(ROWS) % 2, 1, -1) * np.linspace(0.013, 6.1, ROWS)
                return (z if outputs == 1 else z[:, None] + 1.5 * generator.normal(size=(ROWS, outputs))), y
            case Kind.BINARY:
                return generator.normal(size=ROWS) * 3, (np.arange(ROWS) % 3 == 0).astype(float)
        return generator.normal(size=(ROWS, CLASSES)) * 2, np.arange(ROWS) % CLASSES

    def extreme(self, size: float) -> tuple[Array, Array]:
        """Outputs of the given size, on the right side and on the wrong one."""
        if self.kind is Kind.CONTINUOUS:
            outputs = self.loss().outputs(1)
            if outputs == 1:
                return np.array([size, -size]), np.zeros(2)
            signs = [[1.0, -1.0][(row >> column) & 1] for row in range(2**outputs) for column in range(outputs)]
            return size * np.array(signs).reshape(-1, outputs), np.zeros(2**outputs)
        if self.kind is Kind.BINARY:
            return np.array([size, size, -size, -size]), np.array([0.0, 1.0, 0.0, 1.0])
        rows = [[size, 0, -size], [-size, -size, -size], [size, size, size], [0, 0, size]]
        return np.array(rows * 3), np.repeat([0, 1, 2], 4)

    def values(self, z: Array, y: Array) -> Array:
        """The losses by the formula, rounded to float64 at the end."""
        with mp.workdps(DIGITS):
            return np.array([_kept(self, "value", row, t) for row, t in zip(z, y, strict=True)])

    def slopes(self, z: Array, y: Array) -> Array:
        """Their derivatives by the outputs, by mpmath's differences of the formula."""
        with mp.workdps(DIGITS):
            return np.array([_kept(self, "slope", row, t) for row, t in zip(z, y, strict=True)]).reshape(z.shape)

    def value(self, row: list[Any], target: Any) -> float:
        return _rounded(self.formula(row, target))

    def slope(self, row: list[Any], target: Any) -> list[float]:
        def along(column: int, x: Any) -> Any:
            return self.formula([x if place == column else value for place, value in enumerate(row)], target)

        return [_rounded(mp.diff(partial(along, column), row[column])) for column in range(len(row))]


def tensors(case: Case, z: Array, y: Array, dtype: torch.dtype = torch.double) -> tuple[Tensor, Tensor]:
    """Outputs that want a gradient, and targets."""
    target = torch.tensor(y) if case.kind is Kind.CLASSES else torch.tensor(y, dtype=dtype)
    return torch.tensor(z, dtype=dtype, requires_grad=True), target


def judged(case: Case, z: Array, y: Array, dtype: torch.dtype = torch.double) -> tuple[Tensor, Array, Array]:
    """The losses as they come, and in float64 they and their derivatives by the outputs."""
    output, target = tensors(case, z, y, dtype)
    losses = case.loss(dtype)(output, target)
    (slope,) = torch.autograd.grad(losses.sum(), output)
    return losses.detach(), losses.detach().double().numpy(), slope.double().numpy()


KEPT: dict[tuple[str, str, bytes, float], Any] = {}
"""Results of formulas, of which several tests ask the same."""


def _kept(case: Case, what: str, row: Any, target: Any) -> Any:
    key = (str(case), what, np.asarray(row, dtype=np.float64).tobytes(), float(target))
    if key not in KEPT:
        KEPT[key] = getattr(case, what)(_numbers(row), _target(target))
    return KEPT[key]


def _numbers(row: Any) -> list[Any]:
    return [mpf(float(x)) for x in np.atleast_1d(row)]


def _target(y: Any) -> Any:
    return int(y) if isinstance(y, (int, np.integer)) else mpf(float(y))


def _rounded(x: Any) -> float:
    return float(x) if abs(x) < mpf(10) ** 308 else float(mp.sign(x)) * np.inf


# ---- pieces ----


def softplus(x: Any) -> Any:
    return mp.log(1 + mp.exp(x))


def sigmoid(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def log_softmax(z: Sequence[Any]) -> list[Any]:
    most = max(z)
    total = mp.log(sum(mp.exp(x - most) for x in z))
    return [x - most - total for x in z]


def residual(of: Callable[[Any], Any]) -> Formula:
    """A loss of output less target."""
    return lambda z, y: of(z[0] - y)


def sides(of: Callable[[Any], Any]) -> Formula:
    """A loss of the logit on the target's side."""
    return lambda z, y: of(z[0] if y == 1 else -z[0])


def by_probability(of: Callable[[Any], Any]) -> Formula:
    """A loss of (log p, 1 - p) of the true class, for two classes or many."""

    def formula(z: Sequence[Any], y: Any) -> Any:
        logs = log_softmax(z) if len(z) > 1 else log_softmax([mpf(0), z[0]])
        rest = sum(mp.exp(x) for c, x in enumerate(logs) if c != int(y))  # 1 - p keeps its digits as a sum
        return of((logs[int(y)], rest))

    return formula


def squares_to(classes: int, y: int, p: Sequence[Any]) -> Any:
    return sum((p[c] - (1 if c == y else 0)) ** 2 for c in range(classes))


# ---- of numbers ----


def huber(delta: float) -> Formula:
    d = mpf(delta)
    return residual(lambda r: r**2 / 2 if abs(r) <= d else d * (abs(r) - d / 2))


def tukey(c: float) -> Formula:
    k = mpf(c)
    return residual(lambda r: k**2 / 6 * (1 - (1 - (r / k) ** 2) ** 3) if abs(r) <= k else k**2 / 6)


def barron(alpha: float, c: float) -> Formula:
    a, k = mpf(alpha), mpf(c)

    def of(r: Any) -> Any:
        half_square = (r / k) ** 2 / 2
        if a == 2:
            return half_square
        if a == 0:
            return mp.log(1 + half_square)
        if a == -mp.inf:
            return 1 - mp.exp(-half_square)
        return abs(a - 2) / a * ((2 * half_square / abs(a - 2) + 1) ** (a / 2) - 1)

    return residual(of)


def pinball(q: float, z: Any, y: Any) -> Any:
    return mpf(q) * (y - z) if y >= z else (1 - mpf(q)) * (z - y)


def expectile(tau: float) -> Formula:
    return residual(lambda r: (1 - mpf(tau) if r > 0 else mpf(tau)) * r**2)


def positive(raw: Any) -> Any:
    """What likelihoods make of their second output."""
    return softplus(raw) + mpf(10) ** -6


def gaussian(z: Sequence[Any], y: Any) -> Any:
    return (mp.log(positive(z[1])) + (y - z[0]) ** 2 / positive(z[1])) / 2


def student(nu: float) -> Formula:
    n = mpf(nu)

    def formula(z: Sequence[Any], y: Any) -> Any:
        t = (y - z[0]) / positive(z[1])
        density = mp.gamma((n + 1) / 2) / (mp.sqrt(n * mp.pi) * mp.gamma(n / 2) * positive(z[1]))
        return -mp.log(density) + (n + 1) / 2 * mp.log(1 + t**2 / n)

    return formula


with mp.workdps(40):
    LOG_Z = mp.log(2 * mp.e * mp.besselk(1, 1))


def adaptive(z: Sequence[Any], y: Any) -> Any:
    """At alpha = 1 and c = 1, where Z is ∫ exp(1 - √(x² + 1)) dx = 2e K₁(1) (Gradshteyn and Ryzhik 3.461.6)."""
    return mp.sqrt((z[0] - y) ** 2 + 1) - 1 + LOG_Z


# ---- of classes ----


def bce(weight: float) -> Formula:
    return lambda z, y: mpf(weight) * softplus(-z[0]) if y == 1 else softplus(z[0])


def smoothed(epsilon: float) -> Formula:
    def formula(z: Sequence[Any], y: Any) -> Any:
        t = y * (1 - mpf(epsilon)) + mpf(epsilon) / 2
        return t * softplus(-z[0]) + (1 - t) * softplus(z[0])

    return formula


def against_rest(weight: float) -> Formula:
    return lambda z, y: sum(mpf(weight) * softplus(-x) if c == y else softplus(x) for c, x in enumerate(z))


def cross_entropy(weight: Sequence[float] | None = None, label_smoothing: float = 0.0) -> Formula:
    def formula(z: Sequence[Any], y: int) -> Any:
        logs, e = log_softmax(z), mpf(label_smoothing)
        soft = [(1 - e) * (c == y) + e / len(z) for c in range(len(z))]
        each = [mpf(1)] * len(z) if weight is None else [mpf(w) for w in weight]
        return -sum(w * t * x for w, t, x in zip(each, soft, logs, strict=True))

    return formula


def divergence(epsilon: float) -> Formula:
    def formula(z: Sequence[Any], y: int) -> Any:
        logs, e = log_softmax(z), mpf(epsilon)
        soft = [(1 - e) * (c == y) + e / len(z) for c in range(len(z))]
        return sum(t * (mp.log(t) - x) for t, x in zip(soft, logs, strict=True) if t > 0)

    return formula


def focal(gamma: float, alpha: float | None = None) -> Formula:
    plain = by_probability(lambda lp: lp[1] ** mpf(gamma) * -lp[0])

    def formula(z: Sequence[Any], y: Any) -> Any:
        return plain(z, y) * (1 if alpha is None else mpf(alpha) if y == 1 else 1 - mpf(alpha))

    return formula


def asymmetric(gamma_neg: float, gamma_pos: float, margin: float) -> Formula:
    def formula(z: Sequence[Any], y: Any) -> Any:
        p = sigmoid(z[0])
        if y == 1:
            return sigmoid(-z[0]) ** mpf(gamma_pos) * softplus(-z[0])
        if margin == 0:
            return p ** mpf(gamma_neg) * softplus(z[0])
        q = max(p - mpf(margin), mpf(0))
        return q ** mpf(gamma_neg) * -mp.log(1 - q)

    return formula


def gce(q: float) -> Formula:
    if q == 0:
        return by_probability(lambda lp: -lp[0])
    return by_probability(lambda lp: (1 - mp.exp(mpf(q) * lp[0])) / mpf(q))


def sce(alpha: float, beta: float, clip: Any = CLIP) -> Formula:
    return by_probability(lambda lp: -mpf(alpha) * lp[0] - mpf(beta) * mpf(clip) * lp[1])


def poly(epsilon: float) -> Formula:
    return by_probability(lambda lp: -lp[0] + mpf(epsilon) * lp[1])


def active_passive(alpha: float, beta: float) -> Formula:
    def formula(z: Sequence[Any], y: int) -> Any:
        logs = log_softmax(z)
        return mpf(alpha) * logs[y] / sum(logs) - mpf(beta) * CLIP * sum(
            mp.exp(x) for c, x in enumerate(logs) if c != y
        )

    return formula


def bootstrap(beta: float) -> Formula:
    def formula(z: Sequence[Any], y: Any) -> Any:
        label = mpf(beta) * y + (1 - mpf(beta)) * sigmoid(z[0])
        return label * softplus(-z[0]) + (1 - label) * softplus(z[0])

    return formula


def crammer_singer(z: Sequence[Any], y: int) -> Any:
    rivals = [x for c, x in enumerate(z) if c != y]
    return max(mpf(0), 1 + max(x - z[y] for x in rivals))


def modified_huber(s: Any) -> Any:
    return max(mpf(0), 1 - s) ** 2 if s >= -1 else -4 * s


def self_adjusting_dice(alpha: float, gamma: float) -> Formula:
    a, g = mpf(alpha), mpf(gamma)

    def formula(z: Sequence[Any], y: int) -> Any:
        p, total = [mp.exp(x) for x in log_softmax(z)], mpf(0)
        for c in range(len(z)):
            w, truth = sum(x for k, x in enumerate(p) if k != c) ** a * p[c], int(c == y)
            total += 1 - (2 * w * truth + g) / (w + truth + g)
        return total / len(z)

    return formula


def class_balanced(beta: float, seen: Sequence[int]) -> Formula:
    def raw(label: int) -> Any:
        return (1 - mpf(beta)) / (1 - mpf(beta) ** seen.count(label)) if beta else mpf(1)

    mean = (raw(0) + raw(1)) / 2
    return lambda z, y: raw(int(y)) / mean * (softplus(-z[0]) if y == 1 else softplus(z[0]))


def weighted_classes(power: float, seen: Sequence[int], weight: Sequence[float] | None = None) -> Formula:
    def formula(z: Sequence[Any], y: int) -> Any:
        kinds = len(set(seen))
        own = mpf(len(seen)) / (kinds * seen.count(y)) if weight is None else mpf(weight[y])
        return own ** mpf(power) * -log_softmax(z)[y]

    return formula


def logit_adjusted(tau: float, seen: Sequence[int]) -> Formula:
    def formula(z: Sequence[Any], y: Any) -> Any:
        logits = z if len(z) > 1 else [mpf(0), z[0]]
        shares = [mpf(seen.count(c)) / len(seen) for c in range(len(logits))]
        shifted = [x + mpf(tau) * mp.log(share) for x, share in zip(logits, shares, strict=True)]
        return -log_softmax(shifted)[int(y)]

    return formula


def ldam(max_margin: float, scale: float, seen: Sequence[int]) -> Formula:
    def formula(z: Sequence[Any], y: Any) -> Any:
        logits, label = (z if len(z) > 1 else [mpf(0), z[0]]), int(y)
        counts = [mpf(seen.count(c)) for c in range(len(logits))]
        margin = mpf(max_margin) * counts[label] ** mpf("-0.25") / max(n ** mpf("-0.25") for n in counts)
        return -log_softmax([mpf(scale) * (x - margin * (c == label)) for c, x in enumerate(logits)])[label]

    return formula


C, B, M = Kind.CONTINUOUS, Kind.BINARY, Kind.CLASSES

CATALOGUE: list[Case] = [
    *(Case("huber", C, huber(d), {"delta": d}) for d in (0.1, 1.345, 3.0)),
    Case("log_cosh", C, residual(lambda r: mp.log(mp.cosh(r)))),
    *(Case("cauchy", C, barron(0, c), {"c": c}) for c in (0.1, 1.0, 2.385)),
    *(Case("welsch", C, barron(float("-inf"), c), {"c": c}) for c in (0.3, 1.0, 2.985)),
    *(Case("tukey", C, tukey(c), {"c": c}) for c in (0.5, 2.0, 4.685)),
    *(
        Case("barron", C, barron(a, c), {"alpha": a, "c": c})
        for a, c in [
            (2.0, 1.3),
            (1.7, 0.3),
            (1.0, 1.0),
            (1e-9, 1.0),
            (0.0, 2.0),
            (-0.5, 1.0),
            (-2.0, 0.7),
            (-40.0, 1.0),
        ]
    ),
    Case("barron", C, barron(float("-inf"), 1.5), {"alpha": float("-inf"), "c": 1.5}),
    Case("barron_adaptive", C, adaptive),
    *(Case("quantile", C, lambda z, y, q=q: pinball(q, z[0], y), {"q": q}) for q in (0.05, 0.5, 0.9)),  # type: ignore[misc]
    *(
        Case(
            "multi_quantile",
            C,
            lambda z, y, levels=levels: sum(pinball(q, x, y) for q, x in zip(levels, z, strict=True)),  # type: ignore[misc]
            {"quantiles": list(levels)},
        )
        for levels in [(0.05, 0.5, 0.95), (0.001, 0.2, 0.999)]
    ),
    *(Case("expectile", C, expectile(t), {"tau": t}) for t in (0.01, 0.5, 0.9)),
    Case("gaussian_nll", C, gaussian),
    *(Case("student_t_nll", C, student(nu), {"nu": nu}) for nu in (1.0, 4.0, 30.0)),
    Case("poisson_nll", C, lambda z, y: mp.exp(z[0]) - y * z[0]),
    Case("msle", C, lambda z, y: (z[0] - mp.log(1 + y)) ** 2),
    *(Case("cross_entropy", M, cross_entropy(**p), p) for p in [{"weight": [0.5, 2.0, 3.0]}, {"label_smoothing": 0.2}]),
    Case("cross_entropy", M, cross_entropy([0.5, 2, 3], 0.1), {"weight": [0.5, 2.0, 3.0], "label_smoothing": 0.1}),
    Case("bce", B, bce(3.0), {"pos_weight": 3.0}),
    Case("bce", M, against_rest(3.0), {"pos_weight": 3.0}),
    Case("brier", B, sides(lambda s: sigmoid(-s) ** 2)),
    Case("brier", M, lambda z, y: squares_to(len(z), y, [mp.exp(x) for x in log_softmax(z)])),
    *(Case("focal", B, focal(g), {"gamma": g}) for g in (0.0, 0.5, 2.0, 5.0)),
    Case("focal", B, focal(2.0, 0.25), {"gamma": 2.0, "alpha": 0.25}),
    *(Case("focal", M, focal(g), {"gamma": g}) for g in (0.0, 0.5, 2.0, 5.0)),
    *(
        Case("asl", B, asymmetric(n, p, m), {"gamma_neg": n, "gamma_pos": p, "margin": m})
        for n, p, m in [(4.0, 1.0, 0.05), (2.0, 0.0, 0.2), (0.0, 0.0, 0.0), (0.5, 0.5, 0.0), (0.5, 1.0, 0.3)]
    ),
    *(Case("label_smoothing_bce", B, smoothed(e), {"epsilon": e}) for e in (0.0, 0.005, 0.1, 0.5)),
    *(Case("gce", kind, gce(q), {"q": q}, scale=1 / q) for kind in (B, M) for q in (0.1, 0.7, 1.0)),
    *(Case("gce", kind, gce(0.0), {"q": 0.0}) for kind in (B, M)),
    *(
        Case("sce", kind, sce(a, b), {"alpha": a, "beta": b}, scale=10.0)
        for kind in (B, M)
        for a, b in [(0.1, 1.0), (6.0, 0.1), (0.0, 1.0)]
    ),
    Case("sce", M, sce(1.0, 2.0, -4.0), {"alpha": 1.0, "beta": 2.0, "A": -4.0}, scale=10.0),
    *(
        Case("nce_rce", M, active_passive(a, b), {"alpha": a, "beta": b}, scale=10.0)
        for a, b in [(1.0, 1.0), (10.0, 0.1), (0.0, 1.0)]
    ),
    *(Case("bootstrap", B, bootstrap(b), {"beta": b}) for b in (0.3, 0.8, 0.95, 1.0)),
    *(Case("poly1", kind, poly(e), {"epsilon": e}) for kind in (B, M) for e in (-1.0, 0.0, 1.0, 4.0)),
    *(Case("kl_div", M, divergence(e), {"epsilon": e}) for e in (0.0, 0.005, 0.1, 0.5)),
    Case("hinge", B, sides(lambda s: max(mpf(0), 1 - s))),
    Case("squared_hinge", B, sides(lambda s: max(mpf(0), 1 - s) ** 2)),
    Case("modified_huber", B, sides(modified_huber)),
    Case("multiclass_hinge", M, crammer_singer),
    *(
        Case("dice", M, self_adjusting_dice(a, g), {"alpha": a, "gamma": g})
        for a, g in [(0.0, 1.0), (0.1, 1.0), (1.0, 1.0), (2.0, 0.1)]
    ),
    *(Case("class_balanced", B, class_balanced(b, RARE), {"beta": b}, RARE) for b in (0.0, 0.9, 0.999)),
    *(Case("weighted_bce", B, bce(w), {"pos_weight": w}, RARE) for w in (0.3, 1.0, 30.0)),
    Case("weighted_bce", B, bce(4.0), {}, RARE),  # 16 negatives, 4 positives
    *(Case("weighted_bce", M, against_rest(w), {"pos_weight": w}) for w in (0.3, 1.0, 30.0)),
    Case("weighted_bce", M, against_rest(2.0)),  # two of three classes are negatives
    *(
        Case("weighted_cross_entropy", M, weighted_classes(k, COUNTS), {"power": k}, COUNTS, scale=(98 / 3) ** k)
        for k in (0.0, 0.1, 1.0, 1.5)
    ),
    Case(
        "weighted_cross_entropy",
        M,
        weighted_classes(0.5, COUNTS, [0.5, 2, 3]),
        {"weight": [0.5, 2.0, 3.0], "power": 0.5},
    ),
    *(Case("logit_adjusted", B, logit_adjusted(t, RARE), {"tau": t}, RARE) for t in (0.0, 1.0, 2.5)),
    *(Case("logit_adjusted", M, logit_adjusted(t, COUNTS), {"tau": t}, COUNTS) for t in (0.0, 1.0, 2.5)),
    *(
        Case("ldam", kind, ldam(m, s, seen), {"max_margin": m, "scale": s}, seen)
        for kind, seen in ((B, RARE), (M, COUNTS))
        for m, s in [(0.5, 1.0), (1.5, 10.0), (0.0, 1.0)]
    ),
]
"""All pointwise losses but those that `test_standard_losses` has already; some of these again, by their parameters."""

SETS = {("tversky", B), ("dice", B), ("jaccard", B), ("pairwise_auc", B)}
"""Losses of one value for a whole batch."""
