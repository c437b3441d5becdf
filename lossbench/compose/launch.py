"""Hydra's launchers: the cells of a sweep as jobs by number, here or on other processes and machines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from hydra import compose
from hydra._internal.callbacks import Callbacks  # needed to make a launcher; no public function does
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf

from lossbench.compose.composition import OWN_LAUNCHER, Composition, hydra_over
from lossbench.errors import InputError
from lossbench.plan.installed import LAUNCHERS, installed, load
from lossbench.plan.overrides import hydra_word

Job = Callable[[int], None]


def launcher(composed: Composition, folder: Path) -> Callable[[int, Job], None] | None:
    """The function that runs jobs by the command's launcher; None to run them here, one after the other.

    folder: of the sweep; a launcher may write its files there.
    """
    if composed.launcher == OWN_LAUNCHER:
        return None
    if composed.launcher in installed(LAUNCHERS):
        return partial(_launch_installed, composed)
    return partial(_launch, composed, folder)


class Launcher(Protocol):
    """What a package brings by an entry point in the group `lossbench.launchers`, for `hydra/launcher=NAME`."""

    options: Mapping[str, Any]
    """Keys of `hydra.launcher` that it reads, with their defaults."""

    def launch(self, job: Job, count: int, options: Mapping[str, Any]) -> None:
        """Calls job(0) ... job(count - 1), each once, in any order, here or elsewhere, and returns when all have ended.

        The job can be pickled. Exceptions of a job are passed on.
        """
        ...


def _launch_installed(composed: Composition, count: int, job: Job) -> None:
    """Runs jobs 0 .. count - 1 by a launcher from a package. Raises InputError if that fails."""
    made: Launcher = load(LAUNCHERS, composed.launcher)
    try:
        with hydra_over(composed.arguments):
            words = [f"hydra/launcher={composed.launcher}", *composed.hydra, "hydra.sweeper.params=null"]
            config = compose("config", overrides=words, return_hydra_config=True)
            options = OmegaConf.to_container(config.hydra.launcher, resolve=True)
        assert isinstance(options, dict)
        made.launch(job, count, {str(key): value for key, value in options.items() if key != "_target_"})
    except Exception as error:  # third-party code: any error is reported on one line
        raise InputError(f"hydra/launcher={composed.launcher} could not run these cells: {error}") from error


@dataclass(frozen=True)
class _Task:
    """What Hydra calls for each job. It is sent to where the job runs, and holds only the job."""

    job: Job

    def __call__(self, config: DictConfig) -> None:
        self.job(int(HydraConfig.get().job.num))


def _launch(composed: Composition, folder: Path, count: int, job: Job) -> None:
    """Runs jobs 0 .. count - 1. Their configuration has no cells: a job finds its cell by its number.

    Raises InputError if the launcher cannot be made, or refuses its jobs.
    """
    words = [
        f"hydra/launcher={composed.launcher}",  # an experiment may have chosen it
        *composed.hydra,
        "hydra.mode=MULTIRUN",
        "hydra.sweeper.params=null",
        f"hydra.sweep.dir={hydra_word(str(folder.resolve()))}",
    ]
    try:
        with hydra_over(composed.arguments):
            config = compose("config", overrides=words, return_hydra_config=True)
            OmegaConf.set_struct(config, True)
            loader = GlobalHydra.instance().config_loader()
            context = HydraContext(config_loader=loader, callbacks=Callbacks(config))
            made = Plugins.instance().instantiate_launcher(
                hydra_context=context, task_function=_Task(job), config=config
            )
            for ended in made.launch([[] for _ in range(count)], initial_job_idx=0):
                _ = ended.return_value  # raises the job's own exception
    except Exception as error:  # third-party code: any error is reported on one line
        raise InputError(f"hydra/launcher={composed.launcher} could not run these cells: {error}") from error
