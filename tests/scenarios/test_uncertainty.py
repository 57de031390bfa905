"""Draws of vehicles, wind and sun: against scipy's distributions, closed forms, and the laws of every draw."""

from __future__ import annotations

from dataclasses import replace
from math import gamma

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.integrate import trapezoid
from scipy.stats import norm, truncnorm, weibull_min

from equilibrium.errors import InputError
from equilibrium.fleet.envelope import allocate, lot_day
from equilibrium.fleet.split import EvenSplit
from scenarios.draws.sampling import draw_scenarios, forecast_scenario
from scenarios.draws.vehicles import (
    ClippedNormal,
    TruncatedNormal,
    Weibull,
    as_fleet,
    draw_stays,
    draw_vehicles,
    forecast_stays,
)
from scenarios.draws.weather import Panel, Turbine, Weather, draw_sun, draw_wind, scaled_profile
from scenarios.published.company import FLEET, IRRADIANCE, WIND_SPEED
from scenarios.streams import Streams

HOURS = 24


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@given(st.floats(-8.0, 8.0), st.floats(0.2, 4.0), st.floats(-8.0, 7.0), st.floats(0.1, 6.0))
def test_truncated_normal_is_that_of_scipy(mean: float, sd: float, low: float, width: float) -> None:
    mass = norm.cdf(low + width, mean, sd) - norm.cdf(low, mean, sd)
    assume(abs(mass - 1e-9) > 1e-15)
    if mass < 1e-9:
        with pytest.raises(InputError, match="a probability of at least 1e-09"):
            TruncatedNormal(mean, sd, low, low + width)
        return
    ours = TruncatedNormal(mean, sd, low, low + width)
    theirs = truncnorm((low - mean) / sd, (low + width - mean) / sd, loc=mean, scale=sd)
    shares = np.linspace(0.0, 1.0, 11)
    assert ours.quantile(shares) == pytest.approx(theirs.ppf(shares), abs=1e-7 * width + 1e-9)
    assert np.all(np.diff(ours.quantile(shares)) >= 0)
    assert ours.expected == pytest.approx(float(theirs.mean()), abs=1e-6 * width)


def test_far_above_the_mean_no_digit_is_lost() -> None:
    far = TruncatedNormal(2.0, 0.203125, 0.0, 3.5)  # the upper bound is 7.4 standard deviations away
    assert far.quantile(np.array([0.0, 0.5, 1.0])) == pytest.approx([0.0, 2.0, 3.5], abs=1e-12)
    mirrored = TruncatedNormal(-2.0, 0.203125, -3.5, 0.0)
    assert mirrored.quantile(np.array([0.0, 0.5, 1.0])) == pytest.approx([-3.5, -2.0, 0.0], abs=1e-12)


def test_mean_need_of_a_vehicle() -> None:
    """Half a battery, sd 25 %, cut at 30 and 60 %: 45.57 % are left on average, and 22.21 kWh are missing."""
    assert FLEET.arrival_share.expected == pytest.approx(0.4557, abs=5e-5)
    assert FLEET.expected_need_kwh == pytest.approx(22.21, abs=0.005)
    batch = draw_vehicles(FLEET, 40_000, HOURS, rng())
    assert (batch.wish_kwh - batch.energy_kwh).mean() == pytest.approx(22.21, abs=0.1)


@given(st.integers(0, 40), st.integers(0, 2**31), st.sampled_from(["independent", "fleet"]))
def test_every_vehicle_stays_inside_its_limits(count: int, seed: int, draws: str) -> None:
    batch = draw_vehicles(replace(FLEET, draws=draws), count, HOURS, rng(seed), "car")
    assert batch.size == (count if draws == "independent" else min(count, 1))
    assert batch.count.sum() == pytest.approx(count)
    assert np.all((batch.arrival >= 6) & (batch.arrival <= 9))  # hours 7 to 10
    assert np.all((batch.departure >= 18) & (batch.departure <= 24))  # last hours 18 to 24
    assert np.all((batch.energy_kwh >= 15.0) & (batch.energy_kwh <= 30.0))
    assert np.all(batch.wish_kwh == 45.0)
    assert batch.names == tuple(f"car-{k + 1}" for k in range(batch.size))


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 2**31))
def test_more_vehicles_do_not_change_the_first_ones(few: int, more: int, seed: int) -> None:
    short, long = (draw_stays(FLEET, count, HOURS, rng(seed)) for count in (few, few + more))
    for key in ("arrival", "departure", "energy_kwh"):
        assert np.array_equal(getattr(short, key), getattr(long, key)[:few])


def test_shorter_periods_are_the_same_stays() -> None:
    whole, halves = (draw_stays(FLEET, 50, periods, rng(), period_h=24 / periods) for periods in (24, 48))
    assert np.array_equal(2 * whole.arrival, halves.arrival)
    assert np.array_equal(2 * whole.departure, halves.departure)
    assert np.array_equal(whole.energy_kwh, halves.energy_kwh)


def test_forecast_has_the_expected_stays() -> None:
    spread, alike = (forecast_stays(replace(FLEET, draws=draws), 1000, HOURS) for draws in ("independent", "fleet"))
    sample = draw_stays(FLEET, 200_000, HOURS, rng())
    assert spread.energy_kwh.mean() == pytest.approx(50 * FLEET.arrival_share.expected, rel=2e-3)
    assert spread.arrival.mean() == pytest.approx(sample.arrival.mean(), abs=0.02)
    assert spread.departure.mean() == pytest.approx(sample.departure.mean(), abs=0.03)
    assert abs(np.corrcoef(spread.arrival, spread.energy_kwh)[0, 1]) < 0.03
    assert (alike.energy_kwh.tolist(), alike.count.tolist()) == ([pytest.approx(50 * 0.4557, abs=0.01)], [1000.0])


def test_a_draw_serves_the_other_markets() -> None:
    batch = draw_vehicles(FLEET, 12, HOURS, rng())
    fleet = as_fleet(batch, HOURS)
    day = lot_day(fleet, np.full(HOURS, 0.3), 0.9)
    first = np.argmax(fleet.power_kw > 0, axis=1)
    assert np.array_equal(first, batch.arrival)
    assert day.energy_in_kwh.sum() == pytest.approx(batch.energy_kwh.sum())
    power = np.zeros(HOURS)
    for row in range(fleet.size):  # as early as possible
        need = fleet.need_kwh[row] / 0.9
        for hour in range(HOURS):
            step = min(fleet.power_kw[row, hour], need)
            power[hour] += step
            need -= step
        assert need == pytest.approx(0.0, abs=1e-9)
    assert isinstance(allocate(fleet, power, 0.9, np.full(HOURS, 0.3)), EvenSplit)
    merged = as_fleet(draw_vehicles(replace(FLEET, draws="fleet"), 7, HOURS, rng()), HOURS)
    assert merged.size == 7
    assert np.ptp(merged.energy_kwh) == 0.0


@given(st.floats(0.5, 5.0), st.floats(0.5, 20.0))
def test_weibull_has_its_mean(shape: float, scale: float) -> None:
    drawn = Weibull(shape, scale).draw(rng(1), 20_000)
    spread = weibull_min(shape, scale=scale).std()
    assert drawn.mean() == pytest.approx(scale * gamma(1 + 1 / shape), abs=5 * spread / np.sqrt(20_000))


def test_curves_at_their_corners() -> None:
    turbine = Turbine(500.0, 4.0, 14.0, 25.0)
    assert turbine.power_kw(np.array([0, 4, 9, 14, 20, 25, 25.1])).tolist() == [0, 0, 250, 500, 500, 500, 0]
    assert Panel(500.0).power_kw(np.array([0, 400, 1000, 1200.0])).tolist() == [0, 200, 500, 500]


def test_daily_energy_of_the_printed_distributions() -> None:
    """The sun's printed 2.84 MWh follow from its distribution over 12 hours; the wind's 7.386 MWh do not (2.64)."""
    daylight = ((np.arange(HOURS) >= 6) & (np.arange(HOURS) < 18)).astype(float)
    sun = [draw_sun(Panel(500.0), IRRADIANCE, daylight, rng(k)).sum() / 1000 for k in range(2000)]
    wind = [draw_wind(Turbine(500.0, 4.0, 14.0, 25.0), WIND_SPEED, HOURS, rng(k)).sum() / 1000 for k in range(2000)]
    assert np.mean(sun) == pytest.approx(2.84, rel=0.02)
    assert np.mean(wind) == pytest.approx(2.64, rel=0.02)


def test_a_factor_on_a_profile_holds_all_day() -> None:
    profile = np.array([0.0, 0.2, 0.8])
    factors = []
    for seed in range(400):
        drawn = scaled_profile(profile, ClippedNormal(1.0, 0.25, 0.3, 1.6), rng(seed))
        factors.append(drawn[1] / 0.2)
        assert drawn == pytest.approx(factors[-1] * profile)
        assert np.array_equal(
            scaled_profile(profile, ClippedNormal(1.0, 0.25, 0.3, 1.6), rng(seed), rated_kw=0.9), np.minimum(drawn, 0.9)
        )
    assert 0.3 - 1e-12 <= min(factors) < 0.6 < 1.4 < max(factors) <= 1.6 + 1e-12
    assert np.mean(factors) == pytest.approx(1.0, abs=0.05)


def test_the_spread_of_the_weather_is_a_quarter_of_its_mean() -> None:
    """Where nothing else is said: a normal factor of 0.25, put on 0.3 and 1.6; 0.24 after that, and 0.34 for 0.45."""
    weather = Weather(wind_pu=(0.5,) * HOURS, pv_pu=(0.4,) * HOURS)
    factors = np.array(
        [[wind[0] / 0.5, sun[0] / 0.4] for wind, sun in (weather.draw(Streams(2), k) for k in range(4000))]
    )
    middle, (low, high) = norm(1.0, 0.25), (0.3, 1.6)
    inside = np.linspace(low, high, 20_001)
    square = float(trapezoid((inside - 1.0) ** 2 * middle.pdf(inside), inside))
    square += (low - 1.0) ** 2 * middle.cdf(low) + (high - 1.0) ** 2 * middle.sf(high)
    assert factors.std(axis=0) == pytest.approx([np.sqrt(square)] * 2, rel=0.04)
    assert factors.mean(axis=0) == pytest.approx([1.0, 1.0], abs=0.015)
    assert factors.min(axis=0) == pytest.approx([0.3, 0.3])
    assert factors.max(axis=0) == pytest.approx([1.6, 1.6])
    assert abs(np.corrcoef(factors.T)[0, 1]) < 0.06  # wind and sun have a factor each


WEATHER = Weather(wind_pu=(0.5,) * HOURS, pv_pu=(0.0,) * 6 + (0.4,) * 12 + (0.0,) * 6)


def test_scenarios_are_kept_samples() -> None:
    all_of_them = draw_scenarios(WEATHER, FLEET, 10, scenarios=60, samples=60, seed=4)
    assert [one.probability for one in all_of_them] == [pytest.approx(1 / 60)] * 60
    energy = {one.stays.energy_kwh.tobytes() for one in all_of_them}
    few = draw_scenarios(WEATHER, FLEET, 10, scenarios=6, samples=60, seed=4)
    assert {one.stays.energy_kwh.tobytes() for one in few} < energy
    assert sum(one.probability for one in few) == pytest.approx(1.0)
    more = draw_scenarios(WEATHER, FLEET, 10, scenarios=80, samples=80, seed=4)
    assert all(np.array_equal(a.wind_pu, b.wind_pu) for a, b in zip(all_of_them, more, strict=False))


@pytest.mark.parametrize("draws", ["independent", "fleet"])
def test_reduction_prefers_neither_full_nor_empty_batteries(draws: str) -> None:
    """Over some seeds, the mean need of the kept scenarios is that of the draws."""
    fleet = replace(FLEET, draws=draws)
    need = [
        sum(one.probability * (45.0 - one.stays.energy_kwh).mean() for one in kept)
        for kept in (draw_scenarios(WEATHER, fleet, 20, scenarios=10, samples=200, seed=seed) for seed in range(20))
    ]
    assert np.mean(need) == pytest.approx(fleet.expected_need_kwh, abs=4 * np.std(need) / np.sqrt(20) + 0.1)
    assert np.std(need) < 2.0


def test_weibull_weather_takes_the_place_of_profiles() -> None:
    hourly = replace(WEATHER, wind_speed=WIND_SPEED, irradiance=IRRADIANCE)
    wind, sun = hourly.draw(Streams(0), 0)
    assert np.unique(wind).size > 5
    assert np.all(sun[6:18] > 0)
    assert not sun[:6].any()
    forecast = forecast_scenario(WEATHER, FLEET, 3)
    assert forecast.wind_pu.tolist() == list(WEATHER.wind_pu)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: TruncatedNormal(0.0, 0.0, 0.0, 1.0), "sd > 0"),
        (lambda: TruncatedNormal(0.0, 1.0, 1.0, 1.0), "low < high"),
        (lambda: ClippedNormal(1.0, -0.1, 0.0, 1.0), "sd >= 0"),
        (lambda: Weibull(0.0, 1.0), "numbers > 0"),
        (lambda: Turbine(1.0, 14.0, 4.0, 25.0), "cut_in < rated"),
        (lambda: Panel(1.0, 0.0), "an irradiance > 0"),
        (lambda: replace(FLEET, draws="both"), "draws: got 'both', expected independent or fleet"),
        (lambda: replace(FLEET, battery_kwh=0.0), "battery_kwh: got 0.0"),
        (lambda: replace(FLEET, charge_max_kw=0.0), "charge_max_kw > 0"),
        (lambda: replace(FLEET, energy_min_share=0.95), "0 <= min < max <= 1"),
        (lambda: replace(FLEET, wish_share=0.95), r"wish_share: got \(0.95, 0.95\), expected inside the band"),
        (lambda: replace(FLEET, arrival_share=TruncatedNormal(0.5, 0.1, 0.1, 0.6)), "arrival_share: got"),
        (lambda: replace(FLEET, departure_h=TruncatedNormal(9.0, 1.0, 8.0, 12.0)), "before an arrival"),
        (lambda: draw_stays(FLEET, -1, HOURS, rng()), "count: got -1"),
        (lambda: draw_stays(FLEET, 5, 12, rng()), "stays inside the 12 periods of the day"),
        (lambda: draw_stays(FLEET, 5, HOURS, rng(), period_h=0.7), "period_h: got 0.7"),
        (lambda: forecast_stays(FLEET, -1, HOURS), "count: got -1"),
        (lambda: as_fleet(draw_vehicles(FLEET, 1, HOURS, rng()), HOURS, 0.5), "period_h: got 0.5"),
        (lambda: as_fleet(replace(draw_vehicles(FLEET, 1, HOURS, rng()), count=np.array([0.5])), 24), "whole numbers"),
        (lambda: as_fleet(replace(draw_vehicles(FLEET, 1, 24, rng()), wish_kwh=np.zeros(1)), 24), "wish_kwh of ev-1"),
        (lambda: draw_scenarios(WEATHER, FLEET, 5, scenarios=0, samples=5, seed=0), "scenarios: got 0"),
        (lambda: draw_scenarios(WEATHER, FLEET, 5, scenarios=6, samples=5, seed=0), "1 to 5, the number of samples"),
        (lambda: replace(WEATHER, pv_pu=(0.0,)), "as many values in both"),
        (lambda: replace(WEATHER, wind_speed=WIND_SPEED), "both or none"),
    ],
)
def test_bad_input_is_named(call: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()
