"""What a block of the report is made of: panels with a picture, a table or words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby

from matplotlib.figure import Figure

from lossbench.errors import LossbenchError
from lossbench.report.figures.style import svg


@dataclass(frozen=True)
class Table:
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Picture:
    """A figure by its file name, drawn when it is wanted, and what it says in words."""

    name: str
    draw: Callable[[], Figure | None]
    said: Callable[[], str]

    @property
    def figure(self) -> Figure | None:
        """Drawn once, in however many forms it is shown; None where it has nothing to show or failed."""
        return self._attempt[0]

    @property
    def failure(self) -> str:
        """Why it could not be drawn; empty where it could."""
        return self._attempt[1]

    @cached_property
    def _attempt(self) -> tuple[Figure | None, str]:
        try:
            return self.draw(), ""
        except LossbenchError:  # an unreadable record concerns the whole report
            raise
        except Exception as error:  # a failed picture must not stop the report
            return None, said_of(error)


@dataclass(frozen=True)
class Panel:
    """A picture, a table, lines or code, under a title; those of one `group` stand under its name."""

    title: str
    note: str = ""
    picture: Picture | None = None
    table: Table | None = None
    lines: tuple[str, ...] = ()
    code: str = ""
    group: str = ""
    width: str = "full"
    folded: bool = False
    svg: str = ""


def said_of(error: Exception) -> str:
    """The line shown in place of what could not be made."""
    return f"This could not be made: {type(error).__name__}: {error}"


@dataclass(frozen=True)
class Section:
    id: str
    short: str
    title: str
    paragraphs: tuple[str, ...] = ()
    panels: Sequence[Panel] = field(default_factory=tuple)

    @property
    def groups(self) -> list[tuple[str, list[Panel]]]:
        """Panels by their group, in the order in which they come."""
        return [(name, list(panels)) for name, panels in groupby(self.panels, key=lambda panel: panel.group)]


def drawn(section: Section) -> Section:
    """The section with its pictures as SVG; panels whose picture has nothing to show are gone, failures say why."""
    panels = []
    for panel in section.panels:
        if panel.picture is None:
            panels.append(panel)
            continue
        if panel.picture.failure:
            panels.append(replace(panel, picture=None, lines=(panel.picture.failure,)))
        elif panel.picture.figure is not None:
            panels.append(_with_svg(panel, panel.picture, panel.picture.figure))
    return replace(section, panels=tuple(panels))


def _with_svg(panel: Panel, picture: Picture, figure: Figure) -> Panel:
    try:
        return replace(panel, svg=svg(figure, picture.name, picture.said()))
    except LossbenchError:
        raise
    except Exception as error:  # a label that cannot be drawn, or text that cannot be made
        return replace(panel, picture=None, lines=(said_of(error),))
