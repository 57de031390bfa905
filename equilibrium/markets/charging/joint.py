"""The joint program of the DSO and the lots, on which every market of this feeder rests."""

from __future__ import annotations

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.grid.distribution import add_distribution, distribution_ports
from equilibrium.grid.network import Network
from equilibrium.lengths import Periods
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.charging.lots import add_lots, lot_ports, stacked
from equilibrium.programs.program import Program, ProgramBuilder


def compile_joint(network: Network, periods: Periods) -> Program:
    """Compile the joint program: the DSO's (2a)-(2p) and the lots' (3b)-(3f) with the network cost as objective."""
    build = ProgramBuilder()
    add_lots(build, network.lots, add_distribution(build, network, periods), periods)
    return build.compile()


def joint_ports(network: Network, day: MarketDay) -> dict[str, FloatArray]:
    """Return the values of the joint program's ports for one day, the lots free within their limits."""
    limit = stacked(day.lots, "power_max_kw", day.hours)
    return {**distribution_ports(network, day, np.zeros_like(limit), limit), **lot_ports(day.lots, day.hours)}
