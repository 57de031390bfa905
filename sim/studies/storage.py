"""What a study leaves on disk: a few Parquet files a chunk, whole or not there, and a manifest.

A study folder holds ``manifest.json``, ``points.parquet`` and three folders ``runs``, ``days`` and ``failures`` with
one file for each chunk. A file is written beside its place, synced and renamed, that of ``runs`` last: a chunk whose
file of runs is there and whole is done. ``runs/*.parquet`` opens in pandas, polars and DuckDB.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from equilibrium.errors import InputError
from scenarios.files import own_path
from sim.folder import MANIFEST
from sim.manifest import read_json
from sim.studies.specification import OutputSection
from sim.studies.work import Done

FORMAT = 1
"""Version of what a study folder holds."""

POINTS, SUMMARY = "points.parquet", "summary.parquet"
TABLES = ("runs", "days", "failures")
ORDER = ["point", "replication"]
TIMING = ["seconds", "processor_seconds"]

_WHERE = [("point", pa.int32()), ("replication", pa.int32())]
_FAILURE = ["type", "message", "origin", "traceback"]


@dataclass(frozen=True)
class StudyResults:
    """The tables of a study.

    Attributes
    ----------
    points
        The settings of every point.
    runs
        A row a run: point, replication, seed, days, outputs of runs, wall and processor seconds.
    days
        A row a day of every run, with the outputs of days.
    failures
        A row a run that failed: where, with which seed, on which day, why.
    complete
        Whether all runs have been tried.
    """

    points: pd.DataFrame
    runs: pd.DataFrame
    days: pd.DataFrame
    failures: pd.DataFrame
    complete: bool


def schemas(outputs: Mapping[str, OutputSection]) -> dict[str, pa.Schema]:
    """Return the columns of the tables of a study with these outputs."""
    per_run = [(name, pa.float64()) for name, each in outputs.items() if each.per == "run"]
    per_day = [(name, pa.float64()) for name, each in outputs.items() if each.per == "day"]
    timing = [(name, pa.float64()) for name in TIMING]
    return {
        "runs": pa.schema([*_WHERE, ("seed", pa.int64()), ("days", pa.int32()), *per_run, *timing]),
        "days": pa.schema([*_WHERE, ("day", pa.int32()), *per_day]),
        "failures": pa.schema(
            [*_WHERE, ("seed", pa.int64()), ("day", pa.int32()), *((name, pa.string()) for name in _FAILURE)]
        ),
    }


def check_study_folder(folder: Path) -> bool:
    """Return whether a folder holds a study already.

    Raises
    ------
    InputError
        When it is no folder, holds something else, or a study that another version wrote in another format.
    """
    own_path(str(folder))
    if folder.exists() and not folder.is_dir():
        raise InputError(str(folder), "study folder", "a file", "a folder, or a name that is free")
    if not folder.exists() or not any(path.name != ".lock" for path in folder.iterdir()):
        return False
    manifest = read_json(folder / MANIFEST)
    if "study_format" not in manifest:
        found = next(path.name for path in sorted(folder.iterdir()) if path.name != ".lock")
        raise InputError(str(folder), "study folder", f"{found}, which no study wrote", "an empty or new folder")
    if manifest["study_format"] != FORMAT:
        written = manifest.get("versions", {}).get("equilot", "another version")
        expected = f"{FORMAT}: the study is of equilot {written}"
        raise InputError(str(folder), "format of the study", manifest["study_format"], expected)
    return True


def write_table(path: Path, table: pa.Table) -> None:
    """Write a Parquet file so that it is there whole or not at all, also after a loss of power."""
    number, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(number, "wb") as file:
            pq.write_table(table, file)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    opened = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


class ChunkStore:
    """The files of the chunks of a study; without a folder, they are kept in memory.

    Parameters
    ----------
    folder
        The study folder, or ``None``.
    outputs
        The outputs of the study by name.
    """

    def __init__(self, folder: Path | None, outputs: Mapping[str, OutputSection]) -> None:
        self._folder, self._schemas = folder, schemas(outputs)
        self._kept: dict[str, list[pa.Table]] = {name: [] for name in TABLES}
        if folder is not None:
            for name in TABLES:
                (folder / name).mkdir(exist_ok=True)
                for unfinished in (folder / name).glob(".*"):
                    unfinished.unlink()

    def put(self, done: Done) -> None:
        """Keep what came of a chunk; its runs come last, which says that it is whole."""
        rows = {"failures": done.failures, "days": done.days, "runs": done.runs}
        for name, each in rows.items():
            table = pa.Table.from_pylist(each, self._schemas[name])
            if self._folder is None:
                self._kept[name].append(table)
            elif each or name == "runs":
                write_table(self._folder / name / f"{done.number:06d}.parquet", table)

    def holds(self, number: int, runs: int) -> bool:
        """Return whether a chunk with this many runs is there and whole; one that is damaged is removed."""
        if self._folder is None or not (self._folder / "runs" / f"{number:06d}.parquet").exists():
            return False
        try:
            found = [self._read(name, number).num_rows for name in ("runs", "failures")]
            self._read("days", number)
        except (pa.ArrowException, OSError, ValueError, KeyError):
            found = []
        if found and sum(found) == runs:
            return True
        for name in TABLES:
            (self._folder / name / f"{number:06d}.parquet").unlink(missing_ok=True)
        return False

    def _read(self, name: str, number: int) -> pa.Table:
        """Read a file of a chunk; it must have the columns of the study."""
        assert self._folder is not None
        path = self._folder / name / f"{number:06d}.parquet"
        if not path.exists():
            return self._schemas[name].empty_table()
        with pq.ParquetFile(path) as file:
            return file.read(use_threads=False).select(self._schemas[name].names).cast(self._schemas[name])

    def frame(self, name: str) -> pd.DataFrame:
        """Return a table of all chunks in the order of points and replications."""
        if self._folder is None:
            tables = self._kept[name]
        else:
            numbers = sorted(int(path.stem) for path in (self._folder / name).glob("[0-9]*.parquet"))
            tables = [self._read(name, number) for number in numbers]
        frame: pd.DataFrame = pa.concat_tables([self._schemas[name].empty_table(), *tables]).to_pandas()
        order = [*ORDER, *(["day"] if name == "days" else [])]
        return frame.sort_values(order, kind="stable", ignore_index=True)


def write_points(folder: Path, points: Sequence[Mapping[str, str]]) -> None:
    """Write the settings of every point."""
    write_table(folder / POINTS, pa.Table.from_pandas(point_frame(points), preserve_index=False))


def point_frame(points: Sequence[Mapping[str, str]]) -> pd.DataFrame:
    """Return the settings of every point; a key whose values are all numbers has numbers."""
    frame = pd.DataFrame([{"point": number, **point} for number, point in enumerate(points)])
    for key in frame.columns[1:]:
        numbers: Any = pd.to_numeric(frame[key], errors="coerce")
        if not numbers.isna().any():
            frame[key] = numbers
    return frame.astype({"point": "int32"})
