"""Every file of the instance library is well formed and its expected answer is right.

The answers are checked by the exhaustive enumeration of `tests.games.brute_force`, which shares no code with the
package, and, where there is no pure equilibrium, by a grid fine enough for the Lipschitz constant of the regrets.
"""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.games import brute_force
from tests.games.brute_force import best_response, evaluate, follower_extent, load, players, polynomial

FOLDER = Path(__file__).parents[1] / "instances"
GAMES: dict[str, dict[str, Any]] = {path.stem: load(path) for path in sorted(FOLDER.glob("*.json"))}
VERDICTS = {"exact", "no-pure-equilibrium", "infeasible", "unbounded"}

# Equilibria of the games that have several; what is missing is the followers' unique answer.
SEVERAL: dict[str, list[dict[str, float]]] = {
    "battle_of_the_sexes": [{"x": 1, "y": 1}, {"x": 0, "y": 0}, {"x": 2 / 3, "y": 1 / 3}],
    "facchinei_kanzow_07": [{"x": 0.5, "y": 0.5}, {"x": 0.75, "y": 0.25}, {"x": 1, "y": 0}],
    "river_basin": [{"x1": 21.144796022, "x2": 16.027853448, "x3": 2.725962700}],
    "step_market_two_sellers": [
        {"q1": 15, "q2": 15, "lam": 20},
        {"q1": 10, "q2": 20, "lam": 20},
        {"q1": 17.5, "q2": 12.5, "lam": 20},
        {"q1": 20, "q2": 20, "lam": 10},
        {"q1": 5, "q2": 5, "lam": 100},
        {"q1": 4.3, "q2": 5.7, "lam": 100},
    ],
    "uniform_price_auction": [{"b1": 0, "b2": 1}, {"b1": 0.5, "b2": 1}, {"b1": 1, "b2": 0.25}],
    "public_good": [{"x1": 0.3, "x2": 0.7}, {"x1": 1, "x2": 0}, {"x1": 0.5, "x2": 0.5}],
    "zero_nasp": [
        {"u": 25 / 9, "x": 5 / 3, "y1": 4 / 3, "y2": 0},
        {"u": 25 / 9, "x": 3, "y1": 0, "y2": 0},
        {"u": 0, "x": 1, "y1": 2, "y2": 0},
        {"u": 1, "x": 5 / 3, "y1": 4 / 3, "y2": 0},
    ],
    "zero_nasp_printed": [{"x": 5, "y1": 0}, {"x": 6, "y1": 1}],
}
# Points that look like equilibria of these games and are not, with the player that gains and how much.
NOT_EQUILIBRIA = [
    ("zero_nasp_printed", {"u": 25 / 9, "x": 5 / 3}, {"y1": 4 / 3, "y2": 0}, "xy", 14 / 3),
    ("step_market_two_sellers", {"q1": 10, "q2": 10}, {}, "seller1", 100),
    ("cournot_exit", {"q1": 100 / 3, "q2": 70 / 3, "q3": 5}, {}, "firm3", 5 * (70 + 5 - 130 / 3)),
]
# Games solved by fixing the leader's only variable on a grid that holds every kink of its value.
GRIDS: dict[str, np.ndarray] = {
    "indifferent_follower_pessimistic": np.linspace(0, 4, 33),
    "bard_91_22_pessimistic": np.linspace(0, 1, 33),
    "lucchetti_87_pessimistic": np.linspace(0, 1, 33),
    "degenerate_duals_pessimistic": np.linspace(0, 5, 21),
    "row_product": np.linspace(1, 4, 61),
}


def names_with(*, verdict: str = "exact", leaders: str = "any", grid: bool = False) -> list[str]:
    """Return the instances of one kind."""
    chosen = []
    for name, game in GAMES.items():
        count = len(players(game, "leader"))
        fits = leaders == "any" or (leaders == "one") == (count == 1)
        if game["expected"]["verdict"] == verdict and fits and (name in GRIDS) == grid:
            chosen.append(name)
    return chosen


def close(value: float, other: float, tolerance: float = 1e-6) -> bool:
    return abs(value - other) <= tolerance * (1 + abs(other))


def objective(game: dict[str, Any], player: str, values: dict[str, float]) -> float:
    return evaluate(polynomial(next(p for p in game["players"] if p["name"] == player)["objective"]), values)


def test_the_library_is_large_and_listed() -> None:
    lines = (FOLDER / "README.md").read_text(encoding="utf-8").splitlines()
    listed = [line.split("|")[1].strip(" `") for line in lines if line.startswith("| `")]
    assert len(GAMES) >= 45
    assert listed == sorted(GAMES)


@pytest.mark.parametrize("name", GAMES)
def test_format(name: str) -> None:
    game = GAMES[name]
    assert set(game) <= {"name", "source", "attitude", "players", "expected"}
    assert game["name"] == name
    assert game["source"].strip()
    assert game.get("attitude", "optimistic") in {"optimistic", "pessimistic"}
    assert players(game, "leader")
    variables = [variable for player in game["players"] for variable in player["variables"]]
    duals = [row["dual"] for player in game["players"] for row in player["constraints"] if "dual" in row]
    assert len(set(variables + duals)) == len(variables + duals) <= 24
    assert len({player["name"] for player in game["players"]}) == len(game["players"])
    for player in game["players"]:
        assert set(player) == {"name", "level", "sense", "variables", "objective", "constraints"}
        assert player["level"] in {"leader", "follower"}
        assert player["sense"] in {"min", "max"}
        foreign = [] if player["level"] == "follower" else duals
        assert {name for term in polynomial(player["objective"]) for name in term} <= set(variables + foreign)
        assert all(len(term) <= 2 for term in polynomial(player["objective"]))
        for low, high in player["variables"].values():
            assert low is None or high is None or low <= high
        for row in player["constraints"]:
            assert set(row) - {"dual"} == {"name", "terms", "sense", "rhs"}
            assert row["sense"] in {"<=", ">=", "="}
            assert "dual" not in row or player["level"] == "follower"
            assert {name for term in polynomial(row["terms"]) for name in term} <= set(variables)
    expected = game["expected"]
    assert set(expected) <= {"verdict", "objective", "variables", "duals"}
    assert expected["verdict"] in VERDICTS
    assert set(expected.get("objective", {})) <= {player["name"] for player in game["players"]}
    assert set(expected.get("variables", {})) <= set(variables)
    assert set(expected.get("duals", {})) <= set(duals)


@pytest.mark.parametrize("name", GAMES)
def test_followers_are_convex(name: str) -> None:
    for follower in players(GAMES[name], "follower"):
        own = list(follower["variables"])
        sign = 1.0 if follower["sense"] == "min" else -1.0
        hessian = np.zeros((len(own), len(own)))
        for term, value in polynomial(follower["objective"]).items():
            if len(term) == 2 and set(term) <= set(own):
                i, j = own.index(term[0]), own.index(term[1])
                hessian[i, j] += sign * value
                hessian[j, i] += sign * value
        assert np.linalg.eigvalsh(hessian).min() >= -1e-12
        for row in follower["constraints"]:
            assert not any(len(term) == 2 and set(term) <= set(own) for term in polynomial(row["terms"]))


@pytest.mark.parametrize("name", names_with(leaders="one"))
def test_one_leader(name: str) -> None:
    game = GAMES[name]
    expected, leader = game["expected"], players(game, "leader")[0]
    answer = best_response(game, leader, {})
    assert answer is not None
    assert close(answer.value, expected["objective"][leader["name"]])
    for player, value in expected["objective"].items():
        assert all(close(objective(game, player, point), value, 1e-5) for point in answer.points)
    unique = expected.get("variables", {}) | expected.get("duals", {})
    for key, value in unique.items():
        assert all(close(point[key], value, 1e-5) for point in answer.points)
    if all(len(term) < 2 for term in polynomial(leader["objective"])):  # the list of points is not complete then
        for key, value in unique.items():
            low, high = brute_force.optimal_extent(game, leader, answer.value, key)
            assert close(low, value, 1e-4)
            assert close(high, value, 1e-4)


@pytest.mark.parametrize("name", names_with(grid=True))
def test_one_leader_on_a_grid(name: str) -> None:
    game = GAMES[name]
    expected, leader = game["expected"], players(game, "leader")[0]
    (variable,) = leader["variables"]
    best = expected["variables"][variable]
    sign = 1.0 if leader["sense"] == "min" else -1.0

    def value(at: float) -> brute_force.Answer:
        answer = best_response(game, leader, {variable: at}, worst_case=game.get("attitude") == "pessimistic")
        assert answer is not None
        return answer

    at_best = value(best)
    assert close(at_best.value, expected["objective"][leader["name"]])
    for key, number in (expected["variables"] | expected.get("duals", {})).items():
        assert all(close(point[key], number, 1e-5) for point in at_best.points)
    grid = GRIDS[name]
    grid = np.unique(np.clip(np.concatenate([grid, grid - 1e-5, grid + 1e-5]), grid[0], grid[-1]))
    others = grid[np.abs(grid - best) > 2e-5]
    assert min(sign * value(float(at)).value for at in others) > sign * at_best.value


@pytest.mark.parametrize("name", names_with(verdict="infeasible"))
def test_infeasible(name: str) -> None:
    game = GAMES[name]
    answers = []
    for leader in players(game, "leader"):
        rivals = [v for other in players(game, "leader") if other is not leader for v in other["variables"]]
        named = {part for row in leader["constraints"] for term in polynomial(row["terms"]) for part in term}
        assert not named & set(rivals)  # so one choice of the rivals stands for all
        answers.append(best_response(game, leader, dict.fromkeys(rivals, 0.0)))
    assert None in answers


@pytest.mark.parametrize("name", names_with(verdict="unbounded"))
def test_unbounded(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    leader = players(GAMES[name], "leader")[0]
    values = []
    for box in (1e2, 1e3, 1e4):
        monkeypatch.setattr(brute_force, "BOX", box)
        answer = best_response(GAMES[name], leader, {})
        assert answer is not None
        values.append(answer.value)
    assert values == pytest.approx([-1e2, -1e3, -1e4], rel=1e-2)


def complete(game: dict[str, Any], given: dict[str, float]) -> dict[str, float]:
    """Add the followers' unique answers; a given answer of an indifferent follower must be one of theirs."""
    leading = {v for leader in players(game, "leader") for v in leader["variables"]}
    fixed = {name: value for name, value in given.items() if name in leading}
    assert set(fixed) == leading
    pinned = {name: value for name, value in given.items() if name not in leading}
    for follower in players(game, "follower"):
        for variable in follower["variables"]:
            low, high = follower_extent(game, fixed, pinned, variable)
            assert high - low <= 1e-5 * (1 + abs(high))
            pinned[variable] = (low + high) / 2
    return fixed | pinned


def own_rows(player: dict[str, Any], values: dict[str, float]) -> list[tuple[float, str]]:
    """Return the slacks of a player's rows and bounds."""
    return [(evaluate(terms, values), sense) for _, terms, sense, _ in brute_force.standard_rows(player, {})]


def gain(game: dict[str, Any], leader: dict[str, Any], values: dict[str, float]) -> float:
    """Return what the leader gains by its best deviation."""
    leading = {v for other in players(game, "leader") for v in other["variables"]} - set(leader["variables"])
    answer = best_response(game, leader, {name: values[name] for name in leading})
    assert answer is not None
    sign = 1.0 if leader["sense"] == "max" else -1.0
    return sign * (answer.value - objective(game, leader["name"], values))


@pytest.mark.parametrize("name", names_with(leaders="many"))
def test_equilibrium(name: str) -> None:
    game = GAMES[name]
    expected = game["expected"]
    named = {row["dual"] for player in game["players"] for row in player["constraints"] if "dual" in row}
    for given in SEVERAL.get(name, [expected.get("variables", {})]):
        prices = expected.get("duals", {}) | {key: value for key, value in given.items() if key in named}
        decided = {key: value for key, value in given.items() if key not in named}
        values = complete(game, expected.get("variables", {}) | decided)
        leading = {v: values[v] for leader in players(game, "leader") for v in leader["variables"]}
        for dual, price in prices.items():
            low, high = follower_extent(game, leading, {}, dual)
            assert low - 1e-6 <= price <= high + 1e-6
        values |= prices
        for player, value in expected.get("objective", {}).items():
            assert close(objective(game, player, values), value)
        for leader in players(game, "leader"):
            assert all(abs(x) <= 1e-6 if sense == "=" else x >= -1e-6 for x, sense in own_rows(leader, values))
            assert abs(gain(game, leader, values)) <= 1e-6 * (1 + abs(objective(game, leader["name"], values)))


def follower_value(game: dict[str, Any], follower: dict[str, Any], fixed: dict[str, float]) -> float | None:
    terms = brute_force.substitute(polynomial(follower["objective"]), fixed)
    answer = brute_force.minimise(brute_force.build(game, None, fixed), terms)
    return None if answer is None else answer.value


@pytest.mark.parametrize("name", [name for name, game in GAMES.items() if game["expected"].get("duals")])
def test_duals_are_slopes_of_the_followers_value(name: str) -> None:
    game = copy.deepcopy(GAMES[name])
    expected = game["expected"]
    given = expected.get("variables", {}) | SEVERAL.get(name, [{}])[0]
    leading = [v for leader in players(game, "leader") for v in leader["variables"]]
    fixed = {variable: given.get(variable, 1.0) for variable in leading}  # 1.0: any offer up to 2 in the one left open
    (follower,) = players(game, "follower")
    for row in follower["constraints"]:
        if row.get("dual") in expected["duals"]:
            right, values = row["rhs"], []
            for change in (-1e-3, 0.0, 1e-3):
                row["rhs"] = right + change
                values.append(follower_value(game, follower, fixed))
            row["rhs"] = right
            slopes = np.diff(np.array(values, dtype=float)) / 1e-3
            assert slopes.min() - 1e-2 <= expected["duals"][row["dual"]] <= slopes.max() + 1e-2


@pytest.mark.parametrize(("name", "leading", "following", "player", "expected"), NOT_EQUILIBRIA)
def test_the_check_finds_deviations(
    name: str, leading: dict[str, float], following: dict[str, float], player: str, expected: float
) -> None:
    game = GAMES[name]
    values = complete(game, leading | following)
    if name == "step_market_two_sellers":
        values["lam"] = 30.0
    leader = next(p for p in game["players"] if p["name"] == player)
    assert close(gain(game, leader, values), expected)


def clip01(values: np.ndarray) -> np.ndarray:
    return np.clip(values, 0.0, 1.0)


# The leaders' costs in closed form, and twice the Lipschitz constant (largest norm) of the costs: of every regret.
COSTS: dict[str, tuple[Callable[..., tuple[np.ndarray, np.ndarray]], float]] = {
    "pang_fukushima_05": (
        lambda a, b: (0.5 * a + np.maximum(0, 1 - a - b), -0.5 * b - np.maximum(0, 1 - a - b)),
        5.0,
    ),
    "hide_and_seek": (lambda a, b: (np.abs(a - b), -np.abs(a - b)), 4.0),
    "chase_with_own_followers": (
        lambda a, b: (
            (clip01(2 * a - 0.5) - clip01(2 * b - 0.5)) ** 2,
            -((clip01(2 * a - 0.5) - clip01(2 * b - 0.5)) ** 2),
        ),
        16.0,
    ),
}


@pytest.mark.parametrize("name", COSTS)
def test_no_pure_equilibrium(name: str) -> None:
    """The largest regret is positive at every point of the square, not only on the grid."""
    costs, lipschitz = COSTS[name]
    game = GAMES[name]
    assert game["expected"]["verdict"] == "no-pure-equilibrium"
    one, two = players(game, "leader")
    (first,), (second,) = one["variables"], two["variables"]
    for at in [(0.0, 0.0), (0.3, 0.9), (0.5, 0.5), (0.8, 0.1)]:  # the closed form is that of the file
        for leader, cost in zip((one, two), costs(*np.array(at)), strict=True):
            answer = best_response(game, leader, {first: at[0], second: at[1]})
            assert answer is not None
            assert close(answer.value if leader["sense"] == "min" else -answer.value, float(cost))
    points = 1001
    line = np.linspace(0, 1, points)
    cost_one, cost_two = costs(line[:, None], line[None, :])
    regret = np.maximum(cost_one - cost_one.min(axis=0, keepdims=True), cost_two - cost_two.min(axis=1, keepdims=True))
    assert regret.min() - lipschitz / (2 * (points - 1)) > 0
    least = {"hide_and_seek": 1 / 4, "chase_with_own_followers": 1 / 8}.get(name)
    if least is not None:
        assert abs(regret.min() - least) <= 5e-3


def test_no_pure_equilibrium_in_the_pay_as_bid_auction() -> None:
    """Profits jump where offers are equal, so the ties are listed on their own."""
    game = GAMES["edgeworth_pay_as_bid"]
    seller = players(game, "leader")[0]
    for rival in (0.2, 0.6, 1.0):
        answer = best_response(game, seller, {"b2": rival})
        assert answer is not None
        assert close(answer.value, max(rival, 0.5))  # undercut, or ask 1 for the rest
    line = np.linspace(0, 1, 501)
    low, high = np.meshgrid(line, line)
    best = np.maximum(line, 0.5)
    apart = np.maximum(np.maximum(high, 0.5) - low, np.maximum(low, 0.5) - 0.5 * high)[low < high]
    offer, share = np.meshgrid(line, np.linspace(0.5, 1, 501))
    tied = best[None, :] - offer * np.minimum(share, 1.5 - share)
    assert min(apart.min(), tied.min()) == pytest.approx(1 / 8, abs=5e-3)  # both are 2-Lipschitz and the grid 1/500
    assert set(names_with(verdict="no-pure-equilibrium")) == {*COSTS, "edgeworth_pay_as_bid"}
