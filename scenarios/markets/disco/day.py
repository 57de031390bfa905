"""One day of a distribution company as a scenario states it, before any agent has looked at it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from equilibrium.arrays import FloatArray
from scenarios.time_axis import TimeAxis


@dataclass(frozen=True, eq=False)
class CompanyDay:
    """What one day brings to the DISCO market. Shapes as in :class:`equilibrium.markets.disco.day.DiscoDay`.

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
    forecast_kw, forecast_kvar
        The load that is expected without demand response, shape ``(periods, buses)``.
    base_kw, base_kvar
        The load that there will be without demand response; the company does not know it before the day.
    upstream_price
        The expected price at the substation, currency/kWh, shape ``(periods,)``.
    """

    index: int
    date: dt.date | None
    axis: TimeAxis
    start_h: float
    forecast_kw: FloatArray
    forecast_kvar: FloatArray
    base_kw: FloatArray
    base_kvar: FloatArray
    upstream_price: FloatArray
