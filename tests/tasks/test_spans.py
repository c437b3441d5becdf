"""Entity scores against seqeval, reports per tag against scikit-learn."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics.v1 import precision_recall_fscore_support as seqeval_scores
from seqeval.scheme import IOB2
from sklearn.metrics import accuracy_score, classification_report, f1_score

from lossbench.plan.tags import spans
from lossbench.tasks.spans import entity_scores, format_report, token_report

TAGS = ["B-LOC", "I-LOC", "B-PER", "I-PER", "O"]
TYPES = TAGS[:-1]


def pair_of_taggings(length: int) -> st.SearchStrategy[tuple[list[str], list[str]]]:
    tagging = st.lists(st.sampled_from(TAGS), min_size=length, max_size=length)
    return st.tuples(tagging, tagging)


def words(seed: int, size: int = 400) -> tuple[list[str], list[str]]:
    """True tags, and predictions of which about a quarter are wrong."""
    draw = random.Random(seed)
    true = draw.choices(TAGS, weights=[3, 2, 3, 2, 30], k=size)
    return true, [tag if draw.random() < 0.75 else draw.choice(TAGS) for tag in true]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(1, 7).flatmap(pair_of_taggings), min_size=1, max_size=5))
def test_entity_scores_are_those_of_seqeval_for_any_tagging_valid_or_not(
    pairs: list[tuple[list[str], list[str]]],
) -> None:
    true, predicted = [list(side) for side in zip(*pairs, strict=True)]
    if not any(tag[0] == "B" for tags in [*true, *predicted] for tag in tags):
        return  # seqeval raises where neither side has an entity; see the next test
    precision, recall, f1, _ = seqeval_scores(
        true, predicted, average="micro", mode="strict", scheme=IOB2, zero_division=0
    )
    assert entity_scores(true, predicted) == pytest.approx(
        {"entity_f1": f1, "entity_precision": precision, "entity_recall": recall}
    )


def test_no_entity_at_all_scores_zero() -> None:
    assert entity_scores([["O", "O"]], [["O", "I-PER"]]) == {
        "entity_f1": 0.0,
        "entity_precision": 0.0,
        "entity_recall": 0.0,
    }


def test_an_entity_counts_only_with_its_type_and_both_ends() -> None:
    true = [["B-PER", "I-PER", "O", "B-LOC"]]
    assert entity_scores(true, [["B-PER", "I-PER", "O", "B-PER"]])["entity_f1"] == 0.5
    assert entity_scores(true, [["B-PER", "O", "O", "B-LOC"]])["entity_f1"] == 0.5
    assert entity_scores(true, [["I-PER", "I-PER", "O", "B-LOC"]])["entity_recall"] == 0.5


def test_entities_never_reach_over_the_end_of_a_sentence() -> None:
    assert entity_scores([["B-PER"], ["B-PER"]], [["B-PER"], ["I-PER"]])["entity_recall"] == 0.5


def test_an_inside_tag_of_another_type_ends_the_entity_and_opens_none() -> None:
    assert spans(["B-PER", "I-LOC", "I-PER"]) == [("PER", 0, 1)]
    assert spans(["B-PER", "B-PER", "I-PER", "O"]) == [("PER", 0, 1), ("PER", 1, 3)]


def test_predictions_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="2 tags cannot be judged by 1"):
        entity_scores([["O", "O"]], [["O"]])


@pytest.mark.parametrize("seed", range(5))
def test_the_report_is_that_of_scikit_learn(seed: int) -> None:
    true, predicted = words(seed)
    _, report = token_report(true, predicted, TAGS)
    oracle = classification_report(true, predicted, labels=TAGS, output_dict=True, zero_division=0)
    accuracy = oracle.pop("accuracy")  # scikit-learn's word for the micro average over all tags
    for name, row in oracle.items():
        assert report[name] == pytest.approx(row), name
    micro = report["micro avg"]
    assert [micro[name] for name in ("precision", "recall", "f1-score")] == pytest.approx([accuracy] * 3)
    without = classification_report(true, predicted, labels=TYPES, output_dict=True, zero_division=0)
    assert report["micro avg without O"] == pytest.approx(without["micro avg"])
    assert list(report) == [*TAGS, "micro avg", "macro avg", "weighted avg", "micro avg without O"]


@pytest.mark.parametrize("seed", range(5))
def test_token_metrics_leave_out_the_tag_o_and_accuracy_does_not(seed: int) -> None:
    true, predicted = words(seed)
    metrics, _ = token_report(true, predicted, TAGS)
    assert metrics == pytest.approx(
        {
            "token_f1": f1_score(true, predicted, labels=TYPES, average="micro"),
            "token_f1_macro": f1_score(true, predicted, labels=TYPES, average="macro"),
            "token_accuracy": accuracy_score(true, predicted),
        }
    )


def test_a_tag_that_nobody_has_keeps_its_row_of_zeros() -> None:
    _, report = token_report(["O", "B-PER"], ["O", "B-PER"], TAGS)
    assert report["I-LOC"] == {"precision": 0.0, "recall": 0.0, "f1-score": 0.0, "support": 0.0}


def test_o_may_stand_anywhere_in_the_order_of_tags() -> None:
    true, predicted = words(0)
    metrics, report = token_report(true, predicted, TAGS)
    moved_metrics, moved_report = token_report(true, predicted, TAGS[::-1])
    assert moved_metrics == pytest.approx(metrics)
    assert {name: pytest.approx(row) for name, row in moved_report.items()} == report


def test_the_text_is_scikit_learns_letter_for_letter() -> None:
    true, predicted = words(1)
    # With a part of the labels scikit-learn prints all three averages itself.
    oracle = {"labels": TYPES, "zero_division": 0}
    report = classification_report(true, predicted, output_dict=True, **oracle)
    assert format_report(report) == classification_report(true, predicted, digits=4, **oracle)


def test_the_text_has_every_row_of_the_report() -> None:
    _, report = token_report(*words(2), TAGS)
    text = format_report(report)
    assert [line[:19].strip() for line in text.splitlines()[2:] if line] == list(report)
