"""The aggregator: forecasts the day, posts prices to lots, generators and the retailer, and remembers what came."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mesa import Model

from agents.aggregator.records import AggregatorRecord
from agents.aggregator.settlement import AggregatorSettlement
from agents.base import MarketAgent
from agents.memory import smoothed
from equilibrium.arrays import FloatArray
from scenarios.markets.aggregator.day import AggregatorInputs


class Aggregator(MarketAgent[AggregatorInputs, AggregatorSettlement]):
    """The leader of the aggregator market.

    It does not know today's upstream prices, the load or who will come. It expects the prices that it remembers for
    each hour of the clock, the usual load times the factor that it remembers, and at each lot the usual arrivals times
    the share that it remembers. Each of the three is an exponentially weighted mean of what came.

    Parameters
    ----------
    model
        The Mesa model.
    energy_price, reserve_price
        What it expects on the first day, by hour of the clock, shape ``(24,)`` each, currency/kWh and currency per kW
        and hour.
    lots
        Number of lots.
    price_memory, attendance_memory, load_memory
        Share of a memory that one day leaves unchanged, 0 to 1.

    Attributes
    ----------
    energy_price, reserve_price
        Remembered prices by hour of the clock.
    attendance
        Remembered share of the usual arrivals at each lot.
    load_factor
        Remembered share of the expected load.
    """

    def __init__(
        self,
        model: Model,
        *,
        energy_price: FloatArray,
        reserve_price: FloatArray,
        lots: int,
        price_memory: float = 0.7,
        attendance_memory: float = 0.7,
        load_memory: float = 0.7,
    ) -> None:
        super().__init__(model)
        self.energy_price = np.array(energy_price, dtype=np.float64)
        self.reserve_price = np.array(reserve_price, dtype=np.float64)
        self.attendance: tuple[float, ...] = (1.0,) * lots
        self.load_factor = 1.0
        self.memories = price_memory, attendance_memory, load_memory
        self._day: AggregatorInputs | None = None
        self._usual: tuple[float, ...] = (0.0,) * lots
        self._planned = self._profit = self._price_error = 0.0

    def observe(self, day: AggregatorInputs) -> None:
        """See which periods the day has; its prices and its load are not known yet."""
        self._day = day

    def forecast(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the upstream prices of energy and reserve, and the load, kW, that it expects, ``(periods,)`` each."""
        day = self._seen()
        axis = day.axis
        return (
            axis.of_clock(self.energy_price),
            axis.of_clock(self.reserve_price),
            self.load_factor * day.forecast_kw,
        )

    def usual_arrivals(self, arrivals: Sequence[float]) -> None:
        """Take note of how many vehicles usually come to each lot on a day."""
        self._usual = tuple(arrivals)

    def settle(self, settlement: AggregatorSettlement) -> None:
        """Compare what came with what was expected, and remember it."""
        day = self._seen()
        axis, outcome = day.axis, settlement.outcome
        price_memory, attendance_memory, load_memory = self.memories
        error = np.abs(outcome.energy_price - settlement.forecast.energy_price)
        self._price_error = float(np.average(error, weights=axis.length_h))
        for name in ("energy_price", "reserve_price"):
            came = axis.to_clock(getattr(outcome, name))
            setattr(self, name, smoothed(getattr(self, name), came, price_memory))
        came_by = [float(lot.vehicles.arriving.sum()) for lot in outcome.lots]
        self.attendance = tuple(
            attendance_memory * share + (1.0 - attendance_memory) * (came / usual if usual > 0.0 else share)
            for share, came, usual in zip(self.attendance, came_by, self._usual, strict=True)
        )
        expected = float(day.forecast_kw @ axis.length_h)
        load = float(day.load_kw @ axis.length_h)
        if expected > 0.0:
            self.load_factor = load_memory * self.load_factor + (1.0 - load_memory) * load / expected
        self._planned = settlement.plan.profit
        self._profit = settlement.came.profit

    def _seen(self) -> AggregatorInputs:
        if self._day is None:
            raise RuntimeError("the aggregator must observe a day before it can forecast or settle one")
        return self._day

    def record(self) -> AggregatorRecord:
        """Return the record of the settled day."""
        return AggregatorRecord(self._planned, self._profit, self._price_error, self.attendance, self.load_factor)
