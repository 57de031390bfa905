"""A budget on net load: what a turn costs, by hand and by greedy calls, and what the budget protects against."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from equilibrium.markets.two_settlement.clearing import DayAheadClearing
from equilibrium.markets.two_settlement.market import DayAheadMarket, Options
from equilibrium.markets.two_settlement.system import ActiveSystem, DayAhead
from equilibrium.programs.program import GAP
from tests.equilibrium.day_ahead_days import made_day, made_system


def made(seed: int) -> tuple[ActiveSystem, DayAhead]:
    rng = np.random.default_rng(seed)
    system, day = made_system(rng), made_day(rng)
    return system, replace(day, load_deviation_kw=np.array([90.0, 40.0, 120.0]))


def scheduled(system: ActiveSystem, day: DayAhead, **options: Any) -> DayAheadClearing:
    return DayAheadMarket(system, Options(gap=GAP, **options)).clear(day)


def exposure(system: ActiveSystem, day: DayAhead, found: DayAheadClearing) -> FloatArray:
    """What a turn of each period costs: the cheapest reserve first, the rest bought."""
    assert day.load_deviation_kw is not None
    total = np.zeros(day.length_h.size)
    for k, scenario in enumerate(day.scenarios):
        for t, wanted in enumerate(day.load_deviation_kw):
            ways = [
                (unit.cost_per_kwh, found.dispatch.reserve_kw[k, 1, t, j]) for j, unit in enumerate(system.generators)
            ]
            accepted = found.positions.accepted_regulating_kw[t]
            ways += [(bid.sold_price[t], kw) for bid, kw in zip(day.bids, accepted, strict=True)]
            ways.append((scenario.prices.buy[t] + day.penalties.energy[t], np.inf))
            for price, kw in sorted(ways):
                taken = min(kw, wanted)
                wanted -= taken
                total[t] += scenario.probability * day.length_h[t] * price * taken
    return np.maximum(total, 0.0)


@pytest.mark.parametrize("gamma", [1.0, 1.5, pytest.param(3.0, marks=pytest.mark.long)])
def test_what_is_protected_is_the_worst_within_the_budget(gamma: float) -> None:
    system, day = made(14)
    found, plain = scheduled(system, day, load_gamma=gamma), scheduled(system, day)
    assert plain.protection == 0.0
    costs = np.sort(exposure(system, day, found))[::-1]
    worst = float(np.clip(gamma - np.arange(3), 0.0, 1.0) @ costs)
    assert found.protection == pytest.approx(worst, rel=1e-6, abs=1e-6)
    assert found.objective == pytest.approx(found.profit - found.protection, rel=1e-6)
    assert found.profit <= plain.profit + 1e-6
    # No other schedule is better against it, that of nominal loads neither.
    other = plain.profit - float(np.clip(gamma - np.arange(3), 0.0, 1.0) @ np.sort(exposure(system, day, plain))[::-1])
    assert found.bound >= other - 1e-6
    rng = np.random.default_rng(1)
    for _ in range(20):
        share = rng.random(3)
        share *= min(1.0, gamma / share.sum())
        assert share @ exposure(system, day, found) <= found.protection + 1e-6


def test_a_larger_budget_never_earns_more() -> None:
    system, day = made(3)
    values = [scheduled(system, day, load_gamma=gamma) for gamma in (0.0, 1.0, 3.0)]
    assert values[0].objective >= values[1].objective - 1e-6 >= values[2].objective - 2e-6
    assert values[1].protection > 0.0
    nothing = scheduled(system, replace(day, load_deviation_kw=np.zeros(3)), load_gamma=3.0)
    assert nothing.objective == pytest.approx(values[0].objective, rel=1e-7)
    alike = scheduled(system, replace(day, load_deviation_kw=None))
    assert alike.objective == pytest.approx(values[0].objective, rel=1e-9)


def test_a_budget_that_cannot_be_is_told_in_one_line() -> None:
    system, day = made(0)
    for options, changes, words in (
        ({"load_gamma": 4.0}, {}, "load_gamma: got 4.0, expected a number from 0 to 3"),
        ({"load_gamma": -1.0}, {}, "load_gamma: got -1.0"),
        ({"load_gamma": 1.0}, {"load_deviation_kw": None}, "load_deviation_kw: got None"),
        ({"load_gamma": 1.0}, {"load_deviation_kw": np.array([1.0, -1.0, 1.0])}, "load_deviation_kw at 1: got -1.0"),
    ):
        with pytest.raises(InputError, match=words):
            scheduled(system, replace(day, **changes), **options)  # type: ignore[arg-type]
