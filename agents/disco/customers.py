"""The company's customers: they answer to a demand-response program with an elasticity that nobody else knows."""

from __future__ import annotations

import numpy as np
from mesa import Model

from agents.base import MarketAgent
from agents.disco.settlement import DiscoSettlement
from equilibrium.arrays import FloatArray
from equilibrium.demand_response import Elasticity, ResponseProgram, respond
from scenarios.markets.disco.day import CompanyDay
from scenarios.streams import Streams


class Customers(MarketAgent[CompanyDay, DiscoSettlement]):
    """All loads of the feeder.

    The load is what the response model gives for the true elasticity, times a lognormal factor with mean 1 that is the
    same at all buses in an hour of the clock: people do not react to a price alone.

    Parameters
    ----------
    model
        The Mesa model.
    base_tariff
        What customers pay without a program, currency/kWh, by hour of the clock, shape ``(24,)``.
    elasticity
        Their true elasticity, between hours of the clock.
    participation
        Share of the load that takes part in programs.
    noise
        Standard deviation of the logarithm of the hourly factor.
    streams
        The run's random streams; the customers draw from ``response``.

    Attributes
    ----------
    load_kw, load_kvar
        Today's load after the response, shape ``(periods, buses)``; ``None`` before the first answer.
    """

    def __init__(
        self,
        model: Model,
        *,
        base_tariff: FloatArray,
        elasticity: Elasticity,
        participation: float,
        noise: float,
        streams: Streams,
    ) -> None:
        super().__init__(model)
        self.base_tariff = base_tariff
        self.elasticity = elasticity
        self.participation = participation
        self.noise = noise
        self.load_kw: FloatArray | None = None
        self.load_kvar: FloatArray | None = None
        self._streams = streams
        self._day: CompanyDay | None = None

    def observe(self, day: CompanyDay) -> None:
        """Take in the load that there would be today without a program."""
        self._day = day

    def answer(self, program: ResponseProgram) -> tuple[FloatArray, FloatArray]:
        """Answer to the program of the day.

        Returns
        -------
        tuple[FloatArray, FloatArray]
            Active and reactive load, kW and kvar, each of shape ``(periods, buses)``.

        Raises
        ------
        RuntimeError
            When no day was observed.
        """
        if self._day is None:
            raise RuntimeError("the customers must observe a day before they can answer to a program")
        axis = self._day.axis
        draws = self._streams.generator("response", self._day.index).standard_normal(self.base_tariff.size)
        factor = np.exp(self.noise * draws - self.noise**2 / 2)[axis.clock_hour]
        elasticity = self.elasticity.over(axis.clock_hour, axis.length_h)
        tariff = axis.of_clock(self.base_tariff)
        expected = respond(self._day.base_kw, tariff, program, elasticity, self.participation)
        self.load_kw = expected * factor[:, None]
        self.load_kvar = with_power_factor(self._day.base_kw, self._day.base_kvar, self.load_kw)
        return self.load_kw, self.load_kvar

    def settle(self, clearing: DiscoSettlement) -> None:
        """Pay: customers do not learn."""


def with_power_factor(base_kw: FloatArray, base_kvar: FloatArray, load_kw: FloatArray) -> FloatArray:
    """Return the reactive load that goes with a changed active load at the power factor that it had."""
    ratio = np.divide(load_kw, base_kw, out=np.ones_like(load_kw), where=base_kw != 0.0)
    kvar: FloatArray = base_kvar * ratio
    return kvar
