"""A lot's best response to a DSO of two sources, by hand: each step of the search, and what it may claim when it ends.

The DSO serves 3 kW and the lot from 4 kW at 2 and 10 kW at 5: the lot's price is 2 up to 1 kW and 5 above.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse as sp

from equilibrium.deadline import Deadline
from equilibrium.errors import SolverError
from equilibrium.markets.nodal.joined import response
from equilibrium.markets.nodal.joined.follower import Follower, Sides
from equilibrium.markets.nodal.joined.response import _IDLE, _TIGHT, _Node, _Part, _Search, respond
from equilibrium.markets.nodal.relaxation import FeasiblePowers
from equilibrium.programs.program import GAP
from equilibrium.programs.solvers import Solution, Status

INF = float("inf")
NOTHING = np.zeros(5, dtype=np.int8)
"""No side held; they are the balance, both sources from below, both from above."""


def sources() -> Follower:
    limits = {
        "row_lower": np.array([3.0]),
        "row_upper": np.array([3.0]),
        "col_lower": np.zeros(2),
        "col_upper": np.array([4.0, 10.0]),
    }
    return Follower(
        cost=np.array([2.0, 5.0]),
        matrix=sp.csr_array(np.ones((1, 2))),
        power=sp.csr_array(np.array([[-1.0]])),
        **limits,
        rows=Sides.of(limits["row_lower"], limits["row_upper"]),
        columns=Sides.of(limits["col_lower"], limits["col_upper"]),
    )


def own(least: float = 0.0, most: float = 5.0, length_h: float = 1.0) -> FeasiblePowers:
    row = sp.csr_array(np.array([[1.0]]))
    return FeasiblePowers(row, np.array([least]), np.array([most]), np.array([20.0]), period_h=length_h)


def asked(price: float, refuse: Callable | None = None) -> _Search:
    return _Search(sources(), np.array([price]), own(), refuse, Deadline())


@pytest.mark.parametrize(
    ("price", "length_h", "power", "profit"),
    [(10.0, 1.0, 5.0, 25.0), (5.5, 1.0, 1.0, 3.5), (5.0, 2.0, 5.0, 25.0), (1.0, 1.0, 0.0, 0.0)],
)
def test_a_lot_weighs_the_kink_against_all_that_it_can_take(
    price: float, length_h: float, power: float, profit: float
) -> None:
    """At 10 it takes 5 kW and earns 5 on each; at 5.5 it stops at the kink for 3.5. Two hours double it all."""
    answer, present = respond(sources(), np.array([price]), own(length_h=length_h))
    assert answer is not None
    assert answer.power_kw == pytest.approx([power])
    assert (answer.profit, answer.bound) == pytest.approx((profit, profit))
    assert present == -INF


@pytest.mark.parametrize(("present", "earns"), [(3.0, 15.0), (1.0, 8.0), (0.5, 4.0), (5.0, 25.0)])
def test_what_a_present_schedule_earns_at_its_best_price(present: float, earns: float) -> None:
    """At the kink the lower price is the lot's choice."""
    answer, profit = respond(sources(), np.array([10.0]), own(), present=np.array([present]))
    assert profit == pytest.approx(earns)
    assert answer is not None
    assert answer.profit == pytest.approx(25.0)


def test_a_present_schedule_is_held_with_the_best_one_that_holds_the_same_sides() -> None:
    search = asked(10.0)
    assert search.hold(np.array([3.0])) == pytest.approx(15.0)
    assert (search.best, search.power[0]) == pytest.approx((25.0, 5.0))  # the first source full, the second between
    search = asked(10.0)
    assert search.hold(np.array([0.5])) == pytest.approx(4.0)
    assert (search.best, search.power[0]) == pytest.approx((8.0, 1.0))
    search = asked(10.0)
    assert search.hold(np.array([12.0])) == -INF
    assert search.best == -INF


def test_where_nothing_is_near_or_has_a_price_the_schedule_counts_alone_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    search = asked(10.0)
    solve = search._solve_welfare
    monkeypatch.setattr(
        search, "_solve_welfare", lambda state, power=None: solve(state, power) if power is not None else None
    )
    assert search.hold(np.array([3.0])) == pytest.approx(15.0)
    assert (search.best, search.power[0]) == pytest.approx((15.0, 3.0))
    search = asked(10.0)
    monkeypatch.setattr(search, "_solve_dual", lambda _: None)
    assert search.hold(np.array([3.0])) == -INF
    assert search.best == -INF


def test_a_schedule_that_is_refused_brings_its_row() -> None:
    """More than 4 kW cannot be split: the row that says so holds from then on."""

    def refuse(power: np.ndarray) -> FeasiblePowers | None:
        if power[0] <= 4.0 + 1e-9:
            return None
        rows = sp.csr_array(np.array([[1.0], [1.0]]))
        return FeasiblePowers(rows, np.array([0.0, -INF]), np.array([5.0, 4.0]), np.array([20.0]))

    answer, profit = respond(sources(), np.array([10.0]), own(), present=np.array([2.0]), refuse=refuse)
    assert answer is not None
    assert profit == pytest.approx(10.0)
    assert (answer.power_kw[0], answer.profit, answer.bound) == pytest.approx((4.0, 20.0, 20.0))


def test_a_search_that_is_cut_short_keeps_the_bound_of_the_root() -> None:
    """Welfare 22 and multipliers 6: the bound of the root is 28."""
    answer, profit = respond(
        sources(), np.array([10.0]), own(), present=np.array([3.0]), deadline=Deadline(seconds=-1.0)
    )
    assert answer is not None
    assert (answer.profit, answer.bound, answer.nodes, profit) == pytest.approx((25.0, 28.0, 0, 15.0))
    assert respond(sources(), np.array([10.0]), own(), deadline=Deadline(seconds=-1.0))[0] is None


def test_a_network_that_leaves_no_schedule_or_no_multipliers(monkeypatch: pytest.MonkeyPatch) -> None:
    assert respond(sources(), np.array([10.0]), own(least=12.0, most=15.0)) == (None, -INF)
    monkeypatch.setattr(_Search, "_solve_dual", lambda *_: None)
    with pytest.raises(SolverError, match="the DSO's program has no multipliers"):
        respond(sources(), np.array([10.0]), own())


def test_slacks_and_what_a_point_suggests() -> None:
    """At 1 kW of the lot and 4 and 0 of the sources: the first is full, the second empty."""
    search, point = asked(10.0), np.array([1.0, 4.0, 0.0])
    assert search._slack(point).tolist() == [0.0, 4.0, 0.0, 0.0, 10.0]
    assert search._suggested(NOTHING, point).tolist() == [0, _IDLE, _TIGHT, _TIGHT, _IDLE]
    held = np.array([0, _TIGHT, _IDLE, 0, 0], dtype=np.int8)
    assert search._suggested(held, point).tolist() == [0, _TIGHT, _IDLE, _TIGHT, _IDLE]
    assert held.tolist() == [0, _TIGHT, _IDLE, 0, 0]
    assert search._slack(np.array([2.0, 4.0, 0.5])).tolist() == [0.0, 4.0, 0.5, 0.0, 9.5]  # short by half: no slack


def state(**sides: int) -> np.ndarray:
    """A state in which some sides are held: ``low0``, ``low1``, ``high0``, ``high1``."""
    found = NOTHING.copy()
    for name, kind in sides.items():
        found[["balance", "low0", "low1", "high0", "high1"].index(name)] = kind
    return found


@pytest.mark.parametrize(
    ("held", "value", "point"),
    [
        ({}, 22.0, [5.0, 4.0, 4.0]),
        ({"low1": _TIGHT}, 2.0, [1.0, 4.0, 0.0]),
        ({"low0": _TIGHT}, 10.0, [5.0, 0.0, 8.0]),
        ({"high1": _TIGHT, "low0": _TIGHT}, None, []),
        ({"low1": _IDLE, "high0": _IDLE}, 22.0, [5.0, 4.0, 4.0]),
    ],
)
def test_welfare_with_sides_held_tight(held: dict[str, int], value: float | None, point: list[float]) -> None:
    part = asked(10.0)._solve_welfare(state(**held))
    if value is None:
        assert part is None
        return
    assert part is not None
    assert (part.value, part.rows) == (pytest.approx(value), 2)
    assert part.point == pytest.approx(point)


@pytest.mark.parametrize(
    ("held", "value", "price"),
    [
        ({}, 6.0, 2.0),
        ({"low1": _IDLE}, 3.0, 5.0),
        ({"low1": _IDLE, "high0": _IDLE}, None, None),
        ({"low0": _IDLE, "low1": _IDLE, "high1": _IDLE}, 3.0, 5.0),
        ({"low1": _TIGHT}, 6.0, 2.0),
    ],
)
def test_multipliers_with_sides_held_idle(held: dict[str, int], value: float | None, price: float | None) -> None:
    """Between 2 and 5 the price costs 4 on the full source and brings 3: 8 less the price."""
    part = asked(10.0)._solve_dual(state(**held))
    if value is None:
        assert part is None
        return
    assert part is not None
    assert (part.value, part.point[0]) == pytest.approx((value, price))


def test_how_a_program_of_multipliers_may_end(monkeypatch: pytest.MonkeyPatch) -> None:
    search, told = asked(10.0), []
    ends = iter([Status.UNBOUNDED, Status.OPTIMAL, Status.LIMIT])

    def solve() -> Solution:
        return Solution(next(ends), np.full(5, 3.0), np.zeros(2), 0.25)

    monkeypatch.setattr(search, "_dual_handle", SimpleNamespace(update=told.append, solve=solve))
    before = search.seconds
    part = search._solve_dual(state(low1=_IDLE))
    assert part is not None
    assert (part.value, part.point.tolist()) == (INF, [3.0] * 5)
    assert search.seconds == before + 0.25
    first, boxed = told
    assert first.col_upper.tolist() == [INF, INF, 0.0, INF, INF]
    assert boxed.col_upper.tolist() == [response.BOX, response.BOX, 0.0, response.BOX, response.BOX]
    assert boxed.col_lower.tolist() == [-response.BOX, 0.0, 0.0, 0.0, 0.0]
    with pytest.raises(SolverError, match="the dual program of a best response ended"):
        search._solve_dual(NOTHING)


def root(search: _Search) -> _Node:
    welfare, dual = search._solve_welfare(NOTHING), search._solve_dual(NOTHING)
    assert welfare is not None
    assert dual is not None
    return _Node(NOTHING, welfare, dual)


def test_a_node_is_split_on_its_largest_product() -> None:
    """The second source gives 4 kW and its lower side has a multiplier of 3: without it 25, without the kW 8."""
    search = asked(10.0)
    search.nodes = 2
    node = root(search)
    assert node.bound == pytest.approx(28.0)
    idle, tight = search._children(node)
    assert (idle.state.tolist(), tight.state.tolist()) == ([0, 0, _IDLE, 0, 0], [0, 0, _TIGHT, 0, 0])
    assert (idle.bound, tight.bound) == pytest.approx((25.0, 8.0))
    assert search.best == -INF  # its point was not tried yet
    assert (idle.welfare, tight.dual) == (node.welfare, node.dual)


@pytest.mark.parametrize(("nodes", "tried"), [(1, True), (2, False), (10, False), (11, True)])
def test_every_tenth_point_is_tried_as_an_answer(nodes: int, tried: bool) -> None:
    search = asked(10.0)
    search.nodes = nodes
    search._children(root(search))
    assert (search.best == pytest.approx(25.0)) is tried


def test_a_point_without_any_product_is_tried_at_once_and_closed() -> None:
    search = asked(10.0)
    search.nodes = 2
    welfare, dual = search._solve_welfare(NOTHING), search._solve_dual(state(low1=_IDLE))
    assert welfare is not None
    assert dual is not None
    assert search._children(_Node(state(low1=_IDLE), welfare, dual)) == []
    assert search.best == pytest.approx(25.0)
    assert search._closed == pytest.approx(25.0)


def test_only_a_better_value_is_taken() -> None:
    search = asked(10.0)
    point = np.array([2.0, 4.0, 1.0])
    for value, best in ((INF, -INF), (3.0, 3.0), (3.0, 3.0), (2.0, 3.0), (4.0, 4.0)):
        search._accept(_Part(value, point), _Part(0.0, np.zeros(5)))
        assert search.best == best
    assert search.power.tolist() == [2.0]
    assert search._cutoff() == 4.0 + GAP * 5.0
    search.best = -3.0
    assert search._cutoff() == -3.0 + GAP * 4.0
    search.best = -INF
    assert search._cutoff() == -INF


def edge(search: _Search, monkeypatch: pytest.MonkeyPatch, values: dict[int, float | None]) -> list[list[int]]:
    """Let sides 2 and 4 be a ray: multipliers have no end until one of them is idle, then the value told."""
    states: list[list[int]] = []

    def solve(held: np.ndarray) -> _Part | None:
        states.append(held.tolist())
        side = next((side for side in (2, 4) if held[side] == _IDLE), None)
        value = INF if side is None else values[side]
        return None if value is None else _Part(value, np.zeros(5))

    monkeypatch.setattr(search, "_solve_dual", solve)
    monkeypatch.setattr(search, "_beyond", lambda _, part: np.array([2, 4]) if part.value == INF else None)
    return states


@pytest.mark.parametrize(
    ("values", "value", "side"),
    [({2: 5.0, 4: 7.0}, 7.0, 4), ({2: 7.0, 4: 5.0}, 7.0, 2), ({2: None, 4: 5.0}, 5.0, 4), ({2: 5.0, 4: None}, 5.0, 2)],
)
def test_at_the_edge_the_best_choice_of_an_idle_side_counts(
    monkeypatch: pytest.MonkeyPatch, values: dict[int, float | None], value: float, side: int
) -> None:
    search = asked(10.0)
    edge(search, monkeypatch, values)
    held, part = search._priced(NOTHING, itertools.count())
    assert part is not None
    assert part.value == value
    assert np.flatnonzero(held).tolist() == [side]
    assert NOTHING.tolist() == [0] * 5


def test_the_choices_at_the_edge_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    search = asked(10.0)
    states = edge(search, monkeypatch, {2: 5.0, 4: 7.0})
    monkeypatch.setattr(response, "MAXIMUM_EDGE", 1)
    held, part = search._priced(NOTHING, itertools.count())
    assert part is not None
    assert (part.value, np.flatnonzero(held).tolist()) == (5.0, [2])
    assert states == [[0, 0, 0, 0, 0], [0, 0, _IDLE, 0, 0]]
    edge(search, monkeypatch, {2: None, 4: None})
    assert search._priced(NOTHING, itertools.count())[1] is None


@pytest.mark.parametrize(
    ("violated", "ray", "value", "beyond"),
    [([1], [3], 5.0, [1]), ([1], [3], INF, [1]), ([], [3], 5.0, None), ([], [3], INF, [3]), ([], [], INF, [])],
)
def test_sides_whose_multipliers_count_for_nothing(
    monkeypatch: pytest.MonkeyPatch, violated: list[int], ray: list[int], value: float, beyond: list[int] | None
) -> None:
    search = asked(10.0)
    rays = {"violated": lambda _: np.array(violated, dtype=int), "ray": lambda *_: np.array(ray, dtype=int)}
    monkeypatch.setattr(search, "_edge", SimpleNamespace(**rays))
    found = search._beyond(NOTHING, _Part(value, np.zeros(5)))
    assert (None if found is None else found.tolist()) == beyond


def test_a_child_that_cannot_beat_the_answer_is_closed_with_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of children of 7 and 4 beside an answer of 5, the second is closed; the first is looked at and leaves none."""
    search = asked(10.0)
    search.best = 5.0
    first, *rest = (
        root(search),
        *(_Node(NOTHING, _Part(value, np.zeros(3), 2), _Part(0.0, np.zeros(5))) for value in (7.0, 4.0)),
    )
    opened = iter([rest, []])
    monkeypatch.setattr(search, "_children", lambda _: next(opened))
    answer = search.run(Deadline())
    assert first.bound == pytest.approx(28.0)
    assert answer is not None
    assert (answer.bound, answer.nodes, search._closed) == (5.0, 2, 4.0)
