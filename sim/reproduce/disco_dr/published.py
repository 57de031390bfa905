"""Published numbers of the DISCO with nine tariffs and programs (docs/disco.md, paper B).

Source: Tables 5 to 12 and the text of section 4 of the paper. Money in USD, energies in MWh, emissions in kg. Programs
are named as in the bundled program set.
"""

from __future__ import annotations

from typing import NamedTuple

PROGRAMS = {
    "flat": "Flat",
    "tou": "TOU",
    "rtp": "RTP",
    "cpp": "CPP",
    "tou+cpp": "TOU+CPP",
    "cap": "CAP",
    "edrp": "EDRP",
    "tou+cap": "TOU+CAP",
    "tou+edrp": "TOU+EDRP",
}
"""In the order of Table 5."""

CASES = {
    1: "no renewables, controlled charging",
    2: "renewables, controlled charging",
    3: "no renewables, charge and discharge",
    4: "renewables, charge and discharge",
}
"""Section 2.1 prints case 2 as renewables with charge and discharge; Table 5 and its discussion fix it as here."""

ATTITUDES = ("averse", "neutral", "seeker")

TABLE_5: dict[str, dict[str, tuple[float, float, float, float]]] = {
    "flat": {
        "averse": (-280.78, 323.01, 763.41, 1360.12),
        "neutral": (-268.83, 605.17, 753.56, 1641.66),
        "seeker": (-245.99, 766.76, 833.11, 1847.04),
    },
    "tou": {
        "averse": (839.41, 1444.56, 1381.84, 1982.72),
        "neutral": (852.03, 1723.97, 1398.17, 2243.17),
        "seeker": (872.24, 1882.49, 1415.01, 2422.79),
    },
    "rtp": {
        "averse": (188.10, 787.65, 189.07, 789.38),
        "neutral": (188.33, 1063.10, 190.41, 1064.68),
        "seeker": (188.49, 1199.67, 191.02, 1202.16),
    },
    "cpp": {
        "averse": (915.10, 1517.92, 1913.82, 2546.03),
        "neutral": (927.04, 1799.59, 1974.09, 2840.89),
        "seeker": (949.88, 1960.98, 1996.13, 3032.32),
    },
    "tou+cpp": {
        "averse": (1065.28, 1670.41, 1607.15, 2207.75),
        "neutral": (1077.89, 1949.73, 1601.23, 2465.91),
        "seeker": (1098.10, 2108.10, 1670.38, 2659.42),
    },
    "cap": {
        "averse": (210.16, 812.53, 1247.66, 1842.87),
        "neutral": (222.10, 1093.88, 1271.76, 2139.33),
        "seeker": (244.93, 1254.88, 1316.14, 2324.94),
    },
    "edrp": {
        "averse": (-201.52, 400.91, 837.31, 1433.16),
        "neutral": (-189.59, 682.43, 834.52, 1693.75),
        "seeker": (-166.75, 843.68, 914.91, 1917.48),
    },
    "tou+cap": {
        "averse": (498.13, 1102.46, 1033.60, 1633.38),
        "neutral": (510.73, 1379.92, 1047.16, 1905.47),
        "seeker": (530.93, 1537.26, 1086.55, 2065.84),
    },
    "tou+edrp": {
        "averse": (294.11, 899.03, 800.13, 1431.53),
        "neutral": (306.72, 1177.10, 830.80, 1706.22),
        "seeker": (326.92, 1334.43, 883.23, 1893.96),
    },
}
"""Profit of the company, cases 1 to 4."""

TABLE_6: dict[str, tuple[float, float]] = {
    "flat": (32.170, 5505.468),
    "rtp": (31.944, 5426.409),
    "tou": (31.638, 5974.142),
    "tou+cpp": (31.445, 6119.332),
    "cpp": (31.413, 6380.310),
    "edrp": (30.859, 5279.741),
    "cap": (30.412, 5204.498),
    "tou+edrp": (30.318, 5439.590),
    "tou+cap": (29.877, 5261.406),
}
"""Customers' load and the income from it."""

TABLE_6_TOLERANCE = {"rtp": 1e-3}
"""Relative, where it differs from :data:`TABLE_6_DEFAULT`: the paper does not print the RTP tariff."""
TABLE_6_DEFAULT = 5e-4


class Components(NamedTuple):
    """Tables 7, 8 and 9, one program: risk-averse, case 4. ``nan`` where the paper prints a dash."""

    charge_mwh: float
    charge_income: float
    discharge_mwh: float
    discharge_payment: float
    emission_kg: float
    emission_income: float
    import_mwh: float
    import_cost: float


TABLES_7_TO_9: dict[str, Components] = {
    "flat": Components(4.870, 812.074, 2.127, 364.048, 3790.260, 19.226, 31.717, 4612.597),
    "rtp": Components(2.443, 295.034, 0.0, 0.0, 3655.535, 18.564, 32.130, 4944.702),
    "tou": Components(4.409, 652.337, 1.733, 593.177, 5322.322, 26.989, 31.165, 4077.561),
    "tou+cpp": Components(4.426, 661.854, 1.747, 598.113, 5542.072, 28.093, 31.124, 4003.416),
    "cpp": Components(4.821, 792.861, 2.085, 356.913, 4717.682, 23.935, 30.903, 4294.159),
    "edrp": Components(4.825, 809.537, 2.089, 357.533, 5428.417, 27.544, 30.425, 4070.664),
    "cap": Components(4.884, 812.641, 2.113, 361.685, 6032.202, 30.609, 29.891, 3887.363),
    "tou+edrp": Components(4.309, 655.860, 1.647, 564.002, 7003.002, 35.455, 29.835, 3540.096),
    "tou+cap": Components(4.384, 652.052, 1.711, 585.931, 7563.755, 38.253, 29.370, 3356.111),
}

SHARES = {
    "company to load": ("company", "load"),
    "wind to load": ("renewable 0", "load"),
    "sun to load": ("renewable 1", "load"),
    "vehicles to load": ("vehicles", "load"),
    "company to vehicles": ("company", "vehicles"),
    "wind to vehicles": ("renewable 0", "vehicles"),
    "sun to vehicles": ("renewable 1", "vehicles"),
}
"""Columns of Table 10: G2load, W2load, PV2load, Pdch2load, G2EVs, W2EVs, PV2EVs; source and use."""

TABLE_10: dict[str, tuple[float, ...]] = {
    "flat": (27.68, 1.990, 0.416, 2.085, 3.364, 1.038, 0.467),
    "tou": (27.39, 2.103, 0.429, 1.709, 3.034, 0.914, 0.459),
    "rtp": (28.31, 2.709, 0.860, 0.0, 2.017, 0.358, 0.067),
    "tou+cpp": (27.21, 2.081, 0.435, 1.715, 3.051, 0.910, 0.463),
    "cpp": (26.91, 2.018, 0.431, 2.057, 3.342, 1.013, 0.466),
    "edrp": (26.15, 2.255, 0.394, 2.053, 3.528, 0.782, 0.515),
    "cap": (25.87, 2.038, 0.413, 2.084, 3.373, 1.004, 0.475),
    "tou+edrp": (26.01, 2.138, 0.485, 1.688, 3.105, 0.861, 0.417),
    "tou+cap": (25.64, 2.102, 0.452, 1.679, 3.013, 0.906, 0.446),
}
"""Energy by source and use, risk-averse, case 4."""


class Account(NamedTuple):
    """One column of Table 11: CPP, case 4."""

    lot_charging_income: float
    load_income: float
    emission_reward: float
    upstream_cost: float
    v2g_payment: float
    profit: float


TABLE_11: dict[str, Account] = {
    "averse": Account(792.861, 6380.310, 23.935, 4294.159, 356.913, 2546.034),
    "neutral": Account(949.252, 6380.310, 26.908, 4052.503, 463.075, 2840.893),
    "seeker": Account(976.626, 6380.310, 28.930, 3877.787, 475.758, 3032.322),
}


class Mode(NamedTuple):
    """One row of Table 12: CPP, risk-averse, case 4."""

    pv_kw: float
    wind_kw: float
    participation: float
    vehicles: int
    profit: float
    import_mwh: float
    charge_mwh: float
    discharge_mwh: float


TABLE_12: dict[str, Mode] = {
    "base": Mode(200, 200, 0.2, 100, 2546.034, 30.903, 4.821, 2.085),
    "1": Mode(200, 200, 0.2, 150, 3218.216, 32.595, 7.873, 3.688),
    "2": Mode(200, 200, 0.3, 150, 3267.765, 32.270, 7.889, 3.701),
    "3": Mode(200, 200, 0.2, 200, 3608.987, 33.664, 9.771, 4.285),
    "4": Mode(200, 200, 0.3, 200, 3599.726, 33.260, 9.593, 4.132),
    "5": Mode(500, 500, 0.2, 150, 4133.964, 26.810, 7.432, 3.310),
    "6": Mode(500, 500, 0.3, 150, 4124.026, 26.365, 7.199, 3.111),
    "7": Mode(500, 500, 0.2, 200, 4339.259, 27.088, 8.413, 3.124),
    "8": Mode(500, 500, 0.3, 200, 4327.679, 26.756, 8.103, 2.899),
    "9": Mode(500, 200, 0.2, 200, 3813.010, 32.250, 9.219, 3.813),
    "10": Mode(200, 500, 0.2, 200, 4137.655, 28.942, 9.028, 3.649),
}

COMPONENTS = (
    *("charging (MWh)", "sold to the lot (USD)", "discharging (MWh)", "bought from the lot (USD)"),
    *("CO2 avoided (kg)", "CO2 reward (USD)", "purchase (MWh)", "purchase (USD)"),
)
"""What the fields of :class:`Components` are called in a report."""

MWH = 1000.0
EMISSION_KG_PER_MWH = 985.0

FLAT_TARIFFS = ("flat", "cpp", "edrp", "cap")
TOU_TARIFFS = ("tou", "tou+cpp", "tou+edrp", "tou+cap")
"""Programs by what vehicles pay outside the critical hours."""

INTRODUCTION = (
    "The paper states a bilevel program: a distribution company (DISCO) that runs demand-response programs and "
    "owns wind and sun leads, the owner of a parking lot with 100 vehicles follows. All tariffs are given, and no "
    "variable of the company enters the lot's problem. So the lot's optimal schedules form a fixed face, and the "
    "paper's mixed-integer program equals two linear ones: the lot's own optimum, then the company's best "
    "schedule on that face.",
    "As printed, the lot may charge and discharge at once and is paid for it. What the paper reports (charging "
    "outside the peak, discharging inside it, nothing where the company would not buy) is the schedule of a "
    "company that dispatches the vehicles within these windows. That reading, mode windows, is compared with the "
    "tables. It is no equilibrium of the lot, so beside them stands the equilibrium of the same data, the lot at its "
    "own maximum inside the same windows; the printed model and two others follow.",
    "Load, upstream price, RTP tariff, profiles and scenarios are not published. What was fitted to "
    "published numbers, and what was chosen, is listed below. The "
    "company's purchase is made when the outcome is known, so its attitude to risk changes no decision: "
    "risk-neutral is the mean of the scenarios' optimal profits, risk-averse the CVaR at 95 %, risk-seeker the "
    "one scenario of the forecast.",
)
