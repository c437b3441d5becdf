"""The printed program, part by part: imports, loss, rows, model, training, and what the test part says.

Titles stand below the imports, where no line of a file can name its encoding.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

from lossbench.errors import UnknownName
from lossbench.plan import Cell, Direction, Penalty
from lossbench.records.record import Record
from lossbench.report.recipe.literals import imported, keywords, literal, nested, number, one_line
from lossbench.report.recipe.typical import Typical
from lossbench.verdicts.words import several

TABLES = ("lossbench.tasks.regression.Regression", "lossbench.tasks.binary.Binary")
TEXT = "lossbench.tasks.ner.NER"
OPTIMIZERS = {"adamw": "torch.optim.AdamW", "sgd": "torch.optim.SGD"}
KINDS = ("continuous", "binary", "classes", "sequences")
_NAMES = """copy torch lossbench reduce build penalty_of Kind LossChoice Penalty Part Sequences loss data task fold x y
model optimizer penalty predicted best best_epoch epoch rows batch scored output target value kept prediction numbers
positive found"""
OWN_NAMES = frozenset(_NAMES.split())
"""Names that the printed code uses itself."""


@dataclass(frozen=True)
class Program:
    """The code of one record."""

    contest: str
    record: Record

    def lines(self) -> list[str]:
        """Every line, in order."""
        made = self._loss()  # first: it decides what is imported
        start = [*self._imports(), "", *self._header(), "torch.manual_seed(0)", made, "", *self._data(), ""]
        model = [self._model(), "", "", *self._prediction(), "", ""]
        return [*start, *model, *self._optimizer(), *self._training(), "", *self._test()]

    @cached_property
    def typical(self) -> Typical:
        return Typical(self.record)

    @property
    def _cell(self) -> Cell:
        return self.record.cell

    @property
    def _task(self) -> str:
        return self._cell.task.target.replace(":", ".")

    @property
    def _kind(self) -> str:
        kind = self.record.loss.kind
        if kind not in KINDS:
            raise UnknownName("kind of loss", str(kind), KINDS)
        return kind

    @property
    def _penalty(self) -> Penalty | None:
        return self._cell.penalty

    @property
    def _by_choice(self) -> bool:
        """Whether the loss is built from a `LossChoice`: one of somebody's own, or whose parameters clash with ours."""
        return bool(self._cell.loss.target) or not {"name", "kind"}.isdisjoint(self.typical.params)

    def _imports(self) -> list[str]:
        """One import a line, record-given names last; the first two lines are always ours."""
        used = ["Sequences"] * (self._task == TEXT and self._kind == "sequences")
        used += ["reduce"] * (self._task not in (*TABLES, TEXT)) + ["Kind"] * self._by_choice
        plan = ["LossChoice"] * self._by_choice + ["Penalty"] * bool(self._penalty)
        return [
            "import copy",
            "import torch",
            "import lossbench",
            *([f"from lossbench.loss import {', '.join(sorted(used))}"] if used else []),
            *([f"from lossbench.plan import {', '.join(plan)}"] if plan else []),
            *(["from lossbench.loss.catalogue import build"] if self._by_choice else []),
            *(["from lossbench.training.penalties import penalty_of"] if self._penalty else []),
            "from lossbench.tasks.contract import Part",
            self._task_class[0],
            self._model_class[0],
        ]

    @property
    def _task_class(self) -> tuple[str, str]:
        return imported(self._task, "task.target", OWN_NAMES)

    @property
    def _model_class(self) -> tuple[str, str]:
        taken = OWN_NAMES | {self._task_class[1]}
        return imported(self._cell.model.target, "model.target", taken)

    def _header(self) -> list[str]:
        tuned = len({repr(repeat.params) for repeat in self.typical.done}) > 1
        medians = ["parameters"] * tuned
        medians += ["threshold"] * (self.typical.threshold is not None)
        rest = f", {' and '.join(medians)} the median" if medians else ""
        title, repeats = one_line(self.record.title), several(len(self.typical.done), "repeat")
        lines = [
            f"# {title} on {one_line(self.contest)}, as {repeats} chose it:",
            f"# the learning rate is the geometric mean of theirs{rest}. As in the sweep, the epoch that is best by",
            f"# {one_line(self.record.metric.name)} on validation data is kept.",
        ]
        precision = self._cell.training.precision
        if precision not in ("32", "32-true"):
            lines.append(f"# The sweep trained at precision {one_line(precision)}, this code trains at 32.")
        return lines

    def _loss(self) -> str:
        params = nested(self.typical.params)
        if not self._by_choice:
            name = literal(self.record.loss.name)
            return f"loss = lossbench.load_loss({name}, kind={literal(self._kind)}{keywords(params)})"
        choice = self._cell.loss
        if choice.target:
            imported(choice.target, "loss.target", OWN_NAMES)  # refused unless it is a dotted name
        unsaid = ("params", "label", "draw", "tuned")
        fields = {key: value for key, value in asdict(choice).items() if key not in unsaid and value is not None}
        made = f"LossChoice(params={literal(params)}{keywords(fields)})"
        return f"loss = build({made}, Kind({literal(self._kind)}))"

    def _metric_params(self) -> str:
        given = self._cell.task.metric_params
        return f", metric_params={literal(given)}" if given else ""

    def _data(self) -> list[str]:
        task = self._cell.task
        data = dict(task.data)
        if self._task in (*TABLES, TEXT):
            data = {key: value for key, value in data.items() if value is not None}
        made = (
            f"task = {self._task_class[1]}(data=data, metric={literal(task.metric)}, "
            f"direction={literal(task.direction)}, seed={literal(self._cell.seed)}{self._metric_params()})"
        )
        lines = [f"data = {literal(data)}", made]
        if self._task in TABLES:
            unit = "(target - fold.centre) / fold.scale" if self._kind == "continuous" else "0. or 1."
            return [
                "# The rows of the sweep's first repeat. For rows of your own put them in place of fold.tensors(...),",
                f"# x [n, columns] float and y [n] float, {unit}, and your metric in place of fold.value(...).",
                *lines,
                "fold = task.fold(0, loss.domain)",
                "x, y = fold.tensors(Part.TRAIN)",
            ]
        words = "sentences" if self._task == TEXT else "examples"
        return [f"# The {words} of the sweep's first repeat", *lines, "fold = task.fold(0, loss.domain)"]

    def _model(self) -> str:
        sizes = "fold.inputs, loss.outputs(fold.classes)"
        if self._task in TABLES:
            sizes = "x.shape[1], loss.outputs(1)"
        return f"model = {self._model_class[1]}({sizes}{keywords(self._cell.model.params)})"

    def _optimizer(self) -> list[str]:
        optimizer = self._cell.training.optimizer
        if optimizer not in OPTIMIZERS:
            raise UnknownName("optimizer", str(optimizer), OPTIMIZERS)
        target = "y" if self._task in TABLES else "fold.training_target(loss.kind)"
        rate = f"lr={self.typical.rate:.2g}, weight_decay=0.0"
        ours = self._cell.model.target.startswith("lossbench.")
        return [
            f"loss.observe({target})  # class counts, where the loss needs them",
            *([] if ours else ["predicted(Part.VALIDATION)  # gives a lazy model its shapes"]),
            f"optimizer = {OPTIMIZERS[optimizer]}([*model.parameters(), *loss.parameters()], {rate})",
            *([f"penalty = Penalty({keywords(asdict(self._penalty))[2:]})"] if self._penalty else []),
        ]

    def _prediction(self) -> list[str]:
        return [
            "def predicted(part):",
            "    model.eval()",
            "    loss.eval()",
            "    with torch.no_grad():",
            *(f"        {line}" for line in self._scored("part", "")),
            "        return loss.predict(output)",
        ]

    def _training(self) -> list[str]:
        """Epochs as in the sweep: the best by the metric on validation data is kept; early stopping by patience."""
        training = self._cell.training
        epochs, clip, stop = training.max_epochs, training.clip_norm, training.patience
        weighs = self._task not in (*TABLES, TEXT)
        mean = "reduce(loss(output, target), scored.weight)" if weighs else "loss(output, target).mean()"
        clipped = "torch.nn.utils.clip_grad_norm_([*model.parameters(), *loss.parameters()], "
        step = [
            *self._scored("Part.TRAIN", "rows"),
            "optimizer.zero_grad()",
            f"({mean} + penalty_of(penalty, model, output)).backward()" if self._penalty else f"{mean}.backward()",
            *([f"{clipped}{clip!r})"] if clip is not None else []),
            "optimizer.step()",
        ]
        best, better = ("inf", "<") if self.record.metric.direction is Direction.MIN else ("-inf", ">")
        return [
            f"best, best_epoch = float('{best}'), 0",
            f"for epoch in range({epochs}):  # without validation data: range({self.typical.epochs}), the usual choice",
            f"    loss.advance(epoch / {max(1, epochs - 1)})  # moves schedules",
            "    model.train()",
            "    loss.train()",
            f"    for rows in torch.randperm({self._size}).split({self._batch_size()}):",
            *(f"        {line}" for line in step),
            f"    value = fold.value(predicted(Part.VALIDATION))  # {one_line(self.record.metric.name)}",
            f"    if value {better} best:",
            "        best, best_epoch = value, epoch",
            "        kept = copy.deepcopy([model.state_dict(), loss.state_dict()])",
            *([f"    if epoch - best_epoch >= {stop}:", "        break"] if stop is not None else []),
            "model.load_state_dict(kept[0])",
            "loss.load_state_dict(kept[1])",
        ]

    @property
    def _size(self) -> str:
        return "len(x)" if self._task in TABLES else "len(fold.splits.train)"

    def _batch_size(self) -> str:
        """As many targets a step as in the sweep; where the sweep took it from the data, as many steps per epoch."""
        size = self._cell.training.batch_size
        if size is not None:
            return str(size)
        steps = int(number(self.record.training.steps_per_epoch, "steps per epoch"))
        return f"-(-{self._size} // {steps})"

    def _scored(self, part: str, rows: str) -> list[str]:
        """Raw outputs, and targets where `rows` names some rows of a part, as the loss takes them."""
        both = "output, target" if rows else "output"
        if self._task in TABLES:
            if rows:
                return [f"output, target = {self._raw(f'x[{rows}]')}.squeeze(-1), y[{rows}]"]
            return [f"output = {self._raw(f'fold.tensors({part})[0]')}.squeeze(-1)"]
        batch = f"fold.batch({part}, {rows or f'torch.arange(len(fold.splits.rows({part})))'})"
        if self._task != TEXT:
            targets = ", scored.target" if rows else ""
            return [f"scored = fold.score(model, {batch}, loss.kind)", f"{both} = scored.output{targets}"]
        targets = ", batch.tags[batch.real]" if rows else ""
        lines = [
            f"batch = {batch}",
            f"{both} = {self._raw('batch')}[batch.real]{targets}  # the words, without padding",
        ]
        if self._kind == "sequences":
            targets = ", Sequences(target, batch.lengths)" if rows else ""
            lines.append(f"{both} = Sequences(output, batch.lengths){targets}")
        return lines

    def _raw(self, inputs: str) -> str:
        """What the model gives; of a model with several outputs, the chosen one."""
        picked = self._cell.model.output
        return f"model({inputs})" if picked is None else f"model({inputs})[{literal(picked)}]"

    def _test(self) -> list[str]:
        """Predictions for the test part, decided as the metric wants it, and the metric beside the sweep's values."""
        metric = self.record.metric.name
        decision = {} if self.typical.threshold is None else {metric: self.typical.threshold}
        values = self.record.values(metric)
        return [
            "# The test part of the sweep; for rows of your own, the lines of `predicted`",
            "fold.open_test('use')  # its targets are sealed until all is chosen",
            "prediction = predicted(Part.TEST)",
            *self._decided(),
            f"found = fold.evaluate(Part.TEST, prediction, {literal(decision)}).metrics[{literal(metric)}]",
            f"print({literal(f'{one_line(metric)} on the test part:')}, found)",
            *([f"print({literal(_spread(values))})"] if values else []),
        ]

    def _decided(self) -> list[str]:
        if self._task in TABLES and self._kind == "continuous":
            return ["numbers = prediction.score * fold.scale + fold.centre  # predictions in the target's unit"]
        if self.typical.threshold is None:
            return []
        graded = "probability" if self.record.values("log_loss") else "score"
        metric = one_line(self.record.metric.name)
        positive = f"positive = prediction.{graded} > {self.typical.threshold!r}"
        return [f"{positive}  # the threshold for {metric}, from validation data"]


def _spread(values: Sequence[float]) -> str:
    mean, low, high = statistics.fmean(values), min(values), max(values)
    return f"in the sweep: {mean:.5g} on average over {several(len(values), 'repeat')}, from {low:.5g} to {high:.5g}"
