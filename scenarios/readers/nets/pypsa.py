"""PyPSA networks in a folder of CSV files, as ``export_to_csv_folder`` writes them.

Read are buses, lines, transformers, loads, generators and shunt impedances, with the types of ``line_types.csv`` and
``transformer_types.csv``. The bus of the generator with ``control`` Slack is the root. Where loads or generators have
time series, the snapshot with the most load is the base case.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from scenarios.files import Table, shown
from scenarios.readers.nets.net import LINE, TRANSFORMER, Net, NetBranch, NetBuilder, NetBus, NetRoot
from scenarios.readers.nets.radial import needless_rating
from scenarios.readers.nets.record import Record, listed

KILO = 1000.0
_LEFT_OUT = ("links", "stores", "storage_units")


def read_pypsa(folder: Path) -> Net:
    """Read a grid; see the module's text.

    Parameters
    ----------
    folder
        The folder.

    Raises
    ------
    InputError
        With file, line and column: what is missing, no number, or a type that no file defines.
    """
    return _Folder(folder, shown(folder)).net()


@dataclass
class _Folder:
    """The files of a folder, and what is made of them."""

    folder: Path
    source: str

    def net(self) -> Net:
        """Return the grid."""
        rows = self._rows("buses")
        if not rows:
            raise InputError(self.source, "buses.csv", "no file", "a folder as PyPSA's export_to_csv_folder writes it")
        buses = []
        for row in rows:
            if row.text("carrier", "AC") not in {"AC", ""}:
                raise row.error("carrier", row.text("carrier"), "AC")
            low = row.number("v_mag_pu_min", math.nan)
            high = row.number("v_mag_pu_max", math.nan, infinite=True)
            low, high = (low if low > 0.0 else math.nan), (high if math.isfinite(high) else math.nan)
            buses.append(NetBus(row.text("name"), row.number("v_nom", minimum=1e-9), low, high))
        self._buses = {bus.label: k for k, bus in enumerate(buses)}
        self._build = NetBuilder(self.source, self.folder.name, buses)
        self._out: dict[str, list[str]] = {}
        snapshot, series = self._series()
        self._lines()
        self._transformers()
        self._loads(snapshot, series)
        self._generators(snapshot, series, rows)
        for row, name, bus in self._active("shunt_impedances", "bus"):
            kv = buses[bus[0]].kv
            drawn = KILO * kv**2 * complex(row.number("g", 0.0), -row.number("b", 0.0))
            self._build.add_shunt("shunts", name, bus[0], drawn)
        for table in _LEFT_OUT:
            names = [f"{name} {KILO * row.number('p_set', 0.0):.4g} kW" for row, name, _ in self._active(table)]
            if names:
                self._build.notes.append(f"left out: {len(names)} of {table}.csv, with p_set: {listed(names)}")
        for table, out in self._out.items():
            self._build.notes.append(f"not active, left out: {len(out)} of {table}.csv: {listed(out)}")
        return self._build.build()

    def _rows(self, name: str) -> list[Record]:
        path = self.folder / f"{name}.csv"
        if not path.is_file():
            return []
        table = Table.read(path, ("name",))
        table.each_once("name")
        return [
            Record(table.source, f"line {line}", {key: cells[k] for key, cells in table.columns.items()})
            for k, line in enumerate(table.lines)
        ]

    def _active(self, name: str, *ends: str) -> list[tuple[Record, str, list[int]]]:
        """Return the active elements of a file: row, name and buses."""
        found = []
        for row in self._rows(name):
            if not row.flag("active", default=True):
                self._out.setdefault(name, []).append(row.text("name"))
                continue
            for end in ends:
                if row.text(end) not in self._buses:
                    raise row.error(end, row.text(end), "a bus of buses.csv")
            found.append((row, row.text("name"), [self._buses[row.text(end)] for end in ends]))
        return found

    def _typed(self, row: Record, types: str) -> Record | None:
        """Return the row of an element's type; ``None`` where it has none or states its own numbers."""
        name = row.text("type")
        if not name:
            return None
        found = next((each for each in self._rows(types) if each.text("name") == name), None)
        if found is None and row.number("x", 0.0) == 0.0:
            expected = f"a type of {types}.csv, or x and r (calculate_dependent_values before the export writes them)"
            raise row.error("type", name, expected)
        return found

    def _lines(self) -> None:
        for row, name, (start, end) in self._active("lines", "bus0", "bus1"):
            kv, kind = self._build.buses[start].kv, self._typed(row, "line_types")
            parallel = row.number("num_parallel", 1.0, minimum=1e-9)
            r, x, limit = row.number("r", 0.0), row.number("x", 0.0), row.number("s_nom", 0.0, infinite=True)
            admittance = complex(row.number("g", 0.0), -row.number("b", 0.0))
            if kind is not None:
                length = row.number("length", minimum=0.0)
                r, x = (kind.number(key, minimum=0.0) * length / parallel for key in ("r_per_length", "x_per_length"))
                charging = 2.0 * math.pi * kind.number("f_nom", 50.0) * kind.number("c_per_length", 0.0) * 1e-9
                admittance = complex(0.0, -charging * length * parallel)
                limit = limit or math.sqrt(3.0) * kind.number("i_nom", 0.0) * kv * parallel
            self._branch(row, name, LINE, (start, end), complex(r, x), limit, 1.0)
            for bus in (start, end):
                self._build.add_shunt("charging of lines", name, bus, 0.5 * KILO * kv**2 * admittance)

    def _transformers(self) -> None:
        for row, name, ends in self._active("transformers", "bus0", "bus1"):
            kv = [self._build.buses[bus].kv for bus in ends]
            kind, rated = self._typed(row, "transformer_types"), row.number("s_nom", 0.0, minimum=0.0)
            r, x, tap = row.number("r", 0.0), row.number("x", 0.0), row.number("tap_ratio", 1.0, minimum=1e-6)
            idle, side = complex(row.number("g", 0.0), -row.number("b", 0.0)), row.whole("tap_side", 0)
            if kind is not None:
                rated = kind.number("s_nom", minimum=1e-9) * row.number("num_parallel", 1.0, minimum=1e-9)
                share, r = (kind.number(key, minimum=0.0) / 100.0 for key in ("vsc", "vscr"))
                x, side = math.sqrt(max(share**2 - r**2, 0.0)), kind.whole("tap_side", 0)
                steps = row.number("tap_position", 0.0) - kind.number("tap_neutral", 0.0)
                tap = 1.0 + steps * kind.number("tap_step", 0.0) / 100.0
                iron = kind.number("pfe", 0.0) / (KILO * kind.number("s_nom"))
                idle = complex(iron, math.sqrt(max((kind.number("i0", 0.0) / 100.0) ** 2 - iron**2, 0.0)))
            if rated == 0.0:
                raise row.error("s_nom", 0.0, "the rating in MVA, to which r and x refer")
            taps = (tap, 1.0) if side == 0 else (1.0, tap)
            z = complex(r, x) * (kv[1] * taps[1]) ** 2 / rated
            ratio = kv[0] * taps[0] / (kv[1] * taps[1])
            self._branch(row, name, TRANSFORMER, (ends[0], ends[1]), z, rated, ratio)
            for bus in ends:
                self._build.add_shunt("idle transformers", name, bus, 0.5 * KILO * rated * idle)

    def _branch(
        self, row: Record, name: str, kind: str, ends: tuple[int, int], z: complex, limit_mva: float, ratio: float
    ) -> None:
        rating = needless_rating(KILO * limit_mva, self._build.buses[ends[0]].kv)
        self._build.branches.append(NetBranch(name, row.where, kind, *ends, z.real, z.imag, ratio, rating))

    def _series(self) -> tuple[int, dict[str, dict[str, FloatArray]]]:
        """Return the row of the snapshot with the most load, and the time series of powers by file and element."""
        found: dict[str, dict[str, FloatArray]] = {}
        snapshots: list[str] = []
        for name in ("loads-p_set", "loads-q_set", "generators-p_set", "generators-q_set"):
            path = self.folder / f"{name}.csv"
            if path.is_file():
                table = Table.read(path)
                first, *elements = table.columns
                snapshots = snapshots or table.columns[first]
                if len(table) != len(snapshots):
                    raise InputError(table.source, "rows", len(table), f"{len(snapshots)}, one for each snapshot")
                found[name] = {element: table.numbers(element) for element in elements}
        loads = found.get("loads-p_set", {})
        if not found:
            return 0, found
        row = int(np.argmax(sum(loads.values()))) if loads else 0
        self._build.notes.append(f"of {len(snapshots)} snapshots the one with the most load is read: {snapshots[row]}")
        return row, found

    def _power(
        self, row: Record, name: str, table: str, snapshot: int, series: dict[str, dict[str, FloatArray]], sign: float
    ) -> complex:
        parts = []
        for key in ("p_set", "q_set"):
            own = series.get(f"{table}-{key}", {}).get(name)
            parts.append(row.number(key, 0.0) if own is None else float(own[snapshot]))
        return KILO * row.number("sign", sign) / sign * complex(*parts)

    def _loads(self, snapshot: int, series: dict[str, dict[str, FloatArray]]) -> None:
        for row, name, (bus,) in self._active("loads", "bus"):
            self._build.add_load(bus, self._power(row, name, "loads", snapshot, series, -1.0))

    def _generators(self, snapshot: int, series: dict[str, dict[str, FloatArray]], buses: list[Record]) -> None:
        held = []
        for row, name, (bus,) in self._active("generators", "bus"):
            control = row.text("control", "PQ")
            if control == "Slack":
                self._build.roots.append(NetRoot(name, bus, buses[bus].number("v_mag_pu_set", 1.0, minimum=0.1)))
                continue
            power = self._power(row, name, "generators", snapshot, series, 1.0)
            if control == "PV":
                held.append(f"{name} {power.real:.4g} kW")
            if power:
                self._build.add_generation(name, bus, power)
        if held:
            self._build.notes.append(f"generators that hold a voltage do not hold it here: {listed(held)}")
