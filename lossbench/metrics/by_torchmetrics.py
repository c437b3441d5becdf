"""torchmetrics, used where it agrees with scikit-learn to the last digits: in float64, and loaded only when needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from lossbench.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

RANKING = ("AUROC", "AveragePrecision", "PrecisionRecallCurve", "ROC", "RecallAtFixedPrecision")
"""Suffixes of classes that judge an order: they get ranks, because they would put raw scores through a float32
sigmoid."""


def torchmetric(name: str, **params: Any) -> Callable[[Tensor, Tensor], float]:
    """A class of torchmetrics, such as `classification.BinaryF1Score`, for one prediction of n targets."""

    def value(target: Tensor, given: Tensor) -> float:
        import torch
        import torchmetrics

        found: Any = torchmetrics
        for part in name.split("."):
            found = getattr(found, part)
        metric = found(**params).set_dtype(torch.float64)
        whole = target.long() if name.startswith("classification.") else target.double()
        metric.update(given.long() if name.startswith("classification.") else given.double(), whole)
        return float(metric.compute())

    return value


def torchmetrics_class(cls: type, path: str, params: Mapping[str, Any]) -> Callable[[Any, Any], float]:
    """A class of torchmetrics as a custom metric: `(target, prediction) -> float`, in float64.

    Its direction is taken from the class (`higher_is_better`). Targets that are classes become integers. Predictions
    outside [0, 1] are raw scores: they go through a sigmoid in float64, or become ranks if only their order is judged.
    Raises InputError if the class cannot be created with these parameters.
    """
    try:
        cls(**params)
    except Exception as error:
        raise InputError(f"task.metric={path} cannot be created with {dict(params)}: {error}") from error
    classes = ".classification" in cls.__module__

    def value(target: NDArray[Any], prediction: NDArray[np.float64]) -> float:
        import numpy as np
        import torch

        given = torch.from_numpy(np.asarray(prediction, dtype=np.float64))
        true = torch.from_numpy(np.asarray(target))
        if classes:
            true = true.long()
            if cls.__name__.endswith(RANKING):
                given = torch.searchsorted(given.unique(), given).double() / max(1, len(given))
            elif bool(((given < 0) | (given > 1)).any()):
                given = given.sigmoid()
        metric = cls(**params).set_dtype(torch.float64)
        metric.update(given, true if classes else true.double())
        return float(metric.compute())

    value.__name__ = cls.__name__
    better = getattr(cls, "higher_is_better", None)
    if better is not None:
        value.direction = "max" if better else "min"  # type: ignore[attr-defined]
    return value
