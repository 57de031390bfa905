"""One day of the market of two settlements as a scenario states it, before any agent has looked at it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.fleet.day import VehicleBatch
from equilibrium.markets.two_settlement.real_time import Event
from scenarios.time_axis import TimeAxis


@dataclass(frozen=True, eq=False)
class TwoSettlementInputs:
    """What one day brings; ``T`` are the periods of the day-ahead market, ``Q`` those of real time.

    Attributes
    ----------
    index
        Day of the run, 0 first.
    date
        Calendar date of the price series' day, or ``None`` for a typical day.
    axis, quarters
        The periods of both markets.
    hour
        Period of the day-ahead market that each period of real time belongs to, shape ``(Q,)``.
    start_h
        Hours from the start of the run to its midnight.
    price, real_time_price
        Prices of energy of both markets, currency/kWh, shape ``(T,)`` and ``(Q,)``. They are known when they have come.
    usual_kw, usual_kvar
        Load that is usual, shape ``(T, buses)``.
    load_kw, load_kvar
        Load that comes, shape ``(Q, buses)``.
    expected_kw, available_kw
        What renewable units are expected to be able to give, shape ``(T, renewables)``, and what they can give, ``(Q,
        renewables)``.
    called_share
        Share of sold spinning reserve that the wholesale market calls, shape ``(Q,)``.
    events
        Outages that happen.
    demand_factor
        Share of its usual demand that each aggregator of demand will have, shape ``(aggregators,)``.
    vehicles
        Who comes to each lot.
    """

    index: int
    date: dt.date | None
    axis: TimeAxis
    quarters: TimeAxis
    hour: IntArray
    start_h: float
    price: FloatArray
    real_time_price: FloatArray
    usual_kw: FloatArray
    usual_kvar: FloatArray
    load_kw: FloatArray
    load_kvar: FloatArray
    expected_kw: FloatArray
    available_kw: FloatArray
    called_share: FloatArray
    events: tuple[Event, ...]
    demand_factor: FloatArray
    vehicles: tuple[VehicleBatch, ...]
