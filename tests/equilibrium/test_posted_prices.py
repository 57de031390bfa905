"""The game of posted prices: answers known in closed form, proofs against dense grids, several equilibria and none."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, lambertw

from equilibrium.certificate import EXACT_REGRET, Verdict
from equilibrium.deadline import Deadline
from equilibrium.errors import InputError
from equilibrium.games.answer import GameVerdict
from equilibrium.markets.charging.demand import LogitDemand
from equilibrium.markets.charging.lot_profits import LotProfits
from equilibrium.markets.charging.posted_prices import PostedPriceGame
from equilibrium.markets.charging.price_boxes import Boxes, _heaps, remaining, unbeaten, whole
from equilibrium.markets.charging.price_count import at_most_one
from equilibrium.markets.charging.price_deviation import best_deviation
from equilibrium.markets.charging.profit_ranges import profit_ranges


def one_type(lots: int, outside: float = 0.5, **more: object) -> PostedPriceGame:
    """100 alike drivers of 20 kWh, b = 10, attraction 1 everywhere."""
    demand = LogitDemand([100.0], [20.0], -10.0, np.ones((1, lots)), outside)
    return PostedPriceGame(demand, **{"cost": 0.15, "price_min": 0.1, "price_max": 1.0} | more)


def loyal_and_shoppers(loyal: float, sensitivity: float) -> PostedPriceGame:
    """Two lots with drivers who want theirs alone, and 100 shoppers who look at the price."""
    attraction = [[4.0, -4.0], [-4.0, 4.0], [8.0, 8.0]]
    demand = LogitDemand([loyal, loyal, 100.0], [10.0] * 3, [-sensitivity, -sensitivity, -20.0], attraction, 0.0)
    return PostedPriceGame(demand, cost=0.1, price_min=0.1, price_max=1.0)


@st.composite
def games(draw: st.DrawFn, most_lots: int = 4) -> LotProfits:
    """Random lots, some of which fill, some alike, with and without an outside option."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    types, lots = draw(st.integers(1, 5)), draw(st.integers(1, most_lots))
    drivers, energy = generator.uniform(0.5, 20.0, types), generator.uniform(5.0, 40.0, types)
    attraction = generator.normal(4.0, 1.5, (types, lots))
    if lots > 2 and draw(st.booleans()):
        attraction[:, 2] = attraction[:, 1]
    outside = generator.normal(1.0, 1.5, types) if draw(st.booleans()) else -np.inf
    demand = LogitDemand(drivers, energy, -generator.uniform(1.0, 25.0, types), attraction, outside)
    places = np.full(lots, np.inf) if draw(st.booleans()) else generator.uniform(0.1, 1.2, lots) * drivers.sum()
    return LotProfits.of(demand, generator.uniform(0.05, 0.3, (types, lots)), 0.1, 1.0, places, ())


# The drivers


def test_the_shares_are_those_of_the_logit():
    """Weights e^0, e^1, and e^0 for staying away: 1, e and 1 of 2 + e."""
    demand = LogitDemand([10.0], [1.0], -5.0, [[1.0, 2.0]], 0.0)
    admitted = demand.admitted(np.array([[0.2, 0.2]]), np.array([np.inf, np.inf]))
    assert admitted[0, 0] == pytest.approx([10.0 / (2.0 + np.e), 10.0 * np.e / (2.0 + np.e)], rel=1e-14)


def test_a_lot_that_fills_leaves_the_later_drivers_to_the_others():
    """90 drivers, half to each, until 30 are in the first after 60 came: the other 30 all go to the second."""
    demand = LogitDemand([90.0], [1.0], -5.0, [[0.0, 0.0]])
    assert demand.admitted(np.array([[0.3, 0.3]]), np.array([30.0, 100.0]))[0, 0] == pytest.approx([30.0, 60.0])
    assert demand.admitted(np.array([[0.3, 0.3]]), np.array([30.0, 40.0]))[0, 0] == pytest.approx([30.0, 40.0])


def test_a_full_rival_leaves_its_places_less_to_choose_from():
    """One type: the rival takes its K, and of the others the share of the logit without the rival comes."""
    demand = LogitDemand([100.0], [1.0], -8.0, [[1.5, 3.0]], 0.2)
    admitted = demand.admitted(np.array([[0.25, 0.2]]), np.array([np.inf, 35.0]))[0, 0]
    assert admitted == pytest.approx([(100.0 - 35.0) * expit(1.5 - 8.0 * 0.25 - 0.2), 35.0], rel=1e-12)


def test_many_small_drivers_one_after_the_other_come_to_the_same():
    demand = LogitDemand([30.0, 50.0], [1.0, 1.0], [-3.0, -9.0], [[1.0, 1.5, 0.0], [0.5, 2.0, 1.0]], [0.0, 0.8])
    prices, places = np.array([[0.2, 0.3, 0.25]]), np.array([18.0, 12.0, 9.0])
    steps, got, left = 5_000, np.zeros((2, 3)), places.copy()
    for _ in range(steps):
        coming = demand.drivers[:, None] * demand.shares(demand.utility(prices), left[None] > 0.0)[0] / steps
        got += coming
        left -= coming.sum(axis=0)
    assert demand.admitted(prices, places)[0] == pytest.approx(got, abs=0.01)


@given(games())
def test_nobody_is_admitted_twice_and_no_lot_beyond_its_places(game: LotProfits):
    prices = np.random.default_rng(5).uniform(0.1, 1.0, (20, game.lots))
    admitted = game.demand.admitted(prices, game.places)
    assert (admitted >= 0.0).all()
    assert (admitted.sum(axis=2) <= game.demand.drivers * (1.0 + 1e-12)).all()
    assert (admitted.sum(axis=1) <= game.places * (1.0 + 1e-12)).all()


# Known answers


@pytest.mark.parametrize("lots", [1, 2, 3, 6])
def test_alike_lots_have_the_markup_of_the_logit(lots: int):
    game = one_type(lots)
    answer = game.solve()
    (point,) = answer.equilibria
    share = game.admitted(point.prices)[0] / 100.0
    assert point.prices - 0.15 == pytest.approx(1.0 / (10.0 * (1.0 - share)), rel=1e-10)
    assert len(set(point.prices.tolist())) == 1
    assert answer.verdict is GameVerdict.EXACT
    assert answer.complete is answer.counted is (lots <= 3)


def test_a_monopoly_has_the_price_of_the_lambert_w_function():
    """p = c + (1 + W(exp(a - b c - a_0 - 1))) / b."""
    (point,) = one_type(1).solve().equilibria
    expected = 0.15 + (1.0 + lambertw(np.exp(1.0 - 10.0 * 0.15 - 0.5 - 1.0)).real) / 10.0
    assert point.prices[0] == pytest.approx(expected, rel=1e-12)


def test_different_lots_meet_their_first_order_conditions():
    demand = LogitDemand([40.0], [15.0], -12.0, [[3.0, 2.0, 2.5]], 0.0)
    game = PostedPriceGame(demand, cost=[0.1, 0.05, 0.2], price_min=0.0, price_max=1.0)
    answer = game.solve()
    (point,) = answer.equilibria
    share = game.admitted(point.prices)[0] / 40.0
    assert point.prices - [0.1, 0.05, 0.2] == pytest.approx(1.0 / (12.0 * (1.0 - share)), rel=1e-10)
    assert point.profit == pytest.approx((point.prices - [0.1, 0.05, 0.2]) * 15.0 * 40.0 * share, rel=1e-12)
    assert answer.complete
    assert 0.0 < answer.within < 0.01


def test_a_full_monopoly_asks_the_price_that_just_fills_it():
    """100 / (1 + exp(-(1 - 10 p))) = 5 at p = (1 - ln(5 / 95)) / 10; unbound it would ask less."""
    game = one_type(1, outside=0.0, places=5.0)
    answer = game.solve()
    (point,) = answer.equilibria
    assert point.prices[0] == pytest.approx((1.0 - np.log(5.0 / 95.0)) / 10.0, rel=1e-9)
    assert game.admitted(point.prices)[0, 0] == pytest.approx(5.0, rel=1e-9)
    assert answer.complete
    assert not answer.counted
    assert point.prices[0] > one_type(1, outside=0.0).solve().equilibria[0].prices[0] + 0.1


def test_a_kink_on_the_edge_of_boxes_is_not_lost():
    """The price that fills the lot is 1/2, where the very first cut is made."""
    places = 100.0 * expit(1.0 - 10.0 * 0.5)
    demand = LogitDemand([100.0], [20.0], -10.0, [[1.0]], 0.0)
    answer = PostedPriceGame(demand, cost=0.15, price_min=0.0, price_max=1.0, places=places).solve()
    assert answer.equilibria[0].prices[0] == pytest.approx(0.5, abs=1e-9)
    assert (answer.complete, answer.verdict) == (True, GameVerdict.EXACT)


def test_who_is_alone_without_an_outside_option_asks_the_highest_price():
    (point,) = one_type(1, outside=-np.inf).solve().equilibria
    assert point.prices[0] == 1.0
    assert point.profit[0] == pytest.approx(0.85 * 2000.0, rel=1e-14)


def test_a_cost_that_differs_by_type_counts_type_by_type():
    """Two types with different hours: the profit by hand, the price against a fine grid."""
    demand = LogitDemand([10.0, 30.0], [20.0, 10.0], [-8.0, -15.0], [[2.0], [3.0]], [0.0, 0.0])
    game = PostedPriceGame(demand, cost=[[0.3], [0.05]], price_min=0.0, price_max=1.0)
    fine = np.linspace(0.0, 1.0, 200_001)
    by_hand = (fine - 0.3) * 200.0 * expit(2.0 - 8.0 * fine) + (fine - 0.05) * 300.0 * expit(3.0 - 15.0 * fine)
    (point,) = game.solve().equilibria
    assert point.prices[0] == pytest.approx(fine[np.argmax(by_hand)], abs=1e-5)
    assert point.profit[0] == pytest.approx(by_hand.max(), rel=1e-9)


def test_a_game_with_two_equilibria_has_both():
    """One lot serves the shoppers, the other its loyal drivers, and either may be which."""
    answer = loyal_and_shoppers(60.0, 4.0).solve()
    first, second = answer.equilibria
    assert answer.complete
    assert answer.counted
    assert first.prices == pytest.approx(second.prices[::-1], abs=1e-9)
    assert abs(first.prices[0] - first.prices[1]) > 0.4
    assert {first.verdict, second.verdict} == {Verdict.EXACT}


@pytest.mark.parametrize(
    "game",
    [
        PostedPriceGame(
            LogitDemand([100.0], [10.0], -10.0, [[1.0, 1.0]]), cost=0.1, price_min=0.1, price_max=1.0, places=60.0
        ),
        loyal_and_shoppers(20.0, 2.0),
    ],
    ids=["capacities", "shoppers"],
)
def test_a_game_without_a_pure_equilibrium_is_proved_to_have_none(game: PostedPriceGame):
    answer = game.solve()
    assert (answer.verdict, answer.complete, answer.equilibria) == (GameVerdict.NO_PURE_EQUILIBRIUM, True, ())
    assert not answer.certified
    assert answer.nearest is not None
    assert answer.nearest.gain.max() > 1.0
    # Seen without the search: on a fine grid everybody's best answer is far from an equilibrium too.
    fine = np.linspace(0.1, 1.0, 91)
    on_grid = game.solve_on_grid([fine, fine])
    assert on_grid.verdict is GameVerdict.NO_PURE_EQUILIBRIUM
    assert on_grid.nearest is not None
    assert on_grid.nearest.gain.max() > 1.0


def test_without_a_proof_none_is_only_not_found():
    answer = loyal_and_shoppers(20.0, 2.0).solve(boxes=0)
    assert (answer.verdict, answer.complete, answer.boxes) == (GameVerdict.NONE_FOUND, False, 0)
    assert np.isinf(answer.within)
    answer = loyal_and_shoppers(20.0, 2.0).solve(boxes=10)
    assert (answer.verdict, answer.complete) == (GameVerdict.NONE_FOUND, False)


def test_nobody_comes_and_every_price_is_as_good():
    demand = LogitDemand([], [], -10.0, np.zeros((0, 2)))
    yardstick = PostedPriceGame(demand, cost=0.1, price_min=0.1, price_max=1.0).measure([0.4, 0.7])
    assert yardstick.posted.certified
    assert yardstick.certified
    assert yardstick.posted.profit.tolist() == [0.0, 0.0]


# The certificate


def test_a_price_beside_the_equilibrium_fails():
    game = one_type(3)
    prices = game.solve().equilibria[0].prices
    assert game.regret(prices).verdict is Verdict.EXACT
    prices[1] += 0.01
    false = game.regret(prices)
    assert not false.certified
    assert false.verdict is Verdict.KKT_CONSISTENT
    earned = game.profit(np.where(np.arange(3) == 1, false.best_price, prices))[1] - game.profit(prices)[1]
    assert false.gain[1] == pytest.approx(earned, rel=1e-9)
    assert false.gain[1] <= false.regret[1] <= false.gain[1] + 1e-6
    assert false.gain[1] > 0.05


def test_a_price_outside_of_its_range_is_not_a_price_of_the_game():
    assert one_type(1).regret([1.01]).verdict is Verdict.UNPROVED


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
@settings(max_examples=30)
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


def test_a_box_goes_when_a_lot_has_a_better_price_all_over_it():
    game = one_type(2)
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


# The yardstick


def test_the_yardstick_measures_against_the_nearest_equilibrium():
    game = loyal_and_shoppers(60.0, 4.0)
    answer = game.solve()
    high_first = max(answer.equilibria, key=lambda point: float(point.prices[0]))
    yardstick = game.measure([0.8, 0.4], answer=answer)
    assert yardstick.equilibrium is high_first
    assert yardstick.distance == pytest.approx(np.array([0.8, 0.4]) - high_first.prices)
    assert (yardstick.verdict, yardstick.certified) == (GameVerdict.EXACT, True)
    assert not yardstick.posted.certified
    assert yardstick.posted.prices.tolist() == [0.8, 0.4]


def test_the_yardstick_of_a_game_without_equilibrium_has_no_distance():
    yardstick = loyal_and_shoppers(20.0, 2.0).measure([0.3, 0.6], boxes=2000)
    assert yardstick.equilibrium is None
    assert np.isnan(yardstick.distance).all()
    assert (yardstick.verdict, yardstick.certified) == (GameVerdict.NO_PURE_EQUILIBRIUM, False)
    assert (yardstick.posted.gain <= yardstick.posted.regret).all()


# Prices from a grid


def by_hand(game: PostedPriceGame, grids: list[list[float]]) -> list[list[float]]:
    """Pure equilibria on a grid, one comparison after the other."""
    found = []
    for prices in itertools.product(*grids):
        gains = [
            game.profit([*prices[:lot], other, *prices[lot + 1 :]])[lot] - game.profit(prices)[lot]
            for lot in range(len(grids))
            for other in grids[lot]
        ]
        if max(gains) <= 1e-9:
            found.append(list(prices))
    return found


@pytest.mark.parametrize("loyal", [20.0, 60.0])
def test_all_pure_equilibria_on_a_grid_are_found(loyal: float):
    game, grid = loyal_and_shoppers(loyal, 4.0), [0.2, 0.3, 0.37, 0.5, 0.83, 1.0]
    answer = game.solve_on_grid([grid, grid])
    assert [point.prices.tolist() for point in answer.equilibria] == by_hand(game, [grid, grid])
    assert answer.complete
    assert answer.boxes == 36
    assert answer.verdict is (GameVerdict.EXACT if answer.equilibria else GameVerdict.NO_PURE_EQUILIBRIUM)


def test_too_many_combinations_are_answered_in_turn():
    game, grid = one_type(3), np.linspace(0.1, 1.0, 19)
    complete, found = game.solve_on_grid([grid] * 3), game.solve_on_grid([grid] * 3, profiles=100)
    assert (complete.complete, found.complete, found.boxes) == (True, False, 0)
    assert [point.prices.tolist() for point in found.equilibria] == [[0.25] * 3]
    assert [point.prices.tolist() for point in complete.equilibria] == [[0.25] * 3]


def test_the_regret_on_a_grid_is_that_of_its_best_price():
    game, grid = one_type(2), [0.2, 0.25, 0.3]
    point = game.regret_on_grid([0.2, 0.3], [grid, grid])
    best = [max(game.profit([own, 0.3])[0] for own in grid), max(game.profit([0.2, own])[1] for own in grid)]
    assert point.gain == pytest.approx(np.array(best) - game.profit([0.2, 0.3]), rel=1e-12, abs=1e-12)
    assert (point.gain <= point.regret).all()
    assert point.best_price.tolist() == [0.25, 0.25]


# Bad input

GOOD = {"drivers": [10.0], "energy_kwh": [20.0], "price_utility_per_kwh": -10.0, "attraction": [[1.0, 1.0]]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"price_utility_per_kwh": 10.0}, "price_utility_per_kwh: got 10.0, expected a number below 0"),
        ({"price_utility_per_kwh": 0.0}, "price_utility_per_kwh: got 0.0"),
        ({"price_utility_per_kwh": np.nan}, "price_utility_per_kwh: got nan"),
        ({"outside": np.nan}, "outside: got nan, expected its utility"),
        ({"outside": np.inf}, "outside: got inf"),
        ({"outside": [0.0, 0.0]}, "outside: got \\(2,\\)"),
        ({"drivers": [-1.0]}, "drivers: got -1.0"),
        ({"energy_kwh": [-2.0]}, "energy_kwh: got -2.0"),
        ({"energy_kwh": [1.0, 2.0]}, "energy_kwh: got \\(2,\\)"),
        ({"attraction": [1.0, 1.0]}, "attraction: got \\(2,\\)"),
        ({"attraction": [[np.inf, 1.0]]}, "attraction: got inf"),
    ],
)
def test_drivers_that_cannot_be_are_refused(changes: dict[str, object], message: str):
    with pytest.raises(InputError, match=f"^posted prices: {message}"):
        LogitDemand(**GOOD | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"places": 0.0}, "places of north: got 0.0, expected more than 0"),
        ({"places": [5.0, -1.0]}, "places of south: got -1.0"),
        ({"places": np.nan}, "places of north: got nan"),
        ({"places": [5.0]}, "places: got \\(1,\\)"),
        ({"price_min": 0.6}, "prices of north: got \\(0.6, 0.5\\), expected a price_min up to price_max"),
        ({"price_max": np.inf}, "price_max: got inf"),
        ({"cost": [[0.1], [0.1]]}, "cost: got \\(2, 1\\)"),
        ({"cost": np.nan}, "cost: got nan"),
        ({"names": ("north",)}, "names: got 1"),
    ],
)
def test_lots_that_cannot_be_are_refused(changes: dict[str, object], message: str):
    good = {"cost": 0.1, "price_min": 0.1, "price_max": 0.5, "names": ("north", "south")}
    with pytest.raises(InputError, match=f"^posted prices: {message}"):
        PostedPriceGame(LogitDemand(**GOOD), **good | changes)


def test_prices_and_grids_that_cannot_be_are_refused():
    game = one_type(2)
    with pytest.raises(InputError, match="prices: got nan"):
        game.regret([0.2, np.nan])
    with pytest.raises(InputError, match="prices: got \\(1,\\)"):
        game.measure([0.2])
    with pytest.raises(InputError, match="grids: got 1, expected 2 grids"):
        game.solve_on_grid([[0.2]])
    with pytest.raises(InputError, match="grid of lot 1: got \\[\\], expected a finite price"):
        game.regret_on_grid([0.2, 0.2], [[0.2], []])
