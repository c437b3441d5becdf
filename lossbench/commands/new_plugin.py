"""`lossbench new-plugin`: a package with a loss of one's own, ready to install, check, sweep and publish."""

from __future__ import annotations

import keyword
import re
import shutil
import tempfile
from pathlib import Path

from lossbench.commands.options import KINDS, parser
from lossbench.errors import InputError
from lossbench.plugins import catalogue

HERE = Path(__file__).parent / "plugin"
SUMMARY = {
    "continuous": "Asks for the centre: squared near the target, absolute far from it, and smooth between.",
    "binary": "Asks which class, and counts a positive as several negatives.",
    "classes": "Asks which class, and takes no label to be sure.",
    "sequences": "Asks for every label of a sequence, and counts a long one for less than its words.",
}
TASK = {"continuous": "regression", "binary": "binary", "classes": "ner", "sequences": "ner"}
RIVAL = {"continuous": "mse", "binary": "bce", "classes": "cross_entropy", "sequences": "cross_entropy"}
OWN = {
    "continuous": """def test_the_value_at_three_and_four_is_that_of_a_right_triangle() -> None:
    # delta 3, residual 4: hypotenuse 5, so 3 · (5 - 3)
    loss = @Class@(delta=3.0)(torch.tensor([4.0]), torch.tensor([0.0]))
    assert loss.item() == pytest.approx(6.0)""",
    "binary": """def test_at_logit_0_a_negative_costs_log_2_and_a_positive_twice_that() -> None:
    losses = @Class@(weight=2.0)(torch.zeros(2), torch.tensor([0.0, 1.0]))
    assert losses.tolist() == pytest.approx([0.693147, 1.386294], abs=1e-5)""",
    "classes": """def test_among_equal_logits_every_class_costs_the_log_of_their_number() -> None:
    losses = @Class@()(torch.zeros(2, 4), torch.tensor([0, 3]))
    assert losses.tolist() == pytest.approx([1.386294, 1.386294], abs=1e-5)""",
    "sequences": """def test_four_words_of_equal_logits_cost_twice_what_one_costs() -> None:
    # power ½: 4 log 3 / √4 = 2 log 3, next to log 3
    lengths = torch.tensor([4, 1])
    labels = Sequences(torch.zeros(5, dtype=torch.long), lengths)
    losses = @Class@()(Sequences(torch.zeros(5, 3), lengths), labels)
    assert losses.tolist() == pytest.approx([2.197225, 1.098612], abs=1e-5)""",
}
"""The author's own test, at values computed by hand."""


def new_plugin(argv: list[str]) -> int:
    """Writes the package and says what to do next."""
    words = parser("new-plugin", "Writes a package with a loss of your own, a working one to be changed.")
    words.add_argument("name", metavar="NAME", help="of the loss, as +loss=NAME will say it")
    words.add_argument("--kind", choices=KINDS, default="binary", help="what it predicts (default: binary)")
    words.add_argument("--into", metavar="DIR", default=".", help="the folder that gets the package (default: here)")
    options = words.parse_args(argv)
    tokens = _tokens(options.name, options.kind)
    target = Path(options.into) / tokens["distribution"]
    if target.exists():
        raise InputError(f"{target} is there already: choose another name, or another folder with --into DIR.")
    if not target.parent.is_dir():
        raise InputError(f"--into {options.into}: there is no such folder.")
    try:
        _write(target, tokens, options.kind)
    except OSError as error:
        raise InputError(f"The package could not be written to {target}: {error.strerror}.") from error
    print(f"{target} is a package with the {options.kind} loss '{tokens['loss']}'. What next:\n")
    print(f"  pip install -e '{target if target.is_absolute() else f'./{target}'}[test]'")
    print(f"  lossbench check {tokens['loss']}")
    print(f"  lossbench +loss={tokens['loss']},{tokens['rival']} -m task={tokens['task']}\n")
    print(f"Then change the formula in {target / 'src' / tokens['module'] / '__init__.py'}.")
    return 0


def _tokens(name: str, kind: str) -> dict[str, str]:
    """What stands for what in the files. Raises InputError for a name that cannot be one."""
    loss = re.sub(r"[-\s]+", "_", name.removeprefix("lossbench-"))
    if not re.fullmatch(r"[a-z][a-z0-9_]*", loss) or keyword.iskeyword(loss):
        raise InputError(f"'{name}' is no name for a loss: lower-case letters, digits and _, as in my_focal.")
    if catalogue().find_short(loss) is not None:
        owner = catalogue().find(loss).distribution
        raise InputError(f"There is a loss '{loss}' already, of {owner}: choose another name.")
    tokens = {
        "loss": loss,
        "distribution": f"lossbench-{loss.replace('_', '-')}",
        "module": f"lossbench_{loss}",
        "Class": "".join(piece.capitalize() for piece in loss.split("_")) or loss.capitalize(),
        "summary": SUMMARY[kind],
        "task": TASK[kind],
        "rival": RIVAL[kind],
    }
    return {**tokens, "own": _filled(OWN[kind], tokens)}


def _write(target: Path, tokens: dict[str, str], kind: str) -> None:
    """All files or none: written beside the target and moved there in one step."""
    files = {
        "pyproject.toml": "pyproject.toml.template",
        "README.md": "README.md",
        ".gitignore": "gitignore",
        ".github/workflows/ci.yml": "ci.yml",
        f"src/{tokens['module']}/__init__.py": f"losses/{kind}.py.template",
        f"tests/test_{tokens['loss']}.py": "test_loss.py.template",
    }
    beside = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        for place, template in files.items():
            text = _filled((HERE / template).read_text("utf-8"), tokens)
            if kind == "sequences" and template == "test_loss.py.template":
                text = text.replace(
                    "from lossbench.testing", "from lossbench.loss import Sequences\nfrom lossbench.testing"
                )
            path = beside / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        beside.chmod(0o755)
        beside.rename(target)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def _filled(text: str, tokens: dict[str, str]) -> str:
    for name, value in tokens.items():
        text = text.replace(f"@{name}@", value)
    return text
