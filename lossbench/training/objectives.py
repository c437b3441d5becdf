"""R losses over the outputs of R trainings, in as few calls as give the same as R calls.

A pointwise loss judges the rows of all replicas in one call; whatever differs between replicas, as tuned or learned
parameters and observed scales do, becomes one number a row. Set losses, and losses that differ in more than numbers,
are mapped by `torch.func.vmap`, or called one by one. A way is taken only if it agrees with the losses themselves, in
values and in gradients, on made-up outputs and real targets.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import Any

import torch
from torch import Tensor, nn

from lossbench.loss import Kind, Loss, Prediction, reduce, untouched
from lossbench.training.differences import Place, changed, copied, variation
from lossbench.training.layers import Unstackable, agree
from lossbench.training.predictions import FULL, joined, predicted

Means = tuple[Tensor, dict[str, Tensor]]
"""The mean loss of each replica [R], and of a composite each term's [R] by name."""
Stacks = Mapping[Place, Tensor]
"""The values that differ between R losses, [R, ...] each."""
SHOWN = 7
"""Targets of each replica that a way is tried on."""


class Calling(Enum):
    """How the losses of a stack are called."""

    FLAT = "one call over all rows"
    MAPPED = "one call by torch.func.vmap"
    APART = "one call per replica"


class Objectives(nn.Module):
    """The losses of a stack; those with parameters hold them here, [R, ...] each, to be trained."""

    def __init__(self, losses: Sequence[Loss], targets: Tensor, outputs: int) -> None:
        """targets: [R, n] some real ones; outputs: raw outputs a target, 1 for none of a dimension of their own.

        Raises Unstackable for losses whose parameters cannot be held outside of them.
        """
        super().__init__()
        self.losses: Any = nn.ModuleList(losses)  # so that their buffers go to the device where the outputs are
        self.names = [name for name, _ in losses[0].named_parameters()]
        self.learned = nn.ParameterList(
            nn.Parameter(
                torch.stack([loss.get_parameter(name).detach() for loss in losses]),
                requires_grad=losses[0].get_parameter(name).requires_grad,
            )
            for name in self.names
        )
        self.changing = any(type(loss).advance is not Loss.advance for loss in losses)
        self.shown, self.outputs = _shown(targets), outputs
        self.arrange()

    def forward(self, output: Tensor, target: Tensor) -> Means:
        """output [R, n] or [R, n, outputs], target [R, n] -> the means [R]; nothing is mixed between replicas."""
        learned = dict(zip(map(_place, self.names), self.learned, strict=True))
        match self.calling:
            case Calling.FLAT:
                return flat(self.template, {**self.stacks, **learned}, output, target)
            case Calling.MAPPED:
                return mapped(self.template, {**self.stacks, **learned}, output, target)
            case Calling.APART:
                return apart(self.losses, learned, output, target)

    def advance(self, progress: float) -> None:
        """Passes the progress to every loss; after a change they may need another way of being called."""
        for loss in self.losses:
            loss.advance(progress)
        if self.changing:
            self.arrange()

    @torch.no_grad()
    def predict(self, output: Tensor) -> Prediction:
        """Scores, labels and probabilities [R, n, ...] from outputs [R, n] or [R, n, outputs] of all replicas."""
        usual = all(type(loss).predict is Loss.predict for loss in self.losses)
        if usual or (self.calling is Calling.FLAT and not self.stacks and not self.learned):
            return predicted(self.losses[0], output)
        pieces = []
        for place, loss in enumerate(self.losses):
            loss.load_state_dict(self.state(place))
            pieces.append(predicted(loss, output[place : place + 1]))
        return joined(pieces)

    def tensors(self) -> dict[str, Tensor]:
        """The stacked parameters under the names that they have in a loss."""
        return dict(zip(self.names, self.learned, strict=True))

    def state(self, place: int) -> dict[str, Tensor]:
        """The state of one loss, as its `load_state_dict` takes it."""
        learned = {name: stack[place].detach().clone() for name, stack in self.tensors().items()}
        return {**self.losses[place].state_dict(), **learned}

    def keep(self, places: Tensor) -> None:
        """The replicas at these places go on, the others have left. What is learned is cut by the optimizer."""
        # Copies, since terms that a loss keeps may hold on to a graph over all replicas.
        self.losses = nn.ModuleList(copied(self.losses[place]) for place in places.tolist())
        self.template = copied(self.losses[0])
        self.shown = self.shown[places]
        for stack in self.learned:
            if not stack.requires_grad:  # not known to the optimizer
                stack.data = stack.data[places]
        if self.calling is not Calling.APART:
            self.stacks = variation(self.losses) or {}

    def arrange(self) -> None:
        """Finds the way to call the losses in their present state."""
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of libraries, about calls that are only trials
            self.calling = calling_of([copied(loss).cpu() for loss in self.losses], self.shown, self.outputs)
        self.stacks = {} if self.calling is Calling.APART else variation(self.losses) or {}
        self.template = copied(self.losses[0])


# Ways of calling them -------------------------------------------------------------------------------------------------


def flat(loss: Loss, stacks: Stacks, output: Tensor, target: Tensor) -> Means:
    """All rows, one replica's after the other's, in one call; what differs is repeated for each row."""
    rows, n = target.numel(), target.shape[1]
    raw, true = output.flatten(0, 1), target.flatten()
    values = [_in_type(stack, output).repeat_interleave(n) for stack in stacks.values()]
    if rows % FULL:
        again = torch.arange(-rows % FULL, device=target.device) % rows
        raw, true, *values = (torch.cat([v, v.detach()[again]]) for v in (raw, true, *values))
    with _put(loss, stacks, values), untouched(loss, raw, true):
        losses = loss(raw, true)
    parts = {name: value.detach()[:rows].view_as(target).mean(1) for name, value in loss.parts().items()}
    return reduce(losses[:rows].view_as(target)), parts


def mapped(loss: Loss, stacks: Stacks, output: Tensor, target: Tensor) -> Means:
    """A call for each replica, all at once, by `torch.func.vmap`."""

    def one(own: list[Tensor], raw: Tensor, true: Tensor) -> Means:
        with _put(loss, stacks, own):
            return _by_itself(loss, raw, true)

    with untouched(loss, output, target):
        return torch.vmap(one)([_in_type(stack, output) for stack in stacks.values()], output, target)


def apart(losses: Iterable[Loss], stacks: Stacks, output: Tensor, target: Tensor) -> Means:
    """A call for each replica, one after the other."""
    found = []
    for place, loss in enumerate(losses):
        own = [stack[place] for stack in stacks.values()]
        with _put(loss, stacks, own), untouched(loss, output, target):
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
    return stack.to(output) if stack.is_floating_point() else stack.to(output.device)


# Which way agrees -----------------------------------------------------------------------------------------------------


def calling_of(losses: Sequence[Loss], shown: Tensor, outputs: int) -> Calling:
    """The cheapest way that agrees with the losses themselves. Raises Unstackable where none does.

    losses: copies, which are changed. shown: [R, few] targets.
    """
    stacks = variation(losses)
    places = sorted({0, 1, len(losses) // 2, len(losses) - 1} & set(range(len(losses))))
    some = [losses[place].double() for place in places]
    output, target = _made_up(losses[0].kind, shown[places].cpu(), outputs)
    learned = _scattered(some)
    wanted = _tried(lambda raw: apart(_all(some), {}, raw, target), output, _parameters(some))
    if wanted is None:
        return Calling.APART  # it breaks: its training reports it

    def agrees(call: Callable[[Tensor], Means]) -> bool:
        found = _tried(call, output, [list(learned.values())])
        return found is not None and all(agree(a, b) for a, b in zip(found, wanted, strict=True))

    if stacks is not None and not _stateful(some[0], output[0], target[0]):
        both = {**{place: stack[places] for place, stack in stacks.items()}, **learned}
        scalars = losses[0].pointwise and all(stack.ndim == 1 for stack in both.values())

        def together(raw: Tensor) -> Means:
            return flat(copied(some[0]), both, raw, target)

        if scalars and agrees(together) and _contained(together, output):
            return Calling.FLAT
        if agrees(lambda raw: mapped(copied(some[0]), both, raw, target)):
            return Calling.MAPPED
    if learned and not agrees(lambda raw: apart(_all(some), learned, raw, target)):
        raise Unstackable(f"{type(losses[0]).__name__} keeps its parameters where they cannot be replaced")
    return Calling.APART


def _all(losses: Sequence[Loss]) -> list[Loss]:
    return [copied(loss) for loss in losses] if not any(True for _ in losses[0].parameters()) else list(losses)


def _scattered(losses: Sequence[Loss]) -> dict[Place, Tensor]:
    """The parameters of some losses, moved apart from each other as training will; in the losses themselves too."""
    found = {}
    for name, _ in losses[0].named_parameters():
        with torch.no_grad():
            for number, loss in enumerate(losses):
                loss.get_parameter(name).add_(0.01 * number)
        found[_place(name)] = torch.stack([loss.get_parameter(name).detach() for loss in losses]).requires_grad_()
    return found


def _parameters(losses: Sequence[Loss]) -> list[list[Tensor]]:
    """Name by name, the parameters of all losses."""
    names = [name for name, _ in losses[0].named_parameters()]
    return [[loss.get_parameter(name).requires_grad_() for loss in losses] for name in names]


def _shown(targets: Tensor) -> Tensor:
    """A few real targets of each replica, the rarest among them."""
    spaced = torch.linspace(0, targets.shape[1] - 1, min(SHOWN, targets.shape[1])).long()
    return targets.sort(1).values[:, spaced]


def _made_up(kind: Kind, target: Tensor, outputs: int) -> tuple[Tensor, Tensor]:
    """Outputs of all sizes for these targets, in float64."""
    target = target.double() if target.is_floating_point() else target
    shape = (*target.shape, outputs) if outputs > 1 or kind in (Kind.CLASSES, Kind.SEQUENCES) else target.shape
    generator = torch.Generator().manual_seed(0)
    return 3 * torch.randn(shape, generator=generator, dtype=torch.double), target


def _tried(call: Callable[[Tensor], Means], output: Tensor, learned: Sequence[Sequence[Tensor]]) -> list[Tensor] | None:
    """Means, their gradients in outputs and parameters, and terms; None where the call breaks."""
    raw, flat_list = output.clone().requires_grad_(), [tensor for each in learned for tensor in each]
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.double)
    try:
        means, parts = call(raw)
        uneven = torch.arange(1, len(means) + 1, dtype=means.dtype)
        gradient, *own = torch.autograd.grad((means * uneven).sum(), [raw, *flat_list], allow_unused=True)
        return [means.detach(), gradient, *_by_name(own, flat_list), *(parts[name] for name in sorted(parts))]
    except Exception:  # any error: it cannot be called this way
        return None
    finally:
        torch.set_default_dtype(before)


def _by_name(gradients: Sequence[Tensor | None], of: Sequence[Tensor]) -> list[Tensor]:
    """All gradients of parameters one after the other, whether they came as stacks or one by one."""
    filled = [torch.zeros_like(t) if g is None else g for g, t in zip(gradients, of, strict=True)]
    return [torch.cat([gradient.flatten() for gradient in filled])] if filled else []


def _contained(call: Callable[[Tensor], Means], output: Tensor) -> bool:
    """Whether non-finite outputs of one replica leave the others unaffected."""
    usual = _tried(call, output, [])
    for size in (1e4, float("inf"), float("nan")):
        blown = output.clone()
        blown[0] = blown[0] * size
        found = _tried(call, blown, [])
        if (
            usual is None
            or found is None
            or any(not torch.equal(a[1:], b[1:]) for a, b in zip(found, usual, strict=True))
        ):
            return False
    return True


def _stateful(loss: Loss, output: Tensor, target: Tensor) -> bool:
    """True for a loss that a call changes, or that draws at random: then each replica needs calls of its own."""
    before, called = copied(loss), copied(loss)
    with torch.no_grad():
        first, _ = _by_itself(called, output, target)
        second, _ = _by_itself(called, output, target)
    return changed(before, called) or not agree(first, second)


def _place(name: str) -> Place:
    prefix, _, own = name.rpartition(".")
    return prefix, own
