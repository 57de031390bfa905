"""A report of a run: one HTML file that needs nothing else, and each figure as SVG with its data as CSV beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from equilibrium.errors import InputError
from sim.folder import PICTURES, REPORT, note_drawn
from sim.manifest import put
from sim.markets.base import MarketKind
from sim.output import day_of_run, market_of_run, run_figures
from sim.report import sections
from sim.report.page import Html, element, page, section
from sim.report.pictures import picture_of
from sim.show.telling import telling_period
from sim.store import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_report(run: Run, day: int | None = None, hour: int | None = None) -> list[Path]:
    """Write the report of a run into its folder.

    Parameters
    ----------
    run
        A run with at least one day.
    day, hour
        Day of the figures of one day, by default that of the highest price; hour of the feeder's map, by default the
        one in which prices differ most between buses, or the dearest.

    Returns
    -------
    list of Path
        ``report.html``, and in ``report/`` an SVG and a CSV file for each figure.

    Raises
    ------
    InputError
        When the run has no such day or hour, or a link stands in the place of the folder.
    """
    kind = market_of_run(run)
    chosen, period = _moment(run, kind, day, hour)
    inside = run.folder / PICTURES
    if inside.is_symlink():
        raise InputError(str(inside), "folder", "a link to another place", "a folder of the run, or none")
    currency = str(run.manifest.get("currency", "currency"))
    files: list[Path] = []
    pictures = []
    for name, figure in _figures(run, kind, chosen, period, currency).items():
        picture, written = picture_of(name, figure, inside)
        pictures.append(picture)
        files += written
    note_drawn(inside, files)
    title = f"{run.manifest.get('scenario', run.folder.name)}, seed {run.manifest.get('seed', '?')}"
    content = page(
        f"Equilot: {title}",
        element("h1", title),
        element("p", str(run.manifest.get("title", ""))),
        sections.summary(run, kind),
        sections.proof(run),
        section("Figures", *pictures),
        sections.money(run, kind, currency),
        sections.limits(run, currency),
        sections.unmet(run),
        _made_of(run),
    )
    whole = run.folder / REPORT
    put(whole, content.encode("utf-8"))
    return [whole, *files]


def _moment(run: Run, kind: MarketKind[Any, Any], day: int | None, hour: int | None) -> tuple[int, int | None]:
    """Return the day of the figures, and the period of the map where the market draws one."""
    chosen = day_of_run(run, day)
    if kind.map_at is None:
        if hour is not None:
            raise InputError(str(run.folder), "--hour", hour, "nothing: this market draws no map of its feeder")
        return chosen, None
    prices = run.table("prices", chosen)
    hours = prices["hour"].unique().tolist()
    if hour not in (None, *hours):
        raise InputError(str(run.folder), "--hour", hour, f"an hour of the day, {min(hours)} to {max(hours)}")
    if hour is None:
        return chosen, telling_period(prices, kind.price_column)
    return chosen, int(prices.loc[prices["hour"] == hour, "period"].min())


def _figures(run: Run, kind: MarketKind[Any, Any], day: int, period: int | None, currency: str) -> dict[str, Figure]:
    """Return the figures of the run, and the map of the feeder at the chosen hour first."""
    from sim.show.drawing import day_title  # here, because matplotlib is slow to import

    title = day_title(run.days, day)
    figures = run_figures(run, day)
    if kind.map_at is None or period is None:
        return figures
    figures.pop(f"feeder-day-{day}", None)  # the same map, in the hour that the figure chooses itself
    return {f"feeder-day-{day}-period-{period}": kind.map_at(run, day, period, title, currency), **figures}


def _made_of(run: Run) -> Html:
    """Return what the run was made of."""
    manifest = run.manifest
    versions = manifest.get("versions") or {}
    items = [
        f"scenario {manifest.get('scenario', '?')}, market {run.market}, seed {manifest.get('seed', '?')}",
        f"status: {manifest.get('status', 'killed before it could be told')}",
        ", ".join(f"{name} {version}" for name, version in versions.items()),
        *map(str, manifest.get("notes", [])),
    ]
    return section("What it was made of", element("ul", *(element("li", item) for item in items if item)))
