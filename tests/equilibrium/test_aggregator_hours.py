"""The aggregator's feeder: which breakpoints of a price are worth a flow, and which prices of losses are tried."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from equilibrium.arrays import FloatArray
from equilibrium.deadline import Deadline
from equilibrium.markets.aggregator import hours
from equilibrium.markets.aggregator.flow import Flows
from equilibrium.markets.aggregator.group import Settled
from equilibrium.markets.aggregator.hours import Hours, Rest
from equilibrium.markets.aggregator.leader import Leader, _next_price
from equilibrium.markets.aggregator.pieces import Piece, pieces, seers
from equilibrium.markets.aggregator.point import Point
from tests.equilibrium.aggregator_days import card_day, on_line, random_day


def test_breakpoints_that_another_one_beats_are_left_out_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """At 9.2 all three may run as they must at the cap of 10, and are paid less; at no price all load is served too."""
    tried: list[list[float]] = []
    kept = hours._undominated

    def told(offers: Sequence[Piece]) -> list[Piece]:
        found = kept(offers)
        tried.append([piece.low for piece in found])
        return found

    monkeypatch.setattr(hours, "_undominated", told)
    day = on_line(card_day(()))
    assert day.grid is not None
    Hours(day, Flows(day, day.grid)).rest(np.zeros((24, 0)))
    assert tried[:2] == [[10.0], [0.0, 7.5, 8.8, 9.2]]
    # Where the cap is above what the load is worth to the retailer, 10.5, some of it may be interrupted there or must.
    tried.clear()
    dear = replace(day, cap=12.0)
    Hours(dear, Flows(dear, day.grid)).rest(np.zeros((24, 0)))
    assert tried[:2] == [[10.5, 12.0], [0.0, 7.5, 8.8, 9.2]]


@pytest.mark.parametrize("seed", range(3))
def test_what_is_left_out_earns_no_more(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    day = on_line(random_day(seed, periods=3))
    day = replace(day, reading=replace(day.reading, generator_price="unit" if seed == 1 else "common"))
    assert day.grid is not None
    assert all(len(pieces(day, who, 0)) > 1 for who in seers(day).values())
    losses = np.random.default_rng(seed).uniform(-0.2, 0.5, (3, 1))
    few = Hours(day, Flows(day, day.grid)).rest(losses)
    monkeypatch.setattr(hours, "_undominated", list)
    every = Hours(day, Flows(day, day.grid)).rest(losses)
    assert few.bound == pytest.approx(every.bound, rel=1e-9, abs=1e-9)
    for name, price in every.prices.items():
        assert few.prices[name].tolist() == price.tolist()


@pytest.mark.parametrize(("seed", "pricing"), [(19, "pay-as-bid"), (11, "uniform")])
def test_no_price_of_losses_is_tried_twice(seed: int, pricing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a gap is left the next price lies between the last two, until none is new; the least bound counts.

    At the first one the gap may be wider, and it may come again.
    """
    day = on_line(random_day(seed, periods=3, pricing=pricing), voltage_min_pu=0.995, ohm=2.0)
    used, closely, bounds, whole = list[FloatArray](), list[FloatArray](), list[float](), Leader._round

    def told(self: Leader, wide: float, best: Point | None) -> tuple[list[Settled], Rest]:
        settled, rest = whole(self, wide, best)
        used.append(self._loss_price)
        closely.extend([self._loss_price] if wide == 1.0 else [])
        bounds.append(rest.bound + sum(each.bound for each in settled))
        return settled, rest

    monkeypatch.setattr(Leader, "_round", told)
    solved = Leader(day, 0.0, Deadline()).solve()
    assert solved.bound == pytest.approx(max(min(bounds), solved.point.value))
    assert len(used) > 2
    assert len(closely) >= len(used) - 1
    assert all(np.abs(one - other).max() > 1e-9 for one, other in itertools.combinations(closely, 2))
    assert min(bounds) >= solved.point.value - 1e-9 * (1.0 + abs(solved.point.value))


def test_the_next_price_of_losses_lies_where_the_bound_may_be_lower() -> None:
    """The best point's, then between the last one and its own point's, then between those of the lowest bounds."""

    def at(price: float) -> Point:
        return Point({}, (), (), 0.0, np.full((1, 1), price))

    def tried(**prices: float) -> list[tuple[float, FloatArray]]:
        return [(bound, at(float(price[1:])).loss_price) for price, bound in prices.items()]

    def following(best: float, found: float | None, **prices: float) -> float | None:
        price = _next_price(tried(**prices), at(best), None if found is None else at(found))
        return None if price is None else float(price[0, 0])

    assert following(3.0, None, p0=9.0) == 3.0
    assert following(3.0, 2.0, p3=9.0, p0=8.0) == 1.0
    assert following(3.0, 6.0, p3=9.0, p4=5.0, p8=6.0, p0=7.0) == 6.0  # between 4 and 8: what lies at 3 has been tried
    assert following(3.0, None, p3=9.0, p4=5.0, p8=6.0) == 6.0
    assert following(3.0, None, p3=9.0, p4=5.0, p6=7.0, p8=6.0) is None
    assert following(3.0, None, p3=9.0) is None


def test_the_gap_that_may_be_left_is_a_share_of_what_is_earned_or_of_what_the_load_may_bring() -> None:
    """Two periods of half an hour with 100 and 300 kW whose caps lie 2 above and 1 below the spot price: 250."""
    day = card_day(())
    retailer = replace(day.retailer, load_kw=np.array([100.0, 300.0]), price=day.retailer.price[:2])
    price = {"energy_price": np.array([8.0, 11.0]), "reserve_price": day.reserve_price[:2]}
    day = on_line(replace(day, retailer=retailer, period_h=0.5, cap=10.0, **price))
    leader = Leader(day, 0.01, Deadline())

    def worth(value: float) -> Point:
        return Point({}, (), (), value, np.zeros((2, 0)))

    assert leader._allowed(None) == pytest.approx(0.01 * 0.5 * (2.0 * 100.0 + 1.0 * 300.0))
    assert [leader._allowed(worth(value)) for value in (-50.0, 50.0, 0.5)] == [0.5, 0.5, 0.01]
    assert Leader(replace(day, grid=None), 0.01, Deadline())._allowed(None) == 0.0  # exact all the same
