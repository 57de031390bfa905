"""Other data, populations and orders for the EPEC of parking lots: what of its claims is due to them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from equilibrium.fleet.day import LotDay
from equilibrium.grid.network import Network
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.charging.relations import other_lots, scaled
from scenarios.streams import Streams
from sim.reproduce.epec_lots.compute import Vary, compute
from sim.reproduce.epec_lots.statements import statements
from sim.reproduce.robustness import Variation
from sim.reproduce.verdicts import Statement

SIGMA = 0.1
"""Standard deviation of the logarithm of what each hour's load, potential and price are multiplied with."""

SEEDS = 8
POPULATIONS = (0.5, 0.8, 1.25)
"""Vehicles of every lot, as a share of the paper's."""


def other_data(network: Network, day: MarketDay, seed: int) -> tuple[Network, MarketDay]:
    """Return the day with other stand-ins: loads, potentials and prices of each hour times lognormal factors."""
    draw = Streams(seed).generator("stand-ins", 0)
    hours = day.hours
    load, price = (np.exp(SIGMA * draw.standard_normal(hours)) for _ in range(2))
    sun = np.exp(SIGMA * draw.standard_normal((hours, len(network.renewables))))
    rated = np.array([unit.rated_kw for unit in network.renewables])
    return network, replace(
        day,
        wholesale_price=day.wholesale_price * price,
        load_kw=day.load_kw * load[:, None],
        load_kvar=day.load_kvar * load[:, None],
        renewable_kw=np.minimum(day.renewable_kw * sun, rated),
    )


def other_population(network: Network, day: MarketDay, share: float) -> tuple[Network, MarketDay]:
    """Return the day with a share of the vehicles in every lot."""
    names = ("energy_in_kwh", "energy_out_kwh", "energy_end_kwh", "soe_min_kwh", "soe_max_kwh", "power_max_kw")

    def part(lot: LotDay) -> LotDay:
        fewer: LotDay = scaled(lot, names, share)
        return fewer

    return network, replace(day, lots=tuple(part(lot) for lot in day.lots))


def _varied(vary: Vary, solver: str) -> tuple[Statement, ...]:
    return statements(compute(solver, vary))


VARIATIONS = (
    *(
        Variation("data", f"stand-ins drawn with seed {seed}", partial(_varied, partial(other_data, seed=seed)))
        for seed in range(SEEDS)
    ),
    *(
        Variation("population", f"{share:g} of the vehicles", partial(_varied, partial(other_population, share=share)))
        for share in POPULATIONS
    ),
    Variation("order", "lots in the opposite order", partial(_varied, other_lots)),
)
