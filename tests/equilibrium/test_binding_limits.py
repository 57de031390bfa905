"""Days on which a voltage or a current limit of the feeder binds: it is kept, and the bound holds for all prices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from equilibrium.certificate import Verdict
from equilibrium.errors import InfeasibleError
from equilibrium.grid.flow_range import FlowRange
from equilibrium.markets.aggregator.clearing import AggregatorClearing
from equilibrium.markets.aggregator.day import AggregatorDay
from equilibrium.markets.aggregator.flow import Flows
from equilibrium.markets.aggregator.followers import followers, price_names
from equilibrium.markets.aggregator.market import AggregatorMarket
from equilibrium.markets.aggregator.point import best_point
from tests.equilibrium.aggregator_days import on_line, random_day

SAMPLES = 30


def limited(seed: int, *, pricing: str, voltage_pu: float = 0.0, current: float = 1.0) -> tuple[AggregatorDay, float]:
    """A short day whose best point without narrow limits breaks one of them, and what it earns without them."""
    day = on_line(random_day(seed, periods=2, pricing=pricing), ohm=1.0)
    assert day.grid is not None
    # Narrow pieces: a square is overestimated by little, so a current binds near where the flow itself would.
    narrow = FlowRange(np.full(day.grid.feeder.size, 400.0), np.full(day.grid.feeder.size, 400.0))
    day = replace(day, grid=replace(day.grid, flow_range=narrow, segments=10))
    free = AggregatorMarket().clear(day)
    assert free.grid is not None
    assert day.grid is not None
    feeder = day.grid.feeder
    least = max(0.9, float(free.grid.voltage_pu.min()) + voltage_pu) if voltage_pu else 0.9
    lowest = np.where(feeder.parent < 0, 0.9, least)
    rating = feeder.rating_kva.copy()
    flow = np.abs(free.grid.substation_kw).max()
    rating[1] = np.inf if current == 1.0 else current * flow
    feeder = replace(feeder, voltage_min_pu=lowest, rating_kva=np.where(np.isfinite(rating), rating, 2000.0))
    return replace(day, grid=replace(day.grid, feeder=feeder)), free.profit


def best_of_sample(day: AggregatorDay, cleared: AggregatorClearing) -> float:
    """The most that prices earn which are drawn, or near those that were found, and keep the limits."""
    draw, caps = np.random.default_rng(4), price_names(day)
    assert day.grid is not None
    flows, everybody, best = Flows(day, day.grid), followers(day), -np.inf
    for number in range(SAMPLES):
        prices = {name: cap * draw.random(day.periods) for name, cap in caps.items()}
        if number % 2:
            kept = {name: draw.random(day.periods) < 0.7 for name in caps}
            prices = {name: np.where(kept[name], cleared.prices[name], prices[name]) for name in caps}
        point = best_point(day, everybody, prices, flows)
        best = best if point is None else max(best, point.value)
    return best


def check(day: AggregatorDay, free: float) -> AggregatorClearing:
    """What holds where a limit binds: it is kept and costs something, and no prices earn more than the bound."""
    cleared = AggregatorMarket().clear(day)
    assert cleared.grid is not None
    assert day.grid is not None
    assert (cleared.grid.voltage_pu >= day.grid.feeder.voltage_min_pu - 1e-7).all()
    assert cleared.profit < free - 1.0
    assert best_of_sample(day, cleared) <= cleared.bound + 1e-6 * (1.0 + abs(cleared.bound))
    assert cleared.certificate.worst_regret == pytest.approx(max(0.0, cleared.bound - cleared.profit), abs=1e-6)
    return cleared


@pytest.mark.parametrize("seed", [1, pytest.param(11, marks=pytest.mark.long)])
def test_a_voltage_that_binds_is_kept_and_the_day_is_exact(seed: int) -> None:
    cleared = check(*limited(seed, pricing="pay-as-bid", voltage_pu=0.0005))
    assert cleared.gap <= 1e-6


@pytest.mark.parametrize(("seed", "current"), [(1, 1.05), pytest.param(11, 1.1, marks=pytest.mark.long)])
def test_a_current_that_binds_is_kept_and_the_day_is_exact(seed: int, current: float) -> None:
    cleared = check(*limited(seed, pricing="pay-as-bid", current=current))
    assert cleared.gap <= 1e-6


def test_where_the_bound_stays_open_the_gap_is_told_and_the_verdict_claims_nothing() -> None:
    cleared = check(*limited(12, pricing="pay-as-bid", voltage_pu=0.0005))
    assert cleared.certificate.verdict is (Verdict.EXACT if cleared.gap <= 1e-8 else Verdict.KKT_CONSISTENT)
    assert f"proven bound {cleared.bound:.10g}" in cleared.certificate.notes[0]


def test_limits_that_no_prices_keep_are_told() -> None:
    day, _ = limited(2, pricing="pay-as-bid", voltage_pu=0.05)
    with pytest.raises(InfeasibleError, match="voltages and currents"):
        AggregatorMarket().clear(day)
