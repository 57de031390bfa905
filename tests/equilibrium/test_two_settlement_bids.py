"""The aggregators' own problems: by hand, against closed forms and brute force, with their proofs."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from equilibrium.arrays import FloatArray
from equilibrium.certificate import RESIDUAL_TOLERANCE
from equilibrium.errors import InputError
from equilibrium.markets.two_settlement.bidding import BidPrices, Commitment
from equilibrium.markets.two_settlement.checks import check_day
from equilibrium.markets.two_settlement.demand_bids import (
    Customers,
    commit_demand,
    deliver_demand,
    demand_standby,
    printed_bid,
    printed_program,
)
from equilibrium.markets.two_settlement.interruption import hour_of
from equilibrium.markets.two_settlement.lot_bids import LotZone, commit_lot, lot_standby
from equilibrium.programs.solvers import solve_linear
from tests.equilibrium.day_ahead_days import made_day, made_system
from tests.equilibrium.two_settlement_days import lot, prices, small_numbers, vehicles, zone

HOURS = np.ones(3)


def proved(answer: Commitment) -> bool:
    """Whether bound and residuals prove the answer."""
    return answer.proved and (answer.residuals is None or answer.residuals.worst <= RESIDUAL_TOLERANCE)


# Demand


def test_demand_moves_to_the_cheap_period_and_pays_back() -> None:
    """Half of 4 kW leaves the dear period 1 for the cheap period 2."""
    answer = commit_demand(zone([4.0, 4.0, 4.0]), prices([0.2, 0.5, 0.1]), HOURS)
    assert answer.bid.power_kw == pytest.approx([-4.0, -2.0, -6.0])
    assert answer.profit == pytest.approx(-(4 * 0.22 + 2 * 0.52 + 6 * 0.12))
    assert proved(answer)
    assert answer.bid.must_take


def test_moving_costs_more_than_it_saves() -> None:
    answer = commit_demand(zone([4.0, 4.0, 4.0], cut_cost_per_kwh=0.4), prices([0.2, 0.5, 0.11]), HOURS)
    assert answer.bid.power_kw == pytest.approx([-4.0, -4.0, -4.0])


def test_what_is_paid_back_is_energy_and_not_power() -> None:
    """Period 1 gives 2 kWh away: 1 to the half hour of period 2, which takes no more, and 1 to period 0."""
    answer = commit_demand(zone([4.0, 4.0, 4.0]), prices([0.2, 0.5, 0.1]), np.array([1.0, 1.0, 0.5]))
    assert answer.bid.power_kw == pytest.approx([-5.0, -2.0, -6.0])


def test_a_generator_is_sold_or_kept_ready() -> None:
    """It makes 3 kW at 0.3: worth 0.2 in period 1; kept ready it earns 0.25 in period 2; customers ready cost 0.3."""
    own = zone([0.0, 0.0, 0.0], generator_kw=np.full(3, 3.0), generator_cost_per_kwh=0.3)
    answer = commit_demand(own, prices([0.2, 0.5, 0.4], spinning=[0.0, 0.1, 0.25]), HOURS)
    assert answer.bid.power_kw == pytest.approx([0.0, 3.0, 0.0])
    assert answer.bid.spinning_kw == pytest.approx([0.0, 0.0, 3.0], abs=1e-9)
    assert answer.profit == pytest.approx(3 * 0.2 + 3 * 0.25)
    ready = commit_demand(zone([4.0] * 3, ready_cost_per_kw_h=0.3), prices([0.1] * 3, spinning=[0.2, 0.4, 0.2]), HOURS)
    assert ready.bid.spinning_kw == pytest.approx([0.0, 2.0, 0.0], abs=1e-9)


def test_periods_weigh_by_their_length() -> None:
    """Half an hour of period 1 frees 1 kWh; period 2 takes 2, so that 1 comes from period 0."""
    answer = commit_demand(zone([4.0, 4.0, 4.0]), prices([0.2, 0.5, 0.1]), np.array([1.0, 0.5, 1.0]))
    assert answer.bid.power_kw == pytest.approx([-3.0, -2.0, -6.0])


@settings(max_examples=15)
@given(
    sold=small_numbers(3, -0.5, 1.0),
    paid=small_numbers(3, 0.0, 1.0),
    spinning=small_numbers(3, 0.0, 1.0),
    demand=small_numbers(3, 0.0, 5.0),
)
def test_the_closed_form_is_the_printed_program(
    sold: FloatArray, paid: FloatArray, spinning: FloatArray, demand: FloatArray
) -> None:
    own = zone(demand.tolist(), reactive_share=0.488)
    asked = BidPrices(sold, sold + 0.02, spinning, np.zeros(3))
    customers = Customers(paid, 0.3 * paid, 0.1 * paid, 0.1 * sold)
    closed = printed_bid(own, asked, customers, HOURS)
    assert closed.residuals is not None
    assert closed.residuals.worst <= 1e-12
    program = printed_program(own, asked, customers, HOURS)
    for solver in ("highs", "gurobi"):
        solution = solve_linear(program, solver)
        assert -float(program.cost @ solution.x) == pytest.approx(closed.profit, abs=1e-9)
    sells = closed.bid.power_kw > 0.0
    assert (sold[sells] > paid[sells]).all()
    assert closed.profit >= 0.0


def brute_demand(own: Any, asked: BidPrices) -> float:
    """The best profit over all ways that periods can go, each an independent linear program (no reserve)."""
    size, move = own.demand_kw.size, own.movable * own.demand_kw
    best = -np.inf
    for ways in itertools.product((0, 1), repeat=size):
        # cut, back, made, give, take
        costs = [np.full(size, cost) for cost in (own.cut_cost_per_kwh, 0.0, own.generator_cost_per_kwh)]
        gain = -np.concatenate([*costs, -asked.sold, asked.bought])
        eye = np.eye(size)
        equal = np.vstack([np.hstack([-eye, eye, -eye, eye, -eye]), np.repeat([1.0, -1.0, 0, 0, 0], size)[None, :]])
        limits = [(0.0, most) for most in [*move, *move, *own.generator_kw]]
        limits += [(0.0, None if way else 0.0) for way in ways] + [(0.0, 0.0 if way else None) for way in ways]
        found = linprog(-gain, A_eq=equal, b_eq=[*-own.demand_kw, 0.0], bounds=limits)
        best = max(best, -found.fun) if found.success else best
    return float(best)


@settings(max_examples=8)
@given(
    sold=small_numbers(3, -0.3, 1.0),
    spread=small_numbers(3, -0.2, 0.2),
    demand=small_numbers(3, 0.0, 5.0),
    made=small_numbers(3, 0.0, 3.0),
)
def test_demand_against_all_ways(sold: FloatArray, spread: FloatArray, demand: FloatArray, made: FloatArray) -> None:
    own = zone(demand.tolist(), generator_kw=made, generator_cost_per_kwh=0.2, cut_cost_per_kwh=0.05)
    asked = BidPrices(sold, sold + spread, np.zeros(3), np.zeros(3))
    answers = [commit_demand(own, asked, HOURS, solver) for solver in ("highs", "gurobi")]
    for answer in answers:
        assert proved(answer)
        assert answer.profit == pytest.approx(brute_demand(own, asked), abs=1e-7)
    net = answers[0].bid.power_kw
    assert float((net + demand).sum()) <= made.sum() + 1e-7  # only the generator adds energy


def test_a_delivery_is_as_near_as_it_can_be() -> None:
    """The customers use 1 kW more in period 0: it moves to period 2, where they use less; no energy is missing."""
    power, ready = deliver_demand(zone([5.0, 4.0, 3.0]), np.array([-4.0, -4.0, -4.0]), HOURS)
    assert power == pytest.approx([-4.0, -4.0, -4.0])
    assert ready[0] == pytest.approx(1.5)  # of the 2.5 kW that may be cut, 1 is
    own = zone([6.0, 4.0, 4.0], movable=0.0, generator_kw=np.array([1.0, 0.0, 1.0]))
    power, ready = deliver_demand(own, np.array([-4.0, -4.0, -4.0]), HOURS)
    assert power == pytest.approx([-5.0, -4.0, -4.0])
    assert ready == pytest.approx([0.0, 0.0, 1.0])


def test_what_stands_behind_a_bid_helps_in_an_outage() -> None:
    """Of 5 kW a fifth can be cut and a generator gives 1 kW: the bid is -5, and -3 could be given at once."""
    usual = zone([5.0] * 3, movable=0.2, generator_kw=np.ones(3), generator_cost_per_kwh=1.0)
    bid = commit_demand(usual, prices([0.1, 0.1, 0.1], spinning=[0.0, 0.0, 0.0]), HOURS).bid
    assert demand_standby(usual, bid) == pytest.approx(np.full(3, 2.0))
    # A battery from 2 to 6 to 2 kWh, 4 kW either way: first it only stops charging and gives its 2 kWh.
    place = lot([(0, 2, 2.0, 2.0)])
    made = commit_lot(place, prices([0.1, 0.5], [0.1, 0.5]), np.ones(2))
    assert made.bid.power_kw == pytest.approx([-4.0, 4.0], abs=1e-9)
    assert lot_standby(place, made, np.ones(2)) == pytest.approx([4.0 + 2.0, 0.0], abs=1e-9)
    system = made_system(np.random.default_rng(0))
    day = made_day(np.random.default_rng(0))
    offered = replace(day.bids[0], power_kw=np.array([-3.0, 5.0, 0.0]))
    run = replace(offered, standby_kw=np.array([1.0, 2.0, 4.0]))
    for period, power in enumerate((1.0, 7.0, 4.0)):
        hour = hour_of(system, replace(day, bids=(run,)), day.scenarios[0], period)
        assert hour.source_kw[-1] == power
        hour = hour_of(system, replace(day, bids=(offered,)), day.scenarios[0], period)
        assert hour.source_kw[-1] == max(offered.power_kw[period], 0.0) + offered.spinning_kw[period]
    with pytest.raises(InputError, match="standby_kw at 0: got -1"):
        check_day(system, replace(day, bids=(replace(offered, standby_kw=np.full(3, -1.0)),)))


# Lots


def test_a_vehicle_charges_when_it_is_cheap_and_leaves_as_agreed() -> None:
    """It stays three hours, needs 4 kWh, and turns the spread of period 1 against period 0 into money."""
    answer = commit_lot(lot([(0, 3, 2.0, 6.0)]), prices([0.1, 0.5, 0.2]), HOURS)
    assert answer.bid.power_kw == pytest.approx([-4.0, 4.0, -4.0], abs=1e-9)
    assert answer.profit == pytest.approx(-0.48 + 2.0 - 0.88)
    assert answer.schedule.energy_kwh == pytest.approx(np.array([[6.0, 2.0, 6.0]]))
    assert proved(answer)


def test_wear_keeps_a_vehicle_from_discharging() -> None:
    answer = commit_lot(lot([(0, 3, 2.0, 6.0)], wear_per_kwh=0.4), prices([0.1, 0.5, 0.2]), HOURS)
    assert answer.bid.power_kw == pytest.approx([-4.0, 0.0, 0.0], abs=1e-9)


def test_reserve_needs_energy_and_a_way_back() -> None:
    """4 kWh at 4 kW: a call of all of it in period 0 can be put back in period 1, one in the last period cannot."""
    asked = prices([0.0, 0.0], [0.1, 0.1], spinning=[1.0, 1.0], regulating=[0.9, 1.1])
    answer = commit_lot(lot([(0, 2, 4.0, 4.0)], spinning_max_kw=1.5), asked, np.ones(2))
    assert answer.bid.spinning_kw == pytest.approx([1.5, 0.0], abs=1e-9)
    assert answer.bid.regulating_kw == pytest.approx([2.5, 0.0], abs=1e-9)
    low = commit_lot(lot([(0, 2, 1.0, 1.0)]), prices([0.0, 0.0], [2.0, 2.0], regulating=[0.9, 0.9]), np.ones(2))
    assert low.bid.regulating_kw == pytest.approx([1.0, 0.0], abs=1e-9)  # only 1 kWh is there


def test_what_is_given_cannot_be_kept_ready() -> None:
    """It must give 4 kWh and does so at 0.5 with all its power; nothing is left for the reserve of that period."""
    asked = prices([0.5, 0.0], [0.6, 0.1], regulating=[0.1, 0.0])
    answer = commit_lot(lot([(0, 2, 8.0, 4.0)]), asked, np.ones(2))
    assert answer.bid.power_kw == pytest.approx([4.0, 0.0], abs=1e-9)
    assert answer.bid.regulating_kw == pytest.approx([0.0, 0.0], abs=1e-9)


def test_two_vehicles_may_exchange_energy_behind_one_meter() -> None:
    """One has 3 kWh too many, the other needs 3: nothing passes the meter."""
    answer = commit_lot(lot([(0, 1, 5.0, 2.0), (0, 1, 2.0, 5.0)]), prices([0.1], [0.5]), np.ones(1))
    assert answer.bid.power_kw == pytest.approx([0.0], abs=1e-9)


def test_negative_prices_are_not_earned_by_wasting() -> None:
    """At -1 per kWh a vehicle that needs nothing earns only by what its battery takes and gives back."""
    own = lot([(0, 2, 5.0, 5.0)], efficiency=0.8)
    answer = commit_lot(own, BidPrices(np.full(2, -1.0), np.full(2, -1.0), np.zeros(2), np.zeros(2)), np.ones(2))
    charge, discharge = answer.schedule.charge_kw, answer.schedule.discharge_kw
    assert np.minimum(charge, discharge).max() == pytest.approx(0.0, abs=1e-9)
    assert answer.profit == pytest.approx(4.0 - 3.2 * 0.8)  # 4 kW bring 3.2 kWh, which give 2.56 kW back
    assert proved(answer)


def brute_lot(own: LotZone, asked: BidPrices) -> float:
    """The best profit over all ways of vehicles and lot, each an independent linear program without reserve."""
    each, periods = own.vehicles, asked.sold.size
    into, out = own.site.efficiency, own.site.discharge_efficiency
    stays = [(v, t) for v in range(each.size) for t in range(each.arrival[v], each.departure[v])]
    best = -np.inf
    for ways in itertools.product((0, 1), repeat=len(stays) + periods):
        upper: list[tuple[float, float | None]] = []
        for k in range(len(stays)):
            upper += [(0.0, 4.0 * (1 - ways[k])), (0.0, 4.0 * ways[k])]
        for t in range(periods):
            upper += [(0.0, None if ways[len(stays) + t] else 0.0), (0.0, 0.0 if ways[len(stays) + t] else None)]
        size = len(upper)
        equal, right, most, room = [], [], [], []
        for t in range(periods):
            row = np.zeros(size)
            row[2 * len(stays) + 2 * t : 2 * len(stays) + 2 * t + 2] = 1.0, -1.0
            for k, (_, at) in enumerate(stays):
                if at == t:
                    row[2 * k : 2 * k + 2] += 1.0, -1.0
            equal.append(row)
            right.append(0.0)
        for v in range(each.size):
            row = np.zeros(size)
            for k, (who, at) in enumerate(stays):
                if who == v:
                    row[2 * k : 2 * k + 2] = into, -1.0 / out
                    if at < each.departure[v] - 1:
                        most += [row.copy(), -row]
                        room += [10.0 - each.energy_kwh[v], each.energy_kwh[v]]
            equal.append(row)
            right.append(each.wish_kwh[v] - each.energy_kwh[v])
        gain = np.zeros(size)
        gain[2 * len(stays) :: 2], gain[2 * len(stays) + 1 :: 2] = asked.sold, -asked.bought
        rows = {"A_ub": np.array(most), "b_ub": room} if most else {}
        found = linprog(-gain, A_eq=np.array(equal), b_eq=right, bounds=upper, **rows)
        best = max(best, -found.fun) if found.success else best
    return float(best)


@settings(max_examples=5)
@given(
    sold=small_numbers(2, -0.3, 1.0),
    spread=small_numbers(2, -0.2, 0.2),
    energy=st.tuples(st.integers(0, 9), st.integers(0, 9)),
    need=st.tuples(st.integers(-3, 3), st.integers(-3, 3)),
)
def test_a_lot_against_all_ways(
    sold: FloatArray, spread: FloatArray, energy: tuple[int, int], need: tuple[int, int]
) -> None:
    rows = [(0, 2, float(energy[0]), 0.0), (1, 2, float(energy[1]), 0.0)]
    wish = [float(np.clip(energy[k] + need[k], 0.0, 10.0)) for k in range(2)]
    wish = [min(max(w, e - 3.0), e + 3.0) for w, e in zip(wish, energy, strict=True)]
    own = lot(rows, efficiency=0.9, vehicles=vehicles([(*row[:3], w) for row, w in zip(rows, wish, strict=True)]))
    asked = BidPrices(sold, sold + spread, np.zeros(2), np.zeros(2))
    expected = brute_lot(own, asked)
    for solver in ("highs", "gurobi"):
        answer = commit_lot(own, asked, np.ones(2), solver)
        assert proved(answer)
        assert answer.profit == pytest.approx(expected, abs=1e-7)
    charge, discharge = answer.schedule.charge_kw, answer.schedule.discharge_kw
    assert float(0.9 * charge.sum() - discharge.sum() / 0.9) == pytest.approx(sum(wish) - sum(energy), abs=1e-7)


@settings(max_examples=10)
@given(sold=small_numbers(3, 0.0, 1.0), more=small_numbers(3, 0.0, 0.5), other=small_numbers(3, 0.0, 1.0))
def test_profit_is_convex_and_rises_with_what_is_paid(sold: FloatArray, more: FloatArray, other: FloatArray) -> None:
    own = lot([(0, 3, 2.0, 6.0), (1, 3, 8.0, 7.0)], efficiency=0.9)

    def profit(at: FloatArray, bought: FloatArray) -> float:
        return commit_lot(own, BidPrices(at, bought, 0.1 * at, 0.2 * at), HOURS).profit

    dear = np.full(3, 2.0)
    assert profit(sold + more, dear) >= profit(sold, dear) - 1e-9
    middle = profit(0.5 * (sold + other), dear)
    assert middle <= 0.5 * (profit(sold, dear) + profit(other, dear)) + 1e-9


def test_doing_nothing_is_always_there() -> None:
    own = lot([(0, 3, 5.0, 5.0)])
    assert commit_lot(own, prices([0.3, 0.1, 0.7]), HOURS).profit >= 0.0
    assert commit_demand(zone([0.0, 0.0, 0.0]), prices([0.3, 0.1, 0.7]), HOURS).profit == 0.0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: commit_demand(zone([1.0, 2.0, -1.0]), prices([0.1] * 3), HOURS), "demand_kw"),
        (lambda: commit_demand(zone([1.0] * 3, movable=1.5), prices([0.1] * 3), HOURS), "movable: got 1.5"),
        (lambda: commit_demand(zone([1.0] * 3), prices([0.1] * 2), HOURS), "prices, sold"),
        (lambda: commit_lot(lot([(0, 3, 0.0, 10.0)]), prices([np.nan] * 3), HOURS), "prices, sold"),
        (lambda: commit_lot(lot([(0, 1, 0.0, 9.0)]), prices([0.1] * 3), HOURS), "vehicle v0, wish_kwh: got 9.0"),
        (lambda: commit_lot(lot([(0, 4, 0.0, 9.0)]), prices([0.1] * 3), HOURS), "vehicle v0, departure: got 4"),
        (lambda: commit_lot(lot([], wear_per_kwh=-1.0), prices([0.1] * 3), HOURS), "wear_per_kwh: got -1.0"),
    ],
)
def test_bad_input_is_one_line(call: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        call()


def test_a_lot_without_vehicles_offers_nothing() -> None:
    answer = commit_lot(lot([]), prices([0.3, 0.1, 0.7], regulating=[1.0] * 3), HOURS)
    assert (answer.profit, answer.bid.power_kw.tolist(), answer.bid.regulating_kw.tolist()) == (
        0.0,
        [0.0] * 3,
        [0.0] * 3,
    )


def test_identical_vehicles_may_share_a_row() -> None:
    asked = prices([0.1, 0.5, 0.2], regulating=[0.05, 0.01, 0.1])
    apart = commit_lot(lot([(0, 3, 2.0, 6.0)] * 3, efficiency=0.9), asked, HOURS)
    one = lot([(0, 3, 2.0, 6.0)], efficiency=0.9)
    together = commit_lot(replace(one, vehicles=replace(one.vehicles, count=np.array([3.0]))), asked, HOURS)
    assert together.profit == pytest.approx(apart.profit)
    assert together.bid.power_kw == pytest.approx(apart.bid.power_kw)
