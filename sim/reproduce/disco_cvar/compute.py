"""What the reproduction of the risk-based DISCO computes: every market and day of the paper's tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from equilibrium.errors import InfeasibleError
from equilibrium.markets.disco.rules import MODES
from scenarios.published.company import disco_cvar_case
from sim.reproduce.disco.totals import Markets, Run, Vary, as_it_is
from sim.reproduce.disco_cvar import published as data

COMPARED = ("flat", "tou")
"""Programs for which all modes are run."""


@dataclass(frozen=True, eq=False)
class Results:
    """Everything that the report is made from.

    Attributes
    ----------
    programs
        Cleared days by program.
    prices
        Cleared days under TOU by the factor on the market price.
    modes
        Cleared days by program and mode, one scenario.
    ahead
        Cleared days under TOU with purchases made before the outcome is known, by beta, at the size
        :data:`sim.reproduce.disco_cvar.published.SMALL`; and the same day with recourse under the key ``None``.
    reduction_mwh
        By how much TOU reduces the load.
    as_income
        By program with penalties: what the profit changes by when they are booked as an income and the contract is that
        of the authors' other paper, currency.
    """

    programs: dict[str, Run]
    prices: dict[float, Run]
    modes: dict[tuple[str, str], Run | InfeasibleError]
    ahead: dict[float | None, Run]
    reduction_mwh: float
    as_income: dict[str, float]


def compute(solver: str = "auto", vary: Vary = as_it_is, **options: Any) -> Results:  # noqa: ANN401
    """Clear every program, price, mode and weight.

    Parameters
    ----------
    vary
        Makes another form of every day.
    options
        Numbers in place of the study's, e.g. ``vehicles=20, scenarios=3``.
    """
    markets = Markets(solver, vary)
    programs = {program: _with_equilibrium(markets, program, options) for program in data.PROGRAMS}
    prices = {
        factor: programs["tou"] if factor == 1.0 else _priced(markets, factor, options) for factor in data.PRICE_FACTORS
    }
    modes = markets.compare(
        COMPARED,
        MODES,
        lambda program: disco_cvar_case(program, forecast=True, voltage_min_pu=data.MODES_VOLTAGE_PU, **options),
    )
    small = disco_cvar_case("tou", **{**options, **data.SMALL})
    ahead: dict[float | None, Run] = {
        beta: markets.clear(*small, purchases="here-and-now", beta=beta) for beta in data.TABLE_9
    }
    ahead[None] = markets.clear(*small)
    before, after = (programs[program].totals("neutral").load_mwh for program in ("flat", "tou"))
    other = {**options, "penalty_sign": 1.0, "contracted_share": data.CONTRACTED_ELSEWHERE}
    days = {program: disco_cvar_case(program, **other)[1] for program in data.WITH_PENALTY}
    as_income = {name: programs[name].day.response_cost - day.response_cost for name, day in days.items()}
    return Results(programs, prices, modes, ahead, before - after, as_income)


def _with_equilibrium(markets: Markets, program: str, options: dict[str, Any]) -> Run:
    """Clear one day; its equilibrium in the wider band, without which lots that choose alone cannot be served."""
    wider, _ = disco_cvar_case(program, **{**options, "voltage_min_pu": data.MODES_VOLTAGE_PU})
    return markets.clear_both(*disco_cvar_case(program, **options), wider)


def _priced(markets: Markets, factor: float, options: dict[str, Any]) -> Run:
    given = {**options, "price_factor": factor}
    if factor in data.FIGURE_8:
        return _with_equilibrium(markets, "tou", given)
    return markets.clear(*disco_cvar_case("tou", **given))
