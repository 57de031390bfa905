"""Figures of a run of the nodal market: those of charging lots, and market power beside competition."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sim.markets.charging.figures import charging_figures
from sim.show.day_axis import DayAxis
from sim.show.drawing import BLUE, GREY, ORANGE, SKY, STYLE
from sim.store import Run


def nodal_figures(run: Run, day: int, title: str, currency: str) -> dict[str, Figure]:
    """Return the figures of a run by name; parameters as for :func:`sim.markets.charging.figures.charging_figures`."""
    figures = charging_figures(run, day, title, currency)
    lots = run.table("lots", day)
    if len(lots):
        figures[f"market-power-day-{day}"] = market_power_figure(lots, currency, title)
    return figures


def market_power_figure(lots: pd.DataFrame, currency: str, title: str = "") -> Figure:
    """Draw each lot's charging and the price that it pays, at the equilibrium and in the competitive outcome.

    Parameters
    ----------
    lots
        ``lots`` rows of one day of the nodal market.
    currency
        Name of the currency for the axes.
    title
        Title of the figure.
    """
    names, day = list(dict.fromkeys(lots["lot"])), DayAxis.of(lots)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 0.7 + 1.9 * len(names)), layout="constrained")
        grid = figure.subplots(len(names), 2, squeeze=False, sharex=True, sharey="col")
        for (left, right), lot in zip(grid, names, strict=True):
            rows = lots[lots["lot"] == lot]
            for name, shift, color, label in (
                ("power_kw", -0.2, ORANGE, "Charging, equilibrium"),
                ("competitive_kw", 0.2, GREY, "Charging, competitive"),
            ):
                day.bars(left, rows[name], share=0.4, shift=shift, color=color, label=label)
            interval = rows[["lot_price_low_per_mwh", "lot_price_high_per_mwh"]].to_numpy(float)
            low, high = np.where(np.isfinite(interval), interval, np.nan).T  # an open end has no place on the axis
            day.band(right, low, high, label="Interval of the price", color=SKY, alpha=0.35)
            day.steps(right, rows["lot_price_per_mwh"], color=BLUE, linewidth=2, label="Price paid")
            day.steps(right, rows["competitive_price_per_mwh"], "k--", linewidth=1, label="Competitive price")
            left.set_title(f"{lot}, {title}" if title else lot, loc="left")
            left.set_ylabel("kW")
            right.set_ylabel(f"{currency}/MWh")
            day.mark(left, right)
        for axis in grid[-1]:
            axis.set_xlabel(day.label)
        handles = [item for axis in grid[0] for item in axis.get_legend_handles_labels()[0]]
        figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure
