"""Losses made of other losses."""

from lossbench_standard.composite.learned import (
    BinaryUncertaintyWeighting,
    ClassesUncertaintyWeighting,
    ContinuousUncertaintyWeighting,
    SequencesUncertaintyWeighting,
    UncertaintyWeighting,
    uncertainty_weighting,
)
from lossbench_standard.composite.scaled import (
    BinaryScaled,
    ClassesScaled,
    ContinuousScaled,
    Scaled,
    SequencesScaled,
    scaled,
)
from lossbench_standard.composite.weighted import (
    BinarySum,
    BinaryWarmup,
    ClassesSum,
    ClassesWarmup,
    ContinuousSum,
    ContinuousWarmup,
    SequencesSum,
    SequencesWarmup,
    Warmup,
    WeightedSum,
    warmup,
    weighted_sums,
)

__all__ = [
    "BinaryScaled",
    "BinarySum",
    "BinaryUncertaintyWeighting",
    "BinaryWarmup",
    "ClassesScaled",
    "ClassesSum",
    "ClassesUncertaintyWeighting",
    "ClassesWarmup",
    "ContinuousScaled",
    "ContinuousSum",
    "ContinuousUncertaintyWeighting",
    "ContinuousWarmup",
    "Scaled",
    "SequencesScaled",
    "SequencesSum",
    "SequencesUncertaintyWeighting",
    "SequencesWarmup",
    "UncertaintyWeighting",
    "Warmup",
    "WeightedSum",
    "scaled",
    "uncertainty_weighting",
    "warmup",
    "weighted_sums",
]
