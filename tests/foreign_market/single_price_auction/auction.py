"""The auction: who bids most is served first, and all pay the same price of the hour.

The allocation has the greatest surplus ``sum (bid - wholesale) x`` with ``x <= quantity`` and ``sum x <= capacity`` in
every hour. The price is the lowest that supports it: the wholesale price, or where that is higher, the highest bid that
was not served in full.
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
    """What is auctioned: prices in currency/kWh, powers in kW; bids ``(lots,)``, quantities ``(hours, lots)``."""

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

    def __init__(self, lots: int, hours: int) -> None:
        self.lots, self.hours = lots, hours
        self.program = _surplus_program(lots, hours)

    def prepare(self, day: AuctionDay) -> None:
        """Do nothing: an auction has no start to prepare."""

    def close(self) -> None:
        """Do nothing: nothing is held open."""

    def clear(self, day: AuctionDay) -> AuctionResult:
        """Clear a day and prove it."""
        begin = time.perf_counter()
        if day.quantity_kw.shape != (self.hours, self.lots):
            raise InputError("auction", "quantity_kw", day.quantity_kw.shape, f"shape {(self.hours, self.lots)}")
        power = np.array([_served(day, hour) for hour in range(self.hours)])
        price = np.array([_price(day, hour, power[hour]) for hour in range(self.hours)])
        profit = ((day.bid - price[:, None]) * power).sum(axis=0)
        best = (np.maximum(day.bid - price[:, None], 0.0) * day.quantity_kw).sum(axis=0)
        instance = self.program.bind(
            {
                "quantity_kw": day.quantity_kw,
                "margin": day.bid - day.wholesale_price[:, None],
                "capacity_kw": [day.capacity_kw],
            }
        )
        scarcity = day.wholesale_price - price  # the multiplier of a limit from above in a minimisation is not positive
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


def _surplus_program(lots: int, hours: int) -> Program:
    """State the greatest surplus as a linear program, for the proof."""
    build = ProgramBuilder()
    power = build.columns("power_kw", (hours, lots), upper=0.0)
    build.upper_ports(power, build.port("quantity_kw", power.shape), 1.0)
    build.cost_ports(power, build.port("margin", power.shape), -1.0)
    limit = build.rows("capacity", (hours,), upper=0.0)
    build.coefficients(limit[:, None], power, 1.0)
    build.row_ports(limit, build.port("capacity_kw", (1,)), -1.0)
    return build.compile()


def _served(day: AuctionDay, hour: int) -> Array:
    """Return the power of each lot: the highest bids first, equal bids in proportion to what they ask for."""
    asked, left = day.quantity_kw[hour], day.capacity_kw
    power: Array = np.zeros_like(asked)
    for bid in np.unique(day.bid)[::-1]:
        if bid <= day.wholesale_price[hour]:
            break
        group = day.bid == bid
        total = float(asked[group].sum())
        share = min(1.0, left / total) if total > 0.0 else 0.0
        power[group] = share * asked[group]
        left -= share * total
    return power


def _price(day: AuctionDay, hour: int, power: Array) -> float:
    """Return the lowest price that supports the allocation."""
    waiting = day.bid[power < day.quantity_kw[hour]]
    return float(np.max(waiting, initial=day.wholesale_price[hour]))
