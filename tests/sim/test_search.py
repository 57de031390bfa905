"""Searches for days that break a statement: a planted fault is found, made small, and seen again by `equilot run`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from equilibrium.errors import InputError, SolverError
from equilibrium.markets.lots_lead.market import LotsLeadMarket
from scenarios.loading import load_scenario
from scenarios.random_scenarios import Draft, random_scenarios, variations
from scenarios.streams import Streams
from sim import cli
from sim.search import Search, broken_by, drafts_of


class Generous(LotsLeadMarket):
    """A planted fault: a lot that draws more than 5 kW in a period is told a profit that is too high by 1."""

    def clear(self, day: Any) -> Any:
        cleared = super().clear(day)
        return replace(cleared, lot_profit=cleared.lot_profit + (cleared.lot_kw.max(axis=0, initial=0.0) > 5.0))


class Blind(LotsLeadMarket):
    """Another one: what is bought above 200 per MWh is left out of the cost."""

    def clear(self, day: Any) -> Any:
        cleared = super().clear(day)
        dear = np.where(day.wholesale_price > 0.2, day.wholesale_price, 0.0)
        return replace(cleared, network_cost=cleared.network_cost - float(dear @ cleared.import_kw))


def plant(monkeypatch: pytest.MonkeyPatch, market: type) -> None:
    monkeypatch.setattr("scenarios.markets.lots_lead.case.LotsLeadMarket", market)


def test_a_planted_fault_is_found_shrunk_and_seen_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(monkeypatch, Generous)
    out = tmp_path / "found"
    arguments = ["check", "lots-lead", "--examples", "50", "--level", "cheap", "--out", str(out)]
    assert cli.main(arguments) == 1
    told = capsys.readouterr().out
    assert "FAILS  lot-profit" in told
    data = yaml.safe_load((out / "scenario.yaml").read_text())
    assert [len(data[key]) for key in ("lots", "microturbines", "renewables")] == [1, 0, 0]
    first_day = [line for line in (out / "sessions.csv").read_text().splitlines() if "2024-06-03" in line]
    assert len(first_day) == 1
    assert float(first_day[0].split(",")[-1]) <= 6.0
    run = told.splitlines()[-1].split()[1:]
    assert cli.main([*run, "--no-figures", "--quiet", "--out", str(tmp_path / "run")]) == 1
    assert "check: day 0: lot-profit is broken by" in capsys.readouterr().err
    assert cli.main(arguments) == 2
    assert "--out: DIR: got" in capsys.readouterr().err


@pytest.mark.long
def test_a_variation_of_a_scenario_breaks_what_the_scenario_keeps(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plant(monkeypatch, Blind)
    small = {"extends": "week-33", "title": "small", "renewables": [], "drivers": {"files": ["dundee-2018"]}}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(small))
    assert broken_by(tmp_path / "own.yaml", 0, "cheap") == ()
    found = Search("cheap").run(drafts_of(str(tmp_path / "own.yaml")), 40)
    assert found.draft is not None
    assert [each.name for each in found.findings] == ["network-cost"]
    prices = [float(row.split(",")[1]) for row in found.draft.files["prices.csv"].splitlines()[1:]]
    assert max(prices) > 200.0
    assert sum(price > 200.0 for price in prices) <= 2
    assert broken_by(found.draft.write(tmp_path / "again"), found.draft.seed, "cheap") == found.findings


def test_what_ends_without_an_answer_is_found_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def ends(*_: Any) -> Any:
        raise SolverError("ended")

    monkeypatch.setattr("equilibrium.markets.lots_lead.market.LotsLeadMarket.clear", ends)
    (finding,) = broken_by(Path("week-33"), 0, "cheap")
    assert (finding.name, finding.holds) == ("solved", False)
    assert "ended" in finding.statement


@pytest.mark.parametrize("count", [4, pytest.param(300, marks=pytest.mark.long)])
@pytest.mark.parametrize("market", ["lots-lead", pytest.param("nodal", marks=pytest.mark.long)])
def test_random_scenarios_keep_every_statement(market: str, count: int) -> None:
    found = Search("full").run(drafts_of(market), count)
    assert found.findings == ()
    assert not found.refused
    assert found.examples >= count // 2


@settings(max_examples=10)
@given(draft=st.sampled_from(("lots-lead", "nodal")).flatmap(random_scenarios))
def test_every_draft_can_be_loaded(draft: Draft, tmp_path_factory: pytest.TempPathFactory) -> None:
    case = load_scenario(str(draft.write(tmp_path_factory.mktemp("draft"))))
    day = case.day(0, Streams(draft.seed))
    sessions = [row for row in draft.files["sessions.csv"].splitlines() if ",2024-06-03" in row]
    assert len(day.sessions) == len(sessions)
    assert len(day.wholesale_price) == 24


@pytest.mark.parametrize("name", ["town-33", "epec-lots-33-case1", "disco-15"])
def test_variations_of_every_kind_can_be_loaded(name: str, tmp_path: Path) -> None:
    case, seen = load_scenario(name), []

    @settings(max_examples=3, database=None)
    @given(draft=variations(name, case))
    def load(draft: Draft) -> None:
        varied = load_scenario(str(draft.write(tmp_path)))
        assert varied.file.market.kind == case.file.market.kind
        assert varied.prices.days == 1
        seen.append(varied.prices.price[0])

    load()
    assert len(seen) == 3


def test_what_cannot_be_searched_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="a YAML file or one of"):
        drafts_of("nothing")
    assert cli.main(["check", str(tmp_path / "missing")]) == 2
    assert "a YAML file or one of" in capsys.readouterr().err
