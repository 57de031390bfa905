"""Figures of a run's feeder: voltages and prices by bus, with the buses' own labels, and the feeder as a map.

Every function takes tables as :mod:`sim.markets.charging.tables` states them and returns a
:class:`matplotlib.figure.Figure`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from equilibrium.arrays import FloatArray
from equilibrium.grid.binding import NETWORK
from equilibrium.grid.feeder import Feeder
from sim.show.day_axis import DayAxis
from sim.show.drawing import BLACK, CYCLE, GREY, MARKERS, RED, STYLE, bus_marks, name_legend
from sim.show.telling import clock, telling_period
from sim.show.tree import lateral_order, tree_places

_NOTHING = 1e-6  # a price below this, currency/MWh, is rounding, and so is a voltage below it, per unit
_MAP = "cividis"  # its brightness rises evenly, so that it can be read without colours too
_ROOT = ""  # the parent of the root
_WIDE_PT = 400.0  # what the map has from left to right
_BUS_PT = 17.0  # how wide a bus is where there is room
_LEAST_BUS_PT = 2.0  # and where there is none
_LEAST_LOT_PT = 5.0
_LABELLED_PT = 10.0  # how wide it must be to have its label inside
_NAMED_PT = 5.0  # and to have one beside it, where its branch ends
_END_FONT = 5.0  # of the label of a bus at which a branch ends, points
_PLAIN_FONT, _LEAST_FONT = 7.0, 4.0  # of a label beneath a bus, and the smallest that can be read, points
_LETTER = 0.62  # how wide a letter is, part of the height of its font
_BRIGHT = 0.5
_PT = 72.0  # points an inch


def voltage_figure(profiles: Mapping[str, pd.DataFrame], feeder: pd.DataFrame | None = None) -> Figure:
    """Draw the lowest voltage of the day at every bus, one colour a case, and the limits.

    Parameters
    ----------
    profiles
        Name and ``prices`` rows of one day for each line.
    feeder
        The table ``feeder`` of the run, for the limits and for lines from each bus to those that it feeds; without it
        there are no limits, and a line in the order of the buses. A limit that is far from all voltages stands in the
        legend alone. Where its buses are listed otherwise than lateral by lateral they are drawn so.
    """
    labels = next(iter(profiles.values()))["bus"].drop_duplicates().tolist()
    ordered = "in the order of the feeder's file"
    if feeder is not None and len(feeder) and "parent" in feeder:
        order = lateral_order(_parents(feeder))
        if order != sorted(order):
            feeder, ordered = feeder.iloc[order], "lateral by lateral"
            labels = feeder["bus"].tolist()
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 3.4), layout="constrained")
        axis = figure.subplots()
        for k, (name, prices) in enumerate(profiles.items()):
            lowest = prices.groupby("bus", sort=False)["voltage_pu"].min().loc[labels]
            look: dict[str, Any] = {"color": CYCLE[k % len(CYCLE)], "linewidth": 1.2}
            dots: dict[str, Any] = {"marker": MARKERS[k % len(MARKERS)], "markersize": 3, "label": name}
            if feeder is not None and "parent" in feeder:
                look["linestyle"] = "none"
                _branches(axis, lowest, feeder, look | {"linestyle": "-", "label": "_nolegend_"})
            axis.plot(np.arange(1, len(lowest) + 1), lowest.to_numpy(), **look, **dots)
        bus_marks(axis, labels, inches=0.22)
        axis.set_xlabel(f"Bus ({ordered}, root first)")
        axis.set_ylabel("Lowest voltage of the day (p.u.)")
        axis.margins(x=0.02)
        if feeder is not None and len(feeder) > 1:
            _limits(axis, feeder)
        if len(axis.lines) > 1:
            name_legend(figure, axis, loc="outside upper center", ncols=4)
        else:
            axis.set_title(next(iter(profiles)), loc="left")
    return figure


def _parents(feeder: pd.DataFrame) -> list[int]:
    """Return the index of the bus that feeds each bus; -1 at the root."""
    number = {label: bus for bus, label in enumerate(feeder["bus"])}
    return [number.get(above, -1) for above in feeder["parent"].fillna(_ROOT)]


def _branches(axis: Axes, lowest: pd.Series[float], feeder: pd.DataFrame, look: Mapping[str, Any]) -> None:
    """Draw a line from each bus to those that it feeds, so that a lateral begins where it leaves the trunk."""
    at = {bus: k for k, bus in enumerate(lowest.index)}
    corners: list[tuple[float, float]] = []
    for bus, above in zip(feeder["bus"], feeder["parent"].fillna(_ROOT), strict=True):
        if above in at:
            corners += [(at[end] + 1.0, float(lowest[end])) for end in (above, bus)] + [(np.nan, np.nan)]
    if corners:
        axis.plot(*np.array(corners).T, **look)


def _limits(axis: Axes, feeder: pd.DataFrame) -> None:
    """Draw the allowed voltages of every bus but the root, which holds its own.

    The scale is that of the voltages and of limits that are near.
    """
    low, high = axis.get_ylim()
    reach = [low, high]
    for column, label, line in (
        ("voltage_max_pu", "Highest allowed", ":"),
        ("voltage_min_pu", "Lowest allowed", "--"),
    ):
        limit = feeder[column].to_numpy(float)[1:]
        least, most = float(limit.min()), float(limit.max())
        name = f"{label}: {least:.3f}" if least == most else f"{label}: {least:.3f} to {most:.3f}"
        near = low - (high - low) <= least and most <= high + (high - low)
        if near:
            edge = 0.05 * (high - low)
            reach += [least - edge, most + edge]
        name = name if near else f"{name} (off the scale)"
        axis.plot(np.arange(2, limit.size + 2), limit, color=RED, linestyle=line, label=name)
    axis.set_ylim(min(reach), max(reach))


def price_map(prices: pd.DataFrame, limits: pd.DataFrame, currency: str, title: str = "") -> Figure:
    """Draw the DLMP of every bus and period as a heat map, and below it the part that the network adds.

    Parameters
    ----------
    prices, limits
        Rows of one day.
    currency
        Name of the currency for the colour bars.
    title
        Title of the figure.
    """
    day, labels = DayAxis.of(prices), prices["bus"].drop_duplicates().tolist()
    network = prices["congestion_per_mwh"] + prices["voltage_per_mwh"]
    reach = float(network.abs().max())
    idle = reach < _NOTHING
    with mpl.rc_context({**STYLE, "axes.grid": False}):
        figure = Figure(figsize=(7.2, 5.6), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True)
        _heat_map(above, day, labels, prices["dlmp_per_mwh"], f"DLMP\n({currency}/MWh)", cmap=_MAP)
        label = f"Congestion + voltage part\n({currency}/MWh)"
        extreme = 1 if idle else reach
        _heat_map(below, day, labels, network, label, cmap="PuOr_r", vmin=-extreme, vmax=extreme)
        if idle:
            note = _why_idle(limits)
            below.text(0.5, 0.5, note, transform=below.transAxes, ha="center", va="center", color=GREY)
        above.set_title(title, loc="left")
        below.set_xlabel(day.label)
    return figure


def _why_idle(limits: pd.DataFrame) -> str:
    """Say why the network adds nothing to the prices of a day: none of its limits is reached, or none has a price."""
    at_work = limits[limits["limit"].isin(NETWORK) & limits["reached"].astype(bool)]
    if not len(at_work):
        return "zero: no limit of the network binds"
    places = len(at_work.drop_duplicates(["limit", "place"]))
    noun = "limit of the network is" if places == 1 else "limits of the network are"
    return f"zero: {places} {noun} reached, none at a price"


def _heat_map(
    axis: Axes,
    day: DayAxis,
    labels: Sequence[str],
    values: pd.Series[float],
    label: str,
    **look: Any,  # noqa: ANN401
) -> None:
    """Draw one value of every bus and period; ``look`` goes to matplotlib."""
    image = day.map(axis, np.asarray(values, dtype=np.float64).reshape(day.middle.size, -1), **look)
    axis.figure.colorbar(image, ax=axis, label=label)
    day.mark(axis)
    bus_marks(axis, labels, inches=0.2, upright=True)
    axis.set_ylabel("Bus")


def feeder_map(
    feeder: pd.DataFrame,
    prices: pd.DataFrame,
    lots: pd.DataFrame,
    currency: str,
    title: str = "",
    period: int | None = None,
) -> Figure:
    """Draw the feeder as a tree, coloured by the DLMP when it differs most, and by the lowest voltage of the day.

    Where no bus differs from another, the DLMP is that of the dearest period. With a period both are those of it.

    Parameters
    ----------
    feeder
        The table ``feeder`` of the run.
    prices, lots
        Rows of one day. Buses of lots are squares and have the names of their lots.
    currency
        Name of the currency for the colour bar.
    title
        Title of the figure.
    period
        Period of the map.
    """
    labels, parent = feeder["bus"].tolist(), _parents(feeder)
    places = tree_places(parent)
    moment, when = _telling_period(prices)
    voltage, of_voltage = prices.groupby("bus", sort=False)["voltage_pu"].min(), "lowest voltage of the day"
    if period is not None:
        moment = prices[prices["period"] == period]
        when = clock(moment.iloc[0])
        voltage, of_voltage = moment.set_index("bus")["voltage_pu"], f"voltage in {when}"
    names = lots.drop_duplicates("lot").groupby("bus", sort=False)["lot"].agg(", ".join)
    with mpl.rc_context({**STYLE, "axes.grid": False}):
        figure = Figure(figsize=(7.2, 2 * _panel_inches(places)), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, sharey=True)
        for axis, values, what, bar in (
            (
                above,
                moment.set_index("bus")["dlmp_per_mwh"],
                f"DLMP in {when}",
                f"{currency}/MWh",
            ),
            (below, voltage, of_voltage, "p.u."),
        ):
            _tree(axis, parent, places)
            _buses(axis, labels, parent, places, values.loc[labels].to_numpy(float), names, bar)
            axis.set_title(f"{title}: {what}" if title else what, loc="left")
    return figure


def load_map(feeder: Feeder, names: Mapping[str, str], title: str) -> Figure:
    """Draw a feeder as a tree, coloured by the base-case load of its buses.

    Parameters
    ----------
    feeder
        The feeder.
    names
        What stands at a bus, by its label: such buses are squares.
    title
        Title of the figure.
    """
    places = tree_places(feeder.parent.tolist())
    with mpl.rc_context({**STYLE, "axes.grid": False}):
        figure = Figure(figsize=(7.2, _panel_inches(places)), layout="constrained")
        axis = figure.subplots()
        _tree(axis, feeder.parent.tolist(), places)
        at = pd.Series(dict(names), dtype=object)
        _buses(axis, feeder.buses, feeder.parent.tolist(), places, feeder.load_kw, at, "load, kW")
        axis.set_title(title, loc="left")
    return figure


def _telling_period(prices: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return the rows of the period in which buses differ most, else those of the dearest one, and its name."""
    rows = prices[prices["period"] == telling_period(prices, "dlmp_per_mwh")]
    differ = np.ptp(rows["dlmp_per_mwh"]) > _NOTHING
    return rows, f"{clock(rows.iloc[0])}, {'when it differs most' if differ else 'the same at every bus'}"


def _panel_inches(places: FloatArray) -> float:
    """Return the height of a panel of the map."""
    return min(max(0.9 + 0.42 * (float(np.ptp(places[:, 1])) + 1.0), 1.7), 6.0)


def _bus_size(places: FloatArray) -> float:
    """Return how wide a bus is drawn, points: so that neighbours do not touch, if there is room."""
    across = _WIDE_PT / (places[:, 0].max() + 1.4)
    down = _PT * (_panel_inches(places) - 0.5) / (float(np.ptp(places[:, 1])) + 1.6)
    return float(max(_LEAST_BUS_PT, min(_BUS_PT, 0.72 * across, 0.72 * down)))


def _tree(axis: Axes, parent: Sequence[int], places: FloatArray) -> None:
    """Draw the branches: upright from the parent, then to the right."""
    corners: list[tuple[float, float]] = []
    for bus, above in enumerate(parent):
        if above >= 0:
            (x, y), (end, row) = places[above], places[bus]
            corners += [(x, y), (x, row), (end, row), (np.nan, np.nan)]
    axis.plot(
        *np.array(corners or [(np.nan, np.nan)]).T,
        color=GREY,
        linewidth=0.08 * _bus_size(places),
        zorder=1,
        label="Branches",
    )
    axis.set_xlim(-0.7, places[:, 0].max() + 0.7)
    axis.set_ylim(places[:, 1].min() - 0.7, places[:, 1].max() + 0.9)
    axis.set_axis_off()


def _buses(
    axis: Axes,
    labels: Sequence[str],
    parent: Sequence[int],
    places: FloatArray,
    values: FloatArray,
    names: pd.Series[str],
    bar: str,
) -> None:
    """Draw the buses in the colour of their values, with their labels, and the lots with their names."""
    size = _bus_size(places)
    middle, half = 0.5 * float(values.max() + values.min()), 0.5 * float(np.ptp(values))
    alike = half <= _NOTHING
    half = 1.0 if alike else half
    scale = Normalize(middle - half, middle + half)
    at_lot = np.isin(labels, names.index.to_numpy(dtype=object).astype(str))
    ticks = [middle] if alike else None
    axis.figure.colorbar(ScalarMappable(scale, _MAP), ax=axis, label=bar, fraction=0.04, pad=0.01, ticks=ticks)
    for label, where, marker, width, line in (
        ("Buses", ~at_lot, "o", size, 0.035 * size),
        ("Lots", at_lot, "s", max(size, _LEAST_LOT_PT), 0.1 * size),
    ):
        if where.any():
            look: dict[str, Any] = {"cmap": _MAP, "norm": scale, "edgecolors": BLACK, "linewidths": line}
            x, y = places[where].T
            axis.scatter(x, y, width**2, values[where], marker=marker, label=label, **look)
    taken = set(map(tuple, places.tolist()))
    letters = max(2, *map(len, labels))
    font = min(0.45 * size, 1.3 * size / letters)
    across = _WIDE_PT / (places[:, 0].max() + 1.4)
    beneath = min(_PLAIN_FONT, across / (_LETTER * letters))
    inside = size >= _LABELLED_PT and (font >= _LEAST_FONT or beneath < _LEAST_FONT)
    for bus, label in enumerate(labels):
        x, y = places[bus]
        if size >= _LABELLED_PT and not inside:
            look = {"ha": "center", "va": "top", "fontsize": beneath}
            axis.annotate(label, (x, y), (0, -0.6 * size), textcoords="offset points", **look)
        elif inside:
            dark = np.dot(mpl.colormaps[_MAP](scale(values[bus]))[:3], (0.299, 0.587, 0.114)) < _BRIGHT
            axis.text(x, y, label, ha="center", va="center_baseline", fontsize=font, color="white" if dark else BLACK)
        elif size >= _NAMED_PT and bus not in parent:
            steps = math.ceil(_END_FONT * _LETTER * len(label) / across)
            room = not any((x + step, y) in taken for step in range(1, steps + 1))
            look = {"va": "center"} if room else {"ha": "center", "va": "top"}
            beside = (0.6 * size, 0.0) if room else (0.0, -0.6 * size)
            axis.annotate(label, (x, y), beside, textcoords="offset points", fontsize=_END_FONT, **look)
        if label in names.index:
            up, clear = (0, 0.65 * size), {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
            look = {"ha": "center", "va": "bottom", "fontsize": 8, "weight": "bold", "bbox": clear}
            axis.annotate(names[label], (x, y), up, textcoords="offset points", **look)
