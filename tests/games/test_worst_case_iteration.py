"""How pessimistic leaders who move in turn come to an end, with worst cases and best decisions as told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.complementarity.branch import End, Outcome
from equilibrium.games import worst_case
from equilibrium.games.best_response import FEASIBLE, SETTLED
from equilibrium.games.worst_case import Point, Worst

INF = float("inf")


def told(
    regrets: list[float],
    moves: list[float | None],
    *,
    value: float = 10.0,
    gains: float = 5.0,
    end: End = End.OPTIMAL,
    over: int = 99,
) -> tuple[float | None, str, list[list[float]]]:
    """Let one of two leaders move as told, its gain at each move too: best regret, ending, decisions that were judged.

    The time is over when it is asked for the ``over``-th time.
    """
    given, path, asked = iter(regrets), iter(moves), iter(range(999))
    seen: list[list[float]] = []

    def judge(w: np.ndarray) -> Point:
        seen.append(w.tolist())
        return Point(w, {}, {}, 0.0, next(given))

    def best(agent: Any, _: np.ndarray) -> Outcome:
        if agent.name == "other":
            return Outcome(End.OPTIMAL, np.full(2, 77.0), value, value)
        there = next(path)
        v = None if there is None else np.array([there, -1.0])
        return Outcome(end, v, value - gains, 0.0)

    class Deadline:
        what = "time limit"

        @property
        def passed(self) -> bool:
            return next(asked) >= over

    leaders = [SimpleNamespace(name=name, own=np.array([k])) for k, name in enumerate(("one", "other"))]
    pessimists = SimpleNamespace(
        judge=judge,
        best=best,
        worst=lambda _a, w: Worst(w, value, value),
        decided=np.array([0]),
        deadline=Deadline(),
        compiled=SimpleNamespace(leaders=leaders),
    )
    point, said = worst_case._iterate(pessimists, np.array([1.0, 4.0]))  # type: ignore[arg-type]
    return None if point is None else point.regret, said, seen


def test_leaders_move_for_a_gain_alone_and_settle() -> None:
    """The other one, who gains nothing, stays at 4."""
    assert told([5.0, SETTLED], [2.0]) == (SETTLED, "settled after 2 rounds", [[1.0, 4.0], [2.0, 4.0]])
    assert told([5.0, 1.1 * SETTLED, 0.0], [2.0, 3.0])[1] == "settled after 3 rounds"
    still = told([5.0, 4.0], [2.0], gains=0.9e-2 * SETTLED * 10.0)
    assert still == (4.0, "cycle of length 1 after 2 rounds", [[1.0, 4.0]] * 2)
    assert told([5.0, 0.0], [2.0], gains=1.1e-2 * SETTLED * 10.0)[2] == [[1.0, 4.0], [2.0, 4.0]]


def test_decisions_repeat_to_eight_digits() -> None:
    """From 1 to 2, 3 and back to 2; the best of all is kept."""
    found = told([5.0, 4.0, 2.0, 3.0], [2.0, 3.0, 2.0 + 2e-9])
    assert found[:2] == (2.0, "cycle of length 2 after 4 rounds")
    assert told([5.0, 4.0, 2.0, 0.0], [2.0, 3.0, 2.0 + 3e-8])[1] == "settled after 4 rounds"


@pytest.mark.parametrize(
    ("moves", "end", "said"),
    [
        ([None], End.INFEASIBLE, "one has no best decision against its rivals': infeasible"),
        ([2.0], End.UNBOUNDED, "one has no best decision against its rivals': unbounded"),
    ],
)
def test_a_leader_without_a_best_decision_ends_it(moves: list[float | None], end: End, said: str) -> None:
    assert told([5.0, 4.0], moves, end=end)[:2] == (5.0, said)


def test_time_and_rounds_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told([5.0, 4.0], [2.0], over=0)[:2] == (5.0, "time limit after 1 rounds")
    assert told([5.0, 4.0, 3.0], [2.0, 3.0], over=3)[:2] == (4.0, "time limit after 2 rounds")
    monkeypatch.setattr(worst_case, "MAX_ROUNDS", 2)
    assert told([5.0, 4.0, 3.0], [2.0, 3.0, 4.0])[:2] == (4.0, "round limit")


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(("share", "fails"), [(0.9, False), (1.1, True), (-5.0, False)])
def test_a_row_fails_by_more_than_rounding_of_its_side(
    sign: float, share: float, fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relative to one more than the side of 3: at most, or at least, that much."""
    monkeypatch.setattr(worst_case, "_as_objective", lambda *given: given[1:])
    off = sign * share * FEASIBLE * 4.0
    agent = SimpleNamespace(activity=lambda _: np.array([9.0, -3.0 + off]), rhs=np.array([1.0, -3.0]))
    asked: list[object] = []

    def extreme(turned: object, fixed: object) -> Outcome:
        asked.append((turned, fixed))
        return Outcome(End.OPTIMAL, np.zeros(5), 0.0, 0.0)

    here = SimpleNamespace(_extreme=extreme, compiled=SimpleNamespace(size=2))
    assert worst_case.Pessimists._fails(here, agent, 1, sign, {0: 2.0}) is fails  # type: ignore[arg-type]
    assert asked == [((1, -sign), {0: 2.0})]
    for end, v in ((End.UNBOUNDED, np.zeros(5)), (End.INFEASIBLE, None)):
        here._extreme = lambda *_, end=end, v=v: Outcome(end, v, 0.0, 0.0)
        assert worst_case.Pessimists._fails(here, agent, 1, sign, {}) is True  # type: ignore[arg-type]
