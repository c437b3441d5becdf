"""The laws as an author's own tests, one a law."""

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
        """Raises AssertionError with the counter-example where the law is broken; skips one that is not asked."""
        import pytest

        finding = tried(self.law, self.subject)
        if finding.status is Status.NOT_ASKED:
            # No check of ours is left out: the law has nothing to say of this loss, and the author sees why.
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
    """Makes one test a law and kind of a test function that takes `law`.

    loss: the name of an installed loss, or a class or function. params: its parameters, where not the defaults.
    kind: of an object that does not say it, or one of several. leave_out: laws that are known to be broken, by name,
    each with the reason that a reader is owed; they are expected to fail, and a test of one that holds fails.
    """
    import pytest

    known = {law.name for law in LAWS}
    unknown = sorted(set(leave_out or {}) - known)
    if unknown:
        raise ValueError(f"leave_out names '{unknown[0]}', which is no law; there are {', '.join(sorted(known))}.")
    cases = []
    for subject in subjects(loss, kind, **(params or {})):
        for law in LAWS:
            reason = (leave_out or {}).get(law.name)
            # The author's own words for a law that their loss breaks; strict, so that the test fails once it holds.
            marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
            cases.append(pytest.param(Trial(law, subject), id=f"{subject.kind.value}-{law.name}", marks=marks))
    return pytest.mark.parametrize("law", cases)
