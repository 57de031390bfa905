"""Schedules of least system cost: the welfare optimum, and the answer of all who are not strategic.

Price-taking and centrally scheduled lots minimise ``NC - sum F p`` together with the DSO: one linear program, whose
multipliers are the prices that the price-takers take (first welfare theorem).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InfeasibleError, SolverError
from equilibrium.grid.distribution import STATE_COLUMNS, STATE_ROWS
from equilibrium.grid.network import Network
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.charging.joint import compile_joint, joint_ports
from equilibrium.markets.charging.lots import stacked
from equilibrium.markets.charging.shortage import diagnose
from equilibrium.markets.charging.splitting import (
    MAXIMUM_CUT_ROUNDS,
    LotCut,
    Split,
    broken_cuts,
    cut_rows,
    split_lots,
)
from equilibrium.markets.charging.stages import Optimum, Stages
from equilibrium.programs.program import Instance
from equilibrium.programs.reduction import ReducedModel
from equilibrium.programs.solvers import Status
from equilibrium.programs.solvers.choose import require_optimal


@dataclass(frozen=True, eq=False)
class Efficient:
    """An efficient point.

    ``power`` ``(hours, lots)`` in kW, ``dlmp`` ``(hours, buses)`` in currency/kWh, network cost NC and system cost
    (NC minus the lots' revenue) in currency. ``split`` is the power of every lot, split among its vehicles.
    """

    power: FloatArray
    dlmp: FloatArray
    network_cost: float
    system_cost: float
    optimum: Optimum
    cuts: tuple[LotCut, ...]
    split: Split
    seconds: float


class EfficientSchedules:
    """Finds efficient points of one network; compiled once.

    Parameters
    ----------
    network
        The feeder and its assets.
    hours
        Periods per day.
    solver
        One of :data:`equilibrium.programs.solvers.SOLVERS`.
    """

    def __init__(self, network: Network, hours: int, solver: str = "auto") -> None:
        self.network = network
        self.program = compile_joint(network, hours)
        self.model = ReducedModel(self.program, STATE_COLUMNS, STATE_ROWS, solver)
        self._solver = solver

    def prepare(self, day: MarketDay) -> FloatArray | None:
        """Make a typical day's rows and basis the start of every solve.

        Returns its efficient powers, vehicles left aside, ``(hours, lots)``; ``None`` if the day cannot be served.
        """
        self.model.rewind()
        bare = day.without_vehicles()
        instance = self._instance(bare, [])
        optimum = self._stages(bare, instance).least_cost(instance)
        if optimum is None:
            return None
        self.model.remember()
        return self.program.value(optimum.x, "lot_kw")

    def solve(
        self,
        day: MarketDay,
        power: FloatArray | None = None,
        fixed: tuple[int, ...] = (),
        cuts: tuple[LotCut, ...] = (),
    ) -> Efficient:
        """Find the efficient point with some lots' powers fixed.

        Parameters
        ----------
        power, fixed
            Powers ``(hours, lots)`` and the lots that keep theirs; none by default.
        cuts
            Known cuts of what can be split among the vehicles.

        Raises
        ------
        InfeasibleError
            When no dispatch serves the day; its reasons name the limits.
        """
        self.model.rewind()
        known, split, seconds = self._likely_cuts(day, list(cuts), power, fixed)
        for _ in range(MAXIMUM_CUT_ROUNDS):
            instance = self._instance(day, known, power, fixed)
            stages = self._stages(day, instance)
            optimum = stages.least_cost(instance)
            if optimum is None:
                raise InfeasibleError(diagnose(self.network, day, joint_ports(self.network, day), known))
            optimum = stages.earliest(optimum)
            seconds += optimum.seconds
            found = self.program.value(optimum.x, "lot_kw")
            split = split_lots(self.network, day, found, stages.marginal(optimum.y), near=split, skip=fixed)
            broken = broken_cuts(split)
            if not broken:
                price, cost = stacked(day.lots, "charging_price", day.hours), float(instance.cost @ optimum.x)
                return Efficient(
                    power=found,
                    dlmp=self.program.multiplier(optimum.y, "active_balance"),
                    network_cost=cost + float((price * found).sum()),
                    system_cost=cost,
                    optimum=optimum,
                    cuts=tuple(known),
                    split=split,
                    seconds=seconds,
                )
            known += broken
        raise SolverError(f"the charging could not be split among the vehicles after {MAXIMUM_CUT_ROUNDS} cuts")

    def _likely_cuts(
        self, day: MarketDay, known: list[LotCut], power: FloatArray | None, fixed: tuple[int, ...]
    ) -> tuple[list[LotCut], Split | None, float]:
        """Add cuts until a point close to the efficient one can be split; return them, its split, and solver time."""
        split: Split | None = None
        seconds = 0.0
        for _ in range(MAXIMUM_CUT_ROUNDS if any(lot.fleet is not None for lot in day.lots) else 0):
            instance = self._instance(day, known, power, fixed)
            stages = self._stages(day, instance)
            likely = stages.likely(instance)
            seconds += likely.seconds
            if likely.status is not Status.OPTIMAL:
                break
            found = self.program.value(likely.x, "lot_kw")
            split = split_lots(self.network, day, found, stages.marginal(likely.y), near=split, skip=fixed)
            broken = broken_cuts(split)
            if not broken:
                break
            known += broken
        return known, split, seconds

    def random(self, day: MarketDay, rng: np.random.Generator, cuts: tuple[LotCut, ...]) -> FloatArray:
        """Return random feasible powers of all lots: a vertex that a random objective picks, ``(hours, lots)``.

        The vehicles' cuts that are known hold. A start need not be splittable: the first answers are.
        """
        instance = self._instance(day, list(cuts))
        cost = np.zeros(instance.shape[1])
        lot = self.program.columns["lot_kw"].index
        cost[lot] = rng.normal(size=lot.shape)
        self.model.rewind()
        solution = require_optimal(self.model.solve(instance.with_cost(cost)), "a random start")
        return self.program.value(solution.x, "lot_kw").copy()

    def _stages(self, day: MarketDay, instance: Instance) -> Stages:
        return Stages(self.network, day, self.program, self.model, instance, self._solver)

    def _instance(
        self, day: MarketDay, cuts: list[LotCut], power: FloatArray | None = None, fixed: tuple[int, ...] = ()
    ) -> Instance:
        """Bind the day with the lots' revenue in the objective and some powers fixed."""
        instance = self.program.bind(joint_ports(self.network, day))
        if cuts:
            instance = instance.with_rows(*cut_rows(self.program, cuts, len(self.network.lots)))
        lot = self.program.columns["lot_kw"].index
        cost = instance.cost.copy()
        cost[lot] -= stacked(day.lots, "charging_price", day.hours)
        instance = instance.with_cost(cost)
        if power is None or not fixed:
            return instance
        given = power[:, fixed].ravel()
        return instance.with_columns(lot[:, fixed].ravel(), given, given)
