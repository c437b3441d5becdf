"""Whatever a key of the configuration is given: a command is planned, or refused in words before it trains anything."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra import compose
from omegaconf import OmegaConf

from lossbench import sweep as sweeps
from lossbench.compose import composition as compositions
from lossbench.compose.arguments import arrange
from lossbench.compose.composition import composition
from lossbench.compose.source import register
from lossbench.errors import InputError

QUICK = ("protocol.repeats=2", "protocol.trials=1", "training.max_epochs=3", "training.devices=1")
BASES = {
    "table": ("+loss=huber", "task=regression", "task/data=table", "task.data.path=reg.csv", "task.data.target=y"),
    "made": ("+loss=mse", "task=binary", "task/data=imbalanced", "task.data.rows=2000", "regularizer=l2"),
    "text": ("+loss=mse", "task=ner", "task.data.sentences=40", "task.data.test_sentences=10", "controls=placebo"),
    "conll": ("+loss=mse", "task=ner", "task/data=conll", "task.data.path=tags.conll"),
}
NASTY = (
    "", "null", "abc", "true", "0", "-1", "0.5", "1e400", "nan", "1e30", "99999999999999999999", "[1,2]", "[]",
    "{a: 1}", "../up", "/nowhere/at/all", "'Größe (k$)'", "${nothing}", "interval(0,1)", "1,2", "sort(3,1)",
    "extend_list(1)",
)  # fmt: skip


def keys(base: str) -> list[str]:
    """Every key that holds a value in the configuration of a command."""
    words = [word if "=" not in word else word.replace("regularizer", "+regularizer").replace("controls", "+controls")
             for word in BASES[base]]  # fmt: skip
    register()
    with compositions._hydra(arrange(words)):
        node: Any = OmegaConf.to_container(compose("config", overrides=words))
    return list(leaves(node))


def leaves(node: Any, path: str = "") -> Iterator[str]:
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from leaves(value, f"{path}.{key}" if path else str(key))
    else:
        yield path


@pytest.fixture
def files(folder: Path) -> Path:
    """A table and a tagged text to work on."""
    rows = random.Random(0)
    table = [f"{rows.gauss(0, 1):.3f},{rows.gauss(0, 1):.3f},{rows.gauss(5, 2):.3f}" for _ in range(60)]
    (folder / "reg.csv").write_text("a,b,y\n" + "\n".join(table) + "\n")
    (folder / "tags.conll").write_text("".join(f"Anna{n} B-PER\nlives O\nhere O\n\n" for n in range(40)))
    return folder


def planned(*words: str) -> str:
    """The refusal of a command; empty where it would be run. Anything but InputError is a traceback to its user."""
    try:
        sweeps.plan(composition(arrange(words)))
    except InputError as refusal:
        return str(refusal) or "refused without a word"
    return ""


@pytest.mark.parametrize(("base", "key"), [(base, key) for base in BASES for key in keys(base)])
def test_any_value_of_any_key_is_planned_or_refused_in_words(files: Path, base: str, key: str) -> None:
    before = sorted(path.name for path in files.iterdir())
    for value in NASTY:
        quick = [word for word in QUICK if not word.startswith(f"{key}=")]
        refusal = planned(*BASES[base], *quick, "tracking=off", f"{key}={value}")
        assert len(refusal.splitlines()) < 12, (key, value, refusal)
        assert len(refusal) < 3000, (key, value, refusal)
    assert sorted(path.name for path in files.iterdir()) == before
