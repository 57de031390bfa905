"""A limit returns the best point met, its proven gap, and no certificate; also from the command line.

No test here waits for the machine: the limit is a number of nodes, a clock of the test's own, or a nanosecond, which is
over at the first look on any machine.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from equilibrium.complementarity.sos1 import scip_is_installed
from equilibrium.errors import InputError
from equilibrium.games import Equilibrium, Game, Options, solve_game, total, write_game
from sim.cli import main

NANOSECOND = "1e-9"


class Clock:
    """Stands still for some looks; from then on the time is over."""

    def __init__(self, looks: int) -> None:
        self.looks, self.late = looks, 0

    def __call__(self) -> float:
        self.looks -= 1
        self.late += self.looks < 0
        return 0.0 if self.looks >= 0 else 1e9


def large(leaders: int) -> Game:
    """A bilevel program (or a game among leaders) with 84 complementarity pairs that takes thousands of nodes."""
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


def check_one_leader(answer: Equilibrium, limit: str) -> None:
    assert answer.verdict == "time-limit"
    assert not answer.certified
    low, high = answer.players["leader0"].regret
    assert 0.0 <= low < high < np.inf
    assert answer.certificate.epsilon == pytest.approx(high)
    # The point is one: every follower responds, every row holds.
    assert answer.certificate.primal < 1e-7
    assert answer.players["follower"].regret[1] < 1e-6
    assert any(note.startswith(f"{limit} limit: best value") and "gap" in note for note in answer.notes)


@pytest.mark.parametrize("method", ["auto", "complementarity-bb", "kkt-sos1"])
@pytest.mark.parametrize("nodes", [1, 100])
def test_one_leader_and_a_limit_of_nodes(method: str, nodes: int) -> None:
    check_one_leader(large(1).solve(method=method, node_limit=nodes), "node")


@pytest.mark.skipif(not scip_is_installed(), reason="the optional extra equilot[scip]")
@pytest.mark.parametrize("options", [{"node_limit": 100}, {"time_limit_s": float(NANOSECOND)}])
def test_one_leader_with_scip(options: dict[str, float]) -> None:
    answer = large(1).solve(method="kkt-sos1", solver="scip", **options)
    check_one_leader(answer, "node" if "node_limit" in options else "time")


@pytest.mark.parametrize("method", ["auto", "complementarity-bb", "kkt-sos1"])
def test_one_leader_whose_time_is_over_at_once(method: str) -> None:
    clock = Clock(1)
    check_one_leader(solve_game(large(1), Options(method=method, clock=clock)), "time")
    check_one_leader(large(1).solve(method=method, time_limit_s=float(NANOSECOND)), "time")
    assert clock.late < 20


def test_the_search_looks_at_the_clock_at_every_node() -> None:
    clocks = Clock(10), Clock(400)
    answers = [solve_game(large(1), Options(method="complementarity-bb", clock=clock)) for clock in clocks]
    for answer, clock in zip(answers, clocks, strict=True):
        check_one_leader(answer, "time")
        assert clock.late < 20
    assert answers[1].certificate.epsilon < answers[0].certificate.epsilon


def test_a_limit_of_nodes_gives_the_same_answer_again() -> None:
    one, other = (large(1).solve(node_limit=100) for _ in range(2))
    assert one.variables == other.variables
    assert one.players == other.players


def test_a_limit_that_is_not_reached_changes_nothing() -> None:
    game = Game("small")
    leader, follower = game.leader("leader"), game.follower("follower")
    x, y = leader.variable("x", 0.0, 10.0), follower.variable("y", 0.0, 10.0)
    leader.objective, follower.objective = (x - 3) ** 2 + y, (y - x) ** 2
    free, limited = game.solve(), game.solve(node_limit=10_000)
    assert free.verdict == limited.verdict == "exact"
    assert free.variables == limited.variables


@pytest.mark.parametrize("options", [{"node_limit": 20}, {"time_limit_s": float(NANOSECOND)}])
def test_several_leaders(options: dict[str, float]) -> None:
    answer = large(2).solve(**options)
    assert answer.verdict == "time-limit"
    assert not answer.certified
    for k in range(2):
        low, high = answer.players[f"leader{k}"].regret
        assert 0.0 <= low <= high < np.inf
    assert answer.certificate.epsilon > 1e-3
    assert answer.certificate.primal < 1e-7
    limit = "node limit: " if "node_limit" in options else "time limit: "
    assert any(note.startswith(limit) for note in answer.notes)


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
    answer = game.solve(node_limit=200)
    assert answer.verdict == "time-limit"
    assert 0.0 < answer.certificate.epsilon < np.inf
    assert answer.notes == ("node limit: the best point met so far; a regret's upper end is its proven gap",)


def test_verification() -> None:
    game = large(1)
    point = game.solve(node_limit=1)
    answer = game.verify(point.variables, node_limit=1)
    assert answer.verdict == "time-limit"
    assert 0.0 < answer.players["leader0"].regret[1] < np.inf
    wrong = dict(point.variables) | {"y[0]": 11.0}
    assert game.verify(wrong, node_limit=1).verdict == "infeasible"


@pytest.mark.parametrize("options", [{"node_limit": 0}, {"time_limit_s": 0.0}, {"time_limit_s": float("nan")}])
def test_a_limit_is_positive(options: dict[str, float]) -> None:
    with pytest.raises(InputError, match=r"limit: got .*, expected (a positive|at least 1)"):
        large(1).solve(**options)


@pytest.mark.parametrize("leaders", [1, 2])
@pytest.mark.parametrize("limit", [("--node-limit", "1"), ("--time-limit", NANOSECOND)], ids=["nodes", "time"])
def test_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], leaders: int, limit: tuple[str, str]
) -> None:
    path, point = tmp_path / "game.json", tmp_path / "point.json"
    write_game(large(leaders), path)
    assert main(["solve", str(path), *limit]) == 9
    text = capsys.readouterr().out
    assert "time-limit" in text
    assert "not certified" in text
    assert f"{limit[0].removeprefix('--').replace('-', ' ')}: " in text
    assert main(["solve", str(path), *limit, "--json"]) == 9
    answer = capsys.readouterr().out
    parsed = json.loads(answer)
    assert parsed["verdict"] == "time-limit"
    assert parsed["certificate"]["epsilon"] > 1e-3
    point.write_text(answer)
    assert main(["verify", str(path), str(point), *limit]) == 9
    assert "time-limit" in capsys.readouterr().out
