"""Shared by all tests: commands run in this process, in an empty folder, on one thread."""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ.pop("MLFLOW_TRACKING_URI", None)

import importlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from lossbench.loss.catalogue import catalogue, load_family
from lossbench.metrics import catalogue as metrics

ROOT = Path(__file__).resolve().parents[1]
QUICK = ("protocol.repeats=2", "protocol.trials=1", "training.max_epochs=3", "training.devices=1")
"""Overrides that make a cell end in a fraction of a second."""
SMALL_TEXT = ("task=ner", "task.data.sentences=120", "task.data.test_sentences=40")
"""A NER corpus small enough to train on in a moment."""


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


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


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
