"""A search that is cut short proves what it says: its bound never passes the optimum, its value never beats it.

The optimum of every instance is known from elsewhere (``tests/instances``), so a node that is lost on the way, or a
part that was left undecided and does not enter the bound, shows as a bound on the wrong side.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from equilibrium.certificate import EPSILON_REGRET
from equilibrium.complementarity.branch import End, Outcome, Search
from equilibrium.complementarity.problem import Mpcc
from equilibrium.complementarity.relaxation import Node
from equilibrium.games import Equilibrium, Game, Options, read_game, solve_game
from equilibrium.games.certificate import deviation, examine_point
from equilibrium.games.compiled import CompiledGame, compile_game
from equilibrium.games.methods import Decision
from equilibrium.programs.program import INF, Instance
from tests.games.brute_force import load

FOLDER = Path(__file__).parents[1] / "instances"
EXPECTED = {path.stem: load(path) for path in sorted(FOLDER.glob("*.json"))}
CLOSE = 1e-6


def leaders_of(name: str) -> list[dict]:
    return [player for player in EXPECTED[name]["players"] if player["level"] == "leader"]


ONE_LEADER = [
    name
    for name, game in EXPECTED.items()
    if game["expected"]["verdict"] == "exact" and len(leaders_of(name)) == 1 and "attitude" not in game
]
SEVERAL = [name for name, game in EXPECTED.items() if len(leaders_of(name)) > 1]
PESSIMISTIC = [name for name, game in EXPECTED.items() if game.get("attitude") == "pessimistic"]


@cache
def compiled_game(name: str) -> CompiledGame:
    return compile_game(read_game(FOLDER / f"{name}.json"))


def optimum(name: str) -> float:
    """The leader's known optimum, as a minimum."""
    (leader,) = leaders_of(name)
    return EXPECTED[name]["expected"]["objective"][leader["name"]] * (1.0 if leader["sense"] == "min" else -1.0)


@cache
def problem_of(name: str) -> Mpcc | None:
    """The leader's problem as pairs; None where a product in a row keeps it from being one."""
    compiled = compiled_game(name)
    decision = Decision(compiled, compiled.leaders[0], compiled.followers)
    return decision.mpcc if decision.linear is None else decision.linear


def check(found: Outcome, best: float) -> None:
    room = CLOSE * (1.0 + abs(best))
    assert found.bound <= best + room
    assert found.value >= best - room
    assert found.bound <= found.value
    assert (found.v is None) == (found.value == INF)
    if found.end is End.OPTIMAL:
        assert found.value == pytest.approx(best, abs=room)
        assert found.bound == pytest.approx(best, abs=room)
    else:
        assert found.end in (End.LIMIT, End.UNDECIDED)


@pytest.mark.parametrize("name", ONE_LEADER)
def test_the_bound_after_every_number_of_nodes_holds(name: str) -> None:
    mpcc = problem_of(name)
    if mpcc is None or mpcc.bilinear:
        answer = read_game(FOLDER / f"{name}.json").solve(node_limit=1)
        assert answer.verdict == "time-limit" or answer.certified
        return
    ends, bounds = [], []
    for nodes in (1, 2, 5, 13, 34):
        found = Search(mpcc, max_nodes=nodes).run()
        check(found, optimum(name))
        assert found.nodes <= nodes
        ends.append(found.end)
        bounds.append(found.bound)
        if found.end is not End.LIMIT:
            break
    room = CLOSE * (1.0 + abs(optimum(name)))
    assert all(late >= early - room for early, late in itertools.pairwise(bounds))


@pytest.mark.parametrize("name", [name for name in ONE_LEADER if len(EXPECTED[name]["players"]) == 2])
def test_the_gap_of_a_cut_answer_reaches_the_optimum(name: str) -> None:
    """What the certificate calls the most that the leader may gain is at least what is missing to the optimum."""
    answer = solve_game(read_game(FOLDER / f"{name}.json"), Options(method="auto", node_limit=1))
    if answer.variables and np.isfinite(answer.certificate.primal) and answer.verdict == "time-limit":
        (leader,) = leaders_of(name)
        sign = 1.0 if leader["sense"] == "min" else -1.0
        report = answer.players[leader["name"]]
        missing = sign * report.objective - optimum(name)
        room = CLOSE * (1.0 + abs(optimum(name)))
        assert -room <= missing <= report.regret[1] + room
        assert report.regret[0] <= missing + room
        assert not answer.certified
    elif answer.certified:
        (leader,) = leaders_of(name)
        assert answer.players[leader["name"]].objective == pytest.approx(
            EXPECTED[name]["expected"]["objective"][leader["name"]], rel=1e-6, abs=1e-6
        )


def regrets(answer: Equilibrium) -> dict[str, tuple[float, float]]:
    return {name: player.regret for name, player in answer.players.items()}


@pytest.mark.parametrize("name", [*SEVERAL, *PESSIMISTIC])
@pytest.mark.parametrize("nodes", [1, pytest.param(6, marks=pytest.mark.long)])
def test_the_regrets_of_a_cut_answer_enclose_those_of_a_whole_one(name: str, nodes: int) -> None:
    game = read_game(FOLDER / f"{name}.json")
    attitude = EXPECTED[name].get("attitude", "optimistic")
    cut = solve_game(game, Options(node_limit=nodes, attitude=attitude))
    known = EXPECTED[name]["expected"]["verdict"]
    if cut.verdict not in ("time-limit", "exact", "epsilon-nash"):
        assert cut.verdict == known
        return
    if not cut.variables:
        assert cut.verdict == "time-limit"
        return
    if cut.certified:
        assert known == "exact"
    duals = {dual: triple[0] for dual, triple in cut.duals.items()}
    whole = game.verify(cut.variables, duals or None, attitude=attitude)
    for player, (least, most) in regrets(whole).items():
        room = CLOSE * (1.0 + abs(whole.players[player].objective))
        assert cut.players[player].regret[1] >= least - room, player
        assert cut.players[player].regret[0] <= most + room, player


NO_PAIRS = np.zeros((0, 2), dtype=np.int64)


def boxed(
    cost: np.ndarray, hessian: np.ndarray, matrix: np.ndarray, most: np.ndarray, upper: float, whole: bool
) -> Mpcc:
    """``min cost'v + v'hessian v / 2`` with ``matrix v <= most`` and ``0 <= v <= upper``."""
    n = cost.size
    instance = Instance(sp.csr_array(matrix), cost, np.full(most.size, -INF), most, np.zeros(n), np.full(n, upper))
    return Mpcc(instance, 0.0, sp.csr_array(hessian), NO_PAIRS, np.full(n, whole), (), (), {})


def tilted() -> Mpcc:
    """``min sum -(3 a_k + 3 b_k)``, ``a_k, b_k`` in 0 .. 1, one of each zero: -12, where the relaxation says -24."""
    free = boxed(np.full(8, -3.0), np.zeros((8, 8)), np.ones((1, 8)), np.array([9.0]), 1.0, whole=False)
    return replace(free, pairs=np.arange(8, dtype=np.int64).reshape(4, 2))


@pytest.mark.parametrize("nodes", range(1, 40))
def test_no_node_is_lost_at_a_limit(nodes: int) -> None:
    """The optimum is -3 for each pair, and the relaxation says -6 until the pair is branched on."""
    check(Search(tilted(), max_nodes=nodes).run(), -12.0)


def test_the_node_at_hand_counts_at_the_limit() -> None:
    """After one node both children are open, and the one at hand has the bound of its parent."""
    for nodes in (1, 2):
        found = Search(tilted(), max_nodes=nodes).run()
        assert (found.end, found.nodes) == (End.LIMIT, nodes)
        assert found.bound == pytest.approx(-24.0)


@pytest.mark.parametrize("seed", range(12))
def test_whole_numbers_against_the_list_of_all_points(seed: int) -> None:
    """Both sides of every split are kept: the optimum lies on the far side in about half of the cases."""
    rng = np.random.default_rng(seed)
    cost, matrix = rng.normal(size=3), rng.normal(size=(3, 3))
    mpcc = boxed(cost, np.zeros((3, 3)), matrix, rng.uniform(1.0, 4.0, size=3), 4.0, whole=True)
    points = np.array(list(itertools.product(range(5), repeat=3)), dtype=float)
    inside = (points @ matrix.T <= mpcc.instance.row_upper + 1e-9).all(axis=1)
    best = float((points[inside] @ cost).min())
    for nodes in (1, 2, 3, 5, 1000):
        check(Search(mpcc, max_nodes=nodes).run(), best)


@pytest.mark.parametrize("seed", range(12))
def test_bent_objectives_against_the_corners_of_the_box(seed: int) -> None:
    """A concave objective has its minimum at a corner; half of the box is cut off where a side of a split is lost."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(3, 3))
    cost, hessian = rng.normal(size=3), -(root @ root.T)
    mpcc = boxed(cost, hessian, np.zeros((0, 3)), np.zeros(0), 2.0, whole=False)
    corners = np.array(list(itertools.product((0.0, 2.0), repeat=3)))
    best = float((corners @ cost + 0.5 * np.einsum("ki,ij,kj->k", corners, hessian, corners)).min())
    for nodes in (1, 2, 3, 5, 2000):
        check(Search(mpcc, max_nodes=nodes).run(), best)


def test_what_was_left_undecided_stays_in_the_bound() -> None:
    """``x y`` with both at least 0 is never negative, but no secant says so: nothing is proved, and it is said."""
    hessian = np.array([[0.0, 1.0], [1.0, 0.0]])
    found = Search(boxed(np.zeros(2), hessian, np.zeros((0, 2)), np.zeros(0), INF, whole=False)).run()
    assert found.end is End.UNDECIDED
    assert found.bound == -INF
    assert "undecided" not in found.reason
    assert "left with a bound below" in found.reason


@pytest.mark.parametrize(("left", "end"), [(1.0, End.UNDECIDED), (2.0 - 1e-9, End.OPTIMAL), (5.0, End.OPTIMAL)])
def test_a_part_left_to_rounding_ends_a_search_as_optimal_only_within_rounding(left: float, end: End) -> None:
    search = Search(tilted())
    search.best, search.value, search._undecided = np.zeros(8), 2.0, left
    search._open.append((7.0, 0, Node(np.zeros(8), np.zeros(8))))
    found = search._outcome(End.OPTIMAL, 0.0)
    assert found.end is end
    assert found.bound == min(left, 2.0)


@pytest.mark.parametrize("name", ["cournot_duopoly", "demiguel_xu_09", "common_retailer"])
def test_the_deviation_of_a_leader_cut_short_bounds_the_whole_one(name: str) -> None:
    compiled = compiled_game(name)
    w = np.zeros(compiled.size)
    for leader in compiled.leaders:
        low = np.where(np.isfinite(leader.lower), leader.lower, 0.0)
        w[leader.own] = low
    examined = examine_point(compiled, w, {})
    for leader in compiled.leaders:
        mpcc = deviation(compiled, leader, examined.w, "highs").mpcc
        if mpcc.bilinear:
            continue
        whole = Search(mpcc).run()
        assert whole.end is End.OPTIMAL
        for nodes in (1, 2, 4):
            check(Search(mpcc, max_nodes=nodes).run(), whole.value)


def test_a_cut_answer_is_not_certified_by_its_distance() -> None:
    """A leader whose bound is open by more than an epsilon is never called certified."""
    game = Game("two")
    leader, follower = game.leader("leader"), game.follower("follower")
    x = leader.variable("x", 0.0, 10.0)
    y = follower.vector("y", 6, 0.0, 4.0)
    rng = np.random.default_rng(3)
    leader.objective = x + sum((float(c) * v for c, v in zip(rng.normal(size=6), y, strict=True)), start=0.0 * x)
    follower.objective = sum((float(c) * v for c, v in zip(rng.normal(size=6), y, strict=True)), start=0.0 * x)
    for r in range(6):
        weights = rng.normal(size=6)
        follower.row(f"r{r}", sum((float(c) * v for c, v in zip(weights, y, strict=True)), start=1.0 * x) <= 5.0)
    best = game.solve()
    assert best.certified
    for nodes in (1, 2, 3, 4, 6):
        cut = solve_game(game, Options(method="complementarity-bb", node_limit=nodes))
        gap = cut.players["leader"].regret[1] if cut.players else INF
        missing = cut.players["leader"].objective - best.players["leader"].objective if cut.players else 0.0
        assert missing <= gap + 1e-7
        assert cut.certified == (gap <= EPSILON_REGRET * max(1.0, abs(best.players["leader"].objective)))
