"""What the reproduction of the DISCO with demand response computes: every market and day of the paper's tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InfeasibleError
from equilibrium.grid.network import Network
from equilibrium.markets.disco.day import DiscoDay
from equilibrium.markets.disco.rules import MODES
from scenarios.published.company import disco_dr_case
from sim.reproduce.disco.totals import Markets, Run, Totals, Vary, as_it_is
from sim.reproduce.disco_dr import published as data

COMPARED = ("flat", "tou", "rtp")
"""Programs for which all modes are run: one of each family of lot tariffs."""


@dataclass(frozen=True, eq=False)
class Results:
    """Everything that the report is made from.

    Attributes
    ----------
    stochastic, forecast
        Cleared days by program and case, over all scenarios and for the forecast alone (risk-seeker).
    modes
        Cleared days by program and mode, case 4; the error where the network can serve none.
    sensitivity
        Cleared days of Table 12 by mode number.
    loads_kw
        Load by program, shape ``(hours,)``.
    """

    stochastic: dict[tuple[str, int], Run]
    forecast: dict[tuple[str, int], Run]
    modes: dict[tuple[str, str], Run | InfeasibleError]
    sensitivity: dict[str, Run]
    loads_kw: dict[str, FloatArray]

    def totals(self, program: str, case: int, attitude: str) -> Totals:
        """Return the totals of one cell of Table 5."""
        return self.run(program, case, attitude).totals(attitude)

    def run(self, program: str, case: int, attitude: str) -> Run:
        """Return the cleared day of one cell of Table 5."""
        return (self.forecast if attitude == "seeker" else self.stochastic)[program, case]


def compute(solver: str = "auto", vary: Vary = as_it_is, **options: Any) -> Results:  # noqa: ANN401
    """Clear every cell of Table 5, every mode and every row of Table 12.

    Parameters
    ----------
    vary
        Makes another form of every day.
    options
        Numbers in place of the study's, e.g. ``vehicles=10, scenarios=3``; not used for Table 12's own numbers.
    """
    markets = Markets(solver, vary)
    nothing = np.zeros(24)
    network, day = disco_dr_case("flat", 1, baseline_kwh=nothing, **options)
    first = markets.clear(network, day)
    baseline = first.totals("neutral").import_kw * day.period_h
    options = {**options, "baseline_kwh": baseline}
    stochastic, forecast = (
        {
            (program, case): markets.clear_both(*disco_dr_case(program, case, forecast=one, **options))
            for program in data.PROGRAMS
            for case in data.CASES
        }
        for one in (False, True)
    )
    modes = markets.compare(
        COMPARED,
        MODES,
        lambda program: disco_dr_case(program, 4, forecast=True, **options),
    )
    return Results(
        stochastic=stochastic,
        forecast=forecast,
        modes=modes,
        sensitivity={name: markets.clear_both(*_sensitivity(mode, options)) for name, mode in data.TABLE_12.items()},
        loads_kw={program: stochastic[program, 1].day.load_kw.sum(axis=1) for program in data.PROGRAMS},
    )


def _sensitivity(mode: data.Mode, options: dict[str, Any]) -> tuple[Network, DiscoDay]:
    """Return one row of Table 12; a smaller fleet scales all rows alike."""
    vehicles = round(mode.vehicles * options.get("vehicles", 100) / 100)
    own = {"pv_kw": mode.pv_kw, "wind_kw": mode.wind_kw, "participation": mode.participation, "vehicles": vehicles}
    return disco_dr_case("cpp", 4, **{**options, **own})
