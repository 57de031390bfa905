"""Figures of a run of several aggregators, drawn from its tables (:mod:`sim.markets.aggregator.rivals.tables`)."""

from __future__ import annotations

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from sim.show.day_axis import DayAxis, mark_days
from sim.show.drawing import BLACK, CYCLE, GREY, STYLE, from_zero, legend_below, name_legend
from sim.store import Run

_KINDS = {
    "served": "Load",
    "charge": "Charging",
    "output": "Generators",
    "discharge": "Discharging",
    "reserve": "Reserve",
}


def rivals_figures(run: Run, day: int, title: str, currency: str) -> dict[str, Figure]:
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
    figures = {
        f"offers-day-{day}": offers_figure(run.table("offers", day), currency, title),
        f"trade-day-{day}": trade_figure(run.table("trade", day), title),
    }
    if len(run.days) > 1:
        figures["profits"] = profits_figure(run.aggregators, currency)
    return figures


def offers_figure(offers: pd.DataFrame, currency: str, title: str = "") -> Figure:
    """Draw what everybody offers to the followers of each aggregator: a column a market, a row a price.

    Parameters
    ----------
    offers
        Rows of one day.
    currency
        Name of the currency for the axes.
    title
        Title of the figure.
    """
    posted = offers[offers["market"] != "upstream"]
    markets, names = (list(dict.fromkeys(posted[column])) for column in ("market", "aggregator"))
    most = max(posted[posted["market"] == market]["price"].nunique() for market in markets)
    day = DayAxis.of(offers)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.6 * len(markets), 0.7 + 1.6 * most), layout="constrained")
        grid = figure.subplots(most, len(markets), squeeze=False, sharex=True)
        for column, market in enumerate(markets):
            here = posted[posted["market"] == market]
            prices = list(dict.fromkeys(here["price"]))
            for row, axis in enumerate(grid[:, column]):
                if row >= len(prices):
                    axis.set_axis_off()
                    continue
                reserve = prices[row].endswith("reserve")
                for number, name in enumerate(names):
                    own = offers[offers["aggregator"] == name]
                    up = own[(own["market"] == "upstream") & (own["price"] == ("reserve" if reserve else "energy"))]
                    if number == 0:
                        day.steps(axis, up["price_per_mwh"], color=GREY, linewidth=2.0, label="upstream")
                    line = here[(here["aggregator"] == name) & (here["price"] == prices[row])]["price_per_mwh"]
                    style = "-" if name == market else "--"
                    day.steps(axis, line, style, color=CYCLE[number % len(CYCLE)], linewidth=1.2, label=name)
                axis.set_title(f"{market}: {prices[row]}", loc="left")
            day.mark(grid[-1, column])
            grid[-1, column].set_xlabel(day.label)
        grid[0, 0].set_ylabel(f"{currency} per MWh")
        figure.suptitle(title)
        name_legend(figure, grid[0, 0], ncols=1 + len(names), loc="outside lower center")
    return figure


def trade_figure(trade: pd.DataFrame, title: str = "") -> Figure:
    """Draw with whom the followers of each aggregator deal, by what is traded.

    Parameters
    ----------
    trade
        Rows of one day.
    title
        Title of the figure.
    """
    markets, names = (list(dict.fromkeys(trade[column])) for column in ("market", "with_whom"))
    kinds = [kind for kind in _KINDS if (trade["kind"] == kind).any()]
    day = DayAxis.of(trade)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.6 * len(markets), 0.7 + 1.6 * len(kinds)), layout="constrained")
        grid = figure.subplots(len(kinds), len(markets), squeeze=False, sharex=True)
        for column, market in enumerate(markets):
            for axis, kind in zip(grid[:, column], kinds, strict=True):
                rows = trade[(trade["market"] == market) & (trade["kind"] == kind)]
                for number, name in enumerate(names):
                    power = rows[rows["with_whom"] == name].groupby("period")["p_kw"].sum()
                    if len(power):
                        style = "-" if name == market else "--"
                        day.steps(axis, power, style, color=CYCLE[number % len(CYCLE)], linewidth=1.4, label=name)
                axis.set_title(f"{market}: {_KINDS[kind].lower()}", loc="left")
                from_zero(axis)
            day.mark(grid[-1, column])
            grid[-1, column].set_xlabel(day.label)
        for axis in grid[:, 0]:
            axis.set_ylabel("kW")
        figure.suptitle(title)
        name_legend(figure, grid[0, 0], ncols=len(names), loc="outside lower center")
    return figure


def profits_figure(aggregators: pd.DataFrame, currency: str) -> Figure:
    """Draw what each aggregator earned day by day, in all and with followers of others.

    Parameters
    ----------
    aggregators
        The table of the run.
    currency
        Name of the currency for the axes.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 3.4), layout="constrained")
        panels = figure.subplots(1, 2, sharex=True)
        for axis, column, title in zip(
            panels, ("profit", "strangers"), ("Profit", "Of it from strangers"), strict=True
        ):
            for number, name in enumerate(dict.fromkeys(aggregators["aggregator"])):
                rows = aggregators[aggregators["aggregator"] == name]
                axis.plot(
                    rows["day"], rows[column], color=CYCLE[number % len(CYCLE)], marker="o", markersize=3, label=name
                )
            axis.axhline(0, color=BLACK, linewidth=0.6)
            axis.set_title(f"{title} ({currency})", loc="left")
            mark_days(axis, aggregators, most=5)
            legend_below(axis)
    return figure
