"""Which of several operations of a schedule is published: the one closest to rest.

With the states of the generators given, a day is a linear program, and it may have many optima: reactive power that
costs nothing, reserve that several units could hold, a kWh that may be stored in either of two hours of one price. Of
all of them the one is published in which units stand still as far as they can: the least sum of squares of all powers,
of what sun and wind lose, and of the energy by which storage leaves that of the day's beginning
(:mod:`equilibrium.programs.closest`). So what is published depends neither on the solver nor on its way.

The states themselves are those of the best schedule where the search closed the gap and no other schedule is worth the
same. Where the gap is open, what is published is one schedule of those within it, and a note says so.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import SolverError
from equilibrium.markets.two_settlement.day_ahead import Compiled
from equilibrium.markets.two_settlement.search import Asked, DaySearch
from equilibrium.programs.branching import NEARLY_WHOLE, ROUNDS, Branched, Pairs, branch
from equilibrium.programs.closest import closest_optimum
from equilibrium.programs.program import GAP
from equilibrium.programs.solvers.confirm import SAME_VALUE

WAYS = 60
"""Choices of ways of storage that are looked at before the search's own is published."""


def unique_operation(search: DaySearch, asked: Asked, found: Branched) -> tuple[Branched, tuple[str, ...]]:
    """Return a schedule with the operation that is published.

    Where wasting energy pays, or costs nothing, storage would charge and discharge at once, and which unit of several
    goes which way may not matter. Then ways are taken up in a fixed order, each from the operation closest to rest: the
    first pair of those used most gives up what it uses less, and where that costs more than the schedule the other. The
    first operation in which no pair is used is published.

    Returns
    -------
    tuple
        The schedule, and a sentence where the search's own operation is published: where the gap is open, so that other
        states may be as good, or where the unique one was not found to the last digits.
    """
    if found.gap > SAME_VALUE:
        return found, ("the gap is open: what is published is one schedule of those within it",)
    try:
        return _unique(search, asked, found)
    except SolverError as error:
        return found, (f"the operation is one of several of this cost: {error}",)


def _unique(search: DaySearch, asked: Asked, found: Branched) -> tuple[Branched, tuple[str, ...]]:
    """Return a schedule with its unique operation, or with the search's ways of storage and a sentence that says so."""
    limit, pairs = found.objective + GAP * (1.0 + abs(found.objective)), search.pairs
    idle: list[tuple[int, ...]] = [()]
    for _ in range(WAYS):
        if not idle:
            break
        zero = idle.pop()
        best = _best(search, asked, found, zero)
        if best is None or best.objective > limit:
            continue
        best = _closest(search, best)
        split = _used(pairs, best.x)
        if split is None:
            return best, ()
        idle += [(*zero, split[1]), (*zero, split[0])]
    own = np.where(found.x[pairs.one] < found.x[pairs.other], pairs.one, pairs.other)
    told = f"storage goes the search's way, one of several of this cost: {WAYS} others did not settle it"
    return _closest(search, _best(search, asked, found, tuple(own.tolist())) or found), (told,)


def _best(search: DaySearch, asked: Asked, found: Branched, zero: tuple[int, ...]) -> Branched | None:
    """Return the optimum of a schedule's states with some columns at zero; None where there is none."""
    stated, given = search.stated(asked), np.flatnonzero(search.integer)
    state, at = np.round(found.x[given]), np.array(zero, dtype=np.int64)
    fixed = stated.with_columns(given, state, state).with_columns(at, 0.0, 0.0)
    if found.fixed.shape == fixed.shape and np.array_equal(found.fixed.col_upper, fixed.col_upper):
        return found  # the search has solved it
    answer = branch(fixed, np.zeros_like(search.integer), broken=search.broken, solver=search.solver)
    if not answer.x.size:
        return None
    parts = {name: getattr(answer, name) for name in ("instance", "x", "y", "fixed", "objective")}
    return replace(found, **parts)


def _closest(search: DaySearch, found: Branched) -> Branched:
    """Return a schedule at its point closest to rest.

    Rows of the network that the point breaks are taken up with no multiplier: the first point keeps them, so it is
    optimal with them too, and so is the one that comes out.
    """
    ideal = _rest(search.compiled, found.x.size)
    for _ in range(ROUNDS):
        x = closest_optimum(found.fixed, found.x, found.y, ideal)
        rows = search.broken(x)
        if rows is None:
            return replace(found, x=x, objective=float(found.fixed.cost @ x))
        fixed, instance = (
            each.with_rows(rows.matrix, rows.lower, rows.upper) for each in (found.fixed, found.instance)
        )
        found = replace(found, fixed=fixed, instance=instance, y=np.concatenate([found.y, np.zeros(rows.lower.size)]))
    raise SolverError(f"the operation to be published broke limits of the grid {ROUNDS} times in succession")


def _used(pairs: Pairs, x: FloatArray) -> tuple[int, int] | None:
    """Return the first pair of those that are used most, what is used less first; None where none is used."""
    one, other = x[pairs.one], x[pairs.other]
    both = np.minimum(one, other)
    if both.max(initial=0.0) <= NEARLY_WHOLE:
        return None
    k = int(np.argmax(both >= both.max() - NEARLY_WHOLE))
    ends = int(pairs.one[k]), int(pairs.other[k])
    return ends if one[k] < other[k] - NEARLY_WHOLE else (ends[1], ends[0])


def _rest(compiled: Compiled, columns: int) -> FloatArray:
    """Return where every column would rather stand."""
    ideal, system = np.zeros(columns), compiled.setting.system
    for each in compiled.scenarios:
        ideal[each.renewable] = compiled.instance.col_upper[each.renewable]
        ideal[each.energy] = [unit.initial_kwh for unit in system.storages]
    return ideal
