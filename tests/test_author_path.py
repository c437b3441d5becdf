"""An author's path: a package in one command, installed, checked and compared in three more."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def run(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """A command in a folder, with what was installed there; its output."""
    paths = [str(folder / "installed"), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-m", *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_the_path_of_an_author_takes_four_commands(tmp_path: Path) -> None:
    made = run(["lossbench", "new-plugin", "tilted_bce"], tmp_path)
    assert made.returncode == 0, made.stderr
    assert "lossbench check tilted_bce" in made.stdout

    install = ["pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target", "installed"]
    installed = run([*install, "./lossbench-tilted-bce"], tmp_path)
    assert installed.returncode == 0, installed.stderr

    checked = run(["lossbench", "check", "tilted_bce"], tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "tilted_bce (binary)" in checked.stdout

    sweep = ["lossbench", "+loss=tilted_bce,bce", "-m", "task=binary", "protocol=fixed", "tracking=off"]
    compared = run([*sweep, "protocol.repeats=3", "training.max_epochs=3"], tmp_path)
    assert compared.returncode == 0, compared.stdout + compared.stderr
    assert "tilted_bce on binary" in compared.stdout

    tested = run(["pytest", "-q", "-p", "no:cacheprovider", "lossbench-tilted-bce"], tmp_path)
    assert tested.returncode == 0, tested.stdout
    assert "passed" in tested.stdout
