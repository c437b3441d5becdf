"""What a task owes a loss: rows prepared on training rows alone, real positions selected, units kept apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from lossbench.loss import Domain, Kind, Prediction, Sequences
from lossbench.plan import Part
from lossbench.tasks.binary import Binary
from lossbench.tasks.ner import NER
from lossbench.tasks.regression import Regression


def regression(name: str = "house_prices") -> Regression:
    return Regression(data={"source": "packaged", "name": name}, metric="rmse", direction=None, seed=0)


def binary(name: str = "loans", metric: str = "roc_auc") -> Binary:
    return Binary(data={"source": "packaged", "name": name}, metric=metric, direction=None, seed=0)


def ner(sentences: int = 150) -> NER:
    data = {"source": "generated", "name": "generated", "sentences": sentences, "test_sentences": 50, "seed": 0}
    return NER(data=data, metric="entity_f1", direction=None, seed=0)


@pytest.mark.parametrize("repeat", [0, 1])
def test_columns_are_standardised_on_the_training_rows_alone(repeat: int) -> None:
    # all eight columns of hprice2 are numbers: mean 0 and sd 1 over training, and over nothing else
    fold = regression().fold(repeat)
    train = fold.features[Part.TRAIN].double()
    assert train.mean(0).abs().max().item() < 1e-6
    assert (train.std(0, correction=0) - 1).abs().max().item() < 1e-6
    assert fold.features[Part.TEST].double().mean(0).abs().max().item() > 1e-3


def test_a_target_reaches_the_loss_in_the_unit_of_its_domain_and_predictions_come_back_in_its_own() -> None:
    task = regression()
    for domain in Domain:
        fold = task.fold(0, domain)
        target = fold.training_target(Kind.CONTINUOUS)
        assert target.mean().item() == pytest.approx(0 if domain is Domain.REAL else 1, abs=1e-5)
        assert (target.min() >= 0) == (domain is Domain.NONNEGATIVE)
        fold.open_test("this test")
        perfect = Prediction(fold.scaled[Part.TEST])
        assert fold.evaluate(Part.TEST, perfect, {}).metrics == pytest.approx({"rmse": 0, "mae": 0, "r2": 1}, abs=1e-6)


def test_the_vocabulary_is_that_of_the_training_sentences() -> None:
    task = ner()
    fold = task.fold(0)
    fold.open_test("this test")
    seen = {word.lower() for row in fold.splits.train for word in task.sentences[row].words}
    for part in Part:
        ids = fold.encoded[part].words[fold.encoded[part].real].tolist()
        words = [word.lower() for row in fold.splits.rows(part) for word in task.sentences[row].words]
        assert all(word in seen for word, number in zip(words, ids, strict=True) if number != 1)
    strange = [word for row in fold.splits.test for word in task.sentences[row].words if word.lower() not in seen]
    assert strange  # the test part has words that no training sentence has


class Echo(nn.Module):
    """Says of every word its id, and of padding something terrible."""

    def forward(self, batch: Any) -> torch.Tensor:
        said = batch.words.double()
        said[batch.words == 0] = float("nan")
        return said[:, :, None].expand(-1, -1, 9)


@pytest.mark.parametrize("kind", [Kind.CLASSES, Kind.SEQUENCES])
def test_padding_never_reaches_the_loss(kind: Kind) -> None:
    task = ner()
    fold = task.fold(0)
    rows = torch.arange(12)
    scored = fold.score(Echo(), fold.batch(Part.TRAIN, rows), kind)
    output, target = scored.output, scored.target
    lengths = [len(task.sentences[row]) for row in fold.splits.train[:12]]
    if kind is Kind.SEQUENCES:
        assert isinstance(output, Sequences)
        assert output.lengths.tolist() == target.lengths.tolist() == lengths
        output, target = output.values, target.values
    assert len(set(lengths)) > 1
    assert len(output) == len(target) == sum(lengths)
    assert not output.isnan().any()
    tags = [tag for row in fold.splits.train[:12] for tag in task.sentences[row].tags]
    assert [fold.tags[label] for label in target.tolist()] == tags


def test_a_sentence_scores_the_same_whatever_stands_beside_it() -> None:
    fold = ner().fold(0)
    from lossbench.models.tagger import Tagger

    torch.manual_seed(0)
    model = Tagger(fold.inputs, fold.classes).eval()
    alone = fold.score(model, fold.batch(Part.TRAIN, torch.tensor([3])), Kind.CLASSES).output
    among = fold.score(model, fold.batch(Part.TRAIN, torch.tensor([3, *range(20, 40)])), Kind.CLASSES).output
    assert torch.allclose(alone, among[: len(alone)], atol=1e-5)


def test_the_trivial_predictors_are_what_they_are_called() -> None:
    # the mean has R² near 0 from below; a constant has ROC-AUC ½ and the prior's Brier score; all O finds no entity
    task = regression()
    trivial = task.references(0)["trivial"].metrics
    assert -0.1 < trivial["r2"] <= 0
    loans = binary()
    prior = loans.fold(0).target[Part.TRAIN].mean().item()
    fold = loans.fold(0)
    fold.open_test("this test")
    y = fold.target[Part.TEST].numpy()
    metrics = loans.references(0)["trivial"].metrics
    assert metrics["roc_auc"] == 0.5
    assert metrics["brier"] == pytest.approx(np.mean((y - prior) ** 2))
    text = ner().references(0)["trivial"]
    assert text.metrics["entity_f1"] == 0
    assert text.report is not None
    assert text.report["O"]["recall"] == 1


def test_gradient_boosting_is_scikit_learns_at_its_defaults() -> None:
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.metrics import mean_absolute_error

    task = regression()
    fold = task.fold(0)
    train, test = fold.splits.train, fold.splits.test
    features, target = task.table.features.to_numpy(), task.table.target
    model = HistGradientBoostingRegressor(random_state=0).fit(features[train], target[train])
    ours = task.references(0)["gradient_boosting"].metrics["mae"]
    assert ours == pytest.approx(mean_absolute_error(target[test], model.predict(features[test])), rel=0.02)


def test_the_metric_of_a_task_is_what_epochs_are_chosen_by() -> None:
    fold = binary("breast_cancer", metric="f1").fold(0)
    y = fold.target[Part.VALIDATION]
    graded = Prediction(y - 0.4, (y > 0.5).long(), (y * 0.2 + 0.1))  # right in order, all below one half
    assert fold.value(graded) == 1.0
    assert fold.evaluate(Part.VALIDATION, graded, fold.decide(graded)).metrics["f1_at_half"] == 1.0  # by its label


@pytest.mark.parametrize("make", [regression, binary, ner])
def test_test_targets_are_out_of_reach_until_a_choice_is_made(make: Any) -> None:
    fold = make().fold(0)
    rows = torch.arange(3)
    nothing = Prediction(torch.zeros(3), torch.zeros(3, dtype=torch.long))
    attempts = [
        lambda: fold.batch(Part.TEST, rows),
        lambda: fold.evaluate(Part.TEST, nothing, {}),
        lambda: fold.arrays(Part.TEST, nothing),
    ]
    for attempt in attempts:
        with pytest.raises(RuntimeError, match="The test part is sealed"):
            attempt()
    fold.batch(Part.VALIDATION, rows)
    with pytest.raises(ValueError, match="a choice that has been made"):
        fold.open_test("")
    fold.open_test("0123456789abcdef")
    assert fold.batch(Part.TEST, rows) is not None
