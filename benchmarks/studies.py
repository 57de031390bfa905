"""Studies: two processes against one, Dask against the pool, and what study and storage add to the clearing."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import yaml

from benchmarks.harness import Result, compare, timed
from scenarios.loading import load_scenario
from sim.options import RunOptions
from sim.simulate import simulate
from sim.studies.executors import Workers, dask, in_process, processes
from sim.studies.specification import read_specification
from sim.studies.study import Study

SCENARIO, DAYS, REPLICATIONS = "town-33", 5, 32
SHORT = 8
ROUNDS = 3
OUTPUTS = {
    "profit": {"table": "days", "column": "lot_profit", "reduce": "sum"},
    "lowest_voltage": {"table": "prices", "column": "voltage_pu", "reduce": "min", "per": "day"},
}


def study_of(replications: int) -> Study:
    """Return a study of one point: its runs differ in nothing but the seed."""
    keys = {"scenario": SCENARIO, "days": DAYS, "replications": replications, "outputs": OUTPUTS}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.yaml"
        path.write_text(yaml.safe_dump(keys), encoding="utf-8")
        return Study(read_specification(path))


def run_of(study: Study, workers: Workers) -> Callable[[], float]:
    """Return what runs a study into a fresh folder and measures the seconds of a simulated day."""

    def run() -> float:
        folder = Path(tempfile.mkdtemp())
        try:
            seconds = timed(lambda: study.run(workers, folder / "study"))
        finally:
            shutil.rmtree(folder)
        return seconds / (study.specification.runs * DAYS)

    return run


def two_processes() -> Result:
    """Two processes against one; the start of the processes counts."""
    study = study_of(REPLICATIONS)
    note = f"{REPLICATIONS} runs of {DAYS} days of {SCENARIO}: a day by 2 processes, start included, against 1"
    return compare(
        "study_two_processes_speedup", run_of(study, processes(2)), run_of(study, in_process()), note, ROUNDS
    )


def dask_and_pool() -> Result:
    """A local Dask cluster of two workers against the pool of two processes."""
    if find_spec("distributed") is None:
        return Result("study_dask_vs_pool", float("nan"), float("nan"), float("nan"), "needs equilot[dask]")
    study = study_of(REPLICATIONS)
    note = f"{REPLICATIONS} runs of {DAYS} days of {SCENARIO}: a day on a local cluster of 2, start included, or a pool"
    return compare("study_dask_vs_pool", run_of(study, dask(workers=2)), run_of(study, processes(2)), note, ROUNDS)


def overhead() -> Result:
    """A study with storage against the bare simulation of the same runs, in processor time."""
    study = study_of(SHORT)
    seeds = [study.specification.seed(0, replication) for replication in range(SHORT)]
    case = load_scenario(SCENARIO)

    def bare() -> float:
        start = time.process_time()
        for seed in seeds:
            for _ in simulate(case, RunOptions(days=DAYS, seed=seed)):
                pass
        return (time.process_time() - start) / (SHORT * DAYS)

    run = run_of(study, in_process())

    def stored() -> float:
        start = time.process_time()
        run()
        return (time.process_time() - start) / (SHORT * DAYS)

    note = f"{SHORT} runs of {DAYS} days of {SCENARIO}: a day with study and storage against without, processor time"
    return compare("study_overhead", stored, bare, note, ROUNDS)


BENCHMARKS: dict[str, Callable[[], Result]] = {
    "study_two_processes_speedup": two_processes,
    "study_dask_vs_pool": dask_and_pool,
    "study_overhead": overhead,
}
