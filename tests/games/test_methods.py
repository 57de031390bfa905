"""Every instance through every method that applies: the same answer, with its proof."""

from pathlib import Path

import pytest

from equilibrium.errors import InputError
from equilibrium.games import Equilibrium, Game, read_game
from equilibrium.games.oracles import scip_is_installed

FOLDER = Path(__file__).parents[1] / "instances"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
# Literature gives some optima with few digits; the method is named where it needs minutes for its proof.
ROUNDED = {"moshirvaziri_96": 1e-5}
SLOW = {("stackelberg_three_followers", "gurobi-nonconvex"), ("sherali_84", "gurobi-nonconvex")}
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
    if answer.certified:
        assert answer.certificate.bounds == "proved"
        duals = {dual: triple[0] for dual, triple in answer.duals.items()}
        again = game.verify(answer.variables, duals)
        assert again.certified
        for dual, (value, low, high) in answer.duals.items():
            assert low - 1e-6 <= value <= high + 1e-6, dual


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", NAMES)
def test_every_method_that_applies_agrees(name: str, method: str) -> None:
    if (name, method) in SLOW:
        pytest.skip("the proof takes minutes")
    game = game_called(name)
    try:
        answer = game.solve(method=method, time_limit_s=30.0)
    except InputError as refusal:
        if "another method:" not in str(refusal):
            raise
        pytest.skip(str(refusal))
    # A method without a bound for products of unbounded factors may end without a proof, never with a wrong one.
    open_end = "complementarity-bb" in answer.method and answer.certificate.epsilon == float("inf")
    if open_end and game.name.startswith("zero_nasp"):
        assert not any(note.startswith("proved") for note in answer.notes)
        return
    check(game, answer, ("epsilon-nash",))


@pytest.mark.skipif(not scip_is_installed(), reason="the optional extra equilot[scip]")
@pytest.mark.parametrize("name", NAMES[::3])
def test_scip_agrees(name: str) -> None:
    game = game_called(name)
    try:
        answer = game.solve(method="kkt-sos1", solver="scip", time_limit_s=30.0)
    except InputError:
        pytest.skip("not linear")
    check(game, answer, ("epsilon-nash",))


def test_the_reason_why_a_method_does_not_apply_is_told() -> None:
    with pytest.raises(InputError, match="stays quadratic"):
        game_called("quadratic_leader").solve(method="kkt-bigm")
    with pytest.raises(InputError, match="HiGHS has neither SOS1"):
        game_called("bard_511").solve(method="kkt-sos1", solver="highs")
    with pytest.raises(InputError, match="one of auto"):
        game_called("bard_511").solve(method="magic")
    with pytest.raises(InputError, match="for one leader"):
        game_called("bard_511").solve(method="best-response")
