"""What packages provide as Hydra's config groups: losses, tasks, data, models, launchers, by their entry points."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import AnyNode, BooleanNode, DictConfig, FloatNode, IntegerNode, OmegaConf, StringNode
from omegaconf.errors import OmegaConfBaseException

from lossbench.errors import PluginError
from lossbench.loss.catalogue import catalogue, load_family
from lossbench.plan.installed import LAUNCHERS, MODELS, SOURCES, TASKS, imported, installed, load, path_of

if TYPE_CHECKING:
    from lossbench.loss.parameters import Parameter

CUSTOM = "custom"
TYPED: dict[type, Any] = {float: FloatNode, int: IntegerNode, bool: BooleanNode, str: StringNode}


@dataclass(frozen=True)
class Group:
    """A config group: its names, known without an import, and the configuration of one of them."""

    names: Callable[[], Sequence[str]]
    node: Callable[[str], Mapping[str, Any]]


class Installed(ConfigSource):
    """The members of every group that packages provide, each composed when it is chosen."""

    @staticmethod
    def scheme() -> str:
        return "installed"

    def available(self) -> bool:
        return True

    def is_group(self, config_path: str) -> bool:
        path = config_path.strip("/")
        return path == "" or any(f"{group}/".startswith(f"{path}/") for group in GROUPS)

    def is_config(self, config_path: str) -> bool:
        group, name = _member(config_path)
        return group in GROUPS and name in GROUPS[group].names()

    def list(self, config_path: str, results_filter: ObjectType | None) -> builtins.list[str]:
        path = config_path.strip("/")
        found: set[str] = set()
        if results_filter in (None, ObjectType.GROUP):
            below = [group.removeprefix(f"{path}/") for group in GROUPS if path == "" or group.startswith(f"{path}/")]
            found |= {group.partition("/")[0] for group in below}
        if results_filter in (None, ObjectType.CONFIG) and path in GROUPS:
            found |= set(GROUPS[path].names())
        return sorted(found)

    def load_config(self, config_path: str) -> ConfigResult:
        group, name = _member(config_path)
        node = DictConfig(dict(GROUPS[group].node(name)))
        return ConfigResult(
            provider=self.provider, path=f"installed://{group}/{name}", config=node, header={"package": None}
        )


class InstalledSearchPath(SearchPathPlugin):
    """Puts what packages provide on Hydra's search path, after the files."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        search_path.append("lossbench", "installed://")


def register() -> None:
    """Makes Hydra see what packages provide; called before any configuration is composed."""
    plugins = Plugins.instance()
    plugins.register(Installed)
    plugins.register(InstalledSearchPath)


def config_folder() -> Path:
    """`conf/`: inside the installed package, or at the top of a checkout."""
    package = Path(__file__).resolve().parents[1]
    return package / "conf" if (package / "conf").is_dir() else package.parent / "conf"


def _member(config_path: str) -> tuple[str, str]:
    """Group and name of what a path means."""
    group, _, name = config_path.strip("/").rpartition("/")
    return group, name.removesuffix(".yaml")


# What a member is ---------------------------------------------------------------------------------------------------


def _loss_names() -> Sequence[str]:
    return sorted([*catalogue().names(), CUSTOM])


def _loss(name: str) -> dict[str, Any]:
    """A loss with its parameters, typed as its constructor's signature says; one that breaks has none."""
    if name == CUSTOM:
        said = ("kind", "order", "input", "pointwise", "labels", "domain", "link", "outputs")
        return {"name": CUSTOM, "target": "???", **dict.fromkeys(said), "search": None, "params": {}}
    params: dict[str, Any] = {}
    with suppress(PluginError):  # its cell will be recorded as failed, with this error; the sweep goes on
        params = {parameter.name: _node(parameter) for parameter in load_family(name).parameters}
    return {"name": name, "search": None, "params": params}


LOSS_KEYS = tuple(_loss(CUSTOM))
"""The keys of a loss."""


def _node(parameter: Parameter) -> Any:
    value = "???" if parameter.required else plain_default(parameter)
    if kind := TYPED.get(parameter.scalar or object):
        return kind(value, is_optional=parameter.optional or value is None)
    return OmegaConf.create(value) if isinstance(value, (list, dict)) else AnyNode(value)


def plain_default(parameter: Parameter) -> Any:
    """A parameter's default as a configuration can hold it; None for an object that it cannot."""
    value = list(parameter.default) if isinstance(parameter.default, (tuple, set)) else parameter.default
    try:
        return OmegaConf.to_container(OmegaConf.create({"value": value}))["value"]  # type: ignore[call-overload,index]
    except OmegaConfBaseException:
        return None


ROWS: Mapping[str, Any] = {"target": None, "positive": None, "drop": [], "split": None, "split_seed": 0}
"""What can be said of any rows that are not vetted."""


def _data(name: str) -> dict[str, Any]:
    return {**ROWS, "source": name, "name": name, **load(SOURCES, name).options}


TASK: Mapping[str, Any] = {"metric_params": {}, "direction": None, "baseline": None, "equivalence": None}
"""Keys that every task has, even if its class does not name them."""


def _task(name: str) -> dict[str, Any]:
    """A task with what its class says in `options`: `metric` at least, and the keys of its `data`."""
    said = dict(getattr(imported(TASKS, name), "options", {}))
    data = {"name": name, **said.pop("data", {})}
    return {"name": name, "target": path_of(TASKS, name), "metric": "???", **TASK, **said, "data": data}


def _model(name: str) -> dict[str, Any]:
    """A model with the parameters that it takes after `inputs` and `outputs`."""
    from lossbench.loss.parameters import read_parameters

    known = read_parameters(imported(MODELS, name), {}, 0)
    params = {p.name: _node(p) for p in known if p.name not in ("inputs", "outputs")}
    return {"name": name, "target": path_of(MODELS, name), "params": params}


def _launcher(name: str) -> dict[str, Any]:
    return {"_target_": path_of(LAUNCHERS, name), **load(LAUNCHERS, name).options}


GROUPS: Mapping[str, Group] = {
    "loss": Group(_loss_names, _loss),
    "task": Group(lambda: installed(TASKS), _task),
    "task/data": Group(lambda: installed(SOURCES), _data),
    "model": Group(lambda: installed(MODELS), _model),
    "hydra/launcher": Group(lambda: installed(LAUNCHERS), _launcher),
}
