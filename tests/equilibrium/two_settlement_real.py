"""A small system and its real-time days for the tests of two settlements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.grid.assets import RenewableUnit, StorageUnit
from equilibrium.markets.two_settlement.real_time import FixedDelivery, RealDay, Weather
from equilibrium.markets.two_settlement.system import ActiveSystem, Bid, Generator, Penalties, Positions, Prices
from tests.equilibrium.test_meshed import TWO_ROOTS, grid


def system(**changes: Any) -> ActiveSystem:
    """0-1-2 and 4-3 with a tie between 2 and 3, roots 0 and 4, loads of 1, 2, 3 and 4 kW; lost load is worth 10."""
    made = grid(5, (0, 4), TWO_ROOTS)
    values: dict[str, Any] = {
        "grid": made,
        "generators": (),
        "renewables": (),
        "storages": (),
        "lost_load_value": np.full(5, 10.0),
        "outages": (),
        "outage_probability": np.zeros(0),
    }
    return ActiveSystem(**{**values, **changes})


UNITS: dict[str, Any] = {
    "generators": (Generator("g", 2, 1.0, 6.0, 8.0, 0.3, ramp_kw_per_h=4.0, before_kw=2.0),),
    "renewables": (RenewableUnit("sun", 3, 4.0, "pv"),),
    "storages": (StorageUnit("store", 1, 4.0, 2.0, 2.0, 2.0),),
}
"""One unit of every kind."""


def all_prices(buy: Sequence[float], sell: Sequence[float] | None = None, **more: float) -> Prices:
    """Prices of energy, and of the other products the same at all times."""
    given = np.array(buy, dtype=float)
    rest = {name: np.full(given.size, more.get(name, 0.0)) for name in ("reactive", "spinning", "regulating")}
    return Prices(buy=given, sell=given if sell is None else np.array(sell, dtype=float), **rest)


def weather(made: ActiveSystem, buy: Sequence[float], scale: Sequence[float] | float = 1.0, **more: Any) -> Weather:
    """The grid's own loads times a factor, and 2 kW of sun at all times."""
    periods = len(buy)
    factor = np.broadcast_to(np.array(scale, dtype=float), (periods,))[:, None]
    values: dict[str, Any] = {
        "load_kw": factor * made.grid.load_kw,
        "load_kvar": factor * made.grid.load_kvar,
        "available_kw": np.full((periods, len(made.renewables)), 2.0),
        "prices": all_prices(buy),
    }
    return Weather(**{**values, **more})


def penalties(periods: int, **values: float) -> Penalties:
    """Penalties, 0 unless said otherwise."""
    names = ("energy", "reactive", "spinning", "output")
    return Penalties(**{name: np.full(periods, values.get(name, 0.0)) for name in names})


def real_day(expected: Weather, seen: Weather | None = None, hours: int | None = None, **changes: Any) -> RealDay:
    """A day of one-hour periods, or of as many periods as fit into ``hours``; without news unless said otherwise."""
    periods = expected.load_kw.shape[0]
    day_ahead = periods if hours is None else hours
    values: dict[str, Any] = {
        "length_h": np.full(periods, day_ahead / periods),
        "hour": np.repeat(np.arange(day_ahead), periods // day_ahead),
        "expected": expected,
        "seen": expected if seen is None else seen,
        "penalties": penalties(day_ahead),
        "reserve_need_kw": np.zeros(day_ahead),
        "called_share": np.zeros(periods),
    }
    return RealDay(**{**values, **changes})


def positions(made: ActiveSystem, periods: int, bids: int = 0, **changes: Any) -> Positions:
    """Everything bought that the loads need, units at rest, storage full by half."""
    units = len(made.generators)
    values: dict[str, Any] = {
        "on": np.ones((periods, units)),
        "generator_kw": np.zeros((periods, units)),
        "storage_kw": np.zeros((periods, len(made.storages))),
        "storage_kwh": np.full((periods, len(made.storages)), 2.0),
        "trade_kw": np.full(periods, made.grid.load_kw.sum()),
        "trade_kvar": np.full(periods, made.grid.load_kvar.sum()),
        "spinning_kw": np.zeros(periods),
    }
    values |= {f"accepted{kind}_kw": np.zeros((periods, bids)) for kind in ("", "_spinning", "_regulating")}
    return Positions(**{**values, **changes})


def bid(power: Sequence[float], bus: int = 2, **changes: Any) -> Bid:
    """A bid that sells at 0.1 and buys at 0.2."""
    given = np.array(power, dtype=float)
    zero = np.zeros_like(given)
    values: dict[str, Any] = {"name": "lot", "bus": bus, "power_kw": given, "reactive_share": 0.5}
    values |= {"spinning_kw": zero, "regulating_kw": zero, "spinning_price": zero, "regulating_price": zero}
    return Bid(**{**values, "sold_price": zero + 0.1, "bought_price": zero + 0.2, **changes})


def fixed(power: Sequence[float] | FloatArray, spare: float = 0.0) -> FixedDelivery:
    """A delivery that does not change."""
    given = np.array(power, dtype=float)
    return FixedDelivery(given, np.full(given.size, spare))


def scaled(each: Weather, load: FloatArray) -> Weather:
    """The same weather with loads times a factor by period."""
    return replace(each, load_kw=each.load_kw * load[:, None], load_kvar=each.load_kvar * load[:, None])
