"""The auction for both lists of markets: its tables, figures, words, and what holds in its runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rich.table import Table as Screen

from sim.checks import RunInvariant, apart
from sim.columns import DATE, DAY, PER_MWH, Column, Table, energy_kwh, flag, itself, number, periods, text
from sim.markets.base import MarketKind, MarketPlugin
from sim.show.telling import closing, shown_days, small
from sim.store import Run
from single_price_auction.model import AuctionModel, AuctionOutcome
from single_price_auction.scenario import KIND as SCENARIO

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def _lots(day: AuctionOutcome) -> int:
    return day.day.bid.size


DAYS: Table[AuctionOutcome, AuctionOutcome] = Table(
    "days",
    itself,
    (
        DAY,
        DATE,
        number("energy_kwh", "energy sold, kWh", lambda d: energy_kwh(d.day.length_h, d.cleared.power_kw)),
        number("paid", "what the lots paid, currency", lambda d: sum(lot.paid for lot in d.bidders)),
        number("price_peak_per_mwh", "highest price, currency/MWh", lambda d: d.cleared.price.max() * PER_MWH),
        number("price_mean_per_mwh", "mean price of all days so far, currency/MWh", lambda d: d.mean_price * PER_MWH),
        number("scarce_hours", "hours in which capacity sets the price", lambda d: d.day.length_h @ _scarce(d)),
        number("worst_regret", "most that a lot could gain, currency", lambda d: d.cleared.certificate.worst_regret),
        flag("certified", "whether the day is certified", lambda d: d.cleared.certificate.certified),
        number("seconds", "wall time of the day, s", lambda d: d.seconds),
    ),
)


def _scarce(day: AuctionOutcome) -> np.ndarray:
    return day.cleared.price > day.day.wholesale_price


_EACH_PERIOD: tuple[Column[AuctionOutcome], ...] = periods(lambda d: (d.axis, np.arange(d.axis.size)))
_EACH_LOT: tuple[Column[AuctionOutcome], ...] = periods(lambda d: (d.axis, np.repeat(np.arange(d.axis.size), _lots(d))))

PRICES: Table[AuctionOutcome, AuctionOutcome] = Table(
    "prices",
    itself,
    (
        DAY,
        DATE,
        *_EACH_PERIOD,
        number("price_per_mwh", "price of the period, currency/MWh", lambda d: d.cleared.price * PER_MWH),
        number("wholesale_per_mwh", "wholesale price, currency/MWh", lambda d: d.day.wholesale_price * PER_MWH),
        number("sold_kw", "power sold, kW", lambda d: d.cleared.power_kw.sum(axis=1)),
        number("capacity_kw", "power that could be sold, kW", lambda d: d.day.capacity_kw),
    ),
)

POWERS: Table[AuctionOutcome, AuctionOutcome] = Table(
    "powers",
    itself,
    (
        DAY,
        DATE,
        *_EACH_LOT,
        text("lot", "name of the lot", lambda d: [lot.name for lot in d.bidders] * d.axis.size),
        number("asked_kw", "power that it bid for, kW", lambda d: d.day.quantity_kw.ravel()),
        number("power_kw", "power that it got, kW", lambda d: d.cleared.power_kw.ravel()),
    ),
)

LOT_DAYS: Table[AuctionOutcome, AuctionOutcome] = Table(
    "lot_days",
    itself,
    (
        DAY,
        DATE,
        text("lot", "name of the lot", lambda d: [lot.name for lot in d.bidders]),
        number("bid_per_kwh", "its bid, currency/kWh", lambda d: [lot.bid for lot in d.bidders]),
        number("wanted_kwh", "energy that it needed, kWh", lambda d: [lot.wanted_kwh for lot in d.bidders]),
        number("got_kwh", "energy that it got, kWh", lambda d: [lot.got_kwh for lot in d.bidders]),
        number("paid", "what it paid, currency", lambda d: [lot.paid for lot in d.bidders]),
        number("backlog_kwh", "energy that waits for tomorrow, kWh", lambda d: [lot.backlog_kwh for lot in d.bidders]),
        number("profit", "worth of its energy less what it paid, currency", lambda d: d.cleared.profit),
    ),
)

CERTIFICATES: Table[AuctionOutcome, AuctionOutcome] = Table(
    "certificates",
    itself,
    (
        DAY,
        DATE,
        flag("certified", "true from the verdict epsilon-nash upward", lambda d: d.cleared.certificate.certified),
        text("verdict", "how much is proved", lambda d: str(d.cleared.certificate.verdict)),
        number("gap", "relative duality gap", lambda d: d.cleared.certificate.gap),
        text("method", "method that was used", lambda d: d.cleared.certificate.method),
        text("notes", "what a reader should know", lambda d: "; ".join(d.cleared.certificate.notes)),
    ),
)


def draw(run: Run, day: int, title: str, currency: str) -> dict[str, Figure]:
    """Return the figures of a run: prices and powers of one day, and the lots' backlog over the days."""
    from matplotlib.figure import Figure

    from sim.show.drawing import BLUE, CYCLE, GREY, legend_below

    prices, powers = run.table("prices", day), run.table("powers", day)
    auction = Figure(figsize=(7.2, 5.0), layout="constrained")
    above, below = auction.subplots(2, 1, sharex=True)
    above.step(prices["period"], prices["price_per_mwh"], where="mid", color=BLUE, label="Price of the auction")
    above.step(prices["period"], prices["wholesale_per_mwh"], where="mid", color=GREY, label="Wholesale price")
    above.set_ylabel(f"{currency}/MWh")
    above.set_title(title, loc="left")
    for k, (name, rows) in enumerate(powers.groupby("lot", sort=False)):
        below.step(rows["period"], rows["power_kw"], where="mid", color=CYCLE[k % len(CYCLE)], label=str(name))
    below.set_ylabel("kW")
    below.set_xlabel("Period")
    legend_below(below)
    backlog = Figure(figsize=(7.2, 3.0), layout="constrained")
    axis = backlog.subplots()
    for k, (name, rows) in enumerate(run.lot_days.groupby("lot", sort=False)):
        axis.plot(rows["day"], rows["backlog_kwh"], marker="o", color=CYCLE[k % len(CYCLE)], label=str(name))
    axis.set_ylabel("Energy that waits (kWh)")
    axis.set_xlabel("Day")
    legend_below(axis)
    return {f"auction-day-{day}": auction, "backlog": backlog}


def day_table(run: Run) -> Screen:
    """Return the small table of a run."""
    table = Screen(box=None, pad_edge=False)
    for head in ("day", "energy", "paid", "peak price", "scarce h", "worst regret", "certified"):
        table.add_column(head, justify="right")
    for row in shown_days(run.days, run.days["certified"]).to_dict("records"):
        table.add_row(
            str(row["day"]),
            f"{row['energy_kwh']:.0f}",
            f"{row['paid']:.1f}",
            f"{row['price_peak_per_mwh']:.1f}",
            f"{row['scarce_hours']:g}",
            small(row["worst_regret"]),
            "yes" if row["certified"] else "NO",
        )
    return table


def remarks(run: Run) -> list[str]:
    """Return the lines below it."""
    lines = [f"energy in kWh, money in {run.manifest.get('currency')}, prices per MWh"]
    for name, rows in run.lot_days.groupby("lot", sort=False):
        lines.append(f"{name}: {rows['got_kwh'].sum():.0f} kWh for {rows['paid'].sum():.1f}")
    return lines + closing(run)


def _sold(run: Run) -> float:
    sums = run.powers.groupby(["day", "period"])["power_kw"].sum()
    return apart(run.prices.set_index(["day", "period"])["sold_kw"], sums)


def _waiting(run: Run) -> float:
    lots = run.lot_days
    return apart(lots["backlog_kwh"], lots["wanted_kwh"] - lots["got_kwh"], lots["wanted_kwh"])


MARKET = MarketKind(
    name="single-price",
    tables=(DAYS, PRICES, POWERS, LOT_DAYS, CERTIFICATES),
    peak_column="price_peak_per_mwh",
    model=AuctionModel.from_options,
    figures=draw,
    day_table=day_table,
    remarks=remarks,
    refuses={
        "ac": "no AC power flow: the auction has no feeder",
        "sessions": "a scenario of another market: an auction has no sessions",
    },
    invariants=(
        RunInvariant("sold", "what is sold is what the lots get", "conservation of energy", 1e-9, _sold),
        RunInvariant("waiting", "what a lot wants it gets or it waits", "conservation of energy", 1e-9, _waiting),
    ),
)

PLUGIN = MarketPlugin(scenario=SCENARIO, market=MARKET)
