"""The auction: who bids most is served first, and all pay the same price of the period.

The allocation has the greatest surplus ``sum (bid - wholesale) x`` with ``x <= quantity`` and ``sum x <= capacity`` in
every period. The price is the lowest that supports it: the wholesale price, or the highest bid that was not served in
full where that is higher.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equilibrium.certificate import Certificate, certify
from equilibrium.errors import InputError
from equilibrium.programs.duality import kkt_residuals
from equilibrium.programs.program import Program, ProgramBuilder

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class AuctionDay:
    """What is auctioned: prices in currency/kWh, powers in kW; bids ``(lots,)``, quantities ``(periods, lots)``."""

    length_h: Array
    wholesale_price: Array
    capacity_kw: float
    bid: Array
    quantity_kw: Array


@dataclass(frozen=True, eq=False)
class AuctionResult:
    """Who gets what, at which price; ``profit`` is what each lot values its energy more than it pays."""

    power_kw: Array
    price: Array
    profit: Array
    certificate: Certificate
    seconds: float
    solver_seconds: float


class SinglePriceAuction:
    """The market of one transformer."""

    def __init__(self, lots: int) -> None:
        self.lots = lots
        self.programs: dict[int, Program] = {}

    def prepare(self, day: AuctionDay) -> None:
        """Do nothing: an auction has no start to prepare."""

    def close(self) -> None:
        """Do nothing: nothing is held open."""

    def clear(self, day: AuctionDay) -> AuctionResult:
        """Clear a day and prove it."""
        begin = time.perf_counter()
        periods = day.length_h.size
        if day.quantity_kw.shape != (periods, self.lots):
            raise InputError("auction", "quantity_kw", day.quantity_kw.shape, f"shape {(periods, self.lots)}")
        power = np.array([_served(day, period) for period in range(periods)])
        price = np.array([_price(day, period, power[period]) for period in range(periods)])
        profit = day.length_h @ ((day.bid - price[:, None]) * power)
        best = day.length_h @ (np.maximum(day.bid - price[:, None], 0.0) * day.quantity_kw)
        if periods not in self.programs:  # a day has 23, 24 or 25 hours, or quarters
            self.programs[periods] = _surplus_program(self.lots, periods)
        instance = self.programs[periods].bind(
            {
                "quantity_kw": day.quantity_kw,
                "margin": day.length_h[:, None] * (day.bid - day.wholesale_price[:, None]),
                "capacity_kw": [day.capacity_kw],
            }
        )
        # The multiplier of a limit from above in a minimisation is not positive.
        scarcity = day.length_h * (day.wholesale_price - price)
        proof = certify(
            [kkt_residuals(instance, power.ravel(), scarcity)],
            profit,
            best,
            best,
            method="merit order",
            solver="none",
            notes=("lots take the price as given",),
        )
        return AuctionResult(power, price, profit, proof, time.perf_counter() - begin, 0.0)


def _surplus_program(lots: int, periods: int) -> Program:
    """State the greatest surplus as a linear program, for the proof."""
    build = ProgramBuilder()
    power = build.columns("power_kw", (periods, lots), upper=0.0)
    build.upper_ports(power, build.port("quantity_kw", power.shape), 1.0)
    build.cost_ports(power, build.port("margin", power.shape), -1.0)
    limit = build.rows("capacity", (periods,), upper=0.0)
    build.coefficients(limit[:, None], power, 1.0)
    build.row_ports(limit, build.port("capacity_kw", (1,)), -1.0)
    return build.compile()


def _served(day: AuctionDay, period: int) -> Array:
    """Return the power of each lot: the highest bids first, equal bids in proportion to what they ask for."""
    asked, left = day.quantity_kw[period], day.capacity_kw
    power: Array = np.zeros_like(asked)
    for bid in np.unique(day.bid)[::-1]:
        if bid <= day.wholesale_price[period]:
            break
        group = day.bid == bid
        total = float(asked[group].sum())
        share = min(1.0, left / total) if total > 0.0 else 0.0
        power[group] = share * asked[group]
        left -= share * total
    return power


def _price(day: AuctionDay, period: int, power: Array) -> float:
    """Return the lowest price that supports the allocation."""
    waiting = day.bid[power < day.quantity_kw[period]]
    return float(np.max(waiting, initial=day.wholesale_price[period]))
