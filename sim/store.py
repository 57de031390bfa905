"""What a run leaves on disk: tidy Parquet tables, written as the days pass.

A run folder holds one file for each table of its market (:mod:`sim.columns`), and ``manifest.json``
(:mod:`sim.manifest`). While the run goes on, finished days stand in ``parts/<first day>/``: each part is written beside
its place and then renamed as a whole, so a part is either there with all its tables or not there. When the run ends,
for whatever reason, the parts are merged into one file a table. After a kill the parts stay, and :class:`Run` reads
them.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from equilibrium.errors import InputError
from sim.columns import DISCO_TABLES, OPTIONAL_TABLES, TABLES, tables_of

TIMING_COLUMNS = ("seconds", "solver_seconds", "certificate_seconds", "second_seconds")
_PARTS = "parts"
_MERGE_ROWS = 5_000

Columns = Mapping[str, Sequence[Any]]


def schema(table: str, market: str = "lots-lead") -> pa.Schema:
    """Return the Arrow schema of a market's table, with the meaning of each column as metadata.

    A table that only other markets have has no columns.

    Raises
    ------
    KeyError
        When no market has a table of that name.
    """
    if table not in TABLES | DISCO_TABLES:
        raise KeyError(table)
    columns = tables_of(market).get(table, {})
    return pa.schema([pa.field(name, kind, metadata={"meaning": meaning}) for name, (kind, meaning) in columns.items()])


def check_folder(folder: Path, *, force: bool) -> None:
    """Make sure that a run can be written to ``folder``; nothing is left behind or changed.

    Raises
    ------
    InputError
        When the folder is a file, cannot be written, or already holds a run and ``force`` is false.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(str(folder), "output folder", "a file", "a folder, or a name that is free")
    nearest = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    try:
        Path(tempfile.mkdtemp(prefix=".equilot-", dir=nearest)).rmdir()
    except OSError as error:
        found = f"{nearest}: {error.strerror}"
        raise InputError(str(folder), "output folder", found, "a folder that can be written") from None
    if not force and (left := _leftovers(folder)):
        raise InputError(
            str(folder), "output folder", f"a run ({left[0].name})", "an empty or new folder, or --force to overwrite"
        )


def _leftovers(folder: Path) -> list[Path]:
    """Return what an earlier run left in the folder."""
    names = ["manifest.json", _PARTS, f".{_PARTS}"]
    for table in TABLES | DISCO_TABLES:
        names += [f"{table}.parquet", f".{table}.parquet"]
    return [folder / name for name in names if (folder / name).exists()]


class RunWriter:
    """Writes the tables of a run, a few days at a time.

    Parameters
    ----------
    folder
        The run folder; it is made, and an earlier run in it is removed when ``force`` is true.
    force
        Whether an earlier run may be overwritten.
    days_per_part
        How many days are kept in memory before they are written.
    market
        Kind of the market, which says what tables there are.

    Attributes
    ----------
    days_taken
        Days given to :meth:`add` so far.

    Raises
    ------
    InputError
        As :func:`check_folder`, or when the folder cannot be made.
    """

    def __init__(self, folder: Path, *, force: bool = False, days_per_part: int = 5, market: str = "lots-lead") -> None:
        check_folder(folder, force=force)
        self._folder = folder
        self._days_per_part = days_per_part
        self._waiting: dict[str, list[pa.RecordBatch]] = {}
        self._days: list[int] = []
        self.days_taken = 0
        self._schemas = {table: schema(table, market) for table in tables_of(market)}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for path in _leftovers(folder):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            (folder / _PARTS).mkdir()
        except OSError as error:
            raise InputError(str(folder), "output folder", error.strerror, "a folder that can be written") from None

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self._folder

    def add(self, day: int, tables: Mapping[str, Columns]) -> None:
        """Take the rows of one finished day.

        Parameters
        ----------
        day
            Day of the run.
        tables
            Columns of each table, all of the schema's, as sequences or arrays of equal length.
        """
        batches = {table: _batch(self._schemas[table], columns) for table, columns in tables.items()}
        for table, batch in batches.items():
            self._waiting.setdefault(table, []).append(batch)
        self._days.append(day)
        self.days_taken += 1
        if len(self._days) >= self._days_per_part:
            self.flush()

    def flush(self) -> None:
        """Write the waiting days as one part; the rename makes all its tables appear at once."""
        if not self._days:
            return
        part = self._folder / _PARTS / f"{self._days[0]:06d}"
        fresh = part.with_name(f".{part.name}")
        if not part.exists():  # it does when the user interrupted the run right after the rename
            fresh.mkdir(exist_ok=True)
            for table, batches in self._waiting.items():
                pq.write_table(pa.Table.from_batches(batches, self._schemas[table]), fresh / f"{table}.parquet")
            fresh.rename(part)
        self._waiting.clear()
        self._days.clear()

    def close(self) -> None:
        """Write what waits and merge the parts into one file a table."""
        self.flush()
        parts = _parts(self._folder)
        present = [table for table in self._schemas if any((part / f"{table}.parquet").exists() for part in parts)]
        for table in present or [name for name in self._schemas if name not in OPTIONAL_TABLES]:
            fresh = self._folder / f".{table}.parquet"
            with pq.ParquetWriter(fresh, self._schemas[table]) as writer:
                for rows in _gathered(part / f"{table}.parquet" for part in parts):
                    writer.write_table(rows)
            fresh.replace(self._folder / f"{table}.parquet")
        retired = (self._folder / _PARTS).rename(self._folder / f".{_PARTS}")
        shutil.rmtree(retired)


def _batch(wanted: pa.Schema, columns: Columns) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array(columns[item.name], type=item.type) for item in wanted], schema=wanted)


def _parts(folder: Path) -> list[Path]:
    """Return the finished parts of a run in the order of the days; empty when they have been merged."""
    inside = folder / _PARTS
    return sorted(path for path in inside.iterdir() if not path.name.startswith(".")) if inside.is_dir() else []


def _gathered(files: Iterator[Path]) -> Iterator[pa.Table]:
    """Read files one after another and hand their rows on in groups; small ones, so that memory stays flat."""
    group: list[pa.Table] = []
    for path in files:
        if path.exists():
            with pq.ParquetFile(path) as file:
                group.append(file.read(use_threads=False))
        if sum(rows.num_rows for rows in group) >= _MERGE_ROWS:
            yield pa.concat_tables(group)
            group = []
    if group:
        yield pa.concat_tables(group)


class Run:
    """Reads the tables of a run, finished, stopped or killed.

    Parameters
    ----------
    folder
        The run folder.

    Raises
    ------
    InputError
        When the folder holds no run.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        if not _leftovers(self.folder):
            raise InputError(str(self.folder), "run folder", "no tables", "a folder written by `equilot run`")

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The run's ``manifest.json``; empty when the run was killed before it could be written."""
        path = self.folder / "manifest.json"
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return content

    @property
    def market(self) -> str:
        """Kind of the market: ``lots-lead``, ``nodal`` or ``disco``."""
        scenario = self.manifest.get("resolved_scenario", {})
        return str(scenario.get("market", {}).get("kind", "lots-lead"))

    def table(self, name: str, day: int | None = None) -> pd.DataFrame:
        """Return a table of :func:`sim.columns.tables_of`, or the rows of one day of it.

        A table that was not written has no rows; that is also how a market's reader sees another market's table.
        """
        merged = self.folder / f"{name}.parquet"
        parts = _parts(self.folder)
        files = [part / merged.name for part in parts] if parts else [merged]
        chosen = None if day is None else [("day", "==", day)]
        tables = [pq.read_table(path, filters=chosen) for path in files if path.exists()]
        frame: pd.DataFrame = (
            pa.concat_tables(tables) if tables else schema(name, self.market).empty_table()
        ).to_pandas()
        return frame

    @cached_property
    def days(self) -> pd.DataFrame:
        """One row a day: the figures of the terminal's table."""
        return self.table("days")

    @cached_property
    def prices(self) -> pd.DataFrame:
        """DLMPs, their parts and voltages: one row a day, hour and bus."""
        return self.table("prices")

    @cached_property
    def dispatch(self) -> pd.DataFrame:
        """Powers: one row a day, hour and asset."""
        return self.table("dispatch")

    @cached_property
    def lots(self) -> pd.DataFrame:
        """Charging power and state of energy: one row a day, hour and lot."""
        return self.table("lots")

    @cached_property
    def lot_days(self) -> pd.DataFrame:
        """Profit, regret and guests: one row a day and lot."""
        return self.table("lot_days")

    @cached_property
    def storage(self) -> pd.DataFrame:
        """Power and energy: one row a day, hour and storage unit; empty where there is none."""
        return self.table("storage")

    @cached_property
    def sessions(self) -> pd.DataFrame:
        """One row for each session that ended and each driver who was turned away."""
        return self.table("sessions")

    @cached_property
    def certificates(self) -> pd.DataFrame:
        """The proof of each day: one row a day."""
        return self.table("certificates")

    @cached_property
    def ac(self) -> pd.DataFrame:
        """The AC power flow beside the linear one: one row a day and hour; empty unless it was asked for."""
        return self.table("ac")


def read_run(folder: Path | str) -> Run:
    """Return a reader for a run folder."""
    return Run(folder)


def comparable(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table without wall times: what two runs with the same seed must agree on."""
    return frame.drop(columns=[name for name in TIMING_COLUMNS if name in frame.columns])
