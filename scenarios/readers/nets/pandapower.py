"""Grids that pandapower has written with ``to_json``, read without pandapower: nothing of the file is executed.

A table of elements is a text of JSON inside the JSON (as pandapower writes it) or an object, with ``columns``,
``index`` and ``data``. Read are buses, lines, transformers of two and three windings with their taps, switches,
external grids, loads, static generators, generators, shunts, wards, motors, storage and asymmetric loads. What has no
model here is refused where it would change the flow, and noted where it would not.

Transformers are the short-circuit impedance of pandapower's T and pi models; what they and lines draw when idle is
constant power (:mod:`scenarios.readers.nets.net`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from equilibrium.errors import InputError
from scenarios.files import read_text, shown
from scenarios.readers.nets.net import LINE, SWITCH, TRANSFORMER, Net, NetBranch, NetBuilder, NetBus, NetRoot
from scenarios.readers.nets.radial import needless_rating
from scenarios.readers.nets.record import Record, counted, listed, own_labels, renamed
from scenarios.readers.nets.windings import SIDES, Winding, idle_kva, three_windings, two_windings

KILO = 1000.0

_READ = (
    "bus", "ext_grid", "line", "trafo", "trafo3w", "switch", "load", "sgen", "gen", "shunt", "ward", "motor", "storage",
    "asymmetric_load", "asymmetric_sgen",
)  # fmt: skip
_REFUSED = (
    "impedance", "xward", "dcline", "svc", "ssc", "tcsc", "vsc", "vsc_stacked", "vsc_bipolar", "bus_dc",
    "line_dc", "load_dc", "source_dc", "b2b_vsc", "bi_vsc",
)  # fmt: skip
_STAR_BUSES = ("hv_bus", "mv_bus", "lv_bus")
_SWITCH_R, _SWITCH_X = 2.0 / math.sqrt(5.0), 1.0 / math.sqrt(5.0)
"""Shares of a bus-bus switch's impedance: pandapower's ratio of resistance to reactance is 2."""


def read_pandapower(path: Path) -> Net:
    """Read a grid; see the module's text.

    Parameters
    ----------
    path
        The JSON file.

    Raises
    ------
    InputError
        With table, index and column: what is missing, no number, or has no model here.
    """
    return _Reader.open(path).net()


@dataclass
class _Reader:
    """The tables of a file, and what is made of them."""

    source: str
    name: str
    content: Mapping[str, object]
    tables: dict[str, list[Record]]

    @classmethod
    def open(cls, path: Path) -> _Reader:
        """Read the file's tables."""
        source = shown(path)
        content = _parsed(source, "file", read_text(path))
        if isinstance(content, dict) and "_object" in content:
            content = _parsed(source, "_object", content["_object"])
        if not isinstance(content, dict) or "bus" not in content:
            raise InputError(source, "file", "no table bus", "a grid as pandapower.to_json writes it")
        tables = {}
        for name, value in content.items():
            if not name.startswith(("res_", "_")) and isinstance(value, dict | str):
                rows = _table(source, name, value)
                if rows:
                    tables[name] = rows
        return cls(source, path.stem, content, tables)

    def net(self) -> Net:
        """Return the grid."""
        self._refuse()
        rows = self._rows("bus")
        self._buses = {_index(row): k for k, row in enumerate(rows)}
        self._live = [row.flag("in_service", default=True) for row in rows]
        indices = [_index(row) for row in rows]
        names = [row.text("name") for row in rows]
        clash = any(name in indices and name != indices[k] for k, name in enumerate(names))
        labels = own_labels(names, [f"bus {index}" if clash else index for index in indices])
        self._out: dict[str, list[str]] = {}
        self._served: dict[str, list[tuple[Record, str, list[int]]]] = {}
        buses = [_bus(row, labels[k]) for k, row in enumerate(rows)]
        stars = self._serving("trafo3w", *_STAR_BUSES)
        self._middles = [len(buses) + k for k in range(len(stars))]
        buses += [NetBus(f"{name} (star)", buses[upper].kv) for _, name, (upper, *_) in stars]
        self._build = NetBuilder(self.source, self.name, buses)
        self._build.notes += renamed(names, labels)
        open_at = self._open_switches()
        self._lines(open_at["l"])
        self._transformers(open_at["t"])
        self._stars(open_at["t3"])
        self._bus_switches()
        self._roots()
        self._loads()
        self._generators()
        self._shunts()
        unread = [f"{table} ({counted(len(rows), 'row')})" for table, rows in self.tables.items() if table not in _READ]
        if unread:
            self._build.notes.append(f"tables that are not read, as no flow depends on them: {listed(unread)}")
        for table, names in self._out.items():
            self._build.notes.append(f"out of service, left out: {len(names)} of table {table}: {listed(names)}")
        return self._build.build()

    def _rows(self, table: str) -> list[Record]:
        return self.tables.get(table, [])

    def _refuse(self) -> None:
        """Refuse what would change the flow, and note what is not read."""
        for name in _REFUSED:
            serving = [row for row in self._rows(name) if row.flag("in_service", default=True)]
            if serving:
                expected = (
                    f"a grid without table {name}, for which this reader has no model ({len(serving)} in service)"
                )
                found = serving[0].text("name", f"one of table {name}")
                raise InputError(self.source, serving[0].where, found, expected)

    def _bus_of(self, row: Record, key: str) -> int:
        index = str(row.whole(key))
        if index not in self._buses:
            raise row.error(key, index, "the index of a bus")
        return self._buses[index]

    def _serving(self, table: str, *ends: str) -> list[tuple[Record, str, list[int]]]:
        """Return the elements in service of a table: row, name of its own, and buses."""
        if table in self._served:
            return self._served[table]
        rows = self._rows(table)
        names = own_labels([row.text("name") for row in rows], [row.where for row in rows])
        found = []
        for row, name in zip(rows, names, strict=True):
            buses = [self._bus_of(row, end) for end in ends]
            if row.flag("in_service", default=True) and all(self._live[bus] for bus in buses):
                found.append((row, name, buses))
            else:
                self._out.setdefault(table, []).append(name)
        self._served[table] = found
        return found

    def _open_switches(self) -> dict[str, dict[str, set[int]]]:
        """Return, by kind and index of the element, the buses at which an open switch cuts it off."""
        found: dict[str, dict[str, set[int]]] = {"l": {}, "t": {}, "t3": {}}
        for row in self._rows("switch"):
            kind = row.text("et")
            if kind not in {"b", *found}:
                raise row.error("et", kind, "b (two buses), l (line), t or t3 (transformers)")
            if kind != "b" and not row.flag("closed", default=True):
                found[kind].setdefault(str(row.whole("element")), set()).add(self._bus_of(row, "bus"))
        return found

    def _idle(self, kind: str, name: str, buses: list[int], cut: set[int], power_kva: complex) -> None:
        """Add what an element draws when idle: half at each end, all of it where the other end is cut off."""
        held = [bus for bus in buses if bus not in cut]
        for bus in held:
            self._build.add_shunt(kind, name, bus, power_kva / len(held))

    def _lines(self, open_at: dict[str, set[int]]) -> None:
        frequency = self.content.get("f_hz", 50.0)
        if isinstance(frequency, bool) or not isinstance(frequency, int | float) or not 1.0 <= frequency <= 1000.0:
            raise InputError(self.source, "f_hz", frequency, "the frequency in Hz")
        lowered = []
        for row, name, buses in self._serving("line", "from_bus", "to_bus"):
            parallel, length = row.whole("parallel", 1, minimum=1), row.number("length_km", minimum=0.0)
            kv = self._build.buses[buses[0]].kv
            share = row.number("max_loading_percent", 100.0, minimum=0.0) / 100.0
            if share != 1.0:
                lowered.append(name)
            current = row.number("max_i_ka", math.inf, minimum=0.0, infinite=True)
            rating = math.sqrt(3.0) * kv * KILO * current * row.number("df", 1.0, minimum=0.0) * parallel * share
            cut = open_at.get(_index(row), set())
            self._build.branches.append(
                NetBranch(
                    label=name,
                    other=row.where,
                    kind=LINE,
                    start=buses[0],
                    end=buses[1],
                    r_ohm=row.number("r_ohm_per_km", minimum=0.0) * length / parallel,
                    x_ohm=row.number("x_ohm_per_km", minimum=0.0) * length / parallel,
                    rating_kva=needless_rating(rating, kv),
                    closed=not cut,
                )
            )
            admittance = complex(
                row.number("g_us_per_km", 0.0) * 1e-6,
                -2.0 * math.pi * frequency * row.number("c_nf_per_km", 0.0, minimum=0.0) * 1e-9,
            )
            self._idle("charging of lines", name, buses, cut, KILO * kv**2 * admittance * length * parallel)
        if lowered:
            self._build.notes.append(f"max_loading_percent sets the rating of {len(lowered)} lines: {listed(lowered)}")

    def _transformers(self, open_at: dict[str, set[int]]) -> None:
        for row, name, buses in self._serving("trafo", "hv_bus", "lv_bus"):
            winding, cut = two_windings(row, self._build.notes, name), open_at.get(_index(row), set())
            self._winding(row, name, winding, buses, closed=not cut)
            drawn = idle_kva(row, "sn_mva") * row.whole("parallel", 1, minimum=1)
            self._idle("iron and magnetisation of transformers", name, buses, cut, drawn)

    def _stars(self, open_at: dict[str, set[int]]) -> None:
        """Put a star in the place of each transformer with three windings."""
        for (row, name, buses), middle in zip(self._serving("trafo3w", *_STAR_BUSES), self._middles, strict=True):
            windings, cut = three_windings(row, self._build.notes, name), open_at.get(_index(row), set())
            for side, bus in zip(SIDES, buses, strict=True):
                ends = [bus, middle] if side == "hv" else [middle, bus]
                self._winding(row, f"{name} ({side})", windings[side], ends, closed=bus not in cut)
            self._idle("iron and magnetisation of transformers", name, buses[:1], cut, idle_kva(row, "sn_hv_mva"))

    def _winding(self, row: Record, name: str, winding: Winding, buses: list[int], *, closed: bool) -> None:
        limit = row.number("df", 1.0, minimum=0.0) * row.number("max_loading_percent", 100.0, minimum=0.0) / 100.0
        kv = max(self._build.buses[bus].kv for bus in buses)
        self._build.branches.append(
            NetBranch(
                label=name,
                other=row.where if name == row.text("name") else name,
                kind=TRANSFORMER,
                start=buses[0],
                end=buses[1],
                r_ohm=winding.r_ohm,
                x_ohm=winding.x_ohm,
                ratio=winding.ratio,
                rating_kva=needless_rating(KILO * winding.rated_mva * limit, kv),
                closed=closed,
            )
        )

    def _bus_switches(self) -> None:
        rows = self._rows("switch")
        names = own_labels([row.text("name") for row in rows], [row.where for row in rows])
        for row, name in zip(rows, names, strict=True):
            if row.text("et") == "b":
                start, end = (self._bus_of(row, key) for key in ("bus", "element"))
                z = row.number("z_ohm", 0.0, minimum=0.0)
                closed = row.flag("closed", default=True) and self._live[start] and self._live[end]
                self._build.branches.append(
                    NetBranch(name, row.where, SWITCH, start, end, _SWITCH_R * z, _SWITCH_X * z, closed=closed)
                )

    def _roots(self) -> None:
        held = list(self._serving("ext_grid", "bus"))
        held += [each for each in self._serving("gen", "bus") if each[0].flag("slack", default=False)]
        used = set()
        for row, name, (bus,) in held:
            if bus not in used:
                used.add(bus)
                self._build.roots.append(NetRoot(name, bus, row.number("vm_pu", 1.0, minimum=0.1)))

    def _loads(self) -> None:
        mixed = []
        for table in ("load", "motor", "storage", "asymmetric_load"):
            for row, name, (bus,) in self._serving(table, "bus"):
                power = _power(row, table)
                self._build.add_load(bus, power)
                shares = [key for key in row.cells if key.startswith(("const_z", "const_i"))]
                if power and any(row.number(key, 0.0) for key in shares):
                    mixed.append(f"{name} {power.real:.4g} kW")
        if mixed:
            self._build.notes.append(
                f"shares of constant impedance and current are taken as constant power in {len(mixed)} loads: "
                f"{listed(mixed)}"
            )
        for table, what in (("motor", "motors"), ("storage", "storage"), ("asymmetric_load", "three-phase sums")):
            names = [f"{name} {_power(row, table).real:.4g} kW" for row, name, _ in self._serving(table, "bus")]
            if names:
                self._build.notes.append(f"taken as loads: {what} of table {table}: {listed(names)}")

    def _generators(self) -> None:
        held = []
        for table in ("sgen", "asymmetric_sgen", "gen"):
            for row, name, (bus,) in self._serving(table, "bus"):
                if table == "gen" and row.flag("slack", default=False):
                    continue
                power = _power(row, table)
                if table == "gen":
                    held.append(f"{name} {power.real:.4g} kW")
                if power:
                    self._build.add_generation(name, bus, power)
        if held:
            self._build.notes.append(f"generators that hold a voltage do not hold it here (0 kvar): {listed(held)}")

    def _shunts(self) -> None:
        for row, name, (bus,) in self._serving("shunt", "bus"):
            nominal = self._build.buses[bus].kv
            square = (nominal / row.number("vn_kv", nominal, minimum=1e-9)) ** 2
            power = complex(row.number("p_mw", 0.0), row.number("q_mvar", 0.0))
            self._build.add_shunt("shunts", name, bus, KILO * square * row.whole("step", 1) * power)
        for row, name, (bus,) in self._serving("ward", "bus"):
            self._build.add_load(bus, KILO * complex(row.number("ps_mw", 0.0), row.number("qs_mvar", 0.0)))
            drawn = complex(row.number("pz_mw", 0.0), row.number("qz_mvar", 0.0))
            self._build.add_shunt("wards", name, bus, KILO * drawn)


def _bus(row: Record, label: str) -> NetBus:
    """Return a bus; a band that allows everything is none."""
    low, high = row.number("min_vm_pu", math.nan), row.number("max_vm_pu", math.nan)
    return NetBus(
        label,
        row.number("vn_kv", minimum=1e-9),
        low if low > 0.0 else math.nan,
        high if high < 2.0 else math.nan,
    )


def _power(row: Record, table: str) -> complex:
    """Return the power of a load or generator with its scaling, kVA."""
    scaling = row.number("scaling", 1.0)
    if table.startswith("asymmetric"):
        parts = [sum(row.number(f"{kind}_{phase}_{unit}", 0.0) for phase in "abc")
                 for kind, unit in (("p", "mw"), ("q", "mvar"))]  # fmt: skip
        return KILO * scaling * complex(*parts)
    if table == "motor":
        active = row.number("pn_mech_mw", 0.0) * row.number("loading_percent", 100.0) / 100.0
        active /= row.number("efficiency_percent", 100.0, minimum=1e-9) / 100.0
        factor = row.number("cos_phi", 1.0, minimum=1e-9)
        return KILO * scaling * complex(active, active * math.sqrt(max(1.0 / factor**2 - 1.0, 0.0)))
    return KILO * scaling * complex(row.number("p_mw", 0.0), row.number("q_mvar", 0.0))


def _index(row: Record) -> str:
    return row.where.rsplit(" ", 1)[1]


def _parsed(source: str, where: str, value: object) -> object:
    """Return what a text of JSON says; what is no text is left as it is."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        found = f"line {error.lineno}: {error.msg}" if isinstance(error, json.JSONDecodeError) else str(error)
        raise InputError(source, where, found, "valid JSON") from None


def _table(source: str, name: str, value: object) -> list[Record]:
    """Return the rows of a table; nothing for what is no table."""
    if isinstance(value, dict) and "_object" in value:
        if value.get("_class") != "DataFrame":
            return []
        value = _parsed(source, name, value["_object"])
    if not isinstance(value, dict) or not {"columns", "index", "data"} <= value.keys():
        return []
    columns, index, data = (value[key] for key in ("columns", "index", "data"))
    if not all(isinstance(part, list) for part in (columns, index, data)) or len(index) != len(data):
        raise InputError(source, f"table {name}", "unequal columns, index and data", "a table as pandapower writes it")
    rows = []
    for number, cells in zip(index, data, strict=True):
        if not isinstance(cells, list) or len(cells) != len(columns):
            raise InputError(source, f"{name} {number}", cells, f"{len(columns)} cells")
        rows.append(
            Record(source, f"{name} {number}", {str(key): cell for key, cell in zip(columns, cells, strict=True)})
        )
    return rows
