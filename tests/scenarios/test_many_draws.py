"""Many draws of one day: each is another one, the same again from the same streams, with the mean that was expected."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from scenarios.markets.charging.schema import RenewableSection
from scenarios.markets.two_settlement.draws import drawn_potentials
from scenarios.streams import Streams
from scenarios.time_axis import day_axis

NOON_KW = np.minimum(np.arange(24.0), np.arange(24.0)[::-1]) * 5.0


@pytest.mark.parametrize("kind", ["pv", "wind"])
def test_draws_of_a_days_weather_differ_and_come_again(kind: str) -> None:
    unit = RenewableSection.model_validate({"name": "u", "bus": "1", "rated_kw": 100.0, "kind": kind, "day_sigma": 0.3})
    axis = day_axis(dt.date(2024, 6, 10))
    many = drawn_potentials(unit, NOON_KW, Streams(3), 5, axis, 200)
    assert many.shape == (200, 24)
    assert len({draw.tobytes() for draw in many}) > 150
    assert many[:, 12].mean() == pytest.approx(NOON_KW[12], rel=0.1)
    np.testing.assert_array_equal(many, drawn_potentials(unit, NOON_KW, Streams(3), 5, axis, 200))
    for other in (
        drawn_potentials(unit, NOON_KW, Streams(4), 5, axis, 200),
        drawn_potentials(unit, NOON_KW, Streams(3), 6, axis, 200),
    ):
        assert not np.array_equal(many, other)
