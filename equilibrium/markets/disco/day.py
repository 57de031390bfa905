"""One day of the DISCO market as numbers: tariffs, vehicles one by one, and scenarios.

The papers' hour ``h`` is the interval that ends at clock hour ``h``; here period ``t = h - 1`` counts from 0.
Prices are per kWh, powers in kW and mean values of their period.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from equilibrium.arrays import FloatArray
from equilibrium.fleet.day import VehicleBatch
from equilibrium.lengths import spread_lengths


@dataclass(frozen=True, eq=False)
class Tariffs:
    """What is paid between the players, currency/kWh, each of shape ``(periods,)`` unless said otherwise.

    Attributes
    ----------
    load
        What customers pay the company (pi^{L,DR}).
    lot_buys
        What a lot pays the company for energy drawn (pi^G2PL).
    lot_sells
        What the company pays a lot for energy from vehicles (pi^PL2G).
    driver_pays
        What drivers pay the lot for energy drawn (pi^PL2EV).
    driver_share
        Share of the lot's income from vehicle-to-grid that goes to the drivers, 0 to 1.
    degradation
        What a lot pays per kWh discharged for the wear of batteries (C^cd), a number.
    """

    load: FloatArray
    lot_buys: FloatArray
    lot_sells: FloatArray
    driver_pays: FloatArray
    driver_share: float
    degradation: float


@dataclass(frozen=True, eq=False)
class Emissions:
    """The CO2 term of the company: reward for buying less dirty energy than a baseline.

    The reward is ``share * price * sum_t factor_t (baseline_t - bought_t)``.

    Attributes
    ----------
    factor_kg_per_kwh
        Upstream emission factor, shape ``(periods,)``.
    price_per_kg
        Penalty on emissions, currency/kg.
    share
        Share of it that the company receives.
    baseline_kwh
        Energy bought in the baseline, shape ``(periods,)``: a constant, from an earlier clearing.
    """

    factor_kg_per_kwh: FloatArray
    price_per_kg: float
    share: float
    baseline_kwh: FloatArray


@dataclass(frozen=True, eq=False)
class DiscoScenario:
    """What is uncertain, in one of its outcomes.

    Attributes
    ----------
    probability
        rho_w.
    renewable_kw
        Potential of each renewable unit of the network, shape ``(periods, renewables)``.
    upstream_price
        Price of energy bought at the substation, currency/kWh, shape ``(periods,)``.
    vehicles
        One batch per lot of the network, in its order.
    """

    probability: float
    renewable_kw: FloatArray
    upstream_price: FloatArray
    vehicles: tuple[VehicleBatch, ...]


@dataclass(frozen=True, eq=False)
class DiscoDay:
    """Everything that the DISCO market takes as given today.

    Attributes
    ----------
    load_kw, load_kvar
        Load after demand response, shape ``(periods, buses)``.
    response_cost
        C^DR: what the demand-response program costs the company (incentives minus penalties), currency.
    tariffs
        What is paid between the players.
    scenarios
        Outcomes with their probabilities, which sum to one.
    charge_window, discharge_window
        Periods in which vehicles may charge and discharge in the modes with windows, shape ``(periods,)``; there the
        two exclude each other.
    emissions
        The CO2 term, or ``None``.
    period_h
        Length of the periods, h: one number for all, or shape ``(periods,)``.
    """

    load_kw: FloatArray
    load_kvar: FloatArray
    response_cost: float
    tariffs: Tariffs
    scenarios: tuple[DiscoScenario, ...]
    charge_window: NDArray[np.bool_]
    discharge_window: NDArray[np.bool_]
    emissions: Emissions | None = None
    period_h: float | FloatArray = 1.0

    @cached_property
    def length_h(self) -> FloatArray:
        """Length of each period, h, shape ``(periods,)``."""
        return spread_lengths(self.period_h, self.periods)

    @property
    def periods(self) -> int:
        """Number of periods of the day."""
        return int(self.load_kw.shape[0])
