"""A composed configuration as a cell: plain values of the right types, or a refusal in words."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from lossbench.compose.source import CUSTOM
from lossbench.errors import InputError, PluginError, UnknownName
from lossbench.plan import Cell, LossChoice, ModelChoice, Penalty, TaskChoice, Training
from lossbench.plugins import custom_family, load_family

ACCELERATORS = ("cpu", "gpu", "cuda", "mps", "tpu", "auto")
PRECISIONS = (
    "32",
    "64",
    "16",
    "bf16",
    "32-true",
    "64-true",
    "16-true",
    "bf16-true",
    "16-mixed",
    "bf16-mixed",
)


def to_cell(config: DictConfig, overrides: Sequence[str]) -> Cell:
    """The cell that a composed configuration stands for; parameters that its loss doesn't have are left behind."""
    data = _plain(config.task.data, "task.data")
    data["name"] = data.get("name") or Path(str(data.get("path", "data"))).name.partition(".")[0]
    model = _plain(config.model, "model")
    penalty = _plain(config.regularizer, "regularizer") if "regularizer" in config else None
    repeats, seed = config.protocol.repeats, config.seed
    for what, value in (("protocol.repeats", repeats), ("seed", seed)):
        if not isinstance(value, int) or isinstance(value, bool) or (what == "protocol.repeats" and value < 1):
            raise InputError(f"{what}={value}: a whole number is due{', at least 1' if 'repeats' in what else ''}.")
    return Cell(
        loss=_loss_choice(config.loss, overrides),
        task=TaskChoice(config.task.name, config.task.target, data, config.task.metric, config.task.direction),
        model=ModelChoice(
            model["target"].rpartition(".")[2] if model["name"] == CUSTOM else model["name"],
            model["target"],
            model["params"],
        ),
        training=_training(_plain(config.training, "training")),
        repeats=repeats,
        seed=seed,
        penalty=Penalty(**penalty) if penalty else None,
    )


def _loss_choice(config: DictConfig, overrides: Sequence[str]) -> LossChoice:
    said = {o.lstrip("+").partition("=")[0].removeprefix("loss.params.") for o in overrides}
    params = _plain(config.params, "loss.params")
    if config.name == CUSTOM:
        plain = _plain(config, "loss")
        choice = LossChoice(CUSTOM, params, *(plain[key] for key in ("target", "kind", "order", "input")))
        custom_family(choice).check(params)
        return choice
    try:
        family = load_family(config.name)
    except PluginError:
        return LossChoice(config.name, {key: value for key, value in params.items() if key in said})
    defaults = {parameter.name: parameter.default for parameter in family.parameters}
    given = {k: v for k, v in params.items() if k in defaults and (k in said or v != defaults[k])}
    family.check(given)
    return LossChoice(config.name, given)


def _training(data: dict[str, Any]) -> Training:
    hints = typing.get_type_hints(Training)
    for key, value in data.items():
        types = typing.get_args(hints[key]) or (hints[key],)
        number = value + 0.0 if types == (float,) and isinstance(value, int) and not isinstance(value, bool) else value
        data[key] = str(value) if types == (str,) and isinstance(value, int) else number
        if not isinstance(data[key], types) or isinstance(value, bool):
            wanted = " or ".join("null" if t is type(None) else t.__name__ for t in types)
            raise InputError(f"training.{key}={value}: {wanted} is due.")
        if isinstance(data[key], (int, float)) and not 0 < data[key] < float("inf"):
            raise InputError(f"training.{key}={value}: a number above 0 is due.")
    for key, known in (
        ("optimizer", ("adamw", "sgd")),
        ("accelerator", ACCELERATORS),
        ("precision", PRECISIONS),
    ):
        if data[key] not in known:
            raise UnknownName(key, data[key], known, f"Change training.{key}=.")
    if data["devices"] != 1:
        raise InputError("training.devices: one training uses one device for now; leave it at 1.")
    return Training(**data)


def _plain(config: DictConfig, what: str) -> dict[str, Any]:
    missing = [str(key) for key in OmegaConf.missing_keys(config)]
    if missing:
        raise InputError(f"Nothing is said of {sorted(missing)[0]}: give it as {sorted(missing)[0]}=...")
    return typing.cast("dict[str, Any]", OmegaConf.to_container(config, resolve=True))
