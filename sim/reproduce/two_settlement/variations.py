"""Other data, seeds and populations for the study of two settlements: what of its claims is due to them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from scenarios.published.active_system import TwoSettlementStudy
from scenarios.streams import Streams
from sim.reproduce.robustness import Variation
from sim.reproduce.two_settlement.compute import REPORTED, compute
from sim.reproduce.two_settlement.statements import statements
from sim.reproduce.verdicts import Statement

SIGMA = 0.1
"""Standard deviation of the logarithm of what each hour's price and load are multiplied with."""

SEEDS = 3
POPULATIONS = (0.5, 1.5)
"""Vehicles of every lot and customers of every aggregator of demand, as a share of the study's."""

BASE = replace(REPORTED, scenarios=3)
"""The study that is varied: of three joint scenarios and of single outages alone, so that a variation takes minutes."""


def other_data(seed: int) -> TwoSettlementStudy:
    """Return the study with other stand-ins: the price and the load of each hour times lognormal factors."""
    draw = Streams(seed).generator("stand-ins", 0)
    price, load = (np.exp(SIGMA * draw.standard_normal(len(BASE.price))) for _ in range(2))
    return replace(
        BASE, price=tuple((price * np.array(BASE.price)).tolist()), load=tuple((load * np.array(BASE.load)).tolist())
    )


def other_population(share: float) -> TwoSettlementStudy:
    """Return the study with a share of the vehicles and of the customers."""
    return replace(BASE, lot_vehicles=round(share * BASE.lot_vehicles), demand_kw=share * BASE.demand_kw)


def _varied(study: TwoSettlementStudy, solver: str) -> tuple[Statement, ...]:
    return statements(compute(solver, study, cascades=False, points=3))


VARIATIONS = (
    *(
        Variation("data", f"stand-ins drawn with seed {seed}", partial(_varied, other_data(seed)))
        for seed in range(SEEDS)
    ),
    *(
        Variation("seed", f"scenarios drawn with seed {seed}", partial(_varied, replace(BASE, seed=seed)))
        for seed in range(SEEDS)
    ),
    *(
        Variation("population", f"{share:g} of vehicles and customers", partial(_varied, other_population(share)))
        for share in POPULATIONS
    ),
)
