"""Nearest points step by step: what all problems find together, what is left to a search, and when none is there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from equilibrium.errors import SolverError
from equilibrium.programs import nearest
from equilibrium.programs.nearest import Polyhedra, nearest_on_face
from equilibrium.programs.program import INF, Instance

SIZE = 5
ROWS = np.vstack([np.eye(SIZE), [[1.0, 1.0, 0.0, 0.0, 0.0]]])
"""Each variable, and the sum of the first two."""

Sides = dict[int, tuple[float, float]]
"""Limits by row or by variable; what is not in it has none."""

CASES: dict[str, tuple[Sides, Sides, list[float], bool, list[float] | None]] = {
    # limits of rows, bounds, target, whether it is found together with others, nearest point
    "one row": ({0: (1.0, INF)}, {}, [0, 0, 7, 0, 0], True, [1, 0, 7, 0, 0]),
    "four rows": ({k: (k + 1.0, INF) for k in range(4)}, {}, [0.0] * 5, True, [1, 2, 3, 4, 0]),
    "five rows": ({k: (k + 1.0, INF) for k in range(5)}, {}, [0.0] * 5, False, [1, 2, 3, 4, 5]),
    "equalities": ({k: ((-2.0) ** k,) * 2 for k in range(5)}, {}, [0.0] * 5, True, [1, -2, 4, -8, 16]),
    "one goes out": ({0: (-INF, -1.0), 5: (-INF, 0.0)}, {}, [0, 5, 0, 0, 0], False, [-2.5, 2.5, 0, 0, 0]),
    "empty": ({5: (5.0, INF), 0: (-INF, 1.0), 1: (-INF, 1.0)}, {}, [0.0] * 5, False, None),
    "a bound comes in": ({5: (5.0, INF)}, {0: (-INF, 1.0)}, [0.0] * 5, True, [1, 4, 0, 0, 0]),
    "a lower bound": ({5: (-INF, -5.0)}, {1: (-2.0, INF)}, [0.0] * 5, True, [-3, -2, 0, 0, 0]),
    "a bound goes out": ({5: (-INF, -5.0)}, {0: (-INF, 1.0)}, [3, 0, 0, 0, 0], False, [-1, -4, 0, 0, 0]),
    "a bound stays": ({5: (5.0, 5.0)}, {0: (4.0, 9.0)}, [-3, 0, 0, 0, 0], True, [4, 1, 0, 0, 0]),
    "a fixed one": ({5: (5.0, INF)}, {0: (2.0, 2.0)}, [0, 0, 0, 0, 8], True, [2, 3, 0, 0, 8]),
    "two turned in": ({0: (-INF, 2.0), 3: (1.0, INF)}, {}, [9, 0, 0, -9, 1], True, [2, 0, 0, 1, 1]),
    "inside": ({0: (-1.0, 1.0)}, {1: (-1.0, 1.0)}, [1, -1, 5, 5, 5], True, [1, -1, 5, 5, 5]),
}
POINTS = [name for name, case in CASES.items() if case[4] is not None]


def sides(given: list[Sides], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Both limits of each problem, shape (problems, count)."""
    low, high = np.full((len(given), count), -INF), np.full((len(given), count), INF)
    for k, each in enumerate(given):
        for place, (least, most) in each.items():
            low[k, place], high[k, place] = least, most
    return low, high


def hull(names: list[str], *, sparse: bool = False) -> tuple[Polyhedra, np.ndarray, np.ndarray]:
    """Problems that share their rows, their targets and answers; the first row counts most."""
    cases = [CASES[name] for name in names]
    tolerance = np.array([1e-9, 1e-8, 1e-8, 1e-8, 1e-8, 1e-8])
    made = Polyhedra(
        sp.csr_array(ROWS) if sparse else ROWS,
        *sides([case[0] for case in cases], len(ROWS)),
        tolerance,
        *sides([case[1] for case in cases], SIZE),
    )
    points = np.array([case[4] or [0.0] * SIZE for case in cases], dtype=float)
    return made, np.array([case[2] for case in cases], dtype=float), points


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("order", [1, -1])
def test_what_problems_find_together_and_what_is_left_to_a_search(sparse: bool, order: int) -> None:
    names = [name for name in list(CASES)[::order] if name != "inside"]
    made, target, points = hull(names, sparse=sparse)
    x = np.clip(target, made.low, made.high)
    excess, side = made._excess(x, slice(None))
    solved = made._together(x, target, np.arange(len(names)), excess, side)
    assert dict(zip(names, solved.tolist(), strict=True)) == {name: CASES[name][3] for name in names}
    assert x[solved] == pytest.approx(points[solved], abs=1e-12)
    assert (x[~solved] == np.clip(target, made.low, made.high)[~solved]).all()


@pytest.mark.parametrize("sparse", [False, True])
def test_a_few_of_many_problems_are_worked_on(sparse: bool) -> None:
    """The place of a problem among those that are worked on is not its place among all."""
    names = ["inside", "one row", "one goes out", "inside", "four rows", "a fixed one", "a bound goes out"]
    made, target, points = hull(names, sparse=sparse)
    assert made.nearest(target) == pytest.approx(points, abs=1e-12)


@pytest.mark.parametrize("sparse", [False, True])
def test_a_search_alone_finds_the_same(sparse: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    made, target, points = hull(POINTS, sparse=sparse)
    monkeypatch.setattr(Polyhedra, "_together", lambda _s, _x, _t, work, *_: np.zeros(work.size, dtype=bool))
    assert made.nearest(target) == pytest.approx(points, abs=1e-12)


def test_the_empty_ones_alone_are_given_room() -> None:
    """A known point of (2, 3) misses both limits of 1; what it says of the others is not looked at."""
    names = ["one goes out", "empty", "five rows"]
    made, target, points = hull(names)
    with pytest.raises(SolverError, match="there is no nearest point: the limits exclude each other"):
        made.nearest(target)
    known = np.array([[99.0] * 5, [2.0, 3.0, 0.0, 0.0, 0.0], [99.0] * 5])
    found = made.nearest(target, known)
    assert found[[0, 2]] == pytest.approx(points[[0, 2]], abs=1e-12)
    assert found[1] == pytest.approx([2.0, 3.0, 0.0, 0.0, 0.0], abs=1e-12)


def test_room_for_a_point_widens_what_it_misses_and_nothing_else() -> None:
    made, _, _ = hull(["one row", "a fixed one", "empty"])
    points = np.array([[1.5, 0.0, 0.0, 0.0, 0.0], [1.0, 9.0, 0.0, 0.0, 0.0]])
    wide = made._with(np.array([0, 1]), points)
    assert (wide.lower[0, 0], wide.upper[0, 0]) == (1.0, INF)
    assert (wide.lower[1, 5], wide.low[1, 0], wide.high[1, 0]) == (5.0, 1.0, 2.0)
    less = made._with(np.array([2]), np.array([[3.0, 0.5, 0.0, 0.0, 0.0]]))
    assert (less.lower[0, 5], less.upper[0, 0], less.upper[0, 1]) == (3.5, 3.0, 1.0)


def test_by_how_many_tolerances_rows_are_missed() -> None:
    made, _, _ = hull(["two turned in", "inside"])
    x = np.array([[2.5, 0.0, 0.0, 0.5, 0.0], [0.25, 0.0, 0.0, 0.0, 0.0]])
    excess, side = made._excess(x, slice(None))
    assert excess[0, [0, 3]] == pytest.approx([0.5e9, 0.5e8])
    assert (side[0, 0], side[0, 3]) == (-1.0, 1.0)
    assert excess[1, 0] == pytest.approx(-0.75e9)
    assert (excess[:, [1, 2, 4, 5]] < 0.0).all()
    one, _ = made._excess(x[1:], np.array([1]))
    assert one.tolist() == excess[1:].tolist()


@pytest.mark.parametrize(("target", "point"), [(0.0, 1.0), (5.0, 1.0 - 0.9e-3)])
def test_rows_that_miss_each_other_by_rounding_alone(target: float, point: float) -> None:
    """At least 1 and, stated twice as long, at most 1 less a gap: up to 1000 tolerances of its length are rounding."""

    def with_gap(gap: float) -> Polyhedra:
        tolerance = np.array([1e-6, 2e-6])
        rows = np.array([[1.0], [2.0]])
        lower, upper = np.array([[1.0, -INF]]), np.array([[INF, 2.0 - 2.0 * gap]])
        return Polyhedra(rows, lower, upper, tolerance, np.array([[-INF]]), np.array([[INF]]))

    assert with_gap(0.9e-3).nearest(np.array([[target]]))[0, 0] == pytest.approx(point, abs=1e-9)
    with pytest.raises(SolverError, match="exclude each other"):
        with_gap(1.1e-3).nearest(np.array([[target]]))


def test_a_search_that_does_not_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    made, target, points = hull(["five rows"])
    monkeypatch.setattr(nearest, "STEPS", 1)
    assert made.nearest(target) == pytest.approx(
        points
    )  # five rows and a look after them: six steps for five variables
    monkeypatch.setattr(nearest, "STEPS", 0)
    with pytest.raises(SolverError, match="the rows that hold it change again and again"):
        made.nearest(target)


def test_the_worst_row_and_all_equalities() -> None:
    excess = np.array([[2.0, 3.0, 0.5], [0.5, 5.0, 4.0], [1.0, 0.0, 1.0], [1.5, 3.0, 9.0], [-2.0, 1.5, 1.25]])
    assert nearest._worst(excess).tolist() == [[1], [1], [-1], [2], [1]]
    equal = np.array([[1, 0, 1], [0, 1, 1], [1, 1, 1], [0, 0, 0], [1, 0, 1]], dtype=bool)
    assert nearest._equalities_first(excess, equal).tolist() == [[0, -1], [1, 2], [-1, -1], [2, -1], [2, -1]]
    assert nearest._equalities_first(excess[3:4], equal[3:4]).tolist() == [[2]]


def face(low: float = 0.0) -> Instance:
    """x + y + z = 6 with z at most 2 and y at most x + 1; a fourth column is fixed at 7."""
    return Instance(
        sp.csr_array([[1.0, 1.0, 1.0, 0.0], [1.0, -1.0, 0.0, 0.0]]),
        np.zeros(4),
        np.array([6.0, -1.0]),
        np.array([6.0, INF]),
        np.array([low, 0.0, 0.0, 7.0]),
        np.array([9.0, 9.0, 2.0, 7.0]),
    )


@pytest.mark.parametrize(
    ("ideal", "point"),
    [
        ([0.0, 5.0], [1.5, 2.5, 2.0]),  # both limits hold it
        ([4.0, 1.0], [4.0, 1.0, 1.0]),  # inside
        ([5.0, 4.0], [4.4, 1.6, 0.0]),  # of (x - 5)^2 + (y - 4)^2 / 4 on x + y = 6: 4 (x - 5) = y - 4
        ([9.0, -9.0], [6.0, 0.0, 0.0]),
    ],
)
def test_a_face_of_two_dimensions_by_hand(ideal: list[float], point: list[float]) -> None:
    """y counts half as much as x; the fixed column is farther away than both and has no say."""
    columns, scale = np.array([0, 1, 3]), np.array([1.0, 2.0, 1.0])
    x = np.array([3.0, 3.0, 0.0, 7.0])
    found = nearest_on_face(face(), x, columns, scale, np.array([*ideal, 99.0]))
    assert found == pytest.approx([*point, 7.0], abs=1e-9)
    assert x.tolist() == [3.0, 3.0, 0.0, 7.0]


def test_a_point_that_misses_a_limit_may_stay_there() -> None:
    x = np.array([1.5 - 1e-6, 2.5 + 1e-6, 2.0, 7.0])
    columns, scale = np.array([0, 1]), np.array([1.0, 2.0])
    found = nearest_on_face(face(), x, columns, scale, np.array([0.0, 5.0]))
    assert found == pytest.approx(x, abs=1e-9)
    low = nearest_on_face(face(low=2.0), np.array([2.0 - 1e-6, 2.5, 1.5 + 1e-6, 7.0]), columns, scale, np.zeros(2))
    assert low == pytest.approx([2.0 - 1e-6, 2.0 + 1e-6, 2.0, 7.0], abs=1e-9)


def test_a_face_that_leaves_the_columns_no_choice_keeps_its_point() -> None:
    x = np.array([3.0, 3.0, 0.0, 7.0])
    assert nearest_on_face(face(), x, np.array([3]), np.ones(1), np.zeros(1)) is x
    held = replace(face(), col_lower=x, col_upper=x)
    assert nearest_on_face(held, x, np.array([0, 1]), np.ones(2), np.zeros(2)) is x
