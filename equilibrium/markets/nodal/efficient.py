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
from equilibrium.lengths import Periods
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.charging.joint import compile_joint, joint_ports
from equilibrium.markets.charging.lots import stacked
from equilibrium.markets.charging.shortage import diagnose
from equilibrium.markets.charging.splitting import (
    MAXIMUM_CUT_ROUNDS,
    LotCut,
    broken_cuts,
    cut_rows,
    first_cuts,
    split_lots,
)
from equilibrium.markets.charging.stages import Optimum, Stages
from equilibrium.programs.program import Instance
from equilibrium.programs.reduction import ReducedModel
from equilibrium.programs.solvers.choose import require_optimal


@dataclass(frozen=True, eq=False)
class Efficient:
    """An efficient point.

    ``power`` ``(hours, lots)`` in kW, ``dlmp`` ``(hours, buses)`` in currency/kWh, network cost NC and system cost
    (NC minus the lots' revenue) in currency.
    """

    power: FloatArray
    dlmp: FloatArray
    network_cost: float
    system_cost: float
    optimum: Optimum
    cuts: tuple[LotCut, ...]
    seconds: float


class EfficientSchedules:
    """Finds efficient points of one network; compiled once.

    Parameters
    ----------
    network
        The feeder and its assets.
    periods
        Of a day.
    solver
        One of :data:`equilibrium.programs.solvers.SOLVERS`.
    """

    def __init__(self, network: Network, periods: Periods, solver: str = "auto") -> None:
        self.network = network
        self.program = compile_joint(network, periods)
        self.model = ReducedModel(self.program, STATE_COLUMNS, STATE_ROWS, solver)
        self._solver = solver

    def prepare(self, day: MarketDay) -> FloatArray | None:
        """Make a typical day's rows and basis the start of every solve.

        Returns its efficient powers, vehicles left aside, ``(hours, lots)``; ``None`` if the day cannot be served.
        """
        self.model.rewind()
        bare = day.without_vehicles()
        instance = self._instance(bare, [], None, np.zeros(0, dtype=np.int64))
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
        cuts: tuple[LotCut, ...] | None = None,
    ) -> Efficient:
        """Find the efficient point with some lots' powers fixed.

        Parameters
        ----------
        power, fixed
            Powers ``(hours, lots)`` and the lots that keep theirs; none by default.
        cuts
            Known cuts; those of the cheapest hours by default.

        Raises
        ------
        InfeasibleError
            When no dispatch serves the day; its reasons name the limits.
        """
        known = list(first_cuts(self.network, day) if cuts is None else cuts)
        held, seconds = np.array(fixed, dtype=np.int64), 0.0
        buses = [site.bus for site in self.network.lots]
        self.model.rewind()
        for _ in range(MAXIMUM_CUT_ROUNDS):
            instance = self._instance(day, known, power, held)
            stages = self._stages(day, instance)
            optimum = stages.least_cost(instance)
            if optimum is None:
                raise InfeasibleError(diagnose(self.network, day, joint_ports(self.network, day), known))
            optimum = stages.earliest(optimum)
            seconds += optimum.seconds
            dlmp = self.program.multiplier(optimum.y, "active_balance") / day.length_h[:, None]
            found = self.program.value(optimum.x, "lot_kw")
            broken = [
                cut for cut in broken_cuts(split_lots(self.network, day, found, dlmp[:, buses])) if cut[0] not in fixed
            ]
            if not broken:
                cost, earned = float(instance.cost @ optimum.x), float((_worth(day) * found).sum())
                return Efficient(found, dlmp, cost + earned, cost, optimum, tuple(known), seconds)
            known += broken
        raise SolverError(f"the charging could not be split among the vehicles after {MAXIMUM_CUT_ROUNDS} cuts")

    def random(self, day: MarketDay, rng: np.random.Generator, cuts: tuple[LotCut, ...]) -> FloatArray:
        """Return random feasible powers of all lots: a vertex that a random objective picks, ``(hours, lots)``.

        The vehicles' cuts that are known hold. A start need not be splittable: the first answers are.
        """
        instance = self._instance(day, list(cuts), None, np.zeros(0, dtype=np.int64))
        cost = np.zeros(instance.shape[1])
        lot = self.program.columns["lot_kw"].index
        cost[lot] = rng.normal(size=lot.shape)
        self.model.rewind()
        solution = require_optimal(self.model.solve(instance.with_cost(cost)), "a random start")
        return self.program.value(solution.x, "lot_kw").copy()

    def _stages(self, day: MarketDay, instance: Instance) -> Stages:
        return Stages(self.network, day, self.program, self.model, instance, self._solver)

    def _instance(self, day: MarketDay, cuts: list[LotCut], power: FloatArray | None, fixed: np.ndarray) -> Instance:
        """Bind the day with the lots' revenue in the objective and some powers fixed."""
        instance = self.program.bind(joint_ports(self.network, day))
        if cuts:
            instance = instance.with_rows(*cut_rows(self.program, cuts, day.length_h, len(self.network.lots)))
        lot = self.program.columns["lot_kw"].index
        cost = instance.cost.copy()
        cost[lot] -= _worth(day)
        instance = instance.with_cost(cost)
        if power is None or not fixed.size:
            return instance
        given = power[:, fixed].ravel()
        return instance.with_columns(lot[:, fixed].ravel(), given, given)


def _worth(day: MarketDay) -> FloatArray:
    """Return what drivers pay for a kW in each period, currency, shape ``(hours, lots)``."""
    return stacked(day.lots, "charging_price", day.hours) * day.length_h[:, None]
