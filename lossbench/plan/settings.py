"""The settings of a command, apart from its cells."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lossbench.plan.scope import Scope


@dataclass(frozen=True)
class Settings:
    """Where results go, how they are tracked, what is compared with what."""

    name: str | None
    """The name of the sweep and its folder; None for date and time."""
    results: Path
    reuse: bool
    tracked: bool
    tracking_uri: str | None
    placebo: bool = False
    """Whether to add the baseline a second time, on other draws."""
    scale: float | None = None
    """The factor on the baseline in a second control; None for no such control."""
    scope: Scope = Scope.ROWS
    """What verdicts claim."""
    against: str | None = None
    """The loss that others are compared with instead of the task's baseline."""
