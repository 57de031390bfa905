"""What is to be served in the period of an outage, and what may help: by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.markets.two_settlement.rolling import _Run


def test_what_is_served_and_what_helps_by_hand() -> None:
    """The second generator is off; the first lot takes 4 kW with 2 kvar, the second gives 3 kW, both at bus 2."""
    numbers = {"most_kw": np.array([30.0, 90.0]), "rating_kva": np.array([50.0, 100.0])}
    buses = {"generators": np.array([1, 0]), "renewables": np.array([3]), "bids": np.array([2, 2])}
    on = np.array([[1.0, 1.0], [1.0, 0.0]])
    made: Any = SimpleNamespace(
        data=SimpleNamespace(positions=SimpleNamespace(on=on), buses=buses, share=np.array([0.5, 0.1]), of=numbers.get),
        day=SimpleNamespace(hour=np.array([0, 0, 1])),
        system=SimpleNamespace(lost_load_value=np.arange(4.0)),
    )
    weather: Any = SimpleNamespace(
        load_kw=np.array([[10.0, 20.0, 30.0, 40.0]]),
        load_kvar=np.array([[1.0, 2.0, 3.0, 4.0]]),
        available_kw=np.array([[7.0]]),
    )
    hour = _Run._hour(made, 2, weather, np.array([-4.0, 3.0]))
    assert hour.load_kw.tolist() == [10.0, 20.0, 34.0, 40.0]
    assert hour.load_kvar.tolist() == [1.0, 2.0, 5.0, 4.0]
    assert hour.source_bus.tolist() == [1, 0, 3, 2, 2]
    assert hour.source_kw.tolist() == [30.0, 0.0, 7.0, 0.0, 3.0]
    assert hour.source_kvar == pytest.approx([40.0, 0.0, 0.0, 0.0, 0.0])
    assert weather.load_kw.tolist() == [[10.0, 20.0, 30.0, 40.0]]
