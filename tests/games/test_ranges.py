"""How large a regret is: relative to what the player's own terms can range over, by value, by bounds and by rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from equilibrium.certificate import EXACT_REGRET
from equilibrium.complementarity.problem import Mpcc
from equilibrium.games import Game, ranges
from equilibrium.games.compiled import Agent, CompiledGame, compile_game
from equilibrium.games.ranges import LEAST_RANGE, relative_regret
from tests.games.test_branch import mpcc_of

INF = float("inf")


def game(top: float = 50.0) -> Game:
    """A leader over x and a price, a follower that makes y, and a rival's z, which the leader pays for too."""
    made = Game("ranges")
    leader, rival, follower = made.leader("leader"), made.leader("rival"), made.follower("follower")
    x, z, y = leader.variable("x", -2, 6), rival.variable("z", 0, 3), follower.variable("y", 1, top)
    price = follower.row("need", y >= x, dual="price").dual
    leader.objective = 5.0 * x - 3.0 * y + 100.0 * z + 0.0 * price + 7.0
    rival.objective, follower.objective = 1.0 * z + 10.0 * x, 2.0 * y
    return made


def players(made: Game) -> tuple[CompiledGame, dict[str, Agent]]:
    compiled = compile_game(made)
    return compiled, {agent.name: agent for agent in compiled.agents}


def never() -> Mpcc:
    pytest.fail("the problem of the best deviation is not needed")


def test_what_a_player_moves_is_its_own_and_what_responds_to_it() -> None:
    compiled, by_name = players(game())
    names = np.array(compiled.names)
    moved = {name: set(names[ranges._moved(compiled, agent)].tolist()) for name, agent in by_name.items()}
    assert moved == {"leader": {"x", "y", "price"}, "rival": {"z", "y", "price"}, "follower": {"y"}}


def test_the_part_of_a_value_that_a_player_moves() -> None:
    """Of 5 x - 3 y + 100 z + 7 at (2, 1.5, 4) the leader moves 10 - 12; its rival moves 150 - 12 of it."""
    compiled, by_name = players(game())
    w = np.zeros(compiled.size)
    for name, value in {"x": 2.0, "z": 1.5, "y": 4.0, "price": 9.0}.items():
        w[compiled.names.index(name)] = value
    leader = by_name["leader"]
    assert ranges._part(leader, ranges._moved(compiled, leader), w) == pytest.approx(-2.0)
    assert ranges._part(leader, ranges._moved(compiled, by_name["rival"]), w) == pytest.approx(138.0)


def test_what_bounds_let_a_value_range_over() -> None:
    """5 times 8 and 3 times 49; a column without an end that does not count is no matter, one that does is one."""
    compiled, by_name = players(game())
    leader = by_name["leader"]
    assert ranges._box_range(compiled, leader, ranges._moved(compiled, leader)) == pytest.approx(5 * 8 + 3 * 49)
    compiled, by_name = players(game(top=INF))
    leader, rival = by_name["leader"], by_name["rival"]
    assert ranges._box_range(compiled, leader, ranges._moved(compiled, leader)) == INF
    assert ranges._box_range(compiled, rival, ranges._moved(compiled, rival)) == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("how", "width"),
    [("square", 1.5 * 48.0), ("product", 7.0 * 24.0), ("foreign", 0.0), ("endless", INF), ("crossed", 5.0 * 24.0)],
)
def test_what_bounds_let_products_range_over(how: str, width: float) -> None:
    """By the corners of x in [-2, 6], v in [-1, 3] and z in [0, 3]: x^2 from -12 to 36, x v and x z from -6 to 18."""
    made = Game("products")
    leader, rival = made.leader("leader"), made.leader("rival")
    x, v, u = leader.variable("x", -2, 6), leader.variable("v", -1, 3), leader.variable("u")
    z, t = rival.variable("z", 0, 3), rival.variable("t", 0, 1)
    terms = {
        "square": 1.5 * x * x,
        "product": 7.0 * x * v,
        "foreign": 9.0 * z * t,
        "endless": x * u,
        "crossed": 5 * x * z,
    }
    leader.objective, rival.objective = terms[how], 1.0 * z
    compiled, by_name = players(made)
    leader_agent = by_name["leader"]
    found = ranges._box_range(compiled, leader_agent, ranges._moved(compiled, leader_agent))
    assert found == pytest.approx(width)


def test_what_rows_let_a_linear_value_range_over() -> None:
    made = Game("rows")
    leader, follower = made.leader("leader"), made.follower("follower")
    x, y = leader.variable("x", 0, 4), follower.variable("y", 0, 5)
    leader.objective, follower.objective = 2.0 * x + y, 1.0 * y
    leader.row("cap", x + y <= 3.0)
    form = mpcc_of(made)
    assert ranges._linear_range(form) == pytest.approx(6.0)
    curved = replace(form, hessian=form.hessian + np.eye(form.hessian.shape[0]))
    assert ranges._linear_range(replace(curved, hessian=type(form.hessian)(curved.hessian))) == INF
    high = form.instance.col_upper.copy()
    high[1] = INF
    low = form.instance.col_lower.copy()
    low[1] = -INF
    endless = replace(form, instance=replace(form.instance, col_lower=low, col_upper=high))
    assert ranges._linear_range(endless) == INF


def told(monkeypatch: pytest.MonkeyPatch, regret: float, part: float, box: float, rows: float | None = None) -> float:
    """A regret where the player's part of the value, the range of its bounds and that of its rows are as told."""
    compiled, by_name = players(game())
    monkeypatch.setattr(ranges, "_part", lambda *_: part)
    monkeypatch.setattr(ranges, "_box_range", lambda *_: box)
    if rows is None:
        return relative_regret(compiled, by_name["leader"], np.zeros(compiled.size), regret, never)
    monkeypatch.setattr(ranges, "_linear_range", lambda _: rows)
    return relative_regret(compiled, by_name["leader"], np.zeros(compiled.size), regret, lambda: mpcc_of(game()))


@pytest.mark.parametrize(
    ("regret", "part", "box", "rows", "wanted"),
    [
        (INF, 5.0, 9.0, None, INF),
        (0.0, 5.0, 9.0, None, 0.0),
        (-1.0, 5.0, 9.0, None, 0.0),
        (0.5, 0.25, 9.0, None, 0.5),  # a value below one counts as one
        (0.5, 0.25, 0.125, None, 4.0),  # and the bounds may leave less
        (0.5, 0.25, 1e-9, None, 0.5 / LEAST_RANGE),
        (0.5, -1.0, 9.0, None, 0.5),
        (EXACT_REGRET, -5.0, 9.0, None, EXACT_REGRET / 5.0),
        (0.5, -5.0, 9.0, 99.0, 0.1),
        (0.5, 5.0, 4.0, 99.0, 0.125),
        (0.5, 5.0, 4.0, 2.0, 0.25),
        (0.5, 5.0, 4.0, 0.0, 0.5 / LEAST_RANGE),
    ],
)
def test_a_regret_is_relative_to_the_least_of_three_ranges(
    monkeypatch: pytest.MonkeyPatch, regret: float, part: float, box: float, rows: float | None, wanted: float
) -> None:
    assert told(monkeypatch, regret, part, box, rows) == pytest.approx(wanted)
