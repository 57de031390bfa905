"""Studies: two processes against one, Dask against the pool, and what study and storage add to the clearing."""

from __future__ import annotations

import os
import resource
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
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

SCENARIO, DAYS, REPLICATIONS = "town-33", 5, 64
SHORT = 8
ROUNDS = 2
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


MANY_DAYS = 10
MANY = {"scenario": "nodal-33", "days": MANY_DAYS, "replications": 1000, "outputs": OUTPUTS}
"""Ten thousand days with recorded sessions."""

_LOOK_S = 1.0


def workers_of(parent: int) -> list[int]:
    """Return the processes below another one whose memory counts: its children's children, or the children."""
    below: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            below.setdefault(int(stat.read_text().rpartition(")")[2].split()[1]), []).append(int(stat.parent.name))
    children = below.get(parent, [])
    return [each for child in children for each in below.get(child, [])] or children


def memory_mb(process: int) -> float:
    """Return what a process holds in memory; nothing when it has gone."""
    with suppress(OSError):
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
        return pages * resource.getpagesize() / 2**20
    return 0.0


def ten_thousand_days() -> Result:
    """Ten thousand days in one study on two processes: seconds a day, and the workers' peak memory, early and late."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.yaml"
        path.write_text(yaml.safe_dump(MANY), encoding="utf-8")
        study = Study(read_specification(path))
        seen: list[tuple[float, float]] = []
        start, ended = time.perf_counter(), threading.Event()

        def watch() -> None:
            while not ended.wait(_LOOK_S):
                held = max(map(memory_mb, workers_of(os.getpid())), default=0.0)
                seen.append((time.perf_counter() - start, held))

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        results = study.run(processes(2), Path(folder) / "study")
        seconds = time.perf_counter() - start
        ended.set()
        watcher.join()
        processor = float(results.runs["processor_seconds"].sum())
    days = len(results.runs) * MANY_DAYS
    early = max(held for at, held in seen if at <= 0.1 * seconds)
    late = max(held for at, held in seen if at >= 0.9 * seconds)
    note = (
        f"{days} days of {MANY['scenario']} by 2 processes in {seconds / 60:.1f} min ({processor / days:.4f} s of "
        f"processor time a day); largest worker {early:.0f} MB in the first tenth, {late:.0f} MB "
        "in the last: their ratio"
    )
    return Result("study_10000_days", seconds / days, 0.06, early / late, note)


BENCHMARKS: dict[str, Callable[[], Result]] = {
    "study_two_processes_speedup": two_processes,
    "study_dask_vs_pool": dask_and_pool,
    "study_overhead": overhead,
    "study_10000_days": ten_thousand_days,
}
