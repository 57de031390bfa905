"""The tables of the DISCO market: what each column is, and how a finished day fills it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from agents.records import SessionRecord
from equilibrium.arrays import FloatArray
from equilibrium.certificate import Certificate, Verdict
from equilibrium.markets.disco.clearing import COMPANY, LOT, DiscoClearing, ScenarioClearing
from equilibrium.markets.disco.day import DiscoScenario
from sim.columns import (
    DATE,
    DAY,
    PER_MWH,
    Column,
    Table,
    count,
    energy_kwh,
    flag,
    itself,
    mean_over_time,
    number,
    place_of_lowest,
    text,
)
from sim.markets.disco.hourly import DISPATCH, LOTS, PRICES
from sim.markets.disco.limits import LIMITS
from sim.markets.disco.results import DiscoDayResult
from sim.markets.disco.stages import CERTIFICATES, SCENARIOS

DayColumns = tuple[Column[DiscoDayResult], ...]

PARTIES = {
    "load_income": ("customers", "company"),
    "lot_charging_income": ("lots", "company"),
    "v2g_payment": ("company", "lots"),
    "upstream_cost": ("company", "upstream"),
    "response_cost": ("company", "customers"),
    "emission_reward": ("authority", "company"),
    "driver_income": ("drivers", "lots"),
    "driver_payment": ("lots", "drivers"),
    "degradation_cost": ("lots", "drivers"),
}
"""Who pays a positive amount of each account, and who receives it; drivers own the batteries that wear."""


# One row a day


def _came(day: DiscoDayResult) -> ScenarioClearing:
    """Return the one scenario that came, as it was cleared."""
    return day.settlement.realised


def _outcome(day: DiscoDayResult) -> DiscoScenario:
    """Return the one scenario that came, as it was given."""
    (came,) = day.settlement.outcome.scenarios
    return came


def _plan(day: DiscoDayResult) -> DiscoClearing:
    return day.settlement.plan


def _proofs(day: DiscoDayResult) -> tuple[Certificate, Certificate]:
    return _plan(day).certificate, day.settlement.clearing.certificate


def _lowest(day: DiscoDayResult) -> tuple[int, int]:
    """Return period and bus of the day's lowest voltage."""
    return place_of_lowest(_came(day).voltage_pu)


def _energy(power: Callable[[DiscoDayResult], FloatArray]) -> Callable[[DiscoDayResult], float]:
    """Return what gives the energy of powers of a day."""
    return lambda day: energy_kwh(day.axis.length_h, power(day))


def _planned_purchase(day: DiscoDayResult) -> FloatArray:
    scenarios = _plan(day).scenarios
    return np.asarray(sum(each.probability * each.import_kw for each in scenarios), dtype=np.float64)


def _belief_error(day: DiscoDayResult) -> float:
    return max(abs(value - day.true_elasticity[pair]) for pair, value in day.retail.estimate.items())


def _best_program(day: DiscoDayResult) -> str:
    return day.retail.programs[int(np.argmax(day.retail.forecast_profit))]


def _weaker_verdict(day: DiscoDayResult) -> str:
    return str(min((proof.verdict for proof in _proofs(day)), key=list(Verdict).index))


_TERMS: DayColumns = (
    DAY,
    DATE,
    text("program", "demand-response program of the day", lambda d: d.retail.programs[d.retail.chosen]),
    text("best_program", "program of the highest forecast, the first of several", _best_program),
    number("company_profit", "what the company earned, currency", lambda d: _came(d).company_profit),
    number("planned_profit", "expected profit of the plan, currency", lambda d: _plan(d).expected_profit),
    number("planned_cvar", "CVaR of the plan's profit, currency", lambda d: _plan(d).cvar),
    number("planned_objective", "(1 - beta) expected profit + beta CVaR, currency", lambda d: _plan(d).objective),
    number(
        "pessimistic_low",
        "proven lower end of the objective if lots broke ties against the company",
        lambda d: _plan(d).pessimistic[0],
    ),
    number(
        "pessimistic_high",
        "value of the worst such schedule that was found, currency",
        lambda d: _plan(d).pessimistic[1],
    ),
    number("lot_profit", "what the lots earned together, currency", lambda d: _came(d).lot_profit.sum()),
    number(
        "planned_lot_profit",
        "expected profit of the lots in the plan, currency",
        lambda d: _plan(d).lot_expected_profit.sum(),
    ),
    number(
        "retail_profit",
        "customers' payments less cost of the program and energy at marginal cost, currency",
        lambda d: d.retail.profit,
    ),
    number("margin_per_kwh", "what drivers pay above the tariff, currency/kWh", lambda d: d.owner.margin),
    number("driver_share", "drivers' share of the income from vehicle-to-grid", lambda d: d.owner.driver_share),
    number("vehicles", "vehicles that came", lambda d: sum(pool.came for pool in d.pools)),
)

_ENERGY: DayColumns = (
    number("base_load_kwh", "load that there would have been without a program, kWh", _energy(lambda d: d.day.base_kw)),
    number("load_kwh", "load after the response, kWh", _energy(lambda d: d.settlement.outcome.load_kw)),
    number(
        "forecast_load_kwh", "load that the retailer expected, kWh", _energy(lambda d: d.settlement.forecast.load_kw)
    ),
    number("import_kwh", "energy bought upstream, kWh", _energy(lambda d: _came(d).import_kw)),
    number("planned_import_kwh", "energy that the plan expected to buy, kWh", _energy(_planned_purchase)),
    number("renewable_kwh", "energy from wind and sun, kWh", _energy(lambda d: _came(d).renewable_kw)),
    number(
        "curtailed_kwh",
        "potential of wind and sun that was not used, kWh",
        _energy(lambda d: _outcome(d).renewable_kw - _came(d).renewable_kw),
    ),
    number("charged_kwh", "energy drawn by vehicles, kWh", _energy(lambda d: _came(d).lot_charge_kw)),
    number("discharged_kwh", "energy given by vehicles, kWh", _energy(lambda d: _came(d).lot_discharge_kw)),
    number("loss_kwh", "losses of the branches, kWh", _energy(lambda d: _came(d).loss_kw)),
)

_NETWORK: DayColumns = (
    number(
        "voltage_min_pu", "lowest voltage of all buses and periods, per unit", lambda d: _came(d).voltage_pu[_lowest(d)]
    ),
    text("voltage_min_bus", "its bus", lambda d: d.network.feeder.buses[_lowest(d)[1]]),
    count("voltage_min_hour", "clock hour in which its period starts", lambda d: d.axis.clock_hour[_lowest(d)[0]]),
    text("voltage_min_start", "start of its period", lambda d: d.axis.starts[_lowest(d)[0]]),
    number(
        "price_mean_per_mwh",
        "mean marginal cost over buses and time, currency/MWh",
        lambda d: mean_over_time(d.axis.length_h, _came(d).price) * PER_MWH,
    ),
    number(
        "price_peak_per_mwh",
        "highest marginal cost of all buses and periods, currency/MWh",
        lambda d: _came(d).price.max() * PER_MWH,
    ),
)

_KNOWN: DayColumns = (
    number("belief_error", "largest distance of an estimated elasticity from the true one", _belief_error),
    number("reduction_distance", "Kantorovich distance between scenarios drawn and kept, kW", lambda d: d.distance),
    number(
        "worst_regret",
        "largest proven gain of a player from deviating, plan and outcome, currency",
        lambda d: max(proof.worst_regret for proof in _proofs(d)),
    ),
    flag("certified", "whether plan and outcome are certified", lambda d: all(proof.certified for proof in _proofs(d))),
    text("verdict", "the weaker one of their verdicts", _weaker_verdict),
    number("seconds", "wall time of the day, s", lambda d: d.seconds),
)

DAYS: Table[DiscoDayResult, DiscoDayResult] = Table("days", itself, (*_TERMS, *_ENERGY, *_NETWORK, *_KNOWN))


# Lots and drivers


def _of_pool(name: str) -> Callable[[DiscoDayResult], list[Any]]:
    """Return what reads one attribute of the records of the lots' drivers."""
    return lambda day: [getattr(pool, name) for pool in day.pools]


LOT_DAYS: Table[DiscoDayResult, DiscoDayResult] = Table(
    "lot_days",
    itself,
    (
        DAY,
        DATE,
        text("lot", "name of the lot", _of_pool("lot")),
        number("profit", "what the lot earned, currency", lambda d: _came(d).lot_profit),
        number(
            "maximum",
            "the most that it could have earned in this mode at these tariffs, currency",
            lambda d: _came(d).lot_maximum,
        ),
        count("drivers", "drivers who could come", _of_pool("drivers")),
        number("probability", "chance of each to come at the day's terms", _of_pool("probability")),
        number("came", "drivers who came", _of_pool("came")),
        number("reputation", "what drivers think of the lot, 0 to 1", _of_pool("reputation")),
    ),
)


def _of_session(name: str) -> Callable[[DiscoDayResult], list[Any]]:
    """Return what reads one attribute of the sessions' records."""
    return lambda day: [getattr(record, name) for record in _all(day)]


def _all(day: DiscoDayResult) -> tuple[SessionRecord, ...]:
    """Return the sessions of a day, and behind them those who stayed away."""
    return (*day.finished, *day.stayed_away)


SESSIONS: Table[DiscoDayResult, DiscoDayResult] = Table(
    "sessions",
    itself,
    (
        DAY,
        DATE,
        text("session", "identifier of the session", _of_session("name")),
        text(
            "outcome",
            "served, unreachable, shortage, or away: those who did not come, of whose wishes nothing is known",
            lambda d: [str(r.outcome) for r in _all(d)],
        ),
        text("lot", "name of the lot", _of_session("lot")),
        number("arrival_h", "hours since the start of the run", _of_session("arrival_h")),
        number("departure_h", "hours since the start of the run", _of_session("departure_h")),
        number("arrival_energy_kwh", "energy at arrival, kWh", _of_session("arrival_energy_kwh")),
        number(
            "departure_energy_kwh",
            "energy at departure, kWh",
            lambda d: [record.arrival_energy_kwh + record.got_kwh for record in _all(d)],
        ),
        number("asked_kwh", "energy wanted, kWh", _of_session("asked_kwh")),
        number("unreachable_kwh", "part of it that stay and charger cannot give, kWh", _of_session("unreachable_kwh")),
        number("drawn_kwh", "energy drawn, kWh", _of_session("drawn_kwh")),
        number("given_kwh", "energy given to the grid, kWh", _of_session("given_kwh")),
        number("paid", "what the driver paid, currency", _of_session("paid")),
        number("received", "what the driver got for energy given and for wear, currency", _of_session("received")),
        number(
            "alike",
            "identical vehicles that the row stands for; its numbers are those of one of them",
            _of_session("alike"),
        ),
    ),
)


# Money, programs, beliefs

_ACCOUNTS = tuple(COMPANY | LOT)

ACCOUNTS: Table[DiscoDayResult, DiscoDayResult] = Table(
    "accounts",
    itself,
    (
        DAY,
        DATE,
        text("account", "name of the account, as in equilibrium/markets/disco/clearing.py", lambda _: _ACCOUNTS),
        text("payer", "who pays a positive amount", lambda _: [PARTIES[name][0] for name in _ACCOUNTS]),
        text("receiver", "who receives it", lambda _: [PARTIES[name][1] for name in _ACCOUNTS]),
        number("amount", "currency", lambda d: [_came(d).accounts[name] for name in _ACCOUNTS]),
    ),
)


def _earned(day: DiscoDayResult) -> list[float]:
    retail = day.retail
    return [retail.profit if k == retail.chosen else math.nan for k in range(len(retail.programs))]


PROGRAMS: Table[DiscoDayResult, DiscoDayResult] = Table(
    "programs",
    itself,
    (
        DAY,
        DATE,
        text("program", "name of the program", lambda d: d.retail.programs),
        number("probability", "chance to be chosen today", lambda d: d.retail.probability),
        number("propensity", "what the rule of choice compares", lambda d: d.retail.propensity),
        number(
            "forecast_profit",
            "what the retailer expected to earn with it, currency",
            lambda d: d.retail.forecast_profit,
        ),
        number(
            "true_profit",
            "what it would have expected had it known the customers' elasticity, currency",
            lambda d: d.true_profit,
        ),
        number("earned_profit", "what the chosen program earned, currency; empty for the others", _earned),
        flag(
            "chosen", "whether it was chosen", lambda d: [k == d.retail.chosen for k in range(len(d.retail.programs))]
        ),
    ),
)


def _pairs(day: DiscoDayResult) -> list[tuple[str, str]]:
    return sorted(day.retail.estimate)


BELIEFS: Table[DiscoDayResult, DiscoDayResult] = Table(
    "beliefs",
    itself,
    (
        DAY,
        DATE,
        text("period", "period whose load answers", lambda d: [pair[0] for pair in _pairs(d)]),
        text("other", "period whose price changes", lambda d: [pair[1] for pair in _pairs(d)]),
        number(
            "estimate",
            "elasticity that the retailer believes in after the day",
            lambda d: [d.retail.estimate[pair] for pair in _pairs(d)],
        ),
        number("standard_error", "its standard error", lambda d: [d.retail.standard_error[pair] for pair in _pairs(d)]),
        number(
            "true_elasticity",
            "that of the customers, which the retailer does not see",
            lambda d: [d.true_elasticity[pair] for pair in _pairs(d)],
        ),
    ),
)

TABLES: tuple[Table[DiscoDayResult, Any], ...] = (
    DAYS,
    PRICES,
    DISPATCH,
    LIMITS,
    LOTS,
    LOT_DAYS,
    SESSIONS,
    SCENARIOS,
    ACCOUNTS,
    PROGRAMS,
    BELIEFS,
    CERTIFICATES,
)
