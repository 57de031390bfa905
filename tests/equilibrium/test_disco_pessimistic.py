"""Ties of lots broken against the company: what it buys, planes above that, and the worst schedule."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from equilibrium.markets.disco.market import DiscoMarket
from equilibrium.markets.disco.scenario import prepare
from equilibrium.markets.disco.upper import pessimistic
from equilibrium.markets.disco.upper.pessimistic import (
    LIMITED,
    UNSERVED,
    best_purchase,
    idle,
    robust_purchase,
    worst_dispatch,
    worst_payments,
)
from equilibrium.markets.disco.upper.stage import Part
from equilibrium.programs.solvers import open_handle
from tests.equilibrium.disco_days import random_day, small_network, with_scenarios

LOTS, PERIODS = 2, 6
SIGN = np.array([-1.0, 1.0, 1.0, -1.0, 1.0, 1.0])
"""In two periods a purchase is paid for."""


@cache
def part_of(sun_kw: float = 60.0, rating_kva: float = 1500.0) -> Part:
    """A day of two lots whose vehicles need not decide anything; sun and wind give the same all day."""
    network, day = random_day(4, small_network(LOTS, rating_kva=np.full(4, rating_kva)), count=3, emissions=False)
    calm = with_scenarios(
        day,
        lambda s: replace(s, renewable_kw=np.full_like(s.renewable_kw, sun_kw), upstream_price=s.upstream_price * SIGN),
    )
    market = DiscoMarket(network, mode="windows-strict", segments=4)
    return prepare(network, market.supply(calm), calm, 0, market.rules).part


def powers(part: Part, count: int, seed: int = 0) -> list[np.ndarray]:
    """Net powers within the range of single vehicles."""
    least, greatest = pessimistic.net_power_range(part, PERIODS, LOTS)
    rng = np.random.default_rng(seed)
    return [rng.uniform(least, greatest) for _ in range(count)]


def test_where_a_purchase_is_paid_for_the_company_buys_all_that_it_can_use() -> None:
    """That is what the network needs with no sun; where it pays, it buys what is left after the sun."""
    part = part_of()
    for lot_kw in powers(part, 3):
        bought = best_purchase(part, lot_kw)
        need, most = part.supply.serve(lot_kw).need_kw, idle(part.supply).serve(lot_kw).need_kw
        assert (most > need + 50.0).all()
        assert bought == pytest.approx(np.where(part.price < 0.0, most, need))


def test_what_cannot_be_served_is_infinite_and_what_a_limit_holds_back_no_number() -> None:
    """Branch 1 takes 640 kVA: in the first period 618 kW and 40 of lots pass with 120 of sun and wind, not without."""
    part = part_of(rating_kva=640.0)
    assert np.isfinite(best_purchase(part, np.full((PERIODS, LOTS), -60.0))).all()
    assert np.isposinf(best_purchase(part, np.full((PERIODS, LOTS), 400.0))).all()
    between = np.full((PERIODS, LOTS), 20.0)
    assert np.isfinite(part.supply.serve(between).need_kw).all()
    assert np.isnan(best_purchase(part, between)).tolist() == [True, False, False, False, False, False]
    assert np.isfinite(best_purchase(replace(part, price=np.abs(part.price)), between)).all()


def test_slopes_are_those_of_the_best_purchase() -> None:
    part, step = part_of(), 1e-3
    for lot_kw in powers(part, 2, seed=1):
        slope, here = pessimistic._slope_at(part, lot_kw), best_purchase(part, lot_kw)
        for lot in range(LOTS):
            up = best_purchase(part, lot_kw + step * np.eye(LOTS)[lot])
            assert slope[:, lot] == pytest.approx((up - here) / step, abs=1e-5)
        assert (slope > 1.0).all()


def test_planes_lie_above_what_is_bought_at_a_cost_and_below_what_is_bought_for_pay() -> None:
    part = part_of()
    slope, constant, reason = pessimistic._affine_above(part)
    assert reason == ""
    corners = pessimistic._corners(part)
    assert len(corners) == 2**LOTS
    for lot_kw in [*powers(part, 8, seed=2), *corners]:
        off = part.price * ((slope * lot_kw).sum(axis=1) + constant - best_purchase(part, lot_kw))
        assert (off >= -1e-6).all()
        assert (off <= np.abs(part.price) * 3.0).all()  # and near it: of some 700 kW within 3
    touched = [part.price * ((slope * c).sum(axis=1) + constant - best_purchase(part, c)) for c in corners]
    assert np.min(touched, axis=0)[part.price > 0.0] == pytest.approx(0.0, abs=1e-9)


def test_corners_are_all_ends_of_the_range() -> None:
    part = part_of()
    least, greatest = pessimistic.net_power_range(part, PERIODS, LOTS)
    first, second, third, last = pessimistic._corners(part)
    assert (first == least).all()
    assert (last == greatest).all()
    assert (second[:, 0] == least[:, 0]).all()
    assert (second[:, 1] == greatest[:, 1]).all()
    assert (third[:, 0] == greatest[:, 0]).all()
    assert (third[:, 1] == least[:, 1]).all()


def test_the_worst_schedule_costs_no_less_than_any_and_no_more_than_its_bound() -> None:
    part = part_of()
    worst = worst_dispatch(part, "auto")
    rng = np.random.default_rng(0)
    costs = []
    for _ in range(12):
        x = open_handle(part.feasible.with_cost(rng.normal(size=part.feasible.cost.size))).solve().x
        charge, discharge = part.vehicles.power_kw(x, LOTS, PERIODS)
        costs.append(float(part.feasible.cost @ x + part.price @ best_purchase(part, charge - discharge)))
    assert max(costs) <= worst.found + 1e-7
    assert worst.found <= worst.bound <= worst.found + 0.02 * abs(worst.found)
    assert worst.reason == ""
    assert float(part.price @ best_purchase(part, worst.lot_kw)) <= worst.found + 100.0
    assert max(costs) > min(costs) + 0.1


def test_what_the_company_pays_for_vehicles_at_most_is_one_linear_program() -> None:
    part = part_of()
    bound, value, lot_kw = worst_payments(part, "auto")
    most = -open_handle(part.feasible.with_cost(-part.feasible.cost)).solve().x @ -part.feasible.cost
    assert bound == pytest.approx(most)
    assert value == pytest.approx(most)
    assert lot_kw.shape == (PERIODS, LOTS)


def test_why_no_lower_end_is_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    part = part_of()
    monkeypatch.setattr(pessimistic, "MAXIMUM_CORNER_LOTS", 2)
    assert pessimistic._corners(part)
    monkeypatch.setattr(pessimistic, "MAXIMUM_CORNER_LOTS", 1)
    assert pessimistic._corners(part) == []
    assert robust_purchase([part]) is None
    told = "2 lots have too many corners of net powers to be looked at (at most 1 lots)"
    slope, constant, reason = pessimistic._affine_above(part)
    assert (slope.tolist(), constant.tolist(), reason) == ([[0.0] * LOTS] * PERIODS, [0.0] * PERIODS, told)
    worst = worst_dispatch(part, "auto")
    assert (worst.bound, worst.reason) == (np.inf, told)
    assert np.isfinite(worst.found)


@pytest.mark.parametrize(("rating_kva", "reason"), [(640.0, LIMITED), (600.0, UNSERVED)])
def test_a_network_that_is_too_narrow_for_single_vehicles_proves_no_lower_end(rating_kva: float, reason: str) -> None:
    part = part_of(rating_kva=rating_kva)
    if reason == UNSERVED:
        part = replace(part, price=np.abs(part.price))
    assert pessimistic._affine_above(part)[2] == reason
    worst = worst_dispatch(part, "auto")
    assert worst.bound == np.inf
    assert worst.reason == reason


def test_the_search_goes_on_to_worse_schedules_and_keeps_the_worst(monkeypatch: pytest.MonkeyPatch) -> None:
    """Schedules of cost 5, 7, 9 and 8 come one after the other: 9 is the worst, unless the steps are counted out."""
    part = part_of()

    def tried(costs: list[float], bound: float = 8.5) -> tuple[float, float, float, str]:
        given = iter(enumerate(costs))

        def worst_at(*_: object) -> tuple[np.ndarray, float, np.ndarray]:
            number, cost = next(given)
            return np.array([cost]), bound, np.full((PERIODS, LOTS), float(number))

        monkeypatch.setattr(pessimistic, "_worst_at", worst_at)
        monkeypatch.setattr(pessimistic, "_cost", lambda _part, x, _kw: float(x[0]))
        monkeypatch.setattr(pessimistic, "_slope_at", lambda *_: np.zeros((PERIODS, LOTS)))
        none = np.zeros((PERIODS, LOTS)), np.zeros(PERIODS), ""
        monkeypatch.setattr(pessimistic, "_affine_above", lambda _: none)
        worst = worst_dispatch(part, "auto")
        return worst.bound, worst.found, float(worst.lot_kw[0, 0]), worst.reason

    assert tried([5.0, 7.0, 9.0, 8.0]) == (9.0, 9.0, 2.0, "")
    assert tried([5.0, 7.0, 8.0, 8.0], bound=10.0) == (10.0, 8.0, 2.0, "")
    assert tried([5.0, 5.0 + 1e-12]) == (8.5, 5.0, 0.0, "")
    assert tried([5.0, np.inf]) == (np.inf, np.inf, 1.0, UNSERVED)
    assert tried([np.inf]) == (np.inf, np.inf, 0.0, UNSERVED)
    monkeypatch.setattr(pessimistic, "MAXIMUM_STEPS", 2)
    assert tried([5.0, 7.0, 9.0, 11.0]) == (9.0, 9.0, 2.0, "")
