"""What the reproduction of the aggregator and its lot computes: both cases, feeders, drawn days and sweeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.markets.aggregator.clearing import AggregatorClearing
from equilibrium.markets.aggregator.day import AggregatorDay
from equilibrium.markets.aggregator.market import AggregatorMarket
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
        return np.asarray(self.clearing.all_in_reserve[:, 0])

    def _expected(self, power: FloatArray) -> FloatArray:
        return np.asarray(self.day.probability @ power)

    @property
    def charge(self) -> FloatArray:
        """Power that the lot draws, kW."""
        return self._expected(self.clearing.lots[0].charge_kw)

    @property
    def discharge(self) -> FloatArray:
        """Power that it gives, kW."""
        return self._expected(self.clearing.lots[0].discharge_kw)

    @property
    def reserve(self) -> FloatArray:
        """Reserve that it keeps ready, kW."""
        return self._expected(self.clearing.lots[0].reserve_kw)

    @property
    def stored(self) -> FloatArray:
        """Energy in both pools, kWh."""
        return self._expected(self.clearing.lots[0].g2v_kwh + self.clearing.lots[0].v2g_kwh)

    @property
    def output(self) -> FloatArray:
        """Output of the generators, kW, shape ``(generators, hours)``."""
        return np.asarray(self.clearing.generators_kw.T)

    @property
    def interrupted(self) -> FloatArray:
        """Load that is interrupted, kW."""
        return np.asarray(self.day.retailer.load_kw - self.clearing.served_kw)

    @property
    def profit(self) -> float:
        """Expected profit of the aggregator, cents."""
        return self.clearing.profit

    @property
    def lot_profit(self) -> float:
        """Expected profit of the lot, cents."""
        return float(self.clearing.accounts.lots[0])

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
    """

    expected: dict[tuple[str, float], Solved]
    sweep: dict[tuple[str, float], Solved]
    feeders: dict[tuple[str, str], Solved]
    drawn: dict[str, Solved]

    def case(self, name: str) -> Solved:
        """Return the expected day of a case at the paper's cap."""
        return self.expected[name, data.CAP]


def compute() -> Results:
    """Clear every case of the report."""
    market = AggregatorMarket(node_limit=data.NODE_LIMIT)

    def solved(case: str, **options: Any) -> Solved:  # noqa: ANN401
        day = reserve_lot_day(case, **options)
        return Solved(day, market.clear(day))

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
