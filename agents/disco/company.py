"""The distribution company: buys upstream, owns wind and sun, serves customers and lots, and clears the market."""

from __future__ import annotations

import numpy as np
from mesa import Model
from numpy.typing import NDArray

from agents.base import MarketAgent
from agents.disco.records import CompanyRecord
from agents.disco.settlement import DiscoSettlement
from equilibrium.arrays import FloatArray
from equilibrium.markets.disco.day import DiscoDay, DiscoScenario, Emissions, Tariffs
from scenarios.markets.disco.day import CompanyDay


class DistributionCompany(MarketAgent[CompanyDay, DiscoSettlement]):
    """The company that leads the DISCO market.

    Parameters
    ----------
    model
        The Mesa model.
    charge_window, discharge_window
        Periods in which vehicles may charge and discharge in the modes with windows, shape ``(periods,)``.
    emissions
        The CO2 term, or ``None``.

    Attributes
    ----------
    memory
        What the company has seen since the start of the run; ``None`` before the first day.
    """

    def __init__(
        self,
        model: Model,
        *,
        charge_window: NDArray[np.bool_],
        discharge_window: NDArray[np.bool_],
        emissions: Emissions | None = None,
    ) -> None:
        super().__init__(model)
        self.charge_window = charge_window
        self.discharge_window = discharge_window
        self.emissions = emissions
        self.memory: CompanyRecord | None = None

    def observe(self, day: CompanyDay) -> None:
        """See the day: what it brings comes to the market through :meth:`offer`."""

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
        """
        return DiscoDay(
            load_kw=load_kw,
            load_kvar=load_kvar,
            response_cost=response_cost,
            tariffs=tariffs,
            scenarios=scenarios,
            charge_window=self.charge_window,
            discharge_window=self.discharge_window,
            emissions=self.emissions,
        )

    def settle(self, clearing: DiscoSettlement) -> None:
        """Remember profits, lowest voltages and the mean marginal cost of every bus."""
        realised = clearing.realised
        lowest, price = realised.voltage_pu.min(axis=0), realised.price.mean(axis=0)
        seen = self.memory
        if seen is None:
            self.memory = CompanyRecord(1, realised.company_profit, clearing.plan.expected_profit, price, lowest)
            return
        days = seen.days + 1
        self.memory = CompanyRecord(
            days=days,
            profit=seen.profit + realised.company_profit,
            planned_profit=seen.planned_profit + clearing.plan.expected_profit,
            expected_price=seen.expected_price + (price - seen.expected_price) / days,
            lowest_voltage_pu=np.minimum(seen.lowest_voltage_pu, lowest),
        )

    def record(self) -> CompanyRecord:
        """Return what was seen since the start of the run.

        Raises
        ------
        RuntimeError
            When no day was settled.
        """
        if self.memory is None:
            raise RuntimeError("the company has not settled a day")
        return self.memory
