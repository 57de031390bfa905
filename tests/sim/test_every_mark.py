"""What each figure of the charging markets draws, against the tables: every bar, line, band, image and word.

A figure or a mark without a line here fails the test.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from sim.markets.base import MarketKind
from sim.markets.lots_lead.kind import KIND as LOTS_LEAD
from sim.markets.nodal.kind import KIND as NODAL
from sim.output import draw_run
from sim.show import drawing
from sim.store import Run
from tests.sim.drawn import assert_shown, assert_tidy, drawn, legend_of
from tests.sim.made_days import LABELS, made_day, stored_run
from tests.sim.shown import Shown, boxes, edges, level, middle, power_of, time_word, words

LOTS = ("lot-z", "lot-x", "lot-y")
ORANGE, BLACK, SKY, BLUE, GREY, RED = "#e69f00", "#000000", "#56b4e9", "#0072b2", "#7f7f7f", "#d55e00"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("nodal")
    return stored_run(folder, NODAL, [made_day(index, nodal=True) for index in range(3)])


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
    low = "Lowest allowed: 9.910 to 9.940"  # of all buses but the root, whose voltage is held
    high = "Highest allowed: 701.000 to 704.000 (off the scale)"
    limits: Shown = {
        (0, "lines", low): [[k + 1.0, 9.9 + 0.01 * k] for k in range(1, 5)],
        (0, "lines", high): [[k + 1.0, 700.0 + k] for k in range(1, 5)],
    }
    fed = [(LABELS.index(above), k) for k, above in enumerate(map(PARENTS.get, LABELS)) if above is not None]
    branches = [corner for ends in fed for corner in (points[ends[0]], points[ends[1]], (np.nan, np.nan))]
    return {(0, "lines", "#0"): branches, (0, "lines", "T"): points, **limits, **said}


PARENTS = {"9": "root", "4": "9", "7": "4", "2": "9"}


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
        "Highest allowed: 701.000 to 704.000 (off the scale)": RED,
        "Lowest allowed: 9.910 to 9.940": RED,
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
