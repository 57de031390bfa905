"""Boxes of posted prices, step by step, with ranges of profits and slopes that are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from equilibrium.arrays import FloatArray
from equilibrium.certificate import SAME_PRICE
from equilibrium.deadline import Deadline
from equilibrium.markets.charging import price_boxes as boxes
from equilibrium.markets.charging.price_boxes import Boxes, joined, remaining, unbeaten, whole
from equilibrium.markets.charging.profit_ranges import Range

INF = float("inf")


class Told:
    """Lots on a range of prices of their own, whose profits and slopes are told."""

    def __init__(self, lots: int = 2, low: float = 0.0, high: float = 4.0) -> None:
        self.lots = lots
        self.price_min = low + np.arange(lots) * 1.0
        self.price_max = high + np.arange(lots) * 1.0
        self.demand: Any = type("Demand", (), {"drivers": np.array([3.0, 4.0])})()
        self.places = np.full(lots, INF)


def told(
    monkeypatch: pytest.MonkeyPatch,
    slope: Callable[[int, FloatArray, FloatArray], tuple[FloatArray, FloatArray]],
    profit: Callable[[int, FloatArray, FloatArray], tuple[FloatArray, FloatArray]] | None = None,
) -> None:
    """Tell ranges of slopes and profits of boxes."""

    def ranges(_: object, lot: int, low: FloatArray, high: FloatArray) -> tuple[Range, Range]:
        zero = np.zeros(len(low))
        return Range(*((zero, zero) if profit is None else profit(lot, low, high))), Range(*slope(lot, low, high))

    monkeypatch.setattr(boxes, "profit_ranges", ranges)


def pairs(low: FloatArray, high: FloatArray) -> list[tuple[list[float], list[float]]]:
    return list(zip(low.tolist(), high.tolist(), strict=True))


# What boxes are


def test_all_prices_are_one_box_and_boxes_of_heaps_are_joined() -> None:
    game: Any = Told()
    one = whole(game)
    assert pairs(one.low, one.high) == [([0.0, 1.0], [4.0, 5.0])]
    one.low[0, 0] = 9.0
    assert game.price_min[0] == 0.0
    other = Boxes(np.array([[7.0, 8.0]]), np.array([[9.0, 9.0]]))
    both = joined([whole(game), other])
    assert pairs(both.low, both.high) == [([0.0, 1.0], [4.0, 5.0]), ([7.0, 8.0], [9.0, 9.0])]
    assert [end.tolist() for end in both.hull] == [[0.0, 1.0], [9.0, 9.0]]
    assert both.farthest(np.array([1.0, 8.0])) == 8.0
    assert both.farthest(np.array([8.0, 3.0])) == 8.0


def test_a_box_holds_prices_up_to_its_width_around_it() -> None:
    two = Boxes(np.array([[1.0, 1.0], [5.0, 5.0]]), np.array([[1.5, 1.25], [5.0, 5.0]]))
    for prices, held in (
        ([0.5, 0.75], True),
        ([2.0, 1.5], True),
        ([2.0 + 2.0 * SAME_PRICE, 1.5], False),
        ([0.5 - 2.0 * SAME_PRICE, 1.0], False),
        ([1.0, 1.5 + 2.0 * SAME_PRICE], False),
        ([5.0 + 0.5 * SAME_PRICE, 5.0 - 0.5 * SAME_PRICE], True),
        ([5.0, 5.0 - 2.0 * SAME_PRICE], False),
        ([1.0, 5.0], False),
    ):
        assert two.hold(np.array(prices)) == held, prices


def test_a_box_is_cut_where_it_is_widest_for_its_range() -> None:
    low, high = np.array([[0.0, 0.0], [1.0, 2.0]]), np.array([[3.0, 4.0], [3.0, 2.5]])
    found = boxes._halved(low, high, np.array([4.0, 8.0]))
    assert pairs(*found) == [
        ([0.0, 0.0], [1.5, 4.0]),
        ([1.0, 2.0], [2.0, 2.5]),
        ([1.5, 0.0], [3.0, 4.0]),
        ([2.0, 2.0], [3.0, 2.5]),
    ]
    still = boxes._halved(np.array([[1.0, 0.0]]), np.array([[1.0, 4.0]]), np.array([0.0, 8.0]))
    assert pairs(*still) == [([1.0, 0.0], [1.0, 2.0]), ([1.0, 2.0], [1.0, 4.0])]
    none = np.zeros((0, 2))
    assert boxes._halved(none, none, np.ones(2))[0].shape == (0, 2)


def test_boxes_are_looked_at_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boxes, "_BATCH", 3)
    low, sizes = np.arange(14.0).reshape(7, 2), list[int]()

    def what(low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
        sizes.append(len(low))
        return low[1:], high[1:] + 1.0

    found = boxes._in_batches(what, low, low + 10.0)
    assert sizes == [3, 3, 1]
    assert found[0].tolist() == low[[1, 2, 4, 5]].tolist()
    assert found[1].tolist() == (low[[1, 2, 4, 5]] + 11.0).tolist()
    assert boxes._in_batches(what, low[:0], low[:0])[0].shape == (0, 2)


# Slopes and better prices


def test_slopes_of_one_sign_leave_an_end_of_the_range_or_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the first lot, whose prices go from 0 to 4; the slope of each box is told by the second lot's price."""
    slopes = {1.0: (0.5, 2.0), 2.0: (-2.0, -0.5), 3.0: (0.0, 2.0), 4.0: (-2.0, 0.0)}

    def slope(lot: int, low: FloatArray, _: FloatArray) -> tuple[FloatArray, FloatArray]:
        known = np.array([slopes[float(value)] if lot == 0 else (-1.0, 1.0) for value in low[:, 1]])
        return known[:, 0], known[:, 1]

    told(monkeypatch, slope)
    monkeypatch.setattr(boxes, "_beaten", lambda *asked: np.zeros(len(asked[2]), dtype=bool))
    game: Any = Told()

    def left(first: tuple[float, float], second: float) -> list[tuple[list[float], list[float]]]:
        return pairs(*boxes._pruned(game, np.array([[first[0], second]]), np.array([[first[1], second + 0.5]])))

    assert left((3.0, 4.0), 1.0) == [([4.0, 1.0], [4.0, 1.5])]  # profits rise to the end
    assert left((2.0, 3.0), 1.0) == []
    assert left((4.0, 4.0), 1.0) == [([4.0, 1.0], [4.0, 1.5])]
    assert left((0.0, 1.0), 2.0) == [([0.0, 2.0], [0.0, 2.5])]
    assert left((1.0, 2.0), 2.0) == []
    assert left((0.0, 0.0), 2.0) == [([0.0, 2.0], [0.0, 2.5])]
    assert left((1.0, 2.0), 3.0) == [([1.0, 3.0], [2.0, 3.5])]
    assert left((1.0, 2.0), 4.0) == [([1.0, 4.0], [2.0, 4.5])]


def test_other_prices_are_tried_against_boxes_that_are_narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quarter of the range of 4 is 1; a box of one price is beaten where the price is 2."""
    asked = list[Any]()

    def beaten(_: object, lot: int, low: FloatArray, __: FloatArray, profit: Range) -> FloatArray:
        asked.append((lot, low[:, 0].tolist(), profit.low.tolist(), profit.high.tolist()))
        return np.asarray((low[:, 0] == 2.0) & (lot == 0))

    told(
        monkeypatch,
        lambda _, low, __: (np.full(len(low), -1.0), np.full(len(low), 1.0)),
        lambda _, low, high: (low[:, 0], high[:, 0]),
    )
    monkeypatch.setattr(boxes, "_beaten", beaten)
    low, high = np.array([[1.0, 2.0], [2.0, 2.0], [2.5, 2.0]]), np.array([[3.0, 4.5], [3.0, 2.0], [3.5, 3.0]])
    found = boxes._pruned(Told(), low, high)  # type: ignore[arg-type]
    assert asked == [(0, [2.0, 2.5], [2.0, 2.5], [3.0, 3.5]), (1, [2.5], [2.5], [3.5])]
    assert pairs(*found) == [([1.0, 2.0], [3.0, 4.5]), ([2.5, 2.0], [3.5, 3.0])]
    assert pairs(low, high)[1] == ([2.0, 2.0], [3.0, 2.0])


def test_another_price_beats_a_box_if_its_least_is_more_than_the_most_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second lot's other price is 7 for the first box and 8 for the other; it earns as much as its price."""
    game: Any = Told()
    seen = list[Any]()

    def profit(lot: int, low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
        seen.append(pairs(low, high))
        return low[:, lot], high[:, lot] + 100.0

    zeros: Any = lambda _, low, __: (np.zeros(len(low)), np.zeros(len(low)))  # noqa: E731
    told(monkeypatch, zeros, profit)
    monkeypatch.setattr(boxes, "_better", lambda _, __, middle: middle.sum(axis=1))
    low, high = np.array([[1.0, 4.0], [2.0, 4.0]]), np.array([[3.0, 6.0], [4.0, 6.0]])
    known = Range(np.zeros(2), np.array([6.9, 8.0]))
    assert boxes._beaten(game, 1, low, high, known).tolist() == [True, False]
    assert seen == [[([1.0, 7.0], [3.0, 7.0]), ([2.0, 8.0], [4.0, 8.0])]]
    assert boxes._beaten(game, 1, low[:0], high[:0], known).tolist() == []


def test_a_good_price_is_looked_for_over_all_and_then_nearer() -> None:
    """The first lot's best price is that of the second plus 0.3; three looks at 17 prices each."""
    game: Any = Told()
    given = list[FloatArray]()

    def profits(points: FloatArray) -> FloatArray:
        given.append(points.copy())
        best = -((points[:, 0] - points[:, 1] - 0.3) ** 2)
        return np.column_stack([best, np.full(len(points), 99.0)])

    game.profits = profits
    found = boxes._better(game, 0, np.array([[2.0, 1.0], [3.0, 3.607], [3.0, 3.699]]))
    own = np.linspace(0.0, 4.0, 17)
    for row, (best, price) in enumerate(zip((1.3, 3.907, 3.999), found, strict=True)):
        nearest = float(own[np.argmin(np.abs(own - best))])
        step = 0.25
        for _ in range(2):
            near = np.linspace(max(nearest - step, 0.0), min(nearest + step, 4.0), 17)
            nearest, step = float(near[np.argmin(np.abs(near - best))]), float(near[1] - near[0])
        assert price == pytest.approx(nearest, abs=1e-12), row
    assert [len(points) for points in given] == [51, 51, 51]
    assert given[0][:17, 0] == pytest.approx(own)
    assert given[2][:17, 1].tolist() == [1.0] * 17


def test_boxes_that_the_best_answer_to_their_middle_beats_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each lot answers the middle of what is around all boxes: 2 and 4.5 at first."""
    game: Any = Told()
    middles = list[list[float]]()

    def deviation(_: object, lot: int, middle: FloatArray, limit: Deadline) -> Any:
        middles.append(middle.tolist())
        assert limit.nodes_left == INF
        return type("Best", (), {"price": 10.0 + lot})()

    def more(_: object, lot: int, low: FloatArray, *rest: Any) -> FloatArray:
        other = rest[1]
        assert other.tolist() == [10.0 + lot] * len(low)
        return np.asarray(low[:, lot] == (1.0 if lot == 0 else 5.0))

    zeros: Any = lambda _, low, __: (np.zeros(len(low)), np.zeros(len(low)))  # noqa: E731
    told(monkeypatch, zeros)
    monkeypatch.setattr(boxes, "best_deviation", deviation)
    monkeypatch.setattr(boxes, "_earns_more", more)
    three = Boxes(np.array([[1.0, 3.0], [2.0, 4.0], [2.0, 5.0]]), np.array([[1.5, 3.5], [3.0, 4.5], [3.0, 6.0]]))
    found = unbeaten(game, three)
    assert pairs(found.low, found.high) == [([2.0, 4.0], [3.0, 4.5])]
    assert middles == [[2.0, 4.5]] * 2
    gone = unbeaten(game, Boxes(np.array([[1.0, 3.0]]), np.array([[1.5, 3.5]])))
    assert gone.low.shape == (0, 2)
    assert len(middles) == 3  # where nothing is left nobody is asked


# Slices


def shaved(
    monkeypatch: pytest.MonkeyPatch, slope: Any, low: list[float], high: list[float], deadline: Deadline | None = None
) -> list[tuple[list[float], list[float]]]:
    told(monkeypatch, slope)
    game: Any = Told()
    return pairs(*boxes._shaved(game, deadline or Deadline(), np.array([low]), np.array([high])))


def turning(at: float, width: float = 0.0) -> Any:
    """Slopes of the first lot that turn at a price; of the other lot nothing is known."""

    def slope(lot: int, low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
        if lot == 1:
            return np.full(len(low), -1.0), np.full(len(low), 1.0)
        return at - width - high[:, 0], at + width - low[:, 0]

    return slope


def test_slices_that_hold_no_best_price_are_shaved_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen slices of a quarter each: 1.3 lies in the sixth; then slices of that, and so on."""
    monkeypatch.setattr(boxes, "_SHAVES", 1)
    assert shaved(monkeypatch, turning(1.3), [0.0, 1.0], [4.0, 5.0]) == [([1.25, 1.0], [1.5, 5.0])]
    assert shaved(monkeypatch, turning(1.3, 0.5), [0.0, 1.0], [4.0, 5.0]) == [([0.75, 1.0], [2.0, 5.0])]
    assert shaved(monkeypatch, turning(9.0), [0.0, 1.0], [4.0, 5.0]) == [([3.75, 1.0], [4.0, 5.0])]
    assert shaved(monkeypatch, turning(-9.0), [0.0, 1.0], [4.0, 5.0]) == [([0.0, 1.0], [0.25, 5.0])]
    assert shaved(monkeypatch, turning(9.0), [0.0, 1.0], [3.5, 5.0]) == []
    assert shaved(monkeypatch, turning(-9.0), [0.5, 1.0], [4.0, 5.0]) == []
    monkeypatch.setattr(boxes, "_SHAVES", 2)
    (only,) = shaved(monkeypatch, turning(1.3), [0.0, 1.0], [4.0, 5.0])
    assert only[0][0] == pytest.approx(1.25 + 3.0 / 64.0)
    assert only[1][0] == pytest.approx(1.25 + 4.0 / 64.0)


def test_shaving_ends_where_no_range_gets_much_narrower_or_at_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each time the same share is shaved off: 12 of 16 slices stay, which is no less than three quarters, or 11 do."""
    for kept, times in ((12, 1), (11, 30)):
        looks = list[int]()

        def slope(
            lot: int, low: FloatArray, _: FloatArray, kept: int = kept, looks: list[int] = looks
        ) -> tuple[FloatArray, FloatArray]:
            looks.append(lot)
            number = np.arange(len(low)) % 16
            out = (number >= kept) & (lot == 0)
            return np.where(out, -2.0, -1.0), np.where(out, -1.0, 1.0)

        deadline = Deadline(nodes=1000)
        shaved(monkeypatch, slope, [0.0, 1.0], [4.0, 5.0], deadline)
        assert looks == [0, 1] * times
        assert deadline.nodes_left == 1000 - 2 * times
    over = Deadline(nodes=1)
    over.spend(1)
    assert shaved(monkeypatch, turning(1.3), [0.0, 1.0], [4.0, 5.0], over) == [([0.0, 1.0], [4.0, 5.0])]


def test_where_lots_may_fill_each_slice_is_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boxes, "_SHAVES", 1)
    told(monkeypatch, turning(1.3))
    game: Any = Told()
    for places, nodes in (([7.0, 7.0], 4), ([6.9, 9.0], 64)):
        game.places, deadline = np.array(places), Deadline(nodes=1000)
        boxes._shaved(game, deadline, np.array([[0.0, 1.0]] * 2), np.array([[4.0, 5.0]] * 2))
        assert 1000 - deadline.nodes_left == nodes


# What remains


@pytest.mark.parametrize(("lots", "slices"), [(3, False), (4, True)])
def test_boxes_are_cut_until_they_are_narrow(monkeypatch: pytest.MonkeyPatch, lots: int, *, slices: bool) -> None:
    """A quarter of each range is narrow; a box goes where it does not hold all of its lots' prices at 0.1 of it."""
    looked = list[int]()

    def pruned(_: object, low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
        looked.append(len(low))
        near = np.arange(lots) + 0.4
        held = ((low <= near) & (near <= high)).all(axis=1)
        return low[held], high[held]

    shaves = list[int]()

    def shave(_: object, __: object, low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
        shaves.append(len(low))
        return low, high

    monkeypatch.setattr(boxes, "_pruned", pruned)
    monkeypatch.setattr(boxes, "_shaved", shave)
    game: Any = Told(lots)
    deadline = Deadline(nodes=1000)
    heaps = remaining(game, whole(game), 0.25, deadline)
    assert heaps is not None
    (heap,) = heaps
    assert pairs(heap.low, heap.high) == [(list(np.arange(lots) * 1.0), list(np.arange(lots) + 1.0))]
    assert looked == [1] + [2] * (2 * lots)
    assert bool(shaves) == slices
    assert deadline.nodes_left == 1000 - sum(looked)
    assert remaining(game, whole(game), 0.25, Deadline(nodes=2)) is None
