"""Joint scenarios of the day ahead, put together by hand from draws that are told."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from scenarios.markets.two_settlement import forecast
from scenarios.markets.two_settlement.draws import fading_errors
from scenarios.streams import Streams
from scenarios.time_axis import day_axis

DRAWS = 3


def rules(**real_time: Any) -> Any:
    given = {"load_sigma": 0.1, "price_sigma": 0.3, "persistence": 0.5, "step_minutes": 15}
    return SimpleNamespace(
        scenarios=SimpleNamespace(kept=2, joint=2, draws=DRAWS),
        renewables=[],
        real_time=SimpleNamespace(**given | real_time),
        loads=SimpleNamespace(day_sigma=0.4),
        time=SimpleNamespace(step_minutes=60),
    )


def day_of(size: int = 2, index: int = 5, date: dt.date | None = None) -> Any:
    return SimpleNamespace(axis=SimpleNamespace(size=size), index=index, date=date)


def test_noise_is_a_level_of_the_day_times_errors_that_last() -> None:
    """Sixteenths are left of an error after the four quarters of an hour; no factor is below nothing."""
    streams, day = Streams(3), day_of(3)
    found = forecast._noise(rules(), day, streams, "load", (2.0, 0.4))
    rng = streams.generator("forecast load", 5)
    normal = rng.standard_normal(DRAWS)
    wanted = []
    for draw in range(DRAWS):
        level = np.exp(0.4 * normal[draw] - 0.08)
        errors = fading_errors(rng, 3, 2.0, 0.0625)
        wanted.append([level * max(1.0 + error, 0.0) for error in errors])
    assert found == pytest.approx(np.array(wanted))
    assert found.min() == 0.0
    assert found.shape == (DRAWS, 3)


class Drawn:
    """A model of prices that notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int, int]] = []

    def sample(self, rng: Any, days: int, draws: int, first_weekday: int) -> Any:
        self.asked.append((days, draws, first_weekday))
        rise = np.arange(24.0) / 100.0
        return np.array([[rise], [2.0 * rise], [6.0 * rise + rng.standard_normal()]])


@pytest.mark.parametrize(("date", "weekday"), [(dt.date(2024, 6, 6), 3), (None, 9 % 7)])
def test_prices_of_a_model_stand_about_what_is_expected(date: dt.date | None, weekday: int) -> None:
    model: Any = Drawn()
    day: Any = SimpleNamespace(axis=day_axis(None, None, 60), index=9, date=date)
    streams = Streams(4)
    found = forecast._price_draws(rules(), model, day, streams, np.full(24, 0.5))
    assert model.asked == [(1, DRAWS, weekday)]
    rise = np.arange(24.0) / 100.0
    third = 6.0 * rise + streams.generator("forecast price", 9).standard_normal()
    mean = (rise + 2.0 * rise + third) / 3.0
    assert found == pytest.approx(0.5 + np.array([rise - mean, 2.0 * rise - mean, third - mean]))
    assert found.mean(axis=0) == pytest.approx([0.5] * 24)


def unit(kw: float) -> Any:
    return SimpleNamespace(rated_kw=kw)


def test_a_joint_scenario_takes_a_day_of_each_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two kinds of units, the second of which has the first and the third unit; an hour has no load at all."""
    file = rules()
    file.renewables = [unit(10.0), unit(4.0), unit(30.0)]
    usual = np.array([[30.0, 10.0], [0.0, 0.0]])
    day: Any = SimpleNamespace(
        axis=SimpleNamespace(size=2), index=1, date=None, usual_kw=usual, usual_kvar=0.5 * usual,
        expected_kw=np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]),
    )  # fmt: skip
    asked: list[Any] = []

    def noise(_file: Any, _day: Any, _streams: Any, name: str, sigmas: tuple[float, float]) -> Any:
        asked.append((name, sigmas))
        return np.array([[1.0, 1.0], [1.5, 1.0], [0.5, 1.0]])

    def potentials(own: Any, expected: Any, _streams: Any, index: int, _axis: Any, draws: int) -> Any:
        asked.append((own.rated_kw, expected.tolist(), index, draws))
        return np.full((DRAWS, 2), own.rated_kw)

    reduced: list[Any] = []

    def reduce(drawn: Any, keep: int) -> Any:
        reduced.append(np.array(drawn))
        return SimpleNamespace(distance=float(len(reduced)), number=len(reduced) - 1, keep=keep)

    kept = [
        [[60.0, 5.0], [20.0, 7.0]],
        [[0.1, 0.2], [0.3, 0.4]],
        [[2.0, 1.0], [4.0, 3.0]],
        [[5.0, 10.0], [1.0, 0.0]],
    ]

    def joined(sources: Any, count: int, rng: Any) -> Any:
        assert ([source.number for source in sources], [source.keep for source in sources], count) == (
            [0, 1, 2, 3], [2] * 4, 2,
        )  # fmt: skip
        asked.append(rng.integers(2**40) == Streams(7).generator("forecast joint", 1).integers(2**40))
        return [np.array(each) for each in kept]

    for name, stand_in in (
        *(("_noise", noise), ("drawn_potentials", potentials), ("joined", joined)),
        *(("laws_of", lambda _: [np.array([1]), np.array([0, 2])]), ("Source", SimpleNamespace(reduced=reduce))),
    ):
        monkeypatch.setattr(forecast, name, stand_in)
    price, factor = np.array([0.2, 0.4]), np.array([1.25, 2.0])
    prices: Any = np.ndarray.tolist
    found = forecast.joint_scenarios(file, None, prices, day, Streams(7), (price, factor))
    assert asked == [
        ("load", (0.1, 0.4)),
        ("price", (0.3, 0.0)),
        (4.0, [2.0, 5.0], 1, DRAWS),
        (10.0, [1.0, 4.0], 1, DRAWS),
        True,
    ]
    assert reduced[0].tolist() == [[50.0, 0.0], [75.0, 0.0], [25.0, 0.0]]
    assert reduced[1] == pytest.approx(np.array([[0.2, 0.4], [0.3, 0.4], [0.1, 0.4]]))
    assert found.distance == 4.0  # that of prices, 2, is none of power, and would be smaller anyway
    one, two = found.scenarios
    assert (one.probability, two.probability) == (0.5, 0.5)
    told: list[Any] = [one.prices, two.prices]
    assert told == [[0.1, 0.2], [0.3, 0.4]]
    assert one.load_kw.tolist() == [[30.0 * 1.5, 10.0 * 1.5], [0.0, 0.0]]  # 60 of 50 kW times what is expected, 1.25
    assert two.load_kw.tolist() == [[15.0, 5.0], [0.0, 0.0]]
    assert one.load_kvar.tolist() == [[22.5, 7.5], [0.0, 0.0]]
    assert one.available_kw.tolist() == [[5.0, 2.0, 15.0], [10.0, 1.0, 30.0]]
    assert two.available_kw.tolist() == [[1.0, 4.0, 3.0], [0.0, 3.0, 0.0]]


@pytest.mark.parametrize(("distances", "largest"), [((9.0, 1.0, 2.0, 3.0), 9.0), ((1.0, 9.0, 5.0, 3.0), 5.0)])
def test_the_distance_is_that_of_a_source_of_power(
    distances: tuple[float, ...], largest: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, left = rules(), iter(distances)
    file.renewables, file.scenarios.joint = [unit(1.0), unit(2.0)], 1
    day: Any = SimpleNamespace(
        axis=SimpleNamespace(size=1), index=0, date=None, usual_kw=np.ones((1, 1)), usual_kvar=np.ones((1, 1)),
        expected_kw=np.ones((1, 2)),
    )  # fmt: skip
    one = np.ones((1, 1))
    monkeypatch.setattr(forecast, "Source", SimpleNamespace(reduced=lambda *_: SimpleNamespace(distance=next(left))))
    monkeypatch.setattr(forecast, "_noise", lambda *_: one)
    monkeypatch.setattr(forecast, "drawn_potentials", lambda *_: one)
    monkeypatch.setattr(forecast, "laws_of", lambda _: [np.array([0]), np.array([1])])
    monkeypatch.setattr(forecast, "joined", lambda sources, *_: [one] * len(sources))
    prices: Any = np.ndarray.tolist
    made = forecast.joint_scenarios(file, None, prices, day, Streams(1), (np.ones(1), np.ones(1)))
    assert made.distance == largest
