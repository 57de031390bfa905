"""What the reproduction with nine programs rests on: published, fitted and chosen numbers (docs/disco.md)."""

from __future__ import annotations

from scenarios.published.company import DISCO_DR as STUDY
from sim.reproduce.constants import Constant, Origin
from sim.reproduce.disco.constants import (
    PERIODS,
    both_chosen,
    both_papers,
    hours_of,
    inputs,
    level,
    one,
    printed,
    shape,
)

_LOAD = "Table 6: nine loads and incomes"
_PRICE = "Table 5: case 1 and value of vehicle-to-grid, risk-neutral; Table 6: RTP; all on this model"
_OFF_PEAK = "as on-peak; Table 5 does not tell it (singular), so the least change that Table 6 allows"
_DEAR = f"{_PRICE}; it leaves 168 at 13 and 19-21 h, where the text says that the company buys nothing from vehicles"
_CRITICAL = "programs.programs.cpp.critical_hours"
DEAR_HOURS = (10, 11, 12, 14)
"""On-peak hours with vehicle-to-grid; the paper says that the company buys none in the others."""


def constants() -> tuple[Constant, ...]:
    """Return every constant of the study, its value read from the case."""
    return (
        *_loads_and_prices(),
        *_other_fitted(),
        *_chosen(),
        *both_chosen(STUDY),
        printed("penalty of CAP an income", "fourth and fifth line of (1)", "study.penalty_sign"),
        printed("shares of the buses in the load", "bundled feeder", "load_share.*"),
        printed("without effect here", "no trunk in the feeder", "study.trunk_current_max_a"),
        *both_papers(),
    )


def _loads_and_prices() -> tuple[Constant, ...]:
    """Return the levels of load and price that are fitted."""
    hours = {period: hours_of(STUDY, period) for period in PERIODS}
    first, last = (int(hour) for hour in str(inputs(STUDY)[_CRITICAL]).split("-"))
    critical = tuple(range(first, last + 1))
    return (
        *(level(STUDY, "profile.load", hours[p], f"load {p} (MWh)", _LOAD, total=True) for p in PERIODS),
        level(
            STUDY, "profile.load", critical, "load in the critical hours (MWh)", f"{_LOAD}: CPP, TOU+CPP", total=True
        ),
        one(
            STUDY,
            "critical hours",
            _CRITICAL,
            Origin.FITTED,
            "Table 6: CPP, TOU+CPP",
            "programs.programs.tou+cpp.critical_hours",
        ),
        one(
            STUDY,
            "RTP over upstream price",
            "programs.programs.rtp.upstream_factor",
            Origin.FITTED,
            "Table 6: RTP, together with the prices",
        ),
        *(
            level(STUDY, "price", hours[p], f"price {p}, mean (USD/MWh)", _OFF_PEAK if p == "off-peak" else _PRICE)
            for p in PERIODS
        ),
        level(STUDY, "price", DEAR_HOURS, "price at 10-12 and 14 h, mean (USD/MWh)", _DEAR),
        level(
            STUDY,
            "price",
            (5, 7),
            "price at 5 and 7 h, one USD lower, mean (USD/MWh)",
            "Table 6: load under RTP, before",
        ),
    )


def _other_fitted() -> tuple[Constant, ...]:
    """Return the other numbers that are fitted."""
    fitted = Origin.FITTED
    return (
        one(
            STUDY,
            "contracted reduction over on-peak load",
            "programs.contracted_share",
            fitted,
            "Table 5: case 1, risk-neutral, CAP; cost of CAP in Tables 5 to 9",
            "study.contracted_share",
        ),
        one(
            STUDY,
            "factor on wind and sun",
            "study.renewable_factor",
            fitted,
            "Table 5: value of renewables, case 2 less 1",
        ),
        one(
            STUDY,
            "factor on the impedances",
            "study.impedance_factor",
            fitted,
            "Tables 5 and 9: losses, and that the voltage limit hardly binds",
        ),
        one(
            STUDY,
            "bus of the lot",
            "study.lot_bus",
            fitted,
            "Table 5: of three buses, the nearest value of vehicle-to-grid",
        ),
        one(STUDY, "bus of wind and sun", "study.wind_bus", fitted, "as the lot's", "study.pv_bus"),
    )


def _chosen() -> tuple[Constant, ...]:
    """Return what is chosen in this study alone."""
    return (
        one(
            STUDY,
            "spread of the day's factor on wind and sun",
            "study.factor.sd",
            Origin.CHOSEN,
            "not printed; 0.25 was taken before any comparison",
        ),
        shape(STUDY, "profile.load", "load: shape in the periods (MW)", "by reference only", 4),
        shape(
            STUDY,
            "price",
            "price: shape in the periods (USD/MWh)",
            "by reference only; 13, 19-21 h as the text says",
            5,
        ),
        shape(STUDY, "profile.wind", "wind: shape and level", "not printed", 0),
        shape(STUDY, "profile.pv", "sun: shape and level", "not printed", 0),
        one(
            STUDY,
            "tariffs of I/C",
            "programs.programs.ic.contracted_share",
            Origin.CHOSEN,
            "no program of the paper",
            "programs.*.ic.*",
        ),
    )
