"""Runs the cells of a sweep as Hydra jobs, one a cell, by whichever launcher the command line names."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from lossbench.compose.cells import to_cell
from lossbench.compose.source import config_folder
from lossbench.plan import Cell


def launch(words: Sequence[str], run: Callable[[Cell], None]) -> int:
    """`hydra.main` over these arguments; each job hands its cell to `run`. The exit code is Hydra's."""

    def job(config: DictConfig) -> None:
        run(to_cell(config, list(HydraConfig.get().overrides.task)))

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
