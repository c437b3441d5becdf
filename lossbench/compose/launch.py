"""Runs the cells of a sweep as Hydra jobs, one a cell, by whichever launcher the command line names."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import hydra
from omegaconf import DictConfig

from lossbench.compose.source import config_folder


def launch(words: Sequence[str], run: Callable[[int], None], key: str = "cell") -> int:
    """`hydra.main` over these arguments; each job hands the number that its `key` holds to `run`.

    The exit code is Hydra's.
    """

    def job(config: DictConfig) -> None:
        run(config[key])

    entry = hydra.main(version_base="1.3", config_path=str(config_folder()), config_name="config")(job)
    argv = sys.argv
    sys.argv = ["lossbench", *words]
    try:
        entry()
    except SystemExit as end:
        return int(end.code or 0)
    finally:
        sys.argv = argv
    return 0
