"""Purchases that are paid for: negative prices against the printed program with all binaries; limits of the search."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equilibrium.certificate import Verdict
from equilibrium.errors import InputError
from equilibrium.grid.flow_range import FlowRange
from equilibrium.grid.network import Network
from equilibrium.markets.disco.day import DiscoDay
from equilibrium.markets.disco.market import DiscoMarket
from tests.equilibrium.disco_days import random_day, small_network, with_scenarios
from tests.equilibrium.disco_oracle import stage_cost
from tests.equilibrium.test_disco_market import cost_of_stage

SEGMENTS = 3


def paid_day(seed: int, lots: int = 1, **changes: Any) -> tuple[Network, DiscoDay]:
    """A day of three periods, the first and another one with a negative price."""
    network, day = random_day(seed, small_network(lots), periods=3, count=2, **changes)
    rng = np.random.default_rng(seed)
    price = np.array([-1.0, 1.0, rng.choice([-1.0, 1.0])]) * rng.uniform(0.02, 0.3, 3)
    return network, with_scenarios(day, lambda s: replace(s, upstream_price=price * (1.0 + 0.1 * s.probability)))


def range_of(market: DiscoMarket, day: DiscoDay) -> FlowRange:
    flow_range = market.supply(day).flow_range
    assert flow_range is not None
    return flow_range


@settings(max_examples=6)
@given(st.integers(0, 10_000), st.sampled_from(["strict", "windows", "windows-strict"]), st.sampled_from([1, 2]))
def test_negative_prices_reach_the_optimum_of_the_printed_program(seed: int, mode: str, lots: int) -> None:
    network, day = paid_day(seed, lots)
    market = DiscoMarket(network, mode=mode, segments=SEGMENTS, pessimistic=False)
    result = market.clear(day)
    expected = stage_cost(
        network,
        day,
        range_of(market, day),
        SEGMENTS,
        lots_decide=mode != "windows",
        windows=mode != "strict",
        one_way=False,
    )
    assert cost_of_stage(result, day) == pytest.approx(expected, rel=1e-7, abs=1e-7)
    assert max(result.certificate.primal, result.certificate.gap, result.certificate.complementarity) < 1e-9
    assert result.certificate.regret[0] <= 1e-8 * (1.0 + abs(result.objective))


@settings(max_examples=4)
@given(st.integers(0, 10_000))
def test_one_way_at_a_time_the_bound_holds_at_negative_prices(seed: int) -> None:
    network, day = paid_day(seed)
    market = DiscoMarket(network, mode="strict-exclusive", segments=SEGMENTS, pessimistic=False)
    result = market.clear(day)
    best = stage_cost(network, day, range_of(market, day), SEGMENTS, lots_decide=True, windows=False, one_way=True)
    cost, regret = cost_of_stage(result, day), result.certificate.regret[0]
    assert cost - regret - 1e-6 <= best <= cost + 1e-6
    assert regret < 1e-3 * abs(result.objective)
    assert result.scenarios[0].lot_profit == pytest.approx(result.scenarios[0].lot_maximum, abs=1e-8)


def test_a_company_that_is_paid_buys_all_it_needs_and_wastes_nothing() -> None:
    """Nothing can be shifted: renewables give way, and losses are those of the flows."""
    network, day = paid_day(1, emissions=False)
    day = with_scenarios(day, lambda s: replace(s, upstream_price=np.full(3, -0.1)))
    result = DiscoMarket(network, mode="windows", segments=SEGMENTS).clear(day).scenarios[0]
    assert not result.renewable_kw.any()
    served = day.load_kw.sum(axis=1) + result.lot_charge_kw.sum(axis=1) - result.lot_discharge_kw.sum(axis=1)
    assert result.import_kw == pytest.approx(served + result.loss_kw.sum(axis=1), rel=1e-9)
    flow = np.hypot(result.flow_kw, result.flow_kvar)[:, 1:] / network.feeder.base_kv
    physical = network.feeder.r_ohm[1:] / 1000.0 * flow**2
    span = range_of(DiscoMarket(network, mode="windows", segments=SEGMENTS), day)
    room = (span.kw**2 + span.kvar**2)[1:] / SEGMENTS**2 / 4.0
    excess = result.loss_kw[:, 1:] - physical
    assert (excess >= -1e-9).all()
    assert (excess <= network.feeder.r_ohm[1:] / 1000.0 * room / network.feeder.base_kv**2 + 1e-9).all()
    assert (result.price[:, 1:] < -0.1).all()  # one more kWh of load brings its losses, too


def test_a_common_purchase_at_a_negative_price_is_taken_by_every_scenario_without_waste() -> None:
    network, day = paid_day(4, scenarios=2)
    market = DiscoMarket(network, mode="windows", segments=SEGMENTS, purchases="here-and-now", beta=0.5)
    result = market.clear(day)
    assert result.certificate.regret[0] <= 1e-8 * (1.0 + abs(result.objective))
    assert max(result.certificate.primal, result.certificate.complementarity, result.certificate.gap) < 1e-9
    first, second = result.scenarios
    assert first.import_kw == pytest.approx(second.import_kw, abs=1e-9)
    each = [
        DiscoMarket(network, mode="windows", segments=SEGMENTS).clear(
            replace(day, scenarios=(replace(s, probability=1.0),))
        )
        for s in day.scenarios
    ]
    assert result.expected_profit <= np.mean([one.objective for one in each]) + 1e-8


def test_a_search_that_is_ended_gives_its_best_dispatch_and_a_true_gap() -> None:
    network, day = random_day(3, periods=6, count=4)
    price = np.array([-0.2, 0.1, -0.15, 0.2, -0.2, -0.1])
    day = with_scenarios(day, lambda s: replace(s, upstream_price=price))
    whole = DiscoMarket(network, mode="strict", segments=SEGMENTS, node_limit=None).clear(day)
    assert whole.certificate.verdict is Verdict.EXACT
    ended = 0
    for limit in (1, 3, 10):
        cut = DiscoMarket(network, mode="strict", segments=SEGMENTS, node_limit=limit).clear(day)
        assert cut.objective <= whole.objective + 1e-9
        assert cut.objective + cut.certificate.regret[0] >= whole.objective - 1e-9
        assert max(cut.certificate.primal, cut.certificate.complementarity, cut.certificate.gap) < 1e-9
        said = any("the search was ended" in note for note in cut.certificate.notes)
        assert said == (cut.certificate.verdict is not Verdict.EXACT)
        ended += said
    assert ended >= 1


def test_both_solvers_clear_negative_prices_alike() -> None:
    network, day = paid_day(7)
    highs, gurobi = (
        DiscoMarket(network, mode="windows-strict", segments=SEGMENTS, solver=solver).clear(day)
        for solver in ("highs", "gurobi")
    )
    assert highs.objective == pytest.approx(gurobi.objective, rel=1e-9)
    for name in ("import_kw", "renewable_kw", "lot_charge_kw", "lot_discharge_kw", "loss_kw", "voltage_pu", "price"):
        np.testing.assert_allclose(
            getattr(highs.scenarios[0], name), getattr(gurobi.scenarios[0], name), rtol=1e-6, atol=1e-6, err_msg=name
        )


def test_the_published_program_and_odd_limits_are_refused() -> None:
    network, day = paid_day(0)
    with pytest.raises(InputError, match=r"upstream_price, period 0.*published mixed-integer program"):
        DiscoMarket(network, mode="windows-strict", method="kkt-milp").clear(day)
    with pytest.raises(InputError, match="node_limit"):
        DiscoMarket(network, node_limit=0)
