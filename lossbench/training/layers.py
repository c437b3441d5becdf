"""One model with the weights of many: R copies of a network that takes R batches at once.

Known layers are replaced by batched versions; the code around them stays its author's. Any other network goes through
`torch.func.vmap`. Both ways are first compared on made-up rows with the R single models, in values and gradients; if
neither agrees, the trainings run one by one.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from lossbench.training.differences import variation

ALIGNED = 16
"""Numbers: matrices of a multiple of it begin where a cache line does, for every replica alike. Where one does not,
matrix kernels take another path and round otherwise: rows and columns of zeros fill it up."""
TOLERANCE = 1e-9
"""Tolerance between two ways of computing the same values in float64, relative to the largest of them."""


class Unstackable(Exception):
    """Raised for trainings that cannot be stacked; the message says why."""


class StackedLinear(nn.Module):
    """x [R, ..., inputs] -> [R, ..., outputs] by weight [R, outputs, inputs] and bias [R, outputs]."""

    def __init__(self, layers: Sequence[nn.Linear]) -> None:
        super().__init__()
        self.weight = nn.Parameter(_stacked(layer.weight for layer in layers))
        inputs, outputs = layers[0].in_features, layers[0].out_features
        self.lacking = -inputs % ALIGNED if inputs * outputs % ALIGNED else 0
        """Columns of zeros that make the gradient of a weight a multiple of `ALIGNED`."""
        bias = layers[0].bias is not None
        self.bias = nn.Parameter(_stacked(layer.bias for layer in layers)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        rows: Tensor = x.flatten(1, -2) if x.ndim > 3 else x
        weight: Tensor = self.weight
        count = rows.shape[1]
        if count % ALIGNED:
            rows = functional.pad(rows, (0, 0, 0, -count % ALIGNED))
        if self.lacking:
            rows, weight = (functional.pad(matrix, (0, self.lacking)) for matrix in (rows, weight))
        weight = weight.transpose(1, 2)
        product = torch.bmm(rows, weight) if self.bias is None else torch.baddbmm(self.bias.unsqueeze(1), rows, weight)
        product = product[:, :count] if count % ALIGNED else product
        return product if x.ndim == 3 else product.unflatten(1, x.shape[1:-1])


class StackedLayerNorm(nn.Module):
    """Each row normalised by itself, then scaled and shifted by its replica's weight and bias."""

    def __init__(self, layers: Sequence[nn.LayerNorm]) -> None:
        super().__init__()
        self.shape, self.eps = layers[0].normalized_shape, layers[0].eps
        weight, bias = layers[0].weight is not None, layers[0].bias is not None
        self.weight = nn.Parameter(_stacked(layer.weight for layer in layers)) if weight else None
        self.bias = nn.Parameter(_stacked(layer.bias for layer in layers)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        y = functional.layer_norm(x, self.shape, eps=self.eps)
        between = [1] * (x.ndim - 1 - len(self.shape))
        for part, merge in ((self.weight, torch.mul), (self.bias, torch.add)):
            if part is not None:
                y = merge(y, part.view(len(part), *between, *self.shape))
        return y


class StackedEmbedding(nn.Module):
    """ids [R, ...] -> [R, ..., width], each replica from its own table."""

    def __init__(self, layers: Sequence[nn.Embedding]) -> None:
        super().__init__()
        self.weight = nn.Parameter(_stacked(layer.weight for layer in layers))

    def forward(self, ids: Tensor) -> Tensor:
        replicas, rows, width = self.weight.shape
        if ids.numel() and not 0 <= int(ids.min()) <= int(ids.max()) < rows:
            raise IndexError(f"an id is outside the {rows} rows of its table")
        first = torch.arange(replicas, device=ids.device).view(-1, *[1] * (ids.ndim - 1)) * rows
        return functional.embedding(ids + first, self.weight.reshape(replicas * rows, width))


class StackedDropout(nn.Module):
    """Dropout in which replica r drops the same units as it would alone: one random stream per fold, by its seed."""

    def __init__(self, p: float, draws: Draws) -> None:
        super().__init__()
        self.p, self.draws = p, draws

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        return x * self.draws.kept(self.p, x).div_(1 - self.p)


class Draws:
    """The random streams of dropout: replicas of one fold share theirs, as every loss and trial of a repeat does."""

    def __init__(self, seeds: Sequence[int]) -> None:
        self.generators = {seed: torch.Generator().manual_seed(seed) for seed in dict.fromkeys(seeds)}
        self.seeds = list(seeds)

    def kept(self, p: float, x: Tensor) -> Tensor:
        """The mask of x [R, ...]: 1 for units that are kept, else 0."""
        drawn = {
            seed: torch.empty(x.shape[1:], dtype=x.dtype).bernoulli_(1 - p, generator=generator)
            for seed, generator in self.generators.items()
        }
        return torch.stack([drawn[seed] for seed in self.seeds]).to(x.device)

    def keep(self, places: Tensor) -> None:
        """The replicas at these places go on, the others have left; their streams are left too."""
        self.seeds = [self.seeds[place] for place in places.tolist()]
        self.generators = {seed: self.generators[seed] for seed in dict.fromkeys(self.seeds)}


class StackedModel(nn.Module):
    """The weights of R models under the names that each of them has: `tensors()[name]` is [R, ...].

    x [R, n, ...] -> [R, n, outputs].
    """

    def __init__(self, tree: nn.Module, forward: Callable[[nn.Module, Tensor], Tensor], draws: Draws) -> None:
        super().__init__()
        self.tree, self._forward, self.draws = tree, forward, draws

    def forward(self, x: Tensor) -> Tensor:
        return self._forward(self.tree, x)

    def tensors(self) -> dict[str, Tensor]:
        return {**dict(self.tree.named_parameters()), **dict(self.tree.named_buffers())}

    def keep(self, places: Tensor) -> None:
        """The replicas at these places go on, the others have left. What is trained is cut by the optimizer."""
        self.draws.keep(places)
        for parameter in self.tree.parameters():
            if not parameter.requires_grad:
                parameter.data = parameter.data[places.to(parameter.device)]
        for module in self.tree.modules():
            for name, buffer in module._buffers.items():
                module._buffers[name] = None if buffer is None else buffer[places.to(buffer.device)]


def stack_models(models: Sequence[nn.Module], rows: Tensor, seeds: Sequence[int]) -> StackedModel | None:
    """The R models as one; None if neither way agrees with calling them one by one.

    rows: [n, ...] some of what the models take. seeds: [R] of the dropout of each.
    """
    if variation(list({id(model): model for model in models}.values()), buffers=False) != {}:
        return None  # a number or tensor drawn when they were built, as no stack of weights can hold
    if any(has_ways_of_its_own(module) for module in models[0].modules()):
        return None
    draws = Draws(seeds)
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of libraries, about calls that are only trials
        sample = sample_of(models)
        for build in (layer_by_layer, mapped):
            if agrees(build, sample, rows):
                with suppress(ValueError):  # dropout, which the comparison switches off
                    return StackedModel(*build(models, draws), draws)
    return None


def has_ways_of_its_own(module: nn.Module) -> bool:
    """Layers whose random draws or handling of single rows a stack would not reproduce."""
    match module:
        case nn.modules.dropout._DropoutNd():
            return module.p > 0 and type(module) is not nn.Dropout
        case nn.Embedding():
            return module.padding_idx is not None or module.max_norm is not None or module.scale_grad_by_freq
    return False


# Two ways -----------------------------------------------------------------------------------------------------------


Built = tuple[nn.Module, Callable[[nn.Module, Tensor], Tensor]]


def layer_by_layer(models: Sequence[nn.Module], draws: Draws) -> Built:
    """The first model's own code over batched layers. ValueError for parameters outside known layers."""
    tree = _replaced(list(models), draws)
    return tree, lambda module, x: module(x)


def _replaced(layers: list[Any], draws: Draws) -> nn.Module:
    first = layers[0]
    match first:
        case nn.Linear() if type(first) is nn.Linear:
            return StackedLinear(layers)
        case nn.LayerNorm() if type(first) is nn.LayerNorm:
            return StackedLayerNorm(layers)
        case nn.Embedding() if type(first) is nn.Embedding:
            return StackedEmbedding(layers)
        case nn.Dropout() if type(first) is nn.Dropout:
            return StackedDropout(first.p, draws)
    if any(True for _ in first.parameters(recurse=False)) or any(True for _ in first.buffers(recurse=False)):
        raise ValueError(f"{type(first).__name__} has weights of its own")
    children = {name: _replaced([layer.get_submodule(name) for layer in layers], draws) for name in first._modules}
    tree = _shell(first)
    tree._modules = children  # type: ignore[assignment]  # a plain dict of modules is what it is
    return tree


def _shell(module: nn.Module) -> nn.Module:
    """A copy of a module without its children."""
    children, module._modules = module._modules, {}
    try:
        return deepcopy(module)
    finally:
        module._modules = children


def mapped(models: Sequence[nn.Module], draws: Draws) -> Built:
    """One model through `torch.func.vmap`, its tensors replaced by stacks of all of them."""
    if any(isinstance(module, nn.modules.dropout._DropoutNd) and module.p for module in models[0].modules()):
        raise ValueError("dropout in a mapped model would not be that of the same model alone")
    tree = deepcopy(models[0])
    stack_tensors(tree, models)

    def forward(module: nn.Module, x: Tensor) -> Tensor:
        tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
        return torch.vmap(lambda own, rows: functional_call(module, own, (rows,)))(tensors, x)

    return tree, forward


def stack_tensors(tree: nn.Module, modules: Sequence[nn.Module]) -> None:
    """Gives a copy of one of R modules of one make the parameters and buffers of all of them, [R, ...] each."""
    tied = len(list(tree.named_parameters(remove_duplicate=False))) > len(list(tree.named_parameters()))
    if tied:
        raise ValueError("a weight that serves twice cannot be stacked by name")
    for prefix, module in tree.named_modules():
        for tensors in (module._parameters, module._buffers):
            for name, own in tensors.items():
                if own is not None:
                    stack = _stacked(getattr(each.get_submodule(prefix), name) for each in modules)
                    tensors[name] = nn.Parameter(stack, own.requires_grad) if isinstance(own, nn.Parameter) else stack


# Do they agree? -----------------------------------------------------------------------------------------------------


def sample_of(models: Sequence[nn.Module]) -> list[nn.Module]:
    """Three models of this make with different weights, in float64, their dropout switched off."""
    sample = [deepcopy(models[0]).double() for _ in range(3)]
    generator = torch.Generator().manual_seed(0)
    for number, model in enumerate(sample):
        for parameter in model.parameters():
            drawn = torch.randn(parameter.shape, generator=generator, dtype=torch.double)
            parameter.data += 0.1 * number * drawn
        for module in model.modules():
            if isinstance(module, nn.modules.dropout._DropoutNd):
                module.p = 0.0
    return sample


def agrees(build: Callable[..., Built], models: list[nn.Module], rows: Tensor) -> bool:
    """Whether the stack agrees with the models, in a training step with its gradients and in evaluation."""
    alone = [deepcopy(model) for model in models]
    widths = {size for tensor in (rows, *models[0].parameters()) for size in tensor.shape[-2:]}
    try:
        tree, forward = build(models, Draws([0] * len(models)))
        for training in (True, False):
            x = _some_rows(rows, len(models), widths)
            tree.train(training)
            values = forward(tree, x)
            wanted = [model.train(training)(own) for model, own in zip(alone, x, strict=True)]
            if not agree(values, torch.stack(wanted)):
                return False
            if training:
                direction = torch.sin(torch.arange(values.numel(), dtype=values.dtype)).view_as(values)
                (values * direction).sum().backward()
                for output, own in zip(wanted, direction, strict=True):
                    (output * own).sum().backward()
        stacks = dict(tree.named_parameters())
        if any(not agree(_gradient(stacks[name]), _gradients(alone, name)) for name, _ in alone[0].named_parameters()):
            return False
        buffers = dict(tree.named_buffers())
        return all(
            agree(buffers[name], _stacked(model.get_buffer(name) for model in alone))
            for name, _ in alone[0].named_buffers()
        )
    except Exception:  # any error: this way does not work
        return False


def agree(values: Tensor, wanted: Tensor) -> bool:
    """Equal but for rounding, in shape too; NaN agrees with NaN."""
    if values.shape != wanted.shape:
        return False
    values, wanted = values.detach().double(), wanted.detach().double()
    size = torch.nan_to_num(wanted, 0.0, 0.0, 0.0).abs().max().item() if wanted.numel() else 0.0
    return torch.allclose(values, wanted, rtol=TOLERANCE, atol=TOLERANCE * max(size, 1e-6), equal_nan=True)


def _some_rows(rows: Tensor, replicas: int, widths: set[int]) -> Tensor:
    """[R, n, ...] different rows for each; for numbers in float64, scattered a little. n is no width of the model."""
    count = next(n for n in (5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41) if n not in widths)
    again = torch.arange(count + replicas) % len(rows)
    picked = torch.stack([rows[again[replica : replica + count]] for replica in range(replicas)])
    if not picked.is_floating_point():
        return picked
    generator = torch.Generator().manual_seed(1)
    return picked.double() + torch.randn(picked.shape, generator=generator, dtype=torch.double)


def _gradient(parameter: Tensor) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad


def _gradients(models: Sequence[nn.Module], name: str) -> Tensor:
    return torch.stack([_gradient(model.get_parameter(name)) for model in models])


def _stacked(tensors: Any) -> Tensor:
    return torch.stack([tensor.detach() for tensor in tensors])
