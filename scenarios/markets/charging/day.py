"""One day as a scenario states it, before any agent has looked at it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.fleet.day import LotDay
from scenarios.session import Session
from scenarios.time_axis import TimeAxis


@dataclass(frozen=True, eq=False)
class ScenarioDay:
    """What one day brings. Shapes as in :class:`equilibrium.markets.charging.day.MarketDay`.

    Attributes
    ----------
    index
        Day of the run, 0 first.
    date
        Calendar date of the price series' day, or ``None`` for a paper's typical day.
    axis
        Its periods.
    start_h
        Hours from the start of the run to its midnight.
    wholesale_price, load_kw, load_kvar, renewable_kw, microturbine_available
        As in the market day; kW, kvar and currency/kWh.
    sessions
        The day's arrivals, in order of arrival; empty when ``lots`` is given.
    lots
        Fixed lot envelopes (a paper's lot data), or ``None`` when the lots' days come from vehicles.
    residents
        Who comes home at each lot that is a group of homes, in order of arrival; empty for all others, and the whole
        empty where no lot is one.
    """

    index: int
    date: dt.date | None
    axis: TimeAxis
    start_h: float
    wholesale_price: FloatArray
    load_kw: FloatArray
    load_kvar: FloatArray
    renewable_kw: FloatArray
    microturbine_available: np.ndarray
    sessions: tuple[Session, ...] = ()
    lots: tuple[LotDay, ...] | None = None
    residents: tuple[tuple[Session, ...], ...] = ()
