"""Ranges of profits and slopes once more, with plain numbers: one order of filling after the other."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from equilibrium.markets.charging import profit_ranges as ranging
from equilibrium.markets.charging.demand import LogitDemand
from equilibrium.markets.charging.lot_profits import LotProfits
from equilibrium.markets.charging.profit_ranges import Range, profit_ranges

INF = math.inf
Pair = tuple[float, float]
"""The ends of a range."""


def plus(one: Pair, other: Pair) -> Pair:
    return one[0] + other[0], one[1] + other[1]


def minus(one: Pair, other: Pair) -> Pair:
    return one[0] - other[1], one[1] - other[0]


def times(one: Pair, other: Pair) -> Pair:
    ends = [a * b if a and b else 0.0 for a in one for b in other]
    return min(ends), max(ends)


def scaled(one: Pair, factor: float) -> Pair:
    return times(one, (factor, factor))


def over(one: Pair, other: Pair) -> Pair:
    return times(one, (1.0 / other[1], 1.0 / other[0]))


def total(pairs: Iterable[Pair]) -> Pair:
    found = 0.0, 0.0
    for each in pairs:
        found = plus(found, each)
    return found


def within(one: Pair, low: float, high: float) -> Pair:
    return min(max(one[0], low), high), min(max(one[1], low), high)


@dataclass(frozen=True)
class Row:
    """An order of filling up to now; what is left of the day and of the places, and what is earned, with slopes."""

    open_: tuple[int, ...]
    left: dict[int, Pair]
    left_slope: dict[int, Pair]
    time: Pair = (1.0, 1.0)
    time_slope: Pair = (0.0, 0.0)
    profit: Pair = (0.0, 0.0)
    slope: Pair = (0.0, 0.0)


class Plain:
    """The profit of one lot over a box of prices."""

    def __init__(self, game: LotProfits, lot: int, low: Sequence[float], high: Sequence[float]) -> None:
        self.game, self.lot, self.low, self.high, self.ends = game, lot, low, high, list[tuple[Pair, Pair]]()

    def share(self, kind: int, lot: int, open_: Sequence[int]) -> Pair:
        """The choice probability: lowest where the lot is dear and its rivals are cheap."""
        demand = self.game.demand

        def weight(k: int, price: float) -> float:
            return math.exp(demand.attraction[kind, k] + demand.price_utility_per_kwh[kind] * price)

        found = []
        for own, rivals in ((self.high, self.low), (self.low, self.high)):
            mine = weight(lot, own[lot])
            others = sum(weight(k, rivals[k]) for k in open_ if k != lot) + math.exp(demand.outside[kind])
            found.append(mine / (mine + others))
        return found[0], found[1]

    def flows(self, open_: tuple[int, ...]) -> tuple[dict[int, Pair], dict[int, Pair], Pair, Pair]:
        """Rates of admission with their slopes, and what is earned a day, with its slope."""
        demand, lot = self.game.demand, self.lot
        rate, rise, gain, change = {}, {}, list[Pair](), list[Pair]()
        kinds = range(demand.types)
        own = [self.share(m, lot, open_) for m in kinds]
        odds = []
        for low, high in own:
            ends = low * (1.0 - low), high * (1.0 - high)
            odds.append((min(ends), 0.25 if low <= 0.5 <= high else max(ends)))
        for k in open_:
            shares = [self.share(m, k, open_) for m in kinds]
            rate[k] = total(scaled(shares[m], float(demand.drivers[m])) for m in kinds)
            steep = [-float(demand.price_utility_per_kwh[m] * demand.drivers[m]) for m in kinds]
            across = [odds[m] if k == lot else times(own[m], shares[m]) for m in kinds]
            rise[k] = total(scaled(across[m], -steep[m] if k == lot else steep[m]) for m in kinds)
        for m in kinds:
            asked = float(demand.energy_kwh[m] * demand.drivers[m])
            cost = float(self.game.cost[m, lot])
            margin = self.low[lot] - cost, self.high[lot] - cost
            gain.append(scaled(times(margin, own[m]), asked))
            lost = scaled(times(margin, odds[m]), -float(demand.price_utility_per_kwh[m]))
            change.append(scaled(minus(own[m], lost), asked))
        return rate, rise, total(gain), total(change)

    def follow(self, row: Row) -> None:
        """Go on to all that may happen first: the end of the day, or a lot that fills."""
        rate, rise, gain, change = self.flows(row.open_)

        def earned(step: Pair, slope: Pair) -> tuple[Pair, Pair]:
            more = plus(times(slope, gain), times(step, change))
            return plus(row.profit, times(step, gain)), plus(row.slope, more)

        fill = {k: over(row.left[k], rate[k]) for k in row.open_}
        latest = min([row.time[1], *(high for _, high in fill.values())])
        if row.time[0] <= latest:
            self.ends.append(earned(within(row.time, 0.0, latest), row.time_slope))
        for full in row.open_:
            if fill[full][0] > latest:
                continue
            step = within(fill[full], 0.0, latest)
            slope = over(minus(row.left_slope[full], times(step, rise[full])), rate[full])
            profit, steep = earned(step, slope)
            if full == self.lot:
                self.ends.append((profit, steep))
                continue
            on = tuple(k for k in row.open_ if k != full)
            left, left_slope = {}, {}
            for k in on:
                left[k] = within(minus(row.left[k], times(step, rate[k])), 0.0, row.left[k][1])
                used = plus(times(slope, rate[k]), times(step, rise[k]))
                left_slope[k] = minus(row.left_slope[k], used)
            time = within(minus(row.time, step), 0.0, 1.0)
            after = replace(row, open_=on, left=left, left_slope=left_slope, time=time)
            self.follow(replace(after, time_slope=minus(row.time_slope, slope), profit=profit, slope=steep))

    def ranges(self) -> tuple[Pair, Pair]:
        lots = tuple(range(self.game.lots))
        places = {k: (float(self.game.places[k]),) * 2 for k in lots}
        self.follow(Row(lots, places, dict.fromkeys(lots, (0.0, 0.0))))
        profit, slope = zip(*self.ends, strict=True)
        return tuple(  # type: ignore[return-value]
            (min(low for low, _ in each), max(high for _, high in each)) for each in (profit, slope)
        )


def made(places: Any, outside: float = 0.5) -> LotProfits:
    """Three lots and two types of drivers, no two numbers alike; 30 drivers in all."""
    attraction = [[1.0, 1.4, 0.7], [0.3, 2.0, 1.1]]
    demand = LogitDemand([20.0, 10.0], [12.0, 17.0], [-6.0, -9.0], attraction, [outside, 0.2])
    return LotProfits.of(demand, [[0.1, 0.12, 0.2], [0.05, 0.15, 0.1]], 0.1, 1.0, places, ())


CASES = [
    (made(np.inf), 0.0),
    (made(np.inf), 0.05),
    (made([3.0, np.inf, 5.0]), 0.0),
    (made([3.0, 4.0, 5.0]), 0.004),
    (made([6.0, 4.0, 2.0]), 0.02),
    (made([9.0, 7.5, 6.0], 1.5), 0.1),
    (made([0.5, 20.0, 0.7]), 0.3),
]


@pytest.mark.parametrize(("game", "width"), CASES)
def test_ranges_are_those_of_all_orders_of_filling(game: LotProfits, width: float) -> None:
    low = np.array([[0.31, 0.42, 0.53], [0.6, 0.2, 0.35], [0.15, 0.8, 0.7]])
    high = low + width * np.array([1.0, 0.5, 0.25])
    for lot in range(3):
        profit, slope = profit_ranges(game, lot, low, high)
        money, energy = game.rounding[:, lot]
        for box in range(3):
            wanted = Plain(game, lot, low[box].tolist(), high[box].tolist()).ranges()
            for found, (least, most), blur in ((profit, wanted[0], money), (slope, wanted[1], energy)):
                assert found.low[box] == pytest.approx(least - blur, rel=1e-9, abs=1e-9)
                assert found.high[box] == pytest.approx(most + blur, rel=1e-9, abs=1e-9)


def test_with_too_many_orders_nothing_is_said_of_a_box(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only of the box that has so many: here the second, in which any lot may fill first."""
    game = made([9.0, 7.5, 6.0], 1.5)
    low, high = np.array([[0.31, 0.42, 0.53], [0.1, 0.1, 0.1]]), np.array([[0.31, 0.42, 0.53], [0.9, 0.9, 0.9]])
    whole = profit_ranges(game, 0, low, high)
    monkeypatch.setattr(ranging, "_MOST_ORDERS", 1)
    for found, before in zip(profit_ranges(game, 0, low, high), whole, strict=True):
        assert (found.low[0], found.high[0]) == (before.low[0], before.high[0])
        assert (found.low[1], found.high[1]) == (-INF, INF)
        assert np.isfinite([before.low[1], before.high[1]]).all()


def test_ranges_by_hand() -> None:
    one, other = Range(np.array([-2.0, 1.0]), np.array([3.0, 4.0])), Range(np.array([-5.0, 2.0]), np.array([1.0, 8.0]))
    for found, low, high in (
        (one + other, [-7.0, 3.0], [4.0, 12.0]),
        (one - other, [-3.0, -7.0], [8.0, 2.0]),
        (one * other, [-15.0, 2.0], [10.0, 32.0]),
        (one.over(Range(np.array([0.5, 2.0]), np.array([4.0, 4.0]))), [-4.0, 0.25], [6.0, 2.0]),
        (one.within(-1.0, 3.5), [-1.0, 1.0], [3.0, 3.5]),
        (one[np.array([1, 0])], [1.0, -2.0], [4.0, 3.0]),
    ):
        assert (found.low.tolist(), found.high.tolist()) == (low, high)
    summed = Range(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0, 6.0], [7.0, 8.0]])).sum(axis=1)
    assert (summed.low.tolist(), summed.high.tolist()) == ([3.0, 7.0], [11.0, 15.0])
    with np.errstate(divide="ignore", invalid="ignore"):
        nothing = Range(np.zeros(1), np.zeros(1)).over(Range(np.zeros(1), np.ones(1)))
    assert (nothing.low[0], nothing.high[0]) == (0.0, 0.0)
