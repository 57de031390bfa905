"""The settlement of both markets: by hand, to the cent, and against what the programs say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import Phase, given, settings

from equilibrium.arrays import FloatArray
from equilibrium.grid.restoration import Outage
from equilibrium.markets.two_settlement.real_time import Event
from equilibrium.markets.two_settlement.rolling import RealTime
from equilibrium.markets.two_settlement.settlement import (
    CUSTOMERS,
    DAY_AHEAD,
    OPERATOR,
    REAL_TIME,
    WHOLESALE,
    Payment,
    Settlement,
    settle,
)
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

WITH_UNITS = system(**UNITS)
PLAIN = system()


def amounts(found: Settlement, stage: str) -> dict[tuple[str, str], float]:
    """What the operator gets (negative: pays) by product and other party."""
    total: dict[tuple[str, str], float] = {}
    for each in found.payments:
        if each.stage == stage:
            other = each.receiver if each.payer == OPERATOR else each.payer
            sign = -1.0 if each.payer == OPERATOR else 1.0
            total[each.product, other] = total.get((each.product, other), 0.0) + sign * each.cents / 100
    return total


def test_a_day_by_hand() -> None:
    """A lot bought 2 kW and takes 4; 1 kW of reserve is called; the load is 1 kW more; a generator stays as planned."""
    made = system(generators=UNITS["generators"])
    offer = bid([-2.0], regulating_price=np.array([0.05]), spinning_price=np.array([0.02]))
    plan = positions(
        made,
        1,
        1,
        trade_kw=np.array([9.0]),
        trade_kvar=np.array([6.0]),
        generator_kw=np.array([[3.0]]),
        spinning_kw=np.array([2.0]),
        accepted_kw=np.array([[-2.0]]),
        accepted_regulating_kw=np.array([[1.5]]),
        accepted_spinning_kw=np.array([[0.5]]),
    )
    expected = weather(made, [0.5], prices=all_prices([0.5], [0.4], reactive=0.1))
    given = penalties(1, energy=0.2, reactive=0.01, spinning=0.7, output=5.0)
    day = real_day(expected, scaled(expected, np.array([1.1])), penalties=given)
    done = RealTime(made, 1).run(day, plan, (offer,), (fixed([-4.0], 1.0),))
    assert done.called_kw.tolist() == [[1.0]]
    ahead = all_prices([0.25], [0.2], reactive=0.1, spinning=0.3)
    found = settle(made, day, np.ones(1), ahead, plan, (offer,), done)
    assert amounts(found, DAY_AHEAD) == pytest.approx(
        {
            ("energy", WHOLESALE): -9.0 * 0.25,
            ("reactive", WHOLESALE): -6.0 * 0.1,
            ("spinning", WHOLESALE): 2.0 * 0.3,
            ("output", "g"): -3.0 * 0.3,
            ("starts", "g"): 0.0,
            ("energy", "lot"): 2.0 * 0.2,
            ("spinning", "lot"): -0.01,
            ("regulating", "lot"): -1.5 * 0.05 - 0.005,
        },
        abs=0.0051,
    )
    now = amounts(found, REAL_TIME)
    bought = 11.0 + 4.0 - 1.0 - 3.0 - 9.0
    assert now["energy", WHOLESALE] == pytest.approx(-bought * 0.5)
    assert now["energy penalty", WHOLESALE] == pytest.approx(-bought * 0.2)
    assert now["energy", "lot"] == pytest.approx(2.0 * 0.5)
    assert now["energy penalty", "lot"] == pytest.approx((2.0 - 1.0) * 0.2)  # 1 kWh was called and may be put back
    assert now["called reserve", "lot"] == pytest.approx(-1.0 * 0.1)
    assert now["reserve penalty", "lot"] == pytest.approx(1.0 * 0.7)
    # Where more was called than it moved beside its position nothing is missed, and nothing is given for it.
    little = replace(done, bid_kw=plan.accepted_kw[day.hour] + done.called_kw + done.held_kw - 0.5)
    spared = amounts(settle(made, day, np.ones(1), ahead, plan, (offer,), little), REAL_TIME)
    assert spared["energy", "lot"] == pytest.approx(0.5 * 0.5)
    assert spared.get(("energy penalty", "lot"), 0.0) == 0.0


def test_a_start_is_paid_where_a_unit_was_off() -> None:
    """On before the day, off in period 1, on again: one start; another that was off before the day starts twice."""
    running = replace(UNITS["generators"][0], name="running", on_before_h=5.0, start_cost=7.0)
    made = system(generators=(running, replace(running, name="resting", on_before_h=-5.0)))
    states = np.array([[1.0, 1.0], [0.0, 0.0], [1.0, 1.0]])
    plan = positions(made, 3, on=states, generator_kw=states, trade_kw=np.array([8.0, 10.0, 8.0]))
    day = real_day(weather(made, [0.3] * 3), penalties=penalties(3, energy=1.0, output=1.0))
    done = RealTime(made, 2).run(day, plan, (), ())
    found = settle(made, day, np.ones(3), all_prices([0.3] * 3), plan, (), done)
    paid = {each.receiver: each.cents for each in found.payments if each.product == "starts"}
    assert paid == {"running": 700, "resting": 1400}


def test_cents_flow_from_payer_to_receiver() -> None:
    payment = Payment(DAY_AHEAD, "energy", "a", "b", 1.0, 250)
    both = Settlement((payment, Payment(REAL_TIME, "energy", "b", "a", 1.0, 50)))
    assert both.balances() == {"a": -200, "b": 200}
    assert (both.of("b"), both.of("b", DAY_AHEAD), both.of("a", REAL_TIME)) == (2.0, 2.5, 0.5)
    assert both.of("nobody") == 0.0


@settings(max_examples=10, phases=[Phase.explicit, Phase.generate], derandomize=True)
@given(
    buy=small_numbers(3, 0.0, 2.0),
    load=small_numbers(3, 0.2, 2.0),
    power=small_numbers(3, -3.0, 3.0),
    trade=small_numbers(3, -20.0, 20.0),
)
def test_it_balances_to_the_cent_and_is_what_real_time_cost(
    buy: FloatArray, load: FloatArray, power: FloatArray, trade: FloatArray
) -> None:
    """With an outage and calls of both kinds."""
    offer = bid((power * 0.7).tolist())
    plan = positions(
        WITH_UNITS,
        3,
        1,
        trade_kw=trade,
        generator_kw=np.full((3, 1), 2.0),
        spinning_kw=np.full(3, 1.0),
        accepted_kw=0.7 * power[:, None],
        accepted_regulating_kw=np.full((3, 1), 0.5),
    )
    expected = weather(WITH_UNITS, buy.tolist())
    given = penalties(3, energy=0.11, reactive=0.02, spinning=0.31, output=0.07)
    event = Event(Outage("bus 2", buses=(2,)), 1, 1)
    seen = scaled(expected, load)
    day = real_day(expected, seen, penalties=given, called_share=np.array([0.0, 0.5, 1.0]), events=(event,))
    done = RealTime(WITH_UNITS, 2).run(day, plan, (offer,), (fixed(power, 0.3),))
    ahead = all_prices([0.25] * 3, [0.2] * 3, reactive=0.1, spinning=0.3)
    found = settle(WITH_UNITS, day, np.ones(3), ahead, plan, (offer,), done)
    assert sum(found.balances().values()) == 0
    assert all(each.cents >= 0 for each in found.payments)
    assert found.of(OPERATOR) == pytest.approx(found.of(OPERATOR, DAY_AHEAD) + found.of(OPERATOR, REAL_TIME))
    assert not done.tripped_kw.any()
    own = amounts(found, REAL_TIME)
    aside = {("called spinning", WHOLESALE)}
    aside |= {(name, "lot") for name in ("energy", "energy penalty", "reserve penalty")}
    cost = -sum(value for key, value in own.items() if key not in aside)
    assert cost == pytest.approx(done.cost.sum(), abs=0.006 * len(own))
    assert found.of(CUSTOMERS) == pytest.approx(10.0 * done.shed_kw.sum(), abs=0.01)
