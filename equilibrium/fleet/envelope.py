"""From vehicles to a lot's envelope, and from the lot's cleared power back to the vehicles.

The sum of many vehicles' charging sets is not the box that an envelope describes: a schedule can respect every
bound of the envelope and still be impossible to split. It is a base polytope of a polymatroid, though: energies ``p``
with the right total can be split exactly when, for every set A of periods,

    sum over A of p_t  <=  f(A) = sum over vehicles of min(sum over A of u_it, e_i)

with ``u_it`` what vehicle i can draw in period t and ``e_i`` what it needs. So :func:`allocate` either splits the
power or returns a violated set A, which the market adds as one row (a max-flow min-cut argument; the sets for
single hours and for the first k hours are the envelope's own bounds). The greedy algorithm of polymatroids tells
which of the exponentially many sets matter: at given prices, those of the k cheapest hours (:func:`nested_cuts`).

References
----------
J. Edmonds, "Submodular functions, matroids, and certain polyhedra", in Combinatorial Structures and Their
Applications, 1970.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.certificate import NEGLIGIBLE
from equilibrium.fleet.day import Fleet, LotDay
from equilibrium.lengths import Periods, period_lengths
from equilibrium.programs.program import Instance
from equilibrium.programs.solvers import Status, open_handle

_LEAST_ROOM_KWH = 1e-9
"""Stands for the room of a period that has none, so that its filling is large and not undefined."""


@dataclass(frozen=True, eq=False)
class Cut:
    """A valid inequality that the cleared power broke: ``sum of energy over the hours <= limit_kwh``."""

    hours: np.ndarray
    limit_kwh: float


def lot_day(fleet: Fleet, charging_price: FloatArray, efficiency: float) -> LotDay:
    """Return the envelope of a fleet: the data of (3a)-(3f) that its vehicles imply.

    Parameters
    ----------
    charging_price
        F_t, currency/kWh, shape ``(hours,)``.
    efficiency
        kWh stored per kWh drawn.

    Returns
    -------
    LotDay
        The state-of-energy band is the sum of the vehicles' latest and earliest charging; the power limit is the
        sum of what each can still draw in that hour.
    """
    hours = fleet.power_kw.shape[1]
    reach = efficiency * fleet.energy_max_kwh
    need = fleet.need_kwh[:, None]
    earliest = np.minimum(np.cumsum(reach, axis=1), need)
    latest = np.maximum(need - (reach.sum(axis=1, keepdims=True) - np.cumsum(reach, axis=1)), 0.0)
    hour = np.arange(hours)
    present = (fleet.arrival_hour[:, None] <= hour) & (hour < fleet.departure_hour[:, None])
    held = fleet.energy_kwh[:, None]
    leaving = fleet.energy_kwh + fleet.need_kwh
    gone = fleet.departure_hour < hours
    return LotDay(
        charging_price=np.asarray(charging_price, dtype=np.float64),
        energy_in_kwh=_by_hour(fleet.arrival_hour, fleet.energy_kwh, hours),
        energy_out_kwh=_by_hour(fleet.departure_hour[gone], leaving[gone], hours),
        energy_end_kwh=float(leaving[~gone].sum()),
        # Sums of many terms: let the two sides of a closed band not cross by a rounding error.
        soe_min_kwh=np.minimum(*_band(present, held, latest, earliest)),
        soe_max_kwh=np.maximum(*_band(present, held, latest, earliest)),
        power_max_kw=np.minimum(fleet.power_kw, need / efficiency / fleet.length_h).sum(axis=0),
        fleet=fleet,
    )


def _by_hour(hour: IntArray, energy: FloatArray, hours: int) -> FloatArray:
    """Sum energies by hour; ``bincount`` alone would return integers for an empty fleet."""
    return np.bincount(hour, weights=energy, minlength=hours).astype(np.float64)


def _band(
    present: np.ndarray, held: FloatArray, latest: FloatArray, earliest: FloatArray
) -> tuple[FloatArray, FloatArray]:
    return (present * (held + latest)).sum(axis=0), (present * (held + earliest)).sum(axis=0)


def nested_cuts(fleet: Fleet, price: FloatArray, efficiency: float) -> list[Cut]:
    """Return the inequalities that bind when vehicles charge in the cheapest hours: one per k cheapest hours.

    Those that others imply are left out.

    Parameters
    ----------
    price
        Marginal cost of charging in each hour, shape ``(hours,)``; ties count as cheaper the earlier they are.
    """
    order = np.argsort(price, kind="stable")
    need = fleet.need_kwh[:, None] / efficiency
    most = fleet.energy_max_kwh
    single = np.minimum(most, need).sum(axis=0)[order]
    limit = np.minimum(np.cumsum(most[:, order], axis=1), need).sum(axis=0)
    own = limit[1:] < limit[:-1] + single[1:] - NEGLIGIBLE
    own[-1:] = False  # all hours together: the energy balance already says so
    cuts = []
    for last in np.flatnonzero(own) + 1:
        hours = np.zeros(price.size, dtype=bool)
        hours[order[: last + 1]] = True
        cuts.append(Cut(hours, float(limit[last])))
    return cuts


def allocate(fleet: Fleet, power_kw: FloatArray, efficiency: float, price: FloatArray) -> FloatArray | list[Cut]:
    """Split a lot's cleared power among its vehicles.

    Parameters
    ----------
    power_kw
        Cleared mean power of each hour, kW, shape ``(hours,)``.
    price
        Marginal cost of charging in each hour, shape ``(hours,)``: where to look first for violated inequalities.

    Returns
    -------
    FloatArray or list of Cut
        Power of each vehicle, kW (grid side), shape ``(vehicles, hours)``; its sum over vehicles is ``power_kw``. When
        no split exists, inequalities that prove it.
    """
    need, most, energy = fleet.need_kwh / efficiency, fleet.energy_max_kwh, power_kw * fleet.length_h
    split = _least_laxity(most, need, energy)
    if split is not None:
        return split / fleet.length_h
    filling = energy / np.maximum(np.minimum(most, need[:, None]).sum(axis=0), _LEAST_ROOM_KWH)
    likely = [*nested_cuts(fleet, price, efficiency), *nested_cuts(fleet, -filling, efficiency)]
    broken = [cut for cut in likely if energy[cut.hours].sum() > cut.limit_kwh + NEGLIGIBLE]
    if broken:
        return broken
    found = _maximum_flow(most, need, energy)
    return [found] if isinstance(found, Cut) else found / fleet.length_h


def _least_laxity(limit: FloatArray, need: FloatArray, energy: FloatArray) -> FloatArray | None:
    """Split energies period by period, the vehicle with the least room to wait first; ``None`` when some is left."""
    split = np.zeros_like(limit)
    remaining = need.copy()
    later = limit.sum(axis=1)
    for hour in range(energy.size):
        later = later - limit[:, hour]
        must = np.clip(remaining - later, 0.0, limit[:, hour])
        room = np.minimum(limit[:, hour], remaining) - must
        extra = energy[hour] - must.sum()
        if extra < -NEGLIGIBLE or extra > room.sum() + NEGLIGIBLE:
            return None
        order = np.argsort(later - remaining, kind="stable")
        before = np.cumsum(room[order]) - room[order]
        must[order] += np.clip(extra - before, 0.0, room[order])
        split[:, hour] = must
        remaining = np.maximum(remaining - must, 0.0)
    return split


def _maximum_flow(limit: FloatArray, need: FloatArray, energy: FloatArray) -> FloatArray | Cut:
    """Split energies by a maximum flow from periods through vehicles; its minimum cut is the violated set."""
    vehicle, hour = np.nonzero(limit > 0.0)
    count, hours = need.size, energy.size
    edges = np.arange(vehicle.size)
    ones = np.ones(vehicle.size)
    by_hour = sp.csr_array((ones, (hour, edges)), shape=(hours, edges.size))
    by_vehicle = sp.csr_array((ones, (vehicle, edges)), shape=(count, edges.size))
    flow = Instance(
        matrix=sp.csr_array(sp.vstack([by_hour, by_vehicle], format="csr")),
        cost=-ones,
        row_lower=np.full(hours + count, -np.inf),
        row_upper=np.concatenate([np.maximum(energy, 0.0), need]),
        col_lower=np.zeros(edges.size),
        col_upper=limit[vehicle, hour],
    )
    solution = open_handle(flow).solve()
    if solution.status is not Status.OPTIMAL:  # zero flow is feasible and flows are bounded
        raise AssertionError(f"maximum flow ended {solution.status}")
    split = np.zeros_like(limit)
    split[vehicle, hour] = solution.x
    if energy.sum() - solution.x.sum() <= NEGLIGIBLE:
        return split
    inside = solution.y[:hours] > -0.5  # the matrix is totally unimodular: these multipliers are 0 or -1
    return Cut(inside, float(np.minimum(limit[:, inside].sum(axis=1), need).sum()))


def plugged_share(arrival_h: FloatArray, departure_h: FloatArray, periods: Periods) -> FloatArray:
    """Return the share of each period that vehicles are plugged in, shape ``(vehicles, hours)``, each in 0 .. 1.

    Parameters
    ----------
    arrival_h, departure_h
        Hours that have passed since midnight, shape ``(vehicles,)``.
    periods
        Of the day.
    """
    lengths = period_lengths(periods)
    edge = np.concatenate([[0.0], np.cumsum(lengths)])
    plugged = np.minimum(departure_h[:, None], edge[1:]) - np.maximum(arrival_h[:, None], edge[:-1])
    share: FloatArray = np.clip(plugged / lengths, 0.0, 1.0)
    return share


def period_at(elapsed_h: FloatArray, periods: Periods) -> IntArray:
    """Return the period in which a moment lies, their number from the end of the day on; any shape.

    Parameters
    ----------
    elapsed_h
        Hours that have passed since midnight.
    periods
        Of the day.
    """
    return np.searchsorted(np.cumsum(period_lengths(periods)), elapsed_h, side="right").astype(np.int64)
