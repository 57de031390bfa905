"""The big-M form row by row, its answer and the pattern that polishes it, and bounds that cannot be proved."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from equilibrium.complementarity.branch import End, Outcome, Search
from equilibrium.complementarity.problem import Bilinear, Mpcc
from equilibrium.deadline import Deadline
from equilibrium.errors import SolverError
from equilibrium.games import Game, bigm
from equilibrium.games.bigm import Bounds, given_bounds, settle, solve_bigm
from equilibrium.games.compiled import compile_game
from equilibrium.programs.program import Instance
from equilibrium.programs.solvers import MixedSolution, Status, open_handle
from tests.games.test_branch import mpcc_of

INF = float("inf")


def game() -> Game:
    """y of 0 to 5 is dear to its owner, at least x - 2 and at most 2 x; x is a whole number of 0 to 4."""
    made = Game("made")
    leader, follower = made.leader("leader"), made.follower("follower")
    x, y = leader.variable("x", 0, 4, integer=True), follower.variable("y", 0, 5)
    leader.objective, follower.objective = x - 3.0 * y + 100.0, 1.0 * y
    follower.row("least", y - x >= -2.0)
    follower.row("most", y - 2.0 * x <= 0.0)
    return made


def solved(monkeypatch: pytest.MonkeyPatch, answer: MixedSolution, mpcc: Mpcc, size: np.ndarray) -> dict[str, Any]:
    """Solve the big-M form with an answer as told: what the solver was given, what was polished, what came out."""
    seen: dict[str, Any] = {}

    def solve(program: Instance, integer: np.ndarray, solver: str, **limits: object) -> MixedSolution:
        seen.update(program=program, integer=integer, solver=solver, limits=limits)
        return answer

    def polished(_: Mpcc, outcome: Outcome, free: np.ndarray) -> Outcome:
        seen.update(polished=outcome, free=free)
        return replace(outcome, value=-77.0)

    monkeypatch.setattr(bigm, "solve_mixed", solve)
    monkeypatch.setattr(bigm, "settle", polished)
    deadline = Deadline(nodes=50)
    seen["found"] = solve_bigm(mpcc, Bounds(size, "user"), "some", deadline)
    seen["left"] = deadline.nodes_left
    return seen


def test_every_pair_has_two_rows_and_a_binary(monkeypatch: pytest.MonkeyPatch) -> None:
    """At u = 0 the multiplier is 0 and the slack at most N; at u = 1 it is the other way round, with M."""
    mpcc = mpcc_of(game())
    count, n = len(mpcc.pairs), mpcc.instance.shape[1]
    size = 2.0 + np.arange(2.0 * count).reshape(count, 2)
    x = np.arange(float(n + count))
    x[n:] = [0.4, 0.6, 1.0, 0.0][:count]
    seen = solved(monkeypatch, MixedSolution(Status.OPTIMAL, x, -3.0, -4.5, 0.25, 7), mpcc, size)
    program, base = seen["program"], mpcc.instance
    assert program.shape == (base.shape[0] + 2 * count, n + count)
    dense = program.matrix.toarray()
    assert dense[: base.shape[0], :n].tolist() == base.matrix.toarray().tolist()
    assert not dense[: base.shape[0], n:].any()
    for k, (multiplier, slack) in enumerate(mpcc.pairs.tolist()):
        for place, (column, most, sense) in enumerate(((multiplier, size[k, 0], -1.0), (slack, size[k, 1], 1.0))):
            row = base.shape[0] + 2 * k + place
            wanted = np.zeros(n + count)
            wanted[column] = 1.0 if base.col_upper[column] > 0.0 else -1.0
            wanted[n + k] = sense * most
            assert dense[row].tolist() == wanted.tolist()
            assert (program.row_lower[row], program.row_upper[row]) == (-INF, most if place else 0.0)
    assert program.cost.tolist() == [*base.cost, *[0.0] * count]
    assert (program.col_lower[n:].tolist(), program.col_upper[n:].tolist()) == ([0.0] * count, [1.0] * count)
    assert program.col_upper[:n].tolist() == base.col_upper.tolist()
    assert np.flatnonzero(seen["integer"]).tolist() == [0, *range(n, n + count)]
    assert (seen["solver"], seen["limits"]["node_limit"], seen["left"]) == ("some", 50, 43)
    assert seen["free"].tolist() == [False, True, True, False][:count]
    found, first = seen["found"], seen["polished"]
    assert (found.value, found.provenance, found.seconds) == (-77.0, "user", 0.25)
    assert (first.end, first.bound, first.v.tolist()) == (End.OPTIMAL, 95.5, x[:n].tolist())
    assert first.value == mpcc.value(x[:n])


@pytest.mark.parametrize("status", [Status.OPTIMAL, Status.LIMIT])
def test_multipliers_of_either_sign_have_a_row_on_their_side(status: Status, monkeypatch: pytest.MonkeyPatch) -> None:
    mpcc = mpcc_of(game())
    column = int(mpcc.pairs[0, 0])
    low, high = mpcc.instance.col_lower.copy(), mpcc.instance.col_upper.copy()
    low[column], high[column] = -INF, 0.0
    turned = replace(mpcc, instance=replace(mpcc.instance, col_lower=low, col_upper=high))
    count, n = len(mpcc.pairs), mpcc.instance.shape[1]
    answer = MixedSolution(status, np.zeros(n + count), 1.0, 1.0, 0.0, 0)
    seen = solved(monkeypatch, answer, turned, np.full((count, 2), 9.0))
    rows = seen["program"].matrix.toarray()[mpcc.instance.shape[0] :]
    upper = mpcc.instance.col_upper[mpcc.pairs[:, 0]]
    assert (upper[0] > 0.0, upper[1]) == (True, 0.0)
    assert [rows[2 * k, mpcc.pairs[k, 0]] for k in (0, 1)] == [-1.0, -1.0]
    assert seen["polished"].end is (End.OPTIMAL if status is Status.OPTIMAL else End.LIMIT)


def patterned(monkeypatch: pytest.MonkeyPatch, v: np.ndarray, free: np.ndarray | None) -> tuple[Mpcc, Outcome]:
    """Polish an answer: the problem that is searched for its pattern, and what comes out of it."""
    seen: list[Mpcc] = []

    class Told(Search):
        def __init__(self, mpcc: Mpcc, **more: Any) -> None:
            seen.append(mpcc)
            assert more == {"max_nodes": bigm.POLISH_NODES}
            super().__init__(mpcc, **more)

    monkeypatch.setattr(bigm, "Search", Told)
    found = settle(mpcc_of(game()), Outcome(End.LIMIT, v, 55.0, 44.0, 3, 0.5, provenance="guess"), free)
    return seen[0], found


@pytest.mark.parametrize("told", [True, False])
def test_an_answer_is_polished_on_the_pattern_that_it_chose(told: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """x is 3, so y = 1 at its least: that multiplier and the slacks of the others are free."""
    mpcc = mpcc_of(game())
    exact = Search(mpcc).run()
    assert exact.v is not None
    rough = exact.v + 1e-4
    pairs = mpcc.pairs
    free = np.abs(exact.v[pairs[:, 0]]) > np.abs(exact.v[pairs[:, 1]])
    assert 0 < free.sum() < free.size
    piece, found = patterned(monkeypatch, rough, free if told else None)
    zero = np.where(free, pairs[:, 1], pairs[:, 0])
    assert not piece.pairs.size
    low, high = piece.instance.col_lower, piece.instance.col_upper
    assert low[zero].tolist() == high[zero].tolist() == [0.0] * zero.size
    others = np.setdiff1d(np.arange(low.size), [0, *zero])
    assert low[others].tolist() == mpcc.instance.col_lower[others].tolist()
    assert high[others].tolist() == mpcc.instance.col_upper[others].tolist()
    assert low[0] == high[0] == round(float(exact.v[0]))
    assert found.v == pytest.approx(exact.v, abs=1e-9)
    assert found.value == pytest.approx(exact.value)
    assert (found.end, found.bound, found.nodes, found.provenance) == (End.LIMIT, 44.0, 3, "guess")


def test_an_answer_that_cannot_be_polished_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    mpcc = mpcc_of(game())
    none = Outcome(End.LIMIT, None, INF, 44.0)
    assert settle(mpcc, none) is none
    some = Outcome(End.LIMIT, np.zeros(mpcc.instance.shape[1]), 55.0, 44.0)
    crossed = replace(mpcc, bilinear=(Bilinear(0, 0, 1, 1.0),))
    assert settle(crossed, some) is some
    wrong = settle(mpcc, replace(some, v=np.full(mpcc.instance.shape[1], 9.0)))  # x of 9 is no point
    assert wrong.v is not None
    assert wrong.v[0] == 9.0

    class Failing:
        def __init__(self, *_: object, **__: object) -> None:
            pass

        def run(self) -> Outcome:
            raise SolverError("lost")

    monkeypatch.setattr(bigm, "Search", Failing)
    assert settle(mpcc, some) is some


def test_a_slack_without_end_has_the_bound_of_a_multiplier() -> None:
    """y is at most x + 10 and x has no end: that slack is bounded by nothing but the guess."""
    made = Game("endless")
    leader, follower = made.leader("leader"), made.follower("follower")
    x, y = leader.variable("x", 0), follower.variable("y", 0, 5)
    leader.objective, follower.objective = 1.0 * x, -1.0 * y
    follower.row("most", y - x <= 10.0)
    bounds = given_bounds(mpcc_of(made), 7.0, "guess")
    assert sorted(bounds.size[:, 1].tolist()) == pytest.approx([5.0, 5.0, 7.0], abs=1e-4)
    assert bounds.size[:, 0].tolist() == [7.0] * 3


def test_a_slack_without_end_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the relaxation shows no end a short search may: of what it proves, of nothing, and where it fails."""
    mpcc = mpcc_of(game())
    column = int(mpcc.pairs[1, 1])
    whole = bigm._searched(mpcc, column)
    reach = bigm._reach(open_handle(mpcc.instance), mpcc.instance, column)
    assert 0.0 <= whole <= reach
    for end, bound, wanted in ((End.INFEASIBLE, INF, 0.0), (End.OPTIMAL, -4.0, 4.0 * (1 + 1e-6) + 1e-6)):
        monkeypatch.setattr(Search, "run", lambda _, end=end, bound=bound: Outcome(end, None, 0.0, bound))
        assert bigm._searched(mpcc, column) == pytest.approx(wanted, rel=1e-12)
    monkeypatch.setattr(Search, "run", lambda _: Outcome(End.LIMIT, None, 0.0, -INF))
    assert bigm._searched(mpcc, column) == INF


def test_a_slack_is_searched_for_its_largest_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """The leader's objective and its constant do not count there."""
    mpcc = mpcc_of(game())
    seen: list[Mpcc] = []

    def run(search: Search) -> Outcome:
        seen.append(search.mpcc)
        return Outcome(End.LIMIT, None, 0.0, -2.0)

    monkeypatch.setattr(Search, "run", run)
    bigm._searched(mpcc, 3)
    cost = np.zeros(mpcc.instance.shape[1])
    cost[3] = -1.0
    assert (seen[0].constant, seen[0].hessian.nnz) == (0.0, 0)
    assert seen[0].instance.cost.tolist() == cost.tolist()
    assert seen[0].pairs.tolist() == mpcc.pairs.tolist()


@pytest.mark.parametrize(("limit", "finite"), [(6, True), (5, False)])
def test_too_many_bases_prove_nothing(limit: int, finite: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rows and two bounds of two variables: six bases, of which that of the first row and z has 2 * 2 + 3."""
    made = Game("bases")
    leader, follower = made.leader("leader"), made.follower("follower")
    x, y, z = leader.variable("x", 0, 4), follower.variable("y"), follower.variable("z")
    leader.objective, follower.objective = 1.0 * x, 2.0 * y + 3.0 * z
    follower.row("one", y + 2.0 * z >= x)
    follower.row("two", y - z >= -1.0)
    monkeypatch.setattr(bigm, "MAX_BASES", limit)
    mpcc = mpcc_of(made)
    compiled = compile_game(made)
    handle = open_handle(mpcc.instance)
    found = bigm._basic_bound(mpcc, compiled.followers[0], np.zeros(0, dtype=np.int64), handle)
    assert found == (pytest.approx(7.0 * (1 + 1e-6) + 1e-6, rel=1e-12) if finite else INF)
    crossed = replace(mpcc, bilinear=(Bilinear(0, 0, 1, 1.0),))
    assert bigm._basic_bound(crossed, compiled.followers[0], np.zeros(0, dtype=np.int64), handle) == INF
