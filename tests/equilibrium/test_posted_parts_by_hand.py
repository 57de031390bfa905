"""Parts of posted prices by hand: grids, answers on them, types that are gathered, prices that nothing trades at."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.certificate import EPSILON_REGRET
from equilibrium.errors import InputError
from equilibrium.markets.aggregator import normal
from equilibrium.markets.charging import posted_prices, price_grid
from equilibrium.markets.charging.demand import LogitDemand
from equilibrium.markets.charging.lot_profits import LotProfits
from equilibrium.markets.charging.price_boxes import WIDTHS, Boxes
from equilibrium.markets.charging.price_grid import check_grids
from equilibrium.programs.program import GAP

GRIDS = (np.array([1.0, 2.0]), np.array([3.0, 4.0, 5.0]))


class Table:
    """Two lots on a grid of two and three prices, whose profits stand in tables."""

    def __init__(self, first: list[list[float]], second: list[list[float]]) -> None:
        self.lots, self.names, self.tables = 2, ("a", "b"), (np.array(first), np.array(second))

    def profits(self, points: np.ndarray) -> np.ndarray:
        at = points[:, 0].astype(int) - 1, points[:, 1].astype(int) - 3
        return np.column_stack([table[at] for table in self.tables])

    def along(self, lot: int, prices: np.ndarray, own: np.ndarray) -> np.ndarray:
        points = np.tile(prices, (own.size, 1))
        points[:, lot] = own
        return np.asarray(self.profits(points)[:, lot])


def pure(first: list[list[float]], second: list[list[float]]) -> list[list[float]]:
    game: Any = Table(first, second)
    return [each.tolist() for each in price_grid._all_pure(game, GRIDS)]


def test_all_combinations_at_which_nobody_gains(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first lot wants to be where the other is, the second where the first is: two corners."""
    first, second = [[9.0, 5.0, 1.0], [4.0, 5.0, 6.0]], [[7.0, 6.0, 0.0], [0.0, 2.0, 3.0]]
    assert pure(first, second) == [[1.0, 3.0], [2.0, 5.0]]
    monkeypatch.setattr(price_grid, "_BATCH", 2)
    assert pure(first, second) == [[1.0, 3.0], [2.0, 5.0]]


def test_where_somebody_always_gains_the_least_gain_is_told() -> None:
    """Gains are relative to profits of at least one: 1 of 40 is less than 0.5 of 0.25."""
    first, second = [[0.25, 41.0, 9.0], [0.75, 40.0, 12.0]], [[5.0, 9.0, 7.0], [20.0, 8.0, 24.0]]
    # (1, 3): 0.5 and 4/5; (2, 3): 0 and 0.2; (1, 4): 0 and 0; so move the last away from rest
    assert pure(first, second) == [[1.0, 4.0], [2.0, 5.0]]
    first[0][1], first[1][1] = 40.0, 41.0
    second[1][2], second[0][1] = 19.0, 9.0
    assert pure(first, second) == [[2.0, 3.0]]
    second[1][0], second[1][2] = 20.0, 21.0
    assert pure(first, second) == [[2.0, 5.0]]
    first[0][2] = 12.5
    assert pure(first, second) == [[1.0, 4.0]]  # 1 of 40 is less than 0.5 of 12, and 1 of 20


@pytest.mark.parametrize(("gain", "found"), [(0.9, 2), (1.1, 1)])
def test_a_gain_that_is_next_to_nothing_is_none(gain: float, found: int) -> None:
    more = 0.5 + gain * EPSILON_REGRET
    first, second = [[9.0, 5.5, 1.0], [4.0, 5.0, 6.0]], [[7.0, 6.0, 0.0], [0.0, more, 0.5]]
    assert len(pure(first, second)) == found


def test_answers_in_turn_come_to_rest_from_three_starts() -> None:
    """From the lowest and the middle prices at one end, from the highest at the other."""
    first, second = [[9.0, 4.0, 1.0], [4.0, 5.0, 6.0]], [[7.0, 6.0, 0.0], [0.0, 2.0, 3.0]]
    game: Any = Table(first, second)
    assert [each.tolist() for each in price_grid._in_turn(game, GRIDS)] == [[1.0, 3.0], [2.0, 5.0]]


def test_answers_that_go_round_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """One lot wants to be where the other is, and that one wants to be where it is not."""
    first, second = [[9.0, 0.0, 0.0], [0.0, 0.0, 9.0]], [[0.0, 0.0, 9.0], [9.0, 0.0, 0.0]]
    game, looks = Table(first, second), list[int]()
    whole = game.along

    def along(lot: int, prices: np.ndarray, own: np.ndarray) -> np.ndarray:
        looks.append(lot)
        return whole(lot, prices, own)

    game.along = along  # type: ignore[method-assign]
    monkeypatch.setattr(price_grid, "_SWEEPS", 5)
    found = price_grid._in_turn(game, GRIDS)  # type: ignore[arg-type]
    assert looks == [0, 1] * 15
    assert len(found) <= 2


def test_grids_are_sorted_and_have_a_price_for_each_lot() -> None:
    game: Any = Table([[0.0] * 3] * 2, [[0.0] * 3] * 2)
    one, other = check_grids(game, [[3.0, 1.0, 3.0], 2.0])
    assert (one.tolist(), other.tolist()) == ([1.0, 3.0], [2.0])
    for grids, told in (
        ([[1.0]], "grids: got 1, expected 2 grids, one for each lot"),
        ([[1.0], []], "grid of b: got [], expected a finite price or more"),
        ([[np.inf], [1.0]], "grid of a: got [inf], expected a finite price or more"),
    ):
        with pytest.raises(InputError) as caught:
            check_grids(game, grids)
        assert str(caught.value).endswith(told)


def test_types_that_choose_alike_are_one_with_their_energy_and_its_cost() -> None:
    """The first and the third: 3 and 5 drivers of 10 and 20 kWh, 130 kWh; nobody of the last kind comes."""
    demand = LogitDemand(
        [3.0, 2.0, 5.0, 0.0], [10.0, 7.0, 20.0, 4.0], [-6.0, -6.0, -6.0, -9.0],
        [[1.0, 2.0], [1.0, 3.0], [1.0, 2.0], [0.5, 0.5]], [0.1, 0.1, 0.1, 0.2],
    )  # fmt: skip
    cost = [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6], [0.7, 0.8]]
    game = LotProfits.of(demand, cost, 0.1, 1.0, [4.0, 5.0], ("a", "b"))
    few = game.gathered()
    kinds = few.demand
    order = np.lexsort((kinds.attraction[:, 1], kinds.price_utility_per_kwh))
    assert kinds.drivers[order].tolist() == [0.0, 8.0, 2.0]
    assert kinds.energy_kwh[order] == pytest.approx([0.0, 130.0 / 8.0, 7.0])
    assert kinds.price_utility_per_kwh[order].tolist() == [-9.0, -6.0, -6.0]
    assert kinds.outside[order].tolist() == [0.2, 0.1, 0.1]
    assert kinds.attraction[order].tolist() == [[0.5, 0.5], [1.0, 2.0], [1.0, 3.0]]
    wanted = [[0.0, 0.0], [(3.0 + 50.0) / 130.0, (6.0 + 60.0) / 130.0], [0.3, 0.4]]
    assert few.cost[order] == pytest.approx(np.array(wanted))
    assert (few.places.tolist(), few.names) == ([4.0, 5.0], ("a", "b"))
    assert few.gathered() is few


# Prices at which nothing is traded


def normalised(
    monkeypatch: pytest.MonkeyPatch, worth: dict[str, float], *, grid: bool = False
) -> tuple[str, list[str]]:
    """Normal prices N in place of x, tried period by period: what stands in the end, and all that was tried."""
    day: Any = SimpleNamespace(uniform=False, periods=3)
    tried = list[str]()

    def written(prices: Any) -> str:
        return "".join("xN"[int(each)] for each in prices["p"])

    def best(_day: Any, _followers: Any, prices: Any, _flows: Any) -> Any:
        text = written(prices)
        tried.append(text)
        value = worth.get(text)
        return None if value is None else SimpleNamespace(prices=prices, value=value)

    monkeypatch.setattr(normal, "_wanted", lambda *_: {"p": np.ones(3)})
    monkeypatch.setattr(normal, "_joined", lambda _: [("p",)])
    monkeypatch.setattr(normal, "best_point", best)
    point: Any = SimpleNamespace(prices={"p": np.zeros(3)}, value=8.0)
    found = normal.normalised(day, (), point, SimpleNamespace() if grid else None)  # type: ignore[arg-type]
    return written(found.prices), tried


def test_normal_prices_are_taken_together_or_period_by_period(monkeypatch: pytest.MonkeyPatch) -> None:
    near = 8.0 - 8.9 * GAP
    assert normalised(monkeypatch, {"NNN": near}) == ("NNN", ["NNN"])
    worth = {"NNN": 8.0 - 9.2 * GAP, "Nxx": 8.0, "NNx": 7.0, "NxN": 9.0}
    assert normalised(monkeypatch, worth) == ("NxN", ["NNN", "Nxx", "NNx", "NxN"])
    assert normalised(monkeypatch, worth, grid=True) == ("xxx", ["NNN"])
    assert normalised(monkeypatch, {}) == ("xxx", ["NNN", "Nxx", "xNx", "xxN"])
    fixed: Any = SimpleNamespace(uniform=True)
    point: Any = object()
    assert normal.normalised(fixed, (), point, None) is point


# What is proved of equilibria beside those in hand


class Proof:
    """Heaps of boxes on a line by turn, each from its low to its high end; what is tried in them, and what is left."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, turns: list[list[tuple[float, float]] | None]) -> None:
        self.left, self.tried, self.unbeaten, self.one = iter(turns), list[float](), list[float](), True
        self.found: dict[float, tuple[float, bool]] = {}
        self.beaten: set[float] = set()
        self.asked = list[list[float]]()
        patch = monkeypatch.setattr
        patch(posted_prices, "whole", lambda _: Boxes(np.zeros((1, 1)), np.ones((1, 1))))
        patch(posted_prices, "remaining", self.remaining)
        patch(posted_prices, "newton", self.newton)
        patch(posted_prices, "unbeaten", self.look)
        patch(posted_prices, "at_most_one", lambda *_: self.one)

    def remaining(self, _: Any, boxes: Boxes, __: float, ___: Any) -> Any:
        self.asked.append(sorted(boxes.low.ravel().tolist()))
        heaps = next(self.left)
        return None if heaps is None else tuple(Boxes(np.array([[low]]), np.array([[high]])) for low, high in heaps)

    def newton(self, _: Any, middle: np.ndarray) -> Any:
        self.tried.append(float(middle[0]))
        found = self.found.get(float(middle[0]))
        return None if found is None else np.array([found[0]])

    def look(self, _: Any, heap: Boxes) -> Boxes:
        self.unbeaten.append(float(heap.low[0, 0]))
        return Boxes(heap.low[:0], heap.high[:0]) if float(heap.low[0, 0]) in self.beaten else heap

    def run(self, known: list[tuple[float, bool]]) -> tuple[list[float], float, bool]:
        here: Any = object.__new__(posted_prices.PostedPriceGame)
        here.profits = None
        certified = dict([*known, *self.found.values()])
        here.regret = lambda prices: SimpleNamespace(prices=prices, certified=certified[float(prices[0])])
        points = [SimpleNamespace(prices=np.array([price]), certified=fine) for price, fine in known]
        found, proof = here._completed(points, None)
        return [float(each.prices[0]) for each in found], proof.within, proof.counted


def test_every_heap_with_an_equilibrium_is_within_its_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first reaches 0.25 beyond its point, the other one 0.0625."""
    proof = Proof(monkeypatch, [[(0.25, 0.5), (0.875, 1.0)]])
    assert proof.run([(0.25, True), (0.9375, True)]) == ([0.25, 0.9375], 0.25, True)
    assert (proof.tried, proof.unbeaten) == ([], [])
    proof = Proof(monkeypatch, [[(0.25, 0.5)]])
    proof.one = False
    assert proof.run([(0.375, True)]) == ([0.375], 0.125, False)
    two = Proof(monkeypatch, [[(0.25, 0.75)]])
    assert two.run([(0.5, True), (0.625, True)]) == ([0.5, 0.625], 0.25, False)


def test_a_heap_without_one_is_tried_and_looked_at_again_closer(monkeypatch: pytest.MonkeyPatch) -> None:
    """At first nothing certified is in either; the second is beaten, and the first is looked at again."""
    proof = Proof(monkeypatch, [[(0.25, 0.5), (0.875, 1.0)], [(0.25, 0.375)]])
    proof.beaten = {0.875}
    proof.found = {0.3125: (0.3125, True), 0.9375: (0.5, True)}  # what lies outside its heap is left
    assert proof.run([(0.375, False)]) == ([0.375, 0.3125], 0.0625, True)
    assert (proof.tried, proof.unbeaten) == ([0.375, 0.9375, 0.3125], [0.25, 0.875])
    assert proof.asked == [[0.0], [0.25]]


def test_where_nothing_is_left_nothing_is_missed_and_a_limit_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = Proof(monkeypatch, [[(0.25, 0.5)]])
    empty.beaten = {0.25}
    assert empty.run([]) == ([], 0.0, True)
    assert Proof(monkeypatch, [None]).run([(0.375, True)]) == ([0.375], np.inf, False)
    endless = Proof(monkeypatch, [[(0.25, 0.5)]] * len(WIDTHS))
    assert endless.run([]) == ([], np.inf, False)
    assert len(endless.asked) == len(WIDTHS)


def test_only_so_many_heaps_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posted_prices, "_HEAPS_TRIED", 1)
    proof = Proof(monkeypatch, [[(0.0, 0.25), (0.75, 1.0)], [(0.75, 0.875)]])
    proof.beaten = {0.0, 0.75}
    assert proof.run([]) == ([], 0.0, True)
    assert (proof.tried, proof.unbeaten, proof.asked) == ([0.125, 0.8125], [0.0, 0.75], [[0.0], [0.75]])
