"""A time limit returns the best point met, its proven gap, and no certificate; also from the command line."""

import json
import time
from pathlib import Path

import numpy as np
import pytest

from equilibrium.games import Game, total, write_game
from sim.cli import main


def large(leaders: int) -> Game:
    """A bilevel program (or a game among leaders) with 84 complementarity pairs that takes seconds to prove."""
    rng = np.random.default_rng(7)
    game = Game("larger")
    players = [game.leader(f"leader{k}") for k in range(leaders)]
    follower = game.follower("follower")
    x = [v for k, player in enumerate(players) for v in player.vector(f"x{k}", 8 // leaders, 0.0, 10.0)]
    y = follower.vector("y", 16, 0.0, 10.0)
    for player in players:
        player.objective = total([c * v for c, v in zip(rng.normal(size=24), [*x, *y], strict=True)])
    follower.objective = total([c * v for c, v in zip(rng.normal(size=16), y, strict=True)])
    for r in range(20):
        body = total([c * v for c, v in zip(rng.normal(size=24), [*x, *y], strict=True)])
        follower.row(f"r{r}", body <= float(rng.uniform(5, 20)))
    return game


@pytest.mark.parametrize("method", ["auto", "complementarity-bb", "kkt-sos1"])
@pytest.mark.parametrize("limit", [1e-3, 0.1])
def test_one_leader(method: str, limit: float) -> None:
    game = large(1)
    start = time.perf_counter()
    answer = game.solve(method=method, time_limit_s=limit)
    assert time.perf_counter() - start < limit + 5.0
    assert answer.verdict == "time-limit"
    assert not answer.certified
    low, high = answer.players["leader0"].regret
    assert 0.0 <= low < high < np.inf
    assert answer.certificate.epsilon == pytest.approx(high)
    # The point is one: every follower responds, every row holds.
    assert answer.certificate.primal < 1e-7
    assert answer.players["follower"].regret[1] < 1e-6
    assert any("proven bound" in note and "gap" in note for note in answer.notes)


@pytest.mark.parametrize("limit", [1e-3, 0.2])
def test_several_leaders(limit: float) -> None:
    start = time.perf_counter()
    answer = large(2).solve(time_limit_s=limit)
    assert time.perf_counter() - start < limit + 5.0
    assert answer.verdict == "time-limit"
    assert not answer.certified
    for k in range(2):
        low, high = answer.players[f"leader{k}"].regret
        assert 0.0 <= low <= high < np.inf
    assert answer.certificate.epsilon > 1e-3
    assert answer.certificate.primal < 1e-7
    assert any(note.startswith("time limit") for note in answer.notes)


def test_finite_leaders() -> None:
    """All 4096 profiles would take minutes; what was seen by then is returned."""
    game = Game("many profiles")
    leaders = [game.leader(f"leader{k}") for k in range(2)]
    x = [leader.variable(f"x{k}", 0, 62, integer=True) for k, leader in enumerate(leaders)]
    follower = game.follower("follower")
    y = follower.variable("y", 0, 200)
    follower.row("need", y >= x[0] + x[1] - 7.5)
    follower.objective = y
    leaders[0].objective = (x[0] - x[1]) ** 2 + y
    leaders[1].objective = -1 * (x[0] - x[1]) ** 2 + y
    answer = game.solve(time_limit_s=0.2)
    assert answer.seconds < 5.0
    assert answer.verdict == "time-limit"
    assert 0.0 < answer.certificate.epsilon < np.inf


def test_verification() -> None:
    game = large(1)
    point = game.solve(time_limit_s=0.01)
    answer = game.verify(point.variables, time_limit_s=0.01)
    assert answer.verdict == "time-limit"
    assert 0.0 < answer.players["leader0"].regret[1] < np.inf
    wrong = dict(point.variables) | {"y[0]": 11.0}
    assert game.verify(wrong, time_limit_s=0.01).verdict == "infeasible"


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for leaders in (1, 2):
        path, point = tmp_path / f"game{leaders}.json", tmp_path / f"point{leaders}.json"
        write_game(large(leaders), path)
        assert main(["solve", str(path), "--time-limit", "0.1"]) == 1
        text = capsys.readouterr().out
        assert "time-limit" in text
        assert "not certified" in text
        assert "time limit: " in text
        assert main(["solve", str(path), "--time-limit", "0.1", "--json"]) == 1
        answer = capsys.readouterr().out
        parsed = json.loads(answer)
        assert parsed["verdict"] == "time-limit"
        assert parsed["certificate"]["epsilon"] > 1e-3
        point.write_text(answer)
        assert main(["verify", str(path), str(point), "--time-limit", "0.05"]) == 1
        assert "time-limit" in capsys.readouterr().out
