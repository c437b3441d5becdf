"""From an arranged command line to its cells: the product of a sweep, each combination composed and checked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra import compose
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from lossbench.compose.arguments import Arguments, arrange
from lossbench.compose.cells import to_cell
from lossbench.compose.source import CUSTOM, config_folder, register
from lossbench.errors import InputError, LossbenchError, PluginError, UnknownName
from lossbench.plan import Cell, Scope
from lossbench.plugins import catalogue, load_family

DETAILS = re.compile(r"\n\s*(full_key|object_type|reference_type)[:=].*")
"""Lines of OmegaConf's messages that tell its own affairs."""
SEE = "See https://hydra.cc"
QUOTING = """
A value with signs such as = , or letters beyond ASCII goes into quotes of its own: 'key="a=b, c"'."""
SCOPES = tuple(scope.value for scope in Scope)
CHOSEN = ("loss.", "regularizer.", "task.", "model.")
"""Keys that a group brings along."""


@dataclass(frozen=True)
class Job:
    """One composed combination: its cell, the baseline of its task, and the overrides that gave it."""

    cell: Cell
    baseline: str | None
    overrides: tuple[str, ...]


@dataclass(frozen=True)
class Settings:
    """What a command says beside its cells: where results go and how they are tracked."""

    name: str | None
    results: Path
    reuse: bool
    tracked: bool
    tracking_uri: str | None
    placebo: bool = False
    """Whether the baseline takes part a second time, on other draws."""
    scale: float | None = None
    """By how much the baseline is multiplied in a second control; None for no such control."""
    scope: Scope = Scope.ROWS
    """What verdicts claim."""
    against: str | None = None
    """The loss that others are held against instead of the task's baseline."""


@dataclass(frozen=True)
class Composition:
    """Everything that one command asks for. `left_out`: losses of a glob that do not run with their defaults."""

    arguments: Arguments
    jobs: tuple[Job, ...]
    settings: Settings
    left_out: Mapping[str, str]

    def baseline(self, job: Job) -> Job:
        """The same job with the task's baseline as its loss, at its defaults."""
        others = [o for o in job.overrides if not o.lstrip("+").startswith(("loss=", "loss."))]
        assert job.baseline is not None
        with _hydra(self.arguments):
            return _job((_chosen([job.baseline]), *others))

    def hydra_arguments(self, losses: Sequence[str], folder: Path) -> list[str]:
        """What to give `hydra.main`: the same sweep over `losses`, which may hold added baselines, into `folder`."""
        others = [o for o in self.arguments.overrides if not o.startswith("+loss=")]
        with _hydra(self.arguments):
            others = [_deferred(override) for override in _parsed(others)]
        flags = [f for f in self.arguments.flags if f not in ("-m", "--multirun", "-r", "--run")]
        place = str(folder.resolve()).replace("\\", "\\\\").replace("'", "\\'")
        return [*flags, "--multirun", _chosen(losses), *others, f"hydra.sweep.dir='{place}'"]


def composition(arguments: Arguments) -> Composition:
    """Composes every cell of a command. Raises InputError for anything that it asks in vain."""
    register()
    with _hydra(arguments):
        overrides = _parsed(arguments.overrides)
        _check_groups(overrides)
        if own := _of_experiment(arguments):
            arguments = arguments.with_overrides(*own, *arguments.overrides)
            overrides = _parsed(arguments.overrides)
        losses, left_out = _losses(overrides)
        shared = _shared_parameters(overrides, losses)
        if not arguments.multirun:
            _refuse_sweep(overrides)
            if arguments.value("task") is None and arguments.value("experiment") is None:
                overrides = [*overrides, *_parsed(["task=regression"])]
        arguments = arguments.with_overrides(
            _chosen(losses),
            *(o.input_line for o in overrides if o.key_or_group != "loss" and o.input_line),
        )
    register(shared, custom=CUSTOM in losses)
    with _hydra(arguments):
        jobs = tuple(_job(combination) for combination in _product(arguments))
    return Composition(arguments, jobs, _settings(arguments, jobs), left_out)


def cells(*words: str) -> list[Cell]:
    """The cells that a command line asks for, each once: `lossbench.cells("+loss=mse,bce", "-m", "task=binary")`."""
    return list({job.cell.digest: job.cell for job in composition(arrange(words)).jobs}.values())


def _job(overrides: Sequence[str]) -> Job:
    with _explained(overrides):
        config = compose("config", overrides=list(overrides))
        return Job(to_cell(config, overrides), config.task.get("baseline"), tuple(overrides))


def _settings(arguments: Arguments, jobs: Sequence[Job]) -> Settings:
    for key in ("results", "name", "reuse", "tracking", "tracking.uri", "report.scope", "report.baseline"):
        if "," in (arguments.value(key) or "") and arguments.multirun:
            raise InputError(f"{key}={arguments.value(key)}: one value is due for all cells of a sweep.")
    with _hydra(arguments), _explained(arguments.overrides):
        config = compose("config", overrides=list(jobs[0].overrides))
        reuse, results = config.reuse, Path(str(config.results))
        name = None if config.name is None else str(config.name)
        tracked, uri = bool(config.tracking.enabled), config.tracking.get("uri")
        controls = config.get("controls") or {}
        scope, against = config.report.scope, config.report.baseline
        placebo, scale = controls.get("placebo", False), controls.get("scale")
    if not isinstance(reuse, bool):
        raise InputError(f"reuse={reuse}: true or false is due.")
    if name is not None and (not re.fullmatch(r"\w[\w.+ -]*", name) or name == "artifacts"):
        raise InputError(f"name={name}: a sweep's name begins with a letter or a digit; . + - _ may follow.")
    if not isinstance(placebo, bool):
        raise InputError(f"controls.placebo={placebo}: true or false is due.")
    if scale is not None and (isinstance(scale, bool) or not isinstance(scale, (int, float)) or scale <= 0):
        raise InputError(f"controls.scale={scale}: a number above 0, or null, is due.")
    try:
        scope = Scope.of(scope)
    except ValueError:
        raise UnknownName("scope", str(scope), SCOPES, "Change report.scope=.") from None
    against = None if against is None else str(against)
    return Settings(name, results, reuse, tracked, uri, placebo, scale, scope, against)


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
    """What an experiment that chooses losses sweeps over (`hydra.sweeper.params`), but for what the command says."""
    experiment = arguments.value("experiment")
    if experiment is None or "," in experiment:
        return []
    chosen = f"+experiment={experiment}"
    with _explained([chosen]):
        params = compose("config", overrides=[chosen], return_hydra_config=True).hydra.sweeper.params
    if "+loss" not in params:
        return []
    return [f"{key}={value}" for key, value in params.items() if arguments.value(str(key).lstrip("+")) is None]


def _needs(name: str) -> str:
    try:
        required = [parameter.name for parameter in load_family(name).parameters if parameter.required]
    except PluginError:
        return ""  # chosen all the same: its cell is recorded as failed
    return f"needs loss.params.{required[0]}" if required else ""


def _shared_parameters(overrides: Sequence[Override], losses: Sequence[str]) -> tuple[str, ...]:
    """The parameters that the command sets; each belongs to at least one of its losses."""
    given = {
        o.key_or_group.removeprefix("loss.params."): o
        for o in overrides
        if o.key_or_group.startswith("loss.params.") and o.key_or_group.count(".") == 2
    }
    if not given or CUSTOM in losses:
        return tuple(given)  # what a custom loss takes, its target says
    known: dict[str, list[str]] = {}
    for name in losses:
        try:
            for parameter in load_family(name).parameters:
                known.setdefault(parameter.name, []).append(name)
        except PluginError:
            return tuple(given)  # what it takes cannot be known
    for key in given:
        if key not in known:
            raise UnknownName(f"parameter of {' or '.join(losses)}", key, known)
    return tuple(given)


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


def _deferred(override: Override) -> str:
    """A value as a sweep of one: Hydra then applies it in the jobs, where the group that it belongs to is chosen."""
    if override.is_sweep_override() or not override.key_or_group.startswith(CHOSEN):
        return override.input_line or ""
    key, value = override.get_key_element(), override.get_value_element_as_str()
    # Hydra's choice() refuses null: said twice it is a sweep as well, whose second cell is the first again.
    return f"{key}=null,null" if override.value() is None else f"{key}=choice({value})"


def _refuse_sweep(overrides: Sequence[Override]) -> None:
    for override in overrides:
        if override.is_sweep_override():
            raise InputError(f"{override.input_line} asks for several runs: add -m.")


# Hydra -------------------------------------------------------------------------------------------------------------


def _parsed(overrides: Sequence[str]) -> list[Override]:
    with _explained(overrides):
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
def _hydra(arguments: Arguments) -> Iterator[None]:
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


@contextmanager
def _explained(overrides: Sequence[str]) -> Iterator[None]:
    """Hydra's and OmegaConf's objections as InputErrors of a few lines, with close matches for a mistyped key."""
    try:
        yield
    except LossbenchError:
        raise
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        text = DETAILS.sub("", str(error)).strip()
        key = re.search(r"Could not override '(?:\w+@)?([\w./]+)'", text)
        if key:
            raise UnknownName("key", key[1], _keys(overrides, key[1])) from error
        cause = "" if error.__cause__ is None or str(error.__cause__) in str(error) else f"\n{error.__cause__}"
        strange = ("mismatched input", "LexerNoViableAlt", "no viable alternative", "token recognition")
        hint = QUOTING if any(word in text for word in strange) else ""
        raise InputError(f"{text.partition(SEE)[0].strip()}{DETAILS.sub('', cause)}{hint}") from error


def _keys(overrides: Sequence[str], wanted: str) -> list[str]:
    """The keys beside a mistyped one, in the configuration without plain values."""
    groups = [o for o in overrides if "." not in (key := o.partition("=")[0]) and key.lstrip("+") != wanted]
    try:
        node: Any = OmegaConf.to_container(compose("config", overrides=groups))
    except (HydraException, OmegaConfBaseException):
        return []
    path: list[str] = []
    for part in wanted.split(".")[:-1]:
        if not isinstance(node, dict) or part not in node:
            break
        node, path = node[part], [*path, part]
    return [".".join([*path, str(key)]) for key in node] if isinstance(node, dict) else []
