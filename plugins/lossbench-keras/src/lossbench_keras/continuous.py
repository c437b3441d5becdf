"""Keras's losses of numbers. output, target: [n] in training standard deviations unless said otherwise."""

from __future__ import annotations

import keras

from lossbench.loss import Domain, Kind, Range
from lossbench_keras.adapter import KerasLoss


class MeanSquaredError(KerasLoss):
    """Estimates the mean; errors count squared (Keras's `MeanSquaredError`).

    (output - target)², without the factor ½.

    Shape: output, target [n], in training standard deviations of the target; returns [n].
    """

    kind = Kind.CONTINUOUS
    elicits = "mean"
    bounded, convex, zero, monotone = False, True, True, True
    reference = "(ŷ - y)²; keras.losses.MeanSquaredError"

    def __init__(self) -> None:
        super().__init__(keras.losses.MeanSquaredError)


class MeanAbsoluteError(KerasLoss):
    """Estimates the median (Keras's `MeanAbsoluteError`).

    |output - target|.

    Shape: output, target [n], in training standard deviations of the target; returns [n].
    """

    kind = Kind.CONTINUOUS
    elicits = "median"
    bounded, convex, zero, monotone = False, True, True, True
    reference = "|ŷ - y|; keras.losses.MeanAbsoluteError"

    def __init__(self) -> None:
        super().__init__(keras.losses.MeanAbsoluteError)


class MeanAbsolutePercentageError(KerasLoss):
    """Estimates a median in which small targets weigh most (Keras's `MeanAbsolutePercentageError`).

    100 |output - target| / max(|target|, 1e-7). Minimised by the median of targets that each weigh 1/target. A target
    of 0 outweighs all others together.

    Shape: output, target [n], in multiples of the training mean; returns [n].
    """

    kind = Kind.CONTINUOUS
    domain = Domain.NONNEGATIVE
    bounded, convex, zero, monotone = False, True, True, True
    reference = "100 |ŷ - y| / |y|; keras.losses.MeanAbsolutePercentageError"

    def __init__(self) -> None:
        super().__init__(keras.losses.MeanAbsolutePercentageError)


class MeanSquaredLogarithmicError(KerasLoss):
    """Estimates the mean of log(1 + y): errors count by their ratio (Keras's `MeanSquaredLogarithmicError`).

    (log(1 + exp(output)) - log(1 + target))². The prediction is exp(output), since Keras takes no negative ones.

    Shape: output [n]; target [n], in multiples of the training mean; returns [n].
    """

    kind = Kind.CONTINUOUS
    domain = Domain.NONNEGATIVE
    activation = "exponential"
    elicits = "mean logarithm"
    bounded, convex, zero, monotone = False, False, True, True
    reference = "(log(1 + ŷ) - log(1 + y))²; keras.losses.MeanSquaredLogarithmicError"

    def __init__(self) -> None:
        super().__init__(keras.losses.MeanSquaredLogarithmicError)


class Huber(KerasLoss):
    """Squared error for small errors, absolute error for large ones (Keras's `Huber`).

    r²/2 up to delta, delta (|r| - delta/2) beyond; r = output - target.

    Args:
        delta: error at which the loss turns from squared to linear, in training standard deviations of the target.

    Shape: output, target [n], in training standard deviations of the target; returns [n].

    Source: Huber, Annals of Mathematical Statistics 35, 1964.
    """

    kind = Kind.CONTINUOUS
    elicits = "centre"
    bounded, convex, zero, monotone = False, True, True, True
    special_cases = {"delta=1e6": "0.5 * mse"}
    reference = "r²/2 if |r| ≤ δ else δ(|r| - δ/2); Huber 1964; keras.losses.Huber"
    search = {"delta": Range(0.1, 3.0, log=True)}
    units = {"delta": "training standard deviations of the target"}

    def __init__(self, delta: float = 1.0) -> None:
        super().__init__(keras.losses.Huber, delta=delta)


class LogCosh(KerasLoss):
    """Like Huber's loss, but smooth; estimates something between mean and median (Keras's `LogCosh`).

    log cosh r, r = output - target.

    Shape: output, target [n], in training standard deviations of the target; returns [n].
    """

    kind = Kind.CONTINUOUS
    elicits = "centre"
    bounded, convex, zero, monotone = False, True, True, True
    reference = "log cosh(ŷ - y); keras.losses.LogCosh"

    def __init__(self) -> None:
        super().__init__(keras.losses.LogCosh)


class Poisson(KerasLoss):
    """Estimates the mean of counts and other amounts, on a log scale (Keras's `Poisson`).

    rate - target log rate, rate = exp(output), which is the prediction.

    Shape: output [n]; target [n], in multiples of the training mean; returns [n].
    """

    kind = Kind.CONTINUOUS
    domain = Domain.NONNEGATIVE
    activation = "exponential"
    elicits = "mean"
    bounded, convex, zero, monotone = False, True, False, True
    reference = "ŷ - y log ŷ; keras.losses.Poisson"

    def __init__(self) -> None:
        super().__init__(keras.losses.Poisson)


class CosineSimilarity(KerasLoss):
    """Fits predictions that are proportional to the targets, at any scale (Keras's `CosineSimilarity`).

    -Σ output · target / (|output| |target|), with the batch as one vector: from -1, the best, to 1.

    Shape: output, target [n], in training standard deviations of the target; returns one value [].
    """

    kind = Kind.CONTINUOUS
    labels = "flat"
    pointwise = False
    bounded, convex, zero = True, False, False
    reference = "-cos(ŷ, y) over the batch; keras.losses.CosineSimilarity"

    def __init__(self) -> None:
        super().__init__(keras.losses.CosineSimilarity)
