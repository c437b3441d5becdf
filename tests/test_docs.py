"""The pages in docs/ run as they stand: their files are written, their commands and scripts run in the page's order.

A block counts as a file when the line before it ends in its name, as in "`my_losses.py`:". A bash block that opens with
`# not run` is only read.
"""

from __future__ import annotations

import importlib
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGES = sorted(DOCS.glob("*.md"))
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE_NAME = re.compile(r"`([\w./-]+)`:$")
QUICK = ("protocol.repeats=1", "training.max_epochs=2", "tracking=off")
"""Appended to every sweep; Hydra takes the last value of a key."""


@dataclass(frozen=True)
class Block:
    """One fenced block of a page, and the file that the text before it says it is."""

    language: str
    text: str
    file: str | None


def blocks(page: Path) -> list[Block]:
    text = page.read_text("utf-8")
    found = []
    for match in FENCE.finditer(text):
        named = FILE_NAME.search(text[: match.start()].rstrip())
        found.append(Block(match[1], match[2], named[1] if named else None))
    return found


def commands(block: Block) -> list[list[str]]:
    """The command lines of a bash block, continued lines joined."""
    if block.language != "bash" or block.text.startswith("# not run"):
        return []
    lines = block.text.replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def arguments(words: list[str]) -> list[str] | None:
    """What a command line gives to lossbench, made quick; None for the two that this test leaves out."""
    if words[:2] == ["pip", "install"]:
        return None  # it would change the environment of the tests: `install` puts the metadata on the path instead
    if words[:2] == ["lossbench", "ui"]:
        return None  # it serves until Ctrl-C
    start = 3 if words[:3] == ["python", "-m", "lossbench"] else 1
    assert start == 3 or words[0] == "lossbench", f"{' '.join(words)} is no command of ours"
    argv = words[start:]
    sweeping = any(word.lstrip("+").startswith("loss=") for word in argv)
    return [*argv, *QUICK] if sweeping else argv


def install(project: Path, site: Path) -> None:
    """What `pip install` leaves of a page's package that matters here: its metadata, and its code on the path."""
    described = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["project"]
    info = site / f"{described['name'].replace('-', '_')}-{described['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {described['name']}\nVersion: {described['version']}\n"
    )
    lines = []
    for group, entries in described["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    sys.path[:0] = [str(site), str(project)]


@pytest.fixture
def page_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder to work in; what a page imports or installs is forgotten afterwards."""
    from lossbench import plugins

    def forget() -> None:
        plugins.catalogue.cache_clear()
        plugins.load_family.cache_clear()
        importlib.invalidate_caches()
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", None) or "").startswith(str(tmp_path)):
                del sys.modules[name]

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr("lossbench.study._TASKS", {})  # keyed by paths as they are written, here relative to tmp_path
    forget()
    yield tmp_path
    forget()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_runs_as_it_stands(page: Path, page_folder: Path) -> None:
    from lossbench import plugins
    from lossbench.__main__ import main

    found = blocks(page)
    for block in found:
        if block.file:
            path = page_folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, "utf-8")
    for project in page_folder.glob("*/pyproject.toml"):
        install(project.parent, page_folder / "site-packages")
    importlib.invalidate_caches()
    plugins.catalogue.cache_clear()
    names: dict[str, object] = {"__name__": "page"}  # shared by its scripts, as in one session
    ran = 0
    for block in found:
        if block.language == "python" and not block.file:
            exec(compile(block.text, page.name, "exec"), names)
        for words in commands(block):
            argv = arguments(words)
            if argv is not None:
                assert main(argv) == 0, " ".join(words)
                ran += 1
    assert ran


def test_every_page_is_found() -> None:
    assert {page.stem for page in PAGES} >= {"your-data", "your-loss", "reading-results"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_to_files_of_the_repository_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target
