"""Figures of the reproduction of two settlements."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from sim.show.day_axis import DayAxis
from sim.show.drawing import BLUE, GREY, RED, SKY, STYLE, name_legend

if TYPE_CHECKING:
    from sim.reproduce.two_settlement.compute import Results

KILO = 1000.0
"""kW in a MW, and MU in a thousand of them."""


def front(results: Results) -> Figure:
    """Draw the front of both objectives."""
    points = results.compromise.front / KILO
    chosen = results.compromise.chosen
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.2, 3.8), layout="constrained")
        axis = figure.subplots()
        axis.plot(points[:, 0], points[:, 1], color=GREY, linewidth=0.8, zorder=1)
        axis.scatter(points[:, 0], points[:, 1], s=18, color=BLUE, zorder=2, label="Not dominated")
        axis.scatter(points[chosen, 0], points[chosen, 1], s=60, marker="D", color=RED, zorder=3, label="Chosen")
        axis.set_xlabel("Profit F1 (1000 MU)")
        axis.set_ylabel("Cost of outages F2 (1000 MU)")
        name_legend(figure, axis, ncols=2, loc="outside upper center")
    return figure


def schedule(results: Results) -> Figure:
    """Draw trade, output and reserve of the chosen schedule."""
    positions = results.compromise.positions
    day = DayAxis(np.arange(positions.trade_kw.size + 1.0) + 0.5)
    series = (
        ("Generators", positions.generator_kw.sum(axis=1), BLUE),
        ("Bought (negative: sold)", positions.trade_kw, GREY),
        ("Accepted of bids", positions.accepted_kw.sum(axis=1), SKY),
        ("Spinning reserve sold", positions.spinning_kw, RED),
    )
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 3.8), layout="constrained")
        axis = figure.subplots()
        for name, values, color in series:
            axis.stairs(values / KILO, day.edge, baseline=None, color=color, label=name)
        axis.axhline(0.0, color=GREY, linewidth=0.6)
        day.mark(axis)
        axis.set_xlabel(day.label)
        axis.set_ylabel("MW")
        name_legend(axis, axis, loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure


def voltages(results: Results) -> Figure:
    """Draw linear and AC voltages by bus."""
    bus = np.arange(1, results.voltages.shape[1] + 1)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 3.4), layout="constrained")
        axis = figure.subplots()
        axis.plot(bus, results.voltages[0], ".-", color=GREY, linewidth=1.2, label="AC")
        axis.plot(bus, results.voltages[1], ".-", color=RED, linewidth=0.8, label="Linear")
        axis.set_xlabel("Bus")
        axis.set_ylabel("Voltage (per unit)")
        name_legend(axis, axis, loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure
