"""The robust counterpart of a program against a budget of deviations (Bertsimas and Sim 2004).

Some coefficients of a program are uncertain: each lies within a deviation of its nominal value, and of those that
belong together at most Gamma deviate in full (one of them by the fraction of Gamma). A point is *robust* when no such
deviation breaks a row or makes the cost exceed what is said. The worst case of a row is itself a linear program over
the deviations; its dual joins the row::

    Gamma z + sum over j of p_j     with   z + p_j >= d_j w_j ,   w_j >= |x_j| ,   z, p_j >= 0

is added to it, where d_j are the deviations. So the counterpart is a program of the same kind with a few more columns
and rows, whole columns included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

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
    added = _Added(columns)
    for budget in budgets:
        if budget.gamma > 0.0:
            added.protect(budget, upper=budget.row == COST or bool(np.isfinite(instance.row_upper[budget.row])))
    more, below = len(added.cost), added.rows
    old = sp.csr_array(sp.hstack([instance.matrix, _matrix(added.inside, (rows, more), columns)], format="csr"))
    matrix = sp.csr_array(sp.vstack([old, _matrix(added.entries, (below, columns + more), 0)], format="csr"))
    made = Instance(
        matrix=matrix,
        cost=np.concatenate([instance.cost, added.cost]),
        row_lower=np.concatenate([instance.row_lower, np.zeros(below)]),
        row_upper=np.concatenate([instance.row_upper, np.full(below, INF)]),
        col_lower=np.concatenate([instance.col_lower, np.zeros(more)]),
        col_upper=np.concatenate([instance.col_upper, np.full(more, INF)]),
    )
    return Robust(made, instance, tuple(budgets))


@dataclass(eq=False)
class _Added:
    """Columns and rows beyond those of the nominal program: new rows are at least 0, new columns too.

    Attributes
    ----------
    columns
        Columns of the nominal program.
    cost
        Cost of each new column.
    rows
        New rows.
    entries, inside
        Row, column and value of the new rows, and of the new columns in the nominal rows.
    """

    columns: int
    cost: list[float] = field(default_factory=list)
    rows: int = 0
    entries: list[tuple[int, int, float]] = field(default_factory=list)
    inside: list[tuple[int, int, float]] = field(default_factory=list)

    def protect(self, budget: Budget, *, upper: bool) -> None:
        """Add the worst case of a budget to its row, which has an upper side or a lower one."""
        on_cost = budget.row == COST
        level = self._column(budget.gamma if on_cost else 0.0)
        terms = [(level, budget.gamma)]
        for column, most in zip(budget.columns.tolist(), budget.deviation.tolist(), strict=True):
            excess, size = self._column(1.0 if on_cost else 0.0), self._column(0.0)
            terms.append((excess, 1.0))
            self._row((size, 1.0), (column, -1.0))
            self._row((size, 1.0), (column, 1.0))
            self._row((level, 1.0), (excess, 1.0), (size, -most))
        if not on_cost:
            self.inside.extend((budget.row, column, value if upper else -value) for column, value in terms)

    def _column(self, price: float) -> int:
        self.cost.append(price)
        return self.columns + len(self.cost) - 1

    def _row(self, *terms: tuple[int, float]) -> None:
        self.entries.extend((self.rows, column, value) for column, value in terms)
        self.rows += 1


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
