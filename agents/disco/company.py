"""The distribution company: buys upstream, owns wind and sun, serves customers and lots, and clears the market."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mesa import Model
from numpy.typing import NDArray

from agents.base import MarketAgent
from agents.disco.lot_tariff import LotTariff, ProgramTariff
from agents.disco.settlement import DiscoSettlement
from equilibrium.arrays import FloatArray
from equilibrium.markets.disco.day import DiscoDay, DiscoScenario, Emissions, Tariffs
from scenarios.markets.disco.day import CompanyDay
from scenarios.time_axis import TimeAxis


@dataclass(frozen=True, eq=False)
class EmissionRule:
    """The company's reward for buying less dirty energy than a baseline, by hour of the clock.

    Attributes
    ----------
    factor_kg_per_kwh
        Upstream emission factor, shape ``(24,)``.
    price_per_kg, share
        As in :class:`equilibrium.markets.disco.day.Emissions`.
    baseline_kw
        Power bought in the baseline, shape ``(24,)``.
    """

    factor_kg_per_kwh: FloatArray
    price_per_kg: float
    share: float
    baseline_kw: FloatArray

    def on(self, axis: TimeAxis) -> Emissions:
        """Return the term for a day with some periods."""
        factor, baseline = self.factor_kg_per_kwh[axis.clock_hour], axis.of_clock(self.baseline_kw)
        return Emissions(factor, self.price_per_kg, self.share, axis.length_h * baseline)


class DistributionCompany(MarketAgent[CompanyDay, DiscoSettlement]):
    """The company that leads the DISCO market.

    Parameters
    ----------
    model
        The Mesa model.
    charge_window, discharge_window
        Hours of the clock in which vehicles may charge and discharge in the modes with windows, shape ``(24,)``.
    emissions
        The CO2 term, or ``None``.
    tariff_rule
        The rule by which it sets the lots' tariff, with what that remembers; by default that of the program.
    """

    def __init__(
        self,
        model: Model,
        *,
        charge_window: NDArray[np.bool_],
        discharge_window: NDArray[np.bool_],
        emissions: EmissionRule | None = None,
        tariff_rule: LotTariff | None = None,
    ) -> None:
        super().__init__(model)
        self.charge_window = charge_window
        self.discharge_window = discharge_window
        self.emissions = emissions
        self.tariff_rule = tariff_rule or ProgramTariff()
        self._day: CompanyDay | None = None

    def observe(self, day: CompanyDay) -> None:
        """See which day it is."""
        self._day = day

    def offer(
        self,
        load_kw: FloatArray,
        load_kvar: FloatArray,
        response_cost: float,
        tariffs: Tariffs,
        scenarios: tuple[DiscoScenario, ...],
    ) -> DiscoDay:
        """Return the market's day: the forecast in the morning, and what came in the evening.

        Parameters
        ----------
        load_kw, load_kvar
            Load after demand response, kW and kvar, shape ``(periods, buses)``.
        response_cost
            What the program costs, currency.
        tariffs
            What the players pay each other.
        scenarios
            Outcomes with their probabilities; one of probability 1 when the day has come.

        Raises
        ------
        RuntimeError
            When no day was observed.
        """
        axis = self._seen().axis
        return DiscoDay(
            load_kw=load_kw,
            load_kvar=load_kvar,
            response_cost=response_cost,
            tariffs=tariffs,
            scenarios=scenarios,
            charge_window=self.charge_window[axis.clock_hour],
            discharge_window=self.discharge_window[axis.clock_hour],
            emissions=None if self.emissions is None else self.emissions.on(axis),
            period_h=axis.length_h,
        )

    def lot_tariff(self, program: FloatArray) -> FloatArray:
        """Return what company and lots pay each other today, currency/kWh, shape ``(periods,)``.

        Parameters
        ----------
        program
            Tariff of the day's program, currency/kWh, shape ``(periods,)``.

        Raises
        ------
        RuntimeError
            When no day was observed.
        """
        return self.tariff_rule.tariff(self._seen(), program)

    def settle(self, clearing: DiscoSettlement) -> None:
        """Let the rule of the lots' tariff see what energy was worth; nothing else lasts."""
        self.tariff_rule.settle(self._seen(), clearing.realised.price)

    def _seen(self) -> CompanyDay:
        if self._day is None:
            raise RuntimeError("the company must observe a day before it can offer or settle one")
        return self._day
