"""One pessimistic leader: whether the best value is had, approached or open, step by step."""

from __future__ import annotations

import numpy as np
import pytest

from equilibrium.complementarity.branch import End, Outcome
from equilibrium.deadline import Deadline
from equilibrium.games import Game, attained
from equilibrium.games.attained import CLOSEST_STEP, STEPS, Best, best_attained, search_one
from equilibrium.games.compiled import compile_game
from equilibrium.games.worst_case import Pessimists, Search, Worst

INF = float("inf")


def jump(*, integer: bool = False, top: float = 4.0) -> Pessimists:
    """The leader wants x at 2 and pays y, of which the follower may take anything in [0, 1]; z is worth nothing."""
    game = Game("jump")
    leader, follower = game.leader("leader"), game.follower("follower")
    x, z = leader.variable("x", 0, top), leader.variable("z", 0, 1, integer=integer)
    y = follower.variable("y", 0, 1)
    leader.objective, follower.objective = (x - 2) ** 2 + y + 0 * z, 0.0 * y
    compiled = compile_game(game)
    return Pessimists(compiled, "auto", "auto", Deadline())


def found(end: End, value: float, bound: float, v: np.ndarray | None = None, reason: str = "") -> Outcome:
    return Outcome(end, v, value, bound, 3, 0.0, reason)


@pytest.mark.parametrize(
    ("other", "first"),
    [(None, []), ([2.0, 0.5, 0.0], []), ([4.0, 0.5, 0.0], [[1.0, 0.0]]), ([0.0, 1.0, 9.0], [[-1.0, 0.25]])],
)
def test_decisions_beside_a_jump(other: list[float] | None, first: list[list[float]]) -> None:
    """Towards another point first, then along each variable both ways, at three distances relative to 1 + size."""
    leader = jump().compiled.leaders[0]
    at = np.array([2.0, 0.5, 7.0])
    ways = [*first, [1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]
    wanted = [([2.0 + 3.0 * s * a, 0.5 + 1.5 * s * b, 7.0], s) for a, b in ways for s in STEPS]
    made = list(attained._beside(leader, at, None if other is None else np.array(other)))
    assert [step for _, step in made] == [step for _, step in wanted]
    assert np.array([w for w, _ in made]) == pytest.approx(np.array([w for w, _ in wanted]), rel=1e-13)
    assert at.tolist() == [2.0, 0.5, 7.0]


def test_decisions_beside_a_jump_keep_bounds_and_whole_numbers() -> None:
    leader = jump(integer=True).compiled.leaders[0]
    made = list(attained._beside(leader, np.array([4.0, 1.0, 0.0]), None))
    assert [step for _, step in made] == list(STEPS)  # down alone: up is the bound, and z is whole
    assert all(w[0] < 4.0 and w[1] == 1.0 for w, _ in made)


@pytest.fixture
def searched(monkeypatch: pytest.MonkeyPatch):
    """Return the search of one leader whose best decision and its word are told."""

    def search(outcome: Outcome, best: Best | None) -> Search:
        here = jump()
        monkeypatch.setattr(here, "best", lambda *_: outcome)
        monkeypatch.setattr(attained, "best_attained", lambda *_: best)
        return search_one(here)

    return search


def test_how_the_search_of_one_leader_ends(searched) -> None:
    w = np.array([2.0, 0.0, 1.0])
    optimal, cut = found(End.OPTIMAL, 4.0, 3.0, w), found(End.LIMIT, 4.0, 3.0, w, "told so")
    worst = Worst(w, 4.0, 5.0)
    ended = searched(optimal, Best(worst, optimal, ("noted",)))
    assert (ended.ending, ended.notes) == ("equilibrium", ("noted",))
    assert (ended.point.gain, ended.point.regret) == (0.0, pytest.approx(2.0 / 5.0))
    assert ended.point.w is w
    assert (ended.point.worst, ended.point.outcomes) == ({"leader": worst}, {"leader": optimal})
    ended = searched(cut, Best(worst, cut, ("noted",)))
    assert (ended.ending, ended.notes) == ("limit", ("told so", "noted"))
    ended = searched(optimal, Best(worst, optimal, ("noted",), limit=w))
    assert (ended.ending, ended.notes) == ("not attained", ("noted",))
    for end, word in ((End.UNBOUNDED, "unbounded"), (End.INFEASIBLE, "infeasible"), (End.LIMIT, "limit")):
        ended = searched(found(end, INF, -INF, reason="why"), None)
        assert (ended.ending, ended.point, ended.notes) == (word, None, ("why",))
    ended = searched(found(End.UNDECIDED, INF, -INF), None)
    assert (ended.ending, ended.notes) == ("open", ())
    ended = searched(found(End.UNBOUNDED, -INF, -INF), Best(worst, optimal))
    assert (ended.ending, ended.point) == ("unbounded", None)


def told(
    monkeypatch: pytest.MonkeyPatch,
    kind: Outcome,
    worst: dict[float, tuple[float, float] | None],
    outcome: Outcome,
    *,
    only: bool = False,
) -> Best | None:
    """Return the word on a value: the kind answer, worst cases by the leader's x, and the search's outcome."""
    here = jump()

    def judged(_: object, w: np.ndarray) -> Worst:
        value = worst[round(float(w[0]), 7)]
        return Worst(None, INF, INF) if value is None else Worst(w.copy(), *value)

    monkeypatch.setattr(here, "worst", judged)
    monkeypatch.setattr(attained, "decide", lambda *_: (kind, None))
    beside = [
        (np.array([x, 0.0, 0.0]), step) for x, step in ((2.1, STEPS[0]), (2.2, CLOSEST_STEP), (2.3, CLOSEST_STEP))
    ]
    monkeypatch.setattr(attained, "_beside", lambda *_: iter(beside))
    monkeypatch.setattr(attained, "_only", lambda *_: only)
    return best_attained(here, here.compiled.leaders[0], outcome)


KIND = found(End.OPTIMAL, 1.0, 1.0, np.array([2.0, 0.0, 0.0, 9.0]))
KNOWN = found(End.OPTIMAL, 6.0, 1.5, np.array([3.0, 0.0, 0.0]))


def test_a_value_that_the_followers_leave_where_they_help_is_had(monkeypatch: pytest.MonkeyPatch) -> None:
    best = told(monkeypatch, KIND, {2.0: (1.0, 1.0), 3.0: (6.0, 6.0)}, KNOWN)
    assert best is not None
    assert (best.outcome.end, best.outcome.value, best.outcome.bound, best.notes) == (End.OPTIMAL, 1.0, 1.0, ())
    assert best.worst.w is not None
    assert best.worst.w[0] == 2.0


NEAR = 1.0 + 19.0 * CLOSEST_STEP
"""Within ten times the closest distance, relative to 1 + 1, of the value 1."""


@pytest.mark.parametrize(
    ("only", "word"), [(True, "no decision attains it"), (False, "whether some decision attains it is open")]
)
def test_a_value_that_is_approached(monkeypatch: pytest.MonkeyPatch, only: bool, word: str) -> None:
    """Of two decisions that come near, the one that comes nearer is shown."""
    closer = 1.0 + CLOSEST_STEP
    worst = {2.0: (5.0, 5.0), 3.0: (6.0, 6.0), 2.1: (2.0, 2.0), 2.2: (NEAR, NEAR), 2.3: (closer, closer)}
    best = told(monkeypatch, KIND, worst, KNOWN, only=only)
    assert best is not None
    assert (best.worst.bound, best.outcome.value, best.outcome.bound) == (closer, closer, 1.0)
    assert best.outcome.end is End.OPTIMAL
    assert len(best.notes) == 1
    assert best.notes[0].startswith("the best value, 1, is approached as the decisions of leader go to (2, 0)")
    assert best.notes[0].endswith(word)
    assert (best.limit is not None) is only


@pytest.mark.parametrize(
    ("worst", "shown", "bound"),
    [
        # Nothing comes near: the best of all that is known, with the search's bound where that is not refuted.
        ({2.0: (5.0, 5.0), 3.0: (6.0, 6.0), 2.1: (2.0, 2.0), 2.2: (4.0, 4.0), 2.3: None}, 2.1, 1.5),
        ({2.0: (5.0, 5.0), 3.0: (4.0, 4.0), 2.1: (INF, INF), 2.2: (4.5, 4.5), 2.3: None}, 3.0, 1.5),
        ({2.0: (3.0, 3.0), 3.0: (4.0, 4.0), 2.1: None, 2.2: (4.5, 4.5), 2.3: None}, 2.0, 1.5),
        # A decision beside the jump is better than the search's bound says: only the kind bound is left.
        ({2.0: (5.0, 5.0), 3.0: (6.0, 6.0), 2.1: (1.25, 1.25), 2.2: (4.0, 4.0), 2.3: None}, 2.1, 1.0),
        ({2.0: (5.0, 5.0), 3.0: None, 2.1: (2.0, 2.0), 2.2: (4.0, 4.0), 2.3: None}, 2.1, 1.5),
    ],
)
def test_a_value_that_nothing_comes_near(
    monkeypatch: pytest.MonkeyPatch, worst: dict, shown: float, bound: float
) -> None:
    best = told(monkeypatch, KIND, worst, KNOWN)
    assert best is not None
    assert best.worst.w is not None
    assert best.worst.w[0] == shown
    assert (best.outcome.value, best.outcome.bound) == (worst[shown][0], bound)
    assert (best.notes, best.limit) == ((), None)


def test_what_is_known_without_a_kind_answer_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (found(End.LIMIT, INF, -INF), found(End.LIMIT, 1.0, -INF, np.zeros(3))):
        best = told(monkeypatch, kind, {3.0: (6.0, 6.0)}, KNOWN)
        assert best is not None
        assert (best.worst.value, best.outcome) == (6.0, KNOWN)
        assert told(monkeypatch, kind, {3.0: None}, KNOWN) is None
        assert told(monkeypatch, kind, {}, found(End.UNBOUNDED, -INF, -INF, np.array([3.0, 0.0, 0.0]))) is None
    nothing = dict.fromkeys((2.0, 2.1, 2.2, 2.3))
    assert told(monkeypatch, KIND, nothing, found(End.LIMIT, INF, 1.0)) is None


def test_whether_the_kind_value_is_had_at_one_decision_alone() -> None:
    """x = 2 alone has the value 0; z is free, so that of both decisions no point is the only one."""
    here = jump()
    leader = here.compiled.leaders[0]
    assert not attained._only(here, leader, np.array([2.0, 0.0, 0.0]), 0.0)  # quadratic: nothing is proved
    game = Game("line")
    one, follower = game.leader("one"), game.follower("follower")
    x = one.variable("x", 0, 4)
    y = follower.variable("y", 0, 1)
    one.objective, follower.objective = x + y, 0.0 * y
    made = Pessimists(compile_game(game), "auto", "auto", Deadline())
    leader = made.compiled.leaders[0]
    assert attained._only(made, leader, np.array([0.0, 0.0]), 0.0)
    assert not attained._only(made, leader, np.array([1.0, 0.0]), 0.0)
    assert not attained._only(made, leader, np.array([0.0, 0.0]), 1.0)  # all of [0, 1] has it
    assert attained._reach(made, leader, 0, 1.0, 1.0) == pytest.approx(0.0, abs=1e-8)
    assert attained._reach(made, leader, 0, -1.0, 1.0) == pytest.approx(1.0, abs=1e-6)
    assert attained._reach(made, leader, 0, 1.0, -1.0) is None
