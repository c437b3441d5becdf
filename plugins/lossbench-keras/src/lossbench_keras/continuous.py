"""Keras's losses of numbers. output, target: [n] in training standard deviations unless said otherwise."""

from __future__ import annotations

import keras

from lossbench.loss import Domain, Kind, Range
from lossbench_keras.adapter import KerasLoss


class MeanSquaredError(KerasLoss):
    """Asks for the mean, and pays for a large error by its square: Keras's `MeanSquaredError`.

    (output - target)², without the ½. output, target: [n].
    """

    kind = Kind.CONTINUOUS
    elicits = "mean"
    bounded, convex, zero, monotone = False, True, True, True
    reference = "(ŷ - y)²; keras.losses.MeanSquaredError"

    def __init__(self) -> None:
        super().__init__(keras.losses.MeanSquaredError)


class MeanAbsoluteError(KerasLoss):
    """Asks for the median: Keras's `MeanAbsoluteError`.

    |output - target|. output, target: [n].
    """

    kind = Kind.CONTINUOUS
    elicits = "median"
    bounded, convex, zero, monotone = False, True, True, True
    reference = "|ŷ - y|; keras.losses.MeanAbsoluteError"

    def __init__(self) -> None:
        super().__init__(keras.losses.MeanAbsoluteError)


class MeanAbsolutePercentageError(KerasLoss):
    """Asks for a median in which small targets weigh most: Keras's `MeanAbsolutePercentageError`.

    100 |output - target| / max(|target|, 1e-7). output, target: [n] in multiples of the training mean. The minimiser is
    the median once every target weighs 1/target. A target of 0 outweighs all others together.
    """

    kind = Kind.CONTINUOUS
    domain = Domain.NONNEGATIVE
    bounded, convex, zero, monotone = False, True, True, True
    reference = "100 |ŷ - y| / |y|; keras.losses.MeanAbsolutePercentageError"

    def __init__(self) -> None:
        super().__init__(keras.losses.MeanAbsolutePercentageError)


class MeanSquaredLogarithmicError(KerasLoss):
    """Asks for the mean of log(1 + y), so that errors count by their ratio: Keras's `MeanSquaredLogarithmicError`.

    (log(1 + exp(output)) - log(1 + target))²; the prediction is exp(output), since Keras takes no negative ones.
    output, target: [n] in multiples of the training mean.
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
    """Asks for something between the mean and the median: Keras's `Huber`.

    r²/2 up to delta, delta (|r| - delta/2) beyond; r = output - target. output, target: [n]. Huber, Annals of
    Mathematical Statistics 35, 1964.
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
    """Asks for something between the mean and the median, without a corner in its slope: Keras's `LogCosh`.

    log cosh r, r = output - target. output, target: [n].
    """

    kind = Kind.CONTINUOUS
    elicits = "centre"
    bounded, convex, zero, monotone = False, True, True, True
    reference = "log cosh(ŷ - y); keras.losses.LogCosh"

    def __init__(self) -> None:
        super().__init__(keras.losses.LogCosh)


class Poisson(KerasLoss):
    """Asks for the mean of counts and other amounts: Keras's `Poisson`.

    rate - target log rate, rate = exp(output), which is the prediction. output, target: [n] in multiples of the
    training mean.
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
    """Asks for predictions in proportion to the targets, at whatever scale: Keras's `CosineSimilarity`.

    -Σ output · target / (|output| |target|), the batch as one vector: from -1 to 1, and -1 for the best answer.
    output, target: [n]; one value.
    """

    kind = Kind.CONTINUOUS
    labels = "flat"
    pointwise = False
    bounded, convex, zero = True, False, False
    reference = "-cos(ŷ, y) over the batch; keras.losses.CosineSimilarity"

    def __init__(self) -> None:
        super().__init__(keras.losses.CosineSimilarity)
