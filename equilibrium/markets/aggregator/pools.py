"""What a lot's contracts, traffic and switches make of its two pools of energy: the numbers of (21) to (39)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.markets.aggregator.day import FIX1, FIX2, FLEX1, FLEX2, AggregatorDay, Lot


@dataclass(frozen=True, eq=False)
class Pool:
    """A pool of energy in one scenario; every array has shape ``(periods,)``.

    Attributes
    ----------
    inflow_kwh
        Energy that comes with arriving vehicles less what ``fix`` vehicles leave with; the first period also has the
        initial energy.
    least_kwh, most_kwh
        Limits of the energy at the end of a period; ``least_kwh`` may be minus infinity.
    power_kw
        Largest charging power, and largest sum of discharge and reserve.
    flex_least_kwh, flex_most_kwh
        Limits of what departing ``flex`` vehicles leave with.
    flex_brought_kwh
        What these had brought.
    """

    inflow_kwh: FloatArray
    least_kwh: FloatArray
    most_kwh: FloatArray
    power_kw: FloatArray
    flex_least_kwh: FloatArray
    flex_most_kwh: FloatArray
    flex_brought_kwh: FloatArray


@dataclass(frozen=True, eq=False)
class LotPools:
    """Both pools of a lot in one scenario."""

    g2v: Pool
    v2g: Pool


def by_period(value: float | FloatArray, periods: int) -> FloatArray:
    """Return a tariff as an array, shape ``(periods,)``."""
    return np.broadcast_to(np.asarray(value, dtype=np.float64), (periods,))


def departing_kwh(lot: Lot, scenario: int, share: FloatArray) -> FloatArray:
    """Return battery capacity of departing vehicles times a share of each class, summed, kWh, shape ``(periods,)``.

    It is ``phi beta C^dep`` as a sum of products by class, not a product of averages.
    """
    return np.asarray(lot.battery_kwh * (lot.vehicles.departing[scenario] @ share))


def fixed_kwh(lot: Lot, scenario: int, category: int) -> FloatArray:
    """Return what departing vehicles of a contract leave with by agreement, kWh, shape ``(periods,)``."""
    contracts = lot.contracts
    return departing_kwh(lot, scenario, contracts.departure_soc[category] * contracts.share[category])


def lot_pools(day: AggregatorDay, lot: Lot, scenario: int) -> LotPools:
    """Return the numbers of both pools of ``lot`` in ``scenario``."""
    vehicles, share = lot.vehicles, lot.contracts.share
    parked = vehicles.parked[scenario]
    arrived, brought = vehicles.arrival_kwh[scenario], vehicles.brought_kwh[scenario]
    pools = []
    for fix, flex, start in ((FIX1, FLEX1, lot.initial_kwh[0]), (FIX2, FLEX2, lot.initial_kwh[1])):
        count = parked @ (share[fix] + share[flex])
        capacity = lot.battery_kwh * count
        inflow = arrived[:, fix] + arrived[:, flex] - fixed_kwh(lot, scenario, fix)
        inflow[0] += start
        low = np.asarray(lot.soc_min * capacity) if fix == FIX2 else _g2v_floor(day, lot, scenario)
        least = fixed_kwh(lot, scenario, flex)
        if flex == FLEX1 and day.reading.flex1_floor == "physical":
            least = np.maximum(least, brought[:, flex])
        pools.append(
            Pool(
                inflow_kwh=inflow,
                least_kwh=low,
                most_kwh=np.asarray(lot.soc_max * capacity),
                power_kw=np.asarray(lot.charger_kw * count),
                flex_least_kwh=least,
                flex_most_kwh=departing_kwh(lot, scenario, lot.soc_max * share[flex]),
                flex_brought_kwh=np.asarray(brought[:, flex]),
            )
        )
    return LotPools(*pools)


def _g2v_floor(day: AggregatorDay, lot: Lot, scenario: int) -> FloatArray:
    """Return the least energy of the G2V pool, shape ``(periods,)``."""
    if day.reading.pool_floor == "zero":
        return np.zeros(day.periods)
    if day.reading.pool_floor == "printed":
        return np.full(day.periods, -np.inf)
    vehicles, pair = lot.vehicles, [FIX1, FLEX1]
    left = np.cumsum((vehicles.arrival_kwh[scenario] - vehicles.brought_kwh[scenario])[:, pair].sum(axis=1))
    return np.maximum(lot.initial_kwh[0] + left, 0.0)
