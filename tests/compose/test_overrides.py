"""Whatever a key of the configuration is given: a command is planned, or refused in words before it trains anything."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hydra import compose
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from omegaconf import DictConfig, OmegaConf

from lossbench.api import carry_out
from lossbench.compose import composition as compositions
from lossbench.compose.arguments import arrange
from lossbench.compose.cells import to_cell
from lossbench.compose.composition import composition, settings_of
from lossbench.compose.launch import launcher
from lossbench.compose.refusals import explained, refuse_keys
from lossbench.compose.source import register
from lossbench.compose.texts import register_texts
from lossbench.errors import InputError
from lossbench.plan.observer import Observer
from lossbench.records.record import read_records
from lossbench.runs import sweep as sweeps

BASES = {
    "more": ("+loss=gaussian_nll", "task=regression", "task/data=friedman", "task.data.rows=60", "model=linear"),
    "made": ("+loss=bce", "task=binary", "task/data=imbalanced", "task.data.rows=2000", "+regularizer=l2"),
    "text": ("+loss=mse", "task=ner", "task.data.sentences=40", "task.data.test_sentences=10", "+controls=placebo"),
    "conll": ("+loss=crf", "task=ner", "task/data=conll", "task.data.path=tags.conll"),
    "table": ("+loss=huber", "task=regression", "task/data=table", "task.data.path=reg.csv", "task.data.target=y"),
}
"""Commands; the first one has most keys, and its data are made at once."""
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
    with compositions.hydra_over(words):
        return compose("config", overrides=list(words.overrides))


def leaves(node: Any, path: str = "") -> Iterator[str]:
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from leaves(value, f"{path}.{key}" if path else str(key))
    else:
        yield path


@cache
def keys() -> dict[str, list[str]]:
    """Every key that holds a value, once: in the first command that has it; those of data, models and losses in all."""
    found: dict[str, list[str]] = {}
    for base in BASES:
        seen = {key for others in found.values() for key in others}
        found[base] = [
            key
            for key in leaves(OmegaConf.to_container(composed(base)))
            if key not in seen or key.startswith(("task.data.", "model.params.", "loss.params."))
        ]
    return found


@pytest.fixture
def files(folder: Path) -> Path:
    """A table and a tagged text to work on."""
    rows = random.Random(0)
    table = [f"{rows.gauss(0, 1):.3f},{rows.gauss(0, 1):.3f},{rows.gauss(5, 2):.3f}" for _ in range(60)]
    (folder / "reg.csv").write_text("a,b,y\n" + "\n".join(table) + "\n")
    (folder / "tags.conll").write_text("".join(f"Anna{n} B-PER\nlives O\nhere O\n\n" for n in range(40)))
    return folder


def planned_by(words: Sequence[str]) -> sweeps.Sweep:
    composed = composition(arrange(words))
    return sweeps.plan(composed.cells, composed.settings)


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
        sweeps.plan([cell], settings)
    except InputError as refusal:
        return str(refusal) or "refused without a word"
    return ""


@pytest.mark.parametrize(
    "base", [pytest.param(base, marks=pytest.mark.long if base in ("more", "table") else ()) for base in BASES]
)
def test_any_value_of_any_key_is_planned_or_refused_in_words(files: Path, base: str) -> None:
    before = sorted(path.name for path in files.iterdir())
    assert keys()[base]
    for key, value in product(keys()[base], NASTY):
        try:
            refusal = planned(base, key, value)
        except Exception as error:
            raise AssertionError(f"{key}={value} ends in a traceback") from error
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
        (("+loss=mse", "~training.optimizer"), "keys cannot be removed"),
        (("+loss=mse", "protocol.name=strict"), "set protocol=... instead"),
        (("+loss=mse", "report.baseline=MAE"), "Did you mean mae"),
        (("+loss=mse", "-m", "controls.scale=2,3", "+controls=placebo"), "one value must serve all cells"),
        (("+loss=mse", "-m", "results=choice(a,b)"), "one value must serve all cells"),
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
        planned_by([*words, *table, *QUICK])
    assert message in str(refusal.value)


@pytest.mark.parametrize(("factor", "word"), [(1e202, "goes up to"), (1e-202, "varies by")])
def test_targets_whose_squares_no_float64_holds_are_refused(files: Path, factor: float, word: str) -> None:
    rows = "".join(f"{n % 7},{n % 5},{(1 + n % 3) * factor}\n" for n in range(60))
    (files / "reg.csv").write_text(f"a,b,y\n{rows}")
    with pytest.raises(InputError, match=f"Target 'y' of reg {word}.*Change its unit in the file"):
        planned_by(["+loss=mse", *TABLE, *QUICK])


def test_the_same_loss_twice_is_one_cell(files: Path) -> None:
    sweep = planned_by(["+loss=mse,mse,huber", "-m", *TABLE, *QUICK])
    assert [entry.cell.loss.name for entry in sweep.entries.values()] == ["mse", "huber"]


FAR = """
from pathlib import Path

from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher


class Far(Launcher):
    def __init__(self, note):
        self.note = note

    def setup(self, *, hydra_context, task_function, config):
        self.config = config

    def launch(self, job_overrides, initial_job_idx):
        Path("told.txt").write_text(f"{self.note} {job_overrides} {self.config.hydra.job.name}")
        raise HydraException("the cluster is away")
"""


def test_a_launcher_is_told_numbers_and_what_the_command_says_of_hydra(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (files / "hydra_plugins").mkdir()
    (files / "hydra_plugins" / "far.py").write_text(FAR)
    monkeypatch.syspath_prepend(str(files))
    Plugins.instance().register(import_module("hydra_plugins.far").Far)
    experiment = files / "mine" / "experiment"
    launchers = files / "mine" / "hydra" / "launcher"
    for place in (experiment, launchers):
        place.mkdir(parents=True)
    (launchers / "cluster.yaml").write_text("_target_: hydra_plugins.far.Far\nnote: none\n")
    (experiment / "far.yaml").write_text("# @package _global_\ndefaults:\n  - override /hydra/launcher: cluster\n")
    words = ["--config-dir", "mine", "+loss=mse,huber", "-m", "+experiment=far", *TABLE, *QUICK]
    composed = composition(arrange([*words, "hydra.job.name=mine", "hydra.launcher.note=far"]))
    sweep = sweeps.plan(composed.cells, composed.settings)
    sweeps.begin(sweep, "far")
    with pytest.raises(InputError, match="hydra/launcher=cluster could not run these cells: the cluster is away"):
        carry_out(sweep, composed, Observer())
    assert Path("told.txt").read_text() == "far [[], []] mine"
    assert not sweep.folder.exists()


def test_without_another_launcher_cells_run_one_after_the_other_right_here(files: Path) -> None:
    composed = composition(arrange(["+loss=mse,huber", "-m", *TABLE, *QUICK, "hydra.job.name=mine"]))
    assert launcher(composed, files) is None


@pytest.mark.parametrize("ends", ["Ctrl-C", "lost"])
def test_what_jobs_have_finished_stays_and_what_they_lost_is_told(files: Path, ends: str) -> None:
    composed = composition(arrange(["+loss=mse,huber", "-m", *TABLE, *QUICK, "name=s"]))
    sweep = sweeps.plan(composed.cells, composed.settings)
    sweeps.begin(sweep, "s")
    assert not sweep.run(Observer())

    def launch(count: int, job: Callable[[int], None]) -> None:
        job(0)
        if ends == "Ctrl-C":
            raise KeyboardInterrupt

    again = sweeps.plan(composed.cells, composed.settings)
    assert again.run(Observer(), launch) == (ends == "Ctrl-C")
    found = {r.title: (r.status.value, r.reason) for r in read_records(again.folder) if r.role != "reference"}
    other = ("interrupted", "not begun") if ends == "Ctrl-C" else ("failed", "its job ended without a record")
    assert found == {"mse": ("done", ""), "huber": other}
