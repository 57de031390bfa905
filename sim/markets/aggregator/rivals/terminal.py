"""What a run of several aggregators says in the terminal when it is over."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from sim.show.telling import SHORT, add_text_row, closing, long_run, proved, shown_days, small
from sim.store import Run


def day_table(run: Run) -> Table:
    """Return the small table of a run: one row a day, fitting 80 columns.

    Of a long run the last two weeks are shown, and every day whose answer is not proved.
    """
    table = Table(box=None, pad_edge=False, padding=(0, 0, 0, 1))
    table.add_column("day", justify="right", no_wrap=True)
    heads = ["profit\naggr.", "profit\nlots", "profit\ngen.", "profit\nload", "cars", "kWh\nin", "kWh\nstrange"]
    for head in [*heads, "rounds", "worst\nregret", "proof", "time"]:
        table.add_column(Text(head), justify="right", no_wrap=True)
    for row in shown_days(run.days, proved(run)).to_dict("records"):
        add_text_row(
            table,
            str(row["day"]),
            f"{row['profit']:.0f}",
            f"{row['lot_profit']:.0f}",
            f"{row['generator_profit']:.0f}",
            f"{row['retail_profit']:.0f}",
            f"{row['vehicles']:.0f}",
            f"{row['charged_kwh']:.0f}",
            f"{row['strangers_kwh']:.0f}",
            str(row["rounds"]),
            small(row["worst_regret"]),
            SHORT[row["verdict"]],
            f"{row['seconds']:.1f}",
            style=None if row["certified"] else "bold red",
        )
    return table


def remarks(run: Run) -> list[str]:
    """Return the lines below the table: units, what the players earned, and where the results are."""
    days, currency = run.days, run.manifest.get("currency", "currency")
    lines = [
        f"money in {currency}, time in s; kWh strange: energy that followers traded with another aggregator than",
        "their own; rounds of best replies; worst regret: what an aggregator could gain alone at most, proved",
    ]
    if len(days):
        sums = run.aggregators.groupby("aggregator", sort=False)[["profit", "planned_profit", "strangers"]].sum()
        lines += [
            f"{name}: {row['profit']:.1f} (planned {row['planned_profit']:.1f}), "
            f"of it with strangers {row['strangers']:.1f}"
            for name, row in sums.iterrows()
        ]
        lines.append(f"wheeling fees {days['wheeling'].sum():.1f}")
    lines += long_run(days)
    for row in run.certificates.merge(days[["day", "ended"]], on="day").to_dict("records"):
        if not row["certified"]:
            lines.append(f"day {row['day']} is NOT certified: {row['ended']}, {row['verdict']} ({row['notes']})")
    return lines + closing(run)
