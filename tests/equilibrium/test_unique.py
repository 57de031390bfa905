"""What a market publishes depends neither on the solver nor on its way: both solvers, and HiGHS on other ways."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from equilibrium.errors import InfeasibleError
from equilibrium.grid.assets import StaticVarCompensator
from equilibrium.grid.network import Network
from equilibrium.markets.disco.day import DiscoDay, DiscoScenario
from equilibrium.markets.disco.market import DiscoMarket
from equilibrium.markets.lots_lead.market import LotsLeadMarket
from equilibrium.markets.nodal.market import BEHAVIOURS, NodalMarket
from tests.equilibrium.disco_days import random_day, small_network, with_scenarios
from tests.equilibrium.other_ways import differences, shuffled
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


@settings(max_examples=40)
@given(st.data(), st.booleans())
def test_lots_lead_days_are_the_same_on_every_way(data: st.DataObject, negative: bool) -> None:
    network = data.draw(tied_networks())
    same_on_every_way(lots_lead(network), data.draw(tied_days(network, negative=negative)))


@settings(max_examples=20)
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


@settings(max_examples=25)
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
    {"mode": "strict-exclusive"},
    {"mode": "windows", "flow": "copper-plate", "purchases": "here-and-now"},
    {"mode": "windows-strict", "purchases": "here-and-now", "beta": 0.5},
]


NOT_UNIQUE = pytest.mark.xfail(
    reason="known: of several equal schedules that go one way at a time, the search for them publishes any"
)


@pytest.mark.parametrize(
    "options",
    [pytest.param(each, marks=NOT_UNIQUE if each["mode"] == "strict-exclusive" else ()) for each in DISCO],
    ids=lambda options: "-".join(map(str, options.values())),
)
@settings(max_examples=5)
@given(seed=st.integers(0, 10_000), lots=st.sampled_from([1, 2]), compensators=st.booleans())
def test_disco_days_are_the_same_on_every_way(
    options: dict[str, Any], seed: int, lots: int, compensators: bool
) -> None:
    network = small_network(lots)
    if compensators:
        units = (StaticVarCompensator("svc-3", 3, 80.0), StaticVarCompensator("svc-2", 2, 80.0))
        network = replace(network, compensators=units)
    together = options.get("purchases") == "here-and-now"
    network, day = random_day(seed, network, count=8, scenarios=2 if together else 1, emissions=seed % 2 == 0)
    market = partial(DiscoMarket, network, segments=5, **options)
    same_on_every_way(market, tied_scenarios(day, seed), orders=(1,))
