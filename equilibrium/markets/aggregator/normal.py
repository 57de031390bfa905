"""The published values of prices that nothing is traded at.

Any value of such a price may be optimal. Published is: for energy that a lot takes the cap, for energy that it gives
zero, with the reserve price raised so that a kW of reserve earns the same; for generators that stand still zero. Where
that changes what the leader earns the price was not free after all, and keeps its value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from equilibrium.arrays import FloatArray
from equilibrium.markets.aggregator.clearing import traded
from equilibrium.markets.aggregator.day import AggregatorDay, Lot
from equilibrium.markets.aggregator.flow import Flows
from equilibrium.markets.aggregator.followers import Follower
from equilibrium.markets.aggregator.point import Point, best_point
from equilibrium.programs.program import GAP


def normalised(day: AggregatorDay, followers: Sequence[Follower], point: Point, flows: Flows | None) -> Point:
    """Return a point that earns the same, with normal prices where nothing is traded; uniform prices stay."""
    if day.uniform:
        return point
    wanted, whole = _wanted(day, point), range(day.periods)
    for names in _joined(day):
        changed = _tried(day, followers, point, flows, wanted, names, whole)
        if changed is None and flows is None:  # with a grid, period by period would take long
            for period in whole:
                point = _tried(day, followers, point, flows, wanted, names, range(period, period + 1)) or point
        point = changed or point
    return point


def _tried(
    day: AggregatorDay,
    followers: Sequence[Follower],
    point: Point,
    flows: Flows | None,
    wanted: Mapping[str, FloatArray],
    names: Sequence[str],
    periods: range,
) -> Point | None:
    """Return the point with some prices as wanted in some periods, or ``None`` where the leader earns less."""
    prices = {name: value.copy() for name, value in point.prices.items()}
    at = list(periods)
    for name in names:
        prices[name][at] = wanted[name][at]
    if all((prices[name] == point.prices[name]).all() for name in names):
        return point
    trial = best_point(day, followers, prices, flows)
    if trial is None or trial.value < point.value - GAP * (1.0 + abs(point.value)):
        return None
    return trial


def _joined(day: AggregatorDay) -> list[tuple[str, ...]]:
    """Return the prices that are changed together."""
    sets: list[tuple[str, ...]] = []
    for lot in day.lots:
        sets += [(f"{lot.name} in",), (f"{lot.name} out", f"{lot.name} reserve")]
    return sets


def _wanted(day: AggregatorDay, point: Point) -> dict[str, FloatArray]:
    used = traded(day, point)
    prices = {name: value.copy() for name, value in point.prices.items()}
    for lot in day.lots:
        name = f"{lot.name} in"
        prices[name] = np.where(used[name], prices[name], day.energy_cap)
        _split_reserve(day, lot, prices, used)
    return prices


def _split_reserve(
    day: AggregatorDay, lot: Lot, prices: dict[str, FloatArray], used: Mapping[str, NDArray[np.bool_]]
) -> None:
    """Pay for reserve by its own price as far as its cap allows, where nothing is discharged."""
    out, reserve = f"{lot.name} out", f"{lot.name} reserve"
    terms = day.reserve_of(lot)
    called, whole = terms.delivered, terms.income(prices[reserve], prices[out])
    kept = np.minimum(whole, day.reserve_cap)
    rest = np.divide(whole - kept, called, out=np.zeros(day.periods), where=called > 0.0)
    idle = ~used[out]
    prices[out] = np.where(idle, np.where(used[reserve], rest, 0.0), prices[out])
    prices[reserve] = np.where(idle, np.where(used[reserve], kept, 0.0), prices[reserve])
