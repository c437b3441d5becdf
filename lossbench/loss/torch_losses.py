"""How PyTorch's own losses are called, since they have no `__lossbench__`.

A user of `torch.nn.SoftMarginLoss` should not have to know that it takes labels of -1 and 1. Settings on the command
line or in a dict `__lossbench__` take precedence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn
from torch.nn import functional

from lossbench.loss import Kind

NOTHING: Mapping[str, Any] = {}
SIGNS = {"labels": (-1, 1)}
PROBABILITY = {"input": "probability"}
LOG_PROBABILITY = {"input": "log_probability"}
TRAITS: Mapping[Any, Mapping[str, Any]] = {
    nn.SoftMarginLoss: SIGNS,
    functional.soft_margin_loss: SIGNS,
    nn.BCELoss: PROBABILITY,
    functional.binary_cross_entropy: PROBABILITY,
    nn.NLLLoss: LOG_PROBABILITY,
    functional.nll_loss: LOG_PROBABILITY,
}
"""Traits that never depend on parameters, by class or function."""
OF_TWO_LOGITS = frozenset(
    [
        nn.CrossEntropyLoss,
        functional.cross_entropy,
        nn.NLLLoss,
        functional.nll_loss,
        nn.MultiMarginLoss,
        functional.multi_margin_loss,
    ]
)
"""Losses of classes, which take two logits for a target of two values."""
POISSON = frozenset([nn.PoissonNLLLoss, functional.poisson_nll_loss])
REFUSED: Mapping[Any, str] = {
    nn.GaussianNLLLoss: "it also needs the variance of every target, which is not known. Use the built-in "
    "+loss=gaussian_nll: its model predicts mean and variance",
    nn.HingeEmbeddingLoss: "it takes labels of -1 and 1 and a distance that is small if the label is 1, but a "
    "model's output is not a distance. Use the built-in margin loss +loss=hinge",
    nn.MultiLabelMarginLoss: "it needs several labels per row, but a row has only one target here",
    nn.MultiLabelSoftMarginLoss: "it needs several labels per row, but a row has only one target here. Use +loss=bce",
}
ALSO_REFUSED: Mapping[Any, type[nn.Module]] = {
    functional.gaussian_nll_loss: nn.GaussianNLLLoss,
    functional.hinge_embedding_loss: nn.HingeEmbeddingLoss,
    functional.multilabel_margin_loss: nn.MultiLabelMarginLoss,
    functional.multilabel_soft_margin_loss: nn.MultiLabelSoftMarginLoss,
}
"""The same losses as functions."""


def wanted(thing: Any, kind: Kind, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """The traits of one of PyTorch's losses for targets of a kind; empty for all other objects.

    thing: a class, an instance or a function. params: the parameters that it is created with.
    """
    known = _known(thing)
    if known is None:
        return NOTHING
    found = dict(TRAITS.get(known, NOTHING))
    if kind is Kind.BINARY and known in OF_TWO_LOGITS:
        found["outputs"] = 2
    if kind is Kind.CONTINUOUS and known in POISSON:
        logarithm = params.get("log_input", getattr(thing, "log_input", True))
        found |= {"domain": "nonnegative", "link": "log" if logarithm else "identity"}
    return found


def refusal(thing: Any) -> str | None:
    """Why one of PyTorch's losses cannot be compared here, and what to use instead; None for all others."""
    known = _known(thing)
    return None if known is None else REFUSED.get(ALSO_REFUSED.get(known, known))


def _known(thing: Any) -> Any:
    """The class or function itself, the class of an instance; None for an object that cannot be looked up."""
    known = type(thing) if isinstance(thing, nn.Module) else thing
    try:
        hash(known)
    except TypeError:
        return None
    return known
