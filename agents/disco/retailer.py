"""The demand-response retailer: chooses a program every day and learns how customers answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from mesa import Model

from agents.base import MarketAgent
from agents.disco.customers import with_power_factor
from agents.disco.elasticity import ElasticityBelief
from agents.disco.program_choice import ProgramChoice
from agents.disco.records import RetailRecord
from agents.disco.settlement import DiscoSettlement
from agents.memory import smoothed
from equilibrium.arrays import FloatArray
from equilibrium.demand_response import Elasticity, ResponseProgram, response_cost, response_factor
from scenarios.markets.disco.day import CompanyDay
from scenarios.streams import Streams
from scenarios.time_axis import TimeAxis, without_gaps


class DemandResponseRetailer(MarketAgent[CompanyDay, DiscoSettlement]):
    """The company's retail arm: it sells energy to customers under a demand-response program.

    Its profit is what customers pay less what the program costs less the value of the energy at the company's marginal
    cost. For the forecast it takes the elasticity that it believes in and the marginal costs that it remembers. After
    the day it sees the load and the metered base load of those who take no part, and updates its belief.

    Parameters
    ----------
    model
        The Mesa model.
    menu
        Returns the programs that it may offer on a day, always the same ones in the same order: a real-time tariff
        follows the day's upstream prices.
    base_tariff
        What customers pay without a program, currency/kWh, by hour of the clock, shape ``(24,)``.
    participation
        Share of the load that takes part.
    belief
        What it believes about the elasticity.
    choice
        The rule by which it chooses.
    penalty_sign
        1 when penalties are an income of the company, -1 when they are a cost.
    memory
        Share of the remembered marginal costs that one day leaves unchanged.
    streams
        The run's random streams; the retailer draws from ``program``, and elasticities from ``belief``.

    Attributes
    ----------
    programs
        Today's programs.
    expected_cost
        What it thinks one more kWh will cost the company, currency/kWh, by hour of the clock, shape ``(24,)``.
    chosen
        Index of today's program.
    """

    def __init__(
        self,
        model: Model,
        *,
        menu: Callable[[CompanyDay], Sequence[ResponseProgram]],
        base_tariff: FloatArray,
        participation: float,
        belief: ElasticityBelief,
        choice: ProgramChoice,
        penalty_sign: float = 1.0,
        memory: float = 0.7,
        streams: Streams,
    ) -> None:
        super().__init__(model)
        self.menu = menu
        self.programs: tuple[ResponseProgram, ...] = ()
        self.base_tariff = base_tariff
        self.participation = participation
        self.belief = belief
        self.choice = choice
        self.expected_cost: FloatArray | None = None
        self.chosen = 0
        self._penalty_sign = penalty_sign
        self._memory = memory
        self._streams = streams
        self._day: CompanyDay | None = None
        self._forecast: FloatArray = np.zeros(0)
        self._probability: FloatArray = np.zeros(0)
        self._propensity: FloatArray = np.zeros(0)
        self._profit = 0.0

    @property
    def program(self) -> ResponseProgram:
        """Today's program."""
        return self.programs[self.chosen]

    def observe(self, day: CompanyDay) -> None:
        """Forecast the profit of every program and choose one."""
        self._day = day
        self.programs = tuple(self.menu(day))
        if self.expected_cost is None:
            self.expected_cost = without_gaps(day.axis.to_clock(day.upstream_price))
        self._forecast = self.forecast_at(self.elasticity())
        self._probability = self.choice.probabilities(self._forecast, self._drawn_forecasts)
        self._propensity = self.choice.propensities(self._forecast).copy()
        generator = self._streams.generator("program", day.index)
        self.chosen = int(generator.choice(len(self.programs), p=self._probability))

    def offer(self) -> tuple[FloatArray, FloatArray, float]:
        """Return the load that is expected under today's program, kW and kvar, and what the program will cost.

        Raises
        ------
        RuntimeError
            When no day was observed.
        """
        if self._day is None:
            raise RuntimeError("the retailer must observe a day before it can offer a program")
        axis = self._day.axis
        answering = self.elasticity().over(axis.clock_hour, axis.length_h)
        load_kw = self._expected_load(self._day, self.program, answering)
        load_kvar = with_power_factor(self._day.forecast_kw, self._day.forecast_kvar, load_kw)
        return load_kw, load_kvar, self.cost(self._day.forecast_kw, load_kw, self.program)

    def cost(self, base_kw: FloatArray, load_kw: FloatArray, program: ResponseProgram) -> float:
        """Return C^DR, what a program costs the company (DRc), currency.

        Parameters
        ----------
        base_kw, load_kw
            Load before and after the response, shape ``(periods, buses)``.
        program
            The program.

        Raises
        ------
        RuntimeError
            When no day was observed.
        """
        if self._day is None:
            raise RuntimeError("the retailer must observe a day before it knows what a program costs")
        length_h = self._day.axis.length_h
        return response_cost(base_kw, load_kw, program, penalty_sign=self._penalty_sign, period_h=length_h)

    def elasticity(self) -> Elasticity:
        """Return the likeliest elasticity of the right signs, between hours of the clock."""
        return Elasticity.blocks(self.belief.period_of_hour, self.belief.likeliest())

    def forecast_at(self, elasticity: Elasticity) -> FloatArray:
        """Return what it would expect to earn with each program if customers had an elasticity.

        The load is that of the forecast, and one more kWh costs what the retailer expects.

        Parameters
        ----------
        elasticity
            Between hours of the clock.

        Returns
        -------
        FloatArray
            Currency, shape ``(programs,)``.

        Raises
        ------
        RuntimeError
            When no day was observed.
        """
        if self._day is None or self.expected_cost is None:
            raise RuntimeError("the retailer must observe a day before it can forecast one")
        axis = self._day.axis
        cost, answering = axis.of_clock(self.expected_cost), elasticity.over(axis.clock_hour, axis.length_h)
        return np.array([self._forecast_profit(self._day, program, cost, answering) for program in self.programs])

    def _drawn_forecasts(self, draws: int) -> FloatArray:
        """Return the forecasts for elasticities drawn from the belief, ``(draws, programs)``."""
        if self._day is None:
            raise RuntimeError("the retailer must observe a day before it can forecast one")
        drawn = self.belief.draw(self._streams.generator("belief", self._day.index), draws)
        hours = self.belief.period_of_hour
        return np.array([self.forecast_at(Elasticity.blocks(hours, values)) for values in drawn])

    def settle(self, clearing: DiscoSettlement) -> None:
        """Book the profit, remember the marginal costs, update the belief from the load that was seen, and learn.

        Raises
        ------
        RuntimeError
            When no day was observed.
        """
        if self._day is None or self.expected_cost is None:
            raise RuntimeError("the retailer must observe a day before it can settle one")
        load, price, axis = clearing.outcome.load_kw, clearing.realised.price, self._day.axis
        energy = axis.length_h[:, None] * load
        income = float((energy * self.program.tariff[:, None]).sum())
        self._profit = income - clearing.outcome.response_cost - float((energy * price).sum())
        self.choice.update(self.chosen, self._profit)
        total, base = load.sum(axis=1), self._day.base_kw.sum(axis=1)
        mean = np.divide((load * price).sum(axis=1), total, out=price.mean(axis=1), where=total > 0.0)
        self.expected_cost = smoothed(self.expected_cost, axis.to_clock(mean), self._memory)
        drawn, without = axis.to_clock(total), axis.to_clock(base)
        metered = np.divide(drawn, without, out=np.full_like(drawn, np.nan), where=without > 0.0)
        self.belief.update(self.signal(self.program, axis), (metered - 1.0) / self.participation)

    def signal(self, program: ResponseProgram, axis: TimeAxis) -> FloatArray:
        """Return what a program's relative price signal, the bracket of (DR), adds up to in each hour of the clock.

        Shape ``(24,)``: a signal that lasts for a part of an hour counts in part, in a repeated hour twice.
        """
        base = axis.of_clock(self.base_tariff)
        change = program.tariff - base + program.incentive + program.penalty
        return axis.hours_of_clock() * np.nan_to_num(axis.to_clock(change / base))

    def record(self) -> RetailRecord:
        """Return the record of the settled day."""
        return RetailRecord(
            programs=tuple(program.name for program in self.programs),
            chosen=self.chosen,
            probability=self._probability,
            propensity=self._propensity,
            forecast_profit=self._forecast,
            profit=self._profit,
            estimate=self.belief.estimate(),
            standard_error=self.belief.standard_error(),
        )

    def _expected_load(self, day: CompanyDay, program: ResponseProgram, elasticity: Elasticity) -> FloatArray:
        """Return (DR) for an elasticity between periods; one that is far off must not make a load negative."""
        base = day.axis.of_clock(self.base_tariff)
        factor = response_factor(base, program, elasticity, self.participation)
        load: FloatArray = day.forecast_kw * np.maximum(factor, 0.0)[:, None]
        return load

    def _forecast_profit(
        self, day: CompanyDay, program: ResponseProgram, cost: FloatArray, elasticity: Elasticity
    ) -> float:
        """Return what a program would earn at a marginal cost of energy and an elasticity of the periods, currency."""
        load = self._expected_load(day, program, elasticity)
        margin = day.axis.length_h * (program.tariff - cost)
        return float((load * margin[:, None]).sum()) - self.cost(day.forecast_kw, load, program)
