"""Parts of two settlements by hand: rows that hold positions, broken limits, the published loop, what is refused."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.errors import InputError
from equilibrium.grid.restoration import Outage, polygon
from equilibrium.markets.two_settlement import day_ahead, network
from equilibrium.markets.two_settlement.real_time import Event, check_look_ahead
from equilibrium.markets.two_settlement.recourse import SAME_ROUND, Policies, Recourse
from equilibrium.markets.two_settlement.relations import ONE_NUMBER, _same, other_units
from equilibrium.programs.program import ProgramBuilder
from tests.equilibrium.day_ahead_days import made_day, made_system
from tests.equilibrium.two_settlement_real import bid, positions, real_day, system, weather

INF = float("inf")


# Rows of the first stage


def first_stage(build: ProgramBuilder, periods: int) -> Any:
    """Columns of what is fixed before: of two units, one bid, and no plan."""
    one = {name: build.columns(name, (periods,)) for name in ("bought", "sold", "reactive", "spinning")}
    states = [SimpleNamespace(on=build.columns(f"on {k}", (periods,))) for k in range(2)]
    accepted = build.columns("accepted", (periods, 1))
    reserve = build.columns("reserve", (2, periods, 1))
    plan = np.zeros((periods, 0), dtype=np.int64)
    return SimpleNamespace(**one, states=states, accepted=accepted, reserve=reserve, plan=plan)


def entries(program: Any, name: str) -> list[dict[int, float]]:
    """The coefficients of every row of a block."""
    dense = program.bind({}).matrix.toarray()
    return [
        {int(k): float(dense[row, k]) for k in np.flatnonzero(dense[row])} for row in program.rows[name].index.ravel()
    ]


def test_what_is_fixed_before_stays_the_same_over_periods_that_belong_together() -> None:
    """Of four periods two and two: the second and the fourth are as the one before, in all nine series."""
    build = ProgramBuilder()
    first = first_stage(build, 4)
    day_ahead._hold(build, first, 2)
    program = build.compile()
    series = [first.bought, first.sold, first.reactive, first.spinning, first.accepted[:, 0]]
    series += [first.reserve[0, :, 0], first.reserve[1, :, 0], first.states[0].on, first.states[1].on]
    wanted = [{int(each[t]): 1.0, int(each[t - 1]): -1.0} for t in (1, 3) for each in series]
    assert entries(program, "held") == wanted
    assert program.row_lower.tolist() == program.row_upper.tolist() == [0.0] * 18
    for held in (1, 4):
        build = ProgramBuilder()
        day_ahead._hold(build, first_stage(build, 4), held)
        rows = build.compile().rows
        assert ("held" in rows) == (held == 4)
        assert held == 1 or rows["held"].shape == (3, 9)


def test_no_more_is_sold_than_units_sun_and_wind_make() -> None:
    """Units give their least of 2 and 3 kW where they are on, and what is above it; in both scenarios."""
    build = ProgramBuilder()
    first = first_stage(build, 2)
    each = [
        SimpleNamespace(above=build.columns(f"above {k}", (2, 2)), renewable=build.columns(f"sun {k}", (2, 1)))
        for k in range(2)
    ]
    units: Any = SimpleNamespace(generators=(SimpleNamespace(least_kw=2.0), SimpleNamespace(least_kw=3.0)))
    day_ahead._state_own(build, units, first, each)  # type: ignore[arg-type]
    program = build.compile()
    for k, scenario in enumerate(each):
        for t, row in enumerate(entries(program, f"own in {k}")):
            wanted = {int(first.sold[t]): 1.0, int(first.states[0].on[t]): -2.0, int(first.states[1].on[t]): -3.0}
            wanted |= {int(column): -1.0 for column in (*scenario.above[t], *scenario.renewable[t])}
            assert row == wanted
    assert program.row_upper.tolist() == [0.0] * 4
    assert program.row_lower.tolist() == [-INF] * 4


# Limits of the network


def radial(rating: list[float]) -> Any:
    """Three buses, the first a tree of its own; a kW lowers squares of the others by 0.1 or 0.2, a kvar by half."""
    drop = np.zeros((2, 3, 3))
    drop[0, 1, 1], drop[0, 2, 1:] = 0.1, [0.1, 0.2]
    drop[1] = 0.5 * drop[0]
    return SimpleNamespace(
        rating_kva=np.array(rating),
        square=1.0,
        drop=drop,
        low=np.array([0.81, 0.81, 0.9]),
        high=np.array([1.21, 1.21, 1.1]),
        tree=np.array([0, 1, 1]),
        below=np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0], [0.0, 0.0, 1.0]]),
    )


def injections(taken: list[Any]) -> Any:
    """What is taken at the buses, kW and kvar in each period; its rows are of one column a period."""
    given: list[Any] = []

    def row(period: int, weight: Any) -> tuple[Any, Any, float]:
        given.append((period, np.round(weight, 9).tolist()))
        return np.array([period]), np.array([1.0]), 0.25

    return SimpleNamespace(taken=lambda _: np.array(taken), row=row, given=given)


def test_the_worst_voltage_of_every_tree_and_period_is_a_limit() -> None:
    """In period 0 bus 2 falls to 1 - 0.1 - 0.2 - 0.05; in period 1 power is given, and bus 2 rises; bus 0 stays."""
    each = injections([[[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]], [[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]])
    fine = injections([np.zeros((2, 3)), np.zeros((2, 3))])
    found = network.broken_limits(radial([INF] * 3), [fine, each], np.zeros(1))
    assert [(limit.scenario, limit.period) for limit in found] == [(1, 0), (1, 1)]
    assert each.given == [(0, [[0.0, 0.1, 0.2], [0.0, 0.05, 0.1]]), (1, [[0.0, 0.1, 0.2], [0.0, 0.05, 0.1]])]
    # The row is what is taken, so that its limits are those of what may be lost: 1 - 0.25 less the most and the least.
    assert [limit.lower for limit in found] == pytest.approx([-0.35] * 2)
    assert [limit.upper for limit in found] == pytest.approx([-0.15] * 2)


def test_a_rating_is_the_side_of_a_polygon_that_is_broken_most() -> None:
    """Branch 1 carries 3 kW of bus 1 and 1 of bus 2 beside 0.5 kvar, of 2 kVA; branch 2 has no rating."""
    cosine, sine, reach = polygon()
    taken = [[[0.0, 3.0, 1.0]], [[0.0, 0.0, 0.5]]]
    each = injections(taken)
    net = radial([INF, 2.0, INF])
    net.drop = 0.0 * net.drop
    (limit,) = network.broken_limits(net, [each], np.zeros(1))
    turn = int(np.argmax(4.0 * cosine + 0.5 * sine))
    assert each.given == [(0, np.round([[0.0, cosine[turn], cosine[turn]], [0.0, sine[turn], sine[turn]]], 9).tolist())]
    assert limit.lower == -INF
    assert limit.upper == pytest.approx(reach * 2.0 - 0.25)
    both = radial([INF, 2.0, 1e9])
    both.drop = net.drop
    assert len(network.broken_limits(both, [injections(taken)], np.zeros(1))) == 1
    assert network.broken_limits(radial([INF, 9.0, 9.0]), [injections([np.zeros((1, 3))] * 2)], np.zeros(1)) == []


# Policies


def test_what_policies_are_worth_to_each_other() -> None:
    found = Recourse(20.0, 12.0, 13.0, 7.0, np.array([7.0, 10.0, 9.0]), settled=True)
    assert (found.perfect_information, found.stochastic_solution, found.distance) == (8.0, 5.0, 2.0)


def loop(values: list[float | None], departures: list[float], rounds: int = 9) -> tuple[list[float], bool, list[Any]]:
    """Play the published loop: what each round earns, what real time buys then; the loads at the root that were met."""
    here: Any = object.__new__(Policies)
    here.system = SimpleNamespace(grid=SimpleNamespace(roots=(1, 0)))
    here.day = made_day(np.random.default_rng(1), periods=2)
    left, gone, loads = iter(values), iter(departures), list[Any]()

    def carried(positions: Any) -> Any:
        loads.append(positions)
        value = next(left)
        return None if value is None else SimpleNamespace(objective=-value, x=None)

    here._positions = lambda day: day.scenarios[0].load_kw.copy()
    here.carried_out = carried
    here._departure = lambda _: np.array([next(gone), 0.0])
    found, settled = here._feedback(rounds, 0.5)
    return found.tolist(), settled, loads


def test_the_published_loop_corrects_the_load_at_the_first_root() -> None:
    values, settled, loads = loop([5.0, 7.0, 7.0], [4.0, -9999.0])
    assert (values, settled) == ([5.0, 7.0, 7.0], True)
    first = loads[0]
    for load, root in ((loads[1], [first[0, 1] + 2.0, first[1, 1]]), (loads[2], [0.0, first[1, 1]])):
        assert load[:, 1].tolist() == pytest.approx(root)
        assert np.array_equal(np.delete(load, 1, axis=1), np.delete(first, 1, axis=1))


def test_the_loop_ends_where_values_stay_or_nothing_can_be_kept() -> None:
    close = 7.0 + 7.9 * SAME_ROUND
    assert loop([7.0, close], [0.0])[:2] == ([7.0, close], True)
    apart = 7.0 + 8.2 * SAME_ROUND
    assert loop([7.0, apart, 9.0], [0.0] * 3, rounds=3)[:2] == ([7.0, apart, 9.0], False)
    assert loop([7.0, None], [0.0])[:2] == ([7.0, -INF], False)
    assert loop([7.0], [0.0], rounds=1)[:2] == ([7.0], False)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"rounds": 0}, "rounds: got 0, expected at least 1"),
        ({"damping": 0.0}, "damping: got 0.0, expected a share above 0, at most 1"),
        ({"damping": 1.0 + 1e-9}, "damping: got 1.000000001, expected a share above 0, at most 1"),
    ],
)
def test_what_the_loop_cannot_be(options: dict[str, Any], told: str) -> None:
    here: Any = object.__new__(Policies)
    with pytest.raises(InputError) as caught:
        here.compare(**options)
    assert str(caught.value) == f"policies: {told}"


def test_values_are_those_of_the_parts() -> None:
    """Scenarios of a quarter and three quarters are worth at most 8 and 12 alone."""
    here: Any = object.__new__(Policies)
    weights = [SimpleNamespace(probability=0.25), SimpleNamespace(probability=0.75)]
    day = made_day(np.random.default_rng(1), periods=2)
    here.day = replace(
        day, scenarios=tuple(replace(day.scenarios[k], probability=w.probability) for k, w in enumerate(weights))
    )
    bounds = iter([-8.0, -12.0])

    def search(alone: Any) -> Any:
        assert [each.probability for each in alone.scenarios] == [1.0]
        return SimpleNamespace(required=lambda _: (None, SimpleNamespace(bound=next(bounds))))

    asked = SimpleNamespace(cost=np.array([2.0, -3.0]))
    whole = SimpleNamespace(required=lambda _: (asked, SimpleNamespace(x=np.array([1.0, 4.0]), bound=-10.5)))
    here._whole, here._search = whole, search
    here._asked = lambda _: asked
    here._feedback = lambda *_: (np.array([6.0, 9.0]), True)
    found = here.compare()
    assert (found.wait_and_see, found.value, found.bound, found.mean_value) == (11.0, 10.0, 10.5, 6.0)
    assert (found.feedback.tolist(), found.settled) == ([6.0, 9.0], True)


# Other forms of a day


def test_the_order_of_units_and_bids_turns_round() -> None:
    rng = np.random.default_rng(3)
    system, day = made_system(rng), made_day(rng)
    day = replace(day, bids=(*day.bids, replace(day.bids[0], name="other")))
    turned, other = other_units(system, day)
    for name in ("generators", "renewables", "storages"):
        assert getattr(turned, name) == getattr(system, name)[::-1]
    assert [each.name for each in other.bids] == ["other", day.bids[0].name]
    for one, two in zip(day.scenarios, other.scenarios, strict=True):
        assert np.array_equal(two.available_kw, np.flip(one.available_kw, axis=1))


def test_intervals_of_the_objective_are_compared_where_it_is_one_number() -> None:
    def cleared(objective: float, bound: float, aim: str = ONE_NUMBER[0]) -> Any:
        return SimpleNamespace(objective=objective, bound=bound, aim=aim)

    double = _same(2.0)
    assert double(cleared(10.0, 12.0), cleared(24.0, 30.0)) == 0.0
    assert double(cleared(10.0, 12.0), cleared(25.0, 30.0)) == pytest.approx(1.0 / 20.0)
    assert double(cleared(10.0, 12.0, "front"), cleared(99.0, 99.0)) == 0.0


# Real time


MADE: Any = system()
WEATHER = weather(MADE, [0.2, 0.3, 0.4])


def refused(**changes: Any) -> str:
    day = replace(real_day(WEATHER), **changes)
    with pytest.raises(InputError) as caught:
        day.check(MADE, positions(MADE, 3), 0)
    return str(caught.value)


def test_a_day_of_real_time_that_does_not_fit_together_is_refused() -> None:
    day = real_day(WEATHER)
    day.check(MADE, positions(MADE, 3), 0)
    replace(day, memory=0.0).check(MADE, positions(MADE, 3), 0)
    replace(day, memory=1.0).check(MADE, positions(MADE, 3), 0)
    dear = replace(WEATHER, prices=replace(WEATHER.prices, sell=np.array([0.1, 0.5, 0.6])))
    told = "real time: seen prices, sell in period 1: got 0.5, expected at most the price of buying (0.3)"
    assert refused(seen=dear) == told
    wrong = replace(day.penalties, **{name: np.array([0.1, -0.5, -0.25]) for name in list(vars(day.penalties))[:1]})
    assert refused(penalties=wrong).endswith("got -0.5, expected numbers from 0")
    assert refused(hour=np.array([0, 1, 3])) == "real time: hour: got [0, 1, 3], expected periods from 0 to 2"
    assert refused(hour=np.array([0, -1, 2])) == "real time: hour: got [0, -1, 2], expected periods from 0 to 2"
    for memory in (-1e-9, 1.0 + 1e-9):
        assert refused(memory=memory) == f"real time: memory: got {memory!r}, expected a share, 0 to 1"
    assert refused(called_share=np.zeros(2)).startswith("real time: called_share: got (2,), expected finite numbers")
    assert refused(called_share=np.full(3, np.nan)).endswith("expected finite numbers of shape (3,)")


@pytest.mark.parametrize(
    ("first", "last", "fine"), [(0, 2, True), (1, 1, True), (-1, 1, False), (2, 1, False), (1, 3, False)]
)
def test_outages_lie_within_the_day(first: int, last: int, *, fine: bool) -> None:
    event = Event(Outage("line", (1,), ()), first, last)
    if fine:
        replace(real_day(WEATHER), events=(event,)).check(MADE, positions(MADE, 3), 0)
        return
    told = f"got ({first}, {last}), expected periods from 0 to 2, the first not after the last"
    assert refused(events=(event,)) == f"real time: outage line: {told}"


def test_a_root_is_left_in_every_period() -> None:
    roots = tuple(MADE.grid.roots)
    assert refused(events=(Event(Outage("all", (), roots), 1, 2),)) == (
        "real time: outages in period 1: got 'all', expected a root that is left"
    )
    events = (Event(Outage("a", (2, 1), (2,)), 0, 1), Event(Outage("b", (1,), ()), 1, 2))
    day = replace(real_day(WEATHER), events=events)
    failed = day.failed(1)
    assert (failed.name, failed.branches, failed.buses) == ("a and b", (1, 2), (2,))
    assert (day.failed(0).name, day.failed(2).name) == ("a", "b")


@pytest.mark.parametrize(("look_ahead", "periods"), [(0, 9), (10, 9), (97, 200)])
def test_a_window_is_a_part_of_the_day(look_ahead: int, periods: int) -> None:
    check_look_ahead(1, periods)
    check_look_ahead(min(96, periods), periods)
    with pytest.raises(InputError) as caught:
        check_look_ahead(look_ahead, periods)
    told = f"look_ahead: got {look_ahead}, expected from 1 to {min(96, periods)} periods, those of the day"
    assert str(caught.value) == f"real time: {told}"


def test_what_was_accepted_has_a_column_for_each_bid() -> None:
    day = real_day(WEATHER)
    day.check(MADE, positions(MADE, 3, bids=1), 1)
    with pytest.raises(InputError, match="accepted_kw"):
        day.check(MADE, positions(MADE, 3, bids=1), 2)
    assert bid([1.0]).power_kw.tolist() == [1.0]
