"""The tables of the market of two settlements: what each column is, and how a finished day fills it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.certificate import RESIDUAL_TOLERANCE, Certificate, Verdict
from equilibrium.markets.two_settlement.settlement import DAY_AHEAD, OPERATOR, REAL_TIME
from sim.columns import DATE, DAY, PER_MWH, Column, Table, count, energy_kwh, flag, itself, mean_over_time, number, text
from sim.markets.two_settlement.periods import DISPATCH, PERIODS, SCHEDULE, SHED, STORAGE
from sim.markets.two_settlement.results import TwoSettlementDayResult

DayColumns = tuple[Column[TwoSettlementDayResult], ...]


def _proof(day: TwoSettlementDayResult) -> Certificate:
    return day.plan.certificate


def real_time_proved(day: TwoSettlementDayResult) -> bool:
    """Whether the optimality conditions of every window hold."""
    return day.settlement.done.residuals.worst <= RESIDUAL_TOLERANCE


def _verdict(day: TwoSettlementDayResult) -> str:
    return str(_proof(day).verdict) if real_time_proved(day) else str(Verdict.UNPROVED)


def _energy(power: Callable[[TwoSettlementDayResult], FloatArray]) -> Callable[[TwoSettlementDayResult], float]:
    """Return what gives the energy of powers in real time."""
    return lambda day: energy_kwh(day.axis.length_h, power(day))


_MONEY: DayColumns = (
    DAY,
    DATE,
    number("profit", "what both settlements brought the operator, currency", lambda d: d.operator.profit),
    number("planned_profit", "what the day-ahead schedule expects, currency", lambda d: d.operator.planned_profit),
    number(
        "day_ahead_profit",
        "what the settlement of the positions brought it, currency",
        lambda d: d.settlement.money.of(OPERATOR, DAY_AHEAD),
    ),
    number(
        "real_time_profit",
        "what the settlement of real time brought it, currency",
        lambda d: d.settlement.money.of(OPERATOR, REAL_TIME),
    ),
    number("real_time_cost", "cost of real time beyond the schedule, currency", lambda d: d.settlement.done.cost.sum()),
    number("bidder_income", "what the aggregators got in all, currency", lambda d: sum(b.income for b in d.bidders)),
    number(
        "interruption_planned",
        "expected cost of what outages leave unserved, currency; 0 where the schedule looks at none",
        lambda d: d.plan.interruption,
    ),
)

_ENERGY: DayColumns = (
    number("bought_kwh", "energy bought, kWh", _energy(lambda d: np.maximum(d.settlement.done.trade_kw, 0.0))),
    number("sold_kwh", "energy sold, kWh", _energy(lambda d: np.maximum(-d.settlement.done.trade_kw, 0.0))),
    number("generated_kwh", "energy of the generators, kWh", _energy(lambda d: d.settlement.done.generator_kw)),
    number("renewable_kwh", "energy of sun and wind, kWh", _energy(lambda d: d.settlement.done.renewable_kw)),
    number(
        "curtailed_kwh",
        "what sun and wind could have given beside it, kWh",
        _energy(lambda d: d.settlement.real.seen.available_kw - d.settlement.done.renewable_kw),
    ),
    number("load_kwh", "load, kWh", _energy(lambda d: d.settlement.real.seen.load_kw)),
    number("shed_kwh", "load that was not served, kWh", _energy(lambda d: d.settlement.done.shed_kw)),
    number("called_kwh", "reserve of aggregators that was called, kWh", _energy(lambda d: d.settlement.done.called_kw)),
    number(
        "spinning_sold_kwh",
        "spinning reserve that was sold, over time, kWh",
        lambda d: energy_kwh(d.day.axis.length_h, d.plan.positions.spinning_kw[:, None]),
    ),
    number(
        "reserve_missing_kwh",
        "reserve that was missing in real time, kWh",
        _energy(lambda d: d.settlement.done.spinning_short_kw[:, None]),
    ),
    number("missing_kwh", "energy that vehicles left without, kWh", lambda d: sum(d.missing_kwh)),
)

_STATE: DayColumns = (
    count("outages", "outages that happened", lambda d: len(d.day.events)),
    count("operations", "branches that were switched", lambda d: int(d.settlement.done.operations.sum())),
    number("voltage_min_pu", "lowest voltage, per unit", lambda d: float(np.nanmin(d.settlement.done.voltage_pu))),
    number("voltage_max_pu", "highest voltage, per unit", lambda d: float(np.nanmax(d.settlement.done.voltage_pu))),
    number(
        "price_mean_per_mwh",
        "mean day-ahead price, currency/MWh",
        lambda d: mean_over_time(d.day.axis.length_h, d.settlement.prices.buy[:, None]) * PER_MWH,
    ),
    number("price_peak_per_mwh", "highest of them, currency/MWh", lambda d: d.settlement.prices.buy.max() * PER_MWH),
    number(
        "price_error_per_mwh",
        "mean size of the error of the operator's forecast of it, currency/MWh",
        lambda d: d.operator.price_error * PER_MWH,
    ),
    number("load_error", "mean relative error of its forecast of the load", lambda d: d.operator.load_error),
    number("load_factor", "load that it expects tomorrow, relative to the usual", lambda d: d.operator.load_factor),
    number("deviation_kw", "errors of net load that it reckons with tomorrow, kW", lambda d: d.operator.deviation_kw),
    number("persistence", "part of an error that it believes to last a period", lambda d: d.operator.persistence),
    number("reduction_distance", "largest distance of a source's draws from those kept, kW", lambda d: d.distance),
)

_PROOF: DayColumns = (
    number("gap", "proved gap of the schedule, relative", lambda d: d.plan.gap),
    number("worst_regret", "proven bound on what is missing to the best schedule", lambda d: _proof(d).worst_regret),
    flag("certified", "whether both markets are certified", lambda d: _proof(d).certified and real_time_proved(d)),
    text("verdict", "how much is proved", _verdict),
    number("seconds", "wall time of the day, s", lambda d: d.seconds),
    number(
        "solver_seconds",
        "part of it inside solvers, s",
        lambda d: d.plan.solver_seconds + d.settlement.done.solver_seconds,
    ),
)

DAYS: Table[TwoSettlementDayResult, TwoSettlementDayResult] = Table(
    "days", itself, (*_MONEY, *_ENERGY, *_STATE, *_PROOF)
)


def _of_bidder(name: str) -> Callable[[TwoSettlementDayResult], list[Any]]:
    return lambda day: [getattr(each, name) for each in day.bidders]


BIDDERS: Table[TwoSettlementDayResult, TwoSettlementDayResult] = Table(
    "bidders",
    lambda day: day if day.bidders else None,
    (
        DAY,
        DATE,
        text("bidder", "name of the aggregator", _of_bidder("name")),
        text("kind", "demand or lot", _of_bidder("kind")),
        number("planned", "what it expected to earn when it bid, currency", _of_bidder("planned")),
        number("income", "what both settlements brought it, currency", _of_bidder("income")),
        number("offered_kwh", "energy of its bid, kWh; negative: taken", _of_bidder("offered_kwh")),
        number("accepted_kwh", "what was accepted of it, kWh", _of_bidder("accepted_kwh")),
        number("delivered_kwh", "what it gave in the end, calls included, kWh", _of_bidder("delivered_kwh")),
        number("deviation_kwh", "what it gave or took beside its position, kWh", _of_bidder("deviation_kwh")),
        number("called_kwh", "reserve of aggregators that was called, kWh", _of_bidder("called_kwh")),
        number("unready_kwh", "accepted reserve that it had not got ready, kWh", _of_bidder("unready_kwh")),
        number("expected_share", "demand or vehicles expected tomorrow, relative", _of_bidder("expected_share")),
        number("reliability", "part of its reserve that it trusts itself to have ready", _of_bidder("reliability")),
    ),
    optional=True,
)


def _of_payment(name: str) -> Callable[[TwoSettlementDayResult], list[Any]]:
    return lambda day: [getattr(each, name) for each in day.settlement.money.payments]


PAYMENTS: Table[TwoSettlementDayResult, TwoSettlementDayResult] = Table(
    "payments",
    itself,
    (
        DAY,
        DATE,
        text("stage", "day-ahead or real time", _of_payment("stage")),
        text("product", "what is paid for", _of_payment("product")),
        text("payer", "who pays", _of_payment("payer")),
        text("receiver", "who gets it", _of_payment("receiver")),
        number("quantity", "kWh, kvarh, or kW of reserve times hours", _of_payment("quantity")),
        number(
            "amount",
            "currency, in whole cents",
            lambda d: [each.cents / 100.0 for each in d.settlement.money.payments],
        ),
    ),
)

OUTAGES: Table[TwoSettlementDayResult, TwoSettlementDayResult] = Table(
    "outages",
    lambda day: day if day.day.events else None,
    (
        DAY,
        DATE,
        text("outage", "what failed", lambda d: [each.outage.name for each in d.day.events]),
        count("first_period", "first period without it", lambda d: [each.first for each in d.day.events]),
        count("last_period", "last period without it", lambda d: [each.last for each in d.day.events]),
    ),
    optional=True,
)

CERTIFICATES: Table[TwoSettlementDayResult, TwoSettlementDayResult] = Table(
    "certificates",
    itself,
    (
        DAY,
        DATE,
        text("verdict", "how much is proved of both markets", _verdict),
        flag("certified", "whether both are certified", lambda d: _proof(d).certified and real_time_proved(d)),
        number("primal", "largest relative violation of a row or bound of the schedule", lambda d: _proof(d).primal),
        number("dual", "largest relative multiplier of a wrong sign", lambda d: _proof(d).dual),
        number("complementarity", "largest relative product", lambda d: _proof(d).complementarity),
        number("gap", "largest relative gap of a program", lambda d: _proof(d).gap),
        number("worst_regret", "proven bound on what is missing, currency", lambda d: _proof(d).worst_regret),
        number("epsilon", "relative to the schedule's value", lambda d: _proof(d).epsilon),
        number(
            "real_time_residual",
            "largest residual of a window of real time",
            lambda d: d.settlement.done.residuals.worst,
        ),
        number(
            "real_time_excess",
            "proven bound on what a direction of storage that was fixed cost a window, currency",
            lambda d: d.settlement.done.excess,
        ),
        text("method", "how the schedule was found", lambda d: _proof(d).method),
        text("solver", "who solved programs", lambda d: f"{_proof(d).solver}; real time {d.settlement.done.solver}"),
        text(
            "notes",
            "what a reader should know",
            lambda d: "; ".join((*_proof(d).notes, *d.settlement.done.notes)),
        ),
    ),
)

TABLES: tuple[Table[TwoSettlementDayResult, Any], ...] = (
    DAYS,
    PERIODS,
    SCHEDULE,
    DISPATCH,
    STORAGE,
    SHED,
    BIDDERS,
    PAYMENTS,
    OUTAGES,
    CERTIFICATES,
)
