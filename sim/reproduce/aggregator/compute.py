"""What the reproduction of the aggregator and its lot computes: both cases, feeders, drawn days and sweeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.markets.aggregator.accounts import LotQuantities
from equilibrium.markets.aggregator.answer import Answer, answer
from equilibrium.markets.aggregator.clearing import AggregatorClearing
from equilibrium.markets.aggregator.day import FIX1, FIX2, FLEX1, FLEX2, AggregatorDay, Lot
from equilibrium.markets.aggregator.invariants import check_clearing
from equilibrium.markets.aggregator.market import AggregatorMarket
from equilibrium.markets.aggregator.pools import lot_pools
from equilibrium.reserve import most_reserve_kw
from scenarios.published.reserve_lot import FEEDERS, reserve_lot_day
from sim.reproduce.aggregator import published as data


@dataclass(frozen=True, eq=False)
class Solved:
    """One cleared day with one lot."""

    day: AggregatorDay
    clearing: AggregatorClearing

    def price(self, name: str) -> FloatArray:
        """Return a posted price, cents/kWh, shape ``(hours,)``; under a uniform price that of all energy."""
        prices = self.clearing.prices
        return prices[name] if name in prices else prices["energy"]

    @property
    def price_in(self) -> FloatArray:
        """Price that the lot pays."""
        return self.price("lot in")

    @property
    def price_reserve(self) -> FloatArray:
        """Price of its reserve."""
        prices = self.clearing.prices
        return prices["reserve" if self.day.uniform else "lot reserve"]

    @property
    def all_in_reserve(self) -> FloatArray:
        """What one kW of reserve brings the lot: its price, and that of energy if it is called."""
        return np.asarray(self.clearing.all_in_reserve.squeeze(axis=1))

    @property
    def _lot(self) -> Lot:
        (lot,) = self.day.lots
        return lot

    @property
    def _did(self) -> LotQuantities:
        (did,) = self.clearing.lots
        return did

    def _expected(self, power: FloatArray) -> FloatArray:
        return np.asarray(self.day.probability @ power)

    @property
    def charge(self) -> FloatArray:
        """Power that the lot draws, kW."""
        return self._expected(self._did.charge_kw)

    @property
    def discharge(self) -> FloatArray:
        """Power that it gives, kW."""
        return self._expected(self._did.discharge_kw)

    @property
    def reserve(self) -> FloatArray:
        """Reserve that it keeps ready, kW."""
        return self._expected(self._did.reserve_kw)

    @property
    def stored(self) -> FloatArray:
        """Energy in both pools, kWh."""
        return self._expected(self._did.g2v_kwh + self._did.v2g_kwh)

    @property
    def pools(self) -> FloatArray:
        """Energy of the G2V and of the V2G pool, kWh, shape ``(2, hours)``."""
        did = self._did
        return np.array([self._expected(did.g2v_kwh), self._expected(did.v2g_kwh)])

    @property
    def capacity(self) -> FloatArray:
        """Batteries that are parked, of vehicles that only charge and of the others, kWh, shape ``(2, hours)``."""
        lot = self._lot
        share = lot.contracts.share
        kinds = np.array([share[FIX1] + share[FLEX1], share[FIX2] + share[FLEX2]])
        parked = np.tensordot(self.day.probability, lot.vehicles.parked @ kinds.T, axes=1)
        return np.asarray(lot.battery_kwh * parked.T)

    @property
    def flexible(self) -> FloatArray:
        """What ``flex1`` and ``flex2`` vehicles leave with, kWh, shape ``(2, hours)``."""
        did = self._did
        return np.array([self._expected(did.flex1_kwh), self._expected(did.flex2_kwh)])

    @property
    def flexible_least(self) -> FloatArray:
        """The least that they may leave with, kWh, shape ``(2, hours)``."""
        pools = [lot_pools(self.day, self._lot, scenario) for scenario in range(self.day.scenarios)]
        each = np.array([[pool.g2v.flex_least_kwh, pool.v2g.flex_least_kwh] for pool in pools])
        return np.asarray(np.tensordot(self.day.probability, each, axes=1))

    @property
    def reserve_room(self) -> FloatArray:
        """The most reserve that stock and chargers allow beside what is given, kW, shape ``(hours,)``."""
        day, lot, did = self.day, self._lot, self._did
        rooms = []
        for scenario in range(day.scenarios):
            pool, given = lot_pools(day, lot, scenario).v2g, did.discharge_kw[scenario]
            stock = did.v2g_kwh[scenario] - pool.least_kwh
            covers = day.reading.output_stock == "printed"
            rooms.append(
                most_reserve_kw(
                    pool.power_kw, stock, lot.discharge_efficiency, day.length_h, given, stock_covers_given=covers
                )
            )
        return self._expected(np.array(rooms))

    @property
    def output(self) -> FloatArray:
        """Output of the generators, kW, shape ``(generators, hours)``."""
        return np.asarray(self.clearing.generators_kw.T)

    @property
    def interrupted(self) -> FloatArray:
        """Load that is interrupted, kW."""
        return np.asarray(self.day.retailer.load_kw - self.clearing.served_kw)

    @property
    def lowest_voltage(self) -> float:
        """Lowest voltage of all buses and hours, per unit; infinite without a network."""
        grid = self.clearing.grid
        return np.inf if grid is None else float(grid.voltage_pu.min())

    @property
    def profit(self) -> float:
        """Expected profit of the aggregator, cents."""
        return self.clearing.profit

    @property
    def lot_profit(self) -> float:
        """Expected profit of the lot, cents."""
        return self.clearing.accounts.lots.item()

    @property
    def generator_profit(self) -> float:
        """Profit of the generators, cents."""
        return float(self.clearing.accounts.generators.sum())

    @property
    def retail_profit(self) -> float:
        """Profit of the load retailer, cents."""
        return self.clearing.accounts.retailer


@dataclass(frozen=True, eq=False)
class Results:
    """Everything that the report is made from.

    Attributes
    ----------
    expected
        The expected day without a network, by case and cap.
    sweep
        The same by case and value of G2V2.
    feeders
        The expected day on a feeder, by feeder and case.
    drawn
        Drawn days without a network, by case.
    tight
        Case I with a voltage limit that binds, by feeder.
    at_cap
        The expected day of case II with the energy price at the cap all day, and the reserve price as cleared.
    broken
        What must hold at every cleared day and does not, by the name of the day.
    """

    expected: dict[tuple[str, float], Solved]
    sweep: dict[tuple[str, float], Solved]
    feeders: dict[tuple[str, str], Solved]
    drawn: dict[str, Solved]
    tight: dict[str, Solved]
    at_cap: Answer
    broken: dict[str, tuple[str, ...]]

    def case(self, name: str) -> Solved:
        """Return the expected day of a case at the paper's cap."""
        return self.expected[name, data.CAP]


def compute(solver: str = "auto") -> Results:
    """Clear every case of the report; ``solver`` as in :class:`AggregatorMarket`."""
    market = AggregatorMarket(node_limit=data.NODE_LIMIT, solver=solver)

    def solved_day(day: AggregatorDay) -> Solved:
        return Solved(day, market.clear(day))

    def solved(case: str, **options: Any) -> Solved:  # noqa: ANN401
        return solved_day(reserve_lot_day(case, **options))

    sweep = {
        (case, value): solved(case, tariffs={"g2v2": value, "g2v3": data.SWEEP_G2V3})
        for case in data.CASES
        for value in data.SWEEP_G2V2
    }
    expected = {
        (case, cap): solved(case, cap=cap) for case, cap in (("I", data.CAP), ("II", data.CAP), ("II", data.HIGH_CAP))
    }
    feeders = {(feeder, case): solved(case, feeder=feeder) for feeder in FEEDERS for case in data.CASES}
    drawn = {case: solved(case, scenarios=data.DRAWN) for case in data.CASES}
    tight = {name: solved_day(_with_voltage(name, limit)) for name, limit in data.TIGHT_VOLTAGE.items()}
    two = expected["II", data.CAP]
    flat = {"energy": np.full(two.day.periods, data.CAP), "reserve": two.price_reserve}
    found = named(expected, sweep, feeders, drawn, tight)
    return Results(
        expected=expected,
        sweep=sweep,
        feeders=feeders,
        drawn=drawn,
        tight=tight,
        at_cap=answer(two.day, flat),
        broken={
            name: tuple(each.name for each in check_clearing(solved.day, solved.clearing) if not each.holds)
            for name, solved in found.items()
        },
    )


def _with_voltage(feeder: str, limit_pu: float) -> AggregatorDay:
    """Return case I on a feeder whose buses but the root must not fall below a voltage."""
    day = reserve_lot_day("I", feeder=feeder)
    assert day.grid is not None
    given = day.grid.feeder
    least = np.where(given.parent < 0, given.voltage_min_pu, limit_pu)
    return replace(day, grid=replace(day.grid, feeder=replace(given, voltage_min_pu=least)))


def named(
    expected: Mapping[tuple[str, float], Solved],
    sweep: Mapping[tuple[str, float], Solved],
    feeders: Mapping[tuple[str, str], Solved],
    drawn: Mapping[str, Solved],
    tight: Mapping[str, Solved],
) -> dict[str, Solved]:
    """Return every cleared day by a name of its own."""
    return {
        **{f"{case}, cap {cap:g}": each for (case, cap), each in expected.items()},
        **{f"{case}, G2V2 {value:g}": each for (case, value), each in sweep.items()},
        **{f"{case}, {feeder}": each for (feeder, case), each in feeders.items()},
        **{f"{case}, drawn": each for case, each in drawn.items()},
        **{f"I, {feeder}, tight voltage": each for feeder, each in tight.items()},
    }
