"""Limits at work: which limits of a feeder and its units a dispatch reaches or comes near, and what each is worth.

A limit's multiplier is what the network cost would fall by if the limit were wider by one unit of its own, the rest of
the day's decisions given; its unit is that of the limit. Signs follow :mod:`equilibrium.programs.duality`: a
multiplier here is minus the row's or column's at an upper bound and the same at a lower one, so it is not negative,
except on days with a shortage, where a limit that the least shortage holds may be dear to keep reaching.

That a power is not negative is no limit of the network and is left out, and so are the lots' own bands of energy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.certificate import SAME_PRICE
from equilibrium.grid.distribution import polygon
from equilibrium.grid.network import Network
from equilibrium.programs.duality import reduced_costs
from equilibrium.programs.program import FEASIBILITY, Instance, Program

NEAR = 0.01
"""A limit is near when its slack is at most this share of its range: of the rating, or of the allowed band."""


@dataclass(frozen=True)
class Limit:
    """One limit at work in one period.

    Attributes
    ----------
    name
        What limit it is, one of :data:`NAMES`.
    place
        Label of the bus, or name of the unit.
    bus
        Index of its bus; a branch has that of the bus it feeds, the substation the root's.
    period
        Period of the day, 0 first.
    unit
        Unit of the three numbers that follow.
    value, bound, slack
        What is reached, what is allowed, and how far it is off; a slack is never negative but for rounding.
    multiplier
        What one unit more of the bound would save the operator, currency; not a number where limits of several hours
        share what they are worth and no rule parts it.
    shortage
        By how much the priced shortage of the day would fall with it, currency; 0 on a day without one.
    """

    name: str
    place: str
    bus: int
    period: int
    unit: str
    value: float
    bound: float
    slack: float
    multiplier: float
    shortage: float = 0.0

    @property
    def reached(self) -> bool:
        """Whether nothing is left of it but rounding."""
        return self.slack <= FEASIBILITY * (1.0 + abs(self.bound))


NAMES = {
    "substation": "rating of the substation",
    "branch": "rating of the branch into the bus",
    "voltage-min": "lowest voltage of the bus",
    "voltage-max": "highest voltage of the bus",
    "microturbine": "rating of the microturbine",
    "ramp-up": "fastest rise of the microturbine from the period before",
    "ramp-down": "fastest fall of the microturbine from the period before",
    "renewable": "potential of sun or wind",
    "svc": "rating of the compensator",
    "storage-charge": "charging power of the storage",
    "storage-discharge": "discharging power of the storage",
    "storage-full": "most energy of the storage",
    "storage-empty": "least energy of the storage",
}
"""What each limit's name means."""

NETWORK = ("substation", "branch", "voltage-min", "voltage-max")
"""Those that make the price at one bus differ from that at another."""

ALONE = ("renewable",)
"""Those that are worth the price at their bus whatever other limits are worth."""

_Asset = Any
"""A unit with a name and a bus."""


@dataclass(frozen=True, eq=False)
class _Family:
    """Limits of one kind over periods and elements; all arrays have shape ``(periods, elements)``."""

    name: str
    unit: str
    places: Sequence[str]
    buses: IntArray
    value: FloatArray
    bound: FloatArray
    slack: FloatArray
    width: FloatArray
    weight: tuple[FloatArray, ...]

    def limits(self, *, told: bool, short: bool) -> Iterator[Limit]:
        """Return those that are reached, near, or have a price; where prices are not told, those that are near."""
        multiplier, shortage = self.weight
        if not told:
            shortage = np.full_like(shortage, np.nan if short else 0.0)
            multiplier = multiplier if self.name in ALONE else np.full_like(multiplier, np.nan)
        priced = (np.abs(multiplier) > SAME_PRICE) | (np.abs(shortage) > SAME_PRICE)
        real = np.isfinite(self.bound) & (self.width > 0.0)
        near = self.slack <= NEAR * self.width
        for period, k in np.argwhere(real & (near | priced)).tolist():
            at = period, k
            yield Limit(
                name=self.name,
                place=self.places[k],
                bus=int(self.buses[k]),
                period=period,
                unit=self.unit,
                value=float(self.value[at]),
                bound=float(self.bound[at]),
                slack=float(self.slack[at]),
                multiplier=_worth(multiplier[at]),
                shortage=_worth(shortage[at]),
            )


def _worth(multiplier: float) -> float:
    """Return a multiplier without rounding."""
    return 0.0 if abs(multiplier) <= SAME_PRICE else float(multiplier)


class _Reader:
    """Reads limits off a primal and dual point; the multipliers of a stage of least shortage come beside it."""

    def __init__(self, program: Program, x: FloatArray, duals: Sequence[tuple[Instance, FloatArray]]) -> None:
        self.program, self.x = program, x
        self._y = tuple(y for _, y in duals)
        self._z = tuple(reduced_costs(instance, y) for instance, y in duals)

    def columns(self, name: str) -> tuple[FloatArray, ...]:
        """Return the reduced costs of a block, one array a stage; zeros for a stage that is not there."""
        block = self.program.columns[name]
        found = [z[block.slice].reshape(block.shape) for z in self._z]
        return (*found, *[np.zeros(block.shape)] * (2 - len(found)))

    def rows(self, name: str) -> tuple[FloatArray, ...]:
        """Return the multipliers of a block of rows likewise."""
        found = [self.program.multiplier(y, name) for y in self._y]
        return (*found, *[np.zeros_like(found[0])] * (2 - len(found)))

    def value(self, name: str) -> FloatArray:
        """Return the values of a block of columns."""
        return self.program.value(self.x, name)


def binding_limits(
    network: Network,
    program: Program,
    instance: Instance,
    x: FloatArray,
    y: FloatArray,
    shortage: tuple[Instance, FloatArray] | None = None,
    *,
    told: bool = True,
) -> tuple[Limit, ...]:
    """Return the limits that a dispatch reaches or comes near, by period and then in the order of :data:`NAMES`.

    Parameters
    ----------
    network
        The feeder and its units.
    program
        The operator's program (:mod:`equilibrium.grid.distribution`), or one that contains it.
    instance, x, y
        The day bound into it with all its limits, not an optimal face of it, a point of least cost and its multipliers.
    shortage
        On a day that cannot be served: the instance of least shortage and its multipliers.
    told
        Whether the multipliers are the only ones, or chosen by a rule: those that a solver happens to give are not.
    """
    reader = _Reader(program, x, [(instance, y), *([] if shortage is None else [shortage])])
    families = [
        *_branches(network, reader),
        *_voltages(network, reader),
        *_units(network, reader, instance if shortage is None else shortage[0]),
        *_storage(network, reader),
    ]
    order = {name: at for at, name in enumerate(NAMES)}
    found = [limit for family in families for limit in family.limits(told=told, short=shortage is not None)]
    return tuple(sorted(found, key=lambda limit: (limit.period, order[limit.name], limit.bus, limit.place)))


def _polygon_family(
    name: str,
    places: Sequence[str],
    buses: IntArray,
    rating: FloatArray,
    flow: tuple[FloatArray, FloatArray],
    weight: tuple[FloatArray, ...],
    edges: int,
) -> _Family:
    """Return ratings as the polygon has them: the value is the least rating whose polygon holds the flow."""
    a, b, c = polygon(edges)
    p, q = flow
    value = (p[..., None] * a + q[..., None] * b).max(axis=-1, initial=-np.inf) / c
    bound = np.broadcast_to(rating, value.shape)
    worth = tuple(-c * each.sum(axis=-1) for each in weight)
    return _Family(name, "kVA", places, buses, value, bound, bound - value, bound, worth)


def _branches(network: Network, reader: _Reader) -> Iterator[_Family]:
    feeder = network.feeder
    rated = np.flatnonzero(np.isfinite(feeder.rating_kva))
    p, q = (reader.value(name)[:, rated] for name in ("flow_kw", "flow_kvar"))
    weight = reader.rows("branch_polygon")
    for name, which in (("substation", rated == 0), ("branch", rated > 0)):
        buses = rated[which]
        labels = [feeder.buses[bus] for bus in buses]
        parts = tuple(each[:, which] for each in weight)
        flow = p[:, which], q[:, which]
        yield _polygon_family(name, labels, buses, feeder.rating_kva[buses], flow, parts, network.polygon_edges)


def _voltages(network: Network, reader: _Reader) -> Iterator[_Family]:
    """Return the voltages of all buses but the root, whose voltage is given."""
    feeder = network.feeder
    buses = np.arange(1, feeder.size)
    value = reader.value("voltage_kv")[:, 1:] / feeder.base_kv
    low, high = (np.broadcast_to(each[1:], value.shape) for each in (feeder.voltage_min_pu, feeder.voltage_max_pu))
    z = tuple(each[:, 1:] * feeder.base_kv for each in reader.columns("voltage_kv"))
    labels = feeder.buses[1:]
    yield from _band(("voltage-min", "voltage-max"), "p.u.", labels, buses, (low, value, high), z)


def _band(
    names: tuple[str, str],
    unit: str,
    places: Sequence[str],
    buses: IntArray,
    given: tuple[FloatArray, FloatArray, FloatArray],
    weight: tuple[FloatArray, ...],
) -> Iterator[_Family]:
    """Return both sides of a band, given as ``(low, value, high)``; the side that is nearer has the multiplier."""
    low, value, high = given
    under = value - low <= high - value
    below, above = tuple(np.where(under, z, 0.0) for z in weight), tuple(np.where(under, 0.0, -z) for z in weight)
    yield _Family(names[0], unit, places, buses, value, low, value - low, high - low, below)
    yield _Family(names[1], unit, places, buses, value, high, high - value, high - low, above)


def _named(assets: Sequence[_Asset]) -> tuple[list[str], IntArray]:
    return [asset.name for asset in assets], np.array([asset.bus for asset in assets], dtype=np.int64)


def _upper(
    name: str, unit: str, assets: Sequence[_Asset], value: FloatArray, bound: FloatArray, z: tuple[FloatArray, ...]
) -> _Family:
    """Return upper bounds of columns."""
    places, buses = _named(assets)
    return _Family(name, unit, places, buses, value, bound, bound - value, bound, tuple(-each for each in z))


def _units(network: Network, reader: _Reader, instance: Instance) -> Iterator[_Family]:
    """Return the limits of generation and compensation; a unit that is off has none."""
    program, turbines = reader.program, network.microturbines
    block = program.columns["microturbine_kw"]
    on = instance.col_upper[block.slice].reshape(block.shape) > 0.0
    names, buses = _named(turbines)
    rating = np.where(on, [unit.rating_kva for unit in turbines], 0.0)
    flow = reader.value("microturbine_kw"), reader.value("microturbine_kvar")
    weight = reader.rows("microturbine_polygon")
    yield _polygon_family("microturbine", names, buses, rating, flow, weight, network.polygon_edges)
    if "ramp" in program.rows:
        yield from _ramps(network, reader, instance)
    for name, unit, column, assets in (
        ("renewable", "kW", "renewable_kw", network.renewables),
        ("svc", "kvar", "compensator_kvar", network.compensators),
    ):
        block = program.columns[column]
        bound = instance.col_upper[block.slice].reshape(block.shape)
        yield _upper(name, unit, assets, reader.value(column), bound, reader.columns(column))


def _ramps(network: Network, reader: _Reader, instance: Instance) -> Iterator[_Family]:
    """Return the ramp limits; the first period has none."""
    units = [unit for unit in network.microturbines if np.isfinite(unit.ramp_kw_per_h)]
    which = [k for k, unit in enumerate(network.microturbines) if np.isfinite(unit.ramp_kw_per_h)]
    block = reader.program.rows["ramp"]
    most = instance.row_upper[block.slice].reshape(block.shape)
    rise = np.diff(reader.value("microturbine_kw")[:, which], axis=0)
    names, buses = _named(units)
    first = np.full((1, len(units)), np.inf)  # no limit
    bound = np.vstack([first, most])
    for name, sign in (("ramp-up", 1.0), ("ramp-down", -1.0)):
        up = sign * rise > 0.0
        weight = tuple(np.vstack([0.0 * most[:1], np.where(up, -sign * each, 0.0)]) for each in reader.rows("ramp"))
        value = np.vstack([0.0 * most[:1], sign * rise])
        yield _Family(name, "kW", names, buses, value, bound, bound - value, bound, weight)


def _storage(network: Network, reader: _Reader) -> Iterator[_Family]:
    """Return the limits of the stores; the energy at the day's end is given, so it has none."""
    units = network.storage
    if not units:
        return

    def of(name: str, like: FloatArray) -> FloatArray:
        return np.broadcast_to([getattr(unit, name) for unit in units], like.shape)

    for name, column, most in (
        ("storage-charge", "storage_charge_kw", "charge_max_kw"),
        ("storage-discharge", "storage_discharge_kw", "discharge_max_kw"),
    ):
        value = reader.value(column)
        yield _upper(name, "kW", units, value, of(most, value), reader.columns(column))
    places, buses = _named(units)
    value = reader.value("storage_kwh")[:-1]
    low, high = of("energy_min_kwh", value), of("energy_kwh", value)
    weight = tuple(each[:-1] for each in reader.columns("storage_kwh"))
    yield from _band(("storage-empty", "storage-full"), "kWh", places, buses, (low, value, high), weight)
