"""What a run of the nodal market says in the terminal when it is over."""

from __future__ import annotations

import pandas as pd
from rich.table import Table

from sim.markets.charging import terminal as charging
from sim.show.telling import closing
from sim.store import Run


def day_table(run: Run) -> Table:
    """Return the small table of a run, with the markdown of every day, and its price of anarchy where there is room."""
    own = [charging.money("mark-\ndown", "markdown", run.days)]
    if _defined(run) and not charging.charges(run):
        own.append(charging.Head("PoA", lambda row: _ratio(row["price_of_anarchy"]), ""))
    return charging.day_table(run, own)


def _defined(run: Run) -> bool:
    """Whether some day has a price of anarchy."""
    return bool(run.days["price_of_anarchy"].notna().any())


def _ratio(value: float) -> str:
    """Return a price of anarchy, or a dash where it is not defined."""
    return "-" if pd.isna(value) else f"{value:.5f}"


def remarks(run: Run) -> list[str]:
    """Return the lines below the table: also each lot's profit beside the competitive one, and the second method."""
    currency = run.manifest.get("currency", "currency")
    lines = [charging.units(run)]
    if len(run.days):
        lines.append(_words_line(run))
        lines += [_lot_line(name, rows, currency) for name, rows in run.lot_days.groupby("lot", sort=False)]
    lines += [*charging.about_days(run), *charging.about_agents(run)]
    if "second_method" in run.certificates and len(proved := run.certificates.dropna(subset="second_method")):
        lines.append(_second_line(proved))
    return [*lines, *charging.about_shortages(run), *closing(run)]


def _words_line(run: Run) -> str:
    """Return what the market's own words mean; the price of anarchy itself where the table has no column of it."""
    line = "markdown: what the lots pay less than at competitive mean prices"
    if not _defined(run):
        return line
    if not charging.charges(run):
        return f"{line}; PoA: price of anarchy"
    ratio = run.days["price_of_anarchy"].dropna()
    return f"{line}; price of anarchy {_ratio(ratio.min())} to {_ratio(ratio.max())}"


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
