"""From a composed configuration to a cell of plain values with the right types, or an InputError."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from lossbench.compose import limits
from lossbench.compose.source import CUSTOM, LOSS_KEYS, plain_default
from lossbench.errors import InputError, PluginError, UnknownName
from lossbench.loss.catalogue import catalogue, custom_family, load_family
from lossbench.plan import Cell, LossChoice, ModelChoice, Penalty, Protocol, Scope, TaskChoice, Training

HALVES = 2
"""Default trainings per half of a repeat's rows, if verdicts must hold with other training rows."""
OPTIMIZERS = ("adamw", "sgd")
SAVED = ("none", "best")
ENGINES = ("auto", "replicas", "sequential")
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
DIALECT = ("decimal", "thousands", "missing", "header", "separator", "encoding", "columns")


def to_cell(config: DictConfig, overrides: Sequence[str]) -> Cell:
    """The cell of a composed configuration; parameters that its loss does not have are dropped."""
    data = _plain(config.task.data, "task.data")
    limits.of_data(data)
    # left out if not set, so that a cell keeps the digest from before these keys existed
    data = {key: value for key, value in data.items() if value is not None or key not in DIALECT}
    data["name"] = data.get("name") or _stem(Path(str(data.get("path", "data"))))
    model = _plain(config.model, "model")
    limits.text(model["target"], "model.target")
    if not isinstance(model["params"], dict):
        raise InputError(f"model.params={model['params']} must be parameters by name, as model.params.dropout=0.1.")
    penalty = _plain(config.regularizer, "regularizer") if "regularizer" in config else None
    if penalty:
        limits.of_penalty(penalty)
    return Cell(
        loss=_loss_choice(config.loss, overrides),
        task=TaskChoice(
            config.task.name,
            limits.text(config.task.target, "task.target"),
            data,
            limits.text(config.task.metric, "task.metric"),
            _direction(config.task.direction),
            _baseline(config.task.get("baseline")),
            _equivalence(_plain(config.task, "task").get("equivalence")),
            _metric_params(_plain(config.task, "task").get("metric_params")),
        ),
        model=ModelChoice(
            model["target"].rpartition(".")[2] if model["name"] == CUSTOM else model["name"],
            model["target"],
            model["params"],
            _output(model.get("output")),
        ),
        training=_training(_plain(config.training, "training")),
        protocol=_protocol(config, overrides),
        seed=limits.seed(config.seed, "seed"),
        penalty=Penalty(**penalty) if penalty else None,
    )


def _stem(path: Path) -> str:
    """The file's name without the ending that says its format: `churn.v1` for churn.v1.csv and for churn.v1.csv.gz."""
    name = path.name[:-3] if path.name.lower().endswith(".gz") else path.name
    return Path(name).stem


def _output(given: Any) -> int | str | None:
    """Which of a model's several outputs to use: an index or a key."""
    if given is not None and (isinstance(given, bool) or not isinstance(given, (int, str))):
        raise InputError(f"model.output={given} must be an index into a tuple (0) or a key of a dict (logits).")
    return given


def _direction(given: Any) -> str | None:
    if given not in (None, "min", "max"):
        raise UnknownName("direction", str(given), ("min", "max"), "Change task.direction=.")
    return None if given is None else str(given)


def _baseline(given: Any) -> str | None:
    """The loss that others are compared with, by its name; None where a task has none."""
    if given is None:
        return None
    if not isinstance(given, str):
        raise InputError(f"task.baseline={given} must be the name of a loss, or null.")
    catalogue().find(given)
    return given


def _equivalence(given: Any) -> float | dict[str, float] | None:
    """The margin of the task's own metric, or margins by metric: numbers of 0 and above, in the metric's unit."""
    for name, value in given.items() if isinstance(given, dict) else [("", given)]:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if (name or value is not None) and not (number and 0 <= value < float("inf")):
            of = f".{name}" if name else ""
            raise InputError(f"task.equivalence{of}={value} must be a number of 0 or above, in the metric's unit.")
        limits.largest(value, "task.equivalence")
    return given


def _metric_params(given: Any) -> dict[str, Any] | None:
    """Parameters of the task's metric by name; None where there are none."""
    if given is not None and not isinstance(given, dict):
        raise InputError(f"task.metric_params={given} must be parameters by name, as task.metric_params.beta=2.")
    return given or None


def _protocol(config: DictConfig, overrides: Sequence[str]) -> Protocol:
    """The budget, smaller where the model's config says so; the command line's own values are kept."""
    data = _plain(config.protocol, "protocol")
    budget = (_plain(config.model, "model").get("budget") or {}).get(data["name"])
    if budget is not None:
        said = {o.lstrip("+").partition("=")[0] for o in overrides}
        if not isinstance(budget, list) or len(budget) != 2:
            raise InputError(f"model.budget.{data['name']}={budget} must be [repeats, trials].")
        for key, value in zip(("repeats", "trials"), budget, strict=True):
            data[key] = data[key] if f"protocol.{key}" in said else value
    halves = data.pop("halves", None)
    _typed(Protocol, data, "protocol")
    if halves is None:
        halves = HALVES if config.report.scope == Scope.TRAINING_ROWS.value else 0
    if isinstance(halves, bool) or not isinstance(halves, int) or not (halves == 0 or halves >= HALVES):
        raise InputError(f"protocol.halves={halves} must be 0, or an integer of at least 2, or null.")
    limits.largest(halves, "protocol.halves")
    return Protocol(**data, halves=halves)


def _loss_choice(config: DictConfig, overrides: Sequence[str]) -> LossChoice:
    keys_said = [o.lstrip("+").partition("=")[0] for o in overrides]
    said = [key.removeprefix("loss.params.") for key in keys_said if key.startswith("loss.params.")]
    limits.known_keys("loss", config, LOSS_KEYS)
    if config.search not in (None, {}):
        raise InputError("loss.search can only be {}, which tunes the learning rate alone.")
    tuned = config.search is None
    params = _plain(config.params, "loss.params")
    if config.name == CUSTOM:
        plain = _plain(config, "loss")
        keys = ("target", "kind", "order", "input", "pointwise", "labels", "domain", "link", "outputs")
        choice = LossChoice(CUSTOM, params, tuned=tuned, **{key: plain[key] for key in keys})
        custom_family(choice).check(params)
        return choice
    try:
        family = load_family(config.name)
    except PluginError:
        return LossChoice(config.name, {key: value for key, value in params.items() if key in said}, tuned=tuned)
    defaults = {parameter.name: plain_default(parameter) for parameter in family.parameters}
    ordered = {key: params[key] for key in (*said, *params) if key in params}  # as the command gives them
    given = {k: v for k, v in ordered.items() if k in defaults and (k in said or v != defaults[k])}
    family.check(given)
    return LossChoice(config.name, given, tuned=tuned)


def _training(data: dict[str, Any]) -> Training:
    _typed(Training, data, "training")
    choices = {"optimizer": OPTIMIZERS, "accelerator": ACCELERATORS, "precision": PRECISIONS, "engine": ENGINES}
    choices["save_models"] = SAVED
    for key, known in choices.items():
        if data[key] not in known:
            raise UnknownName(key, data[key], known, f"Change training.{key}=.")
    if isinstance(data["devices"], str) and data["devices"] != "auto":
        raise InputError(f"training.devices={data['devices']} must be a number, or auto.")
    return Training(**data)


def _typed(cls: type, data: dict[str, Any], what: str) -> None:
    """Checks values against the annotations of a dataclass; numbers must be above 0, integers serve as floats."""
    hints = typing.get_type_hints(cls)
    limits.known_keys(what, data, hints)
    for key, value in data.items():
        types = typing.get_args(hints[key]) or (hints[key],)
        limits.largest(value, f"{what}.{key}")
        whole = isinstance(value, int) and not isinstance(value, bool)
        data[key] = value + 0.0 if whole and float in types else str(value) if whole and types == (str,) else value
        if not isinstance(data[key], types) or isinstance(value, bool):
            wanted = " or ".join("null" if t is type(None) else t.__name__ for t in types)
            raise InputError(f"{what}.{key}={value} must be {wanted}.")
        if isinstance(data[key], (int, float)) and not 0 < data[key] < float("inf"):
            raise InputError(f"{what}.{key}={value} must be a number above 0.")


def _plain(config: DictConfig, what: str) -> dict[str, Any]:
    missing = [str(key) for key in OmegaConf.missing_keys(config)]
    if missing:
        raise InputError(f"{sorted(missing)[0]} is missing: set it with {sorted(missing)[0]}=...")
    return typing.cast("dict[str, Any]", OmegaConf.to_container(config, resolve=True))
