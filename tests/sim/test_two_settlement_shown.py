"""What a run of two settlements shows: every line and bar of its figures, and every cell and word of the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from sim.checks import check_run
from sim.markets.two_settlement.figures import DISPATCH
from sim.markets.two_settlement.kind import KIND
from sim.options import RunOptions
from sim.run import run_scenario
from sim.store import Run
from tests.sim.drawn import bar_heights
from tests.sim.two_settlement_town import town


@pytest.fixture(scope="module")
def figures(town_run: Run) -> dict[str, Figure]:
    return dict(KIND.figures(town_run, 1, "Day 1", "EUR"))


def lines(figure: Figure, panel: int) -> dict[str, np.ndarray]:
    """The lines of a panel by name; of a stepped one its levels."""
    return {str(line.get_label()): np.asarray(line.get_ydata(), float) for line in figure.axes[panel].lines}


def sums(rows: pd.DataFrame, kind: str) -> np.ndarray:
    own = rows[rows["kind"] == kind]
    every = sorted(rows["period"].unique())
    return np.array([own.loc[own["period"] == t, "p_kw"].sum() / 1000.0 for t in every])


def quarters(hourly: np.ndarray) -> np.ndarray:
    return np.repeat(hourly, 8)  # four quarters, two ends of each


def test_every_figure_is_there(figures: dict[str, Figure]) -> None:
    assert set(figures) == {"dispatch-day-1", "prices-day-1", "reserve-day-1", "profits", "bidders"}


def test_every_bar_of_the_dispatch(town_run: Run, figures: dict[str, Figure]) -> None:
    rows = town_run.table("dispatch", 1)
    above = figures["dispatch-day-1"].axes[0]
    drawn = bar_heights(above)
    assert set(drawn) == {label for label, _, _ in DISPATCH.values()}
    for kind, (label, sign, _) in DISPATCH.items():
        served = sums(rows, kind) - (sums(rows, "shed") if kind == "load" else 0.0)
        assert drawn[label] == pytest.approx((sign * served).tolist(), abs=1e-12), kind
    assert above.get_title(loc="left") == "Day 1"
    assert above.get_ylabel() == "Power (MW)"


def test_every_line_of_the_trade(town_run: Run, figures: dict[str, Figure]) -> None:
    rows, plan = town_run.table("dispatch", 1), town_run.table("schedule", 1)
    found = lines(figures["dispatch-day-1"], 1)
    assert found["Trade of the schedule"] == pytest.approx(quarters(sums(plan, "bought") - sums(plan, "sold")))
    assert found["Trade in real time"] == pytest.approx(np.repeat(sums(rows, "bought") - sums(rows, "sold"), 2))
    assert found["Load not served"] == pytest.approx(np.repeat(sums(rows, "shed"), 2))
    names = [text.get_text() for text in figures["dispatch-day-1"].legends[0].get_texts()]
    assert names == [*(label for label, _, _ in DISPATCH.values()), *[name for name in found if name[0] != "_"]]


def test_every_line_of_prices_and_voltages(town_run: Run, figures: dict[str, Figure]) -> None:
    rows = town_run.table("periods", 1)
    prices, volts = (lines(figures["prices-day-1"], panel) for panel in (0, 1))
    for label, column in (
        ("Expected", "expected_price_per_mwh"),
        ("Day-ahead", "day_ahead_price_per_mwh"),
        ("Real time", "real_time_price_per_mwh"),
    ):
        assert prices[label] == pytest.approx(np.repeat(rows[column].to_numpy(), 2))
    for label, column in (("Lowest voltage", "voltage_min_pu"), ("Highest voltage", "voltage_max_pu")):
        assert volts[label] == pytest.approx(np.repeat(rows[column].to_numpy(), 2))
    (band,) = figures["prices-day-1"].axes[1].collections
    height = band.get_paths()[0].vertices[:, 1]
    assert (min(height), max(height)) == pytest.approx((rows["voltage_min_pu"].min(), rows["voltage_max_pu"].max()))
    assert figures["prices-day-1"].axes[0].get_ylabel() == "EUR per MWh"


def test_every_line_of_the_reserve(town_run: Run, figures: dict[str, Figure]) -> None:
    rows, plan = town_run.table("dispatch", 1), town_run.table("schedule", 1)
    above, below = (lines(figures["reserve-day-1"], panel) for panel in (0, 1))
    assert {name: above[name].tolist() for name in above} == {
        label: quarters(sums(plan, kind)).tolist()
        for label, kind in (
            ("Spinning reserve sold", "spinning sold"),
            ("Needed by the operator", "reserve needed"),
            ("Spinning, of aggregators", "spinning"),
            ("Regulating, of aggregators", "regulating"),
        )
    }
    assert {name: below[name].tolist() for name in below} == {
        label: np.repeat(sums(rows, kind), 2).tolist()
        for label, kind in (
            ("Called", "called"),
            ("Accepted and not ready", "unready"),
            ("Missing", "reserve missing"),
        )
    }


def test_every_line_of_the_days(town_run: Run, figures: dict[str, Figure]) -> None:
    days = town_run.days
    profit, error, belief = (lines(figures["profits"], panel) for panel in range(3))
    for label, column in (("Planned", "planned_profit"), ("Earned", "profit"), ("Of it real time", "real_time_profit")):
        assert profit[label].tolist() == days[column].tolist()
    assert [values.tolist() for values in error.values()] == [days["price_error_per_mwh"].tolist()]
    assert next(iter(belief.values())) == pytest.approx(days["deviation_kw"].to_numpy() / 1000.0)
    bars: Any = figures["profits"].axes[3].patches
    assert [bar.get_height() for bar in bars] == pytest.approx((days["shed_kwh"] / 1000.0).tolist())
    for panel, column in enumerate(("income", "deviation_kwh", "reliability")):
        found = lines(figures["bidders"], panel)
        assert {name: values.tolist() for name, values in found.items()} == {
            str(name): rows[column].tolist() for name, rows in town_run.bidders.groupby("bidder")
        }


def test_every_cell_of_the_terminal(town_run: Run) -> None:
    shown = KIND.day_table(town_run)
    rows = list(zip(*([str(cell) for cell in column.cells] for column in shown.columns), strict=True))
    for cells, row in zip(rows, town_run.days.to_dict("records"), strict=True):
        assert cells[:11] == (
            str(row["day"]),
            f"{row['planned_profit']:.0f}",
            f"{row['profit']:.0f}",
            f"{row['real_time_profit']:.0f}",
            f"{row['bidder_income']:.0f}",
            f"{row['bought_kwh'] / 1000:.1f}",
            f"{row['sold_kwh'] / 1000:.1f}",
            f"{row['shed_kwh']:.0f}",
            str(row["outages"]),
            f"{row['voltage_min_pu']:.3f}",
            f"{100 * row['load_error']:.1f}%",
        )
    heads = [" ".join(str(column.header).split()) for column in shown.columns]
    assert heads[:6] == ["day", "profit plan", "profit", "of it real t.", "bids' income", "MWh in"]
    assert heads[6:] == ["MWh out", "kWh shed", "out- ages", "V min", "load error", "gap", "proof", "time"]


def test_every_word_below_the_table(town_run: Run) -> None:
    said = list(KIND.remarks(town_run))
    days = town_run.days.sum(numeric_only=True)
    assert (
        f"operator {days['profit']:.1f} (planned {days['planned_profit']:.1f}): day-ahead "
        f"{days['day_ahead_profit']:.1f}, real time {days['real_time_profit']:.1f}; aggregators "
        f"{days['bidder_income']:.1f}"
    ) in said
    assert f"vehicles left with {days['missing_kwh']:.1f} kWh less than agreed" in said
    for day, rows in town_run.shed.groupby("day"):
        kwh = 0.25 * rows["shed_kw"].sum()
        assert any(line.startswith(f"day {day}: {kwh:.1f} kWh were not served, at buses ") for line in said)
    worst = (town_run.shed[town_run.shed["day"] == 1].groupby("bus")["shed_kw"].sum() * 0.25).sort_values().index[-1]
    assert any(f"at buses {worst} (" in line for line in said)
    assert not any("NOT certified" in line for line in said)


CLOCK = {
    "time": {"zone": "Europe/Madrid"},
    "prices": {"file": "p.csv"},
}
"""A day on which the clock skips an hour, with prices below zero."""


LONG = pytest.mark.long
OTHERS = {
    "no units": {"generators": [], "renewables": [], "storage": []},
    "half hours": {"time": {"step_minutes": 30}, "real_time": {"step_minutes": 30, "look_ahead": 4}},
    "no look-ahead": {"real_time": {"look_ahead": 1}},
    "calls": {"wholesale": {"trade_max_kw": 200, "reactive_per_kw": 0.4, "call_probability": 1.0}},
    "outages and a budget": {
        "market": {"gamma": 5, "aim": "compromise", "points": 3},
        "outages": {"planned": True},
    },
}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(CLOCK, id="23 hours"),
        *(pytest.param(changes, id=name, marks=LONG) for name, changes in OTHERS.items()),
    ],
)
def test_other_days_are_run_and_proved(changes: dict[str, Any], tmp_path: Path) -> None:
    prices = [(50 + 10 * (k % 7)) * (-1 if k in (3, 4, 11) else 1) for k in range(23)]
    rows = [f"2024-03-31,{k + 1},{price}" for k, price in enumerate(prices)]
    (tmp_path / "p.csv").write_text("\n".join(["date,hour,price_eur_per_mwh", *rows]) + "\n")
    given = {**changes, "prices": {"file": str(tmp_path / "p.csv")}} if changes is CLOCK else changes
    found = run_scenario(town(tmp_path, **given), tmp_path / "run", RunOptions(days=1, seed=2)).run
    assert found.days["certified"].all()
    for finding in check_run(found, KIND.invariants):
        assert finding.holds, finding
    if changes is CLOCK:
        assert found.table("periods")["hours"].sum() == pytest.approx(23.0)
        assert np.isfinite(found.certificates["real_time_excess"]).all()
