"""How a wrong loss is written down, and the right formulas that most of them start from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from torch import Tensor
from torch.nn.functional import softplus

T = TypeVar("T", bound=Callable[..., Any])


@dataclass(frozen=True)
class Mutant:
    """A wrong loss: the law that it breaks, a pattern for the words of the break, and which other laws break too."""

    loss: Any
    law: str
    words: str
    collateral: frozenset[str]

    def __str__(self) -> str:
        return f"{self.law}-{self.loss.__name__}"


_ALL: list[Mutant] = []


def breaks(law: str, words: str, *collateral: str) -> Callable[[T], T]:
    """Notes a class or function as a mutant that breaks a law in these words, and the collateral laws beside it."""

    def noted(loss: T) -> T:
        _ALL.append(Mutant(loss, law, words, frozenset(collateral)))
        return loss

    return noted


def mutants(module: str) -> list[Mutant]:
    return [mutant for mutant in _ALL if mutant.loss.__module__ == module]


CALLED = (
    "inputs_are_untouched",
    "rows_stay_apart",
    "order_makes_no_difference",
    "calls_leave_no_trace",
    "finite_at_extremes",
    "gradient_is_never_nan",
    "wrong_answers_pull",
    "precision_is_kept",
    "low_precision_is_right",
    "mixed_precision_trains",
    "gradient_is_the_derivative",
    "compiles_as_one_graph",
    "maps_over_batches",
    "copies_are_the_same",
    "works_on_any_device",
    "operations_do_not_grow",
)
"""Laws beside the first that call a loss that declares nothing: one that cannot be called breaks them all."""
DIFFERENTIATED = (
    "inputs_are_untouched",
    "order_makes_no_difference",
    "gradient_is_never_nan",
    "wrong_answers_pull",
    "mixed_precision_trains",
    "gradient_is_the_derivative",
    "operations_do_not_grow",
)
"""Those of them that ask for a gradient by autograd."""


def crossentropy(z: Tensor, y: Tensor) -> Tensor:
    """Of logits, right at any size: y log(1 + e^-z) + (1 - y) log(1 + e^z)."""
    return y * softplus(-z) + (1 - y) * softplus(z)


def huber(z: Tensor, y: Tensor, delta: float = 1.0) -> Tensor:
    """Of any two types, which torch's kernel does not take: r²/2 up to delta, and a line beyond."""
    size = (z - y).abs()
    near = size.clamp(max=delta)
    return near**2 / 2 + delta * (size - near)
