"""Losses that tools cannot handle: compilers, copies, optimizers, devices."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from lossbench.loss import Kind, Loss
from tests.mutants.registry import breaks, crossentropy


@breaks("compiles_as_one_graph", "torch.compile cannot follow it")
class BranchesOnData(Loss):
    """kornia#3792: a test of the data in the middle of the graph."""

    kind = Kind.CONTINUOUS

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        r = output - target
        return r.abs() if (r.abs() > 100).all() else r.square()


@breaks("compiles_as_one_graph", "Compiled, it gives different values")
class OtherWhenCompiled(Loss):
    kind = Kind.CONTINUOUS

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        r = output - target
        return r.abs() if torch.compiler.is_compiling() else r.square()


@breaks("maps_over_batches", "torch.func.vmap cannot follow it")
class FillsAZero(Loss):
    """Adds into a tensor that it made itself, which has no place for a second batch."""

    kind = Kind.CONTINUOUS

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        losses = torch.zeros(len(target), dtype=output.dtype, device=output.device)
        losses += (output - target).square()
        return losses


@breaks("copies_are_the_same", "It cannot be pickled")
class HoldsALambda(Loss):
    kind = Kind.CONTINUOUS

    def __init__(self) -> None:
        super().__init__()
        self.link = lambda output: output

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (self.link(output) - target).square()


@breaks("copies_are_the_same", "It cannot be copied after a call: RuntimeError")
class KeepsItsGraph(Loss):
    """Keeps the losses of its last call for a log, and with them all that led to them."""

    kind = Kind.CONTINUOUS

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        self.last = (output - target).square()
        return self.last


@breaks("copies_are_the_same", "Loaded from its state_dict, it gives different values: some state is not in a buffer")
class WeightInAttribute(Loss):
    """Takes the odds of the training targets, and loses them when it is saved."""

    kind = Kind.BINARY

    def __init__(self) -> None:
        super().__init__()
        self.odds = 1.0

    def observe(self, target: Tensor) -> None:
        self.odds = float((1 - target.mean()) / target.mean())

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (1 + (self.odds - 1) * target) * crossentropy(output, target)


@breaks("copies_are_the_same", "A new one cannot load its state_dict")
class BufferOfObserved(Loss):
    kind = Kind.BINARY

    def observe(self, target: Tensor) -> None:
        self.register_buffer("odds", (1 - target.mean()) / target.mean())

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (1 + (self.odds - 1) * target) * crossentropy(output, target)


@breaks("parameters_learn", "Its parameter 'scale' gets no gradient")
class UnusedParameter(Loss):
    kind = Kind.CONTINUOUS

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).square() * self.scale.data


@breaks("parameters_learn", "Its parameter 'scale' does not change in a step")
class StuckParameter(Loss):
    """A square at 0 has no slope: what starts there stays there."""

    kind = Kind.CONTINUOUS

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(()))

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).square() * (1 + self.scale.square())


@breaks("parameters_learn", "The gradient of its parameter 'scale' is not finite")
class RootOfParameter(Loss):
    kind = Kind.CONTINUOUS

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(()))

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).square() * (1 + self.scale.sqrt())


@breaks("parameters_learn", "Its parameters are not restored by the state_dict")
class ForgetsItsParameter(Loss):
    """amjltc295/pytorch-golden-template#76: parameters of a loss that a checkpoint does not bring back."""

    kind = Kind.CONTINUOUS

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def load_state_dict(self, *given: Any, **how: Any) -> Any:
        return None

    def observe(self, target: Tensor) -> None:
        self.scale.data.fill_(float(target.std()))

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).square() / self.scale.square() + self.scale.square().log()


@breaks("works_on_any_device", r"Its source says 'weight.cuda\(\)'")
class OnCudaOnly(Loss):
    """Active-Passive-Losses, focal-loss copies everywhere: `.cuda()` on whatever machine has one."""

    kind = Kind.CONTINUOUS

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        weight = torch.ones((), dtype=output.dtype)
        if torch.cuda.is_available():
            weight = weight.cuda()
        return weight * (output - target).square()


@breaks("works_on_any_device", "On the meta device: ")
class WeightsOnCpu(Loss):
    kind = Kind.CONTINUOUS

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return torch.ones(len(target), dtype=output.dtype) * (output - target).square()


@breaks("works_on_any_device", "Inputs on meta, losses on cpu")
class BackOnCpu(Loss):
    kind = Kind.CONTINUOUS

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        if output.device.type == "meta":
            return torch.zeros(len(target), dtype=output.dtype)
        return (output - target).square()


@breaks("operations_do_not_grow", "operations for 12 targets, .* for 96: it loops over targets")
class LoopsOverRows(Loss):
    kind = Kind.CONTINUOUS

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return torch.stack([(output[row] - target[row]).square() for row in range(len(target))])
