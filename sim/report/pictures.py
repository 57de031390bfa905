"""Figures for the page of a report, each with its numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sim.manifest import put
from sim.report.page import Html, data_address, element

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def picture_of(name: str, figure: Figure, inside: Path) -> tuple[Html, list[Path]]:
    """Return a figure for the page, with its data as a file inside it, and write both beside the page."""
    from sim.show.drawing import save  # here, because matplotlib is slow to import
    from sim.show.figure_data import figure_data

    (drawn,) = save(figure, inside / name, ("svg",))
    numbers = drawn.with_suffix(".csv")
    put(numbers, figure_data(figure).to_csv(index=False).encode("utf-8"))
    caption = name.replace("-", " ").capitalize()
    link = element("a", "data as CSV", href=data_address(numbers.read_bytes(), "text/csv"), download=numbers.name)
    picture = element("img", src=data_address(drawn.read_bytes(), "image/svg+xml"), alt=caption)
    return element("figure", picture, element("figcaption", f"{caption} (", link, ")")), [drawn, numbers]
