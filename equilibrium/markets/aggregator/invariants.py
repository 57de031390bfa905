"""What holds at every cleared day of the aggregator market, recomputed from what was published."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.certificate import RESIDUAL_TOLERANCE
from equilibrium.grid.feeder import Feeder
from equilibrium.grid.network import Network
from equilibrium.invariants import (
    ARITHMETIC_TOLERANCE,
    PUBLISHED_TOLERANCE,
    Finding,
    Invariant,
    check,
    most,
    outside,
)
from equilibrium.markets.aggregator.clearing import AggregatorClearing
from equilibrium.markets.aggregator.day import FIX1, FIX2, FLEX1, FLEX2, AggregatorDay
from equilibrium.markets.aggregator.followers import followers, price_names
from equilibrium.markets.aggregator.pools import Pool, by_period, departing_kwh, fixed_kwh, lot_pools
from equilibrium.programs.program import INF
from equilibrium.programs.solvers import solve_linear
from equilibrium.programs.solvers.choose import require_optimal

Day = AggregatorDay
Result = AggregatorClearing


def network_of(day: AggregatorDay) -> Network:
    """Return the day's feeder as a network; one bus where it has none."""
    if day.grid is not None:
        return Network(day.grid.feeder)
    one, none = np.zeros(1), np.full(1, -1)
    return Network(Feeder("one bus", 1.0, ("0",), none, one, one, np.full(1, INF), one, one, one, np.full(1, 2.0)))


def check_clearing(day: AggregatorDay, cleared: AggregatorClearing) -> tuple[Finding, ...]:
    """Check every statement at one cleared day."""
    return check(INVARIANTS, network_of(day), day, cleared)


def _money(_: Network, day: Day, cleared: Result) -> float:
    """Sum all profits: what passes between the players must cancel."""
    accounts, length, weight = cleared.accounts, day.length_h, day.probability
    lots = sum(float(weight @ (each.market + each.drivers)) for each in accounts.lot_accounts)
    everybody = accounts.aggregator + lots + accounts.generators.sum() + accounts.retailer
    drivers = sum(float(weight @ each.drivers) for each in accounts.lot_accounts)
    cost = np.array([unit.cost for unit in day.generators])
    interrupted = day.retailer.load_kw - cleared.served_kw
    # A called kW that a lot fails to deliver costs it its pay, which stays with the aggregator: no flow to outside.
    hourly = (
        -day.energy_price * cleared.purchase_kw
        + day.reserve_income * cleared.reserve_kw
        - cleared.generators_kw @ cost
        + day.retailer.price * cleared.served_kw
        - day.retailer.incentive * interrupted
    )
    outside_flows = float(hourly @ length) + drivers - accounts.losses
    return float(abs(everybody - outside_flows) / (1.0 + abs(everybody)))


def _energy(_: Network, day: Day, cleared: Result) -> float:
    """Compare (10), and with a grid what passes the substation."""
    weight = day.probability
    drawn = sum((weight @ (each.charge_kw - each.discharge_kw) for each in cleared.lots), np.zeros(day.periods))
    bought = cleared.served_kw + drawn - cleared.generators_kw.sum(axis=1)
    size = 1.0 + np.abs(bought).max()
    missed = most(np.abs(bought - cleared.purchase_kw) / size)
    if cleared.grid is None or day.grid is None:
        return missed
    passed = day.grid.transformer_efficiency * cleared.grid.substation_kw
    return most(missed, np.abs(passed - bought - cleared.grid.loss_kw.sum(axis=1)) / size)


def _stock(pool: Pool, stock: FloatArray, flex: FloatArray, stored: FloatArray) -> float:
    """Return by how much a pool misses its balance and its limits."""
    before = np.concatenate([[0.0], stock[:-1]])
    missed = np.abs(stock - before - pool.inflow_kwh + flex - stored)
    size = 1.0 + float(pool.most_kwh.max())
    contract = outside(flex, pool.flex_least_kwh, pool.flex_most_kwh)
    return most(missed / size, outside(stock, pool.least_kwh, pool.most_kwh) / size, contract / size)


def _pools(_: Network, day: Day, cleared: Result) -> float:
    """Follow the energy of every pool: (21) to (29)."""
    worst, length = 0.0, day.length_h
    for lot, did in zip(day.lots, cleared.lots, strict=True):
        for scenario in range(day.scenarios):
            pools = lot_pools(day, lot, scenario)
            eta_in, eta_out = lot.charge_efficiency, lot.discharge_efficiency
            charged = eta_in * did.charge_g2v_kw[scenario] * length
            worst = most(worst, _stock(pools.g2v, did.g2v_kwh[scenario], did.flex1_kwh[scenario], charged))
            charged = (eta_in * did.charge_v2g_kw[scenario] - did.discharge_kw[scenario] / eta_out) * length
            worst = most(worst, _stock(pools.v2g, did.v2g_kwh[scenario], did.flex2_kwh[scenario], charged))
    return worst


def _powers(_: Network, day: Day, cleared: Result) -> float:
    """Check (30) to (35): chargers, and what stands behind discharge and reserve."""
    worst = 0.0
    for lot, did in zip(day.lots, cleared.lots, strict=True):
        for scenario in range(day.scenarios):
            pools = lot_pools(day, lot, scenario)
            out, reserve = did.discharge_kw[scenario], did.reserve_kw[scenario]
            behind = reserve + out if day.reading.output_stock == "printed" else reserve
            stock = (did.v2g_kwh[scenario] - pools.v2g.least_kwh) * lot.discharge_efficiency / day.length_h
            size = 1.0 + float(pools.v2g.power_kw.max() + pools.g2v.power_kw.max())
            worst = most(
                worst,
                outside(did.charge_g2v_kw[scenario], 0.0, pools.g2v.power_kw) / size,
                outside(did.charge_v2g_kw[scenario], 0.0, pools.v2g.power_kw) / size,
                outside(out + reserve, 0.0, pools.v2g.power_kw) / size,
                outside(behind, 0.0, np.maximum(stock, 0.0)) / size,
                outside(np.minimum(out, reserve), 0.0, INF) / size,
            )
    return worst


def _followers(_: Network, day: Day, cleared: Result) -> float:
    """Solve every follower again at the published prices, and compare what it earns by its account."""
    worst = 0.0
    accounts = cleared.accounts
    lots = {lot.name: number for number, lot in enumerate(day.lots)}
    generators = {unit.name: number for number, unit in enumerate(day.generators)}
    for follower in followers(day):
        instance = follower.at(cleared.prices)
        could = -float(instance.cost @ require_optimal(solve_linear(instance), "a follower").x)
        if follower.kind == "generator":
            earned = float(accounts.generators[generators[follower.name]])
        elif follower.kind == "retailer":
            # Its program leaves out what interrupting everything would cost.
            earned = accounts.retailer + day.retailer.incentive * float(day.retailer.load_kw @ day.length_h)
        else:
            detail = accounts.lot_accounts[lots[follower.name]]
            earned = float((detail.market + detail.drivers)[follower.scenario])
            earned -= _constant(day, lots[follower.name], follower.scenario)
        worst = most(worst, abs(could - earned) / (1.0 + abs(could)))
    return worst


def _constant(day: Day, number: int, scenario: int) -> float:
    """Return the part of (25) that a lot does not decide, and that its program leaves out, currency."""
    lot = day.lots[number]
    tariffs, contracts, brought = lot.tariffs, lot.contracts, lot.vehicles.brought_kwh[scenario]
    price1, price2, price3, v2g, extra, parking, wear = (
        by_period(getattr(tariffs, name), day.periods)
        for name in ("g2v1", "g2v2", "g2v3", "v2g", "extra", "parking", "degradation")
    )
    share, open_share = contracts.share, 1.0 - contracts.departure_soc
    second = share[FLEX2] if day.reading.extra_flex2 == "flex2" else share[FIX2]
    ready = departing_kwh(lot, scenario, open_share[FIX2] * share[FIX2] + open_share[FLEX2] * second)
    # What departs between what it brought and the most it may have is worth b up to there, and a beyond.
    most_kwh = departing_kwh(lot, scenario, lot.soc_max * share[FLEX2])
    bend = np.minimum(brought[:, FLEX2], most_kwh)
    fixed = (
        (fixed_kwh(lot, scenario, FIX1) - brought[:, FIX1]) * price1
        - brought[:, FLEX1] * price2
        + (fixed_kwh(lot, scenario, FIX2) - brought[:, FIX2]) * (price3 + wear)
        - v2g * bend
        + np.minimum((price3 + wear) * (bend - brought[:, FLEX2]), v2g * (bend - brought[:, FLEX2]))
        - ready * extra
    )
    return float(fixed.sum() + (lot.vehicles.parked[scenario].sum(axis=1) * parking) @ day.length_h)


def _duality(_: Network, __: Day, cleared: Result) -> float:
    return abs(cleared.linearised - cleared.profit) / (1.0 + abs(cleared.profit))


def _bound(_: Network, __: Day, cleared: Result) -> float:
    return max(0.0, cleared.profit - cleared.bound) / (1.0 + abs(cleared.profit))


def _caps(_: Network, day: Day, cleared: Result) -> float:
    caps = price_names(day)
    return most(*(outside(cleared.prices[name], 0.0, cap) / (1.0 + cap) for name, cap in caps.items()))


def _breakpoints(_: Network, day: Day, cleared: Result) -> float:
    """Return how far the generators' price is from a marginal cost where they run."""
    if day.uniform or not day.generators or day.reading.generator_price == "unit":
        return 0.0
    cost = np.array([unit.cost for unit in day.generators])
    distance = np.abs(cleared.prices["generators"][:, None] - cost).min(axis=1)
    return most(distance[cleared.identified["generators"]])


def _interruption(_: Network, day: Day, cleared: Result) -> float:
    """Return what is interrupted although no price may exceed what the load is worth."""
    if day.energy_cap >= day.retailer.worth.min():
        return 0.0
    return most((day.retailer.load_kw - cleared.served_kw) / (1.0 + day.retailer.load_kw))


_CARD = "docs/aggregator.md"


def _of(
    name: str, statement: str, tolerance: float, violation: Callable[[Network, Day, Result], float]
) -> Invariant[Day, Result]:
    return Invariant(name, statement, _CARD, tolerance, violation)


INVARIANTS: tuple[Invariant[AggregatorDay, AggregatorClearing], ...] = (
    _of("money", "The sum of all profits is what passes to and from outside", ARITHMETIC_TOLERANCE, _money),
    _of("energy", "(10), and the substation passes purchases and losses", PUBLISHED_TOLERANCE, _energy),
    _of("pools", "Energy of the pools follows (21) to (29)", PUBLISHED_TOLERANCE, _pools),
    _of("powers", "Chargers, discharge and reserve keep (30) to (35)", PUBLISHED_TOLERANCE, _powers),
    _of("reaction", "No follower could earn more at the prices", RESIDUAL_TOLERANCE, _followers),
    _of("duality", "Payments by strong duality are prices times quantities", RESIDUAL_TOLERANCE, _duality),
    _of("bound", "The profit is not above its proven bound", ARITHMETIC_TOLERANCE, _bound),
    _of("caps", "Prices are between zero and their caps", ARITHMETIC_TOLERANCE, _caps),
    _of("breakpoints", "Generators run at the marginal cost of one of them", PUBLISHED_TOLERANCE, _breakpoints),
    _of("interruption", "Nothing is interrupted below a load's worth", PUBLISHED_TOLERANCE, _interruption),
)
"""All of them."""
