"""Shared by all tests: commands run in this process, in an empty folder, on one thread."""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ.pop("MLFLOW_TRACKING_URI", None)

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
QUICK = ("protocol.repeats=2", "training.max_epochs=3")
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
