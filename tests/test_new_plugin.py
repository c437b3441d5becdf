"""An author's path: a package in one command, installed, checked and compared in three more."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lossbench.__main__ import main

KINDS = ("continuous", "binary", "classes", "sequences")


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


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_loss_of_every_kind_keeps_all_laws_and_its_own_test(kind: str, tmp_path: Path) -> None:
    assert main(["new-plugin", f"made_{kind}", "--kind", kind, "--into", str(tmp_path)]) == 0
    package = tmp_path / f"lossbench-made-{kind}"
    (tmp_path / "installed").symlink_to(package / "src")
    tested = run(["pytest", "-q", "-p", "no:cacheprovider", str(package / "tests")], tmp_path)
    assert tested.returncode == 0, tested.stdout
    files = [path for path in package.rglob("*") if path.is_file()]
    assert len(files) == 6
    assert not [path for path in files if re.search(r"@\w+@", path.read_text("utf-8"))]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["Focal!"], "is no name for a loss"),
        (["class"], "is no name for a loss"),
        (["2nd"], "is no name for a loss"),
        (["focal"], "There is a loss 'focal' already, of lossbench"),
        (["mine", "--into", "nowhere"], "there is no such folder"),
    ],
)
def test_what_cannot_be_made_is_refused_and_leaves_nothing(
    words: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new-plugin", *words]) == 2
    assert told in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lossbench-mine").mkdir()
    assert main(["new-plugin", "mine"]) == 2
    assert "is there already" in capsys.readouterr().err
    assert list((tmp_path / "lossbench-mine").iterdir()) == []


def test_a_disk_that_is_full_leaves_no_half_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written = Path.write_text

    def full(path: Path, text: str, encoding: str) -> int:
        if path.name == "ci.yml":
            raise OSError(28, "No space left on device")
        return written(path, text, encoding)

    monkeypatch.setattr(Path, "write_text", full)
    assert main(["new-plugin", "mine", "--into", str(tmp_path)]) == 2
    assert "No space left" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
