"""A lot's best deviation, step by step: pieces that are looked at, what is cut, what ends the search, and its bound."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.arrays import FloatArray
from equilibrium.deadline import Deadline
from equilibrium.markets.charging import price_deviation as deviating
from equilibrium.markets.charging.price_deviation import FIRST_PIECES, best_deviation
from equilibrium.markets.charging.profit_ranges import Range
from equilibrium.programs.program import GAP

PARTS = deviating._PARTS


def searched(
    monkeypatch: pytest.MonkeyPatch,
    profit: Callable[[FloatArray], FloatArray],
    upper: Callable[[FloatArray, FloatArray], FloatArray],
    *,
    deadline: Deadline | None = None,
    hints: tuple[float, ...] = (),
    rounding: tuple[float, float] = (0.0, 0.0),
) -> tuple[Any, list[FloatArray]]:
    """Search prices from 1 to 3, with a profit and upper bounds that are told; also where each turn's pieces start."""
    turns = list[FloatArray]()
    seen: Any = SimpleNamespace(
        price_min=np.array([0.0, 1.0]),
        price_max=np.array([9.0, 3.0]),
        rounding=np.array([[9.0, rounding[0]], [9.0, rounding[1]]]),
        along=lambda own, others, points: profit(np.asarray(points)) + 0.0 * own * others,
    )

    def bounds(_: Any, own: int, others: float, pieces: Any) -> FloatArray:
        start, end, at_start, at_end = pieces
        assert (own, others) == (1, 0.0)
        assert at_start == pytest.approx(profit(start))
        assert at_end == pytest.approx(profit(end))
        turns.append(start)
        return np.asarray(upper(start, end))

    monkeypatch.setattr(deviating, "_upper_bounds", bounds)
    game: Any = SimpleNamespace(against=lambda lot, prices: (seen, 1, 0.0) if (lot, prices[0]) == (0, 2.5) else None)
    return best_deviation(game, 0, np.array([2.5, 7.0]), deadline or Deadline(), hints), turns


def flat(points: FloatArray) -> FloatArray:
    return np.full(points.shape, 5.0)


def test_first_pieces_reach_from_end_to_end_with_the_own_price_and_hints_inside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """2.5 lies on an edge anyway, 1.234 does not, and 3.5 is none of the lot's prices."""
    found, turns = searched(monkeypatch, flat, lambda start, _: np.full(start.size, 5.0), hints=(1.234, 3.5))
    edges = np.unique([*np.linspace(1.0, 3.0, FIRST_PIECES + 1), 2.5, 1.234])
    assert turns[0] == pytest.approx(edges[:-1])
    assert (found.price, found.profit, found.bound, found.pieces, found.finished) == (
        1.0,
        5.0,
        5.0,
        edges.size - 1,
        True,
    )


def test_only_pieces_that_may_hold_more_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """The profit has its top of 6 at 1.7; a piece of width w around it may hold 20 w more than that."""

    def profit(points: FloatArray) -> FloatArray:
        return 6.0 - np.abs(points - 1.7)

    def upper(start: FloatArray, end: FloatArray) -> FloatArray:
        inside = (start <= 1.7) & (end >= 1.7)
        return np.where(inside, 6.0 + 20.0 * (end - start - 1e-3).clip(0.0), np.maximum(profit(start), profit(end)))

    found, turns = searched(monkeypatch, profit, upper)
    assert [turn.size % PARTS for turn in turns[1:]] == [0] * (len(turns) - 1)
    assert turns[1].size in {PARTS, 2 * PARTS}  # one piece, or both beside an edge
    width = (3.0 - 1.0) / FIRST_PIECES
    start = turns[0][np.searchsorted(turns[0], 1.7, side="right") - 1]
    assert turns[1][-PARTS:] == pytest.approx(start + width / PARTS * np.arange(PARTS))
    assert found.finished
    assert found.pieces == sum(turn.size for turn in turns)
    assert abs(found.price - 1.7) <= 1e-3
    assert found.profit == pytest.approx(6.0 - abs(found.price - 1.7))
    assert found.bound == pytest.approx(6.0)


@pytest.mark.parametrize(("profit", "share", "turns"), [(5.0, 4.9, 1), (5.0, 5.1, 2), (0.5, 0.9, 1), (0.5, 1.1, 2)])
def test_what_is_within_the_gap_is_settled_at_its_bound(
    monkeypatch: pytest.MonkeyPatch, profit: float, share: float, turns: int
) -> None:
    """Relative to a profit of at least one."""
    near = profit + share * GAP
    found, seen = searched(
        monkeypatch,
        lambda points: np.full(points.shape, profit),
        lambda start, end: np.where((start <= 2.2) & (end >= 2.2) & (end - start > 1e-3 * 2.0), near, profit),
    )
    assert (len(seen) == 1) == (turns == 1)
    assert found.bound == (near if turns == 1 else profit)


def test_what_rounding_hides_is_settled_and_added(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundredth of money, and 0.1 of energy at the width of a first piece."""
    blurred = 0.01 + 0.1 * 2.0 / FIRST_PIECES
    found, turns = searched(
        monkeypatch, flat, lambda start, _: np.full(start.size, 5.0 + 0.99 * blurred), rounding=(0.01, 0.1)
    )
    assert len(turns) == 1
    assert found.rounding == 0.01
    assert found.bound == pytest.approx(5.0 + 0.99 * blurred + 0.01)


def test_a_search_that_is_ended_keeps_the_highest_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    def upper(start: FloatArray, _: FloatArray) -> FloatArray:
        return 6.0 + start

    over = Deadline(nodes=1)
    found, turns = searched(monkeypatch, flat, upper, deadline=over)
    assert (len(turns), found.finished, found.bound) == (1, False, 6.0 + turns[0][-1])
    whole = Deadline(nodes=1000)
    monkeypatch.setattr(deviating, "_ROUNDS", 1)
    found, turns = searched(monkeypatch, flat, upper, deadline=whole)
    assert (len(turns), found.finished) == (2, False)
    assert found.bound == 6.0 + turns[1].max()
    assert whole.nodes_left == 1000 - found.pieces == 1000 - sum(turn.size for turn in turns)
    monkeypatch.setattr(deviating, "_MOST_PIECES", FIRST_PIECES - 1)
    found, turns = searched(monkeypatch, flat, upper)
    assert (len(turns), found.finished) == (1, False)
    monkeypatch.setattr(deviating, "_MOST_PIECES", FIRST_PIECES)
    assert len(searched(monkeypatch, flat, upper)[1]) == 2


@pytest.mark.parametrize(
    ("ends", "slope", "most", "bound"),
    [
        ((5.0, 6.0), (1.0, 3.0), 99.0, 6.0),  # rises all over: the profit at its end
        ((6.0, 5.0), (-3.0, -1.0), 99.0, 6.0),
        ((5.0, 6.0), (-1.0, 3.0), 99.0, 7.25),  # 5 + 3 t and 6 + (2 - t) meet at t = 0.75
        ((5.0, 6.0), (-1.0, 3.0), 7.0, 7.0),
        ((5.0, 6.0), (-1.0, 3.0), 4.0, 6.0),
        ((5.0, 9.0), (-1.0, 1.0), 99.0, 9.0),  # they meet beyond the end
        ((5.0, 6.0), (-np.inf, np.inf), 8.0, 8.0),
        ((5.0, 6.0), (0.0, 0.0), 99.0, 6.0),
    ],
)
def test_two_lines_bound_the_profit_between_them(
    monkeypatch: pytest.MonkeyPatch, ends: tuple[float, float], slope: tuple[float, float], most: float, bound: float
) -> None:
    """Over prices from 1 to 3 of the second lot, the first one at 0.5."""

    def ranges(_: Any, lot: int, low: FloatArray, high: FloatArray) -> tuple[Range, Range]:
        assert (lot, low.tolist(), high.tolist()) == (1, [[0.5, 1.0]], [[0.5, 3.0]])
        return Range(np.zeros(1), np.array([most])), Range(np.array([slope[0]]), np.array([slope[1]]))

    monkeypatch.setattr(deviating, "profit_ranges", ranges)
    pieces = np.array([1.0]), np.array([3.0]), np.array([ends[0]]), np.array([ends[1]])
    game: Any = None
    assert deviating._upper_bounds(game, 1, np.array([0.5, 9.0]), pieces).tolist() == [bound]
