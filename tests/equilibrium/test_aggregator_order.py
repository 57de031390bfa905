"""What a node of the aggregator's search concludes from comparisons: by hand, against points, and in whole searches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equilibrium.markets.aggregator.day import AggregatorDay
from equilibrium.markets.aggregator.followers import followers, price_names
from equilibrium.markets.aggregator.halves import Halves, halve
from equilibrium.markets.aggregator.market import AggregatorMarket
from equilibrium.markets.aggregator.order import Known, Order
from equilibrium.markets.aggregator.reaction import react
from equilibrium.programs.program import Instance
from equilibrium.programs.solvers import solve_linear
from equilibrium.programs.solvers.choose import require_optimal
from tests.equilibrium.aggregator_days import card_day, random_day, some_hours
from tests.equilibrium.oracle import examples

SURE = 1e-6


def _lot_halves(day: AggregatorDay) -> Halves:
    lots = [each for each in followers(day) if each.kind == "lot"]
    return halve(lots, price_names(day), day.periods)


def _pair(halves: Halves, day: AggregatorDay, name: str, period: int, *, upper: bool) -> int:
    """The pair of a column of the only lot: ``reduced`` leaves out the columns that are fixed."""
    lot = followers(day)[0]
    whole = lot.unpriced()
    free = np.flatnonzero(whole.col_lower != whole.col_upper).tolist()
    column = free.index(int(lot.program.columns[name].index.ravel()[period]))
    return int(np.flatnonzero((halves.quantity == column) & (halves.upper == upper))[0])


def _started(halves: Halves) -> tuple[Order, Known]:
    order = Order(halves)
    return order, order.start()


def test_a_price_above_what_energy_is_worth_by_hand() -> None:
    # With nothing bought for flex2 in a period energy is worth more than 10.5 there. As long as the pool is
    # not full it is worth as much in the period before, so nothing is bought then either.
    day = some_hours(card_day(), 8, 12)
    halves = _lot_halves(day)
    order, known = _started(halves)
    full = _pair(halves, day, "v2g_kwh", 2, upper=True)
    later, before = (_pair(halves, day, "bought_kwh", period, upper=False) for period in (3, 2))
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


@examples(25)
@given(seed=st.integers(0, 10_000), uniform=st.booleans())
def test_no_conclusion_is_wrong_at_a_point(seed: int, uniform: bool) -> None:
    draw = np.random.default_rng(seed)
    day = random_day(seed, pricing="uniform" if uniform else "pay-as-bid")
    halves = _lot_halves(day)
    caps = price_names(day)
    levels = draw.uniform(0.0, 1.0, (len(halves.columns), day.periods))
    prices = {
        name: caps[name] * np.round(4.0 * level) / 4.0 for name, level in zip(halves.columns, levels, strict=True)
    }
    size = _sizes(day, halves, prices)
    order, known = _started(halves)
    for pair in draw.permutation(size.size)[: size.size // 2].tolist():
        if SURE * 1e-3 < size[pair] < SURE:
            continue
        further = order.with_pair(known, pair, zero=bool(size[pair] < SURE))
        assert further is not None
        known = further
        assert (size[known.zero] < SURE).all()
        assert (size[known.positive] > 0.0).all()


def _sizes(day: AggregatorDay, halves: Halves, prices: dict[str, Any]) -> np.ndarray:
    """Multipliers of all pairs at some prices that fit the followers' answers."""
    lot = next(each for each in followers(day) if each.kind == "lot")
    every = {name: np.zeros(day.periods) for name in price_names(day)} | prices
    x = react(lot, every).x
    whole = lot.unpriced()
    quantities = x[whole.col_lower != whole.col_upper]
    given_, program = halves.quantities, halves.prices
    inner = given_.matrix[:, : quantities.size] @ quantities
    slack = (given_.row_upper - inner) @ given_.matrix[:, quantities.size :]
    point = np.concatenate([quantities, slack])
    bound = np.where(halves.upper, given_.col_upper[halves.quantity], given_.col_lower[halves.quantity])
    away = halves.multiplier[np.abs(point[halves.quantity] - bound) > SURE]
    low, high = program.col_lower.copy(), program.col_upper.copy()
    low[away] = high[away] = 0.0
    for name, at in halves.columns.items():
        low[at] = high[at] = prices[name]
    asked = Instance(program.matrix, program.cost, program.row_lower, program.row_upper, low, high)
    return np.abs(require_optimal(solve_linear(asked), "multipliers").x[halves.multiplier])


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
