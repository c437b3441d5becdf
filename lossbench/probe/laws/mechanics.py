"""What tools do to a loss: compile it, map it, copy it, save it, move it, train it."""

from __future__ import annotations

import ast
import copy
import io
import pickle
from typing import Any

import torch
from torch import Tensor

from lossbench.loss import Kind
from lossbench.loss.catalogue import source
from lossbench.probe.law import Break, NotAsked, law
from lossbench.probe.laws.contract import near, same
from lossbench.probe.subject import Batch, Subject, value

PACKED = "lengths of sequences are data, which neither torch.compile nor torch.func.vmap can trace"


@law("It compiles as one graph.")
def compiles_as_one_graph(subject: Subject) -> Break | None:
    """torch.compile(fullgraph=True) on the eager backend traces it and gives the same values."""
    if subject.kind is Kind.SEQUENCES:
        raise NotAsked(PACKED)
    loss, batch = subject.loss(), subject.batch(9, seed=1)
    torch.compiler.reset()
    try:
        compiled = torch.compile(loss.forward, backend="eager", fullgraph=True)
        found = compiled(batch.output, batch.targets)
    except Exception as error:
        cause = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return Break(f"torch.compile cannot follow it: {cause[:160]}.")
    finally:
        torch.compiler.reset()
    return None if near(found, value(loss, batch)) else Break("Compiled, it gives different values.")


@law("It can be mapped and differentiated by torch.func.")
def maps_over_batches(subject: Subject) -> Break | None:
    """torch.func.vmap of torch.func.grad over 6 batches gives the same as 6 calls."""
    if subject.kind is Kind.SEQUENCES:
        raise NotAsked(PACKED)
    loss = subject.loss()
    batches = [subject.batch(5, seed=seed) for seed in range(6)]

    def mean(output: Tensor, target: Tensor) -> Tensor:
        return loss(output, target).mean()

    values, targets = torch.stack([b.values for b in batches]), torch.stack([b.target for b in batches])
    try:
        together = torch.func.vmap(torch.func.grad(mean))(values, targets)
    except RuntimeError as error:
        return Break(f"torch.func.vmap cannot follow it: {' '.join(str(error).split())[:160]}.")
    alone = torch.stack([torch.func.grad(mean)(b.values, b.target) for b in batches])
    return None if near(together, alone) else Break("Mapped, its gradients differ from those of separate calls.")


@law("A copy is the same loss.")
def copies_are_the_same(subject: Subject) -> Break | None:
    """deepcopy, pickle, and a new loss that loads its state_dict give the same values, bit for bit."""
    loss, batch = subject.loss(), subject.batch(7, seed=2)
    wanted = value(loss, batch)
    loss(
        batch.with_values(batch.values.clone().requires_grad_()).output, batch.targets
    )  # so that kept state is copied too
    stream = io.BytesIO()
    try:
        pickle.dump(loss, stream)
        thawed = pickle.loads(stream.getvalue())
    except Exception as error:
        return Break(f"It cannot be pickled: {type(error).__name__}: {error}.")
    try:
        cloned = copy.deepcopy(loss)
    except Exception as error:
        return Break(f"It cannot be copied after a call: {type(error).__name__}: {error}.")
    fresh = subject.build()
    fresh.outputs(subject.classes())
    fresh.double()
    try:
        fresh.load_state_dict(loss.state_dict())
    except Exception as error:
        return Break(f"A new one cannot load its state_dict: {' '.join(str(error).split())[:160]}.")
    if not same(value(loss, batch), wanted):
        raise NotAsked("a call changes the result of the next one")
    for how, one in {"pickled": thawed, "copied": cloned, "loaded from its state_dict": fresh}.items():
        if not same(value(one, batch), wanted):
            return Break(f"{how[0].upper()}{how[1:]}, it gives different values: some state is not in a buffer.")
    return None


@law("Its parameters are trained.")
def parameters_learn(subject: Subject) -> Break | None:
    """Every parameter has a finite gradient, changes in a step of SGD, and is restored by the state_dict."""
    loss, batch = subject.loss(), subject.batch(16, seed=3)
    learned = {name: p for name, p in loss.named_parameters() if p.requires_grad}
    if not learned:
        raise NotAsked("it has no trainable parameters")
    before = copy.deepcopy(loss.state_dict())
    loss(batch.with_values(batch.values.requires_grad_()).output, batch.targets).sum().backward()
    for name, parameter in learned.items():
        if parameter.grad is None:
            return Break(f"Its parameter '{name}' gets no gradient.")
        if not torch.isfinite(parameter.grad).all():
            return Break(f"The gradient of its parameter '{name}' is not finite.")
    torch.optim.SGD(loss.parameters(), lr=0.1).step()
    still = [name for name, parameter in learned.items() if torch.equal(parameter.detach(), before[name])]
    if still:
        return Break(f"Its parameter '{still[0]}' does not change in a step of SGD.")
    loss.load_state_dict(before)
    back = all(torch.equal(parameter.detach(), before[name]) for name, parameter in learned.items())
    return None if back else Break("Its parameters are not restored by the state_dict.")


@law("It runs on the device of its inputs.")
def works_on_any_device(subject: Subject) -> Break | None:
    """On the meta device, which has no data, the shapes are right; its source names no CUDA device."""
    if subject.kind is Kind.SEQUENCES:
        raise NotAsked(PACKED)
    found = _names_cuda(subject.family[subject.kind].published)
    if found:
        return Break(f"Its source says '{found}': it runs only on one device.")
    loss, batch = subject.loss(torch.float32), subject.batch(5, seed=4).to(torch.float32)
    meta = Batch(batch.values.to("meta"), batch.target.to("meta"))
    try:
        losses = loss.to("meta")(meta.output, meta.targets)
    except Exception as error:
        return Break(f"On the meta device: {type(error).__name__}: {' '.join(str(error).split())[:160]}.")
    return None if losses.device.type == "meta" else Break(f"Inputs on meta, losses on {losses.device}.")


def _names_cuda(published: Any) -> str | None:
    """Code of a loss, or used by it in its module, that names a CUDA device: `.cuda()`, "cuda" as a device."""
    try:
        tree = ast.parse(source(published))
    except SyntaxError:  # there is no source
        return None
    name = getattr(published, "__name__", "")
    tops = {name: node for node in tree.body for name in _defined(node)}
    waiting: list[ast.stmt] = [node for node in ast.walk(tree) if isinstance(node, DEFINITIONS) and node.name == name]
    reached: list[ast.AST] = []
    while waiting:
        node = waiting.pop()
        if node not in reached:
            reached.append(node)
            waiting += [tops[n.id] for n in ast.walk(node) if isinstance(n, ast.Name) and n.id in tops]
    calls = [call for node in reached for call in ast.walk(node) if isinstance(call, ast.Call)]
    return next((ast.unparse(call) for call in calls if _puts_on_cuda(call)), None)


DEFINITIONS = (ast.ClassDef, ast.FunctionDef)


def _defined(node: ast.stmt) -> list[str]:
    """The names that a statement of a module defines."""
    if isinstance(node, DEFINITIONS):
        return [node.name]
    return [target.id for target in getattr(node, "targets", []) if isinstance(target, ast.Name)]


def _puts_on_cuda(call: ast.Call) -> bool:
    called = getattr(call.func, "attr", getattr(call.func, "id", ""))
    places = [keyword.value for keyword in call.keywords if keyword.arg == "device"]
    places += call.args if called in ("to", "device") else []
    constants = [n.value for place in places for n in ast.walk(place) if isinstance(n, ast.Constant)]
    return called == "cuda" or any(isinstance(value, str) and value.startswith("cuda") for value in constants)


@law("It is vectorised: a longer batch takes no more operations.")
def operations_do_not_grow(subject: Subject) -> Break | None:
    """It dispatches as many operations for 96 targets as for 12; sequences may take some per time step."""
    from lossbench.probe.counters import operations

    if subject.kind is Kind.SEQUENCES:
        raise NotAsked("each step of a sequence may take operations")
    loss = subject.loss(torch.float32)
    few, many = (operations(loss, subject.batch(n, seed=5).to(torch.float32)) for n in (12, 96))
    return None if many <= few else Break(f"{few} operations for 12 targets, {many} for 96: it loops over targets.")
