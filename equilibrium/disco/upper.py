"""The upper level: the company's stage over what it may choose of the vehicles, proved by planes of the network.

One linear program, the *master*, holds the vehicles of one scenario (or of all, where the purchase is common to them),
the lots' net powers, and the purchase above planes of the network's least purchase. Planes are added where the network
needs more than the master thinks (Kelley's method). They support a convex function with finitely many pieces, so this
ends with the exact optimum, and the master's multipliers weigh planes into multipliers of the network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from equilibrium.disco.loaded import load_and_solve, optimum
from equilibrium.disco.supply import Planes, ScenarioSupply, Service
from equilibrium.disco.vehicles import VehicleProgram
from equilibrium.errors import SolverError
from equilibrium.network import FloatArray, IntArray
from equilibrium.program import INF, Instance, ProgramBuilder
from equilibrium.solvers import Solution, Status

GRID = 9
"""Net powers, from the least to the greatest, at which planes are laid before the first solve."""

PLANE_TOLERANCE = 1e-9
"""A purchase is too low beyond this, relative to ``1 +`` the purchase."""

MAXIMUM_ROUNDS = 500


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
    """

    vehicles: VehicleProgram
    feasible: Instance
    supply: ScenarioSupply
    price: FloatArray

    def charge_for(self, lot_price: FloatArray) -> Instance:
        """Return the vehicles' instance in which net power is paid for at ``lot_price``, currency/kW."""
        paid = self.vehicles.weight * lot_price[self.vehicles.period, self.vehicles.lot[self.vehicles.row]]
        return self.feasible.with_cost(self.feasible.cost + self.vehicles.cost(paid, -paid))


@dataclass(frozen=True, eq=False)
class Dispatch:
    """The company's optimum in one scenario, primal and dual.

    Attributes
    ----------
    x, y
        Of the vehicles' columns and rows.
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
    """

    x: FloatArray
    y: FloatArray
    lot_kw: FloatArray
    bought_kw: FloatArray
    service: Service
    weight: FloatArray
    network_y: FloatArray


@dataclass(frozen=True, eq=False)
class Stage:
    """The company's stage: a dispatch for each scenario, how it was found, and in what time inside solvers."""

    dispatches: tuple[Dispatch, ...]
    rounds: int
    seconds: float
    solver: str


class NoDispatchError(RuntimeError):
    """No schedule that the company may choose can be served; the market turns it into a diagnosis."""


@dataclass(frozen=True, eq=False)
class Columns:
    """Columns of the master: vehicles' of each scenario, lots' net powers and purchases of each scenario and period."""

    vehicles: tuple[IntArray, ...]
    power: IntArray
    bought: IntArray


def state_master(build: ProgramBuilder, parts: Sequence[Part]) -> Columns:
    """State vehicles and net powers; the purchase of every scenario is its own and costs its price."""
    periods, lots = parts[0].price.size, parts[0].supply.supply.lot_bus.size
    vehicles = []
    for number, part in enumerate(parts):
        feasible = part.feasible
        columns = build.columns(
            f"vehicles_{number}",
            feasible.cost.shape,
            lower=feasible.col_lower,
            upper=feasible.col_upper,
            cost=feasible.cost,
        )
        rows = build.rows(
            f"balance_{number}", feasible.row_lower.shape, lower=feasible.row_lower, upper=feasible.row_upper
        )
        matrix = feasible.matrix
        build.coefficients(np.repeat(rows, np.diff(matrix.indptr)), columns[matrix.indices], matrix.data)
        vehicles.append(columns)
    power = build.columns("lot_kw", (len(parts), periods, lots), lower=-INF)
    link = build.rows("net_power", power.shape, lower=0.0, upper=0.0)
    build.coefficients(link, power, 1.0)
    for number, part in enumerate(parts):
        stays = part.vehicles
        where = link[number, stays.period, stays.lot[stays.row]]
        build.coefficients(where, vehicles[number][stays.charge], -stays.weight)
        build.coefficients(where, vehicles[number][stays.discharge], stays.weight)
    price = np.array([part.price for part in parts])
    return Columns(tuple(vehicles), power, build.columns("import_kw", price.shape, cost=price))


class Master:
    """The master with its planes.

    Parameters
    ----------
    parts
        The scenarios that it holds.
    state
        States the program and returns its columns.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        solver: str,
        state: Callable[[ProgramBuilder, Sequence[Part]], Columns] = state_master,
    ) -> None:
        self.parts, self.solver = parts, solver
        build = ProgramBuilder()
        self.columns = state(build, parts)
        self.program = build.compile()
        self._planes: list[tuple[int, Planes, bool]] = []

    def solve(self) -> Stage:
        """Add planes until the network needs no more than the master thinks.

        Raises
        ------
        NoDispatchError
            When nothing that the company may choose can be served.
        """
        instance = self.program.bind({})
        for number, part in enumerate(self.parts):
            planes = part.supply.sweep(*_grid(part), proof=False).planes
            instance = instance.with_rows(*self._rows(number, planes, distance=False))
        handle, solution = load_and_solve(instance, self.solver)
        seconds = solution.seconds
        for rounds in range(1, MAXIMUM_ROUNDS + 1):
            if solution.status is Status.INFEASIBLE:
                raise NoDispatchError
            optimum(solution, "the company's stage")
            power = solution.x[self.columns.power]
            services = [part.supply.serve(kw) for part, kw in zip(self.parts, power, strict=True)]
            seconds += sum(service.seconds for service in services)
            rows = self._violated(services, power, solution.x[self.columns.bought])
            if not rows:
                return Stage(self._dispatches(solution, services), rounds, seconds, handle.name)
            for matrix, lower, upper in rows:
                handle.add_rows(matrix, lower, upper)
            solution = handle.solve()
            seconds += solution.seconds
        raise SolverError(f"the company's stage: planes were still missing after {MAXIMUM_ROUNDS} rounds")

    def _violated(
        self, services: Sequence[Service], power: FloatArray, bought: FloatArray
    ) -> list[tuple[sp.csr_array, FloatArray, FloatArray]]:
        """Return the rows of the planes that the point violates."""
        rows = []
        for number, service in enumerate(services):
            for distance, families in ((False, service.planes), (True, service.distances)):
                for planes in families:
                    value = (planes.slope * power[number, planes.period]).sum(axis=1) + planes.constant
                    known = 0.0 if distance else bought[number, planes.period]
                    missing = value > known + PLANE_TOLERANCE * (1.0 + np.abs(value))
                    if missing.any():
                        rows.append(self._rows(number, planes.pick(missing), distance=distance))
            if not rows and not np.isfinite(service.need_kw).all():
                raise SolverError("the network refuses net powers that no plane excludes")
        return rows

    def _rows(self, number: int, planes: Planes, *, distance: bool) -> tuple[sp.csr_array, FloatArray, FloatArray]:
        """Return planes as rows ``purchase - slope'p >= constant``, or ``-slope'p >= constant``, and remember them."""
        self._planes.append((number, planes, distance))
        count = planes.period.size
        columns = [self.columns.power[number, planes.period]]
        values = [-planes.slope]
        if not distance:
            columns.append(self.columns.bought[number, planes.period][:, None])
            values.append(np.ones((count, 1)))
        index, value = np.hstack(columns), np.hstack(values)
        pointer = np.arange(count + 1) * index.shape[1]
        matrix = sp.csr_array((value.ravel(), index.ravel(), pointer), shape=(count, self.program.shape[1]))
        return matrix, planes.constant, np.full(count, INF)

    def _dispatches(self, solution: Solution, services: Sequence[Service]) -> tuple[Dispatch, ...]:
        """Read every scenario's optimum; the multipliers of the planes weigh them into multipliers of the network."""
        parts, multipliers = self.parts, solution.y[self.program.shape[0] :]
        weight = np.zeros(self.columns.bought.shape)
        network_y = [np.zeros((part.price.size, part.supply.supply.period_program.shape[0])) for part in parts]
        start = 0
        for number, planes, distance in self._planes:
            share = multipliers[start : start + planes.period.size]
            start += planes.period.size
            used = share != 0.0
            if not used.any():
                continue
            planes, share = planes.pick(used), share[used]
            y = planes.multipliers
            if y is None:
                y = parts[number].supply.sweep(planes.period, planes.lot_kw).planes.multipliers
            np.add.at(network_y[number], planes.period, share[:, None] * y)
            if not distance:
                np.add.at(weight[number], planes.period, share)
        return tuple(
            Dispatch(
                x=solution.x[self.columns.vehicles[k]],
                y=self.program.multiplier(solution.y, f"balance_{k}"),
                lot_kw=solution.x[self.columns.power[k]],
                bought_kw=service.need_kw,
                service=service,
                weight=weight[k],
                network_y=network_y[k],
            )
            for k, service in enumerate(services)
        )


def _grid(part: Part) -> tuple[IntArray, FloatArray]:
    """Return periods and net powers from the least to the greatest that the vehicles' limits admit."""
    periods, lots = part.price.size, part.supply.supply.lot_bus.size
    least, greatest = net_power_range(part, periods, lots)
    share = np.linspace(0.0, 1.0, GRID)[:, None, None]
    power = least + share * (greatest - least)
    return np.tile(np.arange(periods, dtype=np.int64), GRID), power.reshape(-1, lots)


def net_power_range(part: Part, periods: int, lots: int) -> tuple[FloatArray, FloatArray]:
    """Return bounds of the lots' net powers from the limits of single columns, kW, each ``(periods, lots)``."""
    low, high = part.feasible.col_lower, part.feasible.col_upper
    least, greatest = part.vehicles.power_kw(low, lots, periods), part.vehicles.power_kw(high, lots, periods)
    return least[0] - greatest[1], greatest[0] - least[1]
