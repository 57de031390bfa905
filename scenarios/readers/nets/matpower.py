"""MATPOWER cases (``.m``): ``mpc.baseMVA``, ``mpc.bus``, ``mpc.gen`` and ``mpc.branch``, with conversions of units.

The bus of type 3 is the root. Generators elsewhere feed in what the case says and hold no voltage. Charging of branches
and shunts of buses are constant power. A branch with a ratio (TAP, also 1) is a transformer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from equilibrium.errors import InputError
from equilibrium.plain import is_name
from scenarios.files import read_text, shown
from scenarios.readers.nets.matlab import MatlabFile
from scenarios.readers.nets.net import LEVEL_SHARE, LINE, TRANSFORMER, Net, NetBranch, NetBuilder, NetBus, NetRoot
from scenarios.readers.nets.radial import needless_rating
from scenarios.readers.nets.record import Record, counted, listed, own_labels, renamed

KILO = 1000.0
_ROOT, _HELD, _ISOLATED = 3, 2, 4

_COLUMNS = {
    "bus": ("BUS_I", "BUS_TYPE", "PD", "QD", "GS", "BS", "BUS_AREA", "VM", "VA", "BASE_KV", "ZONE", "VMAX", "VMIN"),
    "gen": ("GEN_BUS", "PG", "QG", "QMAX", "QMIN", "VG", "MBASE", "GEN_STATUS", "PMAX", "PMIN"),
    "branch": (
        "F_BUS", "T_BUS", "BR_R", "BR_X", "BR_B", "RATE_A", "RATE_B", "RATE_C", "TAP", "SHIFT", "BR_STATUS",
        "ANGMIN", "ANGMAX",
    ),
}  # fmt: skip
_NEEDED = {"bus": 13, "gen": 8, "branch": 11}
_REFUSED = {"dcline": 2, "if": 2}
"""Tables of elements that have no model here, and their column of the status."""


def read_matpower(path: Path) -> Net:
    """Read a grid; see the module's text.

    Parameters
    ----------
    path
        The ``.m`` file.

    Raises
    ------
    InputError
        With the line: a statement that cannot be read, a table that is missing, a number that cannot be one.
    """
    return _Case.open(path).net()


@dataclass
class _Case:
    """The matrices of a case as records, and what is made of them."""

    file: MatlabFile
    name: str
    base_mva: float
    tables: dict[str, list[Record]]

    @classmethod
    def open(cls, path: Path) -> _Case:
        """Read the matrices of a case."""
        columns = {name: {column: k for k, column in enumerate(every)} for name, every in _COLUMNS.items()}
        file = MatlabFile.read(shown(path), read_text(path), columns)
        base = file.numbers.get("baseMVA")
        if base is None or not base > 0.0:
            raise InputError(file.source, "mpc.baseMVA", base, "a number > 0")
        tables = {}
        for name, every in _COLUMNS.items():
            if name not in file.matrices:
                raise InputError(file.source, "file", f"no mpc.{name}", f"a matrix mpc.{name}")
            matrix, lines = file.matrices[name], file.lines[name]
            if len(matrix) and matrix.shape[1] < _NEEDED[name]:
                expected = f"{_NEEDED[name]} columns of mpc.{name} (version 2)"
                raise InputError(file.source, f"line {lines[0]}", f"{matrix.shape[1]} columns", expected)
            tables[name] = [
                Record(file.source, f"line {line}", dict(zip(every, row, strict=False)))
                for line, row in zip(lines, matrix.tolist(), strict=True)
            ]
        return cls(file, path.stem, base, tables)

    def net(self) -> Net:
        """Return the grid."""
        file, rows = self.file, self.tables["bus"]
        for name, status in _REFUSED.items():
            if name in file.matrices and file.matrices[name][:, status].any():
                raise InputError(file.source, f"mpc.{name}", "in service", "a case without it: it has no model here")
        numbers = [str(row.whole("BUS_I", minimum=1)) for row in rows]
        for k, number in enumerate(numbers):
            if number in numbers[:k]:
                raise rows[k].error("BUS_I", number, "each bus once")
        self._buses = {number: k for k, number in enumerate(numbers)}
        names = file.texts.get("bus_name", [])
        wanted = [name.strip() for name in names] if len(names) == len(rows) else numbers
        labels = own_labels([name if is_name(name) else "" for name in wanted], numbers)
        self._types = [row.whole("BUS_TYPE", minimum=1) for row in rows]
        self._build = NetBuilder(file.source, self.name, [_bus(row, labels[k]) for k, row in enumerate(rows)])
        self._build.notes += renamed(wanted, labels)
        self._powers(rows)
        self._generators(rows)
        self._branches(labels)
        unread = [f"mpc.{name}" for name in file.matrices if name not in _COLUMNS]
        if unread:
            self._build.notes.append(f"tables that are not read, as no flow depends on them: {listed(unread)}")
        return self._build.build()

    def _bus_of(self, row: Record, key: str) -> int:
        number = str(row.whole(key))
        if number not in self._buses:
            raise row.error(key, number, "the number of a bus")
        return self._buses[number]

    def _powers(self, rows: Sequence[Record]) -> None:
        """Take loads and shunts of the buses."""
        for bus, row in enumerate(rows):
            self._build.add_load(bus, KILO * complex(row.number("PD"), row.number("QD")))
            drawn = KILO * complex(row.number("GS"), -row.number("BS"))
            self._build.add_shunt("shunts of buses", self._build.buses[bus].label, bus, drawn)

    def _generators(self, rows: Sequence[Record]) -> None:
        """Take generators: at a bus of type 3 they say the voltage, elsewhere they feed in."""
        voltage: dict[int, float] = {}
        held, out = [], []
        for row in self.tables["gen"]:
            bus = self._bus_of(row, "GEN_BUS")
            name = f"generator at {self._build.buses[bus].label}"
            if row.number("GEN_STATUS") <= 0.0:
                out.append(name)
            elif self._types[bus] == _ROOT:
                voltage.setdefault(bus, row.number("VG", minimum=0.1))
            else:
                power = KILO * complex(row.number("PG"), row.number("QG"))
                if power:
                    self._build.add_generation(name, bus, power)
                if self._types[bus] == _HELD:
                    held.append(name)
        for bus, kind in enumerate(self._types):
            if kind == _ROOT:
                label = self._build.buses[bus].label
                self._build.roots.append(NetRoot(label, bus, voltage.get(bus) or rows[bus].number("VM", minimum=0.1)))
        if held:
            self._build.notes.append(f"generators that hold a voltage do not hold it here: {listed(held)}")
        if out:
            self._build.notes.append(f"out of service, left out: {listed(out)}")

    def _branches(self, labels: Sequence[str]) -> None:
        rows = self.tables["branch"]
        ends = [[self._bus_of(row, key) for key in ("F_BUS", "T_BUS")] for row in rows]
        others = [f"branch {k + 1}" for k in range(len(rows))]
        names = own_labels(["-".join(labels[bus] for bus in pair) for pair in ends], others)
        out = []
        for row, (start, end), name, other in zip(rows, ends, names, others, strict=True):
            closed = row.number("BR_STATUS") > 0.0 and _ISOLATED not in (self._types[start], self._types[end])
            if not closed:
                out.append(name)
            tap, kv = row.number("TAP", minimum=0.0), [self._build.buses[bus].kv for bus in (start, end)]
            if closed and tap == 0.0 and abs(kv[0] - kv[1]) > LEVEL_SHARE * max(kv):
                levels = f"0 between {kv[0]:g} kV and {kv[1]:g} kV"
                raise row.error("TAP", levels, "the ratio of a transformer between two levels: 1 for its nominal one")
            per_unit = kv[1] ** 2 / self.base_mva
            self._build.branches.append(
                NetBranch(
                    label=name,
                    other=other,
                    kind=TRANSFORMER if tap else LINE,
                    start=start,
                    end=end,
                    r_ohm=row.number("BR_R") * per_unit,
                    x_ohm=row.number("BR_X") * per_unit,
                    ratio=tap * kv[0] / kv[1] if tap else 1.0,
                    rating_kva=needless_rating(KILO * row.number("RATE_A", minimum=0.0, infinite=True), kv[0]),
                    closed=closed,
                )
            )
            drawn = -0.5j * KILO * self.base_mva * row.number("BR_B")
            for bus in (start, end):
                self._build.add_shunt("charging of branches", name, bus, drawn if closed else 0.0)
        if out:
            self._build.notes.append(
                f"open in the case, left out: {counted(len(out), 'branch', 'branches')}: {listed(out)}"
            )


def _bus(row: Record, label: str) -> NetBus:
    kv = row.number("BASE_KV", minimum=0.0)
    if kv == 0.0:
        raise row.error("BASE_KV", kv, "the nominal voltage in kV")
    return NetBus(label, kv, row.number("VMIN", minimum=0.0), row.number("VMAX", minimum=0.0))
