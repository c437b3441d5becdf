"""The laws as tests of a plugin's author, one test per law."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lossbench.loss import Kind
from lossbench.probe.checking import subjects
from lossbench.probe.law import Law, Status, tried
from lossbench.probe.laws import LAWS
from lossbench.probe.subject import Subject


@dataclass(frozen=True)
class Trial:
    """One law for one loss of one kind."""

    law: Law
    subject: Subject

    def holds(self) -> None:
        """Raises AssertionError with a counter-example if the law is broken; skips a law that does not apply."""
        import pytest

        finding = tried(self.law, self.subject)
        if finding.status is Status.NOT_ASKED:
            # The law does not apply to this loss; the author sees why.
            pytest.skip(f"not asked: {finding.words}")
        broken = f"{self.law.sentence}\n{self.subject}: {finding.words}\nCriterion: {self.law.criterion}"
        assert finding.status is Status.KEPT, broken


def loss_laws(
    loss: str | type | Callable[..., Any],
    *,
    params: Mapping[str, Any] | None = None,
    kind: str | Kind | None = None,
    leave_out: Mapping[str, str] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Turns a test function that takes `law` into one test per law and kind.

    Args:
        loss: the name of an installed loss, or a class or function.
        params: its parameters, if not the defaults.
        kind: the kind, if the object does not state it or has several.
        leave_out: laws that are known to be broken, by name, each with a reason. They are expected to fail: if one
            holds, its test fails.

    Returns:
        A decorator for the test function.

    Raises:
        ValueError: `leave_out` names something that is not a law.
    """
    import pytest

    known = {law.name for law in LAWS}
    unknown = sorted(set(leave_out or {}) - known)
    if unknown:
        raise ValueError(f"leave_out names '{unknown[0]}', which is not a law. Laws: {', '.join(sorted(known))}.")
    cases = []
    for subject in subjects(loss, kind, **(params or {})):
        for law in LAWS:
            reason = (leave_out or {}).get(law.name)
            # With the author's reason; strict, so that the test fails once the law holds.
            marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
            cases.append(pytest.param(Trial(law, subject), id=f"{subject.kind.value}-{law.name}", marks=marks))
    return pytest.mark.parametrize("law", cases)
