"""Metrics of predictions. Authors of metrics import from here; `catalogue` finds metrics by name."""

from lossbench.metrics.metric import Direction, Family, Metric, Need, Target

__all__ = ["Direction", "Family", "Metric", "Need", "Target"]
