"""A custom function, module or class as a loss of one kind: how it is created and called."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lossbench.errors import PluginError
from lossbench.loss import Domain, Kind, Loss, Prediction, Sequences
from lossbench.loss.calling import makes_losses, wrong_arguments
from lossbench.loss.parameters import Parameter
from lossbench.loss.torch_losses import refusal, wanted
from lossbench.loss.traits import LINKS, TOLD

REDUCED = ("mean", "sum", "elementwise_mean")
"""Values of a module's `reduction` that take a mean or sum; a loss here never reduces."""


def refuse(thing: Any, traits: Mapping[str, Any], name: str, distribution: str) -> None:
    """Raises PluginError if an object cannot be called as `loss(output, target)`."""
    reason = None if "labels" in traits else refusal(thing)
    reason = reason or wrong_arguments(thing)
    if reason:
        raise PluginError(f"'{name}' of {distribution} is not a loss of (output, target): {reason}.")


@dataclass(frozen=True)
class Builder:
    """Creates a loss of one kind from a class, a module, a function of (output, target), or a factory.

    Called with the loss's own parameters, whatever their names.
    """

    thing: Any
    kind: Kind
    traits: Mapping[str, Any]
    parameters: tuple[Parameter, ...]
    name: str
    distribution: str

    def __call__(self, **params: Any) -> Loss:
        given = {p.name: _as_tensor(params[p.name], p) for p in self.parameters if p.name in params}
        if self.traits.get("pointwise", True):
            given |= _unreduced(self.thing)
        made, kept = self.thing, given
        if isinstance(self.thing, nn.Module):
            made, kept = deepcopy(self.thing), {}
        elif isinstance(self.thing, type):
            made, kept = self.thing(**given), {}
        elif makes_losses(self.thing):
            made, kept = self._of_factory(given), {}
        if isinstance(made, Loss):
            if made.kind is not self.kind:
                raise PluginError(
                    f"'{self.name}' of {self.distribution} makes a {made.kind.value} loss: "
                    f"set loss.kind={made.kind.value}."
                )
            return made
        if isinstance(made, nn.Module) and self.traits.get("pointwise", True):
            _keep_all(made)
        traits = {**wanted(self.thing if isinstance(self.thing, type) else made, self.kind, params), **self.traits}
        return Adapted(made, self.kind, traits, kept)

    def _of_factory(self, given: Mapping[str, Any]) -> Any:
        made = self.thing(**given)
        if not callable(made):
            raise PluginError(
                f"'{self.name}' of {self.distribution} returned a {type(made).__name__}: a loss is a function "
                f"(output, target) -> losses, or a function without these two arguments that returns a loss."
            )
        refuse(made, self.traits, self.name, self.distribution)
        return made


def _keep_all(made: nn.Module) -> None:
    """Turns off the reduction of a module that has PyTorch's attribute for it."""
    if getattr(made, "reduction", None) in REDUCED:
        made.reduction = "none"  # type: ignore[assignment]  # a plain attribute


def _as_tensor(value: Any, parameter: Parameter) -> Any:
    """Numbers and lists of numbers as a tensor, if the parameter is annotated as one; anything else unchanged."""
    if value is None or isinstance(value, Tensor) or Tensor not in (parameter.type, *typing.get_args(parameter.type)):
        return value
    try:
        return torch.tensor(value, dtype=torch.float32)
    except (ValueError, TypeError, RuntimeError) as error:
        raise ValueError(f"{parameter.name} must be a number, or a list of numbers such as [1,3]") from error


class Adapted(Loss):
    """A custom function or module, called in the form that it expects."""

    def __init__(
        self, call: Callable[..., Any], kind: Kind, traits: Mapping[str, Any], params: Mapping[str, Any]
    ) -> None:
        """call: `(output, target, **params) -> losses`; if it is a module with weights, they are trained with the
        model."""
        super().__init__()
        self.kind = kind
        self.title = getattr(call, "__name__", type(call).__name__)
        self.pointwise = traits.get("pointwise", True)
        self.domain = Domain(traits.get("domain", Domain.REAL))
        for told in TOLD & set(traits):
            setattr(self, told, traits[told])
        self.true_first = traits.get("order") == "true_pred"
        self.input = traits.get("input", "raw")
        self.link = traits.get("link")
        self.count = traits.get("outputs")
        self.labels = tuple(traits["labels"]) if traits.get("labels") else None
        self.module = call if isinstance(call, nn.Module) else None
        self.function = None if isinstance(call, nn.Module) else call
        self.given = tuple(params)
        for name, value in params.items():  # as attributes, where the parameters of any loss are found
            if isinstance(value, Tensor):
                self.register_buffer(f"given_{name}", value)
            else:
                setattr(self, f"given_{name}", value)

    def outputs(self, classes: int) -> int:
        return classes if self.count is None or self.kind is Kind.BINARY else int(self.count)

    def forward(self, output: Any, target: Any) -> Tensor:
        pair = (self._seen(output), self._labelled(target))
        call = self.function if self.module is None else self.module
        assert call is not None
        return call(
            *(reversed(pair) if self.true_first else pair),
            **{name: getattr(self, f"given_{name}") for name in self.given},
        )

    def _seen(self, output: Any) -> Any:
        """The raw outputs in the form that the loss takes; a copy, since it may write into it."""
        if isinstance(output, Sequences):
            return Sequences(output.values.clone(), output.lengths.clone())
        two = self.kind is Kind.BINARY and self.count == 2
        if two:  # a first logit of 0: the softmax of both is the sigmoid of the second
            output = torch.stack([torch.zeros_like(output), output], -1)
        match self.input:
            case "probability":
                return output.softmax(-1) if two or self.kind is Kind.CLASSES else torch.sigmoid(output)
            case "log_probability":
                return output.log_softmax(-1) if two or self.kind is Kind.CLASSES else functional.logsigmoid(output)
            case "prediction":
                return self._linked(output).clone()
        return output if two else output.clone()

    def _labelled(self, target: Any) -> Any:
        """A copy of the targets, with the loss's own labels."""
        if isinstance(target, Sequences):
            return Sequences(target.values.clone(), target.lengths.clone())
        if self.kind is Kind.BINARY and self.count == 2:
            return target.long() if target.is_floating_point() else target.clone()
        if self.labels is None:
            return target.clone()
        negative, positive = self.labels
        return target * (positive - negative) + negative

    def predict(self, output: Any) -> Prediction:
        values = output.values if isinstance(output, Sequences) else output
        plain = super().predict(output)
        if self.link is None:
            return plain
        if self.kind is Kind.CONTINUOUS:
            return Prediction(score=self._linked(plain.score))
        return Prediction(plain.score, plain.label, None if self.link == "none" else self._linked(values))

    def _linked(self, values: Tensor) -> Tensor:
        link = LINKS[self.link] if isinstance(self.link, str) else self.link
        return values if link is None else link(values.clone())


def _unreduced(thing: Callable[..., Any]) -> dict[str, str]:
    try:
        return {"reduction": "none"} if "reduction" in inspect.signature(thing).parameters else {}
    except ValueError:
        return {}
