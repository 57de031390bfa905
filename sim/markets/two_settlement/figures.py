"""Figures of a run of the market of two settlements, drawn from its tables (:mod:`.tables`, :mod:`.periods`)."""

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
    YELLOW,
    Stack,
    from_zero,
    legend_below,
    name_legend,
    same_scale,
    stack,
)
from sim.store import Run

DISPATCH: Stack = {
    "bought": ("Bought", -1, BLUE),
    "output": ("Generators", -1, GREEN),
    "renewable": ("Sun and wind", -1, SKY),
    "discharge": ("Storage discharging", -1, PINK),
    "given": ("Aggregators giving", -1, YELLOW),
    "load": ("Load served", 1, GREY),
    "charge": ("Storage charging", 1, ORANGE),
    "taken": ("Aggregators taking", 1, RED),
    "sold": ("Sold", 1, BLACK),
}


def two_settlement_figures(run: Run, day: int, title: str, currency: str) -> dict[str, Figure]:
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
    dispatch, schedule, periods = (run.table(name, day) for name in ("dispatch", "schedule", "periods"))
    figures = {
        f"dispatch-day-{day}": dispatch_figure(dispatch, schedule, title),
        f"prices-day-{day}": prices_figure(periods, currency, title),
        f"reserve-day-{day}": reserve_figure(dispatch, schedule, title),
    }
    if len(run.days) > 1:
        figures["profits"] = profits_figure(run.days, currency)
        if len(run.bidders):
            figures["bidders"] = bidders_figure(run.bidders, currency)
    return figures


def _total(rows: pd.DataFrame, *kinds: str) -> pd.Series:
    """Return the sum of some kinds in every period, MW."""
    chosen = rows[rows["kind"].isin(kinds)]
    every = pd.Index(sorted(rows["period"].unique()))
    return chosen.groupby("period")["p_kw"].sum().reindex(every, fill_value=0.0) / 1000.0


def dispatch_figure(dispatch: pd.DataFrame, schedule: pd.DataFrame, title: str = "") -> Figure:
    """Draw one day's powers in real time as stacked bars, and what was traded beside the schedule's trade below.

    Parameters
    ----------
    dispatch, schedule
        Rows of one day.
    title
        Title of the figure.
    """
    day, hours = DayAxis.of(dispatch), _hours(schedule, dispatch)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 5.6), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2.2, 1.0))
        stack(above, dispatch, day, DISPATCH)
        same_scale([above])
        above.set_title(title, loc="left")
        above.set_ylabel("Power (MW)")
        bought = _total(dispatch, "bought") - _total(dispatch, "sold")
        planned = _total(schedule, "bought") - _total(schedule, "sold")
        day.steps(below, planned.loc[hours].to_numpy(), "--", color=GREY, linewidth=1.4, label="Trade of the schedule")
        day.steps(below, bought, color=BLUE, linewidth=1.2, label="Trade in real time")
        day.steps(below, _total(dispatch, "shed"), color=RED, linewidth=1.2, label="Load not served")
        below.axhline(0, color=BLACK, linewidth=0.8)
        below.set_ylabel("MW")
        below.set_xlabel(day.label)
        day.mark(below)
        handles, labels = (a + b for a, b in zip(*(x.get_legend_handles_labels() for x in (above, below)), strict=True))
        figure.legend(handles, labels, loc="outside upper center", ncols=4)
    return figure


def _hours(schedule: pd.DataFrame, dispatch: pd.DataFrame) -> list[int]:
    """Return the day-ahead period that each period of real time belongs to."""
    ends = schedule.drop_duplicates("period").sort_values("period")["hours"].cumsum().to_numpy()
    each = dispatch.drop_duplicates("period").sort_values("period")["hours"]
    middle = (each.cumsum() - each / 2.0).to_numpy()
    return [int((ends <= at).sum()) for at in middle]


def prices_figure(periods: pd.DataFrame, currency: str, title: str = "") -> Figure:
    """Draw one day's prices, the errors of the load, and the range of voltages.

    Parameters
    ----------
    periods
        Rows of one day.
    currency
        Name of the currency for the axes.
    title
        Title of the figure.
    """
    day = DayAxis.of(periods)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 5.2), layout="constrained")
        prices, volts = figure.subplots(2, 1, sharex=True, height_ratios=(2.0, 1.0))
        for column, label, line, color in (
            ("expected_price_per_mwh", "Expected", ":", GREY),
            ("day_ahead_price_per_mwh", "Day-ahead", "-", BLUE),
            ("real_time_price_per_mwh", "Real time", "-", RED),
        ):
            day.steps(prices, periods[column], line, color=color, linewidth=1.4, label=label)
        prices.set_title(title, loc="left")
        prices.set_ylabel(f"{currency} per MWh")
        name_legend(prices, prices, loc="center left", bbox_to_anchor=(1.01, 0.5))
        day.band(volts, periods["voltage_min_pu"], periods["voltage_max_pu"], color=SKY, alpha=0.6)
        day.steps(volts, periods["voltage_min_pu"], color=BLUE, linewidth=1.0, label="Lowest voltage")
        day.steps(volts, periods["voltage_max_pu"], color=GREEN, linewidth=1.0, label="Highest voltage")
        volts.set_ylabel("per unit")
        volts.set_xlabel(day.label)
        name_legend(volts, volts, loc="center left", bbox_to_anchor=(1.01, 0.5))
        day.mark(volts)
    return figure


def reserve_figure(dispatch: pd.DataFrame, schedule: pd.DataFrame, title: str = "") -> Figure:
    """Draw one day's reserve: sold, needed and accepted, and what of it was called or missing.

    Parameters
    ----------
    dispatch, schedule
        Rows of one day.
    title
        Title of the figure.
    """
    fine, coarse = DayAxis.of(dispatch), _hours(schedule, dispatch)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 5.0), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True)
        for kind, label, color in (
            ("spinning sold", "Spinning reserve sold", BLUE),
            ("reserve needed", "Needed by the operator", BLACK),
            ("spinning", "Spinning, of aggregators", GREEN),
            ("regulating", "Regulating, of aggregators", ORANGE),
        ):
            fine.steps(above, _total(schedule, kind).loc[coarse].to_numpy(), color=color, linewidth=1.3, label=label)
        for kind, label, color in (
            ("called", "Called", ORANGE),
            ("unready", "Accepted and not ready", PINK),
            ("reserve missing", "Missing", RED),
        ):
            fine.steps(below, _total(dispatch, kind), color=color, linewidth=1.3, label=label)
        above.set_title(title, loc="left")
        for axis in (above, below):
            axis.set_ylabel("MW")
            from_zero(axis)
            name_legend(axis, axis, loc="center left", bbox_to_anchor=(1.01, 0.5))
        below.set_xlabel(fine.label)
        fine.mark(below)
    return figure


def profits_figure(days: pd.DataFrame, currency: str) -> Figure:
    """Draw the operator's profit day by day, what it believes, and what was shed.

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
        profit, error, belief, shed = figure.subplots(2, 2, sharex=True).ravel()
        profit.plot(day, days["planned_profit"], "--", color=BLUE, linewidth=1.2, label="Planned")
        profit.plot(day, days["profit"], color=RED, marker="o", markersize=3, label="Earned")
        profit.plot(day, days["real_time_profit"], color=ORANGE, marker="o", markersize=3, label="Of it real time")
        profit.set_title(f"Profit of the operator ({currency})", loc="left")
        error.plot(day, days["price_error_per_mwh"], color=BLACK, marker="s", markersize=3)
        error.set_title(f"Mean error of the price forecast ({currency}/MWh)", loc="left")
        belief.plot(day, days["deviation_kw"] / 1000.0, color=GREEN, marker="o", markersize=3)
        belief.set_title("Errors of net load it reckons with (MW)", loc="left")
        shed.bar(day, days["shed_kwh"] / 1000.0, color=GREY)
        shed.set_title("Load not served (MWh)", loc="left")
        for axis in (error, belief, shed):
            from_zero(axis)
        legend_below(profit)
        for axis in (belief, shed):
            mark_days(axis, days, most=5)
    return figure


def bidders_figure(bidders: pd.DataFrame, currency: str) -> Figure:
    """Draw what aggregators got day by day, their deviations, and how far they trust themselves.

    Parameters
    ----------
    bidders
        The table of the run.
    currency
        Name of the currency for the axes.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 6.4), layout="constrained")
        panels = figure.subplots(3, 1, sharex=True)
        for number, (name, rows) in enumerate(bidders.groupby("bidder", sort=False)):
            look = {"color": CYCLE[number % len(CYCLE)], "linewidth": 1.2, "label": str(name)}
            for axis, column in zip(panels, ("income", "deviation_kwh", "reliability"), strict=True):
                axis.plot(rows["day"], rows[column], **look)
        for axis, text in zip(
            panels, (f"Income ({currency})", "Energy beside the position (kWh)", "Reserve trusted in"), strict=True
        ):
            axis.set_title(text, loc="left")
        mark_days(panels[-1], bidders)
        name_legend(panels[0], panels[0], loc="upper left", bbox_to_anchor=(1.01, 1.0))
    return figure
