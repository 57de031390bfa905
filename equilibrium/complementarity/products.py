"""Strong duality as algebra: products in the objective that the optimality conditions turn into linear terms.

On every feasible point the following vanish: a stationarity row times its variable, a row times its multiplier, a
multiplier times its slack. Their sums are the strong-duality equations (and finer ones). If some combination of them
cancels all products of an objective, the objective is linear, exactly, with no bound on any multiplier.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from equilibrium.complementarity.problem import Mpcc

CANCELLED = 1e-10
"""Products below this, relative to the largest coefficient of the objective, count as cancelled."""

DIGITS = 1e-14
"""Relative accuracy of a large system's weights: what double precision gives; :data:`CANCELLED` is the test of them."""

_Monomials = dict[tuple[int, int], float]


def linearise_products(mpcc: Mpcc) -> Mpcc | None:
    """Return the same problem with a linear objective, or None where strong duality does not make it linear."""
    if mpcc.linear:
        return mpcc
    crossed = {b.row for b in mpcc.bilinear}
    identities = [_identity(mpcc, row, column) for row, column in mpcc.identities if row not in crossed]
    identities += [({_key(a, b): 1.0}, {}) for a, b in mpcc.pairs.tolist()]
    target: _Monomials = {}
    upper = sp.coo_array(sp.triu(mpcc.hessian))
    for i, j, value in zip(upper.row, upper.col, upper.data, strict=True):
        target[_key(int(i), int(j))] = float(value if i != j else 0.5 * value)
    keys = {key: k for k, key in enumerate({*target, *(key for quadratic, _ in identities for key in quadratic)})}
    rows, columns, values = [], [], []
    for k, (quadratic, _) in enumerate(identities):
        for key, value in quadratic.items():
            rows.append(keys[key])
            columns.append(k)
            values.append(value)
    matrix = sp.csr_array(sp.coo_array((values, (rows, columns)), shape=(len(keys), len(identities))))
    goal = np.zeros(len(keys))
    for key, value in target.items():
        goal[keys[key]] = value
    weights = _solve(matrix, goal)
    if np.max(np.abs(matrix @ weights - goal), initial=0.0) > CANCELLED * np.max(np.abs(goal)):
        return None
    cost = mpcc.instance.cost.copy()
    for weight, (_, linear) in zip(weights, identities, strict=True):
        for column, value in linear.items():
            cost[column] -= weight * value
    return replace(mpcc, instance=mpcc.instance.with_cost(cost), hessian=sp.csr_array(mpcc.hessian.shape))


def _key(i: int, j: int) -> tuple[int, int]:
    return (i, j) if i <= j else (j, i)


def _identity(mpcc: Mpcc, row: int, column: int) -> tuple[_Monomials, dict[int, float]]:
    """Return (row activity - side) * column as quadratic and linear parts, fixed columns put in as numbers."""
    instance = mpcc.instance
    fixed = instance.col_lower == instance.col_upper
    quadratic: _Monomials = {}
    linear = {column: -float(instance.row_lower[row])}
    matrix = instance.matrix
    for position in range(matrix.indptr[row], matrix.indptr[row + 1]):
        other, value = int(matrix.indices[position]), float(matrix.data[position])
        if fixed[other]:
            linear[column] += value * float(instance.col_lower[other])
        elif fixed[column]:
            linear[other] = linear.get(other, 0.0) + value * float(instance.col_lower[column])
        else:
            key = _key(other, column)
            quadratic[key] = quadratic.get(key, 0.0) + value
    return quadratic, linear


def _solve(matrix: sp.csr_array, goal: np.ndarray) -> np.ndarray:
    if matrix.shape[0] * matrix.shape[1] <= 1_000_000:
        return np.asarray(np.linalg.lstsq(matrix.toarray(), goal, rcond=None)[0])
    return np.asarray(sp.linalg.lsqr(matrix, goal, atol=DIGITS, btol=DIGITS, iter_lim=10 * max(matrix.shape))[0])


def fold_fixed(mpcc: Mpcc) -> Mpcc:
    """Put the values of fixed columns into the objective, so that a product with a constant is linear."""
    if mpcc.linear:
        return mpcc
    instance = mpcc.instance
    fixed = instance.col_lower == instance.col_upper
    if not fixed.any():
        return mpcc
    v = np.where(fixed, instance.col_lower, 0.0)
    keep = sp.diags_array((~fixed).astype(np.float64))
    pull = np.where(fixed, 0.0, mpcc.hessian @ v)
    constant = mpcc.constant + 0.5 * float(v @ (mpcc.hessian @ v))
    hessian = sp.csr_array(keep @ mpcc.hessian @ keep)
    hessian.eliminate_zeros()
    return replace(mpcc, instance=instance.with_cost(instance.cost + pull), constant=constant, hessian=hessian)
