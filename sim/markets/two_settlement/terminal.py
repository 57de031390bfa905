"""What a run of the market of two settlements says in the terminal when it is over."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from equilibrium.certificate import NEGLIGIBLE, Verdict
from sim.show.telling import SHORT, add_text_row, closing, long_run, proved, shown_days, small
from sim.store import Run

_MOST_BUSES = 5


def day_table(run: Run) -> Table:
    """Return the small table of a run: one row a day, fitting 80 columns.

    Of a long run the last two weeks are shown, and every day whose answer is not proved.
    """
    table = Table(box=None, pad_edge=False, padding=(0, 0, 0, 1))
    table.add_column("day", justify="right", no_wrap=True)
    heads = [
        "profit\nplan",
        "profit",
        "of it\nreal t.",
        "bids'\nincome",
        "MWh\nin",
        "MWh\nout",
        "kWh\nshed",
        "out-\nages",
    ]
    for head in [*heads, "V\nmin", "load\nerror", "gap", "proof", "time"]:
        table.add_column(Text(head), justify="right", no_wrap=True)
    for row in shown_days(run.days, proved(run)).to_dict("records"):
        add_text_row(
            table,
            str(row["day"]),
            f"{row['planned_profit']:.0f}",
            f"{row['profit']:.0f}",
            f"{row['real_time_profit']:.0f}",
            f"{row['bidder_income']:.0f}",
            f"{row['bought_kwh'] / 1000.0:.1f}",
            f"{row['sold_kwh'] / 1000.0:.1f}",
            f"{row['shed_kwh']:.0f}",
            str(row["outages"]),
            f"{row['voltage_min_pu']:.3f}",
            f"{100.0 * row['load_error']:.1f}%",
            small(row["gap"]),
            SHORT[row["verdict"]],
            f"{row['seconds']:.1f}",
            style="bold red" if row["verdict"] == Verdict.UNPROVED else None,
        )
    return table


def remarks(run: Run) -> list[str]:
    """Return the lines below the table: units, what everybody earned, what was shed, and where the results are."""
    days, currency = run.days, run.manifest.get("currency", "currency")
    lines = [
        f"money in {currency}, time in s; profit plan: what the day-ahead schedule expects of its scenarios; real t.:",
        "what real time brought beside the schedule; MWh bought and sold; gap: of the schedule, proved",
    ]
    if len(days):
        sums = days[["profit", "planned_profit", "day_ahead_profit", "real_time_profit", "bidder_income"]].sum()
        lines.append(
            f"operator {sums['profit']:.1f} (planned {sums['planned_profit']:.1f}): day-ahead "
            f"{sums['day_ahead_profit']:.1f}, real time {sums['real_time_profit']:.1f}; aggregators "
            f"{sums['bidder_income']:.1f}"
        )
        missing = float(days["missing_kwh"].sum())
        if missing > NEGLIGIBLE:
            lines.append(f"vehicles left with {missing:.1f} kWh less than agreed")
    lines += _shed(run)
    lines += long_run(days)
    for row in run.certificates.to_dict("records"):
        if not row["certified"]:
            note = f" ({row['notes']})" if row["notes"] else ""
            lines.append(f"day {row['day']} is NOT certified: its verdict is {row['verdict']}{note}")
    return lines + closing(run)


def _shed(run: Run) -> list[str]:
    """Say where load was shed, day by day."""
    lines = []
    for day, rows in run.shed.groupby("day", sort=True):
        energy = (rows["shed_kw"] * rows["hours"]).groupby(rows["bus"], sort=False).sum().sort_values(ascending=False)
        named = ", ".join(f"{bus} ({kwh:.1f})" for bus, kwh in energy.head(_MOST_BUSES).items())
        rest = f" and {len(energy) - _MOST_BUSES} more" if len(energy) > _MOST_BUSES else ""
        lines.append(f"day {day}: {energy.sum():.1f} kWh were not served, at buses {named}{rest}")
    return lines
