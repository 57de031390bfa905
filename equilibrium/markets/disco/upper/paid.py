"""Purchases that are paid for: periods in which the company's stage holds the network itself, squares exact.

At a negative price the company would waste energy in the lines and buy as much as it can, so planes below the least
purchase say nothing, and what may be bought without waste is no convex function. Such periods are stated whole in the
stage, and so are those in which a purchase made ahead would be wasted. Intervals of the lots' net powers and of the
renewables give intervals of all flows; over them a square lies below its chord (:mod:`equilibrium.grid.segments`).
That is a relaxation, and exact at the ends. A best-first search splits the intervals: every node bounds the cost from
below, and its point, with every square held on its segment, is a linear program whose optimum is a dispatch.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from equilibrium.arrays import BoolArray, FloatArray
from equilibrium.certificate import RESIDUAL_TOLERANCE
from equilibrium.deadline import Deadline
from equilibrium.errors import InfeasibleError, SolverError
from equilibrium.markets.disco.network.service import NoDispatchError
from equilibrium.markets.disco.upper.master import Master
from equilibrium.markets.disco.upper.stage import Part, Stage, State
from equilibrium.markets.disco.upper.stated import Box, NetworkMaster, Relaxed
from equilibrium.markets.disco.upper.waste import wasted, without_waste
from equilibrium.programs.duality import dual_objective, reduced_costs
from equilibrium.programs.program import GAP, INF

ROUGHLY = 1e-6
"""A point within this of the best cost, relative, is followed: other powers in its segments may cost less."""


def paid(parts: Sequence[Part]) -> BoolArray:
    """Return in which periods somebody is paid for buying, shape ``(scenarios, periods)``.

    A purchase that is common to all scenarios is one of the whole column, which does no harm where it is not.
    """
    negative = np.array([part.price < 0.0 for part in parts])
    return np.asarray(np.broadcast_to(negative.any(axis=0), negative.shape))


def relaxation(parts: Sequence[Part], solver: str, state: State) -> Master:
    """Return a stage that is no harder to please: planes alone, or chords from end to end where purchases are paid for.

    Raises
    ------
    NoDispatchError
        When no dispatch is within the limits.
    """
    exact = paid(parts)
    if not exact.any():
        return Master(parts, solver, state)
    master = NetworkMaster(parts, solver, state, exact)
    relaxed = master.relaxed(master.root())
    if relaxed is None:
        raise NoDispatchError
    master.instance = relaxed
    return master


def solve_convex(parts: Sequence[Part], solver: str, state: State, label: int, deadline: Deadline) -> Stage:
    """Solve the company's stage without wasting energy, over a polyhedron of schedules; as :func:`solve_paid`."""
    if paid(parts).any():
        return solve_paid(parts, solver, state, label, deadline)
    return without_waste(Master(parts, solver, state).solve(), parts, solver, state, label)


def solve_paid(parts: Sequence[Part], solver: str, state: State, label: int, deadline: Deadline) -> Stage:
    """Solve the company's stage with exact squares wherever a purchase is paid for, or energy would be wasted.

    Parameters
    ----------
    label
        Number of the first of the scenarios, for the error.
    deadline
        Boxes that may be looked at; when it has passed, the best dispatch is returned with its gap.

    Raises
    ------
    NoDispatchError
        When nothing that the company may choose can be served.
    InfeasibleError
        When nothing can be served without waste.
    """
    exact = paid(parts)
    while True:
        stage = _searched(NetworkMaster(parts, solver, state, exact), label, deadline)
        pairs = zip(parts, stage.dispatches, strict=True)
        loose = np.array([wasted(part, dispatch) for part, dispatch in pairs]) > RESIDUAL_TOLERANCE
        if not (loose & ~exact).any():
            return stage
        exact = exact | loose


def _searched(master: NetworkMaster, label: int, deadline: Deadline) -> Stage:
    """Search the boxes, the one with the least bound first, until none can be better than the best dispatch."""
    boxes, count, closed = [(-INF, 0, master.root())], 1, INF
    best, flow, looked = INF, np.zeros(0), 0
    while boxes and not (looked and deadline.passed):
        bound, number, box = heapq.heappop(boxes)
        if bound >= best - _room(best):
            heapq.heappush(boxes, (bound, number, box))
            break
        deadline.spend(1)
        found = _relaxed(master, box)
        if found is None:
            continue
        looked += 1
        if found.bound < best - _room(best):
            cost, at = _dispatched(master, found, best)
            if cost < best:
                best, flow = cost, at
        parts = None
        if found.bound < best - _room(best) and found.excess.max(initial=0.0) > 0.0:
            parts = master.split(box, found)
        if parts is None:
            closed = min(closed, found.bound)
            continue
        for part in parts:
            heapq.heappush(boxes, (found.bound, count, part))
            count += 1
    if not np.isfinite(best):
        raise _nothing(master, looked, boxes, label)
    stage = master.settled(flow)
    bound = min([stage.cost, closed, *(each[0] for each in boxes)])
    notes = [f"purchases that are paid for: {looked} boxes of net powers were searched with every square exact"]
    if stage.cost - bound > _room(stage.cost):
        notes.append(
            f"the search was ended: another dispatch could gain up to {stage.cost - bound:.3g} for the company"
        )
    seconds = stage.seconds + master.seconds
    return replace(stage, bound=bound, rounds=stage.rounds + looked, seconds=seconds, notes=(*stage.notes, *notes))


def _room(cost: float) -> float:
    return GAP * (1.0 + abs(cost)) if np.isfinite(cost) else 0.0


def _relaxed(master: NetworkMaster, box: Box) -> Relaxed | None:
    """Solve the relaxation of a box; ``None`` where it is empty."""
    answer = master.optimum(partial(master.relaxed, box))
    if answer is None:
        return None
    instance, solution = answer
    bound = max(box.bound, dual_objective(instance, solution.y, reduced_costs(instance, solution.y)))
    return Relaxed(solution.x, bound, master.excess(solution.x))


def _dispatched(master: NetworkMaster, found: Relaxed, known: float) -> tuple[float, FloatArray]:
    """Return the cost of a dispatch near a relaxation's optimum, and flows in its segments; infinite without one.

    Where every scenario buys for itself, a point that costs more than what is known is not followed.
    """
    best, flow = INF, found.x
    swept = master.swept(found.x)
    if not master.columns.common and master.cost_of(swept) >= known + ROUGHLY * (1.0 + abs(known)):
        return best, flow
    for at in (swept, found.x):
        answer = master.optimum(partial(master.held, at))
        if answer is not None:
            cost = float(answer[0].cost @ answer[1].x)
            if cost < best:
                best, flow = cost, at
            break
    return best, flow


def _nothing(master: NetworkMaster, looked: int, boxes: Sequence[object], label: int) -> Exception:
    """Return the error of a search that found no dispatch."""
    if not looked:
        return NoDispatchError()
    if boxes:
        return SolverError(f"no dispatch without waste was found in {looked} boxes; raise the node limit")
    said = sorted({(label + int(number), int(period)) for number, period in master.cases})
    wording = "scenario {}: in period {} there is more energy than the feeder can use without wasting it in its lines"
    return InfeasibleError(tuple(wording.format(*case) for case in said))
