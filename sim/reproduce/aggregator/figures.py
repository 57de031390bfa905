"""Figures laid out like those of the paper of the aggregator and its lot; hours are the paper's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from equilibrium.arrays import FloatArray
from sim.reproduce.aggregator import published as data
from sim.show.drawing import (
    BLACK,
    BLUE,
    CYCLE,
    GREY,
    ORANGE,
    PINK,
    RED,
    SKY,
    STYLE,
    from_zero,
    name_legend,
)

if TYPE_CHECKING:
    from sim.reproduce.aggregator.compute import Results, Solved

_HOURS = np.arange(1, 25)
_POSTED = {"lot in": "Lot buys", "lot out": "Lot sells", "generators": "Generators", "retailer": "Retailer"}


def prices(each: Solved) -> Figure:
    """Draw the prices of energy and of reserve beside the upstream ones."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 5.4), layout="constrained")
        energy, reserve = figure.subplots(2, 1, sharex=True, height_ratios=(1.6, 1.0))
        _steps(energy, each.day.energy_price, "Upstream", GREY, 2.0)
        if each.day.uniform:
            _steps(energy, each.price("energy"), "One price", RED)
        else:
            for number, (name, label) in enumerate(
                {
                    "lot in": "Lot buys",
                    "lot out": "Lot sells",
                    "generators": "Generators",
                    "retailer": "Retailer",
                }.items()
            ):
                _steps(energy, each.price(name), label, CYCLE[number])
        _steps(reserve, each.day.reserve_price, "Upstream", GREY, 2.0)
        _steps(reserve, each.all_in_reserve, "Lot, all in", RED)
        for axis, title in ((energy, "Energy"), (reserve, "Reserve")):
            axis.set_title(title, loc="left")
            axis.set_ylabel("cents/kWh")
            from_zero(axis)
            name_legend(axis, axis, loc="center left", bbox_to_anchor=(1.01, 0.5))
        _hours(reserve)
    return figure


def energy(each: Solved) -> Figure:
    """Draw what is bought, generated and given, and what is served and drawn, hour by hour."""
    served = each.day.retailer.load_kw - each.interrupted
    sources = {unit.name: output for unit, output in zip(each.day.generators, each.output, strict=True)}
    sources |= {"Lot gives": each.discharge}
    uses = {"Load": served, "Lot draws": each.charge}
    bought = sum(uses.values()) - sum(sources.values())
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 4.2), layout="constrained")
        axis = figure.subplots()
        _stacked(axis, {"Upstream": bought, **sources}, -1.0, (BLUE, *CYCLE[2:]))
        _stacked(axis, uses, 1.0, (GREY, ORANGE))
        axis.axhline(0, color=BLACK, linewidth=0.8)
        axis.set_ylabel("MW (sources below zero)")
        name_legend(axis, axis, loc="center left", bbox_to_anchor=(1.01, 0.5))
        _hours(axis)
    return figure


def lot(each: Solved) -> Figure:
    """Draw what the lot draws, gives and keeps ready, and its energy."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 5.0), layout="constrained")
        power, stored = figure.subplots(2, 1, sharex=True)
        power.bar(_HOURS, each.charge, color=ORANGE, label="Draws")
        power.bar(_HOURS, -each.discharge, color=PINK, label="Gives")
        _steps(power, each.reserve, "Reserve", RED)
        power.axhline(0, color=BLACK, linewidth=0.8)
        power.set_ylabel("kW")
        stored.bar(_HOURS, each.stored / 1000.0, color=SKY, label="Energy of the vehicles")
        stored.set_ylabel("MWh")
        for axis in (power, stored):
            name_legend(axis, axis, loc="center left", bbox_to_anchor=(1.01, 0.5))
        _hours(stored)
    return figure


def sweep(results: Results) -> Figure:
    """Draw the profits of aggregator and lot over the tariff G2V2."""
    values = np.array(data.SWEEP_G2V2)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 3.4), layout="constrained")
        for axis, title, name in zip(
            figure.subplots(1, 2), ("Aggregator (Fig. 20)", "Lot (Fig. 21)"), ("profit", "lot_profit"), strict=True
        ):
            for number, case in enumerate(data.CASES):
                profit = np.array([getattr(results.sweep[case, value], name) for value in data.SWEEP_G2V2]) / 100.0
                axis.plot(values, profit, "o-", color=CYCLE[number], linewidth=1.2, markersize=4, label=f"Case {case}")
            axis.set_title(title, loc="left")
            axis.set_xlabel("G2V2 (cents/kWh)")
            axis.set_ylabel("Profit (dollars a day)")
        figure.legend(*axis.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def _steps(axis: Axes, values: FloatArray, label: str, color: str, width: float = 1.3) -> None:
    axis.step(_HOURS, values, where="mid", color=color, linewidth=width, label=label)


def _stacked(axis: Axes, parts: dict[str, FloatArray], sign: float, colors: tuple[str, ...]) -> None:
    bottom = np.zeros(_HOURS.size)
    for (label, power), color in zip(parts.items(), colors, strict=False):
        axis.bar(_HOURS, sign * power / 1000.0, bottom=bottom, color=color, label=label)
        bottom = bottom + sign * power / 1000.0


def _hours(axis: Axes) -> None:
    axis.set_xlabel("Hour")
    axis.set_xticks(range(2, 25, 2))
