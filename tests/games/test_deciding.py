"""Methods for one decision: which applies and why not, in which order they are tried, and what a second one says."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from equilibrium.complementarity.branch import End, Outcome
from equilibrium.complementarity.sos1 import scip_is_installed
from equilibrium.deadline import Deadline
from equilibrium.errors import InputError, SolverError
from equilibrium.games import Game, methods
from equilibrium.games.compiled import compile_game
from equilibrium.games.methods import Decision, Method, by_name, choose, confirm, decide, look_again

INF = float("inf")


def decision(
    *,
    alone: bool = True,
    curved: bool = False,
    product: str = "",
    priced: bool = False,
    square: bool = False,
    open_end: bool = False,
    solver: str = "auto",
    bound: bool = False,
) -> Decision:
    """One leader over one follower: what stands in the way of which method is told by name."""
    game = Game("decision")
    leader, follower = game.leader("leader"), game.follower("follower")
    x, v = leader.variable("x", 0, 4), leader.variable("v", 0, 4)
    y = follower.variable("y", 0, INF if open_end else 5)
    follower.objective = (y * y if curved else 0) - y + (0 if alone else x * y)
    price = follower.row("cap", y <= 3, dual="price").dual
    leader.objective = x + y + (price if priced else 0) + (x * x if square else 0)
    if product == "own":
        leader.row("bent", x * v <= 1)
    elif product == "crossed":
        leader.row("bent", x * y <= 9)
    compiled = compile_game(game)
    binding = compiled.leaders if bound else ()
    return Decision(compiled, compiled.leaders[0], compiled.followers, None, solver, binding=binding)


@pytest.mark.parametrize(
    ("how", "independent"),
    [({}, True), ({"alone": False}, False), ({"curved": True}, False), ({"priced": True}, True)],
)
def test_followers_whose_optimum_is_one_linear_program(how: dict, independent: bool) -> None:
    assert decision(**how).independent is independent


@pytest.mark.parametrize("where", ["row", "product"])
def test_a_follower_whose_rows_see_others_is_not_alone(where: str) -> None:
    game = Game("seen")
    leader, follower = game.leader("leader"), game.follower("follower")
    x, y = leader.variable("x", 0, 4), follower.variable("y", 0, 4)
    leader.objective, follower.objective = 1.0 * x, 1.0 * y
    follower.row("cap", (x * y if where == "product" else x + y) <= 9)
    compiled = compile_game(game)
    assert not Decision(compiled, compiled.leaders[0], compiled.followers).independent
    assert not Decision(compiled, compiled.leaders[0], ()).independent


@pytest.mark.parametrize(
    ("name", "how", "reason"),
    [
        ("lexicographic", {}, None),
        ("lexicographic", {"alone": False}, "a follower's problem depends on other players or is not linear"),
        ("lexicographic", {"priced": True}, "a dual is used, and the shortcut has primal optima only"),
        ("lexicographic", {"bound": True}, "rows of further players bind, and the shortcut has the decider's only"),
        ("lexicographic", {"product": "own"}, "a row has products"),
        ("complementarity-bb", {}, None),
        ("complementarity-bb", {"square": True}, None),
        (
            "complementarity-bb",
            {"product": "own"},
            "a row has products of two decisions, which the branch and bound does not relax",
        ),
        ("kkt-bigm", {"product": "own"}, "a row has products of two decisions"),
        ("kkt-bigm", {"square": True}, "the objective stays quadratic: strong duality does not make it linear"),
        ("kkt-bigm", {"solver": "scip"}, "the big-M form is solved by HiGHS or Gurobi"),
        ("kkt-bigm", {}, None),
        (
            "kkt-bigm",
            {"priced": True, "open_end": True, "alone": False},
            "2 of 2 pairs have no bound that can be proved",
        ),
        ("kkt-sos1", {"product": "own"}, "a row has products of two decisions"),
        ("kkt-sos1", {"square": True}, "the objective stays quadratic: strong duality does not make it linear"),
        ("kkt-sos1", {"solver": "highs"}, "HiGHS has neither SOS1 nor products"),
        ("kkt-sos1", {}, None),
        ("gurobi-nonconvex", {"solver": "highs"}, "HiGHS has neither SOS1 nor products"),
        ("gurobi-nonconvex", {"product": "own", "square": True}, None),
    ],
)
def test_why_a_method_does_not_apply(name: str, how: dict, reason: str | None) -> None:
    assert by_name(name).applies(decision(**how)) == reason


def test_a_curved_objective_of_many_columns_is_not_branched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    bent = decision(square=True)
    monkeypatch.setattr(methods, "DENSE_LIMIT", bent.mpcc.instance.shape[1])
    assert by_name("complementarity-bb").applies(bent) is None
    monkeypatch.setattr(methods, "DENSE_LIMIT", 3)
    told = "the objective stays quadratic and has more than 3 columns"
    assert by_name("complementarity-bb").applies(bent) == told
    assert by_name("complementarity-bb").applies(decision()) is None


@pytest.mark.parametrize(
    ("solver", "large", "installed", "chosen"),
    [
        ("auto", False, False, "gurobi"),
        ("auto", True, True, "scip"),
        ("auto", True, False, None),
        ("gurobi", False, True, "gurobi"),
        ("gurobi", True, True, None),
        ("scip", False, True, "scip"),
        ("scip", False, False, None),
        ("highs", False, True, None),
    ],
)
def test_who_takes_pairs(
    monkeypatch: pytest.MonkeyPatch, solver: str, large: bool, installed: bool, chosen: str | None
) -> None:
    monkeypatch.setattr(methods, "too_large", lambda _: large)
    monkeypatch.setattr(methods, "scip_is_installed", lambda: installed)
    asked = decision(solver=solver)
    assert methods._pair_solver(asked) == chosen
    missing = "the problem exceeds Gurobi's licence and SCIP (equilot[scip]) is not installed or not chosen"
    if chosen is None and solver != "highs":
        assert by_name("kkt-sos1").applies(asked) == by_name("gurobi-nonconvex").applies(asked) == missing


@pytest.mark.parametrize(
    ("how", "some", "many", "order"),
    [
        ({}, 40, 400, ["lexicographic", "complementarity-bb", "gurobi-nonconvex"]),
        ({"alone": False}, 40, 400, ["complementarity-bb", "gurobi-nonconvex"]),
        ({"alone": False, "solver": "highs"}, 40, 400, ["complementarity-bb"]),
        ({"solver": "gurobi"}, 40, 400, ["kkt-sos1", "gurobi-nonconvex", "complementarity-bb"]),
        ({}, 2, 400, ["lexicographic", "kkt-sos1", "complementarity-bb", "gurobi-nonconvex"]),
        ({"solver": "highs"}, 2, 400, ["lexicographic", "complementarity-bb"]),
        ({}, 3, 400, ["lexicographic", "complementarity-bb", "gurobi-nonconvex"]),
        ({}, 0, 2, ["lexicographic", "kkt-bigm", "kkt-sos1", "complementarity-bb", "gurobi-nonconvex"]),
        ({}, 3, 3, ["lexicographic", "complementarity-bb", "gurobi-nonconvex"]),
    ],
)
def test_the_order_in_which_methods_are_tried(
    monkeypatch: pytest.MonkeyPatch, how: dict, some: int, many: int, order: list[str]
) -> None:
    """The follower has three pairs: both bounds and its cap."""
    monkeypatch.setattr(methods, "SOME_PAIRS", some)
    monkeypatch.setattr(methods, "MANY_PAIRS", many)
    asked = decision(**how)
    assert len(asked.mpcc.pairs) == 3
    assert [method.name for method in choose(asked)] == order
    if how == {}:
        asked.big_m = (10.0, "user")
        assert [method.name for method in choose(asked)] == ["kkt-bigm"]


def outcome(end: End, value: float = INF, bound: float = -INF, *, point: bool = False, reason: str = "") -> Outcome:
    return Outcome(end, np.zeros(1) if point else None, value, bound, 0, 0.0, reason, method="used")


def of(name: str, result: Outcome | str, *, applies: str | None = None) -> Method:
    """Return a method with a result, or with the error that its solver raises."""

    def run(*_: object) -> Outcome:
        if isinstance(result, str):
            raise SolverError(result)
        return result

    return Method(name, "told", lambda _: applies, run)


def known(monkeypatch: pytest.MonkeyPatch, *given: Method) -> None:
    monkeypatch.setattr(methods, "METHODS", given)
    monkeypatch.setattr(methods, "scip_is_installed", lambda: False)


def test_a_method_that_decides_nothing_hands_on(monkeypatch: pytest.MonkeyPatch) -> None:
    best = outcome(End.OPTIMAL, 1.0, 1.0, point=True)
    worse = outcome(End.OPTIMAL, 2.0, 2.0, point=True)
    lost = outcome(End.UNDECIDED, reason="rounding")
    for results, name in (
        ([lost, best, worse], "m1"),
        ([best, worse], "m0"),
        ([lost, lost], "m0"),
        (["fell over", best], "m1"),
    ):
        tried = [of(f"m{k}", result) for k, result in enumerate(results)]
        monkeypatch.setattr(methods, "choose", lambda _, tried=tried: tried)
        found, method = decide(decision(), "auto", Deadline())
        assert (found.method, method.name) == (name, name)
        assert found.end is (End.UNDECIDED if results == [lost, lost] else End.OPTIMAL)
    fell = methods._run(of("m", "fell over"), decision(), Deadline())
    assert (fell.end, fell.v, fell.value, fell.bound) == (End.UNDECIDED, None, INF, -INF)
    assert (fell.reason, fell.method) == ("fell over", "m")


def test_a_game_that_no_method_takes_is_told_why(monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch, of("one", "", applies="it is round"), of("two", "", applies="it is square"))
    monkeypatch.setattr(methods, "choose", lambda _: [])
    with pytest.raises(InputError, match=re.escape("a game that a method takes (one: it is round; two: it is square)")):
        decide(decision(), "auto", Deadline())
    with pytest.raises(InputError, match="another method: it is square"):
        decide(decision(), "two", Deadline())
    with pytest.raises(InputError, match="one of auto, lexicographic, complementarity-bb, kkt-bigm"):
        decide(decision(), "three", Deadline())


def test_a_search_without_a_point_in_time_has_the_first_nodes() -> None:
    """The bound is the better of the two; a point in hand stays as it is."""
    asked = decision(alone=False)
    root = methods._branch(asked, Deadline(0.0))
    assert root.v is not None
    for bound in (root.bound - 1.0, root.bound + 1.0):
        found = methods._run(of("m", outcome(End.LIMIT, bound=bound)), asked, Deadline())
        assert found.v is not None
        assert found.v.tolist() == root.v.tolist()
        assert (found.end, found.value, found.method) == (End.LIMIT, root.value, "m")
        assert found.bound == max(root.bound, bound)
    kept = methods._run(of("m", outcome(End.LIMIT, 7.0, 1.0, point=True)), asked, Deadline())
    assert (kept.value, kept.bound) == (7.0, 1.0)


def test_what_a_second_method_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """The weaker bound and the better value count; who cannot or does not end is told and passed."""
    first = replace(outcome(End.OPTIMAL, 3.0, 2.0, point=True), method="first")
    asked = decision()

    def second(*others: Method, given: Outcome = first) -> tuple[float, float, str]:
        known(monkeypatch, of("first", "never"), of("lexicographic", "never"), *others)
        found, said = confirm(asked, given, Deadline())
        return found.value, found.bound, said

    assert second(of("b", outcome(End.OPTIMAL, 2.5, 1.5, point=True))) == (2.5, 1.5, "by b: 2.5")
    assert second(of("b", outcome(End.OPTIMAL, 4.0, 2.5, point=True))) == (3.0, 2.0, "by b: 4")
    assert second(of("b", outcome(End.INFEASIBLE))) == (
        3.0,
        -INF,
        "by b: infeasible, which the point found contradicts",
    )
    none = replace(outcome(End.INFEASIBLE, INF, INF), method="first")
    assert second(of("b", outcome(End.INFEASIBLE, INF, INF)), given=none) == (INF, INF, "by b: infeasible")
    passed = (of("a", "", applies="it is round"), of("b", outcome(End.LIMIT)), of("c", "fell over"))
    said = "a: it is round; b: not proved in the time given; c: fell over"
    assert second(*passed) == (3.0, 2.0, f"none, no second method comes to an end ({said})")
    assert second(*passed, of("d", outcome(End.OPTIMAL, 3.0, 3.0, point=True))) == (3.0, 2.0, "by d: 3")


def test_who_confirms_that_there_is_no_point_or_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    none, endless = (replace(outcome(end), method="first") for end in (End.INFEASIBLE, End.UNBOUNDED))
    point = outcome(End.OPTIMAL, 3.0, 3.0, point=True)
    some = outcome(End.LIMIT, 3.0, 1.0, point=True)

    def again(given: Outcome, *others: Method) -> tuple[End, str]:
        known(monkeypatch, of("first", "never"), *others)
        found, said = look_again(decision(), given, Deadline())
        return found.end, said

    assert again(none, of("b", none)) == (End.INFEASIBLE, "infeasible by first, confirmed by b")
    assert again(endless, of("b", endless)) == (End.UNBOUNDED, "unbounded by first, confirmed by b")
    assert again(none, of("b", point)) == (End.OPTIMAL, "infeasible by first, but b has a point")
    assert again(endless, of("b", point)) == (End.OPTIMAL, "unbounded by first, but b has a point")
    assert again(none, of("b", some)) == (End.LIMIT, "infeasible by first, but b has a point")
    assert again(endless, of("b", some)) == (
        End.UNBOUNDED,
        "unbounded by first alone (b: not proved in the time given)",
    )
    assert again(none, of("b", endless)) == (End.UNDECIDED, "infeasible by first, unbounded by b")
    assert again(endless, of("b", none)) == (End.UNDECIDED, "unbounded by first, infeasible by b")
    assert again(none, of("a", "", applies="it is round"), of("b", "fell over")) == (
        End.INFEASIBLE,
        "infeasible by first alone (a: it is round; b: fell over)",
    )


@pytest.mark.skipif(not scip_is_installed(), reason="the optional extra equilot[scip]")
def test_scip_comes_last_and_only_where_no_solver_was_chosen() -> None:
    asked = decision()
    names = [(name, problem.solver) for name, _, problem in methods._others(asked, "complementarity-bb")]
    assert names[-2:] == [("kkt-sos1 (SCIP)", "scip"), ("nonconvex (SCIP)", "scip")]
    assert [name for name, _ in names[:-2]] == ["kkt-bigm", "kkt-sos1", "gurobi-nonconvex"]
    assert asked.solver == "auto"
    assert [name for name, _, _ in methods._others(decision(solver="highs"), "kkt-bigm")] == [
        "complementarity-bb",
        "kkt-sos1",
        "gurobi-nonconvex",
    ]


def test_an_answer_is_completed_by_a_response_of_all_followers_only() -> None:
    asked = decision()
    v = np.array([1.0, 2.0, 9.0, 9.0, 9.0])
    done = asked.completed(v)
    assert done is not None
    assert done == pytest.approx([1.0, 2.0, 3.0])
    some = Decision(asked.compiled, asked.compiled.leaders[0], (), {2: 1.0})
    assert some.completed(v) is None
    stuck = Game("stuck")
    leader, follower = stuck.leader("leader"), stuck.follower("follower")
    x, y = leader.variable("x", 0, 9), follower.variable("y", 0, 1)
    leader.objective = 1.0 * x
    follower.row("need", y >= x)
    compiled = compile_game(stuck)
    assert Decision(compiled, compiled.leaders[0], compiled.followers).completed(np.array([5.0, 0.0])) is None


@pytest.mark.parametrize(
    ("given", "message"),
    [({"solver": "abacus"}, "one of auto, highs, gurobi, scip"), ({"big_m": (9.0, "proved")}, "user or guess")],
)
def test_what_a_decision_refuses(given: dict, message: str) -> None:
    compiled = decision().compiled
    with pytest.raises(InputError, match=message):
        Decision(compiled, compiled.leaders[0], compiled.followers, **given)


@pytest.mark.parametrize("decided", [True, False])
def test_the_shortcut_fixes_each_follower_to_its_optima(decided: bool) -> None:
    """One wants y at most 3, one leaves z in [1, 2] open: the leader takes what it likes, if one decides."""
    game = Game("alone")
    leader, one, two = game.leader("leader", "max"), game.follower("one", "max"), game.follower("two")
    x, y, z = leader.variable("x", 0, 4), one.variable("y", 0, 5), two.variable("z", 0, 2)
    v = two.variable("v", 0, 9)
    one.row("cap", 2 * y <= 6)
    two.row("least", v + z >= 5)
    two.row("open", z >= 1)
    one.objective, two.objective = 1.0 * y, v + z
    leader.objective = x + y + 10 * z - 3 * v + 2
    leader.row("limit", x + y <= 5)
    compiled = compile_game(game)
    asked = Decision(compiled, compiled.leaders[0] if decided else None, compiled.followers)
    found = by_name("lexicographic").run(asked, Deadline())
    assert found.v is not None
    point = dict(zip(compiled.names, found.v, strict=True))
    assert point["y"] == pytest.approx(3.0)
    assert point["v"] + point["z"] == pytest.approx(5.0)
    assert 1.0 - 1e-9 <= point["z"] <= 2.0 + 1e-9
    if decided:
        assert point == pytest.approx({"x": 2.0, "y": 3.0, "z": 2.0, "v": 3.0})
        assert (found.value, found.bound) == pytest.approx((-(2 + 3 + 20 - 9 + 2), -18.0))
    else:
        assert (found.value, found.bound) == (0.0, 0.0)
