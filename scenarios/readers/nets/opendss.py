"""Scripts of OpenDSS (``.dss``), the balanced part: three-phase lines and transformers of two windings.

Read are sources, line codes, lines, transformers, loads, capacitors and generators in a base case. The circuit's source
holds the voltage at its bus. Loads and capacitors of one or two phases are counted as if they were spread over all
three; a line or transformer of fewer phases is refused. Matrices of a line become their positive sequence. Controls
stand as the file leaves them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

from equilibrium.errors import InputError
from scenarios.files import shown
from scenarios.readers.nets.dss_text import CONTROLS, LEFT_OUT, DssElement, DssScript
from scenarios.readers.nets.net import LINE, SWITCH, TRANSFORMER, Net, NetBranch, NetBuilder, NetBus, NetRoot
from scenarios.readers.nets.radial import needless_rating
from scenarios.readers.nets.record import Record, listed

KILO = 1000.0
_METRES = {"mi": 1609.344, "kft": 304.8, "km": 1000.0, "m": 1.0, "ft": 0.3048, "in": 0.0254, "cm": 0.01}
_NO = frozenset({"n", "no", "f", "false", "0"})
_PHASES = 3
_CHARGING_NF = 3.4
"""Capacitance of a line that states none, nF per unit of its length: OpenDSS's default."""

_WINDING_R, _XHL, _PF, _KW = 0.2, 7.0, 0.88, 10.0
"""Defaults of OpenDSS: resistance of a winding, reactance of a transformer, percent; power factor and kW of a load."""

_OVERLOAD = 1.1
"""A transformer's rating over its kVA where no ``normhkva`` is stated: OpenDSS's default."""


def read_opendss(path: Path) -> Net:
    """Read a grid; see the module's text.

    Parameters
    ----------
    path
        The script; what it redirects to is read too.

    Raises
    ------
    InputError
        With file and line: what cannot be read, is unbalanced, or is missing.
    """
    return _Grid(DssScript.read(path), shown(path)).net()


def opendss_files(path: Path) -> tuple[Path, ...]:
    """Return the script and those that it redirects to."""
    return tuple(DssScript.read(path).files)


def _bus(row: Record, key: str, given: object = None) -> str:
    """Return the name of a bus without its phases."""
    value = str(row.cells.get(key, "") if given is None else given)
    name = value.partition(".")[0].strip().lower()
    if not name:
        raise row.error(key, value, "the name of a bus")
    return name


@dataclass(frozen=True)
class _Winding:
    """One winding of a transformer."""

    bus: str
    kv: float
    kva: float
    tap: float
    r_percent: float


@dataclass
class _Grid:
    """The elements of a script, and what is made of them."""

    script: DssScript
    source: str
    _kv: dict[str, float] = field(default_factory=dict)

    def net(self) -> Net:
        """Return the grid."""
        found = next(self.script.of("vsource"), None)
        if found is None:
            raise InputError(self.source, "circuit", "none", "a line New Circuit.NAME basekv=...")
        supply = found.record
        root = _bus(supply, "bus1", supply.cells.get("bus1", "sourcebus"))
        self._lines = [each for each in self.script.of("line") if self._three(each)]
        self._transformers = [(each, self._windings(each)) for each in self.script.of("transformer")]
        self._levels(root, supply.number("basekv", 115.0, minimum=1e-9))
        self._index = {name: k for k, name in enumerate(self._kv)}
        buses = [NetBus(name, kv) for name, kv in self._kv.items()]
        self._build = NetBuilder(self.source, self.script.path.stem, buses)
        self._build.roots.append(NetRoot("source", self._index[root], supply.number("pu", 1.0, minimum=0.1)))
        for line in self._lines:
            self._line(line)
        for element, windings in self._transformers:
            self._transformer(element, windings)
        self._powers()
        self._notes()
        return self._build.build()

    def _three(self, element: DssElement) -> bool:
        """Return true; a branch of fewer phases is refused."""
        row, code = element.record, self._code(element)
        phases = row.whole("phases", code.whole("nphases", _PHASES) if code is not None else _PHASES)
        if phases != _PHASES:
            raise row.error("phases", phases, "3: unbalanced feeders are not read")
        return True

    def _code(self, element: DssElement) -> Record | None:
        """Return the line code of a line."""
        row = element.record
        if element.kind != "line" or not row.has("linecode"):
            return None
        name = str(row.cells["linecode"]).lower()
        found = self.script.elements.get(("linecode", name))
        if found is None:
            raise row.error("linecode", name, "a line code of the script")
        return found.record

    def _in_service(self, element: DssElement) -> bool:
        off = str(element.cells.get("enabled", "y")).lower() in _NO
        return not off and f"{element.kind}.{element.name}" not in self.script.opened

    def _windings(self, element: DssElement) -> tuple[_Winding, _Winding]:
        """Return the two windings of a transformer."""
        row = element.record
        self._three(element)
        count = row.whole("windings", 2)
        for key in ("xfmrcode", "bank"):
            if row.has(key):
                raise row.error(key, row.cells[key], "a transformer that states its own numbers")
        if count != 2:
            raise row.error("windings", count, "2")
        lists = {key: str(row.cells.get(key, "")).strip("()[]{}").replace(",", " ").split() for key in
                 ("buses", "kvs", "kvas", "taps", "%rs")}  # fmt: skip
        found = []
        for k in range(count):
            own = dict(element.windings[k]) if k < len(element.windings) else {}
            for key, many in (("bus", "buses"), ("kv", "kvs"), ("kva", "kvas"), ("tap", "taps"), ("%r", "%rs")):
                if len(lists[many]) > k:
                    own[key] = lists[many][k]
            cells = Record(row.source, f"{row.where}, winding {k + 1}", own)
            kv, kva = (cells.number(key, minimum=1e-9) for key in ("kv", "kva"))
            tap, r = cells.number("tap", 1.0, minimum=1e-6), cells.number("%r", _WINDING_R, minimum=0.0)
            found.append(_Winding(_bus(cells, "bus"), kv, kva, tap, r))
        return found[0], found[1]

    def _levels(self, root: str, kv: float) -> None:
        """Find the voltage of every bus, from the source through lines and transformers."""
        ends = [(_bus(line.record, "bus1"), _bus(line.record, "bus2")) for line in self._lines]
        pairs: dict[str, list[tuple[str, float | None]]] = {}
        for start, end in ends:
            pairs.setdefault(start, []).append((end, None))
            pairs.setdefault(end, []).append((start, None))
        for _, (high, low) in self._transformers:
            pairs.setdefault(high.bus, []).append((low.bus, low.kv))
            pairs.setdefault(low.bus, []).append((high.bus, high.kv))
        self._kv[root] = kv
        waiting = [root]
        while waiting:
            bus = waiting.pop(0)
            for other, level in pairs.get(bus, []):
                if other not in self._kv:
                    self._kv[other] = self._kv[bus] if level is None else level
                    waiting.append(other)

    def _at(self, row: Record, key: str) -> int:
        """Return the bus of an element."""
        name = _bus(row, key)
        if name not in self._index:
            raise row.error(key, name, "a bus that a line or transformer joins to the source")
        return self._index[name]

    def _line(self, element: DssElement) -> None:
        row, code = element.record, self._code(element)
        for key in ("geometry", "spacing", "wires"):
            if row.has(key):
                raise row.error(key, row.cells[key], "impedances, by a line code, r1 and x1, or matrices")
        start, end = self._at(row, "bus1"), self._at(row, "bus2")
        switch = str(row.cells.get("switch", "n")).lower() not in _NO
        own = any(row.has(key) for key in ("r1", "x1", "rmatrix", "xmatrix"))
        cells = row if own or code is None else code
        length = row.number("length", 1.0, minimum=0.0) * self._per(row, code if cells is code else None)
        if switch:
            z, nf = complex(0.001, 0.001), 0.0
        else:
            z = complex(_sequence(cells, "r1", "rmatrix"), _sequence(cells, "x1", "xmatrix")) * length
            nf = _sequence(cells, "c1", "cmatrix", _CHARGING_NF) * length
        kv = self._build.buses[start].kv
        amps = row.number("normamps", code.number("normamps", 0.0) if code is not None else 0.0, minimum=0.0)
        rating = needless_rating(math.sqrt(3.0) * kv * amps, kv)
        kind, closed = SWITCH if switch else LINE, self._in_service(element)
        where = f"line {element.name}"
        self._build.branches.append(
            NetBranch(element.name, where, kind, start, end, z.real, z.imag, 1.0, rating, closed)
        )
        if closed:
            kvar = 2.0 * math.pi * self.script.frequency * nf * 1e-9 * kv**2 * KILO
            for bus in (start, end):
                self._build.add_shunt("charging of lines", element.name, bus, complex(0.0, -0.5 * kvar))

    def _per(self, row: Record, code: Record | None) -> float:
        """Return what turns the length of a line into the unit of its line code."""
        own, other = (str(each.cells.get("units", "none")).lower() if each is not None else "none"
                      for each in (row, code))  # fmt: skip
        for each, unit in ((row, own), (code, other)):
            if unit != "none" and unit not in _METRES and each is not None:
                raise each.error("units", unit, f"one of {', '.join(_METRES)}")
        return 1.0 if "none" in (own, other) else _METRES[own] / _METRES[other]

    def _transformer(self, element: DssElement, windings: tuple[_Winding, _Winding]) -> None:
        row, (high, low) = element.record, windings
        start, end = self._index.get(high.bus), self._index.get(low.bus)
        if start is None or end is None:
            raise row.error("buses", f"{high.bus}, {low.bus}", "buses that are joined to the source")
        percent = row.number("%loadloss", high.r_percent + low.r_percent, minimum=0.0)
        z = complex(percent, row.number("xhl", _XHL)) / 100.0 * (low.kv * low.tap) ** 2 / (high.kva / KILO)
        rating = row.number("normhkva", _OVERLOAD * high.kva, minimum=1e-9)
        ratio = high.kv * high.tap / (low.kv * low.tap)
        closed = self._in_service(element)
        branch = NetBranch(
            element.name, f"transformer {element.name}", TRANSFORMER, start, end, z.real, z.imag, ratio, rating, closed
        )
        self._build.branches.append(branch)
        if closed:
            idle = complex(row.number("%noloadloss", 0.0), row.number("%imag", 0.0)) / 100.0 * high.kva
            self._build.add_shunt("idle transformers", element.name, end, idle)

    def _powers(self) -> None:
        """Take loads, capacitors and generators."""
        spread: list[str] = []
        other: list[str] = []
        for element in self.script.of("load", "capacitor", "generator"):
            if not self._in_service(element):
                continue
            row = element.record
            bus, name = self._at(row, "bus1"), f"{element.kind} {element.name}"
            if row.whole("phases", _PHASES) != _PHASES:
                spread.append(f"{name} ({row.whole('phases')})")
            if element.kind == "capacitor":
                self._build.add_shunt("capacitors", element.name, bus, complex(0.0, -self._bank(row)))
                continue
            power = _power(row)
            if element.kind == "generator":
                self._build.add_generation(element.name, bus, power)
                continue
            self._build.add_load(bus, power)
            if row.whole("model", 1) != 1:
                other.append(f"{element.name} {power.real:.4g} kW")
        if spread:
            self._build.notes.append(f"of fewer than three phases, spread evenly over all: {listed(spread)}")
        if other:
            self._build.notes.append(f"loads of another model than constant power, taken as such: {listed(other)}")

    def _bank(self, row: Record) -> float:
        """Return the kvar of the steps of a capacitor that are closed."""
        steps, closed = (
            [each for line in _numbers(row, key, default) for each in line]
            for key, default in (("kvar", "1200"), ("states", "1"))
        )
        count = row.whole("numsteps", 1, minimum=1)
        if len(steps) == 1 and count > 1:
            steps = [steps[0] / count] * count
        closed += [closed[-1]] * (len(steps) - len(closed))
        return sum(step for step, on in zip(steps, closed, strict=False) if on)

    def _notes(self) -> None:
        """Note what is left out, or stands as the file leaves it."""
        notes = self._build.notes
        notes.append("the impedance of the source is left out: its voltage is held at its bus")
        controls = [f"{each.kind} {each.name}" for each in self.script.of(*CONTROLS)]
        if controls:
            notes.append(f"controls do not act; taps, steps and switches stand as in the file: {listed(controls)}")
        left_out = [f"{each.kind} {each.name}" for each in self.script.of(*LEFT_OUT)]
        if left_out:
            notes.append(f"left out: {listed(left_out)}")
        off = [f"{each.kind} {each.name}" for each in self.script.elements.values() if not self._in_service(each)]
        if off:
            notes.append(f"not in service: {listed(off)}")


def _sequence(row: Record, key: str, matrix: str, default: float | None = None) -> float:
    """Return a positive-sequence value per length: as stated, or of a matrix, the diagonal less what is beside it."""
    if row.has(key) or not row.has(matrix):
        return row.number(key, default)
    rows = _numbers(row, matrix)
    if [len(each) for each in rows] not in ([1, 2, 3], [3, 3, 3]):
        raise row.error(matrix, row.cells[matrix], "three rows, whole or the lower triangle")
    diagonal = [rows[k][k] for k in range(_PHASES)]
    beside = [rows[k][j] for k in range(_PHASES) for j in range(k)]
    return sum(diagonal) / len(diagonal) - sum(beside) / len(beside)


def _numbers(row: Record, key: str, default: str = "") -> list[list[float]]:
    """Return the numbers of a list or matrix, row by row."""
    text = str(row.cells.get(key, default))
    try:
        return [[float(each) for each in line.replace(",", " ").split()] for line in text.strip("()[]{}").split("|")]
    except ValueError:
        raise row.error(key, text, "numbers") from None


def _power(row: Record) -> complex:
    """Return active and reactive power, kVA: from kW and kvar, kW and power factor, or kVA and power factor."""
    factor = row.number("pf", _PF)
    if not 0.0 < abs(factor) <= 1.0:
        raise row.error("pf", factor, "a power factor from -1 to 1, not 0")
    by_kva = row.has("kva") and not row.has("kw")
    kw = row.number("kva") * abs(factor) if by_kva else row.number("kw", _KW)
    if row.has("kvar"):
        return complex(kw, row.number("kvar"))
    return complex(kw, math.copysign(kw * math.sqrt(1.0 / factor**2 - 1.0), factor))
