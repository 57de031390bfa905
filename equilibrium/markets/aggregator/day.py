"""One day of the aggregator market as numbers: lots with contracts, generators, a retailer, and scenarios.

Period ``t`` counts from 0; prices are per kWh (of reserve: per kW kept ready for one hour), powers in kW and mean
values of their period, energies in kWh. Equation numbers are the printed ones of Neyestani et al. (docs/aggregator.md).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.grid.feeder import Feeder
from equilibrium.grid.flow_range import FlowRange
from equilibrium.lengths import spread_lengths
from equilibrium.reserve import Reserve

CATEGORIES = ("fix1", "flex1", "fix2", "flex2")
"""The drivers' contracts, the last axis of every array by category: ``1`` only charges (G2V), ``2`` also discharges
(V2G); ``fix`` leaves with an agreed energy, ``flex`` with at least one. Tables I to III."""

FIX1, FLEX1, FIX2, FLEX2 = range(len(CATEGORIES))

PRICING = ("pay-as-bid", "uniform")
"""Case I: a price for every resource and period; Case II: one energy price for all of them."""


@dataclass(frozen=True, eq=False)
class Contracts:
    """What drivers may agree on with a lot, by class of stay.

    Attributes
    ----------
    share
        beta of Table III: part of the vehicles of a class that takes each contract, shape ``(categories, classes)``;
        each class sums to one.
    departure_soc
        phi of Table II: energy at departure as a share of the battery, agreed for ``fix``, at least for ``flex``, shape
        ``(categories, classes)``.
    """

    share: FloatArray
    departure_soc: FloatArray

    @property
    def classes(self) -> int:
        """Number of classes of stay."""
        return int(self.share.shape[1])


@dataclass(frozen=True, eq=False)
class LotTariffs:
    """What passes between a lot and its drivers, currency/kWh; each a number or of shape ``(periods,)``.

    Attributes
    ----------
    g2v1, g2v2, g2v3
        Price of energy that a vehicle takes away: ``fix1``; ``flex1``; ``fix2`` and ``flex2`` (Table I).
    v2g
        What a driver is paid for energy taken from the vehicle (Pi^V2G).
    extra
        Incentive for V2G readiness, per kWh of battery that is not agreed (Pi^Extra).
    parking
        Usage tariff per vehicle and hour (Pi^Tariff).
    degradation
        Wear of batteries, per kWh (C^d).
    """

    g2v1: float | FloatArray
    g2v2: float | FloatArray
    g2v3: float | FloatArray
    v2g: float | FloatArray
    extra: float | FloatArray = 0.0
    parking: float | FloatArray = 0.0
    degradation: float | FloatArray = 0.0


@dataclass(frozen=True, eq=False)
class LotVehicles:
    """Who comes to a lot and goes, in every scenario.

    A period's parked vehicles are those that stand there after its arrivals and departures. Numbers need not be whole:
    an expected day has fractions of vehicles.

    Attributes
    ----------
    parked, arriving, departing
        Vehicles by class of stay, shape ``(scenarios, periods, classes)``.
    arrival_kwh
        Energy that arriving vehicles bring, by contract, shape ``(scenarios, periods, categories)``.
    brought_kwh
        Energy that the departing ones had brought (SOC^{Sc}: what they would leave with uncharged), the same shape.
    """

    parked: FloatArray
    arriving: FloatArray
    departing: FloatArray
    arrival_kwh: FloatArray
    brought_kwh: FloatArray


@dataclass(frozen=True, eq=False)
class Lot:
    """A parking lot under contract with the aggregator: a follower.

    Attributes
    ----------
    name
        Its name.
    contracts, tariffs, vehicles
        Agreements, prices and traffic.
    stations
        Charging stations.
    charger_kw
        Power of one of them, either way, kW (gamma).
    battery_kwh
        Capacity of one vehicle's battery, kWh.
    charge_efficiency, discharge_efficiency
        eta^cha, eta^dcha, in (0, 1].
    soc_min, soc_max
        Limits of the pools as shares of the batteries that are parked.
    failure_rate
        FOR^PL: probability that called reserve is not delivered.
    initial_kwh
        Energy of the G2V and of the V2G pool before the first period, kWh.
    bus
        Index of its bus, used with a grid.
    """

    name: str
    contracts: Contracts
    tariffs: LotTariffs
    vehicles: LotVehicles
    stations: float
    charger_kw: float
    battery_kwh: float
    charge_efficiency: float
    discharge_efficiency: float
    soc_min: float
    soc_max: float
    failure_rate: float = 0.0
    initial_kwh: tuple[float, float] = (0.0, 0.0)
    bus: int = 0


@dataclass(frozen=True)
class Generator:
    """A distributed generator: a follower.

    Attributes
    ----------
    name
        Its name.
    cost
        Marginal cost A_m, currency/kWh.
    capacity_kw
        Largest output, kW.
    bus
        Index of its bus, used with a grid.
    """

    name: str
    cost: float
    capacity_kw: float
    bus: int = 0


@dataclass(frozen=True, eq=False)
class Retailer:
    """The load retailer with interruptible customers: a follower.

    Attributes
    ----------
    load_kw
        Load without interruption, kW, shape ``(periods,)``.
    price
        What its customers pay, currency/kWh, shape ``(periods,)`` (Pi^ToU).
    incentive
        What it pays customers for interrupted energy, currency/kWh (Pi^Inc).
    interruptible_share
        Share of the load that may be interrupted (alpha^D), 0 to 1.
    """

    load_kw: FloatArray
    price: FloatArray
    incentive: float
    interruptible_share: float

    @property
    def worth(self) -> FloatArray:
        """Price above which it rather interrupts, currency/kWh, shape ``(periods,)`` (B_t)."""
        return np.asarray(self.price + self.incentive)

    @property
    def least_kw(self) -> FloatArray:
        """Load with everything interrupted that may be, kW, shape ``(periods,)``."""
        return np.asarray((1.0 - self.interruptible_share) * self.load_kw)


@dataclass(frozen=True, eq=False)
class Grid:
    """The feeder that the aggregator has to respect, and what losses cost it, (13) to (17).

    The retailer's load is spread over the buses as the feeder's base-case load is.

    Attributes
    ----------
    feeder
        Buses, branches, ratings and voltage limits.
    loss_price
        Price of losses, currency/kWh, shape ``(periods,)`` (Pi^Loss); positive, so that squares lie on their secants.
    segments
        Y: pieces of a squared flow between nothing and the branch's range.
    flow_range
        Largest flow of each branch, the domain of its pieces; ``None`` takes the ratings.
    transformer_efficiency
        eta^Trans. It changes what passes the substation, and no value: that flow has no price of its own.
    """

    feeder: Feeder
    loss_price: FloatArray
    segments: int = 5
    flow_range: FlowRange | None = None
    transformer_efficiency: float = 1.0


@dataclass(frozen=True)
class Reading:
    """How the paper's unclear or faulty places are read; each default is the corrected one (docs/aggregator.md).

    Attributes
    ----------
    weights
        ``expected``: a lot's profit is its expectation. ``printed``: (20) and (25) as printed, without rho_w. Reactions
        are the same, so only the reported profit of the lots differs.
    pool_floor
        Least energy in the G2V pool, which is not printed. ``zero``: nobody leaves with energy that is not there yet.
        ``arrival``: what the parked vehicles came with stays in them. ``printed``: no bound.
    flex1_floor
        Least departure energy of ``flex1``. ``printed``: the agreed one, (26). ``physical``: also what it came with.
    output_stock
        Stock that covers discharge and reserve in (33). ``printed``: that at the end of the period, so a period sells
        at most half of what lies above the minimum. ``start``: the stock before the discharge.
    extra_flex2
        Contract whose shares weigh the second readiness payment of (25): ``flex2``, or ``printed``: fix2. A constant.
    generator_price
        ``common``: one price for all generators, as printed. ``unit``: one for each of them (pay-as-bid only).
    """

    weights: str = "expected"
    pool_floor: str = "zero"
    flex1_floor: str = "printed"
    output_stock: str = "printed"
    extra_flex2: str = "flex2"
    generator_price: str = "common"


READINGS = {
    "weights": ("expected", "printed"),
    "pool_floor": ("zero", "arrival", "printed"),
    "flex1_floor": ("printed", "physical"),
    "output_stock": ("printed", "start"),
    "extra_flex2": ("flex2", "printed"),
    "generator_price": ("common", "unit"),
}
"""What each attribute of :class:`Reading` accepts."""


@dataclass(frozen=True, eq=False)
class AggregatorDay:
    """Everything that the aggregator market takes as given today.

    Attributes
    ----------
    energy_price, reserve_price
        Upstream prices, shape ``(periods,)``: currency/kWh (Pi^EM), and currency per kW and hour (Pi^RM).
    call_probability
        rho^del: probability that reserve is called, a number or shape ``(periods,)``.
    failure_rate
        FOR^Agg: probability that the aggregator fails to deliver called reserve.
    lots, generators, retailer
        The followers.
    probability
        rho_w of the scenarios of :class:`LotVehicles`, shape ``(scenarios,)``; they sum to one.
    pricing
        One of :data:`PRICING`.
    cap
        Largest energy price under pay-as-bid, currency/kWh.
    uniform_cap
        Largest uniform energy price, currency/kWh; it must be given for ``uniform``, where the published problem is
        unbounded without one.
    reserve_cap
        Largest reserve price, currency per kW and hour.
    grid
        The feeder with its limits and losses, or ``None``.
    reading
        How unclear places are read.
    period_h
        Length of the periods, h: one number for all, or shape ``(periods,)``.
    """

    energy_price: FloatArray
    reserve_price: FloatArray
    call_probability: float | FloatArray
    failure_rate: float
    lots: tuple[Lot, ...]
    generators: tuple[Generator, ...]
    retailer: Retailer
    probability: FloatArray
    pricing: str = "pay-as-bid"
    cap: float | None = None
    uniform_cap: float | None = None
    reserve_cap: float = np.inf
    grid: Grid | None = None
    reading: Reading = field(default_factory=Reading)
    period_h: float | FloatArray = 1.0

    @property
    def periods(self) -> int:
        """Number of periods of the day."""
        return int(self.energy_price.shape[0])

    @property
    def scenarios(self) -> int:
        """Number of scenarios."""
        return int(self.probability.shape[0])

    @property
    def uniform(self) -> bool:
        """Whether all energy has one price (Case II)."""
        return self.pricing == "uniform"

    @property
    def energy_cap(self) -> float:
        """Largest energy price that holds under the day's pricing, currency/kWh; infinite where none is given."""
        cap = self.uniform_cap if self.uniform else self.cap
        return np.inf if cap is None else float(cap)

    @cached_property
    def length_h(self) -> FloatArray:
        """Length of each period, h, shape ``(periods,)``."""
        return spread_lengths(self.period_h, self.periods)

    @cached_property
    def call(self) -> FloatArray:
        """Probability of a reserve call in each period, shape ``(periods,)``."""
        return np.broadcast_to(np.asarray(self.call_probability, dtype=np.float64), (self.periods,))

    @cached_property
    def reserve_income(self) -> FloatArray:
        """What a kW of reserve is worth upstream for one hour, (2), currency, shape ``(periods,)``."""
        return self.reserve.income(self.reserve_price, self.energy_price)

    @cached_property
    def reserve(self) -> Reserve:
        """The terms of what the aggregator sells upstream."""
        return Reserve(self.call, self.failure_rate)

    def reserve_of(self, lot: Lot) -> Reserve:
        """Return the terms of what a lot sells to the aggregator."""
        return Reserve(self.call, lot.failure_rate)
