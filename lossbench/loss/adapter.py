"""Anything that a package publishes as a loss, as a `Family`: its kinds, its parameters, how to create it.

The same adapter is used for entry points and for `+loss=custom loss.target=my.module.MyLoss`: `Loss` classes, tuples of
them, and any `nn.Module` class or function `(output, target) -> losses`, optionally with a dict `__lossbench__`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from lossbench.errors import InputError, LossbenchError, PluginError, UnknownName
from lossbench.loss import Kind, Loss, Range
from lossbench.loss.adapted import Builder, refuse
from lossbench.loss.calling import makes_losses
from lossbench.loss.parameters import Parameter, read_parameters
from lossbench.loss.traits import check_kind, check_traits, same_contract

ONLY_TWO = ". A loss gets only (output, target) of a batch: no row numbers, inputs or weights."


@dataclass(frozen=True)
class Member:
    """One kind of loss in a family: how it is created, and from which parameters."""

    kind: Kind
    build: Callable[..., Loss]
    parameters: tuple[Parameter, ...]
    reference: str
    search: Mapping[str, Range]
    summary: str
    published: Any
    """The class or function itself, as defined in its package."""


class Family(Mapping[Kind, Member]):
    """The losses with one name, by kind, and the distribution that they come from."""

    def __init__(self, name: str, distribution: str, members: tuple[Member, ...]) -> None:
        self.name, self.distribution = name, distribution
        self._members = {member.kind: member for member in members}

    def __getitem__(self, kind: Kind) -> Member:
        return self._members[kind]

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """All parameters of all kinds, each once."""
        return tuple({p.name: p for member in self.values() for p in member.parameters}.values())

    def first(self, kinds: tuple[Kind, ...]) -> Kind | None:
        """The first of a task's kinds that this family offers."""
        return next((kind for kind in kinds if kind in self), None)

    def check(self, params: Mapping[str, Any]) -> None:
        """Raises InputError for an unknown parameter or a value of the wrong type."""
        known = {parameter.name: parameter for parameter in self.parameters}
        for key, value in params.items():
            if key not in known:
                raise UnknownName(f"parameter of '{self.name}'", key, known)
            if not known[key].accepts(value):
                wanted = getattr(known[key].scalar, "__name__", str(known[key].type))
                raise InputError(
                    f"loss.params.{key} of '{self.name}' must be {_article(wanted)} {wanted}, not {value!r}."
                )

    def build(self, kind: Kind, params: Mapping[str, Any], said: Mapping[str, Any] | None = None) -> Loss:
        """A loss of this kind; errors of the plugin become InputError or PluginError.

        said: the parameters as written by the user, for messages, if names have been replaced by losses.
        """
        member = self[kind]
        unknown = [key for key in params if key not in {p.name for p in member.parameters}]
        if unknown:
            raise InputError(f"'{self.name}' has no parameter '{unknown[0]}' for {kind.value} targets.")
        missing = [p.name for p in member.parameters if p.required and p.name not in params]
        if missing:
            given = "" if inspect.isclass(member.published) else ONLY_TWO
            raise InputError(f"'{self.name}' needs a value: loss.params.{missing[0]}=...{given}")
        try:
            loss = member.build(**params)
        except LossbenchError:
            raise
        except (ValueError, TypeError) as error:
            if params:
                given = ", ".join(f"{key}={value}" for key, value in (said or params).items())
                raise InputError(f"'{self.name}' refuses {given}: {error}") from error
            raise self._broken("on construction", error) from error
        except Exception as error:
            raise self._broken("on construction", error) from error
        if not isinstance(loss, Loss):
            raise self._broken("on construction", TypeError(f"it built a {type(loss).__name__}"))
        loss.title = self.name
        return loss

    def _broken(self, when: str, error: Exception) -> PluginError:
        return PluginError(
            f"'{self.name}' of {self.distribution} broke {when}: {type(error).__name__}: {error}. "
            f"Tell its author, or leave it out."
        )


def family(thing: Any, *, name: str, distribution: str, traits: Mapping[str, Any] | None = None) -> Family:
    """The family of a published object. Raises PluginError, naming the distribution, if it is not a loss."""
    things = thing if isinstance(thing, (tuple, list)) else (thing,)
    members: list[Member] = []
    for one in things:
        if isinstance(one, type) and issubclass(one, Loss):
            members.append(_own(one, name, distribution))
        elif callable(one):
            members.extend(_foreign(one, name, distribution, traits))
        else:
            raise PluginError(
                f"'{name}' of {distribution} is a {type(one).__name__}: an entry point must name a Loss class, a "
                f"tuple of them, an nn.Module class, or a function (output, target) -> losses."
            )
    kinds = [member.kind for member in members]
    if len(set(kinds)) < len(kinds):
        raise PluginError(f"'{name}' of {distribution} offers two losses of one kind: {[k.value for k in kinds]}.")
    return Family(name, distribution, tuple(members))


def _own(cls: type[Loss], name: str, distribution: str) -> Member:
    if not isinstance(getattr(cls, "kind", None), Kind):
        raise PluginError(f"'{name}' of {distribution}: {cls.__name__} does not state its kind (kind = Kind.BINARY).")
    same_contract(cls.contract, name, distribution)
    parameters = read_parameters(cls, cls.units, skip=0)
    search = _ranges(cls.search, parameters, name, distribution)
    return Member(cls.kind, cls, parameters, cls.reference, search, _first_sentence(cls), cls)


def _foreign(
    thing: Callable[..., Any], name: str, distribution: str, given: Mapping[str, Any] | None
) -> Iterator[Member]:
    beside = getattr(thing, "__lossbench__", {})
    if not isinstance(beside, Mapping):
        raise PluginError(f"'{name}' of {distribution}: __lossbench__ is a {type(beside).__name__}, not a dict.")
    traits = {**beside, **{key: value for key, value in (given or {}).items() if value is not None}}
    check_traits(traits, name, distribution)
    factory = makes_losses(thing)
    refuse(thing, traits, name, distribution)
    kinds = traits["kind"] if isinstance(traits["kind"], (tuple, list)) else [traits["kind"]]
    whole = isinstance(thing, type) or factory
    parameters = (
        () if isinstance(thing, nn.Module) else read_parameters(thing, traits.get("units", {}), 0 if whole else 2)
    )
    for key in traits.get("raises", {}):
        if key not in {parameter.name for parameter in parameters}:
            raise PluginError(
                f"'{name}' of {distribution}: `raises` names '{key}', which is not one of its parameters."
            )
    for one in kinds:
        try:
            kind = Kind(one)
        except ValueError:
            known = ", ".join(kind.value for kind in Kind)
            raise PluginError(f"'{name}' of {distribution}: '{one}' is not a kind of loss; known: {known}.") from None

        check_kind(traits, kind, name, distribution)
        reference, search = (
            traits.get("reference", ""),
            _ranges(traits.get("search", {}), parameters, name, distribution),
        )
        build = Builder(thing, kind, traits, parameters, name, distribution)
        yield Member(kind, build, parameters, reference, search, _first_sentence(thing), thing)


def _ranges(
    search: Mapping[str, Any], parameters: tuple[Parameter, ...], name: str, distribution: str
) -> dict[str, Range]:
    """Ranges of known parameters; objects that do not import lossbench write (low, high) or (low, high, "log")."""
    known, found = {parameter.name for parameter in parameters}, {}
    for key, value in search.items():
        if key not in known:
            raise PluginError(
                f"'{name}' of {distribution}: `search` names '{key}', which is not one of its parameters."
            )
        try:
            scale = value[2:] if isinstance(value, (tuple, list)) else ()
            if scale not in ((), ("log",), [], ["log"]):
                raise ValueError("the third element must be 'log' or left out")
            found[key] = value if isinstance(value, Range) else Range(value[0], value[1], log=bool(scale))
        except (TypeError, ValueError, IndexError, KeyError) as error:
            raise PluginError(f"'{name}' of {distribution}: `search` of '{key}' is not a range: {error}.") from error
    if len(found) > 2:
        raise PluginError(f"'{name}' of {distribution}: `search` names more than two parameters.")
    return found


def _article(noun: str) -> str:
    return "an" if noun[0] in "aeiou" else "a"


def _first_sentence(thing: object) -> str:
    """The first sentence of its own docstring: an inherited one describes another class."""
    own = vars(thing).get("__doc__") if isinstance(thing, type) else getattr(thing, "__doc__", None)
    text = inspect.cleandoc(own) if isinstance(own, str) else ""
    return " ".join(text.split("\n\n")[0].split())
