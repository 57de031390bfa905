"""Pessimistic answers against closed forms and exhaustive search: one leader, several leaders, several followers."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from equilibrium.complementarity.branch import End
from equilibrium.errors import InputError
from equilibrium.games import Game, worst_case
from equilibrium.games.compiled import compile_game
from equilibrium.games.pessimistic import pessimistic_game


def careless(*weights: float) -> Game:
    """Leaders choose x_k near k + 2 and pay weight * y; the follower takes any y of [0, sum of x]."""
    game = Game("careless")
    leaders = [game.leader(f"l{k}") for k in range(len(weights))]
    x = [leader.variable(f"x{k}", 0, 10) for k, leader in enumerate(leaders)]
    follower = game.follower("follower")
    y = follower.variable("y", 0)
    follower.row("cap", y <= sum(x[1:], x[0]))
    for k, (leader, weight) in enumerate(zip(leaders, weights, strict=True)):
        leader.objective = (x[k] - 2 - k) ** 2 + weight * y
    return game


def test_leaders_with_the_same_worst_case() -> None:
    answer = careless(1, 1).solve(attitude="pessimistic")
    assert answer.certified
    assert answer.variables == pytest.approx({"x0": 1.5, "x1": 2.5, "y": 4.0}, abs=1e-6)
    assert answer.players["l0"].objective == pytest.approx(4.25)
    assert answer.players["l1"].objective == pytest.approx(4.25)
    assert answer.players["l0"].range == pytest.approx((0.25, 4.25), abs=1e-6)
    kind = careless(1, 1).solve()
    assert kind.players["l0"].objective == pytest.approx(0.0, abs=1e-9)


def test_every_leader_has_a_worst_case_of_its_own() -> None:
    game = careless(1, -1)
    answer = game.solve(attitude="pessimistic")
    assert answer.certified
    assert (answer.variables["x0"], answer.variables["x1"]) == pytest.approx((1.5, 3.0), abs=1e-6)
    assert answer.players["l0"].objective == pytest.approx(4.75)
    assert answer.players["l1"].objective == pytest.approx(0.0, abs=1e-9)
    assert any("own worst case" in note for note in answer.notes)
    again = game.verify(answer.variables, attitude="pessimistic", certify="full")
    assert again.certified
    assert sum(note.startswith("second opinion") for note in again.notes) == 2
    moved = game.verify({"x0": 2.5, "x1": 3.0, "y": 0.0}, attitude="pessimistic")
    assert moved.verdict == "kkt-consistent"
    # At 2.5 it is 0.25 + 5.5 in the worst case; at 1.5 it would be 4.75.
    assert moved.players["l0"].regret == pytest.approx((1.0, 1.0), abs=1e-6)


def test_several_followers_that_do_not_see_each_other() -> None:
    game = Game("two followers")
    leader = game.leader("leader")
    x = leader.variable("x", 0, 10)
    y = []
    for k in range(2):
        follower = game.follower(f"f{k}")
        y.append(follower.variable(f"y{k}", 0))
        follower.row("cap", y[k] <= x)
    leader.objective = (x - 2) ** 2 + y[0] + y[1]
    answer = game.solve(attitude="pessimistic")
    assert answer.certified
    assert answer.variables == pytest.approx({"x": 1.0, "y0": 1.0, "y1": 1.0}, abs=1e-6)


def test_a_follower_that_is_curved_in_one_direction_only() -> None:
    """It wants y1 + y2 = x and leaves open who bears it."""
    game = Game("flat valley")
    leader, follower = game.leader("leader"), game.follower("follower")
    x = leader.variable("x", 0, 10)
    y1, y2 = follower.variable("y1", 0, 10), follower.variable("y2", 0, 10)
    follower.objective = (y1 + y2 - x) ** 2
    leader.objective = (x - 2) ** 2 + 2 * y1
    assert game.solve().players["leader"].objective == pytest.approx(0.0, abs=1e-8)
    answer = game.solve(attitude="pessimistic")
    assert answer.certified
    assert answer.variables == pytest.approx({"x": 1.0, "y1": 1.0, "y2": 0.0}, abs=1e-6)
    assert answer.players["leader"].objective == pytest.approx(3.0)


@pytest.mark.parametrize(("sense", "x"), [("<=", 3.0), (">=", 2.0)])
def test_a_row_of_the_leader_holds_for_every_response(sense: str, x: float) -> None:
    """The follower takes any y of [x - 2, x]; y <= 3 for all of them means x <= 3, y >= 0 for all means x >= 2."""
    game = Game("coupled")
    leader, follower = game.leader("leader", "max" if sense == "<=" else "min"), game.follower("follower")
    decision, y = leader.variable("x", -5, 10), follower.variable("y", -20, 20)
    follower.row("top", y <= decision)
    follower.row("bottom", y >= decision - 2)
    leader.objective = decision
    leader.row("limit", y <= 3 if sense == "<=" else y >= 0)
    answer = game.solve(attitude="pessimistic")
    assert answer.certified
    assert answer.variables["x"] == pytest.approx(x)
    kind = game.solve()
    assert kind.variables["x"] == pytest.approx(5.0 if sense == "<=" else 0.0)
    assert game.verify(kind.variables, attitude="pessimistic").certificate.epsilon == float("inf")


def test_worst_multipliers_of_two_followers() -> None:
    """Each follower's row is there twice, so that its multiplier is anything of [0, 1]; the leader is paid both."""
    game = Game("two degenerate markets")
    leader = game.leader("leader", "max")
    x = leader.variable("x", 0, 5)
    prices = []
    for k in range(2):
        follower = game.follower(f"f{k}")
        y = follower.variable(f"y{k}", 0)
        follower.objective = y
        prices.append(follower.row("one", y >= x, dual=f"lam{k}").dual)
        follower.row("two", y >= x)
    leader.objective = prices[0] + prices[1] - x
    assert game.solve().players["leader"].objective == pytest.approx(2.0)
    answer = game.solve(attitude="pessimistic")
    assert answer.certified
    assert answer.players["leader"].objective == pytest.approx(0.0, abs=1e-8)
    assert answer.variables["x"] == pytest.approx(0.0, abs=1e-8)


def finite(payoff: np.ndarray, share: np.ndarray) -> Game:
    """Two leaders with two moves each lose ``payoff + share * y``; y of [0, 1] is the careless follower's."""
    game = Game("finite")
    leaders = [game.leader(name) for name in ("row", "column")]
    i, j = (leader.variable(name, 0, 1, integer=True) for leader, name in zip(leaders, "ij", strict=True))
    follower = game.follower("follower")
    y = follower.variable("y", 0, 1)
    for leader, p, s in zip(leaders, payoff.astype(float).tolist(), share.astype(float).tolist(), strict=True):
        (a, b), (c, d) = p
        # The share depends on the leader's own move only: a product of three would be no game of this format.
        own = i if leader.name == "row" else j
        leader.objective = a + (c - a) * i + (b - a) * j + (a - b - c + d) * i * j + (s[0] + (s[1] - s[0]) * own) * y
    return game


def test_finite_games_against_exhaustive_search() -> None:
    rng = np.random.default_rng(5)
    none = 0
    for _ in range(20):
        payoff, share = rng.integers(0, 4, (2, 2, 2)), rng.integers(-2, 3, (2, 2))
        worst = payoff + np.maximum(0, np.stack([share[0][:, None] + [[0, 0]], share[1][None, :] + [[0], [0]]]))
        pure = {
            (i, j)
            for i, j in itertools.product((0, 1), repeat=2)
            if worst[0, i, j] <= worst[0, 1 - i, j] and worst[1, i, j] <= worst[1, i, 1 - j]
        }
        answer = finite(payoff, share).solve(attitude="pessimistic")
        assert answer.certified == bool(pure)
        if pure:
            found = round(answer.variables["i"]), round(answer.variables["j"])
            assert found in pure
            assert answer.players["row"].objective == pytest.approx(worst[(0, *found)])
            assert answer.players["column"].objective == pytest.approx(worst[(1, *found)])
        else:
            none += 1
            assert answer.verdict == "no-pure-equilibrium"
            assert answer.notes[0] == "proved: none of 4 profiles is a pessimistic equilibrium"
            assert answer.certificate.epsilon >= 1.0
    assert none


def together(*, integer: bool) -> Game:
    """Two followers want to be where the other is; the leader may bet that this is not at 1."""
    game = Game("together")
    leader = game.leader("leader")
    x = leader.variable("x", 0, 1, integer=integer)
    one, two = game.follower("one"), game.follower("two")
    y, z = one.variable("y", 0, 1), two.variable("z", 0, 1)
    one.objective, two.objective = (y - z) ** 2, (y - z) ** 2
    leader.objective = 2 * x * y - x
    return game


def test_followers_that_see_each_other_before_few_decisions_of_the_leader() -> None:
    answer = together(integer=True).solve(attitude="pessimistic")
    assert answer.certified
    assert answer.variables["x"] == 0.0
    assert answer.players["leader"].objective == pytest.approx(0.0)
    assert together(integer=True).solve().players["leader"].objective == pytest.approx(-1.0)


def test_what_cannot_be_stated_is_refused_with_the_players_named() -> None:
    with pytest.raises(InputError, match=r"player leader: attitude.*few integer decisions.*problem of one contains"):
        together(integer=False).solve(attitude="pessimistic")
    curved = Game("bent")
    leader, follower = curved.leader("boss"), curved.follower("follower")
    x, y = leader.variable("x", 0, 1), follower.variable("y", 0, 1)
    leader.objective = x + (y - 0.5) ** 2
    follower.row("any", y <= x)
    with pytest.raises(InputError, match="objective of boss is curved"):
        curved.solve(attitude="pessimistic")


def test_no_pessimistic_equilibrium_ends_in_a_cycle() -> None:
    """Each leader's worst case follows the other's decision round the square: matching pennies on a line."""
    game = Game("chase")
    one, two, follower = game.leader("one"), game.leader("two"), game.follower("follower")
    x, z = one.variable("x", 0, 1), two.variable("z", 0, 1, integer=True)
    y = follower.variable("y", 0, 1)
    follower.row("cap", y <= x)
    one.objective = (1 - 2 * z) * x + 0.1 * y
    two.objective = 2 * z * x - z + 0.1 * y
    # One goes where z is 1 (to 1) or 0 (to 0); two goes to 1 where x < 1/2 and to 0 where x > 1/2.
    answer = game.solve(attitude="pessimistic")
    assert answer.verdict == "none-found"
    assert any("cycle" in note for note in answer.notes)
    assert answer.certificate.epsilon > 0.1


def test_an_equality_of_the_leader_must_hold_for_every_answer() -> None:
    """The follower may take any y of [0, x], and y = x must hold whichever it takes: only x = 0 leaves it one."""
    game = Game("equal")
    leader, follower = game.leader("leader", "max"), game.follower("follower")
    x, y = leader.variable("x", 0, 4), follower.variable("y", 0)
    leader.objective = 1.0 * x
    follower.row("cap", y <= x)
    leader.row("same", y - x == 0)
    answer = game.solve(attitude="pessimistic")
    assert answer.certified
    assert answer.variables == pytest.approx({"x": 0.0, "y": 0.0}, abs=1e-9)
    assert game.solve().variables == pytest.approx({"x": 4.0, "y": 4.0})


def moves(regrets: list[float], decisions: list[float], **more: object) -> tuple[object, str]:
    """Leaders that move as told from decision to decision: what comes out and what is said of it."""
    judged = iter(zip(regrets, decisions, strict=True))

    def judge(w: np.ndarray) -> SimpleNamespace:
        regret, here = next(judged)
        w[0] = here
        return SimpleNamespace(regret=regret, w=w.copy())

    agent = SimpleNamespace(name="leader", own=np.array([0]))
    best = SimpleNamespace(v=np.zeros(1), value=0.0, end=End.OPTIMAL)
    given = {
        "judge": judge,
        "decided": np.array([0]),
        "compiled": SimpleNamespace(leaders=[agent]),
        "deadline": SimpleNamespace(passed=False, what="time limit"),
        "best": lambda *_: best,
        "worst": lambda *_: best,
    }
    return worst_case._iterate(SimpleNamespace(**given | more), np.zeros(1))  # type: ignore[arg-type]


def test_leaders_that_move_in_a_circle_come_to_its_best_point() -> None:
    point, said = moves([5.0, 3.0, 4.0, 2.0, 2.0], [1.0, 2.0, 3.0, 4.0, 2.0])
    assert said == "cycle of length 3 after 5 rounds"
    assert point.regret == 2.0  # type: ignore[attr-defined]
    point, said = moves([5.0, worst_case.SETTLED], [1.0, 2.0])
    assert (point.w.tolist(), said) == ([2.0], "settled after 2 rounds")  # type: ignore[attr-defined]
    over = SimpleNamespace(passed=True, what="time limit")
    assert moves([5.0], [1.0], deadline=over)[1] == "time limit after 1 rounds"
    lost = SimpleNamespace(v=None, value=np.inf, end=End.INFEASIBLE)
    assert moves([5.0], [1.0], best=lambda *_: lost)[1] == (
        "leader has no best decision against its rivals': infeasible"
    )
    rounds = worst_case.MAX_ROUNDS
    point, said = moves([float(rounds - k) for k in range(rounds)], [float(k) for k in range(rounds)])
    assert (point.regret, said) == (1.0, "round limit")  # type: ignore[attr-defined]


def test_a_row_that_no_follower_touches_stays_as_it_is() -> None:
    game = Game("rows")
    leader, follower = game.leader("leader"), game.follower("follower")
    x, y = leader.variable("x", 0, 10), follower.variable("y", 0)
    leader.row("own", x <= 5.0)
    leader.row("seen", x + y <= 9.0)
    follower.row("cap", y <= x)
    leader.objective = -1.0 * x
    made = pessimistic_game(game, compile_game(game))
    rows = set(made.players["leader"].rows)
    assert {"own", "seen <="} < rows
    assert not {"own <=", "seen"} & rows
    assert sum("worst case of" in name for name in made.players) == 1
    assert game.solve(attitude="pessimistic").variables["x"] == pytest.approx(4.5)
