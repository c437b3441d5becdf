"""The contract between a loss and everything that trains with it. Plugin authors import only this.

    n targets in, n losses out.

A loss never sees padding, masks or weights, and never reduces: the task selects the real positions first, the loss
judges them, and `reduce` averages. A new loss is a final subclass of `Loss` that states its `kind` and defines
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
"""The version of this contract. It changes only if a loss written for the last version would no longer run."""


class Loss(nn.Module):
    """The base class of losses: one value per target, which training minimises.

    Abstract: a subclass that states its `kind` is final. Parameters of the constructor are the loss's parameters
    (`loss.params.*` on the command line); their defaults and types are read from its signature.

    Calling a loss checks the shapes of output and target and the values of targets, then calls `forward`. It raises
    ValueError, naming the loss, if one of them is invalid or the result has another shape.
    """

    kind: Kind
    elicits: str = ""
    """What its minimiser is: mean, median, centre, `quantile 0.9`, `expectile 0.9`, (distorted) probability, order,
    sign; empty if it is not known. If the metric rewards something else, the loss gets no tier."""
    proper_score: str = ""
    """The metric by which its runs are tuned and judged if the task's metric rewards something else, such as
    `pinball_0.9`; it is then compared only with losses that have the same. Empty if the task's metric fits."""
    bounded: bool | None = None
    """True if the loss has a largest value: confident mistakes may then get almost no gradient. None: not known."""
    convex: bool | None = None
    """True if it is convex in the raw outputs; None: not known."""
    zero: bool | None = None
    """True if it is never below 0, and 0 (or arbitrarily close) for a perfect prediction; None: not known."""
    monotone: bool | None = None
    """True if a better prediction never costs more: closer to the target, or more confident in the true class."""
    gives_up_on: str = ""
    """`positives` or `negatives`, if their confident mistakes get almost no gradient although the loss is unbounded."""
    special_cases: Mapping[str, str] = MappingProxyType({})
    """Which other losses it becomes: {"gamma=0": "bce"}, {"delta=1e6": "0.5 * mse"}; "≈ mae" for a limit. The key
    "classes=2" names the binary loss of the difference between the two logits."""
    raises: Mapping[str, str] = MappingProxyType({})
    """The effect of a larger parameter: more weight on positives or negatives, or predictions moved upwards or
    downwards; for example {"beta": "positives"}."""
    observes: str = ""
    """What `observe` computes from the training targets, such as class counts; empty if nothing."""
    reference: str = ""
    """Formula or paper, shown by `lossbench losses` and in the report."""
    contract: ClassVar[int] = CONTRACT
    """The version of the contract that the loss was written for; other versions are refused."""
    pointwise: bool = True
    """False for a set loss, which judges a batch as a whole (Dice, AUC surrogates) and returns one value."""
    domain: Domain = Domain.REAL
    search: Mapping[str, Range] = MappingProxyType({})
    """At most two parameters to tune; never one that changes what the loss elicits (a quantile's q)."""
    units: Mapping[str, str] = MappingProxyType({})
    """The unit of each parameter that has one, for readers."""
    title: str = ""
    """The name that it was loaded by, if any."""
    trusts_targets: bool = False
    """True during training: the task has checked all targets, so calls do not check them again."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for base in cls.__mro__[1:]:
            if base is not Loss and issubclass(base, Loss) and "kind" in base.__dict__:
                raise TypeError(
                    f"{cls.__name__} extends {base.__name__}, which states its kind and is therefore final."
                )
        if len(cls.search) > 2:
            raise TypeError(f"{cls.__name__}.search names {len(cls.search)} parameters, but at most two can be tuned.")

    def outputs(self, classes: int) -> int:
        """The number of raw outputs per target. Create parameters that depend on it here.

        Args:
            classes: the number of classes; 1 for continuous and binary targets.
        """
        return classes

    def observe(self, target: Tensor | Sequences) -> None:
        """Called once before training with the training targets [n]; keep class counts or scales in buffers."""

    def advance(self, progress: float) -> None:
        """Called once per epoch with the progress of training, from 0 to 1: for schedules and warm-up."""

    def parts(self) -> Mapping[str, Tensor]:
        """The terms of the last `forward` by name, for logging; empty except for composites."""
        return {}

    def forward(self, output: Any, target: Any) -> Tensor:
        """Computes the losses. Every subclass defines it.

        Args:
            output: raw outputs; for the shape see `Kind`.
            target: targets [n], or `Sequences` of labels.

        Returns:
            One loss per target or sequence [n]; one value [] for a set loss.
        """
        # nn.Module is no ABC: its own message would not name the author's class
        raise NotImplementedError(f"{type(self).__name__} does not define forward")

    def native(self, output: Any, target: Any, mask: Tensor) -> Tensor:
        """The mean over targets whose mask [n] is true, in a library's own way of ignoring the others.

        For losses that wrap a library's. Not used for training; `lossbench check` compares it with the mean of the
        losses of those targets. NotImplemented if the library cannot ignore targets.
        """
        return NotImplemented

    def predict(self, output: Any) -> Prediction:
        """Converts raw outputs to scores, labels and probabilities. Override it if raw outputs are not logits."""
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
            raise ValueError(f"{name} returned {got} for {each[0]} targets instead of {list(wanted)}: {rule}.{advice}")
        return losses

    def extra_repr(self) -> str:
        names = inspect.signature(type(self).__init__).parameters
        return ", ".join(
            f"{k}={getattr(self, k)}" for k in names if isinstance(getattr(self, k, None), (int, float, str))
        )


def _advice(loss: Loss, losses: Any, n: int) -> str:
    """How to fix a loss that returned something of another shape."""
    if callable(losses) and not isinstance(losses, Tensor):
        return " It returned a loss instead of values: name a function without arguments that creates it, or the loss."
    if isinstance(losses, (float, int)):
        return " Return the tensor itself, without .item() or float()."
    if not isinstance(losses, Tensor):
        return " Return only the tensor of losses."
    if not loss.pointwise:
        return " Return its mean or its sum, one value."
    if losses.numel() == 1 and n != 1:
        return (
            " Remove the mean or sum at its end (reduction='none'). If it judges the batch as a whole, set "
            "loss.pointwise=false on the command line, or pointwise = False in its class."
        )
    if losses.shape == (n, 1):
        return " Drop the last dimension: .squeeze(-1)."
    if losses.ndim > 1 and losses.shape[0] == n:
        return f" Take the mean over all dimensions except the {n} targets."
    return ""


def check(kind: Kind, output: Any, target: Any) -> torch.Size:
    """The shape [n] of the losses of a batch.

    Raises ValueError unless output and target have exactly the shapes of the kind; nothing is broadcast.
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
        return due  # first, since this runs at every step
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
    """Raises ValueError, naming the loss, for an invalid target: NaN, or a label that is not one of the classes.

    Targets without readable values (in a compiled graph, under `torch.func.vmap`, on the meta device) are not checked.
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
    except RuntimeError:  # no readable values
        return
    raise ValueError(f"{loss.title or type(loss).__name__} takes targets that are {rule}, but one is {bad}.")


def check_prediction(kind: Kind, prediction: Prediction, output: Any) -> None:
    """Raises ValueError unless `predict` returned what metrics need: one value per target, and labels of classes."""
    values = output.values if isinstance(output, Sequences) else output
    n, many = len(values), kind in (Kind.CLASSES, Kind.SEQUENCES)
    if len(prediction.score) != n or prediction.score.ndim != (2 if many else 1):
        raise ValueError(f"predict gave scores {list(prediction.score.shape)} for {n} targets of a {kind.value} loss.")
    if kind is not Kind.CONTINUOUS and (prediction.label is None or tuple(prediction.label.shape) != (n,)):
        raise ValueError(f"predict did not give one label for each of {n} targets, which a {kind.value} loss must do.")
    probability = prediction.probability
    if probability is not None and (len(probability) != n or probability.ndim != (2 if many else 1)):
        raise ValueError(f"predict gave probabilities {list(probability.shape)} for {n} targets.")


@contextmanager
def untouched(loss: Loss, output: Any, target: Any) -> Iterator[None]:
    """Around a call of a loss in training: raises ValueError if it wrote into its inputs.

    Code that reads the targets after such a loss would get modified ones.
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
    """Torch's count of in-place writes into a tensor; tensors of inference mode have none."""
    tensor = value.values if isinstance(value, Sequences) else value
    return 0 if tensor.is_inference() else tensor._version


def reduce(losses: Tensor, weight: Tensor | None = None) -> Tensor:
    """The mean of losses, optionally weighted: the only place where losses are reduced.

    Args:
        losses: [n], or [] from a set loss; [R, n] for R runs of a stack.
        weight: sample weights [n], at least 0; refused for a set loss, which has no value per target.

    Returns:
        One number [], or [R] for a stack.

    Raises:
        ValueError: the weights have another shape, are all 0, or belong to a set loss.
    """
    if losses.ndim == 0:
        if weight is not None:
            raise ValueError("A set loss judges all targets at once: sample weights do not apply to it.")
        return losses
    if weight is None:
        return losses.mean(-1)
    if weight.shape != losses.shape:
        raise ValueError(
            f"Weights {list(weight.shape)} for losses {list(losses.shape)}: there must be one weight per target."
        )
    total = weight.sum(-1)
    if not (total > 0).all():
        raise ValueError("At least one weight must be above 0: a mean over nothing is not defined.")
    return (weight * losses).sum(-1) / total
