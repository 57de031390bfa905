"""What an outage of the day-ahead market is asked with: loads, sources and units of one hour, by hand."""

from __future__ import annotations

from math import sqrt
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.markets.two_settlement.interruption import hour_of, reactive_most, units_of
from equilibrium.markets.two_settlement.system import Generator
from tests.equilibrium.two_settlement_real import UNITS, bid, system


def test_the_loads_and_sources_of_an_hour_by_hand() -> None:
    """Loads are 0 to 4 kW with half of it in kvar. What a bid has to take is load; what it may take is let go."""
    made = system(**UNITS)
    share = np.array([[9.0], [1.0]])
    scenario: Any = SimpleNamespace(
        load_kw=share * made.grid.load_kw,
        load_kvar=share * made.grid.load_kvar,
        available_kw=np.array([[9.0], [2.0]]),
    )
    bids = (
        bid([7.0, -1.0], 2, must_take=True),
        bid([7.0, -3.0], 0, must_take=True, reactive_share=0.4),
        bid([7.0, -2.0], 3, spinning_kw=np.array([9.0, 1.5])),
        bid([7.0, 5.0], 1, must_take=True, spinning_kw=np.array([9.0, 2.0])),
    )
    day: Any = SimpleNamespace(bids=bids)
    hour = hour_of(made, day, scenario, 1)
    assert hour.load_kw.tolist() == pytest.approx([3.0, 1.0, 3.0, 3.0, 4.0])
    assert hour.load_kvar.tolist() == pytest.approx([1.2, 0.5, 1.5, 1.5, 2.0])
    assert hour.source_bus.tolist() == [3, 2, 0, 3, 1]
    assert hour.source_kw.tolist() == [2.0, 0.0, 0.0, 1.5, 7.0]
    assert not hour.source_kvar.any()
    assert hour.value.tolist() == [10.0] * 5
    assert scenario.load_kw[1].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]  # the day's own numbers stay


def test_a_unit_gives_its_greatest_output_and_what_kvar_its_rating_leaves() -> None:
    units = units_of(system(**UNITS))
    found = [each.tolist() for each in vars(units).values()]
    assert found == [[2], [6.0], [pytest.approx(sqrt(28.0))]]
    assert reactive_most(Generator("g", 2, 1.0, 8.0, 8.0, 0.3)) == 0.0
