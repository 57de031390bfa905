"""The prices of a group: of lots so simple that the best ones can be counted out, and what is tried before a split."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from equilibrium.deadline import Deadline
from equilibrium.markets.aggregator.followers import Follower
from equilibrium.markets.aggregator.group import Group
from equilibrium.programs.program import ProgramBuilder

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
