"""How a Keras loss is called: targets first, one row per target, after the last activation of a Keras model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import keras
import torch
from torch import Tensor

from lossbench.loss import Kind, Loss, Prediction

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda output: output,
    "sigmoid": torch.sigmoid,
    "softmax": lambda output: output.softmax(-1),
    "exponential": torch.exp,
}


class KerasLoss(Loss):
    """A Keras loss. Abstract: a subclass states its kind, and the form of outputs and targets that it needs.

    Created twice: without a reduction for training, and with Keras's own for `native`.
    """

    activation: ClassVar[str] = "linear"
    """The last activation of a Keras model with this loss; skipped with `from_logits`."""
    labels: ClassVar[str] = "column"
    """The form of Keras's targets: a `column` [n, 1], `flat` [n], `one_hot` [n, classes], or `sparse` [n] integers."""

    def __init__(self, make: Callable[..., keras.losses.Loss], **params: Any) -> None:
        super().__init__()
        for name, value in params.items():
            setattr(self, name, value)
        self.ends_in = "linear" if params.get("from_logits") else self.activation
        self.each, self.mean = make(reduction="none", **params), make(**params)

    def y_pred(self, output: Tensor) -> Tensor:
        y_pred = ACTIVATIONS[self.ends_in](output)
        return y_pred[:, None] if self.labels == "column" else y_pred

    def y_true(self, output: Tensor, target: Tensor) -> Tensor:
        match self.labels:
            case "column":
                return target[:, None]
            case "one_hot":
                return torch.zeros_like(output).scatter(1, target[:, None], 1.0)
            case _:
                return target

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return self.each(self.y_true(output, target), self.y_pred(output))

    def native(self, output: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """By the mask that Keras's Masking and Embedding layers attach to their output."""
        y_pred = self.y_pred(output).clone()
        y_pred._keras_mask = mask
        return self.mean(self.y_true(output, target), y_pred)

    def predict(self, output: Tensor) -> Prediction:
        if self.kind is Kind.CONTINUOUS:
            return Prediction(ACTIVATIONS[self.ends_in](output))
        return super().predict(output)
