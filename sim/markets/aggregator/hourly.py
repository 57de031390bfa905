"""The tables of the aggregator market about every period: prices, powers, and what the lots hold."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from scenarios.time_axis import TimeAxis
from sim.columns import DATE, DAY, PER_MWH, Column, Table, number, periods, text
from sim.markets.aggregator.results import AggregatorDayResult


def summed(day: AggregatorDayResult, *names: str) -> FloatArray:
    """Return the sum of some powers over all lots, kW, shape ``(periods,)``."""
    total = np.zeros(day.axis.size)
    for lot in day.settlement.came.lots:
        for name in names:
            total += getattr(lot, name)[0]
    return total


def purchase(day: AggregatorDayResult) -> FloatArray:
    """Return what the aggregator buys upstream, kW, (10); negative where it sells."""
    came = day.settlement.came
    lots = summed(day, "charge_kw") - summed(day, "discharge_kw")
    return np.asarray(came.served_kw + lots - came.generators_kw.sum(axis=1))


@dataclass(frozen=True, eq=False)
class _Posted:
    """A day's prices, period by period."""

    index: int
    date: dt.date | None
    axis: TimeAxis
    period: IntArray
    name: np.ndarray
    price: FloatArray


def _posted(day: AggregatorDayResult) -> _Posted:
    prices = {
        "upstream energy": day.settlement.outcome.energy_price,
        "upstream reserve": day.settlement.outcome.reserve_price,
        "forecast energy": day.settlement.forecast.energy_price,
        "forecast reserve": day.settlement.forecast.reserve_price,
        **day.settlement.prices,
    }
    size = day.axis.size
    return _Posted(
        day.index,
        day.date,
        day.axis,
        np.tile(np.arange(size), len(prices)),
        np.repeat(np.array(list(prices), dtype=object), size),
        np.concatenate([np.broadcast_to(price, (size,)) for price in prices.values()]),
    )


_PRICED: tuple[Column[_Posted], ...] = periods(lambda rows: (rows.axis, rows.period))

PRICES: Table[AggregatorDayResult, _Posted] = Table(
    "prices",
    _posted,
    (
        DAY,
        DATE,
        *_PRICED,
        text("price", "which price: upstream, forecast, or posted by the aggregator", lambda p: p.name),
        number("price_per_mwh", "currency/MWh; of reserve: currency per MW and hour", lambda p: p.price * PER_MWH),
    ),
)


@dataclass(frozen=True, eq=False)
class _Powers:
    """What everybody did on a day, period by period."""

    index: int
    date: dt.date | None
    axis: TimeAxis
    period: IntArray
    asset: np.ndarray
    kind: np.ndarray
    p_kw: FloatArray


def _powers(day: AggregatorDayResult) -> _Powers:
    came, outcome = day.settlement.came, day.settlement.outcome
    rows: list[tuple[str, str, FloatArray]] = [("purchase", "purchase", purchase(day))]
    for lot, did in zip(outcome.lots, came.lots, strict=True):
        rows += [(lot.name, kind, getattr(did, f"{kind}_kw")[0]) for kind in ("charge", "discharge", "reserve")]
    rows += [(unit.name, "output", came.generators_kw[:, k]) for k, unit in enumerate(outcome.generators)]
    rows.append(("retailer", "served", came.served_kw))
    rows.append(("retailer", "interrupted", outcome.retailer.load_kw - came.served_kw))
    size = day.axis.size

    def spread(names: Sequence[str]) -> np.ndarray:
        return np.repeat(np.array(names, dtype=object), size)

    return _Powers(
        day.index,
        day.date,
        day.axis,
        np.tile(np.arange(size), len(rows)),
        spread([asset for asset, _, _ in rows]),
        spread([kind for _, kind, _ in rows]),
        np.concatenate([power for _, _, power in rows]),
    )


_FLOWING: tuple[Column[_Powers], ...] = periods(lambda rows: (rows.axis, rows.period))

DISPATCH: Table[AggregatorDayResult, _Powers] = Table(
    "dispatch",
    _powers,
    (
        DAY,
        DATE,
        *_FLOWING,
        text("asset", "name of the lot or generator, retailer, or purchase", lambda p: p.asset),
        text(
            "kind",
            "purchase, charge, discharge, reserve (kept ready), output, served or interrupted",
            lambda p: p.kind,
        ),
        number("p_kw", "power, kW", lambda p: p.p_kw),
    ),
)


@dataclass(frozen=True, eq=False)
class _Pools:
    """What a day's pools hold, lot by lot and period by period."""

    index: int
    date: dt.date | None
    axis: TimeAxis
    period: IntArray
    lot: np.ndarray
    parked: FloatArray
    g2v_kwh: FloatArray
    v2g_kwh: FloatArray


def _pools(day: AggregatorDayResult) -> _Pools:
    lots, did = day.settlement.outcome.lots, day.settlement.came.lots
    size = day.axis.size
    return _Pools(
        day.index,
        day.date,
        day.axis,
        np.tile(np.arange(size), len(lots)),
        np.repeat(np.array([lot.name for lot in lots], dtype=object), size),
        np.concatenate([lot.vehicles.parked[0].sum(axis=1) for lot in lots]),
        np.concatenate([each.g2v_kwh[0] for each in did]),
        np.concatenate([each.v2g_kwh[0] for each in did]),
    )


_STORED: tuple[Column[_Pools], ...] = periods(lambda rows: (rows.axis, rows.period))

LOTS: Table[AggregatorDayResult, _Pools] = Table(
    "lots",
    _pools,
    (
        DAY,
        DATE,
        *_STORED,
        text("lot", "name of the lot", lambda p: p.lot),
        number("parked", "vehicles that are parked", lambda p: p.parked),
        number("g2v_kwh", "energy of vehicles that only charge, at the end of the period, kWh", lambda p: p.g2v_kwh),
        number("v2g_kwh", "energy of vehicles that also discharge, at its end, kWh", lambda p: p.v2g_kwh),
    ),
)
