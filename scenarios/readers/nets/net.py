"""A grid as a foreign file states it, in kilovolts, ohms, kilowatts and kilovars: what the readers of all formats make.

:mod:`scenarios.readers.nets.radial` makes a feeder of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from scenarios.readers.nets.record import counted, listed

LINE, TRANSFORMER, SWITCH = "line", "transformer", "switch"

LEVEL_SHARE = 1e-6
"""Share by which the nominal voltages of two buses of one level may differ: the rounding of a file."""


@dataclass(frozen=True)
class NetBus:
    """A bus.

    Attributes
    ----------
    label
        Its name, which no other bus has.
    kv
        Nominal line-to-line voltage, kV.
    voltage_min_pu, voltage_max_pu
        Band, per unit of ``kv``; NaN where the file gives none.
    """

    label: str
    kv: float
    voltage_min_pu: float = math.nan
    voltage_max_pu: float = math.nan


@dataclass(frozen=True)
class NetBranch:
    """A line, transformer or bus-bus switch.

    Attributes
    ----------
    label, other
        Its name, which no other branch has, and what it is called by its place in the file.
    kind
        :data:`LINE`, :data:`TRANSFORMER` or :data:`SWITCH`.
    start, end
        Indices of its buses.
    r_ohm, x_ohm
        Series impedance seen from ``end``, ohm.
    ratio
        Voltage at ``start`` over that at ``end`` when nothing flows, kV/kV; 1 for lines and switches.
    rating_kva
        Thermal rating, kVA; ``inf`` is no limit.
    closed
        Whether it is in service.
    """

    label: str
    other: str
    kind: str
    start: int
    end: int
    r_ohm: float
    x_ohm: float
    ratio: float = 1.0
    rating_kva: float = math.inf
    closed: bool = True


@dataclass(frozen=True)
class NetRoot:
    """Where the grid is fed from outside: name, index of the bus, voltage held there (per unit of its nominal one)."""

    label: str
    bus: int
    voltage_pu: float


@dataclass(frozen=True, eq=False)
class Net:
    """A grid.

    Attributes
    ----------
    source
        Name of the file in messages.
    name
        Short name.
    buses, branches, roots
        What it consists of; roots are those in service.
    load_kw, load_kvar
        Load of each bus, shape ``(buses,)``.
    generation_kw, generation_kvar
        What static generators feed in, shape ``(buses,)``.
    shunt_kw, shunt_kvar
        What shunts, charging of lines and idle transformers draw at nominal voltage, shape ``(buses,)``.
    notes
        What is left out or approximated, one sentence each, with names and amounts.
    """

    source: str
    name: str
    buses: tuple[NetBus, ...]
    branches: tuple[NetBranch, ...]
    roots: tuple[NetRoot, ...]
    load_kw: FloatArray
    load_kvar: FloatArray
    generation_kw: FloatArray
    generation_kvar: FloatArray
    shunt_kw: FloatArray
    shunt_kvar: FloatArray
    notes: tuple[str, ...]


@dataclass
class NetBuilder:
    """Collects a grid while a file is read; :meth:`build` checks it."""

    source: str
    name: str
    buses: list[NetBus]
    branches: list[NetBranch] = field(default_factory=list)
    roots: list[NetRoot] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Prepare the powers of the buses, and amounts for notes."""
        if not self.buses:
            raise InputError(self.source, "buses", "none", "a grid with buses")
        self.load, self.generation, self.shunt = (np.zeros(len(self.buses), dtype=complex) for _ in range(3))
        self._constant: dict[str, dict[str, complex]] = {}

    def add_load(self, bus: int, power_kva: complex) -> None:
        """Add a load."""
        self.load[bus] += power_kva

    def add_generation(self, name: str, bus: int, power_kva: complex) -> None:
        """Add a static generator that feeds in ``power_kva``."""
        self.generation[bus] += power_kva
        self._note_power("generation", name, power_kva)

    def add_shunt(self, kind: str, name: str, bus: int, power_kva: complex) -> None:
        """Add what an element of some kind draws at nominal voltage; it is noted under its kind."""
        if power_kva != 0.0:
            self.shunt[bus] += power_kva
            self._note_power(kind, name, power_kva)

    def _note_power(self, kind: str, name: str, power_kva: complex) -> None:
        powers = self._constant.setdefault(kind, {})
        powers[name] = powers.get(name, 0.0) + power_kva

    def build(self) -> Net:
        """Return the grid.

        Raises
        ------
        InputError
            For a line or switch between two voltage levels.
        """
        for branch in self.branches:
            start, end = self.buses[branch.start], self.buses[branch.end]
            if branch.start == branch.end:
                raise InputError(self.source, f"{branch.kind} {branch.label}", start.label, "two different ends")
            one_level = abs(start.kv - end.kv) <= LEVEL_SHARE * max(start.kv, end.kv)
            if branch.closed and branch.kind != TRANSFORMER and not one_level:
                levels = f"{start.kv:g} kV at {start.label} and {end.kv:g} kV at {end.label}"
                expected = "one nominal voltage at both ends, or a transformer between two levels"
                raise InputError(self.source, f"{branch.kind} {branch.label}", levels, expected)
        parts = {}
        for name in ("load", "generation", "shunt"):
            parts[f"{name}_kw"], parts[f"{name}_kvar"] = getattr(self, name).real, getattr(self, name).imag
        notes = (*self.notes, *(self._sentence(kind) for kind in self._constant))
        return Net(
            self.source, self.name, tuple(self.buses), tuple(self.branches), tuple(self.roots), **parts, notes=notes
        )

    def _sentence(self, kind: str) -> str:
        """Say what stands for an element whose power is taken as constant, with the largest first."""
        every = sorted(self._constant[kind].items(), key=lambda each: -abs(each[1]))
        total = sum(power for _, power in every)
        names = listed(f"{name} {power_text(power)}" for name, power in every)
        if kind == "generation":
            feed = counted(len(every), "generator feeds", "generators feed")
            return f"{feed} in {power_text(total)}, as in the file, at every hour: {names}"
        return f"{kind}: {power_text(total)} at nominal voltage, taken as constant, {len(every)} in all: {names}"


def power_text(power_kva: complex) -> str:
    """Return active and reactive power for a sentence; a part that is 0 is left out."""
    parts = [f"{value:.4g} {unit}" for value, unit in ((power_kva.real, "kW"), (power_kva.imag, "kvar")) if value]
    return " and ".join(parts) or "0 kW"


def turned(branch: NetBranch) -> NetBranch:
    """Return a branch with its ends exchanged; the impedance is seen from the other one."""
    square = branch.ratio**2
    return replace(
        branch,
        start=branch.end,
        end=branch.start,
        r_ohm=branch.r_ohm * square,
        x_ohm=branch.x_ohm * square,
        ratio=1.0 / branch.ratio,
    )
