"""What each figure of the charging markets draws, against the tables: every bar, line, band, image and word.

A figure or a mark without a line here fails the test.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from sim.markets.base import MarketKind
from sim.markets.charging.figures import overview_figure, posted_figure, scheduling_figure, sensitivity_figure
from sim.markets.charging.grid_figures import feeder_map, price_map, voltage_figure
from sim.markets.lots_lead.kind import KIND as LOTS_LEAD
from sim.markets.nodal.figures import market_power_figure
from sim.markets.nodal.kind import KIND as NODAL
from sim.output import draw_run
from sim.show import drawing
from sim.show.day_axis import DayAxis
from sim.store import Run
from tests.sim.drawn import Key, assert_shown, assert_tidy, drawn, legend_of
from tests.sim.made_days import LABELS, made_day, stored_run

Shown = dict[Key, Any]
LOTS = ("lot-z", "lot-x", "lot-y")
ORANGE, BLACK, SKY, BLUE, GREY, RED = "#e69f00", "#000000", "#56b4e9", "#0072b2", "#7f7f7f", "#d55e00"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("nodal")
    return stored_run(folder, NODAL, [made_day(index, nodal=True) for index in range(3)])


def edges(rows: pd.DataFrame) -> np.ndarray:
    """Where the periods begin and the last one ends: hours since midnight; a plain day's hours around their numbers."""
    lengths = rows.drop_duplicates("period")["hours"].tolist()
    begin = [-0.5 if lengths == [1.0] * 24 else 0.0]
    for hours in lengths:
        begin.append(begin[-1] + hours)
    return np.array(begin)


def time_word(rows: pd.DataFrame) -> str:
    return "Hour" if edges(rows)[0] < 0.0 else "Time of day"


def boxes(rows: pd.DataFrame, height: Any, *, share: float, shift: float = 0.0, base: Any = 0.0) -> np.ndarray:
    edge = edges(rows)
    length = edge[1:] - edge[:-1]
    base = np.broadcast_to(base, length.shape)
    return np.column_stack([edge[:-1] + (0.5 + shift) * length, share * length, base, height])


def level(rows: pd.DataFrame, values: Any) -> np.ndarray:
    edge = edges(rows)
    return np.array(
        [point for k, v in enumerate(np.asarray(values, float)) for point in ((edge[k], v), (edge[k + 1], v))]
    )


def middle(rows: pd.DataFrame) -> np.ndarray:
    edge = edges(rows)
    return 0.5 * (edge[1:] + edge[:-1])


def words(axis: int, **given: str) -> Shown:
    return {(axis, "words", name): word for name, word in given.items()}


def power_of(dispatch: pd.DataFrame, kind: str, *, giving: bool | None = None) -> np.ndarray:
    """MW of one kind in each period, added one by one."""
    total = np.zeros(dispatch["period"].max() + 1)
    for row in dispatch.itertuples():
        if row.kind == kind and (giving is None or (row.p_kw >= 0) == giving):
            total[row.period] += abs(row.p_kw) / 1000.0
    return total


def scheduling(run: Run, day: int) -> Shown:
    rows = run.table("dispatch", day)
    above, below = np.zeros(len(edges(rows)) - 1), np.zeros(len(edges(rows)) - 1)
    shown: Shown = {}
    for label, sign, height in (
        ("Microturbines", -1, power_of(rows, "microturbine")),
        ("Renewables", -1, power_of(rows, "renewable")),
        ("Imports", -1, power_of(rows, "import")),
        ("Load", 1, power_of(rows, "load") - power_of(rows, "shed")),
        ("Parking lots", 1, power_of(rows, "lot")),
        ("Storage, giving", -1, power_of(rows, "storage", giving=True)),
        ("Storage, charging", 1, power_of(rows, "storage", giving=False)),
        ("Exports", 1, power_of(rows, "export")),
    ):
        base = above if sign > 0 else below
        shown[0, "bars", label] = boxes(rows, sign * height, share=0.85, base=base.copy())
        base += sign * height
    shown[0, "lines", "#0"] = np.array([[0.0, 0.0], [1.0, 0.0]])
    return shown | words(0, title="T", x=time_word(rows), y="Power (MW)")


def voltage(run: Run, day: int) -> Shown:
    rows = run.table("prices", day)
    least = [min(rows[rows["bus"] == bus]["voltage_pu"]) for bus in LABELS]
    points = np.column_stack([np.arange(1, 6), least])
    said = words(0, x="Bus (in the order of the feeder's file, root first)", y="Lowest voltage of the day (p.u.)")
    low = "Lowest allowed: 9.900 to 9.940"
    high = "Highest allowed: 700.000 to 704.000 (off the scale)"
    limits: Shown = {
        (0, "lines", low): [[k + 1.0, 9.9 + 0.01 * k] for k in range(5)],
        (0, "lines", high): [[k + 1.0, 700.0 + k] for k in range(5)],
    }
    return {(0, "lines", "T"): points, **limits, **said}


PLACES = {"root": (0, 0), "9": (1, 0), "4": (2, 0), "7": (3, 0), "2": (2, 1)}
"""The straight line is root, 9, 4, 7; bus 2 stands above bus 4 and hangs on bus 9."""


def feeder(run: Run, day: int) -> Shown:
    rows = run.table("prices", day)
    spread = {period: max(each["dlmp_per_mwh"]) - min(each["dlmp_per_mwh"]) for period, each in rows.groupby("period")}
    widest = rows[rows["period"] == max(spread, key=lambda period: spread[period])]
    first = widest.iloc[0]
    plain = day != 0
    moment = (
        f"hour {first['hour']}" if plain or first["period"] < 2 else f"period {first['period']} from {first['start']}"
    )
    dlmp = dict(zip(widest["bus"], widest["dlmp_per_mwh"], strict=True))
    lowest = {bus: min(rows[rows["bus"] == bus]["voltage_pu"]) for bus in LABELS}
    gap = (np.nan, np.nan)
    branches = [(0, 0), (0, 0), (1, 0), gap, (1, 0), (1, 0), (2, 0), gap, (2, 0), (2, 0), (3, 0), gap]
    branches += [(1, 0), (1, 1), (2, 1), gap]
    shown: Shown = {}
    for axis, value in ((0, dlmp), (1, lowest)):
        shown[axis, "lines", "Branches"] = branches
        shown[axis, "points", "Buses"] = [(*PLACES[bus], value[bus]) for bus in ("root", "4")]
        shown[axis, "points", "Lots"] = [(*PLACES[bus], value[bus]) for bus in ("9", "7", "2")]
        written = ["root", "9", "lot-x", "4", "7", "lot-z", "2", "lot-y"]
        shown |= {(axis, "texts", f"#{k}"): text for k, text in enumerate(written)}
    shown |= words(0, title=f"T: DLMP in {moment}, when it differs most")
    shown |= words(1, title="T: lowest voltage of the day")
    return shown | words(2, y="EUR/MWh") | words(3, y="p.u.")


def grid(rows: pd.DataFrame, values: pd.Series) -> np.ndarray:
    """One column for the shortest period, longer ones in several, bus by bus."""
    columns = []
    shortest = rows["hours"].min()
    for period, hours in rows.drop_duplicates("period").set_index("period")["hours"].items():
        columns += [values[rows["period"] == period].tolist()] * round(hours / shortest)
    return np.array(columns).T


def prices(run: Run, day: int) -> Shown:
    rows = run.table("prices", day)
    network = rows["congestion_per_mwh"] + rows["voltage_per_mwh"]
    return {
        (0, "images", "#0"): grid(rows, rows["dlmp_per_mwh"]),
        (1, "images", "#0"): grid(rows, network),
        **words(0, title="T", y="Bus"),
        **words(1, x=time_word(rows), y="Bus"),
        **words(2, y="DLMP\n(EUR/MWh)"),
        **words(3, y="Congestion + voltage part\n(EUR/MWh)"),
    }


def lots(run: Run, day: int) -> Shown:
    shown: Shown = {}
    for k, lot in enumerate(LOTS):
        rows = run.table("lots", day)
        rows = rows[rows["lot"] == lot]
        left, right = 2 * k, 2 * k + 1
        shown[left, "bars", "Charging power"] = boxes(rows, rows["power_kw"], share=0.8)
        shown[left, "lines", "Power limit"] = level(rows, rows["power_max_kw"])
        if "subscribed_kw" in rows and lot == "lot-x":  # it alone has a contract
            shown[left, "lines", "Subscribed"] = level(rows, rows["subscribed_kw"])
        band = np.column_stack([middle(rows), rows["soe_min_kwh"], rows["soe_max_kwh"]])
        shown[right, "bands", "Band"] = band
        shown[right, "lines", "State of energy"] = np.column_stack([middle(rows), rows["soe_kwh"]])
        last = {"x": time_word(rows)} if k == 2 else {}
        shown |= words(left, title=f"{lot}, T", y="kW", **last) | words(right, y="kWh", **last)
    return shown


def market_power(run: Run, day: int) -> Shown:
    shown: Shown = {}
    for k, lot in enumerate(LOTS):
        rows = run.table("lots", day)
        rows = rows[rows["lot"] == lot]
        left, right = 2 * k, 2 * k + 1
        shown[left, "bars", "Charging, equilibrium"] = boxes(rows, rows["power_kw"], share=0.4, shift=-0.2)
        shown[left, "bars", "Charging, competitive"] = boxes(rows, rows["competitive_kw"], share=0.4, shift=0.2)
        low, high = level(rows, rows["lot_price_low_per_mwh"]), level(rows, rows["lot_price_high_per_mwh"])
        shown[right, "bands", "Interval of the price"] = np.column_stack([low, high[:, 1]])
        shown[right, "lines", "Price paid"] = level(rows, rows["lot_price_per_mwh"])
        shown[right, "lines", "Competitive price"] = level(rows, rows["competitive_price_per_mwh"])
        last = {"x": time_word(rows)} if k == 2 else {}
        shown |= words(left, title=f"{lot}, T", y="kW", **last) | words(right, y="EUR/MWh", **last)
    return shown


def overview(run: Run, _day: int) -> Shown:
    days, lot_days = run.days, run.lot_days
    x = np.arange(3.0)
    energy = np.column_stack([x, np.full(3, 0.8), np.zeros(3), [v / 1000.0 for v in days["energy_charged_kwh"]]])
    shown: Shown = {
        (0, "bars", "#0"): energy,
        (1, "lines", "#0"): np.column_stack([x, days["network_cost"]]),
        (2, "lines", "DLMP peak"): np.column_stack([x, days["dlmp_peak_per_mwh"]]),
        (2, "lines", "DLMP mean"): np.column_stack([x, days["dlmp_mean_per_mwh"]]),
        (2, "lines", "Wholesale"): np.column_stack([x, days["wholesale_mean_per_mwh"]]),
        **words(0, title="Energy charged (MWh)"),
        **words(1, title="Network cost (EUR)"),
        **words(2, title="Price (EUR/MWh)", x="Date"),
        **words(3, title="Profit of each lot (EUR)", x="Date"),
    }
    for lot in LOTS:
        profit = [float(row.profit) for row in lot_days.itertuples() if row.lot == lot]
        shown[3, "lines", lot] = np.column_stack([x, profit])
    return shown


def yardstick(run: Run, _day: int) -> Shown:
    rows = [row._asdict() for row in run.yardstick.itertuples()]
    shown: Shown = {
        **words(0, title="Posted price and Nash equilibrium of the day", y="EUR/kWh"),
        **words(1, title="What each lot could gain by another price (proven bound)", x="Date", y="EUR a day"),
    }
    for k, lot in enumerate(LOTS):
        own = [row for row in rows if row["lot"] == lot]
        x = [float(row["day"]) for row in own]
        wanted = [float("nan") if row["equilibrium_per_kwh"] is None else row["equilibrium_per_kwh"] for row in own]
        shown[0, "lines", f"{lot}, posted"] = np.column_stack([x, [row["posted_per_kwh"] for row in own]])
        shown[0, "lines", f"{lot}, equilibrium"] = np.column_stack([x, wanted])
        shown[1, "lines", f"#{k}"] = np.column_stack([x, [row["regret"] for row in own]])
    return shown


def posted(run: Run, _day: int) -> Shown:
    shown: Shown = {
        **words(0, title="Posted price of each lot", y="EUR/kWh"),
        **words(1, title="Network charge, mean over the energy that the lot drew", x="Date", y="EUR/MWh"),
    }
    for k, lot in enumerate(LOTS):
        rows = [row for row in run.lot_days.itertuples() if row.lot == lot]
        x = [float(row.day) for row in rows]
        shown[0, "lines", lot] = np.column_stack([x, [row.price_per_kwh for row in rows]])
        mean = [row.network_charge / (row.energy_kwh / 1000.0) for row in rows]
        shown[1, "lines", f"#{k}"] = np.column_stack([x, mean])
    return shown


EXPECTED: dict[str, Callable[[Run, int], Shown]] = {
    "scheduling": scheduling,
    "voltage": voltage,
    "prices": prices,
    "lots": lots,
    "market-power": market_power,
    "overview": overview,
    "yardstick": yardstick,
    "feeder": feeder,
    "prices-posted": posted,
}
LEGENDS = {
    "lots": {
        "Charging power": ORANGE,
        "Power limit": BLACK,
        "Subscribed": RED,
        "Band": SKY,
        "State of energy": BLUE,
    },
    "market-power": {
        "Charging, equilibrium": ORANGE,
        "Charging, competitive": GREY,
        "Interval of the price": SKY,
        "Price paid": BLUE,
        "Competitive price": BLACK,
    },
    "overview": {
        "DLMP peak": RED,
        "DLMP mean": BLUE,
        "Wholesale": GREY,
        "lot-z": BLUE,
        "lot-x": ORANGE,
        "lot-y": "#009e73",
    },
    "yardstick": {
        **{f"lot-z, {what}": BLUE for what in ("posted", "equilibrium")},
        **{f"lot-x, {what}": ORANGE for what in ("posted", "equilibrium")},
        **{f"lot-y, {what}": "#009e73" for what in ("posted", "equilibrium")},
    },
    "scheduling": {
        "Microturbines": RED,
        "Renewables": "#009e73",
        "Imports": BLUE,
        "Load": GREY,
        "Parking lots": ORANGE,
        "Storage, giving": "#f0e442",
        "Storage, charging": "#cc79a7",
        "Exports": SKY,
    },
    "voltage": {
        "T": BLUE,
        "Highest allowed: 700.000 to 704.000 (off the scale)": RED,
        "Lowest allowed: 9.900 to 9.940": RED,
    },
    "feeder": {},
    "prices-posted": {"lot-z": BLUE, "lot-x": ORANGE, "lot-y": "#009e73"},
    "prices": {},
}


OF_A_RUN = ("overview", "yardstick", "prices-posted")


def figures_of(kind: MarketKind, run: Run, day: int) -> dict[str, Figure]:
    """The figures by name without the day in it."""
    figures = kind.figures(run, day, "T", "EUR")
    assert all(name.endswith(f"-day-{day}") for name in figures if name not in OF_A_RUN)
    return {name.removesuffix(f"-day-{day}"): figure for name, figure in figures.items()}


@pytest.mark.parametrize("day", [0, 1])
def test_every_figure_draws_what_the_tables_hold(run: Run, day: int) -> None:
    """Of a day with a half hour in it, and of a plain one."""
    figures = figures_of(NODAL, run, day)
    assert set(figures) == set(EXPECTED)
    for name, figure in figures.items():
        assert_shown(drawn(figure), EXPECTED[name](run, day))
        assert legend_of(figure) == LEGENDS[name], name
        assert_tidy(figure)


def test_a_run_of_the_lots_lead_market_has_the_same_figures_but_one(tmp_path: Path) -> None:
    run = stored_run(tmp_path, LOTS_LEAD, [made_day(0), made_day(1)])
    figures = figures_of(LOTS_LEAD, run, 1)
    assert set(figures) == set(EXPECTED) - {"market-power"}
    for name in ("scheduling", "voltage", "prices", "feeder", "lots"):
        assert_shown(drawn(figures[name]), EXPECTED[name](run, 1))
    one = stored_run(tmp_path / "one", LOTS_LEAD, [made_day(0)])
    assert {"overview", "prices-posted"}.isdisjoint(LOTS_LEAD.figures(one, 0, "T", "EUR"))


def test_the_day_that_is_drawn_is_the_one_with_the_highest_price(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "save", lambda _figure, stem, _formats: [stem])
    made = [made_day(index) for index in range(4)]
    peaks = [day.clearing.dlmp.max() for day in made]
    dearest = peaks.index(max(peaks))
    assert dearest not in (0, peaks.index(min(peaks)))
    (tmp_path / "figures").mkdir()
    files = draw_run(stored_run(tmp_path, LOTS_LEAD, made))
    names = {f"{name}-day-{dearest}" for name in ("scheduling", "voltage", "prices", "feeder", "lots")}
    assert {path.name for path in files} == names | {*OF_A_RUN}


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
    typical = overview_figure(run.days.assign(date=None), run.lot_days, "EUR").axes[3].xaxis
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
