"""README.md and the pages in docs/ run as they stand: their files are written, their commands run in the page's order.

A block counts as a file when the line before it ends in its name, as in "`my_losses.py`:". A bash block that opens with
`# not run` is only read.
"""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from tests.conftest import Site

DOCS = Path(__file__).resolve().parents[2] / "docs"
ROOT = DOCS.parent
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE_NAME = re.compile(r"`([\w./-]+)`:$")
QUICK = ("protocol.repeats=1", "protocol.trials=1", "training.max_epochs=2", "training.devices=1", "tracking=off")
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
        return None  # it would change the environment of the tests: `install` writes the metadata instead
    if words[:2] == ["lossbench", "ui"]:
        return None  # it serves until Ctrl-C; test_tracking starts it
    if words[0] == "make":
        return None  # it would install; test_package reads what it runs, and this is one of the two
    start = 3 if words[:3] == ["python", "-m", "lossbench"] else 1
    assert start == 3 or words[0] == "lossbench", f"{' '.join(words)} is no command of ours"
    argv = words[start:]
    sweeping = any(word.lstrip("+").startswith(("loss=", "experiment=")) for word in argv)
    return [*argv, *QUICK] if sweeping else argv


def install(site: Site, project: Path) -> None:
    """What `pip install` leaves of a page's package that matters here: its metadata, and its code on the path."""
    described = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["project"]
    sys.path.insert(0, str(project / "src" if (project / "src").exists() else project))
    site.install(described["name"], described["entry-points"]["lossbench.losses"], version=described["version"])


@pytest.mark.long
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_runs_as_it_stands(page: Path, folder: Path, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from lossbench.__main__ import main

    # Data are cached by their path as it is written, and these paths are relative to a folder of this test.
    monkeypatch.setattr("lossbench.runs.inputs._TASKS", {})
    found = blocks(page)
    for block in found:
        if block.file:
            path = folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, "utf-8")
    for described in folder.glob("*/pyproject.toml"):
        install(site, described.parent)
    if page.stem == "README":
        rows = [f"{i},{'yes' if i % 3 else 'no'}" for i in range(90)]
        (folder / "mine.csv").write_text("age,churned\n" + "\n".join(rows) + "\n")  # the reader's own rows
    names: dict[str, object] = {"__name__": "page"}  # shared by the page's scripts, as in one session
    ran = 0
    for block in found:
        if block.language == "python" and not block.file:
            exec(compile(block.text, page.name, "exec"), names)
        for words in commands(block):
            if words[:2] == ["pip", "install"] and (ROOT / words[2] / "pyproject.toml").exists() and words[2] != ".":
                install(site, ROOT / words[2])
            argv = arguments(words)
            if argv is not None:
                card = "training.accelerator=gpu" not in words or torch.cuda.is_available()
                assert main(argv) == (0 if card else 2), " ".join(words)
                ran += 1
    assert ran


def test_every_page_is_found() -> None:
    assert {page.stem for page in PAGES} >= {"your-data", "your-loss", "reading-results"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_to_files_of_the_repository_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target
