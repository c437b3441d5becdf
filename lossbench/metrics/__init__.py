"""What judges predictions. The author of a metric imports from here; `catalogue` finds them by name."""

from lossbench.metrics.metric import Direction, Family, Metric, Need, Target

__all__ = ["Direction", "Family", "Metric", "Need", "Target"]
