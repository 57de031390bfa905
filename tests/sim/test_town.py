"""A town in which prices change what everyone does tomorrow: town-33, day by day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from agents.learning import BestReply
from equilibrium.markets.ruled import MarketRule, RuledMarket
from scenarios.loading import load_scenario
from sim.markets.charging.model import LocalMarket
from sim.markets.charging.results import DayResult

DAYS = 3
"""Days before something is changed in the memory of an agent."""


@pytest.fixture(scope="module")
def case():
    """The town with fewer drivers and a smaller substation, whose limits bind on the first days too."""
    town = load_scenario("town-33").resolved()
    feeder = {**town["feeder"], "rating_kva": 2400, "voltage_min_pu": 0.978}
    return load_scenario("town-33", {"drivers": {**town["drivers"], "sessions_per_day": 120}, "feeder": feeder})


def run(case, days: int, change: Callable[[LocalMarket], None] | None = None, at: int = DAYS) -> list[DayResult]:
    """The days of a run; before day ``at`` a function may change the model."""
    model, results = LocalMarket(case, seed=2), []
    for index in range(days):
        if change is not None and index == at:
            change(model)
        model.step()
        results.append(model.last)
    return results


@pytest.fixture(scope="module")
def plain(case):
    return run(case, DAYS + 2)


def test_every_day_is_certified_and_buses_differ_in_price(plain):
    assert all(day.clearing.certificate.certified for day in plain)
    assert any(np.ptp(day.clearing.dlmp, axis=1).max() > 1e-3 for day in plain)


@pytest.fixture(scope="module")
def subscribed():
    """The town whose lots have subscribed to less than they would like to draw at times."""
    charge = {"rule": "subscribed-capacity", "capacity_kw": {"lot-1": 40, "lot-3": 25}, "excess_eur_per_kwh": 0.05}
    town = load_scenario("town-33").resolved()
    return load_scenario("town-33", {"drivers": {**town["drivers"], "sessions_per_day": 120}, "network_charge": charge})


def test_power_above_a_subscription_is_paid_for_by_who_draws_it(subscribed):
    """The operator gets what the lots pay above their capacities, and a lot learns from what is left to it."""
    above = np.zeros(4)
    for day in run(subscribed, 3):
        cleared, length = day.clearing, day.axis.length_h
        assert cleared.certificate.certified
        for k, (capacity, lot) in enumerate(zip((40.0, np.inf, 25.0, np.inf), day.lots, strict=True)):
            excess = float(length @ np.maximum(cleared.lot_kw[:, k] - capacity, 0.0))
            above[k] += excess
            assert lot.network_charge == pytest.approx(0.05 * excess, abs=1e-9)
            assert lot.profit == pytest.approx(cleared.lot_profit[k], abs=1e-6)
            assert lot.revenue == pytest.approx(lot.profit + lot.payment + lot.network_charge, abs=1e-9)
        assert day.operator.income == pytest.approx(sum(lot.network_charge for lot in day.lots), abs=1e-9)
    assert (above > 0.0).tolist() == [True, False, True, False]


def test_money_balances_with_every_charge(plain):
    """What drivers pay is the lots' profit, the energy and the charge; the operator gets what the lots pay it."""
    for day in plain:
        cleared, length = day.clearing, day.axis.length_h
        drawn = length[:, None] * cleared.lot_kw
        at_lots = np.zeros_like(drawn) if day.operator.charge is None else day.operator.charge[:, _buses(day)]
        assert day.operator.income == pytest.approx((at_lots * drawn).sum(), abs=1e-9)
        for k, lot in enumerate(day.lots):
            assert lot.network_charge == pytest.approx(at_lots[:, k] @ drawn[:, k], abs=1e-9)
            assert lot.payment == pytest.approx(cleared.lot_price[:, k] @ drawn[:, k], abs=1e-6)
            assert lot.revenue == pytest.approx(lot.profit + lot.payment + lot.network_charge, abs=1e-9)
            assert lot.profit == pytest.approx(cleared.lot_profit[k], abs=1e-4)
    assert plain[0].operator.income == 0.0  # nothing is remembered on the first day
    assert sum(day.operator.income for day in plain) > 1.0


def _buses(day: DayResult) -> list[int]:
    return [site.bus for site in day.network.lots]


def test_the_charge_is_part_of_the_game_that_is_proved(case, plain):
    """Clearing the last day once more without the charge gives other schedules, and another best profit."""
    day = plain[-1]
    assert any(lot.network_charge is not None and lot.network_charge.any() for lot in day.market.lots)
    market = case.market(solver="auto", certify="standard", on_infeasible=None)
    again = market.clear(day.market)
    np.testing.assert_allclose(again.lot_profit, day.clearing.lot_profit, rtol=1e-6)
    free = replace(day.market, lots=tuple(replace(lot, network_charge=None) for lot in day.market.lots))
    without = market.clear(free)
    assert np.all(without.lot_maximum >= day.clearing.lot_maximum - 1e-6)
    assert without.lot_maximum.sum() > day.clearing.lot_maximum.sum() + 0.5
    assert np.abs(without.lot_kw - day.clearing.lot_kw).max() > 1.0


def decisions(day: DayResult) -> dict[str, np.ndarray]:
    """What agents decide on a day."""
    charge = day.operator.charge
    return {
        "posted": np.array([lot.price for lot in day.lots]),
        "charged": np.zeros(1) if charge is None else charge,
        "chosen": np.array([*(lot.arrivals for lot in day.lots), len(day.drivers.stayed_away)], dtype=float),
        "schedule": day.clearing.lot_kw,
    }


def learner(model: LocalMarket) -> BestReply:
    found = model.lots[0].learner
    assert isinstance(found, BestReply)
    return found


def set_learner(name: str, value: object) -> Callable[[LocalMarket], None]:
    return lambda model: setattr(learner(model), name, value)


def scramble_rule(name: str, value: float) -> Callable[[LocalMarket], None]:
    return lambda model: setattr(model.operator.rule, name, np.full_like(getattr(model.operator.rule, name), value))


MEMORY: dict[str, tuple[Callable[[LocalMarket], None], str]] = {
    "the operator's share of hours at a limit": (scramble_rule("share", 1.0), "charged"),
    "the operator's worth of the limits": (scramble_rule("worth", 0.05), "charged"),
    "what drivers think of the lots": (
        lambda model: model.drivers.reputation.values.__setitem__(slice(None), [0.0, 0.0, 1.0, 0.0]),
        "chosen",
    ),
    "what a kWh has cost the lot": (set_learner("cost", 0.25), "posted"),
    "its belief about demand": (set_learner("belief", np.array([5.0, 3.0, 0.5, 0.0])), "posted"),
    "its rivals' prices": (set_learner("rivals", 0.9), "posted"),
    "its room": (set_learner("room", 2.0), "posted"),
}


@pytest.mark.parametrize("what", MEMORY)
def test_every_remembered_thing_decides_something_on_the_next_day(case, plain, what):
    change, decided = MEMORY[what]
    other = run(case, DAYS + 1, change)
    for before, after in zip(plain[:DAYS], other[:DAYS], strict=True):
        for name, value in decisions(before).items():
            np.testing.assert_array_equal(value, decisions(after)[name])
    assert not np.array_equal(decisions(plain[DAYS])[decided], decisions(other[DAYS])[decided]), what


@pytest.mark.parametrize("what", ["_days", "weekday"])
def test_days_and_weekdays_of_a_lot_decide_its_price_within_two_days(case, plain, what):
    def change(model: LocalMarket) -> None:
        rule = learner(model)
        if what == "weekday":
            rule._days[:] = [replace(day, weekday=0) for day in rule._days]
        else:
            rule._days[:] = [replace(day, visitors=3 * day.visitors + 5) for day in rule._days]

    other = run(case, DAYS + 2, change)
    assert decisions(plain[-1])["posted"][0] != decisions(other[-1])["posted"][0]


class Dearer(MarketRule):
    """What is settled and seen are prices three times as high."""

    name = "prices times three"

    def after(self, day, cleared):
        drawn = day.length_h[:, None] * cleared.lot_kw
        more = 2.0 * cleared.lot_price
        return replace(
            cleared,
            dlmp=3.0 * cleared.dlmp,
            lot_price=3.0 * cleared.lot_price,
            lot_profit=cleared.lot_profit - (more * drawn).sum(axis=0),
        )


def test_prices_times_three_raise_what_lots_post_and_the_operator_charges(case, plain):
    def change(model: LocalMarket) -> None:
        model.market = RuledMarket(model.market, Dearer())

    other = run(case, DAYS + 2, change, at=0)
    public = [k for k, lot in enumerate(case.lots) if lot.residents is None]
    mine, theirs = (np.array([[day.lots[k].price for k in public] for day in days]) for days in (plain, other))
    np.testing.assert_array_equal(mine[0], theirs[0])
    assert np.all(theirs[1:].mean(axis=0) > mine[1:].mean(axis=0))
    assert other[1].operator.charge.sum() > plain[1].operator.charge.sum()
    assert sum(len(day.drivers.stayed_away) for day in other) > sum(len(day.drivers.stayed_away) for day in plain)


def test_homes_charge_whatever_the_lots_post(plain):
    homes = next(k for k, lot in enumerate(plain[0].network.lots) if lot.name == "homes")
    for day in plain:
        assert day.lots[homes].arrivals == 120
        assert day.lots[homes].price == 0.30
    assert all(record.lot != "homes" or record.paid > 0.0 for day in plain for record in day.finished)
