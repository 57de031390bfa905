"""``equilot study``: many runs of a scenario, on one process, many, or a Dask cluster."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from equilibrium.errors import InputError
from sim.commands.base import FAILED, INTERRUPTED, OK, Commands, count, directory
from sim.stopping import stop_signals

if TYPE_CHECKING:
    from rich.console import Console

    from sim.studies.executors import Workers
    from sim.studies.study import Progress

_TOLD_S = 5.0
"""Seconds between two lines about the progress, where there is no terminal."""

_STUDY = """Run a study: the points of a grid or sample times replications. The results are Parquet tables in one
folder. A study that was stopped or killed goes on when the same command is given again."""


def add_to(commands: Commands) -> None:
    """Add the command and its options."""
    study = commands.add_parser("study", help="run many replications at many points, and resume", description=_STUDY)
    study.add_argument("study", metavar="STUDY.yaml", type=Path, help="the study (docs/studies.md)")
    study.add_argument("--out", metavar="DIR", type=directory, help="study folder (default: runs/study-NAME)")
    study.add_argument("--workers", metavar="N", type=count(1), default=1, help="processes (default: %(default)s)")
    study.add_argument(
        "--dask",
        metavar="ADDRESS",
        nargs="?",
        const="local",
        help="work on the Dask cluster with this scheduler, or on one of this machine with N workers (equilot[dask])",
    )
    study.add_argument("--no-figures", action="store_true", help="write no figures and no report")
    study.set_defaults(command=_study)


def _study(given: argparse.Namespace) -> int:
    """``equilot study``."""
    from sim.report.study import write_study_report
    from sim.show.console import console
    from sim.studies.show import claim_lines, draw_study, summary_table
    from sim.studies.stored import read_study
    from sim.studies.study import Study

    if not given.study.is_file():
        raise InputError(str(given.study), "study", str(given.study), "a YAML file")
    folder = given.out or Path("runs") / f"study-{given.study.stem}"
    study = Study.from_file(given.study)
    workers = _workers(given)
    screen = console()
    points, runs = len(study.specification.points), study.specification.runs
    title = study.specification.file.title or given.study.stem
    screen.print(f"{title}: {points} points, {runs} runs, {workers.name}", soft_wrap=True)
    with stop_signals() as stop:
        results = study.run(workers, folder, progress=_teller(screen), stop=stop)
    screen.print(summary_table(study.specification, results))
    for line in claim_lines(study.specification, results):
        screen.print(line, soft_wrap=True)
    if not given.no_figures:
        draw_study(study.specification, results, folder)
        write_study_report(read_study(folder))
    if len(results.failures):
        first = results.failures.iloc[0]
        said = f"{len(results.failures)} runs failed; the first: point {first['point']}, replication "
        said += f"{first['replication']}, {first['type']}: {first['message']}"
        screen.print(said, soft_wrap=True)
    screen.print(f"results in {folder}", soft_wrap=True)
    if not results.complete:
        screen.print("stopped: give the same command again to go on")
        return INTERRUPTED
    return FAILED if len(results.failures) else OK


def _workers(given: argparse.Namespace) -> Workers:
    """Return where the study is worked at."""
    from sim.studies.executors import dask, in_process, processes

    if given.dask is not None:
        return dask(None if given.dask == "local" else given.dask, given.workers)
    return in_process() if given.workers == 1 else processes(given.workers)


def _teller(screen: Console) -> Callable[[Progress], None]:
    """Return what tells the progress: a line now and then, and in a terminal always the same one."""
    told = [time.monotonic()]

    def tell(progress: Progress) -> None:
        """Say how far the study is, now and then and at the end."""
        now, last = time.monotonic(), progress.done == progress.runs
        if now - told[0] < _TOLD_S and not last:
            return
        told[0] = now
        failed = f", {progress.failed} failed" if progress.failed else ""
        left = "" if last else f", {progress.left_s:.0f} s left"
        line = f"{progress.done} of {progress.runs} runs{failed}{left}"
        screen.print(line, end="\r" if screen.is_terminal and not last else "\n")

    return tell
