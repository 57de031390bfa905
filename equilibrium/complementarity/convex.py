"""Convex quadratic programs with a bound that is recomputed, not believed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray
from equilibrium.certificate import RESIDUAL_TOLERANCE
from equilibrium.errors import SolverError
from equilibrium.programs.duality import dual_objective, kkt_residuals, reduced_costs
from equilibrium.programs.program import Instance
from equilibrium.programs.solvers import Handle, Status, open_handle
from equilibrium.programs.solvers.highs import solve_quadratic_highs

POLISHED = 1e-10
"""Relative KKT residual of a quadratic program below which nothing is left to polish."""

NEAR = 1e-6
"""Distance from a limit, relative to ``1 + |value|``, and a multiplier's wrong sign, up to which a limit is tried as
active; what comes out is measured again."""

FALLING = 1e-7
"""Slope of a direction of recession, relative to ``1 + max |cost|``, from which on the cost falls for ever along it."""

FLAT_SQUARE = 1e-12
"""Squares whose weight is below this, relative to the largest, have no tangents; the answer is measured with them."""

_POLISH_PASSES = 8
_CUT_PASSES = 200


@dataclass(frozen=True, eq=False)
class Minimum:
    """Answer: point, multipliers, value, and the lower bound that the multipliers prove."""

    status: Status
    x: FloatArray
    y: FloatArray
    value: float
    bound: float


_Rated = tuple[float, Minimum]


def minimise(instance: Instance, hessian: sp.csr_array, handle: Handle | None = None) -> Minimum:
    """Minimise ``cost'x + x'hessian x / 2``, ``hessian`` positive semidefinite.

    Parameters
    ----------
    handle
        A solver in which the matrix of ``instance`` is loaded; without one a fresh solver is used.

    Raises
    ------
    SolverError
        When the solver ends without a point.
    """
    if hessian.nnz == 0:
        if handle is None:
            handle = open_handle(instance)
        else:
            handle.update(instance)
        answer = handle.solve()
        if answer.status is not Status.OPTIMAL:
            return Minimum(answer.status, answer.x, answer.y, np.inf, -np.inf)
        value = float(instance.cost @ answer.x)
        return Minimum(answer.status, answer.x, answer.y, value, value)
    return _quadratic(instance, hessian)


def _quadratic(instance: Instance, hessian: sp.csr_array) -> Minimum:
    linear = open_handle(instance).solve()
    if linear.status is Status.INFEASIBLE:
        return Minimum(Status.INFEASIBLE, linear.x, linear.y, np.inf, np.inf)
    if linear.status is Status.UNBOUNDED and _falls_for_ever(instance, hessian):
        return Minimum(Status.UNBOUNDED, linear.x, linear.y, -np.inf, -np.inf)
    best = _by_solver(instance, hessian)
    if best is None or best[0] > POLISHED:
        cut = _by_cuts(instance, hessian)
        best = cut if best is None else _better(best, cut)
    if best is None:
        raise SolverError("a convex quadratic program found no point")
    return best[1]


def _by_solver(instance: Instance, hessian: sp.csr_array) -> _Rated | None:
    """Ask the quadratic solver, then polish its answer; None if it gives none."""
    try:
        answer = solve_quadratic_highs(instance, hessian)
    except SolverError:
        return None
    if answer.status is not Status.OPTIMAL or not np.isfinite(answer.x).all():
        return None
    best = _measured(instance, hessian, answer.x, answer.y)
    candidate: _Rated | None = best
    for _ in range(_POLISH_PASSES):
        if best[0] <= POLISHED or candidate is None:
            break
        candidate = _polish(instance, hessian, candidate[1].x, candidate[1].y)
        best = _better(best, candidate, _priced(instance, hessian, candidate))
    if best[0] > POLISHED:
        best = _better(best, _priced(instance, hessian, best))
    return best if best[0] <= RESIDUAL_TOLERANCE else (best[0], replace(best[1], bound=-np.inf))


def _by_cuts(instance: Instance, hessian: sp.csr_array) -> _Rated | None:
    """Replace every square by its tangents until they close: slower than a quadratic solver, and never lost.

    The value of each linear program is a lower bound of the quadratic one.
    """
    values, vectors = np.linalg.eigh(hessian.toarray())
    keep = values > FLAT_SQUARE * values[-1]
    values, directions = values[keep], vectors[:, keep].T
    n, squares = instance.shape[1], values.size
    levels = np.zeros(squares)
    tall = sp.csr_array(sp.hstack([instance.matrix, sp.csr_array((instance.shape[0], squares))], format="csr"))
    program = Instance(
        tall,
        np.concatenate([instance.cost, np.ones(squares)]),
        instance.row_lower,
        instance.row_upper,
        np.concatenate([instance.col_lower, np.zeros(squares)]),
        np.concatenate([instance.col_upper, np.full(squares, np.inf)]),
    )
    handle = open_handle(program)
    best: _Rated | None = None
    bound = -np.inf
    for _ in range(_CUT_PASSES):
        answer = handle.solve()
        if answer.status is Status.OPTIMAL:
            bound = max(bound, float(program.cost @ answer.x))
            x, y = answer.x[:n], answer.y[: instance.shape[0]]
            rated = _measured(instance, hessian, x, y)
            polished = _polish(instance, hessian, x, y)
            best = _better(rated if best is None else best, rated, polished, _priced(instance, hessian, polished))
            levels = directions @ x
            above = (best[1].value - bound) / (1.0 + abs(bound))  # by more than a tolerance below, it breaks a limit
            if best[0] <= POLISHED or -RESIDUAL_TOLERANCE <= above <= POLISHED:
                break
        slopes = values * levels
        rows = sp.csr_array(np.hstack([-slopes[:, None] * directions, np.eye(squares)]))
        handle.add_rows(rows, -0.5 * slopes * levels, np.full(squares, np.inf))
        if answer.status is not Status.OPTIMAL:
            break
    if best is None:
        return None
    proven = bound if best[0] > RESIDUAL_TOLERANCE else max(bound, best[1].bound)
    return best[0], replace(best[1], bound=proven)


def _better(best: _Rated, *others: _Rated | None) -> _Rated:
    """Return the answer with the least residual."""
    return min([best, *(other for other in others if other is not None)], key=lambda rated: rated[0])


def _priced(instance: Instance, hessian: sp.csr_array, rated: _Rated | None) -> _Rated | None:
    """Keep the point and take the multipliers of the program linearised there: right where the point is degenerate."""
    if rated is None:
        return None
    x = rated[1].x
    answer = open_handle(instance.with_cost(np.asarray(instance.cost + hessian @ x))).solve()
    return _measured(instance, hessian, x, answer.y) if answer.status is Status.OPTIMAL else None


def _falls_for_ever(instance: Instance, hessian: sp.csr_array) -> bool:
    """Whether a direction of recession without curvature lowers the cost."""
    finite = np.isfinite
    cone = Instance(
        sp.csr_array(sp.vstack([instance.matrix, hessian], format="csr")),
        instance.cost,
        np.concatenate([np.where(finite(instance.row_lower), 0.0, -np.inf), np.zeros(hessian.shape[0])]),
        np.concatenate([np.where(finite(instance.row_upper), 0.0, np.inf), np.zeros(hessian.shape[0])]),
        np.where(finite(instance.col_lower), 0.0, -1.0),
        np.where(finite(instance.col_upper), 0.0, 1.0),
    )
    answer = open_handle(cone).solve()
    scale = 1.0 + float(np.max(np.abs(instance.cost), initial=0.0))
    return answer.status is Status.OPTIMAL and float(cone.cost @ answer.x) < -FALLING * scale


def _measured(instance: Instance, hessian: sp.csr_array, x: FloatArray, y: FloatArray) -> _Rated:
    """Return the worst residual and the answer with the bound of the linearised dual."""
    gradient = np.asarray(instance.cost + hessian @ x)
    local = instance.with_cost(gradient)
    value = float(instance.cost @ x) + 0.5 * float(x @ (hessian @ x))
    slope = float(gradient @ x)
    bound = value + min(0.0, dual_objective(local, y, reduced_costs(local, y)) - slope)
    return kkt_residuals(local, x, y).worst, Minimum(Status.OPTIMAL, x, y, value, bound)


def _polish(instance: Instance, hessian: sp.csr_array, x: FloatArray, y: FloatArray) -> _Rated | None:
    """Solve the equations of the active set that ``(x, y)`` suggests, to machine precision."""
    gradient = np.asarray(instance.cost + hessian @ x)
    z = gradient - instance.matrix.T @ y
    near = NEAR * (1.0 + np.abs(x))
    at_low = (x - instance.col_lower <= near) & (z > -NEAR)
    at_high = (instance.col_upper - x <= near) & (z < NEAR)
    held = at_low | at_high
    point = np.where(at_low, instance.col_lower, np.where(at_high, instance.col_upper, 0.0))
    activity = instance.matrix @ x
    scale = NEAR * (1.0 + np.abs(activity))
    low = activity - instance.row_lower <= scale
    high = instance.row_upper - activity <= scale
    rows = np.flatnonzero(low | high)
    side = np.where(low, instance.row_lower, instance.row_upper)[rows]
    free = np.flatnonzero(~held)
    a = instance.matrix[rows, :].toarray()
    h = hessian[free, :].toarray()
    left = np.block([[h[:, free], -a[:, free].T], [a[:, free], np.zeros((rows.size, rows.size))]])
    right = np.concatenate([-instance.cost[free] - h @ point, side - a @ point])
    solved, *_ = np.linalg.lstsq(left, right, rcond=None)
    new_x, new_y = point.copy(), np.zeros(y.size)
    new_x[free] = solved[: free.size]
    new_y[rows] = solved[free.size :]
    if not np.all(np.isfinite(solved)):
        return None
    return _measured(instance, hessian, new_x, new_y)
