"""What a run of charging lots says in the terminal when it is over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from rich.table import Table
from rich.text import Text

from sim.show.telling import add_text_row, closing, long_run, short_date, shown_days, small, when
from sim.store import Run

_NAMES_WIDTH = 22
"""Columns of the screen that the profits of single lots may take, a blank before each."""

_PROFIT_WIDTH = 6
_NAMED_LIMITS = 3
_ROUND = 1000.0  # money from here on is written without decimals

Cell = Callable[[Mapping[Any, Any]], str]
"""Writes one number of a day's row."""


@dataclass(frozen=True)
class Head:
    """A column of the small table.

    Attributes
    ----------
    title
        What stands above it.
    cell
        Writes it for a day.
    total
        What stands in the last row, for all days.
    """

    title: str
    cell: Cell
    total: str


def money(title: str, column: str, days: pd.DataFrame) -> Head:
    """Return a column of money with its sum, with a decimal where all amounts are small."""
    total = float(days[column].sum())
    digits = _digits([total, *days[column]])
    return Head(title, lambda row: _amount(row[column], digits), _amount(total, digits))


def _digits(amounts: Sequence[float]) -> int:
    """Return the decimals with which amounts of money below each other are written."""
    return 1 if max(map(abs, amounts)) < _ROUND else 0


def _amount(value: float, digits: int) -> str:
    return f"{round(value, digits) + 0.0:.{digits}f}"  # no sign before a zero


def day_table(run: Run, own: Sequence[Head] = ()) -> Table:
    """Return the small table of a run: one row a day and one for all of them, fitting 80 columns.

    Of a long run the last two weeks are shown, and every day that is not certified.

    Parameters
    ----------
    run
        The run.
    own
        A market's own columns. With some, the lots' profits are shown in one sum to make room.
    """
    days = run.days
    heads = [*_day_heads(days), *_market_heads(days), *_profit_heads(run, each=not own), *own, *_proof_heads(days)]
    table = Table(box=None, pad_edge=False, padding=(0, 0, 0, 1))
    for head in heads:
        table.add_column(Text(head.title), justify="right", no_wrap=True)
    for row in shown_days(days, days["certified"]).to_dict("records"):
        style = None if row["certified"] else "bold red"
        add_text_row(table, *(head.cell(row) for head in heads), style=style)
    if len(days) > 1:
        add_text_row(table, *(head.total for head in heads), style="bold")
    return table


def _day_heads(days: pd.DataFrame) -> list[Head]:
    """Return the columns that say which day a row is about."""
    dates = [Head("date", lambda row: short_date(row["date"]), "")] if "date" in days else []
    return [Head("day", lambda row: str(row["day"]), "all"), *dates]


def _market_heads(days: pd.DataFrame) -> list[Head]:
    """Return the columns about the network and its prices."""
    mean = np.average(days["dlmp_mean_per_mwh"], weights=days["hours"])
    energy, lowest, peak = (
        days["energy_charged_kwh"].sum(),
        days["voltage_min_pu"].min(),
        days["dlmp_peak_per_mwh"].max(),
    )
    return [
        Head("energy\ndrawn", lambda row: f"{row['energy_charged_kwh']:.0f}", f"{energy:.0f}"),
        money("net\ncost", "network_cost", days),
        Head("lowest\nvolt.", lambda row: f"{row['voltage_min_pu']:.4f}", f"{lowest:.4f}"),
        Head("DLMP\nmean", lambda row: f"{row['dlmp_mean_per_mwh']:.1f}", f"{mean:.1f}"),
        Head("DLMP\npeak", lambda row: f"{row['dlmp_peak_per_mwh']:.1f}", f"{peak:.1f}"),
    ]


def charges(run: Run) -> bool:
    """Whether the operator charged a lot for the network."""
    return bool((run.days["network_charge"] != 0).any())


def _profit_heads(run: Run, *, each: bool) -> list[Head]:
    """Return the columns of the lots' profits, one a lot or one in all, and of what they pay the operator."""
    days, lot_days = run.days, run.lot_days
    lots = list(dict.fromkeys(lot_days["lot"]))
    heads = [money("net\ncharge", "network_charge", days)] if charges(run) else []
    if not each or heads or not _names_fit(lots):
        return [money(f"profit\n{len(lots)} lots", "lot_profit", days), *heads]
    profit = lot_days.pivot_table(index="day", columns="lot", values="profit", sort=False)
    digits = _digits([*profit.to_numpy().ravel(), *profit.sum()])
    return [_profit_of(lot, profit[lot], digits) for lot in lots]


def _names_fit(lots: Sequence[str]) -> bool:
    """Whether the table has room for a column of each lot under its whole name."""
    return sum(1 + max(len(lot), _PROFIT_WIDTH) for lot in lots) <= _NAMES_WIDTH


def _profit_of(lot: str, profit: pd.Series[float], digits: int) -> Head:
    """Return the column of one lot's profit, which is given by the day."""
    cells = {day: _amount(value, digits) for day, value in profit.items()}
    return Head(f"profit\n{lot}", lambda row: cells[row["day"]], _amount(profit.sum(), digits))


def _proof_heads(days: pd.DataFrame) -> list[Head]:
    """Return the columns about proof and time."""
    certified = f"{int(days['certified'].sum())}/{len(days)}"
    return [
        Head("worst\nregr.", lambda row: small(row["worst_regret"]), small(days["worst_regret"].max())),
        Head("cert.", lambda row: "yes" if row["certified"] else "NO", certified),
        Head("time", lambda row: f"{row['seconds']:.2f}", f"{days['seconds'].sum():.2f}"),
    ]


def remarks(run: Run) -> list[str]:
    """Return the lines below the table."""
    return [units(run), *_about_lots(run), *about_days(run), *about_agents(run), *about_shortages(run), *closing(run)]


def _about_lots(run: Run) -> list[str]:
    """Return the line with each lot's profit, where the table has only their sum."""
    profits = run.lot_days.groupby("lot", sort=False)["profit"].sum()
    if not len(profits) or (_names_fit([*profits.index]) and not charges(run)):
        return []
    digits = _digits([*profits])
    return [
        f"profits over all days: {', '.join(f'{lot} {_amount(profit, digits)}' for lot, profit in profits.items())}"
    ]


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


def about_agents(run: Run) -> list[str]:
    """Return the lines about drivers without a place, the operator's charges, and the lots' prices."""
    days, currency, lines = run.days, run.manifest.get("currency", "currency"), []
    full, away = int(days["turned_away"].sum()), int(days["stayed_away"].sum())
    if full or away:
        lines.append(f"drivers: {away} stayed away, {full} found no place")
    if charges(run):
        paid = days["network_charge"].sum()
        lines.append(f"network charges: the lots paid the operator {paid:.1f} {currency}; {_what_for(run, currency)}")
    posted = [
        f"{lot} {rows['price_per_kwh'].iloc[0]:.3f} to {rows['price_per_kwh'].iloc[-1]:.3f}"
        for lot, rows in run.lot_days.groupby("lot", sort=False)
        if (rows["price_per_kwh"] != rows["price_per_kwh"].iloc[0]).any()
    ]
    if posted:
        lines.append(f"posted prices, first to last day, {currency}/kWh: {', '.join(posted)}")
    return [*lines, *_about_yardstick(run.yardstick, currency)]


def _what_for(run: Run, currency: str) -> str:
    """Say what network charges were paid for: power above subscribed capacities, or energy by its highest charge."""
    lots = run.lots
    if "excess_per_kwh" in lots and lots["excess_per_kwh"].any():
        above = ((lots["power_kw"] - lots["subscribed_kw"]).clip(lower=0.0) * lots["hours"]).sum()
        return f"they drew {above:.0f} kWh above their subscribed capacities"
    dearest = lots.iloc[int(lots["network_charge_per_kwh"].argmax())]
    charge = f"{dearest['network_charge_per_kwh']:.4f} {currency}/kWh"
    return f"the highest charge was {charge} ({dearest['lot']}, {when(dearest)})"


def _about_yardstick(measured: pd.DataFrame, currency: str) -> list[str]:
    """Return the line about the distance of posted prices from their equilibrium, where that was measured."""
    if not len(measured):
        return []
    distance = measured["distance_per_kwh"].astype("float64").abs().mean()
    days = measured.groupby("day")["equilibria"].first()
    near = "" if np.isnan(distance) else f"posted prices {distance:.4f} {currency}/kWh from the equilibrium and "
    without = int((days == 0).sum())
    none = f"; no equilibrium was found on {without} of {len(days)} days" if without else ""
    return [f"yardstick: {near}regret {measured['regret'].mean():.2f} {currency} a lot and day, on average{none}"]


def about_shortages(run: Run) -> list[str]:
    """Return the lines about what was not served, and about the AC power flow."""
    days, flow = run.days, run.ac
    lines = [
        f"day {row['day']} had a shortage: {row['shed_kwh']:.1f} kWh of load and {row['unserved_kwh']:.1f} kWh of "
        f"charging were not served{_held_by(run.limits, row['day'])}"
        for row in days[(days["shed_kwh"] > 0) | (days["unserved_kwh"] > 0)].to_dict("records")
    ]
    return [*lines, *ac_lines(flow)] if len(flow) else lines


def _held_by(limits: pd.DataFrame, day: int) -> str:
    """Return the limits that a day's shortage comes from, the one that costs most first."""
    rows = limits[(limits["day"] == day) & (limits["shortage"] > 0.0)]
    if not len(rows):
        return ""
    worth = rows.groupby(["limit", "place"], sort=False)["shortage"].sum().sort_values(ascending=False, kind="stable")
    named = [f"{limit} {place}" for limit, place in worth.index[:_NAMED_LIMITS]]
    more = len(worth) - len(named)
    return f"; held by {', '.join(named)}{f' and {more} more' if more else ''} (table limits)"


def ac_lines(ac: pd.DataFrame) -> list[str]:
    """Return the sentences about the AC power flow of a run: errors of the linear flow, and limits that it breaks."""
    solved = ac[ac["converged"].astype(bool)]
    if not len(solved):
        return ["AC power flow: no solution was found for any period"]
    worst = solved.iloc[int(solved["voltage_error_pu"].argmax())]
    lossy = solved.iloc[int(solved["loss_share"].argmax())]
    line = (
        f"AC power flow: voltage error of the linear flow at most {worst['voltage_error_pu']:.4f} p.u. "
        f"({when(worst)}, bus {worst['voltage_error_bus']}), "
        f"loss at most {lossy['loss_kw']:.0f} kW or {100 * lossy['loss_share']:.1f} % of the load "
        f"({when(lossy)})"
    )
    missing = len(ac) - len(solved)
    line += f"; for {missing} periods no solution was found" if missing else ""
    return [line, _broken_line(solved)]


def _broken_line(solved: pd.DataFrame) -> str:
    """Return the sentence about limits that hold in the linear flow and not in the AC flow."""
    parts = []
    for column, place, said in (
        ("undervoltage_pu", "undervoltage_bus", "{:.4f} p.u. below the lowest voltage at bus {}"),
        ("overvoltage_pu", "overvoltage_bus", "{:.4f} p.u. above the highest voltage at bus {}"),
        ("overload_kva", "overload_bus", "{:.1f} kVA above the rating of the branch into bus {}"),
    ):
        if (broken := solved[solved[column] > 0.0]).empty:
            continue
        worst = broken.iloc[int(broken[column].argmax())]
        parts.append(f"{said.format(worst[column], worst[place])} ({when(worst)}; {len(broken)} periods)")
    return f"limits in the AC flow: {', '.join(parts)}" if parts else "limits in the AC flow: all hold"
