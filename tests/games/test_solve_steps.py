"""From a search to an answer: options, words and notes, what is said without a point, and points that are given."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.complementarity.branch import End, Outcome
from equilibrium.deadline import Deadline
from equilibrium.errors import InputError
from equilibrium.games import Game
from equilibrium.games import solve as module
from equilibrium.games.answer import GameVerdict
from equilibrium.games.bigm import Bounds
from equilibrium.games.certificate import Found
from equilibrium.games.compiled import CompiledGame, compile_game
from equilibrium.games.methods import Decision
from equilibrium.games.solve import Options, empty, point_of

INF = float("inf")


def game(*, priced: bool = True) -> Game:
    """A leader that earns and a rival that pays, before a follower whose price may be used."""
    made = Game("made")
    leader, rival, follower = made.leader("leader", "max"), made.leader("rival"), made.follower("follower", "max")
    x, z, y = leader.variable("x", 0, 4), rival.variable("z", 0, 3), follower.variable("y", 0, 9)
    price = follower.row("need", y >= x, dual="price").dual
    leader.objective = x + (price if priced else 0.0 * price)
    rival.objective, follower.objective = 1.0 * z, -1.0 * y
    return made


def alone(*, priced: bool = True) -> CompiledGame:
    made = Game("alone")
    leader, follower = made.leader("leader", "max"), made.follower("follower")
    x, y = leader.variable("x", 0, 4), follower.variable("y", 0, 9)
    price = follower.row("need", y >= x, dual="price").dual
    leader.objective, follower.objective = x + (price if priced else 0.0 * price), 1.0 * y
    return compile_game(made)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"attitude": "hopeful"}, "attitude: got 'hopeful', expected one of optimistic, pessimistic"),
        ({"certify": "none"}, "certify: got 'none', expected one of standard, full"),
        ({"time_limit_s": 0.0}, "time limit: got 0.0, expected a positive number of seconds"),
        ({"time_limit_s": np.nan}, "time limit: got nan, expected a positive number of seconds"),
        ({"node_limit": 0}, "node limit: got 0, expected at least 1 node"),
    ],
)
def test_options_that_are_none(given: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError) as caught:
        Options(**given)
    assert str(caught.value) == f"options: {told}"


def test_the_deadline_of_a_search() -> None:
    clock = iter([100.0, 100.25, 103.0])
    deadline = Options(time_limit_s=2.0, node_limit=1, clock=lambda: next(clock)).deadline()
    assert (deadline.nodes_left, deadline.left, deadline.passed) == (1, 1.75, True)
    assert Options().deadline().nodes_left == INF


@pytest.mark.parametrize("verify", [False, True])
def test_the_seconds_of_an_answer_are_those_that_passed(verify: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([5.0, 7.5])
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    made = Game("one")
    leader = made.leader("leader")
    leader.objective = 1.0 * leader.variable("x", 1, 4)
    answer = made.verify({"x": 1.0}) if verify else made.solve()
    assert (answer.seconds, answer.certified) == (2.5, True)


@pytest.mark.parametrize(("end", "sign"), [(End.UNBOUNDED, -1.0), (End.INFEASIBLE, 1.0), (End.LIMIT, 1.0)])
def test_an_answer_without_a_point(end: End, sign: float) -> None:
    """Of the leaders the best or the worst that there is, each in its own sense."""
    compiled = compile_game(game())
    found = Found("m", "why", "user", GameVerdict.UNBOUNDED if end is End.UNBOUNDED else None, None, ("said",), 2.0)
    answer = empty(compiled, found, end)
    assert {name: player.objective for name, player in answer.players.items()} == {
        "leader": -sign * INF, "rival": sign * INF, "follower": INF
    }  # fmt: skip
    assert {player.regret for player in answer.players.values()} == {(0.0, INF)}
    assert (answer.verdict, answer.method, answer.why) == (
        "unbounded" if end is End.UNBOUNDED else "undecided", "m", "why"
    )  # fmt: skip
    assert (answer.seconds, answer.notes, answer.variables) == (2.0, ("said",), {})
    assert answer.certificate.bounds == "user"
    assert np.isposinf([answer.certificate.primal, answer.certificate.gap, answer.certificate.epsilon]).all()


def late(passed: bool) -> Any:
    return SimpleNamespace(passed=passed, what="node limit")


@pytest.mark.parametrize(
    ("end", "passed", "word"),
    [
        (End.LIMIT, False, "undecided"),
        (End.LIMIT, True, "time-limit"),
        (End.OPTIMAL, True, None),
        (End.INFEASIBLE, True, "infeasible"),
        (End.UNBOUNDED, False, "unbounded"),
        (End.UNDECIDED, True, "undecided"),
    ],
)
def test_the_word_for_how_a_search_ended(end: End, passed: bool, word: str | None) -> None:
    assert module._word(Outcome(end, None, INF, -INF), late(passed)) == word


@pytest.mark.parametrize(
    ("end", "point", "passed", "notes"),
    [
        (End.LIMIT, True, True, ("told", "node limit: best value 3, proven bound 4.5, gap 1.5")),
        (End.UNDECIDED, True, False, ("told", "no proof: best value 3, proven bound 4.5, gap 1.5")),
        (End.LIMIT, False, True, ("told",)),
        (End.OPTIMAL, True, True, ("told",)),
    ],
)
def test_what_is_noted_of_a_search_without_a_proof(end: End, point: bool, passed: bool, notes: tuple[str, ...]) -> None:
    """In the leader's own sense: it earns 3, and no more than 4.5 can be earned."""
    compiled = alone()
    outcome = Outcome(end, np.zeros(9) if point else None, -3.0, -4.5, reason="told")
    assert module._notes(compiled, compiled.leaders[0], outcome, late(passed)) == notes
    silent = Outcome(end, None, -3.0, -4.5)
    assert module._notes(compiled, compiled.leaders[0], silent, late(passed)) == ()


@pytest.mark.parametrize(("priced", "short", "given"), [(True, False, {2: 7.0}), (True, True, {}), (False, False, {})])
def test_a_point_and_the_duals_that_its_form_has(priced: bool, short: bool, given: dict[int, float]) -> None:
    compiled = alone(priced=priced)
    decision = Decision(compiled, compiled.leaders[0], compiled.followers)
    v = np.zeros(decision.mpcc.instance.shape[1] - short)
    v[:3] = 5.0, 6.0, 7.0
    w, duals = point_of(compiled, decision, v)
    assert (w.tolist(), duals) == ([5.0, 6.0, 7.0], given)
    w[0] = 0.0
    assert v[0] == 5.0


def test_how_far_a_point_stays_from_its_bounds() -> None:
    """The least share of a bound that is left: of 4 and 8 a half, of 10 a tenth used."""
    pairs = np.array([[0, 1], [2, 3]])
    sizes = Bounds(np.array([[8.0, 5.0], [10.0, 4.0]]), "proved")
    asked: Any = SimpleNamespace(mpcc=SimpleNamespace(pairs=pairs), bounds=sizes)
    assert module._distance(asked, np.array([-4.0, 0.0, 1.0, 1.0, 99.0])) == 0.5
    assert module._distance(asked, np.array([0.0, 5.0, 1.0, 0.0])) == 0.0
    none: Any = SimpleNamespace(mpcc=SimpleNamespace(pairs=pairs[:0]), bounds=sizes)
    assert module._distance(none, np.zeros(4)) is None
    nothing: Any = SimpleNamespace(mpcc=asked.mpcc, bounds=Bounds(np.zeros((2, 2)), "proved"))
    assert module._distance(nothing, np.zeros(4)) == 1.0


@pytest.mark.parametrize(
    ("variables", "duals", "told"),
    [
        ({"x": 1.0, "z": 2.0, "w": 4.0}, {"price": 5.0}, "point: variables: got 'w', expected a name of this game"),
        ({"x": 1.0, "z": 2.0, "y": 3.0}, {"cost": 5.0}, "point: duals: got 'cost', expected a name of this game"),
        ({"x": 1.0, "price": 2.0}, {"price": 5.0}, "point: variables: got 'price', expected a name of this game"),
        ({"v": 1.0, "w": 4.0}, {"cost": 5.0}, "point: variables: got 'v', expected a name of this game"),
        ({"x": 1.0}, {}, "point: variables: y: got None, expected a value"),
        ({"x": 1.0, "z": 2.0, "y": 3.0}, {}, "point: duals: price: got None, expected a value"),
        ({"x": 1.0, "z": INF, "y": np.nan}, {"price": 5.0}, "point: got 'z', expected a finite number"),
    ],
)  # fmt: skip
def test_a_point_that_is_none(variables: dict[str, float], duals: dict[str, float], told: str) -> None:
    with pytest.raises(InputError) as caught:
        module._given_point(compile_game(game()), variables, duals)
    assert str(caught.value) == f"game made: {told}"


def test_a_point_that_is_given_by_names() -> None:
    compiled = compile_game(game())
    names, values = compiled.names, {"x": 1.0, "z": 2.0, "y": 3.0}
    found = module._given_point(compiled, values, {"price": 5.0})
    assert dict(zip(names, found.tolist(), strict=True)) == {**values, "price": 5.0}


def single(monkeypatch: pytest.MonkeyPatch, outcome: Outcome, **options: Any) -> Any:
    """Solve for one leader with a search that ends as told; a second method says the same of no point and no end."""
    method = SimpleNamespace(name="told", why="because")
    monkeypatch.setattr(module, "decide", lambda *_: (outcome, method))
    monkeypatch.setattr(module, "look_again", lambda _d, o, _t: (o, "looked at again"))
    monkeypatch.setattr(module, "conflict", lambda *_: "the conflict")
    return module._solve_single(alone(), Options(**options), Deadline())


@pytest.mark.parametrize(
    ("end", "provenance", "verdict", "notes"),
    [
        (End.INFEASIBLE, "proved", "infeasible", ("looked at again", "the conflict")),
        (End.UNBOUNDED, "proved", "unbounded", ("looked at again",)),
        (
            End.INFEASIBLE,
            "guess",
            "undecided",
            ("no point within the bounds on multipliers, which are a guess's",),
        ),
        (End.UNBOUNDED, "user", "unbounded", ("told",)),
    ],
)
def test_a_search_for_one_leader_without_a_point(
    end: End, provenance: str, verdict: str, notes: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = Outcome(end, None, INF, -INF, reason="told", provenance=provenance)
    answer = single(monkeypatch, outcome)
    assert (answer.verdict, answer.method, answer.why, answer.notes) == (verdict, "told", "because", notes)
    named = single(monkeypatch, Outcome(end, None, INF, -INF, provenance=provenance, method="other"))
    assert named.method == "other"


def test_methods_of_several_leaders_are_none_for_one() -> None:
    with pytest.raises(InputError) as caught:
        module._solve_single(alone(), Options(method="stationarity"), Deadline())
    assert str(caught.value) == "method: name: got 'stationarity', expected a method for one leader"
    with pytest.raises(InputError) as caught:
        module._solve_pessimistic(alone(), Options(method="stationarity", attitude="pessimistic"), Deadline())
    expected = "for a pessimistic answer: auto or a method for one leader"
    assert str(caught.value) == f"method: name: got 'stationarity', expected {expected}"


@pytest.mark.parametrize(("verdict", "sign"), [(GameVerdict.UNBOUNDED, -1.0), (GameVerdict.INFEASIBLE, 1.0)])
def test_leaders_of_a_game_without_a_point_and_without_an_end(
    verdict: GameVerdict, sign: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a leader that minimises, and one that maximises, is told: several of them, and pessimistic ones."""
    compiled = compile_game(game())
    found = Found("m", "why", verdict=verdict)
    monkeypatch.setattr(module, "solve_several", lambda *_, **__: (found, None, {}, {}))
    answer = module._solve_nash(compiled, Options(), Deadline())
    assert (answer.players["leader"].objective, answer.players["rival"].objective) == (-sign * INF, sign * INF)
    assert answer.verdict == verdict
    words = {value: key for key, value in module._SEARCHES.items()}
    ended = SimpleNamespace(point=None, ending=words[verdict], notes=("said",))
    monkeypatch.setattr(module, "search", lambda *_: ended)
    monkeypatch.setattr(module, "Pessimists", lambda *_, **__: None)
    answer = module._solve_pessimistic(compiled, Options(attitude="pessimistic"), Deadline())
    assert (answer.players["leader"].objective, answer.players["rival"].objective) == (-sign * INF, sign * INF)
    assert (answer.verdict, answer.method, answer.notes) == (verdict, "pessimistic auto", ("said",))


@pytest.mark.parametrize(("verdict", "noted"), [(GameVerdict.TIME_LIMIT, True), (GameVerdict.NOT_ATTAINED, False)])
def test_a_pessimistic_search_that_is_cut_says_how_far_it_came(
    verdict: GameVerdict, noted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its one leader earns 3 in the worst case, and no more than 4.5 can be earned."""
    compiled, seen = alone(), []
    outcome = Outcome(End.LIMIT, np.zeros(3), -3.0, -4.5, method="used")
    words = {value: key for key, value in module._SEARCHES.items()}
    point = SimpleNamespace(outcomes={"leader": outcome}, w=np.arange(3.0))
    ended = SimpleNamespace(point=point, ending=words[verdict], notes=("said",))
    monkeypatch.setattr(module, "search_one", lambda _: ended)
    monkeypatch.setattr(module, "Pessimists", lambda *given, **more: (given[1:3], more["full"]))

    def certified(*given: Any) -> Any:
        seen.append(given)
        return "answer"

    monkeypatch.setattr(module, "_certified_pessimistic", certified)
    options = Options(attitude="pessimistic", certify="full")
    assert module._solve_pessimistic(compiled, options, late(passed=True)) == "answer"  # type: ignore[comparison-overlap]
    ((pessimists, shown, w, found),) = seen
    assert (pessimists, shown is point, w.tolist()) == ((("auto", "auto"), True), True, [0.0, 1.0, 2.0])
    told = ("node limit: best value 3, proven bound 4.5, gap 1.5",) if noted else ()
    assert (found.method, found.verdict, found.notes) == ("pessimistic used", verdict, ("said", *told))


def test_a_game_is_measured_in_its_own_units_but_where_a_user_bounds_multipliers() -> None:
    made = Game("large")
    leader = made.leader("leader")
    x = leader.variable("x", 0, 4e7)
    leader.objective = 3e6 * x
    leader.row("least", 1e5 * x >= 2e9)
    assert module._compiled(made, Options()).units.columns
    assert not module._compiled(made, Options(big_m=(1e9, "user"))).units.columns
