"""What is to be run, as plain frozen data; nothing here knows how it is run."""

from lossbench.plan.cells import (
    LATER,
    Cell,
    LossChoice,
    ModelChoice,
    Penalty,
    Protocol,
    TaskChoice,
    Training,
    compact,
    variants,
)
from lossbench.plan.costs import CostAt, LossCost, StepCost
from lossbench.plan.identity import fingerprint, stream
from lossbench.plan.ranges import Range
from lossbench.plan.scope import Scope
from lossbench.plan.targets import DataCard, Direction, Part, Rarest, Target
from lossbench.plan.trials import EDGE_TRIALS, Trial

__all__ = [
    "EDGE_TRIALS",
    "LATER",
    "Cell",
    "CostAt",
    "DataCard",
    "Direction",
    "LossChoice",
    "LossCost",
    "ModelChoice",
    "Part",
    "Penalty",
    "Protocol",
    "Range",
    "Rarest",
    "Scope",
    "StepCost",
    "Target",
    "TaskChoice",
    "Training",
    "Trial",
    "compact",
    "fingerprint",
    "stream",
    "variants",
]
