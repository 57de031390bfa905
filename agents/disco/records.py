"""What the agents of the DISCO market write down: the retailer, the lots' owner and their drivers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from equilibrium.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class RetailRecord:
    """The demand-response retailer's day.

    Attributes
    ----------
    programs
        Names of the programs.
    chosen
        Index of the one that was offered.
    probability, propensity, forecast_profit
        Of each program in the morning, shape ``(programs,)``: the chance to be chosen, what the rule of choice
        compares, and the retailer's own forecast, currency.
    profit
        What the retailer earned, currency: customers' payments less the cost of the program and the energy at the
        company's marginal cost.
    estimate, standard_error
        Belief about the elasticity of every ordered pair of periods in the evening.
    """

    programs: tuple[str, ...]
    chosen: int
    probability: FloatArray
    propensity: FloatArray
    forecast_profit: FloatArray
    profit: float
    estimate: Mapping[tuple[str, str], float]
    standard_error: Mapping[tuple[str, str], float]


@dataclass(frozen=True, slots=True)
class OwnerRecord:
    """The lot owner's day.

    Attributes
    ----------
    margin
        What drivers pay above what the lot pays the company, currency/kWh.
    driver_share
        Share of the income from vehicle-to-grid that goes to the drivers.
    profit
        Of all lots together, currency.
    """

    margin: float
    driver_share: float
    profit: float


@dataclass(frozen=True, slots=True)
class PoolRecord:
    """One lot's drivers on one day.

    Attributes
    ----------
    lot
        Name of the lot.
    drivers
        Drivers who could come.
    probability
        Chance of each to come at today's terms.
    came
        Number of those who came.
    reputation
        What drivers think of the lot after today, 0 to 1.
    """

    lot: str
    drivers: int
    probability: float
    came: float
    reputation: float
