"""Cuts that join both halves of the aggregator's problem: by hand, at the followers' answers, and in whole searches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equilibrium.markets.aggregator import nodes
from equilibrium.markets.aggregator.cuts import joined
from equilibrium.markets.aggregator.day import AggregatorDay
from equilibrium.markets.aggregator.excess import Excesses
from equilibrium.markets.aggregator.halves import Halves
from equilibrium.markets.aggregator.market import AggregatorMarket
from equilibrium.markets.aggregator.pools import lot_pools
from equilibrium.markets.aggregator.worths import Worths
from equilibrium.programs.solvers import solve_linear
from equilibrium.programs.solvers.choose import require_optimal
from tests.equilibrium.aggregator_days import (
    answered,
    card_day,
    drawn_prices,
    lot_halves,
    pair_of,
    random_day,
)

ROUNDING = 1e-6


def test_how_much_energy_can_be_worth_above_its_tariff_by_hand() -> None:
    # Charging for V2G at the cap of 10 with wear of 0.5 and an efficiency of 0.9 makes energy worth 35/3 at most, more
    # only where the charger's limit has a price too. For flex2 it is bought at 10.5: at most 7/6 above that.
    # The prices' half alone would like it to be worth as much as that all day.
    day = card_day()
    halves = lot_halves(day)
    worths = Worths(halves)
    bought = pair_of(halves, day, "bought_kwh", 15, upper=False)
    full = pair_of(halves, day, "charge_v2g_kw", 15, upper=True)
    size = np.abs(require_optimal(solve_linear(halves.prices), "prices").x[halves.multiplier])
    assert size[bought] == pytest.approx(7.0 / 6.0)
    (told,) = (each for each in worths.told if each.pair == bought)
    assert told.number == pytest.approx(-10.5)
    whole = worths.shortest(size, 0.6).closed(told)
    assert whole is not None
    assert whole.number == pytest.approx(7.0 / 6.0)
    assert whole.pulls[full] == pytest.approx(1.0 / 0.9)
    assert bought not in whole.pulls


def test_how_much_is_charged_at_most_by_hand() -> None:
    """Charging for V2G in hour 15 is what leaves then less what comes, and what the pool has more than before."""
    day = card_day()
    halves, excesses, bound = charging_at_15(day)
    before, stock = (side_of(halves, day, "v2g_kwh", hour) for hour in (14, 15))
    pool = lot_pools(day, day.lots[0], 0).v2g
    rise = pool.least_kwh[15] - pool.most_kwh[14] - pool.inflow_kwh[15]
    limit = excesses.shortest(np.zeros(excesses.width.size), 1.0).limit(bound, 0)
    assert limit.number == pytest.approx((rise + pool.flex_least_kwh[15]) / 0.9)
    assert limit.parts[stock] == pytest.approx(1.0 / 0.9)
    assert limit.parts[before + 1] == pytest.approx(1.0 / 0.9)  # what is missing to a full pool
    assert limit.parts[side_of(halves, day, "discharge_kw", 15)] == pytest.approx(1.0 / 0.95 / 0.9)
    # Where numbers do not count, excesses do so with their whole width.
    full = excesses.shortest(np.zeros(excesses.width.size), 0.0).limit(bound, 0)
    assert full.parts == {}
    assert full.number > (rise + pool.flex_most_kwh[15] + excesses.width[stock] + excesses.width[before]) / 0.9


def test_a_chain_of_rows_reaches_over_hours() -> None:
    """With a full pool now and an empty one three hours later it counts what leaves until then, not the pool."""
    day = card_day()
    halves, excesses, bound = charging_at_15(day)
    stocks = [side_of(halves, day, "v2g_kwh", hour) for hour in range(15, 24)]
    cost = np.zeros(halves.quantities.shape[1])
    cost[[side // 2 for side in stocks]] = [-1.0] * 3 + [10.0] * 6
    for hour in range(24):
        if day.lots[0].vehicles.departing[0, hour].sum() > 0.0:
            cost[side_of(halves, day, "bought_kwh", hour) // 2] = 1000.0
    cost[[side_of(halves, day, "discharge_kw", hour) // 2 for hour in range(15, 24)]] = 1000.0
    excess = excesses.at(require_optimal(solve_linear(halves.quantities.with_cost(cost)), "a point").x)
    limit = excesses.shortest(excess, 0.5).limit(bound)
    (last,) = (hour for hour, stock in enumerate(stocks, start=15) if stock in limit.parts)
    assert last > 15
    pool = lot_pools(day, day.lots[0], 0).v2g
    leaves = (pool.flex_least_kwh - pool.inflow_kwh)[15 : last + 1].sum()
    missing = side_of(halves, day, "v2g_kwh", 14) + 1 in limit.parts
    start = pool.most_kwh[14] if missing else pool.least_kwh[14]
    assert limit.number == pytest.approx((leaves + pool.least_kwh[last] - start) / 0.9)


def charging_at_15(day: AggregatorDay) -> tuple[Halves, Excesses, int]:
    """The problem, its excesses, and the only bound of what is charged for V2G in hour 15."""
    halves = lot_halves(day)
    excesses = Excesses(halves)
    (bound,) = excesses.of[side_of(halves, day, "charge_v2g_kw", 15)]
    return halves, excesses, bound


def side_of(halves: Halves, day: AggregatorDay, name: str, hour: int) -> int:
    """The excess of a quantity over its least."""
    return 2 * int(halves.quantity[pair_of(halves, day, name, hour, upper=False)])


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), uniform=st.booleans())
def test_every_answer_keeps_every_bound_and_cut(seed: int, uniform: bool) -> None:
    draw = np.random.default_rng(seed)
    day = random_day(seed, pricing="uniform" if uniform else "pay-as-bid")
    halves = lot_halves(day)
    worths, excesses, both = Worths(halves), Excesses(halves), joined(halves)
    for _ in range(3):
        x, y = answered(day, halves, drawn_prices(day, halves, draw))
        excess = excesses.at(x)
        other, _ = answered(day, halves, drawn_prices(day, halves, draw))
        chains = excesses.shortest(excesses.at(other), float(draw.uniform()))
        for side, bounds in enumerate(excesses.of):
            for bound in bounds:
                limit = chains.limit(bound)
                most = limit.number + sum(weight * excess[each] for each, weight in limit.parts.items())
                assert excess[side] <= most + ROUNDING * (1.0 + most)
        size = np.abs(y[halves.multiplier])
        ways = worths.shortest(size, float(draw.uniform()))
        apart = ~np.eye(len(ways.number), dtype=bool)
        assert np.array_equal(np.isinf(ways.number)[apart], (ways._first == -1)[apart])  # where there is no way
        for told in worths.told:
            whole = ways.closed(told)
            if whole is not None:
                pulled = sum(weight * size[pair] for pair, weight in whole.pulls.items())
                assert size[told.pair] <= whole.number + pulled + ROUNDING
        if both is not None:
            assert (both.matrix @ np.concatenate([x, y]) <= both.row_upper + ROUNDING).all()


@pytest.mark.parametrize("case", [{}, {"pricing": "uniform"}])
def test_cuts_lower_the_bound_of_the_two_halves_and_keep_what_prices_earn(case: dict[str, Any]) -> None:
    day = card_day(**case)
    halves = lot_halves(day)
    both = joined(halves)
    assert both is not None
    apart = sum(
        require_optimal(solve_linear(half), "half").x @ half.cost for half in (halves.quantities, halves.prices)
    )
    together = float(both.cost @ require_optimal(solve_linear(both), "both").x)
    assert together > apart + 1.0
    draw = np.random.default_rng(1)
    for _ in range(3):
        x, y = answered(day, halves, drawn_prices(day, halves, draw))
        assert both.cost @ np.concatenate([x, y]) >= together - ROUNDING


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("more", [{}, {"pricing": "uniform"}])
def test_the_search_ends_the_same_without_cuts(
    seed: int, more: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    day = random_day(200 + seed, **more)
    found = AggregatorMarket().clear(day)
    monkeypatch.setattr(nodes, "joined", lambda _: None)
    plain = AggregatorMarket().clear(day)
    assert found.profit == pytest.approx(plain.profit, rel=1e-9, abs=1e-7)
    assert found.bound == pytest.approx(plain.bound, rel=1e-9, abs=1e-7)
