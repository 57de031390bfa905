"""What users bring of their own: agents, learning rules, market rules; all get tables, figures and certificates."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import equilot
from agents.charging.lot import ParkingLot
from equilibrium.errors import InputError
from sim.simulate import simulate

DAYS = equilot.RunOptions(days=2, seed=1)


@pytest.fixture(scope="module")
def case():
    return equilot.load_scenario("week-33")


class Discounter(ParkingLot):
    """A lot that sells at a price of its own."""

    def observe(self, day):
        super().observe(day)
        self.price = 0.11


class MyMarket(equilot.LocalMarket):
    """The market with one lot of one's own."""

    def make_lot(self, index, site, settings):
        lot = super().make_lot(index, site, settings)
        if index != 1:
            return lot
        lot.remove()
        return Discounter(
            self,
            site=site,
            index=index,
            places=settings.places,
            charger_kw=settings.charger_kw,
            price=settings.charging_price_per_kwh,
            streams=self.streams,
        )


class Cap(equilot.MarketRule):
    """Charging prices of at most 0.40 per kWh."""

    name = "charging prices of at most 0.40 per kWh"

    def before(self, day):
        capped = [replace(lot, charging_price=lot.charging_price.clip(max=0.40)) for lot in day.lots]
        return replace(day, lots=tuple(capped))


class Refund(equilot.MarketRule):
    """Every lot gets 5 back, whatever it did."""

    name = "5 for every lot"

    def after(self, day, cleared):
        return replace(cleared, lot_profit=cleared.lot_profit + 5.0 * (day.hours > 0))


def test_a_model_with_own_agents_gets_tables_and_figures(case, tmp_path):
    outcome = equilot.run_scenario(case, tmp_path / "own", DAYS, model=MyMarket.from_options)
    assert outcome.status == "complete"
    prices = equilot.read_run(tmp_path / "own").lot_days.groupby("lot")["price_per_kwh"].unique()
    names = [lot.name for lot in case.network.lots]
    np.testing.assert_allclose(prices[names[1]], 0.11)
    assert all(price != 0.11 for name in (names[0], names[2]) for price in prices[name])
    assert outcome.run.certificates["certified"].all()
    assert len(list(equilot.draw_run(outcome.run, formats=("svg",)))) > 3
    manifest = json.loads((tmp_path / "own" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["model"].endswith("test_own.MyMarket")
    assert manifest["rule"] is None


def test_what_opens_no_model_is_refused_before_anything_is_written(case, tmp_path):
    with pytest.raises(InputError, match="DailyModel"):
        equilot.run_scenario(case, tmp_path / "run", DAYS, model=lambda *_: object())
    assert not (tmp_path / "run").exists()


def test_a_rule_of_the_market_is_in_the_game_and_in_the_manifest(case, tmp_path):
    run = equilot.run_scenario(case, tmp_path / "run", DAYS, rule=Cap()).run
    lots = run.lot_days
    assert (lots["profit"] <= 0.40 * lots["energy_kwh"] + 1e-6).all()
    # Drivers pay what is posted; what lies above the cap leaves the lot.
    np.testing.assert_allclose(lots["payment"], lots["revenue"] - lots["profit"], atol=1e-6)
    assert lots["payment"].sum() > 1.0
    certificates = run.certificates
    assert certificates["certified"].all()
    assert certificates["notes"].str.contains("the game includes the rule: charging prices of at most 0.40").all()
    assert json.loads((tmp_path / "run" / "manifest.json").read_text(encoding="utf-8"))["rule"] == Cap.name


def test_an_outcome_changed_afterwards_is_told_as_unproved(case, tmp_path):
    run = equilot.run_scenario(case, tmp_path / "run", DAYS, rule=Refund()).run
    assert (run.certificates["verdict"] == "unproved").all()
    assert not run.certificates["certified"].any()
    plain = list(simulate(case, DAYS))
    for day, lots in enumerate(plain):
        mine = run.lot_days[run.lot_days["day"] == day]
        np.testing.assert_allclose(mine["profit"], lots.result.clearing.lot_profit + 5.0)


class Alternating:
    """A learning rule: each price of the grid in turn."""

    def __init__(self, prices, *, source, first=0.0):
        self.prices, self.turn, self.source = prices, int(first), source

    def choose(self, generator):
        del generator
        self.turn += 1
        return float(self.prices[(self.turn - 1) % len(self.prices)])

    def update(self, profit):
        assert np.isfinite(profit)


def with_rule(rule, settings):
    lots = equilot.load_scenario("week-33").resolved()["lots"]
    for other in lots[1:]:
        other["learning"] = {"rule": "none"}
    lots[0]["learning"] = {"rule": rule, "price_grid_eur_per_kwh": [0.31, 0.37], "settings": settings}
    return equilot.load_scenario("week-33", {"lots": lots})


def test_a_learning_rule_of_ones_own_sets_the_price(monkeypatch):
    monkeypatch.setattr("agents.learning.registry._RULES", {})
    equilot.register_learning_rule("alternating", Alternating)
    days = list(simulate(with_rule("alternating", {"first": 1}), DAYS))
    assert [day.result.lots[0].price for day in days] == [0.37, 0.31]
    with pytest.raises(InputError, match=r"lot-1: learning: rule: got 'alternatin'.*mean alternating"):
        next(simulate(with_rule("alternatin", {}), DAYS))


@pytest.mark.parametrize(
    ("learning", "complaint"),
    [
        ({"rule": "alternating", "price_grid_eur_per_kwh": [0.3], "recency": 0.2}, "recency.*roth-erev only"),
        ({"rule": "roth-erev", "price_grid_eur_per_kwh": [0.3, 0.4, 0.5, 0.6], "settings": {"a": 1}}, "settings"),
        ({"settings": {"a": 1}}, "settings"),
        ({"rule": "alternating", "price_grid_eur_per_kwh": [0.3], "settings": {"a": "x"}}, "valid number"),
    ],
)
def test_learning_keys_that_do_not_fit_the_rule_are_refused(learning, complaint):
    lots = equilot.load_scenario("week-33").resolved()["lots"]
    lots[0]["learning"] = learning
    with pytest.raises(InputError, match=complaint):
        equilot.load_scenario("week-33", {"lots": lots})
