"""The output of a user's own model: which one of several is used, and whether its shape fits."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from lossbench.errors import InputError
from lossbench.loss import Kind, Sequences
from lossbench.plan import Part
from lossbench.tasks.contract import Fold

ROWS = 4
"""How many training rows a model is tried on."""


@dataclass(frozen=True)
class Chosen:
    """A forward hook that picks one output: an index of a tuple, or a key of a dict."""

    which: int | str

    def __call__(self, module: nn.Module, args: Any, output: Any) -> Any:
        try:
            named = isinstance(self.which, str) and not isinstance(output, Mapping)
            return getattr(output, str(self.which)) if named else output[self.which]
        except (KeyError, IndexError, TypeError, AttributeError):
            raise InputError(f"model.output={self.which}: the model returns {described(output)}.") from None


def choose_output(model: nn.Module, which: int | str) -> None:
    """Makes the model return only one of its outputs. Its weights keep their names: nothing is wrapped."""
    model.register_forward_hook(Chosen(which))


def give_shapes(model: nn.Module, fold: Fold, kind: Kind) -> None:
    """Initialises lazy layers (nn.LazyLinear) by a forward pass on some rows."""
    if any(is_lazy(tensor) for tensor in [*model.parameters(), *model.buffers()]):
        with _evaluating(model):
            fold.score(model, _batch(fold), kind)


def check_answers(model: nn.Module, fold: Fold, kind: Kind, target: str) -> None:
    """Raises InputError for a model that breaks on the data, or returns what no loss can take.

    target: its path, as the user gave it.
    """
    seen: list[Any] = []
    handle = model.register_forward_hook(lambda module, args, output: seen.append(output))
    try:
        with _evaluating(model):
            scored = fold.score(model, _batch(fold), kind)
    except InputError:
        raise
    except Exception as error:
        if seen and not isinstance(seen[-1], Tensor):
            raise InputError(f"model.target={target} returns {described(seen[-1])}. {_advice(seen[-1])}") from error
        text = " ".join(str(error).split())
        raise InputError(f"model.target={target} broke on {ROWS} rows: {type(error).__name__}: {text[:300]}") from error
    finally:
        handle.remove()
    output, wanted = (v.values if isinstance(v, Sequences) else v for v in (scored.output, scored.target))
    if not isinstance(output, Tensor) or output.shape not in ((len(wanted),), (len(wanted), 1)):
        shape = list(output.shape) if isinstance(output, Tensor) else described(output)
        raise InputError(
            f"model.target={target} returns {shape} for {len(wanted)} targets where [{len(wanted)}, 1] is needed: it "
            f"is built with (inputs, outputs), and its last layer must have `outputs` units."
        )


def described(output: Any) -> str:
    """`a tuple of 2: [4, 1], [4, 16]`, `a dict: logits [4, 1]`, `[4, 3]`."""
    if isinstance(output, Tensor):
        return str(list(output.shape))
    name = type(output).__name__
    article = "an" if name[:1].lower() in "aeiou" else "a"
    if isinstance(output, Mapping):
        return f"{article} {name}: {', '.join(f'{key} {described(value)}' for key, value in output.items())}"
    if isinstance(output, (tuple, list)):
        return f"{article} {name} of {len(output)}: {', '.join(described(value) for value in output)}"
    return f"{article} {name}"


def _advice(output: Any) -> str:
    """Suggests one of several outputs: the first with one number per row."""
    items = list(output.items() if isinstance(output, Mapping) else enumerate(output)) if _several(output) else []
    fitting = [key for key, value in items if isinstance(value, Tensor) and value.shape in ((ROWS,), (ROWS, 1))]
    keys = fitting or [key for key, _ in items]
    return f"Choose its output: model.output={keys[0]}" if keys else "It must return a tensor."


def _several(output: Any) -> bool:
    return isinstance(output, (Mapping, tuple, list))


def _batch(fold: Fold) -> Any:
    return fold.batch(Part.TRAIN, torch.arange(min(ROWS, len(fold.splits.rows(Part.TRAIN)))))


@contextmanager
def _evaluating(model: nn.Module) -> Any:
    """Without gradients, dropout and running statistics; the model trains again afterwards if it did before."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)
