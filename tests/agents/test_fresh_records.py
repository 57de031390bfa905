"""What agents record before their first day: nothing earned, moved or missed, everybody comes, nothing is learned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pytest

from scenarios.loading import load_scenario
from sim.markets.aggregator.model import AggregatorModel
from sim.markets.charging.model import LocalMarket
from sim.markets.disco.model import DiscoModel

MODELS: dict[str, Callable[[], Any]] = {
    "aggregator": lambda: AggregatorModel(load_scenario("aggregator-37"), seed=1),
    "charging": lambda: LocalMarket("town-33", seed=1),
    "disco": lambda: DiscoModel(load_scenario("disco-15"), seed=1),
}
BEGIN: dict[str, float] = {
    **dict.fromkeys(("attendance", "load_factor", "reputation", "satisfaction", "willing"), 1.0),
    **dict.fromkeys(("markup", "step"), 0.0),
}
"""What a share, a factor or a grade begins with; all other numbers but those of a file are zero."""

OF_THE_FILE = {"price", "margin", "driver_share", "drivers", "estimate", "standard_error", "probability"}


@pytest.mark.parametrize("name", MODELS)
def test_a_fresh_record_is_empty(name: str) -> None:
    seen = 0
    for agent in MODELS[name]().agents:
        record = agent.record()
        for each in record if isinstance(record, tuple) else (record,):
            if not is_dataclass(each):
                continue
            for field in fields(each):
                value = getattr(each, field.name)
                if field.name in OF_THE_FILE or value is None or isinstance(value, str | dict):
                    continue
                numbers = np.asarray(value, dtype=float)
                assert (numbers == BEGIN.get(field.name, 0.0)).all(), (type(agent).__name__, field.name, value)
                seen += numbers.size
    assert seen > 3
