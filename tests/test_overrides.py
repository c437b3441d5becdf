"""Whatever a key of the configuration is given: a command is planned, or refused in words before it trains anything."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hydra import compose
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from lossbench import sweep as sweeps
from lossbench.compose import composition as compositions
from lossbench.compose.arguments import arrange
from lossbench.compose.cells import to_cell
from lossbench.compose.composition import Composition, Job, settings_of
from lossbench.compose.refusals import explained, refuse_keys
from lossbench.compose.source import register
from lossbench.compose.texts import register_texts
from lossbench.errors import InputError

BASES = {
    "table": ("+loss=huber", "task=regression", "task/data=table", "task.data.path=reg.csv", "task.data.target=y"),
    "made": ("+loss=bce", "task=binary", "task/data=imbalanced", "task.data.rows=2000", "+regularizer=l2"),
    "more": ("+loss=gaussian_nll", "task=regression", "task/data=friedman", "task.data.rows=60", "model=linear"),
    "text": ("+loss=mse", "task=ner", "task.data.sentences=40", "task.data.test_sentences=10", "+controls=placebo"),
    "conll": ("+loss=crf", "task=ner", "task/data=conll", "task.data.path=tags.conll"),
}
QUICK = ("protocol.repeats=2", "protocol.trials=1", "training.max_epochs=3", "training.devices=1", "tracking=off")
NASTY = (
    "", "null", "abc", "true", "0", "-1", "0.5", "1e400", "-inf", "nan", "1e30", "1e-300", "99999999999999999999",
    "[1,2]", "[]", "{a: 1}", "../up", "/nowhere/at/all", "'Größe (k$)'", "'  '", "'a\nb'", "${nothing}", "${seed}", "9" * 400,
    "-99999999999999999999", "'" + "x" * 5000 + "'",
)  # fmt: skip


@cache
def composed(base: str) -> DictConfig:
    """The configuration of a command, composed once: what a key is given is then merged as Hydra merges it."""
    register()
    register_texts()
    words = arrange([*BASES[base], *QUICK])
    with compositions._hydra(words):
        return compose("config", overrides=list(words.overrides))


def leaves(node: Any, path: str = "") -> Iterator[str]:
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from leaves(value, f"{path}.{key}" if path else str(key))
    else:
        yield path


def pairs() -> Iterator[tuple[str, str]]:
    """Every key that holds a value, once: in the first command that has it; those of tasks and models in each."""
    seen: set[str] = set()
    for base in BASES:
        for key in leaves(OmegaConf.to_container(composed(base))):
            if key not in seen or key.startswith(("task.", "model.", "loss.")):
                seen.add(key)
                yield base, key


@pytest.fixture
def files(folder: Path) -> Path:
    """A table and a tagged text to work on."""
    rows = random.Random(0)
    table = [f"{rows.gauss(0, 1):.3f},{rows.gauss(0, 1):.3f},{rows.gauss(5, 2):.3f}" for _ in range(60)]
    (folder / "reg.csv").write_text("a,b,y\n" + "\n".join(table) + "\n")
    (folder / "tags.conll").write_text("".join(f"Anna{n} B-PER\nlives O\nhere O\n\n" for n in range(40)))
    return folder


def planned(base: str, key: str, value: str) -> str:
    """The refusal of a command; empty where it would be run. Anything but InputError is a traceback to its user."""
    (word,) = arrange([f"{key}={value}"] if "path" not in key else ["task=ner", f"{key}={value}"]).overrides[-1:]
    config = copy.deepcopy(composed(base))
    try:
        with explained([word]):
            override = OverridesParser.create().parse_override(word)
            refuse_keys([override]) if not key.startswith("hydra") else None
            OmegaConf.update(config, key, override.value(), merge=True)
            cell, settings = to_cell(config, [*BASES[base], *QUICK, word]), settings_of(config)
        job = Job(cell, config.task.get("baseline"), ())
        sweeps.plan(Composition(arrange([]), (job,), settings, {}))
    except InputError as refusal:
        return str(refusal) or "refused without a word"
    return ""


@pytest.mark.parametrize(("base", "key"), pairs())
def test_any_value_of_any_key_is_planned_or_refused_in_words(
    files: Path, base: str, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Composition, "baseline", lambda self, job: job)  # composes again; another test has it
    before = sorted(path.name for path in files.iterdir())
    for value in NASTY:
        refusal = planned(base, key, value)
        assert len(refusal.splitlines()) < 12, (key, value, refusal)
        assert len(refusal) < 8000, (key, value, refusal)
    assert sorted(path.name for path in files.iterdir()) == before
