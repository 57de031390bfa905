"""A grid with ties before and after its reconfiguration, on one map."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from equilibrium.arrays import BoolArray, FloatArray
from equilibrium.grid.exchange import heaviest_tree
from equilibrium.grid.meshed import MeshedGrid
from equilibrium.grid.reconfiguration import Reconfiguration
from sim.show.drawing import BLACK, BLUE, GREEN, GREY, RED, STYLE, name_legend
from sim.show.tree import tree_places

_LABELS = 100  # buses up to which each has its label
_ROW_INCHES = 0.3
_POINTS = 21  # of the line of a branch
_BEND = 0.45  # rows
_LOOKS = {
    "closed": (BLUE, "-", 1.6),
    "closed now": (GREEN, "-", 2.2),
    "open": (GREY, ":", 1.0),
    "opened now": (RED, ":", 1.6),
}


def switching_figure(grid: MeshedGrid, answer: Reconfiguration) -> Figure:
    """Draw the base configuration and the one that was found, buses at the same places.

    Parameters
    ----------
    grid
        The grid.
    answer
        Its reconfiguration.
    """
    places = grid_places(grid)
    rows = float(np.ptp(places[:, 1])) + 1.0
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.0, 2.0 + 2.0 * max(1.2, _ROW_INCHES * rows)), layout="constrained")
        before, after = figure.subplots(2, 1, sharex=True)
        loss = "not radial" if np.isnan(answer.base_loss_kw) else f"{answer.base_loss_kw:.2f} kW of loss"
        _draw(before, grid, places, grid.closed, f"Before: {loss}")
        _draw(after, grid, places, answer.closed, f"After: {answer.loss_kw:.2f} kW of loss")
        name_legend(figure, after, ncols=4, loc="outside lower center")
    return figure


def grid_places(grid: MeshedGrid) -> FloatArray:
    """Return where each bus stands, shape ``(buses, 2)``: the trees of all roots, one below the other."""
    tree = grid.closed if grid.is_radial(grid.closed) else heaviest_tree(grid, grid.closed.astype(np.float64))
    places = np.zeros((grid.size, 2))
    index = {label: bus for bus, label in enumerate(grid.buses)}
    allowed = tree if grid.is_allowed(tree) else grid.closed
    next_row = 0.0
    for feeder in grid.feeders_of(allowed):
        own = tree_places(feeder.parent.tolist())
        own[:, 1] -= own[:, 1].max() - next_row
        next_row = float(own[:, 1].min()) - 2.0
        places[[index[label] for label in feeder.buses]] = own
    return places


def _way(one: FloatArray, other: FloatArray) -> FloatArray:
    """Return the line between two places, bent where it would lie on other buses of its row."""
    share = np.linspace(0.0, 1.0, _POINTS)[:, None]
    way = one + share * (other - one)
    if one[1] == other[1] and abs(one[0] - other[0]) > 1.0:
        way[:, 1] += 4.0 * _BEND * (share * (1.0 - share))[:, 0]
    return way


def _draw(axis: Axes, grid: MeshedGrid, places: FloatArray, closed: BoolArray, title: str) -> None:
    """Draw one configuration; what differs from the base has a look of its own."""
    axis.set_title(title, loc="left")
    axis.set_axis_off()
    axis.margins(0.04)
    changed = closed != grid.closed
    for name, chosen in (
        ("open", ~closed & ~changed),
        ("closed", closed & ~changed),
        ("opened now", ~closed & changed),
        ("closed now", closed & changed),
    ):
        color, style, width = _LOOKS[name]
        for k, branch in enumerate(np.flatnonzero(chosen).tolist()):
            way = _way(*places[[grid.start[branch], grid.end[branch]]])
            label = name.capitalize() if k == 0 else "_nolegend_"
            axis.plot(*way.T, color=color, linestyle=style, linewidth=width, zorder=1, label=label)
    root = np.isin(np.arange(grid.size), grid.roots)
    axis.scatter(places[~root, 0], places[~root, 1], s=12, color=BLACK, zorder=2)
    axis.scatter(places[root, 0], places[root, 1], s=45, marker="s", color=BLACK, zorder=2)
    if grid.size <= _LABELS:
        for bus, (across, up) in enumerate(places.tolist()):
            axis.annotate(
                grid.buses[bus], (across, up), xytext=(0, 3), textcoords="offset points", ha="center", fontsize=6
            )
