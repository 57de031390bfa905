"""Failures drawn from rates: how many, how long, and independent of each other."""

from __future__ import annotations

import numpy as np
import pytest

from equilibrium.errors import InputError
from scenarios.draws.outages import HOURS_A_YEAR, draw_failures, outage_probability
from scenarios.streams import Streams


def test_as_many_and_as_long_as_the_rates_say() -> None:
    """200 failures a year and 6 hours of repair: 0.548 a day, over 2000 days."""
    days = [draw_failures(Streams(1), day, [200.0, 0.0], 6.0) for day in range(2000)]
    every = [failure for day in days for failure in day]
    assert {failure.element for failure in every} == {0}
    assert len(every) / 2000 == pytest.approx(200.0 * 24.0 / HOURS_A_YEAR, rel=0.1)
    assert np.mean([failure.hours for failure in every]) == pytest.approx(6.0, rel=0.1)
    assert all(0.0 <= failure.start < 24.0 for failure in every)
    assert all(list(day) == sorted(day, key=lambda failure: failure.start) for day in days)


def test_another_element_changes_no_draw() -> None:
    alone = draw_failures(Streams(2), 5, [900.0], 4.0)
    both = draw_failures(Streams(2), 5, [900.0, 900.0], 4.0)
    assert alone == tuple(failure for failure in both if failure.element == 0)
    assert alone != draw_failures(Streams(3), 5, [900.0], 4.0)


def test_share_of_time_by_hand() -> None:
    """Ten failures a year of 8.76 hours are 87.6 hours of repair for 8760 hours of work."""
    assert outage_probability([10.0], 8.76).tolist() == pytest.approx([0.01 / 1.01])


def test_what_no_rate_can_be_is_told() -> None:
    with pytest.raises(InputError, match=r"outages: failure rate of element 1: got -0\.1"):
        draw_failures(Streams(1), 0, [0.1, -0.1], 4.0)
    with pytest.raises(InputError, match=r"time to repair of element 0: got 0\.0"):
        outage_probability([0.1], 0.0)
