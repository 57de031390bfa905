"""When an iteration may stop, and what it says of the point where it does."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from equilibrium.markets.nodal.iteration import ITERATIONS, Search, iterate, weigh
from equilibrium.markets.nodal.play import NoDispatchError
from equilibrium.markets.nodal.response import BestResponse
from equilibrium.programs.program import INF
from tests.equilibrium.oracle import examples, game_apart, tight_markets


@examples(16)
@given(tight_markets(min_lots=2), st.sampled_from(ITERATIONS), st.randoms())
def test_answers_that_hold_are_those_of_a_fresh_look_at_every_lot(market, method, random):
    network, day = market
    lots = list(range(len(network.lots)))
    random.shuffle(lots)
    try:
        play = game_apart(network, day, np.zeros((day.hours, len(lots))))
    except NoDispatchError:
        assume(False)
    search = iterate(play, lots, method=method)
    assume(not search.blocked)
    fresh = Search()
    weigh(play, lots, fresh)
    for lot in lots:
        assert search.profit[lot] == pytest.approx(fresh.profit[lot], rel=1e-9, abs=1e-7)
        assert search.bound[lot] == pytest.approx(fresh.bound[lot], rel=1e-9, abs=1e-7)


# The iteration itself, on games that need no feeder -----------------------------------------------------------------


class Table:
    """A game of one hour in which each lot draws 0 or 1 kW; ``earns[lot](power)`` is what it earns."""

    def __init__(self, *earns, start=(0.0, 0.0), served=lambda _: True):
        self.power, self.late, self.asked = np.array([start], dtype=float), False, []
        self._earns, self._served = earns, served

    def _profit(self, lot, kw):
        power = self.power[0].copy()
        power[lot] = kw
        return self._earns[lot](power) if self._served(power) else -INF

    def respond(self, lot):
        self.asked.append(lot)
        best = max((0.0, 1.0), key=lambda kw: self._profit(lot, kw))
        value, now = self._profit(lot, best), self._profit(lot, self.power[0, lot])
        return None if value == -INF else BestResponse(np.array([best]), value, value, 1, 0.5), now

    def move(self, power):
        self.power = power.copy()

    def reach(self, power):
        if not self._served(power[0]):
            return False
        self.move(power)
        return True


def dominant(lot):
    """Drawing earns 1 whatever the rival does."""
    return lambda power: power[lot]


def same(power):
    return float(power[0] == power[1])


def different(power):
    return float(power[0] != power[1])


@pytest.mark.parametrize(("method", "asked"), [("gauss-seidel", [0, 1, 0]), ("jacobi", [0, 1, 0, 1])])
def test_a_lot_is_asked_again_only_after_a_rival_has_moved(method, asked):
    play = Table(dominant(0), dominant(1))
    search = iterate(play, (0, 1), method=method)
    assert play.power.tolist() == [[1.0, 1.0]]
    assert play.asked == asked
    assert (search.rounds, search.cycle, search.blocked, search.epsilon) == (2, 0, False, 0.0)
    assert (search.nodes, search.seconds) == (len(asked), 0.5 * len(asked))


@pytest.mark.parametrize("method", ITERATIONS)
def test_matching_pennies_comes_back_and_the_bounds_belong_to_where_it_ends(method):
    play = Table(same, different)
    search = iterate(play, (0, 1), method=method)
    assert search.cycle > 0
    assert search.bound == {0: 1.0, 1: 1.0}
    assert sorted(search.profit.values()) == [0.0, 1.0]
    assert search.epsilon == 1.0


def test_lots_that_move_together_may_leave_no_dispatch():
    one_at_most = {"served": lambda power: power.sum() <= 1.0}
    together, in_turn = (Table(dominant(0), dominant(1), **one_at_most) for _ in range(2))
    search = iterate(together, (0, 1), method="jacobi")
    assert search.blocked
    assert together.power.tolist() == [[0.0, 0.0]]
    assert search.gains == {0: 1.0, 1: 1.0}
    assert not iterate(in_turn, (1, 0)).blocked
    assert in_turn.power.tolist() == [[0.0, 1.0]]


def test_a_lot_whose_rivals_leave_it_nothing_proves_nothing():
    play = Table(dominant(0), dominant(1), start=(1.0, 1.0), served=lambda power: power[1] == 0.0)
    search = iterate(play, (0,))
    assert search.bound[0] == INF
    assert search.profit[0] == -INF


def test_a_present_schedule_without_a_dispatch_is_left():
    play = Table(lambda _: -5.0, dominant(1), start=(1.0, 0.0), served=lambda power: power[0] == 0.0)
    search = iterate(play, (0,))
    assert play.power.tolist() == [[0.0, 0.0]]
    assert search.profit[0] == search.bound[0] == -5.0


def test_when_time_is_up_every_lot_is_weighed_where_the_game_stands():
    play = Table(dominant(0), dominant(1))
    play.late = True
    search = iterate(play, (0, 1))
    assert play.power.tolist() == [[1.0, 0.0]]
    assert play.asked == [0, 0, 1]
    assert search.gains == {0: 0.0, 1: 1.0}


def test_those_who_follow_end_what_has_been_proved():
    """The lot wants to be where its rival is; that one moves once, between the rounds."""
    moves = iter([True])

    def between(play):
        if next(moves, False):
            play.move(np.array([[play.power[0, 0], 1.0]]))
            return True
        return False

    play = Table(same, dominant(1), start=(1.0, 0.0))
    search = iterate(play, (0,), between=between)
    assert play.power.tolist() == [[1.0, 1.0]]
    assert (play.asked, search.rounds) == ([0, 0], 3)
    assert search.bound[0] == search.profit[0] == 1.0


def test_a_round_that_ends_where_it_began_ends_the_search_without_a_proof():
    """Those who follow undo what the lot does."""

    def between(play):
        play.move(np.zeros((1, 2)))
        return True

    play = Table(dominant(0), dominant(1))
    search = iterate(play, (0,), between=between)
    assert (search.rounds, play.asked) == (1, [0, 0])
    assert search.gains == {0: 1.0}
