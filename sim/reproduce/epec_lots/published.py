"""Published numbers of the EPEC of parking lots (docs/epec_lots.md), and reference values of data set S0.

Source: Tables 5, 7 and 8 and section 5 of the paper. The profiles and the lots' data are published as figures only, so
S0 takes their place (:func:`scenarios.published.epec_lots.epec_lots_case`): it meets the energy balances that the
tables imply. Energies are in MWh, costs in EUR, times in s.
"""

from __future__ import annotations

from typing import NamedTuple

CASES = {1: "all generators", 2: "without microturbines", 3: "without renewables"}
FEEDERS = {"33": "33-bus", "85": "85-bus"}
BANDS = {"0.90-1.10": (0.90, 1.10), "0.95-1.05": (0.95, 1.05)}
BASE_BAND, NARROW_BAND = BANDS
CHARGED_MWH = 7.07
CHARGING_PRICE = 0.5
FUEL_COSTS = (40.0, 60.0)  # EUR/MWh of the two microturbines, Table 4


class Published(NamedTuple):
    """One row of Table 5 or 7."""

    network_cost: float
    fuel_cost: float
    import_mwh: float
    charged_mwh: float


TABLES_5_AND_7 = {
    "33": {
        1: Published(1908.0, 413.5, 33.15, 7.07),
        2: Published(2019.0, 0.0, 43.14, 7.07),
        3: Published(2690.0, 434.9, 50.42, 7.07),
    },
    "85": {
        1: Published(837.0, 439.5, 9.6, 7.07),
        2: Published(947.0, 0.0, 20.1, 7.07),
        3: Published(1617.0, 516.9, 25.8, 7.07),
    },
}
TABLE_8 = {"33": {1: 11.1, 2: 12.7, 3: 12.1}, "85": {1: 18.0, 2: 19.7, 3: 19.7}}


class Reference(NamedTuple):
    """One S0 reference result; ``None`` where none is recorded."""

    network_cost: float
    fuel_cost: float
    import_mwh: float
    export_mwh: float


# Computed once with the lexicographic program and HiGHS; the lowest voltage is left out because it is not unique.
S0 = {
    ("33", "0.90-1.10"): {
        1: Reference(1936.1, 444.0, 32.98, 0.0),
        2: Reference(2018.6, 0.0, 43.78, 0.0),
        3: Reference(2704.6, 444.0, 50.50, 0.0),
    },
    ("33", "0.95-1.05"): {
        1: Reference(1936.8, 443.3, 33.0, 0.0),
        2: Reference(2020.1, 0.0, 43.8, 0.0),
        3: Reference(2704.9, 444.0, 50.5, 0.0),
    },
    ("85", "0.90-1.10"): {
        1: Reference(820.1, 391.0, 10.57, 0.70),
        2: Reference(899.3, 0.0, 20.33, 0.70),
        3: Reference(1577.1, 434.6, 26.53, 0.0),
    },
    ("85", "0.95-1.05"): {
        1: Reference(823.5, 399.8, 10.35, 0.70),
        2: Reference(908.7, 0.0, 20.33, 0.70),
        3: Reference(1582.4, 434.6, 26.53, 0.0),
    },
}
S0_TOLERANCE = 1e-3
S0_ROUNDING = {"network_cost": 0.05, "fuel_cost": 0.05, "import_mwh": 0.05, "export_mwh": 0.005}
"""Half a unit of the last digit that is recorded, where that is more than the tolerance."""

RENEWABLE_FACTORS = {0.25: 2512.0, 0.5: 2320.0, 0.75: 2128.0, 1.0: 1936.0, 1.25: 1744.0, 1.5: 1553.0, 2.0: 1178.0}
DEMAND_FACTORS = {0.25: 148.0, 0.5: 692.0, 0.75: 1312.0, 1.0: 1936.0, 1.1: 2186.0, 1.25: 2562.0}
"""Factors alpha^RES and alpha^D of Figs. 12, 13 with the network cost of S0, 33-bus, case 1."""
EXPORTS = {("renewable", 2.0): 0.77, ("demand", 0.25): 2.70, ("demand", 0.5): 0.21, ("demand", 0.75): 0.0}
"""Exports of S0 in the same sweep."""

INTRODUCTION = (
    "The paper states a tri-level EPEC: parking lots maximise what they sell to drivers, a distribution system "
    "operator minimises its network cost, and an auxiliary objective picks the cheapest equilibrium. The operator's "
    "answer does not enter a lot's profit, so the paper's MILP (8) equals a lexicographic linear program: first every "
    "lot's own maximum, then the cheapest network operation that keeps it. That program is solved here, exactly and "
    "with a certificate.",
    "The paper publishes its load, price, renewable and lot profiles as figures only. The substitute data set S0 meets "
    "the energy balances that the tables imply: the levels of its profiles and the energy at departure are fitted to "
    "published results and listed below with everything that was chosen. Statements that need the unpublished data "
    "are marked stand-in data: their outcome on S0 neither confirms nor refutes the paper. Hours are counted from 1 "
    "to 24 and buses from 1, as in the paper's figures; @k is the paper's node label, bus k + 1.",
)
