"""Units of a game: exponents of two by hand, the way back of every number, and what is refused at the edge."""

from __future__ import annotations

from dataclasses import replace

import pytest

from equilibrium.errors import InputError
from equilibrium.games import Game
from equilibrium.games.answer import Equilibrium, GameCertificate, GameVerdict, PlayerReport
from equilibrium.games.scaling import (
    ENDLESS,
    LARGEST_SIDE,
    LARGEST_SPREAD,
    NO_UNITS,
    SMALLEST_TERM,
    Units,
    _check_bounds,
    _check_spread,
    _entries,
    _in_units,
    _least_squares,
    check_statement,
    rescale,
)
from equilibrium.games.statement import Variable
from equilibrium.games.terms import Expression

INF = float("inf")
UNITS = Units({"x": 3, "price": -1}, {("seller", "cap"): 2}, {"seller": 4}, {"seller": 100.0})


def answer(epsilon: float = 9.0, span: tuple[float, float] | None = (1.0, 2.0)) -> Equilibrium:
    certificate = GameCertificate(0.0, 0.0, 0.0, 0.0, "proved", epsilon)
    return Equilibrium(
        GameVerdict.EXACT,
        "told",
        "why",
        0.0,
        {"seller": PlayerReport(5.0, (0.5, 0.75), span), "other": PlayerReport(7.0, (0.0, 2.0))},
        {"x": 1.5, "y": 4.0},
        {"price": (6.0, -INF, 8.0)},
        {"seller": {"cap": 3.0, "free": 3.0}, "other": {"cap": 3.0}},
        certificate,
    )


def test_every_number_of_an_answer_is_given_back_in_its_own_unit() -> None:
    """Objectives of the seller times 16 and 100 more, x times 8, the price a half, multipliers 16 over 4."""
    told = UNITS.restored(answer())
    assert told.players["seller"] == PlayerReport(180.0, (8.0, 12.0), (116.0, 132.0))
    assert told.players["other"] == PlayerReport(7.0, (0.0, 2.0))
    assert told.variables == {"x": 12.0, "y": 4.0}
    assert told.duals == {"price": (3.0, -INF, 4.0)}
    assert told.multipliers == {"seller": {"cap": 12.0, "free": 48.0}, "other": {"cap": 3.0}}
    assert told.certificate.epsilon == 12.0
    endless = UNITS.restored(answer(INF, None))
    assert (endless.certificate.epsilon, endless.players["seller"].range) == (INF, None)
    assert NO_UNITS.restored(answer()).players == answer().players


def test_units_there_and_back() -> None:
    assert UNITS.scaled({"x": 12.0, "price": 3.0, "y": 4.0}) == {"x": 1.5, "price": 6.0, "y": 4.0}
    assert (UNITS.value("seller", 5.0), UNITS.gain("seller", 5.0), UNITS.value("other", 5.0)) == (180.0, 80.0, 5.0)
    assert (UNITS.column("x", 1.5), UNITS.column("y", INF)) == (12.0, INF)


def test_what_moves_a_number() -> None:
    """Weights, logarithms and exponents of every coefficient, side and bound of one small game."""
    game = Game("small")
    leader, follower = game.leader("a"), game.follower("b")
    x, n = leader.variable("x", 0, 8), leader.variable("n", 0, 4, integer=True)
    y = follower.variable("y", -2, 2)
    price = follower.row("cap", 4 * y + 2 * x <= 32, dual="price").dual
    leader.objective = 8 * x * price + 16 * n + 7
    place = {
        ("objective", "a"): 0,
        ("column", "x"): 1,
        ("objective", "b"): 2,
        ("column", "y"): 3,
        ("row", "b", "cap"): 4,
    }
    made = list(_entries(game, place, {"price": (2, 4)}))
    assert made == [
        (1.0, 3.0, [(2, 1.0), (4, -1.0), (1, 1.0), (0, -1.0)]),
        (1.0, 4.0, [(0, -1.0)]),
        (0.1, 3.0, [(1, -1.0)]),
        (0.1, 5.0, [(4, -1.0)]),
        (1.0, 2.0, [(3, 1.0), (4, -1.0)]),
        (1.0, 1.0, [(1, 1.0), (4, -1.0)]),
        (0.1, 1.0, [(3, -1.0)]),
    ]


def test_exponents_bring_numbers_to_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A coefficient of 2^6 with a column and a row, whose bound is 2^2 and side 2^8: x in 4, the row in 256."""
    entries = [(1.0, 6.0, [(0, 1.0), (1, -1.0)]), (0.1, 2.0, [(0, -1.0)]), (0.1, 8.0, [(1, -1.0)])]
    assert _least_squares(entries, 2) == [2, 8]
    assert _least_squares([], 2) == [0, 0]
    monkeypatch.setattr("equilibrium.games.scaling.DENSE", 0)
    assert _least_squares(entries, 2) == [2, 8]


def test_a_game_in_units_of_its_own() -> None:
    """1024 x with x to 1/1024 is x in 1024ths; whole columns and constants stay as they are."""
    game = Game("scaled")
    leader = game.leader("a")
    x, n = leader.variable("x", 0, 2.0**-10), leader.variable("n", 0, 3, integer=True)
    leader.objective = 1024 * x + n + 5
    leader.row("cap", 1024 * x + n <= 4)
    made, units = rescale(game)
    assert (units.columns, units.objectives, units.rows) == ({"x": -10, "n": 0}, {"a": 0}, {("a", "cap"): 0})
    assert units.constants == {"a": 5.0}
    own = made.players["a"]
    assert own.objective.terms == {("x",): 1.0, ("n",): 1.0}
    assert (own.variables["x"].upper, own.variables["n"].upper, own.variables["n"].integer) == (1.0, 3.0, True)
    row = own.rows["cap"].relation
    assert (row.body.terms, row.sense, row.rhs) == ({("x",): 1.0, ("n",): 1.0}, "<=", 4.0)


def game_with(*, bound: float = 1.0, term: float = 1.0, side: float = 1.0, other: float = 1.0) -> Game:
    game = Game("numbers")
    leader = game.leader("a")
    x, z = leader.variable("x", -1, bound), leader.variable("z", 0, 1)
    leader.objective = term * x
    leader.row("cap", x + other * z <= side)
    return game


BELOW = ENDLESS * (1.0 - 1e-15)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"bound": BELOW}, None),
        ({"bound": INF}, None),
        ({"bound": ENDLESS}, "player a: variable x: got 1e+20, expected a bound below 1e+20 in size"),
        ({"term": BELOW}, None),
        ({"term": -ENDLESS}, "player a: objective: term x: got -1e+20, expected a finite number below 1e+20 in size"),
        ({"side": -BELOW}, None),
        ({"side": -ENDLESS}, "player a: constraint cap: rhs: got -1e+20, expected a finite number below 1e+20 in size"),
        ({"other": LARGEST_SPREAD}, None),
        ({"other": -1.0 / LARGEST_SPREAD}, None),
        (
            {"other": 1001e9},
            "player a: constraint cap: terms x and z: got [1.0, 1001000000000.0], expected coefficients",
        ),
        ({"other": 0.999 / LARGEST_SPREAD}, "in double precision z is lost"),
    ],
)
def test_numbers_at_the_edge_of_what_solvers_take(changes: dict[str, float], told: str | None) -> None:
    if told is None:
        check_statement(game_with(**changes))
        return
    with pytest.raises(InputError) as refused:
        check_statement(game_with(**changes))
    assert told in str(refused.value)


@pytest.mark.parametrize("value", [SMALLEST_TERM, LARGEST_SIDE, -LARGEST_SIDE])
def test_what_some_unit_brings_within_the_limits(value: float) -> None:
    game = game_with()
    player = game.players["a"]
    stated, exponents = Expression({("x",): value * 4.0}), replace(NO_UNITS, columns={"x": -5})
    assert _in_units(game, player, "objective", stated, exponents, -3).terms == {("x",): value}
    beyond = Expression({("x",): value * (3.9 if abs(value) < 1.0 else 4.1)})
    with pytest.raises(
        InputError, match=r"player a: objective: term x.*some choice of units brings within 1e-9 to 1e15"
    ):
        _in_units(game, player, "objective", beyond, exponents, -3)


@pytest.mark.parametrize(("side", "taken"), [(LARGEST_SIDE, True), (1.001 * LARGEST_SIDE, False), (INF, True)])
def test_bounds_in_the_games_own_unit(side: float, taken: bool) -> None:
    game = game_with()
    for low, high in ((-side, 1.0), (0.0, side)):
        stated, scaled = Variable("x", 0.0, 7.0, False), Variable("x", low, high, False)
        if taken:
            _check_bounds(game, game.players["a"], stated, scaled)
            continue
        with pytest.raises(InputError, match=r"player a: variable x: got (0|7)\.0, expected a bound of at most 1e\+15"):
            _check_bounds(game, game.players["a"], stated, scaled)


def test_of_many_coefficients_the_least_and_the_largest_are_told() -> None:
    body = Expression({("x",): 2.0, ("y", "z"): -3e13, ("z",): 0.5, ("w",): 40.0})
    with pytest.raises(InputError) as refused:
        _check_spread(game_with(), "row", body)
    assert "row: terms z and y*z: got [0.5, 30000000000000.0], expected coefficients" in str(refused.value)
