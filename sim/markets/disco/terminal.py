"""What a run of the DISCO market says in the terminal when it is over."""

from __future__ import annotations

import pandas as pd
from rich.table import Table
from rich.text import Text

from equilibrium.certificate import Verdict
from sim.markets.disco.switching import by_program, switches
from sim.show.telling import SHORT, add_text_row, closing, long_run, proved, shown_days, small
from sim.store import Run

_SHOWN = 4
"""Most changes of the best program that are told one by one."""


def day_table(run: Run) -> Table:
    """Return the small table of a run: one row a day, fitting 80 columns.

    Of a long run the last two weeks are shown, and every day whose answer is not proved.
    """
    days = run.days
    table = Table(box=None, pad_edge=False, padding=(0, 0, 0, 1))
    table.add_column("day", justify="right", no_wrap=True)
    table.add_column("program", justify="left", no_wrap=True)
    heads = ["profit\nplan", "profit\ncomp.", "profit\nlots", "cars", "kWh\nin", "kWh\nout"]
    for head in [*heads, "low.\nvolt.", "elas.\nerror", "worst\nregret", "proof", "time"]:
        table.add_column(Text(head), justify="right", no_wrap=True)
    for row in shown_days(days, proved(run)).to_dict("records"):
        add_text_row(
            table,
            str(row["day"]),
            row["program"][:8],
            f"{row['planned_profit']:.0f}",
            f"{row['company_profit']:.0f}",
            f"{row['lot_profit']:.0f}",
            f"{row['vehicles']:.0f}",
            f"{row['charged_kwh']:.0f}",
            f"{row['discharged_kwh']:.0f}",
            f"{row['voltage_min_pu']:.3f}",
            f"{row['belief_error']:.3f}",
            small(row["worst_regret"]),
            SHORT[row["verdict"]],
            f"{row['seconds']:.1f}",
            style="bold red" if row["verdict"] == Verdict.UNPROVED else None,
        )
    return table


def lots_decide(run: Run) -> bool:
    """Whether lots decide in the run's mode: in mode ``windows`` the company dispatches their vehicles."""
    return bool(run.manifest.get("resolved_scenario", {}).get("market", {}).get("mode") != "windows")


def remarks(run: Run) -> list[str]:
    """Return the lines below the table: units, what the players earned, and where the results are."""
    days, currency = run.days, run.manifest.get("currency", "currency")
    lines = [
        f"money in {currency}, voltage per unit, time in s; profit plan: what the company expected in the morning;",
        "kWh drawn and given by the vehicles; elas. error: the largest one of the believed elasticities",
    ]
    if len(days):
        sums = days[["company_profit", "planned_profit", "lot_profit", "retail_profit"]].sum()
        lines.append(
            f"company {sums['company_profit']:.1f} (planned {sums['planned_profit']:.1f}, its retail arm "
            f"{sums['retail_profit']:.1f}), lots {sums['lot_profit']:.1f}"
        )
        lines += [_programs_line(days), _belief_line(days), _earned_line(run.table("programs"))]
    if len(days) and not lots_decide(run):
        low = days["worst_regret"].max()
        lines.append(
            f"proof kkt: in mode windows the company dispatches the vehicles; a lot that decided for itself would gain "
            f"up to {low:.1f} a day"
        )
    lines += long_run(days)
    for row in run.certificates.to_dict("records"):
        if row["certified"] or (row["verdict"] == Verdict.KKT_CONSISTENT and not lots_decide(run)):
            continue
        note = f" ({row['notes']})" if row["notes"] else ""
        lines.append(f"day {row['day']}, {row['stage']}, is NOT certified: its verdict is {row['verdict']}{note}")
    return lines + closing(run)


def _programs_line(days: pd.DataFrame) -> str:
    """Return one sentence about the programs that were chosen."""
    chosen = days["program"].value_counts()
    return "programs chosen: " + ", ".join(f"{name} {count} x" for name, count in chosen.items())


def _belief_line(days: pd.DataFrame) -> str:
    """Return one sentence about the program with the highest forecast, and the days on which it changed."""
    changes = switches(days)
    first = f"highest forecast: {days['best_program'].iloc[0]}"
    if len(changes) > _SHOWN:
        last = changes[-1]
        return f"{first}, changed {len(changes)} times, for the last time on day {last.day} to {last.after}"
    return ", ".join([first, *(f"from day {change.day} on {change.after}" for change in changes)])


def _earned_line(programs: pd.DataFrame) -> str:
    """Return one sentence about what the programs were expected to earn for the retail arm, and earned."""
    rows = by_program(programs)
    each = (f"{name} {row.forecast_profit:.0f}/{row.earned_profit:.0f}" for name, row in rows.iterrows())
    return "retail arm, expected/earned in the mean of a program's days: " + ", ".join(each)
