"""Searches of several scenarios side by side: bounds come down together, no further than is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from equilibrium.deadline import Deadline
from equilibrium.markets.aggregator import levels
from equilibrium.markets.aggregator.followers import price_names
from equilibrium.markets.aggregator.group import Group
from equilibrium.markets.aggregator.levels import look_all, lower_all
from equilibrium.markets.aggregator.search import Search
from equilibrium.programs.solvers import aside
from tests.equilibrium.aggregator_days import random_day
from tests.equilibrium.test_aggregator_trees import CLOSE, SEEDS, Given, day_of, lots_of

WEIGHTS = np.array([0.5, 0.3, 0.2])


def searches(*seeds: int) -> list[Search]:
    """Searches that have looked at nothing but prices of zero."""
    every = [day_of(seed) for seed in seeds]
    found = [given.search() for given in every]
    for given, search in zip(every, found, strict=True):
        zero = {name: np.zeros(given.day.periods) for name in price_names(given.day)}
        look_all([search], [zero])
    return found


def bound_of(several: Sequence[Search], weights: np.ndarray = WEIGHTS) -> float:
    return float(weights @ [each.bound for each in several])


@pytest.fixture(scope="module")
def best() -> np.ndarray:
    return np.array([day_of(seed).search().run().value for seed in (0, 2, 4)])


@pytest.mark.parametrize("part", [0.02, 0.1, 0.3])
def test_bounds_come_down_to_what_is_enough(part: float, best: np.ndarray) -> None:
    enough = (1.0 + part) * float(WEIGHTS @ best)
    several = searches(0, 2, 4)
    lower_all(several, WEIGHTS, Deadline(), 0.0, enough)
    assert bound_of(several) <= enough
    assert all(each.bound >= value - CLOSE for each, value in zip(several, best, strict=True))
    before = sum(each.looked for each in several)
    lower_all(several, WEIGHTS, Deadline(), 0.0, enough)  # nothing is left to do
    assert sum(each.looked for each in several) == before
    lower_all(several, WEIGHTS, Deadline(), 0.0)
    assert sum(each.looked for each in several) > before
    assert [each.bound for each in several] == pytest.approx(best, abs=CLOSE)
    assert [each.value for each in several] == pytest.approx(best, abs=CLOSE)


def test_what_cannot_be_had_ends_at_the_gap(best: np.ndarray) -> None:
    """Also where a search has no weight: then its own gap alone counts."""
    several = searches(0, 2, 4)
    lower_all(several, WEIGHTS, Deadline(), 0.05, 0.5 * float(WEIGHTS @ best))
    assert all(each.bound - each.value <= 0.05 + CLOSE for each in several)
    alone = searches(0, 2)
    lower_all(alone, np.array([1.0, 0.0]), Deadline(), 0.05)
    assert all(each.bound - each.value <= 0.05 + CLOSE for each in alone)


@pytest.mark.parametrize("nodes", [0, 1, 4, 9])
def test_a_limit_of_nodes_ends_all_of_them(nodes: int, best: np.ndarray) -> None:
    several, limit = searches(0, 2, 4), Deadline(nodes=nodes)
    lower_all(several, WEIGHTS, limit, 0.0)
    assert sum(each.looked for each in several) <= max(nodes, len(several))
    assert all(each.bound >= value - CLOSE for each, value in zip(several, best, strict=True))


def test_what_one_search_does_not_need_is_left_to_the_others() -> None:
    needed = [search.run().nodes for search in searches(0, 2)]
    assert needed[0] != needed[1]
    several = searches(0, 2)
    lower_all(several, np.full(2, 0.5), Deadline(nodes=sum(needed) + 2), 0.0)
    assert [each.ended(0.0) for each in several] == [True, True]


def test_those_that_leave_most_open_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    several, left = searches(0, 2, 4), list[float]()

    def seen(tasks: Sequence[Callable[[], Any]], _stop: Any) -> list[Any]:
        left.extend(task.func.__self__.left for task in tasks)  # type: ignore[attr-defined]
        return []

    for nodes, search in zip((1, 4, 2), several, strict=True):
        search.run(Deadline(nodes=nodes))
    monkeypatch.setattr(levels, "side_by_side", seen)
    lower_all(several, WEIGHTS, Deadline(), 0.0)
    assert left == sorted((each.left for each in several), reverse=True)
    assert left != [each.left for each in several]


@pytest.mark.parametrize("gap", [0.0, 0.05])
def test_the_last_level_is_the_gap_itself(gap: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search to the end chooses otherwise than one up to a gap, however small."""
    given, whole = list[float](), Search.run

    def told(search: Search, *limit: Any, gap: float) -> Any:
        given.append(gap)
        return whole(search, *limit, gap=gap)

    several = searches(0, 2, 4)
    monkeypatch.setattr(Search, "run", told)
    lower_all(several, WEIGHTS, Deadline(), gap)
    assert set(given) == {gap}


def repriced(loss_price: float) -> list[tuple[float, float, int]]:
    """What the searches of a group know when they have gone on at another price of losses."""
    day = random_day(5, periods=4, scenarios=3, pricing="uniform")

    def scenarios(price: float) -> list[list[Any]]:
        lots = lots_of(day, price)
        return [[each for each in lots if each.scenario == w] for w in range(day.scenarios)]

    group = Group(scenarios(0.0), day.probability, price_names(day), day.periods, {})
    group.solve(0.5, Deadline())
    group.costing(scenarios(loss_price), {})
    return [(each.bound, each.value, len(each._leaves or ())) for each in group._searches.values()]


def test_other_costs_in_threads_give_the_bounds_that_they_give_without(monkeypatch: pytest.MonkeyPatch) -> None:
    here = repriced(0.7)
    assert len(here) == 3
    assert here != repriced(0.0)
    monkeypatch.setattr(aside, "takes_threads", lambda: False)
    assert repriced(0.7) == here


@pytest.mark.parametrize("seed", SEEDS)
def test_a_search_has_ended_where_it_would_do_nothing(seed: int) -> None:
    given: Given = day_of(seed)
    search = given.search()
    assert not search.ended(np.inf)
    search.run(Deadline(nodes=2))
    for gap in (1.0, 0.1, 0.0):
        search.run(gap=gap)
        assert search.ended(gap)
        assert search.run(gap=gap).nodes == 0
