"""No energy may be wasted in the lines: what is done where the company's stage would like to.

The planes of the network allow losses above the secants. That only helps where energy is in surplus: a purchase made
ahead, or discharging that nobody needs. Without waste a scenario can take a purchase x at net powers p if x is at most
what it needs without any renewables, M(p): renewables then give way until the balance holds. M is convex, so a plane
that supports it keeps x below M(p) everywhere. Such planes restrict the stage. If the optimum does not change, it is
the optimum without waste; if it changes, the difference bounds what is lost by the restriction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.certificate import RESIDUAL_TOLERANCE
from equilibrium.errors import InfeasibleError
from equilibrium.grid.lossy import square_gaps
from equilibrium.markets.disco.network.service import NoDispatchError
from equilibrium.markets.disco.upper.master import Master
from equilibrium.markets.disco.upper.stage import Columns, Dispatch, Part, Stage, state_recourse
from equilibrium.markets.disco.upper.whole import fits, solve_stage_exact
from equilibrium.programs.program import GAP, ProgramBuilder

MAXIMUM_ROUNDS = 20
"""Rounds of restrictions before the search for a dispatch without waste is given up."""


def wasted(part: Part, dispatch: Dispatch) -> FloatArray:
    """Return how far squares lie above their secants at most, relative to the greatest square, ``(periods,)``."""
    supply = part.supply.supply
    x = supply.whole(dispatch.service.points, columns=True)
    gaps = square_gaps(supply.network, supply.program, x).values()
    return np.asarray(np.max([gap.max(axis=1, initial=0.0) for gap in gaps], axis=0))


def without_waste(
    stage: Stage,
    parts: Sequence[Part],
    solver: str,
    state: Callable[[ProgramBuilder, Sequence[Part]], Columns] = state_recourse,
    label: int = 0,
) -> Stage:
    """Return the stage, solved again if it would waste energy.

    First by restrictions; if they cost something, with exact squares in the whole program, where that is small enough.
    What remains is said in the certificate: a gap, or losses above their secants.

    Parameters
    ----------
    label
        Number of the first of the scenarios, for the error.

    Raises
    ------
    InfeasibleError
        When nothing can be served without waste.
    """
    loose = _loose(stage, parts)
    if not loose.size:
        return stage
    restricted = _restricted(stage, parts, solver, state)
    if restricted is not None and restricted.gap <= GAP * (1.0 + abs(restricted.cost)):
        return restricted
    if not fits(parts):
        return stage if restricted is None else restricted
    try:
        return solve_stage_exact(parts, solver, state)
    except NoDispatchError:
        wording = (
            "scenario {}: in period {} there is more energy than the feeder can use without wasting it in its lines"
        )
        raise InfeasibleError(tuple(wording.format(label + k, period) for k, period in loose.tolist())) from None


def _loose(stage: Stage, parts: Sequence[Part]) -> IntArray:
    """Return scenarios and periods that waste energy, shape ``(cases, 2)``."""
    pairs = zip(parts, stage.dispatches, strict=True)
    return np.argwhere(np.array([wasted(part, dispatch) for part, dispatch in pairs]) > RESIDUAL_TOLERANCE)


def _restricted(
    stage: Stage, parts: Sequence[Part], solver: str, state: Callable[[ProgramBuilder, Sequence[Part]], Columns]
) -> Stage | None:
    """Restrict purchases to what can be taken without waste until none is left; ``None`` if that does not succeed."""
    master, bound, seconds = Master(parts, solver, state), stage.bound, stage.seconds
    for _ in range(MAXIMUM_ROUNDS):
        loose = _loose(stage, parts)
        if not loose.size:
            note = "purchases were restricted to what can be taken without wasting energy"
            return replace(stage, bound=bound, seconds=seconds, notes=(note,))
        for number in np.unique(loose[:, 0]).tolist():
            periods = loose[loose[:, 0] == number, 1]
            supply = parts[number].supply
            idle = replace(supply, renewable_kw=np.zeros_like(supply.renewable_kw))
            planes = idle.sweep(periods, stage.dispatches[number].lot_kw[periods], proof=False).planes
            if planes.period.size < periods.size:
                return None
            master.restrict(number, planes)
        try:
            stage = master.solve()
        except NoDispatchError:
            return None
        seconds += stage.seconds
    return None
