"""The schedule of least cost and the bound that proves it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import BoolArray, FloatArray
from equilibrium.errors import InfeasibleError, SolverError
from equilibrium.programs.commitment.program import Compiled, compile_commitment
from equilibrium.programs.commitment.system import System
from equilibrium.programs.program import GAP, INF
from equilibrium.programs.solvers import Status, solve_mixed


@dataclass(frozen=True, eq=False)
class Schedule:
    """States and outputs of least cost.

    Attributes
    ----------
    system, compiled
        What was committed, and its program.
    x
        Values of all columns of the program.
    on
        Which unit is on when, shape ``(units, periods)``.
    power, reserve
        Output of each unit, while it comes up and goes down too, and what it keeps free, MW, shape
        ``(units, periods)``.
    charge, discharge, demand
        Powers of storage and of demands, MW, shape ``(stores, periods)`` and ``(demands, periods)``.
    shed
        Load that is not served, MW, shape ``(buses, periods)``.
    cost, bound
        Cost, and the proved bound that no schedule goes below.
    finished
        False where a limit ended the search.
    solver
        Who found the schedule and who confirmed it.
    """

    system: System
    compiled: Compiled
    x: FloatArray
    on: BoolArray
    power: FloatArray
    reserve: FloatArray
    charge: FloatArray
    discharge: FloatArray
    demand: FloatArray
    shed: FloatArray
    cost: float
    bound: float
    finished: bool
    solver: str

    @property
    def gap(self) -> float:
        """Share of the cost by which another schedule could be cheaper."""
        return (self.cost - self.bound) / max(1.0, abs(self.cost))


def commit(
    system: System,
    *,
    solver: str = "auto",
    gap: float = GAP,
    time_limit_s: float = 600.0,
    node_limit: float = INF,
) -> Schedule:
    """Find the schedule of least cost; arguments as in :func:`equilibrium.programs.solvers.solve_mixed`.

    Raises
    ------
    InfeasibleError
        When no schedule serves the load.
    SolverError
        When no schedule was found within the limits.
    """
    compiled = compile_commitment(system)
    answer = solve_mixed(
        compiled.instance, compiled.integer, solver, gap=gap, time_limit_s=time_limit_s, node_limit=node_limit
    )
    if answer.status is Status.INFEASIBLE:
        raise InfeasibleError(("no schedule of the units serves the load and keeps all limits",))
    if not answer.x.size or not np.isfinite(answer.objective):
        raise SolverError(f"unit commitment ended {answer.status} without a schedule")
    return schedule_at(
        system, compiled, answer.x, answer.objective, answer.bound, answer.solver, answer.status is Status.OPTIMAL
    )


def schedule_at(
    system: System, compiled: Compiled, x: FloatArray, cost: float, bound: float, solver: str, finished: bool
) -> Schedule:
    """Read a schedule from the columns of its program."""
    shape = (len(system.units), system.periods)
    on, power, reserve = np.zeros(shape, dtype=np.bool_), np.zeros(shape), np.zeros(shape)
    for k, (unit, columns) in enumerate(zip(system.units, compiled.units, strict=True)):
        least, _ = unit.curve(system.periods)
        state = np.round(x[columns.on])
        on[k] = state > 0.0
        power[k] = state * least[:, 0] + x[columns.segment].sum(axis=1)
        for ahead, output in enumerate(unit.start_curve, 1):
            power[k, : max(0, system.periods - ahead)] += output * np.round(x[columns.start[ahead:]])
        for behind, output in enumerate(unit.stop_curve):
            power[k, behind:] += output * np.round(x[columns.stop[: max(0, system.periods - behind)]])
        reserve[k] = x[columns.reserve].sum(axis=0)
    charge, discharge = x[compiled.charge], x[compiled.discharge]
    demand, shed = x[compiled.demand], x[compiled.shed]
    return Schedule(
        system, compiled, x, on, power, reserve, charge, discharge, demand, shed, cost, bound, finished, solver
    )
