"""What the reproduction of the risk-based DISCO computes: every market and day of the paper's tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from equilibrium.errors import InfeasibleError
from equilibrium.markets.disco.rules import MODES
from scenarios.published.company import disco_cvar_case
from sim.reproduce.disco.totals import Markets, Run
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
    penalty
        By program: what the profit changes by when penalties are booked as a cost, currency.
    """

    programs: dict[str, Run]
    prices: dict[float, Run]
    modes: dict[tuple[str, str], Run | InfeasibleError]
    ahead: dict[float | None, Run]
    reduction_mwh: float
    penalty: dict[str, float]


def compute(solver: str = "auto", **options: Any) -> Results:  # noqa: ANN401
    """Clear every program, price, mode and weight.

    Parameters
    ----------
    options
        Numbers in place of the study's, e.g. ``vehicles=20, scenarios=3``.
    """
    markets = Markets(solver)
    programs = {program: markets.clear(*disco_cvar_case(program, **options)) for program in data.PROGRAMS}
    prices = {
        factor: programs["tou"]
        if factor == 1.0
        else markets.clear(*disco_cvar_case("tou", price_factor=factor, **options))
        for factor in data.PRICE_FACTORS
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
    as_cost = {program: disco_cvar_case(program, penalty_sign=-1.0, **options)[1] for program in data.WITH_PENALTY}
    penalty = {name: programs[name].day.response_cost - day.response_cost for name, day in as_cost.items()}
    return Results(programs, prices, modes, ahead, before - after, penalty)
