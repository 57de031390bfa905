"""Many days at once against one program a day."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equilibrium.errors import InfeasibleError
from equilibrium.grid.many_days import ManyDays
from scenarios.random_markets import HOURS, feeders, markets, networks
from tests.equilibrium.conftest import full_dispatch

TIGHT = networks(feeder=feeders(load_max_kw=700.0, band_pu=0.03))


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
