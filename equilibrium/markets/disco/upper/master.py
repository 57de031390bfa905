"""The upper level: the company's stage over what it may choose of the vehicles, proved by planes of the network.

One linear program, the *master*, holds the vehicles of one scenario (or of all, where the purchase is common to them),
the lots' net powers, and the purchase above planes of the network's least purchase. Planes are added where the network
needs more than the master thinks (Kelley's method). They support a convex function with finitely many pieces, so this
ends with the exact optimum, and the master's multipliers weigh planes into multipliers of the network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.errors import SolverError
from equilibrium.markets.disco.network.service import NoDispatchError, Planes, Service
from equilibrium.markets.disco.upper.earliest import lateness, weights
from equilibrium.markets.disco.upper.growth import by_load, directional, met_sides, nearby, rates
from equilibrium.markets.disco.upper.planes import Rows, plane_rows
from equilibrium.markets.disco.upper.stage import Columns, Dispatch, Part, Stage, net_power_range, state_recourse
from equilibrium.programs.duality import dual_objective, kkt_residuals, optimal_face, reduced_costs
from equilibrium.programs.program import FEASIBILITY, Instance, ProgramBuilder
from equilibrium.programs.solvers import Handle, ModelTooLargeError, Solution, Status
from equilibrium.programs.solvers.choose import load_and_solve, require_optimal

GRID = 9
"""Net powers, from the least to the greatest, at which planes are laid before the first solve."""

MAXIMUM_ROUNDS = 500


class Master:
    """The master with its planes.

    Parameters
    ----------
    parts
        The scenarios that it holds.
    state
        States the program and returns its columns.
    ports
        Values of the program's ports, if it has any.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        solver: str,
        state: Callable[[ProgramBuilder, Sequence[Part]], Columns] = state_recourse,
        ports: Mapping[str, ArrayLike] | None = None,
    ) -> None:
        self.parts, self.solver = parts, solver
        build = ProgramBuilder()
        self.columns = state(build, parts)
        self.program = build.compile()
        self._planes: list[tuple[int, Planes, float | None]] = []
        self.instance = self.program.bind(ports or {})
        for number, part in enumerate(parts):
            planes = part.supply.sweep(*_grid(part), proof=False).planes
            self.instance = self.instance.with_rows(*self._rows(number, planes, 1.0))

    def by_planes(self, number: int) -> BoolArray:
        """Return for which periods of a scenario planes stand for the network, shape ``(periods,)``: here for all."""
        return np.ones(self.parts[number].price.size, dtype=bool)

    def solve(self) -> Stage:
        """Return the optimum that acts earliest; raises as :meth:`fill`."""
        handle, solution, rounds, seconds = self.fill()
        earliest, services, spent = self._earliest(handle, solution)
        return self._stage(earliest, services, rounds, seconds + spent, handle.name)

    def fill(self) -> tuple[Handle, Solution, int, float]:
        """Add planes until the network needs no more than the master thinks; its optimum, rounds and solver time.

        Raises
        ------
        NoDispatchError
            When nothing that the company may choose can be served.
        """
        handle, solution = load_and_solve(self.instance, self.solver)
        seconds = solution.seconds
        for rounds in range(1, MAXIMUM_ROUNDS + 1):
            if solution.status is Status.INFEASIBLE:
                raise NoDispatchError
            require_optimal(solution, "the company's stage")
            _, rows, spent = self.cut(solution.x)
            seconds += spent
            if not rows:
                return handle, solution, rounds, seconds
            handle, solution = self._again(handle, self.instance, rows)
            seconds += solution.seconds
        raise SolverError(f"the company's stage: planes were still missing after {MAXIMUM_ROUNDS} rounds")

    def _earliest(self, handle: Handle, solution: Solution) -> tuple[Solution, Sequence[Service], float]:
        """Take of the optimal schedules the one that acts earliest; its services, and solver time."""
        weight, seconds, rows = self._weights(), 0.0, list[Rows]()
        for _ in range(MAXIMUM_ROUNDS):
            y = np.concatenate([solution.y, np.zeros(self.instance.shape[0] - solution.y.size)])
            handle, found = self._again(handle, optimal_face(self.instance, y).with_cost(weight), rows)
            require_optimal(found, "the tie-break of the company's stage")
            services, rows, spent = self.cut(found.x)
            seconds += found.seconds + spent
            if not rows:
                priced = self._priced(found.x, y, found.x[self.columns.power], found.x[self.columns.bought])
                return Solution(Status.OPTIMAL, found.x, priced, found.seconds), services, seconds
        raise SolverError(f"the tie-break: planes were still missing after {MAXIMUM_ROUNDS} rounds")

    def _priced(self, x: FloatArray, y: FloatArray, power: FloatArray, bought: FloatArray) -> FloatArray:
        """Return the multipliers that price a growth of the loads, those of the planes around the point among them."""
        for number, part in enumerate(self.parts):
            for planes in nearby(part.supply, power[number], bought[number]):
                self.instance = self.instance.with_rows(*self._rows(number, planes, 1.0))
        rise, start = self._rise(), self.program.shape[0]
        met = np.logical_or(*met_sides(self.instance, x))
        for number, planes, sign in self._planes:
            rows = start + np.flatnonzero(met[start : start + planes.period.size])
            if sign is not None and rows.size:
                here = planes.pick(met[start : start + planes.period.size])
                rise[rows] = rates(len(self.parts))[number] * by_load(self.parts[number].supply, here)
            start += planes.period.size
        for side in (rise, -rise):  # where loads cannot grow: the price of the last kWh
            found = directional(self.instance, x, side, self.solver)
            if found is not None:
                return found
        return np.concatenate([y, np.zeros(rise.size - y.size)])

    def _rise(self) -> FloatArray:
        """Return how fast the limits of the rows that are no planes rise when the loads grow, shape ``(rows,)``."""
        return np.zeros(self.instance.shape[0])

    def _again(self, handle: Handle, instance: Instance, rows: Sequence[Rows]) -> tuple[Handle, Solution]:
        """Solve with rows that are new, other costs and bounds; in HiGHS from where a licence does not cover that."""
        try:
            for row in rows:
                handle.add_rows(*row)
            handle.update(instance)
            return handle, handle.solve()
        except ModelTooLargeError:
            return load_and_solve(instance, self.solver)

    def _weights(self) -> FloatArray:
        """Return what one kW of each column weighs in the tie-break, shape ``(columns,)``."""
        weight, periods = np.zeros(self.program.shape[1]), self.columns.bought.shape[1]
        weight[self.columns.bought] = lateness(periods)
        for number, (part, columns) in enumerate(zip(self.parts, self.columns.vehicles, strict=True)):
            weight[columns] = weights(part.vehicles, periods, number)
        return weight

    def cut(self, x: FloatArray) -> tuple[Sequence[Service], list[Rows], float]:
        """Add the planes that a point violates; return the network's services there, the rows, and solver time."""
        power, bought = x[self.columns.power], x[self.columns.bought]
        services: Sequence[Service] = [part.supply.serve(kw) for part, kw in zip(self.parts, power, strict=True)]
        seconds = sum(service.seconds for service in services)
        rows = self._violated(services, power, bought)
        if not rows and self.columns.common:
            services, rows, spent = self._absorbed(services, power, bought)
            seconds += spent
        for row in rows:
            self.instance = self.instance.with_rows(*row)
        return services, rows, seconds

    def _stage(
        self, solution: Solution, services: Sequence[Service], rounds: int, seconds: float, solver: str
    ) -> Stage:
        instance = self.instance
        cost = float(instance.cost @ solution.x)
        return Stage(
            dispatches=self._dispatches(solution, services),
            cost=cost,
            bound=dual_objective(instance, solution.y, reduced_costs(instance, solution.y)),
            residuals=kkt_residuals(instance, solution.x, solution.y),
            rounds=rounds,
            seconds=seconds,
            solver=solver,
        )

    def _violated(self, services: Sequence[Service], power: FloatArray, bought: FloatArray) -> list[Rows]:
        """Return the rows of the planes that the point violates."""
        rows = []
        for number, service in enumerate(services):
            known_by = self.by_planes(number)
            for distance, families in ((False, service.planes), (True, service.distances)):
                for planes in families:
                    value = (planes.slope * power[number, planes.period]).sum(axis=1) + planes.constant
                    known = 0.0 if distance else bought[number, planes.period]
                    missing = known_by[planes.period] & (value > known + FEASIBILITY * (1.0 + np.abs(value)))
                    if missing.any():
                        rows.append(self._rows(number, planes.pick(missing), 0.0 if distance else 1.0))
            if not rows and not np.isfinite(service.need_kw[known_by]).all():
                raise SolverError("the network refuses net powers that no plane excludes")
        return rows

    def _absorbed(
        self, services: Sequence[Service], power: FloatArray, bought: FloatArray
    ) -> tuple[list[Service], list[Rows], float]:
        """Let every scenario take the common purchase; return the rows of planes where one cannot."""
        answer, rows, seconds = [], [], 0.0
        for number, service in enumerate(services):
            taken = np.where(self.by_planes(number), bought[number], service.need_kw)
            points, families, spent = self.parts[number].supply.absorb(power[number], taken, service)
            seconds += spent
            answer.append(replace(service, points=points))
            rows += [self._rows(number, planes, -1.0) for planes in families]
        return answer, rows, seconds

    def _rows(self, number: int, planes: Planes, sign: float) -> Rows:
        """Return planes as rows ``sign purchase - slope'p >= constant`` and remember them; a distance has sign 0."""
        planes = planes.pick(self.by_planes(number)[planes.period])
        self._planes.append((number, planes, sign))
        columns = self.columns
        return plane_rows(planes, columns.power[number], columns.bought[number], sign, self.program.shape[1])

    def restrict(self, number: int, planes: Planes) -> None:
        """Keep the purchase of a scenario below planes: a restriction, which proves nothing about the network."""
        self._planes.append((number, planes, None))
        columns, below = self.columns, replace(planes, slope=-planes.slope, constant=-planes.constant)
        rows = plane_rows(below, columns.power[number], columns.bought[number], -1.0, self.program.shape[1])
        self.instance = self.instance.with_rows(*rows)

    def _dispatches(self, solution: Solution, services: Sequence[Service]) -> tuple[Dispatch, ...]:
        """Read every scenario's optimum; the multipliers of the planes weigh them into multipliers of the network."""
        parts, multipliers = self.parts, solution.y[self.program.shape[0] :]
        weight = np.zeros(self.columns.bought.shape)
        network_y = [np.zeros((part.price.size, part.supply.supply.period_program.shape[0])) for part in parts]
        start = 0
        for number, planes, sign in self._planes:
            share = multipliers[start : start + planes.period.size]
            start += planes.period.size
            used = share != 0.0
            if sign is None or not used.any():
                continue
            planes, share = planes.pick(used), share[used]
            y = planes.multipliers
            if y is None:
                y = parts[number].supply.sweep(planes.period, planes.lot_kw).planes.multipliers
            np.add.at(network_y[number], planes.period, share[:, None] * y)
            np.add.at(weight[number], planes.period, sign * share)
        return tuple(
            Dispatch(
                x=solution.x[self.columns.vehicles[k]],
                lot_kw=solution.x[self.columns.power[k]],
                bought_kw=solution.x[self.columns.bought[k]] if self.columns.common else service.need_kw,
                service=service,
                weight=weight[k],
                network_y=network_y[k],
                common=self.columns.common,
            )
            for k, service in enumerate(services)
        )


def _grid(part: Part) -> tuple[IntArray, FloatArray]:
    """Return periods and net powers from the least to the greatest that the vehicles' limits admit."""
    periods, lots = part.price.size, part.supply.supply.lot_bus.size
    least, greatest = net_power_range(part, periods, lots)
    share = np.linspace(0.0, 1.0, GRID)[:, None, None]
    power = least + share * (greatest - least)
    return np.tile(np.arange(periods, dtype=np.int64), GRID), power.reshape(GRID * periods, lots)
