"""What figures of the charging markets draw in odd cases: axes, limits off the scale, labels, gaps, open ends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from sim.markets.charging.figures import overview_figure, posted_figure, scheduling_figure, sensitivity_figure
from sim.markets.charging.grid_figures import feeder_map, price_map, voltage_figure
from sim.markets.nodal.figures import market_power_figure
from sim.markets.nodal.kind import KIND as NODAL
from sim.show.day_axis import DayAxis
from sim.store import Run
from tests.sim.drawn import assert_shown, drawn
from tests.sim.made_days import LABELS, made_day, stored_run
from tests.sim.shown import Shown, words
from tests.sim.test_every_mark import OF_A_RUN, figures_of


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("nodal")
    return stored_run(folder, NODAL, [made_day(index, nodal=True) for index in range(3)])


def test_hours_are_written_where_the_clock_shows_them(run: Run) -> None:
    """The clock shows two periods of one o'clock, so noon stands half an hour to the right."""
    axis = scheduling_figure({"": run.table("dispatch", 0)}).axes[0]
    names = dict(zip(axis.get_xticks(), [tick.get_text() for tick in axis.get_xticklabels()], strict=True))
    assert names == {0.0: "00:00", **{h + 0.5: f"{h:02d}:00" for h in (3, 6, 9, 12, 15, 18, 21)}}
    quarters = pd.DataFrame({"period": range(96), "hours": 0.25, "hour": [k // 4 for k in range(96)]})
    quarters["start"] = [f"{k // 4:02d}:{15 * (k % 4):02d}" for k in range(96)]
    day = DayAxis.of(quarters)
    assert day.names == tuple(f"{h:02d}:00" for h in range(0, 24, 3))
    assert day.marks == tuple(float(h) for h in range(0, 24, 3))
    assert day.middle[:2].tolist() == [0.125, 0.375]
    plain = scheduling_figure({"": run.table("dispatch", 1)}).axes[0]
    assert set(np.diff(plain.get_xticks())) == {3.0}


def named(axis: Any) -> dict[float, str]:
    """What stands at each mark of an axis."""
    low, high = sorted(axis.get_view_interval())
    marks = axis.get_majorticklocs()
    texts = axis.get_major_formatter().format_ticks(marks)
    return {mark: text for mark, text in zip(marks, texts, strict=True) if low <= mark <= high}


def test_days_are_marked_by_their_dates_and_typical_days_by_their_numbers(run: Run) -> None:
    dates = {0.0: "04-07", 1.0: "04-08", 2.0: "04-09"}
    figures = figures_of(NODAL, run, 0)
    for name in OF_A_RUN:
        found = named(figures[name].axes[-1].xaxis)
        assert {mark: found[mark] for mark in dates} == dates, name
        assert set(found.values()) <= {*dates.values(), ""}
    typical = overview_figure(run.days.drop(columns="date"), run.lot_days, "EUR").axes[3].xaxis
    assert typical.get_label_text() == "Day"
    assert named(typical)[1.0] == "1"


def test_buses_are_marked_by_their_labels(run: Run) -> None:
    figures = figures_of(NODAL, run, 0)
    wanted = dict(zip((1.0, 2.0, 3.0, 4.0, 5.0), LABELS, strict=True))
    assert named(figures["voltage"].axes[0].xaxis) == wanted
    assert [named(axis.yaxis) for axis in figures["prices"].axes[:2]] == [wanted, wanted]
    many = pd.DataFrame({"bus": [f"b{k}" for k in range(200)], "voltage_pu": 1.0})
    few = named(voltage_figure({"": many}).axes[0].xaxis)
    assert 5 < len(few) < 40
    assert all(text == f"b{int(mark) - 1}" for mark, text in few.items())


def test_a_limit_that_is_near_is_on_the_scale(run: Run) -> None:
    rows = run.table("prices", 1)
    lowest = [min(rows[rows["bus"] == bus]["voltage_pu"]) for bus in LABELS]
    low, high = min(lowest), max(lowest)
    limits = pd.DataFrame({"voltage_min_pu": [low - 0.1] * 5, "voltage_max_pu": [high + 9.0 * (high - low)] * 5})
    axis = voltage_figure({"T": rows}, limits).axes[0]
    labels = [line.get_label() for line in axis.lines[1:]]
    assert labels == [
        f"Highest allowed: {high + 9.0 * (high - low):.3f} (off the scale)",
        f"Lowest allowed: {low - 0.1:.3f}",
    ]
    bottom, top = axis.get_ylim()
    assert bottom < low - 0.1
    assert high < top < high + (high - low)
    assert voltage_figure({"T": rows}).axes[0].get_title(loc="left") == "T"


def test_a_map_of_equal_prices_has_one_colour(run: Run) -> None:
    rows = run.table("prices", 1)
    rows = rows.assign(dlmp_per_mwh=40.0 + 1e-9 * np.arange(len(rows)) + 7.0 * (rows["period"] == 5))
    points = feeder_map(run.feeder, rows, run.table("lots", 1), "EUR").axes[0].collections
    assert len({tuple(colour) for each in points for colour in each.get_facecolors()}) == 1
    title = feeder_map(run.feeder, rows, run.table("lots", 1), "EUR").axes[0].get_title(loc="left")
    assert title == "DLMP in hour 5, the same at every bus"


def test_lots_at_one_bus_share_their_label_and_small_buses_have_none_inside(run: Run) -> None:
    rows, labels = run.table("prices", 1), [str(k) for k in range(60)]
    one = feeder_map(run.feeder, rows, run.table("lots", 1).assign(bus="7"), "EUR").axes[0]
    assert [text.get_text() for text in one.texts] == ["root", "9", "4", "7", "lot-z, lot-x, lot-y", "2"]
    chain = pd.DataFrame({"bus": labels, "parent": [None, *labels[:-1]]})
    many = pd.DataFrame({"bus": labels, "dlmp_per_mwh": range(60), "voltage_pu": 1.0, "period": 0, "hour": 0})
    axis = feeder_map(chain, many.assign(hours=1.0, start="00:00"), run.table("lots", 1)[:0], "EUR").axes[0]
    assert [text.get_text() for text in axis.texts] in ([], ["59"])


def test_without_charges_only_prices_are_drawn_and_a_lot_that_draws_nothing_has_a_gap(run: Run) -> None:
    figure = posted_figure(run.lot_days.assign(network_charge=0.0), "EUR")
    assert len(figure.axes) == 1
    assert figure.axes[0].get_xlabel() == "Date"
    energy = run.lot_days["energy_kwh"].mask(run.lot_days["day"] == 1, 0.0)
    line = posted_figure(run.lot_days.assign(energy_kwh=energy), "EUR").axes[1].lines[0]
    assert np.isnan(line.get_ydata()).tolist() == [False, True, False]


def test_a_map_without_a_limit_that_binds_says_so(run: Run) -> None:
    rows = run.table("prices", 1).assign(congestion_per_mwh=0.0, voltage_per_mwh=0.0)
    limits = run.table("limits", 1)
    named = limits["limit"].isin(["substation", "branch", "voltage-min", "voltage-max"])
    for at_work, said in (
        (limits[~named], "zero: no limit of the network binds"),
        (limits[named & ~limits["reached"]], "zero: no limit of the network binds"),
        (limits[limits["limit"] == "substation"], "zero: 1 limit of the network is reached, none at a price"),
        (limits, f"zero: {(named & limits['reached']).sum()} limits of the network are reached, none at a price"),
    ):
        assert drawn(price_map(rows, at_work, "EUR", "T"))[1, "texts", "#0"] == said
    image = price_map(rows, limits, "EUR", "T").axes[1].get_images()[0]
    assert image.get_clim() == (-1.0, 1.0)


def test_the_colours_of_the_map_are_even_on_both_sides(run: Run) -> None:
    rows = run.table("prices", 1)
    reach = max(abs(v) for v in rows["congestion_per_mwh"] + rows["voltage_per_mwh"])
    assert price_map(rows, run.table("limits", 1), "EUR").axes[1].get_images()[0].get_clim() == pytest.approx(
        (-reach, reach)
    )


def test_an_open_end_of_a_price_has_no_band(run: Run) -> None:
    rows = run.table("lots", 1)
    rows.loc[rows["period"] == 3, "lot_price_low_per_mwh"] = -np.inf
    rows.loc[rows["period"] == 5, "lot_price_high_per_mwh"] = np.inf
    band = drawn(market_power_figure(rows, "EUR"))[1, "bands", "Interval of the price"]
    assert np.isfinite(band).all()
    first = rows[rows["lot"] == "lot-z"]
    high = first.set_index("period")["lot_price_high_per_mwh"]
    assert set(np.round(band[:, 2], 6)) == {round(v, 6) for k, v in high.items() if k not in (3, 5)}


def test_panels_share_one_scale_and_count_hours_as_papers_do(run: Run) -> None:
    rows = run.table("dispatch", 1)
    larger = rows.assign(p_kw=rows["p_kw"] * 3.0)
    figure = scheduling_figure({"small": rows, "large": larger})
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    low, high = figure.axes[0].get_ylim()
    alone = scheduling_figure({"large": larger}).axes[0].get_ylim()
    assert low <= alone[0] < 0.0 < alone[1] <= high
    assert [axis.get_xlabel() for axis in figure.axes] == ["", "Hour"]
    counted = drawn(scheduling_figure({"": rows}, first_hour=1))[0, "bars", "Imports"]
    assert counted[:, 0].tolist() == pytest.approx(list(range(1, 25)))


def test_sensitivity_panels_draw_each_quantity_over_each_factor() -> None:
    points = {
        "A": [{"factor": 0.5, "cost": 3.0, "kwh": 7.0}, {"factor": 1.0, "cost": 2.0, "kwh": 8.0}],
        "B": [{"factor": 0.7, "cost": 5.0, "kwh": 1.0}, {"factor": 2.0, "cost": 4.0, "kwh": 0.5}],
    }
    figure = sensitivity_figure(points, {"cost": "Cost", "kwh": "Energy"}, {"A": 1.0, "B": 2.0})
    wanted: Shown = {}
    for column, (factor, rows) in enumerate(points.items()):
        for row, (key, label) in enumerate({"cost": "Cost", "kwh": "Energy"}.items()):
            axis = 2 * row + column
            wanted[axis, "lines", "#0"] = [[point["factor"], point[key]] for point in rows]
            mark = {"A": 1.0, "B": 2.0}[factor]
            wanted[axis, "lines", "#1"] = [[mark, 0.0], [mark, 1.0]]
            said = ({"y": label} if column == 0 else {}) | ({"x": factor} if row == 1 else {})
            wanted |= words(axis, **said)
    assert_shown(drawn(figure), wanted)
