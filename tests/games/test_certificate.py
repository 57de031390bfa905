"""Certificates of bad points: fractional, outside a row, infeasible deviations, assumed bounds, one bad part."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from equilibrium.certificate import SecondMethod, Verdict, certify, largest_gain, verdict
from equilibrium.complementarity.branch import End, Outcome
from equilibrium.games import Game
from equilibrium.games.answer import GameCertificate, GameVerdict
from equilibrium.games.bigm import proved_bounds
from equilibrium.games.certificate import (
    Examined,
    Found,
    _duals,
    assemble,
    examine_point,
    game_verdict,
    own_violation,
    regret_of,
    without_rows,
)
from equilibrium.games.compiled import compile_game
from equilibrium.games.file import write_game
from equilibrium.games.methods import Decision
from equilibrium.programs.duality import Residuals
from equilibrium.programs.program import INF
from sim.cli import main


def whole_game() -> Game:
    """The leader takes a whole ``x`` in 0 .. 7.5, the follower the least ``y >= x - 3``: best is ``x = 7, y = 4``."""
    game = Game("whole")
    leader, follower = game.leader("leader", "max"), game.follower("follower")
    x, y = leader.variable("x", 0, 7.5, integer=True), follower.variable("y", 0)
    leader.objective, follower.objective = 3 * x - 2 * y, 1 * y
    follower.row("need", y >= x - 3)
    return game


def test_a_fractional_point_is_no_answer() -> None:
    game = whole_game()
    assert game.solve().variables == pytest.approx({"x": 7.0, "y": 4.0})
    assert game.verify({"x": 7.0, "y": 4.0}).certified
    for x in (7.5, 6.999, 7.0 - 1e-5, 6.5):
        answer = game.verify({"x": x, "y": x - 3.0})
        assert answer.verdict == "infeasible", x
        assert answer.certificate.primal > 1e-7
    assert game.verify({"x": 7.0 + 1e-10, "y": 4.0}).certified


@pytest.mark.parametrize(
    ("point", "row"),
    [
        ({"x": -1.0, "z": 0.0}, "below a bound"),
        ({"x": 5.0, "z": 0.0}, "above a bound"),
        ({"x": 2.0, "z": 2.0}, "more than a row allows"),
        ({"x": 0.0, "z": 0.0}, "less than a row asks for"),
        ({"x": 1.0, "z": 1.5}, "beside an equation, above"),
        ({"x": 1.0, "z": 0.5}, "beside an equation, below"),
    ],
)
@pytest.mark.parametrize("second", [False, True])
def test_a_leader_outside_its_own_rows_is_infeasible(point: dict[str, float], row: str, second: bool) -> None:
    """Also where another leader, named first, keeps all its rows."""
    game = Game("rows")
    if second:
        other = game.leader("other")
        other.objective = other.variable("o", 0.0, 1.0) + 0.0
    leader = game.leader("leader")
    x, z = leader.variable("x", 0.0, 4.0), leader.variable("z")
    leader.objective = x + z
    if row == "more than a row allows":
        leader.row("most", x + z <= 3)
    elif row == "less than a row asks for":
        leader.row("least", x + z >= 1)
    elif "equation" in row:
        leader.row("equal", x - z == 0)
    answer = game.verify(point | ({"o": 0.0} if second else {}))
    assert answer.verdict == "infeasible", row
    assert not answer.certified


def test_a_leaders_violation_is_of_its_worst_row_bound_or_whole_number() -> None:
    game = Game("worst")
    leader = game.leader("leader")
    x = leader.vector("x", 4, 0.0, 10.0)
    n = leader.variable("n", 0, 10, integer=True)
    leader.objective = x[0] + n
    leader.row("most", x[0] + x[1] <= 10)
    leader.row("least", x[2] >= 1)
    leader.row("equal", x[2] - x[3] == 0)
    leader.row("product", x[0] * x[1] <= 4)
    agent = compile_game(game).leaders[0]
    good = np.array([2.0, 2.0, 1.0, 1.0, 3.0])
    assert own_violation(agent, good) == 0.0
    for change in (
        {0: -0.5},
        {1: 10.5},
        {0: 8.0, 1: 3.0},
        {2: 0.5, 3: 0.5},
        {2: 2.0},
        {3: 2.0},
        {0: 4.0, 1: 4.0},
        {4: 2.5},
    ):
        bad = good.copy()
        bad[list(change)] = list(change.values())
        assert own_violation(agent, bad) > 0.01, change


def test_a_follower_that_does_not_respond_is_no_answer_whichever_it_is() -> None:
    game = Game("two followers")
    leader = game.leader("leader")
    x = leader.variable("x", 0.0, 1.0)
    leader.objective = x + 0.0
    for name in ("first", "last"):
        follower = game.follower(name)
        y = follower.variable(f"y_{name}", 0.0, 5.0)
        follower.objective = y + 0.0
        follower.row("need", y >= 2 - x)
    assert game.verify({"x": 0.0, "y_first": 2.0, "y_last": 2.0}).certified
    for point in ({"y_first": 3.0, "y_last": 2.0}, {"y_first": 2.0, "y_last": 3.0}):
        answer = game.verify({"x": 0.0} | point)
        assert answer.verdict == "infeasible"
    outside = game.verify({"x": 0.0, "y_first": 2.0, "y_last": 1.0})
    assert outside.verdict == "infeasible"
    assert outside.certificate.primal > 1e-3


# Regrets


def outcome(end: End, value: float, bound: float) -> Outcome:
    return Outcome(end, None if value == INF else np.zeros(1), value, bound, 1, 0.0)


@pytest.mark.parametrize(
    ("deviation", "regret"),
    [
        (outcome(End.OPTIMAL, 3.0, 3.0), (2.0, 2.0)),
        (outcome(End.OPTIMAL, 5.0, 5.0), (0.0, 0.0)),
        (outcome(End.OPTIMAL, 6.0, 6.0), (0.0, 0.0)),
        (outcome(End.LIMIT, 4.0, 1.0), (1.0, 4.0)),
        (outcome(End.LIMIT, INF, 1.0), (0.0, 4.0)),
        (outcome(End.LIMIT, INF, -INF), (0.0, INF)),
        (outcome(End.LIMIT, INF, np.nan), (0.0, INF)),
        (outcome(End.UNDECIDED, 5.0, -INF), (0.0, INF)),
        (outcome(End.INFEASIBLE, INF, INF), (0.0, INF)),
        (outcome(End.UNBOUNDED, INF, -INF), (INF, INF)),
    ],
)
def test_what_a_leader_could_gain(deviation: Outcome, regret: tuple[float, float]) -> None:
    """It pays 5 at the point. An infeasible deviation contradicts the point; it proves nothing."""
    game = Game("pays")
    leader = game.leader("leader")
    leader.objective = leader.variable("x", 0.0, 10.0) + 0.0
    assert regret_of(compile_game(game).leaders[0], np.array([5.0]), deviation) == regret


def test_the_largest_gain_of_what_is_not_a_number_is_infinite() -> None:
    assert largest_gain(5.0, np.nan) == largest_gain(np.nan, 5.0) == largest_gain(5.0, -INF) == INF
    assert (largest_gain(5.0, 3.0), largest_gain(3.0, 5.0)) == (2.0, 0.0)


# The verdict


def game_certificate(bounds: str = "proved", **residuals: float) -> GameCertificate:
    four = {"primal": 0.0, "dual": 0.0, "complementarity": 0.0, "gap": 0.0} | residuals
    return GameCertificate(**four, bounds=bounds, epsilon=0.0)


@pytest.mark.parametrize("name", ["primal", "dual", "complementarity", "gap"])
def test_each_residual_takes_the_verdict_away(name: str) -> None:
    assert game_verdict(game_certificate(), (0.0,)) is GameVerdict.EXACT
    for wrong in (1e-3, np.nan, INF):
        assert game_verdict(game_certificate(**{name: wrong}), (0.0,)) is GameVerdict.UNPROVED


def test_the_regret_of_the_last_player_counts_as_that_of_the_first() -> None:
    for gains in ((0.5, 0.0), (0.0, 0.5), (0.0, INF), (np.nan, 0.0)):
        assert game_verdict(game_certificate(), gains) is GameVerdict.KKT_CONSISTENT
    for gains in ((5e-7, 0.0), (0.0, 5e-7)):
        assert game_verdict(game_certificate(), gains) is GameVerdict.EPSILON_NASH


@pytest.mark.parametrize("bounds", ["user", "guess"])
def test_assumed_bounds_prove_nothing(bounds: str) -> None:
    assert game_verdict(game_certificate(bounds), (0.0,)) is GameVerdict.KKT_CONSISTENT


def test_what_is_proved_of_residuals_and_regrets() -> None:
    assert verdict([0.0, 1e-9], [0.0]) is Verdict.EXACT
    assert verdict([1e-9, 1e-3], [0.0]) is verdict([1e-3, 1e-9], [0.0]) is Verdict.UNPROVED
    assert verdict([np.nan], [0.0]) is Verdict.UNPROVED
    assert verdict([0.0], [1e-7]) is Verdict.EPSILON_NASH
    assert verdict([0.0], [0.0, 1e-3]) is verdict([0.0], [np.nan]) is Verdict.KKT_CONSISTENT
    assert verdict([], []) is Verdict.EXACT


FIGURES = ("primal", "dual", "complementarity", "gap")


@pytest.mark.parametrize("bad", FIGURES)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_bad_program_of_a_day_takes_its_verdict_away(bad: str, place: int) -> None:
    good = dict.fromkeys(FIGURES, 1e-12)
    parts = [Residuals(**(good | ({bad: 0.25} if k == place else {}))) for k in range(3)]
    one = np.array([10.0])
    certificate = certify(parts, one, one, one, "method", "solver", ())
    assert certificate.verdict is Verdict.UNPROVED
    assert {name: getattr(certificate, name) for name in FIGURES} == good | {bad: 0.25}


def test_the_figures_of_a_days_certificate() -> None:
    part = Residuals(0.0, 0.0, 0.0, 0.0)
    profit, best = np.array([100.0, -2.0, 0.5]), np.array([100.5, -2.0, 0.25])
    maximum = np.array([100.5, -2.0, 0.5])
    certificate = certify([part], profit, best, maximum, "method", "solver", ("note",))
    assert certificate.regret == (0.5, 0.0, 0.0)
    assert certificate.worst_regret == 0.5
    assert certificate.epsilon == pytest.approx(0.005)
    assert certificate.attained == (False, True, True)
    assert (certificate.method, certificate.solver, certificate.notes) == ("method", "solver", ("note",))
    assert certificate.verdict is Verdict.KKT_CONSISTENT
    assert not certificate.certified
    small = certify([part], np.array([0.5]), np.array([0.5 + 5e-7]), np.array([0.5]), "m", "s", ())
    assert small.epsilon == pytest.approx(5e-7)  # relative to 1, not to the half
    assert small.verdict is Verdict.EPSILON_NASH
    assert small.certified


def test_the_weaker_of_two_bounds_counts_for_every_lot() -> None:
    second = SecondMethod("other", (0, 2), (5.0, 1.0), 0.0, finished=True, seconds=0.0)
    assert second.weaker(np.array([4.0, 3.0, 2.0])).tolist() == [5.0, 3.0, 2.0]


# Big-M and the worst case


def test_a_multiplier_that_the_leader_sees_has_no_bound_of_a_basis() -> None:
    """``y >= x`` and ``y <= x``: the prices of the two rows differ by 1, and the leader wants the first to be 5.

    A basis has prices of at most 1, so a big M from bases would cut the optimum off and leave no trace.
    """
    game = Game("seen")
    leader, follower = game.leader("leader"), game.follower("follower")
    x, y = leader.variable("x", 0.0, 1.0), follower.variable("y")
    follower.objective = y + 0.0
    up = follower.row("up", y >= x, dual="up").dual
    follower.row("down", y <= x)
    leader.objective = (up - 5) * (up - 5) + x
    compiled = compile_game(game)
    decision = Decision(compiled, compiled.leaders[0], compiled.followers)
    mpcc = decision.mpcc
    hidden = proved_bounds(mpcc, decision.responders, np.zeros(0, dtype=np.int64))
    assert hidden.size[:, 0].max() < 2.0
    seen = proved_bounds(mpcc, decision.responders, decision.seen)
    assert np.isinf(seen.size[:, 0]).all()  # nor has the other price, which is as far from it as ever
    assert seen.missing.size
    best = game.solve()
    assert best.certified
    assert best.players["leader"].objective == pytest.approx(0.0, abs=1e-7)


@pytest.mark.parametrize("least", [True, False])
def test_an_equation_of_a_pessimistic_leader_holds_for_every_response(least: bool) -> None:
    """The follower does not care for ``y`` in ``x .. 1``, so ``y == 1`` holds for all of it only at ``x = 1``.

    In the other half ``y`` is in ``0 .. x`` and must be 0.
    """
    game = Game("equation")
    leader, follower = game.leader("leader", "min" if least else "max"), game.follower("follower")
    x, y = leader.variable("x", 0.0, 1.0), follower.variable("y", 0.0, 1.0)
    leader.objective = x + 0.0
    leader.row("all", y == (1.0 if least else 0.0))
    follower.objective = 0.0 * y
    follower.row("side", y >= x if least else y <= x)
    assert game.solve().players["leader"].objective == pytest.approx(0.0 if least else 1.0, abs=1e-7)
    answer = game.solve(attitude="pessimistic")
    assert answer.players["leader"].objective == pytest.approx(1.0 if least else 0.0, abs=1e-7)


# The command line


@pytest.mark.parametrize(
    ("point", "right"),
    [({"x": 7, "y": 4}, True), ({"x": 7.5, "y": 4.5}, False), ({"x": 5, "y": 2}, False), ({"x": 9, "y": 6}, False)],
)
def test_the_command_verifies_no_bad_point(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], point: dict[str, float], right: bool
) -> None:
    write_game(whole_game(), tmp_path / "game.json")
    (tmp_path / "point.json").write_text(json.dumps({"variables": point}))
    ended = main(["verify", str(tmp_path / "game.json"), str(tmp_path / "point.json"), "--json"])
    assert (ended == 0) == right
    answer = json.loads(capsys.readouterr().out)
    assert (answer["verdict"] in ("exact", "epsilon-nash")) == right


def test_epsilon_is_the_largest_proven_regret_not_the_largest_found() -> None:
    game = Game("epsilon")
    leaders = [game.leader(f"leader{k}") for k in range(2)]
    x = [leader.variable(f"x{k}", 0.0, 10.0) for k, leader in enumerate(leaders)]
    for k, leader in enumerate(leaders):
        leader.objective = (x[k] - 3 * (k + 1)) ** 2
    compiled = compile_game(game)
    regrets = {"leader0": (1.0, 2.0), "leader1": (0.5, 7.0)}
    examined = examine_point(compiled, np.array([3.0, 6.0]), {})
    answer = assemble(compiled, examined, regrets, Found("method", "why"))
    assert answer.certificate.epsilon == 7.0
    assert answer.players["leader1"].regret == (0.5, 7.0)
    assert not answer.certified
    assert assemble(compiled, examined, dict.fromkeys(regrets, (0.0, 0.0)), Found("method", "why")).certified


def test_a_dual_that_is_not_given_is_found() -> None:
    game = Game("price")
    seller, market = game.leader("seller", "max"), game.follower("market")
    q, g = seller.variable("q", 0.0, 4.0), market.variable("g", 0.0, 20.0)
    market.objective = 7 * g
    price = market.row("balance", g + q == 10, dual="price").dual
    seller.objective = price * q
    compiled = compile_game(game)
    examined = examine_point(compiled, np.array([4.0, 6.0, 0.0]), {})
    assert examined.w.tolist() == pytest.approx([4.0, 6.0, 7.0])
    assert examined.leader_primal == 0.0


def test_players_who_chase_each_other_are_proved_to_have_no_equilibrium_and_the_best_point_is_shown() -> None:
    """Each wants to be one more than the other: the optimality conditions contradict each other."""
    game = Game("chase")
    leaders = [game.leader(f"leader{k}") for k in range(2)]
    x = [leader.variable(f"x{k}", 0.0) for k, leader in enumerate(leaders)]
    leaders[0].objective = (x[0] - x[1] - 1) * (x[0] - x[1] - 1)
    leaders[1].objective = (x[1] - x[0] - 1) * (x[1] - x[0] - 1)
    answer = game.solve(node_limit=20)
    assert answer.verdict == "no-pure-equilibrium"
    assert "proved: the joint optimality conditions have no solution" in answer.notes
    assert set(answer.variables) == {"x0", "x1"}
    assert answer.certificate.epsilon > 0.1


def test_a_pessimistic_leader_without_end_and_one_without_a_point() -> None:
    for word, value in (("unbounded", INF), ("infeasible", -INF)):
        game = Game(word)
        leader, follower = game.leader("leader", "max"), game.follower("follower")
        x, y = leader.variable("x", 0.0), follower.variable("y", 0.0, 1.0)
        leader.objective, follower.objective = x - y, 0.0 * y
        if word == "infeasible":
            leader.row("never", x + y <= -1)
        answer = game.solve(attitude="pessimistic")
        assert answer.verdict == word
        assert answer.players["leader"].objective == value


def test_a_leader_whose_decision_is_given_has_no_rows() -> None:
    game = Game("rows")
    leader = game.leader("leader", "max")
    x = leader.variable("x", 0, 9)
    leader.row("one", x <= 7.0)
    leader.row("two", 2 * x >= 1.0)
    leader.objective = 3 * x
    agent = compile_game(game).leaders[0]
    bare = without_rows(agent, -1.0)
    assert bare.matrix.shape[0] == bare.kind.size == bare.rhs.size == bare.dual.size == 0
    assert bare.row_names == bare.products == ()
    assert bare.cost.tolist() == (-agent.cost).tolist()


def test_a_dual_of_which_nothing_is_known_may_be_anything() -> None:
    compiled = SimpleNamespace(names=("x", "p", "q"), variables=1, size=3)
    responses = {"follower": SimpleNamespace(intervals={1: (2.0, 4.0)})}
    examined = Examined(responses, 0.0, np.array([9.0, 3.0, 5.0]))  # type: ignore[arg-type]
    inf = float("inf")
    assert _duals(compiled, examined) == {"p": (3.0, 2.0, 4.0), "q": (5.0, -inf, inf)}  # type: ignore[arg-type]
