"""The binary cross-entropy as TensorFlow users write it, a plain function in their order of arguments."""

from __future__ import annotations

from keras import ops


def binary_crossentropy(y_true, y_pred, epsilon: float = 1e-7):
    """Asks for the probability: the cross-entropy by hand, on probabilities kept off 0 and 1.

    -y log p - (1 - y) log(1 - p), p clipped to [epsilon, 1 - epsilon]. y_true: [n] in {0, 1}; y_pred: [n]
    probabilities, which lossbench makes of its logits by a sigmoid.
    """
    p = ops.clip(y_pred, epsilon, 1 - epsilon)
    return -y_true * ops.log(p) - (1 - y_true) * ops.log(1 - p)


binary_crossentropy.__lossbench__ = {
    "kind": "binary",
    "order": "true_pred",
    "input": "probability",
    "elicits": "probability",
    "bounded": False,
    "convex": True,
    "zero": True,
    "monotone": True,
    "units": {"epsilon": "probability"},
    "reference": "-y log p - (1-y) log(1-p), p from ε to 1 - ε",
}
