"""What a run leaves on disk: tidy Parquet tables, written as the days pass.

A run folder holds one file for each table of its market, ``columns.json``, which says what stands in them, and
``manifest.json`` (:mod:`sim.manifest`). While the run goes on, finished days stand in ``parts/<first day>/``: each part
is written beside its place and then renamed as a whole, so a part is either there with all its tables or not there.
When the run ends, for whatever reason, the parts are merged into one file a table. After a kill the parts stay, and
:class:`Run` reads them.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from equilibrium.errors import InputError
from sim.buses import rows_at_bus
from sim.columns import Columns, Table, batch_of
from sim.folder import (
    ARRAYS,
    CHECKPOINT,
    COLUMNS,
    MANIFEST,
    PARTS,
    STATE,
    check_folder,
    clear,
    leftovers,
    let_go_of,
    locked,
)
from sim.manifest import FORMAT, read_json, write_json

TIMING_COLUMNS = ("seconds", "solver_seconds", "certificate_seconds", "second_seconds")
_MERGE_ROWS = 5_000
PART_S = 1.0
"""How long finished days may wait in memory, s: what is told as finished is on disk."""


class RunWriter:
    """Writes the tables of a run, the days of about a second at a time.

    Parameters
    ----------
    folder
        The run folder; it is made, and an earlier run in it is removed when ``force`` is true.
    market
        Name of the market.
    tables
        Its tables.
    force
        Whether an earlier run may be overwritten.
    resume
        Whether an earlier run is gone on with; :meth:`keep` says from where.
    days_per_part
        How many days are written together; ``None`` lets days wait for :data:`PART_S`.
    save
        Writes the state of the simulation into the folder that it is given, where a run may be resumed.
    written
        Called with the days of every part that is in its place.

    Attributes
    ----------
    days_taken
        Days given to :meth:`add` so far.

    Raises
    ------
    InputError
        As :func:`sim.folder.check_folder`, when the folder cannot be made, or while another run writes into it.
    """

    def __init__(
        self,
        folder: Path,
        market: str,
        tables: Sequence[Table[Any, Any]],
        *,
        force: bool = False,
        resume: bool = False,
        days_per_part: int | None = None,
        save: Callable[[Path], None] | None = None,
        written: Callable[[Sequence[int]], None] | None = None,
    ) -> None:
        check_folder(folder, force=force or resume)
        self._folder = folder
        self._days_per_part, self._since = days_per_part, time.monotonic()
        self._save, self._written = save, written
        self._waiting: dict[str, list[pa.RecordBatch]] = {}
        self.days_taken, self._days = 0, list[int]()
        self._schemas = {table.name: table.schema() for table in tables}
        self._needed = [table.name for table in tables if not table.optional]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = locked(folder)
            if not resume:
                with let_go_of(self._lock):
                    clear(leftovers(folder, self._schemas))
                    (folder / PARTS).mkdir()
                    write_json(folder / COLUMNS, _dictionary(market, tables))
        except OSError as error:
            raise InputError(str(folder), "output folder", error.strerror, "a folder that can be written") from None

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self._folder

    def keep(self, days: int) -> None:
        """Go on with the run after its first ``days`` days; what it has of later ones is written anew."""
        parts, inside = _parts(self._folder), self._folder / PARTS
        with let_go_of(self._lock):
            inside.mkdir(exist_ok=True)
            clear(path for path in inside.iterdir() if path.name.startswith("."))
            if not parts:
                self._part_of_merged(days)
            clear(part for part in parts if int(part.name) >= days)
            merged = [self._folder / f"{name}.parquet" for name in self._schemas]
            clear(path for path in (*merged, self._folder / CHECKPOINT) if path.exists())
        self.days_taken = days

    def _part_of_merged(self, days: int) -> None:
        """Make a part of the first days of merged tables, with the state that stands beside them."""
        fresh, part = (self._folder / PARTS / name for name in (".000000", "000000"))
        fresh.mkdir()
        for name in self._schemas:
            path = self._folder / f"{name}.parquet"
            if path.exists():
                rows = pq.read_table(path)
                pq.write_table(rows.filter(pc.less(rows["day"], days)), fresh / path.name)
        for name in (STATE, ARRAYS):
            shutil.copy(self._folder / CHECKPOINT / name, fresh / name)
        fresh.rename(part)

    def add(self, day: int, tables: Mapping[str, Columns]) -> None:
        """Take the rows of one finished day; the simulation stands at its end.

        Parameters
        ----------
        day
            Day of the run.
        tables
            Columns of each table, all of the schema's, as sequences or arrays of equal length.

        Raises
        ------
        InputError
            When a column is missing or its values are not of its type.
        """
        batches = {table: batch_of(table, self._schemas[table], columns) for table, columns in tables.items()}
        for table, batch in batches.items():
            self._waiting.setdefault(table, []).append(batch)
        self._days.append(day)
        self.days_taken += 1
        many = self._days_per_part
        if time.monotonic() - self._since >= PART_S if many is None else len(self._days) >= many:
            self.flush()

    def flush(self, *, save: bool = True) -> None:
        """Write the waiting days as one part; the rename makes all its tables appear at once.

        With ``save`` the simulation stands at the end of the last of them, and its state is saved beside them.
        """
        self._since = time.monotonic()
        if not self._days:
            return
        part = self._folder / PARTS / f"{self._days[0]:06d}"
        fresh = part.with_name(f".{part.name}")
        if not part.exists():  # it does when the user interrupted the run right after the rename
            fresh.mkdir(exist_ok=True)
            for table, batches in self._waiting.items():
                pq.write_table(pa.Table.from_batches(batches, self._schemas[table]), fresh / f"{table}.parquet")
            if save and self._save is not None:
                self._save(fresh)
            fresh.rename(part)
        self._waiting.clear()
        days, self._days = self._days, []
        if (part / STATE).exists():
            clear(path for other in _parts(self._folder) if other != part for path in _state_in(other))
        if self._written is not None:
            self._written(days)

    def close(self) -> None:
        """Write what waits, merge the parts into one file a table, and let the folder go."""
        try:
            self.flush(save=False)
            self._merge()
        finally:
            self._lock.release()

    def _merge(self) -> None:
        parts = _parts(self._folder)
        present = [table for table in self._schemas if any((part / f"{table}.parquet").exists() for part in parts)]
        for table in present or self._needed:
            fresh = self._folder / f".{table}.parquet"
            fresh.unlink(missing_ok=True)  # what stands there may be a link to somewhere else
            with pq.ParquetWriter(fresh, self._schemas[table]) as writer:
                for rows in _gathered(part / f"{table}.parquet" for part in parts):
                    writer.write_table(rows)
            fresh.replace(self._folder / f"{table}.parquet")
        self._keep_state(parts)
        retired = (self._folder / PARTS).rename(self._folder / f".{PARTS}")
        shutil.rmtree(retired)

    def _keep_state(self, parts: Sequence[Path]) -> None:
        """Put the last saved state beside the merged tables, in one step."""
        saved = next((files for part in reversed(parts) if (files := _state_in(part))), None)
        if saved is None:
            return
        fresh, place = (self._folder / name for name in (f".{CHECKPOINT}", CHECKPOINT))
        clear(path for path in (fresh, place) if path.exists())
        fresh.mkdir()
        for path in saved:
            shutil.copy(path, fresh / path.name)
        fresh.rename(place)


def state_of_run(folder: Path) -> Path | None:
    """Return the folder with the last saved state of a run; ``None`` where there is none."""
    places = reversed(_parts(folder) or [folder / CHECKPOINT])
    return next((place for place in places if _state_in(place)), None)


def _state_in(place: Path) -> list[Path]:
    """Return the two files of a saved state, or nothing where one is missing."""
    files = [place / ARRAYS, place / STATE]
    return files if all(path.exists() for path in files) else []


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


def _parts(folder: Path) -> list[Path]:
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
        if not content and not any((self.folder / name).exists() for name in (MANIFEST, COLUMNS, PARTS)):
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

    def __repr__(self) -> str:
        """Return what the run is of, how it ended, and its tables."""
        of, done = self.manifest.get("scenario", "an unknown scenario"), self.manifest.get("days_done", "some")
        state = f"{done} days, seed {self.manifest.get('seed', '?')}, {self.manifest.get('status', 'killed')}"
        there = [name for name in self.columns if self._files(name)]
        return f"Run({str(self.folder)!r}): {of}, market {self.market}, {state}; tables: {', '.join(there)}"

    def _files(self, name: str) -> list[Path]:
        """Return the files of a table that are there: one, or one a part; none where it has no rows."""
        found = (part / f"{name}.parquet" for part in _parts(self.folder) or [self.folder])
        return [path for path in found if path.exists()]

    def table(self, name: str, day: int | None = None, bus: str | int | None = None) -> pd.DataFrame:
        """Return a table of the run, or the rows of one day or bus of it; one that was not written has no rows.

        Parameters
        ----------
        name, day, bus
            Name of the table, day of the run, and label of a bus; a number is a label too.

        Raises
        ------
        KeyError
            When the market of the run has no table of that name.
        InputError
            When a bus is asked for and the table has no column of them, or none of that label.
        """
        columns = self.columns[name]
        chosen = None if day is None else [("day", "==", day)]
        tables = [_rows_of(path, columns, chosen) for path in self._files(name)]
        if not tables:
            empty = [pa.field(column, _type(each["type"])) for column, each in columns.items()]
            tables = [pa.schema(empty).empty_table()]
        frame: pd.DataFrame = pa.concat_tables(tables).to_pandas(date_as_object=False)
        return frame if bus is None else rows_at_bus(f"{self.folder}, table {name}", frame, str(bus))

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
