"""The harness that looks for false verdicts: it finds those that are there, and none in a few games and programs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from benchmarks import fuzz
from equilibrium.games import game_from_dict, read_game
from equilibrium.programs.program import INF, Instance
from equilibrium.programs.solvers import MixedSolution, Status


def test_a_few_games_and_programs_have_no_false_verdict(tmp_path: Path) -> None:
    for result in (fuzz.fuzz_games(6, 3, tmp_path), fuzz.fuzz_programs(6, 3, tmp_path)):
        assert result.ratio == 0.0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_many_games_and_programs_have_no_false_verdict(tmp_path: Path) -> None:
    for result in (fuzz.fuzz_games(150, 4, tmp_path), fuzz.fuzz_programs(150, 4, tmp_path)):
        assert result.ratio == 0.0, result.note


def test_a_game_and_its_scaled_copy_are_one_game() -> None:
    rng = np.random.default_rng(5)
    table = fuzz.random_game(rng)
    other, money = fuzz.scaled(table, rng)
    one, two = game_from_dict(table), game_from_dict(other)
    assert [len(p.rows) for p in one.players.values()] == [len(p.rows) for p in two.players.values()]
    assert other != table
    assert money > 0.0


@pytest.mark.parametrize(
    ("one", "other", "contradict"),
    [
        (("exact", 3.0), ("exact", 3.0 + 1e-9), False),
        (("exact", 3.0), ("epsilon-nash", 3.1), True),
        (("exact", 3.0), ("infeasible", INF), True),
        (("infeasible", INF), ("unbounded", INF), True),
        (("infeasible", INF), ("infeasible", INF), False),
        (("exact", 3.0), ("kkt-consistent", 9.0), False),
        (("undecided", INF), ("infeasible", INF), False),
    ],
)
def test_what_contradicts_what(one: tuple[str, float], other: tuple[str, float], contradict: bool) -> None:
    said = [fuzz.Said(way, *each) for way, each in (("a", one), ("b", other))]
    assert fuzz.contradict(said[0], said[1]) is contradict
    assert fuzz.contradict(said[1], said[0]) is contradict


def test_a_false_verdict_on_a_program_is_found_and_written(tmp_path: Path) -> None:
    """One of two whole numbers up to 1: at most 1, and 0.5 each is what a tolerance may make of it."""
    instance = Instance(
        sp.csr_array(np.array([[2.0, 2.0]])), np.array([-1.0, -1.0]), np.array([-INF]), np.array([2.0]), np.zeros(2),
        np.ones(2),
    )  # fmt: skip
    whole = np.array([True, True])
    good = MixedSolution(Status.OPTIMAL, np.array([1.0, 0.0]), -1.0, -1.0, 0.0)
    said: dict[str, MixedSolution | str] = {
        "right": good,
        "infeasible": MixedSolution(Status.INFEASIBLE, np.zeros(0), INF, INF, 0.0),
        "worse": replace(good, x=np.zeros(2), objective=0.0, bound=0.0),
        "leak": replace(good, objective=-1.5, bound=-1.5),
        "silent": "gave up",
    }
    assert set(fuzz.false_verdicts(instance, whole, said)) == {"infeasible", "worse", "leak"}
    fuzz.write_program(instance, whole, tmp_path / "program.mps")
    assert "MARKER" in (tmp_path / "program.mps").read_text()


def test_a_contradiction_is_written_as_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(
        [fuzz.Said("as it is", "exact", 1.0), fuzz.Said("scaled", "exact", 2.0), fuzz.Said("G", "exact", 1.0)]
    )
    monkeypatch.setattr(fuzz, "_solved", lambda *_: next(answers))
    assert fuzz.fuzz_games(1, 6, tmp_path).ratio == 1.0
    assert sorted(f.name for f in tmp_path.iterdir()) == ["game-6-0-scaled.json", "game-6-0.json", "game-6-0.txt"]
    assert read_game(tmp_path / "game-6-0.json").players
    assert "scaled: exact 2.0" in (tmp_path / "game-6-0.txt").read_text()
