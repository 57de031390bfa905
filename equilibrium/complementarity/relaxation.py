"""Lower bounds at a node of the branch and bound, whatever the curvature of the objective.

The objective is rewritten on the affine set that the node's equalities leave: ``linear + sum of lambda_k s_k^2 / 2``
with ``s_k = d_k'v`` (the reduced Hessian's eigenvectors). If no ``lambda_k`` is negative the node is a convex
program and its bound is its optimum. Every negative one is replaced by its secant over the range of ``s_k`` at the
node, which two linear programs prove; branching on ``s_k`` closes the gap.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray
from equilibrium.complementarity.convex import minimise
from equilibrium.complementarity.problem import CURVED, Mpcc
from equilibrium.programs.program import INF, Instance
from equilibrium.programs.solvers import Handle, Status, open_handle

DEPENDENT = 1e-11
"""A singular value below this, relative to the largest and the size of the matrix, counts as zero."""

ZERO_SHARE = 1e-14
"""A share of a direction below this, relative to the largest, is what rounding leaves of a zero."""

Cut = tuple[FloatArray, float, float]
"""``low <= vector'v <= high``: a piece of a branched direction."""


@dataclass(frozen=True, eq=False)
class Node:
    """A part of the problem: bounds on columns and pieces of directions, with a proven lower bound."""

    lower: FloatArray
    upper: FloatArray
    cuts: tuple[Cut, ...] = ()
    bound: float = -INF
    depth: int = 0


@dataclass(frozen=True, eq=False)
class Relaxed:
    """Answer of a node: the relaxation's point and bound, and the directions whose secants left a gap."""

    status: Status
    v: FloatArray
    bound: float
    directions: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))
    ranges: FloatArray = field(default_factory=lambda: np.zeros((0, 2)))
    weights: FloatArray = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True, eq=False)
class _Shape:
    """The objective on the affine set of a node: constant, linear part, eigenvalues and directions (rows)."""

    constant: float
    cost: FloatArray
    curvature: FloatArray
    directions: FloatArray


class Relaxation:
    """Bounds nodes of one problem; keeps the linear program loaded and the eigenvectors of each affine set."""

    def __init__(self, mpcc: Mpcc) -> None:
        self.mpcc = mpcc
        self._handle: Handle = open_handle(mpcc.instance)
        self._rows = mpcc.instance.shape[0]
        self._shapes: dict[bytes, _Shape] = {}
        self._convex = mpcc.linear or _semidefinite(mpcc.hessian)
        same = mpcc.instance.row_lower == mpcc.instance.row_upper
        self._equal = np.flatnonzero(same)

    def bound(self, node: Node) -> Relaxed:
        """Return a lower bound of the objective over ``node`` and the point that attains it in the relaxation."""
        instance = self._at(node)
        if self.mpcc.linear:
            return self._linear(instance, node, self.mpcc.instance.cost, self.mpcc.constant)
        if self._convex:
            answer = minimise(instance, self.mpcc.hessian)
            return Relaxed(answer.status, answer.x, answer.bound + self.mpcc.constant)
        return self._curved(instance, node)

    def any_point(self, node: Node) -> Relaxed:
        """Return a point of ``node``, the best one where the objective is linear."""
        cost = self.mpcc.instance.cost if self.mpcc.linear else np.zeros(self.mpcc.instance.shape[1])
        return self._linear(self._at(node), node, cost, 0.0)

    def _at(self, node: Node) -> Instance:
        base = self.mpcc.instance
        here = Instance(base.matrix, base.cost, base.row_lower, base.row_upper, node.lower, node.upper)
        if node.cuts:
            rows = sp.csr_array(np.array([cut[0] for cut in node.cuts]))
            here = here.with_rows(rows, np.array([c[1] for c in node.cuts]), np.array([c[2] for c in node.cuts]))
        return here

    def _linear(self, instance: Instance, node: Node, cost: FloatArray, constant: float) -> Relaxed:
        handle = open_handle(instance.with_cost(cost)) if node.cuts else self._handle
        if not node.cuts:
            handle.update(instance.with_cost(cost))
        answer = handle.solve()
        if answer.status is Status.OPTIMAL:
            return Relaxed(answer.status, answer.x, float(cost @ answer.x) + constant)
        return Relaxed(answer.status, answer.x, INF if answer.status is Status.INFEASIBLE else -INF)

    def _curved(self, instance: Instance, node: Node) -> Relaxed:
        feasible = self._linear(instance, node, np.zeros(instance.shape[1]), 0.0)
        if feasible.status is Status.INFEASIBLE:
            return feasible
        shape = self._shape(node)
        bent = shape.curvature < 0.0
        directions = shape.directions[bent]
        ranges = np.array([self._range(instance, node, d) for d in directions]).reshape(-1, 2)
        cost, constant = shape.cost.copy(), shape.constant
        weights = shape.curvature[bent]
        if not np.all(np.isfinite(ranges)):
            return Relaxed(Status.UNBOUNDED, feasible.v, -INF, directions, ranges, weights)
        for weight, direction, (low, high) in zip(weights, directions, ranges, strict=True):
            cost += 0.5 * weight * (low + high) * direction
            constant -= 0.5 * weight * low * high
        up = shape.directions[~bent]
        bowl = sp.csr_array(_clean(up.T @ (shape.curvature[~bent][:, None] * up)))
        if bowl.nnz == 0:
            answer = self._linear(instance, node, cost, constant)
            return Relaxed(answer.status, answer.v, answer.bound, directions, ranges, weights)
        minimum = minimise(instance.with_cost(cost), bowl)
        return Relaxed(minimum.status, minimum.x, minimum.bound + constant, directions, ranges, weights)

    def falls_for_ever(self, node: Node, directions: FloatArray) -> bool:
        """Whether a ray of the node's set along one of ``directions`` has negative curvature."""
        instance = self._at(node)
        rays = Instance(
            instance.matrix,
            instance.cost,
            np.where(np.isfinite(instance.row_lower), 0.0, -INF),
            np.where(np.isfinite(instance.row_upper), 0.0, INF),
            np.where(np.isfinite(instance.col_lower), 0.0, -1.0),
            np.where(np.isfinite(instance.col_upper), 0.0, 1.0),
        )
        for direction in (*directions, *(-directions)):
            ray = open_handle(rays.with_cost(direction)).solve().x
            if ray.size and float(ray @ (self.mpcc.hessian @ ray)) < -CURVED * float(ray @ ray):
                return True
        return False

    def _range(self, instance: Instance, node: Node, direction: FloatArray) -> tuple[float, float]:
        ends = [self._linear(instance, node, sign * direction, 0.0).bound for sign in (1.0, -1.0)]
        return ends[0], -ends[1]

    def _shape(self, node: Node) -> _Shape:
        fixed = node.lower == node.upper
        key = fixed.tobytes() + node.lower[fixed].tobytes()
        if key not in self._shapes:
            self._shapes[key] = self._reduce(fixed, np.where(fixed, node.lower, 0.0))
        return self._shapes[key]

    def _reduce(self, fixed: np.ndarray, base: FloatArray) -> _Shape:
        """Write the objective on the equalities of a node: ``v = base + D's`` with orthonormal rows ``D``."""
        mpcc, free = self.mpcc, np.flatnonzero(~fixed)
        matrix = mpcc.instance.matrix[self._equal, :].toarray()
        left, right = matrix[:, free], mpcc.instance.row_lower[self._equal] - matrix @ base
        null = _null_space(left)
        base = base.copy()
        base[free] += np.linalg.lstsq(left, right, rcond=None)[0] if left.size else 0.0
        hessian = mpcc.hessian.toarray()
        values, vectors = np.linalg.eigh(null.T @ hessian[np.ix_(free, free)] @ null)
        keep = np.abs(values) > CURVED * np.max(np.abs(hessian))
        directions = np.zeros((int(keep.sum()), base.size))
        directions[:, free] = _clean((null @ vectors[:, keep]).T)
        pull = hessian @ base
        cost = mpcc.instance.cost.copy()
        cost[free] += null @ (null.T @ pull[free])
        constant = mpcc.constant + 0.5 * float(base @ pull)
        # base may have a part along the directions only through rounding: it is orthogonal to the null space.
        return _Shape(constant, cost, values[keep], directions)


def _null_space(matrix: FloatArray) -> FloatArray:
    if matrix.shape[0] == 0:
        return np.eye(matrix.shape[1])
    _, sizes, right = np.linalg.svd(matrix, full_matrices=True)
    rank = int(np.sum(sizes > DEPENDENT * max(matrix.shape) * max(1.0, float(sizes[0]) if sizes.size else 1.0)))
    return np.asarray(right[rank:].T)


def _clean(matrix: FloatArray) -> FloatArray:
    return np.where(np.abs(matrix) < ZERO_SHARE * max(1.0, float(np.max(np.abs(matrix), initial=0.0))), 0.0, matrix)


def _semidefinite(hessian: sp.csr_array) -> bool:
    used = np.unique(hessian.indices)
    dense = hessian[used, :][:, used].toarray()
    return bool(np.linalg.eigvalsh(dense)[0] >= -CURVED * np.max(np.abs(dense)))
