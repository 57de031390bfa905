"""The DISCO market as a simulation: what is conserved over days, what the seed decides, what a run leaves."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml
from mesa import batch_run

from agents.vehicle import ENERGY_TOLERANCE_KWH
from equilibrium.certificate import Verdict
from equilibrium.errors import InputError
from equilibrium.markets.disco.clearing import COMPANY, LOT
from equilibrium.markets.disco.market import DiscoMarket
from scenarios.loading import load_scenario
from scenarios.markets.disco.case import DiscoCase
from sim.cli import main
from sim.manifest import write_manifest
from sim.markets.disco.kind import KIND
from sim.markets.disco.model import DiscoModel, true_blocks
from sim.markets.disco.tables import PARTIES
from sim.markets.disco.terminal import day_table, remarks
from sim.options import RunOptions
from sim.output import draw_run
from sim.run import run_scenario
from sim.store import Run, RunWriter, comparable

SMALL = {
    "title": "small",
    "lots": [{"name": "lot", "bus": 9, "drivers": 8}],
    "scenarios": {"draws": 8, "kept": 2},
    "market": {"segments": 6},
}


def small(folder, **changes):
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump({"extends": "disco-15", **SMALL, **changes}), encoding="utf-8")
    return load_scenario(str(path), None, DiscoCase)


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    return small(tmp_path_factory.mktemp("case"))


@pytest.fixture(scope="module")
def days(case):
    model = DiscoModel(case, seed=5)
    done = []
    for _ in range(4):
        model.step()
        done.append(model.last)
    return model, done


@pytest.fixture(scope="module")
def run(case, tmp_path_factory):
    return run_scenario(case, tmp_path_factory.mktemp("run") / "out", RunOptions(days=3, seed=5)).run


def test_every_vehicle_leaves_with_what_it_brought_and_traded(days):
    model, done = days
    site = model.network.lots[0]
    for result in done:
        batch = result.settlement.outcome.scenarios[0].vehicles[0]
        schedule = result.settlement.realised.vehicles[0]
        assert [record.name for record in result.finished] == list(batch.names)
        for row, record in enumerate(result.finished):
            drawn, given = schedule.charge_kw[row].sum(), schedule.discharge_kw[row].sum()
            left = record.arrival_energy_kwh + site.efficiency * drawn - given / site.discharge_efficiency
            assert record.arrival_energy_kwh == batch.energy_kwh[row]
            assert record.arrival_energy_kwh + record.got_kwh == pytest.approx(left, abs=1e-9)
            assert left == pytest.approx(schedule.energy_kwh[row, batch.departure[row] - 1], abs=1e-6)
            assert left == pytest.approx(schedule.wish_kwh[row], abs=1e-6)
            assert record.got_kwh + record.unreachable_kwh == pytest.approx(record.asked_kwh, abs=ENERGY_TOLERANCE_KWH)
        assert model.owner.vehicles == ([],)  # nobody stays, so no energy can leak over midnight


def test_power_balances_in_every_hour(days):
    _, done = days
    for result in done:
        for day, clearing in (
            (result.settlement.forecast, result.settlement.plan),
            (result.settlement.outcome, result.settlement.clearing),
        ):
            for each in clearing.scenarios:
                sources = each.import_kw + each.renewable_kw.sum(axis=1) + each.lot_discharge_kw.sum(axis=1)
                sinks = day.load_kw.sum(axis=1) + each.lot_charge_kw.sum(axis=1) + each.loss_kw.sum(axis=1)
                np.testing.assert_allclose(sources, sinks, atol=1e-5)


def test_money_in_is_money_out(days):
    _, done = days
    assert set(PARTIES) == set(COMPANY) | set(LOT)
    for result in done:
        amounts, balance = (
            result.settlement.realised.accounts,
            dict.fromkeys(("company", "customers", "lots", "drivers", "upstream", "authority"), 0.0),
        )
        for account, (payer, receiver) in PARTIES.items():
            balance[payer] -= amounts[account]
            balance[receiver] += amounts[account]
        assert sum(balance.values()) == pytest.approx(0.0, abs=1e-9)
        assert balance["company"] == pytest.approx(result.settlement.realised.company_profit, rel=1e-9)
        assert balance["lots"] == pytest.approx(result.owner.profit, rel=1e-9)
        drivers = sum(record.alike * (record.received - record.paid) for record in result.finished)
        assert balance["drivers"] == pytest.approx(drivers, rel=1e-9)
        tariff, load = result.settlement.outcome.tariffs.load, result.settlement.outcome.load_kw
        assert amounts["load_income"] == pytest.approx(float(tariff @ load.sum(axis=1)), rel=1e-9)


def test_days_are_certified(days):
    _, done = days
    assert all(result.settlement.plan.certificate.certified for result in done)
    assert all(result.settlement.clearing.certificate.certified for result in done)


def test_the_retailer_sees_the_response_and_nothing_else(days):
    model, done = days
    for result in done:
        observed = result.settlement.outcome.load_kw.sum(axis=1) / result.day.base_kw.sum(axis=1)
        axis, chosen = result.day.axis, result.retail.programs[result.retail.chosen]
        program = model.case.program(chosen, result.day.upstream_price, axis)
        signal = model.retailer.signal(program, axis)
        true = 1.0 + model.case.participation * model.case.elasticity.values @ signal
        assert np.abs(observed / true - 1.0).max() < 0.1  # hourly noise of 2 %
        assert result.retail.probability.sum() == pytest.approx(1.0)


def test_the_belief_approaches_the_truth_when_programs_vary(tmp_path):
    """Without the market: the retailer and the customers alone, over many days with programs drawn freely.

    Many, because RTP alone speaks of the mid-peak's own elasticity, and its tariff is near the base tariff there.
    """
    case = small(tmp_path, retailer={"learning": {"rule": "epsilon-greedy", "epsilon": 1.0}})
    model = DiscoModel(case, seed=1)
    true = true_blocks(case)
    start = model.belief_error()
    for index in range(800):
        day = case.day(index, model.streams)
        model.customers.observe(day)
        model.retailer.observe(day)
        load, _ = model.customers.answer(model.retailer.program)
        response = (load.sum(axis=1) / day.base_kw.sum(axis=1) - 1.0) / case.participation
        model.retailer.belief.update(model.retailer.signal(model.retailer.program, day.axis), response)
    estimate, error = model.retailer.belief.estimate(), model.retailer.belief.standard_error()
    assert model.belief_error() < 0.3 * start
    assert max(abs(estimate[pair] - true[pair]) / error[pair] for pair in true) < 4.0


def test_the_seed_decides_everything(case, run, tmp_path):
    again = run_scenario(case, tmp_path / "again", RunOptions(days=3, seed=5)).run
    other = run_scenario(case, tmp_path / "other", RunOptions(days=1, seed=6)).run
    for name in run.columns:
        pd.testing.assert_frame_equal(comparable(run.table(name)), comparable(again.table(name)), check_exact=True)
    assert not run.table("sessions", 0).equals(other.table("sessions", 0))
    first = DiscoModel(case, seed=5)
    first.step()
    assert run.days["company_profit"][0] == first.last.settlement.realised.company_profit


def test_tables_have_their_columns_and_add_up(run):
    assert run.market == "disco"
    for table in KIND.tables:
        frame = run.table(table.name)
        names = [column.name for column in table.columns if column.name != "date"]  # typical days have none
        assert list(frame.columns) == names == list(run.columns[table.name])
        assert set(frame["day"]) == {0, 1, 2}, table.name
    with pytest.raises(KeyError):
        run.table("no such table")
    kinds = run.dispatch.pivot_table(index="day", columns="kind", values="p_kw", aggfunc="sum")
    sources = kinds["import"] + kinds["renewable"] + kinds["lot_discharge"]
    np.testing.assert_allclose(sources, kinds["load"] + kinds["lot_charge"] + kinds["loss"], rtol=1e-7)
    np.testing.assert_allclose(kinds["lot_charge"], run.days["charged_kwh"])
    np.testing.assert_allclose(run.lots.groupby("day")["discharge_kw"].sum(), run.days["discharged_kwh"])
    sessions = run.sessions
    came = sessions[sessions["outcome"] != "away"]
    np.testing.assert_array_equal(came.groupby("day")["alike"].sum(), run.days["vehicles"])
    np.testing.assert_array_equal(sessions.groupby("day")["alike"].sum(), [8.0, 8.0, 8.0])
    drawn = (sessions["drawn_kwh"] * sessions["alike"]).groupby(sessions["day"]).sum()
    np.testing.assert_allclose(drawn, run.days["charged_kwh"], rtol=1e-9)
    scenarios = run.table("scenarios")
    plans = scenarios[scenarios["stage"] == "forecast"]
    expected = (plans["probability"] * plans["company_profit"]).groupby(plans["day"]).sum()
    np.testing.assert_allclose(expected, run.days["planned_profit"], rtol=1e-9)
    programs = run.table("programs")
    assert programs[programs["chosen"]]["program"].tolist() == run.days["program"].tolist()
    np.testing.assert_allclose(programs.groupby("day")["probability"].sum(), 1.0)
    beliefs = run.table("beliefs")
    error = (beliefs["estimate"] - beliefs["true_elasticity"]).abs().groupby(beliefs["day"]).max()
    np.testing.assert_allclose(error, run.days["belief_error"])


def test_the_manifest_makes_the_run_again(run, tmp_path):
    manifest = json.loads((run.folder / "manifest.json").read_text())
    assert (manifest["status"], manifest["currency"], manifest["days_done"]) == ("complete", "USD", 3)
    path = tmp_path / "again.yaml"
    path.write_text(yaml.safe_dump(manifest["resolved_scenario"]), encoding="utf-8")
    again = run_scenario(load_scenario(str(path)), tmp_path / "again", RunOptions(days=1, seed=5)).run
    pd.testing.assert_frame_equal(comparable(again.days), comparable(run.table("days", 0)), check_exact=True)


def test_figures_are_drawn(run):
    files = draw_run(run, formats=("svg",))
    day = int(run.days["day"].iloc[int(run.days["price_peak_per_mwh"].argmax())])
    hourly = {f"{name}-day-{day}" for name in ("dispatch", "response", "lots", "voltage")}
    assert {path.stem for path in files} == hourly | {"programs", "retailer", "beliefs", "profits"}
    assert all(path.stat().st_size > 10_000 for path in files)


def test_a_run_through_the_command_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small(tmp_path)
    assert main(["run", "small.yaml", "--days", "3", "--seed", "2", "--out", "out", "--no-figures"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert max(len(line) for line in printed.out.splitlines() if line[:3].strip().isdigit()) <= 80
    assert "programs chosen: " in printed.out
    assert printed.out.rstrip().endswith("results in out")
    assert len(Run("out").days) == 3
    assert main(["figures", "out", "--day", "3"]) == 2
    assert "a day from 0 to 2" in capsys.readouterr().err


def test_a_day_that_is_not_proved_is_no_success(tmp_path, monkeypatch, capsys):
    """Tables are written and the day is named, but the exit code is not 0."""
    monkeypatch.chdir(tmp_path)
    small(tmp_path)
    clear = DiscoMarket.clear

    def unproved(market, day):
        cleared = clear(market, day)
        return replace(cleared, certificate=replace(cleared.certificate, verdict=Verdict.UNPROVED, primal=0.5))

    monkeypatch.setattr(DiscoMarket, "clear", unproved)
    words = ["run", "small.yaml", "--days", "1", "--out", "out", "--no-figures"]
    assert main(words) == 1
    assert "day 0, outcome, is NOT certified: its verdict is unproved" in capsys.readouterr().out
    assert len(Run("out").days) == 1
    monkeypatch.setattr(DiscoMarket, "clear", clear)
    assert main([*words, "--force"]) == 0


def test_the_limit_of_searches_comes_from_the_scenario_or_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert small(tmp_path).market().rules.node_limit == 300
    assert small(tmp_path, market={**SMALL["market"], "node_limit": 7}).market().rules.node_limit == 7
    assert DiscoModel.from_options(small(tmp_path), RunOptions(node_limit=3)).market.rules.node_limit == 3
    assert main(["run", "small.yaml", "--days", "1", "--out", "out", "--no-figures", "--node-limit", "5"]) == 0
    assert Run("out").manifest["node_limit"] == 5
    capsys.readouterr()
    assert main(["run", "week-33", "--days", "1", "--out", "other", "--node-limit", "5"]) == 2
    assert "node_limit: got 5, expected no limit of nodes" in capsys.readouterr().err


def test_negative_prices_are_cleared_day_after_day(tmp_path, monkeypatch):
    """Two of three days have hours in which the company is paid for what it buys."""
    monkeypatch.chdir(tmp_path)
    rows = ["date,hour,price_usd_per_mwh"]
    for date in (10, 11, 12):
        rows += [f"2024-06-{date},{hour},{-8 if hour in (3, 14)[: 12 - date] else 70}" for hour in range(1, 25)]
    (tmp_path / "prices.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    own = small(
        tmp_path, prices={"file": "prices.csv"}, retailer={"programs": {"set": "disco-dr", "offered": ["flat"]}}
    )
    run = run_scenario(own, tmp_path / "run", RunOptions(days=3, seed=1)).run
    assert set(run.days["verdict"]) == {"exact"}
    dispatch = run.dispatch.pivot_table(index=["day", "hour"], columns="kind", values="p_kw", aggfunc="sum")
    for day, hour in ((0, 2), (0, 13), (1, 2)):
        row = dispatch.loc[day, hour]
        assert row["renewable"] == pytest.approx(0.0, abs=1e-6)
        assert row["import"] + row["lot_discharge"] == pytest.approx(row["load"] + row["lot_charge"] + row["loss"])
    assert dispatch.loc[2, 13]["renewable"] > 1.0
    prices = run.prices[run.prices["hour"] == 2].groupby("day")["price_per_mwh"]
    assert prices.max()[0] <= -8.0 + 1e-9
    assert prices.min()[2] >= 70.0 - 1e-9


def test_a_stopped_run_keeps_its_days(case, tmp_path):
    asked = []

    def stop():
        asked.append(1)
        return len(asked) > 2

    outcome = run_scenario(case, tmp_path / "run", RunOptions(days=9, seed=5), stop=stop)
    assert outcome.status == "stopped: interrupted"
    assert outcome.run.days["day"].tolist() == [0, 1]
    assert set(outcome.run.table("beliefs")["day"]) == {0, 1}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sessions", "{prices}"], "--sessions"),
        (["--ac"], "ac: got True"),
        (["--on-infeasible", "shed"], "on_infeasible: got 'shed'"),
        (["--prices", "{prices}"], "prices in USD"),
    ],
)
def test_options_of_other_markets_are_refused(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    prices = tmp_path / "prices.csv"
    prices.write_text("hour,price_eur_per_mwh\n" + "\n".join(f"{hour},{hour}" for hour in range(1, 25)))
    words = [word.format(prices=prices) for word in arguments]
    assert main(["run", "disco-15", "--days", "1", "--out", "out", *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_baseline_that_cannot_be_served_is_named_before_anything_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    small(tmp_path, feeder={"current_max_a": 5})
    assert main(["run", "small.yaml", "--days", "1", "--out", "out"]) == 3
    lines = capsys.readouterr().err.splitlines()
    assert all(line.startswith("equilot: infeasible: baseline of the CO2 term: ") for line in lines)
    assert "the branch into bus 2 is overloaded in period " in lines[0]
    assert not (tmp_path / "out").exists()


def test_own_prices_take_the_place_of_the_scenarios(tmp_path):
    prices = tmp_path / "prices.csv"
    prices.write_text("hour,price_usd_per_mwh\n" + "\n".join(f"{hour},{100 + hour}" for hour in range(1, 25)))
    case = load_scenario("disco-15", {"prices": {"file": str(prices)}}, DiscoCase)
    np.testing.assert_allclose(
        DiscoModel(case).case.day(0, DiscoModel(case).streams).upstream_price[:2], [0.101, 0.102]
    )


def test_batch_run_takes_plain_keywords(tmp_path):
    small(tmp_path)
    parameters = {
        "scenario": str(tmp_path / "small.yaml"),
        "days": 2,
        "program_rule": ["none", "roth-erev"],
        "collect": True,
    }
    try:
        rows = batch_run(DiscoModel, parameters, rng=[1], data_collection_period=1, display_progress=False)
    except TypeError:  # Mesa below 3.4 draws its own seeds
        rows = batch_run(DiscoModel, parameters, data_collection_period=1, display_progress=False)
    frame = pd.DataFrame(rows)
    assert {"company_profit", "lot_profit", "retail_profit", "belief_error", "program"} <= set(frame.columns)
    assert set(frame[frame["program_rule"] == "none"]["program"]) == {"flat"}
    assert frame["certified"].all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": -1}, "seed"),
        ({"days": 0}, "days"),
        ({"beta": 2.0}, "beta"),
        ({"program_rule": "random"}, "program_rule"),
        ({"solver": "abacus"}, "solver"),
        ({"scenario": "week-33"}, r"market\.kind"),
        ({"scenario": load_scenario("epec-lots-33-case1")}, "got 'LotsLeadCase', expected DiscoCase"),
    ],
)
def test_bad_parameters_are_refused(case, changes, message):
    with pytest.raises(InputError, match=message):
        DiscoModel(**{"scenario": case, **changes})


def test_a_killed_run_keeps_its_days(case, days, tmp_path):
    _, done = days
    writer = RunWriter(tmp_path / "run", KIND.name, KIND.tables, days_per_part=2)
    write_manifest(tmp_path / "run", {"resolved_scenario": case.resolved(), "status": "running"})
    for result in done[:3]:
        writer.add(result.index, {table.name: table.of(result) for table in KIND.tables})
    # Nothing more happens: the process is gone, with the third day in memory.
    left = Run(tmp_path / "run")
    assert left.days["day"].tolist() == [0, 1]
    assert left.days["company_profit"].tolist() == [r.settlement.realised.company_profit for r in done[:2]]
    assert set(left.table("accounts")["day"]) == {0, 1}
    with pytest.raises(InputError, match="--force"):
        RunWriter(tmp_path / "run", KIND.name, KIND.tables)


@pytest.mark.parametrize(
    ("market", "verdict"),
    [
        ({"mode": "strict", "charge_periods": [], "discharge_periods": []}, "exact"),
        ({"mode": "windows", "beta": 0.7}, "kkt-consistent"),
        ({"purchases": "here-and-now", "beta": 1.0}, "exact"),
    ],
)
def test_other_rules_run_and_say_what_is_proved(market, verdict, tmp_path):
    own = small(tmp_path, market={**SMALL["market"], **market})
    run = run_scenario(own, tmp_path / "run", RunOptions(days=2, seed=3)).run
    assert set(run.days["verdict"]) == {verdict}
    assert (run.days["planned_cvar"] <= run.days["planned_profit"] + 1e-9).all()
    beta = market.get("beta", 0.0)
    mixture = (1 - beta) * run.days["planned_profit"] + beta * run.days["planned_cvar"]
    np.testing.assert_allclose(run.days["planned_objective"], mixture, rtol=1e-9)
    assert (run.days["pessimistic_low"] <= run.days["planned_objective"] + 1e-6).all()
    lines = remarks(run)
    assert any("the company dispatches the vehicles" in line for line in lines) == (verdict == "kkt-consistent")
    assert not any("NOT certified" in line for line in lines)


def test_a_day_that_is_not_proved_is_red_and_named(run):
    broken = Run(run.folder)
    broken.days = run.days.assign(verdict=["exact", "unproved", "exact"], certified=[True, False, True])
    certificates = run.certificates.copy()
    bad = (certificates["day"] == 1) & (certificates["stage"] == "outcome")
    certificates.loc[bad, ["certified", "verdict", "notes"]] = [False, "unproved", "primal"]
    broken.certificates = certificates
    assert [row.style for row in day_table(broken).rows] == [None, "bold red", None]
    assert "day 1, outcome, is NOT certified: its verdict is unproved (primal)" in remarks(broken)


def test_a_lot_that_nobody_wants_stays_empty(tmp_path):
    own = small(
        tmp_path,
        lot_owner={"margin_usd_per_kwh": 900.0, "learning": {"rule": "none"}},
        scenarios={"draws": 3, "kept": 2},
    )
    model = DiscoModel(own, seed=1)
    model.step()
    result = model.last
    assert result.finished == ()
    assert result.pools[0].came == 0.0
    assert result.pools[0].reputation == 1.0
    assert result.owner.profit == 0.0
    sessions = next(table for table in KIND.tables if table.name == "sessions")
    (row,) = sessions.frame(result).to_dict("records")
    assert (row["lot"], row["outcome"], row["alike"], row["drawn_kwh"], row["paid"]) == ("lot", "away", 8.0, 0.0, 0.0)
    assert np.isnan(row["asked_kwh"])


def test_a_fleet_drawn_as_one_counts_every_vehicle(tmp_path):
    fleet = yaml.safe_load(yaml.safe_dump(load_scenario("disco-15").resolved()["fleet"])) | {"draws": "fleet"}
    model = DiscoModel(small(tmp_path, fleet=fleet, drivers={"choice": None}), seed=3)
    model.step()
    result = model.last
    assert [record.alike for record in result.finished] == [8.0]
    assert result.pools[0].came == 8.0
    (record,) = result.finished
    assert 8.0 * record.drawn_kwh == pytest.approx(result.settlement.realised.lot_charge_kw.sum())
    assert 8.0 * record.paid == pytest.approx(result.settlement.realised.accounts["driver_income"])
