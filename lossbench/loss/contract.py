"""The contract between a loss and everything that trains with it. This is all that a plugin author imports.

    n targets in, n losses out.

A loss never sees padding, masks or weights, and never reduces: the task selects the real positions first, the loss
judges them, and `reduce` weighs them. A new loss is a final subclass of `Loss` that states its `kind` and writes
`forward`; everything else has a default.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from lossbench.loss.schedule import Schedule
from lossbench.loss.values import Domain, Kind, Prediction, Sequences
from lossbench.plan import Range

__all__ = [
    "CONTRACT",
    "Domain",
    "Kind",
    "Loss",
    "Prediction",
    "Range",
    "Schedule",
    "Sequences",
    "check",
    "check_prediction",
    "check_targets",
    "reduce",
]

CONTRACT = 1
"""The version of this contract. It grows only when a loss written for the last version would no longer run."""


class Loss(nn.Module):
    """One value per target, to be made small by training.

    Abstract: a subclass that states its `kind` is final. Parameters of the constructor are the loss's parameters
    (`loss.params.*` on the command line), their defaults and types are read from its signature.
    """

    kind: Kind
    elicits: str = ""
    """What its minimiser is: mean, median, centre, `quantile 0.9`, `expectile 0.9`, (distorted) probability, order,
    sign. Where a metric rewards something else, the loss is shown without a tier; empty where it is not known."""
    proper_score: str = ""
    """The metric by which its trainings are chosen and judged where the task's would reward something else, as
    `pinball_0.9`; it then stands in a contest of those that have the same. Empty where the task's metric serves it."""
    bounded: bool | None = None
    """True where no answer costs more than some largest value: one that is surely wrong may then hardly pull at all."""
    convex: bool | None = None
    """True where it is convex in the raw outputs."""
    zero: bool | None = None
    """True where it is never below 0, and 0 (or as near as one likes) for a perfect answer."""
    monotone: bool | None = None
    """True where a better answer never costs more: nearer to the target, or surer of its class."""
    gives_up_on: str = ""
    """Whose sure and wrong answers hardly pull though the loss as a whole is unbounded: positives, negatives."""
    special_cases: Mapping[str, str] = MappingProxyType({})
    """Which other losses it becomes: {"gamma=0": "bce"}, {"delta=1e6": "0.5 * mse"}; "≈ mae" where only in the limit.
    The key "classes=2" tells which binary loss of the logits' difference it is."""
    raises: Mapping[str, str] = MappingProxyType({})
    """What a larger parameter pulls on more, next to all else: {"beta": "positives"}; positives, negatives, upwards,
    downwards."""
    observes: str = ""
    """What it takes from the training targets before a training: class counts; empty where it takes nothing."""
    reference: str = ""
    """Formula or paper, shown by `lossbench losses` and in the report."""
    contract: ClassVar[int] = CONTRACT
    """The version of the contract that the loss was written for; another one is refused by name."""
    pointwise: bool = True
    """False for a loss that judges a set as a whole (Dice, AUC surrogates) and returns one value."""
    domain: Domain = Domain.REAL
    search: Mapping[str, Range] = MappingProxyType({})
    """At most two parameters worth tuning; never one that changes what the loss elicits (a quantile's q)."""
    units: Mapping[str, str] = MappingProxyType({})
    """The unit of each parameter that has one, for people to read."""
    title: str = ""
    """The name that it was loaded by, where one was given."""
    trusts_targets: bool = False
    """True in a training, whose task has looked at all targets before: no call looks again."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for base in cls.__mro__[1:]:
            if base is not Loss and issubclass(base, Loss) and "kind" in base.__dict__:
                raise TypeError(f"{cls.__name__} extends {base.__name__}, which is final: a loss that states its kind.")
        if len(cls.search) > 2:
            raise TypeError(f"{cls.__name__}.search names {len(cls.search)} parameters; at most two can be tuned.")

    def outputs(self, classes: int) -> int:
        """How many raw outputs a model must give per target; `classes` is 1 but for classes and sequences."""
        return classes

    def observe(self, target: Tensor | Sequences) -> None:
        """Sees the training targets once before a training: class counts, scales. Keep them in buffers."""

    def advance(self, progress: float) -> None:
        """Is told once an epoch how far the training is, from 0 to 1: schedules, warm-up."""

    def parts(self) -> Mapping[str, Tensor]:
        """The terms of the last forward, by name, for logging; empty but for composites."""
        return {}

    def forward(self, output: Any, target: Any) -> Tensor:
        """The losses [n] of n targets; one value [] for a set loss."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def native(self, output: Any, target: Any, mask: Tensor) -> Tensor:
        """The mean over the targets that count (mask [n] true), in a library's own way of ignoring the others.

        For a loss that wraps a library's: nothing here trains with it, but `lossbench check` holds it against the mean
        of the losses of those targets alone. NotImplemented where there is no such way.
        """
        return NotImplemented

    def predict(self, output: Any) -> Prediction:
        """The inverse link and decoding: raw outputs to scores, labels, probabilities."""
        match self.kind:
            case Kind.CONTINUOUS:
                return Prediction(score=output if output.ndim == 1 else output[:, 0])
            case Kind.BINARY:
                return Prediction(score=output, label=(output > 0).long(), probability=torch.sigmoid(output))
            case Kind.CLASSES | Kind.SEQUENCES:
                values = output.values if isinstance(output, Sequences) else output
                return Prediction(score=values, label=values.argmax(-1), probability=values.softmax(-1))

    def __call__(self, output: Any, target: Any) -> Tensor:
        each = check(self.kind, output, target)
        if not self.trusts_targets:
            outputs = output.values if isinstance(output, Sequences) else output
            check_targets(self, target, outputs.shape[-1])
        losses = super().__call__(output, target)
        wanted = each if self.pointwise else ()
        if not isinstance(losses, Tensor) or losses.shape != wanted:
            got = list(losses.shape) if isinstance(losses, Tensor) else f"a {type(losses).__name__}"
            rule = "n targets in, n losses out" if self.pointwise else "a set loss returns one value"
            name, advice = self.title or type(self).__name__, _advice(self, losses, each[0])
            raise ValueError(
                f"{name} returned {got} for {each[0]} targets where {list(wanted)} is due: {rule}.{advice}"
            )
        return losses

    def extra_repr(self) -> str:
        names = inspect.signature(type(self).__init__).parameters
        return ", ".join(
            f"{k}={getattr(self, k)}" for k in names if isinstance(getattr(self, k, None), (int, float, str))
        )


def _advice(loss: Loss, losses: Any, n: int) -> str:
    """What to change in a loss that returned something of another shape."""
    if callable(losses) and not isinstance(losses, Tensor):
        return " It returned a loss instead of values: name a function without arguments that makes it, or the loss."
    if isinstance(losses, (float, int)):
        return " Return the tensor itself, without .item() or float()."
    if not isinstance(losses, Tensor):
        return " Return the tensor of losses alone."
    if not loss.pointwise:
        return " Return its mean or its sum, one value."
    if losses.numel() == 1 and n != 1:
        return (
            " Leave out the mean or the sum at its end (reduction='none'). If it judges the batch as a whole, say "
            "loss.pointwise=false on the command line, or pointwise = False in its class."
        )
    if losses.shape == (n, 1):
        return " Drop the last dimension: .squeeze(-1)."
    if losses.ndim > 1 and losses.shape[0] == n:
        return f" Take its mean over everything but the {n} targets."
    return ""


def check(kind: Kind, output: Any, target: Any) -> torch.Size:
    """The shape [n] of one loss a target.

    Raises ValueError unless output and target have just the shapes of the kind; nothing is ever broadcast.
    """
    many = kind is Kind.SEQUENCES
    if many:
        if not isinstance(output, Sequences) or not isinstance(target, Sequences):
            raise ValueError("A sequence loss takes two Sequences: packed values and their lengths.")
        if not torch.equal(output.lengths, target.lengths):
            raise ValueError("Outputs and targets have sequences of different lengths.")
        lengths, output, target = output.lengths, output.values, target.values
    shape, due = output.shape, target.shape
    if shape == due and len(shape) == 1 and kind in (Kind.CONTINUOUS, Kind.BINARY):
        return due  # before all else: it is asked at every step
    dims = {Kind.CONTINUOUS: (1, 2), Kind.BINARY: (1,), Kind.CLASSES: (2,), Kind.SEQUENCES: (2,)}[kind]
    column = kind is Kind.CONTINUOUS and len(shape) == 2 and shape[1] == 1
    if len(due) != 1 or len(shape) not in dims or shape[0] != due[0] or column:
        shapes = " or ".join(
            {1: "[n]", 2: "[n, outputs]" if kind is Kind.CONTINUOUS else "[n, classes]"}[d] for d in dims
        )
        raise ValueError(
            f"A {kind.value} loss takes outputs {shapes} and targets [n], not {list(shape)} and {list(due)}."
        )
    if kind is not Kind.CONTINUOUS and target.is_floating_point():
        raise ValueError(f"Targets of a {kind.value} loss are integer labels, not {target.dtype}.")
    return lengths.shape if many else due


def check_targets(loss: Loss, target: Tensor | Sequences, classes: int) -> None:
    """Raises ValueError for a target that cannot be, by the loss's name: NaN, a label that is none of the classes.

    What has no numbers to look at (in a compiled graph, under `torch.func.vmap`, on the meta device) is not looked at.
    """
    if torch.compiler.is_compiling():
        return
    values = target.values if isinstance(target, Sequences) else target
    match loss.kind:
        case Kind.BINARY:
            fine, rule = (values == 0) | (values == 1), "0 or 1"
        case Kind.CONTINUOUS if loss.domain is Domain.NONNEGATIVE:
            fine, rule = (values >= 0) & torch.isfinite(values), "finite and at least 0"
        case Kind.CONTINUOUS:
            fine, rule = torch.isfinite(values), "finite"
        case _:
            fine, rule = (values >= 0) & (values < classes), f"a class from 0 to {classes - 1}"
    try:
        if bool(fine.all()):
            return
        bad = values[~fine][0].item()
    except RuntimeError:  # no numbers to look at
        return
    raise ValueError(f"{loss.title or type(loss).__name__} takes targets that are {rule}; one is {bad}.")


def check_prediction(kind: Kind, prediction: Prediction, output: Any) -> None:
    """Raises ValueError unless `predict` gave what metrics read: a value a target, labels but for numbers."""
    values = output.values if isinstance(output, Sequences) else output
    n, many = len(values), kind in (Kind.CLASSES, Kind.SEQUENCES)
    if len(prediction.score) != n or prediction.score.ndim != (2 if many else 1):
        raise ValueError(f"predict gave scores {list(prediction.score.shape)} for {n} targets of a {kind.value} loss.")
    if kind is not Kind.CONTINUOUS and (prediction.label is None or tuple(prediction.label.shape) != (n,)):
        raise ValueError(f"predict gave no label for each of {n} targets, which a {kind.value} loss owes.")
    probability = prediction.probability
    if probability is not None and (len(probability) != n or probability.ndim != (2 if many else 1)):
        raise ValueError(f"predict gave probabilities {list(probability.shape)} for {n} targets.")


@contextmanager
def untouched(loss: Loss, output: Any, target: Any) -> Iterator[None]:
    """For a call of a loss in a training. Raises ValueError where it wrote into what it was given.

    Whoever reads the targets after such a loss would read what it made of them.
    """
    given = {"output": output, "target": target}
    before = {name: _version(value) for name, value in given.items()}
    yield
    for name, value in given.items():
        if _version(value) != before[name]:
            raise ValueError(
                f"{loss.title or type(loss).__name__} changed its {name}s in place: "
                f"let it work on a copy ({name} = {name}.clone())."
            )


def _version(value: Any) -> int:
    """Counts whatever was written into a tensor; torch keeps none for those of its inference mode."""
    tensor = value.values if isinstance(value, Sequences) else value
    return 0 if tensor.is_inference() else tensor._version


def reduce(losses: Tensor, weight: Tensor | None = None) -> Tensor:
    """The one place where losses become one number: their mean, weighted by `weight` [n] >= 0 when given.

    losses: [n], or [] from a set loss, for which weights are refused: it has no value per target to weigh.
    [R, n] of R trainings side by side give [R].
    """
    if losses.ndim == 0:
        if weight is not None:
            raise ValueError("A set loss judges all targets at once: sample weights do not apply to it.")
        return losses
    if weight is None:
        return losses.mean(-1)
    if weight.shape != losses.shape:
        raise ValueError(f"Weights {list(weight.shape)} for losses {list(losses.shape)}: one weight a target is due.")
    total = weight.sum(-1)
    if not (total > 0).all():
        raise ValueError("At least one weight must be above 0: a mean over nothing is not defined.")
    return (weight * losses).sum(-1) / total
