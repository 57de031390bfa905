"""The table of limits at work of the DISCO market: what the day as it came reaches or comes near.

The company's program prices losses and limits together (:mod:`sim.markets.disco.explanation`), so a limit has no worth
of its own here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.grid.binding import NEAR, Limit
from sim.columns import Table
from sim.markets.charging.limits import WITHOUT_WORTH, AtWork
from sim.markets.disco.results import DiscoDayResult

_W_PER_KW = 1000.0
_ORDER = ("branch", "voltage-min", "voltage-max", "renewable")


def _at_work(day: DiscoDayResult) -> AtWork:
    limits = sorted(_limits(day), key=lambda limit: (limit.period, _ORDER.index(limit.name), limit.bus, limit.place))
    return AtWork(day.index, day.date, day.axis, tuple(limits), day.network.feeder.buses)


def _limits(day: DiscoDayResult) -> Iterator[Limit]:
    """Yield the limits of branches, voltages and units that the day reaches or comes near."""
    feeder, came = day.network.feeder, day.settlement.realised
    rated = np.flatnonzero((feeder.r_ohm > 0.0) & np.isfinite(feeder.rating_kva))
    # A rating is a current at nominal voltage, and what a branch loses tells its current.
    current = feeder.base_kv * np.sqrt(_W_PER_KW * np.maximum(came.loss_kw[:, rated], 0.0) / feeder.r_ohm[rated])
    rating = feeder.rating_kva[rated]
    yield from _near("branch", "kVA", [feeder.buses[bus] for bus in rated], rated.tolist(), current, rating, rating)
    buses = list(range(1, feeder.size))
    low, high = feeder.voltage_min_pu[1:], feeder.voltage_max_pu[1:]
    for name, bound in (("voltage-min", low), ("voltage-max", high)):
        yield from _near(name, "p.u.", feeder.buses[1:], buses, came.voltage_pu[:, 1:], bound, high - low)
    units, potential = day.network.renewables, day.settlement.outcome.scenarios[0].renewable_kw
    names, places = [unit.name for unit in units], [unit.bus for unit in units]
    yield from _near("renewable", "kW", names, places, came.renewable_kw, potential, potential)


def _near(
    name: str,
    unit: str,
    places: Sequence[str],
    buses: Sequence[int],
    value: FloatArray,
    bound: FloatArray,
    width: FloatArray,
) -> Iterator[Limit]:
    """Yield the limits of one kind that are near; values have the shape ``(periods, elements)``, the rest at most."""
    bound, width = np.broadcast_to(bound, value.shape), np.broadcast_to(width, value.shape)
    slack = value - bound if name == "voltage-min" else bound - value
    for period, k in np.argwhere((width > 0.0) & (slack <= NEAR * width)).tolist():
        at = period, k
        reached, allowed, left = (float(each[at]) for each in (value, bound, slack))
        yield Limit(name, places[k], int(buses[k]), period, unit, reached, allowed, left, multiplier=math.nan)


LIMITS: Table[DiscoDayResult, AtWork] = Table("limits", _at_work, WITHOUT_WORTH)
