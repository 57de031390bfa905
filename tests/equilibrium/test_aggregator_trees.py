"""A search of the aggregator market goes on where it was: at a closer gap, at other costs, between closer prices.

Each time it must end as one that begins afresh, and be told a bound at any time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.deadline import Deadline
from equilibrium.markets.aggregator.day import AggregatorDay
from equilibrium.markets.aggregator.followers import Follower, followers, price_names
from equilibrium.markets.aggregator.halves import Halves, halve
from equilibrium.markets.aggregator.nodes import Nodes, Prices, Problem
from equilibrium.markets.aggregator.point import with_loss_price
from equilibrium.markets.aggregator.reaction import react
from equilibrium.markets.aggregator.search import Search
from tests.equilibrium.aggregator_days import random_day

SEEDS = range(6)
CLOSE = 1e-7


def lots_of(day: AggregatorDay, loss_price: float = 0.0) -> list[Follower]:
    price = np.linspace(loss_price, -loss_price, day.periods)
    return [with_loss_price(day, each, price) for each in followers(day) if each.kind == "lot"]


class Given:
    """A day's lots at a price of losses that can be changed, and what prices earn of them."""

    def __init__(self, seed: int, **more: Any) -> None:
        self.day = random_day(seed, periods=4, **more)
        self.lots = lots_of(self.day)

    def halves(self) -> Halves:
        return halve(self.lots, price_names(self.day), self.day.periods)

    def earned(self, prices: Prices) -> float:
        every = {name: np.zeros(self.day.periods) for name in price_names(self.day)} | dict(prices)
        return sum(react(each, every).margin for each in self.lots)

    def search(self, low: Prices | None = None, high: Prices | None = None) -> Search:
        return Search(Nodes(Problem.of(self.halves()), low, high), self.earned)


def day_of(seed: int) -> Given:
    return Given(seed, pricing="uniform") if seed % 2 else Given(seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_search_goes_on_at_a_closer_gap(seed: int) -> None:
    given = day_of(seed)
    whole, parts = given.search().run(), given.search()
    assert parts.bound == np.inf
    bounds = []
    for nodes in range(1, 4):
        found = parts.run(Deadline(nodes=nodes))
        assert found.bound >= whole.value - CLOSE
        bounds.append(found.bound)
    wide = parts.run(gap=0.5 * (bounds[-1] - whole.value))
    bounds.append(wide.bound)
    closed = parts.run()
    assert sorted(bounds, reverse=True) == bounds
    assert closed.value == pytest.approx(whole.value, abs=CLOSE)
    assert closed.bound == pytest.approx(whole.value, abs=CLOSE)
    assert parts.run().nodes == 0
    assert parts.bound == closed.bound


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("nodes", [2, np.inf])
def test_a_search_goes_on_at_other_costs(seed: int, nodes: float) -> None:
    """Bounds and values are those of the new costs alone, whether it had come to its end at the old ones or not."""
    given = day_of(seed)
    search = given.search()
    search.run(Deadline(nodes=nodes))
    for loss_price in (1.5, -0.7, 0.0):
        given.lots = lots_of(given.day, loss_price)
        assert search.costing(given.halves())
        afresh = given.search().run()
        assert search.bound >= afresh.value - CLOSE
        assert search.prices is None or search.value == pytest.approx(given.earned(search.prices), abs=CLOSE)
        found = search.run()
        assert found.value == pytest.approx(afresh.value, abs=CLOSE)
        assert found.bound == pytest.approx(afresh.value, abs=CLOSE)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("nodes", [2, np.inf])
def test_a_search_goes_on_between_closer_prices(seed: int, nodes: float) -> None:
    given = day_of(seed)
    search = given.search()
    found = search.run(Deadline(nodes=nodes))
    assert found.prices is not None
    name = next(iter(found.prices))
    caps = price_names(given.day)
    low: dict[str, np.ndarray] = {each: np.zeros(given.day.periods) for each in found.prices}
    high = {each: np.full(given.day.periods, caps[each]) for each in found.prices}
    for period in range(2):  # away from what is best
        if found.prices[name][period] > 0.5 * caps[name]:
            high[name][period] = 0.4 * caps[name]
        else:
            low[name][period] = 0.6 * caps[name]
    inner = search.within(low, high)
    assert inner.bound <= search.bound
    begun = inner.run()
    afresh = given.search(low, high).run()
    assert begun.value == pytest.approx(afresh.value, abs=CLOSE)
    assert begun.bound == pytest.approx(afresh.bound, abs=CLOSE)
    assert begun.bound <= search.run().bound + CLOSE
    assert begun.prices is not None
    assert all((begun.prices[each] >= low[each] - CLOSE).all() for each in low)
    assert all((begun.prices[each] <= high[each] + CLOSE).all() for each in high)


def test_what_differs_in_more_than_costs_is_another_problem() -> None:
    given = Given(0)
    search = given.search()
    first = given.halves()
    assert first.differs_in_costs(given.halves())
    other = Given(1)
    assert not search.costing(other.halves())
    later = given.day.lots[0]
    given.lots = lots_of(replace(given.day, lots=(replace(later, charge_efficiency=0.77),)))
    assert not search.costing(given.halves())
    given.lots = lots_of(given.day)
    fewer = replace(first, prices=replace(first.prices, col_upper=first.prices.col_upper * 0.5))
    assert not first.differs_in_costs(fewer)


def test_marginal_losses_cost_a_lot_what_it_draws_over_the_length_of_each_period() -> None:
    """What it gives back earns them; periods of 1, 0.5 and 0.25 h, at 0.1, 0.2 and 0.4 EUR/kWh: 0.1 EUR for each kW."""
    names = ("charge_g2v_kw", "charge_v2g_kw", "discharge_kw", "output_kw", "served_kw", "stock_kwh")
    columns = {name: SimpleNamespace(slice=slice(3 * k, 3 * k + 3)) for k, name in enumerate(names)}
    lot = Worth(np.arange(18.0), SimpleNamespace(columns=columns))
    day = SimpleNamespace(length_h=np.array([1.0, 0.5, 0.25]))
    found = with_loss_price(day, lot, np.array([0.1, 0.2, 0.4]))  # type: ignore[arg-type]
    change = np.repeat([-0.1, -0.1, 0.1, 0.1, -0.1, 0.0], 3)
    assert found.worth == pytest.approx(np.arange(18.0) + change)
    assert lot.worth.tolist() == list(range(18))


@dataclass(frozen=True)
class Worth:
    """What is read of a follower."""

    worth: np.ndarray
    program: Any
