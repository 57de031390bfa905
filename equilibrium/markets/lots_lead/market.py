"""The *lots-lead* market: strategic parking lots on a feeder, the tri-level EPEC of docs/epec_lots.md."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.certificate import EPSILON_REGRET, Certificate, certify, naming_solvers
from equilibrium.errors import InfeasibleError, SolverError
from equilibrium.grid.distribution import STATE_COLUMNS, STATE_ROWS, implied_edges
from equilibrium.grid.least_effort import DailyEffort, EffortRule, effort_rule
from equilibrium.grid.network import Network
from equilibrium.lengths import ByLengths
from equilibrium.markets.charging.clearing import Clearing
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.charging.dispatch import read_dispatch, storage_notes
from equilibrium.markets.charging.joint import compile_joint, joint_ports
from equilibrium.markets.charging.lots import compile_lots, lot_bounds, lot_ports, refuse_subscriptions
from equilibrium.markets.charging.shortage import compile_shedding, diagnose
from equilibrium.markets.charging.splitting import (
    MAXIMUM_CUT_ROUNDS,
    LotCut,
    Split,
    broken_cuts,
    cut_rows,
    split_lots,
    vehicle_powers,
)
from equilibrium.markets.charging.stages import (
    Optimum,
    Own,
    Stages,
    constant_profit,
    impose,
    own_optimum,
)
from equilibrium.programs.duality import Residuals, kkt_residuals, optimal_face
from equilibrium.programs.program import INF, Instance, Program
from equilibrium.programs.reduction import ReducedModel
from equilibrium.programs.solvers import Status, open_handle
from equilibrium.programs.solvers.choose import check_solver

METHOD = "lexicographic"


@dataclass(frozen=True, eq=False)
class _Compiled:
    """What is compiled for days of some periods.

    The joint program, its reduced model, the rule for the dispatch that is published, and the lots' own problems.
    """

    program: Program
    model: ReducedModel
    effort: EffortRule
    own: Program

    @classmethod
    def of(cls, network: Network, solver: str, length_h: FloatArray) -> _Compiled:
        """Compile the programs for periods of these lengths."""
        program = compile_joint(network, length_h)
        implied = implied_edges(network, program)
        model = ReducedModel(program, STATE_COLUMNS, STATE_ROWS, solver, implied=implied)
        effort = effort_rule(network, program, model, length_h)
        return cls(program, model, effort, compile_lots(network.lots, length_h))


class LotsLeadMarket:
    """Clears days of the lots-lead market on one network.

    Compiled once for each sequence of period lengths; :meth:`clear` binds a day.

    Parameters
    ----------
    network
        The feeder and its assets.
    solver
        ``"auto"``, ``"highs"`` or ``"gurobi"``.
    on_infeasible
        ``"stop"``: a day without a feasible dispatch raises. ``"shed"``: the least possible shortage of load and
        charging is found first, priced at ``value_of_lost_load``, and the day is cleared with it.
    value_of_lost_load
        Currency/kWh.

    Examples
    --------
    A day of the published case:

    >>> from scenarios.published.epec_lots import epec_lots_case
    >>> network, day = epec_lots_case("33", 1)
    >>> cleared = LotsLeadMarket(network).clear(day)
    >>> str(cleared.certificate.verdict), cleared.dlmp.shape
    ('exact', (24, 33))
    """

    def __init__(
        self,
        network: Network,
        *,
        solver: str = "auto",
        on_infeasible: str = "stop",
        value_of_lost_load: float = 3.0,
    ) -> None:
        refuse_subscriptions(
            network.lots, "none: lots that lead pay nothing for power (the nodal market has subscriptions)"
        )
        self.network = network
        # Where hours are joined, several multipliers of storage and ramps give the same prices.
        self._apart = not network.storage and all(np.isinf(unit.ramp_kw_per_h) for unit in network.microturbines)
        self._solver = check_solver(solver)
        self._on_infeasible, self._value_of_lost_load = on_infeasible, value_of_lost_load
        self._compiled = ByLengths(partial(_Compiled.of, network, solver))

    def prepare(self, day: MarketDay) -> None:
        """Clear a typical day and start every later one of the same periods from its rows and basis.

        The start is the same for every day, so a cleared day depends on nothing but itself; a typical day makes
        it a good start.
        """
        compiled = self._compiled[day.length_h]
        compiled.model.rewind()
        bare = day.without_vehicles()
        instance = compiled.program.bind(joint_ports(self.network, bare))
        if self._stages(bare, compiled.program, compiled.model, instance).least_cost(instance) is not None:
            compiled.model.remember()

    @naming_solvers
    def clear(self, day: MarketDay) -> Clearing:
        """Clear one day and prove it.

        Raises
        ------
        InfeasibleError
            When no dispatch serves the day and ``on_infeasible`` is ``"stop"``; its reasons name the limits.
        """
        start = time.perf_counter()
        cuts: list[LotCut] = []
        split: Split | None = None
        self._compiled[day.length_h].model.rewind()
        seconds = 0.0
        for _ in range(MAXIMUM_CUT_ROUNDS):
            stages, own, optimum = self._solve(day, cuts)
            seconds += optimum.seconds + (own.seconds if own is not None else 0.0)
            split = split_lots(self.network, day, optimum.x[stages.lot], stages.marginal(optimum.y), near=split)
            broken = broken_cuts(split)
            if not broken:
                settled = replace(optimum, x=self._settled(day, stages, optimum))
                return self._clearing(day, stages, own, settled, vehicle_powers(split, day.length_h), start, seconds)
            cuts += broken
        raise SolverError(f"the charging could not be split among the vehicles after {MAXIMUM_CUT_ROUNDS} cuts")

    def _settled(self, day: MarketDay, stages: Stages, optimum: Optimum) -> FloatArray:
        """Return the optimum that is published: of all dispatches of least cost the one of least effort."""
        compiled, length = self._compiled[day.length_h], day.length_h[:, None]
        effort = compiled.effort
        if stages.program is not compiled.program:  # a shortage: buses and periods share it by the same rule
            shared = {
                "shed_kw": np.maximum(day.load_kw, 0.0) / length,
                "unserved_kwh": np.ones(stages.lot.shape) * length,
            }
            effort = DailyEffort(self.network, stages.program, stages.model, day.length_h, shared)
        return effort.dispatch(optimum.instance, optimum.x, optimum.y)

    def close(self) -> None:
        """Do nothing: no process and no file is held."""

    def _stages(self, day: MarketDay, program: Program, model: ReducedModel, instance: Instance) -> Stages:
        return Stages(self.network, day, program, model, instance, self._solver)

    def _solve(self, day: MarketDay, cuts: list[LotCut]) -> tuple[Stages, Own | None, Optimum]:
        """Run the lexicographic stages for a day with the cuts known so far."""
        compiled = self._compiled[day.length_h]
        instance = compiled.program.bind(joint_ports(self.network, day))
        if cuts:
            instance = instance.with_rows(*cut_rows(compiled.program, cuts, day.length_h, len(self.network.lots)))
        stages = self._stages(day, compiled.program, compiled.model, instance)
        own = self._own(day, cuts)
        optimum = None
        if own is not None:
            optimum = stages.settled(impose(compiled.program, instance, compiled.own, own.face))
        if optimum is None:
            found = stages.most_profit()
            if found is None:
                return self._short(day, cuts, own)
            face, seconds = found
            optimum = stages.settled(face)
            if optimum is None:
                raise SolverError("the face of maximal profit has no point of least cost")
            note = "the network keeps lots from their own maximum"
            optimum = replace(optimum, seconds=optimum.seconds + seconds, notes=(*optimum.notes, note))
        return stages, own, optimum

    def _own(self, day: MarketDay, cuts: list[LotCut]) -> Own | None:
        """Solve the lots' stand-alone problems; ``None`` if a lot's own data admit no schedule."""
        constant = constant_profit(self.network.lots, day.lots)
        if constant is not None:
            return constant
        ports = {**lot_ports(day.lots, day.hours), **lot_bounds(day.lots, day.hours)}
        program = self._compiled[day.length_h].own
        instance = program.bind(ports)
        if cuts:
            instance = instance.with_rows(*cut_rows(program, cuts, day.length_h, len(self.network.lots)))
        solution = open_handle(instance, "highs").solve()
        if solution.status is Status.INFEASIBLE:
            return None
        return own_optimum(program, instance, solution)

    def _short(self, day: MarketDay, cuts: list[LotCut], own: Own | None) -> tuple[Stages, Own | None, Optimum]:
        """Answer a day without a feasible dispatch: say why, or find the least shortage and go on with it."""
        if self._on_infeasible == "stop":
            raise InfeasibleError(diagnose(self.network, day, joint_ports(self.network, day), cuts))
        program = compile_shedding(self.network, day, self._value_of_lost_load)
        model = ReducedModel(program, STATE_COLUMNS, STATE_ROWS, self._solver)
        ports = {
            **joint_ports(self.network, day),
            "shed_max_kw": np.maximum(day.load_kw, 0.0),
            "unserved_max_kwh": np.full((day.hours, len(self.network.lots)), INF),
        }
        instance = program.bind(ports)
        if cuts:
            instance = instance.with_rows(*cut_rows(program, cuts, day.length_h, len(self.network.lots)))
        shortage = np.zeros(program.shape[1])
        for name in ("shed_kw", "unserved_kwh"):
            shortage[program.columns[name].slice] = program.cost[program.columns[name].slice]
        solution = model.solve(instance.with_cost(shortage))
        if solution.status is not Status.OPTIMAL:
            raise InfeasibleError(diagnose(self.network, day, joint_ports(self.network, day), cuts))
        priced = instance.with_cost(shortage)
        least = optimal_face(priced, solution.y).with_cost(instance.cost)
        stages = self._stages(day, program, model, least)
        found = stages.most_profit()
        optimum = stages.settled(found[0]) if found is not None else None
        if optimum is None:
            raise SolverError("the day with the least shortage could not be cleared")
        note = "shortage: " + "; ".join(diagnose(self.network, day, joint_ports(self.network, day), cuts))
        settled = replace(optimum, notes=(*optimum.notes, note), shortage=(priced, solution.y))
        return stages, own, settled

    def _clearing(
        self,
        day: MarketDay,
        stages: Stages,
        own: Own | None,
        optimum: Optimum,
        vehicles: tuple[FloatArray | None, ...],
        start: float,
        seconds: float,
    ) -> Clearing:
        """Read the answer off the columns and multipliers, and certify it."""
        program, x = stages.program, optimum.x
        power = program.value(x, "lot_kw")
        profit = (stages.worth * power).sum(axis=0)
        shed = program.value(x, "shed_kw") if "shed_kw" in program.columns else np.zeros_like(day.load_kw)
        unserved = program.value(x, "unserved_kwh") if "unserved_kwh" in program.columns else np.zeros_like(power)
        found = stages.instance, x, optimum.y, optimum.shortage
        dispatch = read_dispatch(self.network, day, program, *found, told=self._apart)
        burnt = storage_notes(self.network, day, program, x, dispatch["dlmp"])
        proof, proof_seconds = self._prove(stages, own, replace(optimum, notes=(*optimum.notes, *burnt)), profit)
        return Clearing(
            **dispatch,
            lot_soe_kwh=program.value(x, "soe_kwh"),
            shed_kw=shed,
            unserved_kwh=unserved,
            lot_price=np.zeros_like(power),
            vehicle_kw=vehicles,
            shortage_cost=self._value_of_lost_load * float((day.length_h[:, None] * shed).sum() + unserved.sum()),
            lot_profit=profit,
            lot_maximum=own.maximum if own is not None else np.full(profit.size, INF),
            certificate=proof,
            seconds=time.perf_counter() - start,
            solver_seconds=seconds + proof_seconds,
        )

    def _prove(
        self, stages: Stages, own: Own | None, optimum: Optimum, profit: FloatArray
    ) -> tuple[Certificate, float]:
        """Collect residuals and regrets; return the certificate and the time that it took the solver."""
        seconds = 0.0
        residuals: list[Residuals] = [
            kkt_residuals(optimum.instance, optimum.x, optimum.y),
            stages.low_level_residuals(optimum),
        ]
        maximum = np.full(profit.size, INF)
        if own is not None:
            maximum = own.maximum
            if own.residuals is not None:
                residuals.append(own.residuals)
        bound = maximum.copy()
        power = optimum.x[stages.lot]
        for lot in np.flatnonzero(maximum - profit > EPSILON_REGRET * np.maximum(1.0, np.abs(profit))):
            # The network binds: the stand-alone maximum is out of reach, so the deviation itself is solved.
            bound[lot], proof, spent = stages.best_response(int(lot), power)
            residuals.append(proof)
            seconds += spent
        return certify(residuals, profit, bound, maximum, METHOD, stages.model.solver_name, optimum.notes), seconds
