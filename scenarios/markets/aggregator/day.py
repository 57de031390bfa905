"""One day of the aggregator market as a scenario states it, before any agent has looked at it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from equilibrium.arrays import FloatArray
from scenarios.time_axis import TimeAxis


@dataclass(frozen=True, eq=False)
class AggregatorInputs:
    """What one day brings.

    Attributes
    ----------
    index
        Day of the run, 0 first.
    date
        Calendar date of the price series' day, or ``None`` for a typical day.
    axis
        Its periods.
    start_h
        Hours from the start of the run to its midnight.
    energy_price, reserve_price
        Upstream prices of the day, currency/kWh and currency per kW and hour, shape ``(periods,)``. They are known when
        the day has come; in the morning the aggregator has its own forecast.
    forecast_kw
        Load of the retailer that is expected, kW, shape ``(periods,)``.
    load_kw
        Load that there will be, if nothing is interrupted.
    """

    index: int
    date: dt.date | None
    axis: TimeAxis
    start_h: float
    energy_price: FloatArray
    reserve_price: FloatArray
    forecast_kw: FloatArray
    load_kw: FloatArray
