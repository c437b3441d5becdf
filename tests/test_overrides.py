"""Whatever a key of the configuration is given: a command is planned, or refused in words before it trains anything."""

from __future__ import annotations

import copy
import random
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hydra import compose
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from lossbench.compose import composition as compositions
from lossbench.compose.arguments import arrange
from lossbench.compose.cells import to_cell
from lossbench.compose.composition import Composition, Job, composition, settings_of
from lossbench.compose.refusals import explained, refuse_keys
from lossbench.compose.source import register
from lossbench.compose.texts import register_texts
from lossbench.errors import InputError
from lossbench.plan.overrides import override
from lossbench.runs import sweep as sweeps

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
    "[1,2]", "[]", "{a: 1}", "../up", "/nowhere/at/all", "'Größe (k$)'", "'  '", "'a\nb'", "${nothing}", "${seed}",
    "9" * 400, "-99999999999999999999", "'" + "x" * 2000 + "'",
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
    """Every key that holds a value, once: in the first command that has it; those of data, models and losses in all."""
    seen: set[str] = set()
    for base in BASES:
        for key in leaves(OmegaConf.to_container(composed(base))):
            if key not in seen or key.startswith(("task.data.", "model.params.", "loss.params.")):
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
            given = OverridesParser.create().parse_override(word)
            refuse_keys([given])
            OmegaConf.update(config, key, given.value(), merge=True)
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


TABLE = ("task=regression", "task.data.path=reg.csv", "task.data.target=y")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("+loss=huber", "-m", "loss.params.delta=interval(0.5,2)"), "loss.params.delta=0.5,1,2 or"),
        (("+loss=huber", "loss.params.delta=extend_list(1)"), "Unknown function 'extend_list'"),
        (("+loss=mse", "hydra.job.chdir=true"), "results= and name= say where records go"),
        (("+loss=mse", "hydra.run.dir=elsewhere"), "results= and name= say where records go"),
        (("+loss=mse", "hydra.sweep.subdir=x", "-m"), "results= and name= say where records go"),
        (("+loss=mse", "hydra.mode=MULTIRUN"), "-m asks for a sweep"),
        (("+loss=mse", "hydra/sweeper=optuna"), "There is no hydra sweeper 'optuna'"),
        (("+loss=mse", "hydra/launcher=nowhere"), "There is no hydra launcher 'nowhere'"),
        (("+loss=mse", "hydra.sweeper.params={seed: 1}"), "a sweep is written key=a,b with -m"),
        (("+loss=MSE",), "Did you mean mse?"),
        (("+loss=mse", "model=MLP"), "Did you mean mlp?"),
        (("+loss=mse", "max_epochs=3"), "Did you mean training.max_epochs?"),
        (("+loss=mse", "max_epoch=3"), "Did you mean training.max_epochs?"),
        (("+loss=mse", "Batch_Size=3"), "Did you mean training.batch_size?"),
        (("+loss=mse", "+max_epochs=3"), "Did you mean training.max_epochs?"),
        (("+loss=mse", "++training.foo=3"), "There is no key 'training.foo'"),
        (("+loss=mse", "+loss.foo=3"), "There is no key 'loss.foo'"),
        (("+loss=mse", "+controls.foo=3"), "There is no key 'controls.foo'"),
        (("+loss=mse", "+regularizer=l2", "+regularizer.foo=3"), "There is no key 'regularizer.foo'"),
        (("+loss=mse", "~training.optimizer"), "a key cannot be taken away"),
        (("+loss=mse", "protocol.name=strict"), "say protocol=... instead"),
        (("+loss=mse", "report.baseline=MAE"), "Did you mean mae"),
        (("+loss=mse", "-m", "controls.scale=2,3", "+controls=placebo"), "one value is due for all cells"),
        (("+loss=mse", "-m", "results=choice(a,b)"), "one value is due for all cells"),
        (("+loss=mse", "name=taken", "results=."), "taken is a file. Choose another name"),
        (("+loss=mse", "results=taken"), "is not a folder"),
        (("+loss=mse", "task.data.drop=a,b"), r"As a list: task.data.drop=\[a,b\]."),
        (("+loss=mse", "task.data.target=a, b"), "As one text with a comma in it: task.data.target='\"a, b\"'."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_hydra_or_a_slip_of_the_finger_would_do_is_refused(
    files: Path, words: tuple[str, ...], message: str
) -> None:
    (files / "taken").write_text("")
    table = [word for word in TABLE if not any(said.startswith(word.split("=")[0] + "=") for said in words)]
    with pytest.raises(InputError) as refusal:
        sweeps.plan(composition(arrange([*words, *table, *QUICK])))
    assert message in str(refusal.value)


@pytest.mark.parametrize(("factor", "word"), [(1e202, "goes up to"), (1e-202, "varies by")])
def test_targets_whose_squares_no_float64_holds_are_refused(files: Path, factor: float, word: str) -> None:
    rows = "".join(f"{n % 7},{n % 5},{(1 + n % 3) * factor}\n" for n in range(60))
    (files / "reg.csv").write_text(f"a,b,y\n{rows}")
    with pytest.raises(InputError, match=f"Target 'y' of reg {word}.*Change its unit in the file"):
        sweeps.plan(composition(arrange(["+loss=mse", *TABLE, *QUICK])))


def test_the_same_loss_twice_is_one_cell(files: Path) -> None:
    sweep = sweeps.plan(composition(arrange(["+loss=mse,mse,huber", "-m", *TABLE, *QUICK])))
    assert [entry.cell.loss.name for entry in sweep.entries.values()] == ["mse", "huber"]


def test_a_harmless_setting_of_hydra_reaches_its_jobs_and_nothing_else_of_the_command_does(files: Path) -> None:
    composed = composition(arrange(["+loss=mse,huber", "-m", *TABLE, *QUICK, "hydra.job.name=mine"]))
    words = composed.hydra_arguments(2, files / "it's here")
    place = override("hydra.sweep.dir", str((files / "it's here").resolve()))
    assert shlex.split(place)[0] == words[-1]
    assert set(words[:-1]) == {
        "--multirun", "+cell=range(2)", "hydra/launcher=basic", "hydra.job.name=mine", "hydra.sweeper.params=null",
    }  # fmt: skip


def test_an_experiment_may_choose_another_launcher(files: Path) -> None:
    experiment = files / "mine" / "experiment"
    launchers = files / "mine" / "hydra" / "launcher"
    for folder in (experiment, launchers):
        folder.mkdir(parents=True)
    (launchers / "another.yaml").write_text("_target_: hydra._internal.core_plugins.basic_launcher.BasicLauncher\n")
    (experiment / "far.yaml").write_text("# @package _global_\ndefaults:\n  - override /hydra/launcher: another\n")
    composed = composition(arrange(["--config-dir", "mine", "+loss=mse", "+experiment=far", *TABLE, *QUICK]))
    assert "hydra/launcher=another" in composed.hydra_arguments(1, files / "s")
