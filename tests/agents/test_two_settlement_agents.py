"""What the operator and the aggregators of two settlements expect, offer and remember: days whose numbers are given."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from mesa import Model

from agents.two_settlement.bidders import DemandBidder, LotBidder
from agents.two_settlement.operator import SystemOperator, lasting
from agents.two_settlement.records import BidderRecord, OperatorRecord
from agents.two_settlement.settlement import DaySettled
from equilibrium.markets.two_settlement.system import Bid, Prices
from scenarios.markets.two_settlement.offers import Offers
from scenarios.time_axis import day_axis

HOURS, HALVES = day_axis(None, None, 60), day_axis(None, None, 30)
HOUR = np.repeat(np.arange(24), 2)
ONE, NONE = np.ones(24), np.zeros(24)


def at(size: int, **values: float) -> np.ndarray:
    """Zeros but for some places, named p0, p1 ..."""
    found = np.zeros(size)
    for place, value in values.items():
        found[int(place[1:])] = value
    return found


def prices_of(energy: np.ndarray) -> Prices:
    return Prices(energy, 0.9 * energy, 0.1 * energy, 0.5 * energy, 0.25 * energy)


OFFERS = Offers(0.8, 1.2, 0.5, prices_of)


def bid(**changes: Any) -> Bid:
    given = dict.fromkeys(("sold_price", "bought_price", "spinning_price", "regulating_price"), NONE)
    given |= {"power_kw": NONE, "spinning_kw": NONE, "regulating_kw": NONE}
    return Bid(**{"name": "b", "bus": 1, "reactive_share": 0.0} | given | changes)


# Bidders


def bidder(**changes: Any) -> DemandBidder:
    rules = {"name": "b", "number": 1, "offers": OFFERS, "price": np.full(24, 0.2)}
    return DemandBidder(Model(), **rules | changes)


DAY: Any = SimpleNamespace(axis=HOURS, demand_factor=(0.0, 1.5), vehicles=())


def settled(**changes: Any) -> Any:
    """A day of which every number is given; the bidder is the second of two."""
    two = lambda values: np.column_stack([np.full(len(values), 99.0), values])  # noqa: E731
    offered = bid(power_kw=at(24, p0=10.0, p1=-4.0), spinning_kw=at(24, p0=8.0, p1=5.0), regulating_kw=at(24, p0=2.0))
    positions = SimpleNamespace(
        accepted_kw=two(at(24, p0=9.0)),
        accepted_spinning_kw=two(at(24, p0=4.0)),
        accepted_regulating_kw=two(at(24, p0=1.0)),
    )
    done = SimpleNamespace(
        unready_kw=two(at(48, p0=2.0, p1=1.0)),
        bid_kw=two(at(48, p0=6.0, p1=-1.0)),
        called_kw=two(at(48, p0=4.0)),
    )
    given = {
        "forecast": SimpleNamespace(bids=(bid(name="a"), offered)),
        "plan": SimpleNamespace(positions=positions),
        "real": SimpleNamespace(length_h=np.full(48, 0.5), hour=HOUR),
        "done": done,
        "prices": prices_of(np.full(24, 0.4)),
        "money": SimpleNamespace(of={"b": 7.0}.__getitem__),
        "deviation_kw": two(at(48, p0=-3.0, p1=2.0)),
    }
    return DaySettled(**given | changes)


def test_what_an_aggregator_expects_to_get() -> None:
    """Shares of the prices that it remembers; reserve as far as it was accepted, a tenth at least."""
    agent = bidder()
    agent.observe(DAY)
    agent.price[1] = -0.2
    agent.accepted[:3] = 0.5, 0.05, 0.1
    found = agent.expected_prices()
    assert found.sold[:3].tolist() == pytest.approx([0.16, -0.24, 0.16])
    assert found.bought[:3].tolist() == pytest.approx([0.24, -0.16, 0.24])
    # half of 0.5 * 0.2, and of 0.25 * 0.2
    assert found.spinning[:4].tolist() == pytest.approx([0.025, -0.005, 0.005, 0.05])
    assert found.regulating[:4].tolist() == pytest.approx([0.0125, -0.0025, 0.0025, 0.025])


def test_an_aggregator_offers_reserve_as_far_as_it_trusts_itself() -> None:
    agent = bidder()
    agent.observe(DAY)
    agent.reliability = 0.75
    commitment: Any = SimpleNamespace(profit=3.0, bid=bid(power_kw=ONE, spinning_kw=4.0 * ONE, regulating_kw=8.0 * ONE))
    made = agent.offer(commitment, prices_of(np.full(24, 0.3)))
    assert (made.power_kw[0], made.spinning_kw[0], made.regulating_kw[0]) == (1.0, 3.0, 6.0)
    assert (made.sold_price[0], made.bought_price[0]) == pytest.approx((0.24, 0.36))
    assert (made.spinning_price[0], made.regulating_price[0]) == pytest.approx((0.075, 0.0375))
    assert commitment.bid.spinning_kw[0] == 4.0


def test_what_an_aggregator_remembers_and_writes_down() -> None:
    agent = bidder(price_memory=0.5, share_memory=0.75)
    assert (agent.accepted.tolist(), agent.share, agent.reliability) == ([1.0] * 24, 1.0, 1.0)
    agent.observe(DAY)
    agent._planned = 2.5
    agent.settle(settled())
    assert agent.price.tolist() == pytest.approx([0.3] * 24)
    # 5 of 10 kW were accepted, none of 5; where nothing was offered nothing was seen
    assert agent.accepted.tolist() == pytest.approx([0.875, 0.75, *[1.0] * 22])
    assert agent.share == pytest.approx(0.75 + 0.25 * 1.5)
    # 5 kWh were promised, 1.5 were not ready
    assert agent.reliability == pytest.approx(0.75 + 0.25 * 0.7)
    assert agent.record() == BidderRecord(
        name="b",
        kind="demand",
        planned=2.5,
        income=7.0,
        offered_kwh=6.0,
        accepted_kwh=9.0,
        delivered_kwh=2.5,
        deviation_kwh=2.5,
        called_kwh=2.0,
        unready_kwh=1.5,
        expected_share=agent.share,
        reliability=agent.reliability,
    )


def test_an_aggregator_that_promised_nothing_trusts_itself_as_before() -> None:
    agent = bidder(share_memory=0.5)
    agent.observe(DAY)
    day = settled()
    day.plan.positions.accepted_spinning_kw[:] = day.plan.positions.accepted_regulating_kw[:] = 0.0
    agent.reliability = 0.4
    agent.settle(day)
    assert agent.reliability == 0.4
    worse = settled()
    worse.done.unready_kw[0] = 99.0
    agent.settle(worse)
    assert agent.reliability == pytest.approx(0.2)  # nothing was ready, and no less


@pytest.mark.parametrize(("usual", "share"), [(20, 0.75), (0, 1.0)])
def test_who_came_to_a_lot(usual: int, share: float) -> None:
    agent = LotBidder(Model(), name="l", number=1, usual=usual, offers=OFFERS, price=ONE)
    vehicles = tuple(SimpleNamespace(count=np.array(count)) for count in ([99.0], [5.0, 10.0]))
    day: Any = SimpleNamespace(vehicles=vehicles)
    assert (agent.kind, agent.came(day), bidder().kind, bidder().came(DAY)) == ("lot", share, "demand", 1.5)


def test_an_aggregator_must_observe_first() -> None:
    with pytest.raises(RuntimeError, match=r"^an aggregator must observe a day before it can bid or settle one$"):
        bidder().expected_prices()


# The operator


def operator(**changes: Any) -> SystemOperator:
    rules = {"price": np.full(24, 0.2), "deviation_kw": np.full(24, 3.0), "persistence": 0.5}
    return SystemOperator(Model(), **rules | changes)


def test_what_the_operator_expects() -> None:
    agent = operator(reserve_deviations=2.0)
    agent.observe(DAY)
    agent.price[5], agent.load_factor[6], agent.deviation_kw[7] = 0.7, 1.1, 4.0
    assert agent.expected_price().tolist() == [*[0.2] * 5, 0.7, *[0.2] * 18]
    assert agent.expected_load().tolist() == [*[1.0] * 6, 1.1, *[1.0] * 17]
    assert agent.reserve_need_kw().tolist() == [*[6.0] * 7, 8.0, *[6.0] * 16]
    with pytest.raises(RuntimeError, match=r"^the operator must observe a day before it can plan or settle one$"):
        operator().expected_price()


def test_what_the_operator_remembers_and_writes_down() -> None:
    """Two buses and two units; in the first hour 12 and 9 kW came where 10 were usual and believed, 1 kW more sun."""
    agent = operator(price_memory=0.5, load_memory=0.75, error_memory=0.25)
    assert agent.record() == OperatorRecord(0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.5)
    two = lambda values: np.column_stack([0.25 * values, 0.75 * values])  # noqa: E731
    usual, load = np.full(24, 10.0), np.full(48, 10.0)
    usual[2], load[:6] = 0.0, (12.0, 9.0, 10.0, 10.0, 0.0, 0.0)
    believed = np.full(48, 10.0)
    believed[4:6] = 0.0
    day: Any = SimpleNamespace(
        axis=HOURS, quarters=HALVES, hour=HOUR, usual_kw=two(usual), load_kw=two(load), demand_factor=()
    )
    agent.observe(day)
    prices = np.full(24, 0.4)
    prices[0] = 0.1
    real = SimpleNamespace(
        length_h=np.full(48, 0.5),
        expected=SimpleNamespace(load_kw=two(believed), available_kw=np.zeros((48, 2))),
        seen=SimpleNamespace(available_kw=two(at(48, p0=1.0))),
    )
    settlement: Any = SimpleNamespace(
        real=real,
        prices=prices_of(prices),
        plan=SimpleNamespace(profit=5.0),
        money=SimpleNamespace(of={"operator": 4.0}.__getitem__),
    )
    agent.settle(settlement)
    assert agent.price.tolist() == pytest.approx([0.15, *[0.3] * 23])
    # shares of 1.2 and 0.9 in the first hour; nothing is usual in the third
    assert agent.load_factor.tolist() == pytest.approx([0.75 + 0.25 * 1.05, *[1.0] * 23])
    # errors of 12 - 10 - 1 and 9 - 10 kW: mean square 1
    assert agent.deviation_kw.tolist() == pytest.approx([np.sqrt(0.25 * 9 + 0.75), *[np.sqrt(0.25 * 9)] * 23])
    # relative errors of 0.2 and -0.1: -0.02 of 0.05, and no share is below nothing
    assert agent.persistence == pytest.approx(0.25 * 0.5)
    assert agent.record() == OperatorRecord(
        planned_profit=5.0,
        profit=4.0,
        price_error=pytest.approx((0.1 + 23 * 0.2) / 24),
        load_error=pytest.approx(0.3 / 48),
        load_factor=pytest.approx((24 + 0.0125) / 24),
        deviation_kw=pytest.approx(agent.deviation_kw.mean()),
        persistence=agent.persistence,
    )


@pytest.mark.parametrize(
    ("errors", "share"),
    [
        ([1.0, 0.5, 0.25], 0.5),
        ([2.0, 1.0, -1.0], (2.0 - 1.0) / 5.0),
        ([1.0, -1.0], 0.0),
        ([1.0, 2.0], 0.99),
        ([0.0, 0.0, 3.0], 0.0),
        ([0.5, 0.25], 0.5),
    ],
)
def test_what_lasts_of_an_error(errors: list[float], share: float) -> None:
    assert lasting(np.array(errors)) == pytest.approx(share)
