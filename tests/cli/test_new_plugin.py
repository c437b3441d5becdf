"""`lossbench new-plugin`: a package that works as it is, written whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from lossbench.cli.new_plugin import RIVALS, Names, files, normalised
from tests.conftest import ROOT, Result, Site

Command = Callable[..., Result]


@pytest.mark.parametrize(
    ("said", "name", "distribution", "module", "cls"),
    [
        ("foo", "foo", "lossbench-foo", "lossbench_foo", "Foo"),
        ("lossbench-foo", "foo", "lossbench-foo", "lossbench_foo", "Foo"),
        ("My-Own.Loss_2", "my_own_loss_2", "lossbench-my-own-loss-2", "lossbench_my_own_loss_2", "MyOwnLoss2"),
    ],
)
def test_one_name_becomes_loss_distribution_module_and_class(
    said: str, name: str, distribution: str, module: str, cls: str
) -> None:
    names = Names(normalised(said))
    assert (names.name, names.distribution, names.module, names.cls) == (name, distribution, module, cls)


def test_the_next_three_commands_are_said(lossbench: Command, folder: Path) -> None:
    result = lossbench("new-plugin", "foo")
    assert result.code == 0
    said = [line.strip() for line in result.out.splitlines()]
    for command in (
        "pip install -e ./lossbench-foo",
        "lossbench check foo",
        "lossbench +loss=foo,bce -m task=binary",
    ):
        assert command in said
    assert [path.name for path in folder.iterdir()] == ["lossbench-foo"]
    written = {str(path.relative_to(folder / "lossbench-foo")) for path in folder.rglob("*") if path.is_file()}
    assert written == {
        "pyproject.toml",
        "README.md",
        ".gitignore",
        ".github/workflows/ci.yml",
        "src/lossbench_foo/__init__.py",
        "tests/test_foo.py",
    }


@pytest.mark.parametrize("kind", RIVALS)
def test_the_workflow_and_the_metadata_name_what_was_asked_for(kind: str) -> None:
    texts = files(Names("my_loss"), kind)
    project = tomllib.loads(texts["pyproject.toml"])["project"]
    assert project["name"] == "lossbench-my-loss"
    assert project["entry-points"]["lossbench.losses"] == {"my_loss": "lossbench_my_loss:MyLoss"}
    workflow = texts[".github/workflows/ci.yml"]
    for step in (
        "python-version: ${{ matrix.python }}",
        "pip install torch --index-url https://download.pytorch.org/whl/cpu",
        "pip install '.[test]'",
        "run: pytest",
        "run: lossbench check my_loss",
    ):
        assert step in workflow
    assert not any("{{ name }}" in text or "{%" in text for text in texts.values())


@pytest.mark.long
@pytest.mark.parametrize("kind", RIVALS)
def test_a_new_package_passes_its_own_tests_and_the_rules_of_style(lossbench: Command, folder: Path, kind: str) -> None:
    assert lossbench("new-plugin", "foo", "--kind", kind, "--into", str(folder)).code == 0
    package = folder / "lossbench-foo"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins"), *sys.path])}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q"]
    done = subprocess.run(command, cwd=package, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "failed" not in done.stdout
    assert max(len(line) for path in package.rglob("*.py") for line in path.read_text("utf-8").splitlines()) <= 120


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["2foo"], "'2foo' is not a valid name for a loss: use letters, digits, - and _, with a letter first"),
        ([""], "is not a valid name for a loss"),
        (["lossbench-"], "is not a valid name for a loss"),
        (["../foo"], "is not a valid name for a loss"),
        (["föö"], "is not a valid name for a loss"),
        (["class"], "'class' has another meaning"),
        (["custom"], "'custom' has another meaning"),
        (["binary"], "'binary' has another meaning"),
        (["huber"], "lossbench already has a loss 'huber'"),
        (["taken"], "kit already has a loss 'taken': choose another name"),
        (["standard"], "There is already a module lossbench_standard"),
        (["foo", "--into", "nowhere"], "There is no folder nowhere"),
    ],
)
def test_a_name_or_folder_that_will_not_do_is_refused_in_words(
    lossbench: Command, folder: Path, site: Site, words: list[str], message: str
) -> None:
    site.install("kit", {"taken": "kit_losses:Taken"})
    before = sorted(folder.iterdir())
    result = lossbench("new-plugin", *words)
    assert result.code == 2
    assert message in result.text
    assert "Traceback" not in result.text
    assert sorted(folder.iterdir()) == before


def test_a_folder_that_exists_is_left_as_it_is(lossbench: Command, folder: Path) -> None:
    mine = folder / "lossbench-foo"
    mine.mkdir()
    (mine / "notes").write_text("mine")
    result = lossbench("new-plugin", "foo")
    assert result.code == 2
    assert "lossbench-foo already exists; nothing was written" in result.text
    assert [path.name for path in mine.iterdir()] == ["notes"]


def test_a_package_that_cannot_be_finished_leaves_nothing(
    lossbench: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_text

    def full(path: Path, *words: str) -> int:
        if path.name == "ci.yml":
            raise OSError(28, "No space left on device")
        return write(path, *words)

    monkeypatch.setattr(Path, "write_text", full)
    result = lossbench("new-plugin", "foo")
    assert result.code == 2
    assert "lossbench-foo could not be written: No space left on device" in result.text
    assert list(folder.iterdir()) == []
