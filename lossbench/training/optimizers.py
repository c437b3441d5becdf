"""AdamW and SGD for R trainings at once, each with a learning rate of its own.

All parameters of all replicas lie in one matrix [R, P], so that a step takes a few calls, however many layers
there are.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

from lossbench.training.layers import ALIGNED


class StackedOptimizer(torch.optim.Optimizer):
    """Steps on parameters [R, ...]: row r moves at rate r."""

    def __init__(self, parameters: Sequence[nn.Parameter], rates: Tensor, clip_norm: float | None = None) -> None:
        """rates: [R] float64. clip_norm: the largest norm that the gradient of one replica may have."""
        super().__init__(parameters, {})
        self.parameters = [p for p in parameters if p.requires_grad]
        self.clip_norm = clip_norm
        replicas, like = len(rates), self.parameters[0]
        self.places, width = [], 0
        for parameter in self.parameters:
            self.places.append((width, parameter[0].numel()))
            width += -(-parameter[0].numel() // ALIGNED) * ALIGNED
        self.rates = rates.to(like.device)
        self.values = torch.zeros(replicas, width, dtype=like.dtype, device=like.device)
        for parameter, (start, size) in zip(self.parameters, self.places, strict=True):
            self.values[:, start : start + size] = parameter.detach().view(replicas, size)
        self._lay_out()

    def backward(self, loss: Tensor) -> None:
        """Takes the gradient of `loss` [], the sum over replicas, in all parameters."""
        found = torch.autograd.grad(loss, self.parameters, allow_unused=True)
        for place, gradient in zip(self._gradients, found, strict=True):
            if gradient is None:
                place.zero_()
            else:
                place.copy_(gradient)

    def step(self, closure: None = None) -> None:  # type: ignore[override]  # there is nothing to evaluate again
        self.descend()

    @torch.no_grad()
    def descend(self) -> None:
        """One step without the hooks that torch puts around `step`: they take a tenth of its time."""
        if self.clip_norm is not None:
            norm = self.gradient.norm(dim=1, keepdim=True)
            self.gradient.mul_((self.clip_norm / (norm + 1e-6)).clamp(max=1.0))  # as torch's clip_grad_norm_
        self._move(self.rates.to(self.values.dtype).unsqueeze(1))

    @torch.no_grad()
    def keep(self, places: Tensor) -> None:
        """The replicas at these places go on, the others have left."""
        self.rates, self.values = self.rates[places], self.values[places]
        self._lay_out()

    def _lay_out(self) -> None:
        """Makes the parameters views of the matrix."""
        self.gradient = torch.zeros_like(self.values)
        self._gradients: list[Tensor] = []
        for parameter, (start, size) in zip(self.parameters, self.places, strict=True):
            shape = (len(self.values), *parameter.shape[1:])
            parameter.data = self.values[:, start : start + size].view(shape)
            self._gradients.append(self.gradient[:, start : start + size].view(shape))

    def _move(self, rates: Tensor) -> None:
        """Updates `values` by a step along `gradient` [R, P], at rates [R, 1]."""
        # torch's Optimizer is no ABC, so nothing else would stop an optimizer that leaves its step out
        raise NotImplementedError(f"{type(self).__name__} does not define its step")


class StackedAdamW(StackedOptimizer):
    """AdamW without weight decay by torch's own kernel: its step at rate 1, taken by each replica at its own rate.

    Loshchilov and Hutter 2019. The step of Adam is proportional to the rate, and depends on nothing that it changes.
    Called as the function that `torch.optim.AdamW.step` calls, whose doings around it cost as much as the step.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], rates: Tensor, clip_norm: float | None = None) -> None:
        super().__init__(parameters, rates, clip_norm)
        self.mean, self.square, self.unit = (torch.zeros_like(self.values) for _ in range(3))
        self.count = torch.zeros((), device=self.values.device)

    def keep(self, places: Tensor) -> None:
        self.mean, self.square, self.unit = self.mean[places], self.square[places], self.unit[places]
        super().keep(places)

    def _move(self, rates: Tensor) -> None:
        self.unit.zero_()
        adamw(
            [self.unit],
            [self.gradient],
            exp_avgs=[self.mean],
            exp_avg_sqs=[self.square],
            max_exp_avg_sqs=[],
            state_steps=[self.count],
            fused=True,
            amsgrad=False,
            maximize=False,
            weight_decay=0.0,
            lr=1.0,
            beta1=0.9,
            beta2=0.999,
            eps=1e-8,
        )
        self.values.addcmul_(self.unit, rates)


class StackedSGD(StackedOptimizer):
    """As `torch.optim.SGD` without momentum."""

    def _move(self, rates: Tensor) -> None:
        self.values.addcmul_(self.gradient, -rates)


OPTIMIZERS: dict[str, type[StackedOptimizer]] = {"adamw": StackedAdamW, "sgd": StackedSGD}
"""By their names in `training.optimizer`."""
