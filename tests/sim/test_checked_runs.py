"""Runs that are checked as they go: every level, what a broken statement says, and that nothing else changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from equilibrium.errors import InfeasibleError, InputError
from equilibrium.invariants import Finding, Relation, relate
from equilibrium.markets.charging.relations import RELATIONS, other_buses, other_lots, other_money, other_power
from equilibrium.markets.lots_lead.market import LotsLeadMarket
from equilibrium.markets.ruled import MarketRule
from scenarios.loading import load_scenario
from sim import cli
from sim.checks import CHECKS, broken, violations
from sim.kinds import market_kinds
from sim.options import RunOptions
from sim.run import run_scenario
from sim.simulate import simulate
from sim.store import Run
from tests.equilibrium.conftest import small_day, small_network

FEW: dict[str, Any] = {
    "disco": {"scenarios": {"draws": 3, "kept": 2}},
    "aggregator": {"market": {"network": False}, "scenarios": {"draws": 3, "kept": 1}},
}
FORMS = {
    "lots-lead": {"other-money", "other-power", "other-buses", "other-lots", "more-sun"},
    "nodal": {"other-money", "other-power", "other-buses"},
    "disco": {"other-money", "other-power", "other-scenarios"},
    "aggregator": {"other-money", "other-order", "other-scenarios", "higher-caps"},
}


class Dearer(LotsLeadMarket):
    """A market with a planted fault: from the second day on it reports a cost that is too high by a thousandth."""

    days = 0

    def clear(self, day: Any) -> Any:
        cleared = super().clear(day)
        type(self).days += 1
        return replace(cleared, network_cost=1.001 * cleared.network_cost) if type(self).days > 1 else cleared


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Dearer, "days", 0)
    monkeypatch.setattr("scenarios.markets.lots_lead.case.LotsLeadMarket", Dearer)


@pytest.mark.parametrize(
    ("name", "market"),
    [
        ("week-33", "lots-lead"), ("nodal-33", "nodal"),
        pytest.param("disco-15", "disco", marks=pytest.mark.long),
        pytest.param("aggregator-37", "aggregator", marks=pytest.mark.long),
    ],
)  # fmt: skip
def test_every_statement_of_a_market_is_checked(name: str, market: str) -> None:
    kind = market_kinds()[market]
    found = {}
    for level in ("off", "cheap", "full"):
        (day,) = simulate(load_scenario(name, FEW.get(market)), RunOptions(days=1, check=level))
        found[level] = day.tables.get(CHECKS.name, {"name": [], "holds": []})
    clearings = kind.clearings(day.result)
    statements = {each.name for one in clearings for each in one.invariants}
    assert list(found["off"]["name"]) == []
    assert set(found["cheap"]["name"]) == statements
    assert set(found["full"]["name"]) == statements | FORMS[market]
    assert len(found["full"]["name"]) == len(clearings) * len(statements | FORMS[market])
    assert all(found["full"]["holds"])


@pytest.mark.usefixtures("faulty")
def test_a_broken_statement_is_told_by_day_name_size_and_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["run", "week-33", "--days", "2", "--no-figures", "--quiet", "--out"]
    assert cli.main([*arguments, str(tmp_path / "a")]) == 0
    Dearer.days = 0
    assert cli.main([*arguments, str(tmp_path / "b"), "--check", "cheap"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if "day 1" in line] == [lines[0]]
    assert lines[0].startswith("equilot: check: day 1: network-cost is broken by 1.6e-03 (at most 1e-07): NC = W (imp")
    assert all(line.startswith("equilot: check: ") for line in lines)
    rows = Run(tmp_path / "b").table("checks")
    assert rows[~rows["holds"]][["day", "name"]].to_numpy().tolist() == [[1, "network-cost"]]
    assert rows[rows["name"] == "network-cost"]["violation"].to_list()[1] == pytest.approx(1.6e-3, rel=0.05)


@pytest.mark.usefixtures("faulty")
def test_a_run_that_is_resumed_remembers_what_was_broken(tmp_path: Path) -> None:
    case, options = load_scenario("week-33"), RunOptions(days=2, check="cheap")
    calls = iter([False, False, True])
    Dearer.days = 1  # the first day is wrong already
    run_scenario(case, tmp_path / "run", RunOptions(days=3, check="cheap"), stop=lambda: next(calls))
    Dearer.days = -9
    outcome = run_scenario(case, tmp_path / "run", RunOptions(days=3, check="cheap"), resume=True)
    assert outcome.status == "complete"
    assert [sentence.split(":")[0] for sentence in violations(outcome.run)] == ["day 0", "day 1"]
    with pytest.raises(InputError, match=r"--resume, check"):
        run_scenario(case, tmp_path / "run", replace(options, days=3, check="off"), resume=True)


def test_another_form_that_cannot_be_served_breaks_its_relation() -> None:
    def fails(_network: Any, _day: Any) -> Any:
        raise InfeasibleError(("no",))

    day: Any = small_day([0.05], ())
    (finding,) = relate(RELATIONS[:1], small_network(lots=0), day, None, fails)
    assert finding.violation == np.inf
    assert not finding.holds
    assert broken(Finding("a", "b = c", "law", 1e-9, 0.5)) == "a is broken by 5.0e-01 (at most 1e-09): b = c (law)"


@pytest.fixture(scope="module")
def week_day() -> Any:
    (day,) = simulate(load_scenario("week-33"), RunOptions(days=1))
    return day.result


@pytest.mark.parametrize("relation", RELATIONS, ids=lambda each: each.name)
def test_a_relation_sees_a_wrong_outcome(relation: Relation[Any, Any], week_day: Any) -> None:
    result: Any = week_day
    network, given, cleared = result.network, result.market, result.clearing

    def clear(other: Any, day: Any) -> Any:
        return LotsLeadMarket(other).clear(day)

    (right,) = relate([relation], network, given, cleared, clear)
    assert right.holds
    (wrong,) = relate([relation], network, given, replace(cleared, network_cost=0.5 * cleared.network_cost), clear)
    assert wrong.violation > 0.5


def test_other_forms_by_hand() -> None:
    network, day = small_network(lots=0), small_day([0.05, 0.02], ())
    rich, rich_day = other_money(network, day)
    assert rich_day.wholesale_price.tolist() == [0.025, 0.01]
    assert [u.fuel_cost_per_kwh for u in rich.microturbines] == [
        0.5 * u.fuel_cost_per_kwh for u in network.microturbines
    ]
    strong, strong_day = other_power(network, day)
    np.testing.assert_array_equal(strong.feeder.r_ohm, network.feeder.r_ohm / 2.0)
    np.testing.assert_array_equal(strong.feeder.rating_kva, 2.0 * network.feeder.rating_kva)
    np.testing.assert_array_equal(strong_day.load_kw, 2.0 * day.load_kw)
    turned, turned_day = other_buses(network, day)
    again, again_day = other_buses(turned, turned_day)
    assert turned.feeder.buses == (network.feeder.buses[0], *network.feeder.buses[:0:-1])
    assert again.feeder.buses == network.feeder.buses
    np.testing.assert_array_equal(again.feeder.parent, network.feeder.parent)
    np.testing.assert_array_equal(again_day.load_kw, day.load_kw)
    assert [turned.feeder.buses[u.bus] for u in turned.renewables] == [
        network.feeder.buses[u.bus] for u in network.renewables
    ]
    many = small_network(lots=2)
    assert [site.name for site in other_lots(many, day)[0].lots] == [site.name for site in many.lots][::-1]


def test_what_cannot_be_checked_is_refused(tmp_path: Path) -> None:
    case = load_scenario("week-33")
    with pytest.raises(InputError, match="check: got 'all', expected one of off, cheap, full"):
        run_scenario(case, tmp_path / "run", RunOptions(days=1, check="all"))
    with pytest.raises(InputError, match="off or cheap under a rule"):
        run_scenario(case, tmp_path / "run", RunOptions(days=1, check="full"), rule=MarketRule())
    assert not (tmp_path / "run").exists()
