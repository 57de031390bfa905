"""Sessions from fitted distributions: moments, joint ranks, a scenario that uses them."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from scipy.special import ndtri
from scipy.stats import kendalltau

from equilibrium.errors import InputError
from scenarios.draws.copulas import GaussianCopula
from scenarios.draws.fitted import FittedSessions
from scenarios.loading import load_scenario
from scenarios.streams import Streams
from tests.scenarios.conftest import scenario_data

COUNT = 20_000


def recorded(seed: int = 0, count: int = 2000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Arrivals about 9 h, stays and energies lognormal, energy rising with the stay, later ones staying less."""
    rng = np.random.default_rng(seed)
    first, second, third = rng.standard_normal((3, count))
    arrival = np.clip(9.0 + 2.0 * first, 0.0, 23.9)
    stay = np.exp(1.0 + 0.5 * (-0.6 * first + 0.8 * second))
    energy = np.exp(2.0 + 0.7 * (0.8 * second + 0.6 * third))
    return arrival, stay, energy


def test_margins_and_ranks_are_those_of_the_record() -> None:
    arrival, stay, energy = recorded()
    drawn = FittedSessions.fit(arrival, stay, energy, "log").sample(np.random.default_rng(1), COUNT)
    np.testing.assert_allclose(np.quantile(drawn[0], [0.1, 0.5, 0.9]), np.quantile(arrival, [0.1, 0.5, 0.9]), atol=0.1)
    for mine, theirs in ((drawn[1], stay), (drawn[2], energy)):
        assert np.log(mine).mean() == pytest.approx(np.log(theirs).mean(), abs=0.02)
        assert np.log(mine).std() == pytest.approx(np.log(theirs).std(), abs=0.02)
    columns = (arrival, stay, energy)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        wanted = kendalltau(columns[one], columns[other]).statistic
        assert kendalltau(drawn[one], drawn[other]).statistic == pytest.approx(wanted, abs=0.03)
    assert arrival.min() <= drawn[0].min() <= drawn[0].max() <= arrival.max()


def test_the_correlation_is_that_of_the_normal_scores_where_many_values_are_equal() -> None:
    """Scores of ranks with ties have a mean: it is no part of what two variables have in common."""
    rng = np.random.default_rng(4)
    first = rng.random(400)
    ranks = np.array([np.where(first < 0.7, 0.35, first), 0.02 + 0.96 * rng.random(400) * first, rng.random(400)])
    factor = GaussianCopula.fit(ranks).factor
    np.testing.assert_allclose(factor @ factor.T, np.corrcoef(ndtri(ranks)), atol=1e-9)
    assert np.abs(ndtri(ranks).mean(axis=1)).max() > 0.1
    np.testing.assert_allclose(np.triu(factor, 1), 0.0)


def test_equal_values_can_be_fitted() -> None:
    fitted = FittedSessions.fit(np.full(12, 8.0), np.full(12, 2.0), np.full(12, 10.0), "log")
    drawn = fitted.sample(np.random.default_rng(1), 5)
    np.testing.assert_allclose(drawn, [[8.0] * 5, [2.0] * 5, [10.0] * 5], rtol=1e-6)


def test_too_few_sessions_are_refused() -> None:
    arrival, stay, energy = recorded(count=9)
    with pytest.raises(InputError, match=r"log: sessions: got 9, expected at least 10 on each weekday"):
        FittedSessions.fit(arrival, stay, energy, "log")


def test_a_scenario_with_few_sessions_is_refused_when_it_is_loaded(case: Path) -> None:
    case.write_text(yaml.safe_dump(scenario_data() | {"drivers": {"source": "fitted", "files": ["sessions.csv"]}}))
    with pytest.raises(InputError, match="on each weekday to fit them"):
        load_scenario(str(case))


def test_days_of_a_scenario_have_as_many_sessions_as_wanted_and_are_like_the_record() -> None:
    drivers = {"source": "fitted", "files": ["acn-2019"], "sessions_per_day": 200}
    case = load_scenario("nodal-33", {"drivers": {**load_scenario("nodal-33").resolved()["drivers"], **drivers}})
    assert case.arrivals is not None
    days = [case.day(index, Streams(3)).sessions for index in range(28)]
    assert np.mean([len(day) for day in days]) == pytest.approx(200.0, abs=4.0 * np.sqrt(200.0 / 28.0))
    workdays = [day for index, day in enumerate(days) if case.date(index).weekday() < 5]
    energy = np.array([session.energy_kwh for day in workdays for session in day])
    log = case.arrivals.logs[0]
    theirs = log.energy_kwh[(log.first.weekday() + log.day) % 7 < 5]
    assert np.median(energy) == pytest.approx(np.median(theirs), rel=0.2)
    for day in days:
        assert all(a.arrival_h <= b.arrival_h for a, b in itertools.pairwise(day))
        assert all(s.energy_kwh + s.arrival_energy_kwh <= s.battery_kwh + 1e-9 for s in day)
        assert all(0.0 <= s.departure_h - s.arrival_h <= 24.0 + 1e-9 for s in day)
    assert case.day(5, Streams(3)).sessions == days[5] != case.day(5, Streams(4)).sessions


def test_a_vine_keeps_what_a_gaussian_copula_loses_in_the_tails() -> None:
    """Stay and energy of a Clayton copula: small ones come together, large ones do not."""
    pytest.importorskip("pyvinecopulib")
    rng, count = np.random.default_rng(7), 3000
    gamma = rng.gamma(0.5, size=count)  # theta 2, by Marshall and Olkin
    shares = (1.0 + rng.exponential(size=(2, count)) / gamma) ** -0.5
    arrival = 8.0 + rng.random(count)
    stay, energy = np.exp(ndtri(shares[0])), np.exp(2.0 + ndtri(shares[1]))

    def together(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
        low, high = (np.quantile(one, share) for share in (0.05, 0.95))
        theirs = np.quantile(other, 0.05), np.quantile(other, 0.95)
        return float(np.mean(other[one < low] < theirs[0])), float(np.mean(other[one > high] > theirs[1]))

    recorded_tails = together(stay, energy)
    fitted = {name: FittedSessions.fit(arrival, stay, energy, copula=name) for name in ("gaussian", "vine")}
    drawn = {name: each.sample(np.random.default_rng(8), COUNT) for name, each in fitted.items()}
    tails = {name: together(each[1], each[2]) for name, each in drawn.items()}
    assert tails["vine"] == pytest.approx(recorded_tails, abs=0.08)
    assert tails["gaussian"][0] < recorded_tails[0] - 0.15
    for each in drawn.values():
        assert kendalltau(each[1], each[2]).statistic == pytest.approx(0.5, abs=0.04)
        assert abs(kendalltau(each[0], each[1]).statistic) < 0.05
        assert np.log(each[1]).mean() == pytest.approx(np.log(stay).mean(), abs=0.05)
    again = fitted["vine"].sample(np.random.default_rng(8), COUNT)
    np.testing.assert_array_equal(again, drawn["vine"])
    assert fitted["vine"].sample(np.random.default_rng(8), 0).shape == (3, 0)


@pytest.mark.long
def test_a_scenario_may_ask_for_a_vine() -> None:
    pytest.importorskip("pyvinecopulib")
    drivers = load_scenario("nodal-33").resolved()["drivers"] | {"source": "fitted", "files": ["acn-2019"]}
    gaussian, vine = (
        load_scenario("nodal-33", {"drivers": drivers | {"copula": name}}) for name in ("gaussian", "vine")
    )
    one, other = (case.day(1, Streams(3)).sessions for case in (gaussian, vine))
    assert len(one) == len(other) > 0
    assert one != other == vine.day(1, Streams(3)).sessions


def test_without_its_library_a_vine_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyvinecopulib", None)
    with pytest.raises(InputError, match=r"pip install 'equilot\[copula\]'"):
        FittedSessions.fit(*recorded(count=20), copula="vine")
