"""The game of posted prices: answers known in closed form, proofs against dense grids, several equilibria and none."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from scipy.special import expit, lambertw

from equilibrium.certificate import Verdict
from equilibrium.errors import InputError
from equilibrium.games.answer import GameVerdict
from equilibrium.markets.charging.demand import LogitDemand
from equilibrium.markets.charging.lot_profits import LotProfits
from equilibrium.markets.charging.posted_prices import PostedPriceGame
from tests.equilibrium.posted_games import games, loyal_and_shoppers, one_type

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


@pytest.mark.parametrize("lots", [1, 2, 3, 4, 6])
def test_alike_lots_have_the_markup_of_the_logit(lots: int):
    game = one_type(lots)
    answer = game.solve()
    (point,) = answer.equilibria
    share = game.admitted(point.prices)[0] / 100.0
    assert point.prices - 0.15 == pytest.approx(1.0 / (10.0 * (1.0 - share)), rel=1e-10)
    assert len(set(point.prices.tolist())) == 1
    assert answer.verdict is GameVerdict.EXACT
    assert answer.complete is answer.counted is (lots <= 4)


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
