"""What a run of the aggregator market says in the terminal when it is over."""

from __future__ import annotations

import pandas as pd
from rich.table import Table
from rich.text import Text

from equilibrium.certificate import NEGLIGIBLE, Verdict
from sim.show.telling import SHORT, add_text_row, closing, long_run, proved, shown_days, small
from sim.store import Run


def day_table(run: Run) -> Table:
    """Return the small table of a run: one row a day, fitting 80 columns.

    Of a long run the last two weeks are shown, and every day whose answer is not proved.
    """
    table = Table(box=None, pad_edge=False, padding=(0, 0, 0, 1))
    table.add_column("day", justify="right", no_wrap=True)
    heads = ["profit\nplan", "profit\naggr.", "profit\nlots", "profit\ngen.", "cars", "kWh\nin", "kWh\nout"]
    for head in [*heads, "kWh\ncut", "price\nerror", "worst\nregret", "proof", "time"]:
        table.add_column(Text(head), justify="right", no_wrap=True)
    for row in shown_days(run.days, proved(run)).to_dict("records"):
        add_text_row(
            table,
            str(row["day"]),
            f"{row['planned_profit']:.0f}",
            f"{row['profit']:.0f}",
            f"{row['lot_profit']:.0f}",
            f"{row['generator_profit']:.0f}",
            f"{row['vehicles']:.0f}",
            f"{row['charged_kwh']:.0f}",
            f"{row['discharged_kwh']:.0f}",
            f"{row['interrupted_kwh']:.0f}",
            f"{row['price_error_per_mwh']:.1f}",
            small(row["worst_regret"]),
            SHORT[row["verdict"]],
            f"{row['seconds']:.1f}",
            style="bold red" if row["verdict"] == Verdict.UNPROVED else None,
        )
    return table


def remarks(run: Run) -> list[str]:
    """Return the lines below the table: units, what the players earned, and where the results are."""
    days, currency = run.days, run.manifest.get("currency", "currency")
    lines = [
        f"money in {currency}, time in s; profit plan: what the aggregator expected in the morning; kWh drawn and",
        f"given by the lots and cut from the load; price error: of its forecast of the upstream price, {currency}/MWh",
    ]
    if len(days):
        sums = days[["profit", "planned_profit", "lot_profit", "generator_profit", "retail_profit"]].sum()
        lines.append(
            f"aggregator {sums['profit']:.1f} (planned {sums['planned_profit']:.1f}), lots {sums['lot_profit']:.1f}, "
            f"generators {sums['generator_profit']:.1f}, load retailer {sums['retail_profit']:.1f}"
        )
    lines += [_pools_against_vehicles(lot, rows) for lot, rows in run.vehicles.groupby("lot", sort=False)]
    lines += long_run(days)
    lines += [
        f"day {day}: what came did not keep the feeder's limits; its losses are not counted, its voltages not known"
        for day in days["day"][~days["limits_kept"].astype(bool)]
    ]
    for row in run.certificates.to_dict("records"):
        if not row["certified"]:
            note = f" ({row['notes']})" if row["notes"] else ""
            lines.append(f"day {row['day']} is NOT certified: its verdict is {row['verdict']}{note}")
    return lines + closing(run)


def _pools_against_vehicles(lot: object, rows: pd.DataFrame) -> str:
    """Say how far the pools of a lot are from its vehicles."""
    sums = rows[["promised_kwh", "moved_kwh", "pool_profit", "profit_error", "unreachable_kwh"]].sum()
    text = (
        f"{lot}: of {sums['promised_kwh']:.0f} kWh of its pools single vehicles do {sums['moved_kwh']:.0f} otherwise; "
        f"of {sums['pool_profit']:.1f} they cannot earn {sums['profit_error']:.1f}"
    )
    missing = sums["unreachable_kwh"]
    return text + (f"; {missing:.0f} kWh are agreed that no stay reaches" if missing > NEGLIGIBLE else "")
