"""The known traps of bilevel programming; each test fails without its cure."""

from pathlib import Path

import gurobipy as gp
import highspy
import numpy as np
import pytest

from equilibrium.complementarity.problem import Mpcc
from equilibrium.errors import InputError
from equilibrium.games import Game, Options, read_game, solve_game
from equilibrium.games.bigm import proved_bounds
from equilibrium.games.compiled import compile_game
from equilibrium.games.conditions import leader_problem
from equilibrium.games.methods import Decision
from equilibrium.games.responses import examine

FOLDER = Path(__file__).parents[1] / "instances"


def with_big_m(name: str, size: float, provenance: str = "guess"):
    game = read_game(FOLDER / f"{name}.json")
    return game, solve_game(game, Options(method="kkt-bigm", big_m=(size, provenance)))


@pytest.mark.parametrize(("name", "size"), [("candler_townsley_82", 2.0), ("candler_townsley_82", 5.0)])
def test_a_big_m_that_is_too_small_leaves_no_residual_but_its_provenance_tells(name: str, size: float) -> None:
    game, answer = with_big_m(name, size)
    best = game.solve()
    assert best.certified
    wrong, right = answer.players["leader"].objective, best.players["leader"].objective
    assert abs(wrong - right) > 0.5
    c = answer.certificate
    assert max(c.primal, c.dual, c.complementarity, c.gap) < 1e-7
    assert c.bounds == "guess"
    assert answer.verdict == "kkt-consistent"
    # A global deviation finds what the residuals cannot.
    duals = {dual: triple[0] for dual, triple in answer.duals.items()}
    verified = game.verify(answer.variables, duals)
    assert verified.players["leader"].regret[0] == pytest.approx(abs(wrong - right), rel=1e-6)
    assert not verified.certified


def test_a_multiplier_beyond_its_assumed_bound_shows_in_the_distance() -> None:
    """The answer is settled on the pattern that the MILP chose, where the bound no longer holds."""
    _, answer = with_big_m("pineda_morales_19", 99.0)
    assert answer.certificate.distance is not None
    assert answer.certificate.distance < 0.0
    assert not answer.certified


def test_a_right_guess_is_not_a_proof() -> None:
    _, answer = with_big_m("bard_511", 1e3, "user")
    assert answer.players["leader"].objective == pytest.approx(-12.0)
    assert (answer.verdict, answer.certificate.bounds) == ("kkt-consistent", "user")
    assert answer.certificate.distance is not None
    assert 0.0 < answer.certificate.distance < 1.0


def test_a_false_infeasibility_by_a_small_m_is_not_proved_either() -> None:
    _, answer = with_big_m("bard_511", 0.1)
    assert not answer.certified
    assert answer.certificate.bounds == "guess"


def leaky(mpcc: Mpcc, size: float) -> np.ndarray:
    """Solve the textbook's big-M program with the solver's usual tolerances."""
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    base, inf = mpcc.instance, highspy.kHighsInf
    for j in range(base.shape[1]):
        solver.addCol(base.cost[j], base.col_lower[j], base.col_upper[j], 0, [], [])
    for r in range(base.shape[0]):
        row = base.matrix[[r], :].toarray().ravel()
        used = np.flatnonzero(row)
        solver.addRow(base.row_lower[r], base.row_upper[r], used.size, used, row[used])
    for k, (a, b) in enumerate(mpcc.pairs):
        u = base.shape[1] + k
        sign = 1.0 if base.col_upper[a] > 0 else -1.0
        solver.addCol(0.0, 0.0, 1.0, 0, [], [])
        solver.changeColIntegrality(u, highspy.HighsVarType.kInteger)
        solver.addRow(-inf, 0.0, 2, np.array([a, u]), np.array([sign, -size]))
        solver.addRow(-inf, size, 2, np.array([b, u]), np.array([1.0, size]))
    solver.run()
    assert solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return np.array(solver.getSolution().col_value)[: base.shape[1]]


def test_a_big_m_that_is_too_large_leaks_and_the_follower_tells() -> None:
    """A binary of 1e-7 lets both columns of a pair be positive: an "optimum" of -58 where the truth is -29.2."""
    game = read_game(FOLDER / "candler_townsley_82.json")
    compiled = compile_game(game)
    mpcc = leader_problem(compiled, compiled.leaders[0], compiled.followers)
    v = leaky(mpcc, 1e7)
    assert mpcc.value(v) < -29.3
    leaked = examine(compiled.followers[0], v[: compiled.size], {})
    assert leaked.regret[0] > 0.1
    answer = game.verify({name: float(value) for name, value in zip(compiled.names, v, strict=False)})
    assert answer.verdict == "infeasible"
    right = game.solve(method="kkt-bigm")
    assert right.certified
    assert right.players["leader"].objective == pytest.approx(-29.2)


def test_bounds_of_a_market_follow_from_its_priced_slacks() -> None:
    game = Game("market")
    seller, market = game.leader("seller", "max"), game.follower("market")
    q = seller.variable("q", 0, 8)
    g, shed, spill = market.variable("g", 0, 6), market.variable("shed", 0), market.variable("spill", 0)
    market.objective = 10 * g + 100 * shed + 5 * spill
    price = market.row("balance", g + shed - spill + q == 10, dual="price").dual
    seller.objective = price * q
    compiled = compile_game(game)
    decision = Decision(compiled, compiled.leaders[0], compiled.followers)
    assert decision.linear is not None
    bounds = proved_bounds(decision.linear, decision.responders, decision.seen)
    assert not bounds.missing.size
    # Prices lie in -5 .. 100 and costs in 0 .. 100, so no multiplier of a bound exceeds 110.
    assert bounds.size[:, 0].max() <= 110.01
    answers = [game.solve(method=m) for m in ("kkt-bigm", "complementarity-bb", "kkt-sos1")]
    assert {answer.verdict for answer in answers} == {"exact"}
    assert [a.players["seller"].objective for a in answers] == pytest.approx([400.0] * 3)


def test_prices_at_the_optimum_are_degenerate_and_the_certificate_prints_the_interval() -> None:
    """At the kink a re-solve may report any price of 10 .. 100; the leader's value differs tenfold."""
    answer = read_game(FOLDER / "conejo_16.json").solve()
    assert answer.certified
    player = next(iter(answer.players.values()))
    assert player.range is not None
    assert player.range[0] == pytest.approx(player.objective, rel=1e-6)
    assert any(high - low > 1.0 for _, low, high in answer.duals.values())


def test_the_multiplier_of_an_inequality_keeps_its_sign() -> None:
    """Without it, every point is a KKT point: the follower of `negative_dual` would charge nothing."""
    answer = read_game(FOLDER / "negative_dual.json").solve()
    assert answer.certified
    compiled = compile_game(read_game(FOLDER / "negative_dual.json"))
    w = np.array([answer.variables[n] for n in compiled.names[: compiled.variables]])
    w = np.concatenate([w, [triple[0] for triple in answer.duals.values()]])
    for agent in compiled.followers:
        kind = agent.kind[agent.dual >= 0]
        mu = agent.sign * w[agent.dual[agent.dual >= 0]]
        assert np.all(mu[kind > 0] >= -1e-9)
        assert np.all(mu[kind < 0] <= 1e-9)


@pytest.mark.parametrize("method", ["complementarity-bb", "kkt-bigm", "kkt-sos1"])
@pytest.mark.parametrize(("sense", "end"), [("min", 0.0), ("max", 10.0)])
def test_a_limit_on_the_wrong_side_holds_nobody(sense: str, end: float, method: str) -> None:
    """The leader wants the follower at its inequality, which pulls the other way: a KKT point only with a free sign."""
    game = Game("wrong side")
    leader, follower = game.leader("leader", "max" if sense == "min" else "min"), game.follower("follower", sense)
    x, y = leader.variable("x", 0, 1), follower.variable("y", 0, 10)
    leader.objective = y + 0 * x
    follower.objective = y
    follower.row("limit", y <= 3 + x if sense == "min" else y >= 3 + x)
    answer = game.solve(method=method)
    assert answer.certified
    assert answer.variables["y"] == pytest.approx(end)


def test_a_bound_of_the_follower_has_its_multiplier() -> None:
    """A follower's upper bound that is forgotten gives another optimum (a bug of several tools)."""
    game = Game("upper bound")
    leader, follower = game.leader("leader"), game.follower("follower")
    x, y = leader.variable("x", 0, 10), follower.variable("y", 0, 2)
    leader.objective = -x - y
    follower.objective = -y
    follower.row("cap", y <= x)
    answer = game.solve()
    assert answer.certified
    # Without the multiplier of y <= 2 the follower would be content at y = x only.
    assert answer.variables == pytest.approx({"x": 10.0, "y": 2.0})
    assert answer.multipliers["follower"]["cap"] == pytest.approx(0.0)


def test_a_follower_that_maximises_is_not_turned_round() -> None:
    game = Game("max")
    leader, follower = game.leader("leader", "max"), game.follower("follower", "max")
    x, y = leader.variable("x", 0, 4), follower.variable("y", 0, 10)
    leader.objective = y - 2 * x
    cap = follower.row("cap", y <= 1 + x, dual="lam")
    follower.objective = 3 * y
    answer = game.solve()
    assert answer.variables == pytest.approx({"x": 0.0, "y": 1.0})
    assert answer.duals[cap.dual_name] == pytest.approx((3.0, 3.0, 3.0))


def test_a_row_of_the_leader_with_the_followers_variable_binds_the_leader_only() -> None:
    game = Game("coupling")
    leader, follower = game.leader("leader"), game.follower("follower", "max")
    x, y = leader.variable("x", 0, 10), follower.variable("y", 0, 10)
    leader.objective = -x
    leader.row("limit", y <= 5)
    follower.objective = y
    follower.row("cap", y <= x)
    answer = game.solve()
    assert answer.certified
    assert answer.variables == pytest.approx({"x": 5.0, "y": 5.0})


def battery(*, exclusive: bool) -> Game:
    """A seller of losses: at a negative price a battery that charges and discharges at once is paid for the loss."""
    game = Game("battery")
    owner, market = game.leader("owner", "max"), game.follower("market")
    charge, discharge = owner.variable("charge", 0, 10), owner.variable("discharge", 0, 10)
    spill, g = market.variable("spill", 0, 50), market.variable("g", 0, 100)
    market.objective = 2 * spill + 30 * g
    price = market.row("balance", g - spill + discharge - charge == -20, dual="price").dual
    owner.row("energy", 0.8 * charge - discharge >= 0)
    owner.row("full", 0.8 * charge - discharge <= 2)
    if exclusive:
        mode = owner.variable("mode", 0, 1, integer=True)
        owner.row("charging", charge <= 10 * mode)
        owner.row("discharging", discharge <= 10 - 10 * mode)
    owner.objective = price * discharge - price * charge
    return game


def test_charging_and_discharging_at_once_pays_unless_it_is_forbidden() -> None:
    """At -2 per kWh, 10 in and 6 out earn 8: 2 are stored and 2 are sold as loss. One way stores 2 and earns 5."""
    both = battery(exclusive=False).solve()
    assert both.certified
    assert both.variables["charge"] == pytest.approx(10.0)
    assert both.variables["discharge"] == pytest.approx(6.0)
    assert both.players["owner"].objective == pytest.approx(8.0)
    assert both.duals["price"][0] == pytest.approx(-2.0)
    one_way = battery(exclusive=True).solve()
    assert one_way.certified
    assert one_way.variables["charge"] * one_way.variables["discharge"] == pytest.approx(0.0, abs=1e-9)
    assert one_way.players["owner"].objective == pytest.approx(5.0)


def test_a_follower_that_ignores_the_network_can_make_every_decision_infeasible() -> None:
    """The follower fills its battery whatever the leader asks; the leader's line takes less. The answer says whose."""
    game = Game("network")
    company, lot = game.leader("company"), game.follower("lot", "max")
    tariff, load = company.variable("tariff", 0, 10), lot.variable("load", 0, 8)
    lot.objective = (20 - tariff) * load
    company.objective = -1 * tariff
    company.row("line", load <= 5)
    answer = game.solve()
    assert answer.verdict == "infeasible"
    assert answer.notes[-1] == "the rows of company cannot be met where the followers respond optimally"
    shed = Game("elastic")
    company, lot = shed.leader("company"), shed.follower("lot", "max")
    tariff, load = company.variable("tariff", 0, 10), lot.variable("load", 0, 8)
    over = company.variable("overload")
    lot.objective = (20 - tariff) * load
    company.objective = 100 * over - tariff
    company.row("line", load - over <= 5)
    priced = shed.solve()
    assert priced.certified
    assert priced.variables["overload"] == pytest.approx(3.0)


def test_every_solver_runs_on_one_thread() -> None:
    """Times of concurrent runs are not comparable otherwise, and small programs only get slower."""
    from equilibrium.programs.solvers.gurobi import environment
    from equilibrium.programs.solvers.highs import HighsHandle

    model = read_game(FOLDER / "bard_511.json")
    compiled = compile_game(model)
    handle = HighsHandle(leader_problem(compiled, compiled.leaders[0], compiled.followers).instance)
    assert handle._solver.getOptionValue("threads")[1] == 1
    assert gp.Model(env=environment()).Params.Threads == 1
    makefile = (Path(__file__).parents[2] / "Makefile").read_text()
    assert "export OPENBLAS_NUM_THREADS := 1" in makefile
    assert "export OMP_NUM_THREADS := 1" in makefile


def test_a_price_of_an_equality_that_others_see_has_no_proved_bound() -> None:
    """At x = 1 the plant stands still and its price may be anything, so the leader that is paid by it has no end.

    Only the bound of y has a pair; but its multiplier and the price move together, so neither has a basic bound.
    """
    game = Game("price without end")
    leader, plant = game.leader("leader", "max"), game.follower("plant", "max")
    x, y = leader.variable("x", 0, 5), plant.variable("y")
    plant.objective = 1.0 * y
    row = plant.row("balance", 2 * y - 2 * x == -2, dual="price")
    leader.objective = row.dual * x - 3 * x
    with pytest.raises(InputError, match="no bound that can be proved"):
        game.solve(method="kkt-bigm")
    for solver in ("auto", "gurobi"):
        assert game.solve(solver=solver).verdict == "unbounded"
