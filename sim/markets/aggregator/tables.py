"""The tables of the aggregator market: what each column is, and how a finished day fills it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.certificate import Certificate
from equilibrium.markets.aggregator.accounts import payment
from equilibrium.markets.aggregator.day import CATEGORIES, AggregatorDay
from equilibrium.markets.aggregator.reaction import Reaction
from scenarios.time_axis import TimeAxis
from sim.columns import (
    DATE,
    DAY,
    PER_MWH,
    Column,
    Table,
    energy_kwh,
    flag,
    itself,
    mean_over_time,
    number,
    periods,
    text,
)
from sim.markets.aggregator.results import AggregatorDayResult

DayColumns = tuple[Column[AggregatorDayResult], ...]


def _proof(day: AggregatorDayResult) -> Certificate:
    return day.settlement.plan.certificate


def _outcome(day: AggregatorDayResult) -> AggregatorDay:
    return day.settlement.outcome


def _block(reaction: Reaction, *names: str) -> FloatArray:
    """Return the sum of some column blocks of a reaction, shape ``(periods,)``."""
    return np.asarray(sum(reaction.follower.value(reaction.x, name) for name in names), dtype=np.float64).ravel()


def _over(day: AggregatorDayResult, kind: str, *names: str) -> FloatArray:
    """Return the sum of column blocks over all followers of a kind, shape ``(periods,)``."""
    total = np.zeros(day.axis.size)
    for reaction in day.settlement.reactions:
        if reaction.follower.kind == kind:
            total += _block(reaction, *names)
    return total


def _paid(day: AggregatorDayResult, kind: str) -> float:
    """Return what followers of a kind pay the aggregator."""
    return sum(payment(reaction) for reaction in day.settlement.reactions if reaction.follower.kind == kind)


def _energy(kind: str, *names: str) -> Callable[[AggregatorDayResult], float]:
    return lambda day: energy_kwh(day.axis.length_h, _over(day, kind, *names))


def _purchase(day: AggregatorDayResult) -> FloatArray:
    """Return what the aggregator buys upstream, kW, (10); negative where it sells."""
    lots = _over(day, "lot", "charge_g2v_kw", "charge_v2g_kw") - _over(day, "lot", "discharge_kw")
    return _over(day, "retailer", "served_kw") + lots - _over(day, "generator", "output_kw")


_TERMS: DayColumns = (
    DAY,
    DATE,
    number("profit", "what the aggregator earned, losses not counted, currency", lambda d: d.aggregator.profit),
    number("planned_profit", "expected profit of the plan, currency", lambda d: d.aggregator.planned_profit),
    number("lot_profit", "what the lots earned together, currency", lambda d: sum(lot.profit for lot in d.lots)),
    number(
        "generator_profit",
        "what the generators earned together at their true costs, currency",
        lambda d: sum(unit.profit for unit in d.generators),
    ),
    number("retail_profit", "what the load retailer earned, currency", lambda d: d.retailer.profit),
    number("paid_by_lots", "what the lots pay the aggregator, currency", lambda d: _paid(d, "lot")),
    number("paid_by_generators", "what the generators pay, currency; negative", lambda d: _paid(d, "generator")),
    number("paid_by_retailer", "what the load retailer pays, currency", lambda d: _paid(d, "retailer")),
)

_ENERGY: DayColumns = (
    number("purchase_kwh", "energy bought upstream, kWh", lambda d: energy_kwh(d.axis.length_h, _purchase(d))),
    number("charged_kwh", "energy drawn by the lots, kWh", _energy("lot", "charge_g2v_kw", "charge_v2g_kw")),
    number("discharged_kwh", "energy given by the lots, kWh", _energy("lot", "discharge_kw")),
    number("reserve_kwh", "reserve of the lots over time, kWh", _energy("lot", "reserve_kw")),
    number("generated_kwh", "energy of the generators, kWh", _energy("generator", "output_kw")),
    number("served_kwh", "load that was served, kWh", lambda d: d.retailer.served_kwh),
    number("interrupted_kwh", "load that was interrupted, kWh", lambda d: d.retailer.interrupted_kwh),
    number("vehicles", "vehicles that came", lambda d: sum(pool.came for pool in d.drivers)),
)

_KNOWN: DayColumns = (
    number(
        "upstream_price_mean_per_mwh",
        "mean upstream price of energy, currency/MWh",
        lambda d: mean_over_time(d.axis.length_h, _outcome(d).energy_price[:, None]) * PER_MWH,
    ),
    number(
        "upstream_price_peak_per_mwh",
        "highest upstream price of energy, currency/MWh",
        lambda d: _outcome(d).energy_price.max() * PER_MWH,
    ),
    number(
        "price_error_per_mwh",
        "mean size of the error of the aggregator's forecast of it, currency/MWh",
        lambda d: d.aggregator.price_error * PER_MWH,
    ),
    number("load_factor", "part of the expected load that is expected tomorrow", lambda d: d.aggregator.load_factor),
    number("willing", "part of the interruptible customers who are willing tomorrow", lambda d: d.retailer.willing),
    number("reduction_distance", "Kantorovich distance between arrivals drawn and kept", lambda d: d.distance),
    number("worst_regret", "proven bound on what the leader could gain, currency", lambda d: _proof(d).worst_regret),
    flag("certified", "whether the plan is certified", lambda d: _proof(d).certified),
    text("verdict", "its verdict", lambda d: str(_proof(d).verdict)),
    number("seconds", "wall time of the day, s", lambda d: d.seconds),
)

DAYS: Table[AggregatorDayResult, AggregatorDayResult] = Table("days", itself, (*_TERMS, *_ENERGY, *_KNOWN))


# Prices and powers


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
        "upstream energy": _outcome(day).energy_price,
        "upstream reserve": _outcome(day).reserve_price,
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

_DISPATCHED: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("charge", "lot", ("charge_g2v_kw", "charge_v2g_kw")),
    ("discharge", "lot", ("discharge_kw",)),
    ("reserve", "lot", ("reserve_kw",)),
    ("output", "generator", ("output_kw",)),
    ("served", "retailer", ("served_kw",)),
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
    rows: list[tuple[str, str, FloatArray]] = [("purchase", "purchase", _purchase(day))]
    for reaction in day.settlement.reactions:
        rows += [
            (reaction.follower.name, kind, _block(reaction, *names))
            for kind, of, names in _DISPATCHED
            if of == reaction.follower.kind
        ]
    served = _over(day, "retailer", "served_kw")
    rows.append(("retailer", "interrupted", _outcome(day).retailer.load_kw - served))
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


# Lots, their pools and drivers


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
    reactions = [reaction for reaction in day.settlement.reactions if reaction.follower.kind == "lot"]
    size = day.axis.size
    return _Pools(
        day.index,
        day.date,
        day.axis,
        np.tile(np.arange(size), len(reactions)),
        np.repeat(np.array([reaction.follower.name for reaction in reactions], dtype=object), size),
        np.concatenate([lot.vehicles.parked[0].sum(axis=1) for lot in _outcome(day).lots]),
        np.concatenate([_block(reaction, "g2v_kwh") for reaction in reactions]),
        np.concatenate([_block(reaction, "v2g_kwh") for reaction in reactions]),
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


def _of_lot(name: str) -> Callable[[AggregatorDayResult], list[Any]]:
    return lambda day: [getattr(lot, name) for lot in day.lots]


LOT_DAYS: Table[AggregatorDayResult, AggregatorDayResult] = Table(
    "lot_days",
    itself,
    (
        DAY,
        DATE,
        text("lot", "name of the lot", _of_lot("lot")),
        number(
            "step_per_mwh",
            "by how much its energy tariffs stand above the scenario's, currency/MWh",
            lambda d: [lot.step * PER_MWH for lot in d.lots],
        ),
        number("profit", "with drivers and aggregator, currency", _of_lot("profit")),
        number("paid", "what it paid the aggregator, currency", _of_lot("paid")),
        number("attendance", "arrivals relative to the usual ones", lambda d: [p.attendance for p in d.drivers]),
        number("expected_attendance", "what the aggregator expects tomorrow", lambda d: list(d.aggregator.attendance)),
        number("came", "vehicles that came", lambda d: [p.came for p in d.drivers]),
    ),
)


def _by_contract(values: Callable[[Any], FloatArray]) -> Callable[[AggregatorDayResult], FloatArray]:
    return lambda day: np.concatenate([values(pool) for pool in day.drivers])


CONTRACTS: Table[AggregatorDayResult, AggregatorDayResult] = Table(
    "contracts",
    itself,
    (
        DAY,
        DATE,
        text("lot", "name of the lot", lambda d: [pool.lot for pool in d.drivers for _ in CATEGORIES]),
        text("contract", "fix1, flex1 (charging only), fix2 or flex2", lambda d: list(CATEGORIES) * len(d.drivers)),
        number("share", "part of the vehicles that took it", _by_contract(lambda p: p.share)),
        number(
            "satisfaction",
            "what it gave today between the least that is agreed (0) and the most that fits (1)",
            _by_contract(lambda p: p.satisfaction),
        ),
        number("reputation", "what drivers remember of it, 0 to 1", _by_contract(lambda p: p.reputation)),
    ),
)


def _of_unit(name: str) -> Callable[[AggregatorDayResult], list[Any]]:
    return lambda day: [getattr(unit, name) for unit in day.generators]


GENERATORS: Table[AggregatorDayResult, AggregatorDayResult] = Table(
    "generators",
    itself,
    (
        DAY,
        DATE,
        text("generator", "its name", _of_unit("name")),
        number("markup", "part by which the stated cost exceeds the true one", _of_unit("markup")),
        number("energy_kwh", "what it produced, kWh", _of_unit("energy_kwh")),
        number("profit", "at its true cost, currency", _of_unit("profit")),
    ),
)

CERTIFICATES: Table[AggregatorDayResult, AggregatorDayResult] = Table(
    "certificates",
    itself,
    (
        DAY,
        DATE,
        text("verdict", "how much is proved of the plan", lambda d: str(_proof(d).verdict)),
        flag("certified", "whether that is an equilibrium", lambda d: _proof(d).certified),
        number("primal", "largest relative violation of a row or bound", lambda d: _proof(d).primal),
        number("dual", "largest relative multiplier of a wrong sign", lambda d: _proof(d).dual),
        number("complementarity", "largest relative product", lambda d: _proof(d).complementarity),
        number("gap", "largest relative gap of a program", lambda d: _proof(d).gap),
        number(
            "worst_regret", "proven bound on what the leader could gain, currency", lambda d: _proof(d).worst_regret
        ),
        number("epsilon", "relative to its profit", lambda d: _proof(d).epsilon),
        text("method", "how the plan was found", lambda d: _proof(d).method),
        text("solver", "who solved programs", lambda d: _proof(d).solver),
        text("notes", "what a reader should know", lambda d: "; ".join(_proof(d).notes)),
    ),
)

TABLES: tuple[Table[AggregatorDayResult, Any], ...] = (
    DAYS,
    PRICES,
    DISPATCH,
    LOTS,
    LOT_DAYS,
    CONTRACTS,
    GENERATORS,
    CERTIFICATES,
)
