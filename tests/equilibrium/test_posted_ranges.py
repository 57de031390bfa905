"""Bounds of the game of posted prices: ranges of profits and slopes, boxes that are left, at most one equilibrium."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from equilibrium.certificate import EXACT_REGRET
from equilibrium.deadline import Deadline
from equilibrium.games.answer import GameVerdict
from equilibrium.markets.charging.demand import LogitDemand
from equilibrium.markets.charging.lot_profits import LotProfits
from equilibrium.markets.charging.posted_prices import PostedPriceGame
from equilibrium.markets.charging.price_boxes import Boxes, _heaps, remaining, unbeaten, whole
from equilibrium.markets.charging.price_count import at_most_one
from equilibrium.markets.charging.price_deviation import best_deviation
from equilibrium.markets.charging.profit_ranges import profit_ranges
from tests.equilibrium.oracle import examples
from tests.equilibrium.posted_games import games, loyal_and_shoppers, one_type


@given(games(most_lots=3), st.integers(0, 2**32 - 1))
def test_no_price_of_a_dense_grid_earns_more_than_the_bound(game: LotProfits, seed: int):
    prices = np.random.default_rng(seed).uniform(0.1, 1.0, game.lots)
    for lot in range(game.lots):
        best = best_deviation(game, lot, prices, Deadline())
        dense = game.along(lot, prices, np.linspace(0.1, 1.0, 601))
        assert best.finished
        assert dense.max() <= best.bound
        assert best.bound - best.profit <= 0.5 * EXACT_REGRET * max(1.0, abs(best.profit))
        assert game.along(lot, prices, np.array([best.price]))[0] == pytest.approx(best.profit, rel=1e-11, abs=1e-11)


@given(games(most_lots=5), st.integers(0, 2**32 - 1))
def test_ranges_hold_every_profit_and_slope_of_a_box(game: LotProfits, seed: int):
    generator = np.random.default_rng(seed)
    lot, boxes = int(generator.integers(game.lots)), 40
    low = generator.uniform(0.1, 1.0, (boxes, game.lots))
    high = low + 10.0 ** generator.uniform(-9.0, -1.0, (boxes, 1)) * generator.uniform(0.0, 1.0, low.shape)
    profit, slope = profit_ranges(game, lot, low, high)
    for _ in range(12):
        here = low + (high - low) * generator.uniform(0.0, 1.0, low.shape)
        there = here.copy()
        there[:, lot] = low[:, lot] + (high - low)[:, lot] * generator.uniform(0.0, 1.0, boxes)
        first, second = game.profits(here)[:, lot], game.profits(there)[:, lot]
        assert ((profit.low <= first) & (first <= profit.high)).all()
        move, change = there[:, lot] - here[:, lot], second - first
        ends = np.stack([slope.low * move, slope.high * move])
        assert ((ends.min(axis=0) - 1e-10 <= change) & (change <= ends.max(axis=0) + 1e-10)).all()


@given(games(), st.integers(0, 2**32 - 1))
def test_ranges_of_a_point_are_the_profit_and_its_slope(game: LotProfits, seed: int):
    prices = np.random.default_rng(seed).uniform(0.2, 0.9, (5, game.lots))
    step = 1e-6
    for lot in range(game.lots):
        profit, slope = profit_ranges(game, lot, prices, prices)
        beside = np.eye(game.lots)[lot] * step
        measured = (game.profits(prices + beside) - game.profits(prices - beside))[:, lot] / (2.0 * step)
        smooth = slope.high - slope.low <= 1e-6
        assert smooth.sum() >= 3
        size = 1.0 + np.abs(game.profits(prices)[:, lot])
        assert (np.abs(profit.high - profit.low) <= 1e-8 * size)[smooth].all()
        assert np.abs(measured - slope.low)[smooth] == pytest.approx(0.0, abs=1e-3 * float(size.max()))


@given(games(), st.integers(1, 5))
def test_types_that_choose_alike_are_gathered(game: LotProfits, times: int):
    """Each type split into several with other energies and costs: the same profits from fewer types."""
    demand = game.demand
    generator = np.random.default_rng(times)
    again = np.tile(np.arange(demand.types), times)
    many = LotProfits(
        LogitDemand(
            generator.uniform(0.0, 5.0, again.size),
            generator.uniform(5.0, 40.0, again.size),
            demand.price_utility_per_kwh[again],
            demand.attraction[again],
            demand.outside[again],
        ),
        generator.uniform(0.05, 0.3, (again.size, game.lots)),
        game.price_min,
        game.price_max,
        game.places,
        game.names,
    )
    few = many.gathered()
    assert few.demand.types == demand.types
    prices = generator.uniform(0.1, 1.0, (10, game.lots))
    assert few.profits(prices) == pytest.approx(many.profits(prices), rel=1e-9, abs=1e-9)


def test_admitted_drivers_are_told_by_the_types_that_were_given():
    demand = LogitDemand([10.0, 30.0], [20.0, 5.0], -10.0, [[1.0], [1.0]], 0.0)
    game = PostedPriceGame(demand, cost=[[0.1], [0.2]], price_min=0.0, price_max=1.0)
    share = expit(1.0 - 10.0 * 0.3)
    assert game.admitted([0.3])[:, 0] == pytest.approx([10.0 * share, 30.0 * share])
    assert game.profit([0.3])[0] == pytest.approx((0.2 * 200.0 + 0.1 * 150.0) * share)


def test_rivals_that_are_alike_are_one_with_their_places():
    demand = LogitDemand([50.0, 20.0], [10.0, 12.0], -9.0, [[1.0, 2.0, 2.0, 2.0], [0.0, 1.0, 1.0, 1.0]], 0.0)
    game = LotProfits.of(demand, 0.1, 0.1, 1.0, [30.0, 8.0, 8.0, 9.0], ())
    prices = np.array([0.3, 0.25, 0.25, 0.25])
    seen, own, others = game.against(0, prices)
    assert (seen.lots, own, seen.places.tolist()) == (3, 0, [30.0, 16.0, 9.0])
    points = np.linspace(0.1, 1.0, 50)
    assert seen.along(own, others, points) == pytest.approx(game.along(0, prices, points), rel=1e-12)


def test_a_limit_of_pieces_leaves_a_bound_that_holds():
    game = loyal_and_shoppers(60.0, 4.0)
    point = game.regret([0.5, 0.6], deadline=Deadline(nodes=1))
    whole_proof = game.regret([0.5, 0.6])
    assert (point.finished, whole_proof.finished) == (False, True)
    assert (point.regret >= whole_proof.gain).all()
    assert (point.regret > whole_proof.regret).any()


def test_weights_too_small_for_numbers_are_still_bounded():
    """Between the ends of the range a utility changes by 10000."""
    demand = LogitDemand([5.0, 5.0], [10.0, 10.0], -1000.0, [[1.0, 2.0], [300.0, -300.0]])
    game = PostedPriceGame(demand, cost=0.1, price_min=0.0, price_max=10.0, places=[7.0, 8.0])
    point = game.regret([3.0, 4.0])
    dense = game.profits.along(0, np.array([3.0, 4.0]), np.linspace(0.0, 10.0, 5001))
    assert point.finished
    assert dense.max() <= point.profit[0] + point.regret[0]


@given(games(most_lots=2))
@examples(30)
def test_boxes_that_are_left_hold_every_equilibrium(game: LotProfits):
    posted = PostedPriceGame(
        game.demand, cost=game.cost, price_min=game.price_min, price_max=game.price_max, places=game.places
    )
    found = posted.solve(boxes=0)
    heaps = remaining(game, whole(game), 2.0**-4, Deadline())
    assert heaps is not None
    for point in found.equilibria:
        assert any(((heap.low <= point.prices) & (point.prices <= heap.high)).all(axis=1).any() for heap in heaps)


@given(games(most_lots=3), st.floats(1e-4, 0.3))
def test_where_at_most_one_equilibrium_is_proved_slopes_fall_faster_than_rivals_raise_them(
    game: LotProfits, width: float
):
    free = LotProfits.of(game.demand, game.cost, 0.1, 1.0, np.inf, ())
    low = np.full(game.lots, 0.25)
    assert at_most_one(free, low, low)
    if not at_most_one(free, low, low + width):
        return
    generator = np.random.default_rng(1)
    step = 1e-4 * np.eye(game.lots)
    for prices in generator.uniform(low, low + width, (5, game.lots)):
        for lot in range(game.lots):
            beside = np.concatenate([prices + step, prices - step])
            slope = profit_ranges(free, lot, beside, beside)[1].low.reshape(2, -1)
            bends = (slope[0] - slope[1]) / 2e-4
            assert bends[lot] + np.abs(np.delete(bends, lot)).sum() < 1e-4 * (1.0 + np.abs(bends).max())


def test_a_deviation_that_a_rough_look_misses_excludes_a_corner():
    """At the highest prices the second lot gains 2 % by the one price at which all its places just fill."""
    attraction = [[6.4, 4.3], [1.4, 3.87], [2.26, 3.06], [3.27, 2.93]]
    demand = LogitDemand(
        [16.35, 10.79, 6.43, 2.02], [18.42, 19.3, 6.58, 6.71], [-24.98, -17.0, -7.39, -12.0], attraction
    )
    cost = [[0.27, 0.11], [0.27, 0.27], [0.05, 0.23], [0.05, 0.18]]
    game = PostedPriceGame(demand, cost=cost, price_min=0.05, price_max=1.0, places=[9.41, 31.3])
    corner = game.regret([1.0, 1.0])
    assert corner.best_price == pytest.approx([1.0, 0.855377], abs=1e-5)
    assert corner.gain[1] == pytest.approx(0.0208 * corner.profit[1], rel=0.01)
    assert game.admitted([1.0, corner.best_price[1]])[:, 1].sum() == pytest.approx(31.3, rel=1e-6)
    assert game.solve().verdict is GameVerdict.NO_PURE_EQUILIBRIUM


@pytest.mark.long
def test_nearly_every_game_of_two_lots_is_decided():
    decided, by_verdict = 0, set()
    for seed in range(200):
        generator = np.random.default_rng(seed)
        types = int(generator.integers(1, 6))
        drivers, energy = generator.uniform(1.0, 20.0, types), generator.uniform(5.0, 40.0, types)
        sensitivity, attraction = generator.uniform(2.0, 25.0, types), generator.normal(4.0, 1.5, (types, 2))
        outside = -np.inf if generator.uniform() < 0.4 else generator.normal(0.0, 1.0, types)
        places = np.inf if generator.uniform() < 0.3 else generator.uniform(0.2, 1.2, 2) * drivers.sum()
        demand = LogitDemand(drivers, energy, -sensitivity, attraction, outside)
        cost = generator.uniform(0.05, 0.3, (types, 2))
        answer = PostedPriceGame(demand, cost=cost, price_min=0.05, price_max=1.0, places=places).solve()
        decided += answer.complete
        by_verdict.add(answer.verdict)
    assert decided >= 195
    assert {GameVerdict.EXACT, GameVerdict.NO_PURE_EQUILIBRIUM} <= by_verdict


@given(games(most_lots=3), st.floats(0.12, 0.95))
def test_at_a_point_the_count_is_decided_by_the_slopes_of_slopes(game: LotProfits, price: float):
    free = LotProfits.of(game.demand, game.cost, 0.1, 1.0, np.inf, ())
    prices, step = np.full(game.lots, price), 1e-5 * np.eye(game.lots)
    sums = []
    for lot in range(game.lots):
        slope = profit_ranges(free, lot, *[np.concatenate([prices + step, prices - step])] * 2)[1].low.reshape(2, -1)
        bends = (slope[0] - slope[1]) / 2e-5
        sums.append((bends[lot] + np.abs(np.delete(bends, lot)).sum()) / (1.0 + np.abs(bends).max()))
    if abs(max(sums)) > 1e-3:
        assert at_most_one(free, prices - 1e-8, prices + 1e-8) == (max(sums) < 0.0)


def test_boxes_that_touch_are_one_heap():
    low = np.array([[1.0, 1.0], [0.0, 0.0], [2.0, 0.0], [3.0, -1.0], [9.0, 9.0]])
    chain, apart = _heaps(low, low + 1.0)
    assert sorted(chain.low.tolist()) == [[0.0, 0.0], [1.0, 1.0], [2.0, 0.0], [3.0, -1.0]]
    assert apart.low.tolist() == [[9.0, 9.0]]
    assert [end.tolist() for end in chain.hull] == [[0.0, -1.0], [4.0, 2.0]]
    assert chain.farthest(np.array([1.0, 1.0])) == 3.0


@pytest.mark.parametrize("lots", [2, 3])
def test_a_box_goes_when_a_lot_has_a_better_price_all_over_it(lots: int):
    game = one_type(lots)
    prices = game.solve().equilibria[0].prices
    boxes = Boxes(np.stack([prices, prices + 0.2]) - 1e-6, np.stack([prices, prices + 0.2]) + 1e-6)
    for box, kept in ((0, 1), (1, 0)):
        alone = Boxes(boxes.low[[box]], boxes.high[[box]])
        assert len(unbeaten(game.profits, alone).low) == kept


def test_two_equilibria_in_a_box_are_not_counted_as_one():
    game = loyal_and_shoppers(60.0, 4.0)
    first, second = (point.prices for point in game.solve().equilibria)
    low, high = np.minimum(first, second), np.maximum(first, second)
    assert not at_most_one(game.profits, low, high)
    assert at_most_one(game.profits, first - 1e-3, first + 1e-3)


def test_where_a_lot_may_fill_nothing_is_counted():
    full = one_type(2, places=[10.0, np.inf])
    low, high = np.full(2, 0.25), np.full(2, 0.26)
    assert at_most_one(one_type(2).profits, low, high)
    assert not at_most_one(full.profits, low, high)
