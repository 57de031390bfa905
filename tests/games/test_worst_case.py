"""Pessimistic leaders: each part of the search against numbers written down by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from equilibrium.complementarity.branch import End, Outcome
from equilibrium.deadline import Deadline
from equilibrium.games import Game, worst_case
from equilibrium.games.compiled import CompiledGame, compile_game
from equilibrium.games.worst_case import Pessimists, Point, Worst, relative_gain, search, worst_regret

INF = float("inf")


def outcome(end: End, value: float, bound: float) -> Outcome:
    return Outcome(end, None, value, bound, 0, 0.0)


@pytest.mark.parametrize(
    ("best", "value", "gain"),
    [
        (1.0, 3.0, 2.0 / 3.0),
        (0.0, 0.5, 0.5),
        (-6.0, -4.0, 0.5),
        (3.0, 1.0, 0.0),
        (-INF, 1.0, INF),
        (1.0, INF, INF),
    ],
)
def test_a_gain_is_relative_to_values_above_one(best: float, value: float, gain: float) -> None:
    assert relative_gain(best, value) == pytest.approx(gain)


@pytest.mark.parametrize(
    ("worst", "found", "regret"),
    [
        ((5.0, 5.5), outcome(End.OPTIMAL, 3.0, 2.0), (2.0, 3.5)),
        ((5.0, 5.5), outcome(End.OPTIMAL, 6.0, 5.5), (0.0, 0.0)),
        ((5.0, 5.5), outcome(End.LIMIT, INF, 2.0), (0.0, 3.5)),
        ((5.0, 5.5), outcome(End.INFEASIBLE, INF, INF), (0.0, INF)),
        ((5.0, 5.5), outcome(End.UNBOUNDED, -INF, -INF), (INF, INF)),
        ((INF, INF), outcome(End.UNBOUNDED, -INF, -INF), (INF, INF)),
        ((INF, INF), outcome(End.OPTIMAL, 3.0, 2.0), (INF, INF)),
        ((INF, INF), outcome(End.INFEASIBLE, INF, INF), (0.0, INF)),
    ],
)
def test_what_a_leader_could_gain_in_its_worst_case(
    worst: tuple[float, float], found: Outcome, regret: tuple[float, float]
) -> None:
    assert worst_regret(Worst(np.zeros(1), *worst), found) == pytest.approx(regret)


def rows() -> CompiledGame:
    """A leader with rows of every kind; all but the first see the follower, one of them through a product."""
    game = Game("rows")
    leader, follower = game.leader("leader"), game.follower("follower")
    x, v, y = leader.variable("x", 0, 9), leader.variable("v", 0, 9), follower.variable("y", 0, 9)
    follower.row("cap", y <= 3, dual="price")
    leader.row("own", x + v <= 9)
    leader.row("at most", 2 * y - x <= 4)
    leader.row("at least", 3 * x * y + x + 5 * v >= -7)
    leader.row("equal", y + v == 1)
    leader.row("own product", x * v <= 81)
    leader.objective = 1.0 * x
    return compile_game(game)


def test_rows_that_the_followers_can_break_each_side_of_them() -> None:
    """1 where a row bounds from above, -1 where it bounds from below."""
    compiled = rows()
    assert worst_case._coupled(compiled, compiled.leaders[0]) == [(1, 1.0), (2, -1.0), (3, 1.0), (3, -1.0)]


def test_a_row_that_sees_a_dual_can_be_broken_too() -> None:
    game = Game("priced")
    leader, follower = game.leader("leader"), game.follower("follower")
    x, y = leader.variable("x", 0, 9), follower.variable("y", 0, 9)
    price = follower.row("cap", y <= 3, dual="price").dual
    leader.row("first", x <= 9)
    leader.row("second", x + price <= 9)
    leader.objective = 1.0 * x
    compiled = compile_game(game)
    assert worst_case._coupled(compiled, compiled.leaders[0]) == [(1, 1.0)]


@pytest.mark.parametrize(
    ("row", "sign", "value"),
    [(1, 1.0, 2 * 5 - 2), (1, -1.0, -(2 * 5 - 2)), (2, 1.0, 3 * 2 * 5 + 2 + 15), (2, -1.0, -47), (4, 1.0, 2 * 3)],
)
def test_the_left_side_of_a_row_as_an_objective(row: int, sign: float, value: float) -> None:
    compiled = rows()
    at = {"x": 2.0, "v": 3.0, "y": 5.0, "price": 7.0}
    agent = worst_case._as_objective(compiled.leaders[0], row, sign)
    assert agent.value(np.array([at[name] for name in compiled.names])) == value
    assert agent.matrix.shape[0] == len(agent.products) == 0


def pessimists(compiled: CompiledGame, deadline: Deadline | None = None) -> Pessimists:
    return Pessimists(compiled, "auto", "auto", Deadline() if deadline is None else deadline)


def careless(*, limit: float = INF, least: float = -INF) -> CompiledGame:
    """The leader pays (x - 2)^2 + y; the follower takes any y of [0, x] and may break a row of the leader's."""
    game = Game("careless")
    leader, follower = game.leader("leader"), game.follower("follower")
    x, y = leader.variable("x", 0, 10), follower.variable("y", 0)
    follower.row("cap", y <= x)
    leader.objective = (x - 2) ** 2 + y
    if limit < INF:
        leader.row("limit", y <= limit)
    if least > -INF:
        leader.row("least", y >= least)
    return compile_game(game)


def test_the_worst_response_to_given_decisions() -> None:
    """At x = 3 the worst is y = 3: 1 + 3."""
    compiled = careless()
    worst = pessimists(compiled).worst(compiled.leaders[0], np.array([3.0, 0.0]))
    assert worst.w == pytest.approx([3.0, 3.0])
    assert (worst.value, worst.bound) == pytest.approx((4.0, 4.0))


@pytest.mark.parametrize(
    ("limits", "broken"),
    [
        ({"limit": 3.0}, False),
        ({"limit": 3.0 - 3e-8}, False),  # within 1e-8 of 1 + |side|
        ({"limit": 2.9}, True),
        ({"least": 0.0}, False),
        ({"least": 0.1}, True),
    ],
)
def test_a_row_that_some_response_breaks(limits: dict[str, float], broken: bool) -> None:
    compiled = careless(**limits)
    worst = pessimists(compiled).worst(compiled.leaders[0], np.array([3.0, 0.0]))
    assert np.isinf(worst.value) == np.isinf(worst.bound) == broken
    assert worst.w is not None


def test_decisions_without_a_response_are_infinitely_bad() -> None:
    game = Game("none")
    leader, follower = game.leader("leader"), game.follower("follower")
    x, y = leader.variable("x", 0, 10), follower.variable("y", 0, 1)
    follower.row("need", y >= x)
    leader.objective = x + y
    compiled = compile_game(game)
    worst = pessimists(compiled).worst(compiled.leaders[0], np.array([3.0, 0.0]))
    assert (worst.w, worst.value, worst.bound) == (None, INF, INF)


def listed(values: list[float], deadline: object = None) -> Outcome:
    """Return what a list of a leader's decisions 0, 1, ... gives whose worst cases have some values."""
    game = Game("listed")
    leader, follower = game.leader("leader"), game.follower("follower")
    x, y = leader.variable("x", 0, len(values) - 1, integer=True), follower.variable("y", 0, 1)
    leader.objective = 1.0 * x
    follower.row("any", y <= 1)
    compiled = compile_game(game)
    here = pessimists(compiled)
    if deadline is not None:
        here.deadline = deadline  # type: ignore[assignment]

    def worst(_: object, w: np.ndarray) -> Worst:
        value = values[round(float(w[0]))]
        return Worst(None if np.isinf(value) else w.copy(), value, value + (0.0 if np.isinf(value) else 0.25))

    here.worst = worst  # type: ignore[method-assign, assignment]
    return here._listed(compiled.leaders[0], np.zeros(2))


def test_every_decision_of_a_leader_with_few() -> None:
    found = listed([3.0, 1.0, 1.0, INF, 2.0])
    assert found.v is not None
    assert found.v.tolist() == [1.0, 0.0]
    assert (found.end, found.value, found.bound, found.nodes) == (End.OPTIMAL, 1.25, 1.0, 5)
    assert found.method == "enumeration"
    none = listed([INF, INF])
    assert (none.end, none.v, none.value, none.nodes) == (End.INFEASIBLE, None, INF, 2)


def test_a_list_that_the_time_cuts_has_no_bound() -> None:
    class AfterTwo:
        asked = 0

        @property
        def passed(self) -> bool:
            self.asked += 1
            return self.asked > 2

    cut = listed([3.0, 2.0, 1.0], AfterTwo())
    assert cut.v is not None
    assert cut.v.tolist() == [1.0, 0.0]
    assert (cut.end, cut.value, cut.bound, cut.nodes) == (End.LIMIT, 2.25, -INF, 2)
    assert cut.method == "enumeration"


def two_by_two(worst: dict[tuple[int, int], tuple[float, float]]) -> Pessimists:
    """Two leaders with moves 0 and 1 whose worst cases are as told, bounds a tenth above values."""
    game = Game("two")
    for name in "ij":
        leader = game.leader(f"leader {name}")
        leader.objective = 1.0 * leader.variable(name, 0, 1, integer=True)
    follower = game.follower("follower")
    follower.variable("y", 0, 1)
    here = pessimists(compile_game(game))

    def told(agent: object, w: np.ndarray) -> Worst:
        number = [each.name for each in here.compiled.leaders].index(agent.name)  # type: ignore[attr-defined]
        value = worst[round(float(w[0])), round(float(w[1]))][number]
        return Worst(None if value == INF else w.copy(), value, value + (0.0 if value == INF else 0.1))

    here.worst = told  # type: ignore[method-assign, assignment]
    return here


def test_an_equilibrium_is_read_off_a_table_of_worst_cases() -> None:
    """At (1, 0) neither gains; bounds leave a tenth open, so that it is no proof of an equilibrium but of the others.

    From (0, 0) the first gains 3 of 5 by value and, from bound to value, 3.1 of 5.1.
    """
    here = two_by_two({(0, 0): (5.0, 1.0), (0, 1): (5.0, 9.0), (1, 0): (2.0, 1.0), (1, 1): (2.0, 4.0)})
    leaders, shape = here.compiled.leaders, (2, 2)
    table = np.empty((*shape, 2), dtype=object)
    for place in np.ndindex(*shape):
        for number, agent in enumerate(leaders):
            table[(*place, number)] = here.worst(agent, np.array([*place, 0.0], dtype=float))
    point = worst_case._read_off(here.compiled, table, (0, 0))
    assert point is not None
    assert point.w.tolist() == [0.0, 0.0, 0.0]
    assert point.gain == pytest.approx(2.9 / 5.0)  # the deviation's bound against the value here
    assert point.regret == pytest.approx(3.1 / 5.1)
    first = point.outcomes["leader i"]
    assert (first.value, first.bound, first.nodes, first.end) == (2.1, 2.0, 2, End.OPTIMAL)
    assert first.v is not None
    assert first.v.tolist() == [1.0, 0.0, 0.0]
    assert point.worst["leader j"].value == 1.0
    ended = search(here, 0)
    assert ended.ending == "open"
    assert ended.notes == ("not proved, 1 profiles are open: none of 4 profiles is a pessimistic equilibrium",)
    assert ended.point is not None
    assert ended.point.w.tolist() == [1.0, 0.0, 0.0]


def test_a_table_in_which_each_profile_moves_somebody_is_a_proof() -> None:
    """Matching pennies: whoever loses 9 moves to 1."""
    here = two_by_two({(0, 0): (9.0, 1.0), (0, 1): (1.0, 9.0), (1, 0): (1.0, 9.0), (1, 1): (9.0, 1.0)})
    ended = search(here, 0)
    assert (ended.ending, ended.notes) == (
        "none",
        ("proved: none of 4 profiles is a pessimistic equilibrium",),
    )
    endless = two_by_two(dict.fromkeys([(0, 0), (0, 1), (1, 0), (1, 1)], (INF, 1.0)))
    ended = search(endless, 0)
    assert (ended.ending, ended.point, ended.notes) == ("infeasible", None, ())
    endless.deadline = SimpleNamespace(passed=True, what="time limit")  # type: ignore[assignment]
    ended = search(endless, 0)
    assert (ended.ending, ended.point, ended.notes) == ("limit", None, ("not all profiles could be examined",))


def tried(
    monkeypatch: pytest.MonkeyPatch, regrets: list[float | None], *, passed: bool = False
) -> tuple[float | None, str, tuple[str, ...]]:
    """Return what a search over starts gives whose iterations end with regrets as told."""
    game = Game("pair")
    for name in "xz":
        leader = game.leader(f"leader {name}")
        leader.objective = 1.0 * leader.variable(name, 0, 1)
    game.follower("follower").variable("y", 0, 1)
    here = pessimists(compile_game(game))
    here.deadline = SimpleNamespace(passed=passed, what="time limit")  # type: ignore[assignment]
    given = iter(regrets)

    def iterate(*_: object) -> tuple[Point | None, str]:
        regret = next(given)
        return None if regret is None else Point(np.zeros(3), {}, {}, 0.0, regret), f"with {regret}"

    monkeypatch.setattr(worst_case, "_iterate", iterate)
    ended = search(here, 0)
    return None if ended.point is None else ended.point.regret, ended.ending, ended.notes


def test_the_best_of_several_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    none = "no pure equilibrium found; that there is none is not proved"
    said = ("start 0: with 3.0", "start 1: with None", "start 2: with 1.0", "start 3: with 2.0", none)
    assert tried(monkeypatch, [3.0, None, 1.0, 2.0]) == (1.0, "open", said)
    assert tried(monkeypatch, [3.0, 0.0]) == (0.0, "equilibrium", (*said[:1], "start 1: with 0.0"))
    assert tried(monkeypatch, [3.0], passed=True) == (3.0, "limit", said[:1])
    assert tried(monkeypatch, [None], passed=True) == (None, "limit", ("start 0: with None",))


def judged(values: dict[str, tuple[float, float]], best: dict[str, tuple[float, float]]) -> Point:
    """Judge a point at which leaders have worst cases and best deviations (value, bound) as told."""
    here = pessimists(careless())
    agents = [SimpleNamespace(name=name) for name in values]
    here.compiled = SimpleNamespace(leaders=agents)  # type: ignore[assignment]
    here.worst = lambda agent, w: Worst(w + 1.0, *values[agent.name])  # type: ignore[method-assign]
    here.best = lambda agent, _: outcome(End.OPTIMAL, *best[agent.name])  # type: ignore[method-assign]
    return here.judge(np.zeros(2))


def test_a_point_is_judged_by_who_gains_most() -> None:
    """The first gains 1 of 4 for certain and at most 2 of 5; the second 3 of 6 and at most 3 of 6."""
    point = judged({"a": (4.0, 5.0), "b": (6.0, 6.0)}, {"a": (3.0, 3.0), "b": (3.0, 3.0)})
    assert (point.gain, point.regret) == (0.5, 0.5)
    point = judged({"a": (4.0, 5.0), "b": (6.0, 6.0)}, {"a": (3.0, 3.0), "b": (6.0, 6.0)})
    assert (point.gain, point.regret) == (0.25, 0.4)
    assert point.w.tolist() == [1.0, 1.0]
    assert sorted(point.worst) == sorted(point.outcomes) == ["a", "b"]
