"""Which way trade goes at negative prices in the nodal market, for every deviation of a lot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from equilibrium.certificate import NEGLIGIBLE
from equilibrium.grid.network import Network
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.charging.trade import least_cost_of_exporting, surplus_kw, undecided_hours
from equilibrium.markets.nodal.curves import trace
from equilibrium.markets.nodal.players import Players
from equilibrium.programs.hourly.vertices import Vertices
from equilibrium.programs.program import GAP


def unproved_hours(
    network: Network, day: MarketDay, vertices: Vertices, players: Players, lots: Sequence[int]
) -> list[int]:
    """Return the hours of negative price in which exporting could be the DSO's answer to some deviation of ``lots``.

    The cost of importing is convex in a lot's power, so on the range in which exports are possible at all it is
    largest at an end; where it is not above the least cost of exporting there, importing is proved.
    """
    hours = np.flatnonzero(undecided_hours(network, day))
    surplus, unproved = surplus_kw(network, day), set[int]()
    for lot in lots if hours.size else ():
        rivals = vertices.given.sum(axis=1) - vertices.given[:, lot]
        exporting = least_cost_of_exporting(network, day, rivals)
        curves = trace(vertices, lot, players.power_max[:, lot])
        for hour in hours[surplus[hours] > rivals[hours]].tolist():
            knots, slopes = curves[hour].knots, curves[hour].slopes
            most = min(float(players.power_max[hour, lot]), float(surplus[hour] - rivals[hour]))
            along = np.concatenate([[0.0], np.cumsum(np.diff(knots) * slopes)])
            ends = np.interp([knots[0], min(most, knots[-1])], knots, along)
            cost = vertices.cost[hour] + ends.max() - np.interp(vertices.given[hour, lot], knots, along)
            if cost > exporting[hour] + GAP or knots[-1] < most - NEGLIGIBLE:
                unproved.add(hour)
    return sorted(unproved)
