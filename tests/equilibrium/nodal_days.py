"""Days of the nodal market that several files of tests look at."""

from dataclasses import replace

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from equilibrium.errors import InfeasibleError
from equilibrium.fleet.envelope import lot_day
from equilibrium.grid.assets import Microturbine
from equilibrium.grid.network import Network
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.charging.joint import compile_joint, joint_ports
from equilibrium.markets.charging.lots import stacked
from equilibrium.markets.nodal.market import NodalMarket
from equilibrium.programs.solvers import open_handle
from scenarios.random_markets import fleets, market_days, networks
from tests.equilibrium.conftest import lot_data, small_day, small_network

BEHAVIOURS = ("strategic", "price-taking", "central")


def clear(network, day, behaviours=None, *, market=None, **start):
    market = market if market is not None else NodalMarket(network, behaviours=behaviours)
    try:
        return market.clear(day, **start)
    except InfeasibleError:
        assume(False)
        raise


def everyone(network, behaviour):
    return (behaviour,) * len(network.lots)


def joint_optimum(network, day):
    """The welfare optimum's cost less revenue, by the program with every row."""
    program = compile_joint(network, day.hours)
    instance = program.bind(joint_ports(network, day))
    cost = instance.cost.copy()
    cost[program.columns["lot_kw"].index] -= stacked(day.lots, "charging_price", day.hours)
    sold = program.columns["export_kw"].index[day.wholesale_price < 0.0]
    instance = instance.with_cost(cost).with_columns(sold, 0.0, 0.0)
    return float(cost @ open_handle(instance).solve().x)


def system_cost(day, clearing):
    return clearing.network_cost - float((stacked(day.lots, "charging_price", day.hours) * clearing.lot_kw).sum())


def one_line(lots=1, fuel=0.06, **changes):
    """100 kW of line to bus 2 and a turbine behind it."""
    changes = {"rating_kva": np.array([5000.0, 5000.0, 100.0]), "x_ohm": np.zeros(3), **changes}
    return small_network(lots=lots, turbine=Microturbine("mt", 2, 500.0, fuel), **changes)


def rivals_for_a_line():
    """Two lots who each want all of a line of 100 kW: together they overload it."""
    network = small_network(lots=2, terminal="ge", rating_kva=np.array([5000.0, 5000.0, 100.0]))
    lots = tuple(replace(lot_data(0.0, [80.0], 0.1), soe_max_kwh=np.full(1, 80.0)) for _ in range(2))
    return network, small_day([0.03], lots)


@st.composite
def markets_with_vehicles(draw: st.DrawFn) -> tuple[Network, MarketDay]:
    network = draw(networks(min_lots=1, max_lots=2))
    day = draw(market_days(network))
    lots = tuple(
        lot_day(draw(fleets(efficiency=site.efficiency)), own.charging_price, site.efficiency)
        for site, own in zip(network.lots, day.lots, strict=True)
    )
    peak = np.zeros(network.feeder.size)
    for site, own in zip(network.lots, lots, strict=True):
        peak[site.bus] += 0.6 * own.power_max_kw.max()
    rating = network.feeder.subtree_sum(np.hypot(day.load_kw, day.load_kvar).max(axis=0) + peak) + 10.0
    return replace(network, feeder=replace(network.feeder, rating_kva=rating)), replace(day, lots=lots)
