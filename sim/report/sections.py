"""The parts of a report of a run: what came out, how it is proved, who pays whom, what was not served, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from rich.table import Table as Screen

from agents.records import Outcome
from equilibrium.certificate import Verdict
from sim.markets.base import MarketKind
from sim.report.page import Html, element, section, table
from sim.show.telling import when, where_results_are
from sim.store import Run

MOST_ROWS = 40
"""Rows of a table on the page; the tables of the run have all of them."""

_REASONS = {
    str(Outcome.UNREACHABLE): "the stay is too short, or the charger too small, for what was wished",
    str(Outcome.SHORTAGE): "the network or the lot could not give what was due",
    str(Outcome.FULL): "no lot had a free place",
    str(Outcome.AWAY): "the driver preferred to stay away",
}


def summary(run: Run, kind: MarketKind[Any, Any]) -> Html:
    """Return the small table of the run and the lines below it, as the terminal has them."""
    lines = element("ul", *(element("li", line) for line in kind.remarks(run) if line != where_results_are(run)))
    return section("Summary", as_shown(kind.day_table(run)), lines)


def as_shown(shown: Screen, words: Sequence[str] = ()) -> Html:
    """Return a table of the terminal; ``words`` are the names of its columns that hold words."""
    head = [" ".join(str(column.header).split()) for column in shown.columns]
    rows = zip(*([str(cell) for cell in column.cells] for column in shown.columns), strict=True)
    return table(head, rows, words)


def proof(run: Run) -> Html:
    """Return the certificate of every day.

    Where all answers are optimal and some may be improved by what is proved, the mark is neither that of what is fine
    nor that of what is wrong: whether that is what was asked for, the summary says.
    """
    if "certificates" not in run.columns or not len(run.certificates):
        return Html("")
    rows = run.certificates
    fine = int(rows["certified"].astype(bool).sum())
    proved = f"{fine} of {len(rows)} answers are proved to be equilibria"
    optimal = rows[rows["verdict"] == str(Verdict.KKT_CONSISTENT)]
    if len(optimal):
        proved += (
            f"; of {len(optimal)} it is proved that nobody gains more than {optimal['epsilon'].max():.2g} of a profit"
        )
    look = "fine" if fine == len(rows) else "open" if fine + len(optimal) == len(rows) else "wrong"
    said = element("p", proved, class_=look)
    columns = [
        name
        for name in ("day", "stage", "verdict", "worst_regret", "epsilon", "primal", "dual", "complementarity", "gap")
        if name in rows
    ]
    cells = [[_cell(row[name]) for name in columns] for row in rows.head(MOST_ROWS).to_dict("records")]
    notes = _notes(rows)
    told = element("ul", *(element("li", note) for note in notes[:MOST_ROWS]))
    how = element("p", f"Method: {_each(rows['method'])}. Solver: {_each(rows['solver'])}.")
    panel = element("div", said, table(columns, cells, words=("stage", "verdict")), how, *([told] if notes else []))
    return section("Certificate", element("div", panel, class_="panel"), rest(len(rows)))


def _notes(rows: pd.DataFrame) -> list[str]:
    """Return the notes of the certificates, each once with the days that it is about."""
    days: dict[str, list[int]] = {}
    for row in rows.to_dict("records"):
        if row["notes"] and row["day"] not in days.setdefault(row["notes"], []):
            days[row["notes"]].append(row["day"])
    return [f"{_days(each)}: {note}" for note, each in days.items()]


def _days(days: Sequence[int]) -> str:
    """Return days that follow each other as a range, others as a list: ``days 0 to 3, 5``."""
    parts: list[list[int]] = []
    for day in days:
        if parts and day == parts[-1][-1] + 1:
            parts[-1].append(day)
        else:
            parts.append([day])
    told = ", ".join(str(part[0]) if len(part) == 1 else f"{part[0]} to {part[-1]}" for part in parts)
    return f"day{'s' if len(days) > 1 else ''} {told}"


def money(run: Run, kind: MarketKind[Any, Any], currency: str) -> Html:
    """Return who paid whom over the run."""
    if kind.payments is None or not len(rows := kind.payments(run)):
        return Html("")
    cells = [
        [str(row["payer"]), str(row["receiver"]), str(row["account"]), f"{row['amount']:.2f}"]
        for row in rows.to_dict("records")
    ]
    words = ("payer", "receiver", "for")
    return section("Who pays whom", table(["payer", "receiver", "for", currency], cells, words=words))


def unmet(run: Run) -> Html:
    """Return the energy that was wished or due and not given, with the reasons."""
    parts: list[str] = []
    if "sessions" in run.columns and {"outcome", "asked_kwh"} <= run.columns["sessions"].keys():
        parts += _unmet_sessions(run.sessions)
    if "shed_kwh" in run.days and float(run.days["shed_kwh"].sum()) > 0.0:
        parts.append(element("p", f"Load that was not served: {run.days['shed_kwh'].sum():.1f} kWh."))
        if "limits" in run.columns:
            held = run.limits[run.limits["shortage"] > 0.0]
            parts.append(_limit_table(held, "shortage", "what the shortage would fall by"))
        elif "shed" in run.columns:
            parts.append(_shed_table(run.shed))
    return section("Energy that was not served", *parts) if parts else Html("")


def _shed_table(rows: pd.DataFrame) -> Html:
    """Return where load was not served, the bus with most of it first."""
    energy = (rows["shed_kw"] * rows["hours"]).groupby([rows["day"], rows["bus"]], sort=False).sum()
    most = energy.sort_values(ascending=False, kind="stable").head(MOST_ROWS).reset_index(name="kwh")
    cells = [[str(row["day"]), str(row["bus"]), f"{row['kwh']:.1f}"] for row in most.to_dict("records")]
    return table(["day", "bus", "not served, kWh"], cells, words=("bus",))


def _unmet_sessions(sessions: pd.DataFrame) -> list[str]:
    served = str(Outcome.SERVED)
    missed = sessions[sessions["outcome"] != served]
    counted = f"{len(sessions) - len(missed)} of {len(sessions)} sessions got all that they asked for."
    if not len(missed):
        return [element("p", counted)]
    given = "got_kwh" if "got_kwh" in sessions else "drawn_kwh"
    cells = [
        [
            str(outcome),
            str(len(rows)),
            f"{rows['asked_kwh'].sum():.1f}",
            f"{(rows['asked_kwh'] - rows[given]).clip(lower=0.0).sum():.1f}",
            _REASONS.get(str(outcome), ""),
        ]
        for outcome, rows in missed.groupby("outcome", sort=False)
    ]
    head = ["outcome", "sessions", "asked, kWh", "not given, kWh", "reason"]
    return [element("p", counted), table(head, cells, words=("outcome", "reason"))]


def limits(run: Run, currency: str) -> Html:
    """Return the limits that cost most over the run."""
    if "limits" not in run.columns or not len(run.limits):
        return Html("")
    if "multiplier" not in run.columns["limits"]:
        return section("Limits at work", _reached_table(run.limits))
    rows = run.limits[run.limits["multiplier"] > 0.0]
    told = f"worth of one unit more, {currency}"
    return section("Limits at work", _limit_table(rows, "multiplier", told))


def _reached_table(rows: pd.DataFrame) -> Html:
    """Return limits by name and place where none has a worth of its own, the one that is reached longest first."""
    held = rows[rows["reached"].astype(bool)]
    if not len(held):
        return element("p", "No limit is reached.")
    hours = held.groupby(["limit", "place"], sort=False)["hours"].sum().reset_index()
    found = hours.sort_values("hours", ascending=False, kind="stable").head(MOST_ROWS)
    cells = [[row["limit"], row["place"], f"{row['hours']:g}"] for row in found.to_dict("records")]
    return table(["limit", "place", "hours reached"], cells, words=("limit", "place"))


def _limit_table(rows: pd.DataFrame, column: str, told: str) -> Html:
    """Return limits by name and place, the one that costs most first."""
    if not len(rows):
        return element("p", "No limit has a price.")
    groups = rows.groupby(["limit", "place", "unit"], sort=False)
    found = groups.agg(periods=(column, "size"), worth=(column, "sum"), hours=("hours", "sum"))
    found = found.sort_values("worth", ascending=False, kind="stable").reset_index()
    cells = [
        [row["limit"], row["place"], f"{row['hours']:g}", f"{row['worth']:.4g} per {row['unit']}"]
        for row in found.head(MOST_ROWS).to_dict("records")
    ]
    dearest = rows.iloc[int(rows[column].argmax())]
    most = f"{dearest[column]:.4g} per {dearest['unit']}"
    line = f"Most at one time: {dearest['limit']} {dearest['place']}, {when(dearest)}, {most.removesuffix('.')}."
    return Html(table(["limit", "place", "hours", told], cells, words=("limit", "place")) + element("p", line))


def rest(count: int) -> Html:
    """Return how many rows of a table are not on the page."""
    return element("p", f"{count - MOST_ROWS} more rows stand in the tables.") if count > MOST_ROWS else Html("")


def _each(names: pd.Series[str]) -> str:
    return ", ".join(dict.fromkeys(map(str, names)))


def _cell(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
