"""Limits of the numbers and names in a configuration, beyond their types; checked before anything is loaded."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from lossbench.errors import InputError, UnknownName

LARGEST = {
    "protocol.repeats": 10_000,
    "protocol.trials": 10_000,
    "protocol.rate_decades": 20,
    "protocol.halves": 1000,
    "loss.outputs": 10_000,
    "training.max_epochs": 1_000_000,
    "training.batch_size": 10_000_000,
    "training.patience": 1_000_000,
    "training.learning_rate": 1e6,
    "training.devices": 256,
    "training.clip_norm": 1e30,
    "regularizer.strength": 1e6,
    "controls.scale": 1e6,
    "task.equivalence": 1e300,
    "task.data.rows": 10_000_000,
    "task.data.columns": 10_000,
    "task.data.sentences": 1_000_000,
    "task.data.test_sentences": 1_000_000,
}
"""Far above what anybody needs; a typo beyond them would run out of memory, or overflow."""
SEEDS = 2**63 - 1
WHOLE = ("rows", "columns", "sentences", "test_sentences")
FILES = ("path", "validation", "test")
SHARES = ("test_share", "validation_share")
LONGEST_NAME = 100
URI = re.compile(r"(sqlite|https?|file|postgresql|mysql|mssql|databricks|uc)\b", re.IGNORECASE)


def seed(value: Any, key: str) -> int:
    """A seed as it was given. Raises InputError for anything but a whole number from 0 to 2^63 - 1."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= SEEDS:
        raise InputError(f"{key}={value} must be an integer from 0 to {SEEDS}.")
    return value


def text(value: Any, key: str) -> str:
    """A name or a path as it was given. Raises InputError for anything but text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{key}={'null' if value is None else value} must be text.")
    return value


def path(value: Any, key: str) -> str:
    """A path as it was given. Raises InputError for what cannot be a file name."""
    text(value, key)
    if "\0" in value or any(len(part.encode(errors="surrogateescape")) > 255 for part in value.split("/")):
        raise InputError(f"{key}={value[:40]}... is too long for the name of a file.")
    return str(value)


def largest(value: Any, key: str) -> None:
    """Raises InputError for a number beyond the largest that a key may hold, of either sign."""
    most = LARGEST.get(key, SEEDS)
    if isinstance(value, (int, float)) and abs(value) > most:
        raise InputError(f"{key} is beyond the largest number that can be given, {most:g}.")


def of_data(data: Mapping[str, Any]) -> None:
    """Raises InputError for values of `task.data` that no data set can take."""
    for key, value in data.items():
        name = f"task.data.{key}"
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if key in ("seed", "split_seed"):
            seed(value, name)
        if key in WHOLE and isinstance(value, (bool, float)):
            raise InputError(f"{name}={value} must be an integer.")
        if key in SHARES and not (number and 0 < value < 1):
            raise InputError(f"{name}={value} must be a share between 0 and 1, such as 0.2.")
        if key == "noise" and (isinstance(value, bool) or (number and not 0 <= value <= 1e6)):
            raise InputError(f"{name}={value} must be a number from 0 to 1,000,000.")
        kinds = (str, list, type(None)) if key == "drop" else (str, int, float, list, type(None))
        if key in ("drop", "missing") and (isinstance(value, bool) or not isinstance(value, kinds)):
            raise InputError(f"{name}={value} must be a name, or a list of names.")
        if value == "" and key in ("path", "target", "name", "split", "source", "validation", "test"):
            raise InputError(f"{name}= is empty: give it a value, or leave it out.")
        if key == "name" and value is not None and (not str(value).isprintable() or len(str(value)) > LONGEST_NAME):
            raise InputError(f"task.data.name must be at most {LONGEST_NAME} letters in one line.")
        if key in FILES and value is not None:
            path(value, name)
        largest(value, name)


def known_keys(group: str, given: Iterable[Any], known: Iterable[str]) -> None:
    """Raises UnknownName for a key of a group that nobody reads."""
    known = list(known)
    for key in given:
        if key not in known:
            raise UnknownName("key", f"{group}.{key}", [f"{group}.{each}" for each in known])


def of_penalty(penalty: Mapping[str, Any]) -> None:
    """Raises InputError for a penalty with an unknown target, power or strength."""
    known_keys("regularizer", penalty, ("name", "of", "power", "strength"))
    if penalty.get("of") not in ("weights", "outputs"):
        raise UnknownName("regularizer of", str(penalty.get("of")), ("weights", "outputs"), "Change regularizer.of=.")
    power, strength = penalty.get("power"), penalty.get("strength")
    if isinstance(power, bool) or power not in (1, 2):
        raise InputError(f"regularizer.power={power} must be 1 or 2.")
    if isinstance(strength, bool) or not isinstance(strength, (int, float)) or not 0 <= strength < math.inf:
        raise InputError(f"regularizer.strength={strength} must be a number of 0 or above.")
    largest(strength, "regularizer.strength")


def sweep_name(name: str) -> None:
    """Raises InputError for a name that cannot be a folder in results."""
    if not re.fullmatch(r"\w[\w.+ -]*", name) or name == "artifacts" or name[-1] in " .":
        raise InputError(f"name={name}: a sweep's name begins with a letter or a digit; . + - _ may follow.")
    if len(name.encode()) > LONGEST_NAME:
        raise InputError(f"name={name[:20]}...: at most {LONGEST_NAME} letters can name a sweep.")


def tracking_uri(uri: Any) -> str | None:
    """The address of MLflow. Raises InputError for a kind of address that MLflow does not know."""
    if uri is None or uri == "":
        return None
    if not isinstance(uri, str) or ("://" in uri and not URI.match(uri)):
        raise InputError(f"tracking.uri={uri} must be an address such as sqlite:///mlflow.db or http://host:5000.")
    return uri
