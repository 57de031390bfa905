"""Units do not matter: a game, and itself with every row, variable and objective in another unit, have one answer."""

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equilibrium.errors import InputError
from equilibrium.games import Game, game_from_dict, game_to_dict
from equilibrium.games.compiled import compile_game
from equilibrium.games.ranges import _box_range, _moved, relative_regret
from equilibrium.games.scaling import rescale
from tests.games.test_branch import bilevel

METHODS = ("auto", "complementarity-bb", "kkt-bigm", "kkt-sos1", "gurobi-nonconvex")


def in_units(
    table: dict[str, Any], unit: dict[str, float], money: dict[str, float], rows: dict[tuple[str, int], float]
) -> dict[str, Any]:
    """Return a game in other units: ``old variable = unit * new``, objectives and rows multiplied."""
    table = copy.deepcopy(table)
    unit = dict(unit)
    for p in table["players"]:
        for k, row in enumerate(p["constraints"]):
            if "dual" in row:
                unit[row["dual"]] = rows.get((p["name"], k), 1.0) / money.get(p["name"], 1.0)

    def terms(old: dict[str, float], by: float) -> dict[str, float]:
        return {
            key: value * by * float(np.prod([unit.get(part, 1.0) for part in key.split("*")]))
            for key, value in old.items()
        }

    for p in table["players"]:
        p["variables"] = {
            v: [None if b is None else b / unit.get(v, 1.0) for b in bs] for v, bs in p["variables"].items()
        }
        p["objective"] = terms(p["objective"], money.get(p["name"], 1.0))
        for k, row in enumerate(p["constraints"]):
            by = rows.get((p["name"], k), 1.0)
            row["terms"], row["rhs"] = terms(row["terms"], by), row["rhs"] * by
    return table


def plant() -> dict[str, Any]:
    """A leader that gains 1 for each unit made and pays 2 for each that it orders; the plant makes what is ordered.

    Cost in EUR, rows in kW; nothing is best for the leader: 0.
    """
    return {
        "name": "plant",
        "players": [
            {
                "name": "leader",
                "level": "leader",
                "sense": "max",
                "variables": {"order": [0, 2]},
                "objective": {"made": 1, "order": -2},
                "constraints": [],
            },
            {
                "name": "plant",
                "level": "follower",
                "sense": "min",
                "variables": {"made": [0, 20]},
                "objective": {"made": 0.08},
                "constraints": [{"name": "need", "terms": {"made": 1, "order": -1}, "sense": ">=", "rhs": 0}],
            },
        ],
    }


def buyer(money: float) -> Game:
    """Buy 100 at 5 and the rest at 9, or let the customer do it at 20: 60 at 5 and 40 at 9 is best, 660."""
    game = Game("buyer")
    leader, customer = game.leader("buyer"), game.follower("customer")
    a, b, s = leader.variable("a", 0, 60), leader.variable("b"), leader.variable("s", 0, 100)
    y = customer.variable("y")
    leader.objective = money * (5 * a + 9 * b + 20 * y)
    leader.row("balance", a + b - s >= 0)
    customer.objective = y * 1.0
    customer.row("need", y + s >= 100)
    return game


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("decades", [(0, 0, 0), (-6, 3, 0), (-6, 6, 6), (6, -6, -3)])
def test_cost_in_meur_and_rows_in_watt(method: str, decades: tuple[int, int, int]) -> None:
    money, row, column = (10.0**d for d in decades)
    table = in_units(plant(), {"made": column}, {"plant": money}, {("plant", 0): row})
    game = game_from_dict(table)
    if method == "kkt-bigm" and decades == (0, 0, 0):
        assert game.solve(method=method).certificate.bounds == "proved"
    answer = game.solve(method=method)
    assert answer.verdict == "exact"
    assert answer.players["leader"].objective == pytest.approx(0.0, abs=1e-9)
    wrong = game.verify({"order": 0.0, "made": 20.0 / column})
    assert not wrong.certified  # the plant makes 20 that nobody ordered
    assert game.verify({"order": 0.0, "made": 0.0}).verdict == "exact"


@pytest.mark.parametrize("money", [1.0, 1e-8, 1e-12, 1e9])
@pytest.mark.parametrize("certify", ["standard", "full"])
def test_an_objective_in_another_unit(money: float, certify: str) -> None:
    answer = buyer(money).solve(certify=certify)
    assert answer.verdict == "exact"
    assert answer.players["buyer"].objective == pytest.approx(660.0 * money, rel=1e-9)
    assert answer.variables == pytest.approx({"a": 60.0, "b": 40.0, "s": 100.0, "y": 0.0}, abs=1e-7)
    dear = buyer(money).verify({"a": 0.0, "b": 100.0, "s": 100.0, "y": 0.0})
    assert dear.verdict == "kkt-consistent"
    assert dear.players["buyer"].regret == pytest.approx((240.0 * money, 240.0 * money), rel=1e-6)


def test_a_large_constant_hides_no_gain() -> None:
    """Neither a constant nor a term that only a rival moves makes a gain of one small."""
    game = Game("constant")
    first, second = game.leader("first", "max"), game.leader("second", "max")
    x, z = first.variable("x", 0, 1), second.variable("z", 3, 3)
    first.objective = x + 1e9 + 1e8 * z
    second.objective = 1.0 * z
    wrong = game.verify({"x": 0.0, "z": 3.0})
    assert wrong.verdict == "kkt-consistent"
    assert wrong.players["first"].regret[1] == pytest.approx(1.0, rel=1e-6)
    assert wrong.players["first"].objective == 1e9 + 3e8
    assert game.verify({"x": 1.0, "z": 3.0}).verdict == "exact"


def test_what_a_player_cannot_move_is_not_its_range() -> None:
    """The follower has to make a million; the leader decides about one."""
    game = Game("range")
    leader, follower = game.leader("leader", "max"), game.follower("follower")
    x, y = leader.variable("x", 0, 1), follower.variable("y")
    leader.objective = x + y
    follower.objective = 1.0 * y
    follower.row("all of it", y == 1e6)
    almost = game.verify({"x": 0.5, "y": 1e6})
    assert almost.verdict == "kkt-consistent"  # half of what it can gain, and 5e-7 of its profit
    assert game.solve().verdict == "exact"
    compiled = compile_game(*rescale(game))
    agent = compiled.leaders[0]
    assert relative_regret(compiled, agent, np.zeros(2), 0.0, lambda: pytest.fail("not needed")) == 0.0


def test_a_range_is_that_of_what_bounds_leave_to_the_moved_terms() -> None:
    """Of -3x + 4yz + xy + x² + z² with x its own: 3 · 2 for -3x, 2 · 5 for xy, 2² for x²; the rest stands still."""
    game = Game("range")
    first, second = game.leader("first", "min"), game.leader("second", "min")
    y, z = second.variable("y", 0, 5), second.variable("z", -1, 1)
    x = first.variable("x", 0, 2)
    first.objective = -3.0 * x + 4.0 * y * z + 1.0 * x * y + 1.0 * x * x + 1.0 * z * z
    second.objective = 1.0 * y + 1.0 * z
    compiled = compile_game(game)
    agent = compiled.leaders[0]
    assert _box_range(compiled, agent, _moved(compiled, agent)) == pytest.approx(6.0 + 10.0 + 4.0)
    open_ended = first.variable("w", 0)
    first.objective = -3.0 * x + 1.0 * x * open_ended
    compiled = compile_game(game)
    assert _box_range(compiled, compiled.leaders[0], _moved(compiled, compiled.leaders[0])) == np.inf


@settings(max_examples=30, deadline=None)
@given(bilevel(), st.integers(0, 2**32 - 1))
def test_a_scaled_game_has_the_same_certified_answer(game: Game, seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = game_to_dict(game)

    def factor() -> float:
        return float(10.0 ** rng.uniform(-6, 6))

    money = {p["name"]: factor() for p in table["players"]}
    unit = {v: factor() for p in table["players"] for v in p["variables"]}
    rows = {(p["name"], k): factor() for p in table["players"] for k in range(len(p["constraints"]))}
    plain = game.solve()
    other = game_from_dict(in_units(table, unit, money, rows)).solve()
    assert other.verdict == plain.verdict
    if plain.certified:
        value = plain.players["leader"].objective
        assert other.players["leader"].objective == pytest.approx(money["leader"] * value, rel=1e-7, abs=1e-7)
        back = {v: unit[v] * x for v, x in other.variables.items()}
        assert game.verify(back).certified


def test_a_price_is_given_back_in_its_own_unit() -> None:
    """Two of a need that costs 3: the price is 3 EUR per kW, and 3e-9 MEUR per W."""
    game = Game("price")
    seller, market = game.leader("seller", "max"), game.follower("market")
    q, g = seller.variable("q", 0, 1), market.variable("g")
    market.objective = 3e-6 * g
    row = market.row("need", 1000 * g + 1000 * q == 2000, dual="price")
    seller.objective = row.dual * q
    answer = game.solve()
    assert answer.certified
    assert answer.duals["price"] == pytest.approx((3e-9, 3e-9, 3e-9))
    assert answer.multipliers["market"]["need"] == pytest.approx(3e-9)
    assert answer.players["seller"].objective == pytest.approx(3e-9)
    assert game.verify(answer.variables, {"price": 3e-9}).certified
    assert not game.verify(answer.variables, {"price": 6e-9}).certified


# What no unit brings together is refused


def refused(**changes: Any) -> str:
    table = plant()
    player = table["players"][1]
    player.update(changes)
    with pytest.raises(InputError) as caught:
        game_from_dict(table).solve()
    return str(caught.value)


def test_numbers_that_are_refused() -> None:
    spread = [{"name": "far", "terms": {"made": 1e-7, "order": 1e6}, "sense": ">=", "rhs": 0}]
    assert "player plant: constraint far: terms made and order" in refused(constraints=spread)
    assert "player plant: variable made: got 1e+30" in refused(variables={"made": [0, 1e30]})
    assert "player plant: objective: term made: got 1e+25" in refused(objective={"made": 1e25})
    huge = [{"name": "huge", "terms": {"made": 1}, "sense": "<=", "rhs": 1e22}]
    assert "constraint huge: rhs: got 1e+22" in refused(constraints=huge)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_numbers_in_python_that_are_not_finite(value: float) -> None:
    def game(objective: float = 1.0, coefficient: float = 1.0, side: float = 0.0) -> Game:
        game = Game("numbers")
        leader = game.leader("leader")
        x = leader.variable("x", 0, 1)
        leader.objective = objective * x
        leader.row("row", coefficient * x >= side)
        return game

    for bad in (game(objective=value), game(coefficient=value), game(side=value)):
        with pytest.raises(InputError, match="player leader"):
            bad.solve()


@pytest.mark.parametrize("unit", [1e-6, 1e-3, 1.0, 1e3, 1e6])
def test_which_way_an_objective_bends_is_the_same_in_every_unit(unit: float) -> None:
    """(x + y / 3)² is convex, however its rounded Hessian comes out; x² + y² - 3xy bends down between its axes."""

    def follower(square: float, other: float, product: float) -> Game:
        money = unit * unit
        table = plant()
        leader, maker = table["players"]
        x, y = next(iter(maker["variables"])), "beside"
        maker["variables"][y] = [0.0, 4.0]
        maker["sense"] = "min"
        maker["objective"] = {f"{x}*{x}": square * money, f"{y}*{y}": other * money, f"{x}*{y}": product * money}
        return game_from_dict({**table, "players": [leader, maker]})

    assert follower(1.0, 1.0 / 9.0, 2.0 / 3.0).solve().certified
    with pytest.raises(InputError, match="a non-convex objective', expected a follower convex"):
        follower(1.0, 1.0, -3.0).solve()
