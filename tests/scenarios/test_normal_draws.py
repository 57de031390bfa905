"""Normals that are cut or clipped, against scipy's, and the settings of a fleet at the edge of what is allowed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import integrate, stats

from equilibrium.errors import InputError
from scenarios.draws.vehicles import (
    ClippedNormal,
    FleetSettings,
    TruncatedNormal,
    VehicleDraws,
    as_batch,
    draw_stays,
    forecast_stays,
)

SHARES = np.array([0.0, 1e-3, 0.2, 0.5, 0.8, 0.999, 1.0])


@pytest.mark.parametrize(
    ("mean", "sd", "low", "high"),
    [
        (9.0, 3.0, 6.0, 11.0),
        (0.5, 0.25, 0.3, 0.7),
        (2.0, 0.5, 2.5, 4.0),
        (18.0, 4.0, 10.0, 16.0),
        (5.0, 7.0, -3.0, 40.0),
    ],
)
def test_a_cut_normal_is_scipys(mean: float, sd: float, low: float, high: float) -> None:
    ours, other = TruncatedNormal(mean, sd, low, high), stats.truncnorm((low - mean) / sd, (high - mean) / sd, mean, sd)
    np.testing.assert_allclose(ours.quantile(SHARES), other.ppf(SHARES), rtol=1e-9)
    assert ours.expected == pytest.approx(other.mean())
    total, _ = integrate.quad(lambda x: x * stats.norm.pdf(x, mean, sd), low, high)
    mass, _ = integrate.quad(lambda x: stats.norm.pdf(x, mean, sd), low, high)
    assert ours.expected == pytest.approx(total / mass)


@pytest.mark.parametrize(
    "wrong",
    [
        {"sd": 0.0}, {"sd": -1.0}, {"sd": np.inf}, {"mean": np.nan}, {"high": 0.3}, {"high": 0.2},
        {"low": 5.5, "high": 5.6},
    ],
)  # fmt: skip
def test_what_is_no_cut_normal_is_refused(wrong: dict[str, float]) -> None:
    given = {"mean": 0.5, "sd": 0.25, "low": 0.3, "high": 0.7}
    TruncatedNormal(**given)
    with pytest.raises(InputError):
        TruncatedNormal(**{**given, **wrong})


def test_a_clipped_normal_is_put_on_its_bounds() -> None:
    one = {"mean": 1.0, "sd": 0.25, "low": 0.3, "high": 1.6}
    wide = ClippedNormal(**{**one, "sd": 2.0})
    values = np.array([wide.draw(np.random.default_rng(seed)) for seed in range(400)])
    plain = np.array([1.0 + 2.0 * np.random.default_rng(seed).standard_normal() for seed in range(400)])
    np.testing.assert_allclose(values, np.clip(plain, 0.3, 1.6))
    assert (values == 0.3).any()
    assert (values == 1.6).any()
    assert ClippedNormal(mean=1.0, sd=0.0, low=1.0, high=1.0).draw(np.random.default_rng(0)) == 1.0
    for wrong in ({"sd": -1e-9}, {"low": 1.7}, {"mean": np.inf}):
        with pytest.raises(InputError):
            ClippedNormal(**{**one, **wrong})


FLEET = FleetSettings(
    battery_kwh=50.0,
    energy_min_share=0.15,
    energy_max_share=0.9,
    wish_share=0.8,
    charge_max_kw=11.0,
    discharge_max_kw=7.0,
    arrival_h=TruncatedNormal(9.0, 2.0, 6.0, 11.0),
    departure_h=TruncatedNormal(18.0, 2.0, 15.0, 20.0),
    arrival_share=TruncatedNormal(0.5, 0.2, 0.3, 0.7),
)


def cut(low: float, high: float) -> TruncatedNormal:
    return TruncatedNormal(0.5 * (low + high), 1.0, low, high)


@pytest.mark.parametrize(
    ("key", "allowed", "refused"),
    [
        ("battery_kwh", [1e-6], [0.0, -1.0]),
        ("charge_max_kw", [1e-6], [0.0]),
        ("discharge_max_kw", [0.0], [-1e-9]),
        ("energy_min_share", [0.0, 0.3], [-1e-9, 0.31]),
        ("energy_max_share", [0.8, 1.0], [0.79, 1.0 + 1e-9]),
        ("wish_share", [0.15, 0.9], [0.149, 0.901]),
        ("arrival_share", [cut(0.15, 0.9)], [cut(0.149, 0.9), cut(0.15, 0.901)]),
        ("arrival_h", [cut(6.0, 15.4)], [cut(6.0, 15.6)]),
        ("departure_h", [cut(10.6, 20.0)], [cut(10.4, 20.0)]),
        ("draws", ["independent", "fleet"], ["both"]),
    ],
)
def test_the_settings_of_a_fleet_at_the_edge(key: str, allowed: list[Any], refused: list[Any]) -> None:
    for value in allowed:
        replace(FLEET, **{key: value})
    for value in refused:
        with pytest.raises(InputError):
            replace(FLEET, **{key: value})


def test_stays_by_hand() -> None:
    """Hour 9.5 is rounded to 10, whose first quarter is period 36; hour 17.4 to 17, gone at period 68."""
    rng = np.random.default_rng(3)
    shares = np.random.default_rng(3).random((4, 3))
    draws = draw_stays(FLEET, 4, 96, rng, period_h=0.25)
    for k in range(4):
        came, gone, part = (
            float(each.quantile(shares[k : k + 1, column])[0])
            for column, each in enumerate((FLEET.arrival_h, FLEET.departure_h, FLEET.arrival_share))
        )
        assert draws.arrival[k] == 4 * (int(np.floor(came + 0.5)) - 1)
        assert draws.departure[k] == 4 * int(np.floor(gone + 0.5))
        assert draws.energy_kwh[k] == pytest.approx(50.0 * part)
    assert draws.count.tolist() == [1.0] * 4
    one = draw_stays(replace(FLEET, draws="fleet"), 7, 24, np.random.default_rng(1))
    assert (one.count.tolist(), one.arrival.size) == ([7.0], 1)
    expected = forecast_stays(replace(FLEET, draws="fleet"), 7, 24)
    assert expected.energy_kwh == pytest.approx([50.0 * FLEET.arrival_share.expected])
    assert expected.arrival.tolist() == [int(np.floor(FLEET.arrival_h.expected + 0.5)) - 1]
    assert expected.count.tolist() == [7.0]
    assert FLEET.expected_need_kwh == pytest.approx(50.0 * (0.8 - FLEET.arrival_share.expected))
    for none in (draw_stays(FLEET, 0, 24, rng), forecast_stays(replace(FLEET, draws="fleet"), 0, 24)):
        assert (none.count.size, none.arrival.size) == (0, 0)


def test_forecasts_are_spread_evenly() -> None:
    """Points of a Kronecker sequence: half plus multiples of powers of the root of x^4 = x + 1."""
    root = float(max(np.roots([1.0, 0.0, 0.0, -1.0, -1.0]).real))
    found = forecast_stays(FLEET, 5, 24)
    for k in range(5):
        share = [(0.5 + (k + 1) * root**-power) % 1.0 for power in (1, 2, 3)]
        energy = 50.0 * float(FLEET.arrival_share.quantile(np.array([share[2]]))[0])
        assert found.energy_kwh[k] == pytest.approx(energy)
        assert found.arrival[k] == int(np.floor(float(FLEET.arrival_h.quantile(np.array([share[0]]))[0]) + 0.5)) - 1
    assert found.count.tolist() == [1.0] * 5


@pytest.mark.parametrize(
    ("count", "periods", "length", "word"),
    [(-1, 24, 1.0, "count"), (3, 24, 0.7, "period_h"), (3, 24, 1.5, "period_h"), (3, 24, 4.0, "period_h"),
     (3, 14, 1.0, "stays inside")],
)  # fmt: skip
def test_draws_that_do_not_fit_a_day_are_refused(count: int, periods: int, length: float, word: str) -> None:
    with pytest.raises(InputError, match=word):
        draw_stays(FLEET, count, periods, np.random.default_rng(0), period_h=length)


def test_a_batch_has_every_number_of_its_settings() -> None:
    made = as_batch(FLEET, VehicleDraws(np.array([1, 2]), np.array([5, 6]), np.array([20.0, 21.0]), np.ones(2)), "car")
    assert made.names == ("car-1", "car-2")
    assert (made.arrival.tolist(), made.departure.tolist(), made.energy_kwh.tolist()) == ([1, 2], [5, 6], [20.0, 21.0])
    for name, value in (
        ("wish_kwh", 40.0), ("energy_min_kwh", 7.5), ("energy_max_kwh", 45.0), ("charge_max_kw", 11.0),
        ("discharge_max_kw", 7.0), ("count", 1.0),
    ):  # fmt: skip
        assert getattr(made, name) == pytest.approx([value, value]), name
