"""What the strategies promise: radial feeders, lots and fleets that can be served, days that fit their network."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from equilibrium.fleet.day import Fleet, LotDay
from equilibrium.fleet.envelope import lot_day
from equilibrium.grid.feeder import Feeder, radial_parents
from equilibrium.grid.network import Network
from equilibrium.markets.charging.day import MarketDay
from scenarios import random_markets as strategies


def can_be_served(day: LotDay, efficiency: float, *, first_hour_counts: bool = True) -> bool:
    """Whether (3b)-(3f) with equality at the end have a solution."""
    hours = day.power_max_kw.size
    store = efficiency * np.tril(np.ones((hours, hours)))
    if not first_hour_counts:
        store[:, 0] = 0.0
    base = np.cumsum(day.energy_in_kwh - day.energy_out_kwh)
    done = linprog(
        np.zeros(hours),
        A_ub=np.vstack([store, -store]),
        b_ub=np.concatenate([day.soe_max_kwh - base, base - day.soe_min_kwh]) + 1e-7,
        A_eq=store[-1:],
        b_eq=[day.energy_end_kwh - base[-1]],
        bounds=np.stack([np.zeros(hours), day.power_max_kw], axis=1),
    )
    return bool(done.success)


@given(strategies.feeders())
def test_feeders_are_trees(feeder: Feeder) -> None:
    branches = [(feeder.buses[feeder.parent[bus]], feeder.buses[bus]) for bus in range(1, feeder.size)]
    np.testing.assert_array_equal(radial_parents(feeder.buses, branches, "test"), feeder.parent)
    assert 3 <= feeder.size <= 8
    assert feeder.r_ohm[0] == feeder.x_ohm[0] == feeder.load_kw[0] == 0.0
    assert feeder.subtree_sum(feeder.load_kw)[0] < feeder.rating_kva.max()


@given(st.floats(0.8, 1.0).flatmap(lambda eta: st.tuples(st.just(eta), strategies.lot_days(efficiency=eta))))
def test_lot_days_can_be_served(drawn: tuple[float, LotDay]) -> None:
    efficiency, day = drawn
    assert np.all(day.soe_min_kwh <= day.soe_max_kwh)
    assert can_be_served(day, efficiency)


@given(strategies.lot_days(first_hour="as_printed", hours=3))
def test_lot_days_of_the_printed_first_hour_can_be_served(day: LotDay) -> None:
    assert can_be_served(day, 0.95, first_hour_counts=False)


@given(strategies.fleets())
def test_fleets_reach_their_needs(fleet: Fleet) -> None:
    assert np.all(fleet.need_kwh <= 0.95 * fleet.power_kw.sum(axis=1) + 1e-9)
    assert np.all(fleet.energy_kwh + fleet.need_kwh <= fleet.battery_kwh + 1e-9)
    assert np.all(fleet.arrival_hour <= fleet.departure_hour)
    assert can_be_served(lot_day(fleet, np.full(4, 0.5), 0.95), 0.95)


@given(strategies.markets(hours=5, negative_prices=True, charging_price=0.4))
def test_markets_fit_together(drawn: tuple[Network, MarketDay]) -> None:
    network, day = drawn
    size = network.feeder.size
    assert day.hours == 5
    assert day.load_kw.shape == day.load_kvar.shape == (5, size)
    assert day.renewable_kw.shape == (5, len(network.renewables))
    assert day.microturbine_available.shape == (len(network.microturbines),)
    assert len(day.lots) == len(network.lots) >= 1
    for unit in (*network.microturbines, *network.compensators, *network.renewables, *network.lots):
        assert 0 <= unit.bus < size
    for lot in day.lots:
        assert set(lot.charging_price) == {0.4}


def test_without_lots_and_with_both_terminals() -> None:
    @given(strategies.networks(min_lots=0, max_lots=2, terminals=("eq", "ge")))
    def check(network: Network) -> None:
        seen.update(lot.terminal for lot in network.lots)
        counts.add(len(network.lots))

    seen: set[str] = set()
    counts: set[int] = set()
    check()
    assert seen == {"eq", "ge"}
    assert counts == {0, 1, 2}
    with pytest.raises(TypeError):
        strategies.networks(lots=2)
