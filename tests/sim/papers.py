"""The numbers that the two DISCO papers print, in the shape of our results.

On them every claim of a paper can be judged, and a table shows in each row what it was given: nothing is cleared here.
What a paper does not print is made up so that the claims hold. Equilibria have twice the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from sim.reproduce.disco.totals import Totals
from sim.reproduce.disco_cvar import published as cvar
from sim.reproduce.disco_cvar.compute import Results as CvarResults
from sim.reproduce.disco_dr import published as dr
from sim.reproduce.disco_dr.compute import Results as DrResults

HOURS = np.arange(1, 25)
DR_PEAK = np.isin(HOURS, [10, 11, 12, 13, 14, 19, 20, 21])
DR_BASE_MWH = 12.0
"""Bought in the peak of the first case."""


@dataclass(frozen=True)
class Told:
    """A cleared day that says what it is told."""

    by_attitude: Mapping[str, Totals]
    by_beta: Mapping[float, float]
    day: Any = None
    clearing: Any = None
    equilibrium: Told | None = None

    def totals(self, attitude: str) -> Totals:
        return self.by_attitude[attitude]

    def objective(self, beta: float) -> float:
        return self.by_beta[beta]


def total(**known: Any) -> Totals:
    """Totals of zero but for what is known."""
    nothing = np.zeros(24)
    names = ("profit", "lot_profit", "lot_maximum", "load_mwh", "import_mwh", "charge_mwh", "discharge_mwh")
    start: dict[str, Any] = dict.fromkeys((*names, "loss_mwh", "renewable_mwh"), 0.0)
    start |= dict.fromkeys(("import_kw", "charge_kw", "discharge_kw", "loss_kw"), nothing)
    start |= {"accounts": {}, "renewable_kw": np.zeros((24, 2))}
    return Totals(**{**start, **known})


def doubled(found: Totals) -> Totals:
    """Totals of twice the size."""

    def twice(value: Any) -> Any:
        return {k: 2.0 * v for k, v in value.items()} if isinstance(value, dict) else 2.0 * value

    return Totals(**{name: twice(value) for name, value in vars(found).items()})


def with_equilibrium(run: Told) -> Told:
    """The run with an equilibrium of twice its numbers."""
    other = {attitude: doubled(found) for attitude, found in run.by_attitude.items()}
    beta = {beta: 2.0 * value for beta, value in run.by_beta.items()}
    return replace(run, equilibrium=Told(other, beta, run.day, run.clearing))


def clearing(name: object) -> SimpleNamespace:
    """A clearing with one scenario, whose accounts add up, and a certificate."""
    accounts = {
        **{"load_income": 900.0, "lot_charging_income": 80.0, "emission_reward": 7.0},
        **{"v2g_payment": 40.0, "upstream_cost": 600.0, "response_cost": 5.0},
    }
    scenario = SimpleNamespace(accounts=accounts, company_profit=342.0)
    proof = SimpleNamespace(primal=1e-10, dual=2e-10, complementarity=3e-10, gap=4e-10)
    return SimpleNamespace(name=name, scenarios=(scenario,), certificate=proof)


def spread(mwh: float, hours: Any) -> np.ndarray:
    """An energy spread evenly over some hours, kW."""
    return np.where(hours, 1000.0 * mwh / hours.sum(), 0.0)


# Nine programs


def _dr_day() -> SimpleNamespace:
    factor = 0.985 * DR_PEAK
    return SimpleNamespace(
        emissions=SimpleNamespace(factor_kg_per_kwh=factor), length_h=np.ones(24), discharge_window=DR_PEAK
    )


def _dr_run(program: str, case: int, attitudes: tuple[str, ...]) -> Told:
    load, income = dr.TABLE_6[program]
    found = {}
    for attitude in attitudes:
        known: dict[str, Any] = {"profit": dr.TABLE_5[program][attitude][case - 1], "load_mwh": load}
        accounts = {"load_income": income}
        known["import_kw"] = spread(DR_BASE_MWH, DR_PEAK)
        if case == 4:
            row = dr.TABLES_7_TO_9[program]
            accounts |= {"lot_charging_income": row.charge_income, "v2g_payment": row.discharge_payment}
            accounts |= {"emission_reward": row.emission_income, "upstream_cost": row.import_cost}
            known |= {name: getattr(row, name) for name in ("charge_mwh", "discharge_mwh", "import_mwh")}
            known["charge_kw"] = spread(row.charge_mwh, ~DR_PEAK)
            known["discharge_kw"] = spread(row.discharge_mwh, np.isin(HOURS, [10, 11, 12, 14]))
            dirty = DR_BASE_MWH - row.emission_kg / dr.EMISSION_KG_PER_MWH
            known["import_kw"] = spread(dirty, DR_PEAK) + spread(row.import_mwh - dirty, ~DR_PEAK)
        if case == 4 and program == "cpp":
            accounts |= {k: v for k, v in dr.TABLE_11[attitude]._asdict().items() if k != "profit"}
        found[attitude] = total(**known, accounts=accounts)
    return with_equilibrium(Told(found, {}, _dr_day(), clearing(program)))


def dr_results() -> DrResults:
    """What the paper with nine programs prints."""
    keys = [(program, case) for program in dr.PROGRAMS for case in dr.CASES]
    stochastic: Any = {key: _dr_run(*key, ("averse", "neutral")) for key in keys}
    forecast: Any = {key: _dr_run(*key, ("seeker",)) for key in keys}
    sensitivity: Any = {}
    for name, mode in dr.TABLE_12.items():
        known = {key: getattr(mode, key) for key in ("profit", "import_mwh", "charge_mwh", "discharge_mwh")}
        sensitivity[name] = with_equilibrium(Told({"averse": total(**known)}, {}))
    return DrResults(stochastic, forecast, {}, sensitivity, {})


# The risk-based paper


def _account(beta: int) -> Totals:
    row = cvar.TABLE_7[beta]._asdict()
    energies = {name: row.pop(name) for name in ("charge_mwh", "discharge_mwh", "import_mwh", "loss_mwh", "profit")}
    peak = np.isin(HOURS, list(cvar.PEAK_HOURS))
    late = np.isin(HOURS, [16, 17, 18])
    return total(
        **energies,
        accounts=row,
        charge_kw=spread(energies["charge_mwh"], ~peak),
        discharge_kw=spread(energies["discharge_mwh"], late),
        loss_kw=np.array(cvar.TABLE_8[beta]),
    )


def _cvar_day() -> SimpleNamespace:
    def scenario(share: float) -> SimpleNamespace:
        power = np.column_stack([spread(share * cvar.WIND_MWH, HOURS > 0), spread(share * cvar.PV_MWH, HOURS > 12)])
        batch = SimpleNamespace(count=np.full(5, cvar.VEHICLES / 5.0))
        return SimpleNamespace(probability=0.5, renewable_kw=power, vehicles=(batch,))

    return SimpleNamespace(length_h=np.ones(24), scenarios=(scenario(0.9), scenario(1.1)))


def _cvar_run(program: str) -> Told:
    ends = cvar.TABLE_6[program]
    found = {attitude: total(profit=ends[beta]) for beta, attitude in cvar.ATTITUDES.items()}
    if program == "tou":
        found = {attitude: _account(beta) for beta, attitude in cvar.ATTITUDES.items()}
    line = {beta: (1.0 - beta) * ends[0] + beta * ends[1] for beta in cvar.TABLE_9}
    return with_equilibrium(Told(found, line, _cvar_day(), clearing(program)))


def _priced(factor: float) -> Told:
    """The day at another market price: convex in it, with the cost of the purchase as the slope at the base."""
    run = _cvar_run("tou")
    change = factor - 1.0
    cost = cvar.TABLE_7[0].upstream_cost
    tail = cvar.TABLE_6["tou"][1] * (1.0 - 3.4 * change)
    values = {0.0: cvar.TABLE_6["tou"][0] - cost * change + 900.0 * change**2, 1.0: tail}
    return with_equilibrium(replace(run, by_beta=values))


def _ahead(value: Callable[[float], tuple[float, float]]) -> dict[float | None, Told]:
    found: dict[float | None, Told] = {}
    for beta in cvar.TABLE_9:
        mean, tail = value(beta)
        told = SimpleNamespace(expected_profit=mean, cvar=tail, objective=(1.0 - beta) * mean + beta * tail)
        found[beta] = Told({}, {}, clearing=told)
    line = {beta: (1.0 - beta) * 310.0 + beta * 270.0 for beta in cvar.TABLE_9}
    found[None] = Told({}, line, clearing=SimpleNamespace(expected_profit=310.0, cvar=270.0, objective=310.0))
    return found


def cvar_results() -> CvarResults:
    """What the risk-based paper prints."""
    programs: Any = {program: _cvar_run(program) for program in cvar.PROGRAMS}
    prices: Any = {factor: _priced(factor) for factor in cvar.PRICE_FACTORS}
    ahead: Any = _ahead(lambda beta: (300.0 - 10.0 * beta, 250.0 + 10.0 * beta))
    return CvarResults(programs, prices, {}, ahead, cvar.REDUCTION_MWH, {"cap": 400.0, "tou+cap": 300.0})
