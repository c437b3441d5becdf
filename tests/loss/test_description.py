"""A loss in full: what `lossbench losses NAME` says is what the class, its signature and its traits say."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lossbench.loss import Kind
from lossbench.loss.catalogue import load_family
from lossbench.loss.description import Description, described
from tests.conftest import Result, Site

Command = Callable[..., Result]

FULL = """
    from torch import nn
    import torch
    from lossbench.loss import Domain, Kind, Loss, Range

    class Full(Loss):
        '''Estimates much.

        The second paragraph.

        Args:
            c: how much: a share
                of the whole.
            d (float): the rest.

        Shape: [n].
        '''
        kind = Kind.CONTINUOUS
        reference = "|r| where r ≥ 0; else 0; Somebody 1999"
        bounded, convex, zero, monotone = True, False, True, False
        gives_up_on = "positives"
        domain = Domain.NONNEGATIVE
        pointwise = False
        observes = "the largest"
        special_cases = {"c=1": "0.5 * mse", "c=1e6": "≈ mae", "classes=2": "bce"}
        raises = {"c": "upwards", "d": "positives"}
        units = {"c": "targets"}
        search = {"c": Range(0.5, 20, log=True)}

        def __init__(self, c: float = 2.0, d: float | None = None, e: int = 3) -> None:
            super().__init__()
            self.c = c
            self.scale = nn.Parameter(torch.ones(1))

        @property
        def elicits(self):
            return "quantile 0.25" if self.c == 2 else "mean"

        def outputs(self, classes):
            return 4

        def forward(self, output, target):
            return output.sum()
"""


@pytest.fixture
def full(site: Site) -> Description:
    site.install("full-losses", {"full": "full_losses:Full"}, FULL, module="full_losses")
    (found,) = described(load_family("full"))
    return found


def test_formula_and_citation_are_the_halves_of_the_reference(full: Description) -> None:
    assert (full.formula, full.citation) == ("|r| where r ≥ 0; else 0", "Somebody 1999")
    (mae,) = described(load_family("mae"))
    assert (mae.formula, mae.citation) == ("|ŷ - y|", "")


def test_the_docstring_is_told_whole(full: Description) -> None:
    assert (full.summary, full.body) == ("Estimates much.", "The second paragraph.\n\nShape: [n].")


def test_parameters_have_the_meaning_that_the_docstring_gives_them(full: Description) -> None:
    assert [(p.name, p.meaning) for p in full.parameters] == [
        ("c", "how much: a share of the whole"),
        ("d", "the rest"),
        ("e", ""),
    ]


def test_every_parameter_is_told_with_default_type_unit_and_search(full: Description) -> None:
    told = [(p.name, p.default, p.type, p.unit, p.search) for p in full.parameters]
    assert told == [
        ("c", "2.0", "float", "targets", "0.5 to 20, log"),
        ("d", "None", "float or None", "", ""),
        ("e", "3", "int", "", ""),
    ]


def test_every_trait_is_told_in_words(full: Description) -> None:
    assert full.traits == (
        ("estimates", "the quantile 0.25 (at its defaults)"),
        ("bounded", "yes, the loss has a largest value, so a confident mistake may get almost no gradient"),
        ("convex", "no, not in the raw outputs"),
        ("zero", "never below 0, and 0 for a perfect prediction"),
        ("monotone", "no, some predictions cost more than worse ones"),
        ("gives up on", "positives that are confidently wrong: they get almost no gradient"),
        ("larger c", "moves predictions upwards"),
        ("larger d", "gives positives more weight"),
        ("observes", "the largest, in the training targets before training starts"),
        ("judges", "the batch as a whole (a set loss): one value; takes no sample weights"),
        ("targets", "never below 0, in multiples of their training mean"),
        ("outputs", "4 per target"),
        ("learns", "scale, with the model"),
    )
    assert full.special_cases == (
        "c=1: 0.5 · mse",
        "c=1e6: nearly mae",
        "two classes: bce of the difference between the two logits",
    )


def test_what_a_loss_does_not_know_of_itself_is_not_told(site: Site) -> None:
    source = "def plain(output, target): return output\nplain.__lossbench__ = {'kind': ['binary', 'continuous']}"
    site.install("plain-losses", {"plain": "plain_losses:plain"}, source, module="plain_losses")
    (told,) = described(load_family("plain"))  # both kinds say the same, so they are told once
    assert told.kinds == (Kind.BINARY, Kind.CONTINUOUS)
    assert told.traits == (("judges", "each target separately"),)
    assert (told.formula, told.citation, told.summary, told.body, told.parameters) == ("", "", "", "", ())


def test_a_loss_with_a_required_parameter_is_told_by_its_class() -> None:
    told = described(load_family("scaled"))
    assert told[0].formula == "factor · loss"
    assert [(p.name, p.default, p.type) for p in told[0].parameters] == [
        ("loss", "required", "a loss"),
        ("factor", "required", "float"),
    ]
    assert ("estimates", "depends on its parameters") in told[0].traits
    assert not any(word == "judges" for word, _ in told[0].traits)  # that is for the loss inside to say


def test_a_named_loss_is_printed_in_full_and_the_list_stays_short(lossbench: Command) -> None:
    result = lossbench("losses", "focal")
    assert result.code == 0
    for part in (
        "focal [lossbench 0.1.0]",
        "(1 - p)^γ · -log p, p = softmax(z)_y",
        "Lin et al. 2017",
        "One value per row, not one per row and class.",
        "loss.params.gamma default 2.0, float; focus on uncertain examples: exponent of 1 - p, at least 0; 0 is the",
        "the more likely class; its probabilities are distorted (at its defaults)",
    ):
        assert part in result.text, part
    assert not any(line != line.rstrip() or "\x1b" in line for line in result.out.splitlines())
    assert "in the raw outputs" not in lossbench("losses").out


def test_a_broken_plugin_is_named_with_its_error_where_it_is_asked_for(lossbench: Command, site: Site) -> None:
    site.install("sad-losses", {"sad": "sad_losses:Sad"}, "raise ImportError('a library')", module="sad_losses")
    result = lossbench("losses", "sad", "mae")
    assert result.code == 0
    assert "BROKEN: 'sad' of sad-losses 1.0 broke on import: ImportError: a library" in result.text
    assert "|ŷ - y|" in result.out
