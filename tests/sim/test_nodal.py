"""Days of the nodal market: what the tables, the terminal and the figure say must fit together."""

from __future__ import annotations

from io import StringIO

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from scenarios.loading import load_scenario
from sim.markets.lots_lead.kind import KIND as LOTS_LEAD
from sim.markets.nodal.figures import market_power_figure
from sim.markets.nodal.kind import KIND
from sim.options import RunOptions
from sim.output import draw_run, show_run
from sim.run import run_scenario
from sim.show.drawing import save
from sim.store import Run, comparable
from tests.sim.drawn import bar_heights

KEYS = ["day", "lot"]


def behaving(*behaviours: str) -> dict[str, object]:
    """Overrides that give the lots of nodal-33 their behaviours."""
    lots = load_scenario("nodal-33").resolved()["lots"]
    return {"lots": [{**lot, "behaviour": behaviour} for lot, behaviour in zip(lots, behaviours, strict=True)]}


def simulated(folder, overrides=None, **options) -> Run:
    outcome = run_scenario(load_scenario("nodal-33", overrides), folder, RunOptions(**{"days": 1, **options}))
    assert outcome.status == "complete"
    return outcome.run


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    return simulated(tmp_path_factory.mktemp("nodal") / "run", days=3)


def test_money_adds_up_for_every_lot(run):
    hours, days = run.lots, run.lot_days.set_index(KEYS)
    sums = hours.assign(
        revenue=hours["charging_price_per_kwh"] * hours["power_kw"],
        payment=hours["lot_price_per_mwh"] * hours["power_kw"] / 1000,
        there=(hours["charging_price_per_kwh"] - hours["competitive_price_per_mwh"] / 1000) * hours["competitive_kw"],
    )
    sums = sums.groupby(KEYS)[["revenue", "payment", "there"]].sum()
    for column, expected in (("revenue", "revenue"), ("payment", "payment"), ("competitive_profit", "there")):
        pd.testing.assert_series_equal(days[column], sums[expected], check_names=False, rtol=1e-9, atol=1e-4)
    pd.testing.assert_series_equal(days["profit"], days["revenue"] - days["payment"], check_names=False, atol=1e-4)
    assert (days["payment"] > 0.0).all()
    assert (days["value_pessimistic"] <= days["profit"] + 1e-6).all()
    assert (days["profit"] <= days["value_optimistic"] + 1e-6).all()


def test_a_lot_pays_the_price_of_its_bus_within_its_interval(run):
    lots = run.lots.merge(
        run.prices[["day", "hour", "bus", "dlmp_per_mwh"]], on=["day", "hour", "bus"], suffixes=("", "_bus")
    )
    np.testing.assert_allclose(lots["lot_price_per_mwh"], lots["dlmp_per_mwh_bus"], atol=1e-6)
    assert (lots["lot_price_low_per_mwh"] <= lots["lot_price_per_mwh"] + 1e-6).all()
    assert (lots["lot_price_per_mwh"] <= lots["lot_price_high_per_mwh"] + 1e-6).all()


def test_the_day_sums_payments_surplus_and_anarchy(run):
    at_bus = run.dispatch.merge(run.prices[["day", "hour", "bus", "dlmp_per_mwh"]], on=["day", "hour", "bus"])
    at_bus["money"] = at_bus["p_kw"] * at_bus["dlmp_per_mwh"] / 1000
    money = at_bus.pivot_table(index="day", columns="kind", values="money", aggfunc="sum")
    days = run.days.set_index("day")
    np.testing.assert_allclose(days["load_payment"], money["load"], rtol=1e-9)
    np.testing.assert_allclose(days["lot_payment"], money["lot"], rtol=1e-6)
    receipts = money["microturbine"] + money["renewable"] + days["network_cost"] - days["fuel_cost"]
    np.testing.assert_allclose(days["network_surplus"], money["load"] + money["lot"] - receipts, rtol=1e-6)
    lots = run.lots.assign(
        here=run.lots["charging_price_per_kwh"] * run.lots["power_kw"],
        there=run.lots["charging_price_per_kwh"] * run.lots["competitive_kw"],
    )
    revenue = lots.groupby("day")[["here", "there"]].sum()
    reached, best = revenue["here"] - days["network_cost"], revenue["there"] - days["competitive_cost"]
    np.testing.assert_allclose(days["welfare_loss"], best - reached, atol=1e-4)
    assert (days["welfare_loss"] >= -1e-4).all()
    defined = reached > 0.0
    assert defined.any()
    np.testing.assert_allclose(days["price_of_anarchy"][defined], (best / reached)[defined], rtol=1e-7)
    assert days["price_of_anarchy"][~defined].isna().all()
    saved = (run.lot_days["markdown_per_mwh"] * run.lot_days["energy_kwh"] / 1000).groupby(run.lot_days["day"]).sum()
    np.testing.assert_allclose(days["markdown"], saved, atol=1e-4)


def test_every_day_is_proved_and_market_power_shows(run):
    proofs = run.certificates
    assert proofs["certified"].all()
    assert (proofs["epsilon"] <= 1e-6).all()
    assert set(proofs["iteration"]) == {"gauss-seidel"}
    assert set(proofs["order"]) == {"lot-1, lot-2, lot-3"}
    assert (proofs["rounds"] >= 1).all()
    assert (proofs["cycle"] == 0).all()
    assert proofs["price_rule"].str.len().min() > 0
    assert run.days["rounds"].tolist() == proofs["rounds"].tolist()
    assert set(run.lot_days["behaviour"]) == {"strategic"}
    assert run.lot_days["shifted_kwh"].max() > 1.0
    assert run.days["welfare_loss"].max() > 1e-3
    assert run.lot_days["markdown_per_mwh"].max() > 0.1


def test_the_seed_decides_everything(tmp_path, run):
    again, other = simulated(tmp_path / "again"), simulated(tmp_path / "other", seed=1)
    for name in run.columns:
        pd.testing.assert_frame_equal(
            comparable(again.table(name)), comparable(run.table(name, day=0)), check_exact=True, check_dtype=False
        )
    assert not again.lots["power_kw"].equals(other.lots["power_kw"])


def test_gurobi_runs_the_same_day(tmp_path, run):
    other = simulated(tmp_path / "run", solver="gurobi")
    assert other.certificates["certified"].all()
    assert other.certificates["solver"].item().startswith("Gurobi")
    # The equilibrium may be another one; the competitive outcome has one cost.
    here, there = run.lots[run.lots["day"] == 0], other.lots
    value = [(rows["charging_price_per_kwh"] * rows["competitive_kw"]).sum() for rows in (here, there)]
    costs = [run.days["competitive_cost"].iloc[0], other.days["competitive_cost"].iloc[0]]
    assert value[1] - costs[1] == pytest.approx(value[0] - costs[0], abs=1e-4)


def test_lots_without_will_reach_the_competitive_outcome(tmp_path):
    run = simulated(tmp_path / "run", behaving("central", "central", "central"))
    np.testing.assert_allclose(run.lots["power_kw"], run.lots["competitive_kw"], atol=1e-6)
    assert run.days["price_of_anarchy"].item() == pytest.approx(1.0, abs=1e-9)
    assert run.days["welfare_loss"].item() == pytest.approx(0.0, abs=1e-6)
    assert run.certificates["order"].item() == ""
    assert run.certificates["certified"].all()


def test_the_second_method_is_told_and_stored(tmp_path, run):
    proved = simulated(tmp_path / "run", certify="full")
    proof, plain = proved.certificates.iloc[0], run.certificates
    assert proof["certified"]
    assert proof["second_method"].startswith("KKT conditions")
    assert proof["second_finished"]
    assert proof["second_gap"] <= 1e-6
    assert 0.0 < proof["second_seconds"] <= proof["certificate_seconds"]
    added = ["second_method", "second_gap", "second_finished", "second_seconds"]
    assert [name for name in proved.certificates if name not in plain] == added  # only a run that fills them has them
    assert proved.manifest["certify"] == "full"
    text = StringIO()
    show_run(Console(file=text, width=200), proved)
    assert f"second method ({proof['second_method']}): 1 of 1 days proved by it too" in text.getvalue()
    pd.testing.assert_frame_equal(comparable(proved.lots), comparable(run.table("lots", day=0)), check_dtype=False)


@pytest.mark.parametrize("iteration", ["gauss-seidel", "jacobi"])
def test_behaviours_can_be_mixed(tmp_path, iteration):
    mixed = {**behaving("strategic", "central", "central"), "market": {"iteration": iteration}}
    run = simulated(tmp_path / "run", mixed)
    assert run.lot_days["behaviour"].tolist() == ["strategic", "central", "central"]
    assert run.certificates[["order", "iteration"]].to_numpy().tolist() == [["lot-1", iteration]]
    assert run.certificates["certified"].all()
    assert run.lot_days["regret"].tolist()[1:] == [0.0, 0.0]


def test_a_lots_lead_run_has_no_column_of_the_nodal_market(make_day):
    here = {table.name: [column.name for column in table.columns] for table in LOTS_LEAD.tables}
    there = {table.name: [column.name for column in table.columns] for table in KIND.tables}
    assert list(here) == list(there)
    own = {name: [column for column in there[name] if column not in here[name]] for name in there}
    assert {name: len(columns) for name, columns in own.items() if columns} == {
        "days": 8,
        "lots": 7,
        "lot_days": 7,
        "certificates": 10,
    }
    for name, columns in here.items():
        assert [column for column in there[name] if column in columns] == columns
    (lot_days,) = (table for table in LOTS_LEAD.tables if table.name == "lot_days")
    assert lot_days.frame(make_day(0))["payment"].tolist() == [0.0, 0.0, 0.0]


def test_the_terminal_shows_market_power_in_80_columns(run):
    text = StringIO()
    show_run(Console(file=text, width=80, highlight=False, no_color=True), run)
    table, rest = text.getvalue().split("energy in kWh")
    assert all(len(line) <= 80 for line in table.splitlines())
    assert "…" not in table
    assert "PoA" in table.splitlines()[1]
    row, day = table.splitlines()[2].split(), run.days.iloc[0]
    assert row[7:10] == [f"{day['lot_profit']:.0f}", f"{day['markdown']:.1f}", f"{day['price_of_anarchy']:.5f}"]
    profit = run.lot_days[run.lot_days["lot"] == "lot-2"]["profit"].sum()
    assert f"lot-2 (strategic): profit {profit:.1f}, competitive " in rest


def test_the_figure_sets_the_equilibrium_beside_competition(run):
    rows = run.table("lots", day=0)
    figure = market_power_figure(rows, "EUR")
    assert len(figure.axes) == 6
    left, right = figure.axes[:2]
    one = rows[rows["lot"] == "lot-1"]
    np.testing.assert_allclose(list(bar_heights(left).values()), [one["power_kw"], one["competitive_kw"]])
    paid, competitive = (line.get_ydata() for line in right.get_lines())
    np.testing.assert_allclose(paid, one["lot_price_per_mwh"].repeat(2))  # a step has two ends
    np.testing.assert_allclose(competitive, one["competitive_price_per_mwh"].repeat(2))
    assert right.get_ylabel() == "EUR/MWh"
    files = draw_run(run, day=0, formats=("png",))
    assert run.folder / "figures" / "market-power-day-0.png" in files
    for kind, begin in (("pdf", b"%PDF-"), ("eps", b"%!PS-Adobe")):
        (path,) = save(figure, run.folder / "figures" / "market-power", (kind,))
        assert path.suffix == f".{kind}"
        assert path.read_bytes().startswith(begin)
