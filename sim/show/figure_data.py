"""The numbers that a figure draws, as one table: so that a figure can be drawn again by other means."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.container import BarContainer
from matplotlib.figure import Figure

from sim.show.bars import Bars

Row = tuple[int, str, str, str, float, float, float]
_COLUMNS = ("panel", "title", "kind", "series", "x", "y", "value")


def figure_data(figure: Figure) -> pd.DataFrame:
    """Return all that the panels of a figure draw.

    Returns
    -------
    pandas.DataFrame
        ``panel`` (0 first), its ``title``, the ``kind`` of mark (line, bar, band, point, image), the name of its
        ``series`` (empty where the figure names none; further ones of a panel are ``2``, ``3``, ...), and ``x``, ``y``
        and ``value`` as they are drawn: the value is the height of a bar, the upper end of a band and the colour of a
        point or a cell; it is empty for a line.
    """
    rows = [
        (panel, _title(axis), *mark)
        for panel, axis in enumerate(each for each in figure.axes if not hasattr(each, "_colorbar"))
        for mark in _marks(axis)
    ]
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def _title(axis: Axes) -> str:
    return axis.get_title(loc="left") or axis.get_ylabel()


def _series(mark: Any, unnamed: list[object]) -> str:  # noqa: ANN401 - a line, container, collection or image
    """Return the name that a figure gives a mark, not what the drawing library calls those without one."""
    name = str(mark.get_label())
    if not name.startswith("_"):
        return name
    unnamed.append(mark)
    return str(len(unnamed)) if len(unnamed) > 1 else ""


def _marks(axis: Axes) -> Iterator[tuple[str, str, float, float, float]]:
    unnamed: list[object] = []
    for line in axis.get_lines():
        name = _series(line, unnamed)
        x, y = (np.asarray(each, dtype=np.float64) for each in line.get_data(orig=False))
        yield from (("line", name, *point, np.nan) for point in zip(x, y, strict=True))
    for container in axis.containers:
        if isinstance(container, BarContainer):
            name = _series(container, unnamed)
            for box in container.patches:
                yield "bar", name, box.get_x() + 0.5 * box.get_width(), box.get_y(), box.get_height()
    for bars in (each for each in axis.patches if isinstance(each, Bars)):
        name = _series(bars, unnamed)
        for left, width, foot, height in bars.boxes.tolist():
            yield "bar", name, left + 0.5 * width, foot, height + 0.0  # -0.0 is no value
    for group in axis.collections:
        if isinstance(group, PathCollection):
            yield from _points(group, _series(group, unnamed))
        elif isinstance(group, PolyCollection):
            yield from _band(group, _series(group, unnamed))
    for image in axis.get_images():
        values = np.asarray(image.get_array(), dtype=np.float64)
        left, right, bottom, top = image.get_extent()
        x = left + (np.arange(values.shape[1]) + 0.5) * (right - left) / values.shape[1]
        y = top + (np.arange(values.shape[0]) + 0.5) * (bottom - top) / values.shape[0]
        name = _series(image, unnamed)
        for row, column in np.ndindex(values.shape):
            yield "image", name, float(x[column]), float(y[row]), float(values[row, column])


def _points(group: PathCollection, name: str) -> Iterator[tuple[str, str, float, float, float]]:
    colour = group.get_array()
    places = np.asarray(group.get_offsets(), dtype=np.float64)
    values = np.full(len(places), np.nan) if colour is None else np.asarray(colour, dtype=np.float64)
    for (x, y), value in zip(places, values, strict=True):
        yield "point", name, float(x), float(y), float(value)


def _band(group: PolyCollection, name: str) -> Iterator[tuple[str, str, float, float, float]]:
    """Return abscissa, lower and upper end of the corners of what is filled between two lines."""
    for path in group.get_paths():
        corners: Any = path.vertices
        half = (len(corners) - 3) // 2
        below, above = corners[1 : half + 1], corners[half + 2 : 2 * half + 2][::-1]
        for (x, low), (_, high) in zip(below, above, strict=True):
            yield "band", name, float(x), float(low), float(high)
