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
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sim.show.day_axis import DayAxis
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
    legend_below,
    name_legend,
    panels_of,
    same_scale,
    stack,
)
from sim.store import Run

_NOTHING = 1e-6  # a price below this, currency/MWh, is rounding


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


def voltage_figure(profiles: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the lowest voltage of the day at every bus, one line a case.

    Parameters
    ----------
    profiles
        Name and ``prices`` rows of one day for each line.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 3.4), layout="constrained")
        axis = figure.subplots()
        for k, (name, prices) in enumerate(profiles.items()):
            lowest = prices.groupby("bus", sort=False)["voltage_pu"].min()
            axis.plot(
                np.arange(1, len(lowest) + 1),
                lowest.to_numpy(),
                color=CYCLE[k % len(CYCLE)],
                marker=MARKERS[k % len(MARKERS)],
                markersize=3,
                linewidth=1.2,
                label=name,
            )
        axis.set_xlabel("Bus (position in the feeder's file, 1 = root)")
        axis.set_ylabel("Lowest voltage of the day (p.u.)")
        axis.margins(x=0.02)
        if len(profiles) > 1:
            name_legend(figure, axis, loc="outside upper center", columns=4)
        else:
            axis.set_title(next(iter(profiles)), loc="left")
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
            low, high = rows["soe_min_kwh"].to_numpy(float), rows["soe_max_kwh"].to_numpy(float)
            right.fill_between(day.middle, low, high, color=SKY, alpha=0.35, linewidth=0, label="Band")
            right.plot(day.middle, rows["soe_kwh"], color=BLUE, marker="o", markersize=2.5, label="State of energy")
            left.set_title(f"{name}, {title}" if title else name, loc="left")
            left.set_ylabel("kW")
            right.set_ylabel("kWh")
            for axis in (left, right):
                axis.set_ylim(bottom=0)
            day.mark(left, right)
        for axis in grid[-1]:
            axis.set_xlabel(day.label)
        handles = [item for axis in grid[0] for item in axis.get_legend_handles_labels()[0]]
        figure.legend(handles=handles, loc="outside upper center", ncols=4)
    return figure


def price_map(prices: pd.DataFrame, currency: str, title: str = "") -> Figure:
    """Draw the DLMP of every bus and period as a heat map, and below it the part that the network adds.

    Parameters
    ----------
    prices
        ``prices`` rows of one day.
    currency
        Name of the currency for the colour bars.
    title
        Title of the figure.
    """
    day = DayAxis.of(prices)
    network = prices["congestion_per_mwh"] + prices["voltage_per_mwh"]
    reach = float(network.abs().max())
    idle = reach < _NOTHING
    with mpl.rc_context({**STYLE, "axes.grid": False}):
        figure = Figure(figsize=(7.2, 5.6), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True)
        _heat_map(above, day, prices["dlmp_per_mwh"], f"DLMP\n({currency}/MWh)", cmap="cividis")
        label = f"Congestion + voltage part\n({currency}/MWh)"
        _heat_map(
            below,
            day,
            network,
            label,
            cmap="PuOr_r",
            vmin=-1 if idle else -reach,
            vmax=1 if idle else reach,
        )
        if idle:
            note = "zero: no limit of the network binds"
            below.text(0.5, 0.5, note, transform=below.transAxes, ha="center", va="center", color=GREY)
        above.set_title(title, loc="left")
        below.set_xlabel(day.label)
    return figure


def _heat_map(axis: Axes, day: DayAxis, values: pd.Series[float], label: str, **look: Any) -> None:  # noqa: ANN401
    """Draw one value of every bus and period; ``look`` goes to matplotlib."""
    image = day.map(axis, np.asarray(values, dtype=np.float64).reshape(day.middle.size, -1), **look)
    axis.figure.colorbar(image, ax=axis, label=label)
    day.mark(axis)
    axis.yaxis.set_major_locator(MaxNLocator(8, integer=True))
    axis.set_ylabel("Bus")


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
            axis.xaxis.set_major_locator(MaxNLocator(8, integer=True))
            axis.set_xlabel("Day")
            legend_below(axis)
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
            look = {"color": color, "marker": MARKERS[k % len(MARKERS)], "markersize": 2.5, "linewidth": 0.8}
            above.plot(rows["day"], rows["posted_per_kwh"], label=f"{lot}, posted", **look)
            wanted = rows["equilibrium_per_kwh"].astype("float64")
            above.plot(rows["day"], wanted, color=color, linewidth=1.6, linestyle="--", label=f"{lot}, equilibrium")
            below.plot(rows["day"], rows["regret"], **look)
        above.set_title("Posted price and Nash equilibrium of the day", loc="left")
        above.set_ylabel(f"{currency}/kWh")
        below.set_title("What each lot could gain by another price (proven bound)", loc="left")
        below.set_ylabel(f"{currency} a day")
        below.set_ylim(bottom=0)
        below.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        below.set_xlabel("Day")
        name_legend(figure, above, loc="outside upper center", columns=min(2 * len(lots), 4))
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
    prices, lots = run.table("prices", day), run.table("lots", day)
    figures = {
        f"scheduling-day-{day}": scheduling_figure({title: run.table("dispatch", day)}),
        f"voltage-day-{day}": voltage_figure({title: prices}),
        f"prices-day-{day}": price_map(prices, currency, title),
    }
    if len(lots):
        figures[f"lots-day-{day}"] = lots_figure(lots, title)
    if len(run.days) > 1:
        figures["overview"] = overview_figure(run.days, run.lot_days, currency)
    if len(run.yardstick):
        figures["yardstick"] = yardstick_figure(run.yardstick, currency)
    return figures
