"""Single numbers of the DISCO market that nothing else shows: units, counts, ranges, robust purchases and gaps."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from equilibrium.certificate import Verdict
from equilibrium.errors import InputError
from equilibrium.fleet.day import VehicleBatch
from equilibrium.fleet.vehicles import meet_wishes
from equilibrium.grid.assets import LotSite
from equilibrium.grid.flow_range import FlowRange, largest_flows
from equilibrium.markets.disco.day import DiscoDay
from equilibrium.markets.disco.market import DiscoMarket
from equilibrium.markets.disco.network.supply import Supply
from equilibrium.markets.disco.scenario import prepare
from equilibrium.markets.disco.upper.pessimistic import idle, robust_purchase
from equilibrium.markets.disco.upper.stage import Part
from equilibrium.programs.program import FEASIBILITY
from tests.equilibrium.disco_days import random_day, small_network, with_scenarios


@pytest.mark.parametrize("length", [0.25, 0.5, 1.0])
@pytest.mark.parametrize("flow", ["lossy", "copper-plate"])
def test_a_price_at_the_root_is_the_upstream_price_whatever_the_length_of_periods(length: float, flow: str) -> None:
    network, day = random_day(3, emissions=False, period_h=length)
    calm = with_scenarios(day, lambda s: replace(s, renewable_kw=0.0 * s.renewable_kw))
    calm = with_scenarios(calm, lambda s: replace(s, vehicles=tuple(soft(batch) for batch in s.vehicles)))
    market = DiscoMarket(network, mode="windows", flow=flow, transformer_efficiency=0.8)
    result = market.clear(calm).scenarios[0]
    at_root = calm.scenarios[0].upstream_price / 0.8
    if flow == "copper-plate":
        np.testing.assert_allclose(result.price, np.repeat(at_root[:, None], 4, axis=1), rtol=1e-9)
    else:  # one kWh more of load at bus 2 brings the losses of two branches
        assert (result.price[:, 2] > result.price[:, 1]).all()
        assert (result.price[:, 1] > at_root).all()
        assert (result.price[:, 2] < 1.2 * at_root).all()


def soft(batch: VehicleBatch) -> VehicleBatch:
    """The same vehicles, content with what they have."""
    return replace(batch, wish_kwh=batch.energy_kwh.copy())


@pytest.mark.parametrize("mode", ["strict", "windows", "windows-strict"])
def test_three_equal_vehicles_in_one_row_are_three(mode: str) -> None:
    network, day = random_day(5, count=2)
    one = day.scenarios[0].vehicles[0]
    thrice = replace(one, count=np.full(2, 3.0))
    arrays = {f.name: np.repeat(getattr(one, f.name), 3) for f in fields(VehicleBatch) if f.name != "names"}
    apart = VehicleBatch(names=tuple(f"ev{k}" for k in range(6)), **arrays)
    by_row, by_vehicle = (
        DiscoMarket(network, mode=mode, segments=6).clear(with_scenarios(day, lambda s, b=b: replace(s, vehicles=(b,))))
        for b in (thrice, apart)
    )
    assert by_row.objective == pytest.approx(by_vehicle.objective, rel=1e-9)
    for name in ("import_kw", "lot_charge_kw", "lot_discharge_kw", "lot_profit", "lot_maximum"):
        first, second = (getattr(each.scenarios[0], name) for each in (by_row, by_vehicle))
        np.testing.assert_allclose(first, second, rtol=1e-7, atol=1e-7, err_msg=name)
    single = DiscoMarket(network, mode=mode, segments=6).clear(day)
    np.testing.assert_allclose(3.0 * single.scenarios[0].lot_maximum, by_row.scenarios[0].lot_maximum, rtol=1e-9)


def test_a_range_that_differs_between_periods_counts_with_its_greatest_value() -> None:
    rng = np.random.default_rng(0)
    kw, kvar = rng.uniform(100.0, 900.0, (6, 4)), rng.uniform(100.0, 900.0, (6, 4))
    found = Supply(small_network(), 6, flow_range=FlowRange(kw, kvar)).flow_range
    assert found is not None
    np.testing.assert_array_equal(found.kw, kw.max(axis=0))
    np.testing.assert_array_equal(found.kvar, kvar.max(axis=0))


def test_a_day_has_the_range_of_its_own_largest_flows() -> None:
    network, day = random_day(2, scenarios=2)
    market = DiscoMarket(network, mode="windows")
    found = market.supply(day).flow_range
    assert found is not None
    for scenario, cleared in zip(day.scenarios, market.clear(day).scenarios, strict=True):
        assert (np.abs(cleared.flow_kw) <= found.kw + 1e-9).all()
        assert (np.abs(cleared.flow_kvar) <= found.kvar + 1e-9).all()
        batch = scenario.vehicles[0]
        here = (np.arange(6) >= batch.arrival[:, None]) & (np.arange(6) < batch.departure[:, None])
        each = largest_flows(
            network,
            load_kw=day.load_kw,
            load_kvar=day.load_kvar,
            renewable_max_kw=scenario.renewable_kw,
            lot_min_kw=-10.0 * (here & day.discharge_window).sum(axis=0)[:, None],
            lot_max_kw=10.0 * (here & day.charge_window).sum(axis=0)[:, None],
        )
        assert (each.kw.max(axis=0) <= found.kw + 1e-9).all()
    assert (found.kw < 0.6 * network.feeder.rating_kva).all()  # far from the ratings, so segments are narrow
    doubled = market.supply(replace(day, load_kw=1.5 * day.load_kw)).flow_range
    assert doubled is not None
    assert (doubled.kw[:2] > found.kw[:2]).all()


def test_losses_of_a_day_are_near_those_of_the_squares() -> None:
    """With twenty segments of its own range a branch's loss is within a fraction of a per cent of its square's."""
    network, day = random_day(2)
    for lossy, most in ((DiscoMarket(network, mode="windows"), 0.006), (ranged(network), 0.05)):
        result = lossy.clear(day).scenarios[0]
        square = (result.flow_kw**2 + result.flow_kvar**2) / network.feeder.base_kv**2
        exact = (network.feeder.r_ohm / 1000.0 * square).sum()
        assert exact * (1.0 - 1e-9) <= result.loss_kw.sum() <= exact * (1.0 + most)


def ranged(network: Any) -> DiscoMarket:
    """A market whose segments divide the ratings."""
    wide = np.full(4, 1500.0)
    return DiscoMarket(network, mode="windows", flow_range=FlowRange(wide, wide))


def parts_of(market: DiscoMarket, day: DiscoDay) -> list[Part]:
    supply = market.supply(day)
    return [prepare(market.network, supply, day, k, market.rules).part for k in range(len(day.scenarios))]


def test_a_robust_purchase_must_be_taken_by_every_scenario_whatever_lots_do() -> None:
    """It serves the greatest need; where no renewables can give way, a lot that draws less has nowhere to put it."""
    network, day = random_day(6, scenarios=2)
    market = DiscoMarket(network, mode="strict", purchases="here-and-now")
    none = with_scenarios(day, lambda s: replace(s, renewable_kw=0.0 * s.renewable_kw))
    assert robust_purchase(parts_of(market, none)) is None
    alone = replace(none, scenarios=(replace(none.scenarios[0], probability=1.0),))
    assert market.clear(alone).pessimistic[0] == -np.inf
    plenty = with_scenarios(day, lambda s: replace(s, renewable_kw=200.0 + 0.0 * s.renewable_kw))
    parts = parts_of(market, plenty)
    bought = robust_purchase(parts)
    assert bought is not None
    for part in parts:
        low, high = part.feasible.col_lower, part.feasible.col_upper
        least, most = (part.vehicles.power_kw(side, 1, 6) for side in (low, high))
        for lot_kw in (least[0] - most[1], most[0] - least[1]):
            assert (part.supply.serve(lot_kw).need_kw <= bought + 1e-6).all()
            assert (idle(part.supply).serve(lot_kw).need_kw >= bought - 1e-6).all()
    result = market.clear(plenty)
    assert np.isfinite(result.pessimistic[0])
    assert result.pessimistic[0] <= result.pessimistic[1] <= result.objective + 1e-9


@pytest.mark.parametrize("purchases", ["recourse", "here-and-now"])
@pytest.mark.parametrize("limit", [1, 4])
def test_a_gap_of_the_stage_is_in_the_regret(purchases: str, limit: int) -> None:
    network, day = random_day(3, periods=6, count=4)
    price = np.array([-0.2, 0.1, -0.15, 0.2, -0.2, -0.1])
    day = with_scenarios(day, lambda s: replace(s, upstream_price=price))
    whole = DiscoMarket(network, mode="strict", segments=3, node_limit=None, purchases=purchases).clear(day)
    cut = DiscoMarket(network, mode="strict", segments=3, node_limit=limit, purchases=purchases).clear(day)
    assert whole.certificate.verdict is Verdict.EXACT
    assert cut.certificate.regret[0] > 5e-6 > 100.0 * whole.certificate.regret[0]  # a bound that is dropped is seen
    assert cut.certificate.verdict is Verdict.EPSILON_NASH
    assert cut.objective + cut.certificate.regret[0] >= whole.objective - 1e-9


def test_why_no_lower_end_is_proved_is_said() -> None:
    network = small_network(lots=1)
    sites = tuple(replace(network.lots[0], name=f"lot{k}") for k in range(12))
    network = replace(network, lots=sites)
    network, day = random_day(1, network, count=1)
    result = DiscoMarket(network, mode="strict").clear(day)
    assert result.certificate.verdict is Verdict.EXACT
    low, high = result.pessimistic
    assert np.isfinite(high)
    said = [note for note in result.certificate.notes if note.startswith("pessimistic: no lower end is proved")]
    assert bool(said) == (low == -np.inf)
    if said:
        assert "12 lots" in said[0]


def wishing(*wish_kwh: float) -> VehicleBatch:
    """Vehicles that come with 20 kWh for two half hours at 10 kW each way, in a battery of 5 to 50 kWh."""
    n = len(wish_kwh)

    def all_of(number: float) -> np.ndarray:
        return np.full(n, number)

    return VehicleBatch(
        tuple("abcdef"[:n]), np.zeros(n, dtype=int), np.full(n, 2), all_of(20.0), np.array(wish_kwh), all_of(5.0),
        all_of(50.0), all_of(10.0), all_of(10.0), np.ones(n),
    )  # fmt: skip


def met(batch: VehicleBatch, *, best_effort: bool = False) -> tuple[list[float], int]:
    """Half of what is drawn is lost, and half of what is given: from 20 kWh to 25 at most, and to the least, 5."""
    site = LotSite("lot", 1, 0.5, discharge_efficiency=0.5)
    always = np.ones(2, dtype=bool)
    changed, count = meet_wishes(batch, site, always, always, 0.5, best_effort=best_effort)
    return changed.wish_kwh.tolist(), count


def test_a_wish_is_met_up_to_what_full_power_brings() -> None:
    assert met(wishing(25.0, 5.0, 12.0)) == ([25.0, 5.0, 12.0], 0)
    assert met(wishing(26.0, 4.0, 12.0), best_effort=True) == ([25.0, 5.0, 12.0], 2)
    near = FEASIBILITY * 26.0
    assert met(wishing(25.0 + 0.9 * near)) == ([25.0], 0)
    for wishes, said in (
        ((12.0, 26.5, 4.0), "vehicle b, wish_kwh: got 26.5, .* can meet: 1.500 kWh missing .2 such vehicles"),
        ((4.25, 26.5), "vehicle a, wish_kwh: got 4.25, .* can meet: 0.750 kWh too much .2 such vehicles"),
        ((25.0 + 1.1 * near,), "can meet: 0.000 kWh missing .1 such"),
        ((5.0 - 1.1 * FEASIBILITY * 6.0,), "can meet: 0.000 kWh too much .1 such"),
    ):
        with pytest.raises(InputError, match=said):
            met(wishing(*wishes))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("mode", ["strict", "windows-strict"])
def test_the_published_conditions_hold_where_batteries_are_full_and_empty(seed: int, mode: str) -> None:
    """In a band of 1 kWh about what they came with both of its limits have multipliers, and the answer is the same."""
    network, day = random_day(seed, small_network(1), count=3)
    day = with_scenarios(day, lambda s: replace(s, vehicles=tuple(narrow(batch) for batch in s.vehicles)))
    answers = [
        DiscoMarket(network, mode=mode, flow="copper-plate", beta=0.0, method=method).clear(day)
        for method in ("value-function", "kkt-milp")
    ]
    assert answers[1].objective == pytest.approx(answers[0].objective, rel=1e-7)
    assert answers[1].certificate.certified


def narrow(batch: VehicleBatch) -> VehicleBatch:
    low, high = (
        np.maximum(batch.energy_kwh - 1.0, batch.energy_min_kwh),
        np.minimum(batch.energy_kwh + 1.0, batch.energy_max_kwh),
    )
    return replace(batch, energy_min_kwh=low, energy_max_kwh=high, wish_kwh=np.clip(batch.wish_kwh, low, high))
