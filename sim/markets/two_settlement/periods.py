"""The tables of the market of two settlements about every period: prices, schedule, powers, storage and voltages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.markets.two_settlement.system import expected_prices
from scenarios.time_axis import TimeAxis
from sim.columns import DATE, DAY, PER_MWH, Column, Table, number, periods, text
from sim.markets.two_settlement.results import TwoSettlementDayResult

Named = tuple[str, str, FloatArray]
"""Unit, kind, and powers of all periods."""


@dataclass(frozen=True, eq=False)
class _Rows:
    """Powers of a day, unit by unit and period by period."""

    index: int
    date: dt.date | None
    axis: TimeAxis
    period: IntArray
    unit: np.ndarray
    kind: np.ndarray
    p_kw: FloatArray


def _rows(day: TwoSettlementDayResult, axis: TimeAxis, named: Sequence[Named]) -> _Rows:
    def spread(names: Sequence[str]) -> np.ndarray:
        return np.repeat(np.array(names, dtype=object), axis.size)

    return _Rows(
        day.index,
        day.date,
        axis,
        np.tile(np.arange(axis.size), len(named)),
        spread([unit for unit, _, _ in named]),
        spread([kind for _, kind, _ in named]),
        np.concatenate([power for _, _, power in named]),
    )


def _both_ways(unit: str, kinds: tuple[str, str], power: FloatArray) -> list[Named]:
    """Return a power that goes both ways as two that do not."""
    return [(unit, kinds[0], np.maximum(power, 0.0)), (unit, kinds[1], np.maximum(-power, 0.0))]


def done_powers(day: TwoSettlementDayResult) -> list[Named]:
    """Return what everybody did in real time."""
    done, system = day.settlement.done, day.system
    rows = _both_ways("wholesale market", ("bought", "sold"), done.trade_kw)
    rows += [(unit.name, "output", done.generator_kw[:, k]) for k, unit in enumerate(system.generators)]
    rows += [(unit.name, "renewable", done.renewable_kw[:, k]) for k, unit in enumerate(system.renewables)]
    for k, store in enumerate(system.storages):
        rows += _both_ways(store.name, ("discharge", "charge"), done.storage_kw[:, k])
    for k, each in enumerate(day.bidders):
        rows += _both_ways(each.name, ("given", "taken"), done.bid_kw[:, k])
        rows += [(each.name, "called", done.called_kw[:, k]), (each.name, "unready", done.unready_kw[:, k])]
        rows.append((each.name, "held back", np.abs(done.held_kw[:, k])))
    rows.append(("customers", "load", day.settlement.real.seen.load_kw.sum(axis=1)))
    rows.append(("customers", "shed", done.shed_kw.sum(axis=1)))
    rows.append(("operator", "reserve missing", done.spinning_short_kw))
    return rows


def planned_powers(day: TwoSettlementDayResult) -> list[Named]:
    """Return what the day-ahead market fixed."""
    plan, system = day.plan.positions, day.system
    rows = _both_ways("wholesale market", ("bought", "sold"), plan.trade_kw)
    rows.append(("wholesale market", "spinning sold", plan.spinning_kw))
    rows += [(unit.name, "output", plan.generator_kw[:, k]) for k, unit in enumerate(system.generators)]
    rows += [(unit.name, "on", plan.on[:, k]) for k, unit in enumerate(system.generators)]
    for k, store in enumerate(system.storages):
        rows += _both_ways(store.name, ("discharge", "charge"), plan.storage_kw[:, k])
    for k, each in enumerate(day.bidders):
        rows += _both_ways(each.name, ("given", "taken"), plan.accepted_kw[:, k])
        rows.append((each.name, "spinning", plan.accepted_spinning_kw[:, k]))
        rows.append((each.name, "regulating", plan.accepted_regulating_kw[:, k]))
    rows.append(("operator", "reserve needed", day.settlement.forecast.regulating_need_kw))
    return rows


_PERIODS: tuple[Column[_Rows], ...] = periods(lambda rows: (rows.axis, rows.period))

DISPATCH: Table[TwoSettlementDayResult, _Rows] = Table(
    "dispatch",
    lambda day: _rows(day, day.axis, done_powers(day)),
    (
        DAY,
        DATE,
        *_PERIODS,
        text("unit", "unit, aggregator, customers, operator or wholesale market", lambda r: r.unit),
        text(
            "kind",
            "bought, sold, output, renewable, discharge, charge, given, taken, load or shed; called, unready, held "
            "back and reserve missing say more of them",
            lambda r: r.kind,
        ),
        number("p_kw", "power in real time, kW", lambda r: r.p_kw),
    ),
)

SCHEDULE: Table[TwoSettlementDayResult, _Rows] = Table(
    "schedule",
    lambda day: _rows(day, day.day.axis, planned_powers(day)),
    (
        DAY,
        DATE,
        *_PERIODS,
        text("unit", "unit, aggregator, operator or wholesale market", lambda r: r.unit),
        text(
            "kind",
            "bought, sold, output, discharge, charge, given or taken; spinning sold, spinning and regulating accepted, "
            "reserve needed; on: 1 where a generator is on",
            lambda r: r.kind,
        ),
        number("p_kw", "power of the day-ahead schedule, kW; of on: 1 or 0", lambda r: r.p_kw),
    ),
)


@dataclass(frozen=True, eq=False)
class _Stored:
    """Energy of storage at the end of every period of real time."""

    index: int
    date: dt.date | None
    axis: TimeAxis
    period: IntArray
    unit: np.ndarray
    energy_kwh: FloatArray
    planned_kwh: FloatArray


def _stored(day: TwoSettlementDayResult) -> _Stored | None:
    names, size = [unit.name for unit in day.system.storages], day.axis.size
    if not names:
        return None
    planned = day.plan.positions.storage_kwh[day.day.hour]
    return _Stored(
        day.index,
        day.date,
        day.axis,
        np.tile(np.arange(size), len(names)),
        np.repeat(np.array(names, dtype=object), size),
        day.settlement.done.storage_kwh.T.ravel(),
        planned.T.ravel(),
    )


_STORED: tuple[Column[_Stored], ...] = periods(lambda rows: (rows.axis, rows.period))

STORAGE: Table[TwoSettlementDayResult, _Stored] = Table(
    "storage",
    _stored,
    (
        DAY,
        DATE,
        *_STORED,
        text("unit", "name of the storage", lambda s: s.unit),
        number("energy_kwh", "energy at the end of the period, kWh", lambda s: s.energy_kwh),
        number("planned_kwh", "planned at the end of its day-ahead period, kWh", lambda s: s.planned_kwh),
    ),
    optional=True,
)

_EVERY: tuple[Column[TwoSettlementDayResult], ...] = periods(lambda day: (day.axis, np.arange(day.axis.size)))

PERIODS: Table[TwoSettlementDayResult, TwoSettlementDayResult] = Table(
    "periods",
    lambda day: day,
    (
        DAY,
        DATE,
        *_EVERY,
        number(
            "day_ahead_price_per_mwh",
            "day-ahead price of energy that came, currency/MWh",
            lambda d: d.settlement.prices.buy[d.day.hour] * PER_MWH,
        ),
        number(
            "expected_price_per_mwh",
            "what the operator had expected of it, the mean of its scenarios, currency/MWh",
            lambda d: expected_price(d)[d.day.hour] * PER_MWH,
        ),
        number(
            "real_time_price_per_mwh",
            "price of energy in real time, currency/MWh",
            lambda d: d.settlement.real.seen.prices.buy * PER_MWH,
        ),
        number(
            "expected_load_kw",
            "load that was expected day-ahead, kW",
            lambda d: d.settlement.real.expected.load_kw.sum(axis=1),
        ),
        number(
            "available_kw",
            "what sun and wind could give, kW",
            lambda d: d.settlement.real.seen.available_kw.sum(axis=1),
        ),
        number("cost", "what the period cost beyond the schedule, currency", lambda d: d.settlement.done.cost),
        number("operations", "branches that were switched", lambda d: d.settlement.done.operations.astype(np.float64)),
        number("voltage_min_pu", "lowest voltage, per unit", lambda d: np.nanmin(d.settlement.done.voltage_pu, axis=1)),
        text("voltage_min_bus", "where it is", lambda d: _lowest_bus(d)),
        number(
            "voltage_max_pu", "highest voltage, per unit", lambda d: np.nanmax(d.settlement.done.voltage_pu, axis=1)
        ),
    ),
)


def expected_price(day: TwoSettlementDayResult) -> FloatArray:
    """Return the mean price of the day-ahead scenarios, currency/kWh, shape ``(T,)``."""
    return expected_prices(day.settlement.forecast.scenarios).buy


def _voltage(day: TwoSettlementDayResult) -> FloatArray:
    """Return voltages, per unit, shape ``(Q, buses)``; not a number without supply."""
    return day.settlement.done.voltage_pu


def _lowest_bus(day: TwoSettlementDayResult) -> list[str]:
    labels = day.system.grid.buses
    return [labels[bus] for bus in np.nanargmin(_voltage(day), axis=1).tolist()]


@dataclass(frozen=True, eq=False)
class _Shed:
    """Where load was not served."""

    index: int
    date: dt.date | None
    axis: TimeAxis
    period: IntArray
    bus: list[str]
    shed_kw: FloatArray
    cost: FloatArray


SHED_KW = 1e-6
"""Less is rounding."""


def _shed(day: TwoSettlementDayResult) -> _Shed | None:
    shed = day.settlement.done.shed_kw
    period, bus = np.nonzero(shed > SHED_KW)
    if not period.size:
        return None
    power = shed[period, bus]
    return _Shed(
        day.index,
        day.date,
        day.axis,
        period.astype(np.int64),
        [day.system.grid.buses[k] for k in bus.tolist()],
        power,
        power * day.axis.length_h[period] * day.system.lost_load_value[bus],
    )


_WHEN: tuple[Column[_Shed], ...] = periods(lambda rows: (rows.axis, rows.period))

SHED: Table[TwoSettlementDayResult, _Shed] = Table(
    "shed",
    _shed,
    (
        DAY,
        DATE,
        *_WHEN,
        text("bus", "bus whose load was not served", lambda s: s.bus),
        number("shed_kw", "power that was not served, kW", lambda s: s.shed_kw),
        number("cost", "at the value of lost load, currency", lambda s: s.cost),
    ),
    optional=True,
)
