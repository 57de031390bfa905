"""The aggregator market's accounts, pools, pieces and limits of multipliers, each against a second computation."""

from __future__ import annotations

import itertools
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from equilibrium.markets.aggregator.accounts import LotQuantities, keep_accounts
from equilibrium.markets.aggregator.day import AggregatorDay, LotTariffs, Reading
from equilibrium.markets.aggregator.followers import followers, price_names
from equilibrium.markets.aggregator.hours import graph_value
from equilibrium.markets.aggregator.pieces import Seers, pieces, seers
from equilibrium.markets.aggregator.pools import lot_pools
from equilibrium.markets.aggregator.published import multiplier_limits
from equilibrium.markets.aggregator.reaction import expected_margin, react_all
from tests.equilibrium.aggregator_days import random_day

FIX1, FLEX1, FIX2, FLEX2 = range(4)
UNIFORM = {"pricing": "uniform", "reading": Reading()}


def uneven(seed: int, **changes: Any) -> AggregatorDay:
    """Two lots, two scenarios, periods of several lengths, tariffs of each period, pools that are not empty."""
    day, draw = random_day(seed, scenarios=2, lots=2), np.random.default_rng([seed, 1])
    lots = []
    for lot in day.lots:
        base = lot.tariffs
        rise = np.cumsum(draw.uniform(0.1, 0.5, day.periods))
        tariffs = LotTariffs(
            g2v1=base.g2v1 + rise, g2v2=base.g2v2 + rise, g2v3=base.g2v3 + rise, v2g=base.v2g + 2.0 * rise,
            extra=draw.uniform(0.1, 0.4, day.periods), parking=draw.uniform(0.5, 2.0, day.periods),
            degradation=base.degradation + 0.5 * rise,
        )  # fmt: skip
        lots.append(replace(lot, tariffs=tariffs, initial_kwh=(13.0, 17.0), failure_rate=draw.uniform(0.1, 0.3)))
    length = draw.uniform(0.4, 1.3, day.periods)
    call = draw.uniform(0.1, 0.4, day.periods)
    return replace(day, lots=tuple(lots), period_h=length, call_probability=call, **changes)


def drawn_answer(day: AggregatorDay, seed: int) -> tuple[dict[str, np.ndarray], tuple[LotQuantities, ...], Any, Any]:
    """Prices and quantities of which none is another's; nobody need want them."""
    draw = np.random.default_rng([seed, 2])
    prices = {name: draw.uniform(1.0, 9.0, day.periods) for name in price_names(day)}
    shape = (day.scenarios, day.periods)
    lots = tuple(
        LotQuantities(**{each.name: draw.uniform(1.0, 40.0, shape) for each in fields(LotQuantities)}) for _ in day.lots
    )
    served = day.retailer.load_kw * draw.uniform(0.6, 0.9, day.periods)
    return prices, lots, draw.uniform(1.0, 50.0, (day.periods, len(day.generators))), served


def by_class(lot: Any, w: int, t: int, share: Any) -> float:
    return sum(lot.battery_kwh * lot.vehicles.departing[w, t, c] * share(c) for c in range(3))


def with_drivers(day: AggregatorDay, lot: Any, did: Any, w: int) -> float:
    """(25) of one scenario, term by term."""
    beta, phi, total = lot.contracts.share, lot.contracts.departure_soc, 0.0
    second = FLEX2 if day.reading.extra_flex2 == "flex2" else FIX2
    for t in range(day.periods):
        tariff = {each.name: float(np.broadcast_to(getattr(lot.tariffs, each.name), day.periods)[t])
                  for each in fields(LotTariffs)}  # fmt: skip
        brought, hours = lot.vehicles.brought_kwh[w, t], day.length_h[t]
        fix1, fix2 = (by_class(lot, w, t, lambda c, k=k: phi[k, c] * beta[k, c]) for k in (FIX1, FIX2))
        total += tariff["g2v1"] * (fix1 - brought[FIX1]) + tariff["g2v2"] * (did.flex1_kwh[w, t] - brought[FLEX1])
        total += (tariff["g2v3"] + tariff["degradation"]) * (fix2 - brought[FIX2])
        more = did.flex2_kwh[w, t] - brought[FLEX2]
        total += more * (tariff["g2v3"] + tariff["degradation"] if more > 0.0 else tariff["v2g"])
        ready = by_class(lot, w, t, lambda c: (1.0 - phi[FIX2, c]) * beta[FIX2, c])
        ready += by_class(lot, w, t, lambda c: (1.0 - phi[FLEX2, c]) * beta[second, c])
        total -= tariff["extra"] * ready
        total += tariff["parking"] * sum(lot.vehicles.parked[w, t]) * hours
        called = day.call[t] * did.reserve_kw[w, t]
        total -= tariff["degradation"] * hours * (did.discharge_kw[w, t] + did.charge_v2g_kw[w, t] + called)
        total -= tariff["v2g"] * hours * called
    return total


CASES = [
    {},
    {"reading": Reading(extra_flex2="printed", weights="printed")},
    {"reading": Reading(generator_price="unit")},
    {"pricing": "uniform"},
]


@pytest.mark.parametrize("changes", CASES)
@pytest.mark.parametrize("seed", [1, 4])
def test_every_account_term_by_term(changes: dict[str, Any], seed: int) -> None:
    day = uneven(seed, **changes)
    prices, lots, output, served = drawn_answer(day, seed)
    found = keep_accounts(day, prices, lots, output, served, 3.5)
    chance, hours = day.probability, day.length_h
    uniform = day.pricing == "uniform"

    def price(name: str, t: int) -> float:
        return float(prices[("reserve" if name.endswith("reserve") else "energy") if uniform else name][t])

    upstream = from_lots = 0.0
    for k, (lot, did) in enumerate(zip(day.lots, lots, strict=True)):
        account, whole = found.lot_accounts[k], []
        for w in range(2):
            bought = sold = reserve = called = 0.0
            for t in range(day.periods):
                drawn = did.charge_g2v_kw[w, t] + did.charge_v2g_kw[w, t]
                bought += hours[t] * drawn * price(f"{lot.name} in", t)
                sold += hours[t] * did.discharge_kw[w, t] * price(f"{lot.name} out", t)
                reserve += hours[t] * did.reserve_kw[w, t] * price(f"{lot.name} reserve", t)
                sure = day.call[t] * (1.0 - lot.failure_rate)
                called += hours[t] * sure * did.reserve_kw[w, t] * price(f"{lot.name} out", t)
                upstream -= chance[w] * hours[t] * day.energy_price[t] * (drawn - did.discharge_kw[w, t])
                kept = day.reserve_price[t] + day.call[t] * (1.0 - day.failure_rate) * day.energy_price[t]
                upstream += chance[w] * hours[t] * kept * did.reserve_kw[w, t]
            wanted = (bought, sold, reserve, called, with_drivers(day, lot, did, w))
            names = ("bought", "sold", "reserve", "called", "drivers")
            assert [getattr(account, name)[w] for name in names] == pytest.approx(wanted)
            assert account.market[w] == pytest.approx(sold + reserve + called - bought)
            from_lots += chance[w] * (bought - sold - reserve - called)
            whole.append(sold + reserve + called - bought + wanted[-1])
        weights = (1.0, 1.0) if day.reading.weights == "printed" else chance
        assert found.lots[k] == pytest.approx(weights[0] * whole[0] + weights[1] * whole[1])
    from_generators = 0.0
    for m, unit in enumerate(day.generators):
        name = f"{unit.name} output" if day.reading.generator_price == "unit" else "generators"
        paid = [hours[t] * output[t, m] * price(name, t) for t in range(day.periods)]
        spent = [hours[t] * output[t, m] * unit.cost for t in range(day.periods)]
        assert found.generators[m] == pytest.approx(sum(paid) - sum(spent))
        from_generators -= sum(paid)
        upstream += sum(hours[t] * day.energy_price[t] * output[t, m] for t in range(day.periods))
    from_retailer = retail = 0.0
    for t in range(day.periods):
        from_retailer += hours[t] * served[t] * price("retailer", t)
        retail += hours[t] * served[t] * (day.retailer.price[t] - price("retailer", t))
        retail -= hours[t] * (day.retailer.load_kw[t] - served[t]) * day.retailer.incentive
        upstream -= hours[t] * day.energy_price[t] * served[t]
    assert found.from_lots == pytest.approx(from_lots)
    assert found.from_generators == pytest.approx(from_generators)
    assert found.from_retailer == pytest.approx(from_retailer)
    assert found.retailer == pytest.approx(retail)
    assert found.upstream == pytest.approx(upstream)
    assert found.losses == 3.5
    assert found.aggregator == pytest.approx(upstream + from_lots + from_generators + from_retailer - 3.5)


def test_every_number_of_the_pools_class_by_class() -> None:
    for reading in (Reading(), Reading(pool_floor="arrival", flex1_floor="physical"), Reading(pool_floor="printed")):
        day = uneven(2, reading=reading)
        for lot, w in ((lot, w) for lot in day.lots for w in range(2)):
            both = lot_pools(day, lot, w)
            beta, phi, came = lot.contracts.share, lot.contracts.departure_soc, lot.vehicles
            for pool, fix, flex, start in ((both.g2v, FIX1, FLEX1, 13.0), (both.v2g, FIX2, FLEX2, 17.0)):
                still = start
                for t in range(day.periods):
                    count = sum(came.parked[w, t, c] * (beta[fix, c] + beta[flex, c]) for c in range(3))
                    gone = by_class(lot, w, t, lambda c, k=fix, p=phi, b=beta: p[k, c] * b[k, c])
                    inflow = came.arrival_kwh[w, t, fix] + came.arrival_kwh[w, t, flex] - gone
                    assert pool.inflow_kwh[t] == pytest.approx(inflow + (start if t == 0 else 0.0))
                    assert pool.power_kw[t] == pytest.approx(lot.charger_kw * count)
                    assert pool.most_kwh[t] == pytest.approx(0.95 * 24.0 * count)
                    agreed = by_class(lot, w, t, lambda c, k=flex, p=phi, b=beta: p[k, c] * b[k, c])
                    brought = came.brought_kwh[w, t, flex]
                    physical = fix == FIX1 and reading.flex1_floor == "physical"
                    assert pool.flex_least_kwh[t] == pytest.approx(max(agreed, brought) if physical else agreed)
                    most = by_class(lot, w, t, lambda c, k=flex, b=beta: 0.95 * b[k, c])
                    assert pool.flex_most_kwh[t] == pytest.approx(most)
                    assert pool.flex_brought_kwh[t] == pytest.approx(brought)
                    still += sum(came.arrival_kwh[w, t, k] - came.brought_kwh[w, t, k] for k in (fix, flex))
                    floor = {"zero": 0.0, "printed": -np.inf, "arrival": max(still, 0.0)}[reading.pool_floor]
                    assert pool.least_kwh[t] == pytest.approx(0.2 * 24.0 * count if fix == FIX2 else floor)


@pytest.mark.parametrize("pricing", ["pay-as-bid", "uniform"])
@pytest.mark.parametrize("seed", [0, 3, 8])
def test_the_pieces_of_a_price_are_what_the_followers_earn_the_leader(pricing: str, seed: int) -> None:
    """At any price, breakpoints among them: generators and retailer react, and the leader earns the graph's value."""
    day = random_day(seed, lots=0, pricing=pricing, cap=11.0, uniform_cap=11.0, period_h=0.5)
    every, draw = followers(day), np.random.default_rng(seed)
    breaks = [0.0, 11.0, *(unit.cost for unit in day.generators), *day.retailer.worth.tolist()]
    levels = sorted({*(b for b in breaks if b <= 11.0), *draw.uniform(0.0, 11.0, 12).tolist()})
    for name, who in seers(day).items():
        graphs = [pieces(day, who, t) for t in range(day.periods)]
        for graph in graphs:
            assert [piece.low for piece in graph] == sorted(piece.low for piece in graph)
            assert (graph[0].low, graph[-1].high) == (0.0, 11.0)
            assert all(one.high == other.low for one, other in itertools.pairwise(graph))
        own = [each for each in every if name in each.prices.values()]
        for level in levels:
            earned = expected_margin(react_all(own, {name: np.full(day.periods, level)}))
            assert sum(graph_value(graph, level) for graph in graphs) == pytest.approx(earned)
        assert graph_value(graphs[0], 11.5) == -np.inf
    if pricing == "pay-as-bid":
        assert seers(day) == {"retailer": Seers((), True), "generators": Seers((0, 1), False)}


def test_multipliers_of_optimal_lots_keep_their_limits() -> None:
    """Of a lot in two periods by hand, and at drawn prices of random days: some optimal multipliers are inside."""
    for seed in range(3):
        day = random_day(seed, reserve_cap=6.0)
        (lot, *_) = followers(day)
        low, high = multiplier_limits(day, lot)
        assert (low <= high).all()
        draw = np.random.default_rng(seed)
        for _ in range(15):
            caps = price_names(day)
            prices = {name: draw.choice([0.0, 0.5, 1.0], day.periods) * caps[name] for name in lot.prices.values()}
            (reaction,) = react_all([lot], prices)
            y = reaction.y
            assert (y >= low - 1e-9).all()
            assert (y <= high + 1e-9).all()


def test_the_limits_of_multipliers_by_hand() -> None:
    """Two tariffs, an efficiency of 0.5 either way, a reserve cap of 4, calls of 0.1 that fail in 1 of 10.

    The premium of reserve is 4 + 0.1 (0.9 * 10 - wear 0.5 - v2g 11) = 3.75; its value in energy half of that. The
    largest value is (cap + wear) / 0.5 = 21, and 0.5 * 3.75 more for each period that is left.
    """
    base = random_day(7, periods=3, reserve_cap=4.0, call_probability=0.1)
    tariffs = LotTariffs(g2v1=13.0, g2v2=12.0, g2v3=10.0, v2g=11.0, degradation=0.5)
    lot = replace(base.lots[0], tariffs=tariffs, charge_efficiency=0.5, discharge_efficiency=0.5, failure_rate=0.1)
    day = replace(base, lots=(lot,))
    (own, *_) = followers(day)

    def limits(inflow: list[float], **given: Any) -> tuple[Any, Any]:
        return multiplier_limits(day, replace(own, given={**own.given, "v2g_inflow_kwh": np.array(inflow), **given}))

    never, always = -1e5, 1e5
    low, high = limits([0.0, never, never])
    rows = own.program.rows
    assert low[rows["g2v_balance"].slice] == pytest.approx([-20.0] * 3)
    assert high[rows["g2v_balance"].slice] == pytest.approx([0.0] * 3)
    assert low[rows["v2g_balance"].slice] == pytest.approx([-(21.0 + k * 1.875) for k in (3, 2, 1)])
    # Getting rid of a kWh costs 0.5 (0.5 + 3.75); the pool cannot get full, so no period lies below another.
    assert -high[rows["v2g_balance"].slice] == pytest.approx([-2.125] * 3)
    scarcity = 10.0 + 2.125 / 0.5
    for name, factor in (("output_power", 1.0), ("output_stock", 0.5)):
        assert low[rows[name].slice] == pytest.approx([-scarcity * factor] * 3)
        assert high[rows[name].slice] == pytest.approx([0.0] * 3)
    # Where it can get full after a period with chargers, the next value may be lower: twice it less 0.5 times the cap.
    once, twice = 2.0 * -2.125 - 5.0, 2.0 * (2.0 * -2.125 - 5.0) - 5.0
    for inflow, value in (
        ([0.0, always, never], [-2.125, once, once]),
        ([0.0, always, always], [-2.125, once, twice]),
        ([0.0, never, always], [-2.125, -2.125, once]),
    ):
        assert -limits(inflow)[1][rows["v2g_balance"].slice] == pytest.approx(value)
    idle = limits([0.0, always, always], v2g_power_kw=np.array([0.0, 5.0, 5.0]))[1]
    assert -idle[rows["v2g_balance"].slice] == pytest.approx([-2.125, -2.125, once])
    idle = limits([0.0, always, always], v2g_power_kw=np.array([5.0, 5.0, 0.0]))[1]
    assert -idle[rows["v2g_balance"].slice] == pytest.approx([-2.125, once, once])
    generator = next(each for each in followers(day) if each.kind == "generator")
    assert multiplier_limits(day, generator)[0].size == 0
