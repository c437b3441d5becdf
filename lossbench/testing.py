"""The laws of a loss, for plugin authors.

    from lossbench.testing import loss_laws

    @loss_laws(MyLoss, params={"delta": 2.0})
    def test_my_loss_keeps(law): law.holds()

Each law becomes one pytest test. `check` and `subjects` do the same from Python, `lossbench check NAME` from a
terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lossbench.probe.author import loss_laws
    from lossbench.probe.checking import Conformance, check, subjects
    from lossbench.probe.law import Finding, Law, Status
    from lossbench.probe.laws import LAWS

__all__ = ["LAWS", "Conformance", "Finding", "Law", "Status", "check", "loss_laws", "subjects"]

_HOMES = {
    "LAWS": "laws",
    "Conformance": "checking",
    "Finding": "law",
    "Law": "law",
    "Status": "law",
    "check": "checking",
    "loss_laws": "author",
    "subjects": "checking",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"lossbench.probe.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'lossbench.testing' has no attribute '{name}'")
