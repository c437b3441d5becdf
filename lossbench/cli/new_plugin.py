"""`lossbench new-plugin`: a package of one's own, complete and working, in which the formula is to be replaced."""

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
"""Words that mean something else after `+loss=`, or would name a module that others use."""
RIVALS = {
    "continuous": ("regression", "mse"),
    "binary": ("binary", "bce"),
    "classes": ("ner", "cross_entropy"),
    "sequences": ("ner", "cross_entropy"),
}
"""For each kind a task, and the loss that stands beside the new one in its first sweep."""


@dataclass(frozen=True)
class Names:
    """What one name becomes: the loss, its distribution, its module, its class."""

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
    """Writes the package whole or not at all, and says what comes next."""
    words = parser("new-plugin", "Writes a plugin package with one working loss, its tests and a CI workflow.")
    words.add_argument("name", metavar="NAME", help="of the loss: foo makes lossbench-foo with +loss=foo")
    words.add_argument("--kind", choices=KINDS, default="binary", help="what the loss predicts (default: binary)")
    words.add_argument("--into", default=".", metavar="DIR", help="the folder to write it into (default: here)")
    options = words.parse_args(argv)
    names, into = Names(normalised(options.name)), Path(options.into)
    _refuse_taken(names)
    target = into / names.distribution
    if not into.is_dir():
        raise InputError(f"There is no folder {into}: make it first, or choose another one with --into.")
    if target.exists() or target.is_symlink():
        raise InputError(f"{target} exists already, and nothing was written: choose another name, or --into elsewhere.")
    write(names, options.kind, target)
    task, rival = RIVALS[options.kind]
    where = target if target.is_absolute() else f"./{target}"
    print(f"{target}: a package with the {options.kind} loss '{names.name}', which works as it is. Next:\n")
    print(f"  pip install -e {where}")
    print(f"  lossbench check {names.name}")
    print(f"  lossbench +loss={names.name},{rival} -m task={task}\n")
    print(f"Its formula is in {target}/src/{names.module}/__init__.py: put your own in its place.")
    return 0


def normalised(said: str) -> str:
    """`lossbench-My.Loss` as `my_loss`. Raises InputError for what can be no name of a loss."""
    name = re.sub(r"[-_. ]+", "_", said.strip()).lower().removeprefix("lossbench_")
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        raise InputError(f"'{said}' is no name for a loss: letters, digits, - and _, a letter first, as in my-loss.")
    if name in RESERVED or name in KINDS or keyword.iskeyword(name):
        raise InputError(f"'{said}' is no name for a loss: '{name}' has another meaning. Choose a longer one.")
    return name


def _refuse_taken(names: Names) -> None:
    claims = [plugin for plugin in catalogue().plugins if plugin.name == names.name]
    if claims:
        raise InputError(f"There is a loss '{names.name}' already, of {claims[0].distribution}: choose another name.")
    if find_spec(names.module) is not None:
        raise InputError(f"There is a module {names.module} already: choose another name than '{names.name}'.")


def write(names: Names, kind: str, target: Path) -> None:
    """All files, made in a folder beside and moved in one step: never half a package."""
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
    """The text of every file of the package, by its path in it."""
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
