"""Solve a program without the columns that its physics determines, and without the rows that do not bind.

On a radial feeder the flows and voltages ``s`` follow from the dispatch ``o`` through square equalities
``A_ss s + A_so o = b_s``. They are eliminated mechanically (sparse LU, once), their limits become rows in ``o``,
and of those thousands of rows only the violated ones are ever handed to the solver. The answer is lifted back to
the full program, multipliers included, so nothing downstream knows of the reduction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import SuperLU, splu

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.errors import SolverError
from equilibrium.programs.blocks import kind_numbers, period_numbers, positions, solve_columns
from equilibrium.programs.duality import is_broken
from equilibrium.programs.lazy import LazyRows
from equilibrium.programs.program import Instance, Program, last_rows, stack_rows
from equilibrium.programs.solvers import (
    Handle,
    MixedSolution,
    ModelTooLargeError,
    Solution,
    Status,
    open_handle,
    solve_mixed,
)
from equilibrium.programs.solvers.choose import log_fallback

LOST = 1e-8
"""Violation of a row, relative to ``1 + |value|``, that says that a solver's numbers do not fit its own basis."""

MAXIMUM_PASSES = 200

Answer = TypeVar("Answer", Solution, MixedSolution)


@dataclass(frozen=True, eq=False)
class _Loaded:
    """The rows in the solver, in its order, and their matrix over the free columns."""

    ids: IntArray
    matrix: sp.csr_array


@dataclass(frozen=True, eq=False)
class _Pass(Generic[Answer]):
    """The answer of the last pass, its full point, how many rows it was given, and the seconds of all passes."""

    answer: Answer
    x: FloatArray
    rows: int
    seconds: float


class ReducedModel:
    """One program, kept in a solver in reduced form.

    Parameters
    ----------
    program
        The full program. The first axis of its blocks is the period.
    state_columns, state_rows
        Names of the blocks to eliminate; together they must be square and non-singular, the rows equalities.
    solver
        One of :data:`equilibrium.programs.solvers.SOLVERS`.
    families
        Names of row blocks whose last axis is a family: of its rows only the worst violated one is taken up at a time.
    implied
        Inequalities that follow from other rows: they are not stated, but looked at all the same.
    restored
        As of :func:`equilibrium.programs.solvers.open_handle`.

    Notes
    -----
    Every :meth:`solve` that follows a :meth:`rewind` begins from the same rows and the same basis. So the answer to a
    day does not depend on which days were solved before it, even where the optimum is not unique.

    Rows carry an id: program rows first, then the limits of state columns, then rows that an instance has beyond the
    program's own (cuts).
    """

    def __init__(
        self,
        program: Program,
        state_columns: Sequence[str],
        state_rows: Sequence[str],
        solver: str = "auto",
        families: Sequence[str] = (),
        implied: IntArray | None = None,
        restored: bool = False,
    ) -> None:
        self._rows, columns = program.shape
        self._solver, self._restored = solver, restored
        self._state = positions(program.columns, state_columns)
        self._state_rows = positions(program.rows, state_rows)
        self._free = np.setdiff1d(np.arange(columns), self._state)
        self._place = np.full(columns, -1)
        self._place[self._free] = np.arange(self._free.size)
        equalities = program.matrix[self._state_rows, :].tocsc()
        square = sp.csc_array(equalities[:, self._state])
        self._factor: SuperLU = splu(sp.csc_matrix(square))
        state = solve_columns(self._factor, square, sp.csc_array(-equalities[:, self._free])).tocoo()
        entries = np.concatenate([np.ones(self._free.size), state.data])
        places = (
            np.concatenate([self._free, self._state[state.row]]),
            np.concatenate([np.arange(self._free.size), state.col]),
        )
        # All columns as a function of the free ones, less what the right-hand sides make of the state.
        self._by_free = sp.csr_array((entries, places), shape=(columns, self._free.size))
        self._to_free = self._by_free.T.tocsr()

        limited = np.isfinite(program.col_lower[self._state]) | np.isfinite(program.col_upper[self._state])
        self._limited = self._state[limited]
        limits = sp.identity(columns, format="csr")[self._limited, :]
        self._all = sp.csr_array(sp.vstack([program.matrix, limits], format="csr"))
        self._to_state = sp.csr_array(self._all[:, self._state].T)
        group = np.concatenate([period_numbers(program.rows), period_numbers(program.columns)[self._limited]])
        in_family = np.zeros(group.size, dtype=bool)
        for block in (program.rows[name] for name in families):
            group[block.slice] = group.max(initial=-1) + 1 + np.arange(block.size) // block.shape[-1]
            in_family[block.slice] = True
        kinds, self._column_kind = kind_numbers(program.rows), kind_numbers(program.columns)
        self._row_kind = np.concatenate([kinds, kinds.max(initial=0) + 1 + self._column_kind[self._limited]])

        others = np.setdiff1d(np.arange(self._rows), self._state_rows)
        lazy = (np.diff(self._all[others, :][:, self._state].indptr) > 0) & (
            program.row_lower[others] != program.row_upper[others]
        )
        if implied is not None:
            lazy |= np.isin(others, implied)
        ids = np.concatenate([others[lazy], self._rows + np.arange(self._limited.size)])
        self._lazy = LazyRows(ids, group[ids], in_family[ids], sp.csr_array(self._all[ids, :]))
        self._core = _Loaded(others[~lazy], self._reduce(self._all[others[~lazy], :]))
        self._loaded = self._core
        self._handle: Handle | None = None
        self._start: tuple[_Loaded, object] | None = None
        self._cuts = program.matrix, sp.csr_array((0, columns))
        self._bases: list[tuple[FloatArray, FloatArray, FloatArray]] = []

    @property
    def solver_name(self) -> str:
        """Name and version of the solver that holds the model."""
        return self._solver if self._handle is None else self._handle.name

    @property
    def free(self) -> IntArray:
        """Columns of the program that are not eliminated, in the order of a reduced instance."""
        return self._free

    @property
    def row_ids(self) -> IntArray:
        """Ids of all rows of the reduced program: those of the program that are not eliminated, then state limits."""
        return np.setdiff1d(np.arange(self._all.shape[0]), self._state_rows)

    def explicit(self, instance: Instance, ids: IntArray) -> Instance:
        """Return the reduced program over the :attr:`free` columns with the rows ``ids``, all at once.

        Parameters
        ----------
        instance
            The program bound to a day, without cuts.
        ids
            Rows to state, of :attr:`row_ids`.
        """
        lower, upper = self.limits(instance, ids)
        return Instance(
            self.rows_of(ids),
            self._free_cost(instance),
            lower,
            upper,
            instance.col_lower[self._free],
            instance.col_upper[self._free],
        )

    def rows_of(self, ids: IntArray) -> sp.csr_array:
        """Return the rows ``ids`` over the :attr:`free` columns."""
        return self._reduce(self._all[ids, :])

    def limits(self, instance: Instance, ids: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return the lower and upper limits of the rows ``ids`` over the :attr:`free` columns."""
        lower, upper, _, shift = self._limits(instance, self._beyond(instance))
        return (lower - shift)[ids], (upper - shift)[ids]

    def entries(self, ids: IntArray, y: FloatArray, z: FloatArray) -> FloatArray:
        """Return the entries of the rows ``ids``: rows from ``y``, state limits from the columns ``z``."""
        return np.concatenate([y[: self._rows], z[self._limited]])[ids]

    def row_kinds(self, ids: IntArray) -> IntArray:
        """Return a number for every row that the same row of other periods shares."""
        return np.asarray(self._row_kind[ids])

    def column_kinds(self) -> IntArray:
        """Return the same for the :attr:`free` columns."""
        return np.asarray(self._column_kind[self._free])

    def lift_point(self, instance: Instance, free: FloatArray) -> FloatArray:
        """Return all columns of ``instance`` for a point of its reduced program."""
        x = self._by_free @ free
        x[self._state] += self._factor.solve(instance.row_lower[self._state_rows])
        return np.asarray(x)

    def lift_multipliers(self, instance: Instance, ids: IntArray, multipliers: FloatArray) -> FloatArray:
        """Return the multipliers of all rows of ``instance`` for those of the rows ``ids``; all others are zero."""
        by_id = np.zeros(self._all.shape[0])
        by_id[ids] = multipliers
        return self._lift(instance, by_id)

    def remember(self) -> None:
        """Make the present rows (without cuts) and the present basis the start after every :meth:`rewind`."""
        if self._handle is None:
            return
        own = self._loaded.ids < self._all.shape[0]
        if not own.all():  # cuts belong to one day: start the next from a model without them
            self._start = (_Loaded(self._loaded.ids[own], self._loaded.matrix[own, :]), None)
            self._handle = None
        else:
            self._start = (self._loaded, self._handle.basis())

    def rewind(self) -> None:
        """Go back to the remembered rows and basis, or to an unsolved model if none were remembered."""
        loaded, basis = self._start if self._start is not None else (self._core, None)
        if basis is None or self._handle is None:
            self._handle = None
        else:
            self._handle.drop_rows(loaded.ids.size)
            self._handle.restore(basis)
        self._loaded = loaded

    def solve(self, instance: Instance) -> Solution:
        """Solve an instance of the program; it may carry cuts below the program's own rows.

        Returns
        -------
        Solution
            ``x`` and ``y`` in the full instance's numbering.
        """
        return self._lifted(instance, self._in_passes(instance, self._solve_loaded))

    def point(self, instance: Instance) -> Solution:
        """Solve like :meth:`solve`, for a caller that needs no multipliers: ``y`` is empty."""
        found = self._in_passes(instance, self._solve_loaded)
        return Solution(found.answer.status, found.x, np.zeros(0), found.seconds)

    def glance(self, instance: Instance) -> Solution:
        """Solve with the rows at hand alone, for a caller that has more rows to add before it needs an answer.

        The rows that the solution violates are taken up for the next time.
        """
        return self._lifted(instance, self._in_passes(instance, self._answer, most=1))

    def _lifted(self, instance: Instance, found: _Pass[Solution]) -> Solution:
        """Return a solution in the full instance's numbering."""
        answer = found.answer
        if answer.status is not Status.OPTIMAL:
            return Solution(answer.status, answer.x, answer.y, found.seconds)
        by_id = np.zeros(self._all.shape[0] + instance.shape[0] - self._rows)
        by_id[self._loaded.ids[: found.rows]] = answer.y
        return Solution(Status.OPTIMAL, found.x, self._lift(instance, by_id), found.seconds)

    def solve_mixed(self, instance: Instance, integer: BoolArray) -> MixedSolution:
        """Solve an instance in which some columns, none of them a state column, are integer.

        Rows are taken up by the linear relaxation first, and then as mixed-integer answers violate them.

        Returns
        -------
        MixedSolution
            ``x`` in the full instance's numbering.
        """
        relaxed = self.solve(instance)
        if relaxed.status is not Status.OPTIMAL:
            return MixedSolution(relaxed.status, relaxed.x, np.inf, np.inf, relaxed.seconds)
        if not integer.any():
            objective = float(instance.cost @ relaxed.x)
            return MixedSolution(relaxed.status, relaxed.x, objective, objective, relaxed.seconds)
        free = integer[self._free]
        found = self._in_passes(instance, lambda bound: solve_mixed(bound, free, self._solver))
        answer, x, seconds = found.answer, found.x, found.seconds + relaxed.seconds
        if answer.status is not Status.OPTIMAL:
            return replace(answer, seconds=seconds)
        constant = float(instance.cost @ x) - answer.objective  # what the eliminated columns cost in any case
        return MixedSolution(answer.status, x, answer.objective + constant, answer.bound + constant, seconds)

    def _in_passes(
        self, instance: Instance, solve: Callable[[Instance], Answer], most: int = MAXIMUM_PASSES
    ) -> _Pass[Answer]:
        """Solve with the rows at hand, take up what the answer violates, and again, at most a number of times."""
        beyond = self._beyond(instance)
        lower, upper, base, shift = self._limits(instance, beyond)
        low, high, cost = lower - shift, upper - shift, self._free_cost(instance)
        known = self._all.shape[0] + np.count_nonzero(self._loaded.ids >= self._all.shape[0])  # cuts come in order
        self._take_up(np.arange(known, lower.size), beyond, low, high)
        columns, seconds = (instance.col_lower[self._free], instance.col_upper[self._free]), 0.0
        for _ in range(most):
            ids = self._loaded.ids
            answer = solve(Instance(self._loaded.matrix, cost, low[ids], high[ids], *columns))
            seconds += answer.seconds
            if answer.status is not Status.OPTIMAL:
                return _Pass(answer, answer.x, ids.size, seconds)
            x = base + self._by_free @ answer.x
            fresh = self._lazy.violated(x, lower, upper, self._loaded.ids)
            self._take_up(fresh, beyond, low, high)
            if not fresh.size or most == 1:
                return _Pass(answer, x, ids.size, seconds)
        raise SolverError(f"rows were still violated after {MAXIMUM_PASSES} passes")

    def _free_cost(self, instance: Instance) -> FloatArray:
        """Return the cost of the free columns, with what the state that they make costs."""
        if instance.cost[self._state].any():
            return np.asarray(self._to_free @ instance.cost)
        return np.asarray(instance.cost[self._free])

    def _beyond(self, instance: Instance) -> sp.csr_array:
        """Return the rows that an instance has beyond the program's own; the solves of a day mostly share them."""
        if self._cuts[0] is not instance.matrix:
            self._cuts = instance.matrix, last_rows(instance.matrix, self._rows)
        return self._cuts[1]

    def _reduce(self, matrix: sp.csr_array) -> sp.csr_array:
        """Express rows over all columns in the free ones; those that touch no other are only numbered anew."""
        place = self._place[matrix.indices]
        if place.min(initial=0) < 0:
            return sp.csr_array(matrix @ self._by_free)
        return sp.csr_array((matrix.data, place, matrix.indptr), shape=(matrix.shape[0], self._free.size))

    def _take_up(self, ids: IntArray, beyond: sp.csr_array, lower: FloatArray, upper: FloatArray) -> None:
        """Hand rows to the solver: some of the program's own or, one after the other, some beyond them."""
        if not ids.size:
            return
        own = self._all.shape[0]
        matrix = self._reduce(self._all[ids, :] if ids[0] < own else last_rows(beyond, int(ids[0]) - own))
        if self._handle is not None:
            self._handle.add_rows(matrix, lower[ids], upper[ids])
        self._loaded = _Loaded(np.concatenate([self._loaded.ids, ids]), stack_rows(self._loaded.matrix, matrix))

    def _solve_loaded(self, bound: Instance) -> Solution:
        answer = self._answer(bound)
        if answer.status is Status.OPTIMAL and is_broken(bound, answer.x, LOST):  # a warm basis can lose its digits
            self._handle = self._opened(bound)
            return self._handle.solve()
        return answer

    def _answer(self, bound: Instance) -> Solution:
        """Return what the solver says, warm if it has solved before."""
        try:
            if self._handle is None:
                self._handle = self._opened(bound)
            else:
                self._handle.update(bound)
            return self._handle.solve()
        except ModelTooLargeError:
            log_fallback(*bound.shape)
            self._solver, self._start = "highs", None
            self._handle = self._opened(bound)
            return self._handle.solve()

    def _opened(self, bound: Instance) -> Handle:
        return open_handle(bound, self._solver, restored=self._restored, perturbed=False)

    def _limits(
        self, instance: Instance, beyond: sp.csr_array
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return the rows' limits by id, the state that the right-hand sides alone make, and its share of the rows."""
        own, sides = self._rows, ((instance.row_lower, instance.col_lower), (instance.row_upper, instance.col_upper))
        lower, upper = (np.concatenate([rows[:own], columns[self._limited], rows[own:]]) for rows, columns in sides)
        right = instance.row_lower[self._state_rows]
        known = next((each for each in self._bases if np.array_equal(each[0], right)), None)
        if known is None:  # the solves of a day share one or two
            base = np.zeros(instance.shape[1])
            base[self._state] = self._factor.solve(right)
            self._bases = [known := (right, base, self._all @ base), *self._bases[:1]]
        _, base, shift = known
        return lower, upper, base, np.concatenate([shift, beyond @ base]) if beyond.shape[0] else shift

    def _lift(self, instance: Instance, by_id: FloatArray) -> FloatArray:
        """Give every row of the full instance its multiplier: stationarity of the state columns fixes the rest."""
        y = np.concatenate([by_id[: self._rows], by_id[self._all.shape[0] :]])
        right = instance.cost[self._state] - self._to_state @ by_id[: self._all.shape[0]]
        beyond = self._beyond(instance)
        if self._place[beyond.indices].min(initial=0) < 0:
            right -= (beyond.T @ y[self._rows :])[self._state]
        y[self._state_rows] = self._factor.solve(right, trans="T")
        return y
