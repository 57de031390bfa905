"""Stationary points piece by piece: each part of the sweep against what is known on paper."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from equilibrium.complementarity.branch import End, Outcome
from equilibrium.complementarity.problem import Mpcc
from equilibrium.deadline import Deadline
from equilibrium.errors import InputError
from equilibrium.games import Game, stationarity
from equilibrium.games.compiled import CompiledGame, compile_game
from equilibrium.games.conditions import leader_problem
from equilibrium.games.stationarity import Judged, Sweep, stationary_beside, sweep, why_not

TAKE = Judged(taken=True)


def duopoly(*, kink: bool = False, top: float = 150.0) -> CompiledGame:
    """Firm k earns (90 - k - q0 - q1) q_k; with a kink, a follower that makes what both sell, from 0 to ``top``."""
    game = Game("duopoly")
    firms = [game.leader(f"firm{k}", "max") for k in range(2)]
    q = [firm.variable(f"q{k}", 0, 60) for k, firm in enumerate(firms)]
    for k, firm in enumerate(firms):
        firm.objective = (90 - k - q[0] - q[1]) * q[k]
    if kink:
        maker = game.follower("maker")
        y = maker.variable("y", 0, top)
        maker.objective = (y - q[0] - q[1]) ** 2
    return compile_game(game)


@pytest.mark.parametrize(
    ("kink", "points"),
    [(False, [[91 / 3, 88 / 3]]), (True, [[0.0, 0.0, 0.0], [91 / 3, 88 / 3, 179 / 3]])],
)
def test_a_sweep_looks_at_every_piece(kink: bool, points: list[list[float]]) -> None:
    """The maker makes nothing, which is one point, or something; its top is never reached."""
    compiled = duopoly(kink=kink)
    seen = []

    def judge(w: np.ndarray) -> Judged:
        seen.append(w)
        return Judged(taken=False, excluded=True)

    result = sweep(compiled, judge, Deadline())
    assert (result.complete, result.pieces, result.reason) == (True, len(points), "")
    assert len(seen) == len(points)
    for found in (seen, result.points):
        assert sorted(found, key=lambda w: w[0]) == [pytest.approx(point) for point in points]
    taken = sweep(compiled, lambda _: TAKE, Deadline())
    assert (taken.complete, taken.pieces, len(taken.points), taken.reason) == (True, 1, 1, "")


def test_a_point_with_neither_gain_nor_proof_leaves_the_sweep_open() -> None:
    result = sweep(duopoly(), lambda _: Judged(taken=False), Deadline())
    assert (result.complete, result.pieces) == (False, 1)
    assert result.reason == "a stationary point has neither a gain nor a proof"


def test_a_deviation_that_gains_at_all_points_of_a_piece_closes_it() -> None:
    compiled = duopoly()
    result = sweep(compiled, lambda _: Judged(taken=False, deviations={0: np.array([10.0])}), Deadline())
    assert not result.complete  # 10 is worse for firm 0 than its own answer
    game = Game("bent")
    one, two = game.leader("one", "max"), game.leader("two", "max")
    x, z = one.variable("x", -1, 2), two.variable("z", 0, 1)
    one.objective = x * x * 1.0
    two.objective = 1.0 * z
    # x = 0 is stationary, and so are both bounds; 2 earns 4 against 0 and 1.
    closed = []

    def judge(w: np.ndarray) -> Judged:
        closed.append(float(w[0]))
        return Judged(taken=False, deviations={0: np.array([2.0])} if w[0] < 1.5 else {})

    result = sweep(compile_game(game), judge, Deadline())
    assert not result.complete
    assert 2.0 in [round(x, 6) for x in closed]


def test_a_sweep_ends_with_its_time_and_its_number_of_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    over = SimpleNamespace(passed=True, what="time limit")
    result = sweep(duopoly(kink=True), lambda _: TAKE, over)  # type: ignore[arg-type]
    assert (result.points, result.complete, result.pieces) == ((), False, 1)
    assert result.reason == "too many pieces, or out of time"
    monkeypatch.setattr(stationarity, "MAX_PIECES", 1)
    result = sweep(duopoly(kink=True), lambda _: Judged(taken=False, excluded=True), Deadline())
    assert (result.complete, result.pieces, result.reason) == (False, 2, "too many pieces, or out of time")


def test_a_piece_that_cannot_be_searched_leaves_the_sweep_open(monkeypatch: pytest.MonkeyPatch) -> None:
    told = "a piece could not be searched to its end"
    ends = iter([End.LIMIT])
    monkeypatch.setattr(
        stationarity, "minimise_mpcc", lambda *_, **__: Outcome(next(ends), None, np.inf, -np.inf, 0, 0.0)
    )
    result = sweep(duopoly(), lambda _: TAKE, Deadline())
    assert (result.points, result.complete, result.pieces, result.reason) == ((), False, 1, told)
    ends = iter([End.INFEASIBLE])
    result = sweep(duopoly(), lambda _: TAKE, Deadline())
    assert (result.complete, result.pieces, result.reason) == (True, 1, "")


def meeting() -> CompiledGame:
    """Both pay (x - z)^2: every x = z of [0, 4] is stationary, and each is an equilibrium."""
    game = Game("meeting")
    one, two = game.leader("one"), game.leader("two")
    x, z = one.variable("x", 0, 4), two.variable("z", 0, 4)
    one.objective, two.objective = (x - z) ** 2, (x - z) ** 2
    return compile_game(game)


def test_a_continuum_is_halved_to_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a gain anywhere: once whole, then two halves, each of which is halved again until the last halving."""
    monkeypatch.setattr(stationarity, "MAX_HALVINGS", 2)
    points = []

    def judge(w: np.ndarray) -> Judged:
        points.append(w[:2].tolist())
        return Judged(taken=False)

    result = sweep(meeting(), judge, Deadline())
    assert not result.complete
    assert result.reason == "a piece has a continuum of stationary points, of which some were tried"
    firsts = 1 + 2 + 4
    assert len(points) >= firsts
    assert all(a == pytest.approx(b, abs=1e-4) for a, b in points)


def spread(compiled: CompiledGame, w: np.ndarray, decided: list[int]) -> tuple[list[list[float]], np.ndarray | None]:
    shared = leader_problem(compiled, None, compiled.followers, binding=compiled.leaders)
    low, high = shared.instance.col_lower, shared.instance.col_upper
    joint = stationarity._joint(compiled, stationarity._problems(compiled), low, high)
    points, ranges = stationarity._spread(joint, w, np.array(decided), Deadline())
    return [point[:2].tolist() for point in points], ranges


def test_the_range_of_each_decision_and_points_between_its_ends() -> None:
    """Of x = z in [0, 4] seen from (0, 0): the end 4, and what lies a half, a quarter and three quarters on."""
    points, ranges = spread(meeting(), np.zeros(2), [0])
    assert ranges is not None
    assert ranges == pytest.approx(np.array([[0.0, 4.0]]), abs=1e-6)
    assert np.array(points) == pytest.approx(np.array([[4.0, 4.0], [2.0, 2.0], [1.0, 1.0], [3.0, 3.0]]), abs=1e-5)
    points, ranges = spread(duopoly(), np.array([91 / 3, 88 / 3]), [0, 1])
    assert points == []
    assert ranges == pytest.approx(np.array([[91 / 3, 91 / 3], [88 / 3, 88 / 3]]))


def test_no_range_where_a_search_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = meeting()
    monkeypatch.setattr(
        stationarity, "minimise_mpcc", lambda *_, **__: Outcome(End.LIMIT, np.full(9, 3.0), 0.0, -1.0, 0, 0.0)
    )
    assert spread(compiled, np.zeros(2), [0]) == ([], None)


def test_the_stationary_point_beside_decisions() -> None:
    """Within a thousandth, relative to 1 + |decision|, of 91/3 and 88/3; farther away only with a longer reach."""
    compiled = duopoly(kink=True)
    near = np.array([91 / 3 + 0.02, 88 / 3 - 0.02, 0.0])
    found = stationary_beside(compiled, near, Deadline(), 1e-3)
    assert found is not None
    assert found[:3] == pytest.approx([91 / 3, 88 / 3, 179 / 3])
    far = np.array([20.0, 20.0, 0.0])
    assert stationary_beside(compiled, far, Deadline(), 1e-3) is None
    found = stationary_beside(compiled, far, Deadline(), 1e6)
    assert found is not None
    assert found[:2] == pytest.approx([91 / 3, 88 / 3])


def test_the_point_beside_stands_on_the_piece_of_the_decisions() -> None:
    """Where 120 is sold and 100 can be made, the piece is that on which at least 100 is sold: all of it at 100."""
    found = stationary_beside(duopoly(kink=True, top=100.0), np.array([60.0, 60.0, 0.0]), Deadline(), 1e6)
    assert found is not None
    assert (found[0] + found[1], found[2]) == pytest.approx((100.0, 100.0))


def test_why_a_sweep_does_not_apply() -> None:
    game = Game("whole")
    one = game.leader("one")
    one.objective = 1.0 * one.variable("x", 0, 3, integer=True)
    told = "a leader has integer variables, which have no optimality conditions"
    assert why_not(compile_game(game)) == told
    assert stationary_beside(compile_game(game), np.zeros(1), Deadline(), 1.0) is None
    product = Game("product")
    one, two = product.leader("one"), product.follower("two")
    x, y = one.variable("x", 0, 3), two.variable("y", 0, 3)
    one.objective = 1.0 * x
    two.row("bent", x * y <= 1)
    assert why_not(compile_game(product)) == "a row has products"
    assert why_not(duopoly()) is None
    pair = Game("pair")
    for name in "xz":
        leader = pair.leader(f"leader {name}")
        leader.objective = 1.0 * leader.variable(name, 0, 3, integer=True)
    with pytest.raises(InputError, match=f"another method: {told}"):
        pair.solve(method="stationarity")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [([1.0, 0.0], [1.0, 0.9e-6], True), ([1.0, 0.0], [1.0, 1.1e-6], False), ([9.0, 0.0], [9.0 + 9.9e-6, 0.0], True)],
)
def test_decisions_that_are_the_same(one: list[float], other: list[float], same: bool) -> None:
    assert stationarity._same(np.array(one), np.array(other)) is same


@pytest.mark.parametrize(
    ("dense", "equal", "free", "independent"),
    [
        ([[1.0, 0.0], [0.0, 1.0]], [False, False], [True, True], True),
        ([[1.0, 2.0], [0.0, 0.0]], [False, False], [True, True], False),
        ([[1.0, 2.0], [0.0, 0.0]], [False, False], [True, False], True),
        ([[1.0, 2.0], [0.0, 0.0]], [True, False], [True, True], False),
        ([[1.0, 2.0], [0.0, 0.0]], [True, False], [True, False], True),
        ([[1.0, 1.0, 1.0], [0.0, 0.0, 1.0]], [True, True, False], [True, True, True], True),
        ([[0.0], [0.0]], [False], [True], False),
        ([], [], [], True),
    ],
)
def test_multipliers_of_least_support(
    dense: list[list[float]], equal: list[bool], free: list[bool], independent: bool
) -> None:
    """Columns of multipliers with a pair are independent of each other and of those that are always there."""
    matrix = np.array(dense, dtype=float).reshape(len(dense), len(equal))
    mask = np.array(equal, dtype=bool), np.array(free, dtype=bool)
    assert stationarity._independent(matrix, *mask) is independent


def test_a_leader_on_a_piece_owns_what_the_followers_choose() -> None:
    compiled = duopoly(kink=True)
    leader = compiled.leaders[1]
    problem = leader_problem(compiled, leader, compiled.followers)
    n = problem.instance.shape[1]
    lower, upper = np.arange(n) - 5.0, np.arange(n) + 5.0
    own = np.array([1, 2, 3])
    agent = stationarity._leader_on_piece(leader, problem, own, lower, upper)
    assert (agent.sign, agent.products, agent.own.tolist()) == (1.0, (), [1, 2, 3])
    assert (agent.lower.tolist(), agent.upper.tolist()) == ([-4.0, -3.0, -2.0], [6.0, 7.0, 8.0])
    assert not agent.integer.any()
    assert agent.integer.size == own.size
    low, high = problem.instance.row_lower, problem.instance.row_upper
    for kind, side, a, b in zip(agent.kind, agent.rhs, low, high, strict=True):
        assert (kind, side) == ((0, a) if a == b else (1, a) if np.isfinite(a) else (-1, b))
    assert agent.row_names == tuple(str(k) for k in range(low.size))
    assert agent.dual.tolist() == [-1] * low.size


def two_of_interest() -> CompiledGame:
    """Two leaders with a decision each, of [0, 4] and [0, 1]."""
    game = Game("two")
    one, two = game.leader("one"), game.leader("two")
    one.objective, two.objective = 1.0 * one.variable("x", 0, 4), 1.0 * two.variable("z", 0, 1)
    return compile_game(game)


def boxes(
    monkeypatch: pytest.MonkeyPatch,
    judged: Judged | None = None,
    *,
    ranges: str = "box",
    candidates: list[list[float]] = [],  # noqa: B006
) -> tuple[list[list[float]], Sweep]:
    """Sweep two decisions of which the middle of every box is the point: boxes in turn, and the sweep."""
    seen: list[list[float]] = []

    def sides(joint: Mpcc) -> np.ndarray:
        return np.column_stack([joint.instance.col_lower[:2], joint.instance.col_upper[:2]])

    def middle(joint: Mpcc, *_: object, **__: object) -> Outcome:
        at = sides(joint)
        seen.append([round(float(value), 4) for value in at.ravel()])
        v = np.zeros(joint.instance.shape[1])
        v[:2] = at.mean(axis=1)
        return Outcome(End.OPTIMAL, v, 0.0, 0.0)

    def spread(joint: Mpcc, w: np.ndarray, *_: object) -> tuple[tuple[np.ndarray, ...], np.ndarray | None]:
        at = sides(joint)
        if ranges == "point":
            at = np.column_stack([w[:2], w[:2] * (1.0 + 0.9e-6)])
        elif ranges == "endless":
            at[1, 1] = np.inf
        return tuple(np.array(each) for each in candidates), None if ranges == "none" else at

    monkeypatch.setattr(stationarity, "minimise_mpcc", middle)
    monkeypatch.setattr(stationarity, "_spread", spread)
    monkeypatch.setattr(stationarity, "MAX_HALVINGS", 2)
    told = Judged(taken=False) if judged is None else judged
    return seen, sweep(two_of_interest(), lambda _: told, Deadline())


def test_boxes_are_halved_along_their_longest_side_the_upper_half_first(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, result = boxes(monkeypatch)
    ends = [(0, 4), (2, 4), (3, 4), (2, 3), (0, 2), (1, 2), (0, 1)]
    assert seen == [[low, high, 0.0, 1.0] for low, high in ends]
    assert [w.tolist() for w in result.points] == [pytest.approx([(a + b) / 2, 0.5], abs=1e-5) for a, b in ends]
    told = "a piece has a continuum of stationary points, of which some were tried"
    assert (result.complete, result.pieces, result.reason) == (False, 1, told)


@pytest.mark.parametrize(
    ("ranges", "excluded", "reason"),
    [
        ("none", True, "a piece could not be searched to its end"),
        ("endless", True, "a piece has a continuum of stationary points, of which some were tried"),
        ("point", True, ""),
        ("point", False, "a stationary point has neither a gain nor a proof"),
    ],
)
def test_a_box_that_is_not_halved(ranges: str, excluded: bool, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, result = boxes(monkeypatch, Judged(taken=False, excluded=excluded), ranges=ranges)
    assert len(seen) == 1
    assert (result.complete, result.reason) == (not reason, reason)


def test_points_between_are_tried_in_halves_alone_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two candidates, of which one is the middle of the whole: in both halves the other is tried once, and taken."""
    seen, result = boxes(monkeypatch, candidates=[[2.0, 0.5], [2.5, 0.25]])
    assert len(seen) == 7
    assert [w.tolist() for w in result.points].count([2.5, 0.25]) == 1
    assert len(result.points) == 8
    assert [w.tolist() for w in result.points].index([2.5, 0.25]) == 2  # after the whole and its upper half
    tried: list[list[float]] = []

    def judge(w: np.ndarray) -> Judged:
        tried.append(w.tolist())
        return Judged(taken=w.tolist() == [2.5, 0.25])

    taken = sweep(two_of_interest(), judge, Deadline())
    assert (taken.complete, taken.reason, len(tried)) == (True, "", 3)
    assert taken.points[-1].tolist() == tried[-1] == [2.5, 0.25]


def test_a_box_is_wider_by_rounding_and_never_wider_than_the_piece() -> None:
    compiled = two_of_interest()
    run = stationarity._Run(compiled, lambda _: TAKE, Deadline())
    shared = leader_problem(compiled, None, compiled.followers, binding=compiled.leaders)
    system = run._boxed(
        shared.instance.col_lower, shared.instance.col_upper, np.array([0.0, -9.0]), np.array([3.0, 0.25])
    )
    assert system.lower[:2] == [0.0, 0.0]
    assert system.upper[:2] == [3.0 + 4e-6, 0.25 + 1.25e-6]
    inner = run._boxed(shared.instance.col_lower, shared.instance.col_upper, np.array([1.0, 0.5]), np.array([9.0, 9.0]))
    assert (inner.lower[:2], inner.upper[:2]) == ([1.0 - 2e-6, 0.5 - 1.5e-6], [4.0, 1.0])
