"""pytorch-crf inside lossbench, against all paths counted one by one and against lossbench's own CRF."""

import itertools
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from lossbench_pytorch_crf import PytorchCRF

import lossbench
from lossbench.loss import Sequences, check_prediction

CLASSES, LENGTHS = 3, torch.tensor([4, 1, 3])


@pytest.fixture
def crf() -> PytorchCRF:
    torch.manual_seed(0)
    loss = PytorchCRF()
    assert loss.outputs(CLASSES) == CLASSES
    for parameter in loss.parameters():
        torch.nn.init.normal_(parameter)
    return loss


@pytest.fixture
def texts() -> tuple[Sequences, Sequences]:
    torch.manual_seed(1)
    n = int(LENGTHS.sum())
    return Sequences(torch.randn(n, CLASSES), LENGTHS), Sequences(torch.randint(CLASSES, (n,)), LENGTHS)


def score(loss: PytorchCRF, z: torch.Tensor, path: tuple[int, ...]) -> float:
    """start + Σ z + Σ transition + end of one path, added up by hand."""
    crf = loss.crf
    total = crf.start_transitions[path[0]] + crf.end_transitions[path[-1]]
    total = total + sum(z[step, label] for step, label in enumerate(path))
    return (total + sum(crf.transitions[a, b] for a, b in itertools.pairwise(path))).item()


def paths(length: int) -> list[tuple[int, ...]]:
    return list(itertools.product(range(CLASSES), repeat=length))


def test_a_sequence_costs_what_all_paths_counted_one_by_one_say(crf: PytorchCRF, texts: tuple) -> None:
    output, target = texts
    for value, z, y in zip(crf(output, target), output.split(), target.split(), strict=True):
        every = torch.tensor([score(crf, z, path) for path in paths(len(z))]).logsumexp(0)
        assert value.item() == pytest.approx(float(every) - score(crf, z, tuple(y.tolist())), rel=1e-5)


def test_predict_gives_the_best_path_and_the_share_of_paths_through_each_label(crf: PytorchCRF, texts: tuple) -> None:
    output, _ = texts
    prediction = crf.predict(output)
    check_prediction(crf.kind, prediction, output)
    labels, shares = prediction.label.split(LENGTHS.tolist()), prediction.probability.split(LENGTHS.tolist())
    for label, share, z in zip(labels, shares, output.split(), strict=True):
        weights = {path: torch.tensor(score(crf, z, path)).exp().item() for path in paths(len(z))}
        assert tuple(label.tolist()) == max(weights, key=weights.__getitem__)
        through = torch.zeros_like(share)
        for path, weight in weights.items():
            for step, chosen in enumerate(path):
                through[step, chosen] += weight / sum(weights.values())
        torch.testing.assert_close(share, through, rtol=1e-4, atol=1e-5)


def test_it_is_lossbenchs_crf_once_both_have_the_same_transitions(crf: PytorchCRF, texts: tuple) -> None:
    ours = lossbench.load_loss("crf")
    ours.outputs(CLASSES)
    theirs = crf.crf
    ours.load_state_dict(
        {"transitions": theirs.transitions, "start": theirs.start_transitions, "end": theirs.end_transitions}
    )
    torch.testing.assert_close(crf(*texts), ours(*texts), rtol=1e-5, atol=1e-5)
    assert torch.equal(crf.predict(texts[0]).label, ours.predict(texts[0]).label)


def test_its_transitions_are_parameters_that_learn(crf: PytorchCRF, texts: tuple) -> None:
    crf(*texts).mean().backward()
    assert len(list(crf.parameters())) == 3
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in crf.parameters())


def test_it_says_that_it_was_not_told_of_the_classes(texts: tuple) -> None:
    with pytest.raises(ValueError, match="has no transitions for 3 classes"):
        PytorchCRF()(*texts)


def test_the_commands_of_the_readme_run(tmp_path: Path) -> None:
    text = (Path(__file__).parents[1] / "README.md").read_text()
    commands = re.findall(r"^    lossbench (.+)$", text, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", "lossbench", *shlex.split(command)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "pytorch_crf" in done.stdout
