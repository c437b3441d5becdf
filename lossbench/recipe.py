"""The loss that a sweep chose, as lines of plain PyTorch: its parameters, rate, epochs and threshold, ready to run."""

from __future__ import annotations

import math
import statistics
from typing import Any

from lossbench.errors import InputError, UnknownName
from lossbench.record import Record, Status
from lossbench.verdicts.answer import advise
from lossbench.verdicts.comparison import Comparison, Contender, Contest


def recipe(comparison: Comparison, loss: str | None = None, task: str | None = None) -> str:
    """Python lines for the pick of a sweep (the best mean where there is no verdict), or for another of its losses.

    Raises InputError where the sweep holds several tasks and none is named, or no such loss.
    """
    contest = _contest(comparison, task)
    chosen = _chosen(contest, loss)
    record = chosen.record
    done = [repeat for repeat in record.repeats if repeat.status is Status.DONE]
    rate = math.exp(statistics.fmean(math.log(r.learning_rate) for r in done if r.learning_rate))
    epochs = 1 + round(statistics.median(r.best_epoch or 0 for r in done))
    return "\n".join(
        [
            f"# {chosen.title} on {contest.name}: medians over {len(done)} repeats of what each chose",
            "import torch",
            "import lossbench",
            "",
            *_setup(record, _params(record)),
            f"optimizer = {_optimizer(record)}([*model.parameters(), *loss.parameters()], lr={rate:.2g})",
            f"for epoch in range({epochs}):",
            f"    loss.advance(epoch / {max(1, record.cell['training']['max_epochs'] - 1)})  # moves schedules",
            f"    for rows in torch.randperm(len(x)).split({record.cell['training']['batch_size']}):",
            "        optimizer.zero_grad()",
            f"        loss({_output(record, 'x[rows]')}, y[rows]).mean().backward()",
            "        optimizer.step()",
            *_decision(record, done),
        ]
    )


def _contest(comparison: Comparison, task: str | None) -> Contest:
    found = [c for c in comparison.contests if task is None or task in (c.task, c.name, c.board.data)]
    if not found:
        raise UnknownName("task", task or "", [c.name for c in comparison.contests])
    if len(found) > 1:
        names = ", ".join(c.name for c in found)
        raise InputError(f"The sweep holds several tasks: say which with --task ({names}).")
    return found[0]


def _chosen(contest: Contest, loss: str | None) -> Contender:
    trained = [c for c in contest.contenders if any(r.status is Status.DONE for r in c.record.repeats)]
    if not trained:
        raise InputError(f"No loss was trained on {contest.name}.")
    if loss is None:
        picks = advise(contest).picks
        chosen = picks[0] if picks else trained[0]
    else:
        named = [c for c in trained if loss in (c.title, c.record.loss["name"])]
        if not named:
            raise UnknownName("loss", loss, [c.title for c in trained])
        chosen = named[0]
    if target := chosen.record.loss.get("target"):
        raise InputError(f"{chosen.title} is {target}, a loss of your own: import it from there.")
    return chosen


def _params(record: Record) -> dict[str, Any]:
    """Given parameters as they are, tuned numbers by their median over repeats."""
    found: dict[str, Any] = {}
    for name, default in {**record.loss["params"], **record.repeats[0].params}.items():
        values = [repeat.params.get(name, default) for repeat in record.repeats if repeat.status is Status.DONE]
        numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
        found[name] = float(f"{statistics.median(values):.3g}") if numbers and len(set(values)) > 1 else values[0]
    return found


def _setup(record: Record, params: dict[str, Any]) -> list[str]:
    kind, words = record.loss["kind"], "".join(f", {key}={value!r}" for key, value in params.items())
    make = f'loss = lossbench.load_loss("{record.loss["name"]}", kind="{kind}"{words})'
    if kind == "continuous":
        data = "x, y = torch.randn(256, 8), torch.randn(256)  # yours; y less its mean, over its standard deviation"
        size = "loss.outputs(1)"
    elif kind == "binary":
        data, size = "x, y = torch.randn(256, 8), torch.randint(0, 2, (256,)).float()  # yours", "loss.outputs(1)"
    else:
        data, size = "x, y = torch.randn(256, 8), torch.randint(0, 5, (256,))  # yours", "loss.outputs(5)"
    layers = f"torch.nn.Linear(8, 64), torch.nn.ReLU(), torch.nn.Linear(64, {size})"
    return [data, make, f"model = torch.nn.Sequential({layers})  # yours"]


def _optimizer(record: Record) -> str:
    return {"adamw": "torch.optim.AdamW", "sgd": "torch.optim.SGD"}[record.cell["training"]["optimizer"]]


def _output(record: Record, rows: str) -> str:
    """Raw outputs as the loss takes them: one number a target where it asks for one."""
    kind = record.loss["kind"]
    return f"model({rows}).squeeze(1)" if kind in ("continuous", "binary") else f"model({rows})"


def _decision(record: Record, done: list[Any]) -> list[str]:
    made = f"prediction = loss.predict({_output(record, 'x')})"
    thresholds = [r.decision["f1"] for r in done if "f1" in r.decision]
    if not thresholds:
        return [made]
    graded = "probability" if record.values("log_loss") else "score"
    at = f"{statistics.median(thresholds):.3g}"
    return [made, f"positive = prediction.{graded} > {at}  # the threshold that served F1 on validation data"]
