"""Draws of loads, wind, sun and outages in a charging scenario: moments, independence, keys that cannot be used."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from scipy.integrate import trapezoid
from scipy.special import gamma

from equilibrium.errors import InputError
from scenarios.draws.loads import load_factor
from scenarios.draws.outages import outage_probability, working_share
from scenarios.loading import load_scenario
from scenarios.streams import Streams
from scenarios.time_axis import day_axis
from tests.scenarios.conftest import scenario_data

AXIS = day_axis()
DAYS = 400


def test_factors_of_loads_are_normal_about_one() -> None:
    drawn = np.array([load_factor(Streams(1), k, AXIS, 3, day_sigma=0.0, hour_sigma=0.2) for k in range(DAYS)])
    assert drawn.shape == (DAYS, 24, 3)
    assert drawn.mean() == pytest.approx(1.0, abs=4 * 0.2 / np.sqrt(drawn.size))
    assert drawn.std() == pytest.approx(0.2, rel=0.02)
    columns = drawn.reshape(DAYS, -1)
    joint = np.corrcoef(columns.T) - np.eye(columns.shape[1])
    assert np.abs(joint).max() < 6.0 / np.sqrt(DAYS)
    assert np.quantile(drawn, [0.1587, 0.8413]) == pytest.approx([0.8, 1.2], abs=0.01)


def test_the_day_moves_all_loads_and_more_buses_change_none() -> None:
    factor = partial(load_factor, Streams(2), 4, AXIS)
    few, more = (factor(buses, day_sigma=0.3, hour_sigma=0.2) for buses in (2, 5))
    np.testing.assert_array_equal(more[:, :2], few)
    alone = factor(2, day_sigma=0.3, hour_sigma=0.0)
    assert np.ptp(alone) == 0.0
    np.testing.assert_allclose(few, alone[0, 0] * factor(2, day_sigma=0.0, hour_sigma=0.2))
    assert factor(1, day_sigma=0.0, hour_sigma=1.0).min() > 0.0


def test_quarters_of_an_hour_share_its_factor() -> None:
    quarters = load_factor(Streams(2), 0, day_axis(step_minutes=15), 2, day_sigma=0.0, hour_sigma=0.2)
    hours = load_factor(Streams(2), 0, AXIS, 2, day_sigma=0.0, hour_sigma=0.2)
    np.testing.assert_array_equal(quarters, np.repeat(hours, 4, axis=0))


@pytest.mark.parametrize(
    ("name", "key"), [("week-33", "load_kw"), ("disco-33", "base_kw"), ("aggregator-37", "load_kw")]
)
def test_every_market_takes_loads_of_each_hour(name: str, key: str) -> None:
    plain, drawn = (load_scenario(name, {"loads": {"hour_sigma": sigma, "day_sigma": 0.1}}) for sigma in (0.0, 0.2))
    one, other = (getattr(case.day(3, Streams(1)), key) for case in (plain, drawn))
    ratio = (other / np.where(one > 0.0, one, np.nan)).ravel()
    ratio = ratio[np.isfinite(ratio)]
    assert ratio.std() == pytest.approx(0.2, abs=0.1)
    assert ratio.mean() == pytest.approx(1.0, abs=0.15)


def units(path: Path, renewables: list[dict[str, Any]], **turbine: Any) -> Any:
    data = scenario_data()
    data["microturbines"][0] |= turbine
    path.write_text(yaml.safe_dump(data | {"renewables": renewables}))
    return load_scenario(str(path))


WIND = {"name": "wind", "bus": "b", "rated_kw": 50, "kind": "wind"}
SUN = {"name": "sun", "bus": "c", "rated_kw": 80, "kind": "pv"}


def test_wind_and_sun_follow_their_weibull_laws(case: Path) -> None:
    """The mean of a clipped straight line of a Weibull variable, by its distribution function."""
    wind = {**WIND, "wind_speed_m_per_s": {"shape": 2.0, "scale": 8.0}}
    sun = {**SUN, "irradiance_w_per_m2": {"shape": 1.8, "scale": 500.0}}
    built = units(case, [wind, sun, {**wind, "name": "second", "rated_kw": 100}])
    drawn = np.array([built.day(k, Streams(3)).renewable_kw for k in range(DAYS)])
    speed = np.linspace(0.0, 60.0, 600_001)
    density = np.gradient(-np.exp(-((speed / 8.0) ** 2)), speed)
    curve = np.where(speed > 25.0, 0.0, np.clip((speed - 4.0) / 10.0, 0.0, 1.0))
    assert drawn[:, :, 0].mean() == pytest.approx(50.0 * trapezoid(curve * density, speed), rel=0.04)
    np.testing.assert_allclose(drawn[:, :, 2], 2.0 * drawn[:, :, 0])
    light = built.base_renewable_kw[:, 1] > 0.0
    assert (drawn[:, ~light, 1] == 0.0).all()
    bright = 0.5 * gamma(1.0 + 1.0 / 1.8)  # of the rating, but for what is above it
    assert 0.93 * bright < drawn[:, light, 1].mean() / 80.0 < bright
    assert abs(np.corrcoef(drawn[:, light, 0].ravel(), drawn[:, light, 1].ravel())[0, 1]) < 0.06


def test_hourly_weather_leaves_the_other_draws_alone(case: Path) -> None:
    plain, drawn = units(case, [WIND]), units(case, [{**WIND, "wind_speed_m_per_s": {"shape": 2.0, "scale": 8.0}}])
    for index in range(3):
        one, other = plain.day(index, Streams(5)), drawn.day(index, Streams(5))
        assert one.sessions == other.sessions
        np.testing.assert_array_equal(one.load_kw, other.load_kw)
        assert not np.allclose(one.renewable_kw, other.renewable_kw)


def test_units_are_out_as_long_as_their_rates_say() -> None:
    rate, repair = 100.0, 12.0
    works = [working_share(Streams(4), "mt", k, AXIS, lambda _: 24.0, rate, repair) for k in range(4 * DAYS)]
    out = 1.0 - float(np.mean(works))
    assert out == pytest.approx(float(outage_probability(rate, repair)[0]), rel=0.15)
    assert np.unique(works).size > 2  # a failure begins within an hour


def test_a_failure_lasts_into_the_next_day() -> None:
    """One long failure: once out, always out."""
    works = np.array([working_share(Streams(0), "x", k, AXIS, lambda _: 24.0, 50.0, 1e6) for k in range(60)]).ravel()
    first = int(np.flatnonzero(works < 1.0)[0])
    assert 0 < first < works.size - 48
    assert (works[first + 1 :] == 0.0).all()
    assert (works[:first] == 1.0).all()


def test_outages_of_a_scenario(case: Path) -> None:
    failing = units(case, [{**SUN, "failures_per_year": 200.0}], failures_per_year=200.0, repair_h=6.0)
    whole = units(case, [SUN])
    days = [(failing.day(k, Streams(1)), whole.day(k, Streams(1))) for k in range(40)]
    available = [bool(day.microturbine_available[0]) for day, _ in days]
    assert 5 < sum(available) < 35
    shares = np.array([day.renewable_kw.sum() / other.renewable_kw.sum() for day, other in days])
    assert 0.0 <= shares.min() < 0.5
    assert shares.max() == 1.0
    for day, other in days:
        np.testing.assert_array_equal(day.load_kw, other.load_kw)
        assert day.sessions == other.sessions


@pytest.mark.parametrize(
    ("unit", "told"),
    [
        ({**WIND, "irradiance_w_per_m2": {"shape": 2, "scale": 500}}, "kind: pv beside it"),
        ({**SUN, "wind_speed_m_per_s": {"shape": 2, "scale": 8}}, "kind: wind beside it"),
        ({**WIND, "day_sigma": 0.2, "wind_speed_m_per_s": {"shape": 2, "scale": 8}}, "0 beside wind_speed_m_per_s"),
        ({**WIND, "failures_per_year": -1}, "failures_per_year: got -1"),
        ({**WIND, "repair_h": 0}, "repair_h: got 0"),
    ],
)
def test_units_that_cannot_be_drawn_are_refused(case: Path, unit: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        units(case, [unit])


def test_a_vine_is_for_fitted_sessions(case: Path) -> None:
    data = scenario_data()
    case.write_text(yaml.safe_dump(data | {"drivers": {**data["drivers"], "copula": "vine"}}))
    with pytest.raises(InputError, match="source: fitted beside it"):
        load_scenario(str(case))
