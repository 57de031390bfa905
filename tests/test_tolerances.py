"""One set of tolerances: each has one name, one value, one home and a reason, and one function puts every verdict."""

from __future__ import annotations

import ast
import itertools
import math
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from equilibrium import certificate
from equilibrium.certificate import Verdict, largest_gain, verdict
from equilibrium.games import Game, GameVerdict, read_game
from equilibrium.grid.assets import Microturbine
from equilibrium.markets.aggregator.market import AggregatorMarket
from equilibrium.markets.charging.demand import LogitDemand
from equilibrium.markets.charging.posted_prices import PostedPriceGame
from equilibrium.markets.disco.market import DiscoMarket
from equilibrium.markets.lots_lead.market import LotsLeadMarket
from equilibrium.markets.nodal.market import NodalMarket
from equilibrium.programs.duality import Residuals
from tests.equilibrium.aggregator_days import random_day as aggregator_day
from tests.equilibrium.conftest import lot_data, small_day, small_network
from tests.equilibrium.disco_days import random_day

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "equilibrium").rglob("*.py"))
SMALL = 1e-3
"""A number up to this is a tolerance, or has to be told from one by a name."""


def is_small(node: ast.AST | None) -> bool:
    if not isinstance(node, ast.Constant) or isinstance(node.value, bool) or not isinstance(node.value, int | float):
        return False
    return 0.0 < abs(node.value) <= SMALL


def constants(tree: ast.Module) -> Iterator[tuple[str, float, bool]]:
    """Small numbers of a module: name without its underscore, value, and whether a text after it says what it is."""
    for node, after in itertools.zip_longest(tree.body, tree.body[1:]):
        if isinstance(node, ast.Assign | ast.AnnAssign) and is_small(node.value):
            assert isinstance(node.value, ast.Constant)
            told = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                assert isinstance(target, ast.Name)
                yield target.id.lstrip("_"), float(node.value.value), told


def nameless(tree: ast.Module) -> list[int]:
    """Lines with a small number that has no name."""
    named = {node.value for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)}
    return sorted({node.lineno for node in ast.walk(tree) if is_small(node) and node not in named})


@cache
def parsed() -> dict[str, ast.Module]:
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8")) for path in MODULES}


def test_a_tolerance_has_one_value_one_home_and_a_reason() -> None:
    homes: dict[str, list[str]] = {}
    silent = []
    for module, tree in parsed().items():
        for name, _, told in constants(tree):
            homes.setdefault(name, []).append(module)
            if not told:
                silent.append(f"{module}: {name}")
    assert {name: modules for name, modules in homes.items() if len(modules) > 1} == {}
    assert silent == []
    assert {"RESIDUAL_TOLERANCE", "EXACT_REGRET", "EPSILON_REGRET", "CERTAIN_GAIN"} <= set(homes)


def test_no_tolerance_is_without_a_name() -> None:
    assert {module: nameless(tree) for module, tree in parsed().items() if nameless(tree)} == {}


def claims(tree: ast.AST) -> list[int]:
    """Lines that name a verdict which claims an equilibrium."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in ("EXACT", "EPSILON_NASH")
        and isinstance(node.value, ast.Name)
        and node.value.id in ("Verdict", "GameVerdict")
    ]


def test_nobody_but_the_certificate_claims_an_equilibrium() -> None:
    places = {module for module, tree in parsed().items() if claims(tree)}
    # The games' list of verdicts repeats the two names, and says which of them are certified.
    assert places == {"equilibrium/certificate.py", "equilibrium/games/answer.py"}


def test_the_guards_see_what_they_look_for() -> None:
    text = "A = 1e-6\n'why'\n_B: float = 1e-7\ndef f(x, y=1e-9):\n    return Verdict.EXACT if x > 0.5 * 1e-3 else 1"
    tree = ast.parse(text)
    assert list(constants(tree)) == [("A", 1e-6, True), ("B", 1e-7, False)]
    assert nameless(tree) == [4, 5]
    assert claims(tree) == [5]


# The verdict


@pytest.mark.parametrize(
    ("residuals", "regrets", "expected"),
    [
        ([1e-7], [1e-8], Verdict.EXACT),
        ([0.0, 1e-12], [], Verdict.EXACT),
        ([1e-7], [0.0, 1.1e-8], Verdict.EPSILON_NASH),
        ([0.0], [1e-6], Verdict.EPSILON_NASH),
        ([0.0], [1.1e-6], Verdict.KKT_CONSISTENT),
        ([0.0], [math.inf, 0.0], Verdict.KKT_CONSISTENT),
        ([0.0, 1.1e-7], [0.0], Verdict.UNPROVED),
    ],
)
def test_a_verdict_follows_from_the_largest_residual_and_regret(
    residuals: list[float], regrets: list[float], expected: Verdict
) -> None:
    assert verdict(residuals, regrets) is expected


def test_what_is_not_a_number_proves_nothing() -> None:
    assert verdict([0.0, math.nan, 0.0], [0.0]) is Verdict.UNPROVED
    assert verdict([0.0], [0.0, math.nan, 0.0]) is Verdict.KKT_CONSISTENT
    for place in range(4):
        parts = [0.0, 0.0, 0.0, 0.0]
        parts[place] = math.nan
        assert math.isnan(Residuals(*parts).worst)
    assert [largest_gain(*pair) for pair in ((3.0, 1.0), (1.0, 3.0), (1.0, math.nan))] == [2.0, 0.0, math.inf]


# Every market and every kind of game


def lots_lead() -> str:
    lots = (lot_data(30.0, [20.0, 20.0]),) * 2
    return LotsLeadMarket(small_network(lots=2)).clear(small_day([0.1, 0.2], lots)).certificate.verdict


def nodal(ramp_kw_per_h: float) -> str:
    """A nodal day; a ramp joins its hours."""
    network = small_network(turbine=Microturbine("turbine", 2, 100.0, 0.05, ramp_kw_per_h))
    day = small_day([0.1, 0.2], (lot_data(30.0, [20.0, 20.0]),), turbines=1)
    return NodalMarket(network).clear(day).certificate.verdict


def disco(**rules: str) -> str:
    network, day = random_day(3, periods=4, count=2)
    return DiscoMarket(network, segments=3, **rules).clear(day).certificate.verdict


def aggregator(**changes: str) -> str:
    return AggregatorMarket().clear(aggregator_day(3, **changes)).certificate.verdict


def posted_prices() -> str:
    demand = LogitDemand([100.0], [20.0], -10.0, [[1.0, 1.0]], 0.5)
    return PostedPriceGame(demand, cost=0.15, price_min=0.1, price_max=1.0).regret([0.260829336, 0.260829336]).verdict


def solved(name: str) -> str:
    return read_game(ROOT / "tests" / "instances" / f"{name}.json").solve().verdict


def verified() -> str:
    game = Game("duopoly")
    first, second = game.leader("first", "max"), game.follower("second", "max")
    big, small = first.variable("Q"), second.variable("q")
    first.objective, second.objective = (12 - big - small) * big, (12 - big - small) * small
    return game.verify({"Q": 6.0, "q": 3.0}).verdict


ANSWERS: dict[str, Callable[[], str]] = {
    "lots-lead": lots_lead,
    "nodal, hours apart": lambda: nodal(math.inf),
    "nodal, hours joined": lambda: nodal(50.0),
    "disco, recourse": lambda: disco(mode="windows-strict"),
    "disco, here and now": lambda: disco(mode="windows-strict", purchases="here-and-now"),
    "disco, one way": lambda: disco(mode="strict-exclusive"),
    "disco, by conditions": lambda: disco(mode="windows-strict", method="kkt-milp"),
    "aggregator, pay-as-bid": aggregator,
    "aggregator, uniform": lambda: aggregator(pricing="uniform"),
    "posted prices": posted_prices,
    "one leader": lambda: solved("bard_98_721"),
    "one leader, pessimistic": lambda: solved("indifferent_follower_pessimistic"),
    "followers alone": lambda: solved("cournot_duopoly"),
    "several leaders": lambda: solved("brander_spencer_85"),
    "a point given": verified,
}


@pytest.mark.parametrize("name", ANSWERS)
def test_every_verdict_uses_the_one_set(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = ANSWERS[name]
    assert answer() == Verdict.EXACT
    monkeypatch.setattr(certificate, "EXACT_REGRET", -1.0)
    assert answer() == Verdict.EPSILON_NASH
    monkeypatch.setattr(certificate, "EPSILON_REGRET", -1.0)
    assert answer() == Verdict.KKT_CONSISTENT
    monkeypatch.setattr(certificate, "RESIDUAL_TOLERANCE", -1.0)
    assert answer() == (GameVerdict.INFEASIBLE if name == "a point given" else Verdict.UNPROVED)
