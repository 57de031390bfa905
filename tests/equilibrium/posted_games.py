"""Games of posted prices that several files of tests look at."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from equilibrium.markets.charging.demand import LogitDemand
from equilibrium.markets.charging.lot_profits import LotProfits
from equilibrium.markets.charging.posted_prices import PostedPriceGame


def one_type(lots: int, outside: float = 0.5, **more: object) -> PostedPriceGame:
    """100 alike drivers of 20 kWh, b = 10, attraction 1 everywhere."""
    demand = LogitDemand([100.0], [20.0], -10.0, np.ones((1, lots)), outside)
    return PostedPriceGame(demand, **{"cost": 0.15, "price_min": 0.1, "price_max": 1.0} | more)


def loyal_and_shoppers(loyal: float, sensitivity: float) -> PostedPriceGame:
    """Two lots with drivers who want theirs alone, and 100 shoppers who look at the price."""
    attraction = [[4.0, -4.0], [-4.0, 4.0], [8.0, 8.0]]
    demand = LogitDemand([loyal, loyal, 100.0], [10.0] * 3, [-sensitivity, -sensitivity, -20.0], attraction, 0.0)
    return PostedPriceGame(demand, cost=0.1, price_min=0.1, price_max=1.0)


@st.composite
def games(draw: st.DrawFn, most_lots: int = 4) -> LotProfits:
    """Random lots, some of which fill, some alike, with and without an outside option."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    types, lots = draw(st.integers(1, 5)), draw(st.integers(1, most_lots))
    drivers, energy = generator.uniform(0.5, 20.0, types), generator.uniform(5.0, 40.0, types)
    attraction = generator.normal(4.0, 1.5, (types, lots))
    if lots > 2 and draw(st.booleans()):
        attraction[:, 2] = attraction[:, 1]
    outside = generator.normal(1.0, 1.5, types) if draw(st.booleans()) else -np.inf
    demand = LogitDemand(drivers, energy, -generator.uniform(1.0, 25.0, types), attraction, outside)
    places = np.full(lots, np.inf) if draw(st.booleans()) else generator.uniform(0.1, 1.2, lots) * drivers.sum()
    return LotProfits.of(demand, generator.uniform(0.05, 0.3, (types, lots)), 0.1, 1.0, places, ())
