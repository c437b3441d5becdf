"""The keys and values of a plain dict `__lossbench__`, by which any object can describe itself as a loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from lossbench.errors import PluginError
from lossbench.loss import CONTRACT, Domain, Kind

TRAITS = (
    "kind",
    "link",
    "search",
    "reference",
    "elicits",
    "bounded",
    "convex",
    "zero",
    "monotone",
    "gives_up_on",
    "special_cases",
    "raises",
    "observes",
    "contract",
    "units",
    "order",
    "input",
    "pointwise",
    "domain",
    "outputs",
    "labels",
)
TOLD = frozenset(
    [
        "reference",
        "elicits",
        "bounded",
        "convex",
        "zero",
        "monotone",
        "gives_up_on",
        "special_cases",
        "raises",
        "observes",
        "units",
    ]
)
"""Traits that only describe the loss and change nothing."""
FLAGS = frozenset(["bounded", "convex", "zero", "monotone"])
WORDS = frozenset(["reference", "elicits", "gives_up_on", "observes"])
TABLES = {
    "special_cases": "{'gamma=0': 'bce'}",
    "raises": "{'beta': 'positives'}",
    "units": "{'delta': 'training standard deviations'}",
}
CHOICES = {
    "gives_up_on": ("positives", "negatives"),
    "raises": ("positives", "negatives", "upwards", "downwards"),
}
"""Traits with a fixed set of values."""
LINKS: Mapping[str, Callable[[Tensor], Tensor] | None] = {
    "identity": lambda output: output,
    "sigmoid": torch.sigmoid,
    "softmax": lambda output: output.softmax(-1),
    "exp": torch.exp,
    "log": torch.exp,
    "softplus": functional.softplus,
    "none": None,
}
"""From raw outputs to predictions. `log` is named as in generalised linear models: the output is a logarithm."""
INPUTS = ("raw", "probability", "log_probability", "prediction")
"""The form in which a loss takes raw outputs; `prediction`: after the link."""


def check_traits(traits: Mapping[str, Any], name: str, distribution: str) -> None:
    """Raises PluginError for a trait that is unknown or has an impossible value."""

    def refuse(what: str) -> PluginError:
        return PluginError(f"'{name}' of {distribution}: {what}.")

    unknown = sorted(set(traits) - set(TRAITS))
    if unknown:
        raise refuse(f"__lossbench__ has unknown keys {unknown}; known: {', '.join(TRAITS)}")
    same_contract(traits.get("contract", CONTRACT), name, distribution)
    if "kind" not in traits:
        raise PluginError(
            f"'{name}' of {distribution} does not state what it predicts: add __lossbench__ = {{'kind': 'binary'}} "
            f"beside it, or loss.kind=binary on the command line ({', '.join(kind.value for kind in Kind)})."
        )
    if traits.get("order", "pred_true") not in ("pred_true", "true_pred"):
        raise refuse(f"order must be pred_true or true_pred, not {traits['order']!r}")
    if traits.get("input", "raw") not in INPUTS:
        raise refuse(f"input must be {', '.join(INPUTS[:-1])} or {INPUTS[-1]}, not {traits['input']!r}")
    link = traits.get("link")
    if not (link is None or callable(link) or (isinstance(link, str) and link in LINKS)):
        raise refuse(f"link must be one of {', '.join(sorted(LINKS))} or a function, not {link!r}")
    if traits.get("domain", "real") not in (*Domain, *(domain.value for domain in Domain)):
        raise refuse(f"domain must be real or nonnegative, not {traits['domain']!r}")
    if not isinstance(traits.get("pointwise", True), bool):
        raise refuse(f"pointwise must be true or false, not {traits['pointwise']!r}")
    count = traits.get("outputs", 1)
    if count is not None and (not isinstance(count, int) or isinstance(count, bool) or count < 1):
        raise refuse(f"outputs, the number of raw outputs per target, must be at least 1, not {count!r}")
    _check_labels(traits.get("labels", (0, 1)), refuse)
    for key in sorted(FLAGS & set(traits)):
        if traits[key] is not None and not isinstance(traits[key], bool):
            raise refuse(f"{key} must be True, False or left out, not {traits[key]!r}")
    for key in sorted(WORDS & set(traits)):
        if not isinstance(traits[key], str):
            raise refuse(f"{key} must be text, not {traits[key]!r}")
    for key, entry in sorted(TABLES.items()):
        table = traits.get(key, {})
        if not isinstance(table, Mapping) or not all(isinstance(word, str) for pair in table.items() for word in pair):
            raise refuse(f"{key} must be a dict of text such as {entry}, not {table!r}")
    for key, known in CHOICES.items():
        value = traits.get(key, {})
        for word in value.values() if isinstance(value, Mapping) else filter(None, [value]):
            if word not in known:
                raise refuse(f"{key} must name {', '.join(known)}, not {word!r}")


def check_kind(traits: Mapping[str, Any], kind: Kind, name: str, distribution: str) -> None:
    """Raises PluginError for a trait that does not apply to targets of this kind."""

    def refuse(what: str) -> PluginError:
        return PluginError(f"'{name}' of {distribution}: {what}.")

    labelled = kind in (Kind.BINARY, Kind.CLASSES)
    given = traits.get("input", "raw")
    if given in ("probability", "log_probability") and not labelled:
        raise refuse(f"input={given} is not possible for {kind.value} targets")
    if given == "prediction" and kind is not Kind.CONTINUOUS:
        raise refuse(f"input=prediction is for continuous targets; for {kind.value} targets use input=probability")
    if "labels" in traits and kind is not Kind.BINARY:
        raise refuse(f"labels are for binary targets, not for {kind.value} targets")
    count = traits.get("outputs")
    if kind is Kind.BINARY and count not in (None, 1, 2):
        raise refuse(f"outputs of a binary loss must be 1 (a logit) or 2 (a logit per class), not {count}")
    if kind is Kind.BINARY and count == 2 and "labels" in traits:
        raise refuse("labels are for a loss with one logit; a loss with two logits gets the classes 0 and 1")


def _check_labels(labels: object, refuse: Callable[[str], PluginError]) -> None:
    numbers = isinstance(labels, (list, tuple)) and all(
        isinstance(label, (int, float)) and not isinstance(label, bool) for label in labels
    )
    if not numbers or len(labels) != 2 or labels[0] == labels[1]:  # type: ignore[arg-type,index]
        raise refuse(f"labels must be two different numbers, negative first, such as [-1,1]; not {labels!r}")


def same_contract(version: object, name: str, distribution: str) -> None:
    """Raises PluginError for a loss that was written for another version of the contract than the installed one."""
    if version != CONTRACT:
        raise PluginError(
            f"'{name}' of {distribution} was written for version {version} of the loss contract; this lossbench has "
            f"version {CONTRACT}. Install a matching release of one of the two."
        )
