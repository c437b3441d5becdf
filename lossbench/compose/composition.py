"""From an arranged command line to its cells: the product of a sweep, each combination composed and checked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hydra import compose

# Of Hydra's own: the product of a sweep exists only in its sweeper, and hydra.initialize, the public way to a
# configuration, takes no search path but its own, and so no --config-dir.
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override
from omegaconf import DictConfig

from lossbench.compose import limits
from lossbench.compose.arguments import Arguments, arrange
from lossbench.compose.cells import to_cell
from lossbench.compose.refusals import explained, refuse_keys
from lossbench.compose.source import CUSTOM, config_folder, register
from lossbench.compose.texts import register_texts
from lossbench.errors import InputError, PluginError, UnknownName
from lossbench.loss.catalogue import catalogue, load_family
from lossbench.plan import Cell, Scope
from lossbench.plan.overrides import LIST_KEYS, TEXT_KEYS, shell_word
from lossbench.plan.overrides import override as override_of
from lossbench.plan.settings import Settings

ONCE = ("results", "name", "reuse", "tracking", "report", "controls")
"""Options that are the same for all cells of a command."""
SCOPES = tuple(scope.value for scope in Scope)
OWN_LAUNCHER = "basic"
"""Hydra's name for running jobs in this process, one after the other; needs no launcher here."""


@dataclass(frozen=True)
class Composition:
    """Everything that one command asks for."""

    arguments: Arguments
    cells: tuple[Cell, ...]
    """Each combination of the command line, in Hydra's order; the same cell may come up twice."""
    settings: Settings
    left_out: Mapping[str, str]
    """Losses that a glob matches but that cannot run with their defaults, with the reason."""
    launcher: str = OWN_LAUNCHER
    hydra: tuple[str, ...] = ()
    """The command's overrides of Hydra itself, such as options of a launcher."""


def composition(arguments: Arguments) -> Composition:
    """Composes every cell of a command. Raises InputError for anything in it that is not possible."""
    register()
    register_texts()
    with hydra_over(arguments):
        overrides = _parsed(arguments.overrides)
        _check_groups(overrides)
        if own := _of_experiment(arguments):
            arguments = arguments.with_overrides(*own, *arguments.overrides)
            overrides = _parsed(arguments.overrides)
        refuse_keys(overrides)
        _refuse_several(overrides)
        losses, left_out = _losses(overrides)
        _check_parameters(overrides, losses)
        if not arguments.multirun:
            _refuse_sweep(overrides)
            if arguments.value("task") is None and arguments.value("experiment") is None:
                overrides = [*overrides, *_parsed(["task=regression"])]
        arguments = arguments.with_overrides(
            _chosen(losses),
            *(o.input_line for o in overrides if o.key_or_group != "loss" and o.input_line),
        )
    with hydra_over(arguments):
        combinations = [_own(combination, beside_custom=CUSTOM in losses) for combination in _product(arguments)]
        cells = tuple(_cell(combination) for combination in combinations)
    of_hydra = tuple(o.input_line for o in overrides if o.is_hydra_override() and o.input_line)
    settings, launcher = _settings(arguments, combinations[0], cells)
    return Composition(arguments, cells, settings, left_out, launcher, of_hydra)


def cells(*words: str) -> list[Cell]:
    """The cells of a command line: `lossbench.cells("+loss=mse,bce", "-m", "task=binary")`.

    Args:
        *words: The arguments of the command, one string each.

    Returns:
        The cells in Hydra's order, without duplicates. Nothing is trained.

    Raises:
        InputError: If the arguments cannot be composed.
    """
    return list({cell.digest: cell for cell in composition(arrange(words)).cells}.values())


def _cell(overrides: Sequence[str]) -> Cell:
    with explained(overrides):
        return to_cell(compose("config", overrides=list(overrides)), overrides)


def _settings(arguments: Arguments, combination: Sequence[str], cells: Sequence[Cell]) -> tuple[Settings, str]:
    """The command's settings, the same in every combination, and the launcher that it chooses."""
    with hydra_over(arguments), explained(arguments.overrides):
        config = compose("config", overrides=list(combination), return_hydra_config=True)
        settings, launcher = settings_of(config), str(config.hydra.runtime.choices["hydra/launcher"])
    known = {*catalogue().names(), *(cell.loss.title for cell in cells)}
    if settings.against is not None and settings.against.partition("(")[0] not in known:
        raise UnknownName("loss", settings.against, known, "Change report.baseline=.")
    return settings, launcher


def settings_of(config: DictConfig) -> Settings:
    """The settings in a composed configuration: everything but its cell."""
    reuse, results = config.reuse, config.results
    name = None if config.name is None else str(config.name)
    tracked, uri = config.tracking.enabled, limits.tracking_uri(config.tracking.get("uri"))
    controls = config.get("controls") or {}
    scope, against = config.report.scope, config.report.baseline
    limits.known_keys("controls", controls, ("placebo", "scale"))
    placebo, scale = controls.get("placebo", False), controls.get("scale")
    if not isinstance(reuse, bool):
        raise InputError(f"reuse={reuse} must be true or false.")
    limits.path(results, "results")
    if name is not None:
        limits.sweep_name(name)
    if not isinstance(tracked, bool):
        raise InputError(f"tracking.enabled={tracked} must be true or false.")
    if not isinstance(placebo, bool):
        raise InputError(f"controls.placebo={placebo} must be true or false.")
    if scale is not None and (isinstance(scale, bool) or not isinstance(scale, (int, float)) or not scale > 0):
        raise InputError(f"controls.scale={scale} must be a number above 0, or null.")
    limits.largest(scale, "controls.scale")
    try:
        scope = Scope.of(scope)
    except ValueError:
        raise UnknownName("scope", str(scope), SCOPES, "Change report.scope=.") from None
    against = None if against is None else str(against)
    return Settings(name, Path(results).expanduser(), reuse, tracked, uri, placebo, scale, scope, against)


# The losses of a command ------------------------------------------------------------------------------------------


def _losses(overrides: Sequence[Override]) -> tuple[list[str], dict[str, str]]:
    """The names after `+loss=`, globs expanded; those of a glob that need parameters apart, with what they need."""
    chosen = [o for o in overrides if o.key_or_group == "loss"]
    names = catalogue().names()
    if not chosen:
        raise InputError(f"Choose at least one loss, such as +loss=mse,bce.\nInstalled: {', '.join(names)}.")
    value = chosen[-1].value()
    if isinstance(value, Glob):
        found = value.filter(names)
        if not found:
            raise InputError(f"No installed loss matches {chosen[-1].input_line}.\nInstalled: {', '.join(names)}.")
        needs = {name: _needs(name) for name in found}
        return [n for n in found if not needs[n]], {n: why for n, why in needs.items() if why}
    said = list(chosen[-1].sweep_string_iterator()) if chosen[-1].is_sweep_override() else [str(value)]
    losses = list(dict.fromkeys(said))
    for name in losses:
        if name != CUSTOM:
            catalogue().find(name)
    return losses, {}


def _chosen(losses: Sequence[str]) -> str:
    """The override that chooses losses, a name that Hydra would read as a number or null in quotes."""
    strange = ("nan", "inf", "null", "true", "false")
    plain = [bool(re.fullmatch(r"[A-Za-z_][\w.-]*", name)) and name.lower() not in strange for name in losses]
    return "+loss=" + ",".join(name if ok else f"'{name}'" for name, ok in zip(losses, plain, strict=True))


def _of_experiment(arguments: Arguments) -> list[str]:
    """What an experiment sweeps over (`hydra.sweeper.params`), except for keys that the command sets."""
    experiment = arguments.value("experiment")
    if experiment is None or "," in experiment:
        return []
    chosen = f"+experiment={experiment}"
    with explained([chosen]):
        params = compose("config", overrides=[chosen], return_hydra_config=True).hydra.sweeper.params
    if "+loss" not in params:
        return []
    return [f"{key}={value}" for key, value in params.items() if arguments.value(str(key).lstrip("+")) is None]


def _needs(name: str) -> str:
    try:
        required = [parameter.name for parameter in load_family(name).parameters if parameter.required]
    except PluginError:
        return ""  # chosen anyway: its cell is recorded as failed
    return f"needs loss.params.{required[0]}" if required else ""


def _own(combination: Sequence[str], *, beside_custom: bool) -> tuple[str, ...]:
    """A combination without the parameters that belong to other losses of the sweep.

    beside_custom: whether a custom loss takes part. Its parameters may share a name but not a type, and it has
    more keys than an installed loss.
    """
    overrides = _parsed(combination)
    (name,) = {str(o.value()) for o in overrides if o.key_or_group == "loss"}
    if name == CUSTOM:
        return tuple(combination)
    try:
        known = {parameter.name: parameter for parameter in load_family(name).parameters}
    except PluginError:  # its parameters are unknown: its cell is recorded as failed, with all that was given
        return tuple(f"++{o.lstrip('+')}" if o.lstrip("+").startswith("loss.params.") else o for o in combination)

    def belongs(override: Override) -> bool:
        outer, _, inner = override.key_or_group.partition(".")
        if outer != "loss" or not inner:
            return True
        if not inner.startswith("params."):
            return not beside_custom or inner == "search"
        parameter = known.get(inner.split(".")[1])
        fits = parameter is not None and (
            not beside_custom or inner.count(".") > 1 or parameter.accepts(override.value())
        )
        return fits or inner.count(".") > 1

    return tuple(word for word, override in zip(combination, overrides, strict=True) if belongs(override))


def _check_parameters(overrides: Sequence[Override], losses: Sequence[str]) -> None:
    """Raises UnknownName for a parameter that none of the command's losses has."""
    given = {
        o.key_or_group.removeprefix("loss.params."): o
        for o in overrides
        if o.key_or_group.startswith("loss.params.") and o.key_or_group.count(".") == 2
    }
    if not given or CUSTOM in losses:
        return  # a custom loss has the parameters of its target
    known: dict[str, list[str]] = {}
    for name in losses:
        try:
            for parameter in load_family(name).parameters:
                known.setdefault(parameter.name, []).append(name)
        except PluginError:
            return  # its parameters are unknown
    for key in given:
        if key not in known:
            raise UnknownName(f"parameter of {' or '.join(losses)}", key, known)


def _check_groups(overrides: Sequence[Override]) -> None:
    """An unknown name in a group ends at once, with close matches, before any plugin is imported."""
    loader = GlobalHydra.instance().config_loader()
    for override in overrides:
        group = override.key_or_group
        known = loader.get_group_options(group)
        if not known or group == "loss" or override.is_delete():
            continue
        for name in override.sweep_string_iterator() if override.is_sweep_override() else [override.value()]:
            if str(name) not in known:
                raise UnknownName(group.replace("/", " "), str(name), known)


def _refuse_several(overrides: Sequence[Override]) -> None:
    for override in overrides:
        if override.is_sweep_override() and override.key_or_group.startswith(ONCE):
            raise InputError(f"{override.input_line}: one value must serve all cells of a sweep.")


def _refuse_sweep(overrides: Sequence[Override]) -> None:
    for override in overrides:
        if override.is_sweep_override():
            key, _, value = (override.input_line or "").partition("=")
            one = f" As one text with a comma in it: {override_of(key, value)}." if key in TEXT_KEYS else ""
            several = f" As a list: {key}={shell_word(f'[{value}]')}." if key in LIST_KEYS else ""
            raise InputError(f"{override.input_line} asks for several runs: add -m.{one}{several}")


# Hydra -------------------------------------------------------------------------------------------------------------


def _parsed(overrides: Sequence[str]) -> list[Override]:
    with explained(overrides):
        loader = GlobalHydra.instance().config_loader()
        return OverridesParser.create(config_loader=loader).parse_overrides(list(overrides))


def _product(arguments: Arguments) -> list[tuple[str, ...]]:
    """Every combination of a sweep, as `hydra.sweeper.params` and the command line say, in Hydra's order."""
    defaults = compose("config", return_hydra_config=True).hydra.sweeper.params
    lines = [f"{key}={value}" for key, value in defaults.items()]
    if any(o.partition("=")[0] == "+experiment" for o in arguments.overrides) and arguments.value("task") is None:
        lines = []  # the experiment says which task
    overrides = _parsed([*lines, *arguments.overrides])
    return [tuple(combination) for combination in BasicSweeper.split_arguments(overrides, None)[0]]


@contextmanager
def hydra_over(arguments: Arguments) -> Iterator[None]:
    """Hydra over `conf/`, the user's --config-dir before it, and the installed losses after it."""
    search_path = create_config_search_path(str(config_folder()))
    if arguments.config_dir:
        folder = Path(arguments.config_dir).resolve()
        anchor = SearchPathQuery(provider="main")
        search_path.prepend("command-line", f"file://{folder}", anchor)
    GlobalHydra.instance().clear()
    Hydra.create_main_hydra2("lossbench", search_path)
    try:
        yield
    finally:
        GlobalHydra.instance().clear()
