"""Invalid inputs are refused with a message that names the loss."""

from __future__ import annotations

import math

from lossbench.errors import InputError
from lossbench.loss import Domain, Kind
from lossbench.probe.law import Break, NotAsked, law
from lossbench.probe.subject import CLASSES, Subject


@law("An invalid target is refused, with a message that names the loss.")
def bad_targets_are_refused(subject: Subject) -> Break | None:
    """NaN, infinity, a label that is not a class (or neither 0 nor 1), and an amount below 0 raise ValueError with its
    name, even before it has observed any targets."""
    loss, batch = subject.build(), subject.batch(4, seed=1)
    loss.outputs(subject.classes())
    for what, bad in _bad(subject).items():
        target = batch.target.clone()
        target[0] = bad
        wrong = type(batch)(batch.values, target, batch.lengths)
        try:
            loss(wrong.output, wrong.targets)
        except ValueError as error:
            if subject.name in str(error):
                continue
            return Break(f"It refuses {what}, but the message does not name it: {error}")
        except Exception as error:
            return Break(f"{what[0].upper()}{what[1:]} ends in {type(error).__name__}: {error}")
        return Break(f"It accepts {what} as a target.")
    return None


def _bad(subject: Subject) -> dict[str, float | int]:
    match subject.kind:
        case Kind.BINARY:
            return {"NaN": math.nan, "2": 2.0, "-1": -1.0, "0.5": 0.5}
        case Kind.CONTINUOUS if subject.told.domain is Domain.NONNEGATIVE:
            return {"NaN": math.nan, "infinity": math.inf, "-1": -1.0}
        case Kind.CONTINUOUS:
            return {"NaN": math.nan, "infinity": math.inf}
    return {"-1": -1, "-100": -100, f"{CLASSES} of {CLASSES} classes": CLASSES}


@law("An invalid parameter is refused, with a message that names the loss.")
def bad_parameters_are_refused(subject: Subject) -> Break | None:
    """NaN for any numeric parameter raises a ValueError in its constructor, passed on with the loss's name; a plain
    function, which has no constructor, raises it when called."""
    member = subject.family[subject.kind]
    batch = subject.batch(4, seed=1)
    numbers = [p.name for p in member.parameters if p.scalar is float or isinstance(p.default, float)]
    if not numbers:
        raise NotAsked("it has no numeric parameters")
    for name in numbers:
        try:
            loss = subject.build({name: math.nan})
            if not isinstance(member.published, type):
                loss(batch.output, batch.targets)
        except InputError as error:
            if subject.name in str(error):
                continue
            return Break(f"It refuses {name}=nan, but the message does not name it: {error}")
        except Exception as error:
            if type(error) is ValueError and not isinstance(member.published, type):
                continue
            return Break(f"{name}=nan ends in {type(error).__name__}: {error}")
        return Break(f"It accepts {name}=nan.")
    return None
