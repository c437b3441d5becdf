"""The tagger and its vocabulary: what is learned from training alone, and what padding must not touch."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lossbench.data.sentences import Sentence
from lossbench.models.tagger import PADDING, UNKNOWN, Encoded, Sizes, Tagger
from lossbench.tasks.vocabulary import Vocabulary, shape

TAGS = ("B-PER", "I-PER", "O")


def sentence(text: str) -> Sentence:
    words = tuple(text.split())
    return Sentence(words, ("O",) * len(words))


TRAINING = [
    Sentence(("Ada", "Byron", "met", "Ada"), ("B-PER", "I-PER", "O", "B-PER")),
    sentence("the engine met the mill at noon ."),
    sentence("the mill met the engine"),
]


@pytest.fixture
def vocabulary() -> Vocabulary:
    return Vocabulary.of(TRAINING, TAGS)


@pytest.fixture
def model(vocabulary: Vocabulary) -> Tagger:
    torch.manual_seed(0)
    return Tagger(vocabulary.sizes, 5).eval()


def padded(batch: Encoded, extra: int) -> Encoded:
    """The same sentences with more padding, filled with the ids of real words, which nothing may look at."""

    def longer(table: Tensor) -> Tensor:
        return torch.cat([table, table.new_full((len(table), extra), 2)], dim=1)

    tables = (batch.words, batch.shapes, batch.prefixes, batch.suffixes, batch.tags)
    words, shapes, prefixes, suffixes, tags = map(longer, tables)
    return Encoded(words, shapes, prefixes, suffixes, tags, batch.lengths)


def test_words_seen_once_or_never_are_unknown(vocabulary: Vocabulary) -> None:
    known, once, never = vocabulary.encode([sentence("Ada noon Zanzibar")]).words[0].tolist()
    assert known > UNKNOWN
    assert once == never == UNKNOWN


def test_capitals_are_in_the_shape_and_not_in_the_word(vocabulary: Vocabulary) -> None:
    batch = vocabulary.encode([sentence("Ada ada")])
    assert batch.words[0, 0] == batch.words[0, 1]
    assert batch.shapes[0, 0] != batch.shapes[0, 1]


@pytest.mark.parametrize(
    ("word", "looks"),
    [
        ("Ada", "Xxx"),
        ("NATO", "XX"),
        ("McKay-88", "XxXxx-00"),
        ("1,250", "0,00"),
        ("Łódź", "Xxx"),
        ("...", ".."),
    ],
)
def test_the_shape_of_a_word_shortens_runs(word: str, looks: str) -> None:
    assert shape(word) == looks


def test_padding_is_0_in_every_table_and_minus_1_in_tags(vocabulary: Vocabulary) -> None:
    batch = vocabulary.encode(TRAINING)
    assert batch.lengths.tolist() == [4, 8, 5]
    for table in (batch.words, batch.shapes, batch.prefixes, batch.suffixes):
        assert table.shape == (3, 8)
        assert table.dtype is torch.int64
        assert ((table != PADDING) == batch.real).all()
    assert batch.tags.tolist()[0] == [0, 1, 2, 0, -1, -1, -1, -1]


def test_every_id_has_a_row_in_its_table(vocabulary: Vocabulary) -> None:
    batch = vocabulary.encode(TRAINING)
    tables = (batch.words, batch.shapes, batch.prefixes, batch.suffixes)
    assert Sizes(*(int(table.max()) + 1 for table in tables)) == vocabulary.sizes


def test_only_training_sentences_teach_words() -> None:
    small = Vocabulary.of(TRAINING[:1], TAGS)
    assert set(small.words) == {"ada"}


def test_rows_are_cut_to_the_longest_of_them(vocabulary: Vocabulary) -> None:
    batch = vocabulary.encode(TRAINING).rows(torch.tensor([2, 0]))
    alone = vocabulary.encode([TRAINING[2], TRAINING[0]])
    assert all(torch.equal(getattr(batch, name), table) for name, table in alone._asdict().items())


@pytest.mark.parametrize("extra", [1, 2, 9])
def test_padding_never_reaches_a_real_word(vocabulary: Vocabulary, model: Tagger, extra: int) -> None:
    batch = vocabulary.encode(TRAINING)
    with torch.no_grad():
        before, after = model(batch), model(padded(batch, extra))
    torch.testing.assert_close(after[:, :8][batch.real], before[batch.real], atol=1e-6, rtol=0)


def test_a_sentence_scores_the_same_alone_and_in_company(vocabulary: Vocabulary, model: Tagger) -> None:
    with torch.no_grad():
        together = model(vocabulary.encode(TRAINING))
        for place, one in enumerate(TRAINING):
            alone = model(vocabulary.encode([one]))[0]
            torch.testing.assert_close(together[place, : len(one)], alone, atol=1e-6, rtol=0)


@pytest.mark.parametrize(("layers", "reach"), [(1, 1), (2, 3), (3, 7)])
def test_dilation_doubles_how_far_a_word_is_heard(layers: int, reach: int) -> None:
    torch.manual_seed(0)
    model = Tagger(Sizes(9, 9, 9, 9), 3, layers=layers).eval()
    ids = torch.full((1, 21), 2)
    changed = ids.clone()
    changed[0, 10] = 5
    length = torch.tensor([21])
    batch, other = (Encoded(words, ids, ids, ids, ids, length) for words in (ids, changed))
    moved = (model(batch) != model(other)).any(-1)[0].nonzero().flatten()
    assert (moved.min().item(), moved.max().item()) == (10 - reach, 10 + reach)


def test_words_are_forgotten_in_training_alone(vocabulary: Vocabulary) -> None:
    batch = vocabulary.encode(TRAINING)
    forgetful = Tagger(vocabulary.sizes, 3, dropout=0.0, word_dropout=1.0)
    unknown = batch._replace(words=torch.full_like(batch.words, UNKNOWN))
    torch.testing.assert_close(forgetful(batch), forgetful.eval()(unknown))
    assert not torch.equal(forgetful(batch), forgetful(unknown))


def test_the_number_of_outputs_is_free_and_the_last_layer_linear(vocabulary: Vocabulary) -> None:
    batch = vocabulary.encode(TRAINING)
    for outputs in (1, 3, 10):
        model = Tagger(vocabulary.sizes, outputs, width=8, layers=1)
        assert model(batch).shape == (3, 8, outputs)
        assert isinstance(model.output, nn.Linear)
        assert model.output.out_features == outputs


def test_every_weight_can_be_drawn_anew_module_by_module(model: Tagger) -> None:
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    for module in model.modules():
        if list(module.parameters(recurse=False)):
            assert callable(getattr(module, "reset_parameters", None)), type(module).__name__
            module.reset_parameters()  # type: ignore[operator]
    assert [name for name, weight in model.named_parameters() if torch.equal(weight, before[name])] == []


def test_every_weight_receives_a_gradient(vocabulary: Vocabulary, model: Tagger) -> None:
    batch = vocabulary.encode(TRAINING)
    model(batch)[batch.real].square().sum().backward()
    assert [name for name, weight in model.named_parameters() if weight.grad is None or not weight.grad.any()] == []
