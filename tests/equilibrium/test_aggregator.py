"""The aggregator market: hand-computed days, the published study's numbers, other methods, properties, bad input."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equilibrium.certificate import Verdict
from equilibrium.errors import InfeasibleError, InputError
from equilibrium.grid.lossy import piecewise_square
from equilibrium.markets.aggregator.clearing import AggregatorClearing
from equilibrium.markets.aggregator.day import AggregatorDay, Contracts, Lot, LotTariffs, LotVehicles, Reading
from equilibrium.markets.aggregator.followers import followers, price_names
from equilibrium.markets.aggregator.invariants import check_clearing
from equilibrium.markets.aggregator.market import AggregatorMarket
from equilibrium.markets.aggregator.published import solve_published
from equilibrium.markets.aggregator.reaction import expected_margin, react_all
from tests.equilibrium.aggregator_days import (
    DEPARTURE_SOC,
    SHARE,
    card_day,
    card_lot,
    on_line,
    random_day,
    some_hours,
)

UNIFORM: dict[str, Any] = {"pricing": "uniform"}


def cleared(day: AggregatorDay, **options: Any) -> AggregatorClearing:
    """Clear a day, and see that every statement about cleared days holds."""
    answer = AggregatorMarket(**options).clear(day)
    assert [finding for finding in check_clearing(day, answer) if not finding.holds] == []
    return answer


# By hand


def bare(**changes: Any) -> AggregatorDay:
    """One period without lots: 100 kW of load worth 12 + 0, one generator of 50 kW at 7.5, upstream 8."""
    day = card_day(())
    day = replace(
        day,
        energy_price=np.array([8.0]),
        reserve_price=np.array([2.0]),
        generators=(replace(day.generators[0], capacity_kw=50.0),),
        retailer=replace(day.retailer, load_kw=np.array([100.0]), price=np.array([12.0]), incentive=0.0),
    )
    return replace(day, **changes)


def test_generator_and_retailer_by_hand() -> None:
    """Pay-as-bid: (10 - 8) 100 + (8 - 7.5) 50 = 225. Uniform at 10: 200 - (10 - 8) 50 = 100; at 7.5: -50 + 25."""
    answer = cleared(bare())
    assert answer.profit == pytest.approx(225.0)
    assert (answer.prices["retailer"][0], answer.prices["generators"][0]) == (10.0, 7.5)
    assert cleared(bare(**UNIFORM)).profit == pytest.approx(100.0)
    assert cleared(bare(**UNIFORM)).generators_kw.tolist() == [[50.0]]


def test_interruption_by_hand() -> None:
    """With a cap of 20 and half of the load interruptible: 12 earns 4 per kWh on 100 kW, 20 earns 12 on 50 kW."""
    day = bare(cap=20.0, retailer=replace(bare().retailer, interruptible_share=0.5))
    answer = cleared(day)
    assert answer.served_kw.tolist() == [50.0]
    assert answer.accounts.from_retailer - 8.0 * 50.0 == pytest.approx(600.0)
    less = replace(day, retailer=replace(day.retailer, interruptible_share=0.8))
    assert cleared(less).served_kw.tolist() == [100.0]  # 12 * 20 = 240 < 400


def one_car(category: int, soc: float, arrival: float) -> Lot:
    """A car of 20 kWh that stands there for two periods and leaves in the third."""
    share, agreed = np.zeros((4, 1)), np.full((4, 1), soc)
    share[category] = 1.0
    parked, arriving, departing = (np.array(each)[None, :, None] for each in ([1.0, 1, 0], [1.0, 0, 0], [0.0, 0, 1]))
    energy = np.zeros((1, 3, 4))
    energy[0, 0, category] = arrival
    brought = np.zeros((1, 3, 4))
    brought[0, 2, category] = arrival
    return card_lot(
        contracts=Contracts(share, agreed),
        tariffs=LotTariffs(g2v1=13.0, g2v2=12.0, g2v3=10.0, v2g=11.0),
        vehicles=LotVehicles(parked, arriving, departing, energy, brought),
        charge_efficiency=0.75,
        discharge_efficiency=0.5,
        battery_kwh=20.0,
        soc_min=0.2,
    )


def three_periods(lot: Lot, **changes: Any) -> AggregatorDay:
    day = replace(
        bare(),
        lots=(lot,),
        generators=(),
        energy_price=np.array([8.0, 6.0, 9.0]),
        reserve_price=np.array([2.0, 1.0, 5.0]),
        retailer=replace(bare().retailer, load_kw=np.zeros(3), price=np.full(3, 12.0)),
        call_probability=0.0,
    )
    return replace(day, **changes)


def test_a_car_is_charged_at_the_cap_when_energy_is_cheap() -> None:
    """It needs 12 - 6 kWh, 8 kWh of the grid: the leader sells at 10 what it buys at 6."""
    answer = cleared(three_periods(one_car(0, 0.6, 6.0)))
    assert answer.profit == pytest.approx((10.0 - 6.0) * 8.0)
    assert answer.lots[0].charge_kw.tolist() == [[0.0, 8.0, 0.0]]
    # (25): six kWh sold at 13, less the eighty that the energy cost.
    assert answer.accounts.lots[0] == pytest.approx(6.0 * 13.0 - 80.0)


def test_reserve_is_what_the_stock_covers() -> None:
    """12 kWh stand there, 4 must stay: 0.5 * 8 = 4 kW for 2 + 1; the lot has no cost, so it is paid nothing."""
    answer = cleared(three_periods(one_car(2, 0.6, 12.0)))
    assert answer.profit == pytest.approx(4.0 * (2.0 + 1.0))
    assert answer.reserve_kw.tolist() == [4.0, 4.0, 0.0]
    assert answer.prices["lot reserve"].tolist() == [0.0, 0.0, 0.0]


def test_the_stock_before_a_discharge_covers_more() -> None:
    """The aggregator sells V2G energy at 9 that costs it nothing to buy back later at 0."""
    day = three_periods(one_car(2, 0.6, 12.0), energy_price=np.array([20.0, 0.0, 0.0]), reserve_price=np.zeros(3))
    printed = cleared(day)
    assert printed.lots[0].discharge_kw[0, 0] == pytest.approx(2.0)  # half of what lies above the minimum, times 0.5
    free = cleared(replace(day, reading=Reading(output_stock="start")))
    assert free.lots[0].discharge_kw[0, 0] == pytest.approx(4.0)
    assert free.profit > printed.profit


def test_readings_of_unclear_places() -> None:
    day = some_hours(card_day(), 6, 11)
    lot = replace(day.lots[0], tariffs=replace(day.lots[0].tariffs, extra=0.5))
    day = replace(day, lots=(lot,))
    usual = cleared(day)

    def read(**changes: str) -> AggregatorClearing:
        return cleared(replace(day, reading=Reading(**changes)))

    # Fewer ways for the lot to deliver energy that is not there yet, in this order.
    least = [read(pool_floor=floor).lots[0].charge_g2v_kw.sum() for floor in ("printed", "zero", "arrival")]
    assert least == sorted(least)
    assert least[0] < least[2]
    assert read(flex1_floor="physical").profit >= 0.0
    # A constant of the lot alone: (1 - phi) beta Cb times the departing vehicles.
    leaving = lot.battery_kwh * lot.vehicles.departing[0].sum(axis=0)
    apart = 0.5 * leaving @ ((1.0 - DEPARTURE_SOC[3]) * (SHARE[3] - SHARE[2]))
    other = read(extra_flex2="printed")
    assert other.accounts.lots[0] - usual.accounts.lots[0] == pytest.approx(apart)
    assert other.profit == pytest.approx(usual.profit)
    # A price for each unit pays each its cost.
    assert read(generator_price="unit").profit >= usual.profit
    assert read(generator_price="unit").accounts.generators.tolist() == pytest.approx([0.0, 0.0, 0.0])


def test_printed_weights_only_change_what_lots_report() -> None:
    day = random_day(5, scenarios=2)
    usual, printed = cleared(day), cleared(replace(day, reading=Reading(weights="printed")))
    assert printed.profit == usual.profit
    detail = usual.accounts.lot_accounts[0]
    assert printed.accounts.lots[0] == pytest.approx((detail.market + detail.drivers).sum())


# The published study with its substitute data


def test_case_one_of_the_study() -> None:
    """Parts by an independent model: retailer 46 578, generators 10 350, lot 30 839.55."""
    answer = cleared(card_day())
    assert answer.certificate.verdict is Verdict.EXACT
    assert answer.gap <= 1e-12
    assert answer.profit == pytest.approx(87_767.551391, rel=1e-9)
    accounts, day = answer.accounts, card_day()
    assert accounts.from_retailer - float(day.energy_price @ answer.served_kw) == pytest.approx(46_578.0)
    saved = float(day.energy_price @ answer.generators_kw.sum(axis=1))
    assert accounts.from_generators + saved == pytest.approx(10_350.0)
    did = answer.lots[0]
    assert did.charge_kw.sum() == pytest.approx(3_992.9576)
    assert did.discharge_kw.sum() == pytest.approx(174.780468)
    assert did.reserve_kw.sum() == pytest.approx(11_529.093684)
    assert accounts.lots[0] == pytest.approx(6_397.653348)
    bought = answer.identified["lot in"]
    assert answer.prices["lot in"][bought & (np.arange(24) != 16)].tolist() == [10.0] * 10
    assert answer.prices["lot in"][16] == pytest.approx(8.95)


def test_reactions_at_given_prices() -> None:
    """At (cap, 0, 0) a lot is worth 5 274.50, at (cap, 0, break-even reserve) 17 647.92."""
    day = card_day()
    lot = [each for each in followers(day) if each.kind == "lot"]
    for reserve, value in ((0.0, 5_274.49516), (0.575, 17_647.915048)):
        prices = {"lot in": np.full(24, 10.0), "lot out": np.zeros(24), "lot reserve": np.full(24, reserve)}
        assert expected_margin(react_all(lot, prices)) == pytest.approx(value)


@pytest.mark.long
@pytest.mark.parametrize(("cap", "value"), [(10.0, 39_782.958511), (13.5, 53_049.869666)])
def test_case_two_of_the_study(cap: float, value: float) -> None:
    answer = cleared(card_day(uniform_cap=cap, **UNIFORM))
    assert answer.certificate.verdict is Verdict.EXACT
    assert answer.profit == pytest.approx(value, rel=1e-9)


@pytest.mark.long
@pytest.mark.parametrize(("g2v2", "value"), [(11.2, 87_767.6), (10.5, 87_041.4), (10.2, 86_895.5)])
def test_the_price_sweep_of_the_study(g2v2: float, value: float) -> None:
    lot = card_lot(tariffs=replace(card_lot().tariffs, g2v2=g2v2))
    profit = cleared(card_day((lot,))).profit
    assert profit == pytest.approx(value, abs=0.06) or (g2v2 == 10.2 and profit >= value)


# Other methods


@pytest.mark.parametrize(("first", "more"), [(6, {}), (14, UNIFORM)])
def test_the_published_program_agrees(first: int, more: dict[str, Any]) -> None:
    day = some_hours(card_day(**more), first, first + 5)
    ours = cleared(day)
    for solver in ("highs", "gurobi"):
        published = solve_published(day, solver=solver)
        assert published.finished
        assert published.value == pytest.approx(ours.profit, rel=1e-8)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(12))
def test_the_published_program_agrees_on_random_days(seed: int) -> None:
    day = random_day(seed, scenarios=1 + seed % 2, **(UNIFORM if seed % 3 == 0 else {}))
    ours, published = cleared(day, gap=0.0), solve_published(day)
    assert published.finished
    assert published.value == pytest.approx(ours.profit, rel=1e-7, abs=1e-6)


def test_no_price_of_a_grid_is_better_and_the_best_is_on_it() -> None:
    """Two periods, all prices that matter on a grid which holds the tariffs' breakpoints."""
    lot = one_car(3, 0.5, 6.0)
    day = replace(three_periods(lot), energy_price=np.array([5.0, 8.0, 9.0]), reserve_price=np.array([1.0, 2.0, 0.0]))
    every = followers(day)
    levels, best = (0.0, 2.5, 7.5, 8.25, 10.0), -np.inf
    for first, second, reserve in itertools.product(levels, levels, (0.0, 1.0, 2.5, 5.0)):
        prices = {
            "lot in": np.array([first, second, 10.0]),
            "lot out": np.zeros(3),
            "lot reserve": np.array([0.0, reserve, 0.0]),
            "retailer": np.full(3, 10.0),
        }
        best = max(best, expected_margin(react_all(every, prices)))
    assert cleared(day).profit == pytest.approx(best)


@pytest.mark.parametrize("more", [{}, UNIFORM])
def test_scenarios_branch_to_the_optimum(more: dict[str, Any]) -> None:
    day = random_day(3, periods=4, scenarios=2, **more)
    ours, published = cleared(day, gap=0.0), solve_published(day)
    assert ours.profit == pytest.approx(published.value, rel=1e-7)
    assert ours.gap <= 1e-8


# Properties


@settings(max_examples=4)
@given(st.integers(0, 10_000))
def test_properties_of_random_days(seed: int) -> None:
    day = random_day(seed, lots=1 + seed % 2)
    alone = cleared(day)
    assert alone.certificate.verdict is Verdict.EXACT
    together = cleared(replace(day, **UNIFORM))
    assert alone.profit >= together.profit - 1e-6 * (1.0 + abs(alone.profit))
    scaled = replace(
        day,
        energy_price=2.0 * day.energy_price,
        reserve_price=2.0 * day.reserve_price,
        lots=tuple(replace(lot, tariffs=doubled(lot.tariffs)) for lot in day.lots),
        generators=tuple(replace(unit, cost=2.0 * unit.cost) for unit in day.generators),
        retailer=replace(day.retailer, price=2.0 * day.retailer.price, incentive=2.0 * day.retailer.incentive),
        cap=20.0,
        reserve_cap=16.0,
    )
    assert cleared(scaled).profit == pytest.approx(2.0 * alone.profit, rel=1e-7)
    assert cleared(replace(day, cap=11.0)).profit >= alone.profit - 1e-6 * (1.0 + abs(alone.profit))
    dearer = cleared(replace(day, reserve_price=day.reserve_price + 0.5))
    assert dearer.profit >= alone.profit - 1e-6 * (1.0 + abs(alone.profit))


def doubled(tariffs: LotTariffs) -> LotTariffs:
    return LotTariffs(**{name: 2.0 * value for name, value in vars(tariffs).items()})


@settings(max_examples=5)
@given(st.integers(0, 10_000))
def test_no_drawn_prices_earn_more(seed: int) -> None:
    day = random_day(seed, scenarios=2, **(UNIFORM if seed % 2 else {}))
    answer, draw = cleared(day), np.random.default_rng(seed)
    every = followers(day)
    for _ in range(20):
        prices = {name: draw.uniform(0.0, cap, day.periods) for name, cap in price_names(day).items()}
        assert expected_margin(react_all(every, prices)) <= answer.bound + 1e-6 * (1.0 + abs(answer.bound))


def test_periods_of_half_an_hour_with_twice_the_power_earn_the_same() -> None:
    day = random_day(11)
    half = replace(
        day,
        period_h=0.5,
        lots=tuple(
            replace(
                lot,
                charger_kw=2.0 * lot.charger_kw,
                tariffs=replace(lot.tariffs, parking=2.0 * float(np.max(lot.tariffs.parking))),
            )
            for lot in day.lots
        ),
        generators=tuple(replace(unit, capacity_kw=2.0 * unit.capacity_kw) for unit in day.generators),
        retailer=replace(day.retailer, load_kw=2.0 * day.retailer.load_kw),
    )
    whole, halved = cleared(day), cleared(half)
    assert halved.profit == pytest.approx(whole.profit)
    assert halved.accounts.lots == pytest.approx(whole.accounts.lots)


def test_two_lots_earn_what_each_does_alone_under_pay_as_bid() -> None:
    day = random_day(21, lots=2)
    both = cleared(day)
    alone = [cleared(replace(day, lots=(lot,))).profit for lot in day.lots]
    none = cleared(replace(day, lots=())).profit
    assert both.profit == pytest.approx(sum(alone) - none)


def test_a_day_is_the_same_twice() -> None:
    day = random_day(8, scenarios=2, **UNIFORM)
    market = AggregatorMarket()
    first, second = market.clear(day), market.clear(day)
    assert all((first.prices[name] == second.prices[name]).all() for name in first.prices)
    assert first.bound == second.bound


def test_a_search_that_is_cut_short_keeps_its_proof() -> None:
    whole, cut = 87_767.551390, cleared(card_day(), node_limit=60)
    assert cut.profit <= whole + 1e-6
    assert cut.bound >= whole
    assert cut.gap > 1e-4
    assert cut.certificate.verdict is Verdict.KKT_CONSISTENT


# With a feeder


def test_losses_by_hand_and_on_one_line() -> None:
    """Without lots and generators the flow of the first branch is the load below and the losses behind it."""
    day = on_line(bare(generators=()), buses=2)
    answer = cleared(day)
    assert answer.grid is not None
    assert day.grid is not None
    shares = np.array([100.0, 40.0]) / 2000.0  # receiving end: exactly the load
    square = 2000.0**2 * float(piecewise_square(shares, 4).sum()) / 4.8**2
    loss = 0.4 * square / 1000.0
    assert answer.grid.loss_kw[0, 1] == pytest.approx(loss)
    assert answer.accounts.losses == pytest.approx(8.0 * loss)
    assert answer.profit == pytest.approx(200.0 - 8.0 * loss)
    fall = (2.0 * (0.4 * 100.0 + 0.2 * 40.0) * 1000.0 + (0.16 + 0.04) * square) / 1e6
    assert answer.grid.voltage_pu[0, 1] == pytest.approx(np.sqrt(1.0 - fall / 4.8**2))


@pytest.mark.parametrize("more", [{}, UNIFORM])
def test_a_feeder_costs_and_the_bound_holds(more: dict[str, Any]) -> None:
    day = random_day(3, scenarios=2, **more)
    free, bound = cleared(day, gap=1e-4), cleared(on_line(day), gap=1e-3)
    assert bound.profit < free.profit
    assert bound.gap <= 1e-3
    assert bound.grid is not None
    assert bound.grid.wasted <= 1e-6
    every, draw = followers(on_line(day)), np.random.default_rng(0)
    for _ in range(10):
        prices = {name: draw.uniform(0.0, cap, day.periods) for name, cap in price_names(day).items()}
        assert expected_margin(react_all(every, prices)) - bound.accounts.losses <= free.bound


def test_a_lot_may_be_called_retailer() -> None:
    day = on_line(random_day(3))
    named = replace(day, lots=(replace(day.lots[0], name="retailer"), *day.lots[1:]))
    assert cleared(named).profit == pytest.approx(cleared(day).profit, rel=1e-9)


def test_a_feeder_that_cannot_carry_the_load_says_so() -> None:
    day = on_line(random_day(3), voltage_min_pu=0.9999, ohm=2.0)
    with pytest.raises(InfeasibleError, match="period 0: no prices of generators and retailer keep voltages"):
        AggregatorMarket().clear(day)


# Bad input


def lots_with(**changes: Any) -> Callable[[AggregatorDay], AggregatorDay]:
    return lambda day: replace(day, lots=(replace(day.lots[0], **changes),))


def tariffs_with(**changes: Any) -> Callable[[AggregatorDay], AggregatorDay]:
    return lambda day: replace(day, lots=(replace(day.lots[0], tariffs=replace(day.lots[0].tariffs, **changes)),))


def day_with(**changes: Any) -> Callable[[AggregatorDay], AggregatorDay]:
    return lambda day: replace(day, **changes)


BAD: list[tuple[Callable[[AggregatorDay], AggregatorDay], str]] = [
    (lots_with(contracts=Contracts(0.9 * SHARE, DEPARTURE_SOC)), "share of class 0: got 0.9.*, expected shares"),
    (lots_with(soc_max=0.85), "departure_soc of fix1, class 2: got 0.9, expected at most soc_max"),
    (tariffs_with(g2v2=9.0), "g2v3, period 0: got 10.0, expected less than g2v2"),
    (tariffs_with(g2v1=12.0), "g2v2, period 0: got 12.0, expected less than g2v1"),
    (tariffs_with(v2g=10.4), "v2g, period 0: got 10.4, expected at least g2v3 . degradation"),
    (day_with(pricing="uniform", uniform_cap=None), "uniform_cap: got None, expected a finite price"),
    (day_with(cap=None), "cap: got None, expected a finite price"),
    (day_with(cap=np.inf), "cap: got inf, expected a finite price"),
    (day_with(pricing="both"), "pricing: got 'both', expected one of pay-as-bid, uniform"),
    (day_with(reading=Reading(weights="none")), "weights: got 'none'"),
    (day_with(pricing="uniform", reading=Reading(generator_price="unit")), "generator_price: got 'unit'"),
    (lots_with(stations=100.0), "parked, scenario 0, period 10: got .*, expected at most 100 stations"),
    (lots_with(charger_kw=0.5), "G2V pool: period .*: got .*, expected energy that chargers can reach"),
    (day_with(probability=np.array([0.9])), "probability: got 0.9, expected probabilities that sum to 1"),
    (day_with(call_probability=1.5), "call_probability: got 1.5, expected a probability"),
    (day_with(energy_price=np.full(24, np.nan)), "energy_price: got nan, expected finite numbers"),
    (lots_with(charge_efficiency=1.2), "charge_efficiency: got 1.2"),
    (lots_with(name="DG1"), "name of a lot or generator: got 'DG1'"),
]


@pytest.mark.parametrize(("change", "told"), BAD)
def test_bad_days_are_refused_in_one_line(change: Callable[[AggregatorDay], AggregatorDay], told: str) -> None:
    with pytest.raises(InputError, match=told) as refused:
        AggregatorMarket().clear(change(card_day()))
    assert "\n" not in str(refused.value)


def test_bad_options_are_refused() -> None:
    with pytest.raises(InputError, match="gap"):
        AggregatorMarket(gap=1.0)
    with pytest.raises(InputError, match="node_limit"):
        AggregatorMarket(node_limit=0)
    with pytest.raises(InputError, match="grid"):
        solve_published(on_line(random_day(3)))
