"""The whole front against enumeration, its pay-off table, and the choice from it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from equilibrium.errors import InfeasibleError, InputError, SolverError
from equilibrium.programs import front as module
from equilibrium.programs.front import Front, Objectives, grid_front, split_boxes, step_of, whole_front
from equilibrium.programs.program import Instance
from equilibrium.programs.solvers import MixedSolution, Status


def knapsack(weights: list[float], limit: float, values: list[list[float]]) -> Objectives:
    """Take things of most value of several kinds within one weight; all values are maximised."""
    count = len(weights)
    matrix, nothing = sp.csr_array(np.array([weights])), np.zeros(count)
    instance = Instance(matrix, nothing, np.array([-np.inf]), np.array([limit]), nothing, np.ones(count))
    names = tuple(f"value {k}" for k in range(len(values)))
    return Objectives(instance, np.ones(count, dtype=np.bool_), -np.array(values), names)


def all_points(problem: Objectives) -> set[tuple[float, ...]]:
    """Non-dominated values by trying every choice."""
    limit, weights = problem.instance.row_upper[0], problem.instance.matrix.toarray()[0]
    every = (np.array(each, dtype=np.float64) for each in itertools.product((0, 1), repeat=weights.size))
    values = {tuple(problem.value(x).tolist()) for x in every if weights @ x <= limit}
    return {v for v in values if not any(w != v and all(a <= b for a, b in zip(w, v, strict=True)) for w in values)}


def as_set(front: Front) -> set[tuple[float, ...]]:
    found = [tuple(each) for each in front.values.tolist()]
    assert len(set(found)) == len(found)
    return set(found)


BY_HAND = knapsack([2.0, 3.0, 4.0], 5.0, [[3.0, 1.0, 4.0], [1.0, 4.0, 3.0]])
"""Weight 5 takes {1, 2} or one thing: values (4, 5), (3, 1), (1, 4), (4, 3), so one point is non-dominated."""


def test_one_point_that_is_best_in_everything() -> None:
    front = whole_front(BY_HAND)
    assert front.values.tolist() == [[-4.0, -5.0]]
    assert front.payoff.tolist() == [[-4.0, -5.0], [-4.0, -5.0]]
    assert front.membership.tolist() == [[1.0, 1.0]]


def test_a_front_by_hand() -> None:
    """One of three things: (5, 1), (3, 3), (1, 5)."""
    problem = knapsack([1.0, 1.0, 1.0], 1.0, [[5.0, 3.0, 1.0], [1.0, 3.0, 5.0]])
    front = whole_front(problem)
    assert front.values.tolist() == [[-5.0, -1.0], [-3.0, -3.0], [-1.0, -5.0]]
    assert front.x.tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    assert front.payoff.tolist() == [[-5.0, -1.0], [-1.0, -5.0]]
    assert front.membership.tolist() == [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]
    assert (front.choice(), front.choice([2.0, 1.0]), front.choice([1.0, 3.0])) == (1, 0, 2)
    assert front.complete


@settings(max_examples=8)
@given(st.data())
def test_no_point_is_missing(data: st.DataObject) -> None:
    count, kinds = data.draw(st.integers(4, 6)), data.draw(st.integers(2, 3))
    numbers = st.lists(st.integers(1, 9).map(float), min_size=count, max_size=count)
    weights = data.draw(numbers)
    problem = knapsack(weights, float(sum(weights) // 2), [data.draw(numbers) for _ in range(kinds)])
    front = whole_front(problem)
    assert as_set(front) == all_points(problem)
    for k in range(kinds):  # the extremes are the lexicographic optima
        order = [k, *(j for j in range(kinds) if j != k)]
        assert min(front.values[:, order].tolist()) == front.payoff[k, order].tolist()
    assert [problem.value(x).tolist() for x in front.x] == [pytest.approx(v) for v in front.values.tolist()]


def test_values_with_decimals_have_a_smaller_step() -> None:
    problem = knapsack([1.0, 1.0], 1.0, [[0.25, 0.2], [0.1, 0.15]])
    assert step_of(problem).tolist() == [0.05, 0.05]
    assert len(whole_front(problem).values) == 2
    with pytest.raises(InputError, match="front: value 0: got 'a coefficient', expected at most 6 decimals"):
        whole_front(knapsack([1.0], 1.0, [[1.0 / 3.0], [1.0]]))


def plane() -> Objectives:
    """Minimise x and y over x + 2 y >= 2 in the unit squares: the front is a line from (0, 1) to (2, 0)."""
    instance = Instance(
        sp.csr_array(np.array([[1.0, 2.0]])),
        np.zeros(2),
        np.array([2.0]),
        np.array([np.inf]),
        np.zeros(2),
        np.full(2, 3.0),
    )
    return Objectives(instance, np.zeros(2, dtype=np.bool_), np.eye(2), ("x", "y"))


def test_a_grid_over_a_front_without_steps() -> None:
    front = grid_front(plane(), 5)
    assert front.values[:, 1].tolist() == pytest.approx([1.0, 0.75, 0.5, 0.25, 0.0], abs=1e-6)
    assert front.values[:, 0].tolist() == pytest.approx([0.0, 0.5, 1.0, 1.5, 2.0], abs=1e-6)
    assert not front.complete
    assert front.choice() == 2
    with pytest.raises(InputError, match="a column that is not whole"):
        whole_front(plane())
    with pytest.raises(InputError, match="two, and at least two points"):
        grid_front(plane(), 1)


def test_a_limit_that_does_not_bind_gives_no_dominated_point() -> None:
    """y is the same for x = 0 and is free: without the slack term any y up to the limit would be an optimum."""
    instance = Instance(
        sp.csr_array(np.array([[1.0, 0.0]])),
        np.zeros(2),
        np.array([0.0]),
        np.array([np.inf]),
        np.zeros(2),
        np.array([1.0, 9.0]),
    )
    problem = Objectives(instance, np.ones(2, dtype=np.bool_), np.eye(2), ("x", "y"))
    assert whole_front(problem).values.tolist() == [[0.0, 0.0]]


def test_what_has_no_front_is_told() -> None:
    with pytest.raises(InfeasibleError, match="has no point"):
        whole_front(knapsack([1.0], -1.0, [[1.0], [1.0]]))
    with pytest.raises(InputError, match="at least two objectives"):
        knapsack([1.0], 1.0, [[1.0]])
    with pytest.raises(InputError, match="front: weights"):
        whole_front(BY_HAND).choice([1.0, -1.0])
    endless = Instance(sp.csr_array((0, 2)), np.zeros(2), np.zeros(0), np.zeros(0), np.zeros(2), np.full(2, np.inf))
    with pytest.raises(InputError, match="front: x: got 'unbounded'"):
        whole_front(Objectives(endless, np.ones(2, dtype=np.bool_), np.eye(2), ("x", "y")))


def test_boxes_cut_away_what_a_point_dominates() -> None:
    least = np.zeros(3)
    corners = split_boxes(np.array([9.0, 9.0, 9.0]), [], np.array([2.0, 5.0, 6.0]), least)
    assert {tuple(each) for each in corners} == {(9.0, 5.0, 9.0), (9.0, 9.0, 6.0)}
    first, second = corners
    again = split_boxes(first, [second], np.array([4.0, 4.0, 4.0]), least)
    assert all(not (np.array([4.0, 4.0, 4.0]) < each).all() for each in again)


@pytest.mark.parametrize(
    ("costs", "message"),
    [
        (np.ones((2, 3)), r"objectives: costs: got \(2, 3\), expected the shape \(2, 2\)"),
        (np.array([[1.0, np.inf], [1.0, 1.0]]), "objectives: costs: got 'not finite', expected finite numbers"),
    ],
)
def test_objectives_that_do_not_fit_are_refused(costs: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Objectives(plane().instance, np.zeros(2, dtype=np.bool_), costs, ("x", "y"))


@pytest.mark.parametrize("weights", [[0.0, 0.0], [1.0], [-1.0, 2.0], [[1.0, 1.0]]])
def test_weights_that_weigh_nothing_are_refused(weights: list) -> None:
    with pytest.raises(InputError, match="a number from 0 for each of 2"):
        whole_front(BY_HAND).choice(weights)


def test_membership_is_a_share_of_the_fronts_range() -> None:
    """An objective that is the same everywhere is at its best everywhere."""
    values = np.array([[1.0, 9.0, 4.0], [2.0, 5.0, 4.0], [5.0, 1.0, 4.0]])
    front = Front(("a", "b", "c"), values, values, values, True, 0)
    assert front.membership.tolist() == [[1.0, 0.0, 1.0], [0.75, 0.5, 1.0], [0.0, 1.0, 1.0]]
    assert (front.choice(), front.choice([1.0, 0.0, 0.0]), front.choice([0.0, 1.0, 0.0])) == (1, 0, 2)
    assert front.choice([0.0, 0.0, 1.0]) == 0


@pytest.mark.parametrize("step", [0.0, -1.0, [1.0, 0.0]])
def test_a_step_is_above_zero(step: object) -> None:
    with pytest.raises(InputError, match="front: step"):
        whole_front(BY_HAND, step=step)  # type: ignore[arg-type]


def test_steps_are_greatest_common_divisors() -> None:
    problem = knapsack([1.0, 1.0, 1.0], 3.0, [[6.0, 10.0, 4.0], [0.000009, 0.000006, 0.0], [0.0, 0.0, 0.0]])
    assert step_of(problem).tolist() == [2.0, 3e-6, 1.0]
    half = Objectives(problem.instance, np.array([True, True, False]), problem.costs[:2], ("a", "b"))
    with pytest.raises(InputError, match="front: a: got 'a column that is not whole'"):
        step_of(half)
    assert step_of(Objectives(half.instance, half.integer, problem.costs[1:], ("b", "c"))).tolist() == [3e-6, 1.0]


def test_a_solver_that_decides_nothing_ends_the_front(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = MixedSolution(Status.LIMIT, np.zeros(3), 0.0, 0.0, 0.0)
    monkeypatch.setattr(module, "solve_mixed", lambda *_: ended)
    with pytest.raises(SolverError, match="a point of the front ended limit"):
        whole_front(BY_HAND)


def test_no_point_in_the_relaxation_is_told() -> None:
    with pytest.raises(InfeasibleError, match="the program of the front has no point"):
        module._largest(knapsack([1.0], -1.0, [[1.0], [1.0]]), 0, "auto")


@pytest.mark.parametrize(
    ("box", "boxes", "value", "left"),
    [
        # The first objective of the own box is not cut: nothing is left below the point found.
        ([9.0, 9.0], [], [2.0, 5.0], [[9.0, 5.0]]),
        ([9.0, 9.0], [], [2.0, 0.0], []),
        ([9.0, 4.0], [[5.0, 9.0]], [3.0, 2.0], [[3.0, 9.0], [9.0, 2.0]]),
        ([9.0, 4.0], [[3.0, 9.0]], [3.0, 2.0], [[3.0, 9.0], [9.0, 2.0]]),
        ([9.0, 9.0, 9.0], [[9.0, 5.0, 2.0]], [1.0, 7.0, 4.0], [[9.0, 9.0, 4.0], [9.0, 7.0, 9.0]]),
    ],
)
def test_what_is_left_of_boxes_by_hand(
    box: list[float], boxes: list[list[float]], value: list[float], left: list[list[float]]
) -> None:
    found = split_boxes(np.array(box), [np.array(each) for each in boxes], np.array(value), np.zeros(len(box)))
    assert sorted(each.tolist() for each in found) == sorted(left)


def test_a_grid_asks_for_the_ends_and_what_lies_between() -> None:
    """From (0, 4) to (8, 0): limits of y at 3, 2 and 1; one has no point, one the point of the one before."""
    inf = float("inf")
    asked: list[tuple[list[float], list[float]]] = []
    turn = iter([[0.0, 4.0], [0.0, 4.0], [8.0, 0.0], [8.0, 0.0], [2.0, 3.0], None, [2.0, 3.0]])

    def solve(instance: Instance, _: np.ndarray) -> np.ndarray | None:
        asked.append((instance.cost.tolist(), instance.row_upper[-2:].tolist()))
        point = next(turn)
        return None if point is None else np.array(point)

    front = grid_front(plane(), 5, solver=solve)
    assert front.values.tolist() == [[0.0, 4.0], [2.0, 3.0], [8.0, 0.0]]
    assert front.payoff.tolist() == [[0.0, 4.0], [8.0, 0.0]]
    assert (front.solves, front.complete) == (7, False)
    same = module.SAME_VALUE
    assert asked == [
        ([1.0, 0.0], [inf, inf]),
        ([0.0, 1.0], [same, inf]),
        ([0.0, 1.0], [inf, inf]),
        ([1.0, 0.0], [inf, same]),
        *(([1.0, module._OTHERS * 2.0], [inf, limit]) for limit in (3.0, 2.0, 1.0)),
    ]


def test_a_grid_over_one_point_is_that_point() -> None:
    front = grid_front(plane(), 5, solver=lambda *_: np.array([2.0, 3.0]))
    assert (front.values.tolist(), front.solves) == ([[2.0, 3.0]], 4)
    three = Objectives(plane().instance, np.zeros(2, dtype=np.bool_), np.ones((3, 2)), ("a", "b", "c"))
    with pytest.raises(InputError, match=r"front: objectives and points: got \(3, 4\), expected two, and at least two"):
        grid_front(three, 4)
