"""The followers as programs: what lots, generators and the retailer do at given prices, (19) to (45).

Their variables are disjoint and share no row, so each stands alone, and a lot alone in each scenario. A follower
minimises ``(c + C prices)'x``; what it pays the leader for ``x`` is ``prices'C'x``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.markets.aggregator.day import AggregatorDay, Lot
from equilibrium.markets.aggregator.pools import LotPools, Pool, by_period, lot_pools
from equilibrium.programs.program import INF, Instance, Program, ProgramBuilder

LOT_QUANTITIES = ("charge_g2v_kw", "charge_v2g_kw", "discharge_kw", "reserve_kw")
"""What a lot trades with the aggregator, as columns of its program."""

LOT_PRICES = ("price_in", "price_out", "price_reserve")
"""Prices of a lot: of energy that it takes, of energy that it gives, of reserve."""


@dataclass(frozen=True, eq=False)
class Follower:
    """One follower (a lot: in one scenario) at prices that are still open.

    Attributes
    ----------
    name
        Of the lot or generator, or ``retailer``.
    kind
        ``lot``, ``generator`` or ``retailer``.
    scenario
        Of a lot; else 0.
    weight
        Probability that its quantities count with.
    program
        Its program; the ports of :attr:`prices` are the leader's decisions.
    given
        Values of the other ports.
    prices
        Port and the name of the leader's price that fills it, each of shape ``(periods,)``.
    worth
        What a unit of each column is worth to the leader upstream, currency, shape ``(columns,)``.
    """

    name: str
    kind: str
    scenario: int
    weight: float
    program: Program
    given: Mapping[str, FloatArray]
    prices: Mapping[str, str]
    worth: FloatArray

    def at(self, prices: Mapping[str, FloatArray]) -> Instance:
        """Return the follower's program at the leader's prices, by their names."""
        return self.program.bind({**self.given, **{port: prices[name] for port, name in self.prices.items()}})

    def unpriced(self) -> Instance:
        """Return the program with all prices at zero."""
        periods = {port: np.zeros(self.program.ports[port].shape) for port in self.prices}
        return self.program.bind({**self.given, **periods})

    def value(self, x: FloatArray, name: str) -> FloatArray:
        """Return a column block of a point, in its shape."""
        return self.program.value(x, name)


def price_names(day: AggregatorDay) -> dict[str, float]:
    """Return the leader's prices and their caps, currency/kWh; each price has one value a period.

    Pay-as-bid: ``in``, ``out`` and ``reserve`` of each lot, one of the generators (or one of each), one of the
    retailer. Uniform: ``energy`` and ``reserve``.
    """
    cap = day.energy_cap
    if day.uniform:
        return {"energy": cap, "reserve": day.reserve_cap}
    names: dict[str, float] = {}
    for lot in day.lots:
        names |= {f"{lot.name} in": cap, f"{lot.name} out": cap, f"{lot.name} reserve": day.reserve_cap}
    if day.reading.generator_price == "unit":
        names |= {f"{unit.name} output": cap for unit in day.generators}
    elif day.generators:
        names["generators"] = cap
    return {**names, "retailer": cap}


def followers(day: AggregatorDay) -> tuple[Follower, ...]:
    """Return all followers of a day: lots by scenario, then generators, then the retailer."""
    found: list[Follower] = []
    for lot in day.lots:
        program = _lot_program(day, lot)
        found += [_lot(day, lot, program, scenario) for scenario in range(day.scenarios)]
    found += [_generator(day, number) for number in range(len(day.generators))]
    return (*found, _retailer(day))


def _lot(day: AggregatorDay, lot: Lot, program: Program, scenario: int) -> Follower:
    pools = lot_pools(day, lot, scenario)
    names = ("energy", "energy", "reserve") if day.uniform else [f"{lot.name} {w}" for w in ("in", "out", "reserve")]
    worth = np.zeros(program.shape[1])
    for name, value in zip(
        LOT_QUANTITIES, (-day.energy_price, -day.energy_price, day.energy_price, day.reserve_income), strict=True
    ):
        worth[program.columns[name].slice] = value * day.length_h
    return Follower(
        name=lot.name,
        kind="lot",
        scenario=scenario,
        weight=float(day.probability[scenario]),
        program=program,
        given={**_pool_ports(pools.g2v, "g2v"), **_pool_ports(pools.v2g, "v2g"), **_flexible_ports(pools)},
        prices=dict(zip(LOT_PRICES, names, strict=True)),
        worth=worth,
    )


def _pool_ports(pool: Pool, name: str) -> dict[str, FloatArray]:
    return {
        f"{name}_inflow_kwh": pool.inflow_kwh,
        f"{name}_least_kwh": pool.least_kwh,
        f"{name}_most_kwh": pool.most_kwh,
        f"{name}_power_kw": pool.power_kw,
    }


def _flexible_ports(pools: LotPools) -> dict[str, FloatArray]:
    """Return what flexible vehicles may leave with, split for ``flex2`` where its payment bends.

    (36) to (39) pay ``b`` per kWh up to what the vehicles brought and ``a <= b`` beyond, so the first part is used
    first, and no auxiliary variable is needed.
    """
    g2v, v2g = pools.g2v, pools.v2g
    bend = np.minimum(v2g.flex_brought_kwh, v2g.flex_most_kwh)
    return {
        "flex1_least_kwh": g2v.flex_least_kwh,
        "flex1_most_kwh": g2v.flex_most_kwh,
        "returned_least_kwh": np.minimum(v2g.flex_least_kwh, bend),
        "returned_most_kwh": bend,
        "bought_least_kwh": np.maximum(v2g.flex_least_kwh - bend, 0.0),
        "bought_most_kwh": v2g.flex_most_kwh - bend,
        # Without vehicles there is nothing to decide: the column is fixed and leaves the optimality conditions.
        "output_limit_kw": np.where(v2g.power_kw > 0.0, INF, 0.0),
    }


_POOL_NUMBERS = ("inflow_kwh", "least_kwh", "most_kwh", "power_kw")
_FLEXIBLE = ("flex1", "returned", "bought")


def _lot_program(day: AggregatorDay, lot: Lot) -> Program:
    """Compile a lot in one scenario, (20) to (39), with departure energies put in and duals in currency/kWh."""
    build, periods, length, tariffs = ProgramBuilder(), day.periods, day.length_h, lot.tariffs
    names = [f"{pool}_{number}" for pool in ("g2v", "v2g") for number in _POOL_NUMBERS]
    names += [f"{flexible}_{side}_kwh" for flexible in _FLEXIBLE for side in ("least", "most")]
    port = {name: build.port(name, (periods,)) for name in (*names, "output_limit_kw", *LOT_PRICES)}
    wear, v2g = by_period(tariffs.degradation, periods), by_period(tariffs.v2g, periods)
    balances = {
        pool: _add_pool(build, port, pool, length, lot.charge_efficiency, cost)
        for pool, cost in (("g2v", np.zeros(periods)), ("v2g", wear))
    }
    # (25): what a flexible vehicle does not take away again is bought from its driver, what it gains is sold.
    for name, price, pool in (
        ("flex1", by_period(tariffs.g2v2, periods), "g2v"),
        ("returned", v2g, "v2g"),
        ("bought", by_period(tariffs.g2v3, periods) + wear, "v2g"),
    ):
        column = build.columns(f"{name}_kwh", (periods,), upper=0.0, cost=-price)
        build.lower_ports(column, port[f"{name}_least_kwh"], 1.0)
        build.upper_ports(column, port[f"{name}_most_kwh"], 1.0)
        build.coefficients(balances[pool], column, 1.0)
    out = build.columns("discharge_kw", (periods,), upper=0.0, cost=wear * length)
    terms = day.reserve_of(lot)
    reserve = build.columns("reserve_kw", (periods,), upper=0.0, cost=terms.called_cost(wear + v2g) * length)
    build.cost_ports(out, port["price_out"], -length)
    build.cost_ports(reserve, port["price_out"], -length * terms.delivered)
    build.cost_ports(reserve, port["price_reserve"], -length)
    build.coefficients(balances["v2g"], out, length / lot.discharge_efficiency)
    power = build.rows("output_power", (periods,), upper=0.0)  # (32)
    covered = build.rows("output_stock", (periods,), upper=0.0)  # (33)
    build.row_ports(power, port["v2g_power_kw"], -length)
    build.row_ports(covered, port["v2g_least_kwh"], 1.0)
    build.coefficients(covered, build.column_index("v2g_kwh"), -1.0)
    for column in (out, reserve):
        build.upper_ports(column, port["output_limit_kw"], 1.0)
        build.coefficients(power, column, length)
        if column is reserve or day.reading.output_stock == "printed":
            build.coefficients(covered, column, length / lot.discharge_efficiency)
    return build.compile()


def _add_pool(
    build: ProgramBuilder,
    port: Mapping[str, IntArray],
    name: str,
    length: FloatArray,
    efficiency: float,
    wear: FloatArray,
) -> IntArray:
    """State charging and the energy of a pool and their limits; return the rows of its balance, (21) or (22)."""
    charge = build.columns(f"charge_{name}_kw", length.shape, upper=0.0, cost=wear * length)
    build.upper_ports(charge, port[f"{name}_power_kw"], 1.0)
    build.cost_ports(charge, port["price_in"], length)
    stock = build.columns(f"{name}_kwh", length.shape, upper=0.0)
    build.lower_ports(stock, port[f"{name}_least_kwh"], 1.0)
    build.upper_ports(stock, port[f"{name}_most_kwh"], 1.0)
    balance = build.rows(f"{name}_balance", length.shape, lower=0.0, upper=0.0)
    build.coefficients(balance, stock, 1.0)
    build.coefficients(balance[1:], stock[:-1], -1.0)
    build.coefficients(balance, charge, -efficiency * length)
    build.row_ports(balance, port[f"{name}_inflow_kwh"], -1.0)
    return balance


def _generator(day: AggregatorDay, number: int) -> Follower:
    """Return a generator, (40), (41)."""
    unit, periods, build = day.generators[number], day.periods, ProgramBuilder()
    power = build.columns("output_kw", (periods,), upper=unit.capacity_kw, cost=unit.cost * day.length_h)
    build.cost_ports(power, build.port("price", (periods,)), -day.length_h)
    name = "energy" if day.uniform else "generators"
    if day.reading.generator_price == "unit":
        name = f"{unit.name} output"
    worth = day.energy_price * day.length_h
    return Follower(unit.name, "generator", 0, 1.0, build.compile(), {}, {"price": name}, worth)


def _retailer(day: AggregatorDay) -> Follower:
    """Return the retailer, (42) to (44), without the constant that interruption of everything costs."""
    retailer, periods, build = day.retailer, day.periods, ProgramBuilder()
    served = build.columns(
        "served_kw",
        (periods,),
        lower=retailer.least_kw,
        upper=retailer.load_kw,
        cost=-retailer.worth * day.length_h,
    )
    build.cost_ports(served, build.port("price", (periods,)), day.length_h)
    name = "energy" if day.uniform else "retailer"
    worth = -day.energy_price * day.length_h
    return Follower("retailer", "retailer", 0, 1.0, build.compile(), {}, {"price": name}, worth)


def expected(scenarios: Sequence[Follower], probability: FloatArray) -> Follower:
    """Return a lot in the mean of its scenarios: every number of its program is weighted by probability."""
    first = scenarios[0]
    given = {
        port: np.sum([weight * each.given[port] for each, weight in zip(scenarios, probability, strict=True)], axis=0)
        for port in first.given
    }
    return replace(first, given=given)
