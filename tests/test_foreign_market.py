"""A market of another distribution: it needs no private name, it runs like ours, and what is wrong with it is one line.

The market stands in ``tests/foreign_market``; ``tests/test_wheel.py`` installs it into a clean environment.
"""

from __future__ import annotations

import ast
import importlib
import sys
import types
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equilibrium.errors import InputError
from scenarios import kinds as scenario_list
from scenarios.loading import load_scenario
from sim import kinds as market_list
from sim.cli import main
from sim.columns import DAY, Column, Table, number
from sim.markets.base import MarketPlugin
from sim.options import RunOptions
from sim.output import check_tables
from sim.run import run_scenario
from sim.simulate import simulate
from sim.store import Run

FOLDER = Path(__file__).parent / "foreign_market"
SCENARIO = str(FOLDER / "auction.yaml")
OURS = ("equilibrium", "scenarios", "agents", "sim", "equilot")
ENTRY = EntryPoint("single-price", "single_price_auction.plugin:PLUGIN", "equilot.markets")


def forget() -> None:
    for cached in (scenario_list.plugins, scenario_list.scenario_kinds, market_list.market_kinds):
        cached.cache_clear()


@pytest.fixture
def installed(monkeypatch):
    """Return what installs plug-ins: their entry points are there, as if a distribution had brought them."""
    monkeypatch.syspath_prepend(str(FOLDER))

    def install(*entries: EntryPoint) -> None:
        forget()
        monkeypatch.setattr(scenario_list, "entry_points", lambda group: [e for e in entries if e.group == group])

    install(ENTRY)
    yield install
    forget()


@pytest.fixture
def plugin(installed) -> MarketPlugin:  # noqa: ARG001 - it must be there
    return importlib.import_module("single_price_auction.plugin").PLUGIN


def all_kinds() -> None:
    """What every command does first."""
    scenario_list.scenario_kinds()
    market_list.market_kinds()


def wrong(installed, monkeypatch, given: object, *more: EntryPoint) -> str:
    """Install a plug-in that is made of an object, and return the one line that the command says."""
    module = types.ModuleType("some_market")
    module.GIVEN = given
    monkeypatch.setitem(sys.modules, "some_market", module)
    installed(*more, EntryPoint("some", "some_market:GIVEN", "equilot.markets"))
    with pytest.raises(InputError) as caught:
        all_kinds()
    assert "\n" not in str(caught.value)
    return str(caught.value)


# It needs no private name


def private(name: str) -> bool:
    return name.startswith("_") and not (name.startswith("__") and name.endswith("__"))


def private_names(source: str) -> list[str]:
    """Private names that a module uses and does not define itself."""
    tree = ast.parse(source)
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    own |= {
        node.attr if isinstance(node, ast.Attribute) else node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Store)
    }
    used: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            used |= {part for part in (node.module or "").split(".") if private(part)}
            used |= {alias.name for alias in node.names if private(alias.name)}
        elif isinstance(node, ast.Import):
            used |= {part for alias in node.names for part in alias.name.split(".") if private(part)}
        elif isinstance(node, ast.Attribute) and private(node.attr) and node.attr not in own:
            used.add(node.attr)
        elif isinstance(node, ast.keyword) and node.arg and private(node.arg):
            used.add(node.arg)
    return sorted(used)


def test_the_market_uses_no_private_name():
    modules = sorted((FOLDER / "single_price_auction").glob("*.py"))
    assert len(modules) >= 6
    assert {path.name: names for path in modules if (names := private_names(path.read_text()))} == {}
    imports = "".join(path.read_text() for path in modules)
    assert all(f"from {package}." in imports for package in OURS[:4])


def test_the_guard_sees_private_names():
    assert private_names("from sim.store import _parts, Run") == ["_parts"]
    assert private_names("import sim._store") == ["_store"]
    assert private_names("def f(model):\n    model._streams.generator()") == ["_streams"]
    assert private_names("Case(_network=1)") == ["_network"]
    assert private_names("class A:\n    def f(self):\n        self._own = 1\n        return self._own") == []


# What the auction answers


@pytest.fixture
def auction(installed):  # noqa: ARG001 - it must be there
    module = importlib.import_module("single_price_auction.auction")

    def clear(length_h, wholesale, capacity, bids, quantities):
        arrays = [np.array(part, float) for part in (length_h, wholesale, bids, quantities)]
        day = module.AuctionDay(arrays[0], arrays[1], capacity, arrays[2], arrays[3])
        return module.SinglePriceAuction(len(bids)).clear(day)

    return clear


def test_the_highest_bids_are_served_and_all_pay_one_price(auction):
    cleared = auction(
        [1.0, 1.0, 0.25, 1.0],
        [0.10, 0.10, 0.26, 0.40],
        100.0,
        [0.30, 0.25, 0.05],
        [[40, 30, 20], [80, 60, 20], [80, 60, 20], [80, 60, 20]],
    )
    np.testing.assert_array_equal(cleared.power_kw, [[40, 30, 0], [80, 20, 0], [80, 0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(cleared.price, [0.10, 0.25, 0.26, 0.40])
    np.testing.assert_allclose(cleared.profit, [40 * 0.20 + 80 * 0.05 + 0.25 * 80 * 0.04, 30 * 0.15, 0.0])
    assert cleared.certificate.certified
    assert cleared.certificate.verdict == "exact"


def test_equal_bids_share_what_is_left(auction):
    cleared = auction([1.0], [0.1], 90.0, [0.3, 0.2, 0.2], [[60, 40, 20]])
    np.testing.assert_allclose(cleared.power_kw, [[60, 20, 10]])
    assert cleared.price.tolist() == [0.2]


bids = st.lists(st.integers(0, 8).map(lambda k: k / 20), min_size=1, max_size=4)


@given(data=st.data(), bid=bids)
def test_every_allocation_is_proved(data, bid):
    sys.path.insert(0, str(FOLDER))
    try:
        module = importlib.import_module("single_price_auction.auction")
    finally:
        sys.path.remove(str(FOLDER))
    hours = data.draw(st.integers(1, 3))
    quantity = data.draw(
        st.lists(st.lists(st.integers(0, 50), min_size=len(bid), max_size=len(bid)), min_size=hours, max_size=hours)
    )
    price = data.draw(st.lists(st.integers(0, 8).map(lambda k: k / 20), min_size=hours, max_size=hours))
    capacity = float(data.draw(st.integers(1, 120)))
    asked = np.array(quantity, float).reshape(hours, len(bid))
    length = data.draw(st.lists(st.sampled_from([0.25, 1.0]), min_size=hours, max_size=hours))
    day = module.AuctionDay(np.array(length), np.array(price), capacity, np.array(bid), asked)
    assert module.SinglePriceAuction(len(bid)).clear(day).certificate.verdict == "exact"


# It runs like ours


@pytest.fixture
def run(installed, tmp_path) -> Run:  # noqa: ARG001 - it must be there
    return run_scenario(load_scenario(SCENARIO), tmp_path / "out", RunOptions(days=4, seed=2)).run


def test_a_run_has_its_tables_and_what_must_hold_in_them_does(run, plugin):
    assert run.market == "single-price"
    assert list(run.columns) == ["days", "prices", "powers", "lot_days", "certificates"]
    for table in plugin.market.tables:
        names = [column.name for column in table.columns]
        assert list(run.table(table.name).columns) == [name for name in names if name != "date"]  # typical days
    assert len(run.prices) == 4 * 24
    assert len(run.powers) == 4 * 24 * 3
    assert run.certificates["certified"].all()
    assert run.prices["capacity_kw"].unique().tolist() == [120.0]
    assert [finding.name for finding in check_tables(run) if finding.holds] == ["sold", "waiting"]
    lots = run.lot_days.set_index(["day", "lot"])
    assert lots["backlog_kwh"].max() > 0.0
    # What waits is wanted the next day, and the bid rises while something waits.
    for day in range(3):
        for lot in ("depot", "campus", "mall"):
            before, after = lots.loc[(day, lot)], lots.loc[(day + 1, lot)]
            waits = before["backlog_kwh"] > 1e-9
            assert (after["bid_per_kwh"] > before["bid_per_kwh"]) == waits


def test_the_rows_are_those_of_the_model(run):
    days = list(simulate(load_scenario(SCENARIO), RunOptions(days=4, seed=2)))
    assert [day.result.cleared.profit.tolist() for day in days] == [
        rows["profit"].tolist() for _, rows in run.lot_days.groupby("day")
    ]
    assert list(days[0].tables) == list(run.columns)


def first_day(**overrides: object):
    return next(simulate(load_scenario(SCENARIO, overrides), RunOptions(days=1))).result


@pytest.mark.usefixtures("installed")
def test_quarters_of_an_hour_give_the_hourly_answer():
    hours, quarters = first_day(), first_day(time={"step_minutes": 15})
    assert (hours.axis.size, quarters.axis.size) == (24, 96)
    np.testing.assert_allclose(quarters.cleared.power_kw, np.repeat(hours.cleared.power_kw, 4, axis=0))
    np.testing.assert_allclose(quarters.cleared.profit, hours.cleared.profit)
    assert [lot.got_kwh for lot in quarters.bidders] == pytest.approx([lot.got_kwh for lot in hours.bidders])


@pytest.mark.usefixtures("installed")
def test_a_day_of_23_hours_asks_for_more_power(tmp_path):
    rows = ["date,hour,price_eur_per_mwh", *(f"2024-03-31,{hour},20" for hour in range(1, 24))]
    (tmp_path / "spring.csv").write_text("\n".join(rows))
    prices, time = {"file": str(tmp_path / "spring.csv")}, {"zone": "Europe/Madrid"}
    day = first_day(prices=prices, time=time, bidders=[{**BIDDER, "power_kw": 50}])
    assert day.axis.size == 23
    np.testing.assert_allclose(day.cleared.power_kw[:, 0], day.bidders[0].wanted_kwh / 23)
    assert day.bidders[0].paid == pytest.approx(0.02 * day.bidders[0].wanted_kwh)


@pytest.mark.usefixtures("installed")
def test_the_command_runs_tells_draws_and_checks_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["run", SCENARIO, "--days", "2", "--out", "out"]) == 0
    printed = capsys.readouterr().out
    assert "worst regret" in printed
    assert "depot: " in printed
    assert "results in out" in printed
    assert sorted(path.name for path in Path("out/figures").glob("*.svg")) == ["auction-day-0.svg", "backlog.svg"]
    assert main(["figures", "out", "--day", "1"]) == 0
    assert "auction-day-1.png" in capsys.readouterr().out
    assert main(["check", "out"]) == 0


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--ac"], "ac: got True, expected no AC power flow: the auction has no feeder"),
        (["--sessions", SCENARIO], "--sessions: CSV: got "),
        (["--certify", "full"], "certify: got 'full', expected standard (the auction has no second method)"),
        (["--on-infeasible", "shed"], "on_infeasible: got 'shed', expected stop (an auction always has an outcome)"),
    ],
)
def test_what_it_has_not_got_is_refused_in_its_own_words(words, message, tmp_path, capsys):
    assert main(["run", SCENARIO, "--days", "1", "--out", str(tmp_path / "out"), *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


BIDDER = {"name": "a", "power_kw": 10, "energy_kwh": 50, "bid_eur_per_kwh": 0.3}


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("scenario", "overrides", "message"),
    [
        (
            SCENARIO,
            {"bidders": [{**BIDDER, "bid_eur_per_kwh": -1}]},
            "bidders[0].bid_eur_per_kwh: got -1, expected",
        ),
        (SCENARIO, {"bidders": [BIDDER, BIDDER]}, "bidders[1].name: got 'a', expected a name of its own"),
        (
            SCENARIO,
            {"feeder": {"name": "ieee33"}},
            ", or market.kind: lots-lead or nodal or disco or aggregator or aggregators or two-settlement, which has "
            "this one",
        ),
        ("week-33", {"bidders": [BIDDER]}, ", or market.kind: single-price, which has this one"),
    ],
)
def test_its_keys_are_checked_and_known_to_the_other_markets(scenario, overrides, message):
    with pytest.raises(InputError) as caught:
        load_scenario(scenario, overrides)
    assert message in str(caught.value)


def test_a_run_outlives_its_market(run, installed):
    installed()
    again = Run(run.folder)
    assert len(again.days) == 4
    assert again.columns["prices"]["price_per_mwh"]["meaning"] == "price of the period, currency/MWh"
    with pytest.raises(
        InputError, match=r"market: got 'single-price', expected an installed market \(lots-lead, nodal, d"
    ):
        check_tables(again)
    with pytest.raises(InputError, match=r"market\.kind: got 'single-price', expected one of lots-lead, nodal, disco"):
        load_scenario(SCENARIO)


# What is wrong with a plug-in is one line


def changed(plugin: MarketPlugin, **market: object) -> MarketPlugin:
    return MarketPlugin(plugin.scenario, replace(plugin.market, **market))


def test_a_plugin_that_lacks_a_part(installed, monkeypatch, plugin):
    for brought, line in (
        (None, "market some of some_market:GIVEN: scenario: got None, expected a scenarios.case.ScenarioKind"),
        (MarketPlugin(plugin.scenario, None), "market: got None, expected a sim.markets.base.MarketKind"),
        (MarketPlugin(replace(plugin.scenario, build=None), plugin.market), "scenario.build: got None, expected a fun"),
        (MarketPlugin(replace(plugin.scenario, name=""), plugin.market), "scenario.name: got '', expected the name"),
        (
            MarketPlugin(replace(plugin.scenario, name="x"), plugin.market),
            "market.kind: got ['single-price'], exp",
        ),
        (changed(plugin, figures=None), "market.figures: got None, expected a function"),
        (changed(plugin, invariants=(1,)), "market.invariants: got 1, expected a sim.checks.RunInvariant"),
        (changed(plugin, name="other"), "market.name: got 'other', expected the name of its scenarios, 'single-price'"),
    ):
        assert line in wrong(installed, monkeypatch, brought)
    bare = type("Bare", (scenario_list.Case,), {"day": plugin.scenario.case.day})
    line = wrong(installed, monkeypatch, MarketPlugin(replace(plugin.scenario, case=bare), plugin.market))
    assert "scenario.case: got 'Bare', expected a class with the methods market" in line


HALF = "from sim.markets.base import MarketKind\nPLUGIN = MarketKind(name='half')\n"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("no_such_market:PLUGIN", "ModuleNotFoundError: No module named 'no_such_market'"),
        ("json:PLUGIN", "AttributeError: module 'json' has no attribute 'PLUGIN'"),
        ("half_market:PLUGIN", "missing 8 required positional arguments: 'tables', 'peak_column', 'model'"),
    ],
)
def test_a_plugin_that_cannot_be_imported(installed, tmp_path, monkeypatch, value, reason):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "half_market.py").write_text(HALF)
    installed(EntryPoint("some", value, "equilot.markets"))
    with pytest.raises(InputError) as caught:
        scenario_list.scenario_kinds()
    assert str(caught.value).startswith(
        f"market some of {value}: entry point: got {value!r}, expected an object that can"
    )
    assert reason in str(caught.value)


def test_two_markets_of_one_name(installed, monkeypatch, plugin):
    nodal = scenario_list.scenario_kinds()["nodal"].schema
    line = wrong(installed, monkeypatch, plugin, ENTRY)
    assert "name: got 'single-price', expected a name of its own: market single-price of " in line
    ours = replace(plugin.scenario, name="nodal", schema=nodal)
    line = wrong(installed, monkeypatch, MarketPlugin(ours, replace(plugin.market, name="nodal")))
    assert "name: got 'nodal', expected a name of its own: equilot has it already" in line


def test_a_plugin_whose_tables_do_not_match_their_columns(installed, monkeypatch, plugin):
    days, *others = plugin.market.tables
    energy = next(column for column in days.columns if column.name == "energy_kwh")

    def with_days(*columns: object) -> MarketPlugin:
        return changed(plugin, tables=(replace(days, columns=columns), *others))

    for brought, line in (
        (with_days(*days.columns, energy), "table days: got 'energy_kwh', expected each column once"),
        (with_days(*days.columns[1:]), "table days: got ['date', 'energy_kwh'"),
        (with_days(DAY), "market.peak_column: got 'price_peak_per_mwh', expected a column of table days (day)"),
        (with_days(*days.columns, "free text"), "table days: got 'free text', expected a sim.columns.Column"),
        (with_days(*days.columns, Column("a", float, "an a", len)), "column a: got <class 'float'>, expected an Arrow"),
        (with_days(*days.columns, number("a", "", len)), "table days, column a: got '', expected what it means"),
        (with_days(*days.columns, number("a", "an a", None)), "table days, column a: got None, expected a function"),
        (
            changed(plugin, tables=tuple(others)),
            "market.tables: got ['prices', 'powers', 'lot_days', 'cert",
        ),
        (changed(plugin, tables=(days, days)), "table days: got 'days', expected a name that no other table has"),
        (changed(plugin, tables=("days",)), "market.tables: got 'days', expected a sim.columns.Table"),
    ):
        assert line in wrong(installed, monkeypatch, brought)


def test_rows_that_do_not_fit_the_columns_end_the_run_and_keep_its_days(installed, monkeypatch, plugin, tmp_path):
    def short_on_day_1(day):
        return [0.0] * (3 if day.index == 0 else 2)

    more = Table(
        "more", lambda day: day, (DAY, number("a", "an a", short_on_day_1), number("b", "a b", lambda _: [1.0] * 3))
    )
    module = types.ModuleType("some_market")
    module.GIVEN = changed(plugin, tables=(*plugin.market.tables, more))
    monkeypatch.setitem(sys.modules, "some_market", module)
    installed(EntryPoint("some", "some_market:GIVEN", "equilot.markets"))
    with pytest.raises(InputError, match="table more: b: got '3 values', expected 2, like the other columns"):
        run_scenario(load_scenario(SCENARIO), tmp_path / "out", RunOptions(days=3))
    run = Run(tmp_path / "out")
    assert run.days["day"].tolist() == [0]
    assert len(run.more) == 3


def test_our_own_lists_are_complete():
    forget()
    assert (
        list(scenario_list.scenario_kinds())[:3]
        == list(market_list.market_kinds())[:3]
        == ["lots-lead", "nodal", "disco"]
    )
    assert list(market_list.KINDS) == list(scenario_list.KINDS)
    for kinds in (scenario_list.scenario_kinds(), market_list.market_kinds()):
        assert [kind.name for kind in kinds.values()] == list(kinds)
