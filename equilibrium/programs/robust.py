"""The robust counterpart of a program against a budget of deviations (Bertsimas and Sim 2004).

Some coefficients of a program are uncertain: each lies within a deviation of its nominal value, and of those that
belong together at most Gamma deviate in full (one of them by the fraction of Gamma). A point is *robust* when no such
deviation breaks a row or makes the cost exceed what is said. The worst case of a row is itself a linear program over
the deviations; its dual joins the row:

    Gamma z + sum over j of p_j     with   z + p_j >= d_j w_j ,   w_j >= |x_j| ,   z, p_j >= 0

is added to it, where d_j are the deviations. So the counterpart is a program of the same kind with a few more columns
and rows, whole columns included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.errors import InputError
from equilibrium.programs.program import INF, Instance

COST = -1
"""The row that stands for the objective."""


@dataclass(frozen=True, eq=False)
class Budget:
    """Uncertain coefficients of one row of which few deviate at once.

    Attributes
    ----------
    name
        For messages.
    row
        Index of the row; :data:`COST` is the objective. A row needs one finite side; one with two, such as a balance,
        has no robust counterpart: no point keeps an equation under every deviation.
    columns
        Columns whose coefficients in the row are uncertain, shape ``(count,)``.
    deviation
        Greatest deviation of each from its value, shape ``(count,)``, at least 0.
    gamma
        How many deviate at once, from 0 to their number, fractions included.
    """

    name: str
    row: int
    columns: IntArray
    deviation: FloatArray
    gamma: float

    def protection(self, x: FloatArray) -> float:
        """Return the worst that the deviations do to the row at a point: the sum of the largest ``d |x|``."""
        worst = np.sort(self.deviation * np.abs(x[self.columns]))[::-1]
        whole = int(self.gamma)
        rest = (self.gamma - whole) * float(worst[whole]) if whole < worst.size else 0.0
        return float(worst[:whole].sum()) + rest


@dataclass(frozen=True, eq=False)
class Robust:
    """A robust counterpart: its first columns and rows are those of the nominal program.

    Attributes
    ----------
    instance
        The counterpart.
    nominal, budgets
        What it was made of.
    """

    instance: Instance
    nominal: Instance
    budgets: tuple[Budget, ...]

    def point(self, x: FloatArray) -> FloatArray:
        """Return the columns of the nominal program."""
        return x[: self.nominal.shape[1]]

    def whole(self, integer: np.ndarray) -> np.ndarray:
        """Return which columns of the counterpart are whole, given those of the nominal program."""
        return np.concatenate([integer, np.zeros(self.instance.shape[1] - integer.size, dtype=np.bool_)])

    def worst_cost(self, x: FloatArray) -> float:
        """Return the cost at a point of the nominal program in the worst case of the budgets of the objective."""
        own = self.point(x)
        return float(self.nominal.cost @ own) + sum(
            budget.protection(own) for budget in self.budgets if budget.row == COST
        )


def robust_counterpart(instance: Instance, budgets: Sequence[Budget]) -> Robust:
    """Return the robust counterpart of a program.

    Parameters
    ----------
    instance
        The nominal program.
    budgets
        What is uncertain; several budgets may concern one row, and each has its own Gamma.

    Raises
    ------
    InputError
        When a budget names what the program does not have, a deviation is negative, Gamma is outside its range, or a
        row has two sides.
    """
    for budget in budgets:
        _check(instance, budget)
    rows, columns = instance.shape
    entries = list[tuple[int, int, float]]()  # of the rows that are added
    inside = list[tuple[int, int, float]]()  # of the nominal rows
    lower, cost = list[float](), list[float]()
    count = columns

    def new_columns(number: int, price: float) -> IntArray:
        nonlocal count
        count += number
        cost.extend([price] * number)
        return np.arange(count - number, count)

    def new_row(*terms: tuple[int, float]) -> None:
        entries.extend((len(lower), column, value) for column, value in terms)
        lower.append(0.0)

    for budget in budgets:
        if not budget.gamma:
            continue
        on_cost = budget.row == COST
        sign = 1.0 if on_cost or np.isfinite(instance.row_upper[budget.row]) else -1.0
        level = int(new_columns(1, budget.gamma if on_cost else 0.0)[0])
        excess = new_columns(budget.columns.size, 1.0 if on_cost else 0.0)
        size = new_columns(budget.columns.size, 0.0)
        if not on_cost:
            inside.append((budget.row, level, sign * budget.gamma))
            inside.extend((budget.row, int(column), sign) for column in excess)
        for column, own, beyond, most in zip(budget.columns, size, excess, budget.deviation, strict=True):
            new_row((int(own), 1.0), (int(column), -1.0))
            new_row((int(own), 1.0), (int(column), 1.0))
            new_row((level, 1.0), (int(beyond), 1.0), (int(own), -float(most)))
    more = count - columns
    old = sp.csr_array(sp.hstack([instance.matrix, _matrix(inside, (rows, more), columns)], format="csr"))
    matrix = sp.csr_array(sp.vstack([old, _matrix(entries, (len(lower), count), 0)], format="csr"))
    return Robust(
        Instance(
            matrix=matrix,
            cost=np.concatenate([instance.cost, cost]),
            row_lower=np.concatenate([instance.row_lower, lower]),
            row_upper=np.concatenate([instance.row_upper, np.full(len(lower), INF)]),
            col_lower=np.concatenate([instance.col_lower, np.zeros(more)]),
            col_upper=np.concatenate([instance.col_upper, np.full(more, INF)]),
        ),
        instance,
        tuple(budgets),
    )


def _matrix(entries: list[tuple[int, int, float]], shape: tuple[int, int], first: int) -> sp.csr_array:
    """Return a sparse matrix of entries whose columns are counted from ``first``."""
    row, column, value = (np.array([entry[k] for entry in entries]) for k in range(3))
    triplets = (value.astype(np.float64), (row.astype(np.int64), column.astype(np.int64) - first))
    return sp.csr_array(sp.coo_array(triplets, shape=shape))


def _check(instance: Instance, budget: Budget) -> None:
    """Refuse a budget that does not fit the program."""
    rows, columns = instance.shape

    def fault(where: str, value: object, expected: str) -> InputError:
        return InputError(f"budget {budget.name}", where, value, expected)

    if not COST <= budget.row < rows:
        raise fault("row", budget.row, f"a row from 0 to {rows - 1}, or {COST} for the objective")
    if budget.columns.size != budget.deviation.size or not budget.columns.size:
        raise fault("deviation", budget.deviation.size, f"one for each of {budget.columns.size} columns, at least one")
    if (
        len(set(budget.columns.tolist())) < budget.columns.size
        or not ((budget.columns >= 0) & (budget.columns < columns)).all()
    ):
        raise fault("columns", budget.columns.tolist(), f"different columns from 0 to {columns - 1}")
    if not (np.isfinite(budget.deviation) & (budget.deviation >= 0.0)).all():
        raise fault("deviation", budget.deviation.tolist(), "finite numbers from 0")
    if not 0.0 <= budget.gamma <= budget.columns.size:
        raise fault("gamma", budget.gamma, f"a number from 0 to {budget.columns.size}")
    if (
        budget.row != COST
        and np.isfinite(instance.row_lower[budget.row])
        and np.isfinite(instance.row_upper[budget.row])
    ):
        sides = float(instance.row_lower[budget.row]), float(instance.row_upper[budget.row])
        raise fault("row", sides, "a row with one finite side: no point keeps both under every deviation")
