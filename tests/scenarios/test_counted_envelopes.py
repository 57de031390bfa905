"""Envelopes of lots that are made from counts of vehicles: every number hour by hour, on hours and on quarters."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from scenarios.markets.charging.envelopes import Counts, counted_lots
from scenarios.time_axis import day_axis


@pytest.mark.parametrize("step", [60, 15])
def test_every_number_of_an_envelope(step: int) -> None:
    """Arrivals stand in the first part of their hour, departures in the last."""
    arrivals, departures = np.zeros(24), np.zeros(24)
    arrivals[[7, 8, 12]], departures[[11, 17]] = (4.0, 3.0, 2.0), (5.0, 2.0)
    plugged = np.cumsum(arrivals - departures)
    counts = (Counts(plugged, arrivals, departures),)
    drivers: Any = SimpleNamespace(
        battery_kwh=50.0, energy_min_kwh=6.0, arrival_energy_kwh=20.0, departure_energy_kwh=45.0
    )
    lots: Any = (SimpleNamespace(charging_price_per_kwh=0.4, charger_kw=11.0),)
    (day,) = counted_lots(counts, drivers, lots, day_axis(None, None, step))
    parts, here = 60 // step, 0.0
    for t in range(24 * parts):
        hour, part = divmod(t, parts)
        came = arrivals[hour] if part == 0 else 0.0
        gone = departures[hour] if part == parts - 1 else 0.0
        here += came - gone
        assert day.energy_in_kwh[t] == 20.0 * came
        assert day.energy_out_kwh[t] == 45.0 * gone
        assert (day.soe_min_kwh[t], day.soe_max_kwh[t]) == (6.0 * here, 50.0 * here)
        assert day.power_max_kw[t] == 11.0 * plugged[hour]
        assert day.charging_price[t] == 0.4
    assert day.energy_end_kwh == 45.0 * 2.0
