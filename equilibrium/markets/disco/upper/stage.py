"""The company's stage in data: what it may choose from, how it is stated, and what comes back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.fleet.vehicles import VehicleProgram
from equilibrium.markets.disco.lower.one_way import OneWay
from equilibrium.markets.disco.network.service import ScenarioSupply, Service
from equilibrium.programs.duality import Residuals
from equilibrium.programs.program import INF, Instance, ProgramBuilder


@dataclass(frozen=True, eq=False)
class Part:
    """One scenario of the company's stage.

    Attributes
    ----------
    vehicles, feasible
        The vehicles, and the instance of their columns that the company may choose from; its cost is what the company
        pays for them, summed over the vehicles of a row.
    supply
        The network.
    price
        What one kW bought for one period costs, shape ``(periods,)``.
    one_way
        In mode ``strict-exclusive``: what every row has to earn while it does one thing at a time.
    """

    vehicles: VehicleProgram
    feasible: Instance
    supply: ScenarioSupply
    price: FloatArray
    one_way: OneWay | None = None

    @property
    def asked(self) -> OneWay:
        """What vehicles that go one way at a time have to earn; only in that mode."""
        if self.one_way is None:
            raise ValueError("these vehicles are not asked to go one way at a time")
        return self.one_way


@dataclass(frozen=True, eq=False)
class Held:
    """Periods in which every square is held on the segment of a flow, direction included.

    Attributes
    ----------
    periods
        Which ones, shape ``(periods,)``.
    flow_kw, flow_kvar
        Flows inside those segments, shape ``(periods, buses)``.
    """

    periods: BoolArray
    flow_kw: FloatArray
    flow_kvar: FloatArray


@dataclass(frozen=True, eq=False)
class Dispatch:
    """The company's optimum in one scenario, primal and dual.

    Attributes
    ----------
    x
        Of the vehicles' columns.
    lot_kw
        Net powers, shape ``(periods, lots)``.
    bought_kw
        Purchase, shape ``(periods,)``.
    service
        How the network serves the net powers.
    weight
        Multiplier of the purchase, currency/kW: what the planes in use weigh together, shape ``(periods,)``.
    network_y
        Multipliers of one period's program, in currency, shape ``(periods, rows)``.
    whole
        Whether the stage's own residuals already cover the network.
    common
        Whether other scenarios buy the same, so that all of it has to be taken.
    held
        Periods whose squares are held on their segments, and points in these segments; ``None`` without such periods.
    """

    x: FloatArray
    lot_kw: FloatArray
    bought_kw: FloatArray
    service: Service
    weight: FloatArray
    network_y: FloatArray
    whole: bool = False
    common: bool = False
    held: Held | None = None

    def published(self, part: Part) -> Dispatch:
        """Return the same with the network's dispatches of least effort, where the stage does not hold it itself."""
        if self.whole:
            return self
        bought = self.bought_kw
        if self.held is not None:
            bought = np.where(self.held.periods, part.supply.serve(self.lot_kw).need_kw, bought)
        service = part.supply.published(self.lot_kw, bought if self.common else None)
        kept, bought_kw = np.zeros(bought.size, dtype=bool), service.need_kw
        if self.held is not None:
            kept = self.held.periods
            points = np.where(kept[:, None], self.service.points, service.points)
            service = replace(service, points=points, need_kw=np.where(kept, self.bought_kw, service.need_kw))
        return replace(self, service=service, bought_kw=np.where(kept | self.common, self.bought_kw, bought_kw))


@dataclass(frozen=True, eq=False)
class Stage:
    """The company's stage.

    Attributes
    ----------
    dispatches
        One for each scenario.
    cost, bound
        Objective of the master's point, and a proven lower bound on it, currency.
    residuals
        Of the master with its planes.
    rounds, seconds, solver
        Solves of the master, time inside solvers, the solver.
    """

    dispatches: tuple[Dispatch, ...]
    cost: float
    bound: float
    residuals: Residuals
    rounds: int
    seconds: float
    solver: str
    notes: tuple[str, ...] = ()

    @property
    def gap(self) -> float:
        """What the company could still gain at most, currency."""
        return self.cost - self.bound

    def published(self, parts: Sequence[Part]) -> Stage:
        """Return the stage as it is published: of the network's dispatches those of least effort.

        It takes as long as the stage itself, so it is done once, for the final answer.
        """
        pairs = zip(self.dispatches, parts, strict=True)
        return replace(self, dispatches=tuple(dispatch.published(part) for dispatch, part in pairs))


@dataclass(frozen=True, eq=False)
class Columns:
    """Columns of the master: vehicles' of each scenario, lots' net powers and purchases of each scenario and period.

    ``common`` says that scenarios share their purchases.
    """

    vehicles: tuple[IntArray, ...]
    power: IntArray
    bought: IntArray
    common: bool = False


State = Callable[[ProgramBuilder, Sequence[Part]], Columns]
"""States the program of some scenarios and returns its columns."""


def state_recourse(build: ProgramBuilder, parts: Sequence[Part]) -> Columns:
    """State the program in which every scenario buys for itself."""
    vehicles, power = state_powers(build, parts, [part.feasible.cost for part in parts])
    price = np.array([part.price for part in parts])
    return Columns(vehicles, power, build.columns("purchase_kw", price.shape, cost=price))


def state_powers(
    build: ProgramBuilder, parts: Sequence[Part], cost: Sequence[ArrayLike]
) -> tuple[tuple[IntArray, ...], IntArray]:
    """State vehicles and net powers; return the columns of both, those of vehicles for each scenario."""
    periods, lots = parts[0].price.size, parts[0].supply.supply.lot_bus.size
    vehicles = []
    for number, part in enumerate(parts):
        feasible = part.feasible
        columns = build.columns(
            f"vehicles_{number}",
            feasible.cost.shape,
            lower=feasible.col_lower,
            upper=feasible.col_upper,
            cost=cost[number],
        )
        rows = build.rows(
            f"balance_{number}", feasible.row_lower.shape, lower=feasible.row_lower, upper=feasible.row_upper
        )
        build.block(rows, columns, feasible.matrix)
        vehicles.append(columns)
    power = build.columns("net_power_kw", (len(parts), periods, lots), lower=-INF)
    link = build.rows("net_power", power.shape, lower=0.0, upper=0.0)
    build.coefficients(link, power, 1.0)
    for number, part in enumerate(parts):
        stays = part.vehicles
        where = link[number, stays.period, stays.lot[stays.row]]
        build.coefficients(where, vehicles[number][stays.charge], -stays.weight)
        build.coefficients(where, vehicles[number][stays.discharge], stays.weight)
    return tuple(vehicles), power


def net_power_range(part: Part, periods: int, lots: int) -> tuple[FloatArray, FloatArray]:
    """Return bounds of the lots' net powers from the limits of single columns, kW, each ``(periods, lots)``."""
    low, high = part.feasible.col_lower, part.feasible.col_upper
    least, greatest = part.vehicles.power_kw(low, lots, periods), part.vehicles.power_kw(high, lots, periods)
    return least[0] - greatest[1], greatest[0] - least[1]
