"""What a market publishes depends neither on the solver nor on its way: both solvers, and HiGHS on other ways."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from equilibrium.errors import InfeasibleError
from equilibrium.grid.assets import Microturbine, StaticVarCompensator
from equilibrium.grid.network import Network
from equilibrium.markets.disco.day import DiscoDay, DiscoScenario
from equilibrium.markets.disco.market import DiscoMarket
from equilibrium.markets.disco.upper.exclusive import NOT_PROVED_UNIQUE
from equilibrium.markets.lots_lead.market import LotsLeadMarket
from equilibrium.markets.nodal.market import BEHAVIOURS, NodalMarket
from scenarios.loading import load_scenario
from scenarios.markets.nodal.case import NodalCase
from tests.equilibrium.conftest import lot_data
from tests.equilibrium.conftest import small_day as charging_day
from tests.equilibrium.conftest import small_network as charging_network
from tests.equilibrium.disco_days import random_day, small_network, with_scenarios
from tests.equilibrium.oracle import examples
from tests.equilibrium.other_ways import SAME, differences, shuffled
from tests.equilibrium.tied_markets import tied_days, tied_networks


def same_on_every_way(market: Any, day: Any, orders: tuple[int, ...] = (1, 2)) -> None:
    """Clear a day with HiGHS, with Gurobi and on other ways, and compare all that is published."""
    try:
        first = market(solver="highs").clear(day)
    except InfeasibleError:
        assume(False)
        raise
    assert not differences(first, market(solver="gurobi").clear(day)), "Gurobi"
    for order in orders:
        with shuffled(order):
            again = market(solver="highs").clear(day)
        assert not differences(first, again), f"order {order}"


def lots_lead(network: Network) -> Any:
    return partial(LotsLeadMarket, network, on_infeasible="shed")


@examples(40)
@given(st.data(), st.booleans())
def test_lots_lead_days_are_the_same_on_every_way(data: st.DataObject, negative: bool) -> None:
    network = data.draw(tied_networks())
    same_on_every_way(lots_lead(network), data.draw(tied_days(network, negative=negative)))


@examples(20)
@given(st.data(), st.booleans())
def test_lots_lead_days_with_storage_are_the_same_on_every_way(data: st.DataObject, negative: bool) -> None:
    network = data.draw(tied_networks(storage=True))
    same_on_every_way(lots_lead(network), data.draw(tied_days(network, negative=negative)))


@settings(max_examples=15)
@given(st.data())
def test_shortages_are_the_same_on_every_way(data: st.DataObject) -> None:
    network = data.draw(tied_networks(load_max_kw=3000.0))
    same_on_every_way(lots_lead(network), data.draw(tied_days(network)))


def nodal(data: st.DataObject, network: Network) -> Any:
    behaviours = tuple(data.draw(st.sampled_from(BEHAVIOURS)) for _ in network.lots)
    return partial(NodalMarket, network, behaviours=behaviours)


@examples(25)
@given(st.data())
def test_nodal_days_are_the_same_on_every_way(data: st.DataObject) -> None:
    network = data.draw(tied_networks())
    same_on_every_way(nodal(data, network), data.draw(tied_days(network)))


@settings(max_examples=10)
@given(st.data())
def test_nodal_days_with_joined_hours_are_the_same_on_every_way(data: st.DataObject) -> None:
    network = data.draw(tied_networks(max_lots=2, storage=True))
    same_on_every_way(nodal(data, network), data.draw(tied_days(network)))


def tied_scenarios(day: DiscoDay, seed: int) -> DiscoDay:
    """The day with few upstream prices, vehicles that are much alike, and round potentials."""
    rng = np.random.default_rng(seed)

    def tied(scenario: DiscoScenario) -> DiscoScenario:
        batches = []
        for batch in scenario.vehicles:
            energy = 5.0 * np.round(batch.energy_kwh / 5.0)
            wish = np.minimum(energy + rng.choice([0.0, 4.5, 9.0], batch.size), 45.0)
            batches.append(replace(batch, arrival=np.minimum(batch.arrival, 1), energy_kwh=energy, wish_kwh=wish))
        return replace(
            scenario,
            upstream_price=rng.choice([0.05, 0.1, 0.2], day.periods),
            renewable_kw=50.0 * np.round(scenario.renewable_kw / 50.0),
            vehicles=tuple(batches),
        )

    return with_scenarios(day, tied)


DISCO = [
    {"mode": "windows"},
    {"mode": "windows-strict"},
    {"mode": "strict"},
    {"mode": "windows", "flow": "copper-plate", "purchases": "here-and-now"},
    {"mode": "windows-strict", "purchases": "here-and-now", "beta": 0.5},
]


@pytest.mark.parametrize("options", DISCO, ids=lambda options: "-".join(map(str, options.values())))
@settings(max_examples=5)
@given(seed=st.integers(0, 10_000), lots=st.sampled_from([1, 2]), compensators=st.booleans())
def test_disco_days_are_the_same_on_every_way(
    options: dict[str, Any], seed: int, lots: int, compensators: bool
) -> None:
    network, day = tied_disco_day(seed, lots, compensators, options.get("purchases") == "here-and-now")
    same_on_every_way(partial(DiscoMarket, network, segments=5, **options), day, orders=(1,))


def tied_disco_day(seed: int, lots: int, compensators: bool, together: bool = False) -> tuple[Network, DiscoDay]:
    """A small day with ties, of two scenarios where these are cleared together."""
    network = small_network(lots)
    if compensators:
        units = (StaticVarCompensator("svc-3", 3, 80.0), StaticVarCompensator("svc-2", 2, 80.0))
        network = replace(network, compensators=units)
    network, day = random_day(seed, network, count=8, scenarios=2 if together else 1, emissions=seed % 2 == 0)
    return network, tied_scenarios(day, seed)


@settings(max_examples=2)
@given(seed=st.integers(0, 10_000), lots=st.sampled_from([1, 2]))
@example(seed=1, lots=2)
@example(seed=9, lots=1)
def test_one_way_at_a_time_other_directions_may_be_as_good_and_the_day_says_so(seed: int, lots: int) -> None:
    """The money is the same on every way; schedules may be others, and then the day says that it is not unique."""
    network, day = tied_disco_day(seed, lots, compensators=False)
    try:
        first, other = (
            DiscoMarket(network, mode="strict-exclusive", segments=5, solver=solver).clear(day)
            for solver in ("highs", "gurobi")
        )
    except InfeasibleError:
        assume(False)
        raise
    assert all(NOT_PROVED_UNIQUE in result.certificate.notes for result in (first, other)) or not differences(
        first, other
    )
    np.testing.assert_allclose(other.lot_expected_profit, first.lot_expected_profit, rtol=SAME, atol=SAME)
    regret = max(float(np.max(result.certificate.regret)) for result in (first, other))
    assert abs(first.expected_profit - other.expected_profit) <= regret + SAME * (1.0 + abs(first.expected_profit))


def test_one_way_at_a_time_without_a_choice_is_the_same_on_every_way() -> None:
    """Vehicles that never discharge: nothing is left to choose, and nothing is said."""
    network, day = random_day(9, small_network(), count=8, discharge=False)
    market = partial(DiscoMarket, network, mode="strict-exclusive", segments=5)
    assert NOT_PROVED_UNIQUE not in market().clear(day).certificate.notes
    same_on_every_way(market, tied_scenarios(day, 9))


def in_a_row(turbine: Microturbine | None = None) -> Network:
    """Two equal lines in a row with nothing between them, and what there is at the end."""
    return charging_network(turbine=turbine, rating_kva=np.array([np.inf, 1000.0, 1000.0]))


def test_the_price_between_two_full_lines_is_that_of_the_next_kw() -> None:
    """With only price-takers: one more kW between the lines crosses the full first one, one less would free nothing."""
    turbine = Microturbine("mt", 2, 500.0, fuel_cost_per_kwh=0.08)
    day = charging_day([0.05, 0.04], (lot_data(100.0, [100.0, 100.0]),), 1200.0, turbines=1)
    market = partial(NodalMarket, in_a_row(turbine), behaviours=("price-taking",))
    np.testing.assert_allclose(market().clear(day).dlmp, [[0.05, 0.08, 0.08], [0.04, 0.08, 0.08]], atol=1e-9)
    same_on_every_way(market, day)


def test_the_price_where_nothing_more_can_be_carried_is_that_of_one_kw_less() -> None:
    """The lines are full of a load that nothing else can serve: the next kW has no price, the last one has."""
    full = charging_day([0.05], (lot_data(1000.0, [1000.0]),))
    market = partial(NodalMarket, in_a_row(), behaviours=("price-taking",))
    np.testing.assert_allclose(market().clear(full).dlmp, [[0.05, 0.05, 0.05]], atol=1e-9)
    same_on_every_way(market, full)


@pytest.mark.parametrize("behaviour", ["price-taking", "central"])
def test_prices_of_the_whole_feeder_are_the_same_where_no_lot_is_strategic(behaviour: str) -> None:
    """The bundled feeder, whose main line is full on its first day: also at the buses without a lot."""
    case = load_scenario("nodal-33", None, NodalCase)
    behaviours = (behaviour,) * len(case.network.lots)
    same_on_every_way(partial(NodalMarket, case.network, behaviours=behaviours), case.nominal_day())
