"""The search for posted prices, step by step, on games whose best answers are straight lines or told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.arrays import FloatArray
from equilibrium.certificate import SAME_PRICE
from equilibrium.markets.charging import price_search as search
from equilibrium.markets.charging.profit_ranges import Range

A, B = np.array([0.30, 0.55]), np.array([[0.0, 0.2], [0.4, 0.0]])
REST = np.linalg.solve(np.eye(2) - B, A)
"""Where the best answers A + B p of two lots meet."""


class Lines:
    """Lots whose profit is one half of a square less, and whose best answers are straight lines."""

    def __init__(self, a: FloatArray = A, b: FloatArray = B, low: float = 0.0, high: float = 1.0) -> None:
        self.a, self.b, self.lots = a, b, a.size
        self.price_min, self.price_max = np.full(a.size, low), np.full(a.size, high)
        self.asked: list[FloatArray] = []

    def answer(self, prices: FloatArray) -> FloatArray:
        return np.asarray(self.a + prices @ self.b.T)

    def along(self, lot: int, prices: FloatArray, own: FloatArray) -> FloatArray:
        self.asked.append(own)
        return np.asarray(-0.5 * (own - self.answer(prices)[lot]) ** 2)

    def ranges(self, lot: int, points: FloatArray, _: FloatArray) -> tuple[Range, Range]:
        slope = self.answer(points)[:, lot] - points[:, lot]
        return Range(slope, slope), Range(slope - 0.5, slope + 0.5)  # the middle counts


def game(made: Any) -> Any:
    """The same as what the search takes for a game."""
    return made


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Any:
    made = Lines(high=2.0)
    monkeypatch.setattr(search, "profit_ranges", lambda of, *asked: of.ranges(*asked))
    monkeypatch.setattr(search, "alike", lambda _, prices: prices + 100.0)  # what is finished is seen
    return made


# Starts


def test_starts_are_all_corners_of_few_lots_and_the_ends_of_many() -> None:
    two: Any = SimpleNamespace(lots=2, price_min=np.array([0.0, 4.0]), price_max=np.array([2.0, 4.0]))
    assert [each.tolist() for each in search._corners(two)] == [[0.0, 4.0], [2.0, 4.0], [1.0, 4.0]]
    assert search._scale(two) == 2.0
    many: Any = SimpleNamespace(lots=4, price_min=np.zeros(4), price_max=np.array([2.0, 4.0, 6.0, 8.0]))
    found = [each.tolist() for each in search._corners(many)]
    assert found == [[0.0] * 4, [2.0, 4.0, 6.0, 8.0], [1.0, 2.0, 3.0, 4.0]]
    three: Any = SimpleNamespace(lots=3, price_min=np.zeros(3), price_max=np.ones(3))
    assert len(search._corners(three)) == 9


# A look over all prices, then nearer


@pytest.mark.parametrize("best", [0.437, 0.9999, 0.0001])
def test_a_look_over_all_prices_and_three_nearer_ones(best: float) -> None:
    lines = Lines(np.array([best, 0.0]), np.zeros((2, 2)))
    found = search._look(game(lines), 0, np.array([0.5, 0.5]))
    assert [own.size for own in lines.asked] == [33, 17, 17, 17]
    low, high, near = 0.0, 1.0, 0.0
    for own in lines.asked:
        assert (own[0], own[-1]) == (pytest.approx(low), pytest.approx(high))
        near = float(own[np.argmin(np.abs(own - best))])
        low, high = max(low, near - (own[1] - own[0])), min(high, near + (own[1] - own[0]))
    assert found == near
    assert abs(found - best) <= 1.0 / 32 / 8**3


# Answers in turn


def turned(monkeypatch: pytest.MonkeyPatch, told: Callable[[int, int], float]) -> tuple[Any, bool, int]:
    """Let two lots answer in turn as told by sweep and lot; also how many sweeps there were."""
    asked: list[tuple[int, float]] = []

    def look(_: object, lot: int, prices: FloatArray) -> float:
        asked.append((lot, float(prices[0])))
        return told((len(asked) - 1) // 2, lot)

    monkeypatch.setattr(search, "_look", look)
    prices, rests = search._in_turn(game(Lines(high=2.0)), np.array([0.5, 0.5]))
    assert [lot for lot, _ in asked] == [0, 1] * (len(asked) // 2)
    assert asked[1][1] == told(0, 0)  # the second one sees what the first one posts
    return prices, rests, len(asked) // 2


def test_answers_in_turn_come_to_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = 2.0 * search._ROUGH
    prices, rests, sweeps = turned(monkeypatch, lambda sweep, lot: 0.5 + 0.3 * 0.5**sweep * (lot + 1))
    assert (rests, sweeps) == (True, next(k for k in range(99) if 0.6 * 0.5**k <= stop) + 1)
    assert prices.tolist() == [0.5 + 0.3 * 0.5 ** (sweeps - 1), 0.5 + 0.6 * 0.5 ** (sweeps - 1)]
    assert turned(monkeypatch, lambda *_: 0.5 + 0.9 * stop)[1:] == (True, 1)
    assert turned(monkeypatch, lambda *_: 0.5 + 1.1 * stop)[1:] == (True, 2)


def test_answers_that_go_round_end_in_their_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Moves that get no smaller by half within a round are none that come to rest; the first one was larger."""
    count = search._ROUND

    def told(sweep: int, lot: int) -> float:
        return 0.0 if sweep == 0 else 0.25 + 0.1 * (sweep % 2) + 0.01 * lot

    prices, rests, sweeps = turned(monkeypatch, told)
    assert (rests, sweeps) == (False, 2 * count)
    last = [[told(sweep, lot) for lot in (0, 1)] for sweep in range(count, 2 * count)]
    assert prices == pytest.approx(np.mean(last, axis=0))
    late = turned(monkeypatch, lambda sweep, lot: 0.5 + (0.2 if sweep < 7 else 0.05) * (-1) ** sweep + 0.01 * lot)
    assert late[1:] == (False, 14)  # the small moves begin with the ninth sweep: five of them, and one before
    assert late[0] == pytest.approx([0.49, 0.50])
    for share, stays in ((0.24, False), (0.26, True)):  # the least move is 0.3 at first, then twice that share of it
        _, _, sweeps = turned(
            monkeypatch,
            lambda sweep, _, share=share: 0.5 + 0.3 * share ** (sweep // count) * (-1) ** sweep,  # type: ignore[misc]
        )
        assert (sweeps == 2 * count) == stays


# Candidates


def candidates(
    monkeypatch: pytest.MonkeyPatch,
    ends: Sequence[tuple[float, bool]],
    *,
    newton: Callable[[float], float | None] = lambda _: None,
    lots: int = 2,
) -> tuple[list[float], list[float]]:
    """Candidates by the first price where answers from each start end, and the starts."""
    left, starts = iter(ends), list[float]()

    def in_turn(_: object, start: FloatArray) -> tuple[FloatArray, bool]:
        starts.append(float(start[0]))
        value, rests = next(left)
        return np.full(lots, value), rests

    def fast(_: object, start: FloatArray) -> FloatArray | None:
        value = newton(float(start[0]))
        return None if value is None else np.full(lots, value)

    monkeypatch.setattr(search, "_in_turn", in_turn)
    monkeypatch.setattr(search, "newton", fast)
    monkeypatch.setattr(search, "_extrapolated", lambda _, start: start + 0.001)
    monkeypatch.setattr(search, "_corners", lambda _: [np.full(lots, 0.25)] * (len(ends) - 1))
    here = Lines(np.zeros(lots), np.zeros((lots, lots)), high=2.0)
    return [float(each[0]) for each in search.candidates(game(here), [np.full(lots, 9.0)])], starts


def test_candidates_are_finished_where_answers_rest_and_kept_where_they_go_round(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found, starts = candidates(monkeypatch, [(0.2, True), (0.4, False)])
    assert (found, starts) == ([0.201, 0.4], [2.0, 0.25])  # starts are within what may be posted
    found, _ = candidates(monkeypatch, [(0.2, True), (0.4, False)], newton=lambda value: value + 0.3)
    assert found == [0.5, 0.7]


def test_ends_that_are_near_or_finish_alike_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    near = 2.0 * search._ONE_REST
    assert len(candidates(monkeypatch, [(0.2, False), (0.2 + 0.9 * near, False)])[0]) == 1
    assert len(candidates(monkeypatch, [(0.2, False), (0.2 + 1.1 * near, False)])[0]) == 2
    ends = [(0.2, True), (0.4, True), (0.6, True)]
    for apart, count in ((0.9 * SAME_PRICE, 1), (1.5 * SAME_PRICE, 2)):
        found, _ = candidates(monkeypatch, ends, newton=lambda value, apart=apart: 0.5 + apart * (value > 0.5))  # type: ignore[misc]
        assert len(found) == count


def test_with_many_lots_a_second_start_that_goes_round_ends_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = [(0.2, False), (0.3, True), (0.4, False), (0.5, True)]
    assert candidates(monkeypatch, ends, lots=4) == ([0.2, 0.301], [2.0, 0.25, 0.25])
    assert len(candidates(monkeypatch, ends, lots=3)[0]) == 4


# Newton's steps


def test_slopes_vanish_where_straight_answers_meet(lines: Any) -> None:
    found = search.newton(game(lines), REST + 0.019)
    assert found is not None
    assert found - 100.0 == pytest.approx(REST, abs=1e-12)
    assert search.newton(game(lines), REST + 0.021) is None  # so far is not what a finish is for
    assert search._slope(game(lines), 1, np.array([[0.1, 0.2], [0.3, 0.4]])) == pytest.approx([0.55 + 0.04 - 0.2, 0.27])


def test_bent_slopes_take_several_steps(lines: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def bent(of: Any, lot: int, low: FloatArray, high: FloatArray) -> tuple[Range, Range]:
        slope = of.ranges(lot, low, high)[0].low
        return Range(slope, slope), Range(slope + 5.0 * slope**2, slope + 5.0 * slope**2)

    monkeypatch.setattr(search, "profit_ranges", bent)
    found = search.newton(game(lines), REST + np.array([0.019, -0.011]))
    assert found is not None
    assert found - 100.0 == pytest.approx(REST, abs=1e-12)


def test_prices_at_an_end_stay_there_while_profits_rise_beyond_it(lines: Any) -> None:
    """The first lot would post 1.2 of at most 1; then the second answers 0.95."""
    high = Lines(np.array([1.2, 0.55]))
    found = search.newton(game(high), np.array([1.0, 0.949]))
    assert found is not None
    assert found - 100.0 == pytest.approx([1.0, 0.95], abs=1e-12)
    low = Lines(np.array([-0.4, 0.55]))
    found = search.newton(game(low), np.array([0.0, 0.551]))
    assert found is not None
    assert found - 100.0 == pytest.approx([0.0, 0.55], abs=1e-12)
    inward = Lines(np.array([0.805, 0.55]))  # at the end, but profits fall towards it
    found = search.newton(game(inward), np.array([1.0, 0.949]))
    assert found is not None
    assert found - 100.0 == pytest.approx(np.linalg.solve(np.eye(2) - B, [0.805, 0.55]), abs=1e-12)
    assert lines.lots == 2


def test_where_slopes_say_nothing_there_is_no_finish(lines: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    flat = Lines(A, np.eye(2))  # every price is as good an answer: a singular system
    assert search.newton(game(flat), REST) is None
    endless = Range(np.full(5, np.inf), np.full(5, np.inf))
    monkeypatch.setattr(search, "profit_ranges", lambda *_: (endless, endless))
    with np.errstate(invalid="ignore"):
        assert search.newton(game(lines), REST) is None
    wild = iter([0.2, -0.2] * 40)

    def jumping(_: object, __: int, points: FloatArray, ___: FloatArray) -> tuple[Range, Range]:
        slope = -points.sum(axis=1) + next(wild)
        return Range(slope, slope), Range(slope, slope)

    monkeypatch.setattr(search, "profit_ranges", jumping)
    one = Lines(np.array([0.5]), np.zeros((1, 1)))
    assert search.newton(game(one), np.array([0.5])) is None  # twelve steps do not settle it


# Extrapolated answers


def test_answers_are_extrapolated_to_where_they_meet(lines: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    reached: list[float] = []

    def nearby(made: Any, lot: int, prices: FloatArray, reach: float) -> float:
        reached.append(reach)
        return float(made.answer(prices)[lot])

    monkeypatch.setattr(search, "_nearby", nearby)
    start = REST + np.array([0.002, -0.001])
    found = search._extrapolated(game(lines), start)
    assert found - 100.0 == pytest.approx(REST, abs=1e-13)
    assert reached[0] == 8.0 * search._ONE_REST
    assert len(reached) == 2 * 4  # straight answers of two lots are met after three looks
    moved = float(np.abs(lines.answer(start) - start).max())
    assert reached[2] == pytest.approx(4.0 * moved)
    first = lines.answer(start)
    second = lines.answer(first)
    third = search._anderson([start, first], [first, second])
    ends = float(np.abs(second - first).max()), float(np.abs(third - second).max())
    assert ends[1] != ends[0]
    assert reached[4] == pytest.approx(4.0 * max(ends))


def test_answers_that_get_no_nearer_are_left_after_some_looks(lines: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look moves the price by as much; all images are the same beyond the reach of the last points."""
    looks = []

    def nearby(_: object, lot: int, prices: FloatArray, __: float) -> float:
        looks.append(lot)
        return float(prices[lot]) + (0.01 if len(looks) % 4 < 2 else -0.01)

    monkeypatch.setattr(search, "_nearby", nearby)
    search._extrapolated(game(lines), np.full(2, 0.5))
    assert len(looks) == 2 * (search._ROUND + 1)


def test_the_combination_whose_residuals_are_least() -> None:
    points = [np.array([0.0]), np.array([1.0])]
    images = [np.array([3.0]), np.array([3.5])]  # residuals 3 and 2.5: they vanish at 6
    assert search._anderson(points[:1], images[:1]).tolist() == [3.0]
    assert search._anderson(points, images) == pytest.approx([6.0])


@pytest.mark.parametrize(
    ("turn", "start", "reach", "found"),
    [(0.43, 0.5, 0.1, 0.43), (0.9, 0.5, 0.1, 0.6), (0.1, 0.5, 0.1, 0.4), (2.0, 0.95, 0.1, 1.0), (-1.0, 0.05, 0.1, 0.0)],
)
def test_a_price_nearby_where_the_slope_turns(
    lines: Any, turn: float, start: float, reach: float, found: float
) -> None:
    """Within the reach and within what may be posted; an end where the slope does not turn before it."""
    lines.a, lines.b, lines.price_max = np.array([0.0, turn]), np.zeros((2, 2)), np.ones(2)
    near = search._nearby(game(lines), 1, np.array([0.2, start]), reach)
    assert near == pytest.approx(found, abs=1e-13)


# Lots that are alike


def test_lots_that_are_alike_post_the_mean_of_what_differs_by_rounding() -> None:
    demand = SimpleNamespace(attraction=np.array([[1.0, 1.0, 1.0, 2.0, 1.0, 1.0]]))
    here: Any = SimpleNamespace(
        lots=6,
        demand=demand,
        cost=np.array([[0.1, 0.1, 0.1, 0.1, 0.2, 0.1]]),
        places=np.array([5.0, 5.0, 5.0, 5.0, 5.0, 6.0]),
    )
    tiny = 0.5 * SAME_PRICE
    prices = np.array([0.3, 0.3 + tiny, 0.3 + 3.0 * SAME_PRICE, 0.3 + tiny, 0.3 + tiny, 0.3 + tiny])
    found = search.alike(here, prices)
    assert found[0] == found[1] == pytest.approx(0.3 + 0.5 * tiny, abs=1e-16)
    assert found[2:].tolist() == prices[2:].tolist()
    assert prices[0] == 0.3
