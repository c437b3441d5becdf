"""One cell from loss to record: pairing, failures, what is kept, and that the same command gives the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import torch

import lossbench
from lossbench.errors import InputError
from lossbench.plan import Cell, Direction, LossChoice, ModelChoice, Penalty, TaskChoice
from lossbench.plan.observer import Observer
from lossbench.records.facts import MetricFacts
from lossbench.records.record import Record, Status
from lossbench.runs.inputs import load_task, settled
from lossbench.runs.study import run
from tests.made import a_protocol, a_training

LOSSES = '''
import numpy as np
import torch
from torch import nn
from lossbench.loss import Kind, Loss, Prediction, Range

class GaussianNLL(Loss):
    """Two outputs: mean and log variance."""
    kind = Kind.CONTINUOUS
    def outputs(self, classes):
        return 2
    def forward(self, output, target):
        mean, log_variance = output.unbind(1)
        return (log_variance + (target - mean) ** 2 * torch.exp(-log_variance)) / 2

class Sees(Loss):
    """Keeps what it was told."""
    kind = Kind.CONTINUOUS
    seen = []
    progress = []
    def observe(self, target):
        Sees.seen.append(target.clone())
    def advance(self, progress):
        Sees.progress.append(progress)
    def forward(self, output, target):
        return (output - target) ** 2

class Learned(Loss):
    """Has a parameter of its own."""
    kind = Kind.CONTINUOUS
    def __init__(self):
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(()))
    def forward(self, output, target):
        return (output - target).abs() * torch.exp(-self.log_scale) + self.log_scale

class Margin(Loss):
    """Gives no probability."""
    kind = Kind.BINARY
    def forward(self, output, target):
        return torch.relu(1 - (2 * target - 1) * output)
    def predict(self, output):
        return Prediction(output, (output > 0).long())

class Turns(Loss):
    """Tuned against the rule: its search leaves what its defaults elicit."""
    kind = Kind.CONTINUOUS
    search = {"q": Range(0.05, 0.95)}
    def __init__(self, q: float = 0.5):
        super().__init__()
        self.q = q
    @property
    def elicits(self):
        return "median" if self.q == 0.5 else f"quantile {self.q:.3f}"
    def forward(self, output, target):
        r = target - output
        return torch.maximum(self.q * r, (self.q - 1) * r)

class SetLoss(Loss):
    kind = Kind.BINARY
    pointwise = False
    def forward(self, output, target):
        p = torch.sigmoid(output)
        return 1 - (2 * (p * target).sum() + 1) / (p.sum() + target.sum() + 1)

class Structured(Loss):
    kind = Kind.SEQUENCES
    def forward(self, output, target):
        pairs = zip(output.split(), target.split())
        return torch.stack([nn.functional.cross_entropy(o, t, reduction="sum") for o, t in pairs])

def nan_at_once(output, target):
    return (output - target) * float("nan")

class NanLater(Loss):
    kind = Kind.CONTINUOUS
    def __init__(self):
        super().__init__()
        self.calls = 0
    def forward(self, output, target):
        self.calls += 1
        return (output - target) ** 2 * (float("inf") if self.calls > 25 else 1.0)

def breaks(output, target):
    raise RuntimeError("out of order")

def halves(output, target):
    return (output - target)[::2]

class BadGradient(torch.autograd.Function):
    @staticmethod
    def forward(context, x):
        return x.clone()
    @staticmethod
    def backward(context, gradient):
        raise RuntimeError("no way back")

def breaks_backward(output, target):
    return BadGradient.apply(output - target)

class BreaksOutputs(Loss):
    kind = Kind.CONTINUOUS
    def outputs(self, classes):
        raise RuntimeError("how many?")

class BreaksPredict(Loss):
    kind = Kind.BINARY
    def forward(self, output, target):
        return (torch.sigmoid(output) - target) ** 2
    def predict(self, output):
        return Prediction(output)

def detached(output, target):
    return (output.detach() - target) ** 2

def sees_types(output, target):
    assert output.dtype == target.dtype == torch.float32
    return (output - target) ** 2

def worst_error(target, prediction):
    return float(np.abs(target - prediction).max())

class Net(nn.Module):
    """A model of somebody else's, without a layer called output."""
    def __init__(self, inputs, outputs, width=8):
        super().__init__()
        self.inner = nn.Linear(inputs, width)
        self.head = nn.Linear(width, outputs)
    def forward(self, x):
        return self.head(torch.tanh(self.inner(x)))
'''


@pytest.fixture
def make(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Cell]:
    """Builds quick cells; `target` names an object of the module above."""
    name = f"losses_{abs(hash(folder))}"
    (folder / f"{name}.py").write_text(LOSSES)
    monkeypatch.syspath_prepend(str(folder))

    def cell(
        loss: str = "mse", task: str = "regression", target: str = "", kind: str | None = None, **more: object
    ) -> Cell:
        data = {
            "regression": {"source": "packaged", "name": "diabetes", "split_seed": 0},
            "binary": {"source": "packaged", "name": "breast_cancer", "split_seed": 0},
            "ner": {"source": "generated", "name": "generated", "sentences": 150, "test_sentences": 50, "seed": 0},
        }[task]
        metric = {"regression": "rmse", "binary": "roc_auc", "ner": "entity_f1"}[task]
        cls = {"regression": "Regression", "binary": "Binary", "ner": "NER"}[task]
        choice = LossChoice("custom", {}, f"{name}.{target}", kind) if target else LossChoice(loss)
        made = Cell(
            loss=choice,
            task=TaskChoice(task, f"lossbench.tasks.{task}.{cls}", data, metric),
            model=ModelChoice("tagger", "lossbench.models.tagger.Tagger")
            if task == "ner"
            else ModelChoice("mlp", "lossbench.models.tabular.MLP", {"hidden": [8]}),
            training=a_training(max_epochs=3, learning_rate=0.01),
            protocol=a_protocol(repeats=2),
        )
        return replace(made, **more)  # type: ignore[arg-type]

    return cell


def own(cell: Cell, what: str) -> str:
    """A dotted path into the module of the cell's loss."""
    return f"{(cell.loss.target or '').rpartition('.')[0]}.{what}"


def numbers(record: Record) -> list[dict[str, float]]:
    return [{**repeat.metrics, **{f"v_{k}": v for k, v in repeat.validation.items()}} for repeat in record.repeats]


@pytest.mark.parametrize("task", ["regression", "binary", "ner"])
def test_the_same_cell_gives_the_same_numbers_to_the_last_digit(make: Callable[..., Cell], task: str) -> None:
    first = run(make(task=task))
    torch.manual_seed(12345)  # whatever else went on in the process
    torch.rand(10)
    second = run(make(task=task))
    assert first.status is Status.DONE
    assert numbers(first) == numbers(second)
    assert all(np.array_equal(first.arrays[key], second.arrays[key]) for key in first.arrays)


def test_repeats_are_paired_across_losses_even_with_two_outputs(make: Callable[..., Cell]) -> None:
    records = [run(make()), run(make("huber")), run(make(target="GaussianNLL")), run(make(target="Learned"))]
    for repeats in zip(*(record.repeats for record in records), strict=True):
        assert {str(repeat.hashes) for repeat in repeats} == {str(repeats[0].hashes)}
        assert {repeat.seed for repeat in repeats} == {repeats[0].seed}
        assert set(repeats[0].hashes) == {"splits", "weights", "batches"}
    first, second = records[0].repeats
    assert all(first.hashes[key] != second.hashes[key] for key in first.hashes)
    assert first.seed != second.seed


def test_another_seed_is_another_split_with_the_same_test_part(make: Callable[..., Cell]) -> None:
    one, two = run(make()), run(make(seed=1))
    assert one.repeats[0].hashes != two.repeats[0].hashes
    assert np.array_equal(one.arrays["test/0/rows"], two.arrays["test/0/rows"])
    assert np.array_equal(one.arrays["test/0/rows"], one.arrays["test/1/rows"])
    assert not np.array_equal(one.arrays["validation/0/rows"], one.arrays["validation/1/rows"])


def test_the_loss_sees_training_targets_in_standard_deviations_and_the_metrics_are_in_original_units(
    make: Callable[..., Cell],
) -> None:
    cell = make(target="Sees", training=a_training(max_epochs=3, learning_rate=0.01, engine="sequential"))
    record = run(cell)
    loss = lossbench.loss.catalogue.import_target(own(cell, "Sees"), "")
    for seen in loss.seen[: cell.repeats]:
        assert seen.mean().item() == pytest.approx(0, abs=1e-5)
        assert seen.std(correction=0).item() == pytest.approx(1, abs=1e-5)
    target = np.concatenate([record.arrays["test/0/target"]])
    residual = record.arrays["test/0/score"] - target
    assert target.min() >= 25  # the published range of the diabetes targets: 25 to 346
    assert target.max() <= 346
    assert record.repeats[0].metrics["rmse"] == pytest.approx(np.sqrt((residual**2).mean()), rel=1e-6)
    assert loss.progress[: cell.training.max_epochs] == [0, 1 / 2, 1]


def test_parameters_of_a_loss_are_trained_and_kept_with_the_best_epoch(make: Callable[..., Cell]) -> None:
    # |r| e^-s + s, s = 0 at the start. Its gradient in s is 1 - |r| e^-s, so s falls where residuals are below 1;
    # its value at r = 0 is s itself. One step of AdamW moves a parameter by no more than the rate.
    s = {}
    for rate in (0.01, 1e-6):
        record = run(make(target="Learned", training=a_training(max_epochs=3, learning_rate=rate)))
        assert record.status is Status.DONE
        s[rate] = record.arrays["shape/value"][100]
    assert s[0.01] < -0.05
    assert abs(s[1e-6]) < 1e-4


def test_a_loss_that_does_not_fit_is_skipped_with_a_reason(make: Callable[..., Cell]) -> None:
    record = run(make("bce"))
    assert record.status is Status.SKIPPED
    assert record.reason == "binary or classes loss, continuous task"
    assert record.repeats == []


def test_a_loss_that_becomes_nan_diverges_with_its_step(make: Callable[..., Cell]) -> None:
    at_once = run(make(target="nan_at_once", kind="continuous"))
    assert at_once.status is Status.DIVERGED
    assert [repeat.reason for repeat in at_once.repeats] == ["the loss became nan in step 0"] * 2
    later = run(make(target="NanLater"))
    assert later.repeats[0].status is Status.DIVERGED
    # one call more than steps: the loss's shape is drawn only after training, so call 26 is step 25
    assert later.repeats[0].reason == "the loss became inf in step 25"
    assert later.repeats[0].metrics == {}


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("breaks", "broke in step 0: RuntimeError: out of order"),
        ("halves", "n targets in, n losses out"),
        ("breaks_backward", "broke in the gradient of step 0: RuntimeError: no way back"),
        ("detached", "returns values that do not depend on the model's outputs"),
        ("BreaksOutputs", "broke in outputs: RuntimeError: how many?"),
    ],
)
def test_a_loss_that_breaks_fails_its_cell_and_is_named(make: Callable[..., Cell], target: str, words: str) -> None:
    cell = make(target=target, kind="continuous")
    record = run(cell)
    assert record.status is Status.FAILED
    assert words in record.reason
    assert str(cell.loss.target) in record.reason


def test_set_losses_and_sequence_losses_train(make: Callable[..., Cell]) -> None:
    assert run(make(task="binary", target="SetLoss")).status is Status.DONE
    record = run(make(task="ner", target="Structured"))
    assert record.status is Status.DONE, record.reason
    assert record.loss.kind == "sequences"


def test_a_sequence_loss_and_a_token_loss_both_learn(make: Callable[..., Cell]) -> None:
    token, sequence = run(make("cross_entropy", "ner")), run(make(task="ner", target="Structured"))
    for record in (token, sequence):
        curve = record.arrays["curve/0/train_loss"]
        assert curve[-1] < curve[0]


def test_a_loss_without_probabilities_has_no_metric_that_needs_one(make: Callable[..., Cell]) -> None:
    metrics = run(make(task="binary", target="Margin")).repeats[0].metrics
    assert {"roc_auc", "f1", "accuracy"} <= set(metrics)
    assert not {"brier", "log_loss", "ece"} & set(metrics)


def test_f1_is_taken_at_the_threshold_that_validation_chose(make: Callable[..., Cell]) -> None:
    from sklearn.metrics import f1_score

    record = run(make("bce", "binary"))
    for r, repeat in enumerate(record.repeats):
        test, validation = (
            {k: record.arrays[f"{part}/{r}/{k}"] for k in ("target", "probability")} for part in ("test", "validation")
        )
        threshold = repeat.decision["f1"]
        assert repeat.metrics["f1"] == pytest.approx(f1_score(test["target"], test["probability"] > threshold))
        assert repeat.metrics["f1_at_half"] == pytest.approx(f1_score(test["target"], test["probability"] > 0.5))
        best = max(
            f1_score(validation["target"], validation["probability"] > t) for t in validation["probability"] - 1e-9
        )
        assert repeat.validation["f1"] == pytest.approx(best)


def test_the_best_epoch_is_the_first_best_on_validation_and_its_weights_are_judged(make: Callable[..., Cell]) -> None:
    cell = make(training=a_training(max_epochs=25, learning_rate=0.3, patience=None, precision="64"))
    record = run(cell)
    for r, repeat in enumerate(record.repeats):
        curve = record.arrays[f"curve/{r}/validation"]
        assert len(curve) == 25
        assert repeat.best_epoch == int(np.argmin(curve))
        assert repeat.validation["rmse"] == pytest.approx(curve.min(), rel=1e-9)
    assert any(repeat.best_epoch != 24 for repeat in record.repeats)


def test_patience_ends_a_training(make: Callable[..., Cell]) -> None:
    record = run(make(training=a_training(max_epochs=60, learning_rate=0.3, patience=2)))
    for repeat in record.repeats:
        assert repeat.best_epoch is not None
        assert repeat.epochs == min(60, repeat.best_epoch + 2 + 1)


def test_the_test_part_is_opened_after_everything_is_chosen(
    make: Callable[..., Cell], monkeypatch: pytest.MonkeyPatch
) -> None:
    from lossbench.plan import Part
    from lossbench.tasks.binary import BinaryFold

    opened: list[str] = []
    evaluate, decide, batch = BinaryFold.evaluate, BinaryFold.decide, BinaryFold.batch
    monkeypatch.setattr(
        BinaryFold, "evaluate", lambda s, part, *a: opened.append(f"judge {part.value}") or evaluate(s, part, *a)
    )
    monkeypatch.setattr(BinaryFold, "decide", lambda s, *a: opened.append("decide") or decide(s, *a))
    monkeypatch.setattr(
        BinaryFold,
        "batch",
        lambda s, part, rows: (opened.append("read test") if part is Part.TEST else None) or batch(s, part, rows),
    )
    run(make("bce", "binary", protocol=a_protocol(repeats=1)))
    assert opened == ["decide", "judge validation", "read test", "judge test"]


def test_the_shape_of_a_loss_is_kept_on_201_points(make: Callable[..., Cell]) -> None:
    # Huber's loss with delta 1: 4.5 at 5, gradient 1 beyond 1; softplus for the binary cross-entropy
    huber, bce = run(make("huber")).arrays, run(make("bce", "binary")).arrays
    assert huber["shape/x"].shape == huber["shape/value"].shape == (201,)
    assert huber["shape/value"][-1] == pytest.approx(4.5)
    assert huber["shape/gradient"][[0, -1]].tolist() == pytest.approx([-1, 1])
    assert bce["shape/value"] == pytest.approx(np.log1p(np.exp(-bce["shape/x"])), rel=1e-4, abs=1e-6)
    assert bce["shape/value_negative"] == pytest.approx(np.log1p(np.exp(bce["shape/x"])), rel=1e-4, abs=1e-6)


def test_own_metrics_and_models_take_part(make: Callable[..., Cell]) -> None:
    cell = make(target="GaussianNLL")
    task = replace(cell.task, metric=own(cell, "worst_error"), direction="min")
    record = run(replace(cell, task=task, model=ModelChoice("Net", own(cell, "Net"), {"width": 4})))
    assert record.status is Status.DONE
    assert record.metric == MetricFacts("worst_error", Direction.MIN)
    error = np.abs(record.arrays["test/0/target"] - record.arrays["test/0/score"]).max()
    assert record.repeats[0].metrics["worst_error"] == pytest.approx(error)
    with pytest.raises(InputError, match="cannot be built with"):
        run(replace(cell, model=ModelChoice("Net", own(cell, "Net"), {"depth": 4})))


def test_a_penalty_on_the_weights_shrinks_them(make: Callable[..., Cell]) -> None:
    plain, shrunk = (run(make(penalty=p)) for p in (None, Penalty("l2", "weights", 2, 0.1)))
    spread = [np.std(record.arrays["test/0/score"]) for record in (plain, shrunk)]
    assert spread[1] < spread[0]


def test_double_precision_trains_too(make: Callable[..., Cell]) -> None:
    record = run(make(training=a_training(max_epochs=2, precision="64")))
    assert record.status is Status.DONE, record.reason


def test_ctrl_c_keeps_the_repeats_that_are_done(make: Callable[..., Cell]) -> None:
    epochs = iter(range(100))

    class CtrlC(Observer):
        def epochs_end(self, cell: Cell, done: float) -> None:
            if next(epochs) == 4:  # of three a training
                raise KeyboardInterrupt

    record = run(make(training=a_training(max_epochs=3, engine="sequential")), CtrlC())
    assert record.status is Status.INTERRUPTED
    assert [repeat.repeat for repeat in record.repeats] == [0]


def test_a_record_says_where_it_came_from(make: Callable[..., Cell]) -> None:
    record = run(make())
    assert record.provenance.versions["torch"] == torch.__version__  # with its build, as +cpu
    assert record.provenance.command
    assert record.provenance.device
    assert datetime.fromisoformat(record.provenance.ended) <= datetime.now(UTC)
    assert record.data.digest == load_task(make().task, 0).card.digest
    assert record.cell == settled(make())


def test_the_public_names_are_those_that_others_build_on(make: Callable[..., Cell], folder: Path) -> None:
    record = lossbench.run(make("huber"))
    record.save(folder / "results" / "s" / "c")
    (again,) = lossbench.read_records(folder / "results")
    data = again.to_dict()
    assert {"schema", "status", "reason", "loss", "task", "data", "model", "repeats"} <= set(data)
    assert data["task"] == "regression"
    assert data["loss"]["name"] == "huber"
    assert data["loss"]["params"] == {"delta": 1.0}
    assert {"seed", "status", "metrics", "seconds"} <= set(data["repeats"][0])
    assert numbers(again) == numbers(record)


def test_the_ner_record_holds_the_report_per_tag(make: Callable[..., Cell]) -> None:
    report = run(make("cross_entropy", "ner")).repeats[0].report
    assert report is not None
    assert {"B-LOC", "I-PER", "O", "micro avg", "macro avg", "weighted avg"} <= set(report)
    assert set(report["O"]) == {"precision", "recall", "f1-score", "support"}


def test_a_prediction_without_labels_is_the_plugins_fault(make: Callable[..., Cell]) -> None:
    record = run(make(task="binary", target="BreaksPredict"))
    assert record.status is Status.FAILED
    assert "broke in predict: ValueError: predict did not give one label for each of" in record.reason
    assert "BreaksPredict" in record.reason


def test_half_precision_reaches_the_loss_in_whole_numbers(make: Callable[..., Cell]) -> None:
    record = run(
        make(target="sees_types", kind="continuous", training=a_training(max_epochs=2, precision="bf16-mixed"))
    )
    assert record.status is Status.DONE, record.reason
    curve = record.arrays["curve/0/validation"]
    assert record.repeats[0].validation["rmse"] == pytest.approx(curve[record.repeats[0].best_epoch], rel=1e-6)


def test_the_callers_threads_are_left_as_they_were(make: Callable[..., Cell]) -> None:
    torch.set_num_threads(2)
    run(make())
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)


def test_the_shape_of_a_loss_is_drawn_from_a_copy(make: Callable[..., Cell]) -> None:
    record = run(make(target="NanLater", training=a_training(max_epochs=2, batch_size=64)))
    # 5 steps an epoch: calls 1 to 10 of each repeat's own loss, never the 26th
    assert record.status is Status.DONE


# What the chosen trial elicits ----------------------------------------------------------------------------------------


def test_a_record_says_what_the_chosen_trials_elicit_and_not_what_the_defaults_do(make: Callable[..., Cell]) -> None:
    rate = a_training(max_epochs=3, learning_rate=1e-4)  # too low a centre: other trials win
    record = run(make(target="Turns", protocol=a_protocol("some", 6, 4), training=rate))
    for repeat in record.repeats:
        q = repeat.params.get("q", 0.5)
        assert repeat.elicits == ("median" if q == 0.5 else f"quantile {q:.3f}")
    told = dict.fromkeys(repeat.elicits for repeat in record.repeats)
    assert record.loss.elicits == " or ".join(told)
    assert len(told) > 1, "the repeats of this seed are meant to choose differently"


@pytest.mark.parametrize(
    ("params", "elicits"), [({}, "probability"), ({"pos_weight": 3.0}, "distorted probability")], ids=str
)
def test_bce_elicits_the_probability_unless_a_weight_is_given(
    make: Callable[..., Cell], params: dict[str, float], elicits: str
) -> None:
    cell = make("bce", "binary", protocol=a_protocol("some", 2, 3))
    record = run(replace(cell, loss=replace(cell.loss, params=params)))
    assert record.loss.elicits == elicits
    assert {repeat.elicits for repeat in record.repeats} == {elicits}
    assert all(trial.params == params for repeat in record.repeats for trial in repeat.trials)


def test_a_cell_is_run_and_saved_by_one_function_that_needs_nothing_else(
    make: Callable[..., Cell], tmp_path: Path
) -> None:
    record = lossbench.run_cell(make(), tmp_path / "sweep")
    (saved,) = lossbench.read_records(tmp_path / "sweep")
    assert saved.status is Status.DONE
    assert (saved.sweep, saved.role) == ("sweep", "chosen")
    assert [repeat.metrics for repeat in saved.repeats] == [repeat.metrics for repeat in record.repeats]
    assert saved.fingerprint
