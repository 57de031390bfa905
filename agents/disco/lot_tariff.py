"""What company and lots pay each other for a kWh: two rules behind one protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from agents.memory import smoothed
from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from scenarios.markets.disco.day import CompanyDay
from scenarios.time_axis import without_gaps


class LotTariff(Protocol):
    """A rule for the tariff of the lots, which may remember what energy was worth at their buses."""

    def tariff(self, day: CompanyDay, program: FloatArray) -> FloatArray:
        """Return the tariff of a day, currency/kWh, shape ``(periods,)``.

        Parameters
        ----------
        day
            The day.
        program
            Tariff of its demand-response program, currency/kWh, shape ``(periods,)``.
        """
        ...

    def settle(self, day: CompanyDay, price: FloatArray) -> None:
        """Take in the marginal cost of every bus, currency/kWh, shape ``(periods, buses)``."""
        ...


class ProgramTariff:
    """Lots trade at the tariff of the day's program, as in the papers: nothing is remembered."""

    def tariff(self, day: CompanyDay, program: FloatArray) -> FloatArray:  # noqa: ARG002 - every day is alike
        """Return the program's tariff."""
        return program

    def settle(self, day: CompanyDay, price: FloatArray) -> None:
        """Remember nothing."""


class MarginalCostTariff:
    """Lots trade at what the company expects a kWh at their buses to cost it, in the mean of each tariff period.

    The expectation is the exponentially smoothed mean of the marginal costs at the lots' buses, hour of the clock by
    hour; on the first day it is the upstream price. So a day on which the lots' part of the feeder was dear makes them
    pay more tomorrow, and get more for what they give. One price for all hours of a period, as time-of-use rates have
    it, leaves the hours inside it to the company; a price of each hour would bring all vehicles to the cheapest one.

    Parameters
    ----------
    buses
        Buses of the lots, at least one.
    period_of_hour
        Tariff period of each hour of the clock, shape ``(24,)``.
    memory
        Share of the remembered costs that one day leaves unchanged, 0 to 1.
    source
        Name for the error message.

    Attributes
    ----------
    expected_price
        Remembered mean marginal cost, currency/kWh, by hour of the clock, shape ``(24,)``; ``None`` before the first
        day.

    References
    ----------
    F. C. Schweppe, M. C. Caramanis, R. D. Tabors, R. E. Bohn, Spot Pricing of Electricity, Kluwer, 1988, chapter 3:
    predetermined and time-of-use prices are the spot prices that are expected when they are set.
    """

    def __init__(
        self, buses: Sequence[int], period_of_hour: Sequence[str], memory: float, source: str = "company"
    ) -> None:
        if not buses:
            raise InputError(source, "lot_tariff", "marginal-cost", "a lot at whose bus energy has a price")
        if not 0.0 <= memory <= 1.0:
            raise InputError(source, "cost_memory", memory, "a number from 0 to 1")
        self.buses = list(buses)
        self.memory = memory
        self._period_of_hour = np.array(period_of_hour)
        self.expected_price: FloatArray | None = None

    def tariff(self, day: CompanyDay, program: FloatArray) -> FloatArray:  # noqa: ARG002 - programs are for customers
        """Return the mean of the expected marginal cost in each tariff period."""
        if self.expected_price is None:
            self.expected_price = without_gaps(day.axis.to_clock(day.upstream_price))
        mean = np.empty_like(self.expected_price)
        for name in np.unique(self._period_of_hour):
            inside = self._period_of_hour == name
            mean[inside] = self.expected_price[inside].mean()
        return day.axis.of_clock(mean)

    def settle(self, day: CompanyDay, price: FloatArray) -> None:
        """Remember the mean of the marginal costs at the lots' buses."""
        if self.expected_price is None:
            raise RuntimeError("the company must state a tariff before it can settle a day")
        seen = day.axis.to_clock(price[:, self.buses].mean(axis=1))
        self.expected_price = smoothed(self.expected_price, seen, self.memory)
