"""Typical days of lots, residents at home, and laws that are fitted to sessions, by hand."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.errors import InputError
from scenarios.draws.copulas import COPULAS, GaussianCopula, VineCopula
from scenarios.draws.fitted import FittedSessions
from scenarios.markets.charging.envelopes import typical_lots
from scenarios.markets.charging.residents import resident_sessions, typical_residents
from scenarios.markets.charging.schema import LotSection
from scenarios.session import Session

HOURS = np.ones(24)
HOMES = {
    **{"vehicles": 3, "battery_kwh": 40.0, "return_mean_h": 18.0, "return_sigma_h": 1.0, "leave_mean_h": 7.0},
    **{"leave_sigma_h": 0.5, "energy_median_kwh": 8.0, "energy_sigma": 0.5},
}


def lot(name: str, places: int, **changes: Any) -> LotSection:
    given = {"name": name, "bus": "b", "places": places, "charger_kw": 10.0, "efficiency": 0.9}
    return LotSection.model_validate(given | {"charging_price_eur_per_kwh": 0.3} | changes)


def session(arrival: float, departure: float, energy: float = 9.0, power: float = 20.0) -> Session:
    return Session("s", arrival, departure, energy, 50.0, 10.0, power, 1)


def energy_in(day: Any) -> dict[int, float]:
    return {t: float(value) for t, value in enumerate(day.energy_in_kwh) if value}


# Typical days


def test_each_session_goes_to_the_lot_with_the_largest_share_of_free_places() -> None:
    """Of 2 and 4 places: the first lot of equal ones, then the other one until its share falls below a half."""
    arrivals = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0)
    sessions = tuple(session(arrival, 20.0) for arrival in arrivals)
    days = typical_lots(sessions, (lot("a", 2), lot("b", 4)), HOURS)
    assert [energy_in(day) for day in days] == [{1: 10.0, 4: 10.0}, {2: 10.0, 3: 10.0, 5: 10.0, 6: 10.0}]
    gone = typical_lots((session(1.0, 3.0), session(3.0, 5.0)), (lot("a", 1),), HOURS)
    assert energy_in(gone[0]) == {1: 10.0, 3: 10.0}  # who leaves as another comes leaves the place
    assert [energy_in(day) for day in typical_lots(sessions, (lot("a", 2),), HOURS)] == [{1: 10.0, 2: 10.0}]
    assert typical_lots(sessions, (), HOURS) == ()


def test_the_envelope_of_a_typical_session() -> None:
    """From 1:30 to 4:00 at 10 kW and an efficiency of 0.9: 9 kWh are stored in an hour of full power."""
    (day,) = typical_lots((session(1.5, 4.0, energy=12.0),), (lot("a", 1),), HOURS)
    assert day.power_max_kw[:5].tolist() == pytest.approx([0.0, 5.0, 10.0, 10.0, 0.0])
    assert day.charging_price.tolist() == [0.3] * 24
    assert day.soe_max_kwh[1:4].tolist() == pytest.approx([14.5, 22.0, 22.0])
    assert day.soe_min_kwh[1:4].tolist() == pytest.approx([10.0, 13.0, 22.0])
    assert day.fleet is None
    (short,) = typical_lots((session(1.0, 2.0, energy=12.0),), (lot("a", 1),), HOURS)
    assert short.energy_out_kwh[2] == pytest.approx(19.0)  # no more than 9 of the 12 kWh can be stored
    (slow,) = typical_lots((session(1.0, 2.0, power=4.0),), (lot("a", 1),), HOURS)
    assert slow.power_max_kw[1] == 4.0  # the vehicle's own limit


def test_residents_are_at_home_and_nobody_else_is() -> None:
    homes = lot("home", 5, residents=HOMES)
    days = typical_lots((session(1.0, 20.0),), (homes, lot("a", 1)), HOURS)
    energy = 8.0 * math.exp(0.125)
    assert energy_in(days[0]) == {18: pytest.approx(3 * (40.0 - energy))}
    assert energy_in(days[1]) == {1: 10.0}


def test_residents_that_behave_as_expected() -> None:
    home = lot("home", 5, residents=HOMES)
    energy = 8.0 * math.exp(0.125)
    assert typical_residents(home) == tuple(
        Session(f"{k}", 18.0, 31.0, energy, 40.0, 40.0 - energy, 10.0, 1, -1) for k in range(3)
    )
    full = typical_residents(lot("home", 5, residents=HOMES | {"energy_median_kwh": 39.0}))
    assert {(each.energy_kwh, each.arrival_energy_kwh) for each in full} == {(40.0, 0.0)}
    assert typical_residents(lot("a", 5)) == ()


def test_residents_of_a_day_by_hand() -> None:
    """Times in deviations; returns lie between noon and midnight, leavings between midnight and noon."""
    drawn = np.array([[1.0, -7.0, 9.0], [0.0, -20.0, 20.0], [0.0, 2.0, 10.0]])
    asked: list[Any] = []

    def generator(name: str, day: int) -> Any:
        asked.append((name, day))
        return SimpleNamespace(standard_normal=lambda shape: drawn if shape == (2 + 1, 3) else None)

    streams: Any = SimpleNamespace(generator=generator)
    nobody, found = resident_sessions((lot("a", 2), lot("home", 5, residents=HOMES)), 4, streams)
    assert nobody == ()
    assert asked == [("residents-home", 4)]
    wanted = [(1, 12.0, 24.0, 8.0 * math.e), (0, 19.0, 31.0, 8.0), (2, 24.0 - 1e-3, 36.0, 40.0)]
    assert found == tuple(
        Session(f"4-home-{k}", arrival, leaving, pytest.approx(energy), 40.0, pytest.approx(40.0 - energy), 10.0, 1, -1)
        for k, arrival, leaving, energy in wanted
    )
    assert resident_sessions((lot("a", 2),), 4, streams) == ()
    assert len(asked) == 1


# Fitted sessions


def test_a_gaussian_copula_has_the_correlation_of_the_scores() -> None:
    """Scores of 1 and -1: the first two agree in 3 of 4, the third is always the same."""
    low, high = 0.15865525393145707, 0.8413447460685429
    ranks = np.array([[high, high, low, low], [high, low, low, low], [0.3] * 4])
    factor = GaussianCopula.fit(ranks).factor
    joint = factor @ factor.T
    mean, spread = -0.5, math.sqrt(0.75)
    assert joint[0, 1] == pytest.approx((0.5 - 0.0 * mean) / spread, abs=1e-8)
    assert joint == pytest.approx(np.array([[1, joint[0, 1], 0], [joint[0, 1], 1, 0], [0, 0, 1]]), abs=1e-8)
    assert np.triu(factor, 1).tolist() == np.zeros((3, 3)).tolist()
    same = GaussianCopula.fit(np.array([[high, low], [high, low]])).factor
    assert same @ same.T == pytest.approx(np.ones((2, 2)), abs=1e-7)
    rng: Any = SimpleNamespace(standard_normal=lambda shape: np.arange(1.0, 7.0).reshape(shape))
    assert GaussianCopula(np.array([[1.0, 0.0], [0.6, 0.8]])).scores(rng, 3) == pytest.approx(
        np.array([[1.0, 2.0, 3.0], [3.8, 5.2, 6.6]])
    )


def test_shares_of_a_vine_are_kept_from_nothing_and_one() -> None:
    vine = SimpleNamespace(dim=2, inverse_rosenblatt=lambda shares: shares)
    rng: Any = SimpleNamespace(random=lambda shape: np.array([[0.0, 0.5], [1.0, 0.8413447460685429]]).reshape(shape))
    found = VineCopula(vine).scores(rng, 2)
    assert found == pytest.approx(np.array([[-7.034483825, 7.034483825], [0.0, 1.0]]), abs=1e-4)
    assert VineCopula(vine).scores(rng, 0).shape == (2, 0)
    assert sorted(COPULAS) == ["gaussian", "vine"]


def test_a_fit_by_hand() -> None:
    """Ten sessions: equal arrivals share their rank; what lasts or takes nothing counts a thousandth."""
    ten = np.arange(10.0)
    arrival = np.array([8.0, 8.0, 7.0, *range(9, 16)])
    seen: list[Any] = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(COPULAS, "gaussian", lambda ranks: seen.append(ranks) or "copula")  # type: ignore[arg-type]
        found = FittedSessions.fit(arrival, ten, np.full(10, 2.0))
    assert seen[0][0] * 11.0 == pytest.approx([2.5, 2.5, 1.0, *range(4, 11)])
    assert seen[0][1] * 11.0 == pytest.approx(np.arange(1, 11))
    assert seen[0][2] * 11.0 == pytest.approx([5.5] * 10)
    logs = [math.log(max(value, 1e-3)) for value in ten]
    assert found.stay == pytest.approx((np.mean(logs), np.std(logs)))
    assert found.energy == pytest.approx((math.log(2.0), 0.0), abs=1e-12)
    assert found.arrivals_h.tolist() == sorted(arrival.tolist())
    with pytest.raises(InputError) as error:
        FittedSessions.fit(arrival[:9], ten[:9], ten[:9], "log.csv")
    assert str(error.value) == "log.csv: sessions: got 9, expected at least 10 on each weekday to fit them"


def test_a_sample_by_hand() -> None:
    """Of three arrivals the middle is the median; scores move stay and energy in their logarithms."""
    copula: Any = SimpleNamespace(scores=lambda *_: np.array([[0.0, -9.0, 9.0], [0.0, 1.0, -1.0], [2.0, 0.0, 1.0]]))
    law = FittedSessions(np.array([6.0, 8.0, 12.0]), (1.0, 0.5), (2.0, 0.25), copula)
    arrival, stay, energy = law.sample(None, 3)  # type: ignore[arg-type]
    assert arrival.tolist() == [8.0, 6.0, 12.0]
    assert stay.tolist() == pytest.approx(np.exp([1.0, 1.5, 0.5]))
    assert energy.tolist() == pytest.approx(np.exp([2.5, 2.0, 2.25]))
