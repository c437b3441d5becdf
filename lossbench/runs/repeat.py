"""One repeat: its trials, the choice among them on validation data, and its test metrics."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lossbench.loss import Loss, Prediction
from lossbench.metrics.influence import INFLUENCE
from lossbench.metrics.metric import Direction
from lossbench.plan import Part, Trial, fingerprint, protocol
from lossbench.probe.shape import loss_shape, pull
from lossbench.records.facts import TrialResult
from lossbench.records.record import Repeat, Status, finite
from lossbench.training.differences import copied
from lossbench.training.engine import Outcome
from lossbench.training.learner import Trained

Arrays = dict[str, NDArray[Any]]


class Study:
    """One repeat: its trials, the best of them on validation data, and its test metrics."""

    def __init__(self, number: int, direction: Direction) -> None:
        self.direction = direction
        self.repeat = Repeat(number, 0, Status.DONE)
        self.frozen: dict[str, Any] = {}
        self._values: list[float] = []
        self._curves: Arrays = {}
        self._best: Outcome | None = None
        self._loss: Loss | None = None
        self._validation: Prediction | None = None

    def add(self, outcome: Outcome) -> None:
        """Adds a trained trial; only the best one's weights are kept."""
        trial, trained = outcome.prepared.trial, outcome.trained
        value = float("nan") if trained.diverged else trained.validation[trained.best_epoch or 0]
        best = self._values[self._best.prepared.trial.number] if self._best else float("nan")
        if self._best is None or self.direction.better(value, best):
            self._best = outcome
        self._values.append(value)
        self.repeat.trials.append(_result(trial, trained, value))
        self._curves[f"trial/{trial.repeat}/{trial.number}/validation"] = np.asarray(trained.validation)
        self.repeat.hashes = self.repeat.hashes or dict(outcome.prepared.hashes)

    def choose(self, arrays: Arrays) -> None:
        """Chooses trial, epoch and thresholds on validation data, and freezes them under their hash."""
        assert self._best is not None
        repeat, number, prepared, trained = self.repeat, self.repeat.repeat, self._best.prepared, self._best.trained
        repeat.seed, repeat.learning_rate, repeat.params = (
            prepared.seed,
            prepared.trial.learning_rate,
            dict(prepared.trial.params),
        )
        repeat.epochs, repeat.best_epoch, repeat.seconds = len(trained.validation), trained.best_epoch, trained.seconds
        arrays |= self._curves if len(self._values) > 1 else {}
        arrays |= {f"curve/{number}/{name}": curve for name, curve in _curves(trained).items()}
        rates = [trial.learning_rate for trial in repeat.trials]
        choice = protocol.choose(self._values, rates, lower_is_better=self.direction is Direction.MIN)
        if choice is None:
            repeat.status, repeat.reason = Status.DIVERGED, trained.diverged or ""
            return
        repeat.trial, repeat.ties, repeat.edge = choice.trial, choice.ties, choice.edge
        self._loss = self._best.restore()
        repeat.elicits = self._loss.elicits
        if number == 0:
            arrays |= loss_shape(copied(self._loss).float())  # a copy: it may count its calls
            with suppress(Exception):  # a picture for the report, no result
                arrays |= pull(copied(self._loss), self._best.score(self._loss, Part.TRAIN))
        self._validation = self._best.predict(self._loss, Part.VALIDATION)
        repeat.decision = dict(prepared.fold.decide(self._validation))
        told = ("trial", "learning_rate", "params", "best_epoch", "decision")
        self.frozen = {name: getattr(repeat, name) for name in told}
        repeat.choice = self.frozen["hash"] = fingerprint([self.frozen[name] for name in told])

    def judge(self, arrays: Arrays) -> None:
        """Opens the test part once, for what was chosen."""
        assert self._best is not None
        assert self._validation is not None
        assert self._loss is not None
        repeat, fold = self.repeat, self._best.prepared.fold
        repeat.validation = finite(fold.evaluate(Part.VALIDATION, self._validation, repeat.decision).metrics)
        fold.open_test(repeat.choice)
        test = self._best.predict(self._loss, Part.TEST)
        judged = fold.evaluate(Part.TEST, test, repeat.decision)
        repeat.metrics, repeat.report = finite(judged.metrics), judged.report
        for part, prediction in ((Part.VALIDATION, self._validation), (Part.TEST, test)):
            arrays |= {f"{part.value}/{repeat.repeat}/{k}": v for k, v in fold.arrays(part, prediction).items()}
        arrays |= {f"test/{repeat.repeat}/{INFLUENCE}/{name}": v for name, v in judged.influence.items()}

    def weights(self) -> bytes:
        """Of the chosen training, at its best epoch: state dicts of model and loss, and what was chosen with them."""
        assert self._best is not None
        assert self._loss is not None
        states = {"model": self._best.prepared.model.state_dict(), "loss": self._loss.state_dict()}
        buffer = BytesIO()
        torch.save({**states, "choice": self.frozen}, buffer)
        return buffer.getvalue()


def _result(trial: Trial, trained: Trained, value: float) -> TrialResult:
    """A trial as its record keeps it."""
    return TrialResult(
        learning_rate=trial.learning_rate,
        params=dict(trial.params),
        status=Status.DIVERGED if trained.diverged else Status.DONE,
        reason=trained.diverged or "",
        value=None if trained.diverged else value,
        best_epoch=trained.best_epoch,
        epochs=len(trained.validation),
        seconds=trained.seconds,
        step_seconds=trained.step_seconds,
    )


def _curves(trained: Trained) -> dict[str, NDArray[np.float64]]:
    parts = {f"part/{name}": np.asarray(curve) for name, curve in trained.parts.items()}
    return {
        "train_loss": np.asarray(trained.train_loss),
        "validation": np.asarray(trained.validation),
        **parts,
    }
