"""From vehicles to a lot's envelope, and from the lot's cleared power back to the vehicles.

The sum of many vehicles' charging sets is not the box that an envelope describes: a schedule can respect every
bound of the envelope and still be impossible to split. It is a base polytope of a polymatroid, though: energies ``p``
with the right total can be split exactly when, for every set A of periods,

    sum over A of p_t  <=  f(A) = sum over vehicles of min(sum over A of u_it, e_i)

with ``u_it`` what vehicle i can draw in period t and ``e_i`` what it needs. So :func:`allocate` either splits the
power or returns a violated set A, which the market adds as one row (a max-flow min-cut argument; the sets for
single hours and for the first k hours are the envelope's own bounds). The greedy algorithm of polymatroids tells
which of the exponentially many sets matter: at given prices, those of the k cheapest hours
(:func:`equilibrium.fleet.split.broken_cuts`).

References
----------
J. Edmonds, "Submodular functions, matroids, and certain polyhedra", in Combinatorial Structures and Their
Applications, 1970.
"""

from __future__ import annotations

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.certificate import SAME_PRICE
from equilibrium.fleet.day import Fleet, LotDay
from equilibrium.fleet.split import Cut, EvenSplit, broken_cuts, even_split, filling
from equilibrium.lengths import Periods, period_lengths


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


def allocate(
    fleet: Fleet, power_kw: FloatArray, efficiency: float, price: FloatArray, level: FloatArray | None = None
) -> EvenSplit | list[Cut]:
    """Split a lot's cleared power among its vehicles.

    Parameters
    ----------
    power_kw
        Cleared mean power of each hour, kW, shape ``(hours,)``.
    price
        Marginal cost of charging in each hour, shape ``(hours,)``: where to look first.
    level
        Levels of a split that is not far off, where the search may begin; the answer does not depend on them.

    Returns
    -------
    EvenSplit or list of Cut
        Energy of each vehicle, kWh (grid side); its sum over vehicles is that of ``power_kw``. When no split exists,
        inequalities that prove it.
    """
    data = fleet.energy_max_kwh, fleet.need_kwh / efficiency, power_kw * fleet.length_h
    found = None if level is None else even_split(*data, level)
    if isinstance(found, EvenSplit):
        return found
    likely = likely_cuts(fleet, power_kw, efficiency, price)
    if isinstance(likely, list):
        return likely
    return even_split(*data, likely) if found is None else found


def likely_cuts(fleet: Fleet, power_kw: FloatArray, efficiency: float, price: FloatArray) -> list[Cut] | FloatArray:
    """Look where a power most likely asks for too much: in the cheapest and in the fullest hours.

    Arguments as of :func:`allocate`, which looks everywhere.

    Returns
    -------
    list of Cut or array
        Inequalities that the power breaks; without any, levels at which a split may begin, shape ``(hours,)``.
    """
    data = fleet.energy_max_kwh, fleet.need_kwh / efficiency, power_kw * fleet.length_h
    step, fullness = np.round(price / SAME_PRICE), filling(*data)
    cheapest = np.argsort(step, kind="stable")
    broken = broken_cuts(*data, cheapest, np.argsort(-fullness, kind="stable"))
    if broken:
        return list(broken.values())
    # In cheaper hours vehicles draw what they can: hours of different prices are a gap apart.
    gaps = np.empty_like(step)
    gaps[cheapest] = np.cumsum(np.diff(step[cheapest], prepend=step[cheapest[:1]]) > 0.0)
    return fullness - 2.0 * gaps


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
