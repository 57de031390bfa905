"""A subscribed capacity: what a lot draws beyond it costs more, and that is part of its game."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import linprog

from equilibrium.errors import InfeasibleError, InputError
from equilibrium.grid.assets import Microturbine, StorageUnit, Subscription
from equilibrium.grid.network import Network
from equilibrium.invariants import check
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.charging.lots import subscription_payments
from equilibrium.markets.lots_lead.market import LotsLeadMarket
from equilibrium.markets.nodal.clearing import NodalClearing
from equilibrium.markets.nodal.curves import Curve
from equilibrium.markets.nodal.invariants import INVARIANTS
from equilibrium.markets.nodal.market import BEHAVIOURS, NodalMarket
from tests.equilibrium.conftest import lot_data, proved, small_day, small_network
from tests.equilibrium.oracle import best_deviation, examples, tight_markets
from tests.equilibrium.other_ways import SAME
from tests.equilibrium.test_unique import same_on_every_way


def subscribed(network: Network, contracts: list[Subscription | None]) -> Network:
    sites = [replace(site, subscription=each) for site, each in zip(network.lots, contracts, strict=True)]
    return replace(network, lots=tuple(sites))


@st.composite
def contracts(draw: st.DrawFn, day: MarketDay) -> list[Subscription | None]:
    """Some lots subscribe to a part of their highest power."""
    found: list[Subscription | None] = []
    for lot in day.lots:
        share, charge = draw(st.sampled_from([0.25, 0.5, 0.8])), draw(st.sampled_from([0.01, 0.05, 0.3]))
        most = float(lot.power_max_kw.max())
        found.append(Subscription(share * most, charge) if most > 0.0 and draw(st.integers(0, 3)) else None)
    return found


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
@pytest.mark.parametrize(
    ("charge", "power", "above"), [(0.02, [100.0, 50.0], 40.0), (0.08, [90.0, 60.0], 30.0), (0.0, [100.0, 50.0], 40.0)]
)
def test_energy_moves_where_the_excess_costs_more_than_the_later_hour(
    behaviour: str, charge: float, power: list[float], above: float
) -> None:
    """150 kWh at 0.05 and 0.10 per kWh, 60 kW subscribed: above, a kWh of the first hour costs 0.05 and the charge."""
    network = subscribed(small_network(), [Subscription(60.0, charge)])
    day = small_day([0.05, 0.10], (lot_data(150.0, [100.0, 100.0]),))
    cleared = NodalMarket(network, behaviours=(behaviour,)).clear(day)
    assert cleared.certificate.certified
    np.testing.assert_allclose(cleared.lot_kw[:, 0], power, atol=1e-6)
    paid = 0.05 * power[0] + 0.10 * power[1]
    assert cleared.lot_payment[0] == pytest.approx(paid)
    assert cleared.lot_profit[0] == pytest.approx(0.5 * 150.0 - paid - charge * above)
    assert cleared.lot_maximum[0] == pytest.approx(cleared.lot_profit[0])
    assert cleared.competitive_profit[0] == pytest.approx(cleared.lot_profit[0])
    assert cleared.network_cost == pytest.approx(cleared.competitive_cost)


def test_half_hours_count_as_such() -> None:
    """40 kW above the subscription for half an hour are 20 kWh."""
    network = subscribed(small_network(), [Subscription(60.0, 0.02)])
    day = replace(small_day([0.05, 0.10], (lot_data(75.0, [100.0, 100.0]),)), period_h=0.5)
    cleared = NodalMarket(network).clear(day)
    np.testing.assert_allclose(cleared.lot_kw[:, 0], [100.0, 50.0], atol=1e-6)
    assert cleared.lot_profit[0] == pytest.approx(0.5 * 75.0 - (0.05 * 50.0 + 0.10 * 25.0) - 0.02 * 20.0)


def cleared_or_rejected(market: NodalMarket, day: MarketDay) -> NodalClearing:
    try:
        return market.clear(day)
    except InfeasibleError:
        assume(False)
        raise


@examples(25)
@given(st.data())
def test_the_second_method_and_the_oracle_agree(data: st.DataObject) -> None:
    """No lot gains, by the whole program of the operator's conditions; every statement about the day holds."""
    network, day = data.draw(tight_markets())
    network = subscribed(network, data.draw(contracts(day)))
    behaviours = tuple(data.draw(st.sampled_from(BEHAVIOURS)) for _ in network.lots)
    cleared = cleared_or_rejected(NodalMarket(network, behaviours=behaviours, certify="full"), day)
    assert [finding for finding in check(INVARIANTS, network, day, cleared) if not finding.holds] == []
    if not proved(cleared):
        return
    second = cleared.certificate.second
    assert second is not None
    for lot, behaviour in enumerate(behaviours):
        if behaviour == "strategic":
            value, _ = best_deviation(network, day, cleared.lot_kw, lot)
            assert value == pytest.approx(cleared.lot_profit[lot], rel=1e-6, abs=1e-6)


@examples(15)
@given(st.data())
def test_price_takers_cannot_gain_at_their_prices(data: st.DataObject) -> None:
    """A lot's own linear program at the published prices, stated with the excess as columns."""
    network, day = data.draw(tight_markets())
    network = subscribed(network, data.draw(contracts(day)))
    cleared = cleared_or_rejected(NodalMarket(network, behaviours=("price-taking",) * len(network.lots)), day)
    for lot, site in enumerate(network.lots):
        alone = replace(network, lots=(site,))
        at = np.repeat(cleared.lot_price[:, lot, None], network.feeder.size, axis=1)
        most = most_at_prices(alone, replace(day, lots=(day.lots[lot],)), at)
        assert cleared.lot_maximum[lot] == pytest.approx(most, rel=1e-7, abs=1e-7)
        if cleared.certificate.certified:
            assert cleared.lot_profit[lot] == pytest.approx(most, rel=1e-6, abs=1e-6)


def most_at_prices(network: Network, day: MarketDay, price: np.ndarray) -> float:
    """The most that a lone lot earns at prices that do not move: its program alone, by a solver."""
    site, lot = network.lots[0], day.lots[0]
    hours, stored = day.hours, site.efficiency * np.tril(np.ones((day.hours, day.hours)))
    if site.first_hour == "as_printed":
        stored[:, 0] = 0.0
    carried = np.cumsum(lot.energy_in_kwh - lot.energy_out_kwh)
    owed = lot.energy_end_kwh - carried[-1]
    low, high = lot.soe_min_kwh - carried, lot.soe_max_kwh - carried
    low[-1] = max(low[-1], owed)
    high[-1] = min(high[-1], owed) if site.terminal == "eq" else high[-1]
    contract = site.subscription or Subscription(1e9, 0.0)
    none = np.zeros((hours, hours))
    found = linprog(
        np.concatenate([price[:, 0] - lot.charging_price, np.full(hours, contract.charge)]),
        A_ub=np.block([[stored, none], [-stored, none], [np.eye(hours), -np.eye(hours)]]),
        b_ub=np.concatenate([high, -low, np.full(hours, contract.power_kw)]),
        bounds=[*((0.0, most) for most in lot.power_max_kw), *((0.0, None) for _ in range(hours))],
    )
    return -float(found.fun)


@examples(12)
@given(st.data())
def test_a_free_excess_changes_nothing_and_a_dear_one_is_not_drawn(data: st.DataObject) -> None:
    network, day = data.draw(tight_markets())
    plain = cleared_or_rejected(NodalMarket(network), day)
    half = [Subscription(max(0.5 * float(plain.lot_kw[:, k].max()), 1.0), 0.0) for k in range(len(network.lots))]
    free = NodalMarket(subscribed(network, half)).clear(day)
    if proved(plain) and proved(free):
        assert free.competitive_cost == pytest.approx(plain.competitive_cost, rel=1e-7, abs=1e-7)
        np.testing.assert_allclose(free.competitive_profit, plain.competitive_profit, rtol=1e-6, atol=1e-6)
    roomy = [Subscription(float(plain.competitive_kw[:, k].max()) + 1.0, 5.0) for k in range(len(network.lots))]
    dear = NodalMarket(subscribed(network, roomy), behaviours=("central",) * len(network.lots)).clear(day)
    assert dear.competitive_cost == pytest.approx(plain.competitive_cost, rel=1e-7, abs=1e-7)
    assert subscription_payments(subscribed(network, roomy).lots, dear.lot_kw, day.length_h).max() <= SAME


@examples(10)
@given(st.data())
def test_both_solvers_and_other_ways_publish_the_same(data: st.DataObject) -> None:
    network, day = data.draw(tight_markets())
    network = subscribed(network, data.draw(contracts(day)))
    behaviours = tuple(data.draw(st.sampled_from(BEHAVIOURS)) for _ in network.lots)
    same_on_every_way(partial(NodalMarket, network, behaviours=behaviours), day, orders=(1,))


def test_a_curve_under_a_subscription_has_its_power_as_a_knot() -> None:
    curve = Curve(np.array([0.0, 50.0, 100.0]), np.array([0.1, 0.2])).under(Subscription(70.0, 0.05))
    np.testing.assert_allclose(curve.knots, [0.0, 50.0, 70.0, 100.0])
    np.testing.assert_allclose(curve.slopes, [0.1, 0.2, 0.2])
    assert curve.earned(0.5, 90.0, curve.price(90.0)) == pytest.approx(0.3 * 90.0 - 0.05 * 20.0)
    for power in (0.0, 50.0, 100.0, 500.0):  # at a knot or outside: none is added
        assert (
            Curve(np.array([0.0, 50.0, 100.0]), np.array([0.1, 0.2])).under(Subscription(power, 0.05)).knots.size == 3
        )


def test_where_it_is_not_known_it_is_refused() -> None:
    network = subscribed(small_network(), [Subscription(60.0, 0.02)])
    with pytest.raises(InputError, match=r"lot lot-1: subscription: got '60 kW', expected none: lots that lead"):
        LotsLeadMarket(network)
    day = small_day([0.05, 0.10], (lot_data(150.0, [100.0, 100.0]),))
    battery = StorageUnit("battery", 2, 50.0, 50.0, 100.0, initial_kwh=50.0)
    with pytest.raises(InputError, match="expected none where storage or ramp limits join the hours of a day"):
        NodalMarket(replace(network, storage=(battery,))).clear(day)
    ramped = Microturbine("mt", 2, 500.0, 0.08, ramp_kw_per_h=10.0)
    with pytest.raises(InputError, match="expected none where storage or ramp limits"):
        NodalMarket(replace(network, microturbines=(ramped,))).clear(
            replace(day, microturbine_available=np.ones(1, dtype=bool))
        )


@pytest.mark.parametrize(("power", "charge"), [(-1.0, 0.1), (np.nan, 0.1), (np.inf, 0.1), (9.0, -0.1), (9.0, np.nan)])
def test_a_contract_that_pays_or_is_no_number_is_refused(power: float, charge: float) -> None:
    with pytest.raises(InputError, match=r"subscription: (power_kw|charge): got .*, expected a finite number >= 0"):
        Subscription(power, charge)


def test_what_is_paid_is_the_charge_times_what_is_above() -> None:
    paid = Subscription(60.0, 0.02).payment(np.array([50.0, 60.0, 100.0]), np.array([1.0, 1.0, 0.25]))
    assert paid == pytest.approx(0.02 * 40.0 * 0.25, rel=SAME)
