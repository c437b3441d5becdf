"""What stays unloaded until it is needed: a question costs a second, not ten."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"torch", "pytorch_lightning", "torchmetrics", "mlflow", "transformers", "datasets", "sklearn", "pandas"}
SPY = """
import json, sys
from lossbench.__main__ import main
try:
    code = main(sys.argv[1:])
except SystemExit as end:
    code = end.code
print()
print(json.dumps({"code": code, "modules": sorted(name for name in sys.modules if "." not in name)}))
"""


def loaded(folder: Path, *words: str) -> tuple[int, set[str]]:
    """The exit code of a command in a process of its own, and the packages that it imported."""
    command = [sys.executable, "-c", SPY, *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout.splitlines()[-1])
    return told["code"], set(told["modules"])


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--help"], 0),
        (["losses", "--names"], 0),
        (["+loss=hubber"], 2),
        (["+loss=mse", "task=regresion"], 2),
        (["+loss=mse", "+regularizer=l9"], 2),
        (["+loss=mse", "task/data=nothing", "task=binary"], 2),
        (["--version"], 0),
    ],
)
def test_questions_and_unknown_names_import_nothing_heavy(tmp_path: Path, words: list[str], code: int) -> None:
    told, modules = loaded(tmp_path, *words)
    assert told == code
    assert not modules & HEAVY


def test_checking_a_parameter_imports_the_plugin_but_neither_lightning_nor_mlflow(tmp_path: Path) -> None:
    code, modules = loaded(tmp_path, "+loss=huber", "loss.params.dleta=1")
    assert code == 2
    assert "torch" in modules  # the plugin's own import, so that the test would see one
    assert not modules & {"pytorch_lightning", "mlflow", "sklearn", "pandas"}


def test_a_stored_result_is_shown_without_torch(tmp_path: Path) -> None:
    from lossbench.__main__ import main

    words = [
        "+loss=mse",
        "protocol.repeats=1",
        "protocol.trials=1",
        "training.max_epochs=1",
        "tracking=off",
        "name=here",
    ]
    assert main([*words, f"results={tmp_path / 'results'}"]) == 0
    code, modules = loaded(tmp_path, "show", "here")
    assert code == 0
    assert not modules & HEAVY


def test_importing_lossbench_imports_nothing_heavy(tmp_path: Path) -> None:
    code = "import lossbench, sys; print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "'lossbench'" in done.stdout
    assert not any(f"'{name}'" in done.stdout for name in HEAVY | {"hydra", "numpy"})
