"""The tables of the aggregator market: what each column is, and how a finished day fills it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.certificate import Certificate
from equilibrium.markets.aggregator.accounts import Accounts
from equilibrium.markets.aggregator.clearing import GridState
from equilibrium.markets.aggregator.day import CATEGORIES, AggregatorDay
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
    text,
)
from sim.markets.aggregator.hourly import DISPATCH, LOTS, PRICES, purchase, summed
from sim.markets.aggregator.results import AggregatorDayResult

DayColumns = tuple[Column[AggregatorDayResult], ...]


def _proof(day: AggregatorDayResult) -> Certificate:
    return day.settlement.plan.certificate


def _outcome(day: AggregatorDayResult) -> AggregatorDay:
    return day.settlement.outcome


def _of_grid(day: AggregatorDayResult, value: Callable[[GridState], float]) -> float:
    """Return a number of the feeder, or not a number without one."""
    grid = day.settlement.came.grid
    return math.nan if grid is None else value(grid)


def _accounts(day: AggregatorDayResult) -> Accounts:
    return day.settlement.came.accounts


def _energy(power: Callable[[AggregatorDayResult], FloatArray]) -> Callable[[AggregatorDayResult], float]:
    """Return what gives the energy of powers of a day."""
    return lambda day: energy_kwh(day.axis.length_h, power(day))


_TERMS: DayColumns = (
    DAY,
    DATE,
    number("profit", "what the aggregator earned, currency", lambda d: d.aggregator.profit),
    number("planned_profit", "expected profit of the plan, currency", lambda d: d.aggregator.planned_profit),
    number("lot_profit", "what the lots earned together, currency", lambda d: sum(lot.profit for lot in d.lots)),
    number(
        "generator_profit",
        "what the generators earned together at their true costs, currency",
        lambda d: sum(unit.profit for unit in d.generators),
    ),
    number("retail_profit", "what the load retailer earned, currency", lambda d: d.retailer.profit),
    number("paid_by_lots", "what the lots pay the aggregator, currency", lambda d: sum(lot.paid for lot in d.lots)),
    number(
        "paid_to_generators",
        "what the aggregator pays the generators, currency",
        lambda d: -_accounts(d).from_generators,
    ),
    number(
        "paid_by_retailer",
        "what the load retailer pays the aggregator, currency",
        lambda d: _accounts(d).from_retailer,
    ),
    number("upstream_profit", "what energy and reserve bring upstream, currency", lambda d: _accounts(d).upstream),
    number("loss_cost", "what losses cost the aggregator, currency", lambda d: _accounts(d).losses),
)

_ENERGY: DayColumns = (
    number("purchase_kwh", "energy bought upstream, kWh", _energy(purchase)),
    number("charged_kwh", "energy drawn by the lots, kWh", _energy(lambda d: summed(d, "charge_kw"))),
    number("discharged_kwh", "energy given by the lots, kWh", _energy(lambda d: summed(d, "discharge_kw"))),
    number("reserve_kwh", "reserve of the lots over time, kWh", _energy(lambda d: summed(d, "reserve_kw"))),
    number(
        "generated_kwh", "energy of the generators, kWh", _energy(lambda d: d.settlement.came.generators_kw.sum(axis=1))
    ),
    number("served_kwh", "load that was served, kWh", lambda d: d.retailer.served_kwh),
    number("interrupted_kwh", "load that was interrupted, kWh", lambda d: d.retailer.interrupted_kwh),
    number("vehicles", "vehicles that came", lambda d: sum(pool.came for pool in d.drivers)),
)

_NETWORK: DayColumns = (
    flag(
        "limits_kept",
        "whether the feeder's limits allowed what came; where not, losses and voltages are missing",
        lambda d: d.settlement.came.limits_kept,
    ),
    number(
        "loss_kwh",
        "losses of the branches, kWh",
        lambda d: _of_grid(d, lambda grid: energy_kwh(d.axis.length_h, grid.loss_kw)),
    ),
    number(
        "voltage_min_pu",
        "lowest voltage of all buses and periods, per unit",
        lambda d: _of_grid(d, lambda grid: float(grid.voltage_pu.min())),
    ),
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

DAYS: Table[AggregatorDayResult, AggregatorDayResult] = Table("days", itself, (*_TERMS, *_ENERGY, *_NETWORK, *_KNOWN))


# Lots and drivers


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


def _of_vehicles(name: str) -> Callable[[AggregatorDayResult], list[Any]]:
    return lambda day: [getattr(error, name) for error in day.pool_errors]


VEHICLES: Table[AggregatorDayResult, AggregatorDayResult] = Table(
    "vehicles",
    lambda day: day if day.pool_errors else None,
    (
        DAY,
        DATE,
        text("lot", "name of the lot", _of_lot("lot")),
        number("promised_kwh", "charging, discharging and reserve of its pools, kWh", _of_vehicles("promised_kwh")),
        number(
            "moved_kwh",
            "least sum of what its single vehicles do more or less in a period, kWh",
            _of_vehicles("moved_kwh"),
        ),
        number("pool_profit", "what the pools earn by what they decide, currency", _of_vehicles("pool_profit")),
        number("vehicle_profit", "the most that vehicles could earn by it, currency", _of_vehicles("vehicle_profit")),
        number("profit_error", "what the pools promise beyond that, currency", _of_vehicles("profit_error")),
        number(
            "unreachable_kwh",
            "agreed energy that no charging within the stays reaches, kWh",
            _of_vehicles("unreachable_kwh"),
        ),
        number(
            "below_contract_kwh",
            "most that a vehicle leaves with below what was agreed and can be reached, kWh",
            _of_vehicles("below_contract_kwh"),
        ),
    ),
    optional=True,
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
    VEHICLES,
    CONTRACTS,
    GENERATORS,
    CERTIFICATES,
)
