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
    """A wrong loss: the law that it breaks, and a pattern for the words of the break."""

    loss: Any
    law: str
    words: str

    def __str__(self) -> str:
        return f"{self.law}-{self.loss.__name__}"


_ALL: list[Mutant] = []


def breaks(law: str, words: str) -> Callable[[T], T]:
    """Notes a class or function as a mutant that breaks a law in these words."""

    def noted(loss: T) -> T:
        _ALL.append(Mutant(loss, law, words))
        return loss

    return noted


def mutants(module: str) -> list[Mutant]:
    return [mutant for mutant in _ALL if mutant.loss.__module__ == module]


def crossentropy(z: Tensor, y: Tensor) -> Tensor:
    """Of logits, right at any size: y log(1 + e^-z) + (1 - y) log(1 + e^z)."""
    return y * softplus(-z) + (1 - y) * softplus(z)


def huber(z: Tensor, y: Tensor, delta: float = 1.0) -> Tensor:
    """Of any two types, which torch's kernel does not take: r²/2 up to delta, and a line beyond."""
    size = (z - y).abs()
    near = size.clamp(max=delta)
    return near**2 / 2 + delta * (size - near)
