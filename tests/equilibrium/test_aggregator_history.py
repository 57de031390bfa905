"""What branching promises: by hand, and that what is promised decides which choice a search takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.deadline import Deadline
from equilibrium.markets.aggregator import leader
from equilibrium.markets.aggregator.followers import followers, price_names
from equilibrium.markets.aggregator.group import Settled
from equilibrium.markets.aggregator.halves import halve
from equilibrium.markets.aggregator.history import LEAST_RISE, USUAL, History, score
from equilibrium.markets.aggregator.hours import Hours, Rest
from equilibrium.markets.aggregator.market import AggregatorMarket
from equilibrium.markets.aggregator.nodes import Node, Nodes, Prices, Problem
from equilibrium.markets.aggregator.point import Point, best_point
from equilibrium.markets.aggregator.search import MOST_TRIED, WORTH, Search
from equilibrium.markets.aggregator.worths import Worths
from equilibrium.programs.solvers import solve_linear
from equilibrium.programs.solvers.choose import require_optimal
from tests.equilibrium.aggregator_days import lot_halves, on_line, random_day


def history() -> History:
    """Of four choices: the first did little, the second much on both sides, the third on one; of the last nothing."""
    found = History.of(4)
    for choice, rises, off in ((0, (1.0, 1.0), 1.0), (1, (6.0, 4.0), 4.0), (1, (2.0, 8.0), 16.0), (2, (9.0, 0.0), 9.0)):
        for side in (0, 1):
            found.remember(side, choice, rises[side], off)
    return found


def test_means_count_and_the_worst_new_choice_comes_first() -> None:
    found = history().by_mean(np.array([2, 3, 0, 1]))
    assert [choice for choice, _ in found] == [3, 1, 0, 2]
    assert found[0][1] == np.inf
    assert [promised for _, promised in found[1:]] == pytest.approx([4.0 * 6.0, 1.0, 9.0 * 9.0 * LEAST_RISE])
    assert [choice for choice, _ in History.of(3).by_mean(np.array([2, 0, 1]))] == [2]


def test_a_choice_promises_its_rate_times_what_it_is_off_by() -> None:
    known = history()
    often, usual = 4.0, np.array([1.0 + 3.0 + 0.5 + 3.0, 1.0 + 2.0 + 2.0]) / 4.0
    assert often == known.seen.sum(axis=1)[0]
    broken, off = np.array([3, 0, 1]), np.array([25.0, 16.0, 9.0])
    seen, rate = np.array([0.0, 1.0, 2.0]), np.array([[0.0, 1.0, 3.5], [0.0, 1.0, 4.0]])
    rises = (rate + USUAL * usual[:, None]) / (seen + USUAL) * np.sqrt(off)
    found = known.by_size(broken, off, np.inf)
    wanted = sorted(zip(broken.tolist(), np.prod(rises, axis=0).tolist(), strict=True), key=lambda each: -each[1])
    assert [choice for choice, _ in found] == [choice for choice, _ in wanted]
    assert [promised for _, promised in found] == pytest.approx([promised for _, promised in wanted])
    # No more counts than what closes the node; a far worse choice of which nothing is known is the first one.
    assert all(promised <= 4.0 for _, promised in known.by_size(broken, off, 2.0))
    assert known.by_size(broken, np.array([1e4, 1.0, 1.0]), np.inf)[0][0] == 3
    none = History.of(3).by_size(np.array([2, 0, 1]), np.array([3.0, 2.0, 1.0]), 9.0)
    assert [choice for choice, _ in none] == [2, 0, 1]


def test_a_copy_goes_its_own_way() -> None:
    first = history()
    other = first.copy()
    other.remember(0, 3, 5.0, 1.0)
    assert first.seen[0, 3] == 0
    assert first.rise[0, 3] == first.rate[0, 3] == 0.0
    assert other.seen[0, 3] == 1


@settings(max_examples=30)
@given(first=st.floats(0.0, 1e6), second=st.floats(0.0, 1e6), more=st.floats(0.0, 1e3))
def test_a_larger_rise_is_worth_more(first: float, second: float, more: float) -> None:
    one, other = np.array(first), np.array(second)
    assert score(one, other) == score(other, one) > 0.0
    assert score(one + more, other) >= score(one, other)


@pytest.mark.parametrize("gap", [0.0, 3.0])
def test_a_search_takes_a_choice_that_closes_a_side_or_the_best_one_tried(
    gap: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is tried after a choice that closes a side, or that does as well as the next one promises."""
    tried = list[tuple[float, float, list[float]]]()
    chosen = list[tuple[list[tuple[float, float, list[float]]], list[float], float]]()
    children, choose = Search._children, Search._choose

    def kept_children(self: Search, node: Node, choice: int) -> list[Node | None]:
        found = children(self, node, choice)
        rises = [min((np.inf if part is None else part.value) - node.value, self._closing(node)) for part in found]
        tried.append((choice, float(score(np.array(rises[0]), np.array(rises[1]))), rises))
        return found

    def kept_choose(self: Search, node: Node, broken: IntArray, off: FloatArray) -> list[Node | None]:
        tried.clear()
        found = choose(self, node, broken, off)
        values = [min((np.inf if part is None else part.value) - node.value, self._closing(node)) for part in found]
        chosen.append((list(tried), values, self._closing(node)))
        return found

    monkeypatch.setattr(Search, "_children", kept_children)
    monkeypatch.setattr(Search, "_choose", kept_choose)
    day = random_day(3, periods=5, scenarios=2)
    AggregatorMarket(gap=gap / 100.0).clear(day)
    assert chosen
    for before, values, closing in chosen:
        closes = [max(rises) >= closing for _, _, rises in before]
        assert not any(closes[:-1])
        assert 1 <= len(before) <= max(MOST_TRIED)
        assert values == (before[-1][2] if closes[-1] else max(before, key=lambda each: each[1])[2])
    assert min(WORTH) > 0.0


@pytest.mark.parametrize(
    ("gap", "pricing", "asked"),
    [(0.0, "pay-as-bid", "by_mean"), (0.5, "pay-as-bid", "by_size"), (0.5, "uniform", "by_mean")],
)
def test_what_promises_depends_on_the_gap_and_the_pricing(
    gap: float, pricing: str, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = list[str]()
    for each in ("by_mean", "by_size"):
        inner = getattr(History, each)

        def kept(*given_: Any, each: str = each, inner: Any = inner) -> Any:
            names.append(each)
            return inner(*given_)

        monkeypatch.setattr(History, each, kept)
    day = random_day(4, periods=6, pricing=pricing)
    lots = [each for each in followers(day) if each.kind == "lot"]
    graphs = Hours(day, None).graphs(np.zeros((day.periods, len(day.lots))))
    halves = halve(lots, price_names(day), day.periods, graphs)
    assert bool(halves.weights) == (pricing == "uniform")
    search = Search(Nodes(Problem.of(halves)), lambda _: -np.inf)
    search.run(Deadline(nodes=3), gap=gap)
    assert set(names) == {asked}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("leaning", [0.1, 0.6, 0.95])
def test_bounds_come_to_what_their_ways_come_to(seed: int, leaning: float) -> None:
    """All bounds at once against each one followed along its way."""
    halves = lot_halves(random_day(seed, periods=6))
    worths = Worths(halves)
    size = np.abs(require_optimal(solve_linear(halves.prices), "prices").x[halves.multiplier])
    ways = worths.shortest(size, leaning)
    number, pulled = worths.at(ways, size)
    for at, told in enumerate(worths.told):
        whole = ways.closed(told)
        if whole is None:
            assert number[at] == np.inf
            continue
        assert number[at] == pytest.approx(whole.number)
        assert pulled[at] == pytest.approx(sum(weight * size[pair] for pair, weight in whole.pulls.items()))
        assert worths.pair[at] == told.pair


def test_a_point_is_made_once_for_the_same_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    made, asked, inner = list[bytes](), list[bytes](), leader.Leader._point

    def made_point(*given_: Any) -> Point | None:
        made.append(name(given_[2]))
        return best_point(*given_)

    def asked_point(self: leader.Leader, prices: Prices) -> Point | None:
        asked.append(name(prices))
        return inner(self, prices)

    monkeypatch.setattr(leader, "best_point", made_point)
    monkeypatch.setattr(leader.Leader, "_point", asked_point)
    AggregatorMarket().clear(on_line(random_day(2, periods=4, scenarios=3)))
    assert sorted(made) == sorted(set(asked))
    assert len(asked) > len(made)


def name(prices: Prices) -> bytes:
    return b"".join(prices[each].tobytes() for each in sorted(prices))


@pytest.mark.parametrize(
    ("gaps", "wide"),
    [
        # What the group leaves is most of the gap: it goes on at the same price, closer each time.
        ([(9.0, 0.0), (8.0, 0.0), (7.0, 0.0), (6.0, 0.0)], [2.0, 1.0, 0.5, 0.25]),
        # The price of losses leaves it: another price, as close as in the end.
        ([(9.0, 8.0), (8.0, 7.5), (7.0, 6.5)], [2.0, 1.0, 1.0]),
    ],
)
def test_groups_go_on_closer_where_they_leave_the_gap(
    gaps: list[tuple[float, float]], wide: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each round is made up: how far its bound is above the best point, and how much of it the price leaves."""
    day = on_line(random_day(2, periods=3))
    asked, best = list[float](), list[float]()

    def made_round(self: leader.Leader, width: float, point: Point | None) -> tuple[list[Settled], Rest]:
        assert point is not None
        asked.append(width)
        best.append(point.value)
        above, price = gaps[min(len(asked), len(gaps)) - 1]
        prices = {name: value for name, value in point.prices.items() if name in self._groups[0].caps}
        others = {name: value for name, value in point.prices.items() if name not in prices}
        most = point.value + above
        return [Settled(prices, most - (above - price), most, (prices,), 1)], Rest(0.0, others)

    monkeypatch.setattr(leader.Leader, "_round", made_round)
    monkeypatch.setattr(leader, "_next_price", lambda tried, *_: tried[-1][1] + 0.1 if len(tried) < 3 else None)
    AggregatorMarket(gap=1e-9).clear(day)
    assert asked[: len(wide)] == wide
    assert len(set(best)) == 1
