"""Prices drawn from a seasonal model: values by hand, moments, the fit, and a scenario that uses it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest
import yaml

from equilibrium.errors import InputError
from scenarios.draws.price_fit import fit_price_model, given_price_model
from scenarios.draws.sarima import PriceModel
from scenarios.loading import load_scenario
from scenarios.readers.prices import PriceSeries
from scenarios.streams import Streams
from scenarios.time_axis import day_axis
from tests.scenarios.conftest import prices_csv, scenario_data

NUMBERS = {"ar": 0.8, "ma": 0.2, "seasonal_ar": 0.4, "sigma": 0.05}
MEAN = 0.05 + 0.02 * np.sin(np.arange(24) * np.pi / 12.0)


def series(price: np.ndarray, zone: str | None = None, first: dt.date = dt.date(2024, 1, 1)) -> PriceSeries:
    dates = tuple(first + dt.timedelta(days=k) for k in range(len(price)))
    axes = tuple(day_axis(date, zone) for date in dates)
    own = tuple(axis.of_clock(day) for axis, day in zip(axes, price, strict=True))
    return PriceSeries("made", "EUR", dates, own, axes)


def test_the_recursion_is_the_equation_of_the_model() -> None:
    """(1 - ar L)(1 - seasonal_ar L^s) y = (1 + ma L) e, shock by shock, with a season of three steps."""
    model = PriceModel(np.zeros((7, 3)), 0.5, -0.3, 0.6, 1.0, "level")
    shocks = np.random.default_rng(0).standard_normal(15)
    y = np.zeros(15 + 4)  # four zeros before the first
    for t in range(15):
        now, before = shocks[t], shocks[t - 1] if t else 0.0
        y[t + 4] = 0.5 * y[t + 3] + 0.6 * y[t + 1] - 0.5 * 0.6 * y[t] + now - 0.3 * before
    days = list(model._deviations(iter(shocks.reshape(5, 1, 3))))
    np.testing.assert_allclose(np.concatenate(days, axis=1)[0], y[4:], rtol=1e-12)


def test_the_variance_of_simple_models_is_that_of_the_books() -> None:
    """AR(1): sigma^2 / (1 - ar^2). MA(1): sigma^2 (1 + ma^2). Seasonal AR: sigma^2 / (1 - seasonal_ar^2)."""
    flat = np.zeros((7, 24))
    assert PriceModel(flat, 0.8, 0.0, 0.0, 0.5).variance == pytest.approx(0.25 / 0.36)
    assert PriceModel(flat, 0.0, 0.5, 0.0, 0.5).variance == pytest.approx(0.25 * 1.25)
    assert PriceModel(flat, 0.0, 0.0, 0.6, 0.5).variance == pytest.approx(0.25 / 0.64)


def test_drawn_prices_have_the_moments_of_the_model() -> None:
    model = PriceModel.from_parameters(MEAN, **NUMBERS)
    drawn = model.sample(np.random.default_rng(1), 2, 4000)
    assert drawn.shape == (4000, 2, 24)
    deviation = np.sqrt(np.expm1(model.variance) / 4000.0)  # of a mean, relative
    np.testing.assert_allclose(drawn.mean(axis=0) / MEAN, 1.0, atol=4.0 * deviation)
    logs = np.log(drawn) - np.log(MEAN)
    np.testing.assert_allclose(logs.var(axis=0), model.variance, rtol=0.1)
    lag, day = (np.mean([np.corrcoef(a, b)[0, 1] for a, b in pairs]) for pairs in (
        zip(logs[:, 0].T[:-1], logs[:, 0].T[1:], strict=True), zip(logs[:, 0].T, logs[:, 1].T, strict=True)
    ))  # fmt: skip
    long = PriceModel(model.season, **NUMBERS).sample(np.random.default_rng(2), 2000)[0]
    path = (np.log(long) - model.season[np.arange(2000) % 7]).ravel()
    for k, found in ((1, lag), (24, day)):
        assert np.corrcoef(path[:-k], path[k:])[0, 1] == pytest.approx(found, abs=0.05)


def test_a_weekday_has_its_own_prices() -> None:
    by_weekday = np.arange(1.0, 8.0)[:, None] * MEAN
    model = PriceModel.from_parameters(by_weekday, ar=0.0, ma=0.0, seasonal_ar=0.0, sigma=0.0)
    np.testing.assert_allclose(model.sample(np.random.default_rng(0), 3, first_weekday=5)[0], by_weekday[[5, 6, 0]])


@pytest.mark.parametrize("values", ["log", "level"])
def test_the_fit_finds_the_coefficients_that_made_a_series(values: str) -> None:
    made = PriceModel.from_parameters(MEAN, **NUMBERS, values=values)
    fitted = fit_price_model(series(made.sample(np.random.default_rng(3), 300)[0]), values=values)
    assert fitted.ar == pytest.approx(0.8, abs=0.03)
    assert fitted.ma == pytest.approx(0.2, abs=0.04)
    assert fitted.seasonal_ar == pytest.approx(0.4, abs=0.03)
    assert fitted.sigma == pytest.approx(0.05, rel=0.03)
    np.testing.assert_allclose(fitted.season, made.season, atol=0.06)


def test_the_exact_likelihood_agrees_with_the_conditional_one() -> None:
    pytest.importorskip("statsmodels")
    made = PriceModel.from_parameters(MEAN[::4], **NUMBERS)
    price = np.repeat(made.sample(np.random.default_rng(4), 60)[0], 4, axis=1)
    price *= np.exp(0.05 * np.random.default_rng(5).standard_normal(price.shape))
    one, other = (fit_price_model(series(price), likelihood=name) for name in ("conditional", "exact"))
    for key in NUMBERS:
        assert getattr(one, key) == pytest.approx(getattr(other, key), abs=0.02)


def test_days_of_a_clock_change_are_brought_to_the_clock() -> None:
    week = np.arange(1.0, 8.0)[:, None] + np.arange(24.0)
    spring = series(np.tile(week, (3, 1)), "Europe/Madrid", dt.date(2024, 3, 18))
    assert [axis.size for axis in spring.axes].count(23) == 1
    model = given_price_model(spring, ar=0.0, ma=0.0, seasonal_ar=0.0, sigma=0.0, values="level")
    np.testing.assert_allclose(model.season, week)


def test_a_day_is_the_same_however_many_were_drawn_and_follows_the_one_before() -> None:
    model = PriceModel.from_parameters(MEAN, ar=0.95, ma=0.0, seasonal_ar=0.9, sigma=0.05)
    days = np.array([model.day(index, 0, Streams(5)) for index in range(60)])
    np.testing.assert_array_equal(model.day(31, 0, Streams(5)), days[31])
    assert not np.allclose(model.day(31, 0, Streams(6)), days[31])
    logs = np.log(days) - np.log(MEAN)
    shocks = logs[1:] - 0.9 * logs[:-1]  # an AR(1) that runs over midnight
    left = shocks.ravel()[1:] - 0.95 * shocks.ravel()[:-1]
    assert left.std() == pytest.approx(0.05, rel=0.1)


def test_prices_are_independent_of_the_other_draws() -> None:
    overrides = {"prices": {"draw": "sarima", "sarima": {"values": "level"}}}
    plain, drawn = load_scenario("nodal-33"), load_scenario("nodal-33", overrides)
    days = [(plain.day(k, Streams(1)), drawn.day(k, Streams(1))) for k in range(3)]
    for one, other in days:
        np.testing.assert_array_equal(one.load_kw, other.load_kw)
        np.testing.assert_array_equal(one.renewable_kw, other.renewable_kw)
        assert one.sessions == other.sessions
        assert not np.allclose(one.wholesale_price, other.wholesale_price)
    shocks = np.array([Streams(1).generator("prices", k).standard_normal() for k in range(2000)])
    for name in ("load", "sessions", "renewable-pv", "prices before"):
        others = np.array([Streams(1).generator(name, k).standard_normal() for k in range(2000)])
        assert abs(np.corrcoef(shocks, others)[0, 1]) < 4.0 / np.sqrt(2000.0)


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("week-33", "wholesale_price"), ("disco-33", "upstream_price"), ("aggregator-37", "energy_price"),
        ("epec-lots-33-case1", "wholesale_price"),
    ],
)  # fmt: skip
def test_every_market_takes_drawn_prices(name: str, field: str) -> None:
    keys = {"draw": "sarima", "sarima": {**NUMBERS, "values": "level", "sigma": 0.001}}
    plain, drawn = load_scenario(name), load_scenario(name, {"prices": keys})
    assert load_scenario(name, {"prices": drawn.resolved()["prices"]}).prices.model is not None
    means = [np.mean([getattr(case.day(k, Streams(7)), field) for k in range(42)]) for case in (plain, drawn)]
    assert means[1] == pytest.approx(means[0], abs=0.002)
    assert means[1] != means[0]


def test_several_aggregators_see_the_same_prices() -> None:
    case = load_scenario("aggregators-37", {"prices": {"draw": "sarima", "sarima": {"values": "level"}}})
    first, *others = (part.energy_price for part in case.day(2, Streams(3)).parts)
    assert np.ptp(first) > 0.0
    for other in others:
        assert np.ptp(other - first) == pytest.approx(0.0, abs=1e-12)


def test_a_few_scenarios_stand_for_many() -> None:
    model = PriceModel.from_parameters(MEAN, **NUMBERS)
    few = model.scenarios(np.random.default_rng(6), 1000, 10)
    assert few.price.shape == (10, 24)
    assert few.probability.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(few.probability @ few.price, MEAN, rtol=0.05)
    assert few.distance > model.scenarios(np.random.default_rng(6), 1000, 40).distance > 0.0


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"draw": "sarima"}, r"prices.csv: days: got 8, expected at least 14 to fit a model of prices"),
        (
            {"sarima": {"values": "level"}},
            r"case.yaml: .*prices.draw: got 'none', expected sarima beside a section sarima",
        ),
        ({"draw": "sarima", "sarima": {"ar": 0.5}}, r"prices.sarima.ma: .*expected all of ar, ma, seasonal_ar, sigma"),
        ({"draw": "sarima", "sarima": {**NUMBERS, "ar": 1.0}}, r"prices.sarima.ar: got 1.0, expected less than or"),
        ({"draw": "sarima", "sarima": {**NUMBERS, "likelihood": "exact"}}, r"prices.sarima.likelihood: got 'exact'"),
        ({"draw": "arima"}, r"prices.draw: got 'arima'"),
    ],
)
def test_keys_that_cannot_be_used_are_refused(case: Path, keys: dict, told: str) -> None:
    data = scenario_data()
    case.write_text(yaml.safe_dump(data | {"prices": data["prices"] | keys}))
    with pytest.raises(InputError, match=told):
        load_scenario(str(case))


def test_prices_without_a_logarithm_are_refused(case: Path) -> None:
    (case.parent / "prices.csv").write_text(prices_csv(20).replace("2024-01-03,5,35", "2024-01-03,5,-35"))
    data = scenario_data()
    for values, fine in (("log", False), ("level", True)):
        prices = {"file": "prices.csv", "draw": "sarima", "sarima": {"values": values}}
        case.write_text(yaml.safe_dump(data | {"prices": prices}))
        if fine:
            assert load_scenario(str(case)).prices.model is not None
            continue
        with pytest.raises(InputError, match=r"lowest price: got '-35 per MWh', expected prices > 0, or values: level"):
            load_scenario(str(case))


@pytest.mark.parametrize(
    "wrong", [{"ar": 1.0}, {"ma": -1.0}, {"sigma": -1.0}, {"values": "square"}, {"seasonal_ar": np.nan}]
)
def test_what_is_no_model_is_refused(wrong: dict) -> None:
    PriceModel.from_parameters(MEAN, **NUMBERS)
    with pytest.raises(InputError):
        PriceModel.from_parameters(MEAN, **{**NUMBERS, **wrong})
    with pytest.raises(InputError, match="prices > 0, or values: level"):
        PriceModel.from_parameters(MEAN - 0.05, **NUMBERS)
    with pytest.raises(InputError, match=r"finite numbers, \(7, steps\)"):
        PriceModel(np.zeros((6, 24)), 0.0, 0.0, 0.0, 0.0)
