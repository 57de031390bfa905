"""What a run says in the terminal: a progress bar while it goes on, a small table when it is over."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import pandas as pd
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from sim.markets.disco.terminal import disco_day_table, disco_remarks
from sim.show.telling import closing, long_run, shown_days, small
from sim.store import Run

_LOT_COLUMNS = 3
_PIPED_WIDTH = 80


class Advance(Protocol):
    """Called with a short text after every finished day."""

    def __call__(self, text: str) -> None:
        """Move the bar on by one day."""


def console(*, stderr: bool = False) -> Console:
    """Return a console that writes plain text of 80 columns when it is piped."""
    plain = _Console(stderr=stderr, highlight=False, soft_wrap=False)
    if plain.is_terminal:
        return plain
    return _Console(stderr=stderr, highlight=False, width=_PIPED_WIDTH, no_color=True)


class _Console(Console):
    """A console that goes on silently when its reader has gone, so that the work is done and the exit code is kept."""

    def print(self, *objects: Any, **look: Any) -> None:  # noqa: ANN401
        """Print as rich does; rich before version 13.8 does not see a broken pipe itself."""
        try:
            super().print(*objects, **look)
        except BrokenPipeError:
            self.on_broken_pipe()

    def on_broken_pipe(self) -> None:
        """Print nothing from now on; rich would end the program with exit code 1 here."""
        self.quiet = True
        discard_output()


def discard_output() -> None:
    """Let what is still written to standard output go nowhere: its reader, `head` for one, has gone."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


@contextmanager
def progress_bar(screen: Console, days: int) -> Iterator[Advance]:
    """Show a bar over the days of a run; nothing is shown when the output is piped."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("days"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=screen,
        transient=True,
        disable=not screen.is_terminal,
    )
    with bar:
        task = bar.add_task("starting", total=days)

        def advance(text: str) -> None:
            bar.update(task, advance=1, description=text)

        yield advance


def show_run(screen: Console, run: Run) -> None:
    """Print the table of a run, what the reader should know about it, and where the results are.

    Parameters
    ----------
    screen
        Where to print.
    run
        The run; a run without days has no table.
    """
    disco = run.market == "disco"
    if len(run.days):
        screen.print(disco_day_table(run) if disco else day_table(run.days, run.lot_days))
    for line in disco_remarks(run) if disco else remarks(run):
        screen.print(Text(line), soft_wrap=True)


def day_table(days: pd.DataFrame, lot_days: pd.DataFrame) -> Table:
    """Return the small table of a run: one row a day, fitting 80 columns.

    Parameters
    ----------
    days, lot_days
        The tables of the run. Of a long run the last two weeks are shown, and every day that is not certified. A run of
        the nodal market shows the lots' profits in one sum, with the price of anarchy and the markdown beside it.
    """
    lots = list(dict.fromkeys(lot_days["lot"]))
    nodal = _is_nodal(days)
    profit = dict(zip(zip(lot_days["day"], lot_days["lot"], strict=True), lot_days["profit"], strict=True))
    each = len(lots) <= _LOT_COLUMNS and not nodal
    table = Table(box=None, pad_edge=False, padding=(0, 0, 0, 1))
    heads = ["day", "energy\ncharged", "net\ncost", "lowest\nvolt.", "DLMP\nmean", "DLMP\npeak"]
    heads += [f"profit\n{lot[:7]}" for lot in lots] if each else [f"profit\n{len(lots)} lots"]
    heads += ["mark-\ndown", "PoA"] if nodal else []
    for head in [*heads, "worst\nregret", "certi-\nfied", "time"]:
        table.add_column(head, justify="right", no_wrap=True)
    for row in shown_days(days, days["certified"]).to_dict("records"):
        profits = [profit[row["day"], lot] for lot in lots] if each else [row["lot_profit"]]
        power = [f"{round(row['markdown'], 1) + 0.0:.1f}", _ratio(row["price_of_anarchy"])] if nodal else []
        table.add_row(
            str(row["day"]),
            f"{row['energy_charged_kwh']:.0f}",
            f"{row['network_cost']:.1f}",
            f"{row['voltage_min_pu']:.4f}",
            f"{row['dlmp_mean_per_mwh']:.1f}",
            f"{row['dlmp_peak_per_mwh']:.1f}",
            *(f"{value:.1f}" for value in profits),
            *power,
            small(row["worst_regret"]),
            "yes" if row["certified"] else "NO",
            f"{row['seconds']:.2f}",
            style=None if row["certified"] else "bold red",
        )
    return table


def _is_nodal(days: pd.DataFrame) -> bool:
    """Whether a run is one of the nodal market."""
    return bool(days["network_surplus"].notna().any())


def _ratio(value: float) -> str:
    """Return a price of anarchy, or a dash where it is not defined."""
    return "-" if pd.isna(value) else f"{value:.5f}"


def remarks(run: Run) -> list[str]:
    """Return the lines below the table: what was not certified or served, the AC check, and where the results are."""
    days, certificates = run.days, run.certificates
    currency = run.manifest.get("currency", "currency")
    lines = [f"energy in kWh, voltage per unit, DLMP in {currency}/MWh, money in {currency}, time in s"]
    if len(days) and _is_nodal(days):
        lines.append("markdown: what the lots pay less than at competitive mean prices; PoA: price of anarchy")
        lines += [_lot_line(name, rows, currency) for name, rows in run.lot_days.groupby("lot", sort=False)]
    lines += long_run(days)
    for row in certificates[~certificates["certified"].astype(bool)].to_dict("records"):
        note = f" ({row['notes']})" if row["notes"] else ""
        lines.append(f"day {row['day']} is NOT certified: its verdict is {row['verdict']}{note}")
    if len(proved := certificates[certificates["second_method"].notna()]):
        lines.append(_second_line(proved))
    lines += [
        f"day {row['day']} had a shortage: {row['shed_kwh']:.1f} kWh of load and {row['unserved_kwh']:.1f} kWh of "
        f"charging were not served"
        for row in days[(days["shed_kwh"] > 0) | (days["unserved_kwh"] > 0)].to_dict("records")
    ]
    if len(run.ac):
        lines.append(ac_line(run.ac))
    return lines + closing(run)


def _second_line(proofs: pd.DataFrame) -> str:
    """Return one sentence about the independent second method."""
    agreed = int((proofs["certified"].astype(bool) & proofs["second_finished"].astype(bool)).sum())
    names = ", ".join(proofs["second_method"].unique())
    spent = f"{proofs['second_seconds'].mean():.2f} s a day"
    return f"second method ({names}): {agreed} of {len(proofs)} days proved by it too, {spent}"


def _lot_line(name: object, rows: pd.DataFrame, currency: str) -> str:
    """Return one sentence about a lot over the run."""
    drawn, paid = rows["energy_kwh"].sum(), rows["payment"].sum()
    price = f", price paid {1000 * paid / drawn:.1f} {currency}/MWh" if drawn > 0 else ""
    return (
        f"{name} ({rows['behaviour'].iloc[0]}): profit {rows['profit'].sum():.1f}, competitive "
        f"{rows['competitive_profit'].sum():.1f}{price}, shifted {rows['shifted_kwh'].sum():.0f} kWh"
    )


def ac_line(ac: pd.DataFrame) -> str:
    """Return one sentence with the largest errors of the linear flow over the run."""
    solved = ac[ac["converged"].astype(bool)]
    if not len(solved):
        return "AC power flow: no hour has a solution"
    worst = solved.iloc[int(solved["voltage_error_pu"].argmax())]
    lossy = solved.iloc[int(solved["loss_share"].argmax())]
    line = (
        f"AC power flow: voltage error of the linear flow at most {worst['voltage_error_pu']:.4f} p.u. "
        f"(day {worst['day']}, hour {worst['hour']}, bus {worst['voltage_error_bus']}), "
        f"loss at most {lossy['loss_kw']:.0f} kW or {100 * lossy['loss_share']:.1f} % of the load "
        f"(day {lossy['day']}, hour {lossy['hour']})"
    )
    missing = len(ac) - len(solved)
    return line + (f"; {missing} hours have no solution" if missing else "")
