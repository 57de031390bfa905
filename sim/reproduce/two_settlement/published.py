"""What the paper of two settlements prints (docs/two_settlement.md); money in MU."""

from __future__ import annotations

INTRODUCTION = (
    "S. Zakernezhad, M. Setayesh Nazar, M. Shafie-khah and J. P. S. Catalao, Optimal scheduling of an active "
    "distribution system considering distributed energy resources, demand response aggregators and electrical energy "
    "storage, Applied Energy (2022) 118865.",
    "The paper prints its objectives, three limits and its results, but neither units nor prices, profiles, values of "
    "lost load nor aggregators. Those are chosen here (below), so no number of money can be met but by accident: they "
    "stand beside each other for their order. What is a theorem of the model must hold on any data.",
)

CASES = {0: "proposed", 1: "no tie switching", 2: "no arbitrage of the operator", 3: "no arbitrage of lots",
         4: "no arbitrage of demand"}  # fmt: skip
"""The proposed scheme and Cases 1 to 4."""

CONTROLLED = (3, 4)
"""Cases in which the operator runs lots or demand itself."""

OBJECTIVES = ("F1", "F2", "S_RT")

TABLE_3 = {
    0: (8917.36, 506620.17, 7749.22),
    1: (3279.29, 1692057.2, -2591.36),
    2: (5863.25, 512392.12, 5269.98),
    3: (10397.42, 486367.29, 8969.74),
    4: (12369.41, 469216.36, 9189.61),
}
"""Day-ahead profit, cost of energy not supplied, real-time value of each case, with ten scenarios of each source."""

TABLE_8 = {
    0: (9239.25, 513691.2, 8129.16),
    1: (3369.85, 1676941.31, -2493.51),
    2: (6098.96, 494231.62, 5593.21),
    3: (10821.3, 469341.12, 9232.15),
    4: (13425.12, 429312.4, 9624.14),
}
"""The same with fifteen."""

TABLE_4 = ((8917.36, 506620.17, 7749.22), (8793.29, 536981.25, 7493.17))
"""Linear and non-linear model."""

SENSITIVITY = {"SA0": (1.0, 1.0, 1.0, 1.0), "SA1": (1.05, 1.02, 1.02, 1.01), "SA2": (0.95, 0.98, 0.98, 0.99),
               "SA3": (1.10, 1.08, 1.05, 1.02)}  # fmt: skip
"""Table 5: factors on day-ahead prices of energy, spinning reserve, regulating reserve and reactive power."""

TABLE_6 = {
    "SA0": (8917.36, 506620.17, 7749.22),
    "SA1": (9721.48, 521818.77, 7857.71),
    "SA2": (8382.31, 486355.36, 7516.74),
    "SA3": (10011.65, 543010.40, 8144.08),
}

TEXT_CHANGES = {"case 3, F2": (-4.12, 3, 1), "case 1, F1": (-63.23, 1, 0), "case 4, F1": (38.71, 4, 0)}
"""Changes against the proposed scheme as the text has them, %, with case and objective."""

TEXT_SENSITIVITY = {"SA2, F1": (-6.09, "SA2", 0), "SA3, S_RT": (5.02, "SA3", 2), "SA1, F1": (9.017, "SA1", 0)}
"""Changes against SA0 as the text has them, %."""

OUTAGES, CASCADES = 132, 264
"""Single outages, and with the cascades."""

OPERATIONS = (28_468, 4.991)
"""Switching operations in all, and their mean by outage and hour."""

DEMAND_BIDS_KWH, DEMAND_ACCEPTED_KWH, DEMAND_SHARE = 4416.72, 3650.0, 82.64

GENERATION_KWH = (206_097.0, 210_501.0)
EXPORT_KWH = (64_196.6, 73_483.3)
"""With no price that turns, and with all 24."""

WORST_F2 = 88_720.0
"""F2 of the outage that is called the worst."""

POLYHEDRON = (13, 7.353428e-8)
"""Level of the polyhedral cone, and its error."""

GAMMAS = (0.0, 6.0, 12.0, 24.0)
"""Budgets of the sweep; the paper names 0 and 24."""

LARGEST_DROP_ERROR_PU = 6e-3
"""What the voltages of linear and AC flow may differ by at most (Fig. 18 shows lines that lie on each other)."""
