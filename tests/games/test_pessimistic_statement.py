"""What the pessimistic form of a game states, whole: every player, bound, objective and row, written down by hand."""

from __future__ import annotations

import pytest

from equilibrium.games import Game
from equilibrium.games.compiled import compile_game
from equilibrium.games.pessimistic import for_one_leader, pessimistic_game, responses_are_unique, why_not
from equilibrium.games.statement import Statement

INF = float("inf")


def told(game: Statement) -> dict[str, list[str]]:
    """Return a game as lines: of each player level and sense, bounds, objective and rows."""

    def words(terms: dict[tuple[str, ...], float]) -> str:
        return " ".join(f"{value:+g}*{'*'.join(key)}" if key else f"{value:+g}" for key, value in terms.items())

    return {
        player.name: [
            f"{player.level} {player.sense}",
            *(f"{v.lower:g} {v.name} {v.upper:g}{' whole' * v.integer}" for v in player.variables.values()),
            words(player.objective.terms),
            *(
                f"{row.name}: {words(row.relation.body.terms)} {row.relation.sense} {row.relation.rhs:g}"
                for row in player.rows.values()
            ),
        ]
        for player in game.players.values()
    }


def two_followers() -> Game:
    """One follower is linear and maximises, one is curved in two variables; the leader has rows of every kind."""
    game = Game("two", source="by hand")
    leader, linear, curved = game.leader("boss", "max"), game.follower("linear", "max"), game.follower("curved")
    x, k = leader.variable("x", 0, 10), leader.variable("k", 0, 2, integer=True)
    y, z, u = linear.variable("y", 0, 5), curved.variable("z", -1, 8), curved.variable("u", 0)
    leader.objective = 3 * x + x * y - 2 * z + 1
    leader.row("own", x + k <= 5)
    leader.row("top", y + z <= 9)
    leader.row("even", 2 * z - x == 1)
    linear.objective = 4 * y - 7 * x + x * y
    linear.row("cap", y - x <= 2)
    curved.objective = z * z + 2 * z * u + u * u - 3 * x * z + u + 5
    curved.row("base", z + u >= k)
    return game


def worst(sense: str, objective: str, mark: str) -> list[str]:
    """Return what one worst case owns and keeps: copies with a mark, as good for each follower as those with ``'``."""
    y, z, u = f"y{mark}", f"z{mark}", f"u{mark}"
    return [
        f"follower {sense}",
        f"0 {y} 5",
        f"-1 {z} 8",
        f"0 {u} inf",
        objective,
        f"linear: cap: +1*{y} -1*x <= 2",
        f"as good for linear: +4*{y} +1*x*{y} -4*y' -1*x*y' >= 0",
        f"curved: base: +1*{z} +1*{u} -1*k >= 0",
        f"as good for curved: -3*x*{z} +1*{u} +3*x*z' -1*u' <= 0",
        f"slope of u: +2*{z} +2*{u} -2*z' -2*u' = 0",
        f"slope of z: +2*{z} +2*{u} -2*z' -2*u' = 0",
    ]


def test_worst_cases_of_the_objective_and_of_every_row_that_sees_a_follower() -> None:
    game = two_followers()
    made = pessimistic_game(game, compile_game(game))
    assert (made.name, made.source) == ("two, pessimistic", "by hand")
    assert told(made) == {
        "boss": [
            "leader max",
            "0 x 10",
            "0 k 2 whole",
            "0 y' 5",
            "+3*x +1*x*y -2*z +1",
            "linear: cap: +1*y' -1*x <= 2",
            "own: +1*x +1*k <= 5",
            'top <=: +1*y"1<= +1*z"1<= <= 9',
            'even <=: +2*z"2<= -1*x <= 1',
            'even >=: +2*z"2>= -1*x >= 1',
        ],
        "curved'": [
            "follower min",
            "-1 z' 8",
            "0 u' inf",
            "+1*z'*z' +2*u'*z' +1*u'*u' -3*x*z' +1*u' +5",
            "curved: base: +1*z' +1*u' -1*k >= 0",
        ],
        "worst case": worst("min", "+3*x +1*x*y -2*z +1", ""),
        "worst case of top <=": worst("max", '+1*y"1<= +1*z"1<=', '"1<='),
        "worst case of even <=": worst("max", '+2*z"2<= -1*x', '"2<='),
        "worst case of even >=": worst("min", '+2*z"2>= -1*x', '"2>='),
    }


@pytest.mark.parametrize(("sense", "of_follower", "sign"), [("min", "max", -1), ("max", "min", 1)])
def test_the_worst_of_all_primal_and_dual_optima(sense: str, of_follower: str, sign: int) -> None:
    """The dealer's cost is 2y + 3z + w/2 in both senses; a price is the derivative of what it maximises or minimises.

    With multipliers of at least 0 of a minimum: 2 - low + high - balance - cap + same = 0 for y and so on, and the
    cost is no more than -6 high - 3 low + (1 + x) balance + 5 cap + 2 x same, ``cap`` being at most 0.
    """
    game = Game("priced")
    leader, dealer = game.leader("boss", sense), game.follower("dealer", of_follower)
    x = leader.variable("x", 0, 4)
    y, z, w = dealer.variable("y", 0, 6), dealer.variable("z", -3), dealer.variable("w", -INF)
    dealer.objective = sign * (2 * y + 3 * z + 0.5 * w) + x
    price = dealer.row("balance", y + 2 * z + w >= x + 1, dual="price").dual
    dealer.row("cap", y - z <= 5)
    dealer.row("same", w - y == 2 * x)
    leader.objective = price * x + 2 * x
    leader.row("own", x <= 3)
    made = pessimistic_game(game, compile_game(game))
    paid, up = ("-inf price -0", "+") if sign < 0 else ("0 price inf", "-")
    assert told(made) == {
        "boss": [f"leader {sense}", "0 x 4", "+1*price*x +2*x", "own: +1*x <= 3"],
        "worst case": [
            f"follower {of_follower}",
            "0 y 6",
            "0 y at 0, 1 inf",
            "0 y at 6, -1 inf",
            "-3 z inf",
            "0 z at -3, 1 inf",
            "-inf w inf",
            paid,
            "-inf dual of dealer: cap 0",
            "-inf dual of dealer: same inf",
            "+1*price*x +2*x",
            "dealer: balance: +1*y +2*z +1*w -1*x >= 1",
            "dealer: cap: +1*y -1*z <= 5",
            "dealer: same: +1*w -1*y -2*x = 0",
            f"slope of y: -1*y at 0, 1 +1*y at 6, -1 {up}1*price -1*dual of dealer: cap +1*dual of dealer: same = -2",
            f"slope of z: -1*z at -3, 1 {up}2*price +1*dual of dealer: cap = -3",
            f"slope of w: {up}1*price -1*dual of dealer: same = -0.5",
            f"no gap of dealer: +2*y +3*z +0.5*w +6*y at 6, -1 +3*z at -3, 1 {up}1*price*x {up}1*price "
            "-5*dual of dealer: cap -2*dual of dealer: same*x <= 0",
        ],
    }


def test_one_leader_among_rivals_whose_decisions_are_given() -> None:
    """Rivals leave with their rows; what they decide becomes numbers in the others' objectives and rows."""
    game = Game("pair", source="by hand")
    one, two, shop = game.leader("one"), game.leader("two", "max"), game.follower("shop", "max")
    x, z, v = one.variable("x", 0, 9, integer=True), two.variable("z", 0, 7), two.variable("v", 0, 7)
    y = shop.variable("y", 0, 3)
    one.objective = x * z + z * v + 2 * x + y
    one.row("room", x + 2 * z + v <= 20)
    two.objective = z
    two.row("gone", z + v <= 5)
    shop.objective = y * z - y * y
    shop.row("cap", y - z * x >= -4, dual="toll")
    alone = for_one_leader(game, "one", {"z": 3.0, "v": 5.0})
    assert alone.source == "by hand"
    assert told(alone) == {
        "one": ["leader min", "0 x 9 whole", "+5*x +15 +1*y", "room: +1*x <= 9"],
        "shop": ["follower max", "0 y 3", "+3*y -1*y*y", "cap: +1*y -3*x >= -4"],
    }
    assert alone.players["shop"].rows["cap"].dual_name == "toll"


def game_with(*, curved: float = 0.0, product: bool = False, sees: bool = False) -> Game:
    """One leader and two followers, the second of which is as told."""
    game = Game("told")
    leader, first, second = game.leader("boss"), game.follower("first"), game.follower("second")
    x = leader.variable("x", 0, 1)
    y, z = first.variable("y", 0, 1), second.variable("z", 0, 1)
    first.objective = y * y
    second.objective = curved * z * z + z + (y * z if sees else 0)
    second.row("cap", (z * x if product else z) <= 3)
    leader.objective = x + z
    return game


@pytest.mark.parametrize(
    ("how", "unique"),
    [
        ({"curved": 1.0}, True),
        ({"curved": 1e-6}, True),
        ({"curved": 4e-10}, False),  # eigenvalue 8e-10, less than STRICT
        ({}, False),
        ({"curved": 1.0, "product": True}, False),
        ({"curved": 1.0, "sees": True}, False),
    ],
)
def test_responses_are_unique_only_where_every_follower_is_strict_and_alone(how: dict, unique: bool) -> None:
    assert responses_are_unique(compile_game(game_with(**how))) is unique


def test_responses_with_a_dual_that_is_seen_are_not_unique() -> None:
    game = Game("seen")
    leader, follower = game.leader("boss"), game.follower("follower")
    x, y = leader.variable("x", 0, 1), follower.variable("y", 0, 1)
    follower.objective = y * y
    price = follower.row("cap", y >= x, dual="price").dual
    leader.objective = x
    assert responses_are_unique(compile_game(game))
    leader.objective = x + price
    assert not responses_are_unique(compile_game(game))


def refusal(kind: str) -> str | None:
    """Return why the pessimistic form of one game does not hold; ``kind`` says what is in its way."""
    game = Game("refused")
    leader, one, two = game.leader("boss"), game.follower("one"), game.follower("two")
    x, v = leader.variable("x", 0, 1), leader.variable("v", 0, 1)
    y, z = one.variable("y", 0, 1), two.variable("z", 0, 1)
    one.objective, two.objective = -1.0 * y, -1.0 * z
    price = one.row("cap", y <= x, dual="price").dual
    two.row("cap", (z * x <= 1) if kind == "product below" else (z + y <= 2) if kind == "sees" else (z <= 1))
    if kind == "quadratic below":
        two.objective = z * z - z
    priced = kind in ("quadratic below", "product below", "row", "row product", "price times power", "priced")
    leader.objective = x + (price * x if priced else y)
    if kind == "price times power":
        leader.objective = x + price * y
    elif kind == "bent":
        leader.objective = x + (y - 0.5) ** 2
    elif kind == "bowed":
        leader.objective = x - (y - 0.5) ** 2
    limits = {"row": x + z <= 1, "row product": x * z <= 1, "product": y * z <= 1, "own product": x * v + y <= 1}
    if kind in limits:
        leader.row("limit", limits[kind])
    compiled = compile_game(game)
    return why_not(compiled, compiled.leaders[0])


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("plain", None),
        ("bowed", None),
        ("own product", None),
        ("priced", None),
        ("sees", "the problem of two contains variables of other followers"),
        ("product", "a row of boss has a product of the followers' variables"),
        ("bent", "the objective of boss is curved in the followers' variables, so that its worst case is not"),
        ("quadratic below", "boss uses a dual, and the objective of two is quadratic"),
        ("product below", "boss uses a dual, and a row of two has products"),
        ("row", "boss uses a dual, and one of its rows contains a variable of a follower"),
        ("row product", "boss uses a dual, and one of its rows contains a variable of a follower"),
        (
            "price times power",
            "boss uses a dual, and its objective has a product of the followers' variables and duals",
        ),
    ],
)
def test_why_the_pessimistic_form_does_not_hold(kind: str, reason: str | None) -> None:
    assert refusal(kind) == reason
