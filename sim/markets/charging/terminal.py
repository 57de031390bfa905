"""What a run of charging lots says in the terminal when it is over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
from rich.table import Table
from rich.text import Text

from sim.show.telling import add_text_row, closing, long_run, shown_days, small, when
from sim.store import Run

_LOT_COLUMNS = 3

Cell = Callable[[Mapping[Any, Any]], str]
"""Writes one number of a day's row."""


def day_table(run: Run, own: Mapping[str, Cell] | None = None) -> Table:
    """Return the small table of a run: one row a day, fitting 80 columns.

    Of a long run the last two weeks are shown, and every day that is not certified.

    Parameters
    ----------
    run
        The run.
    own
        A market's own columns by their heads. With some, the lots' profits are shown in one sum to make room.
    """
    days, lot_days, own = run.days, run.lot_days, own or {}
    lots = list(dict.fromkeys(lot_days["lot"]))
    profit = dict(zip(zip(lot_days["day"], lot_days["lot"], strict=True), lot_days["profit"], strict=True))
    each = len(lots) <= _LOT_COLUMNS and not own
    table = Table(box=None, pad_edge=False, padding=(0, 0, 0, 1))
    heads = ["day", "energy\ncharged", "net\ncost", "lowest\nvolt.", "DLMP\nmean", "DLMP\npeak"]
    heads += [f"profit\n{lot[:7]}" for lot in lots] if each else [f"profit\n{len(lots)} lots"]
    for head in [*heads, *own, "worst\nregret", "certi-\nfied", "time"]:
        table.add_column(Text(head), justify="right", no_wrap=True)
    for row in shown_days(days, days["certified"]).to_dict("records"):
        profits = [profit[row["day"], lot] for lot in lots] if each else [row["lot_profit"]]
        add_text_row(
            table,
            str(row["day"]),
            f"{row['energy_charged_kwh']:.0f}",
            f"{row['network_cost']:.1f}",
            f"{row['voltage_min_pu']:.4f}",
            f"{row['dlmp_mean_per_mwh']:.1f}",
            f"{row['dlmp_peak_per_mwh']:.1f}",
            *(f"{value:.1f}" for value in profits),
            *(cell(row) for cell in own.values()),
            small(row["worst_regret"]),
            "yes" if row["certified"] else "NO",
            f"{row['seconds']:.2f}",
            style=None if row["certified"] else "bold red",
        )
    return table


def remarks(run: Run) -> list[str]:
    """Return the lines below the table."""
    return [units(run), *about_days(run), *about_shortages(run), *closing(run)]


def units(run: Run) -> str:
    """Return the line that says in what the numbers are."""
    currency = run.manifest.get("currency", "currency")
    return f"energy in kWh, voltage per unit, DLMP in {currency}/MWh, money in {currency}, time in s"


def about_days(run: Run) -> list[str]:
    """Return the lines about days that are not shown and days that are not certified."""
    certificates = run.certificates
    lines = long_run(run.days)
    for row in certificates[~certificates["certified"].astype(bool)].to_dict("records"):
        note = f" ({row['notes']})" if row["notes"] else ""
        lines.append(f"day {row['day']} is NOT certified: its verdict is {row['verdict']}{note}")
    return lines


def about_shortages(run: Run) -> list[str]:
    """Return the lines about what was not served, and about the AC power flow."""
    days, flow = run.days, run.ac
    lines = [
        f"day {row['day']} had a shortage: {row['shed_kwh']:.1f} kWh of load and {row['unserved_kwh']:.1f} kWh of "
        f"charging were not served"
        for row in days[(days["shed_kwh"] > 0) | (days["unserved_kwh"] > 0)].to_dict("records")
    ]
    return [*lines, ac_line(flow)] if len(flow) else lines


def ac_line(ac: pd.DataFrame) -> str:
    """Return one sentence with the largest errors of the linear flow over the run."""
    solved = ac[ac["converged"].astype(bool)]
    if not len(solved):
        return "AC power flow: no solution was found for any period"
    worst = solved.iloc[int(solved["voltage_error_pu"].argmax())]
    lossy = solved.iloc[int(solved["loss_share"].argmax())]
    line = (
        f"AC power flow: voltage error of the linear flow at most {worst['voltage_error_pu']:.4f} p.u. "
        f"({when(worst)}, bus {worst['voltage_error_bus']}), "
        f"loss at most {lossy['loss_kw']:.0f} kW or {100 * lossy['loss_share']:.1f} % of the load "
        f"({when(lossy)})"
    )
    missing = len(ac) - len(solved)
    return line + (f"; for {missing} periods no solution was found" if missing else "")
