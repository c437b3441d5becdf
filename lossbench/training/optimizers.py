"""AdamW and SGD for R trainings at once, each with a learning rate of its own.

All parameters of all replicas lie in one matrix [R, P], so that a step is a handful of calls whatever the number of
layers. The arithmetic is that of `torch.optim`, operation by operation.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

ALIGNED = 16
"""Numbers: each tensor of each replica begins where a cache line does, so that no kernel takes another path for one."""
BETAS, EPS = (0.9, 0.999), 1e-8
"""The defaults of `torch.optim.AdamW`."""


class StackedOptimizer(torch.optim.Optimizer):
    """Steps on parameters [R, ...]: row r moves at rate r."""

    moments: tuple[str, ...] = ()
    """Names of what is kept beside the parameters from step to step."""

    def __init__(self, parameters: Sequence[nn.Parameter], rates: Tensor, clip_norm: float | None = None) -> None:
        """rates: [R] float64. clip_norm: the largest norm that the gradient of one replica may have."""
        super().__init__(parameters, {})
        self.parameters = [p for p in parameters if p.requires_grad]
        self.clip_norm, self.steps = clip_norm, 0
        replicas, like = len(rates), self.parameters[0]
        self.places, width = [], 0
        for parameter in self.parameters:
            self.places.append((width, parameter[0].numel()))
            width += -(-parameter[0].numel() // ALIGNED) * ALIGNED
        self.rates = rates.to(like.device)
        self.values = torch.zeros(replicas, width, dtype=like.dtype, device=like.device)
        for parameter, (start, size) in zip(self.parameters, self.places, strict=True):
            self.values[:, start : start + size] = parameter.detach().view(replicas, size)
        self.kept = {name: torch.zeros_like(self.values) for name in self.moments}
        self._lay_out()

    def backward(self, loss: Tensor) -> None:
        """Takes the gradient of `loss` [], the sum over replicas, in all parameters."""
        found = torch.autograd.grad(loss, self.parameters, allow_unused=True)
        for place, gradient in zip(self._gradients, found, strict=True):
            if gradient is None:
                place.zero_()
            else:
                place.copy_(gradient)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # there is nothing to evaluate again
        if self.clip_norm is not None:
            norm = self.gradient.norm(dim=1, keepdim=True)
            self.gradient.mul_((self.clip_norm / (norm + 1e-6)).clamp(max=1.0))  # as torch's clip_grad_norm_
        self.steps += 1
        self._move()

    @torch.no_grad()
    def keep(self, places: Tensor) -> None:
        """The replicas at these places go on, the others have left."""
        self.rates, self.values = self.rates[places], self.values[places]
        self.kept = {name: kept[places] for name, kept in self.kept.items()}
        self._lay_out()

    def _lay_out(self) -> None:
        """Makes the parameters views of the matrix."""
        self.gradient, self._room = torch.zeros_like(self.values), torch.empty_like(self.values)
        self._gradients: list[Tensor] = []
        for parameter, (start, size) in zip(self.parameters, self.places, strict=True):
            shape = (len(self.values), *parameter.shape[1:])
            parameter.data = self.values[:, start : start + size].view(shape)
            self._gradients.append(self.gradient[:, start : start + size].view(shape))

    def _move(self) -> None:
        raise NotImplementedError(f"{type(self).__name__} does not say how it moves")


class StackedAdamW(StackedOptimizer):
    """As `torch.optim.AdamW` without weight decay; Loshchilov and Hutter 2019."""

    moments = ("mean", "square")

    def _move(self) -> None:
        mean, square, room, gradient = self.kept["mean"], self.kept["square"], self._room, self.gradient
        mean.lerp_(gradient, 1 - BETAS[0])
        square.mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
        torch.sqrt(square, out=room)
        room.div_((1 - BETAS[1] ** self.steps) ** 0.5).add_(EPS)
        torch.div(mean, room, out=room)
        step = (-self.rates / (1 - BETAS[0] ** self.steps)).to(self.values.dtype).unsqueeze(1)
        self.values.addcmul_(room, step)


class StackedSGD(StackedOptimizer):
    """As `torch.optim.SGD` without momentum."""

    def _move(self) -> None:
        self.values.addcmul_(self.gradient, -self.rates.to(self.values.dtype).unsqueeze(1))


OPTIMIZERS: dict[str, type[StackedOptimizer]] = {"adamw": StackedAdamW, "sgd": StackedSGD}
"""By their names in `training.optimizer`."""
