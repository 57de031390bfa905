"""Which way a game of several leaders goes, and what each way hands on, with stand-ins for what it asks."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.certificate import EXACT_REGRET
from equilibrium.complementarity.branch import End, Outcome
from equilibrium.deadline import Deadline
from equilibrium.games import Game, nash
from equilibrium.games.best_response import BestResponse, Profile, Run
from equilibrium.games.certificate import Found
from equilibrium.games.compiled import CompiledGame, compile_game
from equilibrium.games.nash import solve_several
from equilibrium.games.stationarity import Judged, Sweep

INF = float("inf")


def leaders(count: int = 2, *, integer: bool = False, priced: bool = False, follower: bool = False) -> CompiledGame:
    """Leaders with a variable of 0 to 1 each; perhaps a follower, whose price one of them may pay."""
    game = Game("leaders")
    own = [game.leader(f"l{k}") for k in range(count)]
    x = [leader.variable(f"x{k}", 0, 1, integer=integer) for k, leader in enumerate(own)]
    for leader, variable in zip(own, x, strict=True):
        leader.objective = 1.0 * variable
    if follower or priced:
        maker = game.follower("maker")
        y = maker.variable("y", 0, 9)
        maker.objective = 1.0 * y
        price = maker.row("need", y - x[0] >= 1.0, dual="price").dual
        if priced:
            own[0].objective = x[0] + price
    return compile_game(game)


def ways(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[Any, ...], dict[str, Any]]]:
    """Note which way is gone instead of going it."""
    gone: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def noting(name: str) -> Callable[..., object]:
        def way(*given: Any, **named: Any) -> object:
            gone.append((name, given[1:], named))
            return Found("told", "told"), None, {}, {}

        return way

    for name in ("_joint", "_enumerate", "_stationary", "_iterate"):
        monkeypatch.setattr(nash, name, noting(name))
    return gone


@pytest.mark.parametrize(
    ("how", "method", "limit", "way"),
    [
        ({}, "auto", 4, "_joint"),
        ({}, "complementarity-bb", 4, "_joint"),
        ({}, "best-response", 4, "_iterate"),
        ({}, "stationarity", 4, "_stationary"),
        ({"follower": True}, "auto", 4, "_iterate"),
        ({"follower": True}, "complementarity-bb", 4, "_iterate"),
        ({"integer": True}, "auto", 4, "_enumerate"),
        ({"integer": True}, "auto", 3, "_iterate"),
        ({"integer": True}, "enumeration", 4, "_enumerate"),
        ({"integer": True}, "best-response-jacobi", 4, "_iterate"),
        ({"integer": True}, "complementarity-bb", 4, "_iterate"),
    ],
)
def test_which_way_a_game_goes(
    how: dict[str, bool], method: str, limit: int, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two leaders of two moves have four profiles."""
    monkeypatch.setattr(nash, "MAX_PROFILES", limit)
    gone = ways(monkeypatch)
    solve_several(leaders(**how), method, "some", Deadline(), 3, probe=True)
    assert [name for name, _, _ in gone] == [way]
    given, named = gone[0][1:]
    if way == "_iterate":
        assert (given[0], given[1], given[3], named) == (method, "some", 3, {"probe": True})
    elif way == "_joint":
        assert (given[0], given[1], given[3]) == (method, "some", 3)


def joint(
    monkeypatch: pytest.MonkeyPatch, compiled: CompiledGame, outcome: Outcome, *, meet: bool = True
) -> tuple[Any, list[Any]]:
    """Solve joint conditions with an outcome as told: the answer, and what a best-response iteration was asked."""
    asked: list[Any] = []

    def iterate(*given: Any, **named: Any) -> Any:
        asked.append((given[1], named))
        return Found("m", "w", notes=("tried",)), np.array([9.0, 8.0]), {7: 1.0}, {"l0": outcome}

    monkeypatch.setattr(nash, "decide", lambda *_: (outcome, SimpleNamespace(name="used")))
    monkeypatch.setattr(nash, "look_again", lambda _d, o, _t: (o, "looked at again"))
    monkeypatch.setattr(nash, "can_meet", lambda *_: meet)
    monkeypatch.setattr(nash, "conflict", lambda *_: "the conflict")
    monkeypatch.setattr(nash, "_iterate", iterate)
    return nash._joint(compiled, "auto", "auto", Deadline(), 5), asked


@pytest.mark.parametrize("priced", [False, True])
def test_a_joint_point_is_handed_on_with_the_duals_that_are_used(priced: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = leaders(follower=True, priced=priced)
    v = np.arange(10.0)
    for method, name in (("", "used"), ("other", "other")):
        (found, w, given, known), asked = joint(monkeypatch, compiled, Outcome(End.OPTIMAL, v, 0.0, 0.0, method=method))
        assert (found.method, found.verdict, found.notes, known, asked) == (name, None, (), {}, [])
        assert found.why == "every player is convex: the joint optimality conditions are necessary and sufficient"
        assert w.tolist() == v[: compiled.size].tolist()
        assert given == ({3: 3.0} if priced else {})
    assert (compiled.size, compiled.variables) == (4, 3)


def test_joint_conditions_without_a_point_prove_that_there_is_no_equilibrium(monkeypatch: pytest.MonkeyPatch) -> None:
    none, said = Outcome(End.INFEASIBLE, None, INF, INF), "the joint optimality conditions are looked at again"
    (found, w, given, known), asked = joint(monkeypatch, leaders(), none)
    proved = "proved: the joint optimality conditions have no solution"
    assert (found.method, found.verdict, found.notes) == ("used", "no-pure-equilibrium", (proved, said, "tried"))
    assert (w.tolist(), given, known) == ([9.0, 8.0], {7: 1.0}, {"l0": none})
    assert asked == [("best-response", {"prove": False})]
    (found, w, given, known), asked = joint(monkeypatch, leaders(), none, meet=False)
    assert (found.verdict, found.notes, w, given, known) == ("infeasible", (said, "the conflict"), None, {}, {})
    assert asked == []
    game = Game("followers")
    for name in "yz":
        follower = game.follower(f"follower {name}")
        follower.objective = 1.0 * follower.variable(name)
    (found, w, _, _), asked = joint(monkeypatch, compile_game(game), none)
    assert (found.verdict, found.notes, w, asked) == ("no-pure-equilibrium", (said,), None, [])


@pytest.mark.parametrize("priced", [False, True])
@pytest.mark.parametrize(
    ("points", "complete", "passed", "meet", "verdict", "notes"),
    [
        (2, True, False, True, None, ()),
        (0, True, False, True, "no-pure-equilibrium", ("no stationary point on 7 pieces",)),
        (0, True, False, False, "infeasible", ("the conflict",)),
        (0, False, False, False, "none-found", ("why it is open",)),
        (0, False, True, False, "time-limit", ("why it is open",)),
    ],
)
def test_what_a_sweep_says_of_stationary_points(
    points: int,
    complete: bool,
    passed: bool,
    meet: bool,
    verdict: str | None,
    notes: tuple[str, ...],
    priced: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The last point is the one that was taken."""
    compiled = leaders(priced=priced, follower=True)
    found_points = tuple(np.arange(4.0) + 10.0 * k for k in range(points))
    monkeypatch.setattr(nash, "sweep", lambda *_: Sweep(found_points, complete, 7, "why it is open"))
    monkeypatch.setattr(nash, "can_meet", lambda *_: meet)
    monkeypatch.setattr(nash, "conflict", lambda *_: "the conflict")
    deadline = SimpleNamespace(passed=passed)
    found, w, given, known = nash._stationary(compiled, deadline)  # type: ignore[arg-type]
    assert (found.method, found.verdict, found.notes, known) == ("stationarity", verdict, notes, {})
    assert (None if w is None else w.tolist()) == ([10.0, 11.0, 12.0, 13.0] if points else None)
    assert given == ({3: 13.0} if points and priced else {})


def proof(
    monkeypatch: pytest.MonkeyPatch, best: Profile | None, regrets: list[float], *, complete: bool = True
) -> tuple[Profile | None, str, bool, list[Judged]]:
    """Search for a proof where a sweep meets points with regrets as told, until one is taken."""
    said: list[Judged] = []
    moves = {0: np.array([0.5])}
    search = SimpleNamespace(
        evaluate=lambda w: Profile(w, {}, float(w[0]), excluded=bool(w[0] > 2.0)), deviations=lambda _: moves
    )

    def swept(_c: object, judge: Callable[[np.ndarray], Judged], _d: object) -> Sweep:
        for regret in regrets:
            said.append(judge(np.array([regret, 0.0])))
            if said[-1].taken:
                return Sweep((), True, len(said))
        return Sweep((), complete, 5, "the reason")

    monkeypatch.setattr(nash, "sweep", swept)
    return *nash._search_for_proof(leaders(), search, best, Deadline()), said  # type: ignore[arg-type]


def profile(regret: float) -> Profile:
    return Profile(np.array([regret, 1.0]), {}, regret)


def test_the_best_point_of_a_search_for_a_proof_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    least, text, proved, said = proof(monkeypatch, profile(3.0), [4.0, 2.0, 2.5, INF])
    assert least is not None
    assert least.w.tolist() == [2.0, 0.0]
    assert (text, proved) == ("proved: none of the stationary points on 5 pieces is an equilibrium", True)
    assert [each.taken for each in said] == [False] * 4
    assert [each.excluded for each in said] == [True, False, True, True]
    assert all(each.deviations == {0: np.array([0.5])} for each in said)
    kept, text, proved, _ = proof(monkeypatch, profile(1.0), [4.0, 2.0], complete=False)
    assert kept is not None
    assert kept.w.tolist() == [1.0, 1.0]
    told = "no pure equilibrium found; that there is none is not proved: the reason"
    assert (text, proved) == (told, False)
    nothing, _, _, _ = proof(monkeypatch, None, [INF])
    assert nothing is None


@pytest.mark.parametrize(("regret", "taken"), [(EXACT_REGRET, True), (2.0 * EXACT_REGRET, False)])
def test_a_point_without_regret_ends_a_search_for_a_proof(
    regret: float, taken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    least, text, proved, said = proof(monkeypatch, profile(3.0), [2.0, regret, 9.0])
    assert least is not None
    assert (least.regret, proved) == (regret, True)
    assert len(said) == (2 if taken else 3)
    assert (text == "equilibrium found on piece 2 of the leaders' sets") is taken
    assert bool(said[1].deviations) is not taken


def test_where_no_sweep_applies_the_best_point_stands() -> None:
    compiled, best = leaders(integer=True), profile(3.0)
    told = "a leader has integer variables, which have no optimality conditions"
    found = nash._search_for_proof(compiled, None, best, Deadline())  # type: ignore[arg-type]
    assert found == (best, f"no pure equilibrium found; that there is none is not proved: {told}", False)


def iterated(
    monkeypatch: pytest.MonkeyPatch, regrets: list[float | None], tried: tuple[float | None, bool], **named: Any
) -> Any:
    """Iterate with runs that end with regrets as told, then with a search for a proof that ends as told."""
    given = iter(regrets)

    def run(_s: BestResponse, _w: np.ndarray) -> Run:
        regret = next(given)
        return Run(None if regret is None else profile(regret), 4, "told")

    def search(_c: object, _s: object, best: Profile | None, _d: object) -> tuple[Profile | None, str, bool]:
        return (best if tried[0] is None else profile(tried[0])), "the proof", tried[1]

    monkeypatch.setattr(BestResponse, "run", run)
    monkeypatch.setattr(nash, "_search_for_proof", search)
    return nash._iterate(leaders(), named.pop("method", "best-response"), "auto", Deadline(), 0, **named)


@pytest.mark.parametrize(
    ("tried", "method", "verdict", "point"),
    [
        ((None, False), "best-response (gauss-seidel) over ", "none-found", [1.0, 1.0]),
        ((None, True), "best-response (gauss-seidel) over ", "no-pure-equilibrium", [1.0, 1.0]),
        ((0.0, True), "stationarity", None, [0.0, 1.0]),
        ((EXACT_REGRET, False), "stationarity", None, [EXACT_REGRET, 1.0]),
        ((0.5, True), "best-response (gauss-seidel) over ", "no-pure-equilibrium", [0.5, 1.0]),
    ],
)
def test_after_all_starts_a_proof_is_looked_for(
    tried: tuple[float | None, bool],
    method: str,
    verdict: str | None,
    point: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found, w, _, _ = iterated(monkeypatch, [3.0, 1.0, None, 2.0, 4.0], tried)
    assert found.method.startswith(method)
    assert (found.verdict, w.tolist(), found.notes[-1], len(found.notes)) == (verdict, point, "the proof", 6)


def test_without_a_proof_asked_for_none_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    found, w, given, known = iterated(monkeypatch, [None] * 5, (0.0, True), prove=False)
    assert (found.verdict, len(found.notes), w, given, known) == ("none-found", 5, None, {}, {})


@pytest.mark.parametrize("probe", [False, True])
def test_an_equilibrium_ends_the_starts_and_the_others_are_probed(probe: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The third start has no regret: two are left to be probed."""
    begun: list[int] = []

    def others(_s: object, first: Profile, begin: list[np.ndarray]) -> str:
        begun.append(len(begin))
        return f"probed {first.regret:g}"

    monkeypatch.setattr(nash, "_others", others)
    found, w, _, _ = iterated(monkeypatch, [3.0, None, EXACT_REGRET], (None, False), probe=probe)
    assert (found.verdict, w.tolist()) == (None, [EXACT_REGRET, 1.0])
    assert found.notes[3:] == ((f"probed {EXACT_REGRET:g}",) if probe else ())
    assert begun == ([2] if probe else [])


@pytest.mark.parametrize(
    ("method", "scheme"),
    [("best-response-jacobi", "jacobi"), ("auto", "gauss-seidel"), ("complementarity-bb", "gauss-seidel")],
)
def test_what_an_iteration_is_told(method: str, scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[object, ...]] = []
    init = BestResponse.__init__

    def noted(self: BestResponse, *given: Any) -> None:
        seen.append(given[1:5])
        init(self, *given)

    monkeypatch.setattr(BestResponse, "__init__", noted)
    found, _, _, _ = iterated(monkeypatch, [0.0], (None, False), method=method)
    inner = method if method == "complementarity-bb" else "auto"
    assert seen == [(scheme, [0, 1], inner, "auto")]
    assert found.method == f"best-response ({scheme}) over {inner}"
