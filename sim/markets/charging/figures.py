"""Figures of a run of charging lots, drawn from its tables.

The scheduling and voltage figures are laid out like Figs. 7, 8, 10 and 11 of the paper (docs/epec_lots.md). Every
function takes tables as :mod:`sim.markets.charging.tables` states them and returns a
:class:`matplotlib.figure.Figure`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sim.columns import PER_MWH
from sim.markets.charging.grid_figures import feeder_map, price_map, voltage_figure
from sim.show.day_axis import DayAxis, mark_days
from sim.show.drawing import (
    BLACK,
    BLUE,
    CYCLE,
    GREY,
    MARKERS,
    ORANGE,
    RED,
    SKY,
    STYLE,
    from_zero,
    legend_below,
    name_legend,
    panels_of,
    same_scale,
    stack,
)
from sim.store import Run


def scheduling_figure(panels: Mapping[str, pd.DataFrame], *, first_hour: int = 0) -> Figure:
    """Draw dispatch as stacked bars, one panel a case; generation and imports are negative.

    Parameters
    ----------
    panels
        Title and ``dispatch`` rows of one day for each panel.
    first_hour
        Number of the first hour of a day of 24 hours: 0 for clock hours, 1 for the paper's numbering.
    """
    with mpl.rc_context(STYLE):
        figure, axes = panels_of(len(panels), height=2.5)
        for axis, (title, dispatch) in zip(axes, panels.items(), strict=True):
            day = DayAxis.of(dispatch, first_hour)
            stack(axis, dispatch, day)
            axis.set_title(title, loc="left")
            axis.set_ylabel("Power (MW)")
            axis.set_xlabel(day.label if axis is axes[-1] else "")
        same_scale(axes)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=6 if len(labels) <= 6 else 4)
    return figure


def lots_figure(lots: pd.DataFrame, title: str = "") -> Figure:
    """Draw each lot's charging power with its limit, and its state of energy inside its band.

    Parameters
    ----------
    lots
        ``lots`` rows of one day.
    title
        Title of the figure.
    """
    names, day = list(dict.fromkeys(lots["lot"])), DayAxis.of(lots)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 0.6 + 1.9 * len(names)), layout="constrained")
        grid = figure.subplots(len(names), 2, squeeze=False, sharex=True)
        for (left, right), name in zip(grid, names, strict=True):
            rows = lots[lots["lot"] == name]
            day.bars(left, rows["power_kw"], color=ORANGE, label="Charging power")
            day.steps(left, rows["power_max_kw"], color=BLACK, linewidth=1, label="Power limit")
            if "subscribed_kw" in rows and np.isfinite(rows["subscribed_kw"]).all():
                day.steps(left, rows["subscribed_kw"], color=RED, linewidth=1, label="Subscribed")
            low, high = rows["soe_min_kwh"].to_numpy(float), rows["soe_max_kwh"].to_numpy(float)
            right.fill_between(day.middle, low, high, color=SKY, alpha=0.35, linewidth=0, label="Band")
            right.plot(day.middle, rows["soe_kwh"], color=BLUE, marker="o", markersize=2.5, label="State of energy")
            left.set_title(f"{name}, {title}" if title else name, loc="left")
            left.set_ylabel("kW")
            right.set_ylabel("kWh")
            for axis in (left, right):
                from_zero(axis)
            day.mark(left, right)
        for axis in grid[-1]:
            axis.set_xlabel(day.label)
        shown = [item for axis in grid.ravel() for item in zip(*axis.get_legend_handles_labels(), strict=True)]
        handles = {label: handle for handle, label in reversed(shown)}
        figure.legend(handles=[*reversed(handles.values())], loc="outside upper center", ncols=5)
    return figure


def overview_figure(days: pd.DataFrame, lot_days: pd.DataFrame, currency: str) -> Figure:
    """Draw a run over its days: energy and cost, prices, lowest voltage, profits.

    Parameters
    ----------
    days, lot_days
        The tables of the run.
    currency
        Name of the currency for the axes.
    """
    day = days["day"].to_numpy()
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 5.6), layout="constrained")
        energy, cost, price, profit = figure.subplots(2, 2, sharex=True).ravel()
        energy.bar(day, days["energy_charged_kwh"] / 1000, color=ORANGE)
        energy.set_title("Energy charged (MWh)", loc="left")
        cost.plot(day, days["network_cost"], color=BLUE, marker="o", markersize=3)
        cost.set_title(f"Network cost ({currency})", loc="left")
        for name, label, color, marker in (
            ("dlmp_peak_per_mwh", "DLMP peak", RED, "^"),
            ("dlmp_mean_per_mwh", "DLMP mean", BLUE, "o"),
            ("wholesale_mean_per_mwh", "Wholesale", GREY, "s"),
        ):
            price.plot(day, days[name], color=color, marker=marker, markersize=3, label=label)
        price.set_title(f"Price ({currency}/MWh)", loc="left")
        lots = list(dict.fromkeys(lot_days["lot"]))
        for k, lot in enumerate(lots):
            rows = lot_days[lot_days["lot"] == lot]
            color, marker = CYCLE[k % len(CYCLE)], MARKERS[k % len(MARKERS)]
            profit.plot(rows["day"], rows["profit"], label=lot, color=color, marker=marker, markersize=3)
        profit.set_title(f"Profit of each lot ({currency})", loc="left")
        for axis in (price, profit):
            mark_days(axis, days, most=5)
            legend_below(axis)
    return figure


def posted_figure(lot_days: pd.DataFrame, currency: str) -> Figure:
    """Draw the price that each lot posts on every day, and what a kWh costs it at the operator where that charges.

    Parameters
    ----------
    lot_days
        The table ``lot_days`` of the run.
    currency
        Name of the currency for the axes.
    """
    charged = bool((lot_days["network_charge"] != 0).any())
    lots = list(dict.fromkeys(lot_days["lot"]))
    with mpl.rc_context(STYLE):
        figure, axes = panels_of(1 + charged, height=2.5)
        for k, lot in enumerate(lots):
            rows = lot_days[lot_days["lot"] == lot]
            look: dict[str, Any] = {
                "color": CYCLE[k % len(CYCLE)],
                "marker": MARKERS[k % len(MARKERS)],
                "markersize": 4,
            }
            axes[0].plot(rows["day"], rows["price_per_kwh"], label=lot, **look)
            if charged:
                drawn = rows["energy_kwh"].where(rows["energy_kwh"] > 0)
                axes[1].plot(rows["day"], PER_MWH * rows["network_charge"] / drawn, **look)
        axes[0].set_title("Posted price of each lot", loc="left")
        axes[0].set_ylabel(f"{currency}/kWh")
        if charged:
            axes[1].set_title("Network charge, mean over the energy that the lot drew", loc="left")
            axes[1].set_ylabel(f"{currency}/MWh")
        mark_days(axes[-1], lot_days)
        name_legend(figure, axes[0], loc="outside upper center", ncols=6)
    return figure


def yardstick_figure(measured: pd.DataFrame, currency: str) -> Figure:
    """Draw each lot's posted price beside the equilibrium's, and below it what the lot could gain by another price.

    Parameters
    ----------
    measured
        The table ``yardstick`` of the run.
    currency
        Name of the currency for the axes.
    """
    lots = list(dict.fromkeys(measured["lot"]))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 5.2), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
        for k, lot in enumerate(lots):
            rows, color = measured[measured["lot"] == lot], CYCLE[k % len(CYCLE)]
            look: dict[str, Any] = {
                "color": color,
                "marker": MARKERS[k % len(MARKERS)],
                "markersize": 2.5,
                "linewidth": 0.8,
            }
            above.plot(rows["day"], rows["posted_per_kwh"], label=f"{lot}, posted", **look)
            wanted = rows["equilibrium_per_kwh"].astype("float64")
            hollow = look | {"linewidth": 1.6, "linestyle": "--", "markerfacecolor": "white"}
            above.plot(rows["day"], wanted, label=f"{lot}, equilibrium", **hollow)
            below.plot(rows["day"], rows["regret"], **look)
        above.set_title("Posted price and Nash equilibrium of the day", loc="left")
        above.set_ylabel(f"{currency}/kWh")
        below.set_title("What each lot could gain by another price (proven bound)", loc="left")
        below.set_ylabel(f"{currency} a day")
        from_zero(below)
        mark_days(below, measured)
        name_legend(figure, above, loc="outside upper center", ncols=min(len(lots), 4))
    return figure


def sensitivity_figure(
    rows: Mapping[str, Sequence[Mapping[str, float]]], quantities: Mapping[str, str], marks: Mapping[str, float]
) -> Figure:
    """Draw how results answer to factors, one column a factor and one row a quantity, like Figs. 12 and 13.

    Parameters
    ----------
    rows
        For each factor's label, one mapping a point: ``factor`` and the quantities.
    quantities
        Key and axis label of each quantity.
    marks
        Factor at which the base case lies, by factor's label.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 0.4 + 1.55 * len(quantities)), layout="constrained")
        grid = figure.subplots(len(quantities), len(rows), squeeze=False, sharex="col", sharey="row")
        for column, (factor, points) in enumerate(rows.items()):
            x = [point["factor"] for point in points]
            for row, (key, label) in enumerate(quantities.items()):
                axis = grid[row, column]
                axis.plot(x, [point[key] for point in points], color=BLUE, marker="o", markersize=3.5)
                axis.axvline(marks[factor], color=GREY, linewidth=0.8, linestyle=":")
                if column == 0:
                    axis.set_ylabel(label)
            grid[-1, column].set_xlabel(factor)
        figure.align_ylabels(list(grid[:, 0]))
    return figure


def charging_figures(run: Run, day: int, title: str, currency: str) -> dict[str, Figure]:
    """Return the figures of a run by name.

    Parameters
    ----------
    run
        The run.
    day, title
        Day of the figures of one day, and what they are called.
    currency
        Name of the currency for the axes.
    """
    prices, lots, feeder = run.table("prices", day), run.table("lots", day), run.table("feeder")
    figures = {
        f"scheduling-day-{day}": scheduling_figure({title: run.table("dispatch", day)}),
        f"voltage-day-{day}": voltage_figure({title: prices}, feeder),
        f"prices-day-{day}": price_map(prices, run.table("limits", day), currency, title),
    }
    if len(feeder):
        figures[f"feeder-day-{day}"] = feeder_map(feeder, prices, lots, currency, title)
    if len(lots):
        figures[f"lots-day-{day}"] = lots_figure(lots, title)
    if len(run.days) > 1:
        figures["overview"] = overview_figure(run.days, run.lot_days, currency)
        if len(lots):
            figures["prices-posted"] = posted_figure(run.lot_days, currency)
    if len(run.yardstick):
        figures["yardstick"] = yardstick_figure(run.yardstick, currency)
    return figures


def map_at(run: Run, day: int, period: int, title: str, currency: str) -> Figure:
    """Draw the feeder in one period of a run, coloured by DLMP and voltage; as :func:`charging_figures`."""
    return feeder_map(run.table("feeder"), run.table("prices", day), run.table("lots", day), currency, title, period)
