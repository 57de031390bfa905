"""What is wrong or contradictory in the risk-based paper, and how it is treated (docs/disco.md, paper A)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.reproduce.disco.totals import cleared
from sim.reproduce.disco_cvar import published as data
from sim.reproduce.verdicts import DocumentedError

if TYPE_CHECKING:
    from sim.reproduce.disco_cvar.compute import Results


def documented_errors(results: Results) -> tuple[DocumentedError, ...]:
    """Return the errors, with our numbers where they show one."""
    pump = cleared(results.modes["flat", "strict"]).totals("neutral")
    return (
        DocumentedError(
            "E1",
            'Table 9: "expected value (profit)" falls with beta',
            "the row is (1 - beta) E + beta CVaR with constant E and CVaR, to within 0.7 USD except at beta = 0.5",
            "compared as the weighted objective; one clearing serves every beta",
        ),
        DocumentedError(
            "E2",
            "Table 9: CVaR rises with beta",
            "the printed row is 2147, 2149, 2130, 2150, 2151, 2152: not monotone at 0.5",
            "compared as printed",
        ),
        DocumentedError(
            "E3",
            "lower level (22)-(27) without anything that excludes charging and discharging at once",
            f"it pays: with the flat tariff the printed model charges {pump.charge_mwh:.1f} MWh and discharges "
            f"{pump.discharge_mwh:.1f} MWh (published under TOU: 15.2 and 2.9)",
            "four modes; the tables are compared with mode windows",
        ),
        DocumentedError(
            "E4",
            "TOU reduces the demand by about 1.550 MWh",
            f"the load model and the paper's own income leave 0.3 to 0.8 MWh; here {results.reduction_mwh:.2f} MWh",
            "compared as printed; perhaps 0.550",
        ),
        DocumentedError(
            "E5",
            "Table 1: Weibull wind with scale 6.5 m/s; Fig. 4: 7.386 MWh from 500 kW",
            "the distribution gives 2.6 MWh through the printed turbine; 7.386 MWh needs about 14 m/s",
            "the profile's total is used, not the distribution's",
        ),
        DocumentedError(
            "E6",
            "Table 8: night losses (1 to 6 h) of 36 to 41 kW at beta = 0 and 50 to 66 kW at beta = 1",
            "no vehicle is there and the load is the same, so the wind must differ, but its daily total does not",
            "compared as printed",
        ),
        DocumentedError(
            "E7",
            "profit falls by 5.28 % from beta = 0 to 1 under TOU",
            f"{100 * (1 - data.TABLE_6['tou'][1] / data.TABLE_6['tou'][0]):.2f} % by the paper's own numbers",
            "compared as printed",
        ),
        DocumentedError(
            "E8",
            "penalties of CAP in (4), (5)",
            "as an income, as the other paper prints it, CAP cannot lose 461 USD against flat: the wholesale saving "
            "would be negative",
            "a cost, with a contract of 0.43 of the on-peak load, both fitted to Table 6; the income stands beside it",
        ),
        DocumentedError(
            "E9", "losses of 2.288 and 2.467 MW over the day", "the sums of Table 8 are MWh", "read as MWh"
        ),
    )
