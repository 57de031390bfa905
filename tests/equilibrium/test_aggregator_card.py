"""The aggregator market against its game written down a second time, straight from the equations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from equilibrium.markets.aggregator.market import AggregatorMarket
from tests.equilibrium.aggregator_card import Card
from tests.equilibrium.aggregator_days import on_line, random_day

DAYS: list[tuple[int, dict[str, Any], bool]] = [
    (1, {"periods": 4}, False),
    (2, {"periods": 3, "scenarios": 2}, True),
    (3, {"periods": 3, "lots": 2}, False),
    (5, {"periods": 3, "scenarios": 3}, False),
]
MORE: list[tuple[int, dict[str, Any], bool]] = [
    (seed, {"periods": 3, "scenarios": 1 + seed % 3}, bool(seed % 2)) for seed in range(10, 30)
]


@pytest.mark.parametrize("pricing", ["pay-as-bid", "uniform"])
@pytest.mark.parametrize(
    ("seed", "changes", "feeder"), [*DAYS, *(pytest.param(*each, marks=pytest.mark.long) for each in MORE)]
)
def test_the_game_written_down_again_has_the_same_value(
    seed: int, changes: dict[str, Any], feeder: bool, pricing: str
) -> None:
    day = random_day(seed, pricing=pricing, **changes)
    # Voltages and currents do not bind, so that the gap closes.
    day = on_line(day, ohm=0.1) if feeder else day
    if seed == 1:  # lengths of periods count too
        day = replace(day, period_h=0.5)
    found, value = AggregatorMarket(gap=1e-7).clear(day), Card(day).best()
    size = 1.0 + abs(found.profit)
    assert found.bound >= value - 1e-6 * size
    assert found.profit == pytest.approx(value, abs=2e-6 * size)
