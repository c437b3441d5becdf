"""Shared by all tests: commands run in this process, in an empty folder, on one thread."""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ.pop("MLFLOW_TRACKING_URI", None)

import gc
import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import settings

from lossbench.loss.catalogue import catalogue, load_family
from lossbench.metrics import catalogue as metrics
from lossbench.report.panels import Picture

settings.register_profile("suite", deadline=None)  # a busy machine is no failure
settings.load_profile("suite")

ROOT = Path(__file__).resolve().parents[1]
QUICK = ("protocol.repeats=2", "protocol.trials=1", "training.max_epochs=3", "training.devices=1")
"""Overrides that make a cell end in a fraction of a second."""
SMALL_TEXT = ("task=ner", "task.data.sentences=120", "task.data.test_sentences=40")
"""A NER corpus small enough to train on in a moment."""
DRAWN = Picture.__dict__["_attempt"]
NOT_DRAWN = property(lambda picture: (None, ""))
"""As if the picture had nothing to show."""


@dataclass(frozen=True)
class Result:
    """What a command left on the terminal."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """Both streams, line breaks taken for spaces: what a person reads."""
        return " ".join((self.out + self.err).split())


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share a fixture of their module stay in one worker, or each worker would build it."""
    for item in items:
        fixtures = item._fixtureinfo.name2fixturedefs.values()  # type: ignore[attr-defined]
        if any(found[-1].scope == "module" and found[-1].baseid for found in fixtures):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


def pytest_collection_finish() -> None:
    """What is loaded by now stays: the garbage collector need not go through it again and again."""
    gc.collect()
    gc.freeze()


PICTURED = ("tests/report/", "tests/verdicts/", "tests/records/test_quoting.py")
"""Tests of what a page shows; so are those that are marked `pictures`."""


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Elsewhere the pages of sweeps come without their pictures, which take a third of a small sweep's time."""
    wanted = item.nodeid.startswith(PICTURED) or item.get_closest_marker("pictures") or item.get_closest_marker("long")
    Picture._attempt = DRAWN if wanted else NOT_DRAWN  # type: ignore[assignment]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command(folder: Path, *words: str) -> Result:
    """`lossbench WORDS` in a folder, for fixtures that the tests of a module share."""
    from lossbench.__main__ import main

    with chdir(folder), redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        code = main(list(words))
    return Result(code, out.getvalue(), err.getvalue())


@pytest.fixture
def lossbench(folder: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """`lossbench WORDS`, in an empty folder, without MLflow unless tracking is named."""
    from lossbench.__main__ import main

    def run(*words: str) -> Result:
        sweeping = any(word.lstrip("+").startswith("loss=") for word in words)
        tracked = any(word.startswith("tracking") for word in words)
        capfd.readouterr()
        code = main([*words, *(["tracking=off"] if sweeping and not tracked else [])])
        return Result(code, *capfd.readouterr())

    return run


class Site:
    """A folder of installed distributions: metadata, entry points, modules, as an installer leaves them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(
        self,
        name: str,
        losses: dict[str, str],
        source: str = "",
        *,
        module: str = "",
        version: str = "1.0",
        group: str = "lossbench.losses",
    ) -> None:
        """Installs a distribution with entry points `{loss: object path}`, or of another group, and one module."""
        metadata = self.folder / f"{name.replace('-', '_')}-{version}.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        lines = [f"{loss} = {path}" for loss, path in losses.items()]
        (metadata / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines, ""]))
        if module:
            (self.folder / f"{module}.py").write_text(dedent(source))
        forget()


def forget() -> None:
    """What is installed has changed."""
    importlib.invalidate_caches()
    catalogue.cache_clear()
    load_family.cache_clear()
    metrics._installed.cache_clear()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """An empty folder of distributions on the path; what was imported from it is forgotten afterwards."""
    folder = tmp_path / "site"
    folder.mkdir()
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(folder))
    forget()
    yield Site(folder)
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]
    monkeypatch.undo()
    forget()
