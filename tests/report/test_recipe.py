"""`lossbench use`: the printed code runs as printed and reproduces the record that it came from, for every kind.

The records are the independent source: stacks and the learner trained them, and the code knows nothing of those.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lossbench
from lossbench.errors import InputError, UnknownName
from lossbench.plan import Direction
from lossbench.records.facts import MetricFacts
from lossbench.records.record import RECORD, Record, Status, read_record
from lossbench.report.recipe import recipe
from lossbench.report.recipe.literals import imported, keywords, literal
from lossbench.verdicts.judging import compare
from tests.conftest import SMALL_TEXT
from tests.made import altered
from tests.verdicts.test_comparison import binary, gaining, mse

OWN = """
import torch
from torch import nn

from lossbench.tasks.binary import Binary


def soft_bce(y_true, y_pred, smooth: float = 0.0):
    y_pred = y_pred.clamp(1e-6, 1 - 1e-6)
    y_true = y_true * (1 - smooth) + smooth / 2
    return -(y_true * y_pred.log() + (1 - y_true) * (1 - y_pred).log())


class Wide(nn.Module):
    def __init__(self, inputs, outputs, width=16):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), nn.Dropout(0.5), nn.Linear(width, outputs))

    def forward(self, x):
        return self.net(x)


class Screening(Binary):
    \"\"\"A task of somebody's own: the code knows nothing of its rows but what every task owes.\"\"\"


def cost(target, prediction):
    \"\"\"Brier's score, times 100.\"\"\"
    return 100 * float(((prediction - target) ** 2).mean())
"""
SHORT = ("protocol.repeats=5", "protocol.trials=2", "protocol.rate_decades=1", "training.max_epochs=12")
SHORT += ("training.devices=1",)
RARE = ("task=binary", "task.data.path=rare.csv", "task.data.target=y", "task.metric=log_loss")
SHRUNK = ("+regularizer=l2", "regularizer.strength=0.02", "training.clip_norm=0.5", "training.optimizer=sgd")
SOFT = ("loss.target=own_parts.soft_bce", "loss.kind=binary", "loss.order=true_pred", "loss.input=probability")
WIDE = ("+loss.params.smooth=0.1", "model=custom", "model.target=own_parts.Wide", "+model.params.width=8")
QUICK_RATE = "training.learning_rate=0.01"
KINDS: dict[str, tuple[str, ...]] = {
    "continuous": ("+loss=huber", "task=regression", "task/data=diabetes", "training.learning_rate=0.01"),
    "several outputs": ("+loss=gaussian_nll", "task=regression", "task/data=diabetes", "training.learning_rate=0.01"),
    "multiples of the mean": ("+loss=poisson_nll", "task=regression", "task/data=diabetes"),
    "shrunk by sgd": ("+loss=mse", "task=regression", "task/data=diabetes", *SHRUNK, "training.learning_rate=0.1"),
    "binary": ("+loss=bce", "task=binary"),
    "a threshold": ("+loss=hinge", "task=binary", "task.metric=f1"),
    "observing": ("+loss=logit_adjusted", *RARE),
    "a set": ("+loss=dice", "task=binary"),
    "a quantile": ("+loss=quantile", "loss.params.q=0.8", "task=regression", "task/data=diabetes", QUICK_RATE),
    "a metric with a number": ("+loss=bce", "task=binary", "task.metric=lift", "task.metric_params.share=0.3"),
    "a composite": ("+loss=sum", "loss.params.terms={bce:1,dice:{from:0,to:0.5}}", "task=binary"),
    "a loss inside another": ("+loss=scaled", "loss.params.loss=focal", "loss.params.factor=2", "task=binary"),
    "one's own": ("+loss=custom", *SOFT, *WIDE, "task=binary", "task.metric=own_parts.cost", "task.direction=min"),
    "a task of one's own": ("+loss=bce", "task=binary", "task.target=own_parts.Screening"),
    "tokens": ("+loss=cross_entropy", *SMALL_TEXT, "training.learning_rate=0.01"),
    "sequences": ("+loss=crf", *SMALL_TEXT, "training.learning_rate=0.01"),
}


@pytest.fixture(scope="module")
def sweeps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Record, str]]:
    """Of each kind a small cell's record and the code printed for it, both made where the user's own modules lie."""
    folder = tmp_path_factory.mktemp("use")
    (folder / "own_parts.py").write_text(OWN)
    draw = np.random.default_rng(0)  # 6 % positives
    x = draw.normal(size=(2000, 3))
    y = x[:, 0] + draw.normal(size=2000) > np.quantile(x[:, 0] + draw.normal(size=2000), 0.94)
    rows = "\n".join(",".join(map(str, [*row, int(label)])) for row, label in zip(x.round(3), y, strict=True))
    (folder / "rare.csv").write_text(f"a,b,c,y\n{rows}\n")
    with pytest.MonkeyPatch.context() as here:
        here.chdir(folder)
        here.syspath_prepend(str(folder))
        found = {}
        for name, words in KINDS.items():
            (cell,) = lossbench.cells(*words, *SHORT)
            record = lossbench.run(cell)
            assert record.status is Status.DONE, record.reason
            record.save(folder / "record")
            found[name] = record, recipe(compare([record]))
    codes = {name: code for name, (_, code) in found.items()}
    codes |= {"unobserving": "\n".join(x for x in codes["observing"].splitlines() if "observe" not in x)}
    (folder / "codes.json").write_text(json.dumps(codes))
    return {**found, "ran": ran(folder)}  # type: ignore[dict-item]


def ran(folder: Path) -> dict[str, float]:
    """The metric that each printed code finds, all in one process, each in a scope of its own."""
    code = (
        "import json, torch\ntorch.set_num_threads(1)\n"
        "def run(code):\n    scope = {}\n    exec(code, scope)\n    return scope['found']\n"
        "found = {name: run(code) for name, code in json.load(open('codes.json')).items()}\n"
        "json.dump(found, open('found.json', 'w'))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, float] = json.loads((folder / "found.json").read_text())
    return found


def spread(record: Record) -> tuple[float, float]:
    """The lowest and highest of the repeats, a standard deviation further on each side."""
    values = record.values(record.metric.name)
    return min(values) - np.std(values, ddof=1), max(values) + np.std(values, ddof=1)


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_the_printed_code_reproduces_the_record(sweeps: dict[str, Any], kind: str) -> None:
    low, high = spread(sweeps[kind][0])
    assert low <= sweeps["ran"][kind] <= high


@pytest.mark.long
def test_a_loss_that_has_not_observed_does_not_reproduce_the_record(sweeps: dict[str, Any]) -> None:
    """Without class counts logit adjustment is plain BCE, whose log loss at 6 % positives is another."""
    low, high = spread(sweeps["observing"][0])
    assert not low <= sweeps["ran"]["unobserving"] <= high


@pytest.mark.long
def test_the_code_names_the_users_own_loss_model_task_and_metric(sweeps: dict[str, Any]) -> None:
    code = sweeps["one's own"][1]
    assert "from own_parts import Wide" in code
    assert "model = Wide(x.shape[1], loss.outputs(1), width=8)" in code
    assert "target='own_parts.soft_bce'" in code
    assert "metric='own_parts.cost', direction='min'" in code
    assert "from own_parts import Screening" in sweeps["a task of one's own"][1]


@pytest.mark.long
def test_only_the_threshold_of_a_metric_that_decides_is_taken_home(sweeps: dict[str, Any]) -> None:
    record, code = sweeps["a threshold"]
    threshold = float(np.median([repeat.decision["f1"] for repeat in record.repeats]))
    # a hinge gives no probability
    assert f"positive = prediction.score > {threshold:.6g}  # the threshold for f1, from validation data" in code
    others = [sweeps[kind][1] for kind in KINDS if kind != "a threshold"]
    assert not any("positive =" in code for code in others)


@pytest.mark.long
def test_every_code_is_judged_without_dropout_and_without_gradients(sweeps: dict[str, Any]) -> None:
    for kind in KINDS:
        assert sweeps[kind][1].count("model.eval()") == 1
        assert "with torch.no_grad():" in sweeps[kind][1]


# What the repeats chose, together ---------------------------------------------------------------------------------


@pytest.fixture
def labelled() -> Record:
    draw = np.random.default_rng(0)
    target = np.resize([0.0, 1.0], 60)
    return binary("bce", np.clip(0.5 + 0.4 * (target - 0.5) + 0.25 * draw.normal(size=(4, 60)), 0.02, 0.98), target)


def test_rates_by_their_geometric_mean_and_parameters_by_their_median() -> None:
    """By hand: rates .001 and .01 in turn have the geometric mean .00316; deltas 1 and 2 the median 1.5."""
    chosen = gaining("huber", 0.5, 0.1)
    chosen.loss.params = {"delta": 1.0}
    for repeat in chosen.repeats:
        repeat.params = {"delta": 1.0 + repeat.repeat % 2}
        repeat.learning_rate = (0.001, 0.01)[repeat.repeat % 2]
    lines = recipe(compare([mse(), chosen]))
    assert "lossbench.load_loss('huber', kind='continuous', delta=1.5)" in lines
    assert "lr=0.0032" in lines
    assert "# the learning rate is the geometric mean of theirs, parameters the median." in lines
    assert "range(2), the usual choice" in lines  # epochs 0 and 1


def test_a_parameter_that_some_repeats_left_at_its_default_counts_there_as_the_default() -> None:
    """By hand: the first four of ten repeats kept 1, the others chose 4: the median is 4."""
    chosen = gaining("huber", 0.5, 0.1)
    chosen.loss.params = {"delta": 1.0}
    for repeat in chosen.repeats[4:]:
        repeat.params = {"delta": 4.0}
    assert "delta=4.0)" in recipe(compare([mse(), chosen]))


def test_the_cheapest_of_equal_picks_is_taken_home_and_the_best_mean_without_a_verdict() -> None:
    dear, cheap = gaining("huber", 0.5, 0.3, step=2e-3), gaining("mae", 0.48, 0.3, step=1e-3)
    assert "load_loss('mae'" in recipe(compare([mse(), dear, cheap]))
    assert "load_loss('huber'" in recipe(compare([dear, cheap]))  # no baseline, so no verdict


def test_a_repeat_that_diverged_has_no_say_in_what_is_taken_home() -> None:
    chosen = gaining("huber", 0.5, 0.1, status=Status.DIVERGED)
    for repeat in chosen.repeats:
        repeat.params = {"delta": 1.0 + repeat.repeat % 2}
    bad = chosen.repeats[3]
    bad.status, bad.metrics, bad.learning_rate, bad.best_epoch, bad.params = (
        Status.DIVERGED,
        {},
        1e9,
        500,
        {"delta": 9.0},
    )
    lines = recipe(compare([mse(), chosen]), "huber")
    assert "as 9 repeats chose it" in lines
    assert "lr=0.001," in lines
    assert "delta=1.0)" in lines  # of five repeats with 1 and four with 2


def test_what_is_no_tuned_number_is_taken_home_as_it_is() -> None:
    chosen = gaining("huber", 0.5, 0.1)
    chosen.loss.params = {"order": 2}
    chosen.cell = altered(chosen.cell, loss={"params": {"order": 2}})
    for repeat in chosen.repeats:
        repeat.params = {"flag": repeat.repeat % 2 == 0}
    chosen.cell = altered(chosen.cell, training={"optimizer": "sgd", "batch_size": 17})
    lines = recipe(compare([mse(), chosen]))
    assert "order=2, flag=True)" in lines
    assert "torch.optim.SGD([" in lines
    assert ".split(17)" in lines


def test_a_parameter_that_is_called_name_still_reaches_its_loss() -> None:
    chosen = gaining("huber", 0.5, 0.1)
    chosen.loss.params = {"name": "x"}
    chosen.cell = altered(chosen.cell, loss={"name": "huber", "params": {"name": "x"}})
    assert "loss = build(LossChoice(params={'name': 'x'}, name='huber'), Kind('continuous'))" in recipe(
        compare([mse(), chosen])
    )


def test_a_batch_that_the_data_decided_keeps_its_steps_per_epoch() -> None:
    chosen = gaining("huber", 0.5, 0.1)
    chosen.cell = altered(chosen.cell, training={"batch_size": None})
    chosen.training.steps_per_epoch = 13
    assert ".split(-(-len(x) // 13))" in recipe(compare([mse(), chosen]))


def test_the_output_that_was_asked_of_a_model_is_the_one_that_is_used() -> None:
    chosen = gaining("huber", 0.5, 0.1)
    chosen.cell = altered(chosen.cell, model={"output": "logits"})
    assert "model(x[rows])['logits'].squeeze(-1)" in recipe(compare([mse(), chosen]))


def test_a_model_of_ones_own_that_is_lazy_has_its_shapes_before_its_optimizer() -> None:
    own, ours = gaining("huber", 0.5, 0.1), gaining("huber", 0.5, 0.1)
    own.cell = altered(own.cell, model={"target": "nets.Lazy"})
    lines = recipe(compare([mse(), own])).splitlines()
    (run,) = [n for n, line in enumerate(lines) if line.startswith("predicted(")]
    assert run < next(n for n, line in enumerate(lines) if line.startswith("optimizer ="))
    assert "\npredicted(" not in recipe(compare([mse(), ours]))


def test_the_threshold_is_the_median_of_those_of_the_metric_itself(labelled: Record) -> None:
    labelled.metric = MetricFacts("accuracy", Direction.MAX)
    for repeat, threshold in zip(labelled.repeats, (0.2, 0.3, 0.4, 0.9), strict=True):
        repeat.decision = {"f1": 0.1, "accuracy": threshold}
    lines = recipe(compare([labelled]))
    assert "positive = prediction.probability > 0.35" in lines
    assert "0.1" not in lines.partition("positive")[2]


def test_taking_home_what_is_not_there_is_an_error_in_words() -> None:
    comparison = compare([mse(data="a"), mse(data="b"), gaining("huber", 1, 0.1, data="b")])
    with pytest.raises(InputError, match=r"say which with --task \(a, b\)"):
        recipe(comparison)
    with pytest.raises(UnknownName, match="hubert"):
        recipe(comparison, "hubert", "b")
    with pytest.raises(UnknownName, match="'c'"):
        recipe(comparison, None, "c")


# A record's text never becomes code -------------------------------------------------------------------------------

EVIL = "x\nimport os\nos.mkdir('owned')\n# coding: utf-7 '); \u2028\x0c\r\x1b[2J"


@settings(max_examples=50, deadline=None)
@given(st.text())
def test_whatever_a_title_says_the_code_is_that_of_any_other_title(text: str) -> None:
    plain, chosen = mse(), mse()
    chosen.loss.title = text or "-"
    assert ast.dump(ast.parse(recipe(compare([chosen])))) == ast.dump(ast.parse(recipe(compare([plain]))))


def test_no_title_can_name_the_encoding_of_the_file() -> None:
    """PEP 263: a comment in the first two lines can."""
    chosen = mse()
    chosen.loss.title = "coding: utf-7"
    assert all(not line.startswith("#") for line in recipe(compare([chosen])).splitlines()[:3])


def put(record: Record, place: str, value: object, folder: Path) -> Record:
    """The record as it is read after somebody has written something else in one place of its file."""
    data = json.loads((record.save(folder) / RECORD).read_text())
    *outer, last = place.split(".")
    node: Any = data
    for key in outer:
        node = node[key]
    node[last] = value
    (folder / RECORD).write_text(json.dumps(data))
    return read_record(folder)


@pytest.mark.parametrize(
    "place",
    ["loss.name", "loss.params", "metric.name", "data.name", "cell.model.params"]
    + [f"cell.task.{key}" for key in ("data", "metric", "direction")],
)
def test_text_in_a_record_stays_text(place: str, tmp_path: Path) -> None:
    """Every statement of the code is one of those that it has without that text; the text is inside a literal."""
    record = put(mse(), place, {EVIL: EVIL} if place.endswith(("params", "data")) else EVIL, tmp_path)
    if place == "metric.name":
        record.directions[record.metric.name] = Direction.MIN
        for repeat in record.repeats:
            repeat.metrics = {record.metric.name: 1.0}
    tree, plain = (ast.parse(recipe(compare([each]))) for each in (record, mse()))
    assert [type(node) for node in tree.body] == [type(node) for node in plain.body]
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert calls <= {ast.unparse(node.func) for node in ast.walk(plain) if isinstance(node, ast.Call)}


@pytest.mark.parametrize(
    "place",
    ["cell.model.target", "cell.task.target", "loss.kind", "cell.loss.target", "cell.seed"]
    + [f"cell.training.{key}" for key in ("optimizer", "batch_size", "max_epochs")],
)
def test_text_where_a_name_or_a_number_belongs_is_refused(place: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        recipe(compare([put(mse(), place, EVIL, tmp_path)]))
    assert len(str(error.value).replace(str(tmp_path), "")) < 300


@pytest.mark.parametrize("path", ["os", "os.path; x", "a..b", ".a", "a.b()", "a.import", "a.1", "a.b\nc", ""])
def test_what_is_no_dotted_name_is_not_imported(path: str) -> None:
    with pytest.raises(InputError, match="no path such as"):
        imported(path, "model.target", ())


def test_a_name_that_the_code_uses_itself_is_imported_under_another() -> None:
    assert imported("nets:loss", "model.target", {"loss"}) == ("from nets import loss as own_loss", "own_loss")


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(deadline=None)
@given(plain)
def test_a_literal_is_the_value_that_it_was(value: object) -> None:
    assert ast.literal_eval(literal(value)) == value


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 10**5000, object(), {"a": [float("inf")]}], ids=range(5))
def test_what_has_no_literal_is_refused(value: object) -> None:
    with pytest.raises(InputError, match="cannot be written as Python"):
        literal(value)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(), st.none() | st.integers() | st.text()))
def test_keyword_arguments_reach_a_function_as_they_are(params: dict[str, object]) -> None:
    """But for names that Python takes for the same letters (NFKC), which it cannot tell apart itself."""
    given = {name: value for name, value in params.items() if name.isascii() or not name.isidentifier()}
    scope: dict[str, Callable[..., Any]] = {"same": lambda _, /, **words: words}
    assert eval(f"same(0{keywords(given)})", scope) == given  # what is under test is this very text


def test_a_record_that_does_not_say_how_many_steps_an_epoch_had_is_an_error_in_words() -> None:
    record = mse()
    record.cell = altered(record.cell, training={"batch_size": None})
    with pytest.raises(InputError, match="The record's steps per epoch is None, not a number: it is damaged"):
        recipe(compare([record]))
