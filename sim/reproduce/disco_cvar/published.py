"""Published numbers of the risk-based DISCO with 500 vehicles (docs/disco.md, paper A).

Source: Tables 6 to 9, Fig. 8 and the text of section 4 of the paper. Money in USD, energies in MWh, losses in kW.
"""

from __future__ import annotations

from typing import NamedTuple

ATTITUDES = {0: "neutral", 1: "averse"}
"""By beta."""

PROGRAMS = {"flat": "Base (flat)", "tou": "TOU", "cap": "CAP", "tou+cap": "TOU+CAP"}

WITH_PENALTY = ("cap", "tou+cap")

TABLE_6: dict[str, tuple[float, float]] = {
    "flat": (1723.773, 1628.860),
    "tou": (2272.869, 2152.032),
    "cap": (1262.504, 1142.833),
    "tou+cap": (1668.412, 1501.835),
}
"""Profit of the company at beta = 0 and beta = 1."""


class Account(NamedTuple):
    """One column of Table 7: TOU; with the energies of the text."""

    lot_charging_income: float
    load_income: float
    upstream_cost: float
    v2g_payment: float
    response_cost: float
    profit: float
    charge_mwh: float
    discharge_mwh: float
    import_mwh: float
    loss_mwh: float


TABLE_7: dict[int, Account] = {
    0: Account(1821.981, 8500.808, 7285.033, 764.887, 0.0, 2272.869, 15.175, 2.912, 63.278, 2.288),
    1: Account(1662.296, 8500.808, 7454.307, 556.7639, 0.0, 2152.032, 14.248, 2.120, 63.323, 2.467),
}
"""By beta."""

TABLE_8: dict[int, tuple[float, ...]] = {
    0: (
        *(40.94, 38.40, 38.51, 36.23, 36.68, 37.43, 93.09, 52.40, 404.37, 490.78, 115.46, 56.75),
        *(56.87, 44.81, 43.11, 55.32, 79.36, 42.17, 44.01, 41.56, 173.24, 123.86, 70.43, 72.69),
    ),
    1: (
        *(66.46, 60.21, 56.19, 60.32, 50.21, 57.37, 129.90, 89.16, 361.47, 448.26, 126.61, 73.53),
        *(66.94, 49.51, 47.22, 52.21, 64.51, 44.75, 47.78, 48.03, 151.43, 131.08, 84.27, 100.03),
    ),
}
"""Losses in the hours 1 to 24, by beta, TOU."""


class Weight(NamedTuple):
    """One column of Table 9: TOU. ``cvar`` is ``nan`` where the paper prints a dash."""

    profit: float
    cvar: float
    seconds: float


TABLE_9: dict[float, Weight] = {
    0.0: Weight(2272.869, float("nan"), 358.109),
    0.1: Weight(2260.782, 2147.061, 376.469),
    0.3: Weight(2236.643, 2148.751, 386.375),
    0.5: Weight(2189.526, 2130.190, 372.937),
    0.7: Weight(2188.258, 2150.147, 585.828),
    0.9: Weight(2163.444, 2151.239, 601.640),
    1.0: Weight(2152.032, 2152.032, 1670.344),
}
"""By beta. What the paper calls the expected value is the weighted objective (docs/disco.md)."""

FIGURE_8 = {0.85: 1.51}
"""Profit at beta = 1 relative to that at the given prices, by the factor on the wholesale price (text: about 51 %)."""
PRICE_FACTORS = (0.85, 0.90, 0.95, 1.0, 1.05, 1.10, 1.15)

WITHOUT_V2G_HOURS = (14, 15, 19, 20)
"""Hours of the peak in which the paper reports no discharging, counted from 1."""

PV_MWH, WIND_MWH = 2.840, 7.386
"""Daily generation of Fig. 4."""
LOAD_MWH = 58.953
"""Load after TOU that both columns of Table 7 imply by the energy balance."""
REDUCTION_MWH = 1.550
"""What the text gives as the reduction of demand under TOU."""

PEAK_HOURS = range(14, 21)
"""On-peak hours of Table 4, counted from 1."""

VEHICLES = 500
STORED_KWH = (21.0, 22.9)
"""Energy kept per vehicle: the mean of Table 2 is 22.21, and 500 vehicles of one day lie within 0.6 of it (three
standard errors); the paper's own columns give 21.18."""
STORED_AT_FIRST_KWH = 22.3
"""The upper end as it was stated first."""

MODES_VOLTAGE_PU = 0.80
"""Lower end of the band in which the modes are compared: lots that choose alone draw the voltage down to 0.84."""

SMALL: dict[str, int] = {"vehicles": 40, "scenarios": 5}
"""Size at which the here-and-now purchase is swept over beta: one program over all scenarios for each beta."""

EQUILIBRIUM_NAME = f"equilibrium, from {MODES_VOLTAGE_PU:g} p.u."

CONTRACTED_ELSEWHERE = 0.82
"""Contracted reduction over on-peak load that agrees with the cost of CAP in the authors' other paper."""

INTRODUCTION = (
    "The paper states a bilevel program: a distribution company (SDISCO) with wind, sun and demand response leads, the "
    "owner of a parking lot with 500 vehicles follows, and the company weighs expected profit against CVaR. All "
    "tariffs are given, and no variable of the company enters the lot's problem. So the paper's mixed-integer program "
    "equals two linear ones: the lot's own optimum, then the company's best schedule on that face.",
    "The company buys when the outcome is known. Every scenario is then a problem of its own, the same decisions are "
    "best for every weight beta, and expected value and CVaR are statistics of one set of optima. The paper's Table 9 "
    "has just this structure: its row of expected profits is the weighted objective. One clearing replaces its seven.",
    "What the paper reports is the schedule of a company that dispatches the vehicles within time windows (mode "
    "windows). That is no equilibrium of the lot, so the equilibrium of the same data stands beside the tables: the "
    "lot at its own maximum inside the same windows. With 500 vehicles that draws the voltage below 0.90 p.u., so its "
    "band is wider. Load, market price, profiles and scenarios are not published; what was fitted to published "
    "numbers, and what was chosen, is listed below.",
)
