"""Figures: they are there, they show the numbers of the tables, and they come out the same twice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from sim.markets.charging.figures import (
    lots_figure,
    overview_figure,
    scheduling_figure,
    sensitivity_figure,
)
from sim.markets.charging.grid_figures import price_map, voltage_figure
from sim.markets.charging.hourly import DISPATCH, PRICES, SingleDay, lots_table
from sim.markets.charging.limits import LIMITS
from sim.output import draw_run
from sim.show.drawing import from_zero, name_legend, save
from tests.sim.drawn import bar_heights


@pytest.fixture(scope="module")
def dispatch(cleared):
    return DISPATCH.frame(SingleDay(cleared.network, cleared.market, cleared.clearing))


@pytest.fixture(scope="module")
def prices(cleared):
    return PRICES.frame(SingleDay(cleared.network, cleared.market, cleared.clearing))


def test_scheduling_bars_balance_and_generation_is_negative(cleared, dispatch):
    figure = scheduling_figure({"one": dispatch, "two": dispatch}, first_hour=1)
    assert [axis.get_title(loc="left") for axis in figure.axes] == ["one", "two"]
    heights = bar_heights(figure.axes[0])
    np.testing.assert_allclose(sum(heights.values()), 0.0, atol=1e-9)
    np.testing.assert_allclose(heights["Imports"], -cleared.clearing.import_kw / 1000)
    np.testing.assert_allclose(heights["Parking lots"], cleared.clearing.lot_kw.sum(axis=1) / 1000)
    assert (heights["Renewables"] <= 0).all()
    low, high = figure.axes[0].get_ylim()
    assert low < -cleared.clearing.import_kw.max() / 1000
    assert high > (cleared.clearing.lot_kw.sum(axis=1) + cleared.market.load_kw.sum(axis=1)).max() / 1000


def test_shed_load_is_taken_from_the_load_bars(cleared):
    shed = np.zeros_like(cleared.market.load_kw)
    bus = int(np.flatnonzero(cleared.market.load_kw[0])[0])
    shed[7, bus] = 20.0
    rows = DISPATCH.frame(SingleDay(cleared.network, cleared.market, replace(cleared.clearing, shed_kw=shed)))
    served = bar_heights(scheduling_figure({"": rows}).axes[0])["Load"]
    np.testing.assert_allclose(served, (cleared.market.load_kw - shed).sum(axis=1) / 1000)


def test_voltage_lines_show_the_lowest_voltage_of_each_bus(cleared, prices):
    figure = voltage_figure({"a": prices, "b": prices})
    lines = figure.axes[0].get_lines()
    assert [line.get_label() for line in lines] == ["a", "b"]
    np.testing.assert_allclose(lines[0].get_ydata(), cleared.clearing.voltage_pu.min(axis=0))
    assert "p.u." in figure.axes[0].get_ylabel()


def test_voltages_stand_lateral_by_lateral():
    """Fed from 0: 0-2-1 and 2-3, in a file that does not list them so; the root's voltage is held and has no limit."""
    feeder = pd.DataFrame(
        {
            "bus": ["0", "1", "2", "3"],
            "parent": ["", "2", "0", "2"],
            "voltage_min_pu": [0.99, 0.91, 0.9, 0.9],
            "voltage_max_pu": [1.0, 1.1, 1.1, 1.1],
        }
    )
    rows = pd.DataFrame({"bus": ["0", "1", "2", "3"], "voltage_pu": [1.0, 0.92, 0.96, 0.94]})
    axis = voltage_figure({"day": rows}, feeder).axes[0]
    branches, dots, _, lowest = axis.get_lines()
    assert dots.get_ydata().tolist() == [1.0, 0.96, 0.92, 0.94]
    ends = np.asarray(branches.get_xydata())[[0, 1, 3, 4, 6, 7]]
    assert ends.tolist() == [[1, 1.0], [2, 0.96], [2, 0.96], [3, 0.92], [2, 0.96], [4, 0.94]]
    assert lowest.get_xdata().tolist() == [2, 3, 4]
    assert lowest.get_ydata().tolist() == [0.9, 0.91, 0.9]
    assert axis.get_xlabel() == "Bus (lateral by lateral, root first)"


def test_what_begins_at_zero_has_room_for_its_highest_mark():
    line, bars, empty = Figure().subplots(1, 3)
    line.plot([0, 1], [16.8, 17.5], marker="s")
    bars.bar([0, 1], [2.0, 4.0])
    for axis in (line, bars, empty):
        from_zero(axis)
    assert line.get_ylim() == pytest.approx((0.0, 1.05 * 17.5))
    assert bars.get_ylim() == pytest.approx((0.0, 4.2))
    assert empty.get_ylim()[0] == 0.0


def test_a_legend_has_as_many_columns_as_there_is_room_for():
    figure = Figure(figsize=(7.2, 2.0))
    axis = figure.subplots()
    for name in ("short", "a name of sixty letters" + "x" * 37, "another name of sixty letters" + "x" * 31):
        axis.plot([0, 1], label=name)
    name_legend(figure, axis, ncols=3)
    assert figure.legends[0]._ncols == 1
    axis.get_lines()[1].set_label("a")
    name_legend(figure, axis, ncols=3)
    assert figure.legends[1]._ncols == 3


def test_the_price_map_has_buses_down_and_hours_across(cleared, prices):
    limits = LIMITS.frame(SingleDay(cleared.network, cleared.market, cleared.clearing))
    figure = price_map(prices, limits, "EUR")
    image = figure.axes[0].get_images()[0]
    np.testing.assert_allclose(image.get_array(), cleared.clearing.dlmp.T * 1000)
    network = figure.axes[1].get_images()[0].get_array()
    expected = (cleared.clearing.dlmp_congestion + cleared.clearing.dlmp_voltage).T * 1000
    np.testing.assert_allclose(network, expected, atol=1e-9)
    assert any("EUR/MWh" in axis.get_ylabel() for axis in figure.axes)


def test_the_lots_figure_has_power_and_energy_of_every_lot(cleared):
    rows = lots_table().frame(SingleDay(cleared.network, cleared.market, cleared.clearing))
    figure = lots_figure(rows)
    assert len(figure.axes) == 6
    np.testing.assert_allclose(bar_heights(figure.axes[0])["Charging power"], cleared.clearing.lot_kw[:, 0])


def test_the_overview_needs_the_small_tables_only(stored, make_day):
    run = stored(*(make_day(index) for index in range(3)))
    figure = overview_figure(run.days, run.lot_days, "EUR")
    assert isinstance(figure, Figure)
    assert len(figure.axes) == 4


def test_sensitivity_panels(tmp_path):
    points = [{"factor": 0.5, "cost": 3.0}, {"factor": 1.0, "cost": 2.0}]
    figure = sensitivity_figure({"A": points, "B": points}, {"cost": "Cost (EUR)"}, {"A": 1.0, "B": 1.0})
    assert [axis.get_xlabel() for axis in figure.axes] == ["A", "B"]
    assert figure.axes[0].get_ylabel() == "Cost (EUR)"
    assert all(path.stat().st_size > 1000 for path in save(figure, tmp_path / "sub" / "fig"))


def test_a_run_gets_all_its_figures_and_the_same_ones_again(stored, make_day):
    run = stored(make_day(0), make_day(1))
    files = draw_run(run, day=1)
    names = {path.name for path in files}
    of_a_day = {f"{what}-day-1" for what in ("scheduling", "voltage", "prices", "feeder", "lots")}
    assert names == {f"{name}.{kind}" for name in of_a_day | {"overview", "prices-posted"} for kind in ("svg", "png")}
    assert all(path.stat().st_size > 2000 for path in files)
    drawn = [path for path in files if path.suffix == ".svg"]
    first = [path.read_bytes() for path in drawn]
    assert draw_run(run, day=1, formats=("svg",)) == drawn
    assert first == [path.read_bytes() for path in drawn]


def test_a_pdf_has_no_date(tmp_path):
    figure = sensitivity_figure({"A": [{"factor": 0.5, "cost": 3.0}]}, {"cost": "Cost (EUR)"}, {"A": 1.0})
    (path,) = save(figure, tmp_path / "fig", ("pdf",))
    assert b"CreationDate" not in path.read_bytes()
    assert path.read_bytes().startswith(b"%PDF")
