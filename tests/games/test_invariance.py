"""What must not change an answer: order, names, units of money and quantities; and followers that react monotonely."""

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from equilibrium.games import Equilibrium, Game, game_from_dict, game_to_dict
from tests.games.test_branch import bilevel


@st.composite
def cournot(draw: st.DrawFn) -> Game:
    """Two or three firms with capacities: one equilibrium."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    game = Game("cournot")
    leaders = [game.leader(f"firm{k}", "max") for k in range(int(rng.integers(2, 4)))]
    q = [leader.variable(f"q{k}", 0, 60) for k, leader in enumerate(leaders)]
    price = 100 - sum(q[1:], q[0])
    for leader, own in zip(leaders, q, strict=True):
        leader.row("capacity", own <= int(rng.integers(10, 60)))
        leader.objective = (price - int(rng.integers(1, 10))) * own
    return game


def relabelled(table: dict[str, Any], seed: int) -> tuple[dict[str, Any], dict[str, str]]:
    """Shuffle players, variables, terms and rows, and give everything another name."""
    rng = np.random.default_rng(seed)
    table = copy.deepcopy(table)
    old = [v for p in table["players"] for v in p["variables"]]
    new = [f"n{k}" for k in rng.permutation(len(old))]
    names = dict(zip(old, new, strict=True))

    def shuffled(items: list[Any]) -> list[Any]:
        return [items[k] for k in rng.permutation(len(items))]

    def terms(old_terms: dict[str, float]) -> dict[str, float]:
        renamed = {}
        for key, value in shuffled(list(old_terms.items())):
            renamed["*".join(shuffled([names.get(part, part) for part in key.split("*")]))] = value
        return renamed

    for player in table["players"]:
        player["variables"] = {names[v]: bounds for v, bounds in shuffled(list(player["variables"].items()))}
        player["objective"] = terms(player["objective"])
        player["constraints"] = shuffled([row | {"terms": terms(row["terms"])} for row in player["constraints"]])
    table["players"] = shuffled(table["players"])
    return table, names


def scaled(table: dict[str, Any], money: dict[str, float], unit: dict[str, float]) -> dict[str, Any]:
    """Give every player another unit of money, and every variable another unit: ``old = unit * new``."""
    table = copy.deepcopy(table)

    def terms(old: dict[str, float], factor: float = 1.0) -> dict[str, float]:
        return {
            key: value * factor * np.prod([unit.get(part, 1.0) for part in key.split("*")])
            for key, value in old.items()
        }

    for player in table["players"]:
        player["variables"] = {
            v: [None if b is None else b / unit[v] for b in bounds] for v, bounds in player["variables"].items()
        }
        player["objective"] = terms(player["objective"], money[player["name"]])
        for row in player["constraints"]:
            row["terms"] = terms(row["terms"])
    return table


def same(one: Equilibrium, other: Equilibrium, money: dict[str, float] | None = None) -> None:
    """The same verdict and the same objectives of leaders; points may differ where an optimum is not unique."""
    assert other.verdict == one.verdict
    for name, player in one.players.items():
        if name.startswith(("leader", "firm")) and one.certified:
            factor = (money or {}).get(name, 1.0)
            assert other.players[name].objective == pytest.approx(factor * player.objective, rel=1e-6, abs=1e-6)


@settings(max_examples=20)
@given(st.one_of(bilevel(), cournot()), st.integers(0, 2**32 - 1))
def test_order_and_names_do_not_matter(game: Game, seed: int) -> None:
    table, names = relabelled(game_to_dict(game), seed)
    one, other = game.solve(), game_from_dict(table).solve()
    same(one, other)
    if game.name == "cournot":
        for old, new in names.items():
            assert other.variables[new] == pytest.approx(one.variables[old], rel=1e-6, abs=1e-6)
    if other.certified:
        back = {old: other.variables[new] for old, new in names.items()}
        assert game.verify(back).certified


@settings(max_examples=20)
@given(st.one_of(bilevel(), cournot()), st.data())
def test_units_do_not_matter(game: Game, data: st.DataObject) -> None:
    factors = st.sampled_from([0.125, 0.5, 2.0, 8.0])
    money = {name: data.draw(factors) for name in game.players}
    unit = {v: data.draw(factors) for player in game.players.values() for v in player.variables}
    other = game_from_dict(scaled(game_to_dict(game), money, unit)).solve()
    one = game.solve()
    same(one, other, money)
    if other.certified:
        assert game.verify({name: unit[name] * value for name, value in other.variables.items()}).certified


@settings(max_examples=20)
@given(bilevel())
def test_minimising_is_maximising_the_negative(game: Game) -> None:
    table = game_to_dict(game)
    for player in table["players"]:
        player["sense"] = "max" if player["sense"] == "min" else "min"
        player["objective"] = {key: -value for key, value in player["objective"].items()}
    same(game.solve(), game_from_dict(table).solve(), {"leader": -1.0})


@settings(max_examples=6)
@given(st.integers(0, 2**32 - 1))
def test_a_dearer_follower_makes_less(seed: int) -> None:
    """Its own cost up, its own quantity not up and that of others not down; a firm that asks more sells no more."""
    rng = np.random.default_rng(seed)
    limit, slopes = int(rng.integers(5, 30)), rng.integers(1, 4, 3)
    before = None
    for tax in (0.0, 1.5, 4.0, 9.0, 30.0):
        game = Game("taxed")
        leader = game.leader("state")
        t = leader.variable("t", tax, tax)
        leader.objective = t
        y = []
        firms = [game.follower(f"firm{k}", "max") for k in range(3)]
        for k, firm in enumerate(firms):
            y.append(firm.variable(f"y{k}", 0, limit))
        total = y[0] + y[1] + y[2]
        for k, firm in enumerate(firms):
            cost = t * y[0] if k == 0 else 0.0
            firm.objective = (40 - total) * y[k] - int(slopes[k]) * y[k] ** 2 - cost
        answer = game.solve()
        assert answer.certified
        now = np.array([answer.variables[f"y{k}"] for k in range(3)])
        if before is not None:
            assert now[0] <= before[0] + 1e-7
            assert np.all(now[1:] >= before[1:] - 1e-7)
        before = now


@settings(max_examples=20)
@given(bilevel(), st.floats(0.0, 4.0), st.floats(0.0, 4.0))
def test_a_follower_never_loses_by_a_wider_limit(game: Game, first: float, second: float) -> None:
    """The value of a follower's problem is monotone in its right-hand sides."""
    values = []
    for slack in sorted((first, second)):
        table = game_to_dict(game)
        for row in table["players"][1]["constraints"]:
            row["rhs"] += slack  # all of them are <=
        for variable, (low, _) in table["players"][0]["variables"].items():
            table["players"][0]["variables"][variable] = [low, low]
        answer = game_from_dict(table).solve()
        assume(answer.certified)
        sign = 1.0 if table["players"][1]["sense"] == "min" else -1.0
        values.append(sign * answer.players["follower"].objective)
    assert values[1] <= values[0] + 1e-7
