"""What the figures of several aggregators draw of small tables: a market with fewer prices, a kind not traded."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from sim.markets.aggregator.rivals.figures import offers_figure, profits_figure, rivals_figures, trade_figure
from tests.sim.drawn import assert_tidy, legend_of

BLUE, ORANGE, GREEN, GREY = "#0072b2", "#e69f00", "#009e73", "#7f7f7f"
HOURS = 24


def hourly(rows: list[dict[str, Any]], column: str) -> pd.DataFrame:
    """Each row in every hour of a day; a number grows by a hundredth an hour."""
    return pd.DataFrame(
        [
            {
                "day": 0,
                "period": t,
                "hour": t,
                "hours": 1.0,
                "start": f"{t:02d}:00",
                **row,
                column: row[column] + t / 100,
            }
            for row in rows
            for t in range(HOURS)
        ]
    )


def offer(aggregator: str, market: str, price: str, value: float) -> dict[str, Any]:
    return {"aggregator": aggregator, "market": market, "price": price, "price_per_mwh": value}


OFFERS = hourly(
    [
        offer("A", "upstream", "energy", 1.0),
        offer("A", "upstream", "reserve", 2.0),
        offer("B", "upstream", "energy", 3.0),
        offer("B", "upstream", "reserve", 4.0),
        offer("A", "A", "retailer", 5.0),
        offer("B", "A", "retailer", 6.0),
        offer("A", "B", "retailer", 7.0),
        offer("B", "B", "retailer", 8.0),
        offer("A", "B", "lot reserve", 9.0),
        offer("B", "B", "lot reserve", 10.0),
    ],
    "price_per_mwh",
)


def deal(market: str, kind: str, whom: str, power: float) -> dict[str, Any]:
    return {"market": market, "kind": kind, "with_whom": whom, "p_kw": power}


TRADE = hourly(
    [
        deal("A", "served", "A", 20.0),
        deal("A", "served", "B", 30.0),
        deal("B", "served", "B", 40.0),
        deal("A", "output", "A", 5.0),
        deal("B", "output", "A", 6.0),
        deal("B", "output", "B", 7.0),
    ],
    "p_kw",
)


def lines(axis: Any) -> dict[str, tuple[float, str, str]]:
    """Height in the first period, how it is drawn and the colour, by the label."""
    return {
        str(line.get_label()): (float(line.get_ydata()[0]), str(line.get_linestyle()), str(line.get_color()).lower())
        for line in axis.get_lines()
    }


def size(figure: Figure) -> list[float]:
    return [float(each) for each in figure.get_size_inches()]


def test_each_market_has_a_column_and_each_price_a_row() -> None:
    figure = offers_figure(OFFERS, "EUR", "The day")
    assert_tidy(figure)
    assert size(figure) == pytest.approx([7.2, 0.7 + 2 * 1.6])
    first, second, nothing, reserve = figure.axes
    assert [axis.get_title(loc="left") for axis in (first, second, nothing, reserve)] == [
        *("A: retailer", "B: retailer", "", "B: lot reserve")
    ]
    assert lines(first) == {"upstream": (1.0, "-", GREY), "A": (5.0, "-", BLUE), "B": (6.0, "--", ORANGE)}
    assert lines(second) == {"upstream": (1.0, "-", GREY), "A": (7.0, "--", BLUE), "B": (8.0, "-", ORANGE)}
    assert lines(reserve) == {"upstream": (2.0, "-", GREY), "A": (9.0, "--", BLUE), "B": (10.0, "-", ORANGE)}
    assert (len(nothing.get_lines()), nothing.axison) == (0, False)
    assert [axis.get_ylabel() for axis in figure.axes] == ["EUR per MWh", "", "", ""]
    assert [axis.get_xlabel() for axis in figure.axes] == ["", "", "Hour", "Hour"]
    assert figure.get_suptitle() == "The day"
    assert legend_of(figure) == {"upstream": GREY, "A": BLUE, "B": ORANGE}
    assert figure.legends[0]._ncols == 3  # type: ignore[attr-defined]
    assert list(reserve.get_xticks()) == list(range(0, 24, 3))


def test_what_nobody_trades_has_no_row() -> None:
    figure = trade_figure(TRADE, "The day")
    assert_tidy(figure)
    assert size(figure) == pytest.approx([7.2, 0.7 + 2 * 1.6])
    assert [axis.get_title(loc="left") for axis in figure.axes] == [
        *("A: load", "B: load", "A: generators", "B: generators")
    ]
    assert [lines(axis) for axis in figure.axes] == [
        {"A": (20.0, "-", BLUE), "B": (30.0, "--", ORANGE)},
        {"B": (40.0, "-", ORANGE)},
        {"A": (5.0, "-", BLUE)},
        {"A": (6.0, "--", BLUE), "B": (7.0, "-", ORANGE)},
    ]
    assert [axis.get_ylim()[0] for axis in figure.axes] == [0.0] * 4
    assert [axis.get_ylabel() for axis in figure.axes] == ["kW", "", "kW", ""]
    assert [axis.get_xlabel() for axis in figure.axes] == ["", "", "Hour", "Hour"]
    assert figure.get_suptitle() == "The day"
    assert legend_of(figure) == {"A": BLUE, "B": ORANGE}
    assert figure.legends[0]._ncols == 2  # type: ignore[attr-defined]


def test_more_aggregators_than_colours_begin_again() -> None:
    names = [f"n{k}" for k in range(9)]
    (axis,) = trade_figure(hourly([deal("n0", "served", name, 1.0) for name in names], "p_kw")).axes
    colours = [each[2] for each in lines(axis).values()]
    assert colours[8] == colours[0] == BLUE
    assert len(set(colours)) == 8
    rows = pd.DataFrame([{"day": 0, "aggregator": name, "profit": 1.0, "strangers": 0.0} for name in names])
    drawn = [lines(axis) for axis in profits_figure(rows, "EUR").axes]
    assert [each["n8"][2] for each in drawn] == [BLUE, BLUE]
    offered = [offer(name, market, "energy", 1.0) for name in names for market in ("upstream", "n0")]
    (axis,) = offers_figure(hourly(offered, "price_per_mwh"), "EUR").axes
    assert lines(axis)["n8"][2] == lines(axis)["n0"][2] == BLUE


@pytest.mark.parametrize("days", [1, 2])
def test_profits_of_one_day_are_not_drawn(days: int) -> None:
    rows = pd.DataFrame(
        [
            {"day": day, "aggregator": name, "profit": 10.0 * day + value, "strangers": value}
            for day in range(days)
            for name, value in (("A", 1.0), ("B", -2.0))
        ]
    )
    tables = {"offers": OFFERS, "trade": TRADE}
    run: Any = SimpleNamespace(
        table=lambda name, day: tables[name][tables[name]["day"] == day], days=range(days), aggregators=rows
    )
    figures = rivals_figures(run, 0, "T", "EUR")
    assert set(figures) == {"offers-day-0", "trade-day-0"} | ({"profits"} if days > 1 else set())
    if days == 1:
        return
    left, right = figures["profits"].axes
    assert [axis.get_title(loc="left") for axis in (left, right)] == ["Profit (EUR)", "Of it from strangers (EUR)"]
    found = [
        {str(line.get_label()): np.array(line.get_data()).T.tolist() for line in axis.get_lines()}
        for axis in (left, right)
    ]
    assert [{name: each[name] for name in "AB"} for each in found] == [
        {"A": [[0, 1.0], [1, 11.0]], "B": [[0, -2.0], [1, 8.0]]},
        {"A": [[0, 1.0], [1, 1.0]], "B": [[0, -2.0], [1, -2.0]]},
    ]
    assert left.get_shared_x_axes().joined(left, right)
    assert [axis.get_xlabel() for axis in (left, right)] == ["Day", "Day"]
    assert legend_of(figures["profits"]) == {"A": BLUE, "B": ORANGE}
