"""What the terminal's tables of all markets share."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from equilibrium.certificate import Verdict
from equilibrium.plain import cut, plain
from sim.store import Run

LAST_DAYS = 14
_NOTE, _NOTES = 240, 8
"""Most characters of a note on the screen, and most notes; a file has all of them."""
SHORT = {
    str(Verdict.UNPROVED): "NO",
    str(Verdict.KKT_CONSISTENT): "kkt",
    str(Verdict.EPSILON_NASH): "eps",
    str(Verdict.EXACT): "exact",
}
"""Verdicts in the small tables of markets in which an answer may be optimal without being an equilibrium."""

_ROUNDING = 1e-6


def add_text_row(table: Table, *cells: str, style: str | None = None) -> None:
    """Add a row whose cells are printed as they are; rich alone would obey what stands in brackets, a terminal others.

    Parameters
    ----------
    table
        The table.
    cells
        Text of each cell.
    style
        Of the whole row.
    """
    table.add_row(*(Text(plain(cell)) for cell in cells), style=style)


def show_notes(screen: Console, notes: Sequence[str], whole: str) -> None:
    """Print notes on no more than a screen.

    Parameters
    ----------
    screen
        Where to print.
    notes
        One sentence each; the names in it may be many.
    whole
        The file that has all of them.
    """
    for note in notes[:_NOTES]:
        screen.print(Text(f"note: {cut(note, _NOTE)}"), soft_wrap=True)
    more = f"{len(notes) - _NOTES} more" if len(notes) > _NOTES else ""
    if more or any(len(note) > _NOTE for note in notes):
        screen.print(Text(f"note: {f'{more}, and ' if more else ''}all names are in {whole}"), soft_wrap=True)


def small(value: float) -> str:
    """Return an amount of money that is rounding in most cases."""
    return f"{value:.1g}" if value >= _ROUNDING else "<1e-6"


def short_date(date: dt.date | None) -> str:
    """Return month and day of a date; nothing for a typical day."""
    return "" if pd.isna(date) else f"{date:%m-%d}"


def proved(run: Run) -> pd.Series[bool]:
    """Whether each day's answer is optimal for those who decide, equilibrium or not."""
    return run.days["verdict"] != str(Verdict.UNPROVED)


def shown_days(days: pd.DataFrame, fine: pd.Series[bool]) -> pd.DataFrame:
    """Return the last two weeks, and every earlier day that is not fine."""
    return days[(days.index >= len(days) - LAST_DAYS) | ~fine.astype(bool)]


def long_run(days: pd.DataFrame) -> list[str]:
    """Return the line that says what the table leaves out."""
    if len(days) <= LAST_DAYS:
        return []
    return [f"{len(days)} days; shown are the last {LAST_DAYS} and those that are not certified"]


def when(row: pd.Series[Any]) -> str:
    """Return the day and the hour of a row about a period; the period and its start where it is not an hour's."""
    return f"day {row['day']}, {clock(row)}"


def clock(row: pd.Series[Any]) -> str:
    """Return the hour of a row about a period; the period and its start where it is not an hour's."""
    plain = row["period"] == row["hour"] and row["hours"] == 1.0
    return f"hour {row['hour']}" if plain else f"period {row['period']} from {row['start']}"


def telling_period(prices: pd.DataFrame, column: str) -> int:
    """Return the period of a day in which buses differ most in a column, or the one with the highest value.

    Parameters
    ----------
    prices
        Rows of one day, one for each period and bus.
    column
        The column.
    """
    each = prices.groupby("period", sort=True)[column]
    spread = each.max() - each.min()
    told = spread if spread.max() > _ROUNDING else each.max()
    return int(told.index.to_numpy()[int(told.argmax())])


def closing(run: Run) -> list[str]:
    """Return the last lines: how the run ended, and where its results are."""
    status = run.manifest.get("status", "complete")
    unfinished = [] if status == "complete" else [f"the run is not complete: {status}"]
    return [*unfinished, where_results_are(run)]


def where_results_are(run: Run) -> str:
    """Return the line that names a run's folder, which is not for those to whom its report is sent."""
    return f"results in {run.folder}"
