"""`lossbench new-plugin`: writes a complete, working package in which only the formula needs replacing."""

from __future__ import annotations

import keyword
import re
import shutil
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from lossbench.cli.options import KINDS, parser
from lossbench.errors import InputError
from lossbench.loss.catalogue import catalogue

PREFIX = "lossbench-"
RESERVED = {"custom", "glob", "test", "tests"}
"""Names that mean something else after `+loss=`, or would shadow a module that others use."""
RIVALS = {
    "continuous": ("regression", "mse"),
    "binary": ("binary", "bce"),
    "classes": ("ner", "cross_entropy"),
    "sequences": ("ner", "cross_entropy"),
}
"""For each kind a task, and the loss to compare with in the first sweep."""


@dataclass(frozen=True)
class Names:
    """The names derived from one name: loss, distribution, module and class."""

    name: str

    @property
    def distribution(self) -> str:
        return PREFIX + self.name.replace("_", "-")

    @property
    def module(self) -> str:
        return f"lossbench_{self.name}"

    @property
    def cls(self) -> str:
        return "".join(word.capitalize() for word in self.name.split("_"))


def new_plugin(argv: list[str]) -> int:
    """Writes the package completely or not at all, and prints the next steps."""
    words = parser("new-plugin", "Writes a plugin package with one working loss, its tests and a CI workflow.")
    words.add_argument("name", metavar="NAME", help="name of the loss: foo creates lossbench-foo with +loss=foo")
    words.add_argument("--kind", choices=KINDS, default="binary", help="what the loss predicts (default: binary)")
    words.add_argument("--into", default=".", metavar="DIR", help="the folder to write it into (default: here)")
    options = words.parse_args(argv)
    names, into = Names(normalised(options.name)), Path(options.into)
    _refuse_taken(names)
    target = into / names.distribution
    if not into.is_dir():
        raise InputError(f"There is no folder {into}: create it first, or choose another one with --into.")
    if target.exists() or target.is_symlink():
        raise InputError(
            f"{target} already exists; nothing was written. Choose another name, or another folder with --into."
        )
    write(names, options.kind, target)
    task, rival = RIVALS[options.kind]
    where = target if target.is_absolute() else f"./{target}"
    print(f"{target}: a working package with the {options.kind} loss '{names.name}'. Next steps:\n")
    print(f"  pip install -e {where}")
    print(f"  lossbench check {names.name}")
    print(f"  lossbench +loss={names.name},{rival} -m task={task}\n")
    print(f"The formula is in {target}/src/{names.module}/__init__.py: replace it with yours.")
    return 0


def normalised(said: str) -> str:
    """`lossbench-My.Loss` as `my_loss`. Raises InputError for an invalid name."""
    name = re.sub(r"[-_. ]+", "_", said.strip()).lower().removeprefix("lossbench_")
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        raise InputError(f"'{said}' is not a valid name for a loss: use letters, digits, - and _, with a letter first.")
    if name in RESERVED or name in KINDS or keyword.iskeyword(name):
        raise InputError(
            f"'{said}' is not a valid name for a loss: '{name}' has another meaning. Choose a longer name."
        )
    return name


def _refuse_taken(names: Names) -> None:
    claims = [plugin for plugin in catalogue().plugins if plugin.name == names.name]
    if claims:
        raise InputError(f"{claims[0].distribution} already has a loss '{names.name}': choose another name.")
    if find_spec(names.module) is not None:
        raise InputError(f"There is already a module {names.module}: choose another name than '{names.name}'.")


def write(names: Names, kind: str, target: Path) -> None:
    """Writes all files into a temporary folder next to the target and moves it in one step: never half a package."""
    texts = files(names, kind)
    beside = None
    try:
        beside = Path(tempfile.mkdtemp(prefix=f".{names.distribution}-", dir=target.parent))
        made = beside / names.distribution
        for name, text in texts.items():
            path = made / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        made.rename(target)
    except OSError as error:
        raise InputError(f"{target} could not be written: {error.strerror or error}.") from error
    finally:
        if beside:
            shutil.rmtree(beside, ignore_errors=True)


def files(names: Names, kind: str) -> dict[str, str]:
    """The text of every file of the package, by its path."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("lossbench.cli", "templates/plugin"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
    )
    task, rival = RIVALS[kind]
    places = {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        ".gitignore": "gitignore",
        ".github/workflows/ci.yml": "ci.yml",
        f"src/{names.module}/__init__.py": f"{kind}.py",
        f"tests/test_{names.name}.py": f"test_{kind}.py",
    }
    said = {
        "name": names.name,
        "distribution": names.distribution,
        "module": names.module,
        "cls": names.cls,
        "kind": kind,
        "task": task,
        "baseline": rival,
    }
    return {path: environment.get_template(f"{template}.j2").render(said) for path, template in places.items()}
