"""A figure that is drawn once and written twice: as lines (SVG) and as points (PNG).

To go through a figure, to place its marks and to measure its words takes longer than to write down what is found.
"""

from __future__ import annotations

import io
from typing import Any

from matplotlib.backend_bases import GraphicsContextBase
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.backends.backend_mixed import MixedModeRenderer
from matplotlib.backends.backend_svg import FigureCanvasSVG, RendererSVG
from matplotlib.figure import Figure
from matplotlib.image import imsave
from matplotlib.transforms import Affine2D, TransformedBbox, TransformedPath

_PT = 72  # points an inch: the unit of an SVG
_Given = Any  # what matplotlib hands through and states no type of


def svg_and_png(figure: Figure, dpi: int, packed: dict[str, Any]) -> tuple[bytes, bytes]:
    """Return a figure as SVG, without a date, and as PNG.

    Parameters
    ----------
    figure
        The figure, which is laid out if it was not.
    dpi
        Points an inch of the PNG, and of what is no line in the SVG.
    packed
        How Pillow packs the PNG.
    """
    FigureCanvasSVG(figure)  # measures the words when the figure is laid out
    figure.set_dpi(_PT)
    width, height = map(float, figure.get_size_inches())
    text, content = io.StringIO(), io.BytesIO()
    svg: Any = RendererSVG(  # type: ignore[no-untyped-call]  # has none
        width * _PT, height * _PT, text, image_dpi=dpi, metadata={"Date": None}
    )
    lines: Any = MixedModeRenderer(figure, width, height, dpi, svg)  # type: ignore[no-untyped-call]  # has none
    points: Any = RendererAgg(round(width * dpi), round(height * dpi), dpi)  # type: ignore[no-untyped-call]  # has none
    figure.draw(_Both(lines, points, dpi / _PT))  # type: ignore[arg-type]  # as MixedModeRenderer is one
    lines.finalize()
    imsave(content, points.buffer_rgba(), format="png", dpi=dpi, pil_kwargs=packed)
    return text.getvalue().encode("utf-8"), content.getvalue()


class _Both:
    """Gives each mark of a figure to two renderers; what else a figure asks, that of the lines answers.

    Parameters
    ----------
    lines
        Renderer in whose unit the figure is drawn.
    points
        Renderer with a unit of its own.
    scale
        The first unit in the second.
    """

    def __init__(self, lines: _Given, points: _Given, scale: float) -> None:
        self._lines, self._points = lines, points
        self._scale = self._usual = scale

    def __getattr__(self, name: str) -> _Given:
        return getattr(self._lines, name)

    def start_rasterizing(self) -> None:
        """From now on the figure is drawn in points, for a picture inside the lines."""
        self._lines.start_rasterizing()
        self._scale = 1.0

    def stop_rasterizing(self) -> None:
        self._lines.stop_rasterizing()
        self._scale = self._usual

    def draw_path(self, gc: _Given, path: _Given, transform: _Given, *look: _Given) -> None:
        self._lines.draw_path(gc, path, transform, *look)
        self._points.draw_path(self._own(gc), path, self._at(transform), *look)

    def draw_markers(
        self,
        gc: _Given,
        marker: _Given,
        of_marker: _Given,
        path: _Given,
        transform: _Given,
        *look: _Given,
    ) -> None:
        self._lines.draw_markers(gc, marker, of_marker, path, transform, *look)
        self._points.draw_markers(self._own(gc), marker, self._at(of_marker), path, self._at(transform), *look)

    def draw_path_collection(
        self,
        gc: _Given,
        transform: _Given,
        paths: _Given,
        transforms: _Given,
        offsets: _Given,
        of_offsets: _Given,
        *look: _Given,
        **more: _Given,
    ) -> None:
        self._lines.draw_path_collection(gc, transform, paths, transforms, offsets, of_offsets, *look, **more)
        own = (self._own(gc), self._at(transform), paths, transforms, offsets, self._at(of_offsets))
        self._points.draw_path_collection(*own, *look, **more)

    def draw_quad_mesh(
        self,
        gc: _Given,
        transform: _Given,
        width: int,
        height: int,
        corners: _Given,
        offsets: _Given,
        of_offsets: _Given,
        *look: _Given,
    ) -> None:
        self._lines.draw_quad_mesh(gc, transform, width, height, corners, offsets, of_offsets, *look)
        own = (self._own(gc), self._at(transform), width, height, corners, offsets, self._at(of_offsets))
        self._points.draw_quad_mesh(*own, *look)

    def draw_image(self, gc: _Given, x: float, y: float, image: _Given) -> None:
        self._lines.draw_image(gc, x, y, image)
        self._points.draw_image(self._own(gc), x * self._scale, y * self._scale, image)

    def draw_text(
        self,
        gc: _Given,
        x: float,
        y: float,
        words: str,
        *look: _Given,
        **more: _Given,
    ) -> None:
        self._lines.draw_text(gc, x, y, words, *look, **more)
        self._points.draw_text(self._own(gc), x * self._scale, y * self._scale, words, *look, **more)

    def _at(self, transform: _Given) -> _Given:
        """Return where the points have something."""
        return transform + Affine2D().scale(self._scale)

    def _own(self, gc: _Given) -> _Given:
        """Return how the points draw something: within the same limits, in their own unit."""
        own: _Given = GraphicsContextBase()
        own.copy_properties(gc)
        rectangle, (path, transform) = gc.get_clip_rectangle(), gc.get_clip_path()
        if rectangle is not None:
            own.set_clip_rectangle(TransformedBbox(rectangle, Affine2D().scale(self._scale)))
        if path is not None:
            own.set_clip_path(TransformedPath(path, self._at(transform)))
        return own
