"""The binary cross-entropy as TensorFlow users write it: a plain function with targets first."""

from __future__ import annotations

from keras import ops


def binary_crossentropy(y_true, y_pred, epsilon: float = 1e-7):
    """Estimates the probability: the cross-entropy written by hand, with probabilities clipped away from 0 and 1.

    -y log p - (1 - y) log(1 - p), p clipped to [epsilon, 1 - epsilon].

    Args:
        epsilon: smallest distance of p from 0 and 1.

    Shape: y_true [n] of 0 and 1, y_pred [n] probabilities, which lossbench makes of its logits by a sigmoid; returns
    [n].
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
