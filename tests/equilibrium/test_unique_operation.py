"""What a schedule and a window publish does not depend on the solver or its way, even where much costs the same."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from equilibrium.errors import SolverError
from equilibrium.markets.two_settlement import rolling, unique
from equilibrium.markets.two_settlement.clearing import DayAheadClearing
from equilibrium.markets.two_settlement.market import DayAheadMarket, Options
from equilibrium.markets.two_settlement.real_time import RealTimeDay
from equilibrium.markets.two_settlement.rolling import RealTime
from equilibrium.markets.two_settlement.system import ActiveSystem, DayAhead, Penalties, Prices
from equilibrium.programs.branching import Pairs, branch
from equilibrium.programs.program import ProgramBuilder
from tests.equilibrium.day_ahead_days import made_day, made_system
from tests.equilibrium.two_settlement_real import UNITS, penalties, positions, real_day, scaled, system, weather
from tests.frozen.differences import WAYS, highs_options


def level(day: DayAhead, rng: np.random.Generator) -> DayAhead:
    """The same day at few prices, zero among them, and with next to no penalties: much costs the same."""
    buy, nothing = rng.choice([0.0, 0.1, 0.1, 0.2], day.length_h.size), np.zeros(day.length_h.size)
    scenarios = tuple(
        replace(each, prices=Prices(buy, buy, nothing, nothing + rng.choice([0.0, 0.05]), nothing))
        for each in day.scenarios
    )
    energy, output = (nothing + rng.choice([0.0, most]) for most in (0.1, 0.02))
    return replace(day, scenarios=scenarios, penalties=Penalties(energy, nothing, nothing + 0.1, output))


def distances(one: object, other: object) -> dict[str, float]:
    """Largest difference of every array of two records."""
    pairs = {each.name: (getattr(one, each.name), getattr(other, each.name)) for each in fields(one)}  # type: ignore[arg-type]
    return {
        name: float(np.nanmax(np.abs(a.astype(float) - b), initial=0.0))
        for name, (a, b) in pairs.items()
        if isinstance(a, np.ndarray)
    }


def scheduled(made: ActiveSystem, day: DayAhead, way: str) -> DayAheadClearing:
    solver, options = WAYS[way]
    with highs_options(options):
        return DayAheadMarket(made, Options(aim="total", gap=1e-9), solver=solver).clear(day)


@pytest.mark.parametrize("seed", [6, 11])
def test_a_schedule_is_the_same_on_every_way(seed: int) -> None:
    """At seed 11 the interior point ends a node at a point of which twins use both of a pair."""
    rng = np.random.default_rng(seed)
    made, day = made_system(rng, reactive_share=None), level(made_day(rng), rng)
    usual = scheduled(made, day, "other random numbers")
    assert usual.certificate.certified
    both = np.minimum(usual.dispatch.charge_kw, usual.dispatch.discharge_kw)
    assert both.max() <= 1e-6
    for way in ("Gurobi", "interior point", "primal simplex"):
        found = scheduled(made, day, way)
        far = {**distances(usual.positions, found.positions), **distances(usual.dispatch, found.dispatch)}
        assert {name: value for name, value in far.items() if value > 1e-6} == {}, way


def test_storage_that_may_waste_for_nothing_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """At a price of zero nothing is gained or lost by a cycle: it stands still and sun is curtailed."""
    rng = np.random.default_rng(0)
    made = made_system(rng, generators=(), outages=(), outage_probability=np.zeros(0), trade_max_kw=1.0)
    zero = np.zeros(3)
    day = made_day(rng, bids=(), spinning_need_kw=zero, regulating_need_kw=zero)
    free = Prices(zero, zero, zero, zero, zero)
    scenarios = tuple(
        replace(each, prices=free, load_kw=0.0 * each.load_kw, load_kvar=0.0 * each.load_kvar) for each in day.scenarios
    )
    found = DayAheadMarket(made).clear(replace(day, scenarios=scenarios, penalties=Penalties(zero, zero, zero, zero)))
    assert np.minimum(found.dispatch.charge_kw, found.dispatch.discharge_kw).max() <= 1e-6
    assert not any("storage goes" in note for note in found.certificate.notes)
    monkeypatch.setattr(unique, "WAYS", 1)
    again = DayAheadMarket(made).clear(replace(day, scenarios=scenarios, penalties=Penalties(zero, zero, zero, zero)))
    assert np.minimum(again.dispatch.charge_kw, again.dispatch.discharge_kw).max() <= 1e-6
    assert "storage goes the search's way" in again.certificate.notes[-1]


WITH_UNITS = system(**UNITS)


def small(low: float, high: float) -> st.SearchStrategy[tuple[float, ...]]:
    return st.tuples(*[st.sampled_from([low, (low + high) / 2.0, high])] * 4)


@settings(max_examples=4, phases=[Phase.explicit, Phase.generate], derandomize=True, deadline=None)
@given(buy=small(0.0, 0.5), load=small(0.5, 1.5), seen=small(0.5, 1.5))
def test_real_time_is_the_same_on_every_way(
    buy: tuple[float, ...], load: tuple[float, ...], seen: tuple[float, ...]
) -> None:
    expected = weather(WITH_UNITS, list(buy))
    day = real_day(
        scaled(expected, np.array(load)), scaled(expected, np.array(seen)), penalties=penalties(4, spinning=0.3)
    )
    plan = positions(WITH_UNITS, 4, generator_kw=np.full((4, 1), 2.0), spinning_kw=np.full(4, 2.0))

    def run(way: str) -> RealTimeDay:
        solver, options = WAYS[way]
        with highs_options(options):
            return RealTime(WITH_UNITS, 3, solver).run(day, plan, (), ())

    usual = run("other random numbers")
    for way in ("Gurobi", "interior point"):
        far = distances(usual, run(way))
        assert {name: value for name, value in far.items() if value > 1e-6} == {}, way


def test_a_leaf_of_the_search_keeps_its_own_point() -> None:
    """A cycle costs nothing here: a point that uses both of a pair is as good, and a leaf must not be lost to it."""
    build = ProgramBuilder()
    one, other = build.columns("one", (1,), upper=2.0), build.columns("other", (1,), upper=2.0)
    row = build.rows("net", (1,), lower=1.0, upper=1.0)
    build.coefficients(row, one, 1.0)
    build.coefficients(row, other, -0.5)
    instance = build.compile().bind({})
    found = branch(instance, np.zeros(2, dtype=np.bool_), pairs=Pairs(one, other))
    assert found.x == pytest.approx([1.0, 0.0])
    assert found.finished


def test_where_no_operation_is_found_to_the_last_digits_the_certificate_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none(*_: object) -> None:
        raise SolverError("no point")

    monkeypatch.setattr(unique, "closest_optimum", none)
    monkeypatch.setattr(rolling, "closest_reduced", none)
    rng = np.random.default_rng(6)
    found = DayAheadMarket(made_system(rng)).clear(made_day(rng))
    assert found.certificate.notes[-1] == "the operation is one of several of this cost: no point"
    day = real_day(weather(WITH_UNITS, [0.1]))
    real = RealTime(WITH_UNITS, 1).run(day, positions(WITH_UNITS, 1), (), ())
    assert real.notes == ("period 0: one of several optima is published: no point",)
