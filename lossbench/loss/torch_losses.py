"""How PyTorch's own losses want to be called: what they cannot say of themselves, since they know nothing of lossbench.

A user who names `torch.nn.SoftMarginLoss` should not have to know that it wants labels of -1 and 1. Whatever is said on
the command line, or in a dict `__lossbench__`, comes before what is said here.
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
"""What is always so, by class or function."""
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
"""Losses of classes that judge a target of two values by two logits."""
POISSON = frozenset([nn.PoissonNLLLoss, functional.poisson_nll_loss])
REFUSED: Mapping[Any, str] = {
    nn.GaussianNLLLoss: "it also wants the variance of every target, which nobody knows. +loss=gaussian_nll is the "
    "built-in one: the model predicts mean and variance",
    nn.HingeEmbeddingLoss: "it wants labels of -1 and 1 and, as its input, a distance that is small where the label is "
    "1. A model's output is no distance. +loss=hinge is the built-in margin loss",
    nn.MultiLabelMarginLoss: "it wants several labels for each row, and a row has one target here",
    nn.MultiLabelSoftMarginLoss: "it wants several labels for each row, and a row has one target here. Use +loss=bce",
}
ALSO_REFUSED: Mapping[Any, type[nn.Module]] = {
    functional.gaussian_nll_loss: nn.GaussianNLLLoss,
    functional.hinge_embedding_loss: nn.HingeEmbeddingLoss,
    functional.multilabel_margin_loss: nn.MultiLabelMarginLoss,
    functional.multilabel_soft_margin_loss: nn.MultiLabelSoftMarginLoss,
}
"""The same losses as functions."""


def wanted(thing: Any, kind: Kind, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """The traits of one of PyTorch's losses for targets of a kind; empty for everybody else's.

    thing: a class, an instance of one, or a function. params: those that it is built with.
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
    """The class or function itself, an instance by its class; None for what cannot be looked up."""
    known = type(thing) if isinstance(thing, nn.Module) else thing
    try:
        hash(known)
    except TypeError:
        return None
    return known
