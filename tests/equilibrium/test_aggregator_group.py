"""The prices of a group: of lots so simple that the best ones can be counted out, and what is tried before a split."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from equilibrium.deadline import Deadline
from equilibrium.markets.aggregator.followers import Follower, expected
from equilibrium.markets.aggregator.group import SPLIT, Group, _Box
from equilibrium.markets.aggregator.pieces import Piece
from equilibrium.programs.program import FEASIBILITY, ProgramBuilder

CAP, PERIODS = 10.0, 2

Sizes = list[list[tuple[int, int, int]]]
"""By scenario and period: the most kW that are bought, up to which price, and what they cost the leader."""


def buyers(scenario: list[tuple[int, int, int]], name: str) -> Follower:
    """Who buys all that it can at a price up to its own, in each period."""
    kw, worth, upstream = np.array(scenario, dtype=np.float64).T
    build = ProgramBuilder()
    bought = build.columns("bought_kw", (PERIODS,), upper=kw, cost=-worth)
    build.cost_ports(bought, build.port("price", (PERIODS,)), np.ones(PERIODS))
    return Follower(name, "lot", 0, 1.0, build.compile(), {}, {"price": name}, -upstream)


def group(sizes: dict[str, Sizes], probability: list[int]) -> Group:
    """One buyer for each price in every scenario."""
    weight = np.array(probability, dtype=np.float64) / sum(probability)
    scenarios = [[buyers(sizes[name][k], name) for name in sizes] for k in range(len(probability))]
    return Group(scenarios, weight, dict.fromkeys(sizes, CAP), PERIODS, {})


def counted(sizes: dict[str, Sizes], probability: list[int]) -> float:
    """What the best prices earn: each is zero, the cap or what a buyer would just pay."""
    total, weight = 0.0, np.array(probability) / sum(probability)
    for buyer, period in itertools.product(sizes.values(), range(PERIODS)):
        rows = [scenario[period] for scenario in buyer]
        total += max(
            sum(w * kw * (price - cost) for w, (kw, worth, cost) in zip(weight, rows, strict=True) if price <= worth)
            for price in [0.0, CAP, *(worth for _, worth, _ in rows)]
        )
    return total


one = st.tuples(st.integers(0, 6), st.integers(1, 9), st.integers(0, 4))


@st.composite
def markets(draw: st.DrawFn, scenarios: int, names: int) -> tuple[dict[str, Sizes], list[int]]:
    sizes = {f"price {k}": [[draw(one) for _ in range(PERIODS)] for _ in range(scenarios)] for k in range(names)}
    return sizes, [draw(st.integers(1, 4)) for _ in range(scenarios)]


@settings(max_examples=25, phases=[Phase.explicit, Phase.generate], derandomize=True, deadline=None)
@given(made=st.one_of(markets(1, 1), markets(2, 2), markets(3, 1)))
def test_the_best_prices_of_a_group_are_those_that_are_counted(made: tuple[dict[str, Sizes], list[int]]) -> None:
    best = group(*made).solve(0.0, Deadline())
    assert abs(best.value - counted(*made)) <= 1e-6
    assert 0.0 <= best.bound - best.value <= 1e-6


@settings(max_examples=25, phases=[Phase.explicit, Phase.generate], derandomize=True, deadline=None)
@given(made=markets(2, 2), at=st.lists(st.integers(0, 10), min_size=8, max_size=8))
def test_no_price_of_another_scenario_is_better_once_prices_are_polished(
    made: tuple[dict[str, Sizes], list[int]], at: list[int]
) -> None:
    """Neither a single one nor all of a period: nothing that is tried would earn more than what comes out."""
    here, names = group(*made), ["price 0", "price 1"]
    first, other = (
        {n: np.array(each, dtype=float) for n, each in zip(names, (part[:2], part[2:]), strict=True)}
        for part in (at[:4], at[4:])
    )
    before = float(here.probability @ here.by_scenario(first))
    best, value = here._polished(first, before, [other])
    assert value >= before
    assert abs(value - float(here.probability @ here.by_scenario(best))) <= 1e-9
    for period, some in itertools.product(range(PERIODS), ([names[0]], [names[1]], names)):
        trial = {name: price.copy() for name, price in best.items()}
        for name in some:
            trial[name][period] = other[name][period]
        assert float(here.probability @ here.by_scenario(trial)) <= value + 1e-6


def line(low: float, high: float, at_low: float, at_high: float) -> Piece:
    nothing = np.zeros(0)
    return Piece(low, high, nothing, nothing, at_low, at_high, 0)


def with_graphs(*pieces: Piece) -> Group:
    """A group of one buyer of 2 kW at up to 5 in both periods, whose price also earns what the pieces say."""
    follower = buyers([(2, 5, 1)] * PERIODS, "price")
    return Group(
        [[follower]], np.ones(1), {"price": CAP}, PERIODS, {"price": [list(pieces), [line(0.0, CAP, 0.0, 0.0)]]}
    )


STEPS = (line(0.0, 0.0, 1.0, 1.0), line(0.0, 4.0, 0.0, 8.0), line(4.0, 4.0, 9.0, 9.0), line(4.0, 10.0, -1.0, -7.0))


def test_a_price_stands_on_a_breakpoint_where_it_is_as_good_as_there() -> None:
    here = with_graphs(*STEPS)
    near = FEASIBILITY * 5.0
    for price, wanted in ((-1.0, 0.0), (12.0, CAP), (4.0 + 0.9 * near, 4.0), (4.0 - 0.9 * near, 4.0), (0.9e-9, 0.0)):
        assert here.snapped({"price": np.array([price, 3.0])})["price"].tolist() == [wanted, 3.0]
    for price in (4.0 + 1.1 * near, 4.0 - 1.1 * near, 7.0):
        assert here.snapped({"price": np.array([price, price])})["price"].tolist() == [price, price]


def test_what_prices_earn_by_hand() -> None:
    """2 kW at 3 of which each costs 1; the graph of the first period gives 2 a unit of price up to 4, 9 at 4."""
    here = with_graphs(*STEPS)
    assert here.earned(0, {"price": np.array([3.0, 3.0])}) == 2.0 * 2.0 + 2.0 * 2.0 + 6.0
    assert here.earned(0, {"price": np.array([4.0, 3.0])}) == 2.0 * 3.0 + 2.0 * 2.0 + 9.0
    assert here.earned(0, {"price": np.array([7.0, 3.0])}) == 2.0 * 2.0 - 4.0
    best = here.solve(0.0, Deadline())
    assert best.prices["price"].tolist() == [4.0, 5.0]  # in the first period 6 + 9 beat 8 - 2
    assert best.value == 6.0 + 9.0 + 8.0
    assert best.bound - best.value <= 1e-6


def test_where_a_price_is_split_between_what_two_scenarios_want() -> None:
    """A part of the way from the lower one; half of it where one is a limit that was set before."""
    here = with_graphs()

    def split(low: float, high: float, one: float, other: float) -> float:
        box = _Box({"price": np.array([low, 0.0])}, {"price": np.array([high, CAP])}, np.zeros(1), (), ())
        wanted, common = ({"price": np.array([each, 0.0])} for each in (one, other))
        return here._between(box, "price", 0, wanted, common)

    assert split(0.0, CAP, 2.0, 6.0) == split(0.0, CAP, 6.0, 2.0) == 2.0 + SPLIT * 4.0
    assert split(0.0, CAP, 0.0, 6.0) == SPLIT * 6.0
    assert split(0.0, CAP, 2.0, CAP) == 2.0 + SPLIT * 8.0
    assert split(2.0, CAP, 2.0, 6.0) == 4.0
    assert split(1.0, 6.0, 2.0, 6.0) == 4.0


def test_the_mean_scenario_is_weighted() -> None:
    one, other = ((1.0, 4.0), (5.0, 8.0))
    given = [Follower("lot", "lot", 0, 1.0, None, {"x": np.array(each)}, {}, np.zeros(0)) for each in (one, other)]  # type: ignore[arg-type]
    assert expected(given, np.array([0.25, 0.75])).given["x"].tolist() == [4.0, 7.0]
