"""When an iteration may stop."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from equilibrium.markets.nodal.iteration import ITERATIONS, Search, iterate, weigh
from equilibrium.markets.nodal.play import NoDispatchError
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
