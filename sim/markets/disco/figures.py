"""Figures of a run of the DISCO market, drawn from its tables (:mod:`sim.markets.disco.tables`)."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sim.markets.disco.switching import switches
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
    bus_marks,
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
    "renewable": ("Wind and sun", -1, GREEN),
    "import": ("Bought upstream", -1, BLUE),
    "lot_discharge": ("Vehicles discharging", -1, PINK),
    "load": ("Load", 1, GREY),
    "lot_charge": ("Vehicles charging", 1, ORANGE),
    "loss": ("Losses", 1, YELLOW),
}


def disco_figures(run: Run, day: int, title: str, currency: str) -> dict[str, Figure]:
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
    program = str(run.days.loc[run.days["day"] == day, "program"].iloc[0])
    figures = {
        f"dispatch-day-{day}": dispatch_figure(dispatch, prices, currency, f"{title}, program {program}"),
        f"response-day-{day}": response_figure(dispatch, lots, currency, f"{title}, program {program}"),
        f"lots-day-{day}": vehicles_figure(lots, title),
        f"voltage-day-{day}": voltage_band_figure(prices, title),
    }
    if len(run.days) > 1:
        figures["programs"] = programs_figure(run.days, run.table("programs"), currency)
        figures["retailer"] = retailer_figure(run.days, run.table("programs"), currency)
        figures["beliefs"] = beliefs_figure(run.table("beliefs"))
        figures["profits"] = profits_figure(run.days, run.table("scenarios"), currency)
    return figures


def dispatch_figure(dispatch: pd.DataFrame, prices: pd.DataFrame, currency: str, title: str = "") -> Figure:
    """Draw one day's powers as stacked bars, and the company's marginal cost below.

    Parameters
    ----------
    dispatch, prices
        Rows of one day.
    currency
        Name of the currency for the axes.
    title
        Title of the figure.
    """
    day = DayAxis.of(dispatch)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 5.2), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2.2, 1.0))
        stack(above, dispatch, day, DISPATCH)
        same_scale([above])
        above.set_title(title, loc="left")
        above.set_ylabel("Power (MW)")
        buses = prices.groupby("period")["price_per_mwh"]
        day.band(below, buses.min(), buses.max(), color=SKY, alpha=0.5)
        day.steps(below, buses.mean(), color=BLUE, linewidth=1.2)
        below.set_ylabel(f"Marginal cost\n({currency}/MWh)")
        below.set_xlabel(f"{day.label} (line: mean of the buses, band: lowest to highest)")
        handles, labels = above.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=3)
    return figure


def response_figure(dispatch: pd.DataFrame, lots: pd.DataFrame, currency: str, title: str = "") -> Figure:
    """Draw the load without a program, as it was expected and as it came, and the tariff below.

    Parameters
    ----------
    dispatch, lots
        Rows of one day.
    currency
        Name of the currency for the axes.
    title
        Title of the figure.
    """
    load = dispatch.pivot_table(index="period", columns="kind", values="p_kw", aggfunc="sum") / 1000.0
    tariff, day = lots.groupby("period")["tariff_per_mwh"].first(), DayAxis.of(dispatch)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 4.6), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2.0, 1.0))
        for kind, label, color, line in (
            ("base_load", "Without a program", GREY, "-"),
            ("forecast_load", "With it, as the retailer expected", BLUE, "--"),
            ("load", "With it, as it came", RED, "-"),
        ):
            day.steps(above, load[kind], line, color=color, linewidth=1.4, label=label)
        from_zero(above)
        above.set_ylabel("Load (MW)")
        above.set_title(title, loc="left")
        day.steps(below, tariff, color=BLACK, linewidth=1.2)
        from_zero(below)
        below.set_ylabel(f"Tariff\n({currency}/MWh)")
        below.set_xlabel(day.label)
        day.mark(below)
        figure.legend(*above.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def vehicles_figure(lots: pd.DataFrame, title: str = "") -> Figure:
    """Draw what the vehicles of each lot draw and give, and the energy in those that are plugged in.

    Parameters
    ----------
    lots
        Rows of one day.
    title
        Title of the figure.
    """
    names, day = list(dict.fromkeys(lots["lot"])), DayAxis.of(lots)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 0.7 + 2.2 * len(names)), layout="constrained")
        grid = figure.subplots(len(names), 2, squeeze=False, sharex=True)
        for (left, right), name in zip(grid, names, strict=True):
            rows = lots[lots["lot"] == name]
            day.bars(left, rows["charge_kw"], color=ORANGE, label="Charging")
            day.bars(left, -rows["discharge_kw"], color=PINK, label="Discharging")
            left.axhline(0, color=BLACK, linewidth=0.8)
            left.set_title(f"{name}, {title}" if title else name, loc="left")
            left.set_ylabel("kW")
            day.bars(right, rows["energy_kwh"] / 1000.0, color=SKY, label="Energy in the vehicles")
            right.set_ylabel("MWh")
            twin = second_axis(right, "vehicles")
            day.steps(twin, rows["plugged"], color=BLACK, linewidth=1.2, label="Vehicles plugged in")
            from_zero(twin)
            day.mark(right)
        for axis in grid[-1]:
            axis.set_xlabel(day.label)
        handles = [*grid[0, 0].get_legend_handles_labels()[0], *grid[0, 1].get_legend_handles_labels()[0]]
        handles += twin.get_legend_handles_labels()[0]
        figure.legend(handles=handles, loc="outside upper center", ncols=4)
    return figure


def voltage_band_figure(prices: pd.DataFrame, title: str = "") -> Figure:
    """Draw lowest, mean and highest voltage of the day at every bus.

    Parameters
    ----------
    prices
        Rows of one day.
    title
        Title of the figure.
    """
    voltage = prices.groupby("bus", sort=False)["voltage_pu"]
    position = np.arange(1, voltage.ngroups + 1)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 3.2), layout="constrained")
        axis = figure.subplots()
        axis.fill_between(position, voltage.min(), voltage.max(), color=SKY, alpha=0.5, linewidth=0, label="Range")
        axis.plot(position, voltage.mean(), color=BLUE, marker="o", markersize=3, linewidth=1.2, label="Mean")
        axis.plot(position, voltage.min(), color=RED, marker="v", markersize=3, linewidth=0.8, label="Lowest")
        axis.set_title(title, loc="left")
        bus_marks(axis, voltage.first().index.tolist(), inches=0.22)
        axis.set_xlabel("Bus (in the order of the feeder's file, root first)")
        axis.set_ylabel("Voltage of the day (p.u.)")
        figure.legend(loc="outside upper center", ncols=3)
    return figure


def programs_figure(days: pd.DataFrame, programs: pd.DataFrame, currency: str) -> Figure:
    """Draw which program was chosen each day, and what the retailer expected of each of them.

    Parameters
    ----------
    days, programs
        The tables of the run.
    currency
        Name of the currency for the axes.
    """
    names = list(dict.fromkeys(programs["program"]))
    chosen = days["program"].map(names.index)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 2.6 + 0.22 * len(names) + 1.8), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True)
        for number, name in enumerate(names):
            rows = programs[programs["program"] == name]
            color = CYCLE[number % len(CYCLE)]
            line = "-" if number < len(CYCLE) else "--"
            below.plot(rows["day"], rows["forecast_profit"], line, color=color, linewidth=1.2, label=name)
            played = days["day"][chosen == number]
            above.scatter(rows["day"], np.full(len(rows), number), 260 * rows["probability"], color=color, alpha=0.25)
            above.scatter(played, np.full(len(played), number), 30, color=color, marker="s")
        above.set_yticks(range(len(names)), names)
        above.set_ylim(len(names) - 0.4, -0.6)
        above.set_title("Program of the day (square) and chance of each (disc)", loc="left")
        below.set_title(f"Profit that the retailer expected of each program ({currency})", loc="left")
        mark_days(below, days)
        _legend_beside(figure, below)
    return figure


def _legend_beside(figure: Figure, axis: mpl.axes.Axes) -> None:
    name_legend(figure, axis, loc="outside right center")


def beliefs_figure(beliefs: pd.DataFrame) -> Figure:
    """Draw the estimated elasticities with two standard errors over the days, and the true ones.

    Parameters
    ----------
    beliefs
        The table of the run; of two pairs in opposite order with the same values one is drawn.
    """
    pairs = _distinct_pairs(beliefs)
    columns = 3
    rows = -(-len(pairs) // columns)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 0.7 + 1.9 * rows), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False, sharex=True).ravel()
        for axis, (period, other) in zip(axes, pairs, strict=False):
            seen = beliefs[(beliefs["period"] == period) & (beliefs["other"] == other)]
            day, estimate, error = (seen[name].to_numpy() for name in ("day", "estimate", "standard_error"))
            axis.fill_between(day, estimate - 2 * error, estimate + 2 * error, color=SKY, alpha=0.4, linewidth=0)
            axis.plot(day, estimate, color=BLUE, linewidth=1.4, label="Estimate, two standard errors")
            axis.plot(day, seen["true_elasticity"], "--", color=RED, linewidth=1.2, label="True")
            axis.set_title(period if period == other else f"{period} to {other}", loc="left")
        for axis in axes[len(pairs) :]:
            axis.set_axis_off()
        for axis in axes[max(len(pairs) - columns, 0) : len(pairs)]:
            mark_days(axis, beliefs, most=3)
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def retailer_figure(days: pd.DataFrame, programs: pd.DataFrame, currency: str) -> Figure:
    """Draw what the retailer expected and earned with the program of each day, beside the best under the truth.

    Parameters
    ----------
    days, programs
        The tables of the run.
    currency
        Name of the currency for the axes.
    """
    chosen = programs[programs["chosen"].astype(bool)]
    names = list(dict.fromkeys(programs["program"]))
    best = programs.groupby("day")["true_profit"].max()
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 3.6), layout="constrained")
        axis = figure.subplots()
        axis.plot(best.index, best, color=GREY, linewidth=1.2, label="Best program, elasticity known")
        axis.plot(chosen["day"], chosen["forecast_profit"], "--", color=BLACK, linewidth=1.2, label="Expected")
        for name, rows in chosen.groupby("program", sort=False):
            color = CYCLE[names.index(str(name)) % len(CYCLE)]
            axis.plot(rows["day"], rows["earned_profit"], "s", color=color, markersize=4, label=f"Earned, {name}")
        for change in switches(days):
            axis.axvline(change.day, color=RED, linewidth=0.8, linestyle=":")
            axis.annotate(
                f" best: {change.after}",
                xy=(change.day, 1.0),
                xycoords=("data", "axes fraction"),
                rotation=90,
                va="top",
                ha="right",
                fontsize=7,
                color=RED,
            )
        axis.set_title(f"Profit of the retail arm ({currency})", loc="left")
        mark_days(axis, days)
        axis.set_xlabel(f"{axis.get_xlabel()} (dotted: another program has the highest forecast)")
        _legend_beside(figure, axis)
    return figure


def _distinct_pairs(beliefs: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the pairs to draw: one of each two that are always alike."""
    values = {
        (str(period), str(other)): rows["estimate"].to_numpy()
        for (period, other), rows in beliefs.groupby(["period", "other"], sort=False)
    }
    return [
        (period, other)
        for period, other in values
        if period <= other or not np.array_equal(values[period, other], values[other, period])
    ]


def profits_figure(days: pd.DataFrame, scenarios: pd.DataFrame, currency: str) -> Figure:
    """Draw the company's profit against its plan, the lots' profit, their terms, and energy.

    Parameters
    ----------
    days, scenarios
        The tables of the run.
    currency
        Name of the currency for the axes.
    """
    day = days["day"].to_numpy()
    expected = scenarios[scenarios["stage"] == "forecast"].groupby("day")["company_profit"]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 5.6), layout="constrained")
        company, lots, terms, energy = figure.subplots(2, 2, sharex=True).ravel()
        company.fill_between(day, expected.min(), expected.max(), color=SKY, alpha=0.5, linewidth=0, label="Scenarios")
        company.plot(day, days["planned_profit"], "--", color=BLUE, linewidth=1.2, label="Planned")
        company.plot(day, days["company_profit"], color=RED, marker="o", markersize=3, label="Earned")
        company.set_title(f"Profit of the company ({currency})", loc="left")
        lots.plot(day, days["planned_lot_profit"], "--", color=BLUE, linewidth=1.2, label="Planned")
        lots.plot(day, days["lot_profit"], color=RED, marker="o", markersize=3, label="Earned")
        lots.set_title(f"Profit of the lots ({currency})", loc="left")
        terms.plot(day, 1000.0 * days["margin_per_kwh"], color=ORANGE, marker="s", markersize=3, label="Margin")
        terms.set_title(f"Terms: margin ({currency}/MWh)", loc="left")
        terms.set_ylim(bottom=min(0.0, 1100.0 * days["margin_per_kwh"].min()))
        twin = second_axis(terms, "drivers' share (%)", color=GREEN)
        twin.plot(day, 100.0 * days["driver_share"], color=GREEN, marker="^", markersize=3, label="Drivers' share")
        twin.set_ylim(0, 100)
        energy_bars(energy, days, "Energy of the vehicles (MWh)")
        for axis in (company, lots, energy):
            legend_below(axis)
        for axis in (terms, energy):
            mark_days(axis, days, most=5)
    return figure
