"""A law of losses, the result of testing it, and the smallest input that shows a break."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any

import torch

from lossbench.probe.subject import Batch, Subject

Check = Callable[[Subject], "Break | None"]
Breaks = Callable[[Batch], "str | None"]
"""Describes what is wrong with a batch's losses; None if nothing is."""


class Status(Enum):
    """The result of a law."""

    KEPT = "kept"
    BROKEN = "broken"
    NOT_ASKED = "not asked"


class NotAsked(Exception):
    """Raised if a law does not apply to a loss; the message says why."""


@dataclass(frozen=True)
class Break:
    """How a law is broken: a description, and the smallest batch that shows it, if there is one."""

    what: str
    batch: Batch | None = None

    def __str__(self) -> str:
        if self.batch is None:
            return self.what
        dtype = str(self.batch.values.dtype).removeprefix("torch.")
        shown = f"output {_listed(self.batch.values)}, target {_listed(self.batch.target)}"
        if self.batch.lengths is not None:
            shown += f", lengths {_listed(self.batch.lengths)}"
        return f"{self.what} At {shown} in {dtype}."


@dataclass(frozen=True)
class Law:
    """A sentence about losses with an exact criterion."""

    name: str
    sentence: str
    criterion: str
    check: Check


@dataclass(frozen=True)
class Finding:
    """The result of a law for a loss. `words` says how it is broken, or why it does not apply."""

    law: Law
    status: Status
    words: str = ""


def law(sentence: str) -> Callable[[Check], Law]:
    """Turns a function into a law: its docstring is the criterion, its name the law's name."""

    def made(check: Check) -> Law:
        criterion = " ".join((check.__doc__ or "").split())
        return Law(check.__name__, sentence, criterion, check)

    return made


def tried(law: Law, subject: Subject) -> Finding:
    """Tests a law; an error raised by the loss breaks the law."""
    try:
        with process_kept():
            found = law.check(subject)
    except NotAsked as reason:
        return Finding(law, Status.NOT_ASKED, str(reason))
    except Exception as error:
        return Finding(law, Status.BROKEN, f"It raised {type(error).__name__}: {_short(error)}")
    return Finding(law, Status.KEPT) if found is None else Finding(law, Status.BROKEN, str(found))


@contextmanager
def process_kept() -> Iterator[None]:
    """Restores what a loss changes in the process, and gives losses that draw random numbers the same ones each time.

    Warnings of libraries are suppressed: they concern calls that training never makes.
    """
    dtype, gradients, state = torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_rng_state()
    torch.manual_seed(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(gradients)
        torch.set_rng_state(state)


def smallest(batch: Batch, breaks: Breaks) -> Break | None:
    """A break with as few targets and as simple numbers as possible; None if nothing is wrong.

    Rows are removed while the rest still breaks; then outputs are replaced by rounder ones.
    """
    what = breaks(batch)
    if what is None:
        return None
    for small in [*_rows(batch), *([batch.take([0])] if len(batch) > 1 else [])]:
        if _still(small, breaks):
            batch = small
            break
    rest = list(range(len(batch)))
    for row in list(rest) if len(rest) <= 16 else []:
        fewer = [other for other in rest if other != row]
        if fewer and _still(batch.take(fewer), breaks):
            rest = fewer
    batch = batch.take(rest)
    flat = batch.values.flatten()
    for place in range(min(flat.numel(), 12)):
        for plain in _plainer(float(flat[place])):
            changed = flat.clone()
            changed[place] = plain
            if _still(batch.with_values(changed.view_as(batch.values)), breaks):
                flat = changed
                break
    batch = batch.with_values(flat.view_as(batch.values))
    return Break(breaks(batch) or what, batch)


def _rows(batch: Batch) -> Iterator[Batch]:
    """Single targets first, then halves."""
    yield from (batch.take([row]) for row in range(min(len(batch), 64)))
    half = len(batch) // 2
    if half > 1:
        yield from (batch.take(range(half)), batch.take(range(half, len(batch))))


def _plainer(x: float) -> list[float]:
    """Rounder numbers near x, the roundest first."""
    if not math.isfinite(x):
        return []
    return [c for c in (0.0, 1.0, -1.0, float(round(x)), round(x, 1), round(x, 2)) if c != x]


def _still(batch: Batch, breaks: Breaks) -> bool:
    try:
        return breaks(batch) is not None
    except Exception:  # a smaller batch that fails in another way shows something else
        return False


def _listed(values: torch.Tensor) -> Any:
    def short(x: Any) -> Any:
        return [short(y) for y in x] if isinstance(x, list) else float(f"{x:.4g}") if isinstance(x, float) else x

    listed = short(values.tolist())
    return listed if values.numel() <= 12 else f"{str(listed)[:120]}…"


def _short(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 200 else f"{text[:200]}…"
