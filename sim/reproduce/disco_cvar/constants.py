"""What the reproduction of the risk-based DISCO rests on: published, fitted and chosen numbers (docs/disco.md)."""

from __future__ import annotations

from scenarios.published.company import DISCO_CVAR as STUDY
from sim.reproduce.constants import Constant, Origin
from sim.reproduce.disco.constants import PERIODS, both_chosen, both_papers, hours_of, level, one, printed, shape
from sim.reproduce.disco_cvar import published as data

_LOAD = "Table 7: energy balance, and income from load under TOU"
_PRICE = "Table 7: mean purchase price of 115.1 USD/MWh; hours without discharging"


def constants() -> tuple[Constant, ...]:
    """Return every constant of the study, its value read from the case."""
    hours = {period: hours_of(STUDY, period) for period in PERIODS}
    fitted, chosen = Origin.FITTED, Origin.CHOSEN
    no_part = "study.renewable_factor", "study.impedance_factor", "programs.contracted_share"
    return (
        *(level(STUDY, "profile.load", hours[p], f"load {p} (MWh)", _LOAD, total=True) for p in PERIODS),
        *(level(STUDY, "price", hours[p], f"price {p}, mean (USD/MWh)", _PRICE) for p in PERIODS),
        one(STUDY, "spread of the day's factor on wind and sun", "study.factor.sd", fitted, "Table 6: TOU at beta = 1"),
        one(
            STUDY,
            "contracted reduction over on-peak load",
            "study.contracted_share",
            fitted,
            "Table 6: about halfway between what CAP and TOU+CAP ask for at beta = 0",
        ),
        one(STUDY, "sign of the penalty of CAP", "study.penalty_sign", fitted, "Table 6: CAP against flat"),
        shape(STUDY, "profile.load", "load: shape in the periods (MW)", "a figure or a reference only", 3),
        shape(STUDY, "price", "price: shape in the periods (USD/MWh)", "by reference only; order as the text says", 3),
        shape(STUDY, "profile.wind", "wind: shape over the hours", "a figure only; total as printed", 1),
        shape(STUDY, "profile.pv", "sun: shape over the hours", "a figure only; total as printed", 1),
        one(
            STUDY, "limit of branches to bus 6 (A)", "study.trunk_current_max_a", chosen, "not printed", "study.trunk.*"
        ),
        *both_chosen(STUDY),
        printed(
            f"energy of wind and sun: {data.WIND_MWH:g}, {data.PV_MWH:g} MWh",
            "Fig. 4",
            "profile.wind.*",
            "profile.pv.*",
        ),
        printed("buses of lot, wind and sun", "Tables 1, 3", "study.*_bus"),
        printed("shares of the buses in the load", "bundled feeder", "load_share.*"),
        printed("without effect here", "factors of one; the file's contract", *no_part),
        *both_papers(),
    )
