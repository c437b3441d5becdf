"""The designs of the coverage benchmark: population, model, losses, share of validation rows, and what is spent."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lossbench.plan import Cell, LossChoice, ModelChoice, TaskChoice, Training
from tests.made import a_protocol, a_training

REPEATS, FURTHER = 20, 40
"""Repeats of a run, whose first 3, 5 and 10 are runs of their own, and repeats for the pool's truth alone."""
COUNTS = (3, 5, 10, 20)
HALVES = 2
"""Trainings on each half of a repeat's rows, where the claim with other training rows is measured."""
FURTHER_SEED = 1_000_000
"""Seeds from here on are those of further repeats."""


@dataclass(frozen=True)
class Design:
    """One way to draw data sets and to compare two losses on each."""

    name: str
    task: str
    target: str
    metric: str
    baseline: str
    rival: str
    model: ModelChoice
    training: Training
    validation_share: float = 0.2
    grouped: bool = False
    repeats: int = REPEATS
    further: int = FURTHER
    trials: int = 2
    halves: int = HALVES
    sets: int = 500
    """How many data sets are enough."""

    def cell(self, number: int, loss: str, *, truth: bool = False) -> Cell:
        """The cell of a loss on data set `number`: a user's run on the test part, or further repeats on fresh rows."""
        data = {
            "name": self.name,
            "source": "drawn",
            "set": number,
            "validation_share": self.validation_share,
            "grouped": self.grouped,
            "fresh": truth,
        }
        repeats, halves = (self.further, 0) if truth else (self.repeats, self.halves)
        return Cell(
            loss=LossChoice(loss, tuned=loss != "bce"),
            task=TaskChoice(
                self.task, f"tests.coverage.populations.{self.target}", data, self.metric, baseline=self.baseline
            ),
            model=self.model,
            training=self.training,
            protocol=a_protocol("coverage", repeats, self.trials, halves=halves),
            seed=FURTHER_SEED + number if truth else number,
        )

    def placebo(self, number: int) -> Cell:
        """The baseline on draws of its own: the same loss, so that nothing is better about it."""
        cell = self.cell(number, self.baseline)
        protocol = replace(cell.protocol, halves=0)
        return replace(cell, loss=replace(cell.loss, draw=1, label="placebo"), protocol=protocol)


LINEAR = ModelChoice("linear", "lossbench.models.tabular.Linear")
MLP = ModelChoice("mlp", "lossbench.models.tabular.MLP", {"hidden": [64, 64], "dropout": 0.0})
TAGGER = ModelChoice("tagger", "lossbench.models.tagger.Tagger", {"width": 32, "layers": 1})
SHORT = a_training(max_epochs=20, batch_size=32, patience=None, learning_rate=3e-3)
USUAL = a_training(max_epochs=60, batch_size=32, patience=15, learning_rate=3e-3)


def _tables() -> list[Design]:
    found = []
    for model in (LINEAR, MLP):
        heavy = ("regression", "HeavyTails", "rmse", "mse", "huber", model, SHORT)
        logit = (
            "binary",
            "Logistic",
            *(("log_loss", "bce", "brier") if model is LINEAR else ("roc_auc", "bce", "hinge")),
        )
        for share in (0.05, 0.2, 0.5):
            found.append(Design(f"heavy_tails-{model.name}-{share}", *heavy, validation_share=share))
            found.append(Design(f"logistic-{model.name}-{share}", *logit, model, SHORT, validation_share=share))
    found.append(
        Design("heavy_tails-mlp-grouped", "regression", "HeavyTails", "rmse", "mse", "huber", MLP, SHORT, grouped=True)
    )
    found.append(
        Design("logistic-linear-grouped", "binary", "Logistic", "log_loss", "bce", "brier", LINEAR, SHORT, grouped=True)
    )
    return found


DESIGNS = {
    design.name: design
    for design in (
        *_tables(),
        Design(
            "heavy_tails-mlp-standard",
            "regression",
            "HeavyTails",
            "rmse",
            "mse",
            "huber",
            MLP,
            USUAL,
            repeats=10,
            trials=8,
            sets=200,
        ),
        Design(
            "sentences-tagger",
            "ner",
            "Sentences",
            "entity_f1",
            "cross_entropy",
            "focal",
            TAGGER,
            a_training(max_epochs=6, batch_size=16, patience=None, learning_rate=1e-2),
            repeats=5,
            further=20,
            halves=0,
            sets=200,
        ),
    )
}
