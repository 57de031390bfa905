"""The operator of two settlements: forecasts prices and loads, holds reserve for its errors, and remembers both."""

from __future__ import annotations

import numpy as np
from mesa import Model

from agents.base import MarketAgent
from agents.memory import smoothed
from agents.two_settlement.records import OperatorRecord
from agents.two_settlement.settlement import DaySettled
from equilibrium.arrays import FloatArray
from equilibrium.markets.two_settlement.settlement import OPERATOR
from scenarios.markets.two_settlement.day import TwoSettlementInputs

MOST_PERSISTENT = 0.99
"""Largest share of an error that is believed to be left after a period."""


class SystemOperator(MarketAgent[TwoSettlementInputs, DaySettled]):
    """The operator of the active distribution system.

    In the morning it knows neither prices nor loads. It expects the prices that it remembers for each hour of the clock
    and the usual load times the factor that it remembers. It holds reserve for the errors of net load that it
    remembers, and in real time it believes that an error fades as fast as it remembers.

    Parameters
    ----------
    model
        The Mesa model.
    price, deviation_kw
        What it expects on the first day by hour of the clock, shape ``(24,)`` each: prices, currency/kWh, and the size
        of the errors of net load, kW.
    persistence
        Share of an error that it believes to be left a period later.
    price_memory, load_memory, error_memory
        Share of a memory that one day leaves unchanged, 0 to 1.
    reserve_deviations
        Reserve that it holds, in sizes of the errors.

    Attributes
    ----------
    price, deviation_kw, persistence
        Remembered, as above.
    load_factor
        Remembered share of the usual load by hour of the clock, shape ``(24,)``.
    """

    def __init__(
        self,
        model: Model,
        *,
        price: FloatArray,
        deviation_kw: FloatArray,
        persistence: float,
        price_memory: float = 0.7,
        load_memory: float = 0.7,
        error_memory: float = 0.7,
        reserve_deviations: float = 1.0,
    ) -> None:
        super().__init__(model)
        self.price = np.array(price, dtype=np.float64)
        self.load_factor = np.ones_like(self.price)
        self.deviation_kw = np.array(deviation_kw, dtype=np.float64)
        self.persistence = persistence
        self.memories = price_memory, load_memory, error_memory
        self.reserve_deviations = reserve_deviations
        self._day: TwoSettlementInputs | None = None
        self._record = OperatorRecord(0.0, 0.0, 0.0, 0.0, 1.0, 0.0, persistence)

    def observe(self, day: TwoSettlementInputs) -> None:
        """See which periods the day has; its prices and loads are not known yet."""
        self._day = day

    def expected_price(self) -> FloatArray:
        """Return the day-ahead prices of energy that it expects, currency/kWh, shape ``(T,)``."""
        return self._seen().axis.of_clock(self.price)

    def expected_load(self) -> FloatArray:
        """Return the load that it expects as a share of the usual one, shape ``(T,)``."""
        return self._seen().axis.of_clock(self.load_factor)

    def reserve_need_kw(self) -> FloatArray:
        """Return the regulating reserve that it wants to hold, kW, shape ``(T,)``."""
        return self.reserve_deviations * self._seen().axis.of_clock(self.deviation_kw)

    def settle(self, settlement: DaySettled) -> None:
        """Compare what came with what was expected, and remember it."""
        day, real = self._seen(), settlement.real
        price_memory, load_memory, error_memory = self.memories
        expected = self.expected_price()
        price_error = float(np.average(np.abs(settlement.prices.buy - expected), weights=day.axis.length_h))
        self.price = smoothed(self.price, day.axis.to_clock(settlement.prices.buy), price_memory)
        usual, came = (day.usual_kw.sum(axis=1)[day.hour], day.load_kw.sum(axis=1))
        share = np.divide(came, usual, out=np.ones_like(came), where=usual > 0.0)
        believed = real.expected.load_kw.sum(axis=1)
        relative = np.divide(came - believed, believed, out=np.zeros_like(came), where=believed > 0.0)
        self.load_factor = smoothed(self.load_factor, day.quarters.to_clock(share), load_memory)
        error = came - believed - (real.seen.available_kw - real.expected.available_kw).sum(axis=1)
        squares = smoothed(self.deviation_kw**2, day.quarters.to_clock(error**2), error_memory)
        self.deviation_kw = np.sqrt(squares)
        self.persistence = error_memory * self.persistence + (1.0 - error_memory) * lasting(relative)
        self._record = OperatorRecord(
            planned_profit=settlement.plan.profit,
            profit=settlement.money.of(OPERATOR),
            price_error=price_error,
            load_error=float(np.average(np.abs(relative), weights=real.length_h)),
            load_factor=float(self.load_factor.mean()),
            deviation_kw=float(self.deviation_kw.mean()),
            persistence=self.persistence,
        )

    def _seen(self) -> TwoSettlementInputs:
        if self._day is None:
            raise RuntimeError("the operator must observe a day before it can plan or settle one")
        return self._day

    def record(self) -> OperatorRecord:
        """Return the record of the settled day."""
        return self._record


def lasting(error: FloatArray) -> float:
    """Return which share of errors is left a period later, 0 to :data:`MOST_PERSISTENT`: least squares, one lag."""
    before, after = error[:-1], error[1:]
    size = float(before @ before)
    return min(max(float(before @ after) / size, 0.0), MOST_PERSISTENT) if size > 0.0 else 0.0
