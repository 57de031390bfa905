"""The tables of the markets of charging lots about every period: prices, powers, storage, lots, AC power flow."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.grid.network import Network
from equilibrium.markets.charging.clearing import Clearing
from equilibrium.markets.charging.day import MarketDay
from scenarios.time_axis import TimeAxis, day_axis
from sim.acflow import FlowCheck
from sim.columns import DATE, DAY, PER_MWH, Column, Table, flag, itself, number, periods, text
from sim.markets.charging.results import DayResult


class ClearedDay(Protocol):
    """A cleared day with the network and the inputs that it belongs to: what these tables are made from."""

    @property
    def index(self) -> int:
        """Day of the run, 0 first."""
        ...

    @property
    def date(self) -> dt.date | None:
        """Calendar date, or ``None`` for a typical day."""
        ...

    @property
    def axis(self) -> TimeAxis:
        """Its periods."""
        ...

    @property
    def network(self) -> Network:
        """The network that was cleared."""
        ...

    @property
    def market(self) -> MarketDay:
        """What the market was given."""
        ...

    @property
    def clearing(self) -> Clearing:
        """What it returned."""
        ...


@dataclass(frozen=True, eq=False)
class SingleDay:
    """A day that was cleared without agents; attributes as in :class:`ClearedDay`."""

    network: Network
    market: MarketDay
    clearing: Clearing
    index: int = 0
    date: dt.date | None = None
    axis: TimeAxis = field(default_factory=day_axis)


def _rows_a_period(count_of: Callable[[ClearedDay], int]) -> tuple[Column[ClearedDay], ...]:
    """Return the columns of the periods for a table with some rows in each of them."""
    return periods(lambda day: (day.axis, np.repeat(np.arange(day.axis.size), count_of(day))))


def _each_period(labels: Callable[[ClearedDay], Sequence[Any]]) -> Callable[[ClearedDay], list[Any]]:
    """Return what repeats the same values in every period."""
    return lambda day: list(labels(day)) * day.axis.size


def _bus(network: Network, bus: int) -> str:
    return network.feeder.buses[bus]


# Prices and powers

PRICES: Table[ClearedDay, ClearedDay] = Table(
    "prices",
    itself,
    (
        DAY,
        DATE,
        *_rows_a_period(lambda d: d.clearing.dlmp.shape[1]),
        text("bus", "label of the bus", _each_period(lambda d: d.network.feeder.buses)),
        number(
            "dlmp_per_mwh",
            "DLMP = energy + congestion + voltage, currency/MWh",
            lambda d: d.clearing.dlmp.ravel() * PER_MWH,
        ),
        number("energy_per_mwh", "energy part, currency/MWh", lambda d: d.clearing.dlmp_energy.ravel() * PER_MWH),
        number(
            "congestion_per_mwh",
            "congestion part, currency/MWh",
            lambda d: d.clearing.dlmp_congestion.ravel() * PER_MWH,
        ),
        number("voltage_per_mwh", "voltage part, currency/MWh", lambda d: d.clearing.dlmp_voltage.ravel() * PER_MWH),
        number("voltage_pu", "voltage of the linear flow, per unit", lambda d: d.clearing.voltage_pu.ravel()),
    ),
)


@dataclass(frozen=True, eq=False)
class _Group:
    """Assets of one kind: their names and buses, and their powers, shape ``(periods, assets)``."""

    kind: str
    members: list[tuple[str, int]]
    p_kw: FloatArray
    q_kvar: FloatArray


@dataclass(frozen=True, eq=False)
class _Dispatch:
    """All that is dispatched on a day, period by period and asset by asset; ``shed`` only where load was shed."""

    index: int
    date: dt.date | None
    axis: TimeAxis
    period: IntArray
    asset: np.ndarray
    kind: np.ndarray
    bus: np.ndarray
    p_kw: FloatArray
    q_kvar: FloatArray


def _dispatched(day: ClearedDay) -> _Dispatch:
    groups = _groups(day.network, day.market, day.clearing)
    p_kw = np.concatenate([group.p_kw for group in groups], axis=1)
    q_kvar = np.concatenate([group.q_kvar for group in groups], axis=1)
    names = [name for group in groups for name, _ in group.members]
    kinds = [group.kind for group in groups for _ in group.members]
    labels = [_bus(day.network, bus) for group in groups for _, bus in group.members]
    size = day.axis.size
    keep = np.ones(p_kw.shape, dtype=bool)
    shed = np.array(kinds) == "shed"
    keep[:, shed] = p_kw[:, shed] > 0
    kept = keep.ravel()
    return _Dispatch(
        index=day.index,
        date=day.date,
        axis=day.axis,
        period=np.repeat(np.arange(size), len(names))[kept],
        asset=np.tile(np.array(names, dtype=object), size)[kept],
        kind=np.tile(np.array(kinds, dtype=object), size)[kept],
        bus=np.tile(np.array(labels, dtype=object), size)[kept],
        p_kw=p_kw.ravel()[kept],
        q_kvar=q_kvar.ravel()[kept],
    )


def _groups(network: Network, market: MarketDay, clearing: Clearing) -> list[_Group]:
    """Return everything that is dispatched, kind by kind."""
    loaded = np.flatnonzero((market.load_kw != 0).any(axis=0) | (market.load_kvar != 0).any(axis=0))
    loads = [(f"load {network.feeder.buses[bus]}", int(bus)) for bus in loaded]
    load_kw, load_kvar, shed_kw = (x[:, loaded] for x in (market.load_kw, market.load_kvar, clearing.shed_kw))
    shed_kvar = shed_kw * np.divide(load_kvar, load_kw, out=np.zeros_like(load_kw), where=load_kw != 0)
    renewables = [(unit.name, unit.bus) for unit in network.renewables]
    none = np.zeros_like
    bought, sold = clearing.import_kw[:, None], clearing.export_kw[:, None]
    given_kw = clearing.storage_discharge_kw - clearing.storage_charge_kw
    return [
        _Group("import", [("import", 0)], bought, clearing.flow_kvar[:, :1]),
        _Group("export", [("export", 0)], sold, none(sold)),
        _Group(
            "microturbine",
            [(unit.name, unit.bus) for unit in network.microturbines],
            clearing.microturbine_kw,
            clearing.microturbine_kvar,
        ),
        _Group("renewable", renewables, clearing.renewable_kw, none(clearing.renewable_kw)),
        _Group("renewable_potential", renewables, market.renewable_kw, none(market.renewable_kw)),
        _Group(
            "svc",
            [(unit.name, unit.bus) for unit in network.compensators],
            none(clearing.compensator_kvar),
            clearing.compensator_kvar,
        ),
        _Group("storage", [(unit.name, unit.bus) for unit in network.storage], given_kw, none(given_kw)),
        _Group("lot", [(site.name, site.bus) for site in network.lots], clearing.lot_kw, none(clearing.lot_kw)),
        _Group("load", loads, load_kw, load_kvar),
        _Group("shed", loads, shed_kw, shed_kvar),  # at the power factor of the load
    ]


_KINDS = "import, export, microturbine, renewable, renewable_potential, svc, storage, lot, load or shed"

_DISPATCHED: tuple[Column[_Dispatch], ...] = periods(lambda d: (d.axis, d.period))

DISPATCH: Table[ClearedDay, _Dispatch] = Table(
    "dispatch",
    _dispatched,
    (
        DAY,
        DATE,
        *_DISPATCHED,
        text("asset", "name of the asset; loads are named by their bus", lambda d: d.asset),
        text("kind", _KINDS, lambda d: d.kind),
        text("bus", "label of the bus", lambda d: d.bus),
        number("p_kw", "active power, positive in the direction of its kind (storage: giving), kW", lambda d: d.p_kw),
        number("q_kvar", "reactive power, kvar", lambda d: d.q_kvar),
    ),
)


def _with_storage(day: ClearedDay) -> ClearedDay | None:
    return day if day.network.storage else None


STORAGE: Table[ClearedDay, ClearedDay] = Table(
    "storage",
    _with_storage,
    (
        DAY,
        DATE,
        *_rows_a_period(lambda d: len(d.network.storage)),
        text("storage", "name of the storage unit", _each_period(lambda d: [unit.name for unit in d.network.storage])),
        text(
            "bus", "label of its bus", _each_period(lambda d: [_bus(d.network, unit.bus) for unit in d.network.storage])
        ),
        number("charge_kw", "power drawn, kW", lambda d: d.clearing.storage_charge_kw.ravel()),
        number("discharge_kw", "power given, kW", lambda d: d.clearing.storage_discharge_kw.ravel()),
        number("energy_kwh", "energy at the end of the period, kWh", lambda d: d.clearing.storage_kwh.ravel()),
        number(
            "energy_min_kwh",
            "least energy that it may hold, kWh",
            _each_period(lambda d: [unit.energy_min_kwh for unit in d.network.storage]),
        ),
        number(
            "energy_max_kwh",
            "most energy that it holds, kWh",
            _each_period(lambda d: [unit.energy_kwh for unit in d.network.storage]),
        ),
        number(
            "dlmp_per_mwh",
            "DLMP at its bus, currency/MWh",
            lambda d: d.clearing.dlmp[:, [unit.bus for unit in d.network.storage]].ravel() * PER_MWH,
        ),
    ),
    optional=True,
)


# The lots


def _offered(name: str) -> Callable[[ClearedDay], FloatArray]:
    """Return what reads one array of the lots' offers, period by period and lot by lot."""

    def read(day: ClearedDay) -> FloatArray:
        offers = [getattr(lot, name) for lot in day.market.lots]
        return np.column_stack(offers).ravel() if offers else np.zeros(0)

    return read


def at_lots(day: ClearedDay, at_bus: FloatArray) -> FloatArray:
    """Return what stands at the lots' buses, period by period; ``at_bus`` has shape ``(periods, buses)``."""
    values: FloatArray = at_bus[:, [site.bus for site in day.network.lots]].ravel()
    return values


def _charges(day: ClearedDay) -> FloatArray:
    """Return the network charge of every period and lot, currency/kWh."""
    charges = [
        np.zeros(day.market.hours) if lot.network_charge is None else lot.network_charge for lot in day.market.lots
    ]
    return np.column_stack(charges) if charges else np.zeros((day.market.hours, 0))


_LOTS: tuple[Column[ClearedDay], ...] = (
    DAY,
    DATE,
    *_rows_a_period(lambda d: len(d.network.lots)),
    text("lot", "name of the lot", _each_period(lambda d: [site.name for site in d.network.lots])),
    text("bus", "label of its bus", _each_period(lambda d: [_bus(d.network, site.bus) for site in d.network.lots])),
    number("power_kw", "charging power, kW", lambda d: d.clearing.lot_kw.ravel()),
    number("power_max_kw", "highest power of the vehicles plugged in, kW", _offered("power_max_kw")),
    number("soe_kwh", "state of energy at the end of the period, kWh", lambda d: d.clearing.lot_soe_kwh.ravel()),
    number("soe_min_kwh", "lower end of its band, kWh", _offered("soe_min_kwh")),
    number("soe_max_kwh", "upper end of its band, kWh", _offered("soe_max_kwh")),
    number(
        "unserved_kwh",
        "charging energy due and not given, battery side, kWh",
        lambda d: d.clearing.unserved_kwh.ravel(),
    ),
    number("charging_price_per_kwh", "what the drivers pay, currency/kWh", _offered("charging_price")),
    number(
        "network_charge_per_kwh",
        "what the lot pays the operator for the network, currency/kWh",
        lambda d: _charges(d).ravel(),
    ),
    number("dlmp_per_mwh", "DLMP at the lot's bus, currency/MWh", lambda d: at_lots(d, d.clearing.dlmp) * PER_MWH),
)


def lots_table(own: tuple[Column[ClearedDay], ...] = ()) -> Table[ClearedDay, ClearedDay]:
    """Return the table ``lots`` with a market's own columns."""
    return Table("lots", itself, (*_LOTS, *own))


# The AC power flow


@dataclass(frozen=True, eq=False)
class _Flow:
    """A day's AC power flow with the labels of the buses."""

    index: int
    date: dt.date | None
    axis: TimeAxis
    labels: np.ndarray
    check: FlowCheck


def _checked(day: DayResult) -> _Flow | None:
    if day.flow is None:
        return None
    return _Flow(day.index, day.date, day.axis, np.array(day.network.feeder.buses, dtype=object), day.flow)


_CHECKED: tuple[Column[_Flow], ...] = periods(lambda f: (f.axis, np.arange(f.axis.size)))


def _beyond(name: str, meaning: str, where: str = "its bus, empty if none") -> tuple[Column[_Flow], ...]:
    """Return the columns of a limit that the AC flow breaks: by how much most, and where."""
    place = f"{name.rsplit('_', 1)[0]}_bus"

    def labels(flow: _Flow) -> list[str | None]:
        return [None if bus < 0 else flow.labels[bus] for bus in getattr(flow.check, place)]

    return number(name, meaning, lambda f: getattr(f.check, name)), text(place, where, labels)


AC: Table[DayResult, _Flow] = Table(
    "ac",
    _checked,
    (
        DAY,
        DATE,
        *_CHECKED,
        flag("converged", "whether the AC power flow has a solution", lambda f: f.check.converged),
        number(
            "voltage_error_pu",
            "largest difference between linear and AC voltage, per unit",
            lambda f: f.check.voltage_error_pu,
        ),
        text("voltage_error_bus", "its bus", lambda f: f.labels[f.check.voltage_error_bus]),
        number("loss_kw", "active loss, which the linear flow does not have, kW", lambda f: f.check.loss_kw),
        number("loss_share", "loss divided by what loads, lots and storage draw", lambda f: f.check.loss_share),
        number("voltage_min_pu", "lowest AC voltage, per unit", lambda f: f.check.voltage_min_pu),
        text("voltage_min_bus", "its bus", lambda f: f.labels[f.check.voltage_min_bus]),
        *_beyond("undervoltage_pu", "by how much the AC voltage of a bus falls below its lowest, per unit, 0 if none"),
        *_beyond("overvoltage_pu", "by how much that of a bus rises above its highest, per unit, 0 if none"),
        *_beyond(
            "overload_kva",
            "by how much a branch carries more than its rating, kVA, 0 if none; the market keeps within the polygon",
            "the bus that it feeds, the root for the substation, empty if none",
        ),
    ),
    optional=True,
)
