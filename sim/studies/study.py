"""A study: its runs in chunks, spread over workers, kept as they finish, and taken up where they were left."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

from equilibrium.errors import InputError
from scenarios.loading import load_scenario, read_case
from sim.folder import MANIFEST, locked
from sim.manifest import read_json, versions, write_json
from sim.resume import differences
from sim.simulate import kind_of
from sim.studies.claims import check_claims
from sim.studies.executors import ANY_NUMBER, Workers, in_process
from sim.studies.handing_out import worked
from sim.studies.outputs import check_outputs
from sim.studies.specification import Specification, read_specification
from sim.studies.statistics import summary
from sim.studies.storage import (
    FORMAT,
    SUMMARY,
    ChunkStore,
    StudyResults,
    check_study_folder,
    point_frame,
    write_points,
    write_table,
)
from sim.studies.work import Chunk, Replication

_CHUNKS, _LARGEST = 32, 64
"""Chunks that a study is cut into at least, where it has as many runs, and most runs of one."""

_SAYS_NOTHING = ("specification.title", "specification.claims")
"""What of a specification may differ where the runs are the same."""

_CHECKED = 200
"""Values of keys that are tried before the study begins."""


@dataclass(frozen=True)
class Progress:
    """How far a study has come: runs done and all of them, failures, and the seconds that are left at this pace."""

    done: int
    runs: int
    failed: int
    left_s: float


class Study:
    """A study that can be run.

    Parameters
    ----------
    specification
        What it is.

    Raises
    ------
    InputError
        When its scenario, a key or an output is none.
    """

    def __init__(self, specification: Specification) -> None:
        self.specification = specification
        file = specification.file
        case = load_scenario(file.scenario, settings=specification.points[0])
        check_outputs(specification, kind_of(case))
        check_claims(specification)
        self._hashes = case.input_hashes()
        self._check_keys()

    @classmethod
    def from_file(cls, path: Path | str) -> Self:
        """Read a study's YAML file."""
        return cls(read_specification(Path(path)))

    def _check_keys(self) -> None:
        """Try every value of every key once beside the first point's others; combinations are tried when they run."""
        points, scenario = self.specification.points, self.specification.file.scenario
        seen = {(key, text) for key, text in points[0].items()}
        for point in points:
            fresh = {(key, text) for key, text in point.items()} - seen
            if fresh and len(seen) < _CHECKED:
                read_case(scenario, settings=point)
            seen |= fresh

    def chunks(self) -> Iterator[Chunk]:
        """Yield the chunks of the study; they depend on nothing but the specification."""
        study, file = self.specification, self.specification.file
        size = max(1, min(_LARGEST, math.ceil(study.runs / _CHUNKS)))
        runs = [(point, replication) for point in range(len(study.points)) for replication in range(file.replications)]
        for number, first in enumerate(range(0, len(runs), size)):
            replications = tuple(
                Replication(point, dict(study.points[point]), replication, study.seed(point, replication))
                for point, replication in runs[first : first + size]
            )
            yield Chunk(number, file.scenario, file.days, file.options, file.outputs, replications)

    def run(
        self,
        executor: Workers | Executor | None = None,
        folder: Path | str | None = None,
        *,
        progress: Callable[[Progress], None] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> StudyResults:
        """Run what is left of the study.

        Parameters
        ----------
        executor
            Where: :func:`sim.studies.executors.processes`, :func:`sim.studies.executors.dask`, an executor of
            :mod:`concurrent.futures`, or ``None`` for this process.
        folder
            Where the results are kept; a study that stands there already is taken up. ``None`` keeps them in memory.
        progress, stop
            Called after every chunk; asked before every chunk whether to stop.

        Raises
        ------
        InputError
            When the folder holds another study or something else, or another process writes it.
        """
        workers = in_process() if executor is None else executor
        if isinstance(workers, Executor):
            given = workers
            workers = Workers(
                type(given).__name__, getattr(given, "_max_workers", ANY_NUMBER), lambda: nullcontext(given)
            )
        if folder is None:
            return self._run(workers, None, progress, stop)
        return self._run_into(Path(folder), workers, progress, stop)

    def _run_into(
        self,
        folder: Path,
        workers: Workers,
        progress: Callable[[Progress], None] | None,
        stop: Callable[[], bool] | None,
    ) -> StudyResults:
        """Run into a folder that nobody else writes."""
        manifest = self._manifest()
        self._check_same(folder, manifest)
        folder.mkdir(parents=True, exist_ok=True)
        lock = locked(folder)
        try:
            write_json(folder / MANIFEST, {**manifest, "status": "running"})
            write_points(folder, self.specification.points)
            results = self._run(workers, folder, progress, stop)
            status = "complete" if results.complete else "stopped: interrupted"
            if len(results.runs):
                write_table(folder / SUMMARY, pa.Table.from_pandas(summary(self.specification, results)))
            counts = {"runs_done": len(results.runs), "failures": len(results.failures)}
            write_json(folder / MANIFEST, {**manifest, "status": status, **counts})
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            raise OSError(f"{where}{error.strerror or error}; the runs that were told are safe in {folder}") from error
        finally:
            lock.release()
        return results

    def _manifest(self) -> dict[str, Any]:
        resolved = self.specification.resolved()
        text = json.dumps(resolved, sort_keys=True, default=str)
        return {
            "study_format": FORMAT,
            "specification": resolved,
            "specification_sha256": hashlib.sha256(text.encode()).hexdigest(),
            "input_sha256": self._hashes,
            "versions": versions(),
            "runs": self.specification.runs,
        }

    def _check_same(self, folder: Path, manifest: dict[str, Any]) -> None:
        """Refuse a folder that holds another study, with the first thing that is different."""
        if not check_study_folder(folder):
            return
        before = read_json(folder / MANIFEST)
        for key in ("specification", "input_sha256", "versions"):
            now = json.loads(json.dumps(manifest[key], default=str))
            for place, old, new in differences(key, before.get(key), now):
                if place.startswith(_SAYS_NOTHING):
                    continue
                expected = f"{old!r}, as in the study that stands there; choose another folder for another study"
                raise InputError(str(folder / MANIFEST), place, new, expected)

    def _run(
        self,
        workers: Workers,
        folder: Path | None,
        progress: Callable[[Progress], None] | None,
        stop: Callable[[], bool] | None,
    ) -> StudyResults:
        store = ChunkStore(folder, self.specification.file.outputs)
        left = [chunk for chunk in self.chunks() if not store.holds(chunk.number, len(chunk.replications))]
        there = self.specification.runs - sum(len(chunk.replications) for chunk in left)
        done, failed, begun = there, 0, time.perf_counter()
        complete = True
        for finished in worked(workers, left, stop):
            if finished is None:
                complete = False
                break
            store.put(finished)
            done += len(finished.runs) + len(finished.failures)
            failed += len(finished.failures)
            if progress is not None:
                pace = (time.perf_counter() - begun) / max(done - there, 1)
                progress(Progress(done, self.specification.runs, failed, pace * (self.specification.runs - done)))
        frames = {name: store.frame(name) for name in ("runs", "days", "failures")}
        return StudyResults(point_frame(self.specification.points), **frames, complete=complete)
