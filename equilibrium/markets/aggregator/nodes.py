"""Nodes of the search: the linear programs of a leader's problem with some columns held, and what is kept of them.

A node is both halves, or the one program that joins them, with pairs held on one side and pieces of graphs left out.
What is kept of a node that is not looked at now is what is held there, its optimum and its basis: so a tree can be gone
on with, at other costs or with prices between closer limits, and nothing that was learnt is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.markets.aggregator.cuts import joined
from equilibrium.markets.aggregator.halves import Halves
from equilibrium.markets.aggregator.order import Known, Order
from equilibrium.programs.program import INF, Instance
from equilibrium.programs.solvers import Status, open_handle
from equilibrium.programs.solvers.choose import require_optimal

Prices = Mapping[str, FloatArray]
"""The leader's prices by name, each of shape ``(periods,)``."""

NONE: IntArray = np.zeros(0, dtype=np.int64)
"""No columns."""


@dataclass(frozen=True, eq=False)
class Problem:
    """A leader's problem as it is searched, any number of times.

    Attributes
    ----------
    halves
        The problem.
    order
        What its rows compare.
    joint
        Both halves as one program, the columns of ``quantities`` first; ``None`` where no cut joins them.
    """

    halves: Halves
    order: Order
    joint: Instance | None

    @classmethod
    def of(cls, halves: Halves) -> Self:
        """Look for what joins two halves."""
        return cls(halves, Order(halves), joined(halves))

    def costing(self, halves: Halves) -> Self | None:
        """Return the problem at other costs, ``None`` where more than costs differs; cuts do not depend on costs."""
        if not self.halves.differs_in_costs(halves):
            return None
        cost = np.concatenate([halves.quantities.cost, halves.prices.cost])
        return replace(self, halves=halves, joint=None if self.joint is None else self.joint.with_cost(cost))

    @property
    def programs(self) -> tuple[Instance, ...]:
        """The programs of a node."""
        return (self.halves.quantities, self.halves.prices) if self.joint is None else (self.joint,)


@dataclass(frozen=True, eq=False)
class Side:
    """One program of a node: bounds, optimum, point and basis."""

    lower: FloatArray
    upper: FloatArray
    value: float
    point: FloatArray
    basis: object


class Program:
    """A linear program that is solved at many bounds, each time from a given basis.

    Attributes
    ----------
    instance
        The program.
    seconds
        Time inside the solver.
    """

    def __init__(self, instance: Instance) -> None:
        self.instance, self._handle = instance, open_handle(instance, restored=True)
        self.seconds = 0.0

    def solve(self, lower: FloatArray, upper: FloatArray, basis: object = None) -> Side:
        """Return the optimum between these limits of the columns; its value is infinite where there is none."""
        self._handle.hold(lower, upper)
        if basis is not None:
            self._handle.restore(basis)
        answer = self._handle.solve(multipliers=False)
        self.seconds += answer.seconds
        if answer.status is Status.INFEASIBLE:
            return Side(lower, upper, INF, answer.x, None)
        point = require_optimal(answer, "a node of the leader's problem").x
        return Side(lower, upper, float(self.instance.cost @ point), point, self._handle.basis())

    def costing(self, instance: Instance) -> None:
        """Go on at the costs of another program that is this one but for them."""
        self.instance = instance
        self._handle.update(instance)

    def held(self, side: Side, column: IntArray, at: FloatArray) -> Side:
        """Return the optimum with some columns held; nothing is solved where they stand there already."""
        if not column.size:
            return side
        lower, upper = side.lower.copy(), side.upper.copy()
        lower[column] = upper[column] = at
        if (side.point[column] == at).all():
            return replace(side, lower=lower, upper=upper)
        return self.solve(lower, upper, side.basis)


@dataclass(frozen=True, eq=False)
class Node:
    """A node that is being looked at.

    Attributes
    ----------
    sides
        Its programs.
    known
        What is known of its pairs.
    banned
        Columns of the prices' program, pieces of graphs, that are zero.
    """

    sides: tuple[Side, ...]
    known: Known
    banned: IntArray

    @property
    def value(self) -> float:
        """The least sum of costs in it; infinite where there is none."""
        return sum(side.value for side in self.sides)


@dataclass(frozen=True, eq=False)
class Leaf:
    """What is kept of a node: its value, what is held in it, and the bases of its programs."""

    value: float
    zero: BoolArray
    positive: BoolArray
    banned: IntArray
    bases: tuple[object, ...]

    @classmethod
    def of(cls, node: Node) -> Self:
        """Keep a node."""
        bases = tuple(side.basis for side in node.sides)
        return cls(node.value, node.known.zero, node.known.positive, node.banned, bases)


class Nodes:
    """The nodes of a problem in which prices stand between limits.

    Parameters
    ----------
    problem
        The problem.
    low, high
        Limits of prices, where they are closer than the problem's own.
    programs
        Those of other nodes of the same problem, which these use too.
    """

    def __init__(
        self,
        problem: Problem,
        low: Prices | None = None,
        high: Prices | None = None,
        programs: tuple[Program, ...] | None = None,
    ) -> None:
        self.problem = problem
        halves, self._order = problem.halves, problem.order
        self.programs = tuple(Program(each) for each in problem.programs) if programs is None else programs
        self._first = 0 if problem.joint is None else halves.quantities.shape[1]
        given, at = halves.quantities, halves.quantity
        self.held_at = np.where(halves.upper, given.col_upper[at], given.col_lower[at])
        lower, upper = halves.prices.col_lower.copy(), halves.prices.col_upper.copy()
        for side, limit in ((lower, low), (upper, high)):
            for name, columns in halves.columns.items():
                if limit is not None and name in limit:
                    side[columns] = limit[name]
        self._limits = self._by_program((given.col_lower, given.col_upper), (lower, upper))

    @property
    def seconds(self) -> float:
        """Time inside the solver so far."""
        return sum(program.seconds for program in self.programs)

    def costing(self, problem: Problem) -> None:
        """Go on at other costs of the same problem."""
        self.problem = problem
        for program, instance in zip(self.programs, problem.programs, strict=True):
            program.costing(instance)

    def root(self) -> Node:
        """Return the node in which nothing is held."""
        sides = tuple(program.solve(*each) for program, each in zip(self.programs, self._limits, strict=True))
        return Node(sides, self._order.start(), NONE)

    def prices(self, node: Node) -> FloatArray:
        """Return the point of the prices' program."""
        return node.sides[-1].point[self._first :]

    def part(self, node: Node, known: Known, banned: IntArray = NONE) -> Node:
        """Return the part of a node in which more is known, and more columns of the prices' program are zero."""
        new, zero = known.positive & ~node.known.positive, known.zero & ~node.known.zero
        parts = zip(self.programs, node.sides, self._held(new, zero, banned), strict=True)
        sides = tuple(program.held(side, *each) for program, side, each in parts)
        return Node(sides, known, np.concatenate([node.banned, banned]))

    def again(self, leaf: Leaf) -> Node | None:
        """Return a node that was kept, at the costs and limits of today; ``None`` where there is no point in it."""
        known = self._order.concluded(leaf.zero, leaf.positive)
        if known is None:
            return None
        sides = []
        held = self._held(known.positive, known.zero, leaf.banned)
        for program, limits, (column, at), basis in zip(self.programs, self._limits, held, leaf.bases, strict=True):
            lower, upper = limits[0].copy(), limits[1].copy()
            lower[column] = upper[column] = at
            sides.append(program.solve(lower, upper, basis))
        node = Node(tuple(sides), known, leaf.banned)
        return node if np.isfinite(node.value) else None

    def _held(self, positive: BoolArray, zero: BoolArray, banned: IntArray) -> list[tuple[IntArray, FloatArray]]:
        """Return the columns of each program that are held, and where."""
        halves = self.problem.halves
        none = self._first + np.concatenate([halves.multiplier[zero], banned])
        return self._by_program((halves.quantity[positive], self.held_at[positive]), (none, np.zeros(none.size)))

    def _by_program(
        self, one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return what is said of both halves' columns by the programs that hold them."""
        if len(self.programs) == 2:
            return [one, other]
        return [(np.concatenate([one[0], other[0]]), np.concatenate([one[1], other[1]]))]


def inside(prices: Prices, low: Prices, high: Prices) -> bool:
    """Whether prices stand between limits."""
    return all(bool(((prices[name] >= low[name]) & (prices[name] <= high[name])).all()) for name in low)


def clipped(prices: Prices, low: Prices, high: Prices) -> dict[str, FloatArray]:
    """Return the nearest prices between limits."""
    return {name: np.clip(value, low[name], high[name]) for name, value in prices.items()}
