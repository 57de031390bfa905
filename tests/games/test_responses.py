"""A follower at a point: its own problem, multipliers that fit, what it could still gain, and ranges of its duals."""

from __future__ import annotations

import numpy as np
import pytest

from equilibrium.deadline import Deadline
from equilibrium.games import Game
from equilibrium.games.compiled import CompiledGame, compile_game
from equilibrium.games.conflict import conflict
from equilibrium.games.responses import _dual_face, examine, own_problem, respond

INF = float("inf")


def market(sense: str = "min", *, twice: bool = False) -> CompiledGame:
    """A dealer serves x of the leader from y at 2 and z at 5, of which y is at most 4; the price is the need's dual."""
    game = Game("market")
    leader, dealer = game.leader("leader"), game.follower("dealer", sense)
    x = leader.variable("x", 0, 9)
    y, z = dealer.variable("y", 0, 4), dealer.variable("z", 0)
    sign = 1.0 if sense == "min" else -1.0
    dealer.objective = sign * (2 * y + 5 * z) + 3 * x
    price = dealer.row("need", y + z >= x, dual="price").dual
    if twice:
        dealer.row("again", y + z >= x)
    leader.objective = x + price
    return compile_game(game)


def at(compiled: CompiledGame, **values: float) -> np.ndarray:
    return np.array([values.get(name, 0.0) for name in compiled.names])


def test_its_own_problem_has_the_others_on_the_right() -> None:
    compiled = market()
    agent = compiled.followers[0]
    problem = own_problem(agent, at(compiled, x=3.0, y=9.0, z=9.0, price=7.0))
    assert problem.instance.matrix.toarray().tolist() == [[1.0, 1.0]]
    assert problem.instance.cost.tolist() == [2.0, 5.0]
    assert (problem.instance.row_lower.tolist(), problem.instance.row_upper.tolist()) == ([3.0], [INF])
    assert (problem.instance.col_lower.tolist(), problem.instance.col_upper.tolist()) == ([0.0, 0.0], [4.0, INF])
    assert problem.constant == 9.0
    assert problem.local(np.ones(2)).cost.tolist() == [2.0, 5.0]


def test_its_own_problem_with_products_and_squares() -> None:
    """(y - x)^2 + x y under x y + 2 y <= 6 and y = x + z, z being the other's."""
    game = Game("bent")
    leader, follower = game.leader("leader"), game.follower("follower")
    x, z, y = leader.variable("x", 0, 9), leader.variable("z", 0, 9), follower.variable("y", 0, 9)
    follower.objective = (y - x) ** 2 + x * y
    follower.row("product", x * y + 2 * y <= 6)
    follower.row("equal", y - x - z == 0)
    leader.objective = x + z
    compiled = compile_game(game)
    problem = own_problem(compiled.followers[0], at(compiled, x=3.0, z=1.0, y=8.0))
    assert problem.instance.matrix.toarray().tolist() == [[5.0], [1.0]]
    assert problem.instance.row_lower.tolist() == [-INF, 4.0]
    assert problem.instance.row_upper.tolist() == [6.0, 4.0]
    assert (problem.instance.cost.tolist(), problem.hessian.toarray().tolist()) == ([-3.0], [[2.0]])
    assert problem.constant == 9.0
    assert problem.local(np.array([2.0])).cost.tolist() == [1.0]


@pytest.mark.parametrize(("sense", "sign"), [("min", 1.0), ("max", -1.0)])
def test_its_response_with_duals_in_its_own_sense(sense: str, sign: float) -> None:
    compiled = market(sense)
    w = respond(compiled, at(compiled, x=6.0, y=1.0, z=1.0))
    assert w is not None
    assert w == pytest.approx(at(compiled, x=6.0, y=4.0, z=2.0, price=5.0 * sign))
    assert examine(compiled.followers[0], w, {}).residuals.worst == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    ("x", "y", "z", "interval", "regret"),
    [
        (3.0, 3.0, 0.0, (2.0, 2.0), 0.0),
        (6.0, 4.0, 2.0, (5.0, 5.0), 0.0),
        (4.0, 4.0, 0.0, (2.0, 5.0), 0.0),
        (0.0, 0.0, 0.0, (0.0, 2.0), 0.0),
        (3.0, 2.0, 1.0, None, 3.0),
    ],
)
@pytest.mark.parametrize("sense", ["min", "max"])
def test_ranges_of_a_dual_and_what_could_be_gained(
    sense: str, x: float, y: float, z: float, interval: tuple[float, float] | None, regret: float
) -> None:
    """At the kink of 4 the price is anything of [2, 5]; at nothing of [0, 2]; 1 kW too dear costs 3."""
    compiled = market(sense)
    agent, w = compiled.followers[0], at(compiled, x=x, y=y, z=z)
    found = examine(agent, w, {})
    assert found.regret == pytest.approx((regret, regret))
    if interval is not None:
        low, high = interval if sense == "min" else (-interval[1], -interval[0])
        assert found.intervals == {compiled.names.index("price"): pytest.approx((low, high))}
        assert interval[0] - 1e-9 <= found.mu[0] <= interval[1] + 1e-9
        assert found.residuals.worst == pytest.approx(0.0, abs=1e-9)
    else:
        assert found.residuals.worst > 0.1


@pytest.mark.parametrize("sense", ["min", "max"])
def test_a_dual_that_is_given_is_kept(sense: str) -> None:
    compiled = market(sense)
    column, w = compiled.names.index("price"), at(compiled, x=4.0, y=4.0)
    sign = 1.0 if sense == "min" else -1.0
    inside = examine(compiled.followers[0], w, {column: 3.5 * sign})
    assert inside.mu.tolist() == [3.5]
    assert inside.residuals.worst == pytest.approx(0.0, abs=1e-12)
    outside = examine(compiled.followers[0], w, {column: 7.0 * sign})
    assert outside.mu.tolist() == [7.0]
    assert outside.residuals.worst > 0.1
    assert outside.intervals == inside.intervals


def test_the_sides_of_a_face_of_multipliers() -> None:
    """Of the need 1e-7 relative to its size counts as none; y at its top and z at its bottom have multipliers."""
    compiled = market(twice=True)
    agent = compiled.followers[0]
    for short, active in ((0.0, True), (0.9e-7 * 5.0, True), (1.1e-7 * 5.0, False)):
        w = at(compiled, x=4.0, y=4.0, z=short)
        face = _dual_face(agent, own_problem(agent, w), np.array([4.0, short]), {})
        high = INF if active else 0.0
        assert face.col_upper[:2].tolist() == [high, high]
        assert face.col_lower[:2].tolist() == [0.0, 0.0]
        assert face.col_lower[2:4].tolist() == [-INF, 0.0]
        assert face.col_upper[2:4].tolist() == [0.0, INF if short <= 1e-7 else 0.0]
        assert face.col_upper[4:].tolist() == [INF] * 4
        assert face.cost.tolist() == [0.0] * 4 + [1.0] * 4
        assert face.row_lower.tolist() == face.row_upper.tolist() == [2.0, 5.0]
    dense = face.matrix.toarray()
    assert dense.tolist() == [[1, 1, 1, 0, 1, 0, -1, 0], [1, 1, 0, 1, 0, 1, 0, -1]]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("row", "the rows of boss cannot be met, whatever the other players decide"),
        ("below", "the rows of shop cannot be met, whatever the other players decide"),
        ("response", "the rows of boss cannot be met where the followers respond optimally"),
        (
            "joint",
            "a generalised game without a joint point: constraint two of boss, which contains z of rival, and the rows "
            "of the others",
        ),
    ],
)
def test_why_a_game_has_no_point(kind: str, said: str) -> None:
    game = Game("none")
    boss, rival, shop = game.leader("boss"), game.leader("rival"), game.follower("shop")
    x, z, y = boss.variable("x", 0, 4), rival.variable("z", 0, 4), shop.variable("y", 0, 4)
    boss.objective, rival.objective, shop.objective = 1.0 * x, 1.0 * z, 1.0 * y
    boss.row("one", x <= 3)
    if kind == "row":
        boss.row("two", x >= 5)
    elif kind == "below":
        shop.row("two", y >= 5)
    elif kind == "response":
        boss.row("two", y >= 1)
    else:
        boss.row("two", x + z >= 6)
        rival.row("two", x + z <= 5)
    assert conflict(compile_game(game), Deadline()) == said


@pytest.mark.parametrize("sense", ["min", "max"])
@pytest.mark.parametrize("least", [True, False])
def test_a_dual_without_an_end_on_one_side(sense: str, least: bool) -> None:
    """y is held between two rows at x: one kWh less of it costs its worth of 2 and anything beyond, or less."""
    game = Game("held")
    leader, dealer = game.leader("leader"), game.follower("dealer", sense)
    x, y = leader.variable("x", 0, 9), dealer.variable("y", 0, 9)
    dealer.objective = (2.0 if sense == "min" else -2.0) * y
    need = dealer.row("need", y - x >= 0.0, dual="price" if least else None)
    cap = dealer.row("cap", y - x <= 0.0, dual=None if least else "price")
    leader.objective = x + (need if least else cap).dual
    compiled = compile_game(game)
    found = examine(compiled.followers[0], at(compiled, x=3.0, y=3.0), {})
    interval = (2.0, INF) if least else (-INF, 0.0)
    wanted = interval if sense == "min" else (-interval[1], -interval[0])
    assert found.intervals[compiled.names.index("price")] == pytest.approx(wanted)


@pytest.mark.parametrize("sense", ["min", "max"])
@pytest.mark.parametrize("first", [True, False])
def test_rows_without_a_name_have_multipliers_and_no_dual(sense: str, first: bool) -> None:
    """y is cheap up to 2, says a row without a name, and z serves the rest: the price is 5, that row is worth 3."""
    game = Game("named")
    leader, dealer = game.leader("leader"), game.follower("dealer", sense)
    x, y, z = leader.variable("x", 0, 9), dealer.variable("y", 0, 9), dealer.variable("z", 0, 9)
    dealer.objective = (1.0 if sense == "min" else -1.0) * (2 * y + 5 * z)
    if first:
        dealer.row("most", y <= 2)
    price = dealer.row("need", y + z >= x, dual="price").dual
    if not first:
        dealer.row("most", y <= 2)
    leader.objective = x + price
    compiled = compile_game(game)
    column, sign = compiled.names.index("price"), 1.0 if sense == "min" else -1.0
    answered = respond(compiled, at(compiled, x=3.0))
    assert answered is not None
    assert dict(zip(compiled.names, answered, strict=True)) == pytest.approx(
        {"x": 3.0, "y": 2.0, "z": 1.0, "price": 5.0 * sign}
    )
    found = examine(compiled.followers[0], answered, {})
    assert found.intervals == {column: pytest.approx((5.0 * sign, 5.0 * sign))}
    assert found.mu == pytest.approx([-3.0, 5.0] if first else [5.0, -3.0])


def test_a_follower_whose_problem_has_no_end_may_gain_anything() -> None:
    """Of nothing that was found it is not told that it was."""
    game = Game("endless")
    leader, dealer = game.leader("leader"), game.follower("dealer")
    x, y = leader.variable("x", 0, 9), dealer.variable("y", 0)
    leader.objective, dealer.objective = 1.0 * x, -1.0 * x * y
    compiled = compile_game(game)
    assert examine(compiled.followers[0], at(compiled, x=2.0, y=3.0), {}).regret == (0.0, INF)
    assert respond(compiled, at(compiled, x=2.0)) is None
    assert respond(compiled, at(compiled)) is not None
