"""One day as a scenario states it, before any agent has looked at it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.fleet.day import LotDay
from scenarios.time_axis import TimeAxis


@dataclass(frozen=True, slots=True)
class Session:
    """One wish to charge.

    Attributes
    ----------
    name
        Identifier, unique within a run: ``<day>-<number>``.
    arrival_h, departure_h
        Hours that have passed since today's midnight; ``0 <= arrival_h`` < length of the day, and ``departure_h >=
        arrival_h``, equal only for a stay in the hour that the clock skips; beyond the day the vehicle stays past
        midnight.
    energy_kwh
        Energy that the driver wants to be added to the battery (battery side), kWh.
    battery_kwh, arrival_energy_kwh
        Battery size and the energy in it at arrival, kWh; ``arrival_energy_kwh + energy_kwh <= battery_kwh``.
    power_kw
        The vehicle's own charging limit, kW (grid side).
    patience
        How many lots the driver tries before giving up, at least 1.
    home_lot
        Index of the lot where the session was recorded, or -1 when it was not recorded at one of the lots.
    """

    name: str
    arrival_h: float
    departure_h: float
    energy_kwh: float
    battery_kwh: float
    arrival_energy_kwh: float
    power_kw: float
    patience: int
    home_lot: int = -1


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
