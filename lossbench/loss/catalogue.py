"""Losses by name: entry points of installed packages, found by their metadata and imported when used.

    [project.entry-points."lossbench.losses"]
    my_loss = "my_package.losses:MyLoss"

`<distribution>.<loss>` always identifies one loss. A short name belongs to the built-in loss if there is one, and to
nobody if two other packages claim it.
"""

from __future__ import annotations

import importlib
import inspect
import math
import re
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distributions, requires, version
from typing import TYPE_CHECKING, Any

from lossbench.errors import InputError, LossbenchError, PluginError, UnknownName
from lossbench.plan import LossChoice
from lossbench.plan.installed import import_target

if TYPE_CHECKING:
    from lossbench.loss import Kind, Loss, Range, Schedule
    from lossbench.loss.adapter import Family, Member
    from lossbench.loss.parameters import Parameter

GROUP = "lossbench.losses"
Requirement = re.compile(r"[A-Za-z0-9._-]+")
"""The name at the beginning of a distribution's requirement."""
BUILT_IN = "lossbench"


@dataclass(frozen=True)
class Plugin:
    """One entry point, not loaded yet: the loss's name, its distribution, and the path of its object."""

    name: str
    distribution: str
    version: str
    value: str

    @property
    def qualified(self) -> str:
        return f"{self.distribution}.{self.name}"

    @property
    def built_in(self) -> bool:
        return self.distribution == BUILT_IN

    def load(self) -> Family:
        """Imports the plugin. Any error in it becomes a PluginError that names the distribution."""
        from lossbench.loss.adapter import family

        module, _, attribute = self.value.partition(":")
        try:
            thing: Any = importlib.import_module(module)
            for part in filter(None, attribute.split(".")):
                thing = getattr(thing, part)
        except (Exception, SystemExit) as error:
            raise PluginError(
                f"'{self.name}' of {self.distribution} {self.version} broke on import: "
                f"{type(error).__name__}: {error}. "
                f"Upgrade or uninstall {self.distribution}."
            ) from error
        return family(thing, name=self.name, distribution=f"{self.distribution} {self.version}")


class Catalogue:
    """All installed losses by their names."""

    def __init__(self, plugins: list[Plugin]) -> None:
        self.plugins = sorted(plugins, key=lambda p: (not p.built_in, p.name, p.distribution))
        claims: dict[str, list[Plugin]] = defaultdict(list)
        for plugin in self.plugins:
            claims[plugin.name].append(plugin)
        self._qualified = {plugin.qualified: plugin for plugin in self.plugins}
        # A short name with a dot may look like another loss's qualified name, which takes precedence.
        own = {n: c[0] for n, c in claims.items() if len(c) == 1 or c[0].built_in}
        self._short = {name: plugin for name, plugin in own.items() if name not in self._qualified}
        self.clashes = {n: c for n, c in claims.items() if len(c) > 1}

    def names(self) -> list[str]:
        """One name per loss: the short one, or the qualified one if the short one belongs to another loss."""
        return sorted(p.name if self._short.get(p.name) is p else p.qualified for p in self.plugins)

    def find_short(self, name: str) -> Plugin | None:
        """The plugin that the short name belongs to, if any."""
        return self._short.get(name)

    def find(self, name: str) -> Plugin:
        """The plugin of that name. Raises UnknownName with close matches, InputError if several packages claim it."""
        found = self._qualified.get(name) or self._short.get(name)
        if found:
            return found
        if name in self.clashes:
            owners = [plugin.qualified for plugin in self.clashes[name]]
            raise InputError(f"Several packages claim the loss '{name}': use {' or '.join(owners)}.")
        raise UnknownName("loss", name, self.names(), "`lossbench losses` describes each.")


@cache
def catalogue() -> Catalogue:
    """The installed losses, read from metadata without importing anything."""
    found: dict[tuple[str, str], Plugin] = {}
    for distribution in distributions():
        try:
            name, version = distribution.metadata["Name"], distribution.version
            entries = [entry for entry in distribution.entry_points if entry.group == GROUP]
        except Exception:  # damaged metadata of one package hides only that package
            continue
        for entry in entries if name else ():
            found.setdefault((name, entry.name), Plugin(entry.name, name, version, entry.value))
    return Catalogue(list(found.values()))


@cache
def load_family(name: str) -> Family:
    """Imports the plugin of that name, once."""
    return catalogue().find(name).load()


def is_built_in(name: str) -> bool:
    """Whether the loss of that name is part of lossbench."""
    return catalogue().find(name).built_in


def custom_family(choice: LossChoice) -> Family:
    """The family behind `+loss=custom loss.target=my.module.MyLoss`: any importable loss or function."""
    from lossbench.loss.adapter import family

    thing = import_target(choice.target or "", "loss.target")
    said = ("kind", "order", "input", "pointwise", "labels", "domain", "link", "outputs")
    traits = {name: getattr(choice, name) for name in said}  # None: as the loss states it
    try:
        return family(thing, name=choice.title, distribution=f"loss.target={choice.target}", traits=traits)
    except PluginError as error:
        raise InputError(str(error)) from error


def family_of(choice: LossChoice) -> Family:
    return custom_family(choice) if choice.target else load_family(choice.name)


def build(choice: LossChoice, kind: Kind) -> Loss:
    """A new loss with its parameters; names of other losses in them become losses of the same kind."""
    return assemble(family_of(choice), kind, choice.params)


def assemble(family: Family, kind: Kind, params: Mapping[str, Any]) -> Loss:
    """A new loss of a loaded family; see `build`."""
    given = _nested(params)
    family.check(given)
    return family.build(kind, _resolve(family[kind], given, kind), said=given)


def search_of(choice: LossChoice, kind: Kind) -> dict[str, Range]:
    """The parameters to tune, at most two: the loss's own, then those of a loss inside it.

    The latter are named as `loss.pos_weight`, for `pos_weight` of its parameter `loss`; `build` accepts these names.
    """
    from lossbench.loss import Loss

    member = family_of(choice)[kind]
    found = dict(member.search)
    for parameter in member.parameters:
        if parameter.type is Loss and parameter.name in choice.params:
            inner = _named(choice.params[parameter.name])
            ranges = search_of(inner, kind) if kind in family_of(inner) else {}
            found |= {f"{parameter.name}.{k}": r for k, r in ranges.items() if k not in inner.params}
    return dict(list(found.items())[:2])


def code_of(choice: LossChoice) -> list[str]:
    """The source of the modules that define a loss and the losses in its parameters, and the versions of their
    packages: a library that they use may change while their own modules do not."""
    family = family_of(choice)
    texts = {source(member.published) for member in family.values()} | {_release(family.distribution)}
    given = _nested(choice.params).values()
    said = [one for value in given for one in (value if isinstance(value, (list, tuple)) else [value])]
    names = [name for value in said if isinstance(value, Mapping) for name in (value.get("name"), *value)]
    names += [value for value in said if isinstance(value, str)]
    for name in names:
        with suppress(LossbenchError):
            texts.update(code_of(LossChoice(str(name))))
    return sorted(texts)


def _release(distribution: str) -> str:
    """Name and version of an installed distribution and its requirements; empty if it is not installed."""
    try:
        needs = [Requirement.match(line) for line in requires(distribution) or () if "extra ==" not in line]
        names = [distribution, *(found[0] for found in needs if found)]
    except PackageNotFoundError:
        return ""
    found = []
    for name in names:
        with suppress(PackageNotFoundError):
            found.append(f"{name} {version(name)}")
    return ", ".join(found)


def source(thing: Any) -> str:
    """The source of the module that defines a class or function, or its name if there is no source."""
    try:
        return inspect.getsource(inspect.getmodule(thing) or thing)
    except (OSError, TypeError):
        return str(thing)


def load_loss(name: str, kind: Kind | str | None = None, **params: Any) -> Loss:
    """Loads an installed loss as a module: `loss(output, target)` returns one value per target.

    Args:
        name: the name of an installed loss, as listed by `lossbench losses`.
        kind: "continuous", "binary", "classes" or "sequences"; required if the name has several kinds.
        params: parameters of the loss; the others keep their defaults.

    Returns:
        The loss. It takes raw outputs and targets and returns losses [n], or one value [] for a set loss.

    Raises:
        UnknownName: there is no such loss or kind; the message suggests close matches.
        InputError: a parameter is wrong, or the loss is not for this kind.
        PluginError: the loss's package is broken.
    """
    from lossbench.loss import Kind

    family = load_family(name)
    if kind is None:
        if len(family) > 1:
            offers = ", ".join(f"kind={one.value!r}" for one in family)
            raise InputError(f"'{name}' has several kinds of target: choose one ({offers}).")
        kind = next(iter(family))
    try:
        chosen = Kind(kind)
    except ValueError:
        raise UnknownName("kind of loss", str(kind), [one.value for one in Kind]) from None
    if chosen not in family:
        raise InputError(f"'{name}' is not for {chosen.value} targets, only {', '.join(k.value for k in family)}.")
    return build(LossChoice(name, params), chosen)


def _resolve(member: Member, params: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    from lossbench.loss.parameters import holds_losses, lists_losses, weighs_losses

    resolved = dict(params)
    for parameter in member.parameters:
        if parameter.name not in params or not holds_losses(parameter):
            continue
        value, key = params[parameter.name], f"loss.params.{parameter.name}"
        if weighs_losses(parameter):
            if not isinstance(value, Mapping):
                raise InputError(f"{key} must be a mapping {{loss: weight}}, not {value!r}.")
            resolved[parameter.name] = {
                _term(name, kind): _weight(weight, f"{key}: the weight of '{name}'", parameter)
                for name, weight in value.items()
            }
        elif lists_losses(parameter):
            if not isinstance(value, (list, tuple)):
                raise InputError(f"{key} must be a list [loss, loss], not {value!r}.")
            resolved[parameter.name] = [_term(one, kind) for one in value]
        else:
            resolved[parameter.name] = _term(value, kind)
    return resolved


def _weight(said: object, what: str, parameter: Parameter) -> float | Schedule:
    """A number, or a schedule such as `{from: 0, to: 0.5}` if the parameter takes one."""
    from lossbench.loss import Schedule
    from lossbench.loss.parameters import schedules_weights

    scheduled = schedules_weights(parameter)
    if isinstance(said, Schedule) and scheduled:
        return said
    if isinstance(said, Mapping) and scheduled:
        try:
            return Schedule.read(said)
        except ValueError as error:
            raise InputError(f"{what}: {error}.") from error
    if not isinstance(said, (int, float)) or isinstance(said, bool) or not math.isfinite(said):
        schedule = ", or a schedule such as {from: 0, to: 0.5}" if scheduled else ""
        raise InputError(f"{what} must be a number{schedule}; not {said!r}.")
    return float(said)


def _term(said: object, kind: Kind) -> Loss:
    choice = _named(said)
    term = load_loss(choice.name, kind=kind, **choice.params)
    term.title = choice.name
    return term


def _named(said: object) -> LossChoice:
    """A loss inside another: `bce`, or `{name: bce, pos_weight: 2}`."""
    if isinstance(said, Mapping):
        if "name" not in said:
            raise InputError(f"{dict(said)} names no loss. Write it as {{name: huber, delta: 2}}.")
        return LossChoice(str(said["name"]), {str(key): value for key, value in said.items() if key != "name"})
    return LossChoice(str(said))


def _nested(params: Mapping[str, Any]) -> dict[str, Any]:
    """`{loss: bce, loss.pos_weight: 2}` as `{loss: {name: bce, pos_weight: 2}}`."""
    nested = {key: value for key, value in params.items() if "." not in key}
    for key, value in params.items():
        outer, _, inner = key.partition(".")
        if inner:
            own = _named(nested[outer])
            nested[outer] = {"name": own.name, **own.params, inner: value}
    return nested
