"""Best responses in turn, step by step against numbers of a duopoly that are known on paper."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from equilibrium.complementarity.branch import End, Outcome
from equilibrium.deadline import Deadline
from equilibrium.games import Game
from equilibrium.games import best_response as module
from equilibrium.games.best_response import BestResponse, Profile, reconcile
from equilibrium.games.compiled import CompiledGame, compile_game


def duopoly(top: float = 60.0) -> CompiledGame:
    """Firm k earns (90 - k - q0 - q1) q_k: it answers q with (90 - k - q) / 2."""
    game = Game("duopoly")
    firms = [game.leader(f"firm{k}", "max") for k in range(2)]
    q = [firm.variable(f"q{k}", 0, top) for k, firm in enumerate(firms)]
    for k, firm in enumerate(firms):
        firm.objective = (90 - k - q[0] - q[1]) * q[k]
        firm.row("cap", q[k] <= 50)
    return compile_game(game)


def search(compiled: CompiledGame, scheme: str = "gauss-seidel", order: tuple[int, ...] = (0, 1)) -> BestResponse:
    return BestResponse(compiled, scheme, order, "auto", "auto", Deadline())


def test_a_profile_has_every_leaders_best_deviation_and_the_largest_relative_regret() -> None:
    """At (40, 0): firm 0 earns 2000 and would 2025 at 45; firm 1 earns 0 and would 24.5^2 = 600.25 at 24.5."""
    here = search(duopoly())
    profile = here.evaluate(np.array([40.0, 0.0]))
    assert [profile.outcomes[name].value for name in ("firm0", "firm1")] == pytest.approx([-2025.0, -600.25])
    assert profile.regret == pytest.approx(600.25)
    assert (profile.usable, profile.excluded) == (True, True)
    moves = here.deviations(profile)
    assert sorted(moves) == [0, 1]
    assert [*moves[0], *moves[1]] == pytest.approx([45.0, 24.5])
    alone = here.evaluate(np.array([40.0, 24.5]))  # only firm 0 gains: 32.75 * 32.75 for 40 * 25.5
    assert list(here.deviations(alone)) == [0]
    assert alone.regret == pytest.approx((32.75**2 - 1020.0) / 1020.0)
    assert here._gain(alone.w, alone.outcomes) == pytest.approx((32.75**2 - 1020.0) / 1020.0)


def test_an_equilibrium_has_no_regret_and_is_not_excluded() -> None:
    profile = search(duopoly()).evaluate(np.array([91 / 3, 88 / 3]))
    assert profile.regret == pytest.approx(0.0, abs=1e-9)
    assert not profile.excluded
    assert search(duopoly()).deviations(profile) == {}


def test_a_profile_outside_a_leaders_own_rows_is_no_profile() -> None:
    here = search(duopoly())
    profile = here.evaluate(np.array([55.0, 0.0]))
    assert profile.regret == np.inf
    assert not profile.usable


@pytest.mark.parametrize(
    ("scheme", "order", "moved"),
    [
        ("gauss-seidel", (0, 1), [45.0, 22.0]),
        ("gauss-seidel", (1, 0), [22.75, 44.5]),
        ("jacobi", (0, 1), [45.0, 44.5]),
    ],
)
def test_leaders_move_in_turn_or_at_once(scheme: str, order: tuple[int, ...], moved: list[float]) -> None:
    here = search(duopoly(), scheme, order)
    profile = here.evaluate(np.zeros(2))
    there = here._move(profile)
    assert there is not None
    assert there == pytest.approx(moved)
    assert profile.w.tolist() == [0.0, 0.0]


def test_who_gains_nothing_stays() -> None:
    """Firm 1 is at its best response to 40 already: at once, only firm 0 moves; in turn, firm 1 follows it."""
    profile = search(duopoly()).evaluate(np.array([40.0, 24.5]))
    assert search(duopoly(), "jacobi")._move(profile) == pytest.approx([32.75, 24.5])
    assert search(duopoly())._move(profile) == pytest.approx([32.75, (89 - 32.75) / 2])
    rest = search(duopoly()).evaluate(np.array([91 / 3, 88 / 3]))
    assert search(duopoly())._move(rest) == pytest.approx([91 / 3, 88 / 3])


@pytest.mark.parametrize(("better", "gains"), [(2e-12, True), (0.5e-12, False), (0.0, False), (-1.0, False)])
def test_a_gain_is_relative_to_the_value(better: float, gains: bool) -> None:
    """Firm 0 earns 2000 at (40, 0): it moves for more than 1e-12 of that."""
    compiled = duopoly()
    agent, w = compiled.leaders[0], np.array([40.0, 0.0])
    outcome = Outcome(End.OPTIMAL, w, -2000.0 - 2000.0 * better, -2000.0, 0, 0.0)
    assert search(compiled)._gains(agent, w, outcome) is gains


def test_who_is_outside_its_rows_moves_for_nothing() -> None:
    compiled = duopoly()
    outcome = Outcome(End.OPTIMAL, np.zeros(2), 1e9, 1e9, 0, 0.0)
    assert search(compiled)._gains(compiled.leaders[0], np.array([51.0, 0.0]), outcome) is True


def told(
    monkeypatch: pytest.MonkeyPatch, regrets: list[float], decisions: list[float | None], **more: object
) -> tuple[object, int, str, tuple]:
    """Let one leader move from decision to decision with regrets as told: best regret, rounds, ending, cycle."""
    here = search(duopoly())
    given, path = iter(regrets), iter(decisions)

    def evaluate(w: np.ndarray) -> Profile:
        return Profile(w.copy(), more.get("outcomes", {}), next(given))  # type: ignore[arg-type]

    def move(_: Profile) -> np.ndarray | None:
        there = next(path)
        return None if there is None else np.array([there, 0.0])

    monkeypatch.setattr(here, "evaluate", evaluate)
    monkeypatch.setattr(here, "_move", move)
    monkeypatch.setattr(here, "_sharpened", more.get("sharpened", lambda profile, *_: profile))
    if "deadline" in more:
        here.deadline = more["deadline"]  # type: ignore[assignment]
    run = here.run(np.array([1.0, 0.0]))
    best = None if run.best is None else run.best.regret
    return best, run.rounds, run.ending, tuple(each.tolist() for each in run.cycle)


def test_how_a_run_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch, [5.0, 1e-10], [2.0]) == (1e-10, 2, "settled", ())
    assert told(monkeypatch, [5.0, 3.0], [2.0, None]) == (
        3.0,
        2,
        "a leader has no response to its rivals' decisions: a generalised game",
        (),
    )
    # From 1 to 2, 3 and back to 2: the circle is 2, 3, and the best of all was the first 3.
    cycle = ([2.0, 0.0], [3.0, 0.0])
    assert told(monkeypatch, [5.0, 4.0, 2.0, 4.0], [2.0, 3.0, 2.0]) == (2.0, 4, "cycle", cycle)
    assert told(monkeypatch, [5.0, 4.0], [1.0 + 1e-12]) == (4.0, 1, "standstill", ())
    assert told(monkeypatch, [5.0, 6.0], [1.0 + 1e-12]) == (5.0, 1, "standstill", ())
    lost = {"firm0": Outcome(End.UNBOUNDED, None, -np.inf, -np.inf, 0, 0.0)}
    assert told(monkeypatch, [np.inf], [], outcomes=lost) == (None, 1, "unbounded: firm0 gains without limit", ())
    monkeypatch.setattr(module, "MAX_ROUNDS", 2)
    assert told(monkeypatch, [5.0, 4.0], [2.0, 3.0]) == (4.0, 2, "round limit", ())


def test_decisions_repeat_to_eight_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    """From 1 to 2, 3 and nearly 2 again, or to 3 by way of what differs in the eighth digit."""
    ended = told(monkeypatch, [5.0, 4.0, 2.0, 3.0], [2.0, 3.0, 2.0 + 2e-9])
    assert ended[:3] == (2.0, 4, "cycle")
    ended = told(monkeypatch, [5.0, 4.0, 2.0, 0.0], [2.0, 3.0, 2.0 + 3e-8])
    assert ended[:3] == (0.0, 4, "settled")


def test_a_run_whose_time_is_over_keeps_the_best_point_met(monkeypatch: pytest.MonkeyPatch) -> None:
    over = SimpleNamespace(passed=True, what="time limit")
    assert told(monkeypatch, [5.0], [None], deadline=over) == (5.0, 1, "time limit", ())
    assert told(monkeypatch, [5.0], [2.0], deadline=over) == (5.0, 2, "time limit", ())
    here = search(duopoly())
    monkeypatch.setattr(here, "respond_jointly", lambda _: None)
    run = here.run(np.zeros(2))
    assert (run.best, run.rounds, run.ending) == (None, 0, "the followers have no response to the start")
    here.deadline = over  # type: ignore[assignment]
    assert here.run(np.zeros(2)).ending == "time limit"


def test_the_stationary_point_of_the_piece_ends_a_slow_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried in the third round, at any distance, and taken where it is an equilibrium."""
    reaches = []

    def sharpened(profile: Profile, *reach: float) -> Profile:
        reaches.append(reach)
        return Profile(profile.w, {}, 0.0)

    ended = told(monkeypatch, [5.0, 4.0, 3.0], [2.0, 3.0], sharpened=sharpened)
    assert ended == (0.0, 3, "settled at the stationary point of the piece reached", ())
    assert reaches == [(module.FAR,)]


@pytest.mark.parametrize(("again", "taken"), [(1e-7, True), (4.0, True), (5.0, True), (5.1, False)])
def test_a_stationary_point_beside_is_taken_where_it_is_no_worse(
    monkeypatch: pytest.MonkeyPatch, again: float, taken: bool
) -> None:
    here = search(duopoly())
    before = Profile(np.zeros(2), {}, 5.0)
    monkeypatch.setattr(module, "stationary_beside", lambda *_: np.ones(2))
    monkeypatch.setattr(here, "evaluate", lambda w: Profile(w, {}, again))
    after = here._sharpened(before)
    assert (after.w.tolist(), after.regret) == (([1.0, 1.0], again) if taken else ([0.0, 0.0], 5.0))
    monkeypatch.setattr(module, "stationary_beside", lambda *_: None)
    assert here._sharpened(before) is before


def test_the_response_with_the_least_largest_regret() -> None:
    """One's regret is 2y - 1.5, the other's 6.25 - y: of y in [0, 6] the larger is least where they are one."""
    game = Game("two wishes")
    one, two, follower = game.leader("one"), game.leader("two"), game.follower("follower")
    x, z = one.variable("x", 0, 1), two.variable("z", 0, 1)
    y = follower.variable("y", 0, 6)
    one.objective, two.objective = x + 2 * y - 2, z + 5 - y
    compiled = compile_game(game)
    w = np.array([0.5, 0.25, 0.0])
    chosen = reconcile(compiled, w, {"one": 0.0, "two": -1.0}, Deadline())
    assert chosen is not None
    assert dict(zip(compiled.names, chosen, strict=True)) == pytest.approx({"x": 0.5, "z": 0.25, "y": 7.75 / 3.0})
    # Worth 4 to one, its regret counts a quarter: (0.5 + 2y - 6) / 4 = 6.25 - y, so y = 30.5 / 6.
    chosen = reconcile(compiled, w, {"one": 4.0, "two": -1.0}, Deadline())
    assert chosen is not None
    assert chosen[compiled.names.index("y")] == pytest.approx(30.5 / 6.0)
