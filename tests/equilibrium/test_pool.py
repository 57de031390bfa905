"""Many days at once against one program a day."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equilibrium.errors import InfeasibleError, InputError
from equilibrium.grid.assets import Microturbine, StorageUnit
from equilibrium.grid.many_days import DaysCleared, ManyDays
from scenarios.random_markets import HOURS, feeders, markets, networks
from tests.equilibrium.conftest import full_dispatch, small_day, small_network
from tests.equilibrium.oracle import examples

TIGHT = networks(feeder=feeders(load_max_kw=700.0, band_pu=0.03))


@examples(50)
@given(markets(network=TIGHT), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_every_day_costs_what_its_own_program_says(market, days, seed):
    network, day = market
    try:
        many = ManyDays(network, day)
    except InfeasibleError:
        return
    rng = np.random.default_rng(seed)
    load = day.load_kw * rng.uniform(0.3, 1.5, (days, HOURS, 1))
    kvar = day.load_kvar * rng.uniform(0.3, 1.5, (days, HOURS, 1))
    renewable = day.renewable_kw * rng.uniform(0.0, 1.5, (days, HOURS, 1))
    power = rng.uniform(0.0, 150.0, (days, HOURS, len(network.lots)))
    for _ in range(2):
        found = many.clear(load, kvar, renewable, power)
    assert found.pooled[found.solved].all()
    for k in range(days):
        today = replace(day, load_kw=load[k], load_kvar=kvar[k], renewable_kw=renewable[k])
        _, cost = full_dispatch(network, today, power[k])
        assert found.solved[k].all() == np.isfinite(cost)
        if np.isfinite(cost):
            assert found.cost[k] == pytest.approx(cost, abs=1e-6 * (1 + abs(cost)))


@examples(50)
@given(markets(network=TIGHT), st.integers(0, 2**32 - 1))
def test_prices_are_slopes_of_the_cost_in_the_lots_power(market, seed):
    network, day = market
    try:
        many = ManyDays(network, day)
    except InfeasibleError:
        return
    rng = np.random.default_rng(seed)
    power = rng.uniform(10.0, 150.0, (HOURS, len(network.lots)))
    lot, hour, step = int(rng.integers(len(network.lots))), int(rng.integers(HOURS)), 1e-2
    moved = np.stack([power] * 3)
    moved[0, hour, lot] -= step
    moved[2, hour, lot] += step
    found = many.clear(*(np.stack([a] * 3) for a in (day.load_kw, day.load_kvar, day.renewable_kw)), moved)
    if not found.solved.all():
        return
    left, right = np.diff(found.cost) / step
    assert left - 1e-5 <= found.price[1, hour, lot] <= right + 1e-5


@pytest.mark.parametrize(
    ("limit", "power_kw", "dear_kw"), [("voltage_min_pu", 1500.0, 500.0), ("rating_kva", 1500.0, 300.0)]
)
def test_a_limit_that_no_day_has_met_yet_is_kept(limit: str, power_kw: float, dear_kw: float) -> None:
    """1 ohm at 10 kV takes 0.01 of the voltage for each MW; a branch takes 1.2 MVA: the turbine gives the rest."""
    values = {"voltage_min_pu": np.full(3, 0.99), "rating_kva": np.array([5000.0, 5000.0, 1200.0])}
    turbine = Microturbine("turbine", 2, 2000.0, 0.06)
    network = small_network(turbine=turbine, x_ohm=np.zeros(3), **{limit: values[limit]})
    template = small_day([0.03], (), turbines=1)
    many = ManyDays(network, template)
    day = template.load_kw, template.load_kvar, template.renewable_kw

    def cleared(*power: float) -> DaysCleared:
        return many.clear(*(np.stack([array] * len(power)) for array in day), np.array(power).reshape(-1, 1, 1))

    cleared(100.0)
    assert cleared(200.0).pooled.all()  # by what the first day has left
    found = cleared(0.5 * power_kw, power_kw)
    assert found.solved.all()
    assert found.cost.tolist() == pytest.approx([0.015 * power_kw, 0.03 * power_kw + 0.03 * dear_kw])
    assert found.price[:, 0, 0].tolist() == pytest.approx([0.03, 0.06])
    less = cleared(100.0, 200.0)  # days that come nowhere near the limit, with vertices at it in the pool
    assert less.pooled.all()
    assert less.cost.tolist() == pytest.approx([3.0, 6.0])
    assert less.price[:, 0, 0].tolist() == pytest.approx([0.03, 0.03])


def test_hours_without_a_dispatch_and_hours_that_are_joined_are_told() -> None:
    """Two of three hours load a branch of 100 kVA with 300 kW; a store joins the hours."""
    network = small_network(rating_kva=np.array([5000.0, 5000.0, 100.0]))
    template = small_day([0.03, 0.03, 0.03], ())
    template = replace(template, load_kw=np.array([[0.0, 0.0, 300.0], [0.0, 0.0, 30.0], [0.0, 0.0, 300.0]]))
    with pytest.raises(InfeasibleError) as none:
        ManyDays(network, template)
    assert none.value.reasons == ("hour 0: no dispatch", "hour 2: no dispatch")
    stored = replace(network, storage=(StorageUnit("battery", 2, 40.0, 50.0, 25.0, 0.0),))
    with pytest.raises(InputError, match=r"many days: network: got 'hours .*0, 1, 2.* are joined', expected a network"):
        ManyDays(stored, template)
