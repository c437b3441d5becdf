"""Named entities: a tag for every word of a sentence, judged by whole entities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from copy import copy
from functools import cached_property
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lossbench.data import sources
from lossbench.data.sentences import Corpus, Sentence
from lossbench.data.sources.contract import TextSource
from lossbench.data.splits import VALIDATION_SHARE, Splits
from lossbench.errors import InputError
from lossbench.loss import Domain, Kind, Prediction, Sequences
from lossbench.metrics import catalogue
from lossbench.metrics.metric import Direction, Metric, Target
from lossbench.metrics.own_metric import OwnMetric
from lossbench.models.tagger import Encoded
from lossbench.plan import Part, Rarest, stream
from lossbench.plan.tags import OUTSIDE
from lossbench.tasks.contract import REFERENCE, DataCard, Decision, Evaluation, Scored, Sealed
from lossbench.tasks.spans import entity_counts, entity_scores, token_report
from lossbench.tasks.vocabulary import Vocabulary


class NERFold:
    """One repeat's sentences, in the vocabulary of its training sentences; only real words reach a loss."""

    def __init__(self, task: NER, repeat: int) -> None:
        self.splits = task.splits(repeat)
        self.tags, self.metric, self.own_metric = task.corpus.tags, task.metric, task.own_metric
        self.classes = len(self.tags)
        sentences = {part: [task.sentences[row] for row in self.splits.rows(part)] for part in Part}
        vocabulary = Vocabulary.of(sentences[Part.TRAIN], self.tags)
        self.inputs = vocabulary.sizes
        self.encoded = Sealed({part: vocabulary.encode(sentences[part]) for part in Part})
        self.true = Sealed({part: [list(sentence.tags) for sentence in sentences[part]] for part in Part})

    def open_test(self, choice: str) -> None:
        self.encoded.open(choice)
        self.true.open(choice)

    def training_target(self, kind: Kind) -> Tensor | Sequences:
        encoded = self.encoded[Part.TRAIN]
        labels = encoded.tags[encoded.real]
        return Sequences(labels, encoded.lengths) if kind is Kind.SEQUENCES else labels

    def batch(self, part: Part, rows: Tensor) -> Encoded:
        return self.encoded[part].rows(rows)

    def score(self, model: nn.Module, batch: Encoded, kind: Kind) -> Scored:
        output, target = model(batch)[batch.real], batch.tags[batch.real]
        if kind is Kind.SEQUENCES:
            return Scored(Sequences(output, batch.lengths), Sequences(target, batch.lengths))
        return Scored(output, target)

    def evaluate(self, part: Part, prediction: Prediction, decision: Decision) -> Evaluation:
        predicted = self._tagged(part, prediction)
        entities = entity_scores(self.true[part], predicted)
        flat_true = [tag for tags in self.true[part] for tag in tags]
        tokens, report = token_report(flat_true, [tag for tags in predicted for tag in tags], self.tags)
        values = {**entities, **tokens}
        values = {self.metric.name: values.pop(self.metric.name, 0.0), **values}
        own, influence = self.own_metric, {}
        if own:
            values[own.name] = own(self.true[part], predicted)
            parts = own.influence(self.true[part], predicted) if part is Part.TEST else None
            influence = {} if parts is None else {own.name: parts}
        return Evaluation(values, report, influence)

    def decide(self, prediction: Prediction) -> Decision:
        return {}

    def value(self, prediction: Prediction) -> float:
        part, name = Part.VALIDATION, self.metric.name
        if self.own_metric:
            return self.own_metric(self.true[part], self._tagged(part, prediction))
        if name.startswith("entity"):
            return entity_scores(self.true[part], self._tagged(part, prediction))[name]
        return self.evaluate(part, prediction, {}).metrics[name]

    def arrays(self, part: Part, prediction: Prediction) -> dict[str, NDArray[Any]]:
        encoded = self.encoded[part]
        assert prediction.label is not None
        found: dict[str, NDArray[Any]] = {
            "rows": np.repeat(self.splits.rows(part), encoded.lengths.numpy()),
            "target": encoded.tags[encoded.real].numpy().astype(np.int16),
            "label": prediction.label.numpy().astype(np.int16),
        }
        if part is Part.TEST:
            counts = [
                entity_counts(*pair) for pair in zip(self.true[part], self._tagged(part, prediction), strict=True)
            ]
            found["entities"] = np.array(counts, dtype=np.int16)
        graded = prediction.score if prediction.probability is None else prediction.probability
        name = "score" if prediction.probability is None else "probability"
        return {**found, name: graded.float().numpy()}

    def _tagged(self, part: Part, prediction: Prediction) -> list[list[str]]:
        assert prediction.label is not None
        tags = [self.tags[label] for label in prediction.label.tolist()]
        ends = self.encoded[part].lengths.cumsum(0).tolist()
        return [tags[start:end] for start, end in zip([0, *ends], ends, strict=False)]


class NER:
    """Strict entity F1, then token metrics and the report per tag."""

    name = "ner"
    predicts = Target.TAGS
    kinds = (Kind.CLASSES, Kind.SEQUENCES)

    def __init__(
        self,
        *,
        data: Mapping[str, Any],
        metric: str,
        direction: str | None,
        seed: int,
        metric_params: Mapping[str, Any] | None = None,
    ) -> None:
        self.data, self.seed = data, seed
        self.metric: Metric
        self.own_metric: OwnMetric | None
        self.metric, self.own_metric = catalogue.undecided(metric, direction, Target.TAGS, self.name, metric_params)
        self.corpus = _corpus(data)
        self.sentences: list[Sentence] = list(self.corpus.sentences())

    def splits(self, repeat: int) -> Splits:
        """Test sentences are the corpus's own; validation too if it has any, else a fifth of the rest."""
        corpus = self.corpus
        rest, extra = len(corpus.rest), len(corpus.validation or ())
        test = np.arange(rest + extra, len(self.sentences))
        if corpus.validation is not None:
            return Splits(np.arange(rest), np.arange(rest, rest + extra), test)
        order = np.random.default_rng(stream(self.seed, repeat, "split")).permutation(rest)
        cut = round(rest * VALIDATION_SHARE)
        return Splits(np.sort(order[cut:]), np.sort(order[:cut]), test)

    def halved(self, repeat: int, half: int, again: int) -> Self | None:
        """The same task on one half (0 or 1) of the sentences, split again; None where validation has its own."""
        if self.corpus.validation is not None:
            return None
        whole, rest = self.splits(repeat), len(self.corpus.rest)
        mine = np.random.default_rng(stream(self.seed, repeat, "half")).permutation(rest)[half::2]
        order = np.random.default_rng(stream(self.seed, repeat, "half", half, again)).permutation(mine)
        cut = round(len(mine) * VALIDATION_SHARE)
        splits = Splits(np.sort(order[cut:]), np.sort(order[:cut]), whole.test)
        other = copy(self)
        other.splits = lambda _: splits  # type: ignore[method-assign,assignment]
        return other

    def fold(self, repeat: int, domain: Domain = Domain.REAL) -> NERFold:
        return NERFold(self, repeat)

    def directions(self) -> dict[str, Direction]:
        return {self.metric.name: self.metric.direction, **catalogue.directions(catalogue.usual(Target.TAGS))}

    def margins(self) -> dict[str, float]:
        return {metric.name: metric.margin for metric in catalogue.usual(Target.TAGS) if metric.margin is not None}

    def rarest(self) -> Rarest | None:
        """The type with the fewest entities among the sentences that training sentences are drawn from.

        A type is counted by its B- tags: one per entity, however few entities are longer than one word.
        """
        counts = Counter(tag for sentence in self.corpus.rest for tag in sentence.tags)
        types = {tag: n for tag, n in counts.items() if tag != OUTSIDE and not tag.startswith("I-")}
        if not types:
            return None
        name = min(types, key=lambda tag: (types[tag], tag))
        return Rarest(name, types[name], counts.total(), len(self.corpus.rest))

    def legend(self) -> dict[str, NDArray[Any]]:
        words = [word for row in self.splits(0).test for word in self.sentences[row].words]
        return {"tags": np.array(self.corpus.tags), "words": np.array(words)}

    def references(self, repeat: int) -> dict[str, Evaluation]:
        """Every word outside of every entity."""
        fold = self.fold(repeat)
        fold.open_test(REFERENCE)
        words = len(fold.true[Part.TEST]), int(fold.encoded[Part.TEST].lengths.sum())
        outside = torch.full((words[1],), self.corpus.tags.index(OUTSIDE))
        return {"trivial": fold.evaluate(Part.TEST, Prediction(outside.float(), outside), {})}

    @cached_property
    def card(self) -> DataCard:
        corpus = self.corpus
        counts = Counter(tag for sentence in self.sentences for tag in sentence.tags)
        words = sum(counts.values())
        return DataCard(
            name=str(self.data["name"]),
            source=corpus.source,
            rows=len(self.sentences),
            columns=1,
            target="IOB2 tags",
            summary={
                "sentences": len(self.sentences),
                "words": words,
                "outside": counts[OUTSIDE] / words,
                **{tag: counts[tag] for tag in corpus.tags if tag.startswith("B-")},
            },
            digest=corpus.digest,
            warnings=corpus.warnings,
        )


def _corpus(data: Mapping[str, Any]) -> Corpus:
    """The tagged sentences of the source that `task.data` names."""
    source = sources.find(str(data["source"]))
    if not isinstance(source, TextSource):
        raise InputError(
            f"Data set '{data['name']}' holds no tagged sentences. For task=ner set task/data=generated, or bring your "
            f"own: task.data.path=train.conll."
        )
    return source.corpus({key: value for key, value in data.items() if value is not None})
