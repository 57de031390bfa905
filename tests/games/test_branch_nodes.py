"""What the branch and bound does with a node, by what its relaxation says: with relaxations and completions as told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from equilibrium.complementarity.branch import End, Search
from equilibrium.complementarity.relaxation import Node, Relaxed
from equilibrium.deadline import Deadline
from equilibrium.programs.solvers import Status
from tests.games.test_branch_steps import COLUMNS, node, problem, zeros

INF = float("inf")


def relaxed(v: list[float], bound: float = 3.0, status: Status = Status.OPTIMAL, **more: Any) -> Relaxed:
    return Relaxed(status, np.array(v, dtype=float), bound, **more)


class Told:
    """Relaxations in turn, with the nodes that were asked for; points, and whether something falls for ever."""

    def __init__(self, *answers: Relaxed, falls: bool = False) -> None:
        self.answers, self.falls = list(answers), falls
        self.asked: list[tuple[str, Node]] = []

    def bound(self, at: Node) -> Relaxed:
        self.asked.append(("bound", at))
        return self.answers.pop(0)

    def any_point(self, at: Node) -> Relaxed:
        self.asked.append(("point", at))
        return self.answers.pop(0)

    def falls_for_ever(self, at: Node, directions: np.ndarray) -> bool:
        self.asked.append((f"falls {directions.shape}", at))
        return self.falls


def told(*answers: Relaxed, falls: bool = False, **how: Any) -> tuple[Search, Told]:
    """A search of two pairs, (0, 1) and (2, 3), with relaxations as told."""
    whole = how.pop("integer", ())
    search = Search(problem(integer=whole, pairs=how.pop("pairs", ((0, 1), (2, 3)))), **how)
    relax = Told(*answers, falls=falls)
    search.relax = relax  # type: ignore[assignment]
    return search, relax


NONE = [0.0] * COLUMNS


def test_a_node_without_a_point_or_of_no_use_is_left() -> None:
    search, _ = told(relaxed(NONE, INF, Status.INFEASIBLE))
    assert search._step(node(search), None) == (None, False)
    assert (search._dropped, search._open) == (INF, [])
    for bound, dropped in ((8.0, 8.0), (7.9999999999, 7.9999999999)):
        search, _ = told(relaxed(NONE, bound), ceiling=8.0)
        assert search._step(node(search), None) == (None, False)
        assert search._dropped == dropped
    search, _ = told(relaxed(NONE, 8.0), ceiling=8.0)  # the bound of the node above counts as well
    assert search._step(node(search, 8.5), None)[0] is None
    assert search._dropped == 8.5
    seen: list[object] = []
    search, _ = told(relaxed(NONE, 9.0), relaxed(NONE, 9.0), ceiling=8.0)
    search._step(node(search), lambda *_: seen.append(1))  # who wants every leaf gets it
    assert seen == [1]


def test_whole_columns_come_before_pairs_and_the_widest_pair_first() -> None:
    search, _ = told(relaxed([1.0, 1.0, 1.0, 1.0, 0.5, 0.0], 4.0), integer=(4,))
    child, unbounded = search._step(node(search), None)
    assert child is not None
    assert (child.lower[4], child.bound, unbounded) == (1.0, 4.0, False)
    search, _ = told(relaxed([1.0, 2.0, 3.0, 1.5, 0.5, 0.0], 4.0))
    assert zeros(search._step(node(search), None)[0]) == [3]
    assert search._open[0][0] == 4.0


@pytest.mark.parametrize(("nodes", "asked"), [(1, True), (2, False), (50, False), (51, True), (101, True)])
def test_a_complementary_point_is_looked_for_now_and_then(nodes: int, asked: bool) -> None:
    """In the first node, and every fifty after it; not where all pairs are closed."""
    seen: list[list[float]] = []

    def complete(v: np.ndarray) -> None:
        seen.append(v.tolist())

    wide = relaxed([1.0, 2.0, 0.0, 1.5, 0.5, 0.0])
    search, _ = told(wide, complete=complete)
    search.nodes = nodes
    search._step(node(search), None)
    assert seen == ([[1.0, 2.0, 0.0, 1.5, 0.5, 0.0]] if asked else [])
    search, _ = told(relaxed([1e-6, 2.0, 0.0, 1.5, 0.5, 0.0]), relaxed(NONE), complete=complete)
    search.nodes = 1
    search._step(node(search), None)
    assert len(seen) == int(asked)


@pytest.mark.parametrize(("size", "leaf", "split"), [(1.1e-6, False, 0), (0.9e-6, True, 0), (0.9e-9, True, None)])
def test_a_pair_that_is_all_but_closed_is_settled_first(size: float, leaf: bool, split: int | None) -> None:
    """Below a millionth it is tried, and branched on where that was no proof; below a billionth it is closed."""
    seen: list[float] = []
    settled = relaxed([0.0, 2.0, 0.0, 1.5, 0.5, 0.0], 5.0)
    search, relax = told(relaxed([size, 2.0, 0.0, 1.5, 0.5, 0.0]), settled)
    child, _ = search._step(node(search), lambda _, at: seen.append(at.bound))
    assert seen == ([3.0] if leaf else [])
    assert len(relax.asked) == 1 + leaf
    assert (None if child is None else zeros(child)[0]) == split
    assert search._undecided == (3.0 if split is None else INF)


def test_a_settled_point_that_closes_its_node_is_the_end_of_it() -> None:
    """It costs 10 and 2 for each unit of column 1: as much as the node's bound says at least."""
    at = [1e-7, 1.0, 0.0, 0.0, 0.0, 0.0]
    search, _ = told(relaxed(at, 12.0), relaxed([0.0, 1.0, 0.0, 0.0, 0.0, 0.0], 12.0))
    assert search._step(node(search), None) == (None, False)
    assert (search.value, search._dropped) == (12.0, 12.0)
    search, _ = told(relaxed(at, 11.0), relaxed([0.0, 1.0, 0.0, 0.0, 0.0, 0.0], 12.0))
    child, _ = search._step(node(search), None)
    assert zeros(child) == [0]
    search, _ = told(relaxed(at, 11.0), relaxed(NONE, INF, Status.INFEASIBLE))
    assert zeros(search._step(node(search), None)[0]) == [0]
    assert search.value == INF


def test_what_is_unbounded_is_split_until_nothing_is_left_to_split() -> None:
    """First pairs in their order, then whole columns with two ends at their middle, then it is unbounded."""
    endless = relaxed(NONE, -INF, Status.UNBOUNDED)
    search, _ = told(endless)
    child, unbounded = search._step(node(search, -INF), None)
    assert (zeros(child), zeros(search._open[0][2]), unbounded) == ([0], [1], False)
    here = node(search, -INF)
    here.upper[0] = 0.0
    search, _ = told(endless)
    assert zeros(search._step(here, None)[0]) == [0, 2]
    search, _ = told(endless, pairs=(), integer=(1, 3, 4))
    here = node(search, -INF)
    here.lower[1] = here.upper[1] = 2.0
    here.upper[3] = INF
    child, _ = search._step(here, None)
    assert child is not None
    # of 0 to 4 the middle less a quarter is 1.75: 0 to 1 and 2 to 4, the nearer half first
    assert (child.lower[4], child.upper[4]) == (2.0, 4.0)
    ((_, _, other),) = search._open
    assert (other.lower[4], other.upper[4]) == (0.0, 1.0)
    search, relax = told(endless, pairs=())
    assert search._step(node(search), None) == (None, True)
    assert [name for name, _ in relax.asked] == ["bound"]


@pytest.mark.parametrize("falls", [True, False])
def test_a_bent_direction_without_an_end_is_unbounded_where_a_ray_falls(falls: bool) -> None:
    bent = relaxed([0.0] * 4 + [0.6, 0.0], -INF, Status.UNBOUNDED, directions=np.eye(1, COLUMNS), weights=-np.ones(1))
    search, relax = told(bent, pairs=(), falls=falls, integer=(5,))
    here = node(search)
    here.lower[5] = here.upper[5] = 0.0
    child, unbounded = search._step(here, None)
    assert (child, unbounded) == (None, falls)
    assert [name for name, _ in relax.asked] == ["bound", f"falls {(1, COLUMNS)}"]
    assert search._undecided == (INF if falls else -INF)
    assert search.value == (INF if falls else 13.0)


def test_a_completion_is_held_then_its_slacks_then_its_multipliers() -> None:
    """Of (2, 3) the slack is open, so the multiplier is zero; of (4, 5) it is closed, so it is the slack that is."""
    pairs = ((2, 3), (4, 5))
    point = relaxed([2.5, 0.0, 3.0, 2.0, 1.0, 1e-7])
    last = relaxed([2.5, 0.0, 0.0, 2.0, 1.0, 0.0])
    search, relax = told(point, last, complete=lambda _: np.array([2.5]), pairs=pairs)
    search._try_complete(np.zeros(COLUMNS))
    assert [name for name, _ in relax.asked] == ["point", "point"]
    at = relax.asked[1][1]
    assert (at.lower[0], at.upper[0], zeros(at)) == (2.5, 2.5, [2, 5])
    assert (at.lower[[1, 3, 4]].tolist(), at.upper[[1, 3, 4]].tolist()) == ([0.0] * 3, [4.0] * 3)
    assert search.value == 10.0 + 2.5 + 8.0 + 5.0
    none = relaxed(NONE, INF, Status.INFEASIBLE)
    search, relax = told(point, none, complete=lambda _: np.array([2.5]), pairs=pairs)
    search._try_complete(np.zeros(COLUMNS))
    assert (search.value, len(relax.asked)) == (INF, 2)


def test_a_completion_is_kept_within_the_bounds_and_whole() -> None:
    given: list[list[float]] = []

    def complete(v: np.ndarray) -> np.ndarray:
        given.append(v.tolist())
        return np.array([9.0, -3.0, 1.5])

    search, relax = told(relaxed(NONE, INF, Status.INFEASIBLE), integer=(4,), complete=complete)
    search._try_complete(np.array([0.25, 0.0, 0.0, 0.0, 1.75, 0.0]))
    assert given == [[0.25, 0.0, 0.0, 0.0, 2.0, 0.0]]
    ((_, at),) = relax.asked
    assert (at.lower[:3].tolist(), at.upper[:3].tolist()) == ([4.0, 0.0, 1.5], [4.0, 0.0, 1.5])
    assert (at.lower[3:].tolist(), at.upper[3:].tolist()) == ([0.0] * 3, [4.0] * 3)
    silent, relax = told(complete=lambda _: None)
    silent._try_complete(np.zeros(COLUMNS))
    plain, relax = told()
    plain._try_complete(np.zeros(COLUMNS))
    assert relax.asked == []


@pytest.mark.parametrize(("low", "high"), [(0.5, 4.0), (-4.0, -0.5)])
def test_a_completion_whose_pairs_cannot_be_closed_is_none(low: float, high: float) -> None:
    search, relax = told(relaxed([3.0, 2.0, 0.0, 0.0, 0.0, 0.0]), complete=lambda _: np.array([0.0, 2.0])[:0])
    search.mpcc.instance.col_lower[0], search.mpcc.instance.col_upper[0] = low, high
    search._try_complete(np.zeros(COLUMNS))
    assert len(relax.asked) == 1


def test_the_pair_with_the_largest_share_in_bent_directions() -> None:
    search = Search(problem(pairs=((0, 1), (2, 3), (4, 5))))
    directions = np.array([[0.1, -0.6, 0.2, 0.3, 0.0, 0.0], [0.0, 0.1, -0.7, 0.0, 0.9, 0.0]])
    at = replace(relaxed(NONE), directions=directions)
    assert search._bending_pair(np.array([0, 1, 2]), at) == 2
    assert search._bending_pair(np.array([0, 1]), at) == 1
    assert search._bending_pair(np.array([0]), at) == 0


def test_a_deadline_leaves_the_node_at_hand_open_but_never_the_first() -> None:
    """Nodes that wait are taken by their bounds; what is left counts for the bound."""
    wide, pairs = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0], ((0, 1), (2, 3), (4, 5))
    for nodes, looked in ((0, 1), (1, 1), (2, 2)):
        search, relax = told(*[relaxed(wide, 1.0 + k) for k in range(9)], deadline=Deadline(nodes=nodes), pairs=pairs)
        found = search.run()
        assert (found.end, found.nodes, len(relax.asked)) == (End.LIMIT, looked, looked)
        assert found.bound == 1.0
    search, relax = told(*[relaxed(wide, 1.0 + k) for k in range(9)], max_nodes=3, pairs=pairs)
    assert (search.run().nodes, len(relax.asked)) == (3, 3)
    spent = Deadline(nodes=50)
    search, _ = told(*[relaxed(wide, 1.0 + k) for k in range(9)], max_nodes=3, deadline=spent, pairs=pairs)
    search.run()
    assert spent.nodes_left == 47


def test_a_dive_ends_where_nothing_is_left_and_the_best_of_what_waits_is_next() -> None:
    """The first child is empty; of the others that wait the one with the lower bound is taken."""
    wide, none = [1.0, 2.0, 1.0, 3.0, 0.0, 0.0], relaxed(NONE, INF, Status.INFEASIBLE)
    search, relax = told(relaxed(wide, 1.0), relaxed(wide, 2.0), none, none, none)
    found = search.run()
    assert (found.end, found.nodes) == (End.INFEASIBLE, 5)
    held = [zeros(at) for _, at in relax.asked]
    assert held == [[], [0], [0, 2], [1], [0, 3]]
