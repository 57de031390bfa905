"""Bounds that are proved for multipliers: against the points of every pattern, and against all bases by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from equilibrium.complementarity.branch import End
from equilibrium.deadline import Deadline
from equilibrium.games import Game, bigm
from equilibrium.games.bigm import WIDER, Bounds, given_bounds, proved_bounds, solve_bigm
from equilibrium.games.compiled import Agent, compile_game
from equilibrium.games.conditions import leader_problem
from equilibrium.programs.program import Instance
from equilibrium.programs.solvers import MixedSolution, Status, open_handle
from tests.games.test_branch import bilevel, enumerated, mpcc_of


def of_all_bases(agent: Agent) -> float:
    """The largest multiplier of any basis of rows and unit vectors, slopes as they stand in the objective."""
    rows = [row for row in agent.matrix.toarray()[:, agent.own] if row.any()] + list(np.eye(agent.own.size))
    slope, most = np.abs(agent.cost[agent.own]), 0.0
    for some in itertools.combinations(rows, agent.own.size):
        basis = np.array(some).T
        if abs(np.linalg.det(basis)) > 1e-9:
            most = max(most, float((np.abs(np.linalg.inv(basis)) @ slope).max()))
    return most


@settings(max_examples=25, deadline=None, derandomize=True)
@given(bilevel(), st.integers(0, 2**16 - 1))
def test_what_nobody_else_sees_has_the_bound_of_all_bases_and_what_others_see_none_but_its_reach(
    game: Game, chosen: int
) -> None:
    compiled = compile_game(game)
    mpcc = leader_problem(compiled, compiled.leaders[0], compiled.followers)
    if not mpcc.pairs.size:
        return
    columns = mpcc.pairs[:, 0]
    reach = proved_bounds(mpcc, compiled.followers, columns).size
    seen = columns[[chosen >> k & 1 == 1 for k in range(columns.size)]]
    found = proved_bounds(mpcc, compiled.followers, seen).size
    assert found[:, 1].tolist() == reach[:, 1].tolist()
    others = np.isin(columns, seen)
    assert found[others, 0].tolist() == reach[others, 0].tolist()
    hidden = reach[~others, 0]
    if np.isfinite(hidden).all():
        assert found[~others, 0].tolist() == hidden.tolist()
    else:
        wanted = of_all_bases(compiled.followers[0]) * (1.0 + WIDER) + WIDER
        assert found[~others, 0] == pytest.approx(np.minimum(hidden, wanted))


@settings(max_examples=15, deadline=None, derandomize=True)
@given(bilevel())
def test_no_pattern_is_cut_off(game: Game) -> None:
    mpcc = mpcc_of(game)
    bounds = proved_bounds(mpcc, compile_game(game).followers, np.zeros(0, dtype=np.int64))
    assert not bounds.missing.size
    outcome = solve_bigm(mpcc, bounds, "highs", Deadline())
    best = enumerated(mpcc)
    if np.isfinite(best):
        assert outcome.value == pytest.approx(best, abs=1e-6)
        assert outcome.bound <= best + 1e-6 * (1.0 + abs(best))


def test_a_bound_that_is_given_holds_for_every_multiplier_and_slacks_keep_theirs() -> None:
    """``y`` of 0 to 5 at most ``x`` of 0 to 4, which is at most 3 beside it: slacks of at most 4, 5 and 5."""
    game = Game("given")
    leader, follower = game.leader("leader"), game.follower("follower")
    x, y = leader.variable("x", 0, 4), follower.variable("y", 0, 5)
    leader.objective, follower.objective = 1.0 * x, -1.0 * y
    follower.row("most", y - x <= 0.0)
    bounds = given_bounds(mpcc_of(game), 7.0, "user")
    assert bounds.size[:, 0].tolist() == [7.0] * 3
    assert sorted(bounds.size[:, 1].tolist()) == pytest.approx(
        [each * (1.0 + WIDER) + WIDER for each in (4.0, 4.0, 5.0)], rel=1e-9
    )
    assert bounds.provenance == "user"


def test_a_bound_that_is_too_large_or_none_is_no_use() -> None:
    bounds = Bounds(np.array([[1.0, 1e6], [np.inf, 1.0], [1.0, np.nan], [1.0, 1.0]]), "made")
    assert bounds.missing.tolist() == [1, 2]


def wider(bound: float) -> float:
    return bound * (1.0 + WIDER) + WIDER


def test_slopes_that_others_decide_count_as_far_as_they_reach() -> None:
    """Of ``(2x - 3) y`` with x of 0 to 4 and y of 0 to 5 the slope is from -3 to 5; of a second follower's it is -2."""
    game = Game("slopes")
    leader = game.leader("leader")
    still, first, second = (game.follower(name) for name in ("still", "first", "second"))
    x, u = leader.variable("x", 0, 4), still.variable("u", -np.inf)
    y, z = first.variable("y", 0, 5), second.variable("z", 0, 1)
    leader.objective = 1.0 * x
    still.objective = 1.0 * u * u - 2.0 * u  # no bound and no row: nothing to prove of it
    first.objective, second.objective = 2.0 * x * y - 3.0 * y, -2.0 * z
    mpcc, compiled = mpcc_of(game), compile_game(game)
    found = proved_bounds(mpcc, compiled.followers, np.zeros(0, dtype=np.int64)).size
    assert found[:, 0].tolist() == pytest.approx([wider(5.0)] * 2 + [wider(2.0)] * 2, rel=1e-9)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (MixedSolution(Status.INFEASIBLE, np.zeros(0), np.inf, np.inf, 2.0, 7), (End.INFEASIBLE, np.inf, np.inf)),
        (MixedSolution(Status.UNBOUNDED, np.zeros(0), -np.inf, -np.inf, 2.0, 7), (End.UNBOUNDED, -np.inf, -np.inf)),
        (MixedSolution(Status.LIMIT, np.zeros(0), np.inf, -3.0, 2.0, 7), (End.LIMIT, np.inf, 97.0)),
        (MixedSolution(Status.LIMIT, np.zeros(9), np.inf, -3.0, 2.0, 7), (End.LIMIT, np.inf, 97.0)),
        (MixedSolution(Status.OPTIMAL, np.zeros(0), 5.0, -3.0, 2.0, 7), (End.LIMIT, np.inf, 97.0)),
    ],
)
def test_what_a_solver_says_without_a_point(
    said: MixedSolution, wanted: tuple[End, float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The objective has a constant of 100, which counts in the bound."""
    game = Game("said")
    leader, follower = game.leader("leader"), game.follower("follower")
    x, y = leader.variable("x", 0, 4), follower.variable("y", 0, 5)
    leader.objective, follower.objective = 1.0 * x + 100.0, -1.0 * y
    monkeypatch.setattr(bigm, "solve_mixed", lambda *_, **__: said)
    mpcc, deadline = mpcc_of(game), Deadline(nodes=20)
    outcome = solve_bigm(mpcc, given_bounds(mpcc, 7.0, "user"), "highs", deadline)
    assert (outcome.end, outcome.value, outcome.bound, outcome.v, outcome.seconds) == (
        *wanted[:2],
        wanted[2],
        None,
        2.0,
    )
    assert deadline.nodes_left == 13
    assert outcome.provenance == "user"


@pytest.mark.parametrize(
    ("low", "high", "row", "reach"),
    [
        (-3.0, 1.0, np.inf, 3.0),
        (-1.0, 2.0, np.inf, 2.0),
        (-3.0, 2.0, 1.5, 3.0),
        (-0.5, np.inf, 1.5, 1.5),
        (-4.0, 0.0, np.inf, 4.0),
        (0.0, 4.0, np.inf, 4.0),
    ],
)
def test_how_far_a_column_reaches_either_way(low: float, high: float, row: float, reach: float) -> None:
    def instance(least: float, most: float, limit: float) -> Instance:
        ends = np.array([least, 0.0]), np.array([most, 1.0])
        return Instance(sp.csr_array([[1.0, 1.0]]), np.zeros(2), np.array([-np.inf]), np.array([limit]), *ends)

    given = instance(low, high, row)
    assert bigm._reach(open_handle(given), given, 0) == wider(reach)
    for limit, found in ((np.inf, np.inf), (-20.0, 0.0)):  # without an end, and without a point
        other = instance(-1.0, np.inf, limit)
        assert bigm._reach(open_handle(other), other, 0) == found
