"""Errors for what Hydra or lossbench does not allow: one line, with what was probably meant."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

from hydra import compose
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from lossbench.errors import InputError, LossbenchError, UnknownName

DETAILS = re.compile(r"\n\s*(full_key|object_type|reference_type)[:=].*")
"""Lines of OmegaConf's messages about its internals."""
SEE = "See https://hydra.cc"
QUOTING = """
Put quotes around a value that has signs such as = , or letters beyond ASCII: 'key="a=b, c"'."""
ELSEWHERE = "results= and name= say where records go"
HYDRAS = {
    "hydra.job.chdir": ELSEWHERE,
    "hydra.run": ELSEWHERE,
    "hydra.sweep": ELSEWHERE,
    "hydra.output_subdir": ELSEWHERE,
    "hydra.runtime": ELSEWHERE,
    "hydra.mode": "-m asks for a sweep",
    "hydra/sweeper": "a sweep is written key=a,b with -m",
    "hydra.sweeper": "a sweep is written key=a,b with -m",
    "hydra.overrides": "overrides are given without it",
}
"""Hydra's keys that cannot be set from the command line, and what to use instead."""
CHOSEN = ("task", "model", "protocol", "loss", "regularizer", "tracking")
"""Groups whose `name` tells which of them was chosen."""
OPEN = (
    "loss",
    "model.params",
    "model.budget",
    "task.data",
    "task.equivalence",
    "controls",
    "regularizer",
    "task.metric_params",
)
"""Groups in which keys can be added; their readers refuse unknown ones."""


def refuse_keys(overrides: Sequence[Override]) -> None:
    """Refuses Hydra settings that would move records or start other jobs, and unknown keys."""
    for override in overrides:
        key = override.key_or_group
        for own, instead in HYDRAS.items():
            if key == own or key.startswith(f"{own}."):
                raise InputError(f"{key} cannot be set in lossbench: {instead}.")
        if override.is_hydra_override() and override.is_sweep_override():
            raise InputError(f"{override.input_line}: Hydra takes one value here.")
        if override.is_interval_sweep():
            raise InputError(
                f"{override.input_line}: an interval has infinitely many values. List those to try: {key}=0.5,1,2 or "
                f"{key}=range(1,4) with -m."
            )
        _refuse_strangers(override)


def _refuse_strangers(override: Override) -> None:
    """Refuses a `name` that only its group can set, a key to be removed, and an unknown key."""
    key = override.key_or_group
    group, _, last = key.rpartition(".")
    if last == "name" and group in CHOSEN:
        raise InputError(f"{key} only shows which {group} was chosen: set {group}=... instead.")
    if override.is_delete() and "." in key:
        raise InputError(f"~{key}: keys cannot be removed. Give it another value, or null.")
    added = override.is_add() or override.is_force_add()
    if not added or override.is_hydra_override() or any(key == o or key.startswith(f"{o}.") for o in OPEN):
        return
    if GlobalHydra.instance().config_loader().get_group_options(key):
        return
    node: Any = compose("config")
    if OmegaConf.select(node, key, throw_on_missing=False, default=node) is node:
        raise UnknownName("key", key, _keys([], key))


@contextmanager
def explained(overrides: Sequence[str]) -> Iterator[None]:
    """Hydra's and OmegaConf's objections as InputErrors of a few lines, with close matches for a mistyped key."""
    try:
        yield
    except LossbenchError:
        raise
    except (HydraException, OmegaConfBaseException, ValueError, OverflowError) as error:
        text = DETAILS.sub("", str(error)).strip()
        key = re.search(r"Could not override '(?:\w+@)?([\w./]+)'", text)
        if key:
            raise UnknownName("key", key[1], _keys(overrides, key[1])) from error
        cause = "" if error.__cause__ is None or str(error.__cause__) in str(error) else f"\n{error.__cause__}"
        strange = ("mismatched input", "LexerNoViableAlt", "no viable alternative", "token recognition")
        hint = QUOTING if any(word in text for word in strange) else ""
        raise InputError(f"{text.partition(SEE)[0].strip()}{DETAILS.sub('', cause)}{hint}") from error


def _keys(overrides: Sequence[str], wanted: str) -> list[str]:
    """Candidates for a mistyped key: its siblings, and keys with a similar name elsewhere."""
    groups = [o for o in overrides if "." not in (key := o.partition("=")[0]) and key.lstrip("+") != wanted]
    try:
        node: Any = OmegaConf.to_container(compose("config", overrides=groups))
    except (HydraException, OmegaConfBaseException):
        return []
    leaves = {key: key.rpartition(".")[2] for key in _leaves(node)}
    near = get_close_matches(wanted.rpartition(".")[2].casefold(), set(leaves.values()), cutoff=0.8)
    elsewhere = [key for key, name in leaves.items() if name in near]
    path: list[str] = []
    for part in wanted.split(".")[:-1]:
        if not isinstance(node, dict) or part not in node:
            break
        node, path = node[part], [*path, part]
    beside = [".".join([*path, str(key)]) for key in node] if isinstance(node, dict) else []
    return list(dict.fromkeys([*beside, *elsewhere]))


def _leaves(node: Any, path: str = "") -> Iterator[str]:
    """Every key of a configuration that holds a value, with the keys above it."""
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from _leaves(value, f"{path}.{key}" if path else str(key))
    else:
        yield path
