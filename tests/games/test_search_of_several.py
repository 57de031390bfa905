"""Several leaders: profiles, starts and what is said of a search, against lists written by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from equilibrium.complementarity.branch import End, Outcome
from equilibrium.deadline import Deadline
from equilibrium.errors import InputError
from equilibrium.games import Game, nash
from equilibrium.games.best_response import BestResponse, Profile, Run
from equilibrium.games.compiled import CompiledGame, compile_game
from equilibrium.games.nash import decisions, profiles, solve_several, starts

INF = float("inf")


def leaders(*bounds: tuple[float, float], integer: bool = True) -> CompiledGame:
    """Leaders with a variable each that they want small."""
    game = Game("leaders")
    for k, (low, high) in enumerate(bounds):
        leader = game.leader(f"l{k}")
        leader.objective = 1.0 * leader.variable(f"x{k}", low, high, integer=integer)
    return compile_game(game)


@pytest.mark.parametrize(
    ("bounds", "count"),
    [([(0, 1), (0, 1)], 4), ([(-1, 2), (0.5, 2.5)], 8), ([(0, INF), (0, 1)], INF), ([(-INF, 0)], INF), ([(3, 3)], 1)],
)
def test_the_number_of_profiles(bounds: list[tuple[float, float]], count: float) -> None:
    compiled = leaders(*bounds)
    assert profiles(compiled.leaders) == count
    if count < INF:
        lists = [list(decisions(agent)) for agent in compiled.leaders]
        assert np.prod([len(own) for own in lists]) == count
    assert profiles(leaders(*bounds, integer=False).leaders) == INF


def test_decisions_are_all_whole_numbers_within_the_bounds() -> None:
    game = Game("one")
    leader = game.leader("one")
    a, b = leader.variable("a", -1.5, 0.5, integer=True), leader.variable("b", 2, 3, integer=True)
    leader.objective = a + b
    agent = compile_game(game).leaders[0]
    assert list(decisions(agent)) == [(-1.0, 2.0), (-1.0, 3.0), (0.0, 2.0), (0.0, 3.0)]


def test_where_an_iteration_starts() -> None:
    """At zero or the nearest bound, at a joint point, and at three random ones within what the bounds leave.

    Ten times 1 + |low| beyond a lower bound alone, twice that below an upper bound alone, and 10 about zero else.
    """
    game = Game("starts")
    leader = game.leader("leader")
    names = {"box": (2, 5), "above": (3, INF), "below": (-INF, -4), "free": (-INF, INF), "zero": (-1, 1)}
    for name, (low, high) in names.items():
        leader.variable(name, low, high)
    leader.variable("whole", 0, 9, integer=True)
    leader.objective = 0.0
    compiled = compile_game(game)
    joint = np.array([9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0])
    found = starts(compiled, joint, 7)
    assert len(found) == 2 + nash.RANDOM_STARTS
    assert found[0].tolist() == [2.0, 3.0, -4.0, 0.0, 0.0, 0.0]
    assert found[1].tolist() == joint[:6].tolist()
    draws = np.array([starts(compiled, None, seed)[k] for seed in range(100) for k in range(1, 4)])
    spans = [(2, 5), (3, 43), (-24, -4), (-10, 10), (-1, 1), (0, 9)]
    for column, (low, high) in enumerate(spans):
        assert low <= draws[:, column].min() < low + 0.05 * (high - low) + 0.5
        assert high - 0.05 * (high - low) - 0.5 < draws[:, column].max() <= high
    assert (draws[:, 5] % 1.0 == 0.0).all()
    assert [each.tolist() for each in starts(compiled, None, 7)[1:]] == [each.tolist() for each in found[2:]]
    rng = np.random.default_rng(7)
    low, high = np.array([s[0] for s in spans], dtype=float), np.array([s[1] for s in spans], dtype=float)
    assert found[2][:5] == pytest.approx(rng.uniform(low, high)[:5])


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("whole", "l0 has integer variables"),
        ("bent", "l1 is not convex in its own variables"),
        ("product", "l0 has a quadratic row"),
        ("plain", None),
    ],
)
def test_why_joint_conditions_do_not_describe_a_game(kind: str, reason: str | None) -> None:
    game = Game("joint")
    one, two = game.leader("l0"), game.leader("l1")
    x, v = one.variable("x", 0, 1, integer=kind == "whole"), one.variable("v", 0, 1)
    z = two.variable("z", 0, 1)
    one.objective, two.objective = 1.0 * x + v, (-1.0 if kind == "bent" else 1.0) * z * z
    one.row("row", (x * v if kind == "product" else x * z) <= 1)
    assert nash._joint_reason(compile_game(game)) == reason


def test_what_several_leaders_cannot_be_asked_for() -> None:
    both = leaders((0, INF), (0, INF), integer=False)
    expected = f"leaders with bounded integer variables and at most {nash.MAX_PROFILES} profiles"
    with pytest.raises(InputError, match=expected):
        solve_several(both, "enumeration", "auto", Deadline(), 0)
    game = Game("followers")
    for name in "yz":
        follower = game.follower(f"follower {name}")
        follower.objective = 1.0 * follower.variable(name)
    with pytest.raises(InputError, match="a method for followers only: their joint conditions"):
        solve_several(compile_game(game), "best-response", "auto", Deadline(), 0)


def test_how_a_run_is_told() -> None:
    compiled = leaders((0, 9), (0, 9))
    plain = nash._told(compiled, 3, [1, 0], Run(None, 7, "settled"))
    assert plain == "start 3, order l1, l0: settled after 7 rounds"
    points = tuple(np.array([float(k), 0.5]) for k in range(8))
    circle = nash._told(compiled, 0, [0, 1], Run(None, 9, "cycle", points))
    shown = " -> ".join(f"({k}, 0.5)" for k in range(6))
    assert circle == f"start 0, order l0, l1: cycle after 9 rounds; cycle of length 8: {shown}"


def test_further_equilibria_are_counted_once() -> None:
    """Points that differ by less than 1e-5 are one; those with a regret count for nothing."""
    compiled = leaders((0, 9), (0, 9), integer=False)
    found = {
        1.0: Profile(np.array([2.0, 3.0]), {}, 0.0),
        2.0: Profile(np.array([1.0, 1.0 + 1.5e-5]), {}, 0.0),
        3.0: Profile(np.array([7.0, 7.0]), {}, 1.0),
        4.0: Profile(np.array([2.0, 3.0 + 5e-5]), {}, 0.0),
    }
    search = SimpleNamespace(
        compiled=compiled,
        decided=np.array([0, 1]),
        run=lambda start: Run(found.get(float(start[0])), 1, "settled"),
    )
    begin = [np.array([float(k), 0.0]) for k in range(5)]
    said = nash._others(search, Profile(np.array([1.0, 1.0]), {}, 0.0), begin)  # type: ignore[arg-type]
    assert said == "probed from 6 starts: 3 distinct equilibria met, leaders' decisions (1, 1), (2, 3), (2, 3.00005)"


def pennies(evaluated: dict[tuple[int, int], Profile | None], monkeypatch: pytest.MonkeyPatch, after: float = INF):
    """Enumerate two leaders' moves with profiles as told; the time is over after some of them."""

    def joint(_: BestResponse, w: np.ndarray) -> np.ndarray | None:
        return None if evaluated[round(w[0]), round(w[1])] is None else w

    monkeypatch.setattr(BestResponse, "respond_jointly", joint)
    monkeypatch.setattr(BestResponse, "evaluate", lambda _, w: evaluated[round(w[0]), round(w[1])])
    asked = iter(range(99))
    deadline = type("Late", (Deadline,), {"passed": property(lambda _: next(asked) >= after), "what": "time limit"})()
    found, w, _, _ = nash._enumerate(leaders((0, 1), (0, 1)), "auto", deadline)
    return found.verdict, found.notes, None if w is None else w.tolist()


def profile(i: int, j: int, regret: float, *, excluded: bool = True) -> Profile:
    return Profile(np.array([float(i), float(j)]), {}, regret, excluded)


def test_all_profiles_of_a_finite_game(monkeypatch: pytest.MonkeyPatch) -> None:
    regrets = {(0, 0): 3.0, (0, 1): 2.0, (1, 0): 1.0, (1, 1): 4.0}
    every = {place: profile(*place, regret) for place, regret in regrets.items()}
    proved = ("proved: none of 4 profiles is an equilibrium",)
    assert pennies(every, monkeypatch) == ("no-pure-equilibrium", proved, [1.0, 0.0])
    doubt = every | {(1, 1): profile(1, 1, 4.0, excluded=False)}
    told = ("not proved, 1 profiles are open: none of 4 profiles is an equilibrium",)
    assert pennies(doubt, monkeypatch) == ("none-found", told, [1.0, 0.0])
    some = every | {(0, 0): None}
    assert pennies(some, monkeypatch)[1] == ("proved: none of 3 profiles is an equilibrium",)
    none = dict.fromkeys(every)
    empty = ("at no profile are all rows met: a generalised game without a joint point",)
    assert pennies(none, monkeypatch) == ("infeasible", empty, None)
    unusable = {place: profile(*place, INF) for place in regrets}
    assert pennies(unusable, monkeypatch) == ("infeasible", empty, None)
    late = (f"time limit: {nash.BEST_MET}",)
    assert pennies(none, monkeypatch, after=1) == ("time-limit", late, None)
    assert pennies(every, monkeypatch, after=2) == ("time-limit", late, [0.0, 1.0])
    rest = every | {(0, 1): profile(0, 1, 0.0, excluded=False)}
    assert pennies(rest, monkeypatch) == (None, (), [0.0, 1.0])
    assert pennies(rest, monkeypatch, after=2) == (None, (), [0.0, 1.0])


def test_a_game_of_leaders_without_a_joint_point_is_told_as_one() -> None:
    game = Game("apart")
    one, two = game.leader("one"), game.leader("two")
    x, z = one.variable("x", 0, 1), two.variable("z", 0, 1)
    one.objective, two.objective = 1.0 * x, 1.0 * z
    one.row("far", x + z >= 3)
    for method in ("auto", "best-response", "stationarity"):
        answer = game.solve(method=method)
        assert answer.verdict == "infeasible"
        assert answer.notes[-1] == "the rows of one cannot be met, whatever the other players decide"


@pytest.mark.parametrize(
    ("end", "passed", "verdict"),
    [
        (End.LIMIT, True, "time-limit"),
        (End.LIMIT, False, "undecided"),
        (End.UNDECIDED, True, "undecided"),
        (End.UNDECIDED, False, "undecided"),
    ],
)
def test_a_joint_search_without_a_point_proves_nothing(
    monkeypatch: pytest.MonkeyPatch, end: End, passed: bool, verdict: str
) -> None:
    compiled = leaders((0, 1), (0, 1), integer=False)
    lost = Outcome(end, None, INF, -INF, 0, 0.0, "told so")
    monkeypatch.setattr(nash, "decide", lambda *_: (lost, SimpleNamespace(name="some")))
    deadline = SimpleNamespace(passed=passed, what="time limit")
    found, w, given, known = nash._joint(compiled, "auto", "auto", deadline, 0)  # type: ignore[arg-type]
    assert (found.verdict, found.method, found.notes, w, given, known) == (verdict, "some", ("told so",), None, {}, {})


@pytest.mark.parametrize(
    ("regrets", "passed", "verdict", "notes"),
    [
        ([2.0, 1.0, None, 3.0, 4.0], False, "none-found", 6),
        ([2.0, 0.0], False, None, 2),
        ([2.0], True, "time-limit", 2),
        ([None], True, "time-limit", 2),
    ],
)
def test_starts_are_tried_in_turn_with_orders_reversed(
    monkeypatch: pytest.MonkeyPatch, regrets: list[float | None], passed: bool, verdict: str | None, notes: int
) -> None:
    compiled = leaders((0, 1), (0, 1), integer=False)
    given, orders = iter(regrets), []

    def run(search: BestResponse, _: np.ndarray) -> Run:
        orders.append(search.order)
        regret = next(given)
        return Run(None if regret is None else Profile(np.full(2, regret), {}, regret), 4, "told")

    monkeypatch.setattr(BestResponse, "run", run)
    monkeypatch.setattr(nash, "_search_for_proof", lambda _c, _s, best, _d: (best, "no proof", False))
    deadline = Deadline()
    late = type("Late", (Deadline,), {"passed": property(lambda _: passed), "what": "time limit"})
    if passed:
        deadline = late()
    found, w, _, _ = nash._iterate(compiled, "best-response", "auto", deadline, 0)
    assert (found.verdict, len(found.notes)) == (verdict, notes)
    assert orders == [(0, 1), (1, 0), (0, 1), (1, 0), (0, 1)][: len(regrets)]
    assert found.notes[0] == "start 0, order l0, l1: told after 4 rounds"
    finite = [regret for regret in regrets if regret is not None]
    assert (None if w is None else w.tolist()) == ([min(finite)] * 2 if finite else None)
    if verdict == "time-limit":
        assert found.notes[-1] == f"time limit: {nash.BEST_MET}"
    assert found.method.startswith("best-response (gauss-seidel) over ")
