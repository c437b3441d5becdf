"""Overrides for messages that suggest a command: a shell and Hydra read them back exactly."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable

TEXT_KEYS = frozenset(
    [f"task.data.{key}" for key in ("path", "target", "positive", "name", "split", "validation", "test")]
    + [f"task.data.{key}" for key in ("decimal", "thousands", "separator", "encoding")]
    + ["name", "results", "tracking.uri", "report.baseline", "task.metric", "model.target", "loss.target"]
)
"""Keys whose value is text whatever it looks like: a column may be called 2024, a file `sales (new).csv`."""
LIST_KEYS = frozenset(f"task.data.{key}" for key in ("drop", "missing", "columns"))
"""Keys whose value is a list of such texts."""

PLAIN = re.compile(r"(?:[A-Za-z_/]|\.{1,2}/)[\w./:-]*", re.ASCII)
"""Words that Hydra's grammar and every shell leave as they are."""
RESERVED = ("null", "true", "false", "nan", "inf")
"""Words that Hydra's grammar does not read as text, in any case."""


def override(key: str, value: object) -> str:
    """`key=value` to be pasted into a shell: `task.data.positive='">50K"'`, `task.data.drop=\\[age\\]`.

    value: text, a number, a truth value, None, or a list of these. Whatever signs a text holds, a POSIX shell and the
    composition of a command line give back this very value.
    """
    bare = key in TEXT_KEYS and isinstance(value, str) and re.fullmatch(r"[\w.]+", value, re.ASCII)
    return f"{key}={value if bare and value != 'null' else shell_word(written(value))}"


def command(words: Iterable[str]) -> str:
    """A command line to be pasted into a shell: each word in quotes where it needs them."""
    return " ".join(map(_command_word, words))


def written(value: object) -> str:
    """A value as Hydra's grammar reads it, without regard to a shell; text is put in quotes where it needs them."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(written, value))}]"
    # OmegaConf takes ${...} for an interpolation unless a backslash stands before it; backslashes before that count
    return hydra_word(re.sub(r"(\\*)\$\{", lambda found: 2 * found[1] + r"\${", str(value)))


def hydra_word(text: str) -> str:
    """A text in quotes that Hydra takes off again; plain words stay as they are, and so do ${interpolations}."""
    if PLAIN.fullmatch(text) and text.lower() not in RESERVED:
        return text
    mark = "'" if '"' in text and "'" not in text else '"'

    def escaped(found: re.Match[str]) -> str:
        return 2 * found[1] + found[2].replace(mark, rf"\{mark}")

    # Hydra takes a backslash as it stands, unless a quote follows
    return mark + re.sub(rf"(\\*)({mark}|\Z)", escaped, text) + mark


def shell_word(text: str) -> str:
    """A text as one word of a POSIX shell."""
    if len(text) > 1 and text[0] == "[" and text[-1] == "]":  # zsh takes bare brackets for a pattern of file names
        return rf"\[{shell_word(text[1:-1]) if text != '[]' else ''}\]"
    if "'" in text and not set(text) & set("$`!"):  # these are special within double quotes
        return '"' + re.sub(r'([\\"])', r"\\\1", text) + '"'
    return shlex.quote(text)


def _command_word(word: str) -> str:
    key, equal, value = word.partition("=")
    if equal and re.fullmatch(r"[+\w./@-]+", key, re.ASCII):  # quotes only around the value: easier to read
        return f"{key}={shell_word(value) if value else ''}"
    return shell_word(word)
