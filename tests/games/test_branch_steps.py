"""The branch and bound on pairs, step by step: what a node is split on, in which order, and what may be claimed."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse as sp

from equilibrium.certificate import EPSILON_REGRET, EXACT_REGRET
from equilibrium.complementarity import branch
from equilibrium.complementarity.branch import End, Search
from equilibrium.complementarity.problem import Mpcc
from equilibrium.complementarity.relaxation import Node, Relaxed
from equilibrium.programs.program import GAP, Instance
from equilibrium.programs.solvers import Status

INF = float("inf")
COLUMNS = 6


def problem(*, integer: tuple[int, ...] = (), pairs: tuple[tuple[int, int], ...] = ((0, 1), (2, 3))) -> Mpcc:
    """Six columns in [0, 4] that cost 1 to 6 and have to sum up to at least 1; pairs (0, 1) and (2, 3)."""
    ones = np.ones(COLUMNS)
    cost = np.arange(1.0, COLUMNS + 1.0)
    base = Instance(sp.csr_array(ones[None, :]), cost, np.ones(1), np.full(1, INF), 0.0 * ones, 4.0 * ones)
    whole = np.isin(np.arange(COLUMNS), integer)
    nothing = sp.csr_array((COLUMNS, COLUMNS))
    return Mpcc(base, 10.0, nothing, np.array(pairs, dtype=np.int64).reshape(-1, 2), whole, (), (), {})


def node(search: Search, bound: float = 3.0) -> Node:
    base = search.mpcc.instance
    return Node(base.col_lower.copy(), base.col_upper.copy(), (), bound, 2)


def zeros(found: Node | None) -> list[int]:
    assert found is not None
    return np.flatnonzero((found.lower == 0.0) & (found.upper == 0.0)).tolist()


@pytest.mark.parametrize(
    ("v", "first", "second"),
    [(None, 2, 3), ([0, 0, 2.0, 1.0, 0, 0], 3, 2), ([0, 0, 1.0, 1.0, 0, 0], 2, 3), ([0, 0, 1.0, -2.0, 0, 0], 2, 3)],
)
def test_a_pair_is_split_towards_its_smaller_column(v: list[float] | None, first: int, second: int) -> None:
    search = Search(problem())
    dive = search._split_pair(node(search), 1, None if v is None else np.array(v))
    assert zeros(dive) == [first]
    ((bound, _, rest),) = search._open
    assert zeros(rest) == [second]
    assert (bound, rest.depth, dive.depth) == (3.0, 3, 3)  # type: ignore[union-attr]


def test_a_column_that_cannot_be_zero_is_no_child() -> None:
    search = Search(problem())
    here = node(search)
    here.lower[2] = 0.5
    assert zeros(search._split_pair(here, 1, None)) == [3]
    assert search._open == []
    here.lower[3], here.upper[3] = -2.0, -1.0
    assert search._split_pair(here, 1, None) is None


@pytest.mark.parametrize(
    ("value", "dive", "rest"),
    [(1.2, (0.0, 1.0), (2.0, 4.0)), (1.7, (2.0, 4.0), (0.0, 1.0)), (1.5, (2.0, 4.0), (0.0, 1.0))],
)
def test_a_whole_column_is_split_at_its_value(
    value: float, dive: tuple[float, float], rest: tuple[float, float]
) -> None:
    search = Search(problem(integer=(4,)))
    found = search._split_integer(node(search), 4, value)
    ((bound, _, other),) = search._open
    assert (found.lower[4], found.upper[4]) == dive
    assert (other.lower[4], other.upper[4]) == rest
    assert (bound, found.bound, found.depth) == (3.0, 3.0, 3)
    assert found.upper[[0, 1, 2, 3, 5]].tolist() == [4.0] * 5


@pytest.mark.parametrize(
    ("v", "column"),
    [
        ([0, 0, 0, 0, 1.0, 2.0], None),
        ([0, 0, 0, 0, 1.2, 2.4], 5),
        ([0.5, 0, 0, 0, 1.3, 2.0], 4),
        ([0, 0, 0, 0, 1.0 + 0.9e-7, 2.0], None),
    ],
)
def test_the_whole_column_that_is_farthest_from_whole(v: list[float], column: int | None) -> None:
    search = Search(problem(integer=(4, 5)))
    assert search._fractional(np.array(v)) == column
    assert Search(problem())._fractional(np.array(v)) is None
    assert search._rounded(np.array([0.4, 0.6, 0, 0, 1.2, 2.6])).tolist() == [0.4, 0.6, 0.0, 0.0, 1.0, 3.0]


def test_sizes_of_pairs_that_are_open() -> None:
    search = Search(problem())
    here = node(search)
    v = np.array([0.5, -0.25, 2.0, 3.0, 9.0, 9.0])
    assert search._pair_sizes(here, v).tolist() == [0.25, 2.0]
    assert search._unfixed(here).tolist() == [0, 1]
    here.upper[3] = 0.0
    assert search._pair_sizes(here, v).tolist() == [0.25, 0.0]
    assert search._unfixed(here).tolist() == [0]
    bare = Search(problem(pairs=()))
    assert (bare._pair_sizes(here, v).size, bare._unfixed(here).size) == (0, 0)


@pytest.mark.parametrize(
    ("value", "splits", "gap"),
    [
        (INF, 0, None),
        (8.0, 0, GAP),
        (8.0, 1, 0.5 * EXACT_REGRET),
        (8.0, branch.LONG_SPATIAL, 0.5 * EXACT_REGRET),
        (8.0, branch.LONG_SPATIAL + 1, 0.5 * EPSILON_REGRET),
    ],
)
def test_bounds_that_are_not_worth_a_look(value: float, splits: int, gap: float | None) -> None:
    search = Search(problem(), ceiling=value)
    search._splits = splits
    assert search._cutoff() == (INF if gap is None else 8.0 - gap * 9.0)


@pytest.mark.parametrize(
    ("end", "best", "undecided", "dropped", "opened", "wanted"),
    [
        (End.OPTIMAL, True, INF, INF, [], (End.OPTIMAL, 8.0)),
        (End.OPTIMAL, True, INF, 7.5, [], (End.OPTIMAL, 7.5)),
        (End.LIMIT, True, INF, 7.5, [6.0, 7.0], (End.LIMIT, 6.0)),
        (End.OPTIMAL, True, 7.0, INF, [], (End.UNDECIDED, 7.0)),
        (End.OPTIMAL, True, 8.0 - 8e-7, INF, [], (End.OPTIMAL, 8.0 - 8e-7)),
        (End.OPTIMAL, True, 8.0 - 1e-6, INF, [], (End.UNDECIDED, 8.0 - 1e-6)),
        (End.OPTIMAL, False, INF, INF, [], (End.INFEASIBLE, INF)),
        (End.LIMIT, False, INF, INF, [6.0], (End.LIMIT, 6.0)),
    ],
)
def test_what_a_search_may_claim(
    end: End, best: bool, undecided: float, dropped: float, opened: list[float], wanted: tuple[End, float]
) -> None:
    search = Search(problem(), ceiling=8.0 if best else INF)
    search.best = np.zeros(COLUMNS) if best else None
    search._undecided, search._dropped, search.nodes = undecided, dropped, 5
    for bound in opened:
        search._push(node(search, bound))
    found = search._outcome(end, 0.5)
    assert (found.end, found.bound) == wanted
    assert (found.value, found.nodes, found.seconds) == (8.0 if best else INF, 5, 0.5)
    assert bool(found.reason) is (wanted[0] is End.UNDECIDED)


def test_only_better_points_are_kept() -> None:
    """A point costs 10 and k of each unit of column k - 1."""
    search = Search(problem())
    for column, value in ((2, 13.0), (5, 13.0), (0, 11.0), (1, 11.0)):
        search._accept(np.eye(COLUMNS)[column])
        assert search.value == value
    assert search.best is not None
    assert search.best.tolist() == np.eye(COLUMNS)[0].tolist()
    search._drop(5.0)
    search._drop(7.0)
    assert search._dropped == 5.0


def test_a_point_is_settled_with_the_smaller_of_each_pair_at_zero() -> None:
    """Of (1, 2) column 0 goes, of (2, 1) column 3; the rest is solved again: one unit of column 1."""
    search = Search(problem(integer=(4,)))
    v = np.array([1.0, 2.0, 2.0, 1.0, 0.2, 0.0])
    settled = search._settle(node(search), Relaxed(Status.OPTIMAL, v, 0.0))
    assert settled is not None
    assert settled.tolist() == pytest.approx([0.0, 1.0, 0.0, 0.0, 0.0, 0.0])
    assert search.value == pytest.approx(12.0)
    held = node(search)
    held.upper[1] = 0.0  # that pair is done: column 1 is the one that goes
    settled = search._settle(held, Relaxed(Status.OPTIMAL, v, 0.0))
    assert settled is not None
    assert settled.tolist() == pytest.approx([1.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    narrow = node(search)
    narrow.upper[:] = 0.0
    assert search._settle(narrow, Relaxed(Status.OPTIMAL, v, 0.0)) is None


@pytest.mark.parametrize(
    ("weights", "place", "split"),
    [
        ([-2.0, -2.0], [1.0, 2.0], (1, 2.0)),  # secants leave 3 and 4
        ([-8.0, -2.0], [1.0, 2.0], (0, 1.0)),  # and here 12
        ([-8.0, -2.0], [0.5, 2.0], (0, 0.8)),  # not nearer than a fifth of the width to an end
        ([-8.0, -2.0], [3.7, 4.0], (0, 3.2)),
        ([-8.0, -2.0], [0.0, 4.0], None),
    ],
)
def test_the_direction_with_the_widest_gap_is_split(
    weights: list[float], place: list[float], split: tuple[int, float] | None
) -> None:
    search = Search(problem(pairs=()), ceiling=8.0)
    v = np.array([*place, 0, 0, 0, 0])
    relaxed = Relaxed(Status.OPTIMAL, v, 3.0, np.eye(2, COLUMNS), np.array([[0.0, 4.0]] * 2), np.array(weights))
    left = search._split_direction(node(search), relaxed)
    if split is None:
        assert left is None
        assert (search._undecided, search._splits) == (3.0, 0)
        return
    ((_, _, right),) = search._open
    assert left is not None
    (vector, low, high), (same, start, end) = left.cuts[0], right.cuts[0]
    assert vector.tolist() == same.tolist() == np.eye(2, COLUMNS)[split[0]].tolist()
    assert (low, end) == (-INF, INF)
    assert high == start == pytest.approx(split[1])
    assert (left.bound, right.bound, search._splits) == (3.0, 3.0, 1)


def test_a_node_without_a_gap_left_is_closed_and_open_pairs_come_before_directions() -> None:
    search = Search(problem(), ceiling=3.0)
    flat = Relaxed(Status.OPTIMAL, np.zeros(COLUMNS), 3.0)
    assert search._split_direction(node(search), flat) is None
    assert search._dropped == 3.0
    search = Search(problem())
    assert search._split_direction(node(search), flat) is None
    assert search._undecided == 3.0
    bent = np.zeros((1, COLUMNS))
    bent[0, 3], bent[0, 1] = -0.9, 0.3
    curved = replace(flat, directions=bent, ranges=np.array([[0.0, 4.0]]), weights=np.array([-1.0]))
    assert zeros(search._split_direction(node(search), curved)) == [2]
    assert len(search._open) == 1


def test_the_whole_search_by_hand() -> None:
    """At least one unit: one of column 0 for 1, and whichever of pairs is zero; a ceiling below it finds nothing."""
    found = Search(problem()).run()
    assert (found.end, found.value, found.bound) == (End.OPTIMAL, pytest.approx(11.0), pytest.approx(11.0))
    below = Search(problem(), ceiling=10.5).run()
    assert (below.end, below.v, below.value) == (End.INFEASIBLE, None, 10.5)
    assert below.bound >= 10.5 - 1e-6
    leaves: list[list[float]] = []
    Search(problem()).run(lambda v, _: leaves.append(v.tolist()))
    assert pytest.approx([1.0, 0.0, 0.0, 0.0, 0.0, 0.0]) in leaves
    early = Search(problem(), stop_at=99.0).run()
    assert early.end is End.OPTIMAL
    assert early.bound <= early.value <= 99.0
    cut = Search(problem(), max_nodes=0).run()
    assert (cut.end, cut.nodes, cut.bound) == (End.LIMIT, 0, -INF)


@pytest.mark.parametrize("cost", [1.0, -1.0])
def test_the_seconds_are_those_that_passed(cost: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begun at 5 and ended at 7.5, with an optimum and without an end."""
    clock = iter([5.0, 7.5])
    made = problem(pairs=())
    endless = replace(made.instance, cost=cost * made.instance.cost, col_upper=np.full(COLUMNS, INF))
    search = Search(replace(made, instance=endless))
    monkeypatch.setattr(branch, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    found = search.run()
    assert (found.end, found.seconds) == (End.OPTIMAL if cost > 0.0 else End.UNBOUNDED, 2.5)
