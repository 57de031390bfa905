"""Stating games in Python and in JSON, and what is refused before anything is solved."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from equilibrium.errors import InputError
from equilibrium.games import Game, game_from_dict, game_to_dict, read_game, read_point, total, write_game
from equilibrium.games.terms import Expression

FOLDER = Path(__file__).parents[1] / "instances"


def duopoly() -> Game:
    game = Game("duopoly")
    leader, follower = game.leader("first", "max"), game.follower("second", "max")
    big, small = leader.variable("Q"), follower.variable("q")
    leader.objective = (12 - big - small) * big
    follower.objective = (12 - big - small) * small
    return game


def test_ten_lines_for_a_stackelberg_duopoly() -> None:
    answer = duopoly().solve()
    assert answer.verdict == "exact"
    assert answer.variables == pytest.approx({"Q": 6.0, "q": 3.0})
    assert answer.players["first"].objective == pytest.approx(18.0)
    assert answer.players["second"].objective == pytest.approx(9.0)


def test_expressions_are_polynomials() -> None:
    x, y = Expression.variable("x"), Expression.variable("y")
    assert dict((3 - (x + y) * x / 2 + x**2 - 1).terms) == {(): 2.0, ("x", "x"): 0.5, ("x", "y"): -0.5}
    assert dict(total([x, 1, -x, y]).terms) == {(): 1.0, ("y",): 1.0}
    relation = x + 2 <= 3 * y
    assert (dict(relation.body.terms), relation.sense, relation.rhs) == ({("x",): 1.0, ("y",): -3.0}, "<=", -2.0)
    with pytest.raises(InputError, match="two factors"):
        _ = x * y * x
    with pytest.raises(InputError, match="no truth value"):
        _ = 0 <= x <= 1


def test_a_dual_is_a_variable_of_others() -> None:
    game = Game("market")
    seller, market = game.leader("seller", "max"), game.follower("market")
    q = seller.variable("q", 0, 8)
    g, shed = market.variable("g", 0, 6), market.variable("shed")
    market.objective = 10 * g + 100 * shed
    balance = market.row("balance", g + shed + q == 10, dual="price")
    seller.objective = balance.dual * q
    answer = game.solve()
    # The seller leaves just so much that the last unit is shed: at q = 4 the price is anything in 10 .. 100.
    assert answer.players["seller"].objective == pytest.approx(400.0)
    assert answer.duals["price"] == pytest.approx((100.0, 10.0, 100.0))
    assert answer.players["seller"].range == pytest.approx((400.0, 40.0))
    assert answer.multipliers["market"]["balance"] == pytest.approx(100.0)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_files_come_back_as_they_were(path: Path, tmp_path: Path) -> None:
    game = read_game(path)
    write_game(game, tmp_path / "copy.json")
    once, twice = game_to_dict(game), game_to_dict(read_game(tmp_path / "copy.json"))
    assert once == twice
    stored = json.loads(path.read_text())
    assert [p["name"] for p in once["players"]] == [p["name"] for p in stored["players"]]
    assert once["expected"] == stored["expected"]


GAME: dict[str, Any] = {
    "name": "small",
    "players": [
        {
            "name": "leader",
            "level": "leader",
            "sense": "min",
            "variables": {"x": [0, 10]},
            "objective": {"x": 1, "lam": 1},
            "constraints": [{"name": "cap", "terms": {"x": 1}, "sense": "<=", "rhs": 8}],
        },
        {
            "name": "follower",
            "level": "follower",
            "sense": "min",
            "variables": {"y": [0, None]},
            "objective": {"y": 1},
            "constraints": [{"name": "need", "terms": {"x": 1, "y": 1}, "sense": ">=", "rhs": 3, "dual": "lam"}],
        },
    ],
}


def change(*path: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    def apply(game: dict[str, Any]) -> None:
        place: Any = game
        for key in path[:-1]:
            place = place[key]
        if value is KeyError:
            del place[path[-1]]
        else:
            place[path[-1]] = value

    return apply


LEADER, FOLLOWER = ("players", 0), ("players", 1)
NEED = (*FOLLOWER, "constraints", 0)
BAD: dict[str, tuple[Callable[[dict[str, Any]], None], list[str]]] = {
    "unknown key": (change("nam", value="x"), ["nam"]),
    "unknown player key": (change(*LEADER, "goal", value={}), ["players[0]", "goal"]),
    "unknown row key": (change(*NEED, "rhss", value=1), ["follower", "rhss"]),
    "missing key": (change(*NEED, "rhs", value=KeyError), ["follower", "rhs"]),
    "no players": (change("players", value=[]), ["players"]),
    "unknown variable": (change(*LEADER, "objective", value={"z": 1}), ["leader", "objective", "z"]),
    "unknown variable in a row": (change(*NEED, "terms", value={"z": 1}), ["follower", "need", "z"]),
    "dual of no row": (change(*NEED, "dual", value=KeyError), ["leader", "objective", "lam"]),
    "own dual": (change(*FOLLOWER, "objective", value={"y": 1, "lam": 1}), ["follower", "lam"]),
    "leads itself": (change(*LEADER, "constraints", 0, "dual", value="mu"), ["leader", "cap", "lead itself"]),
    "two owners": (change(*FOLLOWER, "variables", value={"x": [0, 1]}), ["follower", "x", "taken"]),
    "dual named as a variable": (change(*NEED, "dual", value="x"), ["follower", "need", "x"]),
    "integer follower": (change(*FOLLOWER, "integer", value=["y"]), ["follower", "y", "integer"]),
    "integer of another": (change(*LEADER, "integer", value=["y"]), ["leader", "y"]),
    "non-convex": (change(*FOLLOWER, "objective", value={"y*y": -1}), ["follower", "y", "convex"]),
    "unbounded": (change(*FOLLOWER, "objective", value={"y": -1}), ["follower", "y", "unbounded"]),
    "quadratic row": (change(*NEED, "terms", value={"y*y": 1}), ["follower", "need", "y*y"]),
    "three factors": (change(*LEADER, "objective", value={"x*y*x": 1}), ["leader", "x*y*x"]),
    "same term twice": (change(*LEADER, "objective", value={"x*y": 1, "y*x": 1}), ["leader", "y*x"]),
    "coefficient": (change(*LEADER, "objective", value={"x": "1"}), ["leader", "x", "number"]),
    "true is no number": (change(*LEADER, "objective", value={"x": True}), ["leader", "x", "number"]),
    "huge number": (change(*LEADER, "objective", value={"x": 10**400}), ["leader", "x", "finite"]),
    "bounds cross": (change(*LEADER, "variables", "x", value=[2, 1]), ["leader", "x", "low <= high"]),
    "one bound": (change(*LEADER, "variables", "x", value=[2]), ["leader", "x", "[low, high]"]),
    "level": (change(*LEADER, "level", value="boss"), ["leader", "boss"]),
    "sense": (change(*LEADER, "sense", value="minimise"), ["leader", "minimise"]),
    "row sense": (change(*NEED, "sense", value="<"), ["follower", "need", "'<'"]),
    "attitude": (change("attitude", value="hopeful"), ["hopeful"]),
    "same player": (change(*FOLLOWER, "name", value="leader"), ["leader"]),
    "name of the constant": (change(*LEADER, "variables", value={"1": [0, 1]}), ["leader", "'1'"]),
    "product in a name": (change(*LEADER, "variables", value={"a*b": [0, 1]}), ["leader", "a*b"]),
    "follower without variables": (change(*FOLLOWER, "variables", value={}), ["follower"]),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_games_are_refused_before_solving(case: str) -> None:
    game = copy.deepcopy(GAME)
    apply, named = BAD[case]
    apply(game)
    with pytest.raises(InputError) as caught:
        game_from_dict(game, "games/bad.json").solve()
    assert caught.value.source == "games/bad.json"
    for word in named:
        assert word in str(caught.value)


def test_the_unchanged_game_is_fine() -> None:
    assert game_from_dict(GAME).solve().certified


@pytest.mark.parametrize(
    "text", ["", "[1", '{"name": NaN}', '{"name": 1, "name": 2}', "[]", "3", "{}", '{"players": 1}']
)
def test_files_that_are_no_games(text: str, tmp_path: Path) -> None:
    path = tmp_path / "game.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"game\.json"):
        read_game(path)


def test_points_are_read_from_answers_too(tmp_path: Path) -> None:
    answer = game_from_dict(GAME).solve()
    path = tmp_path / "point.json"
    path.write_text(json.dumps(answer.to_dict()))
    variables, duals = read_point(path)
    assert variables == pytest.approx(answer.variables)
    assert duals == {"lam": pytest.approx(answer.duals["lam"][0])}


@pytest.mark.parametrize(
    ("variables", "duals", "named"),
    [({"x": 1}, {"lam": 0}, "y"), ({"x": 1, "y": 2}, {}, "lam"), ({"x": 1, "y": 2, "z": 0}, {"lam": 0}, "z")],
)
def test_points_must_fit_the_game(variables: dict[str, float], duals: dict[str, float], named: str) -> None:
    with pytest.raises(InputError, match=named):
        game_from_dict(GAME).verify(variables, duals)
