"""Arrivals counted by period: the capacity correction by hand, and what must hold for all of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from scenarios.draws.arrivals import (
    SPLITS,
    SWEEPS,
    Stays,
    classes_of,
    drawn_arrivals,
    lognormal,
    stays_at_stations,
    still_parked,
)


def numbers(*values: float) -> FloatArray:
    return np.array(values, dtype=float)


TWO_HOURS = numbers(0.0, 1.0)


def test_a_sweep_turns_away_what_finds_no_station() -> None:
    # 7, 7 + 5 = 12 of 9: two of five stay; then 7 leave, 2 + 6 = 8 find room.
    stays = stays_at_stations(numbers(7, 5, 6, 0), TWO_HOURS, 9)
    assert_allclose(stays.arriving, [7, 2, 6, 0])
    assert_allclose(stays.parked, [7, 9, 8, 6])
    assert_allclose(stays.departing, [0, 0, 7, 2])


def test_all_hours_at_once_turn_away_too_many() -> None:
    # Before the pass 7, 12, 11, 6 are parked: 3 and 2 too many, although the first cut alone makes room in hour 3.
    stays = stays_at_stations(numbers(7, 5, 6, 0), TWO_HOURS, 9, sweep="all-hours")
    assert_allclose(stays.arriving, [7, 2, 4, 0])
    assert_allclose(stays.parked, [7, 9, 6, 4])


def test_whole_vehicles_are_nearest_to_the_shares_the_shorter_stay_first() -> None:
    shares = numbers(0.5, 0.25, 0.25)
    stays = stays_at_stations(numbers(3, 5, 6, 0), shares, 100, split="largest-remainder")
    # 1.5, .75, .75 -> 1, 1, 1; 2.5, 1.25, 1.25 -> 3, 1, 1; 3, 1.5, 1.5 -> 3, 2, 1.
    assert stays.count.tolist() == [[1, 1, 1], [3, 1, 1], [3, 2, 1], [0, 0, 0]]
    assert stays.departing.tolist() == [0, 1, 4, 5]


def test_what_leaves_carries_what_it_came_with() -> None:
    stays = Stays(np.array([[2.0, 1.0], [0.0, 3.0], [4.0, 0.0]]))
    assert stays.leaving(numbers(10, 20, 30)).tolist() == [[0, 0], [20, 0], [0, 10]]
    assert stays.departing.tolist() == [0, 2, 1]
    draws = stays.draws(numbers(10, 20, 30))
    assert draws.arrival.tolist() == [0, 0, 1, 2]
    assert draws.departure.tolist() == [1, 2, 3, 3]
    assert draws.energy_kwh.tolist() == [10, 10, 20, 30]
    assert draws.count.tolist() == [2, 1, 3, 4]


def test_lognormal_values() -> None:
    # sigma^2 = ln(1.0625): exp(-sigma^2 / 2) = 1 / sqrt(1.0625), exp(sigma) = 1.27918...
    assert lognormal(numbers(40), 0.25, numbers(0))[0] == pytest.approx(40 / np.sqrt(1.0625))
    assert lognormal(numbers(40), 0.0, numbers(3))[0] == 40
    many = lognormal(np.full(200_000, 12.0), 0.5, np.random.default_rng(1).standard_normal(200_000))
    assert many.mean() == pytest.approx(12.0, rel=0.01)
    assert many.std() == pytest.approx(6.0, rel=0.02)


def test_draws_are_whole_and_follow_the_seed() -> None:
    mean = np.linspace(0.0, 30.0, 24)
    one, same = (drawn_arrivals(mean, 0.25, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(one, same)
    np.testing.assert_array_equal(one, np.round(one))
    assert one[0] == 0
    assert (one != np.round(mean)).any()
    np.testing.assert_array_equal(drawn_arrivals(numbers(2.4, 2.6), 0.0, np.random.default_rng(0)), [2, 3])


def test_single_stays_are_drawn_in_their_shares() -> None:
    stays = stays_at_stations(
        numbers(40_000), numbers(0.2, 0.0, 0.8), 1e6, split="multinomial", rng=np.random.default_rng(3)
    )
    assert stays.count[0, 1] == 0
    assert stays.count[0] / 40_000 == pytest.approx([0.2, 0.0, 0.8], abs=0.01)


@st.composite
def traffic(draw: st.DrawFn) -> tuple[FloatArray, FloatArray, float, str]:
    split = draw(st.sampled_from(SPLITS))
    arrivals = np.array(draw(st.lists(st.integers(0, 30), min_size=1, max_size=24)), dtype=float)
    weights = np.array(draw(st.lists(st.integers(0, 9), min_size=1, max_size=12)), dtype=float) + 0.1
    return arrivals, weights / weights.sum(), float(draw(st.integers(0, 60))), split


@given(traffic(), st.sampled_from(SWEEPS), st.integers(0, 2**32 - 1))
def test_what_holds_for_all_corrections(case: tuple[FloatArray, FloatArray, float, str], sweep: str, seed: int) -> None:
    arrivals, shares, stations, split = case

    def corrected(numbers: FloatArray) -> Stays:
        return stays_at_stations(numbers, shares, stations, split=split, sweep=sweep, rng=np.random.default_rng(seed))

    stays = corrected(arrivals)
    assert (stays.parked <= stations + 1e-6).all()
    assert (stays.parked >= -1e-9).all()
    assert (stays.arriving <= arrivals + 1e-9).all()
    assert (stays.count >= 0).all()
    assert stays.departing.sum() + stays.parked[-1] == pytest.approx(stays.arriving.sum())
    if split != "expected":
        np.testing.assert_array_equal(stays.count, np.round(stays.count))
    else:
        assert_allclose(stays.count, stays.arriving[:, None] * shares, atol=1e-9)
    if split != "multinomial":  # there a vehicle fewer changes whose draw is whose
        assert_allclose(corrected(stays.arriving).count, stays.count, atol=1e-5)
    draws = stays.draws(1.0)
    periods = np.arange(arrivals.size)
    here = (draws.arrival[:, None] <= periods) & (periods < draws.departure[:, None])
    assert_allclose(draws.count @ here, stays.parked, atol=1e-9)


@given(traffic(), st.integers(0, 2**32 - 1))
def test_the_sweep_turns_nobody_away_while_there_is_room(
    case: tuple[FloatArray, FloatArray, float, str], seed: int
) -> None:
    arrivals, shares, stations, split = case
    stays = stays_at_stations(arrivals, shares, stations, split=split, rng=np.random.default_rng(seed))
    fewer = stays.arriving < arrivals - 1e-9
    assert_allclose(stays.parked[fewer], stations, atol=1e-6)


def test_nobody_is_left_over_by_rounding() -> None:
    """All are gone after three hours; the differences alone leave -8e-16 vehicles."""
    stays = stays_at_stations(numbers(3.3, 7.7, 11.1, 4.7, *[0.0] * 20), numbers(0.2, 0.1, 0.7), 250)
    assert np.cumsum(stays.arriving - stays.departing)[-1] != 0.0
    assert stays.parked.min() == 0.0
    assert_allclose(stays.parked[:3], [3.3, 3.3 * 0.8 + 7.7, 3.3 * 0.7 + 7.7 * 0.8 + 11.1])
    by_class = still_parked(np.array([[[1.0, 2.0], [3.0, 0.0]]]), np.array([[[0.0, 0.0], [1.0, 2.0]]]))
    assert by_class.tolist() == [[[1.0, 2.0], [3.0, 0.0]]]


def test_classes_of_stay() -> None:
    assert classes_of(12, (3, 8, 12)).tolist() == [0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2]
    for wrong in ((), (3, 8), (8, 3, 12), (0, 12)):
        with pytest.raises(InputError, match="rising numbers of periods up to 12"):
            classes_of(12, wrong)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"arrivals": numbers(1, -2, -3)}, "arrivals: got -2.0, expected numbers >= 0"),
        ({"arrivals": numbers(1, np.nan)}, "arrivals: got nan"),
        ({"shares": numbers(0.5, 0.4)}, "shares: got 0.9, expected shares that add up to 1"),
        ({"stations": np.inf}, "stations: got inf"),
        ({"split": "halves"}, "split: got 'halves', expected one of expected, largest-remainder, multinomial"),
        ({"sweep": "back"}, "sweep: got 'back', expected one of forward, all-hours"),
        ({"split": "multinomial"}, "rng: got None"),
        ({"split": "largest-remainder", "arrivals": numbers(1.5)}, "arrivals: got 1.5, expected whole numbers"),
        ({"split": "largest-remainder", "stations": 2.5}, "stations: got 2.5, expected whole numbers"),
    ],
)
def test_bad_numbers_are_refused(change: dict[str, object], words: str) -> None:
    given = {"arrivals": numbers(1, 2), "shares": TWO_HOURS, "stations": 5.0, **change}
    with pytest.raises(InputError, match=words.replace("(", r"\(")):
        stays_at_stations(**given)  # type: ignore[arg-type]


def test_a_bad_spread_is_refused() -> None:
    with pytest.raises(InputError, match="variation: got -1"):
        drawn_arrivals(numbers(1), -1.0, np.random.default_rng(0))
