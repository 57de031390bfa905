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

    Of a long run the last two weeks are shown, and every day whose answer is not proved. Where a gap is left, the proof
    is that gap.
    """
    gaps = run.certificates.set_index("day")["epsilon"]
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
            _percent(gaps[row["day"]]) if row["verdict"] == Verdict.KKT_CONSISTENT else SHORT[row["verdict"]],
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
    return lines + _proofs(run) + closing(run)


def _proofs(run: Run) -> list[str]:
    """Say what is proved of days that are not exact: a gap up to the one that is asked for is what was asked for."""
    rows = run.certificates
    asked = float(run.manifest.get("resolved_scenario", {}).get("market", {}).get("gap", 0.0))
    with_gap = rows[rows["verdict"] == Verdict.KKT_CONSISTENT]
    within = with_gap["epsilon"] <= asked
    lines = []
    if within.any():
        lines.append(
            f"proof in %: proved on {within.sum()} of {len(rows)} days that no prices earn the aggregator more by over "
            f"{_percent(with_gap['epsilon'][within].max())}; asked for is {_percent(asked)}"
        )
    for row in rows[~rows["certified"].astype(bool)].drop(index=with_gap.index[within]).to_dict("records"):
        note = f" ({row['notes']})" if row["notes"] else ""
        wide = row["verdict"] == Verdict.KKT_CONSISTENT
        more = (
            f", other prices may earn {_percent(row['epsilon'])} more, asked for is {_percent(asked)}" if wide else ""
        )
        lines.append(f"day {row['day']} is NOT certified: its verdict is {row['verdict']}{more}{note}")
    return lines


def _percent(share: float) -> str:
    return f"{100.0 * share:.2g} %"


def _pools_against_vehicles(lot: object, rows: pd.DataFrame) -> str:
    """Say how far the pools of a lot are from its vehicles."""
    sums = rows[["promised_kwh", "moved_kwh", "pool_profit", "profit_error", "unreachable_kwh"]].sum()
    text = (
        f"{lot}: of {sums['promised_kwh']:.0f} kWh of its pools single vehicles do {sums['moved_kwh']:.0f} otherwise; "
        f"of {sums['pool_profit']:.1f} they cannot earn {sums['profit_error']:.1f}"
    )
    missing = sums["unreachable_kwh"]
    return text + (f"; {missing:.0f} kWh are agreed that no stay reaches" if missing > NEGLIGIBLE else "")
