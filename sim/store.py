"""What a run leaves on disk: tidy Parquet tables, written as the days pass.

A run folder holds one file for each table of its market, ``columns.json``, which says what stands in them, and
``manifest.json`` (:mod:`sim.manifest`). While the run goes on, finished days stand in ``parts/<first day>/``: each part
is written beside its place and then renamed as a whole, so a part is either there with all its tables or not there.
When the run ends, for whatever reason, the parts are merged into one file a table. After a kill the parts stay, and
:class:`Run` reads them. With the last day stands ``checkpoint.json``, from which the run can go on.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from equilibrium.errors import InputError
from sim.columns import Columns, Table
from sim.folder import CHECKPOINT, COLUMNS, MANIFEST, PARTS, FolderLock, check_folder, remove_run
from sim.manifest import FORMAT, put, read_json, write_json

TIMING_COLUMNS = ("seconds", "solver_seconds", "certificate_seconds", "second_seconds")
_FIRST = "000000"
_MERGE_ROWS = 5_000


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
    wait_s
        How long a finished day is kept in memory at most, s.
    resume
        Whether the days of the run that stands in the folder are kept, and those that follow are added to them.
    market
        Name of the market.
    tables
        Its tables.

    Attributes
    ----------
    days_taken
        Days given to :meth:`add` so far, and those that were there before.

    Raises
    ------
    InputError
        As :func:`sim.folder.check_folder`, when another process writes the folder, or when it cannot be made.
    """

    def __init__(
        self,
        folder: Path,
        market: str,
        tables: Sequence[Table[Any, Any]],
        *,
        force: bool = False,
        days_per_part: int = 5,
        wait_s: float = 1.0,
        resume: bool = False,
    ) -> None:
        check_folder(folder, force=force or resume)
        self._folder = folder
        self._days_per_part, self._wait_s = days_per_part, wait_s
        self._waiting: dict[str, list[pa.RecordBatch]] = {}
        self._days: list[int] = []
        self._since = 0.0
        self._state: dict[str, object] | None = None
        self.days_taken = 0
        self._schemas = {table.name: table.schema() for table in tables}
        self._needed = [table.name for table in tables if not table.optional]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = FolderLock(folder)
            if resume:
                self._take_up()
                return
            remove_run(folder, self._schemas)
            (folder / PARTS).mkdir()
            write_json(folder / COLUMNS, _dictionary(market, tables))
        except OSError as error:
            raise InputError(str(folder), "output folder", error.strerror, "a folder that can be written") from None

    def _take_up(self) -> None:
        """Make parts again of what a run has left: its parts, or the tables into which they have been merged."""
        parts = self._folder / PARTS
        for unfinished in [*parts.glob(".*"), self._folder / f".{PARTS}"]:
            shutil.rmtree(unfinished, ignore_errors=True)
        checkpoint = self._folder / CHECKPOINT
        if not parts.is_dir():
            fresh = self._folder / f".{PARTS}"
            fresh.mkdir()
            if checkpoint.exists():
                (fresh / _FIRST).mkdir()
                for name in (CHECKPOINT, *(f"{table}.parquet" for table in self._schemas)):
                    if (self._folder / name).exists():
                        shutil.copyfile(self._folder / name, fresh / _FIRST / name)
            fresh.rename(parts)
        self.days_taken = int(read_checkpoint(self._folder).get("day", 0))

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self._folder

    @property
    def days_written(self) -> int:
        """Days that are safe on the disk."""
        return self.days_taken - len(self._days)

    def add(self, day: int, tables: Mapping[str, Columns], state: object = None) -> None:
        """Take the rows of one finished day.

        Parameters
        ----------
        day
            Day of the run.
        tables
            Columns of each table, all of the schema's, as sequences or arrays of equal length.
        state
            What the run needs to go on after this day, as JSON has it; ``None`` for a run that cannot.

        Raises
        ------
        InputError
            When a column is missing or its values are not of its type.
        """
        batches = {table: _batch(table, self._schemas[table], columns) for table, columns in tables.items()}
        for table, batch in batches.items():
            self._waiting.setdefault(table, []).append(batch)
        self._since = self._since if self._days else time.monotonic()
        self._days.append(day)
        self._state = None if state is None else {"day": day + 1, "state": state}
        self.days_taken += 1
        if len(self._days) >= self._days_per_part or time.monotonic() - self._since >= self._wait_s:
            self.flush()

    def flush(self) -> None:
        """Write the waiting days as one part; the rename makes all its tables and the checkpoint appear at once."""
        if not self._days:
            return
        part = self._folder / PARTS / f"{self._days[0]:06d}"
        fresh = part.with_name(f".{part.name}")
        if not part.exists():  # it does when the user interrupted the run right after the rename
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir()
            for table, batches in self._waiting.items():
                pq.write_table(pa.Table.from_batches(batches, self._schemas[table]), fresh / f"{table}.parquet")
            if self._state is not None:
                write_json(fresh / CHECKPOINT, self._state)
            before = parts_of(self._folder)
            fresh.rename(part)
            for each in before[-1:]:
                (each / CHECKPOINT).unlink(missing_ok=True)  # that of the new part is after it
        self._waiting.clear()
        self._days.clear()

    def close(self) -> None:
        """Write what waits and merge the parts into one file a table; the checkpoint stays, so that a run may go on."""
        self.flush()
        parts = parts_of(self._folder)
        present = [table for table in self._schemas if any((part / f"{table}.parquet").exists() for part in parts)]
        for table in present or self._needed:
            fresh = self._folder / f".{table}.parquet"
            fresh.unlink(missing_ok=True)  # what stands there may be a link to somewhere else
            with pq.ParquetWriter(fresh, self._schemas[table]) as writer:
                for rows in _gathered(part / f"{table}.parquet" for part in parts):
                    writer.write_table(rows)
            fresh.replace(self._folder / f"{table}.parquet")
        if parts and (parts[-1] / CHECKPOINT).exists():
            put(self._folder / CHECKPOINT, (parts[-1] / CHECKPOINT).read_bytes())
        retired = (self._folder / PARTS).rename(self._folder / f".{PARTS}")
        shutil.rmtree(retired)
        self.release()

    def release(self) -> None:
        """Let others write the folder."""
        self._lock.release()


def read_checkpoint(folder: Path) -> dict[str, Any]:
    """Return the checkpoint of a run, ``day`` and ``state``; empty where no day can be taken up."""
    parts = parts_of(folder)
    return read_json((parts[-1] if parts else folder) / CHECKPOINT)


def _dictionary(market: str, tables: Sequence[Table[Any, Any]]) -> dict[str, Any]:
    """Return what stands in the tables, for readers of any language."""
    return {
        "format": FORMAT,
        "market": market,
        "tables": {
            table.name: {column.name: {"type": str(column.type), "meaning": column.meaning} for column in table.columns}
            for table in tables
        },
    }


def _batch(table: str, wanted: pa.Schema, columns: Columns) -> pa.RecordBatch:
    """Return rows with the types of the schema."""
    arrays = []
    for item in wanted:
        if item.name not in columns:
            raise InputError(f"table {table}", item.name, "no values", "one value a row")
        try:
            arrays.append(pa.array(columns[item.name], type=item.type))
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
            raise InputError(f"table {table}", item.name, str(error), f"values of type {item.type}") from error
    return pa.RecordBatch.from_arrays(arrays, schema=wanted)


def parts_of(folder: Path) -> list[Path]:
    """Return the finished parts of a run in the order of the days; empty when they have been merged."""
    inside = folder / PARTS
    return sorted(path for path in inside.iterdir() if path.name.isdigit()) if inside.is_dir() else []


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
    """Reads the tables of a run, finished, stopped or killed; every table is an attribute too, e.g. ``run.days``.

    Parameters
    ----------
    folder
        The run folder.

    Attributes
    ----------
    folder
        The run folder.
    market
        Name of the market.
    columns
        Type and meaning of every column of every table.

    Raises
    ------
    InputError
        When the folder holds no run, or one that another version of Equilot wrote in another format.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        content = read_json(self.folder / COLUMNS)
        if not content and not any((self.folder / name).exists() for name in (MANIFEST, PARTS)):
            raise InputError(str(self.folder), "run folder", "no tables", "a folder written by `equilot run`")
        if content.get("format") != FORMAT:
            manifest = read_json(self.folder / MANIFEST)
            versions = manifest.get("versions")
            written = versions.get("equilot", "another version") if isinstance(versions, dict) else "another version"
            expected = f"{FORMAT}: the run is of equilot {written}; read it with that, or run its scenario again"
            found = content.get("format", manifest.get("format"))
            if not content and found == FORMAT:
                raise InputError(str(self.folder / COLUMNS), "file", "missing", "the run folder as it was written")
            raise InputError(str(self.folder), "format of the run", found, expected)
        if not isinstance(content.get("market"), str) or not _are_tables(content.get("tables")):
            expected = "the market and the tables of a run, as `equilot run` writes them"
            raise InputError(str(self.folder / COLUMNS), "file", content, expected)
        self.market: str = content["market"]
        self.columns: dict[str, dict[str, dict[str, str]]] = content["tables"]

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The run's ``manifest.json``; empty when the run was killed before it could be written."""
        return read_json(self.folder / MANIFEST)

    def table(self, name: str, day: int | None = None) -> pd.DataFrame:
        """Return a table of the run, or the rows of one day of it; one that was not written has no rows.

        Raises
        ------
        KeyError
            When the market of the run has no table of that name.
        """
        columns = self.columns[name]
        merged = self.folder / f"{name}.parquet"
        parts = parts_of(self.folder)
        files = [part / merged.name for part in parts] if parts else [merged]
        chosen = None if day is None else [("day", "==", day)]
        tables = [_rows_of(path, columns, chosen) for path in files if path.exists()]
        if not tables:
            empty = [pa.field(column, _type(each["type"])) for column, each in columns.items()]
            tables = [pa.schema(empty).empty_table()]
        frame: pd.DataFrame = pa.concat_tables(tables).to_pandas()
        return frame

    def __getattr__(self, name: str) -> pd.DataFrame:
        """Return a whole table and keep it."""
        if name.startswith("_") or name not in vars(self).get("columns", {}):
            known = ", ".join(vars(self).get("columns", {}))
            raise AttributeError(f"a run has no {name!r}; its tables are {known}")
        frame = self.table(name)
        setattr(self, name, frame)
        return frame


def _are_tables(given: object) -> bool:
    """Return whether something is tables by name, each columns by name with type and meaning."""
    if not isinstance(given, dict):
        return False
    columns = [column for table in given.values() for column in (table.values() if isinstance(table, dict) else [None])]
    return all(isinstance(column, dict) and {"type", "meaning"} <= column.keys() for column in columns)


def _rows_of(path: Path, columns: Iterable[str], chosen: list[tuple[str, str, int]] | None) -> pa.Table:
    """Read a file of a table, or the rows of one day of it; it must have all columns."""
    try:
        rows = pq.read_table(path, filters=chosen)
    except (pa.ArrowException, OSError, ValueError) as error:
        found = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(str(path), "file", found[0], "a whole table as `equilot run` writes it") from None
    missing = [name for name in columns if name not in rows.column_names]
    if missing:
        raise InputError(str(path), "columns", ",".join(rows.column_names), f"a column {missing[0]!r}")
    return rows


def _type(shown: str) -> pa.DataType:
    """Return the Arrow type of a name, or text for one that is made of others: only an empty table asks for it."""
    try:
        return pa.type_for_alias(shown)
    except ValueError:
        return pa.string()


def read_run(folder: Path | str) -> Run:
    """Return a reader for a run folder."""
    return Run(folder)


def comparable(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table without wall times: what two runs with the same seed must agree on."""
    return frame.drop(columns=[name for name in TIMING_COLUMNS if name in frame.columns])
