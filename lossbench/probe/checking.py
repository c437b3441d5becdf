"""All laws applied to one loss: which it keeps, which it breaks, which do not apply, and its cost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from lossbench.loss import Kind
from lossbench.loss.adapter import Family, family
from lossbench.loss.catalogue import load_family
from lossbench.probe.counters import Counters, count
from lossbench.probe.law import Finding, Law, Status, tried
from lossbench.probe.laws import LAWS
from lossbench.probe.subject import Subject


@dataclass(frozen=True)
class Conformance:
    """The results of all laws for one loss of one kind; `counters` is None if it could not be called."""

    subject: Subject
    findings: tuple[Finding, ...]
    counters: Counters | None

    @property
    def broken(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.status is Status.BROKEN)

    @property
    def kept(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.status is Status.KEPT)

    @property
    def passes(self) -> bool:
        return not self.broken

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON: names, parameters, findings with their sentences and criteria, counters."""
        return {
            "loss": self.subject.name,
            "kind": self.subject.kind.value,
            "distribution": self.subject.family.distribution,
            "parameters": dict(self.subject.params),
            "passes": self.passes,
            "laws": [
                {
                    "law": finding.law.name,
                    "sentence": finding.law.sentence,
                    "criterion": finding.law.criterion,
                    "status": finding.status.value,
                    "words": finding.words,
                }
                for finding in self.findings
            ],
            "operations": self.counters.operations if self.counters else None,
            "bytes_saved_per_target": self.counters.saved if self.counters else None,
        }


def subjects(loss: str | type | Callable[..., Any], /, kind: str | Kind | None = None, **params: Any) -> list[Subject]:
    """What `check` tests: one subject per kind of a loss.

    Args:
        loss: the name of an installed loss, a Loss class, an nn.Module class or a function.
        kind: only this kind; required for an object without `__lossbench__`.
        params: parameters of the loss; the others keep their defaults.

    Returns:
        One subject per kind.
    """
    chosen = None if kind is None else Kind(kind)
    if isinstance(loss, str):
        found: Family = load_family(loss)
    else:
        name = getattr(loss, "__name__", type(loss).__name__)
        told = {"kind": chosen.value} if chosen and not hasattr(loss, "__lossbench__") else None
        found = family(loss, name=name, distribution=getattr(loss, "__module__", "here"), traits=told)
    kinds = [one for one in found if chosen in (None, one)]
    return [Subject(found, one, _fitting(found, one, params)) for one in kinds]


def _fitting(found: Family, kind: Kind, params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that this kind has; those that no kind has are kept, to be refused by name."""
    known = {p.name for p in found.parameters}
    own = {p.name for p in found[kind].parameters}
    return {key: value for key, value in params.items() if key in own or key.partition(".")[0] not in known}


def check(
    subject: Subject, laws: Iterable[Law] = LAWS, told: Callable[[Finding], None] = lambda finding: None
) -> Conformance:
    """Tries all laws. Raises InputError where the loss cannot be built from these parameters.

    told: is called after every law.
    """
    subject.build()
    findings = []
    for law in laws:
        findings.append(tried(law, subject))
        told(findings[-1])
    return Conformance(subject, tuple(findings), _counters(subject))


def _counters(subject: Subject) -> Counters | None:
    try:
        return count(subject.loss(torch.float32), subject.batch(64).to(torch.float32))
    except Exception:  # the laws have said what is wrong with it
        return None
