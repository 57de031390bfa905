"""Every instance through every method that applies: the same answer, with its proof."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from equilibrium.complementarity.sos1 import scip_is_installed
from equilibrium.errors import InputError
from equilibrium.games import Equilibrium, Game, read_game
from equilibrium.games.nash import NASH_METHODS

FOLDER = Path(__file__).parents[1] / "instances"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
# Literature gives some optima with few digits; the method is named where it needs minutes for its proof.
ROUNDED = {"moshirvaziri_96": 1e-5}
# What `auto` answers in a second, and a method alone in many.
LONG = {("zero_nasp_printed", "complementarity-bb"), ("chase_with_own_followers", "gurobi-nonconvex")}
SLOW = {("stackelberg_three_followers", "gurobi-nonconvex"), ("sherali_84", "gurobi-nonconvex")}
# SCIP's tolerance of 1e-7 leaves one game without a proof, and one search without a point.
SLOW_WITH_SCIP = {("brander_spencer_85", "gurobi-nonconvex"), ("capacity_rent", "gurobi-nonconvex")}
LONG_ITERATIONS = {"sherali_84", "zero_nasp_printed", "common_retailer", "chase_with_own_followers"}
# Here `auto` iterates over this method: asking for it by name is the same run again, seconds long.
SAME_AS_AUTO = {"sherali_84", "common_retailer", "chase_with_own_followers", "zero_nasp"}
WITH_SOLVER = [
    ("complementarity-bb", "highs"),
    ("kkt-bigm", "gurobi"),
    ("kkt-sos1", "gurobi"),
    ("gurobi-nonconvex", "gurobi"),
    ("kkt-sos1", "scip"),
    ("gurobi-nonconvex", "scip"),
]
METHODS = ["complementarity-bb", "kkt-bigm", "kkt-sos1", "gurobi-nonconvex", "lexicographic"]


def game_called(name: str) -> Game:
    return read_game(FOLDER / f"{name}.json")


def check(game: Game, answer: Equilibrium, verdicts: tuple[str, ...] = ()) -> None:
    expected = game.expected
    tolerance = ROUNDED.get(game.name, 2e-6)
    assert answer.verdict in (expected["verdict"], *verdicts), answer.notes
    for player, value in expected.get("objective", {}).items():
        assert answer.players[player].objective == pytest.approx(value, rel=tolerance, abs=tolerance)
    for name, value in expected.get("variables", {}).items():
        assert answer.variables[name] == pytest.approx(value, rel=tolerance, abs=tolerance)
    for name, value in expected.get("duals", {}).items():
        assert answer.duals[name][0] == pytest.approx(value, rel=tolerance, abs=tolerance)


@pytest.mark.parametrize("name", NAMES)
def test_auto_gives_the_known_answer(name: str) -> None:
    game = game_called(name)
    answer = game.solve()
    check(game, answer)
    assert answer.why
    assert name not in SAME_AS_AUTO or answer.method == "best-response (gauss-seidel) over complementarity-bb"
    if answer.certified:
        assert answer.certificate.bounds == "proved"
        duals = {dual: triple[0] for dual, triple in answer.duals.items()}
        again = game.verify(answer.variables, duals)
        assert again.certified
        for dual, (value, low, high) in answer.duals.items():
            assert low - 1e-6 <= value <= high + 1e-6, dual


def agrees(name: str, method: str, solver: str) -> None:
    """Check that a method, where it applies, gives the known answer; skip with its own reason where it does not."""
    game = game_called(name)
    try:
        answer = game.solve(method=method, solver=solver, time_limit_s=np.inf)
    except InputError as refusal:
        if "another method:" not in str(refusal):
            raise
        pytest.skip(str(refusal))
    # A method without a bound for products of unbounded factors may end without a proof, never with a wrong one.
    open_end = answer.certificate.epsilon == float("inf") and answer.method.endswith(method)
    if open_end and game.name.startswith("zero_nasp"):
        assert not any(note.startswith("proved") for note in answer.notes)
        return
    check(game, answer, ("epsilon-nash",))


def by_every_method() -> list[Any]:
    """Every game and every method; what takes seconds and `auto` answers too is in the long tier."""
    long = LONG | {(name, METHODS[0]) for name in SAME_AS_AUTO}
    pairs = [(name, method) for name in NAMES for method in METHODS]
    return [pytest.param(*pair, marks=[pytest.mark.long] if pair in long else []) for pair in pairs]


@pytest.mark.parametrize(("name", "method"), by_every_method())
def test_every_method_that_applies_agrees(name: str, method: str) -> None:
    if (name, method) in SLOW:
        pytest.skip("the proof takes minutes")
    agrees(name, method, "auto")


@pytest.mark.skipif(not scip_is_installed(), reason="the optional extra equilot[scip]")
@pytest.mark.parametrize("name", NAMES[::3])
def test_scip_agrees(name: str) -> None:
    agrees(name, "kkt-sos1", "scip")


@pytest.mark.long
@pytest.mark.parametrize(("method", "solver"), WITH_SOLVER)
@pytest.mark.parametrize("name", NAMES)
def test_every_method_with_every_solver(name: str, method: str, solver: str) -> None:
    if solver == "scip" and not scip_is_installed():
        pytest.skip("the optional extra equilot[scip]")
    if (name, method) in (SLOW | SLOW_WITH_SCIP if solver == "scip" else SLOW):
        pytest.skip("the proof takes minutes")
    agrees(name, method, solver)


def pairs_of_leaders() -> list[Any]:
    """Every game with several leaders and every method for those; what takes seconds is in the long tier."""
    found = []
    for name in NAMES:
        leaders = [player for player in game_called(name).players.values() if player.level == "leader"]
        for method in NASH_METHODS if len(leaders) > 1 else ():
            slow = method == "best-response-jacobi" or (method == "best-response" and name in LONG_ITERATIONS)
            found.append(pytest.param(name, method, marks=[pytest.mark.long] if slow else []))
    return found


@pytest.mark.parametrize(("name", "method"), pairs_of_leaders())
def test_several_leaders_by_every_method(name: str, method: str) -> None:
    game = game_called(name)
    if method == "enumeration":
        with pytest.raises(InputError, match="bounded integer variables"):
            game.solve(method=method)
        return
    answer = game.solve(method=method, time_limit_s=np.inf)
    if method == "stationarity" and not answer.certified and game.expected["verdict"] != "infeasible":
        # Stationary points need not be equilibria.
        assert answer.verdict == "kkt-consistent"
        # A deviation in hand tells them apart; in ZERO's examples the search for one may end without a proof.
        assert answer.certificate.epsilon > 1e-3
        found = max(player.regret[0] for player in answer.players.values())
        assert found > 1e-3 or name.startswith("zero_nasp")
        return
    check(game, answer)


def test_the_reason_why_a_method_does_not_apply_is_told() -> None:
    with pytest.raises(InputError, match="stays quadratic"):
        game_called("quadratic_leader").solve(method="kkt-bigm")
    with pytest.raises(InputError, match="HiGHS has neither SOS1"):
        game_called("bard_511").solve(method="kkt-sos1", solver="highs")
    with pytest.raises(InputError, match="one of auto"):
        game_called("bard_511").solve(method="magic")
    with pytest.raises(InputError, match="for one leader"):
        game_called("bard_511").solve(method="best-response")
