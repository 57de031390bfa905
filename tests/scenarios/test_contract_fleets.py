"""Single vehicles of a lot whose arrivals are counted, and the parts of an hour's traffic, by hand."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.markets.aggregator.day import Contracts
from scenarios.draws.arrivals import Stays, classes_of, still_parked
from scenarios.markets.aggregator.case import hour_parts, lot_vehicles
from scenarios.markets.aggregator.fleet import lot_fleet
from scenarios.markets.two_settlement import forecast
from scenarios.time_axis import day_axis

HOURS, HALVES = day_axis(None, None, 60), day_axis(None, None, 30)
# shares of both classes of stay that take fix1, flex1, fix2 and flex2, and what they leave with
SHARE = np.array([[0.5, 0.0], [0.25, 0.0], [0.25, 0.5], [0.0, 0.5]])
SOC = np.array([[0.8, 0.81], [0.6, 0.61], [0.9, 0.91], [0.5, 0.51]])


def section(**changes: Any) -> Any:
    given = {"name": "lot", "battery_kwh": 40.0, "charger_kw": 10.0, "energy_min_share": 0.2, "energy_max_share": 0.9}
    arrivals = SimpleNamespace(stay_shares=(0.0, 0.0, 1.0), energy_share=0.3)
    contracts = SimpleNamespace(classes_h=(1, 3))
    return SimpleNamespace(**given | {"arrivals": arrivals, "contracts": contracts} | changes)


def stays(**counts: float) -> Stays:
    """Vehicles by hour of arrival and hours of stay, named h8_2 for two hours from 8 on."""
    found = np.zeros((24, 3))
    for name, count in counts.items():
        hour, stay = name.removeprefix("h").split("_")
        found[int(hour), int(stay) - 1] = count
    return Stays(found)


def fleet(given: Stays, axis: Any = HOURS, **changes: Any) -> Any:
    return lot_fleet(section(**changes), Contracts(SHARE, SOC), given, axis)


def test_a_row_for_every_contract_of_an_hour_s_vehicles() -> None:
    """Four stay an hour (the first class), two stay three hours until the end of the day (the second)."""
    found = fleet(stays(h8_1=4.0, h21_3=2.0))
    batch = found.batch
    assert batch.names == tuple(f"lot {k}" for k in range(5))
    assert (batch.arrival.tolist(), batch.departure.tolist()) == ([8, 8, 8, 21, 21], [9, 9, 9, 24, 24])
    assert batch.count.tolist() == [2.0, 1.0, 1.0, 1.0, 1.0]
    assert batch.energy_kwh.tolist() == pytest.approx([12.0] * 5)
    assert batch.wish_kwh.tolist() == pytest.approx([32.0, 24.0, 36.0, 36.4, 20.4])
    assert batch.energy_min_kwh.tolist() == pytest.approx([0.0, 0.0, 8.0, 8.0, 8.0])
    assert batch.energy_max_kwh.tolist() == pytest.approx([36.0] * 5)
    assert batch.charge_max_kw.tolist() == [10.0] * 5
    assert batch.discharge_max_kw.tolist() == [0.0, 0.0, 10.0, 10.0, 10.0]
    category, leaves = (value for name, value in vars(found).items() if name != "batch")
    assert category.tolist() == [0, 1, 2, 2, 3]
    assert leaves.tolist() == [True, True, True, False, False]


def test_the_band_holds_what_a_vehicle_brings() -> None:
    full = SimpleNamespace(stay_shares=(0.0, 0.0, 1.0), energy_share=0.95)
    assert fleet(stays(h8_1=4.0), arrivals=full).batch.energy_max_kwh.tolist() == pytest.approx([38.0] * 3)
    low = SimpleNamespace(stay_shares=(0.0, 0.0, 1.0), energy_share=0.1)
    assert fleet(stays(h8_1=4.0), arrivals=low).batch.energy_min_kwh.tolist() == pytest.approx([0.0, 0.0, 4.0])
    assert fleet(stays()).batch.size == 0


def test_who_comes_first_in_an_hour_leaves_first() -> None:
    """On half hours: halves of the vehicles come at 8:00 and 8:30, and leave at 9:00 and 9:30."""
    batch = fleet(stays(h8_1=4.0), HALVES).batch
    assert batch.arrival.tolist() == [16, 16, 16, 17, 17, 17]
    assert batch.departure.tolist() == [18, 18, 18, 19, 19, 19]
    assert batch.count.tolist() == [1.0, 0.5, 0.5] * 2
    late = fleet(stays(h23_1=4.0), HALVES).batch
    assert (late.arrival.tolist(), late.departure.tolist()) == ([46, 46, 46, 47, 47, 47], [48] * 6)


def test_who_comes_and_goes_in_one_period_is_not_there() -> None:
    """On the day on which the clock skips hour 2, who comes in it comes with hour 3, when who stays an hour leaves."""
    spring = day_axis(dt.date(2024, 3, 31), "Europe/Madrid", 60)
    assert fleet(stays(h2_1=4.0), spring).batch.size == 0
    two = fleet(stays(h2_2=4.0), spring).batch
    assert (set(two.arrival.tolist()), set(two.departure.tolist())) == ({2}, {3})


def test_parts_of_an_hour_s_traffic() -> None:
    assert hour_parts(HOURS).tolist() == np.eye(24).tolist()
    halves = hour_parts(HALVES)
    assert halves[:4, :3].tolist() == [[0.5, 0.0, 0.0], [0.5, 0.0, 0.0], [0.0, 0.5, 0.0], [0.0, 0.5, 0.0]]
    spring, autumn = (day_axis(day, "Europe/Madrid", 60) for day in (dt.date(2024, 3, 31), dt.date(2024, 10, 27)))
    assert hour_parts(spring)[:, 1:4].T.tolist() == [[float(t == k) for t in range(23)] for k in (1, 2, 2)]
    twice = hour_parts(autumn)
    assert twice[:, 2].tolist() == [0.5 if t in (2, 3) else 0.0 for t in range(25)]
    skipped: Any = SimpleNamespace(clock_hour=np.arange(23), length_h=np.ones(23), size=23)
    assert hour_parts(skipped)[:, 23].tolist() == [0.0] * 22 + [1.0]  # after the last hour its traffic has no later one


def test_vehicles_by_class_and_contract() -> None:
    """Two scenarios: four that stay an hour from 8 on; three that stay two hours from 9 on."""
    found = lot_vehicles(section(), SHARE, [stays(h8_1=4.0), stays(h9_2=3.0)], HOURS)
    for values, place in ((found.arriving, (0, 8, 0)), (found.departing, (0, 9, 0))):
        assert values[place] == 4.0
        assert values[0].sum() == 4.0
    assert [found.arriving[1, 9, 1], found.departing[1, 11, 1], found.parked[1, 9, 1], found.parked[1, 10, 1]] == [
        3.0
    ] * 4
    assert (found.parked[0].sum(), found.parked[1].sum()) == (4.0, 6.0)
    # 12 kWh each, by contract
    assert found.arrival_kwh[0, 8].tolist() == pytest.approx([24.0, 12.0, 12.0, 0.0])
    assert found.brought_kwh[1, 11].tolist() == pytest.approx([0.0, 0.0, 18.0, 18.0])
    assert found.arrival_kwh[0].sum() == pytest.approx(48.0)


def test_stays_by_arrival_and_leaving() -> None:
    given = stays(h8_1=4.0, h8_2=1.0, h22_3=2.0, h23_1=5.0)
    assert (given.arriving[8], given.arriving[22], given.arriving[23], given.arriving.sum()) == (5.0, 2.0, 5.0, 12.0)
    assert (given.departing[9], given.departing[10], given.departing.sum()) == (4.0, 1.0, 5.0)
    assert [given.parked[t] for t in (7, 8, 9, 10, 22, 23)] == [0.0, 5.0, 1.0, 0.0, 2.0, 7.0]
    assert given.leaving(2.0)[9, 0] == 8.0
    assert given.leaving(np.arange(24.0))[10, 1] == 8.0
    assert still_parked(np.array([2.0, 1.0]), np.array([0.0, 3.0])).tolist() == [2.0, 0.0]
    assert classes_of(4, (1, 3, 4)).tolist() == [0, 1, 1, 2]


def test_prices_without_a_model_are_drawn_about_what_is_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    noise = np.array([[1.0, 1.5], [0.5, 2.0]])
    monkeypatch.setattr(forecast, "_noise", lambda *given: asked.append(given) or noise)
    file: Any = SimpleNamespace(real_time=SimpleNamespace(price_sigma=0.15))
    found = forecast._price_draws(file, None, "day", "streams", np.array([0.2, 0.4]))  # type: ignore[arg-type]
    assert found == pytest.approx(np.array([[0.2, 0.6], [0.1, 0.8]]))
    assert asked == [(file, "day", "streams", "price", (0.15, 0.0))]
