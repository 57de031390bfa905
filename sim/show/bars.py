"""Bars that are one mark of a figure: two dozen of them cost little more than one."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from equilibrium.arrays import FloatArray

_BOX = (Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY)


class Bars(PathPatch):
    """Upright bars of one colour and name.

    Attributes
    ----------
    boxes
        Left end, width, foot and height of each bar, shape ``(bars, 4)``. What has no height is not drawn.
    """

    def __init__(self, boxes: FloatArray, **look: Any) -> None:  # noqa: ANN401
        left, width, foot, height = boxes[np.isfinite(boxes).all(axis=1)].T
        right, top = left + width, foot + height
        corners = np.stack([[left, foot], [right, foot], [right, top], [left, top], [left, foot]]).transpose(2, 0, 1)
        super().__init__(Path(corners.reshape(-1, 2), np.tile(_BOX, left.size)), **look)
        self.boxes = boxes
        self.sticky_edges.y.extend(np.unique(foot))  # no room is left below what the bars stand on


def draw_bars(axis: Axes, boxes: FloatArray, color: str, **look: Any) -> None:  # noqa: ANN401
    """Draw bars as ``axis.bar`` does.

    Parameters
    ----------
    axis
        Where to draw.
    boxes
        As :attr:`Bars.boxes`.
    color
        Of all bars.
    look
        Goes to matplotlib.
    """
    bars = Bars(boxes, facecolor=color, linewidth=0, **look)
    axis.add_artist(bars)
    axis.update_datalim(bars.get_path().vertices)
    axis.autoscale_view()
