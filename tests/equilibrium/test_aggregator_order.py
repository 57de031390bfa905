"""What a node of the aggregator's search concludes from comparisons: by hand, against points, and in whole searches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equilibrium.markets.aggregator.halves import Halves
from equilibrium.markets.aggregator.market import AggregatorMarket
from equilibrium.markets.aggregator.order import Known, Order
from tests.equilibrium.aggregator_days import (
    SURE,
    answered,
    card_day,
    drawn_prices,
    lot_halves,
    pair_of,
    random_day,
    some_hours,
)


def _started(halves: Halves) -> tuple[Order, Known]:
    order = Order(halves)
    return order, order.start()


def test_a_price_above_what_energy_is_worth_by_hand() -> None:
    # With nothing bought for flex2 in a period energy is worth more than 10.5 there. As long as the pool is
    # not full it is worth as much in the period before, so nothing is bought then either.
    day = some_hours(card_day(), 8, 12)
    halves = lot_halves(day)
    order, known = _started(halves)
    full = pair_of(halves, day, "v2g_kwh", 2, upper=True)
    later, before = (pair_of(halves, day, "bought_kwh", period, upper=False) for period in (3, 2))
    open_ = order.with_pair(known, later, zero=False)
    assert open_ is not None
    assert open_.positive[later]
    assert open_.zero[order.opposite[later]]
    assert not open_.positive[before]
    closed = order.with_pair(open_, full, zero=True)
    assert closed is not None
    assert closed.positive[before]
    # And where energy is worth no more than that before, the pool must be full.
    other = order.with_pair(open_, before, zero=True)
    assert other is not None
    assert other.positive[full]
    assert order.with_pair(other, full, zero=True) is None


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), uniform=st.booleans())
def test_no_conclusion_is_wrong_at_a_point(seed: int, uniform: bool) -> None:
    draw = np.random.default_rng(seed)
    day = random_day(seed, pricing="uniform" if uniform else "pay-as-bid")
    halves = lot_halves(day)
    size = np.abs(answered(day, halves, drawn_prices(day, halves, draw))[1][halves.multiplier])
    order, known = _started(halves)
    for pair in draw.permutation(size.size)[: size.size // 2].tolist():
        if SURE * 1e-3 < size[pair] < SURE:
            continue
        further = order.with_pair(known, pair, zero=bool(size[pair] < SURE))
        assert further is not None
        known = further
        assert (size[known.zero] < SURE).all()
        assert (size[known.positive] > 0.0).all()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("more", [{}, {"pricing": "uniform"}])
def test_the_search_ends_the_same_without_conclusions(
    seed: int, more: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    day = random_day(100 + seed, **more)
    found = AggregatorMarket().clear(day)

    def only(_: Order, known: Known, pair: int, *, zero: bool) -> Known:
        part = (known.zero if zero else known.positive).copy()
        part[pair] = True
        return replace(known, zero=part) if zero else replace(known, positive=part)

    monkeypatch.setattr(Order, "with_pair", only)
    monkeypatch.setattr(Order, "unmet", lambda *_: None)
    plain = AggregatorMarket().clear(day)
    assert found.profit == pytest.approx(plain.profit, rel=1e-9, abs=1e-7)
    assert found.bound == pytest.approx(plain.bound, rel=1e-9, abs=1e-7)
