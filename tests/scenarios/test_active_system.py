"""The system and the day of the study of two settlements, put together by hand: no bid and no outage is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.errors import InputError
from equilibrium.markets.two_settlement.system import ActiveSystem, Bid, Prices
from scenarios.draws.weather import DAY_FACTOR
from scenarios.published import active_system
from scenarios.published.active_system import HOURS, STUDY, scaled_prices, study_day, study_system

SMALL = replace(
    STUDY,
    samples=12,
    kept=3,
    scenarios=4,
    seed=5,
    generator_bus=("3", "13"),
    generator_cost=(55.0, 80.0),
    pv_bus=("9",),
    wind_bus=("15", "29"),
    storage_bus=("12",),
    demand_bus=("5", "19"),
    lot_bus=("8",),
)
PARTS: Any = active_system
"""The module, whose private parts are given stand-ins."""


def noting(asked: list[Any], answer: Any) -> Callable[..., Any]:
    """Return a function that notes what it is given and has one answer."""

    def function(*given: Any) -> Any:
        asked.append(given)
        return answer

    return function


@pytest.fixture(scope="module")
def system() -> ActiveSystem:
    return study_system(SMALL, cascades=False)


def test_what_stands_where(system: ActiveSystem) -> None:
    labels = system.grid.buses
    first, second = system.generators
    assert [(unit.name, labels[unit.bus], unit.cost_per_kwh) for unit in (first, second)] == [
        ("generator 3", "3", 0.055), ("generator 13", "13", 0.08),
    ]  # fmt: skip
    assert (first.least_kw, first.most_kw, first.rating_kva, first.ramp_kw_per_h) == (200.0, 1200.0, 1400.0, 600.0)
    assert (first.idle_cost_per_h, first.start_cost, first.min_up_h, first.min_down_h) == (70.0, 15.0, 2.0, 2.0)
    assert [(unit.name, labels[unit.bus], unit.rated_kw, unit.kind) for unit in system.renewables] == [
        ("pv 9", "9", 400.0, "pv"), ("wind 15", "15", 400.0, "wind"), ("wind 29", "29", 400.0, "wind"),
    ]  # fmt: skip
    (store,) = system.storages
    assert (store.name, labels[store.bus], store.energy_kwh, store.initial_kwh) == ("storage 12", "12", 1000.0, 500.0)
    assert (store.charge_max_kw, store.discharge_max_kw) == (500.0, 500.0)
    assert system.lost_load_value[:7].tolist() == [20.0, 80.0, 120.0, 20.0, 80.0, 120.0, 20.0]
    assert system.lost_load_value.size == 70
    assert (set(system.grid.voltage_min_pu), set(system.grid.voltage_max_pu)) == ({0.9}, {1.1})
    assert len(system.outages) == 132
    assert system.outage_probability.tolist() == [1.0 / 132.0] * 132
    assert system.reactive_share == 0.4843
    named = {outage.name for outage in system.outages}
    assert not named & set(active_system.RESTORED)


def test_after_each_single_outage_what_fails_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """All units run at their most, with the kvar that are left beside it."""
    asked: list[Any] = []
    grid: Any = SimpleNamespace(load_kw=np.array([1.0, 2.0]), load_kvar=np.array([0.5, 0.25]))
    units: Any = (
        SimpleNamespace(bus=1, most_kw=300.0, rating_kva=500.0),
        SimpleNamespace(bus=0, most_kw=5.0, rating_kva=13.0),
    )
    value = np.array([7.0, 9.0])
    monkeypatch.setattr(active_system, "single_outages", lambda _grid, left_out: ("a", "b") if left_out else ())

    def restored(_grid: Any, hour: Any, outage: str) -> str:
        asked.append(hour)
        return f"restored {outage}"

    monkeypatch.setattr(active_system, "restore", restored)
    monkeypatch.setattr(active_system, "cascade", lambda _grid, before: f"after {before}")
    assert PARTS._outages(grid, units, value, False) == ("a", "b")
    assert asked == []
    assert PARTS._outages(grid, units, value, True) == ("a", "b", "after restored a", "after restored b")
    hour = asked[0]
    assert (hour.load_kw.tolist(), hour.load_kvar.tolist(), hour.value.tolist()) == ([1, 2], [0.5, 0.25], [7, 9])
    assert hour.source_bus.tolist() == [1, 0]
    assert (hour.source_kw.tolist(), hour.source_kvar.tolist()) == ([300.0, 5.0], [400.0, 12.0])


def test_products_of_a_price_of_energy() -> None:
    study = replace(STUDY, sell_share=0.9, spinning_base=50.0, regulating_base=20.0)
    found = PARTS._products(np.array([0.2, 0.4]), study)
    assert found.buy.tolist() == [0.2, 0.4]
    assert found.sell == pytest.approx([0.18, 0.36])
    assert found.reactive == pytest.approx([0.05, 0.1])
    assert found.spinning == pytest.approx([0.15, 0.25])
    assert found.regulating == pytest.approx([0.14, 0.26])


def test_prices_spread_as_the_study_says() -> None:
    model = PARTS.price_model(SMALL)
    assert float(np.sqrt(model.variance)) == pytest.approx(0.12)
    drawn = model.sample(np.random.default_rng(3), 1, 4000)[:, 0]
    assert drawn.shape == (4000, HOURS)
    assert np.log(drawn).std(axis=0) == pytest.approx(np.full(HOURS, 0.12), rel=0.1)
    assert drawn.mean(axis=0) == pytest.approx(np.array(SMALL.price) / 1000.0, rel=0.03)


def test_a_source_is_reduced_and_drawn_from(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    reduced = SimpleNamespace(kept=np.array([3, 0]), probability=np.array([0.75, 0.25]))
    monkeypatch.setattr(active_system, "reduce_scenarios", noting(asked, reduced))
    source = np.arange(8.0).reshape(4, 2)
    found = PARTS._kept(source, 2, np.random.default_rng(1), 200)
    assert found.shape == (200, 2)
    assert asked[0][1].tolist() == [0.25] * 4
    assert asked[0][2] == 2
    share = (found[:, 0] == 6.0).mean()
    assert {tuple(row) for row in found.tolist()} == {(6.0, 7.0), (0.0, 1.0)}
    assert 0.6 < share < 0.9
    wanted = np.random.default_rng(1).choice(2, size=200, p=[0.75, 0.25])
    assert found.tolist() == source[[3, 0]][wanted].tolist()


def test_joint_scenarios_by_hand(system: ActiveSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is drawn of each source stands in a few of its draws; sun shines at noon, and units have their own kind."""
    seen: list[Any] = []

    def kept(source: Any, keep: int, _rng: Any, scenarios: int) -> Any:
        seen.append((source, keep, scenarios))
        return source[:scenarios]

    monkeypatch.setattr(active_system, "_kept", kept)
    found = PARTS._scenarios(system, SMALL)
    assert [(source.shape, keep, count) for source, keep, count in seen] == [((12, HOURS), 3, 4)] * 4
    price, load, sun, wind = (source for source, _, _ in seen)
    rng = np.random.default_rng(5)
    assert price == pytest.approx(PARTS.price_model(SMALL).sample(rng, 1, 12)[:, 0])
    assert load == pytest.approx(np.array(SMALL.load) * np.maximum(0.0, 1.0 + 0.05 * rng.normal(size=(12, 1))))
    daylight = [max(0.0, float(np.sin(np.pi * (hour - 6) / 12))) for hour in range(HOURS)]
    for draw in sun:
        factor = DAY_FACTOR.draw(rng)
        assert draw == pytest.approx([min(1.0, factor * each) for each in daylight])
    for draw in wind:
        assert draw == pytest.approx([min(1.0, 0.4 * DAY_FACTOR.draw(rng))] * HOURS)
    assert (daylight[6], daylight[12], daylight[19]) == (0.0, 1.0, 0.0)
    assert [each.probability for each in found] == [0.25] * 4
    for k, each in enumerate(found):
        assert each.load_kw == pytest.approx(np.outer(load[k], system.grid.load_kw))
        assert each.load_kvar == pytest.approx(np.outer(load[k], system.grid.load_kvar))
        assert each.available_kw == pytest.approx(400.0 * np.column_stack([sun[k], wind[k], wind[k]]))
        assert each.prices.buy == pytest.approx(price[k])


class Asked:
    """Notes which zones are asked for bids, and answers with their names."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.zones: list[Any] = []
        self.prices: list[Any] = []
        for name in ("commit_demand", "commit_lot"):
            monkeypatch.setattr(active_system, name, self._commit)
        monkeypatch.setattr(active_system, "demand_standby", lambda _zone, _bid: np.full(HOURS, 3.0))
        monkeypatch.setattr(active_system, "lot_standby", lambda _zone, _made, _length: np.full(HOURS, 9.0))

    def _commit(self, zone: Any, prices: Any, length: Any) -> Any:
        assert length.tolist() == [1.0] * HOURS
        self.zones.append(zone)
        self.prices.append(prices)
        one = np.ones(HOURS)
        site = getattr(zone, "site", zone)
        return SimpleNamespace(
            bid=Bid(site.name, site.bus, one, 0.5, 5 * one, 6 * one, 7 * one, 8 * one, 9 * one, 10 * one)
        )


@pytest.mark.parametrize("case", [0, 3, 4])
def test_bids_are_answers_to_the_aggregators_prices(
    case: int, system: ActiveSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Asked(monkeypatch)
    price = np.linspace(0.1, 0.3, HOURS)
    bids = PARTS._bids(system, SMALL, price, case)
    assert [(bid.name, system.grid.buses[bid.bus]) for bid in bids] == [
        ("demand 5", "5"), ("demand 19", "19"), ("lot 8", "8"),
    ]  # fmt: skip
    demand, _, lot = asked.zones
    assert demand.demand_kw.tolist() == [0.0] * 6 + [150.0] * 18
    assert demand.generator_kw.tolist() == [240.0] * 6 + [0.0] * 18
    assert (demand.movable, demand.reactive_share, demand.generator_cost_per_kwh) == (0.4, 0.488, 0.0)
    assert demand.cut_cost_per_kwh == pytest.approx(0.6 * 0.2)
    assert (lot.spinning_max_kw, lot.regulating_max_kw, lot.reactive_share, lot.wear_per_kwh) == (150, 138, 0.488, 0.0)
    for prices in asked.prices:
        assert prices.sold == pytest.approx(0.9 * price)
        assert prices.bought == pytest.approx(1.05 * price)
        assert prices.spinning == pytest.approx(0.9 * (0.5 * price + 0.06))
        assert prices.regulating == pytest.approx(0.9 * (0.6 * price + 0.04))
    for bid in bids:
        controlled = case == (3 if bid.name.startswith("lot") else 4)
        assert (bid.sold_price[0], bid.spinning_price[0], bid.regulating_price[0]) == (
            (0.0, 0.0, 0.0) if controlled else (7.0, 9.0, 10.0)
        )
        assert bid.bought_price[0] == 8.0
        standby = None if bid.standby_kw is None else bid.standby_kw[0]
        assert standby == ((9.0 if case == 3 else 5.0) if controlled else None)  # at least the reserve of 5 kW


def test_vehicles_of_a_lot() -> None:
    found = PARTS._vehicles(STUDY)
    assert (found.arrival.tolist(), found.departure.tolist()) == ([0, 7, 16], [7, 16, 24])
    assert (found.energy_kwh.tolist(), found.wish_kwh.tolist()) == ([37.5, 27.0, 45.0], [30.0, 45.0, 37.5])
    assert (found.energy_min_kwh.tolist(), found.energy_max_kwh.tolist()) == ([6.0] * 3, [60.0] * 3)
    assert (found.charge_max_kw.tolist(), found.discharge_max_kw.tolist()) == ([13.0] * 3, [10.0] * 3)
    assert found.count.tolist() == [20.0] * 3
    assert found.names == ("until the morning", "at work", "from the afternoon on")


def told_scenarios() -> Any:
    def each(probability: float, price: float, load: float) -> Any:
        prices = SimpleNamespace(buy=np.full(HOURS, price))
        return SimpleNamespace(probability=probability, prices=prices, load_kw=np.full((HOURS, 2), load))

    return (each(0.25, 0.2, 100.0), each(0.75, 0.4, 500.0))


def test_a_day_by_hand(system: ActiveSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    """The expected price is 0.35, the expected load 800 kW."""
    scenarios = told_scenarios()
    asked: list[Any] = []
    monkeypatch.setattr(active_system, "_scenarios", lambda *_: scenarios)
    monkeypatch.setattr(active_system, "_bids", noting(asked, ("bids",)))
    study = replace(SMALL, mismatch=1.2, deviation=0.2, output_penalty=30.0)
    day: Any = study_day(system, study, case=2)
    assert day.length_h.tolist() == [1.0] * HOURS
    assert (day.scenarios, day.bids) == (scenarios, ("bids",))
    assert (asked[0][0], asked[0][1], asked[0][3]) == (system, study, 2)
    assert asked[0][2] == pytest.approx([0.35] * HOURS)
    for found, wanted in (
        (day.spinning_need_kw, 0.03 * 800.0),
        (day.regulating_need_kw, 0.08 * 800.0),
        (day.penalties.energy, 1.2 * 0.35),
        (day.penalties.reactive, 0.25 * 1.2 * 0.35),
        (day.penalties.spinning, 1.2 * (0.5 * 0.35 + 0.06)),
        (day.penalties.output, 0.03),
        (day.price_deviation, 0.07),
    ):
        assert found == pytest.approx([wanted] * HOURS)


@pytest.mark.parametrize(
    ("changes", "case", "said"),
    [
        ({}, 5, "case: got 5, expected one of 0, 1, 2, 3, 4"),
        ({}, -1, "case: got -1, expected one of 0, 1, 2, 3, 4"),
        ({"kept": 0}, 0, "kept: got 0, expected from 1 to samples, 12"),
        ({"kept": 13}, 0, "kept: got 13, expected from 1 to samples, 12"),
    ],
)
def test_days_that_there_are_not(changes: dict[str, Any], case: int, said: str, system: ActiveSystem) -> None:
    with pytest.raises(InputError) as error:
        study_day(system, replace(SMALL, **changes), case=case)
    assert str(error.value) == f"two-settlement study: {said}"


@pytest.mark.parametrize("kept", [1, 12])
def test_as_few_and_as_many_draws_as_there_may_be_are_kept(
    kept: int, system: ActiveSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(active_system, "_bids", lambda *_: ())
    assert len(study_day(system, replace(SMALL, kept=kept)).scenarios) == 4


def test_prices_are_scaled_each_by_its_own_factor() -> None:
    one = np.ones(2)
    prices = Prices(one, 2 * one, 3 * one, 4 * one, 5 * one)
    each: Any = SimpleNamespace(prices=prices)
    penalties: Any = SimpleNamespace(energy=one, reactive=2 * one, spinning=3 * one)
    day: Any = SimpleNamespace(scenarios=(each,), penalties=penalties)

    def changed(given: Any, **named: Any) -> Any:
        return SimpleNamespace(**vars(given) | named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(active_system, "replace", changed)
        found = scaled_prices(day, 2.0, 3.0, 5.0, 7.0)
    moved = found.scenarios[0].prices
    assert [getattr(moved, name)[0] for name in ("buy", "sell", "reactive", "spinning", "regulating")] == [
        2.0, 4.0, 21.0, 12.0, 25.0,
    ]  # fmt: skip
    after = found.penalties
    assert (after.energy[0], after.reactive[0], after.spinning[0]) == (2.0, 14.0, 9.0)
