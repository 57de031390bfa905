"""Figures of a run of the nodal market: those of charging lots, and market power beside competition."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from sim.markets.charging.figures import charging_figures
from sim.show.drawing import BLUE, GREY, ORANGE, SKY, STYLE
from sim.store import Run


def nodal_figures(run: Run, day: int, title: str, currency: str) -> dict[str, Figure]:
    """Return the figures of a run by name; parameters as for :func:`sim.markets.charging.figures.charging_figures`."""
    figures = charging_figures(run, day, title, currency)
    lots = run.table("lots", day)
    if len(lots):
        figures[f"market-power-day-{day}"] = market_power_figure(lots, currency, title)
    return figures


def market_power_figure(lots: pd.DataFrame, currency: str, title: str = "", *, first_hour: int = 0) -> Figure:
    """Draw each lot's charging and the price that it pays, at the equilibrium and in the competitive outcome.

    Parameters
    ----------
    lots
        ``lots`` rows of one day of the nodal market.
    currency
        Name of the currency for the axes.
    title
        Title of the figure.
    first_hour
        Label of the first hour.
    """
    names = list(dict.fromkeys(lots["lot"]))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 0.7 + 1.9 * len(names)), layout="constrained")
        grid = figure.subplots(len(names), 2, squeeze=False, sharex=True, sharey="col")
        for (left, right), name in zip(grid, names, strict=True):
            rows = lots[lots["lot"] == name]
            hour = rows["hour"].to_numpy() + first_hour
            left.bar(hour - 0.2, rows["power_kw"], width=0.4, color=ORANGE, label="Charging, equilibrium")
            left.bar(hour + 0.2, rows["competitive_kw"], width=0.4, color=GREY, label="Charging, competitive")
            interval = rows[["lot_price_low_per_mwh", "lot_price_high_per_mwh"]].to_numpy(float)
            low, high = np.where(np.isfinite(interval), interval, np.nan).T  # an open end has no place on the axis
            spread = {"step": "mid", "color": SKY, "alpha": 0.35, "linewidth": 0}
            right.fill_between(hour, low, high, label="Interval of the price", **spread)
            right.step(hour, rows["lot_price_per_mwh"], where="mid", color=BLUE, linewidth=2, label="Price paid")
            competitive = rows["competitive_price_per_mwh"]
            right.step(hour, competitive, "k--", where="mid", linewidth=1, label="Competitive price")
            left.set_title(f"{name}, {title}" if title else name, loc="left")
            left.set_ylabel("kW")
            right.set_ylabel(f"{currency}/MWh")
            for axis in (left, right):
                axis.xaxis.set_major_locator(MultipleLocator(3))
        for axis in grid[-1]:
            axis.set_xlabel("Hour")
        handles = [item for axis in grid[0] for item in axis.get_legend_handles_labels()[0]]
        figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure
