"""The leader's search, step by step: gaps and nodes that groups are given, prices of losses, and what ends it."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.deadline import Deadline
from equilibrium.errors import InfeasibleError
from equilibrium.markets.aggregator import leader
from equilibrium.markets.aggregator.leader import EXPLORED, GUESS, NEARLY, PART, Leader, _next_price
from equilibrium.programs.program import FEASIBILITY
from tests.equilibrium.aggregator_days import on_line, random_day


def loss(value: float) -> Any:
    """A price of losses, of two periods and one lot."""
    return np.full((2, 1), value)


def point(value: float, price: float = 0.0, **prices: list[float]) -> Any:
    """A point of which the search asks what it earns, and the price of losses that it makes."""
    return SimpleNamespace(value=value, loss_price=loss(price), prices={n: np.array(p) for n, p in prices.items()})


def made(groups: int = 2, *, grid: bool = True, scenarios: int = 1, deadline: Deadline | None = None) -> Any:
    """A leader of so many groups, of whom nothing is solved."""
    made: Any = object.__new__(Leader)
    made.day = SimpleNamespace(
        periods=2,
        scenarios=scenarios,
        energy_cap=np.array([3.0, 5.0]),
        energy_price=np.array([5.0, 1.0]),
        length_h=np.array([0.5, 2.0]),
        retailer=SimpleNamespace(load_kw=np.array([10.0, 20.0])),
    )
    made._gap, made._deadline, made._loss_price, made._points = 0.1, deadline or Deadline(), loss(0.0), {}
    made.flows = SimpleNamespace(seconds=100.0) if grid else None
    made._caps = {f"p{k}": 9.0 for k in range(groups)} | {"rest": 9.0}
    made._groups = [SimpleNamespace(caps={f"p{k}": 9.0}, seconds=1.0 + k, nodes=10 + k) for k in range(groups)]
    made._hours = SimpleNamespace(rest=lambda _: SimpleNamespace(bound=2.0, prices={"rest": np.array([7.0, 8.0])}))
    return made


def settled(bound: float, value: float = 0.0, **more: Any) -> Any:
    """What a group has found."""
    return SimpleNamespace(bound=bound, value=value, **more)


# The allowed gap, prices of losses


def test_the_allowed_gap_is_relative_to_the_best_point_or_to_a_guess() -> None:
    """Without a point: prices 2 and 4 away from the cap, on 5 and 40 kWh."""
    here = made()
    assert here._allowed(None) == pytest.approx(0.1 * (2.0 * 5.0 + 4.0 * 40.0))
    assert here._allowed(point(-30.0)) == pytest.approx(3.0)
    assert here._allowed(point(0.5)) == pytest.approx(0.1)


def test_the_next_price_of_losses_is_new() -> None:
    """First that of the best point, then half of the way to the found one's, then between the lowest bounds."""
    tried = [(5.0, loss(4.0)), (9.0, loss(1.0)), (6.0, loss(2.0))]
    assert _price(tried, point(1.0, 8.0), point(1.0, 6.0)) == 8.0
    assert _price(tried, point(1.0, 1.0), point(1.0, 10.0)) == 6.0  # the last price was 2
    assert _price(tried, point(1.0, 1.0), point(1.0, 6.0)) == 3.0  # halfway to 6 is 4, which was tried
    assert _price(tried, point(1.0, 1.0), None) == 3.0
    assert _price([*tried, (99.0, loss(3.0))], point(1.0, 1.0), None) is None
    assert _price([(5.0, loss(4.0))], point(1.0, 4.0), None) is None
    assert _price(tried, point(1.0, 1.0 + 0.9 * FEASIBILITY), None) == 3.0
    assert _price(tried, point(1.0, 1.0 + 1.1 * FEASIBILITY), None) > 1.0


def _price(tried: Sequence[tuple[float, Any]], best: Any, found: Any) -> Any:
    price = _next_price(tried, best, found)
    return None if price is None else float(price[0, 0])


# The rounds


Round = tuple[float, float, float, Any]
"""Bounds of both groups together, by how much their values are less, the bound of the rest, and the point found."""


def solved(here: Any, first: Any, rounds: Sequence[Round]) -> tuple[Any, list[float], list[float]]:
    """Solve with rounds as told: what comes out, how wide each round is, and the prices of losses that are taken."""
    left, wides, prices = iter(rounds), list[float](), list[float]()

    def round_(wide: float, _best: Any) -> tuple[list[Any], Any]:
        bound, missing, rest, found = next(left)
        wides.append(wide)
        pair = [settled(bound - 1.0, bound - 1.0 - missing, found=found), settled(1.0, 1.0)]
        return pair, SimpleNamespace(bound=rest)

    def price(value: Any) -> None:
        here._loss_price = value
        prices.append(float(value[0, 0]))

    here._first, here._round, here._price = (lambda: first), round_, price
    here._found = lambda pair, _rest: pair[0].found
    return here.solve(), wides, prices


def test_the_first_round_may_be_the_last() -> None:
    answer, wides, prices = solved(made(), point(10.0, 4.0), [(9.0, 0.0, 2.0, None)])
    assert (answer.point.value, answer.bound, wides, prices) == (10.0, 11.0, [2.0], [4.0])
    assert (answer.nodes, answer.seconds) == (21, 103.0)
    better, _, _ = solved(made(), point(10.0), [(18.0, 0.0, 2.0, point(20.0))])
    assert (better.point.value, better.bound) == (20.0, 20.0)
    worse, _, _ = solved(made(), point(10.0), [(1.0, 0.0, 2.0, point(9.0))])
    assert (worse.point.value, worse.bound) == (10.0, 10.0)


def test_without_a_grid_there_is_one_round_and_no_first_point() -> None:
    here = made(grid=False)
    answer, wides, prices = solved(here, point(99.0), [(19.0, 9.0, 1.0, point(10.0))])
    assert (answer.point.value, answer.bound, answer.seconds) == (10.0, 20.0, 3.0)
    assert (wides, prices) == ([1.0], [0.0])


def test_where_no_point_keeps_the_limits_it_is_said() -> None:
    with pytest.raises(InfeasibleError) as caught:
        solved(made(), None, [(9.0, 0.0, 2.0, None)])
    assert caught.value.reasons == ("no prices were found at which voltages and currents keep their limits",)


def test_groups_are_solved_closer_before_losses_get_another_price() -> None:
    """What the groups leave is compared with half of what is open; a bound that is not the lowest asks no closer."""
    rounds: list[Round] = [
        (18.0, 5.1, 2.0, None),  # 10 are open
        (16.0, 4.1, 2.0, None),  # 8 are open, at the lowest bound
        (16.0, 4.1, 2.0, None),  # the same once more
        (17.0, 4.6, 2.0, point(9.0, 5.0)),  # 9 are open, but another bound is lower
        (16.0, 4.0, 2.0, point(9.5, 6.0)),  # just a half
        (8.9, 0.0, 2.0, None),
    ]
    answer, wides, prices = solved(made(), point(10.0, 3.0), rounds)
    assert wides == [2.0, 1.0, 0.5, 0.25, 1.0, 1.0]
    assert prices == [3.0, 4.0, 5.0]  # halfway from 3 to 5, and from 4 to 6
    assert answer.bound == 10.9


def test_a_round_that_was_wide_is_done_again_at_the_same_price() -> None:
    """At first 6 are open of which the groups leave 3: no other price is known, so the next round is as close."""
    rounds: list[Round] = [(14.0, 3.0, 2.0, None), (14.0, 2.9, 2.0, None)]
    answer, wides, prices = solved(made(), point(10.0, 3.0), rounds)
    assert (wides, prices, answer.bound) == ([2.0, 1.0], [3.0], 16.0)


def test_only_so_many_rounds_are_gone_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leader, "ROUNDS", 3)
    rounds: list[Round] = [(14.0, 0.0, 2.0, point(9.0, float(k))) for k in range(1, 9)]
    _, wides, prices = solved(made(), point(10.0, 0.0), rounds)
    assert (wides, prices) == ([2.0, 1.0, 1.0], [0.0, 0.5, 1.25, 2.125])


def test_a_deadline_ends_the_rounds() -> None:
    deadline = Deadline(nodes=1)
    deadline.spend(1)
    answer, wides, _ = solved(made(deadline=deadline), point(10.0), [(18.0, 9.0, 2.0, None)])
    assert (answer.bound, wides) == (20.0, [2.0])


# The first point


def first(here: Any, points: Sequence[Any], explored: Any = None) -> tuple[Any, list[float], list[Any], list[float]]:
    """Look for the first point: what comes out, the gaps that are given, the prices tried and those of losses."""
    left, gaps, tried, prices = iter(points), list[float](), list[Any](), list[float]()
    for number, group in enumerate(here._groups):

        def guess(gap: float, _: Deadline, number: int = number) -> dict[str, Any]:
            gaps.append(gap)
            return {f"p{number}": np.full(2, float(number + 1))}

        group.guess = guess

    def point_at(prices: Any) -> Any:
        tried.append({name: value.tolist() for name, value in prices.items()})
        return next(left)

    here._point, here._price = point_at, lambda value: prices.append(float(value[0, 0]))
    here._explored = lambda best: best if explored is None else explored
    return here._first(), gaps, tried, prices


def test_two_guesses_are_made_at_the_price_that_the_points_make() -> None:
    best, gaps, tried, prices = first(made(), [point(10.0, 3.0), point(20.0, 4.0)])
    assert best.value == 20.0
    guess = GUESS * PART * 0.1
    assert gaps == pytest.approx([guess * 170.0, guess * 170.0, guess * 10.0, guess * 10.0])
    assert tried == [{"p0": [1.0, 1.0], "p1": [2.0, 2.0], "rest": [7.0, 8.0]}] * 2
    assert prices == [3.0, 4.0]
    assert first(made(), [point(10.0, 3.0), point(9.0, 4.0)])[0].value == 10.0


def test_a_guess_that_breaks_limits_ends_the_guesses() -> None:
    assert first(made(), [None])[::3] == (None, [])
    best, _, tried, prices = first(made(), [point(10.0, 3.0), None])
    assert (best.value, len(tried), prices) == (10.0, 2, [3.0])


def test_only_several_scenarios_are_explored() -> None:
    points = [point(10.0), point(9.0)]
    assert first(made(scenarios=1), points, explored=point(30.0))[0].value == 10.0
    assert first(made(scenarios=2), points, explored=point(30.0))[0].value == 30.0
    assert first(made(scenarios=2), [None], explored=point(30.0))[0] is None


def explored(here: Any, values: Sequence[float], found: Sequence[Any]) -> tuple[float, list[float], list[float], Any]:
    """Explore from a point of 10: what comes out, the gaps, nodes and prices that the groups are given."""
    left, gaps, nodes, starts = iter(values), list[float](), list[float](), list[Any]()
    for number, group in enumerate(here._groups):

        def explore(gap: float, limit: Deadline, known: Any, number: int = number) -> Any:
            gaps.append(gap)
            nodes.append(limit.nodes_left)
            starts.append(known)
            return settled(0.0, next(left) if number == 0 else 1.0)

        group.explored = explore
    points = iter(found)
    here._found, here._price = (lambda *_: next(points)), lambda _: None
    best = here._explored(point(10.0, p0=[1.0, 2.0], p1=[3.0, 4.0]))
    return best.value, gaps, nodes, starts


def test_few_nodes_of_each_scenario_are_looked_at_until_no_price_proves_more() -> None:
    """Beside the first group's value stand 1 of the second and 2 of the rest."""
    value, gaps, nodes, starts = explored(made(scenarios=3), [8.0, 8.0], [None])
    assert value == 10.0
    assert gaps == pytest.approx([0.35, 0.35])
    assert nodes == [EXPLORED * 3] * 2
    assert [list(each) for each in starts[0]] == [["p0"]]
    assert starts[0][0]["p0"].tolist() == [1.0, 2.0]
    assert starts[1][0]["p1"].tolist() == [3.0, 4.0]
    value, _, nodes, _ = explored(made(scenarios=3), [8.1] * 3, [point(9.0), None, None])
    assert value == 10.0
    assert nodes == [300, 300, 600, 600, 1200, 1200]
    value, gaps, nodes, _ = explored(made(scenarios=3), [27.0, 19.0], [point(20.0, p0=[5.0, 6.0], p1=[7.0, 8.0]), None])
    assert (value, len(nodes)) == (20.0, 4)
    assert gaps == pytest.approx([0.35, 0.35, 0.7, 0.7])


def test_a_deadline_ends_the_exploring() -> None:
    deadline = Deadline(nodes=1)
    deadline.spend(1)
    assert explored(made(deadline=deadline), [99.0], [None])[0] == 10.0


def test_of_points_that_earn_the_same_the_first_one_stays() -> None:
    one, two = point(10.0, 1.0, p0=[1.0, 2.0], p1=[3.0, 4.0]), point(10.0, 2.0)
    assert first(made(), [one, two])[0] is one
    assert solved(made(), one, [(9.0, 0.0, 2.0, two)])[0].point is one
    here = made()
    for group in here._groups:
        group.explored = lambda *_: settled(0.0)
    here._found, here._price = (lambda *_: two), lambda _: None
    assert here._explored(one) is one


# A round, and the points that it makes


def test_only_the_last_group_is_told_what_is_enough() -> None:
    """Of 50 and nearly all of the allowed gap of 5 the rest takes 2, and the groups before 3 and 4."""
    here, given = made(groups=3), list[Any]()
    for number, group in enumerate(here._groups):

        def solve(gap: float, _: Deadline, starts: Any, enough: float, number: int = number) -> Any:
            given.append((gap, starts, enough))
            return settled(3.0 + number)

        group.solve = solve
    three, rest = here._round(2.0, point(50.0, p0=[1.0, 2.0], p1=[3.0, 4.0], p2=[5.0, 6.0]))
    assert ([each.bound for each in three], rest.bound) == ([3.0, 4.0, 5.0], 2.0)
    assert [gap for gap, *_ in given] == pytest.approx([PART * 2.0 * 5.0 / 3.0] * 3)
    assert [enough for *_, enough in given] == [-np.inf, -np.inf, pytest.approx(50.0 + NEARLY * 5.0 - 2.0 - 7.0)]
    assert [list(starts[0]) for _, starts, _ in given] == [["p0"], ["p1"], ["p2"]]
    given.clear()
    here._round(1.0, None)
    assert [(starts, enough) for _, starts, enough in given] == [([], -np.inf)] * 3


def found_by(number: float) -> Any:
    """A group's best prices, and those that its two scenarios would want."""
    name = f"p{number:.0f}"
    each = [{name: np.full(2, 10.0 * number + k)} for k in range(3)]
    return settled(0.0, prices=each[0], candidates=tuple(each[1:]))


@pytest.mark.parametrize(("grid", "wanted"), [(True, [[0, 10], [1, 11], [2, 12]]), (False, [[0, 10]])])
def test_with_a_grid_what_each_scenario_wants_is_looked_at_too(*, grid: bool, wanted: list[list[float]]) -> None:
    here = made(grid=grid, scenarios=2)
    rest = SimpleNamespace(prices={"rest": np.array([7.0, 8.0])})
    combined = here._combined([found_by(0), found_by(1)], rest)
    assert [[each["p0"][0], each["p1"][1]] for each in combined] == wanted
    assert all(each["rest"].tolist() == [7.0, 8.0] for each in combined)


def test_the_best_of_the_combined_points_is_found_and_none_is_made_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    here, asked = made(groups=1, scenarios=2), list[float]()
    here.followers = ()

    def best_point(_day: Any, _followers: Any, prices: Any, _flows: Any) -> Any:
        asked.append(prices["p0"][0])
        return None if prices["p0"][0] == 2.0 else point(5.0 + prices["p0"][0])

    monkeypatch.setattr(leader, "best_point", best_point)
    rest = SimpleNamespace(prices={"rest": np.array([7.0, 8.0])})
    assert here._found([found_by(0)], rest).value == 6.0
    assert here._found([found_by(0)], rest).value == 6.0
    assert asked == [0.0, 1.0, 2.0]
    here._points = {}
    monkeypatch.setattr(leader, "best_point", lambda *_: None)
    assert here._found([found_by(0)], rest) is None


def test_a_price_of_losses_that_is_the_same_changes_nothing() -> None:
    here, given = made(groups=2), list[Any]()
    here._hours.graphs = lambda price: ("graphs", float(price[0, 0]))
    here._members = lambda price: [("members", number, float(price[0, 0])) for number in range(2)]
    for number, group in enumerate(here._groups):
        group.costing = lambda *asked, number=number: given.append((number, *asked))
    here._price(loss(0.5 * FEASIBILITY))
    assert not given
    here._price(loss(4.0))
    assert given == [(number, ("members", number, 4.0), ("graphs", 4.0)) for number in range(2)]
    assert here._loss_price.tolist() == loss(4.0).tolist()


# What a leader is made of


def test_what_a_leader_may_leave_open_and_whether_it_has_a_grid() -> None:
    one, two = random_day(3), random_day(3, scenarios=2)
    for day, gap in ((one, 0.0), (two, 0.25), (on_line(one), 0.25), (on_line(two), 0.25)):
        here = Leader(day, 0.25, Deadline())
        assert (here._gap, here.flows is None) == (gap, day.grid is None)


@pytest.mark.parametrize(
    ("pricing", "sets"), [("pay-as-bid", [["lot 0"], ["lot 1"]]), ("uniform", [["lot 0", "lot 1"]])]
)
def test_a_group_is_a_lot_or_with_one_price_all_of_them(pricing: str, sets: list[list[str]]) -> None:
    """Each with its scenarios apart, weight one, and the price of losses of its own."""
    day = random_day(3, scenarios=3, lots=2, pricing=pricing)
    here = Leader(day, 0.25, Deadline())
    members = here._members(np.zeros((day.periods, 2)))
    assert [[[each.name for each in scenario] for scenario in group] for group in members] == [[s] * 3 for s in sets]
    assert [[each.scenario for each in scenario] for scenario in members[0]] == [[w] * len(sets[0]) for w in range(3)]
    every = [each for group in members for scenario in group for each in scenario]
    assert all((each.weight, each.kind) == (1.0, "lot") for each in every)
    price = np.zeros((day.periods, 2))
    price[:, 1] = 1.0
    dearer = [each for group in here._members(price) for scenario in group for each in scenario]
    changed = {each.name for each, old in zip(dearer, every, strict=True) if not np.array_equal(each.worth, old.worth)}
    assert changed == {"lot 1"}
    caps = [set(group.caps) for group in here._groups]
    names = ("in", "out", "reserve")
    alone = [{f"{name} {way}" for way in names} for name in ("lot 0", "lot 1")]
    assert caps == ([{"energy", "reserve"}] if pricing == "uniform" else alone)


def test_prices_that_others_answer_belong_to_a_group_too() -> None:
    here = made(groups=1)
    here.day.probability, here.day.periods = np.ones(1), 2
    group = here._group([[SimpleNamespace(prices={"price": "p0"})]], {"rest": []})
    assert group.caps == {"p0": 9.0, "rest": 9.0}
