"""Figures of a run of the aggregator market, drawn from its tables (:mod:`sim.markets.aggregator.tables`)."""

from __future__ import annotations

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from sim.show.day_axis import DayAxis, mark_days
from sim.show.drawing import (
    BLACK,
    BLUE,
    CYCLE,
    GREEN,
    GREY,
    ORANGE,
    PINK,
    RED,
    SKY,
    STYLE,
    Stack,
    energy_bars,
    from_zero,
    legend_below,
    name_legend,
    same_scale,
    second_axis,
    stack,
)
from sim.store import Run

DISPATCH: Stack = {
    "purchase": ("Bought upstream", -1, BLUE),
    "output": ("Generators", -1, GREEN),
    "discharge": ("Lots discharging", -1, PINK),
    "served": ("Load served", 1, GREY),
    "charge": ("Lots charging", 1, ORANGE),
}

UPSTREAM = ("upstream energy", "forecast energy", "upstream reserve", "forecast reserve")
"""Prices that the aggregator does not post."""


def aggregator_figures(run: Run, day: int, title: str, currency: str) -> dict[str, Figure]:
    """Return all figures of a run by name.

    Parameters
    ----------
    run
        The run.
    day, title
        Day of the figures of one day, and what they are called.
    currency
        Name of the currency for the axes.
    """
    dispatch, prices, lots = (run.table(name, day) for name in ("dispatch", "prices", "lots"))
    figures = {
        f"dispatch-day-{day}": dispatch_figure(dispatch, title),
        f"prices-day-{day}": prices_figure(prices, currency, title),
        f"lots-day-{day}": lots_figure(dispatch, lots, title),
    }
    if len(run.days) > 1:
        figures["profits"] = profits_figure(run.days, currency)
        figures["contracts"] = contracts_figure(run.contracts, run.lot_days)
    return figures


def dispatch_figure(dispatch: pd.DataFrame, title: str = "") -> Figure:
    """Draw one day's powers as stacked bars, and reserve and interrupted load below.

    Parameters
    ----------
    dispatch
        Rows of one day.
    title
        Title of the figure.
    """
    day = DayAxis.of(dispatch)
    power = dispatch.pivot_table(index="period", columns="kind", values="p_kw", aggfunc="sum")
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 5.2), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2.2, 1.0))
        stack(above, dispatch, day, DISPATCH)
        same_scale([above])
        above.set_title(title, loc="left")
        above.set_ylabel("Power (MW)")
        day.steps(below, power["reserve"] / 1000.0, color=RED, linewidth=1.4, label="Reserve of the lots")
        day.steps(below, power["interrupted"] / 1000.0, "--", color=BLACK, linewidth=1.2, label="Interrupted load")
        from_zero(below)
        below.set_ylabel("MW")
        below.set_xlabel(day.label)
        day.mark(below)
        handles, labels = (a + b for a, b in zip(*(x.get_legend_handles_labels() for x in (above, below)), strict=True))
        figure.legend(handles, labels, loc="outside upper center", ncols=4)
    return figure


def prices_figure(prices: pd.DataFrame, currency: str, title: str = "") -> Figure:
    """Draw one day's posted energy prices beside the upstream one, and those of reserve.

    Parameters
    ----------
    prices
        Rows of one day.
    currency
        Name of the currency for the axes.
    title
        Title of the figure.
    """
    names = list(dict.fromkeys(prices["price"]))
    posted = [name for name in names if name not in UPSTREAM]
    day = DayAxis.of(prices)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 5.6), layout="constrained")
        panels = figure.subplots(2, 1, sharex=True, height_ratios=(2.0, 1.0))
        for axis, unit, reserve in zip(panels, ("MWh", "MW and hour"), (False, True), strict=True):
            kind = "reserve" if reserve else "energy"
            for name, line in ((f"upstream {kind}", "-"), (f"forecast {kind}", ":")):
                rows = prices[prices["price"] == name]["price_per_mwh"]
                day.steps(axis, rows, line, color=GREY, linewidth=2.0, label=name.capitalize())
            mine = [name for name in posted if name.endswith("reserve") == reserve]
            for number, name in enumerate(mine):
                rows = prices[prices["price"] == name]["price_per_mwh"]
                day.steps(axis, rows, color=CYCLE[number % len(CYCLE)], linewidth=1.2, label=name)
            axis.set_ylabel(f"{currency} per {unit}")
            name_legend(axis, axis, loc="center left", bbox_to_anchor=(1.01, 0.5))
        panels[0].set_title(title, loc="left")
        panels[1].set_xlabel(day.label)
        day.mark(panels[1])
    return figure


def lots_figure(dispatch: pd.DataFrame, lots: pd.DataFrame, title: str = "") -> Figure:
    """Draw what each lot draws, gives and keeps ready, and the energy in its two pools.

    Parameters
    ----------
    dispatch, lots
        Rows of one day.
    title
        Title of the figure.
    """
    names, day = list(dict.fromkeys(lots["lot"])), DayAxis.of(lots)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 0.7 + 2.4 * len(names)), layout="constrained")
        grid = figure.subplots(len(names), 2, squeeze=False, sharex=True)
        for (left, right), name in zip(grid, names, strict=True):
            own = dispatch[dispatch["asset"] == name].set_index("kind")["p_kw"]
            rows = lots[lots["lot"] == name]
            day.bars(left, own.loc["charge"], color=ORANGE, label="Charging")
            day.bars(left, -own.loc["discharge"], color=PINK, label="Discharging")
            day.steps(left, own.loc["reserve"], color=RED, linewidth=1.2, label="Reserve")
            left.axhline(0, color=BLACK, linewidth=0.8)
            left.set_title(f"{name}, {title}" if title else name, loc="left")
            left.set_ylabel("kW")
            day.steps(right, rows["g2v_kwh"] / 1000.0, color=SKY, linewidth=1.4, label="Energy, only charging")
            day.steps(right, rows["v2g_kwh"] / 1000.0, color=BLUE, linewidth=1.4, label="Energy, also discharging")
            right.set_ylabel("MWh")
            from_zero(right)
            twin = second_axis(right, "vehicles")
            day.steps(twin, rows["parked"], "--", color=BLACK, linewidth=1.0, label="Vehicles")
            from_zero(twin)
            day.mark(left, right)
        for axis in grid[-1]:
            axis.set_xlabel(day.label)
        handles = [h for axis in (grid[0, 0], grid[0, 1], twin) for h in axis.get_legend_handles_labels()[0]]
        figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure


def profits_figure(days: pd.DataFrame, currency: str) -> Figure:
    """Draw what everybody earned day by day, and the error of the aggregator's forecast.

    Parameters
    ----------
    days
        The table of the run.
    currency
        Name of the currency for the axes.
    """
    day = days["day"].to_numpy()
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 5.6), layout="constrained")
        leader, others, error, energy = figure.subplots(2, 2, sharex=True).ravel()
        leader.plot(day, days["planned_profit"], "--", color=BLUE, linewidth=1.2, label="Planned")
        leader.plot(day, days["profit"], color=RED, marker="o", markersize=3, label="Earned")
        leader.set_title(f"Profit of the aggregator ({currency})", loc="left")
        for name, label, color in (
            ("lot_profit", "Lots", ORANGE),
            ("generator_profit", "Generators", GREEN),
            ("retail_profit", "Load retailer", GREY),
        ):
            others.plot(day, days[name], color=color, marker="o", markersize=3, label=label)
        others.set_title(f"Profit of the others ({currency})", loc="left")
        error.plot(day, days["price_error_per_mwh"], color=BLACK, marker="s", markersize=3, label="Error")
        from_zero(error)
        error.set_title(f"Mean error of the price forecast ({currency}/MWh)", loc="left")
        energy_bars(energy, days, "Energy of the lots (MWh)")
        for axis in (leader, others, energy):
            legend_below(axis)
        for axis in (error, energy):
            mark_days(axis, days, most=5)
    return figure


def contracts_figure(contracts: pd.DataFrame, lots: pd.DataFrame) -> Figure:
    """Draw which contracts drivers take at each lot, what they think of them, and how many come.

    Parameters
    ----------
    contracts, lots
        The tables ``contracts`` and ``lot_days`` of the run.
    """
    names = list(dict.fromkeys(contracts["lot"]))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 0.7 + 2.4 * len(names)), layout="constrained")
        grid = figure.subplots(len(names), 3, squeeze=False, sharex=True)
        for row, name in zip(grid, names, strict=True):
            own = contracts[contracts["lot"] == name]
            for number, contract in enumerate(dict.fromkeys(own["contract"])):
                rows = own[own["contract"] == contract]
                for axis, column in zip(row, ("share", "reputation"), strict=False):
                    axis.plot(rows["day"], rows[column], color=CYCLE[number], linewidth=1.2, label=contract)
            days = lots[lots["lot"] == name]
            row[2].plot(days["day"], days["attendance"], color=BLACK, linewidth=1.2, label="as it is")
            row[2].plot(
                days["day"], days["expected_attendance"], "--", color=BLUE, linewidth=1.2, label="as expected next"
            )
            for axis, title in zip(row, ("share", "reputation", "arrivals, relative"), strict=True):
                axis.set_title(f"{name}: {title}", loc="left")
                from_zero(axis)
        for axis in grid[-1]:
            mark_days(axis, contracts, most=3)
        handles = [h for axis in (grid[0, 0], grid[0, 2]) for h in axis.get_legend_handles_labels()[0]]
        figure.legend(handles=handles, loc="outside upper center", ncols=6)
    return figure
