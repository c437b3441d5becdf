"""Records as they were written before they had types (schema 1), in today's layout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lossbench.plan import Target

Plain = dict[str, Any]
KINDS = {
    "continuous": Target.NUMBERS,
    "binary": Target.TWO_CLASSES,
    "classes": Target.TAGS,
    "sequences": Target.TAGS,
}
"""What a loss of each kind was for: there were three tasks."""
TASKS = {"regression": Target.NUMBERS, "binary": Target.TWO_CLASSES, "ner": Target.TAGS}


def migrated(data: Mapping[str, Any]) -> Plain:
    """The same record in schema 2. Raises KeyError, TypeError or AttributeError where something is missing in it."""
    loss, metric, stored = dict(data["loss"]), dict(data["metric"]), dict(data["provenance"])
    target = TASKS.get(data["task"]) or KINDS.get(loss.get("kind") or "")
    rarest = stored.pop("rarest", None)
    training = {key: stored.pop(key) for key in ("classes", "steps_per_epoch", "engine") if key in stored}
    if rarest:
        training["rarest"] = {"name": rarest["class"], "per_batch": rarest["per_batch"]}
    cost = {"step": stored.pop("step", None), "step_bytes": stored.pop("step_bytes", None)}
    return {
        **data,
        "schema": 2,
        "loss": {key: value for key, value in loss.items() if value is not None},
        "model": data["model"]["name"],
        "metric": {**metric, "direction": metric.get("direction") or None},
        "predicts": target and target.value,
        "training": training,
        "cost": {**cost, "loss": stored.pop("cost", None)},
        "traceback": stored.pop("traceback", ""),
        "provenance": stored,
    }
