"""`--certify full`: every player's deviation a second time by an independent method, the weaker bound kept."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from equilibrium.complementarity.branch import End, Outcome
from equilibrium.complementarity.sos1 import scip_is_installed
from equilibrium.deadline import Deadline
from equilibrium.games import Equilibrium, Game, read_game
from equilibrium.games.certificate import deviation, examine_point, regrets_at
from equilibrium.games.compiled import compile_game
from equilibrium.games.methods import confirm, decide
from equilibrium.programs.solvers import solve_mixed
from sim.cli import main

FOLDER = Path(__file__).parents[1] / "instances"
EVERY = sorted(path.stem for path in FOLDER.glob("*.json"))
SEVERAL = ["cournot_duopoly", "matching_pennies", "dual_price_cournot", "demiguel_xu_09", "public_good", "zero_nasp"]
UNDECIDED = {"stackelberg_three_followers"}
"""No second method proves it: the leader's objective stays a quadratic without bounds on its factors."""


SCIP_ALONE = {
    ("degenerate_duals_pessimistic", "leader"),
    ("lucchetti_87_pessimistic", "leader"),
    ("row_product", "leader"),
    ("zero_nasp", "uv"),
    ("zero_nasp_printed", "uv"),
}
"""Players whose deviation only SCIP solves a second time; without the optional extra there is no second opinion."""


def opinions(answer: Equilibrium) -> list[str]:
    return [note for note in answer.notes if note.startswith("second opinion on ")]


@pytest.mark.parametrize("name", ["bard_511", *SEVERAL])
def test_every_player_is_asked_about_again(name: str) -> None:
    game = read_game(FOLDER / f"{name}.json")
    answer = game.solve(certify="full", time_limit_s=np.inf)
    assert answer.verdict == "exact"
    said = opinions(answer)
    assert [note.split()[3] for note in said] == list(game.players)
    for note, player in zip(said, answer.players.values(), strict=True):
        if (name, note.split()[3]) in SCIP_ALONE and not scip_is_installed():
            assert "none, no second method comes to an end" in note
            continue
        assert " by " in note, note
        assert float(note.rsplit(": ", 1)[1]) == pytest.approx(player.objective, rel=1e-6, abs=1e-6)
    duals = {dual: triple[0] for dual, triple in answer.duals.items()}
    again = game.verify(answer.variables, duals, certify="full")
    assert again.certified
    assert len(opinions(again)) == len(game.players)


@pytest.mark.long
@pytest.mark.parametrize("name", EVERY)
def test_on_every_instance(name: str) -> None:
    game = read_game(FOLDER / f"{name}.json")
    answer = game.solve(certify="full", time_limit_s=np.inf, node_limit=2_000 if name in UNDECIDED else None)
    assert answer.certified == (game.expected["verdict"] == "exact")
    if answer.certified and name not in UNDECIDED:
        assert all(
            " by " in note or ((name, note.split()[3]) in SCIP_ALONE and not scip_is_installed())
            for note in opinions(answer)
        )


def test_a_false_bound_does_not_survive_the_second_opinion() -> None:
    """Two firms at a point that is no equilibrium, with a first method that claims that they are at their best."""
    compiled = compile_game(read_game(FOLDER / "cournot_duopoly.json"))
    w = np.array([20.0, 20.0])
    examined = examine_point(compiled, w, {})
    claimed = {
        a.name: Outcome(End.OPTIMAL, w, a.value(w), a.value(w), 1, 0.0, method="complementarity-bb")
        for a in compiled.leaders
    }
    believed, _ = regrets_at(compiled, examined, claimed, "auto", Deadline(), full=False)
    checked, notes = regrets_at(compiled, examined, claimed, "auto", Deadline(), full=True)
    assert all(high == 0.0 for _, high in believed.values())
    assert all(low > 10.0 and high >= low for low, high in checked.values())
    assert len(notes) == 2


def test_the_weaker_bound_counts_and_a_contradiction_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = compile_game(read_game(FOLDER / "bard_511.json"))
    problem = deviation(compiled, compiled.leaders[0], np.array([4.0, 4.0]), "highs")
    first = decide(problem, "complementarity-bb", Deadline())[0]
    weak = confirm(problem, replace(first, bound=-20.0), Deadline())[0]
    assert (weak.value, weak.bound) == pytest.approx((-12.0, -20.0))
    monkeypatch.setattr(
        "equilibrium.games.methods.solve_bigm", lambda *_: Outcome(End.INFEASIBLE, None, np.inf, np.inf, 0, 0.0)
    )
    outcome, said = confirm(problem, first, Deadline())
    assert outcome.bound == -np.inf
    assert "contradicts" in said


def test_where_no_second_method_applies_the_reasons_are_told() -> None:
    game = Game("quadratic with HiGHS only")
    leader, follower = game.leader("leader", "max"), game.follower("follower", "max")
    q, r = leader.variable("q", 0), follower.variable("r", 0)
    leader.objective, follower.objective = (12 - q - r) * q, (12 - q - r) * r
    answer = game.solve(solver="highs", certify="full")
    assert answer.certified
    assert any("leader none, no second method comes to an end (kkt-bigm: the objective" in n for n in answer.notes)


def test_the_bound_of_a_program_without_integers_is_its_value() -> None:
    """HiGHS leaves the bound of its branch and bound at zero then, which once passed for a proof."""
    compiled = compile_game(read_game(FOLDER / "matching_pennies.json"))
    for solver in ("highs", "gurobi"):
        instance = deviation(compiled, compiled.leaders[1], np.array([0.5, 0.5]), "auto").mpcc.instance
        shifted = instance.with_cost(instance.cost + np.array([0.0, 3.0]))
        answer = solve_mixed(shifted.with_cost(-shifted.cost), np.zeros(2, dtype=bool), solver)
        assert answer.bound == pytest.approx(answer.objective)
        assert answer.objective < -1.0


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    game, point = FOLDER / "cournot_duopoly.json", tmp_path / "point.json"
    assert main(["solve", str(game), "--certify", "full"]) == 0
    assert capsys.readouterr().out.count("second opinion on ") == 2
    point.write_text('{"variables": {"q1": 28.2710280374, "q2": 27.8037383178}}')
    assert main(["verify", str(game), str(point), "--certify", "full"]) == 0
    assert capsys.readouterr().out.count("second opinion on ") == 2
