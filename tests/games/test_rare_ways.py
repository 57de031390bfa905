"""What seldom happens on the way to an answer: each such way by itself, with what leads to it as told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from equilibrium.complementarity import convex
from equilibrium.complementarity.branch import End, Outcome
from equilibrium.complementarity.problem import Bilinear, Mpcc
from equilibrium.complementarity.sos1 import scip_is_installed, solve_gurobi, solve_scip
from equilibrium.deadline import Deadline
from equilibrium.games import Game, methods, stationarity
from equilibrium.games.best_response import BestResponse, Profile
from equilibrium.games.compiled import compile_game
from equilibrium.games.conditions import leader_problem
from equilibrium.games.methods import Decision, by_name, look_again
from equilibrium.programs.program import Instance
from tests.games.test_deciding import decision, known, of, outcome

INF = float("inf")


def crossed(low: float, high: float) -> Mpcc:
    """Two columns of 1 to 4 that cost 1 and 2, and ``v0 v1 + v0`` between two sides; then ``v1`` at least 1.25."""
    base = Instance(
        sp.csr_array([[1.0, 0.0], [0.0, 1.0]]),
        np.array([1.0, 2.0]),
        np.array([low, 1.25]),
        np.array([high, INF]),
        np.ones(2),
        np.full(2, 4.0),
    )
    none = np.zeros((0, 2), dtype=np.int64)
    whole = np.zeros(2, dtype=bool)
    return Mpcc(base, 10.0, sp.csr_array((2, 2)), none, whole, (Bilinear(0, 0, 1, 1.0),), (), {})


@pytest.mark.parametrize(
    "scip", [False, pytest.param(True, marks=pytest.mark.skipif(not scip_is_installed(), reason=""))]
)
@pytest.mark.parametrize(
    ("low", "high", "point"),
    [
        (9.0, INF, [4.0, 1.25]),  # v0 (v1 + 1) at least 9: at 1.25 that is v0 = 4
        (-INF, 3.0, [1.0, 1.25]),
        (7.0, 7.0, [7.0 / 2.25, 1.25]),
        (7.0, 8.0, [7.0 / 2.25, 1.25]),
        (12.0, 15.0, [4.0, 2.0]),
    ],
)
def test_rows_with_products_have_the_sides_that_they_have(
    low: float, high: float, point: list[float], scip: bool
) -> None:
    mpcc = crossed(low, high)
    found = (solve_scip if scip else solve_gurobi)(mpcc, Deadline())
    assert found.end is End.OPTIMAL
    assert found.v == pytest.approx(point, abs=1e-4)
    assert found.value == pytest.approx(10.0 + point[0] + 2.0 * point[1], abs=1e-4)
    turned = replace(mpcc, instance=replace(mpcc.instance, cost=-mpcc.instance.cost))
    most = (solve_scip if scip else solve_gurobi)(turned, Deadline())
    assert most.v is not None
    value = most.v[0] * most.v[1] + most.v[0]
    assert low - 1e-4 <= value <= high + 1e-4


def test_leaders_without_a_best_deviation_have_none_in_hand() -> None:
    game = Game("pair")
    for name in ("x", "z", "u"):
        leader = game.leader(f"leader {name}", "max")
        leader.objective = 1.0 * leader.variable(name, 0, 9)
    search = BestResponse(compile_game(game), "jacobi", (0, 1, 2), "auto", "auto", Deadline())
    better = np.array([9.0, 9.0, 9.0])
    outcomes = {
        "leader x": Outcome(End.INFEASIBLE, None, INF, INF),
        "leader z": Outcome(End.UNBOUNDED, better, -INF, -INF),
        "leader u": Outcome(End.OPTIMAL, better, -9.0, -9.0),
    }
    found = search.deviations(Profile(np.ones(3), outcomes, INF))
    assert {position: move.tolist() for position, move in found.items()} == {2: [9.0]}


def test_no_piece_has_a_column_at_zero_that_cannot_be() -> None:
    """A slack of a half at least stays free on every piece, and so does one of a half below nothing."""
    game = Game("pieces")
    one, two, follower = game.leader("one"), game.leader("two"), game.follower("follower")
    x, z, y = one.variable("x", 0, 1), two.variable("z", 0, 1), follower.variable("y", 0, 5)
    one.objective, two.objective, follower.objective = 1.0 * x, 1.0 * z, 1.0 * y
    follower.row("need", y >= x)
    compiled = compile_game(game)
    shared = leader_problem(compiled, None, compiled.followers, binding=compiled.leaders)
    pairs = shared.pairs.tolist()
    free = [(low.tolist(), high.tolist()) for low, high in stationarity._pieces(compiled, shared)]
    assert len(free) > 1
    low = shared.instance.col_lower.copy()
    low[pairs[0][1]] = 0.5
    held = replace(shared, instance=replace(shared.instance, col_lower=low))
    fewer = [lower for lower, _ in stationarity._pieces(compiled, held)]
    assert all(lower[pairs[0][1]] == 0.5 for lower in fewer)
    high = shared.instance.col_upper.copy()
    low[pairs[0][1]], high[pairs[0][1]] = -4.0, -0.5
    below = replace(shared, instance=replace(shared.instance, col_lower=low, col_upper=high))
    assert all(upper[pairs[0][1]] == -0.5 for _, upper in stationarity._pieces(compiled, below))


def test_scip_is_not_asked_whether_there_is_a_point(monkeypatch: pytest.MonkeyPatch) -> None:
    none = replace(outcome(End.INFEASIBLE), method="first")
    known(monkeypatch, of("first", "never"), of("b", "fell over"))
    monkeypatch.setattr(methods, "scip_is_installed", lambda: True)
    monkeypatch.setattr(methods, "by_name", lambda name: of(name, outcome(End.OPTIMAL, 1.0, 1.0, point=True)))
    found, said = look_again(decision(), none, Deadline())
    assert (found.end, said) == (End.INFEASIBLE, "infeasible by first alone (b: fell over)")


def test_the_shortcut_tells_a_follower_without_a_response() -> None:
    game = Game("none")
    leader, follower = game.leader("leader"), game.follower("follower")
    x, y = leader.variable("x", 0, 4), follower.variable("y", 0, 5)
    leader.objective, follower.objective = 1.0 * x, 1.0 * y
    follower.row("need", y >= 6.0)
    compiled = compile_game(game)
    asked = Decision(compiled, compiled.leaders[0], compiled.followers)
    found = by_name("lexicographic").run(asked, Deadline())
    assert (found.end, found.v, found.value, found.bound) == (End.INFEASIBLE, None, INF, INF)


def test_a_deadline_that_is_ended_has_passed() -> None:
    deadline = Deadline()
    part = deadline.part(0.5)
    assert not deadline.passed
    deadline.end()
    assert deadline.passed
    assert not part.passed
    assert deadline.part().passed


def test_cuts_find_the_least_of_a_square_and_nothing_without_a_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """x^2 - 2 x on [2, 3] is nothing at 2; without any pass there is no answer."""
    instance = Instance(
        sp.csr_array((0, 1)), np.array([-2.0]), np.zeros(0), np.zeros(0), np.array([2.0]), np.array([3.0])
    )
    hessian = sp.csr_array([[2.0]])
    first = convex._by_cuts(instance, hessian)
    assert first is not None
    assert first[1].value == pytest.approx(0.0, abs=1e-6)
    monkeypatch.setattr(convex, "_CUT_PASSES", 0)
    assert convex._by_cuts(instance, hessian) is None
