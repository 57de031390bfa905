"""Several aggregators: known equilibria, no trade with strangers, an exhaustive grid, and what is refused."""

from __future__ import annotations

import itertools
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equilibrium.certificate import EPSILON_REGRET, RESIDUAL_TOLERANCE, Verdict
from equilibrium.errors import InputError
from equilibrium.markets.aggregator.day import AggregatorDay, Generator, Retailer
from equilibrium.markets.aggregator.market import AggregatorMarket
from equilibrium.markets.aggregator.reaction import react
from equilibrium.markets.aggregator.rivals.day import Prices, RivalsDay
from equilibrium.markets.aggregator.rivals.market import RivalsClearing, RivalsMarket
from equilibrium.markets.aggregator.rivals.offers import offered
from equilibrium.markets.aggregator.rivals.outcome import market_outcome
from tests.equilibrium.aggregator_days import random_day


def small(price: float, name: str, **changes: Any) -> AggregatorDay:
    """One hour, a generator that costs 3 and a load of 100 kW worth 12."""
    day = AggregatorDay(
        energy_price=np.full(1, price),
        reserve_price=np.ones(1),
        call_probability=0.05,
        failure_rate=0.02,
        lots=(),
        generators=(Generator(name, 3.0, 100.0),),
        retailer=Retailer(np.full(1, 100.0), np.full(1, 12.0), 0.0, 0.1),
        probability=np.ones(1),
        cap=10.0,
        uniform_cap=10.0,
        reserve_cap=5.0,
    )
    return replace(day, **changes)


def two(first: AggregatorDay, second: AggregatorDay, wheeling: float) -> RivalsDay:
    return RivalsDay(("north", "south"), (first, second), wheeling)


def with_lots(seed: int, wheeling: float, **changes: Any) -> RivalsDay:
    """Two small days with a lot each at one upstream node; caps are above what energy costs there."""
    options = {"periods": 3, "cap": 12.0, "uniform_cap": 12.0, **changes}
    first, second = random_day(seed, **options), random_day(seed + 1000, **options)
    second = replace(
        second,
        energy_price=first.energy_price,
        reserve_price=first.reserve_price,
        failure_rate=first.failure_rate,
        call_probability=first.call_probability,
        lots=tuple(replace(lot, name=f"{lot.name} south") for lot in second.lots),
        generators=tuple(replace(unit, name=f"{unit.name} south") for unit in second.generators),
    )
    return two(first, second, wheeling)


def numbers(prices: Prices) -> dict[str, float]:
    return {name: float(value[0]) for name, value in prices.items()}


@pytest.mark.parametrize("starts", [1, 3])
def test_the_same_costs_leave_everybody_the_wheeling_fee(starts: int) -> None:
    # Strangers could pay a generator 6 less the fee of 1, and sell to a load for 6 and the fee: the own aggregator
    # matches 5 and 7 and earns 1 on each of 200 kWh. Alone it would pay 3 and take 10.
    cleared = RivalsMarket(starts=starts).clear(two(small(6.0, "a"), small(6.0, "b"), 1.0))
    assert cleared.ended == "equilibrium"
    assert cleared.certificate.verdict is Verdict.EXACT
    np.testing.assert_allclose(cleared.profit, [200.0, 200.0])
    assert numbers(cleared.profile[0][0]) == {"generators": 5.0, "retailer": 7.0}
    assert numbers(cleared.profile[0][1]) == {"generators": 6.0, "retailer": 6.0}
    assert [market.fees for market in cleared.outcomes] == [0.0, 0.0]
    assert len(cleared.runs) == starts


def test_the_cheaper_aggregator_takes_the_load_of_the_dearer() -> None:
    # Upstream 5 and 8, fee 1. South sells to its load at 8 at least, so north takes it for 7: the load pays 8 in all.
    # North's own generator is worth 8 less 1 to south, its own worth is 5: south buys there at 6 (the generator gets
    # 5, what north could pay); south's generator gets 4, what north could pay less the fee.
    day = two(small(5.0, "a"), small(8.0, "b"), 1.0)
    cleared = RivalsMarket().clear(day)
    assert cleared.certificate.verdict is Verdict.EXACT
    # North: own load at 9 (8 and the fee) 400, south's load 200. South: own generator 400, north's 200.
    np.testing.assert_allclose(cleared.margins, [[400.0, 200.0], [200.0, 400.0]])
    north, south = cleared.outcomes
    assert [north.fees, south.fees] == pytest.approx([100.0, 100.0])
    assert south.accounts.retailer == pytest.approx((12.0 - 8.0) * 100.0)
    assert north.accounts.generators == pytest.approx([(5.0 - 3.0) * 100.0])
    assert numbers(cleared.profile[0][1])["retailer"] == 7.0


def test_without_a_fee_nobody_earns_anything() -> None:
    cleared = RivalsMarket(starts=2).clear(two(small(6.0, "a"), small(6.0, "b"), 0.0))
    assert cleared.certificate.verdict is Verdict.EXACT
    np.testing.assert_allclose(cleared.profit, 0.0, atol=1e-9)


def test_uniform_prices_pay_for_both_sides() -> None:
    # One price for generator and load: at break-even what is bought dear is sold dear, so a market with as much of
    # both brings nothing to the dearer one, and 4 per kWh of 100 to the cheaper one where it sells to the other's load.
    days = (small(5.0, "a", pricing="uniform"), small(8.0, "b", pricing="uniform"))
    cleared = RivalsMarket(starts=2).clear(two(*days, 1.0))
    assert cleared.certificate.verdict is Verdict.EXACT
    np.testing.assert_allclose(cleared.profit, [400.0, 0.0], atol=1e-9)


@pytest.mark.parametrize("pricing", ["pay-as-bid", "uniform"])
def test_strangers_who_may_not_trade_leave_two_separate_optima(pricing: str) -> None:
    day = with_lots(3, np.inf, periods=2, pricing=pricing)
    cleared = RivalsMarket(starts=2).clear(day)
    alone = [AggregatorMarket().clear(market).profit for market in day.markets]
    np.testing.assert_allclose(cleared.profit, alone, rtol=1e-9)
    assert cleared.certificate.verdict is Verdict.EXACT
    assert cleared.margins[0, 1] == cleared.margins[1, 0] == 0.0


@pytest.mark.long
def test_competition_lowers_the_aggregators_profit_step_by_step() -> None:
    profits = [RivalsMarket().clear(with_lots(3, fee, periods=1)).profit.sum() for fee in (0.0, 0.5, np.inf)]
    assert profits[0] == pytest.approx(0.0, abs=1e-6)
    assert profits == sorted(profits)
    assert profits[1] > 1.0


def check(day: RivalsDay, cleared: RivalsClearing) -> None:
    """Everything that must hold at any cleared day: money balances, and nothing earns more than its bound."""
    assert cleared.certificate.primal <= RESIDUAL_TOLERANCE
    assert (cleared.bound >= cleared.profit - 1e-7 * (1.0 + np.abs(cleared.profit))).all()
    for market, own in zip(cleared.outcomes, day.markets, strict=True):
        accounts = market.accounts
        assert accounts.aggregator == pytest.approx(market.margins.sum(), abs=1e-6)
        lots = sum(float(own.probability @ (each.market + each.drivers)) for each in accounts.lot_accounts)
        drivers = sum(float(own.probability @ each.drivers) for each in accounts.lot_accounts)
        everybody = accounts.aggregator + lots + accounts.generators.sum() + accounts.retailer
        cost = np.array([unit.cost for unit in own.generators])
        cut = own.retailer.load_kw - market.served_kw
        hourly = own.retailer.price * market.served_kw - own.retailer.incentive * cut - market.generators_kw @ cost
        upstream = sum(
            each.follower.base.weight * each.follower.worth[who] @ each.with_whom(who)
            for each in market.choices
            for who in range(day.size)
        )
        outside = float(hourly @ own.length_h) + drivers + upstream - market.fees
        assert everybody == pytest.approx(outside, abs=1e-6 * (1.0 + abs(outside)))
        for each in market.choices:
            parts = sum(each.with_whom(who) for who in range(day.size))
            np.testing.assert_allclose(each.x[each.follower.traded], parts, atol=1e-7)


@settings(max_examples=2, deadline=None)
@given(seed=st.integers(0, 10_000), fee=st.sampled_from([0.0, 0.5, 2.0]), uniform=st.booleans())
def test_days_at_one_node_have_an_equilibrium_that_is_proved(seed: int, fee: float, uniform: bool) -> None:
    day = with_lots(seed, fee, periods=2, pricing="uniform" if uniform else "pay-as-bid")
    cleared = RivalsMarket().clear(day)
    check(day, cleared)
    if not uniform:
        # With one upstream price and caps above it, offers at break-even leave a stranger nothing to gain.
        assert cleared.ended == "equilibrium"


@settings(max_examples=3, deadline=None)
@given(
    prices=st.tuples(st.floats(4.0, 9.0), st.floats(4.0, 9.0)),
    costs=st.tuples(st.floats(1.0, 8.0), st.floats(1.0, 8.0)),
    fee=st.sampled_from([0.0, 0.5, 1.5]),
)
def test_no_price_of_a_fine_grid_earns_more(
    prices: tuple[float, float], costs: tuple[float, float], fee: float
) -> None:
    days = [
        replace(small(price, name), generators=(Generator(name, cost, 100.0),))
        for price, cost, name in zip(prices, costs, "ab", strict=True)
    ]
    day = two(days[0], days[1], fee)
    cleared = RivalsMarket().clear(day)
    assert cleared.ended == "equilibrium"
    check(day, cleared)
    for who, number in itertools.product(range(2), range(2)):
        followers = offered(day, number)
        for name in ("generators", "retailer"):
            for price in np.linspace(0.0, 10.0, 11):
                offers = [dict(row[number]) for row in cleared.profile]
                offers[who][name] = np.full(1, price)
                got = market_outcome(day, number, followers, offers).margins[who]
                assert got <= cleared.margins[who, number] + 1e-6 * (1.0 + abs(got))


def test_no_prices_for_a_lot_on_a_grid_earn_more_than_the_bound() -> None:
    day = with_lots(2, 0.5, periods=1)
    cleared = RivalsMarket().clear(day)
    assert cleared.certificate.verdict is Verdict.EXACT
    for who in range(2):
        lot = next(each for each in offered(day, 0) if each.base.kind == "lot")
        offers = [dict(row[0]) for row in cleared.profile]
        rest = cleared.bound[who] - cleared.profit[who]
        chosen = market_outcome(day, 0, offered(day, 0), offers).choices[0].margins[who]
        view, names = lot.view(who, offers), list(lot.base.prices.values())
        for trial in itertools.product(np.linspace(0.0, 12.0, 7), np.linspace(0.0, 12.0, 7), np.linspace(0.0, 8.0, 5)):
            prices = {name: np.full(1, price) for name, price in zip(names, trial, strict=True)}
            assert react(view, prices).margin <= chosen + rest + 1e-6


def test_a_profile_that_is_none_is_not_called_an_equilibrium() -> None:
    # Where a cap lies below what energy costs, the own aggregator sells at a loss and a lot could resell: here no
    # replies settle at an equilibrium, and the word and the regret say so.
    day = with_lots(1, 0.0, periods=2, cap=6.0)
    assert day.markets[0].energy_price.max() > 6.0
    cleared = RivalsMarket().clear(day)
    assert cleared.ended in {"none-found", "cycle"}
    assert not cleared.certificate.certified
    assert cleared.certificate.epsilon > EPSILON_REGRET
    assert len(cleared.runs) == 2


@pytest.mark.parametrize(
    ("proved", "ends", "word"),
    [
        (True, ("cycle", "cycle"), "equilibrium"),
        (False, ("cycle", "cycle"), "cycle"),
        (False, ("cycle", "round limit"), "none-found"),
        (False, ("settled", "cycle"), "none-found"),
    ],
)
def test_only_where_every_start_ends_in_a_cycle_is_it_one(proved: bool, ends: tuple[str, ...], word: str) -> None:
    certificate = SimpleNamespace(certified=proved)
    cleared: Any = SimpleNamespace(certificate=certificate, runs=[SimpleNamespace(ended=end) for end in ends])
    assert RivalsClearing.ended.fget(cleared) == word  # type: ignore[attr-defined]


@pytest.mark.long
def test_scenarios_are_joined_by_prices() -> None:
    day = with_lots(5, 1.0, periods=2, scenarios=2)
    cleared = RivalsMarket(gap=1e-4).clear(day)
    check(day, cleared)
    assert cleared.certificate.epsilon <= 1e-3


@pytest.mark.parametrize(
    ("day", "word"),
    [
        (RivalsDay(("a",), (small(6.0, "a"),), 1.0), "at least 2"),
        (RivalsDay(("a", "a"), (small(6.0, "a"), small(6.0, "b")), 1.0), "names that differ"),
        (two(small(6.0, "a"), small(6.0, "b"), -1.0), "at least 0"),
        (two(small(6.0, "a"), small(6.0, "b"), np.nan), "at least 0"),
        (two(small(6.0, "a"), small(6.0, "a"), 1.0), "no other aggregator"),
        (two(small(6.0, "a"), small(6.0, "b", call_probability=0.1), 1.0), "one operator"),
        (two(small(6.0, "a"), small(6.0, "b", period_h=0.5), 1.0), "those of north"),
        (two(small(6.0, "a"), small(6.0, "b", cap=None), 1.0), "without a cap"),
    ],
)
def test_bad_days_are_refused(day: RivalsDay, word: str) -> None:
    with pytest.raises(InputError, match=word):
        RivalsMarket().clear(day)


@pytest.mark.parametrize("options", [{"starts": 0}, {"rounds": 0}, {"gap": 1.0}, {"node_limit": 0}])
def test_bad_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        RivalsMarket(**options)
