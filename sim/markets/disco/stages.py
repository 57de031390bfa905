"""The tables of the DISCO market that hold plan and outcome beside each other: scenarios and certificates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from equilibrium.arrays import FloatArray
from equilibrium.markets.disco.clearing import DiscoClearing, ScenarioClearing
from equilibrium.markets.disco.day import DiscoDay, DiscoScenario
from sim.columns import DATE, DAY, PER_MWH, Table, count, energy_kwh, flag, mean_over_time, number, text
from sim.markets.disco.results import DiscoDayResult


@dataclass(frozen=True, eq=False)
class _Stage:
    """One of the day's two clearings."""

    name: str
    day: DiscoDay
    clearing: DiscoClearing


@dataclass(frozen=True, eq=False)
class _Cleared:
    """One scenario of a stage."""

    stage: str
    number: int
    length_h: FloatArray
    given: DiscoScenario
    cleared: ScenarioClearing


@dataclass(frozen=True, eq=False)
class _Stages:
    """Plan and outcome of a day, and their scenarios."""

    index: int
    date: dt.date | None
    stages: tuple[_Stage, ...]
    scenarios: tuple[_Cleared, ...]


def _stages(day: DiscoDayResult) -> _Stages:
    settled = day.settlement
    stages = (
        _Stage("forecast", settled.forecast, settled.plan),
        _Stage("outcome", settled.outcome, settled.clearing),
    )
    scenarios = tuple(
        _Cleared(stage.name, k, stage.day.length_h, given, cleared)
        for stage in stages
        for k, (given, cleared) in enumerate(zip(stage.day.scenarios, stage.clearing.scenarios, strict=True))
    )
    return _Stages(day.index, day.date, stages, scenarios)


def _each_scenario(value: Callable[[_Cleared], Any]) -> Callable[[_Stages], list[Any]]:
    """Return what reads one value of every scenario of both stages."""
    return lambda source: [value(each) for each in source.scenarios]


def _energies(power: Callable[[_Cleared], FloatArray]) -> Callable[[_Stages], list[float]]:
    """Return what gives the energy of powers in every scenario of both stages."""
    return lambda source: [energy_kwh(each.length_h, power(each)) for each in source.scenarios]


def _each_stage(value: Callable[[_Stage], Any]) -> Callable[[_Stages], list[Any]]:
    """Return what reads one value of both stages."""
    return lambda source: [value(each) for each in source.stages]


def _proof(name: str) -> Callable[[_Stages], list[Any]]:
    """Return what reads one attribute of both certificates."""
    return lambda source: [getattr(each.clearing.certificate, name) for each in source.stages]


_STAGE = "forecast: the plan of the morning; outcome: the day as it came"

SCENARIOS: Table[DiscoDayResult, _Stages] = Table(
    "scenarios",
    _stages,
    (
        DAY,
        DATE,
        text("stage", _STAGE, _each_scenario(lambda s: s.stage)),
        count("scenario", "number of the scenario within its stage", _each_scenario(lambda s: s.number)),
        number("probability", "its probability", _each_scenario(lambda s: s.cleared.probability)),
        number("company_profit", "of the company in it, currency", _each_scenario(lambda s: s.cleared.company_profit)),
        number("lot_profit", "of the lots in it, currency", _each_scenario(lambda s: s.cleared.lot_profit.sum())),
        number("import_kwh", "energy bought upstream, kWh", _energies(lambda s: s.cleared.import_kw)),
        number("renewable_kwh", "potential of wind and sun, kWh", _energies(lambda s: s.given.renewable_kw)),
        number("charged_kwh", "energy drawn by vehicles, kWh", _energies(lambda s: s.cleared.lot_charge_kw)),
        number("discharged_kwh", "energy given by vehicles, kWh", _energies(lambda s: s.cleared.lot_discharge_kw)),
        number(
            "vehicles",
            "vehicles that come",
            _each_scenario(lambda s: sum(batch.count.sum() for batch in s.given.vehicles)),
        ),
        number(
            "upstream_mean_per_mwh",
            "mean upstream price, currency/MWh",
            _each_scenario(lambda s: mean_over_time(s.length_h, s.given.upstream_price) * PER_MWH),
        ),
    ),
)

CERTIFICATES: Table[DiscoDayResult, _Stages] = Table(
    "certificates",
    _stages,
    (
        DAY,
        DATE,
        text("stage", _STAGE, _each_stage(lambda s: s.name)),
        flag("certified", "true from the verdict epsilon-nash upward", _proof("certified")),
        text(
            "verdict",
            "unproved, kkt-consistent, epsilon-nash or exact",
            _each_stage(lambda s: str(s.clearing.certificate.verdict)),
        ),
        number("worst_regret", "largest proven gain of a player from deviating, currency", _proof("worst_regret")),
        number("epsilon", "worst_regret / max(1, profit)", _proof("epsilon")),
        number("primal", "largest relative primal residual", _proof("primal")),
        number("dual", "largest relative dual residual", _proof("dual")),
        number("complementarity", "largest relative complementarity residual", _proof("complementarity")),
        number("gap", "relative duality gap", _proof("gap")),
        text("method", "method that was used", _proof("method")),
        text("solver", "solver and version", _proof("solver")),
        text("notes", "what a reader should know", _each_stage(lambda s: "; ".join(s.clearing.certificate.notes))),
        number(
            "seconds", "wall time of the clearing with its certificate, s", _each_stage(lambda s: s.clearing.seconds)
        ),
        number("solver_seconds", "part of it inside the solver, s", _each_stage(lambda s: s.clearing.solver_seconds)),
    ),
)
