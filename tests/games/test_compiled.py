"""A game as arrays, and the optimality conditions of a follower as rows: every entry of a small one by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from equilibrium.complementarity.problem import Bilinear, System
from equilibrium.errors import InputError
from equilibrium.games import Game
from equilibrium.games.compiled import Agent, CompiledGame, Product, compile_game
from equilibrium.games.conditions import append_conditions, append_rows, base_system, leader_problem

INF = float("inf")


def game() -> Game:
    """A leader with whole numbers and a product, and a follower with rows of every sense, bounds of every kind."""
    made = Game("made")
    leader, follower = made.leader("leader"), made.follower("follower", "max")
    x = leader.variable("x", 0, 4, integer=True)
    y, z, v = follower.variable("y", 1), follower.variable("z", 0, 5), follower.variable("v", 2, 2)
    follower.objective = -1.0 * (y * y + x * z + 3 * v + 7)
    price = follower.row("need", y + z - x >= 1, dual="price").dual
    follower.row("cap", 2 * y + x * z <= 8)
    follower.row("even", y - z == 0.5)
    follower.row("other", x <= 3)
    leader.objective = 2 * x * x - 5 * x + price * x + 6
    leader.row("own", x * x + 4 * x - y >= -2)
    return made


def compiled() -> tuple[CompiledGame, Agent, Agent]:
    made = compile_game(game())
    return made, made.leaders[0], made.followers[0]


def test_objectives_are_minimised_with_squares_twice() -> None:
    made, leader, follower = compiled()
    assert (made.names, made.variables, made.size) == (("x", "y", "z", "v", "price"), 4, 5)
    assert (leader.sign, leader.constant, leader.cost.tolist()) == (1.0, 6.0, [-5.0, 0.0, 0.0, 0.0, 0.0])
    assert leader.hessian.toarray().tolist() == [[4.0, 0, 0, 0, 1.0], [0] * 5, [0] * 5, [0] * 5, [1.0, 0, 0, 0, 0]]
    assert (follower.sign, follower.constant, follower.cost.tolist()) == (-1.0, 7.0, [0.0, 0.0, 0.0, 3.0, 0.0])
    wanted = np.zeros((5, 5))
    wanted[1, 1], wanted[0, 2], wanted[2, 0] = 2.0, 1.0, 1.0
    assert follower.hessian.toarray().tolist() == wanted.tolist()
    w = np.array([2.0, 3.0, 0.5, 2.0, -1.5])
    assert leader.value(w) == pytest.approx(8.0 - 10.0 - 3.0 + 6.0)
    assert leader.gradient(w) == pytest.approx([8.0 - 5.0 - 1.5, 0.0, 0.0, 0.0, 2.0])
    assert follower.value(w) == pytest.approx(9.0 + 1.0 + 6.0 + 7.0)
    assert follower.own_hessian.tolist() == [[2.0, 0.0, 0.0], [0.0] * 3, [0.0] * 3]
    assert made.told(follower, 23.0) == -23.0
    assert made.told_columns(np.array([2, 0]), np.array([0.5, 2.0])) == "(0.5, 2)"


def test_rows_with_their_senses_sides_and_products() -> None:
    _, leader, follower = compiled()
    assert (follower.own.tolist(), follower.dual.tolist()) == ([1, 2, 3], [4, -1, -1, -1])
    assert follower.row_names == ("need", "cap", "even", "other")
    assert (follower.kind.tolist(), follower.rhs.tolist()) == ([1, -1, 0, -1], [1.0, 8.0, 0.5, 3.0])
    assert follower.matrix.toarray().tolist() == [
        [-1.0, 1.0, 1.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0, 0.0], [0.0, 1.0, -1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0, 0.0]
    ]  # fmt: skip
    assert follower.products == (Product(1, 0, 2, 1.0),)
    assert (follower.lower.tolist(), follower.upper.tolist()) == ([1.0, 0.0, 2.0], [INF, 5.0, 2.0])
    assert (leader.integer.tolist(), follower.integer.tolist()) == ([True], [False] * 3)
    w = np.array([2.0, 3.0, 0.5, 2.0, -1.5])
    assert follower.activity(w).tolist() == [1.5, 7.0, 2.5, 2.0]
    assert leader.activity(w).tolist() == [4.0 + 8.0 - 3.0]
    assert follower.jacobian(w).toarray()[1].tolist() == [0.5, 2.0, 2.0, 0.0, 0.0]
    assert leader.jacobian(w).toarray().tolist() == [[4.0 + 2.0 + 2.0, -1.0, 0.0, 0.0, 0.0]]
    assert follower.matrix.toarray()[1].tolist() == [0.0, 2.0, 0.0, 0.0, 0.0]


def test_who_sees_whom() -> None:
    made, leader, follower = compiled()
    assert (made.used_duals(leader), made.used_duals(follower)) == (True, False)
    assert not made.sees_followers(follower)


@pytest.mark.parametrize(
    ("how", "duals", "followers"),
    [
        ("nothing", False, False), ("cost", True, False), ("square", True, False), ("row", True, False),
        ("product", True, False), ("rival row", False, True), ("rival product", False, True),
        ("rival cost", False, False), ("rival term", False, True),
    ],
)  # fmt: skip
def test_duals_and_followers_that_are_seen(how: str, duals: bool, followers: bool) -> None:
    """A cost that has nothing of the follower's own in it moves nothing."""
    made = Game("seen")
    leader, one, two = made.leader("leader"), made.follower("one"), made.follower("two")
    x, y, z = leader.variable("x", 0, 4), one.variable("y", 0, 5), two.variable("z", 0, 5)
    price = one.row("need", y >= x, dual="price").dual
    leader.objective = x + (price if how == "cost" else x * price if how == "square" else 0.0)
    if how in ("row", "product"):
        leader.row("r", (x + price if how == "row" else x * price) <= 9)
    terms = {"rival cost": y + z, "rival term": y + y * z}
    one.objective, two.objective = terms.get(how, 1.0 * y), 1.0 * z
    if how in ("rival row", "rival product"):
        one.row("r", (y + z if how == "rival row" else y + x * z) <= 9)
    compiled_game = compile_game(made)
    assert compiled_game.used_duals(compiled_game.leaders[0]) is duals
    assert compiled_game.sees_followers(compiled_game.followers[0]) is followers
    assert not compiled_game.sees_followers(compiled_game.followers[1])


def rows_of(system: System) -> list[tuple[dict[int, float], float, float]]:
    """Every row with its entries and its sides."""
    entries: list[dict[int, float]] = [{} for _ in system.sides]
    for row, column, value in system.triplets:
        entries[row][column] = entries[row].get(column, 0.0) + value
    return [(entry, *sides) for entry, sides in zip(entries, system.sides, strict=True)]


def test_the_conditions_of_a_follower_row_by_row() -> None:
    """Columns x y z v price, then slack, multiplier and so on in the order of rows, then of bounds."""
    made, _, follower = compiled()
    system = base_system(made, {})
    append_conditions(system, follower)
    assert rows_of(system) == [
        ({1: 1.0, 2: 1.0, 0: -1.0, 5: -1.0}, 1.0, 1.0),  # need, with its slack
        ({1: 2.0, 7: 1.0}, 8.0, 8.0),  # cap: multiplier 6, slack 7
        ({1: 1.0, 2: -1.0}, 0.5, 0.5),  # even: multiplier 8
        ({0: 1.0, 9: 1.0}, 3.0, 3.0),  # other, which no own variable is in: a slack alone
        ({1: 1.0, 11: -1.0}, 1.0, 1.0),  # y at least 1: multiplier 10, slack 11
        ({1: 2.0, 4: 1.0, 6: -2.0, 8: -1.0, 10: -1.0}, 0.0, 0.0),  # stationarity in y; the price in its owner's sense
        ({2: -1.0, 14: -1.0}, -5.0, -5.0),  # z at most 5: multiplier 13, slack 14
        ({0: 1.0, 4: 1.0, 8: 1.0, 12: -1.0, 13: 1.0}, 0.0, 0.0),  # in z, whose lower bound is its own slack
        ({15: -1.0}, -3.0, -3.0),  # in v, which is fixed
    ]
    assert system.pairs == [(4, 5), (6, 7), (10, 11), (12, 2), (13, 14)]
    assert system.identities == [(0, 4), (1, 6), (2, 8), (4, 10), (5, 1), (6, 13), (7, 2), (8, 3)]
    assert system.bilinear == [Bilinear(1, 0, 2, 1.0), Bilinear(7, 0, 6, -1.0)]
    assert list(zip(system.lower, system.upper, strict=True)) == [
        (0.0, 4.0), (1.0, INF), (0.0, 5.0), (2.0, 2.0), (-INF, 0.0), (0.0, INF), (-INF, 0.0), (0.0, INF), (-INF, INF),
        (0.0, INF), (0.0, INF), (0.0, INF), (0.0, INF), (0.0, INF), (0.0, INF), (-INF, INF),
    ]  # fmt: skip


def test_a_lower_bound_that_is_held_higher_has_a_slack_of_its_own() -> None:
    """Where z is held at 1, being 0 is no slack of the bound that its owner has."""
    made, _, follower = compiled()
    system = base_system(made, {2: 1.0})
    append_conditions(system, follower)
    assert (system.lower[2], system.upper[2]) == (1.0, 1.0)
    assert (12, 13) in system.pairs
    assert ({2: 1.0, 13: -1.0}, 0.0, 0.0) in rows_of(system)


def test_rows_of_a_leader_and_products_with_what_is_fixed() -> None:
    made, leader, _ = compiled()
    system = base_system(made, {})
    append_rows(system, leader)
    assert rows_of(system) == [({0: 4.0, 1: -1.0}, -2.0, INF)]
    assert system.bilinear == [Bilinear(0, 0, 0, 1.0)]
    held = base_system(made, {0: 3.0})
    append_rows(held, leader)
    assert (rows_of(held), held.bilinear) == ([({0: 7.0, 1: -1.0}, -2.0, INF)], [])


@pytest.mark.parametrize(("decided", "fixed", "integer"), [(True, {}, [0]), (True, {0: 2.0}, []), (False, {}, [])])
def test_the_problem_of_a_leader(decided: bool, fixed: dict[int, float], integer: list[int]) -> None:
    made, leader, follower = compiled()
    found = leader_problem(made, leader if decided else None, (follower,), fixed)
    assert np.flatnonzero(found.integer).tolist() == integer
    assert found.constant == (6.0 if decided else 0.0)
    assert found.instance.cost[:5].tolist() == ([-5.0, 0.0, 0.0, 0.0, 0.0] if decided else [0.0] * 5)
    assert found.hessian.nnz == (3 if decided else 0)
    assert found.instance.shape == (9 + decided, 16)
    both = leader_problem(made, None, (follower,), binding=(leader,))
    assert np.flatnonzero(both.integer).tolist() == [0]
    assert both.instance.shape == (10, 16)


def refused(change: str) -> Game:
    made = Game("refused")
    leader, one, two = made.leader("leader"), made.follower("one"), made.follower("two")
    x = leader.variable("x", 0, 4)
    y, u = (
        one.variable("y", 0, 5, integer=change == "whole"),
        one.variable("u", 0, INF if change in ("free", "mixed") else 5),
    )
    z = two.variable("z", 0, 5)
    price = one.row("need", y >= x, dual="price").dual
    leader.objective, two.objective = 1.0 * x, 1.0 * z
    one.objective = {
        "bent": y * y - 2 * u * u, "free": y - 1e-3 * u, "mixed": x * y - 1e-3 * u, "own": y + price * y
    }.get(change, 1.0 * y)  # fmt: skip
    if change == "quadratic":
        one.row("square", y * u + x <= 9)
    if change == "unknown":
        from equilibrium.games.terms import Expression

        two.row("r", z + Expression.variable("nobody") <= 3)
    return made


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            "whole",
            "player one: variable y: got 'integer', "
            "expected a continuous variable: a follower with integers has no optimality conditions",
        ),
        (
            "bent",
            "player one: variable u: got 'a non-convex objective', expected a follower convex in its own variables",
        ),
        (
            "free",
            "player one: variable u: got 'unbounded', "
            "expected a follower whose objective is bounded for some decision of the leaders",
        ),
        (
            "mixed",  # y is moved by the leader, u is not
            "player one: variable u: got 'unbounded', "
            "expected a follower whose objective is bounded for some decision of the leaders",
        ),
        ("own", "player one: objective: got 'price', expected no dual of the player's own rows"),
        (
            "quadratic",
            "player one: constraint square: got 'u*y', expected rows that are linear in the follower's own variables",
        ),
        ("unknown", "player two: constraint r: got 'nobody', expected a variable or a dual of this game"),
    ],
)
def test_a_follower_that_cannot_be_is_told_in_full(change: str, told: str) -> None:
    with pytest.raises(InputError) as caught:
        compile_game(refused(change))
    assert str(caught.value) == f"game refused: {told}"


@pytest.mark.parametrize("bad", [False, True])
def test_a_game_needs_players_and_a_follower_variables(bad: bool) -> None:
    made: Any = Game("empty")
    if bad:
        made.follower("one").objective = 0.0
    with pytest.raises(InputError) as caught:
        compile_game(made)
    said = "player one: variables: got {}, expected at least one variable"
    assert str(caught.value) == f"game empty: {said if bad else 'players: got [], expected at least one player'}"
