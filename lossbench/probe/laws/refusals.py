"""What a loss refuses, and that it says so in its own name."""

from __future__ import annotations

import math

from lossbench.errors import InputError
from lossbench.loss import Domain, Kind
from lossbench.probe.law import Break, NotAsked, law
from lossbench.probe.subject import CLASSES, Subject


@law("A target that cannot be is refused, by the loss's name.")
def bad_targets_are_refused(subject: Subject) -> Break | None:
    """NaN, infinity, a label that is no class (or neither 0 nor 1), and an amount below 0 raise ValueError with its
    name, before anything has been observed."""
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
            return Break(f"It refuses {what}, but not by its name: {error}")
        except Exception as error:
            return Break(f"{what[0].upper()}{what[1:]} ends in {type(error).__name__}: {error}")
        return Break(f"It takes {what} for a target.")
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


@law("A parameter that cannot be is refused, by the loss's name.")
def bad_parameters_are_refused(subject: Subject) -> Break | None:
    """NaN for each of its numbers is a ValueError of its constructor, passed on with the loss's name; a plain function,
    which has no constructor, raises one when it is called."""
    member = subject.family[subject.kind]
    batch = subject.batch(4, seed=1)
    numbers = [p.name for p in member.parameters if p.scalar is float or isinstance(p.default, float)]
    if not numbers:
        raise NotAsked("it has no parameters that are numbers")
    for name in numbers:
        try:
            loss = subject.build({name: math.nan})
            if not isinstance(member.published, type):
                loss(batch.output, batch.targets)
        except InputError as error:
            if subject.name in str(error):
                continue
            return Break(f"It refuses {name}=nan, but not by its name: {error}")
        except Exception as error:
            if type(error) is ValueError and not isinstance(member.published, type):
                continue
            return Break(f"{name}=nan ends in {type(error).__name__}: {error}")
        return Break(f"It takes {name}=nan.")
    return None
