"""What the figures of a DISCO run draw and what the terminal prints, against the tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from matplotlib.axes import Axes

from scenarios.loading import load_scenario
from scenarios.markets.disco.case import DiscoCase
from sim.markets.disco.figures import (
    beliefs_figure,
    disco_figures,
    dispatch_figure,
    profits_figure,
    programs_figure,
    response_figure,
    vehicles_figure,
    voltage_band_figure,
)
from sim.markets.disco.terminal import day_table, remarks
from sim.options import RunOptions
from sim.run import run_scenario
from sim.store import Run
from tests.sim.drawn import assert_tidy, bar_heights
from tests.sim.test_disco_tables import SCENARIO


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder: Path = tmp_path_factory.mktemp("shown")
    rows = ["hour,price_usd_per_mwh", *(f"{hour},{60 + 3 * hour}" for hour in range(1, 25))]
    (folder / "prices.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder / "own.yaml").write_text(yaml.safe_dump({**SCENARIO, "time": {}}), encoding="utf-8")
    case = load_scenario(str(folder / "own.yaml"), None, DiscoCase)
    return run_scenario(case, folder / "out", RunOptions(days=2, seed=2)).run


def heights(axis: Axes, label: str) -> list[float]:
    """Heights of the bars with a label."""
    return list(bar_heights(axis)[label])


def line(axis: Axes, number: int) -> np.ndarray:
    return np.asarray(axis.get_lines()[number].get_ydata(), dtype=float)


def labelled(axis: Axes, label: str) -> np.ndarray:
    (found,) = [each for each in axis.get_lines() if each.get_label() == label]
    return np.asarray(found.get_ydata(), dtype=float)


def band(axis: Axes) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper edge of the first band, by its positions."""
    points = pd.DataFrame(axis.collections[0].get_paths()[0].vertices, columns=["x", "y"])
    edges = points.groupby("x")["y"]
    return edges.min().to_numpy(), edges.max().to_numpy()


def steps(values: pd.Series[float]) -> np.ndarray:
    return np.repeat(values.to_numpy(), 2)


def by_period(rows: pd.DataFrame, kind: str) -> pd.Series[float]:
    return rows[rows["kind"] == kind].groupby("period")["p_kw"].sum()


def test_the_dispatch_is_drawn_in_megawatts_and_prices_as_they_are(run: Run) -> None:
    dispatch, prices = run.table("dispatch", 1), run.table("prices", 1)
    above, below = dispatch_figure(dispatch, prices, "USD").axes
    for kind, label, sign in (
        ("renewable", "Wind and sun", -1),
        ("import", "Bought upstream", -1),
        ("lot_discharge", "Vehicles discharging", -1),
        ("load", "Load", 1),
        ("lot_charge", "Vehicles charging", 1),
        ("loss", "Losses", 1),
    ):
        np.testing.assert_allclose(heights(above, label), sign * by_period(dispatch, kind) / 1000.0, err_msg=kind)
    at_buses = prices.groupby("period")["price_per_mwh"]
    np.testing.assert_allclose(line(below, 0), steps(at_buses.mean()))
    low, high = band(below)
    assert low.min() == pytest.approx(at_buses.min().min())
    assert high.max() == pytest.approx(at_buses.max().max())


def test_the_response_is_the_sum_over_the_feeder(run: Run) -> None:
    dispatch, lots = run.table("dispatch", 1), run.table("lots", 1)
    above, below = response_figure(dispatch, lots, "USD").axes
    for kind, label in (
        ("base_load", "Without a program"),
        ("forecast_load", "With it, as the retailer expected"),
        ("load", "With it, as it came"),
    ):
        np.testing.assert_allclose(labelled(above, label), steps(by_period(dispatch, kind) / 1000.0), err_msg=kind)
    np.testing.assert_allclose(line(below, 0), steps(lots.groupby("period")["tariff_per_mwh"].first()))


def test_every_lot_shows_its_own_vehicles(run: Run) -> None:
    lots = run.table("lots", 1)
    axes = vehicles_figure(lots, "day 1").axes
    for number, name in enumerate(("west", "east")):
        rows = lots[lots["lot"] == name]
        left, right, twin = axes[2 * number], axes[2 * number + 1], axes[4 + number]
        assert left.get_title(loc="left") == f"{name}, day 1"
        np.testing.assert_allclose(heights(left, "Charging"), rows["charge_kw"])
        np.testing.assert_allclose(heights(left, "Discharging"), -rows["discharge_kw"])
        np.testing.assert_allclose(heights(right, "Energy in the vehicles"), rows["energy_kwh"] / 1000.0)
        np.testing.assert_allclose(labelled(twin, "Vehicles plugged in"), steps(rows["plugged"]))


def test_the_voltage_band_has_the_lowest_the_mean_and_the_highest(run: Run) -> None:
    prices = run.table("prices", 1)
    (axis,) = voltage_band_figure(prices).axes
    at_bus = prices.groupby("bus", sort=False)["voltage_pu"]
    np.testing.assert_allclose(labelled(axis, "Mean"), at_bus.mean())
    np.testing.assert_allclose(labelled(axis, "Lowest"), at_bus.min())
    low, high = band(axis)
    np.testing.assert_allclose(low[:15], at_bus.min())
    np.testing.assert_allclose(high[:15], at_bus.max())
    assert (at_bus.mean() > at_bus.min()).any()


def test_programs_are_marked_where_they_were_chosen(run: Run) -> None:
    days, programs = run.days, run.table("programs")
    above, below = programs_figure(days, programs, "USD").axes
    names = [text.get_text() for text in above.get_yticklabels()]
    for number, name in enumerate(names):
        rows = programs[programs["program"] == name]
        np.testing.assert_allclose(labelled(below, name), rows["forecast_profit"])
        discs, squares = above.collections[2 * number : 2 * number + 2]
        np.testing.assert_allclose(discs.get_sizes(), 260 * rows["probability"])
        chosen = days["day"][days["program"] == name].tolist()
        assert np.asarray(squares.get_offsets())[:, 0].tolist() == chosen


def test_beliefs_stand_between_two_standard_errors(run: Run) -> None:
    beliefs = run.table("beliefs")
    axes = [axis for axis in beliefs_figure(beliefs).axes if axis.get_lines()]
    seen = set()
    for axis in axes:
        title = axis.get_title(loc="left")
        first, _, other = title.partition(" to ")
        rows = beliefs[(beliefs["period"] == first) & (beliefs["other"] == (other or first))]
        seen.add(title)
        np.testing.assert_allclose(line(axis, 0), rows["estimate"])
        np.testing.assert_allclose(line(axis, 1), rows["true_elasticity"])
        low, high = band(axis)
        np.testing.assert_allclose(low, rows["estimate"] - 2 * rows["standard_error"])
        np.testing.assert_allclose(high, rows["estimate"] + 2 * rows["standard_error"])
    assert len(seen) == 6


def test_profits_and_terms_are_those_of_the_days(run: Run) -> None:
    days, scenarios = run.days, run.table("scenarios")
    company, lots, terms, energy, twin = profits_figure(days, scenarios, "USD").axes
    plans = scenarios[scenarios["stage"] == "forecast"].groupby("day")["company_profit"]
    low, high = band(company)
    np.testing.assert_allclose(low, plans.min())
    np.testing.assert_allclose(high, plans.max())
    np.testing.assert_allclose(labelled(company, "Planned"), days["planned_profit"])
    np.testing.assert_allclose(labelled(company, "Earned"), days["company_profit"])
    np.testing.assert_allclose(labelled(lots, "Planned"), days["planned_lot_profit"])
    np.testing.assert_allclose(labelled(lots, "Earned"), days["lot_profit"])
    np.testing.assert_allclose(labelled(terms, "Margin"), 1000.0 * days["margin_per_kwh"])
    np.testing.assert_allclose(labelled(twin, "Drivers' share"), 100.0 * days["driver_share"])
    np.testing.assert_allclose(heights(energy, "Charged"), days["charged_kwh"] / 1000.0)
    np.testing.assert_allclose(heights(energy, "Discharged"), -days["discharged_kwh"] / 1000.0)


def test_the_figures_of_a_day_are_those_of_its_rows(run: Run) -> None:
    figures = disco_figures(run, 1, "day 1", "USD")
    for figure in figures.values():
        assert_tidy(figure)
    dispatch = run.table("dispatch", 1)
    above = figures["dispatch-day-1"].axes[0]
    np.testing.assert_allclose(heights(above, "Load"), by_period(dispatch, "load") / 1000.0)
    program = run.days["program"].iloc[1]
    assert above.get_title(loc="left") == f"day 1, program {program}"
    lot = figures["lots-day-1"].axes[0]
    rows = run.table("lots", 1)
    np.testing.assert_allclose(heights(lot, "Charging"), rows[rows["lot"] == "west"]["charge_kw"])


def cells(table: Any, row: int) -> list[str]:
    return [str(list(column.cells)[row]) for column in table.columns]


def test_the_terminal_prints_the_numbers_of_the_tables(run: Run) -> None:
    table = day_table(run)
    for number, row in enumerate(run.days.to_dict("records")):
        regret = row["worst_regret"]
        expected = [
            str(row["day"]),
            row["program"][:8],
            *(f"{row[name]:.0f}" for name in ("planned_profit", "company_profit", "lot_profit", "vehicles")),
            *(f"{row[name]:.0f}" for name in ("charged_kwh", "discharged_kwh")),
            *(f"{row[name]:.3f}" for name in ("voltage_min_pu", "belief_error")),
            f"{regret:.1g}" if regret >= 1e-6 else "<1e-6",
            {"exact": "exact", "epsilon-nash": "eps", "kkt-consistent": "kkt", "unproved": "NO"}[row["verdict"]],
            f"{row['seconds']:.1f}",
        ]
        assert cells(table, number) == expected
    assert run.days["planned_profit"].round().tolist() != run.days["company_profit"].round().tolist()


def test_the_remarks_add_up_the_days(run: Run) -> None:
    days = run.days
    (line_of_profits,) = [text for text in remarks(run) if text.startswith("company ")]
    assert line_of_profits == (
        f"company {sum(days['company_profit']):.1f} (planned {sum(days['planned_profit']):.1f}, its retail arm "
        f"{sum(days['retail_profit']):.1f}), lots {sum(days['lot_profit']):.1f}"
    )
    (chosen,) = [text for text in remarks(run) if text.startswith("programs chosen: ")]
    for name in set(days["program"]):
        assert f"{name} {(days['program'] == name).sum()} x" in chosen


def test_what_lots_would_gain_is_the_worst_of_the_days(run: Run) -> None:
    windows = Run(run.folder)
    manifest = {**run.manifest, "resolved_scenario": {"market": {"mode": "windows"}}}
    windows.__dict__["manifest"] = manifest
    windows.__dict__["days"] = run.days.assign(worst_regret=[3.25, 1.0])
    (line_of_regret,) = [text for text in remarks(windows) if text.startswith("proof kkt")]
    assert line_of_regret.endswith("would gain up to 3.2 a day")


def told(run: Run, *, mode: str = "lots", **tables: pd.DataFrame) -> Run:
    """The run with other tables, in some mode of its market."""
    other = Run(run.folder)
    manifest = {**run.manifest, "resolved_scenario": {"market": {"mode": mode}}}
    vars(other).update(manifest=manifest, **tables)
    return other


def belief_line(run: Run) -> str:
    """The program with the highest forecast on the first of the two days, and on the second if it is another one."""
    best = []
    for day in (0, 1):
        rows = [row for row in run.table("programs").to_dict("records") if row["day"] == day]
        best.append(max(rows, key=lambda row: row["forecast_profit"])["program"])
    return f"highest forecast: {best[0]}" + (f", from day 1 on {best[1]}" if best[1] != best[0] else "")


def earned_line(run: Run) -> str:
    """What each program that was offered was expected to earn and earned, by the order of the menu."""
    rows = run.table("programs").to_dict("records")
    told_of = []
    for name in dict.fromkeys(row["program"] for row in rows):
        own = [row for row in rows if row["program"] == name and row["chosen"]]
        if own:
            mean = [sum(row[key] for row in own) / len(own) for key in ("forecast_profit", "earned_profit")]
            told_of.append(f"{name} {mean[0]:.0f}/{mean[1]:.0f}")
    return "retail arm, expected/earned in the mean of a program's days: " + ", ".join(told_of)


def test_every_line_below_the_table(run: Run) -> None:
    days, proofs = run.days, run.certificates
    sums = {name: sum(days[name]) for name in days if name.endswith("profit")}
    chosen = pd.Series(days["program"]).value_counts()
    lines = [
        "money in USD, voltage per unit, time in s; profit plan: what the company expected in the morning;",
        "kWh drawn and given by the vehicles; elas. error: the largest one of the believed elasticities",
        f"company {sums['company_profit']:.1f} (planned {sums['planned_profit']:.1f}, its retail arm "
        f"{sums['retail_profit']:.1f}), lots {sums['lot_profit']:.1f}",
        "programs chosen: " + ", ".join(f"{name} {count} x" for name, count in chosen.items()),
        belief_line(run),
        earned_line(run),
    ]
    last = f"results in {run.folder}"
    assert remarks(told(run)) == [*lines, last]
    kkt = proofs.assign(verdict="kkt-consistent", certified=False, notes=["", *["a note"] * (len(proofs) - 1)])
    named = [
        f"day {row.day}, {row.stage}, is NOT certified: its verdict is kkt-consistent{' (a note)' if row.notes else ''}"
        for row in kkt.itertuples()
    ]
    assert len(named) == 4
    assert remarks(told(run, certificates=kkt)) == [*lines, *named, last]
    # In mode `windows` the lots decide nothing, and one sentence says so; what is not proved is told all the same.
    windows = remarks(told(run, mode="windows", certificates=kkt, days=days.assign(worst_regret=[1.0, 2.5])))
    (sentence,) = windows[6:-1]
    assert sentence.startswith("proof kkt: in mode windows")
    assert sentence.endswith("would gain up to 2.5 a day")
    bad = kkt.assign(verdict=["unproved", *["kkt-consistent"] * 3])
    found = remarks(told(run, mode="windows", certificates=bad))
    assert found[7:-1] == [f"day 0, {bad['stage'].iloc[0]}, is NOT certified: its verdict is unproved"]
    assert remarks(told(run, days=days.iloc[:0], certificates=proofs.iloc[:0])) == [*lines[:2], last]
    nothing = told(run, mode="windows", days=days.iloc[:0], certificates=proofs.iloc[:0])
    assert remarks(nothing) == [*lines[:2], last]


def test_a_day_without_a_proof_is_red_and_a_long_name_is_cut(run: Run) -> None:
    days = run.days.assign(verdict=["unproved", "kkt-consistent"], program="a-program-of-a-long-name")
    table = day_table(told(run, days=days))
    assert [row.style for row in table.rows] == ["bold red", None]
    assert cells(table, 0)[1] == cells(table, 1)[1] == "a-progra"
    assert [cells(table, row)[-2] for row in (0, 1)] == ["NO", "kkt"]


def test_of_a_long_run_the_last_two_weeks_and_what_is_not_proved_are_printed(run: Run) -> None:
    many = pd.concat([run.days.iloc[[0]]] * 20, ignore_index=True).assign(day=range(20))
    many.loc[:3, "verdict"] = ["exact", "unproved", "kkt-consistent", "exact"]
    assert [str(cell) for cell in next(iter(day_table(told(run, days=many)).columns)).cells] == [
        "1",
        *(str(day) for day in range(6, 20)),
    ]
    assert "20 days; shown are the last 14 and those that are not certified" in remarks(told(run, days=many))
    fortnight = told(run, days=many.iloc[:14])
    assert not [line for line in remarks(fortnight) if "shown are the last" in line]
    assert len(day_table(fortnight).rows) == 14
