"""The yardstick of posted prices in a run: whose game it is, and what comes of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.errors import InputError
from scenarios.loading import load_scenario
from sim.cli import main
from sim.markets.charging.model import LocalMarket
from sim.markets.charging.yardstick import _cost, _places

SLOPE, HOME, STAY = -12.0, 0.15, 0.3
GRID = [0.06, 0.26]


def equal_lots(places: int = 400, **drivers: Any):
    """Three equal lots beside each other that pay nothing for energy, and drivers who may charge at home."""
    base = load_scenario("week-33").resolved()
    alike = {"places": places, "charging_price_eur_per_kwh": 0.16, "walking_distance_m": 0, "efficiency": 0.9}
    learning = {"rule": "best-reply", "price_grid_eur_per_kwh": GRID}
    choice = {
        "price_utility_per_eur_per_kwh": SLOPE,
        "walking_utility_per_m": -0.004,
        "outside": {"price_eur_per_kwh": HOME, "constant": STAY},
    }
    settings = {"source": "resample", "files": ["acn-2019"], "sessions_per_day": 90, "choice": choice, **drivers}
    return load_scenario(
        "week-33", {"lots": [{**lot, **alike, "learning": learning} for lot in base["lots"]], "drivers": settings}
    )


def days(case: Any, count: int):
    model = LocalMarket(case, seed=3, yardstick=True)
    for _ in range(count):
        reputation = model.drivers.reputation.values.copy()
        model.step()
        yield model, model.last, reputation


def test_the_game_is_that_of_the_day() -> None:
    """With room for all, profits are (p - c) kWh times the logit's share, and equal lots have the textbook's markup."""
    for _, day, reputation in days(equal_lots(), 2):
        measure = day.prices
        posted = np.array([lot.price for lot in day.lots])
        weights = np.exp([*(SLOPE * posted + reputation), SLOPE * HOME + STAY])
        share = weights[:3] / weights.sum()
        sessions = day.scenario.sessions
        asked = sum(session.energy_kwh for session in sessions) / 0.9
        np.testing.assert_allclose(measure.cost, 0.0, atol=1e-12)
        np.testing.assert_allclose(measure.yardstick.posted.prices, posted)
        np.testing.assert_allclose(measure.yardstick.posted.profit, posted * share * asked, rtol=1e-9)
        price = measure.yardstick.equilibrium.prices
        there = np.exp([*(SLOPE * price + reputation), SLOPE * HOME + STAY])
        np.testing.assert_allclose(price, 1.0 / (-SLOPE * (1.0 - there[:3] / there.sum())), rtol=1e-6)
        np.testing.assert_allclose(measure.yardstick.distance, posted - price)


def test_a_kwh_costs_what_was_paid_with_the_charge_and_homes_do_not_play() -> None:
    town = load_scenario("town-33").resolved()
    case = load_scenario("town-33", {"drivers": {**town["drivers"], "sessions_per_day": 60}})
    model = LocalMarket(case, seed=2, yardstick=True)
    charge = np.full((24, 33), 0.01)
    model.operator.rule.charges = lambda axis: charge[: axis.size]  # type: ignore[method-assign, union-attr]
    model.step()
    day = model.last
    assert day.prices.lots == ("lot-1", "lot-2", "lot-3")
    for k, lot in enumerate(day.lots[:3]):
        assert lot.network_charge == pytest.approx(0.01 * lot.energy_kwh)
        assert day.prices.cost[k] == pytest.approx(lot.payment / lot.energy_kwh + 0.01)


def test_where_nothing_was_drawn_a_kwh_costs_the_price_of_the_hours() -> None:
    """Periods count by their length; the lot's own column of the prices counts."""
    clearing: Any = SimpleNamespace(lot_price=np.array([[9.0, 1.0], [9.0, 3.0]]))
    idle, busy = (
        SimpleNamespace(energy_kwh=energy, payment=6.0, network_charge=1.0, arrivals=5, refused=refused)
        for energy, refused in ((0.0, 0), (2.0, 3))
    )
    lots: list[Any] = [SimpleNamespace(index=1, record=lambda each=each: each) for each in (idle, busy)]
    assert [_cost(lot, np.array([0.25, 0.75]), clearing) for lot in lots] == [2.5, 3.5]
    assert [_places(lot) for lot in lots] == [np.inf, 5.0]
    busy.arrivals = 0
    assert _places(lots[1]) == 1.0


def test_a_lot_that_was_full_has_the_places_that_it_filled() -> None:
    """Two places each: who comes later finds no room, in the game as in the day."""
    for _, day, _ in days(equal_lots(places=2), 1):
        full = [k for k, lot in enumerate(day.lots) if lot.refused]
        assert full
        kwh = sum(session.energy_kwh for session in day.scenario.sessions) / len(day.scenario.sessions) / 0.9
        for k in full:
            most = day.lots[k].price * kwh * day.lots[k].arrivals
            assert day.prices.yardstick.posted.profit[k] <= most * (1.0 + 1e-9)


def test_a_day_without_drivers_and_a_run_without_the_option_have_no_yardstick() -> None:
    nobody = equal_lots(sessions_per_day=1e-9)
    model = LocalMarket(nobody, seed=3, yardstick=True)
    model.step()
    assert model.last.prices is None
    plain = LocalMarket(equal_lots(), seed=3)
    plain.step()
    assert plain.last.prices is None


def test_where_nobody_chooses_by_the_price_there_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="drivers who choose among lots"):
        LocalMarket("epec-lots-33-case1", yardstick=True)
    drivers = load_scenario("week-33").resolved()["drivers"]
    blind = {**drivers, "choice": {**drivers["choice"], "price_utility_per_eur_per_kwh": 0.0}}
    with pytest.raises(InputError, match="less than 0 for a yardstick"):
        LocalMarket(load_scenario("week-33", {"drivers": blind}), yardstick=True)
    for name in ("disco-15", "aggregator-37", "aggregators-37", "two-settlement"):
        assert main(["run", name, "--yardstick", "--days", "1"]) == 2
        assert "no yardstick" in capsys.readouterr().err
