"""Several leaders: equilibria, proofs that there is none, stationary points that are not Nash, and verification."""

from pathlib import Path

import numpy as np
import pytest

from equilibrium.errors import InputError
from equilibrium.games import Game, read_game

FOLDER = Path(__file__).parents[1] / "instances"


def cournot(firms: int, sense: str = "max") -> Game:
    game = Game("cournot")
    players = [game.leader(f"firm{k}", sense) for k in range(firms)]
    q = [player.variable(f"q{k}") for k, player in enumerate(players)]
    for k, player in enumerate(players):
        price = 100 - sum(q[1:], q[0])
        profit = (price - 10 - k) * q[k]
        player.objective = profit if sense == "max" else -profit
    return game


@pytest.mark.parametrize("method", ["auto", "best-response", "best-response-jacobi", "stationarity", "kkt-sos1"])
def test_cournot_has_its_closed_form(method: str) -> None:
    answer = cournot(2).solve(method=method)
    assert answer.certified
    assert answer.variables == pytest.approx({"q0": 91 / 3, "q1": 88 / 3}, rel=1e-6)


def test_senses_names_and_order_do_not_matter() -> None:
    one, other = cournot(3).solve(), cournot(3, "min").solve()
    assert other.variables == pytest.approx(one.variables)
    assert other.players["firm1"].objective == pytest.approx(-one.players["firm1"].objective)


def binary_game(payoffs: np.ndarray) -> Game:
    """A game of two players with two moves each; ``payoffs[k, i, j]`` goes to player k."""
    game = Game("two by two")
    players = [game.leader(name, "max") for name in ("row", "column")]
    i, j = (p.variable(v, 0, 1, integer=True) for p, v in zip(players, "ij", strict=True))
    for player, table in zip(players, payoffs.astype(float).tolist(), strict=True):
        (a, b), (c, d) = table
        player.objective = a + (c - a) * i + (b - a) * j + (a - b - c + d) * i * j
    return game


def test_matching_pennies_has_no_pure_equilibrium() -> None:
    pennies = np.array([[[1, -1], [-1, 1]], [[-1, 1], [1, -1]]])
    answer = binary_game(pennies).solve()
    assert (answer.verdict, answer.method) == ("no-pure-equilibrium", "enumeration")
    assert answer.certificate.epsilon == pytest.approx(2.0)
    assert answer.notes == ("proved: none of 4 profiles is an equilibrium",)
    searched = binary_game(pennies).solve(method="best-response")
    assert searched.verdict == "none-found"  # an iteration that cycles proves nothing
    assert any("cycle of length" in note for note in searched.notes)


def test_finite_games_against_exhaustive_search() -> None:
    rng = np.random.default_rng(3)
    for _ in range(12):
        payoffs = rng.integers(0, 4, (2, 2, 2))
        pure = {
            (i, j)
            for i in (0, 1)
            for j in (0, 1)
            if payoffs[0, i, j] >= payoffs[0, 1 - i, j] and payoffs[1, i, j] >= payoffs[1, i, 1 - j]
        }
        answer = binary_game(payoffs).solve()
        assert answer.certified == bool(pure)
        if pure:
            assert (round(answer.variables["i"]), round(answer.variables["j"])) in pure


@pytest.mark.parametrize("name", ["pang_fukushima_05", "edgeworth_pay_as_bid"])
def test_no_pure_equilibrium_with_continuous_leaders(name: str) -> None:
    answer = read_game(FOLDER / f"{name}.json").solve()
    assert answer.verdict == "no-pure-equilibrium"
    assert answer.certificate.epsilon > 1e-3
    assert np.isfinite(answer.certificate.epsilon)
    assert answer.notes


def test_pang_fukushima_is_proved_to_have_none() -> None:
    answer = read_game(FOLDER / "pang_fukushima_05.json").solve()
    assert any(note.startswith("proved: none of") for note in answer.notes)


def test_a_stationary_point_is_told_from_an_equilibrium() -> None:
    """Each leader sits on a local minimum of its piece; the other piece is better."""
    game = Game("local")
    one, two, follower = game.leader("one"), game.leader("two"), game.follower("follower")
    x, z, y = one.variable("x", -1, 1), two.variable("z", -1, 1), follower.variable("y", 0)
    follower.objective = y**2 / 2 - y * x  # y = max(0, x)
    one.objective = x - 3 * y + 0.1 * z * x
    two.objective = z * z
    stationary = game.solve(method="stationarity")
    assert stationary.certificate.primal < 1e-8
    nash = game.solve()
    assert nash.certified
    assert nash.variables["x"] == pytest.approx(1.0)
    local = game.verify({"x": -1.0, "z": 0.0, "y": 0.0})
    assert local.verdict == "kkt-consistent"
    assert local.players["one"].regret == pytest.approx((1.0, 1.0))
    assert stationary.certified == (abs(stationary.variables["x"] - 1.0) < 1e-6)


def test_leaders_share_a_follower_and_its_price() -> None:
    """Two sellers before a market with elastic demand: Cournot at the market's own price."""
    game = Game("shared market")
    market = game.follower("market", "max")
    d = market.variable("d", 0, 200)
    sellers = [game.leader(f"s{k}", "max") for k in range(2)]
    q = [s.variable(f"q{k}", 0, 100) for k, s in enumerate(sellers)]
    market.objective = 100 * d - d * d / 2
    price = market.row("balance", d - q[0] - q[1] == 0, dual="price").dual
    for k, seller in enumerate(sellers):
        seller.objective = price * q[k] - 10 * q[k]
    answer = game.solve()
    assert answer.certified
    assert [answer.variables["q0"], answer.variables["q1"]] == pytest.approx([30.0, 30.0], rel=1e-6)
    assert answer.duals["price"][0] == pytest.approx(40.0)


def test_a_generalised_game_without_a_joint_point_is_infeasible() -> None:
    game = Game("rivals")
    one, two = game.leader("one"), game.leader("two")
    x, y = one.variable("x", 0, 1, integer=True), two.variable("y", 0, 1)
    one.objective, two.objective = x, y
    one.row("more", x + y >= 3)
    for method in ("auto", "best-response"):
        answer = game.solve(method=method)
        assert answer.verdict == "infeasible"
        assert answer.notes[-1] == "the rows of one cannot be met, whatever the other players decide"


def test_rows_of_rivals_that_contradict_each_other_are_named() -> None:
    """Each leader's rows can be met on their own, and never together."""
    game = Game("rivals")
    one, two = game.leader("one"), game.leader("two")
    x, y = one.variable("x", 0, 4), two.variable("y", 0, 4)
    one.objective, two.objective = x, y
    one.row("above", x >= y + 1)
    two.row("beyond", y >= x + 1)
    for method in ("auto", "best-response", "stationarity"):
        answer = game.solve(method=method)
        assert answer.verdict == "infeasible"
        expected = "a generalised game without a joint point: constraint above of one, which contains y of two"
        assert answer.notes[-1].startswith(expected)


def test_a_follower_that_never_responds_is_named() -> None:
    """Its cost is -1 or less for every decision of the leader, and nothing holds its variable."""
    game = Game("no response")
    leader, follower = game.leader("leader"), game.follower("follower")
    x, y = leader.variable("x", 1, 2), follower.variable("y", 0)
    leader.objective = x
    follower.objective = -1 * x * y
    answer = game.solve()
    assert answer.verdict == "infeasible"
    assert answer.notes[-1] == "follower has no optimal response, whatever the other players decide"


def test_an_infeasible_answer_to_rivals_is_called_a_generalised_game() -> None:
    game = Game("chase")
    one, two = game.leader("one"), game.leader("two")
    x, y = one.variable("x", 0, 1, integer=True), two.variable("y", 0, 1, integer=True)
    one.objective, two.objective = x * y, -y
    one.row("below", 2 * x + 3 * y <= 2)
    answer = game.solve(method="best-response")
    assert not answer.certified
    assert any("generalised game" in note for note in answer.notes)


def test_verification_of_right_and_wrong_points() -> None:
    game = read_game(FOLDER / "cournot_duopoly.json")
    right = game.verify({"q1": 28.2710280374, "q2": 27.8037383178})
    assert right.verdict == "exact"
    wrong = game.verify({"q1": 30.0, "q2": 27.8037383178})
    assert wrong.verdict == "kkt-consistent"
    assert wrong.players["one"].regret == pytest.approx((1.1 * 1.7289719626**2,) * 2, rel=1e-6)
    assert game.verify({"q1": -1.0, "q2": 27.0}).verdict == "infeasible"


def test_verification_sees_a_follower_that_does_not_respond() -> None:
    game = read_game(FOLDER / "bard_511.json")
    answer = game.verify({"x1": 3.0, "y1": 3.0})
    assert answer.verdict == "infeasible"
    assert answer.players["follower"].regret[0] == pytest.approx(0.5)
    assert answer.players["leader"].regret[0] == pytest.approx(3.0)


def test_attitudes_differ_where_the_follower_is_indifferent() -> None:
    game = read_game(FOLDER / "indifferent_follower.json")
    kind, unkind = game.solve(), game.solve(attitude="pessimistic")
    assert kind.certified
    assert unkind.certified
    sign = 1.0 if game.players["leader"].sense == "min" else -1.0
    assert sign * unkind.players["leader"].objective > sign * kind.players["leader"].objective + 1e-6
    assert kind.verdict == game.verify(kind.variables).verdict
    assert not game.verify(kind.variables, attitude="pessimistic").certified
    assert game.verify(unkind.variables, attitude="pessimistic").certified


def test_a_pessimistic_answer_outside_its_range_is_refused() -> None:
    with pytest.raises(InputError, match="pessimistic"):
        read_game(FOLDER / "zero_nasp.json").solve(attitude="pessimistic")


def test_several_equilibria_are_met_from_several_starts() -> None:
    """Two sellers and a market with steps; every split of 30 at price 20 is an equilibrium, and so are others."""
    answer = read_game(FOLDER / "step_market_two_sellers.json").solve(certify="full")
    assert answer.certified
    (note,) = [note for note in answer.notes if note.startswith("probed from")]
    assert int(note.split(": ")[1].split()[0]) >= 2
    unique = read_game(FOLDER / "cournot_duopoly.json").solve(method="best-response", certify="full")
    assert any("1 distinct equilibria met" in note for note in unique.notes)
