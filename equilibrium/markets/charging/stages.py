"""The lexicographic method for the lots-lead game: propositions 1, 3 and 4 of docs/epec_lots.md.

The follower (DSO) does not influence what a lot earns, so the published MILP (8) needs neither its binaries nor the
follower's multipliers:

1. every lot's own maximum E_c* is a small linear program without the network;
2. the network cost is minimised over all network-feasible schedules in which every lot attains E_c* (the optimal
   face of 1, fixed by reduced costs, without a tolerance on the profit);
3. where that set is empty, the sum of profits is maximised over the network-feasible schedules first, and the cost
   on *its* optimal face. The result is a generalised Nash equilibrium (a profitable unilateral deviation would
   raise the sum), equals the published R2 whenever R2 is feasible, and avoids the pathology of R1, whose least-cost
   selection lets lots block each other.

Errors of the paper that this rests on: E1 system (4) lacks the low level's inequalities; E2 ``phi^SD = 0`` is not
"usually valid" but forced (and exact once E1 is mended), so it is no tuning knob; E4 lots pay nothing for energy and
have no market power here; E11 the top level is an equilibrium selection, not a player.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.errors import SolverError
from equilibrium.fleet.day import LotDay
from equilibrium.grid.assets import LotSite
from equilibrium.grid.network import Network
from equilibrium.lengths import named
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.charging.lots import stacked
from equilibrium.markets.charging.trade import decide_by_milp, importing_is_optimal, undecided_hours
from equilibrium.programs.duality import Residuals, dual_objective, kkt_residuals, optimal_face, reduced_costs
from equilibrium.programs.program import INF, Instance, Program
from equilibrium.programs.reduction import ReducedModel
from equilibrium.programs.solvers import Solution, Status
from equilibrium.programs.solvers.choose import optimal_if_feasible, require_optimal

LOT_COLUMNS = ("lot_kw", "soe_kwh")
LOT_ROWS = ("soe_balance", "soe_end")

NUDGE = 1e-5
"""Weight of the tie-break in the objective while cuts are looked for, currency/kWh: far below any difference of prices
that matters, and far above a solver's tolerance."""

GOLDEN = 0.5 * (np.sqrt(5.0) - 1.0)

NEXT_KW = 1e-5
"""Rise of the loads whose prices are published, kW: far below what separates two kinks, and far above a solver's
tolerance."""


@dataclass(frozen=True, eq=False)
class Own:
    """The lots' stand-alone optimum: values E_c*, the face of all optimal schedules, and the proof of both.

    ``face`` and ``residuals`` are ``None`` where proposition 3 answers: every feasible schedule is optimal.
    """

    maximum: FloatArray
    face: Instance | None = None
    residuals: Residuals | None = None
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class Optimum:
    """A cost-minimal point: the instance that it solves, primal and dual, and what was decided on the way.

    On a day that cannot be served ``shortage`` has the instance of least shortage before it, and its multipliers.
    """

    instance: Instance
    x: FloatArray
    y: FloatArray
    seconds: float
    notes: tuple[str, ...]
    shortage: tuple[Instance, FloatArray] | None = None


def constant_profit(lots: tuple[LotSite, ...], days: tuple[LotDay, ...]) -> Own | None:
    """Return the lots' maxima where they are constants of the data (proposition 3), else ``None``.

    With a constant charging price, (3d) as an equality and the first hour counted, summing (3b) over the day gives
    ``eta sum_t h_t p_t = Cend + sum_t Cout_t - sum_t Cin_t`` for every feasible schedule, h_t the length of a period.
    """
    for site, day in zip(lots, days, strict=True):
        flat = float(np.ptp(day.net_price)) == 0.0
        if not (flat and site.terminal == "eq" and site.first_hour == "corrected"):
            return None
    drawn = [
        (day.energy_end_kwh + day.energy_out_kwh.sum() - day.energy_in_kwh.sum()) / site.efficiency
        for site, day in zip(lots, days, strict=True)
    ]
    return Own(np.array([day.net_price.min() * kwh for day, kwh in zip(days, drawn, strict=True)]))


def own_optimum(program: Program, instance: Instance, solution: Solution) -> Own:
    """Read the lots' maxima and the face of their optimal schedules off the solved stand-alone program."""
    lot = program.columns["lot_kw"].index
    earned = -(instance.cost * solution.x)[lot].sum(axis=0)
    residuals = kkt_residuals(instance, solution.x, solution.y)
    return Own(earned, optimal_face(instance, solution.y), residuals, solution.seconds)


def impose(program: Program, instance: Instance, own_program: Program, face: Instance | None) -> Instance:
    """Restrict the lots' part of ``instance`` to the face of their stand-alone optima."""
    if face is None:
        return instance
    bounds = [
        array.copy() for array in (instance.col_lower, instance.col_upper, instance.row_lower, instance.row_upper)
    ]
    for name in LOT_COLUMNS:
        there, here = program.columns[name].slice, own_program.columns[name].slice
        bounds[0][there], bounds[1][there] = face.col_lower[here], face.col_upper[here]
    for name in LOT_ROWS:
        there, here = program.rows[name].slice, own_program.rows[name].slice
        bounds[2][there], bounds[3][there] = face.row_lower[here], face.row_upper[here]
    cuts = slice(program.shape[0], None), slice(own_program.shape[0], None)
    bounds[2][cuts[0]], bounds[3][cuts[0]] = face.row_lower[cuts[1]], face.row_upper[cuts[1]]
    col_lower, col_upper, row_lower, row_upper = bounds
    return Instance(instance.matrix, instance.cost, row_lower, row_upper, col_lower, col_upper)


class UnsettledError(SolverError):
    """A point of least cost was found, but none that meets its multipliers: the program is infeasible by rounding."""


class Stages:
    """The network-wide stages of one day on one compiled program.

    Parameters
    ----------
    network, day
        What is cleared.
    program, model
        The joint program (or its elastic version) and its reduced model.
    instance
        The day bound into it, cuts included, with the network cost as objective.
    solver
        Name of the solver for the mixed-integer program, if one is needed.
    """

    def __init__(
        self, network: Network, day: MarketDay, program: Program, model: ReducedModel, instance: Instance, solver: str
    ) -> None:
        self.network, self.day, self.program, self.model = network, day, program, model
        self.instance, self.solver, self.when = instance, solver, named(day.length_h)
        self.lot: IntArray = program.columns["lot_kw"].index
        self.worth = stacked(day.lots, "net_price", day.hours) * day.length_h[:, None]  # of a kW, currency

    def profit_cost(self, lots: slice | int = slice(None)) -> FloatArray:
        """Return minus the profit (3a) of some lots as an objective over the columns."""
        cost = np.zeros(self.program.shape[1])
        cost[self.lot[:, lots]] = -self.worth[:, lots]
        return cost

    def most_profit(self) -> tuple[Instance, float] | None:
        """Return the face of maximal total profit and the solver's time; ``None`` if nothing is feasible."""
        instance = self.instance.with_cost(self.profit_cost())
        solution = optimal_if_feasible(self.model.solve(instance), "the profit stage")
        if solution is None:
            return None
        return optimal_face(instance, solution.y).with_cost(self.instance.cost), solution.seconds

    def settled(self, instance: Instance) -> Optimum | None:
        """Minimise the network cost over ``instance``: prices of the next kW, the schedule that charges earliest.

        At a kink any price between the slopes on both sides is a multiplier. Published is the one of a small rise of
        the load at every bus, other at each; where the network could not carry that, of a small fall. ``None`` if
        ``instance`` is infeasible.

        Raises
        ------
        UnsettledError
            When ``instance`` is feasible for a solver's tolerance alone.
        """
        for rise in (NEXT_KW, -NEXT_KW):
            moved = self.least_cost(self._with_more_load(instance, rise))
            if moved is not None:
                here = replace(moved.instance, row_lower=instance.row_lower, row_upper=instance.row_upper)
                found = self.earliest(replace(moved, instance=here))
                if found is not None:
                    return found
        optimum = self.least_cost(instance)
        if optimum is None:
            return None
        found = self.earliest(optimum)
        if found is None:
            raise UnsettledError("no schedule of least cost satisfies its own multipliers")
        return found

    @cached_property
    def _others(self) -> FloatArray:
        """Weights between 1 and 2 of the rows of active power, no two alike."""
        rows = self.program.rows["active_balance"].slice
        return np.asarray(1.0 + np.modf(GOLDEN * np.arange(rows.stop - rows.start))[0])

    def _with_more_load(self, instance: Instance, rise: float) -> Instance:
        """Return ``instance`` with loads larger by ``rise`` kW or a little more, other at every bus and time."""
        rows = self.program.rows["active_balance"].slice
        more = rise * self._others
        lower, upper = instance.row_lower.copy(), instance.row_upper.copy()
        lower[rows] += more
        upper[rows] += more
        return replace(instance, row_lower=lower, row_upper=upper)

    def least_cost(self, instance: Instance) -> Optimum | None:
        """Minimise the network cost over ``instance``; ``None`` if it is infeasible."""
        negative = self.day.wholesale_price < 0.0
        undecided = undecided_hours(self.network, self.day)
        export = self.program.columns["export_kw"].index
        imports_only = self._imports_only(instance)
        solution = self.model.solve(imports_only)
        notes: tuple[str, ...] = ()
        if negative.any():
            notes = (f"negative price in {int(negative.sum())} {self.when}: exports excluded there",)
        if solution.status is Status.OPTIMAL and (
            not undecided.any()
            or importing_is_optimal(self.network, self.day, self.program, imports_only, solution.x, solution.y)
        ):
            return Optimum(imports_only, solution.x, solution.y, solution.seconds, notes)
        if solution.status is not Status.INFEASIBLE:
            require_optimal(solution, "the cost stage")
        elif not undecided.any():
            return None
        return self._directed(instance.with_columns(export[negative & ~undecided], 0.0, 0.0), solution.seconds)

    def _directed(self, instance: Instance, seconds: float) -> Optimum | None:
        """Settle the direction of trade by a mixed-integer program, then solve for prices with it fixed."""
        exporting = decide_by_milp(self.network, self.day, self.program, instance, self.solver)
        if exporting is None:
            return None
        undecided = undecided_hours(self.network, self.day)
        for name, closed in (("export_kw", undecided & ~exporting), ("import_kw", undecided & exporting)):
            instance = instance.with_columns(self.program.columns[name].index[closed], 0.0, 0.0)
        solution = require_optimal(self.model.solve(instance), "the cost stage with the direction of trade fixed")
        count = int(exporting.sum())
        note = f"direction of trade at negative prices settled by a mixed-integer program: {count} {self.when} export"
        return Optimum(instance, solution.x, solution.y, seconds + solution.seconds, (note,))

    def likely(self, instance: Instance) -> Optimum | None:
        """Return a point that is close to what :meth:`least_cost` and :meth:`earliest` would find, in one solve.

        It may violate rows of the network, which the next call looks at.

        The weights of the tie-break stand in the objective. That proves nothing, but cuts are found in this way at half
        the price, and the prices of :meth:`marginal` order hours that the network's own prices do not tell apart.
        ``None`` where there is no such point.
        """
        closed = self._imports_only(instance)
        solution = self.model.glance(closed.with_cost(closed.cost + NUDGE * self._lateness))
        if solution.status is not Status.OPTIMAL:
            return None
        return Optimum(closed, solution.x, solution.y, solution.seconds, ())

    def marginal(self, y: FloatArray) -> FloatArray:
        """Return what a lot's next kWh costs at some multipliers, a little more the later, shape ``(hours, lots)``."""
        dlmp = self.program.multiplier(y, "active_balance")
        cost = dlmp[:, [site.bus for site in self.network.lots]] + NUDGE * self._lateness[self.lot]
        return np.asarray(cost / self.day.length_h[:, None])

    @cached_property
    def _lateness(self) -> FloatArray:
        """Weights of the tie-break over the columns.

        Those of a kWh rise with the time and are in general position: with integer ones, exchanges between two lots and
        two periods would tie again.
        """
        length, lots = self.day.length_h, self.lot.shape[1]
        begun = (np.cumsum(length) - length) / length.sum()
        weight = np.zeros(self.program.shape[1])
        weight[self.lot] = (length * begun**0.7)[:, None] * (1.0 + np.arange(lots) / (7.0 * max(1, lots)))
        return weight

    def _imports_only(self, instance: Instance) -> Instance:
        """Close exports in the hours of negative price."""
        negative = self.day.wholesale_price < 0.0
        if not negative.any():
            return instance
        return instance.with_columns(self.program.columns["export_kw"].index[negative], 0.0, 0.0)

    def earliest(self, optimum: Optimum) -> Optimum | None:
        """Choose among equally cheap schedules the one that charges earliest (docs/epec_lots.md).

        Costs, energies and profits are the same on the whole optimal face; a schedule that people compare must
        not depend on the path of a simplex method. ``None`` if the multipliers are not of ``optimum.instance``.
        """
        face = optimal_face(optimum.instance, optimum.y).with_cost(self._lateness)
        solution = optimal_if_feasible(self.model.point(face), "the tie-break")
        if solution is None:
            return None
        return replace(optimum, x=solution.x, seconds=optimum.seconds + solution.seconds)

    def best_response(self, lot: int, power_kw: FloatArray) -> tuple[float, Residuals, float]:
        """Solve one lot's best deviation, the network and its rivals' charging given (P_c, proposition 2).

        Returns
        -------
        tuple
            A proven upper bound on what the lot can earn (the dual objective), the proof's residuals, and the
            solver's time.
        """
        rivals = np.setdiff1d(np.arange(self.lot.shape[1]), [lot])
        fixed = self.instance.with_columns(
            self.lot[:, rivals].ravel(), power_kw[:, rivals].ravel(), power_kw[:, rivals].ravel()
        ).with_cost(self.profit_cost(lot))
        solution = require_optimal(self.model.solve(fixed), "a lot's best response")
        bound = -dual_objective(fixed, solution.y, reduced_costs(fixed, solution.y))
        return bound, kkt_residuals(fixed, solution.x, solution.y), solution.seconds

    def low_level_residuals(self, optimum: Optimum) -> Residuals:
        """Check that the dispatch is optimal for the DSO at the cleared charging, with the same multipliers."""
        instance, y = optimum.instance, optimum.y.copy()
        decided = [self.lot.ravel()]
        if "unserved_kwh" in self.program.columns:
            decided.append(self.program.columns["unserved_kwh"].index.ravel())
        given = np.concatenate(decided)
        soe = self.program.columns["soe_kwh"].index.ravel()
        own = np.concatenate([self.program.rows[name].index.ravel() for name in LOT_ROWS])
        lots_rows = np.concatenate([own, np.arange(self.program.shape[0], instance.shape[0])])
        y[lots_rows] = 0.0
        row_lower, row_upper = instance.row_lower.copy(), instance.row_upper.copy()
        row_lower[lots_rows], row_upper[lots_rows] = -INF, INF
        fixed = instance.with_columns(given, optimum.x[given], optimum.x[given]).with_columns(soe, -INF, INF)
        low = Instance(fixed.matrix, fixed.cost, row_lower, row_upper, fixed.col_lower, fixed.col_upper)
        return kkt_residuals(low, optimum.x, y)
