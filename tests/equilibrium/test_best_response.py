"""A lot's best response against a mixed-integer program on the same curves and against its MPEC on the whole feeder."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from equilibrium.fleet.day import Fleet, LotDay
from equilibrium.fleet.envelope import lot_day
from equilibrium.fleet.split import greedy_split
from equilibrium.grid.assets import LotSite
from equilibrium.markets.charging.lots import stacked
from equilibrium.markets.nodal import players, response
from equilibrium.markets.nodal.curves import Curve, trace
from equilibrium.markets.nodal.players import Players
from equilibrium.markets.nodal.relaxation import Vehicles, _Exchanges
from equilibrium.markets.nodal.response import BestResponse, FirstLook, best_response, profit_on_curves
from scenarios.random_markets import fleets, lot_days
from tests.equilibrium.conftest import lot_data, small_day, small_network
from tests.equilibrium.oracle import (
    best_deviation,
    examples,
    own_powers,
    segment_milp,
    solved_hours,
    tight_markets,
    violation,
)
from tests.equilibrium.test_vertices import SEEDS, some_powers

FROM_TO = np.zeros(2, dtype=np.int64), np.full(2, 3)
"""Hours in which two vehicles come and go."""

SITES = [LotSite("lot", 0, 0.95, terminal) for terminal in ("eq", "ge")]


@st.composite
def staircases(draw: st.DrawFn, lot: LotDay) -> list[Curve]:
    """Curves with many kinks: far steeper games than a small feeder makes; some leave the lot less than its limit."""
    rng = np.random.default_rng(draw(SEEDS))
    count, scale = draw(st.integers(1, 6)), draw(st.sampled_from([0.02, 0.2, 1.0]))
    curves = []
    for limit in lot.power_max_kw:
        high = limit * rng.choice([1.0, 1.0, 0.8])
        knots = np.unique(np.round(np.append(rng.random(count - 1) * high, [0.0, high]), 3))
        knots = np.append(knots, knots[-1]) if knots.size == 1 else knots
        slopes = np.cumsum(np.round(rng.random(knots.size - 1), 4) * scale + 1e-3) - rng.choice([0.0, 0.1])
        curves.append(Curve(knots, slopes))
    return curves


@examples(60)
@given(st.data(), lot_days(hours=4), st.sampled_from(SITES))
def test_it_is_the_optimum_of_the_segment_program(data, lot, site):
    curves = data.draw(staircases(lot))
    best = segment_milp(lot.charging_price, curves, site, lot)
    answer = best_response(lot.charging_price, curves, own_powers(site, lot))
    if answer is None:
        assert best == -np.inf
        return
    assert answer.profit == pytest.approx(best, abs=1e-6 * (1 + abs(best)))
    assert answer.bound >= answer.profit
    assert answer.bound - answer.profit <= 1e-8 * (1 + abs(best))
    assert profit_on_curves(lot.charging_price, curves, answer.power_kw, np.ones(4)) == pytest.approx(
        answer.profit, abs=1e-9
    )
    assert violation(site, lot, answer.power_kw) < 1e-6


@examples(60)
@given(st.data(), fleets(hours=4), st.floats(0.05, 0.5))
def test_with_vehicles_it_is_the_optimum_over_what_they_can_take(data, fleet, price):
    """The segment program has a row for every set of hours, which says all that vehicles can take."""
    lot = lot_day(fleet, np.full(4, price), SITES[0].efficiency)
    curves = data.draw(staircases(lot))
    best = segment_milp(lot.charging_price, curves, SITES[0], lot)
    drawn = greedy_split(fleet.power_kw, fleet.need_kwh / SITES[0].efficiency, np.arange(4))
    own = replace(own_powers(SITES[0], lot), vehicles=Vehicles(fleet.power_kw.T.copy(), drawn.T.copy()))
    answer = best_response(lot.charging_price, curves, own)
    if answer is None:
        assert best == -np.inf
        return
    assert answer.profit == pytest.approx(best, abs=1e-6 * (1 + abs(best)))
    assert answer.bound >= answer.profit
    assert answer.bound - answer.profit <= 1e-8 * (1 + abs(best))
    assert profit_on_curves(lot.charging_price, curves, answer.power_kw, np.ones(4)) == pytest.approx(
        answer.profit, abs=1e-9
    )
    assert answer.drawn_kwh.sum(axis=1) == pytest.approx(answer.power_kw, abs=1e-8)
    assert answer.drawn_kwh.sum(axis=0) == pytest.approx(fleet.need_kwh / SITES[0].efficiency, abs=1e-8)
    assert (answer.drawn_kwh <= fleet.power_kw.T + 1e-9).all()


@examples(24)
@given(tight_markets(hours=3, max_buses=4, max_lots=2), SEEDS)
def test_it_is_the_optimum_of_the_lots_mpec(market, seed):
    """Wherever the rivals stand: the curve method and the KKT form are two statements of one problem."""
    network, day = market
    power = some_powers(day, seed, 0.4)
    *_, vertices, solved = solved_hours(network, day, power)
    assume(solved.all())
    lot = seed % len(network.lots)
    site, own = network.lots[lot], day.lots[lot]
    curves = trace(vertices, lot, stacked(day.lots, "power_max_kw", day.hours)[:, lot])
    answer = best_response(own.charging_price, curves, own_powers(site, own))
    assume(answer is not None)
    value, _ = best_deviation(network, day, power, lot)
    assert answer.profit == pytest.approx(value, abs=1e-6 * (1 + abs(value)))


def test_a_lot_stops_at_the_kink_where_its_price_would_rise():
    """(0.1 - 0.03) 100 = 7 beats (0.1 - 0.06) 150 = 6; with room for 200 the dearer segment wins: 8."""
    lot = LotDay(np.full(1, 0.1), np.zeros(1), np.zeros(1), 0.0, np.zeros(1), np.full(1, 1e3), np.full(1, 150.0))
    site = LotSite("lot", 0, 1.0, "ge")
    answer = best_response(
        lot.charging_price, [Curve(np.array([0.0, 100.0, 150.0]), np.array([0.03, 0.06]))], own_powers(site, lot)
    )
    assert answer.power_kw.tolist() == pytest.approx([100.0])
    assert answer.profit == pytest.approx(7.0)
    wide = [Curve(np.array([0.0, 100.0, 200.0]), np.array([0.03, 0.06]))]
    lot = LotDay(np.full(1, 0.1), np.zeros(1), np.zeros(1), 0.0, np.zeros(1), np.full(1, 1e3), np.full(1, 200.0))
    assert best_response(lot.charging_price, wide, own_powers(site, lot)).profit == pytest.approx(8.0)


def test_curves_that_end_too_early_leave_no_schedule():
    lot = LotDay(np.full(1, 0.1), np.zeros(1), np.zeros(1), 80.0, np.zeros(1), np.full(1, 1e3), np.full(1, 150.0))
    site = LotSite("lot", 0, 1.0, "eq")
    short = [Curve(np.array([0.0, 50.0]), np.array([0.03]))]
    assert best_response(lot.charging_price, short, own_powers(site, lot)) is None


def test_a_response_begins_with_the_one_before(monkeypatch: pytest.MonkeyPatch):
    """Majorants are made anew where the curve is another; the search begins at what vehicles drew, and ends alike."""
    fleet = Fleet(np.full((2, 3), 4.0), np.zeros(2), np.array([3.0, 6.0]), np.full(2, 20.0), *FROM_TO)
    lot = lot_day(fleet, np.array([0.5, 0.6, 0.55]), 1.0)
    limit, drawn = fleet.power_kw, greedy_split(fleet.power_kw, fleet.need_kwh, np.arange(3))
    vehicles = Vehicles(np.ascontiguousarray(limit.T), np.ascontiguousarray(drawn.T))
    own = replace(own_powers(SITES[0], lot), vehicles=vehicles)
    curves = [Curve(np.array([0.0, 3.0, 8.0]), np.array([at, at + 0.1])) for at in (0.1, 0.12, 0.13)]
    first = best_response(lot.charging_price, curves, own)
    assert first is not None
    assert first.first is not None
    assert first.first.curves == curves
    changed = [curves[0], Curve(np.array([0.0, 5.0, 8.0]), np.array([0.05, 0.4])), curves[2]]
    made: list[Curve] = []
    begun: list[object] = []
    majorant, solve = response.majorant, _Exchanges.solve
    monkeypatch.setattr(response, "majorant", lambda f, c, *rest: (made.append(c), majorant(f, c, *rest))[1])
    monkeypatch.setattr(_Exchanges, "solve", lambda self, m, b, *r: (begun.append(b), solve(self, m, b, *r))[1])
    alone = best_response(lot.charging_price, changed, own)
    assert made[:3] == changed
    assert begun[0] is None
    made.clear(), begun.clear()
    again = best_response(lot.charging_price, changed, own, before=first.first)
    assert made[0] is changed[1]
    assert begun[0] is first.first.node.best
    assert alone is not None
    assert again is not None
    assert again.first is not None
    assert again.power_kw == pytest.approx(alone.power_kw, abs=1e-9)
    assert (again.profit, again.bound) == pytest.approx((alone.profit, alone.bound), abs=1e-12)
    assert [a is b for a, b in zip(again.first.node.majorants, first.first.node.majorants, strict=True)] == [
        True,
        False,
        True,
    ]


def test_each_lot_s_next_response_begins_with_its_own_last(monkeypatch: pytest.MonkeyPatch):
    """A response that there is none of leaves what was known."""
    network, day = small_network(lots=2), small_day([0.1, 0.2], (lot_data(4.0, [5.0, 5.0]),) * 2)
    known = Players(network, day, ())
    begun: list[object] = []
    looks = [FirstLook([], None), FirstLook([], None), None, FirstLook([], None)]
    answers = iter(
        [None if look is None else BestResponse(np.zeros(2), 0.0, 0.0, 1, 0.0, first=look) for look in looks]
    )

    def told(*given_: object) -> BestResponse | None:
        begun.append(given_[-1])
        return next(answers)

    monkeypatch.setattr(players, "best_response", told)
    monkeypatch.setattr(players, "profit_on_curves", lambda *_: 0.0)
    for lot in (0, 1, 0, 0):
        known.respond(lot, [], np.zeros(2))
    assert [begun[0], begun[1]] == [None, None]
    assert begun[2] is looks[0]
    assert begun[3] is looks[0]
    assert known._first == {0: looks[3], 1: looks[1]}
