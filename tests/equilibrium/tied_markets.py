"""Random markets in which many dispatches cost the same: few prices, few costs, twins among the units."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from equilibrium.fleet.envelope import lot_day
from equilibrium.grid.network import Network
from equilibrium.markets.charging.day import MarketDay
from scenarios.random_markets import HOURS, feeders, fleets, market_days, networks, with_storage

PRICES = (0.0, 0.03, 0.05, 0.08)


def _of(draw: st.DrawFn, values: tuple[float, ...]) -> np.ndarray:
    return np.array(draw(st.lists(st.sampled_from(values), min_size=HOURS, max_size=HOURS)))


@st.composite
def tied_networks(draw: st.DrawFn, load_max_kw: float = 600.0, max_lots: int = 3, storage: bool = False) -> Network:
    """A network with microturbines of equal cost and compensators in pairs, on lines with some reactance."""
    drawn = draw(networks(feeders(load_max_kw=load_max_kw, band_pu=0.05), max_lots=max_lots))
    if storage:
        drawn = draw(with_storage(drawn, max_units=1))
    bus = st.integers(0, drawn.feeder.size - 1)
    turbines = [
        replace(
            unit,
            fuel_cost_per_kwh=draw(st.sampled_from(PRICES[1:])),
            rating_kva=draw(st.sampled_from([100.0, 200.0])),
        )
        for unit in drawn.microturbines
    ]
    if turbines and draw(st.booleans()):
        turbines.append(replace(turbines[0], name="twin", bus=draw(bus)))
    pairs = [replace(unit, name=f"{unit.name}-twin", bus=draw(bus)) for unit in drawn.compensators]
    feeder = replace(
        drawn.feeder,
        x_ohm=drawn.feeder.x_ohm * draw(st.sampled_from([1.0, 4.0])),
        load_kvar=drawn.feeder.load_kvar * draw(st.sampled_from([1.0, 2.0])),
    )
    return replace(drawn, feeder=feeder, microturbines=tuple(turbines), compensators=(*drawn.compensators, *pairs))


@st.composite
def tied_days(draw: st.DrawFn, network: Network, vehicles: bool = False, negative: bool = False) -> MarketDay:
    """A day with few levels of prices and loads; lots with vehicles on request."""
    day = draw(market_days(network))
    shape = _of(draw, (0.5, 1.0))[:, None]
    lots = []
    for site, lot in zip(network.lots, day.lots, strict=True):
        price = _of(draw, (0.2, 0.3)) if draw(st.booleans()) else np.full(HOURS, 0.3)
        own = lot_day(draw(fleets(efficiency=site.efficiency)), price, site.efficiency) if vehicles else lot
        lots.append(replace(own, charging_price=price))
    return replace(
        day,
        wholesale_price=_of(draw, (*PRICES, -0.02) if negative else PRICES),
        load_kw=shape * network.feeder.load_kw,
        load_kvar=shape * network.feeder.load_kvar,
        microturbine_available=np.ones(len(network.microturbines), dtype=bool),
        lots=tuple(lots),
    )
