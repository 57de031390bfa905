"""Wind, sun, failures and points of samples by hand: curves at their corners, and draws that are given."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.errors import InputError
from equilibrium.fleet.day import VehicleBatch
from scenarios.draws.outages import working_share
from scenarios.draws.sampling import Sample, draw_scenarios, forecast_scenario, sample_points
from scenarios.draws.vehicles import ClippedNormal, FleetSettings, TruncatedNormal, VehicleDraws, Weibull, as_fleet
from scenarios.draws.weather import DAY_FACTOR, PANEL, TURBINE, Panel, Turbine, Weather, scaled_profile
from scenarios.streams import Streams
from scenarios.time_axis import day_axis


class Draws:
    """A generator whose numbers are given."""

    def __init__(self, **given: list[Any]) -> None:
        self.given = {name: list(values) for name, values in given.items()}

    def __getattr__(self, name: str) -> Any:
        return lambda *_: self.given[name].pop(0)


def said(error: pytest.ExceptionInfo[InputError]) -> str:
    return str(error.value)


def test_the_curve_of_a_turbine() -> None:
    turbine = Turbine(200.0, 4.0, 14.0, 25.0)
    speeds = np.array([0.0, 4.0, 5.0, 9.0, 14.0, 20.0, 25.0, 25.001])
    assert turbine.power_kw(speeds).tolist() == pytest.approx([0.0, 0.0, 20.0, 100.0, 200.0, 200.0, 200.0, 0.0])
    assert (TURBINE.rated_kw, TURBINE.cut_in, TURBINE.rated, TURBINE.cut_out) == (1.0, 4.0, 14.0, 25.0)
    assert Turbine(1.0, 0.0, 10.0, 10.0).power_kw(np.array([10.0])).tolist() == [1.0]


@pytest.mark.parametrize("speeds", [(-0.1, 14.0, 25.0), (14.0, 14.0, 25.0), (4.0, 14.0, 13.9)])
def test_speeds_that_no_turbine_has(speeds: tuple[float, float, float]) -> None:
    with pytest.raises(InputError) as error:
        Turbine(1.0, *speeds)
    assert said(error) == (f"Turbine: cut_in, rated, cut_out: got {speeds}, expected 0 <= cut_in < rated <= cut_out")


def test_the_curve_of_a_panel() -> None:
    irradiance = np.array([-1.0, 0.0, 200.0, 800.0, 900.0])
    assert Panel(50.0, 800.0).power_kw(irradiance).tolist() == [0.0, 0.0, 12.5, 50.0, 50.0]
    assert (PANEL.rated_kw, PANEL.rated, Panel(2.0).rated) == (1.0, 1000.0, 1000.0)
    with pytest.raises(InputError) as error:
        Panel(1.0, 0.0)
    assert said(error) == "Panel: rated: got 0.0, expected an irradiance > 0"


@pytest.mark.parametrize(("drawn", "factor"), [(0.5, 1.125), (-4.0, 0.3), (4.0, 1.6)])
def test_a_day_has_one_factor_on_its_profile(drawn: float, factor: float) -> None:
    """Of a mean of 1 with a deviation of 0.25, put on 0.3 and 1.6."""
    assert (DAY_FACTOR.mean, DAY_FACTOR.sd, DAY_FACTOR.low, DAY_FACTOR.high) == (1.0, 0.25, 0.3, 1.6)
    rng: Any = Draws(standard_normal=[drawn, drawn])
    profile = np.array([0.0, 0.5, 0.8])
    assert scaled_profile(profile, DAY_FACTOR, rng).tolist() == pytest.approx([0.0, 0.5 * factor, 0.8 * factor])
    assert scaled_profile(profile, DAY_FACTOR, rng, 0.7).max() == pytest.approx(min(0.8 * factor, 0.7))


def test_weather_by_profiles_and_by_hours() -> None:
    """Wind is cut at its rating, the sun is not; hourly sun shines where its profile does."""
    plain = Weather((0.5, 0.9), (0.0, 0.8))
    wind, sun = plain.drawn(Draws(standard_normal=[2.0]), Draws(standard_normal=[2.0]))  # type: ignore[arg-type]
    assert (wind.tolist(), sun.tolist()) == (pytest.approx([0.75, 1.0]), pytest.approx([0.0, 1.2]))
    hourly = replace(plain, wind_speed=Weibull(2.0, 9.0), irradiance=Weibull(1.5, 500.0))
    drawn: tuple[Any, Any] = Draws(weibull=[np.array([1.0, 0.5])]), Draws(weibull=[np.array([1.0, 0.4])])
    wind, sun = hourly.drawn(*drawn)
    assert (wind.tolist(), sun.tolist()) == (pytest.approx([0.5, 0.05]), pytest.approx([0.0, 0.2]))
    by_name = plain.draw(Streams(5), 3)
    wanted = plain.drawn(Streams(5).generator("wind", 3), Streams(5).generator("pv", 3))
    assert [each.tolist() for each in by_name] == [each.tolist() for each in wanted]


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"pv_pu": (1.0, 1.0)}, "wind_pu, pv_pu: got (1, 2), expected as many values in both"),
        ({"wind_pu": (), "pv_pu": ()}, "wind_pu, pv_pu: got (0, 0), expected as many values in both"),
        ({"wind_speed": Weibull(1.0, 1.0)}, "wind_speed, irradiance: got 'one of the two', expected both or none"),
        ({"irradiance": Weibull(1.0, 1.0)}, "wind_speed, irradiance: got 'one of the two', expected both or none"),
    ],
)
def test_what_is_no_weather(given: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InputError) as error:
        Weather(**{"wind_pu": (1.0,), "pv_pu": (1.0,)} | given)
    assert said(error) == f"Weather: {complaint}"


@pytest.mark.parametrize(("shape", "scale"), [(0.0, 1.0), (1.0, 0.0)])
def test_what_is_no_weibull_law(shape: float, scale: float) -> None:
    with pytest.raises(InputError) as error:
        Weibull(shape, scale)
    assert said(error) == f"Weibull: shape, scale: got {(shape, scale)}, expected numbers > 0"


# Who is out of service


def out(failures: dict[int, list[tuple[float, float]]], index: int, repair_h: float = 10.0) -> list[float]:
    """The share of each hour of a day in which an element works, with the failures of each day given."""
    looked: list[int] = []

    def generator(name: str, day: int) -> Any:
        assert name == "outages unit"
        looked.append(day)
        own = failures.get(day, [])
        return Draws(poisson=[len(own)], uniform=[start for start, _ in own], exponential=[last for _, last in own])

    streams: Any = SimpleNamespace(generator=generator)
    found = working_share(streams, "unit", index, day_axis(), lambda _: 24.0, 3.0, repair_h)
    out.looked = looked  # type: ignore[attr-defined]
    return [round(share, 12) for share in found.tolist()]


def test_a_failure_takes_the_share_of_its_hours() -> None:
    day = out({0: [(2.25, 1.5)]}, 0)
    assert day == [1.0, 1.0, 0.25, 0.25, *[1.0] * 20]
    assert out({0: [(23.5, 100.0)]}, 0) == [*[1.0] * 23, 0.5]
    assert out({0: [(22.0, 4.5)]}, 1) == [0.0, 0.0, 0.5, *[1.0] * 21]
    assert out({0: [(0.0, 49.0)]}, 2) == [0.0, *[1.0] * 23]
    both = out({1: [(3.0, 1.0), (3.5, 1.0)]}, 1)
    assert both[:6] == [1.0, 1.0, 1.0, 0.0, 0.5, 1.0]  # at work for no less than nothing
    assert out({}, 1) == [1.0] * 24


def test_failures_long_ago_are_not_looked_for() -> None:
    """Forty times the mean repair of an hour, and 25 hours: 65 hours are two days and a part of the third."""
    out({}, 9, repair_h=1.0)
    assert out.looked == [9, 8, 7]  # type: ignore[attr-defined]
    none: Any = None
    assert working_share(none, "unit", 9, day_axis(), lambda _: 24.0, 0.0, 1.0).tolist() == [1.0] * 24


# Points of samples

FLEET = FleetSettings(
    battery_kwh=50.0,
    energy_min_share=0.1,
    energy_max_share=0.9,
    wish_share=0.8,
    charge_max_kw=10.0,
    discharge_max_kw=0.0,
    arrival_h=TruncatedNormal(2.0, 1.0, 1.0, 3.0),
    departure_h=TruncatedNormal(4.0, 1.0, 3.0, 4.0),
    arrival_share=TruncatedNormal(0.4, 0.1, 0.2, 0.6),
)


def sample(arrival: list[int], departure: list[int], energy: list[float], count: list[float]) -> Sample:
    whole = np.array(arrival, dtype=np.int64), np.array(departure, dtype=np.int64)
    stays = VehicleDraws(*whole, np.array(energy), np.array(count))
    return Sample(0.5, np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.5, 0.6, 0.7, 0.8]), stays)


def test_what_a_market_sees_of_a_sample() -> None:
    """Of four vehicles, three stay from hour 1 to 3 and lack 30 kWh each, one from 0 to 4 and lacks 10."""
    (point,) = sample_points([sample([1, 0], [3, 4], [10.0, 30.0], [3.0, 1.0])], FLEET)
    assert point.tolist() == pytest.approx(
        [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.25, 1.0, 1.0, 0.25, (3 * 30.0 + 10.0) / 10.0 / 4]
    )
    nobody, half = sample_points([sample([], [], [], []), sample([0], [1], [40.0], [0.5])], FLEET)
    assert nobody.tolist()[8:] == [0.0] * 5
    assert half.tolist()[8:] == [0.5, 0.0, 0.0, 0.0, 0.0]


def test_a_forecast_has_profiles_at_most_of_the_rating() -> None:
    weather = Weather((0.5, 1.5, 0.0, 0.0), (0.0, 1.2, 0.0, 0.0))
    found = forecast_scenario(weather, FLEET, 2)
    assert (found.probability, found.wind_pu.tolist(), found.pv_pu.tolist()) == (1.0, [0.5, 1.0, 0, 0], [0, 1.2, 0, 0])
    assert found.stays.count.tolist() == [1.0, 1.0]


def test_samples_that_are_all_kept_are_those_that_were_drawn() -> None:
    weather = Weather((0.5, 0.4, 0.3, 0.2), (0.0, 0.8, 0.5, 0.0))
    kept = draw_scenarios(weather, FLEET, 2, scenarios=3, samples=3, seed=7)
    assert [each.probability for each in kept] == pytest.approx([1 / 3] * 3)
    assert sorted(each.wind_pu[0] for each in kept) == sorted(weather.draw(Streams(7), k)[0][0] for k in range(3))
    for scenarios in (0, 4):
        with pytest.raises(InputError) as error:
            draw_scenarios(weather, FLEET, 2, scenarios=scenarios, samples=3, seed=7)
        assert said(error) == (f"draw_scenarios: scenarios: got {scenarios}, expected 1 to 3, the number of samples")


def test_a_clipped_normal_without_spread_is_its_mean() -> None:
    rng: Any = Draws(standard_normal=[3.0])
    assert ClippedNormal(0.5, 0.0, 0.5, 0.5).draw(rng) == 0.5


# Vehicles of markets that only charge


def batch(**changes: Any) -> VehicleBatch:
    given: dict[str, Any] = {
        "names": ("a", "b"),
        "arrival": np.array([0, 2]),
        "departure": np.array([2, 3]),
        "energy_kwh": np.array([10.0, 5.0]),
        "wish_kwh": np.array([10.0, 20.0]),
        "energy_min_kwh": np.array([1.0, 1.0]),
        "energy_max_kwh": np.array([40.0, 30.0]),
        "charge_max_kw": np.array([7.0, 11.0]),
        "discharge_max_kw": np.zeros(2),
        "count": np.array([1.0, 2.0]),
    }
    return VehicleBatch(**given | changes)


def test_a_row_that_stands_for_several_becomes_so_many() -> None:
    fleet = as_fleet(batch(), 4)
    assert fleet.power_kw.tolist() == [[7.0, 7.0, 0.0, 0.0], *[[0.0, 0.0, 11.0, 0.0]] * 2]
    assert (fleet.energy_kwh.tolist(), fleet.need_kwh.tolist()) == ([10.0, 5.0, 5.0], [0.0, 15.0, 15.0])
    assert fleet.battery_kwh.tolist() == [40.0, 30.0, 30.0]
    assert (fleet.arrival_hour.tolist(), fleet.departure_hour.tolist()) == ([0, 2, 2], [2, 3, 3])


@pytest.mark.parametrize(
    ("changes", "period_h", "complaint"),
    [
        ({}, 0.5, "period_h: got 0.5, expected 1 h"),
        ({"count": np.array([1.0, 1.5])}, 1.0, "count: got [1.0, 1.5], expected whole numbers of vehicles"),
        (
            {"wish_kwh": np.array([9.0, 3.0])},
            1.0,
            "wish_kwh of b: got 3.0, expected at least the 5 kWh at arrival",
        ),
    ],
)
def test_vehicles_of_which_no_such_fleet_is_made(changes: dict[str, Any], period_h: float, complaint: str) -> None:
    with pytest.raises(InputError) as error:
        as_fleet(batch(**changes), 4, period_h)
    assert said(error) == f"as_fleet: {complaint}"
