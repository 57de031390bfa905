"""What the reproduction of the aggregator and its lot computes: both cases, feeders, drawn days and sweeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from equilibrium.markets.aggregator.clearing import AggregatorClearing
from equilibrium.markets.aggregator.market import AggregatorMarket

from equilibrium.arrays import FloatArray
from equilibrium.markets.aggregator.accounts import lot_profit
from equilibrium.markets.aggregator.day import AggregatorDay
from equilibrium.markets.aggregator.followers import followers
from equilibrium.markets.aggregator.reaction import Reaction, react_all
from scenarios.published.reserve_lot import FEEDERS, reserve_lot_day
from sim.reproduce.aggregator import published as data


@dataclass(frozen=True, eq=False)
class Solved:
    """One cleared day with the reactions of its followers."""

    day: AggregatorDay
    clearing: AggregatorClearing
    reactions: tuple[Reaction, ...]

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
        return prices.get("lot reserve", prices.get("reserve", np.zeros(self.day.periods)))

    @property
    def all_in_reserve(self) -> FloatArray:
        """What one kW of reserve brings the lot: its price, and that of energy if it is called."""
        delivered = self.day.call * (1.0 - self.day.lots[0].failure_rate)
        return np.asarray(self.price_reserve + delivered * self.price("lot out"))

    def expected(self, *names: str) -> FloatArray:
        """Return the expected sum of column blocks of the lot, shape ``(hours,)``."""
        lots = [r for r in self.reactions if r.follower.kind == "lot"]
        total = np.zeros(self.day.periods)
        for reaction in lots:
            for name in names:
                total += reaction.follower.weight * reaction.follower.value(reaction.x, name).ravel()
        return total

    @property
    def charge(self) -> FloatArray:
        """Power that the lot draws, kW."""
        return self.expected("charge_g2v_kw", "charge_v2g_kw")

    @property
    def discharge(self) -> FloatArray:
        """Power that it gives, kW."""
        return self.expected("discharge_kw")

    @property
    def reserve(self) -> FloatArray:
        """Reserve that it keeps ready, kW."""
        return self.expected("reserve_kw")

    @property
    def stored(self) -> FloatArray:
        """Energy in both pools, kWh."""
        return self.expected("g2v_kwh", "v2g_kwh")

    @property
    def output(self) -> FloatArray:
        """Output of the generators, kW, shape ``(generators, hours)``."""
        units = [r for r in self.reactions if r.follower.kind == "generator"]
        return np.array([r.follower.value(r.x, "output_kw").ravel() for r in units])

    @property
    def interrupted(self) -> FloatArray:
        """Load that is interrupted, kW."""
        retailer = self.reactions[-1]
        return np.asarray(self.day.retailer.load_kw - retailer.follower.value(retailer.x, "served_kw").ravel())

    @property
    def profit(self) -> float:
        """Expected profit of the aggregator, cents."""
        return float(self.clearing.profit)

    @property
    def lot_profit(self) -> float:
        """Expected profit of the lot, cents."""
        lots = [r for r in self.reactions if r.follower.kind == "lot"]
        return sum(r.follower.weight * lot_profit(self.day, self.day.lots[0], r) for r in lots)

    @property
    def generator_profit(self) -> float:
        """Profit of the generators, cents."""
        return sum(r.profit for r in self.reactions if r.follower.kind == "generator")

    @property
    def retail_profit(self) -> float:
        """Profit of the load retailer, cents."""
        retailer = self.day.retailer
        return self.reactions[-1].profit - retailer.incentive * float(retailer.load_kw @ self.day.length_h)


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
    """

    expected: dict[tuple[str, float], Solved]
    sweep: dict[tuple[str, float], Solved]
    feeders: dict[tuple[str, str], Solved]
    drawn: dict[str, Solved]

    def case(self, name: str) -> Solved:
        """Return the expected day of a case at the paper's cap."""
        return self.expected[name, data.CAP]


def compute(solver: str = "auto") -> Results:
    """Clear every case of the report."""
    market = AggregatorMarket(solver=solver)

    def solved(case: str, **options: Any) -> Solved:  # noqa: ANN401
        day = reserve_lot_day(case, **options)
        clearing = market.clear(day)
        return Solved(day, clearing, react_all(followers(day), clearing.prices, solver))

    sweep = {
        (case, value): solved(case, tariffs={"g2v2": value, "g2v3": data.SWEEP_G2V3})
        for case in data.CASES
        for value in data.SWEEP_G2V2
    }
    return Results(
        expected={
            (case, cap): solved(case, cap=cap)
            for case, cap in (("I", data.CAP), ("II", data.CAP), ("II", data.HIGH_CAP))
        },
        sweep=sweep,
        feeders={(feeder, case): solved(case, feeder=feeder) for feeder in FEEDERS for case in data.CASES},
        drawn={case: solved(case, scenarios=data.DRAWN) for case in data.CASES},
    )
