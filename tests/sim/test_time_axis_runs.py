"""Runs on days of quarter-hours and of 23 and 25 hours: what the market does with them, and what the tables say."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from equilibrium.invariants import check
from equilibrium.markets.nodal import invariants as nodal
from scenarios.loading import load_scenario
from scenarios.time_axis import day_axis
from sim.markets.charging.model import LocalMarket
from sim.markets.disco.model import DiscoModel
from sim.options import RunOptions
from sim.output import check_tables, draw_run
from sim.run import run_scenario
from sim.show.day_axis import DayAxis
from sim.simulate import kind_of
from sim.store import Run
from tests.scenarios.weeks import MADRID, own_case

SPRING, AUTUMN, SUMMER = dt.date(2024, 3, 31), dt.date(2024, 10, 27), dt.date(2024, 6, 16)
LAST = 6
LOT = {
    **{"name": "lot", "bus": "c", "places": 4, "charger_kw": 22, "charging_price_eur_per_kwh": 0.4},
    "efficiency": 1.0,
}
BARE = {"microturbines": [], "renewables": [], "lots": [LOT]}
MARKETS = [{"kind": "lots-lead"}, {"kind": "nodal"}]


def week(folder: Path, date: dt.date, sessions: list[str], **keys) -> Run:
    """Run the seven days that end on a date."""
    folder.mkdir()
    case = load_scenario(str(own_case(folder, date, sessions, **{**BARE, **keys})))
    return run_scenario(case, folder / "run", RunOptions(days=7, seed=1)).run


def drawn(run: Run) -> np.ndarray:
    """Power of the lot on the last day, period by period."""
    return run.table("lots", LAST)["power_kw"].to_numpy()


# Sessions


@pytest.mark.parametrize("step", [60, 15])
@pytest.mark.parametrize("market", MARKETS, ids=lambda market: market["kind"])
@pytest.mark.parametrize(("date", "hours"), [(SPRING, 1.0), (SUMMER, 2.0), (AUTUMN, 3.0)])
def test_half_past_one_to_half_past_three(tmp_path, date, hours, market, step):
    """One hour in spring and three in autumn: so much can be charged at 22 kW, and no more is."""
    run = week(tmp_path / "week", date, [f"{date}T01:30,{date}T03:30,70,100"], step=step, market=market)
    (session,) = run.sessions[run.sessions["day"] == LAST].to_dict("records")
    reached = min(70.0, 22.0 * hours)
    assert session["departure_h"] - session["arrival_h"] == pytest.approx(hours)
    assert session["got_kwh"] == pytest.approx(reached, abs=1e-6)
    assert session["unreachable_kwh"] == pytest.approx(70.0 - reached, abs=1e-6)
    assert session["outcome"] == "unreachable"
    lots = run.table("lots", LAST)
    assert lots["hours"] @ lots["power_kw"] == pytest.approx(reached, abs=1e-6)
    assert (lots["power_kw"] <= 22.0 + 1e-9).all()
    assert run.days["energy_charged_kwh"].iloc[LAST] == pytest.approx(reached, abs=1e-6)
    assert run.days["certified"].all()
    assert all(finding.holds for finding in check_tables(run))


# Prices


@pytest.mark.parametrize("market", MARKETS, ids=lambda market: market["kind"])
def test_a_spike_in_one_quarter_moves_charging_out_of_exactly_that_quarter(tmp_path, market):
    """Three quarters at 22 kW: the cheapest ones of the stay; where one gets dear, the next in line takes its place."""
    price = [50.0 + 0.01 * quarter for quarter in range(96)]
    stay = f"{SUMMER}T08:00,{SUMMER}T12:00,16.5,40"
    calm = week(tmp_path / "calm", SUMMER, [stay], prices=price, step=15, market=market)
    spike = [300.0 if quarter == 33 else value for quarter, value in enumerate(price)]
    moved = week(tmp_path / "spike", SUMMER, [stay], prices=spike, step=15, market=market)
    assert np.flatnonzero(drawn(calm) > 1e-6).tolist() == [32, 33, 34]
    assert np.flatnonzero(drawn(moved) > 1e-6).tolist() == [32, 34, 35]
    for run, quarters in ((calm, [32, 33, 34]), (moved, [32, 34, 35])):
        np.testing.assert_allclose(drawn(run)[quarters], 22.0, atol=1e-6)
        prices = run.table("prices", LAST)
        given = price if run is calm else spike
        np.testing.assert_allclose(prices[prices["bus"] == "a"]["dlmp_per_mwh"], given, atol=1e-6)
        load = run.table("dispatch", LAST)
        bought = load[load["kind"] == "import"]["p_kw"].to_numpy()
        assert run.days["network_cost"].iloc[LAST] == pytest.approx(bought @ np.array(given) * 0.25 / 1000.0)
    mean = run.days["wholesale_mean_per_mwh"].iloc[LAST]
    assert mean == pytest.approx(np.mean(spike))


def test_the_four_quarters_of_hourly_input_give_the_hourly_days(tmp_path):
    """Stays that begin and end with an hour: all energies, costs and profits are those of the hourly run."""
    stays = [f"{SUMMER}T08:00,{SUMMER}T12:00,30,60", f"{SUMMER}T09:00,{SUMMER}T20:00,20,60"]
    one, other = (week(tmp_path / f"{step}", SUMMER, stays, step=step) for step in (60, 15))
    names = ["energy_charged_kwh", "network_cost", "import_kwh", "load_kwh", "lot_profit", "dlmp_mean_per_mwh"]
    pd.testing.assert_frame_equal(one.days[names], other.days[names], rtol=1e-7)
    pd.testing.assert_frame_equal(one.lot_days[["revenue", "profit"]], other.lot_days[["revenue", "profit"]], rtol=1e-7)
    by_hour = other.lots.groupby(["day", "hour"])["power_kw"].mean()
    np.testing.assert_allclose(by_hour, one.lots["power_kw"], atol=1e-6)


# Tables


def test_the_repeated_hour_is_two_periods(tmp_path):
    stay = f"{AUTUMN}T02:15+02:00,{AUTUMN}T02:15+01:00,30,60"
    run = week(tmp_path / "week", AUTUMN, [stay])
    lots = run.table("lots", LAST)
    assert lots["period"].tolist() == list(range(25))
    assert lots["hour"].tolist() == [0, 1, 2, 2, *range(3, 24)]
    assert lots["start"].tolist()[1:5] == [
        *("2024-10-27T01:00+02:00", "2024-10-27T02:00+02:00", "2024-10-27T02:00+01:00", "2024-10-27T03:00+01:00"),
    ]
    assert (lots["hours"] == 1.0).all()
    np.testing.assert_allclose(lots["power_kw"][2:4], [16.5, 5.5], atol=1e-6)  # 45 and 15 minutes at 22 kW
    for table, rows in (("prices", 3), ("dispatch", None), ("lots", 1)):
        frame = run.table(table, LAST)
        assert frame["start"].nunique() == 25
        assert rows is None or len(frame) == 25 * rows
    days = run.days.iloc[LAST]
    assert days["load_kwh"] == pytest.approx(run.dispatch.query("day == 6 and kind == 'load'")["p_kw"].sum())
    assert days["voltage_min_start"] in set(lots["start"])


def test_a_day_of_23_hours_in_quarters_has_92_rows(tmp_path):
    run = week(tmp_path / "week", SPRING, [f"{SPRING}T12:00,{SPRING}T13:00,1,40"], step=15)
    lots = run.table("lots", LAST)
    assert lots["start"].tolist()[6:10] == [f"2024-03-31T{clock}" for clock in ("01:30+01:00", "01:45+01:00")] + [
        f"2024-03-31T{clock}" for clock in ("03:00+02:00", "03:15+02:00")
    ]
    assert len(lots) == 92
    assert lots["hours"].sum() == 23.0
    assert len(run.table("lots", 5)) == 96


def test_a_plain_scenario_has_hours_that_start_on_their_date(tmp_path):
    folder = tmp_path / "week"
    folder.mkdir()
    path = own_case(folder, SUMMER, [f"{SUMMER}T12:00,{SUMMER}T13:00,1,40"], zone=None, **BARE)
    run = run_scenario(load_scenario(str(path)), folder / "run", RunOptions(days=7, seed=1)).run
    lots = run.table("lots", LAST)
    assert lots["hour"].tolist() == lots["period"].tolist() == list(range(24))
    assert lots["start"].tolist()[:2] == ["2024-06-16T00:00", "2024-06-16T01:00"]


# The bundled scenario


def test_nodal_33_in_quarters_is_certified():
    model = LocalMarket("nodal-33-quarters", seed=1)
    model.step()
    day = model.last
    assert day.axis.size == 96
    assert day.clearing.certificate.certified
    assert {type(lot).__name__ for lot in model.lots} == {"ParkingLot"}
    assert [finding.name for finding in check(nodal.INVARIANTS, day.network, day.market, day.clearing)] != []
    assert all(finding.holds for finding in check(nodal.INVARIANTS, day.network, day.market, day.clearing))
    for lot, record in enumerate(day.lots):
        assert record.energy_kwh == pytest.approx(0.25 * day.clearing.lot_kw[:, lot].sum())
        assert record.payment == pytest.approx(day.clearing.lot_payment[lot])
    got = {name: sum(each.drawn_kwh for each in day.finished if each.lot == name) for name in ("lot-1",)}
    assert got["lot-1"] <= 0.25 * day.clearing.lot_kw[:, 0].sum() + 1e-6
    rows = kind_of(model.case).tables[0].of(day)
    assert rows["energy_charged_kwh"] == pytest.approx([0.25 * day.clearing.lot_kw.sum()])


# The company


FEW = {
    "lots": [{"name": "lot", "bus": 9, "drivers": 8}],
    "scenarios": {"draws": 8, "kept": 2},
    "market": {"segments": 6, "transformer_efficiency": 0.98},
}


def test_a_company_s_run_in_quarters(tmp_path):
    case = load_scenario("disco-15", {**FEW, "time": {"step_minutes": 15}})
    run = run_scenario(case, tmp_path / "run", RunOptions(days=2, seed=1)).run
    assert all(finding.holds for finding in check_tables(run))
    assert run.days["certified"].all() == (run.days["verdict"] != "unproved").all()
    days, dispatch = run.days.iloc[0], run.table("dispatch", 0)
    assert dispatch["period"].nunique() == 96
    for kind in ("load", "import", "loss", "renewable"):
        assert days[f"{kind}_kwh"] == pytest.approx(0.25 * dispatch[dispatch["kind"] == kind]["p_kw"].sum())
    assert {path.stem for path in draw_run(run, 0, ("svg",))} >= {"dispatch-day-0", "lots-day-0", "response-day-0"}


def test_the_company_s_load_costs_and_energy_do_not_depend_on_the_step():
    """What the customers use and what they pay for it, without a vehicle's minute in it."""
    runs = {}
    for step in (60, 15):
        model = DiscoModel(load_scenario("disco-15", {**FEW, "time": {"step_minutes": step}}), seed=1)
        model.step()
        runs[step] = model.last
    one, other = runs[60], runs[15]
    load, fine = one.settlement.outcome.load_kw, other.settlement.outcome.load_kw
    assert fine.shape[0] == 96
    assert 0.25 * other.settlement.forecast.load_kw.sum() == pytest.approx(one.settlement.forecast.load_kw.sum())
    assert 0.25 * fine.sum() == pytest.approx(load.sum(), rel=0.02)  # the noise of the answer is drawn by period
    np.testing.assert_allclose(other.retail.forecast_profit, one.retail.forecast_profit, rtol=1e-9)


# Figures


def test_the_axis_of_a_figure():
    def rows(axis):
        return pd.DataFrame(
            {
                "period": np.arange(axis.size),
                "hour": axis.clock_hour,
                "start": axis.starts,
                "hours": axis.length_h,
            }
        )

    plain = DayAxis.of(rows(day_axis()), first_hour=1)
    assert plain.middle.tolist() == list(range(1, 25))
    assert plain.label == "Hour"
    spring = DayAxis.of(rows(day_axis(SPRING, MADRID, 15)))
    assert spring.edge[-1] == 23.0
    assert spring.names == ("00:00", "03:00", "06:00", "09:00", "12:00", "15:00", "18:00", "21:00")
    assert spring.marks[:3] == (0.0, 2.0, 5.0)
    assert spring.label == "Time of day"
    hourly = DayAxis.of(rows(day_axis(AUTUMN, MADRID)))
    assert hourly.edge[-1] == 25.0
    assert hourly.marks[:3] == (0.0, 4.0, 7.0)


def test_a_day_of_quarters_is_drawn(tmp_path):
    run = week(tmp_path / "week", SPRING, [f"{SPRING}T12:00,{SPRING}T13:00,1,40"], step=15, market={"kind": "nodal"})
    names = {path.name for path in draw_run(run, LAST, ("svg",))}
    assert {f"{name}-day-6.svg" for name in ("scheduling", "prices", "lots", "market-power")} <= names


def test_names_below_a_narrow_axis_do_not_run_into_each_other():
    rows = pd.DataFrame(
        {
            "period": np.arange(96),
            "hour": np.arange(96) // 4,
            "hours": 0.25,
            "start": [f"2024-06-10T{k // 4:02d}:{15 * (k % 4):02d}+02:00" for k in range(96)],
        }
    )
    figure, axes = plt.subplots(1, 2, figsize=(7.0, 3.0))
    DayAxis.of(rows).mark(*axes)
    figure.canvas.draw()
    for axis in axes:
        extents = [label.get_window_extent() for label in axis.get_xticklabels() if label.get_text()]
        assert len(extents) >= 3
        assert all(left.x1 < right.x0 for left, right in pairwise(extents))
    plt.close(figure)
