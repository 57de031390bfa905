"""What a figure shows, as numbers: every bar, line, band, image and text of every axis, and its words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from sim.show.bars import Bars

Key = tuple[int, str, str]
"""Axis in the order of drawing, kind of what is drawn, and its label."""


def drawn(figure: Figure) -> dict[Key, Any]:
    """Return all that the axes of a figure show; colour bars have their label alone."""
    shown: dict[Key, Any] = {}
    for number, axis in enumerate(figure.axes):
        for part in ("bars", "lines", "bands", "points", "images", "texts", "words"):
            for label, value in globals()[f"_{part}"](axis).items():
                assert (number, part, label) not in shown
                shown[number, part, label] = value
    return shown


def _plain(axis: Axes) -> bool:
    return not hasattr(axis, "_colorbar")


def _named(items: list[tuple[str, Any]]) -> dict[str, Any]:
    """Labels that matplotlib makes up become the number of the artist."""
    return {f"#{k}" if label.startswith("_") else label: value for k, (label, value) in enumerate(items)}


def bar_heights(axis: Axes) -> dict[str, np.ndarray]:
    """Heights of the bars of an axis by their label."""
    return {label: boxes[:, 3] for label, boxes in _bars(axis).items()}


def _bars(axis: Axes) -> dict[str, Any]:
    """Of each group of bars their middles, widths, feet and heights."""
    groups = [each for each in axis.patches if isinstance(each, Bars)]
    found = [(str(each.get_label()), each.boxes + np.outer(0.5 * each.boxes[:, 1], [1, 0, 0, 0])) for each in groups]
    for container in axis.containers:
        boxes = [(p.get_x() + 0.5 * p.get_width(), p.get_width(), p.get_y(), p.get_height()) for p in container]
        found.append((str(container.get_label()), np.array(boxes)))
    return _named(found)


def _lines(axis: Axes) -> dict[str, Any]:
    if not _plain(axis):
        return {}
    return _named([(str(line.get_label()), np.array(line.get_data(), dtype=float).T) for line in axis.get_lines()])


def _bands(axis: Axes) -> dict[str, Any]:
    """Of each band the corners: abscissa, lower and upper end."""
    found = []
    for band in axis.collections if _plain(axis) else []:
        if isinstance(band, PathCollection):
            continue
        assert isinstance(band, PolyCollection)
        parts = []
        for path in band.get_paths():
            corners = path.vertices
            n = (len(corners) - 3) // 2
            parts.append(np.column_stack([corners[1 : n + 1], corners[n + 2 : 2 * n + 2][::-1, 1]]))
        found.append((str(band.get_label()), np.concatenate(parts)))
    return _named(found)


def _points(axis: Axes) -> dict[str, Any]:
    """Of each group of points where they stand and the value that gives them their colour."""
    groups = [each for each in axis.collections if isinstance(each, PathCollection)]
    return _named([(str(each.get_label()), np.column_stack([each.get_offsets(), each.get_array()])) for each in groups])


def _images(axis: Axes) -> dict[str, Any]:
    return {f"#{k}": np.asarray(image.get_array(), float) for k, image in enumerate(axis.get_images())}


def _texts(axis: Axes) -> dict[str, Any]:
    return {f"#{k}": text.get_text() for k, text in enumerate(axis.texts)}


def _words(axis: Axes) -> dict[str, Any]:
    words = {"title": axis.get_title(loc="left"), "x": axis.get_xlabel(), "y": axis.get_ylabel()}
    return {name: word for name, word in words.items() if word}


def legend_of(figure: Figure) -> dict[str, str]:
    """Return the labels of all legends with their colours."""
    legends = [*figure.legends, *(axis.get_legend() for axis in figure.axes if axis.get_legend() is not None)]
    shown = {}
    for legend in legends:
        for text, handle in zip(legend.get_texts(), legend.legend_handles, strict=True):
            colour = handle.get_facecolor() if hasattr(handle, "get_facecolor") else handle.get_color()
            shown[text.get_text()] = to_hex(np.ravel(colour)[:3] if not isinstance(colour, str) else colour)
    return shown


def assert_shown(found: Mapping[Key, Any], wanted: Mapping[Key, Any]) -> None:
    """What is drawn is what was expected, nothing more and nothing less."""
    assert set(found) == set(wanted), sorted(set(found) ^ set(wanted))
    for key, value in wanted.items():
        if isinstance(value, str):
            assert found[key] == value, key
        else:
            np.testing.assert_allclose(found[key], np.asarray(value, float), rtol=1e-9, atol=1e-9, err_msg=str(key))


def assert_tidy(figure: Figure) -> None:
    """Panels one above the other share their abscissa, days are whole numbers, and nothing stands beside a panel."""
    panels = [axis for axis in figure.axes if _plain(axis)]
    columns: dict[float, list[Axes]] = {}
    for axis in panels:
        columns.setdefault(round(axis.get_position().x0, 2), []).append(axis)
    for column in columns.values():
        siblings = column[0].get_shared_x_axes()
        assert all(siblings.joined(column[0], axis) for axis in column[1:]), [
            axis.get_title(loc="left") for axis in column
        ]
    for axis in panels:
        low, high = axis.get_ylim()
        room = 1e-9 * (high - low)
        heights = heights_of(axis)
        assert low - room <= heights.min(initial=np.inf), axis.get_title(loc="left")
        assert heights.max(initial=-np.inf) <= high + room, axis.get_title(loc="left")
        if axis.get_xlabel() in ("Day", "Date"):
            axis.set_xlim(0.0, 2.0)
            assert [tick for tick in axis.get_xticks() if tick != round(tick)] == []


def heights_of(axis: Axes) -> np.ndarray:
    """Ordinates of all bars and lines of a panel, but for what says that it is off the scale."""
    lines = [line for line in axis.lines if "off the scale" not in str(line.get_label())]
    found = [line.get_ydata() for line in lines if line.get_transform() == axis.transData]
    for patch in axis.patches:
        if isinstance(patch, Bars):
            found += list(patch.get_path().vertices[:, 1:].T)
        elif isinstance(patch, Rectangle):
            found.append([patch.get_y(), patch.get_y() + patch.get_height()])
    every = np.concatenate([np.asarray(each, dtype=float) for each in found]) if found else np.zeros(0)
    return every[np.isfinite(every)]
