"""The distribution system operator: keeper of the network's data, and witness of its limits and prices."""

from __future__ import annotations

import numpy as np
from mesa import Model

from agents.base import MarketAgent
from agents.charging.records import OperatorRecord
from equilibrium.arrays import BoolArray, FloatArray
from equilibrium.grid.distribution import polygon
from equilibrium.grid.network import Network
from equilibrium.markets.charging.clearing import Clearing
from equilibrium.markets.charging.day import MarketDay
from scenarios.markets.charging.day import ScenarioDay

_AT_LIMIT = 1e-6
"""Relative distance within which a voltage or a flow counts as standing at its limit."""


class DistributionSystemOperator(MarketAgent[ScenarioDay, Clearing]):
    """The operator of the feeder, who runs the market.

    Parameters
    ----------
    model
        The Mesa model.
    network
        The feeder and what stands on it.

    Attributes
    ----------
    memory
        What the operator has seen since the start of the run; ``None`` before the first day.
    """

    def __init__(self, model: Model, *, network: Network) -> None:
        super().__init__(model)
        self.network = network
        self.memory: OperatorRecord | None = None
        self._day: ScenarioDay | None = None

    def observe(self, day: ScenarioDay) -> None:
        """Take in today's prices, loads, sun, wind and the units that may run."""
        self._day = day

    def offer(self) -> MarketDay:
        """Return the network's part of the market day; the lots' days are added by the market's caller.

        Raises
        ------
        RuntimeError
            When no day was observed.
        """
        if self._day is None:
            raise RuntimeError("the operator must observe a day before it can offer one")
        return MarketDay(
            wholesale_price=self._day.wholesale_price,
            load_kw=self._day.load_kw,
            load_kvar=self._day.load_kvar,
            renewable_kw=self._day.renewable_kw,
            microturbine_available=self._day.microturbine_available,
            lots=(),
            period_h=self._day.axis.length_h,
        )

    def settle(self, clearing: Clearing) -> None:
        """Remember the lowest voltages, the hours at a limit and the mean price of every bus.

        The expected price is the mean over all hours seen, which a day of ``h`` hours updates by
        ``mean <- mean + (today - mean) * h / hours``.

        Raises
        ------
        RuntimeError
            When no day was observed.
        """
        if self._day is None:
            raise RuntimeError("the operator must observe a day before it can settle one")
        length = self._day.axis.length_h
        lowest, today = clearing.voltage_pu.min(axis=0), np.average(clearing.dlmp, axis=0, weights=length)
        voltage, congestion = length @ self._at_voltage_limit(clearing), length @ self._congested(clearing)
        seen, lasted = self.memory, self._day.axis.hours
        if seen is None:
            self.memory = OperatorRecord(1, lasted, lowest, voltage, congestion, today)
            return
        hours = seen.hours + lasted
        self.memory = OperatorRecord(
            days=seen.days + 1,
            hours=hours,
            lowest_voltage_pu=np.minimum(seen.lowest_voltage_pu, lowest),
            voltage_hours=seen.voltage_hours + voltage,
            congestion_hours=seen.congestion_hours + congestion,
            expected_dlmp=seen.expected_dlmp + (today - seen.expected_dlmp) / (hours / lasted),
        )

    def record(self) -> OperatorRecord:
        """Return what was seen since the start of the run.

        Raises
        ------
        RuntimeError
            When no day was settled.
        """
        if self.memory is None:
            raise RuntimeError("the operator has not settled a day")
        return self.memory

    def _at_voltage_limit(self, clearing: Clearing) -> BoolArray:
        """Return where a voltage is at a limit (2j), shape ``(hours, buses)``; the root is held, not limited."""
        feeder = self.network.feeder
        low = clearing.voltage_pu <= feeder.voltage_min_pu * (1.0 + _AT_LIMIT)
        high = clearing.voltage_pu >= feeder.voltage_max_pu * (1.0 - _AT_LIMIT)
        at_limit: BoolArray = low | high
        at_limit[:, 0] = False
        return at_limit

    def _congested(self, clearing: Clearing) -> BoolArray:
        """Return where a flow is at an edge of the thermal polygon (2o), shape ``(hours, buses)``."""
        a, b, factor = polygon(self.network.polygon_edges)
        reach: FloatArray = np.max(
            clearing.flow_kw[..., None] * a + clearing.flow_kvar[..., None] * b, axis=-1
        )  # highest of the edges' left sides, (hours, buses)
        limit = factor * self.network.feeder.rating_kva * (1.0 - _AT_LIMIT)
        return np.asarray(reach >= limit)
