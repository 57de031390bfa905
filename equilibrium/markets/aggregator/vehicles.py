"""A lot's schedule laid out to its single vehicles: what its two pools promise, and what the vehicles can do of it.

A pool adds vehicles up: energy that one brought may leave with another, and every charger serves whoever is there.
Single vehicles (:mod:`equilibrium.fleet.vehicles`) have batteries, stays and contracts of their own. Two linear
programs tell how far the pools are from them: the schedule of the vehicles that is nearest to what the pools promised,
and the one that earns most at the same prices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.fleet.day import VehicleBatch
from equilibrium.fleet.vehicles import VehicleProgram, meet_wishes, state_vehicles
from equilibrium.grid.assets import LotSite
from equilibrium.markets.aggregator.accounts import LotQuantities, lot_prices
from equilibrium.markets.aggregator.day import FIX2, FLEX1, FLEX2, AggregatorDay, Lot
from equilibrium.markets.aggregator.pools import by_period, lot_pools
from equilibrium.programs.program import Instance, ProgramBuilder
from equilibrium.programs.solvers import solve_linear
from equilibrium.programs.solvers.choose import require_optimal

TRADED = ("charge_g2v_kw", "charge_v2g_kw", "discharge_kw", "reserve_kw")
"""What the pools promise in every period."""


@dataclass(frozen=True, eq=False)
class LotFleet:
    """Who stands at a lot on a day.

    Attributes
    ----------
    batch
        The vehicles; ``wish_kwh`` is the energy that was agreed (at least, for ``flex``).
    category
        Contract of each row, an index of :data:`.day.CATEGORIES`, shape ``(rows,)``.
    leaving
        Whether it leaves within the day, shape ``(rows,)``; else its ``departure`` is the day's end, and no contract
        counts yet.
    """

    batch: VehicleBatch
    category: IntArray
    leaving: BoolArray


@dataclass(frozen=True)
class PoolError:
    """How far a lot's pools are from its vehicles.

    Attributes
    ----------
    promised_kwh
        Charging, discharging and reserve of the pools over time.
    moved_kwh
        Least sum of what the vehicles do more or less than that, over kinds and periods.
    pool_profit
        What the pools' schedule earns the lot at the prices, without what it does not decide, currency.
    vehicle_profit
        The most that the vehicles could earn it.
    unreachable_kwh
        Agreed energy that no charging within the stays reaches.
    below_contract_kwh
        Most that a vehicle leaves with below what was agreed and can be reached: zero.
    """

    promised_kwh: float
    moved_kwh: float
    pool_profit: float
    vehicle_profit: float
    unreachable_kwh: float
    below_contract_kwh: float

    @property
    def profit_error(self) -> float:
        """What the pools promise beyond what vehicles can earn, currency."""
        return self.pool_profit - self.vehicle_profit


@dataclass(frozen=True, eq=False)
class _Laid:
    """The joint program and where its columns are."""

    instance: Instance
    vehicles: VehicleProgram
    charge: IntArray
    out: IntArray
    reserve: IntArray
    can_give: IntArray
    last: IntArray
    returned: IntArray
    bought: IntArray
    flex2: IntArray
    missed: IntArray


def lay_out(
    day: AggregatorDay, lot: Lot, fleet: LotFleet, did: LotQuantities, prices: Mapping[str, FloatArray]
) -> PoolError:
    """Compare a lot's schedule with what its vehicles can do.

    Parameters
    ----------
    day
        With one scenario, the one of the vehicles.
    lot
        One of its lots.
    fleet
        Its vehicles.
    did
        What its pools do.
    prices
        The aggregator's, by name.
    """
    site = LotSite(lot.name, lot.bus, lot.charge_efficiency, discharge_efficiency=lot.discharge_efficiency)
    always = np.ones(day.periods, dtype=bool)
    agreed, _ = meet_wishes(fleet.batch, site, always, always, day.length_h, best_effort=True)
    vehicles = state_vehicles([agreed], [site], always, always, day.length_h)
    laid = _state(day, lot, fleet, vehicles, did)
    nearest = require_optimal(solve_linear(laid.instance), f"the vehicles of lot {lot.name}")
    cost = _costs(day, lot, fleet, laid, prices)
    best = require_optimal(solve_linear(laid.instance.with_cost(cost)), f"the vehicles of lot {lot.name}")
    left = nearest.x[laid.last]
    leaving = fleet.leaving
    short = np.maximum(fleet.batch.wish_kwh - agreed.wish_kwh, 0.0) * leaving
    return PoolError(
        promised_kwh=float(sum(getattr(did, name)[0] @ day.length_h for name in TRADED)),
        moved_kwh=float(laid.instance.cost @ nearest.x),
        pool_profit=_pool_profit(day, lot, did, prices),
        vehicle_profit=-float(cost @ best.x),
        unreachable_kwh=float(short @ fleet.batch.count),
        below_contract_kwh=float(np.max((agreed.wish_kwh - left)[leaving], initial=0.0)),
    )


def _state(day: AggregatorDay, lot: Lot, fleet: LotFleet, vehicles: VehicleProgram, did: LotQuantities) -> _Laid:
    """State the vehicles with reserve, and by how much they miss what the pools promised."""
    build, base, batch = ProgramBuilder(), vehicles.instance, fleet.batch
    lower, upper = base.col_lower.copy(), base.col_upper.copy()
    last = 3 * (vehicles.start[1:] - 1) + 2
    flexible = ~fleet.leaving | (fleet.category == FLEX1) | (fleet.category == FLEX2)
    least = np.where(fleet.leaving, vehicles.wish_kwh, batch.energy_min_kwh)
    lower[last] = least
    upper[last] = np.where(flexible, batch.energy_max_kwh, vehicles.wish_kwh)
    x = build.columns("vehicles", (base.shape[1],), lower=lower, upper=upper)
    balance = build.rows("balance", (base.shape[0],), lower=base.row_lower, upper=base.row_upper)
    build.block(balance, x, base.matrix)

    give = np.flatnonzero(fleet.category[vehicles.row] >= FIX2)
    row, length = vehicles.row[give], day.length_h[vehicles.period[give]]
    reserve = build.columns("reserve", (give.size,))
    power = build.rows("output_power", (give.size,), upper=batch.discharge_max_kw[row])
    covered = build.rows("output_stock", (give.size,), upper=-batch.energy_min_kwh[row])
    out, energy = 3 * give + 1, 3 * give + 2
    build.coefficients(power, x[out], 1.0)
    build.coefficients(power, reserve, 1.0)
    build.coefficients(covered, reserve, length / lot.discharge_efficiency)
    if day.reading.output_stock == "printed":
        build.coefficients(covered, x[out], length / lot.discharge_efficiency)
    build.coefficients(covered, x[energy], -1.0)

    flex2 = np.flatnonzero(fleet.leaving & (fleet.category == FLEX2))
    returned = build.columns("returned", (flex2.size,), upper=batch.energy_kwh[flex2])
    bought = build.columns("bought", (flex2.size,))
    parts = build.rows("leaves_with", (flex2.size,), lower=0.0, upper=0.0)
    build.coefficients(parts, x[last[flex2]], 1.0)
    build.coefficients(parts, returned, -1.0)
    build.coefficients(parts, bought, -1.0)

    missed = build.columns("missed", (len(TRADED), day.periods, 2), cost=day.length_h[None, :, None])
    promised = np.array([getattr(did, name)[0] for name in TRADED])
    total = build.rows("promised", promised.shape, lower=promised, upper=promised)
    build.coefficients(total, missed[..., 0], 1.0)
    build.coefficients(total, missed[..., 1], -1.0)
    takes = np.flatnonzero(fleet.category[vehicles.row] < FIX2)
    sums = ((0, takes, x[3 * takes]), (1, give, x[3 * give]), (2, give, x[out]), (3, give, reserve))
    for kind, stays, columns in sums:
        build.coefficients(total[kind, vehicles.period[stays]], columns, vehicles.weight[stays])
    return _Laid(
        build.compile().bind({}), vehicles, x[0::3], x[out], reserve, give, x[last], returned, bought, flex2, missed
    )


def _costs(day: AggregatorDay, lot: Lot, fleet: LotFleet, laid: _Laid, prices: Mapping[str, FloatArray]) -> FloatArray:
    """Return the costs of the lot with its vehicles at the prices, (20) and (25)."""
    each, tariffs = _prices(day, lot, prices), lot.tariffs
    vehicles, weight = laid.vehicles, laid.vehicles.weight
    at = vehicles.period
    gives = fleet.category[vehicles.row] >= FIX2
    cost = np.zeros(laid.instance.shape[1])
    cost[laid.charge] = weight * np.where(gives, each["charge_v2g_kw"][at], each["charge_g2v_kw"][at])
    cost[laid.out] = weight[laid.can_give] * each["discharge_kw"][at[laid.can_give]]
    cost[laid.reserve] = weight[laid.can_give] * each["reserve_kw"][at[laid.can_give]]
    wear, v2g = by_period(tariffs.degradation, day.periods), by_period(tariffs.v2g, day.periods)
    flex1 = np.flatnonzero(fleet.leaving & (fleet.category == FLEX1))
    batch = fleet.batch
    cost[laid.last[flex1]] = -batch.count[flex1] * by_period(tariffs.g2v2, day.periods)[batch.departure[flex1]]
    count, leaves = batch.count[laid.flex2], batch.departure[laid.flex2]
    cost[laid.returned] = -count * v2g[leaves]
    cost[laid.bought] = -count * (by_period(tariffs.g2v3, day.periods) + wear)[leaves]
    return cost


def _prices(day: AggregatorDay, lot: Lot, prices: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return what a kW of each kind costs the lot in a period, wear and drivers' pay included, ``(periods,)`` each."""
    price_in, price_out, price_reserve = lot_prices(day, lot, prices)
    wear, v2g = (by_period(each, day.periods) for each in (lot.tariffs.degradation, lot.tariffs.v2g))
    terms = day.reserve_of(lot)
    reserve = terms.called_cost(wear + v2g) - terms.income(price_reserve, price_out)
    hourly = (price_in, price_in + wear, wear - price_out, reserve)
    return {name: cost * day.length_h for name, cost in zip(TRADED, hourly, strict=True)}


def _pool_profit(day: AggregatorDay, lot: Lot, did: LotQuantities, prices: Mapping[str, FloatArray]) -> float:
    """Return what the pools earn by the same formulas, with the energy at departure added up."""
    costs, tariffs, pool = _prices(day, lot, prices), lot.tariffs, lot_pools(day, lot, 0).v2g
    spent = sum(float(getattr(did, name)[0] @ costs[name]) for name in TRADED)
    wear = by_period(tariffs.degradation, day.periods)
    bend = np.minimum(pool.flex_brought_kwh, pool.flex_most_kwh)
    returned = np.minimum(did.flex2_kwh[0], bend)
    earned = did.flex1_kwh[0] @ by_period(tariffs.g2v2, day.periods)
    earned += returned @ by_period(tariffs.v2g, day.periods)
    earned += (did.flex2_kwh[0] - returned) @ (by_period(tariffs.g2v3, day.periods) + wear)
    return float(earned) - spent
