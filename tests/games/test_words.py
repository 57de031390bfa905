"""Each verdict has its word: proved or not, none found or none there, attained or not, a limit or a method's end."""

import json
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from equilibrium.complementarity.branch import End, Outcome
from equilibrium.errors import InputError
from equilibrium.games import Game, GameVerdict, Options, game_from_dict, solve_game, write_game
from equilibrium.games.best_response import BestResponse, Profile
from sim.cli import main
from sim.solve import EXIT_CODES


def test_every_word_has_an_exit_code_and_two_are_success() -> None:
    assert set(EXIT_CODES) == set(GameVerdict)
    assert [str(v) for v, code in EXIT_CODES.items() if code == 0] == ["exact", "epsilon-nash"]
    own = [code for v, code in EXIT_CODES.items() if code not in (0, 1)]
    assert len(set(own)) == len(own)
    assert not {2, 3} & set(own)  # bad input, and a day that cannot be served


def test_the_codes_are_those_that_the_page_lists() -> None:
    page = (Path(__file__).parents[2] / "docs" / "games.md").read_text(encoding="utf-8")
    for verdict, code in EXIT_CODES.items():
        assert f"| `{verdict}` | {code} |" in page


# Several leaders


def auction() -> Game:
    """Supply p, demand 8 - p, and an auctioneer who moves the price against the gap: p = 4 is the one equilibrium.

    At a trial profile with more demand than supply the auctioneer is unbounded; that says nothing of the game.
    """
    game = Game("auction")
    seller, plant = game.leader("seller", "max"), game.follower("plant")
    buyer, auctioneer = game.leader("buyer", "max"), game.leader("auctioneer", "max")
    t, q = seller.variable("t", 0, 15), plant.variable("q")
    d, p = buyer.variable("d", 0, 15), auctioneer.variable("p")
    seller.objective = p * q - 0.5 * q * q
    plant.objective = 0.5 * q * q - q * t
    buyer.objective = 8 * d - 0.5 * d * d - d * p
    auctioneer.objective = d * p - p * q
    return game


def test_a_leader_unbounded_at_a_trial_profile_makes_no_game_unbounded() -> None:
    answer = auction().solve()
    assert answer.verdict == "exact"
    assert answer.variables["p"] == pytest.approx(4.0)


def continuum(top: float, elsewhere: float) -> Game:
    """A seller that sells one at a cost of 1 and the price p, or earns ``elsewhere`` elsewhere; prices clear or do not.

    Every p in [1 + elsewhere, top] is an equilibrium; at lower ones the seller goes elsewhere. All of [1, top] is
    stationary on the piece on which it sells.
    """
    game = Game("continuum")
    seller, away, here = game.leader("seller", "max"), game.follower("away"), game.follower("here")
    buyer, auctioneer = game.leader("buyer"), game.leader("auctioneer", "max")
    a, s = seller.variable("a", -1, 1), seller.variable("s", 0, 1)
    y, w = away.variable("y"), here.variable("w")
    m, p = buyer.variable("m", 1, 1), auctioneer.variable("p", 0, top)
    seller.objective = p * s - s + elsewhere * y
    seller.row("busy", s - w <= 0)
    away.objective = 0.5 * y * y - a * y
    here.objective = 0.5 * w * w + a * w
    buyer.objective = m * p
    auctioneer.row("clearing", m - s == 0)
    auctioneer.objective = 0.0
    return game


def test_one_point_of_a_continuum_proves_nothing() -> None:
    answer = continuum(8.0, 2.0).solve()
    assert answer.verdict == "exact"
    assert 3.0 - 1e-6 <= answer.variables["p"] <= 8.0 + 1e-6


def test_none_there_is_told_from_none_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Leaders chase each other: all profiles of the first game are listed, nothing is proved of the second."""
    chase = Game("chase")
    one, two = chase.leader("one"), chase.leader("two")
    x, z = one.variable("x", 0, 1, integer=True), two.variable("z", 0, 1, integer=True)
    one.objective = (1 - 2 * z) * x
    two.objective = 2 * z * x - z
    write_game(chase, tmp_path / "chase.json")
    assert main(["solve", str(tmp_path / "chase.json"), "--json"]) == EXIT_CODES[GameVerdict.NO_PURE_EQUILIBRIUM]
    answer = json.loads(capsys.readouterr().out)
    assert answer["verdict"] == "no-pure-equilibrium"
    assert any(note.startswith("proved: none of 4 profiles") for note in answer["notes"])
    bent = Game(
        "bent"
    )  # an integer and a curved rival: best responses chase each other, and nothing proves that all do
    one, two, follower = bent.leader("one"), bent.leader("two"), bent.follower("follower")
    x, z = one.variable("x", 0, 1, integer=True), two.variable("z", 0, 1)
    y = follower.variable("y", 0, 1)
    follower.objective = 0.5 * y * y - y * z
    one.objective = (1 - 2 * y) * x
    two.objective = 2 * y * x - y + 0.9 * z * (1 - z)
    write_game(bent, tmp_path / "bent.json")
    assert main(["solve", str(tmp_path / "bent.json"), "--json"]) == EXIT_CODES[GameVerdict.NONE_FOUND]
    answer = json.loads(capsys.readouterr().out)
    assert answer["verdict"] == "none-found"
    assert any("is not proved" in note for note in answer["notes"])


def test_a_continuum_is_excluded_by_halves() -> None:
    """Both move a follower of their own, one towards the other, one away: each piece a continuum, nowhere rest."""
    game = Game("chase")
    one, two = game.leader("one"), game.leader("two", "max")
    first, second = game.follower("first"), game.follower("second")
    x, z = one.variable("x", 0, 2), two.variable("z", 0, 2)
    y, w = first.variable("y", 0, 2), second.variable("w", 0, 2)
    first.objective = 0.5 * y * y - y * x
    second.objective = 0.5 * w * w - w * z
    one.objective = (y - w) * (y - w)
    two.objective = (y - w) * (y - w)
    answer = game.solve()
    assert answer.verdict == "no-pure-equilibrium"
    assert any(note.startswith("proved: none of the stationary points") for note in answer.notes)


# Spatial searches


@pytest.mark.parametrize(("slope", "bend", "top"), [(3.0, 1.0, 5.0), (2.0, 2.0, 4.0), (7.0, 0.5, 2.0)])
def test_a_product_with_an_idle_follower_is_proved_at_once(slope: float, bend: float, top: float) -> None:
    """The follower never moves, so the leader's product is 0; a search over x and y without the pair has no end."""
    game = Game("idle")
    leader, follower = game.leader("leader"), game.follower("follower")
    x, y = leader.variable("x", 0, top), follower.variable("y", 0, 6)
    leader.objective = x * y + 2 * y
    follower.objective = 0.5 * bend * y * y + slope * y + x * y
    answer = game.solve(node_limit=100)
    assert answer.verdict == "exact"
    assert answer.players["leader"].objective == pytest.approx(0.0, abs=1e-9)


def test_a_limit_hides_nothing_that_is_certified() -> None:
    game = Game("idle")
    leader, follower = game.leader("leader"), game.follower("follower")
    x, y = leader.variable("x", 0, 1), follower.variable("y", 0, 6)
    leader.objective = x + y
    follower.objective = y * y + y * (1 + x)
    answer = game.solve(node_limit=1)
    assert answer.verdict in ("exact", "time-limit")
    point = game.solve()
    assert point.verdict == "exact"
    again = game.verify(point.variables, node_limit=1)
    assert again.verdict in ("exact", "time-limit")


# Values that are not attained


def jump(gain: float, at: float) -> Game:
    """The follower goes to 1 where x > at and to 0 where x < at; at ``at`` it does not care.

    The leader gains by y = 1 and by a small x, so it wants x as little above ``at`` as it can.
    """
    game = Game("jump")
    leader, follower = game.leader("leader"), game.follower("follower")
    x, y = leader.variable("x", 0, 1), follower.variable("y", 0, 1)
    leader.objective = x - gain * y
    follower.objective = at * y - x * y
    return game


@pytest.mark.parametrize(("gain", "at"), [(2.0, 0.5), (3.0, 0.25), (1.5, 0.75)])
@pytest.mark.parametrize("solver", ["auto", "gurobi"])
def test_a_bound_that_no_decision_has(gain: float, at: float, solver: str) -> None:
    answer = jump(gain, at).solve(attitude="pessimistic", solver=solver)
    assert answer.verdict == "not-attained"
    assert not answer.certified
    assert answer.players["leader"].objective == pytest.approx(at - gain, abs=1e-6)
    assert at < answer.variables["x"] < at + 1e-5
    assert any("no decision attains it" in note and f"{at - gain:g}" in note for note in answer.notes)
    kind = jump(gain, at).solve()
    assert (kind.verdict, kind.variables["x"]) == ("exact", pytest.approx(at))


def test_a_value_that_is_attained_beside_a_jump_is_exact() -> None:
    """Where y = 1 costs the leader, it stays below the jump, and x = 0 is best either way."""
    answer = jump(-2.0, 0.5).solve(attitude="pessimistic")
    assert answer.verdict == "exact"
    assert answer.players["leader"].objective == pytest.approx(0.0, abs=1e-9)


def test_a_price_at_a_kink_is_not_attained() -> None:
    """A buyer of x at the price of the marginal unit of 4 - x: up to 1 at 2, then 6. Selling 3 brings 6 per unit.

    At x = 3 the price may be anything from 2 to 6, so the seller's worst case is 6 in all; just below it is 18.
    """
    game = Game("kink")
    seller, market = game.leader("seller", "max"), game.follower("market")
    x = seller.variable("x", 0, 4)
    cheap, dear = market.variable("cheap", 0, 1), market.variable("dear", 0, 9)
    market.objective = 2 * cheap + 6 * dear
    row = market.row("need", cheap + dear + x == 4, dual="price")
    seller.objective = row.dual * x
    answer = game.solve(attitude="pessimistic")
    assert answer.verdict == "not-attained"
    assert answer.players["seller"].objective == pytest.approx(18.0, abs=1e-4)


# Methods at their end


def test_bounds_of_the_user_prove_no_infeasibility() -> None:
    game = Game("small M")
    leader, follower = game.leader("leader"), game.follower("follower")
    x, y = leader.variable("x", 0, 5), follower.variable("y", 0, 5)
    leader.objective = x - y
    follower.objective = 3 * y
    follower.row("need", y + x >= 4)
    answer = solve_game(game, Options(method="kkt-bigm", big_m=(0.1, "user")))
    assert answer.verdict in ("undecided", "kkt-consistent")
    assert not answer.certified


def test_infeasible_is_confirmed_by_a_second_method() -> None:
    game = Game("infeasible")
    leader, follower = game.leader("leader"), game.follower("follower")
    x, y = leader.variable("x", 0, 1), follower.variable("y", 0, 1)
    leader.row("more", x + y >= 3)
    leader.objective, follower.objective = 1.0 * x, 1.0 * y
    answer = game.solve()
    assert answer.verdict == "infeasible"
    assert any("confirmed by" in note for note in answer.notes)


# Names and nesting


@pytest.mark.parametrize("depth", [2_000, 100_000])
def test_deep_nesting_is_one_line(depth: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "deep.json"
    path.write_text('{"name": "deep", "players": ' + "[" * depth + "]" * depth + "}")
    assert main(["solve", str(path)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert str(path) in printed.err


def test_a_number_of_thousands_of_digits_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "digits.json"
    path.write_text('{"name": ' + "9" * 5000 + "}")
    assert main(["solve", str(path)]) == 2
    assert "fewer digits" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["variable", "player", "row", "game", "dual"])
def test_names_of_256_characters_are_refused(place: str) -> None:
    long, fits = "n" * 256, "m" * 255
    for name in (long, fits):
        names = dict.fromkeys(("variable", "player", "row", "game", "dual"), "short") | {place: name, "dual": "d"}
        names |= {place: name}
        table = {
            "name": names["game"],
            "players": [
                {
                    "name": names["player"],
                    "level": "follower",
                    "sense": "min",
                    "variables": {names["variable"]: [0, 1]},
                    "objective": {names["variable"]: 1},
                    "constraints": [
                        {
                            "name": names["row"],
                            "terms": {names["variable"]: 1},
                            "sense": ">=",
                            "rhs": 0.5,
                            "dual": names["dual"],
                        }
                    ],
                }
            ],
        }
        if name == fits:
            assert game_from_dict(table).solve().verdict == "exact"
            continue
        with pytest.raises(InputError, match="at most 255 characters, not 256") as caught:
            game_from_dict(table)
        assert len(str(caught.value)) < 450


def test_an_iteration_that_cannot_go_on_says_which_leader_is_why() -> None:
    def blocked(**ends: End) -> str:
        outcomes = {name: Outcome(end, None, 0.0, 0.0, 1, 0.0) for name, end in ends.items()}
        return BestResponse._blocked(cast("BestResponse", None), Profile(np.zeros(1), outcomes, np.inf))

    assert blocked(one=End.OPTIMAL, two=End.OPTIMAL) == ""
    assert blocked(one=End.OPTIMAL, two=End.UNBOUNDED) == "unbounded: two gains without limit"
    assert blocked(one=End.INFEASIBLE).startswith("one has no feasible response to its rivals' decisions")
