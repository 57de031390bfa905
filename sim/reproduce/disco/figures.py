"""Figures of the two DISCO reproductions, laid out like the papers'."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from equilibrium.arrays import FloatArray
from sim.show.drawing import BLUE, CYCLE, GREEN, GREY, MARKERS, ORANGE, RED, SKY, STYLE, YELLOW

MWH = 1000.0


def load_figure(loads_kw: Mapping[str, FloatArray], label: str = "Load (MW)") -> Figure:
    """Draw powers by hour, shape ``(hours,)`` each, kW; the first one is the reference."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 3.6), layout="constrained")
        axis = figure.subplots()
        for k, (name, load) in enumerate(loads_kw.items()):
            look = {"color": GREY, "linewidth": 2.2} if k == 0 else {"color": CYCLE[(k - 1) % len(CYCLE)]}
            axis.step(_hours(load), load / MWH, where="mid", label=name, **look)
        axis.set_ylabel(label)
        _finish(axis)
        figure.legend(loc="outside upper center", ncols=min(5, len(loads_kw)))
    return figure


def exchange_figure(panels: Mapping[str, tuple[FloatArray, FloatArray]]) -> Figure:
    """Draw what vehicles draw (upwards) and give back (downwards), kW by hour, one panel a case."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 0.6 + 1.9 * len(panels)), layout="constrained")
        axes = np.atleast_1d(figure.subplots(len(panels), 1, sharex=True, sharey=True))
        for axis, (title, (charge, discharge)) in zip(axes, panels.items(), strict=True):
            axis.bar(_hours(charge), charge / MWH, color=ORANGE, label="Charging")
            axis.bar(_hours(discharge), -discharge / MWH, color=GREEN, label="Discharging")
            axis.axhline(0.0, color=GREY, linewidth=0.8)
            axis.set_title(title, loc="left")
            axis.set_ylabel("Power (MW)")
        _finish(axes[-1])
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=2)
    return figure


def supply_figure(sources_kw: Mapping[str, FloatArray], uses_kw: Mapping[str, FloatArray], title: str) -> Figure:
    """Draw who supplies (bars upwards) and who draws (bars downwards), kW by hour."""
    colours = (BLUE, GREEN, YELLOW, SKY), (GREY, ORANGE, RED)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 3.8), layout="constrained")
        axis = figure.subplots()
        for parts, palette, sign in ((sources_kw, colours[0], 1.0), (uses_kw, colours[1], -1.0)):
            base = np.zeros(next(iter(parts.values())).size)
            for (name, power), colour in zip(parts.items(), palette, strict=False):
                axis.bar(_hours(power), sign * power / MWH, bottom=sign * base / MWH, color=colour, label=name)
                base = base + power
        axis.axhline(0.0, color=GREY, linewidth=0.8)
        axis.set_ylabel("Power (MW)")
        axis.set_title(title, loc="left")
        _finish(axis)
        figure.legend(loc="outside upper center", ncols=4)
    return figure


def lines_figure(series: Mapping[str, tuple[Sequence[float], Sequence[float]]], x_label: str, y_label: str) -> Figure:
    """Draw one line for each series of points."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 3.4), layout="constrained")
        axis = figure.subplots()
        for k, (name, (x, y)) in enumerate(series.items()):
            axis.plot(x, y, color=CYCLE[k], marker=MARKERS[k], markersize=4, label=name)
        axis.set_xlabel(x_label)
        axis.set_ylabel(y_label)
        figure.legend(loc="outside upper center", ncols=min(4, len(series)))
    return figure


def _hours(values: FloatArray) -> FloatArray:
    return np.arange(1.0, values.size + 1.0)


def _finish(axis: Axes) -> None:
    axis.set_xlabel("Hour")
    axis.margins(x=0.01)
