"""R losses over the outputs of R trainings, in as few calls as give what R calls would.

A pointwise loss judges the rows of all replicas in one call; whatever differs between replicas, as tuned or learned
parameters and observed scales do, becomes one number a row. Set losses, and losses that differ in more than numbers,
are mapped by `torch.func.vmap`, or called one by one. Every way but the last is taken only if it agrees with the last,
in values and in gradients, on made-up outputs and real targets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from enum import Enum
from typing import Any

import torch
from torch import Tensor, nn

from lossbench.loss import Kind, Loss, Prediction, check_prediction, reduce
from lossbench.training.layers import agree

Means = tuple[Tensor, dict[str, Tensor]]
"""The mean loss of each replica [R], and of a composite each term's [R] by name."""
Place = tuple[str, str]
"""Where something lies in a loss: the dotted name of its module, and the attribute, buffer or parameter there."""
Stacks = Mapping[Place, Tensor]
"""What differs between R losses, [R, ...] each."""


class Way(Enum):
    """How the losses of a stack are called."""

    FLAT = "one call over all rows"
    MAPPED = "one call by torch.func.vmap"
    APART = "one call a replica"


class Objectives(nn.Module):
    """The losses of a stack; those with parameters hold them here, [R, ...] each, to be trained."""

    def __init__(self, losses: Sequence[Loss], targets: Tensor, outputs: int) -> None:
        """targets: [R, n] some real ones; outputs: raw outputs a target, 1 for none of a dimension of their own."""
        super().__init__()
        self.losses: Any = nn.ModuleList(losses)  # so that their buffers go to the device where the outputs are
        self.learned = nn.ParameterDict(
            {
                name.replace(".", "/"): torch.stack([loss.get_parameter(name).detach() for loss in losses])
                for name, _ in losses[0].named_parameters()
            }
        )
        self.changing = any(type(loss).advance is not Loss.advance for loss in losses)
        with torch.random.fork_rng(devices=[]):
            self.way = _way(losses, targets, outputs)
        self.arrange()

    def forward(self, output: Tensor, target: Tensor) -> Means:
        """output [R, n] or [R, n, outputs], target [R, n] -> the means [R]; nothing is mixed between replicas."""
        stacks = {**self._stacks, **{_place(name): stack for name, stack in self.learned.items()}}
        match self.way:
            case Way.FLAT:
                return flat(self._template, stacks, output, target)
            case Way.MAPPED:
                return mapped(self._template, stacks, output, target)
            case Way.APART:
                learned = {_place(name): stack for name, stack in self.learned.items()}
                return apart(self.losses, learned, output, target)

    def advance(self, progress: float) -> None:
        """Tells every loss how far the training is."""
        for loss in self.losses:
            loss.advance(progress)
        if self.changing:
            self.arrange()

    @torch.no_grad()
    def predict(self, output: Tensor) -> Prediction:
        """What the outputs [R, n] or [R, n, outputs] of all replicas say: scores, labels, probabilities [R, n, ...]."""
        usual = all(type(loss).predict is Loss.predict for loss in self.losses)
        if usual or (self._alike and not self.learned):
            return _predicted(self.losses[0], output)
        pieces = []
        for place, loss in enumerate(self.losses):
            loss.load_state_dict(self.state(place))
            pieces.append(_predicted(loss, output[place : place + 1]))
        return Prediction(
            torch.cat([piece.score for piece in pieces]),
            _joined([piece.label for piece in pieces]),
            _joined([piece.probability for piece in pieces]),
        )

    def tensors(self) -> dict[str, Tensor]:
        """The stacked parameters under the names that they have in a loss."""
        return {name.replace("/", "."): stack for name, stack in self.learned.items()}

    def state(self, place: int) -> dict[str, Tensor]:
        """The state of one loss, as its `load_state_dict` takes it."""
        learned = {name: stack[place].detach().clone() for name, stack in self.tensors().items()}
        return {**self.losses[place].state_dict(), **learned}

    def keep(self, places: Tensor) -> None:
        """The replicas at these places go on, the others have left. What is learned is cut by the optimizer."""
        self.losses = nn.ModuleList(self.losses[place] for place in places.tolist())
        self.arrange()

    def arrange(self) -> None:
        """What differs between the losses as they are now; they may come to differ in more than numbers."""
        stacks = variation(self.losses)
        self._alike = stacks is not None and not stacks
        if stacks is None:
            self.way = Way.APART
        self._stacks, self._template = stacks or {}, deepcopy(self.losses[0])


# Ways of calling them -------------------------------------------------------------------------------------------------


def flat(loss: Loss, stacks: Stacks, output: Tensor, target: Tensor) -> Means:
    """All rows, one replica's after the other's, in one call; what differs is repeated for each row."""
    n = target.shape[1]
    values = [_in_type(stack, output).repeat_interleave(n) for stack in stacks.values()]
    with _put(loss, stacks, values):
        losses = loss(output.flatten(0, 1), target.flatten())
    parts = {name: value.detach().view_as(target).mean(1) for name, value in loss.parts().items()}
    return reduce(losses.view_as(target)), parts


def mapped(loss: Loss, stacks: Stacks, output: Tensor, target: Tensor) -> Means:
    """A call for each replica, all at once, by `torch.func.vmap`."""

    def one(own: list[Tensor], raw: Tensor, true: Tensor) -> Means:
        with _put(loss, stacks, own):
            return _by_itself(loss, raw, true)

    return torch.vmap(one)([_in_type(stack, output) for stack in stacks.values()], output, target)


def apart(losses: Sequence[Loss], stacks: Stacks, output: Tensor, target: Tensor) -> Means:
    """A call for each replica, one after the other."""
    found = []
    for place, loss in enumerate(losses):
        with _put(loss, stacks, [stack[place] for stack in stacks.values()]):
            found.append(_by_itself(loss, output[place], target[place]))
    terms = {name: torch.stack([parts[name] for _, parts in found]) for name in found[0][1]}
    return torch.stack([mean for mean, _ in found]), terms


def _by_itself(loss: Loss, output: Tensor, target: Tensor) -> Means:
    losses = loss(output, target)
    return reduce(losses), {name: value.detach().mean() for name, value in loss.parts().items()}


@contextmanager
def _put(loss: nn.Module, places: Iterable[Place], values: Iterable[Tensor]) -> Iterator[None]:
    """For one call, values in front of a loss's own attributes, buffers and parameters of those names."""
    before: list[tuple[dict[str, Any], str, Any]] = []
    for (prefix, name), value in zip(places, values, strict=True):
        own = loss.get_submodule(prefix).__dict__
        before.append((own, name, own.get(name, REMOVED)))
        own[name] = value
    try:
        yield
    finally:
        for own, name, value in before:
            if value is REMOVED:
                del own[name]
            else:
                own[name] = value


REMOVED = object()


def _in_type(stack: Tensor, output: Tensor) -> Tensor:
    """Numbers in the outputs' own precision; whole numbers, as counts, stay whole."""
    return stack.to(output.dtype) if stack.is_floating_point() else stack


# What differs between them --------------------------------------------------------------------------------------------


def variation(losses: Sequence[Loss]) -> dict[Place, Tensor] | None:
    """The numbers and buffers in which losses differ; None where they differ in more than that.

    Parameters are not told: they differ as soon as they are trained.
    """
    found: dict[Place, Tensor] = {}
    for prefix, first in losses[0].named_modules():
        try:
            modules = [loss.get_submodule(prefix) for loss in losses]
        except AttributeError:
            return None
        told = {name for module in modules for name in (*_plain(module), *module._buffers)}
        names = told - {name for module in modules for name in vars(module) if _holds_tensors(vars(module)[name])}
        if any(type(module) is not type(first) or len(module._modules) != len(first._modules) for module in modules):
            return None
        for name in sorted(names):
            values: list[Any] = [getattr(module, name, None) for module in modules]
            if _equal(values):
                continue
            if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values):
                found[prefix, name] = torch.tensor(values, dtype=torch.double)
            elif all(isinstance(v, Tensor) and v.shape == values[0].shape for v in values):
                found[prefix, name] = torch.stack(values)
            else:
                return None
    return found


def _plain(module: nn.Module) -> list[str]:
    """The attributes of an instance, but for torch's own."""
    return [name for name in vars(module) if not name.startswith("_") and name != "training"]


def _holds_tensors(value: Any) -> bool:
    """True of what a forward leaves behind, as the terms of a sum."""
    values = value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else [value]
    return any(isinstance(one, Tensor) for one in values)


def _equal(values: Sequence[Any]) -> bool:
    if all(isinstance(value, Tensor) for value in values):
        return all(value.shape == values[0].shape and torch.equal(value, values[0]) for value in values)
    return len({repr(value) for value in values}) == 1


# Which way agrees -----------------------------------------------------------------------------------------------------


def _way(losses: Sequence[Loss], targets: Tensor, outputs: int) -> Way:
    """The cheapest way that agrees with calling each loss by itself."""
    places = sorted({0, 1, len(losses) // 2, len(losses) - 1} & set(range(len(losses))))
    copies = [deepcopy(loss).double() for loss in losses]
    stacks, learned = variation(copies), _scattered(copies, places)
    output, target = _made_up(losses[0].kind, targets[places], outputs)

    def tried(call: Callable[..., Means]) -> list[Tensor] | None:
        return _tried(call, output, target, list(learned.values()))

    some = [copies[place] for place in places]
    wanted = tried(lambda raw: apart(deepcopy(some), learned, raw, target))
    if stacks is None or wanted is None or _stateful(some[0], output[0], target[0]):
        return Way.APART
    both = {**{place: stack[places] for place, stack in stacks.items()}, **learned}
    ways: dict[Way, Callable[[Tensor], Means]] = {
        Way.FLAT: lambda raw: flat(deepcopy(some[0]), both, raw, target),
        Way.MAPPED: lambda raw: mapped(deepcopy(some[0]), both, raw, target),
    }
    if not losses[0].pointwise or any(stack.ndim > 1 for stack in both.values()):
        del ways[Way.FLAT]
    for way, call in ways.items():
        found = tried(call)
        if found and len(found) == len(wanted) and all(agree(a, b) for a, b in zip(found, wanted, strict=True)):
            return way
    return Way.APART


def _scattered(losses: Sequence[Loss], places: Sequence[int]) -> dict[Place, Tensor]:
    """The parameters of some losses, moved apart from each other as training will."""
    found = {}
    for name, _ in losses[0].named_parameters():
        stack = torch.stack([losses[place].get_parameter(name).detach() for place in places])
        steps = torch.arange(len(places), dtype=stack.dtype).view(-1, *[1] * (stack.ndim - 1))
        found[_place(name)] = (stack + 0.01 * steps).requires_grad_()
    return found


def _made_up(kind: Kind, targets: Tensor, outputs: int) -> tuple[Tensor, Tensor]:
    """Outputs of all sizes for up to seven real targets a replica, in float64."""
    target = targets[:, :7]
    target = target.double() if target.is_floating_point() else target
    shape = (*target.shape, outputs) if outputs > 1 or kind in (Kind.CLASSES, Kind.SEQUENCES) else target.shape
    generator = torch.Generator().manual_seed(0)
    return 3 * torch.randn(shape, generator=generator, dtype=torch.double), target


def _tried(
    call: Callable[[Tensor], Means], output: Tensor, target: Tensor, learned: Sequence[Tensor]
) -> list[Tensor] | None:
    """Means, their gradients in outputs and parameters, and terms; None where the call breaks."""
    raw = output.clone().requires_grad_()
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.double)
    try:
        means, parts = call(raw)
        uneven = torch.arange(1, len(means) + 1, dtype=means.dtype)
        gradients = torch.autograd.grad((means * uneven).sum(), [raw, *learned])
        return [means.detach(), *gradients, *(parts[name] for name in sorted(parts))]
    except Exception:  # of whatever kind: it cannot be called like that
        return None
    finally:
        torch.set_default_dtype(before)


def _stateful(loss: Loss, output: Tensor, target: Tensor) -> bool:
    """True for a loss that a call changes, or that draws at random: then each replica needs calls of its own."""
    once, twice = deepcopy(loss), deepcopy(loss)
    with torch.no_grad():
        first, _ = _by_itself(once, output, target)
        second, _ = _by_itself(once, output, target)
    return variation([once, twice]) != {} or not agree(first, second)


# Predictions ----------------------------------------------------------------------------------------------------------


def _predicted(loss: Loss, output: Tensor) -> Prediction:
    """Of outputs [r, n, ...] that one loss may read in one call; on the CPU, where metrics are computed."""
    raw = output.flatten(0, 1)
    prediction = loss.predict(raw)
    check_prediction(loss.kind, prediction, raw)
    values = (prediction.score, prediction.label, prediction.probability)
    score, label, probability = (None if v is None else v.unflatten(0, (len(output), -1)).cpu() for v in values)
    assert score is not None
    return Prediction(score, label, probability)


def _joined(values: Sequence[Tensor | None]) -> Tensor | None:
    there = [value for value in values if value is not None]
    return torch.cat(there) if len(there) == len(values) else None


def _place(name: str) -> Place:
    prefix, _, own = name.replace("/", ".").rpartition(".")
    return prefix, own
