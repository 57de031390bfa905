"""Real time: by hand, without news, with penalties, outages and calls; both solvers; what must hold in any case."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from equilibrium.arrays import FloatArray
from equilibrium.certificate import RESIDUAL_TOLERANCE
from equilibrium.errors import InputError
from equilibrium.grid.restoration import Outage
from equilibrium.markets.two_settlement.real_time import Event, RealDay, RealTimeDay
from equilibrium.markets.two_settlement.rolling import RealTime
from equilibrium.markets.two_settlement.system import ActiveSystem, Bid, Positions
from equilibrium.markets.two_settlement.window_data import Accounts, Now
from tests.equilibrium.two_settlement_days import small_numbers
from tests.equilibrium.two_settlement_real import (
    UNITS,
    all_prices,
    bid,
    fixed,
    penalties,
    positions,
    real_day,
    scaled,
    system,
    weather,
)

PLAIN = system()
WITH_UNITS = system(**UNITS)
PLAIN_LIT, ORDER = np.ones(5, dtype=np.bool_), np.arange(5)


def run(
    made: ActiveSystem, day: RealDay, plan: Positions, ahead: int = 1, solver: str = "auto", **others: Any
) -> RealTimeDay:
    """Go through a day; what is written on the way must fit together."""
    bids: tuple[Bid, ...] = others.get("bids", ())
    found = RealTime(made, ahead, solver).run(day, plan, bids, others.get("deliveries", ()))
    served = day.seen.load_kw - found.shed_kw
    given = found.generator_kw.sum(1) + found.renewable_kw.sum(1) + found.storage_kw.sum(1) + found.bid_kw.sum(1)
    assert found.trade_kw + given == pytest.approx(served.sum(1), abs=1e-6)
    assert found.residuals.worst <= RESIDUAL_TOLERANCE
    band = made.grid.voltage_min_pu[0] - 1e-9, made.grid.voltage_max_pu[0] + 1e-9
    assert np.nanmin(found.voltage_pu) >= band[0]
    assert np.nanmax(found.voltage_pu) <= band[1]
    return found


# By hand


def test_more_load_is_bought_at_the_price_of_real_time_and_a_penalty() -> None:
    """10 % more of 10 kW for a quarter of an hour at 0.3, with 0.2 for being beside the position."""
    expected = weather(PLAIN, [0.3] * 4)
    day = real_day(expected, scaled(expected, np.array([1.0, 1.1, 1.0, 0.9])), 1, penalties=penalties(1, energy=0.2))
    found = run(PLAIN, day, positions(PLAIN, 1))
    assert found.trade_kw == pytest.approx([10.0, 11.0, 10.0, 9.0])
    assert found.cost == pytest.approx([0.0, 0.25 * 0.5, 0.0, 0.25 * (0.2 - 0.3)])


def test_reactive_power_beside_the_position_costs_its_own() -> None:
    expected = weather(PLAIN, [0.0], prices=all_prices([0.0], reactive=0.1))
    day = real_day(expected, penalties=penalties(1, reactive=0.05))
    found = run(PLAIN, day, positions(PLAIN, 1, trade_kvar=np.array([3.0])))
    assert found.trade_kvar == pytest.approx([5.0])
    assert found.cost == pytest.approx([2.0 * 0.15])


def test_a_generator_helps_where_it_is_cheaper_and_its_ramp_allows_it() -> None:
    """It stands at 2 kW; a kWh costs 0.3 and 0.15 beside the plan, at the market 0.5: it rises by 4 kW an hour."""
    made = system(generators=UNITS["generators"])
    day = real_day(weather(made, [0.5] * 3), penalties=penalties(3, output=0.15))
    plan = positions(made, 3, generator_kw=np.full((3, 1), 2.0), trade_kw=np.full(3, 8.0))
    found = run(made, replace(day, length_h=np.full(3, 0.5)), plan)
    assert found.generator_kw[:, 0] == pytest.approx([4.0, 6.0, 6.0])
    assert found.cost == pytest.approx([0.5 * 2.0 * (0.45 - 0.5), 0.5 * 4.0 * (-0.05), 0.5 * 4.0 * (-0.05)])


def test_a_generator_keeps_the_state_of_the_schedule() -> None:
    """Off it gives nothing at any price; on it gives its least output of 1 kW where energy costs nothing."""
    made = system(generators=(replace(UNITS["generators"][0], before_kw=0.0),))
    plan = positions(made, 2, on=np.array([[0.0], [1.0]]), generator_kw=np.array([[0.0], [1.0]]))
    assert run(made, real_day(weather(made, [9.0, 0.0])), plan).generator_kw[:, 0] == pytest.approx([0.0, 1.0])


def test_the_plans_own_steps_need_no_ramp() -> None:
    made = system(generators=UNITS["generators"])
    plan = positions(made, 2, generator_kw=np.array([[0.0], [6.0]]), on=np.array([[0.0], [1.0]]))
    plan = replace(plan, trade_kw=np.array([10.0, 4.0]))
    day = real_day(weather(made, [0.1] * 8), None, 2, penalties=penalties(2, energy=1.0))
    found = run(made, day, plan, 4)
    assert found.generator_kw[:, 0] == pytest.approx([0.0] * 4 + [6.0] * 4)
    assert found.cost == pytest.approx(np.zeros(8), abs=1e-9)


def test_storage_moves_energy_and_is_where_the_plan_has_it_at_the_end() -> None:
    """It sells at 0.9 what it can buy back at 0.1: half an hour at 2 kW, less what both ways lose."""
    made = system(storages=UNITS["storages"])
    day = real_day(weather(made, [0.9, 0.9, 0.1, 0.1]), None, 1)
    found = run(made, day, positions(made, 1), 4)
    assert found.storage_kw[2:, 0] == pytest.approx([-2.0, -2.0])
    assert found.storage_kw[:2, 0].sum() == pytest.approx(4.0 * 0.95**2)
    assert found.storage_kwh[-1, 0] == pytest.approx(2.0)


def test_a_negative_price_is_not_earned_by_wasting() -> None:
    made = system(storages=UNITS["storages"])
    found = run(made, real_day(weather(made, [-1.0, -1.0])), positions(made, 2), 2)
    stored = np.diff(np.concatenate([[2.0], found.storage_kwh[:, 0]]))
    both = np.where(found.storage_kw[:, 0] > 0.0, -found.storage_kw[:, 0] / 0.95, -0.95 * found.storage_kw[:, 0])
    assert stored == pytest.approx(both, abs=1e-9)
    assert 0.0 < found.excess < 4.0  # wasting would earn at most what passes the storage in two hours


# Reserve


def test_what_was_sold_is_kept_ready_or_paid_for() -> None:
    """6 kW at most less 5 kW sold leave 1 kW of output; at 0.1 a missing kW costs less than the energy at 0.9."""
    made = system(generators=UNITS["generators"])
    plan = positions(made, 1, spinning_kw=np.array([5.0]), generator_kw=np.array([[2.0]]))
    kept = run(made, real_day(weather(made, [0.9]), penalties=penalties(1, spinning=2.0)), plan)
    assert (kept.generator_kw[0, 0], kept.spinning_short_kw[0]) == pytest.approx((1.0, 0.0))
    paid = run(made, real_day(weather(made, [0.9]), penalties=penalties(1, spinning=0.1)), plan)
    assert (paid.generator_kw[0, 0], paid.spinning_short_kw[0]) == pytest.approx((6.0, 5.0))


@pytest.mark.parametrize(
    ("start", "power", "ready"),
    [(2.0, 2.0, 0.95), (3.0, 1.0, 0.05)],  # 1 kWh is left and worth 0.95; 0.95 of 1 kW are given already
)
def test_storage_keeps_ready_what_power_and_energy_allow(start: float, power: float, ready: float) -> None:
    """It gives 1 kWh of its battery, as planned, and 1.5 kW are sold."""
    store = replace(UNITS["storages"][0], initial_kwh=start, discharge_max_kw=power)
    made = system(storages=(store,))
    plan = positions(made, 1, storage_kwh=np.array([[start - 1.0]]), trade_kw=np.array([9.05]))
    plan = replace(plan, spinning_kw=np.array([1.5]))
    found = run(made, real_day(weather(made, [0.3]), penalties=penalties(1, energy=1.0, spinning=0.2)), plan)
    assert found.storage_kw == pytest.approx(np.array([[0.95]]))
    assert found.spinning_short_kw == pytest.approx([1.5 - ready])


def test_what_is_called_is_delivered_and_no_longer_kept() -> None:
    made = system(generators=UNITS["generators"])
    plan = positions(made, 1, spinning_kw=np.array([4.0]), generator_kw=np.array([[2.0]]), trade_kw=np.array([8.0]))
    day = real_day(weather(made, [0.3]), penalties=penalties(1, energy=1.0, spinning=1.0), called_share=np.array([1.0]))
    found = run(made, day, plan)
    assert found.trade_kw == pytest.approx([4.0])
    assert found.generator_kw[0] == pytest.approx([6.0])
    assert found.cost == pytest.approx([4.0 * 0.3])


def test_regulating_reserve_is_called_where_it_is_cheaper() -> None:
    """The lot takes 1 kW and has 3 kW accepted, 2 of them ready; a called kWh costs 0.1 and not 0.6."""
    offer = bid([-1.0])
    accepted = {"accepted_kw": np.array([[-1.0]]), "accepted_regulating_kw": np.array([[3.0]])}
    plan = positions(PLAIN, 1, 1, **accepted, trade_kw=np.array([11.0]), trade_kvar=np.array([5.5]))
    found = run(PLAIN, real_day(weather(PLAIN, [0.6])), plan, bids=(offer,), deliveries=(fixed([-1.0], 2.0),))
    assert found.called_kw == pytest.approx(np.array([[2.0]]))
    assert found.bid_kw == pytest.approx(np.array([[1.0]]))
    assert found.unready_kw == pytest.approx(np.array([[1.0]]))
    assert found.cost == pytest.approx([2.0 * (0.1 - 0.6)])
    assert found.trade_kvar == pytest.approx([5.5 - 2.0 * 0.5])


def test_spinning_reserve_of_aggregators_is_called_with_the_market_and_in_outages() -> None:
    """2 kW accepted; the market calls a half of what it bought in period 1, and a branch fails in period 2."""
    accepted = {"accepted_kw": np.full((4, 1), -1.0), "accepted_spinning_kw": np.full((4, 1), 2.0)}
    more = {"trade_kw": np.full(4, 11.0), "trade_kvar": np.full(4, 5.5), "spinning_kw": np.full(4, 2.0)}
    plan = positions(PLAIN, 4, 1, **accepted, **more)
    event = Event(Outage("branch 0-1", branches=(0,)), 2, 2)
    share = np.array([0.0, 0.5, 0.0, 0.0])
    day = real_day(weather(PLAIN, [0.6] * 4), called_share=share, events=(event,))
    found = run(PLAIN, day, plan, 3, bids=(bid([-1.0] * 4),), deliveries=(fixed([-1.0] * 4, 2.0),))
    assert found.called_kw[:, 0] == pytest.approx([0.0, 1.0, 2.0, 0.0])


def test_a_call_is_not_foreseen_and_believed_to_last_for_its_hour() -> None:
    made = system(storages=UNITS["storages"])
    plan = positions(made, 2, spinning_kw=np.array([2.0, 2.0]), trade_kw=np.array([10.0, 10.0]))
    share = np.array([0.0, 0.0, 1.0, 1.0])
    day = real_day(weather(made, [0.3] * 4), None, 2, called_share=share, penalties=penalties(2, energy=1.0))
    data = Accounts(made, day, plan, ())
    view = Now(1, np.arange(1, 4), np.zeros(3, bool), day.seen, *[np.zeros((3, 0)), np.zeros(0)] * 2, PLAIN_LIT, ORDER)
    assert data.called_share(view).tolist() == [0.0, 0.0, 0.0]
    assert data.called_share(replace(view, period=2, at=np.array([2, 3, 3]))).tolist() == [1.0, 1.0, 1.0]


# Outages


def test_an_outage_is_met_by_a_tie_and_ends() -> None:
    event = Event(Outage("branch 0-1", branches=(0,)), 1, 2)
    found = run(PLAIN, real_day(weather(PLAIN, [0.1] * 4), events=(event,)), positions(PLAIN, 4))
    assert found.closed.tolist()[0] == [True, True, True, False]
    assert found.closed.tolist()[1] == [False, True, True, True]
    assert found.operations.tolist() == [0, 1, 0, 1]
    assert found.shed_kw.sum() == 0.0
    assert [note.split(",")[0] for note in found.notes] == [
        "period 1: branch 0-1 out of order",
        "period 3: everything is back in order",
    ]


def test_a_failed_bus_is_lost_with_all_that_stands_there() -> None:
    """Bus 2: its load of 2 kW is lost, its generator stands still and comes back at once, the lot gets nothing."""
    made = system(generators=UNITS["generators"])
    event = Event(Outage("bus 2", buses=(2,)), 1, 1)
    plan = positions(made, 3, 1, generator_kw=np.full((3, 1), 5.0), accepted_kw=np.full((3, 1), -1.0))
    plan = replace(plan, trade_kw=np.full(3, 6.0))
    day = real_day(weather(made, [0.1] * 3), events=(event,), penalties=penalties(3, energy=1.0, output=1.0))
    made = replace(made, generators=(replace(made.generators[0], before_kw=5.0),))
    found = run(made, day, plan, 2, bids=(bid([-1.0] * 3),), deliveries=(fixed([-1.0] * 3),))
    assert found.shed_kw.sum(axis=1) == pytest.approx([0.0, 2.0, 0.0])
    assert found.generator_kw[:, 0] == pytest.approx([5.0, 0.0, 5.0])
    assert found.held_kw[:, 0] == pytest.approx([0.0, 1.0, 0.0])
    assert np.isnan(found.voltage_pu[1, 2])
    bought = 8.0 - 6.0  # loads of 1, 3 and 4 kW
    assert found.cost[1] == pytest.approx(bought * 1.1 - 5.0 * 0.3 + 3.0 * 10.0)


def test_storage_without_supply_keeps_nothing_ready() -> None:
    """1.5 kW are sold and the store at bus 1 could give 1.9: with its bus out of order all of it is missing."""
    event = Event(Outage("bus 1", buses=(1,)), 1, 1)
    made = system(storages=(replace(UNITS["storages"][0], discharge_efficiency=1.0),))
    plan = positions(made, 2, spinning_kw=np.full(2, 1.5))
    found = run(made, real_day(weather(made, [0.1] * 2), events=(event,), penalties=penalties(2, spinning=1.0)), plan)
    assert found.spinning_short_kw == pytest.approx([0.0, 1.5])


def test_a_weak_way_sheds_what_is_worth_least() -> None:
    """Behind a branch for 1.5 kW with reactive power of half: bus 2 (worth 3) comes before bus 1 (worth 2)."""
    weak = replace(PLAIN.grid, rating_kva=np.array([np.inf, np.inf, np.inf, 1.5 * np.hypot(1.0, 0.5)]))
    made = system(grid=weak, lost_load_value=np.arange(1.0, 6.0))
    event = Event(Outage("branch 0-1", branches=(0,)), 0, 0)
    found = run(made, real_day(weather(made, [0.1]), events=(event,)), positions(made, 1))
    assert found.shed_kw[0, 1] == pytest.approx(1.0)
    assert 0.5 <= found.shed_kw[0, 2] <= 0.55


@pytest.mark.parametrize(("power", "limit"), [(6000.0, 1.1), (-6000.0, 0.9)])
def test_what_the_voltage_forbids_is_not_given_or_taken(power: float, limit: float) -> None:
    """Squares fall by 2 (3 P + 1.5 Q) / 1000 on the way to bus 2, Q = P / 2; loads of 1 and 2 kW hardly count.

    Bus 1 is passed by all, so that 1 kW there and its kvar count a third: 2 (1 + 0.25) / 1000.
    """
    plan = positions(PLAIN, 1, 1, accepted_kw=np.array([[power]]), trade_kw=np.array([10.0 - power]))
    dear = replace(PLAIN, lost_load_value=np.array([10.0, 99.0, 10.0, 99.0, 99.0]))
    loads = scaled(weather(PLAIN, [0.3]), np.array([1.0]))
    loads.load_kw[0, 2] = loads.load_kvar[0, 2] = 0.0
    day = real_day(loads)
    told: list[tuple[int, float, float]] = []
    delivery = fixed([power])
    delivery.happened = lambda *said: told.append(said)  # type: ignore[method-assign,assignment]
    found = run(dear, day, plan, bids=(bid([power]),), deliveries=(delivery,))
    passed = (121.0 * (limit**2 - 1.0) * 1000.0 + 2.5 * 1.0) / 7.5
    assert found.bid_kw[0, 0] == pytest.approx(passed)
    assert found.held_kw[0, 0] == pytest.approx(passed - power)
    assert told == [(0, 0.0, pytest.approx(passed / power))]
    assert found.voltage_pu[0, 2] == pytest.approx(limit)
    assert not found.shed_kw.any()
    assert found.trade_kvar == pytest.approx([4.0 - 0.5 * passed])


def test_shed_load_takes_its_reactive_power_along() -> None:
    """6000 kW and 3000 kvar at bus 2: what is served passes the voltage, with half as many kvar."""
    big = replace(PLAIN.grid, load_kw=np.array([0.0, 0.0, 6000.0, 0.0, 0.0]))
    big = replace(big, load_kvar=big.load_kw / 2.0)
    made = system(grid=big)
    found = run(made, real_day(weather(made, [0.3])), positions(made, 1))
    served = 121.0 * 0.19 * 1000.0 / 7.5
    assert found.shed_kw.sum() == pytest.approx(6000.0 - served)
    assert found.trade_kvar == pytest.approx([served / 2.0])


def test_a_generator_trips_where_nothing_else_helps() -> None:
    """It must give 5000 kW; reactive power of 3900 kvar at most holds the voltage down a little."""
    unit = replace(UNITS["generators"][0], least_kw=5000.0, most_kw=5000.0, rating_kva=5000.0, before_kw=5000.0)
    made = system(generators=(unit,))
    plan = positions(made, 1, generator_kw=np.array([[5000.0]]), trade_kw=np.array([-4990.0]))
    found = run(made, real_day(weather(made, [0.3])), plan)
    assert found.tripped_kw.sum() > 10.0
    assert found.voltage_pu[0, 2] == pytest.approx(1.1)
    assert found.cost[0] > 10.0 * found.tripped_kw.sum()


def test_each_root_passes_no_more_than_it_may() -> None:
    """The grid's roots feed 3 and 7 kW; of 6 kW each, 1 kW behind the second is not served."""
    found = run(system(trade_max_kw=6.0), real_day(weather(PLAIN, [0.3])), positions(PLAIN, 1))
    assert found.shed_kw[0].sum() == pytest.approx(1.0)
    assert found.shed_kw[0, 3:].sum() == pytest.approx(1.0)


# What must hold


@settings(max_examples=4, phases=[Phase.explicit, Phase.generate], derandomize=True)
@given(buy=small_numbers(4, -0.5, 2.0), load=small_numbers(4, 0.2, 2.0), sun=small_numbers(4, 0.0, 2.0))
def test_without_news_real_time_is_the_day_ahead_schedule(buy: FloatArray, load: FloatArray, sun: FloatArray) -> None:
    """The best schedule of a whole window is a plan; from it, with or without penalties, nothing is gained."""
    expected = scaled(weather(WITH_UNITS, buy.tolist(), available_kw=sun[:, None]), load)
    day = real_day(expected)
    best = run(WITH_UNITS, day, positions(WITH_UNITS, 4), 4)
    plan = positions(
        WITH_UNITS,
        4,
        generator_kw=best.generator_kw,
        storage_kw=best.storage_kw,
        storage_kwh=best.storage_kwh,
        trade_kw=best.trade_kw,
        trade_kvar=best.trade_kvar,
    )
    if best.excess > 0.0:
        return  # a direction of storage was fixed period by period: no optimum of the whole day
    free = run(WITH_UNITS, day, plan, 4)
    assert free.cost.sum() == pytest.approx(0.0, abs=1e-6)
    for ahead, each in ((4, 0.1), (2, 5.0), (1, 5.0)):  # a short window does not see what its step costs later
        dear = replace(day, penalties=penalties(4, energy=each, reactive=each, output=each, spinning=each))
        again = run(WITH_UNITS, dear, plan, ahead)
        for name in ("trade_kw", "trade_kvar", "generator_kw"):
            assert getattr(again, name) == pytest.approx(getattr(plan, name), abs=1e-6)
        assert again.cost == pytest.approx(np.zeros(4), abs=1e-6)


@settings(max_examples=4, phases=[Phase.explicit, Phase.generate], derandomize=True)
@given(
    buy=small_numbers(3, 0.0, 2.0),
    load=small_numbers(3, 0.2, 2.0),
    low=st.tuples(*[st.integers(0, 5)] * 4),
    more=st.tuples(*[st.integers(0, 5)] * 4),
)
def test_dearer_penalties_never_help(
    buy: FloatArray, load: FloatArray, low: tuple[int, ...], more: tuple[int, ...]
) -> None:
    names = ("energy", "reactive", "spinning", "output")
    expected = scaled(weather(WITH_UNITS, buy.tolist()), load)
    plan = positions(WITH_UNITS, 3, generator_kw=np.full((3, 1), 2.0), spinning_kw=np.full(3, 2.0))
    costs = []
    for each in (low, tuple(a + b for a, b in zip(low, more, strict=True))):
        given = penalties(3, **{name: value / 10.0 for name, value in zip(names, each, strict=True)})
        costs.append(run(WITH_UNITS, real_day(expected, penalties=given), plan, 3).cost.sum())
    assert costs[1] >= costs[0] - 1e-6


@settings(max_examples=6)
@given(buy=small_numbers(4, 0.0, 2.0), load=small_numbers(4, 0.2, 2.0), seen=small_numbers(4, 0.2, 2.0))
def test_both_solvers_agree(buy: FloatArray, load: FloatArray, seen: FloatArray) -> None:
    expected = weather(WITH_UNITS, buy.tolist())
    given = penalties(4, energy=0.1, output=0.05, spinning=0.3, reactive=0.02)
    day = real_day(scaled(expected, load), scaled(expected, seen), penalties=given)
    plan = positions(WITH_UNITS, 4, generator_kw=np.full((4, 1), 2.0), spinning_kw=np.full(4, 2.0))
    first, second = (run(WITH_UNITS, day, plan, 1, solver) for solver in ("highs", "gurobi"))
    assert first.cost[0] == pytest.approx(second.cost[0], abs=1e-7)


def test_days_do_not_feel_each_other() -> None:
    expected = weather(WITH_UNITS, [0.1, 0.5, 0.9, 0.2])
    day = real_day(expected, scaled(expected, np.array([1.0, 1.3, 0.7, 1.1])))
    other = real_day(scaled(expected, np.full(4, 0.5)))
    market = RealTime(WITH_UNITS, 2)
    plan = positions(WITH_UNITS, 4)
    first = market.run(day, plan, (), ())
    market.run(other, plan, (), ())
    again = market.run(day, plan, (), ())
    for name in ("trade_kw", "generator_kw", "storage_kw", "cost"):
        assert getattr(first, name).tolist() == getattr(again, name).tolist()


def test_a_forecast_starts_at_what_is_seen_and_fades() -> None:
    expected = weather(PLAIN, [0.2, 0.4, 0.6])
    seen = scaled(weather(PLAIN, [0.6, 9.0, 9.0]), np.array([2.0, 9.0, 9.0]))
    ahead = expected.from_now(seen, 0, 4, 0.5)
    assert ahead.prices.buy == pytest.approx([0.6, 0.4 + 0.5 * 0.4, 0.6 + 0.25 * 0.4, 0.6 + 0.25 * 0.4])
    assert ahead.load_kw[:, 4] == pytest.approx([8.0, 6.0, 5.0, 5.0])
    wide = weather(PLAIN, [0.9, 0.5], prices=all_prices([0.9, 0.5], [0.1, 0.5]))
    narrow = weather(PLAIN, [0.5, 0.5])
    crossed = wide.from_now(narrow, 0, 2, 0.5).prices  # errors of -0.4 and 0.4: selling would pay 0.7, buying 0.3
    assert (crossed.buy[1], crossed.sell[1]) == pytest.approx((0.3, 0.3))
    late = expected.from_now(expected, 2, 3, 0.5)
    assert late.load_kw[:, 4] == pytest.approx([4.0, 4.0, 4.0])


# Bad input


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"memory": 1.5}, "memory: got 1.5"),
        ({"hour": np.array([0, 2])}, "hour"),
        ({"penalties": penalties(2, energy=-0.1)}, "penalties, energy: got -0.1"),
        ({"called_share": np.zeros(3)}, "called_share"),
        (
            {"expected": weather(PLAIN, [0.1, 0.1], prices=all_prices([0.1] * 2, [0.1, 0.2]))},
            "sell in period 1: got 0.2",
        ),
        ({"events": (Event(Outage("branch 0-1", branches=(0,)), 1, 2),)}, "outage branch 0-1"),
        ({"events": (Event(Outage("roots", buses=(0, 4)), 0, 1),)}, "a root that is left"),
    ],
)
def test_bad_days_are_refused(changes: dict[str, Any], words: str) -> None:
    day = replace(real_day(weather(PLAIN, [0.1, 0.1])), **changes)
    with pytest.raises(InputError, match=words):
        RealTime(PLAIN, 1).run(day, positions(PLAIN, 2), (), ())


@pytest.mark.parametrize("ahead", [0, 3, 97])
def test_a_window_fits_into_the_day(ahead: int) -> None:
    with pytest.raises(InputError, match=f"look_ahead: got {ahead}, expected from 1 to 2 periods"):
        RealTime(PLAIN, ahead).run(real_day(weather(PLAIN, [0.1, 0.1])), positions(PLAIN, 2), (), ())
