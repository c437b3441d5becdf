"""Installed losses as Hydra's config group `loss`: listed from metadata, loaded when chosen."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import AnyNode, BooleanNode, DictConfig, FloatNode, IntegerNode, OmegaConf, StringNode
from omegaconf.errors import OmegaConfBaseException

from lossbench.errors import LossbenchError, PluginError
from lossbench.loss.catalogue import catalogue, load_family
from lossbench.plan.installed import SOURCES, installed, load

if TYPE_CHECKING:
    from lossbench.loss.parameters import Parameter

GROUP = "loss"
CUSTOM = "custom"
TYPED: dict[type, Any] = {float: FloatNode, int: IntegerNode, bool: BooleanNode, str: StringNode}


class LossSource(ConfigSource):
    """`loss/<name>` for every installed loss, its parameters typed as its constructor's signature says.

    The path may carry `shared=delta,gamma`: parameters that some losses of a sweep have, and `custom=yes` where one of
    them is `custom`. The others accept and ignore these keys, so that one axis of a sweep may belong to one loss alone.
    """

    @staticmethod
    def scheme() -> str:
        return "losses"

    def available(self) -> bool:
        return True

    def is_group(self, config_path: str) -> bool:
        return config_path.strip("/") in ("", GROUP)

    def is_config(self, config_path: str) -> bool:
        name = _loss_name(config_path)
        return name == CUSTOM or (name is not None and _known(name))

    def list(self, config_path: str, results_filter: ObjectType | None) -> builtins.list[str]:
        match config_path.strip("/"):
            case "" if results_filter in (None, ObjectType.GROUP):
                return [GROUP]
            case "loss" if results_filter in (None, ObjectType.CONFIG):
                return sorted([*catalogue().names(), CUSTOM])
        return []

    def load_config(self, config_path: str) -> ConfigResult:
        name = _loss_name(config_path) or ""
        query = parse_qs(self.path)
        shared = query.get("shared", [""])[0].split(",")
        node = _custom() if name == CUSTOM else _schema(name, shared, typed="custom" not in query)
        if name != CUSTOM and "custom" in query:
            node = {**_custom(), "target": None, **node}
        return ConfigResult(
            provider=self.provider, path=f"losses://{name}", config=DictConfig(node), header={"package": None}
        )


class DataSource(ConfigSource):
    """`task/data/<name>` for every source of rows that another package brings, with the options that it names."""

    GROUP = "task/data"

    @staticmethod
    def scheme() -> str:
        return "rows"

    def available(self) -> bool:
        return True

    def is_group(self, config_path: str) -> bool:
        return self.GROUP.startswith(config_path.strip("/"))

    def is_config(self, config_path: str) -> bool:
        return _member(config_path, self.GROUP) in installed(SOURCES)

    def list(self, config_path: str, results_filter: ObjectType | None) -> builtins.list[str]:
        path = config_path.strip("/")
        if path == self.GROUP:
            return sorted(installed(SOURCES)) if results_filter in (None, ObjectType.CONFIG) else []
        inner = {"": "task", "task": "data"}.get(path)
        return [inner] if inner and results_filter in (None, ObjectType.GROUP) else []

    def load_config(self, config_path: str) -> ConfigResult:
        name = _member(config_path, self.GROUP) or ""
        node = {**SHARED, "source": name, "name": name, **load(SOURCES, name).options}
        return ConfigResult(
            provider=self.provider, path=f"rows://{name}", config=DictConfig(node), header={"package": None}
        )


SHARED: Mapping[str, Any] = {"target": None, "positive": None, "drop": [], "split": None, "split_seed": 0}
"""What can be said of any rows that are not vetted."""


class LossSearchPath(SearchPathPlugin):
    """Puts the losses, and the data of other packages, on Hydra's search path, after the files."""

    query: Mapping[str, str] = MappingProxyType({})

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        search_path.append("lossbench", f"losses://{urlencode(self.query)}")
        search_path.append("lossbench", "rows://")


def plain_default(parameter: Parameter) -> Any:
    """A parameter's default as a configuration can hold it; None for an object that it cannot."""
    value = list(parameter.default) if isinstance(parameter.default, (tuple, set)) else parameter.default
    try:
        return OmegaConf.to_container(OmegaConf.create({"value": value}))["value"]  # type: ignore[call-overload,index]
    except OmegaConfBaseException:
        return None


def register(shared: tuple[str, ...] = (), *, custom: bool = False) -> None:
    """Makes Hydra see the losses; called before any configuration is composed."""
    LossSearchPath.query = {"shared": ",".join(shared)} | ({"custom": "yes"} if custom else {})
    plugins = Plugins.instance()
    plugins.register(LossSource)
    plugins.register(DataSource)
    plugins.register(LossSearchPath)


def config_folder() -> Path:
    """`conf/`: inside the installed package, or at the top of a checkout."""
    package = Path(__file__).resolve().parents[1]
    return package / "conf" if (package / "conf").is_dir() else package.parent / "conf"


def _loss_name(config_path: str) -> str | None:
    return _member(config_path, GROUP)


def _member(config_path: str, group: str) -> str | None:
    """The name of a group's member, from the path of its configuration."""
    before, _, name = config_path.strip("/").rpartition("/")
    return name.removesuffix(".yaml") if before == group and name else None


def _known(name: str) -> bool:
    try:
        catalogue().find(name)
    except LossbenchError:
        return False
    return True


def _custom() -> dict[str, Any]:
    said = ("kind", "order", "input", "pointwise", "labels", "domain", "link", "outputs")
    return {"name": CUSTOM, "target": "???", **dict.fromkeys(said), "search": None, "params": {}}


LOSS_KEYS = tuple(_custom())
"""Everything that can be said of a loss."""


def _schema(name: str, shared: list[str], *, typed: bool) -> dict[str, Any]:
    """typed: whether shared parameters are of this loss's types; beside a custom loss they may be of its own."""

    def node(parameter: Parameter) -> Any:
        value = "???" if parameter.required else plain_default(parameter)
        kind = TYPED.get(parameter.scalar or object)
        if kind and (typed or parameter.name not in shared):
            return kind(value, is_optional=parameter.optional or value is None)
        return OmegaConf.create(value) if isinstance(value, (list, dict)) else AnyNode(value)

    params: dict[str, Any] = {key: AnyNode(None) for key in shared if key}
    with suppress(PluginError):  # its cell will be recorded as failed, with this error; the sweep goes on
        params.update({parameter.name: node(parameter) for parameter in load_family(name).parameters})
    return {"name": name, "search": None, "params": params}
