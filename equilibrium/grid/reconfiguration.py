"""Which branches to open for the least loss: branch exchange from several starts, and branch and bound that proves it.

The search is judged by an exact power flow. The bound is that of :mod:`equilibrium.grid.branch_flow`, made tight by
holding branches open and closed: no configuration that keeps the limits loses less.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.deadline import Deadline
from equilibrium.errors import InfeasibleError, SolverError
from equilibrium.grid.branch_flow import ROUNDS, BranchFlow, Relaxed
from equilibrium.grid.exchange import Exchange, heaviest_tree, loss_bound, starts_of
from equilibrium.grid.meshed import MeshedGrid
from equilibrium.grid.radial_flow import ac_loss, broken_limits, radial_flow
from equilibrium.programs.program import INF

NEAR_ENOUGH = 1e-4
"""Share of the loss up to which a better configuration is not looked for."""

SAME_LOSS = 1e-9
"""Relative difference of one loss that is computed in two ways."""

NODE_ROUNDS = 8
"""Rounds of cuts at a node; what is not found then is found below it."""

DESCENTS = 64
"""Nodes from whose nearest configuration branches are exchanged whatever it is worth; later it must be the best one."""

_HELD = 1e-6
"""Distance from 0 or 1 up to which a branch is open or closed."""

_NAMED = 3


@dataclass(frozen=True, eq=False)
class Reconfiguration:
    """A configuration of little loss and what no configuration can go below.

    Attributes
    ----------
    closed
        The branches that are closed, shape ``(branches,)``.
    loss_kw, base_loss_kw
        AC loss of this configuration and of the base one, kW; the second is nan where the base is not radial or has no
        power flow.
    base_breaks
        The limits that the base configuration breaks.
    bound_kw
        Proved lower bound of the loss of every radial configuration that keeps the limits, kW.
    flows, nodes, cuts
        Power flows that were computed, nodes of the branch and bound, and cuts of its relaxation.
    finished
        False where a limit of time or nodes ended the search before the gap was closed.
    """

    closed: BoolArray
    loss_kw: float
    base_loss_kw: float
    base_breaks: tuple[str, ...]
    bound_kw: float
    flows: int
    nodes: int
    cuts: int
    finished: bool

    @property
    def gap(self) -> float:
        """Share of the loss by which a better configuration could still be better."""
        return 1.0 - self.bound_kw / self.loss_kw if self.loss_kw > 0.0 else 0.0


def reconfigure(
    grid: MeshedGrid, *, gap: float = NEAR_ENOUGH, deadline: Deadline | None = None, solver: str = "auto"
) -> Reconfiguration:
    """Find the radial configuration of the least AC loss that keeps ratings and voltage limits, and bound all others.

    Parameters
    ----------
    grid
        The grid.
    gap
        Share of the loss at which the bound is near enough.
    deadline
        When to stop; the bound holds all the same. ``None`` is never.
    solver
        One of :data:`equilibrium.programs.solvers.SOLVERS`.

    Raises
    ------
    InfeasibleError
        When no configuration was found that has a power flow and keeps the limits.
    SolverError
        When two ways to compute the loss of the answer differ.
    """
    deadline = deadline or Deadline()
    exchange = Exchange(grid)
    for start in starts_of(grid):
        exchange.descend(start, deadline)
    if exchange.worth[0] > 0.0:
        raise InfeasibleError(_why(grid, exchange))
    base = radial_flow(grid, grid.closed) if grid.is_radial(grid.closed) else None
    search = _Search(exchange, gap, solver)
    finished = search.run(deadline)
    loss = ac_loss(grid, exchange.best)
    if not abs(loss - exchange.worth[1]) <= SAME_LOSS * (1.0 + loss):
        raise SolverError(f"grid {grid.name}: two power flows differ, {loss:g} and {exchange.worth[1]:g} kW")
    return Reconfiguration(
        closed=exchange.best,
        loss_kw=loss,
        base_loss_kw=float("nan") if base is None else base.loss_kw,
        base_breaks=() if base is None else broken_limits(grid, base),
        bound_kw=min(search.bound_kw, loss),
        flows=exchange.flows,
        nodes=search.nodes,
        cuts=search.cuts,
        finished=finished,
    )


def _why(grid: MeshedGrid, exchange: Exchange) -> tuple[str, ...]:
    """Say what stands against every configuration that was looked at, by the one that comes nearest."""
    if not np.isfinite(exchange.worth[0]):
        return (f"grid {grid.name}: no configuration with a power flow was found",)
    flow = radial_flow(grid, exchange.best)
    broken = () if flow is None else broken_limits(grid, flow)
    more = f" and {len(broken) - _NAMED} more" if len(broken) > _NAMED else ""
    return (f"grid {grid.name}: no configuration that keeps the limits was found; {'; '.join(broken[:_NAMED])}{more}",)


class _Node(NamedTuple):
    """Branches that are held, and what the relaxation says of them; the first two fields are the order of the heap."""

    bound: float
    number: int
    open: IntArray
    closed: IntArray
    use: FloatArray


@dataclass(eq=False)
class _Search:
    """Best-first branch and bound on the state of branches, led by what each branching has brought so far."""

    exchange: Exchange
    gap: float
    solver: str
    nodes: int = 0
    bound_kw: float = 0.0
    cuts: int = 0
    _dropped: float = INF
    _gains: FloatArray = field(init=False)
    _heap: list[_Node] = field(default_factory=list)

    @property
    def cutoff(self) -> float:
        """Bound from which on a node is of no interest."""
        return (1.0 - self.gap) * self.exchange.worth[1]

    def run(self, deadline: Deadline) -> bool:
        """Search until the gap is closed; False where the deadline came first."""
        grid = self.exchange.grid
        self.bound_kw = min(loss_bound(grid), self.exchange.worth[1])
        if self.bound_kw >= self.cutoff:
            return True
        if deadline.passed:
            return False
        relaxation = BranchFlow(grid, self.exchange.worth[1], self.solver)
        self._gains = np.zeros((2, 2, grid.branches))  # sum and number of gains, by state, by branch
        nobody = np.zeros(0, dtype=np.int64)
        whole = relaxation.bound(nobody, nobody, self.cutoff, ROUNDS)
        if whole.use is None:
            return False  # the solver failed at the first program; what is known without it stands
        self._take(whole, nobody, nobody, deadline)
        while self._heap and not deadline.passed:
            node = heapq.heappop(self._heap)
            if node.bound >= self.cutoff:
                heapq.heappush(self._heap, node)
                break
            self._branch(node, relaxation, deadline)
        self.cuts = relaxation.cuts
        left = min([each.bound for each in self._heap], default=INF)
        self.bound_kw = max(self.bound_kw, min(left, self._dropped, self.exchange.worth[1]))
        return left >= self.cutoff

    def _branch(self, node: _Node, relaxation: BranchFlow, deadline: Deadline) -> None:
        """Open and close one branch of a node."""
        branch = self._choice(node)
        if branch is None:
            return  # every branch is held: the one configuration that is left was looked at
        share = node.use[branch]
        for state in (0, 1):
            held_open = node.open if state else np.append(node.open, branch)
            held_closed = np.append(node.closed, branch) if state else node.closed
            if not self._possible(held_open, held_closed):
                continue
            relaxed = relaxation.bound(held_open, held_closed, self.cutoff, NODE_ROUNDS)
            gain = max(0.0, min(relaxed.bound, self.cutoff) - node.bound)
            self._gains[:, state, branch] += gain / max(share if state == 0 else 1.0 - share, _HELD), 1.0
            use = node.use if relaxed.use is None and relaxed.bound < INF else relaxed.use  # where a solver failed
            self._take(Relaxed(max(relaxed.bound, node.bound), use), held_open, held_closed, deadline)

    def _possible(self, held_open: IntArray, held_closed: IntArray) -> bool:
        """Tell whether a radial configuration is left."""
        grid = self.exchange.grid
        weight = np.zeros(grid.branches)
        weight[held_closed], weight[held_open] = 1.0, -1.0
        tree = heaviest_tree(grid, weight)
        return bool(tree[held_closed].all() and not tree[held_open].any())

    def _take(self, relaxed: Relaxed, held_open: IntArray, held_closed: IntArray, deadline: Deadline) -> None:
        """Count a node, look at the configuration nearest to it, and keep it if it can hold a better one."""
        self.nodes += 1
        deadline.spend(1)
        use = relaxed.use
        if use is None:
            return
        weight = use.copy()
        weight[held_closed], weight[held_open] = 2.0, -1.0
        before, tree = self.exchange.worth, heaviest_tree(self.exchange.grid, weight)
        if self.exchange.look(tree) < before or self.nodes <= DESCENTS:
            self.exchange.descend(tree, deadline)
        if relaxed.bound < self.cutoff:
            heapq.heappush(self._heap, _Node(relaxed.bound, self.nodes, held_open, held_closed, use))
        else:
            self._dropped = min(self._dropped, relaxed.bound)

    def _choice(self, node: _Node) -> int | None:
        """Return the branch whose two states promise to lift the bound most; None when all are held."""
        grid = self.exchange.grid
        free = grid.switchable.copy()
        free[node.open] = free[node.closed] = False
        at = np.flatnonzero(free)
        if not at.size:
            return None
        between = at[np.abs(node.use[at] - 0.5) < 0.5 - _HELD]
        if not between.size:  # a tree, or loops of buses without load: hold one more branch
            return int(at[np.argmin(np.abs(node.use[at] - 0.5))])
        known = self._gains[1] > 0.0
        average = [self._gains[0, s].sum() / max(1.0, self._gains[1, s].sum()) for s in (0, 1)]
        mean = np.where(known, self._gains[0] / np.maximum(self._gains[1], 1.0), np.array(average)[:, None])
        share = node.use[between]
        promise = np.maximum(mean[0, between] * share, _HELD) * np.maximum(mean[1, between] * (1.0 - share), _HELD)
        return int(between[np.argmax(promise)])
