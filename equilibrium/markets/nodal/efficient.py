"""Schedules of least system cost: the welfare optimum, and the answer of all who are not strategic.

Price-taking and centrally scheduled lots minimise ``NC - sum F p`` together with the DSO: one linear program, whose
multipliers are the prices that the price-takers take (first welfare theorem).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InfeasibleError, SolverError
from equilibrium.grid.distribution import STATE_COLUMNS, STATE_ROWS, implied_edges
from equilibrium.grid.network import Network
from equilibrium.lengths import Periods
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.charging.joint import compile_joint, joint_ports
from equilibrium.markets.charging.lots import stacked, subscription_payments
from equilibrium.markets.charging.shortage import diagnose
from equilibrium.markets.charging.splitting import (
    MAXIMUM_CUT_ROUNDS,
    LotCut,
    Split,
    broken_cuts,
    cut_rows,
    likely_levels,
    split_lots,
)
from equilibrium.markets.charging.stages import Optimum, Stages, UnsettledError
from equilibrium.programs.program import Instance
from equilibrium.programs.reduction import ReducedModel
from equilibrium.programs.solvers.choose import require_optimal

EDGE_KW = 1e-6
"""How far given powers may be moved where they stand at the edge of what the network carries.

A best response that goes to that edge is exact to rounding, and by as much the feeder may be unable to carry it.
"""


@dataclass(frozen=True, eq=False)
class Efficient:
    """An efficient point.

    ``power`` ``(hours, lots)`` in kW, ``dlmp`` ``(hours, buses)`` in currency/kWh, network cost NC and system cost
    (NC minus the lots' revenue, plus what they pay for power above a subscription) in currency. ``split`` is the power
    of every lot, split among its vehicles.
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
    periods
        Of a day.
    solver
        One of :data:`equilibrium.programs.solvers.SOLVERS`.
    """

    def __init__(self, network: Network, periods: Periods, solver: str = "auto") -> None:
        self.network = network
        self.program = compile_joint(network, periods)
        implied = implied_edges(network, self.program)
        self.model = ReducedModel(self.program, STATE_COLUMNS, STATE_ROWS, solver, implied=implied, restored=True)
        self._solver = solver

    def prepare(self, day: MarketDay) -> FloatArray | None:
        """Make a typical day's rows and basis the start of every solve.

        Returns its efficient powers, vehicles left aside, ``(hours, lots)``; ``None`` if the day cannot be served.
        """
        self.model.rewind()
        bare = day.without_vehicles()
        instance = self._instance(bare)
        stages = Stages(self.network, bare, self.program, self.model, instance, self._solver)
        optimum = stages.least_cost(instance)
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
        known = list(cuts)
        try:
            found = self._least_cost(day, self._instance(day, known, power, fixed), known, fixed)
        except UnsettledError:
            if not fixed:
                raise
            found = None
        if found is None and fixed:
            found = self._least_cost(day, self._instance(day, known, power, fixed, EDGE_KW), known, fixed)
        if found is None:
            raise InfeasibleError(diagnose(self.network, day, joint_ports(self.network, day), known))
        return found

    def _least_cost(
        self, day: MarketDay, instance: Instance, cuts: list[LotCut], fixed: tuple[int, ...]
    ) -> Efficient | None:
        """Return the efficient point of a bound day, ``None`` if there is none; new cuts are added to ``cuts``."""
        self.model.rewind()
        stages = Stages(self.network, day, self.program, self.model, instance, self._solver)
        schedules = _Schedules(stages, instance, cuts, fixed)
        if not fixed and any(lot.fleet is not None for lot in day.lots):  # cuts are known for what answers a move
            schedules.approach()
        for _ in range(MAXIMUM_CUT_ROUNDS):
            optimum = stages.settled(schedules.instance)
            if optimum is None:
                return None
            if schedules.take(optimum):
                cost = float(instance.cost @ optimum.x)
                found = self.program.value(optimum.x, "lot_kw")
                above = subscription_payments(self.network.lots, found, day.length_h)
                return Efficient(
                    power=found,
                    dlmp=self.program.multiplier(optimum.y, "active_balance") / day.length_h[:, None],
                    network_cost=cost + float((_worth(day) * found).sum() - above.sum()),
                    system_cost=cost,
                    optimum=optimum,
                    cuts=tuple(schedules.cuts),
                    split=schedules.split,
                    seconds=schedules.seconds,
                )
        raise SolverError(f"the charging could not be split among the vehicles after {MAXIMUM_CUT_ROUNDS} cuts")

    def random(self, day: MarketDay, rng: np.random.Generator, cuts: tuple[LotCut, ...]) -> FloatArray:
        """Return random feasible powers of all lots: a vertex that a random objective picks, ``(hours, lots)``.

        The vehicles' cuts that are known hold. A start need not be splittable: the first answers are.
        """
        instance = self._instance(day, cuts)
        cost = np.zeros(instance.shape[1])
        lot = self.program.columns["lot_kw"].index
        cost[lot] = rng.normal(size=lot.shape)
        self.model.rewind()
        solution = require_optimal(self.model.solve(instance.with_cost(cost)), "a random start")
        return self.program.value(solution.x, "lot_kw").copy()

    def _instance(
        self,
        day: MarketDay,
        cuts: Sequence[LotCut] = (),
        power: FloatArray | None = None,
        fixed: tuple[int, ...] = (),
        edge_kw: float = 0.0,
    ) -> Instance:
        """Bind the day with the lots' revenue in the objective and some powers fixed, within ``edge_kw``."""
        instance = self.program.bind(joint_ports(self.network, day))
        if cuts:
            instance = instance.with_rows(*cut_rows(self.program, cuts, day.length_h, len(self.network.lots)))
        lot = self.program.columns["lot_kw"].index
        cost = instance.cost.copy()
        cost[lot] -= _worth(day)
        instance = instance.with_cost(cost)
        if power is None or not fixed:
            return instance
        given, columns = power[:, fixed].ravel(), lot[:, fixed].ravel()
        low = np.minimum(given, np.maximum(given - edge_kw, instance.col_lower[columns]))
        high = np.maximum(given, np.minimum(given + edge_kw, instance.col_upper[columns]))
        return instance.with_columns(columns, low, high)


def _worth(day: MarketDay) -> FloatArray:
    """Return what a kW leaves the lots in each period before its price, currency, shape ``(hours, lots)``."""
    return stacked(day.lots, "net_price", day.hours) * day.length_h[:, None]


class _Schedules:
    """The lots' schedules of one day on the way to those that their vehicles can take.

    Attributes
    ----------
    instance, cuts
        The day's program with the cuts that are known by now.
    split
        What the last schedules split into.
    seconds
        Time inside the solver for all schedules so far.
    """

    def __init__(self, stages: Stages, instance: Instance, cuts: list[LotCut], fixed: tuple[int, ...]) -> None:
        self._stages, self._fixed = stages, fixed
        self.instance, self.cuts = instance, cuts
        self.split: Split = [None] * len(stages.day.lots)
        self.seconds = 0.0

    def approach(self) -> None:
        """Add cuts until a point close to the efficient one can be split, if there is one.

        Rows of the network that it violates are taken up on the way.
        """
        for _ in range(MAXIMUM_CUT_ROUNDS):
            likely = self._stages.likely(self.instance)
            if likely is None or self.take(likely):
                return

    def take(self, optimum: Optimum) -> bool:
        """Tell whether the vehicles can take a point's schedules; if they cannot, add the cuts that say why.

        No lot's power is split while another's asks for too much where that is likely: it will move once more.
        """
        stages = self._stages
        self.seconds += optimum.seconds
        found = stages.program.value(optimum.x, "lot_kw")
        asked = stages.network, stages.day, found, stages.marginal(optimum.y)
        levels = likely_levels(*asked, near=self.split, skip=self._fixed)
        if isinstance(levels, list):
            broken = levels
        else:
            self.split = split_lots(*asked, near=self.split, levels=levels, skip=self._fixed)
            broken = broken_cuts(self.split)
        if broken:
            self.cuts += broken
            self.instance = self.instance.with_rows(
                *cut_rows(stages.program, broken, stages.day.length_h, found.shape[1])
            )
        return not broken
