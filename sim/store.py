"""What a run leaves on disk: tidy Parquet tables, written as the days pass.

A run folder holds one file for each table of :data:`TABLES`, and ``manifest.json`` (:mod:`sim.manifest`). While the
run goes on, finished days stand in ``parts/<first day>/``: each part is written beside its place and then renamed as a
whole, so a part is either there with all its tables or not there. When the run ends, for whatever reason, the parts
are merged into one file a table. After a kill the parts stay, and :class:`Run` reads them.

Powers are in kW and kvar, energies in kWh, voltages per unit, money in the currency that the manifest names; prices
carry their unit in the column's name. Columns whose meaning ends in "(nodal)" are empty in a run of the lots-lead
market. ``day`` counts from 0, ``hour`` is the clock hour in which the period starts.
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

_NUMBER, _COUNT, _TEXT, _FLAG, _DATE = pa.float64(), pa.int32(), pa.string(), pa.bool_(), pa.date32()
_DAY = {"day": (_COUNT, "day of the run, 0 first"), "date": (_DATE, "calendar date, empty for a typical day")}
_HOUR = {**_DAY, "hour": (_COUNT, "clock hour in which the period starts")}

TABLES: dict[str, dict[str, tuple[pa.DataType, str]]] = {
    "days": {
        **_DAY,
        "energy_charged_kwh": (_NUMBER, "energy drawn by all lots, kWh"),
        "network_cost": (_NUMBER, "NC of (2a) without shortages, currency"),
        "fuel_cost": (_NUMBER, "fuel of the microturbines, currency"),
        "shortage_cost": (_NUMBER, "price paid for shortages, currency"),
        "import_kwh": (_NUMBER, "energy bought from the wholesale market, kWh"),
        "export_kwh": (_NUMBER, "energy sold to it, kWh"),
        "load_kwh": (_NUMBER, "inflexible load, served or not, kWh"),
        "shed_kwh": (_NUMBER, "load not served, kWh"),
        "unserved_kwh": (_NUMBER, "charging energy due and not given, battery side, kWh"),
        "curtailed_kwh": (_NUMBER, "renewable potential not used, kWh"),
        "voltage_min_pu": (_NUMBER, "lowest voltage of all buses and hours, per unit"),
        "voltage_min_bus": (_TEXT, "its bus"),
        "voltage_min_hour": (_COUNT, "its hour"),
        "dlmp_mean_per_mwh": (_NUMBER, "mean DLMP over buses and hours, currency/MWh"),
        "dlmp_peak_per_mwh": (_NUMBER, "highest DLMP of all buses and hours, currency/MWh"),
        "wholesale_mean_per_mwh": (_NUMBER, "mean wholesale price, currency/MWh"),
        "lot_profit": (_NUMBER, "sum of the lots' profits, currency"),
        "sessions": (_COUNT, "sessions that ended at a lot today"),
        "turned_away": (_COUNT, "drivers who found no place today"),
        "worst_regret": (_NUMBER, "largest proven gain of a lot from deviating, currency"),
        "certified": (_FLAG, "whether the day is certified"),
        "competitive_cost": (_NUMBER, "network cost of the competitive outcome, currency (nodal)"),
        "welfare_loss": (_NUMBER, "how much more value the competitive outcome has, currency (nodal)"),
        "price_of_anarchy": (_NUMBER, "its value over the equilibrium's, empty if that is not positive (nodal)"),
        "markdown": (_NUMBER, "what the lots pay less than at competitive mean prices, currency (nodal)"),
        "load_payment": (_NUMBER, "what the inflexible load pays at the DLMPs, currency (nodal)"),
        "lot_payment": (_NUMBER, "what the lots pay for their energy, currency (nodal)"),
        "network_surplus": (_NUMBER, "payments minus receipts of generators and wholesale, currency (nodal)"),
        "rounds": (_COUNT, "rounds of best responses, the proving one included (nodal)"),
        "seconds": (_NUMBER, "wall time of the day, s"),
    },
    "prices": {
        **_HOUR,
        "bus": (_TEXT, "label of the bus"),
        "dlmp_per_mwh": (_NUMBER, "DLMP = energy + congestion + voltage, currency/MWh"),
        "energy_per_mwh": (_NUMBER, "energy part, currency/MWh"),
        "congestion_per_mwh": (_NUMBER, "congestion part, currency/MWh"),
        "voltage_per_mwh": (_NUMBER, "voltage part, currency/MWh"),
        "voltage_pu": (_NUMBER, "voltage of the linear flow, per unit"),
    },
    "dispatch": {
        **_HOUR,
        "asset": (_TEXT, "name of the asset; loads are named by their bus"),
        "kind": (_TEXT, "import, export, microturbine, renewable, renewable_potential, svc, lot, load or shed"),
        "bus": (_TEXT, "label of the bus"),
        "p_kw": (_NUMBER, "active power, positive in the direction of its kind, kW"),
        "q_kvar": (_NUMBER, "reactive power, kvar"),
    },
    "lots": {
        **_HOUR,
        "lot": (_TEXT, "name of the lot"),
        "bus": (_TEXT, "label of its bus"),
        "power_kw": (_NUMBER, "charging power, kW"),
        "power_max_kw": (_NUMBER, "highest power of the vehicles plugged in, kW"),
        "soe_kwh": (_NUMBER, "state of energy at the end of the hour, kWh"),
        "soe_min_kwh": (_NUMBER, "lower end of its band, kWh"),
        "soe_max_kwh": (_NUMBER, "upper end of its band, kWh"),
        "unserved_kwh": (_NUMBER, "charging energy due and not given, battery side, kWh"),
        "charging_price_per_kwh": (_NUMBER, "what the drivers pay, currency/kWh"),
        "dlmp_per_mwh": (_NUMBER, "DLMP at the lot's bus, currency/MWh"),
        "lot_price_per_mwh": (_NUMBER, "published price that the lot pays, currency/MWh (nodal)"),
        "lot_price_low_per_mwh": (
            _NUMBER,
            "lowest price that supports the dispatch, infinite if none is, currency/MWh (nodal)",
        ),
        "lot_price_high_per_mwh": (
            _NUMBER,
            "highest price that supports it, infinite if none is, currency/MWh (nodal)",
        ),
        "competitive_kw": (_NUMBER, "charging power of the competitive outcome, kW (nodal)"),
        "competitive_price_per_mwh": (_NUMBER, "price at the lot's bus there, currency/MWh (nodal)"),
    },
    "lot_days": {
        **_DAY,
        "lot": (_TEXT, "name of the lot"),
        "price_per_kwh": (_NUMBER, "posted price, mean over the hours, currency/kWh"),
        "energy_kwh": (_NUMBER, "energy drawn, kWh"),
        "revenue": (_NUMBER, "what the drivers pay, currency"),
        "payment": (_NUMBER, "what the lot pays for its energy, 0 in the lots-lead market, currency"),
        "profit": (_NUMBER, "revenue minus payment, currency"),
        "maximum": (_NUMBER, "lots-lead: stand-alone maximum of the profit; nodal: that of any deviation, currency"),
        "regret": (_NUMBER, "proven bound on the gain from deviating, currency"),
        "attained": (_FLAG, "whether the lot reaches its maximum"),
        "behaviour": (_TEXT, "strategic, price-taking or central (nodal)"),
        "competitive_profit": (_NUMBER, "profit in the competitive outcome, currency (nodal)"),
        "markdown_per_mwh": (_NUMBER, "how much lower the mean price paid is than there, currency/MWh (nodal)"),
        "shifted_kwh": (_NUMBER, "energy moved to other hours compared with it, kWh (nodal)"),
        "withheld_kwh": (_NUMBER, "energy not drawn compared with it, kWh (nodal)"),
        "value_optimistic": (_NUMBER, "profit at the lowest price of every hour, currency (nodal)"),
        "value_pessimistic": (_NUMBER, "profit at the highest price of every hour, currency (nodal)"),
        "arrivals": (_COUNT, "vehicles that came in"),
        "refused": (_COUNT, "attempts that found the lot full"),
        "departures": (_COUNT, "vehicles that left"),
        "parked": (_COUNT, "vehicles there at midnight"),
        "peak_occupancy": (_COUNT, "most places taken at one moment"),
        "unreachable_kwh": (_NUMBER, "wishes that stay and charger cannot reach, kWh"),
        "unserved_kwh": (_NUMBER, "energy due and not given, battery side, kWh"),
        "reputation": (_NUMBER, "what drivers think of the lot, 0 to 1"),
    },
    "sessions": {
        **_DAY,
        "session": (_TEXT, "identifier of the session"),
        "outcome": (_TEXT, "served, unreachable, shortage or full"),
        "lot": (_TEXT, "name of the lot, empty for a driver who was turned away"),
        "home_lot": (_COUNT, "index of the lot where it was recorded, or -1"),
        "arrival_day": (_COUNT, "day of the arrival"),
        "arrival_h": (_NUMBER, "hours since the start of the run"),
        "departure_h": (_NUMBER, "hours since the start of the run"),
        "tries": (_COUNT, "lots tried"),
        "battery_kwh": (_NUMBER, "battery size, kWh"),
        "arrival_energy_kwh": (_NUMBER, "energy at arrival, kWh"),
        "asked_kwh": (_NUMBER, "energy wanted, kWh"),
        "unreachable_kwh": (_NUMBER, "part of it that stay and charger cannot give, kWh"),
        "got_kwh": (_NUMBER, "energy added to the battery, kWh"),
        "drawn_kwh": (_NUMBER, "energy drawn from the lot for it, kWh"),
        "paid": (_NUMBER, "what the driver paid, currency"),
    },
    "certificates": {
        **_DAY,
        "certified": (_FLAG, "true from the verdict epsilon-nash upward"),
        "verdict": (_TEXT, "unproved, kkt-consistent, epsilon-nash or exact"),
        "worst_regret": (_NUMBER, "largest proven gain of a lot from deviating, currency"),
        "epsilon": (_NUMBER, "worst_regret / max(1, profit)"),
        "primal": (_NUMBER, "largest relative primal residual"),
        "dual": (_NUMBER, "largest relative dual residual"),
        "complementarity": (_NUMBER, "largest relative complementarity residual"),
        "gap": (_NUMBER, "relative duality gap"),
        "method": (_TEXT, "method that was used"),
        "solver": (_TEXT, "solver and version"),
        "notes": (_TEXT, "what a reader should know"),
        "iteration": (_TEXT, "gauss-seidel or jacobi (nodal)"),
        "order": (_TEXT, "strategic lots in the order of play (nodal)"),
        "rounds": (_COUNT, "rounds of best responses, the proving one included (nodal)"),
        "cycle": (_COUNT, "rounds after which a point came back, 0 if none did (nodal)"),
        "price_rule": (_TEXT, "how prices were chosen where several support the dispatch (nodal)"),
        "second_method": (_TEXT, "independent method that proved the regrets too, with --certify full (nodal)"),
        "second_gap": (_NUMBER, "largest relative gap of its proofs, with --certify full (nodal)"),
        "second_finished": (_FLAG, "whether it finished within its time limit, with --certify full (nodal)"),
        "seconds": (_NUMBER, "wall time of the clearing with its certificate, s"),
        "solver_seconds": (_NUMBER, "part of it inside the solver, s"),
        "certificate_seconds": (_NUMBER, "part of it for prices and certificate, s (nodal)"),
        "second_seconds": (_NUMBER, "part of that for the independent method, s (nodal)"),
    },
    "ac": {
        **_HOUR,
        "converged": (_FLAG, "whether the AC power flow has a solution"),
        "voltage_error_pu": (_NUMBER, "largest difference between linear and AC voltage, per unit"),
        "voltage_error_bus": (_TEXT, "its bus"),
        "loss_kw": (_NUMBER, "active loss, which the linear flow does not have, kW"),
        "loss_share": (_NUMBER, "loss divided by the power that the feeder consumes"),
        "voltage_min_pu": (_NUMBER, "lowest AC voltage, per unit"),
        "voltage_min_bus": (_TEXT, "its bus"),
    },
}
"""Columns of every table with their type and meaning; ``ac`` is written only when the AC check is asked for."""

TIMING_COLUMNS = ("seconds", "solver_seconds", "certificate_seconds", "second_seconds")
_PARTS = "parts"
_MERGE_ROWS = 5_000

Columns = Mapping[str, Sequence[Any]]


def schema(table: str) -> pa.Schema:
    """Return the Arrow schema of a table, with the meaning of each column as metadata."""
    return pa.schema(
        [pa.field(name, kind, metadata={"meaning": meaning}) for name, (kind, meaning) in TABLES[table].items()]
    )


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
    for table in TABLES:
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

    Attributes
    ----------
    days_taken
        Days given to :meth:`add` so far.

    Raises
    ------
    InputError
        As :func:`check_folder`, or when the folder cannot be made.
    """

    def __init__(self, folder: Path, *, force: bool = False, days_per_part: int = 5) -> None:
        check_folder(folder, force=force)
        self._folder = folder
        self._days_per_part = days_per_part
        self._waiting: dict[str, list[pa.RecordBatch]] = {}
        self._days: list[int] = []
        self.days_taken = 0
        self._schemas = {table: schema(table) for table in TABLES}
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
        present = [table for table in TABLES if any((part / f"{table}.parquet").exists() for part in parts)]
        for table in present or [name for name in TABLES if name != "ac"]:
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

    def table(self, name: str, day: int | None = None) -> pd.DataFrame:
        """Return a table, or the rows of one day of it; a table that was not written has no rows."""
        merged = self.folder / f"{name}.parquet"
        parts = _parts(self.folder)
        files = [part / merged.name for part in parts] if parts else [merged]
        chosen = None if day is None else [("day", "==", day)]
        tables = [pq.read_table(path, filters=chosen) for path in files if path.exists()]
        frame: pd.DataFrame = (pa.concat_tables(tables) if tables else schema(name).empty_table()).to_pandas()
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
