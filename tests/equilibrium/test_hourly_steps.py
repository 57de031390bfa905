"""Vertices and walks step by step, on two variables whose every vertex is known on paper."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.programs.hourly import periods, vertices
from equilibrium.programs.hourly.periods import PeriodData, PeriodModel, compile_periods
from equilibrium.programs.hourly.vertices import Vertices, exchanged, leaving, matvec, start, vecmat
from equilibrium.programs.hourly.walk import NOTHING, walk
from equilibrium.programs.program import FEASIBILITY, ProgramBuilder

INF = float("inf")

M = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, -1.0]])
N = np.array([[0.0], [0.0], [-1.0], [0.0]])


def model(m: np.ndarray = M, n: np.ndarray = N, two: tuple[int, ...] = (0, 1, 2)) -> PeriodModel:
    """Bounds of two variables, ``y1 + y2 >= p`` and ``y1 - y2 <= 1``; what belongs to a whole program is not there."""
    nothing: Any = None
    none = np.zeros(0, dtype=np.int64)
    sides = periods._sides(m, n, np.array(two))
    size = np.ones(len(m))
    return PeriodModel(m, n, size, 1e-9 * size, sides, none, none, none, none, none, none, nothing, nothing, nothing)


def data(*costs: tuple[float, float], top: float = 4.0) -> PeriodData:
    """Hours with costs of the two variables, of which the first is at most 4 and the second at most 9."""
    count = len(costs)
    lower, upper = np.array([0.0, 0.0, 0.0, -INF]), np.array([top, 9.0, INF, 1.0])
    return PeriodData(np.array(costs), np.tile(lower, (count, 1)), np.tile(upper, (count, 1)), np.zeros((count, 0)))


def at(*powers: float, costs: tuple[float, float] = (2.0, 3.0)) -> tuple[Vertices, np.ndarray]:
    return start(model(), data(*[costs] * len(powers)), np.array(powers)[:, None])


def test_every_vertex_on_the_way_of_the_power() -> None:
    """y = (p, 0) up to 1, then ((p + 1) / 2, (p - 1) / 2) up to 7, then (4, p - 4) up to 13."""
    found, solved = at(0.5, 3.0, 8.0, 13.0, 13.1)
    assert solved.tolist() == [True, True, True, True, False]
    assert found.y[:4] == pytest.approx(np.array([[0.5, 0.0], [2.0, 1.0], [4.0, 4.0], [4.0, 9.0]]))
    assert found.cost[:4] == pytest.approx([1.0, 7.0, 20.0, 35.0])
    assert found.prices()[:3, 0] == pytest.approx([2.0, 2.5, 3.0])
    assert [set(rows) for rows in found.active[:3].tolist()] == [{1, 2}, {2, 3}, {0, 2}]
    sides = [dict(zip(*pair, strict=True)) for pair in zip(found.active.tolist(), found.side.tolist(), strict=True)]
    assert sides[:3] == [{1: 1, 2: 1}, {2: 1, 3: -1}, {0: -1, 2: 1}]
    for k in range(3):
        assert found.inverse[k] @ M[found.active[k]] == pytest.approx(np.eye(2))
        assert found.mu[k] @ M[found.active[k]] == pytest.approx([2.0, 3.0])
    assert found.values()[1] == pytest.approx([2.0, 1.0, 0.0, 1.0])


def test_from_nothing_all_variables_are_at_the_bound_that_their_cost_prefers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Vertices, "move", lambda _, given: given)
    equal = data((2.0, -3.0), (0.0, 5.0), (-1.0, -1.0))
    equal.lower[2, 1] = equal.upper[2, 1] = 6.0
    found, given = start(model(), equal, np.full((3, 1), 7.0))
    assert found.active.tolist() == [[0, 1]] * 3
    assert found.side.tolist() == [[1, -1], [1, 1], [-1, 0]]
    assert found.mu.tolist() == [[2.0, -3.0], [0.0, 5.0], [-1.0, -1.0]]
    assert (found.inverse == np.eye(2)).all()
    assert (given == 7.0).all()


def test_a_walk_goes_from_kink_to_kink() -> None:
    """From 0.5: half a kW to the first kink, 6 to the second, 6 to the third, where nothing lies beyond."""
    found, _ = at(0.5)
    way = walk(found, np.array([0]), np.array([[1.0]]))
    said = []
    for _ in range(3):
        price = float(way.prices()[0, 0])
        length, on = way.advance(np.array([99.0]))
        said.append((price, float(length[0]), bool(on[0])))
    assert said == [
        (pytest.approx(2.0), pytest.approx(0.5), True),
        (pytest.approx(2.5), pytest.approx(6.0), True),
        (pytest.approx(3.0), pytest.approx(6.0), False),
    ]


def test_several_ways_at_once_and_room_that_ends_before_a_kink() -> None:
    """Up from 0.5 and down from 3, twice as fast, and up from 8 with room for 2 alone; hours may stand twice."""
    found, _ = at(0.5, 3.0, 8.0)
    way = walk(found, np.array([0, 1, 2, 1]), np.array([[1.0], [-2.0], [1.0], [1.0]]))
    length, on = way.advance(np.array([99.0, 99.0, 2.0, 3.75]))
    assert length == pytest.approx([0.5, 1.0, 2.0, 3.75])
    assert on.tolist() == [True, True, False, False]
    assert way.hour.tolist() == [0, 1]
    assert way.prices()[:, 0] == pytest.approx([2.5, 2.0])
    length, on = way.advance(np.array([3.0, 3.0]))
    assert length == pytest.approx([3.0, 0.5])
    assert on.tolist() == [False, True]
    assert way.hour.tolist() == [1]
    assert way.prices()[:, 0] == pytest.approx([0.0], abs=1e-12)  # below nothing the power is free


def test_room_that_ends_at_a_kink_goes_no_further() -> None:
    found, _ = at(3.0)
    for room, on in ((4.0, False), (4.0 + 1e-9, True)):
        way = walk(found, np.array([0]), np.array([[1.0]]))
        length, goes = way.advance(np.array([room]))
        assert (length[0], bool(goes[0])) == (pytest.approx(4.0), on)
    still = walk(found, np.array([0]), np.array([[0.0]]))
    length, goes = still.advance(np.array([5.0]))
    assert (length.tolist(), goes.tolist()) == ([5.0], [False])


def test_what_is_left_to_a_limit_that_is_met_is_next_to_nothing() -> None:
    """At 7 the first variable is at its bound already: the kink is met at once."""
    found, _ = at(7.0)
    way = walk(found, np.array([0]), np.array([[1.0]]))
    assert (way.gap >= NOTHING).all()
    first = float(way.prices()[0, 0])
    if first == pytest.approx(2.5):
        length, on = way.advance(np.array([99.0]))
        assert (length[0], on[0]) == (pytest.approx(0.0, abs=1e-9), True)
    assert way.prices()[0, 0] == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("rho", "side", "mu", "sign", "leave", "least"),
    [
        ([0.5, 2.0], [1, 1], [1.0, 3.0], 1, 1, 1.5),
        ([0.5, 2.0], [1, 1], [0.5, 3.0], 1, 0, 1.0),
        ([0.5, 2.0], [-1, -1], [-0.5, -3.0], -1, 0, 1.0),
        ([0.5, -2.0], [1, -1], [9.0, -3.0], 1, 1, 1.5),
        ([0.5, 2.0], [0, 1], [0.0, 3.0], 1, 1, 1.5),  # an equality never leaves
        ([1e-9, 2.0], [1, 1], [0.0, 3.0], 1, 1, 1.5),  # too small a pivot
        ([0.5, 2.0], [1, 1], [1.0, 4.0], 1, 1, 2.0),  # a tie: the larger pivot
        ([2.0, 0.5], [1, 1], [4.0, 1.0], 1, 0, 2.0),
        ([0.5, 2.0], [1, 1], [-1e-13, 3.0], 1, 0, 0.0),  # rounding below zero
        ([-0.5, -2.0], [1, 1], [1.0, 3.0], 1, None, INF),
    ],
)
def test_which_row_leaves(
    rho: list[float], side: list[int], mu: list[float], sign: int, leave: int | None, least: float
) -> None:
    row, ratio = leaving(np.array([rho]), np.array([side]), np.array([mu]), np.array([sign]))
    assert ratio[0] == pytest.approx(least)
    if leave is not None:
        assert row[0] == leave


def test_by_blands_rule_the_smallest_number_leaves_among_equal_ratios() -> None:
    rho, side, mu = np.array([[0.5, 2.0, 1.0]]), np.ones((1, 3), dtype=int), np.array([[1.0, 4.0, 9.0]])
    for rows, leave in (([7, 5, 1], 1), ([5, 7, 1], 0)):
        found, _ = leaving(rho, side, mu, np.array([1]), np.array([rows]))
        assert found[0] == leave
    near = np.array([[1.0, 4.0 * (1.0 + 1e-11), 9.0]])
    assert leaving(rho, side, near, np.array([1]))[0][0] == 0  # no tie


def test_a_row_takes_the_place_of_another() -> None:
    """Against the inverse and the multipliers of the new matrix, computed anew."""
    rng = np.random.default_rng(1)
    matrix, cost, row = rng.normal(size=(2, 3, 3)), rng.normal(size=(2, 3)), rng.normal(size=(2, 3))
    inverse = np.linalg.inv(matrix)
    mu, rho = vecmat(cost, inverse), vecmat(row, inverse)
    leave = np.array([1, 2])
    step = mu[[0, 1], leave] / rho[[0, 1], leave]
    found, multipliers = exchanged(inverse, mu, rho, leave, step)
    for k in range(2):
        matrix[k, leave[k]] = row[k]
    assert found == pytest.approx(np.linalg.inv(matrix))
    assert multipliers == pytest.approx(vecmat(cost, np.linalg.inv(matrix)))
    assert matvec(matrix, cost) == pytest.approx(np.array([matrix[k] @ cost[k] for k in range(2)]))


def test_hours_start_from_the_known_vertex_with_the_largest_dual_objective(monkeypatch: pytest.MonkeyPatch) -> None:
    """Known are those of 0.5, 3 and 8: at 2 and at 12, and where a cost has turned so that none fits."""
    known, _ = at(0.5, 3.0, 8.0)
    seen: list[Vertices] = []

    def moved(self: Vertices, given: np.ndarray) -> np.ndarray:
        seen.append(self)
        return np.ones(len(given), dtype=bool)

    monkeypatch.setattr(Vertices, "move", moved)
    today = data((2.0, 3.0), (2.0, 3.0), (2.0, 1.0))
    today.upper[2, 1] = INF
    found, _ = start(model(), today, np.array([[2.0], [12.0], [2.0]]), known)
    assert [set(rows) for rows in found.active.tolist()][:2] == [{2, 3}, {0, 2}]
    sides = [dict(zip(*pair, strict=True)) for pair in zip(found.active.tolist(), found.side.tolist(), strict=True)]
    assert sides[:2] == [{2: 1, 3: -1}, {0: -1, 2: 1}]
    assert found.mu[0] @ M[found.active[0]] == pytest.approx([2.0, 3.0])
    assert [each.given.tolist() for each in seen] == [[[2.0], [12.0], [2.0]]]
    which, keep = vertices._likeliest(model(), today, np.array([[2.0], [12.0], [2.0]]), known)
    assert (which.tolist()[:2], keep.tolist()[:2]) == ([1, 2], [0, 1])


def test_a_known_vertex_whose_multiplier_finds_no_limit_is_none() -> None:
    """At costs of (2, 1) with no upper end of y2, y1 - y2 <= 1 would need a lower side."""
    known, _ = at(3.0)
    which, keep = vertices._likeliest(model(), data((2.0, 1.0)), np.array([[3.0]]), known)
    assert (which.size, keep.size) == (0, 0)
    which, keep = vertices._likeliest(model(), data((2.0, 2.0)), np.array([[3.0]]), known)
    assert keep.tolist() == [0]  # a multiplier of nothing may be at either side


def test_a_repair_gives_up_after_its_pivots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vertices, "MAXIMUM_PIVOTS", 2)
    _, solved = at(0.5, 8.0)
    assert solved.tolist() == [True, False]
    monkeypatch.setattr(vertices, "MAXIMUM_PIVOTS", 9)
    monkeypatch.setattr(vertices, "PATIENCE", 0)  # by Bland's rule from the first pivot on
    found, solved = at(0.5, 3.0, 8.0, 13.1)
    assert solved.tolist() == [True, True, True, False]
    assert found.cost[:3] == pytest.approx([1.0, 7.0, 20.0])


def test_moved_hours_alone_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    found, _ = at(0.5, 3.0, 8.0)
    moved: list[int] = []
    move = Vertices.move

    def noted(self: Vertices, given: np.ndarray) -> np.ndarray:
        moved.append(len(given))
        return move(self, given)

    monkeypatch.setattr(Vertices, "move", noted)
    assert found.follow(np.array([[0.5], [5.0], [8.0]]))
    assert moved == [1]
    assert found.cost == pytest.approx([1.0, 12.0, 20.0])
    assert found.given[:, 0].tolist() == [0.5, 5.0, 8.0]
    assert not found.follow(np.array([[0.5], [14.0], [9.0]]))
    assert moved == [1, 2]
    assert found.cost[[0, 2]] == pytest.approx([1.0, 23.0])


def test_what_is_left_to_every_side() -> None:
    """Of the values (2, 1, 0, 1): to the upper sides, to three lower ones, and without end to the stand-in."""
    found, _ = at(3.0)
    sides = model().sides
    assert sides.row.tolist() == [0, 1, 2, 3, 0, 1, 2, 0]
    assert sides.sign.tolist() == [1, 1, 1, 1, -1, -1, -1, 0]
    assert (sides.upper.tolist(), sides.lower.tolist()) == ([0, 1, 2, 3], [4, 5, 6, 7])
    gap = sides.gap(found.values(), found.data)
    assert gap[0] == pytest.approx([2.0, 8.0, INF, 0.0, 2.0, 1.0, 0.0, INF], abs=1e-12)
    signed = np.concatenate([M, N], axis=1)[sides.row] * sides.sign[:, None]
    assert sides.matrix.tolist() == signed.T.tolist()


def test_rows_of_an_hour_are_scaled_and_what_has_no_entry_stays() -> None:
    """A row of 4 and 2, one that only the state has, one that is empty, and a state that has a limit."""
    build = ProgramBuilder()
    y, lot = build.columns("y", (1, 2), upper=[3.0, 5.0]), build.columns("lot", (1, 1))
    state = build.columns("state", (1, 1), lower=-7.0, upper=8.0)
    follows = build.rows("follows", (1,), lower=1.0, upper=1.0)
    build.coefficients(follows, state[:, 0], 2.0)
    build.coefficients(follows, y[:, 0], -1.0)
    build.coefficients(follows, lot[:, 0], -6.0)
    plain, mixed, empty = (build.rows(name, (1,), upper=6.0) for name in ("plain", "mixed", "empty"))
    build.coefficients(plain[:, None], y, [[4.0, 2.0]])
    build.coefficients(mixed, state[:, 0], -5.0)
    assert empty.size == 1
    made = compile_periods(build.compile(), "lot", ["state"], ["follows"])
    assert made.scale == pytest.approx([1.0, 1.0, 4.0, 15.0, 1.0, 3.0])
    assert made.m == pytest.approx(np.array([[1, 0], [0, 1], [1, 0.5], [-1 / 6, 0], [0, 0], [1 / 6, 0]]))
    assert made.n[:, 0] == pytest.approx([0.0, 0.0, 0.0, -1.0, 0.0, 1.0])
    size = np.array([3.0, 5.0, 6.0, 6.0, 6.0, 8.0])
    assert made.tolerance == pytest.approx(FEASIBILITY * (1.0 + size / made.scale))
    assert (made.variables, made.rows) == (2, 6)


@pytest.mark.parametrize(
    ("hours", "states", "entries", "dense"),
    [(8, 2, 1, False), (9, 2, 1, True), (9, 2, 0, False), (81, 20, 20, False), (81, 20, 21, True), (80, 20, 21, False)],
)
def test_states_of_many_hours_are_solved_for_by_an_inverse_where_that_is_dense(
    hours: int, states: int, entries: int, dense: bool
) -> None:
    """Where hours are more than four times the states, and entries of the factor a twentieth of the inverse's."""
    rng = np.random.default_rng(hours)
    matrix, right = rng.normal(size=(states, states)), rng.normal(size=(hours, states))
    asked: list[str] = []

    def solve(columns: np.ndarray, trans: str = "N") -> np.ndarray:
        asked.append(trans)
        return np.linalg.solve(matrix.T if trans == "T" else matrix, columns)

    found = periods._base(SimpleNamespace(nnz=entries, solve=solve), right)  # type: ignore[arg-type]
    assert found == pytest.approx(np.linalg.solve(matrix, right.T).T)
    assert asked == ["T" if dense else "N"]
