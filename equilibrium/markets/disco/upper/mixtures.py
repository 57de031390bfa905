"""The company's stage over mixtures of the lots' best one-way schedules: a proven bound, and schedules to start from.

The schedules of one vehicle that go one way at a time and earn v* are no convex set. Over their convex hull the stage
is a linear program, solved by column generation (G. B. Dantzig and P. Wolfe, Operations Research 8 (1960) 101): a
master mixes the schedules that are known, and its multipliers price powers, for which dynamic programming finds each
vehicle's best schedule. Whatever the multipliers are, these best values bound the cost from below.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.certificate import NEGLIGIBLE
from equilibrium.deadline import Deadline
from equilibrium.errors import SolverError
from equilibrium.markets.disco.lower.one_way import FIRST_PRICE, find_schedules
from equilibrium.markets.disco.network.service import NoDispatchError
from equilibrium.markets.disco.upper.paid import relaxation
from equilibrium.markets.disco.upper.stage import Columns, Part
from equilibrium.programs.duality import Residuals, dual_objective, kkt_residuals, reduced_costs
from equilibrium.programs.program import INF, Instance, ProgramBuilder, stack_rows
from equilibrium.programs.solvers import Solution, Status
from equilibrium.programs.solvers.choose import load_and_solve, require_optimal

HULL_GAP = 1e-10
"""Column generation ends when bound and master are this close, relative to ``1 + |cost|``, or nothing can be added."""

MAXIMUM_ROUNDS = 1000

NEAREST = 1e-6
"""Where nothing can be served, the distance is found up to this, relative; it only goes into the message."""


@dataclass(frozen=True, eq=False)
class Mixture:
    """The optimum over mixtures.

    Attributes
    ----------
    x
        For each scenario the mean schedule of every vehicle: columns of its program.
    leading
        For each scenario the schedules that have the greatest share in it.
    bound
        Proven lower bound on the company's cost over the lots' best schedules, currency.
    residuals
        Of the last master.
    rounds, seconds
        Solves of the master, time inside solvers.
    """

    x: tuple[FloatArray, ...]
    leading: tuple[FloatArray, ...]
    bound: float
    residuals: Residuals
    rounds: int
    seconds: float
    notes: tuple[str, ...] = ()


class Hull:
    """The master over mixtures of schedules.

    Parameters
    ----------
    parts, state
        As in :class:`equilibrium.markets.disco.upper.master.Master`; every part asks its vehicles to go one way at a
        time.
    """

    def __init__(
        self, parts: Sequence[Part], solver: str, state: Callable[[ProgramBuilder, Sequence[Part]], Columns]
    ) -> None:
        self.parts, self.solver = parts, solver
        self.master = relaxation(parts, solver, state)
        program = self.master.program
        own, balances = np.zeros(program.shape[1], dtype=bool), np.zeros(program.shape[0], dtype=bool)
        for number, columns in enumerate(self.master.columns.vehicles):
            own[columns] = True
            balances[program.rows[f"balance_{number}"].slice] = True
        self._others, self._rows = np.flatnonzero(~own), np.flatnonzero(~balances)
        self._first = np.cumsum([0, *(part.vehicles.lot.size for part in parts)])  # rows of all scenarios in a line
        self._owner = np.zeros(0, dtype=np.int64)  # row of each known schedule
        self._schedules = sp.csc_array((program.shape[1], 0))
        self._price = [FIRST_PRICE] * len(parts)

    def solve(self, deadline: Deadline | None = None) -> Mixture:
        """Add planes and schedules until the bound is reached, or the deadline has passed.

        Raises
        ------
        NoDispatchError
            When the network can serve no mixture, and so no schedule.
        """
        master, seconds, bound, deadline = self.master, 0.0, -INF, deadline or Deadline()
        upstream = np.zeros(master.program.shape[1])
        for part, columns in zip(self.parts, master.columns.vehicles, strict=True):
            price = part.vehicles.weight * part.price[part.vehicles.period]
            upstream[columns] = part.feasible.cost + part.vehicles.cost(price, -price)
        self._find(upstream, np.full(self._first[-1], INF))
        for rounds in range(1, MAXIMUM_ROUNDS + 1):
            instance = self._instance()
            _, solution = load_and_solve(instance, self.solver)
            seconds += solution.seconds
            if solution.status is Status.INFEASIBLE:
                seconds += self._approach()
                continue
            require_optimal(solution, "the company's stage over mixtures")
            x, shares = self._mean(solution), solution.x[: self._owner.size]
            bound = max(bound, self._bound(instance, solution.y))
            _, planes, spent = master.cut(x)
            seconds += spent
            cost = float(instance.cost @ solution.x)
            found = self._owner.size > shares.size
            deadline.spend(1)
            if deadline.passed or (not planes and (not found or cost - bound <= HULL_GAP * (1.0 + abs(cost)))):
                notes = (
                    (f"the {deadline.what} stopped the search for mixtures of schedules",) if deadline.passed else ()
                )
                residuals, own = kkt_residuals(instance, solution.x, solution.y), master.columns.vehicles
                leading = self._leading(shares)
                mean, first = tuple(x[columns] for columns in own), tuple(leading[columns] for columns in own)
                return Mixture(mean, first, bound, residuals, rounds, seconds, notes)
        raise SolverError(f"the bound of the company's stage was not reached in {MAXIMUM_ROUNDS} rounds")

    def _approach(self) -> float:
        """Add schedules and planes until the master has a point, or prove that there is none; time inside solvers."""
        seconds, bound = 0.0, -INF
        for _ in range(MAXIMUM_ROUNDS):
            instance = self._elastic(self._instance())
            _, solution = load_and_solve(instance, self.solver)
            seconds += solution.seconds
            require_optimal(solution, "the distance of mixtures from what can be served")
            far = float(instance.cost @ solution.x)
            if far <= NEGLIGIBLE:
                return seconds
            x, count = self._mean(solution), self._owner.size
            bound = max(bound, self._bound(instance, solution.y))
            _, planes, spent = self.master.cut(x)
            seconds += spent
            settled = self._owner.size == count or far - bound <= NEAREST * far
            if not planes and settled and bound > NEGLIGIBLE:
                raise NoDispatchError(nearest_kw=self._net_powers(x))
        raise SolverError(f"no mixture that can be served was found in {MAXIMUM_ROUNDS} rounds")

    def _net_powers(self, x: FloatArray) -> FloatArray:
        """Return the net powers of the vehicles' mean schedules, shape ``(scenarios, periods, lots)``."""
        _, periods, lots = self.master.columns.power.shape
        pairs = zip(self.parts, self.master.columns.vehicles, strict=True)
        each = [part.vehicles.power_kw(x[columns], lots, periods) for part, columns in pairs]
        return np.array([charge - discharge for charge, discharge in each])

    def _instance(self) -> Instance:
        """Return the master: shares of the known schedules, then all columns that are not the vehicles'."""
        whole, rows = self.master.instance, self._kept_rows()
        matrix, count = whole.matrix[rows], self._owner.size
        shares = sp.csr_array(
            (np.ones(count), (self._owner, np.arange(count))), shape=(int(self._first[-1]), count + self._others.size)
        )
        mixed = sp.hstack([matrix @ self._schedules, matrix[:, self._others]], format="csr")
        one = np.ones(self._first[-1])
        return Instance(
            stack_rows(sp.csr_array(shares), sp.csr_array(mixed)),
            np.concatenate([whole.cost @ self._schedules, whole.cost[self._others]]),
            np.concatenate([one, whole.row_lower[rows]]),
            np.concatenate([one, whole.row_upper[rows]]),
            np.concatenate([np.zeros(count), whole.col_lower[self._others]]),
            np.concatenate([np.full(count, INF), whole.col_upper[self._others]]),
        )

    def _kept_rows(self) -> IntArray:
        """Return the rows of the whole program that the master keeps: all but the vehicles' balances."""
        own = self.master.program.shape[0]
        return np.concatenate([self._rows, np.arange(own, self.master.instance.shape[0])])

    def _elastic(self, instance: Instance) -> Instance:
        """Let net powers differ from those of the schedules; the cost is by how much they do, kW."""
        link = self._link()
        slack = sp.csr_array(
            (np.repeat([1.0, -1.0], link.size), (np.tile(link, 2), np.arange(2 * link.size))),
            shape=(instance.shape[0], 2 * link.size),
        )
        grown, more = np.zeros(instance.shape[1]), np.ones(2 * link.size)
        return Instance(
            sp.hstack([instance.matrix, slack], format="csr"),
            np.concatenate([grown, more]),
            instance.row_lower,
            instance.row_upper,
            np.concatenate([instance.col_lower, 0.0 * more]),
            np.concatenate([instance.col_upper, INF * more]),
        )

    def _link(self) -> IntArray:
        """Return the master's rows that define net powers."""
        place = np.searchsorted(self._rows, self.master.program.rows["net_power"].index.ravel())
        return np.asarray(self._first[-1] + place, dtype=np.int64)

    def _bound(self, instance: Instance, y: FloatArray) -> float:
        """Bound the cost from below with a master's multipliers, and add the schedules that they ask for."""
        shares, count = int(self._first[-1]), self._owner.size
        y, elastic = y.copy(), instance.shape[1] > count + self._others.size
        power = np.searchsorted(self._others, self.master.columns.power.ravel())
        y[self._link()] += reduced_costs(instance, y)[count + power]  # free columns: their reduced costs are zero
        whole, everywhere = self.master.instance, np.zeros(self.master.instance.shape[0])
        everywhere[self._kept_rows()] = y[shares:]
        paid = -(whole.matrix.T @ everywhere) + (0.0 if elastic else whole.cost)
        least = self._find(np.asarray(paid), y[:shares])
        z = reduced_costs(instance, y)
        outside = replace(instance, row_lower=instance.row_lower.copy(), row_upper=instance.row_upper.copy())
        outside.row_lower[:shares] = outside.row_upper[:shares] = 0.0
        z[:count] = 0.0
        return dual_objective(outside, y, z) + least

    def _find(self, cost: FloatArray, known: FloatArray) -> float:
        """Find the schedules of least cost, keep those that cost less than is known; return the bound of all."""
        total, kept, owners = 0.0, [self._schedules], [self._owner]
        for number, (part, columns) in enumerate(zip(self.parts, self.master.columns.vehicles, strict=True)):
            vehicles, first = part.vehicles, int(self._first[number])
            found = find_schedules(vehicles, part.asked, cost[columns], self._price[number])
            self._price[number] = found.price
            total += float(found.bound.sum())
            mine = known[first : first + vehicles.lot.size]
            better = found.cost < mine - HULL_GAP * (1.0 + np.abs(found.cost))
            number_of = np.cumsum(better) - 1
            use = np.repeat(better[vehicles.row], 3) & (found.x != 0.0)
            place = np.repeat(number_of[vehicles.row], 3)[use]
            shape = (cost.size, int(better.sum()))
            kept.append(sp.csc_array(sp.coo_array((found.x[use], (columns[use], place)), shape=shape)))
            owners.append(first + np.flatnonzero(better))
        self._schedules = sp.csc_array(sp.hstack(kept, format="csc"))
        self._owner = np.concatenate(owners)
        return total

    def _mean(self, solution: Solution) -> FloatArray:
        """Return all columns of the program at a master's point."""
        count, x = self._owner.size, np.zeros(self.master.program.shape[1])
        x += self._schedules @ solution.x[:count]
        x[self._others] = solution.x[count : count + self._others.size]
        return x

    def _leading(self, shares: FloatArray) -> FloatArray:
        """Return all columns of the program, with the schedule that has the greatest share for every vehicle."""
        owner = self._owner[: shares.size]
        order = np.lexsort((shares, owner))
        last = np.searchsorted(owner[order], np.arange(self._first[-1]), side="right") - 1
        return np.asarray(self._schedules[:, order[last]].sum(axis=1)).ravel()
