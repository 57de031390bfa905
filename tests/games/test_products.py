"""Strong duality as algebra, and one deviation that gains at all points of a piece: on systems stated by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from equilibrium.complementarity import products
from equilibrium.complementarity.problem import Bilinear, Mpcc, System
from equilibrium.complementarity.products import fold_fixed, linearise_products
from equilibrium.deadline import Deadline
from equilibrium.games import Game
from equilibrium.games.compiled import CompiledGame, compile_game
from equilibrium.games.exclusion import gains_everywhere
from equilibrium.programs.program import Instance

INF = float("inf")
N = 4


def problem(
    hessian: list[list[float]] | np.ndarray,
    *,
    rows: list[list[float]] | None = None,
    sides: list[float] | None = None,
    identities: tuple[tuple[int, int], ...] = (),
    pairs: tuple[tuple[int, int], ...] = (),
    fixed: dict[int, float] | None = None,
) -> Mpcc:
    """Four columns of 0 to 9 that cost 1 to 4, some fixed, under equalities."""
    matrix = np.zeros((0, N)) if rows is None else np.array(rows)
    right = np.zeros(0) if sides is None else np.array(sides)
    low, high = np.zeros(N), np.full(N, 9.0)
    for column, value in (fixed or {}).items():
        low[column] = high[column] = value
    base = Instance(sp.csr_array(matrix), np.arange(1.0, 5.0), right, right, low, high)
    at = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return Mpcc(base, 10.0, sp.csr_array(np.array(hessian)), at, np.zeros(N, dtype=bool), (), identities, {})


def square(*entries: tuple[int, int, float]) -> np.ndarray:
    """A symmetric matrix with these entries."""
    made = np.zeros((N, N))
    for i, j, value in entries:
        made[i, j] = made[j, i] = value
    return made


def test_fixed_columns_become_numbers() -> None:
    """The objective is the same at every point that keeps them, and no product has them any more."""
    rng = np.random.default_rng(2)
    dense = rng.normal(size=(N, N))
    made = problem(dense + dense.T, fixed={1: 3.0, 3: -2.0})
    folded = fold_fixed(made)
    for _ in range(5):
        v = rng.normal(size=N)
        v[[1, 3]] = 3.0, -2.0
        assert folded.value(v) == pytest.approx(made.value(v))
    left = folded.hessian.toarray()
    assert not left[[1, 3]].any()
    assert not left[:, [1, 3]].any()
    assert left[0, 2] == pytest.approx((dense + dense.T)[0, 2])
    assert folded.hessian.nnz == 4
    assert folded.instance.cost[[1, 3]].tolist() == [2.0, 4.0]
    free = problem(dense + dense.T)
    assert fold_fixed(free) is free
    linear = problem(np.zeros((N, N)), fixed={1: 3.0})
    assert fold_fixed(linear) is linear
    assert fold_fixed(problem(square((1, 0, 2.0)), fixed={1: 3.0})).linear


@pytest.mark.parametrize(
    ("fixed", "column", "quadratic", "linear"),
    [
        ({}, 0, {(0, 0): 2.0, (0, 1): 3.0, (0, 2): 4.0}, {0: -7.0}),
        ({}, 2, {(0, 2): 2.0, (1, 2): 3.0, (2, 2): 4.0}, {2: -7.0}),
        ({2: 5.0}, 0, {(0, 0): 2.0, (0, 1): 3.0}, {0: 13.0}),
        ({2: 5.0}, 2, {}, {2: 13.0, 0: 10.0, 1: 15.0}),
        ({1: 2.0, 2: 5.0}, 2, {}, {2: 19.0, 0: 10.0}),
    ],
)
def test_a_row_times_a_column(
    fixed: dict[int, float],
    column: int,
    quadratic: dict[tuple[int, int], float],
    linear: dict[int, float],
) -> None:
    """2 v0 + 3 v1 + 4 v2 = 7."""
    made = problem(np.zeros((N, N)), rows=[[2.0, 3.0, 4.0, 0.0]], sides=[7.0], fixed=fixed)
    assert products._identity(made, 0, column) == (quadratic, linear)


def test_products_that_a_row_says_are_linear() -> None:
    """Of v0 v1 + 3/2 v0^2 with 2 v1 + 3 v0 = 8 nothing is left but 4 v0; v2 v3 is a pair and vanishes."""
    made = problem(
        square((0, 1, 1.0), (0, 0, 3.0), (2, 3, 7.0)),
        rows=[[3.0, 2.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]],
        sides=[8.0, 5.0],
        identities=((0, 0),),
        pairs=((3, 2),),
    )
    found = linearise_products(made)
    assert found is not None
    assert found.linear
    assert found.instance.cost == pytest.approx([5.0, 2.0, 3.0, 4.0])
    assert (found.constant, found.hessian.shape) == (10.0, (N, N))
    v = np.array([1.5, 1.75, 0.0, 2.0])
    assert found.value(v) == pytest.approx(made.value(v))
    assert linearise_products(found) is found


def test_products_that_nothing_says_stay() -> None:
    """Another ratio of the two is left over, and so is one of which a row with products of its own speaks."""
    row = {"rows": [[3.0, 2.0, 0.0, 0.0]], "sides": [8.0], "identities": ((0, 0),)}
    assert linearise_products(problem(square((0, 1, 1.0), (0, 0, 3.0 + 1e-8)), **row)) is None  # type: ignore[arg-type]
    assert linearise_products(problem(square((0, 1, 1.0), (0, 0, 3.0 + 1e-11)), **row)) is not None  # type: ignore[arg-type]
    assert linearise_products(problem(square((2, 3, 1.0)))) is None
    made = problem(square((0, 1, 1.0), (0, 0, 3.0)), **row)  # type: ignore[arg-type]
    assert linearise_products(replace(made, bilinear=(Bilinear(0, 2, 3, 1.0),))) is None


def test_large_systems_are_solved_step_by_step() -> None:
    size = 1001
    matrix = sp.csr_array(sp.diags_array([np.linspace(1.0, 2.0, size), np.full(size - 1, 0.25)], offsets=[0, 1]))
    wanted = np.cos(np.arange(size))
    for some in (matrix, matrix[:500, :]):
        goal = some @ wanted
        assert some @ products._solve(some, goal) == pytest.approx(goal, abs=1e-11)


def rivals(*, row: bool = False, product: bool = False) -> CompiledGame:
    """One pays (x - z)^2, whose z of 3 to 4 is another's; perhaps with a row that holds the other's too."""
    game = Game("rivals")
    one, two = game.leader("one"), game.leader("two")
    x, z = one.variable("x", 0, 9), two.variable("z", 3, 4)
    one.objective, two.objective = (x - z) ** 2, 1.0 * z
    one.row("own", x <= 8.0)
    if row:
        one.row("both", x + z <= 20.0)
    if product:
        one.row("bent", x * x <= 99.0)
    return compile_game(game)


def points(low: list[float], high: list[float]) -> System:
    return System(list(low), list(high))


@pytest.mark.parametrize(
    ("low", "high", "decision", "gains"),
    [
        ([0.0, 3.0], [1.0, 4.0], 3.5, True),  # at best from 4 to 1/4
        ([0.0, 3.0], [4.0, 4.0], 3.5, False),  # some points are as good
        ([0.0, 3.0], [1.0, 4.0], 0.5, False),
        ([2.9, 3.0], [2.9, 3.0], 3.0, True),
        ([2.9, 3.0], [2.9, 4.0], 3.0, True),
        ([2.9, 3.0], [2.9, 3.0], 2.9, False),
    ],
)
def test_one_decision_gains_at_all_points_of_a_piece(
    low: list[float], high: list[float], decision: float, gains: bool
) -> None:
    """The rival keeps its own decision; all others of the piece are compared with it."""
    compiled = rivals()
    leader = compiled.leaders[0]
    assert gains_everywhere(compiled, points(low, high), leader, np.array([decision]), Deadline()) is gains


def test_rows_that_hold_others_are_no_matter_of_one_decision() -> None:
    for how in ({"row": True}, {"product": True}):
        compiled = rivals(**how)
        leader = compiled.leaders[0]
        made = points([0.0, 3.0], [1.0, 4.0])
        assert gains_everywhere(compiled, made, leader, np.array([3.5]), Deadline()) is False
        assert len(made.lower) == 2


@pytest.mark.parametrize(("decision", "gains"), [(2.0, True), (1.0, False), (0.5, False)])
@pytest.mark.parametrize("priced", [False, True])
def test_followers_respond_to_the_decision(decision: float, gains: bool, priced: bool) -> None:
    """y is 3 - x, and so is its price where y^2 / 2 is least: x of 0 to 1 costs 3 - x / 2, and x of 2 costs 2."""
    game = Game("response")
    leader, rival, follower = game.leader("leader"), game.leader("rival"), game.follower("follower")
    z, x = rival.variable("z", 0, 1), leader.variable("x", 0, 2)
    y = follower.variable("y", 0, 5)
    price = follower.row("need", y + x >= 3.0, dual="price").dual
    follower.objective = 0.5 * y * y
    leader.objective, rival.objective = (price if priced else y) + 0.5 * x, 1.0 * z
    compiled = compile_game(game)
    place = {name: k for k, name in enumerate(compiled.names)}
    low, high = np.zeros(compiled.size), np.ones(compiled.size)
    for name in ("y", "price"):
        low[place[name]], high[place[name]] = 2.0, 3.0
    made = points(low.tolist(), high.tolist())
    for name in ("y", "price"):
        made.row([(place[name], 1.0), (place["x"], 1.0)], 3.0, 3.0)
    mine = next(agent for agent in compiled.leaders if agent.name == "leader")
    assert gains_everywhere(compiled, made, mine, np.array([decision]), Deadline()) is gains
