"""Who arrives, number by number: what is capped of recorded sessions, how many come, from where, in which vehicles."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from equilibrium.errors import InputError
from scenarios.markets.charging import arrivals as module
from scenarios.markets.charging.arrivals import Arrivals
from scenarios.markets.charging.driver_schema import SessionDrivers
from scenarios.readers.sessions import SessionLog
from scenarios.streams import Streams

MONDAY, THURSDAY = dt.date(2024, 1, 1), dt.date(2024, 1, 4)
VEHICLES = {
    "battery_kwh": np.array([20.0, 40.0, 100.0]),
    "registrations": np.array([1.0, 3.0, 4.0]),
    "ac_kw": np.array([3.0, 7.0, 11.0]),
    "dc_kw": np.array([30.0, 70.0, 110.0]),
}


def log(
    energy: Sequence[float],
    stay: Sequence[float] | None = None,
    battery: Sequence[float] | None = None,
    day: Sequence[int] | None = None,
    **changes: Any,
) -> SessionLog:
    count, none = len(energy), np.full(len(energy), np.nan)
    given: dict[str, Any] = {
        "source": "log.csv",
        "first": MONDAY,
        "days": 7,
        "day": np.array(range(count) if day is None else day),
        "arrival_h": 8.0 + np.arange(count),
        "stay_h": np.full(count, 2.0) if stay is None else np.array(stay),
        "energy_kwh": np.array(energy),
        "battery_kwh": none if battery is None else np.array(battery),
        "vehicle_kw": none,
        "site": ("",) * count,
        "arrival_again": np.zeros(count, dtype=bool),
        "departure_again": np.zeros(count, dtype=bool),
        "notes": (),
    }
    return SessionLog(**given | changes)


def prepared(*logs: SessionLog, **keys: Any) -> Arrivals:
    drivers = SessionDrivers.model_validate({"source": "replay", "files": ["-"], **keys})
    return Arrivals.prepare(logs, drivers, VEHICLES, {})


def share(least: float, most: float = 1.0) -> dict[str, Any]:
    return {"arrival_share_min": least, "arrival_share_max": most}


def test_what_just_fits_is_no_more_than_what_fits() -> None:
    """Of a battery of 100 kWh a quarter is full at arrival: 75 kWh fit, or all of a battery that is known."""
    found = prepared(
        log([75.0, 30.0, 1.0], stay=[24.0, 2.0, 1.0], battery=[np.nan, 30.0, np.nan]), vehicles=share(0.25)
    )
    assert found.notes == ()
    over = prepared(
        log([75.1, 30.1, 1.0, 1.0, 1.0], [24.1, 2.0, 1.0, 1.0, 1.0], [np.nan, 30.0, *[np.nan] * 3]),
        log([1.0, 1.0], source="other.csv", notes=("as it stands",)),
        vehicles=share(0.25),
    )
    assert over.notes == (
        "as it stands",
        "log.csv: 1 of 5 sessions stay longer than stay_max_h and leave after 24 h",
        "log.csv: 2 of 5 sessions want more than fits into the battery (at most 75 kWh) and ask for what fits",
    )
    assert over.logs[0].energy_kwh.tolist() == [75.0, 30.0, 1.0, 1.0, 1.0]
    assert over.logs[0].stay_h.tolist() == [24.0, 2.0, 1.0, 1.0, 1.0]
    assert over.fits == ()


def test_a_log_most_of_whose_sessions_fit_nowhere_is_refused() -> None:
    half = prepared(log([500.0, 300.0, 1.0, 2.0]), vehicles=share(0.0))
    assert half.logs[0].energy_kwh.tolist() == [100.0, 100.0, 1.0, 2.0]
    with pytest.raises(InputError) as error:
        prepared(log([7000.0, 9000.0, 8000.0, 2.0, 1.0]), vehicles=share(0.0))
    assert str(error.value) == (
        "log.csv: column energy_kwh: got '7000 in the middle', expected kWh of which most fit into a battery "
        "(100 kWh at most); 7000 Wh would be 7 kWh"
    )


@pytest.mark.parametrize(("days", "fits"), [(6, False), (7, True), (20, True)])
def test_a_log_has_at_least_a_week(days: int, fits: bool) -> None:
    short = log([1.0], days=days, first=THURSDAY)
    if fits:
        assert prepared(short).logs[0].days == days
        return
    with pytest.raises(InputError, match=f"dates: got '{days} days', expected at least a week of sessions"):
        prepared(short)


@pytest.mark.parametrize(
    ("first", "days", "counts"), [(MONDAY, 9, [2, 2, 1, 1, 1, 1, 1]), (THURSDAY, 10, [1, 1, 1, 2, 2, 2, 1])]
)
def test_dates_of_each_weekday(first: dt.date, days: int, counts: list[int]) -> None:
    one = log([1.0], first=first, days=days)
    assert [module._count(one, weekday) for weekday in range(7)] == counts


def test_weeks_of_a_log_come_again() -> None:
    """From a Thursday on, ten days: Mondays are day 4, Thursdays are days 0 and 7."""
    one = log([1.0], first=THURSDAY, days=10)
    assert [module._day_of(one, 0, week) for week in range(3)] == [4, 4, 4]
    assert [module._day_of(one, 3, week) for week in range(4)] == [0, 7, 0, 7]


def two_logs(**keys: Any) -> Arrivals:
    """Nine days from a Monday with 3 sessions on Mondays, 1 on Sundays; a week from a Thursday with 2 on Mondays."""
    return prepared(log([1.0] * 4, day=[0, 0, 7, 6], days=9), log([2.0] * 2, day=[4, 4], first=THURSDAY), **keys)


def test_the_mean_of_a_weekday() -> None:
    found = two_logs()
    assert [found._mean(weekday) for weekday in range(7)] == pytest.approx([3 / 2 + 2, 0, 0, 0, 0, 0, 1])
    wanted = two_logs(source="resample", sessions_per_day=9.0)  # the week's mean is 4.5 of seven days
    assert [wanted._mean(weekday) for weekday in range(7)] == pytest.approx([3.5 * 14, 0, 0, 0, 0, 0, 14.0])


class Told:
    """Stands for a generator: the mean asked for is drawn, shared and told."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def poisson(self, mean: float) -> int:
        self.asked.append(mean)
        return 7

    def multinomial(self, count: int, shares: Any) -> Any:
        self.asked.append((count, shares.tolist()))
        return np.array([5, 2]) if len(self.asked) < 3 else np.array([7, 0])

    def choice(self, pool: Any, count: int) -> Any:
        self.asked.append((pool.tolist(), count))
        return pool[:1].repeat(count)


def test_sessions_are_drawn_from_all_logs_in_the_shares_of_their_dates() -> None:
    """On Mondays 1.5 and 2 sessions a date; on Sundays the second log has none; on Tuesdays nobody has any."""
    rng: Any = Told()
    found = two_logs()
    picked = found._resampled(0, rng)
    assert [each.tolist() for each in picked] == [[0] * 5, [0] * 2]
    assert rng.asked == [3.5, (7, pytest.approx([1.5 / 3.5, 2.0 / 3.5])), ([0, 1, 2], 5), ([0, 1], 2)]
    rng.asked = [0]
    assert [each.tolist() for each in found._resampled(6, rng)] == [[3] * 7, []]
    assert rng.asked[1:] == [1.0, (7, [1.0, 0.0]), ([3], 7)]
    rng.asked = []
    assert [each.tolist() for each in found._resampled(1, rng)] == [[], []]
    assert rng.asked == []


class Shares:
    """Stands for a generator of shares between 0 and 1."""

    def __init__(self, model: list[float], energy: list[float]) -> None:
        self.given = np.array([model, energy])

    def random(self, shape: tuple[int, int]) -> Any:
        assert shape == self.given.shape
        return self.given


def vehicles_of(
    wish: list[float], model: list[float], energy: list[float], **known: list[float]
) -> list[tuple[float, float, float]]:
    found = prepared(log([1.0]), vehicles={**share(0.25, 0.5), "charging": known.pop("charging", "ac")})
    none = [np.nan] * len(wish)
    column = {"energy_kwh": wish, "battery_kwh": none, "vehicle_kw": none, **known}
    rng: Any = Shares(model, energy)
    each = found._vehicles({name: np.array(values) for name, values in column.items()}, rng)
    return list(zip(*(part.tolist() for part in each), strict=True))


def test_a_model_is_drawn_by_registrations_among_those_that_hold_the_energy() -> None:
    """A quarter of each battery is full: 15, 30 and 75 kWh fit; 1, 3 and 4 of 8 are registered."""
    small = vehicles_of([10.0] * 5, [0.0, 0.124, 0.125, 0.499, 0.5], [0.0] * 5)
    assert [battery for battery, *_ in small] == [20.0, 20.0, 40.0, 40.0, 100.0]
    assert [power for *_, power in small] == [3.0, 3.0, 7.0, 7.0, 11.0]
    at_edge = vehicles_of([15.0, 15.1, 30.0, 30.1, 99.0], [0.0] * 5, [0.0] * 5)
    assert [battery for battery, *_ in at_edge] == [20.0, 40.0, 40.0, 100.0, 100.0]
    middle = vehicles_of([16.0] * 3, [0.42, 0.43, 0.999999], [0.0] * 3)  # 3 of 7
    assert [battery for battery, *_ in middle] == [40.0, 100.0, 100.0]


def test_the_energy_at_arrival_leaves_room_for_the_wish() -> None:
    """Of 40 kWh between 10 and 20 are there; a wish of 25 leaves 15, one of 35 leaves 5, one of 50 leaves nothing."""
    battery, full = [40.0] * 6, [0.0, 0.5, 1.0, 1.0, 1.0, 1.0]
    found = vehicles_of([5.0, 5.0, 5.0, 25.0, 35.0, 50.0], [0.0] * 6, full, battery_kwh=battery)
    assert [energy for _, energy, _ in found] == pytest.approx([10.0, 15.0, 20.0, 15.0, 5.0, 0.0])
    assert [each[0] for each in found] == battery


def test_a_limit_that_is_known_is_the_vehicle_s() -> None:
    found = vehicles_of([5.0, 5.0], [0.9, 0.9], [0.0, 0.0], vehicle_kw=[22.0, np.nan])
    assert [power for *_, power in found] == [22.0, 11.0]
    fast = vehicles_of([5.0], [0.9], [0.0], charging="dc")  # type: ignore[arg-type]
    assert fast[0][2] == 110.0


def test_nobody_leaves_before_arriving_and_names_go_by_arrival() -> None:
    made = prepared(
        log([1.0, 2.0, 3.0], day=[0, 0, 0], arrival_h=np.array([9.0, 7.0, 7.0])),
        patience={"lots_min": 2, "lots_max": 2},
    )

    def elapsed(clock: Any, again: Any) -> Any:
        assert not again.any()
        return np.where(clock > 8.5, clock - 2.5, clock)  # all that ends after half past eight goes back

    sessions = made.day(4, 0, 0, Streams(1), elapsed)
    assert [(s.name, s.arrival_h, s.departure_h, s.energy_kwh) for s in sessions] == [
        ("4-0", 6.5, 8.5, 1.0),
        ("4-1", 7.0, 7.0, 2.0),
        ("4-2", 7.0, 7.0, 3.0),
    ]
    assert {(s.patience, s.home_lot) for s in sessions} == {(2, -1)}
