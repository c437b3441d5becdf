"""Models of rows: a linear map and a multilayer perceptron. x: [n, inputs] -> [n, outputs]."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn


class Linear(nn.Module):
    """One matrix and a bias."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.output = nn.Linear(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(x)


class MLP(nn.Module):
    """Hidden layers with ReLU, and dropout where asked for."""

    def __init__(self, inputs: int, outputs: int, hidden: Sequence[int] = (64, 64), dropout: float = 0.0) -> None:
        super().__init__()
        if isinstance(hidden, str) or not all(type(width) is int and width > 0 for width in hidden):
            raise ValueError(f"hidden={hidden} must be a list of widths, such as [64,64]")
        if type(dropout) not in (int, float) or not 0 <= dropout < 1:
            raise ValueError(f"dropout={dropout} must be a share from 0 to below 1")
        layers: list[nn.Module] = []
        for width_in, width_out in pairwise([inputs, *hidden]):
            layers += [nn.Linear(width_in, width_out), nn.ReLU()]
            if dropout:
                layers.append(nn.Dropout(dropout))
        self.body = nn.Sequential(*layers)
        self.output = nn.Linear(hidden[-1] if hidden else inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(self.body(x))
