"""The DISCO market: a distribution company leads, lots with vehicle-to-grid follow (docs/disco.md)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, Self

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.certificate import RESIDUAL_TOLERANCE, certify, naming_solvers
from equilibrium.errors import InputError
from equilibrium.grid.flow_range import FlowRange
from equilibrium.grid.network import Network
from equilibrium.markets.disco.checks import check_day
from equilibrium.markets.disco.clearing import DiscoClearing
from equilibrium.markets.disco.day import DiscoDay
from equilibrium.markets.disco.here_and_now import clear_together
from equilibrium.markets.disco.network.ranges import day_range
from equilibrium.markets.disco.network.supply import Supplies, Supply
from equilibrium.markets.disco.parallel import clear_all, open_pool
from equilibrium.markets.disco.rules import NODE_LIMIT, Rules
from equilibrium.markets.disco.scenario import Proved, allowed, clear_scenario, with_reachable_wishes
from equilibrium.programs.risk import cvar, mean_cvar, value_at_risk


class DiscoMarket:
    """The market of one network, compiled once for each number of periods and cleared day by day.

    Parameters
    ----------
    network
        The feeder with its renewables and lots.
    mode
        ``strict``: lots choose freely among the schedules that are best for them, as printed, and charge and discharge
        at once where that pays. ``strict-exclusive``: the same, but a vehicle does one thing at a time. ``windows``:
        the company dispatches the vehicles, charging only in the charge window, discharging only in the discharge
        window; what lots would rather do is only reported. ``windows-strict``: lots choose what is best for them
        within the windows. Ties are broken in the company's favour.
    purchases
        ``recourse``: purchases may differ between scenarios. ``here-and-now``: one purchase for all scenarios.
    alpha, beta
        Level of the CVaR of profit, and its weight in ``(1 - beta) E + beta CVaR``.
    flow
        ``lossy`` (2a)-(2g), or ``copper-plate``: no network.
    segments, flow_range, transformer_efficiency
        As in :func:`equilibrium.grid.lossy.add_lossy_flow`; a range that differs between periods counts with its
        greatest value. Without one, each day's own largest flows are taken (:func:`.day_range`).
    infeasible_wish
        ``error``: a wish that full power cannot meet is refused with the vehicle's name. ``best-effort``: it is
        replaced by what can be reached.
    method
        ``value-function``: lots' optimality by their own optimum (its face, or its value where it is not convex).
        ``kkt-milp``: the published mixed-integer program, for small days.
    pessimistic
        Whether to look for the value with ties broken against the company; without, the interval says nothing.
    node_limit
        Boxes, columns generated in rounds and branch-and-bound nodes that the searches of one scenario (with purchases
        here and now: of the day) may take together; then the best dispatch is returned with its gap. ``None`` for no
        limit.
    solver
        One of :data:`equilibrium.programs.solvers.SOLVERS`.
    workers
        Processes that scenarios are spread over. The answer does not depend on it.

    Raises
    ------
    InputError
        When an option is not one of those above.
    """

    def __init__(
        self,
        network: Network,
        *,
        mode: str = "windows-strict",
        purchases: str = "recourse",
        alpha: float = 0.95,
        beta: float = 0.0,
        flow: str = "lossy",
        segments: int = 20,
        flow_range: FlowRange | None = None,
        transformer_efficiency: float = 1.0,
        infeasible_wish: str = "error",
        method: str = "value-function",
        pessimistic: bool = True,
        node_limit: int | None = NODE_LIMIT,
        solver: str = "auto",
        workers: int = 1,
    ) -> None:
        self.rules = Rules(mode, purchases, alpha, beta, infeasible_wish, method, pessimistic, solver, node_limit)
        if not workers >= 1:
            raise InputError("DISCO market", "workers", workers, "at least 1")
        self.network, self.workers = network, workers
        self._options: dict[str, Any] = {
            "flow": flow,
            "segments": segments,
            "flow_range": flow_range,
            "transformer_efficiency": transformer_efficiency,
            "solver": solver,
        }
        self.supplies = Supplies(network, self._options)
        self._pool: ProcessPoolExecutor | None = None

    def prepare(self, day: DiscoDay) -> None:
        """Do nothing: every scenario starts anew, so that the answer does not depend on how they are spread."""

    def close(self) -> None:
        """End the worker processes, if there are any."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @naming_solvers
    def clear(self, day: DiscoDay) -> DiscoClearing:
        """Clear a day.

        Raises
        ------
        InputError
            When the day's numbers do not fit together; before any work is done.
        InfeasibleError
            When the network cannot serve what the lots choose; it names scenario, limit, bus, period and amount.
        """
        begin = time.perf_counter()
        check_day(
            self.network,
            day,
            one_way=self.rules.one_way,
            windows=self.rules.windows,
            paid_purchases=self.rules.method != "kkt-milp",
        )
        reachable, changed = with_reachable_wishes(self.network, day, self.rules)
        proved, gap = self._proved(reachable)
        return self._clearing(reachable, proved, gap, changed, begin)

    def supply(self, day: DiscoDay) -> Supply:
        """Return the network as it is compiled for a day."""
        return self.supplies.of(day.periods, self._range(day))

    def _range(self, day: DiscoDay) -> FlowRange | None:
        """Return the day's own range of flows, if it has one."""
        return day_range(self.network, day, *allowed(day, self.rules)) if self.supplies.by_day else None

    def _proved(self, day: DiscoDay) -> tuple[Sequence[Proved], float]:
        """Clear every scenario; also return by how much the company could still improve all of them together."""
        if self.rules.purchases == "here-and-now":
            return clear_together(self.network, self.supply(day), day, self.rules)
        count = len(day.scenarios)
        if self.workers == 1 or count == 1:
            every, supply = range(count), self.supply(day)
            return [clear_scenario(self.network, supply, day, number, self.rules) for number in every], 0.0
        if self._pool is None:
            self._pool = open_pool(self.workers, self.network, self._options, self.rules)
        return clear_all(self._pool, day, self._range(day)), 0.0

    def _clearing(
        self, day: DiscoDay, proved: Sequence[Proved], gap: float, changed: int, begin: float
    ) -> DiscoClearing:
        """Put scenarios, statistics and certificate together."""
        probability = np.array([scenario.probability for scenario in day.scenarios])
        profit = np.array([each.clearing.company_profit for each in proved])
        bound = np.array([each.company_bound for each in proved])
        lots = probability @ np.array([each.clearing.lot_profit for each in proved])
        lot_bound = probability @ np.array([each.lot_bound for each in proved])
        lot_maximum = probability @ np.array([each.clearing.lot_maximum for each in proved])
        objective = mean_cvar(profit, probability, self.rules.alpha, self.rules.beta)
        company_bound = mean_cvar(bound, probability, self.rules.alpha, self.rules.beta) + gap
        proof = certify(
            [residuals for each in proved for residuals in each.residuals],
            np.r_[objective, lots],
            np.r_[company_bound, lot_bound],
            np.r_[company_bound, lot_maximum],
            self.rules.proof,
            proved[0].solver,
            self._notes(proved, changed, float((lot_bound - lots).max(initial=0.0))),
        )
        return DiscoClearing(
            mode=self.rules.mode,
            purchases=self.rules.purchases,
            scenarios=tuple(each.clearing for each in proved),
            alpha=self.rules.alpha,
            beta=self.rules.beta,
            expected_profit=float(probability @ profit),
            cvar=cvar(profit, probability, self.rules.alpha),
            value_at_risk=value_at_risk(profit, probability, self.rules.alpha),
            objective=objective,
            lot_expected_profit=lots,
            pessimistic=self._pessimistic(proved, probability, objective),
            certificate=proof,
            seconds=time.perf_counter() - begin,
            solver_seconds=sum(each.seconds for each in proved),
        )

    def _pessimistic(self, proved: Sequence[Proved], probability: FloatArray, objective: float) -> tuple[float, float]:
        """Return both ends of the pessimistic objective: it rises with the profit of every scenario."""
        ends = []
        for side in (0, 1):
            profit = np.array([each.pessimistic[side] for each in proved])
            possible = np.isfinite(profit[probability > 0.0]).all()
            ends.append(mean_cvar(profit, probability, self.rules.alpha, self.rules.beta) if possible else -np.inf)
        return min(ends[0], objective), min(ends[1], objective)

    def _notes(self, proved: Sequence[Proved], changed: int, regret: float) -> tuple[str, ...]:
        notes = [note for each in proved for note in each.notes]
        if self.rules.purchases == "recourse":
            notes.append("purchases are recourse: every scenario is at its own maximum, whatever alpha and beta are")
        if self.rules.mode == "windows":
            notes.append(f"the company dispatches the vehicles: no equilibrium unless regret is 0 ({regret:.6g})")
        loose = max(each.loose for each in proved)
        if loose > RESIDUAL_TOLERANCE:
            notes.append(f"losses exceed the secants by up to {loose:.2e} of a branch's greatest square")
        else:
            notes.append("losses lie on their secants: flow directions are exclusive")
        both = sum(each.clearing.probability * each.both_ways for each in proved)
        if both > 0.0:
            notes.append(f"money pump: {both:.6g} expected vehicle-hours of charging and discharging at once")
        if changed:
            notes.append(f"best effort: {changed} wishes were replaced by what can be reached")
        return tuple(notes)
