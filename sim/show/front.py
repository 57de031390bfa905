"""A front of several objectives: every pair of them in a panel, with the extremes and the point that was chosen."""

from __future__ import annotations

from itertools import pairwise

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from equilibrium.programs.front import Front
from sim.show.drawing import BLUE, GREY, ORANGE, RED, STYLE, name_legend


def front_figure(front: Front, chosen: int | None = None) -> Figure:
    """Draw a front.

    Parameters
    ----------
    front
        The front.
    chosen
        The point that is marked; ``None`` is :meth:`Front.choice`.
    """
    marked = front.choice() if chosen is None else chosen
    count = len(front.names)
    pairs = [(0, 1)] if count == 2 else [*pairwise(range(count)), (0, count - 1)]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.2 * len(pairs), 3.8), layout="constrained")
        for axis, (k, j) in zip(figure.subplots(1, len(pairs), squeeze=False)[0], pairs, strict=True):
            across, up = front.values[:, k], front.values[:, j]
            if count == 2:
                axis.step(across, up, where="post", color=GREY, linewidth=0.8, zorder=1)
            axis.scatter(across, up, s=14, color=BLUE, zorder=2, label="Not dominated")
            ends = front.payoff[np.unique([k, j])]
            axis.scatter(ends[:, k], ends[:, j], s=46, facecolors="none", edgecolors=ORANGE, zorder=3, label="Extremes")
            axis.scatter(across[[marked]], up[[marked]], s=60, marker="D", color=RED, zorder=4, label="Chosen")
            axis.set_xlabel(front.names[k])
            axis.set_ylabel(front.names[j])
        name_legend(figure, figure.axes[0], ncols=3, loc="outside upper center")
    return figure
