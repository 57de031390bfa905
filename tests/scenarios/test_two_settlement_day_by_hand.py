"""A day of two settlements from numbers that are told: errors, calls, outages, demand, vehicles, and who bids."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.markets.two_settlement.system import Prices
from scenarios.markets.two_settlement import case as module
from scenarios.markets.two_settlement.case import TwoSettlementCase
from scenarios.time_axis import day_axis

HOURS, HALVES = day_axis(None, None, 60), day_axis(None, None, 30)
HOUR = np.repeat(np.arange(24), 2)


class Fixed:
    """Stands for a generator: its numbers are told."""

    def __init__(self, number: float) -> None:
        self.number = number

    def standard_normal(self) -> float:
        return self.number

    def random(self, size: int) -> Any:
        return self.number + np.arange(size) / 100.0


def streams(**numbers: float) -> Any:
    """Streams by name, spaces as underlines; all are asked for day 3."""

    def generator(name: str, index: int) -> Fixed:
        assert index == 3
        return Fixed(numbers[name.replace(" ", "_")])

    return SimpleNamespace(generator=generator)


def test_a_day_in_hours_and_in_halves_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def fading(rng: Fixed, size: int, sigma: float, persistence: float) -> Any:
        asked.append((rng.number, size, sigma, persistence))
        return np.full(size, rng.number * sigma)

    def factor(of: Any, index: int, axis: Any, buses: int, **sigmas: float) -> Any:
        asked.append((of, index, axis, buses, sigmas))
        return np.tile([1.0, 2.0], (axis.size, 1))

    def potentials(units: Any, expected: Any, of: Any, index: int, axis: Any) -> Any:
        asked.append((len(units), of, index, axis))
        return np.array(expected) * 4.0

    for name, stand_in in (("fading_errors", fading), ("load_factor", factor), ("potentials", potentials)):
        monkeypatch.setattr(module, name, stand_in)
    units = [SimpleNamespace(rated_kw=10.0, kind="wind"), SimpleNamespace(rated_kw=90.0, kind="pv")]
    price = np.linspace(0.1, 0.33, 24)
    told = streams(load_error=-4.0, pv_error=0.5, wind_error=-1.5, price_error=2.0)
    own: Any = SimpleNamespace(
        check_day=lambda index: asked.append(index),
        axis=lambda _: HOURS,
        quarters=lambda _: HALVES,
        date=lambda _: None,
        start_h=lambda index: 24.0 * index,
        prices=SimpleNamespace(of_day=lambda *_: price),
        file=SimpleNamespace(
            real_time=SimpleNamespace(load_sigma=0.125, supply_sigma=0.5, price_sigma=0.25, persistence=0.75),
            loads=SimpleNamespace(day_sigma=0.3, hour_sigma=0.2),
            renewables=units,
        ),
        system=SimpleNamespace(grid=SimpleNamespace(size=2)),
        base_load_kw=np.tile([100.0, 50.0], (24, 1)) * np.arange(1, 25)[:, None],
        base_load_kvar=np.tile([10.0, 5.0], (24, 1)),
        base_renewable_kw=np.tile([3.0, 20.0], (24, 1)),
        _calls=lambda *_: np.arange(24.0),
        _events=lambda *_: ("events",),
        _demand_factor=lambda *_: "demand",
        _vehicles=lambda *_: ("vehicles",),
    )
    day: Any = TwoSettlementCase.day(own, 3, told)
    assert (day.index, day.date, day.start_h) == (3, None, 72.0)
    assert day.hour.tolist() == HOUR.tolist()
    assert day.price.tolist() == price.tolist()
    assert day.real_time_price == pytest.approx(np.repeat(price, 2) * 1.5)
    assert day.usual_kw[:, 1] == pytest.approx(50.0 * np.arange(1, 25))
    assert day.usual_kvar[0].tolist() == [10.0, 5.0]
    assert day.load_kw[:, 0] == pytest.approx(np.repeat(50.0 * np.arange(1, 25), 2))  # half the load is in error
    assert day.load_kw[:, 1] == pytest.approx(np.repeat(50.0 * np.arange(1, 25), 2))
    assert day.load_kvar[5].tolist() == pytest.approx([5.0, 5.0])
    assert day.expected_kw[0].tolist() == [3.0, 20.0]
    assert day.available_kw[0].tolist() == pytest.approx([3.0, 90.0])  # 12 kW less three quarters; 100 kW of 90
    assert day.called_share.tolist() == HOUR.tolist()
    assert (day.events, day.demand_factor, day.vehicles) == (("events",), "demand", ("vehicles",))
    assert asked == [
        3,
        (told, 3, HALVES, 2, {"day_sigma": 0.3, "hour_sigma": 0.2}),
        (-4.0, 48, 0.125, 0.75),
        (2, told, 3, HALVES),
        (0.5, 48, 0.5, 0.75),
        (-1.5, 48, 0.5, 0.75),
        (2.0, 48, 0.25, 0.75),
    ]


def test_no_error_takes_more_than_the_whole_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "fading_errors", lambda *_: np.array([-1.5, *[0.0] * 47]))
    monkeypatch.setattr(module, "load_factor", lambda *_, **__: np.ones((48, 1)))
    monkeypatch.setattr(module, "potentials", lambda *_: np.zeros((48, 0)))
    given: Any = {name: lambda *_: "" for name in ("date", "start_h", "check_day", "_events", "_demand_factor")}
    own: Any = SimpleNamespace(
        **given,
        axis=lambda _: HOURS,
        quarters=lambda _: HALVES,
        prices=SimpleNamespace(of_day=lambda *_: np.ones(24)),
        file=SimpleNamespace(
            real_time=SimpleNamespace(load_sigma=1.0, supply_sigma=1.0, price_sigma=1.0, persistence=0.0),
            loads=SimpleNamespace(day_sigma=0.0, hour_sigma=0.0),
            renewables=[],
        ),
        system=SimpleNamespace(grid=SimpleNamespace(size=1)),
        base_load_kw=np.ones((24, 1)),
        base_load_kvar=np.ones((24, 1)),
        base_renewable_kw=np.zeros((24, 0)),
        _calls=lambda *_: np.zeros(24),
        _vehicles=lambda *_: (),
    )
    day = TwoSettlementCase.day(own, 3, streams(load_error=0, pv_error=0, wind_error=0, price_error=0))
    assert day.load_kw[:3, 0].tolist() == [0.0, 1.0, 1.0]
    assert day.available_kw.shape == (48, 0)


def test_reserve_is_called_where_what_is_drawn_is_less_than_the_probability() -> None:
    own: Any = SimpleNamespace(file=SimpleNamespace(wholesale=SimpleNamespace(call_probability=0.0625)))
    found = TwoSettlementCase._calls(own, 3, streams(calls=0.03125), HOURS)
    assert found.tolist() == [1.0] * 4 + [0.0] * 20
    own.file.wholesale.call_probability = 0.0
    assert not TwoSettlementCase._calls(own, 3, streams(calls=0.0), HOURS).any()


@pytest.mark.parametrize(
    ("start", "hours", "first", "last"),
    [
        (0.0, 0.25, 0, 0),
        (1.0, 0.5, 2, 2),
        (1.1, 0.4, 2, 2),
        (1.1, 0.41, 2, 3),
        (0.9, 0.2, 1, 2),
        (23.75, 9.0, 47, 47),
        (20.0, 9.0, 40, 47),
        (5.0, 0.0, 10, 10),
    ],
)
def test_periods_in_which_something_is_out(
    monkeypatch: pytest.MonkeyPatch, start: float, hours: float, first: int, last: int
) -> None:
    def failures(of: Any, index: int, rate: Any, repair_h: float, *, hours: float) -> Any:
        assert (of, index, rate.tolist(), repair_h, hours) == ("streams", 3, [2.0, 2.0], 5.0, 24.0)
        return [failure]

    failure = SimpleNamespace(start=start, hours=hours, element=1)
    monkeypatch.setattr(module, "draw_failures", failures)
    section = SimpleNamespace(failures_per_year=2.0, repair_h=5.0)
    own: Any = SimpleNamespace(file=SimpleNamespace(outages=section), outages=("a", "b"))
    given: Any = "streams"
    (event,) = TwoSettlementCase._events(own, 3, given, HALVES)
    found: Any = vars(event)
    assert list(found.values()) == ["b", first, last]
    section.failures_per_year = 0.0
    assert TwoSettlementCase._events(own, 3, given, HALVES) == ()
    section.failures_per_year, own.outages = 2.0, ()
    assert TwoSettlementCase._events(own, 3, given, HALVES) == ()


def test_demand_and_attendance_of_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    sections = [SimpleNamespace(name="a", day_sigma=0.5), SimpleNamespace(name="b", day_sigma=0.25)]
    own: Any = SimpleNamespace(file=SimpleNamespace(demand_aggregators=sections), fleet=None)
    told = streams(demand_a=2.0, demand_b=-2.0, vehicles_west=1.0, vehicles_east=-1.0)
    assert TwoSettlementCase._demand_factor(own, 3, told) == pytest.approx(np.exp([1.0, -0.5]))
    assert TwoSettlementCase._vehicles(own, 3, told, HOURS) == ()
    drawn: list[Any] = []
    monkeypatch.setattr(module, "draw_vehicles", lambda *given: drawn.append(given) or len(drawn))  # type: ignore[func-returns-value]
    monkeypatch.setattr(module, "on_axis", lambda made, axis: (made, axis))
    own.fleet = "fleet"
    own.file.lots = [
        SimpleNamespace(name="west", vehicles=100, attendance_sigma=0.5),
        SimpleNamespace(name="east", vehicles=10, attendance_sigma=0.2),
    ]
    made: Any = TwoSettlementCase._vehicles(own, 3, told, HOURS)
    assert made == ((1, HOURS), (2, HOURS))
    assert [(*each[:3], each[4]) for each in drawn] == [("fleet", 165, 24, "3-west"), ("fleet", 8, 24, "3-east")]


def test_an_aggregator_of_demand_in_its_own_units() -> None:
    section = SimpleNamespace(
        name="a", bus="b2", demand_kw=[10.0] * 24, movable_share=0.3, generator_kw=[5.0] * 24,
        generator_cost_per_mwh=60.0, cut_cost_per_mwh=200.0, ready_cost_per_mwh=7.0,
    )  # fmt: skip
    file = SimpleNamespace(demand_aggregators=[None, section], offers=SimpleNamespace(reactive_per_kw=0.4))
    own: Any = SimpleNamespace(file=file, system=SimpleNamespace(grid=SimpleNamespace(buses=("b1", "b2"))))
    zone = TwoSettlementCase.demand_zone(own, 1, HALVES, 1.5)
    assert (zone.name, zone.bus, zone.movable, zone.reactive_share) == ("a", 1, 0.3, 0.4)
    assert (zone.demand_kw.tolist(), zone.generator_kw.tolist()) == ([15.0] * 48, [5.0] * 48)
    costs = (zone.generator_cost_per_kwh, zone.cut_cost_per_kwh, zone.ready_cost_per_kw_h)
    assert costs == pytest.approx((0.06, 0.2, 0.007))
    assert TwoSettlementCase.demand_zone(own, 1, HALVES).demand_kw.tolist() == [10.0] * 48


@pytest.mark.parametrize("limit", [None, 25.0])
def test_an_aggregator_of_a_lot(monkeypatch: pytest.MonkeyPatch, limit: float | None) -> None:
    def met(vehicles: str, site: str, charge: Any, give: Any, length: Any, *, best_effort: bool) -> Any:
        assert (vehicles, site, best_effort) == ("vehicles", "site", True)
        assert charge.tolist() == give.tolist() == [True] * 48
        assert length.tolist() == [0.5] * 48
        return "met", None

    monkeypatch.setattr(module, "meet_wishes", met)
    section = SimpleNamespace(wear_per_mwh=40.0, spinning_max_kw=limit, regulating_max_kw=limit)
    file = SimpleNamespace(lots=[section], offers=SimpleNamespace(reactive_per_kw=0.4))
    own: Any = SimpleNamespace(file=file, sites=("site",))
    given: Any = "vehicles"
    zone: Any = TwoSettlementCase.lot_zone(own, 0, given, HALVES)
    assert (zone.site, zone.vehicles, zone.wear_per_kwh, zone.reactive_share) == ("site", "met", 0.04, 0.4)
    assert (zone.spinning_max_kw, zone.regulating_max_kw) == (limit or np.inf,) * 2


def test_prices_of_all_products_and_what_deviations_cost() -> None:
    wholesale = SimpleNamespace(
        sell_share=0.9, reactive_share=0.25, spinning_share=0.5, spinning_adder_per_mwh=10.0,
        regulating_share=0.75, regulating_adder_per_mwh=20.0,
    )  # fmt: skip
    penalties = SimpleNamespace(energy_share=0.2, reactive_share=0.5, spinning_share=3.0, output_per_mwh=70.0)
    own: Any = SimpleNamespace(file=SimpleNamespace(wholesale=wholesale, penalties=penalties))
    prices = TwoSettlementCase.prices_of(own, np.array([0.2, -0.4]))
    assert prices.sell.tolist() == pytest.approx([0.18, -0.44])
    assert prices.reactive.tolist() == pytest.approx([0.05, 0.1])
    assert prices.spinning.tolist() == pytest.approx([0.11, 0.01])
    assert prices.regulating.tolist() == pytest.approx([0.17, 0.02])
    one = np.array([2.0, 4.0])
    fines = TwoSettlementCase.penalties_of(own, Prices(np.array([0.2, -0.4]), one, one, 3 * one, one))
    assert fines.energy.tolist() == pytest.approx([0.04, 0.08])
    assert fines.reactive.tolist() == pytest.approx([1.0, 2.0])
    assert fines.spinning.tolist() == pytest.approx([18.0, 36.0])
    assert fines.output.tolist() == pytest.approx([0.07, 0.07])


def test_errors_that_a_newcomer_expects() -> None:
    own: Any = SimpleNamespace(
        base_load_kw=np.tile([200.0, 100.0], (24, 1)),
        base_renewable_kw=np.tile([150.0, 50.0], (24, 1)),
        file=SimpleNamespace(real_time=SimpleNamespace(load_sigma=0.01, supply_sigma=0.02)),
    )
    assert TwoSettlementCase.typical_errors(own).tolist() == pytest.approx([5.0] * 24)


def test_the_market_counts_its_budgets_in_periods() -> None:
    rules = SimpleNamespace(aim="profit", gamma=2.0, load_gamma=3.0, gap=1e-4, node_limit=50, points=7)
    own: Any = SimpleNamespace(
        file=SimpleNamespace(market=rules, time=SimpleNamespace(step_minutes=15)),
        system=SimpleNamespace(outages=()),
        refuse=lambda key, found, expected: ValueError(f"{key}: {found}, not {expected}"),
    )
    made: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "DayAheadMarket", lambda system, options, solver: made.append((system, options, solver)))
        TwoSettlementCase.market(own, solver="highs")
        TwoSettlementCase.market(own, on_infeasible="shed", node_limit=9)
    (system, options, solver), (_, other, _) = made
    assert (system is own.system, solver) == (True, "highs")
    assert (options.aim, options.gamma, options.load_gamma) == ("profit", 8.0, 12.0)
    assert (options.gap, options.node_limit, options.points, other.node_limit) == (1e-4, 50, 7, 9)
    with pytest.raises(ValueError, match="on_infeasible: stop, not shed"):
        TwoSettlementCase.market(own, on_infeasible="stop")
    with pytest.raises(ValueError, match="certify: full, not standard"):
        TwoSettlementCase.market(own, certify="full")
