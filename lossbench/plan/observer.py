"""The events of a sweep, from its cells to whoever watches: the terminal, the tracker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lossbench.plan.cells import Cell


class Observer:
    """Receives events and ignores them; override the method of an event to handle it."""

    def cell_begins(self, cell: Cell) -> None:
        """Called before a cell is trained, or its earlier record is read."""

    def epochs_end(self, cell: Cell, epochs: float) -> None:
        """Called with the number of epochs of single trainings since the last call."""

    def training_ends(self, cell: Cell, seconds: float) -> None:
        """Called after each training, with its seconds."""

    def cell_ends(self, cell: Cell, record: Any) -> None:
        """Called when a cell's record is saved."""


class Observers(Observer):
    """Several observers as one, called in their order."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = tuple(observers)

    def cell_begins(self, cell: Cell) -> None:
        for observer in self._observers:
            observer.cell_begins(cell)

    def epochs_end(self, cell: Cell, epochs: float) -> None:
        for observer in self._observers:
            observer.epochs_end(cell, epochs)

    def training_ends(self, cell: Cell, seconds: float) -> None:
        for observer in self._observers:
            observer.training_ends(cell, seconds)

    def cell_ends(self, cell: Cell, record: Any) -> None:
        for observer in self._observers:
            observer.cell_ends(cell, record)
