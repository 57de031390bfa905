"""The radial feeder and what is connected to it: the data that a market is compiled from.

Buses are numbered ``0 .. n-1`` in the order of the feeder's file; bus 0 is the root (substation).
The papers' node label ``@k`` is this index (docs/epec_lots.md). A branch is named by its receiving
bus, so every branch quantity is an array over buses whose entry 0 belongs to the fictitious branch
that feeds the root.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from equilibrium.errors import InputError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Feeder:
    """A radial distribution feeder.

    Attributes
    ----------
    name
        Short name, as in the bundled list.
    base_kv
        Line-to-line voltage, kV.
    buses
        Labels of the buses, root first.
    parent
        Index of the upstream bus, shape ``(buses,)``; -1 at the root.
    r_ohm, x_ohm
        Series impedance of the branch that feeds each bus, ohm, shape ``(buses,)``; 0 at the root.
    rating_kva
        Thermal rating of that branch, kVA, shape ``(buses,)``; entry 0 is the substation's. ``inf`` is no limit.
    load_kw, load_kvar
        Base-case load, kW and kvar, shape ``(buses,)``.
    voltage_min_pu, voltage_max_pu
        Voltage band, per unit of ``base_kv``, shape ``(buses,)``.
    root_voltage_pu
        Voltage held at the root, per unit.
    """

    name: str
    base_kv: float
    buses: tuple[str, ...]
    parent: IntArray
    r_ohm: FloatArray
    x_ohm: FloatArray
    rating_kva: FloatArray
    load_kw: FloatArray
    load_kvar: FloatArray
    voltage_min_pu: FloatArray
    voltage_max_pu: FloatArray
    root_voltage_pu: float = 1.0

    @property
    def size(self) -> int:
        """Number of buses."""
        return len(self.buses)

    @cached_property
    def order(self) -> IntArray:
        """Bus indices, every bus after its parent, shape ``(buses,)``."""
        depth = np.zeros(self.size, dtype=np.int64)
        for bus in range(self.size):
            walk = int(self.parent[bus])
            while walk >= 0:
                depth[bus] += 1
                walk = int(self.parent[walk])
        return np.argsort(depth, kind="stable")

    def index(self, label: str, source: str = "feeder", where: str = "bus") -> int:
        """Return the index of the bus with this label, or raise :class:`InputError`."""
        try:
            return self.buses.index(str(label))
        except ValueError:
            raise InputError(
                source, where, label, f"a bus of feeder {self.name} ({self.buses[0]} .. {self.buses[-1]})"
            ) from None

    def subtree_sum(self, values: FloatArray) -> FloatArray:
        """Sum ``values`` over each bus and everything downstream of it.

        Parameters
        ----------
        values
            Array of shape ``(..., buses)``.

        Returns
        -------
        FloatArray
            The same shape; with net loads as input this is the lossless branch flow (2d).
        """
        total = np.array(values, dtype=np.float64)
        for bus in self.order[:0:-1]:
            total[..., self.parent[bus]] += total[..., bus]
        return total

    def path_sum(self, values: FloatArray) -> FloatArray:
        """Sum ``values`` over each bus and everything upstream of it, shape ``(..., buses)``."""
        total = np.array(values, dtype=np.float64)
        for bus in self.order[1:]:
            total[..., bus] += total[..., self.parent[bus]]
        return total


def radial_parents(buses: Sequence[str], branches: Sequence[tuple[str, str]], source: str) -> IntArray:
    """Orient closed branches away from the root and prove that they form a tree.

    Parameters
    ----------
    buses
        Labels, root first.
    branches
        Pairs of labels of the closed branches.
    source
        Name of the file, for the error message.

    Returns
    -------
    IntArray
        Parent index of every bus, shape ``(buses,)``; -1 at the root.

    Raises
    ------
    InputError
        When a branch names an unknown bus, closes a loop, or a bus cannot be reached from the root.
    """
    index = {label: k for k, label in enumerate(buses)}
    neighbours: list[list[int]] = [[] for _ in buses]
    for number, (start, end) in enumerate(branches, start=1):
        for label in (start, end):
            if label not in index:
                raise InputError(source, f"branch {number} ({start}-{end})", label, "a bus of buses.csv")
        neighbours[index[start]].append(index[end])
        neighbours[index[end]].append(index[start])
    parent = np.full(len(buses), -2, dtype=np.int64)
    parent[0] = -1
    stack = [0]
    while stack:
        bus = stack.pop()
        skipped_parent = False
        for other in neighbours[bus]:
            if other == parent[bus] and not skipped_parent:
                skipped_parent = True  # a second branch to the parent is a loop
            elif parent[other] != -2:
                raise InputError(
                    source,
                    f"branch {buses[bus]}-{buses[other]}",
                    "a loop",
                    "a radial feeder: open one branch of the loop",
                )
            else:
                parent[other] = bus
                stack.append(other)
    unreached = np.flatnonzero(parent == -2)
    if unreached.size:
        raise InputError(
            source, f"bus {buses[unreached[0]]}", "not connected to the root", "a tree that reaches every bus"
        )
    return parent


@dataclass(frozen=True)
class Microturbine:
    """A dispatchable generator (MT).

    Attributes
    ----------
    name, bus
        Name and index of its bus.
    rating_kva
        Apparent power that it can give.
    fuel_cost_per_kwh
        Currency/kWh.
    ramp_kw_per_h
        Largest change of its power from one hour to the next, up or down; ``inf`` is no limit. The first hour of a day
        is free: nothing is known of the hour before.
    """

    name: str
    bus: int
    rating_kva: float
    fuel_cost_per_kwh: float
    ramp_kw_per_h: float = np.inf

    def __post_init__(self) -> None:
        """Refuse a ramp that is no limit."""
        if not self.ramp_kw_per_h >= 0.0:
            raise InputError(f"microturbine {self.name}", "ramp_kw_per_h", self.ramp_kw_per_h, "a number >= 0")


@dataclass(frozen=True)
class StaticVarCompensator:
    """A reactive source (SVC) that injects 0 .. ``rating_kvar`` at bus index ``bus`` (2n)."""

    name: str
    bus: int
    rating_kvar: float


@dataclass(frozen=True)
class RenewableUnit:
    """A curtailable renewable generator (RES) at bus index ``bus``; its potential is part of the day."""

    name: str
    bus: int
    rated_kw: float
    kind: str


@dataclass(frozen=True)
class StorageUnit:
    """A battery that the DSO owns and dispatches for least network cost.

    A day ends with the energy that it began with, so days can follow each other in any order.

    Attributes
    ----------
    name, bus
        Name and index of its bus.
    energy_kwh
        Most energy that it holds.
    charge_max_kw, discharge_max_kw
        Power limits, grid side.
    initial_kwh
        Energy at the start and at the end of every day.
    charge_efficiency, discharge_efficiency
        kWh stored per kWh drawn, and kWh given per kWh taken out of the store; in (0, 1].
    energy_min_kwh
        Least energy that it may hold.

    Raises
    ------
    InputError
        For a value that no storage can have; ``where`` is the attribute.
    """

    name: str
    bus: int
    energy_kwh: float
    charge_max_kw: float
    discharge_max_kw: float
    initial_kwh: float
    charge_efficiency: float = 0.95
    discharge_efficiency: float = 0.95
    energy_min_kwh: float = 0.0

    def __post_init__(self) -> None:
        """Check every value."""
        self._require(("energy_kwh", "charge_max_kw", "discharge_max_kw"), 0.0, np.inf, "a finite number >= 0")
        for name in ("charge_efficiency", "discharge_efficiency"):
            if not 0.0 < getattr(self, name) <= 1.0:
                raise InputError(f"storage {self.name}", name, getattr(self, name), "a number > 0 and <= 1")
        most = f"a number from 0 to energy_kwh ({self.energy_kwh:g})"
        self._require(("energy_min_kwh",), 0.0, self.energy_kwh, most)
        between = f"a number from energy_min_kwh ({self.energy_min_kwh:g}) to energy_kwh ({self.energy_kwh:g})"
        self._require(("initial_kwh",), self.energy_min_kwh, self.energy_kwh, between)

    def _require(self, names: tuple[str, ...], low: float, high: float, expected: str) -> None:
        for name in names:
            value = getattr(self, name)
            if not (low <= value <= high and np.isfinite(value)):
                raise InputError(f"storage {self.name}", name, value, expected)


@dataclass(frozen=True)
class LotSite:
    """A parking lot's connection.

    Attributes
    ----------
    name, bus
        Name of the lot and index of its bus.
    efficiency
        Battery charging efficiency eta, kWh stored per kWh drawn.
    terminal
        ``"eq"`` (the paper's MILP) or ``"ge"`` (the paper's text) for (3d): switch D3.
    first_hour
        ``"corrected"`` counts the first hour's charging in (3c); ``"as_printed"`` leaves it out: switch D1.
    discharge_efficiency
        kWh given to the grid per kWh taken from the battery; used by markets with vehicle-to-grid.
    """

    name: str
    bus: int
    efficiency: float = 0.95
    terminal: str = "eq"
    first_hour: str = "corrected"
    discharge_efficiency: float = 0.95


@dataclass(frozen=True, eq=False)
class Network:
    """A feeder with its assets: all that does not change from day to day.

    Attributes
    ----------
    feeder, microturbines, compensators, renewables, lots, storage
        The feeder and what stands on it.
    export_price_factor
        alpha of (2a): exports earn ``alpha * W``, ``0 <= alpha < 1``.
    polygon_edges
        N of (2o), (2p): edges of the inner polygon that replaces the apparent-power circle.
    """

    feeder: Feeder
    microturbines: tuple[Microturbine, ...] = ()
    compensators: tuple[StaticVarCompensator, ...] = ()
    renewables: tuple[RenewableUnit, ...] = ()
    lots: tuple[LotSite, ...] = ()
    export_price_factor: float = 0.7
    polygon_edges: int = 12
    name: str = field(default="")
    storage: tuple[StorageUnit, ...] = ()
