"""What is shipped: the wheel, the two commands of the README, and a stranger's plugin that arrives later."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lossbench.records.record import read_records
from tests.conftest import QUICK, ROOT

PIP = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]

EXAMPLES = {"lossbench-example": "pseudo_huber", "lossbench-example-plain": "power_error"}
"""The packages to copy, and the loss in each."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of what lies here now."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--wheel-dir", str(folder), str(ROOT)], check=True, capture_output=True)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and both example plugins in it, and nothing of this checkout."""
    folder = tmp_path_factory.mktemp("site")
    for package in (wheel, *(ROOT / "plugins" / example for example in EXAMPLES)):
        subprocess.run([*PIP, "--target", str(folder), str(package)], check=True, capture_output=True)
    return folder


def run(installed: Path, where: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-m", "lossbench", *words]
    return subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.long
def test_the_wheel_holds_the_configuration_the_built_in_losses_and_the_marks_of_types(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = {f"lossbench/{path.relative_to(ROOT)}" for path in (ROOT / "conf").rglob("*.yaml")}
    assert shipped <= names
    templates = {f"lossbench/{path.relative_to(ROOT / 'lossbench')}" for path in (ROOT / "lossbench").rglob("*.j2")}
    assert len(templates) > 2
    assert templates <= names
    assert "lossbench_standard/squared.py" in names
    # by PEP 561 a type checker reads the types of a package that ships this marker, and of no other
    assert {"lossbench/py.typed", "lossbench_standard/py.typed"} <= names
    assert not any(name.startswith(("tests/", "conf/", "plugins/", "results/")) for name in names)


@pytest.mark.long
def test_an_installed_wheel_runs_by_its_own_files(installed: Path, tmp_path: Path) -> None:
    code = "import lossbench, lossbench.compose.source as s; print(lossbench.__file__, s.config_folder(), sep='\\n')"
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert all(line.startswith(str(installed)) for line in told.stdout.splitlines())
    done = run(installed, tmp_path, "+loss=mse", *QUICK, "tracking=off")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.long
def test_the_console_command_is_the_same_program(installed: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    for words in (["losses", "--names"], ["+loss=hubber"]):
        command = [str(installed / "bin" / "lossbench"), *words]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        same = run(installed, tmp_path, *words)
        assert (done.returncode, done.stdout, done.stderr) == (same.returncode, same.stdout, same.stderr)


@pytest.mark.long
def test_a_plugin_that_is_installed_after_the_fact_is_swept_by_name(installed: Path, tmp_path: Path) -> None:
    names = run(installed, tmp_path, "losses", "--names").stdout.split()
    assert "pseudo_huber" in names
    words = ("+loss=pseudo_huber", "-m", "loss.params.delta=0.5,2", "task=regression,binary", *QUICK, "tracking=off")
    done = run(installed, tmp_path, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    found = {f"{r.task} {r.title}": r for r in read_records(tmp_path / "results")}
    assert found["regression pseudo_huber(delta=2)"].status.value == "done"
    assert found["regression pseudo_huber(delta=2)"].loss.distribution == "lossbench-example 0.1.0"
    assert found["binary pseudo_huber(delta=2)"].status.value == "skipped"
    by_full_name = run(installed, tmp_path, "losses", "lossbench-example.pseudo_huber")
    assert "training standard deviations" in by_full_name.stdout


@pytest.mark.long
def test_an_author_gets_from_nothing_to_a_sweep_in_four_commands(installed: Path, tmp_path: Path) -> None:
    written = run(installed, tmp_path, "new-plugin", "mine")
    assert written.returncode == 0, written.stderr
    pip, check, sweep = [line.split() for line in written.stdout.splitlines() if line.startswith("  ")]
    assert pip == ["pip", "install", "-e", "./lossbench-mine"]
    site = tmp_path / "site"  # as said, but beside the other packages of this test, and not into this environment
    path = os.pathsep.join([str(installed), str(site)])
    environment = {**os.environ, "PYTHONPATH": path}
    subprocess.run([*PIP, "--target", str(site), pip[-1]], cwd=tmp_path, check=True, capture_output=True)
    for words in (check, [*sweep, *QUICK, "tracking=off"]):
        assert words[0] == "lossbench"
        command = [sys.executable, "-m", *words]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    found = {r.title: r for r in read_records(tmp_path / "results") if r.role != "reference"}
    assert {title: r.status.value for title, r in found.items()} == {"mine": "done", "bce": "done"}
    assert found["mine"].loss.distribution == "lossbench-mine 0.1.0"


@pytest.mark.long
@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_passes_its_own_tests_and_keeps_every_law(installed: Path, tmp_path: Path, example: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    tests = str(ROOT / "plugins" / example / "tests")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), tests]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    checked = run(installed, tmp_path, "check", EXAMPLES[example])
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.long
def test_the_plain_example_depends_on_nothing_of_ours_and_is_swept_by_name(installed: Path, tmp_path: Path) -> None:
    import tomllib

    plain = ROOT / "plugins" / "lossbench-example-plain"
    assert tomllib.loads((plain / "pyproject.toml").read_text())["project"]["dependencies"] == ["torch"]
    words = ("+loss=power_error", "loss.params.p=1,2", "-m", "task=regression", *QUICK, "tracking=off")
    done = run(installed, tmp_path, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    found = {r.title: r for r in read_records(tmp_path / "results") if r.role != "reference"}
    assert found["power_error(p=1)"].loss.distribution == "lossbench-example-plain 0.1.0"
    # the square is the square, whoever's it is
    assert found["power_error(p=2)"].repeats[0].metrics == pytest.approx(found["mse"].repeats[0].metrics, rel=1e-4)


def started(*targets: str) -> str:
    """What `make` would run for these targets in a fresh clone."""
    command = ["make", "--dry-run", "--always-make", *targets]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


CHECKS = ("ruff format --check", "ruff check", "bin/mypy")


def test_the_makefile_runs_what_the_readme_says() -> None:
    assert "python -m lossbench +loss=mse,bce -m" in started("sweep")
    assert "--constraint constraints.txt" in started("sweep")
    assert '-m "not long"' in started("test")
    for check in (*CHECKS, '-m "not long"'):
        assert check in started("check")


def test_continuous_integration_runs_every_check_and_every_test_once() -> None:
    """A marker parts the suite, so that both halves are the whole; `make check` runs the short one alone."""
    targets = re.findall(r"^make (.+)$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert targets == ["install", "lint", "test", "test-long"]
    run = started(*targets)
    assert re.findall(r'pytest .*?-m ("not long"|long)', run) == ['"not long"', "long"]
    assert [run.count(check) for check in CHECKS] == [1, 1, 1]
    assert re.findall(r'pytest .*?-m ("not long"|long)', started("check")) == ['"not long"']


def test_every_dependency_is_locked() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["test"], *extras["dev"]]
    names = {re.split(r"[<>=\[ ]", line)[0].lower() for line in wanted} - {"lossbench"}
    locked = {line.partition("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines()}
    assert names <= locked
    assert "torch==2.13.0" in (ROOT / "constraints.txt").read_text().splitlines()
