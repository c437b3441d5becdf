"""Who may know whom: the design's arrows, held against the imports in the code."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# A room, or one of the files at the top: which it stands on (and with them all that these stand on), which libraries.
ARROWS: dict[str, tuple[str, str]] = {
    "errors": ("", ""),
    "plan": ("errors", "numpy scipy"),
    "loss": ("plan", "torch"),
    "metrics": ("plan", "torch torchmetrics numpy scipy"),
    "data": ("plan", "numpy pandas pyarrow sklearn scipy faker datasets huggingface_hub"),
    "models": ("loss", "torch"),
    "tasks": ("models data metrics loss", "torch numpy scipy sklearn"),
    "training": ("tasks", "torch pytorch_lightning"),
    "probe": ("training", "torch numpy scipy pytest"),
    "records": ("plan", "numpy msgspec torch"),
    "runs": ("training records probe", "torch numpy"),
    "verdicts": ("metrics records", "numpy scipy"),
    "report": ("verdicts", "numpy scipy matplotlib jinja2 pandas mlflow sqlalchemy filelock"),
    "compose": ("loss plan", "hydra omegaconf"),
    "api": ("runs compose report", "pandas"),
    "cli": ("api report", "rich jinja2"),
    "testing": ("probe", ""),
    "__main__": ("cli", ""),
}
ROOMS = 14
FILES = {"__init__", "__main__", "api", "errors", "testing"}
MOST_ARROWS, MOST_LINES = 80, 350


def modules() -> list[tuple[str, Path]]:
    found = []
    for path in sorted((ROOT / "lossbench").rglob("*.py")):
        parts = path.relative_to(ROOT / "lossbench").with_suffix("").parts
        if parts != ("__init__",):
            found.append((".".join(part for part in parts if part != "__init__"), path))
    return found


def imports(path: Path) -> Iterator[str]:
    """Every imported module, those inside functions and for type checking included; ours by room and module."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            module = node.module or ""
            yield from [f"lossbench.{a.name}" for a in node.names] if module == "lossbench" else [module]


@cache
def below(room: str) -> frozenset[str]:
    """All rooms that a room stands on."""
    direct = ARROWS[room][0].split()
    return frozenset(direct).union(*map(below, direct))


@pytest.mark.parametrize(("module", "path"), modules(), ids=[name for name, _ in modules()])
def test_a_room_knows_only_whom_the_design_lets_it_know(module: str, path: Path) -> None:
    room = module.partition(".")[0]
    ours, libraries = below(room) | {room}, ARROWS[room][1].split()
    for name in imports(path):
        top, _, rest = name.partition(".")
        if top in sys.stdlib_module_names or rest == "__version__":
            continue
        if top == "lossbench":
            assert rest.partition(".")[0] in ours, f"{module} imports {name}, which {room} must not know"
        else:
            assert top in libraries, f"{module} imports {name}, which {room} must not know"


def test_the_house_has_fourteen_rooms_and_five_files() -> None:
    rooms = {path.parent.name for path in (ROOT / "lossbench").glob("*/__init__.py")}
    assert len(rooms) == ROOMS
    assert {path.stem for path in (ROOT / "lossbench").glob("*.py")} == FILES
    assert rooms | FILES - {"__init__"} == set(ARROWS)


def test_few_arrows_join_the_rooms() -> None:
    found = {
        (module.partition(".")[0], name.split(".")[1])
        for module, path in modules()
        for name in imports(path)
        if name.startswith("lossbench.")
    }
    assert len({(one, other) for one, other in found if one != other}) <= MOST_ARROWS


def test_no_module_is_long() -> None:
    long = {module: n for module, path in modules() if (n := len(path.read_text("utf-8").splitlines())) > MOST_LINES}
    assert not long


def test_the_built_in_losses_know_the_contract_alone() -> None:
    for path in (ROOT / "plugins" / "lossbench_standard").rglob("*.py"):
        for name in imports(path):
            top = name.partition(".")[0]
            known = top in sys.stdlib_module_names or top in ("torch", "numpy", "scipy", "lossbench_standard")
            assert known or name == "lossbench.loss", f"{path.name} imports {name}"


def test_lossbench_holds_no_loss_and_the_plugins_nothing_else() -> None:
    standard = [("lossbench_standard", path) for path in (ROOT / "plugins" / "lossbench_standard").rglob("*.py")]
    for module, path in [*modules(), *standard]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
                if module == "lossbench_standard":
                    assert bases, f"{path.name} defines {node.name}, which is no loss"
                else:
                    assert "Loss" not in bases or node.name == "Adapted", f"{module} defines the loss {node.name}"


def test_conf_task_mirrors_the_tasks() -> None:
    configured = {path.stem for path in (ROOT / "conf" / "task").glob("*.yaml")}
    assert configured == {"regression", "binary", "ner"}
    assert all((ROOT / "lossbench" / "tasks" / f"{name}.py").exists() for name in configured)


def test_one_room_knows_hydra_and_one_module_mlflow() -> None:
    knowing = {
        (library, module if library == "mlflow" else module.partition(".")[0])
        for module, path in modules()
        for name in imports(path)
        if (library := name.partition(".")[0]) in ("hydra", "omegaconf", "mlflow", "pytorch_lightning")
    }
    assert knowing == {
        ("hydra", "compose"),
        ("omegaconf", "compose"),
        ("mlflow", "report.mlflow"),
        ("pytorch_lightning", "training"),
    }
