"""What a finished run shows: its figures, its words in the terminal, and what holds in its tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from equilibrium.errors import InputError
from equilibrium.invariants import Finding
from sim.checks import check_run
from sim.columns import always
from sim.folder import FIGURES, note_drawn
from sim.kinds import market_kinds
from sim.markets.base import MarketKind
from sim.show.telling import closing
from sim.store import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # slow to import, and a run may go without


_WIDEST = 10_000
"""Columns of the widest table that is printed."""


def market_of_run(run: Run) -> MarketKind[Any, Any]:
    """Return the kind of a run's market.

    Raises
    ------
    InputError
        When the market is not installed, or the run has not got all of its tables.
    """
    kinds = market_kinds()
    if run.market not in kinds:
        raise InputError(str(run.folder), "market", run.market, f"an installed market ({', '.join(kinds)})")
    kind = kinds[run.market]
    for table in kind.tables:
        needed = [column.name for column in table.columns if column.present is always]
        missing = [name for name in needed if name not in run.columns.get(table.name, {})]
        if missing:
            raise InputError(str(run.folder), f"table {table.name}", "not in the run", f"a column {missing[0]!r}")
    return kind


def day_of_run(run: Run, day: int | None = None) -> int:
    """Return a day of a run that is asked for, or the one with the highest price.

    Raises
    ------
    InputError
        When the run has no such day, or none at all.
    """
    days = run.days["day"].tolist()
    if not days or day not in (None, *days):
        expected = f"a day from 0 to {days[-1]}" if days else "a run with at least one finished day"
        raise InputError(str(run.folder), "--day", day, expected)
    return int(days[int(run.days[market_of_run(run).peak_column].argmax())]) if day is None else day


def run_figures(run: Run, day: int | None = None) -> dict[str, Figure]:
    """Return all figures of a run by name, drawn and not yet written; a notebook shows one as it stands.

    Parameters
    ----------
    run
        The run; it must have at least one day.
    day
        Day of the figures of one day, which is in their names; ``None`` is the one with the highest price.

    Raises
    ------
    InputError
        When the run has no such day.
    """
    from sim.show.drawing import day_title  # here, because matplotlib is slow to import

    kind, chosen = market_of_run(run), day_of_run(run, day)
    currency = str(run.manifest.get("currency", "currency"))
    return dict(kind.figures(run, chosen, day_title(run.days, chosen), currency))


def draw_run(run: Run, day: int | None = None, formats: Sequence[str] = ("svg", "png")) -> list[Path]:
    """Draw all figures of a run into its ``figures`` folder.

    Parameters
    ----------
    run, day
        As for :func:`run_figures`.
    formats
        File types.

    Returns
    -------
    list of Path
        The files, the chosen day in their names.
    """
    from sim.show.drawing import save  # here, because matplotlib is slow to import

    market_of_run(run)
    inside = run.folder / FIGURES
    if inside.is_symlink():
        raise InputError(str(inside), "folder", "a link to another place", "a folder of the run, or none")
    figures = run_figures(run, day)
    files = [path for name, figure in figures.items() for path in save(figure, inside / name, formats)]
    note_drawn(inside, files)
    return files


def show_run(screen: Console, run: Run) -> None:
    """Print the table of a run, what the reader should know about it, and where the results are.

    Parameters
    ----------
    screen
        Where to print.
    run
        The run; a run without days has no table.
    """
    kind = market_of_run(run)
    if len(run.days):
        print_whole(screen, kind.day_table(run))
    for line in kind.remarks(run) if len(run.days) else closing(run):
        screen.print(Text(line), soft_wrap=True)


def print_whole(screen: Console, table: Table) -> None:
    """Print a table with all of its letters; what has no room on the screen goes on in the next line, as in a pipe."""
    needed = Measurement.get(screen, screen.options.update(max_width=_WIDEST), table).maximum
    width = screen.width
    screen.width = max(width, needed)
    screen.print(table)
    screen.width = width


def run_json(run: Run) -> str:
    """Return a run as one JSON object: what it was made of, how it ended, and its table ``days``."""
    names = ("scenario", "market", "status", "currency", "seed", "days_asked", "days_done", "reasons")
    content = {"folder": str(run.folder), **run.manifest, "market": run.market}
    days = json.loads(run.days.to_json(orient="records", date_format="iso", double_precision=15))
    told = {name: content.get(name) for name in ("folder", *names)}
    return json.dumps({**told, "days": days}, ensure_ascii=False, allow_nan=False)


def check_tables(run: Run) -> tuple[Finding, ...]:
    """Check what must hold in the tables of a run of its market."""
    return check_run(run, market_of_run(run).invariants)
