"""Small aggregators and prices for the tests of two settlements."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from equilibrium.arrays import FloatArray
from equilibrium.fleet.day import VehicleBatch
from equilibrium.grid.assets import LotSite
from equilibrium.markets.two_settlement.bidding import BidPrices
from equilibrium.markets.two_settlement.demand_bids import DemandZone
from equilibrium.markets.two_settlement.lot_bids import LotZone


def prices(sold: list[float], bought: list[float] | None = None, **more: list[float]) -> BidPrices:
    """Prices with a spread of 0.02 and no pay for reserve, unless said otherwise."""
    given = np.array(sold, dtype=float)
    zero = np.zeros_like(given)
    spinning, regulating = (np.array(more[name], dtype=float) if name in more else zero for name in _RESERVES)
    return BidPrices(given, given + 0.02 if bought is None else np.array(bought, dtype=float), spinning, regulating)


_RESERVES = ("spinning", "regulating")


def zone(demand: list[float], **changes: Any) -> DemandZone:
    """Customers of whom a half may be moved."""
    values: dict[str, Any] = {
        "name": "customers",
        "bus": 1,
        "demand_kw": np.array(demand, dtype=float),
        "movable": 0.5,
        "generator_kw": np.zeros(len(demand)),
    }
    return DemandZone(**{**values, **changes})


def vehicles(rows: list[tuple[int, int, float, float]], **changes: Any) -> VehicleBatch:
    """Vehicles of 10 kWh and 4 kW by arrival, departure, energy and wish."""
    count = len(rows)
    values: dict[str, Any] = {
        "names": tuple(f"v{k}" for k in range(count)),
        "arrival": np.array([row[0] for row in rows], dtype=np.int64),
        "departure": np.array([row[1] for row in rows], dtype=np.int64),
        "energy_kwh": np.array([row[2] for row in rows], dtype=float),
        "wish_kwh": np.array([row[3] for row in rows], dtype=float),
        "energy_min_kwh": np.zeros(count),
        "energy_max_kwh": np.full(count, 10.0),
        "charge_max_kw": np.full(count, 4.0),
        "discharge_max_kw": np.full(count, 4.0),
        "count": np.ones(count),
    }
    return VehicleBatch(**{**values, **changes})


def lot(rows: list[tuple[int, int, float, float]], efficiency: float = 1.0, **changes: Any) -> LotZone:
    """A lot of such vehicles."""
    site = LotSite("lot", 2, efficiency=efficiency, discharge_efficiency=efficiency)
    return LotZone(**{"site": site, "vehicles": vehicles(rows), **changes})


def small_numbers(periods: int, low: float, high: float) -> st.SearchStrategy[FloatArray]:
    """Arrays of numbers in tenths."""
    numbers = st.integers(round(10 * low), round(10 * high))
    return st.lists(numbers, min_size=periods, max_size=periods).map(lambda drawn: np.array(drawn) / 10.0)
