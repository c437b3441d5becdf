"""Who may know whom: the design's table of rooms, held against the imports in the code."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Room: what of ours it may import, and which libraries beside the standard one. A name stands for all below it.
ROOMS: dict[str, tuple[set[str], set[str]]] = {
    "lossbench": ({"compose", "interactive", "plugins", "record", "study"}, set()),
    "lossbench.errors": (set(), set()),
    "lossbench.advice": (set(), set()),
    "lossbench.plan": (set(), set()),
    "lossbench.quoting": (set(), set()),
    "lossbench.provenance": (set(), {"torch"}),
    "lossbench.packing": (set(), {"numpy"}),
    "lossbench.record": ({"errors", "plan", "packing", "quoting"}, {"numpy", "orjson"}),
    "lossbench.schedule": (set(), set()),
    "lossbench.loss": ({"plan", "schedule"}, {"torch"}),
    "lossbench.parameters": ({"loss"}, set()),
    "lossbench.traits": ({"loss", "errors"}, {"torch"}),
    "lossbench.calling": (set(), {"torch"}),
    "lossbench.torch_losses": ({"loss"}, {"torch"}),
    "lossbench.adapted": ({"loss", "parameters", "traits", "errors", "calling", "torch_losses"}, {"torch"}),
    "lossbench.adapter": ({"loss", "parameters", "traits", "errors", "calling", "adapted"}, {"torch"}),
    "lossbench.plugins": ({"plan", "errors", "loss", "adapter", "parameters"}, set()),
    "lossbench.jackknife": (set(), {"numpy"}),
    "lossbench.own_metric": ({"plugins", "errors", "jackknife"}, {"numpy"}),
    "lossbench.description": ({"adapter", "loss", "parameters", "errors"}, set()),
    "lossbench.regularizer": ({"loss", "plan"}, {"torch"}),
    "lossbench.task": ({"loss", "plan"}, {"torch", "numpy"}),
    "lossbench.data": (
        {"advice", "task", "plan", "errors", "data"},
        {"numpy", "pandas", "pyarrow", "sklearn", "faker", "scipy"},
    ),
    "lossbench.models": ({"data", "plan"}, {"torch"}),
    "lossbench.tasks": (
        {"task", "tasks", "data", "models", "loss", "plan", "errors", "own_metric", "calibration"},
        {"torch", "numpy", "sklearn", "scipy"},
    ),
    "lossbench.calibration": (set(), {"numpy", "scipy"}),
    "lossbench.protocol": ({"plan"}, {"numpy", "scipy"}),
    "lossbench.training": (
        {"loss", "task", "protocol", "regularizer", "plan", "errors", "training"},
        {"torch", "lightning"},
    ),
    "lossbench.shape": ({"loss", "task"}, {"torch", "numpy"}),
    "lossbench.testing": (
        {"testing", "loss", "plugins", "adapter", "adapted", "errors", "plan", "task", "training"},
        {"torch", "numpy", "scipy", "pytest"},
    ),
    "lossbench.preparation": (
        {"plugins", "protocol", "provenance", "task", "training", "plan", "errors", "loss"},
        {"torch"},
    ),
    "lossbench.spread": ({"preparation", "training", "plan", "loss"}, {"torch"}),
    "lossbench.planning": (
        {"preparation", "spread", "plugins", "protocol", "task", "testing", "training", "plan", "errors"},
        set(),
    ),
    "lossbench.halves": ({"errors", "preparation", "record", "task", "training", "plan", "loss"}, set()),
    "lossbench.study": (
        {
            "halves",
            "plugins",
            "adapter",
            "shape",
            "task",
            "protocol",
            "preparation",
            "spread",
            "testing",
            "training",
            "record",
            "provenance",
            "plan",
            "errors",
            "loss",
        },
        {"torch", "numpy"},
    ),
    "lossbench.compose": ({"advice", "plugins", "parameters", "plan", "errors", "compose"}, {"hydra", "omegaconf"}),
    "lossbench.sweep": ({"compose", "preparation", "study", "record", "plan", "errors"}, {"torch"}),
    "lossbench.verdicts": (
        {"record", "plan", "verdicts", "calibration", "jackknife", "quoting", "errors"},
        {"numpy", "scipy", "matplotlib", "jinja2", "pandas"},
    ),
    "lossbench.interactive": (
        {"advice", "reporting", "sweep", "verdicts", "compose", "data", "record", "plan", "errors"},
        {"pandas"},
    ),
    "lossbench.rescoring": ({"verdicts", "record", "own_metric", "errors"}, {"numpy"}),
    "lossbench.reporting": ({"rescoring", "verdicts", "record", "plan", "errors"}, set()),
    "lossbench.recipe": ({"recipe", "verdicts", "record", "errors"}, set()),
    "lossbench.tracking": ({"record", "verdicts", "plan"}, {"mlflow", "sqlalchemy", "filelock", "numpy"}),
    "lossbench.terminal": ({"advice", "verdicts", "plan", "planning", "quoting", "record", "sweep"}, {"rich"}),
    "lossbench.printout": ({"verdicts", "quoting", "record", "terminal", "plan"}, {"rich"}),
    "lossbench.commands": (
        {
            "advice",
            "errors",
            "plugins",
            "plan",
            "compose",
            "preparation",
            "planning",
            "sweep",
            "record",
            "verdicts",
            "adapter",
            "commands",
            "description",
            "testing",
            "printout",
            "quoting",
            "recipe",
            "reporting",
            "terminal",
            "tasks",
            "tracking",
            "__version__",
        },
        {"rich", "jinja2"},
    ),
    "lossbench.__main__": (
        {
            "advice",
            "commands",
            "errors",
            "plan",
            "compose",
            "sweep",
            "printout",
            "quoting",
            "reporting",
            "terminal",
            "planning",
            "preparation",
            "verdicts",
            "record",
            "tracking",
        },
        set(),
    ),
    "lossbench_standard": ({"loss", "lossbench_standard"}, {"torch", "numpy", "scipy"}),
}


def modules() -> list[tuple[str, Path]]:
    found = []
    for top in (ROOT / "lossbench", ROOT / "plugins" / "lossbench_standard"):
        for path in sorted(top.rglob("*.py")):
            parts = path.relative_to(top.parent).with_suffix("").parts
            found.append((".".join(part for part in parts if part != "__init__"), path))
    return found


def room(module: str) -> str:
    """The longest room name that a module lies in; the package itself only for its own `__init__`."""
    fitting = [name for name in ROOMS if module == name or (name != "lossbench" and module.startswith(f"{name}."))]
    assert fitting, f"{module} has no room in the table: give it one"
    return max(fitting, key=len)


def imports(path: Path) -> set[str]:
    """Every imported module, those inside functions and for type checking included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            module = node.module or ""
            found |= {f"lossbench.{a.name}" for a in node.names} if module == "lossbench" else {module}
    return found


@pytest.mark.parametrize(("module", "path"), modules(), ids=[name for name, _ in modules()])
def test_a_room_knows_only_whom_the_design_lets_it_know(module: str, path: Path) -> None:
    ours, libraries = ROOMS[room(module)]
    for name in imports(path):
        top = name.partition(".")[0]
        if top in sys.stdlib_module_names:
            continue
        if top in ("lossbench", "lossbench_standard"):
            known = "lossbench_standard" if top == "lossbench_standard" else name.split(".")[1]
            assert known in ours, f"{module} imports {name}, which {room(module)} must not know"
        else:
            assert top in libraries, f"{module} imports {name}, which {room(module)} must not know"


def test_lossbench_holds_no_loss_and_the_plugins_nothing_else() -> None:
    for module, path in modules():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
                if module.startswith("lossbench."):
                    assert "Loss" not in bases or node.name == "Adapted", f"{module} defines the loss {node.name}"
                else:
                    assert bases, f"{module} defines {node.name}, which is no loss"


def test_conf_task_mirrors_the_tasks() -> None:
    configured = {path.stem for path in (ROOT / "conf" / "task").glob("*.yaml")}
    assert configured == {"regression", "binary", "ner"}
    assert all((ROOT / "lossbench" / "tasks" / f"{name}.py").exists() for name in configured)


def test_nothing_but_the_launcher_and_the_tracker_knows_hydra_or_mlflow() -> None:
    knowing = {module for module, path in modules() if any(i.startswith(("hydra", "mlflow")) for i in imports(path))}
    assert {name.split(".")[1] for name in knowing} == {"compose", "tracking"}
