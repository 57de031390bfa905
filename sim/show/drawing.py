"""Colours, style and small parts that the figures of all markets share.

Colours are those of Okabe and Ito, which colour-blind readers can tell apart. No global state of matplotlib is touched.
"""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator

from sim.manifest import put
from sim.show.day_axis import DayAxis
from sim.show.twice import svg_and_png

BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, RED, PINK = (
    *("#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7"),
)
CYCLE = (BLUE, ORANGE, GREEN, RED, PINK, SKY, BLACK, YELLOW)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
GREY = "#7F7F7F"
_DPI = 160  # points of a PNG, and of what is no line in an SVG, an inch
_PACKED = {"compress_level": 2}  # of a PNG: the highest takes ten times as long and saves a fifth
_LETTER, _HANDLE, _PT = 0.6, 4.0, 72.0  # a letter and a handle of a legend, parts of its font; points an inch
_TWO_ROWS = 4  # names that fill two rows of a legend in pairs

STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titley": 1.0,  # where it would be put too, after measuring every mark of the axis
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#E3E3E3",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "svg.hashsalt": "equilot",
    "text.parse_math": False,
}
_NO_LABEL = re.compile(r"_child[0-9]+|_nolegend_")
"""What matplotlib calls a line that has no name."""

Stack = Mapping[str, tuple[str, int, str]]
"""Label, sign and colour of each kind of dispatch, in order from the axis outwards."""

STACK: Stack = {
    "microturbine": ("Microturbines", -1, RED),
    "renewable": ("Renewables", -1, GREEN),
    "import": ("Imports", -1, BLUE),
    "load": ("Load", 1, GREY),
    "lot": ("Parking lots", 1, ORANGE),
    "discharge": ("Storage, giving", -1, YELLOW),
    "charge": ("Storage, charging", 1, PINK),
    "export": ("Exports", 1, SKY),
}


def save(figure: Figure, stem: Path, formats: Sequence[str] = ("svg", "png")) -> list[Path]:
    """Write a figure as SVG, PNG or what else matplotlib writes; the same figure gives the same bytes: without a date.

    Names are drawn as they are: ``$`` means nothing, and a character that the font lacks is a box.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"svg.hashsalt": "equilot", "text.parse_math": False}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        warnings.filterwarnings("ignore", "constrained_layout not applied", UserWarning)
        contents = _contents(figure, formats)
    files = [stem.with_name(f"{stem.name}.{kind}") for kind in contents]
    for path, content in zip(files, contents.values(), strict=True):
        put(path, content)
    return files


def _contents(figure: Figure, formats: Sequence[str]) -> dict[str, bytes]:
    """Return a figure in each format, laid out once."""
    contents: dict[str, bytes] = dict.fromkeys(formats, b"")
    if {"svg", "png"} <= contents.keys():
        contents["svg"], contents["png"] = svg_and_png(figure, _DPI, _PACKED)
        figure.set_layout_engine("none")
    for kind in formats:
        contents[kind] = contents[kind] or _content(figure, kind)
        figure.set_layout_engine("none")
    return contents


def _content(figure: Figure, kind: str) -> bytes:
    """Return a figure in a format; SVG and PNG are drawn once, ``savefig`` draws twice where a figure is laid out."""
    content = io.BytesIO()
    figure.set_dpi(_DPI)
    if kind == "svg":
        FigureCanvasSVG(figure).print_svg(content, metadata={"Date": None})  # type: ignore[no-untyped-call]  # has none
    elif kind != "png":
        figure.savefig(content, format=kind, metadata={"CreationDate": None} if kind == "pdf" else None)
    else:
        FigureCanvasAgg(figure).print_png(content, pil_kwargs=_PACKED)  # type: ignore[no-untyped-call]  # has none
    return content.getvalue()


def day_title(days: pd.DataFrame, day: int) -> str:
    """Return the title of one day's figure."""
    if "date" not in days:
        return f"Day {day}"
    return f"Day {day} ({days.loc[days['day'] == day, 'date'].iloc[0]:%Y-%m-%d})"


def panels_of(count: int, height: float) -> tuple[Figure, list[Axes]]:
    """Return a figure with panels below each other, of this height in inches each."""
    figure = Figure(figsize=(7.2, 0.7 + height * count), layout="constrained")
    return figure, list(figure.subplots(count, 1, squeeze=False, sharex=True)[:, 0])


def stack(axis: Axes, dispatch: pd.DataFrame, day: DayAxis, parts: Stack = STACK) -> None:
    """Draw one day's dispatch as bars stacked away from zero on both sides."""
    storage, giving = dispatch["kind"] == "storage", dispatch["p_kw"] >= 0
    kinds = np.where(storage, np.where(giving, "discharge", "charge"), dispatch["kind"])
    dispatch = dispatch.assign(kind=kinds, p_kw=dispatch["p_kw"].mask(storage, dispatch["p_kw"].abs()))
    power = dispatch.pivot_table(index="period", columns="kind", values="p_kw", aggfunc="sum").fillna(0.0) / 1000
    base = {-1: np.zeros(len(power)), 1: np.zeros(len(power))}
    for kind, (label, sign, color) in parts.items():
        if kind in ("charge", "discharge") and kind not in power:
            continue  # most feeders have no storage
        height = sign * power[kind].to_numpy() if kind in power else np.zeros(len(power))
        if kind == "load" and "shed" in power:
            height = height - power["shed"].to_numpy()
        day.bars(axis, height, share=0.85, bottom=base[sign], color=color, label=label)
        base[sign] = base[sign] + height
    axis.axhline(0, color=BLACK, linewidth=0.8)
    day.mark(axis)
    axis.margins(x=0.01)


def bus_marks(axis: Axes, labels: Sequence[str], *, inches: float, upright: bool = False) -> None:
    """Write the labels of buses, which stand at 1, 2, ..., along an axis.

    Parameters
    ----------
    axis
        Where they are drawn.
    labels
        Of all buses.
    inches
        Room that one label needs; where there is less, only each second, third, ... has one.
    upright
        Whether the buses stand below each other.
    """
    room = axis.bbox.height if upright else axis.bbox.width
    widest = 1.0 if upright else max(1.0, max(map(len, labels)) / 2.0)
    step = math.ceil(len(labels) * inches * widest * axis.figure.dpi / room)
    along = axis.yaxis if upright else axis.xaxis
    along.set_major_locator(FixedLocator(list(range(1, len(labels) + 1, step))))
    along.set_major_formatter(FixedFormatter(list(labels[::step])))


def same_scale(axes: Sequence[Axes]) -> None:
    """Give all axes the same vertical range."""
    limits = np.array([axis.get_ylim() for axis in axes])
    for axis in axes:
        axis.set_ylim(1.04 * limits[:, 0].min(), 1.04 * limits[:, 1].max())


def from_zero(axis: Axes) -> None:
    """Let the vertical range begin at 0, with room above what is highest: its mark is not cut."""
    axis.set_ylim(bottom=0.0)
    highest = float(axis.dataLim.y1)
    if math.isfinite(highest) and highest > 0.0:
        axis.set_ylim(top=max(axis.get_ylim()[1], 1.05 * highest))


def second_axis(axis: Axes, label: str, **look: Any) -> Axes:  # noqa: ANN401
    """Return an axis at the right side of another one; ``look`` is that of its label."""
    twin = axis.twinx()
    twin.set_ylabel(label, **look)
    twin.grid(visible=False)
    twin.spines["right"].set_visible(True)
    return twin


def energy_bars(axis: Axes, days: pd.DataFrame, title: str) -> None:
    """Draw what vehicles drew and gave each day, MWh, from the columns ``charged_kwh`` and ``discharged_kwh``."""
    axis.bar(days["day"], days["charged_kwh"] / 1000.0, color=ORANGE, label="Charged")
    axis.bar(days["day"], -days["discharged_kwh"] / 1000.0, color=PINK, label="Discharged")
    axis.axhline(0, color=BLACK, linewidth=0.8)
    axis.set_title(title, loc="left")


def legend_below(axis: Axes) -> None:
    """Put the legend of an axis below it, if it has one."""
    columns = 2 if len(axis.get_legend_handles_labels()[0]) == _TWO_ROWS else 3
    name_legend(axis, axis, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=columns, columnspacing=1)


def name_legend(where: Axes | Figure, axis: Axes, *, ncols: int = 1, **look: Any) -> None:  # noqa: ANN401
    """Put a legend of the named lines and bars of an axis somewhere, if it has any; ``look`` goes to matplotlib.

    Names that begin with an underscore are in it too, which matplotlib alone would leave out.

    Parameters
    ----------
    where
        The axis or figure that gets the legend.
    axis
        Whose lines it names.
    ncols
        Most columns of the legend; fewer where a figure has no room for them.
    """
    handles = list(axis.get_legend_handles_labels()[0])
    hidden = [line for line in axis.lines if str(line.get_label()).startswith("_")]
    handles += [line for line in hidden if not _NO_LABEL.fullmatch(str(line.get_label()))]
    names = [str(handle.get_label()) for handle in handles]
    if not handles:
        return
    room = where.get_figwidth() if isinstance(where, Figure) else math.inf
    ncols = next((n for n in range(ncols, 1, -1) if _legend_inches(names, n) <= room), 1)
    legend = where.legend(handles, ["name"] * len(handles), ncols=min(ncols, len(handles)), **look)
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_text(name)


def _legend_inches(names: Sequence[str], columns: int) -> float:
    """Return about how wide a legend is, which is filled column by column."""
    rows = math.ceil(len(names) / columns)
    longest = [max(map(len, names[k : k + rows])) for k in range(0, len(names), rows)]
    return (_LETTER * sum(longest) + _HANDLE * len(longest)) * float(STYLE["legend.fontsize"]) / _PT
