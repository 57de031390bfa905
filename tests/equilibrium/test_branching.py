"""The branch and bound over whole columns and pairs, step by step: what is solved, kept, given up, and what is next."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
import scipy.sparse as sp

from equilibrium.deadline import Deadline
from equilibrium.errors import SolverError
from equilibrium.programs import branching
from equilibrium.programs.branching import NO_PAIRS, Pairs, Rows, branch
from equilibrium.programs.program import Instance
from equilibrium.programs.solvers import Solution, Status
from equilibrium.programs.solvers.base import ModelTooLargeError

INF = float("inf")


def program(
    cost: Sequence[float], rows: Sequence[tuple[list[float], float, float]] = (), upper: float = 1.0
) -> Instance:
    size = len(cost)
    matrix = np.array([row[0] for row in rows]).reshape(len(rows), size)
    low, high = (np.array([row[k] for row in rows], dtype=float) for k in (1, 2))
    return Instance(sp.csr_array(matrix), np.array(cost), low, high, np.zeros(size), np.full(size, upper))


KNAPSACK = program([-3.0, -4.0, -5.0], [([2.0, 3.0, 4.0], -INF, 6.0)])
"""Things worth 3, 4 and 5 that weigh 2, 3 and 4 within 6: the first and the last, worth 8; by parts 8.25."""


def test_a_knapsack_by_hand() -> None:
    """By parts: all of the first (1.5 a kg), all of the second (1.33) and a quarter of the last: 8.25."""
    found = branch(KNAPSACK, np.ones(3, dtype=bool))
    assert found.x == pytest.approx([1.0, 0.0, 1.0])
    assert (found.objective, found.bound) == pytest.approx((-8.0, -8.0))
    assert found.finished
    assert found.gap == pytest.approx(0.0)
    assert found.fixed.col_lower == pytest.approx(found.x)
    assert found.fixed.col_upper == pytest.approx(found.x)
    loose = branch(KNAPSACK, np.zeros(3, dtype=bool))
    assert (loose.objective, loose.nodes) == (pytest.approx(-8.25), 1)
    half = branch(KNAPSACK, np.array([False, False, True]))  # the last one whole: with it, two thirds of the second
    assert half.objective == pytest.approx(-8.0)


def test_what_a_deadline_leaves_is_a_point_with_its_bound() -> None:
    found = branch(KNAPSACK, np.ones(3, dtype=bool), deadline=Deadline(nodes=1))
    assert not found.finished
    assert (found.nodes, found.bound) == (1, pytest.approx(-8.25))
    # A quarter of the last one rounds to none: 7 is in hand.
    assert (found.objective, found.gap) == (pytest.approx(-7.0), pytest.approx(1.25 / 7.0))
    none = branch(KNAPSACK, np.ones(3, dtype=bool), deadline=Deadline(nodes=0))
    assert (none.objective, none.bound, none.nodes, none.x.size, none.finished) == (INF, -INF, 0, 0, False)


def test_points_to_begin_with_are_tried_once() -> None:
    start = [np.array([1.0, 0.0, 1.0]), np.array([0.9, 0.1, 1.0])]
    found = branch(KNAPSACK, np.ones(3, dtype=bool), start=start, deadline=Deadline(nodes=0))
    assert (found.objective, found.programs) == (pytest.approx(-8.0), 1)


def test_a_gap_ends_the_search() -> None:
    """7 is found at the root, whose bound is 8.25; with the last thing and without it no more than 8 is left.

    With the smallest gap 8 is taken with it, and the rest, of 8.25, is near enough to that.
    """
    ends = [branch(KNAPSACK, np.ones(3, dtype=bool), gap=gap) for gap in (0.2, 0.16, 0.13)]
    assert [each.objective for each in ends] == pytest.approx([-7.0, -7.0, -8.0])
    assert [each.bound for each in ends] == pytest.approx([-8.25, -8.0, -8.25])
    assert [each.nodes for each in ends] == [1, 3, 2]
    assert [each.finished for each in ends] == [True, True, True]


def test_no_point_is_told() -> None:
    none = branch(program([1.0], [([1.0], 0.2, 0.8)]), np.ones(1, dtype=bool))
    assert (none.objective, none.bound, none.finished, none.gap) == (INF, INF, True, 0.0)


@pytest.mark.parametrize("flip", [False, True])
def test_of_a_pair_one_column_is_zero(flip: bool) -> None:
    """Worth 3 and 2, each at most 1 and 1.5 together: one of them alone, the better one."""
    pair = Pairs(np.array([int(flip)]), np.array([int(not flip)]))
    found = branch(program([-3.0, -2.0], [([1.0, 1.0], -INF, 1.5)]), np.zeros(2, dtype=bool), pairs=pair)
    assert found.x == pytest.approx([1.0, 0.0])
    assert (found.objective, found.bound) == pytest.approx((-3.0, -3.0))


def test_rows_that_a_point_breaks_are_added_until_none_is() -> None:
    """First half the weight, then a third: the search sees the rows from then on."""
    limits = iter([3.0, 2.0])
    seen = []

    def broken(x: np.ndarray) -> Rows | None:
        seen.append(x.tolist())
        if float(x @ [2.0, 3.0, 4.0]) <= 2.0 + 1e-9:
            return None
        limit = next(limits)
        return Rows(sp.csr_array(np.array([[2.0, 3.0, 4.0]])), np.array([-INF]), np.array([limit]))

    found = branch(KNAPSACK, np.zeros(3, dtype=bool), broken=broken)
    assert found.x == pytest.approx([1.0, 0.0, 0.0])
    assert found.instance.row_upper.tolist() == [6.0, 3.0, 2.0]
    assert found.nodes == 1
    assert found.programs >= 3


def loaded(*ends: Status | type[Exception], rows: bool = False) -> branching._Loaded:
    given = iter(ends)

    class Told:
        name = "told"

        def __init__(self) -> None:
            self.updates: list[Instance] = []
            self.added = 0

        def update(self, instance: Instance) -> None:
            self.updates.append(instance)

        def add_rows(self, *_: object) -> None:
            self.added += 1

        def solve(self) -> Solution:
            end = next(given)
            if not isinstance(end, Status):
                raise end(3, 4)
            return Solution(end, np.full(3, 0.25), np.zeros(1), 0.5)

    one = Rows(sp.csr_array(np.ones((1, 3))), np.zeros(1), np.ones(1))
    return branching._Loaded(KNAPSACK, Told(), lambda _: one if rows else None)  # type: ignore[arg-type]


def test_how_a_node_may_end() -> None:
    made = loaded(Status.OPTIMAL, Status.INFEASIBLE, Status.LIMIT)
    found = made.solve([1], [1.0])
    assert found is not None
    assert (found[0].col_lower.tolist(), found[0].col_upper.tolist()) == ([0.0, 1.0, 0.0], [1.0, 1.0, 1.0])
    assert made.solve([], []) is None
    assert (made.programs, made.seconds) == (2, 1.0)
    with pytest.raises(SolverError, match="a node of the search ended limit"):
        made.solve([], [])
    endless = loaded(*[Status.OPTIMAL] * 1000, rows=True)
    with pytest.raises(SolverError, match=f"rows of a program were broken {branching.ROUNDS} times in succession"):
        endless.solve([], [])
    assert (endless.programs, endless.handle.added) == (branching.ROUNDS, branching.ROUNDS)  # type: ignore[attr-defined]
    assert endless.instance.shape[0] == 1 + branching.ROUNDS


def test_highs_takes_over_where_a_licence_ends() -> None:
    class SmallError(ModelTooLargeError):
        def __init__(self, *_: object) -> None:
            super().__init__("too large")

    made = loaded(SmallError)
    found = made.solve([], [])
    assert found is not None
    assert found[1].status is Status.OPTIMAL
    assert found[0].cost @ found[1].x == pytest.approx(-8.25)
    assert made.handle.name.lower().startswith("highs")


PAIR = Pairs(np.array([0]), np.array([1]))


@pytest.mark.parametrize(
    ("x", "integer", "pairs", "split"),
    [
        ([0.3, 0.6, 1.0], [0, 1, 2], NO_PAIRS, (1, 1.0, 0.0)),
        ([0.3, 0.8, 1.0], [0, 1, 2], NO_PAIRS, (0, 0.0, 1.0)),
        ([0.3, 0.8, 1.0], [2], NO_PAIRS, None),
        ([0.3, 0.8, 1.0], [1, 2], PAIR, (1, 1.0, 0.0)),
        ([0.3, 0.8, 1.0], [2], PAIR, (0, 1)),
        ([0.8, 0.3, 1.0], [2], PAIR, (1, 0)),
        ([0.0, 0.3, 1.0], [2], PAIR, None),
        ([0.3, 0.0, 1.0], [], PAIR, None),
    ],
)
def test_what_a_node_is_split_on(x: list[float], integer: list[int], pairs: Pairs, split: tuple | None) -> None:
    """Whole columns first, the one that is farthest from whole; of a pair the smaller one is zero first."""
    search = branching._Search(loaded(), np.array(integer, dtype=np.int64), pairs, 0.0)
    assert search.branching(np.array(x)) == split


@pytest.mark.parametrize(("best", "cut"), [(INF, INF), (-8.0, -8.8), (0.5, 0.4), (20.0, 18.0)])
def test_a_node_is_of_no_use_within_the_gap(best: float, cut: float) -> None:
    assert branching._Search(loaded(), np.zeros(0, dtype=np.int64), NO_PAIRS, 0.1, best=best).cut == pytest.approx(cut)


class Scripted(branching._Search):
    """A search whose nodes have children and bounds by the way that leads to them."""

    def __init__(self, tree: dict[str, tuple[float, float]], gap: float = 0.0) -> None:
        """``tree``: bound and best value known after a node, by its way; ways that are missing lead nowhere."""
        super().__init__(loaded(), np.zeros(0, dtype=np.int64), NO_PAIRS, gap)
        self.tree, self.seen = tree, list[str]()

    def look_at(self, node: branching._Node) -> tuple[branching._Node, branching._Node] | None:
        way = "".join("ab"[int(value)] for value in node.values)
        self.seen.append(way)
        if way not in self.tree:
            return None
        bound, best = self.tree[way]
        self.best = min(self.best, best)
        return node.child(0, 0.0, bound), node.child(0, 1.0, bound)


def test_the_search_dives_until_there_is_a_point_and_then_takes_the_best_bound() -> None:
    """Down to ``aa`` a point of 9 is known; then ``b`` (bound 1) comes before ``ab`` (2) and those of 5."""
    search = Scripted({"": (1.0, INF), "a": (2.0, INF), "aa": (5.0, 9.0), "b": (6.0, 9.0)})
    assert search.run(Deadline()) == []
    assert search.seen == ["", "a", "aa", "b", "ab", "aab", "aaa", "bb", "ba"]


def test_nodes_beyond_the_cut_are_left() -> None:
    search = Scripted({"": (1.0, INF), "a": (2.0, 2.0)})
    assert sorted(search.run(Deadline())) == [2.0, 2.0]
    assert search.seen == ["", "a", "b"]
    assert Scripted({"": (1.0, INF)}).run(Deadline(nodes=1)) == [1.0, 1.0]
    assert Scripted({}).run(Deadline(nodes=0)) == [-INF]


@pytest.mark.parametrize("seed", range(6))
def test_every_choice_of_small_programs(seed: int) -> None:
    """Whole columns and a pair against all choices, linear programs being one number each."""
    rng = np.random.default_rng(seed)
    cost, weight = rng.integers(-9, 3, 4).astype(float), rng.integers(1, 6, 4).astype(float)
    instance = program(cost.tolist(), [(weight.tolist(), -INF, 7.0)])
    pair = Pairs(np.array([0]), np.array([3]))
    found = branch(instance, np.ones(4, dtype=bool), pairs=pair)
    every = (np.array(each, dtype=float) for each in itertools.product((0, 1), repeat=4))
    best = min(float(cost @ x) for x in every if weight @ x <= 7.0 and not (x[0] and x[3]))
    assert (found.objective, found.bound) == pytest.approx((best, best))
    assert float(cost @ found.x) == pytest.approx(best)
