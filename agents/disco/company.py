"""The distribution company: buys upstream, owns wind and sun, serves customers and lots, and clears the market."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mesa import Model
from numpy.typing import NDArray

from agents.base import MarketAgent
from agents.disco.records import CompanyRecord
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
        emissions: EmissionRule | None = None,
    ) -> None:
        super().__init__(model)
        self.charge_window = charge_window
        self.discharge_window = discharge_window
        self.emissions = emissions
        self.memory: CompanyRecord | None = None
        self._axis: TimeAxis | None = None

    def observe(self, day: CompanyDay) -> None:
        """See which periods the day has: what else it brings comes to the market through :meth:`offer`."""
        self._axis = day.axis

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
        axis = self._seen()
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

    def settle(self, clearing: DiscoSettlement) -> None:
        """Remember profits, lowest voltages and the mean marginal cost of every bus."""
        realised, axis, seen = clearing.realised, self._seen(), self.memory
        lowest, price = realised.voltage_pu.min(axis=0), np.average(realised.price, axis=0, weights=axis.length_h)
        if seen is None:
            profits = realised.company_profit, clearing.plan.expected_profit
            self.memory = CompanyRecord(1, axis.hours, *profits, price, lowest)
            return
        hours = seen.hours + axis.hours
        self.memory = CompanyRecord(
            days=seen.days + 1,
            hours=hours,
            profit=seen.profit + realised.company_profit,
            planned_profit=seen.planned_profit + clearing.plan.expected_profit,
            expected_price=seen.expected_price + (price - seen.expected_price) / (hours / axis.hours),
            lowest_voltage_pu=np.minimum(seen.lowest_voltage_pu, lowest),
        )

    def _seen(self) -> TimeAxis:
        if self._axis is None:
            raise RuntimeError("the company must observe a day before it can offer or settle one")
        return self._axis

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
